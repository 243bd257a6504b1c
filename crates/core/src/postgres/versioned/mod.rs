//! Versioned migrations on PostgreSQL: upgrades, ways back and adoption.
//!
//! The values are those of [`history`](crate::history), the same as for SQLite; what is done on a server is another:
//!
//! - one run at a time, by the advisory lock of [`session`](super::session);
//! - each migration is committed by itself, so that locks are short; its record is written with its last phase, and the
//!   number of its phases that are done with every other one, so that an interrupted run goes on;
//! - locks are waited for so long as [`RunSettings::lock_timeout`](super::run::RunSettings) says, and tried again;
//! - a new database runs all migrations: what a schema does not hold, such as rights, stands in them only;
//! - what they should make is worked out in a scratch place of the same server, and compared before the last commit.
//!
//! **Invariant:** the record of a migration is written in the transaction of what it records.
//! **Invariant:** settings of the session that a script changes are put back before the next one.

mod alone;
mod baseline;
mod downgrade;
mod of_server;
mod phases;
mod replay;
mod tracking;
mod upgrade;
mod verify;

pub use baseline::{Baseline, baseline, find_version, read_other_tool, repair_records};
pub use downgrade::downgrade;
pub use replay::{replay, replay_each};
pub use tracking::{count, forgetting, home, read_tracking};
pub use upgrade::{is_unchanged, read_drift, upgrade};
pub use verify::{Way, WayKind, verify};
