//! A history run on an empty database: what schema it makes, and whether it leaves rows.

use super::tracking::Expected;
use crate::error::{Code, Error, Result};
use crate::history::{History, Migration, SQLITE};
use crate::run::Connection;
use crate::run::inspect::{one_integer, read_schema};
use crate::schema::Schema;
use crate::sqlite::print::main;

/// What a history makes of an empty database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The schema.
    pub schema: Schema,
    /// Whether rows are left in any table: a new database cannot do without them.
    pub seeds: bool,
}

/// Runs a history on an empty database in memory, as its migrations are written: one statement after the other, with
/// foreign keys off, in no transaction. Steps of the app are no part of it.
///
/// # Errors
/// [`Code::StatementFailed`] with the migration and the place in its file, or as
/// [`Migration::script`](crate::history::Migration::script).
pub async fn replay<C: Connection>(conn: &mut C, history: &History) -> Result<Replayed> {
    replay_these(conn, &history.migrations.iter().collect::<Vec<_>>()).await
}

async fn replay_these<C: Connection>(conn: &mut C, migrations: &[&Migration]) -> Result<Replayed> {
    begin(conn).await?;
    for migration in migrations {
        run(conn, migration).await?;
    }
    commit(conn).await?;
    let schema = read_schema(conn).await?;
    let mut seeds = false;
    // Views hold no rows of their own.
    for tables in schema.tables.chunks(100) {
        let terms: Vec<_> = tables.iter().map(|t| format!("EXISTS (SELECT 1 FROM {})", main(&t.name))).collect();
        seeds |= one_integer(conn, &format!("SELECT {}", terms.join(" OR "))).await? != 0;
    }
    for table in &schema.virtual_tables {
        // A virtual table that cannot be read may hold anything.
        let rows = conn.query(&format!("SELECT EXISTS (SELECT 1 FROM {})", main(&table.name))).await;
        seeds |= rows.map_or(true, |rows| rows.first().and_then(|row| row.first()?.integer()) != Some(0));
    }
    Ok(Replayed { schema, seeds })
}

/// Runs a history as [`replay`] does, each migration as it was made, and hands over the schema after every one.
///
/// # Errors
/// As [`replay`].
pub async fn replay_each<C: Connection>(
    conn: &mut C,
    history: &History,
    mut each: impl FnMut(&Migration, Schema) + Send,
) -> Result<()> {
    begin(conn).await?;
    for migration in history.originals().filter(|m| !m.path.is_empty()) {
        run(conn, migration).await?;
        each(migration, read_schema(conn).await?);
    }
    commit(conn).await
}

async fn begin<C: Connection>(conn: &mut C) -> Result<()> {
    let setting = |f: crate::run::Failure| f.error(Code::Setting, "the scratch database cannot be set up");
    for sql in ["PRAGMA foreign_keys = OFF", "PRAGMA legacy_alter_table = OFF", "BEGIN"] {
        conn.execute(sql).await.map_err(setting)?;
    }
    Ok(())
}

async fn run<C: Connection>(conn: &mut C, migration: &Migration) -> Result<()> {
    let script = migration.script_by(&SQLITE).map_err(|e| e.migration(migration.tag()))?;
    for range in script.phases.iter().flat_map(|phase| &phase.statements) {
        let sql = &migration.up[range.clone()];
        if !is_for_a_file(sql) {
            conn.execute(sql).await.map_err(|f| super::statements::failed(migration, range, &f))?;
        }
    }
    Ok(())
}

async fn commit<C: Connection>(conn: &mut C) -> Result<()> {
    let committed = conn.execute("COMMIT").await;
    committed.map(|_| ()).map_err(|f| f.error(Code::StatementFailed, "the scratch database cannot commit"))
}

/// What means something to a file only, and cannot run in a transaction.
fn is_for_a_file(sql: &str) -> bool {
    let word = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["vacuum", "pragma"].iter().any(|w| w.eq_ignore_ascii_case(word))
        && !sql.to_ascii_lowercase().contains("legacy_alter_table")
}

/// The schema that these migrations make: the snapshot's, where it is theirs, else what they make of an empty database.
pub(super) async fn expected<'h, C: Connection>(
    conn: &mut C,
    history: &'h History,
    migrations: &[&Migration],
) -> Result<Expected<'h>> {
    match history.snapshot_of(migrations) {
        Some(snapshot) => Ok(Expected::Snapshot(snapshot)),
        None => Ok(Expected::Schema(replayed(conn, migrations).await?.schema)),
    }
}

/// What these migrations make of a scratch database of this connection.
pub(super) async fn replayed<C: Connection>(conn: &mut C, migrations: &[&Migration]) -> Result<Replayed> {
    let cannot = |f: crate::run::Failure| Error::new(Code::Database, "no scratch database can be made").cause(f);
    let mut scratch = conn.scratch().await.map_err(cannot)?;
    replay_these(&mut scratch, migrations).await
}
