//! `whimbrel migrate rollback`

use clap::Args;
use whimbrel::history::Origin;
use whimbrel::run;
use whimbrel::{Code, Error};

use super::apply::{record_problems, tell_harmless};
use crate::failure::{Exit, Failure};
use crate::migrations::{Project, refusal};
use crate::overview::{Compare, Overview};
use crate::session::Session;
use crate::undoing::{UndoArguments, undo};

/// Undo what the last run has applied
///
/// All migrations that ran together last are undone together, by their .down.sql files, newest first and in one
/// transaction. What would be lost is told, and refused with status 4 unless it is accepted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rollback {
    #[command(flatten)]
    undo: UndoArguments,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate rollback --db app.db
  whimbrel migrate rollback --db app.db --dry-run
  whimbrel migrate rollback --db app.db --backup --accept-data-loss";

impl Rollback {
    /// Undoes them.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let history = &folder.history;
        let connection = match &project.server {
            Some(_) => None,
            None => Some(project.database()?.open()?),
        };
        let shown = project.shown_database().unwrap_or_default();
        session.written = Some(shown.clone());
        session.record("database", &shown);
        let how = Compare { accept_drift: self.undo.accept_drift, ..Compare::default() };
        let mut overview = Overview::new(project, &folder, connection.as_ref(), &how)?;
        overview.problems.retain(|problem| !matches!(problem.code, Code::OutOfOrder | Code::HalfUndone));
        record_problems(session, &overview, history);
        if let Some(refusal) = refusal(&overview.problems) {
            return Err(refusal);
        }
        tell_harmless(session, &overview.problems);
        let last = overview.records().iter().map(|record| record.batch).max().unwrap_or(0);
        let mut records = run::undone(overview.records(), 0);
        records.retain(|record| record.batch == last);
        if records.is_empty() {
            session.record("undone", &Vec::<u32>::new());
            session.say("Nothing to undo.");
            return Ok(Exit::Done);
        }
        if records.iter().any(|record| record.origin == Origin::Baseline) {
            let message = "the last migrations were adopted, and have not been run by Whimbrel";
            return Err(Error::new(Code::HistoryFixed, message)
                .help(format!("to undo them all the same: {} --to …", project.command("down")))
                .into());
        }
        undo(session, project, history, connection, &records, &self.undo)
    }
}
