//! What a plan for PostgreSQL is: changes, steps, and how each statement has to be run.
//!
//! The steps stand in the order in which they run. Neighbours that may share a transaction share one; a step that must
//! stand alone (an index that is built while others write, a constraint whose rows are checked while others write) is
//! committed by itself, so that a run may stop between two of them. Where it stopped is seen by the next run from the
//! database alone: an index that is not valid, a constraint that is not validated.

use super::diff::Change;
use super::expand::Phase;
use super::schema::{ObjectId, Schema};
use crate::diff::{Note, Question};
use crate::error::Error;
use crate::plan::{Hazard, Strategy};

/// All that is to be done to bring a PostgreSQL database to its declared schema.
#[derive(Debug, Default)]
pub struct Plan {
    /// What differs.
    pub changes: Vec<Change>,
    /// What will be done, in this order.
    pub steps: Vec<Step>,
    /// What must be answered before there can be steps.
    pub questions: Vec<Question>,
    /// What keeps the plan from being run as it is.
    pub obstacles: Vec<Error>,
    /// What is worth telling.
    pub notes: Vec<Note>,
    /// What is worth a warning and keeps nothing from running.
    pub warnings: Vec<String>,
    /// The schema as it was read.
    pub before: Schema,
    /// The schema that the database will have.
    pub target: Schema,
    /// What was left out of both schemas, as patterns.
    pub ignored: Vec<String>,
    /// Whether the order of columns counts.
    pub strict_order: bool,
    /// The schema behind each [group](Plan::groups) of which it is known: what a run finds there before it commits.
    pub between: Vec<Option<Schema>>,
    /// What it means for old and new clients, where it is one of two phases, or the database is between them.
    pub phase: Option<Phase>,
}

/// One step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The change it comes from: a place in [`Plan::changes`].
    pub change: usize,
    /// Where that alters a table or type, the places of its parts.
    pub parts: Vec<usize>,
    /// The object it works on, as it is shown.
    pub object: String,
    /// What it does, in a few words: `add column age`.
    pub title: String,
    /// How.
    pub strategy: Strategy,
    /// Why nothing cheaper was possible.
    pub reason: Option<String>,
    /// What can go wrong or get lost.
    pub hazards: Vec<Hazard>,
    /// Rows it reads or writes, as far as PostgreSQL's own estimate knows.
    pub rows: u64,
    /// Bytes of what it reads or writes.
    pub bytes: u64,
    /// The strongest lock it takes on something that was there before, and on what.
    pub lock: Option<(Lock, ObjectId)>,
    /// Whether it reads all rows of the table while it holds the lock.
    pub reads: bool,
    /// Whether it must be committed by itself.
    pub alone: bool,
    /// Whether functions of the user's may be called by it: they find what they name by the session's own search path.
    pub calls: bool,
    /// The statements.
    pub statements: Vec<Statement>,
    /// What takes away again what earlier steps have made for this one, where rows do not fit: a check that refuses
    /// rows which the schema allows, a constraint that not all rows satisfy.
    pub undo: Vec<String>,
}

/// A lock on a table, from the weakest that matters to the strongest
/// (<https://www.postgresql.org/docs/current/explicit-locking.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// Nothing waits but other changes of the schema.
    ShareUpdateExclusive,
    /// Writers wait.
    Share,
    /// Writers wait.
    ShareRowExclusive,
    /// Writers wait, and so does `SELECT … FOR UPDATE`.
    Exclusive,
    /// Readers and writers wait.
    AccessExclusive,
}

/// One statement of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Executed as it stands, inside of a transaction.
    Execute(String),
    /// Executed outside of any transaction, such as `CREATE INDEX CONCURRENTLY`.
    Outside {
        /// The statement.
        sql: String,
        /// The same for a database without users, which may run inside of a transaction.
        plain: String,
    },
    /// An UPDATE of all rows that have no value yet, made in portions; each in a transaction of its own.
    Backfill {
        /// The statement for all rows, whose last clause is `WHERE` with `left`.
        sql: String,
        /// The table.
        table: ObjectId,
        /// The condition of rows that have no value yet.
        left: String,
        /// How many rows there are to change, as far as is known.
        rows: u64,
    },
    /// A query that must give a single 0.
    Check {
        /// The query.
        sql: String,
        /// What it means when it does not, as a clause.
        failure: String,
    },
}

impl Lock {
    /// The lock in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Lock::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Lock::Share => "SHARE",
            Lock::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Lock::Exclusive => "EXCLUSIVE",
            Lock::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Who waits while it is held.
    pub fn blocks(self) -> &'static str {
        match self {
            Lock::ShareUpdateExclusive => "other changes of the schema",
            Lock::Share | Lock::ShareRowExclusive | Lock::Exclusive => "writes",
            Lock::AccessExclusive => "reads and writes",
        }
    }
}

impl Statement {
    /// The statement as SQL that a person could run.
    pub fn sql(&self) -> &str {
        match self {
            Statement::Execute(sql)
            | Statement::Outside { sql, .. }
            | Statement::Backfill { sql, .. }
            | Statement::Check { sql, .. } => sql,
        }
    }
}

impl Plan {
    /// Whether there is nothing to do, and nothing in the way of knowing that.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.questions.is_empty() && self.obstacles.is_empty()
    }

    /// What would be lost, step by step.
    pub fn losses(&self) -> impl Iterator<Item = (&Step, &str, u64)> {
        self.steps.iter().flat_map(|step| {
            step.hazards.iter().filter_map(move |hazard| match hazard {
                Hazard::DataLoss { what, rows } => Some((step, what.as_str(), *rows)),
                _ => None,
            })
        })
    }

    /// Rows that will be written again.
    pub fn rows(&self) -> u64 {
        self.steps.iter().flat_map(|step| &step.hazards).fold(0, |sum, hazard| match hazard {
            Hazard::Rewrite { rows } => sum + rows,
            _ => sum,
        })
    }

    /// The steps in the groups that are committed together: a step that must stand alone is a group of its own.
    pub fn groups(&self) -> Vec<&[Step]> {
        let mut groups = Vec::new();
        let mut start = 0;
        for (at, step) in self.steps.iter().enumerate() {
            if step.alone {
                groups.push(&self.steps[start..at]);
                groups.push(&self.steps[at..=at]);
                start = at + 1;
            }
        }
        groups.push(&self.steps[start..]);
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// The whole plan as a script that `psql` could run.
    pub fn script(&self) -> String {
        let mut out = String::new();
        for group in self.groups() {
            let alone = group.first().is_some_and(|step| step.alone);
            out.push_str(if alone { "\n" } else { "\nBEGIN;\n" });
            for step in group {
                out.push_str(&format!("-- {}: {}\n", step.object.replace('\n', " "), step.title.replace('\n', " ")));
                for statement in &step.statements {
                    match statement {
                        Statement::Check { sql, failure } => {
                            out.push_str(&format!("-- must be 0, else {failure}:\n{sql};\n"));
                        }
                        Statement::Backfill { sql, .. } => {
                            out.push_str(&format!("-- in portions, each committed by itself:\n{sql};\n"));
                        }
                        Statement::Execute(sql) | Statement::Outside { sql, .. } => out.push_str(&format!("{sql};\n")),
                    }
                }
            }
            out.push_str(if alone { "" } else { "COMMIT;\n" });
        }
        out.trim_start().to_owned()
    }
}
