//! What `generate` writes does on a database with rows what `push` does: every scenario of `testdata/scenarios` once more,
//! as a migration.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use support::rows::read_all;
use whimbrel::history::Model;
use whimbrel::history::author::{DraftSettings, Edit, NewMigration, add, draft};
use whimbrel::run::{Baseline, baseline, block_on, differences, replay};
use whimbrel::sqlite_host::{Sqlite, read_schema};
use whimbrel::{Error, Files, Folder, History, MemoryFiles, Migrator, Planner, Schema, UpgradeKind};

/// What a history makes of an empty database.
fn replayed(history: &History) -> Result<whimbrel::history::Outcome, Error> {
    let conn = Connection::open_in_memory().unwrap();
    block_on(replay(&mut Sqlite::owned(conn), history)).map(Into::into)
}

fn new(name: &str, up: &str, down: Option<&str>, schema: Option<Model>) -> NewMigration {
    NewMigration {
        name: name.to_owned(),
        up: up.to_owned(),
        down: down.map(str::to_owned),
        schema,
        day: "2026-11-21".to_owned(),
        now: "20261121093000".to_owned(),
    }
}

fn added(files: &mut MemoryFiles, new: &NewMigration) -> Result<Edit, Error> {
    let folder = Folder::read(files)?;
    let (edit, _) = add(files, &folder, new, &mut replayed)?;
    edit.apply(files)?;
    Ok(edit)
}

/// All rows of all tables but Whimbrel's own.
fn contents(db: &Connection) -> BTreeMap<String, String> {
    let all = read_all(db).expect("the rows").into_iter().filter(|(table, _)| !table.starts_with("_whimbrel"));
    all.map(|(table, rows)| (table, format!("{rows:?}"))).collect()
}

#[derive(Default)]
struct Told {
    accept_data_loss: bool,
    strict_order: bool,
    ignores: bool,
    renames: Vec<(String, String)>,
}

fn told(text: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        match (key.trim(), value.trim()) {
            ("accept_data_loss", value) => told.accept_data_loss = value == "true",
            ("strict_order", value) => told.strict_order = value == "true",
            ("ignore", _) => told.ignores = true,
            ("rename", value) => {
                let (old, new) = value.split_once(" -> ").unwrap();
                told.renames.push((old.to_owned(), new.to_owned()));
            }
            _ => {}
        }
    }
    told
}

enum Outcome {
    Same,
    /// Not for a migration, and why.
    LeftOut(&'static str),
}

/// `with_ids`: from a snapshot; else from a schema that was read anew, as of another tool's folder.
fn check(name: &str, with_ids: bool) -> Result<Outcome, String> {
    let folder = support::scenario::folder().join(name);
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let (before_sql, rows_sql, after_sql, told) =
        (text("before.sql"), text("rows.sql"), text("after.sql"), told(&text("scenario.txt")));
    if told.ignores {
        return Ok(Outcome::LeftOut("a folder has no tables out of sight"));
    }
    let make = || {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&before_sql).and_then(|()| db.execute_batch(&rows_sql)).map(|()| db)
    };
    let Ok(mut pushed) = make() else { return Ok(Outcome::LeftOut("the database is not to be made this way")) };
    let declared = Schema::from_sql(&after_sql).map_err(|e| e.to_string())?;
    let mut planner = Planner::new(&declared).accept_data_loss(told.accept_data_loss).strict_order(told.strict_order);
    for (old, new) in &told.renames {
        planner = planner.rename(old, new).map_err(|e| e.to_string())?;
    }
    let pushing = planner.push(&mut pushed);

