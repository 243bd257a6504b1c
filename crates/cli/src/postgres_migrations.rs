//! The `migrate` commands on a PostgreSQL server: what they do there instead of opening a file.

use std::ffi::OsString;
use std::time::Instant;

use whimbrel::history::author::Draft;
use whimbrel::history::{History, Outcome, Policy, Record, adopt};
use whimbrel::postgres::schema::Kind as SchemaKind;
use whimbrel::postgres::statement::{self, Change, Kind, Name, Object};
use whimbrel::postgres::versioned::{self, Baseline, Way};
use whimbrel::postgres::{Client, Migrator, Planner, Postgres, Scratch, Settings, Wanted, split};
use whimbrel::run::{Difference, Tracking, Upgrade};

use crate::arguments::ServerArguments;
use crate::failure::Failure;
use crate::postgres::{Server, address, block};
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::render;
use crate::session::Session;

/// A server, and where things are tried out.
pub struct Live<'s> {
    server: &'s Server,
    host: Postgres<Client>,
    scratch: Option<Postgres<Client>>,
}

/// How an upgrade is done.
pub struct How<'h> {
    /// The number to stop at.
    pub to: Option<u32>,
    /// What is done with migrations that came in late.
    pub policy: Policy,
    /// Whether a schema that was changed by hand is taken as it is.
    pub accept_drift: bool,
    /// Patterns of what is out of sight.
    pub ignore: &'h [String],
    /// Times.
    pub times: &'h ServerArguments,
}

