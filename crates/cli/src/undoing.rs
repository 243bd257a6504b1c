//! What `down` and `rollback` share: from the records that are to be undone to a database that has run less.

use std::time::Instant;

use clap::Args;
use rusqlite::Connection;
use whimbrel::history::script::Script;
use whimbrel::history::{History, Policy, Record, RecordState};
use whimbrel::sqlite_host::Access;
use whimbrel::{Code, Dialect, Error, Migrator, Upgrade, backup};

use crate::arguments::{BackupArguments, ServerArguments};
use crate::command::migrate::{ended, refuse_backup, report};
use crate::database::{Database, open_to_write};
use crate::failure::{Exit, Failure};
use crate::losses::losses;
use crate::migrations::Project;
use crate::overview::tag_at;
use crate::postgres_migrations::How;
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::render::{self, GONE, printable, styled};
use crate::session::Session;
use crate::{ask, wire};

/// How migrations are undone.
#[derive(Debug, Args)]
pub struct UndoArguments {
    /// Only print what would run, with its SQL
    #[arg(long)]
    pub dry_run: bool,
    /// Let data be lost
    #[arg(long)]
    pub accept_data_loss: bool,
    /// Take a schema that was changed by hand as it is
    #[arg(long)]
    pub accept_drift: bool,
    #[command(flatten)]
    pub backup: BackupArguments,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub times: ServerArguments,
}

/// Undoes these, newest first; asks where something would be lost.
pub fn undo(
    session: &mut Session,
    project: &Project,
    history: &History,
    connection: Option<Connection>,
    records: &[Record],
    how: &UndoArguments,
) -> Result<Exit, Failure> {
    let shown = project.shown_database().unwrap_or_default();
    let mut live = project.live()?;
    if live.is_some() {
        refuse_backup(&how.backup)?;
    }
    let mut scripts = Vec::new();
    for record in records {
        scripts.push(way_back(history, record)?);
    }
    let lost = match (&mut live, &connection) {
        (Some(live), _) => live.losses(&left(records, &scripts)),
        (None, Some(connection)) => losses(connection, &scripts),
        (None, None) => Vec::new(),
    };
    session.record("lost", &lost);
    let asks = session.can_ask() && !how.yes;
    if how.dry_run || asks {
        for record in records {
            session.say(&format!("  {} {}", styled(GONE, "-"), printable(&record.tag())));
        }
        session.say("");
    }
    for what in &lost {
        session.say(&format!("  {}", styled(GONE, &format!("! data loss: {}", printable(what)))));
    }
    if how.dry_run {
        record_undone(session, history, records);
        for (record, script) in records.iter().zip(&scripts) {
            session.print(&format!("-- undo {}\n{}\n", printable(&record.tag()), ended(script)));
        }
        session.record("sql", &scripts.concat());
        return Ok(Exit::Done);
    }
    if !lost.is_empty() && !how.accept_data_loss {
        if !asks {
            let message = format!("this would lose {}", lost.join(", "));
            return Err(Error::new(Code::DataLoss, message).help("say --accept-data-loss if that is meant").into());
        }
        ask::yes(session, "Accept this loss?", false)?;
    }
    if asks {
        ask::yes(session, "Undo them?", true)?;
    }
    drop(connection);
    if let Some(live) = &mut live {
        let run = How {
            to: None,
            policy: Policy::Allow,
            accept_drift: how.accept_drift,
            ignore: &project.ignore,
            times: &how.times,
        };
        let (upgrade, seconds) = live.undo(session, history, records, &run)?;
        tell_undone(session, history, records, &upgrade, seconds, &shown);
        return Ok(Exit::Done);
    }
    let database = project.database()?;

    let mut connection = open_to_write(&database.path, Access::ReadWrite)?;
    let keep = how.backup.wanted(&project.configuration, false);
    let backups = if keep.is_some() { backup::list(&database.path)? } else { Vec::new() };
    let start = Instant::now();
    let mut progress = Progress::new(session.can_draw(), session.verbose && !session.json);
    let cancel = cancelled_by_interrupt();
    let mut migrator = Migrator::new(history).accept_drift(how.accept_drift).cancel(&cancel).observer(&mut progress);
    for pattern in &project.ignore {
        migrator = migrator.ignore(pattern);
    }
    if let Some(keep) = keep {
        migrator = migrator.backup(keep);
    }
    let outcome = migrator.undo(&mut connection, records);
    drop(migrator);
    drop(progress);
    let time = start.elapsed();
    tell_backup(session, database, keep.is_some(), &backups)?;
    let upgrade = outcome?;
    tell_undone(session, history, records, &upgrade, time.as_secs_f64(), &shown);
    Ok(Exit::Done)
}

