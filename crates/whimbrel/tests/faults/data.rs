//! 30 to 46: values that do not survive, and rows that do not fit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use whimbrel::{Cancel, Code, Event, Planner, Schema, State, doctor};

use crate::support::database::{Database, ask};
use crate::support::outcome::{everything, new, new_with, refused, same, same_with, schema};
use crate::support::rows;

/// A STRICT table takes no text where numbers are declared, and an ordinary table may be full of it.
#[test]
fn fault_030_text_into_a_strict_integer() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, n INT);
         INSERT INTO t VALUES (1, 5), (2, 'five'), (3, x'05'), (4, '6'), (5, 2.5), (6, 3.0), (7, NULL);"]);
    let error = same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT) STRICT", Code::RowsDoNotFit);
    assert!(error.to_string().contains("3 rows of t do not fit"), "{error}");
}

/// Affinity turns '007' into 7 and a number of 19 digits into a rounded one; neither reads back.
#[test]
fn fault_031_affinity_alters_values() {
    for value in ["'007'", "'9223372036854775808'", "'1e5'", "' 1'", "'1.10'", "'+1'"] {
        let make =
            format!("CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT); INSERT INTO t VALUES (1, {value}), (2, '12');");
        let database = Database::with(&[&make]);
        let error = same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER)", Code::ValuesAltered);
        assert!(error.to_string().contains("1 row"), "{value}: {error}");
    }
    // What reads back as it was needs no question.
    let database =
        Database::with(&["CREATE TABLE t(n TEXT); INSERT INTO t VALUES ('12'), ('-5'), ('x'), (''), (NULL);"]);
    let conn = new(&database, "CREATE TABLE t(n INTEGER)");
    assert_eq!(ask(&conn, "SELECT n, typeof(n) FROM t"), "12|integer\n-5|integer\nx|text\n|text\nNULL|null");
}

/// 9007199254740993 has no double: through REAL it becomes …992.
#[test]
fn fault_032_integer_through_real() {
    for value in ["9007199254740993", "-9007199254740993", "9223372036854775807", "'9007199254740993'"] {
        let database = Database::with(&[&format!("CREATE TABLE t(n); INSERT INTO t VALUES ({value}), (1), (NULL);")]);
        let error = same(&database, "CREATE TABLE t(n REAL)", Code::ValuesAltered);
        assert!(error.to_string().contains("1 row"), "{value}: {error}");
    }
    let database =
        Database::with(&["CREATE TABLE t(n); INSERT INTO t VALUES (9007199254740992), (1), (x'01'), ('x');"]);
    let conn = new(&database, "CREATE TABLE t(n REAL)");
    assert_eq!(ask(&conn, "SELECT n FROM t"), "9007199254740992.0\n1.0\nx'01'\nx");
}

/// Infinity minus infinity is NULL in SQLite: infinities are kept as they are, and a back-fill that computes NULL is
/// found before it meets NOT NULL.
#[test]
fn fault_033_infinity_minus_infinity() {
    let start = "CREATE TABLE t(id INTEGER PRIMARY KEY, a REAL, b REAL); INSERT INTO t VALUES (1, 9e999, 9e999), (2, -9e999, 1);";
    let database = Database::with(&[start]);
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, a REAL, b REAL,
           difference REAL NOT NULL -- whimbrel: backfill a - b
         )";
    let error = same(&database, declared, Code::NoValue);
    assert!(error.to_string().contains("1 row"), "{error}");
    let conn = new(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, a REAL, b REAL, UNIQUE (a))");
    assert_eq!(ask(&conn, "SELECT a, b FROM t ORDER BY id"), "inf|inf\n-inf|1.0");
}

/// `quote()` and every dump as SQL text stop at a NUL inside a text: rows never travel as text.
#[test]
fn fault_034_nul_inside_a_text() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT, n TEXT);
         INSERT INTO t VALUES (1, CAST(x'610062' AS TEXT), CAST(x'00' AS TEXT)), (2, 'ab', '');"]);
    let conn = new(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT UNIQUE, n TEXT NOT NULL)");
    let bytes = "SELECT hex(CAST(s AS BLOB)), hex(CAST(n AS BLOB)), typeof(s) FROM t ORDER BY id";
    assert_eq!(ask(&conn, bytes), "610062|00|text\n6162||text");
}

