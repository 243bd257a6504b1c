//! Both ways in one file: goose, dbmate and sql-migrate.
//!
//! | | way up | way back | outside of transactions |
//! |---|---|---|---|
//! | goose | `-- +goose Up` | `-- +goose Down` | `-- +goose NO TRANSACTION` |
//! | dbmate | `-- migrate:up` | `-- migrate:down` | `-- migrate:up transaction:false` |
//! | sql-migrate | `-- +migrate Up` | `-- +migrate Down` | `-- +migrate Up notransaction` |
//!
//! Each stands on a line of its own, in any case of letters. goose and sql-migrate need `StatementBegin` and
//! `StatementEnd` around a trigger; we do not, but a statement between them may lack its semicolon. Migrations in Go
//! cannot be read, and neither can what goose takes from the environment.

use super::{Found, Layout, has_extension, has_statements, own};
use crate::dialect::Dialect;
use crate::error::{Code, Result};
use crate::history::statements::tokens;
use crate::history::{Files, Problem};

/// What a line says to one of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Up { transaction: bool },
    Down,
    Begin,
    End,
    NoTransaction,
    Environment,
}

/// The mark on a line, and whose it is.
fn mark(line: &str) -> Option<(Layout, Mark)> {
    let comment = line.trim_start().strip_prefix("--")?.trim().to_ascii_lowercase();
    let mut words = comment.split_whitespace();
    let first = words.next()?;
    let rest: Vec<&str> = words.collect();
    let (layout, mark) = match (first, rest.as_slice()) {
        ("+goose", ["up"]) => (Layout::Goose, Mark::Up { transaction: true }),
        ("+goose", ["down"]) => (Layout::Goose, Mark::Down),
        ("+goose", ["statementbegin"]) => (Layout::Goose, Mark::Begin),
        ("+goose", ["statementend"]) => (Layout::Goose, Mark::End),
        ("+goose", ["no", "transaction"]) => (Layout::Goose, Mark::NoTransaction),
        ("+goose", ["envsub", "on"]) => (Layout::Goose, Mark::Environment),
        ("+migrate", ["up", options @ ..]) => {
            (Layout::Sections, Mark::Up { transaction: !options.contains(&"notransaction") })
        }
        ("+migrate", ["down", ..]) => (Layout::Sections, Mark::Down),
        ("+migrate", ["statementbegin"]) => (Layout::Sections, Mark::Begin),
        ("+migrate", ["statementend"]) => (Layout::Sections, Mark::End),
        ("migrate:up", options) => {
            (Layout::Sections, Mark::Up { transaction: !options.contains(&"transaction:false") })
        }
        ("migrate:down", _) => (Layout::Sections, Mark::Down),
        _ => return None,
    };
    Some((layout, mark))
}

/// Whose file it is, where it says which part is the way up.
pub(super) fn layout(text: &str) -> Option<Layout> {
    text.lines().filter_map(mark).find(|(_, mark)| matches!(mark, Mark::Up { .. })).map(|(layout, _)| layout)
}

pub(super) fn read(
    files: &dyn Files,
    dialect: Dialect,
    paths: &[String],
    problems: &mut Vec<Problem>,
) -> Result<Vec<Found>> {
    let (programs, others): (Vec<String>, Vec<String>) = paths.iter().cloned().partition(|path| is_go(path));
    for path in programs {
        let message = format!("{path} is written in Go, and cannot be read");
        problems.push(
            Problem::new(Code::MigrationScript, None, &path, message)
                .help("write what it does as SQL, in a file of the same name with .sql"),
        );
    }
    let found = own::read(files, &others, problems)?;
    Ok(found.into_iter().map(|found| cut(dialect, found, problems)).collect())
}

/// Whether a file is a migration of goose's in Go.
fn is_go(path: &str) -> bool {
    let is_numbered = path.split_once('_').is_some_and(|(number, _)| number.parse::<i64>().is_ok_and(|n| n > 0));
    is_numbered && !path.contains('/') && has_extension(path, "go") && !path.ends_with("_test.go")
}

