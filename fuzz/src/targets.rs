//! What is tried with texts that nobody would write: each target takes bytes and panics where a property does not hold.
//!
//! The bodies are run by `cargo fuzz`, which looks for new texts, and by the test `fuzzed` of the library, which changes
//! the seeds in `corpus-seeds` some thousand times, the same way each time.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use whimbrel::diff::{Answers, Options, diff};
use whimbrel::history::{Files, journal::Journal, script::Script};
use whimbrel::sqlite::print::to_sql;
use whimbrel::sqlite_host::read_schema;
use whimbrel::{Code, Dialect, Folder, MemoryFiles, Planner, Schema, State};
use whimbrel_core::{postgres, sqlite};

/// A target: its name, and what it does with some bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them. Each has a folder of this name in `corpus-seeds`, and a file in `fuzz_targets`.
pub const TARGETS: &[Target] = &[
    ("read_sql", read_sql),
    ("split_sqlite", split_sqlite),
    ("split_postgres", split_postgres),
    ("diff", two_schemas),
    ("quote", quote),
    ("journal", journal),
    ("folder", folder),
    ("snapshot", snapshot),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A database in memory in which a text of an enemy does no harm: it declares, and reads and writes what it declared.
fn database() -> Connection {
    let conn = Connection::open_in_memory().expect("a database in memory");
    for (limit, value) in [(Limit::SQLITE_LIMIT_LENGTH, 1 << 20), (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100)] {
        conn.set_limit(limit, value).expect("a limit");
    }
    conn
}

/// Whether SQLite takes the whole text. What is no declaration is not let through.
fn takes(conn: &mut Connection, sql: &str) -> bool {
    // It stops reading at a NUL.
    if sql.contains('\0') {
        return false;
    }
    let only_declares = |context: AuthContext<'_>| match context.action {
        AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::Read { .. }
        | AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Reindex { .. }
        | AuthAction::Function { .. } => Authorization::Allow,
        _ => Authorization::Deny,
    };
    let mut looks = 0;
    let is_endless = move || {
        looks += 1;
        looks > 200
    };
    conn.authorizer(Some(only_declares)).expect("an authorizer");
    conn.progress_handler(1_000, Some(is_endless)).expect("an end");
    let outcome = conn.execute_batch(sql);
    conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).expect("no authorizer");
    conn.progress_handler(0, None::<fn() -> bool>).expect("no end");
    outcome.is_ok() && conn.is_autocommit()
}

/// What SQLite takes is read, from the text and from the catalogue alike; what is read is printed, and read again.
fn read_sql(bytes: &[u8]) {
    let sql = text(bytes);
    let read = Schema::from_sql(&sql);
    let mut conn = database();
    if !takes(&mut conn, &sql) {
        // The reader does not judge: what it has read of a text that is none is printed somehow.
        let _ = read.as_ref().map(|schema| Schema::from_sql(&to_sql(schema)));
        return;
    }
    if let Ok(schema) = &read {
        let printed = to_sql(schema);
        let again = Schema::from_sql(&printed).unwrap_or_else(|e| panic!("{e}\nin what was printed:\n{printed}"));
        let left = diff(schema, &again, &Answers::default(), &Options { strict_order: true }).expect("a diff");
        assert!(left.changes.is_empty(), "{:#?}\nin what was printed:\n{printed}", left.changes);
        assert_eq!(schema.fingerprint(), again.fingerprint(), "{printed}");
    }
    // Whatever SQLite has taken stands in the catalogue now, and must be read.
    let live = read_schema(&mut conn).unwrap_or_else(|e| panic!("the catalogue: {e}"));
    match &read {
        Ok(schema) => {
            let left = diff(&live, schema, &Answers::default(), &Options { strict_order: true }).expect("a diff");
            assert!(left.changes.is_empty(), "declared and made differ: {:#?}", left.changes);
            let plan = Planner::new(schema).plan(&mut conn).unwrap_or_else(|e| panic!("a plan: {e}"));
            assert!(plan.is_empty(), "{plan}");
        }
        // Statements that declare nothing, names that stand there twice (`IF NOT EXISTS`), comments for Whimbrel.
        Err(e) => assert!(
            matches!(e.code(), Code::NotADeclaration | Code::DeclaredTwice | Code::Directive),
            "SQLite takes it: {e}"
        ),
    }
}

