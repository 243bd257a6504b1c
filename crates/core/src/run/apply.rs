//! Runs a plan: one transaction, verified before it is committed.
//!
//! The order is that of SQLite's procedure (<https://www.sqlite.org/lang_altertable.html#otheralter>): 1 settings,
//! 2 begin, 3 to 9 the steps of the plan, 10 foreign-key check, 11 commit, 12 settings back.

use std::collections::HashMap;

use super::inspect::{is_in_transaction, look_at_basis, one_integer, one_row, read_rows, shadow_tables};
use super::prepare::{Settings, make_plan, outside_transactions, visible};
use super::{Cancel, Connection, Event, Failure, FailureKind, Observer, Value};
use crate::diff::{Answer, Answers, Options, Question, diff};
use crate::error::{Code, Error, Result, State};
use crate::history::record::is_own;
use crate::plan::{Copy, Fill, Plan, Statement, Step, rows_text};
use crate::planted::{self, Planted};
use crate::schema::Schema;
use crate::sqlite::read::read_catalogue_like;
use crate::sqlite::token::quote_text;

/// What a run has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Changes made.
    pub changes: usize,
    /// Steps taken.
    pub steps: usize,
    /// Rows copied.
    pub rows: u64,
    /// What is worth a warning.
    pub warnings: Vec<String>,
}

/// Rows copied by one statement: often enough to report and to cancel, seldom enough to cost nothing.
const PORTION: u64 = 20_000;

/// Runs a plan on the connection it was made on.
///
/// # Errors
/// Nothing is changed where [`State`] says so. [`Code::Superseded`] where the database is no longer what the plan was
/// made from: make a new one.
pub async fn run_plan<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    plan: &Plan,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Report> {
    if let Some(obstacle) = plan.obstacles.first() {
        return Err(obstacle.again());
    }
    if plan.is_empty() {
        return Ok(Report::default());
    }
    outside_transactions(conn).await?;
    if let Some(free) = conn.free_space().await
        && free < plan.disk_bytes
    {
        let message = format!("{} bytes of free disk space are needed, and there are {free}", plan.disk_bytes);
        return Err(Error::new(Code::DiskSpace, message).help("free some space and try again"));
    }

    // 1, 12.
    let mut changed = Vec::new();
    let outcome = match set_up(conn, &mut changed).await {
        Ok(()) => transaction(conn, plan, observer, cancel).await,
        Err(e) => Err(e),
    };
    let restored = restore(conn, &changed).await;
    finish(outcome, restored)
}

