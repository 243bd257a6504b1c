//! PostgreSQL's tokens, with their places in the text.
//!
//! Everything that looks at PostgreSQL's SQL without running it goes through here. The rules are those of the chapter
//! on lexical structure (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>), with
//! `standard_conforming_strings` on, as it is by default. Comments are tokens too, because hints for Whimbrel stand in
//! them, and so is what only `psql` knows: its backslash commands, and the rows behind `COPY … FROM stdin`. Whether the
//! tokens form a valid statement is left to PostgreSQL.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// White space. Only [`Tokens`] gives it; [`tokenize`] leaves it out.
    Blank,
    /// `-- …` or `/* … */`, which may be nested.
    Comment,
    /// An unquoted word: a keyword or an identifier.
    Word,
    /// `"name"` or `U&"name"`.
    Quoted,
    /// `'text'`, `E'text'`, `U&'text'`, `N'text'` or `$tag$text$tag$`, with the parts it is continued by on other lines.
    String,
    /// `B'0101'` or `X'00ff'`.
    Bits,
    /// An integer or a real.
    Number,
    /// `$1`.
    Parameter,
    /// An operator or a punctuation mark, or a character that PostgreSQL will not take.
    Symbol,
    /// A command for `psql`, from its backslash to the end of the line.
    Command,
    /// The rows behind `COPY … FROM stdin;`, with the `\.` that ends them.
    CopyData,
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
        source.get(self.range.clone()).unwrap_or_default()
    }

    /// Whether this is the keyword `word` (given in any case) or the symbol `word`.
    pub fn is(&self, source: &str, word: &str) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Symbol) && self.text(source).eq_ignore_ascii_case(word)
    }

    /// The name this token stands for: a word in lower case, or what the quotes hold.
    pub fn name(&self, source: &str) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(fold(self.text(source))),
            TokenKind::Quoted => Some(unquote(self.text(source))),
            _ => None,
        }
    }

    /// The text that a string literal stands for.
    pub fn string(&self, source: &str) -> Option<String> {
        (self.kind == TokenKind::String).then(|| unquote(self.text(source)))
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
/// ```
/// use whimbrel_core::postgres::token::tokenize;
/// let source = "SELECT $f$it's$f$::text -- done";
/// let texts: Vec<_> = tokenize(source)?.iter().map(|token| token.text(source)).collect();
/// assert_eq!(texts, ["SELECT", "$f$it's$f$", "::", "text", "-- done"]);
/// # Ok::<(), whimbrel_core::postgres::token::TokenError>(())
/// ```
///
/// # Errors
/// An unterminated string, quoted name or comment.
pub fn tokenize(source: &str) -> Result<Vec<Token>, TokenError> {
    let mut tokens = Vec::with_capacity(source.len() / 6);
    for token in Tokens::new(source) {
        let token = token?;
        if token.kind != TokenKind::Blank {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

/// The tokens of a text one by one, white space included, so that each begins where the one before ended. After an error
/// there are no more.
#[derive(Debug, Clone)]
pub struct Tokens<'s> {
    source: &'s str,
    at: usize,
    /// How many parentheses are open.
    depth: usize,
    copy: Copy,
}

/// How far a `COPY … FROM stdin` has been seen: the rows behind it are no SQL, and may hold any quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// At the start of a statement.
    Start,
    /// In a statement that is none.
    Other,
    /// Behind `COPY`.
    Target,
    /// Behind `FROM`.
    From,
    /// Behind `FROM stdin`.
    Stdin,
    /// Behind the semicolon: the rows begin on the next line.
    Ended,
}

impl<'s> Tokens<'s> {
    /// The tokens of `source`.
    pub fn new(source: &'s str) -> Tokens<'s> {
        Tokens { source, at: 0, depth: 0, copy: Copy::Start }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Result<Token, TokenError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (source, start) = (self.source, self.at);
        if start >= source.len() {
            return None;
        }
        let starts_line = start > 0 && source.as_bytes().get(start - 1) == Some(&b'\n');
        if self.copy == Copy::Ended && starts_line {
            self.copy = Copy::Start;
            self.at = copy_data_end(source, start);
            return Some(Ok(Token { kind: TokenKind::CopyData, range: start..self.at }));
        }
        match cut(source, start) {
            Ok((kind, mut end)) => {
                if self.copy == Copy::Ended
                    && kind == TokenKind::Blank
                    && let Some(line) = source[start..end].find('\n')
                {
                    end = start + line + 1;
                }
                self.at = end;
                let token = Token { kind, range: start..end };
                self.follow(&token);
                Some(Ok(token))
            }
            Err(error) => {
                self.at = source.len();
                Some(Err(error))
            }
        }
    }
}

impl Tokens<'_> {
    fn follow(&mut self, token: &Token) {
        if matches!(token.kind, TokenKind::Blank | TokenKind::Comment) || self.copy == Copy::Ended {
            return;
        }
        let is = |word: &str| token.is(self.source, word);
        if token.kind == TokenKind::Symbol {
            match token.text(self.source) {
                "(" => self.depth += 1,
                ")" => self.depth = self.depth.saturating_sub(1),
                ";" if self.depth == 0 => {
                    self.copy = if self.copy == Copy::Stdin { Copy::Ended } else { Copy::Start };
                    return;
                }
                _ => {}
            }
        }
        self.copy = match self.copy {
            Copy::Start if token.kind == TokenKind::Command => Copy::Start,
            Copy::Start if is("copy") => Copy::Target,
            Copy::Target | Copy::From if self.depth == 0 && is("from") => Copy::From,
            Copy::From if is("stdin") => Copy::Stdin,
            Copy::From => Copy::Target,
            Copy::Start => Copy::Other,
            same => same,
        };
    }
}

/// The kind and the end of the token that starts at `start`, which is a place before the end and between characters.
fn cut(source: &str, start: usize) -> Result<(TokenKind, usize), TokenError> {
    let bytes = source.as_bytes();
    let peek = |n: usize| bytes.get(start + n).copied().unwrap_or(0);
    let error = |message| TokenError { message, at: start };
    let unterminated_string = || error("unterminated string");
    let unterminated_name = || error("unterminated quoted name");
    if source[start..].starts_with('\u{feff}') {
        return Ok((TokenKind::Blank, start + '\u{feff}'.len_utf8()));
    }
    let first = peek(0);
    Ok(match first {
        b if is_space(b) => (TokenKind::Blank, while_from(bytes, start, is_space)),
        b'-' if peek(1) == b'-' => (TokenKind::Comment, line_end(bytes, start)),
        b'/' if peek(1) == b'*' => {
            (TokenKind::Comment, comment_end(bytes, start).ok_or_else(|| error("unterminated comment"))?)
        }
        b'\'' => (TokenKind::String, string_end(bytes, start, false).ok_or_else(unterminated_string)?),
        b'"' => (TokenKind::Quoted, quoted_end(bytes, start).ok_or_else(unterminated_name)?),
        b'e' | b'E' if peek(1) == b'\'' => {
            (TokenKind::String, string_end(bytes, start + 1, true).ok_or_else(unterminated_string)?)
        }
        b'n' | b'N' if peek(1) == b'\'' => {
            (TokenKind::String, string_end(bytes, start + 1, false).ok_or_else(unterminated_string)?)
        }
        b'b' | b'B' | b'x' | b'X' if peek(1) == b'\'' => {
            (TokenKind::Bits, string_end(bytes, start + 1, false).ok_or_else(unterminated_string)?)
        }
        b'u' | b'U' if peek(1) == b'&' && peek(2) == b'\'' => {
            (TokenKind::String, string_end(bytes, start + 2, false).ok_or_else(unterminated_string)?)
        }
        b'u' | b'U' if peek(1) == b'&' && peek(2) == b'"' => {
            (TokenKind::Quoted, quoted_end(bytes, start + 2).ok_or_else(unterminated_name)?)
        }
        b'$' if peek(1).is_ascii_digit() => {
            (TokenKind::Parameter, while_from(bytes, start + 1, |b| b.is_ascii_digit()))
        }
        b'$' => match dollar_tag(bytes, start) {
            Some(tag) => {
                let behind = start + tag.len();
                let length = source[behind..].find(&source[tag.clone()]);
                (TokenKind::String, behind + length.ok_or_else(unterminated_string)? + tag.len())
            }
            None => (TokenKind::Symbol, start + 1),
        },
        b'0'..=b'9' => (TokenKind::Number, number_end(bytes, start)),
        b'.' if peek(1).is_ascii_digit() => (TokenKind::Number, number_end(bytes, start)),
        b'.' if peek(1) == b'.' => (TokenKind::Symbol, start + 2),
        b':' if matches!(peek(1), b':' | b'=') => (TokenKind::Symbol, start + 2),
        b'\\' => (TokenKind::Command, line_end(bytes, start)),
        b if starts_word(b) => (TokenKind::Word, while_from(bytes, start, continues_word)),
        b if is_operator(b) => (TokenKind::Symbol, operator_end(bytes, start)),
        // Every other character is one byte long: longer ones start a word.
        _ => (TokenKind::Symbol, start + 1),
    })
}

fn while_from(bytes: &[u8], from: usize, test: fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|b| !test(*b)).map_or(bytes.len(), |n| from + n)
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn starts_word(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn continues_word(b: u8) -> bool {
    starts_word(b) || b.is_ascii_digit() || b == b'$'
}

fn is_operator(b: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&b)
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    let end = while_from(bytes, from, |b| b != b'\n');
    if end > from && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

/// Behind a block comment; a comment in it has an end of its own.
fn comment_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match bytes.get(at..at + 2)? {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

fn quoted_end(bytes: &[u8], quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        at += bytes.get(at..)?.iter().position(|b| *b == b'"')? + 1;
        if bytes.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// Behind a string whose first quote is at `quote`. A string that is followed by a line break and another quote goes on
/// there.
fn string_end(bytes: &[u8], quote: usize, has_escapes: bool) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        match bytes.get(at)? {
            b'\\' if has_escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => match continuation(bytes, at + 1) {
                Some(next) => at = next + 1,
                None => return Some(at + 1),
            },
            _ => at += 1,
        }
    }
}

/// The quote with which a string that ended before `at` goes on.
fn continuation(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut has_line_break = false;
    loop {
        match bytes.get(at)? {
            b'\n' | b'\r' => {
                has_line_break = true;
                at += 1;
            }
            b if is_space(*b) => at += 1,
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = line_end(bytes, at),
            b'\'' if has_line_break => return Some(at),
            _ => return None,
        }
    }
}

/// `$tag$` at `start`: a tag is a word without a dollar sign in it, or nothing.
fn dollar_tag(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let end = while_from(bytes, start + 1, |b| starts_word(b) || b.is_ascii_digit());
    (bytes.get(end) == Some(&b'$')).then_some(start..end + 1)
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let digits = |mut at: usize, test: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(test) || bytes.get(at) == Some(&b'_') && bytes.get(at + 1).is_some_and(test) {
            at += 1;
        }
        at
    };
    let base: Option<fn(&u8) -> bool> = match bytes.get(start + 1) {
        Some(b'x' | b'X') => Some(u8::is_ascii_hexdigit),
        Some(b'o' | b'O') => Some(|b| (b'0'..=b'7').contains(b)),
        Some(b'b' | b'B') => Some(|b| matches!(b, b'0' | b'1')),
        _ => None,
    };
    if bytes[start] == b'0'
        && let Some(base) = base
    {
        let end = digits(start + 2, base);
        if end > start + 2 {
            return end;
        }
    }
    let mut at = digits(start, u8::is_ascii_digit);
    // `1..10` is a range of PL/pgSQL.
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1) != Some(&b'.') {
        at = digits(at + 1, u8::is_ascii_digit);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign, u8::is_ascii_digit);
        }
    }
    at
}

