//! `meta/_journal.json`: which migrations there are, in which order, and what they said when they were made.
//!
//! ```json
//! {
//!   "version": 1,
//!   "dialect": "sqlite",
//!   "entries": [
//!     { "idx": 1, "version": "0001", "name": "start", "when": "2026-11-21", "checksum": "…", "hash": "…" }
//!   ]
//! }
//! ```

use serde::{Deserialize, Serialize};

use super::{Checksum, Migration};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};

/// The format this version writes. It reads this one and all before.
pub const FORMAT: u32 = 1;

/// The journal of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The format of the journal itself.
    pub version: u32,
    /// The database the migrations are for.
    pub dialect: Dialect,
    /// The migrations, oldest first.
    pub entries: Vec<Entry>,
}

/// A migration in a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub idx: u32,
    /// Its version as in the name of its file.
    pub version: String,
    /// Its name.
    pub name: String,
    /// The day on which it was made. Not the time: the same input gives the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Of the script's canonical text.
    pub checksum: String,
    /// Of the file's exact bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Whether the migrations up to this one leave rows in a database that had none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seeds: bool,
    /// The migrations that it was squashed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub squashes: Vec<Entry>,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { version: FORMAT, dialect: Dialect::Sqlite, entries: Vec::new() }
    }
}

/// Whether git left the text half merged.
pub(crate) fn has_conflict(text: &str) -> bool {
    ["<<<<<<< ", "=======\n", ">>>>>>> "].iter().all(|mark| text.contains(mark))
}

impl Journal {
    /// The journal of these migrations, oldest first.
    pub fn new(dialect: Dialect, entries: Vec<Entry>) -> Journal {
        Journal { version: FORMAT, dialect, entries }
    }

    /// Reads a journal. `name` is what the file is called in messages.
    ///
    /// # Errors
    /// [`Code::Journal`] where it is none that this version reads; one that git left half merged is told apart.
    pub fn read(name: &str, text: &str) -> Result<Journal> {
        if has_conflict(text) {
            return Err(Error::new(Code::Journal, format!("{name} holds the conflict of a merge"))
                .help("`whimbrel migrate rebase` puts the migrations of both branches in order and writes it anew"));
        }
        #[derive(Deserialize)]
        struct Format {
            version: u32,
            #[serde(default)]
            dialect: String,
        }
        let unreadable = |e: serde_json::Error| {
            Error::new(Code::Journal, format!("{name} cannot be read"))
                .cause(e)
                .help("bring it back from version control, or write it anew with `whimbrel migrate repair`")
        };
        let format: Format = serde_json::from_str(text).map_err(unreadable)?;
        if format.version > FORMAT {
            let message = format!("{name} has format {}, and this version reads up to {FORMAT}", format.version);
            return Err(Error::new(Code::Journal, message).help("use the version of whimbrel that wrote it, or newer"));
        }
        if let Err(e) = format.dialect.parse::<Dialect>() {
            let error =
                Error::new(Code::Journal, format!("{name} is of {} migrations", format.dialect.escape_default()));
            return Err(e.report().help.iter().fold(error, Error::help));
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// The journal as JSON: an entry a line, so that two branches merge or conflict line by line.
    pub fn write(&self) -> String {
        let mut out = format!("{{\n  \"version\": {FORMAT},\n  \"dialect\": \"{}\",\n  \"entries\": [", self.dialect);
        for (n, entry) in self.entries.iter().enumerate() {
            out.push_str(if n == 0 { "\n    " } else { ",\n    " });
            // Texts and numbers: there is nothing in them that JSON cannot hold.
            out.push_str(&serde_json::to_string(entry).unwrap_or_default());
        }
        out.push_str(if self.entries.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        out
    }
}

impl Entry {
    /// The entry of a migration that was made on `when`.
    pub fn of(migration: &Migration, when: Option<String>) -> Entry {
        Entry {
            idx: migration.idx,
            version: migration.version.clone().into_owned(),
            name: migration.name.clone().into_owned(),
            when,
            checksum: migration.checksum.to_string(),
            hash: Some(migration.hash.to_string()),
            seeds: migration.seeds,
            squashes: migration.replaces.iter().map(|m| Entry::of(m, None)).collect(),
        }
    }

    /// Version and name: `0003_add-users`.
    pub fn tag(&self) -> String {
        super::tag(&self.version, &self.name)
    }

    /// The checksum, where it is one.
    pub fn checksum(&self) -> Option<Checksum> {
        self.checksum.parse().ok()
    }
}
