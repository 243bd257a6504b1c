//! What a person reads.

mod migrate;
mod plan;
mod postgres;
mod problem;
mod words;

pub use migrate::{finding_lines, rows};
pub use plan::{Heading, plan};
pub use postgres::postgres_plan;
pub use problem::problem;
pub use words::{bytes, clock, count, duration, moment, printable, shell_word, timestamp};

use anstyle::{AnsiColor, Style};

/// What is new.
pub const NEW: Style = AnsiColor::Green.on_default();
/// What is gone, or will be lost.
pub const GONE: Style = AnsiColor::Red.on_default();
/// What is other.
pub const OTHER: Style = AnsiColor::Yellow.on_default();
/// What is said by the way.
pub const DIM: Style = Style::new().dimmed();
/// What a line is about.
pub const BOLD: Style = Style::new().bold();

/// A text in a style.
pub fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}
