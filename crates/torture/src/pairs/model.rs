//! A small model of a schema, of this layer's own: what a random schema is made of, and how it is written as SQL.
//!
//! Tables, columns, views and the rest have ids, and refer to each other by them: what was renamed is what has the same id
//! and another name. It knows enough of SQLite to say what a valid schema is ([`Schema::prune`]), and no more.

use std::fmt::Write;

use whimbrel_oracle::quoted;

/// What tells things apart, whatever they are called.
pub type Id = u32;

/// A schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its views; each reads a table or a view before it.
    pub views: Vec<View>,
    /// Its triggers.
    pub triggers: Vec<Trigger>,
    /// Its full-text tables.
    pub searches: Vec<Search>,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its primary key.
    pub key: Option<Key>,
    /// Its UNIQUE constraints.
    pub uniques: Vec<Unique>,
    /// Its CHECK constraints.
    pub checks: Vec<Check>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// Whether it is STRICT.
    pub strict: bool,
    /// Whether it is WITHOUT ROWID.
    pub without_rowid: bool,
    /// How its columns are called in expressions, and whether there are comments.
    pub spelling: Spelling,
}

/// How a name is written where it is used. None of it means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// In double quotes.
    Quoted,
    /// Without quotes where none are needed.
    Bare,
    /// In brackets where that can be.
    Brackets,
    /// In backticks.
    Backticks,
    /// In the other case.
    OtherCase,
    /// With the table's name before it in CHECK, and with comments between columns.
    Wordy,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its type.
    pub declared: &'static str,
    /// Whether it is NOT NULL, and what happens then.
    pub not_null: Option<Conflict>,
    /// Its default.
    pub default: Value,
    /// Its collation.
    pub collation: Collation,
    /// What it is computed by.
    pub generated: Option<Generated>,
    /// The old column from which rows get a value that have none.
    pub fill: Option<Id>,
}

/// What happens where a constraint is violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Nothing is said.
    Unsaid,
    /// `ON CONFLICT REPLACE`.
    Replace,
    /// `ON CONFLICT IGNORE`.
    Ignore,
    /// `ON CONFLICT ROLLBACK`.
    Rollback,
}

impl Conflict {
    fn text(self) -> &'static str {
        match self {
            Conflict::Unsaid => "",
            Conflict::Replace => " ON CONFLICT REPLACE",
            Conflict::Ignore => " ON CONFLICT IGNORE",
            Conflict::Rollback => " ON CONFLICT ROLLBACK",
        }
    }
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collation {
    /// Byte by byte.
    Binary,
    /// Without regard to ASCII case.
    NoCase,
    /// Without regard to spaces at the end.
    Rtrim,
}

/// A default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// None is said.
    None,
    /// `NULL`.
    Null,
    /// A whole number.
    Integer(i64),
    /// A real.
    Real(f64),
    /// A text.
    Text(&'static str),
    /// The bytes of this text.
    Blob(&'static str),
    /// `TRUE`.
    True,
    /// An expression in parentheses that gives 42.
    Expression,
    /// The time at which a row is written.
    Now,
}

/// What a generated column is computed by.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The expression.
    pub expression: Computed,
    /// Whether it is STORED.
    pub stored: bool,
}

/// An expression over columns that the oracle can evaluate.
#[derive(Debug, Clone, PartialEq)]
pub enum Computed {
    /// A column's value.
    Copy(Id),
    /// The name of its storage class.
    TypeOf(Id),
    /// Its value, or 7.
    OrSeven(Id),
    /// Whether it is NULL.
    IsNull(Id),
}

impl Computed {
    /// The column that it reads.
    pub fn reads(&self) -> Id {
        match self {
            Computed::Copy(id) | Computed::TypeOf(id) | Computed::OrSeven(id) | Computed::IsNull(id) => *id,
        }
    }
}

/// A primary key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its columns.
    pub columns: Vec<Id>,
    /// Whether its first column stands in descending order.
    pub descending: bool,
    /// Whether it is written at its column.
    pub at_column: bool,
    /// Whether it has AUTOINCREMENT.
    pub autoincrement: bool,
    /// What happens where it is violated.
    pub conflict: Conflict,
}

