//! From tokens to canonical text.

use super::token::{Token, TokenKind, is_plain, quote_name, quote_text, unquote};
use crate::schema::{Expression, fold, same_name};

/// What the names in an expression may refer to. It decides what `"name"` is: SQLite takes it as an identifier where
/// one exists, and else, by an old misfeature, as a string (<https://www.sqlite.org/quirks.html#dblquote>).
pub(crate) enum Scope<'a> {
    /// Inside one table: its name and its columns. What is neither is a string.
    Table { name: &'a str, columns: &'a [String] },
    /// In a view or trigger, where anything may be in scope: every quoted name stays one.
    Open,
    /// Where no name can be: a default.
    Nothing,
}

/// The canonical form of `tokens`, which are tokens of `source`.
pub(crate) fn meaning(source: &str, tokens: &[Token], scope: &Scope<'_>) -> String {
    let mut out = String::with_capacity(tokens.len() * 6);
    let tokens: Vec<&Token> = tokens.iter().filter(|t| t.kind != TokenKind::Comment).collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        // Inside its own table `users.age` is `age`; the qualifier could not survive a rebuild under another name.
        if let Scope::Table { name, .. } = scope
            && is_qualifier(source, tokens.get(at..).unwrap_or_default(), name)
        {
            at += 2;
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        push_token(&mut out, source, token, scope);
        at += 1;
    }
    out
}

/// Whether `tokens` start with `name .`.
pub(crate) fn is_qualifier(source: &str, tokens: &[&Token], name: &str) -> bool {
    matches!(tokens, [first, dot, ..] if dot.is(source, ".")
        && matches!(first.kind, TokenKind::Word | TokenKind::Quoted)
        && same_name(&unquote(first.text(source)), name))
}

fn push_token(out: &mut String, source: &str, token: &Token, scope: &Scope<'_>) {
    let text = token.text(source);
    match token.kind {
        TokenKind::Word | TokenKind::Number | TokenKind::Blob => {
            out.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        }
        TokenKind::Quoted => {
            let name = unquote(text);
            let is_identifier = !text.starts_with('"')
                || match scope {
                    Scope::Table { columns, .. } => {
                        columns.iter().any(|c| same_name(c, &name))
                            || ["rowid", "oid", "_rowid_"].iter().any(|r| same_name(r, &name))
                    }
                    Scope::Open => true,
                    Scope::Nothing => false,
                };
            if !is_identifier {
                out.push_str(&quote_text(&name));
                return;
            }
            let folded = fold(&name);
            // In open scope what stands in double quotes might be a string after all, whose case counts.
            if matches!(scope, Scope::Open) && text.starts_with('"') && folded != name {
                out.push_str(&quote_name(&name));
            } else if is_plain(&folded) {
                out.push_str(&folded);
            } else {
                out.push_str(&quote_name(&folded));
            }
        }
        TokenKind::String | TokenKind::Variable | TokenKind::Symbol => out.push_str(text),
        TokenKind::Comment => {}
    }
}

/// An expression from tokens that follow each other in `source`.
pub(crate) fn expression(source: &str, tokens: &[Token], scope: &Scope<'_>) -> Expression {
    let tokens = match tokens.iter().rposition(|t| t.kind != TokenKind::Comment) {
        Some(last) => &tokens[..=last],
        None => &[],
    };
    let text = match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => &source[first.range.start..last.range.end],
        _ => "",
    };
    Expression::new(text, meaning(source, tokens, scope))
}
