//! Runs of plans on a live server, and the places where schemas are tried out: locks that others hold, connections that
//! end, roles that lack a right, and what is left behind.

#[path = "support/postgres.rs"]
mod hosts;

use std::future::Future;
use std::time::Duration;

use whimbrel::postgres_host::Postgres;
use whimbrel::run::{Cancel, Connection, Event, Report};
use whimbrel::{Code, Error, Result, State};
use whimbrel_core::postgres::declared::read_declared;
use whimbrel_core::postgres::host::Host;
use whimbrel_core::postgres::read::read_schema;
use whimbrel_core::postgres::run::{RunSettings, run_plan, try_out};
use whimbrel_core::postgres::schema::{Kind, ObjectId, Schema};
use whimbrel_core::postgres::scratch::{Place, Scratch};
use whimbrel_core::postgres::steps::{Plan, Statement, Step};
use whimbrel_core::schema::Source;
use whimbrel_postgres_server::{Database, Server, Session, database};

use hosts::{Ending, Reader, a_round_in_time};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(future)
}

async fn connect(database: &Database) -> Postgres {
    Postgres::connect(&database.url).await.expect("the database is there")
}

fn source(text: &str) -> Source {
    Source { name: "schema.sql".into(), text: text.into() }
}

/// What the SQL declares, by way of a place of its own.
async fn declared<H: Host>(host: &mut H, sql: &str) -> Result<Schema> {
    let mut place = Place::open(host, Scratch::Automatic).await?;
    let declared = read_declared(&mut place, &[source(sql)]).await;
    place.close().await?;
    declared.map(|declared| declared.schema)
}

fn together(object: &str, statements: &[&str]) -> Step {
    let statements = statements.iter().map(|sql| Statement::Execute((*sql).to_owned())).collect();
    Step { object: object.into(), title: "change".into(), statements, ..Step::default() }
}

fn alone(object: &str, statement: Statement) -> Step {
    Step { alone: true, statements: vec![statement], ..together(object, &[]) }
}

fn fill(sql: &str, rows: u64) -> Statement {
    let left = "n IS NULL".to_owned();
    Statement::Backfill { sql: format!("{sql} WHERE {left}"), table: table("t"), left, rows }
}

fn outside(object: &str, sql: &str) -> Step {
    let plain = sql.replace(" CONCURRENTLY", "");
    alone(object, Statement::Outside { sql: sql.to_owned(), plain })
}

/// A plan from what is there to what the SQL makes of an empty database.
async fn plan<H: Host>(host: &mut H, target: &str, steps: Vec<Step>) -> Plan {
    let before = read_schema(host).await.expect("it can be read");
    let target = declared(host, target).await.expect("it can be declared");
    Plan { steps, before, target, ..Plan::default() }
}

fn settings(lock_timeout: u64, attempts: u32) -> RunSettings {
    RunSettings {
        lock_timeout: Duration::from_millis(lock_timeout),
        attempts,
        lock_wait: Duration::from_millis(300),
        concurrent_wait: Duration::from_millis(500),
        ..RunSettings::default()
    }
}

async fn run_it<H: Host>(host: &mut H, plan: &Plan, settings: &RunSettings) -> Result<Report> {
    run_plan(host, plan, settings, &mut (), &Cancel::default()).await
}

fn table(name: &str) -> ObjectId {
    ObjectId::new(Kind::Table, "public", name)
}

fn columns(database: &Database, table: &str) -> String {
    database.value(&format!(
        "SELECT coalesce(string_agg(attname, ',' ORDER BY attnum), '') FROM pg_attribute \
         WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
    ))
}

fn locks_left(database: &Database) -> String {
    database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
}

/// Says which objects differ, and not all that there are.
#[track_caller]
fn assert_same(found: &Schema, expected: &Schema) {
    for id in found.objects.keys().chain(expected.objects.keys()) {
        assert_eq!(found.get(id), expected.get(id));
    }
}

#[test]
fn a_plan_is_run_and_verified() {
    let database = database("runs");
    database.execute("CREATE TABLE t(id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 250)");
    run(async {
        let mut host = connect(&database).await;
        let steps = vec![
            together("t", &["ALTER TABLE public.t ADD COLUMN n integer"]),
            alone("t", fill("UPDATE public.t SET n = id * 2", 250)),
            outside("i", "CREATE INDEX CONCURRENTLY i ON public.t (n)"),
            Step {
                statements: vec![
                    Statement::Check {
                        sql: "SELECT count(*) FROM public.t WHERE n IS NULL".into(),
                        failure: "rows are left".into(),
                    },
                    Statement::Execute("ALTER TABLE public.t ALTER COLUMN n SET NOT NULL".into()),
                ],
                ..together("t", &[])
            },
        ];
        let made = plan(
            &mut host,
            "CREATE TABLE t(id integer PRIMARY KEY, n integer NOT NULL); CREATE INDEX i ON t(n)",
            steps,
        )
        .await;
        let mut seen = Vec::new();
        let mut observer = |event: &Event<'_>| {
            seen.push(match event {
                Event::Started { steps, rows } => format!("started {steps} {rows}"),
                Event::Step { number, of, .. } => format!("{number} of {of}"),
                Event::Portion { rows } => format!("{rows} rows"),
                Event::Verifying => "verifying".into(),
                Event::Committed => "committed".into(),
                _ => "?".into(),
            });
        };
        let report = run_plan(&mut host, &made, &settings(500, 3), &mut observer, &Cancel::default()).await;
        let report = report.expect("it runs");
        assert_eq!((report.steps, report.rows), (4, 250));
        let expected = ["started 4 250", "1 of 4", "2 of 4", "250 rows", "3 of 4", "4 of 4", "verifying", "committed"];
        assert_eq!(seen, expected);
        assert_eq!(database.value("SELECT sum(n) FROM t"), "62750");
        // Nothing of the run is left on the connection.
        let rows = host.query("SELECT current_setting('lock_timeout'), current_setting('search_path')").await;
        assert_eq!(
            rows.expect("it answers")[0].iter().filter_map(|v| v.text()).collect::<Vec<_>>(),
            ["0", "\"$user\", public"]
        );
        assert!(!host.in_transaction().await.expect("it answers"));
        assert_eq!(locks_left(&database), "0");
    });
}

#[test]
fn another_database_than_the_plans_is_left_alone() {
    let database = database("superseded");
    database.execute("CREATE TABLE t(id integer)");
    run(async {
        let mut host = connect(&database).await;
        let steps = vec![together("t", &["ALTER TABLE public.t ADD COLUMN n integer"])];
        let made = plan(&mut host, "CREATE TABLE t(id integer, n integer)", steps).await;
        database.execute("ALTER TABLE t ADD COLUMN other text");
        let error = run_it(&mut host, &made, &settings(500, 3)).await.expect_err("it differs");
        assert_eq!((error.code(), error.report().state), (Code::Superseded, State::Unchanged));
        assert_eq!(locks_left(&database), "0");
    });
}