/// A UNIQUE constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct Unique {
    /// Its columns.
    pub columns: Vec<Id>,
    /// What happens where it is violated.
    pub conflict: Conflict,
    /// Its name.
    pub name: Option<String>,
}

/// A CHECK constraint that the oracle can evaluate.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What must hold.
    pub rule: Rule,
    /// Its name.
    pub name: Option<String>,
}

/// What a CHECK demands.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The column is no blob.
    NoBlob(Id),
    /// The column is no text.
    NoText(Id),
    /// The column is NULL or a whole number.
    WholeOrNull(Id),
    /// Nothing.
    Anything(Id),
    /// Both columns are NULL, or neither is.
    BothOrNeither(Id, Id),
}

impl Rule {
    /// The columns that it reads.
    pub fn reads(&self) -> Vec<Id> {
        match self {
            Rule::NoBlob(id) | Rule::NoText(id) | Rule::WholeOrNull(id) | Rule::Anything(id) => vec![*id],
            Rule::BothOrNeither(a, b) => vec![*a, *b],
        }
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignKey {
    /// Its columns.
    pub columns: Vec<Id>,
    /// The table that it refers to.
    pub parent: Id,
    /// The columns there.
    pub parent_columns: Vec<Id>,
    /// Whether the columns there are left unsaid.
    pub implicit: bool,
    /// Actions and the like, as written.
    pub actions: &'static str,
}

/// An index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its columns, each with a collation of its own or its column's.
    pub columns: Vec<(Id, Option<Collation>)>,
    /// An expression over a column behind them, where it is not unique.
    pub lower: Option<Id>,
    /// Whether the first column stands in descending order.
    pub descending: bool,
    /// Whether it is unique.
    pub unique: bool,
    /// The column that must not be NULL for a row to be in it.
    pub partial: Option<Id>,
}

impl Index {
    fn mentions(&self, id: Id) -> bool {
        let others = self.lower.iter().chain(&self.partial);
        self.columns.iter().map(|(column, _)| column).chain(others).any(|column| *column == id)
    }
}

/// A view.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The table or view that it reads.
    pub from: Id,
    /// The columns of a table that it reads; none where it reads a view, or only counts.
    pub columns: Vec<Id>,
    /// How it is written: a number that chooses among a few ways.
    pub style: u8,
    /// Another table that it reads, and a column there.
    pub with: Option<(Id, Id)>,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The table or view that it belongs to.
    pub on: Id,
    /// `INSERT`, `DELETE` or `UPDATE`.
    pub event: &'static str,
    /// The columns of `UPDATE OF`, and what WHEN looks at.
    pub of: Vec<Id>,
    /// The table that its body writes to.
    pub writes: Id,
    /// The column there that its body names.
    pub column: Id,
    /// What its body does.
    pub body: Body,
}

/// What a trigger does. Each harms rows if it fires where it should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// It deletes all rows.
    Delete,
    /// It sets a column to NULL.
    Update,
    /// It inserts a row.
    Insert,
    /// It ends the transaction.
    Rollback,
    /// It updates and inserts with values of the row, and reads its own table.
    Both,
}

/// A full-text table of FTS5.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The table whose text it searches, and the columns there; none where it has rows of its own.
    pub of: Option<(Id, Vec<Id>)>,
}

impl Table {
    /// Whether the table can be made without its last column, and that be added later.
    pub fn can_begin_without_last(&self) -> bool {
        let Some(last) = self.columns.last().filter(|_| self.columns.len() > 1) else { return false };
        let has_value = !matches!(last.default, Value::None | Value::Null);
        let is_read_as_written = match last.default {
            Value::None | Value::Null => true,
            Value::Integer(_) | Value::Text(_) | Value::Blob(_) => !self.strict,
            Value::Real(_) | Value::True | Value::Expression | Value::Now => false,
        };
        let is_rowid = ["rowid", "oid", "_rowid_"].iter().any(|name| last.name.eq_ignore_ascii_case(name));
        is_read_as_written
            && !is_rowid
            && (last.not_null.is_none() || has_value)
            && self.checks.is_empty()
            && self.columns.iter().all(|column| column.generated.is_none())
            && !self.in_key(last.id)
            && !self.uniques.iter().any(|unique| unique.columns.contains(&last.id))
            && !self.foreign_keys.iter().any(|key| key.columns.contains(&last.id))
            && !self.indexes.iter().any(|index| index.unique && index.mentions(last.id))
    }

