//! Statements, and what is read from them.

use super::*;

fn kind(sql: &str) -> Kind {
    Statement::read(sql).kind
}

fn name(text: &str) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name { schema: Some(schema.into()), name: name.into() },
        None => Name { schema: None, name: text.into() },
    }
}

fn changes(sql: &str) -> Vec<Change> {
    let Kind::AlterTable(alter) = kind(sql) else { panic!("{sql}: {:?}", kind(sql)) };
    alter.actions.into_iter().map(|action| action.change).collect()
}

fn data_type(text: &str) -> String {
    let sql = format!("ALTER TABLE a ALTER b TYPE {text}");
    match changes(&sql).remove(0) {
        Change::AlterColumn { change: ColumnChange::Type { to, .. }, .. } => to.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn types_have_one_name() {
    for (text, expected) in [
        ("INT", "integer"),
        ("pg_catalog.int8", "bigint"),
        ("character varying(10) COLLATE \"C\"", "varchar(10)"),
        ("varchar", "varchar"),
        ("numeric(10, -2)", "numeric(10, -2)"),
        ("timestamp(3) with time zone USING now()", "timestamptz(3)"),
        ("timestamp without time zone", "timestamp"),
        ("double precision", "double precision"),
        ("text[][]", "text[][]"),
        ("integer ARRAY[3]", "integer[][]"),
        ("interval day to second", "interval"),
        ("app.\"Int\"", "Int"),
        ("app.int4", "int4"),
        ("bit varying(3)", "varbit(3)"),
    ] {
        assert_eq!(data_type(text), expected);
    }
}

#[test]
fn columns_and_constraints_of_a_table() {
    let sql = "CREATE TABLE IF NOT EXISTS app.notes (\n  id bigint GENERATED ALWAYS AS IDENTITY (START 5) PRIMARY KEY,\n\
               body text DEFAULT 'a, b' || ('c')::text NOT NULL CHECK (length(body) > 0),\n\
               \"Owner\" integer CONSTRAINT fk REFERENCES users (id) ON DELETE SET NULL (\"Owner\") ON UPDATE NO ACTION,\n\
               size int GENERATED ALWAYS AS (length(body)) STORED, none text DEFAULT NULL,\n\
               CONSTRAINT u UNIQUE NULLS NOT DISTINCT (body, \"Owner\"), EXCLUDE USING gist (id WITH =),\n\
               FOREIGN KEY (id, size) REFERENCES other ON DELETE CASCADE, LIKE third INCLUDING ALL)\n\
               PARTITION BY RANGE (id)";
    let Kind::CreateTable(table) = kind(sql) else { panic!() };
    assert_eq!(table.name, name("app.notes"));
    assert!(table.if_not_exists && !table.temporary && !table.as_query);
    let [id, body, owner, size, none] = &table.columns[..] else { panic!("{:#?}", table.columns) };
    assert!(id.identity && id.primary_key && !id.not_null);
    assert!(body.not_null && body.check);
    assert_eq!(&sql[body.default.clone().unwrap()], "'a, b' || ('c')::text");
    assert_eq!(&sql[none.default.clone().unwrap()], "NULL");
    let reference = owner.references.as_ref().unwrap();
    assert_eq!((owner.name.as_str(), &reference.table), ("Owner", &name("users")));
    assert_eq!(reference.action.as_deref(), Some("set null"));
    assert!(size.stored);
    assert_eq!(table.constraints.len(), 3);
    assert_eq!(table.constraints[0].name.as_deref(), Some("u"));
    let ConstraintKind::ForeignKey { columns, references } = &table.constraints[2].kind else { panic!() };
    assert_eq!((columns.len(), references.action.as_deref()), (2, Some("cascade")));
}

#[test]
fn other_ways_to_make_a_table() {
    let Kind::CreateTable(table) = kind("CREATE TEMP TABLE a (b, c) AS SELECT 1, 2") else { panic!() };
    assert!(table.temporary && table.as_query && table.columns.is_empty());
    let Kind::CreateTable(table) = kind("CREATE TABLE p PARTITION OF a (CHECK (b > 1)) FOR VALUES IN (1)") else {
        panic!()
    };
    assert_eq!((table.partition_of, table.constraints.len()), (Some(name("a")), 1));
}

#[test]
fn actions_are_cut_at_commas() {
    let sql = "ALTER TABLE IF EXISTS ONLY app.a * ADD b numeric(1, 2) DEFAULT greatest(1, 2), DROP COLUMN IF EXISTS c CASCADE, \
               ALTER d SET NOT NULL, ADD CONSTRAINT e FOREIGN KEY (f, g) REFERENCES h (i, j) NOT VALID, \
               VALIDATE CONSTRAINT k, ALTER COLUMN l SET DATA TYPE text USING l::text, \
               ADD PRIMARY KEY USING INDEX m, ALTER CONSTRAINT n DEFERRABLE";
    let changes = changes(sql);
    assert_eq!(changes.len(), 8);
    assert!(matches!(&changes[0], Change::AddColumn { column, .. } if column.data_type.arguments == [1, 2]));
    assert_eq!(changes[1], Change::DropColumn { name: "c".into(), if_exists: true, cascade: true });
    assert_eq!(changes[2], Change::AlterColumn { name: "d".into(), change: ColumnChange::SetNotNull });
    assert!(matches!(&changes[3], Change::AddConstraint(c) if c.not_valid && c.name.as_deref() == Some("e")));
    assert_eq!(changes[4], Change::ValidateConstraint("k".into()));
    assert!(matches!(&changes[5], Change::AlterColumn { change: ColumnChange::Type { using: true, .. }, .. }));
    let expected = ConstraintKind::PrimaryKey { columns: Vec::new(), using_index: Some("m".into()) };
    assert!(matches!(&changes[6], Change::AddConstraint(c) if c.kind == expected));
    assert_eq!(changes[7], Change::AlterConstraint("n".into()));
}

#[test]
fn renames_and_partitions() {
    assert_eq!(changes("ALTER TABLE a RENAME TO b"), [Change::RenameTable("b".into())]);
    let expected = Change::RenameColumn { from: "b".into(), to: "C".into() };
    assert_eq!(changes("ALTER TABLE a RENAME b TO \"C\""), [expected]);
    let expected = Change::DetachPartition { partition: name("b"), concurrently: true, finalize: false };
    assert_eq!(changes("ALTER TABLE a DETACH PARTITION b CONCURRENTLY"), [expected]);
    assert_eq!(changes("ALTER TABLE a DISABLE TRIGGER ALL"), [Change::DisableTrigger("all".into())]);
    assert_eq!(changes("ALTER TABLE a NO FORCE ROW LEVEL SECURITY"), [Change::RowSecurity("NO FORCE")]);
}

#[test]
fn indexes() {
    let sql = "create unique index concurrently if not exists i on only a using btree (b desc, (c + 1), lower(d)) include (e) where f";
    let Kind::CreateIndex(index) = kind(sql) else { panic!() };
    assert!(index.unique && index.concurrently && index.if_not_exists && index.only && index.partial);
    assert_eq!(index.keys, [Some("b".to_owned()), None, None]);
    let Kind::CreateIndex(index) = kind("CREATE INDEX ON a (b)") else { panic!() };
    assert_eq!(index.name, None);
    let expected = Drop {
        object: Object::Index,
        names: vec![name("i"), name("s.j")],
        if_exists: true,
        cascade: true,
        concurrently: true,
    };
    assert_eq!(kind("DROP INDEX CONCURRENTLY IF EXISTS i, s.j CASCADE"), Kind::Drop(expected));
}

#[test]
fn what_runs_outside_of_transactions() {
    for (sql, expected) in [
        ("CREATE INDEX CONCURRENTLY i ON a (b)", Transaction::Outside),
        ("CREATE INDEX concurrently ON a (b)", Transaction::Outside),
        ("CREATE INDEX i ON a (b)", Transaction::Any),
        ("REINDEX (VERBOSE, CONCURRENTLY) TABLE a", Transaction::Outside),
        ("REINDEX TABLE CONCURRENTLY a", Transaction::Outside),
        ("REINDEX (CONCURRENTLY false) TABLE a", Transaction::Any),
        ("REINDEX DATABASE a", Transaction::Outside),
        ("VACUUM (FULL, ANALYZE) a", Transaction::Outside),
        ("CREATE DATABASE a", Transaction::Outside),
        ("DROP TABLESPACE a", Transaction::Outside),
        ("ALTER SYSTEM SET work_mem = '1GB'", Transaction::Outside),
        ("CREATE ROLE a", Transaction::Any),
        ("ALTER DATABASE a SET work_mem = '1MB'", Transaction::Any),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", Transaction::Outside),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = false)", Transaction::Any),
        ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY", Transaction::Outside),
        ("ALTER TYPE t ADD VALUE 'x' AFTER 'y'", Transaction::WithCare),
        ("CLUSTER", Transaction::Outside),
        ("CLUSTER a USING i", Transaction::Any),
        ("SELECT 'VACUUM'", Transaction::Any),
    ] {
        assert_eq!(Statement::read(sql).transaction(), expected, "{sql}");
    }
}

#[test]
fn rows() {
    let write = |table: &str, has_where, columns: &[&str]| Write {
        table: name(table),
        has_where,
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
    };
    assert_eq!(
        kind("UPDATE ONLY a AS x SET b = (SELECT 1 WHERE true), (c, d) = ROW(1, 2) FROM e"),
        Kind::Update(write("a", false, &["b", "c", "d"]))
    );
    assert_eq!(kind("WITH q AS (SELECT 1) DELETE FROM a WHERE b"), Kind::Delete(write("a", true, &[])));
    assert_eq!(kind("WITH q AS (DELETE FROM a RETURNING *) SELECT 1"), Kind::Other("with q".into()));
    assert_eq!(kind("(SELECT 1)"), Kind::Select);
    assert_eq!(
        kind("LOCK a, b IN SHARE MODE NOWAIT"),
        Kind::Lock { tables: vec![name("a"), name("b")], mode: "share".into() }
    );
}

#[test]
fn settings_and_transactions() {
    let set = |name: &str, value: &str, local| Kind::Set { name: name.into(), value: value.into(), local };
    assert_eq!(kind("SET LOCAL lock_timeout = '5s'"), set("lock_timeout", "5s", true));
    assert_eq!(kind("set search_path to a, b"), set("search_path", "", false));
    let sql = "SELECT pg_catalog.set_config('search_path', '', false)";
    assert_eq!(kind(sql), set("search_path", "", false));
    assert_eq!(kind("START TRANSACTION"), Kind::Begin);
    assert_eq!(kind("END"), Kind::Commit);
    assert_eq!(kind("ROLLBACK TO a"), Kind::Savepoint);
    assert_eq!(kind("COMMIT PREPARED 'a'"), Kind::Other("commit prepared".into()));
}

#[test]
fn other_objects() {
    assert!(matches!(kind("CREATE TYPE a AS ENUM ('x', 'it''s')"),
        Kind::CreateType { labels: Some(labels), .. } if labels == ["x", "it's"]));
    assert!(
        matches!(kind("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'x'"),
        Kind::CreateFunction(f) if f.security_definer && f.sets_search_path)
    );
    assert!(matches!(kind("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'security definer'"),
        Kind::CreateFunction(f) if !f.security_definer));
    assert!(
        matches!(kind("CREATE CONSTRAINT TRIGGER t AFTER UPDATE OF a, b ON c.d FOR EACH ROW EXECUTE FUNCTION f()"),
        Kind::CreateTrigger { table, .. } if table == name("c.d"))
    );
    assert!(matches!(
        kind("ALTER VIEW v RENAME COLUMN a TO b"),
        Kind::AlterOther { object: Object::View, change: OtherChange::RenameColumn(_), .. }
    ));
    assert!(matches!(kind("ALTER DEFAULT PRIVILEGES IN SCHEMA a GRANT SELECT ON TABLES TO PUBLIC"),
        Kind::Grant { to_public: true, by_default: true, what } if what == "SELECT ON TABLES"));
    assert!(matches!(kind("DROP TRIGGER IF EXISTS t ON a"), Kind::Drop(d) if d.names == [name("a.t")]));
    assert_eq!(kind("DROP CAST (a AS b)"), Kind::Other("drop cast".into()));
}

#[test]
fn nothing_that_is_cut_off_is_taken_for_something() {
    for sql in [
        "",
        ";",
        "CREATE",
        "CREATE TABLE",
        "ALTER TABLE",
        "DROP INDEX",
        "CREATE INDEX i ON",
        "UPDATE a",
        "WITH",
        "SET",
        "ALTER TYPE a ADD VALUE",
        "CREATE TABLE a (",
        "ALTER TABLE a ADD",
        "GRANT",
        "LOCK",
        "'a'",
        "REINDEX",
    ] {
        let statement = Statement::read(sql);
        statement.transaction();
    }
    assert_eq!(
        kind("ALTER TABLE a FROBNICATE b"),
        Kind::AlterTable(AlterTable {
            name: name("a"),
            actions: vec![Action { range: 14..26, change: Change::Other }],
        })
    );
}

/// Words that matter, put together at random: whatever comes out, it is read, and its places are in the text.
#[test]
fn any_text_is_read() {
    let words = [
        "CREATE",
        "ALTER",
        "DROP",
        "TABLE",
        "INDEX",
        "a",
        "\"b\"",
        "(",
        ")",
        ",",
        ".",
        ";",
        "ADD",
        "COLUMN",
        "CONSTRAINT",
        "CHECK",
        "UNIQUE",
        "PRIMARY KEY",
        "REFERENCES",
        "FOREIGN KEY",
        "DEFAULT",
        "NOT",
        "NULL",
        "VALID",
        "USING",
        "ON",
        "TYPE",
        "SET",
        "TO",
        "'x'",
        "1",
        "[",
        "]",
        "timestamp",
        "with",
        "time zone",
        "numeric",
        "interval",
        "ONLY",
        "IF",
        "EXISTS",
        "CONCURRENTLY",
        "CASCADE",
        "UPDATE",
        "DELETE FROM",
        "INSERT INTO",
        "SELECT",
        "WHERE",
        "WITH",
        "AS",
        "GRANT",
        "LOCK",
        "VACUUM",
        "REINDEX",
        "PARTITION OF",
        "ATTACH PARTITION",
        "GENERATED",
        "STORED",
        "FUNCTION",
        "POLICY",
        "TRIGGER",
        "ROW LEVEL SECURITY",
        "ENABLE",
        "RENAME",
        "VALUE",
        "DOMAIN",
        "set_config",
        "-- c\n",
        "::",
        "EXCLUDE",
    ];
    let mut seed = 3u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for round in 0..60_000 {
        let start = ["CREATE TABLE a (", "ALTER TABLE a", "", "CREATE", "ALTER"][round % 5];
        let rest: Vec<&str> = (0..next(14)).map(|_| words[next(words.len())]).collect();
        let text = format!("{start} {}", rest.join(" "));
        let statement = Statement::read(&text);
        statement.transaction();
        if let Kind::AlterTable(alter) = &statement.kind {
            for action in &alter.actions {
                assert!(text.get(action.range.clone()).is_some(), "{text}");
                statement.tokens_in(&action.range);
            }
        }
    }
}