    let mut files = MemoryFiles::default();
    let start = read_schema(&mut make().unwrap()).map_err(|e| e.to_string())?;
    if replayed(&one_migration(&before_sql)).is_err() {
        return Ok(Outcome::LeftOut("what is there before cannot be made by a migration"));
    }
    added(&mut files, &new("start", &before_sql, None, None)).map_err(|e| format!("start: {e}"))?;
    let known = Folder::read(&files).unwrap();
    let snapshot = match with_ids {
        true => Schema::from_snapshot(known.snapshot.as_deref().unwrap()).unwrap(),
        false => start.clone(),
    };
    let mut settings = DraftSettings {
        accept_data_loss: told.accept_data_loss,
        strict_order: told.strict_order,
        ..DraftSettings::default()
    };
    for (old, new) in &told.renames {
        settings.answers.rename(old, new).map_err(|e| e.to_string())?;
    }
    let draft = draft(&snapshot, &declared, &settings);
    if let Err(e) = pushing {
        // What push refuses whatever the rows are, a draft refuses.
        return match (e.code(), draft) {
            (whimbrel::Code::DataLoss, Ok(draft)) if draft.questions.is_empty() => Err(format!("push says {e}")),
            _ => Ok(Outcome::LeftOut("push refuses it too")),
        };
    }
    let draft = draft.map_err(|e| format!("draft: {e}"))?;
    if draft.changes.is_empty() {
        return Ok(Outcome::Same);
    }
    let script = format!("{}\n=== down\n{}", draft.up, draft.down.as_deref().unwrap_or_default());
    let step = |what: &str, e: &dyn std::fmt::Display| format!("{what}: {e}\n{script}");
    added(&mut files, &new("change", &draft.up, draft.down.as_deref(), Some(draft.schema.clone())))
        .map_err(|e| step("add", &e))?;
    let history = Folder::read(&files).unwrap().history;

    let mut db = make().unwrap();
    let settings = Baseline { applied: vec![1], ..Baseline::default() };
    block_on(baseline(&mut Sqlite::new(&db), &history, &settings)).map_err(|e| step("baseline", &e))?;
    let upgrade = Migrator::new(&history).run(&mut db).map_err(|e| step("upgrade", &e))?;
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);
    let (found, wanted) = (contents(&db), contents(&pushed));
    if found != wanted {
        return Err(step("rows", &format!("{found:#?}\nbut push gives\n{wanted:#?}")));
    }
    let records =
        block_on(whimbrel::run::read_tracking(&mut Sqlite::new(&db))).map_err(|e| step("records", &e))?.records;
    let undone = whimbrel::run::undone(&records, 1);
    if let Err(e) = Migrator::new(&history).undo(&mut db, &undone) {
        // The old schema may not take the rows of the new one: what the way back then says is why.
        return match e.code() {
            whimbrel::Code::RowsDoNotFit => Ok(Outcome::LeftOut("the rows of the new schema do not fit the old one")),
            _ => Err(step("down", &e)),
        };
    }
    let left = differences(&read_schema(&mut db).unwrap(), &start);
    match left.wrong.iter().chain(&left.extra).next() {
        Some(wrong) => Err(step("after the way back", wrong)),
        None => Ok(Outcome::Same),
    }
}

/// Defaults such as CURRENT_TIMESTAMP give two databases the same value only within the same second: again, where one
/// passed meanwhile.
fn within_a_second<T>(compare: impl Fn() -> T) -> T {
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for _ in 0..20 {
        let start = second();
        let result = compare();
        if second() == start {
            return result;
        }
    }
    compare()
}

fn one_migration(script: &str) -> History {
    let mut files = MemoryFiles::default();
    files.write("1_start.sql", script.as_bytes()).unwrap();
    Folder::read(&files).map(|folder| folder.history).unwrap_or_default()
}

#[test]
fn every_scenario_as_a_migration() {
    let mut names: Vec<String> = fs::read_dir(support::scenario::folder())
        .unwrap()
        .filter_map(|entry| entry.ok().filter(|e| e.path().is_dir())?.file_name().into_string().ok())
        .collect();
    names.sort();
    let (mut same, mut left_out, mut failed) = (0, BTreeMap::<&str, Vec<&str>>::new(), Vec::new());
    for (name, with_ids) in names.iter().flat_map(|name| [(name, true), (name, false)]) {
        match within_a_second(|| check(name, with_ids)) {
            Ok(Outcome::Same) => same += 1,
            Ok(Outcome::LeftOut(why)) => left_out.entry(why).or_default().push(name),
            Err(e) => failed.push(format!("--- {name}, ids {with_ids}: {e}")),
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), names.len(), failed.join("\n"));
    assert!(same > 250, "{same} only; left out: {left_out:#?}");
}

