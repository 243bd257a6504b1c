//! The lock that makes one upgrade of many processes that start at once.
//!
//! SQLite's own lock keeps two from writing at the same time; this one keeps the others waiting until the first is
//! done, and tells a process that died in the middle from one that is still at work: the system lets go of a dead
//! process's locks. It lies beside the database, as `app.db-whimbrel-lock`, and only while an upgrade runs.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

/// What became of an attempt to take the lock.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is held.
    Held(Lock),
    /// Somebody else holds it.
    Busy,
    /// There can be no lock here: the folder cannot be written, or the file system knows none.
    Impossible,
}

impl Lock {
    /// Tries to take the lock of a database.
    pub(super) fn try_take(database: &Path) -> Taken {
        let mut path = database.as_os_str().to_owned();
        path.push("-whimbrel-lock");
        let path = PathBuf::from(path);
        let Ok(file) = File::options().create(true).truncate(false).write(true).open(&path) else {
            return Taken::Impossible;
        };
        match file.try_lock() {
            // Whoever held it before has removed the file meanwhile: this lock is of a file that nobody else will see.
            Ok(()) if !is_still(&file, &path) => Taken::Busy,
            Ok(()) => Taken::Held(Lock { file, path }),
            Err(TryLockError::WouldBlock) => Taken::Busy,
            Err(TryLockError::Error(_)) => Taken::Impossible,
        }
    }
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Where an open file cannot be removed, the name always leads to it.
#[cfg(not(unix))]
fn is_still(_: &File, _: &Path) -> bool {
    true
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is held, so that nobody can hold one of the same name. Where it cannot be, it stays.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let Taken::Held(first) = Lock::try_take(&path) else { panic!("the lock is free") };
        assert!(matches!(Lock::try_take(&path), Taken::Busy));
        drop(first);
        assert!(matches!(Lock::try_take(&path), Taken::Held(_)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        assert!(matches!(Lock::try_take(&folder.path().join("no/app.db")), Taken::Impossible));
    }
}
