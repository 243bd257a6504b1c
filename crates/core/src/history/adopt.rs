//! What other tools keep in a database about the migrations they ran there.
//!
//! Each has a table of its own, or a number in the header. Here is which tables they are, what to ask of them, and what
//! the answer says of a history. Nothing is believed against the history: a migration that is not in it, that failed,
//! whose text is another one, or that ran before an earlier one did is an error, and whoever knows better names the
//! version by hand.
//!
//! Relies on what the tools document of their tables. Where a tool's checksum is of the file's bytes, it is compared;
//! refinery's is of Rust's own hashing, and is left alone. Asking the database is left to [`run`](crate::run), and so is
//! the comparison of its schema with the one that the history makes.

use std::fmt;

use sha2::{Digest, Sha384};

use super::{Checksum, History, Migration, same_version};
use crate::error::{Code, Error, Result};
use crate::run::{Row, Value};

/// A tool that left a record of its migrations in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// sqlx.
    Sqlx,
    /// refinery.
    Refinery,
    /// diesel.
    Diesel,
    /// Drizzle.
    Drizzle,
    /// goose.
    Goose,
    /// Prisma.
    Prisma,
    /// golang-migrate keeps one number, dbmate and others each version, in tables of one name.
    SchemaMigrations,
    /// rusqlite_migration, and everybody who counts in `PRAGMA user_version`.
    UserVersion,
}

impl Tool {
    /// Those with a table.
    const WITH_TABLE: [Tool; 7] =
        [Tool::Sqlx, Tool::Refinery, Tool::Diesel, Tool::Drizzle, Tool::Goose, Tool::Prisma, Tool::SchemaMigrations];

    /// The table with its record, where it has one.
    pub fn table(self) -> Option<&'static str> {
        match self {
            Tool::Sqlx => Some("_sqlx_migrations"),
            Tool::Refinery => Some("refinery_schema_history"),
            Tool::Diesel => Some("__diesel_schema_migrations"),
            Tool::Drizzle => Some("__drizzle_migrations"),
            Tool::Goose => Some("goose_db_version"),
            Tool::Prisma => Some("_prisma_migrations"),
            Tool::SchemaMigrations => Some("schema_migrations"),
            Tool::UserVersion => None,
        }
    }

    /// The query whose rows [`applied`] reads.
    pub fn query(self) -> String {
        match self {
            Tool::Sqlx => "SELECT version, success, checksum FROM main._sqlx_migrations ORDER BY version",
            Tool::Refinery => "SELECT version, name FROM main.refinery_schema_history ORDER BY version",
            Tool::Diesel => "SELECT version FROM main.__diesel_schema_migrations ORDER BY version",
            // Its ids are NULL: SQLite takes SERIAL for a type like any other.
            Tool::Drizzle => "SELECT hash FROM main.__drizzle_migrations ORDER BY created_at, rowid",
            Tool::Goose => "SELECT version_id, is_applied FROM main.goose_db_version ORDER BY id",
            Tool::Prisma => {
                "SELECT migration_name, checksum, finished_at IS NOT NULL, rolled_back_at IS NOT NULL FROM \
                 main._prisma_migrations ORDER BY started_at, rowid"
            }
            // Which columns there are tells the tools with a table of this name apart.
            Tool::SchemaMigrations => "SELECT * FROM main.schema_migrations",
            Tool::UserVersion => "PRAGMA main.user_version",
        }
        .to_owned()
    }

    /// The same query for PostgreSQL, of the table by this name. [`Tool::postgres_row`] makes the rows what [`applied`]
    /// reads.
    pub fn postgres_query(self, table: &str) -> String {
        match self {
            Tool::Sqlx => {
                format!("SELECT version, success, pg_catalog.encode(checksum, 'hex') FROM {table} ORDER BY version")
            }
            Tool::Refinery => format!("SELECT version, name FROM {table} ORDER BY version"),
            Tool::Diesel => format!("SELECT version FROM {table} ORDER BY version"),
            Tool::Drizzle => format!("SELECT hash FROM {table} ORDER BY created_at, id"),
            Tool::Goose => format!("SELECT version_id, is_applied FROM {table} ORDER BY id"),
            Tool::Prisma => format!(
                "SELECT migration_name, checksum, finished_at IS NOT NULL, rolled_back_at IS NOT NULL FROM {table} \
                 ORDER BY started_at, id"
            ),
            Tool::SchemaMigrations => format!("SELECT * FROM {table}"),
            Tool::UserVersion => "SELECT 0".to_owned(),
        }
    }

    /// A row of [`Tool::postgres_query`], whose values all came as text.
    pub fn postgres_row(self, row: Row) -> Row {
        let value = |(n, value): (usize, Value)| match value {
            Value::Text(text) => match (self, n, text.as_str()) {
                (Tool::Sqlx, 2, hex) => read_hex(hex).map_or(Value::Text(text), Value::Blob),
                (Tool::Drizzle, ..) | (Tool::Diesel, ..) | (Tool::Refinery | Tool::Prisma, 1, _) => Value::Text(text),
                (_, 1.., "t" | "true") => Value::Integer(1),
                (_, 1.., "f" | "false") => Value::Integer(0),
                // dbmate's versions are texts of digits, and read the same as numbers.
                (Tool::Prisma, ..) => Value::Text(text),
                (_, _, number) => number.parse().map_or(Value::Text(text), Value::Integer),
            },
            other => other,
        };
        row.into_iter().enumerate().map(value).collect()
    }
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tool::Sqlx => "sqlx",
            Tool::Refinery => "refinery",
            Tool::Diesel => "diesel",
            Tool::Drizzle => "drizzle",
            Tool::Goose => "goose",
            Tool::Prisma => "prisma",
            Tool::SchemaMigrations => "schema_migrations",
            Tool::UserVersion => "user_version",
        })
    }
}

