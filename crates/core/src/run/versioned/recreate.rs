//! Databases that hold nothing of their own: caches, and copies of what a server has. On any difference they are made
//! anew, in one transaction.
//!
//! **Invariant:** only a database that was empty when it was first opened this way, and has carried the mark of it
//! since, is ever emptied.

use std::future::Future;

use super::downgrade::still_same;
use super::tracking::{Tracking, begin, create_tables, read_state, read_tracking, seal};
use super::{Hooks, Moment};
use crate::diff::{Answers, Change, Options, diff, differences};
use crate::error::{Code, Error, Result};
use crate::history::{Checksum, State, stamp};
use crate::run::apply::{finish, restore, set_up, still_open};
use crate::run::inspect::{header, read_live};
use crate::run::prepare::outside_transactions;
use crate::run::{Connection, Failure, FailureKind};
use crate::schema::{Schema, same_name};
use crate::sqlite::print;

/// The name of this strategy in the state.
pub const DISPOSABLE: &str = "disposable";

/// What making a database anew has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recreation {
    /// Whether the database was new.
    pub created: bool,
    /// The tables that were made anew and are empty, unless the app has filled them.
    pub tables: Vec<String>,
}

/// The head that stands for a declared schema, and for how the database is kept, in the stamp.
fn head(schema: &Schema, strategy: &str) -> Checksum {
    Checksum(schema.fingerprint().0).then(&Checksum::of_bytes(strategy.as_bytes()))
}

/// Whether the record says that a database is kept this way and has this schema: what the header says where the app
/// does not use it for itself.
pub fn is_kept(tracking: &Tracking, schema: &Schema, strategy: &str) -> bool {
    let is_ours = tracking.state.as_ref().is_some_and(|state| state.strategy == strategy);
    is_ours && stamp::matches(tracking.stamp(), 0, &head(schema, strategy), tracking.header.cookie)
}

/// Fills a table that was made anew.
pub trait Refill<C: Connection> {
    /// Fills the table of this name, inside the transaction.
    ///
    /// # Errors
    /// Whatever it fails with; the database stays as it was.
    fn fill(&mut self, conn: &mut C, table: &str) -> impl Future<Output = Result<()>>;
}

