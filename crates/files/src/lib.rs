//! Folders of migrations in the file system.
//!
//! It is a crate of its own because two need it that cannot share code otherwise: `whimbrel`, when a program runs, and
//! `whimbrel-embed`, when one is compiled. What the files mean is up to [`whimbrel_core::history`].
//!
//! **Invariant:** nothing outside of the folder is read or written, whatever the names and links in it say.
//! **Invariant:** a file that is written has its old bytes or all of its new ones.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use whimbrel_core::history::{Files, check_path};
use whimbrel_core::{Code, Dialect, Error, Result};

/// How many names a path has at most: `.whimbrel/squashed/0001_start.sql`. What lies deeper is passed over.
const DEPTH: usize = 3;

/// The largest file that is read. A migration is text that somebody wrote.
const LARGEST: u64 = 64 << 20;

/// The one name with a dot in front that is not passed over: journal and snapshots beside another tool's files.
const OWN: &str = ".whimbrel";

/// A folder of migrations in the file system.
///
/// A folder that does not exist lists as an empty one, and is made by the first file that is written.
///
/// ```
/// use whimbrel_core::history::{Files, Folder};
/// use whimbrel_files::FolderFiles;
///
/// # let somewhere = tempfile::tempdir()?;
/// # let path = somewhere.path().join("migrations");
/// let mut files = FolderFiles::new(&path);
/// assert!(files.list()?.is_empty());
/// files.write("0001_start.sql", b"CREATE TABLE notes(body TEXT);")?;
/// assert_eq!(Folder::read(&files)?.history.newest(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFiles {
    root: PathBuf,
    dialect: Option<Dialect>,
}

impl FolderFiles {
    /// The folder at this path. Messages name it as it is given here.
    pub fn new(path: impl Into<PathBuf>) -> FolderFiles {
        FolderFiles { root: path.into(), dialect: None }
    }

    /// The same folder, whose scripts are known to be written for this database. Without it, SQLite is meant where the
    /// folder itself does not say.
    #[must_use]
    pub fn of(self, dialect: Dialect) -> FolderFiles {
        FolderFiles { dialect: Some(dialect), ..self }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// A file's name in messages: with the folder in front, and `/` on all systems.
    fn shown(&self, path: &str) -> String {
        let mut shown = self.root.display().to_string();
        if !shown.is_empty() && !path.is_empty() && !shown.ends_with(std::path::is_separator) {
            shown.push('/');
        }
        shown + path
    }

    fn failed(&self, path: &str, what: &str) -> Error {
        Error::new(Code::MigrationFiles, format!("{} {what}", self.shown(path))).object(path)
    }

    fn cannot(&self, path: &str, what: &str) -> impl Fn(io::Error) -> Error {
        let message = format!("{} cannot be {what}", self.shown(path));
        let path = path.to_owned();
        move |e| Error::new(Code::MigrationFiles, &message).object(&path).cause(e)
    }

    fn leads_out(&self, path: &str) -> Error {
        Error::new(Code::MigrationName, format!("{} is a link that leads out of the folder", self.shown(path)))
            .object(path)
            .help("put the file itself there")
    }

    /// Where the folder really is; `None` where it does not exist.
    fn real_root(&self) -> Result<Option<PathBuf>> {
        // The empty path is the folder of the process, which `.` can be opened as.
        let root = if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root };
        match fs::canonicalize(root) {
            Ok(real) => Ok(Some(real)),
            Err(e) if e.kind() == ErrorKind::NotFound && fs::symlink_metadata(root).is_err() => Ok(None),
            Err(e) => Err(self.cannot("", "read")(e)),
        }
    }

    /// Adds the files of one folder, which is `below` the root, and of those in it.
    fn walk(&self, root: &Path, below: &str, depth: usize, found: &mut Vec<String>) -> Result<()> {
        let unreadable = self.cannot(below, "read");
        for entry in fs::read_dir(join(root, below)).map_err(&unreadable)? {
            let entry = entry.map_err(&unreadable)?;
            let name = entry.file_name();
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            if is_hidden && name != OWN {
                continue;
            }
            let Some(name) = name.to_str() else {
                let shown = self.shown(&beside(below, &name.to_string_lossy()));
                return Err(Error::new(Code::MigrationName, format!("{shown} has a name that is not UTF-8"))
                    .help("use letters, digits, - and _"));
            };
            let path = beside(below, name);
            let kind = entry.file_type().map_err(self.cannot(&path, "read"))?;
            if kind.is_symlink() && !self.real(root, &path)?.starts_with(root) {
                return Err(self.leads_out(&path));
            }
            let kind = match kind.is_symlink() {
                true => fs::metadata(entry.path()).map_err(self.cannot(&path, "read"))?.file_type(),
                false => kind,
            };
            if kind.is_dir() && depth < DEPTH {
                self.walk(root, &path, depth + 1, found)?;
            } else if kind.is_file() {
                if is_read(name) {
                    check_path(&path)?;
                }
                found.push(path);
            } else if !kind.is_dir() && is_read(name) {
                return Err(self.failed(&path, "is neither a file nor a folder"));
            }
        }
        Ok(())
    }

