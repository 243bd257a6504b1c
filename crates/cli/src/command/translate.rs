//! `whimbrel translate`

use std::ffi::OsString;

use clap::{Args, ValueEnum};
use serde::Serialize;
use whimbrel::postgres::{Place, Scratch, read_declared, schema};
use whimbrel::postgres_host::{Address, Postgres};
use whimbrel::translate::{Kept, Remark, Translated, to_postgres, to_sqlite};
use whimbrel::{Code, Error};

use crate::arguments::DatabaseArgument;
use crate::configuration::Configuration;
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::{database, render, source};

/// Print a schema in the other dialect
///
/// What cannot be carried, or does not do the same in every case, is named in a comment where it would stand, and
/// counted on standard error. What is printed is a declared schema: push takes it. A schema for PostgreSQL is read by a
/// server, in an empty database that is made there and dropped again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Translate {
    /// The dialect of the schema that is there
    #[arg(long, value_name = "DIALECT")]
    from: Dialect,
    /// The dialect that is wanted
    #[arg(long, value_name = "DIALECT")]
    to: Dialect,
    /// SQL files, folders of them, or - for standard input; for SQLite also a snapshot or a database
    #[arg(value_name = "SOURCE")]
    sources: Vec<OsString>,
    #[command(flatten)]
    db: DatabaseArgument,
    /// PostgreSQL: an empty database to read the schema in, where none may be made
    #[arg(long, value_name = "URL")]
    scratch: Option<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    Postgres,
    Sqlite,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel translate --from sqlite --to postgres schema.sql
  whimbrel translate --from postgres --to sqlite --db postgres://localhost/app
  whimbrel translate --from postgres --to sqlite server.sql --db postgres://localhost/postgres > device.sql
  whimbrel translate --from postgres --to sqlite --db postgres://localhost/app --json | jq .remarks

Without SOURCE it is the schema of the database of --db. With it, --db only says which server reads it.";

/// A remark, for programs.
#[derive(Serialize)]
struct Wire<'r> {
    kept: &'static str,
    object: &'r str,
    text: &'r str,
}

impl<'r> From<&'r Remark> for Wire<'r> {
    fn from(remark: &'r Remark) -> Self {
        let kept = match remark.kept {
            Kept::Not => "not",
            Kept::Differs => "differs",
            Kept::OneWay => "one_way",
        };
        Wire { kept, object: &remark.object, text: &remark.text }
    }
}

impl Translate {
    /// Prints the schema in the other dialect.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let translated = match (self.from, self.to) {
            (Dialect::Sqlite, Dialect::Postgres) => self.from_sqlite(session)?,
            (Dialect::Postgres, Dialect::Sqlite) => self.from_postgres(session)?,
            _ => {
                return Err(Failure::usage("both dialects are the same")
                    .help("say --from postgres --to sqlite, or --from sqlite --to postgres"));
            }
        };
        let remarks: Vec<Wire<'_>> = translated.remarks.iter().map(Wire::from).collect();
        session.record("sql", &translated.sql);
        session.record("remarks", &remarks);
        session.print(&translated.sql);
        let count = |kept: Kept| translated.remarks.iter().filter(|remark| remark.kept == kept).count() as u64;
        let (not, differs) = (count(Kept::Not), count(Kept::Differs));
        if not + differs > 0 {
            let things = render::count(not + differs, "remark");
            session.remark(&format!("{things}: {not} not carried, {differs} different. They stand in the SQL as comments."));
        }
        Ok(Exit::Done)
    }

    fn from_sqlite(&self, session: &mut Session) -> Result<Translated, Failure> {
        if !self.sources.is_empty() {
            return Ok(to_postgres(&source::read(session, &self.sources)?));
        }
        let mut connection = database::Database::choose(&self.db, &Configuration::find()?)?.open()?;
        Ok(to_postgres(&whimbrel::sqlite_host::read_schema(&mut connection)?))
    }

    fn from_postgres(&self, session: &mut Session) -> Result<Translated, Failure> {
        let configuration = Configuration::find()?;
        let variable = || std::env::var_os(database::VARIABLE).filter(|value| !value.is_empty());
        let word = self.db.db.clone().or_else(variable).or_else(|| configuration.db.clone());
        let Some(word) = word.filter(|word| word.to_str().is_some_and(Address::is_url)) else {
            return Err(Failure::usage("a schema for PostgreSQL is read by a server, and none is named")
                .help("name one with --db postgres://localhost/app; with SOURCE, nothing in that database is read"));
        };
        let schema = schema_of(session, &word, &self.sources, self.scratch.as_ref())?;
        Ok(to_sqlite(&schema)?)
    }
}

/// The schema that the sources declare, read by the server; without any, that of the database itself.
fn schema_of(
    session: &mut Session,
    server: &OsString,
    sources: &[OsString],
    scratch: Option<&OsString>,
) -> Result<schema::Schema, Failure> {
    let address = |word: &OsString| -> Result<Address, Failure> {
        Ok(Address::parse(&word.to_string_lossy())?.completed(|name| std::env::var(name).ok()))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|e| Failure::from(Error::new(Code::CannotOpen, "no connection can be made").cause(e)))?;
    let texts = source::texts(session, sources)?;
    runtime.block_on(async {
        let mut host = Postgres::connect_to(&address(server)?).await?;
        if sources.is_empty() {
            return Ok(whimbrel::postgres::read_schema(&mut host).await?);
        }
        let mut given = match scratch {
            Some(word) => Some(Postgres::connect_to(&address(word)?).await?),
            None => None,
        };
        let scratch = given.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        let mut place = Place::open(&mut host, scratch).await?;
        let outcome = read_declared(&mut place, &texts).await;
        let closed = place.close().await;
        let declared = outcome?;
        closed?;
        for warning in &declared.warnings {
            session.remark(&format!("warning: {}", render::printable(warning)));
        }
        Ok(declared.schema)
    })
}