/// Behind an operator: as long as it can be, without a comment's beginning, and without a sign at its end unless it has
/// a character that no operator of the standard has.
fn operator_end(bytes: &[u8], start: usize) -> usize {
    let mut end = while_from(bytes, start, is_operator);
    let comment = (start + 1..end).find(|at| matches!(bytes.get(*at..*at + 2), Some(b"--" | b"/*")));
    if let Some(comment) = comment {
        end = comment;
    }
    if !bytes[start..end].iter().any(|b| b"~!@#%^&|`?".contains(b)) {
        while end > start + 1 && matches!(bytes[end - 1], b'+' | b'-') {
            end -= 1;
        }
    }
    end
}

/// Behind the line `\.`, or the end of the text.
fn copy_data_end(source: &str, start: usize) -> usize {
    let mut at = start;
    for line in source[start..].split_inclusive('\n') {
        at += line.len();
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            return at;
        }
    }
    at
}

/// An unquoted name as PostgreSQL keeps it: in lower case, as far as the letters are ASCII.
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// How many bytes of a name PostgreSQL keeps.
pub const NAME_BYTES: usize = 63;

/// As much of a name as PostgreSQL keeps: the characters within its first 63 bytes.
///
/// ```
/// use whimbrel_core::postgres::token::kept_name;
/// assert_eq!(kept_name("short"), "short");
/// assert_eq!(kept_name(&"é".repeat(40)).len(), 62);
/// ```
pub fn kept_name(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES)]
}

