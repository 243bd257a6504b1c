//! `plan`, `push`, `pull` and `doctor` on a PostgreSQL server, and what it reads for `translate`.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::Instant;

use tokio::runtime::Runtime;
use whimbrel::diff::{Answer, Question};
use whimbrel::postgres::schema::Schema;
use whimbrel::postgres::{
    Declared, Plan, Planner, Postgres, RunSettings, Scratch, Settings, Wanted, make_draft_plan, print, steps,
};
use whimbrel::postgres_host::Address;
use whimbrel::schema::Source;
use whimbrel::{Code, Error};

use crate::arguments::{BackupArguments, PlanArguments, Rename, shown};
use crate::configuration::{Configuration, FILE};
use crate::database::VARIABLE;
use crate::failure::{Exit, Failure, Problem};
use crate::planning::{Planning, refusal};
use crate::progress::{Progress, cancelled_by_interrupt};
use crate::render::{self, Heading, shell_word};
use crate::session::Session;
use crate::{ask, phases, source, wire};

/// A server, and the database on it that a command works on.
pub struct Server {
    pub address: Address,
    /// How it was called on the command line, where it was.
    pub word: Option<OsString>,
    runtime: Runtime,
}

/// How often a plan is made anew because others change the database meanwhile.
const ATTEMPTS: usize = 10;

impl Server {
    /// The server that is meant, where it is PostgreSQL: the option's, else the variable's, else the file's.
    pub fn named(option: Option<&OsString>, configuration: &Configuration) -> Result<Option<Server>, Failure> {
        let variable = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let Some(word) = option.cloned().or_else(variable).or_else(|| configuration.db.clone()) else {
            return Ok(None);
        };
        let server = Server::of(&word)?;
        Ok(server.map(|server| Server { word: option.cloned(), ..server }))
    }

    /// The server of a word, where it names one.
    pub fn of(word: &OsStr) -> Result<Option<Server>, Failure> {
        if is_postgres(word) { Ok(Some(Server::at(word)?)) } else { Ok(None) }
    }

    /// The schema of the database.
    pub fn schema(&self) -> Result<Schema, Failure> {
        let mut host = self.connect()?;
        Ok(self.runtime.block_on(whimbrel::postgres::read_declared_schema(&mut host))?)
    }

    /// What the sources declare, as the server understands it; nothing in the database is read.
    pub fn declared(&self, sources: &[Source], scratch: Option<&OsString>) -> Result<Declared, Failure> {
        let mut host = self.connect()?;
        let mut scratch = match scratch {
            Some(word) => Some(self.runtime.block_on(Postgres::connect_to(&address(word)?))?),
            None => None,
        };
        let declared = whimbrel::postgres::read_declared(&mut host, scratch.as_mut(), sources);
        Ok(self.runtime.block_on(declared)?)
    }

    /// The server at an address that is no default.
    pub fn at(word: &OsStr) -> whimbrel::Result<Server> {
        let address = address(word)?;
        Ok(Server { address, word: None, runtime: runtime()? })
    }

    /// Connects to it.
    pub fn connect(&self) -> whimbrel::Result<Postgres<whimbrel::postgres::Client>> {
        self.runtime.block_on(Postgres::connect_to(&self.address))
    }

    /// What `whimbrel doctor` finds.
    pub fn findings(&self) -> Result<Vec<whimbrel::Finding>, Failure> {
        let mut host = self.connect()?;
        Ok(self.runtime.block_on(whimbrel::postgres::doctor(&mut host))?)
    }

    /// `whimbrel pull`
    pub fn pull(self, session: &mut Session) -> Result<Exit, Failure> {
        let text = print::to_sql(&self.schema()?);
        session.record("database", &self.address.to_string());
        session.record("sql", &text);
        session.print(&text);
        Ok(Exit::Done)
    }

    /// `whimbrel plan`
    pub fn plan(
        self,
        session: &mut Session,
        arguments: &PlanArguments,
        configuration: &Configuration,
        with_sql: bool,
        exit_code: bool,
    ) -> Result<Exit, Failure> {
        let mut making = Making::new(session, &self, arguments, configuration)?;
        let plan = making.plan(arguments.accept_data_loss, &HashMap::new())?;
        let silenced = making.silenced(arguments)?;
        making.present(session, &plan, with_sql);
        if plan.is_empty() {
            return Ok(Exit::Done);
        }
        Planning::tell_silenced(session, &silenced);
        let exit = if exit_code { Exit::Pending } else { Exit::Done };
        match refusal(&plan.questions, &plan.obstacles) {
            Some(refusal) if plan.questions.is_empty() && refusal.exit == Exit::Refused => match session.json {
                true => Ok(exit),
                false => Err(Failure { exit, ..refusal }),
            },
            Some(refusal) => Err(refusal),
            None => {
                let command = making.push_command(arguments);
                session.say(&format!("Run it: {}", render::styled(render::BOLD, &command)));
                Ok(exit)
            }
        }
    }

