//! What the lint says of PostgreSQL, held against a real server: which locks statements take, which changes write a table
//! anew, and that the documentation's examples are SQL.

use whimbrel::lint::Level;
use whimbrel::lint::postgres::{Advice, Settings, lint_script};
use whimbrel_core::postgres::steps::Lock;
use whimbrel_postgres_server::database;

const TABLES: &str = "
    CREATE TABLE r (id int PRIMARY KEY);
    CREATE TABLE t (id int PRIMARY KEY, b int, c text, e int);
    INSERT INTO r SELECT generate_series(1, 10);
    INSERT INTO t SELECT g, g, g::text, g FROM generate_series(1, 10) AS g;
    CREATE INDEX ti ON t (b);
    CREATE UNIQUE INDEX tu ON t (b);
    ALTER TABLE t ADD CONSTRAINT nv CHECK (b > 0) NOT VALID;
    ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (e) REFERENCES r NOT VALID;
    CREATE TABLE p (id int) PARTITION BY LIST (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
    CREATE TABLE p2 (id int);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
    CREATE TRIGGER tg BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
    CREATE POLICY po ON t USING (true);
    CREATE MATERIALIZED VIEW mv AS SELECT id FROM t;
    CREATE UNIQUE INDEX ON mv (id);
    CREATE DOMAIN d AS int;
    CREATE TABLE td (x d);";

fn advice(script: &str) -> Vec<Advice> {
    lint_script("script", script, true, &Settings::default()).expect("the script can be read")
}

/// Whoever waits for a lock is told so by P22, with the strongest lock of the statement on a table that was there.
#[test]
fn locks_are_those_that_are_taken() {
    let database = database("lint_locks");
    database.execute(TABLES);
    let statements = [
        "CREATE INDEX x ON t (c)",
        "DROP INDEX ti",
        "REINDEX TABLE t",
        "ALTER TABLE t ADD n int",
        "ALTER TABLE t ADD n int REFERENCES r",
        "ALTER TABLE t DROP COLUMN c",
        "ALTER TABLE t ALTER b SET NOT NULL",
        "ALTER TABLE t ALTER b DROP NOT NULL",
        "ALTER TABLE t ALTER b SET DEFAULT 1",
        "ALTER TABLE t ALTER b SET STATISTICS 10",
        "ALTER TABLE t ALTER c TYPE varchar",
        "ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES r",
        "ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES r NOT VALID",
        "ALTER TABLE t ADD CHECK (b > 0)",
        "ALTER TABLE t ADD CHECK (b > 0) NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT nv",
        "ALTER TABLE t VALIDATE CONSTRAINT fk",
        "ALTER TABLE t ADD UNIQUE (b)",
        "ALTER TABLE t ADD UNIQUE USING INDEX tu",
        "ALTER TABLE t ADD EXCLUDE (b WITH =)",
        "ALTER TABLE t DROP CONSTRAINT fk",
        "ALTER TABLE t RENAME TO t9",
        "ALTER TABLE t RENAME b TO b9",
        "ALTER TABLE t RENAME CONSTRAINT nv TO nv9",
        "ALTER TABLE t SET UNLOGGED",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE t DISABLE TRIGGER tg",
        "ALTER TABLE t ENABLE TRIGGER tg",
        "ALTER TABLE t SET (fillfactor = 70)",
        "ALTER TABLE t OWNER TO CURRENT_USER",
        "ALTER TABLE t REPLICA IDENTITY FULL",
        "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2)",
        "ALTER TABLE p DETACH PARTITION p1",
        "CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3)",
        "CREATE TABLE n (x int REFERENCES r)",
        "CREATE TRIGGER tg2 BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "DROP TRIGGER tg ON t",
        "CREATE POLICY po2 ON t USING (true)",
        "ALTER POLICY po ON t USING (false)",
        "DROP POLICY po ON t",
        "TRUNCATE t",
        "REFRESH MATERIALIZED VIEW mv",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
        "CLUSTER t USING ti",
        "LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE",
        "COMMENT ON TABLE t IS 'x'",
        "UPDATE t SET b = 1 WHERE id = 1",
        "GRANT SELECT ON t TO PUBLIC",
    ];
    // What the statement makes has a larger identity than what was there before, and is nobody's yet.
    let session = database.session();
    let newest: u32 = database.value("SELECT max(oid::int) FROM pg_class").parse().expect("it is a number");
    for statement in statements {
        let rows = session.query(&format!(
            "BEGIN; {statement};
             SELECT coalesce(max(array_position(ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                                                      'AccessExclusiveLock'], l.mode)), 0)
               FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
              WHERE l.pid = pg_backend_pid() AND c.relkind IN ('r', 'p', 'm') AND c.oid <= {newest}
                AND c.relnamespace = 'public'::regnamespace;
             ROLLBACK"
        ));
        let taken = match rows[0][0].as_deref() {
            Some("0") => None,
            Some("1") => Some(Lock::Share),
            Some("2") => Some(Lock::ShareRowExclusive),
            Some("3") => Some(Lock::Exclusive),
            _ => Some(Lock::AccessExclusive),
        };
        let told = advice(statement).into_iter().find(|advice| advice.code == "P22");
        assert_eq!(told.and_then(|advice| advice.lock), taken, "{statement}");
    }
}

