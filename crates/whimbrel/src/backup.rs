//! Backups beside the database: made with SQLite's online backup, pruned to the newest, brought back by one call.
//!
//! A copy of the file would miss what is still in the -wal, and VACUUM INTO gives rows without an INTEGER PRIMARY KEY
//! new rowids; the online backup copies page by page, in one read transaction. It is written under a temporary name,
//! synchronised and then renamed, so that what is called a backup is whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup as Online, StepResult};
use whimbrel_core::planted::{self, Planted};
use whimbrel_core::{Code, Error, Result};

use crate::sqlite_host::{Access, error, now, open};

/// A backup of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// When it was made, as in its name: `20261121T093000Z`.
    pub taken: String,
    /// Its size.
    pub bytes: u64,
}

/// What stands between the database's name and the time.
const INFIX: &str = ".backup-";

/// Pages copied before another writer may come in between: few enough not to keep one waiting.
const PAGES: std::ffi::c_int = 4096;

/// Makes a backup of an open database beside its file, and removes all but the newest `keep`.
///
/// # Errors
/// [`Code::BackupFailed`]; the database is not touched.
pub fn create(conn: &rusqlite::Connection, db: &Path, keep: usize) -> Result<Backup> {
    let taken = time_text(now().div_euclid(1000));
    // Of two in one second the later one has the higher number, also when the first is gone.
    let same_second = |b: &Backup| b.taken.split('-').next() == Some(&taken);
    let taken_name = match list(db)?.iter().find(|b| same_second(b)) {
        None => taken.clone(),
        Some(newest) => format!("{taken}-{}", number(newest) + 1),
    };
    clear_leftovers(db);
    let path = name(db, &taken_name);
    let temporary = name(db, &format!("{taken_name}.part"));
    let written = write(conn, &temporary).and_then(|()| {
        fs::rename(&temporary, &path).map_err(|e| failed(&path, &e))?;
        synchronise_folder(&path);
        fs::metadata(&path).map_err(|e| failed(&path, &e))
    });
    let bytes = match written {
        Ok(meta) => meta.len(),
        Err(e) => {
            let mut journal = temporary.clone().into_os_string();
            journal.push("-journal");
            let _ = (fs::remove_file(&temporary), fs::remove_file(journal));
            return Err(e);
        }
    };
    for old in list(db)?.into_iter().skip(keep.max(1)) {
        fs::remove_file(&old.path).map_err(|e| failed(&old.path, &e))?;
    }
    Ok(Backup { path, taken: taken_name, bytes })
}

/// A time in seconds since 1970 as it stands in names, in UTC: `20261121T093000Z`.
fn time_text(seconds: i64) -> String {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Nobody makes a backup before 1970, and thousands of years take no time worth a formula.
    let (mut year, mut month) = (1970, 0);
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        month += 1;
        if days < length {
            break;
        }
        days -= length;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{:02}T{hour:02}{minute:02}{:02}Z", days + 1, second % 60)
}

/// A backup that takes longer than this is not being made any more.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what processes that ended in the middle of a backup have left. Where it cannot be, it stays.
fn clear_leftovers(db: &Path) {
    let folder = db.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = db.file_name().unwrap_or_default().to_owned();
    prefix.push(INFIX);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else { continue };
        let is_part = rest.ends_with(b".part") || rest.ends_with(b".part-journal");
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if is_part && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn name(db: &Path, taken: &str) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(INFIX);
    name.push(taken);
    PathBuf::from(name)
}

fn failed(path: &Path, cause: &std::io::Error) -> Error {
    Error::new(Code::BackupFailed, format!("the backup {} cannot be written", path.display())).cause(cause)
}

fn write(conn: &rusqlite::Connection, path: &Path) -> Result<()> {
    let cannot =
        |e: rusqlite::Error| error(e, Code::BackupFailed, format!("the backup {} cannot be written", path.display()));
    if let (true, Some(file)) = (planted::is(Planted::BackupOfTheFile), crate::sqlite_host::database_path(conn)) {
        return fs::copy(file, path).map(drop).map_err(|e| failed(path, &e));
    }
    let mut copy = rusqlite::Connection::open(path).map_err(cannot)?;
    copy_pages(conn, &mut copy).map_err(cannot)?;
    // A backup is one file: the copy of a database in WAL mode would want a log beside it.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(cannot)?;
    let outcome: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(cannot)?;
    if outcome != "ok" {
        return Err(Error::new(Code::BackupFailed, "the database is damaged, and so is its backup")
            .cause(outcome)
            .help("`whimbrel doctor` tells more"));
    }
    copy.close().map_err(|(_, e)| cannot(e))?;
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(|e| failed(path, &e))
}

