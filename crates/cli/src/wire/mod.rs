//! What a program reads: the JSON of `--json`, described in `docs/json.md`.
//!
//! **Invariant:** these types are apart from the model, so that the model can change and the format does not. A
//! member may be added without a new format; one that goes or means something else takes a new [`FORMAT`].

pub mod migrate;
mod plan;
mod postgres;

use serde::Serialize;
use serde_json::{Map, Value};
use whimbrel::State;

use crate::failure;

pub use plan::{Plan, Report};
pub use postgres::PostgresPlan;

/// The format that this version writes.
pub const FORMAT: u32 = 1;

/// The one object that is printed.
#[derive(Serialize)]
pub struct Document<'a> {
    /// The format.
    pub format: u32,
    /// The command; none where the command line was not understood.
    pub command: Option<&'a str>,
    /// What the command has to say.
    #[serde(flatten)]
    pub members: Map<String, Value>,
    /// Why the command did not do what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem<'a>>,
}

/// A failure.
#[derive(Serialize)]
pub struct Problem<'a> {
    code: &'a str,
    message: &'a str,
    migration: Option<&'a str>,
    object: Option<&'a str>,
    statement: Option<&'a str>,
    state: &'static str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    label: Option<&'a str>,
    cause: Option<&'a str>,
    help: &'a [String],
    questions: Vec<Question>,
}

impl<'a> From<&'a failure::Problem> for Problem<'a> {
    fn from(problem: &'a failure::Problem) -> Self {
        let place = problem.place.as_ref();
        let origin = place
            .map(|place| whimbrel::schema::Origin { source: Some(place.source.clone()), range: place.range.clone() });
        let position = origin.and_then(|origin| origin.line_and_column());
        Problem {
            code: problem.code,
            message: &problem.message,
            migration: problem.migration.as_deref(),
            object: problem.object.as_deref(),
            statement: problem.statement.as_deref(),
            state: match problem.state {
                State::Unchanged => "unchanged",
                State::RolledBack => "rolled_back",
                State::Applied => "applied",
                State::Unknown => "unknown",
                State::Begun => "begun",
            },
            file: place.map(|place| place.source.name.as_str()),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            label: place.map(|place| place.label.as_str()).filter(|label| !label.is_empty()),
            cause: problem.cause.as_deref(),
            help: &problem.help,
            questions: problem.questions.iter().map(Question::from).collect(),
        }
    }
}

/// A question that must be answered.
#[derive(Serialize)]
pub struct Question {
    key: String,
    path: String,
    before: String,
    candidates: Vec<String>,
    renames: Vec<String>,
}

impl From<&whimbrel::diff::Question> for Question {
    fn from(question: &whimbrel::diff::Question) -> Self {
        Question {
            key: question.key(),
            path: question.path(),
            before: question.before.clone(),
            candidates: question.candidates.clone(),
            renames: failure::renames(question),
        }
    }
}

/// A backup.
#[derive(Serialize)]
pub struct Backup {
    name: String,
    path: String,
    taken: String,
    bytes: u64,
}

impl From<&whimbrel::backup::Backup> for Backup {
    fn from(backup: &whimbrel::backup::Backup) -> Self {
        Backup {
            name: backup.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            path: backup.path.display().to_string(),
            taken: backup.taken.to_string(),
            bytes: backup.bytes,
        }
    }
}
