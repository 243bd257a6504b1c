//! What goes wrong, and the exit status it gives.
//!
//! A [`Problem`] is a failure as it is told: the library's errors become one, and so do those of the command line and
//! of `whimbrel.toml`, which the library knows nothing of.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;

use whimbrel::diff::{Question, QuestionKind};
use whimbrel::schema::Source;
use whimbrel::{Error, State, history};

/// How a command ends. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; nothing changed.
    Failed = 1,
    /// The command line or `whimbrel.toml` is wrong.
    Usage = 2,
    /// Changes are pending (`plan --exit-code`, `migrate status --exit-code`).
    Pending = 3,
    /// An answer or an acceptance is needed.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The command line is wrong.
pub const USAGE: &str = "W0601";
/// `whimbrel.toml` is wrong.
pub const CONFIGURATION: &str = "W0602";
/// What was asked for could not be printed.
pub const OUTPUT: &str = "W0603";
/// A person said no.
pub const DECLINED: &str = "W0604";

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// What is told, the most important first. Never empty.
    pub problems: Vec<Problem>,
}

/// A failure as it is told.
#[derive(Debug, Default)]
pub struct Problem {
    /// The stable code.
    pub code: &'static str,
    /// One sentence without a full stop.
    pub message: String,
    /// The migration it is about: `0003_add-users`.
    pub migration: Option<String>,
    /// The table, view or other object it is about.
    pub object: Option<String>,
    /// The statement that failed.
    pub statement: Option<String>,
    /// The state of the database now.
    pub state: State,
    /// Where the cause stands.
    pub place: Option<Place>,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// Questions that must be answered first.
    pub questions: Vec<Question>,
    /// What the database or the system said.
    pub cause: Option<String>,
}

/// A place in a text.
#[derive(Debug)]
pub struct Place {
    /// The text.
    pub source: Arc<Source>,
    /// The bytes of the text.
    pub range: Range<usize>,
    /// A few words to stand there.
    pub label: String,
}

impl Problem {
    /// A problem with nothing but a code and a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), ..Problem::default() }
    }

    /// Open questions, with what answers each.
    pub fn open_questions(questions: &[Question]) -> Problem {
        let message = match questions {
            [question] => format!("{} is gone, and it cannot be told whether it was renamed", question.path()),
            _ => format!("{} things are gone, and it cannot be told whether they were renamed", questions.len()),
        };
        let mut help = Vec::new();
        for question in questions {
            let path = question.path();
            help.extend(rename_options(question).iter().map(|option| format!("if {path} was renamed: {option}")));
        }
        help.push("if what is gone is to be dropped, and what is new is new: --accept-data-loss".to_owned());
        Problem { help, questions: questions.to_vec(), ..Problem::new(whimbrel::Code::QuestionOpen.as_str(), message) }
    }
}

/// What can be given to `--rename` to answer a question, likeliest first.
pub fn renames(question: &Question) -> Vec<String> {
    let path = match &question.kind {
        QuestionKind::Table => path_part(&question.before),
        QuestionKind::Column { table } => format!("{}.{}", path_part(table), path_part(&question.before)),
    };
    question.candidates.iter().map(|candidate| format!("{path}={}", path_part(candidate))).collect()
}

/// The same as a person would type it in a shell.
pub fn rename_options(question: &Question) -> Vec<String> {
    renames(question).iter().map(|rename| format!("--rename {}", crate::render::shell_word(rename))).collect()
}

/// A name as part of a `--rename`.
fn path_part(name: &str) -> String {
    let plain = !name.is_empty() && !name.contains(['.', '=', '"']);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Problem {
        let report = error.report();
        let place = report.origin.source.as_ref().map(|source| Place {
            source: source.clone(),
            range: report.origin.range.clone(),
            label: report.label.clone(),
        });
        Problem {
            code: error.code().as_str(),
            message: report.message.clone(),
            migration: report.migration.clone(),
            object: report.object.clone(),
            statement: report.statement.clone(),
            state: report.state,
            place,
            help: report.help.clone(),
            questions: report.questions.clone(),
            cause: report.cause.clone(),
        }
    }
}

impl Failure {
    /// A failure with one problem.
    pub fn new(exit: Exit, problem: Problem) -> Failure {
        Failure { exit, problems: vec![problem] }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, Problem::new(USAGE, message))
    }

    /// Names the file that is meant, where the message does not.
    pub fn named(mut self, name: &str) -> Failure {
        for problem in self.problems.iter_mut().filter(|problem| !problem.message.contains(name)) {
            problem.message = format!("{name}: {}", problem.message);
        }
        self
    }

    /// Adds a sentence on what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Failure {
        if let Some(problem) = self.problems.first_mut() {
            problem.help.push(help.into());
        }
        self
    }
}

impl From<&history::Problem> for Problem {
    fn from(problem: &history::Problem) -> Problem {
        Problem::from(&problem.error())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        // What is refused has changed nothing.
        let untouched = matches!(error.report().state, State::Unchanged | State::RolledBack);
        let exit = if error.is_refusal() && untouched { Exit::Refused } else { Exit::Failed };
        Failure::new(exit, Problem::from(&error))
    }
}
