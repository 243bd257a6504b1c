//! The engine of Whimbrel: schema model, diff, planner and the procedures that run a plan.
//!
//! Nothing in here does I/O, reads a clock, rolls dice or starts a runtime: hosts implement the
//! [`Connection`](run::Connection) trait, and the procedures ask them.

pub mod dialect;
pub mod diff;
pub mod error;
pub mod history;
pub mod lint;
pub mod plan;
#[doc(hidden)]
pub mod planted;
pub mod postgres;
pub mod run;
pub mod schema;
pub mod sqlite;
pub mod translate;

pub use dialect::Dialect;
pub use error::{Code, Error, Result, State};
pub use schema::Schema;
