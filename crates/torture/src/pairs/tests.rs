//! The layer itself: it finds what is planted, makes it small, and takes nothing right for wrong.

use whimbrel_oracle::Cell;

use super::model::{
    Body, Collation, Column, Computed, Conflict, Generated, Id, Index, Key, Spelling, Table, Trigger, Value,
};
use super::*;

fn column(id: Id, name: &str, declared: &'static str) -> Column {
    Column {
        id,
        name: name.into(),
        declared,
        not_null: None,
        default: Value::None,
        collation: Collation::Binary,
        generated: None,
        fill: None,
    }
}

/// A table with a counter, a default, an index and a trigger, of which one row with the highest id went; a column is added.
fn pair() -> Pair {
    let mut columns = vec![column(1, "id", "INTEGER"), column(2, "name", "TEXT"), column(3, "n", "")];
    columns[1].default = Value::Text("x");
    let key =
        Key { columns: vec![1], descending: false, at_column: true, autoincrement: true, conflict: Conflict::Unsaid };
    let index = Index {
        id: 5,
        name: "by_name".into(),
        columns: vec![(2, None)],
        lower: None,
        descending: false,
        unique: false,
        partial: None,
    };
    let table = Table {
        id: 10,
        name: "notes".into(),
        columns,
        key: Some(key),
        uniques: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: vec![index],
        strict: false,
        without_rowid: false,
        spelling: Spelling::Quoted,
    };
    let trigger = Trigger {
        id: 11,
        name: "on_delete".into(),
        on: 10,
        event: "DELETE",
        of: Vec::new(),
        writes: 10,
        column: 2,
        body: Body::Update,
    };
    let before = Schema { tables: vec![table], triggers: vec![trigger], ..Schema::default() };
    let mut after = before.clone();
    after.tables[0].columns.insert(2, column(4, "more", "REAL"));
    after.tables[0].columns[2].default = Value::Integer(5);
    let row = |id: i64, name: &str, n: Cell| Act::Insert {
        table: 10,
        rowid: None,
        cells: vec![(1, Cell::Integer(id)), (2, Cell::Text(name.into())), (3, n)],
    };
    let acts = vec![
        row(1, "one", Cell::Text("007".into())),
        row(2, "two", Cell::Integer(9_007_199_254_740_993)),
        row(9, "nine", Cell::Null),
        Act::DeleteHighest { table: 10 },
    ];
    Pair {
        before,
        after,
        acts,
        accept: false,
        strict_order: true,
        foreign_keys: true,
        on_file: false,
        back: true,
        at_once: false,
    }
}

/// What the judge says of a database after a right run and this mishap.
fn after_a_mishap(mishap: &str) -> Result<(), Wrong> {
    let pair = pair();
    let (mut conn, _) = pair.database(None).expect("a database");
    let rows = expect::read(&conn, &pair.before).expect("rows");
    let counters = counters_after(&pair.before, &pair.after, &sequences(&conn).expect("counters"));
    assert_eq!(counters, [("notes".to_owned(), 9)]);
    let script = pair.after.sql();
    let declared = Declared::from_sql(&script).expect("a schema");
    Planner::new(&declared).strict_order(true).push(&mut conn).expect("a run");
    conn.execute_batch(mishap).expect("a mishap");
    let wanted = expected(&pair.before, &rows, &pair.after);
    pair.judge(&conn, &pair.after, &wanted, &counters)
}

#[test]
fn what_is_right_is_right() {
    assert_eq!(pair().check(), Ok(Outcome::Done));
    assert_eq!(after_a_mishap(""), Ok(()));
}

/// SQLite's check of a file takes a right value for a wrong one where a default has another type than its STRICT column and a
/// virtual column stands before it. The order of columns is part of that, and a table that is left as it is keeps its own.
#[test]
fn what_sqlite_takes_for_damage_in_a_table_that_stays_is_none() {
    let mut pair = pair();
    let before = &mut pair.before;
    let mut group = column(2, "first", "TEXT");
    group.generated = Some(Generated { expression: Computed::TypeOf(1), stored: false });
    let mut text = column(3, "second", "BLOB");
    text.default = Value::Text("x");
    let table = &mut before.tables[0];
    table.columns = vec![group, column(1, "id", "INTEGER"), text];
    table.key = Some(Key {
        columns: vec![1],
        descending: false,
        at_column: false,
        autoincrement: false,
        conflict: Conflict::Unsaid,
    });
    table.indexes = Vec::new();
    table.strict = true;
    before.triggers = Vec::new();
    pair.after = pair.before.clone();
    pair.after.tables[0].columns.swap(1, 2);
    pair.acts =
        vec![Act::Insert { table: 10, rowid: None, cells: vec![(1, Cell::Integer(1)), (3, Cell::Blob(vec![0, 255]))] }];
    pair.strict_order = false;
    let (conn, _) = pair.database(None).expect("a database");
    assert!(!damage(&conn).expect("a check").is_empty(), "SQLite has mended it: the oracle need not know of it");
    assert_eq!(pair.check(), Ok(Outcome::Done));
}

