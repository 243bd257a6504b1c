//! 12 to 19: where ALTER TABLE refuses, or does something else than it seems to.

use rusqlite::config::DbConfig;
use whimbrel::plan::Strategy;
use whimbrel::{Code, Planner, doctor};

use crate::support::database::{Database, ask};
use crate::support::outcome::{new, new_on, new_with, same, schema};

/// `INTEGER PRIMARY KEY DESC` and `INT PRIMARY KEY` look like the rowid and are not: NULL keys can stand in them. No
/// PRAGMA shows the difference, so a diff by PRAGMAs calls them the same.
#[test]
fn fault_012_keys_that_are_no_rowid_alias() {
    for key in ["id INTEGER PRIMARY KEY DESC", "id INT PRIMARY KEY"] {
        let make =
            format!("CREATE TABLE t({key}, n TEXT); INSERT INTO t(rowid, id, n) VALUES (1, 500, 'x'), (2, 30, 'y');");
        let database = Database::with(&[&make]);
        let conn = new(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT)");
        assert_eq!(ask(&conn, "SELECT rowid, id, n FROM t ORDER BY id"), "30|30|y\n500|500|x");

        // A key of NULL would become a number out of nowhere, and one that is no number fits nowhere.
        let database = Database::with(&[&make, "INSERT INTO t VALUES (NULL, 'z'), (NULL, 'zz')"]);
        let error = same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT)", Code::NoValue);
        assert!(error.to_string().contains("2 rows"), "{error}");
        let database = Database::with(&[&make, "INSERT INTO t VALUES ('text', 'z')"]);
        same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT)", Code::RowsDoNotFit);
    }
}

/// `SELECT *` leaves hidden columns out, and `INSERT … SELECT *` then puts values under wrong names or fails on a
/// generated column.
#[test]
fn fault_013_generated_columns_in_a_copy() {
    let database =
        Database::with(&["CREATE TABLE t(a INT, twice INT AS (a * 2), b TEXT, label TEXT AS (a || b) STORED, c BLOB);
         INSERT INTO t(a, b, c) VALUES (1, 'x', x'01'), (2, 'y', NULL);"]);
    let declared = "CREATE TABLE t(a INT, twice INT AS (a * 2), b TEXT UNIQUE, label TEXT AS (a || b) STORED, c BLOB)";
    let conn = new(&database, declared);
    assert_eq!(ask(&conn, "SELECT a, twice, b, label, c FROM t ORDER BY a"), "1|2|x|1x|x'01'\n2|4|y|2y|NULL");
}

/// ADD COLUMN refuses what a table may well declare: NOT NULL without a default on an empty table, the current time, UNIQUE,
/// STORED, a reference with a default.
#[test]
fn fault_014_add_column_refuses() {
    let start = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY);
         CREATE TABLE empty(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1); INSERT INTO t VALUES (1), (2);";
    let columns = [
        ("t", "at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP", "count(at) = 2"),
        ("t", "code TEXT UNIQUE", "count(code) = 0"),
        ("t", "twice INT AS (id * 2) STORED", "sum(twice) = 6"),
        ("t", "p INT DEFAULT 1 REFERENCES p(id)", "sum(p) = 2"),
        ("t", "n INT NOT NULL DEFAULT (1 + 1)", "sum(n) = 4"),
        ("empty", "n INT NOT NULL", "count(*) = 0"),
    ];
    for (table, column, holds) in columns {
        let database = Database::with(&[start]);
        let declared = start.split("INSERT").next().expect("the schema");
        let declared = declared.replace(
            &format!("CREATE TABLE {table}(id INTEGER PRIMARY KEY"),
            &format!("CREATE TABLE {table}(id INTEGER PRIMARY KEY, {column}"),
        );
        let conn = new(&database, &declared);
        assert_eq!(ask(&conn, &format!("SELECT {holds} FROM {table}")), "1", "{column}");
    }
}

/// DROP COLUMN refuses columns that stand in a key, a constraint, an index, a view or another column.
#[test]
fn fault_015_drop_column_refuses() {
    let cases = [
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, x INT, n INT)", "CREATE TABLE t(x INT, n INT)", "id"),
        ("CREATE TABLE t(n INT, x INT UNIQUE)", "CREATE TABLE t(n INT)", "x"),
        ("CREATE TABLE t(n INT, x INT); CREATE INDEX i ON t(x)", "CREATE TABLE t(n INT)", "x"),
        ("CREATE TABLE t(n INT, x INT); CREATE INDEX i ON t(n) WHERE x > 0", "CREATE TABLE t(n INT)", "x"),
        ("CREATE TABLE t(n INT, x INT, CHECK (x <> n))", "CREATE TABLE t(n INT)", "x"),
        ("CREATE TABLE t(n INT, x INT, y INT AS (x + 1))", "CREATE TABLE t(n INT)", "x"),
        ("CREATE TABLE t(n INT, x INT REFERENCES t(n))", "CREATE TABLE t(n INT)", "x"),
        (
            "CREATE TABLE t(n INT, x INT); CREATE VIEW v AS SELECT x, n FROM t",
            "CREATE TABLE t(n INT); CREATE VIEW v AS SELECT n FROM t",
            "x",
        ),
        (
            "CREATE TABLE t(n INT, x INT); CREATE TRIGGER g AFTER UPDATE OF x ON t BEGIN SELECT old.x; END",
            "CREATE TABLE t(n INT)",
            "x",
        ),
    ];
    for (before, declared, column) in cases {
        let rows = format!("INSERT INTO t(n, {column}) VALUES (1, 10), (2, 20)");
        let database = Database::with(&[before, &rows]);
        let mut conn = database.connect(false);
        new_with(&mut conn, declared, |planner| planner.accept_data_loss(true));
        assert_eq!(ask(&conn, "SELECT n FROM t ORDER BY n"), "1\n2", "{before}");
    }
}

