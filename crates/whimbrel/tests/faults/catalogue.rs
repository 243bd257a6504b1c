//! 20 to 29: objects that belong to somebody else, and settings that a migration must neither trust nor lose.

use std::cmp::Ordering;

use whimbrel::{Code, Planner, State, doctor};

use crate::support::database::{Database, Journal, ask};
use crate::support::facts::search_complaints;
use crate::support::outcome::{everything, is_as_declared, new, new_on, new_with, refused, same, same_with, schema};

/// The tables behind a full-text table look like any others; dropping or altering one destroys the search.
#[test]
fn fault_020_shadow_tables_of_a_search() {
    let search = "CREATE VIRTUAL TABLE pages USING fts5(title, body);";
    let database = Database::with(&[
        search,
        "CREATE TABLE t(n INT); INSERT INTO pages(rowid, title, body) VALUES (7, 'Godwit', 'on mud');
         CREATE TABLE pages_own(n INT); INSERT INTO pages_own VALUES (5);",
    ]);
    let conn = new(&database, &format!("{search} CREATE TABLE t(n INT UNIQUE); CREATE TABLE pages_own(n INT);"));
    assert_eq!(ask(&conn, "SELECT rowid FROM pages WHERE pages MATCH 'mud'"), "7");

    // A dump of the schema lists the shadow tables too; they are still nobody's business.
    let dump = ask(&conn, "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql IS NOT NULL");
    let mut conn = database.connect(true);
    let declared = schema(&dump);
    let plan = Planner::new(&declared).plan(&mut conn).expect("a plan");
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(search_complaints(&conn).expect("the checks"), Vec::<String>::new());
}

/// A full-text index over another table's text says nothing when that table is renamed: it goes on looking for the old
/// name, or finds stale text.
#[test]
fn fault_021_search_over_a_renamed_table() {
    let database = Database::with(&[
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (2, 'sand'), (9, 'mud');
         CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes', content_rowid = 'id');
         INSERT INTO found(found) VALUES ('rebuild');",
    ]);
    let mut conn = database.connect(true);
    let declared = "CREATE TABLE pages(id INTEGER PRIMARY KEY, body TEXT);
         CREATE VIRTUAL TABLE found USING fts5(body, content = 'pages', content_rowid = 'id');";
    new_with(&mut conn, declared, |planner| planner.rename("notes", "pages").expect("a path"));
    assert_eq!(ask(&conn, "SELECT rowid, body FROM found WHERE found MATCH 'mud'"), "9|mud");
    assert_eq!(search_complaints(&conn).expect("the checks"), Vec::<String>::new());
}

/// A collation that only the app registers: an index with it cannot be made, and `integrity_check` says ok all the same.
#[test]
fn fault_022_collation_that_is_not_registered() {
    let by_length = |a: &str, b: &str| -> Ordering { a.len().cmp(&b.len()) };
    let database = Database::new();
    let conn = database.connect(true);
    conn.create_collation("by_length", by_length).expect("a collation");
    conn.execute_batch("CREATE TABLE t(a TEXT COLLATE by_length, n INT); INSERT INTO t VALUES ('x', 1), ('yy', 2)")
        .expect("a table with it");
    drop(conn);

    let declared = "CREATE TABLE t(a TEXT COLLATE by_length, n INT); CREATE INDEX i ON t(a);";
    let error = same(&database, declared, Code::NotRegistered);
    assert!(error.to_string().contains("by_length"), "{error}");
    same(&database, "CREATE TABLE t(a TEXT COLLATE by_length UNIQUE, n INT)", Code::NotRegistered);
    let findings = doctor(&mut database.connect(true)).expect("a doctor");
    assert!(findings.iter().any(|f| f.code == "D07" && f.message.contains("by_length")), "{findings:?}");

    let mut conn = database.connect(true);
    conn.create_collation("by_length", by_length).expect("a collation");
    let declared = schema(declared);
    Planner::new(&declared).push(&mut conn).expect("with the collation it works");
}

/// A virtual table whose module is not loaded can be neither read nor dropped: it is left alone, and refused only where the
/// plan would touch it.
#[test]
fn fault_023_module_that_is_not_loaded() {
    let ghost = "CREATE VIRTUAL TABLE ghost USING nowhere(a, b)";
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');"]);
    let conn = database.connect(true);
    conn.execute_batch(&format!(
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'ghost', 'ghost', 0, '{ghost}');
         PRAGMA writable_schema = OFF;"
    ))
    .expect("a table of an unknown module");
    drop(conn);

    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)";
    let error = same_with(&database, declared, Code::NotRegistered, |planner| planner.accept_data_loss(true));
    assert!(error.to_string().contains("nowhere") && error.to_string().contains("ghost"), "{error}");
    let mut conn = database.connect(true);
    let declared = schema(&format!("{ghost}; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INT)"));
    Planner::new(&declared).push(&mut conn).expect("the rest can change");
    assert!(Planner::new(&declared).plan(&mut conn).expect("a plan").is_empty());
    assert_eq!(ask(&conn, "SELECT a, b FROM t"), "x|NULL");
    let findings = doctor(&mut conn).expect("a doctor");
    assert!(findings.iter().any(|f| f.code == "D06" && f.object == "ghost"), "{findings:?}");
}