#[test]
fn a_result_that_was_not_planned_is_rolled_back() {
    let database = database("verified");
    database.execute("CREATE TABLE t(id integer)");
    run(async {
        let mut host = connect(&database).await;
        let steps = vec![together("t", &["ALTER TABLE public.t ADD COLUMN n text"])];
        let mut made = plan(&mut host, "CREATE TABLE t(id integer, n integer)", steps).await;
        let error = run_it(&mut host, &made, &settings(500, 3)).await.expect_err("it is another type");
        assert_eq!((error.code(), error.report().state), (Code::VerificationFailed, State::RolledBack));
        assert_eq!(columns(&database, "t"), "id");
        // Where the last step stands alone, what is done is done.
        made.steps.push(outside("i", "CREATE INDEX CONCURRENTLY i ON public.t (id)"));
        let error = run_it(&mut host, &made, &settings(500, 3)).await.expect_err("it is another type");
        assert_eq!((error.code(), error.report().state), (Code::VerificationFailed, State::Begun));
        assert_eq!(columns(&database, "t"), "id,n");
        assert_eq!(locks_left(&database), "0");
    });
}

#[test]
fn rows_that_do_not_fit_stop_the_run() {
    let database = database("rows");
    database.execute("CREATE TABLE t(id integer, word text); INSERT INTO t VALUES (1, 'secret'), (1, NULL)");
    run(async {
        let mut host = connect(&database).await;
        let check = Statement::Check {
            sql: "SELECT count(*) FROM public.t WHERE word IS NULL".into(),
            failure: "rows have no word".into(),
        };
        for (step, says) in [
            (Step { statements: vec![check], ..together("t", &["-"]) }, "rows have no word"),
            (
                together("t", &["ALTER TABLE public.t ALTER COLUMN word TYPE integer USING word::integer"]),
                "rows of t do not fit",
            ),
            (together("t", &["ALTER TABLE public.t ADD UNIQUE (id)"]), "rows of t do not fit"),
            (outside("i", "CREATE UNIQUE INDEX CONCURRENTLY i ON public.t (id)"), "rows of i do not fit"),
        ] {
            let before = read_schema(&mut host).await.expect("it can be read");
            let made = Plan { steps: vec![step], before: before.clone(), ..Plan::default() };
            let error = run_it(&mut host, &made, &settings(500, 3)).await.expect_err("they do not fit");
            assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
            assert!(error.report().message.contains(says) && !error.to_string().contains("secret"), "{error}");
            // An index whose build failed is gone.
            assert_eq!(read_schema(&mut host).await.expect("it can be read"), before);
        }
        assert_eq!(locks_left(&database), "0");
    });
}

#[test]
fn the_waits_of_a_transaction_come_out_of_one_budget() {
    let database = database("budget");
    database.execute("CREATE TABLE a(id integer); CREATE TABLE b(id integer)");
    let made = run(async {
        let mut host = connect(&database).await;
        let steps = vec![
            together("a", &["ALTER TABLE public.a ADD COLUMN n integer"]),
            together("b", &["ALTER TABLE public.b ADD COLUMN n integer"]),
        ];
        plan(&mut host, "CREATE TABLE a(id integer, n integer); CREATE TABLE b(id integer, n integer)", steps).await
    });
    let holds_b = database.session();
    holds_b.execute("BEGIN; SELECT * FROM b");
    a_round_in_time(
        || {
            // Most of the time is spent on the first table, which is then locked while the second is waited for.
            let holds_a = database.session();
            holds_a.execute("BEGIN; SELECT * FROM a");
            let release = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(450));
                holds_a.execute("COMMIT");
            });
            let reader = Reader::start(database.session(), "SELECT count(*) FROM a");
            let outcome = run(async { run_it(&mut connect(&database).await, &made, &settings(600, 1)).await });
            assert_eq!(outcome.map_err(|e| e.code()), Err(Code::Busy));
            release.join().expect("it is released");
            reader.end()
        },
        Duration::from_millis(700),
    );
    assert_eq!(columns(&database, "a"), "id");
}

const TARGET: &str = "CREATE TABLE t(id integer PRIMARY KEY, n integer NOT NULL); CREATE INDEX i ON t(n)";

/// The steps that are left, told from the database alone.
fn steps_left(schema: &Schema) -> Vec<Step> {
    let mut steps = Vec::new();
    let column = schema.table(&table("t")).and_then(|table| table.column("n")).cloned();
    if column.is_none() {
        steps.push(together("t", &["ALTER TABLE public.t ADD COLUMN n integer"]));
    }
    if column.is_none_or(|column| !column.not_null) {
        steps.push(alone("t", fill("UPDATE public.t SET n = id", 5)));
        steps.push(together(
            "t",
            &["ALTER TABLE public.t ALTER COLUMN n SET NOT NULL", "COMMENT ON TABLE public.t IS NULL"],
        ));
    }
    let index = schema.get(&ObjectId::new(Kind::Index, "public", "i"));
    let is_valid =
        index.map(|object| matches!(&object.body, whimbrel_core::postgres::schema::Body::Index(index) if index.valid));
    if is_valid == Some(false) {
        steps.push(outside("i", "DROP INDEX CONCURRENTLY public.i"));
    }
    if is_valid != Some(true) {
        steps.push(outside("i", "CREATE INDEX CONCURRENTLY i ON public.t (n)"));
    }
    steps
}

async fn plan_left<H: Host>(host: &mut H, target: &Schema) -> Plan {
    let before = read_schema(host).await.expect("it can be read");
    Plan { steps: steps_left(&before), before, target: target.clone(), ..Plan::default() }
}