const THREE: [(&str, &str); 3] = [
    ("start", "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);"),
    ("star", "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;"),
    ("tags", "CREATE TABLE tags(tag TEXT);"),
];

fn three() -> MemoryFiles {
    let mut files = MemoryFiles::default();
    for (name, script) in THREE {
        let down = (name == "tags").then_some("DROP TABLE tags;");
        added(&mut files, &new(name, script, down, None)).unwrap();
    }
    files
}

fn paths(files: &MemoryFiles) -> Vec<&str> {
    files.files.keys().map(String::as_str).collect()
}

fn edit(files: &mut MemoryFiles, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(files.files[path].clone()).unwrap();
    assert!(text.contains(from), "{text}");
    files.files.insert(path.to_owned(), text.replace(from, to).into_bytes());
}

/// A folder without problems, whose new databases and upgraded ones are alike.
fn sound(files: &MemoryFiles) -> Folder {
    let folder = Folder::read(files).unwrap();
    assert_eq!(folder.problems, []);
    let history = &folder.history;
    let mut fresh = Connection::open_in_memory().unwrap();
    Migrator::new(history).run(&mut fresh).unwrap();
    let mut old = Connection::open_in_memory().unwrap();
    Migrator::new(history).replay(true).run(&mut old).unwrap();
    let (fresh, old) = (read_schema(&mut fresh).unwrap(), read_schema(&mut old).unwrap());
    assert_eq!(fresh.fingerprint(), old.fingerprint());
    folder
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let files = three();
    assert_eq!(files, three());
    assert_eq!(
        paths(&files),
        [
            "0001_start.sql",
            "0002_star.sql",
            "0003_tags.down.sql",
            "0003_tags.sql",
            "meta/0001_snapshot.json",
            "meta/0002_snapshot.json",
            "meta/0003_snapshot.json",
            "meta/_journal.json"
        ]
    );
    assert!(sound(&files).history.snapshot.is_some());
}

#[test]
fn a_migration_that_leaves_rows_is_marked() {
    let mut files = three();
    added(&mut files, &new("Seed the notes", "INSERT INTO notes(body) VALUES ('welcome');", None, None)).unwrap();
    let folder = sound(&files);
    let newest = folder.history.migrations.last().unwrap();
    assert_eq!((newest.tag().as_str(), newest.seeds), ("0004_seed-the-notes", true));
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&folder.history).run(&mut db).unwrap();
    let notes: i64 = db.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    assert_eq!(notes, 1, "a new database has the rows that migrations put in");
}

#[test]
fn what_does_not_run_is_not_written() {
    let mut files = three();
    let before = files.clone();
    for script in ["ALTER TABLE nothing ADD COLUMN a;", "CREATE TABLE a(b); COMMIT;", "SELECT 'open"] {
        added(&mut files, &new("wrong", script, None, None)).unwrap_err();
        assert_eq!(files, before, "{script}");
    }
    for name in ["", "../..", "///", "\u{0}"] {
        added(&mut files, &new(name, "SELECT 1", None, None)).unwrap_err();
        assert_eq!(files, before, "{name}");
    }
}

