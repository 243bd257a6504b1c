//! The text of a migration: its directives, and its statements in the phases in which they run.
//!
//! A script is one transaction, unless it says otherwise:
//!
//! | directive | where | what it does |
//! |---|---|---|
//! | `-- whimbrel: no-transaction` | before the first statement | each statement runs by itself, outside of a transaction |
//! | `-- whimbrel: phase <name>` | before a statement | what follows is a transaction of its own |
//! | `-- whimbrel: backfill` | before a statement | the statement runs again and again, each time in a transaction of its own, until it changes no row |
//! | `-- whimbrel: alone` | before a statement | the statement runs by itself, outside of a transaction; what follows is one again |
//! | `-- whimbrel: irreversible` | before the first statement | there is no way down, on purpose |
//! | `-- whimbrel: min-reader <number>` | before the first statement | apps from this version on may read the database |
//! | `-- whimbrel: min-writer <number>` | before the first statement | apps from this version on may read and write it |
//! | `-- whimbrel: lint-ignore <codes>` | before a statement | `migrate lint` does not tell these findings of it |
//!
//! Phases are recorded one by one, so that an interrupted run goes on where it was. On PostgreSQL `BEGIN` and
//! `COMMIT` end one, too.

use std::ops::Range;
use std::sync::Arc;

use super::statements::{Grammar, Statement, stands_outside};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::schema::{Origin, Source};

/// A migration's script, cut up. Statements are places in the text it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// What runs, in order. A script without statements has none.
    pub phases: Vec<Phase>,
    /// Whether it says that there is no way down.
    pub irreversible: bool,
    /// The oldest version of the app that may read the database afterwards, where it says so.
    pub min_reader: Option<u32>,
    /// The oldest version of the app that may write it afterwards, where it says so.
    pub min_writer: Option<u32>,
}

/// A part of a script that is committed by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phase {
    /// Its name, where it was given one.
    pub name: Option<String>,
    /// How it runs.
    pub kind: PhaseKind,
    /// Its statements, as bytes of the script.
    pub statements: Vec<Range<usize>>,
}

/// How a phase runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PhaseKind {
    /// In one transaction.
    #[default]
    Transaction,
    /// Statement by statement, outside of transactions.
    NoTransaction,
    /// One statement, again and again until it changes no row.
    Backfill,
}

