//! SQLite works on a disk in memory as on a real one: with every journal, with several connections, on several threads.

use rusqlite::{Connection, ErrorCode};
use torture::disk::{Call, Device, Disk, Fault, Files, Lasting, Op};
use torture::vfs;

fn text(db: &Connection, sql: &str) -> String {
    db.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).map(|v| format!("{v:?}")).unwrap()
}

const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO t SELECT NULL, printf('%0400d', i) FROM n";

#[test]
fn every_journal_keeps_what_was_committed_and_undoes_what_was_not() {
    for journal in ["delete", "truncate", "persist", "wal"] {
        for device in [
            Device::default(),
            Device { sector: 4096, ..Device::default() },
            Device { powersafe: true, ..Device::default() },
        ] {
            let disk = Disk::new(&Files::new(), device);
            let db = vfs::open(&disk).unwrap();
            assert_eq!(text(&db, &format!("PRAGMA journal_mode = {journal}")), format!("Text({journal:?})"));
            // Pages go to the file before the commit, and come back from the journal.
            db.execute_batch("PRAGMA cache_size = 5; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)").unwrap();
            db.execute_batch(FILL).unwrap();
            let before = disk.files();
            db.execute_batch(&format!("BEGIN; {FILL}; DELETE FROM t WHERE id < 200; ROLLBACK")).unwrap();
            db.execute_batch(&format!("BEGIN; {FILL}; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT")).unwrap();
            db.execute_batch("DELETE FROM t WHERE id > 450; VACUUM").unwrap();
            drop(db);
            let names: Vec<String> = disk.files().into_keys().collect();
            let left: &[&str] = if journal == "delete" || journal == "wal" { &[""] } else { &["", "-journal"] };
            assert_eq!(names, left, "{journal}");
            let db = vfs::open(&Disk::new(&disk.files(), device)).unwrap();
            assert_eq!(text(&db, "SELECT count(*) FROM t"), "Integer(450)");
            assert_eq!(text(&db, "PRAGMA integrity_check"), "Text(\"ok\")");
            let db = vfs::open(&Disk::new(&before, device)).unwrap();
            assert_eq!(text(&db, "SELECT count(*) FROM t"), "Integer(300)", "a copy stays what it was");
        }
    }
}

#[test]
fn connections_share_a_disk_and_lock_each_other_out() {
    for journal in ["delete", "wal"] {
        let disk = Disk::new(&Files::new(), Device::default());
        let one = vfs::open(&disk).unwrap();
        text(&one, &format!("PRAGMA journal_mode = {journal}"));
        one.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)").unwrap();
        let two = vfs::open(&disk).unwrap();
        one.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'x')").unwrap();
        let busy = two.execute_batch("BEGIN IMMEDIATE").unwrap_err();
        assert_eq!(busy.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
        assert_eq!(text(&two, "SELECT count(*) FROM t"), "Integer(0)", "{journal}");
        two.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
        let commit = one.execute_batch("COMMIT");
        match journal {
            "wal" => commit.unwrap(),
            _ => assert_eq!(commit.unwrap_err().sqlite_error_code(), Some(ErrorCode::DatabaseBusy)),
        }
        two.execute_batch("COMMIT").unwrap();
        if journal == "delete" {
            one.execute_batch("COMMIT").unwrap();
        }
        assert_eq!(text(&two, "SELECT count(*) FROM t"), "Integer(1)", "{journal}");
    }
}

#[test]
fn threads_write_one_database_in_turn() {
    let disk = Disk::new(&Files::new(), Device::default());
    let db = vfs::open(&disk).unwrap();
    text(&db, "PRAGMA journal_mode = wal");
    db.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let disk = &disk;
            scope.spawn(move || {
                let db = vfs::open(disk).unwrap();
                for n in 0..50 {
                    // Whoever waits here only yields, so that the others get on.
                    while db.execute("INSERT INTO t(a) VALUES (?1)", [format!("{thread} {n}")]).is_err() {}
                }
            });
        }
    });
    assert_eq!(text(&db, "SELECT count(DISTINCT a) FROM t"), "Integer(150)");
    assert_eq!(text(&db, "PRAGMA integrity_check"), "Text(\"ok\")");
}

#[test]
fn what_is_done_is_written_down() {
    let disk = Disk::new(&Files::new(), Device::default());
    let db = vfs::open(&disk).unwrap();
    disk.record();
    db.execute_batch("CREATE TABLE t(a)").unwrap();
    let log = disk.recording();
    let about = |op: &Op| match op {
        Op::Create { name, .. } => format!("create {name}"),
        Op::Delete { name, .. } => format!("delete {name}"),
        Op::Write { .. } => "write".into(),
        Op::Truncate { len, .. } => format!("truncate to {len}"),
        Op::Sync { names, .. } => format!("sync {names}"),
    };
    let mut log: Vec<String> = log.iter().map(about).collect();
    log.dedup();
    assert_eq!(
        log,
        ["create -journal", "write", "sync true", "write", "sync false", "write", "sync false", "delete -journal"]
    );
}

#[test]
fn a_call_fails_once_or_for_good_and_memory_runs_out() {
    assert!(vfs::memory(), "SQLite was used before");
    let disk = Disk::new(&Files::new(), Device::default());
    let db = vfs::open(&disk).unwrap();
    db.execute_batch("CREATE TABLE t(a)").unwrap();
    let fault = Fault { call: Call::Sync, behind: 1, code: 1034, is_done: false, lasting: Lasting::Once };
    disk.plan(Some(fault));
    let error = db.execute_batch("INSERT INTO t VALUES (1)").unwrap_err();
    assert_eq!(error.sqlite_error().unwrap().extended_code, 1034);
    assert_eq!(disk.failed(), 1);
    db.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    disk.plan(Some(Fault { lasting: Lasting::Disk, ..fault }));
    db.execute_batch("INSERT INTO t VALUES (1)").unwrap_err();
    db.execute_batch("INSERT INTO t VALUES (1)").unwrap_err();
    assert!(disk.failed() > 2);
    disk.plan(None);
    vfs::scarce(Some(vfs::Scarcity { behind: 3, lasts: true }));
    let error = db.execute_batch("INSERT INTO t VALUES (hex(zeroblob(100000)))").unwrap_err();
    let (asked, refused) = vfs::scarce(None);
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::OutOfMemory));
    assert!(asked > 3 && refused > 0);
    assert_eq!(text(&db, "SELECT count(*) FROM t"), "Integer(1)");
}