/// A table that was written anew has another file.
#[test]
fn what_is_written_anew_is_told() {
    let database = database("lint_rewrites");
    let file = || database.value("SELECT pg_relation_filenode('a')");
    let types = [
        ("varchar(10)", "varchar(20)"),
        ("varchar(10)", "varchar"),
        ("varchar(10)", "text"),
        ("varchar(10)", "text USING b::text"),
        ("varchar(10)", "text USING lower(b)"),
        ("varchar(20)", "varchar(10)"),
        ("varchar", "varchar(10)"),
        ("text", "varchar"),
        ("text", "varchar(10)"),
        ("char(3)", "text"),
        ("char(3)", "char(5)"),
        ("numeric(10, 2)", "numeric(12, 2)"),
        ("numeric(10, 2)", "numeric(12, 3)"),
        ("numeric(10, 2)", "numeric(12)"),
        ("numeric(10, 2)", "numeric"),
        ("numeric", "numeric(10, 2)"),
        ("timestamp(3)", "timestamp(4)"),
        ("timestamp(4)", "timestamp(3)"),
        ("timestamp", "timestamp(6)"),
        ("timestamp", "timestamptz"),
        ("timestamptz(3)", "timestamptz"),
        ("time(3)", "time(4)"),
        ("interval(3)", "interval"),
        ("varbit(3)", "varbit(5)"),
        ("bit(3)", "bit(5)"),
        ("cidr", "inet"),
        ("integer", "int4"),
        ("integer", "bigint"),
        ("text[]", "varchar[]"),
        ("varchar(5)[]", "varchar(10)[]"),
        ("json", "jsonb"),
    ];
    for (before, after) in types {
        database.execute(&format!("DROP TABLE IF EXISTS a; CREATE TABLE a (b {before})"));
        let change = format!("ALTER TABLE a ALTER b TYPE {after}");
        let first = file();
        database.execute(&format!("SET timezone = 'Europe/Paris'; {change}"));
        let told = advice(&format!("ALTER TABLE a ADD b {before}; {change}"));
        let is_told = told.iter().any(|advice| advice.code == "P08");
        assert_eq!(is_told, file() != first, "{before} to {after}");
    }
    let columns = [
        "int",
        "int DEFAULT 5",
        "timestamptz DEFAULT now()",
        "timestamptz DEFAULT clock_timestamp()",
        "uuid DEFAULT gen_random_uuid()",
        "text DEFAULT 'random()'::varchar(10)",
        "jsonb DEFAULT jsonb_build_object('a', lower('B'))",
        "double precision DEFAULT (1 + random())",
        "serial",
        "bigint GENERATED BY DEFAULT AS IDENTITY",
        "text GENERATED ALWAYS AS (lower(b)) STORED",
    ];
    for column in columns {
        database.execute("DROP TABLE IF EXISTS a; CREATE TABLE a (b text)");
        let change = format!("ALTER TABLE a ADD c {column}");
        let first = file();
        database.execute(&change);
        let is_told = advice(&change).iter().any(|advice| advice.code == "P05");
        assert_eq!(is_told, file() != first, "{column}");
    }
}