/// SQLite stores texts that are no UTF-8: a copy through a program's strings would mend or refuse them.
#[test]
fn fault_035_text_that_is_no_utf8() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT);
         INSERT INTO t VALUES (1, CAST(x'ff80' AS TEXT)), (2, CAST(x'c328' AS TEXT)), (3, CAST(x'eda080' AS TEXT));"]);
    let before = rows::read_all(&database.connect(true)).expect("the rows");
    let conn = new(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT NOT NULL UNIQUE, more TEXT)");
    let after = rows::read_all(&conn).expect("the rows");
    assert_eq!(rows::differences(&before, &after, &Vec::new(), &[]).expect("the defaults"), "");
    // Nor does it hurt that their keys are shown.
    let declared =
        schema("CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT NOT NULL UNIQUE, more TEXT, CHECK (length(s) > 5))");
    let plan = Planner::new(&declared).show_rows(true).plan(&mut database.connect(true)).expect("a plan");
    assert_eq!(plan.obstacles[0].code(), Code::RowsDoNotFit);
}

/// CHECK (a > 5) is satisfied by NULL, and by 'x', which is greater than any number. Rows that SQLite takes are no
/// reason to refuse.
#[test]
fn fault_036_check_that_lets_null_and_text_pass() {
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, NULL), (2, 'x'), (3, 6);",
    ]);
    let conn = new(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, a CHECK (a > 5))");
    assert_eq!(ask(&conn, "SELECT a FROM t ORDER BY id"), "NULL\nx\n6");
    let database =
        Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 5), (2, '1'), (3, 6);"]);
    let error = same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, a CHECK (a > 5))", Code::RowsDoNotFit);
    assert!(error.to_string().contains("1 row"), "{error}");
}

/// Rows that are there break a new CHECK or NOT NULL: found with their number before anything is written.
#[test]
fn fault_037_rows_break_a_new_constraint() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b INT);
         INSERT INTO t VALUES (1, NULL, 1), (2, NULL, -1), (3, 3, -3), (4, 4, 4);"]);
    let error = same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT NOT NULL, b INT)", Code::NoValue);
    assert!(error.to_string().contains("2 rows of t have no value for a"), "{error}");
    let error =
        same(&database, "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b INT, CHECK (b > 0))", Code::RowsDoNotFit);
    assert!(error.to_string().contains("2 rows of t do not fit"), "{error}");
    // The same where the table is rebuilt anyway, and where the columns change as well.
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT, CHECK (b > 0), UNIQUE (a))";
    let error = whatever(&database, declared);
    assert_eq!(error.code(), Code::RowsDoNotFit, "{error}");
}

/// A push that must fail and leave every row and object as it was, before the start or by a rollback.
fn whatever(database: &Database, declared: &str) -> whimbrel::Error {
    let mut conn = database.connect(true);
    let before = everything(&conn);
    let declared: Schema = schema(declared);
    let error = Planner::new(&declared).push(&mut conn).expect_err("it must fail");
    assert_eq!(everything(&conn), before);
    error
}

/// UNIQUE under NOCASE finds rows alike that stood beside each other for years.
#[test]
fn fault_038_unique_under_another_collation() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, mail TEXT UNIQUE);
         INSERT INTO t VALUES (1, 'Ada@x'), (2, 'ada@X'), (3, 'bob'), (4, 'BOB'), (5, 'eve'), (6, NULL), (7, NULL);"]);
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE UNIQUE)";
    let error = same_with(&database, declared, Code::RowsDoNotFit, |planner| planner.show_rows(true));
    assert!(error.to_string().contains("2 groups of equal rows"), "{error}");
    let declared = schema(declared);
    let plan = Planner::new(&declared).show_rows(true).plan(&mut database.connect(true)).expect("a plan");
    let keys = plan.warnings.join("\n");
    assert!(keys.contains("1,2") || keys.contains("2,1"), "{keys}");
    assert!(keys.contains("3,4") || keys.contains("4,3"), "{keys}");
}

