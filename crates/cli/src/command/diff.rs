//! `whimbrel diff`

use std::ffi::OsString;

use clap::Args;
use whimbrel::{Planner, Schema};

use crate::arguments::{Rename, rename};
use crate::configuration::Configuration;
use crate::failure::{Exit, Failure};
use crate::planning::Planning;
use crate::postgres::{Comparison, Server, is_postgres};
use crate::session::Session;
use crate::{database, failure, render, source, wire};

/// Print the SQL from one schema to another
///
/// Each of the two is a .sql file, a folder of them, a snapshot (.json), a database, or - for standard input. Where one is a
/// database on a PostgreSQL server, the other is another, or SQL for PostgreSQL. Only
/// schemas are compared: the SQL is made for a database without rows, and `whimbrel plan` knows what rows need.
/// Where both are the same, nothing is printed on standard output.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Diff {
    /// The schema that is there
    from: OsString,
    /// The schema that is wanted
    to: OsString,
    /// Take what may be renamed for dropped and added
    #[arg(long)]
    accept_data_loss: bool,
    /// Say that a table or column has a new name: users=people, users.mail=email
    #[arg(long, value_name = "FROM=TO", value_parser = rename)]
    rename: Vec<Rename>,
    /// Leave tables and views out of sight whose names match, such as 'legacy_*'
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// Take another order of columns for a change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict_order: Option<bool>,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel diff old.sql new.sql
  whimbrel diff app.db schema.sql --rename users.mail=email
  git show main:schema.sql | whimbrel diff - schema.sql
  whimbrel diff production.db staging.db --ignore 'legacy_*'";

impl Diff {
    /// Prints the script.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
        if is_postgres(&self.from) || is_postgres(&self.to) {
            let ignore: Vec<String> = configuration.ignore.iter().chain(&self.ignore).cloned().collect();
            let strict_order = self.strict_order.or(configuration.strict_order).unwrap_or(false);
            let (renames, accept_data_loss) = (self.rename.as_slice(), self.accept_data_loss);
            let how = Comparison { renames, ignore: &ignore, strict_order, accept_data_loss };
            return Server::diff(session, &self.from, &self.to, &how);
        }
        let from = source::read(session, std::slice::from_ref(&self.from))?;
        let to = source::read(session, std::slice::from_ref(&self.to))?;

        let mut connection = database::in_memory()?;
        Planner::new(&from).plan(&mut connection)?.run(&mut connection)?;
        let planner = |accept_data_loss: bool| -> Result<Planner<'_>, Failure> {
            let strict_order = self.strict_order.or(configuration.strict_order).unwrap_or(false);
            let mut planner = Planner::new(&to).accept_data_loss(accept_data_loss).strict_order(strict_order);
            for pattern in configuration.ignore.iter().chain(&self.ignore) {
                planner = planner.ignore(pattern);
            }
            for rename in &self.rename {
                planner = planner.rename(&rename.from, &rename.to)?;
            }
            for (path, name) in renames_by_id(&from, &to) {
                planner = planner.rename(&path, &name)?;
            }
            Ok(planner)
        };
        let open = planner(false)?.plan(&mut connection)?;
        if !open.questions.is_empty() && !self.accept_data_loss {
            return Planning::refusal(&open).map_or(Ok(Exit::Done), Err);
        }
        // A script loses nothing by being printed; what running it would lose stands in it.
        let plan = planner(true)?.plan(&mut connection)?;
        if let Some(refusal) = Planning::refusal(&plan) {
            return Err(refusal);
        }
        let mut sql = String::new();
        for question in &open.questions {
            let ways = failure::rename_options(question).join(" or ");
            let line = format!("-- {} is dropped; if it was renamed, say {ways}", question.path());
            sql.push_str(&format!("{}\n", render::printable(&line)));
        }
        for (_, what, _) in plan.losses() {
            sql.push_str(&format!("-- Data loss: {}\n", render::printable(what)));
        }
        sql.push_str(&plan.script());
        session.record("plan", &wire::Plan::new(&source::shown(&self.from), false, &plan, &[], false));
        session.record("sql", &sql);
        if plan.is_empty() {
            session.remark("No changes.");
        } else {
            session.print(&sql);
        }
        Ok(Exit::Done)
    }
}

/// Renames that stable ids make certain. Only snapshots have ids, and the database in memory keeps none.
fn renames_by_id(from: &Schema, to: &Schema) -> Vec<(String, String)> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut renames = Vec::new();
    for before in &from.tables {
        let Some(after) = to.tables.iter().find(|t| t.id.is_some() && t.id == before.id) else { continue };
        if before.name != after.name {
            renames.push((quoted(&before.name), quoted(&after.name)));
        }
        for old in &before.columns {
            let new = after.columns.iter().find(|c| c.id.is_some() && c.id == old.id);
            if let Some(new) = new.filter(|new| new.name != old.name) {
                renames.push((format!("{}.{}", quoted(&before.name), quoted(&old.name)), quoted(&new.name)));
            }
        }
    }
    renames
}
