//! A folder with files and databases, and the program run in it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::Connection;
use snapbox::cmd::{Command, OutputAssert};
use snapbox::{Assert, Redactions};

/// A schema of a small application.
pub const NOTES: &str = "\
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  mail TEXT
);
CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER REFERENCES users(id) ON DELETE CASCADE,
  body TEXT
);
CREATE INDEX notes_user ON notes (user_id);
";

/// Rows for it.
pub const ROWS: &str = "\
INSERT INTO users VALUES (1, 'ada@example.org'), (7, NULL);
INSERT INTO notes VALUES (3, 1, 'it''s'), (9, 7, NULL), (12, 7, NULL);
";

/// A folder of its own for one test.
pub struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    /// An empty folder.
    pub fn new() -> Case {
        Case { folder: tempfile::tempdir().expect("a folder for the test") }
    }

    /// A folder with `app.db`, which has [`NOTES`] and [`ROWS`], and `notes.sql`.
    pub fn with_notes() -> Case {
        Case::new().file("notes.sql", NOTES).database("app.db", &format!("{NOTES}{ROWS}"))
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Case {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder above the file")).expect("folders");
        std::fs::write(path, content).expect("a file for the test");
        self
    }

    /// Makes a database.
    pub fn database(self, name: &str, sql: &str) -> Case {
        self.open(name).execute_batch(sql).expect("a database for the test");
        self
    }

    /// Opens a database of the folder as anybody would.
    pub fn open(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).expect("a database that opens")
    }

    /// The single value that a query gives, as text.
    pub fn query(&self, name: &str, sql: &str) -> String {
        let sql = format!("SELECT CAST(({sql}) AS TEXT)");
        let value: Option<String> = self.open(name).query_row(&sql, [], |row| row.get(0)).expect(&sql);
        value.unwrap_or_else(|| "NULL".to_owned())
    }

    /// Every file of the folder, and of those in it, with its bytes and its time of change.
    pub fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let changed = path.metadata().and_then(|data| data.modified()).expect("a time");
                let bytes = std::fs::read(&path).expect("the bytes");
                files.insert(path, (bytes, changed));
            }
        }
        files
    }

    /// The names of the files, without those of folders.
    pub fn names(&self) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.files().keys().filter(|path| path.parent() == Some(self.folder.path())).map(name).collect()
    }

    /// The files below a folder, by their paths there.
    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let root = self.path(folder);
        let below = |path: &PathBuf| Some(path.strip_prefix(&root).ok()?.to_string_lossy().replace('\\', "/"));
        self.files().keys().filter_map(below).collect()
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect(name)
    }

    /// Gives a file another name.
    pub fn rename(self, from: &str, to: &str) -> Case {
        std::fs::rename(self.path(from), self.path(to)).expect(from);
        self
    }

    /// Removes a file.
    pub fn without(self, name: &str) -> Case {
        std::fs::remove_file(self.path(name)).expect(name);
        self
    }

    /// Replaces a text in a file.
    pub fn edit(self, name: &str, from: &str, to: &str) -> Case {
        let text = self.text(name);
        assert!(text.contains(from), "{name} has no {from}: {text}");
        self.file(name, text.replace(from, to))
    }

    /// Runs the program with `--json`, and reads what it prints.
    pub fn json(&self, line: &str, status: i32) -> serde_json::Value {
        let outcome = self.command(line).arg("--json").assert().code(status);
        let output = outcome.get_output();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }

    /// The program, ready to run in the folder with the words of a line.
    pub fn command(&self, line: &str) -> Command {
        program().current_dir(self.folder.path()).args(line.split_whitespace())
    }

    /// Runs the program.
    pub fn run(&self, line: &str) -> OutputAssert {
        self.command(line).assert()
    }

    /// Runs the program, which must leave every file as it was.
    pub fn run_untouched(&self, line: &str) -> OutputAssert {
        let before = self.files();
        let outcome = self.run(line);
        assert!(self.files() == before, "`{line}` changed a file: {:?}", self.names());
        outcome
    }
}

/// Where `.ci/coverage` has the program write which lines it has reached.
pub fn counted_in() -> Option<(&'static str, std::ffi::OsString)> {
    std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file))
}

/// The program without anything of the surroundings that could change what it prints.
pub fn program() -> Command {
    let mut redactions = Redactions::new();
    let mut hide = |name: &'static str, pattern: &str| {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        redactions.insert(name, pattern).expect("a name for what is hidden");
    };
    hide("[TIME]", r"Done in (?<redacted>[0-9.]+ m?s)");
    hide("[MS]", r"  (?<redacted>[0-9.]+ m?s)\n");
    hide("[VERSION]", r"SQLite (?<redacted>3\.\d+)");
    hide("[FULL_VERSION]", r#""sqlite": "(?<redacted>3\.[0-9.]+)""#);
    hide("[SIZE]", r"tables?, (?<redacted>[0-9.]+ [kM]B)");
    hide("[STAMP]", r"backup-(?<redacted>\d{8}T\d{6}Z(-\d+)?)");
    hide("[MOMENT]", r"(?<redacted>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)");
    Command::new(env!("CARGO_BIN_EXE_whimbrel"))
        .env_clear()
        .envs(counted_in())
        .with_assert(Assert::new().action_env("SNAPSHOTS").redact_with(redactions).normalize_paths(false))
}
