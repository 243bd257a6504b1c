//! Adopts a database that somebody else has made: another tool, a `push`, a hand.
//!
//! Nothing is believed that the schema does not bear out: what the migrations make of an empty database is compared
//! with what is there, before a record is written.

use super::phases::{Runner, Sealing, Text, fingerprint};
use super::replay::{expected, replay_each};
use super::tracking::{read_home, read_live, rows, visible, write_record};
use super::upgrade::{make_tables, new_state, so_far, state_of};
use crate::error::{Code, Error, Result};
use crate::history::adopt::{self, Tool};
use crate::history::record::MIGRATIONS;
use crate::history::{History, Migration, Model, Origin, Policy, Record, RecordState, Standing};
use crate::postgres::expand::refuse_expanded;
use crate::postgres::host::Host;
use crate::postgres::run::RunSettings;
use crate::postgres::scratch::{Scratch, refuse_transaction, text};
use crate::postgres::session::acquire;
use crate::postgres::token::quote_literal;
use crate::run::{Cancel, Connection, Difference, Tracking, drift, not_tracked};

/// How a database is adopted.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// The numbers of the migrations that it has.
    pub applied: Vec<u32>,
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
    let names: Vec<String> = adopt::bookkeeping().map(quote_literal).collect();
    let sql = format!(
        "SELECT c.relname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND c.relname IN ({}) \
         AND (pg_catalog.pg_table_is_visible(c.oid) OR n.nspname = 'drizzle') ORDER BY 1",
        names.join(", ")
    );
    let found = rows(conn, &sql).await?;
    let tables: Vec<(String, String)> = found.iter().map(|row| (text(row, 0), text(row, 1))).collect();
    let Some(tool) = adopt::tool_of(tables.iter().map(|(name, _)| name.as_str()))? else { return Ok(None) };
    let table = tables.iter().find(|(name, _)| Some(name.as_str()) == tool.table()).map(|(_, table)| table.as_str());
    let Some(table) = table else { return Ok(None) };
    let sql = tool.postgres_query(table);
    let rows = conn
        .query(&sql)
        .await
        .map_err(|f| f.error(Code::Adoption, "the other tool's record of migrations cannot be read").statement(&sql))?;
    let rows: Vec<_> = rows.into_iter().map(|row| tool.postgres_row(row)).collect();
    Ok(Some((tool, adopt::applied(tool, &rows, history)?)))
}

