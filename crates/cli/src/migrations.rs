//! What the `migrate` commands share: from the options to a folder of migrations, what is worked out there and written,
//! and the database beside it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use rusqlite::Connection;
use whimbrel::history::author::{Draft, Edit, Write};
use whimbrel::history::{Files, History, MemoryFiles, Migration, Outcome, Problem, adopt};
use whimbrel::postgres::versioned::Way;
use whimbrel::postgres::{Settings, Wanted};
use whimbrel::run::{self, block_on};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Dialect, Error, Folder, FolderFiles};

use crate::arguments::{ProjectArguments, shown};
use crate::configuration::{Configuration, FILE};
use crate::database::Database;
use crate::failure::{self, CONFIGURATION, Exit, Failure};
use crate::postgres::Server;
use crate::postgres_migrations::Live;
use crate::render::{GONE, NEW, printable, shell_word, styled};
use crate::session::Session;

/// The folder that is meant where none is named.
const DIR: &str = "migrations";

/// A folder of migrations, and what belongs to it.
pub struct Project {
    /// The folder.
    pub files: FolderFiles,
    /// The database, where one is named.
    pub database: Option<Database>,
    /// The sources of the declared schema.
    pub schema: Vec<OsString>,
    /// The PostgreSQL server, where the database is on one.
    pub server: Option<Server>,
    /// Where things are tried out on a server, where that was said.
    scratch: Option<OsString>,
    /// Patterns of tables that are left out of sight.
    pub ignore: Vec<String>,
    /// The defaults of the project.
    pub configuration: Configuration,
    /// The options that name folder and database, as they were written.
    words: Vec<OsString>,
}

impl Project {
    /// Reads the options and the configuration.
    pub fn new(arguments: &ProjectArguments) -> Result<Project, Failure> {
        let configuration = Configuration::find()?;
        let told = match (&arguments.dialect, &configuration.dialect) {
            (Some(dialect), _) => Some(read_dialect(dialect, Failure::usage)?),
            (None, Some(dialect)) => Some(read_dialect(dialect, |message| {
                let problem = failure::Problem::new(CONFIGURATION, format!("{FILE}: {message}"));
                Failure::new(Exit::Usage, problem)
            })?),
            (None, None) => None,
        };
        let server = Server::named(arguments.db.as_ref(), &configuration)?;
        let database = match &server {
            Some(_) => None,
            None => Database::named(arguments.db.as_ref(), &configuration)?,
        };
        let dialect = match (&server, &database) {
            (Some(_), _) => Some(Dialect::Postgres),
            (None, Some(_)) => Some(Dialect::Sqlite),
            (None, None) => told,
        };
        if let (Some(told), Some(found)) = (told.filter(|_| arguments.dialect.is_some()), dialect)
            && told != found
        {
            let message = format!("--dialect says {}, and the database is {}", told.title(), found.title());
            return Err(Failure::usage(message).help("leave --dialect out, or name another database with --db"));
        }
        let dir = arguments.dir.as_ref().or(configuration.dir.as_ref());
        if dir.is_some_and(|dir| dir.is_empty()) {
            return Err(Failure::usage("the name of the folder is empty").help("name a folder with --dir"));
        }
        let mut words = Vec::new();
        if let Some(dir) = &arguments.dir {
            words.extend(["--dir".into(), dir.clone()]);
        }
        if let Some(db) = &arguments.db {
            words.extend(["--db".into(), db.clone()]);
        }
        if let Some(word) = &arguments.scratch {
            words.extend(["--scratch".into(), word.clone()]);
        }
        let schema = if arguments.schema.is_empty() { &configuration.schema } else { &arguments.schema };
        let files = FolderFiles::new(dir.map_or(OsStr::new(DIR), OsString::as_os_str));
        Ok(Project {
            files: match dialect {
                Some(dialect) => files.of(dialect),
                None => files,
            },
            database,
            server,
            scratch: arguments.scratch.clone(),
            schema: schema.clone(),
            ignore: configuration.ignore.iter().chain(&arguments.ignore).cloned().collect(),
            configuration,
            words,
        })
    }

