//! Tests of an app's migrations, for the app's own test suite: databases of every version, filled with rows and upgraded.
//!
//! A migration that is released runs once on every device, on rows that nobody has seen, from versions that were nearly
//! forgotten. The [`Verifier`] makes such databases in memory, takes them through the real [`Migrator`] with the app's
//! own steps, and compares what comes out with what a new device would have.

mod contents;
mod matrix;
mod report;
mod rows;
mod trace;
mod values;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use whimbrel_core::history::History;
use whimbrel_core::run::{self, Cancel, Event, Observer, block_on};
use whimbrel_core::{Code, Error, Result, Schema};

pub use report::{Check, CheckKind, Finding, Outcome, Verification};

use crate::migrator::{Migrator, StepResult, Upgrade};
use crate::sqlite_host::{Sqlite, error, read_schema};
use contents::Contents;
use rows::Filled;
use trace::{Trace, fold};

/// Tries the migrations of an app out: from every version to every later one, with rows.
///
/// ```
/// use whimbrel::testing::Verifier;
///
/// let verifier = Verifier::new(whimbrel::embed!("../../testdata/embed/notes"));
///
/// // One upgrade, with rows of the test's own.
/// let mut db = verifier.start_at(2)?;
/// db.execute("INSERT INTO notes(title, body) VALUES ('a', 'three words here')", [])?;
/// verifier.migrate_and_validate(&mut db, 4)?;
/// let words: i64 = db.query_row("SELECT words FROM notes", [], |row| row.get(0))?;
/// assert_eq!(words, 3);
///
/// // All of them, with generated rows.
/// let report = verifier.verify_all()?;
/// assert!(report.is_ok(), "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Everything happens in memory; no file is touched.
pub struct Verifier<'a> {
    history: &'a History,
    migrator: Option<Configure<'a>>,
    on_open: Option<Step<'a>>,
    fixtures: BTreeMap<u32, Vec<Step<'a>>>,
    rows: usize,
    seed: u64,
    upgrades: usize,
    may_change: Vec<String>,
    observer: RefCell<Option<Box<dyn Observer + 'a>>>,
    cancel: Cancel,
    down: bool,
    /// Columns that hold JSON, by what the migrations do with them.
    json: BTreeSet<String>,
}

