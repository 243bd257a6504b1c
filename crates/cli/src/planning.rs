//! What `plan` and `push` share: from the options to a plan, and from a plan to what is said of it.

use std::collections::HashMap;
use std::ffi::OsString;

use rusqlite::Connection;
use whimbrel::diff::{Answer, Question};
use whimbrel::{Code, Error, Plan, Planner, Schema};

use crate::arguments::{DatabaseArgument, PlanArguments, Rename, shown};
use crate::configuration::{Configuration, FILE};
use crate::database::Database;
use crate::failure::{Exit, Failure, Problem};
use crate::render::{self, Heading, shell_word};
use crate::session::Session;
use crate::{source, wire};

/// Everything a plan is made from, but the rows.
pub struct Planning {
    /// The database.
    pub database: Database,
    /// The declared schema.
    pub schema: Schema,
    /// Where it was declared, for messages.
    pub sources: String,
    /// Answers given on the terminal, by key.
    pub answers: HashMap<String, Answer>,
    /// Whether data may be lost.
    pub accept_data_loss: bool,
    renames: Vec<Rename>,
    ignore: Vec<String>,
    strict_order: bool,
    show_rows: bool,
    /// The options that name database and schema, as they were written.
    words: Vec<OsString>,
}

impl Planning {
    /// Reads the options, the configuration and the declared schema.
    pub fn new(
        session: &mut Session,
        db: &DatabaseArgument,
        arguments: &PlanArguments,
        configuration: &Configuration,
    ) -> Result<Planning, Failure> {
        let database = Database::choose(db, configuration)?;
        if arguments.phase.is_given() {
            return Err(Failure::usage("a change in two phases is for PostgreSQL servers")
                .help("a SQLite database has the clients of one app: leave out --expand and --contract"));
        }
        let sources = if arguments.schema.is_empty() { &configuration.schema } else { &arguments.schema };
        if sources.is_empty() {
            return Err(Failure::usage("no schema is named")
                .help(format!("name it with --schema schema.sql, or as `schema = \"schema.sql\"` in {FILE}")));
        }
        let schema = source::read_declared(session, sources)?;
        let mut words = Vec::new();
        if let Some(word) = &database.word {
            words.extend(["--db".into(), word.clone()]);
        }
        for word in &arguments.schema {
            words.extend(["--schema".into(), word.clone()]);
        }
        for rename in &arguments.rename {
            words.extend(["--rename".into(), format!("{}={}", rename.from, rename.to).into()]);
        }
        for pattern in &arguments.ignore {
            words.extend(["--ignore".into(), pattern.into()]);
        }
        match arguments.strict_order {
            Some(true) => words.push("--strict-order".into()),
            Some(false) => words.push("--strict-order=false".into()),
            None => {}
        }
        if arguments.accept_data_loss {
            words.push("--accept-data-loss".into());
        }
        Ok(Planning {
            database,
            schema,
            sources: source::names(sources),
            answers: HashMap::new(),
            accept_data_loss: arguments.accept_data_loss,
            renames: arguments.rename.clone(),
            ignore: configuration.ignore.iter().chain(&arguments.ignore).cloned().collect(),
            strict_order: arguments.strict_order.or(configuration.strict_order).unwrap_or(false),
            show_rows: arguments.show_rows,
            words,
        })
    }

    /// Plans on an open database.
    pub fn plan(&self, connection: &mut Connection) -> Result<Plan, Failure> {
        Ok(self.planner(self.accept_data_loss)?.plan(connection)?)
    }

    fn planner(&self, accept_data_loss: bool) -> Result<Planner<'_>, Failure> {
        let mut planner = Planner::new(&self.schema)
            .accept_data_loss(accept_data_loss)
            .strict_order(self.strict_order)
            .show_rows(self.show_rows)
            .resolver(|question: &Question| self.answers.get(&question.key()).cloned());
        for pattern in &self.ignore {
            planner = planner.ignore(pattern);
        }
        for rename in &self.renames {
            planner = planner.rename(&rename.from, &rename.to)?;
        }
        Ok(planner)
    }

    /// Makes the plan again, after the database may have changed; nothing where nothing is left to do.
    ///
    /// What was not shown is not run.
    pub fn still(&self, connection: &mut Connection, shown: &Plan) -> Result<Option<Plan>, Failure> {
        let plan = self.plan(connection)?;
        if plan.is_empty() {
            return Ok(None);
        }
        if plan.changes != shown.changes {
            return Err(Error::new(Code::Superseded, "the database has changed since the plan was shown")
                .help("look at the new plan, and push again")
                .into());
        }
        match Planning::refusal(&plan) {
            Some(refusal) => Err(refusal),
            None => Ok(Some(plan)),
        }
    }

    /// Questions that `--accept-data-loss` answered with drop and add.
    pub fn silenced_questions(&self, connection: &mut Connection) -> Result<Vec<Question>, Failure> {
        match self.accept_data_loss {
            true => Ok(self.planner(false)?.questions(connection)?),
            false => Ok(Vec::new()),
        }
    }

    /// Prints the plan and records it as JSON.
    pub fn present(&self, session: &mut Session, plan: &Plan, bytes: Option<u64>, with_sql: bool) {
        // Open questions have a place of their own.
        let obstacles = plan.obstacles.iter().filter(|obstacle| obstacle.code() != Code::QuestionOpen);
        let problems: Vec<_> = obstacles.map(Problem::from).collect();
        let database = self.database.shown();
        session.record("plan", &wire::Plan::new(&database, bytes.is_none(), plan, &problems, with_sql));
        if plan.is_empty() {
            session.say("No changes.");
            return;
        }
        let heading = Heading { database: &database, bytes, schema: &self.sources };
        session.say(&render::plan(&heading, plan, session.verbose));
        if with_sql && !plan.steps.is_empty() {
            session.say("");
            session.print(&plan.script());
            session.say("");
        }
    }

    /// Tells what `--accept-data-loss` decided of itself, and how to decide otherwise.
    pub fn tell_silenced(session: &mut Session, questions: &[Question]) {
        session.record("answered", &questions.iter().map(wire::Question::from).collect::<Vec<_>>());
        for question in questions {
            let ways = crate::failure::rename_options(question);
            session.say(&format!(
                "note: {} is dropped, because of --accept-data-loss; if it was renamed, say {}",
                render::printable(&question.path()),
                render::printable(&ways.join(" or "))
            ));
        }
    }

    /// Why the plan cannot be run as it is, if it cannot.
    pub fn refusal(plan: &Plan) -> Option<Failure> {
        refusal(&plan.questions, &plan.obstacles)
    }

    /// The command that runs the plan.
    pub fn push_command(&self) -> String {
        let mut out = "whimbrel push".to_owned();
        for word in &self.words {
            out.push(' ');
            out.push_str(&render::printable(&shell_word(&shown(word))));
        }
        out
    }
}

/// Why a plan with these questions and obstacles cannot be run as it is, if it cannot.
pub fn refusal(questions: &[Question], obstacles: &[Error]) -> Option<Failure> {
    let mut problems = Vec::new();
    let mut exit = Exit::Refused;
    if !questions.is_empty() {
        problems.push(Problem::open_questions(questions));
    }
    for obstacle in obstacles {
        if !obstacle.is_refusal() && obstacle.code() != Code::QuestionOpen {
            exit = Exit::Failed;
        }
        // The questions are told above, with what answers them.
        if obstacle.code() != Code::QuestionOpen || questions.is_empty() {
            problems.push(Problem::from(obstacle));
        }
    }
    (!problems.is_empty()).then_some(Failure { exit, problems })
}
