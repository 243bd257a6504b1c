//! Where a declared schema comes from: SQL files, folders of them, standard input, snapshots, databases.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use whimbrel::schema::{Schema, Source};
use whimbrel::sqlite_host;
use whimbrel::{Code, Error};

use crate::database::open_to_read;
use crate::failure::Failure;
use crate::session::Session;

/// More than this is no schema that a person or a program wrote, but a wrong file.
const LIMIT: u64 = 256 << 20;

/// The first bytes of every SQLite database (<https://www.sqlite.org/fileformat2.html#the_database_header>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What a source turned out to be.
enum Loaded {
    Texts(Vec<Source>),
    Snapshot(String),
    Database(PathBuf),
}

/// Reads the schema that the sources declare together.
pub fn read(session: &mut Session, words: &[OsString]) -> Result<Schema, Failure> {
    if let [word] = words {
        return match load(session, word)? {
            Loaded::Texts(texts) => Ok(Schema::from_sources(texts)?),
            Loaded::Snapshot(json) => Schema::from_snapshot(&json).map_err(|e| Failure::from(e).named(&shown(word))),
            Loaded::Database(path) => Ok(sqlite_host::read_schema(&mut open_to_read(&path)?)?),
        };
    }
    let mut texts = Vec::new();
    for word in words {
        match load(session, word)? {
            Loaded::Texts(more) => texts.extend(more),
            Loaded::Snapshot(_) | Loaded::Database(_) => {
                let message = format!("{} is a whole schema and stands alone", shown(word));
                return Err(Failure::usage(message).help("only SQL files and folders of them can be put together"));
            }
        }
    }
    Ok(Schema::from_sources(texts)?)
}

/// The texts that declare a schema for PostgreSQL: SQL files and folders of them.
pub fn texts(session: &mut Session, words: &[OsString]) -> Result<Vec<Source>, Failure> {
    let mut texts = Vec::new();
    for word in words {
        match load(session, word)? {
            Loaded::Texts(more) => texts.extend(more),
            Loaded::Snapshot(_) | Loaded::Database(_) => {
                let message = format!("{} declares a schema for SQLite, and the database is PostgreSQL", shown(word));
                return Err(Failure::usage(message).help("name SQL files, or translate the schema"));
            }
        }
    }
    let is_blank = |text: &Source| text.text.trim().is_empty();
    if words.iter().any(|word| word == "-") && texts.iter().all(is_blank) {
        return Err(unreadable(&names(words), format!("{} declares nothing", names(words)))
            .help("write CREATE TABLE statements into it, or start from a database with `whimbrel pull`")
            .into());
    }
    Ok(texts)
}

/// Reads the schema a database is to be brought to. An empty file may be meant, and dropping is refused until it is
/// accepted; an empty standard input is a program before the pipe that failed, and would drop everything.
pub fn read_declared(session: &mut Session, words: &[OsString]) -> Result<Schema, Failure> {
    let schema = read(session, words)?;
    if schema.is_empty() && words.iter().any(|word| word == "-") {
        return Err(unreadable(&names(words), format!("{} declares nothing", names(words)))
            .help("write CREATE TABLE statements into it, or start from a database with `whimbrel pull --db app.db`")
            .into());
    }
    Ok(schema)
}

/// The sources in messages.
pub fn names(words: &[OsString]) -> String {
    words.iter().map(|word| shown(word)).collect::<Vec<_>>().join(", ")
}

/// One source in messages.
pub fn shown(word: &OsStr) -> String {
    if word == "-" { "standard input".to_owned() } else { word.to_string_lossy().into_owned() }
}

fn unreadable(name: &str, message: String) -> Error {
    Error::new(Code::SourceUnreadable, message).object(name)
}

fn load(session: &mut Session, word: &OsStr) -> Result<Loaded, Failure> {
    let name = shown(word);
    if word == "-" {
        if std::mem::replace(&mut session.input_taken, true) {
            return Err(Failure::usage("standard input can be read only once").help("give - for one source only"));
        }
        let bytes = read_all(io::stdin().lock()).map_err(|e| cannot_read(&name, &e))?;
        let is_snapshot = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        return text(&name, bytes, is_snapshot);
    }
    let path = Path::new(word);
    let data = std::fs::metadata(path).map_err(|e| cannot_read(&name, &e))?;
    if data.is_dir() {
        return folder(path);
    }
    let bytes = File::open(path).and_then(read_all).map_err(|e| cannot_read(&name, &e))?;
    if bytes.starts_with(MAGIC) {
        return Ok(Loaded::Database(path.to_owned()));
    }
    let is_snapshot = has_extension(path, "json");
    text(&name, bytes, is_snapshot)
}

/// Reads all there is, except of a database: of that, the first bytes say enough.
fn read_all(mut reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.by_ref().take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
    if bytes != MAGIC {
        reader.take(LIMIT).read_to_end(&mut bytes)?;
        if bytes.len() as u64 >= LIMIT {
            return Err(io::Error::other(format!("it is larger than {} MB", LIMIT >> 20)));
        }
    }
    Ok(bytes)
}

fn cannot_read(name: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => unreadable(name, format!("there is no {name}"))
            .help("look for a slip in the name, or start from a database with `whimbrel pull --db app.db`")
            .into(),
        _ => unreadable(name, format!("{name} cannot be read")).cause(error).into(),
    }
}

fn text(name: &str, bytes: Vec<u8>, is_snapshot: bool) -> Result<Loaded, Failure> {
    let text = String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
        unreadable(name, format!("{name} is not UTF-8 text: look at line {line}"))
            .help("save it as UTF-8; a database must begin with the bytes `SQLite format 3`")
    })?;
    // Editors on Windows put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    match is_snapshot {
        true => Ok(Loaded::Snapshot(text)),
        false => Ok(Loaded::Texts(vec![Source { name: name.to_owned(), text }])),
    }
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// The SQL files of a folder by name, those of its folders not among them.
fn folder(path: &Path) -> Result<Loaded, Failure> {
    let name = path.display().to_string();
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| cannot_read(&name, &e))?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|file| has_extension(file, "sql") && file.is_file());
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let bytes = File::open(&file).and_then(read_all).map_err(|e| cannot_read(&name, &e))?;
        match text(&name, bytes, false)? {
            Loaded::Texts(more) => texts.extend(more),
            Loaded::Snapshot(_) | Loaded::Database(_) => {}
        }
    }
    if texts.is_empty() {
        return Err(unreadable(&name, format!("no file in {name} ends in .sql")).into());
    }
    Ok(Loaded::Texts(texts))
}
