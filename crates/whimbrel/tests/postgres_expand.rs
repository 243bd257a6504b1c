//! Expand and contract on a real server: clients of several releases write at the same time, and each of them finds what
//! the others wrote.

#[path = "support/postgres.rs"]
mod hosts;

use std::collections::BTreeMap;
use std::future::Future;

use whimbrel::Code;
use whimbrel::postgres::{Planner, Postgres, read_schema};
use whimbrel::run::Connection;
use whimbrel_core::postgres::expand::trigger::{Filler, Keeping, Link, Side, out_of_step};
use whimbrel_core::postgres::schema::{Kind, ObjectId};
use whimbrel_postgres_server::{Database, Session, database};

use hosts::Between;

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
    let mut model: BTreeMap<u64, Option<u64>> = BTreeMap::new();
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

// From here on: whole plans.

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(future)
}

async fn connect(database: &Database) -> Postgres {
    Postgres::connect(&database.url).await.expect("the database is there")
}

/// Plans and runs, and then finds nothing left to do.
#[track_caller]
fn push(database: &Database, planner: &Planner) -> Vec<String> {
    run(async {
        let mut host = connect(database).await;
        let plan = planner.plan(&mut host).await.expect("a plan is made");
        assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
        let script = plan.script();
        if let Err(e) = plan.run(&mut host).await {
            panic!("{e:?}\n{script}");
        }
        let again = planner.plan(&mut host).await.expect("a second plan is made");
        assert!(again.is_empty() && again.steps.is_empty(), "{:?}\n{}", again.changes, again.script());
        plan.warnings.clone()
    })
}

/// What stands in the way of a plan.
fn refused(database: &Database, planner: &Planner) -> Vec<(Code, String)> {
    run(async {
        let mut host = connect(database).await;
        match planner.plan(&mut host).await {
            Ok(plan) => plan.obstacles.iter().map(|error| (error.code(), error.report().message.clone())).collect(),
            Err(error) => vec![(error.code(), format!("{error}: {:?}", error.report().cause))],
        }
    })
}

fn columns(database: &Database, table: &str) -> String {
    database.value(&format!(
        "SELECT coalesce(string_agg(attname, ',' ORDER BY attnum), '') FROM pg_attribute \
         WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
    ))
}

/// Nothing of Whimbrel's is left.
#[track_caller]
fn assert_clean(database: &Database) {
    let left = database.value(
        "SELECT count(*) FROM (SELECT 1 FROM pg_namespace WHERE nspname LIKE '\\_whimbrel%' UNION ALL \
         SELECT 1 FROM pg_trigger WHERE tgname LIKE '%whimbrel%' UNION ALL \
         SELECT 1 FROM pg_class WHERE relname LIKE '%whimbrel%' UNION ALL \
         SELECT 1 FROM pg_constraint WHERE conname LIKE '%whimbrel%') left_over",
    );
    assert_eq!(left, "0", "something is left");
}

const USERS: &str = "CREATE TABLE users (id integer PRIMARY KEY, mail text NOT NULL UNIQUE, nick text)";
const USERS_NEW: &str = "CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL UNIQUE, nick text)";

fn renaming() -> Planner {
    Planner::new(USERS_NEW).rename("users.mail", "email").expect("the answer is well formed")
}

