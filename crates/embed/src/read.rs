//! Reads a folder, and says of everything that is wrong with it which file it is and what to do.
//!
//! A program that is built is a program that is shipped: what would merely be told at run time is an error here too.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use whimbrel_core::history::script::Script;
use whimbrel_core::history::{Files, Folder, History, Layout, Migration};
use whimbrel_core::schema::{Origin, Source};
use whimbrel_core::{Code, Error, Result};
use whimbrel_files::FolderFiles;

/// How many files that cannot be read at all are told in one go: the folder is read again after each.
const MOST: usize = 20;

/// A folder in which nothing is wrong.
pub struct Embedded {
    /// Its history.
    pub history: History,
    /// The files that it was read from, as paths from the root of the file system.
    pub files: Vec<String>,
}

/// Reads a folder, whose path starts at `base` unless it starts at the root. Errors are messages to be shown.
pub fn read(base: Option<&Path>, path: &Path) -> Result<Embedded, Vec<String>> {
    let shown = path.display().to_string();
    let root = match base {
        Some(base) => base.join(path),
        None if path.is_absolute() => path.to_owned(),
        None => {
            return Err(vec![format!("{shown} starts at CARGO_MANIFEST_DIR, which is not set: give the whole path")]);
        }
    };
    let reader = Reader { shown, files: Tracked::new(&root) };
    if path.as_os_str().is_empty() || std::fs::symlink_metadata(&root).is_err() {
        let message = match base {
            Some(base) if !path.is_absolute() => format!("there is no folder `{}` in {}", reader.shown, base.display()),
            _ => format!("there is no folder `{}`", reader.shown),
        };
        let error = Error::new(Code::MigrationFiles, message);
        return Err(vec![error.help("its path starts at the folder of Cargo.toml").to_string()]);
    }
    let history = reader.read()?;
    let files = reader.files.read.into_inner().into_iter().map(|file| {
        // `/` separates on every system.
        let path = root.join(&file).into_os_string().into_string();
        path.map_err(|path| vec![format!("the path {} is not UTF-8", path.display())])
    });
    Ok(Embedded { history, files: files.collect::<Result<_, _>>()? })
}

/// A folder that remembers what was read, because a change of those files is what the program is compiled again for.
struct Tracked {
    files: FolderFiles,
    read: RefCell<BTreeSet<String>>,
    /// Files that were found to be unreadable. They are empty from then on, so that what is wrong with others is found.
    set_aside: RefCell<BTreeSet<String>>,
}

impl Tracked {
    fn new(root: &Path) -> Tracked {
        Tracked { files: FolderFiles::new(root), read: RefCell::default(), set_aside: RefCell::default() }
    }
}

impl Files for Tracked {
    fn list(&self) -> Result<Vec<String>> {
        self.files.list()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        if self.set_aside.borrow().contains(path) {
            return Ok(Vec::new());
        }
        self.read.borrow_mut().insert(path.to_owned());
        self.files.read(path)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.files.write(path, bytes)
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        self.files.remove(path)
    }
}

struct Reader {
    /// The folder as the macro names it.
    shown: String,
    files: Tracked,
}

impl Reader {
    fn read(&self) -> Result<History, Vec<String>> {
        let (folder, errors) = self.read_folder();
        let mut messages: Vec<String> = errors.iter().map(|error| self.told(error, None)).collect();
        let Some(folder) = folder else { return Err(messages) };

        let journal = folder.layout.journal();
        for problem in &folder.problems {
            let migration = folder.history.migrations.iter().rfind(|m| m.tag() == problem.name);
            let file = migration.map_or(problem.name.as_str(), |m| &m.path);
            // What an unreadable file holds is not known, and neither is whether it fits.
            if !self.files.set_aside.borrow().contains(file) {
                let snapshot = migration.filter(|_| problem.code == Code::Snapshot);
                let snapshot = snapshot.map(|migration| folder.layout.snapshot(&migration.version));
                let file = match &snapshot {
                    Some(snapshot) => snapshot,
                    None if problem.message.contains(&journal) && migration.is_none() => &journal,
                    None => file,
                };
                messages.push(self.told(&problem.error(), Some(file)));
            }
        }
        self.check_scripts(folder.layout, &folder.history.migrations, &mut messages);
        if folder.history.migrations.is_empty() && messages.is_empty() {
            let error = Error::new(Code::MigrationFiles, format!("{} holds no migration", self.shown));
            messages.push(error.help("`whimbrel migrate generate` writes the first one").to_string());
        }
        if messages.is_empty() { Ok(folder.history) } else { Err(messages) }
    }

    /// Reads the folder, again and again while there is a file that cannot be read.
    fn read_folder(&self) -> (Option<Folder>, Vec<Error>) {
        let mut errors = Vec::new();
        loop {
            let error = match Folder::read(&self.files) {
                Ok(folder) => return (Some(folder), errors),
                Err(error) => error,
            };
            let file = file_of(&error).filter(|file| file.ends_with(".sql")).map(str::to_owned);
            errors.push(error);
            let is_new = file.is_some_and(|file| self.files.set_aside.borrow_mut().insert(file));
            if !is_new || errors.len() == MOST {
                return (None, errors);
            }
        }
    }

