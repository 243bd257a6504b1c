//! What goes wrong with schema changes of PostgreSQL databases, each trap a test by its number, with plans as the planner
//! makes them and a second session that really holds the lock, the snapshot or the name.
//!
//! Every case ends in one of these: it is committed and verified, or refused with nothing changed, or rolled back; or it
//! is begun, and the next run goes on with it.

#![cfg(feature = "postgres")]

#[path = "support/postgres.rs"]
mod hosts;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use whimbrel::postgres::{Plan, Planner, Postgres, RunSettings, doctor, read_schema};
use whimbrel::run::{Cancel, Connection, Event, Failure, Report, Row};
use whimbrel::{Code, Error, State};
use whimbrel_core::postgres::host::Host;
use whimbrel_core::postgres::session::acquire;
use whimbrel_postgres_server::{Database, database};

use hosts::{Ending, Reader, a_round_in_time};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(future)
}

async fn connect(database: &Database) -> Postgres {
    Postgres::connect(&database.url).await.expect("the database is there")
}

async fn planned(database: &Database, sql: &str) -> Plan {
    let mut host = connect(database).await;
    let plan = Planner::new(sql).plan(&mut host).await.expect("it can be planned");
    host.close().await;
    plan
}

/// Runs with a lock timeout in milliseconds, and counts how often something is tried again.
async fn tried(database: &Database, plan: &Plan, lock_timeout: u64, attempts: u32) -> (Result<Report, Error>, u32) {
    let settings = RunSettings {
        lock_timeout: Duration::from_millis(lock_timeout),
        attempts,
        lock_wait: Duration::from_millis(300),
        concurrent_wait: Duration::from_millis(500),
        ..RunSettings::default()
    };
    let mut retries = 0;
    let mut observer = |event: &Event<'_>| retries += u32::from(matches!(event, Event::Retry { .. }));
    let mut host = connect(database).await;
    let outcome = plan.run_with(&mut host, &settings, &mut observer, &Cancel::default()).await;
    host.close().await;
    (outcome, retries)
}

fn invalid(database: &Database) -> String {
    database
        .value("SELECT coalesce(string_agg(indexrelid::regclass::text, ','), '') FROM pg_index WHERE NOT indisvalid")
}

/// Nothing of a run is left: no lock, no helper, nothing that is not valid.
#[track_caller]
fn nothing_is_left(database: &Database, about: &str) {
    let left = database.query(
        "SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database \
         WHERE datname = current_database()) \
         UNION ALL SELECT relname FROM pg_class WHERE relname LIKE '%whimbrel%' \
         UNION ALL SELECT conname FROM pg_constraint WHERE conname LIKE '%whimbrel%' OR NOT convalidated \
         UNION ALL SELECT typname FROM pg_type WHERE typname LIKE '%whimbrel%' \
         UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid",
    );
    assert!(left.is_empty(), "{about}: {left:?}");
}

/// A blocked ALTER gives up within its time, is tried again, and nobody waits behind it for longer.
#[test]
fn fault_087_a_lock_of_others_is_not_waited_for_longer_than_allowed() {
    let cases = [
        ("a column", "CREATE TABLE t(id integer, o integer, n integer)"),
        ("a check", "CREATE TABLE t(id integer CHECK (id > 0), o integer)"),
        ("a type", "CREATE TABLE t(id bigint, o integer)"),
        ("a foreign key", "CREATE TABLE t(id integer, o integer REFERENCES o)"),
        ("not null", "CREATE TABLE t(id integer NOT NULL, o integer)"),
    ];
    for (about, after) in cases {
        let database = database("lock");
        let before = "CREATE TABLE o(id integer PRIMARY KEY)";
        database.execute(&format!("{before}; CREATE TABLE t(id integer, o integer); INSERT INTO t VALUES (1, NULL)"));
        let after = format!("{before}; {after}");
        let plan = run(planned(&database, &after));
        assert!(plan.obstacles.is_empty(), "{about}: {:?}", plan.obstacles);
        let dump = database.dump();
        let holder = database.session();
        holder.execute("BEGIN; INSERT INTO t VALUES (2, NULL)");
        a_round_in_time(
            || {
                let reader = Reader::start(database.session(), "SELECT count(*) FROM t");
                let start = Instant::now();
                let (outcome, retries) = run(tried(&database, &plan, 400, 3));
                let error = outcome.expect_err("somebody writes");
                assert_eq!((error.code(), error.report().state), (Code::Busy, State::RolledBack), "{about}: {error}");
                assert!(error.report().help[0].contains("oldest open transactions"), "{about}: {error}");
                assert_eq!(retries, 2, "{about}");
                assert!(start.elapsed() < Duration::from_secs(10), "{about}");
                reader.end()
            },
            Duration::from_millis(500),
        );
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(700));
            holder.execute("COMMIT");
        });
        assert_eq!(database.dump(), dump, "{about}");
        // When it is released, the next attempt goes through.
        let (outcome, _) = run(tried(&database, &plan, 200, 30));
        outcome.unwrap_or_else(|error| panic!("{about}: {error}"));
        release.join().expect("it is released");
        nothing_is_left(&database, about);
        assert!(run(planned(&database, &after)).is_empty(), "{about}");
    }
}

