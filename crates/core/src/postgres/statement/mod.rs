//! What one statement of PostgreSQL does, as far as its tokens tell without a grammar.
//!
//! For looking over migrations: which kind of statement it is, which objects it names, the parts of an `ALTER TABLE`, and
//! whether it can run in a transaction. Whether the statement is valid is left to PostgreSQL. What is not recognised is
//! [`Kind::Other`], or [`Change::Other`] within an `ALTER TABLE`: nothing is ever taken for something that it may not be.

mod reader;

use std::fmt;
use std::ops::Range;

use self::reader::Reader;
use super::token::{Token, TokenKind, fold, quote_name, tokenize};

/// A statement that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub kind: Kind,
    /// Its tokens without the comments, with places in its text.
    pub tokens: Vec<Token>,
}

/// The name of an object, with its schema where that is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema.
    pub schema: Option<String>,
    /// The name in it.
    pub name: String,
}

impl Name {
    /// Whether both can mean the same object: a name without a schema is looked up in a path that is not known here.
    pub fn may_be(&self, other: &Name) -> bool {
        self.name == other.name
            && match (&self.schema, &other.schema) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quote_name(schema))?;
        }
        f.write_str(&quote_name(&self.name))
    }
}

/// The kinds of statements that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `CREATE TABLE`.
    CreateTable(CreateTable),
    /// `ALTER TABLE`.
    AlterTable(AlterTable),
    /// `CREATE INDEX`.
    CreateIndex(CreateIndex),
    /// `REINDEX`.
    Reindex {
        /// `INDEX`, `TABLE`, `SCHEMA`, `DATABASE` or `SYSTEM`, in lower case.
        scope: String,
        /// What of it.
        name: Option<Name>,
        /// Without a lock against writes.
        concurrently: bool,
    },
    /// `DROP` of anything that `DROP` is known for here.
    Drop(Drop),
    /// `CREATE TYPE`.
    CreateType {
        /// Its name.
        name: Name,
        /// Its labels, where it is an enum.
        labels: Option<Vec<String>>,
    },
    /// `ALTER TYPE`.
    AlterType {
        /// Its name.
        name: Name,
        /// What is changed.
        change: TypeChange,
    },
    /// `CREATE DOMAIN`.
    CreateDomain {
        /// Its name.
        name: Name,
        /// Whether it has a check, or refuses NULL.
        has_constraint: bool,
    },
    /// `ALTER DOMAIN`.
    AlterDomain {
        /// Its name.
        name: Name,
        /// What is changed.
        change: DomainChange,
    },
    /// `CREATE [MATERIALIZED] VIEW`.
    CreateView {
        /// Its name.
        name: Name,
        /// Whether it keeps its rows.
        materialized: bool,
        /// Whether it may replace another.
        or_replace: bool,
        /// Whether it may be there already.
        if_not_exists: bool,
    },
    /// `CREATE SCHEMA`, `SEQUENCE` or `EXTENSION`.
    Create {
        /// What.
        object: Object,
        /// Its name; a schema that is named after its owner has none.
        name: Option<Name>,
        /// Whether it may be there already.
        if_not_exists: bool,
    },
    /// `CREATE FUNCTION` or `PROCEDURE`.
    CreateFunction(CreateFunction),
    /// `CREATE TRIGGER`.
    CreateTrigger {
        /// Its name.
        name: String,
        /// The table or view.
        table: Name,
        /// Whether it may replace another.
        or_replace: bool,
    },
    /// `CREATE POLICY` or `ALTER POLICY`.
    Policy {
        /// Its name.
        name: String,
        /// The table.
        table: Name,
        /// Whether it is made.
        creates: bool,
    },
    /// `ALTER` of an object that is neither a table, a type nor a domain.
    AlterOther {
        /// What.
        object: Object,
        /// Its name.
        name: Name,
        /// What is changed.
        change: OtherChange,
    },
    /// `UPDATE`.
    Update(Write),
    /// `DELETE`.
    Delete(Write),
    /// `INSERT`.
    Insert(Write),
    /// `SELECT`, `VALUES` or `TABLE`, also behind `WITH`.
    Select,
    /// `TRUNCATE`.
    Truncate {
        /// The tables.
        tables: Vec<Name>,
        /// Also those that refer to them.
        cascade: bool,
    },
    /// `LOCK TABLE`.
    Lock {
        /// The tables.
        tables: Vec<Name>,
        /// The mode, in lower case and without `mode`; `access exclusive` where none is written.
        mode: String,
    },
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh {
        /// The view.
        name: Name,
        /// While it is read.
        concurrently: bool,
        /// `WITH NO DATA`.
        with_no_data: bool,
    },
    /// `VACUUM`.
    Vacuum {
        /// Whether tables are written anew.
        full: bool,
    },
    /// `CLUSTER`.
    Cluster {
        /// The table; none means all that were clustered before.
        table: Option<Name>,
    },
    /// `ANALYZE`.
    Analyze,
    /// `DO`.
    Do,
    /// `CALL`.
    Call,
    /// `COPY`.
    Copy {
        /// Whether rows go into a table.
        writes: bool,
    },
    /// `COMMENT ON`.
    Comment,
    /// `GRANT`, also as default for what is made later.
    Grant {
        /// Whether everybody gets it.
        to_public: bool,
        /// What is granted and on what, as written, up to `TO`.
        what: String,
        /// Whether it is `ALTER DEFAULT PRIVILEGES`.
        by_default: bool,
    },
    /// `REVOKE`.
    Revoke,
    /// `SET name`, or `SELECT set_config('name', …)`.
    Set {
        /// The setting, in lower case.
        name: String,
        /// Its value, without quotes; empty where it is more than one word.
        value: String,
        /// Whether it ends with the transaction.
        local: bool,
    },
    /// `RESET`.
    Reset,
    /// `BEGIN` or `START TRANSACTION`.
    Begin,
    /// `COMMIT` or `END`.
    Commit,
    /// `ROLLBACK` or `ABORT`, not to a savepoint.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`.
    Savepoint,
    /// What changes more than this database, or the whole server: its first words, in upper case.
    Server(&'static str),
    /// Anything else: its first two words, in lower case.
    Other(String),
}

