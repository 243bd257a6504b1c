//! `whimbrel migrate down`

use clap::Args;
use whimbrel::run;
use whimbrel::{Code, Error};

use super::apply::{record_problems, tell_harmless};
use crate::failure::{Exit, Failure};
use crate::migrations::{Project, find, refusal};
use crate::overview::{Compare, Overview};
use crate::session::Session;
use crate::undoing::{UndoArguments, undo};

/// Undo the newest migrations
///
/// Runs their .down.sql files, newest first, in one transaction; what is left is compared with what the older migrations
/// make before it is committed. What would be lost is told, and refused with status 4 unless it is accepted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Down {
    /// Undo this many
    #[arg(long, value_name = "NUMBER", default_value = "1", conflicts_with = "to", value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Undo all behind this migration: its number, version or name; 0 for all
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    undo: UndoArguments,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate down --db app.db
  whimbrel migrate down --db app.db --steps 2 --dry-run
  whimbrel migrate down --db app.db --to 0003 --backup --accept-data-loss";

impl Down {
    /// Undoes them.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let history = &folder.history;
        let to = match self.to.as_deref() {
            Some(word) if word.trim_start_matches('0').is_empty() && history.find(word).is_none() => Some(0),
            Some(word) => Some(find(history, word)?.idx),
            None => None,
        };
        let connection = match &project.server {
            Some(_) => None,
            None => Some(project.database()?.open()?),
        };
        let shown = project.shown_database().unwrap_or_default();
        session.written = Some(shown.clone());
        session.record("database", &shown);
        let how = Compare { accept_drift: self.undo.accept_drift, ..Compare::default() };
        let mut overview = Overview::new(project, &folder, connection.as_ref(), &how)?;
        // What came in late is undone as well as anything, and what is half undone is gone on with.
        overview.problems.retain(|problem| !matches!(problem.code, Code::OutOfOrder | Code::HalfUndone));
        record_problems(session, &overview, history);
        if let Some(refusal) = refusal(&overview.problems) {
            return Err(refusal);
        }
        tell_harmless(session, &overview.problems);
        let mut records = run::undone(overview.records(), to.unwrap_or(0));
        if to.is_none() {
            let steps = usize::try_from(self.steps).unwrap_or(usize::MAX);
            if steps > records.len() && !records.is_empty() {
                let message =
                    format!("the database has run {} migrations, and {steps} are to be undone", records.len());
                let error = Error::new(Code::UnknownMigration, message);
                return Err(error.help(format!("to undo all: {} --to 0", project.command("down"))).into());
            }
            records.truncate(steps);
        }
        if records.is_empty() {
            session.record("undone", &Vec::<u32>::new());
            session.say("Nothing to undo.");
            return Ok(Exit::Done);
        }
        undo(session, project, history, connection, &records, &self.undo)
    }
}
