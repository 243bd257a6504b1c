//! Settings of a session that a database, a role or an app may have changed, and that the work relies on.
//!
//! A constant is read and printed by them, a string ends where they say, rows are hidden, tables are made elsewhere,
//! triggers do not fire. So they are made in every session in which something is read, asked or executed, and put back
//! in one that is lent. Whether a server has a setting depends on its version: one that it has not is passed over.
//!
//! What compresses values is left as it is: it is no part of a schema, and the database's own affair.

use super::scratch::text;
use super::token::quote_literal;
use crate::error::{Code, Result, State};
use crate::run::{Connection, Failure, FailureKind};

/// What texts of a schema are printed by. The order of day and month stays the session's own.
pub(super) const PRINTING: [(&str, &str); 5] = [
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
];

/// What statements and questions rely on besides.
pub(super) const EXECUTING: [(&str, &str); 18] = [
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
    ("xmloption", "content"),
    ("row_security", "off"),
    ("check_function_bodies", "off"),
    ("session_replication_role", "origin"),
    ("default_tablespace", ""),
    ("default_table_access_method", "heap"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "0"),
    ("transaction_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("lo_compat_privileges", "off"),
];

/// Settings as they were found.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<(String, String)>);

/// A query that makes settings, and gives the name and the former value of each that was another. With `local` they hold
/// for the transaction that is open.
pub(super) fn making<'s>(settings: impl IntoIterator<Item = &'s (&'s str, &'s str)>, local: bool) -> String {
    let value = |(name, value): &(&str, &str)| format!("({}, {})", quote_literal(name), quote_literal(value));
    let values: Vec<String> = settings.into_iter().map(value).collect();
    // A subquery with OFFSET is not merged into the outer one: the former value is read first.
    format!(
        "SELECT s.name, s.former, pg_catalog.set_config(s.name, s.value, {local}) FROM (SELECT v.name, v.value, \
         pg_catalog.current_setting(v.name, true) AS former FROM (VALUES {}) v(name, value) OFFSET 0) s \
         WHERE s.former <> s.value",
        values.join(", ")
    )
}

/// Makes all settings, whatever the session's own are.
///
/// # Errors
/// [`Code::Setting`] where the role may not make one.
pub(super) async fn make<C: Connection>(connection: &mut C) -> Result<Found> {
    let sql = making(PRINTING.iter().chain(&EXECUTING), false);
    let failed = |f: Failure| match f.kind {
        FailureKind::Disconnected => f.error(Code::Database, "the settings of the session cannot be made"),
        _ => f
            .error(Code::Setting, "a setting that the work relies on cannot be made")
            .help("use a role that may make it, or change it for the role or the database"),
    };
    let rows = connection.query(&sql).await.map_err(failed)?;
    Ok(Found(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect()))
}

impl Found {
    /// Puts the settings back. An error of the work goes before one of that, and a connection that is gone has none.
    ///
    /// # Errors
    /// [`Code::NotRestored`] where they could not be put back on a connection that lives; `state` is then that of the
    /// database.
    pub(super) async fn put_back<C: Connection, T>(
        self,
        connection: &mut C,
        outcome: Result<T>,
        state: State,
    ) -> Result<T> {
        let former: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let restored = match former.is_empty() {
            true => Ok(Vec::new()),
            false => connection.query(&making(&former, false)).await,
        };
        match (outcome, restored) {
            (outcome, Ok(_)) => outcome,
            (outcome, Err(f)) if f.kind == FailureKind::Disconnected => outcome,
            (Err(e), Err(_)) => Err(e.help("settings of the connection could not be put back: open a new one")),
            (Ok(_), Err(f)) => {
                let message = "settings of the connection could not be put back";
                Err(f.error(Code::NotRestored, message).state(state).help("open a new connection"))
            }
        }
    }
}
