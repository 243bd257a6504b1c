//! Runs a plan on a live server: in as few transactions as may be, each short in what it lets others wait for.
//!
//! One run at a time, by the lock of [`session`](super::session). What may share a transaction shares one. All waits for
//! locks in it come out of one budget, counted from the first lock: whoever queues behind the run, or behind what it has
//! locked already, waits no longer than that, because the run gives up, rolls back, and tries again after a pause with
//! jitter. What has to stand alone is committed by itself. A run that stops in between is gone on with by the next plan,
//! which sees from the database what is done.
//!
//! **Invariant:** the run leaves no transaction, no lock and no setting behind on a connection that lives.
//! **Invariant:** an index whose build failed is dropped, as far as the connection lives; else the next plan finds it.

use std::time::Duration;

use super::diff::remaining;
use super::fill::{PASSES, Walk, has_no_effect, triggers_and_rules};
use super::host::Host;
use super::read::read_schema;
use super::schema::{ObjectId, Schema};
use super::scratch::{Place, refuse_transaction, text};
use super::session::{Lock, acquire};
use super::settings::make;
use super::statement;
use super::steps::{Plan, Statement, Step};
use super::token::{quote_literal, quote_name};
use crate::error::{Code, Error, Result, State};
use crate::run::{Cancel, Connection, Event, Failure, FailureKind, Observer, Report, Row, Value, matches_pattern};

/// How a plan is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSettings {
    /// How long the locks of a transaction may be waited for, all together: so long may others have to wait.
    pub lock_timeout: Duration,
    /// How long a statement may take; without it as long as it needs.
    pub statement_timeout: Option<Duration>,
    /// How often a transaction is tried that does not get its locks.
    pub attempts: u32,
    /// How long another run of Whimbrel is waited for.
    pub lock_wait: Duration,
    /// How long a statement with `CONCURRENTLY` may wait for the transactions of others. Nobody waits for it meanwhile.
    pub concurrent_wait: Duration,
}

impl Default for RunSettings {
    /// A second for locks, thirty attempts: about a minute in all, with the pauses between them.
    fn default() -> Self {
        RunSettings {
            lock_timeout: Duration::from_secs(1),
            statement_timeout: None,
            attempts: 30,
            lock_wait: Duration::from_secs(10),
            concurrent_wait: Duration::from_secs(60),
        }
    }
}

/// Attempts for a statement that waits for others and lets nobody wait: each may take long.
const CONCURRENT_ATTEMPTS: u32 = 3;

/// The first pause after an attempt; the next ones are longer, up to the second number.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Statements of a plan name every object with its schema, and so do the texts that PostgreSQL prints.
const PATH: &str = "pg_catalog, pg_temp";

