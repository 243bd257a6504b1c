//! Columns of types that PostgreSQL has and SQLite has not, so that one schema in Rust gives the SQL of both.
//!
//! A column is declared for SQLite as [`translate`](crate::translate) declares it, so [`to_postgres`] knows it again.
//! **Invariant:** a schema of these columns is translated without a remark, and comes back as it was.
//!
//! [`to_postgres`]: crate::translate::to_postgres

use super::{Check, ColumnBuilder, TableBuilder, written};
use crate::error::{Code, Error};
use crate::sqlite::token::{display_name, quote_text};
use crate::translate;

impl TableBuilder {
    /// Adds a column of true and false: an INTEGER that is 0 or 1, and `boolean` for PostgreSQL.
    ///
    /// This column and the ones below are of types that PostgreSQL has and SQLite has not. One schema of them gives the
    /// SQL of both; what the device and the server keep of each stands in [`crate::translate`]:
    ///
    /// ```
    /// use whimbrel_core::{Schema, sqlite::print, translate::to_postgres};
    /// let schema = Schema::builder()
    ///     .table("notes", |t| {
    ///         t.uuid("id").primary_key().not_null().default_new_uuid();
    ///         t.text("body").not_null();
    ///         t.choice("kind", &["plain", "list"]).not_null().default("'plain'");
    ///         t.boolean("done").not_null().default("0");
    ///         t.portable("price", "numeric(10, 2)");
    ///         t.timestamp("created_at").not_null().default_now();
    ///     })
    ///     .build()?;
    /// assert_eq!(print::to_sql(&schema), "\
    /// CREATE TABLE notes (
    ///   id UUID TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || \
    /// substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || \
    /// '-' || hex(randomblob(6)))),
    ///   body TEXT NOT NULL,
    ///   kind TEXT NOT NULL DEFAULT 'plain' CHECK (kind IN ('plain', 'list')),
    ///   done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
    ///   price NUMERIC(10, 2),
    ///   created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    /// );
    /// ");
    /// let for_server = to_postgres(&schema);
    /// assert_eq!(for_server.sql, "\
    /// CREATE TABLE notes (
    ///     id uuid NOT NULL DEFAULT gen_random_uuid(),
    ///     body text NOT NULL,
    ///     kind text NOT NULL DEFAULT 'plain',
    ///     done boolean NOT NULL DEFAULT false,
    ///     price numeric(10,2),
    ///     created_at timestamp with time zone NOT NULL DEFAULT now(),
    ///     CONSTRAINT notes_pkey PRIMARY KEY (id),
    ///     CONSTRAINT notes_kind_check CHECK (kind IN ('plain', 'list'))
    /// );
    /// ");
    /// assert!(for_server.remarks.is_empty());
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn boolean(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.portable(name, "boolean")
    }

    /// Adds a column of identifiers: text in lower case with hyphens, and `uuid` for PostgreSQL.
    pub fn uuid(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.portable(name, "uuid")
    }

    /// Adds a column of points in time: `2026-01-31T12:00:00.000Z`, and `timestamptz` for PostgreSQL.
    pub fn timestamp(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.portable(name, "timestamptz")
    }

    /// Adds a column of days: `2026-01-31`, and `date` for PostgreSQL.
    pub fn date(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.portable(name, "date")
    }

    /// Adds a column of JSON: text that is valid JSON, and `jsonb` for PostgreSQL.
    pub fn json(&mut self, name: &str) -> ColumnBuilder<'_> {
        self.portable(name, "jsonb")
    }

    /// Adds a column that is one of several texts, on both sides. Choices can be added and removed like any condition.
    pub fn choice(&mut self, name: &str, choices: &[&str]) -> ColumnBuilder<'_> {
        self.text(name).check(&one_of(name, choices))
    }

    /// Adds a column of an enum, which several tables may have: a text with a CHECK that is called after the enum, and a
    /// type of this name for PostgreSQL.
    ///
    /// ```
    /// use whimbrel_core::{Schema, translate::to_postgres};
    /// let schema = Schema::builder().table("notes", |t| { t.enumeration("mood", "mood", &["glad", "sad"]); }).build()?;
    /// assert!(to_postgres(&schema).sql.starts_with("CREATE TYPE mood AS ENUM ('glad', 'sad');\n"));
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn enumeration(&mut self, name: &str, enum_name: &str, labels: &[&str]) -> ColumnBuilder<'_> {
        self.table.checks.push(Check {
            name: Some(translate::name_of_enum_check(enum_name)),
            expression: written(one_of(name, labels)),
            at_column: Some(name.to_owned()),
        });
        self.text(name)
    }

    /// Adds a column of a type as PostgreSQL calls it: `varchar(200)`, `numeric(10, 2)`, `integer`, `text[]`, `inet`. It is
    /// declared for SQLite with a condition that keeps out what the server would refuse, where a short one can tell that.
    ///
    /// ```
    /// use whimbrel_core::{Code, Schema};
    /// let schema = Schema::builder()
    ///     .table("pages", |t| {
    ///         t.portable("title", "varchar(200)").not_null();
    ///         t.portable("tags", "text[]").not_null().default("'[]'");
    ///     })
    ///     .build()?;
    /// let title = &schema.tables[0].checks[0];
    /// assert_eq!(title.expression.text(), "length(title) <= 200");
    ///
    /// let unknown = Schema::builder().table("places", |t| { t.portable("at", "point"); }).build();
    /// assert_eq!(unknown.unwrap_err().code(), Code::Unsupported);
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn portable(&mut self, name: &str, postgres_type: &str) -> ColumnBuilder<'_> {
        let Some(declared) = translate::declared(postgres_type, name) else {
            let path = format!("{}.{name}", self.table.name);
            let problem = format!("{path} has the type {postgres_type}, which SQLite has nothing like");
            let problem = Error::new(Code::Unsupported, problem).object(path).help(
                "declare it with `column` as SQLite is to keep it, or look in docs/translate.md for another type",
            );
            self.problem.get_or_insert(problem);
            return self.text(name);
        };
        let column = self.column(name, &declared.declared_type);
        let column = match declared.collation {
            Some(collation) => column.collate(collation),
            None => column,
        };
        match declared.check {
            Some(check) => column.check(&check),
            None => column,
        }
    }
}

impl ColumnBuilder<'_> {
    /// The time of now by default, in the form that the column keeps: of [`timestamp`](TableBuilder::timestamp), of
    /// [`date`](TableBuilder::date), or of `timestamp` and `time`.
    pub fn default_now(mut self) -> Self {
        let now = translate::now(&self.column().declared_type);
        self.default(now)
    }

    /// A new identifier by default, of version 4.
    pub fn default_new_uuid(self) -> Self {
        self.default(translate::NEW_UUID)
    }
}

/// `kind IN ('plain', 'list')`
fn one_of(name: &str, choices: &[&str]) -> String {
    let list: Vec<String> = choices.iter().map(|choice| quote_text(choice)).collect();
    format!("{} IN ({})", display_name(name), list.join(", "))
}