#[test]
fn a_renamed_column_is_expanded_and_contracted() {
    let database = database("expand");
    database.execute(USERS);
    database.execute("INSERT INTO users SELECT n, 'm' || n, 'n' || n FROM generate_series(1, 12000) n");
    push(&database, &renaming().expand(12));
    assert_eq!(columns(&database, "users"), "id,mail,nick,email");
    assert_eq!(database.value("SELECT count(*) FROM users WHERE mail = email"), "12000");
    assert_eq!(
        database.value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'email'"),
        "t"
    );
    database.execute("INSERT INTO users (id, mail) VALUES (20000, 'old') ON CONFLICT (mail) DO NOTHING");
    database
        .execute("INSERT INTO users (id, email) VALUES (20001, 'old') ON CONFLICT (email) DO UPDATE SET nick = 'met'");
    database.execute("UPDATE users SET email = 'new' WHERE id = 1");
    assert_eq!(
        database.value("SELECT string_agg(mail || email || nick, ',' ORDER BY id) FROM users WHERE id IN (1, 20000)"),
        "newnewn1,oldoldmet"
    );
    // A plain push keeps to what is declared, and does not touch what old clients need.
    run(async {
        let mut host = connect(&database).await;
        let plan = Planner::new(USERS_NEW).plan(&mut host).await.expect("a plan is made");
        assert!(plan.is_empty() && plan.obstacles.is_empty(), "{:?}", plan.changes);
    });
    let other = Planner::new("CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL UNIQUE)");
    assert_eq!(refused(&database, &other.accept_data_loss(true))[0].0, Code::Expanded);
    assert_eq!(refused(&database, &Planner::new(USERS_NEW).contract(12))[0].0, Code::StillNeeded);
    // Past the triggers.
    database.execute("ALTER TABLE users DISABLE TRIGGER USER; UPDATE users SET mail = 'past' WHERE id = 7; ALTER TABLE users ENABLE TRIGGER USER");
    assert_eq!(refused(&database, &Planner::new(USERS_NEW).contract(13))[0].0, Code::OutOfStep);
    database.execute("UPDATE users SET email = 'set right' WHERE id = 7");
    push(&database, &Planner::new(USERS_NEW).contract(13));
    assert_eq!(columns(&database, "users"), "id,nick,email");
    assert_eq!(database.value("SELECT count(*) FROM users WHERE email IS NOT NULL"), "12001");
    assert_clean(&database);
    push(&database, &Planner::new(USERS_NEW));
}

/// Clients of two releases that write `users` at random, and what they must find there.
struct Clients {
    session: Session,
    model: BTreeMap<u64, String>,
    chance: Chance,
    next: u64,
    /// How many statements were done, of old and of new clients.
    done: [u32; 2],
}

impl Clients {
    fn new(database: &Database) -> Clients {
        let session = database.session();
        // Who holds a lock is the run in this thread: nobody else could end it.
        session.execute("SET lock_timeout = '20ms'");
        let rows = session.query("SELECT id, mail FROM users");
        let model = rows
            .into_iter()
            .map(|row| {
                (row[0].as_deref().unwrap_or_default().parse().expect("a number"), row[1].clone().expect("mail"))
            })
            .collect();
        Clients { session, model, chance: Chance(3), next: 1_000_000, done: [0, 0] }
    }

    fn write(&mut self, column: &str) {
        let ids: Vec<u64> = self.model.keys().copied().collect();
        let id = ids[self.chance.below(ids.len() as u64) as usize];
        self.next += 1;
        let (next, value) = (self.next, format!("{column}{}", self.next));
        let mut model = self.model.clone();
        let sql = match self.chance.below(5) {
            0 => {
                model.insert(next, value.clone());
                format!("INSERT INTO users (id, {column}) VALUES ({next}, '{value}')")
            }
            1 => {
                model.insert(id, value.clone());
                format!(
                    "INSERT INTO users (id, {column}) VALUES ({id}, '{value}') \
                     ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}"
                )
            }
            2 => {
                model.remove(&id);
                format!("DELETE FROM users WHERE id = {id}")
            }
            3 => format!("UPDATE users SET nick = '{value}' WHERE id = {id}"),
            _ => {
                model.insert(id, value.clone());
                format!("UPDATE users SET {column} = '{value}' WHERE id = {id}")
            }
        };
        match self.session.try_execute(&sql) {
            Ok(()) => {
                self.model = model;
                self.done[usize::from(column != "mail")] += 1;
            }
            // The run holds a lock, or the column is not there, or no longer.
            Err(why) => assert!(["55P03", "42703"].iter().any(|code| why.starts_with(code)), "{why}: {sql}"),
        }
    }

    #[track_caller]
    fn check(&self, database: &Database, column: &str) {
        let rows = database.query(&format!("SELECT id, {column} FROM users ORDER BY id"));
        let found: BTreeMap<u64, String> = rows
            .into_iter()
            .map(|row| {
                let id = row[0].as_deref().unwrap_or_default().parse().expect("a number");
                (id, row[1].clone().unwrap_or_else(|| "NULL".into()))
            })
            .collect();
        let wrong: Vec<_> = self.model.iter().filter(|(id, value)| found.get(id) != Some(value)).take(5).collect();
        assert!(wrong.is_empty() && found.len() == self.model.len(), "{column}: {wrong:?}");
    }
}

