//! A schema written in Rust.
//!
//! The builder prints SQL and reads it back, so it gives exactly the values that SQL text gives, and a mistake in an
//! expression is found in the same place.
//!
//! Columns that a schema for PostgreSQL shares stand in `builder/portable.rs`.

use super::*;
use crate::error::{Error, Result};
use crate::sqlite::print::to_sql;

mod portable;

/// Collects declarations; made by [`Schema::builder`].
#[derive(Debug, Default)]
pub struct SchemaBuilder {
    schema: Schema,
    raw: Vec<String>,
    problem: Option<Error>,
}

/// Collects the columns and constraints of one table.
#[derive(Debug, Default)]
pub struct TableBuilder {
    table: Table,
    problem: Option<Error>,
}

/// The column that was added last.
#[derive(Debug)]
pub struct ColumnBuilder<'t> {
    table: &'t mut Table,
    at: usize,
}

impl Schema {
    /// Starts a schema written in Rust.
    ///
    /// ```
    /// use whimbrel_core::{Schema, schema::Action};
    /// let schema = Schema::builder()
    ///     .table("teams", |t| {
    ///         t.integer("id").primary_key();
    ///         t.text("name").not_null().unique();
    ///     })
    ///     .table("users", |t| {
    ///         t.integer("id").primary_key().autoincrement();
    ///         t.text("mail").not_null().collate("NOCASE");
    ///         t.text("role").not_null().default("'user'").check("role IN ('user', 'admin')");
    ///         t.integer("team_id").references("teams", &["id"]).on_delete(Action::Cascade);
    ///         t.strict();
    ///     })
    ///     .unique_index("users_mail", "users", &["mail"])
    ///     .view("admins", "SELECT * FROM users WHERE role = 'admin'")
    ///     .build()?;
    /// let same = Schema::from_sql("
    ///     CREATE TABLE teams(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    ///     CREATE TABLE users(
    ///         id INTEGER PRIMARY KEY AUTOINCREMENT,
    ///         mail TEXT NOT NULL COLLATE NOCASE,
    ///         role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    ///         team_id INTEGER REFERENCES teams(id) ON DELETE CASCADE
    ///     ) STRICT;
    ///     CREATE UNIQUE INDEX users_mail ON users(mail);
    ///     CREATE VIEW admins AS SELECT * FROM users WHERE role = 'admin';")?;
    /// assert_eq!(schema.fingerprint(), same.fingerprint());
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder::default()
    }
}

fn written(text: impl Into<String>) -> Expression {
    let text = text.into();
    Expression::new(text.clone(), text)
}

impl SchemaBuilder {
    /// Declares a table.
    pub fn table(mut self, name: &str, declare: impl FnOnce(&mut TableBuilder)) -> Self {
        let mut builder = TableBuilder { table: Table { name: name.into(), ..Table::default() }, problem: None };
        declare(&mut builder);
        self.schema.tables.push(Arc::new(builder.table));
        self.problem = self.problem.or(builder.problem);
        self
    }

    /// Declares an index on columns.
    pub fn index(self, name: &str, table: &str, columns: &[&str]) -> Self {
        self.any_index(name, table, columns, false)
    }

    /// Declares a UNIQUE index on columns.
    pub fn unique_index(self, name: &str, table: &str, columns: &[&str]) -> Self {
        self.any_index(name, table, columns, true)
    }

    fn any_index(mut self, name: &str, table: &str, columns: &[&str], unique: bool) -> Self {
        let parts = columns.iter().map(|c| KeyPart::column(*c)).collect();
        let index = Index { name: name.into(), table: table.into(), unique, parts, ..Index::default() };
        self.schema.indexes.push(index);
        self
    }

    /// Declares a view by its SELECT.
    pub fn view(mut self, name: &str, select: &str) -> Self {
        let (columns, definition, origin) = (Vec::new(), None, Origin::default());
        self.schema.views.push(View { name: name.into(), columns, body: written(select), definition, origin });
        self
    }

