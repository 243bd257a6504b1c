//! A failure as a person reads it: code, sentence, the line it is about, and what to do next.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use whimbrel::State;

use super::words::is_hidden;
use super::{BOLD, printable, styled};
use crate::failure::{Place, Problem};

/// The failure in several lines, with colour. `database` is the one that may have been written to.
pub fn problem(problem: &Problem, database: Option<&str>) -> String {
    let lines = |text: &str| text.trim_end().lines().map(printable).collect::<Vec<_>>().join("\n");
    // Each with whether it is help.
    let mut remarks: Vec<(bool, String)> = Vec::new();
    if let Some(statement) = &problem.statement {
        remarks.push((false, format!("the statement was {}", shorten(&printable(statement), 400))));
    }
    remarks.extend(problem.cause.iter().map(|cause| (false, lines(cause))));
    remarks.extend(state(problem.state, database).map(|state| (false, state)));
    remarks.extend(problem.help.iter().map(|help| (true, lines(help))));

    let mut group = Group::with_title(Level::ERROR.primary_title(lines(&problem.message)).id(problem.code));
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    let Some((line, place)) = problem.place.as_ref().and_then(|place| Some((line_of(place)?, place))) else {
        // Without a line of source, the renderer would draw a margin beside nothing.
        let mut out = renderer.render(&[group]);
        for (is_help, text) in remarks {
            let name = if is_help { "help" } else { "note" };
            let text = text.replace('\n', "\n          ");
            out.push_str(&format!("\n  {} {}: {text}", styled(MARGIN, "="), styled(BOLD, name)));
        }
        return out;
    };
    let mark = AnnotationKind::Primary.span(line.mark).label(printable(&place.label));
    let path = printable(&place.source.name);
    group = group.element(Snippet::source(line.text).line_start(line.number).path(path).annotation(mark));
    for (is_help, text) in remarks {
        let level = if is_help { Level::HELP } else { Level::NOTE };
        group = group.element(level.message(text));
    }
    renderer.render(&[group])
}

/// The colour the renderer gives to margins.
const MARGIN: Style = AnsiColor::BrightBlue.on_default().bold();

fn state(state: State, database: Option<&str>) -> Option<String> {
    let name = database.map(printable);
    match (state, name) {
        (State::Unchanged, None) => None,
        (State::Unchanged, Some(name)) => Some(format!("{name} is unchanged")),
        (State::RolledBack, name) => {
            Some(format!("all was rolled back: {} is unchanged", name.as_deref().unwrap_or("the database")))
        }
        (State::Applied, name) => {
            Some(format!("the change itself is applied to {}", name.as_deref().unwrap_or("the database")))
        }
        (State::Begun, name) => Some(format!(
            "{} is between two versions: what was done stays, and the next run goes on",
            name.as_deref().unwrap_or("the database")
        )),
        (State::Unknown, name) => Some(format!(
            "{} holds the old version or the new one: plan again to see which",
            name.as_deref().unwrap_or("the database")
        )),
    }
}

fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The line that a place starts on.
struct Line {
    number: usize,
    text: String,
    mark: std::ops::Range<usize>,
}

/// Bytes of a line that are shown on either side of a place: a schema may be one line of a megabyte.
const AROUND: usize = 200;

fn line_of(place: &Place) -> Option<Line> {
    let text = place.source.text.as_str();
    let (start, end) = (place.range.start, place.range.end.min(text.len()).max(place.range.start));
    let before = text.get(..start)?;
    text.get(start..end)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let mut from = line_start.max(start.saturating_sub(AROUND));
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let mut to = line_end.min(start + AROUND);
    while !text.is_char_boundary(to) {
        to += 1;
    }
    // The mark covers what is there, not the line's end. Hidden characters keep their number of bytes, so that it stays in place.
    let shown = text[from..to].trim_end();
    let mark = start.min(from + shown.len()) - from..end.min(from + shown.len()) - from;
    let shown = shown.chars().flat_map(|c| {
        let (c, times) = if is_hidden(c) && c != '\t' { ('?', c.len_utf8()) } else { (c, 1) };
        std::iter::repeat_n(c, times)
    });
    Some(Line { number: before.matches('\n').count() + 1, text: shown.collect(), mark })
}
