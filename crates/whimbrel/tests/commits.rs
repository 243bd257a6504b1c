//! A COMMIT that reports a failure may have gone through, or not, or SQLite may have rolled back already. What an error says
//! of the database is then what the database says of itself.

#[path = "support/host.rs"]
mod host;

use host::Host;
use rusqlite::Connection as Rusqlite;
use whimbrel::plan::Statement;
use whimbrel::run::{Cancel, FailureKind, Settings, UpgradeSettings, Value, block_on, make_plan, run_plan, upgrade};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Folder, History, MemoryFiles, Migrator, Question, Result, Schema, State};

/// What becomes of a COMMIT that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtCommit {
    /// The transaction is open as before.
    Nothing,
    /// It went through, and the answer was lost.
    Committed,
    /// SQLite has ended the transaction.
    RolledBack,
}

fn history() -> History {
    let files = [("1_start.sql", "CREATE TABLE t(a);"), ("2_more.sql", "CREATE TABLE more(a);")];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    Folder::read(&MemoryFiles::new(files)).unwrap().history
}

/// Plans and runs.
async fn pushes(host: &mut Host<'_>) -> Result<()> {
    let schema = Schema::from_sql("CREATE TABLE t(a); CREATE TABLE more(a);").unwrap();
    let plan = make_plan(host, &schema, &Settings::default(), &mut |_: &Question| None).await.unwrap();
    run_plan(host, &plan, &mut (), &Cancel::default()).await.map(drop)
}

/// Upgrades.
async fn migrates(host: &mut Host<'_>) -> Result<()> {
    upgrade(host, &history(), &UpgradeSettings::default(), &mut (), &mut (), &Cancel::default()).await.map(drop)
}

/// What comes of it, with a database whose journal is kept in this way, and which somebody else reads meanwhile or not.
fn outcome(journal: &str, is_read: bool, at_commit: AtCommit, kind: FailureKind, migrated: bool) -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let open = || Rusqlite::open(folder.path().join("app.db")).unwrap();
    let mut conn = open();
    conn.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
    match migrated {
        true => drop(Migrator::new(&history().up_to(1)).run(&mut conn).unwrap()),
        false => conn.execute_batch("CREATE TABLE t(a)").unwrap(),
    }
    conn.busy_timeout(std::time::Duration::ZERO).unwrap();
    let reader = open();
    if is_read {
        reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").unwrap();
    }
    let mut host = Host::new(Sqlite::owned(conn), |conn, sql| {
        if sql != "COMMIT" {
            return None;
        }
        match at_commit {
            AtCommit::Nothing => {}
            AtCommit::Committed => conn.execute_batch("COMMIT").unwrap(),
            AtCommit::RolledBack => conn.execute_batch("ROLLBACK").unwrap(),
        }
        Some(Err(kind))
    });
    let outcome = match migrated {
        true => block_on(migrates(&mut host)),
        false => block_on(pushes(&mut host)),
    };
    drop(reader);
    drop(host);
    let is_there: bool = open()
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'more')", [], |row| row.get(0))
        .unwrap();
    assert_eq!(is_there, at_commit == AtCommit::Committed);
    outcome
}

#[test]
fn the_database_tells_what_became_of_a_commit() {
    for migrated in [false, true] {
        for (journal, is_read) in [("delete", false), ("wal", false), ("wal", true)] {
            let story = |at: AtCommit| format!("{at:?}, {journal}, read {is_read}, migrated {migrated}");
            let outcome = |at, kind| outcome(journal, is_read, at, kind, migrated);
            let done = outcome(AtCommit::Committed, FailureKind::Other);
            assert!(done.is_ok(), "{}: {done:?}", story(AtCommit::Committed));
            for at in [AtCommit::Nothing, AtCommit::RolledBack] {
                let error = outcome(at, FailureKind::Other).unwrap_err();
                // Somebody who reads keeps the log from being cut: a commit in it may be seen later.
                let expected = match is_read {
                    true => (Code::OutcomeUnknown, State::Unknown),
                    false => (Code::StatementFailed, State::RolledBack),
                };
                assert_eq!((error.code(), error.report().state), expected, "{}: {error}", story(at));
            }
            // A lock that was not had is no such doubt: nothing was written.
            let error = outcome(AtCommit::Nothing, FailureKind::Busy).unwrap_err();
            let found = (error.code(), error.report().state);
            assert_eq!(found, (Code::Busy, State::RolledBack), "{}: {error}", story(AtCommit::Nothing));
        }
    }
}

