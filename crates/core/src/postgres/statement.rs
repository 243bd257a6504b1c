//! What one statement of PostgreSQL does, as far as its tokens tell without a grammar.
//!
//! For looking over migrations: which kind of statement it is, which objects it names, the parts of an `ALTER TABLE`, and
//! whether it can run in a transaction. Whether the statement is valid is left to PostgreSQL. What is not recognised is
//! [`Kind::Other`], or [`Change::Other`] within an `ALTER TABLE`: nothing is ever taken for something that it may not be.

use std::fmt;
use std::ops::Range;

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
        let mut reader = Reader { sql, tokens: &tokens, at: 0 };
        let kind = reader.statement().unwrap_or_else(|| {
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

/// Reads on from a place in the tokens. What returns an `Option` gives none where the tokens are not what is expected.
struct Reader<'s> {
    sql: &'s str,
    tokens: &'s [Token],
    at: usize,
}

/// Words that begin the next part of a column's declaration.
const COLUMN_PARTS: &[&str] = &[
    "constraint",
    "not",
    "null",
    "check",
    "default",
    "generated",
    "unique",
    "primary",
    "references",
    "collate",
    "storage",
    "compression",
    "deferrable",
    "initially",
    "no",
    "enforced",
];

impl<'s> Reader<'s> {
    fn is_at(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.tokens.get(at + n).is_some_and(|t| t.is(self.sql, word)))
    }

    fn is(&self, words: &[&str]) -> bool {
        self.is_at(self.at, words)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(&[word]))
    }

    /// Goes behind these words where they stand here.
    fn take(&mut self, words: &[&str]) -> bool {
        let is_here = self.is(words);
        if is_here {
            self.at += words.len();
        }
        is_here
    }

    fn expect(&mut self, words: &[&str]) -> Option<()> {
        self.take(words).then_some(())
    }

    fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn text(&self) -> &'s str {
        self.tokens.get(self.at).map_or("", |token| token.text(self.sql))
    }

    fn name(&mut self) -> Option<String> {
        let name = self.tokens.get(self.at)?.name(self.sql)?;
        self.at += 1;
        Some(name)
    }

    fn string(&mut self) -> Option<String> {
        let string = self.tokens.get(self.at)?.string(self.sql)?;
        self.at += 1;
        Some(string)
    }

    fn qualified(&mut self) -> Option<Name> {
        let mut name = Name { schema: None, name: self.name()? };
        while self.take(&["."]) {
            name = Name { schema: Some(name.name), name: self.name()? };
        }
        Some(name)
    }

    /// Names with commas between them, each perhaps with `ONLY` before it or an asterisk behind it.
    fn qualified_list(&mut self) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        loop {
            self.take(&["only"]);
            names.push(self.qualified()?);
            self.take(&["*"]);
            if !self.take(&[","]) {
                return Some(names);
            }
        }
    }

    /// Goes behind the parenthesis that closes the one here, and returns the places between the two.
    fn parentheses(&mut self) -> Option<Range<usize>> {
        self.expect(&["("])?;
        let start = self.at;
        let mut depth = 1usize;
        while let Some(token) = self.tokens.get(self.at) {
            if token.is(self.sql, "(") {
                depth += 1;
            } else if token.is(self.sql, ")") {
                depth -= 1;
            }
            self.at += 1;
            if depth == 0 {
                return Some(start..self.at - 1);
            }
        }
        None
    }

    /// Goes to the next token outside of parentheses for which the test holds, or to `end`.
    fn skip_to(&mut self, end: usize, test: impl Fn(&Reader<'s>) -> bool) {
        while self.at < end && !test(self) {
            if self.is(&["("]) {
                if self.parentheses().is_none() {
                    self.at = end;
                }
            } else if self.is(&["["]) {
                while self.at < end && !self.is(&["]"]) {
                    self.at += 1;
                }
            } else {
                self.at += 1;
            }
        }
        self.at = self.at.min(end);
    }

    /// Whether these words stand somewhere from here on, outside of parentheses.
    fn has_ahead(&self, words: &[&str]) -> bool {
        let mut ahead = Reader { sql: self.sql, tokens: self.tokens, at: self.at };
        let end = self.tokens.len();
        ahead.skip_to(end, |reader| reader.is(words));
        ahead.at < end
    }

    /// The parts between commas that stand outside of parentheses.
    fn parts(&mut self, places: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        self.at = places.start;
        while self.at < places.end {
            let start = self.at;
            self.skip_to(places.end, |reader| reader.is(&[","]));
            if start < self.at {
                parts.push(start..self.at);
            }
            self.at += 1;
        }
        self.at = places.end;
        parts
    }

    fn bytes(&self, places: Range<usize>) -> Range<usize> {
        match self.tokens.get(places).unwrap_or_default() {
            [first, .., last] => first.range.start..last.range.end,
            [one] => one.range.clone(),
            [] => 0..0,
        }
    }

    fn if_not_exists(&mut self) -> bool {
        self.take(&["if", "not", "exists"])
    }

    fn if_exists(&mut self) -> bool {
        self.take(&["if", "exists"])
    }

    /// Names in parentheses; one that is an expression makes it none.
    fn columns(&mut self) -> Option<Vec<String>> {
        let places = self.parentheses()?;
        let after = self.at;
        let mut columns = Vec::new();
        for part in self.parts(places) {
            self.at = part.start;
            columns.push(self.name()?);
        }
        self.at = after;
        Some(columns)
    }

    fn statement(&mut self) -> Option<Kind> {
        let first = self.tokens.first()?;
        if first.kind == TokenKind::Symbol && first.is(self.sql, "(") {
            return Some(Kind::Select);
        }
        self.at = 1;
        match fold(first.text(self.sql)).as_str() {
            _ if first.kind != TokenKind::Word => None,
            "create" => self.create(),
            "alter" => self.alter(),
            "drop" => self.drop(),
            "with" => self.with(),
            "select" => Some(self.set_config().unwrap_or(Kind::Select)),
            "values" | "table" => Some(Kind::Select),
            "update" => self.update(),
            "delete" => self.delete(),
            "insert" => self.insert(),
            "truncate" => {
                self.take(&["table"]);
                let tables = self.qualified_list()?;
                Some(Kind::Truncate { tables, cascade: self.has_ahead(&["cascade"]) })
            }
            "lock" => self.lock(),
            "reindex" => self.reindex(),
            "refresh" => {
                self.expect(&["materialized", "view"])?;
                let concurrently = self.take(&["concurrently"]);
                let name = self.qualified()?;
                Some(Kind::Refresh { name, concurrently, with_no_data: self.take(&["with", "no", "data"]) })
            }
            "vacuum" => {
                let full = self.is(&["full"]) || self.is(&["freeze", "full"]) || self.option("full");
                Some(Kind::Vacuum { full })
            }
            "cluster" => self.cluster(),
            "analyze" | "analyse" => Some(Kind::Analyze),
            "do" => Some(Kind::Do),
            "call" => Some(Kind::Call),
            "copy" => Some(Kind::Copy { writes: self.has_ahead(&["from"]) }),
            "comment" => Some(Kind::Comment),
            "grant" => Some(self.grant(false)),
            "revoke" => Some(Kind::Revoke),
            "set" => self.set(),
            "reset" => Some(Kind::Reset),
            "begin" => Some(Kind::Begin),
            "start" if self.is(&["transaction"]) => Some(Kind::Begin),
            "commit" | "end" if !self.is(&["prepared"]) => Some(Kind::Commit),
            "rollback" if self.is(&["prepared"]) => None,
            "rollback" if self.has_ahead(&["to"]) => Some(Kind::Savepoint),
            "rollback" | "abort" => Some(Kind::Rollback),
            "savepoint" | "release" => Some(Kind::Savepoint),
            _ => None,
        }
    }

    /// Whether `word` is switched on among the options in parentheses here.
    fn option(&self, word: &str) -> bool {
        let mut ahead = Reader { sql: self.sql, tokens: self.tokens, at: self.at };
        let Some(places) = ahead.parentheses() else { return false };
        ahead.parts(places).into_iter().any(|part| {
            self.is_at(part.start, &[word])
                && (part.len() == 1 || {
                    let value = self.tokens.get(part.start + 1);
                    value.is_some_and(|v| {
                        matches!(fold(v.text(self.sql)).as_str(), "true" | "on" | "1" | "'on'" | "'true'")
                    })
                })
        })
    }

    fn create(&mut self) -> Option<Kind> {
        let or_replace = self.take(&["or", "replace"]);
        let is_default = self.take(&["default"]);
        let mut temporary = false;
        while self.is_one_of(&["global", "local", "temp", "temporary", "unlogged", "recursive", "trusted"]) {
            temporary |= self.is_one_of(&["temp", "temporary"]);
            self.at += 1;
        }
        if is_default {
            return None;
        }
        match fold(self.text()).as_str() {
            "table" => {
                self.at += 1;
                self.create_table(temporary).map(Kind::CreateTable)
            }
            "unique" if self.take(&["unique", "index"]) => self.create_index(true),
            "index" => {
                self.at += 1;
                self.create_index(false)
            }
            "type" => {
                self.at += 1;
                let name = self.qualified()?;
                let mut labels = None;
                if self.take(&["as", "enum"]) {
                    let places = self.parentheses()?;
                    let tokens = self.tokens.get(places)?;
                    labels = Some(tokens.iter().filter_map(|token| token.string(self.sql)).collect());
                }
                Some(Kind::CreateType { name, labels })
            }
            "domain" => {
                self.at += 1;
                let name = self.qualified()?;
                let has_constraint = self.has_ahead(&["check"]) || self.has_ahead(&["not", "null"]);
                Some(Kind::CreateDomain { name, has_constraint })
            }
            "materialized" | "view" => {
                let materialized = self.take(&["materialized"]);
                self.expect(&["view"])?;
                let if_not_exists = self.if_not_exists();
                Some(Kind::CreateView { name: self.qualified()?, materialized, or_replace, if_not_exists })
            }
            word @ ("schema" | "sequence" | "extension") => {
                let object = match word {
                    "schema" => Object::Schema,
                    "sequence" => Object::Sequence,
                    _ => Object::Extension,
                };
                self.at += 1;
                let if_not_exists = self.if_not_exists();
                let name = if self.is(&["authorization"]) { None } else { Some(self.qualified()?) };
                Some(Kind::Create { object, name, if_not_exists })
            }
            "function" | "procedure" => {
                self.at += 1;
                let name = self.qualified()?;
                self.parentheses()?;
                let security_definer = self.has_ahead(&["security", "definer"]);
                let sets_search_path = self.has_ahead(&["set", "search_path"]);
                let returns_trigger =
                    self.has_ahead(&["returns", "trigger"]) || self.has_ahead(&["returns", "event_trigger"]);
                Some(Kind::CreateFunction(CreateFunction {
                    name,
                    or_replace,
                    security_definer,
                    sets_search_path,
                    returns_trigger,
                }))
            }
            "constraint" | "trigger" => {
                self.take(&["constraint"]);
                self.expect(&["trigger"])?;
                let name = self.name()?;
                let end = self.tokens.len();
                self.skip_to(end, |reader| reader.is(&["on"]));
                self.expect(&["on"])?;
                Some(Kind::CreateTrigger { name, table: self.qualified()?, or_replace })
            }
            "policy" => {
                self.at += 1;
                let name = self.name()?;
                self.expect(&["on"])?;
                Some(Kind::Policy { name, table: self.qualified()?, creates: true })
            }
            "database" => Some(Kind::Server("CREATE DATABASE")),
            "tablespace" => Some(Kind::Server("CREATE TABLESPACE")),
            // Without a slot to make it can run in a transaction.
            "subscription"
                if self.tokens.iter().any(|t| t.is(self.sql, "create_slot") || t.is(self.sql, "connect")) =>
            {
                None
            }
            "subscription" => Some(Kind::Server("CREATE SUBSCRIPTION")),
            "role" | "user" | "group" if !self.is(&["user", "mapping"]) => Some(Kind::Server("CREATE ROLE")),
            _ => None,
        }
    }

    fn create_table(&mut self, temporary: bool) -> Option<CreateTable> {
        let if_not_exists = self.if_not_exists();
        let name = self.qualified()?;
        let mut table = CreateTable {
            name,
            temporary,
            if_not_exists,
            columns: Vec::new(),
            constraints: Vec::new(),
            partition_of: None,
            as_query: false,
        };
        if self.take(&["partition", "of"]) {
            table.partition_of = Some(self.qualified()?);
        } else if self.take(&["of"]) {
            self.qualified()?;
        }
        let is_typed = table.partition_of.is_some();
        if self.is(&["("]) {
            let places = self.parentheses()?;
            let after = self.at;
            for part in self.parts(places) {
                self.at = part.start;
                if let Some(constraint) = self.constraint(part.end) {
                    table.constraints.push(constraint);
                } else if !is_typed && !self.is(&["like"]) {
                    self.at = part.start;
                    // A column that is not understood is left out; a list of names before a query has no types.
                    table.columns.extend(self.column(part.end));
                }
            }
            self.at = after;
        }
        table.as_query = self.has_ahead(&["as"]);
        Some(table)
    }

    /// The constraint that stands here by itself.
    fn constraint(&mut self, end: usize) -> Option<Constraint> {
        let start = self.at;
        let name = if self.take(&["constraint"]) { Some(self.name()?) } else { None };
        let kind = if self.take(&["check"]) {
            let places = self.parentheses()?;
            ConstraintKind::Check(self.bytes(places))
        } else if self.take(&["not", "null"]) {
            ConstraintKind::NotNull(self.name()?)
        } else if self.take(&["unique"]) {
            self.take(&["nulls", "not", "distinct"]);
            self.take(&["nulls", "distinct"]);
            let (columns, using_index) = self.keys()?;
            ConstraintKind::Unique { columns, using_index }
        } else if self.take(&["primary", "key"]) {
            let (columns, using_index) = self.keys()?;
            ConstraintKind::PrimaryKey { columns, using_index }
        } else if self.is(&["exclude"]) && (self.is(&["exclude", "using"]) || self.is(&["exclude", "("])) {
            ConstraintKind::Exclude
        } else if self.take(&["foreign", "key"]) {
            let columns = self.columns()?;
            self.expect(&["references"])?;
            ConstraintKind::ForeignKey { columns, references: self.reference(end)? }
        } else {
            return None;
        };
        self.skip_to(end, |reader| reader.is(&["not", "valid"]));
        let not_valid = self.at < end;
        self.at = end;
        Some(Constraint { name, range: self.bytes(start..end), kind, not_valid })
    }

    /// The columns of a key, or the index that gives them.
    fn keys(&mut self) -> Option<(Vec<String>, Option<String>)> {
        if self.take(&["using", "index"]) {
            return Some((Vec::new(), Some(self.name()?)));
        }
        Some((self.columns()?, None))
    }

    /// What stands behind `REFERENCES`.
    fn reference(&mut self, end: usize) -> Option<Reference> {
        let table = self.qualified()?;
        let columns = if self.at < end && self.is(&["("]) { self.columns()? } else { Vec::new() };
        let mut action = None;
        loop {
            if self.take(&["match"]) {
                self.at += 1;
            } else if self.take(&["on", "delete"]) || self.take(&["on", "update"]) {
                let done = match () {
                    () if self.take(&["set", "null"]) => Some("set null"),
                    () if self.take(&["set", "default"]) => Some("set default"),
                    () if self.take(&["no", "action"]) => None,
                    () if self.take(&["cascade"]) => Some("cascade"),
                    () => {
                        self.at += 1;
                        None
                    }
                };
                action = action.or(done.map(str::to_owned));
                if self.is(&["("]) {
                    self.parentheses()?;
                }
            } else {
                return Some(Reference { table, columns, action });
            }
        }
    }

    fn column(&mut self, end: usize) -> Option<Column> {
        let start = self.at;
        let name = self.name()?;
        let data_type = self.data_type(end)?;
        let mut column = Column {
            name,
            range: self.bytes(start..end),
            data_type,
            not_null: false,
            default: None,
            stored: false,
            identity: false,
            primary_key: false,
            unique: false,
            check: false,
            references: None,
        };
        while self.at < end {
            if self.take(&["constraint"]) {
                self.at += 1;
            } else if self.take(&["not", "null"]) {
                column.not_null = true;
            } else if self.take(&["default"]) {
                let from = self.at;
                // The first token may be NULL.
                if self.is(&["("]) {
                    self.parentheses()?;
                } else {
                    self.at += 1;
                }
                self.skip_to(end, |reader| reader.is_one_of(COLUMN_PARTS));
                column.default = Some(self.bytes(from..self.at));
            } else if self.take(&["generated"]) {
                self.take(&["always"]);
                self.take(&["by", "default"]);
                self.expect(&["as"])?;
                if self.take(&["identity"]) {
                    column.identity = true;
                    if self.is(&["("]) {
                        self.parentheses()?;
                    }
                } else {
                    self.parentheses()?;
                    column.stored = self.take(&["stored"]);
                    self.take(&["virtual"]);
                }
            } else if self.take(&["primary", "key"]) {
                column.primary_key = true;
            } else if self.take(&["unique"]) {
                column.unique = true;
            } else if self.take(&["check"]) {
                self.parentheses()?;
                column.check = true;
            } else if self.take(&["references"]) {
                column.references = Some(self.reference(end)?);
            } else if self.is(&["("]) {
                self.parentheses()?;
            } else {
                self.at += 1;
            }
        }
        self.at = end;
        Some(column)
    }

    /// The type here, up to what follows a type.
    fn data_type(&mut self, end: usize) -> Option<DataType> {
        self.take(&["setof"]);
        let start = self.at;
        let mut name = self.name()?;
        let mut is_quoted = self.tokens.get(start)?.kind == TokenKind::Quoted;
        while self.at < end && self.take(&["."]) {
            is_quoted |= self.tokens.get(self.at)?.kind == TokenKind::Quoted;
            let next = self.name()?;
            // pg_catalog.int4 is what int4 is; other schemas' types are their own.
            is_quoted |= name != "pg_catalog";
            name = next;
        }
        let mut data_type = DataType { name, ..DataType::default() };
        if !is_quoted {
            let words: &[(&str, &[&str], &str)] = &[
                ("double", &["precision"], "double precision"),
                ("character", &["varying"], "varchar"),
                ("char", &["varying"], "varchar"),
                ("national", &["character", "varying"], "varchar"),
                ("national", &["char", "varying"], "varchar"),
                ("national", &["character"], "char"),
                ("national", &["char"], "char"),
                ("nchar", &["varying"], "varchar"),
                ("bit", &["varying"], "varbit"),
            ];
            let longer = words.iter().find(|(first, rest, _)| data_type.name == *first && self.is(rest));
            if let Some((_, rest, canonical)) = longer {
                self.at += rest.len();
                data_type.name = (*canonical).to_owned();
            }
            data_type.name = canonical_name(&data_type.name).to_owned();
        }
        if self.at < end && self.is(&["("]) {
            let places = self.parentheses()?;
            let tokens = self.tokens.get(places)?;
            let is_minus = |n: usize| n > 0 && tokens[n - 1].is(self.sql, "-");
            let numbers = tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Number);
            let numbers = numbers.filter_map(|(n, token)| {
                let number: i64 = token.text(self.sql).parse().ok()?;
                Some(if is_minus(n) { -number } else { number })
            });
            data_type.arguments = numbers.collect();
        }
        if !is_quoted && matches!(data_type.name.as_str(), "timestamp" | "time") {
            if self.take(&["with", "time", "zone"]) {
                data_type.name.push_str("tz");
            }
            self.take(&["without", "time", "zone"]);
        }
        if !is_quoted && data_type.name == "interval" {
            while self.at < end && self.is_one_of(&["year", "month", "day", "hour", "minute", "second", "to"]) {
                self.at += 1;
            }
        }
        if self.take(&["array"]) {
            data_type.dimensions = 1;
        }
        while self.at < end && self.take(&["["]) {
            data_type.dimensions += 1;
            while self.at < end && !self.take(&["]"]) {
                self.at += 1;
            }
        }
        data_type.dimensions = data_type.dimensions.max(usize::from(self.tokens[..self.at].last()?.is(self.sql, "]")));
        let is_behind = self.at == end || self.is_one_of(COLUMN_PARTS) || self.is_one_of(&["using", "with", "options"]);
        is_behind.then_some(data_type)
    }

    fn create_index(&mut self, unique: bool) -> Option<Kind> {
        let concurrently = self.take(&["concurrently"]);
        let if_not_exists = self.if_not_exists();
        let name = if self.is(&["on"]) { None } else { Some(self.name()?) };
        self.expect(&["on"])?;
        let only = self.take(&["only"]);
        let table = self.qualified()?;
        if self.take(&["using"]) {
            self.name()?;
        }
        let places = self.parentheses()?;
        let after = self.at;
        let mut keys = Vec::new();
        for part in self.parts(places) {
            self.at = part.start;
            let column = self.name().filter(|_| !(self.at < part.end && (self.is(&["("]) || self.is(&["."]))));
            keys.push(column);
        }
        self.at = after;
        let partial = self.has_ahead(&["where"]);
        Some(Kind::CreateIndex(CreateIndex { name, table, unique, concurrently, if_not_exists, only, keys, partial }))
    }

    fn drop(&mut self) -> Option<Kind> {
        let object = match () {
            () if self.take(&["table"]) => Object::Table,
            () if self.take(&["foreign", "table"]) => Object::ForeignTable,
            () if self.take(&["view"]) => Object::View,
            () if self.take(&["materialized", "view"]) => Object::MaterializedView,
            () if self.take(&["index"]) => Object::Index,
            () if self.take(&["sequence"]) => Object::Sequence,
            () if self.take(&["schema"]) => Object::Schema,
            () if self.take(&["extension"]) => Object::Extension,
            () if self.take(&["type"]) => Object::Type,
            () if self.take(&["domain"]) => Object::Domain,
            () if self.take(&["function"]) => Object::Function,
            () if self.take(&["procedure"]) => Object::Procedure,
            () if self.take(&["routine"]) => Object::Routine,
            () if self.take(&["aggregate"]) => Object::Aggregate,
            () if self.take(&["trigger"]) => Object::Trigger,
            () if self.take(&["policy"]) => Object::Policy,
            () if self.take(&["rule"]) => Object::Rule,
            () if self.take(&["statistics"]) => Object::Statistics,
            () if self.take(&["database"]) => return Some(Kind::Server("DROP DATABASE")),
            () if self.take(&["tablespace"]) => return Some(Kind::Server("DROP TABLESPACE")),
            () if self.is_one_of(&["role", "user", "group"]) && !self.is(&["user", "mapping"]) => {
                return Some(Kind::Server("DROP ROLE"));
            }
            () => return None,
        };
        let concurrently = object == Object::Index && self.take(&["concurrently"]);
        let if_exists = self.if_exists();
        let mut names = Vec::new();
        loop {
            names.push(self.qualified()?);
            if self.is(&["("]) {
                self.parentheses()?;
            }
            if matches!(object, Object::Trigger | Object::Policy | Object::Rule) {
                self.expect(&["on"])?;
                // Its table is what it is part of.
                let table = self.qualified()?;
                if let Some(name) = names.last_mut() {
                    name.schema = Some(table.name);
                }
            }
            if !self.take(&[","]) {
                break;
            }
        }
        let cascade = self.take(&["cascade"]);
        self.take(&["restrict"]);
        self.is_end().then_some(Kind::Drop(Drop { object, names, if_exists, cascade, concurrently }))
    }

    fn alter(&mut self) -> Option<Kind> {
        match fold(self.text()).as_str() {
            "table" => {
                self.at += 1;
                self.alter_table()
            }
            "type" => {
                self.at += 1;
                let name = self.qualified()?;
                Some(Kind::AlterType { name, change: self.type_change()? })
            }
            "domain" => {
                self.at += 1;
                let name = self.qualified()?;
                let change = match () {
                    () if self.take(&["add"]) => {
                        DomainChange::AddConstraint { not_valid: self.has_ahead(&["not", "valid"]) }
                    }
                    () if self.take(&["validate"]) => DomainChange::ValidateConstraint,
                    () if self.take(&["set", "not", "null"]) => DomainChange::SetNotNull,
                    () if self.take(&["rename", "to"]) => DomainChange::Rename(self.name()?),
                    () => DomainChange::Other,
                };
                Some(Kind::AlterDomain { name, change })
            }
            "policy" => {
                self.at += 1;
                let name = self.name()?;
                self.expect(&["on"])?;
                Some(Kind::Policy { name, table: self.qualified()?, creates: false })
            }
            "default" => {
                self.expect(&["default", "privileges"])?;
                let end = self.tokens.len();
                self.skip_to(end, |reader| reader.is_one_of(&["grant", "revoke"]));
                if self.take(&["grant"]) {
                    return Some(self.grant(true));
                }
                self.take(&["revoke"]).then_some(Kind::Revoke)
            }
            "system" => Some(Kind::Server("ALTER SYSTEM")),
            "database" if self.has_ahead(&["set", "tablespace"]) => Some(Kind::Server("ALTER TABLESPACE OF DATABASE")),
            "database" => Some(Kind::Server("ALTER DATABASE")),
            "role" | "user" | "group" if !self.is(&["user", "mapping"]) => Some(Kind::Server("ALTER ROLE")),
            _ => self.alter_other(),
        }
    }

    fn alter_other(&mut self) -> Option<Kind> {
        let object = match () {
            () if self.take(&["view"]) => Object::View,
            () if self.take(&["materialized", "view"]) => Object::MaterializedView,
            () if self.take(&["foreign", "table"]) => Object::ForeignTable,
            () if self.take(&["index"]) => Object::Index,
            () if self.take(&["sequence"]) => Object::Sequence,
            () if self.take(&["schema"]) => Object::Schema,
            () if self.take(&["extension"]) => Object::Extension,
            () if self.take(&["function"]) => Object::Function,
            () if self.take(&["procedure"]) => Object::Procedure,
            () if self.take(&["routine"]) => Object::Routine,
            () if self.take(&["aggregate"]) => Object::Aggregate,
            () if self.take(&["trigger"]) => Object::Trigger,
            () => return None,
        };
        self.if_exists();
        let name = self.qualified()?;
        if self.is(&["("]) {
            self.parentheses()?;
        }
        if object == Object::Trigger {
            self.expect(&["on"])?;
            self.qualified()?;
        }
        let change = match () {
            () if self.take(&["rename", "to"]) => OtherChange::Rename(self.name()?),
            () if self.take(&["rename"]) => {
                self.take(&["column"]);
                OtherChange::RenameColumn(self.name()?)
            }
            () if self.take(&["set", "schema"]) => OtherChange::SetSchema(self.name()?),
            () => OtherChange::Other,
        };
        Some(Kind::AlterOther { object, name, change })
    }

    fn type_change(&mut self) -> Option<TypeChange> {
        Some(match () {
            () if self.take(&["add", "value"]) => {
                let if_not_exists = self.if_not_exists();
                let value = self.string()?;
                TypeChange::AddValue { value, if_not_exists, placed: self.is_one_of(&["before", "after"]) }
            }
            () if self.take(&["rename", "value"]) => {
                let from = self.string()?;
                self.expect(&["to"])?;
                TypeChange::RenameValue { from, to: self.string()? }
            }
            () if self.take(&["rename", "to"]) => TypeChange::Rename(self.name()?),
            () if self.take(&["rename", "attribute"]) => TypeChange::RenameAttribute(self.name()?),
            () if self.take(&["set", "schema"]) => TypeChange::SetSchema(self.name()?),
            () if self.take(&["add", "attribute"]) => TypeChange::Attribute("ADD"),
            () if self.take(&["drop", "attribute"]) => TypeChange::Attribute("DROP"),
            () if self.take(&["alter", "attribute"]) => TypeChange::Attribute("ALTER"),
            () => TypeChange::Other,
        })
    }

    fn alter_table(&mut self) -> Option<Kind> {
        if self.is(&["all", "in", "tablespace"]) {
            return None;
        }
        self.if_exists();
        self.take(&["only"]);
        let name = self.qualified()?;
        self.take(&["*"]);
        let places = self.at..self.tokens.len();
        let mut actions = Vec::new();
        for part in self.parts(places) {
            self.at = part.start;
            let change = self.change(part.end).unwrap_or(Change::Other);
            actions.push(Action { range: self.bytes(part), change });
        }
        Some(Kind::AlterTable(AlterTable { name, actions }))
    }

    fn change(&mut self, end: usize) -> Option<Change> {
        let first = fold(self.text());
        self.at += 1;
        Some(match first.as_str() {
            "add" => {
                let start = self.at;
                if let Some(constraint) = self.constraint(end) {
                    return Some(Change::AddConstraint(constraint));
                }
                self.at = start;
                if self.is(&["constraint"]) {
                    return None;
                }
                self.take(&["column"]);
                let if_not_exists = self.if_not_exists();
                Change::AddColumn { column: self.column(end)?, if_not_exists }
            }
            "drop" if self.take(&["constraint"]) => {
                let if_exists = self.if_exists();
                let name = self.name()?;
                Change::DropConstraint { name, if_exists, cascade: self.take(&["cascade"]) }
            }
            "drop" => {
                self.take(&["column"]);
                let if_exists = self.if_exists();
                let name = self.name()?;
                Change::DropColumn { name, if_exists, cascade: self.take(&["cascade"]) }
            }
            "alter" if self.take(&["constraint"]) => Change::AlterConstraint(self.name()?),
            "alter" => {
                self.take(&["column"]);
                let name = self.name()?;
                Change::AlterColumn { name, change: self.column_change(end)? }
            }
            "validate" if self.take(&["constraint"]) => Change::ValidateConstraint(self.name()?),
            "rename" if self.take(&["to"]) => Change::RenameTable(self.name()?),
            "rename" if self.take(&["constraint"]) => Change::RenameConstraint,
            "rename" => {
                self.take(&["column"]);
                let from = self.name()?;
                self.expect(&["to"])?;
                Change::RenameColumn { from, to: self.name()? }
            }
            "set" if self.take(&["schema"]) => Change::SetSchema(self.name()?),
            "set" if self.is(&["tablespace"]) => Change::Move("SET TABLESPACE"),
            "set" if self.is(&["logged"]) => Change::Move("SET LOGGED"),
            "set" if self.is(&["unlogged"]) => Change::Move("SET UNLOGGED"),
            "set" if self.is(&["access", "method"]) => Change::Move("SET ACCESS METHOD"),
            "set" | "reset" if self.is(&["("]) => Change::Parameters,
            "enable" if self.is(&["row", "level", "security"]) => Change::RowSecurity("ENABLE"),
            "disable" if self.is(&["row", "level", "security"]) => Change::RowSecurity("DISABLE"),
            "force" if self.is(&["row", "level", "security"]) => Change::RowSecurity("FORCE"),
            "no" if self.is(&["force", "row", "level", "security"]) => Change::RowSecurity("NO FORCE"),
            "disable" if self.take(&["trigger"]) => Change::DisableTrigger(self.name()?),
            "enable" if self.is_one_of(&["trigger", "replica", "always"]) && !self.is_at(self.at + 1, &["rule"]) => {
                Change::EnableTrigger
            }
            "attach" if self.take(&["partition"]) => Change::AttachPartition { partition: self.qualified()? },
            "detach" if self.take(&["partition"]) => {
                let partition = self.qualified()?;
                let concurrently = self.take(&["concurrently"]);
                Change::DetachPartition { partition, concurrently, finalize: self.take(&["finalize"]) }
            }
            "inherit" => Change::Inheritance,
            "no" if self.is(&["inherit"]) => Change::Inheritance,
            "owner" => Change::Owner,
            "replica" if self.is(&["identity"]) => Change::ReplicaIdentity,
            _ => return None,
        })
    }

    fn column_change(&mut self, end: usize) -> Option<ColumnChange> {
        if self.take(&["set", "data", "type"]) || self.take(&["type"]) {
            let to = self.data_type(end)?;
            self.skip_to(end, |reader| reader.is(&["using"]));
            return Some(ColumnChange::Type { to, using: self.at < end });
        }
        Some(match () {
            () if self.take(&["set", "default"]) => ColumnChange::SetDefault(self.bytes(self.at..end)),
            () if self.take(&["drop", "default"]) => ColumnChange::DropDefault,
            () if self.take(&["set", "not", "null"]) => ColumnChange::SetNotNull,
            () if self.take(&["drop", "not", "null"]) => ColumnChange::DropNotNull,
            () if self.take(&["set", "expression"]) => ColumnChange::SetExpression,
            () if self.take(&["drop", "expression"]) => ColumnChange::DropExpression,
            () if self.take(&["drop", "identity"]) => ColumnChange::DropIdentity,
            () if self.take(&["add", "generated"]) => ColumnChange::AddIdentity,
            () => ColumnChange::Other,
        })
    }

    /// Behind `WITH`: what the statement is at its end. A query in parentheses may write as well; then nothing is said.
    fn with(&mut self) -> Option<Kind> {
        let end = self.tokens.len();
        let verbs = ["update", "delete", "insert", "merge"];
        let is_writer = |n: usize| verbs.iter().any(|verb| self.is_at(n, &["(", verb]));
        if (0..end).any(is_writer) {
            return None;
        }
        self.skip_to(end, |reader| {
            reader.is_one_of(&["select", "update", "delete", "insert", "values", "table", "merge"])
        });
        let verb = fold(self.text());
        self.at += 1;
        match verb.as_str() {
            "select" | "values" | "table" => Some(Kind::Select),
            "update" => self.update(),
            "delete" => self.delete(),
            "insert" => self.insert(),
            _ => None,
        }
    }

    fn update(&mut self) -> Option<Kind> {
        self.take(&["only"]);
        let table = self.qualified()?;
        let end = self.tokens.len();
        self.skip_to(end, |reader| reader.is(&["set"]));
        self.expect(&["set"])?;
        let start = self.at;
        let has_where = self.has_ahead(&["where"]);
        self.skip_to(end, |reader| reader.is_one_of(&["where", "from", "returning"]));
        let mut columns = Vec::new();
        for part in self.parts(start..self.at) {
            self.at = part.start;
            if self.is(&["("]) {
                columns.extend(self.columns()?);
            } else {
                columns.push(self.name()?);
            }
        }
        Some(Kind::Update(Write { table, has_where, columns }))
    }

    fn delete(&mut self) -> Option<Kind> {
        self.expect(&["from"])?;
        self.take(&["only"]);
        let table = self.qualified()?;
        Some(Kind::Delete(Write { table, has_where: self.has_ahead(&["where"]), columns: Vec::new() }))
    }

    fn insert(&mut self) -> Option<Kind> {
        self.expect(&["into"])?;
        let table = self.qualified()?;
        Some(Kind::Insert(Write { table, has_where: self.has_ahead(&["where"]), columns: Vec::new() }))
    }

    fn lock(&mut self) -> Option<Kind> {
        self.take(&["table"]);
        let tables = self.qualified_list()?;
        let mut mode = "access exclusive".to_owned();
        if self.take(&["in"]) {
            let start = self.at;
            let end = self.tokens.len();
            self.skip_to(end, |reader| reader.is(&["mode"]));
            let words = self.tokens.get(start..self.at)?;
            mode = words.iter().map(|word| fold(word.text(self.sql))).collect::<Vec<_>>().join(" ");
        }
        Some(Kind::Lock { tables, mode })
    }

    fn reindex(&mut self) -> Option<Kind> {
        let mut concurrently = self.option("concurrently");
        if self.is(&["("]) {
            self.parentheses()?;
        }
        let scope = fold(self.text());
        if !matches!(scope.as_str(), "index" | "table" | "schema" | "database" | "system") {
            return None;
        }
        self.at += 1;
        concurrently |= self.take(&["concurrently"]);
        let name = if self.is_end() { None } else { Some(self.qualified()?) };
        Some(Kind::Reindex { scope, name, concurrently })
    }

    fn cluster(&mut self) -> Option<Kind> {
        if self.is(&["("]) {
            self.parentheses()?;
        }
        self.take(&["verbose"]);
        if self.is_end() {
            return Some(Kind::Cluster { table: None });
        }
        let mut table = self.qualified()?;
        if self.take(&["on"]) {
            table = self.qualified()?;
        }
        Some(Kind::Cluster { table: Some(table) })
    }

    fn grant(&mut self, by_default: bool) -> Kind {
        let start = self.at;
        let end = self.tokens.len();
        self.skip_to(end, |reader| reader.is(&["to"]));
        let what = self.sql.get(self.bytes(start..self.at)).unwrap_or_default().to_owned();
        let to_public = self.tokens.get(self.at..end).unwrap_or_default().iter().any(|t| t.is(self.sql, "public"));
        Kind::Grant { to_public, what, by_default }
    }

    fn set(&mut self) -> Option<Kind> {
        let local = self.take(&["local"]);
        if !local {
            self.take(&["session"]);
        }
        if self.is_one_of(&["constraints", "transaction", "characteristics", "role", "authorization"]) {
            return None;
        }
        let mut name = self.name()?;
        while self.take(&["."]) {
            name = format!("{name}.{}", self.name()?);
        }
        if !self.take(&["="]) && !self.take(&["to"]) {
            return None;
        }
        let value = match self.tokens.get(self.at..)? {
            [one] => one.string(self.sql).unwrap_or_else(|| fold(one.text(self.sql))),
            _ => String::new(),
        };
        Some(Kind::Set { name, value, local })
    }

    /// `SELECT set_config('name', 'value', true)`, as dumps write it.
    fn set_config(&mut self) -> Option<Kind> {
        self.take(&["pg_catalog", "."]);
        self.expect(&["set_config", "("])?;
        let name = fold(&self.string()?);
        self.expect(&[","])?;
        let value = self.string()?;
        self.expect(&[","])?;
        let local = self.is_one_of(&["true", "'t'"]);
        self.at += 1;
        self.expect(&[")"])?;
        self.is_end().then_some(Kind::Set { name, value, local })
    }
}