    /// The table without its last column, and without the indexes that are about it.
    pub fn without_last(&self) -> Table {
        let mut table = self.clone();
        if let Some(last) = table.columns.pop() {
            table.indexes.retain(|index| !index.mentions(last.id));
        }
        table
    }

    /// The column with this id.
    pub fn column(&self, id: Id) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// The place of the column with this id.
    pub fn place(&self, id: Id) -> Option<usize> {
        self.columns.iter().position(|column| column.id == id)
    }

    /// The column that is the rowid. `INTEGER PRIMARY KEY DESC` at a column is none
    /// (<https://www.sqlite.org/lang_createtable.html#rowid>).
    pub fn alias(&self) -> Option<Id> {
        let key = self.key.as_ref()?;
        let [id] = key.columns[..] else { return None };
        let is_integer = self.column(id)?.declared.eq_ignore_ascii_case("INTEGER");
        (is_integer && !self.without_rowid && !(key.at_column && key.descending)).then_some(id)
    }

    /// A name that the rowid can be read by.
    pub fn rowid_name(&self) -> Option<&'static str> {
        let is_free = |name: &&str| !self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        if self.without_rowid {
            return None;
        }
        ["rowid", "_rowid_", "oid"].into_iter().find(is_free)
    }

    /// Whether the primary key holds the column.
    pub fn in_key(&self, id: Id) -> bool {
        self.key.as_ref().is_some_and(|key| key.columns.contains(&id))
    }

    /// The keys that a foreign key can refer to: the columns of each.
    pub fn candidate_keys(&self) -> Vec<Vec<Id>> {
        let uniques = self.uniques.iter().map(|unique| unique.columns.clone());
        let key = self.key.iter().map(|key| key.columns.clone());
        key.chain(uniques).collect()
    }

    /// How the column is called in an expression.
    fn name_of(&self, id: Id) -> String {
        let Some(column) = self.column(id) else { return String::new() };
        let name = &column.name;
        match self.spelling {
            Spelling::Bare if is_plain(name) => name.clone(),
            Spelling::Brackets if !name.contains(']') => format!("[{name}]"),
            Spelling::Backticks => format!("`{}`", name.replace('`', "``")),
            Spelling::OtherCase => quoted(&other_case(name)),
            _ => quoted(name),
        }
    }

    fn names_of(&self, ids: &[Id]) -> String {
        ids.iter().map(|id| self.name_of(*id)).collect::<Vec<_>>().join(", ")
    }

    /// The statement that makes it.
    pub fn create(&self, schema: &Schema) -> String {
        let mut parts: Vec<String> = self.columns.iter().map(|column| self.column_text(schema, column)).collect();
        if let Some(key) = self.key.as_ref().filter(|key| !key.at_column) {
            let descending = if key.descending { " DESC" } else { "" };
            let names = self.names_of(&key.columns[..1]) + descending;
            let rest: String = key.columns[1..].iter().map(|id| format!(", {}", self.name_of(*id))).collect();
            parts.push(format!("PRIMARY KEY ({names}{rest}){}", key.conflict.text()));
        }
        for unique in &self.uniques {
            let name = constraint_name(unique.name.as_deref());
            parts.push(format!("{name}UNIQUE ({}){}", self.names_of(&unique.columns), unique.conflict.text()));
        }
        for check in &self.checks {
            parts.push(format!("{}CHECK ({})", constraint_name(check.name.as_deref()), self.rule_text(&check.rule)));
        }
        for key in self.foreign_keys.iter().filter(|key| key.columns.len() > 1) {
            let references = self.references(schema, key);
            parts.push(format!("FOREIGN KEY ({}){references}", self.names_of(&key.columns)));
        }
        let mut options = Vec::new();
        options.extend(self.strict.then_some("STRICT"));
        options.extend(self.without_rowid.then_some("WITHOUT ROWID"));
        let options = if options.is_empty() { String::new() } else { format!(" {}", options.join(", ")) };
        let between = if self.spelling == Spelling::Wordy { ", -- it's (\"one\"), two\n  " } else { ",\n  " };
        let end = if self.spelling == Spelling::Wordy { " /* the ) end */" } else { "" };
        format!("CREATE TABLE {}(\n  {}{end}\n){options}", quoted(&self.name), parts.join(between))
    }

    fn references(&self, schema: &Schema, key: &ForeignKey) -> String {
        let Some(parent) = schema.table(key.parent) else { return String::new() };
        let to = if key.implicit { String::new() } else { format!("({})", parent.names_of(&key.parent_columns)) };
        format!(" REFERENCES {}{to}{}", quoted(&parent.name), key.actions)
    }

    /// A column as it stands in `CREATE TABLE`.
    pub fn column_text(&self, schema: &Schema, column: &Column) -> String {
        let mut text = String::new();
        if let Some(id) = column.fill {
            text += &format!("-- whimbrel: backfill {}\n  ", self.name_of(id));
        }
        text += &quoted(&column.name);
        if !column.declared.is_empty() {
            text += &format!(" {}", column.declared);
        }
        match column.collation {
            Collation::Binary => {}
            Collation::NoCase => text += " COLLATE NOCASE",
            Collation::Rtrim => text += " COLLATE RTRIM",
        }
        if let Some(key) = self.key.as_ref().filter(|key| key.at_column && key.columns == [column.id]) {
            text += if key.descending { " PRIMARY KEY DESC" } else { " PRIMARY KEY" };
            text += key.conflict.text();
            text += if key.autoincrement { " AUTOINCREMENT" } else { "" };
        }
        if let Some(conflict) = column.not_null {
            text += " NOT NULL";
            text += conflict.text();
        }
        text += &match column.default {
            Value::None => String::new(),
            Value::Null => " DEFAULT NULL".into(),
            Value::Integer(n) => format!(" DEFAULT {n}"),
            Value::Real(n) => format!(" DEFAULT {n:?}"),
            Value::Text(text) => format!(" DEFAULT '{}'", text.replace('\'', "''")),
            Value::Blob(text) => format!(" DEFAULT {}", hex(text.as_bytes())),
            Value::True => " DEFAULT TRUE".into(),
            Value::Expression => " DEFAULT (40 + 2)".into(),
            Value::Now => " DEFAULT CURRENT_TIMESTAMP".into(),
        };
        if let Some(generated) = &column.generated {
            let name = self.name_of(generated.expression.reads());
            let expression = match generated.expression {
                Computed::Copy(_) => name,
                Computed::TypeOf(_) => format!("typeof({name})"),
                Computed::OrSeven(_) => format!("coalesce({name}, 7)"),
                Computed::IsNull(_) => format!("{name} IS NULL"),
            };
            let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
            text += &format!(" GENERATED ALWAYS AS ({expression}) {kind}");
        }
        // ADD COLUMN writes a key of one column there too.
        for key in self.foreign_keys.iter().filter(|key| key.columns == [column.id]) {
            text += &self.references(schema, key);
        }
        text
    }

    fn rule_text(&self, rule: &Rule) -> String {
        let name = |id: &Id| match self.spelling {
            Spelling::Wordy => format!("{}.{}", quoted(&self.name), self.name_of(*id)),
            _ => self.name_of(*id),
        };
        match rule {
            Rule::NoBlob(id) => format!("typeof({}) <> 'blob'", name(id)),
            Rule::NoText(id) => format!("typeof({}) <> 'text'", name(id)),
            Rule::WholeOrNull(id) => format!("typeof({}) IN ('integer', 'null')", name(id)),
            Rule::Anything(id) => format!("{0} IS NULL OR typeof({0}) <> 'null'", name(id)),
            Rule::BothOrNeither(a, b) => format!("({} IS NULL) = ({} IS NULL)", name(a), name(b)),
        }
    }

    /// The statement of an index.
    pub fn create_index(&self, index: &Index) -> String {
        let mut parts = Vec::new();
        for (n, (id, collation)) in index.columns.iter().enumerate() {
            let collation = match collation {
                None => "",
                Some(Collation::Binary) => " COLLATE BINARY",
                Some(Collation::NoCase) => " COLLATE NOCASE",
                Some(Collation::Rtrim) => " COLLATE RTRIM",
            };
            let order = if index.descending && n == 0 { " DESC" } else { "" };
            parts.push(format!("{}{collation}{order}", self.name_of(*id)));
        }
        parts.extend(index.lower.map(|id| format!("lower({})", self.name_of(id))));
        let unique = if index.unique { "UNIQUE " } else { "" };
        let condition = index.partial.map_or_else(String::new, |id| format!(" WHERE {} IS NOT NULL", self.name_of(id)));
        let (name, table) = (quoted(&index.name), quoted(&self.name));
        format!("CREATE {unique}INDEX {name} ON {table}({}){condition}", parts.join(", "))
    }
}