    /// `whimbrel push`
    pub fn push(
        self,
        session: &mut Session,
        arguments: &PlanArguments,
        configuration: &Configuration,
        backup: &BackupArguments,
        yes: bool,
    ) -> Result<Exit, Failure> {
        if backup.backup == Some(true) || backup.keep.is_some() {
            return Err(Failure::usage("a PostgreSQL database is not backed up by whimbrel")
                .help("make a backup with pg_dump, and leave out --backup and --keep"));
        }
        let mut making = Making::new(session, &self, arguments, configuration)?;
        let asks = session.can_ask() && !yes;
        session.written = Some(self.address.to_string());
        let mut answers = HashMap::new();
        let mut accept = arguments.accept_data_loss;
        let silenced = making.silenced(arguments)?;
        let mut plan = making.plan(accept, &answers)?;
        while asks && ask::renames(session, &plan.questions, &mut answers)? {
            plan = making.plan(accept, &answers)?;
        }
        making.present(session, &plan, session.verbose);
        if plan.is_empty() {
            return Ok(Exit::Done);
        }
        Planning::tell_silenced(session, &silenced);
        let only_losses = !plan.obstacles.is_empty() && plan.obstacles.iter().all(Error::is_loss);
        if asks && only_losses && plan.questions.is_empty() {
            ask::yes(session, "Accept this loss?", false)?;
            accept = true;
            plan = making.plan(accept, &answers)?;
        }
        if let Some(refusal) = refusal(&plan.questions, &plan.obstacles) {
            return Err(refusal);
        }
        if asks {
            ask::yes(session, "Run it?", true)?;
        }
        let start = Instant::now();
        let mut progress = Progress::new(session.can_draw(), session.verbose && !session.json);
        let cancel = cancelled_by_interrupt();
        let mut attempts = 0;
        let report = loop {
            let run = plan.run_with(&mut making.host, &making.run, &mut progress, &cancel);
            match self.runtime.block_on(run) {
                Err(e) if e.code() == Code::Superseded && attempts < ATTEMPTS => {
                    attempts += 1;
                    let again = making.plan(accept, &answers)?;
                    if again.is_empty() {
                        session.say("No changes. Somebody else has made them meanwhile.");
                        return Ok(Exit::Done);
                    }
                    if again.changes != plan.changes {
                        return Err(Error::new(Code::Superseded, "the database has changed since the plan was shown")
                            .help("look at the new plan, and push again")
                            .into());
                    }
                    if let Some(refusal) = refusal(&again.questions, &again.obstacles) {
                        return Err(refusal);
                    }
                    plan = again;
                }
                outcome => break outcome,
            }
        };
        drop(progress);
        let report = report?;
        let time = start.elapsed();
        session.applied = true;
        session.record(
            "report",
            &wire::Report {
                changes: report.changes,
                steps: report.steps,
                rows: report.rows,
                seconds: time.as_secs_f64(),
                warnings: &report.warnings,
            },
        );
        for warning in &report.warnings {
            session.remark(&format!("{} {}", render::styled(render::OTHER, "warning:"), render::printable(warning)));
        }
        let done = format!("Done in {}: {}", render::duration(time), render::count(report.changes as u64, "change"));
        session.say(&format!("{done}."));
        Ok(Exit::Done)
    }
}

fn runtime() -> whimbrel::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Error::new(Code::CannotOpen, "no connection can be made").cause(e))
}

/// Waits for what is asked of a server.
pub fn block<T>(server: &Server, work: impl Future<Output = T>) -> T {
    server.runtime.block_on(work)
}

/// What `whimbrel diff` is given besides the two schemas.
pub struct Comparison<'a> {
    pub renames: &'a [Rename],
    pub ignore: &'a [String],
    pub strict_order: bool,
    pub accept_data_loss: bool,
}

impl Server {
    /// The server of the two words that is one.
    fn of_either(from: &OsStr, to: &OsStr) -> Result<Server, Failure> {
        let word = if is_postgres(from) { from } else { to };
        let configuration = Configuration::default();
        Server::named(Some(&word.to_owned()), &configuration)?
            .ok_or_else(|| Failure::usage(format!("{} is no PostgreSQL database", shown(word))))
    }