/// Statements lie one behind the other, between them is nothing but comments, and each is one statement of SQLite's.
fn split_sqlite(bytes: &[u8]) {
    use sqlite::token::{TokenKind, tokenize};
    let script = text(bytes);
    let Ok(statements) = sqlite::split::split(&script) else { return };
    let conn = database();
    let mut end = 0;
    for statement in &statements {
        assert!(end <= statement.range.start && statement.range.start < statement.range.end);
        let between = &script[end..statement.range.start];
        let tokens = tokenize(between).unwrap_or_else(|e| panic!("{between:?}: {}", e.message));
        assert!(
            tokens.iter().all(|t| t.kind == TokenKind::Comment || t.text(between) == ";"),
            "{between:?} is left out"
        );
        end = statement.range.end;
        let one = &script[statement.range.clone()];
        let again = sqlite::split::split(one).unwrap_or_else(|e| panic!("{one:?}: {}", e.message));
        assert!(again.len() == 1 && again[0].range == (0..one.len()), "{one:?}");
        // SQLite stops reading at a NUL.
        if one.contains('\0') {
            continue;
        }
        let mut batch = rusqlite::Batch::new(&conn, one);
        if let Ok(Some(_)) = batch.next() {
            assert!(matches!(batch.next(), Ok(None)), "{one:?} is more than one statement");
        }
    }
    let rest = &script[end..];
    let tokens = tokenize(rest).unwrap_or_else(|e| panic!("{rest:?}: {}", e.message));
    assert!(tokens.iter().all(|t| t.kind == TokenKind::Comment || t.text(rest) == ";"), "{rest:?} is left out");
    // As a migration, it is read or refused, and holds what was cut.
    if let Ok(script) = Script::read("migration", Dialect::Sqlite, &script, true) {
        assert!(script.len() <= statements.len());
    }
}

/// The same for PostgreSQL, as far as it can be told without a server.
fn split_postgres(bytes: &[u8]) {
    use postgres::split::StatementKind;
    use postgres::token::{TokenKind, tokenize};
    let script = text(bytes);
    let Ok(statements) = postgres::split::split(&script) else { return };
    let settings = whimbrel::lint::postgres::Settings::default();
    let _ = whimbrel::lint::postgres::lint_script("migration", &script, true, &settings);
    // Rows begin with the line behind `COPY`, and what else stands on its line is in front of them.
    if statements.iter().any(|statement| matches!(statement.kind, StatementKind::CopyData { .. })) {
        Script::read("migration", Dialect::Postgres, &script, true).expect_err("rows are refused");
        return;
    }
    let mut end = 0;
    for statement in &statements {
        assert!(end <= statement.range.start && statement.range.start < statement.range.end);
        let between = &script[end..statement.range.start];
        let tokens = tokenize(between).unwrap_or_else(|e| panic!("{between:?}: {}", e.message));
        assert!(
            tokens.iter().all(|t| t.kind == TokenKind::Comment || t.text(between) == ";"),
            "{between:?} is left out"
        );
        end = statement.range.end;
        if statement.kind == StatementKind::Sql {
            let one = statement.text(&script);
            let again = postgres::split::split(one).unwrap_or_else(|e| panic!("{one:?}: {}", e.message));
            assert!(again.len() == 1 && again[0].range == (0..one.len()), "{one:?}");
        }
    }
    if let Ok(script) = Script::read("migration", Dialect::Postgres, &script, true) {
        assert!(script.len() <= statements.len());
    }
}

/// Two schemas, with a line of dashes between them: nothing differs from itself, and one becomes the other on a real
/// database with rows, or nothing is changed.
fn two_schemas(bytes: &[u8]) {
    let text = text(bytes);
    let (before, after) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let (Ok(before_schema), Ok(after_schema)) = (Schema::from_sql(before), Schema::from_sql(after)) else { return };
    for schema in [&before_schema, &after_schema] {
        let same = diff(schema, schema, &Answers::default(), &Options { strict_order: true }).expect("a diff");
        assert!(same.changes.is_empty() && same.questions.is_empty(), "{:#?}", same.changes);
    }
    let mut answers = Answers::default();
    answers.drop_the_rest = true;
    let there = diff(&before_schema, &after_schema, &answers, &Options::default()).expect("a diff");
    let back = diff(&after_schema, &before_schema, &answers, &Options::default()).expect("a diff");
    assert_eq!(there.changes.is_empty(), back.changes.is_empty(), "{:#?}\n{:#?}", there.changes, back.changes);

    let mut conn = database();
    if !takes(&mut conn, before) {
        return;
    }
    for table in &before_schema.tables {
        let _ = conn.execute_batch(&format!("INSERT INTO {} DEFAULT VALUES", sqlite::token::quote_name(&table.name)));
    }
    let schema_before = everything(&conn);
    let planner = || Planner::new(&after_schema).accept_data_loss(true);
    let outcome = planner().push(&mut conn);
    assert!(conn.is_autocommit(), "a transaction is open");
    match outcome {
        Ok(_) => {
            let second = planner().plan(&mut conn).unwrap_or_else(|e| panic!("a second plan: {e}"));
            assert!(second.is_empty(), "the second plan is not empty:\n{second}");
        }
        Err(e) => {
            assert!(matches!(e.report().state, State::Unchanged | State::RolledBack), "{e}");
            assert_ne!(e.code(), Code::VerificationFailed, "{e}");
            assert_eq!(everything(&conn), schema_before, "{e}");
        }
    }
}

/// The catalogue, and how many rows each table has.
fn everything(conn: &Connection) -> Vec<(String, String, i64)> {
    let sql = "SELECT type, coalesce(sql, name), name FROM sqlite_schema ORDER BY rowid";
    let mut statement = conn.prepare(sql).expect("the catalogue");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("the catalogue");
    let rows: Vec<(String, String, String)> = rows.map(|row| row.expect("a row")).collect();
    let count = |kind: &str, name: &str| match kind {
        "table" => {
            let sql = format!("SELECT count(*) FROM main.{}", sqlite::token::quote_name(name));
            conn.query_row(&sql, [], |row| row.get(0)).unwrap_or(-1)
        }
        _ => 0,
    };
    rows.into_iter().map(|(kind, sql, name)| (kind.clone(), sql, count(&kind, &name))).collect()
}

