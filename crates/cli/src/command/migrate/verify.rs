//! `whimbrel migrate verify`

use std::time::Instant;

use clap::Args;
use serde::Serialize;
use whimbrel::postgres::versioned::Way;
use whimbrel::testing::{Check, Finding, Verifier};
use whimbrel::{Code, Dialect, History};

use crate::failure::{Exit, Failure, Problem};
use crate::migrations::Project;
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::render;
use crate::session::Session;

/// Try the migrations out, from every version to every later one
///
/// In memory, with generated rows: every version to every later one at once, step by step, a new database, a second start,
/// down and up again. All ways must lead to the same schema and keep every row that no script takes away. No database is
/// touched. Migrations of PostgreSQL are tried in a scratch database of a server, without rows: up, down and up again. What an app does in steps of its own is tried by its tests, with `whimbrel::testing`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// Generate this many rows for each table
    #[arg(long, value_name = "NUMBER", default_value_t = Verifier::ROWS)]
    rows: usize,
    /// Generate other rows: each number gives its own, and always the same
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Try at most this many ways from one version to another
    #[arg(long, value_name = "NUMBER", default_value_t = Verifier::UPGRADES)]
    upgrades: usize,
    /// Leave the ways back out
    #[arg(long)]
    skip_down: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate verify
  whimbrel migrate verify --rows 50 --seed 7
  whimbrel migrate verify --json | jq '.checks[] | select(.outcome != \"passed\")'";

#[derive(Serialize)]
struct Entry<'a> {
    kind: String,
    from: Option<u32>,
    to: u32,
    outcome: String,
    findings: Vec<FindingEntry<'a>>,
    milliseconds: u64,
}

#[derive(Serialize)]
struct FindingEntry<'a> {
    outcome: String,
    object: Option<&'a str>,
    message: &'a str,
}

impl<'a> From<&'a Check> for Entry<'a> {
    fn from(check: &'a Check) -> Self {
        Entry {
            kind: check.kind.to_string().replace(' ', "_"),
            from: check.from,
            to: check.to,
            outcome: check.outcome.to_string(),
            findings: check.findings.iter().map(FindingEntry::from).collect(),
            milliseconds: check.milliseconds,
        }
    }
}

impl<'a> From<&'a Finding> for FindingEntry<'a> {
    fn from(finding: &'a Finding) -> Self {
        FindingEntry {
            outcome: finding.outcome.to_string(),
            object: Some(finding.object.as_str()).filter(|object| !object.is_empty()),
            message: &finding.text,
        }
    }
}

#[derive(Serialize)]
struct WayEntry<'a> {
    kind: &'a str,
    to: u32,
    migration: &'a str,
    outcome: &'static str,
    findings: &'a [String],
}

impl Verify {
    /// The same on a server, in a scratch database: up, down and up again, without rows.
    fn run_on_server(self, session: &mut Session, project: &Project, history: &History) -> Result<Exit, Failure> {
        let start = Instant::now();
        let ways = project.verify(history, self.skip_down)?;
        let outcome = |way: &Way| if way.wrong.is_empty() { "passed" } else { "failed" };
        let entries: Vec<_> = ways
            .iter()
            .map(|way| WayEntry {
                kind: way.kind.as_str(),
                to: way.idx,
                migration: &way.tag,
                outcome: outcome(way),
                findings: &way.wrong,
            })
            .collect();
        session.record("checks", &entries);
        let width = ways.iter().map(|way| way.tag.chars().count()).max().unwrap_or_default();
        for way in &ways {
            let gap = " ".repeat(width - way.tag.chars().count() + 2);
            let tag = render::printable(&way.tag);
            session.say(&format!("  {tag}{gap}{:<9} {}", way.kind.as_str(), outcome(way)));
        }
        session.say("");
        let wrong: Vec<Problem> = ways
            .iter()
            .filter(|way| !way.wrong.is_empty())
            .map(|way| {
                let message = format!("{}, {}: {}", way.tag, way.kind.as_str(), way.wrong[0]);
                let problem = Problem::new(Code::NotVerified.as_str(), message);
                Problem {
                    migration: Some(way.tag.clone()),
                    help: way.wrong.iter().skip(1).take(9).map(|other| format!("and {other}")).collect(),
                    ..problem
                }
            })
            .collect();
        if !wrong.is_empty() {
            return Err(Failure { exit: Exit::Failed, problems: wrong });
        }
        let time = render::duration(start.elapsed());
        session.say(&format!("Done in {time}: all is as it should be. Rows were not tried."));
        Ok(Exit::Done)
    }

    /// Tries them.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read_sound()?;
        if folder.history.migrations.is_empty() {
            session.say(&format!("There are no migrations in {}.", render::printable(&project.dir())));
            return Ok(Exit::Done);
        }
        if folder.dialect == Dialect::Postgres {
            return self.run_on_server(session, project, &folder.history);
        }
        let start = Instant::now();
        let progress = Progress::new(session.can_draw(), false);
        let cancel = cancelled_by_interrupt();
        let mut verifier = Verifier::new(&folder.history)
            .rows(self.rows)
            .seed(self.seed)
            .upgrades(self.upgrades)
            .cancel(&cancel)
            .observer(progress);
        if self.skip_down {
            verifier = verifier.skip_down();
        }
        let outcome = verifier.verify_all();
        // The bar goes before anything is printed.
        drop(verifier);
        let verification = outcome?;
        session.record("versions", &verification.versions);
        session.record("pairs", &verification.pairs);
        session.record("pairs_tried", &verification.pairs_tried);
        session.record("rows_made", &verification.rows_made);
        session.record("rows_given_up", &verification.rows_given_up);
        session.record("checks", &verification.checks.iter().map(Entry::from).collect::<Vec<_>>());
        for line in verification.to_string().lines() {
            session.say(&render::printable(line));
        }
        session.say("");
        let refused = verification.refusals().count();
        verification.into_result()?;
        let time = render::duration(start.elapsed());
        session.say(&match refused {
            0 => format!("Done in {time}: all is as it should be."),
            _ => format!(
                "Done in {time}: nothing is lost. {} refused rows that the older version allows: such a database would \
                 stay as it is.",
                render::count(refused as u64, "check")
            ),
        });
        Ok(Exit::Done)
    }
}
