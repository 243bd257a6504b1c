//! Versioned migrations on a real server.

#![cfg(feature = "postgres")]

use std::future::Future;
use std::time::Duration;

use whimbrel::history::author::{Squash, squash};
use whimbrel::history::{Policy, RecordState};
use whimbrel::postgres::versioned::{self, Baseline};
use whimbrel::postgres::{Client, Migrator, Planner, Postgres, print, read_schema};
use whimbrel::{Code, Dialect, Event, Files, Folder, History, MemoryFiles, State, UpgradeKind};
use whimbrel_core::postgres::run::RunSettings;
use whimbrel_core::postgres::scratch::Scratch;
use whimbrel_core::postgres::versioned::upgrade;
use whimbrel_core::run::UpgradeSettings;
use whimbrel_postgres_server::{Database, database};

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn connect(database: &Database) -> Postgres<Client> {
    Postgres::connect(&database.url).await.unwrap()
}

fn history(files: &[(&str, &str)]) -> History {
    let mut all = MemoryFiles { dialect: Some(Dialect::Postgres), ..MemoryFiles::default() };
    for (path, text) in files {
        all.write(path, text.as_bytes()).unwrap();
    }
    let folder = Folder::read(&all).unwrap();
    assert_eq!(folder.problems, []);
    folder.history
}

const START: (&str, &str) = (
    "0001_start.sql",
    "CREATE TABLE notes(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);\n\
     INSERT INTO notes(body) SELECT 'note ' || g FROM generate_series(1, 1000) g;",
);
const START_DOWN: (&str, &str) = ("0001_start.down.sql", "DROP TABLE notes;");
const WORDS: (&str, &str) = (
    "0002_words.sql",
    "ALTER TABLE notes ADD COLUMN words integer;\n\
     -- whimbrel: backfill\n\
     UPDATE notes SET words = length(body) WHERE id IN (SELECT id FROM notes WHERE words IS NULL LIMIT 300);\n\
     -- whimbrel: alone\n\
     CREATE INDEX CONCURRENTLY notes_words ON notes(words);\n\
     ALTER TABLE notes ALTER COLUMN words SET NOT NULL;",
);
const WORDS_DOWN: (&str, &str) = ("0002_words.down.sql", "ALTER TABLE notes DROP COLUMN words;");
const TAGS: (&str, &str) = ("0003_tags.sql", "CREATE TABLE tags(note bigint REFERENCES notes, name text);");
const TAGS_DOWN: (&str, &str) = ("0003_tags.down.sql", "DROP TABLE tags;");
const ALL: [(&str, &str); 6] = [START, START_DOWN, WORDS, WORDS_DOWN, TAGS, TAGS_DOWN];

fn count(database: &Database, sql: &str) -> String {
    database.query(sql)[0][0].clone().unwrap_or_default()
}

#[test]
fn from_nothing_and_from_every_version() {
    let all = history(&ALL);
    for from in 0..=3 {
        let database = database("versions");
        wait(async {
            let mut host = connect(&database).await;
            if from > 0 {
                let upgrade = Migrator::new(&all).to(from).run(&mut host).await.unwrap();
                assert_eq!((upgrade.from, upgrade.to, upgrade.kind), (0, from, UpgradeKind::Created));
            }
            let upgrade = Migrator::new(&all).run(&mut host).await.unwrap();
            assert_eq!((upgrade.from, upgrade.to), (from, 3));
            assert_eq!(upgrade.warnings, Vec::<String>::new());
            assert_eq!(upgrade.applied.len(), 3 - from as usize);
            assert!(Migrator::new(&all).is_unchanged(&mut host).await.unwrap());
            assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().kind, UpgradeKind::Unchanged);
            // What Whimbrel keeps for itself is no part of the schema.
            let schema = read_schema(&mut host).await.unwrap();
            assert!(!print::to_sql(&schema).contains("_whimbrel"));
            host.close().await;
        });
        assert_eq!(count(&database, "SELECT count(*) FROM notes WHERE words = length(body)"), "1000");
        assert_eq!(
            count(&database, "SELECT string_agg(version, ',' ORDER BY id) FROM _whimbrel_migrations"),
            "0001,0002,0003"
        );
    }
}

#[test]
fn down_again_and_to_nothing() {
    let database = database("down");
    let all = history(&ALL);
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).run(&mut host).await.unwrap();
        let down = Migrator::new(&all).undo_to(&mut host, 1).await.unwrap();
        assert_eq!((down.from, down.to, down.kind), (3, 1, UpgradeKind::Downgraded));
        assert_eq!(down.applied.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["0003_tags", "0002_words"]);
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 3);
        assert_eq!(Migrator::new(&all).undo_to(&mut host, 0).await.unwrap().to, 0);
        assert!(read_schema(&mut host).await.unwrap().is_empty());
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 3);
        host.close().await;
    });
}

/// A program that does not know the newest migrations goes back with the scripts that the database keeps.
#[test]
fn an_older_program_goes_back() {
    let database = database("older");
    let (all, old) = (history(&ALL), history(&ALL[..4]));
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).keep_down(true).run(&mut host).await.unwrap();
        let error = Migrator::new(&old).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::DatabaseNewer, State::Unchanged));
        assert_eq!(Migrator::new(&old).undo_to(&mut host, 2).await.unwrap().to, 2);
        assert!(Migrator::new(&old).is_unchanged(&mut host).await.unwrap());
        host.close().await;
    });
}

