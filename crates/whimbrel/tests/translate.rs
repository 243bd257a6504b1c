//! Schemas from one dialect to the other and back, with a real server and a real SQLite.

use std::future::Future;

use whimbrel::Schema;
use whimbrel::postgres_host::Postgres;
use whimbrel::schema::Action;
use whimbrel_core::postgres::read::read_schema;
use whimbrel_core::postgres::schema as postgres;
use whimbrel_core::translate::{Translated, to_postgres, to_sqlite};
use whimbrel_postgres_server::database;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(future)
}

/// The schema that a server makes of `sql`, in a database of its own.
fn on_server(sql: &str) -> postgres::Schema {
    let database = database("translate");
    database.execute(sql);
    run(async {
        let mut host = Postgres::connect(&database.url).await.expect("the database is there");
        read_schema(&mut host).await.expect("it can be read")
    })
}

/// What is declared for SQLite, which has to accept it.
fn declared_of(sql: &str) -> Schema {
    let connection = rusqlite::Connection::open_in_memory().expect("SQLite opens");
    connection.execute_batch(sql).unwrap_or_else(|e| panic!("SQLite refuses it: {e}\n{sql}"));
    Schema::from_sql(sql).unwrap_or_else(|e| panic!("it cannot be read: {e}\n{sql}"))
}

fn shown(translated: &Translated) -> String {
    translated.remarks.iter().map(|remark| format!("{remark}\n")).collect()
}

/// Compares a snapshot, which UPDATE_SNAPSHOTS writes anew.
fn check_snapshot(name: &str, text: &str) {
    let path = format!("{}/../../testdata/translate/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).expect("it can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}");
}

fn test_data(name: &str) -> String {
    let path = format!("{}/../../testdata/translate/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the test data is there")
}

/// Every file NAME.postgres.sql is translated to NAME.sqlite.sql, with its remarks in NAME.remarks.txt; what has no
/// remark comes back.
fn there_and_back(name: &str) {
    let before = on_server(&test_data(&format!("{name}.postgres.sql")));
    let translated = to_sqlite(&before).expect("it can be translated");
    check_snapshot(&format!("{name}.sqlite.sql"), &translated.sql);
    check_snapshot(&format!("{name}.remarks.txt"), &shown(&translated));
    let declared = declared_of(&translated.sql);
    let back = to_postgres(&declared);
    let after = on_server(&back.sql);
    let again = to_sqlite(&after).expect("it can be translated again");
    if translated.remarks.is_empty() {
        assert_eq!(back.remarks, [], "{}", back.sql);
        assert_same(&before, &after);
        assert_eq!(again.sql, translated.sql);
    }
}

/// Compares two schemas line by line, so that a difference can be read.
fn assert_same(before: &postgres::Schema, after: &postgres::Schema) {
    use whimbrel_core::postgres::print;
    let (before, after) = (print::to_sql(before), print::to_sql(after));
    let missing = |from: &str, to: &str| from.lines().filter(|l| !to.contains(l)).map(|l| format!("  {l}\n")).collect();
    let (gone, new): (String, String) = (missing(&before, &after), missing(&after, &before));
    assert_eq!(gone, new, "what is gone, and what is new");
    assert_eq!(before, after);
}

#[test]
fn what_has_no_remark_comes_back() {
    there_and_back("shared");
}

#[test]
fn what_is_not_carried_is_named() {
    there_and_back("server_only");
}

#[test]
fn names_that_sqlite_takes_for_one_are_refused() {
    let refused = |sql: &str| to_sqlite(&on_server(sql)).expect_err(sql).to_string();
    let tables = refused("CREATE TABLE users (id bigint); CREATE TABLE \"Users\" (id bigint)");
    assert!(tables.contains("table Users and table users have one name in SQLite"), "{tables}");
    let joined = refused("CREATE SCHEMA a; CREATE TABLE a.b (id bigint); CREATE TABLE a_b (id bigint)");
    assert!(joined.contains("table a.b and table a_b have one name in SQLite, a_b"), "{joined}");
    let columns = refused("CREATE TABLE t (a bigint, \"A\" bigint)");
    assert!(columns.contains("t has two columns that SQLite takes for one, a and A"), "{columns}");
    let reserved = refused("CREATE TABLE sqlite_users (id bigint)");
    assert!(reserved.contains("SQLite keeps names like that of table sqlite_users for itself"), "{reserved}");
}

