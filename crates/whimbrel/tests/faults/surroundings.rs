//! 50, 53, 61, 62, 76, 86: the disk's settings, other processes, names and files made by an enemy.

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use whimbrel::sqlite_host::{Access, open};
use whimbrel::{Code, Planner, Schema, State, doctor};

use crate::support::database::{Database, Journal, ask, quoted};
use crate::support::outcome::{everything, new, new_on, refused, schema};

/// An app that runs with `synchronous=OFF` may lose its database when power fails in a migration: it is raised for the
/// run, before the transaction, and put back afterwards.
#[test]
fn fault_050_synchronous_off_is_inherited() {
    let database = Database::with(&["CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('x')"]);
    let mut conn = database.connect(true);
    conn.pragma_update(None, "synchronous", "OFF").expect("a setting");
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let listen = move |context: AuthContext<'_>| {
        let word = match context.action {
            AuthAction::Pragma { pragma_name: "synchronous", pragma_value: Some(value) } => {
                format!("synchronous {value}")
            }
            AuthAction::Transaction { .. } => "transaction".to_owned(),
            _ => return Authorization::Allow,
        };
        log.lock().expect("a log").push(word);
        Authorization::Allow
    };
    conn.authorizer(Some(listen)).expect("an authorizer");
    Planner::new(&schema("CREATE TABLE t(a TEXT UNIQUE)")).push(&mut conn).expect("a push");
    conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).expect("no authorizer");
    assert_eq!(ask(&conn, "PRAGMA synchronous"), "0", "put back");
    let asked = asked.lock().expect("a log").join(", ");
    assert_eq!(asked, "synchronous 2, transaction, transaction, synchronous 0");
}

/// A medium that cannot be written to: nothing is changed, and the app may go on reading.
#[test]
fn fault_053_read_only_media() {
    let database = Database::with(&["CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('x')"]);
    let bytes = database.bytes();
    let declared = schema("CREATE TABLE t(a TEXT UNIQUE)");
    let mut conn = open(&database.path(), Access::ReadOnly).expect("it opens for reading");
    let plan = Planner::new(&declared).plan(&mut conn).expect("a plan needs no writing");
    assert!(!plan.is_empty());
    let error = plan.run(&mut conn).expect_err("nothing can be written");
    assert_eq!(error.code(), Code::ReadOnly, "{error}");
    assert!(conn.is_autocommit());
    assert_eq!(ask(&conn, "SELECT a FROM t"), "x", "the app may go on");
    // Nothing to do is no failure there.
    let declared = schema("CREATE TABLE t(a TEXT)");
    Planner::new(&declared).push(&mut conn).expect("nothing to do");

    let mut conn = database.connect(true);
    conn.pragma_update(None, "query_only", true).expect("a setting");
    refused(plan.run(&mut conn), Code::ReadOnly, State::Unchanged);
    drop(conn);
    assert!(bytes == database.bytes());
}

/// Several processes start after an update and all migrate at once: with a deferred transaction all but one fail with
/// "database is locked". All must succeed, and one of them does the work.
#[test]
fn fault_061_eight_migrators_at_once() {
    const DECLARED: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind INT);
         CREATE TABLE u(t INTEGER REFERENCES t(id)); CREATE INDEX u_t ON u(t);";
    for journal in [Journal::Delete, Journal::Wal] {
        for _ in 0..5 {
            let database = Database::in_mode(
                journal,
                &[
                    "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, 'n' || i FROM n;",
                ],
            );
            let start = Barrier::new(8);
            let changed: Vec<usize> = thread::scope(|scope| {
                let migrate = || {
                    let mut conn = open(&database.path(), Access::ReadWrite).expect("the file opens");
                    let declared = schema(DECLARED);
                    start.wait();
                    Planner::new(&declared).push(&mut conn).unwrap_or_else(|e| panic!("{e}")).changes
                };
                let migrators: Vec<_> = (0..8).map(|_| scope.spawn(migrate)).collect();
                migrators.into_iter().map(|migrator| migrator.join().expect("a migrator")).collect()
            });
            assert_eq!(changed.iter().filter(|n| **n > 0).count(), 1, "{changed:?}");
            let mut conn = database.connect(true);
            assert_eq!(new_on(&mut conn, DECLARED).changes, 0);
            assert_eq!(ask(&conn, "SELECT count(*), count(DISTINCT name) FROM t"), "500|500");
        }
    }
}

