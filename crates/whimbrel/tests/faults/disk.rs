//! 48, 49, 51, 52, 54 to 56, 59, 60, 64: what a disk, a memory and a process that ends do to a run.
//!
//! A run is watched from between the procedures and SQLite: before each request the files are copied as they are, and
//! each copy is what a process that was killed there would leave. Such a copy is opened like any database, and holds
//! the old version or the new one.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection as Rusqlite;
use whimbrel::run::{Cancel, Settings, block_on, make_plan, run_plan};
use whimbrel::sqlite_host::{Access, Sqlite, open};
use whimbrel::{Code, Event, Folder, History, MemoryFiles, Migrator, Planner, Schema, State, backup, doctor};

use crate::support::database::{Database, Journal, ask};
use crate::support::host::Host;
use crate::support::outcome::{everything, is_as_declared, refused, schema};

const BEFORE: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, stars TEXT);
     CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT);
     CREATE INDEX tags_note ON tags(note);
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
     INSERT INTO notes SELECT i, printf('%0200d', i), i FROM n;
     INSERT INTO tags SELECT id, 'tag ' || id FROM notes;";

const AFTER: &str =
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE, stars INTEGER NOT NULL DEFAULT 0);
     CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT, more TEXT);
     CREATE INDEX tags_note ON tags(note, tag);
     CREATE VIEW starred AS SELECT body FROM notes WHERE stars > 0;";

/// A file of small pages and rows that fill many of them.
fn full(journal: Journal) -> Database {
    let database = Database::with(&["PRAGMA page_size = 1024; VACUUM;", BEFORE]);
    if journal == Journal::Wal {
        assert_eq!(ask(&database.connect(true), "PRAGMA journal_mode = WAL"), "wal");
    }
    database
}

/// A connection with so little memory that it writes pages before the commit, as every large migration does.
fn small(database: &Database) -> Rusqlite {
    let conn = database.connect(true);
    conn.execute_batch("PRAGMA cache_size = 5; PRAGMA cache_spill = 5; PRAGMA wal_autocheckpoint = 0")
        .expect("settings");
    conn
}

fn push(host: &mut Host<'_>, declared: &str) -> whimbrel::Result<whimbrel::Report> {
    let declared = schema(declared);
    block_on(async {
        let plan = make_plan(host, &declared, &Settings::default(), &mut |_| None).await?;
        run_plan(host, &plan, &mut (), &Cancel::default()).await
    })
}

/// The files of a database at one moment, by name.
type Files = Vec<(String, Vec<u8>)>;

fn file<'f>(files: &'f Files, end: &str) -> &'f [u8] {
    files.iter().find(|(name, _)| name.ends_with(end)).map_or(&[], |(_, bytes)| bytes)
}

/// A database from files that somebody has left.
fn laid_out(files: &Files) -> Database {
    let database = Database::new();
    for (name, bytes) in files {
        fs::write(database.folder().join(name), bytes).expect("a file");
    }
    database
}

/// What the files are at every moment of a run; and everything that is in the database before it and after it.
fn moments(journal: Journal) -> (Vec<Files>, String, String) {
    let database = full(journal);
    let conn = small(&database);
    let old = everything(&conn);
    let moments: RefCell<Vec<Files>> = RefCell::default();
    let look = || {
        let (now, mut moments) = (database.bytes(), moments.borrow_mut());
        if moments.last() != Some(&now) {
            moments.push(now);
        }
    };
    let mut host = Host::new(Sqlite::owned(conn), |_, _| {
        look();
        None
    });
    push(&mut host, AFTER).unwrap_or_else(|e| panic!("{e}"));
    look();
    let new = everything(std::borrow::Borrow::borrow(&host.inner));
    drop(host);
    let moments = moments.into_inner();
    assert!(old != new && old.contains("tag 300") && new.contains("tag 300"));
    (moments, old, new)
}

