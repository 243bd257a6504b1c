//! Expand and contract on a real server: clients of several releases write at the same time, and each of them finds what
//! the others wrote.

use whimbrel_core::postgres::expand::trigger::{Filler, Keeping, Link, Side, out_of_step};
use whimbrel_core::postgres::schema::{Kind, ObjectId};
use whimbrel_postgres_server::{Database, database};

fn table(name: &str) -> ObjectId {
    ObjectId::new(Kind::Table, "public", name)
}

fn side(column: &str, data_type: &str) -> Side {
    Side { column: column.into(), data_type: data_type.into(), default: None, value: None }
}

fn link(before: &str, after: &str) -> Link {
    Link { before: side(before, "text"), after: side(after, "text") }
}

fn keeping(table: ObjectId, links: Vec<Link>) -> Keeping {
    Keeping { table, links, fillers: Vec::new(), filling: Vec::new(), has_others: false }
}

fn install(database: &Database, keeping: &Keeping) {
    database.execute("CREATE SCHEMA IF NOT EXISTS _whimbrel");
    for sql in keeping.statements() {
        database.execute(&sql);
    }
}

/// Numbers that look random and are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// The rows of `t`, as `id:old:new` and so on.
fn rows(database: &Database, columns: &[&str]) -> String {
    let shown: Vec<String> = columns.iter().map(|c| format!("coalesce({c}::text, '-')")).collect();
    database.value(&format!(
        "SELECT coalesce(string_agg(id || ':' || {}, ' ' ORDER BY id), '') FROM t",
        shown.join(" || ':' || ")
    ))
}

#[test]
fn every_way_to_write_reaches_the_other_column() {
    let database = database("keep");
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a text UNIQUE, b text UNIQUE, c text)");
    install(&database, &keeping(table("t"), vec![link("a", "b")]));
    let check = |sql: &str, expected: &str| {
        database.execute(sql);
        assert_eq!(rows(&database, &["a", "b"]), expected, "after {sql}");
    };
    check("INSERT INTO t (id, a) VALUES (1, 'x')", "1:x:x");
    check("INSERT INTO t (id, b) VALUES (2, 'y')", "1:x:x 2:y:y");
    check("INSERT INTO t (id) VALUES (3)", "1:x:x 2:y:y 3:-:-");
    check("UPDATE t SET a = 'x2' WHERE id = 1", "1:x2:x2 2:y:y 3:-:-");
    check("UPDATE t SET b = 'x3' WHERE id = 1", "1:x3:x3 2:y:y 3:-:-");
    check("UPDATE t SET b = NULL WHERE id = 1", "1:-:- 2:y:y 3:-:-");
    check("UPDATE t SET c = 'z'", "1:-:- 2:y:y 3:-:-");
    // Who writes both has the newer one mean it.
    check("UPDATE t SET a = 'old', b = 'new' WHERE id = 2", "1:-:- 2:new:new 3:-:-");
    check("INSERT INTO t (id, a, b) VALUES (4, 'old', 'newer')", "1:-:- 2:new:new 3:-:- 4:newer:newer");
    check(
        "INSERT INTO t (id, a) VALUES (4, 'p') ON CONFLICT (id) DO UPDATE SET a = EXCLUDED.a",
        "1:-:- 2:new:new 3:-:- 4:p:p",
    );
    check(
        "INSERT INTO t (id, b) VALUES (4, 'q') ON CONFLICT (id) DO UPDATE SET b = EXCLUDED.b",
        "1:-:- 2:new:new 3:-:- 4:q:q",
    );
    check("INSERT INTO t (id, b) VALUES (5, 'q') ON CONFLICT (b) DO NOTHING", "1:-:- 2:new:new 3:-:- 4:q:q");
    check("INSERT INTO t (id, a) VALUES (5, 'q') ON CONFLICT (a) DO UPDATE SET id = 6", "1:-:- 2:new:new 3:-:- 6:q:q");
    check("UPDATE t SET a = b || '!', b = a || '?' WHERE id = 2", "1:-:- 2:new?:new? 3:-:- 6:q:q");
    check("DELETE FROM t WHERE a IS NULL", "2:new?:new? 6:q:q");
    assert_eq!(database.value(&out_of_step(&table("t"), &link("a", "b"))), "0");
}

