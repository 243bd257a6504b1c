//! Schemas as JSON.
//!
//! A snapshot holds each object's own SQL, which is what the database would hold, and the stable ids, which nothing
//! else does. Reading it goes through the same reader as any other source, so a snapshot cannot disagree with its SQL.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Id, Schema, Source, same_name};
use crate::error::{Code, Error, Result};
use crate::sqlite::print;
use crate::sqlite::read::backfill;

/// The format this version writes. It reads this one and all before.
pub const SNAPSHOT_FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Snapshot {
    whimbrel_snapshot: u32,
    dialect: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    application_id: Option<i32>,
    next_id: Id,
    objects: Vec<Object>,
}

impl Snapshot {
    fn read(json: &str) -> Result<Snapshot> {
        #[derive(Deserialize)]
        struct Format {
            whimbrel_snapshot: u32,
        }
        let format: Format = serde_json::from_str(json).map_err(SnapshotError::Malformed)?;
        if format.whimbrel_snapshot > SNAPSHOT_FORMAT {
            return Err(SnapshotError::Newer(format.whimbrel_snapshot).into());
        }
        let snapshot: Snapshot = serde_json::from_str(json).map_err(SnapshotError::Malformed)?;
        match snapshot.dialect.as_str() {
            "sqlite" => Ok(snapshot),
            _ => Err(SnapshotError::Dialect(snapshot.dialect).into()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Object {
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    renamed_from: Option<String>,
    #[serde(skip_serializing_if = "is_zero", default)]
    next_column_id: Id,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    columns: Vec<ColumnFacts>,
    sql: String,
}

/// What the SQL of a table does not say of a column, or not in a form that a program reads easily.
#[derive(Serialize, Deserialize)]
struct ColumnFacts {
    name: String,
    #[serde(rename = "type")]
    declared_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    renamed_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    backfill: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(n: &Id) -> bool {
    *n == 0
}

/// Why a text is no snapshot.
#[derive(Debug)]
pub enum SnapshotError {
    /// It is not the JSON of a snapshot.
    Malformed(serde_json::Error),
    /// A newer version of Whimbrel wrote it.
    Newer(u32),
    /// It is for another database.
    Dialect(String),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::Malformed(e) => write!(f, "this is not a snapshot: {e}"),
            SnapshotError::Newer(format) => {
                write!(f, "the snapshot has format {format}, and this version reads up to {SNAPSHOT_FORMAT}")
            }
            SnapshotError::Dialect(dialect) => write!(f, "the snapshot is of a {dialect} schema"),
        }
    }
}

impl From<SnapshotError> for Error {
    fn from(e: SnapshotError) -> Error {
        let help = match &e {
            SnapshotError::Newer(_) => "use the version of whimbrel that wrote it, or a newer one",
            _ => "make it anew from its schema",
        };
        Error::new(Code::Snapshot, e.to_string()).help(help)
    }
}

impl Schema {
    /// This schema as JSON: the same schema gives the same bytes.
    ///
    /// ```
    /// use whimbrel_core::Schema;
    /// let mut schema = Schema::from_sql("CREATE TABLE users(id INTEGER PRIMARY KEY); CREATE INDEX i ON users(id);")?;
    /// schema.assign_ids();
    /// let json = schema.to_snapshot();
    /// assert_eq!(Schema::from_snapshot(&json)?, schema);
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn to_snapshot(&self) -> String {
        let snapshot = Snapshot {
            whimbrel_snapshot: SNAPSHOT_FORMAT,
            dialect: "sqlite".into(),
            application_id: self.application_id,
            next_id: self.next_id,
            objects: self.to_objects(),
        };
        let mut json = serde_json::to_string_pretty(&snapshot).unwrap_or_default();
        json.push('\n');
        json
    }

    fn to_objects(&self) -> Vec<Object> {
        let mut objects = Vec::new();
        let mut add = |kind: &str, name: &str, sql: String| {
            let sql = sql.replacen(" main.", " ", 1);
            objects.push(Object {
                kind: kind.into(),
                name: name.into(),
                id: None,
                renamed_from: None,
                next_column_id: 0,
                columns: Vec::new(),
                sql,
            });
            objects.len() - 1
        };
        let mut tables = Vec::new();
        for table in &self.tables {
            tables.push((add("table", &table.name, print::create_table(table, &table.name)), table));
        }
        let mut virtual_tables = Vec::new();
        for table in &self.virtual_tables {
            let sql = print::create_virtual_table(table, &table.name);
            virtual_tables.push((add("virtual table", &table.name, sql), table));
        }
        self.indexes.iter().for_each(|i| {
            add("index", &i.name, print::create_index(i));
        });
        self.views.iter().for_each(|v| {
            add("view", &v.name, print::create_view(v));
        });
        self.triggers.iter().for_each(|t| {
            add("trigger", &t.name, print::create_trigger(t));
        });
        for (at, table) in tables {
            objects[at].id = table.id;
            objects[at].renamed_from.clone_from(&table.renamed_from);
            objects[at].next_column_id = table.next_column_id;
            objects[at].columns = table
                .columns
                .iter()
                .map(|c| ColumnFacts {
                    name: c.name.clone(),
                    declared_type: c.declared_type.clone(),
                    id: c.id,
                    renamed_from: c.renamed_from.clone(),
                    backfill: c.backfill.as_ref().map(|e| e.text().to_owned()),
                })
                .collect();
        }
        for (at, table) in virtual_tables {
            objects[at].id = table.id;
        }
        objects
    }

    /// Reads a schema from a snapshot.
    ///
    /// # Errors
    /// [`Code::Snapshot`] where the text is none that this version reads; else as [`Schema::from_sql`].
    pub fn from_snapshot(json: &str) -> Result<Schema> {
        let snapshot = Snapshot::read(json)?;
        let text = |o: &Object| Source { name: format!("{} {} in the snapshot", o.kind, o.name), text: o.sql.clone() };
        let mut schema = Schema::from_sources(snapshot.objects.iter().map(text).collect())?;
        schema.next_id = snapshot.next_id;
        schema.application_id = snapshot.application_id;
        for object in snapshot.objects {
            if let Some(table) = schema.tables.iter_mut().find(|t| same_name(&t.name, &object.name)) {
                let table = Arc::make_mut(table);
                table.id = object.id;
                table.renamed_from = object.renamed_from;
                table.next_column_id = object.next_column_id;
                for column in &mut table.columns {
                    if let Some(kept) = object.columns.iter().find(|c| same_name(&c.name, &column.name)) {
                        column.id = kept.id;
                        column.renamed_from.clone_from(&kept.renamed_from);
                        column.backfill = kept.backfill.as_deref().map(backfill).transpose()?;
                    }
                }
            } else if let Some(table) = schema.virtual_tables.iter_mut().find(|t| same_name(&t.name, &object.name)) {
                table.id = object.id;
            }
        }
        Ok(schema)
    }

    /// The SQL of the objects, in the order in which a snapshot has them.
    pub(crate) fn snapshot_objects(&self) -> impl Iterator<Item = String> {
        self.to_objects().into_iter().map(|object| object.sql)
    }

    /// Gives every table and column without a stable id the next free one.
    pub fn assign_ids(&mut self) {
        let tables = self.tables.iter().map(|t| t.id).chain(self.virtual_tables.iter().map(|t| t.id));
        self.next_id = self.next_id.max(tables.flatten().max().unwrap_or(0) + 1);
        let mut next = || {
            self.next_id += 1;
            self.next_id - 1
        };
        for table in &mut self.tables {
            let table = Arc::make_mut(table);
            table.id.get_or_insert_with(&mut next);
            let highest = table.columns.iter().filter_map(|c| c.id).max().unwrap_or(0);
            table.next_column_id = table.next_column_id.max(highest + 1);
            for column in &mut table.columns {
                column.id.get_or_insert_with(|| {
                    table.next_column_id += 1;
                    table.next_column_id - 1
                });
            }
        }
        for table in &mut self.virtual_tables {
            table.id.get_or_insert_with(&mut next);
        }
    }
}

/// What a database needs of a snapshot: whose it is, and the statements that make it, in an order in which they can run.
///
/// # Errors
/// [`Code::Snapshot`].
pub(crate) fn snapshot_parts(json: &str) -> Result<(Option<i32>, Vec<String>)> {
    let snapshot = Snapshot::read(json)?;
    // Objects stand kind by kind: tables, virtual tables, indexes, views, triggers. SQLite looks into a view or a
    // trigger only when it is used.
    Ok((snapshot.application_id, snapshot.objects.into_iter().map(|object| object.sql).collect()))
}
