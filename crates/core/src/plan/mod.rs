//! What a plan is, for every database: changes, the steps that make them, and what stands in the way.
//!
//! The planner of each dialect fills these values in; the procedures in [`run`](crate::run) execute them; programs
//! print them. A step knows the change it comes from and why no cheaper way was possible.

use std::fmt;

use crate::diff::{Change, Note, Question};
use crate::error::Error;
use crate::schema::Schema;

/// All that is to be done to bring a database to its declared schema.
#[derive(Debug, Default)]
pub struct Plan {
    /// What differs.
    pub changes: Vec<Change>,
    /// What will be done, in this order.
    pub steps: Vec<Step>,
    /// What must be answered before there can be steps.
    pub questions: Vec<Question>,
    /// What keeps the plan from being run as it is: losses that were not accepted, rows that do not fit.
    pub obstacles: Vec<Error>,
    /// What is worth telling.
    pub notes: Vec<Note>,
    /// What is worth a warning and keeps nothing from running.
    pub warnings: Vec<String>,
    /// Tables that the database has now, as far as they are in sight.
    pub tables: usize,
    /// The schema that the database will have; empty where nothing differs, for it then has what is declared.
    pub target: Schema,
    /// Tables whose foreign keys are checked afterwards, by their names before and after.
    pub foreign_key_checks: Vec<(String, String)>,
    /// What the database looked like when the plan was made.
    pub basis: Basis,
    /// Free disk space that the run needs, in bytes, on top of the database's size now.
    pub disk_bytes: u64,
    /// Whether rows were not asked what the run asks them by itself. How many they are is then not known: a table with rows
    /// has 1.
    pub left_to_run: bool,
    /// What was left out of both schemas.
    pub ignored: Vec<String>,
    /// Whether the order of columns counts.
    pub strict_order: bool,
}

/// What the plan was made from; a run refuses to start on anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basis {
    /// A hash of the catalogue's text.
    pub catalogue: u64,
    /// SQLite's `PRAGMA data_version`, which changes when another connection commits.
    pub data_version: i64,
    /// SQLite's `total_changes()`, which changes when this connection writes rows: they were not asked.
    pub own_changes: i64,
    /// SQLite's version, as a number: 3.54.1 is 3054001.
    pub version: u32,
}

/// One step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The change it comes from: a place in [`Plan::changes`].
    pub change: usize,
    /// Where that is a [`Change::AlterTable`], the places of its parts.
    pub parts: Vec<usize>,
    /// The object it works on, by its name in the target.
    pub object: String,
    /// What it does, in a few words: `add column age`.
    pub title: String,
    /// How.
    pub strategy: Strategy,
    /// Why nothing cheaper was possible.
    pub reason: Option<String>,
    /// What can go wrong or get lost.
    pub hazards: Vec<Hazard>,
    /// Rows it reads or writes.
    pub rows: u64,
    /// Bytes it writes, as far as that is known before.
    pub bytes: u64,
    /// The statements.
    pub statements: Vec<Statement>,
}

/// How a step is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// A new object is made.
    #[default]
    Create,
    /// An object is removed.
    Drop,
    /// An object without rows of its own is dropped and made anew.
    Recreate,
    /// The database changes the table where it stands.
    InPlace,
    /// Only the table's text in the catalogue is changed.
    Catalogue,
    /// The table is made anew beside the old one and its rows are copied.
    Rebuild,
}

/// What is dangerous about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hazard {
    /// Data will be gone.
    DataLoss {
        /// What is lost, as a noun phrase: `column users.mail`.
        what: String,
        /// How many rows lose something.
        rows: u64,
    },
    /// Every row is written again.
    Rewrite {
        /// How many.
        rows: u64,
    },
    /// Rows that are there now, or come before the run, may not satisfy a new constraint.
    MayFail {
        /// The constraint in a few words.
        constraint: String,
        /// How many rows there are to satisfy it.
        rows: u64,
    },
    /// The step cannot be undone from the database alone.
    Irreversible,
}

/// One statement of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Executed as it stands.
    Execute(String),
    /// `INSERT … SELECT` of a whole table, done in portions where the rows can be walked by rowid.
    Copy(Copy),
    /// `UPDATE` of a whole table, done in portions likewise.
    Fill(Fill),
    /// A query that must give a single 0.
    Check {
        /// The query.
        sql: String,
        /// What it means when it does not, as a clause.
        failure: String,
    },
    /// SQLite's `PRAGMA schema_version` raised by one, which makes every connection read the schema again.
    RaiseSchemaVersion,
}

/// A copy of all rows of a table into another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// `INSERT INTO new (…) SELECT … FROM old`, without WHERE and ORDER BY.
    pub head: String,
    /// ` ORDER BY …`, for doing it in one go.
    pub order: String,
    /// Where old and new rows have the same rowid, its name in the old table: the copy can be done in portions.
    pub rowid: Option<String>,
    /// The new table.
    pub into: String,
    /// The name of the rowid in the new table, where there is one.
    pub into_rowid: Option<String>,
    /// Rows to copy.
    pub rows: u64,
}

