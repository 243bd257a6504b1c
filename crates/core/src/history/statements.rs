//! A migration's script cut into statements, by the rules of the database that it is written for.
//!
//! What reads scripts asks for words and comments only, which both databases' tokenizers know.

use std::ops::Range;

use crate::dialect::Dialect;
use crate::{postgres, sqlite};

/// A statement of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The bytes of the script it covers, without the semicolon.
    pub range: Range<usize>,
    /// Its tokens without comments, as bytes of the script.
    pub words: Vec<Range<usize>>,
    /// Comments between the end of the statement before and this one.
    pub leading: Vec<Range<usize>>,
    /// What it is if it is no SQL: rows behind `COPY`, or a command for `psql`.
    pub foreign: Option<&'static str>,
}

/// A place where a script cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// What is wrong, as a noun phrase: `unterminated string`.
    pub message: &'static str,
    /// The byte where it starts.
    pub at: usize,
}

impl From<sqlite::token::TokenError> for ScriptError {
    fn from(error: sqlite::token::TokenError) -> Self {
        ScriptError { message: error.message, at: error.at }
    }
}

impl From<postgres::token::TokenError> for ScriptError {
    fn from(error: postgres::token::TokenError) -> Self {
        ScriptError { message: error.message, at: error.at }
    }
}

/// A token as far as scripts are concerned: whether it is a comment, and where it is.
pub(crate) fn tokens(dialect: Dialect, script: &str) -> Result<Vec<(bool, Range<usize>)>, ScriptError> {
    Ok(match dialect {
        Dialect::Sqlite => {
            use sqlite::token::{TokenKind, tokenize};
            tokenize(script)?.into_iter().map(|t| (t.kind == TokenKind::Comment, t.range)).collect()
        }
        Dialect::Postgres => {
            use postgres::token::{TokenKind, tokenize};
            tokenize(script)?.into_iter().map(|t| (t.kind == TokenKind::Comment, t.range)).collect()
        }
    })
}

/// Cuts a script into statements; what holds nothing but comments is none.
pub(crate) fn split(dialect: Dialect, script: &str) -> Result<Vec<Statement>, ScriptError> {
    Ok(match dialect {
        Dialect::Sqlite => {
            use sqlite::token::TokenKind;
            let of = |statement: sqlite::split::Statement| Statement {
                range: statement.range,
                words: statement.tokens.into_iter().filter(|t| t.kind != TokenKind::Comment).map(|t| t.range).collect(),
                leading: statement.leading.into_iter().map(|t| t.range).collect(),
                foreign: None,
            };
            sqlite::split::split(script)?.into_iter().map(of).collect()
        }
        Dialect::Postgres => {
            use postgres::split::StatementKind;
            use postgres::token::TokenKind;
            let of = |statement: postgres::split::Statement| Statement {
                range: statement.range,
                words: statement.tokens.into_iter().filter(|t| t.kind != TokenKind::Comment).map(|t| t.range).collect(),
                leading: statement.leading.into_iter().map(|t| t.range).collect(),
                foreign: match statement.kind {
                    StatementKind::Sql => None,
                    StatementKind::CopyData { .. } => Some("COPY with its rows"),
                    StatementKind::Command => Some("a command for psql"),
                },
            };
            postgres::split::split(script)?.into_iter().map(of).collect()
        }
    })
}