#[test]
fn old_and_new_clients_write_between_any_two_requests_of_both_phases() {
    let database = database("between");
    database.execute(USERS);
    database.execute("CREATE INDEX users_mail_nick ON users (mail, nick)");
    database.execute("INSERT INTO users SELECT n, 'm' || n, 'n' || n FROM generate_series(1, 11000) n");
    let schema = format!("{USERS_NEW}; CREATE INDEX users_mail_nick ON users (email, nick)");
    let planner = || Planner::new(&schema).rename("users.mail", "email").expect("the answer is well formed");
    let mut clients = Clients::new(&database);
    run(async {
        let plan = planner().expand(12).plan(&mut connect(&database).await).await.expect("a plan is made");
        assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
        let write = |_: &str| {
            clients.write("mail");
            clients.write("email");
        };
        let mut host = Between { inner: connect(&database).await, before: write };
        plan.run(&mut host).await.unwrap_or_else(|error| panic!("{error:?}\n{}", plan.script()));
    });
    assert!(clients.done.iter().all(|done| *done > 15), "{:?}", clients.done);
    for column in ["mail", "email"] {
        clients.check(&database, column);
    }
    for _ in 0..200 {
        clients.write("mail");
        clients.write("email");
    }
    for column in ["mail", "email"] {
        clients.check(&database, column);
    }
    // The old index stepped aside, and the new one has its name.
    assert_eq!(
        database.value("SELECT string_agg(indexname, ' ' ORDER BY indexname COLLATE \"C\") FROM pg_indexes WHERE tablename = 'users'"),
        "_whimbrel_old_users_mail_nick users_email_key users_mail_key users_mail_nick users_pkey"
    );
    run(async {
        let plan = planner().contract(13).plan(&mut connect(&database).await).await.expect("a plan is made");
        assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
        let mut host = Between { inner: connect(&database).await, before: |_: &str| clients.write("email") };
        plan.run(&mut host).await.unwrap_or_else(|error| panic!("{error:?}\n{}", plan.script()));
    });
    clients.check(&database, "email");
    assert_clean(&database);
    push(&database, &Planner::new(&schema));
}

/// Each run is ended at another request, and the next one does the rest.
#[test]
fn both_phases_are_gone_on_with_wherever_a_run_was_ended() {
    let (database, empty) = (database("ended"), database("endedscratch"));
    let setup = "DROP TABLE IF EXISTS posts; DROP TABLE IF EXISTS users; DROP SCHEMA IF EXISTS _whimbrel CASCADE;
        CREATE TABLE users (id integer PRIMARY KEY, mail text NOT NULL UNIQUE, nick text);
        CREATE TABLE posts (id integer, author text REFERENCES users (mail) ON UPDATE CASCADE);
        INSERT INTO users SELECT n, 'm' || n, CASE WHEN n > 3 THEN 'n' END FROM generate_series(1, 7) n;
        INSERT INTO posts SELECT n, 'm' || n FROM generate_series(1, 7) n";
    let schema = "CREATE TABLE users (id integer PRIMARY KEY,
          email text NOT NULL CONSTRAINT users_mail_key UNIQUE, -- whimbrel: renamed from mail
          nick text NOT NULL, -- whimbrel: backfill 'none'
          age integer);
        CREATE INDEX users_age ON users (age);
        CREATE TABLE posts (id integer, author text REFERENCES users (email) ON UPDATE CASCADE)";
    let expand = Planner::new(schema).expand(4);
    let contract = Planner::new(schema).contract(5);
    let verify = |n: usize| {
        let found = database.value("SELECT count(*) || ' ' || count(email) || ' ' || count(nick) FROM users");
        assert_eq!(found, "7 7 7", "{n}");
        assert_eq!(database.value("SELECT count(*) FROM posts JOIN users ON author = email"), "7", "{n}");
    };
    database.execute(setup);
    let first = run(async { expand.plan(&mut connect(&database).await).await.expect("a plan is made") });
    push(&database, &expand);
    let second = run(async { contract.plan(&mut connect(&database).await).await.expect("a plan is made") });
    for (plan, planner) in [(&first, &expand), (&second, &contract)] {
        push(&database, planner);
        let expected = run(async { read_schema(&mut connect(&database).await).await.expect("it can be read") });
        for n in 1.. {
            database.execute(setup);
            if std::ptr::eq(planner, &contract) {
                run(async { first.run(&mut connect(&database).await).await.expect("it is expanded") });
            }
            let mut left: usize = n;
            let outcome = run(async {
                let mut inner = connect(&database).await;
                let rows = inner.query("SELECT pg_backend_pid()").await.expect("it answers");
                let end = format!("SELECT pg_terminate_backend({}, 5000)", rows[0][0].text().expect("a number"));
                let before = |sql: &str| {
                    // What was not committed is rolled back: it is ended where a transaction begins, and before
                    // it is committed.
                    if !sql.contains("COMMIT") && !sql.contains("CONCURRENTLY") {
                        return;
                    }
                    left = left.wrapping_sub(1);
                    if left == 0 {
                        database.value(&end);
                    }
                };
                plan.run(&mut Between { inner, before }).await
            });
            if let Err(error) = &outcome {
                let codes = [Code::Disconnected, Code::OutcomeUnknown];
                assert!(codes.contains(&error.code()), "{n}: {error:?}");
            }
            // Old clients go on, wherever it stopped.
            if std::ptr::eq(planner, &expand) {
                database
                    .execute("UPDATE users SET mail = 'm1' WHERE id = 1; UPDATE users SET nick = NULL WHERE id = 0");
            }
            run(async {
                let (mut host, mut scratch) = (connect(&database).await, connect(&empty).await);
                let plan = planner.plan_with(&mut host, Some(&mut scratch), &mut |_| None).await;
                let plan = plan.expect("a plan is made");
                plan.run(&mut host).await.unwrap_or_else(|error| panic!("{n}: {error:?}\n{}", plan.script()));
                assert_eq!(read_schema(&mut host).await.expect("it can be read").objects, expected.objects, "{n}");
            });
            verify(n);
            if outcome.is_ok() {
                break;
            }
        }
    }
    assert_clean(&database);
}