/// Stopped between any two phases: what is recorded is not done again, and the end is the same.
#[test]
fn stopped_anywhere_and_gone_on() {
    let all = history(&ALL);
    let mut stops = 0;
    for at in 1.. {
        let database = database("stopped");
        let (finished, records) = wait(async {
            let mut host = connect(&database).await;
            Migrator::new(&all).to(1).run(&mut host).await.unwrap();
            let cancel = whimbrel::Cancel::default();
            let mut seen = 0;
            let mut stop = |event: &Event<'_>| {
                seen += usize::from(matches!(event, Event::Statement { .. } | Event::Portion { .. }));
                if seen == at {
                    cancel.cancel();
                }
            };
            let outcome = Migrator::new(&all).cancel(&cancel).observer(&mut stop).run(&mut host).await;
            let finished = match outcome {
                Ok(_) => true,
                Err(e) => {
                    assert_eq!(e.code(), Code::Cancelled);
                    false
                }
            };
            let records = versioned::read_tracking(&mut host).await.unwrap().records;
            let upgrade = Migrator::new(&all).run(&mut host).await.unwrap();
            assert_eq!(upgrade.to, 3);
            assert_eq!(upgrade.warnings, Vec::<String>::new());
            host.close().await;
            (finished, records)
        });
        stops += usize::from(records.iter().any(|record| record.state != RecordState::Done));
        assert_eq!(count(&database, "SELECT count(*) FROM notes WHERE words = length(body)"), "1000");
        assert_eq!(count(&database, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
        assert_eq!(count(&database, "SELECT count(*) FROM _whimbrel_migrations"), "3");
        if finished {
            break;
        }
    }
    assert!(stops > 2, "a migration with phases was stopped {stops} times in between");
}

#[test]
fn a_failing_migration_changes_nothing_of_itself() {
    let database = database("failing");
    let wrong = ("0002_wrong.sql", "ALTER TABLE notes ADD COLUMN x int;\nUPDATE notes SET y = 1;");
    let all = history(&[START, wrong]);
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&history(&[START])).run(&mut host).await.unwrap();
        let error = Migrator::new(&all).run(&mut host).await.unwrap_err();
        // Found where it is tried out, before anything is written.
        assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::Unchanged));
        assert_eq!(error.report().origin.line_and_column().map(|(line, _)| line), Some(2));
        assert_eq!(error.report().migration.as_deref(), Some("0002_wrong"));
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'notes'"), "2");
}

#[test]
fn rows_that_do_not_fit_roll_back() {
    let database = database("rows");
    let unique =
        ("0002_unique.sql", "ALTER TABLE notes ADD COLUMN n int DEFAULT 1;\nCREATE UNIQUE INDEX n ON notes(n);");
    wait(async {
        let mut host = connect(&database).await;
        let start = ("0001_start.sql", "CREATE TABLE notes(id bigint PRIMARY KEY, body text);");
        let empty = history(&[start, unique]);
        Migrator::new(&empty).to(1).run(&mut host).await.unwrap();
        database.execute("INSERT INTO notes VALUES (1, 'a'), (2, 'b')");
        let error = Migrator::new(&empty).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack));
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'notes'"), "2");
}

