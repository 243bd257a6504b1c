//! Scripts of migrations looked over for what goes wrong on other people's devices, one file per finding; what goes wrong
//! on a server is in [`postgres`].
//!
//! Only texts are read: what a script does to real rows is found by running it, and `migrate verify` does. A finding is
//! an advice with its reason. One that is meant is silenced where it stands, by a comment before its statement:
//!
//! ```sql
//! -- whimbrel: lint-ignore L05
//! DELETE FROM cache;
//! ```
//!
//! **Invariant:** a finding's code keeps its meaning, and has a section in `docs/lint.md`.

mod added_column;
mod autoincrement;
mod double_quotes;
mod drop_for_good;
mod dropped_key;
mod earlier;
mod every_row;
mod foreign_keys;
mod if_exists;
mod made_required;
mod no_way_back;
mod not_the_same;
mod old_apps;
pub mod postgres;
mod rowids;
mod rows_alike;

use std::ops::Range;

use crate::dialect::Dialect;
use crate::error::Result;
use crate::history::script::Script;
use crate::history::{History, Migration};
use crate::postgres::steps::Lock;
use crate::schema::same_name;
use crate::sqlite::split::{Statement, split};
use crate::sqlite::token::{Token, TokenKind};

/// Something in a script that is better done in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable code, such as `L05`.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The number of the migration.
    pub idx: u32,
    /// Its version and name.
    pub migration: String,
    /// Its file.
    pub path: String,
    /// The bytes of the script it is about.
    pub range: Range<usize>,
    /// The line they begin on, from 1.
    pub line: usize,
    /// What stands there: one sentence without a full stop.
    pub message: String,
    /// The lock that others wait for, where that is what it is about: on a server.
    pub lock: Option<Lock>,
    /// Why that is told.
    pub why: &'static str,
    /// What is safer.
    pub help: &'static str,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is a choice that wears better.
    Advice,
    /// It can go wrong, or stand in the way of others.
    Warning,
    /// It is refused when it runs, or does not do what it says.
    Error,
}

impl Level {
    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Advice => "advice",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// A kind of finding.
struct Rule {
    code: &'static str,
    why: &'static str,
    help: &'static str,
    find: fn(&Text<'_>) -> Vec<Found>,
}

/// What a rule has found: the statement's place in the script, and a sentence.
struct Found {
    statement: usize,
    /// The words of the statement it is about; all of them where that is empty.
    words: Range<usize>,
    message: String,
}

const RULES: [Rule; 14] = [
    drop_for_good::RULE,
    no_way_back::RULE,
    added_column::RULE,
    old_apps::RULE,
    every_row::RULE,
    foreign_keys::RULE,
    not_the_same::RULE,
    double_quotes::RULE,
    if_exists::RULE,
    rowids::RULE,
    autoincrement::RULE,
    rows_alike::RULE,
    made_required::RULE,
    dropped_key::RULE,
];

/// Looks the scripts of a history over, in order, by the rules of the database that they are written for.
///
/// Scripts for PostgreSQL are looked over as Whimbrel runs them, with a limit on how long a lock is waited for. Where
/// something else runs them, [`postgres::lint`] takes other settings.
///
/// ```
/// use whimbrel_core::history::{Files, Folder, MemoryFiles};
/// let mut files = MemoryFiles::default();
/// files.write("0001_start.sql", b"CREATE TABLE notes(body TEXT);")?;
/// files.write("0002_tidy.sql", b"DELETE FROM notes;")?;
/// let findings = whimbrel_core::lint::lint(&Folder::read(&files)?.history)?;
/// assert_eq!((findings[0].code, findings[0].line), ("L05", 1));
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
///
/// # Errors
/// [`Code::MigrationScript`](crate::Code::MigrationScript) and [`Code::Directive`](crate::Code::Directive) where a
/// script cannot be read.
pub fn lint(history: &History) -> Result<Vec<Finding>> {
    match history.dialect() {
        Dialect::Sqlite => lint_sqlite(history),
        Dialect::Postgres => postgres::lint(history, &postgres::Settings { by_whimbrel: true }),
    }
}

fn lint_sqlite(history: &History) -> Result<Vec<Finding>> {
    let has_ways_back = history.migrations.iter().any(|migration| migration.down.is_some());
    let mut findings = Vec::new();
    for (at, migration) in history.migrations.iter().enumerate() {
        let text = Text::read(migration, &history.migrations[..at], has_ways_back)?;
        let mut own: Vec<Finding> = Vec::new();
        for rule in &RULES {
            own.extend((rule.find)(&text).into_iter().filter_map(|found| text.finding(rule, found)));
        }
        own.sort_by_key(|finding| (finding.range.start, finding.code));
        findings.extend(own);
    }
    Ok(findings)
}

/// The codes of findings in scripts for a database.
pub fn codes(dialect: Dialect) -> Vec<&'static str> {
    match dialect {
        Dialect::Sqlite => RULES.iter().map(|rule| rule.code).collect(),
        Dialect::Postgres => postgres::codes().collect(),
    }
}

/// A script as rules see it.
struct Text<'m> {
    migration: &'m Migration,
    script: Script,
    statements: Vec<Words<'m>>,
    /// The migrations before.
    earlier: &'m [Migration],
    /// Whether the folder has ways back at all.
    has_ways_back: bool,
}