fn tell_undone(
    session: &mut Session,
    history: &History,
    records: &[Record],
    upgrade: &Upgrade,
    seconds: f64,
    shown: &str,
) {
    session.applied = true;
    report(session, history, records, upgrade, "undone", seconds);
    for (tag, _) in &upgrade.applied {
        session.say(&format!("  {} {}", styled(GONE, "-"), printable(tag)));
    }
    for warning in &upgrade.warnings {
        session.remark(&format!("{} {}", styled(render::OTHER, "warning:"), printable(warning)));
    }
    let at = Some(tag_at(history, upgrade.to)).filter(|tag| !tag.is_empty());
    session.say(&format!(
        "Done in {}: {} undone. {} {}.",
        render::duration(std::time::Duration::from_secs_f64(seconds)),
        render::count(records.len() as u64, "migration"),
        printable(shown),
        at.map_or_else(|| "has run none".to_owned(), |tag| format!("is at {}", printable(&tag)))
    ));
}

/// Tells the backup that was made, if one was.
pub fn tell_backup(
    session: &mut Session,
    database: &Database,
    is_wanted: bool,
    before: &[backup::Backup],
) -> Result<(), Failure> {
    if is_wanted && let Some(made) = backup::list(&database.path)?.into_iter().find(|b| !before.contains(b)) {
        session.record("backup", &wire::Backup::from(&made));
        session.say(&format!("Backup: {}", printable(&made.path.display().to_string())));
    }
    Ok(())
}

fn record_undone(session: &mut Session, history: &History, records: &[Record]) {
    let tags: Vec<String> = records.iter().map(Record::tag).collect();
    let entries: Vec<_> = tags.iter().map(|tag| wire::migrate::Ran::new(tag, 0, history, records)).collect();
    session.record("undone", &entries);
}

/// What of these scripts is still to run.
fn left(records: &[Record], scripts: &[String]) -> Vec<String> {
    let left = |(record, script): (&Record, &String)| {
        let RecordState::Undone(done) = record.state else { return script.clone() };
        // The engine says what is wrong with it.
        let Ok(read) = Script::read("", Dialect::Postgres, script, true) else { return script.clone() };
        let rest = read.phases.iter().skip(done as usize).flat_map(|phase| &phase.statements);
        rest.map(|range| format!("{};\n", &script[range.clone()])).collect()
    };
    records.iter().zip(scripts).map(left).collect()
}

/// The script that undoes a record, as the engine would choose it.
fn way_back(history: &History, record: &Record) -> Result<String, Failure> {
    let known = history.of_record(record);
    let text = known.and_then(|m| m.down.as_deref()).or(record.down.as_deref());
    let tag = record.tag();
    let says_so = known.is_some_and(|m| m.script().is_ok_and(|script| script.irreversible));
    match text {
        Some(text) if !says_so && !matches!(record.state, RecordState::Phases(_)) => Ok(text.to_owned()),
        _ => {
            let why = match known {
                _ if matches!(record.state, RecordState::Phases(_)) => "it has stopped between two of its phases",
                _ if says_so => "its script says so",
                Some(_) => "it has no .down.sql",
                None => "it is not among the migrations, and the database keeps no script for it",
            };
            let error = Error::new(Code::Irreversible, format!("{tag} cannot be undone: {why}")).migration(&tag);
            if let RecordState::Phases(_) = record.state {
                let help = "`whimbrel migrate apply` goes on with it; phases that are still to come may be edited";
                return Err(error.help(help).into());
            }
            Err(error.help("bring back a backup of before, or write a new migration that changes it").into())
        }
    }
}