/// A second migration that fails for the rows of version 1. What it says and leaves is looked at; then what was in its way
/// is taken away, and the same run comes to its end.
fn fails(second: &str, rows: &str, mend: &str, is_left: impl Fn(&Database)) -> (Code, State, String) {
    let database = database("fails");
    let start = (
        "0001_start.sql",
        "CREATE TABLE o(id integer PRIMARY KEY);\n\
         CREATE TABLE t(id integer PRIMARY KEY, n integer REFERENCES o DEFERRABLE INITIALLY DEFERRED, x text);",
    );
    let all = history(&[start, ("0002_second.sql", second)]);
    let told = wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(1).run(&mut host).await.unwrap();
        database.execute(rows);
        let error = Migrator::new(&all).run(&mut host).await.unwrap_err();
        assert_eq!(error.report().migration.as_deref(), Some("0002_second"), "{error}");
        assert!(!whimbrel::run::Connection::in_transaction(&mut host).await.unwrap(), "{error}");
        assert_eq!(
            count(&database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"),
            "0"
        );
        is_left(&database);
        database.execute(mend);
        let upgrade = Migrator::new(&all).run(&mut host).await.unwrap();
        assert_eq!(upgrade.to, 2);
        assert!(Migrator::new(&all).is_unchanged(&mut host).await.unwrap());
        host.close().await;
        (error.code(), error.report().state, format!("{error} {}", error.report().help.join(" ")))
    });
    assert_eq!(count(&database, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
    told
}

const ROWS: &str =
    "INSERT INTO o SELECT generate_series(1, 2000); INSERT INTO t SELECT i, 5, NULL FROM generate_series(1, 1000) i";

/// An index that cannot be built is not left behind, where nothing would use it and every write would pay for it.
#[test]
fn an_index_whose_rows_do_not_fit_is_not_left() {
    let unique = "-- whimbrel: alone\nCREATE UNIQUE INDEX CONCURRENTLY t_n ON t(n);";
    let nothing = |database: &Database| {
        assert_eq!(count(database, "SELECT count(*) FROM pg_class WHERE relname = 't_n'"), "0");
    };
    let (code, state, _) = fails(unique, ROWS, "UPDATE t SET n = id", nothing);
    assert_eq!((code, state), (Code::RowsDoNotFit, State::RolledBack));
    // One that a killed run has left goes first.
    let database = database("half");
    let all = history(&[("0001_start.sql", "CREATE TABLE t(n integer);"), ("0002_second.sql", unique)]);
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(1).run(&mut host).await.unwrap();
        database.execute("INSERT INTO t VALUES (1), (1)");
        database.session().try_execute("CREATE UNIQUE INDEX CONCURRENTLY t_n ON t(n)").unwrap_err();
        assert_eq!(count(&database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_n'::regclass"), "f");
        database.execute("DELETE FROM t");
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 2);
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_n'::regclass"), "t");
}

/// A portion that fails is rolled back, the ones before it stay, and the next run goes on with the rows that are left.
#[test]
fn a_back_fill_that_fails_half_way() {
    let fill = "-- whimbrel: backfill\nUPDATE t SET x = (10 / (id - 350))::text WHERE id IN \
        (SELECT id FROM t WHERE x IS NULL ORDER BY id LIMIT 300);";
    let first_portion = |database: &Database| {
        assert_eq!(count(database, "SELECT count(x) FROM t"), "300");
        // Nothing is done twice: what is there has another value when it goes on.
        database.execute("UPDATE t SET x = 'kept' WHERE id = 7");
    };
    let (code, state, _) = fails(fill, ROWS, "DELETE FROM t WHERE id = 350 OR (id = 7 AND x <> 'kept')", first_portion);
    assert_eq!((code, state), (Code::StatementFailed, State::Begun));
    let endless = "-- whimbrel: backfill\nUPDATE t SET x = 'again' WHERE n IS NOT NULL;";
    let (code, state, text) = fails(endless, ROWS, "UPDATE t SET n = NULL", |_| {});
    assert_eq!((code, state), (Code::StatementFailed, State::Begun));
    assert!(text.contains("comes to no end") && text.contains("must leave out the rows that are done"), "{text}");
}

/// What is only looked at when a transaction is committed.
#[test]
fn rows_that_do_not_fit_at_the_commit() {
    let none = |database: &Database| assert_eq!(count(database, "SELECT count(*) FROM t WHERE n <> 5"), "0");
    let (code, state, _) = fails("UPDATE t SET n = -1 WHERE x IS NULL;", ROWS, "UPDATE t SET x = ''", none);
    assert_eq!((code, state), (Code::RowsDoNotFit, State::RolledBack));
    let portions = "-- whimbrel: backfill\nUPDATE t SET n = -1 WHERE x IS NULL AND n <> -1;";
    let (code, state, _) = fails(portions, ROWS, "UPDATE t SET x = ''", none);
    assert_eq!((code, state), (Code::RowsDoNotFit, State::RolledBack));
}

/// The server makes something else of a migration than it made when that was tried out: nothing is committed.
#[test]
fn a_result_that_was_not_foreseen_is_rolled_back() {
    let meddle = "CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF NOT EXISTS \
        (SELECT FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b') THEN ALTER TABLE t ALTER COLUMN x \
        SET DEFAULT 'b', ADD COLUMN b integer; END IF; END$$; \
        CREATE EVENT TRIGGER meddles ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION meddle()";
    let nothing = |database: &Database| {
        let columns = "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass \
            AND attnum > 0";
        assert_eq!(count(database, columns), "id,n,x");
        assert_eq!(count(database, "SELECT count(*) FROM _whimbrel_migrations"), "1");
    };
    let (code, state, text) = fails(
        "ALTER TABLE t ADD COLUMN a integer;",
        meddle,
        "DROP EVENT TRIGGER meddles; DROP FUNCTION meddle",
        nothing,
    );
    assert_eq!((code, state), (Code::VerificationFailed, State::RolledBack), "{text}");
    assert!(text.contains("the result is not what the migrations make of an empty database"), "{text}");
}

/// Somebody holds a table for good: the run gives up, says who, and has changed nothing.
#[test]
fn a_lock_that_is_never_had() {
    let database = database("held");
    let alone = ("0003_alone.sql", "-- whimbrel: alone\nREINDEX TABLE CONCURRENTLY notes;");
    let column = ("0002_column.sql", "ALTER TABLE notes ADD COLUMN more integer;");
    let fill = ("0004_fill.sql", "-- whimbrel: backfill\nUPDATE notes SET more = 1 WHERE more IS NULL;");
    let all = history(&[START, column, alone, fill]);
    let time = Duration::from_millis(100);
    let impatient = RunSettings { lock_timeout: time, concurrent_wait: time, attempts: 2, ..RunSettings::default() };
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(1).run(&mut host).await.unwrap();
        for from in 1..=3 {
            Migrator::new(&all).to(from).run(&mut host).await.unwrap();
            let other = database.session();
            other.execute("BEGIN; LOCK TABLE notes IN SHARE UPDATE EXCLUSIVE MODE; SELECT * FROM notes FOR UPDATE");
            let to = UpgradeSettings { to: Some(from + 1), ..UpgradeSettings::default() };
            let mut clock = || 0;
            let never = whimbrel::Cancel::default();
            let outcome =
                upgrade(&mut host, Scratch::Automatic, &all, &to, &impatient, &mut clock, &mut (), &never).await;
            let error = outcome.unwrap_err();
            assert_eq!((error.code(), error.report().state), (Code::Busy, State::RolledBack), "{from}: {error}");
            let text = format!("{error} {}", error.report().help.join(" "));
            assert!(text.contains("the oldest open transactions are those of"), "{from}: {text}");
            other.execute("COMMIT");
        }
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 4);
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT count(*) FROM notes WHERE more = 1"), "1000");
}

#[test]
fn a_schema_changed_by_hand_is_noticed() {
    let database = database("drift");
    let all = history(&ALL);
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(2).run(&mut host).await.unwrap();
        database.execute("CREATE TABLE more(a int)");
        let extra = Migrator::new(&all).run(&mut host).await.unwrap();
        assert_eq!(extra.warnings, ["table more is in the database, and no migration makes it"]);
        Migrator::new(&all).undo_to(&mut host, 2).await.unwrap();
        database.execute("ALTER TABLE notes DROP COLUMN body");
        let error = Migrator::new(&all).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::Drift, State::Unchanged));
        host.close().await;
    });
}

