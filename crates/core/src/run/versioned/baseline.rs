//! Adopts a database that somebody else has made: another tool, an earlier version of the app, a hand.
//!
//! Nothing is believed that the schema does not bear out: what the migrations make of an empty database is compared
//! with what is there, before a record is written.

use super::downgrade::still_same;
use super::replay::{replay_each, replayed};
use super::tracking::{Expected, add, begin, compare, create_tables, read_tracking, seal, write};
use super::upgrade::{applied, oldest_apps};
use super::{VERSIONED, drift};
use crate::diff::Difference;
use crate::error::{Code, Error, Result};
use crate::history::adopt::{self, Tool};
use crate::history::record::{IN_USER_VERSION, MIGRATIONS};
use crate::history::{Checksum, History, Migration, Origin, Policy, Record, RecordState, SQLITE, Standing, State};
use crate::run::Connection;
use crate::run::inspect::{header, read_live, read_rows};
use crate::run::prepare::outside_transactions;
use crate::sqlite::token::quote_text;

/// How a database is adopted.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// The numbers of the migrations that it has.
    pub applied: Vec<u32>,
    /// Whether the number in `user_version` was another tool's, and may be written over.
    pub takes_user_version: bool,
    /// Whether a schema that is another is taken as it is.
    pub accept_drift: bool,
    /// Patterns of tables and views that are nobody's business.
    pub ignore: Vec<String>,
    /// The time, in milliseconds since 1970.
    pub now: i64,
}

/// What another tool says has run in a database, and which tool it is; none where there is no such record.
///
/// # Errors
/// [`Code::Adoption`] where its record does not fit the history.
pub async fn read_other_tool<C: Connection>(conn: &mut C, history: &History) -> Result<Option<(Tool, Vec<u32>)>> {
    let catalogue = read_rows(conn).await?;
    let tables = catalogue.iter().filter(|row| row.kind == "table").map(|row| row.name.as_str());
    let tool = match adopt::tool_of(tables)? {
        Some(tool) => tool,
        None => {
            let header = header(conn).await?;
            match header.user_version {
                0 => return Ok(None),
                _ => Tool::UserVersion,
            }
        }
    };
    let sql = tool.query();
    let rows = conn
        .query(&sql)
        .await
        .map_err(|f| f.error(Code::Adoption, "the other tool's record of migrations cannot be read").statement(&sql))?;
    Ok(Some((tool, adopt::applied(tool, &rows, history)?)))
}

/// The versions of a history whose schema a database has, by replaying the history in memory. Several, where a
/// migration changes rows only.
///
/// # Errors
/// As [`replay`](super::replay()).
pub async fn find_version<C: Connection>(conn: &mut C, history: &History, ignore: &[String]) -> Result<Vec<u32>> {
    let is_ignored = |name: &str| {
        adopt::is_bookkeeping(name) || ignore.iter().any(|pattern| crate::run::matches_pattern(pattern, name))
    };
    let live = read_live(conn).await?.schema.without(is_ignored).fingerprint();
    let cannot = |f: crate::run::Failure| Error::new(Code::Database, "no scratch database can be made").cause(f);
    let mut scratch = conn.scratch().await.map_err(cannot)?;
    let mut found = Vec::new();
    replay_each(&mut scratch, history, |migration, schema| {
        if schema.without(is_ignored).fingerprint() == live {
            found.push(migration.idx);
        }
    })
    .await?;
    Ok(found)
}

/// Records migrations as run, without running them.
///
/// # Errors
/// [`Code::Drift`] where the database's schema is not the one that they make; [`Code::HistoryFixed`] where it has a
/// record already.
pub async fn baseline<C: Connection>(conn: &mut C, history: &History, settings: &Baseline) -> Result<Difference> {
    outside_transactions(conn).await?;
    let tracking = read_tracking(conn).await?;
    if !tracking.records.is_empty() {
        return Err(Error::new(Code::HistoryFixed, "the database has a record of migrations already")
            .help("look at it with `whimbrel migrate status`"));
    }
    let done: Vec<&Migration> = history.originals().filter(|m| settings.applied.contains(&m.idx)).collect();
    let expected = replayed(conn, &done).await?.schema;
    let open = begin(conn).await?;
    let outcome = async {
        still_same(conn, &tracking).await?;
        let difference = compare(conn, Expected::Schema(expected), &settings.ignore).await?;
        if !difference.wrong.is_empty() && !settings.accept_drift {
            return Err(drift(&difference.wrong)
                .help("name the migration up to which the database has run, or correct the migrations"));
        }
        let mut state = tracking.state.clone().unwrap_or_default();
        state.strategy = VERSIONED.to_owned();
        if settings.takes_user_version {
            state.stamped = IN_USER_VERSION.to_owned();
        }
        let records: Vec<Record> = done.iter().map(|m| Record::of(m, Origin::Baseline, 1, settings.now, 0)).collect();
        create_tables(conn).await?;
        add(conn, &records).await?;
        seal_done(conn, state, &done, &tracking).await?;
        Ok(difference)
    }
    .await;
    open.end(conn, outcome).await
}

