//! Every folder of `testdata/postgres` is a test on a real server: a database with rows, a declared schema, and what must
//! come of it. What the files of a folder mean stands in `testdata/postgres/README.md`.
//!
//! `UPDATE_SNAPSHOTS=1` writes the `plan.txt` of each anew.

#![cfg(feature = "postgres")]

#[path = "support/snapshot.rs"]
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use whimbrel::lint::postgres::lint_plan;
use whimbrel::postgres::{Plan, Planner, Postgres};
use whimbrel_postgres_server::{Database, database};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/postgres"))
}

/// What `scenario.txt` says.
#[derive(Default)]
struct Told {
    renames: Vec<(String, String)>,
    accept_data_loss: bool,
    fast: bool,
    /// Whether there is to be a reason why it cannot run.
    refused: bool,
    /// Whether the run is to fail, and to change nothing.
    fails: bool,
    /// Whether the answers are given only once: names that are exchanged would be exchanged back.
    once: bool,
    /// `table.column`, whose values are written otherwise afterwards.
    converts: BTreeSet<String>,
    queries: Vec<(String, String)>,
    ignore: Vec<String>,
}

fn told(text: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        match (key.trim(), value.trim()) {
            ("about", _) => {}
            ("rename", value) => {
                let (old, new) = value.split_once(" -> ").expect("rename = old -> new");
                told.renames.push((old.to_owned(), new.to_owned()));
            }
            ("accept_data_loss", value) => told.accept_data_loss = value == "true",
            ("refused", value) => told.refused = value == "true",
            ("fast", value) => told.fast = value == "true",
            ("ignore", value) => told.ignore.push(value.to_owned()),
            ("fails", value) => told.fails = value == "true",
            ("once", value) => told.once = value == "true",
            ("converts", value) => {
                told.converts.insert(value.to_owned());
            }
            ("query", value) => told.queries.push((value.to_owned(), String::new())),
            ("gives", value) => value.clone_into(&mut told.queries.last_mut().expect("a query before").1),
            (other, _) => panic!("{other} means nothing in scenario.txt"),
        }
    }
    told
}

async fn plan(database: &Database, sql: &str, told: &Told) -> Result<Plan, String> {
    let mut host = Postgres::connect(&database.url).await.unwrap();
    let mut planner = Planner::new(sql).accept_data_loss(told.accept_data_loss).fast(told.fast);
    for pattern in &told.ignore {
        planner = planner.ignore(pattern);
    }
    for (old, new) in &told.renames {
        planner = planner.rename(old, new).map_err(|e| e.to_string())?;
    }
    let plan = planner.plan(&mut host).await.map_err(|e| e.to_string());
    host.close().await;
    plan
}

async fn run(database: &Database, plan: &Plan) {
    let mut host = Postgres::connect(&database.url).await.unwrap();
    let report =
        plan.run(&mut host).await.unwrap_or_else(|e| panic!("{e}\n{:?}\n{}", e.report().statement, plan.script()));
    assert_eq!(report.changes, plan.changes.len());
    host.close().await;
}

/// What `pg_dump` prints, so that neither the order of statements nor that of columns counts.
fn dumped(database: &Database) -> BTreeSet<String> {
    let statements = database.dump();
    let statement = |text: &str| {
        let mut lines: Vec<&str> = text.trim().lines().map(|line| line.trim().trim_end_matches(',')).collect();
        if text.trim_start().starts_with("CREATE TABLE") || text.trim_start().starts_with("CREATE UNLOGGED TABLE") {
            lines.sort_unstable();
        }
        lines.join("\n")
    };
    // Owners and rights are no part of a declared schema.
    let is_schema = |text: &String| {
        let other = ["SET ", "GRANT ", "REVOKE "].iter().any(|word| text.starts_with(word));
        !text.is_empty() && !other && !text.contains(" OWNER TO ")
    };
    statements.split(";\n").map(statement).filter(is_schema).collect()
}

/// The rows of each table, column by column: by the table's name, the values of a row by the column's.
type Contents = BTreeMap<String, Vec<BTreeMap<String, Option<String>>>>;

fn contents(database: &Database) -> Contents {
    let tables = database.query(
        "SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname) FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
         AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1",
    );
    let mut contents = Contents::new();
    for table in tables {
        let (name, sql) = (table[0].clone().unwrap(), table[1].clone().unwrap());
        let columns = database.query(&format!(
            "SELECT attname, quote_ident(attname) FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 \
             AND NOT attisdropped AND attgenerated = '' ORDER BY attname",
            sql.replace('\'', "''")
        ));
        let list: Vec<String> = columns.iter().map(|c| format!("{}::text", c[1].as_deref().unwrap())).collect();
        let rows = match list.is_empty() {
            true => Vec::new(),
            false => database.query(&format!("SELECT {} FROM {sql}", list.join(", "))),
        };
        let names: Vec<String> = columns.iter().map(|c| c[0].clone().unwrap()).collect();
        contents.insert(name, rows.into_iter().map(|row| names.iter().cloned().zip(row).collect()).collect());
    }
    contents
}

