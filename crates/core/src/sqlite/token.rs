//! SQLite's tokens, with their places in the text.
//!
//! Everything that looks at SQL without running it (reading a schema, splitting a script, comparing two
//! texts) goes through here. The rules are those of SQLite's own tokenizer
//! (<https://www.sqlite.org/src/file/src/tokenize.c>); comments are tokens too, because hints for Whimbrel
//! stand in them. Whether the tokens form a valid statement is left to SQLite itself.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An unquoted word: a keyword or an identifier.
    Word,
    /// `"name"`, `[name]` or `` `name` ``.
    Quoted,
    /// `'text'`.
    String,
    /// `x'00ff'`.
    Blob,
    /// An integer or a real, decimal or hexadecimal.
    Number,
    /// `?1`, `:name`, `@name`, `$name`.
    Variable,
    /// An operator or a punctuation mark.
    Symbol,
    /// `-- …` or `/* … */`.
    Comment,
}

/// A token and the bytes it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// The bytes of the source it covers.
    pub range: Range<usize>,
}

impl Token {
    /// The token as it stands in `source`.
    pub fn text<'s>(&self, source: &'s str) -> &'s str {
        &source[self.range.clone()]
    }

    /// Whether this is the keyword `word` (given in any case) or the symbol `word`.
    pub fn is(&self, source: &str, word: &str) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Symbol) && self.text(source).eq_ignore_ascii_case(word)
    }

    /// The name this token stands for, without its quotes; strings count, because SQLite accepts them as names.
    pub fn name(&self, source: &str) -> Option<String> {
        let text = self.text(source);
        match self.kind {
            TokenKind::Word => Some(text.to_owned()),
            TokenKind::Quoted | TokenKind::String => Some(unquote(text)),
            _ => None,
        }
    }
}

/// A place where the text cannot be cut into tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// What is wrong, as a noun phrase: `unterminated string`.
    pub message: &'static str,
    /// Where it starts.
    pub at: usize,
}

/// Cuts `source` into tokens, comments included and white space left out.
///
/// # Errors
/// An unterminated string or quoted name, a malformed blob, or a character that starts no token.
pub fn tokenize(source: &str) -> Result<Vec<Token>, TokenError> {
    let mut tokens = Vec::with_capacity(source.len() / 5);
    let mut at = 0;
    while let Some(token) = next_token(source, &mut at)? {
        tokens.push(token);
    }
    Ok(tokens)
}

