//! Statements for PostgreSQL looked over for what stops a server that is in use, what loses something, and what could be
//! chosen better. One file per subject, with its rules.
//!
//! The rules go over a list of statements and know which of them share a transaction: the scripts of a history
//! ([`lint`]), one script ([`lint_script`]), a plan ([`lint_plan`]), or any statements ([`look_over`]). Only texts are read. What the
//! statements before tell of a table is remembered (`known`), so that a column's old type is known where it was
//! declared in an earlier migration, and a table that the script itself has made is nobody's yet: none of the locks on
//! it is told.
//!
//! **Invariant:** a finding's code keeps its meaning, and has a section in `docs/lint-postgres.md`.

mod clients;
mod columns;
mod constraints;
mod drops;
mod enums;
mod foreign_keys;
mod indexes;
mod known;
mod locks;
mod maintenance;
mod names;
mod partitions;
mod planned;
mod rows;
mod security;
mod server;
mod transactions;
mod types;

use std::ops::Range;

use super::{Finding, Level, silenced_by};
use crate::error::{Code, Error, Result};
use crate::history::{History, Migration};
use crate::postgres::split::{Statement as Part, split};
use crate::postgres::statement::{Action, Kind, Name, Statement};
use crate::postgres::steps::Lock;
use known::Known;
pub use planned::{Finding as PlanFinding, lint_plan};

/// A statement to be looked over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Its text.
    pub sql: &'t str,
    /// The transaction it runs in, as a number; none where it runs by itself.
    pub transaction: Option<usize>,
    /// Whether it runs again and again, in portions, until it changes no row.
    pub in_portions: bool,
    /// Whether it is recorded by itself when it has run, so that it does not run again.
    pub alone: bool,
    /// The codes that are not told of it.
    pub silenced: Vec<String>,
}

/// What is known of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether Whimbrel runs the statements: it limits how long the locks of a transaction are waited for, and tries again;
    /// it records what stands alone by itself, and drops an index that a stopped build has left.
    pub by_whimbrel: bool,
}

/// Something in a list of statements that is better done in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// A stable code, such as `P01`.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The statement's place in the list.
    pub statement: usize,
    /// The bytes of the statement it is about.
    pub range: Range<usize>,
    /// What stands there: one sentence without a full stop.
    pub message: String,
    /// The lock that is taken, where that is what it is about.
    pub lock: Option<Lock>,
    /// Why that is told.
    pub why: &'static str,
    /// What is safer.
    pub help: &'static str,
}

/// A kind of finding.
struct Rule {
    code: &'static str,
    level: Level,
    why: &'static str,
    help: &'static str,
    find: fn(&Context<'_>) -> Vec<Found>,
}

/// What a rule has found in a statement.
struct Found {
    /// The bytes it is about; the whole statement where that is empty.
    range: Range<usize>,
    message: String,
    lock: Option<Lock>,
    /// Another level than the rule's.
    level: Option<Level>,
}

impl Found {
    fn new(message: String) -> Found {
        Found { range: 0..0, message, lock: None, level: None }
    }

    fn at(mut self, range: &Range<usize>) -> Found {
        self.range = range.clone();
        self
    }

    fn lock(mut self, lock: Lock) -> Found {
        self.lock = Some(lock);
        self
    }