/// A legacy table lets NULL stand in its text key; a table WITHOUT ROWID does not.
#[test]
fn fault_039_null_in_a_legacy_key() {
    let database = Database::with(&[
        "CREATE TABLE t(k TEXT PRIMARY KEY, n INT); INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('x', 3);",
    ]);
    let error = same(&database, "CREATE TABLE t(k TEXT PRIMARY KEY, n INT) WITHOUT ROWID", Code::NoValue);
    assert!(error.to_string().contains("2 rows of t have no value for k"), "{error}");
    // As long as the key stays as it is, the rows do too.
    let conn = new(&database, "CREATE TABLE t(k TEXT PRIMARY KEY, n INT UNIQUE)");
    assert_eq!(ask(&conn, "SELECT k, n FROM t ORDER BY n"), "NULL|1\nNULL|2\nx|3");
}

/// `ON CONFLICT REPLACE` and `IGNORE` in a table's own text drop rows while they are copied, without an error.
#[test]
fn fault_040_conflict_clauses_drop_rows() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT);
         INSERT INTO t VALUES (1, 'x', 'p'), (2, 'x', NULL), (3, 'y', 'q');"]);
    for (declared, code) in [
        ("a TEXT UNIQUE ON CONFLICT REPLACE, b TEXT", Code::RowsDoNotFit),
        ("a TEXT UNIQUE ON CONFLICT IGNORE, b TEXT", Code::RowsDoNotFit),
        ("a TEXT, b TEXT NOT NULL ON CONFLICT IGNORE", Code::NoValue),
        ("a TEXT, b TEXT NOT NULL ON CONFLICT REPLACE", Code::NoValue),
    ] {
        same(&database, &format!("CREATE TABLE t(id INTEGER PRIMARY KEY, {declared})"), code);
    }
    // Where no question finds them, the copy itself must not obey the clause.
    rows_that_lie("REPLACE");
    rows_that_lie("IGNORE");
    // REPLACE with a default is a way to say what rows without a value get.
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'r')";
    let conn = new(&database, declared);
    assert_eq!(ask(&conn, "SELECT b FROM t ORDER BY id"), "p\nr\nq");
}

/// `ON CONFLICT ROLLBACK` in the DDL ends the whole transaction at the first offending row, and what follows would be committed
/// statement by statement. The rows here lie: they fit when asked, and no longer when copied.
#[test]
fn fault_041_a_conflict_ends_the_transaction() {
    rows_that_lie("ROLLBACK");
}

/// Rows that fit when they are asked, and are all alike when they are copied: what a conflict clause does then is
/// overruled, and the run is rolled back as a whole.
fn rows_that_lie(conflict: &str) {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, n INT); CREATE TABLE zz(a TEXT);
         INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);"]);
    let mut conn = database.connect(true);
    let is_running = Arc::new(AtomicBool::new(false));
    let lies = Arc::clone(&is_running);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("fickle", 1, flags, move |context| {
        context.get::<i64>(0).map(|n| if lies.load(Ordering::Relaxed) { 0 } else { n })
    })
    .expect("a function");
    let declared = schema(&format!(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, f INT AS (fickle(n)) STORED UNIQUE ON CONFLICT {conflict});
         CREATE TABLE zz(a TEXT UNIQUE);"
    ));
    let before = everything(&conn);
    let plan = Planner::new(&declared).plan(&mut conn).expect("a plan");
    let mut observer = |event: &Event<'_>| {
        is_running.fetch_or(matches!(event, Event::Started { .. }), Ordering::Relaxed);
    };
    let outcome = plan.run_with(&mut conn, &mut observer, &Cancel::default());
    refused(outcome, Code::RowsDoNotFit, State::RolledBack);
    assert!(conn.is_autocommit(), "a transaction was left open");
    assert_eq!(everything(&database.connect(true)), before, "something was committed");
}

