//! The phases of a script, run one after the other: what is committed together, what stands outside of transactions, and
//! what is done in portions. Locks that others hold are waited for a short time only, and tried again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::alone::{Alone, Found};
use super::tracking::{Home, write_record, write_state, write_undone};
use crate::error::{Code, Error, Result, State as Held};
use crate::history::script::{Phase, PhaseKind, Script};
use crate::history::{Model, Record, State};
use crate::postgres::host::Host;
use crate::postgres::read::read_schema;
use crate::postgres::run::{RunSettings, is_of_locks, milliseconds, now, oldest_transactions};
use crate::postgres::scratch::text;
use crate::postgres::statement::{Kind, Statement, Transaction};
use crate::postgres::token::{quote_literal, quote_name};
use crate::run::{Cancel, Event, Failure, FailureKind, Observer, failed_in};

/// What a session is set to: its role, and all settings that are not what they were when it began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Session {
    role: String,
    settings: BTreeMap<String, String>,
}

/// A script that is run: its text, and what it is called in messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) path: &'t str,
    pub(super) tag: &'t str,
    pub(super) text: &'t str,
    /// How many statements it has in all its phases.
    pub(super) of: usize,
}

/// What is written with a phase, in its transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Sealing<'s> {
    /// What has run now; of a squashed migration, all that it was made from.
    pub(super) records: Vec<Record>,
    /// What is undone.
    pub(super) undone: Option<Undone<'s>>,
    /// The row about the whole database.
    pub(super) state: Option<State>,
    /// The schema that must be there now; without it nothing is compared.
    pub(super) expected: Option<&'s Model>,
    /// Patterns of what is nobody's business.
    pub(super) ignore: &'s [String],
    /// Whether a schema that is another is taken as it is.
    pub(super) accept_drift: bool,
}

/// A migration that is undone, and how far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Undone<'s> {
    pub(super) version: &'s str,
    /// How many phases of its way back are done, and the script; none where all are.
    pub(super) phases: Option<(u32, &'s str)>,
}

/// Says what is written with a transaction, each time it is about to be committed.
pub(super) type Seal<'f, 's> = &'f mut (dyn FnMut() -> Result<Sealing<'s>> + Send);

/// Why a transaction ended early.
enum Trouble {
    Locked(Failure),
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Failed(error)
    }
}

pub(super) struct Runner<'r, O: ?Sized> {
    settings: &'r RunSettings,
    observer: &'r mut O,
    cancel: &'r Cancel,
    pub(super) home: Home,
    /// The session as the run found it.
    session: Session,
    /// Whether the script has set the time for locks: who does that knows better.
    sets_lock_timeout: bool,
    /// Whether something is committed.
    pub(super) is_begun: bool,
    pub(super) warnings: Vec<String>,
}

