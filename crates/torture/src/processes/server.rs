//! A PostgreSQL server that ends the session of a run at any request, as an administrator does, a crash of the server, or
//! a network that is gone; and one that answers any request with an error, or does what it says and whose answer is lost.
//!
//! The plans are such that need several transactions: indexes that are made concurrently, constraints that are validated
//! apart, rows that are filled in portions. Whatever was done stays, and the next run finishes it.

use std::future::Future;
use std::time::Duration;

use fastrand::Rng;
use whimbrel::postgres::{Planner, Postgres, RunSettings};
use whimbrel::run::{Cancel, Connection, Failure, FailureKind, Row};
use whimbrel_core::postgres::host::Host;
use whimbrel_postgres_server::{Database, database};

use super::one;
use crate::scenarios::{Outcome, said};
use crate::{Layer, Tally};

/// The layer.
pub const LAYER: Layer = Layer {
    name: "server-kills",
    counted: "sessions ended by the server",
    about: "PostgreSQL ends the session of a run at any request",
    full: 100,
    quick: 2,
    unit: |seed| unit(seed, Trouble::session),
};

/// The layer of requests that fail.
pub const FAULTS: Layer = Layer {
    name: "server-faults",
    counted: "failed requests of PostgreSQL",
    about: "any request to PostgreSQL fails, or is done and its answer lost",
    full: 60,
    quick: 2,
    unit: |seed| unit(seed, Trouble::request),
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// So long after its beginning, the session ends.
    Ends(Duration),
    /// It is refused with this SQLSTATE, by the server itself: an open transaction has failed then.
    Fails(&'static str),
    /// It is done, and the session is gone before its answer is there.
    IsLost,
}

impl Trouble {
    fn session(random: &mut Rng) -> Trouble {
        Trouble::Ends(Duration::from_micros(random.u64(..3_000)))
    }

    fn request(random: &mut Rng) -> Trouble {
        // No lock in time, a deadlock, canceled, the disk full, too many connections, no right, out of memory, internal.
        let codes = ["55P03", "40P01", "57014", "53100", "53300", "42501", "53200", "XX000"];
        match random.u8(..3) {
            0 => Trouble::IsLost,
            _ => Trouble::Fails(codes[random.usize(..codes.len())]),
        }
    }
}

/// A database, what is declared for it, and what its rows have to be.
struct Way {
    name: &'static str,
    before: &'static str,
    after: &'static str,
    /// A query, and what it gives before and after.
    rows: (&'static str, &'static str),
}

const WAYS: [Way; 4] = [
    Way {
        name: "indexes",
        before: "CREATE TABLE notes(id integer PRIMARY KEY, body text, owner integer);
            INSERT INTO notes SELECT n, 'note ' || n, n % 7 FROM generate_series(1, 300) n;",
        after: "CREATE TABLE notes(id integer PRIMARY KEY, body text, owner integer);
            CREATE INDEX by_body ON notes(body); CREATE UNIQUE INDEX by_both ON notes(owner, id);",
        rows: ("SELECT count(*) || ' ' || sum(id) || ' ' || max(body) FROM notes", "300 45150 note 99"),
    },
    Way {
        name: "constraints",
        before: "CREATE TABLE people(id integer PRIMARY KEY); CREATE TABLE notes(id integer, owner integer);
            INSERT INTO people SELECT generate_series(1, 20);
            INSERT INTO notes SELECT n, n % 20 + 1 FROM generate_series(1, 200) n;",
        after: "CREATE TABLE people(id integer PRIMARY KEY);
            CREATE TABLE notes(id integer NOT NULL, owner integer REFERENCES people(id), CHECK (id > 0), UNIQUE (id));",
        rows: ("SELECT count(*) || ' ' || sum(id * owner) FROM notes", "200 215800"),
    },
    Way {
        name: "a column that is filled",
        before: "CREATE TABLE notes(id integer PRIMARY KEY, body text);
            INSERT INTO notes SELECT n, repeat('x', n) FROM generate_series(1, 200) n;",
        after: "CREATE TABLE notes(
              id integer PRIMARY KEY,
              body text,
              size integer NOT NULL -- whimbrel: backfill length(body)
            ); CREATE INDEX by_size ON notes(size);",
        rows: ("SELECT count(*) || ' ' || sum(length(body)) FROM notes WHERE length(body) = id", "200 20100"),
    },
    Way {
        name: "types and views",
        before: "CREATE TYPE kind AS ENUM ('a', 'b'); CREATE TABLE notes(id integer PRIMARY KEY, kind kind, stars smallint);
            CREATE VIEW starred AS SELECT id, stars FROM notes WHERE stars > 2;
            INSERT INTO notes SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END::kind, n % 5 FROM generate_series(1, 200) n;",
        after: "CREATE TYPE kind AS ENUM ('a', 'b', 'c');
            CREATE TABLE notes(id integer PRIMARY KEY, kind kind DEFAULT 'c', stars bigint);
            CREATE VIEW starred AS SELECT id, stars FROM notes WHERE stars > 2; CREATE INDEX by_kind ON notes(kind);",
        rows: ("SELECT count(*) || ' ' || sum(stars) FROM notes WHERE (kind = 'a') = (id % 2 = 0)", "200 400"),
    },
];

fn unit(seed: u64, trouble: fn(&mut Rng) -> Trouble) -> Tally {
    let mut random = Rng::with_seed(seed);
    let way = &WAYS[random.usize(..WAYS.len())];
    let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(said);
    let outcome = outcome.and_then(|runtime| runtime.block_on(end_one(way, &mut random, trouble)));
    one(seed, way.name, outcome)
}

