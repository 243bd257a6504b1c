//! The schema model: what a database is declared to be, as plain values.
//!
//! A [`Schema`] comes from SQL text, a live database, a snapshot or the [`builder`], and all four give the
//! same values. Two texts that mean the same give equal [`Meaning`]s; that, and never the text, is what the diff and
//! the [fingerprint](Schema::fingerprint) look at.
//!
//! **Invariant:** names are kept as written and compared without regard to ASCII case, as SQLite does.
//! **Invariant:** text a person wrote is kept (`definition`, [`Expression::text`]) and is what gets executed; it is
//! never printed anew by a parser.

pub mod builder;
mod fingerprint;
mod meaning;
mod snapshot;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use fingerprint::Fingerprint;
pub use meaning::{Meaning, type_meaning};
pub(crate) use snapshot::snapshot_parts;
pub use snapshot::{SNAPSHOT_FORMAT, SnapshotError};

/// A stable number for a table, or for a column within its table; a rename keeps it. It is never used again.
pub type Id = u32;

/// Everything a database declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Ordinary tables, in the order of their declaration. What two schemas have in common, they share.
    pub tables: Vec<Arc<Table>>,
    /// Virtual tables; their shadow tables are nowhere in a schema.
    pub virtual_tables: Vec<VirtualTable>,
    /// Indexes made by `CREATE INDEX`.
    pub indexes: Vec<Index>,
    /// Views.
    pub views: Vec<View>,
    /// Triggers, on tables and on views.
    pub triggers: Vec<Trigger>,
    /// The next table id to give out; 0 where ids were never assigned.
    pub next_id: Id,
    /// Whose file it is, from `PRAGMA application_id = …`: a database with another id is never modified.
    pub application_id: Option<i32>,
}

/// An ordinary table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The stable id, where one was assigned.
    pub id: Option<Id>,
    /// The name.
    pub name: String,
    /// The columns in order, generated ones included.
    pub columns: Vec<Column>,
    /// The primary key, whether declared at a column or at the table.
    pub primary_key: Option<PrimaryKey>,
    /// UNIQUE constraints, of columns and of the table.
    pub uniques: Vec<Unique>,
    /// The columns of the primary key and of each UNIQUE constraint, in the order of the text. SQLite finds the indexes
    /// that it made for them by this order.
    pub keys: Vec<Vec<KeyPart>>,
    /// CHECK constraints, of columns and of the table.
    pub checks: Vec<Check>,
    /// Foreign keys, of columns and of the table.
    pub foreign_keys: Vec<ForeignKey>,
    /// Whether the table is STRICT.
    pub strict: bool,
    /// Whether the table is WITHOUT ROWID.
    pub without_rowid: bool,
    /// The next column id to give out; 0 where ids were never assigned.
    pub next_column_id: Id,
    /// The name of an earlier version, from `-- whimbrel: renamed from …`.
    pub renamed_from: Option<String>,
    /// The text behind the name in `CREATE TABLE name …`, as written.
    pub definition: Option<String>,
    /// Where it was declared.
    pub origin: Origin,
}

/// A column of an ordinary table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// The stable id, where one was assigned.
    pub id: Option<Id>,
    /// The name.
    pub name: String,
    /// The declared type as written; empty where none is declared.
    pub declared_type: String,
    /// NOT NULL, with its conflict clause.
    pub not_null: Option<NotNull>,
    /// The default, a literal or an expression, without outer parentheses.
    pub default: Option<Expression>,
    /// The collation, where one is named.
    pub collation: Option<String>,
    /// How the value is computed, for a generated column.
    pub generated: Option<Generated>,
    /// The name in an earlier version, from `-- whimbrel: renamed from …`.
    pub renamed_from: Option<String>,
    /// The value for rows that have none, from `-- whimbrel: backfill …`.
    pub backfill: Option<Expression>,
    /// Where it was declared.
    pub origin: Origin,
}

/// A NOT NULL constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotNull {
    /// The constraint's name.
    pub name: Option<String>,
    /// What a violation does.
    pub on_conflict: Option<Conflict>,
}

/// The expression of a generated column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// What it computes.
    pub expression: Expression,
    /// Whether the value is stored in the row.
    pub stored: bool,
}

/// A primary key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The constraint's name.
    pub name: Option<String>,
    /// Its columns in order.
    pub columns: Vec<KeyPart>,
    /// What a violation does.
    pub on_conflict: Option<Conflict>,
    /// Whether ids are never used again.
    pub autoincrement: bool,
    /// Whether it was declared at its column: `id INTEGER PRIMARY KEY DESC` is no alias of the rowid, while
    /// `PRIMARY KEY (id DESC)` is one.
    pub at_column: bool,
}

