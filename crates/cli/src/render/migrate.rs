//! Migrations as a person reads them: a line each, with what became of it at the right.

use unicode_width::UnicodeWidthStr;
use whimbrel::history::{Origin, Problem};

use super::{BOLD, DIM, GONE, NEW, OTHER, clock, count, printable, styled};
use crate::overview::{Row, RowState};

/// Names beyond this do not push what stands behind them further.
const WIDEST: usize = 48;

/// Lines of migrations; a `!` marks those that a problem is about.
pub fn rows(rows: &[Row<'_>], problems: &[Problem]) -> String {
    let tags: Vec<String> = rows.iter().map(|row| printable(&row.tag())).collect();
    let width = tags.iter().map(|tag| tag.width()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut out = String::new();
    for (row, tag) in rows.iter().zip(&tags) {
        let own: Vec<&Problem> =
            problems.iter().filter(|p| p.idx == Some(row.idx()) && (p.name == row.tag() || p.name == *tag)).collect();
        let is_wrong = own.iter().any(|problem| problem.blocks);
        let (sign, style) = match row.state {
            _ if is_wrong => ('!', GONE),
            RowState::Newer | RowState::Missing | RowState::Undoing { .. } => ('!', GONE),
            RowState::Pending { .. } => ('+', NEW),
            RowState::Applied => (' ', DIM),
        };
        let gap = " ".repeat(width.saturating_sub(tag.width()) + 2);
        out.push_str(&format!("  {} {tag}{gap}{}", styled(style, &sign.to_string()), styled(DIM, &what(row))));
        for problem in own {
            out.push_str(&format!("  {}", styled(if problem.blocks { GONE } else { OTHER }, word(problem))));
        }
        out.push('\n');
    }
    out
}

/// What became of a migration.
fn what(row: &Row<'_>) -> String {
    let mut out = match (row.state, row.record) {
        (RowState::Pending { phases: 0 }, _) => "pending".to_owned(),
        (RowState::Pending { phases }, _) => format!("pending, {} done", count(u64::from(phases), "phase")),
        (RowState::Undoing { phases }, _) => format!("{} undone", count(u64::from(phases), "phase")),
        (RowState::Missing, None) => "missing".to_owned(),
        (_, Some(record)) => {
            let how = match record.origin {
                Origin::Run => "applied",
                Origin::Snapshot => "in the snapshot",
                Origin::Baseline => "adopted",
                Origin::Squash => "applied in a squash",
            };
            format!("{how} {}", clock(record.applied_at))
        }
        (RowState::Applied | RowState::Newer, None) => "applied".to_owned(),
    };
    if let Some(squashed) = row.migration.map(|m| m.replaces.len()).filter(|n| *n > 0) {
        out.push_str(&format!(", squashed from {squashed}"));
    }
    out
}

/// What is wrong, in a word or two.
fn word(problem: &Problem) -> &'static str {
    use whimbrel::Code::*;
    match problem.code {
        MigrationEdited => "edited",
        MigrationStale => "edited since it was made",
        MigrationMissing => "missing",
        MigrationUnlisted => "not in the journal",
        MigrationDuplicate => "number used twice",
        MigrationRenamed => "renamed",
        MigrationMoved => "moved",
        OutOfOrder => "out of order",
        DatabaseNewer => "newer than the migrations here",
        Held => "given up by apps",
        HalfUndone => "half undone",
        _ => "see below",
    }
}

/// A finding that is no failure, with what to do about it.
pub fn finding_lines(code: &str, message: &str, help: &[String]) -> String {
    let mut out =
        format!("{} {}", styled(OTHER.bold(), &format!("warning[{code}]:")), styled(BOLD, &printable(message)));
    for help in help {
        out.push_str(&format!("\n  {} {}", styled(DIM, "="), printable(help)));
    }
    out
}
