//! The commands, one file each. A command's doc comment is its help.

mod completions;
mod diff;
mod doctor;
mod plan;
mod pull;
mod push;
mod restore;

use clap::Subcommand;

use crate::failure::{Exit, Failure};
use crate::session::Session;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what would bring a database to its schema
    Plan(plan::Plan),
    /// Bring a database to its schema
    Push(push::Push),
    /// Print the SQL from one schema to another
    Diff(diff::Diff),
    /// Print the schema of a database as clean SQL
    Pull(pull::Pull),
    /// Look for what is wrong with a database
    Doctor(doctor::Doctor),
    /// List backups, and bring one back
    Restore(restore::Restore),
    /// Print a script that completes commands in a shell
    Completions(completions::Completions),
}

impl Command {
    /// The name, as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Plan(_) => "plan",
            Command::Push(_) => "push",
            Command::Diff(_) => "diff",
            Command::Pull(_) => "pull",
            Command::Doctor(_) => "doctor",
            Command::Restore(_) => "restore",
            Command::Completions(_) => "completions",
        }
    }

    /// Does it.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Command::Plan(command) => command.run(session),
            Command::Push(command) => command.run(session),
            Command::Diff(command) => command.run(session),
            Command::Pull(command) => command.run(session),
            Command::Doctor(command) => command.run(session),
            Command::Restore(command) => command.run(session),
            Command::Completions(command) => command.run(session),
        }
    }
}
