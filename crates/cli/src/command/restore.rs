//! `whimbrel restore`

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use whimbrel::backup::{self, Backup};
use whimbrel::{Code, Error};

use crate::arguments::DatabaseArgument;
use crate::configuration::Configuration;
use crate::database::Database;
use crate::failure::{Exit, Failure};
use crate::render::{self, BOLD, printable, styled};
use crate::session::Session;
use crate::{ask, source, wire};

/// List backups, and bring one back
///
/// Without a name, the backups that `push --backup` made are listed, the newest first. With one, the database becomes
/// what it was then, and what it holds now is kept as one backup more.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Restore {
    /// The backup to bring back, as it is listed
    #[arg(conflicts_with_all = ["latest", "list"])]
    backup: Option<OsString>,
    #[command(flatten)]
    db: DatabaseArgument,
    /// Bring back the newest
    #[arg(long, conflicts_with = "list")]
    latest: bool,
    /// Only list the backups
    #[arg(long)]
    list: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel restore --db app.db
  whimbrel restore --db app.db --latest
  whimbrel restore --db app.db --latest --yes";

impl Restore {
    /// Lists the backups or brings one back.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
        let database = Database::choose(&self.db, &configuration)?;
        let backups = backup::list(&database.path)?;
        let shown = database.shown();
        if backups.is_empty() && !database.exists()? {
            let error = Error::new(Code::CannotOpen, format!("there is no {shown}, and no backup of it"));
            return Err(error.object(&shown).help("look for a slip in the name").into());
        }
        session.record("database", &shown);
        if self.backup.is_none() && !self.latest {
            session.record("backups", &backups.iter().map(wire::Backup::from).collect::<Vec<_>>());
            list(session, &shown, &backups);
            return Ok(Exit::Done);
        }
        let chosen = match &self.backup {
            None => backups.first(),
            Some(name) => backups.iter().find(|b| is_called(b, name)),
        };
        let Some(chosen) = chosen else {
            let message = match &self.backup {
                Some(name) if !backups.is_empty() => format!("{shown} has no backup {}", source::shown(name)),
                _ => format!("{shown} has no backup"),
            };
            let error = Error::new(Code::NoSuchBackup, message);
            return Err(error.help(format!("`whimbrel restore --db {shown}` lists those there are")).into());
        };
        session.written = Some(shown.clone());
        let name = file_name(chosen);
        if session.can_ask() && !self.yes {
            let question = format!(
                "Make {shown} what it was at {}? What it holds now becomes a backup.",
                render::moment(&chosen.taken)
            );
            ask::yes(session, &question, false)?;
        }
        backup::restore(chosen, &database.path)?;
        session.applied = true;
        session.record("restored", &wire::Backup::from(chosen));
        let kept = backup::list(&database.path)?.into_iter().find(|b| !backups.contains(b));
        session.record("kept", &kept.as_ref().map(wire::Backup::from));
        session.say(&format!("{} is restored from {}.", printable(&shown), printable(&name)));
        if let Some(kept) = kept {
            session.say(&format!("What it held before is kept as {}.", printable(&file_name(&kept))));
        }
        Ok(Exit::Done)
    }
}

fn file_name(backup: &Backup) -> String {
    backup.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a word means this backup: its file name, its path, or the time it was taken.
fn is_called(backup: &Backup, word: &OsString) -> bool {
    backup.path.file_name() == Some(word.as_os_str())
        || backup.path == Path::new(word)
        || word.to_str() == Some(backup.taken.as_str())
}

fn list(session: &mut Session, database: &str, backups: &[Backup]) {
    if backups.is_empty() {
        session.say(&format!("{} has no backups. `whimbrel push --backup` makes one.", printable(database)));
        return;
    }
    let width = backups.iter().map(|b| printable(&file_name(b)).len()).max().unwrap_or(0);
    for backup in backups {
        let name = printable(&file_name(backup));
        let name = format!("{}{}", styled(BOLD, &name), " ".repeat(width - name.len()));
        session.say(&format!("{name}  {}  {}", render::moment(&backup.taken), render::bytes(backup.bytes)));
    }
}
