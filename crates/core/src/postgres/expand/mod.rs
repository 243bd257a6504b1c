//! Expand and contract: a change in two phases, for a server that has old and new clients at the same time.
//!
//! The declared schema stays one, and the stages stay those of every plan. What is other is the target: not the declared
//! schema, but one that serves the clients of both, until the last old one is gone.
//!
//! ```text
//! live ─┐
//!       ├→ mix → the schema that serves both → diff → plan → run     push --expand --client 12
//! declared ─┘
//! live, record → what is kept still → declared → diff → plan → run   push --contract --oldest-client 13
//! ```
//!
//! | stage | file |
//! |---|---|
//! | two schemas → the one that serves the clients of both, and what of it only old clients need | `mix` |
//! | what is kept for old clients, in the database and as a value | `record` |
//! | the triggers that keep the columns of old and new clients in step | `trigger` |
//! | the steps for both, and what is verified before they go | `own` |
//!
//! **Invariant:** a database that is not expanded holds nothing of this, and one that is says so itself.
//! **Invariant:** nothing that the record says is kept goes in a plan that does not contract.

pub mod mix;
pub mod own;
pub mod record;
pub mod trigger;

use crate::error::{Code, Error, Result};
use crate::postgres::schema::{Kind, ObjectId};
use crate::postgres::scratch::text;
use crate::postgres::token::{quote_literal, quote_name};
use crate::run::{Connection, Failure};
use record::{Kept, Record, Release, What};
use std::collections::BTreeMap;

/// The schema that holds what Whimbrel keeps in an expanded database. It is out of sight for everything else.
pub const OWN: &str = "_whimbrel";

/// Which phase a plan is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// Neither: the database becomes what is declared.
    #[default]
    Plain,
    /// What only adds is done; what old clients need stays.
    Expand {
        /// The newest release of clients that know nothing of the declared schema.
        client: Release,
    },
    /// What no client needs any more goes.
    Contract {
        /// The oldest release that is still about.
        oldest: Release,
    },
}

/// A range of releases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clients {
    /// The oldest one; none where there is no limit.
    pub from: Option<Release>,
    /// The newest one; none where there is no limit.
    pub to: Option<Release>,
}

/// What a plan means for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Which phase it is.
    pub action: Action,
    /// Who is served while it runs, and where it stops half way.
    pub meanwhile: Clients,
    /// Who is served when it is done.
    pub afterwards: Clients,
    /// What is kept when it is done, and the newest release that needs it.
    pub kept: Vec<(String, Release)>,
    /// What is declared and waits for the contraction.
    pub later: Vec<String>,
}

impl Phase {
    /// The phase of a plan after which `record` is what is kept.
    pub fn new(action: Action, before: &Record, record: &Record, later: Vec<String>) -> Phase {
        let kept = record.kept.iter().map(|kept| (kept.shown(), kept.client)).collect();
        let all = Clients::default();
        let (meanwhile, afterwards) = match action {
            Action::Plain => (all, all),
            Action::Expand { client } => (Clients { to: Some(client), ..all }, all),
            Action::Contract { .. } => {
                let going = before.kept.iter().filter(|kept| !record.kept.contains(kept));
                let from = going.map(|kept| kept.client.saturating_add(1)).max();
                (Clients { from, ..all }, Clients { from, ..all })
            }
        };
        Phase { action, meanwhile, afterwards, kept, later }
    }
}

impl std::fmt::Display for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.write_str("all clients"),
            (Some(from), None) => write!(f, "clients from {from} on"),
            (None, Some(to)) => write!(f, "clients up to {to}"),
            (Some(from), Some(to)) => write!(f, "clients from {from} to {to}"),
        }
    }
}

/// What is kept and what goes, where `oldest` is the oldest release that is still about.
///
/// # Errors
/// [`Code::StillNeeded`] where all that is kept is needed, [`Code::NotFilledIn`] where the expansion stopped half way.
pub fn contract(record: &Record, oldest: Release) -> Result<Record> {
    let (stay, going): (Vec<Kept>, Vec<Kept>) = record.kept.iter().cloned().partition(|kept| kept.client >= oldest);
    if going.is_empty() && !stay.is_empty() {
        let error = Error::new(Code::StillNeeded, format!("clients from {oldest} on still need what would go"));
        let error = stay.iter().fold(error, |error, kept| {
            error.help(format!("{} is needed by clients up to {}", kept.shown(), kept.client))
        });
        let newest = stay.iter().map(|kept| kept.client).min().unwrap_or_default();
        return Err(error.help(format!("contract when the oldest client is {} or newer", newest.saturating_add(1))));
    }
    if let Some(kept) = going.iter().find(|kept| !kept.is_filled()) {
        let message = format!("{}: not all rows are filled in", kept.shown());
        return Err(
            Error::new(Code::NotFilledIn, message).help("finish the expansion first: push it again with --expand")
        );
    }
    Ok(Record { kept: stay })
}

/// Why a contraction is refused whose declared schema is not the one that was expanded to: it would take away what clients
/// from `oldest` on have. None where it only ends what was begun.
pub fn not_expanded(record: &Record, mixed: &mix::Mixed, oldest: Release) -> Option<Error> {
    let is_kept = |kept: &Kept| record.kept.iter().any(|own| own.what == kept.what);
    let new: Vec<&Kept> = mixed.record.kept.iter().filter(|kept| !is_kept(kept)).collect();
    let what = match (new.first(), mixed.obstacles.first()) {
        (Some(kept), _) => kept.shown(),
        (None, Some(obstacle)) => obstacle.report().message.clone(),
        (None, None) => return None,
    };
    let message = format!("the declared schema takes away what clients from {oldest} on need: {what}");
    let error = Error::new(Code::StillNeeded, message);
    let error = new.iter().skip(1).take(9).fold(error, |error, kept| error.help(format!("and {}", kept.shown())));
    Some(
        error
            .help("contract with the schema that was expanded to")
            .help(format!("or expand to this one first: --expand --client {oldest}")),
    )
}

