//! A script for PostgreSQL cut into statements, where `psql` cuts it.
//!
//! A semicolon ends a statement, except in parentheses (`CREATE RULE … DO (…; …)`) and in the body of a function that is
//! written in standard SQL (`BEGIN ATOMIC …; END`). What only `psql` understands, its commands and the rows behind
//! `COPY … FROM stdin`, is told apart, so that it can be refused by name.

use std::ops::Range;

use super::token::{Token, TokenError, TokenKind, tokenize};

/// One statement of a script: its tokens and the bytes from its first token to its last, without the semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// The bytes of the script it covers.
    pub range: Range<usize>,
    /// Its tokens, comments included, with places in the whole script.
    pub tokens: Vec<Token>,
    /// Comments between the end of the statement before and this one.
    pub leading: Vec<Token>,
    /// Comments on the line on which the statement ends.
    pub trailing: Vec<Token>,
}

/// What a part of a script is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind {
    /// A statement for the server.
    Sql,
    /// `COPY … FROM stdin` with rows behind it.
    CopyData {
        /// Where the rows are, with the line that ends them.
        rows: Range<usize>,
    },
    /// A command for `psql`, such as `\connect`.
    Command,
}

impl Statement {
    /// The statement as it stands in `script`.
    pub fn text<'s>(&self, script: &'s str) -> &'s str {
        script.get(self.range.clone()).unwrap_or_default()
    }
}

/// Cuts `script` into statements; what holds nothing but comments is none.
///
/// ```
/// let script = "CREATE TABLE a(b text DEFAULT ';'); DO $$ BEGIN NULL; END $$;";
/// let statements = whimbrel_core::postgres::split::split(script)?;
/// assert_eq!(statements[1].text(script), "DO $$ BEGIN NULL; END $$");
/// assert_eq!(statements.len(), 2);
/// # Ok::<(), whimbrel_core::postgres::token::TokenError>(())
/// ```
///
/// # Errors
/// Where the text cannot be cut into tokens.
pub fn split(script: &str) -> Result<Vec<Statement>, TokenError> {
    let mut parts = Parts { script, statements: Vec::new(), tokens: Vec::new(), leading: Vec::new() };
    let mut body = Body::default();
    for token in tokenize(script)? {
        match token.kind {
            TokenKind::Comment => parts.comment(token),
            TokenKind::Command => {
                parts.end(StatementKind::Sql);
                parts.tokens.push(token);
                parts.end(StatementKind::Command);
                body = Body::default();
            }
            TokenKind::CopyData => {
                // They follow the statement that was ended last.
                if let Some(copy) = parts.statements.last_mut() {
                    copy.kind = StatementKind::CopyData { rows: token.range };
                }
            }
            _ if token.kind == TokenKind::Symbol && token.text(script) == ";" && body.is_outside() => {
                parts.end(StatementKind::Sql);
                body = Body::default();
            }
            _ => {
                body.follow(&token, script);
                parts.tokens.push(token);
            }
        }
    }
    parts.end(StatementKind::Sql);
    Ok(parts.statements)
}

struct Parts<'s> {
    script: &'s str,
    statements: Vec<Statement>,
    tokens: Vec<Token>,
    leading: Vec<Token>,
}

impl Parts<'_> {
    fn comment(&mut self, token: Token) {
        if !self.tokens.is_empty() {
            self.tokens.push(token);
        } else if let Some(last) = self.statements.last_mut()
            && self.leading.is_empty()
            && !self.script[last.range.end..token.range.start].contains('\n')
        {
            last.trailing.push(token);
        } else {
            self.leading.push(token);
        }
    }

    fn end(&mut self, kind: StatementKind) {
        let Some(last) = self.tokens.iter().rposition(|t| t.kind != TokenKind::Comment) else {
            return;
        };
        let trailing = self.tokens.split_off(last + 1);
        let range = self.tokens[0].range.start..self.tokens[last].range.end;
        let (tokens, leading) = (std::mem::take(&mut self.tokens), std::mem::take(&mut self.leading));
        self.statements.push(Statement { kind, range, tokens, leading, trailing });
    }
}

/// Where in a statement a semicolon would stand.
#[derive(Debug, Default)]
struct Body {
    /// How many parentheses are open.
    parentheses: usize,
    /// How many of `BEGIN` and `CASE` have no `END` yet, in a function's body.
    blocks: usize,
    /// How many of the words that make a function have been read.
    head: Head,
}

/// `CREATE [OR REPLACE] FUNCTION | PROCEDURE`, word by word.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Create,
    Or,
    Function,
    Other,
}

