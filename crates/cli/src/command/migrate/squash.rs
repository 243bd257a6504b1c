//! `whimbrel migrate squash`

use clap::Args;
use whimbrel::history::author::{Squash as Settings, squash};

use crate::failure::{Exit, Failure};
use crate::migrations::{Now, Project, find};
use crate::render::printable;
use crate::session::Session;

/// Make one migration of several
///
/// A new database then runs one script instead of many. The originals are moved to the folder `squashed`, and stay part
/// of the history: a database that has run some of them runs the rest, and an app of before the squash still knows the
/// database.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Squash {
    /// The first of them: its number, version or name [default: the oldest]
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
    /// The last of them, whose number the new one takes [default: the newest]
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// What the new one is called [default: squash]
    #[arg(short, long)]
    name: Option<String>,
    /// Throw the originals away; databases that have run some of them, and not all, can then not go on
    #[arg(long)]
    forget_originals: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate squash
  whimbrel migrate squash --to 0042 --name version-1
  whimbrel migrate squash --from 0010 --to 0020";

impl Squash {
    /// Squashes them.
    pub fn run(self, session: &mut Session, mut project: Project) -> Result<Exit, Failure> {
        let folder = project.read_sound()?;
        let history = &folder.history;
        let number = |word: &Option<String>| word.as_ref().map(|word| find(history, word).map(|m| m.idx)).transpose();
        let settings = Settings {
            from: number(&self.from)?.or(history.migrations.first().map(|m| m.idx)).unwrap_or_default(),
            to: number(&self.to)?.unwrap_or(history.newest()),
            name: self.name.unwrap_or_default(),
            forget: self.forget_originals,
            day: Now::get().day,
        };
        let edit = squash(&project.copy()?, &folder, &settings, &mut |history| project.replay(history))?;
        let messages = edit.messages.clone();
        session.record("messages", &messages);
        project.write(session, &[edit])?;
        messages.iter().for_each(|message| session.say(&format!("{}.", printable(message))));
        Ok(Exit::Done)
    }
}