    /// Where a path really leads.
    fn real(&self, root: &Path, path: &str) -> Result<PathBuf> {
        fs::canonicalize(join(root, path)).map_err(|e| match e.kind() {
            ErrorKind::NotFound => self.missing(path),
            _ => self.cannot(path, "read")(e),
        })
    }

    fn missing(&self, path: &str) -> Error {
        Error::new(Code::MigrationFiles, format!("there is no {}", self.shown(path))).object(path)
    }

    /// Refuses a path in which a folder or the file itself is a link: writing through one would change something else.
    fn refuse_links(&self, root: &Path, path: &str) -> Result<()> {
        let mut at = root.to_owned();
        for part in path.split('/') {
            at.push(part);
            if fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_symlink()) {
                let message = format!("{} is behind a link, and nothing is written through one", self.shown(path));
                return Err(Error::new(Code::MigrationName, message).object(path).help("put the file itself there"));
            }
        }
        Ok(())
    }

    /// Makes the folders of a path, one by one, so that each is known to its parent for good.
    fn make_folders(&self, root: &Path, path: &str) -> Result<()> {
        let mut at = root.to_owned();
        for (n, _) in path.match_indices('/') {
            let folder = join(root, &path[..n]);
            match fs::create_dir(&folder) {
                Ok(()) => synchronise_folder(&at),
                Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(e) => return Err(self.cannot(path, "written")(e)),
            }
            at = folder;
        }
        Ok(())
    }
}

impl Files for FolderFiles {
    /// Names with a dot in front are passed over, but for `.whimbrel`. A link is followed within the folder only.
    fn list(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if let Some(root) = self.real_root()? {
            if !root.is_dir() {
                return Err(self.failed("", "is not a folder"));
            }
            self.walk(&root, "", 1, &mut found)?;
        }
        found.sort_unstable();
        Ok(found)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        check_path(path)?;
        let Some(root) = self.real_root()? else { return Err(self.missing(path)) };
        let real = self.real(&root, path)?;
        if !real.starts_with(&root) {
            return Err(self.leads_out(path));
        }
        // Asked before it is opened: opening a pipe would wait for somebody to write into it.
        if !fs::metadata(&real).map_err(self.cannot(path, "read"))?.is_file() {
            return Err(self.failed(path, "is not a file"));
        }
        let mut bytes = Vec::new();
        let file = File::open(&real).map_err(self.cannot(path, "read"))?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(self.cannot(path, "read"))?;
        if bytes.len() as u64 > LARGEST {
            return Err(self.failed(path, "is larger than 64 MB").help("is it a migration?"));
        }
        Ok(bytes)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        check_path(path)?;
        if !self.root.as_os_str().is_empty() {
            fs::create_dir_all(&self.root).map_err(self.cannot(path, "written"))?;
        }
        let Some(root) = self.real_root()? else { return Err(self.missing("")) };
        self.refuse_links(&root, path)?;
        self.make_folders(&root, path)?;
        let target = join(&root, path);
        let (temporary, file) = create_beside(&target).map_err(self.cannot(path, "written"))?;
        let written = fill(file, bytes, &target).and_then(|()| fs::rename(&temporary, &target));
        if let Err(e) = written {
            let _ = fs::remove_file(&temporary);
            return Err(self.cannot(path, "written")(e));
        }
        synchronise_folder(target.parent().unwrap_or(&root));
        Ok(())
    }

    /// Folders that become empty are removed too, but for the folder of migrations itself.
    fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        check_path(path)?;
        let Some(root) = self.real_root()? else { return Err(self.missing(path)) };
        let target = join(&root, path);
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.refuse_links(&root, folder)?;
        }
        fs::remove_file(&target).map_err(|e| match e.kind() {
            ErrorKind::NotFound => self.missing(path),
            _ => self.cannot(path, "removed")(e),
        })?;
        let mut folder = target.parent();
        // A folder that still holds something is not removed, and neither is one above it.
        while let Some(empty) = folder.filter(|folder| *folder != root && fs::remove_dir(folder).is_ok()) {
            folder = empty.parent();
        }
        synchronise_folder(folder.unwrap_or(&root));
        Ok(())
    }
}

/// Whether a file is one whose text is read.
fn is_read(name: &str) -> bool {
    [".sql", ".json"].iter().any(|end| {
        let at = name.len().saturating_sub(end.len());
        name.get(at..).is_some_and(|found| found.eq_ignore_ascii_case(end))
    })
}

fn beside(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
}

/// A path with the system's own separators: where the root is written with the longest form of paths, Windows knows no
/// other.
fn join(root: &Path, path: &str) -> PathBuf {
    path.split('/').filter(|part| !part.is_empty()).fold(root.to_owned(), |at, part| at.join(part))
}

/// A new file beside another one, under a name that is passed over when folders are listed. One that an interrupted
/// process left is never taken.
fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = target.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (path, file)),
        }
    }
}

/// Writes the bytes for good; the file may be used by whoever could use the one that it replaces.
fn fill(mut file: File, bytes: &[u8], replaces: &Path) -> io::Result<()> {
    if let Ok(meta) = fs::metadata(replaces) {
        file.set_permissions(meta.permissions())?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// A renamed file is there for good only when its folder is written; not every system lets a folder be opened.
fn synchronise_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