#[test]
fn many_starters_and_one_upgrade() {
    let database = database("starters");
    let all = history(&ALL);
    let start = || {
        wait(async {
            let mut host = connect(&database).await;
            let outcome = Migrator::new(&all).wait_for_others(Duration::from_secs(120)).run(&mut host).await;
            host.close().await;
            outcome.unwrap()
        })
    };
    let upgrades = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(upgrades.iter().filter(|u| u.kind != UpgradeKind::Unchanged).count(), 1);
    assert_eq!(count(&database, "SELECT count(*) FROM _whimbrel_migrations"), "3");
    assert_eq!(count(&database, "SELECT count(*) FROM notes"), "1000");
}

/// What a script sets for its session does not reach the next one: a dump of pg_dump empties the search path.
#[test]
fn settings_of_scripts_stay_there() {
    let database = database("settings");
    let dump = (
        "0001_dump.sql",
        "SET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\
         CREATE TABLE public.notes(id integer);",
    );
    let next = ("0002_next.sql", "CREATE TABLE tags(id integer);");
    let all = history(&[dump, next]);
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).run(&mut host).await.unwrap();
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT count(*) FROM public.tags"), "0");
}

/// Somebody else has the table: the run gives up in time, tries again, and says who is in the way.
#[test]
fn a_lock_of_somebody_else() {
    let database = database("lock");
    let all = history(&ALL);
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(1).run(&mut host).await.unwrap();
        let other = database.session();
        other.execute("BEGIN; SELECT * FROM notes LIMIT 1");
        let mut retries = 0;
        let mut observer = |event: &Event<'_>| {
            retries += usize::from(matches!(event, Event::Retry { .. }));
            if retries == 2 && matches!(event, Event::Retry { .. }) {
                other.execute("COMMIT");
            }
        };
        let migrator = Migrator::new(&all).lock_timeout(Duration::from_millis(100)).observer(&mut observer);
        assert_eq!(migrator.run(&mut host).await.unwrap().to, 3);
        assert!(retries >= 2);
        host.close().await;
    });
}

#[test]
fn adopted_by_its_schema_and_by_another_tools_record() {
    let all = history(&ALL);
    let database = database("adopt");
    database.execute("CREATE TABLE notes(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)");
    wait(async {
        let mut host = connect(&database).await;
        let error = Migrator::new(&all).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::NotTracked, State::Unchanged));
        assert_eq!(versioned::find_version(&mut host, Scratch::Automatic, &all, &[]).await.unwrap(), [1]);
        assert_eq!(versioned::read_other_tool(&mut host, &all).await.unwrap(), None);
        database.execute(
            "CREATE TABLE __diesel_schema_migrations(version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now()); \
             INSERT INTO __diesel_schema_migrations VALUES ('0001')",
        );
        let (tool, applied) = versioned::read_other_tool(&mut host, &all).await.unwrap().unwrap();
        assert_eq!((tool.to_string().as_str(), applied.as_slice()), ("diesel", [1].as_slice()));
        let wrong = Baseline { applied: vec![1, 2], now: 1, ..Baseline::default() };
        let error = versioned::baseline(&mut host, Scratch::Automatic, &all, &wrong).await.unwrap_err();
        assert_eq!(error.code(), Code::Drift);
        let right = Baseline { applied, now: 1, ..Baseline::default() };
        versioned::baseline(&mut host, Scratch::Automatic, &all, &right).await.unwrap();
        let upgrade = Migrator::new(&all).run(&mut host).await.unwrap();
        assert_eq!((upgrade.from, upgrade.to), (1, 3));
        host.close().await;
    });
}

