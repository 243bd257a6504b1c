//! The schema after the newest migration, as a database needs it: what makes a new one, and what every other is compared
//! with.
//!
//! In a folder it is a file of JSON with more in it, for the tools: stable ids, and columns one by one. That file is read
//! when the folder is; a program with an embedded history has the statements only, and reads no JSON.

use std::borrow::Cow;

use super::snapshot_statements;
use crate::dialect::Dialect;
use crate::error::Result;
use crate::schema::{Schema, Source, snapshot_parts};

/// What a snapshot says to a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose database it is, as `PRAGMA application_id` has it, where that was declared.
    pub application_id: Option<i32>,
    /// The statements that make the schema, in an order in which they can run.
    pub statements: Cow<'static, [Cow<'static, str>]>,
}

impl Snapshot {
    /// Reads the text of a snapshot's file.
    ///
    /// ```
    /// use whimbrel_core::{Dialect, Schema, history::Snapshot};
    /// let schema = Schema::from_sql("CREATE TABLE notes(body TEXT)")?;
    /// let snapshot = Snapshot::read(Dialect::Sqlite, &schema.to_snapshot())?;
    /// assert_eq!(snapshot, Snapshot::of(&schema));
    /// assert_eq!(snapshot.schema()?.tables[0].name, "notes");
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Snapshot`](crate::Code::Snapshot) where it is none that this version reads.
    pub fn read(dialect: Dialect, json: &str) -> Result<Snapshot> {
        let (application_id, statements) = match dialect {
            Dialect::Sqlite => snapshot_parts(json)?,
            Dialect::Postgres => (None, snapshot_statements(json)?),
        };
        Ok(Snapshot { application_id, statements: statements.into_iter().map(Cow::Owned).collect() })
    }

    /// Of a schema of SQLite.
    pub fn of(schema: &Schema) -> Snapshot {
        let statements = schema.snapshot_objects().map(Cow::Owned).collect();
        Snapshot { application_id: schema.application_id, statements }
    }

    /// The schema of SQLite that it makes; without stable ids.
    ///
    /// # Errors
    /// As [`Schema::from_sql`].
    pub fn schema(&self) -> Result<Schema> {
        self.schema_except(|_| false)
    }

    /// The same without the objects of whose statements somebody says that they need no reading.
    pub(crate) fn schema_except(&self, is_known: impl Fn(&str) -> bool) -> Result<Schema> {
        let statements = self.statements.iter().filter(|sql| !is_known(sql));
        let source = |sql: &Cow<'_, str>| Source { name: "the snapshot".to_owned(), text: sql.to_string() };
        let mut schema = Schema::from_sources(statements.map(source).collect())?;
        schema.application_id = self.application_id;
        Ok(schema)
    }
}