fn expanded(record: &Record, client: Release) -> Error {
    let message = format!("the database is expanded: clients up to {client} are still served");
    let error = Error::new(Code::Expanded, message);
    record.kept.iter().take(10).fold(error, |error, kept| error.help(format!("kept: {}", kept.shown())))
}

/// Why a plan that knows nothing of phases is not made on an expanded database.
pub fn refusal(record: &Record) -> Error {
    let client = record.newest_client().unwrap_or_default();
    expanded(record, client)
        .help(format!("keep on serving them: --expand --client {client}"))
        .help(format!("or end it when they are gone: --contract --oldest-client {}", client.saturating_add(1)))
}

/// Refuses a database that is expanded: a migration knows nothing of what keeps the columns of old and new clients in
/// step, and could take away what that needs.
///
/// # Errors
/// [`Code::Expanded`]; [`Code::Database`] where the record cannot be read.
pub async fn refuse_expanded<C: Connection>(conn: &mut C) -> Result<()> {
    let record = Record::read(conn).await?;
    let Some(client) = record.newest_client() else { return Ok(()) };
    let end = format!("--contract --oldest-client {}", client.saturating_add(1));
    Err(expanded(&record, client).help(format!("migrations run when that is ended: whimbrel push {end}")))
}

/// How many rows are not in step, for each link that goes.
///
/// # Errors
/// [`Code::Database`] where they cannot be counted.
pub async fn out_of_step<C: Connection>(conn: &mut C, own: &own::Own<'_>) -> Result<Vec<Error>> {
    let mut wrong = Vec::new();
    for (table, link) in own.going() {
        let sql = trigger::out_of_step(table, link);
        let rows = conn.query(&sql).await;
        let rows = rows.map_err(|f| f.error(Code::Database, "the rows cannot be compared").statement(&sql))?;
        let count = rows.first().map(|row| text(row, 0)).unwrap_or_default();
        if count != "0" {
            let (old, new) = (&link.before.column, &link.after.column);
            let count = crate::plan::rows_text(count.parse().unwrap_or_default());
            let message = format!("{count} of {} hold another value in {old} than in {new}", table.shown());
            wrong.push(
                Error::new(Code::OutOfStep, message)
                    .object(table.shown())
                    .help("something has written them past the triggers: set one of the two columns right")
                    .help(format!("the rows are counted by: {sql}")),
            );
        }
    }
    Ok(wrong)
}

/// The statements that give roles the rights on what is new which they have on what it stands for: on a view under the
/// old name of a table, and on a column with a new name.
///
/// # Errors
/// [`Code::Database`] where the rights cannot be read.
pub async fn grants<C: Connection>(
    conn: &mut C,
    moved: &BTreeMap<ObjectId, ObjectId>,
    new: &[Kept],
) -> Result<Vec<String>> {
    let failed = |f: Failure| f.error(Code::Database, "the rights of clients cannot be read");
    let mut out = Vec::new();
    let role = "CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE \
                pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END";
    let old_name = |table: &ObjectId| {
        moved.iter().find(|(_, new)| *new == table).map_or_else(|| table.clone(), |(old, _)| old.clone())
    };
    for old in moved.keys() {
        let sql = format!(
            "SELECT {role}, x.privilege_type, x.is_grantable, NULL FROM pg_catalog.pg_class c \
             CROSS JOIN pg_catalog.aclexplode(c.relacl) x WHERE c.oid = {table}::pg_catalog.regclass \
             AND x.grantee <> c.relowner UNION ALL \
             SELECT {role}, x.privilege_type, x.is_grantable, pg_catalog.quote_ident(a.attname) \
             FROM pg_catalog.pg_attribute a CROSS JOIN pg_catalog.aclexplode(a.attacl) x \
             WHERE a.attrelid = {table}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped",
            table = quote_literal(&old.sql()),
        );
        for row in conn.query(&sql).await.map_err(failed)? {
            let columns = match text(&row, 3) {
                column if column.is_empty() => String::new(),
                column => format!(" ({column})"),
            };
            out.push(grant(&text(&row, 1), &columns, &old.sql(), &text(&row, 0), text(&row, 2) == "t"));
        }
    }
    for kept in new {
        let What::Column { table, column, twin: Some(twin), .. } = &kept.what else { continue };
        let sql = format!(
            "SELECT {role}, x.privilege_type, x.is_grantable FROM pg_catalog.pg_attribute a \
             CROSS JOIN pg_catalog.aclexplode(a.attacl) x WHERE a.attrelid = {}::pg_catalog.regclass \
             AND a.attname = {}",
            quote_literal(&old_name(table).sql()),
            quote_literal(column),
        );
        for row in conn.query(&sql).await.map_err(failed)? {
            let columns = format!(" ({})", quote_name(&twin.link.after.column));
            out.push(grant(&text(&row, 1), &columns, &table.sql(), &text(&row, 0), text(&row, 2) == "t"));
        }
    }
    debug_assert!(moved.keys().all(|id| id.kind == Kind::Table));
    Ok(out)
}

fn grant(right: &str, columns: &str, on: &str, role: &str, grantable: bool) -> String {
    let option = if grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {right}{columns} ON TABLE {on} TO {role}{option}")
}