#[test]
fn a_session_that_ends_between_any_two_requests_is_gone_on_from() {
    let database = database("ending");
    let target = run(async { declared(&mut connect(&database).await, TARGET).await.expect("it can be declared") });
    for is_after in [false, true] {
        let mut states = Vec::new();
        for n in 1.. {
            database.execute("DROP TABLE IF EXISTS t; CREATE TABLE t(id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5)");
            let outcome = run(async {
                let mut host = Ending::new(&database, usize::MAX, is_after).await;
                let made = plan_left(&mut host, &target).await;
                host.left = n;
                let outcome = run_it(&mut host, &made, &settings(500, 3)).await;
                (outcome, made, host.left)
            });
            let (outcome, made, left) = outcome;
            let is_over = left > 0 && left < usize::MAX / 2;
            match &outcome {
                Ok(_) => {}
                Err(error) => {
                    let state = error.report().state;
                    states.push(state);
                    let now = run(async { read_schema(&mut connect(&database).await).await.expect("it can be read") });
                    let is_as_before = now == made.before;
                    match state {
                        State::Unchanged | State::RolledBack => assert!(is_as_before, "{n}: {error}"),
                        State::Begun | State::Unknown => {}
                        State::Applied => assert_eq!(now, target, "{n}: {error}"),
                    }
                    assert_eq!(state == State::Unknown, error.code() == Code::OutcomeUnknown, "{n}: {error}");
                }
            }
            assert_eq!(locks_left(&database), "0", "{n}");
            // The next run does the rest, and no more.
            run(async {
                let mut host = connect(&database).await;
                let made = plan_left(&mut host, &target).await;
                run_it(&mut host, &made, &settings(500, 3)).await.unwrap_or_else(|error| panic!("{n}: {error}"));
                assert_eq!(read_schema(&mut host).await.expect("it can be read"), target);
            });
            assert_eq!(database.value("SELECT count(*) || ' ' || sum(n) || ' ' || sum(id) FROM t"), "5 15 15");
            if is_over {
                assert!(outcome.is_ok());
                break;
            }
        }
        for state in [State::Unchanged, State::RolledBack, State::Begun, State::Unknown] {
            assert!(states.contains(&state), "{state:?} is missing in {states:?}");
        }
        assert!(states.len() > 30, "{}", states.len());
    }
}

#[test]
fn a_cancelled_run_stops_between_statements() {
    let database = database("cancel");
    database.execute("CREATE TABLE t(id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5)");
    run(async {
        let mut host = connect(&database).await;
        let target = declared(&mut host, TARGET).await.expect("it can be declared");
        for (at, expected) in [(0, State::Unchanged), (1, State::RolledBack), (2, State::Begun), (3, State::Begun)] {
            let made = plan_left(&mut host, &target).await;
            let cancel = Cancel::default();
            let mut count = 0;
            let mut observer = |_: &Event<'_>| {
                if count == at {
                    cancel.cancel();
                }
                count += 1;
            };
            let error = run_plan(&mut host, &made, &settings(500, 3), &mut observer, &cancel).await;
            let error = error.expect_err("it was cancelled");
            assert_eq!((error.code(), error.report().state), (Code::Cancelled, expected), "{at}");
            assert!(!host.in_transaction().await.expect("it answers"));
            assert_eq!(locks_left(&database), "0");
            database.execute("ALTER TABLE t DROP COLUMN IF EXISTS n");
        }
    });
}

// --- Places ---

const SCHEMA: &str = "
    CREATE EXTENSION IF NOT EXISTS citext;
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE people (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail citext UNIQUE, mood mood DEFAULT 'good',
        since timestamptz DEFAULT '2020-01-01 00:00:00+00');
    CREATE SCHEMA app;
    CREATE TABLE app.notes (id serial PRIMARY KEY, owner integer REFERENCES people, body text CHECK (length(body) > 0));
    CREATE INDEX ON app.notes (owner) WHERE body IS NOT NULL;
    CREATE VIEW app.latest AS SELECT n.id, p.mail FROM app.notes n JOIN people p ON p.id = n.owner;
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER t BEFORE INSERT ON app.notes FOR EACH ROW EXECUTE FUNCTION app.f();
    ALTER TABLE app.notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON app.notes USING (owner = 1);
    COMMENT ON TABLE people IS 'those we know';";

fn scratches(database: &Database) -> String {
    database.value("SELECT count(*) FROM pg_database WHERE datname LIKE '\\_whimbrel\\_%'")
}

#[test]
fn a_dump_declares_what_the_database_has() {
    let database = database("dump");
    database.execute(SCHEMA);
    let dump = database.dump();
    run(async {
        let mut host = connect(&database).await;
        let live = read_schema(&mut host).await.expect("it can be read");
        assert_eq!(declared(&mut host, SCHEMA).await.expect("it can be declared"), live);
        let mut place = Place::open(&mut host, Scratch::Automatic).await.expect("it opens");
        let found = read_declared(&mut place, &[source(&dump)]).await;
        place.close().await.expect("it closes");
        let found = found.expect("a dump is a schema");
        assert_same(&found.schema, &live);
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert!(found.warnings[0].contains("OWNER TO"), "{:?}", found.warnings);
    });
}

#[test]
fn a_scratch_database_is_like_the_live_one_and_is_dropped() {
    let server = Server::start("", "", &[]);
    let database = server.database("scratch");
    run(async {
        let mut host = connect(&database).await;
        let mut place = Place::open(&mut host, Scratch::Automatic).await.expect("it opens");
        assert!(place.commits() && !place.is_on_live_connection());
        assert_eq!(scratches(&database), "1");
        let settings = "SELECT pg_encoding_to_char(encoding) || datcollate || datctype FROM pg_database WHERE datname = current_database()";
        let there = place.query(settings).await.expect("it answers");
        assert_eq!(there[0][0].text(), Some(database.value(settings).as_str()));
        // A new value can be used at once, and what follows a failure is still done.
        let statements =
            ["CREATE TYPE e AS ENUM ('a')", "ALTER TYPE e ADD VALUE 'b'", "CREATE TABLE t(e e DEFAULT 'b')"];
        place.execute_all(&statements).await.expect("they can be executed");
        let failed = place.execute_all(&["CREATE TABLE u()", "CREATE TABLE t()", "CREATE TABLE v()"]).await;
        assert_eq!(failed.map_err(|(at, failure)| (at, failure.sqlstate)), Err((1, Some("42P07".to_owned()))));
        let schema = place.read().await.expect("it can be read");
        assert!(schema.table(&table("u")).is_some() && schema.table(&table("v")).is_none());
        place.empty().await.expect("it can be made empty");
        assert_eq!(scratches(&database), "1");
        assert!(place.read().await.expect("it can be read").is_empty());
        place.close().await.expect("it closes");
        assert_eq!(scratches(&database), "0");
        // Nor is one left by an error.
        let error =
            declared(&mut host, "CREATE TABLE a(b integer);\nCREATE TABLE c(d nosuch);").await.expect_err("nosuch");
        assert_eq!(error.code(), Code::SchemaRejected);
        assert_eq!(error.report().origin.line_and_column(), Some((2, 18)));
        assert!(error.to_string().contains("nosuch"), "{error}");
        let error = declared(&mut host, "CREATE EXTENSION nosuch").await.expect_err("nosuch");
        assert!(error.to_string().contains("lacks the extension's files"), "{error}");
        assert_eq!(scratches(&database), "0");
    });
}