impl<'r, O: Observer + ?Sized> Runner<'r, O> {
    pub(super) async fn new<H: Host>(
        host: &mut H,
        settings: &'r RunSettings,
        observer: &'r mut O,
        cancel: &'r Cancel,
        home: Home,
    ) -> Result<Runner<'r, O>> {
        let session = read_session(host).await?;
        Ok(Runner {
            settings,
            observer,
            cancel,
            home,
            session,
            sets_lock_timeout: false,
            is_begun: false,
            warnings: Vec::new(),
        })
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        self.observer.event(event);
    }

    /// The error with the state of the database, when the open transaction is rolled back.
    pub(super) fn state_of(&self, error: Error, is_written: bool) -> Error {
        match (self.is_begun, is_written) {
            (true, _) => error.state(Held::Begun),
            (false, true) => error.state(Held::RolledBack),
            (false, false) => error.state(Held::Unchanged),
        }
    }

    fn refuse_cancelled(&self, is_written: bool) -> Result<()> {
        match self.cancel.is_cancelled() {
            true => Err(self.state_of(Error::new(Code::Cancelled, "the run was cancelled"), is_written)),
            false => Ok(()),
        }
    }

    /// Runs the phases of a script behind the first `from`, and seals each as `seal` says of its place, and whether it is
    /// the last one. What the script sets for its session holds to its end.
    pub(super) async fn script<'s, H: Host>(
        &mut self,
        host: &mut H,
        text: Text<'_>,
        script: &Script,
        from: usize,
        seal: &mut (dyn FnMut(usize, bool) -> Result<Sealing<'s>> + Send),
    ) -> Result<()> {
        self.sets_lock_timeout = false;
        let outcome = self.phases(host, text, script, from, seal).await;
        let restored = self.restore(host).await;
        outcome?;
        restored
    }

    async fn phases<'s, H: Host>(
        &mut self,
        host: &mut H,
        text: Text<'_>,
        script: &Script,
        from: usize,
        seal: &mut (dyn FnMut(usize, bool) -> Result<Sealing<'s>> + Send),
    ) -> Result<()> {
        let nothing = Phase::default();
        let phases = script.phases.len().max(1);
        let mut done = 0;
        for at in 0..phases {
            let phase = script.phases.get(at).unwrap_or(&nothing);
            if at < from {
                self.set_again(host, text, &phase.statements).await?;
            } else {
                let mut seal = || seal(at, at + 1 == phases);
                match phase.kind {
                    PhaseKind::Transaction => self.together(host, text, &phase.statements, done, &mut seal).await?,
                    // What need not be outside of a transaction is recorded in its own.
                    PhaseKind::NoTransaction
                        if phase.statements.iter().all(|range| fits(&text.text[range.clone()])) =>
                    {
                        self.together(host, text, &phase.statements, done, &mut seal).await?;
                    }
                    // The record stands behind a statement that commits by itself, and may be missing where a run was
                    // stopped.
                    PhaseKind::NoTransaction => {
                        self.alone(host, text, &phase.statements, done, at == from, &mut seal).await?;
                    }
                    PhaseKind::Backfill => self.portions(host, text, &phase.statements, done, &mut seal).await?,
                }
            }
            done += phase.statements.len();
            self.sets_lock_timeout |= phase.statements.iter().any(|range| {
                let kind = Statement::read(&text.text[range.clone()]).kind;
                matches!(kind, Kind::Set { name, local: false, .. } if name == "lock_timeout")
            });
        }
        Ok(())
    }

    /// A run that goes on does so in another session: what the script has set for its own is set there, too.
    async fn set_again<H: Host>(&mut self, host: &mut H, script: Text<'_>, statements: &[Range<usize>]) -> Result<()> {
        for range in statements {
            let sql = &script.text[range.clone()];
            if !is_set_for_session(&Statement::read(sql).kind) {
                continue;
            }
            if let Err(failure) = host.execute(sql).await {
                let error = failed_in(script.path, script.text, range, &failure).migration(script.tag);
                return Err(self.state_of(error, false));
            }
        }
        Ok(())
    }

    async fn alone<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        again: bool,
        seal: Seal<'_, '_>,
    ) -> Result<()> {
        for (n, range) in statements.iter().enumerate() {
            self.outside(host, script, range, again).await?;
            self.observer.event(&Event::Statement { number: done + n + 1, of: script.of });
        }
        self.together(host, script, &[], 0, seal).await
    }

    async fn portions<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        seal: Seal<'_, '_>,
    ) -> Result<()> {
        for (n, range) in statements.iter().enumerate() {
            self.backfill(host, script, range).await?;
            self.observer.event(&Event::Statement { number: done + n + 1, of: script.of });
        }
        self.together(host, script, &[], 0, seal).await
    }

    /// Statements and what seals them in one transaction, tried until its locks are to be had.
    pub(super) async fn together<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        seal: Seal<'_, '_>,
    ) -> Result<()> {
        let mut attempt = 1;
        loop {
            self.refuse_cancelled(false)?;
            let outcome = match self.begin(host).await {
                Ok(()) => self.inside(host, script, statements, done, seal).await,
                Err(f) => {
                    let error = f.error(Code::Database, "a transaction cannot be begun");
                    Err(Trouble::Failed(error.migration(script.tag)))
                }
            };
            let outcome = match outcome {
                Ok(()) => commit(host, script.tag).await,
                Err(trouble) => Err(trouble),
            };
            let trouble = match outcome {
                Ok(()) => {
                    self.is_begun = true;
                    return Ok(());
                }
                Err(Trouble::Failed(e)) if e.code() == Code::OutcomeUnknown => return Err(e),
                Err(trouble) => trouble,
            };
            // Outside of a transaction this is no more than a warning.
            let back = host.execute("ROLLBACK").await;
            match (trouble, back) {
                (Trouble::Failed(e), Err(f)) if f.kind != FailureKind::Disconnected => {
                    let error = e.help("the rollback failed too: close this connection, which rolls back");
                    return Err(self.state_of(error, true));
                }
                (Trouble::Failed(e), _) => return Err(self.state_of(e, true)),
                (Trouble::Locked(_), Err(f)) => {
                    let error = f.error(Code::Database, "the transaction cannot be rolled back");
                    return Err(self.state_of(error, true));
                }
                (Trouble::Locked(failure), Ok(_)) => {
                    self.pause(host, script.tag, &failure, &mut attempt, self.settings.attempts).await?;
                }
            }
        }
    }

    async fn begin<H: Host>(&self, host: &mut H) -> Result<(), Failure> {
        let mut sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL standard_conforming_strings = on",
            self.settings.statement_timeout.map_or(0, milliseconds),
        );
        if !self.sets_lock_timeout {
            sql.push_str(&format!("; SET LOCAL lock_timeout = {}", milliseconds(self.settings.lock_timeout)));
        }
        host.execute(&sql).await.map(drop)
    }

    async fn inside<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        seal: Seal<'_, '_>,
    ) -> Result<(), Trouble> {
        let trouble = |f: Failure, range: &Range<usize>| match is_of_locks(&f) {
            true => Trouble::Locked(f),
            false => Trouble::Failed(failed_in(script.path, script.text, range, &f).migration(script.tag)),
        };
        let mut since: Option<f64> = None;
        let budget = milliseconds(self.settings.lock_timeout);
        // Who sets the time for locks in a script knows better.
        let is_set = script.text.to_ascii_lowercase().contains("lock_timeout");
        for (n, range) in statements.iter().enumerate() {
            self.refuse_cancelled(true)?;
            let sql = &script.text[range.clone()];
            if !is_set && takes_locks(sql) {
                // All waits of a transaction come out of one budget: others wait behind what it holds already.
                let start = match since {
                    Some(start) => start,
                    None => now(host).await.map_err(|f| trouble(f, range))?,
                };
                since = Some(start);
                let left = format!(
                    "SELECT pg_catalog.set_config('lock_timeout', greatest(1, {budget} - \
                     (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000 - {start})::integer)::text, true)"
                );
                host.query(&left).await.map_err(|f| trouble(f, range))?;
            }
            host.execute(sql).await.map_err(|f| trouble(f, range))?;
            self.observer.event(&Event::Statement { number: done + n + 1, of: script.of });
        }
        let sealing = seal()?;
        self.seal(host, script, &sealing).await?;
        self.refuse_cancelled(true)?;
        Ok(())
    }

    async fn seal<H: Host>(&mut self, host: &mut H, script: Text<'_>, sealing: &Sealing<'_>) -> Result<(), Trouble> {
        let mut state = sealing.state.clone();
        if let Some(expected) = sealing.expected {
            self.observer.event(&Event::Verifying);
            let found: Model = super::tracking::visible(read_schema(host).await?, sealing.ignore).into();
            let difference = found.differences(expected)?;
            for extra in &difference.extra {
                let warning = format!("{extra} is in the database, and no migration makes it");
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
            if let Some((first, others)) = difference.wrong.split_first() {
                if !sealing.accept_drift {
                    let message = format!("the result is not what the migrations make of an empty database: {first}");
                    let error = Error::new(Code::VerificationFailed, message).migration(script.tag);
                    return Err(Trouble::Failed(others.iter().take(9).fold(error, |e, o| e.help(format!("and {o}")))));
                }
                self.warnings.extend(difference.wrong.iter().map(|wrong| format!("taken as it is: {wrong}")));
            }
            if let Some(state) = &mut state {
                state.fingerprint = fingerprint(&found);
            }
        }
        let mut sql = String::new();
        for record in &sealing.records {
            sql.push_str(&format!("{};\n", write_record(&self.home, record)));
        }
        if let Some(Undone { version, phases }) = &sealing.undone {
            sql.push_str(&format!("{};\n", write_undone(&self.home, version, *phases)));
        }
        if let Some(state) = &state {
            sql.push_str(&write_state(&self.home, state));
        }
        if sql.is_empty() {
            return Ok(());
        }
        // A script may have taken another role, or a path in which nothing is found.
        let role = quote_literal(&self.session.role);
        let before = format!(
            "SELECT pg_catalog.set_config('role', {role}, true), \
             pg_catalog.set_config('search_path', 'pg_catalog', true)"
        );
        host.execute(&format!("{before}; {sql}")).await.map(drop).map_err(|f| match is_of_locks(&f) {
            true => Trouble::Locked(f),
            false => Trouble::Failed(f.error(Code::Database, "the record of migrations cannot be written")),
        })
    }

    /// One statement outside of any transaction.
    async fn outside<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        range: &Range<usize>,
        again: bool,
    ) -> Result<()> {
        let sql = &script.text[range.clone()];
        let statement = Statement::read(sql);
        let alone = Alone::of(&statement);
        let unread = |f: Failure| f.error(Code::Database, "what a statement has left cannot be read");
        let mut ends = None;
        let mut is_ours = false;
        if let Some(alone) = &alone {
            let found = alone.look(host).await.map_err(|f| self.state_of(unread(f), false))?;
            is_ours = matches!(alone, Alone::Build { .. }) && found != Found::Done;
            match found {
                // What it is, the comparison at the end tells.
                Found::Done if again => return Ok(()),
                Found::Pending(sql) if again => ends = Some(sql),
                Found::Invalid(index) => {
                    self.drop_index(host, &index).await.map_err(|f| self.state_of(unread(f), false))?;
                }
                Found::Nothing | Found::Done | Found::Pending(_) => {}
            }
        }
        let (wait, attempts) = match statement.has(sql, &["concurrently"]) {
            true => (self.settings.concurrent_wait, self.settings.attempts.min(3)),
            false => (self.settings.lock_timeout, self.settings.attempts),
        };
        let mut attempt = 1;
        loop {
            self.refuse_cancelled(false)?;
            let mut settings =
                format!("SET statement_timeout = {}", self.settings.statement_timeout.map_or(0, milliseconds));
            if !self.sets_lock_timeout {
                settings.push_str(&format!("; SET lock_timeout = {}", milliseconds(wait)));
            }
            let failed = |f: Failure| f.error(Code::Setting, "the timeouts cannot be set");
            host.execute(&settings).await.map_err(|f| self.state_of(failed(f), false))?;
            let Err(failure) = host.execute(ends.as_deref().unwrap_or(sql)).await else {
                self.is_begun = true;
                return Ok(());
            };
            let mut left = None;
            if let Some(alone) = alone.as_ref().filter(|_| is_ours)
                && failure.kind != FailureKind::Disconnected
                && let Ok(Found::Invalid(index)) = alone.look(host).await
            {
                left = self.drop_index(host, &index).await.err();
            }
            if is_of_locks(&failure) && left.is_none() {
                self.pause(host, script.tag, &failure, &mut attempt, attempts).await?;
                continue;
            }
            let error = failed_in(script.path, script.text, range, &failure).migration(script.tag);
            let error = match &left {
                Some(why) => {
                    error.help(format!("an index that nobody can use is left, and the next run drops it: {why}"))
                }
                None => error,
            };
            self.is_begun |= left.is_some() || failure.kind == FailureKind::Disconnected;
            return Err(self.state_of(error, true));
        }
    }

    async fn drop_index<H: Host>(&self, host: &mut H, name: &str) -> Result<(), Failure> {
        host.execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await.map(drop)
    }

    /// Portion after portion, each a transaction, until none changes a row.
    async fn backfill<H: Host>(&mut self, host: &mut H, script: Text<'_>, range: &Range<usize>) -> Result<()> {
        let sql = &script.text[range.clone()];
        let most = most_changes(host, sql).await;
        let mut done = 0_u64;
        let mut attempt = 1;
        loop {
            self.refuse_cancelled(false)?;
            let outcome = match self.begin(host).await {
                Ok(()) => host.execute(sql).await,
                Err(f) => Err(f),
            };
            let failure = match outcome {
                Ok(rows) => match commit(host, script.tag).await {
                    Ok(()) if rows == 0 => return Ok(()),
                    Ok(()) => {
                        attempt = 1;
                        done += rows;
                        self.is_begun = true;
                        self.observer.event(&Event::Portion { rows: done });
                        if most.is_some_and(|most| done > most) {
                            let message =
                                format!("{}: a back-fill comes to no end: it has changed {done} rows", script.path);
                            let error = Error::new(Code::StatementFailed, message).migration(script.tag).statement(sql);
                            return Err(
                                self.state_of(error.help("its WHERE must leave out the rows that are done"), false)
                            );
                        }
                        continue;
                    }
                    Err(Trouble::Failed(e)) if e.code() == Code::OutcomeUnknown => return Err(e),
                    Err(Trouble::Failed(e)) => {
                        let _ = host.execute("ROLLBACK").await;
                        return Err(self.state_of(e, true));
                    }
                    Err(Trouble::Locked(f)) => f,
                },
                Err(f) => f,
            };
            let _ = host.execute("ROLLBACK").await;
            if !is_of_locks(&failure) {
                let error = failed_in(script.path, script.text, range, &failure).migration(script.tag);
                return Err(self.state_of(error, true));
            }
            self.pause(host, script.tag, &failure, &mut attempt, self.settings.attempts).await?;
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
        if *attempt >= of {
            let attempts = if of == 1 { "one attempt".to_owned() } else { format!("{of} attempts") };
            let message = format!("a lock that {object} needs could not be had in {attempts}");
            let mut error = Error::new(Code::Busy, message).migration(object).cause(&failure.message);
            if let Some(others) = oldest_transactions(host).await {
                error = error.help(format!("the oldest open transactions are those of {others}"));
            }
            let error = error.help("run it again when less is going on, or allow more time with a longer lock timeout");
            return Err(self.state_of(error, true));
        }
        *attempt += 1;
        self.observer.event(&Event::Retry { object, attempt: *attempt, of });
        let pause = Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(*attempt - 2));
        let pause = pause.min(Duration::from_secs(1));
        // Between half and one and a half: two that collide do not do so again.
        let jitter = u32::try_from(host.chance() % 1000).unwrap_or_default();
        host.wait(pause / 2 + pause * jitter / 1000).await;
        self.refuse_cancelled(true)
    }

    /// Puts back what a script has set.
    async fn restore<H: Host>(&mut self, host: &mut H) -> Result<()> {
        let failed = |f: Failure| f.error(Code::NotRestored, "a setting of the connection could not be put back");
        let found = match read_session(host).await {
            Ok(found) => found,
            // A connection that is gone keeps no setting.
            Err(_) => return Ok(()),
        };
        let mut sql = String::new();
        let set = |name: &str, value: &str| {
            format!("SELECT pg_catalog.set_config({}, {}, false);\n", quote_literal(name), quote_literal(value))
        };
        if found.role != self.session.role {
            sql.push_str(&set("role", &self.session.role));
        }
        let (before, now) = (&self.session.settings, &found.settings);
        for name in now.keys().filter(|name| !before.contains_key(*name)) {
            sql.push_str(&format!("RESET {};\n", quote_setting(name)));
        }
        for (name, value) in before.iter().filter(|(name, value)| now.get(*name) != Some(*value)) {
            sql.push_str(&set(name, value));
        }
        if sql.is_empty() {
            return Ok(());
        }
        host.execute(&sql).await.map(drop).map_err(|f| self.state_of(failed(f), false))
    }
}