    fn level(mut self, level: Level) -> Found {
        self.level = Some(level);
        self
    }
}

const RULES: [&Rule; 53] = [
    &indexes::CREATED,
    &indexes::DROPPED,
    &indexes::REBUILT,
    &transactions::OUTSIDE,
    &columns::REWRITTEN,
    &columns::REQUIRED,
    &columns::NOT_NULL,
    &columns::TYPE,
    &foreign_keys::SCANNED,
    &constraints::CHECKED,
    &constraints::VALIDATED,
    &constraints::UNIQUE,
    &constraints::PRIMARY_KEY,
    &clients::RENAMED,
    &drops::COLUMN,
    &drops::OBJECT,
    &drops::CASCADE,
    &drops::TRUNCATE,
    &rows::EVERY_ROW,
    &rows::UNDER_LOCK,
    &transactions::SEVERAL_LOCKS,
    &transactions::TIMEOUTS,
    &maintenance::REWRITTEN,
    &maintenance::LOCKED,
    &maintenance::REFRESHED,
    &maintenance::MOVED,
    &enums::USED,
    &enums::UNPLACED,
    &transactions::NESTED,
    &clients::NULLABLE,
    &clients::DEFAULT,
    &types::TIMESTAMP,
    &types::LENGTH,
    &types::KEYS,
    &types::JSON,
    &types::MONEY,
    &names::LONG,
    &transactions::REPEATED,
    &indexes::SKIPPED,
    &foreign_keys::UNBACKED,
    &security::NO_POLICY,
    &security::DEFINER,
    &security::PUBLIC,
    &security::TRIGGERS_OFF,
    &security::LOCKS,
    &partitions::PARTITIONS,
    &foreign_keys::NO_INDEX,
    &types::DOMAINS,
    &server::SERVER,
    &types::ATTRIBUTES,
    &indexes::WIDE,
    &server::PSQL,
    &indexes::ALIKE,
];

/// Looks a list of statements over, in order.
///
/// ```
/// use whimbrel_core::lint::postgres::{Piece, Settings, look_over};
/// use whimbrel_core::postgres::steps::Lock;
/// let sql = "CREATE INDEX notes_owner ON notes (owner)";
/// let piece = Piece { sql, transaction: Some(0), ..Piece::default() };
/// let advice = look_over(&[piece], &Settings { by_whimbrel: true });
/// assert_eq!((advice[0].code, advice[0].lock), ("P01", Some(Lock::Share)));
/// ```
pub fn look_over(statements: &[Piece<'_>], settings: &Settings) -> Vec<Advice> {
    Script::read(statements.to_vec()).look_over(settings, &mut Known::default(), &[])
}

/// A list of statements that was read.
struct Script<'t> {
    pieces: Vec<Piece<'t>>,
    statements: Vec<Statement>,
}

impl<'t> Script<'t> {
    fn read(pieces: Vec<Piece<'t>>) -> Script<'t> {
        let statements = pieces.iter().map(|piece| Statement::read(piece.sql)).collect();
        Script { pieces, statements }
    }

    /// Applies the rules, with what was told before and what is written in later scripts.
    fn look_over(&self, settings: &Settings, known: &mut Known, later: &[Script<'_>]) -> Vec<Advice> {
        let Script { pieces, statements } = self;
        known.start_script();
        let mut advice = Vec::new();
        let mut locks = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            locks.push(locks::strong(known, &statements[at].kind));
            let context = Context { pieces, statements, at, settings, known, locks: &locks, later };
            for rule in RULES {
                if piece.silenced.iter().any(|code| code.eq_ignore_ascii_case(rule.code)) {
                    continue;
                }
                let finding = |found: Found| Advice {
                    code: rule.code,
                    level: found.level.unwrap_or(rule.level),
                    statement: at,
                    range: if found.range.is_empty() { 0..piece.sql.len() } else { found.range },
                    message: found.message,
                    lock: found.lock,
                    why: rule.why,
                    help: rule.help,
                };
                advice.extend((rule.find)(&context).into_iter().map(finding));
            }
            known.follow(&statements[at], piece.sql);
        }
        advice
    }
}

/// Looks the scripts of a history over, in order. What earlier ones declare is known to the later ones, and an
/// index that a later one makes is not missed.
///
/// ```
/// use whimbrel_core::history::{Files, Folder, MemoryFiles};
/// use whimbrel_core::lint::postgres::{Settings, lint};
/// let mut files = MemoryFiles::default();
/// files.write("0001_start.sql", b"CREATE TABLE notes(id bigint PRIMARY KEY, size int);")?;
/// files.write("0002_size.sql", b"ALTER TABLE notes ALTER size TYPE bigint;")?;
/// let findings = lint(&Folder::read(&files)?.history, &Settings { by_whimbrel: true })?;
/// assert_eq!((findings[0].code, findings[0].idx), ("P08", 2));
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
///
/// # Errors
/// [`Code::MigrationScript`] where a script cannot be cut into statements.
pub fn lint(history: &History, settings: &Settings) -> Result<Vec<Finding>> {
    let mut cut = Vec::with_capacity(history.migrations.len());
    let mut scripts = Vec::with_capacity(history.migrations.len());
    for migration in history.migrations.iter() {
        let parts = parts(&migration.path, &migration.up)?;
        scripts.push(Script::read(pieces(&migration.up, &parts, migration.transaction)));
        cut.push(parts);
    }
    let mut known = Known::default();
    let mut findings = Vec::new();
    for (at, migration) in history.migrations.iter().enumerate() {
        let advice = scripts[at].look_over(settings, &mut known, &scripts[at + 1..]);
        findings.extend(advice.into_iter().map(|a| finding(migration, &cut[at], a)));
    }
    Ok(findings)
}

/// Looks one script over. `name` is what it is called in errors, and `transaction` says whether it runs in one unless it
/// says otherwise. The ranges of what is found are those of the script.
///
/// # Errors
/// [`Code::MigrationScript`] where it cannot be cut into statements.
pub fn lint_script(name: &str, text: &str, transaction: bool, settings: &Settings) -> Result<Vec<Advice>> {
    let parts = parts(name, text)?;
    let mut advice = look_over(&pieces(text, &parts, transaction), settings);
    for advice in &mut advice {
        advice.range = in_script(&parts, advice);
    }
    Ok(advice)
}

/// The codes there are.
pub fn codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.code)
}