/// Every row that was there is there, with the values of all columns that are kept, and nothing else is.
fn compare(before: Contents, after: &Contents, told: &Told) {
    for (table, rows) in before {
        let short = table.strip_prefix("public.").unwrap_or(&table).to_owned();
        let renamed = told.renames.iter().find(|(old, _)| *old == short || *old == table).map(|(_, new)| new.clone());
        // Another one has its name.
        if renamed.is_none() && told.renames.iter().any(|(old, new)| *new == short && !old.contains('.')) {
            assert!(told.accept_data_loss || rows.is_empty(), "{table} is gone with its rows");
            continue;
        }
        let new_table = renamed.unwrap_or_else(|| short.clone());
        let qualified = if new_table.contains('.') { new_table.clone() } else { format!("public.{new_table}") };
        let Some(found) = after.get(&qualified) else {
            assert!(told.accept_data_loss || rows.is_empty(), "{table} is gone with its rows");
            continue;
        };
        let new_name = |column: &str| {
            let path = format!("{short}.{column}");
            told.renames.iter().find(|(old, _)| *old == path).map_or(column.to_owned(), |(_, new)| new.clone())
        };
        let kept: Vec<(String, String)> = match (rows.first(), found.first()) {
            (Some(old), Some(new)) => {
                let pairs = old.keys().map(|column| (column.clone(), new_name(column)));
                let stays = |(old, name): &(String, String)| {
                    let gone = !new.contains_key(name);
                    assert!(
                        !gone || told.accept_data_loss || rows.iter().all(|row| row[old].is_none()),
                        "{short}.{old} is lost"
                    );
                    !gone && !told.converts.contains(&format!("{short}.{old}"))
                };
                pairs.filter(stays).collect()
            }
            _ => Vec::new(),
        };
        let mut was: Vec<Vec<&Option<String>>> =
            rows.iter().map(|row| kept.iter().map(|(old, _)| &row[old]).collect()).collect();
        let mut is: Vec<Vec<&Option<String>>> =
            found.iter().map(|row| kept.iter().map(|(_, new)| &row[new]).collect()).collect();
        was.sort();
        is.sort();
        // A value may have been filled in where there was none.
        let is_filled = |was: &[&Option<String>], is: &[&Option<String>]| {
            was.iter().zip(is).all(|(was, is)| was == is || was.is_none())
        };
        assert_eq!(was.len(), is.len(), "{table} has another number of rows");
        for row in &was {
            let at = is.iter().position(|other| is_filled(row, other));
            let at = at.unwrap_or_else(|| panic!("{table}: the row {row:?} is gone, there are {is:?}"));
            is.remove(at);
        }
    }
}

/// What a run must not leave.
fn leftovers(database: &Database) -> Vec<Vec<Option<String>>> {
    database.query(
        "SELECT relname::text FROM pg_class WHERE relname LIKE '%whimbrel%' \
         UNION ALL SELECT conname::text FROM pg_constraint WHERE conname LIKE '%whimbrel%' OR NOT convalidated AND connamespace > 16383 \
         UNION ALL SELECT typname::text FROM pg_type WHERE typname LIKE '%whimbrel%' \
         UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid",
    )
}

