//! What a database holds of its own history: the tables, and their rows as values.
//!
//! Three tables, made with the first migration and changed only in the transaction of what they tell:
//!
//! - `_whimbrel_migrations`, a row for each migration that ran;
//! - `_whimbrel_state`, one row: whose history it is, what apps may read and write it, and how the last attempt went;
//! - `_whimbrel_reports`, empty unless the app sends reports: those that could not be handed over yet.
//!
//! Their texts are documented in `docs/formats.md`.

use std::fmt::Write as _;

use super::{Checksum, Migration, tag};
use crate::run::{Row, Value};
use crate::sqlite::token::quote_text;

/// The table of migrations that ran.
pub const MIGRATIONS: &str = "_whimbrel_migrations";
/// The table with the one row about the whole database.
pub const STATE: &str = "_whimbrel_state";
/// The table of reports that wait to be handed over.
pub const REPORTS: &str = "_whimbrel_reports";

/// Whether a table is one of Whimbrel's own, which no schema declares and no plan touches.
pub fn is_own(table: &str) -> bool {
    [MIGRATIONS, STATE, REPORTS].iter().any(|own| own.eq_ignore_ascii_case(table))
}

/// The version of these tables. A database with a higher one is not understood.
pub const FORMAT: i64 = 1;

/// The statements that make the tables where they are missing.
pub const CREATE_TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS main._whimbrel_migrations (
  id INTEGER PRIMARY KEY,
  idx INTEGER NOT NULL,
  version TEXT NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  hash TEXT NOT NULL,
  origin TEXT NOT NULL,
  batch INTEGER NOT NULL,
  applied_at INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  phases INTEGER,
  down TEXT
)",
    "CREATE TABLE IF NOT EXISTS main._whimbrel_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  format INTEGER NOT NULL,
  strategy TEXT NOT NULL,
  stamped TEXT NOT NULL,
  stamp INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  head TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  cookie INTEGER NOT NULL,
  min_reader INTEGER NOT NULL,
  min_writer INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  attempted TEXT NOT NULL
)",
    "CREATE TABLE IF NOT EXISTS main._whimbrel_reports (
  id INTEGER PRIMARY KEY,
  report TEXT NOT NULL
)",
];

/// How a migration came to be recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// It ran.
    #[default]
    Run,
    /// The database was made from the snapshot, which holds what it does.
    Snapshot,
    /// Somebody, or another tool's record, said that the database has it.
    Baseline,
    /// What it was squashed into has run.
    Squash,
}

impl Origin {
    /// As it stands in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Run => "run",
            Origin::Snapshot => "snapshot",
            Origin::Baseline => "baseline",
            Origin::Squash => "squash",
        }
    }

    fn read(text: &str) -> Origin {
        [Origin::Snapshot, Origin::Baseline, Origin::Squash]
            .into_iter()
            .find(|o| o.as_str() == text)
            .unwrap_or(Origin::Run)
    }
}

/// Whether a migration is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RecordState {
    /// It is.
    #[default]
    Done,
    /// So many of its phases are; the next run goes on behind them.
    Phases(u32),
    /// It was, and so many phases of the script that undoes it are done too; the next way back goes on behind them.
    Undone(u32),
}

impl RecordState {
    /// As it stands in the table: none where it is done, less than 0 on the way back.
    pub fn column(self) -> Option<i64> {
        match self {
            RecordState::Done => None,
            RecordState::Phases(phases) => Some(i64::from(phases)),
            RecordState::Undone(phases) => Some(-i64::from(phases)),
        }
    }

    fn read(column: Option<i64>) -> Option<RecordState> {
        let Some(phases) = column else { return Some(RecordState::Done) };
        let count = u32::try_from(phases.unsigned_abs()).ok()?;
        Some(if phases < 0 { RecordState::Undone(count) } else { RecordState::Phases(count) })
    }
}

/// A migration that a database has run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its place in the order of running, from 1.
    pub id: i64,
    /// Its number when it ran.
    pub idx: u32,
    /// Its version when it ran.
    pub version: String,
    /// Its name when it ran.
    pub name: String,
    /// Of the canonical text that ran.
    pub checksum: Checksum,
    /// Of the bytes of the file that ran.
    pub hash: Checksum,
    /// How it came here.
    pub origin: Origin,
    /// The run it belongs to: those of one run are rolled back together.
    pub batch: i64,
    /// When, in milliseconds since 1970.
    pub applied_at: i64,
    /// How long it took, in milliseconds.
    pub milliseconds: i64,
    /// Whether it is done.
    pub state: RecordState,
    /// The script that undoes it, where it is kept.
    pub down: Option<String>,
}

impl Record {
    /// The record of a migration that is done.
    pub fn of(migration: &Migration, origin: Origin, batch: i64, applied_at: i64, milliseconds: i64) -> Record {
        Record {
            id: 0,
            idx: migration.idx,
            version: migration.version.clone().into_owned(),
            name: migration.name.clone().into_owned(),
            checksum: migration.checksum,
            hash: migration.hash,
            origin,
            batch,
            applied_at,
            milliseconds,
            state: RecordState::Done,
            down: None,
        }
    }

    /// Version and name: `0003_add-users`.
    pub fn tag(&self) -> String {
        tag(&self.version, &self.name)
    }

