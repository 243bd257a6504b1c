//! A migration's script cut into statements, by the rules of the database that it is written for.
//!
//! What reads scripts asks for words and comments only, which both databases' tokenizers know.

use std::ops::Range;

use super::script::{PhaseKind, Reader};
use crate::dialect::Dialect;
use crate::error::Result;
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

/// The tokens of a script, as far as scripts are concerned: whether each is a comment, and where it is.
type Tokens = Vec<(bool, Range<usize>)>;

/// How the scripts of a database are cut up.
///
/// Whoever knows which database it is names its grammar: what reads scripts goes through these functions only, so that a
/// program for one of the two holds nothing of the other.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// The database.
    pub dialect: Dialect,
    /// Cuts a script into tokens.
    pub tokens: fn(&str) -> Result<Tokens, ScriptError>,
    /// Cuts a script into statements; what holds nothing but comments is none.
    pub split: fn(&str) -> Result<Vec<Statement>, ScriptError>,
    /// Refuses what would break out of the transaction, or fail in it, before anything runs.
    pub check: fn(&Reader<'_>, &Statement, PhaseKind) -> Result<()>,
}

/// A statement of PostgreSQL that runs outside of transactions only, for what the words of its text do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outside {
    /// What it is called, where its first word alone does not say so.
    pub what: Option<&'static str>,
}

/// SQLite's.
pub(crate) static SQLITE: Grammar = Grammar {
    dialect: Dialect::Sqlite,
    tokens: of_sqlite::tokens,
    split: of_sqlite::split,
    check: |reader, statement, kind| reader.check_for_sqlite(statement, kind),
};

/// PostgreSQL's.
pub(crate) static POSTGRES: Grammar = Grammar {
    dialect: Dialect::Postgres,
    tokens: of_postgres::tokens,
    split: of_postgres::split,
    check: |reader, statement, kind| reader.check_for_postgres(statement, kind),
};

impl Grammar {
    /// The grammar of a dialect that is known only when the program runs.
    pub(crate) fn of(dialect: Dialect) -> &'static Grammar {
        match dialect {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        }
    }
}

pub(super) use of_postgres::stands_outside;

/// The tokens of a script in a dialect.
pub(crate) fn tokens(dialect: Dialect, script: &str) -> Result<Tokens, ScriptError> {
    (Grammar::of(dialect).tokens)(script)
}

/// The statements of a script in a dialect.
pub(crate) fn split(dialect: Dialect, script: &str) -> Result<Vec<Statement>, ScriptError> {
    (Grammar::of(dialect).split)(script)
}

mod of_sqlite {
    use super::{ScriptError, Statement, Tokens, sqlite};
    use sqlite::token::{TokenKind, tokenize};

    pub(super) fn tokens(script: &str) -> Result<Tokens, ScriptError> {
        Ok(tokenize(script)?.into_iter().map(|t| (t.kind == TokenKind::Comment, t.range)).collect())
    }

    pub(super) fn split(script: &str) -> Result<Vec<Statement>, ScriptError> {
        let of = |statement: sqlite::split::Statement| Statement {
            range: statement.range,
            words: statement.tokens.into_iter().filter(|t| t.kind != TokenKind::Comment).map(|t| t.range).collect(),
            leading: statement.leading.into_iter().map(|t| t.range).collect(),
            foreign: None,
        };
        Ok(sqlite::split::split(script)?.into_iter().map(of).collect())
    }
}

mod of_postgres {
    use super::{Outside, ScriptError, Statement, Tokens, postgres};
    use postgres::split::StatementKind;
    use postgres::statement::{self, Kind, Transaction};
    use postgres::token::{TokenKind, tokenize};

    pub(super) fn tokens(script: &str) -> Result<Tokens, ScriptError> {
        Ok(tokenize(script)?.into_iter().map(|t| (t.kind == TokenKind::Comment, t.range)).collect())
    }

    pub(super) fn split(script: &str) -> Result<Vec<Statement>, ScriptError> {
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
        Ok(postgres::split::split(script)?.into_iter().map(of).collect())
    }

    /// Whether a statement runs outside of transactions only.
    pub(crate) fn stands_outside(text: &str) -> Option<Outside> {
        let read = statement::Statement::read(text);
        match &read.kind {
            _ if read.transaction() != Transaction::Outside => None,
            Kind::Server(words) => Some(Outside { what: Some(words) }),
            _ => Some(Outside { what: None }),
        }
    }
}