fn constraint_name(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("CONSTRAINT {} ", quoted(name)))
}

/// Whether a name needs no quotes.
fn is_plain(name: &str) -> bool {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    ["a", "b", "c", "id", "name", "value", "camel", "rank", "ünï", "excluded"].contains(&word.as_str())
}

/// A name in another case.
pub fn other_case(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    if upper == name { name.to_ascii_lowercase() } else { upper }
}

/// Bytes as a literal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("x'");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text + "'"
}

impl Schema {
    /// The table with this id.
    pub fn table(&self, id: Id) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }

    /// The name of a table or view.
    fn name_of(&self, id: Id) -> String {
        let table = self.table(id).map(|table| &table.name);
        let view = || self.views.iter().find(|view| view.id == id).map(|view| &view.name);
        table.or_else(view).map_or_else(String::new, |name| quoted(name))
    }

    /// The statements that make its tables and indexes.
    pub fn tables_sql(&self) -> Vec<String> {
        let tables = self.tables.iter().map(|table| table.create(self));
        let indexes = self.tables.iter().flat_map(|table| table.indexes.iter().map(|index| table.create_index(index)));
        tables.chain(indexes).collect()
    }

    /// The statements that make its full-text tables.
    pub fn searches_sql(&self) -> Vec<String> {
        self.searches.iter().map(|search| self.create_search(search)).collect()
    }

    /// The statements that make views and triggers, which would be in the way while rows come in.
    pub fn others_sql(&self) -> Vec<String> {
        let views = self.views.iter().map(|view| self.create_view(view));
        let triggers = self.triggers.iter().map(|trigger| self.create_trigger(trigger));
        views.chain(triggers).collect()
    }

    /// All of it as one script.
    pub fn sql(&self) -> String {
        let statements = self.tables_sql().into_iter().chain(self.searches_sql()).chain(self.others_sql());
        statements.map(|statement| statement + ";\n").collect()
    }

    fn create_view(&self, view: &View) -> String {
        let (name, from) = (quoted(&view.name), self.name_of(view.from));
        let with = view.with.and_then(|(id, column)| self.table(id).map(|other| (other, other.name_of(column))));
        match self.table(view.from) {
            Some(table) if view.style > 2 && !view.columns.is_empty() => {
                let first = table.name_of(view.columns[0]);
                let (other, second) = with.map_or((from.clone(), first.clone()), |(t, c)| (quoted(&t.name), c));
                match view.style {
                    3 => format!(
                        "CREATE VIEW {name} AS SELECT x.{first} AS c0, y.{second} AS c1 FROM {from} AS x \
                         LEFT JOIN {other} y ON x.{first} = y.{second}"
                    ),
                    4 => format!("CREATE VIEW {name}(p) AS WITH w AS (SELECT {first} FROM {from}) SELECT * FROM w"),
                    5 => format!(
                        "CREATE VIEW {name} AS SELECT {from}.{first} AS c0 FROM {from} \
                         WHERE {first} IN (SELECT z.{second} FROM {other} AS z)"
                    ),
                    _ => format!(
                        "CREATE VIEW {name} AS SELECT {first} AS c0 FROM {from} UNION ALL SELECT {second} FROM {other}"
                    ),
                }
            }
            Some(table) if !view.columns.is_empty() => {
                let columns: Vec<String> = view
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(n, id)| match view.style {
                        0 => format!("{} AS c{n}", table.name_of(*id)),
                        1 => format!("t.{} AS c{n}", table.name_of(*id)),
                        _ => format!("{from}.{} AS c{n}", table.name_of(*id)),
                    })
                    .collect();
                let alias = if view.style == 1 { " AS t" } else { "" };
                format!("CREATE VIEW {name} AS SELECT {} FROM {from}{alias}", columns.join(", "))
            }
            Some(_) if view.style == 0 => format!("CREATE VIEW {name} AS SELECT * FROM {from}"),
            _ if view.style == 1 => format!("CREATE VIEW {name} AS SELECT count(*) AS n FROM {from} WHERE 1"),
            _ => format!("CREATE VIEW {name} AS SELECT * FROM {from} LIMIT 10"),
        }
    }

    fn create_search(&self, search: &Search) -> String {
        let name = quoted(&search.name);
        match &search.of {
            None => format!("CREATE VIRTUAL TABLE {name} USING fts5(title, body)"),
            Some((id, columns)) => {
                let Some(table) = self.table(*id) else { return String::new() };
                let alias = table.alias().and_then(|id| table.column(id));
                let rowid = alias.map_or_else(|| "rowid".to_owned(), |column| quoted(&column.name));
                let columns: Vec<String> =
                    columns.iter().filter_map(|id| table.column(*id)).map(|column| quoted(&column.name)).collect();
                let columns = columns.join(", ");
                format!(
                    "CREATE VIRTUAL TABLE {name} USING fts5({columns}, content={}, content_rowid={rowid})",
                    quoted(&table.name)
                )
            }
        }
    }

    fn create_trigger(&self, trigger: &Trigger) -> String {
        let on = self.table(trigger.on);
        let when = if on.is_some() { "AFTER" } else { "INSTEAD OF" };
        let row = if trigger.event == "DELETE" { "old" } else { "new" };
        let first = on.zip(trigger.of.first()).map(|(table, id)| table.name_of(*id));
        let condition = first.map_or_else(String::new, |name| format!(" WHEN {row}.{name} IS NOT NULL"));
        let of = match on {
            Some(table) if trigger.event == "UPDATE" && !trigger.of.is_empty() => {
                format!(" OF {}", table.names_of(&trigger.of))
            }
            _ => String::new(),
        };
        let written = self.name_of(trigger.writes);
        let column = self.table(trigger.writes).map_or_else(String::new, |table| table.name_of(trigger.column));
        let body = match trigger.body {
            Body::Delete => format!("DELETE FROM {written} WHERE {column} IS NOT NULL"),
            Body::Update => format!("UPDATE {written} SET {column} = NULL"),
            Body::Insert => format!("INSERT INTO {written}({column}) VALUES (77)"),
            Body::Rollback => format!("SELECT RAISE(ROLLBACK, 'no') FROM {written} WHERE {column} IS NULL"),
            Body::Both => {
                let first = on.zip(trigger.of.first()).map(|(table, id)| (quoted(&table.name), table.name_of(*id)));
                let (from, value) = first.unwrap_or_else(|| (written.clone(), column.clone()));
                let value_of_row = if trigger.of.is_empty() { "7".to_owned() } else { format!("{row}.{value}") };
                format!(
                    "UPDATE {written} SET {column} = {value_of_row} WHERE {column} IS NOT NULL; \
                     INSERT INTO {written}({column}) SELECT x.{value} FROM {from} AS x WHERE x.{value} IS NULL"
                )
            }
        };
        format!(
            "CREATE TRIGGER {} {when} {}{of} ON {}{condition} BEGIN {body}; END",
            quoted(&trigger.name),
            trigger.event,
            self.name_of(trigger.on)
        )
    }

    /// Takes out what refers to what is not there, and what SQLite would not take, until nothing is left of it.
    pub fn prune(&mut self) {
        loop {
            let before = self.clone();
            for table in &mut self.tables {
                prune_table(table);
            }
            self.tables.retain(|table| table.columns.iter().any(|column| column.generated.is_none()));
            let keys = self
                .tables
                .iter()
                .map(|t| (t.id, t.candidate_keys(), t.key.as_ref().map(|key| key.columns.clone())))
                .collect::<Vec<_>>();
            for table in &mut self.tables {
                let has = |id: &Id| before.table(table.id).is_some_and(|table| table.column(*id).is_some());
                table.foreign_keys.retain(|key| {
                    let parent = keys.iter().find(|(id, ..)| *id == key.parent);
                    key.columns.iter().all(has)
                        && key.columns.len() == key.parent_columns.len()
                        && parent.is_some_and(|(_, candidates, primary)| {
                            candidates.contains(&key.parent_columns)
                                && (!key.implicit || primary.as_ref() == Some(&key.parent_columns))
                        })
                });
            }
            let (tables, views) = (self.tables.clone(), self.views.clone());
            let has = |table: Id, ids: &[Id]| {
                tables.iter().any(|t| t.id == table && ids.iter().all(|id| t.column(*id).is_some()))
            };
            let is_view = |id: Id| views.iter().any(|view| view.id == id);
            self.views.retain(|view| {
                view.with.is_none_or(|(id, column)| has(id, &[column]))
                    && (has(view.from, &view.columns) || (is_view(view.from) && view.columns.is_empty()))
            });
            self.searches.retain(|search| {
                search.of.as_ref().is_none_or(|(id, columns)| {
                    let table = tables.iter().find(|table| table.id == *id);
                    !columns.is_empty()
                        && has(*id, columns)
                        && table.is_some_and(|table| table.alias().is_some_and(|alias| !columns.contains(&alias)))
                })
            });
            self.triggers.retain(|trigger| {
                let writable = tables.iter().find(|table| table.id == trigger.writes);
                let writable = writable.and_then(|table| table.column(trigger.column));
                (has(trigger.on, &trigger.of) || (is_view(trigger.on) && trigger.of.is_empty()))
                    && writable.is_some_and(|column| column.generated.is_none())
            });
            if *self == before {
                return;
            }
        }
    }
}