/// An index that is not valid is never taken for the one that was asked for.
#[test]
fn fault_088_an_index_whose_build_failed_is_dropped_and_built_again() {
    let database = database("index");
    database.execute("CREATE TABLE t(id integer); INSERT INTO t VALUES (1)");
    let after = "CREATE TABLE t(id integer); CREATE UNIQUE INDEX i ON t (id)";
    // Rows that are alike come behind the plan: the index goes at once.
    let plan = run(planned(&database, after));
    database.execute("INSERT INTO t VALUES (1)");
    let error = run(tried(&database, &plan, 200, 2)).0.expect_err("rows are alike");
    assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
    nothing_is_left(&database, "alike");
    database.execute("DELETE FROM t; INSERT INTO t VALUES (1), (2)");
    // Somebody writes all the time: neither can it be built nor dropped.
    let plan = run(planned(&database, after));
    let writer = database.session();
    writer.execute("BEGIN; INSERT INTO t VALUES (3)");
    let error = run(tried(&database, &plan, 200, 2)).0.expect_err("somebody writes");
    assert_eq!((error.code(), error.report().state), (Code::Busy, State::Begun), "{error}");
    assert!(error.to_string().contains("the next run drops it"), "{error}");
    assert_eq!(invalid(&database), "i");
    writer.execute("COMMIT");
    let plan = run(planned(&database, after));
    assert!(!plan.is_empty(), "what is not valid is not there");
    run(tried(&database, &plan, 200, 30)).0.expect("nobody writes any more");
    nothing_is_left(&database, "built again");
    assert!(run(planned(&database, after)).is_empty());
    // One of this name that somebody else makes meanwhile is not dropped.
    database.execute("DROP INDEX i");
    let plan = run(planned(&database, after));
    database.execute("CREATE UNIQUE INDEX i ON t (id)");
    let error = run(tried(&database, &plan, 200, 2)).0.expect_err("it is there");
    assert_eq!(error.code(), Code::Superseded);
    assert_eq!(database.value("SELECT count(*) FROM pg_index WHERE indexrelid = 'i'::regclass"), "1");
}

