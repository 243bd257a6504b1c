//! What is kept for old clients: the record in the database, and the schema as the newest clients see it.
//!
//! An expanded database says so itself, in a table of the schema [`OWN`]. Each row is one thing that only old clients
//! need, with the newest release of them that does. The schema, its table and functions, and the triggers that call
//! these are out of sight when a schema is read; what is kept of the user's own (columns, tables, indexes) is taken out of
//! the schema by [`Record::visible`], so that a declared schema is compared with what new clients see.

use std::collections::{BTreeMap, BTreeSet};

use super::OWN;
use super::trigger::{Filler, Keeping, Link, Side};
use crate::error::{Code, Result};
use crate::postgres::schema::{Body, Kind, Object, ObjectId, Schema};
use crate::postgres::scratch::text;
use crate::postgres::token::{quote_literal, quote_name};
use crate::run::{Connection, Failure, Value};

/// A release of clients. A later one has a higher number.
pub type Release = u32;

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The newest release that needs it.
    pub client: Release,
    /// What it is.
    pub what: What,
}

/// What is kept for old clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A column that new clients know under another name, or not at all.
    Column {
        /// The table.
        table: ObjectId,
        /// The column.
        column: String,
        /// What new clients have instead.
        twin: Option<Twin>,
        /// What it gets in rows of new clients, where it has to have a value and no twin.
        value: Option<String>,
    },
    /// A column of new clients that gets a value where old ones give it none.
    Value {
        /// The table.
        table: ObjectId,
        /// The column.
        column: String,
        /// An expression over the columns of the table.
        value: String,
    },
    /// The default of a column, which new clients give a value.
    Default {
        /// The table.
        table: ObjectId,
        /// The column.
        column: String,
    },
    /// Anything else, with all that belongs to it.
    Object(ObjectId),
}

/// The column of new clients that stands for one of old clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// How both are kept in step.
    pub link: Link,
    /// Whether the rows that were there before are filled in.
    pub filled: bool,
}

/// All that is kept in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// What is kept, oldest first.
    pub kept: Vec<Kept>,
}

const KINDS: [(Kind, &str); 17] = [
    (Kind::Namespace, "schema"),
    (Kind::Extension, "extension"),
    (Kind::Collation, "collation"),
    (Kind::Enum, "enum"),
    (Kind::Composite, "composite type"),
    (Kind::Range, "range type"),
    (Kind::Domain, "domain"),
    (Kind::Sequence, "sequence"),
    (Kind::Routine, "function"),
    (Kind::Aggregate, "aggregate"),
    (Kind::Table, "table"),
    (Kind::Constraint, "constraint"),
    (Kind::Index, "index"),
    (Kind::View, "view"),
    (Kind::MaterializedView, "materialized view"),
    (Kind::Statistics, "statistics"),
    (Kind::Trigger, "trigger"),
];

/// The columns of the table, behind the number that keeps them in order.
const COLUMNS: [&str; 16] = [
    "client",
    "kind",
    "in_schema",
    "of_table",
    "name",
    "arguments",
    "value",
    "twin",
    "type",
    "default_value",
    "old_value",
    "twin_type",
    "twin_default",
    "new_value",
    "filled",
    "format",
];

/// The version of the table. A row with a higher one is not understood.
const FORMAT: u32 = 1;

/// The statements that make the record where there is none.
pub fn create() -> Vec<String> {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|name| match *name {
            "client" | "format" => format!("{name} integer NOT NULL"),
            "kind" | "in_schema" | "of_table" | "name" | "arguments" => format!("{name} text NOT NULL"),
            "filled" => format!("{name} boolean"),
            name => format!("{name} text"),
        })
        .collect();
    vec![
        format!("CREATE SCHEMA IF NOT EXISTS {OWN}"),
        format!(
            "CREATE TABLE IF NOT EXISTS {OWN}.kept (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {}, \
             UNIQUE (kind, in_schema, of_table, name, arguments))",
            columns.join(", ")
        ),
    ]
}

impl Kept {
    /// What tells it from all others: its kind, and where it stands.
    fn key(&self) -> [String; 5] {
        let of =
            |kind: &str, table: &ObjectId, name: &str| [kind, &table.schema, &table.name, name, ""].map(str::to_owned);
        match &self.what {
            What::Column { table, column, .. } => of("column", table, column),
            What::Value { table, column, .. } => of("value", table, column),
            What::Default { table, column } => of("default", table, column),
            What::Object(id) => {
                let kind = KINDS.iter().find(|(kind, _)| *kind == id.kind).map_or("", |(_, name)| name);
                [kind, &id.schema, &id.table, &id.name, &id.arguments].map(str::to_owned)
            }
        }
    }

