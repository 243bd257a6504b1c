//! Questions to a person on the terminal.

use std::collections::HashMap;

use inquire::ui::RenderConfig;
use inquire::{Confirm, InquireError, Select};
use whimbrel::diff::{Answer, Question, QuestionKind};

use crate::failure::{DECLINED, Exit, Failure, Problem};
use crate::render::printable;
use crate::session::Session;

/// Asks the open questions; whether there were any. Answering one about a table may open others about its columns.
pub fn renames(
    session: &Session,
    questions: &[Question],
    answers: &mut HashMap<String, Answer>,
) -> Result<bool, Failure> {
    let mut asked = false;
    let mut taken: Vec<(QuestionKind, String)> = Vec::new();
    for question in questions {
        if answers.contains_key(&question.key()) {
            continue;
        }
        let names: Vec<_> = taken.iter().filter(|(kind, _)| *kind == question.kind).map(|(_, n)| n.clone()).collect();
        let answer = rename(session, question, &names)?;
        if let Answer::Rename(name) = &answer {
            taken.push((question.kind.clone(), name.clone()));
        }
        answers.insert(question.key(), answer);
        asked = true;
    }
    Ok(asked)
}

/// Asks what became of something that is gone. `taken` are names already given away to others.
fn rename(session: &Session, question: &Question, taken: &[String]) -> Result<Answer, Failure> {
    prepare(session);
    let kind = match &question.kind {
        QuestionKind::Table => "table",
        QuestionKind::Column { .. } => "column",
    };
    let path = printable(&question.path());
    let candidates: Vec<&String> = question.candidates.iter().filter(|name| !taken.contains(name)).collect();
    let mut options: Vec<String> = candidates.iter().map(|name| format!("renamed to {}", printable(name))).collect();
    if options.is_empty() {
        return Ok(Answer::DropAndAdd);
    }
    options.push("dropped, and the new one is new".to_owned());
    let chosen = Select::new(&format!("What became of {kind} {path}?"), options).raw_prompt().map_err(no_answer)?;
    Ok(match candidates.get(chosen.index) {
        Some(name) => Answer::Rename((*name).clone()),
        None => Answer::DropAndAdd,
    })
}

/// Asks for a yes. `usual` is what the Enter key says.
pub fn yes(session: &Session, question: &str, usual: bool) -> Result<(), Failure> {
    prepare(session);
    match Confirm::new(&printable(question)).with_default(usual).prompt().map_err(no_answer)? {
        true => Ok(()),
        false => Err(declined("you said no")),
    }
}

fn prepare(session: &Session) {
    let look = if session.has_color() { RenderConfig::default_colored() } else { RenderConfig::empty() };
    inquire::set_global_render_config(look);
}

fn no_answer(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => declined("no answer was given"),
        error => {
            let mut failure = declined("the terminal cannot be asked").help("answer on the command line: see --help");
            failure.problems.iter_mut().for_each(|problem| problem.cause = Some(error.to_string()));
            failure
        }
    }
}

fn declined(message: &str) -> Failure {
    Failure::new(Exit::Refused, Problem::new(DECLINED, message))
}