impl Script {
    /// Reads a script. `name` is what it is called in messages, such as `0003_add-users.sql`.
    ///
    /// ```
    /// use whimbrel_core::{Dialect, history::script::{PhaseKind, Script}};
    /// let script = Script::read("0003_tidy.sql", Dialect::Sqlite, "
    ///     ALTER TABLE notes ADD COLUMN words INTEGER;
    ///     -- whimbrel: backfill
    ///     UPDATE notes SET words = length(body)
    ///      WHERE id IN (SELECT id FROM notes WHERE words IS NULL LIMIT 1000);
    ///     CREATE INDEX notes_words ON notes(words);", true)?;
    /// let kinds: Vec<_> = script.phases.iter().map(|phase| phase.kind).collect();
    /// assert_eq!(kinds, [PhaseKind::Transaction, PhaseKind::Backfill, PhaseKind::Transaction]);
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::MigrationScript`] where it cannot be cut into statements, or holds one that would end the transaction it
    /// runs in or cannot run in one; [`Code::Directive`].
    pub fn read(name: &str, dialect: Dialect, text: &str, transaction: bool) -> Result<Script> {
        Script::read_by(Grammar::of(dialect), name, text, transaction)
    }

    /// The same by a grammar that is named where the program is written.
    pub(crate) fn read_by(grammar: &'static Grammar, name: &str, text: &str, transaction: bool) -> Result<Script> {
        let dialect = grammar.dialect;
        let reader = Reader { name, grammar, dialect, text };
        let statements = (grammar.split)(text)
            .map_err(|e| reader.error(Code::MigrationScript, e.message, e.at..e.at + 1, e.message))?;
        let (statements, cuts) = reader.without_wrapper(statements);
        let mut script = Script::default();
        let kind = if transaction { PhaseKind::Transaction } else { PhaseKind::NoTransaction };
        let mut way = Way { kind, takes_one: false };
        for (n, statement) in statements.iter().enumerate() {
            let before = script.phases.len();
            for comment in &statement.leading {
                reader.directive(comment, n == 0, &mut script, &mut way)?;
            }
            if cuts.binary_search(&n).is_ok() && script.phases.len() == before {
                way.takes_one = false;
                script.phases.push(Phase { kind: way.kind, ..Phase::default() });
            }
            let is_full = way.takes_one && script.phases.last().is_some_and(|phase| !phase.statements.is_empty());
            if script.phases.len() == before && (script.phases.is_empty() || is_full) {
                way.takes_one = false;
                script.phases.push(Phase { kind: way.kind, ..Phase::default() });
            }
            // What commits by itself is recorded by itself, so that a run which was stopped does not repeat it.
            let stands_alone = |phase: &&Phase| {
                dialect == Dialect::Postgres && phase.kind == PhaseKind::NoTransaction && !phase.statements.is_empty()
            };
            if let Some(kind) = script.phases.last().filter(stands_alone).map(|phase| phase.kind) {
                script.phases.push(Phase { kind, ..Phase::default() });
            }
            let Some(phase) = script.phases.last_mut() else { continue };
            (grammar.check)(&reader, statement, phase.kind)?;
            if !reader.is_foreign_keys(statement) {
                phase.statements.push(statement.range.clone());
            }
        }
        // A file of comments may still say something.
        if statements.is_empty() {
            for range in reader.comments() {
                reader.directive(&range, true, &mut script, &mut way)?;
            }
        }
        script.phases.retain(|phase| !phase.statements.is_empty());
        Ok(script)
    }

    /// Whether it runs in one transaction, which it can share with others.
    pub fn is_one_transaction(&self) -> bool {
        match self.phases.as_slice() {
            [] => true,
            [phase] => phase.kind == PhaseKind::Transaction,
            _ => false,
        }
    }

    /// How many statements it has.
    pub fn len(&self) -> usize {
        self.phases.iter().map(|phase| phase.statements.len()).sum()
    }

    /// Whether nothing would run.
    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    /// Its statements as text.
    pub fn statements<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.phases.iter().flat_map(|phase| &phase.statements).filter_map(|range| text.get(range.clone()))
    }
}

/// How what follows runs.
struct Way {
    /// Where nothing else is said.
    kind: PhaseKind,
    /// Whether the last phase is of one statement.
    takes_one: bool,
}

/// What to do with a statement that begins or ends a transaction.
const LEAVE_OUT: &str =
    "leave it out: each migration runs in a transaction, unless it says `-- whimbrel: no-transaction`";

/// A script that is being read, as the grammar of its database sees it.
pub(crate) struct Reader<'t> {
    name: &'t str,
    grammar: &'static Grammar,
    dialect: Dialect,
    text: &'t str,
}

impl Reader<'_> {
    fn error(&self, code: Code, message: &str, range: Range<usize>, label: &str) -> Error {
        let source = Source { name: self.name.to_owned(), text: self.text.to_owned() };
        let origin = Origin { source: Some(Arc::new(source)), range };
        Error::new(code, format!("{}: {message}", self.name)).at(&origin, label)
    }

    fn word(&self, statement: &Statement, n: usize) -> &str {
        statement.words.get(n).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }

    /// Whether one of the words, quoted ones and texts left aside, is this one.
    fn has(&self, statement: &Statement, word: &str) -> bool {
        (0..statement.words.len()).any(|n| self.is(statement, n, &[word]))
    }

    fn is(&self, statement: &Statement, n: usize, words: &[&str]) -> bool {
        let word = self.word(statement, n);
        words.iter().any(|w| w.eq_ignore_ascii_case(word))
    }

    /// `BEGIN; …; COMMIT;` around all of it says what holds anyway, and `COMMIT; BEGIN;` in it, with which other tools
    /// step out of their transaction to switch foreign keys off, does nothing: they are off. Switching them may stand
    /// around and between. On PostgreSQL a phase ends at each of them, and `BEGIN; …; COMMIT;` may stand around a part of
    /// it. The places of the statements that begin a phase come with the rest, in order.
    fn without_wrapper(&self, statements: Vec<Statement>) -> (Vec<Statement>, Vec<usize>) {
        let places: Vec<usize> = (0..statements.len()).filter(|n| !self.is_foreign_keys(&statements[*n])).collect();
        let begins = |place: usize| {
            let statement = &statements[place];
            self.is(statement, 0, &["begin"])
                || self.is(statement, 0, &["start"]) && self.is(statement, 1, &["transaction"])
        };
        let commits = |place: usize| self.is(&statements[place], 0, &["commit", "end"]);
        let mut gone = vec![false; statements.len()];
        if let [first, .., last] = places[..]
            && begins(first)
            && commits(last)
        {
            (gone[first], gone[last]) = (true, true);
        }
        for pair in places.windows(2).filter(|pair| commits(pair[0]) && begins(pair[1])) {
            (gone[pair[0]], gone[pair[1]]) = (true, true);
        }
        if self.dialect == Dialect::Postgres {
            let marks: Vec<usize> = places.iter().copied().filter(|n| begins(*n) || commits(*n)).collect();
            let pairs = marks.chunks(2);
            if pairs.clone().all(|pair| matches!(pair, [one, other] if begins(*one) && commits(*other))) {
                marks.iter().for_each(|n| gone[*n] = true);
            }
        }
        if !gone.contains(&true) {
            return (statements, Vec::new());
        }
        let mut cuts: Vec<usize> = Vec::new();
        let mut kept: Vec<Statement> = Vec::with_capacity(statements.len());
        let mut comments = Vec::new();
        for (n, mut statement) in statements.into_iter().enumerate() {
            comments.append(&mut statement.leading);
            if gone[n] && self.dialect == Dialect::Postgres && cuts.last() != Some(&kept.len()) {
                cuts.push(kept.len());
            }
            if !gone[n] {
                statement.leading = std::mem::take(&mut comments);
                kept.push(statement);
            }
        }
        (kept, cuts)
    }

    fn comments(&self) -> Vec<Range<usize>> {
        (self.grammar.tokens)(self.text).unwrap_or_default().into_iter().map(|(_, range)| range).collect()
    }

    fn directive(&self, range: &Range<usize>, is_first: bool, script: &mut Script, way: &mut Way) -> Result<()> {
        let comment = &self.text[range.clone()];
        let Some(inner) = comment.strip_prefix("--").map(str::trim).and_then(|c| c.strip_prefix("whimbrel:")) else {
            return Ok(());
        };
        let (word, rest) = inner.trim().split_once(char::is_whitespace).unwrap_or((inner.trim(), ""));
        let rest = rest.trim();
        let fail = |message: &str| Err(self.error(Code::Directive, message, range.clone(), message));
        let at_top = || match is_first {
            true => Ok(()),
            false => fail("this directive stands before the first statement"),
        };
        let number = || match rest.parse::<u32>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => fail("this directive takes the number of a migration").map(|()| None),
        };
        let alone = || if rest.is_empty() { Ok(()) } else { fail("this directive takes nothing behind it") };
        match word {
            "no-transaction" => {
                at_top()?;
                alone()?;
                way.kind = PhaseKind::NoTransaction;
            }
            "irreversible" => {
                at_top()?;
                script.irreversible = true;
            }
            "min-reader" => {
                at_top()?;
                script.min_reader = number()?;
            }
            "min-writer" => {
                at_top()?;
                script.min_writer = number()?;
            }
            "phase" if rest.is_empty() => return fail("a phase has a name"),
            "phase" => {
                way.takes_one = false;
                script.phases.push(Phase { name: Some(rest.to_owned()), kind: way.kind, statements: Vec::new() });
            }
            "lint-ignore" if rest.is_empty() => return fail("lint-ignore names what is meant: lint-ignore L05"),
            // For `lint`, which reads it by itself.
            "lint-ignore" => {}
            "alone" => {
                alone()?;
                way.takes_one = true;
                script.phases.push(Phase { name: None, kind: PhaseKind::NoTransaction, statements: Vec::new() });
            }
            "backfill" => {
                alone()?;
                way.takes_one = true;
                script.phases.push(Phase { name: None, kind: PhaseKind::Backfill, statements: Vec::new() });
            }
            _ => {
                return Err(self
                    .error(Code::Directive, &format!("unknown directive `{word}`"), range.clone(), "not known here")
                    .help(
                        "known are no-transaction, phase, alone, backfill, irreversible, min-reader, min-writer and lint-ignore",
                    ));
            }
        }
        Ok(())
    }

    fn refuse(&self, statement: &Statement, message: String, help: &str) -> Result<()> {
        Err(self.error(Code::MigrationScript, &message, statement.range.clone(), "not here").help(help))
    }

    fn first_word(&self, statement: &Statement) -> String {
        self.word(statement, 0).to_ascii_uppercase()
    }

    /// Refuses what would break out of a transaction of SQLite, or fail in it, before anything runs.
    pub(super) fn check_for_sqlite(&self, statement: &Statement, kind: PhaseKind) -> Result<()> {
        let refuse = |message: String, help: &str| self.refuse(statement, message, help);
        let first = self.first_word(statement);
        match first.as_str() {
            "BEGIN" | "COMMIT" | "END" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" => {
                refuse(format!("{first} stands in a migration"), LEAVE_OUT)
            }
            "ATTACH" | "DETACH" => {
                refuse(format!("{first} stands in a migration"), "a migration works on one database")
            }
            "PRAGMA" if self.is(statement, 1, &["writable_schema"]) || self.is(statement, 3, &["writable_schema"]) => {
                refuse(
                    "PRAGMA writable_schema stands in a migration".to_owned(),
                    "whoever edits the catalogue by hand can make a database that nothing opens any more: make the table anew",
                )
            }
            "VACUUM" if self.has(statement, "into") => {
                refuse("VACUUM INTO stands in a migration".to_owned(), "a migration works on one database")
            }
            "VACUUM" if kind != PhaseKind::NoTransaction => refuse(
                "VACUUM cannot run in a transaction".to_owned(),
                "put it in a migration of its own that says `-- whimbrel: no-transaction`",
            ),
            "PRAGMA" if kind != PhaseKind::NoTransaction && self.sets_journal_mode(statement) => refuse(
                "PRAGMA journal_mode cannot run in a transaction".to_owned(),
                "put it in a migration of its own that says `-- whimbrel: no-transaction`",
            ),
            _ => self.check_repeated(statement, kind),
        }
    }

    /// The same for PostgreSQL.
    pub(super) fn check_for_postgres(&self, statement: &Statement, kind: PhaseKind) -> Result<()> {
        if let Some(foreign) = statement.foreign {
            return self.refuse(
                statement,
                format!("{foreign} stands in a migration"),
                "a migration holds statements for the server: write rows as INSERT, and leave commands out",
            );
        }
        if let Some(message) = self.ends_transaction(statement) {
            return self.refuse(statement, message, LEAVE_OUT);
        }
        if let Some(message) = self.needs_no_transaction(statement, kind) {
            return self.refuse(statement, message, "put `-- whimbrel: alone` before it");
        }
        self.check_repeated(statement, kind)
    }

    fn check_repeated(&self, statement: &Statement, kind: PhaseKind) -> Result<()> {
        let first = self.first_word(statement);
        if kind != PhaseKind::Backfill || matches!(first.as_str(), "UPDATE" | "DELETE" | "INSERT" | "WITH") {
            return Ok(());
        }
        self.refuse(
            statement,
            format!("{first} cannot be repeated until it changes no row"),
            "`-- whimbrel: backfill` stands before an UPDATE, INSERT or DELETE",
        )
    }

    /// What of PostgreSQL's statements would end the transaction, or begin one.
    fn ends_transaction(&self, statement: &Statement) -> Option<String> {
        let is = |n, words: &[&str]| self.is(statement, n, words);
        let ends = is(0, &["begin", "commit", "end", "rollback", "abort", "savepoint", "release"])
            || is(0, &["start", "prepare"]) && is(1, &["transaction"]);
        ends.then(|| format!("{} stands in a migration", self.first_word(statement)))
    }

    /// What of PostgreSQL's statements runs outside of transactions only.
    fn needs_no_transaction(&self, statement: &Statement, kind: PhaseKind) -> Option<String> {
        if kind == PhaseKind::NoTransaction {
            return None;
        }
        let outside = stands_outside(&self.text[statement.range.clone()])?;
        let first = self.first_word(statement);
        let what = match outside.what {
            Some(what) => what.to_owned(),
            None if self.has(statement, "concurrently") => format!("{first} … CONCURRENTLY"),
            None => first,
        };
        Some(format!("{what} cannot run in a transaction"))
    }

    fn sets_journal_mode(&self, statement: &Statement) -> bool {
        let is_journal = |n| self.is(statement, n, &["journal_mode"]);
        let sets = |n| self.is(statement, n, &["=", "("]);
        is_journal(1) && sets(2) || is_journal(3) && sets(4)
    }

    /// Foreign keys are off while migrations run, and checked afterwards; other tools write this into their files.
    fn is_foreign_keys(&self, statement: &Statement) -> bool {
        self.dialect == Dialect::Sqlite
            && self.is(statement, 0, &["pragma"])
            && (self.is(statement, 1, &["foreign_keys", "defer_foreign_keys"])
                || self.is(statement, 3, &["foreign_keys", "defer_foreign_keys"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(text: &str) -> Vec<(PhaseKind, Option<String>, Vec<String>)> {
        let script = Script::read("m.sql", Dialect::Sqlite, text, true).unwrap();
        let texts = |p: &Phase| p.statements.iter().map(|r| text[r.clone()].to_owned()).collect();
        script.phases.iter().map(|p| (p.kind, p.name.clone(), texts(p))).collect()
    }

    fn fails(text: &str) -> String {
        Script::read("m.sql", Dialect::Sqlite, text, true).unwrap_err().to_string()
    }

    #[test]
    fn one_transaction_is_the_rule() {
        assert_eq!(
            phases("CREATE TABLE a(b); INSERT INTO a VALUES (1);"),
            [(
                PhaseKind::Transaction,
                None,
                vec!["CREATE TABLE a(b)".to_owned(), "INSERT INTO a VALUES (1)".to_owned()]
            )]
        );
        assert!(phases("-- nothing\n").is_empty());
        assert!(Script::read("m.sql", Dialect::Sqlite, "-- whimbrel: irreversible\n", true).unwrap().irreversible);
    }

    #[test]
    fn a_wrapper_and_foreign_keys_are_left_out() {
        let inner = vec!["DROP TABLE a".to_owned()];
        assert_eq!(
            phases("PRAGMA foreign_keys=OFF;\nDROP TABLE a;\nPRAGMA foreign_keys=ON;"),
            [(PhaseKind::Transaction, None, inner.clone())]
        );
        for wrapped in [
            "BEGIN TRANSACTION; DROP TABLE a; COMMIT;",
            "PRAGMA foreign_keys=OFF; BEGIN; DROP TABLE a; COMMIT; PRAGMA foreign_keys=ON;",
            "COMMIT; PRAGMA foreign_keys=OFF; BEGIN; DROP TABLE a; COMMIT; PRAGMA foreign_keys=ON; BEGIN TRANSACTION;",
        ] {
            assert_eq!(phases(wrapped), [(PhaseKind::Transaction, None, inner.clone())]);
        }
        assert!(fails("DROP TABLE a; COMMIT; DROP TABLE b;").contains("COMMIT stands in a migration"));
    }

    #[test]
    fn phases_and_backfills_cut() {
        let text = "A; -- whimbrel: nonsense at the end of a line is trailing\n\
                    -- whimbrel: phase second\nB; C;\n-- whimbrel: backfill\nUPDATE d SET e = 1;\nF;";
        let kinds: Vec<_> = phases(text).into_iter().map(|(kind, name, s)| (kind, name, s.len())).collect();
        assert_eq!(
            kinds,
            [
                (PhaseKind::Transaction, None, 1),
                (PhaseKind::Transaction, Some("second".to_owned()), 2),
                (PhaseKind::Backfill, None, 1),
                (PhaseKind::Transaction, None, 1),
            ]
        );
    }

    #[test]
    fn a_statement_alone() {
        let text = "A; -- why\n-- whimbrel: alone\nVACUUM; B; C;";
        let kinds: Vec<_> = phases(text).into_iter().map(|(kind, _, s)| (kind, s.len())).collect();
        let (inside, outside) = (PhaseKind::Transaction, PhaseKind::NoTransaction);
        assert_eq!(kinds, [(inside, 1), (outside, 1), (inside, 2)]);
    }

    #[test]
    fn scripts_of_postgresql() {
        let read = |text: &str| Script::read("m.sql", Dialect::Postgres, text, true);
        let fails = |text: &str| read(text).unwrap_err().to_string();
        let kinds =
            |text: &str| read(text).unwrap().phases.iter().map(|p| (p.kind, p.statements.len())).collect::<Vec<_>>();
        let (inside, outside) = (PhaseKind::Transaction, PhaseKind::NoTransaction);
        let function = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;";
        assert_eq!(kinds(&format!("START TRANSACTION; {function} SELECT 1; COMMIT;")), [(inside, 2)]);
        // What is committed there may be needed behind it: a new value of an enum.
        assert_eq!(
            kinds("BEGIN; ALTER TYPE a ADD VALUE 'b'; COMMIT; BEGIN; SELECT 1; SELECT 2; COMMIT;"),
            [(inside, 1), (inside, 2)]
        );
        // As Prisma changes an enum.
        assert_eq!(
            kinds("SELECT 1; BEGIN; SELECT 2; SELECT 3; COMMIT; SELECT 4; SELECT 5; START TRANSACTION; SELECT 6; END;"),
            [(inside, 1), (inside, 2), (inside, 2), (inside, 1)]
        );
        assert!(fails("SELECT 1; BEGIN; SELECT 2;").contains("BEGIN stands in a migration"));
        assert!(fails("COMMIT; SELECT 1; BEGIN;").contains("COMMIT stands in a migration"));
        assert_eq!(kinds("SELECT 1; COMMIT; BEGIN;\n-- whimbrel: alone\nVACUUM a;"), [(inside, 1), (outside, 1)]);
        let index = "CREATE INDEX CONCURRENTLY a ON b(c)";
        assert_eq!(
            kinds(&format!("SELECT 1;\n-- whimbrel: alone\n{index}; SELECT 2; SELECT 3;")),
            [(inside, 1), (outside, 1), (inside, 2)]
        );
        // Each is recorded by itself.
        assert_eq!(kinds(&format!("-- whimbrel: no-transaction\n{index}; VACUUM b;")), [(outside, 1), (outside, 1)]);
        assert!(fails(index).contains("CREATE … CONCURRENTLY cannot run in a transaction"));
        assert!(fails(index).contains("whimbrel: alone"));
        assert!(fails("VACUUM").contains("VACUUM cannot run in a transaction"));
        assert!(fails("DROP DATABASE a").contains("DROP DATABASE cannot run"));
        assert!(fails("REINDEX SCHEMA a").contains("REINDEX cannot run in a transaction"));
        assert!(fails("ALTER TABLE a DETACH PARTITION b CONCURRENTLY").contains("ALTER … CONCURRENTLY cannot run"));
        assert!(fails("SELECT 1; ROLLBACK; SELECT 2;").contains("ROLLBACK stands in a migration"));
        assert!(fails("\\connect other\nSELECT 1").contains("a command for psql"));
        assert!(fails("COPY a FROM stdin;\n1\n\\.\n").contains("COPY with its rows"));
        assert!(fails("SELECT $x$").contains("unterminated"));
        assert!(read("REFRESH MATERIALIZED VIEW CONCURRENTLY a; CREATE TABLE \"concurrently\"(a int)").is_ok());
        assert!(read("PRAGMA nonsense").is_ok(), "the server tells what it does not know");
    }

    #[test]
    fn what_cannot_run_is_refused_before_it_does() {
        assert!(fails("VACUUM").contains("VACUUM cannot run in a transaction"));
        assert!(fails("PRAGMA main.journal_mode = WAL").contains("journal_mode"));
        assert!(fails("-- whimbrel: no-transaction\nVACUUM INTO 'copy.db'").contains("VACUUM INTO"));
        assert!(fails("PRAGMA writable_schema = ON").contains("writable_schema"));
        assert!(fails("PRAGMA main.writable_schema(1)").contains("writable_schema"));
        assert!(fails("SELECT 'a").contains("unterminated string"));
        assert!(fails("-- whimbrel: nonsense\nSELECT 1").contains("unknown directive"));
        assert!(fails("SELECT 1; -- \n-- whimbrel: no-transaction\nSELECT 1").contains("before the first statement"));
        assert!(fails("-- whimbrel: backfill\nCREATE TABLE a(b)").contains("cannot be repeated"));
        let script = Script::read("m.sql", Dialect::Sqlite, "-- whimbrel: no-transaction\nVACUUM", true).unwrap();
        assert_eq!(script.phases[0].kind, PhaseKind::NoTransaction);
        assert!(!script.is_one_transaction());
    }
}