/// Whether a table is another tool's bookkeeping, which no schema declares.
///
/// ```
/// use whimbrel_core::history::adopt::is_bookkeeping;
/// assert!(is_bookkeeping("_sqlx_migrations"));
/// assert!(!is_bookkeeping("notes"));
/// ```
pub fn is_bookkeeping(table: &str) -> bool {
    bookkeeping().any(|known| known.eq_ignore_ascii_case(table))
}

/// The tables of all tools that keep one.
pub fn bookkeeping() -> impl Iterator<Item = &'static str> {
    Tool::WITH_TABLE.iter().filter_map(|tool| tool.table())
}

/// Which tool's table is among these.
///
/// ```
/// use whimbrel_core::history::adopt::{Tool, tool_of};
/// assert_eq!(tool_of(["notes", "_sqlx_migrations"].into_iter())?, Some(Tool::Sqlx));
/// assert_eq!(tool_of(["notes"].into_iter())?, None);
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
///
/// # Errors
/// [`Code::Adoption`] where several tools have one: which of them is in use cannot be told.
pub fn tool_of<'t>(tables: impl Iterator<Item = &'t str>) -> Result<Option<Tool>> {
    let mut found: Vec<Tool> = Vec::new();
    for table in tables {
        let is_its = |tool: &&Tool| tool.table().is_some_and(|known| known.eq_ignore_ascii_case(table));
        found.extend(Tool::WITH_TABLE.iter().find(is_its));
    }
    match found.as_slice() {
        [] => Ok(None),
        [tool] => Ok(Some(*tool)),
        several => {
            let names: Vec<String> = several.iter().map(Tool::to_string).collect();
            let message = format!("several tools have a record of migrations in the database: {}", names.join(", "));
            Err(Error::new(Code::Adoption, message)
                .help(BY_HAND)
                .help("or remove the table of the tool that is not used any more"))
        }
    }
}

const BY_HAND: &str = "say up to which migration the database has run: `whimbrel migrate baseline --to …`";

/// The numbers of the migrations that have run, from the rows of [`Tool::query`].
///
/// ```
/// use whimbrel_core::history::adopt::{Tool, applied};
/// use whimbrel_core::history::{Files, Folder, MemoryFiles};
/// use whimbrel_core::run::Value;
/// let mut files = MemoryFiles::default();
/// files.write("V1__start.sql", b"CREATE TABLE notes(body TEXT);")?;
/// files.write("V2__more.sql", b"ALTER TABLE notes ADD COLUMN at INTEGER;")?;
/// let history = Folder::read(&files)?.history;
/// let rows = [vec![Value::Integer(1), Value::Text("start".to_owned())]];
/// assert_eq!(applied(Tool::Refinery, &rows, &history)?, [1]);
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
///
/// # Errors
/// [`Code::Adoption`] where they do not fit the history: a migration that it does not know, one that has failed, one
/// that was edited since, or one that has not run while a later one has.
pub fn applied(tool: Tool, rows: &[Row], history: &History) -> Result<Vec<u32>> {
    let reader = Reader { tool, all: history.originals().collect() };
    let mut places = match tool {
        Tool::Sqlx => reader.each(rows, Reader::sqlx)?,
        Tool::Refinery => reader.each(rows, Reader::refinery)?,
        Tool::Diesel => reader.each(rows, |reader, row| reader.place_of(&reader.version(row, 0)?).map(Some))?,
        Tool::Drizzle => reader.drizzle(rows)?,
        Tool::Goose => reader.goose(rows)?,
        Tool::Prisma => reader.each(rows, Reader::prisma)?,
        Tool::SchemaMigrations => reader.schema_migrations(rows)?,
        Tool::UserVersion => reader.user_version(rows)?,
    };
    places.sort_unstable();
    places.dedup();
    if let Some((gap, _)) = places.iter().enumerate().find(|(n, place)| n != *place) {
        let (gap, last) = (reader.all[gap].tag(), places.last().map_or(String::new(), |last| reader.all[*last].tag()));
        let message = format!("{gap} has not run in this database, and {last}, which comes after it, has");
        return Err(reader.error(message).migration(gap).help(format!("run it with {tool} first")).help(BY_HAND));
    }
    Ok(places.into_iter().map(|place| reader.all[place].idx).collect())
}