/// A database as a crash has left it: opened, it is whole, and old or new; the next start makes it new. Tells which.
fn recovers(files: &Files, old: &str, new: &str, story: &str) -> bool {
    let database = laid_out(files);
    let mut conn = database.connect(true);
    assert_eq!(ask(&conn, "PRAGMA integrity_check"), "ok", "{story}");
    assert_eq!(ask(&conn, "PRAGMA foreign_key_check"), "", "{story}");
    let now = everything(&conn);
    assert!(now == old || now == new, "{story}: neither the old version nor the new one");
    Planner::new(&schema(AFTER)).push(&mut conn).unwrap_or_else(|e| panic!("{story}: {e}"));
    assert!(everything(&conn) == new, "{story}: the next start made something else");
    now == new
}

/// A process is killed, or power fails, while a run is under way: pages that are in the file already are half written,
/// come in any order, or are not there at all. The journal was on the disk before any of them, and takes them back;
/// what stands in a log without its commit counts for nothing.
#[test]
fn fault_048_sectors_are_torn_or_come_in_another_order() {
    for journal in [Journal::Delete, Journal::Wal] {
        let (moments, old, new) = moments(journal);
        let mut seed = fastrand::Rng::with_seed(48);
        let first = moments.first().expect("a moment").clone();
        let (mut written_early, mut last) = (0, false);
        for (n, files) in moments.iter().enumerate() {
            let story = format!("{journal:?}, moment {n}");
            last = recovers(files, &old, &new, &story);
            if last {
                continue;
            }
            let end = if journal == Journal::Wal { ".db-wal" } else { ".db" };
            let (before, now) = (file(&first, end), file(files, end));
            // What the run has written so far, in sectors of 512 bytes; the rest was there and synchronised.
            let sector = |bytes: &[u8], n: usize| bytes.get(n * 512..).map(|rest| rest[..rest.len().min(512)].to_vec());
            let written: Vec<usize> =
                (0..now.len().div_ceil(512)).filter(|n| sector(before, *n) != sector(now, *n)).collect();
            if written.is_empty() {
                continue;
            }
            written_early += 1;
            for mode in 0..4 {
                let mut torn = now.to_vec();
                for sector in written.iter().map(|n| n * 512) {
                    if mode == 0 || seed.bool() {
                        continue;
                    }
                    let end = torn.len().min(sector + 512);
                    match (mode, before.get(sector..end)) {
                        // Not written yet.
                        (1, Some(was)) => torn[sector..end].copy_from_slice(was),
                        // Half of it is.
                        (2, _) => torn[sector + 256.min(end - sector)..end].fill(0),
                        _ => torn[sector..end].iter_mut().for_each(|byte| *byte = seed.u8(..)),
                    }
                }
                // In a log, or behind the old end of a file, the last part may be missing.
                if mode == 0 {
                    let floor = before.len().min(now.len());
                    torn.truncate(floor + seed.usize(..=now.len() - floor));
                }
                let torn: Files = files
                    .iter()
                    .map(|(name, bytes)| (name.clone(), if name.ends_with(end) { torn.clone() } else { bytes.clone() }))
                    .collect();
                recovers(&torn, &old, &new, &format!("{story}, torn {mode}"));
            }
        }
        assert!(written_early > 3, "{journal:?}: nothing reached the disk before the commit");
        assert!(last, "{journal:?}: the last moment is the new version");
    }
}

/// A child that pushes, under limits that its surroundings set. It says how that went.
#[test]
#[expect(clippy::print_stdout, reason = "standard output is how the child answers")]
fn child() {
    let Some(path) = std::env::var_os("WHIMBREL_TEST_FAULT") else { return };
    let declared = schema(AFTER);
    let outcome = open(path.as_ref(), Access::ReadWrite).and_then(|mut conn| {
        let plan = Planner::new(&declared).plan(&mut conn)?;
        if let Some(bytes) = std::env::var_os("WHIMBREL_TEST_MEMORY") {
            let bytes = bytes.to_string_lossy().into_owned();
            conn.query_row(&format!("PRAGMA hard_heap_limit = {bytes}"), [], |_| Ok(())).expect("a limit");
        }
        plan.run(&mut conn)
    });
    match outcome {
        Ok(_) => println!("\nchild: done"),
        Err(e) => println!("\nchild: {} {:?} {e}", e.code(), e.report().state),
    }
}

