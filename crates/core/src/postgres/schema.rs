//! The schema of a PostgreSQL database, as PostgreSQL itself tells it.
//!
//! Unlike SQLite, PostgreSQL does not keep what was written: it keeps what it understood, and prints that. So every
//! text in here was printed by the server, with an empty `search_path`, and two texts that mean the same to it are the
//! same. The declared schema is executed by a server and read by the same queries, never parsed here.
//!
//! **Invariant:** names are exact: PostgreSQL folds what is not quoted before it keeps it.
//! **Invariant:** what an extension made, what the system made, and what PostgreSQL makes by itself for another object
//! (the index of a primary key, the constraint of a partition that its parent has) is not in a schema.

use std::collections::BTreeMap;
use std::fmt;

use super::token::quote_name;

/// Everything a database declares, by identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// The objects.
    pub objects: BTreeMap<ObjectId, Object>,
    /// The server's version, as a number: 15.4 is 150004.
    pub version: u32,
}

/// The kinds of objects, in the order in which they are made where nothing else decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A schema, as in `CREATE SCHEMA`.
    Namespace,
    /// An extension.
    Extension,
    /// A collation.
    Collation,
    /// An enum type.
    Enum,
    /// A composite type.
    Composite,
    /// A range type.
    Range,
    /// A domain.
    Domain,
    /// A sequence, but not that of an identity column.
    Sequence,
    /// A function or a procedure.
    Routine,
    /// An aggregate.
    Aggregate,
    /// A table, partitions and partitioned ones among them.
    Table,
    /// A primary key, unique, check or exclusion constraint, or a foreign key.
    Constraint,
    /// An index that belongs to no constraint.
    Index,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// Extended statistics.
    Statistics,
    /// A rewrite rule that is not a view's own.
    Rule,
    /// A trigger, constraint triggers among them.
    Trigger,
    /// A row-level security policy.
    Policy,
    /// A kind that is seen and not changed: an operator, a cast, a publication.
    Other,
}

/// Which object it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// The schema it stands in; empty where it stands in none.
    pub schema: String,
    /// The table it belongs to, for constraints, triggers, rules and policies; else empty.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The types of a routine's arguments, as in `integer, text`; else empty.
    pub arguments: String,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Which one it is.
    pub id: ObjectId,
    /// Its comment.
    pub comment: Option<String>,
    /// Its owner and the rights of roles, where it has others than a new one would have. They are no part of the
    /// declared schema: what is dropped and made anew gets them back.
    pub rights: Rights,
    /// What it cannot be without.
    pub needs: Vec<Need>,
    /// What it is.
    pub body: Body,
}

/// Who owns an object, and who may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// The owner as SQL names it, where it is not the role that reads.
    pub owner: Option<String>,
    /// Whether rights were ever given or taken: a new one has others.
    pub is_set: bool,
    /// The rights.
    pub grants: Vec<Grant>,
}

/// A right of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The right, such as `SELECT`.
    pub right: String,
    /// The column, where it is for that alone.
    pub column: Option<String>,
    /// The role as SQL names it.
    pub role: String,
    /// Whether it may be passed on.
    pub grantable: bool,
}

/// That one object cannot be without another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Need {
    /// The other object.
    pub on: ObjectId,
    /// The column of it, where only one is needed.
    pub column: Option<String>,
    /// The column of this table whose default or expression has the need, where it is that.
    pub of: Option<String>,
}

/// What an object is, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `CREATE SCHEMA`
    Namespace,
    /// `CREATE EXTENSION`
    Extension {
        /// The schema its objects stand in.
        schema: String,
    },
    /// An enum, by its labels in order.
    Enum(Vec<String>),
    /// A composite type.
    Composite(Vec<Attribute>),
    /// A domain.
    Domain(Domain),
    /// A sequence.
    Sequence(Sequence),
    /// A routine.
    Routine(Routine),
    /// A table.
    Table(Box<Table>),
    /// A constraint.
    Constraint(Constraint),
    /// An index.
    Index(Index),
    /// A view or a materialised view.
    View(View),
    /// A trigger.
    Trigger(Toggled),
    /// A rule.
    Rule(Toggled),
    /// A policy.
    Policy(Policy),
    /// A kind of which the whole statement is all that is known: a range, a collation, statistics, an aggregate.
    Whole {
        /// The statement that makes it.
        definition: String,
    },
    /// What is seen and not changed.
    Other {
        /// What PostgreSQL calls its kind, such as `operator`.
        kind: String,
    },
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: String,
    /// Its collation, where it is not the type's own.
    pub collation: Option<String>,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// The type below.
    pub data_type: String,
    /// Its collation, where it is not the type's own.
    pub collation: Option<String>,
    /// The default.
    pub default: Option<String>,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// Its checks: name, definition, and whether all rows were checked.
    pub checks: Vec<DomainCheck>,
}

