//! What stands in a plan's steps and in no snapshot of a scenario: the change and the parts that each step is for, by which
//! a person finds it in the output, what a copy has to pass before the old table is dropped, and that a fill reaches all rows.

use whimbrel::diff::Change;
use whimbrel::plan::{Copy, Statement, Step, Strategy};
use whimbrel::{Cancel, Code, Event, Plan, Planner, Schema};

/// The plan from one schema, with rows, to another.
fn plan(before: &str, after: &str, renames: &[(&str, &str)]) -> Plan {
    let mut conn = rusqlite::Connection::open_in_memory().unwrap();
    conn.execute_batch(before).unwrap();
    let schema = Schema::from_sql(after).unwrap();
    let mut planner = Planner::new(&schema).accept_data_loss(true);
    for (old, new) in renames {
        planner = planner.rename(old, new).unwrap();
    }
    planner.plan(&mut conn).unwrap()
}

/// A line for each step: its change, itself, and the parts of the change that it makes.
fn told(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| {
        let change = &plan.changes[step.change];
        let parts: Vec<String> = match change {
            Change::AlterTable(table) => step.parts.iter().map(|p| table.parts[*p].describe()).collect(),
            _ => Vec::new(),
        };
        format!("{} | {}: {} | {}", change.object(), step.object, step.title, parts.join(", "))
    };
    plan.steps.iter().map(line).collect()
}

/// What only makes way stands with the change that needs it, and each part of a table's change with the step that makes it.
#[test]
fn a_step_tells_the_change_and_the_parts_it_is_for() {
    let made = plan(
        "CREATE TABLE old(id INTEGER PRIMARY KEY, a TEXT);
         CREATE VIEW shown AS SELECT id FROM old;
         CREATE TRIGGER noted AFTER INSERT ON shelf BEGIN SELECT count(*) FROM old; END;"
            .replace("CREATE TRIGGER", "CREATE TABLE shelf(n); CREATE TRIGGER")
            .as_str(),
        "CREATE TABLE first(n);
         CREATE TABLE shelf(n);
         CREATE TABLE new(id INTEGER PRIMARY KEY, b TEXT,
             c INT DEFAULT 1 CHECK (c > 0), d INT REFERENCES first(n));
         CREATE VIEW shown AS SELECT id FROM new;
         CREATE TRIGGER noted AFTER INSERT ON shelf BEGIN SELECT count(*) FROM new; END;",
        &[("old", "new"), ("old.a", "b")],
    );
    assert_eq!(
        told(&made),
        [
            "new | noted: drop, to be made anew | ",
            "new | shown: drop, to be made anew | ",
            "new | new: rename old to new | renamed",
            "new | new: rename column a to b | a → b",
            "first | first: create | ",
            "new | new: add c INT DEFAULT 1 | c INT DEFAULT 1, CHECK (c > 0)",
            "new | new: add d INT | d INT, FOREIGN KEY (d) REFERENCES first(n)",
            "new | shown: create view | ",
            "new | noted: create trigger | ",
        ]
    );
}

/// A table that is dropped makes way for the one that takes its name; that step stands with the drop.
#[test]
fn a_table_that_makes_way_does_so_for_its_drop() {
    let made = plan("CREATE TABLE a(n); CREATE TABLE b(m);", "CREATE TABLE a(m);", &[("b", "a")]);
    assert_eq!(
        told(&made),
        ["a | a: rename a to _whimbrel_gone_a | ", "a | a: rename b to a | renamed", "a | a: drop | ",]
    );
    assert!(matches!(made.changes[made.steps[0].change], Change::DropTable(_)));
    assert!(matches!(made.changes[made.steps[1].change], Change::AlterTable(_)));
}

/// The copies of a plan, and the questions that each has to pass.
fn copies(plan: &Plan) -> Vec<(Copy, Vec<String>)> {
    let checks = |step: &Step| {
        let sql = step.statements.iter().filter_map(|statement| match statement {
            Statement::Check { sql, .. } => Some(sql.clone()),
            _ => None,
        });
        sql.collect::<Vec<_>>()
    };
    let copy = |step: &Step| {
        step.statements.iter().find_map(|statement| match statement {
            Statement::Copy(copy) => Some((copy.clone(), checks(step))),
            _ => None,
        })
    };
    plan.steps.iter().filter_map(copy).collect()
}

