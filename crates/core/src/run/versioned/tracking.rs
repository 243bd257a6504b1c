//! What a database says of its own history, and how that is written.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use sha2::{Digest, Sha256};

use crate::diff::{Difference, differences};
use crate::error::{Code, Error, Result};
use crate::history::record::{self, FORMAT, IN_TABLE, IN_USER_VERSION, MIGRATIONS, REPORTS, STATE};
use crate::history::{Checksum, Record, Snapshot, State, stamp};
use crate::planted::{self, Planted};
use crate::run::apply::{begin_transaction, is_undone, is_where_it_was, roll_back, still_open};
use crate::run::inspect::{header, one_integer, one_row, read_rows, read_rows_and_shadows};
use crate::run::{Connection, Header, Value};
use crate::schema::{Schema, same_name};
use crate::sqlite::read::{CatalogueRow, is_internal, read_catalogue};

/// What one look at a database shows of its history.
#[derive(Debug, Clone, Default)]
pub struct Tracking {
    /// The header fields that the stamp is made of.
    pub header: Header,
    /// The row about the whole database, where there is one.
    pub state: Option<State>,
    /// What has run, in the order of running.
    pub records: Vec<Record>,
    /// Whether the database holds anything besides Whimbrel's own tables.
    pub has_objects: bool,
}

impl Tracking {
    /// Whether nobody has made anything in this database yet.
    pub fn is_fresh(&self) -> bool {
        self.state.is_none() && self.records.is_empty() && !self.has_objects
    }

    /// The stamp as it is now, wherever it is kept.
    pub fn stamp(&self) -> i32 {
        match &self.state {
            Some(state) if state.stamped == IN_TABLE => i32::try_from(state.stamp).unwrap_or_default(),
            _ => self.header.user_version,
        }
    }
}

/// Reads what a database says of its history. Nothing is written.
///
/// # Errors
/// [`Code::DatabaseNewer`] where a newer version of Whimbrel has written it, [`Code::Damaged`] where it cannot be
/// understood, or whatever the database answers.
pub async fn read_tracking<C: Connection>(conn: &mut C) -> Result<Tracking> {
    let mut tracking = read_state(conn).await?;
    if tracking.state.is_some() {
        let rows = rows(conn, Record::SELECT).await?;
        let read = rows.iter().map(|row| Record::from_row(row).ok_or_else(|| damaged(MIGRATIONS)));
        tracking.records = read.collect::<Result<_>>()?;
    }
    Ok(tracking)
}

/// The same without the records: of as many bytes, however long the history.
pub(super) async fn read_state<C: Connection>(conn: &mut C) -> Result<Tracking> {
    let header = header(conn).await?;
    let application_id = one_integer(conn, "PRAGMA main.application_id").await? as i32;
    let header = Header { application_id, ..header };
    // Both ends at the first row that fits: however many tables there are.
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE name = '{STATE}' AND type = 'table'), EXISTS (SELECT 1 FROM \
         main.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT IN ('{MIGRATIONS}', '{REPORTS}', \
         '{STATE}'))"
    );
    let row = one_row(conn, &sql).await?;
    let is = |n: usize| row.get(n).and_then(Value::integer) == Some(1);
    let (own, objects) = (is(0), is(1));
    let mut tracking = Tracking { header, has_objects: objects, ..Tracking::default() };
    if own {
        // The columns of another format may be others: its number comes first.
        let format = one_integer(conn, &format!("SELECT max(format) FROM main.{STATE}")).await?;
        if format > FORMAT {
            let message =
                format!("the record of migrations has format {format}, and this version reads up to {FORMAT}");
            return Err(Error::new(Code::DatabaseNewer, message).help("update the app: a newer one has written this"));
        }
        let rows = rows(conn, State::SELECT).await?;
        tracking.state = rows.first().map(|row| State::from_row(row).ok_or_else(|| damaged(STATE))).transpose()?;
    }
    Ok(tracking)
}

async fn rows<C: Connection>(conn: &mut C, sql: &str) -> Result<Vec<crate::run::Row>> {
    conn.query(sql).await.map_err(|f| f.error(Code::Damaged, "the record of migrations cannot be read").statement(sql))
}

