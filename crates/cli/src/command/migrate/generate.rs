//! `whimbrel migrate generate`

use std::collections::HashMap;

use clap::{ArgAction, Args};
use whimbrel::diff::{Answer, Question};
use whimbrel::history::author::{self, Draft, DraftSettings, Edit, NewMigration, Repair, Write, add, draft, repair};
use whimbrel::history::{MemoryFiles, Problem, adopt};
use whimbrel::postgres::{Settings, Wanted};
use whimbrel::run::matches_pattern;
use whimbrel::{Answers, Code, Dialect, Error, Folder, Migration, Schema};

use crate::arguments::{Rename, rename};
use crate::configuration::FILE;
use crate::failure::{self, Exit, Failure};
use crate::migrations::{Now, Project, refusal};
use crate::overview::{Compare, Overview};
use crate::planning::Planning;
use crate::render::{BOLD, DIM, GONE, OTHER, printable, styled};
use crate::session::Session;
use crate::{ask, source, wire};

/// Write the migration that leads to the declared schema
///
/// Compares the schema that the migrations make with the declared one, and writes the script, its way back, the snapshot
/// and the journal. Between the generated parts there is room for statements of your own, where old and new stand side by
/// side. A folder that is missing is made. What may be a rename is asked on a terminal; off a terminal, what needs an
/// answer or an acceptance is refused with status 4, and nothing is written. The same input gives the same bytes:
/// SOURCE_DATE_EPOCH takes the place of the clock.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Generate {
    /// What the migration is called [default: after what it does]
    #[arg(short, long)]
    name: Option<String>,
    /// Say that a table or column has a new name: users=people, users.mail=email
    #[arg(long, value_name = "FROM=TO", action = ArgAction::Append, value_parser = rename)]
    rename: Vec<Rename>,
    /// Let data be lost, and take a renamed thing for a dropped and an added one unless --rename says otherwise
    #[arg(long)]
    accept_data_loss: bool,
    /// Write an empty migration, for statements of your own
    #[arg(long, conflicts_with_all = ["rename", "accept_data_loss", "strict_order"])]
    custom: bool,
    /// Only print what would be written
    #[arg(long, visible_alias = "preview")]
    dry_run: bool,
    /// Take another order of columns for a change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict_order: Option<bool>,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel migrate generate --name add-users --schema schema.sql
  whimbrel migrate generate --name e-mail --rename users.mail=email
  whimbrel migrate generate --dry-run
  whimbrel migrate generate --custom --name fill-in-words";

/// What a custom migration begins with.
const CUSTOM: &str = "-- Your statements:\n\n";
/// And its way back.
const CUSTOM_DOWN: &str = "\
-- What undoes it. Where nothing does, remove this file, and put this at the top of the other one:
--   -- whimbrel: irreversible

";