/// Runs a plan on the database that it was made from.
///
/// # Errors
/// [`State::RolledBack`] where nothing was changed, [`State::Begun`] where an earlier transaction of the run is committed:
/// make a new plan, and run that. [`Code::Superseded`] where the database is no longer what the plan was made from,
/// [`Code::Busy`] where the locks could not be had, or another run is at work.
pub async fn run_plan<H: Host, O: Observer + ?Sized>(
    host: &mut H,
    plan: &Plan,
    settings: &RunSettings,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Report> {
    if let Some(obstacle) = plan.obstacles.first() {
        return Err(obstacle.again());
    }
    if plan.steps.is_empty() {
        return Ok(Report::default());
    }
    refuse_transaction(host).await?;
    let lock = acquire(host, settings.lock_wait).await?;
    let found = match make(host).await {
        Ok(found) => found,
        Err(e) => return lock.finish(host, Err(e)).await,
    };
    let mut run = Run {
        plan,
        settings,
        observer,
        cancel,
        session: Session::default(),
        reading: Duration::ZERO,
        is_begun: false,
        rows: 0,
    };
    let outcome = run.groups(host, &lock).await;
    let outcome = found.put_back(host, outcome, State::Applied).await;
    lock.finish(host, outcome).await
}

/// Executes the statements of a plan in a place to try things in, where no rows are, and reads what they make.
///
/// # Errors
/// [`Code::Unsupported`] where a statement fails.
pub async fn try_out<H: Host>(place: &mut Place<'_, H>, plan: &Plan) -> Result<Schema> {
    begin_trying(place).await?;
    for group in plan.groups() {
        try_group(place, group).await?;
    }
    place.read().await
}

/// The same, and what is there behind each group that is a transaction of its own.
///
/// # Errors
/// As [`try_out`].
pub(super) async fn try_out_stepwise<H: Host>(
    place: &mut Place<'_, H>,
    plan: &Plan,
) -> Result<(Schema, Vec<Option<Schema>>)> {
    begin_trying(place).await?;
    let groups = plan.groups();
    let mut between = Vec::new();
    for (n, group) in groups.iter().enumerate() {
        try_group(place, group).await?;
        let is_read = n + 1 < groups.len() && group.iter().all(|step| !step.alone);
        between.push(if is_read { Some(place.read().await?) } else { None });
    }
    Ok((place.read().await?, between))
}

async fn begin_trying<H: Host>(place: &mut Place<'_, H>) -> Result<()> {
    place.prepare().await?;
    let path = with_path(PATH);
    place.execute(&path).await.map_err(|f| f.error(Code::Setting, "the search path cannot be set"))
}

/// The statement that sets a search path.
fn with_path(path: &str) -> String {
    format!("SELECT pg_catalog.set_config('search_path', {}, false)", quote_literal(path))
}

async fn try_group<H: Host>(place: &mut Place<'_, H>, group: &[Step]) -> Result<()> {
    let mut steps: Vec<&Step> = Vec::new();
    let mut statements: Vec<&str> = Vec::new();
    let (fixed, own) = (with_path(PATH), with_path(place.path()));
    for step in group {
        if step.calls {
            steps.push(step);
            statements.push(&own);
        }
        for statement in &step.statements {
            let sql = match statement {
                // There is nobody to lock out, and no transaction to do it in.
                Statement::Execute(sql) if sql.starts_with("LOCK TABLE ") || sql.starts_with("SET LOCAL ") => continue,
                Statement::Execute(sql) | Statement::Outside { plain: sql, .. } => sql,
                Statement::Backfill { .. } | Statement::Check { .. } => continue,
            };
            steps.push(step);
            statements.push(sql);
        }
        if step.calls {
            steps.push(step);
            statements.push(&fixed);
        }
    }
    let Err((at, failure)) = place.execute_all(&statements).await else { return Ok(()) };
    let (step, sql) = (steps.get(at), statements.get(at));
    let what = step.map(|step| format!("{} of {}", step.title, step.object)).unwrap_or_default();
    let error = failure.error(Code::Unsupported, format!("{what} does not work"));
    let error = error.object(step.map_or("", |step| step.object.as_str())).statement(sql.copied().unwrap_or_default());
    Err(match failure.sqlstate.as_deref() {
        Some("55P04") if !place.commits() => error.help("with CREATEDB this could be tried out"),
        _ => error,
    })
}

/// Why a transaction ended early.
enum Trouble {
    /// A lock was not to be had in time. The object that was wanted.
    Locked(String, Failure),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Failed(error)
    }
}

/// Settings of the session as the run found them.
#[derive(Default)]
struct Session {
    path: String,
    lock_timeout: String,
    statement_timeout: String,
}

struct Run<'r, O: ?Sized> {
    plan: &'r Plan,
    settings: &'r RunSettings,
    observer: &'r mut O,
    cancel: &'r Cancel,
    session: Session,
    /// How long it takes to read the schema: verifying takes as long, while the locks are held.
    reading: Duration,
    /// Whether something is committed.
    is_begun: bool,
    /// Rows that back-fills have changed.
    rows: u64,
}

/// A portion of a back-fill.
struct Portion<'p> {
    sql: String,
    /// What must give no row afterwards, where triggers or rules may have changed the UPDATE.
    question: Option<String>,
    changed_by: &'p [String],
}

/// A statement with its step, and the number of that.
type Item<'p> = (usize, &'p Step, &'p Statement);