#[test]
fn leftovers_of_killed_runs_are_dropped_at_once() {
    let server = Server::start("", "", &[]);
    let database = server.database("leftovers");
    run(async {
        // A run that was killed while it planned: what is dropped without being closed is its database.
        let mut killed = connect(&database).await;
        let place = Place::open(&mut killed, Scratch::Automatic).await.expect("it opens");
        drop(place);
        let left = database.value("SELECT datname FROM pg_database WHERE datname LIKE '\\_whimbrel\\_%'");
        let mut host = connect(&database).await;
        let names = || {
            database.value("SELECT coalesce(string_agg(right(datname, 4), ' ' ORDER BY datname), '') FROM pg_database WHERE datname LIKE '\\_whimbrel\\_%'")
        };
        // As long as its session lives, it may be about to connect.
        declared(&mut host, "").await.expect("nothing can be declared");
        assert_eq!(names(), left[left.len() - 4..]);
        killed.close().await;
        while database.value("SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL") != "2" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        declared(&mut host, "").await.expect("nothing can be declared");
        assert_eq!(names(), "");
        // In use; of somebody else; with another comment; of a session with the number of a later one.
        let pid: u32 = database.value("SELECT pg_backend_pid()").parse().expect("it is a number");
        let used = "_whimbrel_00000000000000a2";
        let reused = format!("_whimbrel_{:08x}00000000", pid);
        for name in [used, "_whimbrel_mine", "_whimbrel_00000000000000a4", &reused] {
            database.execute(&format!("CREATE DATABASE {name}"));
        }
        database.execute("COMMENT ON DATABASE _whimbrel_00000000000000a4 IS 'precious'");
        let user = Session::open(&database.url.replace(&database.name, used));
        declared(&mut host, "").await.expect("nothing can be declared");
        assert_eq!(names(), "00a2 00a4 mine");
        drop(user);
        // The server ends a session some time after its client has gone.
        let is_used = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{used}'");
        while database.value(&is_used) != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        declared(&mut host, "").await.expect("nothing can be declared");
        assert_eq!(names(), "00a4 mine");
    });
}

#[test]
fn a_plan_makes_one_scratch_database() {
    let server = Server::start("log_statement = ddl", "", &[]);
    let database = server.database("one");
    database
        .execute("CREATE TABLE t(id integer, mail text, c text); CREATE SCHEMA app; CREATE TYPE app.s AS ENUM ('a')");
    run(async {
        let after = "CREATE EXTENSION citext; CREATE SCHEMA app; CREATE TYPE app.s AS ENUM ('a', 'b'); \
            CREATE TABLE t(id integer PRIMARY KEY, email text, c citext, s app.s DEFAULT 'b'); COMMENT ON SCHEMA public IS 'ours'";
        let planner = whimbrel::postgres::Planner::new(after).rename("t.mail", "email").expect("it is a path");
        let mut host = connect(&database).await;
        let plan = planner.plan(&mut host).await.expect("it can be planned");
        assert!(plan.obstacles.is_empty() && plan.warnings.is_empty(), "{:?} {:?}", plan.obstacles, plan.warnings);
        assert_eq!(
            server.log().matches("CREATE DATABASE \"_whimbrel_").count()
                + server.log().matches("CREATE DATABASE _whimbrel_").count(),
            1
        );
        plan.run(&mut host).await.expect("it runs");
        assert!(planner_of(after).plan(&mut host).await.expect("it can be planned").is_empty());
    });
}

fn planner_of(sql: &str) -> whimbrel::postgres::Planner {
    whimbrel::postgres::Planner::new(sql)
}

#[test]
fn a_role_without_the_right_to_make_a_database_uses_a_transaction() {
    let database = database("aside");
    database.execute(SCHEMA);
    database.execute("INSERT INTO people(mail) VALUES ('a@b.c')");
    let role = database.role("");
    run(async {
        let mut host = Postgres::connect(&database.url_as(&role)).await.expect("it may connect");
        let error = declared(&mut host, SCHEMA).await.expect_err("it owns nothing");
        assert_eq!(error.code(), Code::NotPermitted, "{error}");
        for word in ["lacks CREATEDB", "ownership of the schemas app, public", "--scratch URL"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        database.execute(&format!("ALTER SCHEMA public OWNER TO {role}; ALTER SCHEMA app OWNER TO {role}"));
        let error = declared(&mut host, SCHEMA).await.expect_err("it may not create");
        assert!(error.to_string().contains("the right to create in the database"), "{error}");
        database.execute(&format!("GRANT CREATE ON DATABASE {} TO {role}", database.name));
        // Only its owner may move the extension out of the way.
        let error = declared(&mut host, SCHEMA).await.expect_err("it may not move citext");
        assert_eq!(error.code(), Code::SchemaRejected, "{error}");
        let without = SCHEMA.replace("CREATE EXTENSION IF NOT EXISTS citext;", "").replace("citext", "text");
        let found = declared(&mut host, &without).await.expect("it can be declared");
        assert!(found.table(&table("people")).is_some());
        assert!(found.objects.keys().all(|id| id.kind != Kind::Extension && !id.schema.starts_with('_')));
        assert!(!host.in_transaction().await.expect("it answers"));
    });
    assert_eq!(columns(&database, "people"), "id,mail,mood,since");
}

#[test]
fn live_tables_are_used_while_the_schemas_are_aside() {
    let database = database("meanwhile");
    database.execute(SCHEMA);
    run(async {
        let mut host = connect(&database).await;
        let live = read_schema(&mut host).await.expect("it can be read");
        let mut place = Place::open(&mut host, Scratch::Transaction).await.expect("it opens");
        assert!(place.is_on_live_connection() && !place.commits());
        assert!(place.read().await.expect("it can be read").is_empty());
        for _ in 0..2 {
            let found = read_declared(&mut place, &[source(SCHEMA)]).await.expect("it can be declared");
            assert_same(&found.schema, &live);
            let other = database.session();
            let statements = [
                "SELECT count(*) FROM people JOIN app.latest USING (mail)",
                "INSERT INTO people(mail) VALUES (gen_random_uuid()::text)",
                "UPDATE people SET mood = 'bad'",
                "CREATE TABLE IF NOT EXISTS app.more(id integer)",
                "ALTER TABLE app.notes ADD COLUMN IF NOT EXISTS more integer",
                "DROP TABLE app.more; ALTER TABLE app.notes DROP COLUMN more",
            ];
            for sql in statements {
                let answer = other.start(sql).is_there_within(Duration::from_secs(2));
                answer.unwrap_or_else(|| panic!("{sql} waits")).unwrap_or_else(|why| panic!("{why}: {sql}"));
            }
            place.empty().await.expect("it can be made empty");
            assert!(place.read().await.expect("it can be read").is_empty());
        }
        // Whatever is executed, it cannot be committed.
        place.execute("CREATE TABLE people()").await.expect("the name is free");
        place.execute("COMMIT").await.expect_err("it cannot be committed");
        place.execute("CREATE TABLE left_behind()").await.expect_err("there is no transaction any more");
        place.close().await.expect("it closes");
        assert_eq!(read_schema(&mut host).await.expect("it can be read"), live);
    });
}

#[test]
fn a_given_scratch_database_must_be_empty_and_stays_so() {
    let (live, scratch) = (database("live"), database("given"));
    live.execute(SCHEMA);
    run(async {
        let (mut host, mut given) = (connect(&live).await, connect(&scratch).await);
        let schema = read_schema(&mut host).await.expect("it can be read");
        scratch.execute("CREATE TABLE t(id integer)");
        let error = Place::open(&mut host, Scratch::Given(&mut given)).await.err().expect("it is not empty");
        assert!(error.to_string().contains("is not empty: it has the table t"), "{error}");
        // An extension may be there, which not every role can make; it is seen where it is declared.
        scratch.execute("DROP TABLE t; CREATE EXTENSION citext");
        let mut place = Place::open(&mut host, Scratch::Given(&mut given)).await.expect("it opens");
        assert!(place.read().await.expect("it can be read").is_empty());
        let found = read_declared(&mut place, &[source(SCHEMA)]).await.expect("it can be declared");
        assert_same(&found.schema, &schema);
        place.close().await.expect("it closes");
        assert!(!given.in_transaction().await.expect("it answers"));
        assert_eq!(scratch.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), "0");
    });
}