/// Takes names, numbers and checksums of the history over into a database's record, where they differ: migrations that
/// were renamed, renumbered, or edited so that they do the same. Returns what was changed, in words.
///
/// # Errors
/// [`Code::NotTracked`] where there is no record; [`Code::Drift`] where what was edited makes another schema than the
/// database has.
pub async fn repair_records<C: Connection>(conn: &mut C, history: &History, ignore: &[String]) -> Result<Vec<String>> {
    let tracking = read_tracking(conn).await?;
    let Some(state) = tracking.state.clone() else { return Err(super::not_tracked()) };
    let mut records = tracking.records.clone();
    let changes = take_over(history, &mut records);
    let standing = Standing::by(&SQLITE, history, &records, Policy::Allow);
    if let Some(problem) = standing.blocker() {
        return Err(problem.error());
    }
    if records == tracking.records {
        return Ok(changes);
    }
    let done = applied(&SQLITE, history, &records);
    // A script that was edited may only say in other words what has run.
    let is_edited = records.iter().zip(&tracking.records).any(|(now, then)| now.checksum != then.checksum);
    if is_edited && records.iter().all(|record| record.state == RecordState::Done) {
        let expected = replayed(conn, &done).await?.schema;
        let difference = compare(conn, Expected::Schema(expected), ignore).await?;
        if let Some(wrong) = difference.wrong.first() {
            let message = format!("the edited migrations make another schema than the database has: {wrong}");
            let error = Error::new(Code::Drift, message);
            let error = difference.wrong[1..].iter().take(9).fold(error, |e, wrong| e.help(format!("and {wrong}")));
            return Err(error.help("put the files back as they were, and write the change into a new migration"));
        }
    }
    let open = begin(conn).await?;
    let outcome = async {
        still_same(conn, &tracking).await?;
        for record in &records {
            let sql = format!(
                "UPDATE main.{MIGRATIONS} SET idx = {}, version = {}, name = {}, checksum = '{}', hash = '{}' WHERE id = {}",
                record.idx,
                quote_text(&record.version),
                quote_text(&record.name),
                record.checksum,
                record.hash,
                record.id
            );
            write(conn, &sql).await?;
        }
        seal_done(conn, state.clone(), &done, &tracking).await
    }.await;
    open.end(conn, outcome).await?;
    Ok(changes)
}

/// Takes names, numbers and checksums of the history over into records. Returns what was changed, in words.
pub(crate) fn take_over(history: &History, records: &mut [Record]) -> Vec<String> {
    let mut changes = Vec::new();
    for record in records.iter_mut().filter(|record| record.state == RecordState::Done) {
        let by_checksum = history.originals().find(|m| m.checksum == record.checksum);
        let by_version = history.originals().find(|m| crate::history::same_version(&m.version, &record.version));
        let same = by_version.filter(|m| m.checksum == record.checksum);
        let Some(migration) = same.or(by_checksum).or(by_version) else { continue };
        let (was, is) = (record.tag(), migration.tag());
        if was != is {
            changes.push(format!("{was} is recorded as {is}"));
        }
        if record.checksum != migration.checksum {
            let (then, now) = (record.checksum.short(), migration.checksum.short());
            changes.push(format!("{is} is recorded with checksum {now}, which was {then}"));
        }
        record.idx = migration.idx;
        record.version = migration.version.clone().into_owned();
        record.name = migration.name.clone().into_owned();
        record.checksum = migration.checksum;
        record.hash = migration.hash;
    }
    changes
}

async fn seal_done<C: Connection>(
    conn: &mut C,
    mut state: State,
    done: &[&Migration],
    tracking: &super::Tracking,
) -> Result<()> {
    state.idx = done.last().map_or(0, |m| m.idx);
    state.head = Checksum::chain(done.iter().map(|m| &m.checksum));
    (state.min_reader, state.min_writer) = oldest_apps(&SQLITE, done)?;
    seal(conn, state, tracking, true).await.map(|_| ())
}