/// A name in quotes is the same name for SQLite, and a text in quotes the same text; and both are what they were for the
/// readers of either dialect.
fn quote(bytes: &[u8]) {
    let name = text(bytes);
    // SQLite's names and texts end at a NUL, and PostgreSQL has none.
    if name.contains('\0') || name.is_empty() {
        return;
    }
    let conn = database();
    let quoted = sqlite::token::quote_name(&name);
    let tokens = sqlite::token::tokenize(&quoted).expect("a name");
    assert_eq!(tokens.iter().map(|t| t.name(&quoted)).collect::<Vec<_>>(), [Some(name.clone())]);
    if !name.to_ascii_lowercase().starts_with("sqlite_") {
        for written in [&quoted, &sqlite::token::display_name(&name)] {
            conn.execute_batch(&format!("CREATE TABLE {written}({written} TEXT)")).expect("a table");
            let read: String = conn.query_row("SELECT name FROM sqlite_schema", [], |row| row.get(0)).expect("it");
            assert_eq!(read, name, "{written}");
            let sql = "SELECT name FROM pragma_table_info(?1)";
            let column: String = conn.query_row(sql, [&name], |row| row.get(0)).expect("its column");
            assert_eq!(column, name, "{written}");
            conn.execute_batch(&format!("DROP TABLE {quoted}")).expect("no table");
        }
    }
    let quoted = sqlite::token::quote_text(&name);
    let read: String = conn.query_row(&format!("SELECT {quoted}"), [], |row| row.get(0)).expect("a text");
    assert_eq!(read, name, "{quoted}");
    assert_eq!(sqlite::token::unquote(&quoted), name);

    let quoted = postgres::token::quote_name(&name);
    let tokens = postgres::token::tokenize(&quoted).expect("a name");
    assert_eq!(tokens.iter().map(|t| t.name(&quoted)).collect::<Vec<_>>(), [Some(name.clone())], "{quoted}");
    let quoted = postgres::token::quote_literal(&name);
    let tokens = postgres::token::tokenize(&quoted).expect("a text");
    assert_eq!(tokens.iter().map(|t| t.string(&quoted)).collect::<Vec<_>>(), [Some(name)], "{quoted}");
}

/// A journal that is read is written, and read again as the same.
fn journal(bytes: &[u8]) {
    let Ok(journal) = Journal::read("_journal.json", &text(bytes)) else { return };
    let written = journal.write();
    let again = Journal::read("_journal.json", &written).unwrap_or_else(|e| panic!("{e}\n{written}"));
    assert_eq!(again.entries, journal.entries, "{written}");
    assert_eq!(again.write(), written);
    for entry in &journal.entries {
        let _ = (entry.tag(), entry.checksum());
    }
}

/// A folder: files with a line `=== path` before each. It is read the same way each time, holds only files that are
/// there, and what it says of a script is the script's.
fn folder(bytes: &[u8]) {
    let text = text(bytes);
    let mut files = MemoryFiles::default();
    for part in text.split("=== ").skip(1) {
        let (path, body) = part.split_once('\n').unwrap_or((part, ""));
        // A host refuses what leads out of the folder; here any name is tried.
        files.files.insert(path.to_owned(), body.as_bytes().to_vec());
    }
    let Ok(folder) = Folder::read(&files) else { return };
    let again = Folder::read(&files).expect("the same folder");
    assert_eq!(folder.history, again.history);
    let mut numbers = BTreeSet::new();
    for migration in &*folder.history.migrations {
        let body = files.read(&migration.path).unwrap_or_else(|e| panic!("{}: {e}", migration.path));
        assert!(!body.is_empty() || migration.up.is_empty(), "{}: a script out of nothing", migration.path);
        assert!(!migration.path.starts_with('/') && !migration.path.split('/').any(|part| part == ".."));
        let is_new = numbers.insert(migration.idx);
        assert!(is_new || folder.blocker().is_some(), "{} is there twice", migration.idx);
        assert!(folder.history.find(&migration.tag()).is_some(), "{}", migration.tag());
    }
    for problem in &folder.problems {
        assert!(!problem.message.is_empty());
    }
    if folder.blocker().is_none() {
        let _ = whimbrel::lint::lint(&folder.history);
    }
}

/// A snapshot that is read is written, and read again as the same schema.
fn snapshot(bytes: &[u8]) {
    let Ok(schema) = Schema::from_snapshot(&text(bytes)) else { return };
    let written = schema.to_snapshot();
    let again = Schema::from_snapshot(&written).unwrap_or_else(|e| panic!("{e}\n{written}"));
    assert_eq!(again.fingerprint(), schema.fingerprint(), "{written}");
    assert_eq!(again.to_snapshot(), written);
}