#[test]
fn sources_follow_each_other_and_each_starts_anew() {
    let database = database("sources");
    run(async {
        let mut host = connect(&database).await;
        let mut place = Place::open(&mut host, Scratch::Automatic).await.expect("it opens");
        let sources = [
            source(
                "CREATE SCHEMA app; SET search_path = app; SET TimeZone = 'Asia/Tokyo'; CREATE TABLE a(id integer);",
            ),
            source(
                "CREATE TABLE b(id integer, at timestamptz DEFAULT '2020-01-01 00:00'); ALTER TABLE app.a ADD c text;",
            ),
        ];
        let found = read_declared(&mut place, &sources).await;
        place.close().await.expect("it closes");
        let schema = found.expect("they can be declared").schema;
        assert_eq!(schema.table(&ObjectId::new(Kind::Table, "app", "a")).map(|table| table.columns.len()), Some(2));
        let default = schema.table(&table("b")).and_then(|table| table.column("at")?.default.clone());
        let expected = database.value("SELECT format('%L::timestamp with time zone', timestamptz '2020-01-01 00:00')");
        assert_eq!(default, Some(expected));
    });
}

#[test]
fn a_plan_is_tried_out_without_rows() {
    let database = database("tryout");
    run(async {
        let mut host = connect(&database).await;
        let target = declared(&mut host, TARGET).await.expect("it can be declared");
        let mut place = Place::open(&mut host, Scratch::Automatic).await.expect("it opens");
        place.execute("CREATE TABLE t(id integer PRIMARY KEY)").await.expect("it can be made");
        let made = Plan { steps: steps_left(&place.read().await.expect("it can be read")), ..Plan::default() };
        let result = try_out(&mut place, &made).await;
        let wrong =
            Plan { steps: vec![together("t", &["ALTER TABLE public.t DROP COLUMN nosuch"])], ..Plan::default() };
        let error = try_out(&mut place, &wrong).await;
        place.close().await.expect("it closes");
        assert_eq!(result.expect("it can be tried out"), target);
        let error: Error = error.expect_err("there is no such column");
        assert_eq!((error.code(), error.report().object.as_deref()), (Code::Unsupported, Some("t")));
    });
}

/// The futures may be sent to another thread, as tokio's do.
#[test]
fn the_futures_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let database = database("send");
    run(async {
        let mut host = connect(&database).await;
        let made = Plan::default();
        let run_settings = RunSettings::default();
        let cancel = Cancel::default();
        is_send(&run_plan(&mut host, &made, &run_settings, &mut (), &cancel));
        is_send(&async {
            let mut place = Place::open(&mut host, Scratch::Automatic).await?;
            read_declared(&mut place, &[]).await?;
            try_out(&mut place, &made).await?;
            place.empty().await?;
            place.close().await
        });
    });
}

/// What a planner finds, and what it plans.
async fn planned(database: &Database, sql: &str) -> whimbrel::postgres::Plan {
    let mut host = connect(database).await;
    let plan = whimbrel::postgres::Planner::new(sql).plan(&mut host).await.expect("it can be planned");
    host.close().await;
    plan
}

/// Rows on many pages.
const MANY: &str = "CREATE TABLE t(id integer PRIMARY KEY, pad text); \
    INSERT INTO t SELECT i, repeat('x', 300) FROM generate_series(1, 20000) i; ANALYZE t";

#[test]
fn a_stopped_back_fill_is_gone_on_with_also_where_the_column_may_be_null() {
    for column in ["n text", "n text DEFAULT 'later'", "n uuid DEFAULT gen_random_uuid()"] {
        let database = database("stopped");
        database.execute(MANY);
        let is_hinted = !column.contains("uuid");
        let hint = if is_hinted { " -- whimbrel: backfill 'row ' || id" } else { "" };
        let after = format!("CREATE TABLE t(id integer PRIMARY KEY, pad text, {column}{hint}\n)");
        run(async {
            let plan = planned(&database, &after).await;
            let cancel = Cancel::default();
            let mut observer = |event: &Event<'_>| {
                if matches!(event, Event::Portion { rows } if *rows > 5_000) {
                    cancel.cancel();
                }
            };
            let mut host = connect(&database).await;
            let error = plan.run_with(&mut host, &settings(500, 3), &mut observer, &cancel).await;
            let error = error.expect_err("it is cancelled");
            assert_eq!((error.code(), error.report().state), (Code::Cancelled, State::Begun));
            let filled: u64 = database.value("SELECT count(n) FROM t").parse().expect("a number");
            assert!(filled > 5_000 && filled < 20_000, "{filled}");
            let kept = database.value("SELECT md5(string_agg(n::text, '' ORDER BY id)) FROM t WHERE n IS NOT NULL");

            let plan = planned(&database, &after).await;
            assert!(!plan.is_empty() && plan.obstacles.is_empty(), "{:?}", plan.obstacles);
            assert!(plan.warnings[0].contains("goes on"), "{:?}", plan.warnings);
            database.execute("CREATE TABLE kept AS SELECT id FROM t WHERE n IS NOT NULL");
            let plan = planned(&database, &format!("{after}; CREATE TABLE kept(id integer)")).await;
            plan.run(&mut host).await.expect("it goes on");
            assert_eq!(database.value("SELECT count(n) FROM t"), "20000");
            let now = "SELECT md5(string_agg(n::text, '' ORDER BY id)) FROM t JOIN kept USING (id)";
            assert_eq!(database.value(now), kept, "what was filled in stays");
            if is_hinted {
                assert_eq!(database.value("SELECT count(*) FROM t WHERE n <> 'row ' || id"), "0");
            }
            assert_eq!(database.value("SELECT count(*) FROM pg_constraint WHERE conname LIKE '%whimbrel%'"), "0");
            assert!(planned(&database, &format!("{after}; CREATE TABLE kept(id integer)")).await.is_empty());
        });
    }
}

