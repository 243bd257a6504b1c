//! Everything that [`Verifier::verify_all`] tries, in an order in which a failure near the cause comes first.
//!
//! Databases are made once for each version and rows, and copied for each upgrade. Where rows at the edge are refused,
//! the same is tried with ordinary rows, and then with the app's own: a refusal that leaves the database as it was is no
//! failure, one that happens to the app's own rows is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rusqlite::Connection;
use whimbrel_core::history::{History, Migration, RecordState, Snapshot};
use whimbrel_core::run::{self, Event, UpgradeKind, UpgradeSettings, block_on};
use whimbrel_core::sqlite::split::split;
use whimbrel_core::sqlite::token::tokenize;
use whimbrel_core::{Code, Error, Result, Schema};

use super::report::{Check, CheckKind, Finding, Outcome, Verification};
use super::rows::{Filled, Wish};
use super::trace::{Trace, fold};
use super::values::Random;
use super::{Rows, Start, Verifier, WITHOUT_PARENT, schema_findings, tell};
use crate::sqlite_host::{Sqlite, error, read_schema};

pub(super) fn verify(verifier: &Verifier<'_>) -> Result<Verification> {
    let mut matrix = Matrix::new(verifier)?;
    let versions = matrix.create()?;
    matrix.squashes()?;
    matrix.new_database(&versions)?;
    matrix.upgrades(&versions)?;
    matrix.step_by_step(&versions)?;
    if verifier.down {
        matrix.ways_back(&versions)?;
    }
    Ok(matrix.report)
}

struct Matrix<'v, 'a> {
    verifier: &'v Verifier<'a>,
    report: Verification,
    /// What the migrations make of an empty database, by version, without the app's steps.
    replayed: BTreeMap<u32, Schema>,
    /// The schema of a new database, by version.
    expected: BTreeMap<u32, Schema>,
    /// The histories to upgrade by. Each has its snapshot, as it had when its last migration was the newest.
    targets: BTreeMap<u32, History>,
    nothing: Schema,
    of: usize,
}

/// Findings, and generated rows that were made for them.
type Found = Result<Vec<Finding>>;

impl<'v, 'a> Matrix<'v, 'a> {
    fn new(verifier: &'v Verifier<'a>) -> Result<Self> {
        for migration in verifier.history.originals().filter(|m| !m.path.is_empty()) {
            migration.script().map_err(|e| e.migration(migration.tag()))?;
        }
        let mut matrix = Matrix {
            verifier,
            report: Verification::default(),
            replayed: BTreeMap::new(),
            expected: BTreeMap::new(),
            targets: BTreeMap::new(),
            nothing: Schema::default(),
            of: 0,
        };
        let versions = matrix.versions();
        if let Some(version) = verifier.fixtures.keys().find(|version| !versions.contains(version)) {
            // Says so.
            verifier.history_at(*version)?;
        }
        let pairs = pairs(&versions, verifier.upgrades, verifier.seed).len();
        let squashes = verifier.history.migrations.iter().filter(|m| !m.replaces.is_empty()).count();
        let ways_back = if verifier.down { matrix.ways(&versions).len() } else { 0 };
        let fixed = 2 + usize::from(verifier.history.snapshot.is_some());
        matrix.of = versions.len() + pairs + versions.len().saturating_sub(1) + squashes + ways_back + fixed;
        tell(&verifier.observer, &Event::Started { steps: matrix.of, rows: 0 });
        Ok(matrix)
    }

    /// The versions that a database can be made at.
    fn versions(&self) -> Vec<u32> {
        let history = self.verifier.history;
        let all: BTreeSet<u32> = history.originals().chain(history.migrations.iter()).map(|m| m.idx).collect();
        all.into_iter().filter(|version| self.verifier.history_at(*version).is_ok()).collect()
    }

