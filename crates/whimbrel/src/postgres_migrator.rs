//! Versioned migrations on a PostgreSQL server: the same history as on a device, over an app's own client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use whimbrel_core::history::{History, Policy, Record};
use whimbrel_core::postgres::host::Host;
use whimbrel_core::postgres::run::RunSettings;
use whimbrel_core::postgres::scratch::Scratch;
use whimbrel_core::postgres::versioned::{downgrade, is_unchanged, read_tracking, upgrade};
use whimbrel_core::run::{Cancel, Observer, Upgrade, UpgradeSettings};
use whimbrel_core::{Code, Error, Result};

use crate::Dialect;

/// Brings a PostgreSQL database to the newest version of a history. Many processes may do it at once: one does, the
/// others wait, and find it done.
///
/// ```no_run
/// use whimbrel::postgres::{Migrator, Postgres};
/// # async fn example(history: &whimbrel::History) -> Result<(), Box<dyn std::error::Error>> {
/// let mut server = Postgres::connect("postgres://localhost/notes").await?;
/// let upgrade = Migrator::new(history).run(&mut server).await?;
/// println!("at migration {}", upgrade.to);
/// # Ok(())
/// # }
/// ```
///
/// Each migration is committed by itself, and recorded in its transaction; what should come of all of them is worked out
/// in a scratch database first, and compared before the last commit. A new database runs all migrations.
pub struct Migrator<'a> {
    history: &'a History,
    settings: UpgradeSettings,
    run: RunSettings,
    cancel: Option<&'a Cancel>,
    observer: Option<&'a mut (dyn Observer + Send)>,
}

impl<'a> Migrator<'a> {
    /// A migrator for these migrations, as [`embed!`](macro@crate::embed) or a [`Folder`](crate::Folder) gives them.
    pub fn new(history: &'a History) -> Migrator<'a> {
        let run = RunSettings::default();
        Migrator { history, settings: UpgradeSettings::default(), run, cancel: None, observer: None }
    }

    /// The number to stop at.
    #[must_use]
    pub fn to(mut self, idx: u32) -> Self {
        self.settings.to = Some(idx);
        self
    }

    /// What is done with migrations that came in late, with a number below the newest that ran.
    #[must_use]
    pub fn out_of_order(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Whether a schema that was changed by hand is taken as it is.
    #[must_use]
    pub fn accept_drift(mut self, accept: bool) -> Self {
        self.settings.accept_drift = accept;
        self
    }

    /// Leaves tables and views that match the pattern (`*`, `?`) out of sight, by `name` or `schema.name`.
    #[must_use]
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        self.settings.ignore.push(pattern.into());
        self
    }

    /// Whether the scripts that undo migrations are kept in the database, so that a program which does not know them can
    /// go back.
    #[must_use]
    pub fn keep_down(mut self, keep: bool) -> Self {
        self.settings.keep_down = keep;
        self
    }

    /// How long the locks of a transaction may be waited for, and so how long others may have to wait. A second, unless
    /// this says otherwise; what gets no lock is tried again.
    #[must_use]
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.run.lock_timeout = time;
        self
    }

    /// How long a statement may take; without it as long as it needs.
    #[must_use]
    pub fn statement_timeout(mut self, time: Option<Duration>) -> Self {
        self.run.statement_timeout = time;
        self
    }

    /// How long another process that is at work is waited for. Ten seconds, unless this says otherwise.
    #[must_use]
    pub fn wait_for_others(mut self, time: Duration) -> Self {
        self.run.lock_wait = time;
        self
    }

    /// Stops the run where it is asked to: what is committed by then stays, and the next run goes on behind it.
    #[must_use]
    pub fn cancel(mut self, cancel: &'a Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Who is told how it goes on.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut (dyn Observer + Send)) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Whether the database says that it is at the newest version: one small query.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub async fn is_unchanged<H: Host>(&self, host: &mut H) -> Result<bool> {
        is_unchanged(host, self.history).await
    }

    /// Brings the database to the newest version.
    ///
    /// # Errors
    /// The [state](crate::State) in the error says what the database holds. [`Code::Busy`] where a lock could not be had
    /// in time, [`Code::NotTracked`] where somebody else has made the database.
    pub async fn run<H: Host>(self, host: &mut H) -> Result<Upgrade> {
        self.run_with(host, None).await
    }

    /// The same, with an empty database to try things in where the role may make none.
    ///
    /// # Errors
    /// As [`Migrator::run`].
    pub async fn run_with<H: Host>(mut self, host: &mut H, scratch: Option<&mut H>) -> Result<Upgrade> {
        self.refuse_other_dialect()?;
        if self.settings.to.is_none() && is_unchanged(host, self.history).await? {
            let at = self.history.newest();
            return Ok(Upgrade { from: at, to: at, ..Upgrade::default() });
        }
        let scratch = scratch.map_or(Scratch::Automatic, Scratch::Given);
        let (never, mut silent) = (Cancel::default(), ());
        let cancel = self.cancel.unwrap_or(&never);
        let observer: &mut (dyn Observer + Send) = match self.observer.take() {
            Some(observer) => observer,
            None => &mut silent,
        };
        upgrade(host, scratch, self.history, &self.settings, &self.run, &mut now, observer, cancel).await
    }

    /// Undoes migrations by their records, in this order.
    ///
    /// # Errors
    /// [`Code::Irreversible`] where one has no way back, before anything is written; else as [`Migrator::run`].
    pub async fn undo<H: Host>(self, host: &mut H, records: &[Record]) -> Result<Upgrade> {
        self.undo_with(host, None, records).await
    }

    /// The same, with an empty database to try things in where the role may make none.
    ///
    /// # Errors
    /// As [`Migrator::undo`].
    pub async fn undo_with<H: Host>(
        mut self,
        host: &mut H,
        scratch: Option<&mut H>,
        records: &[Record],
    ) -> Result<Upgrade> {
        self.refuse_other_dialect()?;
        let scratch = scratch.map_or(Scratch::Automatic, Scratch::Given);
        let (never, mut silent) = (Cancel::default(), ());
        let cancel = self.cancel.unwrap_or(&never);
        let observer: &mut (dyn Observer + Send) = match self.observer.take() {
            Some(observer) => observer,
            None => &mut silent,
        };
        downgrade(host, scratch, self.history, records, &self.settings, &self.run, &mut now, observer, cancel).await
    }

    /// Undoes all migrations behind a number, newest first.
    ///
    /// # Errors
    /// As [`Migrator::undo`].
    pub async fn undo_to<H: Host>(self, host: &mut H, to: u32) -> Result<Upgrade> {
        let records = read_tracking(host).await?.records;
        let undone = whimbrel_core::run::undone(&records, to);
        match undone.is_empty() {
            true => Ok(Upgrade { from: to, to, ..Upgrade::default() }),
            false => self.undo(host, &undone).await,
        }
    }

    fn refuse_other_dialect(&self) -> Result<()> {
        match self.history.dialect() {
            _ if self.history.migrations.is_empty() => Ok(()),
            Dialect::Postgres => Ok(()),
            other => {
                let message = format!("these are migrations of {}, and the database is PostgreSQL", other.title());
                Err(Error::new(Code::Journal, message).help(
                    "the folder's journal says what they are for; without one, say so where the folder is opened",
                ))
            }
        }
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