fn planner(schema: &str, renames: &[(&str, &str)]) -> Planner {
    renames
        .iter()
        .fold(Planner::new(schema), |planner, (from, to)| planner.rename(from, to).expect("the answer is well formed"))
}

#[track_caller]
fn assert_refused(database: &Database, planner: &Planner, words: &str) {
    let before = database.value("SELECT count(*) FROM pg_class");
    let found = refused(database, planner);
    assert!(
        found.iter().any(|(code, message)| *code == Code::Unsupported && message.contains(words)),
        "{words}: {found:?}"
    );
    assert_eq!(database.value("SELECT count(*) FROM pg_class"), before, "something was made");
}

#[test]
fn what_cannot_be_both_is_refused_by_name() {
    let database = database("refused");
    database.execute(
        "CREATE TYPE mood AS ENUM ('glad', 'sad');
         CREATE DOMAIN short AS varchar(5);
         CREATE TABLE t (id integer PRIMARY KEY, a text, n integer NOT NULL, m mood, s short, f integer GENERATED ALWAYS AS (n) STORED);
         CREATE TABLE p (id integer, a text) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
         CREATE VIEW v AS SELECT id, a FROM t;
         CREATE FUNCTION g(x integer) RETURNS integer LANGUAGE sql AS 'SELECT x';
         INSERT INTO t (id, a, n) VALUES (1, 'x', 1)",
    );
    let base =
        run(async { whimbrel::postgres::read_declared_schema(&mut connect(&database).await).await.expect("read") });
    let sql = whimbrel::postgres::print::to_sql(&base);
    /// What stands in the schema, what takes its place, renames, and words of the refusal.
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);
    let cases: &[Case] = &[
        ("    n integer NOT NULL", "    n bigint NOT NULL", &[], "n cannot have two types under one name"),
        (
            "    n integer NOT NULL",
            "    n2 smallint NOT NULL",
            &[("t.n", "n2")],
            "not every integer that an old client writes into n is one smallint",
        ),
        (
            "    n integer NOT NULL",
            "    n2 bigint NOT NULL",
            &[("t.n", "n2")],
            "not every bigint that a new client writes into n2 is one integer",
        ),
        ("    n integer NOT NULL", "    n2 integer", &[("t.n", "n2")], "new clients may write NULL into n2"),
        (
            "    a text,\n    n integer",
            "    b text NOT NULL,\n    n integer",
            &[("t.a", "b")],
            "old clients may write NULL into a",
        ),
        ("    a text,\n    n integer", "    a text NOT NULL,\n    n integer", &[], "old clients may leave a NULL"),
        ("    m public.mood", "    m public.mood,\n    x text NOT NULL", &[], "old clients give x no value"),
        ("    n integer NOT NULL,\n", "", &[], "new clients give n no value"),
        (
            "    id integer NOT NULL,\n    a text,\n    n",
            "    key integer NOT NULL,\n    a text,\n    n",
            &[("t.id", "key")],
            "part of the primary key",
        ),
        ("    id integer,\n    a text\n", "    id integer,\n    b text\n", &[("p.a", "b")], "it has partitions"),
        ("'glad', 'sad'", "'glad', 'angry'", &[], "would use other values"),
        ("'glad', 'sad'", "'glad', 'low'", &[("mood.sad", "low")], "old clients know sad, and new ones do not"),
        (",\n    CONSTRAINT t_pkey PRIMARY KEY (id)", "", &[], "old clients may rely on it"),
        ("character varying(5)", "character varying(6)", &[], "share it"),
        ("SELECT t.id,\n    t.a\n", "SELECT t.a,\n    t.id\n", &[], "old clients need its columns"),
        ("RETURNS integer", "RETURNS bigint", &[], "another result"),
    ];
    for (from, to, renames, words) in cases {
        assert!(sql.contains(from), "{from} is not in {sql}");
        let mut schema = sql.replacen(from, to, 1);
        // What rests on the columns that go.
        if words.contains("of n ") || from.contains(" n integer") || words.contains("key") {
            schema = schema.replace(",\n    f integer GENERATED ALWAYS AS (n) STORED", "");
        }
        if words.contains("key") {
            schema =
                schema.replace("PRIMARY KEY (id)", "PRIMARY KEY (key)").replace("SELECT t.id,", "SELECT t.key AS id,");
        }
        if words.contains("NULL into a") {
            schema = schema.replace("    t.a\n", "    t.b AS a\n");
        }
        if to.contains("character varying(6)") {
            assert!(!refused(&database, &planner(&schema, renames).expand(1)).is_empty(), "{words}");
            continue;
        }
        assert_refused(&database, &planner(&schema, renames).expand(1).accept_data_loss(true), words);
    }
}

