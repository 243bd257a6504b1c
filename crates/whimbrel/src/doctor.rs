//! What is wrong with a database, or may become so.

use whimbrel_core::run::block_on;
use whimbrel_core::{Result, run};

use crate::sqlite_host::Sqlite;

pub use whimbrel_core::run::{Finding, Severity};

/// Looks a database over without writing to it: integrity, foreign keys, views, triggers, names in double quotes,
/// collations, modules, settings.
///
/// ```
/// let mut db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch("CREATE TABLE a(b); CREATE VIEW v AS SELECT c FROM a;")?;
/// let findings = whimbrel::doctor(&mut db)?;
/// assert_eq!(findings[0].object, "v");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where the database cannot be read at all.
pub fn doctor(conn: &mut rusqlite::Connection) -> Result<Vec<Finding>> {
    block_on(run::doctor(&mut Sqlite::new(conn)))
}
