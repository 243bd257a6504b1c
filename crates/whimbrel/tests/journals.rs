//! A run needs a way back. A connection whose journal is off, or in the memory of a process that may be killed, gets one on
//! the disk for the time of the run. And a log does not stay as long as a run has made it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use whimbrel::{Cancel, Code, Event, Planner, Schema};

const BEFORE: &str = "CREATE TABLE a(n); CREATE TABLE b(n); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2);";
const AFTER: &str = "CREATE TABLE a(n TEXT); CREATE TABLE b(n TEXT);";

fn mode(conn: &Connection) -> String {
    conn.query_row("PRAGMA main.journal_mode", [], |row| row.get(0)).unwrap()
}

fn schema_and_rows(conn: &Connection) -> String {
    let sql = "SELECT (SELECT group_concat(sql) FROM sqlite_master), (SELECT n FROM a), (SELECT n FROM b)";
    let row = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (sql, a, b): (String, rusqlite::types::Value, rusqlite::types::Value) = row.unwrap();
    format!("{sql} {a:?} {b:?}")
}

/// Stops when the second table's turn comes, after the first was made anew.
fn stopped(conn: &mut Connection, mut look: impl FnMut()) {
    let schema = Schema::from_sql(AFTER).unwrap();
    let plan = Planner::new(&schema).plan(conn).unwrap();
    let cancel = Cancel::default();
    let mut observer = |event: &Event<'_>| {
        if matches!(event, Event::Step { number: 2, .. }) {
            look();
            cancel.cancel();
        }
    };
    let error = plan.run_with(conn, &mut observer, &cancel).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled, "{error}");
}

#[test]
fn what_is_stopped_half_way_is_rolled_back_without_a_journal_too() {
    for journal in ["off", "memory"] {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(BEFORE).unwrap();
        conn.execute_batch(&format!("PRAGMA journal_mode = {journal}")).unwrap();
        let before = schema_and_rows(&conn);
        stopped(&mut conn, || {});
        assert_eq!(schema_and_rows(&conn), before, "{journal}");
        assert_eq!(mode(&conn), journal, "put back");
    }
}

#[test]
fn a_file_gets_a_journal_on_the_disk() {
    for journal in ["off", "memory", "delete", "truncate"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.db");
        let mut conn = Connection::open(&file).unwrap();
        conn.execute_batch(BEFORE).unwrap();
        conn.execute_batch(&format!("PRAGMA journal_mode = {journal}")).unwrap();
        let before = schema_and_rows(&conn);
        let mut is_there = false;
        stopped(&mut conn, || is_there = folder.path().join("app.db-journal").metadata().is_ok_and(|m| m.len() > 0));
        assert!(is_there, "{journal}: whoever opens the file after a kill needs it");
        assert_eq!(schema_and_rows(&conn), before, "{journal}");
        assert_eq!(mode(&conn), journal, "put back");

        let schema = Schema::from_sql(AFTER).unwrap();
        Planner::new(&schema).push(&mut conn).unwrap();
        assert_eq!(mode(&conn), journal, "put back");
        assert_eq!(conn.query_row("SELECT n FROM a", [], |row| row.get::<_, String>(0)).unwrap(), "1");
    }
}

/// A database in WAL mode with so many rows of 400 bytes.
fn logged(file: &std::path::Path, rows: usize) -> Connection {
    let conn = Connection::open(file).unwrap();
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, a);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i, printf('%0400d', i) FROM n"
    ))
    .unwrap();
    conn
}

/// The bytes of the log after a run that copies 12 MB, on a connection that stays open.
fn log_after(prepare: impl Fn(&Connection, &std::path::Path) -> Option<Connection>) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let mut conn = logged(&file, 30_000);
    let other = prepare(&conn, &file);
    let timeout = |conn: &Connection| conn.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, i64>(0)).unwrap();
    let patience = timeout(&conn);
    let schema = Schema::from_sql("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)").unwrap();
    Planner::new(&schema).push(&mut conn).unwrap();
    assert_eq!(timeout(&conn), patience);
    let bytes = std::fs::metadata(folder.path().join("app.db-wal")).unwrap().len();
    drop(other);
    bytes
}

#[test]
fn a_large_log_does_not_stay() {
    let reads = |file: &std::path::Path| {
        let reader = Connection::open(file).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
        reader
    };
    assert_eq!(log_after(|_, _| None), 0);
    let stays = log_after(|_, file| Some(reads(file)));
    assert!(stays > 8_000_000, "somebody reads: {stays}");
    let stays = log_after(|conn, _| {
        conn.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
        None
    });
    assert!(stays > 8_000_000, "somebody else looks after the log: {stays}");
}

/// SQLite itself fills a log of this length anew: it is no reason to wait for the disk once more.
#[test]
fn a_log_that_is_not_large_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = logged(&folder.path().join("app.db"), 14_000);
    let schema = Schema::from_sql("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)").unwrap();
    Planner::new(&schema).push(&mut conn).unwrap();
    let bytes = std::fs::metadata(folder.path().join("app.db-wal")).unwrap().len();
    assert!((4_100_000..8_200_000).contains(&bytes), "more than SQLite's 1,000 pages, and less than 2,000: {bytes}");
}

/// Somebody begins to read when all is committed, and goes on. Nobody waits for him to end, and however an app waits, it does so again
/// afterwards.
#[test]
fn nobody_waits_for_a_reader_to_cut_the_log() {
    static WAITED: AtomicUsize = AtomicUsize::new(0);
    let schema = Schema::from_sql("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)").unwrap();
    for own_handler in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.db");
        let mut conn = logged(&file, 30_000);
        conn.busy_timeout(Duration::from_secs(120)).unwrap();
        if own_handler {
            let gives_up = |_| {
                WAITED.fetch_add(1, Ordering::Relaxed);
                false
            };
            conn.busy_handler(Some(gives_up)).unwrap();
        }
        let plan = Planner::new(&schema).plan(&mut conn).unwrap();
        let [first, second, third] = [(); 3].map(|()| Connection::open(&file).unwrap());
        let read = |reader: &Connection| reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
        read(&first);
        let mut observer = |event: &Event<'_>| {
            if matches!(event, Event::Committed) {
                // The second reads from the log; the first keeps no page of it from the file any more.
                read(&second);
                first.execute_batch("COMMIT").unwrap();
                third.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
            }
        };
        let start = Instant::now();
        plan.run_with(&mut conn, &mut observer, &Cancel::default()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(60), "it waited");
        let bytes = std::fs::metadata(folder.path().join("app.db-wal")).unwrap().len();
        assert!(bytes > 8_000_000, "somebody reads: {bytes}");

        if own_handler {
            let before = WAITED.load(Ordering::Relaxed);
            let writer = Connection::open(&file).unwrap();
            writer.execute_batch("BEGIN IMMEDIATE").unwrap();
            conn.execute_batch("DELETE FROM t").unwrap_err();
            assert_eq!(WAITED.load(Ordering::Relaxed), before + 1, "the app's own handler is asked");
        } else {
            let patience: i64 = conn.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
            assert_eq!(patience, 120_000);
        }
    }
}