/// A generated migration goes into another tool's folder by that tool's own rules.
#[test]
fn other_tools_folders_get_files_of_their_kind() {
    let start = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
    let trigger = "CREATE TABLE log(line TEXT);\n\
                   CREATE TRIGGER t AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (new.body); END;\n";
    let journal = r#"{"version":"7","dialect":"sqlite","entries":[{"idx":0,"version":"6","when":1700000000000,"tag":"0000_start","breakpoints":true}]}"#;
    let goose = format!("-- +goose Up\n{start}\n-- +goose Down\nDROP TABLE notes;\n");
    for (there, made) in [
        (vec![("V1__start.sql", start)], vec!["V2__add_log.sql"]),
        (vec![("20240131120000_start.sql", start)], vec!["20261121093000_add_log.sql"]),
        (
            vec![("20240131120000_start.up.sql", start), ("20240131120000_start.down.sql", "DROP TABLE notes;")],
            vec!["20261121093000_add_log.down.sql", "20261121093000_add_log.up.sql"],
        ),
        (
            vec![("2024-01-31-120000_start/up.sql", start), ("2024-01-31-120000_start/down.sql", "DROP TABLE notes;")],
            vec!["2026-11-21-093000_add_log/down.sql", "2026-11-21-093000_add_log/up.sql"],
        ),
        (vec![("meta/_journal.json", journal), ("0000_start.sql", start)], vec!["0001_add_log.sql"]),
        (vec![("00001_start.sql", goose.as_str())], vec!["00002_add_log.sql"]),
        (vec![("20240131120000_start/migration.sql", start)], vec!["20261121093000_add_log/migration.sql"]),
        (vec![("1-start/up.sql", start)], vec!["2-add-log/down.sql", "2-add-log/up.sql"]),
    ] {
        let mut files = MemoryFiles::default();
        for (path, text) in &there {
            files.write(path, text.as_bytes()).unwrap();
        }
        let layout = Folder::read(&files).unwrap().layout;
        let before = files.clone();
        added(&mut files, &new("Add log", trigger, Some("DROP TRIGGER t; DROP TABLE log;"), None)).unwrap();
        let new: Vec<&str> = paths(&files)
            .into_iter()
            .filter(|path| !before.files.contains_key(*path) && !path.starts_with(".whimbrel/"))
            .collect();
        assert_eq!(new, made, "{layout}");
        let folder = sound(&files);
        assert_eq!((folder.layout, folder.history.migrations.len()), (layout, 2), "{layout}");
        assert_eq!(
            folder.history.migrations[1].checksum,
            whimbrel::history::Checksum::of_script(whimbrel::Dialect::Sqlite, trigger).unwrap()
        );
        assert_eq!(
            folder.history.migrations[1].down.is_some(),
            made.len() > 1 || layout == whimbrel::history::Layout::Goose
        );
    }
}

#[test]
fn the_newest_is_taken_out_again() {
    let mut files = three();
    let folder = Folder::read(&files).unwrap();
    let (edit, dropped) = whimbrel::history::author::drop_last(&files, &folder, "2026-11-21", &mut replayed).unwrap();
    edit.apply(&mut files).unwrap();
    assert_eq!(dropped.tag(), "0003_tags");
    let mut two = MemoryFiles::default();
    for (name, script) in &THREE[..2] {
        added(&mut two, &new(name, script, None, None)).unwrap();
    }
    assert_eq!(files, two, "as if it had never been made");
}

