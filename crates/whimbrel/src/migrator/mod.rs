//! The migrator: what an app calls when it opens its database.
//!
//! It finds out from the header whether there is anything to do; if there is, it takes the lock and lets the strategy run
//! the procedures of the engine.
//!
//! **Invariant:** what an app does not ask for is no part of its program. Constructors and methods that ask for something
//! large (the planner, backups, adoption, the way back, reports) store what does it, as a function or a trait object;
//! nothing else names it. A linker then leaves out the rest, and a program with numbered migrations has no planner.

mod declared;
mod hooks;
mod lock;
mod report;
mod versioned;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use whimbrel_core::history::{History, Policy, Record};
use whimbrel_core::run::{self, Cancel, Observer, Settings, block_on};
use whimbrel_core::{Code, Error, Result, Schema, State};

pub use whimbrel_core::run::{Transactions, Upgrade, UpgradeKind};

pub use hooks::{Details, StepResult};
pub use report::{ReportSink, UpgradeReport};

use crate::sqlite_host::{Sqlite, database_path, error};
use declared::{AutoAlter, Disposable};
use hooks::{Filling, Steps};
use lock::{Lock, Taken};
use report::Reports;
use versioned::{Adopt, Backups, GoBack, Versioned};

/// Brings an app's database to the version the app was written for, and keeps every row.
///
/// ```
/// use whimbrel::{Migrator, UpgradeKind};
///
/// let mut db = rusqlite::Connection::open_in_memory()?;
/// let upgrade = Migrator::new(whimbrel::embed!("../../testdata/embed/notes")).run(&mut db)?;
/// assert_eq!(upgrade.kind, UpgradeKind::Created);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The database ends at the newest version, verified, or stays as it was: see [`Migrator::run`].
pub struct Migrator<'a> {
    strategy: Rc<dyn Strategy<'a> + 'a>,
    settings: run::UpgradeSettings,
    declared: Settings,
    steps: Steps<'a>,
    before_open: Option<BeforeOpen<'a>>,
    refill: Filling<'a>,
    observer: Option<&'a mut dyn Observer>,
    cancel: Cancel,
    /// The same, where the app has given one.
    stop: Option<Cancel>,
    backups: Option<Backups>,
    wait: Duration,
    adopt: Option<Adopt<'a>>,
    go_back: Option<GoBack<'a>>,
    counts_attempts: bool,
    reports: Option<Reports<'a>>,
}

type BeforeOpen<'a> = Box<dyn FnMut(&rusqlite::Connection, &Details) -> StepResult + 'a>;

/// How the database is kept.
trait Strategy<'a> {
    /// What the header says; where the app uses `user_version` for itself, one row of the record says it. None where
    /// there is something to do.
    fn unchanged(&self, migrator: &mut Migrator<'a>, conn: &rusqlite::Connection) -> Result<Option<Upgrade>>;

    /// Brings the database, whose file is at the path where it has one, to where it is to be.
    fn upgrade(
        &self,
        migrator: &mut Migrator<'a>,
        conn: &mut rusqlite::Connection,
        path: Option<&Path>,
    ) -> Result<Upgrade>;

    /// The migrations, where there are any.
    fn history(&self) -> Option<&'a History> {
        None
    }
}

impl<'a> Migrator<'a> {
    /// Versioned: the database goes from any version to the newest by the migrations of a history.
    pub fn new(history: &'a History) -> Self {
        Migrator::of(Versioned(history))
    }