/// What the schema is, in few bytes: the next upgrade sees by it that nobody has changed it.
pub(super) fn fingerprint(schema: &Model) -> String {
    crate::history::Checksum::of_bytes(schema.to_sql().as_bytes()).to_string()
}

async fn read_session<H: Host>(host: &mut H) -> Result<Session> {
    // The role is a setting that the view leaves out.
    let sql = "SELECT 'role', pg_catalog.current_setting('role') UNION ALL \
               SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'";
    let rows = host.query(sql).await;
    let rows = rows.map_err(|f| f.error(Code::Database, "the settings of the session cannot be read"))?;
    let mut settings: BTreeMap<String, String> = rows.iter().map(|row| (text(row, 0), text(row, 1))).collect();
    let role = settings.remove("role").unwrap_or_default();
    Ok(Session { role, settings })
}

/// The name of a setting as SQL: an extension's has two parts.
fn quote_setting(name: &str) -> String {
    name.split('.').map(quote_name).collect::<Vec<_>>().join(".")
}

/// Whether a statement sets something for its whole session.
fn is_set_for_session(kind: &Kind) -> bool {
    match kind {
        Kind::Set { local, .. } => !local,
        Kind::Reset => true,
        // `SET ROLE`, `SET SESSION AUTHORIZATION`, `SET TIME ZONE`, `SET SCHEMA`.
        Kind::Other(words) => matches!(words.as_str(), "set role" | "set session" | "set time" | "set schema"),
        _ => false,
    }
}

