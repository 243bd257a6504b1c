//! What SQLite says of a declared schema before anything is written: what it does not accept is an obstacle with its place,
//! what was broken before is told, and what only this connection could know is left to the run.

#[path = "support/host.rs"]
mod host;

use host::Host;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use whimbrel::plan::{Plan, Strategy};
use whimbrel::run::{Cancel, FailureKind, Settings, block_on, make_plan, open_questions, run_plan};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Planner, Question, Schema, State};

fn database(sql: &str) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(sql).unwrap();
    conn
}

fn settings(ignore: &[&str]) -> Settings {
    let ignore = ignore.iter().map(|pattern| (*pattern).to_owned()).collect();
    Settings { ignore, accept_data_loss: true, ..Settings::default() }
}

/// The plan with all its obstacles, which nobody has taken for an error yet.
fn plan_of(conn: &Connection, after: &str, ignore: &[&str]) -> Plan {
    let (schema, settings) = (Schema::from_sql(after).unwrap(), settings(ignore));
    let mut host = Sqlite::new(conn);
    block_on(make_plan(&mut host, &schema, &settings, &mut |_: &Question| None)).unwrap()
}

/// Code and message of each obstacle, with the piece of the source that it points at.
fn obstacles(plan: &Plan) -> Vec<String> {
    let line = |e: &whimbrel::Error| {
        let report = e.report();
        let place = report.origin.source.as_ref().map(|source| &source.text[report.origin.range.clone()]);
        format!("{} {} @ {}", e.code(), report.message, place.unwrap_or_default())
    };
    plan.obstacles.iter().map(line).collect()
}

#[test]
fn what_is_not_accepted_is_told_with_its_place() {
    let conn = database("CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    for (after, expected) in [
        ("CREATE TABLE t(a, b INT CHECK (nope > 1))", "W0106 SQLite does not accept t @ nope"),
        ("CREATE TABLE t(a CHECK (nope > 1))", "W0106 SQLite does not accept t @ nope"),
        ("CREATE TABLE t(a); CREATE TABLE n(b CHECK (nope > 1));", "W0106 SQLite does not accept n @ nope"),
        ("CREATE TABLE t(a); CREATE TABLE n(b, CHECK (b <> nope_2));", "W0106 SQLite does not accept n @ nope_2"),
        ("CREATE TABLE t(a); CREATE INDEX i ON t(a) WHERE nope > 1;", "W0106 SQLite does not accept i @ nope"),
        ("CREATE TABLE t(a); CREATE INDEX i ON t(a) WHERE a > );", "W0106 SQLite does not accept i @ )"),
        (
            "CREATE TABLE t(a); CREATE VIEW v AS SELECT nope FROM t;",
            "W0106 view v does not work in the declared schema @ v",
        ),
    ] {
        let plan = plan_of(&conn, after, &[]);
        assert_eq!(obstacles(&plan), [expected], "{after}");
        let schema = Schema::from_sql(after).unwrap();
        let error = Planner::new(&schema).push(&mut database("CREATE TABLE t(a)")).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::SchemaRejected, State::Unchanged), "{error}");
    }
}

/// An index that nobody has changed, on a table that was: it is tried out with it.
#[test]
fn an_index_is_tried_out_with_its_table() {
    let conn = database("CREATE TABLE t(a, b, c); CREATE INDEX i ON t(abs(b)); INSERT INTO t VALUES (1, 2, 3)");
    let plan = plan_of(&conn, "CREATE TABLE t(a, c); CREATE INDEX i ON t(abs(b));", &[]);
    assert_eq!(obstacles(&plan), ["W0106 SQLite does not accept i @ b"]);
}

/// What did not work before and is declared so once more is a warning; what was written anew is not.
#[test]
fn what_was_broken_before_is_told() {
    let broken = "CREATE VIEW v AS SELECT a, nope FROM t;
         CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO nobody VALUES (new.a); END;";
    let conn = database(&format!("CREATE TABLE t(a); {broken}"));
    let plan = plan_of(&conn, &format!("CREATE TABLE t(a, b); {broken}"), &[]);
    assert_eq!(obstacles(&plan), [""; 0]);
    assert_eq!(
        plan.warnings,
        [
            "view v is broken, and was before: no such column: nope",
            "trigger g is broken, and was before: no such table: main.nobody"
        ]
    );
    // The same text over another table may have worked before.
    let conn = database(&format!("CREATE TABLE t(a, nope); CREATE TABLE nobody(a); {broken}"));
    let plan = plan_of(&conn, &format!("CREATE TABLE t(a); {broken}"), &[]);
    assert_eq!(
        obstacles(&plan),
        [
            "W0106 view v does not work in the declared schema @ v",
            "W0106 trigger g does not work in the declared schema @ g"
        ]
    );
    let changed = broken.replace("SELECT a, nope", "SELECT nope").replace("VALUES (new.a)", "VALUES (1)");
    let conn = database(&format!("CREATE TABLE t(a); {broken}"));
    let plan = plan_of(&conn, &format!("CREATE TABLE t(a, b); {changed}"), &[]);
    assert_eq!(obstacles(&plan).len(), 2, "{:?}", obstacles(&plan));
}