/// Runs a plan that was made to be run at once ([`Settings::at_once`]). Where it fails at what was left to the run, the plan is
/// made once more with everything asked: the error is then that of a plan that was looked at, with the rows counted.
///
/// # Errors
/// As [`run_plan`], and [`make_plan`].
pub async fn run_at_once<C: Connection, R, O>(
    conn: &mut C,
    plan: &Plan,
    target: &Schema,
    settings: &Settings,
    resolve: &mut R,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Report>
where
    R: FnMut(&Question) -> Option<Answer> + ?Sized,
    O: Observer + ?Sized,
{
    let outcome = run_plan(conn, plan, observer, cancel).await;
    let Err(error) = outcome else { return outcome };
    // Among several obstacles, those of the rows come first.
    let may_be_said_better = plan.left_to_run && (error.code() == Code::RowsDoNotFit || !plan.obstacles.is_empty());
    // A transaction that could not be rolled back is what has to be told first.
    if !may_be_said_better || !matches!(conn.in_transaction().await, Ok(false)) {
        return Err(error);
    }
    let asked = Settings { at_once: false, ..settings.clone() };
    let plan = make_plan(conn, target, &asked, resolve).await?;
    run_plan(conn, &plan, observer, cancel).await
}

/// What is done, with what became of the settings.
pub(super) fn finish<T>(outcome: Result<T>, restored: Result<(), Failure>) -> Result<T> {
    match (outcome, restored) {
        (Ok(done), Ok(())) => Ok(done),
        (Ok(_), Err(failure)) => Err(failure
            .error(Code::NotRestored, "all is applied, but a setting of the connection could not be put back")
            .state(State::Applied)
            .help("open a new connection")),
        (Err(e), Ok(())) => Err(e),
        (Err(e), Err(_)) => Err(e.help("a setting of the connection could not be put back: open a new one")),
    }
}

/// A setting that was changed, and what puts it back.
pub(super) type Changed = Vec<String>;

/// In WAL mode SQLite itself does not notice: what is committed is then in a file that nobody opens any more.
pub(super) async fn is_where_it_was<C: Connection>(conn: &mut C) -> Result<()> {
    if !conn.has_moved().await {
        return Ok(());
    }
    Err(Error::new(Code::ReadOnly, "the file of the database was renamed or removed while it was open")
        .help("open the database again"))
}

/// 1. What the run relies on, each read back: some settings are ignored without a word where they cannot be made.
pub(super) async fn set_up<C: Connection>(conn: &mut C, changed: &mut Changed) -> Result<()> {
    is_where_it_was(conn).await?;
    if one_integer(conn, "PRAGMA query_only").await? != 0 {
        return Err(Error::new(Code::ReadOnly, "the connection is set to read only (PRAGMA query_only)"));
    }
    let wanted: [(&str, &[i64], i64); 5] = [
        // With foreign keys on, DROP TABLE deletes the rows of every cascading child.
        ("foreign_keys", &[0], 0),
        ("legacy_alter_table", &[0], 0),
        ("ignore_check_constraints", &[0], 0),
        ("writable_schema", &[0], 0),
        // OFF may lose the database when power fails; NORMAL, FULL and EXTRA do not.
        ("synchronous", &[1, 2, 3], 2),
    ];
    for (name, accepted, value) in wanted {
        if planted::is(Planted::ForeignKeysLeftOn) && name == "foreign_keys" {
            continue;
        }
        let get = format!("PRAGMA {name}");
        let was = one_integer(conn, &get).await?;
        // The plan itself switches these two; a run that stops in between must not leave them on.
        let is_switched = matches!(name, "legacy_alter_table" | "writable_schema");
        let is_switched = is_switched && !planted::is(Planted::LegacyAlterNotPutBack);
        if is_switched || !accepted.contains(&was) {
            changed.push(format!("PRAGMA {name} = {was}"));
        }
        if accepted.contains(&was) {
            continue;
        }
        let cannot = || Error::new(Code::Setting, format!("PRAGMA {name} cannot be set to {value}"));
        conn.execute(&format!("PRAGMA {name} = {value}")).await.map_err(|f| cannot().cause(f))?;
        if !accepted.contains(&one_integer(conn, &get).await?) {
            return Err(cannot());
        }
    }
    if planted::is(Planted::SynchronousOff) {
        let was = one_integer(conn, "PRAGMA main.synchronous").await?;
        changed.push(format!("PRAGMA main.synchronous = {was}"));
        let _ = conn.execute("PRAGMA main.synchronous = OFF").await;
    }
    // Without a journal there is no way back; a journal in memory is gone when the process is.
    let journal = one_row(conn, "PRAGMA main.journal_mode").await?;
    let journal = journal.first().and_then(Value::text).unwrap_or_default().to_owned();
    let file = one_row(conn, "SELECT file FROM pragma_database_list WHERE name = 'main'").await?;
    let on_disk = file.first().and_then(Value::text).is_some_and(|file| !file.is_empty());
    let needed = match journal.as_str() {
        "off" if on_disk => "delete",
        "off" => "memory",
        "memory" if on_disk => "delete",
        _ => return Ok(()),
    };
    changed.push(format!("PRAGMA main.journal_mode = {journal}"));
    let now = one_row(conn, &format!("PRAGMA main.journal_mode = {needed}")).await?;
    if now.first().and_then(Value::text) != Some(needed) {
        return Err(Error::new(Code::Setting, format!("PRAGMA journal_mode cannot be set to {needed}")));
    }
    Ok(())
}

/// Pages in the log of WAL mode from which on it is cut: SQLite itself begins with the next write to fill one of 1,000
/// anew (<https://www.sqlite.org/pragma.html#pragma_wal_autocheckpoint>).
const LARGE_LOG: i64 = 2000;

/// In WAL mode a run leaves a log of all that it has written, which nobody makes smaller while the database is open. It is
/// cut where nobody reads in this moment; whoever has forbidden SQLite to do so by itself looks after the log.
async fn cut_log<C: Connection>(conn: &mut C, changed: &mut Changed) -> Result<()> {
    let journal = one_row(conn, "PRAGMA main.journal_mode").await?;
    if journal.first().and_then(Value::text) != Some("wal")
        || one_integer(conn, "PRAGMA wal_autocheckpoint").await? <= 0
    {
        return Ok(());
    }
    // Only tells how long the log is, from SQLite 3.51.0 on; before, it also writes what can be written.
    let log = one_row(conn, "PRAGMA main.wal_checkpoint(NOOP)").await?;
    let [_, Value::Integer(pages), Value::Integer(written)] = log.as_slice() else { return Ok(()) };
    if *pages < LARGE_LOG || written < pages {
        return Ok(());
    }
    // Nobody waits for a reader just for this. A handler of the app's own shows as 0, and would be lost.
    let patience = one_integer(conn, "PRAGMA busy_timeout").await?;
    if patience > 0 {
        changed.push(format!("PRAGMA busy_timeout = {patience}"));
        one_integer(conn, "PRAGMA busy_timeout = 0").await?;
    }
    one_row(conn, "PRAGMA main.wal_checkpoint(TRUNCATE)").await.map(|_| ())
}

/// 12. In the reverse order; goes on after a failure, so that as much as possible is put back.
pub(super) async fn restore<C: Connection>(conn: &mut C, changed: &Changed) -> Result<(), Failure> {
    // What was written is written: a log that stays long is nothing that a run fails for.
    let mut changed = changed.clone();
    let _ = cut_log(conn, &mut changed).await;
    let mut first = Ok(());
    for setting in changed.iter().rev() {
        let outcome = conn.query(setting).await.map(|_| ());
        if first.is_ok() {
            first = outcome;
        }
    }
    first
}

async fn transaction<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    plan: &Plan,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Report> {
    // 2.
    if let Err(error) = begin_transaction(conn).await {
        return Err(roll_back(conn, error, false).await);
    }
    let done = match look_again(conn, plan).await {
        Ok(()) => steps(conn, plan, observer, cancel).await,
        Err(e) => return Err(roll_back(conn, e, false).await),
    };
    let report = match done {
        Ok(report) => report,
        Err(e) => return Err(roll_back(conn, e, true).await),
    };
    // 11.
    if let Err(failure) = conn.execute("COMMIT").await {
        let error = failure.error(Code::StatementFailed, "the commit failed").statement("COMMIT");
        return settle(conn, plan, error).await.map(|()| report);
    }
    observer.event(&Event::Committed);
    Ok(report)
}

/// Begins the transaction of a run.
///
/// EXCLUSIVE: a deferred transaction would let several processes start at once and all but one fail. An immediate one lets
/// readers stay where there is no log; SQLite then waits its busy timeout for them whenever the cache is full, and once more
/// at the commit. What cannot be written is to be known before anything is. In WAL mode it is the same as IMMEDIATE
/// (<https://www.sqlite.org/lang_transaction.html>).
pub(super) async fn begin_transaction<C: Connection>(conn: &mut C) -> Result<()> {
    let begin = if planted::is(Planted::DeferredBegin) { "BEGIN" } else { "BEGIN EXCLUSIVE" };
    conn.execute(begin).await.map(|_| ()).map_err(|f| f.error(Code::Database, "a transaction cannot be begun"))
}

/// Before anything is written: what came before may have ended the transaction, even what is passed over where it fails,
/// such as a check of foreign keys.
pub(super) async fn still_open<C: Connection>(conn: &mut C) -> Result<()> {
    match is_in_transaction(conn).await? || planted::is(Planted::AutocommitNotAsked) {
        true => Ok(()),
        false => Err(Error::new(Code::TransactionLost, "the transaction ended in the middle of the run")),
    }
}

/// Another process may have done the same, or something else, since the plan was made.
async fn look_again<C: Connection>(conn: &mut C, plan: &Plan) -> Result<()> {
    if look_at_basis(conn).await? == plan.basis || planted::is(Planted::NoSecondLook) {
        return Ok(());
    }
    Err(Error::new(Code::Superseded, "the database changed after the plan was made").help("make a new plan"))
}

/// Ends the transaction after an error. It may have ended by itself.
pub(super) async fn roll_back<C: Connection>(conn: &mut C, error: Error, written: bool) -> Error {
    // A database that cannot be written has not been.
    let written = written && error.code() != Code::ReadOnly;
    let state = if written { State::RolledBack } else { State::Unchanged };
    let error = error.state(state);
    if matches!(conn.in_transaction().await, Ok(false)) {
        return error;
    }
    match conn.execute("ROLLBACK").await {
        Ok(_) => error,
        Err(failure) => match conn.in_transaction().await {
            Ok(false) => error,
            _ => error
                .help(format!("the rollback failed too ({failure}): close this connection, which rolls back"))
                .state(State::RolledBack),
        },
    }
}

/// A COMMIT that reports an error may have gone through: the database itself is asked.
async fn settle<C: Connection>(conn: &mut C, plan: &Plan, error: Error) -> Result<()> {
    match conn.in_transaction().await {
        Ok(true) => {
            let error = roll_back(conn, error, true).await;
            return Err(if error.is_busy() || is_undone(conn).await { error } else { unknown(error) });
        }
        Ok(false) if planted::is(Planted::CommitErrorTakenForRollback) => return Err(error.state(State::RolledBack)),
        Ok(false) => {}
        Err(_) => return Err(unknown(error)),
    }
    let Ok(now) = look_at_basis(conn).await else {
        return Err(unknown(error));
    };
    if now.catalogue == plan.basis.catalogue {
        return Err(if is_undone(conn).await { error.state(State::RolledBack) } else { unknown(error) });
    }
    match compare(conn, plan).await {
        Ok(()) => Ok(()),
        Err(_) => Err(unknown(error)),
    }
}

/// Whether a commit that has failed, and cannot be seen, cannot come back either. In WAL mode it may stand complete in the
/// log, unseen by the connections that are open: what failed came after it. Whoever recovers the log would find it. A
/// checkpoint that cuts the log to nothing takes it away.
pub(super) async fn is_undone<C: Connection>(conn: &mut C) -> bool {
    let Ok(journal) = one_row(conn, "PRAGMA main.journal_mode").await else { return false };
    if journal.first().and_then(Value::text) != Some("wal") {
        return true;
    }
    let is_busy = one_row(conn, "PRAGMA main.wal_checkpoint(TRUNCATE)").await;
    is_busy.is_ok_and(|row| row.first().and_then(Value::integer) == Some(0))
}

fn unknown(error: Error) -> Error {
    let cause = error.report().cause.clone().unwrap_or_default();
    Error::new(Code::OutcomeUnknown, "whether the commit went through cannot be told")
        .cause(cause)
        .state(State::Unknown)
        .help("open the database again and make a new plan: it holds the old version or the new one")
}

async fn steps<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    plan: &Plan,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Report> {
    let violations = violations(conn, plan.foreign_key_checks.iter().map(|(before, _)| before)).await?;
    let rows = plan.rows();
    observer.event(&Event::Started { steps: plan.steps.len(), rows });
    let of_bytes = plan.steps.iter().filter(|step| step.rewrites()).map(|step| step.bytes).sum();
    let mut progress = Progress { done: 0, of: rows, bytes: 0, of_bytes };
    let mut last = None;
    for (n, step) in plan.steps.iter().enumerate() {
        observer.event(&Event::Step { number: n + 1, of: plan.steps.len(), object: &step.object, title: &step.title });
        for statement in &step.statements {
            if cancel.is_cancelled() {
                return Err(cancelled());
            }
            still_open(conn).await.map_err(|e| after(last, e))?;
            execute(conn, step, statement, &mut progress, observer, cancel).await?;
            last = Some((step, statement));
        }
        if planted::is(Planted::VersionInAnotherTransaction) {
            let _ = (conn.execute("COMMIT").await, conn.execute("BEGIN EXCLUSIVE").await);
        }
    }
    still_open(conn).await.map_err(|e| after(last, e))?;
    observer.event(&Event::Verifying);
    compare(conn, plan).await?;
    let mut warnings = plan.warnings.clone();
    verify_keys(conn, plan, &violations, &mut warnings).await?;
    if cancel.is_cancelled() {
        return Err(cancelled());
    }
    is_where_it_was(conn).await?;
    Ok(Report { changes: plan.changes.len(), steps: plan.steps.len(), rows: progress.done, warnings })
}

/// Names the statement that was the last one.
fn after(last: Option<(&Step, &Statement)>, error: Error) -> Error {
    match last {
        None => error,
        Some((step, statement)) => error.object(&step.object).statement(statement.sql()),
    }
}

pub(super) fn cancelled() -> Error {
    Error::new(Code::Cancelled, "the run was cancelled")
}

fn failed(step: &Step, sql: &str, failure: &Failure) -> Error {
    let stands_in_the_way = ["error in view ", "error in trigger "].iter().any(|m| failure.message.starts_with(m));
    let (code, message) = match failure.kind {
        // One that lives in the connection's own temporary schema; those of the database were looked at before.
        FailureKind::Statement if stands_in_the_way => {
            (Code::BrokenDependent, format!("{} of {} is stopped by what reads it", step.title, step.object))
        }
        FailureKind::Constraint => (Code::RowsDoNotFit, format!("rows of {} do not fit", step.object)),
        _ => (Code::StatementFailed, format!("{} of {} failed", step.title, step.object)),
    };
    failure.error(code, message).object(&step.object).statement(sql)
}

struct Progress {
    done: u64,
    of: u64,
    bytes: u64,
    of_bytes: u64,
}

impl Progress {
    /// Counts copied rows; a step's bytes are spread evenly over its rows.
    fn add<O: Observer + ?Sized>(&mut self, step: &Step, rows: u64, observer: &mut O) {
        self.done += rows;
        let share = u128::from(step.bytes) * u128::from(rows) / u128::from(step.rows.max(1));
        self.bytes = (self.bytes + u64::try_from(share).unwrap_or(0)).min(self.of_bytes);
        let Progress { done, of, bytes, of_bytes } = *self;
        observer.event(&Event::Rows { done, of, bytes, of_bytes });
    }
}

async fn execute<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    step: &Step,
    statement: &Statement,
    progress: &mut Progress,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    match statement {
        Statement::Execute(sql) => {
            conn.execute(sql).await.map_err(|f| failed(step, sql, &f))?;
        }
        Statement::Copy(copy) => copy_rows(conn, step, copy, progress, observer, cancel).await?,
        Statement::Fill(fill) => fill_rows(conn, step, fill, progress, observer, cancel).await?,
        Statement::Check { sql, failure } => {
            let rows = conn.query(sql).await.map_err(|f| failed(step, sql, &f))?;
            if rows.first().and_then(|r| r.first()) != Some(&Value::Integer(0)) {
                return Err(Error::new(Code::VerificationFailed, failure).object(&step.object).statement(sql));
            }
        }
        Statement::RaiseSchemaVersion => {
            let get = "PRAGMA main.schema_version";
            let rows = conn.query(get).await.map_err(|f| failed(step, get, &f))?;
            let version = rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default();
            let set = format!("{get} = {}", version + 1);
            conn.execute(&set).await.map_err(|f| failed(step, &set, &f))?;
            // The schema that SQLite knows is an old one now. A statement that finds that is prepared once more and run;
            // where memory ends in between, SQLite has rolled back, and what it writes is done outside of any transaction.
            // So the one that finds it does not write.
            one_row(conn, "SELECT 1 FROM main.sqlite_master LIMIT 1").await?;
        }
    }
    Ok(())
}