async fn commit<H: Host>(host: &mut H, migration: &str) -> Result<(), Trouble> {
    let Err(failure) = host.execute("COMMIT").await else { return Ok(()) };
    Err(match failure.kind {
        // Nobody is left to ask: the answer was lost, or the request was.
        FailureKind::Disconnected => Trouble::Failed(
            Error::new(Code::OutcomeUnknown, "whether the commit went through cannot be told")
                .cause(&failure.message)
                .migration(migration)
                .state(Held::Unknown)
                .help("run it again when the server can be reached: it goes on from what is recorded"),
        ),
        _ if is_of_locks(&failure) => Trouble::Locked(failure),
        FailureKind::Constraint => {
            Trouble::Failed(failure.error(Code::RowsDoNotFit, "rows do not fit").migration(migration))
        }
        _ => Trouble::Failed(failure.error(Code::StatementFailed, "the commit failed").migration(migration)),
    })
}

/// Whether a statement surely runs in a transaction: what calls a procedure may end it.
fn fits(sql: &str) -> bool {
    let statement = Statement::read(sql);
    let is_open = matches!(statement.kind, Kind::Do | Kind::Call | Kind::Other(_) | Kind::Server(_));
    !is_open && statement.transaction() != Transaction::Outside
}

/// Whether a statement may take a lock that others wait for: the locks of rows are no others' business.
fn takes_locks(sql: &str) -> bool {
    let statement = Statement::read(sql);
    let is_with = statement.tokens.first().is_some_and(|token| token.is(sql, "with"));
    let is_light =
        matches!(statement.kind, Kind::Insert(_) | Kind::Select | Kind::Set { .. } | Kind::Reset | Kind::Comment);
    is_with || !is_light
}