/// Objects that statements name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum Object {
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Index,
    Sequence,
    Schema,
    Extension,
    Type,
    Domain,
    Function,
    Procedure,
    Routine,
    Aggregate,
    Trigger,
    Policy,
    Rule,
    Statistics,
}

impl Object {
    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Object::Table => "table",
            Object::ForeignTable => "foreign table",
            Object::View => "view",
            Object::MaterializedView => "materialised view",
            Object::Index => "index",
            Object::Sequence => "sequence",
            Object::Schema => "schema",
            Object::Extension => "extension",
            Object::Type => "type",
            Object::Domain => "domain",
            Object::Function => "function",
            Object::Procedure => "procedure",
            Object::Routine => "routine",
            Object::Aggregate => "aggregate",
            Object::Trigger => "trigger",
            Object::Policy => "policy",
            Object::Rule => "rule",
            Object::Statistics => "statistics",
        }
    }
}

/// A `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// Its name.
    pub name: Name,
    /// Whether it goes with the session.
    pub temporary: bool,
    /// Whether it may be there already.
    pub if_not_exists: bool,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its constraints that stand by themselves.
    pub constraints: Vec<Constraint>,
    /// The table it is a partition of.
    pub partition_of: Option<Name>,
    /// Whether its rows come from a query.
    pub as_query: bool,
}