/// Copies in portions where rows can be walked by rowid, so that there is progress, and a place to stop.
async fn copy_rows<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    step: &Step,
    copy: &Copy,
    progress: &mut Progress,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    let walk = copy.rowid.as_ref().zip(copy.into_rowid.as_ref()).filter(|_| copy.rows > PORTION);
    let Some((rowid, into_rowid)) = walk else {
        let sql = copy.sql();
        let rows = conn.execute(&sql).await.map_err(|f| failed(step, &sql, &f))?;
        progress.add(step, rows, observer);
        return Ok(());
    };
    let mut last: Option<i64> = None;
    loop {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        let from = last.map_or_else(String::new, |last| format!(" WHERE {rowid} > {last}"));
        let sql = format!("{}{from} ORDER BY {rowid} LIMIT {PORTION}", copy.head);
        let rows = conn.execute(&sql).await.map_err(|f| failed(step, &sql, &f))?;
        if rows == 0 {
            return Ok(());
        }
        progress.add(step, rows, observer);
        let sql = format!("SELECT max({into_rowid}) FROM {}", copy.into);
        let row = conn.query(&sql).await.map_err(|f| failed(step, &sql, &f))?;
        last = row.first().and_then(|r| r.first()?.integer());
        if last == Some(i64::MAX) || planted::is(Planted::RowsNotCounted) {
            return Ok(());
        }
    }
}