struct Reader<'h> {
    tool: Tool,
    /// The migrations as they were made, in order.
    all: Vec<&'h Migration>,
}

impl<'h> Reader<'h> {
    fn error(&self, message: impl Into<String>) -> Error {
        Error::new(Code::Adoption, message)
    }

    fn each(&self, rows: &[Row], read: impl Fn(&Self, &Row) -> Result<Option<usize>>) -> Result<Vec<usize>> {
        rows.iter().filter_map(|row| read(self, row).transpose()).collect()
    }

    fn sqlx(&self, row: &Row) -> Result<Option<usize>> {
        let version = self.version(row, 0)?;
        let place = self.place_of(&version)?;
        if !self.is_set(row, 1)? {
            return Err(self.failed(self.all[place]));
        }
        let Some(Value::Blob(checksum)) = row.get(2) else { return Err(self.unreadable()) };
        match is_text_of(self.all[place], |text| Sha384::digest(text).as_slice() == checksum.as_slice()) {
            Some(false) => Err(self.edited(self.all[place])),
            _ => Ok(Some(place)),
        }
    }

    fn refinery(&self, row: &Row) -> Result<Option<usize>> {
        let place = self.place_of(&self.version(row, 0)?)?;
        let name = row.get(1).and_then(Value::text).ok_or_else(|| self.unreadable())?;
        let migration = self.all[place];
        if migration.name != name {
            let message = format!("refinery has run {} under another name", migration.tag());
            return Err(self
                .error(message)
                .migration(migration.tag())
                .help("give the file back the name that it had, if it is the same migration")
                .help(BY_HAND));
        }
        Ok(Some(place))
    }

    fn prisma(&self, row: &Row) -> Result<Option<usize>> {
        // A migration that was rolled back has another row where it ran again.
        if self.is_set(row, 3)? {
            return Ok(None);
        }
        let name = row.first().and_then(Value::text).ok_or_else(|| self.unreadable())?;
        let folder = |m: &Migration| m.path.strip_suffix("/migration.sql").is_some_and(|folder| folder == name);
        let place = self.all.iter().position(|m| folder(m) || m.tag() == name).ok_or_else(|| self.unknown(name))?;
        if !self.is_set(row, 2)? {
            return Err(self.failed(self.all[place]));
        }
        let checksum = row.get(1).and_then(Value::text).ok_or_else(|| self.unreadable())?;
        // Of a squashed migration the text may be gone.
        let is_known = !self.all[place].path.is_empty();
        match is_known && !is_hash_of(self.all[place], checksum) {
            true => Err(self.edited(self.all[place])),
            false => Ok(Some(place)),
        }
    }

    /// Drizzle keeps the hash of each file and the time in its journal, and runs whatever is later than the last time.
    fn drizzle(&self, rows: &[Row]) -> Result<Vec<usize>> {
        let mut places: Vec<usize> = Vec::with_capacity(rows.len());
        let mut strangers = 0;
        for row in rows {
            let hash = row.first().and_then(Value::text).ok_or_else(|| self.unreadable())?;
            let is_same = |place: &usize| !places.contains(place) && is_hash_of(self.all[*place], hash);
            match (0..self.all.len()).find(is_same) {
                Some(place) => places.push(place),
                None => strangers += 1,
            }
        }
        if strangers == 0 {
            return Ok(places);
        }
        // Rows have no names. What ran and is not found is the first file that nothing else was found for.
        Err(match (0..self.all.len()).find(|place| !places.contains(place)) {
            Some(place) => self.edited(self.all[place]),
            None => self
                .error("drizzle has run more migrations in this database than there are")
                .help("use the migrations that the database was made with, or newer ones"),
        }
        .help(BY_HAND))
    }

