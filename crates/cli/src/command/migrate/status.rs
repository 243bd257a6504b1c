//! `whimbrel migrate status`

use clap::Args;
use whimbrel::history::Problem;
use whimbrel::{Error, Folder, History};

use crate::failure::{Exit, Failure};
use crate::migrations::{Project, refusal, tool_name};
use crate::overview::{Compare, Overview};
use crate::render::{self, BOLD, DIM, printable, styled};
use crate::session::Session;
use crate::wire;

/// Say how the migrations and a database stand to each other
///
/// Tells what has run and what is pending, what was edited, renamed, moved or removed since, what came in late, whether
/// the schema was changed by hand, and whether the database is newer than the migrations here; and for each the way out.
/// Without a database, only the folder is looked over. Nothing is written, and a database that is missing is not created.
/// Ends with status 4 where something keeps the migrations from running.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {
    /// End with status 3 where migrations are pending
    #[arg(long)]
    exit_code: bool,
    /// Compare the schema with what the migrations make, also where nothing says that it was changed
    #[arg(long)]
    verify: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate status
  whimbrel migrate status --db app.db --verify
  whimbrel migrate status --db app.db --exit-code --quiet || echo 'app.db is not up to date'
  whimbrel migrate status --json | jq '.problems[].code'";

impl Status {
    /// Prints the state.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = match project.read() {
            Ok(folder) => folder,
            Err(failure) => {
                // A folder that cannot be read is a problem like others, for a program that looks for problems.
                record_unreadable(session, project, &failure);
                return Err(failure);
            }
        };
        let history = &folder.history;
        let looked = project.look()?;
        let how = Compare { always_look: self.verify, ..Compare::default() };
        let mut overview = Overview::new(project, &folder, looked.connection.as_ref(), &how)?;
        let unreadable = overview.pending.iter().filter_map(|item| {
            let error = item.migration.script().err()?;
            Some(script_problem(item.migration.idx, &item.migration.tag(), &error))
        });
        let unreadable: Vec<Problem> = unreadable.collect();
        overview.problems.extend(unreadable);

        record(session, project, &folder, &overview, looked.creates);
        session.say(&heading(project, &folder, looked.creates));
        let rows = overview.rows(history);
        if !rows.is_empty() {
            session.say(&render::rows(&rows, &overview.problems));
        }
        for problem in overview.problems.iter().filter(|problem| !problem.blocks) {
            session.say(&render::finding_lines(problem.code.as_str(), &problem.message, &problem.help));
        }
        if overview.problems.iter().any(|problem| !problem.blocks) {
            session.say("");
        }
        let refusal = refusal(&overview.problems);
        session.say(&summary(project, &overview, history, refusal.as_ref()));
        if let Some((tool, applied)) = &overview.other_tool {
            let count = render::count(applied.len() as u64, "migration");
            session.say(&format!(
                "It has a record of {count} by {}. Adopt it: {}",
                tool_name(*tool),
                styled(BOLD, &project.command("baseline"))
            ));
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None if self.exit_code && !overview.pending.is_empty() => Ok(Exit::Pending),
            None => Ok(Exit::Done),
        }
    }
}

fn script_problem(idx: u32, tag: &str, error: &Error) -> Problem {
    let report = error.report();
    let place = report.origin.line_and_column().map_or_else(String::new, |(line, _)| format!(" (line {line})"));
    let problem = Problem::new(error.code(), Some(idx), tag, format!("{}{place}", report.message));
    report.help.iter().fold(problem, |problem, help| problem.help(help))
}

fn record(session: &mut Session, project: &Project, folder: &Folder, overview: &Overview<'_>, creates: bool) {
    let history = &folder.history;
    let records = overview.records();
    session.record("layout", &wire::migrate::layout(folder.layout));
    session.record("newest", &history.newest());
    session.record("database", &project.shown_database());
    session.record("creates_database", &creates);
    session.record("version", &overview.tracking.as_ref().map(|_| overview.standing.newest_applied));
    session.record("applied", &wire::migrate::applied(records));
    let pending: Vec<_> = overview.pending.iter().map(|item| wire::migrate::Pending::new(item, false)).collect();
    session.record("pending", &pending);
    let problems: Vec<_> =
        overview.problems.iter().map(|p| wire::migrate::HistoryProblem::new(p, history, records)).collect();
    session.record("problems", &problems);
    let attempts = overview.tracking.as_ref().and_then(|tracking| tracking.state.as_ref()).map(|state| state.attempts);
    session.record("failed_starts", &attempts);
    session.record("other_tool", &overview.other_tool.as_ref().map(|(tool, _)| tool_name(*tool)));
}

fn record_unreadable(session: &mut Session, project: &Project, failure: &Failure) {
    session.record("database", &project.shown_database());
    session.record("applied", &Vec::<u32>::new());
    session.record("pending", &Vec::<u32>::new());
    session.record(
        "problems",
        &failure.problems.iter().map(wire::migrate::HistoryProblem::of_failure).collect::<Vec<_>>(),
    );
}

fn heading(project: &Project, folder: &Folder, creates: bool) -> String {
    let dir = styled(BOLD, &printable(&project.dir()));
    let count = render::count(folder.history.migrations.len() as u64, "migration");
    let about = styled(DIM, &format!("{}, {count}", folder.layout));
    match project.shown_database() {
        Some(database) => {
            let new = if creates { styled(DIM, ", not there yet") } else { String::new() };
            format!("{dir} → {}    {about}{new}\n", styled(BOLD, &printable(&database)))
        }
        None => format!("{dir}    {about}\n"),
    }
}

fn summary(project: &Project, overview: &Overview<'_>, history: &History, refusal: Option<&Failure>) -> String {
    if history.migrations.is_empty() && refusal.is_none() && overview.records().is_empty() {
        return format!("There are no migrations yet. Make the first: {} --name start", project.command("generate"));
    }
    let Some(database) = project.shown_database() else {
        return match refusal {
            Some(_) => "The folder is not in order.".to_owned(),
            None => "The folder is in order. Name a database with --db to see what has run.".to_owned(),
        };
    };
    let name = printable(&database);
    let at = match overview.position(history) {
        Some(tag) => format!("{name} is at {}", printable(&tag)),
        None => format!("{name} has run none of them"),
    };
    let pending = overview.pending.len();
    match (refusal, pending) {
        (Some(_), _) => format!("{at}. As it stands, nothing can be run."),
        (None, 0) => format!("{at}. Nothing is pending."),
        (None, _) => format!(
            "{at}; {} pending.\nRun {}: {}",
            if pending == 1 { "1 migration is".to_owned() } else { format!("{pending} migrations are") },
            if pending == 1 { "it" } else { "them" },
            styled(BOLD, &project.command("apply"))
        ),
    }
}
