//! `whimbrel migrate rebase`

use clap::Args;
use whimbrel::Folder;
use whimbrel::history::Record;
use whimbrel::history::author::rebase;
use whimbrel::run::{self, block_on};
use whimbrel::sqlite_host::Sqlite;

use super::repair::repair_record;
use crate::failure::{Exit, Failure};
use crate::migrations::{Now, Project};
use crate::render::printable;
use crate::session::Session;
use crate::wire;

/// Give migrations of two branches numbers of their own
///
/// After a merge, two may have one number, and the journal may hold a conflict. Those that the database has run keep
/// theirs; else those of the branch that was merged into, which stand first in the journal. The others get the next free
/// numbers, and journal and snapshot are written anew, after all scripts were tried out one after the other.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rebase {}

const EXAMPLES: &str = "\
Examples:
  git merge phone || whimbrel migrate rebase
  whimbrel migrate rebase --db app.db";

impl Rebase {
    /// Gives them numbers.
    pub fn run(self, session: &mut Session, mut project: Project) -> Result<Exit, Failure> {
        if !project.has_folder() {
            project.read()?;
        }
        let looked = project.look()?;
        let mut first = Vec::new();
        if let Some(mut live) = project.live()? {
            first = live.tracking()?.records.iter().map(Record::tag).collect();
        } else if let Some(connection) = &looked.connection {
            let tracking = block_on(run::read_tracking(&mut Sqlite::new(connection)))?;
            first = tracking.records.iter().map(Record::tag).collect();
        }
        drop(looked);
        let (edit, moved) = rebase(&project.copy()?, &first, &Now::get().day, &mut |history| project.replay(history))?;
        let entries: Vec<_> = moved.iter().map(|(from, to)| wire::migrate::Renamed { from, to }).collect();
        session.record("renamed", &entries);
        let is_in_order = edit.is_empty();
        project.write(session, &[edit])?;
        for (from, to) in &moved {
            session.say(&format!("{} is {} now.", printable(from), printable(to)));
        }
        let folder = Folder::read(&project.files)?;
        let has_run = moved.iter().any(|(from, _)| first.contains(from));
        let recorded = match project.is_named() && has_run {
            true => repair_record(session, &project, &folder.history)?,
            false => Vec::new(),
        };
        session.record("recorded", &recorded);
        if is_in_order {
            session.say("All is in order.");
        }
        Ok(Exit::Done)
    }
}