#[test]
fn late_migrations_and_edited_ones() {
    let database = database("late");
    let (late, all) = (history(&[START, TAGS]), history(&[START, WORDS, TAGS]));
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&late).run(&mut host).await.unwrap();
        let error = Migrator::new(&all).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::OutOfOrder, State::Unchanged));
        let upgrade = Migrator::new(&all).out_of_order(Policy::Allow).run(&mut host).await.unwrap();
        assert_eq!(upgrade.applied.len(), 1);
        let edited =
            history(&[START, WORDS, (TAGS.0, "CREATE TABLE tags(note bigint REFERENCES notes(id), name text);")]);
        assert_eq!(Migrator::new(&edited).run(&mut host).await.unwrap_err().code(), Code::MigrationEdited);
        let changes = versioned::repair_records(&mut host, Scratch::Automatic, &edited, &[]).await.unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(Migrator::new(&edited).run(&mut host).await.unwrap().kind, UpgradeKind::Unchanged);
        host.close().await;
    });
}

/// These migrations with the first of them squashed, up to a number.
fn squashed(database: &Database, files: &[(&str, &str)], to: u32, forget: bool) -> History {
    let mut all = MemoryFiles { dialect: Some(Dialect::Postgres), ..MemoryFiles::default() };
    for (path, text) in files {
        all.write(path, text.as_bytes()).unwrap();
    }
    let folder = Folder::read(&all).unwrap();
    let settings = Squash { from: 1, to, day: "2026-11-21".to_owned(), forget, ..Squash::default() };
    // Its own connection: a replay is not async.
    let mut replay = |history: &History| {
        std::thread::scope(|scope| {
            let work = || {
                wait(async {
                    let mut host = connect(database).await;
                    versioned::replay(&mut host, Scratch::Automatic, history).await
                })
            };
            scope.spawn(work).join().unwrap()
        })
    };
    squash(&all, &folder, &settings, &mut replay).unwrap().apply(&mut all).unwrap();
    let folder = Folder::read(&all).unwrap();
    assert_eq!(folder.problems, []);
    folder.history
}

/// A database that a squashed migration has made is known to apps of before the squash, and to those of after.
#[test]
fn a_squashed_migration_is_recorded_as_what_it_was_made_from() {
    let database = database("squashed");
    let start =
        ("0001_start.sql", "CREATE TABLE notes(id bigint PRIMARY KEY, body text);\nGRANT SELECT ON notes TO PUBLIC;");
    let tags = ("0002_tags.sql", "CREATE TABLE tags(name text);");
    let old = history(&[start, tags]);
    let squashed = squashed(&database, &[start, tags], 2, false);
    wait(async {
        let mut host = connect(&database).await;
        assert_eq!(squashed.migrations.len(), 1);
        Migrator::new(&squashed).run(&mut host).await.unwrap();
        assert!(Migrator::new(&squashed).is_unchanged(&mut host).await.unwrap());
        assert_eq!(Migrator::new(&old).run(&mut host).await.unwrap().kind, UpgradeKind::Unchanged);
        let records = versioned::read_tracking(&mut host).await.unwrap().records;
        assert_eq!(records.iter().map(|record| record.version.as_str()).collect::<Vec<_>>(), ["0001", "0002"]);
        host.close().await;
    });
    // Rights stand in no schema: they are carried by the scripts.
    assert_eq!(count(&database, "SELECT has_table_privilege('public', 'notes', 'SELECT')"), "t");
}

#[test]
fn migrations_of_sqlite_are_refused() {
    let database = database("dialect");
    let mut files = MemoryFiles::default();
    files.write("0001_start.sql", b"CREATE TABLE notes(body TEXT);").unwrap();
    let sqlite = Folder::read(&files).unwrap().history;
    wait(async {
        let mut host = connect(&database).await;
        let error = Migrator::new(&sqlite).run(&mut host).await.unwrap_err();
        assert!(error.to_string().contains("these are migrations of SQLite"));
        host.close().await;
    });
}

/// Runs, and asks to be stopped when so many statements and portions are done. Whether it came to its end before that.
async fn stopped_at(database: &Database, at: usize, all: &History, down_to: Option<u32>) -> bool {
    let mut host = connect(database).await;
    let cancel = whimbrel::Cancel::default();
    let mut seen = 0;
    let mut stop = |event: &Event<'_>| {
        seen += usize::from(matches!(event, Event::Statement { .. } | Event::Portion { .. }));
        if seen == at {
            cancel.cancel();
        }
    };
    let migrator = Migrator::new(all).cancel(&cancel).observer(&mut stop);
    let outcome = match down_to {
        Some(to) => migrator.undo_to(&mut host, to).await,
        None => migrator.run(&mut host).await,
    };
    host.close().await;
    match outcome {
        Ok(_) => true,
        Err(e) => {
            assert_eq!(e.code(), Code::Cancelled);
            false
        }
    }
}

