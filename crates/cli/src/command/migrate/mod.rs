//! `whimbrel migrate`: its commands, one file each. A command's doc comment is its help.

mod apply;
mod baseline;
mod down;
mod drop;
mod generate;
mod lint;
mod list;
mod pending;
mod rebase;
mod repair;
mod reset;
mod rollback;
mod show;
mod squash;
mod status;
mod verify;

pub use apply::{refuse_backup, report};
pub use pending::ended;

use clap::{Args, Subcommand};

use crate::arguments::ProjectArguments;
use crate::failure::{Exit, Failure};
use crate::migrations::Project;
use crate::session::Session;

/// Make, run and look after versioned migrations
///
/// A migration is a numbered SQL file in a folder, with its way back beside it. The app embeds the folder and brings
/// every database of its users from whatever version it has to the newest; these commands make the files, and do by
/// hand what the app does by itself. Folders of sqlx, refinery, diesel, goose, Drizzle, Prisma, and plain numbered SQL
/// files are read as they are.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Migrate {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    project: ProjectArguments,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate generate --name add-users --schema schema.sql
  whimbrel migrate status --db app.db
  whimbrel migrate apply --db app.db
  whimbrel migrate down --db app.db

Defaults stand in whimbrel.toml, in this folder or one above it:
  dir = \"migrations\"
  schema = \"schema.sql\"
  db = \"app.db\"
  dialect = \"sqlite\"

Exit status: 0 done or nothing to do, 1 failed and nothing changed, 2 usage,
3 migrations pending (status --exit-code), 4 refused.";

/// What to do. The variants have no comment of their own: it would take the place of the command's help.
#[derive(Debug, Subcommand)]
enum Command {
    Generate(generate::Generate),
    Apply(apply::Apply),
    Status(status::Status),
    Pending(pending::Pending),
    List(list::List),
    Show(show::Show),
    Down(down::Down),
    Rollback(rollback::Rollback),
    Drop(drop::Drop),
    Squash(squash::Squash),
    Baseline(baseline::Baseline),
    Reset(reset::Reset),
    Repair(repair::Repair),
    Rebase(rebase::Rebase),
    Verify(verify::Verify),
    Lint(lint::Lint),
}

impl Migrate {
    /// The name, as it is typed.
    pub fn name(&self) -> &'static str {
        match &self.command {
            Command::Generate(_) => "migrate generate",
            Command::Apply(_) => "migrate apply",
            Command::Status(_) => "migrate status",
            Command::Pending(_) => "migrate pending",
            Command::List(_) => "migrate list",
            Command::Show(_) => "migrate show",
            Command::Down(_) => "migrate down",
            Command::Rollback(_) => "migrate rollback",
            Command::Drop(_) => "migrate drop",
            Command::Squash(_) => "migrate squash",
            Command::Baseline(_) => "migrate baseline",
            Command::Reset(_) => "migrate reset",
            Command::Repair(_) => "migrate repair",
            Command::Rebase(_) => "migrate rebase",
            Command::Verify(_) => "migrate verify",
            Command::Lint(_) => "migrate lint",
        }
    }

    /// Does it.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let project = Project::new(&self.project)?;
        session.record("dir", &project.dir());
        match self.command {
            Command::Generate(command) => command.run(session, project),
            Command::Apply(command) => command.run(session, &project),
            Command::Status(command) => command.run(session, &project),
            Command::Pending(command) => command.run(session, &project),
            Command::List(command) => command.run(session, &project),
            Command::Show(command) => command.run(session, &project),
            Command::Down(command) => command.run(session, &project),
            Command::Rollback(command) => command.run(session, &project),
            Command::Drop(command) => command.run(session, project),
            Command::Squash(command) => command.run(session, project),
            Command::Baseline(command) => command.run(session, &project),
            Command::Reset(command) => command.run(session, &project),
            Command::Repair(command) => command.run(session, project),
            Command::Rebase(command) => command.run(session, project),
            Command::Verify(command) => command.run(session, &project),
            Command::Lint(command) => command.run(session, &project),
        }
    }
}
