//! `whimbrel migrate reset`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rusqlite::Connection;
use rusqlite::backup::{Backup as Copying, StepResult};
use whimbrel::history::Policy;
use whimbrel::run::{self, block_on};
use whimbrel::sqlite_host::{self, Access, Sqlite};
use whimbrel::{Code, Error, History, Migrator, backup};

use super::refuse_backup;
use crate::arguments::{BackupArguments, ServerArguments};
use crate::database::open_to_write;
use crate::failure::{Exit, Failure};
use crate::migrations::Project;
use crate::postgres_migrations::{How, Live};
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::render::{self, printable};
use crate::session::Session;
use crate::{ask, wire};

/// Make a database anew, without its rows
///
/// For development. A new database is made beside it by all migrations, and then takes its place page by page, in one
/// transaction: whatever stops it, there is the old database or the new one. A backup is made first, unless
/// --backup=false says otherwise. Only a database that migrations have made is emptied. On a PostgreSQL server all that
/// the database holds is dropped in one transaction, and the migrations run again; there is no backup.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Reset {
    /// Let all rows be lost
    #[arg(long)]
    accept_data_loss: bool,
    #[command(flatten)]
    backup: BackupArguments,
    /// Run all migrations, instead of starting from the snapshot
    #[arg(long)]
    replay: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate reset --db app.db
  whimbrel migrate reset --db app.db --accept-data-loss --backup=false";

/// Pages that are copied at once.
const PAGES: std::ffi::c_int = 4096;

impl Reset {
    /// Makes it anew.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        if let Some(live) = project.live()? {
            return self.run_on_server(session, project, live);
        }
        let database = project.database()?;
        let folder = project.read_sound()?;
        let history = &folder.history;
        let shown = database.shown();
        session.record("database", &shown);
        let exists = database.exists()?;
        let mut is_fresh = true;
        let mut settings = Vec::new();
        if exists {
            session.written = Some(shown.clone());
            let connection = database.open()?;
            let tracking = block_on(run::read_tracking(&mut Sqlite::new(&connection)))?;
            is_fresh = tracking.is_fresh();
            if tracking.state.is_none() && !is_fresh {
                let message = format!("{shown} was not made by these migrations, and is not emptied");
                return Err(Error::new(Code::NotDisposable, message)
                    .help("if nothing in it is needed, remove the file yourself")
                    .help(format!("if the migrations made it, adopt it: {}", project.command("baseline")))
                    .into());
            }
            settings = file_settings(&connection)?;
            let rows = rows(&connection)?;
            session.record("rows", &rows);
            if rows > 0 && !self.accept_data_loss {
                let what = render::count(rows, "row");
                if !session.can_ask() {
                    let error = Error::new(Code::DataLoss, format!("this would lose {what} of {shown}"));
                    return Err(error.help("say --accept-data-loss if that is meant").into());
                }
                ask::yes(session, &format!("Empty {shown}? It has {what}."), false)?;
            }
        }

        let start = Instant::now();
        let temporary = beside(&database.path);
        // One of the same name can only be what an earlier process left when it was killed.
        drop(Cleared(&temporary));
        let cleared = Cleared(&temporary);
        let made = self.make(session, history, &temporary, &settings)?;
        let mut target = open_to_write(&database.path, if exists { Access::ReadWrite } else { Access::Create })?;
        session.written = Some(shown.clone());
        if let Some(keep) = self.backup.wanted(&project.configuration, true).filter(|_| exists && !is_fresh) {
            let made = backup::create(&target, &database.path, keep)?;
            session.record("backup", &wire::Backup::from(&made));
            session.say(&format!("Backup: {}", printable(&made.path.display().to_string())));
        }
        copy(&made, &mut target, &shown)?;
        session.applied = true;
        drop((made, cleared));
        // The stamp goes by a count of SQLite's that goes on in the old file; without it, the next start looks longer.
        let restamped = Migrator::new(history).count_attempts(false).run(&mut target);
        let time = start.elapsed();
        if let Err(e) = restamped {
            session.remark(&format!("{} {}", render::styled(render::OTHER, "warning:"), printable(&e.to_string())));
        }
        session.record("version", &history.newest());
        let at = history.migrations.last().map(|m| m.tag()).unwrap_or_default();
        session.say(&format!(
            "Done in {}: {} is new, at {}.",
            render::duration(time),
            printable(&shown),
            printable(&at)
        ));
        Ok(Exit::Done)
    }

    /// The same on a server, where a database is not made beside the other: all in it is dropped, and the migrations run.
    fn run_on_server(&self, session: &mut Session, project: &Project, mut live: Live<'_>) -> Result<Exit, Failure> {
        refuse_backup(&self.backup)?;
        let folder = project.read_sound()?;
        let history = &folder.history;
        let shown = project.shown_database().unwrap_or_default();
        session.record("database", &shown);
        session.written = Some(shown.clone());
        let start = Instant::now();
        let tracking = live.tracking()?;
        if tracking.state.is_none() && !tracking.is_fresh() {
            let message = format!("{shown} was not made by these migrations, and is not emptied");
            return Err(Error::new(Code::NotDisposable, message)
                .help("if nothing in it is needed, drop the database yourself")
                .help(format!("if the migrations made it, adopt it: {}", project.command("baseline")))
                .into());
        }
        // What cannot run is found before anything is dropped.
        project.replay(history)?;
        let rows = live.rows()?;
        session.record("rows", &rows);
        if rows > 0 && !self.accept_data_loss {
            let what = render::count(rows, "row");
            if !session.can_ask() {
                let error = Error::new(Code::DataLoss, format!("this would lose {what} of {shown}"));
                return Err(error.help("say --accept-data-loss if that is meant").into());
            }
            ask::yes(session, &format!("Lose {what} of {shown}?"), false)?;
        }
        live.clear(&project.ignore)?;
        session.applied = true;
        let times = ServerArguments::default();
        let how = How { to: None, policy: Policy::Refuse, accept_drift: false, ignore: &project.ignore, times: &times };
        live.upgrade(session, history, &how)?;
        session.record("version", &history.newest());
        let at = history.migrations.last().map(|m| m.tag()).unwrap_or_default();
        session.say(&format!(
            "Done in {}: {} is new, at {}.",
            render::duration(start.elapsed()),
            printable(&shown),
            printable(&at)
        ));
        Ok(Exit::Done)
    }

    /// Makes the new database under a name of its own.
    fn make(
        &self,
        session: &Session,
        history: &History,
        path: &Path,
        settings: &[String],
    ) -> Result<Connection, Failure> {
        let mut connection = sqlite_host::open(path, Access::Create)?;
        let cannot = |e| Error::new(Code::Setting, "the new database cannot be set up").cause(e);
        settings.iter().try_for_each(|sql| connection.execute_batch(sql)).map_err(cannot)?;
        let mut progress = Progress::new(session.can_draw(), session.verbose && !session.json);
        let cancel = cancelled_by_interrupt();
        let mut migrator =
            Migrator::new(history).replay(self.replay).count_attempts(false).cancel(&cancel).observer(&mut progress);
        migrator.run(&mut connection)?;
        drop(migrator);
        Ok(connection)
    }
}