/// A column's declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The bytes of its declaration.
    pub range: Range<usize>,
    /// Its type.
    pub data_type: DataType,
    /// `NOT NULL`.
    pub not_null: bool,
    /// The expression behind `DEFAULT`.
    pub default: Option<Range<usize>>,
    /// `GENERATED ALWAYS AS (…) STORED`; with `VIRTUAL` it takes no room.
    pub stored: bool,
    /// `GENERATED … AS IDENTITY`.
    pub identity: bool,
    /// `PRIMARY KEY`.
    pub primary_key: bool,
    /// `UNIQUE`.
    pub unique: bool,
    /// `CHECK (…)`.
    pub check: bool,
    /// `REFERENCES`.
    pub references: Option<Reference>,
}

/// A type as written, with one name for what has several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataType {
    /// Its name: `integer` for `int`, `int4` and `INTEGER`; without its schema.
    pub name: String,
    /// What stands in parentheses behind it, where that is numbers.
    pub arguments: Vec<i64>,
    /// How many dimensions of an array are written.
    pub dimensions: usize,
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.arguments.is_empty() {
            let numbers: Vec<_> = self.arguments.iter().map(i64::to_string).collect();
            write!(f, "({})", numbers.join(", "))?;
        }
        f.write_str(&"[]".repeat(self.dimensions))
    }
}

/// What a foreign key refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The table.
    pub table: Name,
    /// Its columns, where they are written.
    pub columns: Vec<String>,
    /// What a deleted or changed row does to those that refer to it, where it does something: `cascade`, `set null` or
    /// `set default`.
    pub action: Option<String>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, where it has been given one.
    pub name: Option<String>,
    /// The bytes of its declaration.
    pub range: Range<usize>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Whether the rows that are there are left alone.
    pub not_valid: bool,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstraintKind {
    /// `CHECK (…)`: the bytes between the parentheses.
    Check(Range<usize>),
    /// `NOT NULL column`.
    NotNull(String),
    /// `UNIQUE`.
    Unique {
        /// Its columns.
        columns: Vec<String>,
        /// The index that becomes its own.
        using_index: Option<String>,
    },
    /// `PRIMARY KEY`.
    PrimaryKey {
        /// Its columns.
        columns: Vec<String>,
        /// The index that becomes its own.
        using_index: Option<String>,
    },
    /// `EXCLUDE`.
    Exclude,
    /// `FOREIGN KEY`.
    ForeignKey {
        /// Its columns.
        columns: Vec<String>,
        /// What they refer to.
        references: Reference,
    },
}

/// An `ALTER TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// Its name.
    pub name: Name,
    /// Its actions.
    pub actions: Vec<Action>,
}

/// One action of an `ALTER TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The bytes it covers.
    pub range: Range<usize>,
    /// What it changes.
    pub change: Change,
}

