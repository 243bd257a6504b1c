//! `whimbrel migrate show`

use clap::Args;
use whimbrel::{Code, Error};

use crate::failure::{Exit, Failure};
use crate::migrations::{Project, find, script_of};
use crate::session::Session;
use crate::wire;

/// Print the script of a migration
///
/// Byte for byte as it stands in the folder, and nothing else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// The migration, by number, version or name
    version: String,
    /// Print the script that undoes it
    #[arg(long)]
    down: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate show 3
  whimbrel migrate show add-users --down
  whimbrel migrate show 0003_add-users | sqlite3 copy.db";

impl Show {
    /// Prints the script.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let migration = find(&folder.history, &self.version)?;
        let Some(text) = script_of(project, migration, self.down)? else {
            let error = Error::new(Code::Irreversible, format!("{} has no .down.sql", migration.tag()));
            return Err(error.migration(migration.tag()).help("write one beside it, if it can be undone").into());
        };
        session.record("migration", &wire::migrate::Shown::new(migration, &migration.script()?));
        session.record("down", &self.down);
        session.record("sql", &text);
        session.print(&text);
        Ok(Exit::Done)
    }
}
