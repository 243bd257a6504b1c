//! What the tests share: databases in temporary folders, the reader of `testdata/scenarios`, and the oracle.

// Each test program uses its own part of this.
#![allow(dead_code, unused_imports)]

pub mod database;
pub mod host;
pub mod outcome;
pub mod scenario;
pub mod snapshot;

pub use whimbrel_oracle::{facts, rows};