fn copy_pages(from: &rusqlite::Connection, to: &mut rusqlite::Connection) -> rusqlite::Result<()> {
    let online = Online::new(from, to)?;
    let mut waited = Duration::ZERO;
    loop {
        match online.step(PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Somebody else holds one of the two; five seconds, as everywhere.
            _ if waited < Duration::from_secs(5) => {
                let pause = Duration::from_millis(20);
                std::thread::sleep(pause);
                waited += pause;
            }
            _ => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    None,
                ));
            }
        }
    }
}

/// A renamed file is there for good only when its folder is written; not every system lets a folder be opened.
fn synchronise_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(folder) = fs::File::open(folder) {
            let _ = folder.sync_all();
        }
    }
}

/// The backups of a database, newest first.
///
/// # Errors
/// [`Code::CannotOpen`] where the folder cannot be read.
pub fn list(db: &Path) -> Result<Vec<Backup>> {
    let folder = match db.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let cannot = |e: std::io::Error| {
        Error::new(Code::CannotOpen, format!("the folder {} cannot be read", folder.display())).cause(e)
    };
    let mut prefix = db.file_name().unwrap_or_default().to_owned();
    prefix.push(INFIX);
    let mut backups = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name();
        let Some(taken) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else { continue };
        let is_time =
            taken.first().is_some_and(u8::is_ascii_digit) && taken.contains(&b'T') && !taken.ends_with(b".part");
        let Some(taken) = std::str::from_utf8(taken).ok().filter(|t| is_time && !t.ends_with("-journal")) else {
            continue;
        };
        let bytes = entry.metadata().map_err(cannot)?.len();
        backups.push(Backup { path: db.with_file_name(&name), taken: taken.to_owned(), bytes });
    }
    // Two of one second: `…Z-2` is newer than `…Z`, and `…Z-10` than `…Z-9`.
    let time = |b: &Backup| b.taken.split('-').next().map(str::to_owned);
    backups.sort_by_key(|b| std::cmp::Reverse((time(b), number(b))));
    Ok(backups)
}

/// Which backup of its second it is, from 1.
fn number(backup: &Backup) -> u32 {
    backup.taken.split_once('-').and_then(|(_, n)| n.parse().ok()).unwrap_or(1)
}

/// Brings a backup back into its database, in one transaction of SQLite's own: other connections see the old state or
/// the backup's. What the database holds now is kept first: as a backup of its own, or, where it is damaged, under its name
/// with `.damaged` behind it. Other connections of this process must not be writing meanwhile.
///
/// # Errors
/// [`Code::NoSuchBackup`], [`Code::BackupDamaged`], or [`Code::Busy`]; the database is then as it was.
pub fn restore(backup: &Backup, db: &Path) -> Result<()> {
    if !backup.path.exists() {
        return Err(Error::new(Code::NoSuchBackup, format!("there is no backup {}", backup.path.display())));
    }
    // SQLite takes an empty file for an empty database; a backup of one has a header.
    if fs::metadata(&backup.path).is_ok_and(|meta| meta.len() == 0) {
        return Err(Error::new(Code::BackupDamaged, format!("{} is empty", backup.path.display())));
    }
    let source = open(&backup.path, Access::ReadOnly)
        .map_err(|e| Error::new(Code::BackupDamaged, format!("{} cannot be read", backup.path.display())).cause(e))?;
    let outcome: rusqlite::Result<String> = source.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match outcome {
        Ok(text) if text == "ok" => {}
        Ok(text) => {
            return Err(Error::new(Code::BackupDamaged, format!("{} is damaged", backup.path.display())).cause(text));
        }
        Err(e) => return Err(error(e, Code::BackupDamaged, format!("{} is damaged", backup.path.display()))),
    }
    let cannot = |e| error(e, Code::BackupFailed, format!("{} cannot be restored", db.display()));
    let mut target = match open(db, Access::Create) {
        Ok(target) => target,
        // What is no database any more cannot be written page by page: it is set aside, and never deleted.
        Err(e) if matches!(e.code(), Code::NotADatabase | Code::Damaged) => {
            // What lies beside it goes too: SQLite would take it for the new database's, and remove it.
            set_aside(db, |from, to| fs::rename(from, to))?;
            open(db, Access::Create)?
        }
        Err(e) => return Err(e),
    };
    // The state that is replaced is one backup more; nothing is pruned for it. A damaged one is no backup, and is kept
    // all the same.
    if is_whole(&target).map_err(cannot)? {
        create(&target, db, usize::MAX)?;
    } else {
        // Not page by page: where a run was interrupted, rows may be behind the end that the header tells of. A copy of the
        // file lets go of the locks that this process has on it, so nobody in here may be writing.
        set_aside(db, |from, to| {
            fs::copy(from, to)?;
            fs::File::open(to)?.sync_all()
        })?;
    }
    copy_pages(&source, &mut target).map_err(cannot)?;
    target.close().map_err(|(_, e)| cannot(e))
}

