//! SQLite: one file per stage.

pub(crate) mod defaults;
pub(crate) mod dependents;
pub(crate) mod meaning;
pub(crate) mod plan;
pub mod print;
pub(crate) mod probe;
pub mod read;
pub(crate) mod rebuild;
pub mod split;
pub(crate) mod statement;
pub(crate) mod strategy;
pub mod token;
pub mod types;
pub(crate) mod virtual_tables;