/// A name or a string without its quotes, its prefix and its escapes; anything else is returned as it is. Escapes of
/// `U&` are read with a backslash, whatever `UESCAPE` says behind them.
///
/// ```
/// use whimbrel_core::postgres::token::unquote;
/// assert_eq!(unquote(r#""a ""b""#), r#"a "b"#);
/// assert_eq!(unquote(r"E'a\n\x41\u00e9'"), "a\nAé");
/// assert_eq!(unquote("$f$it's$f$"), "it's");
/// assert_eq!(unquote("'a'\n 'b'"), "ab");
/// assert_eq!(unquote("plain"), "plain");
/// ```
pub fn unquote(text: &str) -> String {
    let bytes = text.as_bytes();
    let lower = |n: usize| bytes.get(n).map_or(0, u8::to_ascii_lowercase);
    match (lower(0), lower(1), lower(2)) {
        (b'"', ..) => in_double_quotes(text),
        (b'u', b'&', b'"') => unescape_unicode(&in_double_quotes(&text[2..])),
        (b'u', b'&', b'\'') => unescape_unicode(&segments(&text[2..], false)),
        (b'\'', ..) => segments(text, false),
        (b'n' | b'b' | b'x', b'\'', _) => segments(&text[1..], false),
        (b'e', b'\'', _) => segments(&text[1..], true),
        (b'$', ..) => {
            let length = dollar_tag(bytes, 0).map_or(0, |tag| tag.len());
            text.get(length..text.len().saturating_sub(length)).unwrap_or(text).to_owned()
        }
        _ => text.to_owned(),
    }
}