/// Who waits for the lock of a run holds nothing that the build of an index would wait for.
#[test]
fn fault_089_one_run_at_a_time_and_nobody_waits_with_a_snapshot() {
    let database = database("advisory");
    database.execute("CREATE TABLE t(id integer); INSERT INTO t VALUES (1)");
    let after = "CREATE TABLE t(id integer, n integer); CREATE INDEX i ON t (id)";
    let plan = run(planned(&database, after));
    run(async {
        let mut one = Postgres::connect(&database.url).await.expect("the database is there");
        one.execute("SET application_name = 'the first'").await.expect("a setting");
        let lock = acquire(&mut one, Duration::ZERO).await.expect("it is free");
        let error = tried(&database, &plan, 500, 3).await.0.expect_err("it is taken");
        assert_eq!((error.code(), error.report().state), (Code::Busy, State::Unchanged));
        assert!(error.to_string().contains("the first"), "{error}");
        let look = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let open = database.value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                 AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)",
            );
            lock.release(&mut one).await.expect("it is ours");
            open
        };
        let mut other = connect(&database).await;
        let (lock, open) = both(acquire(&mut other, Duration::from_secs(5)), look).await;
        lock.expect("it was given back").release(&mut other).await.expect("it is ours");
        assert_eq!(open, "0");
    });
    // Two runs of the same plan at once: one builds the index, the other finds that it is done, and neither hangs.
    let start = Instant::now();
    let (one, other) = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let settings = RunSettings { lock_wait: Duration::from_secs(20), ..RunSettings::default() };
                    run(async {
                        let mut host = connect(&database).await;
                        plan.run_with(&mut host, &settings, &mut (), &Cancel::default()).await
                    })
                })
            })
            .collect();
        let mut ended = runs.into_iter().map(|run| run.join().expect("it ends").map_err(|error| error.code()));
        (ended.next().expect("there are two"), ended.next().expect("there are two"))
    });
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!([&one, &other].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{one:?} {other:?}");
    assert!([one, other].contains(&Err(Code::Superseded)));
    nothing_is_left(&database, "two at once");
}

/// PostgreSQL refuses a new label in the transaction that adds it.
#[test]
fn fault_090_a_new_label_is_used_in_another_transaction_than_it_is_added_in() {
    let database = database("label");
    database
        .execute("CREATE TYPE s AS ENUM ('a', 'c'); CREATE TABLE t(id integer, s s); INSERT INTO t VALUES (1, 'a')");
    let after = "CREATE TYPE s AS ENUM ('a', 'b', 'c'); \
        CREATE TABLE t(id integer, s s DEFAULT 'b', more s NOT NULL DEFAULT 'b', CHECK (s <> 'b' OR id > 0)); \
        CREATE INDEX i ON t (id) WHERE s = 'b'";
    let plan = run(planned(&database, after));
    assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
    run(tried(&database, &plan, 500, 3)).0.expect("it runs");
    assert_eq!(database.value("SELECT s || ' ' || more FROM t"), "a b");
    nothing_is_left(&database, "label");
    assert!(run(planned(&database, after)).is_empty());
}

/// A view that stands on a column whose type changes goes and comes back. What nobody told of is never dropped with it.
#[test]
fn fault_091_views_make_way_for_a_type_and_nothing_goes_with_them() {
    let database = database("views");
    let views = "CREATE VIEW v AS SELECT id, n FROM t; CREATE VIEW w AS SELECT n + 1 AS more FROM v; \
        CREATE MATERIALIZED VIEW m AS SELECT sum(n) AS sum FROM t; CREATE INDEX ON m (sum)";
    database.execute(&format!(
        "CREATE TABLE t(id integer, n integer); INSERT INTO t VALUES (1, 5); {views}; GRANT SELECT ON v TO PUBLIC"
    ));
    let after = format!("CREATE TABLE t(id integer, n bigint); {views}");
    let plan = run(planned(&database, &after));
    assert!(!plan.script().contains("CASCADE"), "{}", plan.script());
    // Somebody else's view, made behind the plan.
    let other = database.session();
    other.execute("CREATE VIEW theirs AS SELECT * FROM w");
    let error = run(tried(&database, &plan, 500, 3)).0.expect_err("it would have to go");
    assert_eq!((error.code(), error.report().state), (Code::Superseded, State::Unchanged), "{error}");
    // And one that is out of sight.
    let hidden = run(async {
        let planner = Planner::new(after.as_str()).ignore("theirs");
        planner.plan(&mut connect(&database).await).await.expect("it can be planned")
    });
    let error = run(tried(&database, &hidden, 500, 3)).0.expect_err("it would have to go");
    assert!(format!("{error:?}").contains("theirs"), "{error:?}");
    assert!(matches!(error.report().state, State::Unchanged | State::RolledBack), "{error}");
    assert_eq!(database.value("SELECT more FROM theirs"), "6");
    other.execute("DROP VIEW theirs");
    run(tried(&database, &plan, 500, 3)).0.expect("nothing is in its way");
    assert_eq!(database.value("SELECT more || ' ' || (SELECT sum FROM m) FROM w"), "6 5");
    assert_eq!(database.value("SELECT relacl::text LIKE '%=r/%' FROM pg_class WHERE relname = 'v'"), "t");
    assert!(run(planned(&database, &after)).is_empty());
}