    /// Reads all scripts, also those that undo and those that were squashed, for what cannot run.
    fn check_scripts(&self, layout: Layout, migrations: &[Migration], messages: &mut Vec<String>) {
        for migration in migrations.iter().filter(|m| !m.path.is_empty()) {
            self.check_scripts(layout, &migration.replaces, messages);
            let check = |path: &str, text: &str| {
                Script::read(&self.inside(path), migration.dialect, text, migration.transaction).err()
            };
            let up = check(&migration.path, &migration.up);
            let down = migration.down.as_ref().and_then(|down| match layout {
                // Both stand in one file: the lines of the first part count.
                Layout::Goose | Layout::Sections => {
                    check(&migration.path, &("\n".repeat(migration.up.matches('\n').count()) + down))
                }
                _ => check(&down_path(layout, &migration.path), down),
            });
            messages.extend(up.into_iter().chain(down).map(|error| error.to_string()));
        }
    }

    fn inside(&self, path: &str) -> String {
        format!("{}/{path}", self.shown.trim_end_matches(std::path::is_separator))
    }

    /// What an error says, with the folder in front of the file's name.
    fn told(&self, error: &Error, file: Option<&str>) -> String {
        let report = error.report();
        let root = self.files.files.path().display().to_string();
        let message = match file.or(file_of(error)) {
            _ if report.message.contains(&root) => report.message.replace(&root, &self.shown),
            Some(file) => name_file(&report.message, file, &self.inside(file)),
            None => self.name_folder(&report.message),
        };
        let told = Error::new(error.code(), message);
        let told = report.help.iter().fold(told, Error::help);
        let told = match &report.cause {
            Some(cause) => told.cause(cause),
            None => told,
        };
        match &report.origin.source {
            Some(source) => {
                let source = Source { name: self.inside(&source.name), text: source.text.clone() };
                let origin = Origin { source: Some(Arc::new(source)), range: report.origin.range.clone() };
                told.at(&origin, &report.label).to_string()
            }
            None => told.to_string(),
        }
    }

    /// An error that is about no single file names one all the same, most often: the journal.
    fn name_folder(&self, message: &str) -> String {
        let first = message.split([' ', ':']).next().unwrap_or_default();
        match first.ends_with(".json") {
            true => name_file(message, first, &self.inside(first)),
            false => format!("{}: {message}", self.shown),
        }
    }
}

/// The file that an error is about, where it says so.
fn file_of(error: &Error) -> Option<&str> {
    let report = error.report();
    report.origin.source.as_ref().map(|source| source.name.as_str()).or(report.object.as_deref())
}

/// The message with the whole path of the file instead of its name, or in front.
fn name_file(message: &str, file: &str, path: &str) -> String {
    match message.strip_prefix(file) {
        Some(rest) => format!("{path}{rest}"),
        None => match message.split_once(&format!(" {file}")) {
            Some((before, after)) => format!("{before} {path}{after}"),
            None => format!("{path}: {message}"),
        },
    }
}

