//! `plan`, `push`, `diff` and `doctor` on a PostgreSQL server.

use whimbrel_postgres_server::{Database, database};

use crate::support::Case;

/// A folder whose `whimbrel.toml` names a database on a server.
fn case(database: &Database, schema: &str) -> Case {
    Case::new().file("whimbrel.toml", format!("db = '{}'\n", database.url)).file("schema.sql", schema)
}

/// What is printed, of both kinds together.
fn said(case: &Case, line: &str, status: i32) -> String {
    let outcome = case.run(line).code(status);
    let output = outcome.get_output();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_command_that_is_proposed_has_every_option_of_the_plan() {
    let (live, empty) = (database("proposed"), database("proposed_scratch"));
    live.execute("CREATE TABLE t(id integer, mail text)");
    let case = case(&live, "CREATE TABLE t(id integer, email text, n integer);");
    let options = "--schema schema.sql --rename t.mail=email --ignore legacy_* --strict-order=false --fast \
        --lock-timeout 2s --statement-timeout 1min --accept-data-loss";
    let said = said(&case, &format!("plan {options} --scratch {}", empty.url), 0);
    let command = said.lines().find_map(|line| line.strip_prefix("Run it: ")).expect("a command");
    for option in [
        "--rename t.mail=email",
        "--ignore 'legacy_*'",
        "--strict-order=false",
        "--fast",
        "--lock-timeout 2000ms",
        "--statement-timeout 60000ms",
        "--accept-data-loss",
        "--scratch 'postgres://",
    ] {
        assert!(command.contains(option), "{option} is missing in {command}");
    }
}

#[test]
fn what_does_nothing_on_a_server_is_refused() {
    let database = database("refused");
    let case = case(&database, "CREATE TABLE t(id integer);");
    for option in ["--backup", "--keep 2"] {
        let said = said(&case, &format!("push --yes --schema schema.sql {option}"), 2);
        assert!(said.contains("pg_dump"), "{said}");
    }
    assert_eq!(database.value("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
    said(&case, "push --yes --schema schema.sql --backup=false", 0);
}

#[test]
fn keys_are_shown_where_that_is_asked_for() {
    let database = database("keys");
    database.execute(
        "CREATE TABLE o(id integer PRIMARY KEY); \
         CREATE TABLE t(id integer PRIMARY KEY, o integer, n integer, word text); \
         INSERT INTO t SELECT i, CASE WHEN i > 18 THEN 7 END, nullif(i, 3), 'private' FROM generate_series(1, 20) i",
    );
    let case = case(
        &database,
        "CREATE TABLE o(id integer PRIMARY KEY); \
         CREATE TABLE t(id integer PRIMARY KEY, o integer REFERENCES o, n integer NOT NULL, word text CHECK (id < 5));",
    );
    let shown = said(&case, "push --yes --schema schema.sql --show-rows", 4);
    for line in
        ["keys of the rows of t: 3\n", "keys of the rows of t: 19; 20\n", "5; 6; 7; 8; 9; 10; 11; 12; 13; 14; …\n"]
    {
        assert!(shown.contains(line), "{line} is missing in {shown}");
    }
    let without = said(&case, "push --yes --schema schema.sql", 4);
    assert!(!without.contains("keys of") && !shown.contains("private"), "{without}");
}

#[test]
fn two_schemas_are_compared_where_one_is_on_a_server() {
    let (one, other) = (database("one"), database("other"));
    one.execute("CREATE TABLE t(id integer, mail text); INSERT INTO t VALUES (1, 'a')");
    other.execute("CREATE TABLE t(id integer, mail text, n integer)");
    let case = case(&one, "CREATE TABLE t(id bigint, mail text);");
    let said = |line: String, status| said(&case, &line, status);
    assert!(said(format!("diff {} {}", one.url, other.url), 0).contains("ADD COLUMN n integer"));
    assert!(said(format!("diff {} {}", other.url, one.url), 0).contains("DROP COLUMN n"));
    assert!(said(format!("diff {} schema.sql", one.url), 0).contains("TYPE bigint"));
    assert!(said(format!("diff schema.sql {}", one.url), 0).contains("TYPE integer"));
    assert_eq!(said(format!("diff {} {}", one.url, one.url), 0), "No changes.\n");
    assert_eq!(one.value("SELECT count(*) FROM t"), "1");
}

#[test]
fn another_order_of_columns_is_told_without_advice_that_does_nothing() {
    let database = database("order");
    database.execute("CREATE TABLE t(a integer, b integer)");
    let case = case(&database, "CREATE TABLE t(b integer, a integer, c integer);");
    let said = said(&case, "plan --schema schema.sql", 0);
    assert!(said.contains("which PostgreSQL cannot change") && !said.contains("rebuilds it"), "{said}");
}

#[test]
fn what_cannot_be_planned_is_not_no_changes() {
    let database = database("unplanned");
    let operator = "CREATE FUNCTION same(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2'; \
        CREATE OPERATOR === (FUNCTION = same, LEFTARG = integer, RIGHTARG = integer); ";
    let view = "CREATE VIEW v AS SELECT id === 1 AS one FROM t;";
    database.execute(&format!("{operator} CREATE TABLE t(id integer, mail text); {view}"));
    let case = case(&database, &format!("{operator} CREATE TABLE t(id integer, email text); {view}"));
    let said = said(&case, "push --yes --schema schema.sql --rename t.mail=email", 4);
    assert!(said.contains("W0210") && !said.contains("No changes"), "{said}");
}

#[test]
fn a_server_is_looked_over() {
    let database = database("doctor");
    database.execute("CREATE TABLE t(id serial PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1), (2, 1)");
    database.session().try_execute("CREATE UNIQUE INDEX CONCURRENTLY twice ON t (n)").expect_err("two are equal");
    let case = case(&database, "");
    let found = said(&case, "doctor", 1);
    assert!(found.contains("error[D12]: t: its index twice is not valid"), "{found}");
    assert!(found.contains("  = SELECT setval('public.t_id_seq', (SELECT max(id) FROM public.t))"), "{found}");
    assert!(found.contains("2 errors, "), "{found}");
    let json: serde_json::Value = serde_json::from_str(&said(&case, "doctor --json", 1)).expect("it is JSON");
    assert_eq!((&json["findings"][1]["code"], &json["findings"][1]["object"]), (&"D15".into(), &"t".into()));
    database.execute("DROP INDEX twice; SELECT setval('t_id_seq', 2)");
    said(&case, "doctor", 0);
}
