//! A hash of what a schema means.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Meaning, Schema};
use crate::sqlite::token::quote_name;

/// The SHA-256 of a schema's meaning.
///
/// White space, comments, quoting style, keyword case, the order of objects, columns and constraints, and stable ids
/// do not count: a column that was added last and one declared in the middle give the same fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Schema {
    /// The hash of what this schema means.
    ///
    /// ```
    /// use whimbrel_core::Schema;
    /// let a = Schema::from_sql("CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT)")?;
    /// let b = Schema::from_sql("create table [users] ( -- people\n name text, \"id\" integer primary key );")?;
    /// assert_eq!(a.fingerprint(), b.fingerprint());
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn fingerprint(&self) -> Fingerprint {
        let mut lines: Vec<String> = Vec::new();
        let mut add = |kind: &str, name: &str, meaning: String| {
            lines.push(format!("{kind} {} {meaning}", quote_name(name)));
        };
        self.tables.iter().for_each(|t| add("table", &t.name, t.meaning()));
        self.virtual_tables.iter().for_each(|t| add("table", &t.name, t.meaning()));
        // Names of these are compared without case everywhere, so they are hashed without it.
        self.indexes.iter().for_each(|i| add("index", &super::fold(&i.name), i.meaning()));
        self.views.iter().for_each(|v| add("view", &super::fold(&v.name), v.meaning()));
        self.triggers.iter().for_each(|t| add("trigger", &super::fold(&t.name), t.meaning()));
        lines.sort();
        let mut hash = Sha256::new();
        hash.update(b"whimbrel schema 1\n");
        for line in lines {
            hash.update(line.as_bytes());
            hash.update(b"\n");
        }
        Fingerprint(hash.finalize().into())
    }
}