/// A collation of the app is not known where the schema is tried out. What depends on it cannot be judged there, and is
/// no obstacle; what does not depend on it is.
#[test]
fn what_only_the_connection_knows_is_no_obstacle() {
    let conn = database("CREATE TABLE u(a)");
    conn.create_collation("local", |a, b| a.cmp(b)).unwrap();
    let declared = "CREATE TABLE u(a); CREATE TABLE t(a COLLATE local); CREATE INDEX i ON t(a);
         CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER g AFTER INSERT ON u BEGIN INSERT INTO t VALUES (1); END;";
    assert_eq!(obstacles(&plan_of(&conn, declared, &[])), [""; 0]);
    // A mistake beside it is found all the same.
    let mistaken = format!("{declared} CREATE TABLE n(b CHECK (nope > 1)); CREATE INDEX j ON u(nope);");
    assert_eq!(obstacles(&plan_of(&conn, &mistaken, &[])), ["W0106 SQLite does not accept n @ nope"]);
    let schema = Schema::from_sql(declared).unwrap();
    let mut conn = conn;
    Planner::new(&schema).push(&mut conn).unwrap();
    let plan = plan_of(&database("CREATE TABLE u(a)"), declared, &[]);
    assert_eq!(plan.obstacles.first().map(whimbrel::Error::code), Some(Code::NotRegistered));
}

/// A trigger out of sight, on a table out of sight, has its name all the same. It is told once.
#[test]
fn the_name_of_a_trigger_out_of_sight_is_taken() {
    let conn = database(
        "CREATE TABLE t(a); CREATE TABLE legacy(x);
         CREATE TRIGGER g AFTER INSERT ON legacy BEGIN SELECT 1; END;",
    );
    let on = |name: &str| format!("CREATE TABLE t(a); CREATE TRIGGER {name} AFTER INSERT ON t BEGIN SELECT 2; END;");
    let taken = "trigger g cannot be made: something out of sight has this name";
    let told = obstacles(&plan_of(&conn, &on("g"), &["legacy"]));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(taken), "{told:?}");
    assert_eq!(obstacles(&plan_of(&conn, &on("h"), &["legacy"])), [""; 0]);
}

/// SQLite's defensive mode keeps the catalogue from being edited: the same is done in another way.
#[test]
fn a_defensive_connection_gets_the_same_in_another_way() {
    let before = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(a, b REFERENCES p(id));
         INSERT INTO p VALUES (2), (4); INSERT INTO t VALUES (1, 2), (3, 4);";
    let after = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(a, b);";
    let schema = Schema::from_sql(after).unwrap();
    let edits = |plan: &Plan| plan.steps.iter().filter(|step| step.strategy == Strategy::Catalogue).count();
    for defensive in [false, true] {
        let mut conn = database(before);
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, defensive).unwrap();
        let plan = plan_of(&conn, after, &[]);
        assert_eq!(edits(&plan) > 0, !defensive, "{:?}", plan.steps);
        Planner::new(&schema).push(&mut conn).unwrap();
        let rows: i64 = conn.query_row("SELECT sum(a * 10 + b) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 46);
        assert!(plan_of(&conn, after, &[]).is_empty());
    }
}

/// A trigger of the connection alone goes with its table, and nobody else can make it anew.
#[test]
fn temporary_triggers_are_told_or_made_anew() {
    let watch = "CREATE TEMP TRIGGER watch AFTER INSERT ON main.t BEGIN SELECT 1; END;";
    let first = "CREATE TABLE a(x);";
    let conn = database(&format!("{first} CREATE TABLE t(a); CREATE TABLE u(a); INSERT INTO t VALUES (1); {watch}"));
    let first = "CREATE TABLE a(x, y);";
    let told = "temporary trigger watch on t goes with the old table: create it again";
    assert_eq!(plan_of(&conn, &format!("{first} CREATE TABLE u(a)"), &[]).warnings, [told]);

    let plan = plan_of(&conn, &format!("{first} CREATE TABLE t(a PRIMARY KEY); CREATE TABLE u(a)"), &[]);
    assert_eq!(plan.warnings, [""; 0]);
    let step = plan.steps.iter().find(|step| step.object == "watch").expect("a step for it");
    assert_eq!((step.title.as_str(), step.strategy), ("create temporary trigger", Strategy::Recreate));
    assert_eq!(plan.changes[step.change].object(), "t");
}

