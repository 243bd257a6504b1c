//! 1 to 11: what a table rebuild takes away without a word.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use whimbrel::{Code, Planner, State};

use crate::support::database::{Database, ask};
use crate::support::outcome::{new, new_on, new_with, refused, same_with, schema};

/// `PRAGMA foreign_keys=OFF` does nothing inside a transaction, and says nothing. So a caller's open transaction is
/// refused, and a setting that does not take is noticed.
#[test]
fn fault_001_foreign_keys_cannot_be_switched_off() {
    let database = Database::with(&["CREATE TABLE t(n TEXT); INSERT INTO t VALUES ('a')"]);
    let bytes = database.bytes();
    let declared = schema("CREATE TABLE t(n TEXT UNIQUE)");

    let mut conn = database.connect(true);
    let plan = Planner::new(&declared).plan(&mut conn).expect("a plan");
    conn.execute_batch("BEGIN; INSERT INTO t VALUES ('b')").expect("a transaction of the app");
    refused(Planner::new(&declared).plan(&mut conn), Code::TransactionOpen, State::Unchanged);
    refused(plan.run(&mut conn), Code::TransactionOpen, State::Unchanged);
    assert!(!conn.is_autocommit(), "the app's transaction is still its own");
    assert_eq!(ask(&conn, "SELECT count(*) FROM t"), "2");
    conn.execute_batch("ROLLBACK").expect("the app's own rollback");

    // A setting that is silently ignored is seen when it is read back.
    let ignore = |context: AuthContext<'_>| match context.action {
        AuthAction::Pragma { pragma_name: "foreign_keys", pragma_value: Some(_) } => Authorization::Ignore,
        _ => Authorization::Allow,
    };
    conn.authorizer(Some(ignore)).expect("an authorizer");
    refused(plan.run(&mut conn), Code::Setting, State::Unchanged);
    drop(conn);
    assert!(bytes == database.bytes());
}

/// With foreign keys on, DROP TABLE deletes the rows of every cascading child, and the commit succeeds: a tool that
/// rebuilds a parent empties its children.
#[test]
fn fault_002_cascade_deleted_children() {
    let database = Database::with(&[
        "CREATE TABLE nests(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE eggs(id INTEGER PRIMARY KEY, nest INTEGER NOT NULL REFERENCES nests(id) ON DELETE CASCADE);
         CREATE TABLE chicks(egg INTEGER PRIMARY KEY REFERENCES eggs(id) ON DELETE CASCADE ON UPDATE CASCADE);",
        "INSERT INTO nests VALUES (1, 'a'), (2, 'b'); INSERT INTO eggs VALUES (1, 1), (2, 1), (3, 2);
         INSERT INTO chicks VALUES (1), (3);",
    ]);
    let conn = new(
        &database,
        "CREATE TABLE nests(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
         CREATE TABLE eggs(id INTEGER PRIMARY KEY, nest INTEGER NOT NULL REFERENCES nests(id) ON DELETE CASCADE);
         CREATE TABLE chicks(egg INTEGER PRIMARY KEY REFERENCES eggs(id) ON DELETE CASCADE ON UPDATE CASCADE);",
    );
    assert_eq!(ask(&conn, "SELECT (SELECT count(*) FROM eggs), (SELECT count(*) FROM chicks)"), "3|2");
    assert_eq!(ask(&conn, "PRAGMA foreign_keys"), "1", "the connection's setting is as it was");
}

/// Renaming the old table out of the way first makes every child refer to the old table, even with foreign keys off.
#[test]
fn fault_003_children_refer_to_the_renamed_old_table() {
    let declared = "CREATE TABLE nests(id INTEGER PRIMARY KEY, name TEXT CHECK (name <> '') UNIQUE);
         CREATE TABLE eggs(nest INTEGER REFERENCES nests(id));";
    let database = Database::with(&[
        "CREATE TABLE nests(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE eggs(nest INTEGER REFERENCES nests(id));
         INSERT INTO nests VALUES (1, 'a'); INSERT INTO eggs VALUES (1);",
    ]);
    let conn = new(&database, declared);
    assert_eq!(ask(&conn, "SELECT \"table\" FROM pragma_foreign_key_list('eggs')"), "nests");
    let text = ask(&conn, "SELECT sql FROM sqlite_schema WHERE name = 'eggs'");
    assert_eq!(text, "CREATE TABLE eggs(nest INTEGER REFERENCES nests(id))", "not one byte of the child is touched");
}