fn in_double_quotes(text: &str) -> String {
    let inner = text.strip_prefix('"').unwrap_or(text);
    inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\"")
}

/// The text of a string from its first quote on, over all the lines it is continued on.
fn segments(text: &str, has_escapes: bool) -> String {
    let bytes = text.as_bytes();
    // Bytes, because `\x` gives bytes, which form characters only together.
    let mut value: Vec<u8> = Vec::with_capacity(text.len());
    let mut at = 1;
    while let Some(b) = bytes.get(at) {
        match b {
            b'\\' if has_escapes => at = unescape(text, at, &mut value),
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => {
                value.push(b'\'');
                at += 2;
            }
            b'\'' => match continuation(bytes, at + 1) {
                Some(next) => at = next + 1,
                None => break,
            },
            b => {
                value.push(*b);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&value).into_owned()
}

/// Reads the escape at `at`, and returns the place behind it.
fn unescape(text: &str, at: usize, value: &mut Vec<u8>) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, most: usize, test: fn(u8) -> bool| {
        let end = while_from(bytes, from.min(bytes.len()), test);
        from..end.min(from + most)
    };
    let number = |range: &Range<usize>, base: u32| u32::from_str_radix(&text[range.clone()], base).unwrap_or_default();
    let Some(escaped) = bytes.get(at + 1) else {
        return at + 1;
    };
    match escaped {
        b'b' => value.push(8),
        b'f' => value.push(12),
        b'n' => value.push(b'\n'),
        b'r' => value.push(b'\r'),
        b't' => value.push(b'\t'),
        b'0'..=b'7' => {
            let range = run(at + 1, 3, |b| (b'0'..=b'7').contains(&b));
            value.push(number(&range, 8) as u8);
            return range.end;
        }
        b'x' => {
            let range = run(at + 2, 2, |b| b.is_ascii_hexdigit());
            if !range.is_empty() {
                value.push(number(&range, 16) as u8);
                return range.end;
            }
            value.push(b'x');
        }
        b'u' | b'U' => {
            let digits = if *escaped == b'u' { 4 } else { 8 };
            let range = run(at + 2, digits, |b| b.is_ascii_hexdigit());
            if range.len() == digits
                && let Some(character) = char::from_u32(number(&range, 16))
            {
                value.extend(character.to_string().bytes());
                return range.end;
            }
            value.push(*escaped);
        }
        // The first byte of a longer character is followed by the others as they stand.
        other => value.push(*other),
    }
    at + 2
}

/// `\0061` and `\+000061` as the characters they stand for; what is malformed is kept.
fn unescape_unicode(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        value.push_str(&rest[..place]);
        let escape = &rest[place + 1..];
        let (digits, skipped) = match escape.strip_prefix('+') {
            Some(long) => (long.get(..6), 7),
            None => (escape.get(..4), 4),
        };
        let code = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let character = code.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
        match character {
            Some(character) => {
                value.push(character);
                rest = &escape[skipped..];
            }
            None => {
                value.push('\\');
                rest = escape.strip_prefix('\\').unwrap_or(escape);
            }
        }
    }
    value.push_str(rest);
    value
}