fn parts(name: &str, text: &str) -> Result<Vec<Part>> {
    split(text).map_err(|error| {
        let line = text[..error.at].matches('\n').count() + 1;
        Error::new(Code::MigrationScript, format!("{name}: {} that begins on line {line}", error.message))
            .help("nothing of this script can be told apart behind that place: end it")
    })
}

fn in_script(parts: &[Part], advice: &Advice) -> Range<usize> {
    let start = parts.get(advice.statement).map_or(0, |part| part.range.start);
    start + advice.range.start..start + advice.range.end
}

fn finding(migration: &Migration, parts: &[Part], advice: Advice) -> Finding {
    let range = in_script(parts, &advice);
    Finding {
        code: advice.code,
        level: advice.level,
        idx: migration.idx,
        migration: migration.tag(),
        path: migration.path.clone().into_owned(),
        line: migration.up[..range.start].matches('\n').count() + 1,
        range,
        message: advice.message,
        lock: advice.lock,
        why: advice.why,
        help: advice.help,
    }
}

/// The statements of a script with the transactions they run in, as its directives and its own `BEGIN` and `COMMIT` say.
fn pieces<'t>(text: &'t str, parts: &[Part], transaction: bool) -> Vec<Piece<'t>> {
    let kinds: Vec<Kind> = parts.iter().map(|part| Statement::read(part.text(text)).kind).collect();
    // Around all of it they say what holds anyway.
    let is_wrapped = matches!(kinds.as_slice(), [Kind::Begin, .., Kind::Commit])
        && kinds[1..kinds.len() - 1].iter().all(|kind| !matches!(kind, Kind::Begin | Kind::Commit | Kind::Rollback));
    let mut pieces = Vec::with_capacity(parts.len());
    let mut group = 0;
    let mut is_outside = !transaction;
    let mut is_begun = false;
    // Whether the statement before was told to be a phase of its own.
    let mut was_single = false;
    for (at, (part, kind)) in parts.iter().zip(&kinds).enumerate() {
        let mut in_portions = false;
        let mut is_alone = false;
        let mut silenced = Vec::new();
        for comment in &part.leading {
            let comment = comment.text(text);
            silenced.extend(silenced_by(comment));
            match directive(comment) {
                "no-transaction" => is_outside = true,
                "phase" => group += 1,
                "backfill" => in_portions = true,
                "alone" => is_alone = true,
                _ => {}
            }
        }
        let is_single = in_portions || is_alone;
        if is_single || was_single {
            group += 1;
        }
        was_single = is_single;
        let is_own = matches!(kind, Kind::Begin | Kind::Commit | Kind::Rollback);
        let is_wrapper = is_wrapped && (at == 0 || at + 1 == parts.len());
        let transaction = match () {
            () if is_wrapper || is_alone => None,
            () if !is_outside || is_wrapped || in_portions => Some(group),
            () if is_own && !is_begun && *kind == Kind::Begin => {
                is_begun = true;
                group += 1;
                None
            }
            () if is_own && is_begun && *kind != Kind::Begin => {
                is_begun = false;
                None
            }
            () if is_begun => Some(group),
            () => None,
        };
        pieces.push(Piece { sql: part.text(text), transaction, in_portions, alone: is_alone, silenced });
    }
    pieces
}

