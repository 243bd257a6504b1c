//! The phases of a script, run one after the other: what is committed together, what stands outside of transactions, and
//! what is done in portions. Locks that others hold are waited for a short time only, and tried again.

use std::ops::Range;
use std::time::Duration;

use super::tracking::{Home, write_record, write_state};
use crate::error::{Code, Error, Result, State as Held};
use crate::history::script::{Phase, PhaseKind};
use crate::history::{Model, Record, State};
use crate::postgres::host::Host;
use crate::postgres::read::read_schema;
use crate::postgres::run::{RunSettings, is_of_locks, milliseconds, now, oldest_transactions};
use crate::postgres::scratch::text;
use crate::postgres::token::{Token, TokenKind, quote_literal, quote_name, tokenize};
use crate::run::{Cancel, Event, Failure, FailureKind, Observer, failed_in};

/// Settings of a session that scripts change, and that the next one must not see.
const SETTINGS: [&str; 14] = [
    "role",
    "search_path",
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "check_function_bodies",
    "client_min_messages",
    "default_table_access_method",
    "default_tablespace",
    "row_security",
    "session_replication_role",
    "standard_conforming_strings",
    "TimeZone",
    "xmloption",
];

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
    /// What has not run any more: its version.
    pub(super) undone: Option<String>,
    /// The row about the whole database.
    pub(super) state: Option<State>,
    /// The schema that must be there now; without it nothing is compared.
    pub(super) expected: Option<&'s Model>,
    /// Patterns of what is nobody's business.
    pub(super) ignore: &'s [String],
    /// Whether a schema that is another is taken as it is.
    pub(super) accept_drift: bool,
}

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
    /// The settings of the session as the run found them.
    session: Vec<String>,
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
        let session = read_settings(host).await?;
        Ok(Runner { settings, observer, cancel, home, session, is_begun: false, warnings: Vec::new() })
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

    /// Runs a phase, and seals it. `done` statements of the script have run before; `again` says that a run which was
    /// stopped may have come further than it could record.
    pub(super) async fn phase<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        phase: &Phase,
        done: usize,
        again: bool,
        sealing: &Sealing<'_>,
    ) -> Result<()> {
        let outcome = match phase.kind {
            PhaseKind::Transaction => self.together(host, script, &phase.statements, done, sealing).await,
            PhaseKind::NoTransaction => self.alone(host, script, &phase.statements, done, again, sealing).await,
            PhaseKind::Backfill => self.portions(host, script, &phase.statements, done, sealing).await,
        };
        let restored = self.restore(host).await;
        outcome?;
        restored
    }

    async fn alone<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        again: bool,
        sealing: &Sealing<'_>,
    ) -> Result<()> {
        for (n, range) in statements.iter().enumerate() {
            self.outside(host, script, range, again).await?;
            self.observer.event(&Event::Statement { number: done + n + 1, of: script.of });
        }
        self.together(host, script, &[], 0, sealing).await
    }

    async fn portions<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        sealing: &Sealing<'_>,
    ) -> Result<()> {
        for (n, range) in statements.iter().enumerate() {
            self.backfill(host, script, range).await?;
            self.observer.event(&Event::Statement { number: done + n + 1, of: script.of });
        }
        self.together(host, script, &[], 0, sealing).await
    }

    /// Statements and what seals them in one transaction, tried until its locks are to be had.
    pub(super) async fn together<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        sealing: &Sealing<'_>,
    ) -> Result<()> {
        let mut attempt = 1;
        loop {
            self.refuse_cancelled(false)?;
            let outcome = match self.begin(host).await {
                Ok(()) => self.inside(host, script, statements, done, sealing).await,
                Err(f) => Err(Trouble::Failed(f.error(Code::Database, "a transaction cannot be begun"))),
            };
            let outcome = match outcome {
                Ok(()) => commit(host).await,
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
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL standard_conforming_strings = on",
            milliseconds(self.settings.lock_timeout),
            self.settings.statement_timeout.map_or(0, milliseconds),
        );
        host.execute(&sql).await.map(drop)
    }

    async fn inside<H: Host>(
        &mut self,
        host: &mut H,
        script: Text<'_>,
        statements: &[Range<usize>],
        done: usize,
        sealing: &Sealing<'_>,
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
        self.seal(host, script, sealing).await?;
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
        if let Some(version) = &sealing.undone {
            let table = self.home.table(crate::history::record::MIGRATIONS);
            sql.push_str(&format!("DELETE FROM {table} WHERE version = {};\n", quote_literal(version)));
        }
        if let Some(state) = &state {
            sql.push_str(&write_state(&self.home, state));
        }
        if sql.is_empty() {
            return Ok(());
        }
        // A script may have taken another role, or a path in which nothing is found.
        let role = quote_literal(self.session.first().map_or("none", String::as_str));
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
        let words = Words::of(sql);
        let index = words.index();
        let database = |f: Failure| f.error(Code::Database, "the indexes cannot be read");
        let mut is_ours = false;
        if let Some((verb, name)) = &index {
            let found = is_valid(host, name).await.map_err(|f| self.state_of(database(f), false))?;
            match (*verb, found) {
                // A run that was stopped had come so far; what the index is, the comparison at the end tells.
                (Verb::Create, Some(true)) if again => return Ok(()),
                (Verb::Drop, None) if again => return Ok(()),
                // What an interrupted build has left serves nobody, and would be in the way.
                (Verb::Create, Some(false)) => {
                    self.drop_index(host, name).await.map_err(|f| self.state_of(database(f), false))?;
                    is_ours = true;
                }
                (Verb::Create, found) => is_ours = found.is_none(),
                (Verb::Drop, _) => {}
            }
        }
        let (wait, attempts) = match words.has("concurrently") {
            true => (self.settings.concurrent_wait, self.settings.attempts.min(3)),
            false => (self.settings.lock_timeout, self.settings.attempts),
        };
        let mut attempt = 1;
        loop {
            self.refuse_cancelled(false)?;
            let settings = format!(
                "SET lock_timeout = {}; SET statement_timeout = {}",
                milliseconds(wait),
                self.settings.statement_timeout.map_or(0, milliseconds)
            );
            let failed = |f: Failure| f.error(Code::Setting, "the timeouts cannot be set");
            host.execute(&settings).await.map_err(|f| self.state_of(failed(f), false))?;
            let Err(failure) = host.execute(sql).await else {
                self.is_begun = true;
                return Ok(());
            };
            let mut left = None;
            if let Some((Verb::Create, name)) = index.as_ref().filter(|_| is_ours)
                && failure.kind != FailureKind::Disconnected
                && let Ok(Some(false)) = is_valid(host, name).await
            {
                left = self.drop_index(host, name).await.err();
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
                Ok(rows) => match commit(host).await {
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
        let found = match read_settings(host).await {
            Ok(found) => found,
            // A connection that is gone keeps no setting.
            Err(_) => return Ok(()),
        };
        let changed: Vec<String> = SETTINGS
            .iter()
            .zip(self.session.iter().zip(&found))
            .filter(|(_, (before, now))| before != now)
            .map(|(name, (before, _))| {
                format!("pg_catalog.set_config({}, {}, false)", quote_literal(name), quote_literal(before))
            })
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        host.query(&format!("SELECT {}", changed.join(", ")))
            .await
            .map(drop)
            .map_err(|f| self.state_of(failed(f), false))
    }
}

/// What the schema is, in few bytes: the next upgrade sees by it that nobody has changed it.
pub(super) fn fingerprint(schema: &Model) -> String {
    crate::history::Checksum::of_bytes(schema.to_sql().as_bytes()).to_string()
}

async fn read_settings<H: Host>(host: &mut H) -> Result<Vec<String>> {
    let cells: Vec<String> =
        SETTINGS.iter().map(|name| format!("pg_catalog.current_setting({}, true)", quote_literal(name))).collect();
    let rows = host.query(&format!("SELECT {}", cells.join(", "))).await;
    let rows = rows.map_err(|f| f.error(Code::Database, "the settings of the session cannot be read"))?;
    Ok((0..SETTINGS.len()).map(|n| rows.first().map(|row| text(row, n)).unwrap_or_default()).collect())
}

async fn commit<H: Host>(host: &mut H) -> Result<(), Trouble> {
    let Err(failure) = host.execute("COMMIT").await else { return Ok(()) };
    Err(match failure.kind {
        // Nobody is left to ask: the answer was lost, or the request was.
        FailureKind::Disconnected => Trouble::Failed(
            Error::new(Code::OutcomeUnknown, "whether the commit went through cannot be told")
                .cause(&failure.message)
                .state(Held::Unknown)
                .help("run it again when the server can be reached: it goes on from what is recorded"),
        ),
        _ if is_of_locks(&failure) => Trouble::Locked(failure),
        FailureKind::Constraint => Trouble::Failed(failure.error(Code::RowsDoNotFit, "rows do not fit")),
        _ => Trouble::Failed(failure.error(Code::StatementFailed, "the commit failed")),
    })
}

/// Whether a statement may take a lock that others wait for: the locks of rows are no others' business.
fn takes_locks(sql: &str) -> bool {
    let words = Words::of(sql);
    !["insert", "select", "set", "comment", "values"].iter().any(|word| words.is(0, word))
}

/// More changes than a back-fill of this table can need. None where that cannot be told.
async fn most_changes<H: Host>(host: &mut H, sql: &str) -> Option<u64> {
    let words = Words::of(sql);
    let at = match () {
        () if words.is(0, "update") => 1,
        () if words.is(0, "delete") => 2,
        () => return None,
    };
    let table = words.name_from(at + usize::from(words.is(at, "only")))?.0;
    let rows = host.query(&format!("SELECT pg_catalog.count(*) FROM {table}")).await.ok()?;
    let rows: u64 = text(rows.first()?, 0).parse().ok()?;
    Some(rows.saturating_mul(20).saturating_add(100_000))
}

/// Whether an index is there, and if so, whether it can be used.
async fn is_valid<H: Host>(host: &mut H, name: &str) -> Result<Option<bool>, Failure> {
    let sql = format!(
        "SELECT i.indisvalid FROM pg_catalog.pg_index i WHERE i.indexrelid = pg_catalog.to_regclass({})",
        quote_literal(name)
    );
    let rows = host.query(&sql).await?;
    Ok(rows.first().map(|row| text(row, 0) == "t"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Drop,
}

/// The words of a statement, without comments.
struct Words<'s> {
    sql: &'s str,
    tokens: Vec<Token>,
}

impl<'s> Words<'s> {
    fn of(sql: &'s str) -> Words<'s> {
        let mut tokens = tokenize(sql).unwrap_or_default();
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Words { sql, tokens }
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(self.sql, word))
    }

    fn has(&self, word: &str) -> bool {
        (0..self.tokens.len()).any(|at| self.is(at, word))
    }

    /// A name that may have a schema, as SQL, and where it ends.
    fn name_from(&self, at: usize) -> Option<(String, usize)> {
        let first = self.tokens.get(at)?.name(self.sql)?;
        match self.is(at + 1, ".") {
            true => {
                let second = self.tokens.get(at + 2)?.name(self.sql)?;
                Some((format!("{}.{}", quote_name(&first), quote_name(&second)), at + 3))
            }
            false => Some((quote_name(&first), at + 1)),
        }
    }

    /// The index that a statement builds or drops while others work. It is built in the schema of its table.
    fn index(&self) -> Option<(Verb, String)> {
        let mut at = 1 + usize::from(self.is(1, "unique"));
        let verb = match () {
            () if self.is(0, "create") => Verb::Create,
            () if self.is(0, "drop") => Verb::Drop,
            () => return None,
        };
        if !self.is(at, "index") || !self.is(at + 1, "concurrently") {
            return None;
        }
        at += 2;
        if self.is(at, "if") {
            at += if verb == Verb::Create { 3 } else { 2 };
        }
        let (name, end) = self.name_from(at)?;
        if verb == Verb::Drop {
            return (end == self.tokens.len()).then_some((verb, name));
        }
        if !self.is(end, "on") {
            return None;
        }
        let table = end + 1 + usize::from(self.is(end + 1, "only"));
        let schema = self.is(table + 1, ".").then(|| self.tokens.get(table)?.name(self.sql)).flatten();
        Some((verb, schema.map_or(name.clone(), |schema| format!("{}.{name}", quote_name(&schema)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_of_statements() {
        let index = |sql| Words::of(sql).index();
        let made = |name: &str| Some((Verb::Create, name.to_owned()));
        assert_eq!(index("CREATE INDEX CONCURRENTLY a ON b(c)"), made("a"));
        assert_eq!(index("create unique index concurrently if not exists \"A b\" on only s.b(c)"), made("s.\"A b\""));
        assert_eq!(index("DROP INDEX CONCURRENTLY IF EXISTS s.a"), Some((Verb::Drop, "s.a".to_owned())));
        assert_eq!(index("CREATE INDEX a ON b(c)"), None);
        assert_eq!(index("CREATE INDEX CONCURRENTLY ON b(c)"), None);
    }
}
