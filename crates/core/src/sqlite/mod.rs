//! SQLite: one file per stage.

pub(crate) mod dependents;
pub(crate) mod meaning;
pub mod read;
pub mod split;
pub mod token;
pub mod print;
pub mod types;