/// The versions of a history whose schema a database has. Several, where a migration changes rows only.
///
/// # Errors
/// As [`replay`](super::replay()).
pub async fn find_version<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    ignore: &[String],
) -> Result<Vec<u32>> {
    let live = read_live(host, ignore).await?;
    let mut found = Vec::new();
    replay_each(host, scratch, history, |migration, schema| {
        let made: Model = visible(schema, ignore).into();
        if live.differences(&made).is_ok_and(|d| d.wrong.is_empty() && d.extra.is_empty()) {
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
pub async fn baseline<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    settings: &Baseline,
) -> Result<Difference> {
    refuse_transaction(host).await?;
    let run = RunSettings::default();
    let lock = acquire(host, run.lock_wait).await?;
    let outcome = adopt_locked(host, scratch, history, settings, &run).await;
    lock.finish(host, outcome).await
}

async fn adopt_locked<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    settings: &Baseline,
    run: &RunSettings,
) -> Result<Difference> {
    let (tracking, home) = read_home(host).await?;
    if !tracking.records.is_empty() {
        return Err(Error::new(Code::HistoryFixed, "the database has a record of migrations already")
            .help("look at it with `whimbrel migrate status`"));
    }
    refuse_expanded(host).await?;
    let done: Vec<&Migration> = history.originals().filter(|m| settings.applied.contains(&m.idx)).collect();
    let records: Vec<Record> = done.iter().map(|m| Record::of(m, Origin::Baseline, 1, settings.now, 0)).collect();
    let made = expected(host, scratch, &so_far(history, &records), &settings.ignore).await?;
    let live = read_live(host, &settings.ignore).await?;
    let difference = live.differences(&made)?;
    if !difference.wrong.is_empty() && !settings.accept_drift {
        return Err(drift(&difference.wrong)
            .help("name the migration up to which the database has run, or correct the migrations"));
    }
    let cancel = Cancel::default();
    let mut silent = ();
    let mut runner = Runner::new(host, run, &mut silent, &cancel, home).await?;
    make_tables(host, &mut runner).await?;
    let mut state = state_of(&Tracking { state: Some(new_state()), ..tracking }, history, &records)?;
    state.fingerprint = fingerprint(&live);
    let script: String = records.iter().map(|record| write_record(&runner.home, record) + ";\n").collect();
    let whole = 0..script.len();
    let at = Text { path: "the record of migrations", tag: "baseline", text: &script, of: 1 };
    let sealing = Sealing { state: Some(state), ..Sealing::default() };
    let statements = if script.is_empty() { Vec::new() } else { vec![whole] };
    runner.together(host, at, &statements, 0, &mut || Ok(sealing.clone())).await?;
    Ok(difference)
}

/// Takes names, numbers and checksums of the history over into a database's record, where they differ: migrations that
/// were renamed, renumbered, or edited so that they do the same. Returns what was changed, in words.
///
/// # Errors
/// [`Code::NotTracked`] where there is no record; [`Code::Drift`] where what was edited makes another schema than the
/// database has.
pub async fn repair_records<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    ignore: &[String],
) -> Result<Vec<String>> {
    refuse_transaction(host).await?;
    let run = RunSettings::default();
    let lock = acquire(host, run.lock_wait).await?;
    let outcome = repair_locked(host, scratch, history, ignore, &run).await;
    lock.finish(host, outcome).await
}

async fn repair_locked<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    ignore: &[String],
    run: &RunSettings,
) -> Result<Vec<String>> {
    let (tracking, home) = read_home(host).await?;
    if tracking.state.is_none() {
        return Err(not_tracked());
    }
    let mut records = tracking.records.clone();
    let changes = crate::run::take_over(history, &mut records);
    let standing = Standing::of(history, &records, Policy::Allow);
    if let Some(problem) = standing.blocker() {
        return Err(problem.error());
    }
    if records == tracking.records {
        return Ok(changes);
    }
    // A script that was edited may only say in other words what has run.
    let is_edited = records.iter().zip(&tracking.records).any(|(now, then)| now.checksum != then.checksum);
    if is_edited && records.iter().all(|record| record.state == RecordState::Done) {
        let done = History { snapshot: None, ..so_far(history, &records) };
        let made = expected(host, scratch, &done, ignore).await?;
        let difference = read_live(host, ignore).await?.differences(&made)?;
        if let Some((first, others)) = difference.wrong.split_first() {
            let message = format!("the edited migrations make another schema than the database has: {first}");
            let error = Error::new(Code::Drift, message);
            let error = others.iter().take(9).fold(error, |e, wrong| e.help(format!("and {wrong}")));
            return Err(error.help("put the files back as they were, and write the change into a new migration"));
        }
    }
    let cancel = Cancel::default();
    let mut silent = ();
    let mut runner = Runner::new(host, run, &mut silent, &cancel, home).await?;
    let table = runner.home.table(MIGRATIONS);
    let update = |record: &Record| {
        format!(
            "UPDATE {table} SET idx = {}, version = {}, name = {}, checksum = '{}', hash = '{}' WHERE id = {};\n",
            record.idx,
            quote_literal(&record.version),
            quote_literal(&record.name),
            record.checksum,
            record.hash,
            record.id
        )
    };
    let script: String = records.iter().map(update).collect();
    let at = Text { path: "the record of migrations", tag: "repair", text: &script, of: 1 };
    let fingerprint = tracking.state.as_ref().map(|state| state.fingerprint.clone()).unwrap_or_default();
    let mut state = state_of(&tracking, history, &records)?;
    state.fingerprint = fingerprint;
    let sealing = Sealing { state: Some(state), ..Sealing::default() };
    let whole = 0..script.len();
    runner.together(host, at, std::slice::from_ref(&whole), 0, &mut || Ok(sealing.clone())).await?;
    Ok(changes)
}