/// What an action of an `ALTER TABLE` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `ADD COLUMN`.
    AddColumn {
        /// The column.
        column: Column,
        /// Whether it may be there already.
        if_not_exists: bool,
    },
    /// `DROP COLUMN`.
    DropColumn {
        /// The column.
        name: String,
        /// Whether it may be gone already.
        if_exists: bool,
        /// Also what depends on it.
        cascade: bool,
    },
    /// `ALTER COLUMN`.
    AlterColumn {
        /// The column.
        name: String,
        /// What of it.
        change: ColumnChange,
    },
    /// `ADD CONSTRAINT`, also without a name.
    AddConstraint(Constraint),
    /// `ALTER CONSTRAINT`.
    AlterConstraint(String),
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint(String),
    /// `DROP CONSTRAINT`.
    DropConstraint {
        /// The constraint.
        name: String,
        /// Whether it may be gone already.
        if_exists: bool,
        /// Also what depends on it.
        cascade: bool,
    },
    /// `RENAME TO`.
    RenameTable(String),
    /// `RENAME COLUMN`.
    RenameColumn {
        /// Its name before.
        from: String,
        /// Its name after.
        to: String,
    },
    /// `RENAME CONSTRAINT`.
    RenameConstraint,
    /// `SET SCHEMA`.
    SetSchema(String),
    /// What writes the whole table anew: `SET TABLESPACE`, `SET LOGGED`, `SET UNLOGGED` or `SET ACCESS METHOD`.
    Move(&'static str),
    /// `ENABLE`, `DISABLE`, `FORCE` or `NO FORCE ROW LEVEL SECURITY`: the words before.
    RowSecurity(&'static str),
    /// `DISABLE TRIGGER`: which, `all` and `user` among them.
    DisableTrigger(String),
    /// `ENABLE [REPLICA | ALWAYS] TRIGGER`.
    EnableTrigger,
    /// `ATTACH PARTITION`.
    AttachPartition {
        /// The table that becomes a partition.
        partition: Name,
    },
    /// `DETACH PARTITION`.
    DetachPartition {
        /// The partition.
        partition: Name,
        /// While the table is in use.
        concurrently: bool,
        /// Finishes one that was interrupted.
        finalize: bool,
    },
    /// `INHERIT` or `NO INHERIT`.
    Inheritance,
    /// `OWNER TO`.
    Owner,
    /// `SET (…)` or `RESET (…)`.
    Parameters,
    /// `REPLICA IDENTITY`.
    ReplicaIdentity,
    /// Anything else.
    Other,
}

/// What an `ALTER COLUMN` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnChange {
    /// `TYPE`.
    Type {
        /// The type afterwards.
        to: DataType,
        /// Whether `USING` says how a value is made.
        using: bool,
    },
    /// `SET DEFAULT`: the bytes of the expression.
    SetDefault(Range<usize>),
    /// `DROP DEFAULT`.
    DropDefault,
    /// `SET NOT NULL`.
    SetNotNull,
    /// `DROP NOT NULL`.
    DropNotNull,
    /// `SET EXPRESSION`.
    SetExpression,
    /// `DROP EXPRESSION`.
    DropExpression,
    /// `ADD GENERATED … AS IDENTITY`.
    AddIdentity,
    /// `DROP IDENTITY`.
    DropIdentity,
    /// Anything else, such as `SET STATISTICS`.
    Other,
}

/// A `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// Its name, where it has been given one.
    pub name: Option<String>,
    /// The table.
    pub table: Name,
    /// Whether its keys are unique.
    pub unique: bool,
    /// Without a lock against writes.
    pub concurrently: bool,
    /// Whether it may be there already.
    pub if_not_exists: bool,
    /// Whether partitions are left out.
    pub only: bool,
    /// Its keys: a column's name, or none where it is an expression.
    pub keys: Vec<Option<String>>,
    /// Whether it has a `WHERE`.
    pub partial: bool,
}

/// A `DROP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// What.
    pub object: Object,
    /// Their names.
    pub names: Vec<Name>,
    /// Whether they may be gone already.
    pub if_exists: bool,
    /// Also what depends on them.
    pub cascade: bool,
    /// Of an index: without a lock against reads and writes.
    pub concurrently: bool,
}

/// What an `ALTER TYPE` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeChange {
    /// `ADD VALUE`.
    AddValue {
        /// The label.
        value: String,
        /// Whether it may be there already.
        if_not_exists: bool,
        /// Whether `BEFORE` or `AFTER` says where it stands.
        placed: bool,
    },
    /// `RENAME VALUE`.
    RenameValue {
        /// The label before.
        from: String,
        /// The label after.
        to: String,
    },
    /// `RENAME TO`.
    Rename(String),
    /// `RENAME ATTRIBUTE`.
    RenameAttribute(String),
    /// `SET SCHEMA`.
    SetSchema(String),
    /// `ADD`, `DROP` or `ALTER ATTRIBUTE`: the first word, in upper case.
    Attribute(&'static str),
    /// Anything else.
    Other,
}

/// What an `ALTER DOMAIN` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainChange {
    /// `ADD CONSTRAINT`.
    AddConstraint {
        /// Whether the values that are there are left alone.
        not_valid: bool,
    },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint,
    /// `SET NOT NULL`.
    SetNotNull,
    /// `RENAME TO`.
    Rename(String),
    /// Anything else.
    Other,
}