/// What the child says, and how it ended.
fn said(command: &mut std::process::Command) -> String {
    let output = command.stdin(std::process::Stdio::null()).output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("child: ")).map(str::to_owned);
    line.unwrap_or_else(|| panic!("the child ended without a word: {output:?}"))
}

/// What a child that had to give up has left.
fn left_behind(database: &Database, said: &str, old: &str, new: &str) {
    let is_new = recovers(&database.bytes(), old, new, said);
    // Where a commit fails and the file cannot be read any more either, it is not claimed to be known.
    if said.starts_with("W0310 Unknown") {
        return;
    }
    assert_eq!(is_new, said == "done", "{said}");
    let is_told = ["Unchanged", "RolledBack", "done"].iter().any(|state| said.contains(state));
    assert!(is_told, "{said}: nothing was applied, and that is not what was said");
}

/// The disk takes no more bytes from one place on, for good: a write of SQLite's fails there, wherever in the run that
/// is. The run is rolled back and says so.
#[cfg(unix)]
#[test]
fn fault_049_every_write_beyond_a_point_fails() {
    const SCRIPT: &str = "trap '' XFSZ; ulimit -f \"$1\"; exec \"$2\" --exact disk::child --nocapture --test-threads=1";
    let program = std::env::current_exe().expect("this program");
    for journal in [Journal::Delete, Journal::Wal] {
        let (_, old, new) = moments(journal);
        let mut outcomes = Vec::new();
        for attempt in 0.. {
            let database = full(journal);
            let size = database.bytes().iter().map(|(_, bytes)| bytes.len() / 512).max().expect("a file");
            // From nothing at all, in coarser steps where the file itself is not being written any more.
            let blocks = attempt * size / 10;
            let mut command = std::process::Command::new("sh");
            command.args(["-c", SCRIPT, "sh", &blocks.to_string()]).arg(&program);
            let said = said(command.env("WHIMBREL_TEST_FAULT", database.path()));
            left_behind(&database, &said, &old, &new);
            outcomes.push(said.split(' ').next().unwrap_or_default().to_owned());
            if said == "done" {
                break;
            }
            assert!(attempt < 100, "it never gets through: {said}");
        }
        assert!(outcomes.len() > 8, "{journal:?}: only these failed: {outcomes:?}");
        let told = outcomes.iter().filter(|outcome| *outcome != "W0310").count();
        assert!(told > 6, "{journal:?}: most can be told: {outcomes:?}");
    }
}