/// What a copy needs besides the database as it is depends on where its journal goes.
#[test]
fn the_room_that_a_copy_needs_depends_on_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let conn = Connection::open(folder.path().join("app.db")).unwrap();
    conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
    let bytes = |mode: &str| {
        conn.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(())).unwrap();
        plan_of(&conn, "CREATE TABLE t(a PRIMARY KEY)", &[]).disk_bytes
    };
    let in_file = bytes("delete");
    assert!(in_file > 0);
    assert_eq!(bytes("memory"), 0);
    assert_eq!(bytes("persist"), in_file);
    assert_eq!(bytes("wal"), 2 * in_file);
}

/// A plan that waits for answers, or has nothing to do, says why.
#[test]
fn a_plan_tells_its_questions_and_notes() {
    let conn = database("CREATE TABLE t(a, b); CREATE VIRTUAL TABLE words USING fts5(x)");
    let plan = |after: &str, strict_order: bool| {
        let schema = Schema::from_sql(after).unwrap();
        let settings = Settings { strict_order, ..Settings::default() };
        let mut host = Sqlite::new(&conn);
        block_on(make_plan(&mut host, &schema, &settings, &mut |_: &Question| None)).unwrap()
    };
    let words = "CREATE VIRTUAL TABLE words USING fts5(x);";
    let asks = plan(&format!("CREATE TABLE t(a, c); {words}"), false);
    assert_eq!(asks.questions.iter().map(Question::path).collect::<Vec<_>>(), ["t.b"]);
    assert_eq!(asks.obstacles.iter().map(whimbrel::Error::code).collect::<Vec<_>>(), [Code::QuestionOpen]);
    let moved = plan(&format!("CREATE TABLE t(b, a); {words}"), false);
    assert!(moved.is_empty() && moved.notes.len() == 1 && !moved.strict_order, "{:?}", moved.notes);
    let strict = plan(&format!("CREATE TABLE t(b, a); {words}"), true);
    assert!(!strict.is_empty() && strict.strict_order);
    // Two tables, one of them virtual, whether there is anything to do or not.
    for after in ["CREATE TABLE t(a, b);", "CREATE TABLE t(a, b, c);"] {
        let plan = plan(&format!("{after} {words}"), true);
        assert_eq!((plan.tables, plan.strict_order), (2, true), "{after}");
    }
    // As `.schema` prints it, with the tables in which the module keeps its own.
    let all = "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql IS NOT NULL";
    let everything: String = conn.query_row(all, [], |row| row.get(0)).unwrap();
    assert!(everything.contains("words_data"));
    assert!(plan(&everything, false).is_empty());
}

/// The number that says whose file it is goes into a new file, and into no other.
#[test]
fn the_application_id_goes_into_a_new_file_only() {
    let declared = "PRAGMA application_id = 77; CREATE TABLE t(a, b);";
    for (before, is_new) in [("", true), ("PRAGMA application_id = 77", false), ("CREATE TABLE t(a)", false)] {
        let mut conn = database(before);
        let plan = plan_of(&conn, declared, &[]);
        let steps: Vec<_> = plan.steps.iter().filter(|step| step.object == "application_id").collect();
        assert_eq!(steps.len(), usize::from(is_new), "{before}");
        for step in steps {
            assert_eq!((step.title.as_str(), step.strategy), ("set to 77", Strategy::Create));
        }
        Planner::new(&Schema::from_sql(declared).unwrap()).push(&mut conn).unwrap();
        let id: i64 = conn.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
        assert_eq!(id, if before.starts_with("CREATE") { 0 } else { 77 }, "{before}");
    }
}

/// What the rows of a table that goes are is counted, and stands in its step.
#[test]
fn a_step_that_drops_tells_the_rows() {
    let conn = database("CREATE TABLE t(a); CREATE TABLE u(a); INSERT INTO t VALUES (1), (2), (3)");
    let plan = plan_of(&conn, "CREATE TABLE u(a)", &[]);
    let step = plan.steps.iter().find(|step| step.strategy == Strategy::Drop).unwrap();
    assert_eq!((step.object.as_str(), step.rows), ("t", 3));
}

/// A question to the rows that fails for another reason than what it says is not left to the run.
#[test]
fn rows_that_cannot_be_asked_are_an_error() {
    let schema = Schema::from_sql("CREATE TABLE t(a, CHECK (a > 0))").unwrap();
    let conn = database("CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    let mut host = Host::new(Sqlite::owned(conn), |_, sql| {
        sql.starts_with("SELECT count(CASE WHEN NOT").then_some(Err(FailureKind::Other))
    });
    let plan = block_on(make_plan(&mut host, &schema, &settings(&[]), &mut |_: &Question| None));
    assert_eq!(plan.unwrap_err().code(), Code::SchemaRejected);
}

