//! What migrations make of an empty database, worked out in a scratch place of the same server.

use std::collections::BTreeSet;

use super::of_server::{is_of_server, new_role, without};
use super::tracking::visible;
use crate::error::{Code, Error, Result};
use crate::history::script::{PhaseKind, Script};
use crate::history::{History, Migration, Model, Outcome};
use crate::postgres::host::Host;
use crate::postgres::schema::{self, Schema};
use crate::postgres::scratch::{Place, Scratch, text};
use crate::postgres::statement::Statement;
use crate::postgres::token::{Token, TokenKind, tokenize};
use crate::run::{Failure, failed_in};

/// Runs a history in an empty place.
///
/// # Errors
/// [`Code::StatementFailed`] with the migration and the place in its file; where no place can be made.
pub async fn replay<H: Host>(host: &mut H, scratch: Scratch<'_, H>, history: &History) -> Result<Outcome> {
    let mut place = Place::open(host, scratch).await?;
    let outcome: Result<Outcome> = async {
        let mut trial = Trial::default();
        for migration in history.migrations.iter() {
            trial.execute(&mut place, migration).await?;
        }
        let schema = place.read().await?;
        let seeds = has_rows(&mut place, &schema).await?;
        Ok(Outcome { schema: schema.into(), seeds })
    }
    .await;
    let closed = place.close().await;
    let outcome = outcome?;
    closed?;
    Ok(outcome)
}

/// Runs a history as [`replay`] does, each migration as it was made, and hands over the schema after every one.
///
/// # Errors
/// As [`replay`].
pub async fn replay_each<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    mut each: impl FnMut(&Migration, Schema) + Send,
) -> Result<()> {
    let mut place = Place::open(host, scratch).await?;
    let outcome: Result<()> = async {
        let mut trial = Trial::default();
        for migration in as_made(history) {
            trial.execute(&mut place, migration).await?;
            each(migration, place.read().await?);
        }
        Ok(())
    }
    .await;
    let closed = place.close().await;
    outcome?;
    closed
}

/// The migrations of a history as they were made; a squash whose originals were thrown away stands for them.
pub(super) fn as_made(history: &History) -> impl Iterator<Item = &Migration> {
    history.migrations.iter().flat_map(|migration| {
        let is_there = migration.originals().all(|original| !original.path.is_empty());
        let (originals, itself) = match is_there {
            true => (Some(migration.originals()), None),
            false => (None, Some(migration)),
        };
        originals.into_iter().flatten().chain(itself)
    })
}

/// The schema that a database of these migrations has: the snapshot's, where there is one.
pub(super) async fn expected<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    ignore: &[String],
) -> Result<Model> {
    let Some(snapshot) = &history.snapshot else {
        let made = replay(host, scratch, history).await?.schema;
        return Ok(match made {
            Model::Postgres(schema) => visible(*schema, ignore).into(),
            other => other,
        });
    };
    let statements: Vec<String> = snapshot.statements.iter().map(|sql| sql.to_string()).collect();
    let mut place = Place::open(host, scratch).await?;
    let outcome: Result<Schema> = async {
        if let Err((at, failure)) = place.execute_all(&statements).await {
            let sql = statements.get(at).map(String::as_str).unwrap_or_default();
            return Err(failure.error(Code::Snapshot, "the snapshot does not fit this server").statement(sql));
        }
        place.read().await
    }
    .await;
    let closed = place.close().await;
    let schema = outcome?;
    closed?;
    Ok(visible(schema, ignore).into())
}

/// Runs scripts in a place to try things in.
///
/// What is the server's and not the database's would be done for good there, and for others: it is passed over, and so
/// is what needs a role that would have been made.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// Roles that were not made.
    roles: BTreeSet<String>,
}

impl Trial {
    /// Runs a migration's script.
    pub(super) async fn execute<H: Host>(&mut self, place: &mut Place<'_, H>, migration: &Migration) -> Result<()> {
        let script = migration.script().map_err(|e| e.migration(migration.tag()))?;
        self.script(place, migration, &migration.path, &migration.up, &script).await
    }

    /// Runs the script that undoes it, where there is one.
    pub(super) async fn execute_down<H: Host>(
        &mut self,
        place: &mut Place<'_, H>,
        migration: &Migration,
    ) -> Result<()> {
        let Some(down) = &migration.down else { return Ok(()) };
        let path = format!("{}.down.sql", migration.tag());
        let script = Script::read(&path, migration.dialect, down, migration.transaction);
        let script = script.map_err(|e| e.migration(migration.tag()))?;
        self.script(place, migration, &path, down, &script).await
    }

