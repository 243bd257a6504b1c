//! `whimbrel translate`

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;
use whimbrel::Code;
use whimbrel::sqlite_host;
use whimbrel::translate::{Kept, Remark, Translated, to_postgres, to_sqlite};

use crate::arguments::DatabaseArgument;
use crate::configuration::Configuration;
use crate::database::Database;
use crate::failure::{Exit, Failure, OUTPUT, Problem};
use crate::postgres::Server;
use crate::session::Session;
use crate::{render, source};

/// Print a schema in the other dialect
///
/// What cannot be carried, or does not do the same in every case, is named in a comment where it would stand, and
/// counted on standard error. What is printed is a declared schema: push takes it. A schema for PostgreSQL is read by a
/// server, which executes it in an empty database and drops that again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Translate {
    /// The dialect of the schema that is there
    #[arg(long, value_name = "DIALECT")]
    from: Dialect,
    /// The dialect that is wanted
    #[arg(long, value_name = "DIALECT")]
    to: Dialect,
    /// SQL files, folders of them, or - for standard input; a snapshot; a database
    #[arg(value_name = "SOURCE")]
    sources: Vec<OsString>,
    #[command(flatten)]
    db: DatabaseArgument,
    /// PostgreSQL: an empty database to read the schema in, where none may be made
    #[arg(long, value_name = "URL")]
    scratch: Option<OsString>,
    /// Write to a file, which is replaced once all is written
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Refuse, with status 4, what is not carried or is different
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    Postgres,
    Sqlite,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel translate --from sqlite --to postgres schema.sql
  whimbrel translate --from sqlite --to postgres --db app.db --out server.sql
  whimbrel translate --from postgres --to sqlite --db postgres://localhost/app
  whimbrel translate --from postgres --to sqlite --db postgres:///app server.sql --out device.sql
  whimbrel translate --from postgres --to sqlite --db postgres://localhost/app --json | jq .remarks

Without SOURCE it is the schema of the database of --db. With files, --db or --scratch says which
server reads them, and nothing of that database is read.";

/// The first bytes of every SQLite database (<https://www.sqlite.org/fileformat2.html#the_database_header>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A remark, for programs.
#[derive(Serialize)]
struct Wire<'r> {
    kept: &'static str,
    object: &'r str,
    text: &'r str,
}

impl<'r> From<&'r Remark> for Wire<'r> {
    fn from(remark: &'r Remark) -> Self {
        let kept = match remark.kept {
            Kept::Not => "not",
            Kept::Differs => "differs",
            Kept::OneWay => "one_way",
        };
        Wire { kept, object: &remark.object, text: &remark.text }
    }
}