fn next_token(source: &str, at: &mut usize) -> Result<Option<Token>, TokenError> {
    let bytes = source.as_bytes();
    while *at < bytes.len() && (bytes[*at].is_ascii_whitespace() || bytes[*at] == 0x0b) {
        *at += 1;
    }
    // A byte order mark is white space to SQLite wherever it stands.
    if source[*at..].starts_with('\u{feff}') {
        *at += '\u{feff}'.len_utf8();
        return next_token(source, at);
    }
    let start = *at;
    let Some(&first) = bytes.get(start) else {
        return Ok(None);
    };
    let peek = |n: usize| bytes.get(start + n).copied().unwrap_or(0);
    let while_from = |from: usize, test: fn(u8) -> bool| {
        bytes[from..].iter().position(|b| !test(*b)).map_or(bytes.len(), |n| from + n)
    };
    let error = |message| Err(TokenError { message, at: start });
    let (kind, end) = match first {
        b'-' if peek(1) == b'-' => (TokenKind::Comment, while_from(start, |b| b != b'\n')),
        b'-' if peek(1) == b'>' => (TokenKind::Symbol, start + if peek(2) == b'>' { 3 } else { 2 }),
        b'/' if peek(1) == b'*' => {
            let end = source[start + 2..].find("*/").map_or(bytes.len(), |n| start + n + 4);
            (TokenKind::Comment, end)
        }
        b'\'' | b'"' | b'`' => match closing_quote(bytes, start, first) {
            Some(end) if first == b'\'' => (TokenKind::String, end),
            Some(end) => (TokenKind::Quoted, end),
            None if first == b'\'' => return error("unterminated string"),
            None => return error("unterminated quoted name"),
        },
        b'[' => match source[start..].find(']') {
            Some(n) => (TokenKind::Quoted, start + n + 1),
            None => return error("unterminated quoted name"),
        },
        b'x' | b'X' if peek(1) == b'\'' => {
            let end = while_from(start + 2, |b| b.is_ascii_hexdigit());
            if bytes.get(end) != Some(&b'\'') || !(end - start).is_multiple_of(2) {
                return error("malformed blob literal");
            }
            (TokenKind::Blob, end + 1)
        }
        b'0'..=b'9' => (TokenKind::Number, number_end(bytes, start)),
        b'.' if peek(1).is_ascii_digit() => (TokenKind::Number, number_end(bytes, start)),
        b'?' => (TokenKind::Variable, while_from(start + 1, |b| b.is_ascii_digit())),
        b'$' | b'@' | b':' | b'#' => {
            let end = while_from(start + 1, continues_word);
            if end == start + 1 {
                return error("unrecognized token");
            }
            (TokenKind::Variable, end)
        }
        b if starts_word(b) => (TokenKind::Word, while_from(start, continues_word)),
        b'=' => (TokenKind::Symbol, start + if peek(1) == b'=' { 2 } else { 1 }),
        b'<' if matches!(peek(1), b'=' | b'>' | b'<') => (TokenKind::Symbol, start + 2),
        b'>' if matches!(peek(1), b'=' | b'>') => (TokenKind::Symbol, start + 2),
        b'!' if peek(1) == b'=' => (TokenKind::Symbol, start + 2),
        b'|' if peek(1) == b'|' => (TokenKind::Symbol, start + 2),
        b'(' | b')' | b',' | b';' | b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'|' | b'&' | b'~' => {
            (TokenKind::Symbol, start + 1)
        }
        _ => return error("unrecognized token"),
    };
    *at = end;
    Ok(Some(Token { kind, range: start..end }))
}

fn closing_quote(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += bytes[at..].iter().position(|b| *b == quote)? + 1;
        if bytes.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = start;
    if bytes[at] == b'0'
        && matches!(bytes.get(at + 1), Some(b'x' | b'X'))
        && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit)
    {
        at += 2;
        while bytes.get(at).is_some_and(|b| b.is_ascii_hexdigit() || *b == b'_') {
            at += 1;
        }
        return at;
    }
    let digits = |mut at: usize| {
        while digit(at) || (bytes.get(at) == Some(&b'_') && digit(at + 1)) {
            at += 1;
        }
        at
    };
    at = digits(at);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if digit(at + 1 + sign) {
            at = digits(at + 1 + sign);
        }
    }
    at
}

fn starts_word(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn continues_word(b: u8) -> bool {
    starts_word(b) || b.is_ascii_digit() || b == b'$'
}

/// A quoted name or string without its quotes.
///
/// ```
/// use whimbrel_core::sqlite::token::unquote;
/// assert_eq!(unquote(r#""a ""b""#), r#"a "b"#);
/// assert_eq!(unquote("[order]"), "order");
/// assert_eq!(unquote("plain"), "plain");
/// assert_eq!(unquote("\""), "\"");
/// ```
pub fn unquote(text: &str) -> String {
    for (open, close, twice) in [("\"", "\"", "\"\""), ("`", "`", "``"), ("'", "'", "''"), ("[", "]", "]")] {
        // A person may have written a quote and forgotten the other one.
        if let Some(inner) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            return inner.replace(twice, close);
        }
    }
    text.to_owned()
}

/// `name` as an identifier, always quoted. The only way a name becomes part of a statement.
///
/// ```
/// use whimbrel_core::sqlite::token::quote_name;
/// assert_eq!(quote_name(r#"a"; DROP TABLE x; --"#), r#""a""; DROP TABLE x; --""#);
/// ```
pub fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `name` as an identifier, quoted only where SQLite needs it: for text that people read.
///
/// ```
/// use whimbrel_core::sqlite::token::display_name;
/// assert_eq!(display_name("users"), "users");
/// assert_eq!(display_name("order"), "\"order\"");
/// ```
pub fn display_name(name: &str) -> String {
    if is_plain_everywhere(name) { name.to_owned() } else { quote_name(name) }
}