impl Body {
    fn is_outside(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn follow(&mut self, token: &Token, script: &str) {
        let is = |word: &str| token.is(script, word);
        self.head = match self.head {
            Head::Start if is("create") => Head::Create,
            Head::Create if is("or") => Head::Or,
            Head::Or if is("replace") => Head::Create,
            Head::Create if is("function") || is("procedure") => Head::Function,
            Head::Function => Head::Function,
            _ => Head::Other,
        };
        match token.kind {
            TokenKind::Symbol if is("(") => self.parentheses += 1,
            TokenKind::Symbol if is(")") => self.parentheses = self.parentheses.saturating_sub(1),
            TokenKind::Word if self.head == Head::Function && self.parentheses == 0 => match () {
                () if is("begin") => self.blocks += 1,
                () if is("case") && self.blocks > 0 => self.blocks += 1,
                () if is("end") => self.blocks = self.blocks.saturating_sub(1),
                () => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[&str]) {
        let statements = split(script).unwrap();
        let texts: Vec<_> = statements.iter().map(|s| s.text(script)).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn semicolons_in_strings_comments_and_parentheses_end_nothing() {
        check(
            "\u{feff}CREATE TABLE a(b text DEFAULT ';'); -- c; d\n;;SELECT $$;$$ /* ; */, E'\\';';\n\
             CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2); SELECT \"a;b\" /* ; */",
            &[
                "CREATE TABLE a(b text DEFAULT ';')",
                "SELECT $$;$$ /* ; */, E'\\';'",
                "CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2)",
                "SELECT \"a;b\"",
            ],
        );
        check("", &[]);
        check("-- a\n/* b */", &[]);
        check(") SELECT 1; SELECT 2", &[") SELECT 1", "SELECT 2"]);
    }

    #[test]
    fn bodies_of_functions_are_whole() {
        let function = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql\nBEGIN ATOMIC\n\
                        SELECT CASE WHEN a > 1 THEN (CASE a WHEN 1 THEN 1 END) ELSE 2 END;\nSELECT 3;\nEND";
        let procedure = "CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO a VALUES (1); END";
        check(&format!("{function}; {procedure};SELECT 1"), &[function, procedure, "SELECT 1"]);
        check("BEGIN; CREATE TABLE a(b int); END; SELECT 1", &["BEGIN", "CREATE TABLE a(b int)", "END", "SELECT 1"]);
        check(
            "CREATE FUNCTION f(\"begin\" int) RETURNS int AS 'x' LANGUAGE sql; SELECT 1",
            &["CREATE FUNCTION f(\"begin\" int) RETURNS int AS 'x' LANGUAGE sql", "SELECT 1"],
        );
    }

    #[test]
    fn what_only_psql_knows_is_told_apart() {
        let script =
            "\\restrict x'y\nCOPY public.a (b) FROM stdin;\n1;2\nit's\n\\.\n\n-- next\nSELECT 1\n\\g\nSELECT 2";
        let statements = split(script).unwrap();
        let kinds: Vec<_> = statements.iter().map(|s| (s.kind.clone(), s.text(script))).collect();
        let rows = script.find("1;2").unwrap()..script.find("\\.").unwrap() + 3;
        assert_eq!(
            kinds,
            [
                (StatementKind::Command, "\\restrict x'y"),
                (StatementKind::CopyData { rows }, "COPY public.a (b) FROM stdin"),
                (StatementKind::Sql, "SELECT 1"),
                (StatementKind::Command, "\\g"),
                (StatementKind::Sql, "SELECT 2"),
            ]
        );
        assert_eq!(statements[2].leading[0].text(script), "-- next");
    }

    #[test]
    fn comments_go_to_the_statement_they_stand_by() {
        let script = "-- one\nCREATE TABLE a(b int /* in */); -- two\n-- three\nCREATE TABLE c(d int)";
        let statements = split(script).unwrap();
        let texts = |tokens: &[Token]| tokens.iter().map(|t| t.text(script).to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(&statements[0].leading), ["-- one"]);
        assert_eq!(texts(&statements[0].trailing), ["-- two"]);
        assert!(texts(&statements[0].tokens).contains(&"/* in */".to_owned()));
        assert_eq!(texts(&statements[1].leading), ["-- three"]);
    }

    #[test]
    fn an_end_that_is_missing_is_told_with_its_beginning() {
        let error = split("SELECT 1;\nSELECT 'a; SELECT 2").unwrap_err();
        assert_eq!((error.message, error.at), ("unterminated string", 17));
        assert_eq!(split("SELECT 1; DO $a$ BEGIN; END $b$;").unwrap_err().at, 13);
    }
}