#[test]
fn a_column_of_another_type_is_converted_both_ways() {
    let database = database("types");
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, price text NOT NULL DEFAULT '0', note varchar(10));
         INSERT INTO t SELECT n, n || ' EUR', 'note ' || n FROM generate_series(1, 300) n",
    );
    let schema = "CREATE TABLE t (id integer PRIMARY KEY, cents bigint NOT NULL DEFAULT 0, remark text)";
    let planner = planner(schema, &[("t.price", "cents"), ("t.note", "remark")])
        .new_value("t.cents", "coalesce(substring(price FROM '^[0-9]+'), '0')::bigint * 100")
        .old_value("t.price", "(cents / 100) || ' EUR'")
        .old_value("t.note", "left(remark, 10)");
    push(&database, &planner.expand(3));
    assert_eq!(
        database.value("SELECT count(*) FROM t WHERE cents = id * 100 AND remark = note AND price = id || ' EUR'"),
        "300"
    );
    database.execute("INSERT INTO t (id, price) VALUES (901, '9 EUR'); INSERT INTO t (id, cents, remark) VALUES (902, 400, 'a long remark')");
    database.execute("UPDATE t SET note = 'short' WHERE id = 1; UPDATE t SET cents = 700 WHERE id = 2; INSERT INTO t (id) VALUES (903)");
    let shown = "SELECT string_agg(concat_ws(' ', price, cents, note, remark), ', ' ORDER BY id) FROM t WHERE id IN (1, 2, 901, 902, 903)";
    assert_eq!(
        database.value(shown),
        "1 EUR 100 short short, 7 EUR 700 note 2 note 2, 9 EUR 900, 4 EUR 400 a long rem a long remark, 0 0"
    );
    push(&database, &Planner::new(schema).contract(4));
    assert_eq!(columns(&database, "t"), "id,cents,remark");
    assert_clean(&database);
}

