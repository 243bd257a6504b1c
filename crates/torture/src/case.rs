//! A database and a start of an app that changes it: what crashes, faults, kills and planted bugs are tried on.

use std::time::Duration;

use rusqlite::Connection;
use whimbrel::history::{Files, MemoryFiles};
use whimbrel::{Code, Error, History, Migrator, Planner, Schema, UpgradeKind};
use whimbrel_oracle::Image;

/// What an app does with its database when it starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// It brings it to a declared schema.
    Push {
        /// The declared schema.
        after: String,
        /// What was renamed: from (`table` or `table.column`), and to.
        renames: Vec<(String, String)>,
        /// Whether rows and columns may go.
        accept_data_loss: bool,
    },
    /// It runs the migrations that the database has not.
    Upgrade {
        /// All migrations of the app, the oldest first.
        scripts: Vec<String>,
        /// How many of them the database has.
        known: usize,
    },
    /// It keeps it at a declared schema, by [`Migrator::auto_alter`].
    AutoAlter {
        /// The schema that an older version of the app has declared.
        before: String,
        /// The declared schema.
        after: String,
    },
    /// It makes anew what is declared otherwise, by [`Migrator::disposable`].
    Disposable {
        /// The schema that an older version of the app has declared.
        before: String,
        /// The declared schema.
        after: String,
    },
}

/// A database, a start, and what the database holds before and after it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// The script that makes the database, with its rows; for what [`Start::prepare`] makes, the rows alone.
    pub before: String,
    /// What the app does.
    pub start: Start,
    /// All that the database holds before.
    pub old: Image,
    /// All that it has to hold after, worked out without the engine.
    pub new: Image,
}

impl Case {
    /// Makes the database as it is before.
    ///
    /// # Errors
    /// Where the first version cannot be made.
    pub fn make(&self, connection: &mut Connection) -> Result<(), Error> {
        self.start.prepare(connection)?;
        connection.execute_batch(&self.before).map_err(|e| Error::new(Code::Database, "the rows do not fit").cause(e))
    }
}

impl Start {
    /// What has to be done once, before the app's database is as [`Case::before`] left it and known to the app.
    ///
    /// # Errors
    /// Where the first migrations fail.
    pub fn prepare(&self, connection: &mut Connection) -> Result<(), Error> {
        match self {
            Start::Push { .. } => Ok(()),
            Start::Upgrade { scripts, known } => {
                let history = history(scripts)?;
                let last = u32::try_from(*known).unwrap_or(u32::MAX);
                Migrator::new(&history.up_to(last)).run(connection).map(drop)
            }
            Start::AutoAlter { before, .. } => {
                Migrator::auto_alter(&Schema::from_sql(before)?).run(connection).map(drop)
            }
            Start::Disposable { before, .. } => {
                Migrator::disposable(&Schema::from_sql(before)?).run(connection).map(drop)
            }
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// What the library says.
    pub fn run(&self, connection: &mut Connection) -> Result<(), Error> {
        self.run_waiting(connection, Duration::from_secs(60)).map(drop)
    }

    /// Does it, and tells whether it was this start that changed the database. It waits no longer than `wait` for others
    /// that hold it.
    ///
    /// # Errors
    /// What the library says.
    pub fn run_waiting(&self, connection: &mut Connection, wait: Duration) -> Result<bool, Error> {
        let upgrade = match self {
            Start::Push { after, renames, accept_data_loss } => {
                let schema = Schema::from_sql(after)?;
                let mut planner = Planner::new(&schema).accept_data_loss(*accept_data_loss);
                for (from, to) in renames {
                    planner = planner.rename(from, to)?;
                }
                return Ok(planner.push(connection)?.changes > 0);
            }
            Start::Upgrade { scripts, .. } => Migrator::new(&history(scripts)?).wait(wait).run(connection),
            Start::AutoAlter { after, .. } => {
                Migrator::auto_alter(&Schema::from_sql(after)?).wait(wait).run(connection)
            }
            Start::Disposable { after, .. } => {
                Migrator::disposable(&Schema::from_sql(after)?).wait(wait).run(connection)
            }
        };
        Ok(upgrade?.kind != UpgradeKind::Unchanged)
    }
}

/// The history of these migrations.
///
/// # Errors
/// Where a script cannot be read.
pub(crate) fn history(scripts: &[String]) -> Result<History, Error> {
    let mut files = MemoryFiles::default();
    for (n, script) in scripts.iter().enumerate() {
        files.write(&format!("{:04}_step.sql", n + 1), script.as_bytes())?;
    }
    Ok(whimbrel::history::Folder::read(&files)?.history)
}
