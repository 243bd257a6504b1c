//! Statements of migrations, one by one: run, counted, and told with their place in the file where they fail.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::history::Migration;
use crate::planted::{self, Planted};
use crate::run::apply::{cancelled, still_open};
use crate::run::inspect::one_integer;
use crate::run::{Cancel, Connection, Event, Failure, FailureKind, Observer};
use crate::schema;
use crate::sqlite::print::main;
use crate::sqlite::token::{Token, TokenKind, tokenize};

pub(super) async fn in_transaction<C: Connection>(conn: &mut C, migration: &Migration) -> Result<()> {
    still_open(conn).await.map_err(|e| e.migration(migration.tag()))
}

/// Runs statements one by one, in the open transaction or, where they stand `alone`, in none; each leaves that as it is.
pub(super) async fn run_statements<'s, C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    migration: &Migration,
    statements: impl Iterator<Item = &'s Range<usize>>,
    of: usize,
    alone: bool,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    if !alone {
        in_transaction(conn, migration).await?;
    }
    for (n, range) in statements.enumerate() {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        conn.execute(&migration.up[range.clone()]).await.map_err(|f| failed(migration, range, &f))?;
        let after = conn.in_transaction().await.map_err(|f| failed(migration, range, &f))?;
        if after == alone && !planted::is(Planted::AutocommitNotAsked) {
            return Err(Error::new(Code::TransactionLost, "the transaction ended in the middle of the run")
                .migration(migration.tag())
                .statement(&migration.up[range.clone()]));
        }
        observer.event(&Event::Statement { number: n + 1, of });
    }
    Ok(())
}

/// Runs a statement again and again until it changes no row.
pub(super) async fn backfill<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    migration: &Migration,
    range: &Range<usize>,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    let sql = &migration.up[range.clone()];
    let most = most_changes(conn, sql).await;
    let mut done = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(cancelled().help("what is done so far stays, and the next run goes on behind it"));
        }
        // A statement by itself is a transaction of its own.
        let before = one_integer(conn, "SELECT total_changes()").await?;
        conn.execute(sql).await.map_err(|f| failed(migration, range, &f))?;
        let rows = one_integer(conn, "SELECT total_changes()").await? - before;
        if rows <= 0 {
            return Ok(());
        }
        done += rows.unsigned_abs();
        if most.is_some_and(|most| done > most) {
            let message =
                format!("{}: a back-fill does not come to its end: it has changed {done} rows", migration.path);
            return Err(Error::new(Code::StatementFailed, message)
                .migration(migration.tag())
                .statement(sql)
                .help("its WHERE must leave out the rows that are done"));
        }
        observer.event(&Event::Portion { rows: done });
    }
}

/// More changes than a back-fill of this table can need, with those that triggers make: each row is changed once. None
/// where that cannot be told.
async fn most_changes<C: Connection>(conn: &mut C, sql: &str) -> Option<u64> {
    let table = changed_table(sql)?;
    let rows = one_integer(conn, &format!("SELECT count(*) FROM {}", main(&table))).await.ok()?;
    Some(rows.unsigned_abs().saturating_mul(20).saturating_add(100_000))
}

/// The table of an UPDATE or a DELETE.
fn changed_table(sql: &str) -> Option<String> {
    let tokens = tokenize(sql).ok()?;
    let mut words = tokens.iter().filter(|token| token.kind != TokenKind::Comment).peekable();
    let is = |token: &Token, word: &str| token.is(sql, word);
    words.next_if(|t| is(t, "update") || is(t, "delete"))?;
    if words.next_if(|t| is(t, "or")).is_some() {
        words.next();
    }
    words.next_if(|t| is(t, "from"));
    words.next_if(|t| is(t, "main"));
    words.next_if(|t| is(t, "."));
    words.next()?.name(sql)
}

/// A failed statement of a migration, with its place in the file.
pub(super) fn failed(migration: &Migration, range: &Range<usize>, failure: &Failure) -> Error {
    failed_in(&migration.path, &migration.up, range, failure).migration(migration.tag())
}

/// A failed statement, with its place in a text.
pub(crate) fn failed_in(path: &str, text: &str, range: &Range<usize>, failure: &Failure) -> Error {
    let sql = &text[range.clone()];
    let source = schema::Source { name: path.to_owned(), text: text.to_owned() };
    // SQLite says where in the statement, at times; a statement over many lines is not underlined whole.
    let start = range.start + failure.offset.filter(|at| sql.is_char_boundary(*at)).unwrap_or(0);
    let line = text[start..range.end].find('\n').map_or(range.end, |n| start + n);
    let origin = schema::Origin { source: Some(Arc::new(source)), range: start..line };
    let (code, message) = match failure.kind {
        FailureKind::Constraint => (Code::RowsDoNotFit, format!("{path}: rows do not fit")),
        _ => (Code::StatementFailed, format!("{path}: a statement failed")),
    };
    let error = failure.error(code, message).statement(sql).at(&origin, failure.message.clone());
    match failure.message.starts_with("no such function") {
        true => {
            error.help("register it on the connection first; outside of the app there are only SQLite's own functions")
        }
        false => error,
    }
}