const STRICT_TYPES: [&str; 6] = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"];

fn prune_table(table: &mut Table) {
    let plain: Vec<Id> = table.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.id).collect();
    let all: Vec<Id> = table.columns.iter().map(|c| c.id).collect();
    let strict = table.strict;
    for column in &mut table.columns {
        if strict && !STRICT_TYPES.contains(&column.declared) {
            column.declared = "ANY";
        }
        if let Some(generated) = &mut column.generated {
            if !plain.contains(&generated.expression.reads()) {
                column.declared = "";
                continue;
            }
            (column.not_null, column.default, column.fill) = (None, Value::None, None);
            // In a STRICT table what is computed has a type that it always fits.
            if strict {
                let id = generated.expression.reads();
                generated.expression = Computed::TypeOf(id);
                column.declared = "TEXT";
            }
        }
    }
    table.columns.retain(|c| c.generated.as_ref().is_none_or(|g| plain.contains(&g.expression.reads())));
    for column in &mut table.columns {
        column.fill = column.fill.filter(|id| plain.contains(id) && *id != column.id);
    }
    if let Some(key) = &mut table.key {
        key.columns.retain(|id| plain.contains(id));
        key.at_column &= key.columns.len() == 1;
        if key.columns.is_empty() {
            table.key = None;
        }
    }
    table.without_rowid &= table.key.is_some();
    let can_count = table.alias().is_some();
    if let Some(key) = &mut table.key {
        key.autoincrement &= can_count && key.at_column;
        // SQLite demands that all constraints over the same columns say the same.
        if key.descending && !key.at_column {
            key.conflict = Conflict::Unsaid;
        }
    }
    let key = table.key.as_ref().map(|key| key.columns.clone());
    let mut seen: Vec<Vec<Id>> = key.into_iter().collect();
    table.uniques.retain(|unique| {
        let is_new = !seen.contains(&unique.columns);
        seen.push(unique.columns.clone());
        is_new && !unique.columns.is_empty() && unique.columns.iter().all(|id| all.contains(id))
    });
    table.checks.retain(|check| check.rule.reads().iter().all(|id| all.contains(id)));
    table.indexes.retain(|index| {
        let read = index.columns.iter().map(|(id, _)| id).chain(&index.lower).chain(&index.partial);
        (!index.columns.is_empty() || index.lower.is_some()) && read.into_iter().all(|id| all.contains(id))
    });
}