    /// `whimbrel diff`, where one of the two is a database on a server: the other may be another, or SQL that it executes.
    pub fn diff(session: &mut Session, from: &OsString, to: &OsString, how: &Comparison<'_>) -> Result<Exit, Failure> {
        let server = Server::of_either(from, to)?;
        let mut host = server.connect()?;
        let schema = |word: &OsStr| -> Result<Schema, Failure> {
            let mut other = server.runtime.block_on(Postgres::connect_to(&address(word)?))?;
            Ok(server.runtime.block_on(whimbrel::postgres::read_schema(&mut other))?)
        };
        let before = match is_postgres(from) {
            true => schema(from)?,
            false => {
                let sources = source::texts(session, std::slice::from_ref(from))?;
                let declared = whimbrel::postgres::read_declared(&mut host, None, &sources);
                server.runtime.block_on(declared)?.schema
            }
        };
        let wanted = match is_postgres(to) {
            true => Wanted::Schema(Box::new(schema(to)?)),
            false => Wanted::Sql(source::texts(session, std::slice::from_ref(to))?),
        };
        let mut settings =
            Settings { ignore: how.ignore.to_vec(), strict_order: how.strict_order, fast: true, ..Settings::default() };
        for rename in how.renames {
            settings.answers.rename(&rename.from, &rename.to)?;
        }
        let mut plan = |accept_data_loss: bool| -> Result<steps::Plan, Failure> {
            let settings = Settings { accept_data_loss, ..settings.clone() };
            let mut nobody = |_: &Question| None;
            let plan = make_draft_plan(&mut host, Scratch::Automatic, before.clone(), &wanted, &settings, &mut nobody);
            Ok(server.runtime.block_on(plan)?.0)
        };
        let open = plan(false)?;
        if !open.questions.is_empty() && !how.accept_data_loss {
            return refusal(&open.questions, &[]).map_or(Ok(Exit::Done), Err);
        }
        // A script loses nothing by being printed; what running it would lose stands in it.
        let plan = plan(true)?;
        if let Some(refusal) = refusal(&plan.questions, &plan.obstacles) {
            return Err(refusal);
        }
        let mut sql = String::new();
        for question in &open.questions {
            let ways = crate::failure::rename_options(question).join(" or ");
            let line = format!("-- {} is dropped; if it was renamed, say {ways}", question.path());
            sql.push_str(&format!("{}\n", render::printable(&line)));
        }
        for (_, what, _) in plan.losses() {
            sql.push_str(&format!("-- Data loss: {}\n", render::printable(what)));
        }
        sql.push_str(&plan.script());
        session.record("plan", &wire::PostgresPlan::new(&server.address.to_string(), &plan, &[], false));
        session.record("sql", &sql);
        if plan.is_empty() {
            session.remark("No changes.");
        } else {
            session.print(&sql);
        }
        Ok(Exit::Done)
    }
}

/// Whether a word names a PostgreSQL server, as a URL or in libpq's form of `host=… dbname=…`.
pub fn is_postgres(word: &OsStr) -> bool {
    const KEYS: [&str; 7] = ["host", "hostaddr", "port", "dbname", "user", "password", "sslmode"];
    let key = |text: &str| text.trim_start().split_once('=').map(|(key, _)| key.trim_end().to_owned());
    word.to_str().is_some_and(|text| Address::is_url(text) || key(text).is_some_and(|key| KEYS.contains(&key.as_str())))
}

/// The address that a word names, completed by the environment as libpq does it.
pub fn address(word: &OsStr) -> whimbrel::Result<Address> {
    let text = word.to_string_lossy();
    Ok(Address::parse(&text)?.completed(|name| std::env::var(name).ok()))
}

/// Everything a plan is made from.
struct Making<'s> {
    server: &'s Server,
    host: Postgres<whimbrel::postgres::Client>,
    scratch: Option<Postgres<whimbrel::postgres::Client>>,
    planner: Planner,
    sources: String,
    words: Vec<OsString>,
    run: RunSettings,
}

