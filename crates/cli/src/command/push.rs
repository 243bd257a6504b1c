//! `whimbrel push`

use std::time::Instant;

use clap::Args;
use whimbrel::sqlite_host::Access;
use whimbrel::{Code, Error, backup};

use crate::arguments::{BackupArguments, DatabaseArgument, PlanArguments};
use crate::configuration::Configuration;
use crate::database::{has_full_log, open_to_write};
use crate::failure::{Exit, Failure};
use crate::planning::Planning;
use crate::postgres::Server;
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::session::Session;
use crate::{ask, render, wire};

/// Bring a database to its schema
///
/// Plans, asks on a terminal, and runs: in one transaction, verified before it is committed. Where anything fails, the
/// database is as it was. A database that is missing is created. Off a terminal nothing is asked: what needs an answer
/// or an acceptance is refused with status 4, and nothing is changed. Ctrl-C stops a run and undoes it; on PostgreSQL what
/// is committed by then stays, and the next push goes on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Push {
    #[command(flatten)]
    db: DatabaseArgument,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    backup: BackupArguments,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel push --db app.db --schema schema.sql
  whimbrel push --db app.db --schema schema.sql --backup --yes
  whimbrel push --db app.db --schema schema.sql --rename users.mail=email
  whimbrel push --db app.db --schema schema.sql --accept-data-loss --ignore 'legacy_*'
  whimbrel push --db postgres:///app --schema schema.sql --expand --client 12
  whimbrel push --db postgres:///app --schema schema.sql --contract --oldest-client 13";

impl Push {
    /// Plans, asks and runs.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
        if let Some(server) = Server::named(self.db.db.as_ref(), &configuration)? {
            return server.push(session, &self.plan, &configuration, &self.backup, self.yes);
        }
        let mut planning = Planning::new(session, &self.db, &self.plan, &configuration)?;
        let asks = session.can_ask() && !self.yes;

        // A database with something in its log is only read at first: whoever opens it for writing and closes it again
        // changes it, even where there is nothing to do.
        if planning.database.exists()? {
            session.written = Some(planning.database.shown());
        }
        let read_only = !planning.database.exists()? || has_full_log(&planning.database.path);
        let (mut connection, bytes) = match read_only {
            true => planning.database.open_for_planning()?,
            false => planning.database.open_for_running()?,
        };
        let silenced = planning.silenced_questions(&mut connection)?;
        let mut plan = planning.plan(&mut connection)?;
        while asks && ask::renames(session, &plan.questions, &mut planning.answers)? {
            plan = planning.plan(&mut connection)?;
        }
        planning.present(session, &plan, bytes, session.verbose);
        if plan.is_empty() {
            return Ok(Exit::Done);
        }
        Planning::tell_silenced(session, &silenced);
        let only_losses = !plan.obstacles.is_empty() && plan.obstacles.iter().all(Error::is_loss);
        if asks && only_losses && plan.questions.is_empty() {
            ask::yes(session, "Accept this loss?", false)?;
            planning.accept_data_loss = true;
            plan = planning.plan(&mut connection)?;
        }
        if let Some(refusal) = Planning::refusal(&plan) {
            return Err(refusal);
        }
        if asks {
            ask::yes(session, "Run it?", true)?;
        }
        if read_only {
            drop(connection);
            let access = if bytes.is_some() { Access::ReadWrite } else { Access::Create };
            connection = open_to_write(&planning.database.path, access)?;
            plan = match planning.still(&mut connection, &plan)? {
                Some(plan) => plan,
                None => return done_by_another(session),
            };
        }
        if let Some(keep) = self.backup.wanted(&configuration, false).filter(|_| bytes.is_some()) {
            let made = backup::create(&connection, &planning.database.path, keep)?;
            session.record("backup", &wire::Backup::from(&made));
            session.say(&format!("Backup: {}", render::printable(&made.path.display().to_string())));
        }

        let start = Instant::now();
        let mut progress = Progress::new(session.can_draw(), session.verbose && !session.json);
        let cancel = cancelled_by_interrupt();
        let mut attempts = 0;
        let report = loop {
            match plan.run_with(&mut connection, &mut progress, &cancel) {
                // Another process came in between: what it left to do is done, as long as it is what was shown.
                Err(e) if e.code() == Code::Superseded && attempts < ATTEMPTS => {
                    attempts += 1;
                    plan = match planning.still(&mut connection, &plan)? {
                        Some(plan) => plan,
                        None => return done_by_another(session),
                    };
                }
                outcome => break outcome,
            }
        };
        drop(progress);
        let report = report?;
        let time = start.elapsed();
        session.applied = true;
        session.record(
            "report",
            &wire::Report {
                changes: report.changes,
                steps: report.steps,
                rows: report.rows,
                seconds: time.as_secs_f64(),
                warnings: &report.warnings,
            },
        );
        for warning in &report.warnings {
            session.remark(&format!("{} {}", render::styled(render::OTHER, "warning:"), render::printable(warning)));
        }
        let mut done =
            format!("Done in {}: {}", render::duration(time), render::count(report.changes as u64, "change"));
        if report.rows > 0 {
            done.push_str(&format!(", {} written again", render::count(report.rows, "row")));
        }
        session.say(&format!("{done}."));
        Ok(Exit::Done)
    }
}

/// How often a plan is made anew because others change the database meanwhile.
const ATTEMPTS: usize = 10;

fn done_by_another(session: &mut Session) -> Result<Exit, Failure> {
    session.say("No changes. Somebody else has made them meanwhile.");
    Ok(Exit::Done)
}