async fn check(name: &str) {
    let folder = folder().join(name);
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let (before, rows, after, told) =
        (text("before.sql"), text("rows.sql"), text("after.sql"), told(&text("scenario.txt")));
    let live = database(name);
    live.execute(&before);
    live.execute(&rows);
    live.execute("ANALYZE");
    let (rows_before, dump_before) = (contents(&live), dumped(&live));

    let made = plan(&live, &after, &told).await;
    let mut shown = String::new();
    match &made {
        Ok(plan) => {
            for change in &plan.changes {
                shown.push_str(&format!("{} {}\n", change.sign(), change.id()));
                if let whimbrel::postgres::diff::Change::Alter(alteration) = change {
                    for part in &alteration.parts {
                        shown.push_str(&format!("    {} {}\n", part.sign(), part.describe()));
                    }
                }
            }
            for obstacle in &plan.obstacles {
                shown.push_str(&format!("! {obstacle}\n"));
            }
            for warning in &plan.warnings {
                shown.push_str(&format!("? {warning}\n"));
            }
            for step in plan.steps.iter().filter(|step| step.reads) {
                let (lock, table) = step.lock.as_ref().expect("what reads under a lock has one");
                let (title, object, lock) = (&step.title, &step.object, lock.as_str());
                shown.push_str(&format!("= {object}: {title}: reads {} under {lock}\n", table.shown()));
            }
            shown.push_str(&format!("\n{}", plan.script()));
        }
        Err(e) => shown.push_str(&format!("! {e}\n")),
    }
    if let Ok(plan) = &made {
        is_not_said_against(plan, &told);
    }
    if let Err(e) = snapshot::compare(&folder.join("plan.txt"), &shown) {
        panic!("{e}");
    }
    let is_refused = !matches!(&made, Ok(plan) if plan.obstacles.is_empty());
    assert_eq!(is_refused, told.refused, "whether it is refused:\n{shown}");
    match made {
        Ok(plan) if told.fails => {
            let mut host = Postgres::connect(&live.url).await.unwrap();
            let error = plan.run(&mut host).await.expect_err("the run is to fail");
            host.close().await;
            assert_eq!(error.code(), whimbrel::Code::RowsDoNotFit, "{error}");
            assert_eq!(dumped(&live), dump_before, "failed, and changed");
            assert_eq!(contents(&live), rows_before, "failed, and changed");
        }
        Ok(plan) if plan.obstacles.is_empty() => {
            run(&live, &plan).await;
            let fresh = database(&format!("{name}_fresh"));
            fresh.execute(&after);
            fresh.execute(&text("ignored.sql"));
            assert_eq!(dumped(&live), dumped(&fresh), "the schema is not that of a new database");
            compare(rows_before, &contents(&live), &told);
            assert_eq!(leftovers(&live), leftovers(&fresh));
            let renames = if told.once { Vec::new() } else { told.renames.clone() };
            let repeated = Told { renames, ignore: told.ignore.clone(), ..Told::default() };
            let again = plan_again(&live, &after, &repeated).await;
            assert!(again.is_empty(), "a second plan is not empty:\n{}", again.script());
        }
        _ => {
            assert_eq!(dumped(&live), dump_before, "refused, and changed");
            assert_eq!(contents(&live), rows_before, "refused, and changed");
        }
    }
    for (query, gives) in &told.queries {
        let rows = live.query(query);
        let row = |row: &Vec<Option<String>>| {
            row.iter().map(|v| v.clone().unwrap_or_else(|| "NULL".to_owned())).collect::<Vec<_>>().join("|")
        };
        assert_eq!(rows.iter().map(row).collect::<Vec<_>>().join(" ; "), *gives, "{query}");
    }
}

/// A plan does not do what the lint keeps others from, and takes no lock that a step leaves unsaid.
fn is_not_said_against(plan: &Plan, told: &Told) {
    for finding in lint_plan(plan) {
        let step = &plan.steps[finding.step];
        let said = format!("{}: {}: {:?}", step.object, step.title, finding.advice);
        let is_seldom = ["P03", "P04", "P11", "P18", "P20", "P22", "P23", "P27", "P29", "P52"];
        // An index is built again together with the change of its function, and the step says what that costs.
        let is_told = finding.advice.code == "P03" && step.reads;
        assert!(told.fast || is_told || !is_seldom.contains(&finding.advice.code), "{said}");
        let lock = step.lock.as_ref().map(|(lock, _)| *lock);
        assert!(finding.advice.lock <= lock, "{said}, and the step says {lock:?}");
    }
}

async fn plan_again(database: &Database, sql: &str, told: &Told) -> Plan {
    plan(database, sql, told).await.unwrap()
}