    /// Whether both are about the same thing.
    pub fn is_same(&self, other: &Kept) -> bool {
        self.key() == other.key()
    }

    /// The statement that records it.
    pub fn insert(&self) -> String {
        let mut values: BTreeMap<&str, String> = BTreeMap::new();
        let mut set = |name, value: Option<&str>| {
            values.insert(name, value.map_or("NULL".to_owned(), quote_literal));
        };
        for (name, value) in ["kind", "in_schema", "of_table", "name", "arguments"].into_iter().zip(self.key()) {
            set(name, Some(&value));
        }
        match &self.what {
            What::Column { twin, value, .. } => {
                set("value", value.as_deref());
                if let Some(Twin { link, filled }) = twin {
                    set("twin", Some(&link.after.column));
                    set("type", Some(&link.before.data_type));
                    set("default_value", link.before.default.as_deref());
                    set("old_value", link.before.value.as_deref());
                    set("twin_type", Some(&link.after.data_type));
                    set("twin_default", link.after.default.as_deref());
                    set("new_value", link.after.value.as_deref());
                    set("filled", Some(if *filled { "true" } else { "false" }));
                }
            }
            What::Value { value, .. } => set("value", Some(value)),
            What::Default { .. } | What::Object(_) => {}
        }
        let (client, format) = (self.client.to_string(), FORMAT.to_string());
        let list: Vec<String> = COLUMNS
            .iter()
            .map(|name| match *name {
                "client" => client.clone(),
                "format" => format.clone(),
                name => values.remove(name).unwrap_or_else(|| "NULL".to_owned()),
            })
            .collect();
        format!("INSERT INTO {OWN}.kept ({}) VALUES ({})", COLUMNS.join(", "), list.join(", "))
    }