/// Another connection that is reading would keep the commit from the file, and before it each page that the cache has no room
/// for: told as busy before anything is written, and done at the next attempt.
#[test]
fn fault_062_open_reader_blocks_the_change() {
    let database =
        Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')"]);
    let declared = schema("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE)");
    let reader = database.connect(true);
    reader.execute_batch("BEGIN; SELECT * FROM t").expect("a reader");
    assert_eq!(ask(&reader, "SELECT count(*) FROM t"), "2");

    let mut conn = database.connect(true);
    conn.busy_timeout(Duration::from_millis(50)).expect("a short time");
    let before = everything(&conn);
    refused(Planner::new(&declared).push(&mut conn), Code::Busy, State::Unchanged);
    assert!(conn.is_autocommit());
    assert_eq!(everything(&conn), before);

    // A writer that holds the lock keeps the transaction from its start.
    reader.execute_batch("COMMIT; BEGIN IMMEDIATE").expect("a writer");
    refused(Planner::new(&declared).push(&mut conn), Code::Busy, State::Unchanged);
    reader.execute_batch("COMMIT").expect("the reader is done");
    Planner::new(&declared).push(&mut conn).expect("now it goes");
}

/// A name such as `a"; DROP TABLE x; --` in every place where a name can stand.
#[test]
fn fault_076_hostile_names() {
    let names = [
        "a\"; DROP TABLE safe; --",
        "b'; DROP TABLE safe; --",
        "c`]\"\"'",
        "d\n-- e",
        "/* f",
        "g*/ --",
        " ",
        "h;",
        "sqlite",
        "ï%_?*",
        "select",
        "main",
        "\u{202e}abc",
        "i.j",
        "--",
    ];
    for name in names {
        let (table, other) = (quoted(name), quoted(&format!("{name}2")));
        let text = format!("'{}'", name.replace('\'', "''"));
        let schema_of = |column: &str, extra: &str| {
            format!(
                "CREATE TABLE safe(n INT);
                 CREATE TABLE {table}(id INTEGER PRIMARY KEY AUTOINCREMENT, {column} TEXT {extra} DEFAULT {text}, twice TEXT AS ({column} || {text}),
                   CONSTRAINT {other} CHECK ({column} <> 'no'));
                 CREATE TABLE {other}({column} INTEGER REFERENCES {table}(id));
                 CREATE INDEX {index} ON {table}({column}) WHERE {column} <> {text};
                 CREATE VIEW {view}({column}) AS SELECT {column} FROM {table};
                 CREATE TRIGGER {trigger} AFTER INSERT ON {table} BEGIN UPDATE safe SET n = n + 1 WHERE {text} <> ''; END;",
                index = quoted(&format!("{name}3")),
                view = quoted(&format!("{name}4")),
                trigger = quoted(&format!("{name}5")),
            )
        };
        let column = quoted(&format!("{name}6"));
        let rows = format!(
            "INSERT INTO safe VALUES (0); INSERT INTO {table}({column}) VALUES ('v'), ({text}); INSERT INTO {other} VALUES (2);"
        );
        let database = Database::with(&[&schema_of(&column, ""), &rows]);
        let conn = new(&database, &schema_of(&column, "NOT NULL UNIQUE COLLATE NOCASE"));
        assert_eq!(ask(&conn, "SELECT n FROM safe"), "2", "{name}");
        assert_eq!(ask(&conn, &format!("SELECT {column} FROM {table} WHERE id = 2")), name.replace('\r', ""), "{name}");
        // Renamed back and forth, the column too.
        let renamed = quoted(&format!("{name}7"));
        let declared = schema_of(&renamed, "NOT NULL UNIQUE COLLATE NOCASE");
        let declared_schema = schema(&declared);
        let mut conn = database.connect(true);
        let mut planner = Planner::new(&declared_schema);
        for owner in [&table, &other] {
            planner = planner.rename(&format!("{owner}.{column}"), &renamed).expect("a path");
        }
        planner.push(&mut conn).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(ask(&conn, &format!("SELECT count({renamed}) FROM {table}")), "2", "{name}");
        assert_eq!(ask(&conn, "SELECT n FROM safe"), "2", "{name}");
    }
}