/// A script that holds COMMIT or ROLLBACK ends the migration's own transaction in the middle. Of a declared schema only
/// the declarations are executed: what a dump has around them is passed over, anything else is refused with its place.
#[test]
fn fault_042_script_with_transaction_control() {
    for statement in ["COMMIT", "END TRANSACTION", "BEGIN", "SAVEPOINT s", "RELEASE s", "PRAGMA foreign_keys = ON"] {
        let database = Database::with(&["CREATE TABLE t(a INT); INSERT INTO t VALUES (1), (1)"]);
        let script = format!("CREATE TABLE t(a INT); {statement}; CREATE TABLE u(b INT); {statement};");
        Planner::new(&schema(&script)).push(&mut database.connect(true)).expect("they are passed over");
        // Nor is anything kept of a run that fails behind them.
        let script =
            format!("CREATE TABLE s(c INT); {statement}; CREATE TABLE t(a INT UNIQUE); CREATE TABLE u(b INT);");
        same(&database, &script, Code::RowsDoNotFit);
    }
    for statement in ["ROLLBACK", "ATTACH 'x' AS y", "VACUUM", "INSERT INTO t VALUES (1)", "DROP TABLE t", "REINDEX"] {
        let script = format!("CREATE TABLE t(a INT); {statement}; CREATE TABLE u(b INT);");
        let error = Schema::from_sql(&script).expect_err("no declaration");
        assert_eq!(error.code(), Code::NotADeclaration, "{statement}: {error}");
        assert_eq!(error.report().origin.line_and_column(), Some((1, 24)), "it names the place");
    }
    // Nor can one hide in an expression.
    for hidden in ["a INT DEFAULT (1); COMMIT; --)", "a INT, -- whimbrel: backfill 1; COMMIT\n b INT"] {
        let database = Database::with(&["CREATE TABLE t(b INT); INSERT INTO t VALUES (1)"]);
        let bytes = database.bytes();
        if let Ok(declared) = Schema::from_sql(&format!("CREATE TABLE t({hidden})")) {
            Planner::new(&declared).push(&mut database.connect(true)).expect_err("nothing that runs");
        }
        assert!(bytes == database.bytes(), "{hidden}");
    }
}

/// A back-fill that updates rows fires the user's own triggers: logs grow, timestamps change, mails are sent.
#[test]
fn fault_043_back_fill_fires_triggers() {
    let triggers = "CREATE TABLE log(what TEXT);
         CREATE TRIGGER t_set AFTER UPDATE ON t BEGIN INSERT INTO log VALUES ('set'); END;
         CREATE TRIGGER t_in AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('in'); END;
         CREATE TRIGGER t_out BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'never'); END;";
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, NULL);",
        triggers,
    ]);
    let declared = format!(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'none',
           slug TEXT NOT NULL -- whimbrel: backfill lower(coalesce(name, 'x')) || id
         ); {triggers}"
    );
    let conn = new(&database, &declared);
    assert_eq!(ask(&conn, "SELECT name, slug FROM t"), "a|a1\nnone|x2");
    assert_eq!(ask(&conn, "SELECT count(*) FROM log"), "0");
    conn.execute_batch("UPDATE t SET name = 'b' WHERE id = 1").expect("an update");
    assert_eq!(ask(&conn, "SELECT count(*) FROM log"), "1", "they fire again afterwards");
}