/// A version stamp written behind changes that were committed one by one names what is not there after a crash. A push
/// is one commit, and an upgrade too: whichever commit does not go through, the database is what its record says.
#[test]
fn fault_051_a_run_is_one_commit() {
    let commits = |conn: &mut Rusqlite, fails_at: usize| {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        conn.commit_hook(Some(move || counter.fetch_add(1, Ordering::Relaxed) + 1 == fails_at)).expect("a hook");
        count
    };
    for journal in [Journal::Delete, Journal::Wal] {
        let database = full(journal);
        let mut conn = database.connect(true);
        let old = everything(&conn);
        let count = commits(&mut conn, 1);
        let error = Planner::new(&schema(AFTER)).push(&mut conn).expect_err("the commit does not go through");
        assert_eq!(error.report().state, State::RolledBack, "{error}");
        assert_eq!((count.load(Ordering::Relaxed), everything(&conn) == old), (1, true));
        let count = commits(&mut conn, usize::MAX);
        Planner::new(&schema(AFTER)).push(&mut conn).expect("a push");
        assert_eq!(count.load(Ordering::Relaxed), 1, "{journal:?}: one commit");
        is_as_declared(&conn, AFTER);

        // An upgrade writes down first that it begins; all else is one commit, records and stamp included.
        let history = history(&[
            "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);",
            "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0; CREATE TABLE tags(tag TEXT);",
            "CREATE INDEX notes_stars ON notes(stars); INSERT INTO tags VALUES ('new');",
        ]);
        let database = Database::in_mode(journal, &[]);
        let mut conn = database.connect(true);
        Migrator::new(&history.up_to(1)).run(&mut conn).expect("version 1");
        conn.execute_batch("INSERT INTO notes(body) VALUES ('kept')").expect("a row");
        let said = "SELECT (SELECT max(idx) FROM _whimbrel_migrations), (SELECT idx FROM _whimbrel_state), \
                    (SELECT count(*) FROM pragma_table_info('notes')), (SELECT count(*) FROM notes)";
        let mut fails_at = 1;
        loop {
            let stamp = ask(&conn, "PRAGMA user_version");
            let count = commits(&mut conn, fails_at);
            let outcome = Migrator::new(&history).retry(true).run(&mut conn);
            conn.commit_hook(None::<fn() -> bool>).expect("no hook");
            if outcome.is_ok() {
                assert_eq!(ask(&conn, said), "3|3|3|1");
                assert_eq!(count.load(Ordering::Relaxed), 2, "{journal:?}: the attempt, and the upgrade");
                break;
            }
            assert_eq!(ask(&conn, said), "1|1|2|1", "commit {fails_at} failed");
            assert_eq!(ask(&conn, "PRAGMA user_version"), stamp, "commit {fails_at} failed");
            fails_at += 1;
        }
        assert_eq!(fails_at, 3, "each of the two commits has failed once");
    }
}

fn history(scripts: &[&str]) -> History {
    let file = |(n, script): (usize, &&str)| (format!("{:04}_m.sql", n + 1), script.as_bytes().to_vec());
    Folder::read(&MemoryFiles::new(scripts.iter().enumerate().map(file))).expect("a folder").history
}

/// A rebuild needs the space of its table once more: asked for before the start, and where others use it up meanwhile,
/// everything is rolled back.
#[test]
fn fault_052_a_disk_that_is_full_or_gets_full() {
    for journal in [Journal::Delete, Journal::Wal] {
        let database = full(journal);
        let bytes = database.bytes();
        let conn = database.connect(true);
        let old = everything(&conn);
        let mut host = Host { free: Some(20_000), ..Host::new(Sqlite::owned(conn), |_, _| None) };
        refused(push(&mut host, AFTER), Code::DiskSpace, State::Unchanged);
        drop(host);
        assert!(bytes == database.bytes());

        let mut conn = database.connect(true);
        let pages: i64 = ask(&conn, "PRAGMA page_count").parse().expect("a number");
        for more in [0, 1, 7, 40] {
            ask(&conn, &format!("PRAGMA max_page_count = {}", pages + more));
            refused(Planner::new(&schema(AFTER)).push(&mut conn), Code::DiskSpace, State::RolledBack);
            assert!(everything(&conn) == old);
        }
        ask(&conn, "PRAGMA max_page_count = 1073741823");
        Planner::new(&schema(AFTER)).push(&mut conn).expect("there is space again");
    }
}

