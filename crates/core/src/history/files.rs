//! Where migrations lie: a trait with the few operations that are needed, and one that lives in memory.
//!
//! The file system is a host of its own, in the crate that apps add. Others (an archive, a bucket, a database) need
//! four functions.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};

/// A folder of migrations. Paths are relative to it, with `/` between their parts.
pub trait Files {
    /// All files in the folder and in the folders below it, in order.
    ///
    /// # Errors
    /// [`Code::MigrationFiles`] where it cannot be read.
    fn list(&self) -> Result<Vec<String>>;

    /// A file's bytes.
    ///
    /// # Errors
    /// [`Code::MigrationFiles`] where it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>>;

    /// Writes a file, whole or not at all, and the folders it needs.
    ///
    /// # Errors
    /// [`Code::MigrationFiles`] where it cannot be written.
    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`Code::MigrationFiles`] where it cannot be removed.
    fn remove(&mut self, path: &str) -> Result<()>;

    /// The database that the scripts are written for, where whoever opened the folder says so. A journal says it, too;
    /// folders of other tools most often do not.
    fn dialect(&self) -> Option<Dialect> {
        None
    }
}

/// Files in memory.
///
/// ```
/// use whimbrel_core::history::{Files, MemoryFiles};
/// let mut files = MemoryFiles::default();
/// files.write("0001_start.sql", b"CREATE TABLE notes(body TEXT);")?;
/// assert_eq!(files.list()?, ["0001_start.sql"]);
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryFiles {
    /// The files by their paths.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The database that the scripts are written for, where that is known.
    pub dialect: Option<Dialect>,
}

impl MemoryFiles {
    /// Files that are there.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> MemoryFiles {
        MemoryFiles { files: files.into_iter().collect(), dialect: None }
    }
}

impl Files for MemoryFiles {
    fn list(&self) -> Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| missing(path))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        check_path(path)?;
        self.files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        self.files.remove(path).map(|_| ()).ok_or_else(|| missing(path))
    }

    fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }
}

fn missing(path: &str) -> Error {
    Error::new(Code::MigrationFiles, format!("there is no {path}")).object(path)
}

/// Refuses a path that would lead out of the folder, or that some system cannot hold.
///
/// # Errors
/// [`Code::MigrationName`].
pub fn check_path(path: &str) -> Result<()> {
    let refuse = |why: &str| {
        let shown: String = path.chars().take(80).flat_map(char::escape_default).collect();
        Err(Error::new(Code::MigrationName, format!("`{shown}` is no name for a migration's file: {why}"))
            .help("use letters, digits, - and _"))
    };
    for part in path.split('/') {
        let stem = part.split('.').next().unwrap_or_default();
        match part {
            "" | "." | ".." => return refuse("it leads out of the folder"),
            _ if part.len() > 200 => return refuse("it is longer than 200 bytes"),
            _ if part.chars().any(|c| c.is_control() || "\\:*?\"<>|".contains(c)) => {
                return refuse("it holds a character that some systems do not allow");
            }
            _ if part.ends_with(['.', ' ']) => return refuse("some systems cut what it ends with"),
            _ if RESERVED.iter().any(|name| name.eq_ignore_ascii_case(stem)) => {
                return refuse("it is a device on some systems");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Names that Windows keeps for devices, with and without an extension.
const RESERVED: &[&str] = &[
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];