macro_rules! scenarios {
    ($($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(check(stringify!($name)));
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    a_function_reads_a_table_beside,
    attribute_gone_beside_a_new_one,
    attribute_of_a_type_gone,
    attribute_renamed,
    bounds_beside_the_old_start,
    check_and_key_added,
    column_added_to_rows_held_elsewhere,
    column_gone_of_a_row_stored_nowhere,
    column_gone_of_a_stored_row,
    columns_added_with_constraints_on_them,
    columns_added_with_constraints_that_refuse_rows,
    columns_renamed_under_a_view,
    columns_swapped,
    computed_column_with_all_that_stands_on_it,
    constraints_on_renamed_columns,
    counter_beyond_its_bounds,
    domain_and_function_of_its_check,
    dump_as_declaration,
    enum_and_all_that_is_made_of_it,
    enum_label_removed,
    enum_label_removed_that_rows_hold,
    enum_of_a_changed_index_in_another_order,
    enum_of_a_generated_column_in_another_order,
    enum_value_added_and_used,
    fill_that_sets_off_a_trigger,
    function_that_gives_something_else,
    function_that_refuses_rows,
    function_with_another_result,
    functions_that_rely_on_the_path,
    generated_column_over_a_changed_one,
    hints_in_a_chain,
    identity_becomes_serial,
    index_changed,
    index_of_a_partitioned_table,
    index_of_a_partitioned_table_half_built,
    index_over_a_key_of_a_partition,
    inheritance,
    json_with_members_of_one_name,
    key_becomes_another,
    key_of_a_partitioned_table_half_made,
    key_of_which_both_sides_become_others,
    key_that_matches_full,
    labels_become_others_in_arrays,
    long_way_of_an_app,
    loss_refused,
    materialized_view_of_a_dump,
    materialized_view_with_index,
    new_types_that_fit_rows,
    new_types_that_refuse_rows,
    not_null_with_backfill,
    not_null_without_value,
    numbers_beyond_a_new_counter,
    out_of_sight_and_in_the_way,
    out_of_sight_in_a_schema,
    partition_attached_with_an_index_of_its_own,
    partitioned_table_gone,
    partitions,
    partitions_with_another_parent,
    policies_and_triggers,
    proof_left_by_a_stopped_run,
    ranges_and_their_multiranges,
    rename_into_a_new_schema,
    rename_onto_what_goes,
    rename_onto_what_holds_rows,
    rename_to_what_is_there,
    renames_in_a_chain,
    renames_in_a_circle,
    rights_of_what_is_made_anew,
    rows_alike,
    rows_alike_under_another_type,
    rows_that_cannot_be_converted,
    rows_that_exclude_each_other,
    schemas_and_odd_names,
    serial_becomes_identity,
    table_and_its_sequence_renamed,
    type_changed_and_column_added_in_rows_held_elsewhere,
    type_changed_in_rows_held_elsewhere,
    type_changed_under_views,
}

#[test]
fn every_folder_is_a_test() {
    let there: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.ok().filter(|e| e.path().is_dir())?.file_name().into_string().ok())
        .collect();
    assert_eq!(there, NAMES.iter().map(|name| (*name).to_owned()).collect());
}

/// A plan found an empty table, an empty column and values that fit; then somebody wrote.
#[test]
fn rows_that_came_behind_the_plan_are_not_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = database("came_behind");
        database.execute("CREATE TABLE t(id integer); CREATE TABLE k(id integer, c text, f float8)");
        let told = Told::default();
        for (write, after) in [
            ("INSERT INTO t VALUES (1)", "CREATE TABLE k(id integer, c text, f float8)"),
            (
                "INSERT INTO k VALUES (1, 'precious', 1)",
                "CREATE TABLE t(id integer); CREATE TABLE k(id integer, f float8)",
            ),
            (
                "INSERT INTO k VALUES (2, NULL, 1.23456789012)",
                "CREATE TABLE t(id integer); CREATE TABLE k(id integer, c text, f real)",
            ),
        ] {
            database.execute("DELETE FROM t; DELETE FROM k; INSERT INTO k VALUES (0, NULL, 0.5)");
            let plan = plan(&database, after, &told).await.unwrap();
            assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
            database.execute(write);
            let (rows, schema) = (contents(&database), dumped(&database));
            let mut host = Postgres::connect(&database.url).await.unwrap();
            let error = plan.run(&mut host).await.unwrap_err();
            host.close().await;
            assert_eq!(error.code(), whimbrel::Code::RowsDoNotFit, "{error}");
            assert_eq!((contents(&database), dumped(&database)), (rows, schema), "{after}");
        }
    });
}

/// Policies hide rows from their owner too: what is not seen is not taken for nothing.
#[test]
fn rows_that_a_policy_hides_are_not_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = database("hidden");
        let role = database.role("CREATEDB");
        database.execute(&format!(
            "CREATE TABLE u(id integer); INSERT INTO u VALUES (1), (2); ALTER TABLE u OWNER TO {role}; \
             ALTER TABLE u ENABLE ROW LEVEL SECURITY; ALTER TABLE u FORCE ROW LEVEL SECURITY; \
             CREATE TABLE t(id integer); ALTER TABLE t OWNER TO {role}; ALTER SCHEMA public OWNER TO {role}"
        ));
        let mut host = Postgres::connect(&database.url_as(&role)).await.unwrap();
        let planned = Planner::new("CREATE TABLE t(id integer)").plan(&mut host).await;
        host.close().await;
        assert_eq!(planned.unwrap_err().code(), whimbrel::Code::NotPermitted);
        assert_eq!(database.value("SELECT count(*) FROM u"), "2");
    });
}
