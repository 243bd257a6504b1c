//! What is the server's, or all its databases': roles, databases, settings of the system. Where scripts are only tried
//! out it would be done for good, so it is left out there, also of a `DO` block.
//!
//! A function that makes a role when it is called is not looked into.

use crate::postgres::statement::{Kind, Statement};
use crate::postgres::token::{Token, TokenKind, tokenize};

/// Whether a statement is about the server, or about all its databases.
pub(super) fn is_of_server(statement: &Statement, sql: &str) -> bool {
    let is = |at: usize, words: &[&str]| {
        statement.tokens.get(at).is_some_and(|token| words.iter().any(|word| token.is(sql, word)))
    };
    let shared = ["role", "database", "tablespace", "parameter"];
    let on = statement.tokens.iter().position(|token| token.is(sql, "on"));
    match &statement.kind {
        Kind::Server(_) => true,
        Kind::Grant { by_default: false, .. } | Kind::Revoke => match on {
            Some(on) => is(on + 1, &shared),
            // A role becomes a member of another.
            None => !is(0, &["alter"]),
        },
        Kind::Comment => is(2, &shared),
        Kind::Other(words) => {
            matches!(words.as_str(), "drop owned" | "reassign owned")
                || words == "security label" && on.is_some_and(|on| is(on + 1, &shared))
        }
        _ => false,
    }
}

/// The role that a statement makes.
pub(super) fn new_role(statement: &Statement, sql: &str) -> Option<String> {
    (statement.kind == Kind::Server("CREATE ROLE")).then(|| statement.tokens.get(2)?.name(sql)).flatten()
}

/// A `DO` block without what is the server's, and names that the roles may have which it would have made; nothing where
/// all of it may be tried out.
///
/// Rights and owners go with it: they may be those of such a role, and no schema holds them.
pub(super) fn without(statement: &Statement, sql: &str) -> Option<(String, Vec<String>)> {
    (statement.kind == Kind::Do).then_some(())?;
    let token = statement.tokens.iter().find(|token| token.kind == TokenKind::String)?;
    let body = token.string(sql)?;
    let mut tokens = tokenize(&body).ok()?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    let parts = parts(&body, &tokens);
    let is_shared = |part: &&[Token]| said(&body, part).iter().any(|text| is_of_server(&Statement::read(text), text));
    parts.iter().any(&is_shared).then_some(())?;
    let is_about_roles = |part: &&[Token]| {
        let words = ["grant", "revoke"];
        let of_owner = |pair: &[Token], text: &str| pair[0].is(text, "owner") && pair[1].is(text, "to");
        said(&body, part).iter().any(|text| {
            let tokens = tokenize(text).unwrap_or_default();
            let first = tokens.first().is_some_and(|token| words.iter().any(|word| token.is(text, word)));
            let rights =
                first || tokens.windows(3).any(|three| three[0].is(text, "default") && three[1].is(text, "privileges"));
            rights || tokens.windows(2).any(|pair| of_owner(pair, text))
        })
    };
    let mut out = body.clone();
    for part in parts.iter().rev().filter(|part| is_shared(part) || is_about_roles(part)) {
        if let (Some(first), Some(last)) = (part.first(), part.last()) {
            out.replace_range(first.range.start..last.range.end, "NULL");
        }
    }
    // A name may be in a variable.
    let texts = tokens.iter().filter_map(|token| token.string(&body));
    let named = parts.iter().filter_map(|part| new_role(&Statement::read(text_of(&body, part)), text_of(&body, part)));
    let names = texts.chain(named).collect();
    let tag = (0..).map(|n| format!("$whimbrel{n}$")).find(|tag| !out.contains(tag.as_str()))?;
    Some((format!("{}{tag}{out}{tag}{}", &sql[..token.range.start], &sql[token.range.end..]), names))
}

/// The statements of a block: what stands between semicolons, behind the words that open a part of it.
fn parts<'t>(body: &str, tokens: &'t [Token]) -> Vec<&'t [Token]> {
    const OPENING: [&str; 5] = ["begin", "then", "else", "loop", "declare"];
    let opens = |token: &Token| OPENING.iter().any(|word| token.is(body, word));
    let between = tokens.split(|token| token.is(body, ";"));
    between.map(|part| part.iter().rposition(opens).map_or(part, |at| &part[at + 1..])).collect()
}

fn text_of<'b>(body: &'b str, part: &[Token]) -> &'b str {
    let range = part.first().zip(part.last()).map(|(first, last)| first.range.start..last.range.end);
    range.and_then(|range| body.get(range)).unwrap_or_default()
}

/// What a statement of a block does in SQL: itself, or what it executes.
fn said(body: &str, part: &[Token]) -> Vec<String> {
    match part.first() {
        Some(first) if first.is(body, "execute") => part.iter().filter_map(|token| token.string(body)).collect(),
        _ => vec![text_of(body, part).to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_servers() {
        let is = |sql: &str| is_of_server(&Statement::read(sql), sql);
        for sql in [
            "CREATE ROLE a",
            "CREATE USER a PASSWORD 'b'",
            "ALTER ROLE a SET x = 1",
            "ALTER SYSTEM SET work_mem = 1",
            "ALTER DATABASE a SET x = 1",
            "GRANT a TO b",
            "REVOKE a FROM b",
            "GRANT CONNECT ON DATABASE a TO b",
            "COMMENT ON ROLE a IS 'on'",
            "DROP OWNED BY a",
        ] {
            assert!(is(sql), "{sql}");
        }
        for sql in [
            "GRANT SELECT ON a TO b",
            "REVOKE ALL ON SCHEMA a FROM b",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO a",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA a REVOKE ALL ON TABLES FROM b",
            "COMMENT ON TABLE role IS 'x'",
            "CREATE USER MAPPING FOR a SERVER b",
        ] {
            assert!(!is(sql), "{sql}");
        }
        let sql = "CREATE USER \"A b\"";
        assert_eq!(new_role(&Statement::read(sql), sql), Some("A b".to_owned()));
    }

    #[test]
    fn blocks_are_tried_without_what_is_the_servers() {
        let found = |sql: &str| without(&Statement::read(sql), sql);
        let sql = "DO $$ BEGIN\n IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN -- once\n  CREATE ROLE app LOGIN;\n \
                   ELSE EXECUTE format('ALTER ROLE %I NOLOGIN', 'x'); END IF;\n CREATE TABLE t(n integer);\n \
                   GRANT SELECT ON t TO app; ALTER TABLE t OWNER TO app; END $$ LANGUAGE plpgsql";
        let (block, names) = found(sql).expect("something is left out");
        assert_eq!(
            block,
            "DO $whimbrel0$ BEGIN\n IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN -- once\n  NULL;\n \
             ELSE NULL; END IF;\n CREATE TABLE t(n integer);\n NULL; NULL; END $whimbrel0$ LANGUAGE plpgsql"
        );
        assert!(names.contains(&"app".to_owned()), "{names:?}");
        let (block, _) = found("DO 'BEGIN CREATE USER a PASSWORD ''b''; END'").expect("something is left out");
        assert_eq!(block, "DO $whimbrel0$BEGIN NULL; END$whimbrel0$");
        for sql in [
            "DO $$ BEGIN CREATE TABLE roles(n integer); GRANT SELECT ON roles TO a; END $$",
            "DO $$ BEGIN INSERT INTO t VALUES ('CREATE ROLE a'); END $$",
            "CREATE ROLE a",
        ] {
            assert_eq!(found(sql), None, "{sql}");
        }
    }
}
