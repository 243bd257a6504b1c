//! What operations cost, in SQLite's own counters, so that it does not grow unnoticed: statements, steps of scans, pages
//! written. No clock is looked at: a busy machine counts the same.
//!
//! Statements and steps come from SQLite's trace of the app's connection. Pages come from the log: in WAL mode each page
//! that is written is one frame of it. Bounds are some way above what is counted now; what a bound is for stands beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};
use whimbrel::history::MemoryFiles;
use whimbrel::{Folder, History, Migrator, Planner, Schema, UpgradeKind};

/// What was counted.
#[derive(Debug, Clone, Default)]
struct Cost {
    /// The statements as they were prepared, in order.
    statements: Vec<String>,
    /// Steps forward in scans of whole tables and indexes.
    scanned: u64,
    /// Instructions of SQLite's machine.
    steps: u64,
    /// Frames in the log: pages written.
    pages: u64,
}

/// Counts what is done on the connection meanwhile.
fn counted<T>(db: &mut Connection, what: impl FnOnce(&mut Connection) -> T) -> (T, Cost) {
    let cost = Arc::new(Mutex::new(Cost::default()));
    let (of_trace, of_log) = (cost.clone(), cost.clone());
    let status = |n: i32| u64::try_from(n).unwrap();
    let trace = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, _) = event {
            let mut cost = of_trace.lock().unwrap();
            cost.statements.push(statement.sql().into_owned());
            cost.scanned += status(statement.get_status(StatementStatus::FullscanStep));
            cost.steps += status(statement.get_status(StatementStatus::VmStep));
        }
    };
    let log = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
        of_log.lock().unwrap().pages = status(pages);
        Ok(())
    };
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(trace)).unwrap();
    db.wal_hook(Some(log)).unwrap();
    let value = what(db);
    db.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>).unwrap();
    let cost = cost.lock().unwrap().clone();
    (value, cost)
}

/// A database in a file, in WAL mode.
struct Database {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
    conn: Connection,
}

fn database(sql: &str) -> Database {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let conn = Connection::open(&path).unwrap();
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    conn.execute_batch(&format!("PRAGMA synchronous = OFF; BEGIN; {sql}; COMMIT")).unwrap();
    Database { _folder: folder, path, conn }
}

/// Plans and runs, and counts both.
fn push(db: &mut Connection, declared: &str) -> Cost {
    // The log starts anew with the next write, and is counted from its beginning.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let schema = Schema::from_sql(declared).unwrap();
    let (report, cost) = counted(db, |db| Planner::new(&schema).push(db).unwrap());
    assert_ne!(report.changes, 0);
    cost
}

fn history(migrations: usize) -> History {
    let files = (1..=migrations).map(|n| {
        let sql = format!("CREATE TABLE table_{n}(id INTEGER PRIMARY KEY, title TEXT NOT NULL);");
        (format!("{n:04}_table_{n}.sql"), sql.into_bytes())
    });
    Folder::read(&MemoryFiles::new(files)).unwrap().history
}

/// A start that finds nothing to do reads two numbers from the header of the file. The schema is not even parsed: in the
/// end it could not be.
#[test]
fn an_unchanged_start_reads_two_numbers_and_no_schema() {
    for migrations in [1, 40] {
        let history = history(migrations);
        let mut db = database("");
        let upgrade = Migrator::new(&history).run(&mut db.conn).unwrap();
        assert_eq!(upgrade.kind, UpgradeKind::Created);
        let start = || {
            let mut fresh = Connection::open(&db.path).unwrap();
            let (upgrade, mut cost) = counted(&mut fresh, |fresh| Migrator::new(&history).run(fresh).unwrap());
            assert_eq!(upgrade.kind, UpgradeKind::Unchanged);
            cost.statements.sort();
            assert_eq!(cost.statements, ["PRAGMA main.schema_version", "PRAGMA main.user_version"]);
        };
        start();
        let nonsense = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE nonsense ('";
        db.conn.execute_batch(nonsense).unwrap();
        let fresh = Connection::open(&db.path).unwrap();
        assert!(fresh.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).is_err());
        start();
    }
}

/// Each migration costs its own statements and its record, and nothing that grows with how many there are.
#[test]
fn an_upgrade_of_twice_as_many_migrations_runs_twice_as_many_statements() {
    let statements = |migrations| {
        let history = history(migrations);
        let mut db = database("");
        let (upgrade, cost) = counted(&mut db.conn, |db| Migrator::new(&history).run(db).unwrap());
        assert_eq!(upgrade.kind, UpgradeKind::Created);
        cost.statements.len()
    };
    let (ten, twenty, thirty) = (statements(10), statements(20), statements(30));
    assert_eq!(twenty - ten, thirty - twenty, "{ten}, {twenty}, {thirty}");
    // Its one statement; the records are written together.
    assert!((twenty - ten) / 10 <= 2, "{ten}, {twenty}");
}