/// Writes in portions where rows can be walked by rowid, as a copy does.
async fn fill_rows<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    step: &Step,
    fill: &Fill,
    progress: &mut Progress,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    let Some(rowid) = fill.rowid.as_ref().filter(|_| fill.rows > PORTION) else {
        let sql = fill.sql();
        conn.execute(&sql).await.map_err(|f| failed(step, &sql, &f))?;
        progress.add(step, fill.rows, observer);
        return Ok(());
    };
    let mut after: Option<i64> = None;
    loop {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        let from = after.map_or_else(String::new, |after| format!(" WHERE {rowid} > {after}"));
        let sql = format!(
            "SELECT count(*), max(id) FROM (SELECT {rowid} AS id FROM {}{from} ORDER BY {rowid} LIMIT {PORTION})",
            fill.table
        );
        let row = conn.query(&sql).await.map_err(|f| failed(step, &sql, &f))?;
        let row = row.first().map(Vec::as_slice).unwrap_or_default();
        let [Value::Integer(rows), Value::Integer(last)] = row else {
            return Ok(());
        };
        let sql = fill.portion(rowid, after, *last);
        conn.execute(&sql).await.map_err(|f| failed(step, &sql, &f))?;
        progress.add(step, rows.unsigned_abs(), observer);
        after = Some(*last);
    }
}