    /// The folder in messages.
    pub fn dir(&self) -> String {
        self.files.path().display().to_string()
    }

    /// The database in messages, where one is named.
    pub fn shown_database(&self) -> Option<String> {
        let server = self.server.as_ref().map(|server| server.address.to_string());
        server.or_else(|| self.database.as_ref().map(Database::shown))
    }

    /// A connection to the server, where the database is on one.
    pub fn live(&self) -> Result<Option<Live<'_>>, Failure> {
        Ok(self.server.as_ref().map(|server| Live::open(server, self.scratch.as_ref())).transpose()?)
    }

    /// What a history makes of an empty database.
    pub fn replay(&self, history: &History) -> whimbrel::Result<Outcome> {
        // An empty one makes nothing, of whatever dialect it will be.
        let is_postgres = self.server.is_some() || history.dialect() == Dialect::Postgres;
        if !is_postgres || history.migrations.is_empty() && self.server.is_none() {
            return replay(history);
        }
        self.somewhere()?.replay(history)
    }

    /// Tries migrations out on a server.
    pub fn verify(&self, history: &History, skip_down: bool) -> Result<Vec<Way>, Failure> {
        self.somewhere()?.live()?.verify(history, skip_down)
    }

    /// A server to try things out on: the database's, or the one that --scratch names.
    fn somewhere(&self) -> whimbrel::Result<Somewhere<'_>> {
        match (&self.server, &self.scratch) {
            (Some(server), _) => Ok(Somewhere::Database(server, self.scratch.as_ref())),
            (None, Some(word)) => Ok(Somewhere::Scratch(Server::at(word)?)),
            (None, None) => {
                let message = "what migrations of PostgreSQL make, only a PostgreSQL server can say";
                Err(Error::new(Code::CannotOpen, message)
                    .help("name one with --db, where a scratch database is made and dropped")
                    .help("or one to try things out on, with --scratch"))
            }
        }
    }

    /// The scripts from what a history makes to the declared schema, on a server.
    pub fn draft(&self, history: &History, wanted: &Wanted, settings: &Settings) -> whimbrel::Result<Draft> {
        self.somewhere()?.draft(history, wanted, settings)
    }

    /// The database, which a command cannot do without.
    pub fn database(&self) -> Result<&Database, Failure> {
        self.database.as_ref().ok_or_else(Database::unnamed)
    }

    /// Whether the folder is there.
    pub fn has_folder(&self) -> bool {
        self.files.path().is_dir()
    }

    /// Reads the folder, which has to be there.
    pub fn read(&self) -> Result<Folder, Failure> {
        if !self.has_folder() && !self.files.path().exists() {
            let error = Error::new(Code::MigrationFiles, format!("there is no folder {}", self.dir()));
            return Err(error.help("name the folder with --dir, or make it with `whimbrel migrate generate`").into());
        }
        Ok(Folder::read(&self.files)?)
    }

    /// Reads the folder; what does not fit together in it is refused, with all of it told.
    pub fn read_sound(&self) -> Result<Folder, Failure> {
        let folder = self.read()?;
        match refusal(&folder.problems) {
            Some(refusal) => Err(refusal),
            None => Ok(folder),
        }
    }

    /// Opens the database that is named, if one is, without writing or creating it.
    pub fn look(&self) -> Result<Looked, Failure> {
        let Some(database) = &self.database else { return Ok(Looked { connection: None, creates: false }) };
        let (connection, bytes) = database.open_for_planning()?;
        Ok(Looked { connection: Some(connection), creates: bytes.is_none() })
    }

    /// The folder's files in memory: what is worked out there is written when all of it is done.
    pub fn copy(&self) -> Result<MemoryFiles, Failure> {
        let mut copy = MemoryFiles { dialect: self.files.dialect(), ..MemoryFiles::default() };
        for path in self.files.list()?.into_iter().filter(|path| is_text(path)) {
            copy.files.insert(path.clone(), self.files.read(&path)?);
        }
        Ok(copy)
    }

    /// Writes an edit, and records and tells which files it changed.
    pub fn write(&mut self, session: &mut Session, edits: &[Edit]) -> Result<(), Failure> {
        let mut written = Vec::new();
        let mut removed = Vec::new();
        for write in edits.iter().flat_map(|edit| &edit.writes) {
            let (path, list) = match write {
                Write::File { path, .. } => (path, &mut written),
                Write::Remove { path } => (path, &mut removed),
            };
            let path = self.shown_path(path);
            if !list.contains(&path) {
                list.push(path);
            }
        }
        session.record("written", &written);
        session.record("removed", &removed);
        for edit in edits {
            edit.apply(&mut self.files)?;
        }
        session.applied = !edits.iter().all(Edit::is_empty);
        written.iter().for_each(|path| session.say(&format!("  {} {}", styled(NEW, "+"), printable(path))));
        removed.iter().for_each(|path| session.say(&format!("  {} {}", styled(GONE, "-"), printable(path))));
        Ok(())
    }

    /// Whether the command line itself names a database: what a default names is not changed by the way.
    pub fn is_named(&self) -> bool {
        let file = self.database.as_ref().is_some_and(|database| database.word.is_some());
        file || self.server.as_ref().is_some_and(|server| server.word.is_some())
    }

    /// A `migrate` command with the options that say where.
    pub fn command(&self, command: &str) -> String {
        let mut out = format!("whimbrel migrate {command}");
        for word in &self.words {
            out.push(' ');
            out.push_str(&printable(&shell_word(&shown(word))));
        }
        out
    }

    /// What stands in the folder under a path.
    pub fn shown_path(&self, path: &str) -> String {
        let name = self.files.path().join(Path::new(path)).display().to_string();
        if cfg!(windows) { name.replace('\\', "/") } else { name }
    }
}