/// Each of these is a mistake that was really made somewhere.
#[test]
fn what_is_planted_is_found() {
    let rewrite = |from: &str, to: &str| {
        format!(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}'); \
             PRAGMA writable_schema = RESET"
        )
    };
    let mishaps = [
        (
            "a row dropped",
            "DROP TRIGGER on_delete; DELETE FROM notes WHERE id = 2; \
          CREATE TRIGGER \"on_delete\" AFTER DELETE ON \"notes\" BEGIN UPDATE \"notes\" SET \"name\" = NULL; END"
                .to_owned(),
        ),
        ("a row twice", "INSERT INTO notes(id, name) VALUES (3, 'one'); UPDATE sqlite_sequence SET seq = 9".to_owned()),
        ("a value's type changed", "UPDATE notes SET n = 7 WHERE id = 1".to_owned()),
        ("a value rounded", "UPDATE notes SET n = 9007199254740992 WHERE id = 2".to_owned()),
        ("a number as a real", "UPDATE notes SET n = 9007199254740993.0 WHERE id = 2".to_owned()),
        ("a row's id changed", "UPDATE notes SET id = 3 WHERE id = 2".to_owned()),
        ("a new column without its default", "UPDATE notes SET more = NULL".to_owned()),
        ("a trigger lost", "DROP TRIGGER on_delete".to_owned()),
        ("an index lost", "DROP INDEX by_name".to_owned()),
        ("a sequence lost", "DELETE FROM sqlite_sequence".to_owned()),
        ("a sequence that starts anew", "UPDATE sqlite_sequence SET seq = 2".to_owned()),
        ("a sequence left over", "INSERT INTO sqlite_sequence VALUES ('old', 1)".to_owned()),
        ("a default changed", rewrite("DEFAULT 5", "DEFAULT 6")),
        ("a default lost", rewrite("DEFAULT ''x''", "")),
        ("AUTOINCREMENT lost", rewrite("AUTOINCREMENT", "")),
        (
            "a column in another place",
            "ALTER TABLE notes DROP COLUMN more; ALTER TABLE notes ADD COLUMN more REAL DEFAULT 5".to_owned(),
        ),
        ("a table left over", "CREATE TABLE _whimbrel_new_notes(a)".to_owned()),
        ("a view left over", "CREATE VIEW v AS SELECT 1".to_owned()),
        (
            "a trigger on another event",
            "DROP TRIGGER on_delete; \
          CREATE TRIGGER \"on_delete\" AFTER INSERT ON \"notes\" BEGIN UPDATE \"notes\" SET \"name\" = NULL; END"
                .to_owned(),
        ),
    ];
    for (what, mishap) in mishaps {
        assert!(after_a_mishap(&mishap).is_err(), "{what} was not found");
    }
}

/// What rows do not fit is foreseen, and a loss that nobody accepted.
#[test]
fn refusals_are_foreseen() {
    let refused = |change: &dyn Fn(&mut Pair)| {
        let mut pair = pair();
        change(&mut pair);
        pair.after.prune();
        assert_eq!(pair.check(), Ok(Outcome::Refused), "{:?}", pair.after);
    };
    refused(&|pair| drop(pair.after.tables[0].columns.remove(1)));
    refused(&|pair| drop(pair.after.tables.remove(0)));
    refused(&|pair| pair.after.tables[0].columns[3].declared = "REAL");
    refused(&|pair| {
        pair.after.tables[0].columns[2].not_null = Some(Conflict::Unsaid);
        pair.after.tables[0].columns[2].default = Value::None;
    });
    refused(&|pair| {
        let unique = model::Unique { columns: vec![4], conflict: Conflict::Replace, name: None };
        pair.after.tables[0].uniques.push(unique);
    });
}

/// A pair of a number is the same pair every time.
#[test]
fn a_number_gives_one_pair() {
    for seed in 0..20 {
        assert_eq!(Pair::new(seed), Pair::new(seed));
        assert_eq!(Pair::new(seed).check(), Pair::new(seed).check());
    }
    let cases = (0..40).filter_map(case_of).collect::<Vec<_>>();
    assert!(cases.len() > 10, "{} cases", cases.len());
    for case in cases {
        let mut conn = Connection::open_in_memory().expect("a database");
        conn.execute_batch(&case.before).expect("the first version");
        assert_eq!(Image::read(&conn).expect("an image").difference(&case.old), None, "{}", case.name);
        case.start.run(&mut conn).expect("a run");
        assert_eq!(Image::read(&conn).expect("an image").difference(&case.new), None, "{}", case.name);
    }
}

/// Of a pair that goes wrong, what is not needed for it is taken away.
#[test]
fn what_is_wrong_is_made_small() {
    let mut found = 0;
    for seed in 0..60 {
        let pair = Pair::new(seed);
        // Any property will do in place of a mistake.
        let is_wrong = |pair: &Pair| {
            let mut columns = pair.after.tables.iter().flat_map(|table| &table.columns);
            columns.any(|column| column.name == "id")
        };
        if is_wrong(&pair) {
            let small = shrink::shrink_while(&pair, &is_wrong);
            assert!(is_wrong(&small));
            // The first schema keeps a table, which need not be the one.
            assert!(small.after.tables.len() <= 2, "{}", small.after.sql());
            assert!(small.before.views.is_empty() && small.before.triggers.is_empty() && small.acts.is_empty());
            found += 1;
        }
    }
    assert!(found > 0);
}

/// A selection of pairs is right; the command tries more.
#[test]
fn pairs_are_right() {
    let mut all = Tally::default();
    for place in 0..150 {
        let tally = unit(crate::unit_at(5, place));
        assert!(tally.bad.is_empty(), "{}\n{}", tally.bad[0].what, tally.bad[0].story);
        all.add(tally);
    }
    let counted = |what: &str| -> u64 { all.notes.iter().filter(|(note, _)| note.contains(what)).map(|n| n.1).sum() };
    assert!(counted("done") > 100 && counted("as foreseen") > 5, "{:?}", all.notes);
    assert!(counted("not foreseen") <= 1 && counted("no schema") == 0, "{:?}", all.notes);
}