/// Nothing is filled in.
impl<C: Connection> Refill<C> for () {
    async fn fill(&mut self, _: &mut C, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Makes what differs from the schema anew; the rows of those tables are gone. `refill` is called for each table that
/// was made, inside the transaction, and fills it. Tables that are as declared keep their rows.
///
/// # Errors
/// [`Code::NotDisposable`] where the database was not made this way.
pub async fn recreate<C: Connection>(conn: &mut C, schema: &Schema, refill: &mut impl Refill<C>) -> Result<Recreation> {
    outside_transactions(conn).await?;
    let header = header(conn).await?;
    if stamp::matches(header.user_version, 0, &head(schema, DISPOSABLE), header.cookie) {
        return Ok(Recreation::default());
    }
    let tracking = read_tracking(conn).await?;
    if is_kept(&tracking, schema, DISPOSABLE) {
        return Ok(Recreation::default());
    }
    let is_ours = tracking.state.as_ref().is_some_and(|state| state.strategy == DISPOSABLE);
    if !is_ours && !tracking.is_fresh() {
        return Err(Error::new(Code::NotDisposable, "the database was not made as one that may be emptied")
            .help("remove the file, if nothing in it is needed")
            .help("if its rows matter, use versioned migrations or auto-alter"));
    }
    let mut changed = Vec::new();
    let outcome = match set_up(conn, &mut changed).await {
        Err(e) => Err(e),
        Ok(()) => match begin(conn).await {
            Err(e) => Err(e),
            Ok(open) => {
                let outcome = async {
                    still_same(conn, &tracking).await?;
                    let tables = replace(conn, schema).await?;
                    for table in &tables {
                        refill.fill(conn, table).await.map_err(|e| e.object(table))?;
                        still_open(conn).await.map_err(|e| e.object(table))?;
                    }
                    check_keys(conn).await?;
                    let left = differences(&read_live(conn).await?.schema, schema);
                    if let Some(wrong) = left.wrong.iter().chain(&left.extra).next() {
                        let message = format!("the database is not as declared: {wrong}");
                        return Err(Error::new(Code::VerificationFailed, message));
                    }
                    create_tables(conn).await?;
                    let state = state(&tracking, DISPOSABLE, schema);
                    seal(conn, state, &tracking, true).await?;
                    Ok(tables)
                }
                .await;
                open.end(conn, outcome).await
            }
        },
    };
    let restored = restore(conn, &changed).await;
    let tables = finish(outcome, restored)?;
    Ok(Recreation { created: tracking.is_fresh(), tables })
}

/// Drops what is another or nobody's, and makes what is missing. Returns the tables that were made.
async fn replace<C: Connection>(conn: &mut C, schema: &Schema) -> Result<Vec<String>> {
    let live = read_live(conn).await?.schema;
    let mut answers = Answers::default();
    answers.drop_the_rest = true;
    let found = diff(&live, schema, &answers, &Options { strict_order: true })?;
    if found.changes.is_empty() {
        return Ok(Vec::new());
    }
    // Triggers and views first: they are made anew in any case, and nothing then depends on a table.
    for trigger in &live.triggers {
        execute(conn, &format!("DROP TRIGGER IF EXISTS {}", print::main(&trigger.name))).await?;
    }
    for view in &live.views {
        execute(conn, &format!("DROP VIEW IF EXISTS {}", print::main(&view.name))).await?;
    }
    let mut made = Vec::new();
    for change in &found.changes {
        match change {
            Change::DropTable(table) => drop_table(conn, &table.name).await?,
            Change::AlterTable(change) => {
                drop_table(conn, &change.before.name).await?;
                made.push(change.after.name.clone());
            }
            Change::CreateTable(table) => made.push(table.name.clone()),
            Change::DropVirtualTable(table) => drop_table(conn, &table.name).await?,
            Change::AlterVirtualTable { before, after } => {
                drop_table(conn, &before.name).await?;
                made.push(after.name.clone());
            }
            Change::CreateVirtualTable(table) => made.push(table.name.clone()),
            Change::DropIndex(index) | Change::AlterIndex { before: index, .. } => {
                execute(conn, &format!("DROP INDEX IF EXISTS {}", print::main(&index.name))).await?;
            }
            Change::CreateIndex(_)
            | Change::CreateView(_)
            | Change::DropView(_)
            | Change::AlterView { .. }
            | Change::CreateTrigger(_)
            | Change::DropTrigger(_)
            | Change::AlterTrigger { .. } => {}
        }
    }
    let is_made = |name: &str| made.iter().any(|table| same_name(table, name));
    for table in schema.tables.iter().filter(|table| is_made(&table.name)) {
        execute(conn, &print::create_table(table, &table.name)).await?;
    }
    for table in schema.virtual_tables.iter().filter(|table| is_made(&table.name)) {
        execute(conn, &print::create_virtual_table(table, &table.name)).await?;
    }
    let indexes = read_live(conn).await?.schema.indexes;
    for index in schema.indexes.iter().filter(|i| !indexes.iter().any(|there| same_name(&there.name, &i.name))) {
        execute(conn, &print::create_index(index)).await?;
    }
    for view in &schema.views {
        execute(conn, &print::create_view(view)).await?;
    }
    for trigger in &schema.triggers {
        execute(conn, &print::create_trigger(trigger)).await?;
    }
    Ok(made)
}

async fn drop_table<C: Connection>(conn: &mut C, name: &str) -> Result<()> {
    execute(conn, &format!("DROP TABLE {}", print::main(name))).await
}

async fn execute<C: Connection>(conn: &mut C, sql: &str) -> Result<()> {
    let failed = |f: Failure| f.error(Code::StatementFailed, "the database cannot be made anew").statement(sql);
    still_open(conn).await?;
    conn.execute(sql).await.map(|_| ()).map_err(failed)
}

/// A table that kept its rows may refer to one that has lost them.
async fn check_keys<C: Connection>(conn: &mut C) -> Result<()> {
    let sql = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1";
    let rows = match conn.query(sql).await {
        // A key that refers to nothing unique, as declared: SQLite itself refuses to check it.
        Err(failure) if failure.kind == FailureKind::Statement => Vec::new(),
        outcome => outcome.map_err(|f| f.error(Code::Database, "the foreign keys cannot be checked"))?,
    };
    match rows.first().and_then(|row| row.first()?.text().map(str::to_owned)) {
        None => Ok(()),
        Some(table) => {
            let message = format!("rows of {table} refer to rows that are gone, and were not filled in again");
            Err(Error::new(Code::RowsDoNotFit, message)
                .object(table)
                .help("fill the table that they refer to in the Refill hook"))
        }
    }
}

fn state(tracking: &Tracking, strategy: &str, schema: &Schema) -> State {
    State {
        strategy: strategy.to_owned(),
        idx: 0,
        head: head(schema, strategy),
        attempts: 0,
        attempted: String::new(),
        ..tracking.state.clone().unwrap_or_default()
    }
}

/// Whether the header says that a database kept as declared has this schema; where the app uses the header for itself,
/// the one row of the record says it.
///
/// # Errors
/// Where the header cannot be read.
pub async fn is_as_declared<C: Connection>(conn: &mut C, schema: &Schema, strategy: &str) -> Result<bool> {
    let header = header(conn).await?;
    if stamp::matches(header.user_version, 0, &head(schema, strategy), header.cookie) {
        return Ok(true);
    }
    Ok(is_kept(&read_state(conn).await?, schema, strategy))
}

/// What stands in the state from the moment a database is begun until it is complete.
pub(super) const BEGUN: &str = "begun";

/// Notes that a database is about to be made, so that one which was stopped half way is told from one that was there.
///
/// # Errors
/// Whatever the database answers.
pub async fn begin_keeping<C: Connection>(conn: &mut C, strategy: &str) -> Result<()> {
    let tracking = read_tracking(conn).await?;
    let open = begin(conn).await?;
    let outcome = async {
        still_same(conn, &tracking).await?;
        create_tables(conn).await?;
        let state = State { attempted: BEGUN.to_owned(), ..state(&tracking, strategy, &Schema::default()) };
        seal(conn, state, &tracking, true).await.map(|_| ())
    }
    .await;
    open.end(conn, outcome).await
}

/// Whether a database was begun and never completed, or not even begun.
pub fn is_being_made(tracking: &Tracking) -> bool {
    tracking.is_fresh() || tracking.state.as_ref().is_some_and(|state| state.attempted == BEGUN)
}

/// Notes that a database has this schema, and by which strategy it is kept, so that the next start knows it from the
/// header. Where it is new, the app does its part first, in the same transaction.
///
/// # Errors
/// [`Code::NotTracked`] where it is kept in another way.
pub async fn keep<C: Connection, H: Hooks<C>>(
    conn: &mut C,
    schema: &Schema,
    strategy: &str,
    hooks: &mut H,
) -> Result<()> {
    let tracking = read_tracking(conn).await?;
    check_strategy(&tracking, strategy)?;
    let open = begin(conn).await?;
    let outcome = async {
        still_same(conn, &tracking).await?;
        if is_being_made(&tracking) {
            hooks.at(conn, Moment::Created).await?;
        }
        create_tables(conn).await?;
        seal(conn, state(&tracking, strategy, schema), &tracking, true).await.map(|_| ())
    }
    .await;
    open.end(conn, outcome).await
}

/// Refuses a database that is kept in another way.
///
/// # Errors
/// [`Code::NotTracked`].
pub fn check_strategy(tracking: &Tracking, strategy: &str) -> Result<()> {
    match &tracking.state {
        Some(state) if state.strategy != strategy => {
            let message = format!("the database is kept as {}, and not as {strategy}", state.strategy);
            Err(Error::new(Code::NotTracked, message).help("open it the way it was made"))
        }
        _ => Ok(()),
    }
}