/// What an `ALTER` of another object changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherChange {
    /// `RENAME TO`.
    Rename(String),
    /// `RENAME COLUMN`.
    RenameColumn(String),
    /// `SET SCHEMA`.
    SetSchema(String),
    /// Anything else.
    Other,
}

/// A `CREATE FUNCTION` or `PROCEDURE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFunction {
    /// Its name.
    pub name: Name,
    /// Whether it may replace another.
    pub or_replace: bool,
    /// Whether it runs with its owner's rights.
    pub security_definer: bool,
    /// Whether it says where names are looked up.
    pub sets_search_path: bool,
    /// Whether it is one for triggers, which nobody else can call.
    pub returns_trigger: bool,
}

/// A statement that writes rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The table.
    pub table: Name,
    /// Whether a `WHERE` says which rows.
    pub has_where: bool,
    /// The columns that an `UPDATE` sets.
    pub columns: Vec<String>,
}

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// It can run in one.
    Any,
    /// PostgreSQL refuses it in a transaction block.
    Outside,
    /// It can run in one, but what it makes cannot be used there: `ALTER TYPE … ADD VALUE`.
    WithCare,
}

impl Statement {
    /// Reads the text of one statement.
    ///
    /// ```
    /// use whimbrel_core::postgres::statement::{Kind, Statement, Transaction};
    /// let statement = Statement::read("CREATE INDEX CONCURRENTLY i ON app.notes (lower(body), id)");
    /// let Kind::CreateIndex(index) = &statement.kind else { panic!() };
    /// assert_eq!(index.table.to_string(), "app.notes");
    /// assert_eq!(index.keys, [None, Some("id".to_owned())]);
    /// assert_eq!(statement.transaction(), Transaction::Outside);
    /// ```
    pub fn read(sql: &str) -> Statement {
        let mut tokens = tokenize(sql).unwrap_or_default();
        tokens.retain(|token| token.kind != TokenKind::Comment);
        while tokens.last().is_some_and(|token| token.is(sql, ";")) {
            tokens.pop();
        }
        let kind = Reader::new(sql, &tokens).statement().unwrap_or_else(|| {
            let words: Vec<_> = tokens.iter().take(2).map(|token| fold(token.text(sql))).collect();
            Kind::Other(words.join(" "))
        });
        Statement { kind, tokens }
    }

    /// Whether it can run in a transaction.
    pub fn transaction(&self) -> Transaction {
        match &self.kind {
            Kind::CreateIndex(CreateIndex { concurrently: true, .. })
            | Kind::Drop(Drop { concurrently: true, .. })
            | Kind::Reindex { concurrently: true, .. }
            | Kind::Vacuum { .. }
            | Kind::Cluster { table: None } => Transaction::Outside,
            Kind::Reindex { scope, .. } if matches!(scope.as_str(), "schema" | "database" | "system") => {
                Transaction::Outside
            }
            Kind::Server(words) if !words.starts_with("ALTER DATABASE") && !words.ends_with("ROLE") => {
                Transaction::Outside
            }
            Kind::AlterTable(alter)
                if alter
                    .actions
                    .iter()
                    .any(|a| matches!(a.change, Change::DetachPartition { concurrently: true, .. })) =>
            {
                Transaction::Outside
            }
            Kind::AlterType { change: TypeChange::AddValue { .. }, .. } => Transaction::WithCare,
            _ => Transaction::Any,
        }
    }

    /// Whether these words stand one behind the other, outside of strings and quoted names.
    pub fn has(&self, sql: &str, words: &[&str]) -> bool {
        (0..self.tokens.len())
            .any(|at| words.iter().enumerate().all(|(n, w)| self.tokens.get(at + n).is_some_and(|t| t.is(sql, w))))
    }

    /// The tokens within a range of bytes.
    pub fn tokens_in(&self, range: &Range<usize>) -> &[Token] {
        let from = self.tokens.partition_point(|token| token.range.start < range.start);
        let to = self.tokens.partition_point(|token| token.range.end <= range.end);
        self.tokens.get(from..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