    /// Declares whatever the other methods have no word for, as `CREATE` statements: triggers, partial indexes and
    /// indexes on expressions, virtual tables.
    ///
    /// ```
    /// use whimbrel_core::Schema;
    /// let schema = Schema::builder()
    ///     .table("notes", |t| { t.text("body"); })
    ///     .sql("CREATE INDEX notes_length ON notes(length(body)) WHERE body <> ''")
    ///     .build()?;
    /// assert!(schema.indexes[0].predicate.is_some());
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn sql(mut self, statements: &str) -> Self {
        self.raw.push(statements.into());
        self
    }

    /// The finished schema.
    ///
    /// # Errors
    /// As [`Schema::from_sql`]; the place is one in the SQL that the builder printed. [`Code::Unsupported`] for a type of
    /// PostgreSQL's that SQLite has nothing like.
    ///
    /// [`Code::Unsupported`]: crate::Code::Unsupported
    pub fn build(self) -> Result<Schema> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut sources = vec![Source { name: "the schema builder".into(), text: to_sql(&self.schema) }];
        sources.extend(self.raw.into_iter().map(|text| Source { name: "SQL in the schema builder".into(), text }));
        let mut schema = Schema::from_sources(sources)?;
        for declared in self.schema.tables {
            let Some(table) = schema.tables.iter_mut().find(|t| same_name(&t.name, &declared.name)) else {
                continue;
            };
            let table = Arc::make_mut(table);
            table.id = declared.id;
            table.renamed_from.clone_from(&declared.renamed_from);
            for (column, declared) in table.columns.iter_mut().zip(&declared.columns) {
                column.id = declared.id;
                column.renamed_from.clone_from(&declared.renamed_from);
                let text = declared.backfill.as_ref().map(Expression::text);
                column.backfill = text.map(crate::sqlite::read::backfill).transpose()?;
            }
        }
        Ok(schema)
    }
}

impl TableBuilder {
    /// Adds a column of any declared type.
    pub fn column(&mut self, name: &str, declared_type: &str) -> ColumnBuilder<'_> {
        let column = Column { name: name.into(), declared_type: declared_type.into(), ..Column::default() };
        self.table.columns.push(column);
        ColumnBuilder { at: self.table.columns.len() - 1, table: &mut self.table }
    }

    /// Adds an INTEGER column.
    pub fn integer(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.column(name, "INTEGER")
    }

    /// Adds a TEXT column.
    pub fn text(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.column(name, "TEXT")
    }

    /// Adds a REAL column.
    pub fn real(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.column(name, "REAL")
    }

    /// Adds a BLOB column.
    pub fn blob(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.column(name, "BLOB")
    }

    /// Declares a primary key of several columns.
    pub fn primary_key(&mut self, columns: &[&str]) -> &mut Self {
        let columns = columns.iter().map(|c| KeyPart::column(*c)).collect();
        self.table.primary_key = Some(PrimaryKey { columns, ..PrimaryKey::default() });
        self
    }

    /// Declares several columns UNIQUE together.
    pub fn unique(&mut self, columns: &[&str]) -> &mut Self {
        let columns = columns.iter().map(|c| KeyPart::column(*c)).collect();
        self.table.uniques.push(Unique { columns, ..Unique::default() });
        self
    }

    /// Declares a condition that every row satisfies, with a name for messages.
    pub fn check(&mut self, name: &str, condition: &str) -> &mut Self {
        let (name, expression) = (Some(name.to_owned()), written(condition));
        self.table.checks.push(Check { name, expression, at_column: None });
        self
    }

    /// Declares a foreign key of several columns.
    pub fn foreign_key(&mut self, columns: &[&str], parent: &str, parent_columns: &[&str]) -> &mut ForeignKey {
        self.table.foreign_keys.push(ForeignKey {
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            parent: parent.into(),
            parent_columns: parent_columns.iter().map(|c| (*c).to_owned()).collect(),
            ..ForeignKey::default()
        });
        let last = self.table.foreign_keys.len() - 1;
        &mut self.table.foreign_keys[last]
    }

    /// Makes the table STRICT.
    pub fn strict(&mut self) -> &mut Self {
        self.table.strict = true;
        self
    }

    /// Makes the table WITHOUT ROWID.
    pub fn without_rowid(&mut self) -> &mut Self {
        self.table.without_rowid = true;
        self
    }

    /// Gives the table a number that stays when its name changes; with it a rename needs no question.
    pub fn id(&mut self, id: Id) -> &mut Self {
        self.table.id = Some(id);
        self
    }

    /// Says what the table was called before.
    pub fn renamed_from(&mut self, old: &str) -> &mut Self {
        self.table.renamed_from = Some(old.into());
        self
    }
}