/// What people write for SQLite, without a server in mind.
#[test]
fn what_is_written_for_sqlite_is_understood() {
    let schema = declared_of(&test_data("device.sqlite.sql"));
    let translated = to_postgres(&schema);
    check_snapshot("device.postgres.sql", &translated.sql);
    check_snapshot("device.remarks.txt", &shown(&translated));
    let back = to_sqlite(&on_server(&translated.sql)).expect("it can be translated");
    declared_of(&back.sql);
}

/// A default and a CHECK of the translated schema do on a device what they do on the server.
#[test]
fn a_device_refuses_what_the_server_refuses() {
    let sql = to_sqlite(&on_server(&test_data("shared.postgres.sql"))).expect("it can be translated").sql;
    let connection = rusqlite::Connection::open_in_memory().expect("SQLite opens");
    connection.execute_batch(&sql).expect("SQLite accepts it");
    let insert = |more: &str, values: &str| {
        connection.execute_batch(&format!("INSERT INTO users (mail{more}) VALUES ('m' || random(){values})"))
    };
    insert("", "").expect("every default fits");
    for (columns, values) in [
        (", rank", ", 2147483648"),
        (", age", ", 150"),
        (", active", ", 2"),
        (", role", ", 'guest'"),
        (", role", ", 'x'"),
        (", mood", ", 'glad'"),
        (", settings", ", '{'"),
        (", tags", ", '{}'"),
        (", code", ", 'a_*'"),
        (", price", ", -1"),
        (", code", ", '12345678901'"),
        (", digest", ", x'0102'"),
        (", digest", ", x'00000000'"),
    ] {
        let failure = insert(columns, values).expect_err(values).to_string();
        assert!(failure.contains("CHECK constraint failed"), "{columns} {values}: {failure}");
    }
    insert(", code", ", 'Ax*b'").expect("it is as LIKE 'A_*%' wants it");
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).expect("there is a row");
    let id = text("SELECT id FROM users");
    let is_uuid = id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]) && id == id.to_lowercase();
    assert!(is_uuid, "{id}");
    let at = text("SELECT created_at FROM users");
    assert!(at.len() == 24 && &at[10..11] == "T" && at.ends_with('Z'), "{at}");
    insert(", digest, raw, numbers", ", x'01020304', NULL, NULL").expect("NULL is no wrong JSON");
    let days = "SELECT group_concat(round(julianday(later) - julianday('now'), 2), ' ') FROM
         (SELECT expires_at AS later FROM users UNION ALL SELECT locked_until FROM users UNION ALL SELECT deleted_at FROM users)
         WHERE julianday(later) > julianday('now')";
    assert_eq!(text(days), "90.0 90.0 90.0 1.0 1.0 1.0 1.5 1.5 1.5");
}