    /// Auto-alter: the database is compared with the declared schema and changed where it differs. What would lose data
    /// is refused, unless [`accept_data_loss`](Migrator::accept_data_loss) allows it.
    ///
    /// ```
    /// use whimbrel::{Migrator, Schema};
    /// let mut db = rusqlite::Connection::open_in_memory()?;
    /// let first = Schema::from_sql("CREATE TABLE notes(body TEXT)")?;
    /// Migrator::auto_alter(&first).run(&mut db)?;
    /// db.execute("INSERT INTO notes VALUES ('kept')", [])?;
    /// let second = Schema::from_sql("CREATE TABLE notes(body TEXT, starred INTEGER NOT NULL DEFAULT 0)")?;
    /// Migrator::auto_alter(&second).run(&mut db)?;
    /// let starred: i64 = db.query_row("SELECT starred FROM notes WHERE body = 'kept'", [], |row| row.get(0))?;
    /// assert_eq!(starred, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn auto_alter(schema: &'a Schema) -> Self {
        Migrator::of(AutoAlter(schema))
    }

    /// Drop and recreate, for a database that is a cache or a copy: every table that differs from its declaration is
    /// made anew and is empty, until [`refill`](Migrator::refill) fills it. Only a database that was made this way is
    /// ever emptied.
    ///
    /// ```
    /// use whimbrel::{Migrator, Schema};
    /// let mut db = rusqlite::Connection::open_in_memory()?;
    /// let schema = Schema::from_sql("CREATE TABLE cities(name TEXT)")?;
    /// Migrator::disposable(&schema)
    ///     .refill(|tx, table| {
    ///         tx.execute(&format!("INSERT INTO {table} VALUES ('Oslo')"), [])?;
    ///         Ok(())
    ///     })
    ///     .run(&mut db)?;
    /// assert_eq!(db.query_row("SELECT count(*) FROM cities", [], |row| row.get::<_, i64>(0))?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn disposable(schema: &'a Schema) -> Self {
        Migrator::of(Disposable(schema))
    }

    fn of(strategy: impl Strategy<'a> + 'a) -> Self {
        Migrator {
            strategy: Rc::new(strategy),
            settings: run::UpgradeSettings { count_attempts: true, ..run::UpgradeSettings::default() },
            declared: Settings::default(),
            steps: Steps::default(),
            before_open: None,
            refill: Filling(None),
            observer: None,
            cancel: Cancel::default(),
            stop: None,
            backups: None,
            wait: Duration::from_secs(60),
            adopt: None,
            go_back: None,
            counts_attempts: true,
            reports: None,
        }
    }

    /// A step of the app's own before the statements of a migration, in its transaction. The migration is named by its
    /// number. A database that is made from the newest snapshot takes no steps.
    ///
    /// ```no_run
    /// use whimbrel::Migrator;
    /// # let history = whimbrel::History::default();
    /// # let mut db = rusqlite::Connection::open_in_memory()?;
    /// Migrator::new(&history)
    ///     .before(3, |tx| {
    ///         tx.execute("UPDATE notes SET body = '' WHERE body IS NULL", [])?;
    ///         Ok(())
    ///     })
    ///     .run(&mut db)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn before(mut self, migration: u32, step: impl FnMut(&rusqlite::Connection) -> StepResult + 'a) -> Self {
        self.steps.before.entry(migration).or_default().push(Box::new(step));
        self
    }

    /// A step of the app's own after the statements of a migration, in its transaction.
    #[must_use]
    pub fn after(mut self, migration: u32, step: impl FnMut(&rusqlite::Connection) -> StepResult + 'a) -> Self {
        self.steps.after.entry(migration).or_default().push(Box::new(step));
        self
    }

    /// What a new database gets besides its schema, in the transaction that makes it.
    #[must_use]
    pub fn on_create(mut self, step: impl FnMut(&rusqlite::Connection) -> StepResult + 'a) -> Self {
        self.steps.on_create.push(Box::new(step));
        self
    }

    /// Called at every start, when the database is ready: for settings of the connection, and for what depends on how it
    /// came to be.
    ///
    /// ```
    /// use whimbrel::Migrator;
    /// let mut db = rusqlite::Connection::open_in_memory()?;
    /// Migrator::new(whimbrel::embed!("../../testdata/embed/notes"))
    ///     .before_open(|db, details| {
    ///         db.pragma_update(None, "foreign_keys", true)?;
    ///         assert!(details.was_created);
    ///         Ok(())
    ///     })
    ///     .run(&mut db)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn before_open(mut self, step: impl FnMut(&rusqlite::Connection, &Details) -> StepResult + 'a) -> Self {
        self.before_open = Some(Box::new(step));
        self
    }

    /// Fills a table that was made anew, by its name: for [`disposable`](Migrator::disposable) databases.
    #[must_use]
    pub fn refill(mut self, step: impl FnMut(&rusqlite::Connection, &str) -> StepResult + 'a) -> Self {
        self.refill = Filling(Some(Box::new(step)));
        self
    }

    /// Whether the whole upgrade is one transaction (as it is unless this says otherwise), or each migration.
    #[must_use]
    pub fn transactions(mut self, transactions: Transactions) -> Self {
        self.settings.transactions = transactions;
        self
    }

    /// What is done with migrations that came in late, with a number below the newest that ran.
    #[must_use]
    pub fn out_of_order(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Whether a new database replays all migrations, steps included, instead of going straight to the snapshot.
    #[must_use]
    pub fn replay(mut self, replay: bool) -> Self {
        self.settings.replay = replay;
        self
    }

    /// Makes a backup beside the database before an upgrade, keeps the newest `keep`, and brings it back where an
    /// upgrade of several transactions fails in the middle.
    #[must_use]
    pub fn backup(mut self, keep: usize) -> Self {
        self.backups = Some(Backups::of(keep.max(1)));
        self
    }

    /// Told what the upgrade does, for a progress bar or a log.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// By which the upgrade can be stopped from another thread; what it did is undone.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self.stop = Some(cancel.clone());
        self
    }

    /// How long to wait for another process that upgrades the database or holds it: a minute, unless this says
    /// otherwise.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Whether a database that another tool has migrated (sqlx, refinery, diesel, rusqlite_migration and others) is
    /// adopted, where its record fits the history and its schema is the one that the migrations make.
    #[must_use]
    pub fn adopt(mut self, adopt: bool) -> Self {
        self.adopt = adopt.then_some(versioned::adopt);
        self
    }

    /// Whether a database that a newer app has upgraded is taken back, with the scripts that the newer app has
    /// [kept](Migrator::keep_down_scripts) in it. Where there are none, it is refused with [`Code::Irreversible`].
    #[must_use]
    pub fn allow_downgrade(mut self, allow: bool) -> Self {
        self.go_back = allow.then_some(versioned::go_back);
        self
    }

    /// Whether the scripts that undo migrations are kept in the database, so that an older app can go back: it does not
    /// know them.
    #[must_use]
    pub fn keep_down_scripts(mut self, keep: bool) -> Self {
        self.settings.keep_down = keep;
        self
    }

    /// Whether another attempt is made although three in a row have failed.
    #[must_use]
    pub fn retry(mut self, retry: bool) -> Self {
        self.settings.retry = retry;
        self
    }

    /// The number of the migration to stop at: the newest, unless this says otherwise. A database that is further is left
    /// as it is.
    #[must_use]
    pub fn to(mut self, migration: u32) -> Self {
        self.settings.to = Some(migration);
        self
    }

    /// Whether starts that fail are counted, and given up after the third, as they are unless this says otherwise. A
    /// program in the hands of a person does not need it.
    #[must_use]
    pub fn count_attempts(mut self, count: bool) -> Self {
        self.counts_attempts = count;
        self
    }

    /// Whether a schema that somebody changed by hand is taken as it is.
    #[must_use]
    pub fn accept_drift(mut self, accept: bool) -> Self {
        self.settings.accept_drift = accept;
        self
    }

    /// Leaves tables and views that match the pattern (`*`, `?`) out of sight.
    #[must_use]
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        self.settings.ignore.push(pattern.clone());
        self.declared.ignore.push(pattern);
        self
    }

    /// Whether [`auto_alter`](Migrator::auto_alter) may lose data: columns and tables that are not declared any more.
    #[must_use]
    pub fn accept_data_loss(mut self, accept: bool) -> Self {
        self.declared.accept_data_loss = accept;
        self
    }

    /// Hands over reports of upgrades that were made and that failed. Without this nothing is reported.
    #[must_use]
    pub fn report_to(mut self, sink: impl ReportSink + 'a) -> Self {
        self.reports = Some(Reports::to(sink));
        self
    }

    /// Brings the database to the newest version.
    ///
    /// Of several processes that start at once, one upgrades and the others wait. A start with nothing to do reads two
    /// numbers from the header of the file, whatever the number of tables and migrations.
    ///
    /// # Errors
    /// The error's [state](whimbrel_core::error::Report::state) says what the database holds. Nothing is changed where
    /// the app does not understand the database: [`Code::DatabaseNewer`], [`Code::NotTracked`],
    /// [`Code::MigrationEdited`], [`Code::Drift`] and others; [`Code::Held`] after three starts in a row have failed.
    pub fn run(&mut self, conn: &mut rusqlite::Connection) -> Result<Upgrade> {
        let upgrade = self.upgraded(conn)?;
        if upgrade.kind == (UpgradeKind::Newer { writable: false }) {
            // The app was told; this keeps it from writing all the same.
            conn.execute_batch("PRAGMA query_only = ON")
                .map_err(|e| error(e, Code::Setting, "the connection cannot be made read-only"))?;
        }
        if let Some(step) = &mut self.before_open {
            let details = Details {
                was_created: upgrade.kind == UpgradeKind::Created,
                from: (upgrade.kind != UpgradeKind::Created).then_some(upgrade.from),
                to: upgrade.to,
                kind: upgrade.kind,
            };
            step(conn, &details).map_err(|e| hooks::failed(&*e).state(State::Applied))?;
        }
        Ok(upgrade)
    }

    /// Undoes migrations that have run, in this order, each by its `.down.sql`: all in one transaction, and what is left is
    /// what the history says of it, or nothing is changed. For the hands of a developer: what the scripts take away is
    /// gone.
    ///
    /// # Errors
    /// [`Code::Irreversible`] where one of them has no way back; [`Code::Superseded`] where another process has undone
    /// one of them meanwhile; else as [`Migrator::run`].
    pub fn undo(&mut self, conn: &mut rusqlite::Connection, records: &[Record]) -> Result<Upgrade> {
        let Some(history) = self.strategy.history() else {
            return Err(Error::new(Code::NotTracked, "only versioned migrations can be undone"));
        };
        let deadline = Instant::now() + self.wait;
        let path = database_path(conn);
        let _lock = match &path {
            None => None,
            Some(path) => loop {
                match Lock::try_take(path) {
                    Taken::Held(lock) => break Some(lock),
                    Taken::Impossible => break None,
                    Taken::Busy => self.pause(deadline)?,
                }
            },
        };
        let tracking = block_on(run::read_tracking(&mut Sqlite::new(conn)))?;
        if records.iter().any(|record| !tracking.records.contains(record)) {
            return Err(Error::new(Code::Superseded, "another process has changed the database meanwhile")
                .help("look at it again"));
        }
        if let (Some(backups), Some(path)) = (self.backups, &path) {
            backups.create(conn, path)?;
        }
        versioned::downgrade(self, conn, history, records)
    }

    /// Whether the app has a step of its own at this migration.
    pub(crate) fn has_step(&self, migration: u32) -> bool {
        self.steps.before.contains_key(&migration) || self.steps.after.contains_key(&migration)
    }

    fn upgraded(&mut self, conn: &mut rusqlite::Connection) -> Result<Upgrade> {
        let deadline = Instant::now() + self.wait;
        let strategy = Rc::clone(&self.strategy);
        if let Some(unchanged) = self.patiently(deadline, |migrator| strategy.unchanged(migrator, conn))? {
            return Ok(unchanged);
        }
        let path = database_path(conn);
        let _lock = match &path {
            None => None,
            Some(path) => loop {
                match Lock::try_take(path) {
                    Taken::Held(lock) => break Some(lock),
                    Taken::Impossible => break None,
                    Taken::Busy => self.pause(deadline)?,
                }
                // Whoever has it may be done.
                if let Some(unchanged) = self.patiently(deadline, |migrator| strategy.unchanged(migrator, conn))? {
                    return Ok(unchanged);
                }
            },
        };
        // Without a lock, the attempts of others that start at the same time would count as failed ones.
        self.settings.count_attempts = self.counts_attempts && _lock.is_some();
        self.patiently(deadline, |migrator| strategy.upgrade(migrator, conn, path.as_deref()))
    }

    /// Tries until nobody else is in the way, or the time is over.
    fn patiently<T>(&mut self, deadline: Instant, mut attempt: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        loop {
            match attempt(self) {
                Err(e) if e.is_busy() && Instant::now() < deadline => self.pause(deadline)?,
                outcome => return outcome,
            }
        }
    }

    fn pause(&self, deadline: Instant) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "the upgrade was cancelled"));
        }
        if Instant::now() >= deadline {
            let message = format!("another process has held the database for {} seconds", self.wait.as_secs());
            return Err(Error::new(Code::Busy, message).help("try again when the other one is done"));
        }
        std::thread::sleep(Duration::from_millis(10));
        Ok(())
    }
}

impl fmt::Debug for Migrator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The steps by migration.
type ByMigration<S> = BTreeMap<u32, Vec<S>>;
