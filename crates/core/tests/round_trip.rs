//! Every schema in `testdata/` survives being printed and being kept as a snapshot, and means what it meant.

use std::fs;
use std::path::{Path, PathBuf};

use whimbrel_core::diff::{Answers, Options, diff};
use whimbrel_core::schema::{Column, Index, Table, View};
use whimbrel_core::sqlite::print::to_sql;
use whimbrel_core::{Code, Schema};

fn schemas() -> Vec<(PathBuf, Schema)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/scenarios");
    let mut found = Vec::new();
    let folders = fs::read_dir(&root).expect("testdata is there").map(|entry| entry.unwrap().path());
    for scenario in folders.filter(|path| path.is_dir()) {
        for file in fs::read_dir(scenario).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "before.sql" || name == "after.sql" {
                let text = fs::read_to_string(&path).unwrap();
                match Schema::from_sql(&text) {
                    Ok(schema) => found.push((path, schema)),
                    // A few databases are made by statements that declare nothing.
                    Err(e) if e.code() == Code::NotADeclaration && name == "before.sql" => {}
                    Err(e) => panic!("{}: {e}", path.display()),
                }
            }
        }
    }
    assert!(found.len() > 100, "only {} schemas found", found.len());
    found
}

/// The schema as a builder would hand it over: without any text of its author.
fn without_text(schema: &Schema) -> Schema {
    let mut schema = schema.clone();
    let bare = |c: &Column| Column { origin: Default::default(), ..c.clone() };
    for table in &mut schema.tables {
        let columns = table.columns.iter().map(bare).collect();
        *table = Table { definition: None, columns, ..Table::clone(table) }.into();
    }
    schema.indexes = schema.indexes.iter().map(|i| Index { definition: None, ..i.clone() }).collect();
    schema.views = schema.views.iter().map(|v| View { definition: None, ..v.clone() }).collect();
    schema.triggers.iter_mut().for_each(|t| t.definition = None);
    schema.virtual_tables.iter_mut().for_each(|t| t.definition = None);
    schema
}

#[test]
fn printed_schemas_mean_the_same() {
    for (path, schema) in schemas() {
        for (how, printed) in [("laid out", to_sql(&schema)), ("from the model", to_sql(&without_text(&schema)))] {
            let read =
                Schema::from_sql(&printed).unwrap_or_else(|e| panic!("{} {how}: {e}\n{printed}", path.display()));
            let left = diff(&schema, &read, &Answers::default(), &Options { strict_order: true }).unwrap();
            assert!(left.changes.is_empty(), "{} {how}: {:#?}\n{printed}", path.display(), left.changes);
            assert_eq!(schema.fingerprint(), read.fingerprint(), "{} {how}", path.display());
        }
    }
}

#[test]
fn snapshots_keep_everything() {
    for (path, mut schema) in schemas() {
        schema.assign_ids();
        let json = schema.to_snapshot();
        let read = Schema::from_snapshot(&json).unwrap_or_else(|e| panic!("{}: {e}\n{json}", path.display()));
        assert_eq!(read, schema, "{}", path.display());
        assert_eq!(read.to_snapshot(), json, "{}: the same schema gives the same bytes", path.display());
    }
}

#[test]
fn snapshots_of_the_future_and_of_others_are_refused() {
    let check = |json: &str, words: &str| {
        let error = Schema::from_snapshot(json).unwrap_err();
        assert_eq!(error.code(), Code::Snapshot);
        assert!(error.to_string().contains(words), "{error}");
    };
    check(r#"{"whimbrel_snapshot": 2, "anything": 1}"#, "format 2");
    check(r#"{"whimbrel_snapshot": 1, "dialect": "oracle", "next_id": 1, "objects": []}"#, "oracle");
    check("CREATE TABLE a(b)", "not a snapshot");
}