/// Newer SQLite alters NOT NULL and CHECK in place, older ones do not know the words: the running version is asked, and
/// never taken for granted.
#[test]
fn fault_016_altering_in_place_depends_on_the_version() {
    let database =
        Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 1), (2, 2);"]);
    let declared = schema("CREATE TABLE t(id INTEGER PRIMARY KEY, n INT NOT NULL, CONSTRAINT small CHECK (n < 10))");
    let mut conn = database.connect(true);
    let plan = Planner::new(&declared).plan(&mut conn).expect("a plan");
    let version: u32 = rusqlite::version_number().try_into().expect("a version");
    assert_eq!(plan.basis.version, version);
    let wanted = if version >= 3_053_000 { Strategy::InPlace } else { Strategy::Rebuild };
    assert!(plan.steps.iter().all(|step| step.strategy == wanted), "{:?}", plan.steps);
    plan.run(&mut conn).expect("a run");
    assert!(conn.execute_batch("INSERT INTO t VALUES (3, NULL)").is_err());
    assert!(conn.execute_batch("INSERT INTO t VALUES (3, 10)").is_err());
}

/// Two columns that change names: one after the other, the first rename meets a name that is taken.
#[test]
fn fault_017_two_columns_swap_names() {
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a)); CREATE INDEX i ON t(b) WHERE a <> '';
         INSERT INTO t VALUES (1, 'was a', 'was b');",
    ]);
    let mut conn = database.connect(true);
    let declared =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT, a TEXT, UNIQUE (b)); CREATE INDEX i ON t(a) WHERE b <> '';";
    new_with(&mut conn, declared, |p| p.rename("t.a", "b").and_then(|p| p.rename("t.b", "a")).expect("two paths"));
    assert_eq!(ask(&conn, "SELECT a, b FROM t"), "was b|was a");
}

/// A rename that only changes the case of letters fails, because old and new are the same name.
#[test]
fn fault_018_only_the_case_changes() {
    let database = Database::with(&[
        "CREATE TABLE Birds(ID INTEGER PRIMARY KEY, RingCode TEXT); CREATE TABLE eggs(bird INT REFERENCES Birds(ID));
         INSERT INTO Birds VALUES (1, 'A'); INSERT INTO eggs VALUES (1);",
    ]);
    let conn = new(
        &database,
        "CREATE TABLE birds(id INTEGER PRIMARY KEY, ringcode TEXT); CREATE TABLE eggs(bird INT REFERENCES birds(id));",
    );
    assert_eq!(ask(&conn, "SELECT name FROM sqlite_schema WHERE sql LIKE '%ringcode%'"), "birds");
    assert_eq!(ask(&conn, "SELECT group_concat(name) FROM pragma_table_info('birds')"), "id,ringcode");
}

/// `CREATE INDEX i ON t("nope")` is taken for an index on a string, and a rename elsewhere breaks on it years later.
#[test]
fn fault_019_double_quoted_string_in_an_index() {
    let database = Database::new();
    let mut conn = database.connect(true);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true).expect("the old misfeature");
    conn.execute_batch(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX i ON t(a, \"nope\");
         CREATE TABLE u(x INT); INSERT INTO t VALUES (1, 'x'); INSERT INTO u VALUES (5);",
    )
    .expect("SQLite takes it");
    let findings = doctor(&mut conn).expect("a doctor");
    let found = findings.iter().find(|finding| finding.code == "D08").expect("the string in double quotes");
    assert_eq!(found.object, "i");
    assert!(found.message.contains("nope"), "{}", found.message);

    // With strings in double quotes forbidden, the index can neither be made anew nor be in the way.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false).expect("as it should be");
    new_with(&mut conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE u(y INT);", |planner| {
        planner.rename("u.x", "y").expect("a path")
    });
    assert_eq!(ask(&conn, "SELECT y FROM u"), "5");
    new_on(&mut conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE); CREATE TABLE u(y INT);");
}