#[test]
fn columns_that_must_have_a_value_get_one_from_the_other_clients() {
    let database = database("values");
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, a text, gone text NOT NULL, d text NOT NULL DEFAULT 'd', loose text NOT NULL);
         INSERT INTO t SELECT n, NULLIF('a' || n, 'a1'), 'g', 'd', 'l' FROM generate_series(1, 300) n",
    );
    let schema = "CREATE TABLE t (id integer PRIMARY KEY,
        a text NOT NULL, -- whimbrel: backfill 'none'
        d text NOT NULL,
        loose text,
        fresh text NOT NULL, -- whimbrel: backfill 'f' || id
        CONSTRAINT fresh_is_short CHECK (length(fresh) < 9))";
    let planner = Planner::new(schema).old_value("t.gone", "'nothing'").accept_data_loss(true);
    let warnings = push(&database, &planner.expand(1));
    assert!(warnings.iter().any(|w| w.contains("t.loose")), "{warnings:?}");
    // An old client, and a new one.
    database
        .execute("INSERT INTO t (id, a, gone, loose) VALUES (901, NULL, 'x', 'y'); UPDATE t SET a = NULL WHERE id = 2");
    database.execute("INSERT INTO t (id, a, d, fresh) VALUES (902, 'a', 'e', 'new')");
    let shown = "SELECT string_agg(concat_ws(' ', id, a, gone, d, loose, fresh), ', ' ORDER BY id) FROM t WHERE id IN (1, 2, 901, 902)";
    assert_eq!(database.value(shown), "1 none g d l f1, 2 none g d l f2, 901 none x d y f901, 902 a nothing e new");
    assert!(!refused(&database, &Planner::new(schema).contract(2)).is_empty(), "values of the column would be lost");
    push(&database, &Planner::new(schema).contract(2).accept_data_loss(true));
    assert_eq!(columns(&database, "t"), "id,a,d,loose,fresh");
    assert_eq!(database.value("SELECT count(*) FROM pg_attrdef WHERE adrelid = 't'::regclass"), "0");
    assert_clean(&database);
}

#[test]
fn a_renamed_table_is_a_view_for_old_clients() {
    let database = database("tables");
    let role = database.role("");
    database.execute(&format!(
        "CREATE TABLE users (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, mail text UNIQUE DEFAULT 'none', owner text);
         CREATE TABLE posts (id integer, author integer REFERENCES users);
         ALTER TABLE users ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON users USING (owner = current_user);
         GRANT SELECT, INSERT, UPDATE (mail), DELETE ON users TO {role};
         INSERT INTO users (mail, owner) SELECT 'm' || n, 'somebody' FROM generate_series(1, 300) n"
    ));
    let schema = "CREATE TABLE people (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email text UNIQUE DEFAULT 'none', owner text);
         CREATE TABLE posts (id integer, author integer REFERENCES people);
         ALTER TABLE people ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON people USING (owner = current_user)";
    push(&database, &planner(schema, &[("users", "people"), ("users.mail", "email")]).expand(7));
    let old = Session::open(&database.url_as(&role));
    old.execute(&format!(
        "INSERT INTO users (id, mail, owner) VALUES (901, 'x', '{role}') ON CONFLICT (mail) DO NOTHING"
    ));
    assert_eq!(old.query("UPDATE users SET mail = 'y' WHERE id = 901 RETURNING id")[0][0].as_deref(), Some("901"));
    // The policy holds for old clients as it did.
    assert_eq!(old.query("SELECT count(*) FROM users")[0][0].as_deref(), Some("1"));
    assert!(old.try_execute("UPDATE users SET owner = 'x'").is_err(), "this right was never given");
    assert_eq!(database.value("SELECT email FROM people WHERE id = 901"), "y");
    database.execute("UPDATE people SET email = 'z' WHERE id = 901; INSERT INTO posts VALUES (1, 901)");
    assert_eq!(old.query("SELECT mail FROM users")[0][0].as_deref(), Some("z"));
    old.execute("DELETE FROM users WHERE id = 5");
    drop(old);
    push(&database, &Planner::new(schema).contract(8));
    assert_eq!(database.value("SELECT count(*) FROM people"), "301");
    assert_eq!(database.value("SELECT to_regclass('users') IS NULL"), "t");
    assert_clean(&database);
}

