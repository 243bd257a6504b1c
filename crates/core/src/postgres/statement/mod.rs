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
