//! 57, 63, 80: a SQLite with a known bug, an app that was started before the update and still writes, texts that are
//! made to exhaust a program.

use rusqlite::Connection as Rusqlite;
use whimbrel::run::{self, Value, block_on};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Dialect, Folder, History, MemoryFiles, Migrator, Planner, Schema, State, UpgradeKind};

use crate::support::database::{Database, Journal, ask};
use crate::support::host::Host;

/// Up to 3.51.2, a log in WAL mode that starts anew while somebody else moves its pages into the file can lose
/// transactions. It is seldom and cannot be seen afterwards: whoever has such a version is told.
#[test]
fn fault_057_a_version_that_can_lose_what_is_in_the_log() {
    let versions = [
        ("3.7.0", true),
        ("3.44.5", true),
        ("3.44.6", false),
        ("3.45.0", true),
        ("3.50.6", true),
        ("3.50.7", false),
        ("3.51.0", true),
        ("3.51.2", true),
        ("3.51.3", false),
        ("3.53.0", false),
    ];
    for journal in [Journal::Delete, Journal::Wal] {
        let database = Database::in_mode(journal, &["CREATE TABLE t(a); INSERT INTO t VALUES (1)"]);
        let conn = database.connect(true);
        for (version, has_bug) in versions {
            let mut host = Host::new(Sqlite::new(&conn), |_, sql| {
                (sql == "SELECT sqlite_version()").then(|| Ok(vec![vec![Value::Text(version.to_owned())]]))
            });
            let findings = block_on(run::doctor(&mut host)).expect("a doctor");
            let found = findings.iter().any(|finding| finding.code == "D22");
            assert_eq!(found, has_bug && journal == Journal::Wal, "{version}, {journal:?}: {findings:?}");
        }
        let findings = whimbrel::doctor(&mut database.connect(true)).expect("a doctor");
        assert!(findings.is_empty(), "the SQLite that is built in has it not: {findings:?}");
    }
}

fn history(scripts: &[&str]) -> History {
    let file = |(n, script): (usize, &&str)| (format!("{:04}_m.sql", n + 1), script.as_bytes().to_vec());
    Folder::read(&MemoryFiles::new(scripts.iter().enumerate().map(file))).expect("a folder").history
}

/// An app is updated while its old version is still running, with its connection open and its statements prepared. It
/// writes nothing under a wrong name, and when it asks again, it is told what it may still do.
#[test]
fn fault_063_an_old_process_still_writes() {
    const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
    let change = |directive: &str| {
        format!(
            "{directive}\nALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;\nALTER TABLE notes RENAME COLUMN body TO text;"
        )
    };
    for (directive, kind) in [
        ("", None),
        ("-- whimbrel: min-reader 1", Some(UpgradeKind::Newer { writable: false })),
        ("-- whimbrel: min-writer 1", Some(UpgradeKind::Newer { writable: true })),
    ] {
        for journal in [Journal::Delete, Journal::Wal] {
            let old_app = history(&[START]);
            let new_app = history(&[START, &change(directive)]);
            let database = Database::in_mode(journal, &[]);
            let mut old = database.connect(true);
            Migrator::new(&old_app).run(&mut old).expect("version 1");
            let insert = "INSERT INTO notes VALUES (NULL, ?1)";
            old.prepare_cached(insert).and_then(|mut s| s.execute(["first"])).expect("a row");

            Migrator::new(&new_app).run(&mut database.connect(true)).expect("version 2");
            let written = old.prepare_cached(insert).and_then(|mut s| s.execute(["second"]));
            assert!(written.is_err(), "{directive}: a row without its new column");
            old.execute("INSERT INTO notes(body) VALUES ('third')", []).expect_err("no such column any more");
            assert_eq!(ask(&old, "SELECT text, stars FROM notes"), "first|0");

            match (Migrator::new(&old_app).run(&mut old), kind) {
                (Err(e), None) => {
                    assert_eq!((e.code(), e.report().state), (Code::DatabaseNewer, State::Unchanged), "{e}");
                }
                (Ok(upgrade), Some(kind)) => {
                    assert_eq!(upgrade.kind, kind);
                    let writes = old.execute("INSERT INTO notes(text) VALUES ('fourth')", []);
                    assert_eq!(writes.is_ok(), kind == UpgradeKind::Newer { writable: true }, "{directive}");
                }
                (outcome, _) => panic!("{directive}: {outcome:?}"),
            }
        }
    }
}

/// Texts that nest or repeat without end: read or refused, in time and memory of their length, with a small stack.
#[test]
fn fault_080_texts_that_are_made_to_exhaust_a_program() {
    let small = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    small.spawn(bombs).expect("a thread").join().expect("nothing panics, and the stack is large enough");
}