/// Sets a migrator up, whatever history it is for.
type Configure<'a> = Box<dyn for<'m> Fn(Migrator<'m>) -> Migrator<'m> + 'a>;

/// Something that the app does with a connection.
type Step<'a> = Box<dyn Fn(&Connection) -> StepResult + 'a>;

impl<'a> Verifier<'a> {
    /// Generated rows in a table, unless [`rows`](Verifier::rows) says otherwise.
    pub const ROWS: usize = 6;
    /// Upgrades that are tried, unless [`upgrades`](Verifier::upgrades) says otherwise: all pairs of 24 versions.
    pub const UPGRADES: usize = 300;

    /// A verifier of these migrations.
    pub fn new(history: &'a History) -> Self {
        Verifier {
            history,
            migrator: None,
            on_open: None,
            fixtures: BTreeMap::new(),
            rows: Self::ROWS,
            seed: 0,
            upgrades: Self::UPGRADES,
            may_change: Vec::new(),
            observer: RefCell::new(None),
            cancel: Cancel::default(),
            down: true,
            json: values::json_columns(history.originals().map(|migration| migration.up.as_ref())),
        }
    }

    /// Sets up each [`Migrator`] as the app does, with its steps. The function that the app itself uses fits here.
    ///
    /// ```
    /// use whimbrel::Migrator;
    /// use whimbrel::testing::Verifier;
    ///
    /// fn with_steps(migrator: Migrator<'_>) -> Migrator<'_> {
    ///     migrator.after(4, |tx| Ok(tx.execute("UPDATE notes SET title = trim(title)", []).map(|_| ())?))
    /// }
    ///
    /// let verifier = Verifier::new(whimbrel::embed!("../../testdata/embed/notes")).migrator(with_steps);
    /// assert!(verifier.verify_all()?.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn migrator(mut self, configure: impl for<'m> Fn(Migrator<'m>) -> Migrator<'m> + 'a) -> Self {
        self.migrator = Some(Box::new(configure));
        self
    }

    /// Called with every connection that the verifier opens: for functions, collations and settings that the app's
    /// connections have.
    #[must_use]
    pub fn on_open(mut self, step: impl Fn(&Connection) -> StepResult + 'a) -> Self {
        self.on_open = Some(Box::new(step));
        self
    }

    /// Rows of the app's own at a version, by the number of its newest migration. Unlike generated ones they must get
    /// through.
    #[must_use]
    pub fn fixture(mut self, version: u32, rows: impl Fn(&Connection) -> StepResult + 'a) -> Self {
        self.fixtures.entry(version).or_default().push(Box::new(rows));
        self
    }

    /// How many rows are generated for a table; with 0 there are only those of [fixtures](Verifier::fixture).
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// Other generated rows. The same seed gives the same rows.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many upgrades [`verify_all`](Verifier::verify_all) tries where there are more pairs of versions: those from
    /// every version to the newest and between neighbours in any case, and as many others as there is room for.
    #[must_use]
    pub fn upgrades(mut self, upgrades: usize) -> Self {
        self.upgrades = upgrades;
        self
    }

    /// Says that rows of this table may go, come or change without a statement of the migrations that says so: a step
    /// of the app does it on purpose.
    #[must_use]
    pub fn may_change(mut self, table: &str) -> Self {
        self.may_change.push(fold(table));
        self
    }

    /// Told of each check that begins, as [`Event::Step`].
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'a) -> Self {
        *self.observer.borrow_mut() = Some(Box::new(observer));
        self
    }

    /// By which [`verify_all`](Verifier::verify_all) can be stopped from another thread.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Leaves the ways back out.
    #[must_use]
    pub fn skip_down(mut self) -> Self {
        self.down = false;
        self
    }

    /// A database in memory as an app of this version made it: all migrations up to it have run, with the app's steps.
    ///
    /// # Errors
    /// [`Code::UnknownMigration`], or as [`Migrator::run`].
    pub fn start_at(&self, version: u32) -> Result<Connection> {
        let history = self.history_at(version)?;
        self.created(&history)
    }

    /// The same with the [fixture](Verifier::fixture) of this version and with generated rows.
    ///
    /// ```
    /// use whimbrel::testing::Verifier;
    /// let verifier = Verifier::new(whimbrel::embed!("../../testdata/embed/notes")).rows(4);
    /// let db = verifier.start_with_rows(3)?;
    /// assert_eq!(db.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0))?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`start_at`](Verifier::start_at); [`Code::AppStep`] where the fixture fails.
    pub fn start_with_rows(&self, version: u32) -> Result<Connection> {
        let mut db = self.start_at(version)?;
        self.add_rows(&mut db, version, Rows::Plain, &BTreeSet::new())?;
        Ok(db)
    }

    /// Upgrades a database to a version, and checks the result: the schema is the one that a new database of that
    /// version has, every row is there that no migration takes away, no foreign key is violated that was not before,
    /// and the file is sound.
    ///
    /// # Errors
    /// As [`Migrator::run`] where the upgrade fails; [`Code::NotVerified`] where its result is wrong.
    pub fn migrate_and_validate(&self, db: &mut Connection, version: u32) -> Result<Upgrade> {
        let history = self.target(version)?;
        let expected = read_schema(&mut self.start_at(version)?)?;
        let before = Start::read(db)?;
        let from = self.version_of(db)?;
        let upgrade = self.migrate(db, &history)?;
        let findings = self.arrived(db, &before, from, version, &expected)?;
        let mut failures = findings.into_iter().filter(|finding| finding.outcome == Outcome::Failed);
        let Some(first) = failures.next() else { return Ok(upgrade) };
        let message = format!("upgrade {from} to {version}: {first}");
        let error = Error::new(Code::NotVerified, message).object(first.object);
        Err(failures.fold(error, |error, failure| error.help(format!("and {failure}"))))
    }

    /// Tries everything: every version to every later one with rows, all versions one by one, a new database, a second
    /// start, the ways back. What fails stands in the result; [`Verification::into_result`] makes an error of it.
    ///
    /// Generated rows include some at the edge of what the columns take: empty texts, large numbers, NULLs. Where a
    /// migration rightly refuses such rows, the upgrade is told as [`Outcome::Refused`] and tried once more with
    /// ordinary rows.
    ///
    /// # Errors
    /// Where nothing can be tried at all: a script that cannot be read, [`Code::Cancelled`].
    pub fn verify_all(&self) -> Result<Verification> {
        matrix::verify(self)
    }

    /// The history that an app of this version had, with what was squashed later as it was.
    fn history_at(&self, version: u32) -> Result<History> {
        let originals: Vec<_> = self.history.originals().filter(|m| m.idx <= version).collect();
        let is_known = originals.last().is_some_and(|m| m.idx == version);
        if is_known && originals.iter().all(|m| !m.path.is_empty()) {
            return Ok(History::new(originals.into_iter().cloned().collect(), None));
        }
        let whole = self.history.migrations.iter().any(|m| m.idx == version);
        whole.then(|| History { snapshot: None, ..self.history.up_to(version) }).ok_or_else(|| {
            let message = format!("there is no version {version} that a database could be made at");
            Error::new(Code::UnknownMigration, message)
                .help("versions are the numbers of migrations; what was squashed may be gone")
        })
    }

    /// The history as it is now, up to a version.
    fn target(&self, version: u32) -> Result<History> {
        match self.history.migrations.iter().any(|m| m.idx == version) {
            true => Ok(self.history.up_to(version)),
            false => self.history_at(version),
        }
    }

    fn open(&self) -> Result<Connection> {
        let cannot = |e| error(e, Code::CannotOpen, "no database can be opened in memory");
        let conn = Connection::open_in_memory().map_err(cannot)?;
        if let Some(step) = &self.on_open {
            let failed = |e| Error::new(Code::AppStep, "the app's own setting up of a connection failed").cause(e);
            step(&conn).map_err(failed)?;
        }
        Ok(conn)
    }

    /// A copy to try something on, the header included: SQLite's backup gives the copy another schema cookie, and the
    /// stamp would not fit it.
    fn copy(&self, from: &Connection) -> Result<Connection> {
        let cannot = |e| error(e, Code::BackupFailed, "a database in memory cannot be copied");
        let mut to = self.open()?;
        Backup::new(from, &mut to).and_then(|backup| backup.step(-1)).map_err(cannot)?;
        let cookie: i64 = from.query_row("PRAGMA main.schema_version", [], |row| row.get(0)).map_err(cannot)?;
        to.pragma_update(None, "schema_version", cookie).map_err(cannot)?;
        Ok(to)
    }

    fn configured<'h>(&self, history: &'h History) -> Migrator<'h> {
        let migrator = Migrator::new(history).cancel(&self.cancel);
        match &self.migrator {
            Some(configure) => configure(migrator).cancel(&self.cancel),
            None => migrator,
        }
    }

    fn migrate(&self, db: &mut Connection, history: &History) -> Result<Upgrade> {
        self.configured(history).run(db)
    }

    /// A new database that took all migrations of a history.
    fn created(&self, history: &History) -> Result<Connection> {
        let mut db = self.open()?;
        self.configured(history).replay(true).run(&mut db)?;
        Ok(db)
    }

    /// Whether a step of the app runs on the way.
    fn has_steps(&self, from: u32, to: u32) -> bool {
        let migrator = self.configured(self.history);
        self.between(from, to).any(|migration| migrator.has_step(migration.idx))
    }

    fn between(&self, from: u32, to: u32) -> impl Iterator<Item = &'a whimbrel_core::history::Migration> {
        self.history.originals().filter(move |m| m.idx > from && m.idx <= to)
    }

    fn version_of(&self, db: &Connection) -> Result<u32> {
        let tracking = block_on(run::read_tracking(&mut Sqlite::new(db)))?;
        Ok(tracking.state.map_or(0, |state| state.idx))
    }

    /// Adds the fixture of a version, and generated rows in all tables but these.
    fn add_rows(&self, db: &mut Connection, version: u32, rows: Rows, without: &BTreeSet<String>) -> Result<Filled> {
        self.add_fixture(db, version)?;
        if rows == Rows::Own {
            return Ok(Filled::default());
        }
        let seed = self.seed ^ u64::from(version);
        self.generate(db, rows::Wish { rows: self.rows, first: 0, seed, kind: rows, json: &self.json, without })
    }

    fn generate(&self, db: &mut Connection, wish: rows::Wish<'_>) -> Result<Filled> {
        let schema = read_schema(db)?;
        rows::fill(db, &schema, wish).map_err(|e| error(e, Code::Database, "no rows can be generated"))
    }

    fn add_fixture(&self, db: &Connection, version: u32) -> Result<()> {
        for fixture in self.fixtures.get(&version).into_iter().flatten() {
            let message = format!("the fixture of version {version} failed");
            fixture(db).map_err(|e| Error::new(Code::AppStep, message).cause(e))?;
        }
        Ok(())
    }

    /// What is wrong with an upgraded database, or worth a word.
    fn arrived(
        &self,
        db: &mut Connection,
        before: &Start,
        from: u32,
        to: u32,
        expected: &Schema,
    ) -> Result<Vec<Finding>> {
        let mut trace = Trace::new(&before.schema);
        for migration in self.between(from, to).filter(|m| !m.path.is_empty()) {
            let script = migration.script()?;
            trace.follow(&migration.tag(), script.statements(&migration.up));
        }
        self.compared(db, before, &trace, self.has_steps(from, to), expected)
    }

    fn compared(
        &self,
        db: &mut Connection,
        before: &Start,
        trace: &Trace,
        has_steps: bool,
        expected: &Schema,
    ) -> Result<Vec<Finding>> {
        let after = Start::read(db)?;
        let mut findings = schema_findings(&after.schema, expected)?;
        let contents = after.contents.without(&self.may_change);
        findings.extend(before.contents.compare(&contents, trace, has_steps));
        for (table, now) in &after.violations {
            let origin = trace.tables.get(&fold(table)).and_then(|traced| traced.origin.clone()).unwrap_or(fold(table));
            let known = before.violations.iter().find(|(table, _)| fold(table) == origin).map_or(0, |(_, n)| *n);
            if *now > known {
                let text = format!("rows of {table} {WITHOUT_PARENT}: {now}, and {known} before");
                findings.push(Finding::failed(table, text));
            }
        }
        if let (None, Some(damage)) = (&before.damage, after.damage) {
            findings.push(Finding::failed("database", format!("integrity_check says: {damage}")));
        }
        Ok(findings)
    }
}

