//! The commands, one file each. A command's doc comment is its help.

mod completions;
mod diff;
mod doctor;
pub mod migrate;
mod plan;
mod pull;
mod push;
mod restore;
mod translate;

use clap::Subcommand;

use crate::failure::{Exit, Failure};
use crate::session::Session;

/// What to do. The variants have no comment of their own: it would take the place of the command's help.
#[derive(Debug, Subcommand)]
pub enum Command {
    Plan(plan::Plan),
    Push(push::Push),
    Migrate(migrate::Migrate),
    Diff(diff::Diff),
    Pull(pull::Pull),
    Doctor(doctor::Doctor),
    Restore(restore::Restore),
    Translate(translate::Translate),
    Completions(completions::Completions),
}

impl Command {
    /// The name, as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Plan(_) => "plan",
            Command::Push(_) => "push",
            Command::Migrate(command) => command.name(),
            Command::Diff(_) => "diff",
            Command::Pull(_) => "pull",
            Command::Doctor(_) => "doctor",
            Command::Restore(_) => "restore",
            Command::Translate(_) => "translate",
            Command::Completions(_) => "completions",
        }
    }

    /// Does it.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Command::Plan(command) => command.run(session),
            Command::Push(command) => command.run(session),
            Command::Migrate(command) => command.run(session),
            Command::Diff(command) => command.run(session),
            Command::Pull(command) => command.run(session),
            Command::Doctor(command) => command.run(session),
            Command::Restore(command) => command.run(session),
            Command::Translate(command) => command.run(session),
            Command::Completions(command) => command.run(session),
        }
    }
}