/// Reads the schema again and compares it with the plan's target.
async fn compare<C: Connection>(conn: &mut C, plan: &Plan) -> Result<()> {
    let rows = read_rows(conn).await?;
    let shadows = match plan.target.virtual_tables.is_empty() {
        true => Vec::new(),
        false => shadow_tables(conn).await,
    };
    let now = read_catalogue_like(&rows, &shadows, &plan.target)?;
    let now = visible(now.without(is_own), &plan.ignored);
    let mut answers = Answers::default();
    answers.drop_the_rest = true;
    let options = Options { strict_order: plan.strict_order };
    let left = diff(&now, &plan.target, &answers, &options)?;
    let Some(change) = left.changes.first() else {
        return Ok(());
    };
    let message = format!("{} {} is not what the schema declares", change.object_kind(), change.object());
    Err(Error::new(Code::VerificationFailed, message)
        .object(change.object())
        .help("this is a mistake in Whimbrel: please report it with both schemas"))
}

/// How many violations each table has; none where they cannot be counted.
async fn violations<C: Connection>(
    conn: &mut C,
    tables: impl Iterator<Item = &String>,
) -> Result<HashMap<String, Option<i64>>> {
    let mut counts = HashMap::new();
    for table in tables {
        counts.insert(table.clone(), count_violations(conn, table).await?.ok());
    }
    Ok(counts)
}