/// Create, copy, drop, rename: the rename fails as soon as any view reads the table, because the view is broken in that
/// moment.
#[test]
fn fault_004_dependent_view_that_blocks_the_rename() {
    let views = "CREATE VIEW names AS SELECT name FROM birds;
         CREATE VIEW loud AS SELECT upper(name) AS name FROM names;
         CREATE VIEW longest AS SELECT max(length(name)) AS n FROM loud;";
    let database = Database::with(&[
        "CREATE TABLE birds(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO birds VALUES (1, 'knot');",
        views,
    ]);
    let conn =
        new(&database, &format!("CREATE TABLE birds(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE); {views}"));
    assert_eq!(ask(&conn, "SELECT n FROM longest"), "4");

    // And where the table itself gets another name.
    let renamed = views.replace("FROM birds", "FROM waders");
    let mut conn = database.connect(true);
    new_with(&mut conn, &format!("CREATE TABLE waders(id INTEGER PRIMARY KEY, name TEXT); {renamed}"), |planner| {
        planner.rename("birds", "waders").expect("a path")
    });
    assert_eq!(ask(&conn, "SELECT name FROM loud"), "KNOT");
}

/// The same happens with a trigger on quite another table that names the rebuilt one.
#[test]
fn fault_005_trigger_on_another_table_blocks_the_rename() {
    let trigger = "CREATE TABLE visits(bird INT);
         CREATE TRIGGER seen AFTER INSERT ON visits BEGIN UPDATE birds SET visits = visits + 1 WHERE id = new.bird; END;";
    let database = Database::with(&[
        "CREATE TABLE birds(id INTEGER PRIMARY KEY, visits INT); INSERT INTO birds VALUES (1, 0);",
        trigger,
    ]);
    let declared = "CREATE TABLE birds(id INTEGER PRIMARY KEY, visits INT NOT NULL DEFAULT 0 CHECK (visits >= 0));";
    let conn = new(&database, &format!("{declared} {trigger}"));
    conn.execute_batch("INSERT INTO visits VALUES (1), (1)").expect("the trigger works");
    assert_eq!(ask(&conn, "SELECT visits FROM birds"), "2");
}

/// A view that has nothing to do with the change, and was broken long ago, stops every RENAME: it is found before the
/// start and named.
#[test]
fn fault_006_broken_unrelated_view_blocks_a_rename() {
    let broken = "CREATE VIEW old_report AS SELECT * FROM dropped_last_year;";
    let database =
        Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');", broken]);
    let declared = format!("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT); {broken}");
    let error = same_with(&database, &declared, Code::BrokenDependent, |p| p.rename("t.a", "b").expect("a path"));
    assert_eq!(error.report().object.as_deref(), Some("old_report"));
    assert!(!error.report().help.is_empty(), "it says what to do");

    // A change that needs no rename of SQLite's goes through.
    new(&database, &format!("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, c INT UNIQUE); {broken}"));
}

/// `legacy_alter_table` decides what a rename rewrites, and some platforms have it on: references must follow whatever
/// the app's connection says, and its setting stays.
#[test]
fn fault_007_legacy_alter_table_is_inherited() {
    for legacy in [false, true] {
        let database = Database::with(&[
            "CREATE TABLE nests(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE eggs(nest INT REFERENCES nests(id));
             CREATE VIEW names AS SELECT name FROM nests;
             CREATE TRIGGER gone AFTER DELETE ON nests BEGIN DELETE FROM eggs WHERE nest = old.id; END;
             INSERT INTO nests VALUES (1, 'a'); INSERT INTO eggs VALUES (1);",
        ]);
        let mut conn = database.connect(true);
        conn.pragma_update(None, "legacy_alter_table", legacy).expect("a setting");
        let declared = "CREATE TABLE sites(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
             CREATE TABLE eggs(nest INT REFERENCES sites(id));
             CREATE VIEW names AS SELECT name FROM sites;
             CREATE TRIGGER gone AFTER DELETE ON sites BEGIN DELETE FROM eggs WHERE nest = old.id; END;";
        new_with(&mut conn, declared, |planner| planner.rename("nests", "sites").expect("a path"));
        assert_eq!(ask(&conn, "PRAGMA legacy_alter_table"), i32::from(legacy).to_string());
        assert_eq!(ask(&conn, "SELECT name FROM names"), "a");
    }
}

/// DROP TABLE takes a table's triggers and indexes with it, and a tool that forgets one loses it for good.
#[test]
fn fault_008_triggers_lost() {
    let objects = "CREATE INDEX by_name ON birds(name COLLATE NOCASE);
         CREATE UNIQUE INDEX by_ring ON birds(ring) WHERE ring IS NOT NULL;
         CREATE TABLE log(what TEXT);
         CREATE TRIGGER birds_in AFTER INSERT ON birds BEGIN INSERT INTO log VALUES ('in;' || new.name); END;
         CREATE TRIGGER birds_out BEFORE DELETE ON birds WHEN old.ring IS NOT NULL BEGIN INSERT INTO log VALUES ('out'); END;
         CREATE TRIGGER birds_set AFTER UPDATE OF name ON birds BEGIN INSERT INTO log VALUES ('set'); END;";
    let database = Database::with(&["CREATE TABLE birds(id INTEGER PRIMARY KEY, name TEXT, ring TEXT);", objects]);
    let count =
        "SELECT type, count(*) FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL GROUP BY type";
    let declared =
        format!("CREATE TABLE birds(id INTEGER PRIMARY KEY, name TEXT, ring TEXT, UNIQUE (id, name)); {objects}");
    let conn = new(&database, &declared);
    assert_eq!(ask(&conn, count), "index|2\ntrigger|3");
    conn.execute_batch("INSERT INTO birds VALUES (1, 'ruff', 'A'); UPDATE birds SET name = 'knot'; DELETE FROM birds;")
        .expect("every trigger works");
    assert_eq!(ask(&conn, "SELECT group_concat(what, ' ') FROM log"), "in;ruff set out");
}