/// The first of all migrations has phases: what tells that the database is kept by them stands there from the first on.
#[test]
fn a_first_migration_that_was_stopped_is_gone_on_with() {
    let first = (
        "0001_first.sql",
        "CREATE TABLE a(n integer);\nINSERT INTO a VALUES (1);\n-- whimbrel: phase second\nCREATE TABLE b(n integer);\n\
         -- whimbrel: alone\nCREATE INDEX CONCURRENTLY a_n ON a(n);",
    );
    let all = history(&[first]);
    for at in 1.. {
        let database = database("first");
        let finished = wait(stopped_at(&database, at, &all, None));
        let is_between = count(&database, "SELECT count(*) FROM _whimbrel_migrations WHERE phases > 0") == "1";
        wait(async {
            let mut host = connect(&database).await;
            if is_between {
                let error = Migrator::new(&all).undo_to(&mut host, 0).await.unwrap_err();
                assert_eq!((error.code(), error.report().state), (Code::Irreversible, State::Unchanged));
                assert!(error.to_string().contains("between two of its phases"), "{error}");
            }
            assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 1);
            host.close().await;
        });
        assert_eq!(count(&database, "SELECT count(*) FROM a"), "1");
        assert_eq!(count(&database, "SELECT count(*) FROM _whimbrel_migrations WHERE phases IS NULL"), "1");
        if finished {
            break;
        }
    }
}

/// A way back of several phases, stopped between any two of them: it is gone on with, and until then nothing else runs.
#[test]
fn a_way_back_that_was_stopped_is_gone_on_with() {
    let start = ("0001_start.sql", "CREATE TABLE a(n integer);\nINSERT INTO a VALUES (1);\nCREATE INDEX a_n ON a(n);");
    let more = ("0002_more.sql", "ALTER TABLE a ADD COLUMN m integer;\nDROP INDEX a_n;");
    let back = (
        "0002_more.down.sql",
        "ALTER TABLE a DROP COLUMN m;\n-- whimbrel: phase count\nUPDATE a SET n = n + 1;\n-- whimbrel: alone\n\
         CREATE INDEX CONCURRENTLY a_n ON a(n);\nUPDATE a SET n = n + 1;",
    );
    let all = history(&[start, more, back]);
    let edited = history(&[start, more, ("0002_more.down.sql", "DROP TABLE a;\n-- whimbrel: phase count\nSELECT 1;")]);
    let mut stops = 0;
    for at in 1.. {
        let database = database("back");
        let finished = wait(async {
            let mut host = connect(&database).await;
            Migrator::new(&all).run(&mut host).await.unwrap();
            host.close().await;
            stopped_at(&database, at, &all, Some(1)).await
        });
        let is_between = count(&database, "SELECT count(*) FROM _whimbrel_migrations WHERE phases < 0") == "1";
        wait(async {
            let mut host = connect(&database).await;
            if is_between {
                stops += 1;
                let error = Migrator::new(&all).run(&mut host).await.unwrap_err();
                assert_eq!((error.code(), error.report().state), (Code::HalfUndone, State::Unchanged));
                let error = Migrator::new(&all).undo_to(&mut host, 0).await.unwrap_err();
                assert_eq!(error.code(), Code::Irreversible, "the one before has no way back");
                let error = Migrator::new(&edited).undo_to(&mut host, 1).await.unwrap_err();
                assert_eq!((error.code(), error.report().state), (Code::MigrationEdited, State::Unchanged));
            }
            assert_eq!(Migrator::new(&all).undo_to(&mut host, 1).await.unwrap().to, 1);
            assert_eq!(count(&database, "SELECT n FROM a"), "3");
            assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 2);
            host.close().await;
        });
        assert_eq!(count(&database, "SELECT count(*) FROM _whimbrel_migrations WHERE phases IS NULL"), "2");
        if finished {
            break;
        }
    }
    assert!(stops >= 3, "stopped {stops} times in between");
}

/// Two programs want to undo the same migration: it is undone once.
#[test]
fn what_another_has_undone_is_not_undone_again() {
    let start = ("0001_start.sql", "CREATE TABLE a(n integer);\nINSERT INTO a VALUES (0);");
    let more = ("0002_more.sql", "UPDATE a SET n = n + 1;");
    let all = history(&[start, more, ("0002_more.down.sql", "UPDATE a SET n = n - 1;")]);
    let database = database("twice");
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).run(&mut host).await.unwrap();
        let records = versioned::read_tracking(&mut host).await.unwrap().records;
        Migrator::new(&all).undo(&mut host, &records[1..]).await.unwrap();
        let error = Migrator::new(&all).undo(&mut host, &records[1..]).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::UnknownMigration, State::Unchanged));
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT n FROM a"), "0");
}

/// Of a squash whose originals were thrown away, the squash itself tells what they made.
#[test]
fn a_squash_without_its_originals_is_replayed_itself() {
    let start = ("0001_start.sql", "CREATE TABLE notes(id bigint PRIMARY KEY, body text);");
    let tags = ("0002_tags.sql", "CREATE TABLE tags(name text);");
    let more = ("0003_more.sql", "ALTER TABLE notes ADD COLUMN words integer;");
    let last = ("0004_last.sql", "ALTER TABLE notes ADD COLUMN stars integer;");
    let files = [start, tags, more, last];
    let (live, adopted) = (database("forgotten"), database("forgotten_adopted"));
    let all = squashed(&live, &files, 2, true);
    assert_eq!(all.migrations.len(), 3);
    wait(async {
        let mut host = connect(&live).await;
        assert_eq!(Migrator::new(&all).to(2).run(&mut host).await.unwrap().to, 2);
        live.execute("CREATE TABLE extra(a int)");
        let warning = ["table extra is in the database, and no migration makes it"];
        let upgrade = Migrator::new(&all).to(3).run(&mut host).await.unwrap();
        assert_eq!((upgrade.to, upgrade.warnings), (3, warning.map(str::to_owned).to_vec()));
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 4);
        let ways = versioned::verify(&mut host, Scratch::Automatic, &all, false, &whimbrel::Cancel::default()).await;
        let wrong: Vec<_> = ways.unwrap().into_iter().flat_map(|way| way.wrong).collect();
        assert_eq!(wrong, Vec::<String>::new());
        host.close().await;
        let mut host = connect(&adopted).await;
        adopted.execute(
            "CREATE TABLE notes(id bigint PRIMARY KEY, body text, words integer); CREATE TABLE tags(name text)",
        );
        assert_eq!(versioned::find_version(&mut host, Scratch::Automatic, &all, &[]).await.unwrap(), [3]);
        let settings = Baseline { applied: vec![1, 2, 3], ..Baseline::default() };
        versioned::baseline(&mut host, Scratch::Automatic, &all, &settings).await.unwrap();
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 4);
        host.close().await;
    });
}