/// Words that fall back to identifiers too, but not wherever a name may stand: `CAST (`, `RENAME COLUMN`,
/// `CREATE TABLE IF NOT EXISTS`.
const SOMETIMES_RESERVED: [&str; 3] = ["cast", "column", "if"];

/// Whether `name` needs no quotes, wherever in a statement a name may stand.
pub(crate) fn is_plain_everywhere(name: &str) -> bool {
    is_plain(name) && !SOMETIMES_RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// Whether `name` means the same with and without quotes, where an expression can stand.
pub(crate) fn is_plain(name: &str) -> bool {
    name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !is_keyword(name)
}

/// `text` as a string literal.
///
/// ```
/// use whimbrel_core::sqlite::token::quote_text;
/// assert_eq!(quote_text("it's"), "'it''s'");
/// ```
pub fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Words that are always keywords. The others of SQLite's list fall back to identifiers where one is expected
/// (`%fallback` in <https://www.sqlite.org/src/file/src/parse.y>).
const RESERVED: &[&str] = &[
    "add",
    "all",
    "alter",
    "and",
    "as",
    "autoincrement",
    "between",
    "case",
    "check",
    "collate",
    "commit",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "default",
    "deferrable",
    "delete",
    "distinct",
    "drop",
    "else",
    "escape",
    "except",
    "exists",
    "false",
    "filter",
    "foreign",
    "from",
    "full",
    "glob",
    "group",
    "having",
    "in",
    "index",
    "indexed",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "limit",
    "match",
    "natural",
    "not",
    "nothing",
    "notnull",
    "null",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "primary",
    "raise",
    "references",
    "regexp",
    "returning",
    "right",
    "select",
    "set",
    "table",
    "then",
    "to",
    "transaction",
    "true",
    "union",
    "unique",
    "update",
    "using",
    "values",
    "when",
    "where",
    "window",
];

/// Whether `word` cannot stand unquoted as an identifier, or could be read as something else if it did.
pub fn is_keyword(word: &str) -> bool {
    let mut lower = [0u8; 20];
    let Some(lower) = lower.get_mut(..word.len()) else {
        return false;
    };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).is_ok_and(|word| RESERVED.binary_search(&word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[&str]) {
        let tokens = tokenize(source).unwrap();
        let texts: Vec<_> = tokens.iter().map(|t| t.text(source)).collect();
        assert_eq!(texts, expected, "{source}");
    }

    #[test]
    fn cuts_as_sqlite_does() {
        check("a->>'b'->2", &["a", "->>", "'b'", "->", "2"]);
        check("x'00Ff' X'' xy", &["x'00Ff'", "X''", "xy"]);
        check("1_000.5e-3+.5e", &["1_000.5e-3", "+", ".5", "e"]);
        check("'it''s' \"a\"\"b\" `c``d` [e f]", &["'it''s'", "\"a\"\"b\"", "`c``d`", "[e f]"]);
        check("a--b\nc/*d*/e/*f", &["a", "--b", "c", "/*d*/", "e", "/*f"]);
        check("\u{feff}é=ü$1", &["é", "=", "ü$1"]);
        check("a<>b!=c<=d==e||f", &["a", "<>", "b", "!=", "c", "<=", "d", "==", "e", "||", "f"]);
        check("0x1F ?1 :a $b @c", &["0x1F", "?1", ":a", "$b", "@c"]);
    }

    #[test]
    fn names_what_cannot_be_cut() {
        let check = |source, message, at| assert_eq!(tokenize(source), Err(TokenError { message, at }));
        check("a 'b", "unterminated string", 2);
        check("a \"b''", "unterminated quoted name", 2);
        check("x'0'", "malformed blob literal", 0);
        check("a ^ b", "unrecognized token", 2);
    }

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    /// A table called `if` was printed and dropped as `CREATE TABLE if(…)` and `DROP TABLE if`, which SQLite takes for the
    /// start of `IF NOT EXISTS`; the fuzzer found it.
    #[test]
    fn words_that_are_reserved_in_some_places_are_quoted() {
        assert_eq!(["iF", "Cast", "column", "rowid"].map(display_name), ["\"iF\"", "\"Cast\"", "\"column\"", "rowid"]);
    }
}
