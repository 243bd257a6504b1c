//! What the lint says of PostgreSQL, held against a real server: which locks statements take, which changes write a table
//! anew, and that the documentation's examples are SQL.

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

/// The body of a function is parsed when it is made, and only then looked at for names.
#[test]
fn examples_of_the_documentation_are_sql() {
    let database = database("lint_examples");
    let session = database.session();
    let text = include_str!("../../../docs/lint-postgres.md");
    let examples = text.split("```sql\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let statements = examples.flat_map(|example| {
        let parts = whimbrel_core::postgres::split::split(example).expect("it can be cut up");
        parts.into_iter().map(|part| part.text(example).to_owned()).collect::<Vec<_>>()
    });
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