/// What a script sets for its session holds to its end, also where it is gone on with in another session, and not for
/// the next one.
#[test]
fn settings_of_a_script_hold_for_all_its_phases() {
    let start = (
        "0001_start.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.t(d date);\nCREATE TABLE public.t(d date);\nCREATE TABLE public.n(d date);",
    );
    let more = (
        "0002_more.sql",
        "SET search_path TO app;\nSET DateStyle = 'ISO, DMY';\nINSERT INTO t VALUES ('01/02/2024');\n\
         -- whimbrel: alone\nCREATE INDEX CONCURRENTLY t_d ON t(d);\nINSERT INTO t VALUES ('01/02/2024');",
    );
    let next = ("0003_next.sql", "INSERT INTO n VALUES ('01/02/2024');");
    let all = history(&[start, more, next]);
    for at in 5.. {
        let database = database("phases");
        let finished = wait(stopped_at(&database, at, &all, None));
        wait(async {
            let mut host = connect(&database).await;
            Migrator::new(&all).run(&mut host).await.unwrap();
            host.close().await;
        });
        assert_eq!(count(&database, "SELECT count(*) FROM app.t WHERE d = '2024-02-01'"), "2");
        assert_eq!(count(&database, "SELECT count(*) FROM public.n WHERE d = '2024-01-02'"), "1");
        assert_eq!(count(&database, "SELECT count(*) FROM pg_class WHERE relname = 't_d'"), "1");
        if finished {
            break;
        }
    }
}

/// A run that was stopped behind a statement which stands alone, and before its record: the statement is not repeated.
#[test]
fn what_stands_alone_is_not_repeated() {
    let start = (
        "0001_start.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.t(n integer);\nCREATE TABLE public.u(n integer);\n\
         CREATE INDEX t_n ON public.u(n);\nCREATE TABLE p(n integer) PARTITION BY LIST (n);\n\
         CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);\nINSERT INTO p VALUES (1);",
    );
    // The index of the same name is another schema's.
    let more = ("0002_more.sql", "-- whimbrel: alone\nCREATE INDEX CONCURRENTLY t_n ON t(n);");
    let out = ("0003_out.sql", "-- whimbrel: alone\nALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;");
    let all = history(&[start, more, out]);
    for done in ["", "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", "CREATE INDEX t_n ON app.t(n)"] {
        let database = database("alone");
        database.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, app', current_database()); END $$",
        );
        wait(async {
            let mut host = connect(&database).await;
            Migrator::new(&all).to(1).run(&mut host).await.unwrap();
            if !done.is_empty() {
                database.execute(done);
            }
            let upgrade = Migrator::new(&all).accept_drift(true).run(&mut host).await.unwrap();
            assert_eq!(upgrade.to, 3);
            host.close().await;
        });
        assert_eq!(count(&database, "SELECT count(*) FROM pg_class WHERE relname = 't_n'"), "2", "{done}");
        assert_eq!(count(&database, "SELECT count(*) FROM p1"), "1");
        assert_eq!(count(&database, "SELECT count(*) FROM pg_inherits WHERE inhrelid = 'p1'::regclass"), "0");
    }
}

/// Roles are the server's: trying migrations out makes none, and one that is there already is in nobody's way.
#[test]
fn roles_are_made_once() {
    let database = database("roles");
    let role = format!("role_{}", count(&database, "SELECT current_database()"));
    let start = format!(
        "CREATE ROLE \"{role}\";\nCREATE TABLE a(n integer);\nGRANT SELECT ON a TO \"{role}\";\n\
         ALTER TABLE a ENABLE ROW LEVEL SECURITY;\nCREATE POLICY p ON a TO \"{role}\" USING (true);"
    );
    let wrong = history(&[("0001_start.sql", start.as_str()), ("0002_more.sql", "CREATE TABLE a(n integer);")]);
    let all = history(&[("0001_start.sql", start.as_str()), ("0002_more.sql", "CREATE TABLE b(n integer);")]);
    let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    wait(async {
        let mut host = connect(&database).await;
        let error = Migrator::new(&wrong).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::Unchanged));
        assert_eq!(count(&database, &roles), "0");
        assert_eq!(Migrator::new(&all).to(1).run(&mut host).await.unwrap().to, 1);
        assert_eq!(count(&database, &roles), "1");
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 2);
        host.close().await;
    });
    assert_eq!(count(&database, &format!("SELECT has_table_privilege('{role}', 'a', 'SELECT')")), "t");
    database.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