impl fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("rows", &self.rows).field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What generated rows are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rows {
    /// Some values at the edge.
    Edge,
    /// Ordinary ones, each different, none missing.
    Plain,
    /// Ordinary ones, and NULL wherever it may stand.
    Sparse,
    /// None: only the app's own.
    Own,
}

impl Rows {
    const ALL: [Rows; 4] = [Rows::Edge, Rows::Plain, Rows::Sparse, Rows::Own];
}

/// What a database was before something is tried on it.
#[derive(Debug, Default)]
struct Start {
    schema: Schema,
    contents: Contents,
    /// Rows without a parent, by table.
    violations: BTreeMap<String, i64>,
    /// What `PRAGMA integrity_check` finds.
    damage: Option<String>,
}

impl Start {
    fn read(db: &mut Connection) -> Result<Start> {
        let cannot = |e| error(e, Code::Database, "a database of the verification cannot be read");
        let schema = read_schema(db)?;
        let contents = Contents::read(db, &schema).map_err(cannot)?;
        let mut violations = BTreeMap::new();
        for table in schema.tables.iter().filter(|table| !table.foreign_keys.is_empty()) {
            let sql = "SELECT count(*) FROM pragma_foreign_key_check(?1)";
            // A key that refers to what does not exist cannot be checked.
            if let Ok(count) = db.query_row(sql, [&table.name], |row| row.get::<_, i64>(0)) {
                violations.insert(table.name.clone(), count);
            }
        }
        let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(cannot)?;
        Ok(Start { schema, contents, violations, damage: (sound != "ok").then_some(sound) })
    }
}

fn schema_findings(schema: &Schema, expected: &Schema) -> Result<Vec<Finding>> {
    if schema == expected {
        return Ok(Vec::new());
    }
    let difference = run::differences(schema, expected);
    let mut findings = Vec::new();
    for wrong in difference.wrong {
        findings
            .push(Finding::failed(object(&wrong), format!("the schema differs from that of a new database: {wrong}")));
    }
    for extra in difference.extra {
        findings
            .push(Finding::failed(&extra, format!("the schema differs from that of a new database: {extra} is left")));
    }
    Ok(findings)
}

/// What is said of rows that violate a foreign key.
const WITHOUT_PARENT: &str = "refer to parents that do not exist";

/// `table notes` of `table notes is missing`.
fn object(difference: &str) -> &str {
    difference.split(" is ").next().unwrap_or(difference)
}

/// Tells an observer of a check.
fn tell(observer: &RefCell<Option<Box<dyn Observer + '_>>>, event: &Event<'_>) {
    if let Some(observer) = observer.borrow_mut().as_mut() {
        observer.event(event);
    }
}