#[test]
fn a_stopped_back_fill_that_is_not_declared_any_more_is_told() {
    let database = database("given_up");
    database.execute(MANY);
    run(async {
        let plan =
            planned(&database, "CREATE TABLE t(id integer PRIMARY KEY, pad text,\n n int -- whimbrel: backfill 1\n)")
                .await;
        let cancel = Cancel::default();
        let mut observer = |event: &Event<'_>| {
            if matches!(event, Event::Portion { .. }) {
                cancel.cancel();
            }
        };
        let mut host = connect(&database).await;
        plan.run_with(&mut host, &settings(500, 3), &mut observer, &cancel).await.expect_err("it is cancelled");
        // The column has got another name meanwhile, which the mark does not mind.
        database.execute("ALTER TABLE t RENAME COLUMN n TO m");
        let plan = planned(&database, "CREATE TABLE t(id integer PRIMARY KEY, pad text, m int)").await;
        assert!(plan.warnings.iter().any(|w| w.contains("t.m") && w.contains("stay NULL")), "{:?}", plan.warnings);
        plan.run(&mut host).await.expect("it drops the mark");
        assert_eq!(database.value("SELECT count(*) FROM pg_constraint WHERE conname LIKE '%whimbrel%'"), "0");
        assert!(database.value("SELECT count(*) FROM t WHERE m IS NULL") != "0");
    });
}

#[test]
fn a_back_fill_reaches_every_partition_and_child() {
    let database = database("partitions");
    database.execute(
        "CREATE TABLE p(id integer, k integer) PARTITION BY RANGE (id); \
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000); \
         CREATE TABLE p2 PARTITION OF p DEFAULT; \
         INSERT INTO p SELECT i, NULL FROM generate_series(1, 30000) i; \
         CREATE TABLE a(id integer); CREATE TABLE b(x text) INHERITS (a); \
         INSERT INTO a SELECT generate_series(1, 10); INSERT INTO b SELECT i, 'x' FROM generate_series(1, 20000) i",
    );
    let after = "CREATE TABLE p(id integer, k integer,\n n integer -- whimbrel: backfill id\n) PARTITION BY RANGE (id); \
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000); \
         CREATE TABLE p2 PARTITION OF p DEFAULT; \
         CREATE TABLE a(id integer,\n n integer NOT NULL -- whimbrel: backfill id\n); CREATE TABLE b(x text) INHERITS (a);";
    run(async {
        let plan = planned(&database, after).await;
        let report = plan.run(&mut connect(&database).await).await.expect("it runs");
        assert_eq!(report.rows, 50_010);
        assert_eq!(database.value("SELECT count(*) FROM p WHERE n = id"), "30000");
        assert_eq!(database.value("SELECT count(*) FROM a WHERE n = id"), "20010");
        assert!(planned(&database, after).await.is_empty());
    });
}

#[test]
fn a_back_fill_that_a_trigger_swallows_is_undone_and_named() {
    for body in ["RETURN NULL", "NEW.a := NULL; RETURN NEW", "IF NEW.id > 3 THEN NEW.a := NULL; END IF; RETURN NEW"] {
        let database = database("swallowed");
        database.execute(&format!(
            "CREATE TABLE t(id integer, a text, b text); INSERT INTO t SELECT generate_series(1, 5); \
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body}; END$$; \
             CREATE TRIGGER keeps BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"
        ));
        let after = format!(
            "CREATE TABLE t(id integer, a text NOT NULL -- whimbrel: backfill 'n'\n, b text); \
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body}; END$$; \
             CREATE TRIGGER keeps BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"
        );
        let before = database.dump();
        run(async {
            let plan = planned(&database, &after).await;
            assert!(plan.warnings.iter().any(|w| w.contains("trigger keeps")), "{:?}", plan.warnings);
            let error = plan.run(&mut connect(&database).await).await.expect_err("nothing is filled in");
            assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::RolledBack), "{error}");
            assert!(error.report().help[0].contains("trigger keeps"), "{error}");
        });
        assert_eq!(database.value("SELECT count(a) FROM t"), "0");
        assert_eq!(database.dump(), before);
    }
}

#[test]
fn a_rule_in_the_place_of_a_back_fill_is_seen_in_the_plan() {
    let database = database("ruled");
    database.execute(
        "CREATE TABLE t(id int, a text); CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING; INSERT INTO t VALUES (1, NULL)",
    );
    let rule = "CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING";
    let after = "CREATE TABLE t(id int,\n a text NOT NULL -- whimbrel: backfill 'n'\n)";
    run(async {
        let plan = planned(&database, &format!("{after}; {rule}")).await;
        assert_eq!(plan.obstacles.len(), 1);
        assert!(plan.obstacles[0].to_string().contains("the rule r"), "{}", plan.obstacles[0]);
        // It goes before the rows are filled in.
        let plan = planned(&database, after).await;
        plan.run(&mut connect(&database).await).await.expect("it runs");
        assert_eq!(database.value("SELECT a FROM t"), "n");
    });
}

#[test]
fn a_rename_beside_what_whimbrel_has_no_model_of_is_planned_or_refused() {
    let database = database("unknown");
    let operator = "CREATE FUNCTION same(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2'; \
        CREATE OPERATOR === (FUNCTION = same, LEFTARG = integer, RIGHTARG = integer);";
    database.execute(&format!(
        "CREATE TABLE t(id integer, mail text); INSERT INTO t VALUES (1, 'a'); CREATE PUBLICATION p FOR TABLE t; {operator}"
    ));
    let after = format!("CREATE TABLE t(id integer, email text); {operator} CREATE PUBLICATION p FOR TABLE t");
    run(async {
        let mut host = connect(&database).await;
        let planner =
            |sql: &str| whimbrel::postgres::Planner::new(sql).rename("t.mail", "email").expect("it is a path");
        let plan = planner(&after).plan(&mut host).await.expect("it can be planned");
        assert!(plan.obstacles.is_empty() && plan.warnings.is_empty(), "{:?} {:?}", plan.obstacles, plan.warnings);
        plan.run(&mut host).await.expect("it runs");
        assert_eq!(database.value("SELECT email FROM t"), "a");
        let plan = whimbrel::postgres::Planner::new(&after).plan(&mut host).await.expect("it can be planned");
        assert!(plan.is_empty(), "{}", plan.script());
        // What needs the operator cannot be copied: nothing is renamed then, and that is not `No changes`.
        database.execute("CREATE VIEW v AS SELECT id === 1 AS one FROM t");
        let after = "CREATE TABLE t(id integer, post text); \
            CREATE FUNCTION same(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2'; \
            CREATE OPERATOR === (FUNCTION = same, LEFTARG = integer, RIGHTARG = integer); \
            CREATE VIEW v AS SELECT id === 1 AS one FROM t";
        let planner = whimbrel::postgres::Planner::new(after).rename("t.email", "post").expect("it is a path");
        let plan = planner.plan(&mut host).await.expect("it can be planned");
        assert!(!plan.is_empty() && !plan.changes.is_empty(), "{:?}", plan.obstacles);
        assert_eq!(plan.obstacles.first().map(Error::code), Some(Code::Unsupported));
    });
}