/// One schema in Rust, executed by both: what each tells of itself is the other's, translated.
#[test]
fn the_builder_gives_both() {
    let schema = Schema::builder()
        .table("teams", |t| {
            t.integer("id").primary_key().autoincrement();
            t.portable("name", "varchar(100)").not_null().unique();
        })
        .table("notes", |t| {
            t.uuid("id").primary_key().not_null().default_new_uuid();
            t.integer("team_id").references("teams", &["id"]).on_delete(Action::Cascade);
            t.text("body").not_null().default("''");
            t.choice("kind", &["plain", "it's a list"]).not_null().default("'plain'");
            t.enumeration("mood", "mood", &["glad", "sad"]).default("'sad'");
            t.enumeration("later mood", "mood", &["glad", "sad"]);
            t.boolean("done").not_null().default("0");
            t.json("settings").not_null().default("'{}'");
            t.date("day").default_now();
            t.timestamp("created_at").not_null().default_now();
            t.portable("local", "timestamp(3)").default_now();
            t.portable("at", "time").default_now();
            t.portable("price", "decimal(10, 2)").check("price >= 0");
            t.portable("total", "numeric");
            t.portable("stars", "smallint").not_null().default("3");
            t.portable("count", "int").default("-1");
            t.portable("tags", "text[]").not_null().default("'[\"a\"]'");
            t.portable("owners", "uuid[]");
            t.portable("address", "inet");
            t.portable("ratio", "float8").default("0.5");
            t.blob("picture");
            t.unique(&["team_id", "created_at"]);
        })
        .index("notes_day", "notes", &["day"])
        .build()
        .expect("a schema");
    let for_server = to_postgres(&schema);
    assert_eq!(for_server.remarks, [], "{}", for_server.sql);
    let server = database("builder");
    server.execute(&for_server.sql);
    let told = run(async {
        let mut host = Postgres::connect(&server.url).await.expect("the database is there");
        read_schema(&mut host).await.expect("it can be read")
    });
    let back = to_sqlite(&told).expect("it can be translated");
    assert_eq!(back.remarks, [], "{}", back.sql);
    let printed = whimbrel::sqlite::print::to_sql(&schema);
    let device = declared_of(&printed);
    assert_eq!(declared_of(&back.sql).fingerprint(), device.fingerprint(), "{printed}\n{}", back.sql);
    assert_eq!(to_postgres(&device).sql, for_server.sql);
    // A row of nothing but defaults means the same on both sides.
    let of_defaults = "INSERT INTO notes DEFAULT VALUES";
    server.execute(of_defaults);
    let connection = rusqlite::Connection::open_in_memory().expect("SQLite opens");
    connection.execute_batch(&format!("{printed};{of_defaults}")).expect("every default fits");
    let on_device =
        "SELECT concat_ws('|', length(id), body, kind, mood, done, settings, day = date('now'), length(created_at),
         length(local), stars, count, json_extract(tags, '$[0]'), ratio) FROM notes";
    let on_device: String = connection.query_row(on_device, [], |row| row.get(0)).expect("a row");
    let on_server =
        "SELECT concat_ws('|', length(id::text), body, kind, mood, done::int, settings, (day = current_date)::int,
         24, 23, stars, count, tags[1], ratio) FROM notes";
    assert_eq!(server.query(on_server), [[Some(on_device)]]);
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// How many schemas are made up; WHIMBREL_TEST_SEEDS says another number.
fn seeds() -> std::ops::Range<u64> {
    let number = std::env::var("WHIMBREL_TEST_SEEDS").ok().and_then(|number| number.parse().ok());
    0..number.unwrap_or(40)
}

/// PostgreSQL's type, a default that it prints as it is written, and a condition on `#`; all of the mapping.
const POSTGRES: &[(&str, &str, &str)] = &[
    ("smallint", "7", "# > 0"),
    ("integer", "-1", "# >= 0 AND # < 10"),
    ("bigint", "5000000000", "# <> 3"),
    ("boolean", "true", "# OR # IS NULL"),
    ("real", "1.5", "# < 2"),
    ("double precision", "0", "# / 2 > 1.5 OR # IS NULL"),
    ("numeric(10,2)", "9.90", "# > 0"),
    ("numeric(30,4)", "0.0001", "# >= 0.5"),
    ("numeric", "0", "# IN (1, 2.5)"),
    ("text", "'it''s \\ \"quoted\"'", "# <> ''"),
    ("character varying(20)", "'x'", "# IN ('a', 'b')"),
    ("character varying", "''", "length(#) > 1"),
    ("kind", "'first'", "# <> 'second'"),
    ("\"Other Kind\"", "'A b'", "# IS NOT NULL"),
    ("uuid", "gen_random_uuid()", "# IS NOT NULL"),
    ("date", "CURRENT_DATE", "# >= '2020-01-01'"),
    ("timestamp with time zone", "now()", "# IS NOT NULL"),
    ("timestamp with time zone", "(now() + '90 days'::interval)", "# < '2100-01-01 00:00:00+00'"),
    ("timestamp(3) without time zone", "'2020-01-02 03:04:05'", "# < '2100-01-01 00:00:00'"),
    ("time without time zone", "'03:04:05'", "# > '01:00:00'"),
    ("interval", "'1 day'", "# IS NOT NULL"),
    ("jsonb", "'{\"a\": [1, null]}'", "# IS NOT NULL"),
    ("json", "'[]'", "# IS NOT NULL"),
    ("text[]", "'{a,\"b c\",NULL}'", "# IS NOT NULL"),
    ("bigint[]", "'{1,2}'", "# IS NOT NULL"),
    ("bytea", "'\\x00ff'", "# IS NOT NULL"),
    ("bytea", "''", "length(#) > 2 OR # = '\\x00ff'"),
    ("inet", "'10.0.0.1'", "# IS NOT NULL"),
    ("bit varying(8)", "NULL", "# IS NOT NULL"),
];

