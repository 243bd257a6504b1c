//! Reports of upgrades, for apps whose users have agreed to send some.
//!
//! A report holds codes, numbers, hashes and durations: no SQL, no path, no name, no value. It is kept in the database
//! until it could be handed over, also over restarts; the newest twenty are kept. Without a sink nothing is written and
//! nothing is sent.

use std::error::Error as StdError;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use whimbrel_core::history::record::{IN_USER_VERSION, REPORTS};
use whimbrel_core::history::{History, stamp};
use whimbrel_core::run::{Tracking, Upgrade, UpgradeKind, block_on, read_tracking};
use whimbrel_core::sqlite::token::quote_text;
use whimbrel_core::{Code, Error, Result};

use crate::sqlite_host::{Sqlite, error, now};

/// The version of the format of [`UpgradeReport`].
const FORMAT: u32 = 1;

/// Reports that are kept while they cannot be handed over.
const KEPT: u32 = 20;

/// How an upgrade went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeReport {
    /// The version of this format.
    pub format: u32,
    /// `upgraded`, `created`, `downgraded`, `failed` or `held`.
    pub outcome: String,
    /// The code of the failure, such as `W0204`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The number of the newest migration before.
    pub from: u32,
    /// The number of the newest migration that the app knows.
    pub to: u32,
    /// The number of the migration that failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<u32>,
    /// The head of the app's history, as hexadecimal digits.
    pub head: String,
    /// How many migrations ran.
    pub migrations: usize,
    /// How long it took, in milliseconds.
    pub milliseconds: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The version of SQLite.
    pub sqlite: String,
    /// The version of Whimbrel.
    pub whimbrel: String,
}

