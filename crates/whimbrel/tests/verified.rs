//! What a run looks at before it commits, whatever its steps have done.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rusqlite::Connection;
use whimbrel::plan::Plan;
use whimbrel::run::{Cancel, Settings, make_plan, matches_pattern, run_plan};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Planner, Question, Report, Result, Schema, State};

/// SQLite keeps nobody waiting.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits"),
    }
}

fn plan(conn: &mut Connection, after: &str) -> Plan {
    let schema = Schema::from_sql(after).unwrap();
    now(make_plan(&mut Sqlite::new(conn), &schema, &Settings::default(), &mut |_: &Question| None)).unwrap()
}

fn run(conn: &mut Connection, plan: &Plan) -> Result<Report> {
    now(run_plan(&mut Sqlite::new(conn), plan, &mut (), &Cancel::default()))
}

/// Steps that do not lead to the declared schema are a mistake of the planner. It must not cost the database anything.
#[test]
fn a_schema_that_is_not_the_declared_one_is_not_committed() {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
    let after = "CREATE TABLE t(a, b, c); CREATE INDEX t_b ON t(b)";
    for left_out in 0..3 {
        let mut wrong = plan(&mut conn, after);
        wrong.steps.remove(left_out);
        let error = run(&mut conn, &wrong).unwrap_err();
        // The index misses its column at once; of the others nobody but the last look tells.
        let code = if left_out == 0 { Code::StatementFailed } else { Code::VerificationFailed };
        assert_eq!((error.code(), error.report().state), (code, State::RolledBack), "{left_out}: {error}");
        let sql = "SELECT group_concat(name) FROM pragma_table_info('t')";
        let columns: String = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(columns, "a", "without step {left_out}");
    }
    let whole = plan(&mut conn, after);
    run(&mut conn, &whole).unwrap();
}

/// Violations that were there before are told and stop nothing; new ones do, and only these are counted.
#[test]
fn only_new_violations_of_foreign_keys_are_counted() {
    let before = "CREATE TABLE tags(name TEXT PRIMARY KEY COLLATE NOCASE);
         CREATE TABLE notes(id INTEGER PRIMARY KEY, tag TEXT REFERENCES tags(name));
         INSERT INTO tags VALUES ('work'), ('home');";
    let after = "CREATE TABLE tags(name TEXT PRIMARY KEY);
         CREATE TABLE notes(id INTEGER PRIMARY KEY, tag TEXT REFERENCES tags(name));";
    for (rows, outcome) in [
        ("(1, 'work')", Ok(vec![])),
        ("(1, 'work'), (2, 'nobody')", Ok(vec!["notes has 1 row without a parent, as before"])),
        ("(1, 'none'), (2, 'nobody')", Ok(vec!["notes has 2 rows without a parent, as before"])),
        ("(1, 'Work'), (2, 'nobody')", Err("1 row refers from notes to parents that would not exist")),
        (
            "(1, 'Work'), (2, 'Home'), (3, 'none'), (4, 'nobody'), (5, 'no')",
            Err("2 rows refer from notes to parents that would not exist"),
        ),
    ] {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        conn.execute_batch(&format!("{before} INSERT INTO notes VALUES {rows}")).unwrap();
        let made = plan(&mut conn, after);
        match (run(&mut conn, &made), outcome) {
            (Ok(report), Ok(warnings)) => assert_eq!(report.warnings, warnings, "{rows}"),
            (Err(error), Err(message)) => {
                assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
                assert!(error.to_string().contains(message), "{rows}: {error}");
            }
            (found, _) => panic!("{rows}: {found:?}"),
        }
    }
}

#[test]
fn patterns_take_what_they_say_and_nothing_else() {
    for (pattern, matching, other) in [
        ("a", vec!["a", "A"], vec!["", "b", "ab", "ba"]),
        ("a?c", vec!["abc", "A?C"], vec!["ac", "abbc", "abd", "xbc"]),
        ("a*", vec!["a", "abc"], vec!["", "ba"]),
        ("*a", vec!["a", "cba", "aa"], vec!["", "ab"]),
        ("a*b*c", vec!["abc", "axbxc", "abbcc", "abcbc"], vec!["abcb", "acb", "ac"]),
        ("*ab", vec!["aab", "abab"], vec!["aba", "abb"]),
        ("**", vec!["", "a"], vec![]),
        ("", vec![""], vec!["a"]),
        ("?", vec!["x"], vec!["", "xy"]),
    ] {
        matching.iter().for_each(|name| assert!(matches_pattern(pattern, name), "{pattern} {name}"));
        other.iter().for_each(|name| assert!(!matches_pattern(pattern, name), "{pattern} {name}"));
    }
}

/// A collation that this program does not have keeps what reads every index from being done, and nothing else.
#[test]
fn an_index_that_cannot_be_used_stops_only_what_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let kept = "CREATE TABLE t(n TEXT); CREATE INDEX t_n ON t(n COLLATE local);";
    {
        let conn = Connection::open(&file).unwrap();
        conn.create_collation("local", |a, b| a.cmp(b)).unwrap();
        conn.execute_batch(&format!("{kept} CREATE TABLE u(a, b); INSERT INTO u VALUES (1, 2)")).unwrap();
    }
    let mut conn = Connection::open(&file).unwrap();
    let refused = plan(&mut conn, &format!("{kept} CREATE TABLE u(a)"));
    assert!(refused.obstacles.iter().any(|o| o.code() == Code::NotRegistered), "{:?}", refused.obstacles);
    let made = plan(&mut conn, &format!("{kept} CREATE TABLE u(a, b, c)"));
    assert!(made.obstacles.is_empty(), "{:?}", made.obstacles);
    run(&mut conn, &made).unwrap();
    conn.create_collation("local", |a, b| a.cmp(b)).unwrap();
    let made = plan(&mut conn, &format!("{kept} CREATE TABLE u(a, b TEXT, c)"));
    assert!(made.obstacles.is_empty(), "{:?}", made.obstacles);
    run(&mut conn, &made).unwrap();
}