/// Where things are tried out.
enum Somewhere<'p> {
    /// On the server of the database, perhaps in another one.
    Database(&'p Server, Option<&'p OsString>),
    /// On a server of which nothing else is wanted.
    Scratch(Server),
}

impl Somewhere<'_> {
    fn live(&self) -> whimbrel::Result<Live<'_>> {
        match self {
            Somewhere::Database(server, scratch) => Live::open(server, *scratch),
            Somewhere::Scratch(server) => Live::open(server, None),
        }
    }

    fn replay(&self, history: &History) -> whimbrel::Result<Outcome> {
        self.live()?.replay(history)
    }

    fn draft(&self, history: &History, wanted: &Wanted, settings: &Settings) -> whimbrel::Result<Draft> {
        self.live()?.draft(history, wanted, settings)
    }
}

/// A database that is only looked at.
pub struct Looked {
    /// The connection; one to an empty database in memory where the file is not there yet.
    pub connection: Option<Connection>,
    /// Whether the file is not there yet.
    pub creates: bool,
}

/// Another tool by its name.
pub fn tool_name(tool: adopt::Tool) -> String {
    tool.to_string()
}

/// Whether a file is one that migrations are made of.
fn is_text(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.ends_with(".sql") || path.ends_with(".json")
}

/// What a history makes of an empty database.
fn replay(history: &History) -> whimbrel::Result<Outcome> {
    let cannot = |e: rusqlite::Error| Error::new(Code::CannotOpen, "no database in memory can be opened").cause(e);
    let scratch = Connection::open_in_memory().map_err(cannot)?;
    block_on(run::replay(&mut Sqlite::new(&scratch), history)).map(Outcome::from)
}