/// What the examples of the documentation work on.
const NOTES: &str = "
    DROP SCHEMA IF EXISTS public CASCADE;
    CREATE SCHEMA public;
    CREATE TABLE users (id bigint PRIMARY KEY, mail text);
    INSERT INTO users SELECT g, 'm' || g FROM generate_series(1, 10) AS g;
    CREATE TABLE notes (id bigint NOT NULL, owner bigint, author text, size int, body text, slug text, deleted boolean);
    INSERT INTO notes SELECT g, g, 'a', g, 'b', g::text, false FROM generate_series(1, 10) AS g;
    CREATE TABLE events (at timestamptz) PARTITION BY RANGE (at);
    CREATE TABLE events_2026 (at timestamptz);
    CREATE DOMAIN colour AS text;
    CREATE TABLE walls (paint colour);
    CREATE TYPE state AS ENUM ('open', 'done');
    CREATE TYPE priority AS ENUM ('low', 'high');
    CREATE TYPE address AS (street text, city text);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';";

/// What an example works on besides.
fn besides(code: &str) -> &'static str {
    match code {
        "P02" => "CREATE INDEX notes_owner ON notes (owner)",
        "P03" => "CREATE INDEX ON notes (owner)",
        "P15" | "P31" | "P51" => "ALTER TABLE notes ADD COLUMN colour text",
        "P16" => "CREATE VIEW recent_notes AS SELECT id, body FROM notes",
        "P17" => {
            "CREATE VIEW recent_notes AS SELECT id, body FROM notes;
             CREATE VIEW recent_notes_by_owner AS SELECT * FROM recent_notes"
        }
        "P19" => "ALTER TABLE notes ADD COLUMN words int",
        "P25" => {
            "CREATE MATERIALIZED VIEW notes_per_day AS SELECT id FROM notes;
             CREATE UNIQUE INDEX ON notes_per_day (id)"
        }
        "P27" => "ALTER TABLE notes ADD COLUMN state state",
        "P47" => "ALTER TABLE notes ADD PRIMARY KEY (id)",
        "P52" => "CREATE TABLE labels (name text)",
        _ => "SELECT 1",
    }
}

/// The examples of each section of the documentation.
fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
    let text = include_str!("../../../docs/lint-postgres.md");
    let heading = |section: &'static str| Some(section.lines().next()?.split_once(" — ")?.0);
    let examples = |section: &'static str| {
        section.split("```sql\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect::<Vec<_>>()
    };
    text.split("\n## ").skip(1).filter_map(|section| Some((heading(section)?, examples(section)))).collect()
}

fn statements(example: &str) -> Vec<&str> {
    let parts = whimbrel_core::postgres::split::split(example).expect("it can be cut up");
    parts.iter().map(|part| part.text(example)).collect()
}