impl<'s> Making<'s> {
    fn new(
        session: &mut Session,
        server: &'s Server,
        arguments: &PlanArguments,
        configuration: &Configuration,
    ) -> Result<Making<'s>, Failure> {
        let words = if arguments.schema.is_empty() { &configuration.schema } else { &arguments.schema };
        if words.is_empty() {
            return Err(Failure::usage("no schema is named")
                .help(format!("name it with --schema schema.sql, or as `schema = \"schema.sql\"` in {FILE}")));
        }
        // Another database declares a schema too: it is read, and not asked about.
        let other = match words.as_slice() {
            [word] if is_postgres(word) => Some(address(word)?),
            _ => None,
        };
        let mut planner = match &other {
            Some(other) => {
                let mut host = server.runtime.block_on(Postgres::connect_to(other))?;
                Planner::from_schema(server.runtime.block_on(whimbrel::postgres::read_declared_schema(&mut host))?)
            }
            None => Planner::from_sources(source::texts(session, words)?),
        };
        for rename in &arguments.rename {
            planner = planner.rename(&rename.from, &rename.to)?;
        }
        for pattern in configuration.ignore.iter().chain(&arguments.ignore) {
            planner = planner.ignore(pattern);
        }
        let strict_order = arguments.strict_order.or(configuration.strict_order).unwrap_or(false);
        planner = planner.strict_order(strict_order).fast(arguments.fast).show_rows(arguments.show_rows);
        planner = arguments.phase.planner(planner);
        let mut run = RunSettings { statement_timeout: arguments.times.statement_timeout, ..RunSettings::default() };
        run.lock_timeout = arguments.times.lock_timeout.unwrap_or(run.lock_timeout);
        let scratch = match &arguments.scratch {
            Some(word) => Some(server.runtime.block_on(Postgres::connect_to(&address(word)?))?),
            None => None,
        };
        let sources = match &other {
            Some(other) => other.to_string(),
            None => source::names(words),
        };
        Ok(Making { server, host: server.connect()?, scratch, planner, sources, words: words.clone(), run })
    }

    fn plan(&mut self, accept_data_loss: bool, answers: &HashMap<String, Answer>) -> Result<Plan, Failure> {
        self.planner.set_accept_data_loss(accept_data_loss);
        let mut resolver = |question: &Question| answers.get(&question.key()).cloned();
        let plan = self.planner.plan_with(&mut self.host, self.scratch.as_mut(), &mut resolver);
        Ok(self.server.runtime.block_on(plan)?)
    }

    /// Questions that `--accept-data-loss` answers with drop and add.
    fn silenced(&mut self, arguments: &PlanArguments) -> Result<Vec<Question>, Failure> {
        match arguments.accept_data_loss {
            true => Ok(self.plan(false, &HashMap::new())?.questions.clone()),
            false => Ok(Vec::new()),
        }
    }

    fn present(&self, session: &mut Session, plan: &Plan, with_sql: bool) {
        let obstacles = plan.obstacles.iter().filter(|obstacle| obstacle.code() != Code::QuestionOpen);
        let problems: Vec<_> = obstacles.map(Problem::from).collect();
        let database = self.server.address.to_string();
        session.record("plan", &wire::PostgresPlan::new(&database, plan, &problems, with_sql));
        let phase = plan.phase.as_ref().map(phases::text).unwrap_or_default();
        if plan.is_empty() {
            session.say("No changes.");
            if !phase.is_empty() {
                session.say(phase.trim_end());
            }
            return;
        }
        let heading = Heading { database: &database, bytes: None, schema: &self.sources };
        session.say(&render::postgres_plan(&heading, plan, session.verbose));
        if !phase.is_empty() {
            session.say(phase.trim_end());
        }
        if with_sql && !plan.steps.is_empty() {
            session.say("");
            session.print(&plan.script());
            session.say("");
        }
    }

    /// The command that runs the plan. Where the database was not named, it need not be; a password is not shown.
    fn push_command(&self, arguments: &PlanArguments) -> String {
        let mut words = vec!["whimbrel".to_owned(), "push".to_owned()];
        if self.server.word.is_some() {
            words.extend(["--db".to_owned(), self.server.address.to_string()]);
        }
        for word in self.words.iter().filter(|_| !arguments.schema.is_empty()) {
            words.extend(["--schema".to_owned(), shown(word)]);
        }
        for rename in &arguments.rename {
            words.extend(["--rename".to_owned(), format!("{}={}", rename.from, rename.to)]);
        }
        for pattern in &arguments.ignore {
            words.extend(["--ignore".to_owned(), pattern.clone()]);
        }
        words.extend(arguments.phase.words());
        if let Some(strict) = arguments.strict_order {
            words.push(if strict { "--strict-order".to_owned() } else { "--strict-order=false".to_owned() });
        }
        if arguments.fast {
            words.push("--fast".to_owned());
        }
        // A word that is no URL may hold a password, and is written as an address without it.
        if let Some(scratch) = arguments.scratch.as_deref().and_then(|word| address(word).ok()) {
            words.extend(["--scratch".to_owned(), scratch.to_string()]);
        }
        let times = [
            ("--lock-timeout", arguments.times.lock_timeout),
            ("--statement-timeout", arguments.times.statement_timeout),
        ];
        for (option, time) in times {
            words.extend(time.into_iter().flat_map(|time| [option.to_owned(), format!("{}ms", time.as_millis())]));
        }
        if arguments.accept_data_loss {
            words.push("--accept-data-loss".to_owned());
        }
        words.iter().map(|word| render::printable(&shell_word(word))).collect::<Vec<_>>().join(" ")
    }
}
