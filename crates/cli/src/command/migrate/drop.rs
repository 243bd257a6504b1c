//! `whimbrel migrate drop`

use clap::Args;
use whimbrel::history::author::{Repair, drop_last, repair};
use whimbrel::{Code, Error, Folder};

use crate::failure::{Exit, Failure};
use crate::migrations::{Now, Project, refusal};
use crate::overview::{Compare, Overview};
use crate::render::printable;
use crate::session::Session;
use crate::{ask, wire};

/// Take the newest migration out of the folder
///
/// For one that is not released: its files are removed, and journal and snapshot are those of before. Where the database
/// that is named has run it, it is refused with status 4: undo it there first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Drop {
    /// Take the newest one; no other can be taken out
    #[arg(long, required = true)]
    last: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate drop --last
  whimbrel migrate drop --last --db app.db --yes";

impl Drop {
    /// Takes it out.
    pub fn run(self, session: &mut Session, mut project: Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let history = &folder.history;
        let files = project.copy()?;
        let day = Now::get().day;
        // Where its file is gone already, only the journal is behind.
        let gone = folder.problems.iter().find(|problem| {
            problem.code == Code::MigrationMissing && problem.idx.is_some_and(|idx| idx > history.newest())
        });
        let (edit, tag) = match gone {
            Some(problem) => {
                let how = Repair { forget: vec![problem.name.clone()], day };
                (repair(&files, &how, &mut |history| project.replay(history))?, problem.name.clone())
            }
            None => {
                if let Some(refusal) = refusal(&folder.problems) {
                    return Err(refusal);
                }
                let (edit, migration) = drop_last(&files, &folder, &day, &mut |history| project.replay(history))?;
                session.record("migration", &wire::migrate::Named::from(&migration));
                (edit, migration.tag())
            }
        };
        refuse_where_it_ran(&project, &folder, &tag)?;
        if session.can_ask() && !self.yes {
            ask::yes(session, &format!("Take {tag} out?"), true)?;
        }
        project.write(session, &[edit])?;
        session.say(&format!("{} is taken out.", printable(&tag)));
        Ok(Exit::Done)
    }
}

fn refuse_where_it_ran(project: &Project, folder: &Folder, tag: &str) -> Result<(), Failure> {
    let looked = project.look()?;
    let overview = Overview::new(project, folder, looked.connection.as_ref(), &Compare::default())?;
    let newest = folder.history.migrations.last().filter(|newest| newest.tag() == tag);
    let has_run = newest.is_some_and(|newest| newest.originals().any(|m| overview.record(m).is_some()))
        || overview.records().iter().any(|record| record.tag() == tag);
    if !has_run {
        return Ok(());
    }
    let name = project.shown_database().unwrap_or_default();
    Err(Error::new(Code::HistoryFixed, format!("{tag} has run in {name}"))
        .migration(tag)
        .help(format!("undo it there first: {}", project.command("down")))
        .help("where it has been released, write a new migration instead")
        .into())
}