/// A statement without its comments.
struct Words<'m> {
    text: &'m str,
    range: Range<usize>,
    tokens: Vec<Token>,
    /// The codes that a comment before it silences.
    silenced: Vec<String>,
}

/// A table that is made anew by hand, and gets its name back.
struct Rebuild {
    /// Its name, before and after.
    table: String,
    /// What it is called in between.
    other: String,
    /// The statement that makes the new one.
    create: usize,
}

impl<'m> Text<'m> {
    fn read(migration: &'m Migration, earlier: &'m [Migration], has_ways_back: bool) -> Result<Text<'m>> {
        let script = migration.script().map_err(|e| e.migration(migration.tag()))?;
        Ok(Text { migration, script, statements: Words::all(&migration.up), earlier, has_ways_back })
    }

    fn finding(&self, rule: &Rule, found: Found) -> Option<Finding> {
        let statement = self.statements.get(found.statement);
        if statement.is_some_and(|s| s.silenced.iter().any(|code| code.eq_ignore_ascii_case(rule.code))) {
            return None;
        }
        let range = statement.map_or(0..0, |statement| {
            let words = statement.tokens.get(found.words).unwrap_or_default();
            match (words.first(), words.last()) {
                (Some(first), Some(last)) => first.range.start..last.range.end,
                _ => statement.range.clone(),
            }
        });
        let line = self.migration.up[..range.start].matches('\n').count() + 1;
        Some(Finding {
            code: rule.code,
            level: Level::Warning,
            idx: self.migration.idx,
            migration: self.migration.tag(),
            path: self.migration.path.clone().into_owned(),
            range,
            line,
            message: found.message,
            lock: None,
            why: rule.why,
            help: rule.help,
        })
    }

    /// Every statement with its place.
    fn each(&self) -> impl Iterator<Item = (usize, &Words<'m>)> {
        self.statements.iter().enumerate()
    }

    /// Whether a table is made in this script, so that it has no rows of anybody.
    fn makes(&self, table: &str) -> bool {
        self.statements.iter().any(|s| s.creates_table().is_some_and(|name| same_name(&name, table)))
    }

    /// Tables that are made anew by hand: the new one gets the old one's name, or the old one is set aside first.
    fn rebuilds(&self) -> Vec<Rebuild> {
        let mut rebuilds = Vec::new();
        for (place, statement) in self.each() {
            let Some((from, to)) = statement.renames_table() else { continue };
            let creates = |table: &str| self.place(|s| s.creates_table().is_some_and(|name| same_name(&name, table)));
            let drops = |table: &str| self.place(|s| s.drops_table().is_some_and(|name| same_name(&name, table)));
            let (Some(create), Some(_)) = (creates(&from), drops(&to)) else { continue };
            // What is made before the renaming is the new one.
            let (table, other) = if create < place { (to, from) } else { (from, to) };
            rebuilds.push(Rebuild { table, other, create });
        }
        rebuilds
    }

    fn place(&self, test: impl Fn(&Words<'m>) -> bool) -> Option<usize> {
        self.statements.iter().position(test)
    }
}