/// The first word of a directive.
fn directive(comment: &str) -> &str {
    let inner = comment.strip_prefix("--").map(str::trim).and_then(|c| c.strip_prefix("whimbrel:"));
    inner.and_then(|inner| inner.split_whitespace().next()).unwrap_or_default()
}

/// A statement as rules see it: with those around it, and with what those before it have told.
struct Context<'c> {
    pieces: &'c [Piece<'c>],
    statements: &'c [Statement],
    at: usize,
    settings: &'c Settings,
    known: &'c Known,
    /// The strong locks of each statement up to this one.
    locks: &'c [Vec<(Name, Lock)>],
    /// The scripts that run after this one.
    later: &'c [Script<'c>],
}

impl<'c> Context<'c> {
    fn sql(&self) -> &'c str {
        self.pieces[self.at].sql
    }

    fn statement(&self) -> &'c Statement {
        &self.statements[self.at]
    }

    fn kind(&self) -> &'c Kind {
        &self.statement().kind
    }

    fn transaction(&self) -> Option<usize> {
        self.pieces[self.at].transaction
    }

    /// The table of an `ALTER TABLE`, and its actions; nothing for other statements.
    fn actions(&self) -> impl Iterator<Item = (&'c Name, &'c Action)> {
        let alter = match self.kind() {
            Kind::AlterTable(alter) => Some(alter),
            _ => None,
        };
        alter.into_iter().flat_map(|alter| alter.actions.iter().map(move |action| (&alter.name, action)))
    }

    /// The actions on a table that others use.
    fn live_actions(&self) -> impl Iterator<Item = (&'c Name, &'c Action)> {
        self.actions().filter(|(table, _)| !self.is_new(table))
    }

    /// Whether this script has made the table, so that nobody uses it yet.
    fn is_new(&self, table: &Name) -> bool {
        self.known.is_new(table)
    }

    /// The statements behind this one that run in the same transaction.
    fn behind(&self) -> impl Iterator<Item = &'c Statement> + Clone {
        let transaction = self.transaction();
        let behind = self.pieces.iter().zip(self.statements).skip(self.at + 1);
        let same = move |piece: &Piece<'_>| transaction.is_some() && piece.transaction == transaction;
        behind.filter(move |(piece, _)| same(piece)).map(|(_, statement)| statement)
    }

    /// The statements before this one that run in the same transaction, with the last one first.
    fn before(&self) -> impl Iterator<Item = (usize, &'c Statement)> + Clone {
        let transaction = self.transaction();
        let places =
            (0..self.at).rev().filter(move |n| transaction.is_some() && self.pieces[*n].transaction == transaction);
        places.map(|n| (n, &self.statements[n]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No statement.
    pub(super) const NONE: [usize; 0] = [];

    /// The statements, from 1, of which a code is told. The script runs in a transaction unless it says otherwise.
    pub(super) fn told(code: &str, script: &str) -> Vec<usize> {
        let settings = Settings { by_whimbrel: !matches!(code, "P21" | "P22" | "P38" | "P39") };
        let advice = lint_script("m.sql", script, true, &settings).unwrap();
        advice.iter().filter(|a| a.code == code).map(|a| a.statement + 1).collect()
    }

    fn first(code: &str, script: &str) -> Advice {
        let advice = lint_script("m.sql", script, true, &Settings::default()).unwrap();
        advice.into_iter().find(|a| a.code == code).unwrap()
    }

    /// What is said of the first finding with a code.
    pub(super) fn message(code: &str, script: &str) -> String {
        first(code, script).message
    }

    pub(super) fn lock(code: &str, script: &str) -> Option<Lock> {
        first(code, script).lock
    }

    pub(super) fn level(code: &str, script: &str) -> Level {
        first(code, script).level
    }

    fn transactions(script: &str, transaction: bool) -> Vec<Option<usize>> {
        pieces(script, &parts("m.sql", script).unwrap(), transaction).iter().map(|p| p.transaction).collect()
    }

    #[test]
    fn codes_are_each_others_neighbours() {
        let expected: Vec<String> = (1..=RULES.len()).map(|n| format!("P{n:02}")).collect();
        assert_eq!(codes().collect::<Vec<_>>(), expected);
    }

    /// In each section the first example is told, and the second one, where there is one, is not.
    #[test]
    fn examples_of_the_documentation_hold() {
        let text = include_str!("../../../../../docs/lint-postgres.md");
        for section in text.split("\n## ").skip(1) {
            let Some((code, _)) = section.lines().next().and_then(|heading| heading.split_once(" — ")) else {
                continue;
            };
            let examples: Vec<&str> =
                section.split("```sql\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
            assert!(examples.len() > 1, "{code} has no example, or none that is right");
            let first = examples[0];
            assert!(!told(code, first).is_empty(), "the first example of {code} is not told");
            let wrong: Vec<_> = examples[1..].iter().flat_map(|example| told(code, example)).collect();
            assert!(wrong.is_empty(), "the second example of {code} is told as well");
        }
    }

    #[test]
    fn transactions_are_told_apart() {
        assert_eq!(transactions("SELECT 1; SELECT 2", true), [Some(0), Some(0)]);
        assert_eq!(transactions("BEGIN; SELECT 2; COMMIT", true), [None, Some(0), None]);
        assert_eq!(transactions("BEGIN; SELECT 2; COMMIT", false), [None, Some(0), None]);
        assert_eq!(transactions("SELECT 1; COMMIT; SELECT 2", true), [Some(0); 3]);
        assert_eq!(
            transactions("SELECT 1; BEGIN; SELECT 2; COMMIT; BEGIN; SELECT 3; ROLLBACK", false),
            [None, None, Some(1), None, None, Some(2), None]
        );
        let script =
            "SELECT 1;\n-- whimbrel: phase two\nSELECT 2;\n-- whimbrel: backfill\nUPDATE a SET b = 1;\nSELECT 3";
        assert_eq!(transactions(script, true), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(transactions("-- whimbrel: no-transaction\nSELECT 1; SELECT 2", true), [None, None]);
        let script = "SELECT 1;\n-- whimbrel: alone\nSELECT 2;\nSELECT 3;\nSELECT 4";
        assert_eq!(transactions(script, true), [Some(0), None, Some(2), Some(2)]);
    }

    #[test]
    fn what_whimbrel_sees_to_is_told_of_others() {
        let codes = |by_whimbrel: bool, script: &str| -> Vec<_> {
            let advice = lint_script("m.sql", script, true, &Settings { by_whimbrel }).unwrap();
            advice.iter().map(|a| a.code).filter(|code| matches!(*code, "P21" | "P22" | "P38" | "P39")).collect()
        };
        let two_tables = "ALTER TABLE a ADD b int; ALTER TABLE c ADD b int";
        assert_eq!(codes(false, two_tables), ["P22", "P21"]);
        assert_eq!(codes(true, two_tables), [""; 0]);
        let alone = "-- whimbrel: alone\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b);\n\
                     -- whimbrel: alone\nDROP INDEX CONCURRENTLY j;\n-- whimbrel: alone\nCREATE TABLE c (d int)";
        assert_eq!(codes(false, alone), ["P39", "P38", "P38"]);
        assert_eq!(codes(true, alone), [""; 0]);
        // Which of them have run is not recorded.
        let outside =
            "-- whimbrel: no-transaction\nCREATE TABLE a (b int); CREATE TABLE c (d int); CREATE INDEX i ON a (b)";
        assert_eq!(codes(true, outside), ["P38", "P38"]);
    }

    #[test]
    fn a_comment_silences_one_code_of_one_statement() {
        let script = "-- whimbrel: lint-ignore P01\nCREATE INDEX i ON a (b);\nCREATE INDEX j ON a (b);";
        assert_eq!(told("P01", script), [2]);
        assert_eq!(told("P01", "-- whimbrel: lint-ignore P02, p01\nCREATE INDEX i ON a (b);"), NONE);
    }

    #[test]
    fn a_range_is_that_of_the_script() {
        let script = "SELECT 1;\nALTER TABLE a ADD b int, ALTER c SET NOT NULL;";
        let advice = lint_script("m.sql", script, true, &Settings { by_whimbrel: true }).unwrap();
        let found = advice.iter().find(|a| a.code == "P07").unwrap();
        assert_eq!(&script[found.range.clone()], "ALTER c SET NOT NULL");
        let error = lint_script("m.sql", "SELECT 1;\nSELECT 'a", true, &Settings::default()).unwrap_err();
        assert!(error.to_string().contains("unterminated string that begins on line 2"), "{error}");
    }

    /// What a table that the script made goes through is nobody's business.
    #[test]
    fn a_new_table_gives_no_findings_about_locks() {
        let script = "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b bigint);\n\
                      CREATE INDEX i ON a (b);\nALTER TABLE a ALTER b SET NOT NULL, ALTER b TYPE text, ADD UNIQUE (b);\n\
                      ALTER TABLE a ADD c uuid DEFAULT gen_random_uuid(), ADD CHECK (b > 'x');\nDROP INDEX i;\n\
                      ALTER TABLE a RENAME TO d;\nALTER TABLE d RENAME b TO e;\nUPDATE d SET e = '1';\n\
                      ALTER TABLE d DROP COLUMN e;\nDROP TABLE d;";
        let advice = lint_script("m.sql", script, true, &Settings::default()).unwrap();
        assert_eq!(advice, []);
    }

    fn history(scripts: &[&str]) -> History {
        let migration = |(at, up): (usize, &&str)| Migration {
            idx: at as u32 + 1,
            version: format!("{at:04}").into(),
            name: "m".into(),
            path: format!("{at:04}_m.sql").into(),
            up: (*up).to_owned().into(),
            transaction: true,
            ..Migration::default()
        };
        History::new(scripts.iter().enumerate().map(migration).collect(), None)
    }

    #[test]
    fn what_an_earlier_migration_declared_is_known() {
        let history = history(&[
            "CREATE TABLE a (b varchar(10), c bigint CHECK (c > 1))",
            "ALTER TABLE a ALTER b TYPE varchar(20);\nALTER TABLE a ALTER c TYPE text",
        ]);
        let findings = lint(&history, &Settings { by_whimbrel: true }).unwrap();
        let found: Vec<_> = findings.iter().map(|f| (f.code, f.idx, f.line)).collect();
        assert_eq!(found, [("P33", 1, 1), ("P33", 2, 1), ("P08", 2, 2)]);
        assert_eq!(findings[2].lock, Some(Lock::AccessExclusive));
    }

    #[test]
    fn an_index_of_a_later_migration_is_not_missed() {
        let found = |scripts: &[&str]| -> Vec<_> {
            let findings = lint(&history(scripts), &Settings { by_whimbrel: true }).unwrap();
            findings.iter().filter(|f| f.code == "P47").map(|f| f.idx).collect()
        };
        let table = "CREATE TABLE a (b bigint REFERENCES c)";
        assert_eq!(found(&[table, "CREATE INDEX i ON a (d)"]), [1]);
        assert_eq!(found(&[table, "CREATE INDEX i ON a (b)"]), [0; 0]);
    }
}
