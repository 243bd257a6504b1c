//! diesel: a table of what has run; each migration in a transaction of its own.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use diesel::Connection as _;
use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::MigrationHarness;
use peer_protocol::{Outcome, Request, introduce};

fn main() -> ExitCode {
    peer_protocol::main(run)
}

/// The migrations as they would lie in a program that has embedded them.
#[derive(Clone)]
struct Embedded(Arc<[(Name, String)]>);

#[derive(Clone)]
struct Name(String);

struct One {
    all: Embedded,
    place: usize,
}

struct InTransaction;

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MigrationName for Name {
    fn version(&self) -> MigrationVersion<'_> {
        self.0.split('_').next().unwrap_or_default().to_owned().into()
    }
}

impl MigrationMetadata for InTransaction {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

impl Migration<Sqlite> for One {
    fn run(&self, conn: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(&self.all.0[self.place].1)?)
    }

    fn revert(&self, _: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        Ok(())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        &self.all.0[self.place].0
    }
}

impl MigrationSource<Sqlite> for Embedded {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Sqlite>>>> {
        let one = |place| Box::new(One { all: self.clone(), place }) as Box<dyn Migration<Sqlite>>;
        Ok((0..self.0.len()).map(one).collect())
    }
}

fn open(file: &Path) -> Outcome<SqliteConnection> {
    Ok(SqliteConnection::establish(file.to_str().ok_or("the path is no text")?)?)
}

fn migrate(conn: &mut SqliteConnection, migrations: &Embedded) -> Outcome {
    match conn.run_pending_migrations(migrations.clone()) {
        Ok(_) => Ok(()),
        Err(e) => Err(e.to_string().into()),
    }
}

fn run(request: &Request) -> Outcome {
    diesel::define_sql_function!(fn sqlite_version() -> diesel::sql_types::Text);
    let version: String = {
        use diesel::RunQueryDsl;
        diesel::select(sqlite_version()).get_result(&mut SqliteConnection::establish(":memory:")?)?
    };
    introduce("diesel 2.3.14", &version);
    let scripts = request.scripts()?.into_iter();
    let migrations = Embedded(scripts.map(|s| (Name(format!("{:014}_{}", s.number, s.name)), s.sql)).collect());
    request.run_history(open, |conn| migrate(conn, &migrations))
}