/// Where the script that undoes lies.
fn down_path(layout: Layout, path: &str) -> String {
    let stem = path.strip_suffix(".sql").unwrap_or(path);
    match layout {
        Layout::Diesel => format!("{}down.sql", stem.strip_suffix("up").unwrap_or(stem)),
        _ => format!("{}.down.sql", stem.strip_suffix(".up").unwrap_or(stem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder `migrations` with these files in it.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut migrations = FolderFiles::new(folder.path().join("migrations"));
        for (path, text) in files {
            migrations.write(path, text.as_bytes()).unwrap();
        }
        folder
    }

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let folder = folder(files);
        read(Some(folder.path()), Path::new("migrations")).err().unwrap_or_default()
    }

    const START: (&str, &str) = ("0001_start.sql", "CREATE TABLE notes(body TEXT);");

    #[test]
    fn everything_that_was_read_is_remembered() {
        let checksum =
            |text: &str| whimbrel_core::history::Checksum::of_script(whimbrel_core::Dialect::Sqlite, text).unwrap();
        let (first, second) = (checksum("SELECT 1"), checksum("SELECT 2"));
        let journal = format!(
            r#"{{"version":1,"dialect":"sqlite","entries":[{{"idx":2,"version":"0002","name":"a","checksum":"{second}",
                "squashes":[{{"idx":1,"version":"0001","name":"b","checksum":"{first}"}}]}}]}}"#
        );
        let mut all = [
            ("0002_a.down.sql", ""),
            ("0002_a.sql", "SELECT 2"),
            ("meta/0002_snapshot.json", r#"{"whimbrel_snapshot":1,"dialect":"sqlite","next_id":1,"objects":[]}"#),
            ("meta/_journal.json", &journal),
            ("squashed/0001_b.sql", "SELECT 1"),
            ("README.md", "not read"),
        ];
        let folder = folder(&all);
        let embedded = read(Some(folder.path()), Path::new("migrations")).map_err(|e| e.join("\n")).unwrap();
        all.sort_unstable();
        let all = all.iter().map(|(path, _)| *path).filter(|path| *path != "README.md");
        let shown = |path: &str| folder.path().join("migrations").join(path).display().to_string();
        assert_eq!(embedded.files, all.map(shown).collect::<Vec<_>>());
        let tokens = crate::expand::expand(&embedded).to_string();
        for file in &embedded.files {
            assert!(tokens.contains(&format!("include_bytes ! ({file:?})")), "{file}\n{tokens}");
        }
    }

    #[test]
    fn a_path_from_the_root_needs_no_base() {
        let folder = folder(&[START]);
        let path = folder.path().join("migrations");
        assert_eq!(read(None, &path).ok().unwrap().history.newest(), 1);
        assert_eq!(read(Some(Path::new("/elsewhere")), &path).ok().unwrap().history.newest(), 1);
        let messages = read(None, Path::new("migrations")).err().unwrap();
        assert_eq!(messages, ["migrations starts at CARGO_MANIFEST_DIR, which is not set: give the whole path"]);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let told = messages(&[
            ("0001_a.sql", "SELECT 'a"),
            ("0002_b.sql", "SELECT 1;\n\nVACUUM"),
            ("0003_c.sql", "SELECT \u{0}"),
            ("0003_d.sql", "SELECT 4"),
            ("0004_e.sql", "SELECT 5"),
            ("0004_e.down.sql", "\nROLLBACK"),
            ("start.sql", "SELECT 6"),
        ]);
        let expected = [
            "[W0701] migrations/0003_c.sql holds a NUL character",
            "[W0704] migrations/0001_a.sql: unterminated string (migrations/0001_a.sql:1:8)",
            "[W0702] migrations/start.sql has no number in front, and is not read",
            "[W0709] migrations/0003_d.sql: 0003_c and 0003_d have one number",
            "[W0704] migrations/0002_b.sql: VACUUM cannot run in a transaction (migrations/0002_b.sql:3:1)",
            "[W0704] migrations/0004_e.down.sql: ROLLBACK stands in a migration (migrations/0004_e.down.sql:2:1)",
        ];
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{expected}\n{told:#?}");
        }
    }

    #[test]
    fn files_of_other_layouts_are_named() {
        let diesel = messages(&[("1_a/up.sql", "SELECT 1"), ("1_a/down.sql", "COMMIT")]);
        assert!(diesel[0].contains("migrations/1_a/down.sql: COMMIT stands"), "{diesel:?}");
        let drizzle = r#"{"version":"7","dialect":"sqlite","entries":[{"idx":0,"tag":"0000_quiet_heron"}]}"#;
        let drizzle = messages(&[("meta/_journal.json", drizzle)]);
        assert!(
            drizzle[0].starts_with("[W0707] migrations/0000_quiet_heron stands in meta/_journal.json"),
            "{drizzle:?}"
        );
        let journal = messages(&[START, ("meta/_journal.json", "{")]);
        assert!(journal[0].starts_with("[W0703] migrations/meta/_journal.json cannot be read: EOF"), "{journal:?}");
    }

    #[test]
    fn a_snapshot_that_cannot_be_read_is_told() {
        let sum = whimbrel_core::history::Checksum::of_script(whimbrel_core::Dialect::Sqlite, START.1).unwrap();
        let journal = format!(
            r#"{{"version":1,"dialect":"sqlite","entries":[{{"idx":1,"version":"0001","name":"start","checksum":"{sum}"}}]}}"#
        );
        let told = messages(&[START, ("meta/_journal.json", &journal), ("meta/0001_snapshot.json", "{}")]);
        assert!(told[0].starts_with("[W0105] "), "{told:?}");
        assert!(
            told[0].contains("migrations/meta/0001_snapshot.json cannot be read: this is not a snapshot"),
            "{told:?}"
        );
    }

    #[test]
    fn what_is_no_folder_of_migrations_is_told() {
        for path in ["", "gone"] {
            let told = read(Some(Path::new("/nowhere")), Path::new(path)).err().unwrap();
            assert!(told[0].starts_with(&format!("[W0701] there is no folder `{path}` in /nowhere")), "{told:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("migrations"), "").unwrap();
        let told = read(Some(folder.path()), Path::new("migrations")).err().unwrap();
        assert_eq!(told, ["[W0701] migrations is not a folder"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_is_told() {
        let folder = folder(&[START]);
        std::os::unix::fs::symlink("/etc", folder.path().join("migrations/etc")).unwrap();
        let told = read(Some(folder.path()), Path::new("migrations")).err().unwrap();
        assert!(told[0].starts_with("[W0702] migrations/etc is a link that leads out of the folder"), "{told:?}");
    }
}
