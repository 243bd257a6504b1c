//! A plan is run only on the rows it has asked.

use whimbrel::{Code, Planner, Schema, State};

/// Rows that the app itself writes between plan and run change no `data_version`: a value that the change of type does
/// not keep would have been converted without a word.
#[test]
fn rows_of_the_own_connection_written_after_the_plan_are_noticed() {
    let mut db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT); INSERT INTO t VALUES (1, '5')").unwrap();
    let schema = Schema::from_sql("CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER)").unwrap();
    let plan = Planner::new(&schema).plan(&mut db).unwrap();
    db.execute("INSERT INTO t VALUES (2, '007')", []).unwrap();
    let error = plan.run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Superseded, State::Unchanged), "{error}");
    let error = Planner::new(&schema).push(&mut db).unwrap_err();
    assert_eq!(error.code(), Code::ValuesAltered, "{error}");
    let n: String = db.query_row("SELECT n FROM t WHERE id = 2", [], |row| row.get(0)).unwrap();
    assert_eq!(n, "007");
}
