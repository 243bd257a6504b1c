//! What the tests share: databases in temporary folders, the reader of `testdata/scenarios`, and an oracle that asks
//! SQLite itself, never the engine, what a database holds.

// Each test program uses its own part of this.
#![allow(dead_code)]

pub mod database;
pub mod facts;
pub mod outcome;
pub mod rows;
pub mod scenario;
pub mod snapshot;
pub mod words;