/// Whether SQLite finds the database as it should be.
fn is_whole(conn: &rusqlite::Connection) -> rusqlite::Result<bool> {
    let outcome: rusqlite::Result<String> = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match outcome {
        Ok(text) => Ok(text == "ok"),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Keeps a damaged database, and what lies beside it, under another name. What is there already is evidence, too.
fn set_aside(db: &Path, keep: impl Fn(&Path, &Path) -> std::io::Result<()>) -> Result<()> {
    let with_end = |end: &str| {
        let mut name = db.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let aside = with_end(".damaged");
    if aside.exists() {
        let message = "the database is damaged, and the name under which it would be kept is taken";
        return Err(Error::new(Code::Damaged, message)
            .object(db.display().to_string())
            .help(format!("move {} away and try again", aside.display())));
    }
    // The database comes last: as long as it is where it was, nobody makes a new one and clears away what lies beside it.
    for end in ["-journal", "-wal", ""] {
        let (from, to) = (with_end(end), with_end(&format!(".damaged{end}")));
        if from.exists() {
            keep(&from, &to).map_err(|e| failed(&to, &e))?;
        }
    }
    synchronise_folder(&aside);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_of_one_second_stay_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("CREATE TABLE t(n)").unwrap();
        for n in 1..=5 {
            db.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
            let made = create(&db, &path, 2).unwrap();
            let left = list(&path).unwrap();
            assert_eq!(left[0], made, "the newest comes first");
            assert!(left.len() <= 2);
        }
        restore(&list(&path).unwrap()[1], &path).unwrap();
        let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 4);
        // What was replaced is the newest backup now.
        restore(&list(&path).unwrap()[0], &path).unwrap();
        let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 5);
    }

    #[test]
    fn abandoned_parts_are_removed_and_young_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        let (old, young) = (name(&path, "20260101T000000Z.part"), name(&path, "20260102T000000Z.part"));
        fs::write(&young, "x").unwrap();
        let long_ago = std::time::SystemTime::now() - ABANDONED - Duration::from_secs(60);
        fs::File::create(&old).unwrap().set_modified(long_ago).unwrap();
        create(&db, &path, 1).unwrap();
        assert!(!old.exists() && young.exists());
    }

    #[test]
    fn times_in_names() {
        // As `date -u -d @… +%Y%m%dT%H%M%SZ` tells them.
        let known = [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (978_307_199, "20001231T235959Z"),
            (1_795_253_400, "20261121T093000Z"),
            (4_107_542_400, "21000301T000000Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(time_text(seconds), text);
        }
    }

    #[test]
    fn an_empty_file_is_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(n)").unwrap();
        fs::write(name(&path, "20260101T000000Z"), "").unwrap();
        let error = restore(&list(&path).unwrap()[0], &path).unwrap_err();
        assert_eq!(error.code(), Code::BackupDamaged);
    }
}