/// A check of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainCheck {
    /// The constraint's name.
    pub name: String,
    /// `CHECK (…)`.
    pub definition: String,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Its numbers.
    pub numbers: Numbers,
    /// Whether it is unlogged.
    pub unlogged: bool,
    /// The column that it goes with.
    pub owned_by: Option<(ObjectId, String)>,
}

/// How a sequence counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// `smallint`, `integer` or `bigint`.
    pub data_type: String,
    /// `START WITH`
    pub start: i64,
    /// `INCREMENT BY`
    pub increment: i64,
    /// `MINVALUE`
    pub min: i64,
    /// `MAXVALUE`
    pub max: i64,
    /// `CACHE`
    pub cache: i64,
    /// `CYCLE`
    pub cycle: bool,
}

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routine {
    /// `CREATE OR REPLACE FUNCTION …`, whole.
    pub definition: String,
    /// Whether it is a procedure.
    pub procedure: bool,
    /// The result, with the names of arguments: what `CREATE OR REPLACE` cannot change.
    pub signature: String,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns in order.
    pub columns: Vec<Column>,
    /// Whether it is unlogged.
    pub unlogged: bool,
    /// `PARTITION BY` what.
    pub partition_by: Option<String>,
    /// The table it is a partition of, and its bound.
    pub partition_of: Option<(ObjectId, String)>,
    /// The tables it inherits from.
    pub inherits: Vec<ObjectId>,
    /// Storage parameters.
    pub options: Vec<String>,
    /// The access method, where it is not the usual one.
    pub access_method: Option<String>,
    /// The tablespace, where it is not the database's.
    pub tablespace: Option<String>,
    /// The type of a typed table.
    pub of_type: Option<String>,
    /// `ENABLE ROW LEVEL SECURITY`
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`
    pub force_row_security: bool,
    /// `REPLICA IDENTITY`, where it is not the default: `FULL`, `NOTHING` or `USING INDEX name`.
    pub replica_identity: Option<String>,
    /// The name of the index by which the table was clustered.
    pub clustered_on: Option<String>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type with modifiers.
    pub data_type: String,
    /// Its collation, where it is not the type's own.
    pub collation: Option<String>,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// The default.
    pub default: Option<String>,
    /// The expression of a generated column.
    pub generated: Option<Generated>,
    /// What an identity column counts like.
    pub identity: Option<Identity>,
    /// How it is stored, where that is not the type's way: `EXTERNAL`.
    pub storage: Option<String>,
    /// How it is compressed, where that is set.
    pub compression: Option<String>,
    /// The statistics target, where one is set.
    pub statistics: Option<i32>,
    /// Attribute options such as `n_distinct=5`.
    pub options: Vec<String>,
    /// The comment.
    pub comment: Option<String>,
    /// Whether it is declared here, and not only inherited.
    pub local: bool,
}

/// A generated column's expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The expression.
    pub expression: String,
    /// Whether the value is stored; PostgreSQL 18 also knows virtual ones.
    pub stored: bool,
}

/// What makes a column an identity column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `GENERATED ALWAYS`, or else `BY DEFAULT`.
    pub always: bool,
    /// How it counts.
    pub numbers: Numbers,
    /// The name of its sequence.
    pub sequence: String,
    /// The rights on that.
    pub rights: Rights,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// What it demands.
    pub demands: Demands,
    /// Its definition, without `NOT VALID`.
    pub definition: String,
    /// Whether all rows were checked: a key of a partitioned table is not valid as long as a partition has no part of it.
    pub valid: bool,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table referred to, by a foreign key.
    pub references: Option<ObjectId>,
    /// The columns referred to.
    pub referenced_columns: Vec<String>,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demands {
    /// `PRIMARY KEY`
    PrimaryKey,
    /// `UNIQUE`
    Unique,
    /// `CHECK`
    Check,
    /// `FOREIGN KEY`
    ForeignKey,
    /// `EXCLUDE`
    Exclusion,
}

/// An index that belongs to no constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The table or materialised view.
    pub table: ObjectId,
    /// `CREATE INDEX …`, whole.
    pub definition: String,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it can be used: a build that was stopped leaves one that cannot.
    pub valid: bool,
    /// The columns it stands on or mentions.
    pub columns: Vec<String>,
    /// Whether its table is partitioned.
    pub partitioned: bool,
    /// Statistics targets of its expressions, by place.
    pub statistics: Vec<(i32, i32)>,
    /// The indexes of partitions that are parts of it, each behind the one it is attached to.
    pub attached: Vec<Attached>,
}

/// An index of a partition that is a part of its parent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The partition.
    pub table: ObjectId,
    /// The index; it stands in the partition's schema.
    pub name: String,
    /// The index that it is attached to.
    pub to: ObjectId,
    /// Whether the partition is partitioned itself.
    pub partitioned: bool,
}

impl Attached {
    /// The index.
    pub fn id(&self) -> ObjectId {
        ObjectId::new(Kind::Index, &self.table.schema, &self.name)
    }

    /// The constraint whose index it is, where it is one's.
    pub fn constraint(&self) -> ObjectId {
        ObjectId::of_table(Kind::Constraint, &self.table, &self.name)
    }
}

/// A view or a materialised view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The query.
    pub query: String,
    /// Name and type of each column: what `CREATE OR REPLACE` may only add to.
    pub columns: Vec<(String, String)>,
    /// Options such as `security_barrier=true`.
    pub options: Vec<String>,
    /// Whether it is materialised.
    pub materialized: bool,
    /// Whether a materialised one holds rows.
    pub populated: bool,
    /// Comments of columns.
    pub comments: Vec<(String, String)>,
    /// Defaults of columns.
    pub defaults: Vec<(String, String)>,
    /// The tablespace of a materialised one, where it is not the database's.
    pub tablespace: Option<String>,
}

/// A trigger or a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toggled {
    /// The statement that makes it.
    pub definition: String,
    /// `O` fires in the origin (the usual), `D` is disabled, `R` fires in a replica, `A` always.
    pub enabled: char,
}

/// A row-level security policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether it is permissive, or else restrictive.
    pub permissive: bool,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: String,
    /// The roles it is for.
    pub roles: Vec<String>,
    /// `USING`
    pub using: Option<String>,
    /// `WITH CHECK`
    pub check: Option<String>,
}

impl Kind {
    /// The kind in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Namespace => "schema",
            Kind::Extension => "extension",
            Kind::Collation => "collation",
            Kind::Enum | Kind::Composite | Kind::Range => "type",
            Kind::Domain => "domain",
            Kind::Sequence => "sequence",
            Kind::Routine => "function",
            Kind::Aggregate => "aggregate",
            Kind::Table => "table",
            Kind::Constraint => "constraint",
            Kind::Index => "index",
            Kind::View => "view",
            Kind::MaterializedView => "materialized view",
            Kind::Statistics => "statistics",
            Kind::Rule => "rule",
            Kind::Trigger => "trigger",
            Kind::Policy => "policy",
            Kind::Other => "object",
        }
    }

    /// Whether objects of this kind belong to a table.
    pub fn is_of_table(self) -> bool {
        matches!(self, Kind::Constraint | Kind::Rule | Kind::Trigger | Kind::Policy)
    }
}

impl ObjectId {
    /// An object that stands in a schema.
    pub fn new(kind: Kind, schema: impl Into<String>, name: impl Into<String>) -> ObjectId {
        let (schema, name) = (schema.into(), name.into());
        ObjectId { kind, schema, table: String::new(), name, arguments: String::new() }
    }

    /// An object that belongs to a table.
    pub fn of_table(kind: Kind, table: &ObjectId, name: impl Into<String>) -> ObjectId {
        let (schema, table) = (table.schema.clone(), table.name.clone());
        ObjectId { kind, schema, table, name: name.into(), arguments: String::new() }
    }

    /// Its name in SQL, with its schema.
    pub fn sql(&self) -> String {
        if self.schema.is_empty() || self.kind.is_of_table() {
            return quote_name(&self.name);
        }
        format!("{}.{}", quote_name(&self.schema), quote_name(&self.name))
    }

    /// The table it belongs to in SQL, with its schema.
    pub fn table_sql(&self) -> String {
        format!("{}.{}", quote_name(&self.schema), quote_name(&self.table))
    }

    /// The table it belongs to.
    pub fn table_id(&self) -> ObjectId {
        ObjectId::new(Kind::Table, &self.schema, &self.table)
    }

    /// The name as a person says it: the schema is left out where it is `public`.
    pub fn shown(&self) -> String {
        let prefix =
            if self.schema.is_empty() || self.schema == "public" { String::new() } else { format!("{}.", self.schema) };
        match self.kind {
            Kind::Routine | Kind::Aggregate => format!("{prefix}{}({})", self.name, self.arguments),
            Kind::Other => format!("{} {prefix}{}", self.arguments, self.name),
            kind if kind.is_of_table() => format!("{} on {prefix}{}", self.name, self.table),
            _ => format!("{prefix}{}", self.name),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.shown())
    }
}

impl Object {
    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.body {
            Body::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The names of what it is made of: columns, attributes or labels.
    pub fn members(&self) -> Vec<&str> {
        match &self.body {
            Body::Table(table) => table.columns.iter().map(|column| column.name.as_str()).collect(),
            Body::Composite(attributes) => attributes.iter().map(|attribute| attribute.name.as_str()).collect(),
            Body::Enum(labels) => labels.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The table that it belongs to or stands on.
    pub fn on_table(&self) -> Option<ObjectId> {
        match &self.body {
            Body::Index(index) => Some(index.table.clone()),
            _ if self.id.kind.is_of_table() => Some(self.id.table_id()),
            _ => None,
        }
    }
}

impl Table {
    /// Whether it is a partition or inherits.
    pub fn has_parents(&self) -> bool {
        self.partition_of.is_some() || !self.inherits.is_empty()
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Schema {
    /// The object of this identity.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// The table of this identity.
    pub fn table(&self, id: &ObjectId) -> Option<&Table> {
        self.objects.get(id)?.table()
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = (&ObjectId, &Table)> {
        self.objects.values().filter_map(|object| Some((&object.id, object.table()?)))
    }

    /// Whether nothing is declared: the schema `public` is there by itself.
    pub fn is_empty(&self) -> bool {
        self.objects.keys().all(|id| id.kind == Kind::Namespace && id.name == "public")
    }

    /// The schema without objects whose name (`table`, or `schema.table`) is ignored, and what belongs to them.
    #[must_use]
    pub fn without(self, ignored: impl Fn(&str) -> bool) -> Schema {
        self.split(ignored).0
    }

    /// The schema as [`without`](Schema::without) gives it, and what that leaves out.
    #[must_use]
    pub fn split(mut self, ignored: impl Fn(&str) -> bool) -> (Schema, Vec<Object>) {
        let is_ignored = |schema: &str, name: &str| ignored(name) || ignored(&format!("{schema}.{name}"));
        let mut out = Vec::new();
        self.objects.retain(|id, object| {
            let on = object.on_table();
            let on_ignored = on.is_some_and(|table| is_ignored(&table.schema, &table.name));
            let stays = !on_ignored && !is_ignored(&id.schema, &id.name);
            if !stays {
                out.push(object.clone());
            }
            stays
        });
        (self, out)
    }

    /// The objects that are chosen.
    pub(super) fn only(&self, is_chosen: impl Fn(&ObjectId) -> bool) -> Schema {
        let chosen = self.objects.iter().filter(|(id, _)| is_chosen(id));
        Schema { objects: chosen.map(|(id, object)| (id.clone(), object.clone())).collect(), version: self.version }
    }

    /// The schema without what Whimbrel only sees, as far as another has it too.
    #[must_use]
    pub(super) fn without_unknown(mut self, of: &Schema) -> Schema {
        self.objects.retain(|id, object| {
            let is_known = !matches!(object.body, Body::Other { .. });
            is_known || !of.objects.contains_key(id)
        });
        self
    }
}
