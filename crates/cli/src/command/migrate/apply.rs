//! `whimbrel migrate apply`

use std::time::Instant;

use clap::{Args, ValueEnum};
use rusqlite::Connection;
use whimbrel::history::standing::Item;
use whimbrel::history::{History, Policy, Problem, Record, Snapshot};
use whimbrel::postgres::versioned::Baseline;
use whimbrel::run::{Transactions, UpgradeKind};
use whimbrel::sqlite::print;
use whimbrel::sqlite_host::Access;
use whimbrel::{Code, Error, Migration, Migrator, Upgrade, backup};

use super::pending::ended;
use crate::arguments::{BackupArguments, ServerArguments};
use crate::database::{Database, open_to_write};
use crate::failure::{Exit, Failure};
use crate::migrations::{Project, find, refusal};
use crate::overview::{Compare, Overview, tag_at};
use crate::postgres_migrations::How;
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::render::{self, BOLD, DIM, NEW, printable, styled};
use crate::session::Session;
use crate::undoing::tell_backup;
use crate::{ask, wire};

/// Run what has not run yet
///
/// All of it in one transaction, verified before it is committed: the database ends at the newest version, or stays as it
/// was. A database that is missing is created, straight from the newest snapshot where the folder has one. Where history
/// and database do not fit, everything that is wrong is told, and nothing is changed. Ctrl-C stops a run and undoes it.
///
/// On a PostgreSQL server each migration is committed by itself, so that locks are short; a run that was stopped goes on
/// where it was.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Apply {
    /// Stop at this migration: its number, version or name
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Only print what would run, with its SQL
    #[arg(long)]
    dry_run: bool,
    /// What to do with migrations that came in late, with a number below the newest that ran
    #[arg(long, value_name = "POLICY", default_value = "refuse")]
    out_of_order: OutOfOrder,
    /// Commit each migration by itself
    #[arg(long)]
    each: bool,
    /// Run all migrations on a new database, too, instead of making it from the snapshot
    #[arg(long)]
    replay: bool,
    #[command(flatten)]
    backup: BackupArguments,
    /// Take a schema that was changed by hand as it is
    #[arg(long)]
    accept_drift: bool,
    /// Adopt a database that another tool has migrated
    #[arg(long)]
    adopt: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    times: ServerArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutOfOrder {
    /// Nothing runs
    Refuse,
    /// They run, in the order of their numbers
    Allow,
    /// They are left out and told; the others run
    Report,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate apply --db app.db
  whimbrel migrate apply --db app.db --dry-run
  whimbrel migrate apply --db app.db --to 0003 --backup
  whimbrel migrate apply --db app.db --out-of-order allow --yes";

impl Apply {
    /// Compares, asks and runs.
    pub fn run(self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        if project.server.is_some() {
            return self.run_on_server(session, project);
        }
        let database = project.database()?;
        let folder = project.read()?;
        let history = &folder.history;
        let to = self.to.as_ref().map(|word| find(history, word)).transpose()?;
        let shown = database.shown();
        session.record("database", &shown);
        let exists = database.exists()?;
        if exists {
            session.written = Some(shown.clone());
        }
        let policy = self.policy();
        let (connection, _) = database.open_for_planning()?;
        let how = Compare { policy, adopt: self.adopt, accept_drift: self.accept_drift, always_look: false };
        let overview = Overview::new(project, &folder, Some(&connection), &how)?;
        let records = overview.records().to_vec();
        record_problems(session, &overview, history);
        if let Some(refusal) = refusal(&overview.problems) {
            return Err(refusal);
        }
        tell_harmless(session, &overview.problems);
        if let Some(to) = to {
            check_target(project, &overview, to)?;
        }
        let stops = |migration: &Migration| to.is_none_or(|to| migration.idx <= to.idx);
        let mut pending = overview.standing.pending.clone();
        pending.retain(|item| stops(item.migration));
        let is_new = overview.tracking.as_ref().is_some_and(|tracking| tracking.is_fresh());
        let goes_on = to.is_none_or(|to| to.idx == history.newest());
        let snapshot = history.snapshot.as_ref().filter(|_| {
            is_new && goes_on && !self.replay && history.migrations.last().is_some_and(|newest| !newest.seeds)
        });
        session.record("creates_database", &!exists);
        let entries: Vec<_> =
            pending.iter().map(|item| wire::migrate::Pending::new(item, self.dry_run && snapshot.is_none())).collect();
        session.record("pending", &entries);
        let adopts = self.adopt && overview.other_tool.is_some();
        if pending.is_empty() && !adopts {
            session.record("applied", &Vec::<u32>::new());
            let at = overview.position(history).map(|tag| format!(" {} is at {}.", printable(&shown), printable(&tag)));
            session.say(&format!("Nothing to do.{}", at.unwrap_or_default()));
            return Ok(Exit::Done);
        }

        let asks = session.can_ask() && !self.yes;
        if self.dry_run || asks {
            tell_pending(session, project, &shown, &pending);
        }
        if self.dry_run {
            return self.preview(session, &pending.iter().map(|item| item.migration).collect::<Vec<_>>(), snapshot);
        }
        if asks {
            ask::yes(session, "Run them?", true)?;
        }
        drop(connection);

        let access = if exists { Access::ReadWrite } else { Access::Create };
        let mut connection = open_to_write(&database.path, access)?;
        session.written = Some(shown.clone());
        let keep = self.backup.wanted(&project.configuration, false);
        let backups = if keep.is_some() { backup::list(&database.path)? } else { Vec::new() };
        let start = Instant::now();
        let mut progress = Progress::new(session.can_draw(), false);
        let cancel = cancelled_by_interrupt();
        let mut migrator = Migrator::new(history)
            .out_of_order(policy)
            .accept_drift(self.accept_drift)
            .adopt(self.adopt)
            .replay(self.replay)
            .retry(true)
            .count_attempts(false)
            .transactions(if self.each { Transactions::Each } else { Transactions::Whole })
            .cancel(&cancel)
            .observer(&mut progress);
        for pattern in &project.ignore {
            migrator = migrator.ignore(pattern);
        }
        if let Some(to) = to {
            migrator = migrator.to(to.idx);
        }
        if let Some(keep) = keep {
            migrator = migrator.backup(keep);
        }
        let outcome = migrator.run(&mut connection);
        drop(migrator);
        drop(progress);
        let time = start.elapsed();
        tell_backup(session, database, keep.is_some(), &backups)?;
        if !exists && outcome.is_err() {
            remove_empty(connection, &database.path);
        }
        let upgrade = outcome?;
        session.applied = true;
        report(session, history, &records, &upgrade, "applied", time.as_secs_f64());
        tell(session, history, &upgrade, snapshot.is_some());
        for warning in &upgrade.warnings {
            session.remark(&format!("{} {}", styled(render::OTHER, "warning:"), printable(warning)));
        }
        let at = tag_at(history, upgrade.to);
        if upgrade.kind == UpgradeKind::Unchanged {
            session.say(&format!(
                "Nothing to do: somebody else has brought {} to {} meanwhile.",
                printable(&shown),
                printable(&at)
            ));
            return Ok(Exit::Done);
        }
        session.say(&format!(
            "Done in {}: {}. {} is at {}.",
            render::duration(time),
            render::count(pending.len() as u64, "migration"),
            printable(&shown),
            printable(&at)
        ));
        Ok(Exit::Done)
    }

    /// The same on a server: each migration is committed by itself, and there is no file to copy.
    fn run_on_server(&self, session: &mut Session, project: &Project) -> Result<Exit, Failure> {
        refuse_backup(&self.backup)?;
        let folder = project.read()?;
        let history = &folder.history;
        let to = self.to.as_ref().map(|word| find(history, word)).transpose()?;
        let shown = project.shown_database().unwrap_or_default();
        session.record("database", &shown);
        session.written = Some(shown.clone());
        let how =
            Compare { policy: self.policy(), adopt: self.adopt, accept_drift: self.accept_drift, always_look: false };
        let overview = Overview::new(project, &folder, None, &how)?;
        let records = overview.records().to_vec();
        record_problems(session, &overview, history);
        if let Some(refusal) = refusal(&overview.problems) {
            return Err(refusal);
        }
        tell_harmless(session, &overview.problems);
        if let Some(to) = to {
            check_target(project, &overview, to)?;
        }
        let mut pending = overview.standing.pending.clone();
        pending.retain(|item| to.is_none_or(|to| item.migration.idx <= to.idx));
        let entries: Vec<_> = pending.iter().map(|item| wire::migrate::Pending::new(item, self.dry_run)).collect();
        session.record("pending", &entries);
        let adopts = overview.other_tool.as_ref().filter(|_| self.adopt);
        if pending.is_empty() && adopts.is_none() {
            session.record("applied", &Vec::<u32>::new());
            let at = overview.position(history).map(|tag| format!(" {} is at {}.", printable(&shown), printable(&tag)));
            session.say(&format!("Nothing to do.{}", at.unwrap_or_default()));
            return Ok(Exit::Done);
        }
        let asks = session.can_ask() && !self.yes;
        if self.dry_run || asks {
            tell_pending(session, project, &shown, &pending);
        }
        if self.dry_run {
            return self.preview(session, &pending.iter().map(|item| item.migration).collect::<Vec<_>>(), None);
        }
        if asks {
            ask::yes(session, "Run them?", true)?;
        }
        let Some(mut live) = project.live()? else { return Err(Database::unnamed()) };
        if let Some((_, applied)) = adopts {
            let settings = Baseline {
                applied: applied.clone(),
                accept_drift: self.accept_drift,
                ignore: project.ignore.clone(),
                now: jiff::Timestamp::now().as_millisecond(),
            };
            live.baseline(history, &settings)?;
            session.applied = true;
        }
        let how = How {
            to: to.map(|to| to.idx),
            policy: self.policy(),
            accept_drift: self.accept_drift,
            ignore: &project.ignore,
            times: &self.times,
        };
        let (upgrade, seconds) = live.upgrade(session, history, &how)?;
        session.applied = true;
        report(session, history, &records, &upgrade, "applied", seconds);
        tell(session, history, &upgrade, false);
        for warning in &upgrade.warnings {
            session.remark(&format!("{} {}", styled(render::OTHER, "warning:"), printable(warning)));
        }
        let at = printable(&tag_at(history, upgrade.to));
        session.say(&match upgrade.applied.len() {
            0 => format!("Nothing to do. {} is at {at}.", printable(&shown)),
            count => format!(
                "Done in {}: {}. {} is at {at}.",
                render::duration(std::time::Duration::from_secs_f64(seconds)),
                render::count(count as u64, "migration"),
                printable(&shown)
            ),
        });
        Ok(Exit::Done)
    }

    fn policy(&self) -> Policy {
        match self.out_of_order {
            OutOfOrder::Refuse => Policy::Refuse,
            OutOfOrder::Allow => Policy::Allow,
            OutOfOrder::Report => Policy::Report,
        }
    }

    /// Prints what would run.
    fn preview(
        &self,
        session: &mut Session,
        migrations: &[&Migration],
        snapshot: Option<&Snapshot>,
    ) -> Result<Exit, Failure> {
        if let Some(snapshot) = snapshot {
            let sql = print::to_sql(&snapshot.schema()?);
            session.record("sql", &sql);
            session.say("The database is new, and is made from the newest snapshot:\n");
            session.print(&sql);
            return Ok(Exit::Done);
        }
        for migration in migrations {
            // What cannot run is found here, as it would be found then.
            migration.script()?;
            session.print(&format!("-- {}\n{}\n", printable(&migration.tag()), ended(&migration.up)));
        }
        Ok(Exit::Done)
    }
}

fn tell_pending(session: &mut Session, project: &Project, shown: &str, pending: &[Item<'_>]) {
    session.say(&format!(
        "{} → {}    {}\n",
        styled(BOLD, &printable(&project.dir())),
        styled(BOLD, &printable(shown)),
        styled(DIM, &render::count(pending.len() as u64, "migration"))
    ));
    for item in pending {
        session.say(&format!("  {} {}", styled(NEW, "+"), printable(&item.migration.tag())));
    }
    session.say("");
}

/// Copies of a server's database are made by its own tools.
pub fn refuse_backup(backup: &BackupArguments) -> Result<(), Failure> {
    match backup.backup {
        Some(true) => Err(Failure::usage("--backup copies a SQLite file, and this database is on a server")
            .help("make a backup with pg_dump, or with the server's own")),
        _ => Ok(()),
    }
}

/// What is told and keeps nothing from running.
pub fn tell_harmless(session: &Session, problems: &[Problem]) {
    for problem in problems.iter().filter(|problem| !problem.blocks) {
        session.remark(&format!("{} {}", styled(render::OTHER, "warning:"), printable(&problem.message)));
    }
}

/// Records all that does not fit.
pub fn record_problems(session: &mut Session, overview: &Overview<'_>, history: &History) {
    let records = overview.records();
    let problems: Vec<_> =
        overview.problems.iter().map(|p| wire::migrate::HistoryProblem::new(p, history, records)).collect();
    session.record("problems", &problems);
}

/// Records what ran.
pub fn report(
    session: &mut Session,
    history: &History,
    records: &[Record],
    upgrade: &Upgrade,
    member: &str,
    seconds: f64,
) {
    let ran = upgrade.applied.iter();
    let migrations: Vec<_> = ran.map(|(tag, ms)| wire::migrate::Ran::new(tag, *ms, history, records)).collect();
    session.record(member, &migrations);
    let report = wire::migrate::Moved { from: upgrade.from, to: upgrade.to, seconds, warnings: &upgrade.warnings };
    session.record("report", &report);
}

/// The target of `--to` must not lie behind the database.
fn check_target(project: &Project, overview: &Overview<'_>, to: &Migration) -> Result<(), Failure> {
    let newest = overview.standing.done.last().filter(|newest| newest.idx > to.idx);
    let Some(newest) = newest else { return Ok(()) };
    let message = format!("the database is at {}, which comes after {}", newest.tag(), to.tag());
    Err(Error::new(Code::HistoryFixed, message)
        .migration(to.tag())
        .help(format!("to go back: {} --to {}", project.command("down"), to.version))
        .into())
}

fn tell(session: &mut Session, history: &History, upgrade: &Upgrade, from_snapshot: bool) {
    if upgrade.kind == UpgradeKind::Created && from_snapshot && upgrade.applied.is_empty() {
        let count = render::count(history.originals().count() as u64, "migration");
        session.say(&format!("  {} made from the snapshot, which holds {count}", styled(NEW, "+")));
        return;
    }
    let width = upgrade.applied.iter().map(|(tag, _)| tag.chars().count()).max().unwrap_or(0);
    for (tag, milliseconds) in &upgrade.applied {
        let gap = " ".repeat(width - tag.chars().count() + 2);
        let time = std::time::Duration::from_millis(milliseconds.unsigned_abs());
        let time = styled(DIM, &render::duration(time));
        session.say(&format!("  {} {}{gap}{time}", styled(NEW, "+"), printable(tag)));
    }
}

/// A database that could not be made leaves no empty file behind.
fn remove_empty(connection: Connection, path: &std::path::Path) {
    drop(connection);
    if std::fs::metadata(path).is_ok_and(|data| data.len() == 0) {
        let _ = std::fs::remove_file(path);
    }
}