#[test]
fn defaults_count_where_nothing_is_given() {
    let database = database("keepdefault");
    let side =
        |column: &str, default: Option<&str>| Side { default: default.map(str::to_owned), ..side(column, "text") };
    for (old, new, given, expected) in [
        (Some("'d'::text"), Some("'d'::text"), "", "1:d:d"),
        (Some("'d'::text"), Some("'d'::text"), "a = NULL", "1:-:-"),
        (Some("'d'::text"), Some("'d'::text"), "b = NULL", "1:-:-"),
        (Some("'d'::text"), Some("'e'::text"), "", "1:e:e"),
        (Some("'d'::text"), Some("'e'::text"), "a = 'x'", "1:x:x"),
        (Some("'d'::text"), Some("'e'::text"), "b = 'x'", "1:x:x"),
        (Some("'d'::text"), None, "", "1:d:d"),
        (Some("'d'::text"), None, "b = 'x'", "1:x:x"),
        (None, Some("'e'::text"), "", "1:e:e"),
        (None, Some("'e'::text"), "a = 'x'", "1:x:x"),
        (None, None, "", "1:-:-"),
    ] {
        let default = |text: Option<&str>| text.map(|text| format!(" DEFAULT {text}")).unwrap_or_default();
        database.execute("DROP TABLE IF EXISTS t");
        database.execute(&format!("CREATE TABLE t (id integer, a text{}, b text{})", default(old), default(new)));
        let link = Link { before: side("a", old), after: side("b", new) };
        install(&database, &keeping(table("t"), vec![link]));
        let (column, value) = given
            .split_once(" = ")
            .map_or((String::new(), String::new()), |(c, v)| (format!(", {c}"), format!(", {v}")));
        database.execute(&format!("INSERT INTO t (id{column}) VALUES (1{value})"));
        assert_eq!(rows(&database, &["a", "b"]), expected, "{old:?} {new:?} {given}");
    }
}

/// Clients of three releases write at random, and a model says what each of them must find.
#[test]
fn random_writes_of_three_releases_are_found_by_all() {
    let database = database("keeprandom");
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, c text, other integer)");
    let back = |column: &str| Some(format!("nullif(regexp_replace({column}, '[^0-9]', '', 'g'), '')::integer"));
    let links = vec![
        Link {
            before: Side { value: back("b"), ..side("a", "integer") },
            after: Side { value: Some("a::text".into()), ..side("b", "text") },
        },
        link("b", "c"),
    ];
    install(&database, &keeping(table("t"), links.clone()));
    let mut model: std::collections::BTreeMap<u64, Option<u64>> = std::collections::BTreeMap::new();
    let mut chance = Chance(7);
    for _ in 0..600 {
        let (id, number) = (chance.below(12), chance.below(50));
        let value = (number > 4).then_some(number);
        let column = ["a", "b", "c"][chance.below(3) as usize];
        let literal = match (value, column) {
            (None, _) => "NULL".to_owned(),
            (Some(n), "a") => n.to_string(),
            (Some(n), _) => format!("'{n}'"),
        };
        let sql = match chance.below(6) {
            0 => {
                model.entry(id).or_insert(value);
                format!("INSERT INTO t (id, {column}) VALUES ({id}, {literal}) ON CONFLICT (id) DO NOTHING")
            }
            1 => {
                model.insert(id, value);
                format!(
                    "INSERT INTO t (id, {column}) VALUES ({id}, {literal}) \
                     ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}"
                )
            }
            2 | 3 => {
                model.entry(id).and_modify(|held| *held = value);
                format!("UPDATE t SET {column} = {literal} WHERE id = {id}")
            }
            4 => format!("UPDATE t SET other = {number} WHERE id >= {id}"),
            _ => {
                model.remove(&id);
                format!("DELETE FROM t WHERE id = {id}")
            }
        };
        database.execute(&sql);
        let text = |value: Option<u64>| value.map_or("-".to_owned(), |n| n.to_string());
        let expected: Vec<String> = model.iter().map(|(id, value)| format!("{id}:{0}:{0}:{0}", text(*value))).collect();
        assert_eq!(rows(&database, &["a", "b", "c"]), expected.join(" "), "after {sql}");
    }
    for link in &links {
        assert_eq!(database.value(&out_of_step(&table("t"), link)), "0");
    }
}