    fn matching(&self) -> String {
        let names = ["kind", "in_schema", "of_table", "name", "arguments"];
        let pairs =
            names.into_iter().zip(self.key()).map(|(name, value)| format!("{name} = {}", quote_literal(&value)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    /// The statement that takes it out of the record.
    pub fn delete(&self) -> String {
        format!("DELETE FROM {OWN}.kept WHERE {}", self.matching())
    }

    /// The statement that says that its rows are filled in.
    pub fn settle(&self) -> String {
        format!("UPDATE {OWN}.kept SET filled = true WHERE {}", self.matching())
    }

    fn from(row: &[Value]) -> Option<Kept> {
        let maybe = |name: &str| {
            let at = COLUMNS.iter().position(|column| *column == name)?;
            row.get(at).and_then(Value::text).map(str::to_owned)
        };
        let get = |name: &str| maybe(name).unwrap_or_default();
        if get("format").parse::<u32>().ok()? > FORMAT {
            return None;
        }
        let table = ObjectId::new(Kind::Table, get("in_schema"), get("of_table"));
        let column = get("name");
        let what = match get("kind").as_str() {
            "column" => {
                let side = |column: String, data_type: &str, default: &str, value: &str| Side {
                    column,
                    data_type: get(data_type),
                    default: maybe(default),
                    value: maybe(value),
                };
                let twin = maybe("twin").map(|name| Twin {
                    link: Link {
                        before: side(column.clone(), "type", "default_value", "old_value"),
                        after: side(name, "twin_type", "twin_default", "new_value"),
                    },
                    filled: get("filled") == "t",
                });
                What::Column { table, column, twin, value: maybe("value") }
            }
            "value" => What::Value { table, column, value: get("value") },
            "default" => What::Default { table, column },
            kind => {
                let (kind, _) = KINDS.iter().find(|(_, name)| *name == kind)?;
                What::Object(ObjectId {
                    kind: *kind,
                    schema: table.schema,
                    table: table.name,
                    name: column,
                    arguments: get("arguments"),
                })
            }
        };
        Some(Kept { client: get("client").parse().ok()?, what })
    }

    /// The table whose rows it is about, where it is of a column.
    pub fn table(&self) -> Option<&ObjectId> {
        match &self.what {
            What::Column { table, .. } | What::Value { table, .. } | What::Default { table, .. } => Some(table),
            What::Object(_) => None,
        }
    }

    /// What is kept, for a person.
    pub fn shown(&self) -> String {
        match &self.what {
            What::Column { table, column, twin: Some(twin), .. } => {
                format!("column {}.{column}, in step with {}", table.shown(), twin.link.after.column)
            }
            What::Column { table, column, .. } => format!("column {}.{column}", table.shown()),
            What::Value { table, column, .. } => {
                format!("a value for {}.{column} where none is given", table.shown())
            }
            What::Default { table, column } => format!("the default of {}.{column}", table.shown()),
            What::Object(id) => id.to_string(),
        }
    }

    /// The same, where it stands below its table or is the object itself.
    pub fn part(&self) -> String {
        match &self.what {
            What::Column { column, twin: Some(twin), .. } => {
                format!("{column}, in step with {}", twin.link.after.column)
            }
            What::Column { column, .. } => column.clone(),
            What::Value { column, .. } => format!("a value for {column} where none is given"),
            What::Default { column, .. } => format!("the default of {column}"),
            What::Object(id) => id.name.clone(),
        }
    }

    /// Whether the rows that were there before are filled in, where there is something to fill in.
    pub fn is_filled(&self) -> bool {
        !matches!(&self.what, What::Column { twin: Some(Twin { filled: false, .. }), .. })
    }

    fn with_table(mut self, renames: &BTreeMap<ObjectId, ObjectId>) -> Kept {
        match &mut self.what {
            What::Column { table, .. } | What::Value { table, .. } | What::Default { table, .. } => {
                if let Some(after) = renames.get(table) {
                    table.clone_from(after);
                }
            }
            What::Object(id) => {
                if let Some(after) = renames.get(id) {
                    id.clone_from(after);
                } else if id.kind.is_of_table()
                    && let Some(after) = renames.get(&id.table_id())
                {
                    (id.schema, id.table) = (after.schema.clone(), after.name.clone());
                }
            }
        }
        self
    }
}

impl Record {
    /// Reads the record; empty where the database is not expanded.
    ///
    /// # Errors
    /// [`Code::Database`] where it cannot be read, or a newer version of Whimbrel has written it.
    pub async fn read<C: Connection>(conn: &mut C) -> Result<Record> {
        let failed = |f: Failure| f.error(Code::Database, "what is kept for old clients cannot be read");
        let rows = conn.query(&format!("SELECT pg_catalog.to_regclass('{OWN}.kept') IS NOT NULL")).await;
        if rows.map_err(failed)?.first().is_none_or(|row| text(row, 0) != "t") {
            return Ok(Record::default());
        }
        let sql = format!("SELECT {} FROM {OWN}.kept ORDER BY number", COLUMNS.join(", "));
        let mut kept = Vec::new();
        for row in conn.query(&sql).await.map_err(failed)? {
            kept.push(Kept::from(&row).ok_or_else(|| {
                let message = "what is kept for old clients was recorded by a newer version of Whimbrel";
                crate::error::Error::new(Code::Database, message).help("use that version")
            })?);
        }
        Ok(Record { kept })
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The same under the new names of tables.
    #[must_use]
    pub fn renamed(&self, renames: &BTreeMap<ObjectId, ObjectId>) -> Record {
        Record { kept: self.kept.iter().cloned().map(|kept| kept.with_table(renames)).collect() }
    }

    fn columns(&self) -> BTreeSet<(&ObjectId, &str)> {
        let of = |kept: &Kept| matches!(&kept.what, What::Column { .. });
        self.kept
            .iter()
            .filter(|kept| of(kept))
            .filter_map(|kept| match &kept.what {
                What::Column { table, column, .. } => Some((table, column.as_str())),
                _ => None,
            })
            .collect()
    }

    /// Whether an object is there for old clients alone: it is kept, or belongs to what is.
    fn hides(&self, id: &ObjectId, body: &Body) -> bool {
        let columns = self.columns();
        let kept = |id: &ObjectId| self.kept.iter().any(|kept| matches!(&kept.what, What::Object(own) if own == id));
        let on = match body {
            Body::Index(index) => Some(index.table.clone()),
            Body::Sequence(sequence) => sequence.owned_by.as_ref().map(|(table, _)| table.clone()),
            _ if id.kind.is_of_table() => Some(id.table_id()),
            _ => None,
        };
        let of_column = match body {
            Body::Constraint(constraint) => {
                constraint.columns.iter().any(|column| columns.contains(&(&id.table_id(), column.as_str())))
            }
            Body::Index(index) => index.columns.iter().any(|column| columns.contains(&(&index.table, column.as_str()))),
            Body::Sequence(sequence) => {
                sequence.owned_by.as_ref().is_some_and(|(table, column)| columns.contains(&(table, column.as_str())))
            }
            _ => false,
        };
        kept(id) || of_column || on.is_some_and(|table| kept(&table))
    }

    /// The schema as the newest clients see it: without what is there for old ones alone.
    #[must_use]
    pub fn visible(&self, schema: &Schema) -> Schema {
        if self.is_empty() {
            return schema.clone();
        }
        let columns = self.columns();
        let mut out = schema.clone();
        out.objects.retain(|id, object| !self.hides(id, &object.body));
        for (id, object) in &mut out.objects {
            let Body::Table(table) = &mut object.body else { continue };
            table.columns.retain(|column| !columns.contains(&(id, column.name.as_str())));
            for column in &mut table.columns {
                let is_it = |kept: &Kept| matches!(&kept.what, What::Default { table, column: name } if table == id && *name == column.name);
                if self.kept.iter().any(is_it) {
                    column.default = None;
                }
            }
        }
        out
    }

    /// Whether an object needs a column that is kept.
    fn depends(&self, object: &Object) -> bool {
        let columns = self.columns();
        object
            .needs
            .iter()
            .any(|need| need.column.as_ref().is_some_and(|column| columns.contains(&(&need.on, column.as_str()))))
    }

    /// Whether something that new clients see needs a column that only old ones know.
    pub fn has_dependents(&self, live: &Schema) -> bool {
        let is_one = |(id, object): (&ObjectId, &Object)| self.depends(object) && !self.hides(id, &object.body);
        self.kept.iter().any(|kept| kept.table().is_some()) && live.objects.iter().any(is_one)
    }

    /// Takes the words for such objects from a schema in which the columns have other names.
    pub fn replace_dependents(&self, schema: &mut Schema, live: &Schema, others: &Schema) {
        for (id, object) in live.objects.iter().filter(|(_, object)| self.depends(object)) {
            if let (Some(own), Some(other)) = (schema.objects.get_mut(id), others.get(id))
                && !matches!(object.body, Body::Table(_))
            {
                own.clone_from(other);
            }
        }
    }

    /// Puts back into a schema what [`Record::visible`] takes out of `live`.
    pub fn restore(&self, mut schema: Schema, live: &Schema) -> Schema {
        for (id, object) in live.objects.iter().filter(|(id, object)| self.hides(id, &object.body)) {
            schema.objects.insert(id.clone(), object.clone());
        }
        for kept in &self.kept {
            let (table, column) = match &kept.what {
                What::Column { table, column, .. } | What::Default { table, column } => (table, column),
                What::Value { .. } | What::Object(_) => continue,
            };
            let Some(found) = live.table(table).and_then(|live| live.column(column)) else { continue };
            let Some(Body::Table(body)) = schema.objects.get_mut(table).map(|object| &mut object.body) else {
                continue;
            };
            match body.columns.iter_mut().find(|own| own.name == *column) {
                Some(own) => own.default.clone_from(&found.default),
                None => body.columns.push(found.clone()),
            }
        }
        schema
    }

    /// The columns of a table that have a twin.
    pub fn twins(&self, table: &ObjectId) -> impl Iterator<Item = &Twin> {
        self.kept.iter().filter_map(move |kept| match &kept.what {
            What::Column { table: own, twin: Some(twin), .. } if own == table => Some(twin),
            _ => None,
        })
    }

    /// The release up to which something is kept.
    pub fn newest_client(&self) -> Option<Release> {
        self.kept.iter().map(|kept| kept.client).max()
    }

    /// All tables with triggers.
    pub fn tables(&self) -> BTreeSet<&ObjectId> {
        let keeps = |kept: &&Kept| {
            matches!(
                &kept.what,
                What::Column { twin: Some(_), .. } | What::Column { value: Some(_), .. } | What::Value { .. }
            )
        };
        self.kept.iter().filter(keeps).filter_map(Kept::table).collect()
    }

    /// What the triggers of a table have to do.
    pub fn keeping(&self, table: &ObjectId, has_others: bool) -> Keeping {
        let mut keeping =
            Keeping { table: table.clone(), links: Vec::new(), fillers: Vec::new(), filling: Vec::new(), has_others };
        for kept in self.kept.iter().filter(|kept| kept.table() == Some(table)) {
            match &kept.what {
                What::Column { twin: Some(Twin { link, filled }), .. } => {
                    keeping.links.push(link.clone());
                    if !filled {
                        keeping.filling.push(link.after.column.clone());
                    }
                }
                What::Column { column, value: Some(value), .. } | What::Value { column, value, .. } => {
                    keeping.fillers.push(Filler { column: column.clone(), value: value.clone() });
                }
                What::Column { .. } | What::Default { .. } | What::Object(_) => {}
            }
        }
        keeping
    }
}

/// The statements that take the record away, once it is empty.
pub fn remove() -> Vec<String> {
    vec![format!("DROP TABLE {OWN}.kept"), format!("DROP SCHEMA {}", quote_name(OWN))]
}