impl Copy {
    /// The whole copy as one statement.
    pub fn sql(&self) -> String {
        format!("{}{}", self.head, self.order)
    }
}

/// Values that the rows of a table get where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// `UPDATE table SET …`, without WHERE.
    pub head: String,
    /// Which rows get a value; none where all do.
    pub condition: Option<String>,
    /// The values that each of them gets.
    pub values: Vec<String>,
    /// The table.
    pub table: String,
    /// The name of its rowid, where it has one: the rows can be walked in portions.
    pub rowid: Option<String>,
    /// Rows of the table.
    pub rows: u64,
}

impl Fill {
    /// The whole of it as one statement.
    pub fn sql(&self) -> String {
        match &self.condition {
            Some(condition) => format!("{} WHERE {condition}", self.head),
            None => self.head.clone(),
        }
    }

    /// The part of it that concerns the rows behind rowid `after`, up to rowid `last`.
    pub(crate) fn portion(&self, rowid: &str, after: Option<i64>, last: i64) -> String {
        let mut sql = format!("{} WHERE {rowid} <= {last}", self.head);
        if let Some(after) = after {
            sql.push_str(&format!(" AND {rowid} > {after}"));
        }
        if let Some(condition) = &self.condition {
            sql.push_str(&format!(" AND ({condition})"));
        }
        sql
    }
}

impl Statement {
    /// The statement as SQL that a person could run.
    pub fn sql(&self) -> String {
        match self {
            Statement::Execute(sql) => sql.clone(),
            Statement::Copy(copy) => copy.sql(),
            Statement::Fill(fill) => fill.sql(),
            Statement::Check { sql, .. } => sql.clone(),
            Statement::RaiseSchemaVersion => "PRAGMA main.schema_version".to_owned(),
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.questions.is_empty()
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
        self.steps.iter().filter(|s| s.rewrites()).map(|s| s.rows).sum()
    }

    /// The whole plan as a script that `sqlite3` could run, with the settings and the transaction around it.
    pub fn script(&self) -> String {
        let mut out = String::new();
        if self.steps.is_empty() {
            return out;
        }
        out.push_str("PRAGMA foreign_keys = OFF;\nBEGIN EXCLUSIVE;\n");
        for step in &self.steps {
            out.push_str(&format!("\n-- {}: {}\n", step.object.replace('\n', " "), step.title.replace('\n', " ")));
            for statement in &step.statements {
                match statement {
                    Statement::Check { sql, failure } => {
                        out.push_str(&format!("-- must be 0, else {failure}:\n{sql};\n"));
                    }
                    Statement::RaiseSchemaVersion => {
                        out.push_str("-- set this to one more than it is:\nPRAGMA main.schema_version;\n");
                    }
                    Statement::Execute(_) | Statement::Copy(_) | Statement::Fill(_) => {
                        out.push_str(&(statement.sql() + ";\n"));
                    }
                }
            }
        }
        for (_, table) in &self.foreign_key_checks {
            let table = crate::sqlite::token::quote_name(table);
            out.push_str(&format!("\n-- must give no row:\nPRAGMA main.foreign_key_check({table});\n"));
        }
        out.push_str("\nCOMMIT;\nPRAGMA foreign_keys = ON;\n");
        out
    }
}

impl Step {
    /// Whether it writes the rows of its table again, one by one.
    pub(crate) fn rewrites(&self) -> bool {
        let fills = |statement: &Statement| matches!(statement, Statement::Fill(_));
        self.strategy == Strategy::Rebuild || self.statements.iter().any(fills)
    }

    /// Whether its own statement looks at all rows, writes none, and fails where they do not fit: ALTER TABLE with a new
    /// constraint, CREATE UNIQUE INDEX.
    pub(crate) fn verifies(&self) -> bool {
        !self.rewrites() && self.hazards.iter().any(|hazard| matches!(hazard, Hazard::MayFail { .. }))
    }
}

impl Strategy {
    /// The strategy in the words of a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Create => "create",
            Strategy::Drop => "drop",
            Strategy::Recreate => "recreate",
            Strategy::InPlace => "in place",
            Strategy::Catalogue => "catalogue",
            Strategy::Rebuild => "rebuild",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hazard::DataLoss { what, rows } => write!(f, "data loss: {what}, {}", rows_text(*rows)),
            Hazard::Rewrite { rows } => write!(f, "writes {} again", rows_text(*rows)),
            Hazard::MayFail { constraint, rows } => write!(f, "may fail: {constraint} on {}", rows_text(*rows)),
            Hazard::Irreversible => f.write_str("irreversible"),
        }
    }
}

/// `1 row`, `2 rows`.
pub fn rows_text(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}