/// `integrity_check` says ok while rows refer to parents that do not exist: foreign keys are checked too, before and after.
#[test]
fn fault_044_integrity_check_does_not_see_orphans() {
    let database = Database::with(&["CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INT);
         INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (2), (3), (NULL);"]);
    let declared = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INT REFERENCES p(id));";
    let error = same(&database, declared, Code::RowsDoNotFit);
    assert!(error.to_string().contains("2 rows of c do not fit"), "{error}");

    // Orphans that only the conversion makes come to light in the check before the commit.
    let database = Database::with(&["CREATE TABLE p(id TEXT PRIMARY KEY); CREATE TABLE c(p TEXT REFERENCES p(id));
         INSERT INTO p VALUES ('01'); INSERT INTO c VALUES ('01');"]);
    let mut conn = database.connect(true);
    let declared = schema("CREATE TABLE p(id TEXT PRIMARY KEY); CREATE TABLE c(p INTEGER REFERENCES p(id));");
    let before = everything(&conn);
    let outcome = Planner::new(&declared).accept_data_loss(true).push(&mut conn);
    refused(outcome, Code::RowsDoNotFit, State::RolledBack);
    assert_eq!(everything(&conn), before);

    // So do those that a dropped parent leaves behind.
    let database = Database::with(&["CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INT REFERENCES p(id));
         INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);"]);
    let declared = schema("CREATE TABLE c(p INT REFERENCES p(id));");
    let mut conn = database.connect(true);
    Planner::new(&declared).accept_data_loss(true).push(&mut conn).expect_err("an orphan would be left");
    assert_eq!(ask(&conn, "SELECT count(*) FROM p JOIN c ON p.id = c.p"), "1");
}

/// A parent column without UNIQUE makes `foreign_key_check` itself fail, which says nothing about rows: a defect of
/// the schema, told by the doctor, and no obstacle.
#[test]
fn fault_045_parent_without_unique() {
    let database = Database::with(&["CREATE TABLE p(code TEXT); CREATE TABLE c(code TEXT REFERENCES p(code), n TEXT);
         INSERT INTO p VALUES ('a'), ('a'); INSERT INTO c VALUES ('a', '1');"]);
    let mut conn = database.connect(false);
    let declared =
        "CREATE TABLE p(code TEXT); CREATE TABLE c(code TEXT REFERENCES p(code), n INT NOT NULL CHECK (n > 0));";
    let report = new_with(&mut conn, declared, |planner| planner);
    assert_eq!(ask(&conn, "SELECT code, n FROM c"), "a|1");
    drop(report);
    let findings = doctor(&mut conn).expect("a doctor");
    assert!(findings.iter().any(|f| f.code == "D03" && f.object == "c"), "{findings:?}");
}

/// Violations that were there before are nobody's fault now: they are measured first, and only new ones fail a run.
#[test]
fn fault_046_violations_that_were_there_before() {
    let database = Database::with(&["CREATE TABLE p(id INTEGER PRIMARY KEY, n TEXT); CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id), n TEXT);
         INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1, 1, '1'), (2, 98, '2'), (3, 99, '3');"]);
    let declared = "CREATE TABLE p(id INTEGER PRIMARY KEY, n TEXT UNIQUE); CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id), n INT);";
    let conn = new(&database, declared);
    assert_eq!(ask(&conn, "SELECT rowid, parent FROM pragma_foreign_key_check('c')"), "2|p\n3|p");
    let findings = doctor(&mut database.connect(true)).expect("a doctor");
    assert!(
        findings.iter().any(|f| f.code == "D02" && f.object == "c" && f.message.contains("2 rows")),
        "{findings:?}"
    );
}

/// Which texts are numbers differs between versions of SQLite: a text with a NUL behind its digits was stored as text by
/// one, and a copy by another cuts it to the number. No type changes, and the rows would.
#[test]
fn fault_031_text_that_another_version_did_not_take_for_a_number() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); CREATE TABLE other(n INT);"]);
    let conn = database.connect(true);
    conn.execute_batch("INSERT INTO t VALUES (1, CAST(x'3100616263' AS TEXT)), (2, 7);").expect("rows");
    // What an older version leaves behind: the text, under a type of numbers.
    conn.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER)' WHERE name = 't';
         PRAGMA writable_schema = OFF;",
    )
    .expect("an older version's table");
    drop(conn);
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER UNIQUE); CREATE TABLE other(n INT);";
    same(&database, declared, Code::ValuesAltered);
}

/// An UPDATE that sets another column writes all of the row, and so does more than it says: the text becomes a number as in a
/// copy. Rows that it leaves alone keep what they hold.
#[test]
fn fault_031_text_that_an_update_of_another_column_takes_for_a_number() {
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB, n INT DEFAULT 1, m INT);",
        "INSERT INTO t VALUES (1, '1.0', 1, NULL), (2, 7, 2, 0);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'v BLOB', 'v INTEGER') WHERE name = 't';
         PRAGMA writable_schema = OFF;",
    ]);
    for columns in [
        "v INTEGER, n INT DEFAULT 1, m INT, more INT -- whimbrel: backfill id\n",
        "v INTEGER, n INT DEFAULT 1, m INT NOT NULL DEFAULT 5",
        "v INTEGER, n INT DEFAULT 2, m INT",
        "v INTEGER, n INT DEFAULT 2, m INT NOT NULL DEFAULT 5, more INT",
    ] {
        same(&database, &format!("CREATE TABLE t(id INTEGER PRIMARY KEY, {columns})"), Code::ValuesAltered);
    }

    let conn = database.connect(true);
    conn.execute_batch("INSERT INTO t VALUES (3, 'x', 1, 1); DELETE FROM t WHERE id = 2").expect("rows");
    conn.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'DEFAULT 1', 'DEFAULT 3') WHERE name = 't';
         PRAGMA writable_schema = OFF;",
    )
    .expect("another default, which no row has");
    drop(conn);
    let mut conn = database.connect(true);
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER, n INT DEFAULT 4, m INT)";
    Planner::new(&schema(declared)).push(&mut conn).expect("no such row is written");
    assert_eq!(ask(&conn, "SELECT group_concat(typeof(v) || ' ' || v, ', ' ORDER BY id) FROM t"), "text 1.0, text x");
}