/// The same where a block makes them: what else it does is tried out.
#[test]
fn roles_of_a_block_are_made_once() {
    let database = database("blocks");
    let role = format!("role_{}", count(&database, "SELECT current_database()"));
    let start = format!(
        "DO $$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN\n    \
         EXECUTE format('CREATE ROLE %I', '{role}');\n  END IF;\n  CREATE TABLE a(n integer);\n  \
         GRANT SELECT ON a TO \"{role}\";\nEND $$;\nGRANT INSERT ON a TO \"{role}\";"
    );
    let wrong = history(&[("0001_start.sql", start.as_str()), ("0002_more.sql", "CREATE TABLE a(n integer);")]);
    let all = history(&[("0001_start.sql", start.as_str()), ("0002_more.sql", "ALTER TABLE a ADD COLUMN b text;")]);
    let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    wait(async {
        let mut host = connect(&database).await;
        let error = Migrator::new(&wrong).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::Unchanged));
        assert_eq!(count(&database, &roles), "0");
        let upgrade = Migrator::new(&all).run(&mut host).await.unwrap();
        assert_eq!((upgrade.to, upgrade.warnings), (2, Vec::new()));
        host.close().await;
    });
    for right in ["SELECT", "INSERT"] {
        assert_eq!(count(&database, &format!("SELECT has_table_privilege('{role}', 'a', '{right}')")), "t");
    }
    database.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

/// A column that is kept in step for old clients is nothing that a migration knows of, whatever drift is accepted.
#[test]
fn an_expanded_database_is_left_alone() {
    let database = database("expanded");
    let all = history(&[
        (
            "0001_start.sql",
            "CREATE TABLE items(id bigint PRIMARY KEY, price integer);\nINSERT INTO items VALUES (1, 5);",
        ),
        ("0001_start.down.sql", "DROP TABLE items;"),
        ("0002_more.sql", "ALTER TABLE items DROP COLUMN price;"),
    ]);
    let renaming = || {
        let planner = Planner::new("CREATE TABLE items(id bigint PRIMARY KEY, cents integer)");
        planner.rename("items.price", "cents").unwrap()
    };
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(1).run(&mut host).await.unwrap();
        renaming().expand(4).plan(&mut host).await.unwrap().run(&mut host).await.unwrap();
        let error = Migrator::new(&all).accept_drift(true).run(&mut host).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::Expanded, State::Unchanged));
        let error = Migrator::new(&all).accept_drift(true).undo_to(&mut host, 0).await.unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::Expanded, State::Unchanged));
        database.execute("UPDATE items SET price = 6");
        assert_eq!(count(&database, "SELECT cents FROM items"), "6");
        renaming().contract(5).plan(&mut host).await.unwrap().run(&mut host).await.unwrap();
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap_err().code(), Code::Drift);
        host.close().await;
    });
}

/// What is done outside of a transaction without need is recorded in one: a run that stops before its record repeats
/// nothing.
#[test]
fn rows_are_written_once_also_without_a_transaction() {
    let start = ("0001_start.sql", "CREATE TABLE a(n integer);");
    let rows = (
        "0002_rows.sql",
        "-- whimbrel: no-transaction\nINSERT INTO a VALUES (1);\nVACUUM a;\nINSERT INTO a VALUES (2);",
    );
    let all = history(&[start, rows]);
    let database = database("once");
    wait(async {
        let mut host = connect(&database).await;
        Migrator::new(&all).to(1).run(&mut host).await.unwrap();
        for phases in [1, 2] {
            let check = format!("ADD CONSTRAINT no_record CHECK (phases IS DISTINCT FROM {phases})");
            database.execute(&format!("ALTER TABLE _whimbrel_migrations {check}"));
            Migrator::new(&all).run(&mut host).await.unwrap_err();
            database.execute("ALTER TABLE _whimbrel_migrations DROP CONSTRAINT no_record");
        }
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 2);
        host.close().await;
    });
    assert_eq!(count(&database, "SELECT string_agg(n::text, ',' ORDER BY n) FROM a"), "1,2");
}

/// The schema of the search path is made by the first migration: the record is found again all the same.
#[test]
fn the_first_migration_makes_the_schema_of_the_search_path() {
    let database = database("path");
    let set = |path: &str| {
        database.execute(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = {path}', current_database()); END $$"
        ));
    };
    let all = history(&[
        ("0001_start.sql", "CREATE SCHEMA app;\nCREATE TABLE app.a(n integer);"),
        ("0002_more.sql", "CREATE TABLE app.b(n integer);"),
    ]);
    set("app");
    wait(async {
        let mut host = connect(&database).await;
        assert_eq!(Migrator::new(&all).to(1).run(&mut host).await.unwrap().to, 1);
        host.close().await;
        let mut host = connect(&database).await;
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap().to, 2);
        host.close().await;
        // Another path is somebody else's.
        set("other");
        let mut host = connect(&database).await;
        assert_eq!(Migrator::new(&all).run(&mut host).await.unwrap_err().code(), Code::NotTracked);
        host.close().await;
    });
}
