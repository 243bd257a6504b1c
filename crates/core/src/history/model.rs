//! A schema of either database, for what is the same about both: migrations make it, a snapshot keeps it, and two of
//! them are compared.

use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::postgres::diff::Change;
use crate::run::{Difference, Replayed, differences};
use crate::schema::Schema;
use crate::{postgres, sqlite};

/// The format of PostgreSQL's snapshots. All older ones are read.
const FORMAT: u32 = 1;

/// A schema with its dialect.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Of SQLite.
    Sqlite(Box<Schema>),
    /// Of PostgreSQL.
    Postgres(Box<postgres::schema::Schema>),
}

/// What migrations make of an empty database.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The schema.
    pub schema: Model,
    /// Whether rows are in it.
    pub seeds: bool,
}

impl Default for Model {
    fn default() -> Self {
        Model::Sqlite(Box::default())
    }
}

impl From<Schema> for Model {
    fn from(schema: Schema) -> Self {
        Model::Sqlite(Box::new(schema))
    }
}

impl From<postgres::schema::Schema> for Model {
    fn from(schema: postgres::schema::Schema) -> Self {
        Model::Postgres(Box::new(schema))
    }
}

impl From<Replayed> for Outcome {
    fn from(replayed: Replayed) -> Self {
        Outcome { schema: replayed.schema.into(), seeds: replayed.seeds }
    }
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    whimbrel_snapshot: u32,
    dialect: Dialect,
    statements: Vec<String>,
}

impl Model {
    /// The database it is a schema of.
    pub fn dialect(&self) -> Dialect {
        match self {
            Model::Sqlite(_) => Dialect::Sqlite,
            Model::Postgres(_) => Dialect::Postgres,
        }
    }

    /// SQLite's schema, where it is one.
    pub fn sqlite(&self) -> Option<&Schema> {
        match self {
            Model::Sqlite(schema) => Some(schema),
            Model::Postgres(_) => None,
        }
    }

    /// PostgreSQL's schema, where it is one.
    pub fn postgres(&self) -> Option<&postgres::schema::Schema> {
        match self {
            Model::Sqlite(_) => None,
            Model::Postgres(schema) => Some(schema),
        }
    }

    /// The statements that make it.
    pub fn to_sql(&self) -> String {
        match self {
            Model::Sqlite(schema) => sqlite::print::to_sql(schema),
            Model::Postgres(schema) => postgres::print::to_sql(schema),
        }
    }

    /// The text of its snapshot.
    pub fn to_snapshot(&self) -> String {
        match self {
            Model::Sqlite(schema) => schema.to_snapshot(),
            Model::Postgres(schema) => {
                let statements = postgres::print::statements(schema);
                let snapshot = Snapshot { whimbrel_snapshot: FORMAT, dialect: Dialect::Postgres, statements };
                // Texts and numbers: there is nothing in them that JSON cannot hold.
                let mut text = serde_json::to_string_pretty(&snapshot).unwrap_or_default();
                text.push('\n');
                text
            }
        }
    }

    /// What is another in this schema than in the one that is expected, in words.
    ///
    /// # Errors
    /// Where the two are of different databases.
    pub fn differences(&self, expected: &Model) -> Result<Difference> {
        match (self, expected) {
            (Model::Sqlite(found), Model::Sqlite(expected)) => Ok(differences(found, expected)),
            (Model::Postgres(found), Model::Postgres(expected)) => Ok(postgres_differences(found, expected)),
            _ => Err(Error::new(Code::Journal, "a schema of SQLite and one of PostgreSQL cannot be compared")),
        }
    }
}

fn postgres_differences(found: &postgres::schema::Schema, expected: &postgres::schema::Schema) -> Difference {
    let (changes, _) = postgres::diff::diff(found, expected, false, &[]);
    let mut difference = Difference::default();
    for change in &changes {
        let object = change.id().to_string();
        match change {
            Change::Drop(_) => difference.extra.push(object),
            Change::Create(_) => difference.wrong.push(format!("{object} is missing")),
            Change::Alter(alteration) => {
                let parts: Vec<String> =
                    alteration.parts.iter().map(|part| format!("{} {}", part.sign(), part.describe())).collect();
                difference.wrong.push(format!("{object} is another ({})", parts.join(", ")));
            }
        }
    }
    difference
}

/// The statements of a snapshot of PostgreSQL.
///
/// # Errors
/// [`Code::Snapshot`] where it is none that this version reads.
pub fn snapshot_statements(json: &str) -> Result<Vec<String>> {
    let unreadable = |e: serde_json::Error| {
        Error::new(Code::Snapshot, "the snapshot cannot be read")
            .cause(e)
            .help("`whimbrel migrate repair` writes it anew")
    };
    let snapshot: Snapshot = serde_json::from_str(json).map_err(unreadable)?;
    match snapshot.whimbrel_snapshot > FORMAT || snapshot.dialect != Dialect::Postgres {
        true => Err(Error::new(Code::Snapshot, "the snapshot is of another database, or of a newer version")
            .help("use the version of whimbrel that wrote it, or newer")),
        false => Ok(snapshot.statements),
    }
}