impl<'m> Words<'m> {
    /// The statements of a script; none where it cannot be cut up.
    fn all(text: &'m str) -> Vec<Words<'m>> {
        split(text).unwrap_or_default().into_iter().map(|statement| Words::new(text, statement)).collect()
    }

    fn new(text: &'m str, statement: Statement) -> Words<'m> {
        let comments = statement.leading.iter().map(|token| token.text(text));
        let silenced = comments.flat_map(silenced_by).collect();
        let tokens = statement.tokens.into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
        Words { text, range: statement.range, tokens, silenced }
    }

    /// Whether the words from a place on are these.
    fn has(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.tokens.get(at + n).is_some_and(|t| t.is(self.text, word)))
    }

    /// The place of the first of these words, one after the other.
    fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.tokens.len()).find(|at| self.has(*at, words))
    }

    /// The name at a place, without its schema, and the place behind it.
    fn name(&self, at: usize) -> Option<(String, usize)> {
        let at = if self.has(at + 1, &["."]) { at + 2 } else { at };
        Some((self.tokens.get(at)?.name(self.text)?, at + 1))
    }

    /// The place behind `IF NOT EXISTS` or `IF EXISTS`.
    fn behind_if(&self, at: usize) -> usize {
        match () {
            () if self.has(at, &["if", "not", "exists"]) => at + 3,
            () if self.has(at, &["if", "exists"]) => at + 2,
            () => at,
        }
    }

    fn creates_table(&self) -> Option<String> {
        let at = if self.has(1, &["temp"]) || self.has(1, &["temporary"]) { 2 } else { 1 };
        if !self.has(0, &["create"]) || !self.has(at, &["table"]) {
            return None;
        }
        self.name(self.behind_if(at + 1)).map(|(name, _)| name)
    }

    fn drops_table(&self) -> Option<String> {
        self.has(0, &["drop", "table"]).then(|| self.name(self.behind_if(2)).map(|(name, _)| name))?
    }

    /// The table of an `ALTER TABLE`, and the place behind its name.
    fn alters_table(&self) -> Option<(String, usize)> {
        self.has(0, &["alter", "table"]).then(|| self.name(2))?
    }

    fn renames_table(&self) -> Option<(String, String)> {
        let (table, at) = self.alters_table()?;
        self.has(at, &["rename", "to"]).then(|| Some((table, self.name(at + 2)?.0)))?
    }

    /// Table and old name of the column.
    fn renames_column(&self) -> Option<(String, String)> {
        let (table, at) = self.alters_table()?;
        if !self.has(at, &["rename"]) || self.has(at + 1, &["to"]) {
            return None;
        }
        let at = if self.has(at + 1, &["column"]) { at + 2 } else { at + 1 };
        Some((table, self.name(at)?.0))
    }

    fn drops_column(&self) -> Option<(String, String)> {
        let (table, at) = self.alters_table()?;
        if !self.has(at, &["drop"]) || self.has(at + 1, &["constraint"]) {
            return None;
        }
        let at = if self.has(at + 1, &["column"]) { at + 2 } else { at + 1 };
        Some((table, self.name(at)?.0))
    }

    /// Table, column, and the place behind the column's name.
    fn adds_column(&self) -> Option<(String, String, usize)> {
        let (table, at) = self.alters_table()?;
        if !self.has(at, &["add"]) || self.has(at + 1, &["constraint"]) || self.has(at + 1, &["check"]) {
            return None;
        }
        let at = if self.has(at + 1, &["column"]) { at + 2 } else { at + 1 };
        let (column, at) = self.name(at)?;
        Some((table, column, at))
    }
}

