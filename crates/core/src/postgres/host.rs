//! What the procedures for PostgreSQL need of a host besides requests: another database, waiting, and chance.
//!
//! The core has no clock, no randomness and opens no connection. A host has all three, and lends them here. Every value
//! of a row arrives as [`Value::Text`](crate::run::Value::Text) or [`Value::Null`](crate::run::Value::Null): requests
//! are made by the simple query protocol, which knows no other form and passes through every pooler.

use std::future::Future;
use std::time::Duration;

use crate::run::{Connection, Failure};

/// A PostgreSQL connection as the procedures need it: besides requests, a way to other databases of the same server,
/// waiting, and chance.
pub trait Host: Connection {
    /// A connection to another database of the same server.
    type Other: Connection;

    /// Connects to another database of the same server, with the same role.
    ///
    /// # Errors
    /// A host that was given only a client has no address to connect to: it fails with
    /// [`FailureKind::NotPermitted`](crate::run::FailureKind::NotPermitted), as a role does that may not connect.
    fn connect(&mut self, database: &str) -> impl Future<Output = Result<Self::Other, Failure>>;

    /// Waits.
    fn wait(&mut self, time: Duration) -> impl Future<Output = ()>;

    /// A number that no other process is likely to have: for the names of scratch databases, and for jitter.
    fn chance(&mut self) -> u64;
}
