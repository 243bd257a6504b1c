//! `whimbrel push`

use std::time::Instant;

use clap::Args;
use whimbrel::diff::{Answer, QuestionKind};
use whimbrel::sqlite_host::Access;
use whimbrel::{Code, Plan, backup};

use crate::arguments::{DatabaseArgument, PlanArguments};
use crate::configuration::Configuration;
use crate::database::{has_full_log, open_to_write};
use crate::failure::{Exit, Failure};
use crate::planning::Planning;
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::session::Session;
use crate::{ask, render, wire};

/// Bring a database to its schema
///
/// Plans, asks on a terminal, and runs: in one transaction, verified before it is committed. Where anything fails, the
/// database is as it was. A database that is missing is created. Off a terminal nothing is asked: what needs an answer
/// or an acceptance is refused with status 4, and nothing is changed. Ctrl-C stops a run and undoes it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Push {
    #[command(flatten)]
    db: DatabaseArgument,
    #[command(flatten)]
    plan: PlanArguments,
    /// Make a backup beside the database first
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    backup: Option<bool>,
    /// Keep this many backups and remove older ones [default: 3]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    keep: Option<usize>,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel push --db app.db --schema schema.sql
  whimbrel push --db app.db --schema schema.sql --backup --yes
  whimbrel push --db app.db --schema schema.sql --rename users.mail=email
  whimbrel push --db app.db --schema schema.sql --accept-data-loss --ignore 'legacy_*'";

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least the backup that is made has to be kept".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("this is not a number".to_owned()),
    }
}

impl Push {
    /// Plans, asks and runs.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
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
        while asks && ask_questions(session, &mut planning, &plan)? {
            plan = planning.plan(&mut connection)?;
        }
        planning.present(session, &plan, bytes, session.verbose);
        if plan.is_empty() {
            return Ok(Exit::Done);
        }
        planning.tell_silenced(session, &silenced);
        let only_losses = !plan.obstacles.is_empty() && plan.obstacles.iter().all(|e| e.code() == Code::DataLoss);
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
        if bytes.is_some() && self.backup.or(configuration.backup).unwrap_or(false) {
            let keep = self.keep.or(configuration.keep).unwrap_or(3);
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

/// Asks the open questions; whether there were any. Answering one about a table may open others about its columns.
fn ask_questions(session: &Session, planning: &mut Planning, plan: &Plan) -> Result<bool, Failure> {
    let mut asked = false;
    let mut taken: Vec<(QuestionKind, String)> = Vec::new();
    for question in &plan.questions {
        if planning.answers.contains_key(&question.key()) {
            continue;
        }
        let names: Vec<_> = taken.iter().filter(|(kind, _)| *kind == question.kind).map(|(_, n)| n.clone()).collect();
        let answer = ask::rename(session, question, &names)?;
        if let Answer::Rename(name) = &answer {
            taken.push((question.kind.clone(), name.clone()));
        }
        planning.answers.insert(question.key(), answer);
        asked = true;
    }
    Ok(asked)
}
