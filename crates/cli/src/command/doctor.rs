//! `whimbrel doctor`

use clap::Args;
use serde::Serialize;
use whimbrel::{Finding, Severity};

use crate::arguments::DatabaseArgument;
use crate::configuration::Configuration;
use crate::database::Database;
use crate::failure::{Exit, Failure};
use crate::postgres::Server;
use crate::render::{self, BOLD, DIM, GONE, OTHER, printable, styled};
use crate::session::Session;

/// Look for what is wrong with a database
///
/// Checks integrity and foreign keys, views and triggers that are broken, strings in double quotes, collations and
/// modules that are not registered, and settings that are unsafe; and says for each what to do. On PostgreSQL it looks for
/// indexes and constraints that are not valid, sequences that are behind or nearly used up, tables without a key, foreign
/// keys without an index, triggers that are disabled, and collations of another version. Nothing is written.
///
/// Ends with status 1 where there are errors, and with 0 where there is nothing or only warnings.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    #[command(flatten)]
    db: DatabaseArgument,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel doctor --db app.db
  whimbrel doctor --db postgres://localhost/app
  whimbrel doctor --db app.db --json | jq '.findings[].code'";

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    severity: &'static str,
    object: &'a str,
    message: &'a str,
    help: &'a str,
}

impl Doctor {
    /// Prints the findings.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
        let (name, findings) = match Server::named(self.db.db.as_ref(), &configuration)? {
            Some(server) => (server.address.to_string(), server.findings()?),
            None => {
                let database = Database::choose(&self.db, &configuration)?;
                (database.shown(), whimbrel::doctor(&mut database.open()?)?)
            }
        };
        session.record("database", &name);
        session.record("findings", &findings.iter().map(entry).collect::<Vec<_>>());
        for finding in &findings {
            let style = match finding.severity {
                Severity::Error => GONE,
                Severity::Warning => OTHER,
            };
            let head = styled(style.bold(), &format!("{}[{}]", finding.severity.as_str(), finding.code));
            let object =
                if finding.object.is_empty() { String::new() } else { format!("{}: ", printable(&finding.object)) };
            session.say(&format!("{head}: {object}{}", styled(BOLD, &printable(&finding.message))));
            session.say(&format!("  {} {}\n", styled(DIM, "="), printable(&finding.help)));
        }
        let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
        let warnings = findings.len() - errors;
        let name = printable(&name);
        session.say(&match (errors, warnings) {
            (0, 0) => format!("{name} is well."),
            _ => format!(
                "{name}: {}, {}.",
                render::count(errors as u64, "error"),
                render::count(warnings as u64, "warning")
            ),
        });
        Ok(if errors > 0 { Exit::Failed } else { Exit::Done })
    }
}

fn entry(finding: &Finding) -> Entry<'_> {
    Entry {
        code: finding.code,
        severity: finding.severity.as_str(),
        object: &finding.object,
        message: &finding.message,
        help: &finding.help,
    }
}
