//! PostgreSQL: the declared schema, the plan and its run, over an app's `tokio_postgres::Client` or a connection of our
//! own. All of it is async, and runs on the app's runtime.
//!
//! ```no_run
//! use whimbrel::postgres::{Planner, Postgres};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut server = Postgres::connect("postgres://localhost/notes").await?;
//! let plan = Planner::new("CREATE TABLE notes(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)")
//!     .plan(&mut server)
//!     .await?;
//! print!("{}", plan.script());
//! plan.run(&mut server).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A plan is tried out on an empty copy of the schema before it is offered. Where the role may not make a database, or
//! the client is the app's own and leads to no other database, that is done in a transaction that is rolled back.

use std::ops::Deref;

use whimbrel_core::diff::{Answer, Question};
use whimbrel_core::postgres::expand::Action;
use whimbrel_core::postgres::expand::record::Release;
use whimbrel_core::postgres::host::Host;
use whimbrel_core::postgres::prepare::{self, make_plan};
use whimbrel_core::postgres::run::run_plan;
use whimbrel_core::postgres::schema::Schema;
use whimbrel_core::postgres::scratch::Place;
use whimbrel_core::run::{Cancel, Observer, Report};
use whimbrel_core::schema::Source;
use whimbrel_core::{Code, Result};

pub use crate::postgres_host::{Address, Postgres};
pub use crate::postgres_migrator::Migrator;
pub use tokio_postgres::Client;
pub use whimbrel_core::postgres::declared::Declared;
pub use whimbrel_core::postgres::doctor::doctor;
pub use whimbrel_core::postgres::draft::draft;
pub use whimbrel_core::postgres::prepare::{Settings, Wanted, make_draft_plan};
pub use whimbrel_core::postgres::read::read_schema;
pub use whimbrel_core::postgres::run::RunSettings;
pub use whimbrel_core::postgres::scratch::Scratch;
pub use whimbrel_core::postgres::token::quote_name;
pub use whimbrel_core::postgres::versioned::count;
pub use whimbrel_core::postgres::{diff, expand, print, schema, split, statement, steps, versioned};

/// The schema that sources declare, as the server of `host` understands it. They are executed in an empty place, which is
/// gone afterwards: a database of its own, else a transaction that is rolled back; with `scratch`, in that database.
///
/// # Errors
/// [`Code::SchemaRejected`] where the server does not accept a statement, [`Code::NotADeclaration`] for one that is no part
/// of a schema, [`Code::NotPermitted`] where there is no place to execute them in.
pub async fn read_declared<H: Host>(host: &mut H, scratch: Option<&mut H>, sources: &[Source]) -> Result<Declared> {
    let scratch = scratch.map_or(Scratch::Automatic, Scratch::Given);
    let mut place = Place::open(host, scratch).await?;
    let declared = whimbrel_core::postgres::declared::read_declared(&mut place, sources).await;
    let closed = place.close().await;
    let declared = declared?;
    closed?;
    Ok(declared)
}

/// Compares a declared schema with a live database and plans the way from one to the other.
#[derive(Debug)]
pub struct Planner {
    wanted: Wanted,
    settings: Settings,
}

impl Planner {
    /// A planner for a schema that is declared as SQL.
    pub fn new(sql: impl Into<String>) -> Planner {
        Planner::from_sources(vec![Source { name: "schema".to_owned(), text: sql.into() }])
    }

    /// A planner for a schema in several texts, with their names for messages.
    pub fn from_sources(sources: Vec<Source>) -> Planner {
        Planner { wanted: Wanted::Sql(sources), settings: Settings::default() }
    }

    /// A planner for the schema of another database.
    pub fn from_schema(schema: Schema) -> Planner {
        Planner { wanted: Wanted::Schema(Box::new(schema)), settings: Settings::default() }
    }

    /// Whether steps that lose data may be taken. It also answers questions about renames that nobody else answers:
    /// what is gone is dropped, what is new is added.
    #[must_use]
    pub fn accept_data_loss(mut self, accept: bool) -> Planner {
        self.set_accept_data_loss(accept);
        self
    }

    /// The same for a planner that is kept.
    pub fn set_accept_data_loss(&mut self, accept: bool) {
        self.settings.accept_data_loss = accept;
    }

    /// Says that `path` (`users`, `users.mail`, `app.users.mail`, or `status.done` for a label of an enum) is now called
    /// `name`.
    ///
    /// # Errors
    /// [`Code::UnknownName`] where `path` has none of these forms.
    pub fn rename(mut self, path: &str, name: &str) -> Result<Planner> {
        self.settings.answers.rename(path, name)?;
        Ok(self)
    }

    /// Leaves tables and views that match the pattern (`*`, `?`) out of sight, by `name` or `schema.name`.
    #[must_use]
    pub fn ignore(mut self, pattern: impl Into<String>) -> Planner {
        self.settings.ignore.push(pattern.into());
        self
    }

