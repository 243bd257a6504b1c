//! The library's main face: make a plan on an app's connection, look at it, run it.

use std::fmt;
use std::ops::Deref;

use whimbrel_core::diff::{Answer, Note, Question};
use whimbrel_core::plan;
use whimbrel_core::run::{
    Cancel, Observer, Report, Settings, block_on, make_plan, open_questions, run_at_once, run_plan,
};
use whimbrel_core::{Code, Result, Schema};

use crate::sqlite_host::{Interrupt, Sqlite};

type Resolver<'a> = Box<dyn FnMut(&Question) -> Option<Answer> + 'a>;

/// Compares a declared schema with a live database and plans the way from one to the other.
pub struct Planner<'a> {
    schema: &'a Schema,
    settings: Settings,
    resolver: Option<Resolver<'a>>,
}

impl<'a> Planner<'a> {
    /// A planner for this schema.
    pub fn new(schema: &'a Schema) -> Self {
        Planner { schema, settings: Settings::default(), resolver: None }
    }

    /// Whether steps that lose data may be taken. It also answers questions about renames that nobody else answers:
    /// what is gone is dropped, what is new is added.
    #[must_use]
    pub fn accept_data_loss(mut self, accept: bool) -> Self {
        self.settings.accept_data_loss = accept;
        self
    }

    /// Says that `path` (`users` or `users.mail`) is now called `name`.
    ///
    /// ```
    /// use whimbrel::{Planner, Schema};
    /// let mut db = rusqlite::Connection::open_in_memory()?;
    /// db.execute_batch("CREATE TABLE users(mail TEXT); INSERT INTO users VALUES ('a@b.c')")?;
    /// let schema = Schema::from_sql("CREATE TABLE users(email TEXT)")?;
    /// Planner::new(&schema).rename("users.mail", "email")?.plan(&mut db)?.run(&mut db)?;
    /// let email: String = db.query_row("SELECT email FROM users", [], |row| row.get(0))?;
    /// assert_eq!(email, "a@b.c");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::UnknownName`] where `path` has neither form.
    pub fn rename(mut self, path: &str, name: &str) -> Result<Self> {
        self.settings.answers.rename(path, name)?;
        Ok(self)
    }

    /// Leaves tables and views that match the pattern (`*`, `?`) out of sight.
    #[must_use]
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        self.settings.ignore.push(pattern.into());
        self
    }

    /// Whether another order of columns is a change; it costs a rebuild.
    #[must_use]
    pub fn strict_order(mut self, strict: bool) -> Self {
        self.settings.strict_order = strict;
        self
    }

    /// Whether the plan names the keys of rows that do not fit, among its warnings.
    #[must_use]
    pub fn show_rows(mut self, show: bool) -> Self {
        self.settings.show_rows = show;
        self
    }

    /// Who is asked whether something was renamed. `None` leaves the question open.
    #[must_use]
    pub fn resolver(mut self, resolver: impl FnMut(&Question) -> Option<Answer> + 'a) -> Self {
        self.resolver = Some(Box::new(resolver));
        self
    }

    /// Makes the plan; nothing is written. What keeps it from running stands in it.
    ///
    /// # Errors
    /// Where the database cannot be read, or an answer names what does not exist.
    pub fn plan(&mut self, conn: &mut rusqlite::Connection) -> Result<Plan> {
        let mut nobody = |_: &Question| None;
        let resolver: &mut dyn FnMut(&Question) -> Option<Answer> = match &mut self.resolver {
            Some(resolver) => resolver,
            None => &mut nobody,
        };
        let plan = block_on(make_plan(&mut Sqlite::new(conn), self.schema, &self.settings, resolver))?;
        Ok(Plan(plan))
    }

    /// The questions about renames that nobody has answered yet; neither the resolver nor an accepted loss counts. Only
    /// the catalogue is read, and no row.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn questions(&self, conn: &mut rusqlite::Connection) -> Result<Vec<Question>> {
        block_on(open_questions(&mut Sqlite::new(conn), self.schema, &self.settings))
    }

    /// Plans and runs. Where another process changes the database in between, it plans again.
    ///
    /// Nobody looks at the plan: whether rows fit a new constraint is left to SQLite, which looks at them anyway, and they are
    /// counted only where they do not.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn push(&mut self, conn: &mut rusqlite::Connection) -> Result<Report> {
        const ATTEMPTS: usize = 10;
        let settings = Settings { at_once: true, ..self.settings.clone() };
        let mut nobody = |_: &Question| None;
        let resolver: &mut dyn FnMut(&Question) -> Option<Answer> = match &mut self.resolver {
            Some(resolver) => resolver,
            None => &mut nobody,
        };
        let mut attempt = 1;
        loop {
            let mut host = Sqlite::new(&*conn);
            let outcome = block_on(async {
                let plan = make_plan(&mut host, self.schema, &settings, resolver).await?;
                run_at_once(&mut host, &plan, self.schema, &settings, resolver, &mut (), &Cancel::default()).await
            });
            match outcome {
                Err(e) if e.code() == Code::Superseded && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }
}

