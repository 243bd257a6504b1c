//! `whimbrel migrate repair`

use clap::{ArgAction, Args};
use whimbrel::history::author::{Repair as Settings, repair};
use whimbrel::run::{self, block_on};
use whimbrel::sqlite_host::{Access, Sqlite};
use whimbrel::{Folder, History};

use crate::database::open_to_write;
use crate::failure::{Exit, Failure};
use crate::migrations::{Now, Project};
use crate::render::printable;
use crate::session::Session;

/// Take files over as they are now
///
/// Brings journal and snapshot in line with the scripts: after one was edited on purpose, renamed, or written by hand.
/// With --db, names, numbers and checksums are taken over into the record of that database, too, where its migrations
/// were edited so that they do the same. Only what is not released can be changed without harm: other databases that have
/// run the old text refuse the new one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Repair {
    /// Forget a migration whose file is gone: its number or version
    #[arg(long, value_name = "VERSION", action = ArgAction::Append)]
    forget: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate repair
  whimbrel migrate repair --db app.db
  whimbrel migrate repair --forget 0003";

impl Repair {
    /// Repairs folder and database.
    pub fn run(self, session: &mut Session, mut project: Project) -> Result<Exit, Failure> {
        project.read()?;
        let files = project.copy()?;
        let settings = Settings { forget: self.forget, day: Now::get().day };
        let edit = repair(&files, &settings, &mut |history| project.replay(history))?;
        let messages = edit.messages.clone();
        session.record("messages", &messages);
        let is_in_order = edit.is_empty();
        let mut after = files.clone();
        edit.apply(&mut after)?;
        let folder = Folder::read(&after)?;
        // The database first: where it does not bear out what the files say now, the folder stays as it is, too.
        let recorded = match project.is_named() {
            true => Some(repair_record(session, &project, &folder.history)?),
            false => None,
        };
        project.write(session, &[edit])?;
        for message in &messages {
            session.say(&format!("{}.", printable(message)));
        }
        session.record("recorded", &recorded);
        let nothing = recorded.is_none_or(|recorded| recorded.is_empty());
        if is_in_order && nothing {
            session.say("All is in order.");
        }
        Ok(Exit::Done)
    }
}

/// Takes names, numbers and checksums over into the record of a database; what was changed, in words.
pub fn repair_record(session: &mut Session, project: &Project, history: &History) -> Result<Vec<String>, Failure> {
    let shown = project.shown_database().unwrap_or_default();
    let changes = match project.live()? {
        Some(mut live) => {
            session.written = Some(shown.clone());
            live.repair_records(history, &project.ignore)?
        }
        None => {
            let database = project.database()?;
            drop(database.open()?);
            session.written = Some(shown.clone());
            let connection = open_to_write(&database.path, Access::ReadWrite)?;
            block_on(run::repair_records(&mut Sqlite::new(&connection), history, &project.ignore))?
        }
    };
    for change in &changes {
        session.say(&format!("{}: {}.", printable(&shown), printable(change)));
    }
    session.applied |= !changes.is_empty();
    Ok(changes)
}
