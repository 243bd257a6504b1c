//! Which database SQL is written for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// The database that a schema or a script is written for.
///
/// ```
/// use whimbrel_core::Dialect;
/// assert_eq!("PostgreSQL".parse::<Dialect>()?, Dialect::Postgres);
/// assert_eq!(Dialect::default(), Dialect::Sqlite);
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// SQLite.
    #[default]
    Sqlite,
    /// PostgreSQL, and PGlite, which is PostgreSQL in WebAssembly.
    Postgres,
}

impl Dialect {
    /// As it stands in journals, snapshots and options.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
        }
    }

    /// As it is called in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    /// Reads the name of a dialect, also as other tools write it.
    ///
    /// # Errors
    /// [`Code::Journal`] where it is none that is known here.
    fn from_str(text: &str) -> Result<Dialect, Error> {
        match text.to_ascii_lowercase().as_str() {
            "sqlite" | "turso" => Ok(Dialect::Sqlite),
            "postgres" | "postgresql" | "pglite" => Ok(Dialect::Postgres),
            _ => {
                Err(Error::new(Code::Journal, "this is no dialect that is known here").help("write sqlite or postgres"))
            }
        }
    }
}