impl Generate {
    /// Compares, asks and writes.
    pub fn run(self, session: &mut Session, mut project: Project) -> Result<Exit, Failure> {
        if self.name.as_ref().is_some_and(|name| author::kebab(name).is_empty()) {
            return Err(Failure::usage("the name of a migration needs a letter or a digit"));
        }
        let mut files = project.copy()?;
        let folder = Folder::read(&files)?;
        let (taken_over, folder) = take_over(session, &project, &mut files, folder)?;
        let now = Now::get();
        let drafted = match self.custom {
            true => Draft { up: CUSTOM.to_owned(), down: Some(CUSTOM_DOWN.to_owned()), ..Draft::default() },
            false => {
                let drafted = self.draft(session, &project, &folder)?;
                record(session, &drafted);
                if drafted.up.is_empty() {
                    session.record("migration", &Option::<wire::migrate::Named<'_>>::None);
                    session.say("No changes.");
                    return finish_without(session, &mut project, taken_over, self.dry_run);
                }
                drafted
            }
        };
        let usual = if self.custom { "custom".to_owned() } else { author::name_of(&drafted.changes) };
        let new = NewMigration {
            name: self.name.clone().unwrap_or(usual),
            up: drafted.up.clone(),
            down: drafted.down.clone(),
            schema: (!self.custom).then(|| drafted.schema.clone()),
            day: now.day,
            now: now.digits,
        };
        let (edit, migration) = add(&files, &folder, &new, &mut |history| project.replay(history))?;
        present(session, &drafted, migration.down.is_some());
        session.record("migration", &wire::migrate::Named::from(&migration));
        if self.dry_run {
            preview(session, &project, &edit);
            return Ok(Exit::Done);
        }
        let edits: Vec<Edit> = taken_over.into_iter().chain([edit]).collect();
        project.write(session, &edits)?;
        tell_next(session, &project, &migration, self.custom);
        Ok(Exit::Done)
    }

    /// The scripts, after all questions are answered.
    fn draft(&self, session: &mut Session, project: &Project, folder: &Folder) -> Result<Draft, Failure> {
        if project.schema.is_empty() {
            return Err(Failure::usage("no schema is named")
                .help(format!("name it with --schema schema.sql, or as `schema = \"schema.sql\"` in {FILE}"))
                .help("an empty migration for statements of your own: --custom"));
        }
        if folder.dialect == Dialect::Postgres {
            return self.draft_on_server(session, project, folder);
        }
        let before = match &folder.snapshot {
            Some(snapshot) => Schema::from_snapshot(snapshot)?,
            None => project.replay(&folder.history)?.schema.sqlite().cloned().unwrap_or_default(),
        };
        // What is out of sight, or another tool's, comes into no migration; what the migrations have made stays.
        let declared = source::read_declared(session, &project.schema)?.without(|name| {
            let is_known =
                before.table(name).is_some() || before.views.iter().any(|v| v.name.eq_ignore_ascii_case(name));
            let is_ignored = project.ignore.iter().any(|pattern| matches_pattern(pattern, name));
            !is_known && (is_ignored || adopt::is_bookkeeping(name))
        });
        let mut answers: HashMap<String, Answer> = HashMap::new();
        let mut accepted = self.accept_data_loss;
        let asks = session.can_ask();
        if accepted {
            let open = draft(&before, &declared, &self.settings(project, &answers, false)?);
            let questions = open.map(|open| open.questions).unwrap_or_default();
            Planning::tell_silenced(session, &questions);
        }
        loop {
            match draft(&before, &declared, &self.settings(project, &answers, accepted)?) {
                Ok(drafted) if drafted.questions.is_empty() => return Ok(drafted),
                Ok(drafted) if asks => {
                    if !ask::renames(session, &drafted.questions, &mut answers)? {
                        return Err(open_questions(session, &drafted.questions));
                    }
                }
                Ok(drafted) => return Err(open_questions(session, &drafted.questions)),
                Err(e) if e.is_loss() && asks && !accepted => {
                    session.say(&format!("  {}", styled(GONE, &format!("! {}", printable(&e.report().message)))));
                    ask::yes(session, "Accept this loss?", false)?;
                    accepted = true;
                }
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// The same where PostgreSQL itself says what the declared schema means.
    fn draft_on_server(&self, session: &mut Session, project: &Project, folder: &Folder) -> Result<Draft, Failure> {
        let wanted = Wanted::Sql(source::texts(session, &project.schema)?);
        let mut given: HashMap<String, Answer> = HashMap::new();
        let mut accepted = self.accept_data_loss;
        let asks = session.can_ask();
        let draft = |given: &HashMap<String, Answer>, accept: bool| -> Result<Result<Draft, Error>, Failure> {
            let settings = self.settings(project, given, accept)?;
            let settings = Settings {
                answers: settings.answers,
                accept_data_loss: accept,
                ignore: project.ignore.clone(),
                strict_order: settings.strict_order,
                ..Settings::default()
            };
            Ok(project.draft(&folder.history, &wanted, &settings))
        };
        if accepted {
            let open = draft(&given, false)?;
            Planning::tell_silenced(session, &open.map(|open| open.questions).unwrap_or_default());
        }
        loop {
            match draft(&given, accepted)? {
                Ok(drafted) if drafted.questions.is_empty() => return Ok(drafted),
                Ok(drafted) if asks => {
                    if !ask::renames(session, &drafted.questions, &mut given)? {
                        return Err(open_questions(session, &drafted.questions));
                    }
                }
                Ok(drafted) => return Err(open_questions(session, &drafted.questions)),
                Err(e) if e.is_loss() && asks && !accepted => {
                    session.say(&format!("  {}", styled(GONE, &format!("! {}", printable(&e.report().message)))));
                    ask::yes(session, "Accept this loss?", false)?;
                    accepted = true;
                }
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn settings(
        &self,
        project: &Project,
        given: &HashMap<String, Answer>,
        accept_data_loss: bool,
    ) -> Result<DraftSettings, Failure> {
        let mut answers = Answers::default();
        for rename in &self.rename {
            answers.rename(&rename.from, &rename.to)?;
        }
        for (key, answer) in given {
            answers.answer(key, answer.clone());
        }
        let strict_order = self.strict_order.or(project.configuration.strict_order).unwrap_or(false);
        Ok(DraftSettings { answers, accept_data_loss, strict_order, ..DraftSettings::default() })
    }
}

fn open_questions(session: &mut Session, questions: &[Question]) -> Failure {
    session.record("questions", &questions.iter().map(wire::Question::from).collect::<Vec<_>>());
    Failure::new(Exit::Refused, failure::Problem::open_questions(questions))
}

/// The newest migration is still in the making: one that was edited since it was made is taken over as it is now. All
/// else that does not fit is refused.
fn take_over(
    session: &mut Session,
    project: &Project,
    files: &mut MemoryFiles,
    folder: Folder,
) -> Result<(Option<Edit>, Folder), Failure> {
    let newest = folder.history.newest();
    let is_newest = |problem: &&Problem| problem.code == Code::MigrationStale && problem.idx == Some(newest);
    let matters = |problem: &&Problem| problem.blocks || problem.code == Code::MigrationStale;
    let others: Vec<Problem> = folder
        .problems
        .iter()
        .filter(|problem| matters(problem) && !is_newest(problem))
        .map(|problem| Problem { blocks: true, ..problem.clone() })
        .collect();
    if let Some(refusal) = refusal(&others) {
        return Err(refusal);
    }
    let Some(stale) = folder.problems.iter().find(is_newest) else { return Ok((None, folder)) };
    // A database that has run the old text would refuse the new one.
    if project.server.is_some() || project.database.as_ref().is_some_and(|database| database.path.is_file()) {
        let looked = project.look()?;
        let overview = Overview::new(project, &folder, looked.connection.as_ref(), &Compare::default())?;
        let edited: Vec<Problem> =
            overview.problems.into_iter().filter(|problem| problem.code == Code::MigrationEdited).collect();
        if let Some(refusal) = refusal(&edited) {
            return Err(refusal);
        }
    }
    let how = Repair { day: Now::get().day, ..Repair::default() };
    let edit = repair(files, &how, &mut |history| project.replay(history))?;
    edit.apply(files)?;
    session.say(&format!("{} was edited since it was made, and is taken over as it is now.\n", printable(&stale.name)));
    let folder = Folder::read(files)?;
    Ok((Some(edit), folder))
}

/// Nothing is to be made; what was taken over is written all the same.
fn finish_without(
    session: &mut Session,
    project: &mut Project,
    taken_over: Option<Edit>,
    dry_run: bool,
) -> Result<Exit, Failure> {
    if let Some(edit) = taken_over.filter(|_| !dry_run) {
        project.write(session, &[edit])?;
    }
    Ok(Exit::Done)
}

fn record(session: &mut Session, drafted: &Draft) {
    session.record("changes", &drafted.changes);
    session.record("losses", &drafted.losses);
    session.record("down_losses", &drafted.down_losses);
    session.record("warnings", &drafted.warnings);
}

/// What the migration does, and what it takes away.
fn present(session: &mut Session, drafted: &Draft, has_way_back: bool) {
    for change in &drafted.changes {
        session.say(&format!("  {}", printable(change)));
    }
    for loss in &drafted.losses {
        session.say(&format!("  {}", styled(GONE, &format!("! data loss: {}", printable(loss)))));
    }
    // Some tools' folders have no place for a way back.
    for loss in drafted.down_losses.iter().filter(|_| has_way_back) {
        session.say(&format!("  {}", styled(DIM, &format!("lost on the way down: {}", printable(loss)))));
    }
    for warning in &drafted.warnings {
        session.say(&format!("{} {}", styled(OTHER, "warning:"), printable(warning)));
    }
    if !drafted.changes.is_empty() {
        session.say("");
    }
}

fn preview(session: &mut Session, project: &Project, edit: &Edit) {
    let mut scripts = Vec::new();
    for write in &edit.writes {
        if let Write::File { path, bytes } = write
            && path.ends_with(".sql")
        {
            scripts.push((project.shown_path(path), String::from_utf8_lossy(bytes).into_owned()));
        }
    }
    // The way there comes first.
    scripts.sort_by_key(|(path, _)| path.ends_with("down.sql"));
    let sql: Vec<_> = scripts.iter().map(|(path, text)| wire::migrate::Script { file: path, sql: text }).collect();
    session.record("scripts", &sql);
    for (path, text) in &scripts {
        session.print(&format!("-- {}\n{}\n", printable(path), super::ended(text)));
    }
}

fn tell_next(session: &mut Session, project: &Project, migration: &Migration, custom: bool) {
    let path = printable(&project.shown_path(&migration.path));
    let repair = styled(BOLD, &project.command("repair"));
    session.say("");
    match custom {
        true => session.say(&format!("Write your statements into {path}. Then: {repair}")),
        false => {
            session.say(&format!("Statements of your own go into {path}, where it says “Your data”. Then: {repair}"))
        }
    }
    session.say(&format!("Try it out: {}", styled(BOLD, &project.command("verify"))));
}