/// Settings of the database that each change what a statement means, or whether it runs.
const ODD_SETTINGS: [(&str, &str); 20] = [
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "on"),
    ("DateStyle", "'SQL, DMY'"),
    ("IntervalStyle", "sql_standard"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-3"),
    ("quote_all_identifiers", "on"),
    ("search_path", "nowhere, public"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "serializable"),
    ("row_security", "off"),
    ("check_function_bodies", "on"),
    ("statement_timeout", "'1s'"),
    ("idle_session_timeout", "'1s'"),
    ("idle_in_transaction_session_timeout", "'1s'"),
    ("transform_null_equals", "on"),
    ("xmloption", "document"),
    ("array_nulls", "off"),
    ("session_replication_role", "replica"),
    ("default_toast_compression", "lz4"),
];

#[test]
fn settings_of_the_database_mean_nothing() {
    let after = "CREATE TABLE t(id integer PRIMARY KEY, a text DEFAULT 'a\\b', c integer NOT NULL CHECK (c > 0), \
        since timestamptz DEFAULT '2020-02-01 03:04:05+00', x bytea DEFAULT '\\x0102', f float8 DEFAULT 0.1, \
        i interval DEFAULT '-1 day 02:03:04', n integer[] DEFAULT '{1,NULL}', \
        word text CHECK (word = NULL OR word <> '')); \
        CREATE VIEW v AS SELECT 'x\\y' AS z, a, f::text AS g FROM t; \
        CREATE FUNCTION later() RETURNS integer LANGUAGE sql AS 'SELECT one FROM comes_later'; \
        CREATE TABLE comes_later(one integer); CREATE INDEX ON t (c); CREATE UNIQUE INDEX ON t (a, id)";
    let fresh = database("even");
    fresh.execute(&format!("SET check_function_bodies = off; {after}"));
    let dumped = |database: &Database| {
        let dump = database.dump_with(&["--no-owner"]);
        let mut lines: Vec<String> = dump.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
        lines.sort();
        lines
    };
    let all = [&ODD_SETTINGS[..]];
    for (settings, fast) in ODD_SETTINGS.chunks(1).chain(all).zip([false].into_iter().cycle()).chain([(all[0], true)]) {
        let database = database("odd");
        let role = database.role("SUPERUSER");
        database.execute(
            "CREATE TABLE t(id integer, a text, c integer, f float8); \
             INSERT INTO t SELECT i, 'a', i, 0.1::float8 + 0.2::float8 FROM generate_series(1, 100) i",
        );
        for (setting, value) in settings {
            database.execute(&format!("ALTER ROLE {role} SET {setting} = {value}"));
        }
        run(async {
            let mut host = Postgres::connect(&database.url_as(&role)).await.expect("the database is there");
            let names: Vec<String> = settings.iter().map(|(name, _)| format!("current_setting('{name}')")).collect();
            let asked = format!("SELECT {}", names.join(", "));
            let found = host.query(&asked).await.expect("it answers");
            // Longer than any of the timeouts, which are long enough for a machine with other things to do.
            let waits = settings.iter().any(|(name, _)| name.ends_with("timeout"));
            let wait = "DO $$BEGIN PERFORM pg_catalog.pg_sleep(1.2); END$$;";
            let slow = format!("{}{after}", if waits { wait } else { "" });
            let planner = whimbrel::postgres::Planner::new(&slow).fast(fast);
            let plan = planner.plan(&mut host).await.unwrap_or_else(|e| panic!("{settings:?}: {e:?}"));
            assert!(plan.obstacles.is_empty(), "{settings:?}: {:?}", plan.obstacles);
            assert!(plan.warnings.is_empty(), "{settings:?}: {:?}", plan.warnings);
            plan.run(&mut host).await.unwrap_or_else(|e| panic!("{settings:?}: {e:?}"));
            let now = host.query(&asked).await.expect("it answers");
            assert_eq!(now, found, "{settings:?}");
            let again = planner.plan(&mut host).await.expect("it can be planned");
            assert!(again.is_empty(), "{settings:?}:\n{}", again.script());
            host.close().await;
        });
        assert_eq!(dumped(&database), dumped(&fresh), "{settings:?}");
    }
}

#[test]
fn each_transaction_is_looked_at_before_it_is_committed() {
    let database = database("between");
    let meddle = "CREATE TABLE switch(on_now boolean); CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql \
        AS $$BEGIN IF EXISTS (SELECT FROM public.switch) AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute \
        WHERE attrelid = 'public.t'::pg_catalog.regclass AND attname = 'b') THEN \
        ALTER TABLE public.t ADD COLUMN b integer; END IF; END$$;";
    database.execute(&format!(
        "CREATE TABLE t(id integer, a text); INSERT INTO t VALUES (1, 'x'); {meddle} \
         CREATE EVENT TRIGGER meddles ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION meddle()"
    ));
    run(async {
        let plan =
            planned(&database, &format!("CREATE TABLE t(id integer NOT NULL, a text DEFAULT 'a'); {meddle}")).await;
        assert!(plan.groups().len() > 2 && plan.obstacles.is_empty(), "{:?} {}", plan.obstacles, plan.script());
        // What the server does is not what it did when it was tried out.
        database.execute("INSERT INTO switch VALUES (true)");
        let error = plan.run(&mut connect(&database).await).await.expect_err("there is another column");
        assert_eq!((error.code(), error.report().state), (Code::VerificationFailed, State::RolledBack), "{error}");
        assert_eq!(columns(&database, "t"), "id,a");
    });
}

