//! `whimbrel migrate lint`

use clap::{Args, ValueEnum};
use serde::Serialize;
use whimbrel::history::Layout;
use whimbrel::lint::postgres::{self, Settings};
use whimbrel::lint::{Finding, lint};
use whimbrel::{Dialect, Folder};

use crate::failure::{Exit, Failure};
use crate::migrations::{Project, find};
use crate::render::{self, BOLD, DIM, GONE, OTHER, printable, styled};
use crate::session::Session;

/// Look for what goes wrong on other people's devices, or on a server in use
///
/// Reads the scripts, and runs nothing. For SQLite: columns that can be added to an empty table only, rows that come out
/// differently on each device, rebuilds that forget something, and others. For PostgreSQL: locks that others wait for,
/// tables that are written anew, names that apps still use, and others. Each finding says why, and what is safer. One
/// that is meant is silenced by a comment before its statement: -- whimbrel: lint-ignore L05
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Lint {
    /// Look at this migration only: its number, version or name
    version: Option<String>,
    /// Look at those behind this migration only
    #[arg(long, value_name = "VERSION", conflicts_with = "version")]
    after: Option<String>,
    /// End with status 4 where anything is found, or anything of this level or above
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "advice")]
    deny: Option<Level>,
}

/// How bad a finding is, as the option names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Advice,
    Warning,
    Error,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate lint
  whimbrel migrate lint 0007
  whimbrel migrate lint --after 0003 --deny
  whimbrel migrate lint --deny=error
  whimbrel migrate lint --json | jq -r '.findings[] | \"\\(.file):\\(.line) \\(.code)\"'";

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    level: &'static str,
    idx: u32,
    migration: &'a str,
    file: String,
    line: usize,
    message: &'a str,
    lock: Option<&'static str>,
    blocks: Option<&'static str>,
    why: &'a str,
    help: &'a str,
}

impl From<Level> for whimbrel::lint::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Advice => whimbrel::lint::Level::Advice,
            Level::Warning => whimbrel::lint::Level::Warning,
            Level::Error => whimbrel::lint::Level::Error,
        }
    }
}

impl Lint {
    /// Prints the findings.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read()?;
        let history = &folder.history;
        let only = self.version.as_ref().map(|word| find(history, word)).transpose()?;
        let after = self.after.as_ref().map(|word| find(history, word)).transpose()?;
        let mut findings = findings(&folder)?;
        findings
            .retain(|finding| only.is_none_or(|m| m.idx == finding.idx) && after.is_none_or(|m| m.idx < finding.idx));
        let file = |finding: &Finding| project.shown_path(&finding.path);
        let entries: Vec<_> = findings
            .iter()
            .map(|finding| Entry {
                code: finding.code,
                level: finding.level.as_str(),
                idx: finding.idx,
                migration: &finding.migration,
                file: file(finding),
                line: finding.line,
                message: &finding.message,
                lock: finding.lock.map(|lock| lock.as_str()),
                blocks: finding.lock.map(|lock| lock.blocks()),
                why: finding.why,
                help: finding.help,
            })
            .collect();
        session.record("findings", &entries);
        for finding in &findings {
            let style = match finding.level {
                whimbrel::lint::Level::Error => GONE.bold(),
                whimbrel::lint::Level::Warning => OTHER.bold(),
                whimbrel::lint::Level::Advice => BOLD,
            };
            let head = styled(style, &format!("{}[{}]", finding.level.as_str(), finding.code));
            let place = format!("{}:{}", printable(&file(finding)), finding.line);
            session.say(&format!("{head}: {place}: {}", styled(BOLD, &printable(&finding.message))));
            let mut note = |text: &str| session.say(&format!("  {} {text}", styled(DIM, "=")));
            if let Some(lock) = finding.lock {
                note(&format!("lock: {}, and {} wait", lock.as_str(), lock.blocks()));
            }
            note(finding.why);
            note(&format!("safer: {}\n", finding.help));
        }
        let count = render::count(history.migrations.len() as u64, "migration");
        session.say(&format!("{count}: {}.", summary(&findings)));
        let denied = self.deny.map(whimbrel::lint::Level::from);
        let is_denied = denied.is_some_and(|denied| findings.iter().any(|finding| finding.level >= denied));
        Ok(if is_denied { Exit::Refused } else { Exit::Done })
    }
}

/// What is found in a folder. Another tool's may be run by that tool, which does not see to what Whimbrel sees to.
fn findings(folder: &Folder) -> whimbrel::Result<Vec<Finding>> {
    match (folder.dialect, folder.layout) {
        (Dialect::Sqlite, _) | (Dialect::Postgres, Layout::Whimbrel | Layout::Plain) => lint(&folder.history),
        (Dialect::Postgres, _) => postgres::lint(&folder.history, &Settings { by_whimbrel: false }),
    }
}

/// How many findings there are of each level.
fn summary(findings: &[Finding]) -> String {
    use whimbrel::lint::Level;
    let of = |level: Level| findings.iter().filter(|finding| finding.level == level).count() as u64;
    let mut counts = Vec::new();
    for (level, word) in [(Level::Error, "error"), (Level::Warning, "warning")] {
        counts.extend(Some(of(level)).filter(|n| *n > 0).map(|n| render::count(n, word)));
    }
    counts.extend(Some(of(Level::Advice)).filter(|n| *n > 0).map(|n| format!("{n} of advice")));
    if counts.is_empty() { "nothing to say".to_owned() } else { counts.join(", ") }
}