/// Foreign keys that could not be counted have not been found in order: what fails for another reason than the key itself
/// ends the run.
#[test]
fn keys_that_cannot_be_counted_end_the_run() {
    let start = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id)); INSERT INTO p VALUES (1);
         INSERT INTO c VALUES (1);";
    let schema = Schema::from_sql("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p UNIQUE REFERENCES p(id));");
    let schema = schema.unwrap();
    for (kind, is_done) in [(FailureKind::Statement, true), (FailureKind::Other, false)] {
        let mut host = Host::new(Sqlite::owned(database(start)), |_, _| None);
        let plan = block_on(make_plan(&mut host, &schema, &settings(&[]), &mut |_: &Question| None)).unwrap();
        host.answers = Box::new(move |_, sql| {
            sql.starts_with("SELECT count(*) FROM pragma_foreign_key_check").then_some(Err(kind))
        });
        match block_on(run_plan(&mut host, &plan, &mut (), &Cancel::default())) {
            Ok(report) => assert!(is_done && !report.warnings.is_empty(), "{kind:?}: {report:?}"),
            Err(e) => assert_eq!((e.report().state, is_done), (State::RolledBack, false), "{kind:?}: {e}"),
        }
    }
}

/// A key of a table WITHOUT ROWID holds no NULL: what a new column of it gets is computed before, and told once.
#[test]
fn a_new_column_of_a_key_gets_values() {
    let conn = database("CREATE TABLE t(a PRIMARY KEY, b); INSERT INTO t VALUES (1, 2), (3, NULL)");
    for (fill, not_null, missing) in
        [("b", "", 1), ("b", " NOT NULL", 1), ("coalesce(b, 0)", "", 0), ("coalesce(b, 0)", " NOT NULL", 0)]
    {
        let after = format!(
            "CREATE TABLE t(a, b,\n  -- whimbrel: backfill {fill}\n  c INT{not_null}, PRIMARY KEY (a, c)) WITHOUT ROWID"
        );
        let codes: Vec<_> = plan_of(&conn, &after, &[]).obstacles.iter().map(whimbrel::Error::code).collect();
        assert_eq!(codes, vec![Code::NoValue; missing], "{after}");
    }
}

/// The questions alone, without a look at any row.
#[test]
fn questions_are_asked_of_the_catalogue() {
    let conn = database("CREATE TABLE t(a, b)");
    let ask = |after: &str| {
        let schema = Schema::from_sql(after).unwrap();
        let questions = block_on(open_questions(&mut Sqlite::new(&conn), &schema, &Settings::default())).unwrap();
        questions.iter().map(|q| format!("{}: {}", q.path(), q.candidates.join(" "))).collect::<Vec<_>>()
    };
    assert_eq!(ask("CREATE TABLE t(a, b)"), [""; 0]);
    assert_eq!(ask("CREATE TABLE t(a, c)"), ["t.b: c"]);
}

/// A copy is not begun where there is no room for it. Exactly as much as is needed is enough.
#[test]
fn a_copy_is_begun_where_there_is_room_for_it() {
    let schema = Schema::from_sql("CREATE TABLE t(a PRIMARY KEY)").unwrap();
    for missing in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let conn = Connection::open(folder.path().join("app.db")).unwrap();
        conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
        let mut host = Host::new(Sqlite::owned(conn), |_, _| None);
        let plan = block_on(make_plan(&mut host, &schema, &Settings::default(), &mut |_: &Question| None)).unwrap();
        assert!(plan.disk_bytes > 0);
        host.free = Some(plan.disk_bytes - missing);
        let outcome = block_on(run_plan(&mut host, &plan, &mut (), &Cancel::default()));
        match outcome {
            Ok(_) => assert_eq!(missing, 0),
            Err(e) => assert_eq!((e.code(), e.report().state, missing), (Code::DiskSpace, State::Unchanged, 1), "{e}"),
        }
    }
}

/// A search table that cannot be counted, for whatever reason, is not dropped as one without rows; and only where its
/// module is missing that is said to be the reason.
#[test]
fn a_search_table_that_cannot_be_counted_is_an_error() {
    let schema = Schema::from_sql("CREATE TABLE t(a)").unwrap();
    let conn = database("CREATE TABLE t(a); CREATE VIRTUAL TABLE words USING fts5(x); INSERT INTO words VALUES ('y')");
    let mut host = Host::new(Sqlite::owned(conn), |_, sql| {
        (sql == "SELECT count(*) FROM main.\"words\"").then_some(Err(FailureKind::Other))
    });
    let plan = block_on(make_plan(&mut host, &schema, &settings(&[]), &mut |_: &Question| None));
    assert_eq!(plan.unwrap_err().code(), Code::Database);
}