/// The counter of AUTOINCREMENT belongs to the table that is dropped; without it an id that was given out and deleted
/// is given out again, and means something else elsewhere.
#[test]
fn fault_009_reused_autoincrement_id() {
    let database = Database::with(&[
        "CREATE TABLE bills(id INTEGER PRIMARY KEY AUTOINCREMENT, cents TEXT);
         INSERT INTO bills VALUES (1, '5'), (4711, '6'); DELETE FROM bills WHERE id = 4711;
         CREATE TABLE empty(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT); INSERT INTO empty VALUES (99, 'x'); DELETE FROM empty;",
    ]);
    let conn = new(
        &database,
        "CREATE TABLE bills(id INTEGER PRIMARY KEY AUTOINCREMENT, cents INTEGER NOT NULL CHECK (cents > 0), UNIQUE (id, cents));
         CREATE TABLE empty(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT UNIQUE);",
    );
    assert_eq!(ask(&conn, "INSERT INTO bills(cents) VALUES (7) RETURNING id"), "4712");
    assert_eq!(ask(&conn, "INSERT INTO empty(n) VALUES ('y') RETURNING id"), "100");
    assert_eq!(ask(&conn, "SELECT name, seq FROM sqlite_sequence ORDER BY name"), "bills|4712\nempty|100");
}

/// Rows without an INTEGER PRIMARY KEY have rowids that nothing writes down; other tables and full-text indexes may
/// hold them, so a copy that numbers rows anew breaks them.
#[test]
fn fault_010_rowids_are_renumbered() {
    let database = Database::with(&[
        "CREATE TABLE notes(body TEXT); INSERT INTO notes(rowid, body) VALUES (-5, 'a'), (3, 'b'), (9223372036854775807, 'c');
         CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes'); INSERT INTO found(found) VALUES ('rebuild');",
    ]);
    let declared = "CREATE TABLE notes(body TEXT NOT NULL UNIQUE); CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes');";
    let conn = new(&database, declared);
    assert_eq!(ask(&conn, "SELECT rowid, body FROM notes ORDER BY rowid"), "-5|a\n3|b\n9223372036854775807|c");
    assert_eq!(ask(&conn, "SELECT rowid FROM found WHERE found MATCH 'b'"), "3");
}

/// A WITHOUT ROWID table has no rowid, and an ordinary one may have columns called rowid, oid and _rowid_: reading one
/// of them for the row's number copies something else.
#[test]
fn fault_011_rowid_is_hidden_or_missing() {
    let database = Database::with(&[
        "CREATE TABLE a(k TEXT PRIMARY KEY, n TEXT) WITHOUT ROWID; INSERT INTO a VALUES ('y', '2'), ('x', '1');
         CREATE TABLE b(rowid TEXT, oid INT); INSERT INTO b(_rowid_, rowid, oid) VALUES (70, 'seventy', 7);
         CREATE TABLE c(rowid TEXT, oid TEXT, _rowid_ TEXT); INSERT INTO c VALUES ('r', 'o', 'u');
         CREATE TABLE d(id INTEGER PRIMARY KEY, rowid TEXT, oid TEXT, _rowid_ TEXT); INSERT INTO d VALUES (40, 'r', 'o', 'u');",
    ]);
    let mut conn = database.connect(true);
    new_on(
        &mut conn,
        "CREATE TABLE a(k TEXT PRIMARY KEY, n INT UNIQUE) WITHOUT ROWID;
         CREATE TABLE b(rowid TEXT UNIQUE, oid INT);
         CREATE TABLE c(rowid TEXT UNIQUE, oid TEXT, _rowid_ TEXT);
         CREATE TABLE d(id INTEGER PRIMARY KEY, rowid TEXT UNIQUE, oid TEXT, _rowid_ TEXT);",
    );
    assert_eq!(ask(&conn, "SELECT k, n FROM a"), "x|1\ny|2");
    assert_eq!(ask(&conn, "SELECT _rowid_, rowid, oid FROM b"), "70|seventy|7");
    assert_eq!(ask(&conn, "SELECT rowid, oid, _rowid_ FROM c"), "r|o|u");
    assert_eq!(ask(&conn, "SELECT id, rowid, oid, _rowid_ FROM d"), "40|r|o|u");
}