fn damaged(table: &str) -> Error {
    Error::new(Code::Damaged, format!("a row of {table} cannot be understood")).object(table).help(
        "somebody has written to it: bring back a backup, or make the record anew with `whimbrel migrate baseline`",
    )
}

/// A transaction that is open. Every one of them changes the state, if anything.
pub(super) struct Open {
    before: Option<State>,
}

/// Begins a transaction.
pub(super) async fn begin<C: Connection>(conn: &mut C) -> Result<Open> {
    if let Err(error) = begin_transaction(conn).await {
        return Err(roll_back(conn, error, false).await);
    }
    match read_state(conn).await {
        Ok(before) => Ok(Open { before: before.state }),
        Err(e) => Err(roll_back(conn, e, false).await),
    }
}

impl Open {
    /// Ends it: a commit where all went well, else a rollback.
    pub(super) async fn end<C: Connection, T>(self, conn: &mut C, outcome: Result<T>) -> Result<T> {
        let is_there = match outcome {
            Ok(done) => is_where_it_was(conn).await.map(|()| done),
            Err(e) => Err(e),
        };
        let done = match is_there {
            Ok(done) => done,
            Err(e) => {
                let is_write = e.code() != Code::Superseded;
                return Err(roll_back(conn, e, is_write).await);
            }
        };
        if let Err(failure) = conn.execute("COMMIT").await {
            let error = failure.error(Code::StatementFailed, "the commit failed").statement("COMMIT");
            settle(conn, &self.before, error).await?;
        }
        Ok(done)
    }
}

/// A COMMIT that reports an error may have gone through: the database itself is asked.
async fn settle<C: Connection>(conn: &mut C, before: &Option<State>, error: Error) -> Result<()> {
    match conn.in_transaction().await {
        Ok(true) => {
            let error = roll_back(conn, error, true).await;
            return Err(if error.is_busy() || is_undone(conn).await { error } else { unknown(&error) });
        }
        Ok(false) if planted::is(Planted::CommitErrorTakenForRollback) => {
            return Err(error.state(crate::State::RolledBack));
        }
        Ok(false) => {}
        Err(_) => return Err(unknown(&error)),
    }
    match read_state(conn).await {
        Ok(now) if now.state == *before && is_undone(conn).await => Err(error.state(crate::State::RolledBack)),
        Ok(now) if now.state == *before => Err(unknown(&error)),
        Ok(_) => Ok(()),
        Err(_) => Err(unknown(&error)),
    }
}

fn unknown(error: &Error) -> Error {
    let cause = error.report().cause.clone().unwrap_or_default();
    Error::new(Code::OutcomeUnknown, "whether the commit went through cannot be told")
        .cause(cause)
        .state(crate::State::Unknown)
        .help("open the database again: it holds the old version or the new one")
}

/// Makes the tables of the record where they are missing.
pub(super) async fn create_tables<C: Connection>(conn: &mut C) -> Result<()> {
    for sql in record::CREATE_TABLES {
        write(conn, sql).await?;
    }
    Ok(())
}

/// Executes a statement that writes the record, in the transaction whose work it records.
pub(super) async fn write<C: Connection>(conn: &mut C, sql: &str) -> Result<()> {
    still_open(conn).await?;
    write_alone(conn, sql).await
}

/// Executes a statement that writes the record, by itself.
pub(super) async fn write_alone<C: Connection>(conn: &mut C, sql: &str) -> Result<()> {
    let outcome = conn.execute(sql).await;
    outcome.map(|_| ()).map_err(|f| f.error(Code::StatementFailed, "the record of migrations cannot be written"))
}

/// Rows of one statement: short enough for every limit of SQLite's.
const ROWS: usize = 200;

/// Adds records.
pub(super) async fn add<C: Connection>(conn: &mut C, records: &[Record]) -> Result<()> {
    for records in records.chunks(ROWS) {
        if let Some(sql) = Record::insert(records) {
            write(conn, &sql).await?;
        }
    }
    Ok(())
}