impl Translate {
    /// Prints the schema in the other dialect.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        if let Some(out) = &self.out {
            self.refuse_to_replace(out)?;
        }
        let mut warnings = Vec::new();
        let translated = match (self.from, self.to) {
            (Dialect::Sqlite, Dialect::Postgres) => self.sqlite_to_postgres(session)?,
            (Dialect::Postgres, Dialect::Sqlite) => self.postgres_to_sqlite(session, &mut warnings)?,
            _ => {
                return Err(Failure::usage("both dialects are the same")
                    .help("say --from postgres --to sqlite, or --from sqlite --to postgres"));
            }
        };
        session.record("warnings", &warnings);
        for warning in &warnings {
            session.remark(&format!("{} {}", render::styled(render::OTHER, "warning:"), render::printable(warning)));
        }
        let remarks: Vec<Wire<'_>> = translated.remarks.iter().map(Wire::from).collect();
        session.record("remarks", &remarks);
        let count = |kept: Kept| translated.remarks.iter().filter(|remark| remark.kept == kept).count() as u64;
        let (not, differs) = (count(Kept::Not), count(Kept::Differs));
        if self.strict && not + differs > 0 {
            return Err(not_the_same(&translated.remarks));
        }
        session.record("sql", &translated.sql);
        match &self.out {
            None => session.print(&translated.sql),
            Some(out) => {
                write(out, &translated.sql).map_err(|e| cannot_write(out, &e))?;
                session.record("out", &out.display().to_string());
                session.say(&format!("Written to {}.", render::printable(&out.display().to_string())));
            }
        }
        if session.verbose {
            for remark in translated.remarks.iter().filter(|remark| remark.kept == Kept::OneWay) {
                session.remark(&render::printable(&remark.to_string()));
            }
        }
        if not + differs > 0 {
            let things = render::count(not + differs, "remark");
            session.remark(&format!(
                "{things}: {not} not carried, {differs} different. They stand in the SQL as comments."
            ));
        }
        Ok(Exit::Done)
    }

    fn sqlite_to_postgres(&self, session: &mut Session) -> Result<Translated, Failure> {
        if !self.sources.is_empty() {
            return Ok(to_postgres(&source::read(session, &self.sources)?));
        }
        let configuration = Configuration::find()?;
        if Server::named(self.db.db.as_ref(), &configuration)?.is_some() {
            return Err(Failure::usage("--from sqlite, and the database is PostgreSQL")
                .help("say --from postgres --to sqlite, or name a file"));
        }
        let mut connection = Database::choose(&self.db, &configuration)?.open()?;
        Ok(to_postgres(&sqlite_host::read_schema(&mut connection)?))
    }

    /// The warnings are about what is in the sources and is no part of a schema.
    fn postgres_to_sqlite(&self, session: &mut Session, warnings: &mut Vec<String>) -> Result<Translated, Failure> {
        if let [word] = self.sources.as_slice()
            && let Some(server) = Server::of(word)?
        {
            return Ok(to_sqlite(&server.schema()?)?);
        }
        let mut server = Server::named(self.db.db.as_ref(), &Configuration::find()?)?;
        if let (None, Some(word)) = (&server, &self.scratch) {
            server = Server::of(word)?;
        }
        let Some(server) = server else {
            return Err(Failure::usage("a schema for PostgreSQL is read by a server, and none is named")
                .help("name one with --db postgres://localhost/app: with files, nothing in that database is read")
                .help("or give an empty database of a server with --scratch URL"));
        };
        if self.sources.is_empty() {
            return Ok(to_sqlite(&server.schema()?)?);
        }
        let texts = source::texts(session, &self.sources)?;
        let declared = server.declared(&texts, self.scratch.as_ref())?;
        warnings.extend(declared.warnings);
        let hints = &declared.hints;
        let directives = hints.tables.len() + hints.columns.len() + hints.backfills.len();
        if directives > 0 {
            let directives = render::count(directives as u64, "directive");
            warnings.push(format!("{directives} not carried: write what devices need into the SQL for SQLite"));
        }
        Ok(to_sqlite(&declared.schema)?)
    }

    /// A file with a schema may be replaced; a database and what the schema is read from may not.
    fn refuse_to_replace(&self, out: &Path) -> Result<(), Failure> {
        let shown = out.display();
        let Ok(there) = fs::canonicalize(out) else { return Ok(()) };
        let is_source = |word: &OsString| fs::canonicalize(word).is_ok_and(|source| source == there);
        if self.sources.iter().any(is_source) {
            return Err(Failure::usage(format!("{shown} is what the schema is read from"))
                .help("give another name to what is to be written"));
        }
        let mut first = Vec::new();
        let read = File::open(&there).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut first));
        if read.is_ok() && first == MAGIC {
            return Err(Failure::usage(format!("{shown} is a database, and would be replaced by SQL"))
                .help("write the SQL to another file; `whimbrel push` brings the database to it"));
        }
        Ok(())
    }
}

/// The refusal of `--strict`.
fn not_the_same(remarks: &[Remark]) -> Failure {
    const SHOWN: usize = 10;
    let all: Vec<&Remark> = remarks.iter().filter(|remark| remark.kept != Kept::OneWay).collect();
    let message = match all.len() {
        1 => "1 thing is not the same in the other dialect".to_owned(),
        many => format!("{many} things are not the same in the other dialect"),
    };
    let mut problem = Problem::new(Code::Unsupported.as_str(), message);
    problem.help = all.iter().take(SHOWN).map(|remark| remark.to_string()).collect();
    if all.len() > SHOWN {
        problem.help.push(format!("and {} more: leave out --strict to see them", all.len() - SHOWN));
    }
    Failure::new(Exit::Refused, problem)
}

fn cannot_write(out: &Path, error: &io::Error) -> Failure {
    let cause = Some(error.to_string());
    let message = format!("{} cannot be written", out.display());
    Failure::new(Exit::Failed, Problem { cause, ..Problem::new(OUTPUT, message) })
}

/// Writes a file so that there is the old one or the whole new one. What a link leads to is replaced, not the link.
fn write(out: &Path, text: &str) -> io::Result<()> {
    let out = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    // A pipe or a terminal has nothing to keep.
    if fs::metadata(&out).is_ok_and(|data| !data.is_file() && !data.is_dir()) {
        return fs::write(&out, text);
    }
    let mut name = OsString::from(".");
    name.push(out.file_name().unwrap_or(OsStr::new("schema")));
    name.push(format!(".{}.new", std::process::id()));
    let beside = out.with_file_name(name);
    let written = File::create_new(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, &out));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