/// A UNIQUE constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unique {
    /// The constraint's name.
    pub name: Option<String>,
    /// Its columns in order.
    pub columns: Vec<KeyPart>,
    /// What a violation does.
    pub on_conflict: Option<Conflict>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The constraint's name.
    pub name: Option<String>,
    /// The condition.
    pub expression: Expression,
    /// The column it was declared at, if any: it goes when that column goes.
    pub at_column: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: Option<String>,
    /// The referring columns.
    pub columns: Vec<String>,
    /// The table referred to.
    pub parent: String,
    /// The columns referred to; none means the parent's primary key.
    pub parent_columns: Vec<String>,
    /// What deleting the parent does.
    pub on_delete: Action,
    /// What changing the parent's key does.
    pub on_update: Action,
    /// The name in a MATCH clause, which SQLite reads and ignores.
    pub match_name: Option<String>,
    /// When the constraint is checked.
    pub deferrable: Option<Deferrable>,
    /// The column it was declared at, if any.
    pub at_column: Option<String>,
    /// Where it was declared.
    pub origin: Origin,
}

/// What a change of the parent row does to the rows that refer to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// `NO ACTION`, also where nothing is written.
    #[default]
    NoAction,
    /// `RESTRICT`
    Restrict,
    /// `SET NULL`
    SetNull,
    /// `SET DEFAULT`
    SetDefault,
    /// `CASCADE`
    Cascade,
}

/// When a foreign key is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deferrable {
    /// `NOT DEFERRABLE`
    Not,
    /// `DEFERRABLE`, or with `INITIALLY IMMEDIATE`
    InitiallyImmediate,
    /// `DEFERRABLE INITIALLY DEFERRED`
    InitiallyDeferred,
}

/// What a violated constraint does (`ON CONFLICT …`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// `ROLLBACK`
    Rollback,
    /// `ABORT`
    Abort,
    /// `FAIL`
    Fail,
    /// `IGNORE`
    Ignore,
    /// `REPLACE`
    Replace,
}

/// One part of a key or of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// The column or expression.
    pub term: KeyTerm,
    /// The collation, where one is named.
    pub collation: Option<String>,
    /// Whether the order is descending.
    pub descending: bool,
}

/// What a key part is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTerm {
    /// A column, by name.
    Column(String),
    /// An expression.
    Expression(Expression),
}

/// An index made by `CREATE INDEX`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// The name.
    pub name: String,
    /// The table.
    pub table: String,
    /// Whether it is UNIQUE.
    pub unique: bool,
    /// Its parts in order.
    pub parts: Vec<KeyPart>,
    /// The condition of a partial index.
    pub predicate: Option<Expression>,
    /// The text behind the name, as written.
    pub definition: Option<String>,
    /// Where it was declared.
    pub origin: Origin,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The name.
    pub name: String,
    /// The column list, empty where none is declared.
    pub columns: Vec<String>,
    /// The SELECT.
    pub body: Expression,
    /// The text behind the name, as written.
    pub definition: Option<String>,
    /// Where it was declared.
    pub origin: Origin,
}

/// A trigger on a table or a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The name.
    pub name: String,
    /// The table or view it belongs to.
    pub target: String,
    /// When it fires.
    pub timing: Timing,
    /// What it fires on.
    pub event: Event,
    /// The WHEN condition.
    pub condition: Option<Expression>,
    /// `BEGIN … END`.
    pub body: Expression,
    /// The text behind the name, as written.
    pub definition: Option<String>,
    /// Where it was declared.
    pub origin: Origin,
}

/// When a trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// `BEFORE`, also where nothing is written.
    Before,
    /// `AFTER`
    After,
    /// `INSTEAD OF`
    InsteadOf,
}

/// What a trigger fires on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `INSERT`
    Insert,
    /// `DELETE`
    Delete,
    /// `UPDATE`, of some columns or, where the list is empty, of any.
    Update(Vec<String>),
}

/// A virtual table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VirtualTable {
    /// The stable id, where one was assigned.
    pub id: Option<Id>,
    /// The name.
    pub name: String,
    /// The module, such as `fts5`.
    pub module: String,
    /// The module's arguments, each as written.
    pub arguments: Vec<Expression>,
    /// The text behind the name, as written.
    pub definition: Option<String>,
    /// Where it was declared.
    pub origin: Origin,
}

/// A piece of SQL: its text as written, and what it means.
///
/// Two expressions are equal when they mean the same, however they are written.
#[derive(Clone)]
pub struct Expression {
    text: String,
    meaning: String,
}