impl<'s> Live<'s> {
    /// Connects.
    pub fn open(server: &'s Server, scratch: Option<&OsString>) -> whimbrel::Result<Live<'s>> {
        let scratch = match scratch {
            Some(word) => Some(block(server, Postgres::connect_to(&address(word)?))?),
            None => None,
        };
        Ok(Live { server, host: server.connect()?, scratch })
    }

    /// What the database says of its history.
    pub fn tracking(&mut self) -> Result<Tracking, Failure> {
        Ok(block(self.server, versioned::read_tracking(&mut self.host))?)
    }

    /// What another tool says has run.
    pub fn other_tool(&mut self, history: &History) -> whimbrel::Result<Option<(adopt::Tool, Vec<u32>)>> {
        block(self.server, versioned::read_other_tool(&mut self.host, history))
    }

    /// What differs from what the migrations make, where somebody has changed the schema since; `always` looks closely
    /// in any case.
    pub fn drift(
        &mut self,
        history: &History,
        tracking: &Tracking,
        ignore: &[String],
        always: bool,
    ) -> whimbrel::Result<Option<Difference>> {
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        block(self.server, versioned::read_drift(&mut self.host, scratch, history, tracking, ignore, always))
    }

    /// What a history makes of an empty database.
    pub fn replay(&mut self, history: &History) -> whimbrel::Result<Outcome> {
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        block(self.server, versioned::replay(&mut self.host, scratch, history))
    }

    /// The versions whose schema the database has.
    pub fn find_version(&mut self, history: &History, ignore: &[String]) -> Result<Vec<u32>, Failure> {
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        Ok(block(self.server, versioned::find_version(&mut self.host, scratch, history, ignore))?)
    }

    /// Adopts the database.
    pub fn baseline(&mut self, history: &History, settings: &Baseline) -> Result<Difference, Failure> {
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        Ok(block(self.server, versioned::baseline(&mut self.host, scratch, history, settings))?)
    }

    /// Takes names, numbers and checksums over into the database's record.
    pub fn repair_records(&mut self, history: &History, ignore: &[String]) -> Result<Vec<String>, Failure> {
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        Ok(block(self.server, versioned::repair_records(&mut self.host, scratch, history, ignore))?)
    }

    /// Runs what is pending.
    pub fn upgrade(&mut self, session: &Session, history: &History, how: &How<'_>) -> Result<(Upgrade, f64), Failure> {
        let start = Instant::now();
        let mut progress = Progress::new(session.can_draw(), session.verbose && !session.json);
        let cancel = cancelled_by_interrupt();
        let mut migrator = migrator(history, how).cancel(&cancel).observer(&mut progress);
        if let Some(to) = how.to {
            migrator = migrator.to(to);
        }
        let outcome = block(self.server, migrator.run_with(&mut self.host, self.scratch.as_mut()));
        drop(progress);
        Ok((outcome?, start.elapsed().as_secs_f64()))
    }

    /// Undoes migrations by their records.
    pub fn undo(
        &mut self,
        session: &Session,
        history: &History,
        records: &[Record],
        how: &How<'_>,
    ) -> Result<(Upgrade, f64), Failure> {
        let start = Instant::now();
        let mut progress = Progress::new(session.can_draw(), session.verbose && !session.json);
        let cancel = cancelled_by_interrupt();
        let migrator = migrator(history, how).cancel(&cancel).observer(&mut progress);
        let outcome = block(self.server, migrator.undo_with(&mut self.host, self.scratch.as_mut(), records));
        drop(progress);
        Ok((outcome?, start.elapsed().as_secs_f64()))
    }

    /// The scripts of a migration from what a history makes to the declared schema.
    pub fn draft(&mut self, history: &History, wanted: &Wanted, settings: &Settings) -> whimbrel::Result<Draft> {
        let made = self.replay(history)?;
        let before = made.schema.postgres().cloned().unwrap_or_default();
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        block(self.server, whimbrel::postgres::draft(&mut self.host, scratch, &before, wanted, settings, &mut |_| None))
    }

    /// Tries the migrations out.
    pub fn verify(&mut self, history: &History, skip_down: bool) -> Result<Vec<Way>, Failure> {
        let scratch = self.scratch.as_mut().map_or(Scratch::Automatic, Scratch::Given);
        let cancel = cancelled_by_interrupt();
        Ok(block(self.server, versioned::verify(&mut self.host, scratch, history, skip_down, &cancel))?)
    }

    /// Rows in all tables.
    pub fn rows(&mut self) -> Result<u64, Failure> {
        let schema = block(self.server, whimbrel::postgres::read_schema(&mut self.host))?;
        let tables: Vec<String> =
            schema.tables().filter(|(_, table)| table.partition_of.is_none()).map(|(id, _)| id.sql()).collect();
        let mut rows = 0;
        for table in tables {
            rows += block(self.server, whimbrel::postgres::count(&mut self.host, &table, "*"))?;
        }
        Ok(rows)
    }

    /// Drops all that migrations have made, and with it their record.
    pub fn clear(&mut self, ignore: &[String]) -> Result<(), Failure> {
        // The schema in which the record stands stays, and so does the one that every database has.
        let home = block(self.server, versioned::home(&mut self.host))?;
        let mut nothing = block(self.server, whimbrel::postgres::read_schema(&mut self.host))?;
        nothing.objects.retain(|id, _| {
            id.kind == SchemaKind::Namespace && (id.name == "public" || Some(&id.name) == home.as_ref())
        });
        let mut planner = Planner::from_schema(nothing).accept_data_loss(true).fast(true);
        for pattern in ignore {
            planner = planner.ignore(pattern);
        }
        let scratch = self.scratch.as_mut();
        let mut plan = block(self.server, planner.plan_with(&mut self.host, scratch, &mut |_| None))?;
        if let Some(step) = block(self.server, versioned::forgetting(&mut self.host))? {
            plan.push(step);
        }
        block(self.server, plan.run(&mut self.host))?;
        Ok(())
    }

    /// How many rows a table has, or how many values a column; none where that cannot be told, because another script
    /// gives the table its name first.
    fn count(&mut self, table: &str, what: &str) -> Option<u64> {
        block(self.server, whimbrel::postgres::count(&mut self.host, table, what)).ok()
    }

    /// What scripts that undo migrations would take away, in words, each once.
    pub fn losses(&mut self, scripts: &[String]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut add = |what: Option<String>| found.extend(what.filter(|what| !found.contains(what)));
        for script in scripts {
            for part in split::split(script).unwrap_or_default() {
                let sql = part.text(script);
                match statement::Statement::read(sql).kind {
                    Kind::Drop(drop) if drop.object == Object::Table => {
                        for name in &drop.names {
                            add(told(format!("table {}", shown(name)), self.count(&name.to_string(), "*"), "row"));
                        }
                    }
                    Kind::AlterTable(alter) => {
                        for action in &alter.actions {
                            let Change::DropColumn { name, .. } = &action.change else { continue };
                            let values = self.count(&alter.name.to_string(), &whimbrel::postgres::quote_name(name));
                            add(told(format!("column {}.{name}", shown(&alter.name)), values, "row"));
                        }
                    }
                    Kind::Delete(write) => add(self.rows_of(&write.table)),
                    Kind::Truncate { tables, .. } => tables.iter().for_each(|table| add(self.rows_of(table))),
                    _ => {}
                }
            }
        }
        found
    }

    fn rows_of(&mut self, table: &Name) -> Option<String> {
        (self.count(&table.to_string(), "*") != Some(0)).then(|| format!("rows of {}", shown(table)))
    }
}

fn migrator<'h>(history: &'h History, how: &How<'_>) -> Migrator<'h> {
    let mut migrator = Migrator::new(history)
        .out_of_order(how.policy)
        .accept_drift(how.accept_drift)
        .statement_timeout(how.times.statement_timeout);
    if let Some(time) = how.times.lock_timeout {
        migrator = migrator.lock_timeout(time);
    }
    how.ignore.iter().fold(migrator, |migrator, pattern| migrator.ignore(pattern))
}

fn shown(name: &Name) -> String {
    match &name.schema {
        Some(schema) if schema != "public" => format!("{schema}.{}", name.name),
        _ => name.name.clone(),
    }
}

fn told(what: String, rows: Option<u64>, noun: &str) -> Option<String> {
    match rows {
        Some(0) => None,
        Some(rows) => Some(format!("{what} ({})", render::count(rows, noun))),
        None => Some(what),
    }
}