/// The time that new files bear: now, unless SOURCE_DATE_EPOCH says otherwise, as
/// <https://reproducible-builds.org/specs/source-date-epoch/> has it.
pub struct Now {
    /// The day: `2026-11-21`.
    pub day: String,
    /// The time as digits: `20261121093000`.
    pub digits: String,
}

impl Now {
    /// The time.
    pub fn get() -> Now {
        let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse::<i64>().ok());
        let given = given.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let time = given.unwrap_or_else(jiff::Timestamp::now);
        Now { day: time.strftime("%Y-%m-%d").to_string(), digits: time.strftime("%Y%m%d%H%M%S").to_string() }
    }
}

/// The dialect of this name.
fn read_dialect(dialect: &str, failure: impl Fn(String) -> Failure) -> Result<Dialect, Failure> {
    dialect.parse().map_err(|_| {
        failure(format!("{} is no dialect that whimbrel knows", printable(dialect))).help("write sqlite or postgres")
    })
}

/// Why nothing can run, if something keeps it from running.
pub fn refusal(problems: &[Problem]) -> Option<Failure> {
    let problems: Vec<_> = problems.iter().filter(|problem| problem.blocks).map(failure::Problem::from).collect();
    (!problems.is_empty()).then_some(Failure { exit: Exit::Refused, problems })
}

/// The migration that somebody means.
pub fn find<'h>(history: &'h History, word: &str) -> Result<&'h Migration, Failure> {
    history.find(word).ok_or_else(|| {
        let error = Error::new(Code::UnknownMigration, format!("there is no migration {}", printable(word)));
        error.help("name it by number, version or name; `whimbrel migrate list` shows them").into()
    })
}

/// The bytes of a migration's scripts as they stand in the folder.
pub fn script_of(project: &Project, migration: &Migration, is_down: bool) -> Result<Option<String>, Failure> {
    let read = |path: &str| -> Result<String, Failure> {
        // The folder was read, so this is UTF-8.
        Ok(String::from_utf8_lossy(&project.files.read(path)?).into_owned())
    };
    if !is_down {
        return read(&migration.path).map(Some);
    }
    let Some(down) = &migration.down else { return Ok(None) };
    match down_path(&migration.path, &project.files.list()?) {
        Some(path) => read(&path).map(Some),
        // Both ways stand in one file.
        None => Ok(Some(down.clone().into_owned())),
    }
}

/// The file of a migration's way back.
pub fn down_path(up: &str, paths: &[String]) -> Option<String> {
    let stem = up.strip_suffix(".sql").unwrap_or(up);
    let candidates = match stem.strip_suffix("/up") {
        Some(folder) => vec![format!("{folder}/down.sql")],
        None => vec![format!("{}.down.sql", stem.strip_suffix(".up").unwrap_or(stem))],
    };
    candidates.into_iter().find(|path| paths.contains(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_beside_the_way_there() {
        let paths: Vec<String> = ["1_a.down.sql", "2_b.down.sql", "3_c/down.sql"].map(str::to_owned).into();
        assert_eq!(down_path("1_a.sql", &paths).as_deref(), Some("1_a.down.sql"));
        assert_eq!(down_path("2_b.up.sql", &paths).as_deref(), Some("2_b.down.sql"));
        assert_eq!(down_path("3_c/up.sql", &paths).as_deref(), Some("3_c/down.sql"));
        assert_eq!(down_path("4_d.sql", &paths), None);
    }

    #[test]
    fn dialects() {
        let check = |dialect: &str| read_dialect(dialect, Failure::usage).map_err(|f| f.problems[0].message.clone());
        assert_eq!(check("sqlite"), Ok(Dialect::Sqlite));
        assert_eq!(check("SQLite"), Ok(Dialect::Sqlite));
        assert_eq!(check("PostgreSQL"), Ok(Dialect::Postgres));
        assert!(check("mysql").is_err_and(|m| m.contains("mysql")));
    }
}