pub(super) async fn count_violations<C: Connection>(conn: &mut C, table: &str) -> Result<Result<i64, Failure>> {
    let sql = format!("SELECT count(*) FROM pragma_foreign_key_check({}, 'main')", quote_text(table));
    match conn.query(&sql).await {
        Ok(rows) => Ok(Ok(rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default())),
        Err(failure) if failure.kind != FailureKind::Statement => {
            Err(failure.error(Code::Database, format!("foreign keys of {table} cannot be checked")))
        }
        // A parent without a unique key makes the check itself fail: a defect of the schema, not of a row.
        Err(failure) => Ok(Err(failure)),
    }
}

/// 10. Only violations that were not there before fail the run.
async fn verify_keys<C: Connection>(
    conn: &mut C,
    plan: &Plan,
    before: &HashMap<String, Option<i64>>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    for (name_before, name) in &plan.foreign_key_checks {
        match count_violations(conn, name).await? {
            Ok(_) if planted::is(Planted::ForeignKeyCheckLeftOut) => {}
            Ok(count) => {
                let known = before.get(name_before).copied().flatten().unwrap_or(0);
                if count > known {
                    let new = count - known;
                    let rows = if new == 1 { "1 row refers".to_owned() } else { format!("{new} rows refer") };
                    return Err(Error::new(
                        Code::RowsDoNotFit,
                        format!("{rows} from {name} to parents that would not exist"),
                    )
                    .object(name)
                    .help("delete these rows or give them a parent first"));
                }
                if count > 0 {
                    let rows = rows_text(count.unsigned_abs());
                    warnings.push(format!("{name} has {rows} without a parent, as before"));
                }
            }
            Err(failure) => warnings.push(format!("foreign keys of {name} cannot be checked: {failure}")),
        }
    }
    Ok(())
}