impl Expression {
    pub(crate) fn new(text: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { text: text.into(), meaning: meaning.into() }
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The canonical form: one space between tokens, no comments, keywords and plain names in lower case.
    pub fn meaning(&self) -> &str {
        &self.meaning
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.meaning == other.meaning
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

/// A text that schemas are read from: a file, standard input, an object's text in a live database.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// How it is called in messages, such as `schema.sql`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Where something was declared. All origins are equal: where a thing came from is no part of what it is.
#[derive(Clone, Default)]
pub struct Origin {
    /// The text it stands in, if it came from one.
    pub source: Option<Arc<Source>>,
    /// The bytes of that text it covers.
    pub range: Range<usize>,
}

impl Origin {
    /// Line and column of the start, both counted from 1, the column in characters.
    ///
    /// ```
    /// use whimbrel_core::Schema;
    /// let schema = Schema::from_sql("CREATE TABLE a(\n  b TEXT\n)")?;
    /// assert_eq!(schema.tables[0].columns[0].origin.line_and_column(), Some((2, 3)));
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        let before = self.source.as_ref()?.text.get(..self.range.start)?;
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.line_and_column()) {
            (Some(source), Some((line, column))) => write!(f, "{}:{line}:{column}", source.name),
            _ => f.write_str("-"),
        }
    }
}

/// Whether two names are one and the same to the database: ASCII case does not count.
///
/// ```
/// assert!(whimbrel_core::schema::same_name("Users", "USERS"));
/// assert!(!whimbrel_core::schema::same_name("É", "é"));
/// ```
pub fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// A name as it is compared: in ASCII lower case.
pub(crate) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Schema {
    /// The ordinary table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|t| same_name(&t.name, name)).map(|t| &**t)
    }

    /// The virtual table of this name.
    pub fn virtual_table(&self, name: &str) -> Option<&VirtualTable> {
        self.virtual_tables.iter().find(|t| same_name(&t.name, name))
    }

    /// The view of this name.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|v| same_name(&v.name, name))
    }

    /// The index of this name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|i| same_name(&i.name, name))
    }

    /// The trigger of this name.
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|t| same_name(&t.name, name))
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.virtual_tables.is_empty() && self.views.is_empty()
    }

    /// Leaves out tables and views for which `ignored` holds, with their indexes and triggers.
    pub fn without(self, ignored: impl Fn(&str) -> bool) -> Schema {
        self.leave_out(&ignored)
    }

    fn leave_out(mut self, ignored: &dyn Fn(&str) -> bool) -> Schema {
        self.tables.retain(|t| !ignored(&t.name));
        self.virtual_tables.retain(|t| !ignored(&t.name));
        self.views.retain(|v| !ignored(&v.name));
        self.indexes.retain(|i| !ignored(&i.table));
        self.triggers.retain(|t| !ignored(&t.target));
        self
    }
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| same_name(&c.name, name))
    }

    /// The column that is an alias of the rowid, if there is one: a single `INTEGER PRIMARY KEY`, not `INT`, not
    /// `DESC` at the column (<https://www.sqlite.org/lang_createtable.html#rowid>).
    ///
    /// ```
    /// use whimbrel_core::Schema;
    /// let alias = |sql: &str| Schema::from_sql(sql).unwrap().tables[0].rowid_alias().is_some();
    /// assert!(alias("CREATE TABLE t(id INTEGER PRIMARY KEY)"));
    /// assert!(alias("CREATE TABLE t(id INTEGER, PRIMARY KEY (id DESC))"));
    /// assert!(!alias("CREATE TABLE t(id INTEGER PRIMARY KEY DESC)"));
    /// assert!(!alias("CREATE TABLE t(id INT PRIMARY KEY)"));
    /// ```
    pub fn rowid_alias(&self) -> Option<&Column> {
        let key = self.primary_key.as_ref().filter(|_| !self.without_rowid)?;
        let [KeyPart { term: KeyTerm::Column(name), descending, .. }] = key.columns.as_slice() else {
            return None;
        };
        let column = self.column(name)?;
        let is_integer = column.declared_type.trim().eq_ignore_ascii_case("integer");
        (is_integer && !(*descending && key.at_column)).then_some(column)
    }

    /// A name under which the rowid can be read and written, unless columns hide all three.
    pub fn rowid_name(&self) -> Option<&'static str> {
        if self.without_rowid {
            return None;
        }
        ["rowid", "_rowid_", "oid"].into_iter().find(|name| self.column(name).is_none())
    }

    /// Whether `name` is a column of the primary key.
    pub fn in_primary_key(&self, name: &str) -> bool {
        self.primary_key.as_ref().is_some_and(|key| key.columns.iter().any(|part| part.is_column(name)))
    }

    /// Whether ids are never used again (AUTOINCREMENT).
    pub fn autoincrement(&self) -> bool {
        self.primary_key.as_ref().is_some_and(|key| key.autoincrement)
    }
}

impl Column {
    /// The default that gives a value: `DEFAULT NULL` is written like one and gives none.
    pub fn default_value(&self) -> Option<&Expression> {
        self.default.as_ref().filter(|default| default.meaning() != "null")
    }
}

impl KeyPart {
    /// A plain column.
    pub fn column(name: impl Into<String>) -> Self {
        Self { term: KeyTerm::Column(name.into()), collation: None, descending: false }
    }

    /// Whether this is the column `name`.
    pub fn is_column(&self, name: &str) -> bool {
        matches!(&self.term, KeyTerm::Column(column) if same_name(column, name))
    }
}