#[test]
fn three_releases_are_served_and_go_one_after_the_other() {
    let database = database("chain");
    let schema = |name: &str| {
        format!(
            "CREATE TABLE t (id integer PRIMARY KEY, {name} text NOT NULL UNIQUE); CREATE VIEW v AS SELECT id, {name} AS shown FROM t"
        )
    };
    database.execute(&schema("a"));
    database.execute("INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 300) n");
    push(&database, &planner(&schema("b"), &[("t.a", "b")]).expand(1));
    push(&database, &planner(&schema("c"), &[("t.b", "c")]).expand(2));
    for (n, column) in ["a", "b", "c", "c", "a", "b"].into_iter().enumerate() {
        database.execute(&format!(
            "UPDATE t SET {column} = 'w{n}' WHERE id = 1; INSERT INTO t (id, {column}) VALUES ({}, 'i{n}')",
            900 + n
        ));
        assert_eq!(
            database.value("SELECT a || b || c || shown FROM t JOIN v USING (id) WHERE id = 1"),
            format!("w{n}w{n}w{n}w{n}")
        );
    }
    assert_eq!(database.value("SELECT count(*) FROM t WHERE a = b AND b = c"), "306");
    assert_eq!(refused(&database, &Planner::new(schema("c")).contract(1))[0].0, Code::StillNeeded);
    // Only the first release is gone.
    run(async { Planner::new(schema("c")).contract(2).push(&mut connect(&database).await).await.expect("it runs") });
    assert_eq!(columns(&database, "t"), "id,b,c");
    database.execute("UPDATE t SET b = 'still' WHERE id = 1");
    assert_eq!(database.value("SELECT c FROM t WHERE id = 1"), "still");
    assert_eq!(refused(&database, &Planner::new(schema("c")).contract(2))[0].0, Code::StillNeeded);
    push(&database, &Planner::new(schema("c")).contract(3));
    assert_eq!(columns(&database, "t"), "id,c");
    assert_clean(&database);
}

#[test]
fn what_holds_new_clients_goes_at_once_and_what_would_hold_old_ones_waits() {
    let database = database("constraints");
    database.execute(
        "CREATE TABLE o (id integer PRIMARY KEY);
         CREATE TABLE t (id integer PRIMARY KEY, a integer CHECK (a < 10), b integer UNIQUE, c integer, d integer REFERENCES o);
         CREATE INDEX plain ON t (c);
         CREATE TABLE old (id integer PRIMARY KEY, t integer REFERENCES t);
         CREATE VIEW old_view AS SELECT id FROM t;
         CREATE FUNCTION old_function() RETURNS integer LANGUAGE sql AS 'SELECT 1';
         INSERT INTO t SELECT n, n % 9, n, n FROM generate_series(1, 300) n; INSERT INTO old VALUES (1, 1)",
    );
    let schema = "CREATE TABLE o (id integer PRIMARY KEY);
        CREATE TABLE t (id integer PRIMARY KEY, a integer CHECK (a < 100), b integer, c integer UNIQUE CHECK (c > 0), d integer);
        CREATE INDEX new_plain ON t (b)";
    push(&database, &Planner::new(schema).expand(1));
    // New clients are not held by what they do not know; old ones find what they use.
    database.execute("INSERT INTO t (id, a, c, d) VALUES (901, 50, 901, 77)");
    database.execute("INSERT INTO t (id, b, c) VALUES (902, 3, -5) ON CONFLICT (b) DO NOTHING; INSERT INTO t (id, c) VALUES (903, 9)");
    database.execute("SELECT old_function(), id FROM old_view; INSERT INTO old VALUES (2, 2)");
    let contract = || Planner::new(schema).contract(2).accept_data_loss(true);
    let found = refused(&database, &contract());
    assert!(found.iter().any(|(code, _)| *code == Code::RowsDoNotFit), "9 is there twice: {found:?}");
    database.execute("DELETE FROM t WHERE id = 903");
    push(&database, &contract());
    assert!(database.session().try_execute("INSERT INTO t (id, c) VALUES (904, 9)").is_err());
    assert_eq!(
        database.value("SELECT count(*) FROM pg_class WHERE relname IN ('old', 'old_view', 'plain', 't_b_key')"),
        "0"
    );
    assert_clean(&database);
}

