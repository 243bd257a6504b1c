//! A script cut into statements.
//!
//! Follows `sqlite3_complete()` (<https://www.sqlite.org/c3ref/complete.html>): a semicolon ends a statement, except
//! inside `CREATE TRIGGER … ;END;`.

use std::ops::Range;

use super::token::{Token, TokenError, TokenKind, tokenize};

/// One statement of a script: its tokens and the bytes from its first token to its last, without the semicolon.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The bytes of the script it covers.
    pub range: Range<usize>,
    /// Its tokens, comments included, with places in the whole script.
    pub tokens: Vec<Token>,
    /// Comments between the end of the statement before and this one.
    pub leading: Vec<Token>,
    /// Comments on the line on which the statement ends.
    pub trailing: Vec<Token>,
}

/// Cuts `script` into statements; what holds nothing but comments is none.
///
/// ```
/// let script = "CREATE TABLE a(x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;";
/// let statements = whimbrel_core::sqlite::split::split(script)?;
/// assert_eq!(statements.len(), 2);
/// # Ok::<(), whimbrel_core::sqlite::token::TokenError>(())
/// ```
///
/// # Errors
/// Where the text cannot be cut into tokens.
pub fn split(script: &str) -> Result<Vec<Statement>, TokenError> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut leading = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut state = State::Start;
    for token in tokenize(script)? {
        if token.kind == TokenKind::Comment {
            if !tokens.is_empty() {
                tokens.push(token);
            } else if let Some(last) = statements.last_mut()
                && leading.is_empty()
                && !script[last.range.end..token.range.start].contains('\n')
            {
                last.trailing.push(token);
            } else {
                leading.push(token);
            }
            continue;
        }
        state = state.after(&token, script);
        if state == State::Done {
            state = State::Start;
            push(&mut statements, &mut tokens, &mut leading);
        } else {
            tokens.push(token);
        }
    }
    push(&mut statements, &mut tokens, &mut leading);
    Ok(statements)
}

fn push(statements: &mut Vec<Statement>, tokens: &mut Vec<Token>, leading: &mut Vec<Token>) {
    let Some(last) = tokens.iter().rposition(|t| t.kind != TokenKind::Comment) else {
        return;
    };
    let trailing = tokens.split_off(last + 1);
    let range = tokens[0].range.start..tokens[last].range.end;
    statements.push(Statement { range, tokens: std::mem::take(tokens), leading: std::mem::take(leading), trailing });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Explain,
    Create,
    Plain,
    Trigger,
    TriggerSemicolon,
    TriggerEnd,
    Done,
}

impl State {
    fn after(self, token: &Token, script: &str) -> State {
        use State::*;
        let is = |word: &str| token.is(script, word);
        if is(";") {
            return match self {
                Start | Explain | Create | Plain | TriggerEnd | Done => Done,
                Trigger | TriggerSemicolon => TriggerSemicolon,
            };
        }
        match self {
            Start if is("explain") => Explain,
            Start if is("create") => Create,
            Explain if is("create") => Create,
            Explain if is("query") || is("plan") => Explain,
            Create if is("temp") || is("temporary") => Create,
            Create if is("trigger") => Trigger,
            Start | Explain | Create | Plain | Done => Plain,
            TriggerSemicolon if is("end") => TriggerEnd,
            Trigger | TriggerSemicolon | TriggerEnd => Trigger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[&str]) {
        let statements = split(script).unwrap();
        let texts: Vec<_> = statements.iter().map(|s| &script[s.range.clone()]).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn semicolons_in_strings_comments_and_triggers_end_nothing() {
        check(
            "CREATE TABLE a(b DEFAULT ';'); -- c; d\n;;CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n\
             SELECT CASE WHEN 1 THEN 2 END; UPDATE a SET b=';end;'; END; SELECT 1 /* ; */",
            &[
                "CREATE TABLE a(b DEFAULT ';')",
                "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n\
                 SELECT CASE WHEN 1 THEN 2 END; UPDATE a SET b=';end;'; END",
                "SELECT 1",
            ],
        );
    }

    #[test]
    fn comments_go_to_the_statement_they_stand_by() {
        let script = "-- one\nCREATE TABLE a(b); -- two\n-- three\nCREATE TABLE c(d)";
        let statements = split(script).unwrap();
        let texts = |tokens: &[Token]| tokens.iter().map(|t| t.text(script).to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(&statements[0].leading), ["-- one"]);
        assert_eq!(texts(&statements[0].trailing), ["-- two"]);
        assert_eq!(texts(&statements[1].leading), ["-- three"]);
    }
}
