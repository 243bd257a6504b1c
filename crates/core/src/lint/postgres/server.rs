//! What is no change of this database's schema: P49 and P52.

use super::{Found, Rule};
use crate::lint::Level;
use crate::postgres::statement::Kind;
use crate::postgres::token::TokenKind;

pub(super) const SERVER: Rule = Rule {
    code: "P49",
    level: Level::Warning,
    why: "it changes the whole server, or another database on it: migrations of two databases on one server meet in it, and \
          a managed server refuses it",
    help: "leave it to whoever sets servers up",
    find: |context| match context.kind() {
        Kind::Server(words) if !words.ends_with("SUBSCRIPTION") => {
            let words = if words.starts_with("ALTER TABLESPACE") { "ALTER DATABASE" } else { words };
            vec![Found::new(format!("{words} reaches beyond this database"))]
        }
        _ => Vec::new(),
    },
};

pub(super) const PSQL: Rule = Rule {
    code: "P52",
    level: Level::Error,
    why: "only psql understands it: the server takes neither its commands nor rows that stand in a script",
    help: "leave commands out; write rows as INSERT, or load them by themselves",
    find: |context| {
        let message = match context.statement().tokens.first() {
            Some(token) if token.kind == TokenKind::Command => {
                let word = token.text(context.sql()).split_whitespace().next().unwrap_or_default();
                format!("{word} is a command for psql")
            }
            _ if *context.kind() == (Kind::Copy { writes: true })
                && context.statement().has(context.sql(), &["from", "stdin"]) =>
            {
                "COPY … FROM stdin takes its rows from the script".to_owned()
            }
            _ => return Vec::new(),
        };
        vec![Found::new(message)]
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn server() {
        let script = "CREATE DATABASE a; ALTER SYSTEM SET work_mem = '1GB'; CREATE ROLE b; ALTER DATABASE c SET d = 1";
        assert_eq!(told("P49", script), [1, 2, 3, 4]);
        assert_eq!(told("P49", "CREATE SCHEMA a; CREATE USER MAPPING FOR a SERVER b; GRANT a TO b"), NONE);
    }

    #[test]
    fn psql() {
        assert_eq!(told("P52", "\\connect a\nCOPY b FROM stdin;\n1\n\\.\nSELECT 1"), [1, 2]);
        assert_eq!(message("P52", "\\restrict a"), "\\restrict is a command for psql");
        assert_eq!(told("P52", "COPY a FROM '/tmp/a'; COPY a TO stdout; SELECT E'\\\\connect'"), NONE);
    }
}