/// SQLite's declared type, its own check, a default and a condition on `#`, each as it is written here.
const SQLITE: &[(&str, &str, &str, &str)] = &[
    ("INTEGER", "", "0", "# > 0"),
    ("INTEGER", "# IN (0, 1)", "1", "# IS NOT NULL"),
    ("INTEGER", "# BETWEEN -32768 AND 32767", "-5", "# <> 3 AND # < 10"),
    ("REAL", "", "0.5", "# >= 0.5"),
    ("TEXT", "", "'it''s \\'", "# IN ('a', 'b')"),
    ("TEXT", "length(#) <= 20", "''", "# GLOB 'a*'"),
    ("TEXT", "", "CURRENT_TIMESTAMP", "# NOT GLOB '?[*]'"),
    ("BLOB", "", "x'00ff'", "# IS NOT NULL"),
    ("BLOB", "", "NULL", "length(#) = 16 AND # <> x'00'"),
    ("NUMERIC(10, 2)", "", "9.90", "CAST(# AS REAL) / 2 > 1"),
    ("NUMERIC TEXT", "", "'0.10'", "CAST(# AS REAL) > 1"),
    ("UUID TEXT", "", "NULL", "# <> '00000000-0000-0000-0000-000000000000'"),
    ("DATE TEXT", "", "CURRENT_DATE", "# >= '2020-01-01'"),
    ("TIMESTAMPTZ TEXT", "", "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", "# IS NOT NULL"),
    ("TIMESTAMPTZ TEXT", "", "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 days', '+00:30:00'))", "# IS NOT NULL"),
    ("TIMESTAMP TEXT(3)", "", "'2020-01-02T03:04:05.000'", "# IS NOT NULL"),
    ("JSONB TEXT", "# IS NULL OR json_valid(#)", "'{}'", "# IS NOT NULL"),
    ("UUID ARRAY TEXT", "# IS NULL OR json_valid(#) AND json_type(#) = 'array'", "'[]'", "# IS NOT NULL"),
    ("DURATION TEXT", "", "'1 day'", "# IS NOT NULL"),
];

fn column_name(numbers: &mut Numbers, at: usize) -> (String, String) {
    let name = ["plain", "camelCase", "order", "with space", "ünïcode", "a\"b"][numbers.below(6)];
    let name = format!("{name}{at}");
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    (name, quoted)
}