/// PostgreSQL cuts names at 63 bytes, and tells it by a notice only.
#[test]
fn fault_092_names_that_are_alike_in_their_first_63_bytes_are_refused_when_planned() {
    let database = database("names");
    database.execute("CREATE TABLE t(id integer); INSERT INTO t VALUES (1)");
    let (dump, long) = (database.dump(), "ä".repeat(31));
    let declared = [
        format!("CREATE TABLE t(id integer); CREATE TABLE {long}_one(a integer); CREATE TABLE {long}_other(a integer)"),
        format!("CREATE TABLE t(id integer, {long}_one integer, {long}_other integer)"),
    ];
    for sql in declared {
        let outcome = run(async { Planner::new(sql.as_str()).plan(&mut connect(&database).await).await });
        let is_refused = outcome.as_ref().map_or(true, |plan| !plan.obstacles.is_empty());
        assert!(is_refused, "{sql}");
        assert_eq!(database.dump(), dump);
    }
}

/// Numbers that are in use, or were given out, are not given out again.
#[test]
fn fault_093_explicit_ids_do_not_leave_the_counter_behind() {
    for (before, rows, after, next) in [
        ("id integer PRIMARY KEY", "(7), (900)", "id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "901"),
        ("id serial PRIMARY KEY", "(DEFAULT), (500)", "id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "501"),
        ("id integer PRIMARY KEY", "(3), (40)", "id serial PRIMARY KEY", "41"),
        ("id bigint", "(3), (-5)", "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "4"),
    ] {
        let database = database("counter");
        database.execute(&format!("CREATE TABLE t({before}, x integer); INSERT INTO t(id) VALUES {rows}"));
        let after = format!("CREATE TABLE t({after}, x integer)");
        let plan = run(planned(&database, &after));
        // One more comes behind the plan, and is counted too.
        run(tried(&database, &plan, 500, 3)).0.unwrap_or_else(|error| panic!("{after}: {error}"));
        assert_eq!(database.value("INSERT INTO t(x) VALUES (1) RETURNING id"), next, "{before} → {after}");
        assert!(run(planned(&database, &after)).is_empty());
    }
}

/// A pooler in transaction mode gives each transaction another session, in which a session's lock means nothing.
#[test]
fn fault_094_a_pooler_in_transaction_mode_is_told() {
    let database = database("pooler");
    database.execute("CREATE TABLE t(id integer); INSERT INTO t VALUES (1)");
    let dump = database.dump();
    run(async {
        let plan = planned(&database, "CREATE TABLE t(id integer NOT NULL)").await;
        let sessions = [connect(&database).await, connect(&database).await];
        let mut host = Pooled { sessions, current: 0, in_transaction: false };
        let error = plan.run(&mut host).await.expect_err("sessions change");
        assert_eq!((error.code(), error.report().state), (Code::Pooler, State::Unchanged));
        assert_eq!(database.dump(), dump);
    });
    nothing_is_left(&database, "pooler");
}

/// A plan with every kind of step: an index beside other work, NOT VALID and VALIDATE, back-fills of columns that may be
/// NULL and of those that may not, a table that is written again, views that come back.
const MANY: (&str, &str) = (
    "CREATE TABLE o(id integer PRIMARY KEY); INSERT INTO o SELECT generate_series(1, 40); \
     CREATE TABLE t(id integer PRIMARY KEY, o integer, n integer, w text, old integer); \
     INSERT INTO t SELECT i, i, CASE WHEN i % 2 = 0 THEN i END, i::text, i FROM generate_series(1, 40) i; \
     CREATE INDEX t_w ON t (w); CREATE VIEW v AS SELECT id, o FROM t",
    "CREATE TABLE o(id integer PRIMARY KEY); \
     CREATE TABLE t(id integer PRIMARY KEY, o bigint REFERENCES o, \n\
     n integer NOT NULL, -- whimbrel: backfill id * 2\n\
     w text UNIQUE, \n\
     young integer, -- whimbrel: renamed from old\n\
     may text, -- whimbrel: backfill 'row ' || id\n\
     must integer NOT NULL, -- whimbrel: backfill id + 1\n\
     CHECK (n > 0)); \
     CREATE INDEX t_w ON t (w DESC); CREATE INDEX t_n ON t (n); CREATE VIEW v AS SELECT id, o FROM t",
);

/// Labels that are used in the same plan, and a type that is made anew.
const LABELS: (&str, &str) = (
    "CREATE TYPE s AS ENUM ('a', 'c'); CREATE TYPE k AS ENUM ('x', 'y', 'z'); \
     CREATE TABLE t(id integer, s s, k k); INSERT INTO t SELECT i, 'a', 'z' FROM generate_series(1, 40) i",
    "CREATE TYPE s AS ENUM ('a', 'b', 'c'); CREATE TYPE k AS ENUM ('z', 'x'); \
     CREATE TABLE t(id integer, s s DEFAULT 'b', k k); CREATE INDEX i ON t (id) WHERE s = 'b'",
);

#[test]
fn a_backend_that_is_terminated_between_any_two_statements_is_gone_on_from() {
    let wrong = "SELECT count(*) FROM t WHERE n IS DISTINCT FROM CASE WHEN id % 2 = 0 THEN id ELSE id * 2 END \
        OR o <> id OR w <> id::text OR young <> id OR may IS DISTINCT FROM 'row ' || id OR must <> id + 1";
    let words = ["CONCURRENTLY", "NOT VALID", "VALIDATE", "in portions", "DROP VIEW", "RENAME COLUMN", "TYPE bigint"];
    let left = ["index _whimbrel_new_t_w", "check _whimbrel_not_null_n", "check _whimbrel_fill_may"];
    terminated_everywhere(MANY, &words, wrong, 60, &left);
}

#[test]
fn a_backend_that_is_terminated_between_steps_of_an_enum_is_gone_on_from() {
    let wrong = "SELECT count(*) FROM t WHERE s <> 'a' OR k <> 'z'";
    // What has made way by another name is gone, or has its own again.
    terminated_everywhere(LABELS, &["ADD VALUE", "TO _whimbrel_gone_k", "CREATE TYPE", "CONCURRENTLY"], wrong, 20, &[]);
}

/// `left` is what the doctor finds of the run somewhere on the way.
fn terminated_everywhere((before, after): (&str, &str), words: &[&str], wrong: &str, least: usize, left: &[&str]) {
    let (database, empty) = (database("terminated"), database("empty"));
    // A label that is used must be committed first: only a database of its own can try that out.
    let planned = || match after.contains("ENUM") {
        true => run(planned(&database, after)),
        false => run(async {
            let (mut host, mut scratch) = (connect(&database).await, connect(&empty).await);
            let plan = Planner::new(after).plan_with(&mut host, Some(&mut scratch), &mut |_| None).await;
            plan.expect("it can be planned")
        }),
    };
    let again = || database.execute(&format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {before}"));
    again();
    let first = planned();
    assert!(first.obstacles.is_empty(), "{:?}", first.obstacles);
    for word in words {
        assert!(first.script().contains(word), "{word} is missing in\n{}", first.script());
    }
    let fresh = made_of(after);
    let settings = RunSettings { attempts: 3, ..RunSettings::default() };
    let read = || run(async { read_schema(&mut connect(&database).await).await.expect("it can be read") });
    let (mut states, mut told) = (Vec::new(), Vec::new());
    for n in 1.. {
        again();
        let (outcome, requests) = run(async {
            let mut host = Ending::new(&database, n, false).await;
            let outcome = first.run_with(&mut host, &settings, &mut (), &Cancel::default()).await;
            (outcome, host.left)
        });
        let is_over = requests > 0 && requests < usize::MAX / 2;
        if let Err(error) = &outcome {
            states.push(error.report().state);
            if matches!(error.report().state, State::Unchanged | State::RolledBack) {
                assert_eq!(read(), first.before, "{n}: {error}");
            }
            assert_eq!(database.value("SELECT count(*) FROM t"), "40", "{n}");
            told.extend(left_by_a_run(&database));
            assert_eq!(database.value(GONE), "0", "{n}");
            let next = planned();
            assert!(next.obstacles.is_empty(), "{n}: {:?}", next.obstacles);
            run(tried(&database, &next, 1_000, 5)).0.unwrap_or_else(|error| panic!("{n}: {error}\n{}", next.script()));
        }
        nothing_is_left(&database, &n.to_string());
        assert_eq!(database.value(wrong), "0", "{n}");
        assert_eq!(database.value("SELECT count(*) FROM t"), "40", "{n}");
        assert!(whimbrel::postgres::diff::remaining(&read(), &fresh).is_empty(), "{n}");
        if is_over {
            assert!(outcome.is_ok());
            break;
        }
    }
    for state in [State::Unchanged, State::RolledBack, State::Begun, State::Unknown] {
        assert!(states.contains(&state), "{state:?} is missing in {states:?}");
    }
    assert!(states.len() > least, "{}", states.len());
    for what in left {
        assert!(told.iter().any(|message| message.contains(what)), "{what} is missing in {told:?}");
    }
    assert_eq!(left.is_empty(), told.is_empty(), "{told:?}");
    assert_eq!(left_by_a_run(&database), Vec::<String>::new());
}

/// What has the name of something that makes way.
const GONE: &str = "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE '%whimbrel_gone%') \
    + (SELECT count(*) FROM pg_type WHERE typname LIKE '%whimbrel_gone%') \
    + (SELECT count(*) FROM pg_attribute WHERE attname LIKE '%whimbrel_gone%')";

/// What the doctor takes for left by a run.
fn left_by_a_run(database: &Database) -> Vec<String> {
    let found = run(async { doctor(&mut connect(database).await).await.expect("it is looked over") });
    found.into_iter().filter(|finding| finding.code == "D19").map(|finding| finding.message).collect()
}

/// The schema that the SQL makes in a database of its own.
fn made_of(sql: &str) -> whimbrel::postgres::schema::Schema {
    let fresh = database("fresh");
    fresh.execute(sql);
    run(async { read_schema(&mut connect(&fresh).await).await.expect("it can be read") })
}

/// Waits for two futures at once.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(value) = one.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = other.as_mut().poll(context)
        {
            second = Some(value);
        }
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.expect("it is ready"), second.expect("it is ready"))
}

/// A pooler in transaction mode: outside of a transaction every request goes to the other session.
struct Pooled {
    sessions: [Postgres; 2],
    current: usize,
    in_transaction: bool,
}

impl Pooled {
    fn next(&mut self, sql: &str) -> &mut Postgres {
        if !self.in_transaction {
            self.current = 1 - self.current;
        }
        self.in_transaction = match sql.split(|c: char| !c.is_ascii_alphabetic()).next() {
            Some("BEGIN") => true,
            Some("COMMIT" | "ROLLBACK") => false,
            _ => self.in_transaction,
        };
        &mut self.sessions[self.current]
    }
}

impl Connection for Pooled {
    type Scratch = Postgres;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        self.next(sql).execute(sql).await
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.next(sql).query(sql).await
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        Ok(self.in_transaction)
    }

    async fn scratch(&mut self) -> Result<Postgres, Failure> {
        self.sessions[0].scratch().await
    }

    async fn free_space(&mut self) -> Option<u64> {
        None
    }
}

impl Host for Pooled {
    type Other = Postgres;

    async fn connect(&mut self, database: &str) -> Result<Postgres, Failure> {
        self.sessions[0].connect(database).await
    }

    async fn wait(&mut self, time: Duration) {
        self.sessions[0].wait(time).await;
    }

    fn chance(&mut self) -> u64 {
        self.sessions[0].chance()
    }
}
