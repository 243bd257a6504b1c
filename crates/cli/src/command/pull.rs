//! `whimbrel pull`

use clap::{Args, ValueEnum};
use whimbrel::sqlite::print;
use whimbrel::sqlite_host;

use crate::arguments::DatabaseArgument;
use crate::configuration::Configuration;
use crate::database::Database;
use crate::failure::{Exit, Failure};
use crate::postgres::Server;
use crate::session::Session;

/// Print the schema of a database as clean SQL
///
/// What is printed stands in the order of its dependencies, and pushing it back changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Pull {
    #[command(flatten)]
    db: DatabaseArgument,
    /// SQL, or a snapshot in JSON
    #[arg(long, value_name = "FORMAT", default_value = "sql")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Sql,
    Json,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel pull --db app.db > schema.sql
  whimbrel pull --db app.db --format json > snapshot.json
  whimbrel pull --db app.db | whimbrel plan --db copy.db --schema -";

impl Pull {
    /// Prints the schema.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
        if let Some(server) = Server::named(self.db.db.as_ref(), &configuration)? {
            return match self.format {
                Format::Sql => server.pull(session),
                Format::Json => Err(Failure::usage("there are no snapshots of PostgreSQL databases")
                    .help("leave out --format: the SQL is the whole schema")),
            };
        }
        let database = Database::choose(&self.db, &configuration)?;
        let mut connection = database.open()?;
        let schema = sqlite_host::read_schema(&mut connection)?;
        let text = match self.format {
            Format::Sql => print::to_sql(&schema),
            // Without stable ids: those made up here would be taken for those of another database's snapshot.
            Format::Json => schema.to_snapshot(),
        };
        session.record("database", &database.shown());
        match self.format {
            Format::Sql => session.record("sql", &text),
            Format::Json => session.record("snapshot", &text),
        }
        session.print(&text);
        Ok(Exit::Done)
    }
}