/// A row that comes between the plan and the check makes the check fail. What was made for it must not stay.
#[test]
fn checks_that_fail_are_taken_away_again() {
    let cases = [
        // The old schema, the new one, and what somebody writes before the rows are looked at.
        ("", "a text NOT NULL, b integer", "INSERT INTO t VALUES (1, NULL)", State::RolledBack),
        ("", "a text NOT NULL, b integer, c integer", "INSERT INTO t VALUES (1, NULL)", State::Begun),
        ("", "a text, b integer CHECK (b > 0)", "INSERT INTO t VALUES (1, 'x', -1)", State::RolledBack),
        ("", "a text, b integer REFERENCES o", "INSERT INTO t VALUES (1, 'x', 7)", State::RolledBack),
        ("", "a text NOT NULL, b integer UNIQUE", "INSERT INTO t VALUES (1, 'x', 5), (2, 'x', 5)", State::RolledBack),
    ];
    for (more, columns, write, state) in cases {
        let database = database("taken_away");
        database.execute(&format!(
            "CREATE TABLE o(id integer PRIMARY KEY); CREATE TABLE t(id integer, a text, b integer{more}); \
             INSERT INTO t VALUES (0, 'x', NULL)"
        ));
        let after = format!("CREATE TABLE o(id integer PRIMARY KEY); CREATE TABLE t(id integer, {columns})");
        run(async {
            let plan = planned(&database, &after).await;
            assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
            database.execute(write);
            let error = plan.run(&mut connect(&database).await).await.expect_err("rows do not fit");
            assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, state), "{columns}: {error}");
            assert!(error.report().help.iter().any(|help| help.contains("taken away again")), "{columns}: {error:?}");
        });
        let left = "SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass";
        assert_eq!(database.value(left), "0", "{columns}");
        database.execute("INSERT INTO t VALUES (8, NULL, -3)");
        // When the rows are put right, the same plan goes through.
        database.execute("DELETE FROM t WHERE id > 0");
        run(async {
            planned(&database, &after).await.run(&mut connect(&database).await).await.expect("rows fit now");
            assert!(planned(&database, &after).await.is_empty());
        });
    }
}

/// What PostgreSQL would find only while it runs is asked before, and nothing is begun.
#[test]
fn rows_that_do_not_fit_are_found_before_the_run() {
    let cases = [
        // (what is there, what is declared beside `z integer` and `a NOT NULL`, what the refusal says)
        ("b text", "b text|CREATE INDEX i ON t ((b::integer))", "'x'", "the index i cannot be computed"),
        ("b text", "b text|CREATE INDEX i ON t (a) WHERE b::integer > 0", "'x'", "the index i cannot be computed"),
        (
            "b text",
            "b text|CREATE INDEX i ON t (b)",
            "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i)",
            "too long for the index i",
        ),
        (
            "b text",
            "b text UNIQUE",
            "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i)",
            "too long for the constraint t_b_key",
        ),
        ("b integer", "b integer CHECK (10 / b > 0)", "0", "constraint t_b_check fails"),
        ("b integer", "b integer UNIQUE NULLS NOT DISTINCT", "NULL", "alike in b"),
        (
            "b text",
            "b text|CREATE UNIQUE INDEX i ON t (lower(b) DESC NULLS LAST) INCLUDE (a)",
            "'x'",
            "alike in lower(b)",
        ),
        ("b text", "b text|CREATE UNIQUE INDEX i ON t (b DESC)", "'x'", "alike in b"),
        ("b d", "b d|:ALTER DOMAIN d ADD CHECK (VALUE > 5)", "3", "do not fit the domain d"),
        ("b d", "b d|:ALTER DOMAIN d SET NOT NULL", "NULL", "do not fit the domain d"),
    ];
    for (before, after, value, says) in cases {
        let database = database("before_the_run");
        let domain = "CREATE DOMAIN d AS integer;";
        database.execute(&format!(
            "{domain} CREATE TABLE t(a integer, {before}); INSERT INTO t VALUES (1, {value}), (2, {value})"
        ));
        let dump = database.dump();
        let (columns, more) = after.split_once('|').unwrap_or((after, ""));
        let (first, last) = match more.strip_prefix(':') {
            Some(first) => (first, ""),
            None => ("", more),
        };
        let after = format!("{domain} {first}; CREATE TABLE t(a integer NOT NULL, {columns}, z integer); {last}");
        run(async {
            let plan = planned(&database, &after).await;
            let found: Vec<String> = plan.obstacles.iter().map(Error::to_string).collect();
            assert!(found.iter().any(|text| text.contains(says)), "{after}: {found:?}");
            assert_eq!(plan.obstacles[0].code(), Code::RowsDoNotFit);
            let error = plan.run(&mut connect(&database).await).await.expect_err("it is refused");
            assert_eq!(error.report().state, State::Unchanged);
        });
        assert_eq!(database.dump(), dump);
    }
}

/// What is known to fit is built while others write, whatever form its keys have.
#[test]
fn indexes_of_every_form_are_built_while_others_write() {
    let database = database("forms");
    database.execute("CREATE TABLE t(a integer, b text, c integer); INSERT INTO t SELECT i, i::text, NULL FROM generate_series(1, 99) i");
    let after = "CREATE TABLE t(a integer, b text, c integer, UNIQUE NULLS NOT DISTINCT (a, c), UNIQUE (b) INCLUDE (c)); \
        CREATE UNIQUE INDEX one ON t (a DESC NULLS FIRST, lower(b) COLLATE \"C\"); \
        CREATE UNIQUE INDEX two ON t ((a + 1)) INCLUDE (c) WHERE a > 0; \
        CREATE INDEX three ON t (b text_pattern_ops)";
    run(async {
        let plan = planned(&database, after).await;
        assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
        let script = plan.script();
        assert_eq!(script.matches("INDEX CONCURRENTLY").count(), 5, "{script}");
        plan.run(&mut connect(&database).await).await.expect("it runs");
        assert!(planned(&database, after).await.is_empty());
    });
}

#[test]
fn rows_that_no_partition_would_take_are_found_before_the_run() {
    let database = database("bounds");
    let parts = |one: &str, more: &str| {
        format!(
            "CREATE TABLE p(id integer, k text) PARTITION BY RANGE (id); \
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO ({one}); CREATE TABLE p9 PARTITION OF p DEFAULT; {more}"
        )
    };
    database.execute(&parts("100", ""));
    database.execute("INSERT INTO p VALUES (5, 'a'), (60, 'b'), (150, 'c')");
    run(async {
        for (after, says) in [
            (parts("50", ""), "1 row of p1 is not within its bounds"),
            (parts("100", "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200)"), "default partition p9"),
        ] {
            let plan = planned(&database, &after).await;
            let found: Vec<String> = plan.obstacles.iter().map(Error::to_string).collect();
            assert!(found.iter().any(|text| text.contains(says)), "{after}: {found:?}");
        }
        let after = parts("100", "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (200) TO (300)");
        planned(&database, &after).await.run(&mut connect(&database).await).await.expect("nothing is in its way");
    });
}

#[test]
fn a_counter_that_is_beyond_its_new_bounds_is_found_before_the_run() {
    let database = database("counter");
    database.execute("CREATE TABLE t(id bigserial, a integer); SELECT setval('t_id_seq', 100000)");
    run(async {
        let plan = planned(&database, "CREATE TABLE t(id smallserial, a integer)").await;
        let found: Vec<String> = plan.obstacles.iter().map(Error::to_string).collect();
        assert!(found.iter().any(|text| text.contains("the counter of the sequence t_id_seq")), "{found:?}");
        let plan = planned(&database, "CREATE TABLE t(id serial, a integer)").await;
        plan.run(&mut connect(&database).await).await.expect("it has room");
    });
}