impl fmt::Debug for Planner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Brings a database to its declared schema; refuses whatever would lose data. What an app calls when it opens its
/// database in development, or where losing nothing can be relied on.
///
/// ```
/// use whimbrel::Schema;
/// let mut db = rusqlite::Connection::open_in_memory()?;
/// let schema = Schema::from_sql("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)")?;
/// assert_eq!(whimbrel::push(&mut db, &schema)?.changes, 1);
/// assert_eq!(whimbrel::push(&mut db, &schema)?.changes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Plan::run`].
pub fn push(conn: &mut rusqlite::Connection, schema: &Schema) -> Result<Report> {
    Planner::new(schema).push(conn)
}

/// A plan for one database. It shows all its parts through [`plan::Plan`], and prints as text.
#[derive(Debug)]
pub struct Plan(plan::Plan);

impl Plan {
    /// Runs the plan on the connection it was made on: one transaction, verified before it is committed.
    ///
    /// # Errors
    /// [`Error::report`](whimbrel_core::Error::report) tells the [state](whimbrel_core::State) of the database:
    /// unchanged, rolled back, or applied with a setting of the connection left over.
    pub fn run(&self, conn: &mut rusqlite::Connection) -> Result<Report> {
        block_on(run_plan(&mut Sqlite::new(conn), &self.0, &mut (), &Cancel::default()))
    }

    /// Runs the plan, telling an observer of its progress, until it is done or cancelled.
    ///
    /// ```
    /// use whimbrel::{Cancel, Event, Planner, Schema};
    /// let mut db = rusqlite::Connection::open_in_memory()?;
    /// let schema = Schema::from_sql("CREATE TABLE notes(body TEXT)")?;
    /// let plan = Planner::new(&schema).plan(&mut db)?;
    /// let mut steps = 0;
    /// let mut observer = |event: &Event<'_>| steps += usize::from(matches!(event, Event::Step { .. }));
    /// plan.run_with(&mut db, &mut observer, &Cancel::default())?;
    /// assert_eq!(steps, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Plan::run`], and [`Code::Cancelled`].
    pub fn run_with(
        &self,
        conn: &mut rusqlite::Connection,
        observer: &mut dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        let interrupt = Interrupt::new(conn, Some(cancel));
        block_on(run_plan(&mut Sqlite::new(interrupt.conn()), &self.0, observer, cancel))
    }
}

impl Deref for Plan {
    type Target = plan::Plan;

    fn deref(&self) -> &plan::Plan {
        &self.0
    }
}

/// The plan as plain text: what changes, how, and what stands in the way.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use whimbrel_core::diff::Change;
        if self.is_empty() {
            return f.write_str("No changes.\n");
        }
        for change in &self.changes {
            writeln!(f, "{} {} {}", change.sign(), change.object_kind(), change.object())?;
            if let Change::AlterTable(change) = change {
                for part in &change.parts {
                    writeln!(f, "    {} {}", part.sign(), part.describe())?;
                }
            }
        }
        for (step, what, rows) in self.losses() {
            writeln!(f, "! {}: loses {what} ({})", step.object, plan::rows_text(rows))?;
        }
        for note in &self.notes {
            match note {
                Note::ColumnOrder { table, stored, .. } => {
                    writeln!(f, "  columns of {table} will stand in this order: {}", stored.join(", "))?;
                }
            }
        }
        for obstacle in &self.obstacles {
            writeln!(f, "! {obstacle}")?;
        }
        Ok(())
    }
}