impl<O: Observer + ?Sized> Run<'_, O> {
    async fn groups<H: Host>(&mut self, host: &mut H, lock: &Lock) -> Result<Report> {
        self.look_again(host).await?;
        let steps = self.plan.steps.len();
        let backfilled = |statement: &Statement| match statement {
            Statement::Backfill { rows, .. } => *rows,
            _ => 0,
        };
        let rows = self.plan.steps.iter().flat_map(|step| &step.statements).map(backfilled).sum();
        self.observer.event(&Event::Started { steps, rows });
        let groups = self.plan.groups();
        let mut number = 1;
        for (n, group) in groups.iter().enumerate() {
            lock.check(host).await.map_err(|e| self.state_of(e, false))?;
            let is_last = n + 1 == groups.len();
            match group {
                [step] if step.alone => self.alone(host, step, number).await?,
                _ => {
                    let items: Vec<Item<'_>> = group
                        .iter()
                        .enumerate()
                        .flat_map(|(n, step)| {
                            step.statements.iter().map(move |statement| (number + n, step, statement))
                        })
                        .collect();
                    let between = self.plan.between.get(n).and_then(Option::as_ref);
                    let expected = if is_last { Some(&self.plan.target) } else { between };
                    self.together(host, &items, (expected, is_last)).await?;
                }
            }
            number += group.len();
        }
        if groups.last().is_some_and(|group| group.iter().all(|step| step.alone)) {
            self.observer.event(&Event::Verifying);
            self.verify(host, &self.plan.target).await.map_err(|e| self.state_of(e, false))?;
        }
        self.observer.event(&Event::Committed);
        let warnings = self.plan.warnings.clone();
        Ok(Report { changes: self.plan.changes.len(), steps, rows: self.rows, warnings })
    }

    /// Another run may have done the same, or somebody something else, since the plan was made.
    async fn look_again<H: Host>(&mut self, host: &mut H) -> Result<()> {
        let failed = |f: Failure| f.error(Code::Database, "the settings of the session cannot be read");
        let names = ["search_path", "lock_timeout", "statement_timeout"];
        let settings = names.map(|name| format!("pg_catalog.current_setting('{name}')")).join(", ");
        let rows = host.query(&format!("SELECT {settings}")).await.map_err(failed)?;
        let cell = |n: usize| rows.first().map(|row| text(row, n)).unwrap_or_default();
        self.session = Session { path: cell(0), lock_timeout: cell(1), statement_timeout: cell(2) };
        let start = now(host).await.map_err(failed)?;
        let found = self.read(host).await?;
        let end = now(host).await.map_err(failed)?;
        self.reading = Duration::from_secs_f64((end - start).max(0.0) / 1000.0);
        if found == self.plan.before {
            return Ok(());
        }
        Err(Error::new(Code::Superseded, "the database changed after the plan was made").help("make a new plan"))
    }

    async fn read<H: Host>(&self, host: &mut H) -> Result<Schema> {
        let ignored = |name: &str| self.plan.ignored.iter().any(|pattern| matches_pattern(pattern, name));
        Ok(read_schema(host).await?.without(ignored))
    }

    async fn verify<H: Host>(&self, host: &mut H, expected: &Schema) -> Result<()> {
        let found = self.read(host).await?;
        let left = remaining(&found, expected);
        let Some(first) = left.first() else { return Ok(()) };
        let error = Error::new(Code::VerificationFailed, format!("the result is not what was planned: {first}"));
        Err(left.iter().skip(1).take(9).fold(error, |error, other| error.help(format!("and {other}"))))
    }

    /// The error with the state of the database, when the open transaction is rolled back.
    fn state_of(&self, error: Error, is_written: bool) -> Error {
        let is_written = is_written && error.code() != Code::ReadOnly;
        match (self.is_begun, is_written) {
            (true, _) => error.state(State::Begun),
            (false, true) => error.state(State::RolledBack),
            (false, false) => error.state(State::Unchanged),
        }
    }

    fn cancelled(&self, is_written: bool) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(self.state_of(Error::new(Code::Cancelled, "the run was cancelled"), is_written));
        }
        Ok(())
    }

    /// Statements that are committed together, tried until their locks are to be had.
    /// Before they are, the schema is as expected, where something is.
    async fn together<H: Host>(
        &mut self,
        host: &mut H,
        items: &[Item<'_>],
        (expected, is_last): (Option<&Schema>, bool),
    ) -> Result<()> {
        let mut attempt = 1;
        loop {
            let outcome = self.transaction(host, items, (expected, is_last)).await;
            match outcome {
                Ok(()) => return Ok(()),
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Locked(object, failure)) => {
                    self.pause(host, &object, &failure, &mut attempt, self.settings.attempts).await?;
                    // The pauses add up to a time in which much can happen.
                    if !self.is_begun {
                        self.look_again(host).await?;
                    }
                }
            }
        }
    }

    /// Waits before the next attempt, or says who is in the way where there is none.
    async fn pause<H: Host>(
        &mut self,
        host: &mut H,
        object: &str,
        failure: &Failure,
        attempt: &mut u32,
        of: u32,
    ) -> Result<()> {
        self.cancelled(true)?;
        if *attempt >= of {
            let attempts = if of == 1 { "one attempt".to_owned() } else { format!("{of} attempts") };
            let message = format!("{object} is in use, and its lock could not be had in {attempts}");
            let mut error = Error::new(Code::Busy, message).object(object).cause(&failure.message);
            if let Some(others) = oldest_transactions(host).await {
                error = error.help(format!("the oldest open transactions are those of {others}"));
            }
            let error = error.help("run it again when less is going on, or allow more time with a longer lock timeout");
            return Err(self.state_of(error, true));
        }
        *attempt += 1;
        self.observer.event(&Event::Retry { object, attempt: *attempt, of });
        let (first, longest) = PAUSES;
        let pause = first.saturating_mul(2_u32.saturating_pow(*attempt - 2)).min(longest);
        // Between half and one and a half: two that collide do not do so again.
        let jitter = u32::try_from(host.chance() % 1000).unwrap_or_default();
        host.wait(pause / 2 + pause * jitter / 1000).await;
        self.cancelled(true)
    }

    async fn begin<H: Host>(&self, host: &mut H, isolation: &str) -> Result<(), Failure> {
        let sql = format!(
            "BEGIN ISOLATION LEVEL {isolation} READ WRITE; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
            milliseconds(self.settings.lock_timeout),
            self.settings.statement_timeout.map_or(0, milliseconds),
        );
        host.execute(&sql).await.map(drop)
    }

    /// One attempt. The transaction is ended in any case.
    async fn transaction<H: Host>(
        &mut self,
        host: &mut H,
        items: &[Item<'_>],
        (expected, is_last): (Option<&Schema>, bool),
    ) -> Result<(), Trouble> {
        self.cancelled(false)?;
        let outcome = match self.begin(host, "READ COMMITTED").await {
            Ok(()) => self.statements(host, items, (expected, is_last)).await,
            Err(f) => Err(Trouble::Failed(f.error(Code::Database, "a transaction cannot be begun"))),
        };
        let ended = match outcome {
            Ok(()) => self.commit(host, items).await,
            Err(trouble) => Err(trouble),
        };
        match ended {
            Ok(()) => {
                self.is_begun = true;
                Ok(())
            }
            Err(Trouble::Failed(e)) if e.code() == Code::OutcomeUnknown => Err(Trouble::Failed(e)),
            // Outside of a transaction this is no more than a warning.
            Err(trouble) => match (host.execute("ROLLBACK").await, trouble) {
                (Ok(_), Trouble::Locked(object, failure)) => Err(Trouble::Locked(object, failure)),
                (Ok(_), Trouble::Failed(e)) => Err(Trouble::Failed(self.state_of(e, true))),
                (Err(f), Trouble::Locked(..)) => {
                    let error = f.error(Code::Database, "the transaction cannot be rolled back");
                    Err(Trouble::Failed(self.state_of(error, true)))
                }
                (Err(f), Trouble::Failed(e)) if f.kind == FailureKind::Disconnected => {
                    Err(Trouble::Failed(self.state_of(e, true)))
                }
                (Err(f), Trouble::Failed(e)) => {
                    let error =
                        e.help(format!("the rollback failed too ({f}): close this connection, which rolls back"));
                    Err(Trouble::Failed(self.state_of(error, true)))
                }
            },
        }
    }

    /// The statements of a transaction, with its locks from one budget.
    async fn statements<H: Host>(
        &mut self,
        host: &mut H,
        items: &[Item<'_>],
        (expected, is_last): (Option<&Schema>, bool),
    ) -> Result<(), Trouble> {
        // The locks are held while the result is verified: that time is others' too. Where it would be too much, only
        // the end is looked at.
        let longest = self.settings.lock_timeout / 2;
        let expected = expected.filter(|_| is_last || self.reading <= longest);
        let reading = if expected.is_some() { self.reading.min(longest) } else { Duration::ZERO };
        let budget = milliseconds(self.settings.lock_timeout - reading);
        let mut since: Option<f64> = None;
        let mut current = 0;
        for (number, step, statement) in items {
            self.cancelled(true)?;
            if current != *number {
                current = *number;
                self.event_of(*number, step);
            }
            let sql = statement.sql();
            let trouble = |f: Failure| match is_of_locks(&f) {
                true => Trouble::Locked(step.object.clone(), f),
                false => Trouble::Failed(failed(step, sql, &f, self.settings)),
            };
            let start = match since {
                Some(start) => start,
                None => now(host).await.map_err(&trouble)?,
            };
            // What counts is when the first lock is asked for.
            since = since.or_else(|| (!matches!(statement, Statement::Check { .. })).then_some(start));
            let left = format!(
                "pg_catalog.set_config('lock_timeout', greatest(1, {budget} - \
                 (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000 - {start})::integer)::text, true)"
            );
            // What looks at rows may call functions of the user's, which may rely on the path.
            let path = match statement {
                Statement::Execute(_) | Statement::Outside { .. } if !step.calls => PATH,
                Statement::Execute(_) | Statement::Outside { .. } => &self.session.path,
                Statement::Backfill { .. } | Statement::Check { .. } => &self.session.path,
            };
            let path = format!("pg_catalog.set_config('search_path', {}, true)", quote_literal(path));
            let before = format!("SELECT {left}, {path}; ");
            match statement {
                Statement::Execute(sql) | Statement::Outside { plain: sql, .. } => {
                    host.execute(&format!("{before}{sql}")).await.map_err(&trouble)?;
                }
                Statement::Backfill { sql, .. } => {
                    host.query(&before).await.map_err(&trouble)?;
                    let rows = host.execute(sql).await.map_err(&trouble)?;
                    self.rows += rows;
                    self.observer.event(&Event::Portion { rows });
                }
                Statement::Check { sql, failure } => {
                    host.query(&before).await.map_err(&trouble)?;
                    let rows = host.query(sql).await.map_err(&trouble)?;
                    check(step, sql, failure, rows.first().and_then(|row| row.first()))?;
                }
            }
        }
        if let Some(expected) = expected {
            self.observer.event(&Event::Verifying);
            match self.verify(host, expected).await {
                Ok(()) => {}
                Err(e) if e.code() == Code::Busy => {
                    let message = e.report().cause.clone().unwrap_or_default();
                    let failure = Failure { kind: FailureKind::Busy, message, offset: None, sqlstate: None };
                    return Err(Trouble::Locked("the schema".to_owned(), failure));
                }
                Err(e) => return Err(Trouble::Failed(e)),
            }
        }
        self.cancelled(true)?;
        Ok(())
    }

    fn event_of(&mut self, number: usize, step: &Step) {
        let of = self.plan.steps.len();
        self.observer.event(&Event::Step { number, of, object: &step.object, title: &step.title });
    }

    async fn commit<H: Host>(&self, host: &mut H, items: &[Item<'_>]) -> Result<(), Trouble> {
        let Err(failure) = host.execute("COMMIT").await else { return Ok(()) };
        let object = items.last().map(|(_, step, _)| step.object.clone()).unwrap_or_default();
        match failure.kind {
            // Nobody is left to ask: the answer was lost, or the request was.
            FailureKind::Disconnected => Err(Trouble::Failed(
                Error::new(Code::OutcomeUnknown, "whether the commit went through cannot be told")
                    .cause(&failure.message)
                    .state(State::Unknown)
                    .help("make a new plan when the server can be reached: it goes on from what is there"),
            )),
            _ if is_of_locks(&failure) => Err(Trouble::Locked(object, failure)),
            FailureKind::Constraint => {
                Err(Trouble::Failed(failure.error(Code::RowsDoNotFit, "rows do not fit").statement("COMMIT")))
            }
            _ => Err(Trouble::Failed(failure.error(Code::StatementFailed, "the commit failed").statement("COMMIT"))),
        }
    }

    /// A step that is committed by itself. Where rows do not fit, what was made for it is taken away.
    async fn alone<H: Host>(&mut self, host: &mut H, step: &Step, number: usize) -> Result<()> {
        self.event_of(number, step);
        match self.alone_forward(host, step).await {
            Err(e) if !step.undo.is_empty() && matches!(e.code(), Code::RowsDoNotFit | Code::StatementFailed) => {
                Err(self.undo(host, step, e).await)
            }
            outcome => outcome,
        }
    }

    /// A check that is left would refuse what an app may write by both schemas, the old one and the new one.
    async fn undo<H: Host>(&mut self, host: &mut H, step: &Step, error: Error) -> Error {
        let statements: Vec<Statement> = step.undo.iter().cloned().map(Statement::Execute).collect();
        let items: Vec<Item<'_>> = statements.iter().map(|statement| (0, step, statement)).collect();
        if let Err(e) = self.together(host, &items, (None, false)).await {
            let by_hand = step.undo.join("; ");
            let why = e.report().cause.clone().unwrap_or_else(|| e.report().message.clone());
            return error.help(format!("what was made for this is left, and may refuse rows ({why}): {by_hand}"));
        }
        let error = error.help("what was made for this is taken away again: rows are refused as before, no others");
        match self.read(host).await {
            Ok(found) if found == self.plan.before && self.rows == 0 => error.state(State::RolledBack),
            _ => error,
        }
    }

    async fn alone_forward<H: Host>(&mut self, host: &mut H, step: &Step) -> Result<()> {
        let mut rest = step.statements.as_slice();
        while let Some(first) = rest.first() {
            let in_transaction = |s: &Statement| matches!(s, Statement::Execute(_) | Statement::Check { .. });
            let count = rest.iter().take_while(|statement| in_transaction(statement)).count();
            match first {
                Statement::Outside { sql, .. } => self.outside(host, step, sql).await?,
                Statement::Backfill { sql, table, left, .. } => self.backfill(host, step, (sql, table, left)).await?,
                Statement::Execute(_) | Statement::Check { .. } => {
                    // The number 0: that the step has begun was told.
                    let items: Vec<Item<'_>> = rest[..count].iter().map(|statement| (0, step, statement)).collect();
                    self.together(host, &items, (None, false)).await?;
                }
            }
            rest = &rest[count.max(1)..];
        }
        Ok(())
    }

    /// Portion after portion, and the table once more from its start while rows are left.
    async fn backfill<H: Host>(
        &mut self,
        host: &mut H,
        step: &Step,
        (sql, table, left): (&str, &ObjectId, &str),
    ) -> Result<()> {
        let rows = self.asked(host, step, &triggers_and_rules(table)).await?;
        let changed_by: Vec<String> = rows.iter().map(|row| text(row, 0)).collect();
        let question = format!("SELECT 1 FROM {} WHERE {left}", table.sql());
        let mut done = 0;
        for _ in 0..PASSES {
            let rows = self.asked(host, step, &Walk::question(table)).await?;
            let mut walk = Walk::begin(rows.first());
            while let Some(pages) = walk.condition() {
                let portion = Portion {
                    sql: format!("{sql} AND {pages}"),
                    // Nothing else turns an UPDATE into something else.
                    question: (!changed_by.is_empty()).then(|| format!("{question} AND {pages} LIMIT 1")),
                    changed_by: &changed_by,
                };
                let rows = self.until_locked(host, step, &portion).await?;
                walk.advance(rows);
                if rows > 0 {
                    done += rows;
                    self.rows += rows;
                    self.is_begun = true;
                    self.observer.event(&Event::Portion { rows: done });
                }
            }
            if self.asked(host, step, &format!("{question} LIMIT 1")).await?.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// One portion, tried until its locks are to be had.
    async fn until_locked<H: Host>(&mut self, host: &mut H, step: &Step, portion: &Portion<'_>) -> Result<u64> {
        let mut attempt = 1;
        loop {
            self.cancelled(false)?;
            match self.portion(host, step, portion).await {
                Ok(rows) => return Ok(rows),
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Locked(object, failure)) => {
                    self.pause(host, &object, &failure, &mut attempt, self.settings.attempts).await?;
                }
            }
        }
    }

    /// What a query gives, in a transaction of its own with the limits of all others.
    async fn asked<H: Host>(&mut self, host: &mut H, step: &Step, sql: &str) -> Result<Vec<Row>> {
        let mut attempt = 1;
        loop {
            self.cancelled(false)?;
            let outcome = match self.begin(host, "READ COMMITTED").await {
                Ok(()) => host.query(sql).await,
                Err(f) => Err(f),
            };
            let ended = host.execute("ROLLBACK").await;
            match (outcome, ended) {
                (Ok(rows), Ok(_)) => return Ok(rows),
                (Err(f), Ok(_)) if is_of_locks(&f) => {
                    self.pause(host, &step.object, &f, &mut attempt, self.settings.attempts).await?;
                }
                (Err(f), _) | (Ok(_), Err(f)) => {
                    return Err(self.state_of(failed(step, sql, &f, self.settings), true));
                }
            }
        }
    }

    async fn portion<H: Host>(&mut self, host: &mut H, step: &Step, portion: &Portion<'_>) -> Result<u64, Trouble> {
        let sql = portion.sql.as_str();
        // What an UPDATE has left can be told from what others write only where both are not seen.
        let isolation = if portion.question.is_some() { "REPEATABLE READ" } else { "READ COMMITTED" };
        let mut outcome = match self.begin(host, isolation).await {
            Ok(()) => host.execute(sql).await,
            Err(f) => Err(f),
        };
        let mut without_effect = false;
        if let (Ok(_), Some(question)) = (&outcome, &portion.question) {
            match host.query(question).await {
                Ok(rows) => without_effect = !rows.is_empty(),
                Err(f) => outcome = Err(f),
            }
        }
        let trouble = match outcome {
            Ok(_) if without_effect => {
                let error = has_no_effect(&step.object, &step.title, portion.changed_by);
                Trouble::Failed(error.statement(sql))
            }
            Ok(rows) => match self.commit(host, &[]).await {
                Ok(()) => return Ok(rows),
                Err(Trouble::Locked(_, failure)) => Trouble::Locked(step.object.clone(), failure),
                Err(Trouble::Failed(e)) => Trouble::Failed(e.object(&step.object)),
            },
            Err(f) if is_of_locks(&f) => Trouble::Locked(step.object.clone(), f),
            Err(f) => Trouble::Failed(failed(step, sql, &f, self.settings)),
        };
        match (host.execute("ROLLBACK").await, trouble) {
            (_, Trouble::Failed(e)) if e.code() == Code::OutcomeUnknown => Err(Trouble::Failed(e)),
            (_, Trouble::Failed(e)) => Err(Trouble::Failed(self.state_of(e, true))),
            (Ok(_), locked) => Err(locked),
            (Err(f), Trouble::Locked(..)) => {
                let error = f.error(Code::Database, "the transaction cannot be rolled back");
                Err(Trouble::Failed(self.state_of(error, true)))
            }
        }
    }

    /// A statement outside of any transaction.
    async fn outside<H: Host>(&mut self, host: &mut H, step: &Step, sql: &str) -> Result<()> {
        self.cancelled(false)?;
        let read = statement::Statement::read(sql);
        let index = index_built(&read);
        let (wait, attempts) = match read.has(sql, &["concurrently"]) {
            true => (self.settings.concurrent_wait, CONCURRENT_ATTEMPTS.min(self.settings.attempts)),
            false => (self.settings.lock_timeout, self.settings.attempts),
        };
        // An index that is there before is not ours to drop.
        let is_ours = match &index {
            Some(index) => self.state_of_index(host, index).await?.is_none(),
            None => false,
        };
        let mut attempt = 1;
        // Why what an earlier attempt has left is still there.
        let mut left: Option<Failure> = None;
        loop {
            let settings = [
                ("lock_timeout", milliseconds(wait).to_string()),
                ("statement_timeout", self.settings.statement_timeout.map_or(0, milliseconds).to_string()),
                ("search_path", if step.calls { self.session.path.clone() } else { PATH.to_owned() }),
            ];
            let mut outcome = set(host, &settings).await;
            if let (Ok(()), Some(index)) = (&outcome, index.as_ref().filter(|_| left.is_some())) {
                left = self.drop_invalid(host, index).await;
                outcome = left.clone().map_or(Ok(()), Err);
            }
            if outcome.is_ok() {
                outcome = host.execute(sql).await.map(drop);
                if let (Err(f), Some(index)) = (&outcome, index.as_ref().filter(|_| is_ours))
                    && f.kind != FailureKind::Disconnected
                {
                    left = self.drop_invalid(host, index).await;
                }
            }
            let settings = [
                ("lock_timeout", self.session.lock_timeout.clone()),
                ("statement_timeout", self.session.statement_timeout.clone()),
                ("search_path", self.session.path.clone()),
            ];
            let restored = set(host, &settings).await;
            let Err(failure) = outcome else {
                self.is_begun = true;
                return restored.map_err(|f| {
                    let message = "a setting of the connection could not be put back";
                    f.error(Code::NotRestored, message).state(State::Begun).help("open a new connection")
                });
            };
            let error = if is_of_locks(&failure) && restored.is_ok() {
                match self.pause(host, &step.object, &failure, &mut attempt, attempts).await {
                    Ok(()) => continue,
                    Err(error) => error,
                }
            } else {
                failed(step, sql, &failure, self.settings)
            };
            // It commits by itself, more than once: what it had committed by then is there.
            self.is_begun |= left.is_some() || failure.kind == FailureKind::Disconnected;
            let error = self.state_of(error, true);
            let error = match left {
                Some(why) => {
                    error.help(format!("an index that nobody can use is left, and the next run drops it: {why}"))
                }
                None => error,
            };
            return Err(match restored {
                Err(_) if failure.kind != FailureKind::Disconnected => {
                    error.help("a setting of the connection could not be put back: open a new one")
                }
                _ => error,
            });
        }
    }

    /// Whether the index is there, and if so, whether it can be used.
    async fn state_of_index<H: Host>(&self, host: &mut H, (schema, name): &(String, String)) -> Result<Option<bool>> {
        let sql = format!(
            "SELECT coalesce(i.indisvalid, true) FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE n.nspname = {} AND c.relname = {}",
            quote_literal(schema),
            quote_literal(name)
        );
        let rows = host.query(&sql).await;
        let rows = rows.map_err(|f| self.state_of(f.error(Code::Database, "the indexes cannot be read"), false))?;
        Ok(rows.first().map(|row| text(row, 0) == "t"))
    }

    /// Drops what a failed build has left. Returns why it could not.
    async fn drop_invalid<H: Host>(&self, host: &mut H, index: &(String, String)) -> Option<Failure> {
        match self.state_of_index(host, index).await {
            Ok(Some(false)) => {}
            Ok(_) => return None,
            Err(e) => {
                let message = e.report().cause.clone().unwrap_or_default();
                return Some(Failure { kind: FailureKind::Other, message, offset: None, sqlstate: None });
            }
        }
        let (schema, name) = index;
        let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {}.{}", quote_name(schema), quote_name(name));
        host.execute(&drop).await.err()
    }
}

/// The schema and the name of the index that `CREATE INDEX CONCURRENTLY` builds; it stands in its table's schema.
fn index_built(statement: &statement::Statement) -> Option<(String, String)> {
    match &statement.kind {
        statement::Kind::CreateIndex(index) if index.concurrently => {
            Some((index.table.schema.clone()?, index.name.clone()?))
        }
        _ => None,
    }
}

async fn set<C: Connection>(connection: &mut C, settings: &[(&str, String)]) -> Result<(), Failure> {
    let calls: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("pg_catalog.set_config({}, {}, false)", quote_literal(name), quote_literal(value)))
        .collect();
    connection.query(&format!("SELECT {}", calls.join(", "))).await.map(drop)
}

/// The server's clock, in milliseconds.
pub(super) async fn now<C: Connection>(connection: &mut C) -> Result<f64, Failure> {
    let sql = "SELECT pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp())::numeric * 1000, 3)";
    let rows = connection.query(sql).await?;
    Ok(rows.first().and_then(|row| text(row, 0).parse().ok()).unwrap_or_default())
}

/// At least one: 0 would mean without end.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, 2_000_000_000)
}

/// Whether somebody else held what the statement needed.
pub(super) fn is_of_locks(failure: &Failure) -> bool {
    matches!(failure.sqlstate.as_deref(), Some("55P03" | "40P01" | "40001"))
}

pub(super) async fn oldest_transactions<C: Connection>(connection: &mut C) -> Option<String> {
    let sql = "SELECT a.pid, a.application_name, \
               extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::integer \
               FROM pg_catalog.pg_stat_activity a WHERE a.datname = pg_catalog.current_database() \
               AND a.pid <> pg_catalog.pg_backend_pid() AND a.xact_start IS NOT NULL \
               AND a.backend_type = 'client backend' ORDER BY a.xact_start LIMIT 3";
    let rows = connection.query(sql).await.ok()?;
    let shown = |row: &Vec<Value>| {
        let (pid, name, seconds) = (text(row, 0), text(row, 1), text(row, 2));
        let name = if name.is_empty() { String::new() } else { format!("{name}, ") };
        format!("session {pid} ({name}{seconds} s)")
    };
    let shown: Vec<String> = rows.iter().map(shown).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

fn check(step: &Step, sql: &str, failure: &str, found: Option<&Value>) -> Result<()> {
    let is_zero = match found {
        Some(Value::Text(text)) => text == "0",
        Some(Value::Integer(n)) => *n == 0,
        _ => false,
    };
    if is_zero {
        return Ok(());
    }
    Err(Error::new(Code::RowsDoNotFit, failure).object(&step.object).statement(sql))
}

fn failed(step: &Step, sql: &str, failure: &Failure, settings: &RunSettings) -> Error {
    let what = format!("{} of {}", step.title, step.object);
    let is_of_row = failure.kind == FailureKind::Constraint
        || (failure.sqlstate.as_deref().is_some_and(|state| state.starts_with("22")) && failure.offset.is_none());
    let error = match failure.kind {
        FailureKind::Interrupted if settings.statement_timeout.is_some() => {
            Error::new(Code::StatementFailed, format!("{what} was stopped")).cause(&failure.message)
        }
        _ if is_of_row => failure.error(Code::RowsDoNotFit, format!("rows of {} do not fit", step.object)),
        _ => failure.error(Code::StatementFailed, format!("{what} failed")),
    };
    error.object(&step.object).statement(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_that_is_built_is_found() {
        let found = |sql| index_built(&statement::Statement::read(sql));
        let expected = Some(("app".to_owned(), "a b".to_owned()));
        assert_eq!(found("CREATE INDEX CONCURRENTLY \"a b\" ON app.t USING btree (x)"), expected);
        assert_eq!(found("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"a b\" ON ONLY app.t (x)"), expected);
        assert_eq!(found("CREATE INDEX a ON app.t (x)"), None);
        assert_eq!(found("DROP INDEX CONCURRENTLY app.a"), None);
    }

    #[test]
    fn a_check_that_gives_nothing_fails() {
        let step = Step::default();
        assert!(check(&step, "", "rows are left", Some(&Value::Text("0".into()))).is_ok());
        assert!(check(&step, "", "rows are left", Some(&Value::Text("3".into()))).is_err());
        assert!(check(&step, "", "rows are left", None).is_err());
    }
}