#[test]
fn policies_triggers_keys_and_copy_work_for_both() {
    let database = database("beside");
    let role = database.role("");
    let schema = |name: &str| {
        format!(
            "CREATE TABLE o (code text PRIMARY KEY);
             CREATE TABLE t (id integer PRIMARY KEY, {name} text REFERENCES o ON UPDATE CASCADE ON DELETE SET NULL, seen text);
             CREATE INDEX t_ref ON t ({name}) WHERE {name} IS NOT NULL;
             ALTER TABLE t ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON t USING ({name} <> 'hidden');
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.seen := ''seen''; RETURN NEW; END';
             CREATE TRIGGER see BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION see();
             CREATE TRIGGER after_all AFTER UPDATE ON t FOR EACH ROW WHEN (NEW.{name} IS NOT NULL) EXECUTE FUNCTION see()"
        )
    };
    database.execute(&schema("old"));
    database.execute(&format!("GRANT SELECT, INSERT, UPDATE ON t TO {role}; GRANT SELECT ON o TO {role}"));
    database.execute("INSERT INTO o VALUES ('x'), ('y'), ('hidden'); INSERT INTO t SELECT n, (ARRAY['x', 'y', 'hidden'])[n % 3 + 1] FROM generate_series(1, 300) n");
    push(&database, &planner(&schema("new"), &[("t.old", "new")]).expand(1));
    let equal = || assert_eq!(database.value("SELECT count(*) FROM t WHERE old IS DISTINCT FROM new"), "0");
    equal();
    database.execute("UPDATE o SET code = 'x2' WHERE code = 'x'");
    equal();
    database.execute("DELETE FROM o WHERE code = 'y'");
    equal();
    assert_eq!(database.value("SELECT count(*) FROM t WHERE new IS NULL"), "100");
    for (column, id) in [("old", 901), ("new", 902)] {
        let session = Session::open(&database.url_as(&role));
        session.execute(&format!("INSERT INTO t (id, {column}) VALUES ({id}, 'x2')"));
        assert!(
            session.try_execute(&format!("INSERT INTO t (id, {column}) VALUES (999, 'hidden')")).is_err(),
            "a policy"
        );
        assert!(session.try_execute(&format!("INSERT INTO t (id, {column}) VALUES (999, 'nobody')")).is_err(), "a key");
        assert_eq!(
            session.query(&format!("SELECT count(*) FROM t WHERE {column} = 'x2'"))[0][0],
            Some((101 + 2 * (id - 901)).to_string())
        );
        database.psql(&format!("COPY t (id, {column}) FROM stdin;\n{}\tx2\n\\.\n", id + 20));
    }
    equal();
    assert_eq!(database.value("SELECT string_agg(seen, '') FROM t WHERE id > 900"), "seenseenseenseen");
    push(&database, &Planner::new(schema("new")).contract(2));
    assert_eq!(columns(&database, "t"), "id,seen,new");
    assert_clean(&database);
}

/// The example of the guide, run as it stands there.
#[test]
fn the_example_of_the_guide_runs() {
    let guide = include_str!("../../../docs/expand-contract.md");
    let block = |name: &str| {
        let start = guide.find(&format!("```sql {name}\n")).unwrap_or_else(|| panic!("{name} is there"));
        let text = guide[start..].split_once('\n').expect("a block has lines").1;
        text.split("```").next().expect("a block ends").trim().to_owned()
    };
    let database = database("guide");
    database.execute(&block("old"));
    push(&database, &Planner::new(block("new")).expand(12));
    database.execute(&block("clients"));
    let shown: Vec<String> = database
        .query(&block("select"))
        .into_iter()
        .map(|row| format!("| {} |", row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" | ")))
        .collect();
    assert_eq!(shown.len(), 2);
    for line in shown {
        assert!(guide.contains(&line), "{line} is not in the guide");
    }
    let other = Planner::new(block("old")).rename("users.email", "mail").expect("the answer is well formed");
    assert_eq!(refused(&database, &other)[0].0, Code::Expanded);
    assert_eq!(refused(&database, &Planner::new(block("new")).contract(12))[0].0, Code::StillNeeded);
    push(&database, &Planner::new(block("new")).contract(13));
    assert_eq!(columns(&database, "users"), "id,nick,email");
    assert_clean(&database);
}

/// A contraction ends what was expanded, and begins nothing: the clients that are still about know nothing of more.
#[test]
fn what_was_not_expanded_is_not_contracted() {
    let database = database("besides");
    database.execute(
        "CREATE TABLE users (id integer PRIMARY KEY, mail text, nick text); INSERT INTO users VALUES (1, 'a', 'b')",
    );
    let second = "CREATE TABLE users (id integer PRIMARY KEY, email text, nick text);";
    let third = "CREATE TABLE users (id integer PRIMARY KEY, email text, handle text, more integer); \
                 CREATE TABLE tags (name text);";
    let with_more = "CREATE TABLE users (id integer PRIMARY KEY, email text, nick text, more integer); \
                     CREATE TABLE tags (name text);";
    push(&database, &planner(second, &[("users.mail", "email")]).expand(12));
    let found = refused(&database, &planner(third, &[("users.nick", "handle")]).contract(13));
    assert_eq!(found[0].0, Code::StillNeeded);
    assert!(found[0].1.contains("users.nick"), "{found:?}");
    assert_eq!(columns(&database, "users"), "id,mail,nick,email");
    // What only adds breaks nobody.
    push(&database, &Planner::new(with_more).contract(13));
    assert_eq!(columns(&database, "users"), "id,nick,email,more");
}