#[test]
fn squashed_originals_stay_for_those_who_need_them() {
    use whimbrel::history::author::{Squash, squash};
    for (from, to, forget) in [(1, 3, false), (2, 3, false), (1, 2, false), (1, 3, true)] {
        let mut files = three();
        let originals = sound(&files).history;
        let folder = Folder::read(&files).unwrap();
        let wanted = Squash { from, to, forget, day: "2026-11-22".to_owned(), ..Squash::default() };
        squash(&files, &folder, &wanted, &mut replayed).unwrap().apply(&mut files).unwrap();
        let squashed = sound(&files).history;
        assert_eq!(squashed.migrations.len() as u32, 3 - (to - from), "{from} to {to}");
        assert_eq!(squashed.head, originals.head, "nothing changes for a database that has run them");
        assert_eq!(files.files.contains_key("squashed/0002_star.sql"), !forget);
        for version in 1..=3 {
            let mut db = Connection::open_in_memory().unwrap();
            Migrator::new(&originals.up_to(version)).run(&mut db).unwrap();
            db.execute_batch("INSERT INTO notes(body) VALUES ('kept')").unwrap();
            let outcome = Migrator::new(&squashed).run(&mut db);
            match version {
                1 | 2 if forget => assert_eq!(outcome.unwrap_err().code(), whimbrel::Code::MigrationMissing),
                _ => assert_eq!(outcome.unwrap().to, 3),
            }
        }
        // And once more, over what was squashed before.
        if (from, to, forget) == (1, 2, false) {
            let folder = Folder::read(&files).unwrap();
            let all = Squash { from: 2, to: 3, day: "2026-11-23".to_owned(), ..Squash::default() };
            squash(&files, &folder, &all, &mut replayed).unwrap().apply(&mut files).unwrap();
            let again = sound(&files).history;
            assert_eq!((again.migrations.len(), again.head), (1, originals.head));
            assert_eq!(again.migrations[0].replaces.len(), 3);
        }
    }
}

#[test]
fn two_branches_with_one_number_are_put_in_order() {
    use whimbrel::history::author::rebase;
    // Two colleagues start from the same two migrations.
    let mut base = three();
    let folder = Folder::read(&base).unwrap();
    whimbrel::history::author::drop_last(&base, &folder, "2026-11-21", &mut replayed)
        .unwrap()
        .0
        .apply(&mut base)
        .unwrap();
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    added(&mut ours, &new("ours", "CREATE TABLE ours(a);", Some("DROP TABLE ours;"), None)).unwrap();
    added(&mut theirs, &new("theirs", "CREATE TABLE theirs(a);", Some("DROP TABLE theirs;"), None)).unwrap();
    added(&mut theirs, &new("more", "CREATE TABLE more(a);", None, None)).unwrap();

    // Git merges the files, and the journal line by line, or with a conflict.
    let mut merged = ours.clone();
    merged
        .files
        .extend(theirs.files.iter().filter(|(path, _)| path.ends_with(".sql")).map(|(p, t)| (p.clone(), t.clone())));
    let lines = |files: &MemoryFiles| String::from_utf8(files.files["meta/_journal.json"].clone()).unwrap();
    let entries = |text: &str, from: usize| -> String {
        text.lines().filter(|l| l.contains("\"idx\"")).skip(from).map(|l| format!("{}\n", l)).collect()
    };
    let conflict = format!(
        "{{\n  \"version\": 1,\n  \"dialect\": \"sqlite\",\n  \"entries\": [\n{}<<<<<<< HEAD\n{}=======\n{}>>>>>>> theirs\n  ]\n}}\n",
        entries(&lines(&base), 0),
        entries(&lines(&ours), 2),
        entries(&lines(&theirs), 2)
    );
    let both = conflict
        .lines()
        .filter(|l| !["<<<", "===", ">>>"].iter().any(|m| l.starts_with(m)))
        .map(|l| {
            if l.contains("\"idx\"") && !l.ends_with(',') && !l.contains("more") {
                format!("{l},\n")
            } else {
                format!("{l}\n")
            }
        })
        .collect::<String>();
    for (journal, code) in
        [(conflict.as_str(), whimbrel::Code::Journal), (both.as_str(), whimbrel::Code::MigrationDuplicate)]
    {
        let mut files = merged.clone();
        files.files.insert("meta/_journal.json".to_owned(), journal.as_bytes().to_vec());
        let told = match Folder::read(&files) {
            Ok(folder) => folder.blocker().expect("it is told").code,
            Err(e) => e.code(),
        };
        assert_eq!(told, code, "{journal}");
        let mut other = files.clone();
        let (edit, moved) = rebase(&files, &[], "2026-11-22", &mut replayed).unwrap();
        edit.apply(&mut files).unwrap();
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(moved, [pair("0003_theirs", "0004_theirs"), pair("0004_more", "0005_more")]);
        let tags: Vec<String> = sound(&files).history.migrations.iter().map(|m| m.tag()).collect();
        assert_eq!(tags, ["0001_start", "0002_star", "0003_ours", "0004_theirs", "0005_more"]);
        assert!(sound(&files).history.migrations[3].down.is_some());

        // A database that has run theirs decides otherwise.
        let first = ["0003_theirs".to_owned()];
        let (edit, moved) = rebase(&other, &first, "2026-11-22", &mut replayed).unwrap();
        edit.apply(&mut other).unwrap();
        assert_eq!(moved[0], pair("0003_ours", "0004_ours"));
        sound(&other);
    }
}