/// The first example of each section takes the lock that is told of it, where a lock is.
#[test]
fn each_example_takes_its_lock() {
    let database = database("lint_example_locks");
    let mut tried = Vec::new();
    for (code, examples) in sections() {
        let found = advice(examples[0]).into_iter().filter(|advice| advice.code == code && advice.lock.is_some());
        for advice in found {
            if code == "P23" {
                // It cannot be asked: VACUUM FULL runs in no transaction. CLUSTER, which does, is among the statements above.
                continue;
            }
            // A table goes after the views that read it.
            let besides = if code == "P16" { "SELECT 1" } else { besides(code) };
            database.execute(&format!("{NOTES} {besides}"));
            let newest = database.value("SELECT max(oid::int) FROM pg_class");
            let session = database.session();
            session.execute("BEGIN");
            for statement in &statements(examples[0])[..=advice.statement] {
                session.execute(statement);
            }
            // From another session, which still sees what was dropped here.
            let process = &session.query("SELECT pg_backend_pid()")[0][0];
            let rows = database.query(&format!(
                "SELECT l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                  WHERE l.pid = {} AND c.oid <= {newest} AND c.relnamespace = 'public'::regnamespace
                  ORDER BY array_position(ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                                                'AccessExclusiveLock'], l.mode) DESC NULLS LAST",
                process.as_deref().unwrap_or_default()
            ));
            let taken = rows.first().and_then(|row| row[0].as_deref());
            let taken = taken.unwrap_or_default().trim_end_matches("Lock").to_owned();
            let told = advice.lock.map(Lock::as_str).unwrap_or_default();
            assert_eq!(taken.to_uppercase(), told.replace(' ', ""), "{code}: {}", advice.message);
            tried.push(code);
        }
    }
    assert!(tried.len() >= 22, "only {tried:?} say which lock they take");
}

/// What is told to be safer runs on a server, statement by statement.
#[test]
fn what_is_safer_runs() {
    let database = database("lint_safer");
    for (code, examples) in sections() {
        for example in &examples[1..] {
            database.execute(&format!("{NOTES} {}", besides(code)));
            let session = database.session();
            // A role would outlive the test.
            let needs_role = example.contains("TO readers");
            if needs_role {
                session.execute("BEGIN; CREATE ROLE readers");
            }
            for statement in statements(example) {
                // It is for transactions only.
                let is_lock = statement.starts_with("LOCK");
                let whole = if is_lock { format!("BEGIN; {statement}; COMMIT") } else { statement.to_owned() };
                let done = session.try_execute(&whole);
                assert_eq!(done, Ok(()), "{code}: {statement}");
            }
            if needs_role {
                session.execute("ROLLBACK");
            }
        }
    }
}

/// Statements that are told to be refused are.
#[test]
fn what_is_an_error_is_refused() {
    let database = database("lint_errors");
    let refused = |sql: &str| {
        database.execute(NOTES);
        let session = database.session();
        session.execute("BEGIN");
        sql.split(";\n").any(|statement| session.try_execute(statement).is_err())
    };
    for script in [
        "CREATE INDEX CONCURRENTLY i ON notes (owner)",
        "REINDEX SCHEMA public",
        "VACUUM notes",
        "ALTER SYSTEM SET work_mem = '4MB'",
        "CREATE DATABASE d",
        "DROP INDEX CONCURRENTLY i",
        "ALTER TYPE state ADD VALUE 'new' AFTER 'done';\nSELECT 'new'::state",
        "ALTER TYPE state ADD VALUE 'new' AFTER 'done';\nSELECT 1",
        "CREATE INDEX i ON notes (owner)",
        "REINDEX TABLE notes",
    ] {
        let is_error = advice(script).iter().any(|advice| advice.level == Level::Error);
        assert_eq!(is_error, refused(script), "{script}");
    }
}

/// The body of a function is parsed when it is made, and only then looked at for names.
#[test]
fn examples_of_the_documentation_are_sql() {
    let database = database("lint_examples");
    let session = database.session();
    let statements = sections().into_iter().flat_map(|(_, examples)| examples).flat_map(statements);
    let mut count = 0;
    for statement in statements.filter(|statement| !statement.starts_with('\\')) {
        let function = format!("CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE sql AS $whole${statement}$whole$");
        if let Err(why) = session.try_execute(&function) {
            // There are no such tables, and no transactions in functions.
            assert!(!why.contains("42601"), "{statement}: {why}");
        }
        count += 1;
    }
    assert!(count > 100, "{count} statements were found");
}