/// A number under a type of texts, which only an edit of the catalogue leaves there, becomes its text where its row is written
/// again, be it copied or updated. That is said; and where the text does not read back as the number, it is a loss.
#[test]
fn fault_031_a_number_in_a_column_of_texts_becomes_a_text_and_that_is_told() {
    let columns = "id INTEGER PRIMARY KEY, v TEXT, n INT DEFAULT 1, m INT";
    let changes = [
        columns.replace("m INT", "m REAL"),
        format!("{columns}, UNIQUE (v)"),
        format!("{columns}, more INT -- whimbrel: backfill id\n"),
        columns.replace("m INT", "m INT NOT NULL DEFAULT 5"),
        columns.replace("DEFAULT 1", "DEFAULT 2"),
    ];
    for changed in changes {
        let declared = format!("CREATE TABLE t({changed})");
        let database = Database::with(&[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB, n INT DEFAULT 1, m INT);",
            "INSERT INTO t VALUES (1, 5, 1, NULL), (2, 1.0, 1, NULL), (3, 'x', 1, NULL), (4, 9e999, 1, NULL);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'v BLOB', 'v TEXT') WHERE name = 't';
             PRAGMA writable_schema = OFF;",
        ]);
        same(&database, &declared, Code::ValuesAltered);
        let mut conn = database.connect(true);
        conn.execute_batch("DELETE FROM t WHERE id = 4").expect("a row less");
        let report = Planner::new(&schema(&declared)).push(&mut conn).expect("a push");
        let told = "2 numbers in t.v, whose type is one of texts, become texts".to_owned();
        assert!(report.warnings.contains(&told), "{declared}: {:?}", report.warnings);
        let values = ask(&conn, "SELECT group_concat(typeof(v) || ' ' || v, ', ' ORDER BY id) FROM t");
        assert_eq!(values, "text 5, text 1.0, text x", "{declared}");
    }
    // Rows that stay as they are keep their numbers.
    let database = Database::with(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); INSERT INTO t VALUES (1, 5);",
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'v BLOB', 'v TEXT') WHERE name = 't';
         PRAGMA writable_schema = OFF;",
    ]);
    let mut conn = database.connect(true);
    let declared = schema("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT NOT NULL, more INT)");
    let report = Planner::new(&declared).push(&mut conn).expect("a push");
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert_eq!(ask(&conn, "SELECT typeof(v) FROM t"), "integer");
}

/// An authorizer may forbid the question how SQLite was built, and some builds do not know it. The worse is taken for true
/// then: the table is copied.
#[test]
fn a_sqlite_that_does_not_tell_how_it_was_built_changes_defaults_all_the_same() {
    let database = Database::with(&["CREATE TABLE t(id INTEGER PRIMARY KEY, free); INSERT INTO t VALUES (1, 'x');
         ALTER TABLE t ADD COLUMN n INT DEFAULT 1;"]);
    let mut conn = database.connect(true);
    let forbid = |context: AuthContext<'_>| match context.action {
        AuthAction::Function { function_name: "sqlite_compileoption_used" } => Authorization::Deny,
        _ => Authorization::Allow,
    };
    conn.authorizer(Some(forbid)).expect("an authorizer");
    let declared = schema("CREATE TABLE t(id INTEGER PRIMARY KEY, free, n INT DEFAULT 2)");
    Planner::new(&declared).push(&mut conn).expect("a push");
    assert_eq!(ask(&conn, "SELECT n FROM t"), "1");
    assert!(Planner::new(&declared).plan(&mut conn).expect("a plan").is_empty());
}