/// A function that this program does not have, as a collation: SQLite reads every index at a rename, and calls none at an
/// added column. What looks like a call and is none is no function.
#[test]
fn an_index_that_calls_what_is_not_there_stops_only_what_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let calls = "CREATE INDEX t_n ON t(local(n)); CREATE INDEX t_m ON t(m) WHERE local_too (m) > 0;";
    let sound = "CREATE INDEX t_s ON t(abs(n)) WHERE CAST (m AS TEXT) <> 'local(' AND (n IN (1, 2)) AND m NOT IN (3);";
    let open = || {
        let conn = Connection::open(&file).unwrap();
        let flags =
            rusqlite::functions::FunctionFlags::SQLITE_UTF8 | rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
        conn.create_scalar_function("local", 1, flags, |context| context.get::<i64>(0)).unwrap();
        conn.create_scalar_function("local_too", 1, flags, |context| context.get::<i64>(0)).unwrap();
        conn
    };
    let kept = format!("CREATE TABLE t(n INT, m INT); {sound} {calls}");
    open().execute_batch(&format!("{kept} CREATE TABLE u(a, b); INSERT INTO u VALUES (1, 2)")).unwrap();

    let fewer = format!("{kept} CREATE TABLE u(a)");
    let mut without = Connection::open(&file).unwrap();
    let refused = plan(&mut without, &fewer);
    let missing: Vec<_> = refused.obstacles.iter().map(|o| (o.code(), o.to_string())).collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
    for (function, (code, said)) in ["t_n needs function local,", "t_m needs function local_too,"].iter().zip(&missing)
    {
        assert_eq!(*code, Code::NotRegistered);
        assert!(said.contains(function), "{said}");
    }
    let more = format!("{kept} CREATE TABLE u(a, b, c)");
    assert!(plan(&mut without, &more).obstacles.is_empty());

    let mut with = open();
    let made = plan(&mut with, &format!("{kept} CREATE TABLE u(a TEXT)"));
    assert!(made.obstacles.iter().all(|o| o.code() != Code::NotRegistered), "{:?}", made.obstacles);
    let made = plan(&mut with, &more);
    run(&mut with, &made).unwrap();
}

/// What the rows get is computed before anything is written, and an expression that fails for one of them is told then. Of
/// a constraint that cannot be computed the run tells.
#[test]
fn an_expression_that_fails_for_a_row_is_found_before() {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE t(n INTEGER, m INTEGER); INSERT INTO t(n) VALUES (1), (-9223372036854775808)")
        .unwrap();
    let filled =
        Schema::from_sql("CREATE TABLE t(n INTEGER, m INTEGER NOT NULL -- whimbrel: backfill abs(n)\n)").unwrap();
    let error = Planner::new(&filled).push(&mut conn).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::SchemaRejected, State::Unchanged), "{error}");
    assert!(error.to_string().contains("the new form of t cannot be computed"), "{error}");

    let checked = Schema::from_sql("CREATE TABLE t(n INTEGER, m INTEGER, CHECK (abs(n) >= 0))").unwrap();
    let made = Planner::new(&checked).plan(&mut conn).unwrap();
    assert!(made.obstacles.is_empty(), "{:?}", made.obstacles);
    let error = Planner::new(&checked).push(&mut conn).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::RolledBack), "{error}");
    let rows: i64 = conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
}

/// Nobody's keys are shown where nothing is wrong with the rows.
#[test]
fn rows_are_shown_where_they_do_not_fit() {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, gone TEXT); INSERT INTO t VALUES (7, 1, 'x')")
        .unwrap();
    let shown = |conn: &mut Connection| {
        let schema = Schema::from_sql("CREATE TABLE t(id INTEGER PRIMARY KEY, n INT NOT NULL)").unwrap();
        Planner::new(&schema).accept_data_loss(true).show_rows(true).plan(conn).unwrap().warnings.clone()
    };
    assert_eq!(shown(&mut conn), [""; 0]);
    conn.execute_batch("INSERT INTO t VALUES (8, NULL, 'y')").unwrap();
    assert_eq!(shown(&mut conn), ["keys of the rows of t: 8"]);
}

/// Of two renames of one thing one would be forgotten, and a column dropped for it.
#[test]
fn a_thing_is_renamed_once() {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
    let schema = Schema::from_sql("CREATE TABLE t(b, c)").unwrap();
    let planner = || Planner::new(&schema).rename("t.a", "b").unwrap();
    assert_eq!(planner().rename("t.a", "c").unwrap().plan(&mut conn).err().map(|e| e.code()), Some(Code::UnknownName));
    assert!(planner().rename("T.A", "B").unwrap().plan(&mut conn).unwrap().obstacles.is_empty());
}
