//! Takes a database back: the scripts that undo migrations, newest first, in one transaction.

use super::keys::Keys;
use super::replay::expected;
use super::statements::failed_in;
use super::tracking::{Tracking, begin, compare, read_state, read_tracking, seal, write};
use super::upgrade::{applied, check_shadows, oldest_apps};
use super::{Upgrade, UpgradeKind, UpgradeSettings, not_tracked};
use crate::error::{Code, Error, Result};
use crate::history::script::{PhaseKind, Script};
use crate::history::{Checksum, History, Record, SQLITE};
use crate::run::apply::{cancelled, finish, restore, set_up, still_open};
use crate::run::{Cancel, Connection, Event, Observer};

/// The records that are undone to leave the newest `to`, in the order of undoing.
pub fn undone(records: &[Record], to: u32) -> Vec<Record> {
    let mut records: Vec<Record> = records.iter().filter(|record| record.idx > to).cloned().collect();
    records.sort_by_key(|record| std::cmp::Reverse((record.idx, record.id)));
    records
}

/// Undoes these migrations, in this order. Their scripts are those of the history, or those that the database keeps.
///
/// What is left must be what the history says of it, or nothing is changed.
///
/// # Errors
/// [`Code::Irreversible`] where one of them has no way back, before anything is written; else as
/// [`upgrade`](super::upgrade()).
pub async fn downgrade<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    history: &History,
    records: &[Record],
    settings: &UpgradeSettings,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Upgrade> {
    let tracking = read_tracking(conn).await?;
    let Some(state) = tracking.state.clone() else { return Err(not_tracked()) };
    let from = state.idx;
    let mut ways = Vec::with_capacity(records.len());
    for record in records {
        ways.push(way_back(history, record)?);
    }
    let remaining: Vec<Record> =
        tracking.records.iter().filter(|r| records.iter().all(|gone| gone.version != r.version)).cloned().collect();
    let left = applied(&SQLITE, history, &remaining);
    if left.len() != remaining.len() {
        let message = "the database has run migrations that are not known here, and would keep them";
        return Err(Error::new(Code::Irreversible, message));
    }
    let to = left.last().map_or(0, |m| m.idx);
    let texts: Vec<&str> = ways.iter().map(|way| way.text.as_str()).collect();
    check_shadows(conn, &texts).await?;
    observer.event(&Event::UpgradeStarted { from, to, migrations: ways.len() });
    let mut changed = Vec::new();
    let mut warnings = Vec::new();
    let outcome = match set_up(conn, &mut changed).await {
        Err(e) => Err(e),
        Ok(()) => match begin(conn).await {
            Err(e) => Err(e),
            Ok(open) => {
                let outcome = async {
                    still_same(conn, &tracking).await?;
                    let keys = Keys::count(conn, &texts, false).await?;
                    for (n, way) in ways.iter().enumerate() {
                        let statements = way.script.len();
                        observer.event(&Event::Migration { number: n + 1, of: ways.len(), name: &way.tag, statements });
                        for range in way.script.phases.iter().flat_map(|phase| &phase.statements) {
                            if cancel.is_cancelled() {
                                return Err(cancelled());
                            }
                            still_open(conn).await.map_err(|e| e.migration(&way.tag))?;
                            let outcome = conn.execute(&way.text[range.clone()]).await;
                            outcome.map_err(|f| failed_in(&way.path, &way.text, range, &f).migration(&way.tag))?;
                        }
                        write(conn, &way.record.delete()).await?;
                    }
                    observer.event(&Event::Verifying);
                    keys.verify(conn, &mut warnings).await?;
                    let expected = expected(conn, history, &left).await?;
                    let difference = compare(conn, expected, &settings.ignore).await?;
                    let extra = difference.extra.iter().map(|extra| format!("{extra} is left"));
                    let wrong = difference.wrong.iter().cloned().chain(extra).next();
                    if let Some(wrong) = wrong.filter(|_| !settings.accept_drift) {
                        let message = format!("the way back does not lead to the old schema: {wrong}");
                        return Err(Error::new(Code::VerificationFailed, message)
                            .help("correct the .down.sql file: it undoes what its migration does"));
                    }
                    let mut state = state.clone();
                    state.idx = to;
                    state.head = Checksum::chain(left.iter().map(|m| &m.checksum));
                    (state.min_reader, state.min_writer) = oldest_apps(&SQLITE, &left)?;
                    state.attempts = 0;
                    state.attempted.clear();
                    seal(conn, state, &tracking, true).await
                }
                .await;
                open.end(conn, outcome).await
            }
        },
    };
    let restored = restore(conn, &changed).await;
    if let Err(e) = &outcome {
        observer.event(&Event::Failed { code: e.code() });
    }
    finish(outcome, restored)?;
    observer.event(&Event::Upgraded { from, to });
    let applied = ways.into_iter().map(|way| (way.tag, 0)).collect();
    Ok(Upgrade { kind: UpgradeKind::Downgraded, from, to, applied, warnings })
}

struct Way {
    record: Record,
    tag: String,
    path: String,
    text: String,
    script: Script,
}

fn way_back(history: &History, record: &Record) -> Result<Way> {
    let tag = record.tag();
    let known = history.of_record(record);
    let text = known.and_then(|m| m.down.as_deref()).or(record.down.as_deref());
    let irreversible =
        |why: &str| Error::new(Code::Irreversible, format!("{tag} cannot be undone: {why}")).migration(&tag);
    let says_so = known.is_some_and(|m| m.script_by(&SQLITE).is_ok_and(|script| script.irreversible));
    let Some(text) = text.filter(|_| !says_so) else {
        let why = match known {
            _ if says_so => "its script says so",
            Some(_) => "it has no .down.sql",
            None => "the database keeps no script for it, and this app does not know it",
        };
        return Err(irreversible(why).help("bring back a backup of before, or write a new migration that changes it"));
    };
    let path = known.map_or_else(|| format!("{tag}.down.sql"), |m| down_path(&m.path));
    let script = Script::read_by(&SQLITE, &path, text, true).map_err(|e| e.migration(&tag))?;
    if script.phases.iter().any(|phase| phase.kind != PhaseKind::Transaction) {
        return Err(irreversible("its way back does not run in a transaction")
            .help("a way back is one transaction: run by hand what cannot be in it"));
    }
    Ok(Way { record: record.clone(), tag, path, text: text.to_owned(), script })
}

/// What the script that undoes a migration is called in messages.
fn down_path(up: &str) -> String {
    match up.strip_suffix("up.sql") {
        Some(start) => format!("{start}down.sql"),
        None => format!("{}.down.sql", up.strip_suffix(".sql").unwrap_or(up)),
    }
}

/// Another process may have come in between.
pub(super) async fn still_same<C: Connection>(conn: &mut C, tracking: &Tracking) -> Result<()> {
    let now = read_state(conn).await?;
    match now.state == tracking.state && now.header == tracking.header && now.has_objects == tracking.has_objects {
        true => Ok(()),
        false => {
            Err(Error::new(Code::Superseded, "another process has changed the database meanwhile").help("try again"))
        }
    }
}
