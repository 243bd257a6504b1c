//! `whimbrel migrate list`

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::migrations::Project;
use crate::overview::{Compare, Overview};
use crate::session::Session;
use crate::{render, wire};

/// List all migrations in order
///
/// Those of the folder, and those that the database has run and the folder does not have. Without a database, all of the
/// folder's are listed as pending. What does not fit together is told by `whimbrel migrate status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct List {}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate list
  whimbrel migrate list --db app.db
  whimbrel migrate list --db app.db --json | jq -r '.migrations[] | select(.state == \"applied\").name'";

impl List {
    /// Prints the list.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let looked = project.look()?;
        let overview = Overview::new(project, &folder, looked.connection.as_ref(), &Compare::default())?;
        let rows = overview.rows(&folder.history);
        session.record("database", &project.shown_database());
        session.record("migrations", &rows.iter().map(wire::migrate::Listed::from).collect::<Vec<_>>());
        if rows.is_empty() {
            session.say("There are no migrations.");
        } else {
            session.say(render::rows(&rows, &overview.problems).trim_end_matches('\n'));
        }
        Ok(Exit::Done)
    }
}