impl UpgradeReport {
    pub(super) fn new(outcome: &str) -> UpgradeReport {
        UpgradeReport {
            format: FORMAT,
            outcome: outcome.to_owned(),
            code: None,
            from: 0,
            to: 0,
            failed: None,
            head: String::new(),
            migrations: 0,
            milliseconds: 0,
            at: 0,
            sqlite: rusqlite::version().to_owned(),
            whimbrel: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Takes reports to where they are read: a server, a log, a crash reporter.
pub trait ReportSink {
    /// Takes one. What is refused is offered again after a later start.
    ///
    /// # Errors
    /// Whatever keeps it from being taken.
    fn deliver(&mut self, report: &UpgradeReport) -> Result<(), Box<dyn StdError + Send + Sync>>;
}

impl<F: FnMut(&UpgradeReport) -> Result<(), Box<dyn StdError + Send + Sync>>> ReportSink for F {
    fn deliver(&mut self, report: &UpgradeReport) -> Result<(), Box<dyn StdError + Send + Sync>> {
        self(report)
    }
}

type Report = fn(&mut dyn ReportSink, &rusqlite::Connection, &History, &Tracking, &mut Result<Upgrade>, Duration);
type Deliver = fn(&mut dyn ReportSink, &rusqlite::Connection, &mut Vec<String>);

/// Reports for a sink. Those who make them are stored with it, so that a program without a sink does not contain them.
pub(super) struct Reports<'a> {
    sink: Box<dyn ReportSink + 'a>,
    report: Report,
    deliver: Deliver,
}

impl<'a> Reports<'a> {
    pub(super) fn to(sink: impl ReportSink + 'a) -> Reports<'a> {
        Reports { sink: Box::new(sink), report, deliver: deliver_kept }
    }

    /// Keeps a report of what happened, and hands over what is kept.
    pub(super) fn report(
        &mut self,
        conn: &rusqlite::Connection,
        history: &History,
        before: &Tracking,
        outcome: &mut Result<Upgrade>,
        took: Duration,
    ) {
        (self.report)(&mut *self.sink, conn, history, before, outcome, took);
    }

    /// Hands over what is kept.
    pub(super) fn deliver(&mut self, conn: &rusqlite::Connection, warnings: &mut Vec<String>) {
        (self.deliver)(&mut *self.sink, conn, warnings);
    }
}

fn report(
    sink: &mut dyn ReportSink,
    conn: &rusqlite::Connection,
    history: &History,
    before: &Tracking,
    outcome: &mut Result<Upgrade>,
    took: Duration,
) {
    let is_nothing = matches!(outcome, Ok(Upgrade { kind: UpgradeKind::Unchanged | UpgradeKind::Newer { .. }, .. }));
    let mut warnings = Vec::new();
    if !is_nothing {
        let report = make(history, before, outcome, took);
        match keep(conn, &report) {
            Ok(true) => {}
            // A database without the table: now or never.
            Ok(false) => drop(sink.deliver(&report)),
            Err(e) => warnings.push(warning(&e)),
        }
    }
    deliver_kept(sink, conn, &mut warnings);
    if let Ok(upgrade) = outcome {
        upgrade.warnings.extend(warnings);
    }
}

fn deliver_kept(sink: &mut dyn ReportSink, conn: &rusqlite::Connection, warnings: &mut Vec<String>) {
    let has_table = conn.table_exists(Some("main"), REPORTS).unwrap_or(false);
    if has_table && let Err(e) = deliver(conn, sink) {
        warnings.push(warning(&e));
    }
}

fn make(history: &History, before: &Tracking, outcome: &Result<Upgrade>, took: Duration) -> UpgradeReport {
    let idx = before.state.as_ref().map_or(0, |state| state.idx);
    let mut report = match outcome {
        Ok(upgrade) => {
            let name = match upgrade.kind {
                UpgradeKind::Created => "created",
                UpgradeKind::Downgraded => "downgraded",
                UpgradeKind::Upgraded | UpgradeKind::Unchanged | UpgradeKind::Newer { .. } => "upgraded",
            };
            UpgradeReport { migrations: upgrade.applied.len(), ..UpgradeReport::new(name) }
        }
        Err(e) => {
            let name = if e.code() == Code::Held { "held" } else { "failed" };
            let tag = e.report().migration.as_deref();
            let failed = tag.and_then(|tag| history.originals().find(|m| m.tag() == tag)).map(|m| m.idx);
            UpgradeReport { code: Some(e.code().to_string()), failed, ..UpgradeReport::new(name) }
        }
    };
    report.from = idx;
    report.to = history.newest();
    report.head = history.head.to_string();
    report.milliseconds = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    report.at = now();
    report
}

/// Keeps a report in the database, if that has the table for it. Whether it has.
fn keep(conn: &rusqlite::Connection, report: &UpgradeReport) -> Result<bool> {
    let tracking = block_on(read_tracking(&mut Sqlite::new(conn)))?;
    if tracking.state.is_none() {
        return Ok(false);
    }
    let json = serde_json::to_string(report).unwrap_or_default();
    write(
        conn,
        &[
            format!("INSERT INTO main.{REPORTS} (report) VALUES ({})", quote_text(&json)),
            format!(
                "DELETE FROM main.{REPORTS} WHERE id NOT IN (SELECT id FROM main.{REPORTS} ORDER BY id DESC LIMIT {KEPT})"
            ),
        ],
        true,
    )?;
    Ok(true)
}

/// Offers all kept reports, oldest first, until one is not taken; those that were taken are gone. Whether none is left.
fn deliver(conn: &rusqlite::Connection, sink: &mut dyn ReportSink) -> Result<bool> {
    let cannot = |e| error(e, Code::ReportNotDelivered, "kept reports cannot be read");
    let mut statement = conn.prepare(&format!("SELECT id, report FROM main.{REPORTS} ORDER BY id")).map_err(cannot)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).map_err(cannot)?;
    let kept: Vec<(i64, String)> = rows.collect::<rusqlite::Result<_>>().map_err(cannot)?;
    drop(statement);
    let mut taken = None;
    let mut all = true;
    for (id, json) in &kept {
        // What cannot be read would never be taken.
        let outcome = serde_json::from_str(json).map_or(Ok(()), |report| sink.deliver(&report));
        if outcome.is_err() {
            all = false;
            break;
        }
        taken = Some(*id);
    }
    if let Some(id) = taken {
        write(conn, &[format!("DELETE FROM main.{REPORTS} WHERE id <= {id}")], !all)?;
    }
    Ok(all)
}

/// Writes, and marks in the stamp whether reports wait: an unchanged start looks at the header only.
fn write(conn: &rusqlite::Connection, statements: &[String], wait: bool) -> Result<()> {
    let cannot = |e| error(e, Code::ReportNotDelivered, "a report cannot be kept");
    conn.execute_batch("BEGIN IMMEDIATE").map_err(cannot)?;
    let outcome = (|| -> Result<()> {
        for sql in statements {
            conn.execute(sql, []).map_err(cannot)?;
        }
        let tracking = block_on(read_tracking(&mut Sqlite::new(conn)))?;
        let Some(mut state) = tracking.state.clone() else { return Ok(()) };
        let stamp = stamp::with_reports(tracking.stamp(), wait);
        if state.stamped == IN_USER_VERSION {
            return conn.execute_batch(&format!("PRAGMA main.user_version = {stamp}")).map_err(cannot);
        }
        state.stamp = i64::from(stamp);
        conn.execute(&state.write(), []).map(|_| ()).map_err(cannot)
    })();
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = conn.execute_batch(end).map_err(cannot);
    if ended.is_err() && !conn.is_autocommit() {
        let _ = conn.execute_batch("ROLLBACK");
    }
    outcome.and(ended)
}

/// A report that could not be handed over is a warning and no failure: the database is as it should be.
fn warning(e: &Error) -> String {
    e.to_string()
}
