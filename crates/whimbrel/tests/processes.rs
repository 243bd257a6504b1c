//! Real processes: many that start at once, and some that are killed in the middle.
//!
//! The test runs itself again as the child. `WHIMBREL_ROUNDS` says how many rounds there are; a change of the migrator
//! is tried with 200 and more.

#[path = "migrator/support.rs"]
mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use support::{history, one, tables};
use whimbrel::{Code, History, Migrator, UpgradeKind};

const DATABASE: &str = "WHIMBREL_TEST_DATABASE";

fn rounds(usual: usize) -> usize {
    std::env::var("WHIMBREL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// Twenty migrations, some of which write all rows again.
fn twenty() -> History {
    let mut scripts = vec!["CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);".to_owned()];
    for n in 2..=20 {
        scripts.push(match n % 3 {
            0 => format!(
                "CREATE TABLE copy(id INTEGER PRIMARY KEY, body TEXT, {} x{n} INTEGER DEFAULT {n});
                 INSERT INTO copy SELECT *, {n} FROM notes; DROP TABLE notes; ALTER TABLE copy RENAME TO notes;",
                (2..n).map(|n| format!("x{n} INTEGER DEFAULT {n}, ")).collect::<String>()
            ),
            1 => format!(
                "ALTER TABLE notes ADD COLUMN x{n} INTEGER DEFAULT {n}; CREATE INDEX i{n} ON notes(body, x{n});"
            ),
            _ => format!("ALTER TABLE notes ADD COLUMN x{n} INTEGER DEFAULT {n}; UPDATE notes SET x{n} = id;"),
        });
    }
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    history(&scripts)
}

/// What a child does: it opens the database as an app would, and prints how that went.
#[test]
#[expect(clippy::print_stdout, reason = "standard output is how the child answers")]
fn child() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let mut db = Connection::open(path).unwrap();
    // An app that does not wait by itself.
    db.busy_timeout(Duration::ZERO).unwrap();
    match Migrator::new(&twenty()).run(&mut db) {
        Ok(upgrade) => println!("done {:?} {}", upgrade.kind, upgrade.to),
        Err(e) => println!("failed {} {e}", e.code()),
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn said(mut child: Child) -> String {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let line = text.lines().find_map(|l| l.find("done ").or_else(|| l.find("failed ")).map(|at| l[at..].to_owned()));
    line.unwrap_or_default()
}

fn make_database(path: &Path, journal: &str, rows: usize) {
    let mut db = Connection::open(path).unwrap();
    db.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
    Migrator::new(&twenty().up_to(1)).run(&mut db).unwrap();
    db.execute_batch("BEGIN").unwrap();
    for n in 0..rows {
        db.execute("INSERT INTO notes(body) VALUES (?1)", [format!("note {n}")]).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}

/// Eight apps start at once on an old database: one upgrades it, and nobody sees an error.
#[test]
fn fault_061_eight_at_once_give_one_upgrade_and_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..rounds(50) {
        let path = folder.path().join(format!("{round}.db"));
        let journal = if round % 2 == 0 { "delete" } else { "wal" };
        make_database(&path, journal, 50);
        let children: Vec<Child> = (0..8).map(|_| start(&path)).collect();
        let mut said: Vec<String> = children.into_iter().map(said).collect();
        said.sort();
        let expected: Vec<&str> = [vec!["done Unchanged 20"; 7], vec!["done Upgraded 20"]].concat();
        assert_eq!(said, expected, "round {round}, {journal}");
        let db = Connection::open(&path).unwrap();
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes WHERE x20 = id"), 50, "round {round}");
        assert_eq!(tables(&db), ["notes"]);
        assert_eq!(one::<i64>(&db, "SELECT count(DISTINCT batch) FROM _whimbrel_migrations"), 2, "round {round}");
    }
    let left = std::fs::read_dir(folder.path()).unwrap().filter_map(Result::ok);
    let locks = left.filter(|entry| entry.file_name().to_string_lossy().contains("lock")).count();
    assert_eq!(locks, 0, "a lock file was left behind");
}

/// A process is killed at a random moment of an upgrade of twenty migrations: the database is at the old version or at
/// the newest, with all rows, and the next start gets to the newest.
#[test]
fn fault_047_a_killed_upgrade_leaves_the_old_version_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 2_000;
    // How long an upgrade takes here, so that most are hit in the middle.
    let path = folder.path().join("measured.db");
    make_database(&path, "delete", rows);
    let begin = Instant::now();
    assert_eq!(said(start(&path)), "done Upgraded 20");
    let whole = begin.elapsed().as_micros() as u64;

    let (mut old, mut new, mut random) = (0, 0, 88_172_645_463_325_252_u64);
    for round in 0..rounds(80) {
        let path = folder.path().join(format!("{round}.db"));
        let journal = if round % 2 == 0 { "delete" } else { "wal" };
        make_database(&path, journal, rows);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut child = start(&path);
        std::thread::sleep(Duration::from_micros(random % (whole + whole / 10)));
        child.kill().unwrap();
        child.wait().unwrap();

        let story = format!("round {round}, {journal}");
        let mut db = Connection::open(&path).unwrap();
        assert_eq!(one::<String>(&db, "PRAGMA integrity_check"), "ok", "{story}");
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), rows as i64, "{story}");
        let version: i64 = one(&db, "SELECT max(idx) FROM _whimbrel_migrations");
        let columns: i64 = one(&db, "SELECT count(*) FROM pragma_table_info('notes')");
        match version {
            1 => {
                assert_eq!(columns, 2, "{story}");
                old += 1;
            }
            20 => {
                assert_eq!(columns, 21, "{story}");
                new += 1;
            }
            between => panic!("{story}: the database is at {between}"),
        }
        let upgrade = Migrator::new(&twenty()).run(&mut db).unwrap_or_else(|e| panic!("{story}: {e}"));
        assert_eq!(upgrade.to, 20, "{story}");
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes WHERE x20 = id AND body LIKE 'note %'"), rows as i64);
    }
    assert!(old > 0, "no upgrade was hit in the middle: {old} old, {new} new");
}

/// The system kills an upgrade that takes too long, at every start: after the third, nothing more is tried, until a
/// version with another history comes, or the app asks for it.
#[test]
fn fault_058_after_three_killed_starts_nothing_more_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    make_database(&path, "delete", 10);
    let twenty = twenty();
    for n in 1..=3 {
        let mut db = Connection::open(&path).unwrap();
        let error = Migrator::new(&twenty).after(20, |_| Err("the watchdog".into())).run(&mut db).unwrap_err();
        assert_eq!(error.code(), Code::AppStep, "start {n}");
    }
    let mut db = Connection::open(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    for _ in 0..2 {
        let error = Migrator::new(&twenty).run(&mut db).unwrap_err();
        assert_eq!(error.code(), Code::Held);
    }
    assert!(before == std::fs::read(&path).unwrap(), "a start that tries nothing writes nothing");
    // The app goes on with the old version, which it still has rows of.
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 10);
    assert_eq!(Migrator::new(&twenty).retry(true).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
}