/// More changes than a back-fill of this table can need. None where that cannot be told.
async fn most_changes<H: Host>(host: &mut H, sql: &str) -> Option<u64> {
    let table = match Statement::read(sql).kind {
        Kind::Update(write) | Kind::Delete(write) => write.table,
        _ => return None,
    };
    let rows = host.query(&format!("SELECT pg_catalog.count(*) FROM {table}")).await.ok()?;
    let rows: u64 = text(rows.first()?, 0).parse().ok()?;
    Some(rows.saturating_mul(20).saturating_add(100_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_in_its_own_transaction() {
        for sql in ["INSERT INTO a VALUES (1)", "UPDATE a SET b = 1", "ALTER TYPE a ADD VALUE 'b'", "DROP TABLE a"] {
            assert!(fits(sql), "{sql}");
        }
        for sql in
            ["VACUUM a", "CALL a()", "DO 'BEGIN COMMIT; END'", "CREATE INDEX CONCURRENTLY a ON b(c)", "EXPLAIN a"]
        {
            assert!(!fits(sql), "{sql}");
        }
    }

    #[test]
    fn what_is_set_for_a_session() {
        let is = |sql| is_set_for_session(&Statement::read(sql).kind);
        for sql in ["SET search_path TO a, b", "SET SESSION work_mem = '1MB'", "SET ROLE a", "SET TIME ZONE 'UTC'"] {
            assert!(is(sql), "{sql}");
        }
        assert!(is("SELECT pg_catalog.set_config('search_path', '', false)"));
        for sql in
            ["SET LOCAL work_mem = '1MB'", "SET CONSTRAINTS ALL DEFERRED", "SELECT 1", "SET TRANSACTION READ ONLY"]
        {
            assert!(!is(sql), "{sql}");
        }
    }
}