fn bombs() {
    const MANY: usize = 10_000;
    let chain = |link: &str| format!("{}1", link.repeat(MANY));
    let expressions = [
        format!("{}1{}", "(".repeat(MANY), ")".repeat(MANY)),
        format!("{}1{}", "abs(".repeat(MANY), ")".repeat(MANY)),
        format!("{}1{}", "CASE WHEN ".repeat(MANY), " THEN 1 END".repeat(MANY)),
        chain("NOT "),
        chain("- "),
        chain("~"),
        chain("1 + "),
        chain("a AND "),
        chain("a || "),
        chain("a = "),
        format!("a{}", " COLLATE NOCASE".repeat(MANY)),
        format!("a{}", "::integer".repeat(MANY)),
        format!("a IN ({})", chain("1, ")),
        format!("'{}'", "''".repeat(MANY)),
        format!("({})", "(".repeat(MANY)),
        format!("{}1", "/*".repeat(MANY)),
    ];
    for (n, expression) in expressions.iter().enumerate() {
        for sql in [
            format!("CREATE TABLE t(a INT, CHECK ({expression}))"),
            format!("CREATE TABLE t(a INT DEFAULT ({expression}))"),
            format!("CREATE TABLE t(a INT, b INT AS ({expression}))"),
            format!("CREATE TABLE t(a INT); CREATE INDEX i ON t({expression})"),
            format!("CREATE TABLE t(a INT); CREATE VIEW v AS SELECT {expression} FROM t"),
        ] {
            read(&sql, &format!("expression {n}"));
        }
    }
    let columns: String = (0..20_000).map(|n| format!(", c{n} INT")).collect();
    let keys: String = (0..2_000).map(|n| format!(", FOREIGN KEY (a) REFERENCES t{n}(a)")).collect();
    for sql in [
        format!("CREATE TABLE t(a INT{columns})"),
        format!("CREATE TABLE t(a INT{keys})"),
        "CREATE TABLE t(a);".repeat(2),
        ";".repeat(1_000_000),
        format!("CREATE TABLE t(a INT) -- {}", "x".repeat(10_000_000)),
        format!("CREATE TABLE \"{}\"(a INT)", "n".repeat(5_000_000)),
        format!("CREATE TRIGGER g AFTER INSERT ON t BEGIN {} END", "SELECT CASE ".repeat(MANY)),
        "CREATE TABLE t(".repeat(MANY),
        format!("CREATE TABLE t(a {})", "(".repeat(MANY)),
    ] {
        read(&sql, &sql[..sql.len().min(40)]);
    }
    // JSON that nests, and numbers that do not fit.
    for bomb in ["[".repeat(1_000_000), "{\"a\":".repeat(200_000), format!("{{\"format\":{}}}", "9".repeat(100_000))] {
        Schema::from_snapshot(&bomb).expect_err("no snapshot");
        let files = MemoryFiles::new([
            ("0001_start.sql".to_owned(), b"CREATE TABLE t(a);".to_vec()),
            ("meta/_journal.json".to_owned(), bomb.clone().into_bytes()),
        ]);
        Folder::read(&files).expect_err("no journal");
    }
    // As scripts, where each statement is found by itself.
    let script = "SELECT 1;".repeat(MANY);
    assert_eq!(whimbrel::sqlite::split::split(&script).expect("statements").len(), MANY);
    let nested = format!("{}{}SELECT 1;", "/* ".repeat(MANY), "*/ ".repeat(MANY));
    assert_eq!(whimbrel_core::postgres::split::split(&nested).expect("statements").len(), 1);
    let _ = whimbrel_core::postgres::split::split(&"$a$".repeat(MANY + 1));
    let _ = whimbrel_core::postgres::split::split(&format!("SELECT {}", "(".repeat(MANY)));
}

/// Reads a schema, and does with it what is done before a database is asked.
fn read(sql: &str, story: &str) {
    let files = MemoryFiles::new([("0001_start.sql".to_owned(), sql.as_bytes().to_vec())]);
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let files = MemoryFiles { dialect: Some(dialect), ..files.clone() };
        let _ = Folder::read(&files).map(|folder| whimbrel::lint::lint(&folder.history));
    }
    let Ok(schema) = Schema::from_sql(sql) else { return };
    let mut other = Rusqlite::open_in_memory().expect("a database in memory");
    let _ = schema.fingerprint();
    let snapshot = schema.to_snapshot();
    assert!(Schema::from_snapshot(&snapshot).expect("its own snapshot") == schema, "{story}");
    let _ = whimbrel::translate::to_postgres(&schema);
    // SQLite has limits of its own, and what it refuses is an obstacle or an error.
    let _ = Planner::new(&schema).plan(&mut other);
}