#[test]
fn journal_and_snapshot_follow_the_files() {
    use whimbrel::history::author::{Repair, repair};
    let day = Repair { day: "2026-11-22".to_owned(), ..Repair::default() };
    // Nothing to do writes nothing; nor do comments.
    let mut files = three();
    assert!(repair(&files, &day, &mut replayed).unwrap().is_empty());

    // Edited on purpose.
    edit(&mut files, "0003_tags.sql", "tag TEXT", "tag TEXT, at INTEGER");
    assert_eq!(Folder::read(&files).unwrap().problems[0].code, whimbrel::Code::MigrationStale);
    repair(&files, &day, &mut replayed).unwrap().apply(&mut files).unwrap();
    let folder = sound(&files);
    let snapshot = Schema::from_snapshot(folder.snapshot.as_deref().unwrap()).unwrap();
    assert!(snapshot.table("tags").unwrap().column("at").is_some());

    // Renamed, and one written by hand.
    let text = files.files.remove("0002_star.sql").unwrap();
    files.files.insert("0002_stars.sql".to_owned(), text);
    files.files.insert("0004_by-hand.sql".to_owned(), b"ALTER TABLE notes RENAME COLUMN body TO text;".to_vec());
    repair(&files, &day, &mut replayed).unwrap().apply(&mut files).unwrap();
    let folder = sound(&files);
    assert_eq!(folder.history.migrations[1].tag(), "0002_stars");
    // The column is the same one, under another name.
    let after = Schema::from_snapshot(folder.snapshot.as_deref().unwrap()).unwrap();
    let id = |schema: &Schema, column: &str| schema.table("notes").unwrap().column(column).unwrap().id;
    assert_eq!(id(&after, "text"), id(&snapshot, "body"));
    assert!(id(&after, "text").is_some());

    // A snapshot that nobody can read is told, and made anew.
    let newest = folder.layout.snapshot(&folder.history.migrations.last().unwrap().version);
    files.files.insert(newest, b"{}".to_vec());
    assert_eq!(Folder::read(&files).unwrap().problems[0].code, whimbrel::Code::Snapshot);
    repair(&files, &day, &mut replayed).unwrap().apply(&mut files).unwrap();
    let again = sound(&files);
    assert_eq!(again.history.snapshot, folder.history.snapshot);

    // Gone: never without a word.
    files.files.remove("0003_tags.sql");
    let error = repair(&files, &day, &mut replayed).unwrap_err();
    assert_eq!(error.code(), whimbrel::Code::MigrationMissing);
    let forget = Repair { forget: vec!["3".to_owned()], ..day };
    repair(&files, &forget, &mut replayed).unwrap().apply(&mut files).unwrap();
    assert_eq!(sound(&files).history.migrations.len(), 3);
}