    /// Does a check and keeps what it finds. What it fails with is a finding too, unless somebody wants it all to stop.
    fn check(
        &mut self,
        kind: CheckKind,
        from: Option<u32>,
        to: u32,
        run: impl FnOnce(&mut Self) -> Found,
    ) -> Result<Outcome> {
        if self.verifier.cancel.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "the verification was cancelled"));
        }
        let number = self.report.checks.len() + 1;
        let object = from.map_or_else(|| to.to_string(), |from| format!("{from} to {to}"));
        self.of = self.of.max(number);
        tell(&self.verifier.observer, &Event::Step { number, of: self.of, object: &object, title: &kind.to_string() });
        let start = Instant::now();
        let findings = match run(self) {
            Ok(findings) => findings,
            Err(e) if e.code() == Code::Cancelled => return Err(e),
            Err(e) => vec![failure(&e)],
        };
        let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let outcome = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Passed);
        self.report.checks.push(Check { kind, from, to, outcome, findings, milliseconds });
        Ok(outcome)
    }

    /// Makes a database of each version. Returns the versions at which that worked.
    fn create(&mut self) -> Result<Vec<u32>> {
        let scratch = self.verifier.open()?;
        let mut replayed = BTreeMap::new();
        let keep = |migration: &Migration, schema: Schema| {
            replayed.insert(migration.idx, schema);
        };
        // Where the app's steps make what a migration needs, it stops in the middle; the databases themselves tell then.
        let history = self.verifier.history;
        let _ = block_on(run::replay_each(&mut Sqlite::new(&scratch), history, keep));
        self.replayed = replayed;

        let mut versions = Vec::new();
        for version in self.versions() {
            let outcome = self.check(CheckKind::Create, None, version, |matrix| {
                let mut db = matrix.verifier.start_at(version)?;
                let schema = read_schema(&mut db)?;
                let mut findings = Vec::new();
                if let Some(replayed) = matrix.replayed.get(&version) {
                    for mut finding in schema_findings(&schema, replayed)? {
                        if matrix.verifier.has_steps(0, version) {
                            finding.outcome = Outcome::Noted;
                            finding.text = format!("steps of the app change the schema: {}", finding.text);
                        }
                        findings.push(finding);
                    }
                }
                matrix.verifier.add_fixture(&db, version)?;
                matrix.expected.insert(version, schema);
                Ok(findings)
            })?;
            if !self.expected.contains_key(&version) && outcome == Outcome::Failed {
                break;
            }
            let mut target = self.verifier.target(version)?;
            if target.snapshot.is_none() {
                target.snapshot = self.replayed.get(&version).map(Snapshot::of);
            }
            self.targets.insert(version, target);
            versions.push(version);
        }
        self.report.versions.clone_from(&versions);
        Ok(versions)
    }

    /// What was squashed makes what it was squashed from made.
    fn squashes(&mut self) -> Result<()> {
        let squashed = self.verifier.history.migrations.iter().filter(|m| !m.replaces.is_empty());
        for migration in squashed {
            let Some(before) = self.replayed.get(&migration.idx).cloned() else { continue };
            self.check(CheckKind::Squash, None, migration.idx, |matrix| {
                let scratch = matrix.verifier.open()?;
                let history = History { snapshot: None, ..matrix.verifier.history.up_to(migration.idx) };
                let after = block_on(run::replay(&mut Sqlite::new(&scratch), &history))?.schema;
                schema_findings(&after, &before)
            })?;
        }
        Ok(())
    }

    /// The snapshot, and a new device.
    fn new_database(&mut self, versions: &[u32]) -> Result<()> {
        let history = self.verifier.history;
        let newest = history.newest();
        if versions.last() != Some(&newest) {
            return Ok(());
        }
        let mut is_stale = false;
        if let (Some(snapshot), Some(replayed)) = (&history.snapshot, self.replayed.get(&newest).cloned()) {
            let outcome = self.check(CheckKind::Snapshot, None, newest, |_| {
                let findings = schema_findings(&snapshot.schema()?, &replayed)?;
                let say = |finding: Finding| {
                    let text = finding.text.replacen(
                        "the schema differs from that of a new database",
                        "the folder's snapshot is not what the migrations make",
                        1,
                    );
                    Finding { text, ..finding }
                };
                Ok(findings.into_iter().map(say).collect())
            })?;
            is_stale = outcome == Outcome::Failed;
            if is_stale && let Some(target) = self.targets.get_mut(&newest) {
                // Said once; every upgrade would fail with the same.
                target.snapshot = Some(Snapshot::of(&replayed));
            }
        }
        self.check(CheckKind::Fresh, None, newest, |matrix| {
            let mut replayed = matrix.verifier.start_at(newest)?;
            let replayed = Start::read(&mut replayed)?;
            let mut db = matrix.verifier.open()?;
            // A snapshot that is not what it should be was said to be so.
            let history = if is_stale { matrix.target(newest) } else { history };
            matrix.verifier.migrate(&mut db, history)?;
            let fresh = Start::read(&mut db)?;
            let mut findings = schema_findings(&fresh.schema, &replayed.schema)?;
            let contents = fresh.contents.without(&matrix.verifier.may_change);
            for (table, new, old) in contents.other_counts(&replayed.contents) {
                let text = format!("{table} has not the rows that the migrations leave in it");
                findings.push(Finding::failed(table, text).rows(old, new));
            }
            Ok(findings)
        })?;
        Ok(())
    }

    /// Every version to every later one.
    fn upgrades(&mut self, versions: &[u32]) -> Result<()> {
        let pairs = pairs(versions, self.verifier.upgrades, self.verifier.seed);
        self.report.pairs = versions.len() * versions.len().saturating_sub(1) / 2;
        self.report.pairs_tried = pairs.len();
        for from in versions {
            let mut ladder = Ladder::new(*from);
            for (_, to) in pairs.iter().filter(|(start, _)| start == from) {
                if !ladder.is_lasting {
                    ladder = Ladder::new(*from);
                }
                let mut arrived = None;
                self.check(CheckKind::Upgrade, Some(*from), *to, |matrix| {
                    let (db, findings) = matrix.climb(&mut ladder, |matrix, start, db| {
                        matrix.verifier.migrate(db, matrix.target(*to))?;
                        let found = matrix.verifier.arrived(db, start, *from, *to, matrix.expected(*to))?;
                        Ok(matrix.on_the_way(*to, found))
                    })?;
                    arrived = Some(db);
                    Ok(findings)
                })?;
                if let Some(db) = arrived.filter(|_| versions.last() == Some(to)) {
                    self.twice_over(*from, *to, db)?;
                }
            }
        }
        Ok(())
    }

    /// A second start, and two that find a stamp which says nothing.
    fn twice_over(&mut self, from: u32, to: u32, mut db: Connection) -> Result<()> {
        self.check(CheckKind::Twice, Some(from), to, |matrix| {
            let cannot = |e| error(e, Code::Database, "the header cannot be written");
            let before = Start::read(&mut db)?;
            let header = read_header(&db)?;
            let mut findings = Vec::new();
            for (when, field) in [
                ("a second start", None),
                ("a start with another user_version", Some("user_version")),
                ("a start with another schema_version", Some("schema_version")),
            ] {
                if let Some(field) = field {
                    let now: i64 = db.pragma_query_value(None, field, |row| row.get(0)).map_err(cannot)?;
                    db.pragma_update(None, field, now ^ 5).map_err(cannot)?;
                }
                let upgrade = matrix.verifier.migrate(&mut db, matrix.target(to))?;
                if upgrade.kind != UpgradeKind::Unchanged {
                    findings.push(Finding::failed("", format!("{when} is told as {:?}", upgrade.kind)));
                }
                let after = Start::read(&mut db)?;
                findings.extend(schema_findings(&after.schema, &before.schema)?);
                let contents = after.contents.without(&matrix.verifier.may_change);
                let known = before.contents.clone().without(&matrix.verifier.may_change);
                if let Some(table) = contents.first_difference(&known) {
                    findings.push(Finding::failed(table, format!("{when} changes rows of {table}")));
                }
                if field.is_none() && read_header(&db)? != header {
                    findings.push(Finding::failed("", "a second start writes the header"));
                }
            }
            Ok(findings)
        })?;
        Ok(())
    }

    /// One database takes every version on its way, and gets rows at each.
    fn step_by_step(&mut self, versions: &[u32]) -> Result<()> {
        let [first, .., newest] = versions else { return Ok(()) };
        self.check(CheckKind::StepByStep, Some(*first), *newest, |matrix| {
            let mut refusal = None;
            for rows in Rows::ALL.into_iter().filter(|rows| matrix.verifier.rows > 0 || *rows == Rows::Own) {
                match matrix.walk(versions, rows) {
                    Ok(findings) => return Ok(refusal.into_iter().chain(findings).collect()),
                    Err(e) if rows != Rows::Own && is_about_rows(&e) => refusal = Some(refused(&e)),
                    Err(e) => return Err(e),
                }
            }
            Ok(refusal.into_iter().collect())
        })?;
        Ok(())
    }

    /// A device whose rows a version refuses stays where it is, and the next version may take it on.
    fn walk(&mut self, versions: &[u32], rows: Rows) -> Found {
        let Some((first, later)) = versions.split_first() else { return Ok(Vec::new()) };
        let mut db = self.verifier.start_at(*first)?;
        let mut from = *first;
        let mut findings = Vec::new();
        let mut refusal: Option<Error> = None;
        for (n, to) in later.iter().enumerate() {
            if refusal.is_none() {
                // Rows that are there already may be in the way of a fixture; it gets upgrades of its own.
                if self.is_fitting(&db, from)? {
                    self.verifier.add_fixture(&db, from)?;
                }
                if rows != Rows::Own {
                    let seed = self.verifier.seed ^ (u64::from(from) << 8);
                    let (json, without) = (&self.verifier.json, &BTreeSet::new());
                    let wish = Wish { rows: 2, first: n * 2, seed, kind: rows, json, without };
                    self.count(self.verifier.generate(&mut db, wish)?);
                }
            }
            let start = Start::read(&mut db)?;
            match self.verifier.migrate(&mut db, self.target(*to)) {
                Ok(_) => refusal = None,
                Err(e) if rows != Rows::Own && is_about_rows(&e) && !is_lasting(&e) => {
                    if let Some(broken) = self.left_broken(&start, &mut db)? {
                        findings.push(Finding::failed(object_of(&e), format!("{}, and {broken}", line(&e))));
                        return Ok(findings);
                    }
                    from = self.verifier.version_of(&db)?;
                    let told = refused(&e);
                    if !findings.contains(&told) {
                        findings.push(told);
                    }
                    refusal = Some(e);
                    continue;
                }
                Err(e) => return Err(e),
            }
            let found = self.verifier.arrived(&mut db, &start, from, *to, self.expected(*to))?;
            for finding in self.on_the_way(*to, found) {
                findings.push(Finding { text: format!("at {from} to {to}: {}", finding.text), ..finding });
            }
            from = *to;
        }
        if let Some(e) = refusal {
            return Err(e);
        }
        // What each step notes is said by the upgrades between neighbours.
        findings.retain(|finding| finding.outcome > Outcome::Noted);
        Ok(findings)
    }

    /// A version in the middle may have rows without a parent that a later one puts right: no device stops there any
    /// more, and the way to the newest is tried from it.
    fn on_the_way(&self, to: u32, mut findings: Vec<Finding>) -> Vec<Finding> {
        if self.report.versions.last() != Some(&to) {
            for finding in findings.iter_mut().filter(|finding| finding.text.contains(WITHOUT_PARENT)) {
                finding.outcome = Outcome::Noted;
            }
        }
        findings
    }

    fn is_fitting(&self, db: &Connection, version: u32) -> Result<bool> {
        let copy = self.verifier.copy(db)?;
        Ok(self.verifier.add_fixture(&copy, version).is_ok())
    }

    /// Each migration that can be undone, and all of them in a row: from where to where.
    fn ways(&self, versions: &[u32]) -> Vec<(u32, u32)> {
        let has_way = |version: &u32| {
            let migration = self.verifier.history.originals().find(|m| m.idx == *version);
            migration.is_some_and(|m| m.down.is_some() && m.script().is_ok_and(|script| !script.irreversible))
        };
        let older = |n: usize| if n == 0 { 0 } else { versions[n - 1] };
        let mut ways: Vec<(u32, u32)> =
            (0..versions.len()).filter(|n| has_way(&versions[*n])).map(|n| (versions[n], older(n))).collect();
        let in_a_row = (0..versions.len()).rev().take_while(|n| has_way(&versions[*n])).last();
        if let (Some(lowest), Some(newest)) = (in_a_row, versions.last())
            && lowest + 1 < versions.len()
        {
            ways.push((*newest, older(lowest)));
        }
        ways
    }

    fn ways_back(&mut self, versions: &[u32]) -> Result<()> {
        for (from, to) in self.ways(versions) {
            self.check(CheckKind::DownAndUp, Some(from), to, |matrix| {
                let mut ladder = Ladder::new(from);
                let (_, findings) =
                    matrix.climb(&mut ladder, |matrix, start, db| matrix.down_and_up(start, db, from, to))?;
                Ok(findings)
            })?;
        }
        Ok(())
    }

    fn down_and_up(&self, start: &Start, db: &mut Connection, from: u32, to: u32) -> Found {
        let history = self.verifier.history;
        let tracking = block_on(run::read_tracking(&mut Sqlite::new(&*db)))?;
        let undone = run::undone(&tracking.records, to);
        let settings = UpgradeSettings::default();
        let cancel = &self.verifier.cancel;
        let mut host = Sqlite::new(&*db);
        match block_on(run::downgrade(&mut host, history, &undone, &settings, &mut (), cancel)) {
            Err(e) if e.code() == Code::Irreversible => return Ok(vec![Finding::noted("", line(&e))]),
            outcome => drop(outcome?),
        }
        let mut trace = Trace::new(&start.schema);
        for migration in self.verifier.between(to, from).collect::<Vec<_>>().into_iter().rev() {
            let text = migration.down.as_deref().unwrap_or_default();
            let statements = split(text).unwrap_or_default();
            let name = format!("the way back of {}", migration.tag());
            trace.follow(&name, statements.iter().filter_map(|statement| text.get(statement.range.clone())));
        }
        let mut findings = self.verifier.compared(db, start, &trace, false, self.expected(to))?;
        self.verifier.migrate(db, self.target(from))?;
        for migration in self.verifier.between(to, from) {
            trace.follow(&migration.tag(), migration.script()?.statements(&migration.up));
        }
        let has_steps = self.verifier.has_steps(to, from);
        for finding in self.verifier.compared(db, start, &trace, has_steps, self.expected(from))? {
            // What is told on the way down need not be told again.
            if !findings.iter().any(|said| said.text == finding.text) {
                findings.push(Finding { text: format!("up again: {}", finding.text), ..finding });
            }
        }
        // A table that the older version does not know goes with its rows.
        let older = self.expected(to);
        let is_known = |object: &str| {
            let table = object.split('.').next().unwrap_or_default();
            older.table(table).is_some() || older.virtual_table(table).is_some()
        };
        findings.retain(|finding| finding.outcome != Outcome::Noted || is_known(&finding.object));
        Ok(findings)
    }

    fn target(&self, version: u32) -> &History {
        self.targets.get(&version).unwrap_or(self.verifier.history)
    }

    /// The schema of a version; nothing before the first.
    fn expected(&self, version: u32) -> &Schema {
        self.expected.get(&version).unwrap_or(&self.nothing)
    }

    fn count(&mut self, filled: Filled) {
        self.report.rows_made += filled.made;
        self.report.rows_given_up += filled.given_up;
    }

    /// Tries something on a copy of a database with rows, with milder rows where it is refused.
    fn climb(
        &mut self,
        ladder: &mut Ladder,
        run: impl Fn(&Self, &Start, &mut Connection) -> Found,
    ) -> Result<(Connection, Vec<Finding>)> {
        if self.verifier.rows == 0 {
            ladder.rows = Rows::Own;
        }
        loop {
            if ladder.filled.is_none() {
                let mut db = self.verifier.start_at(ladder.version)?;
                self.count(self.verifier.add_rows(&mut db, ladder.version, ladder.rows, &ladder.without)?);
                let start = Start::read(&mut db)?;
                ladder.filled = Some((start, db));
            }
            let Some((start, filled)) = &ladder.filled else { continue };
            let mut db = self.verifier.copy(filled)?;
            match run(self, start, &mut db) {
                Ok(findings) => return Ok((db, ladder.refusals.iter().cloned().chain(findings).collect())),
                Err(e) if ladder.rows != Rows::Own && is_about_rows(&e) => {
                    if let Some(broken) = self.left_broken(start, &mut db)? {
                        let text = format!("{}, and {broken}", line(&e));
                        return Ok((db, vec![Finding::failed(object_of(&e), text)]));
                    }
                    ladder.go_down(&e);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether a refusal has left the database at none of its versions, or with other rows than before.
    fn left_broken(&self, start: &Start, db: &mut Connection) -> Result<Option<String>> {
        let tracking = block_on(run::read_tracking(&mut Sqlite::new(&*db)))?;
        if tracking.records.iter().any(|record| record.state != RecordState::Done) {
            return Ok(Some("the database is left in the middle of a migration".to_owned()));
        }
        let after = Start::read(db)?;
        if after.schema == start.schema {
            let table = after.contents.first_difference(&start.contents);
            return Ok(table.map(|table| format!("rows of {table} are changed all the same")));
        }
        // Each migration in its own transaction: those before the refused one stay.
        let version = self.verifier.version_of(db)?;
        let is_version = schema_findings(&after.schema, self.expected(version))?.is_empty();
        Ok((!is_version).then(|| format!("the database is left with another schema than that of version {version}")))
    }
}

/// Databases of a version, with milder and milder rows.
struct Ladder {
    version: u32,
    rows: Rows,
    /// Tables that get no rows, because theirs were refused.
    without: BTreeSet<String>,
    filled: Option<(Start, Connection)>,
    refusals: Vec<Finding>,
    /// Whether what was refused on the way to one version is refused on the way to every later one.
    is_lasting: bool,
}

impl Ladder {
    fn new(version: u32) -> Ladder {
        Ladder {
            version,
            rows: Rows::Edge,
            without: BTreeSet::new(),
            filled: None,
            refusals: Vec::new(),
            is_lasting: true,
        }
    }

    /// After a refusal: milder rows, then none in the tables that it is about, and in the end none at all.
    fn go_down(&mut self, e: &Error) {
        let tables = self.filled.take().map(|(start, _)| tables_in(e, &start.schema)).unwrap_or_default();
        let mut refusal = refused(e);
        self.is_lasting &= is_lasting(e);
        self.rows = match self.rows {
            Rows::Edge => Rows::Plain,
            Rows::Plain => Rows::Sparse,
            Rows::Sparse if !tables.is_subset(&self.without) => {
                let names = tables.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                refusal.text.push_str(&format!("; tried without rows in {names}"));
                self.without.extend(tables);
                Rows::Sparse
            }
            Rows::Sparse | Rows::Own => {
                refusal.text.push_str("; tried without generated rows");
                Rows::Own
            }
        };
        self.refusals.retain(|known| !refusal.text.starts_with(&known.text));
        self.refusals.push(refusal);
    }
}

/// The tables that an error is about.
fn tables_in(e: &Error, schema: &Schema) -> BTreeSet<String> {
    let report = e.report();
    let texts = [&report.statement, &report.object, &report.cause].into_iter().flatten();
    let names = texts.flat_map(|text| {
        let tokens = tokenize(text).unwrap_or_default();
        tokens.iter().filter_map(|token| token.name(text)).map(|name| fold(&name)).collect::<Vec<_>>()
    });
    let names: BTreeSet<String> = names.collect();
    schema.tables.iter().map(|table| fold(&table.name)).filter(|name| names.contains(name)).collect()
}

/// The upgrades that are tried: all, or every version to the newest, all neighbours, and others by lot.
fn pairs(versions: &[u32], most: usize, seed: u64) -> BTreeSet<(u32, u32)> {
    let count = versions.len();
    let all = || (0..count).flat_map(|a| (a + 1..count).map(move |b| (versions[a], versions[b])));
    if count * count.saturating_sub(1) / 2 <= most {
        return all().collect();
    }
    let mut pairs: BTreeSet<(u32, u32)> = versions.windows(2).map(|pair| (pair[0], pair[1])).collect();
    if let Some((newest, older)) = versions.split_last() {
        pairs.extend(older.iter().map(|version| (*version, *newest)));
    }
    let mut random = Random::new(seed, "pairs");
    while pairs.len() < most {
        let (a, b) = (random.below(count), random.below(count));
        if a != b {
            pairs.insert((versions[a.min(b)], versions[a.max(b)]));
        }
    }
    pairs
}

fn read_header(db: &Connection) -> Result<(i64, i64)> {
    let read = |field| db.pragma_query_value(None, field, |row| row.get(0));
    let header = read("user_version").and_then(|user| Ok((user, read("schema_version")?)));
    header.map_err(|e| error(e, Code::Database, "the header cannot be read"))
}

/// Whether other rows might get through.
fn is_about_rows(e: &Error) -> bool {
    use Code::*;
    matches!(e.code(), RowsDoNotFit | NoValue | ValuesAltered | DataLoss | StatementFailed | AppStep)
}

/// A statement that fails does so on the way to every later version too; what is checked at the end may be right again by
/// then, such as foreign keys that a later migration mends.
fn is_lasting(e: &Error) -> bool {
    e.report().statement.is_some()
}

fn refused(e: &Error) -> Finding {
    let text = format!("rows that the older version allows do not fit: {}", line(e));
    Finding::new(Outcome::Refused, object_of(e), text)
}

fn failure(e: &Error) -> Finding {
    Finding::failed(object_of(e), line(e))
}

fn object_of(e: &Error) -> String {
    let report = e.report();
    report.object.clone().or_else(|| report.migration.clone()).unwrap_or_default()
}

/// An error in a line, without what to do about it on a device.
fn line(e: &Error) -> String {
    let report = e.report();
    let mut line = format!("[{}] {}", e.code(), report.message);
    if let (Some(source), Some((at, column))) = (&report.origin.source, report.origin.line_and_column()) {
        line.push_str(&format!(" ({}:{at}:{column})", source.name));
    } else if let Some(migration) = report.migration.as_ref().filter(|migration| !line.contains(*migration)) {
        line.push_str(&format!(" ({migration})"));
    }
    if let Some(cause) = &report.cause {
        line.push_str(&format!(": {}", cause.replace(['\n', '\r'], " ")));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_versions_are_all_paired_and_many_are_sampled() {
        assert_eq!(pairs(&[1, 2, 5], 10, 0).into_iter().collect::<Vec<_>>(), [(1, 2), (1, 5), (2, 5)]);
        let many: Vec<u32> = (1..=100).collect();
        let some = pairs(&many, 300, 7);
        assert_eq!(some.len(), 300);
        assert!((1..100).all(|n| some.contains(&(n, 100)) && some.contains(&(n, n + 1))));
        assert_eq!(some, pairs(&many, 300, 7));
        assert_ne!(some, pairs(&many, 300, 8));
        // What must be tried is tried, whatever the limit.
        assert_eq!(pairs(&many, 10, 0).len(), 197);
        assert!(pairs(&[], 10, 0).is_empty());
    }
}