/// A copy that lost a row, or gave one another rowid, is noticed before the old table is dropped. Only where each row keeps
/// its rowid may the copy be walked by it: else the next portion would leave rows out.
#[test]
fn a_copy_is_counted_and_its_rowids_are_compared() {
    let same = Some("rowid");
    for (before, after, rowid, order) in [
        ("t(n)", "t(n TEXT)", same, " ORDER BY rowid"),
        ("t(id INTEGER PRIMARY KEY, n)", "t(id INTEGER PRIMARY KEY, n TEXT)", same, " ORDER BY rowid"),
        ("t(rowid TEXT, n)", "t(rowid TEXT, n TEXT)", Some("_rowid_"), " ORDER BY _rowid_"),
        ("t(n)", "t(id INTEGER PRIMARY KEY, n TEXT)", same, " ORDER BY rowid"),
        // Another column's values become the rowids.
        ("t(a INTEGER, n)", "t(a INTEGER PRIMARY KEY, n TEXT)", None, ""),
        (
            "t(k TEXT PRIMARY KEY, n) WITHOUT ROWID",
            "t(k TEXT PRIMARY KEY, n TEXT) WITHOUT ROWID",
            None,
            " ORDER BY \"k\"",
        ),
        ("t(k TEXT PRIMARY KEY, n)", "t(k TEXT PRIMARY KEY, n TEXT) WITHOUT ROWID", None, " ORDER BY \"k\""),
    ] {
        let copies = copies(&plan(&format!("CREATE TABLE {before}"), &format!("CREATE TABLE {after}"), &[]));
        let [(copy, checks)] = copies.as_slice() else { panic!("{after}: {copies:?}") };
        assert_eq!((copy.rowid.as_deref(), copy.into_rowid.as_deref()), (rowid, rowid), "{before} → {after}");
        assert_eq!(copy.order, order, "{before} → {after}");
        assert_eq!(checks.iter().filter(|sql| sql.contains("count(*)")).count(), 1, "{after}: {checks:?}");
        let ends = ["min(", "max("].map(|end| checks.iter().filter(|sql| sql.contains(end)).count());
        assert_eq!(ends, [usize::from(rowid.is_some()); 2], "{before} → {after}: {checks:?}");
    }
}

/// A key that is broken by a change is found by looking at the children of what was touched; and nothing else is looked at,
/// because that takes as long as there are rows.
#[test]
fn only_children_of_what_is_touched_are_checked() {
    let parent = "CREATE TABLE p(id INTEGER PRIMARY KEY, k TEXT UNIQUE, n, m TEXT, g AS (n + 1));";
    let child = "CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(id), n);";
    let other = "CREATE TABLE o(n);";
    let all = [parent, child, other].concat();
    for (after, checked) in [
        // Every row has the values it had.
        (all.replace("n, m TEXT", "n CONSTRAINT has NOT NULL, m TEXT"), vec![]),
        (all.replace("m TEXT", "m TEXT, more"), vec![]),
        (all.replace("o(n)", "o(n TEXT)"), vec![]),
        (all.replace("n);", "n CONSTRAINT has NOT NULL);"), vec![]),
        // Values or keys are others.
        (all.replace("n, m TEXT", "n TEXT, m TEXT"), vec!["c"]),
        (all.replace("m TEXT", "m TEXT COLLATE NOCASE"), vec!["c"]),
        (all.replace("n + 1", "n + 2"), vec!["c"]),
        (all.replace("k TEXT UNIQUE", "k TEXT"), vec!["c"]),
        (all.replace("p REFERENCES p(id), n", "p REFERENCES p(id), n TEXT"), vec!["c"]),
        (all.replace("p REFERENCES p(id), n", "p REFERENCES p(id), n REFERENCES p(id)"), vec!["c"]),
        ([child, other].concat(), vec!["c"]),
    ] {
        let made = plan(&all, &after, &[]);
        let names: Vec<&str> = made.foreign_key_checks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, checked, "{after}");
    }
    let made = plan(&[child, other].concat(), &all, &[]);
    assert_eq!(made.foreign_key_checks, [("c".to_owned(), "c".to_owned())], "its parent is new");
    let renamed = all.replace("TABLE c(", "TABLE d(").replace("n, m TEXT", "n TEXT, m TEXT");
    let made = plan(&all, &renamed, &[("c", "d")]);
    assert_eq!(made.foreign_key_checks, [("c".to_owned(), "d".to_owned())], "counted before by its name then");
}