/// The codes that a comment silences.
fn silenced_by(comment: &str) -> Vec<String> {
    let inner = comment.strip_prefix("--").map(str::trim).and_then(|c| c.strip_prefix("whimbrel:"));
    let codes = inner.map(str::trim).and_then(|directive| directive.strip_prefix("lint-ignore"));
    let codes = codes.unwrap_or_default().split([' ', '\t', ',']);
    codes.filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

/// What is told of a script behind others.
#[cfg(test)]
pub(crate) fn codes_behind(before: &[&str], up: &str) -> Vec<(&'static str, usize)> {
    let migration = |(at, up): (usize, &&str)| Migration {
        idx: at as u32 + 1,
        up: (*up).to_owned().into(),
        transaction: true,
        ..Migration::default()
    };
    let all: Vec<_> = before.iter().chain(&[up]).enumerate().map(migration).collect();
    let last = all.len() as u32;
    let findings = lint(&History::new(all, None)).unwrap();
    findings.iter().filter(|finding| finding.idx == last).map(|finding| (finding.code, finding.line)).collect()
}

#[cfg(test)]
pub(crate) fn codes_in(up: &str, down: Option<&str>) -> Vec<(&'static str, usize)> {
    use crate::history::Checksum;
    let migration = Migration {
        idx: 2,
        version: "0002".into(),
        name: "m".into(),
        path: "0002_m.sql".into(),
        up: up.to_owned().into(),
        down: down.map(|text| text.to_owned().into()),
        checksum: Checksum::of_script(Dialect::Sqlite, up).unwrap_or_default(),
        transaction: true,
        ..Migration::default()
    };
    let findings = lint(&History::new(vec![migration], None)).unwrap();
    findings.iter().map(|finding| (finding.code, finding.line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_silences_one_code_of_one_statement() {
        let text = "-- whimbrel: lint-ignore L05\nDELETE FROM a;\nDELETE FROM b;";
        assert_eq!(codes_in(text, None), [("L05", 3)]);
        assert_eq!(codes_in("-- whimbrel: lint-ignore L01, l05\nDELETE FROM a;", None), []);
        assert_eq!(codes_in("-- whimbrel: lint-ignore L01\nDELETE FROM a;", None), [("L05", 2)]);
    }

    #[test]
    fn codes_are_each_others_neighbours() {
        let expected: Vec<String> = (1..=RULES.len()).map(|n| format!("L{n:02}")).collect();
        assert_eq!(codes(Dialect::Sqlite), expected);
    }

    #[test]
    fn a_plain_script_has_no_findings() {
        let text = "CREATE TABLE a(id INTEGER PRIMARY KEY, b TEXT DEFAULT 'x');\nCREATE INDEX i ON a(b);\n\
                    ALTER TABLE a ADD COLUMN c INTEGER NOT NULL DEFAULT 0;\nUPDATE a SET c = 1 WHERE b = 'y';";
        assert_eq!(codes_in(text, Some("DROP TABLE a;")), []);
    }

    /// Each finding is described, with its code as the heading, and nothing else is.
    #[test]
    fn codes_and_sections_are_the_same() {
        let pages = [
            (Dialect::Sqlite, "lint.md", include_str!("../../../../docs/lint.md")),
            (Dialect::Postgres, "lint-postgres.md", include_str!("../../../../docs/lint-postgres.md")),
        ];
        for (dialect, name, text) in pages {
            let headings = text.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(" — "));
            let sections: Vec<_> = headings.map(|(code, _)| code).collect();
            assert_eq!(sections, codes(dialect), "the sections of docs/{name}");
            let links: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("| [")?.split(']').next()).collect();
            assert_eq!(links, sections, "the table of docs/{name}");
        }
    }

    /// What the examples of the documentation work on; it can be undone.
    const NOTES: &str = "CREATE TABLE folders(id INTEGER PRIMARY KEY);\n\
        CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT, folder INTEGER REFERENCES folders);";

    /// In each section the first example is told, and the second one is not.
    #[test]
    fn examples_of_the_documentation_hold() {
        let page = include_str!("../../../../docs/lint.md");
        for section in page.split("\n## ").skip(1) {
            let Some((code, _)) = section.lines().next().and_then(|heading| heading.split_once(" — ")) else {
                continue;
            };
            let examples: Vec<&str> =
                section.split("```sql\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
            let is_told = |example: &str| {
                let migration = |idx: u32, up: &str, down: Option<&str>| Migration {
                    idx,
                    up: up.to_owned().into(),
                    down: down.map(|down| down.to_owned().into()),
                    transaction: true,
                    ..Migration::default()
                };
                let all = vec![migration(1, NOTES, Some("DROP TABLE notes")), migration(2, example, None)];
                lint(&History::new(all, None)).unwrap().iter().any(|finding| finding.idx == 2 && finding.code == code)
            };
            let told: Vec<_> = examples.iter().map(|example| is_told(example)).collect();
            assert_eq!(told, [true, false], "the examples of {code}");
        }
    }
}