fn tables(count: usize, amount: &str) -> String {
    let mut sql = String::new();
    for n in 0..count {
        let amount = if n == count / 2 { amount } else { "REAL" };
        writeln!(sql, "CREATE TABLE table_{n}(id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount {amount});").unwrap();
        writeln!(sql, "CREATE INDEX table_{n}_name ON table_{n}(name);").unwrap();
    }
    sql
}

/// The catalogue is read in so many queries whatever the number of tables, and what SQLite does for them grows with the
/// tables, not with their square.
#[test]
fn a_plan_asks_no_more_of_a_hundred_tables_than_of_fifty() {
    for amount in ["REAL", "TEXT"] {
        let cost = |count| {
            let mut db = database(&tables(count, "REAL"));
            let schema = Schema::from_sql(&tables(count, amount)).unwrap();
            let (plan, cost) = counted(&mut db.conn, |db| Planner::new(&schema).plan(db).unwrap());
            assert_eq!(plan.changes.len(), usize::from(amount == "TEXT"));
            assert_eq!(cost.pages, 0, "planning writes nothing");
            cost
        };
        let (fifty, hundred) = (cost(50), cost(100));
        let distinct = |cost: &Cost| {
            let mut counts = BTreeMap::new();
            for sql in &cost.statements {
                *counts.entry(sql.replace("table_50", "table_25")).or_insert(0) += 1;
            }
            counts
        };
        assert_eq!(distinct(&fifty), distinct(&hundred), "{amount}");
        assert!(hundred.statements.len() <= 14, "{amount}: {}", hundred.statements.join("\n"));
        assert!(hundred.steps <= fifty.steps * 23 / 10, "{amount}: {} and {}", fifty.steps, hundred.steps);
    }
}

fn items(rows: usize) -> Database {
    database(&format!(
        "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) > 0), price TEXT, note TEXT);
         WITH numbers(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows})
         INSERT INTO items SELECT i, printf('item %08x', (i * 2654435761) % 4294967296), i % 1000, 'a note of some length'
           FROM numbers;
         CREATE INDEX items_name ON items(name)"
    ))
}

/// A rebuild writes each page of the new table and its indexes about once, and looks at each row a few times: to ask
/// whether it fits, to copy it, to count, to index it.
#[test]
fn a_rebuild_writes_each_page_once_and_grows_with_its_rows() {
    const ROWS: usize = 20_000;
    let cost = |rows| {
        let mut db = items(rows);
        let pages: u32 = db.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let declared = "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) > 0),
                          price INTEGER, note TEXT);
                        CREATE INDEX items_name ON items(name)";
        (push(&mut db.conn, declared), u64::from(pages))
    };
    let ((once, pages), (twice, _)) = (cost(ROWS), cost(2 * ROWS));
    assert!(once.pages <= pages * 11 / 10, "{} pages written for {pages}", once.pages);
    assert!(twice.pages <= once.pages * 22 / 10, "{} and {}", once.pages, twice.pages);
    assert!(twice.steps <= once.steps * 22 / 10, "{} and {}", once.steps, twice.steps);
    // Of SQLite's machine, to probe, copy and sort a row; a scan that is walked by rowid counts only here.
    // A thousand rows are looked at more closely, to tell how long they are: as many in any table.
    let per_row = (twice.steps - once.steps) / ROWS as u64;
    assert!(per_row <= 52, "{per_row} instructions per row:\n{}", once.statements.join("\n"));
}

/// All that is asked of the rows of a table is asked in one scan: what its change of type alters, and what the copy would alter
/// in its other columns.
#[test]
fn the_rows_of_a_rebuild_are_asked_in_one_scan() {
    const ROWS: usize = 1_000;
    let mut db = database(&format!(
        "CREATE TABLE items(id INTEGER PRIMARY KEY, price TEXT, stock INTEGER, name TEXT);
         WITH numbers(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < {ROWS})
         INSERT INTO items SELECT i, i, i, 'an item' FROM numbers"
    ));
    let declared = "CREATE TABLE items(id INTEGER PRIMARY KEY, price INTEGER, stock INTEGER, name TEXT)";
    let cost = push(&mut db.conn, declared);
    let scans = cost.statements.iter().filter(|sql| sql.contains("count(CASE")).count();
    assert_eq!(scans, 1, "{}", cost.statements.join("\n"));
}