/// The edit is stopped after every write; the same again ends it, or `repair` does.
fn stopped(files: &MemoryFiles, make: &mut dyn FnMut(&MemoryFiles) -> Result<Edit, Error>) {
    let whole = make(files).unwrap();
    let mut done = files.clone();
    whole.apply(&mut done).unwrap();
    let scripts = |files: &MemoryFiles| -> Vec<(String, Vec<u8>)> {
        files.files.iter().filter(|(path, _)| path.ends_with(".sql")).map(|(p, t)| (p.clone(), t.clone())).collect()
    };
    for n in 1..whole.writes.len() {
        let mut half = files.clone();
        Edit { writes: whole.writes[..n].to_vec(), messages: Vec::new() }.apply(&mut half).unwrap();
        let told = format!("after {n} of {}: {:?}", whole.writes.len(), paths(&half));
        let again = make(&half).or_else(|_| {
            let day = whimbrel::history::author::Repair { day: "2026-11-22".to_owned(), ..Default::default() };
            whimbrel::history::author::repair(&half, &day, &mut replayed)
        });
        again.unwrap_or_else(|e| panic!("{told}: {e}")).apply(&mut half).unwrap();
        sound(&half);
        assert_eq!(scripts(&half), scripts(&done), "{told}");
    }
}

#[test]
fn an_edit_that_is_stopped_is_ended_by_the_next() {
    use whimbrel::history::author::{Squash, rebase, squash};
    let files = three();
    let wanted = Squash { from: 1, to: 3, name: "all".to_owned(), day: "2026-11-22".to_owned(), forget: false };
    stopped(&files, &mut |files| squash(files, &Folder::read(files)?, &wanted, &mut replayed));

    let mut merged = three();
    merged.files.insert("0002_other.sql".to_owned(), b"CREATE TABLE other(a);".to_vec());
    merged.files.insert("0002_other.down.sql".to_owned(), b"DROP TABLE other;".to_vec());
    stopped(&merged, &mut |files| Ok(rebase(files, &[], "2026-11-22", &mut replayed)?.0));
}

#[test]
fn what_a_database_has_run_keeps_its_number() {
    use whimbrel::history::author::rebase;
    let mut files = three();
    files.files.insert("0002_late.sql".to_owned(), b"CREATE TABLE late(a);".to_vec());
    let ran = ["0001_start", "0002_star", "0003_tags"].map(str::to_owned);
    let (edit, moved) = rebase(&files, &ran, "2026-11-22", &mut replayed).unwrap();
    edit.apply(&mut files).unwrap();
    assert_eq!(moved, [("0002_late".to_owned(), "0004_late".to_owned())]);
    sound(&files);
}

fn drafted(before: &str, after: &str) -> whimbrel::history::author::Draft {
    let settings = DraftSettings { accept_data_loss: true, ..DraftSettings::default() };
    draft(&Schema::from_sql(before).unwrap(), &Schema::from_sql(after).unwrap(), &settings).unwrap()
}

fn run_on(before: &str, rows: &str, script: &str) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {before}; {rows}; {script}"))
        .unwrap_or_else(|e| panic!("{e}\n{script}"));
    db
}

/// Each of these once lost rows without a word.
#[test]
fn drafts_that_lost_rows() {
    let one = |db: &Connection, sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    // A hint, where something else goes and something comes, and no ids are known.
    let before = "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT, gone TEXT);";
    let after = "-- whimbrel: renamed from users\nCREATE TABLE people(id INTEGER PRIMARY KEY,\n\
                 email TEXT, -- whimbrel: renamed from mail\nnew TEXT);";
    let db = run_on(before, "INSERT INTO users VALUES (1, 'kept', 'x')", &drafted(before, after).up);
    assert_eq!(one(&db, "SELECT email FROM people"), "kept");

    // A value of its own, where something else goes.
    let before = "CREATE TABLE t(id INTEGER PRIMARY KEY, old TEXT);";
    let after = "CREATE TABLE t(id INTEGER PRIMARY KEY,\nnew TEXT NOT NULL DEFAULT '-' -- whimbrel: backfill 'filled ' || id\n);";
    let db = run_on(before, "INSERT INTO t VALUES (1, 'x')", &drafted(before, after).up);
    assert_eq!(one(&db, "SELECT new FROM t"), "filled 1");

    // What the declaration of before filled in is not filled in on the way back.
    let before = "CREATE TABLE t(id INTEGER PRIMARY KEY,\na TEXT -- whimbrel: backfill 'A'\n);";
    let after = "CREATE TABLE t(id INTEGER PRIMARY KEY);";
    let down = drafted(before, after).down.unwrap();
    let db = run_on(after, "INSERT INTO t VALUES (1)", &down);
    assert_eq!(one(&db, "SELECT coalesce(a, 'empty') FROM t"), "empty");

    // A table that is called like a directive, and one that has `main` for an alias.
    let before = "CREATE TABLE whimbrel(a); CREATE VIEW v AS SELECT main.a FROM whimbrel AS main;";
    let after = "CREATE TABLE whimbrel(a TEXT, b); CREATE VIEW v AS SELECT main.a, main.b FROM whimbrel AS main;";
    let up = drafted(before, after).up;
    let db = run_on(before, "INSERT INTO whimbrel VALUES ('kept')", &up);
    assert_eq!(one(&db, "SELECT a FROM v"), "kept");
    whimbrel::history::script::Script::read("m.sql", whimbrel::Dialect::Sqlite, &up, true).unwrap();
}