    /// goose adds a row for each way that it goes; the last one counts. Version 0 is the table's own.
    fn goose(&self, rows: &[Row]) -> Result<Vec<usize>> {
        let mut last: Vec<(String, bool)> = Vec::new();
        for row in rows {
            let (version, is_applied) = (self.version(row, 0)?, self.is_set(row, 1)?);
            match last.iter_mut().find(|(known, _)| *known == version) {
                Some(known) => known.1 = is_applied,
                None => last.push((version, is_applied)),
            }
        }
        let ran = last.iter().filter(|(version, is_applied)| *is_applied && version != "0");
        ran.map(|(version, _)| self.place_of(version)).collect()
    }

    fn schema_migrations(&self, rows: &[Row]) -> Result<Vec<usize>> {
        let is_one = |row: &Row| row.len() == 2 && matches!(row[1], Value::Integer(_) | Value::Null);
        match rows {
            // golang-migrate: everything up to the number has run.
            [row] if is_one(row) => {
                let place = self.place_of(&self.version(row, 0)?)?;
                match row[1].integer() {
                    Some(0) => Ok((0..=place).collect()),
                    _ => Err(self.failed(self.all[place])),
                }
            }
            rows => self.each(rows, |reader, row| reader.place_of(&reader.version(row, 0)?).map(Some)),
        }
    }

    /// rusqlite_migration counts. Who writes a version into the header means everything up to it.
    fn user_version(&self, rows: &[Row]) -> Result<Vec<usize>> {
        let number = rows.first().and_then(|row| row.first()?.integer()).ok_or_else(|| self.unreadable())?;
        // Where the numbers start later, the older migrations were thrown away, and a count would be of those too.
        let starts_late = self.all.first().is_some_and(|first| first.idx > 1);
        match usize::try_from(number) {
            Ok(_) if starts_late && let Some(place) = self.find(&number.to_string()) => Ok((0..=place).collect()),
            Ok(count) if count <= self.all.len() => Ok((0..count).collect()),
            Ok(_) if let Some(place) = self.find(&number.to_string()) => Ok((0..=place).collect()),
            _ => Err(self
                .error(format!("user_version is {number}, and there are {} migrations", self.all.len()))
                .help("use the migrations that the database was made with, or newer ones")
                .help(BY_HAND)),
        }
    }

    /// A version, which is a number or a text, as digits.
    fn version(&self, row: &Row, column: usize) -> Result<String> {
        match row.get(column) {
            // A dash within a version does not count, and this is none.
            Some(Value::Integer(version)) if *version < 0 => Err(self.unknown(&version.to_string())),
            Some(Value::Integer(version)) => Ok(version.to_string()),
            Some(Value::Text(version)) => Ok(version.clone()),
            _ => Err(self.unreadable()),
        }
    }

    fn is_set(&self, row: &Row, column: usize) -> Result<bool> {
        match row.get(column) {
            Some(Value::Integer(flag)) => Ok(*flag != 0),
            Some(Value::Text(flag)) if flag.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::Text(flag)) if flag.eq_ignore_ascii_case("false") => Ok(false),
            Some(Value::Null) => Ok(false),
            _ => Err(self.unreadable()),
        }
    }

    fn find(&self, version: &str) -> Option<usize> {
        self.all.iter().position(|m| same_version(&m.version, version))
    }

    fn place_of(&self, version: &str) -> Result<usize> {
        self.find(version).ok_or_else(|| self.unknown(version))
    }

    fn unknown(&self, name: &str) -> Error {
        // What stands in the table is anybody's.
        let shown: String = name.chars().take(80).flat_map(char::escape_default).collect();
        self.error(format!("{} has run {shown} in this database, and it is not among the migrations", self.tool))
            .help("use the migrations that the database was made with, or newer ones")
            .help(BY_HAND)
    }

    fn failed(&self, migration: &Migration) -> Error {
        let tag = migration.tag();
        self.error(format!("{} has begun {tag} in this database, and not finished it", self.tool))
            .migration(tag)
            .help(format!("finish it or undo it with {}", self.tool))
            .help(BY_HAND)
    }

    fn edited(&self, migration: &Migration) -> Error {
        let tag = migration.tag();
        self.error(format!("{tag} is not the text that {} has run in this database", self.tool))
            .migration(tag)
            .help("put the file back as it was when it ran")
            .help(BY_HAND)
    }

    fn unreadable(&self) -> Error {
        self.error(format!(
            "the record of migrations in {} cannot be read",
            self.tool.table().unwrap_or("user_version")
        ))
        .help(BY_HAND)
    }
}