/// The name that PostgreSQL prints for a type, where it has several.
fn canonical_name(name: &str) -> &str {
    match name {
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "int2" => "smallint",
        "serial4" => "serial",
        "serial8" => "bigserial",
        "serial2" => "smallserial",
        "character" | "nchar" => "char",
        "decimal" | "dec" => "numeric",
        "float4" => "real",
        "float8" | "float" => "double precision",
        "bool" => "boolean",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(sql: &str) -> Kind {
        Statement::read(sql).kind
    }

    fn name(text: &str) -> Name {
        match text.split_once('.') {
            Some((schema, name)) => Name { schema: Some(schema.into()), name: name.into() },
            None => Name { schema: None, name: text.into() },
        }
    }

    fn changes(sql: &str) -> Vec<Change> {
        let Kind::AlterTable(alter) = kind(sql) else { panic!("{sql}: {:?}", kind(sql)) };
        alter.actions.into_iter().map(|action| action.change).collect()
    }

    fn data_type(text: &str) -> String {
        let sql = format!("ALTER TABLE a ALTER b TYPE {text}");
        match changes(&sql).remove(0) {
            Change::AlterColumn { change: ColumnChange::Type { to, .. }, .. } => to.to_string(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn types_have_one_name() {
        for (text, expected) in [
            ("INT", "integer"),
            ("pg_catalog.int8", "bigint"),
            ("character varying(10) COLLATE \"C\"", "varchar(10)"),
            ("varchar", "varchar"),
            ("numeric(10, -2)", "numeric(10, -2)"),
            ("timestamp(3) with time zone USING now()", "timestamptz(3)"),
            ("timestamp without time zone", "timestamp"),
            ("double precision", "double precision"),
            ("text[][]", "text[][]"),
            ("integer ARRAY[3]", "integer[][]"),
            ("interval day to second", "interval"),
            ("app.\"Int\"", "Int"),
            ("app.int4", "int4"),
            ("bit varying(3)", "varbit(3)"),
        ] {
            assert_eq!(data_type(text), expected);
        }
    }

    #[test]
    fn columns_and_constraints_of_a_table() {
        let sql = "CREATE TABLE IF NOT EXISTS app.notes (\n  id bigint GENERATED ALWAYS AS IDENTITY (START 5) PRIMARY KEY,\n\
                   body text DEFAULT 'a, b' || ('c')::text NOT NULL CHECK (length(body) > 0),\n\
                   \"Owner\" integer CONSTRAINT fk REFERENCES users (id) ON DELETE SET NULL (\"Owner\") ON UPDATE NO ACTION,\n\
                   size int GENERATED ALWAYS AS (length(body)) STORED, none text DEFAULT NULL,\n\
                   CONSTRAINT u UNIQUE NULLS NOT DISTINCT (body, \"Owner\"), EXCLUDE USING gist (id WITH =),\n\
                   FOREIGN KEY (id, size) REFERENCES other ON DELETE CASCADE, LIKE third INCLUDING ALL)\n\
                   PARTITION BY RANGE (id)";
        let Kind::CreateTable(table) = kind(sql) else { panic!() };
        assert_eq!(table.name, name("app.notes"));
        assert!(table.if_not_exists && !table.temporary && !table.as_query);
        let [id, body, owner, size, none] = &table.columns[..] else { panic!("{:#?}", table.columns) };
        assert!(id.identity && id.primary_key && !id.not_null);
        assert!(body.not_null && body.check);
        assert_eq!(&sql[body.default.clone().unwrap()], "'a, b' || ('c')::text");
        assert_eq!(&sql[none.default.clone().unwrap()], "NULL");
        let reference = owner.references.as_ref().unwrap();
        assert_eq!((owner.name.as_str(), &reference.table), ("Owner", &name("users")));
        assert_eq!(reference.action.as_deref(), Some("set null"));
        assert!(size.stored);
        assert_eq!(table.constraints.len(), 3);
        assert_eq!(table.constraints[0].name.as_deref(), Some("u"));
        let ConstraintKind::ForeignKey { columns, references } = &table.constraints[2].kind else { panic!() };
        assert_eq!((columns.len(), references.action.as_deref()), (2, Some("cascade")));
    }

    #[test]
    fn other_ways_to_make_a_table() {
        let Kind::CreateTable(table) = kind("CREATE TEMP TABLE a (b, c) AS SELECT 1, 2") else { panic!() };
        assert!(table.temporary && table.as_query && table.columns.is_empty());
        let Kind::CreateTable(table) = kind("CREATE TABLE p PARTITION OF a (CHECK (b > 1)) FOR VALUES IN (1)") else {
            panic!()
        };
        assert_eq!((table.partition_of, table.constraints.len()), (Some(name("a")), 1));
    }

    #[test]
    fn actions_are_cut_at_commas() {
        let sql = "ALTER TABLE IF EXISTS ONLY app.a * ADD b numeric(1, 2) DEFAULT greatest(1, 2), DROP COLUMN IF EXISTS c CASCADE, \
                   ALTER d SET NOT NULL, ADD CONSTRAINT e FOREIGN KEY (f, g) REFERENCES h (i, j) NOT VALID, \
                   VALIDATE CONSTRAINT k, ALTER COLUMN l SET DATA TYPE text USING l::text, \
                   ADD PRIMARY KEY USING INDEX m, ALTER CONSTRAINT n DEFERRABLE";
        let changes = changes(sql);
        assert_eq!(changes.len(), 8);
        assert!(matches!(&changes[0], Change::AddColumn { column, .. } if column.data_type.arguments == [1, 2]));
        assert_eq!(changes[1], Change::DropColumn { name: "c".into(), if_exists: true, cascade: true });
        assert_eq!(changes[2], Change::AlterColumn { name: "d".into(), change: ColumnChange::SetNotNull });
        assert!(matches!(&changes[3], Change::AddConstraint(c) if c.not_valid && c.name.as_deref() == Some("e")));
        assert_eq!(changes[4], Change::ValidateConstraint("k".into()));
        assert!(matches!(&changes[5], Change::AlterColumn { change: ColumnChange::Type { using: true, .. }, .. }));
        let expected = ConstraintKind::PrimaryKey { columns: Vec::new(), using_index: Some("m".into()) };
        assert!(matches!(&changes[6], Change::AddConstraint(c) if c.kind == expected));
        assert_eq!(changes[7], Change::AlterConstraint("n".into()));
    }

    #[test]
    fn renames_and_partitions() {
        assert_eq!(changes("ALTER TABLE a RENAME TO b"), [Change::RenameTable("b".into())]);
        let expected = Change::RenameColumn { from: "b".into(), to: "C".into() };
        assert_eq!(changes("ALTER TABLE a RENAME b TO \"C\""), [expected]);
        let expected = Change::DetachPartition { partition: name("b"), concurrently: true, finalize: false };
        assert_eq!(changes("ALTER TABLE a DETACH PARTITION b CONCURRENTLY"), [expected]);
        assert_eq!(changes("ALTER TABLE a DISABLE TRIGGER ALL"), [Change::DisableTrigger("all".into())]);
        assert_eq!(changes("ALTER TABLE a NO FORCE ROW LEVEL SECURITY"), [Change::RowSecurity("NO FORCE")]);
    }

    #[test]
    fn indexes() {
        let sql = "create unique index concurrently if not exists i on only a using btree (b desc, (c + 1), lower(d)) include (e) where f";
        let Kind::CreateIndex(index) = kind(sql) else { panic!() };
        assert!(index.unique && index.concurrently && index.if_not_exists && index.only && index.partial);
        assert_eq!(index.keys, [Some("b".to_owned()), None, None]);
        let Kind::CreateIndex(index) = kind("CREATE INDEX ON a (b)") else { panic!() };
        assert_eq!(index.name, None);
        let expected = Drop {
            object: Object::Index,
            names: vec![name("i"), name("s.j")],
            if_exists: true,
            cascade: true,
            concurrently: true,
        };
        assert_eq!(kind("DROP INDEX CONCURRENTLY IF EXISTS i, s.j CASCADE"), Kind::Drop(expected));
    }

    #[test]
    fn what_runs_outside_of_transactions() {
        for (sql, expected) in [
            ("CREATE INDEX CONCURRENTLY i ON a (b)", Transaction::Outside),
            ("CREATE INDEX concurrently ON a (b)", Transaction::Outside),
            ("CREATE INDEX i ON a (b)", Transaction::Any),
            ("REINDEX (VERBOSE, CONCURRENTLY) TABLE a", Transaction::Outside),
            ("REINDEX TABLE CONCURRENTLY a", Transaction::Outside),
            ("REINDEX (CONCURRENTLY false) TABLE a", Transaction::Any),
            ("REINDEX DATABASE a", Transaction::Outside),
            ("VACUUM (FULL, ANALYZE) a", Transaction::Outside),
            ("CREATE DATABASE a", Transaction::Outside),
            ("DROP TABLESPACE a", Transaction::Outside),
            ("ALTER SYSTEM SET work_mem = '1GB'", Transaction::Outside),
            ("CREATE ROLE a", Transaction::Any),
            ("ALTER DATABASE a SET work_mem = '1MB'", Transaction::Any),
            ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", Transaction::Outside),
            ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = false)", Transaction::Any),
            ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY", Transaction::Outside),
            ("ALTER TYPE t ADD VALUE 'x' AFTER 'y'", Transaction::WithCare),
            ("CLUSTER", Transaction::Outside),
            ("CLUSTER a USING i", Transaction::Any),
            ("SELECT 'VACUUM'", Transaction::Any),
        ] {
            assert_eq!(Statement::read(sql).transaction(), expected, "{sql}");
        }
    }

    #[test]
    fn rows() {
        let write = |table: &str, has_where, columns: &[&str]| Write {
            table: name(table),
            has_where,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        };
        assert_eq!(
            kind("UPDATE ONLY a AS x SET b = (SELECT 1 WHERE true), (c, d) = ROW(1, 2) FROM e"),
            Kind::Update(write("a", false, &["b", "c", "d"]))
        );
        assert_eq!(kind("WITH q AS (SELECT 1) DELETE FROM a WHERE b"), Kind::Delete(write("a", true, &[])));
        assert_eq!(kind("WITH q AS (DELETE FROM a RETURNING *) SELECT 1"), Kind::Other("with q".into()));
        assert_eq!(kind("(SELECT 1)"), Kind::Select);
        assert_eq!(
            kind("LOCK a, b IN SHARE MODE NOWAIT"),
            Kind::Lock { tables: vec![name("a"), name("b")], mode: "share".into() }
        );
    }

    #[test]
    fn settings_and_transactions() {
        let set = |name: &str, value: &str, local| Kind::Set { name: name.into(), value: value.into(), local };
        assert_eq!(kind("SET LOCAL lock_timeout = '5s'"), set("lock_timeout", "5s", true));
        assert_eq!(kind("set search_path to a, b"), set("search_path", "", false));
        let sql = "SELECT pg_catalog.set_config('search_path', '', false)";
        assert_eq!(kind(sql), set("search_path", "", false));
        assert_eq!(kind("START TRANSACTION"), Kind::Begin);
        assert_eq!(kind("END"), Kind::Commit);
        assert_eq!(kind("ROLLBACK TO a"), Kind::Savepoint);
        assert_eq!(kind("COMMIT PREPARED 'a'"), Kind::Other("commit prepared".into()));
    }

    #[test]
    fn other_objects() {
        assert!(matches!(kind("CREATE TYPE a AS ENUM ('x', 'it''s')"),
            Kind::CreateType { labels: Some(labels), .. } if labels == ["x", "it's"]));
        assert!(
            matches!(kind("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'x'"),
            Kind::CreateFunction(f) if f.security_definer && f.sets_search_path)
        );
        assert!(matches!(kind("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'security definer'"),
            Kind::CreateFunction(f) if !f.security_definer));
        assert!(
            matches!(kind("CREATE CONSTRAINT TRIGGER t AFTER UPDATE OF a, b ON c.d FOR EACH ROW EXECUTE FUNCTION f()"),
            Kind::CreateTrigger { table, .. } if table == name("c.d"))
        );
        assert!(matches!(
            kind("ALTER VIEW v RENAME COLUMN a TO b"),
            Kind::AlterOther { object: Object::View, change: OtherChange::RenameColumn(_), .. }
        ));
        assert!(matches!(kind("ALTER DEFAULT PRIVILEGES IN SCHEMA a GRANT SELECT ON TABLES TO PUBLIC"),
            Kind::Grant { to_public: true, by_default: true, what } if what == "SELECT ON TABLES"));
        assert!(matches!(kind("DROP TRIGGER IF EXISTS t ON a"), Kind::Drop(d) if d.names == [name("a.t")]));
        assert_eq!(kind("DROP CAST (a AS b)"), Kind::Other("drop cast".into()));
    }

    #[test]
    fn nothing_that_is_cut_off_is_taken_for_something() {
        for sql in [
            "",
            ";",
            "CREATE",
            "CREATE TABLE",
            "ALTER TABLE",
            "DROP INDEX",
            "CREATE INDEX i ON",
            "UPDATE a",
            "WITH",
            "SET",
            "ALTER TYPE a ADD VALUE",
            "CREATE TABLE a (",
            "ALTER TABLE a ADD",
            "GRANT",
            "LOCK",
            "'a'",
            "REINDEX",
        ] {
            let statement = Statement::read(sql);
            statement.transaction();
        }
        assert_eq!(
            kind("ALTER TABLE a FROBNICATE b"),
            Kind::AlterTable(AlterTable {
                name: name("a"),
                actions: vec![Action { range: 14..26, change: Change::Other }],
            })
        );
    }

    /// Words that matter, put together at random: whatever comes out, it is read, and its places are in the text.
    #[test]
    fn any_text_is_read() {
        let words = [
            "CREATE",
            "ALTER",
            "DROP",
            "TABLE",
            "INDEX",
            "a",
            "\"b\"",
            "(",
            ")",
            ",",
            ".",
            ";",
            "ADD",
            "COLUMN",
            "CONSTRAINT",
            "CHECK",
            "UNIQUE",
            "PRIMARY KEY",
            "REFERENCES",
            "FOREIGN KEY",
            "DEFAULT",
            "NOT",
            "NULL",
            "VALID",
            "USING",
            "ON",
            "TYPE",
            "SET",
            "TO",
            "'x'",
            "1",
            "[",
            "]",
            "timestamp",
            "with",
            "time zone",
            "numeric",
            "interval",
            "ONLY",
            "IF",
            "EXISTS",
            "CONCURRENTLY",
            "CASCADE",
            "UPDATE",
            "DELETE FROM",
            "INSERT INTO",
            "SELECT",
            "WHERE",
            "WITH",
            "AS",
            "GRANT",
            "LOCK",
            "VACUUM",
            "REINDEX",
            "PARTITION OF",
            "ATTACH PARTITION",
            "GENERATED",
            "STORED",
            "FUNCTION",
            "POLICY",
            "TRIGGER",
            "ROW LEVEL SECURITY",
            "ENABLE",
            "RENAME",
            "VALUE",
            "DOMAIN",
            "set_config",
            "-- c\n",
            "::",
            "EXCLUDE",
        ];
        let mut seed = 3u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for round in 0..60_000 {
            let start = ["CREATE TABLE a (", "ALTER TABLE a", "", "CREATE", "ALTER"][round % 5];
            let rest: Vec<&str> = (0..next(14)).map(|_| words[next(words.len())]).collect();
            let text = format!("{start} {}", rest.join(" "));
            let statement = Statement::read(&text);
            statement.transaction();
            if let Kind::AlterTable(alter) = &statement.kind {
                for action in &alter.actions {
                    assert!(text.get(action.range.clone()).is_some(), "{text}");
                    statement.tokens_in(&action.range);
                }
            }
        }
    }
}