    async fn script<H: Host>(
        &mut self,
        place: &mut Place<'_, H>,
        migration: &Migration,
        path: &str,
        text: &str,
        script: &Script,
    ) -> Result<()> {
        // A script may have set a path or another setting, which the next one does not expect.
        place.prepare().await?;
        let mut ranges = Vec::new();
        let mut statements = Vec::new();
        for phase in &script.phases {
            for range in &phase.statements {
                let sql = &text[range.clone()];
                let read = Statement::read(sql);
                if is_of_server(&read, sql) {
                    self.roles.extend(new_role(&read, sql));
                    continue;
                }
                ranges.push(range);
                let block = without(&read, sql);
                if let Some((_, roles)) = &block {
                    self.roles.extend(roles.iter().cloned());
                }
                let sql = block.as_ref().map_or(sql, |(sql, _)| sql);
                statements.push(match phase.kind {
                    PhaseKind::Backfill => repeated(sql),
                    PhaseKind::Transaction | PhaseKind::NoTransaction => in_transaction(sql),
                });
            }
        }
        let mut from = 0;
        while let Err((at, failure)) = place.execute_all(&statements[from..]).await {
            let Some(range) = ranges.get(from + at) else {
                return Err(failure.error(Code::StatementFailed, format!("{path} cannot be tried out")));
            };
            if !self.is_about_role(&failure, &text[(*range).clone()]) {
                return Err(failed_in(path, text, range, &failure).migration(migration.tag()));
            }
            from += at + 1;
        }
        Ok(())
    }

    /// Whether a statement failed for want of a role that was not made.
    fn is_about_role(&self, failure: &Failure, sql: &str) -> bool {
        let names = |token: &Token| token.name(sql).is_some_and(|name| self.roles.contains(&name));
        failure.sqlstate.as_deref() == Some("42704") && tokenize(sql).unwrap_or_default().iter().any(names)
    }
}

/// A statement that is executed until it changes no row.
fn repeated(sql: &str) -> String {
    let tag = (0..).map(|n| format!("$whimbrel{n}$")).find(|tag| !sql.contains(tag.as_str())).unwrap_or_default();
    format!(
        "DO {tag} DECLARE _whimbrel_rows bigint; BEGIN FOR _whimbrel_time IN 1..1000000 LOOP {sql}\n; \
         GET DIAGNOSTICS _whimbrel_rows = ROW_COUNT; EXIT WHEN _whimbrel_rows = 0; END LOOP; END {tag}"
    )
}

/// A statement as it can be tried out where nobody else is, and perhaps in a transaction.
fn in_transaction(sql: &str) -> String {
    let tokens = tokenize(sql).unwrap_or_default();
    let mut words = tokens.iter().filter(|token| token.kind != TokenKind::Comment);
    let first = words.next();
    let is = |words: &[&str]| first.is_some_and(|token| words.iter().any(|word| token.is(sql, word)));
    if is(&["vacuum"]) {
        return "SELECT 1".to_owned();
    }
    let concurrently = words.find(|token| token.kind == TokenKind::Word && token.is(sql, "concurrently"));
    match concurrently.filter(|_| is(&["create", "drop", "reindex", "alter", "refresh"])) {
        Some(token) => format!("{}{}", &sql[..token.range.start], &sql[token.range.end..]),
        None => sql.to_owned(),
    }
}

async fn has_rows<H: Host>(place: &mut Place<'_, H>, schema: &Schema) -> Result<bool> {
    let is_read = |kind: schema::Kind| matches!(kind, schema::Kind::Table);
    let tables: Vec<String> = schema
        .objects
        .keys()
        .filter(|id| is_read(id.kind))
        .map(|id| format!("EXISTS (SELECT 1 FROM {})", id.sql()))
        .collect();
    for terms in tables.chunks(100) {
        let sql = format!("SELECT {}", terms.join(" OR "));
        let failed = |f: Failure| f.error(Code::Database, "the rows that migrations leave cannot be read");
        let rows = place.query(&sql).await.map_err(failed)?;
        if rows.first().is_some_and(|row| text(row, 0) == "t") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why what migrations make could not be worked out, where that is no mistake of theirs.
pub(super) fn is_about_place(error: &Error) -> bool {
    matches!(error.code(), Code::NotPermitted | Code::Busy | Code::TransactionOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrently_is_left_out() {
        assert_eq!(in_transaction("CREATE INDEX CONCURRENTLY a ON b(c)"), "CREATE INDEX  a ON b(c)");
        assert_eq!(in_transaction("DROP INDEX concurrently a"), "DROP INDEX  a");
        assert_eq!(in_transaction("INSERT INTO a VALUES ('CONCURRENTLY')"), "INSERT INTO a VALUES ('CONCURRENTLY')");
        assert_eq!(in_transaction("CREATE INDEX \"concurrently\" ON b(c)"), "CREATE INDEX \"concurrently\" ON b(c)");
        assert_eq!(in_transaction("VACUUM b"), "SELECT 1");
    }
}