/// The texts that a migration's file has had, as far as git and editors change one: with each kind of line endings, and
/// with a byte order mark.
fn texts(migration: &Migration) -> [String; 4] {
    let unix = migration.up.clone().into_owned();
    let windows = unix.replace('\n', "\r\n");
    [format!("\u{feff}{unix}"), format!("\u{feff}{windows}"), unix, windows]
}

/// Whether one of the texts passes the test. `None` where none does and the file's bytes are none of them: then what
/// the tool saw cannot be known.
fn is_text_of(migration: &Migration, test: impl Fn(&str) -> bool) -> Option<bool> {
    let texts = texts(migration);
    let is_known = || texts.iter().any(|text| Checksum::of_bytes(text.as_bytes()) == migration.hash);
    match texts.iter().any(|text| test(text)) {
        true => Some(true),
        false => is_known().then_some(false),
    }
}

/// Whether a SHA-256 in hexadecimal digits is of the migration's file.
fn is_hash_of(migration: &Migration, hash: &str) -> bool {
    let Ok(hash) = hash.parse::<Checksum>() else { return false };
    let is_text = |text: &String| Checksum::of_bytes(text.as_bytes()) == hash;
    migration.hash == hash || texts(migration).iter().any(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Files, Folder, MemoryFiles};

    const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY);\n";
    const BODY: &str = "ALTER TABLE notes ADD COLUMN body TEXT;\nUPDATE notes SET body = 1;\n";
    const TAGS: &str = "CREATE TABLE tags(name TEXT);\n";
    const TEXTS: [&str; 3] = [START, BODY, TAGS];

    // Of the texts above, from `sha384sum` and `sha256sum`.
    const SHA_384: [&str; 3] = [
        "fd766354f6154f679bfe853e59e27c7dbf8cc58ead7acc8ec4b22a4f2300c7f821f0c4569992957c3a31ead655db8c42",
        "bcbc594e6445db547f749db94c2b670141fc870d00dd4697aaa4d642486d25bb52b5ffdd1db7c10e7d3de49df1f5752a",
        "1eab6f6e6795d2da8c4ce303df6ac218cf1b9e9d19bcd455c049f8961a3ae25277e26c44e1a3928c7cd2441c91863c52",
    ];
    const SHA_256: [&str; 3] = [
        "b5e586dea049b449cf7a74f8a650b4d128582035a45f3e4885bceb2280715724",
        "867178ce30c8bf6eaeebb8dcd52576769f234278d164150e5039cd8dd06f824d",
        "d9d46ab4cbcc3640a4bd15c4ec8e02b6daedb95cc679e4003c7054fed3b7153a",
    ];
    // Of BODY with the line endings of Windows.
    const BODY_384_WINDOWS: &str =
        "1fdfd8b066709ab248c3a3df5e08ecaf0921ba37509745b4c1a0cee6189978814d9c109e2bd8a3b153fd1a85eb18ea67";
    const BODY_256_WINDOWS: &str = "50f5cc9c4a36626dcb0c104fec421e4973152a8df9be508b29a07149788f359c";

    fn history(files: &[(&str, &str)]) -> History {
        let mut memory = MemoryFiles::default();
        for (path, text) in files {
            memory.write(path, text.as_bytes()).unwrap();
        }
        let folder = Folder::read(&memory).unwrap();
        assert_eq!(folder.problems, []);
        folder.history
    }

    /// The three migrations under these names.
    fn named(paths: [&str; 3]) -> History {
        let files: Vec<_> = paths.into_iter().zip(TEXTS).collect();
        history(&files)
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn blob(digits: &str) -> Value {
        let byte = |n| u8::from_str_radix(&digits[n..n + 2], 16).unwrap();
        Value::Blob((0..digits.len()).step_by(2).map(byte).collect())
    }

    fn integer(n: i64) -> Value {
        Value::Integer(n)
    }

    #[track_caller]
    fn check(tool: Tool, rows: &[Row], history: &History, expected: Result<&[u32], &str>) {
        match (applied(tool, rows, history), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{rows:?}"),
            (Err(error), Err(part)) => {
                assert_eq!(error.code(), Code::Adoption);
                assert!(error.to_string().contains(part), "{error}\ndoes not say\n{part}");
                assert!(!error.report().help.is_empty(), "there is a way out of {error}");
            }
            (found, expected) => panic!("{rows:?}: {found:?}, and not {expected:?}"),
        }
    }

    #[test]
    fn sqlx() {
        let history = named(["20240131120000_start.sql", "20240215083000_body.sql", "20240301000000_tags.sql"]);
        let versions = [20240131120000, 20240215083000, 20240301000000];
        let row = |n: usize, checksum: &str| vec![integer(versions[n]), integer(1), blob(checksum)];
        let ran = |n| row(n, SHA_384[n]);
        let tool = Tool::Sqlx;
        check(tool, &[], &history, Ok(&[]));
        check(tool, &[ran(0)], &history, Ok(&[1]));
        check(tool, &[ran(0), ran(1), ran(2)], &history, Ok(&[1, 2, 3]));
        check(tool, &[ran(0), row(1, BODY_384_WINDOWS)], &history, Ok(&[1, 2]));
        check(
            tool,
            &[ran(0), row(1, SHA_384[0])],
            &history,
            Err("20240215083000_body is not the text that sqlx has run"),
        );
        check(tool, &[ran(0), ran(2)], &history, Err("20240215083000_body has not run in this database"));
        let failed = vec![integer(versions[1]), integer(0), blob(SHA_384[1])];
        check(tool, &[ran(0), failed], &history, Err("sqlx has begun 20240215083000_body"));
        let unknown = vec![integer(20250101000000), integer(1), blob(SHA_384[0])];
        check(tool, &[ran(0), unknown], &history, Err("sqlx has run 20250101000000 in this database"));
        check(tool, &[vec![integer(versions[0]), integer(1)]], &history, Err("_sqlx_migrations cannot be read"));
        check(tool, &[vec![]], &history, Err("_sqlx_migrations cannot be read"));
    }

    #[test]
    fn a_file_with_mixed_line_endings_is_not_judged() {
        let mixed = BODY.replacen('\n', "\r\n", 1);
        let history = history(&[("20240131120000_start.sql", START), ("20240215083000_body.sql", &mixed)]);
        let row = |version, checksum| vec![integer(version), integer(1), blob(checksum)];
        let rows = [row(20240131120000, SHA_384[0]), row(20240215083000, SHA_384[2])];
        check(Tool::Sqlx, &rows, &history, Ok(&[1, 2]));
    }

    #[test]
    fn refinery() {
        let history = named(["V1__start.sql", "U2__body.sql", "V10__tags.sql"]);
        let row = |version, name| vec![integer(version), text(name)];
        let tool = Tool::Refinery;
        check(tool, &[row(1, "start"), row(2, "body")], &history, Ok(&[1, 2]));
        check(tool, &[row(1, "start"), row(2, "body"), row(10, "tags")], &history, Ok(&[1, 2, 10]));
        check(
            tool,
            &[row(1, "start"), row(10, "tags")],
            &history,
            Err("2_body has not run in this database, and 10_tags"),
        );
        check(tool, &[row(1, "begin")], &history, Err("refinery has run 1_start under another name"));
        check(tool, &[row(3, "more")], &history, Err("refinery has run 3 in this database"));
        check(tool, &[row(-1, "more")], &history, Err("refinery has run -1 in this database"));
        check(tool, &[vec![integer(1), Value::Null]], &history, Err("refinery_schema_history cannot be read"));
    }

    #[test]
    fn diesel() {
        let history =
            named(["2024-01-31-120000_start/up.sql", "2024-02-15-083000_body/up.sql", "2024-03-01-000000_tags/up.sql"]);
        let row = |version| vec![text(version)];
        let tool = Tool::Diesel;
        check(tool, &[row("20240131120000")], &history, Ok(&[1]));
        check(tool, &[row("20240131120000"), row("20240215083000")], &history, Ok(&[1, 2]));
        check(tool, &[row("00000000000000")], &history, Err("diesel has run 00000000000000 in this database"));
        check(tool, &[row("20240215083000")], &history, Err("20240131120000_start has not run"));
        check(tool, &[vec![Value::Null]], &history, Err("__diesel_schema_migrations cannot be read"));
        check(tool, &[row("\u{1b}[31m")], &history, Err("diesel has run \\u{1b}[31m in this"));
    }

    #[test]
    fn drizzle() {
        let journal = r#"{"version":"7","dialect":"sqlite","entries":[
            {"idx":0,"version":"6","when":1700000000000,"tag":"0000_start","breakpoints":true},
            {"idx":1,"version":"6","when":1700000001000,"tag":"0001_body","breakpoints":true},
            {"idx":2,"version":"6","when":1700000002000,"tag":"0002_tags","breakpoints":true}]}"#;
        let history = history(&[
            ("meta/_journal.json", journal),
            ("0000_start.sql", START),
            ("0001_body.sql", BODY),
            ("0002_tags.sql", TAGS),
        ]);
        let row = |hash| vec![text(hash)];
        let tool = Tool::Drizzle;
        check(tool, &[], &history, Ok(&[]));
        check(tool, &[row(SHA_256[0]), row(SHA_256[1])], &history, Ok(&[1, 2]));
        check(tool, &[row(SHA_256[0]), row(BODY_256_WINDOWS), row(SHA_256[2])], &history, Ok(&[1, 2, 3]));
        let other = Checksum::of_bytes(b"other").to_string();
        check(tool, &[row(SHA_256[0]), row(&other)], &history, Err("0001_body is not the text that drizzle has run"));
        check(tool, &[row(SHA_256[0]), row(SHA_256[2])], &history, Err("0001_body has not run in this database"));
        let more = [row(SHA_256[0]), row(SHA_256[1]), row(SHA_256[2]), row(&other)];
        check(tool, &more, &history, Err("drizzle has run more migrations in this database than there are"));
        check(tool, &[row("no hash")], &history, Err("0000_start is not the text"));
        check(tool, &[vec![integer(1)]], &history, Err("__drizzle_migrations cannot be read"));
    }

    #[test]
    fn equal_texts_of_drizzle_run_in_turn() {
        let folders = ["20240131120000_a/migration.sql", "20240131120001_b/migration.sql"];
        let history = history(&folders.map(|path| (path, TAGS)));
        let row = || vec![text(SHA_256[2])];
        check(Tool::Drizzle, &[row()], &history, Ok(&[1]));
        check(Tool::Drizzle, &[row(), row()], &history, Ok(&[1, 2]));
    }

    #[test]
    fn goose() {
        let up = |text: &str| format!("-- +goose Up\n{text}-- +goose Down\nDROP TABLE notes;\n");
        let texts = TEXTS.map(up);
        let history =
            history(&[("00001_start.sql", &texts[0]), ("00002_body.sql", &texts[1]), ("00003_tags.sql", &texts[2])]);
        let row = |version, is_applied| vec![integer(version), integer(is_applied)];
        let tool = Tool::Goose;
        check(tool, &[row(0, 1)], &history, Ok(&[]));
        check(tool, &[row(0, 1), row(1, 1), row(2, 1)], &history, Ok(&[1, 2]));
        check(tool, &[row(0, 1), row(1, 1), row(2, 1), row(2, 0)], &history, Ok(&[1]));
        check(tool, &[row(0, 1), row(1, 1), row(2, 1), row(2, 0), row(2, 1)], &history, Ok(&[1, 2]));
        check(tool, &[row(0, 1), row(3, 1)], &history, Err("1_start has not run"));
        check(tool, &[row(0, 1), row(4, 1)], &history, Err("goose has run 4 in this database"));
        check(tool, &[row(0, 1), row(4, 1), row(4, 0)], &history, Ok(&[]));
        check(tool, &[vec![text("x")]], &history, Err("goose_db_version cannot be read"));
    }

    #[test]
    fn prisma() {
        let history = named([
            "20240131120000_start/migration.sql",
            "20240131120000_zz/migration.sql",
            "20240301000000_tags/migration.sql",
        ]);
        let row = |name, hash, finished, undone| vec![text(name), text(hash), integer(finished), integer(undone)];
        let (start, second, tags) = ("20240131120000_start", "20240131120000_zz", "20240301000000_tags");
        let tool = Tool::Prisma;
        check(tool, &[row(start, SHA_256[0], 1, 0)], &history, Ok(&[1]));
        let all = [row(start, SHA_256[0], 1, 0), row(second, BODY_256_WINDOWS, 1, 0), row(tags, SHA_256[2], 1, 0)];
        check(tool, &all, &history, Ok(&[1, 2, 3]));
        // It failed, was marked as rolled back, and ran again.
        let again = [row(start, SHA_256[0], 0, 1), row(start, SHA_256[0], 1, 0)];
        check(tool, &again, &history, Ok(&[1]));
        check(tool, &[row(start, SHA_256[0], 0, 1)], &history, Ok(&[]));
        check(tool, &[row(start, SHA_256[0], 0, 0)], &history, Err("prisma has begun 20240131120000_start"));
        check(tool, &[row(start, SHA_256[1], 1, 0)], &history, Err("20240131120000_start is not the text"));
        check(tool, &[row("20240131120000", SHA_256[0], 1, 0)], &history, Err("prisma has run 20240131120000 in"));
        check(tool, &[row(start, SHA_256[0], 1, 0), row(tags, SHA_256[2], 1, 0)], &history, Err("_zz has not run"));
        check(tool, &[vec![text(start)]], &history, Err("_prisma_migrations cannot be read"));
    }

    #[test]
    fn golang_migrate_and_dbmate() {
        let history = named(["000001_start.up.sql", "000002_body.up.sql", "000005_tags.up.sql"]);
        let tool = Tool::SchemaMigrations;
        check(tool, &[], &history, Ok(&[]));
        check(tool, &[vec![integer(5), integer(0)]], &history, Ok(&[1, 2, 5]));
        check(tool, &[vec![integer(2), integer(0)]], &history, Ok(&[1, 2]));
        check(tool, &[vec![integer(2), integer(1)]], &history, Err("schema_migrations has begun 000002_body"));
        check(tool, &[vec![integer(3), integer(0)]], &history, Err("has run 3 in this database"));
        check(tool, &[vec![text("1")], vec![text("2")]], &history, Ok(&[1, 2]));
        check(tool, &[vec![text("2")]], &history, Err("000001_start has not run"));
        check(tool, &[vec![Value::Real(1.5)]], &history, Err("schema_migrations cannot be read"));
        check(tool, &[vec![Value::Null, integer(0)]], &history, Err("schema_migrations cannot be read"));
    }

    #[test]
    fn user_version_counts() {
        let row = |n| [vec![integer(n)]];
        let tool = Tool::UserVersion;
        let counted = named(["1-start/up.sql", "2-body/up.sql", "3-tags/up.sql"]);
        check(tool, &row(0), &counted, Ok(&[]));
        check(tool, &row(2), &counted, Ok(&[1, 2]));
        check(tool, &row(3), &counted, Ok(&[1, 2, 3]));
        check(tool, &row(4), &counted, Err("user_version is 4, and there are 3 migrations"));
        check(tool, &row(-1), &counted, Err("user_version is -1"));
        check(tool, &row(i64::MAX), &counted, Err("user_version is 9223372036854775807"));
        check(tool, &[], &counted, Err("user_version cannot be read"));
        // From 0 on it is a count all the same; a number that is no count is the one in a name.
        let from_zero = named(["0000_start.sql", "0001_body.sql", "0002_tags.sql"]);
        check(tool, &row(1), &from_zero, Ok(&[1]));
        let cut_off = named(["0003_start.sql", "0004_body.sql", "0005_tags.sql"]);
        check(tool, &row(3), &cut_off, Ok(&[3]));
        let in_tens = named(["10_start.sql", "20_body.sql", "30_tags.sql"]);
        check(tool, &row(20), &in_tens, Ok(&[10, 20]));
    }

    #[test]
    fn what_was_squashed_ran_by_itself() {
        let mut history = named(["V1__start.sql", "V2__body.sql", "V3__tags.sql"]);
        let migrations = history.migrations.to_mut();
        let originals: Vec<Migration> = migrations.drain(..2).collect();
        migrations.insert(0, Migration { replaces: originals.into(), idx: 2, ..Migration::default() });
        let rows = [vec![integer(1), text("start")]];
        check(Tool::Refinery, &rows, &history, Ok(&[1]));
    }

    #[test]
    fn tables() {
        let tool = |tables: &[&str]| tool_of(tables.iter().copied());
        for known in Tool::WITH_TABLE {
            let table = known.table().unwrap();
            assert_eq!(tool(&["notes", &table.to_uppercase()]).unwrap(), Some(known));
            assert!(is_bookkeeping(&table.to_uppercase()));
            assert!(known.query().contains(&format!(" FROM main.{table}")), "{known}");
        }
        assert_eq!(tool(&["notes", "sqlx_migrations"]).unwrap(), None);
        assert!(!is_bookkeeping("migrations"));
        let error = tool(&["goose_db_version", "_sqlx_migrations"]).unwrap_err();
        assert_eq!(error.code(), Code::Adoption);
        assert!(error.to_string().contains("goose, sqlx"), "{error}");
    }
}