/// A column that is NOT NULL and has no value is filled between the two parts.
#[test]
fn there_is_a_place_to_fill_a_new_column() {
    let (before, after) =
        ("CREATE TABLE t(id INTEGER PRIMARY KEY);", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL);");
    let up = drafted(before, after).up;
    let place = "-- Your data, old and new side by side: carry the rows over:\n";
    assert!(up.contains(place), "{up}");
    let filled = up.replace(place, &format!("{place}UPDATE t SET a = 'filled';\n"));
    let db = run_on(before, "INSERT INTO t VALUES (1)", &filled);
    assert_eq!(db.query_row("SELECT a FROM t", [], |row| row.get::<_, String>(0)).unwrap(), "filled");
}

/// One branch makes a table anew, the other adds a column to it: put behind the other, the first would take it back.
#[test]
fn a_rebuild_of_before_does_not_take_back_what_the_other_branch_added() {
    use whimbrel::history::author::rebase;
    let mut files = MemoryFiles::default();
    added(&mut files, &new("start", "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT);", None, None)).unwrap();
    let known = Folder::read(&files).unwrap();
    let before = Schema::from_snapshot(known.snapshot.as_deref().unwrap()).unwrap();
    let declared = Schema::from_sql("CREATE TABLE a(id INTEGER PRIMARY KEY, x INTEGER);").unwrap();
    let rebuild = draft(&before, &declared, &DraftSettings::default()).unwrap();
    added(&mut files, &new("number", &rebuild.up, None, Some(rebuild.schema))).unwrap();
    files.files.insert("0002_mail.sql".to_owned(), b"ALTER TABLE a ADD COLUMN mail TEXT;".to_vec());
    for first in ["0002_mail", "0002_number"] {
        let outcome = rebase(&files, &[first.to_owned()], "2026-11-22", &mut replayed);
        match first {
            "0002_mail" => {
                let error = outcome.unwrap_err();
                assert_eq!(error.code(), whimbrel::Code::DataLoss);
                assert!(error.to_string().contains("column a.mail"), "{error}");
            }
            // Behind the rebuild the added column is simply added.
            _ => drop(outcome.unwrap()),
        }
    }
}

/// What has long been released keeps its number when somebody adds a file with an old one.
#[test]
fn a_late_file_goes_to_the_end() {
    use whimbrel::history::author::rebase;
    let mut files = three();
    files.files.insert("0001_late.sql".to_owned(), b"CREATE TABLE late(a);".to_vec());
    for ran in [&[][..], &["0001_start".to_owned(), "0002_star".to_owned(), "0003_tags".to_owned()]] {
        let (edit, moved) = rebase(&files, ran, "2026-11-22", &mut replayed).unwrap();
        assert_eq!(moved, [("0001_late".to_owned(), "0004_late".to_owned())]);
        let mut after = files.clone();
        edit.apply(&mut after).unwrap();
        sound(&after);
    }
}
