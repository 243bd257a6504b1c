//! What a database holds, asked of SQLite alone.
//!
//! Tests compare what the engine has done with what this crate says. It depends on no other crate of the workspace, so it
//! can share no mistake with them.

pub mod affinity;
pub mod facts;
mod image;
pub mod rows;
pub mod words;

pub use image::{Cell, Image, Object, Side, damage};

/// A name in double quotes.
///
/// ```
/// assert_eq!(whimbrel_oracle::quoted("a \"b\""), "\"a \"\"b\"\"\"");
/// ```
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