#[test]
fn what_triggers_of_the_users_own_change_is_carried_over() {
    let database = database("keepothers");
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, a text, b text, seen text);
         CREATE FUNCTION lower_a() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
           NEW.seen := coalesce(NEW.a, ''-'') || coalesce(NEW.b, ''-''); NEW.a := lower(NEW.a); RETURN NEW; END';
         CREATE FUNCTION trim_b() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
           NEW.b := trim(NEW.b); RETURN NEW; END';
         CREATE TRIGGER lower_a BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION lower_a()",
    );
    let keeping = Keeping { has_others: true, ..keeping(table("t"), vec![link("a", "b")]) };
    install(&database, &keeping);
    let check = |sql: &str, expected: &str| {
        database.execute(sql);
        assert_eq!(rows(&database, &["a", "b", "seen"]), expected, "after {sql}");
    };
    check("INSERT INTO t (id, a) VALUES (1, 'X')", "1:x:x:XX");
    check("UPDATE t SET b = 'Y' WHERE id = 1", "1:y:y:YY");
    check("UPDATE t SET a = 'Z'", "1:z:z:ZZ");
    database.execute("DROP TRIGGER lower_a ON t");
    database.execute("CREATE TRIGGER trim_b BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION trim_b()");
    check("UPDATE t SET a = ' W '", "1:W:W:ZZ");
    // A trigger that writes the same table: what is handed over is not mixed up.
    database.execute(
        "DROP TRIGGER trim_b ON t;
         CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
           IF NEW.id < 3 THEN INSERT INTO t (id, a) VALUES (NEW.id + 1, ''N'' || NEW.id); END IF;
           NEW.b := NEW.b || ''+''; RETURN NEW; END';
         CREATE TRIGGER nested BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nested()",
    );
    database.execute("DELETE FROM t");
    check("INSERT INTO t (id, a) VALUES (1, 'X')", "1:X+:X+:- 2:N1+:N1+:- 3:N2+:N2+:-");
}

#[test]
fn a_back_fill_leaves_alone_what_old_clients_wrote() {
    let database = database("keepfill");
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a text, b text, d text NOT NULL DEFAULT 'd')");
    database.execute("INSERT INTO t (id, a) VALUES (1, ' X '), (2, 'Y'), (3, NULL), (4, 'Z')");
    let link = Link { before: side("a", "text"), after: Side { value: Some("trim(a)".into()), ..side("b", "text") } };
    let filling = Keeping {
        filling: vec!["b".into()],
        fillers: vec![Filler { column: "d".into(), value: "'from ' || id".into() }],
        ..keeping(table("t"), vec![link.clone()])
    };
    install(&database, &filling);
    // Somebody touches a row that is not filled in yet, in another column: it is.
    database.execute("UPDATE t SET d = NULL WHERE id = 4");
    assert_eq!(rows(&database, &["a", "b", "d"]), "1: X :-:d 2:Y:-:d 3:-:-:d 4:Z:Z:from 4");
    database.execute("UPDATE t SET b = trim(a) WHERE b IS NULL");
    assert_eq!(rows(&database, &["a", "b"]), "1: X :X 2:Y:Y 3:-:- 4:Z:Z");
    assert_eq!(database.value(&out_of_step(&table("t"), &link)), "0");
    install(&database, &Keeping { filling: Vec::new(), ..filling });
    database.execute("UPDATE t SET b = 'N' WHERE id = 1");
    assert_eq!(rows(&database, &["a", "b"]), "1:N:N 2:Y:Y 3:-:- 4:Z:Z");
    database.execute(
        "ALTER TABLE t DISABLE TRIGGER USER; UPDATE t SET b = 'lost' WHERE id = 2; ALTER TABLE t ENABLE TRIGGER USER",
    );
    assert_eq!(database.value(&out_of_step(&table("t"), &link)), "1");
}

#[test]
fn types_without_equality_are_kept_in_step() {
    let database = database("keepjson");
    database.execute("CREATE TABLE t (id integer, a json, b json)");
    let link = Link { before: side("a", "json"), after: side("b", "json") };
    install(&database, &keeping(table("t"), vec![link]));
    database.execute("INSERT INTO t (id, a) VALUES (1, '{\"x\": 1}')");
    database.execute("UPDATE t SET b = '{\"x\": 2}'");
    assert_eq!(rows(&database, &["a", "b"]), "1:{\"x\": 2}:{\"x\": 2}");
}