/// What a file keeps of how it was made: pages of another size cannot take the place of those of a database with a
/// write-ahead log.
fn file_settings(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut settings = Vec::new();
    for name in ["page_size", "auto_vacuum", "encoding"] {
        let value = connection.query_row(&format!("PRAGMA main.{name}"), [], |row| {
            Ok(match row.get::<_, rusqlite::types::Value>(0)? {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => whimbrel::sqlite::token::quote_text(&text),
                _ => String::new(),
            })
        });
        let value = value.map_err(|e| Error::new(Code::Database, "the database does not answer").cause(e))?;
        settings.push(format!("PRAGMA main.{name} = {value}"));
    }
    Ok(settings)
}

/// How many rows there are in all tables.
fn rows(connection: &Connection) -> Result<u64, Failure> {
    let schema = block_on(run::read_live(&mut Sqlite::new(connection)))?.schema;
    let mut rows = 0;
    for table in &schema.tables {
        let sql = format!("SELECT count(*) FROM main.{}", whimbrel::sqlite::token::quote_name(&table.name));
        let count: i64 = connection.query_row(&sql, [], |row| row.get(0)).map_err(|e| {
            Error::new(Code::Database, format!("the rows of {} cannot be counted", table.name)).cause(e)
        })?;
        rows += count.unsigned_abs();
    }
    Ok(rows)
}

/// A name beside a database that no other program uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    PathBuf::from(name)
}

/// Removes a file, and what SQLite may have left beside it, when it goes.
struct Cleared<'p>(&'p Path);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        for end in ["", "-journal", "-wal", "-shm", "-whimbrel-lock"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(end);
            let _ = std::fs::remove_file(name);
        }
    }
}

/// Copies all pages in one transaction of the target: other connections see the old database or the new one.
fn copy(from: &Connection, to: &mut Connection, shown: &str) -> Result<(), Failure> {
    let cannot = |cause: String, code: Code| {
        Failure::from(Error::new(code, format!("{shown} cannot be made anew")).cause(cause))
    };
    let copying = Copying::new(from, to).map_err(|e| cannot(e.to_string(), Code::StatementFailed))?;
    let mut waited = Duration::ZERO;
    loop {
        match copying.step(PAGES).map_err(|e| cannot(e.to_string(), Code::StatementFailed))? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Somebody else reads or writes it; five seconds, as everywhere.
            _ if waited < Duration::from_secs(5) => {
                let pause = Duration::from_millis(20);
                std::thread::sleep(pause);
                waited += pause;
            }
            _ => return Err(cannot("the database is locked by another connection".to_owned(), Code::Busy)),
        }
    }
}