/// Where no row reads the old default, nothing is asked but that.
#[test]
fn a_default_that_no_row_reads_is_one_question() {
    const ROWS: usize = 20_000;
    let table = |default: &str| {
        format!("CREATE TABLE items(id INTEGER PRIMARY KEY, price TEXT DEFAULT '{default}', stock INTEGER, name TEXT)")
    };
    let mut db = database(&format!(
        "{};
         WITH numbers(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < {ROWS})
         INSERT INTO items SELECT i, i, i, 'an item' FROM numbers",
        table("none")
    ));
    let cost = push(&mut db.conn, &table("other"));
    assert!(!cost.statements.iter().any(|sql| sql.contains("typeof(")), "{}", cost.statements.join("\n"));
    assert!(cost.steps <= ROWS as u64 * 10, "{} steps", cost.steps);
    assert!(cost.pages <= 4, "{} pages written", cost.pages);
}

/// Only the table's text changes: not a row is read or written.
#[test]
fn removing_a_constraint_touches_no_row() {
    const ROWS: usize = 20_000;
    let mut db = items(ROWS);
    let declared = "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, price TEXT, note TEXT);
                    CREATE INDEX items_name ON items(name)";
    let cost = push(&mut db.conn, declared);
    assert!(cost.pages <= 4, "{} pages written", cost.pages);
    assert!(cost.scanned < 1_000, "{} steps of scans:\n{}", cost.scanned, cost.statements.join("\n"));
}

/// A new constraint that SQLite adds in place has it look at each row once. A plan that is run at once does not ask them before;
/// nothing but the table's text is written.
#[test]
fn a_new_constraint_is_one_scan_of_the_rows() {
    const ROWS: usize = 20_000;
    let columns = "id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) > 0)";
    let index = "CREATE INDEX items_name ON items(name)";
    let table = |rest: &str| format!("CREATE TABLE items({columns}, {rest}); {index}");
    for (declared, scans) in [
        (table("price TEXT, note TEXT NOT NULL"), 1),
        (table("price TEXT, note TEXT NOT NULL DEFAULT ''"), 1),
        (table("price TEXT, note TEXT, CONSTRAINT has_note CHECK (length(note) > 3)"), 1),
        (table("price TEXT NOT NULL, note TEXT NOT NULL"), 2),
    ] {
        let mut db = items(ROWS);
        let cost = push(&mut db.conn, &declared);
        assert!(cost.pages <= 4, "{declared}: {} pages written", cost.pages);
        let per_row = cost.scanned.div_ceil(ROWS as u64 + 100);
        assert_eq!(per_row, scans, "{declared}:\n{}", cost.statements.join("\n"));
        assert!(cost.steps <= scans * ROWS as u64 * 10, "{declared}: {} steps", cost.steps);
        let schema = Schema::from_sql(&declared).unwrap();
        assert!(Planner::new(&schema).plan(&mut db.conn).unwrap().is_empty());
    }
    // Its rows are sorted once, to be indexed.
    let unique = format!("{}; CREATE UNIQUE INDEX items_id ON items(name, id)", table("price TEXT, note TEXT"));
    let cost = push(&mut items(ROWS).conn, &unique);
    assert!(cost.steps <= ROWS as u64 * 20, "{} steps", cost.steps);
}

/// What else the plan does may take long: then the rows are asked first, and rows that do not fit are told at once.
#[test]
fn rows_are_asked_before_a_run_that_does_more_than_ask_them() {
    const ROWS: usize = 20_000;
    let index = "CREATE INDEX items_name ON items(name)";
    let columns = "id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) > 0)";
    for (rest, more) in [
        ("price INTEGER, note TEXT NOT NULL", ""),
        ("note TEXT NOT NULL", ""),
        ("price TEXT, note TEXT NOT NULL", "; CREATE INDEX items_price ON items(price)"),
        ("price TEXT, note TEXT NOT NULL,\n -- whimbrel: backfill 1\n more TEXT", ""),
    ] {
        let mut db = items(ROWS);
        db.conn.execute_batch("UPDATE items SET note = NULL, price = NULL WHERE id = 20000").unwrap();
        let schema = Schema::from_sql(&format!("CREATE TABLE items({columns}, {rest}); {index}{more}")).unwrap();
        let (outcome, cost) =
            counted(&mut db.conn, |db| Planner::new(&schema).accept_data_loss(true).push(db).unwrap_err());
        assert_eq!(outcome.code(), whimbrel::Code::NoValue, "{rest}{more}");
        assert!(!cost.statements.iter().any(|sql| sql.starts_with("BEGIN")), "{rest}{more}");
    }
}

