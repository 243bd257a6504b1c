//! The outcomes that the fault catalogue allows, each as an assertion: NEW (committed and verified), SAME (refused
//! before any write, the file's bytes as they were); what rolls back is compared by [`everything`].

use rusqlite::Connection;
use whimbrel::{Code, Error, Planner, Report, Schema, State};
use whimbrel_oracle::facts::{complaints, differences, facts};

use super::database::{Database, ask};

/// A declared schema.
pub fn schema(sql: &str) -> Schema {
    Schema::from_sql(sql).unwrap_or_else(|e| panic!("{e}\nin {sql}"))
}

/// NEW: the push succeeds, the schema is that of a fresh database, nothing is left to do. Returns an open connection.
pub fn new(database: &Database, declared: &str) -> Connection {
    let mut conn = database.connect(true);
    new_on(&mut conn, declared);
    conn
}

/// NEW on a connection of the test's own making.
pub fn new_on(conn: &mut Connection, declared: &str) -> Report {
    new_with(conn, declared, |planner| planner)
}

/// NEW with a planner of the test's own making, which is asked once more for a second plan.
pub fn new_with(conn: &mut Connection, declared: &str, configure: for<'s> fn(Planner<'s>) -> Planner<'s>) -> Report {
    let declared_schema = schema(declared);
    let complaints_before = complaints(conn).expect("the checks").len();
    let report = configure(Planner::new(&declared_schema)).push(conn).unwrap_or_else(|e| panic!("{e}"));
    is_as_declared(conn, declared);
    let now = complaints(conn).expect("the checks");
    assert!(now.len() <= complaints_before, "new complaints: {now:?}");
    let second = Planner::new(&declared_schema).plan(conn).expect("a second plan");
    assert!(second.is_empty(), "the second plan is not empty:\n{second}");
    report
}

/// Whether PRAGMAs and catalogue say what those of a fresh database say.
pub fn is_as_declared(conn: &Connection, declared: &str) {
    let fresh = Connection::open_in_memory().expect("a database in memory");
    fresh.pragma_update(None, "foreign_keys", false).expect("foreign keys off");
    fresh.execute_batch(declared).expect("the declared schema");
    let facts = |conn| facts(conn, false).expect("the facts");
    let text = differences(&facts(conn), &facts(&fresh));
    assert!(text.is_empty(), "{text}");
}

/// SAME: refused with this code before any write. Returns the error.
pub fn same(database: &Database, declared: &str, code: Code) -> Error {
    same_with(database, declared, code, |planner| planner)
}

/// SAME with a planner of the test's own making.
pub fn same_with(
    database: &Database,
    declared: &str,
    code: Code,
    configure: for<'s> fn(Planner<'s>) -> Planner<'s>,
) -> Error {
    let bytes = database.bytes();
    let mut conn = database.connect(true);
    let declared = schema(declared);
    let error = refused(configure(Planner::new(&declared)).push(&mut conn), code, State::Unchanged);
    drop(conn);
    assert!(bytes == database.bytes(), "the file changed though the push was refused: {error}");
    error
}

/// The failure of a push, with its code and the state it says the database is in.
pub fn refused<T>(outcome: whimbrel::Result<T>, code: Code, state: State) -> Error {
    let Err(error) = outcome else { panic!("it was run, and should fail with {code}") };
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.report().state, state, "{error}");
    error
}

/// The catalogue and the rows of every table, as one text.
pub fn everything(conn: &Connection) -> String {
    let mut out = ask(conn, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid");
    let tables = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name";
    for table in ask(conn, tables).lines() {
        let rows = format!("SELECT * FROM {}", super::database::quoted(table));
        out.push_str(&format!("\n{table}\n{}", ask(conn, &rows)));
    }
    out
}
