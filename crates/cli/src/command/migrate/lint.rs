//! `whimbrel migrate lint`

use clap::Args;
use serde::Serialize;
use whimbrel::lint::{Finding, lint};

use crate::failure::{Exit, Failure};
use crate::migrations::{Project, find};
use crate::render::{self, BOLD, DIM, OTHER, printable, styled};
use crate::session::Session;

/// Look for what goes wrong on other people's devices
///
/// Reads the scripts, and runs nothing: columns that can be added to an empty table only, rows that come out differently
/// on each device, rebuilds that forget something, and others. Each finding says why, and what is safer. One that is
/// meant is silenced by a comment before its statement: -- whimbrel: lint-ignore L05
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Lint {
    /// Look at this migration only: its number, version or name
    version: Option<String>,
    /// Look at those behind this migration only
    #[arg(long, value_name = "VERSION", conflicts_with = "version")]
    after: Option<String>,
    /// End with status 4 where anything is found
    #[arg(long)]
    deny: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate lint
  whimbrel migrate lint 0007
  whimbrel migrate lint --after 0003 --deny
  whimbrel migrate lint --json | jq -r '.findings[] | \"\\(.file):\\(.line) \\(.code)\"'";

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    idx: u32,
    migration: &'a str,
    file: String,
    line: usize,
    message: &'a str,
    why: &'a str,
    help: &'a str,
}

impl Lint {
    /// Prints the findings.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let history = &folder.history;
        let only = self.version.as_ref().map(|word| find(history, word)).transpose()?;
        let after = self.after.as_ref().map(|word| find(history, word)).transpose()?;
        let mut findings = lint(history)?;
        findings
            .retain(|finding| only.is_none_or(|m| m.idx == finding.idx) && after.is_none_or(|m| m.idx < finding.idx));
        let file = |finding: &Finding| project.shown_path(&finding.path);
        let entries: Vec<_> = findings
            .iter()
            .map(|finding| Entry {
                code: finding.code,
                idx: finding.idx,
                migration: &finding.migration,
                file: file(finding),
                line: finding.line,
                message: &finding.message,
                why: finding.why,
                help: finding.help,
            })
            .collect();
        session.record("findings", &entries);
        for finding in &findings {
            let head = styled(OTHER.bold(), &format!("warning[{}]", finding.code));
            let place = format!("{}:{}", printable(&file(finding)), finding.line);
            session.say(&format!("{head}: {place}: {}", styled(BOLD, &printable(&finding.message))));
            session.say(&format!("  {} {}", styled(DIM, "="), finding.why));
            session.say(&format!("  {} {}\n", styled(DIM, "="), finding.help));
        }
        let count = history.migrations.len() as u64;
        session.say(&match findings.len() {
            0 => format!("{}: nothing to say.", render::count(count, "migration")),
            n => format!("{}: {}.", render::count(count, "migration"), render::count(n as u64, "finding")),
        });
        Ok(if self.deny && !findings.is_empty() { Exit::Refused } else { Exit::Done })
    }
}