/// What a plan says it needs of the disk is what its run takes, within a tenth: the file grows, and beside it stands the journal
/// with the pages as they were, whose length SQLite leaves to be seen when it is kept.
#[test]
fn the_disk_that_a_plan_announces_is_the_disk_that_its_run_takes() {
    const ROWS: usize = 40_000;
    const INDEX: &str = "CREATE INDEX items_name ON items(name)";
    const TWO_PAGES: u64 = 2 * 4096;
    let columns = "id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) > 0)";
    let with = |rest: &str| format!("CREATE TABLE items({columns}, {rest}); {INDEX}");
    let copy = with("price INTEGER, note TEXT");
    let long = format!("'{}'", "x".repeat(200));
    let added = |default: &str| format!("ALTER TABLE items ADD COLUMN more TEXT DEFAULT {default}");
    let other = with("price TEXT, note TEXT, more TEXT DEFAULT 'other'");
    let changes = [
        ("a copy", String::new(), copy.clone()),
        ("a copy without a column", String::new(), with("price INTEGER")),
        ("a copy without a column and without an index", String::new(), {
            with("price INTEGER, note TEXT")
                .replace("name TEXT NOT NULL CHECK (length(name) > 0), ", "")
                .replace(INDEX, "")
        }),
        (
            "a copy with another column",
            String::new(),
            with("price INTEGER, note TEXT, more TEXT DEFAULT 'another column'"),
        ),
        ("a copy of half of the rows", "DELETE FROM items WHERE id % 2".to_owned(), copy.clone()),
        ("a copy of rows that only read a default", added(&long), {
            with(&format!("price INTEGER, note TEXT, more TEXT DEFAULT {long}"))
        }),
        ("a copy with another index", String::new(), format!("{copy}; CREATE INDEX items_note ON items(note, price)")),
        ("a copy with a part of an index", String::new(), {
            format!("{copy}; CREATE INDEX items_note ON items(note, name) WHERE id % 4 = 0")
        }),
        ("a copy with another key", String::new(), with("price INTEGER, note TEXT, UNIQUE (name, note)")),
        ("a copy whose index holds numbers from now on", "CREATE INDEX items_price ON items(price)".to_owned(), {
            format!("{copy}; CREATE INDEX items_price ON items(price)")
        }),
        ("a text for each row", String::new(), {
            with("price TEXT, note TEXT,\n -- whimbrel: backfill name || note\n more TEXT")
        }),
        ("a number for each row", String::new(), {
            with("price TEXT, note TEXT,\n -- whimbrel: backfill 1\n more INTEGER")
        }),
        ("two values for each row", String::new(), {
            with(
                "price TEXT, note TEXT, -- whimbrel: backfill price\n a TEXT,\n -- whimbrel: backfill length(name)\n b REAL",
            )
        }),
        ("some rows", "UPDATE items SET note = NULL WHERE id % 2; VACUUM".to_owned(), {
            with("price TEXT,\n -- whimbrel: backfill name\n note TEXT NOT NULL")
        }),
        ("a column that goes", String::new(), with("note TEXT")),
        ("a default that rows only read", added(&long), other.clone()),
        ("a short default that rows only read", added("'abcdef'"), other.clone()),
        ("a very short default that rows only read", added("'a'"), other.clone()),
        ("a default that rows hold", format!("{}; UPDATE items SET more = more; VACUUM", added("'abcdef'")), other),
    ];
    let mut wrong = Vec::new();
    for (what, prepared, declared) in &changes {
        let mut db = items(ROWS);
        db.conn.query_row("PRAGMA journal_mode = PERSIST", [], |_| Ok(())).unwrap();
        db.conn.execute_batch(prepared).unwrap();
        let size = |end: &str| {
            let path = format!("{}{end}", db.path.display());
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        std::fs::remove_file(format!("{}-journal", db.path.display())).unwrap();
        let before = size("");
        let schema = Schema::from_sql(declared).unwrap();
        let plan = Planner::new(&schema).accept_data_loss(true).plan(&mut db.conn).unwrap();
        plan.run(&mut db.conn).unwrap();
        let taken = size("") - before + size("-journal");
        let announced = plan.disk_bytes;
        if announced.abs_diff(taken) > taken / 10 + TWO_PAGES {
            wrong.push(format!("{what}: {announced} announced, {taken} taken"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