impl ColumnBuilder<'_> {
    fn column(&mut self) -> &mut Column {
        &mut self.table.columns[self.at]
    }

    fn key(mut self, set: impl FnOnce(&mut ForeignKey)) -> Self {
        let name = self.column().name.clone();
        if let Some(key) = self.table.foreign_keys.last_mut().filter(|k| k.at_column.as_ref() == Some(&name)) {
            set(key);
        }
        self
    }

    /// Makes the column the primary key.
    pub fn primary_key(mut self) -> Self {
        let columns = vec![KeyPart::column(self.column().name.clone())];
        self.table.primary_key = Some(PrimaryKey { columns, at_column: true, ..PrimaryKey::default() });
        self
    }

    /// Never gives an id twice, for an INTEGER primary key.
    pub fn autoincrement(self) -> Self {
        if let Some(key) = &mut self.table.primary_key {
            key.autoincrement = true;
        }
        self
    }

    /// Refuses NULL.
    pub fn not_null(mut self) -> Self {
        self.column().not_null = Some(NotNull::default());
        self
    }

    /// Refuses a value that another row has.
    pub fn unique(mut self) -> Self {
        let columns = vec![KeyPart::column(self.column().name.clone())];
        self.table.uniques.push(Unique { columns, ..Unique::default() });
        self
    }

    /// The default, as SQL: `"0"`, `"'user'"`, `"CURRENT_TIMESTAMP"`, `"lower(hex(randomblob(16)))"`.
    pub fn default(mut self, sql: &str) -> Self {
        self.column().default = Some(written(sql));
        self
    }

    /// The collation.
    pub fn collate(mut self, collation: &str) -> Self {
        self.column().collation = Some(collation.into());
        self
    }

    /// A condition on the column.
    pub fn check(mut self, condition: &str) -> Self {
        let at_column = Some(self.column().name.clone());
        self.table.checks.push(Check { name: None, expression: written(condition), at_column });
        self
    }

    /// Computes the column when it is read.
    pub fn generated(mut self, expression: &str) -> Self {
        self.column().generated = Some(Generated { expression: written(expression), stored: false });
        self
    }

    /// Computes the column when the row is written.
    pub fn generated_stored(mut self, expression: &str) -> Self {
        self.column().generated = Some(Generated { expression: written(expression), stored: true });
        self
    }

    /// Refers to a row of another table.
    pub fn references(mut self, parent: &str, parent_columns: &[&str]) -> Self {
        let name = self.column().name.clone();
        self.table.foreign_keys.push(ForeignKey {
            columns: vec![name.clone()],
            parent: parent.into(),
            parent_columns: parent_columns.iter().map(|c| (*c).to_owned()).collect(),
            at_column: Some(name),
            ..ForeignKey::default()
        });
        self
    }

    /// What deleting the parent does; follows [`references`](Self::references).
    pub fn on_delete(self, action: Action) -> Self {
        self.key(|key| key.on_delete = action)
    }

    /// What changing the parent's key does; follows [`references`](Self::references).
    pub fn on_update(self, action: Action) -> Self {
        self.key(|key| key.on_update = action)
    }

    /// Gives the column a number that stays when its name changes; with it a rename needs no question.
    pub fn id(mut self, id: Id) -> Self {
        self.column().id = Some(id);
        self
    }

    /// Says what the column was called before.
    pub fn renamed_from(mut self, old: &str) -> Self {
        self.column().renamed_from = Some(old.into());
        self
    }

    /// The value for rows that have none when the column is added or becomes NOT NULL, as SQL.
    pub fn backfill(mut self, sql: &str) -> Self {
        self.column().backfill = Some(written(sql));
        self
    }
}