/// A TEMP table or view of the same name is what an unqualified statement means, and an attached database may hold
/// another one: every name is qualified.
#[test]
fn fault_024_temp_and_attached_objects_shadow_main() {
    let database =
        Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'main');
         CREATE TABLE u(x INT); INSERT INTO u VALUES (5);"]);
    let other = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'other');
         CREATE TABLE only_there(n INT);"]);
    let other_bytes = other.bytes();
    let mut conn = database.connect(true);
    conn.execute_batch(&format!(
        "CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO temp.t VALUES (1, 'temp'), (2, 'temp');
         CREATE TEMP VIEW u AS SELECT 'temp' AS x; ATTACH '{}' AS elsewhere;",
        other.path().display()
    ))
    .expect("shadows");
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT UNIQUE); CREATE TABLE u(x TEXT NOT NULL);
         CREATE INDEX i ON t(b);";
    let declared_schema = schema(declared);
    let mut planner = Planner::new(&declared_schema).rename("t.a", "b").expect("a path");
    planner.push(&mut conn).expect("main changes");
    assert_eq!(ask(&conn, "SELECT b FROM main.t"), "main");
    assert_eq!(ask(&conn, "SELECT x, typeof(x) FROM main.u"), "5|text");
    assert_eq!(ask(&conn, "SELECT a FROM temp.t"), "temp\ntemp");
    assert_eq!(ask(&conn, "SELECT count(*) FROM temp.sqlite_schema"), "2");
    drop(conn);
    assert!(other_bytes == other.bytes(), "an attached database is no target");
}

/// A TEMP trigger of the app's connection goes with the table when that is dropped for a rebuild, like any other trigger,
/// but stands in no catalogue of the file: the app must not lose it without a word.
#[test]
fn fault_024_temp_trigger_on_main() {
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'); CREATE TABLE log(n INT);",
    ]);
    let mut conn = database.connect(true);
    conn.execute_batch("CREATE TEMP TRIGGER watch AFTER INSERT ON main.t BEGIN INSERT INTO log VALUES (new.id); END;")
        .expect("a trigger of this connection");
    new_on(&mut conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE); CREATE TABLE log(n INT);");
    assert_eq!(ask(&conn, "SELECT count(*) FROM log"), "0", "the copy fires nothing");
    conn.execute_batch("INSERT INTO t VALUES (2, 'z')").expect("a row");
    assert_eq!(ask(&conn, "SELECT n FROM log"), "2", "the trigger of this connection is still there");
}

/// A TEMP view of the app's connection reads a table of main, and SQLite reads it at every RENAME and DROP COLUMN: such a
/// change is done, or refused by the view's name, and never stops half-way.
#[test]
fn fault_024_temp_view_on_main() {
    let changes = [
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT)", None),
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, c TEXT, b TEXT)", Some(("t.a", "c"))),
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT)", None),
        ("CREATE TABLE u(id INTEGER PRIMARY KEY, a TEXT, b TEXT)", Some(("t", "u"))),
    ];
    for (declared, rename) in changes {
        let database = Database::with(&[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'x', 'y');",
        ]);
        let mut conn = database.connect(true);
        conn.execute_batch("CREATE TEMP VIEW seen AS SELECT a FROM main.t").expect("a view of this connection");
        let before = everything(&conn);
        let declared_schema = schema(declared);
        let mut planner = Planner::new(&declared_schema).accept_data_loss(true);
        if let Some((old, new)) = rename {
            planner = planner.rename(old, new).expect("a path");
        }
        match planner.push(&mut conn) {
            Ok(_) => is_as_declared(&conn, declared),
            Err(error) => {
                assert_eq!(error.code(), Code::BrokenDependent, "{declared}: {error}");
                assert_eq!(everything(&conn), before);
            }
        }
    }
}

