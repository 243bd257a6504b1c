//! A database is seldom alone: others write between two looks and in the middle, the app stops what it began, and the
//! answer to a COMMIT is lost.

use whimbrel::run::{self, Failure, FailureKind, Header, Row};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Cancel, Code, Event, Planner, Schema, State};
use whimbrel_oracle::{Image, Side};

use super::{Outcome, Place, Scenario, image_of, must, must_hold, number, said};

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "a change after the plan was made is seen", run: second_look },
    Scenario { name: "nobody writes in the middle", run: writer },
    Scenario { name: "a commit whose answer is lost is a commit", run: lost_answer },
    Scenario { name: "a run that is stopped leaves the old version", run: stopped },
];

const BEFORE: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'one');";
const AFTER: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT UNIQUE); CREATE INDEX by_body ON notes(body);
    CREATE TABLE tags(name TEXT);";
const EXPECTED: &str =
    "CREATE TABLE \"notes\"(id INTEGER PRIMARY KEY, body TEXT UNIQUE); CREATE INDEX by_body ON notes(body);
    CREATE TABLE tags(name TEXT); INSERT INTO notes VALUES (1, 'one');";

fn second_look(place: &Place) -> Outcome {
    let mut app = place.made(BEFORE)?;
    let schema = Schema::from_sql(AFTER).map_err(said)?;
    let plan = Planner::new(&schema).plan(&mut app).map_err(said)?;
    // Another version of the app has a column more.
    let other = place.open()?;
    other.execute_batch("ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 5").map_err(said)?;
    let outcome = plan.run(&mut app);
    let stars = number(&app, "SELECT sum(stars) FROM notes").map_err(|e| format!("a value is lost: {e}"))?;
    must(stars == 5, || format!("a value is lost: {stars}"))?;
    match outcome {
        Err(e) if e.code() == Code::Superseded => Ok(()),
        outcome => Err(format!("the change was not seen: {outcome:?}")),
    }
}

fn writer(place: &Place) -> Outcome {
    // With a log, one that has only read does not keep others from writing.
    let fresh = place.fresh("wal")?;
    let mut app = fresh.made(BEFORE)?;
    let other = fresh.open()?;
    let schema = Schema::from_sql(AFTER).map_err(said)?;
    let plan = Planner::new(&schema).plan(&mut app).map_err(said)?;
    let mut has_written = false;
    let mut observer = |event: &Event<'_>| {
        if matches!(event, Event::Started { .. } | Event::Step { .. }) {
            has_written |= other.execute_batch("INSERT INTO notes VALUES (2, 'two')").is_ok();
        }
    };
    let outcome = plan.run_with(&mut app, &mut observer, &Cancel::default());
    must(!has_written, || "another process has written in the middle of the run".to_owned())?;
    outcome.map_err(said)?;
    must_hold(&app, &image_of(EXPECTED)?)
}

/// Carries a COMMIT out, and loses the answer.
struct Deaf(Sqlite<'static>);

impl run::Connection for Deaf {
    type Scratch = Sqlite<'static>;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        let done = self.0.execute(sql).await?;
        if sql == "COMMIT" {
            let message = "disk I/O error".to_owned();
            return Err(Failure { kind: FailureKind::Other, message, offset: None, sqlstate: None });
        }
        Ok(done)
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.0.query(sql).await
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        self.0.in_transaction().await
    }

    async fn scratch(&mut self) -> Result<Self::Scratch, Failure> {
        self.0.scratch().await
    }

    async fn free_space(&mut self) -> Option<u64> {
        self.0.free_space().await
    }

    async fn header(&mut self) -> Result<Header, Failure> {
        self.0.header().await
    }
}

fn lost_answer(place: &Place) -> Outcome {
    let mut host = Deaf(Sqlite::owned(place.made(BEFORE)?));
    let schema = Schema::from_sql(AFTER).map_err(said)?;
    let settings = run::Settings::default();
    let plan = run::block_on(run::make_plan(&mut host, &schema, &settings, &mut |_: &_| None)).map_err(said)?;
    let outcome = run::block_on(run::run_plan(&mut host, &plan, &mut (), &Cancel::default()));
    must_hold(&place.open()?, &image_of(EXPECTED)?)?;
    match outcome {
        Ok(_) => Ok(()),
        Err(e) if matches!(e.report().state, State::Applied | State::Unknown) => Ok(()),
        Err(e) => Err(format!("the new version is there, and the error says {:?}: {e}", e.report().state)),
    }
}

fn stopped(place: &Place) -> Outcome {
    let (old, new) = (image_of(BEFORE)?, image_of(EXPECTED)?);
    let schema = Schema::from_sql(AFTER).map_err(said)?;
    for stop_at in 0.. {
        let fresh = place.fresh(place.settings.journal)?;
        let mut app = fresh.made(BEFORE)?;
        let plan = Planner::new(&schema).plan(&mut app).map_err(said)?;
        let cancel = Cancel::default();
        let mut events = 0;
        let mut observer = |_: &Event<'_>| {
            if events == stop_at {
                cancel.cancel();
            }
            events += 1;
        };
        let outcome = plan.run_with(&mut app, &mut observer, &cancel);
        let side = Image::read(&app).map_err(said)?.side(&old, &new)?;
        must((side == Side::New) == outcome.is_ok(), || {
            format!("it is the {side:?} version, and said was {outcome:?}")
        })?;
        if events <= stop_at {
            return Ok(());
        }
    }
    Ok(())
}
