//! `whimbrel migrate baseline`

use clap::Args;
use rusqlite::Connection;
use whimbrel::history::adopt::Tool;
use whimbrel::postgres::versioned::Baseline as OnServer;
use whimbrel::run::{self, Baseline as Adoption, block_on};
use whimbrel::sqlite_host::{Access, Sqlite};
use whimbrel::{Code, Error, History, Migration};

use crate::database::{Database, open_to_write};
use crate::failure::{Exit, Failure};
use crate::migrations::{Project, find, tool_name};
use crate::postgres_migrations::Live;
use crate::render::{self, BOLD, OTHER, printable, styled};
use crate::session::Session;

/// Adopt a database that somebody else has made
///
/// Records migrations as run without running them: those that another tool's record names (sqlx, refinery, diesel,
/// Drizzle, or a number in user_version), those up to --to, or those whose schema the database has, where only one
/// version fits. Nothing is believed that the schema does not bear out.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Baseline {
    /// The newest migration that the database has: its number, version or name
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Take a schema that is another than the migrations make as it is
    #[arg(long)]
    accept_drift: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate baseline --db app.db
  whimbrel migrate baseline --db app.db --to 0003
  whimbrel migrate baseline --db app.db --to 0003 --accept-drift";

/// What is adopted, and who says so.
struct Found {
    applied: Vec<u32>,
    takes_user_version: bool,
    source: String,
}

impl Baseline {
    /// Adopts it.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        let folder = project.read_sound()?;
        let history = &folder.history;
        let mut live = project.live()?;
        let connection = match live {
            Some(_) => None,
            None => Some(project.database()?.open()?),
        };
        let shown = project.shown_database().unwrap_or_default();
        session.written = Some(shown.clone());
        session.record("database", &shown);
        let tracking = match (&mut live, &connection) {
            (Some(live), _) => live.tracking()?,
            (None, Some(connection)) => block_on(run::read_tracking(&mut Sqlite::new(connection)))?,
            (None, None) => return Err(Database::unnamed()),
        };
        if !tracking.records.is_empty() {
            return Err(Error::new(Code::HistoryFixed, format!("{shown} has a record of migrations already"))
                .help(format!("look at it: {}", project.command("status")))
                .into());
        }
        if tracking.is_fresh() {
            let error = Error::new(Code::Adoption, format!("{shown} is empty: there is nothing to adopt"));
            return Err(error.help(format!("make it: {}", project.command("apply"))).into());
        }
        let found = self.find(project, history, connection.as_ref(), live.as_mut())?;
        drop(connection);
        let adoption = Adoption {
            applied: found.applied.clone(),
            takes_user_version: found.takes_user_version,
            accept_drift: self.accept_drift,
            ignore: project.ignore.clone(),
            now: jiff::Timestamp::now().as_millisecond(),
        };
        let difference = match &mut live {
            Some(live) => {
                let Adoption { applied, accept_drift, ignore, now, .. } = adoption;
                live.baseline(history, &OnServer { applied, accept_drift, ignore, now })?
            }
            None => {
                let connection = open_to_write(&project.database()?.path, Access::ReadWrite)?;
                block_on(run::baseline(&mut Sqlite::new(&connection), history, &adoption))?
            }
        };
        session.applied = true;
        let adopted: Vec<&Migration> = history.originals().filter(|m| found.applied.contains(&m.idx)).collect();
        let names: Vec<_> = adopted.iter().map(|m| crate::wire::migrate::Named::from(*m)).collect();
        session.record("adopted", &names);
        session.record("source", &found.source);
        let pending = history.originals().count().saturating_sub(adopted.len());
        let newest = adopted.last().map(|m| m.tag()).unwrap_or_default();
        let mut warnings: Vec<String> = Vec::new();
        warnings.extend(difference.extra.iter().map(|e| format!("{e} is in the database, and no migration makes it")));
        warnings.extend(difference.wrong.iter().map(|wrong| format!("taken as it is: {wrong}")));
        session.record("warnings", &warnings);
        for warning in &warnings {
            session.remark(&format!("{} {}", styled(OTHER, "warning:"), printable(warning)));
        }
        let (count, verb) =
            (render::count(adopted.len() as u64, "migration"), if adopted.len() == 1 { "is" } else { "are" });
        session.say(&match adopted.is_empty() {
            true => format!("{} is adopted: it has run no migration ({}).", printable(&shown), found.source),
            false => format!(
                "{} is adopted at {}: {count} {verb} recorded as run ({}).",
                printable(&shown),
                printable(&newest),
                found.source
            ),
        });
        if pending > 0 {
            let what =
                if pending == 1 { "the one that follows".to_owned() } else { format!("the {pending} that follow") };
            session.say(&format!("Run {what}: {}", styled(BOLD, &project.command("apply"))));
        }
        Ok(Exit::Done)
    }

    /// Which migrations the database has.
    fn find(
        &self,
        project: &Project,
        history: &History,
        connection: Option<&Connection>,
        mut live: Option<&mut Live<'_>>,
    ) -> Result<Found, Failure> {
        let up_to = |idx: u32| history.originals().filter(|m| m.idx <= idx).map(|m| m.idx).collect();
        if let Some(word) = &self.to {
            let applied = match word.trim_start_matches('0').is_empty() && history.find(word).is_none() {
                true => Vec::new(),
                false => up_to(find(history, word)?.idx),
            };
            return Ok(Found { applied, takes_user_version: false, source: "as --to says".to_owned() });
        }
        let other = match (&mut live, connection) {
            (Some(live), _) => live.other_tool(history),
            (None, Some(connection)) => block_on(run::read_other_tool(&mut Sqlite::new(connection), history)),
            (None, None) => Ok(None),
        };
        match other {
            Ok(Some((tool, applied))) => {
                return Ok(Found {
                    applied,
                    takes_user_version: tool == Tool::UserVersion,
                    source: format!("as the record of {} says", tool_name(tool)),
                });
            }
            Ok(None) => {}
            Err(e) => {
                return Err(
                    Failure::from(e).help("if its record is wrong, say --to with the newest migration that has run")
                );
            }
        }
        let fits = match (&mut live, connection) {
            (Some(live), _) => live.find_version(history, &project.ignore)?,
            (None, Some(connection)) => {
                block_on(run::find_version(&mut Sqlite::new(connection), history, &project.ignore))?
            }
            (None, None) => Vec::new(),
        };
        let tags: Vec<String> = history.originals().filter(|m| fits.contains(&m.idx)).map(Migration::tag).collect();
        match fits.as_slice() {
            [only] => Ok(Found {
                applied: up_to(*only),
                takes_user_version: false,
                source: "the only version with this schema".to_owned(),
            }),
            [] => {
                let message = "the database has the schema of no version, and no record of another tool";
                Err(Error::new(Code::Adoption, message)
                    .help("name the newest migration that has run with --to, and see what differs")
                    .into())
            }
            _ => {
                let message = format!("several versions have the schema of the database: {}", tags.join(", "));
                Err(Error::new(Code::Adoption, message)
                    .help("they differ in rows only: name the newest that has run with --to")
                    .into())
            }
        }
    }
}