/// The name that a rebuild would give its new table belongs to somebody: an object that is not known is never dropped.
#[test]
fn fault_025_temporary_name_is_taken() {
    let theirs = "CREATE TABLE _whimbrel_1(n INT); CREATE VIEW _whimbrel_2 AS SELECT n FROM _whimbrel_1;
         CREATE TABLE _whimbrel_gone_a(n INT); CREATE TABLE new_t(n INT); CREATE TABLE t_new(n INT);
         CREATE INDEX _whimbrel_3 ON new_t(n);";
    let database = Database::with(&[
        theirs,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'x', 'y');
         INSERT INTO _whimbrel_1 VALUES (1); INSERT INTO _whimbrel_gone_a VALUES (2); INSERT INTO new_t VALUES (3);",
    ]);
    let mut conn = database.connect(true);
    new_with(&mut conn, &format!("{theirs} CREATE TABLE t(id INTEGER PRIMARY KEY, a INT UNIQUE)"), |planner| {
        planner.accept_data_loss(true).rename("t.b", "a").expect("a path")
    });
    assert_eq!(ask(&conn, "SELECT a FROM t"), "y");
    assert_eq!(
        ask(&conn, "SELECT n FROM _whimbrel_2 UNION ALL SELECT n FROM _whimbrel_gone_a UNION ALL SELECT n FROM new_t"),
        "1\n2\n3"
    );
}

/// DROP TABLE deletes what ANALYZE had found out, and queries get slow weeks after a migration.
#[test]
fn fault_026_statistics_vanish() {
    let indexes = "CREATE INDEX by_n ON t(n); CREATE INDEX by_m ON t(m, n);";
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, m INT);",
        indexes,
        "INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3); ANALYZE;",
    ]);
    let before = ask(&database.connect(true), "SELECT * FROM sqlite_stat1 ORDER BY 1, 2");
    let conn = new(&database, &format!("CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, m INT); {indexes}"));
    assert_eq!(ask(&conn, "SELECT * FROM sqlite_stat1 ORDER BY 1, 2"), before);
    assert_eq!(before.lines().count(), 2);
}

/// Journal mode, page size and vacuum mode cannot change inside a transaction, and a migration has no business with
/// them: all stay as they are.
#[test]
fn fault_027_settings_of_the_file_stay() {
    for journal in [Journal::Delete, Journal::Wal] {
        let database = Database::new();
        let conn = database.connect(true);
        conn.execute_batch("PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL; VACUUM;").expect("settings");
        let mode = if journal == Journal::Wal { "WAL" } else { "PERSIST" };
        ask(&conn, &format!("PRAGMA journal_mode = {mode}"));
        conn.execute_batch("CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('x')").expect("a table");
        let mut conn = database.connect(true);
        ask(&conn, &format!("PRAGMA journal_mode = {mode}"));
        new_on(&mut conn, "CREATE TABLE t(a TEXT UNIQUE)");
        assert_eq!(ask(&conn, "PRAGMA page_size"), "1024");
        assert_eq!(ask(&conn, "PRAGMA auto_vacuum"), "2");
        assert_eq!(ask(&conn, "PRAGMA journal_mode"), mode.to_lowercase());
    }
}

/// `user_version` holds 32 bits and ignores what does not fit. It belongs to the app: a push neither reads nor writes it.
#[test]
fn fault_028_user_version_belongs_to_the_app() {
    for version in ["-1", "2147483647"] {
        let database = Database::with(&["CREATE TABLE t(a TEXT);", &format!("PRAGMA user_version = {version}")]);
        let conn = new(&database, "CREATE TABLE t(a TEXT NOT NULL UNIQUE)");
        assert_eq!(ask(&conn, "PRAGMA user_version"), version);
        assert_eq!(
            ask(&conn, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
            "1",
            "no table of Whimbrel's own"
        );
    }
}

/// The `application_id` says whose file it is. A push keeps it; where the schema says another, nothing is touched, and
/// without one, what such a file may hold that is not declared is refused as a loss.
#[test]
fn fault_029_file_of_another_application() {
    let database =
        Database::with(&["PRAGMA application_id = 252006673; CREATE TABLE event(id INTEGER PRIMARY KEY, blob BLOB);
         INSERT INTO event VALUES (1, x'00');"]);
    same(&database, "CREATE TABLE notes(uuid TEXT PRIMARY KEY)", Code::DataLoss);
    let conn = new(&database, "CREATE TABLE event(id INTEGER PRIMARY KEY, blob BLOB UNIQUE)");
    assert_eq!(ask(&conn, "PRAGMA application_id"), "252006673");
    drop(conn);
    let foreign = "PRAGMA application_id = -7; CREATE TABLE event(id INTEGER PRIMARY KEY, blob BLOB UNIQUE, more)";
    same(&database, foreign, Code::OtherApplication);
    let own = foreign.replace("-7", "252006673");
    new(&database, &own.replace(", more", ", note TEXT"));
    let empty = new(&Database::with(&[]), foreign);
    assert_eq!(ask(&empty, "PRAGMA application_id"), "-7", "a new file gets the id that is declared");
    let declared = schema("CREATE TABLE event(id INTEGER PRIMARY KEY)");
    refused(Planner::new(&declared).push(&mut database.connect(true)), Code::DataLoss, State::Unchanged);
}