/// Cuts a file into its two ways. The way up begins where the file does, so that lines keep their numbers.
fn cut(dialect: Dialect, found: Found, problems: &mut Vec<Problem>) -> Found {
    let mut text = String::with_capacity(found.up.len() + 8);
    let (mut up, mut down, mut begin) = (None, None, None);
    let mut is_twice = false;
    let mut transaction = found.transaction;
    let mut wrong = |message: String, help: &str| {
        let tag = crate::history::tag(&found.version, &found.name);
        problems.push(Problem::new(Code::MigrationScript, None, tag, message).help(help));
    };
    for line in found.up.split_inclusive('\n') {
        match mark(line).map(|(_, mark)| mark) {
            Some(Mark::Up { transaction: inside }) => {
                is_twice |= up.replace(text.len()).is_some();
                transaction &= inside;
            }
            Some(Mark::Down) => is_twice |= down.replace(text.len()).is_some(),
            Some(Mark::Begin) => begin = Some(text.len()),
            Some(Mark::End) => {
                let lacks = begin.take().is_some_and(|begin| lacks_semicolon(dialect, &text[begin..]));
                text.push_str(if lacks { "; " } else { "" });
            }
            Some(Mark::NoTransaction) => transaction = false,
            Some(Mark::Environment) => wrong(
                format!("{} takes values from the environment, and a device has none", found.path),
                "write the values into the file, in place of `-- +goose ENVSUB ON`",
            ),
            None => {}
        }
        text.push_str(line);
    }
    match (up, down) {
        _ if is_twice => {
            wrong(format!("{} has a way up or a way back twice", found.path), "write each into one part of the file");
        }
        (None, None) if !has_statements(dialect, &text) => {}
        (None, _) => wrong(
            format!("{} does not say where its way up begins", found.path),
            "write the tool's comment for it in front, as in the other files",
        ),
        (Some(up), Some(down)) if down < up => {
            wrong(format!("{} has its way back in front of its way up", found.path), "write the way up first");
        }
        _ => {}
    }
    // A part without a statement is no way back: the tools write one into every new file.
    let back = down.map(|at| text.split_off(at)).filter(|back| has_statements(dialect, back));
    Found { up: text, down: back, transaction, ..found }
}

fn lacks_semicolon(dialect: Dialect, statement: &str) -> bool {
    let tokens = tokens(dialect, statement).unwrap_or_default();
    let last = tokens.iter().rfind(|(is_comment, _)| !is_comment);
    last.is_some_and(|(_, range)| statement.get(range.clone()) != Some(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        use Mark::*;
        for (line, layout, expected) in [
            ("-- +goose Up", Layout::Goose, Up { transaction: true }),
            ("-- +goose up  ", Layout::Goose, Up { transaction: true }),
            ("--+goose DOWN", Layout::Goose, Down),
            ("-- +goose StatementBegin", Layout::Goose, Begin),
            ("-- +goose NO TRANSACTION", Layout::Goose, NoTransaction),
            ("-- +goose ENVSUB ON", Layout::Goose, Environment),
            ("-- migrate:up", Layout::Sections, Up { transaction: true }),
            ("-- migrate:up transaction:false", Layout::Sections, Up { transaction: false }),
            ("-- migrate:down", Layout::Sections, Down),
            ("-- +migrate Up notransaction", Layout::Sections, Up { transaction: false }),
            ("-- +migrate Down", Layout::Sections, Down),
        ] {
            assert_eq!(mark(line), Some((layout, expected)), "{line}");
        }
        for line in
            ["-- goose Up", "+goose Up", "-- +goose Upwards", "-- why -- +goose Up", "SELECT 1 -- +goose Up", ""]
        {
            assert_eq!(mark(line), None, "{line}");
        }
    }

    #[test]
    fn go_migrations() {
        assert!(is_go("00003_fill.go"));
        for path in ["embed.go", "00003_fill_test.go", "0_x.go", "more/00003_fill.go", "00003_fill.sql"] {
            assert!(!is_go(path), "{path}");
        }
    }
}