/// A file made by an enemy, or by a bad disk: plan, push, doctor and reading the schema end in an answer or an error,
/// never in a panic, and a file that is no database is told from a damaged one.
#[test]
fn fault_086_crafted_database_file() {
    let whole = Database::with(&[
        "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, p INT REFERENCES p(id), a TEXT DEFAULT 'x' CHECK (a <> ''));
         CREATE INDEX i ON t(a) WHERE p > 1; CREATE VIEW v AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5(x);
         CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO f VALUES (new.a); END;
         INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO t(p, a) VALUES (1, 'c'), (2, 'd');",
    ]);
    let original = std::fs::read(whole.path()).expect("the file");
    let declared = schema(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE t(id INTEGER PRIMARY KEY, p INT, a INT); CREATE VIEW v AS SELECT a FROM t;",
    );
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).expect("a small number")
    };
    for round in 0..200 {
        let mut bytes = original.clone();
        match round % 4 {
            0 => bytes.truncate(random(original.len())),
            // The header and the catalogue's own page are the most interesting ones.
            1 => (0..3).for_each(|_| bytes[random(100)] = random(256) as u8),
            2 => (0..20).for_each(|_| bytes[100 + random(3996)] = random(256) as u8),
            _ => (0..50).for_each(|_| bytes[random(original.len())] = random(256) as u8),
        }
        let database = Database::new();
        std::fs::write(database.path(), &bytes).expect("a damaged file");
        let Ok(mut conn) = open(&database.path(), Access::ReadWrite) else { continue };
        let _ = doctor(&mut conn);
        let _ = whimbrel::sqlite_host::read_schema(&mut conn);
        let _ = Planner::new(&declared).accept_data_loss(true).push(&mut conn);
    }

    let database = Database::new();
    std::fs::write(
        database.path(),
        b"this is a letter and no database, though it is long enough to have a header of 100 bytes, isn't it?",
    )
    .expect("a letter");
    refused(open(&database.path(), Access::ReadOnly), Code::NotADatabase, State::Unchanged);

    // Texts in the catalogue that SQLite itself would never have written.
    let crafted =
        ["CREATE TABLE t(", "DROP TABLE t", "CREATE TABLE t AS SELECT 1", "", "CREATE TABLE t(a) ; COMMIT", "\u{0}"];
    for text in crafted {
        let database = Database::with(&["CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('x')"]);
        let mut conn = database.connect(true);
        conn.pragma_update(None, "writable_schema", true).expect("a setting");
        conn.execute("UPDATE sqlite_schema SET sql = ?1", [text]).expect("a crafted text");
        drop(conn);
        conn = database.connect(true);
        let bytes = database.bytes();
        let _ = doctor(&mut conn);
        let declared = Schema::from_sql("CREATE TABLE t(a TEXT UNIQUE)").expect("a schema");
        let outcome = Planner::new(&declared).push(&mut conn);
        assert!(outcome.is_err(), "{text}");
        drop(conn);
        assert!(bytes == database.bytes(), "{text}");
    }
}