    /// The query that reads all records, in the order of running.
    pub const SELECT: &str = "SELECT id, idx, version, name, checksum, hash, origin, batch, applied_at, milliseconds, \
                              phases, down FROM main._whimbrel_migrations ORDER BY id";

    /// A record from a row of [`Record::SELECT`].
    pub fn from_row(row: &Row) -> Option<Record> {
        use Value::{Integer, Text};
        let [
            Integer(id),
            Integer(idx),
            Text(version),
            Text(name),
            Text(checksum),
            Text(hash),
            Text(origin),
            Integer(batch),
            Integer(applied_at),
            Integer(milliseconds),
            phases,
            down,
        ] = row.as_slice()
        else {
            return None;
        };
        Some(Record {
            id: *id,
            idx: u32::try_from(*idx).ok()?,
            checksum: checksum.parse().ok()?,
            hash: hash.parse().ok()?,
            origin: Origin::read(origin),
            batch: *batch,
            applied_at: *applied_at,
            milliseconds: *milliseconds,
            state: RecordState::read(phases.integer())?,
            version: version.clone(),
            name: name.clone(),
            down: down.text().map(str::to_owned),
        })
    }

    /// The statement that adds records. Without any there is none.
    pub fn insert(records: &[Record]) -> Option<String> {
        if records.is_empty() {
            return None;
        }
        let mut sql = format!(
            "INSERT INTO main.{MIGRATIONS} (idx, version, name, checksum, hash, origin, batch, applied_at, milliseconds, \
             phases, down) VALUES"
        );
        for (n, record) in records.iter().enumerate() {
            let _ = write!(
                sql,
                "{}({}, {}, {}, '{}', '{}', '{}', {}, {}, {}, {}, {})",
                if n == 0 { " " } else { ", " },
                record.idx,
                quote_text(&record.version),
                quote_text(&record.name),
                record.checksum,
                record.hash,
                record.origin.as_str(),
                record.batch,
                record.applied_at,
                record.milliseconds,
                record.state.column().map_or_else(|| "NULL".to_owned(), |phases| phases.to_string()),
                record.down.as_deref().map_or_else(|| "NULL".to_owned(), quote_text),
            );
        }
        Some(sql)
    }

    /// The statement that removes the record.
    pub fn delete(&self) -> String {
        format!("DELETE FROM main.{MIGRATIONS} WHERE version = {}", quote_text(&self.version))
    }
}

/// The one row about the whole database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The version of these tables.
    pub format: i64,
    /// How the app keeps this database: `versioned`, `auto-alter` or `disposable`.
    pub strategy: String,
    /// Where the stamp is: `user_version` or `table`.
    pub stamped: String,
    /// The stamp, where it is in this table.
    pub stamp: i64,
    /// The number of the newest migration.
    pub idx: u32,
    /// The head of the chain of the history that was last run to its end.
    pub head: Checksum,
    /// Of the live schema after that.
    pub fingerprint: String,
    /// SQLite's `PRAGMA schema_version` after that.
    pub cookie: i64,
    /// The oldest version of the app that may read the database.
    pub min_reader: u32,
    /// The oldest version of the app that may write it.
    pub min_writer: u32,
    /// How many starts in a row have not come to their end.
    pub attempts: u32,
    /// The head of the history they were made with.
    pub attempted: String,
}

/// Where the stamp is kept, in the words of [`State::stamped`].
pub const IN_USER_VERSION: &str = "user_version";
/// Where an app uses `user_version` itself.
pub const IN_TABLE: &str = "table";

impl State {
    /// The query that reads the row.
    pub const SELECT: &str = "SELECT format, strategy, stamped, stamp, idx, head, fingerprint, cookie, min_reader, \
                              min_writer, attempts, attempted FROM main._whimbrel_state";

    /// The state from a row of [`State::SELECT`].
    pub fn from_row(row: &Row) -> Option<State> {
        use Value::{Integer, Text};
        let [
            Integer(format),
            Text(strategy),
            Text(stamped),
            Integer(stamp),
            Integer(idx),
            Text(head),
            Text(fingerprint),
            Integer(cookie),
            Integer(min_reader),
            Integer(min_writer),
            Integer(attempts),
            Text(attempted),
        ] = row.as_slice()
        else {
            return None;
        };
        let number = |n: &i64| u32::try_from(*n).ok();
        Some(State {
            format: *format,
            stamp: *stamp,
            idx: number(idx)?,
            head: head.parse().ok()?,
            cookie: *cookie,
            min_reader: number(min_reader)?,
            min_writer: number(min_writer)?,
            attempts: number(attempts)?,
            strategy: strategy.clone(),
            stamped: stamped.clone(),
            fingerprint: fingerprint.clone(),
            attempted: attempted.clone(),
        })
    }

    /// The statement that writes the row.
    pub fn write(&self) -> String {
        format!(
            "INSERT OR REPLACE INTO main.{STATE} (id, format, strategy, stamped, stamp, idx, head, fingerprint, cookie, \
             min_reader, min_writer, attempts, attempted) VALUES (1, {}, {}, {}, {}, {}, '{}', {}, {}, {}, {}, {}, {})",
            self.format,
            quote_text(&self.strategy),
            quote_text(&self.stamped),
            self.stamp,
            self.idx,
            self.head,
            quote_text(&self.fingerprint),
            self.cookie,
            self.min_reader,
            self.min_writer,
            self.attempts,
            quote_text(&self.attempted),
        )
    }
}