/// `name` as an identifier, quoted where it has to be, as PostgreSQL's `quote_ident` does. The only way a name becomes
/// part of a statement.
///
/// ```
/// use whimbrel_core::postgres::token::quote_name;
/// assert_eq!(quote_name("users"), "users");
/// assert_eq!(quote_name("order"), "\"order\"");
/// assert_eq!(quote_name("Users"), "\"Users\"");
/// assert_eq!(quote_name(r#"a"; DROP TABLE x; --"#), r#""a""; DROP TABLE x; --""#);
/// ```
pub fn quote_name(name: &str) -> String {
    let is_plain = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && KEYWORDS.binary_search(&name).is_err();
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `text` as a string literal that means the same whatever `standard_conforming_strings` is.
///
/// ```
/// use whimbrel_core::postgres::token::quote_literal;
/// assert_eq!(quote_literal("it's"), "'it''s'");
/// assert_eq!(quote_literal(r"a\b"), r"E'a\\b'");
/// ```
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// Keywords that `quote_ident` quotes: all but the unreserved ones
/// (<https://www.postgresql.org/docs/current/sql-keywords-appendix.html>), of versions 12 to 18.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization",
    "between", "bigint", "binary", "bit", "boolean", "both",
    "case", "cast", "char", "character", "check", "coalesce", "collate", "collation", "column", "concurrently",
    "constraint", "create", "cross", "current_catalog", "current_date", "current_role", "current_schema",
    "current_time", "current_timestamp", "current_user",
    "dec", "decimal", "default", "deferrable", "desc", "distinct", "do",
    "else", "end", "except", "exists", "extract",
    "false", "fetch", "float", "for", "foreign", "freeze", "from", "full",
    "grant", "greatest", "group", "grouping",
    "having",
    "ilike", "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval", "into", "is", "isnull",
    "join", "json", "json_array", "json_arrayagg", "json_exists", "json_object", "json_objectagg", "json_query",
    "json_scalar", "json_serialize", "json_table", "json_value",
    "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
    "merge_action",
    "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric",
    "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay",
    "placing", "position", "precision", "primary",
    "real", "references", "returning", "right", "row",
    "select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric", "system_user",
    "table", "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true",
    "union", "unique", "user", "using",
    "values", "varchar", "variadic", "verbose",
    "when", "where", "window", "with",
    "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi",
    "xmlroot", "xmlserialize", "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[&str]) {
        let tokens = tokenize(source).unwrap();
        let texts: Vec<_> = tokens.iter().map(|t| t.text(source)).collect();
        assert_eq!(texts, expected, "{source}");
    }

    fn kinds(source: &str) -> Vec<TokenKind> {
        tokenize(source).unwrap().iter().map(|t| t.kind).collect()
    }

    #[test]
    fn strings() {
        check(
            "'it''s' E'it\\'s' e'\\\\' U&'\\0061' N'n' B'01' x'1F' xy",
            &["'it''s'", "E'it\\'s'", "e'\\\\'", "U&'\\0061'", "N'n'", "B'01'", "x'1F'", "xy"],
        );
        check("'a\\' 'b'", &["'a\\'", "'b'"]);
        check("$$a;'b$$ $f$ $$ $g$ $f$ $ü1$x$ü1$", &["$$a;'b$$", "$f$ $$ $g$ $f$", "$ü1$x$ü1$"]);
        check("$1 a$b $1a$2 $ a$$b", &["$1", "a$b", "$1", "a$2", "$", "a$$b"]);
        check("'a'\n 'b' 'c'", &["'a'\n 'b'", "'c'"]);
        check("E'a' -- c\n'\\'b'", &["E'a' -- c\n'\\'b'"]);
        check("\"a\"\"b\" U&\"\\0061\" u &\"c\"", &["\"a\"\"b\"", "U&\"\\0061\"", "u", "&", "\"c\""]);
    }

    #[test]
    fn comments() {
        check("a--b\r\nc/*d /* e */ f*/g", &["a", "--b", "c", "/*d /* e */ f*/", "g"]);
        check("/*/* */*/ x", &["/*/* */*/", "x"]);
        check("/**/", &["/**/"]);
    }

    #[test]
    fn numbers_and_operators() {
        check(
            "1_000.5e-3+.5 0x1F 0b_01 1..10 1.e 4.",
            &["1_000.5e-3", "+", ".5", "0x1F", "0b_01", "1", "..", "10", "1.", "e", "4."],
        );
        check(
            "a::int[] b:=1 c=>d :name e->>'f' @>g",
            &["a", "::", "int", "[", "]", "b", ":=", "1", "c", "=>", "d", ":", "name", "e", "->>", "'f'", "@>", "g"],
        );
        check(
            "a<-1 b@-1 c*-- d\n e+/**/f",
            &["a", "<", "-", "1", "b", "@-", "1", "c", "*", "-- d", "e", "+", "/**/", "f"],
        );
        check("\u{feff}é=ü$1 {a}", &["é", "=", "ü$1", "{", "a", "}"]);
    }

    #[test]
    fn commands_and_rows() {
        let script = "\\connect it's\nCOPY a (b) FROM stdin WITH (FORMAT text); -- rows\nit's\n;\n\\.\nSELECT 1;\n";
        check(
            script,
            &[
                "\\connect it's",
                "COPY",
                "a",
                "(",
                "b",
                ")",
                "FROM",
                "stdin",
                "WITH",
                "(",
                "FORMAT",
                "text",
                ")",
                ";",
                "-- rows",
                "it's\n;\n\\.\n",
                "SELECT",
                "1",
                ";",
            ],
        );
        assert_eq!(kinds("\\.")[0], TokenKind::Command);
        assert_eq!(kinds("COPY a FROM stdin;\n\\.\r\nx").last(), Some(&TokenKind::Word));
        assert_eq!(kinds("COPY a FROM stdin;\n'a").last(), Some(&TokenKind::CopyData));
        assert!(!kinds("COPY a FROM 'stdin';\nSELECT 1").contains(&TokenKind::CopyData));
        assert!(!kinds("COPY a TO stdout;\nSELECT 1").contains(&TokenKind::CopyData));
        assert!(!kinds("SELECT copy FROM stdin;\nSELECT 1").contains(&TokenKind::CopyData));
    }

    #[test]
    fn names_what_cannot_be_cut() {
        let check = |source, message, at| assert_eq!(tokenize(source), Err(TokenError { message, at }));
        check("a 'b", "unterminated string", 2);
        check("a e'b\\'", "unterminated string", 2);
        check("a 'b'\n'c", "unterminated string", 2);
        check("a $b$ $c$", "unterminated string", 2);
        check("a \"b''", "unterminated quoted name", 2);
        check("a /* /* */", "unterminated comment", 2);
    }

    #[test]
    fn names_and_texts() {
        let source = "Abc \"Abc\" U&\"d\\0061t\\+000061\" 'Abc'";
        let tokens = tokenize(source).unwrap();
        let names: Vec<_> = tokens.iter().map(|t| t.name(source)).collect();
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(names, [name("abc"), name("Abc"), name("data"), None]);
        assert_eq!(tokens[3].string(source), name("Abc"));
        assert_eq!(unquote(r"E'\101\x41\U00000041\'\\\q\u00'"), r"AAA'\qu00");
        assert_eq!(unquote(r"E'\xc3\xa9\é'"), "éé");
        assert_eq!(unquote(r"U&'a\\b\zzzz'"), r"a\b\zzzz");
        assert_eq!(unquote("$$$$"), "");
    }

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
        assert_eq!(quote_name("a$b"), "\"a$b\"");
        assert_eq!(quote_name(""), "\"\"");
        assert_eq!(quote_name("left"), "\"left\"");
        assert_eq!(quote_name("between"), "\"between\"");
        assert_eq!(quote_name("comment"), "comment");
    }

    /// Texts put together from pieces that matter to the rules, so that every pair and triple of them meets.
    #[test]
    fn any_text_is_covered_without_a_gap() {
        let pieces = [
            "'",
            "\"",
            "$$",
            "$a$",
            "$",
            "1",
            "e",
            "E'",
            "U&",
            "\\",
            "\\.",
            "\n",
            "\r\n",
            "--",
            "/*",
            "*/",
            ";",
            "(",
            ")",
            "é",
            "\u{feff}",
            ".",
            "..",
            ":",
            "x'",
            "COPY a FROM stdin;\n",
            "+",
            "@-",
            "\0",
            "_",
            "0x",
            "😀",
        ];
        let mut seed = 7u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..60_000 {
            let text: String = (0..next(9)).map(|_| pieces[next(pieces.len())]).collect();
            let mut end = 0;
            for token in Tokens::new(&text) {
                let Ok(token) = token else {
                    end = text.len();
                    break;
                };
                assert_eq!(token.range.start, end, "{text:?}");
                assert!(token.range.end > end && text.is_char_boundary(token.range.end), "{text:?}");
                end = token.range.end;
                unquote(token.text(&text));
            }
            assert_eq!(end, text.len(), "{text:?}");
            let _ = unquote(&text);
        }
    }

    #[test]
    fn what_was_quoted_is_read_back() {
        for text in ["", "it's", "a\\b", "\\'", "\"", "é\n$$", "''", "U&'"] {
            assert_eq!(tokenize(&quote_literal(text)).unwrap().len(), 1);
            assert_eq!(unquote(&quote_literal(text)), text);
            assert_eq!(tokenize(&quote_name(text)).unwrap()[0].name(&quote_name(text)).unwrap(), text);
        }
    }
}