async fn end_one(way: &Way, random: &mut Rng, trouble: fn(&mut Rng) -> Trouble) -> Result<&'static str, String> {
    let target = database("torture");
    target.execute(way.before);
    let fresh = database("torture_fresh");
    fresh.execute(way.after);
    let wanted = fresh.dump();
    let planner = Planner::new(way.after);
    let mut notes = "went through";
    // An app that is let down several times goes on where it was each time.
    for attempt in 0..3 {
        let mut host = Postgres::connect(&target.url).await.map_err(said)?;
        let plan = planner.plan(&mut host).await.map_err(|e| format!("plan {attempt}: {e}"))?;
        host.close().await;
        if plan.is_empty() {
            break;
        }
        let statements: usize = plan.steps.iter().map(|step| step.statements.len()).sum();
        let mut host = Doomed::new(&target, random, statements, trouble).await?;
        let outcome = plan.run_with(&mut host, &RunSettings::default(), &mut (), &Cancel::default()).await;
        let (at, trouble) = (host.at, host.trouble);
        host.end().await;
        must_keep(&target, way).map_err(|e| format!("{trouble:?} at request {at}: {e}"))?;
        if outcome.is_err() {
            notes = match trouble {
                Trouble::Ends(_) => "were cut off",
                Trouble::Fails(_) => "failed the run",
                Trouble::IsLost => "lost the answer",
            };
        }
    }
    let mut host = Postgres::connect(&target.url).await.map_err(said)?;
    planner.push(&mut host).await.map_err(|e| format!("the next run does not finish: {e}"))?;
    let plan = planner.plan(&mut host).await.map_err(said)?;
    host.close().await;
    if !plan.is_empty() {
        return Err("the plan of the next run is not empty".to_owned());
    }
    must_keep(&target, way)?;
    let dump = target.dump();
    if dump != wanted {
        return Err(format!("the schema is another than that of a new database:\n{dump}\nand not\n{wanted}"));
    }
    Ok(notes)
}

fn must_keep(database: &Database, way: &Way) -> Outcome {
    let (query, wanted) = way.rows;
    let found = database.value(query);
    if found == wanted { Ok(()) } else { Err(format!("the rows are {found} and not {wanted}")) }
}

/// A host, one of whose requests ends in trouble.
struct Doomed {
    inner: Postgres,
    url: String,
    pid: String,
    /// How many requests have begun.
    begun: usize,
    /// At which one the trouble comes, and what it is.
    at: usize,
    trouble: Trouble,
    killer: Option<std::thread::JoinHandle<()>>,
}

impl Doomed {
    async fn new(
        database: &Database,
        random: &mut Rng,
        statements: usize,
        trouble: fn(&mut Rng) -> Trouble,
    ) -> Result<Doomed, String> {
        let mut inner = Postgres::connect(&database.url).await.map_err(said)?;
        let rows = inner.query("SELECT pg_backend_pid()").await.map_err(said)?;
        let pid = rows.first().and_then(|row| row.first()?.text()).unwrap_or_default().to_owned();
        // Each statement comes with some looks at the server.
        let at = random.usize(1..=8 * statements.max(1) + 20);
        Ok(Doomed { inner, url: database.url.clone(), pid, begun: 0, at, trouble: trouble(random), killer: None })
    }

    /// Before a request: whether it fails.
    async fn begin(&mut self) -> Result<(), Failure> {
        self.begun += 1;
        match self.trouble {
            Trouble::Ends(pause) if self.begun == self.at => self.end_session(pause),
            Trouble::Fails(code) if self.begun == self.at => {
                let raised = format!("DO $$ BEGIN RAISE EXCEPTION 'it fails' USING ERRCODE = '{code}'; END $$");
                self.inner.execute(&raised).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Behind a request that was done.
    fn answer<T>(&mut self, done: T) -> Result<T, Failure> {
        if self.begun != self.at || !matches!(self.trouble, Trouble::IsLost) {
            return Ok(done);
        }
        self.end_session(Duration::ZERO);
        let _ = self.killer.take().map(std::thread::JoinHandle::join);
        let (kind, message) = (FailureKind::Disconnected, "the answer is lost".to_owned());
        Err(Failure { kind, message, offset: None, sqlstate: None })
    }

    fn end_session(&mut self, pause: Duration) {
        let (url, pid) = (self.url.clone(), self.pid.clone());
        self.killer = Some(std::thread::spawn(move || {
            let session = whimbrel_postgres_server::Session::try_open(&url);
            std::thread::sleep(pause);
            // Whoever has ended by himself cannot be ended.
            let _ = session.map(|session| session.try_execute(&format!("SELECT pg_terminate_backend({pid}, 5000)")));
        }));
    }

    async fn end(self) {
        let _ = self.killer.map(std::thread::JoinHandle::join);
        self.inner.close().await;
    }
}

impl Connection for Doomed {
    type Scratch = Postgres;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        self.begin().await?;
        let done = self.inner.execute(sql).await?;
        self.answer(done)
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.begin().await?;
        let rows = self.inner.query(sql).await?;
        self.answer(rows)
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        self.inner.in_transaction().await
    }

    async fn scratch(&mut self) -> Result<Postgres, Failure> {
        self.inner.scratch().await
    }

    async fn free_space(&mut self) -> Option<u64> {
        None
    }
}

impl Host for Doomed {
    type Other = Postgres;

    fn connect(&mut self, database: &str) -> impl Future<Output = Result<Postgres, Failure>> {
        self.inner.connect(database)
    }

    fn wait(&mut self, time: Duration) -> impl Future<Output = ()> {
        self.inner.wait(time)
    }

    fn chance(&mut self) -> u64 {
        self.inner.chance()
    }
}