/// What two parts of a change ask of the same rows is told once.
#[test]
fn rows_that_do_not_fit_are_told_once() {
    for (before, after) in [
        (
            "CREATE TABLE t(n TEXT); INSERT INTO t VALUES ('a'), ('A')",
            "CREATE TABLE t(n TEXT COLLATE NOCASE); CREATE UNIQUE INDEX t_n ON t(n)",
        ),
        (
            "CREATE TABLE t(n TEXT); CREATE UNIQUE INDEX t_n ON t(n); INSERT INTO t VALUES ('a'), ('A')",
            "CREATE TABLE t(n TEXT COLLATE NOCASE); CREATE UNIQUE INDEX t_n ON t(n)",
        ),
        ("CREATE TABLE t(n TEXT); INSERT INTO t VALUES ('a')", "CREATE TABLE t(n INTEGER) STRICT"),
        (
            "CREATE TABLE t(n INT, g AS (n || 'a')); INSERT INTO t(n) VALUES ('a')",
            "CREATE TABLE t(n INT, g INT AS (n || 'a')) STRICT",
        ),
    ] {
        let made = plan(before, after, &[]);
        let told: Vec<String> = made.obstacles.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{after}: {told:#?}");
    }
}

/// A fill walks its rows in portions, and reaches all of them, whatever gaps their ids have; it can be stopped between two
/// portions, with nothing changed.
#[test]
fn a_fill_in_portions_reaches_every_row() {
    let before = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX t_a ON t(a);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000)
        INSERT INTO t SELECT i * 7 - 20000, 'a' || i, iif(i % 5, 'b' || i, NULL) FROM n;
        INSERT INTO t VALUES (9223372036854775807, 'last', NULL), (-9223372036854775808, 'first', NULL)";
    let after = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT,
        b TEXT NOT NULL, -- whimbrel: backfill 'none of ' || a
        c TEXT NOT NULL -- whimbrel: backfill a || id
        ); CREATE INDEX t_a ON t(a)";
    let mut conn = rusqlite::Connection::open_in_memory().unwrap();
    conn.execute_batch(before).unwrap();
    let schema = Schema::from_sql(after).unwrap();
    let made = Planner::new(&schema).plan(&mut conn).unwrap();
    assert!(made.steps.iter().all(|step| step.strategy == Strategy::InPlace), "{:?}", made.steps);

    let cancel = Cancel::default();
    let mut portions = Vec::new();
    let stopped = made.run_with(
        &mut conn,
        &mut |event: &Event<'_>| {
            if let Event::Rows { done, of, .. } = event {
                portions.push((*done, *of));
                if portions.len() == 2 {
                    cancel.cancel();
                }
            }
        },
        &cancel,
    );
    assert_eq!(stopped.unwrap_err().code(), Code::Cancelled);
    assert_eq!(portions, [(20_000, 90_004), (40_000, 90_004)]);
    let columns: i64 = conn.query_row("SELECT count(*) FROM pragma_table_info('t')", [], |row| row.get(0)).unwrap();
    assert_eq!(columns, 3);

    Planner::new(&schema).push(&mut conn).unwrap();
    let wrong = "SELECT count(*) FROM t WHERE c IS NOT a || id OR b IS NOT
        CASE WHEN a IN ('first', 'last') THEN 'none of ' || a
        WHEN (id + 20000) / 7 % 5 THEN 'b' || ((id + 20000) / 7) ELSE 'none of ' || a END";
    let wrong: i64 = conn.query_row(wrong, [], |row| row.get(0)).unwrap();
    assert_eq!(wrong, 0);
}

/// What an app shows while it waits: steps from one to the last, rows up to all, and both once more in the report.
#[test]
fn progress_counts_steps_and_rows() {
    let mut conn = rusqlite::Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE a(n); CREATE TABLE b(n);
         INSERT INTO a VALUES (1), (2), (3);
         WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20005) INSERT INTO b SELECT n FROM c;",
    )
    .unwrap();
    let schema = Schema::from_sql("CREATE TABLE a(n TEXT); CREATE TABLE b(n TEXT); CREATE INDEX b_n ON b(n)").unwrap();
    let made = Planner::new(&schema).plan(&mut conn).unwrap();
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut observer = |event: &Event<'_>| match event {
        Event::Started { steps, rows } => seen.push(format!("{steps} steps, {rows} rows")),
        Event::Step { number, of, object, .. } => seen.push(format!("step {number} of {of}: {object}")),
        Event::Rows { done, of, bytes, of_bytes } => {
            seen.push(format!("{done} of {of}"));
            sizes.push((*bytes, *of_bytes));
        }
        Event::Verifying => seen.push("verifying".to_owned()),
        Event::Committed => seen.push("committed".to_owned()),
        _ => {}
    };
    let report = made.run_with(&mut conn, &mut observer, &Cancel::default()).unwrap();
    assert_eq!(
        seen,
        [
            "3 steps, 20008 rows",
            "step 1 of 3: a",
            "3 of 20008",
            "step 2 of 3: b",
            "20003 of 20008",
            "20008 of 20008",
            "step 3 of 3: b_n",
            "verifying",
            "committed",
        ]
    );
    assert_eq!((report.changes, report.steps, report.rows), (3, 3, 20_008));
    // A table of three rows takes a page; the rest is the other one's, nearly all of it at the first portion.
    let [(few, all), (most, _), (last, _)] = sizes[..] else { panic!("{sizes:?}") };
    assert!(0 < few && few < all / 10 && all * 9 / 10 < most && most < last && all - last < 3, "{sizes:?}");
}