    /// Whether another order of columns is told as a change; PostgreSQL cannot make it.
    #[must_use]
    pub fn strict_order(mut self, strict: bool) -> Planner {
        self.settings.strict_order = strict;
        self
    }

    /// Whether the keys of the rows that do not fit are named, in the plan's warnings.
    #[must_use]
    pub fn show_rows(mut self, show: bool) -> Planner {
        self.settings.show_rows = show;
        self
    }

    /// Whether nobody uses the database: everything is done in the shortest way.
    #[must_use]
    pub fn fast(mut self, fast: bool) -> Planner {
        self.settings.fast = fast;
        self
    }

    /// Plans the first of two phases: what only adds is done, and what clients up to this release need stays beside it,
    /// kept in step with what newer ones write.
    ///
    /// ```no_run
    /// use whimbrel::postgres::{Planner, Postgres};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut server = Postgres::connect("postgres://localhost/notes").await?;
    /// let schema = "CREATE TABLE users(id bigint PRIMARY KEY, email text)";
    /// // Clients up to release 12 call it `mail`.
    /// Planner::new(schema).rename("users.mail", "email")?.expand(12).push(&mut server).await?;
    /// // When there are only newer ones:
    /// Planner::new(schema).contract(13).push(&mut server).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn expand(mut self, client: Release) -> Planner {
        self.settings.action = Action::Expand { client };
        self
    }

    /// Plans the second phase: what no client from this release on needs goes.
    #[must_use]
    pub fn contract(mut self, oldest: Release) -> Planner {
        self.settings.action = Action::Contract { oldest };
        self
    }

    /// While a database is expanded: what a column of new clients gets when an old one writes, as an expression over the
    /// columns of the table.
    #[must_use]
    pub fn new_value(mut self, path: impl Into<String>, expression: impl Into<String>) -> Planner {
        self.settings.values.new.push((path.into(), expression.into()));
        self
    }

    /// While a database is expanded: what a column of old clients gets when a new one writes, as an expression over the
    /// columns of the table.
    #[must_use]
    pub fn old_value(mut self, path: impl Into<String>, expression: impl Into<String>) -> Planner {
        self.settings.values.old.push((path.into(), expression.into()));
        self
    }

    /// Makes the plan; nothing is written to the database. What keeps it from running stands in it.
    ///
    /// # Errors
    /// Where the database cannot be read, the server does not accept the declared schema, or an answer names what does
    /// not exist.
    pub async fn plan<H: Host>(&self, host: &mut H) -> Result<Plan> {
        self.plan_with(host, None, &mut |_| None).await
    }

    /// Makes the plan, with an empty database to try things in, where none may be made, and somebody to ask about
    /// renames.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub async fn plan_with<H: Host>(
        &self,
        host: &mut H,
        scratch: Option<&mut H>,
        resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
    ) -> Result<Plan> {
        let scratch = scratch.map_or(Scratch::Automatic, Scratch::Given);
        Ok(Plan(make_plan(host, scratch, &self.wanted, &self.settings, resolver).await?))
    }

    /// Plans and runs. Where another process changes the database in between, it plans again.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub async fn push<H: Host>(&self, host: &mut H) -> Result<Report> {
        const ATTEMPTS: usize = 10;
        let mut attempt = 1;
        loop {
            match self.plan(host).await?.run(host).await {
                Err(e) if e.code() == Code::Superseded && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }
}

/// Reads the schema of a database as it would be declared: where it is expanded, as the newest clients see it.
///
/// # Errors
/// Where the database cannot be read.
pub async fn read_declared_schema<H: Host>(host: &mut H) -> Result<Schema> {
    prepare::read_declared_schema(host, Scratch::Automatic).await
}

/// A plan for one database; its parts are those of [`steps::Plan`].
#[derive(Debug)]
pub struct Plan(steps::Plan);

impl Plan {
    /// Adds a step behind all others: something that no schema holds, and that goes with the change.
    pub fn push(&mut self, step: steps::Step) {
        self.0.steps.push(step);
    }

    /// Runs the plan, with a second as the limit for locks.
    ///
    /// # Errors
    /// [`Error::report`](whimbrel_core::Error::report) tells the [state](whimbrel_core::State) of the database. Where it is
    /// [`State::Begun`](whimbrel_core::State::Begun), a new plan goes on where this run stopped.
    pub async fn run<H: Host>(&self, host: &mut H) -> Result<Report> {
        self.run_with(host, &RunSettings::default(), &mut (), &Cancel::default()).await
    }

    /// Runs the plan, telling an observer of its progress, until it is done or cancelled.
    ///
    /// # Errors
    /// As [`Plan::run`], and [`Code::Cancelled`].
    pub async fn run_with<H: Host, O: Observer + ?Sized>(
        &self,
        host: &mut H,
        settings: &RunSettings,
        observer: &mut O,
        cancel: &Cancel,
    ) -> Result<Report> {
        run_plan(host, &self.0, settings, observer, cancel).await
    }
}

impl Deref for Plan {
    type Target = steps::Plan;

    fn deref(&self) -> &steps::Plan {
        &self.0
    }
}