/// In WAL mode the newest rows are in the file beside the database: a copy of the database file alone lacks them, and
/// one that was made by SQLite does not.
#[test]
fn fault_054_a_backup_holds_what_is_still_in_the_log() {
    let database = Database::in_mode(Journal::Wal, &["CREATE TABLE t(n); INSERT INTO t VALUES (1)"]);
    let conn = database.connect(true);
    conn.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (2), (3); CREATE TABLE late(n)")
        .expect("rows");
    let copied = Database::new();
    fs::copy(database.path(), copied.path()).expect("a copy of the file");
    assert_eq!(ask(&copied.connect(true), "SELECT count(*) FROM t"), "1", "this is why");

    let made = backup::create(&conn, &database.path(), 3).expect("a backup");
    conn.execute_batch("DELETE FROM t; DROP TABLE late").expect("a mistake");
    let other = open(&made.path, Access::ReadOnly).expect("the backup opens");
    assert_eq!(ask(&other, "SELECT group_concat(n) FROM t"), "1,2,3");
    assert_eq!(ask(&other, "SELECT count(*) FROM late"), "0");
    drop(other);
    backup::restore(&made, &database.path()).expect("it is brought back");
    assert_eq!(ask(&conn, "SELECT group_concat(n) FROM t"), "1,2,3", "also for who has it open");
}

/// Somebody has removed the journal of a run that was killed, or has put another one there: the file is broken. It is
/// told as damaged, and whatever is done then, no byte of what was there is lost.
#[test]
fn fault_055_the_journal_of_a_killed_run_is_gone() {
    let (moments, _, new) = moments(Journal::Delete);
    let mut broken = 0;
    for files in &moments {
        let without: Files = files.iter().filter(|(name, _)| name.ends_with(".db")).cloned().collect();
        let database = laid_out(&without);
        let mut conn = match open(&database.path(), Access::ReadWrite) {
            Ok(conn) => conn,
            Err(e) => {
                assert_eq!(e.code(), Code::Damaged, "{e}");
                continue;
            }
        };
        if ask(&conn, "PRAGMA quick_check(1)") == "ok" {
            continue;
        }
        broken += 1;
        let findings = doctor(&mut conn).expect("a doctor");
        assert!(findings.iter().any(|finding| finding.code == "D01"), "{findings:?}");
        match Planner::new(&schema(AFTER)).push(&mut conn) {
            // Where all that is broken is made anew, from rows that are all there.
            Ok(_) => {
                assert_eq!(ask(&conn, "PRAGMA integrity_check"), "ok");
                assert!(everything(&conn) == new);
            }
            Err(e) => assert!(without == database.bytes(), "{e}"),
        }
        drop(conn);

        // A backup comes back, and the broken file is still there.
        let database = laid_out(&without);
        let good = full(Journal::Delete);
        let made = backup::create(&good.connect(true), &database.path(), 3).expect("a backup");
        backup::restore(&made, &database.path()).unwrap_or_else(|e| panic!("{e}"));
        let conn = database.connect(true);
        assert_eq!(ask(&conn, "PRAGMA integrity_check"), "ok");
        assert_eq!(ask(&conn, "SELECT count(DISTINCT body) FROM notes"), "300");
        let before = file(&without, ".db");
        let kept = database.bytes().into_iter().filter(|(name, _)| name.contains("damaged"));
        assert!(kept.map(|(_, bytes)| bytes).any(|bytes| bytes[100..] == before[100..]), "the broken file is gone");
        // It is not set aside under a name that is taken.
        drop(conn);
        fs::write(database.path(), before).expect("broken once more");
        let names = || database.bytes().into_iter().filter(|(name, _)| name.contains("damaged")).collect::<Vec<_>>();
        let kept = names();
        backup::restore(&made, &database.path()).expect_err("the name is taken");
        assert!(kept == names() && before == file(&database.bytes(), "app.db"));
    }
    assert!(broken > 3, "no moment was found in which the journal matters");

    // What is no database any more may have rows in its log. Opening it is enough for SQLite to put them into the file.
    let database = Database::in_mode(Journal::Wal, &["CREATE TABLE t(n); INSERT INTO t VALUES (1)"]);
    let conn = database.connect(true);
    let made = backup::create(&conn, &database.path(), 3).expect("a backup");
    conn.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES ('in the log only')").expect("a row");
    let log = file(&database.bytes(), "app.db-wal").to_vec();
    drop(conn);
    fs::write(database.path(), [0xa5; 8192]).expect("no database");
    fs::write(database.folder().join("app.db-wal"), &log).expect("its log");
    backup::restore(&made, &database.path()).expect("it is brought back");
    assert_eq!(ask(&database.connect(true), "SELECT group_concat(n) FROM t"), "1");
    let holds = |bytes: &[u8]| bytes.windows(15).any(|window| window == b"in the log only");
    let kept = database.bytes().into_iter().filter(|(name, _)| name.contains("damaged"));
    assert!(kept.map(|(_, bytes)| bytes).any(|bytes| holds(&bytes)), "what was in the log is gone");
}

