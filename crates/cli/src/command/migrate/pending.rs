//! `whimbrel migrate pending`

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::migrations::Project;
use crate::overview::{Compare, Overview};
use crate::render::printable;
use crate::session::Session;
use crate::wire;

/// List what has not run yet
///
/// Prints a migration a line, in the order in which they would run: by version and name, so that a script can read it.
/// Without a database, that is all of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Pending {
    /// Print the SQL too
    #[arg(long)]
    sql: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate pending --db app.db
  whimbrel migrate pending --db app.db --sql";

impl Pending {
    /// Prints the list.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let looked = project.look()?;
        let overview = Overview::new(project, &folder, looked.connection.as_ref(), &Compare::default())?;
        session.record("database", &project.shown_database());
        let entries: Vec<_> = overview.pending.iter().map(|item| wire::migrate::Pending::new(item, self.sql)).collect();
        session.record("pending", &entries);
        for item in &overview.pending {
            let tag = item.migration.tag();
            if self.sql {
                session.print(&format!("-- {}\n{}\n", printable(&tag), ended(&item.migration.up)));
            } else {
                session.print(&format!("{}\n", printable(&tag)));
            }
        }
        if overview.pending.is_empty() {
            session.remark("Nothing is pending.");
        }
        Ok(Exit::Done)
    }
}

/// A script with a line feed at its end.
pub fn ended(script: &str) -> String {
    let end = if script.ends_with('\n') { "" } else { "\n" };
    format!("{script}{end}")
}
