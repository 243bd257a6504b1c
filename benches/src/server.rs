//! The databases of a server: a PostgreSQL of the runner's own, as the tests start it, and a copy for each repetition that
//! changes something.
//!
//! It writes nothing through to the disk: what is measured is what the server does and who waits for whose lock. The
//! variable `WHIMBREL_TEST_POSTGRES` names another server to measure on.

use std::fs;
use std::path::{Path, PathBuf};

use peer_protocol::Outcome;
use whimbrel_postgres_server::{Database, Session};

/// The database that a fixture makes.
#[derive(Debug)]
pub struct Origin {
    database: Database,
    /// Where databases are made and dropped from: nobody is connected to one that is copied.
    aside: Database,
}

impl Origin {
    /// Makes it from the scripts of a fixture: `before.sql`, and what is to be executed alone behind it.
    ///
    /// # Errors
    /// Where no PostgreSQL can be started, or a statement fails.
    pub fn make(folder: &Path) -> Outcome<Origin> {
        let made = std::panic::catch_unwind(|| {
            let make = whimbrel_postgres_server::database;
            Origin { database: make("origin"), aside: make("aside") }
        });
        let origin = made.map_err(|_| "there is no PostgreSQL here")?;
        let session = Session::try_open(&origin.database.url)?;
        session.try_execute(&fs::read_to_string(folder.join("before.sql"))?)?;
        session.try_execute("VACUUM (ANALYZE)")?;
        Ok(origin)
    }

    /// Its URL.
    pub fn url(&self) -> PathBuf {
        PathBuf::from(&self.database.url)
    }

    /// The URL of a copy, which takes the place of the one before.
    ///
    /// # Errors
    /// Where it cannot be copied.
    pub fn copy(&self) -> Outcome<PathBuf> {
        let (name, copy) = (&self.database.name, self.copy_name());
        let session = Session::try_open(&self.aside.url)?;
        session.try_execute(&format!("DROP DATABASE IF EXISTS {copy} WITH (FORCE)"))?;
        session.try_execute(&format!("CREATE DATABASE {copy} TEMPLATE {name}"))?;
        session.try_execute("CHECKPOINT")?;
        Ok(PathBuf::from(self.copy_url()))
    }

    /// Whether a query gives true in the copy.
    ///
    /// # Errors
    /// Where it fails.
    pub fn is_proven(&self, proof: &str) -> Outcome<bool> {
        let rows = Session::try_open(&self.copy_url())?.start(proof).wait()?;
        Ok(rows.first().and_then(|row| row.first()?.as_deref()) == Some("t"))
    }

    fn copy_name(&self) -> String {
        format!("{}_copy", self.database.name)
    }

    fn copy_url(&self) -> String {
        self.database.url.replace(&self.database.name, &self.copy_name())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Ok(session) = Session::try_open(&self.aside.url) {
            // A copy that is left behind goes with the server.
            let _ = session.try_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.copy_name()));
        }
    }
}
