//! Another process changes the database between the look at it and the transaction: what was found out before is worth
//! nothing then, and nothing is written.

use rusqlite::Connection as Rusqlite;
use whimbrel::run::{
    Baseline, Cancel, DISPOSABLE, UpgradeSettings, baseline, begin_keeping, block_on, downgrade, keep, read_tracking,
    recreate, repair_records, undone, upgrade,
};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Error, Files, Folder, History, MemoryFiles, Migrator, Schema, State};

use super::host::{Answer, Host};
use super::support::{history, one};

const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STAR: &str = "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;";

/// Somebody else changes the database just before the transaction begins.
fn meanwhile(request: &str, other: &Rusqlite, left: &mut Option<&str>) -> Answer {
    if let Some(sql) = left.take_if(|_| request.starts_with("BEGIN")) {
        other.execute_batch(sql).unwrap();
    }
    None
}

/// The text of everything that a database holds besides numbers in its header.
fn dump(db: &Rusqlite) -> String {
    let mut text: String = one(db, "SELECT group_concat(coalesce(sql, name), ';') FROM sqlite_schema");
    for table in ["_whimbrel_state", "_whimbrel_migrations"] {
        let is_there: bool = one(db, &format!("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '{table}')"));
        if is_there {
            let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values: Vec<rusqlite::types::Value> = (0..columns).map(|n| row.get(n).unwrap()).collect();
                text += &format!("\n{values:?}");
            }
        }
    }
    text
}

/// Runs something on a database that was made by `prepare`, while somebody else does `sql`; what the other did is there
/// then, and nothing else.
fn is_superseded<T: std::fmt::Debug>(
    prepare: impl Fn(&mut Rusqlite),
    sql: &str,
    run: impl AsyncFnOnce(&mut Host<'_>) -> Result<T, Error>,
) {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("app.db"), folder.path().join("expected.db")];
    let [db, mut expected] = paths.each_ref().map(|path| Rusqlite::open(path).unwrap());
    prepare(&mut expected);
    drop(db);
    std::fs::copy(&paths[1], &paths[0]).unwrap();
    expected.execute_batch(sql).unwrap();
    let open = || Rusqlite::open(&paths[0]).unwrap();
    let (mut left, other) = (Some(sql), open());
    let mut host = Host::new(Sqlite::owned(open()), |_, request| meanwhile(request, &other, &mut left));
    let error = block_on(run(&mut host)).expect_err(sql);
    drop(host);
    assert_eq!((error.code(), error.report().state), (Code::Superseded, State::Unchanged), "{sql}: {error}");
    assert!(left.is_none(), "no transaction was begun");
    assert_eq!(dump(&open()), dump(&expected), "{sql}");
}

/// The schema alone, and the record alone.
const CHANGES: [&str; 2] = ["CREATE TABLE more(a)", "UPDATE _whimbrel_state SET min_reader = min_reader + 1"];

#[test]
fn an_upgrade_looks_again() {
    let two = history(&[START, STAR]);
    let prepare = |db: &mut Rusqlite| drop(Migrator::new(&two.up_to(1)).run(db).unwrap());
    let settings = UpgradeSettings::default();
    for sql in CHANGES {
        is_superseded(prepare, sql, async |host| {
            upgrade(host, &two, &settings, &mut (), &mut (), &Cancel::default()).await
        });
    }
}

/// How often something was tried is no part of what an upgrade starts from.
#[test]
fn an_attempt_of_another_start_is_no_reason_to_stop() {
    let two = history(&[START, STAR]);
    let folder = tempfile::tempdir().unwrap();
    let open = || Rusqlite::open(folder.path().join("app.db")).unwrap();
    Migrator::new(&two.up_to(1)).run(&mut open()).unwrap();
    let sql = "UPDATE _whimbrel_state SET attempts = attempts + 1, attempted = 'something else'";
    let (mut left, other) = (Some(sql), open());
    let mut host = Host::new(Sqlite::owned(open()), |_, request| meanwhile(request, &other, &mut left));
    let done = block_on(upgrade(&mut host, &two, &UpgradeSettings::default(), &mut (), &mut (), &Cancel::default()));
    assert_eq!(done.unwrap().to, 2);
    drop(host);
    assert!(left.is_none());
}

#[test]
fn a_way_back_looks_again() {
    let mut files = MemoryFiles::default();
    for (path, text) in
        [("1_start.sql", START), ("2_star.sql", STAR), ("2_star.down.sql", "ALTER TABLE notes DROP COLUMN starred;")]
    {
        files.write(path, text.as_bytes()).unwrap();
    }
    let two: History = Folder::read(&files).unwrap().history;
    let prepare = |db: &mut Rusqlite| drop(Migrator::new(&two).run(db).unwrap());
    for sql in CHANGES {
        is_superseded(prepare, sql, async |host| {
            let records = read_tracking(host).await.unwrap().records;
            let (settings, cancel) = (UpgradeSettings::default(), Cancel::default());
            downgrade(host, &two, &undone(&records, 1), &settings, &mut (), &cancel).await
        });
    }
}

#[test]
fn a_database_that_is_kept_as_declared_is_looked_at_again() {
    let schema = |sql: &str| Schema::from_sql(sql).unwrap();
    let (one_, two) = (schema(START), schema("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, at INTEGER)"));
    let disposable = |db: &mut Rusqlite| drop(Migrator::disposable(&one_).run(db).unwrap());
    let altered = |db: &mut Rusqlite| drop(Migrator::auto_alter(&one_).run(db).unwrap());
    for sql in CHANGES {
        is_superseded(disposable, sql, async |host| recreate(host, &two, &mut ()).await);
        is_superseded(altered, sql, async |host| keep(host, &two, "auto-alter", &mut ()).await);
    }
    // Two processes find an empty database at once.
    let sql = "CREATE TABLE precious(a)";
    let nothing = |db: &mut Rusqlite| db.execute_batch("CREATE TABLE t(a); DROP TABLE t").unwrap();
    is_superseded(nothing, sql, async |host| recreate(host, &one_, &mut ()).await);
    is_superseded(nothing, sql, async |host| begin_keeping(host, DISPOSABLE).await);
}

#[test]
fn a_record_that_is_made_or_repaired_is_looked_at_again() {
    let two = history(&[START, STAR]);
    let untracked = |db: &mut Rusqlite| db.execute_batch(&format!("{START}{STAR}")).unwrap();
    let settings = Baseline { applied: vec![1, 2], ..Baseline::default() };
    is_superseded(untracked, "CREATE TABLE more(a)", async |host| baseline(host, &two, &settings).await);

    let tracked = |db: &mut Rusqlite| drop(Migrator::new(&two).run(db).unwrap());
    let same = history(&[START, "ALTER TABLE main.notes ADD starred INTEGER NOT NULL DEFAULT 0;"]);
    for sql in CHANGES {
        is_superseded(tracked, sql, async |host| repair_records(host, &same, &[]).await);
    }
}