/// Writes the state, and the stamp that goes with it: the last statements of a transaction, when all changes of the
/// schema are made.
///
/// Where the stamp is kept is decided once: in `user_version`, unless somebody else has written a number there.
pub(super) async fn seal<C: Connection>(
    conn: &mut C,
    mut state: State,
    before: &Tracking,
    is_last: bool,
) -> Result<State> {
    state.format = FORMAT;
    // Between two transactions of one run nobody asks for it.
    state.fingerprint = match is_last {
        true => catalogue_fingerprint(&read_rows(conn).await?).to_string(),
        false => String::new(),
    };
    state.cookie = one_integer(conn, "PRAGMA main.schema_version").await?;
    if state.stamped.is_empty() {
        let is_used = before.header.user_version != 0;
        state.stamped = if is_used { IN_TABLE } else { IN_USER_VERSION }.to_owned();
    }
    let wait = stamp::reports_wait(before.stamp()) && before.state.is_some();
    let stamp = stamp::with_reports(stamp::stamp(state.idx, &state.head, state.cookie), wait);
    state.stamp = i64::from(stamp);
    write(conn, &state.write()).await?;
    if state.stamped == IN_USER_VERSION {
        write(conn, &format!("PRAGMA main.user_version = {stamp}")).await?;
    }
    Ok(state)
}

/// A hash of the catalogue's text: what SQLite and Whimbrel keep for themselves does not count.
pub(super) fn catalogue_fingerprint(catalogue: &[CatalogueRow]) -> Checksum {
    let counts = |row: &CatalogueRow| !is_internal(&row.name) && !record::is_own(&row.table);
    // A heap, which takes a tenth of the code of a sort.
    let rows = catalogue.iter().enumerate().filter(|(_, row)| counts(row));
    let mut rows: BinaryHeap<_> = rows.map(|(n, row)| Reverse((row.kind.as_str(), row.name.as_str(), n))).collect();
    let mut hash = Sha256::new();
    while let Some(Reverse((_, _, n))) = rows.pop() {
        let row = &catalogue[n];
        for part in [&row.kind, &row.name, &row.table, row.sql.as_ref().unwrap_or(&String::new())] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    Checksum(hash.finalize().into())
}

/// What the live schema is compared with.
pub(super) enum Expected<'e> {
    /// A snapshot.
    Snapshot(&'e Snapshot),
    /// A schema.
    Schema(Schema),
}

/// Compares the live schema with what it should be. Objects whose texts are the same need no reading, and those are
/// nearly all.
pub(super) async fn compare<C: Connection>(
    conn: &mut C,
    expected: Expected<'_>,
    ignore: &[String],
) -> Result<Difference> {
    let (mut catalogue, shadows) = read_rows_and_shadows(conn).await?;
    catalogue.retain(|row| !record::is_own(&row.table));
    let is_shadow = |name: &str| shadows.iter().any(|shadow| same_name(shadow, name));
    let is_ignored = |name: &str| {
        is_shadow(name) || ignore.iter().any(|p| crate::run::matches_pattern(p, name)) || is_bookkeeping(name)
    };
    let (live, target) = match expected {
        Expected::Schema(schema) => (read_catalogue(&catalogue, &shadows)?, schema),
        // An index or a trigger that differs cannot be read without its table, though that is the same: then all is read.
        Expected::Snapshot(snapshot) => match differing(snapshot, &catalogue, &shadows) {
            Ok(both) => both,
            Err(_) => (read_catalogue(&catalogue, &shadows)?, snapshot.schema()?),
        },
    };
    Ok(differences(&live.without(is_ignored), &target.without(is_ignored)))
}

/// What is not the same word for word, on both sides.
fn differing(snapshot: &Snapshot, catalogue: &[CatalogueRow], shadows: &[String]) -> Result<(Schema, Schema)> {
    let texts: HashSet<&str> = catalogue.iter().filter_map(|row| row.sql.as_deref()).collect();
    let target = snapshot.schema_except(|sql| texts.contains(sql))?;
    let wanted: HashSet<&str> = snapshot.statements.iter().map(|sql| &**sql).collect();
    let is_same = |row: &&CatalogueRow| row.sql.as_ref().is_some_and(|sql| wanted.contains(sql.as_str()));
    let others: Vec<CatalogueRow> = catalogue.iter().filter(|row| !is_same(row)).cloned().collect();
    Ok((read_catalogue(&others, shadows)?, target))
}

/// What other tools keep in a database for themselves.
fn is_bookkeeping(table: &str) -> bool {
    crate::history::adopt::is_bookkeeping(table)
}