/// A statement that finds the schema that SQLite knows to be old is prepared once more and run. Where memory ends in between,
/// SQLite has rolled back, and what the statement writes is done outside of any transaction, and stays: a table was dropped so,
/// behind a change of the catalogue.
#[test]
fn nothing_that_writes_is_prepared_twice() {
    const BEFORE: &str =
        "CREATE TABLE gone(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE kept(a TEXT CHECK (a <> ''), b INT);
        INSERT INTO kept VALUES ('x', 1); CREATE VIEW v AS SELECT a FROM gone;";
    let start = [("1_start.sql", BEFORE)];
    let next = [("1_start.sql", BEFORE), ("2_next.sql", "DROP VIEW v; DROP TABLE gone; CREATE INDEX i ON kept(b);")];
    let history = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        Folder::read(&MemoryFiles::new(files)).unwrap().history
    };
    for migrated in [false, true] {
        let mut conn = Rusqlite::open_in_memory().unwrap();
        match migrated {
            true => drop(Migrator::new(&history(&start)).run(&mut conn).unwrap()),
            false => conn.execute_batch(BEFORE).unwrap(),
        }
        let (mut written, mut again) = (0, Vec::new());
        let mut host = Host::new(Sqlite::new(&conn), |conn, sql| {
            if conn.is_autocommit() {
                return None;
            }
            let mut statement = conn.prepare(sql).ok()?;
            if statement.readonly() || statement.column_count() > 0 {
                return None;
            }
            statement.execute([]).unwrap_or_else(|e| panic!("{sql}: {e}"));
            written += 1;
            if statement.get_status(rusqlite::StatementStatus::RePrepare) > 0 {
                again.push(sql.to_owned());
            }
            Some(Ok(Vec::new()))
        });
        block_on(async {
            match migrated {
                true => {
                    let (settings, cancel) = (UpgradeSettings::default(), Cancel::default());
                    let upgraded = upgrade(&mut host, &history(&next), &settings, &mut (), &mut (), &cancel).await;
                    drop(upgraded.unwrap());
                }
                false => {
                    let schema = Schema::from_sql("CREATE TABLE kept(a TEXT, b INT)").unwrap();
                    let settings = Settings { accept_data_loss: true, ..Settings::default() };
                    let plan = make_plan(&mut host, &schema, &settings, &mut |_: &Question| None).await.unwrap();
                    assert!(plan.steps.iter().any(|step| step.statements.contains(&Statement::RaiseSchemaVersion)));
                    drop(run_plan(&mut host, &plan, &mut (), &Cancel::default()).await.unwrap());
                }
            }
        });
        drop(host);
        assert!(written > 3, "{written}");
        assert_eq!(again, Vec::<String>::new(), "migrated {migrated}");
        let left: String = conn
            .query_row("SELECT group_concat(name, ' ') FROM sqlite_schema WHERE name IN ('gone', 'v')", [], |row| {
                Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default())
            })
            .unwrap();
        assert_eq!(left, "");
    }
}

/// A check of foreign keys that fails by itself is passed over. Where one has ended the transaction, whether it failed or answered,
/// what comes after would be done outside of any transaction, and stay.
#[test]
fn a_count_of_foreign_keys_that_ends_the_transaction_ends_the_run() {
    const BEFORE: &str =
        "CREATE TABLE parent(id INTEGER PRIMARY KEY); CREATE TABLE gone(a); CREATE VIEW v AS SELECT a FROM gone;
        CREATE TABLE child(a INTEGER REFERENCES parent(id), b TEXT); INSERT INTO child(b) VALUES ('kept');";
    let files = [("1_start.sql", BEFORE), ("2_less.sql", "DROP VIEW v; UPDATE child SET b = 'lost';")];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let history = Folder::read(&MemoryFiles::new(files)).unwrap().history;
    for (migrated, answers) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut conn = Rusqlite::open_in_memory().unwrap();
        match migrated {
            true => drop(Migrator::new(&history.up_to(1)).run(&mut conn).unwrap()),
            false => conn.execute_batch(BEFORE).unwrap(),
        }
        let mut host = Host::new(Sqlite::new(&conn), |conn, sql| {
            let is_lost = sql.contains("pragma_foreign_key_check") && !conn.is_autocommit();
            is_lost.then(|| {
                conn.execute_batch("ROLLBACK").unwrap();
                match answers {
                    true => Ok(vec![vec![Value::Integer(0)]]),
                    false => Err(FailureKind::Statement),
                }
            })
        });
        let outcome = block_on(async {
            match migrated {
                true => upgrade(&mut host, &history, &UpgradeSettings::default(), &mut (), &mut (), &Cancel::default())
                    .await
                    .map(drop),
                false => {
                    let declared = "CREATE TABLE parent(id INTEGER PRIMARY KEY);
                        CREATE TABLE child(a INTEGER REFERENCES parent(id), b TEXT UNIQUE);";
                    let schema = Schema::from_sql(declared).unwrap();
                    let settings = Settings { accept_data_loss: true, ..Settings::default() };
                    let plan = make_plan(&mut host, &schema, &settings, &mut |_: &Question| None).await.unwrap();
                    assert!(!plan.foreign_key_checks.is_empty());
                    run_plan(&mut host, &plan, &mut (), &Cancel::default()).await.map(drop)
                }
            }
        });
        drop(host);
        let error = outcome.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::TransactionLost, State::RolledBack), "{error}");
        let (kept, views): (String, i64) = conn
            .query_row("SELECT b, (SELECT count(*) FROM sqlite_schema WHERE name = 'v') FROM child", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!((kept.as_str(), views), ("kept", 1), "migrated {migrated}");
    }
}