#[test]
fn generated_schemas_of_postgresql_come_back() {
    for seed in seeds() {
        let numbers = &mut Numbers(seed);
        let mut sql = "CREATE TYPE kind AS ENUM ('first', 'second'); CREATE TYPE \"Other Kind\" AS ENUM ('A b');
             CREATE TABLE kinds (id kind PRIMARY KEY, other \"Other Kind\");\n"
            .to_owned();
        for table in 0..3 {
            let key = ["bigint", "integer", "uuid", "text", "identity"][numbers.below(5)];
            let mut lines = vec![match key {
                "identity" => "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY".to_owned(),
                key => format!("id {key} PRIMARY KEY"),
            }];
            let mut indexes = String::new();
            for at in 0..8 {
                let (_, name) = column_name(numbers, at);
                let (of, default, condition) = POSTGRES[numbers.below(POSTGRES.len())];
                let mut line = format!("{name} {of}");
                if numbers.chance(3) {
                    line += " NOT NULL";
                }
                if numbers.chance(2) && default != "NULL" {
                    line += &format!(" DEFAULT {default}");
                }
                if numbers.chance(3) {
                    line += &format!(" CHECK ({})", condition.replace('#', &name));
                }
                if numbers.chance(4) {
                    lines.push(format!("CONSTRAINT c{at} CHECK ({})", condition.replace('#', &name)));
                }
                if numbers.chance(5) && !matches!(of, "json") {
                    line += " UNIQUE";
                }
                if numbers.chance(5) && !matches!(of, "json" | "jsonb" | "text[]" | "bigint[]") {
                    let (unique, order) = (["", "UNIQUE "][numbers.below(2)], ["", " DESC"][numbers.below(2)]);
                    let condition = condition.replace('#', &name);
                    let only = [String::new(), format!(" WHERE {condition}")];
                    let only = &only[numbers.below(2)];
                    indexes += &format!("CREATE {unique}INDEX i{table}_{at} ON t{table} ({name}{order}){only};\n");
                }
                lines.push(line);
            }
            if numbers.chance(2) {
                let of = if key == "identity" { "bigint" } else { key };
                let actions = ["", " ON DELETE CASCADE", " ON UPDATE SET NULL ON DELETE RESTRICT", " DEFERRABLE"];
                lines.push(format!("parent {of} REFERENCES t{table}(id){}", actions[numbers.below(4)]));
            }
            sql += &format!("CREATE TABLE t{table} ({});\n{indexes}", lines.join(", "));
        }
        let before = on_server(&sql);
        let translated = to_sqlite(&before).expect("it can be translated");
        assert_eq!(translated.remarks, [], "seed {seed}: {sql}");
        let back = to_postgres(&declared_of(&translated.sql));
        assert_eq!(back.remarks, [], "seed {seed}: {}", translated.sql);
        assert_same(&before, &on_server(&back.sql));
    }
}

#[test]
fn generated_schemas_of_sqlite_come_back() {
    for seed in seeds() {
        let numbers = &mut Numbers(seed + 1_000);
        let mut sql = String::new();
        for table in 0..3 {
            let key =
                ["INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT PRIMARY KEY NOT NULL", "UUID TEXT PRIMARY KEY NOT NULL"];
            let which = numbers.below(key.len());
            let mut lines = vec![format!("id {}", key[which])];
            let mut indexes = String::new();
            for at in 0..8 {
                let (_, name) = column_name(numbers, at);
                let (of, check, default, condition) = SQLITE[numbers.below(SQLITE.len())];
                let mut line = format!("{name} {of}");
                if numbers.chance(3) {
                    line += " NOT NULL";
                }
                if numbers.chance(2) && default != "NULL" {
                    line += &format!(" DEFAULT {default}");
                }
                if !check.is_empty() {
                    line += &format!(" CHECK ({})", check.replace('#', &name));
                }
                if numbers.chance(3) {
                    line += &format!(" CHECK ({})", condition.replace('#', &name));
                }
                if numbers.chance(5) {
                    line += &format!(" CONSTRAINT u{table}_{at} UNIQUE");
                }
                if numbers.chance(4) && !of.contains("JSON") && !of.contains("ARRAY") {
                    let (unique, order) = (["", "UNIQUE "][numbers.below(2)], ["", " DESC"][numbers.below(2)]);
                    indexes += &format!("CREATE {unique}INDEX i{table}_{at} ON t{table} ({name}{order});\n");
                }
                lines.push(line);
            }
            if numbers.chance(2) {
                let of = ["INTEGER", "INTEGER", "UUID TEXT"][which];
                let actions = ["", " ON DELETE CASCADE", " DEFERRABLE INITIALLY DEFERRED"];
                lines.push(format!("parent {of} REFERENCES t{table}(id){}", actions[numbers.below(3)]));
            }
            sql += &format!("CREATE TABLE t{table} ({});\n{indexes}", lines.join(", "));
        }
        let before = declared_of(&sql);
        let translated = to_postgres(&before);
        assert_eq!(translated.remarks, [], "seed {seed}: {sql}");
        let back = to_sqlite(&on_server(&translated.sql)).expect("it can be translated");
        assert_eq!(back.remarks, [], "seed {seed}: {}", translated.sql);
        let after = declared_of(&back.sql);
        assert_eq!(before.fingerprint(), after.fingerprint(), "seed {seed}:\n{sql}\n{}\n{}", translated.sql, back.sql);
    }
}