/// SQLite leaves the page at 1 GiB unused, for its locks. A file that grows across it in the middle of a rebuild has the
/// same rows before and after.
#[test]
fn fault_056_a_file_that_grows_across_the_lock_page() {
    const GIB: u64 = 1 << 30;
    const PAGE: u64 = 65_536;
    let database = Database::with(&["PRAGMA page_size = 65536; PRAGMA auto_vacuum = NONE; VACUUM;
         CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO t SELECT i, printf('%05000d', i) FROM n;"]);
    // Almost a gigabyte that nobody uses and no disk holds: the header says how many pages there are.
    let pages = (GIB / PAGE - 5) as u32;
    let file = fs::File::options().write(true).open(database.path()).expect("the file");
    file.set_len(u64::from(pages) * PAGE).expect("a sparse file");
    drop(file);
    {
        use std::io::{Seek, SeekFrom, Write};
        let mut file = fs::File::options().write(true).open(database.path()).expect("the file");
        file.seek(SeekFrom::Start(28)).expect("the header");
        file.write_all(&pages.to_be_bytes()).expect("the number of pages");
    }
    let declared = "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE)";
    let rows = "SELECT count(*), sum(id), min(length(body)), max(body) FROM t";
    let mut conn = database.connect(true);
    assert_eq!(ask(&conn, "PRAGMA page_count"), pages.to_string());
    let before = ask(&conn, rows);
    let wrong = |conn: &Rusqlite| {
        let lines = ask(conn, "PRAGMA integrity_check(100000)");
        lines
            .lines()
            .filter(|line| !line.contains("never used") && !line.starts_with("***"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(wrong(&conn), Vec::<String>::new());
    Planner::new(&schema(declared)).push(&mut conn).expect("a push");
    let after: u64 = ask(&conn, "PRAGMA page_count").parse().expect("a number");
    assert!(after * PAGE > GIB + 10 * PAGE, "it did not grow across: {after}");
    assert_eq!(ask(&conn, rows), before);
    assert_eq!(wrong(&conn), Vec::<String>::new());
    is_as_declared(&conn, declared);
    assert!(Planner::new(&schema(declared)).plan(&mut conn).expect("a second plan").is_empty());
}

/// Memory runs out, wherever in the run that is: SQLite says so, the run is rolled back, and nothing ends the process.
#[test]
fn fault_059_out_of_memory() {
    let program = std::env::current_exe().expect("this program");
    let (_, old, new) = moments(Journal::Delete);
    let (mut failed, mut bytes) = (0, 50_000_u64);
    loop {
        let database = full(Journal::Delete);
        let mut command = std::process::Command::new(&program);
        command.args(["--exact", "disk::child", "--nocapture", "--test-threads=1"]);
        let command =
            command.env("WHIMBREL_TEST_FAULT", database.path()).env("WHIMBREL_TEST_MEMORY", bytes.to_string());
        let said = said(command);
        left_behind(&database, &said, &old, &new);
        if said == "done" {
            break;
        }
        failed += 1;
        bytes += bytes / 30;
        assert!(bytes < 100_000_000, "it never gets through: {said}");
    }
    assert!(failed > 10, "only {failed} attempts failed");
}

/// A database of SQLCipher that is opened without its key, or with a wrong one, is bytes without a meaning. It is told as
/// such, and nobody takes it for a damaged database or an empty one, and makes it anew.
#[test]
fn fault_060_a_wrong_key_is_no_reason_to_make_it_anew() {
    let mut random = fastrand::Rng::with_seed(60);
    let database = Database::new();
    let bytes: Vec<u8> = (0..16_384).map(|_| random.u8(..)).collect();
    fs::write(database.path(), &bytes).expect("an encrypted file");
    let declared = schema("CREATE TABLE t(a)");
    let history = history(&["CREATE TABLE t(a);"]);
    let is_told = |outcome: whimbrel::Result<()>| {
        let error = refused(outcome, Code::NotADatabase, State::Unchanged);
        let text = format!("{error} {}", error.report().help.join(" "));
        assert!(text.contains("encrypted") && text.contains("key"), "{text}");
        assert!(bytes == fs::read(database.path()).expect("the file"), "{error}");
        assert_eq!(
            fs::read_dir(database.folder()).expect("the folder").count(),
            1,
            "{error}: something lies beside it"
        );
    };
    let connect = || database.connect(true);
    let is_unknown = |schema: &Schema| Migrator::disposable(schema).run(&mut connect()).map(drop);
    is_told(Planner::new(&declared).push(&mut connect()).map(drop));
    is_told(Migrator::new(&history).run(&mut connect()).map(drop));
    is_told(Migrator::auto_alter(&declared).run(&mut connect()).map(drop));
    is_told(is_unknown(&declared));
    is_told(doctor(&mut connect()).map(drop));
}

/// Somebody renames or removes the file of a database that is open. What is written then is lost, or comes into a file
/// that nobody opens any more: nothing is written, and nothing is said to be done.
#[cfg(unix)]
#[test]
fn fault_064_the_file_is_moved_away_while_it_is_open() {
    let history = history(&["CREATE TABLE first(n);", "CREATE TABLE second(n);"]);
    for journal in [Journal::Delete, Journal::Wal] {
        for is_replaced in [false, true] {
            let story = format!("{journal:?}, replaced {is_replaced}");
            let database = full(journal);
            let moved = database.folder().join("moved.db");
            let move_away = || {
                fs::rename(database.path(), &moved).expect("it is moved");
                if is_replaced {
                    fs::copy(&moved, database.path()).expect("another one");
                }
            };
            let put_back = || fs::rename(&moved, database.path()).expect("it is put back");
            let mut conn = database.connect(true);
            let old = everything(&conn);
            let declared = schema(AFTER);
            let plan = || Planner::new(&declared).plan(&mut database.connect(true)).expect("a plan");

            // Before the run, and in the middle of it.
            let stale = Planner::new(&declared).plan(&mut conn).expect("a plan");
            move_away();
            refused(stale.run(&mut conn), Code::ReadOnly, State::Unchanged);
            put_back();
            drop(conn);
            assert!(everything(&database.connect(true)) == old, "{story}");
            let mut observer = |event: &Event<'_>| {
                if matches!(event, Event::Verifying) {
                    move_away();
                }
            };
            let mut conn = database.connect(true);
            let outcome = plan().run_with(&mut conn, &mut observer, &Cancel::default());
            assert!(outcome.is_err(), "{story}: it was said to be done");
            put_back();
            drop(conn);
            assert!(everything(&database.connect(true)) == old, "{story}: something was committed");
            plan().run(&mut database.connect(true)).expect("the next start");

            // An upgrade.
            let database = Database::in_mode(journal, &[]);
            let mut conn = database.connect(true);
            Migrator::new(&history.up_to(1)).run(&mut conn).expect("version 1");
            fs::rename(database.path(), database.folder().join("moved.db")).expect("it is moved");
            let error = Migrator::new(&history).run(&mut conn).expect_err("nobody opens that file any more");
            assert_eq!(error.code(), Code::ReadOnly, "{story}: {error}");
            assert_eq!(ask(&conn, "SELECT count(*) FROM sqlite_schema WHERE name = 'second'"), "0");
        }
    }
}
