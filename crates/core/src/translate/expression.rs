//! The expression language that PostgreSQL and SQLite share, as far as a portable schema uses it.
//!
//! Both ways go through one tree: what a dialect wrote is read into an [`Expression`], the translators change what the
//! other one says differently, and the tree is printed. What cannot be read is not carried; nothing is guessed. A
//! printed tree has parentheses only where somebody would write them, so that the same tree always gives the same text.

use crate::sqlite;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Null,
    Boolean(bool),
    /// A number as written.
    Number(String),
    /// A string without its quotes.
    Text(String),
    /// A blob, in hexadecimal digits.
    Blob(String),
    /// A column, with what stands before it: `users.id`, `*`.
    Column(Vec<String>),
    /// `CURRENT_TIMESTAMP` and the like, in upper case.
    Keyword(String),
    Call {
        name: Vec<String>,
        distinct: bool,
        arguments: Vec<Expression>,
    },
    /// `-x`
    Negative(Box<Expression>),
    Not(Box<Expression>),
    /// `=`, `AND`, `||` and so on; the names are PostgreSQL's, but for `GLOB`, `LIKE` and `IS` of SQLite.
    Binary(Box<Expression>, String, Box<Expression>),
    /// `IS NULL`, `IS NOT TRUE`: what it is compared with, and whether it must not be it.
    Is(Box<Expression>, &'static str, bool),
    In(Box<Expression>, Vec<Expression>, bool),
    Between(Box<Expression>, Box<Expression>, Box<Expression>, bool),
    Case {
        operand: Option<Box<Expression>>,
        branches: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
    /// `x::type`, `CAST(x AS type)`
    Cast(Box<Expression>, String),
    /// `ARRAY[…]`
    Array(Vec<Expression>),
    /// `x = ANY (…)`, `x <> ALL (…)`: the operator, and whether it is ALL.
    Any(Box<Expression>, String, Box<Expression>, bool),
    Collate(Box<Expression>, String),
    AtTimeZone(Box<Expression>, Box<Expression>),
}

/// Whose rules of precedence hold, and whose quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// A token of either dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word without quotes: as it was written for SQLite, which keeps it so, and in lower case for PostgreSQL.
    Word(String),
    /// A name in quotes.
    Name(String),
    Text(String),
    Number(String),
    Blob(String),
    Symbol(String),
}

impl Token {
    pub(super) fn is(&self, what: &str) -> bool {
        match self {
            Token::Word(word) => word.eq_ignore_ascii_case(what),
            Token::Symbol(symbol) => symbol == what,
            _ => false,
        }
    }

    /// The name this token may be.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Token::Word(name) | Token::Name(name) => Some(name.clone()),
            _ => None,
        }
    }
}

/// The tokens of a text; none where it cannot be cut into tokens that both dialects know.
pub(super) fn tokens(text: &str, dialect: Dialect) -> Option<Vec<Token>> {
    match dialect {
        Dialect::Postgres => postgres_tokens(text),
        Dialect::Sqlite => sqlite_tokens(text),
    }
}

fn sqlite_tokens(text: &str) -> Option<Vec<Token>> {
    use sqlite::token::{TokenKind, tokenize, unquote};
    let mut out = Vec::new();
    for token in tokenize(text).ok()? {
        let written = token.text(text);
        out.push(match token.kind {
            TokenKind::Word => Token::Word(written.to_owned()),
            TokenKind::Quoted => Token::Name(unquote(written)),
            TokenKind::String => Token::Text(unquote(written)),
            TokenKind::Blob => Token::Blob(written[2..written.len() - 1].to_ascii_lowercase()),
            TokenKind::Number => Token::Number(written.to_owned()),
            TokenKind::Symbol => Token::Symbol(match written {
                "==" => "=".to_owned(),
                "!=" => "<>".to_owned(),
                other => other.to_owned(),
            }),
            TokenKind::Comment => continue,
            TokenKind::Variable => return None,
        });
    }
    Some(out)
}

fn postgres_tokens(text: &str) -> Option<Vec<Token>> {
    use crate::postgres::token::{TokenKind, tokenize, unquote};
    let mut out = Vec::new();
    for token in tokenize(text).ok()? {
        let written = token.text(text);
        out.push(match token.kind {
            TokenKind::Word => Token::Word(token.name(text)?),
            TokenKind::Quoted => Token::Name(token.name(text)?),
            TokenKind::String => Token::Text(token.string(text)?),
            TokenKind::Bits if written.starts_with(['b', 'B']) => Token::Text(unquote(written)),
            TokenKind::Number => Token::Number(written.to_owned()),
            TokenKind::Symbol => Token::Symbol(written.to_owned()),
            TokenKind::Blank | TokenKind::Comment => continue,
            TokenKind::Bits | TokenKind::Parameter | TokenKind::Command | TokenKind::CopyData => return None,
        });
    }
    Some(out)
}

/// Reads a whole text as one expression; none where it is not one that both dialects can say.
pub(super) fn read(text: &str, dialect: Dialect) -> Option<Expression> {
    let tokens = tokens(text, dialect)?;
    let mut reader = Reader::new(&tokens, dialect);
    let expression = reader.expression()?;
    reader.is_at_end().then_some(expression)
}

/// Reads expressions from tokens.
pub(super) struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    dialect: Dialect,
    depth: usize,
    operators: usize,
}

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 100;

/// How many operators an expression may have. `a OR b OR c` is a tree as high as it is long, and whoever walks through it
/// has a stack that ends.
const MOST: usize = 200;

/// The words that end an expression, or stand where a name never does without quotes.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "case",
    "cast",
    "check",
    "collate",
    "cross",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "fetch",
    "from",
    "full",
    "glob",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "right",
    "row",
    "select",
    "similar",
    "some",
    "then",
    "union",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

impl<'t> Reader<'t> {
    pub(super) fn new(tokens: &'t [Token], dialect: Dialect) -> Reader<'t> {
        Reader { tokens, at: 0, dialect, depth: 0, operators: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn sees(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.tokens.get(self.at + n).is_some_and(|t| t.is(word)))
    }

    /// Takes the words if they come next.
    pub(super) fn takes(&mut self, words: &[&str]) -> bool {
        let seen = self.sees(words);
        if seen {
            self.at += words.len();
        }
        seen
    }

    pub(super) fn needs(&mut self, words: &[&str]) -> Option<()> {
        self.takes(words).then_some(())
    }

    pub(super) fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// A name: a word that is not reserved, or anything in quotes.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = match self.peek()? {
            // Two of the words are names like any other in PostgreSQL, which prints them without quotes.
            Token::Word(word) if self.dialect == Dialect::Postgres && matches!(word.as_str(), "glob" | "over") => {
                word.clone()
            }
            Token::Word(word) if RESERVED.contains(&word.to_ascii_lowercase().as_str()) => return None,
            token => token.name()?,
        };
        self.at += 1;
        Some(name)
    }

    /// A name with what stands before it: `public.users`.
    pub(super) fn path(&mut self) -> Option<Vec<String>> {
        let mut path = vec![self.name()?];
        while self.takes(&["."]) {
            path.push(match self.takes(&["*"]) {
                true => "*".to_owned(),
                false => self.next()?.name()?,
            });
        }
        Some(path)
    }

    pub(super) fn expression(&mut self) -> Option<Expression> {
        self.above(0)
    }

    /// The binary operator that comes next, how tightly it binds, and how many tokens it is.
    fn operator(&self) -> Option<(String, u8, usize)> {
        use Dialect::{Postgres, Sqlite};
        let token = self.peek()?;
        let (text, level) = match (token, self.dialect) {
            (Token::Word(word), _) => match word.to_ascii_lowercase().as_str() {
                "or" => ("OR", 1),
                "and" => ("AND", 2),
                _ => return None,
            },
            (Token::Symbol(symbol), Postgres) => match symbol.as_str() {
                "=" | "<>" | "<" | ">" | "<=" | ">=" => (symbol.as_str(), 5),
                "+" | "-" => (symbol.as_str(), 8),
                "*" | "/" | "%" => (symbol.as_str(), 9),
                "(" | ")" | "[" | "]" | "," | "." | ";" | "::" | "^" => return None,
                other => (other, 7),
            },
            (Token::Symbol(symbol), Sqlite) => match symbol.as_str() {
                "=" | "<>" => (symbol.as_str(), 4),
                "<" | ">" | "<=" | ">=" => (symbol.as_str(), 5),
                "<<" | ">>" | "&" | "|" => (symbol.as_str(), 7),
                "+" | "-" => (symbol.as_str(), 8),
                "*" | "/" | "%" => (symbol.as_str(), 9),
                "||" | "->" | "->>" => (symbol.as_str(), 10),
                _ => return None,
            },
            _ => return None,
        };
        Some((text.to_owned(), level, 1))
    }

    /// How tightly `IS`, `IN`, `LIKE` and `BETWEEN` bind.
    fn predicate_level(&self) -> u8 {
        match self.dialect {
            Dialect::Postgres => 4,
            Dialect::Sqlite => 4,
        }
    }

    fn one_more_operator(&mut self) -> Option<()> {
        self.operators += 1;
        (self.operators <= MOST).then_some(())
    }

    /// An expression of operators that bind more tightly than `level`.
    fn above(&mut self, level: u8) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = if self.takes(&["not"]) { Expression::Not(Box::new(self.above(3)?)) } else { self.unary()? };
        loop {
            if let Some((text, binds, count)) = self.operator() {
                if binds <= level {
                    break;
                }
                self.one_more_operator()?;
                self.at += count;
                let any = |reader: &Reader<'_>| {
                    reader.dialect == Dialect::Postgres && (reader.sees(&["any", "("]) || reader.sees(&["all", "("]))
                };
                left = if any(self) {
                    let all = self.next()?.is("all");
                    self.needs(&["("])?;
                    let list = self.above(0)?;
                    self.needs(&[")"])?;
                    Expression::Any(Box::new(left), text, Box::new(list), all)
                } else {
                    let right = self.above(binds)?;
                    Expression::Binary(Box::new(left), text, Box::new(right))
                };
                continue;
            }
            if self.predicate_level() > level
                && let Some(with) = self.predicate(&left)?
            {
                self.one_more_operator()?;
                left = with;
                continue;
            }
            break;
        }
        self.depth -= 1;
        Some(left)
    }

    /// `IS …`, `[NOT] IN (…)`, `[NOT] BETWEEN … AND …`, `[NOT] LIKE …` behind `left`. The outer option is whether it
    /// could be read, the inner one whether there is one.
    #[expect(clippy::option_option, reason = "what cannot be read is apart from what is not there")]
    fn predicate(&mut self, left: &Expression) -> Option<Option<Expression>> {
        let left = || Box::new(left.clone());
        if self.takes(&["isnull"]) {
            return Some(Some(Expression::Is(left(), "NULL", false)));
        }
        if self.takes(&["notnull"]) {
            return Some(Some(Expression::Is(left(), "NULL", true)));
        }
        if self.takes(&["is"]) {
            let not = self.takes(&["not"]);
            for (word, text) in [("null", "NULL"), ("true", "TRUE"), ("false", "FALSE"), ("unknown", "NULL")] {
                if self.takes(&[word]) {
                    return Some(Some(Expression::Is(left(), text, not)));
                }
            }
            let is_distinct = self.takes(&["distinct", "from"]);
            if !is_distinct && self.dialect == Dialect::Postgres {
                return None;
            }
            let operator = if is_distinct == not { "IS" } else { "IS NOT" };
            let right = self.above(self.predicate_level())?;
            return Some(Some(Expression::Binary(left(), operator.to_owned(), Box::new(right))));
        }
        let before = self.at;
        let not = self.takes(&["not"]);
        if self.takes(&["in", "("]) {
            let mut list = Vec::new();
            while !self.takes(&[")"]) {
                if !list.is_empty() {
                    self.needs(&[","])?;
                }
                list.push(self.expression()?);
            }
            return Some(Some(Expression::In(left(), list, not)));
        }
        if self.takes(&["between"]) {
            let low = self.above(self.predicate_level())?;
            self.needs(&["and"])?;
            let high = self.above(self.predicate_level())?;
            return Some(Some(Expression::Between(left(), Box::new(low), Box::new(high), not)));
        }
        for (word, operator) in [("like", "LIKE"), ("glob", "GLOB"), ("ilike", "ILIKE")] {
            if self.takes(&[word]) {
                let right = self.above(self.predicate_level())?;
                if self.sees(&["escape"]) {
                    return None;
                }
                let matched = Expression::Binary(left(), operator.to_owned(), Box::new(right));
                return Some(Some(if not { Expression::Not(Box::new(matched)) } else { matched }));
            }
        }
        self.at = before;
        Some(None)
    }

    fn unary(&mut self) -> Option<Expression> {
        let mut signs = Vec::new();
        while self.sees(&["-"]) || self.sees(&["+"]) {
            self.one_more_operator()?;
            signs.extend(self.next());
        }
        let mut of = self.without_sign()?;
        while let Some(sign) = signs.pop() {
            of = match of {
                of if sign.is("+") => of,
                Expression::Number(number) if !number.starts_with('-') => Expression::Number(format!("-{number}")),
                of => Expression::Negative(Box::new(of)),
            };
        }
        Some(of)
    }

    fn without_sign(&mut self) -> Option<Expression> {
        let first = self.primary()?;
        self.behind(first)
    }

    /// Casts, collations and time zones behind an expression.
    pub(super) fn behind(&mut self, mut of: Expression) -> Option<Expression> {
        loop {
            if self.takes(&["::"]) {
                of = Expression::Cast(Box::new(of), self.data_type()?);
            } else if self.takes(&["collate"]) {
                of = Expression::Collate(Box::new(of), self.path()?.pop()?);
            } else if self.takes(&["at", "time", "zone"]) {
                let zone = self.unary()?;
                of = Expression::AtTimeZone(Box::new(of), Box::new(zone));
            } else if self.sees(&["["]) || self.sees(&["."]) {
                return None;
            } else {
                return Some(of);
            }
            self.one_more_operator()?;
        }
    }

    /// A type as PostgreSQL prints it.
    fn data_type(&mut self) -> Option<String> {
        let mut text = String::new();
        let path = self.path()?;
        for (n, part) in path.iter().enumerate() {
            text += if n > 0 { "." } else { "" };
            text += &if path.len() > 1 { crate::postgres::token::quote_name(part) } else { part.clone() };
        }
        if path.len() == 1 {
            // `character varying`, `double precision`, `bit varying`
            for (first, second) in [("character", "varying"), ("double", "precision"), ("bit", "varying")] {
                if path[0].eq_ignore_ascii_case(first) && self.takes(&[second]) {
                    text += &format!(" {second}");
                }
            }
        }
        if self.takes(&["("]) {
            text.push('(');
            while !self.takes(&[")"]) {
                match self.next()? {
                    Token::Number(number) => text += number,
                    Token::Symbol(comma) if comma == "," => text.push(','),
                    _ => return None,
                }
            }
            text.push(')');
        }
        for zone in [["with", "time", "zone"], ["without", "time", "zone"]] {
            if self.takes(&zone) {
                text += &format!(" {}", zone.join(" "));
            }
        }
        while self.takes(&["[", "]"]) {
            text += "[]";
        }
        Some(text)
    }

    fn list(&mut self, end: &str) -> Option<Vec<Expression>> {
        let mut list = Vec::new();
        while !self.takes(&[end]) {
            if !list.is_empty() {
                self.needs(&[","])?;
            }
            list.push(self.expression()?);
        }
        Some(list)
    }

    pub(super) fn primary(&mut self) -> Option<Expression> {
        let token = self.peek()?;
        match token {
            Token::Number(number) => {
                self.at += 1;
                return Some(Expression::Number(number.clone()));
            }
            Token::Text(text) => {
                self.at += 1;
                return Some(Expression::Text(text.clone()));
            }
            Token::Blob(digits) => {
                self.at += 1;
                return Some(Expression::Blob(digits.clone()));
            }
            Token::Symbol(symbol) if symbol == "(" => {
                self.at += 1;
                let inner = self.above(0)?;
                self.needs(&[")"])?;
                return Some(inner);
            }
            Token::Symbol(symbol) if symbol == "*" => {
                self.at += 1;
                return Some(Expression::Column(vec!["*".to_owned()]));
            }
            Token::Symbol(_) => return None,
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "null" => {
                    self.at += 1;
                    return Some(Expression::Null);
                }
                "true" | "false" => {
                    self.at += 1;
                    return Some(Expression::Boolean(word.eq_ignore_ascii_case("true")));
                }
                "case" => {
                    self.at += 1;
                    return self.case();
                }
                "cast" => {
                    self.at += 1;
                    return self.cast();
                }
                "array" if self.takes(&["array", "["]) => return self.list("]").map(Expression::Array),
                "current_timestamp" | "current_date" | "current_time" | "localtimestamp" | "localtime"
                | "current_user" | "session_user" | "current_role" => {
                    self.at += 1;
                    if self.sees(&["("]) {
                        return None;
                    }
                    return Some(Expression::Keyword(word.to_uppercase()));
                }
                _ => {}
            },
            Token::Name(_) => {}
        }
        let name = self.path()?;
        if !self.takes(&["("]) {
            return Some(Expression::Column(name));
        }
        // `TRIM(BOTH FROM x)`, as PostgreSQL prints it.
        if name.len() == 1 && name[0].eq_ignore_ascii_case("trim") && self.takes(&["both", "from"]) {
            let arguments = self.list(")")?;
            return Some(Expression::Call { name: vec!["btrim".to_owned()], distinct: false, arguments });
        }
        let distinct = self.takes(&["distinct"]);
        let arguments = self.list(")")?;
        if self.sees(&["over"]) || self.sees(&["filter"]) || self.sees(&["within"]) {
            return None;
        }
        Some(Expression::Call { name, distinct, arguments })
    }

    fn case(&mut self) -> Option<Expression> {
        let operand = if self.sees(&["when"]) { None } else { Some(Box::new(self.expression()?)) };
        let mut branches = Vec::new();
        while self.takes(&["when"]) {
            let condition = self.expression()?;
            self.needs(&["then"])?;
            branches.push((condition, self.expression()?));
        }
        let otherwise = if self.takes(&["else"]) { Some(Box::new(self.expression()?)) } else { None };
        self.needs(&["end"])?;
        Some(Expression::Case { operand, branches, otherwise })
    }

    fn cast(&mut self) -> Option<Expression> {
        self.needs(&["("])?;
        let of = self.expression()?;
        self.needs(&["as"])?;
        let data_type = self.data_type()?;
        self.needs(&[")"])?;
        Some(Expression::Cast(Box::new(of), data_type))
    }
}

impl Expression {
    pub(super) fn call(name: &str, arguments: Vec<Expression>) -> Expression {
        Expression::Call { name: vec![name.to_owned()], distinct: false, arguments }
    }

    pub(super) fn binary(left: Expression, operator: &str, right: Expression) -> Expression {
        Expression::Binary(Box::new(left), operator.to_owned(), Box::new(right))
    }

    /// Whether it is the same for every row and at every time.
    pub(super) fn is_literal(&self) -> bool {
        use Expression::{Blob, Boolean, Null, Number, Text};
        matches!(self, Null | Boolean(_) | Number(_) | Text(_) | Blob(_))
    }

    /// The columns it mentions, each once.
    pub(super) fn columns(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.visit(&mut |expression| {
            if let Expression::Column(path) = expression
                && let Some(name) = path.last()
                && !out.contains(name)
            {
                out.push(name.clone());
            }
        });
        out
    }

    /// Shows every part to `look`.
    pub(super) fn visit(&self, look: &mut dyn FnMut(&Expression)) {
        look(self);
        let mut all = |list: &[Expression]| list.iter().for_each(|e| e.visit(look));
        match self {
            Expression::Call { arguments, .. } => all(arguments),
            Expression::Array(list) => all(list),
            Expression::Negative(of) | Expression::Not(of) => of.visit(look),
            Expression::Is(of, ..) | Expression::Cast(of, _) | Expression::Collate(of, _) => of.visit(look),
            Expression::Binary(left, _, right)
            | Expression::Any(left, _, right, _)
            | Expression::AtTimeZone(left, right) => {
                left.visit(look);
                right.visit(look);
            }
            Expression::In(of, list, _) => {
                of.visit(look);
                list.iter().for_each(|e| e.visit(look));
            }
            Expression::Between(of, low, high, _) => {
                of.visit(look);
                low.visit(look);
                high.visit(look);
            }
            Expression::Case { operand, branches, otherwise } => {
                operand.iter().for_each(|e| e.visit(look));
                for (condition, value) in branches {
                    condition.visit(look);
                    value.visit(look);
                }
                otherwise.iter().for_each(|e| e.visit(look));
            }
            Expression::Null
            | Expression::Boolean(_)
            | Expression::Number(_)
            | Expression::Text(_)
            | Expression::Blob(_)
            | Expression::Column(_)
            | Expression::Keyword(_) => {}
        }
    }

    /// The same with every part changed by `change`, from the inside out.
    #[must_use]
    pub(super) fn map(self, change: &mut dyn FnMut(Expression) -> Expression) -> Expression {
        let mut list = |items: Vec<Expression>| items.into_iter().map(|e| e.map(change)).collect::<Vec<_>>();
        let mapped = match self {
            Expression::Call { name, distinct, arguments } => {
                Expression::Call { name, distinct, arguments: list(arguments) }
            }
            Expression::Array(items) => Expression::Array(list(items)),
            Expression::Negative(of) => Expression::Negative(Box::new(of.map(change))),
            Expression::Not(of) => Expression::Not(Box::new(of.map(change))),
            Expression::Is(of, what, not) => Expression::Is(Box::new(of.map(change)), what, not),
            Expression::Cast(of, to) => Expression::Cast(Box::new(of.map(change)), to),
            Expression::Collate(of, collation) => Expression::Collate(Box::new(of.map(change)), collation),
            Expression::Binary(left, operator, right) => {
                Expression::Binary(Box::new(left.map(change)), operator, Box::new(right.map(change)))
            }
            Expression::Any(left, operator, right, all) => {
                Expression::Any(Box::new(left.map(change)), operator, Box::new(right.map(change)), all)
            }
            Expression::AtTimeZone(left, right) => {
                Expression::AtTimeZone(Box::new(left.map(change)), Box::new(right.map(change)))
            }
            Expression::In(of, items, not) => {
                let items = list(items);
                Expression::In(Box::new(of.map(change)), items, not)
            }
            Expression::Between(of, low, high, not) => Expression::Between(
                Box::new(of.map(change)),
                Box::new(low.map(change)),
                Box::new(high.map(change)),
                not,
            ),
            Expression::Case { operand, branches, otherwise } => Expression::Case {
                operand: operand.map(|e| Box::new(e.map(change))),
                branches: branches.into_iter().map(|(c, v)| (c.map(change), v.map(change))).collect(),
                otherwise: otherwise.map(|e| Box::new(e.map(change))),
            },
            leaf => leaf,
        };
        change(mapped)
    }

    /// How tightly its outermost operator binds in both dialects; 20 for what needs no parentheses anywhere.
    fn level(&self) -> u8 {
        match self {
            Expression::Binary(_, operator, _) => match operator.as_str() {
                "OR" => 1,
                "AND" => 2,
                "=" | "<>" | "<" | ">" | "<=" | ">=" => 4,
                "IS" | "IS NOT" | "GLOB" | "LIKE" | "ILIKE" => 4,
                "+" | "-" => 8,
                "*" | "/" | "%" => 9,
                // Of these, the two dialects think differently.
                _ => 6,
            },
            Expression::Not(_) => 3,
            Expression::Is(..) | Expression::In(..) | Expression::Between(..) | Expression::Any(..) => 4,
            Expression::Negative(_) => 11,
            Expression::AtTimeZone(..) | Expression::Collate(..) => 10,
            _ => 20,
        }
    }

    /// The text in a dialect.
    pub(super) fn print(&self, dialect: Dialect) -> String {
        let inside = |of: &Expression, least: u8| match of.level() > least {
            true => of.print(dialect),
            false => format!("({})", of.print(dialect)),
        };
        let list = |list: &[Expression]| list.iter().map(|e| e.print(dialect)).collect::<Vec<_>>().join(", ");
        match self {
            Expression::Null => "NULL".to_owned(),
            Expression::Boolean(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
            Expression::Number(number) => number.clone(),
            Expression::Text(text) => quote_text(text, dialect),
            Expression::Blob(digits) => match dialect {
                Dialect::Postgres => format!("'\\x{digits}'"),
                Dialect::Sqlite => format!("x'{digits}'"),
            },
            Expression::Column(path) => {
                let name = |part: &String| if part == "*" { part.clone() } else { quote(part, dialect) };
                path.iter().map(name).collect::<Vec<_>>().join(".")
            }
            Expression::Keyword(word) => word.clone(),
            Expression::Call { name, distinct, arguments } => {
                let distinct = if *distinct { "DISTINCT " } else { "" };
                format!("{}({distinct}{})", name.join("."), list(arguments))
            }
            Expression::Negative(of) => format!("-{}", inside(of, 11)),
            Expression::Not(of) => match of.as_ref() {
                Expression::Binary(left, operator, right) if matches!(operator.as_str(), "GLOB" | "LIKE" | "ILIKE") => {
                    format!("{} NOT {operator} {}", inside(left, 5), inside(right, 5))
                }
                of => format!("NOT {}", inside(of, 3)),
            },
            Expression::Binary(left, operator, right) => {
                let level = self.level();
                // `a AND b AND c`, `a || b || c` and sums are read from left to right anyway.
                let is_chain = |of: &Expression| {
                    matches!((operator.as_str(), of), ("AND" | "OR" | "+" | "*" | "||", Expression::Binary(_, inner, _))
                        if inner == operator)
                };
                // Of `||` beside a sum the two dialects think differently.
                let least = if level == 6 { 11 } else { level };
                let left = if is_chain(left) { left.print(dialect) } else { inside(left, least) };
                let right = inside(right, least);
                let operator = match (operator.as_str(), dialect) {
                    ("IS", Dialect::Postgres) => "IS NOT DISTINCT FROM",
                    ("IS NOT", Dialect::Postgres) => "IS DISTINCT FROM",
                    (other, _) => other,
                };
                format!("{left} {operator} {right}")
            }
            Expression::Is(of, what, not) => {
                format!("{} IS {}{what}", inside(of, 5), if *not { "NOT " } else { "" })
            }
            Expression::In(of, items, not) => {
                format!("{} {}IN ({})", inside(of, 5), if *not { "NOT " } else { "" }, list(items))
            }
            Expression::Between(of, low, high, not) => {
                let not = if *not { "NOT " } else { "" };
                format!("{} {not}BETWEEN {} AND {}", inside(of, 5), inside(low, 5), inside(high, 5))
            }
            Expression::Case { operand, branches, otherwise } => {
                let mut out = "CASE".to_owned();
                if let Some(operand) = operand {
                    out += &format!(" {}", operand.print(dialect));
                }
                for (condition, value) in branches {
                    out += &format!(" WHEN {} THEN {}", condition.print(dialect), value.print(dialect));
                }
                if let Some(otherwise) = otherwise {
                    out += &format!(" ELSE {}", otherwise.print(dialect));
                }
                out + " END"
            }
            Expression::Cast(of, data_type) => format!("CAST({} AS {data_type})", of.print(dialect)),
            Expression::Array(items) => format!("ARRAY[{}]", list(items)),
            Expression::Any(left, operator, array, all) => {
                let word = if *all { "ALL" } else { "ANY" };
                format!("{} {operator} {word} ({})", inside(left, 5), array.print(dialect))
            }
            Expression::Collate(of, collation) => format!("{} COLLATE {}", inside(of, 9), quote(collation, dialect)),
            Expression::AtTimeZone(of, zone) => format!("{} AT TIME ZONE {}", inside(of, 9), inside(zone, 9)),
        }
    }
}

/// A name in a dialect, in quotes where it needs them.
pub(super) fn quote(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => crate::postgres::token::quote_name(name),
        Dialect::Sqlite => sqlite::token::display_name(name),
    }
}

fn quote_text(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => crate::postgres::token::quote_literal(text),
        Dialect::Sqlite => sqlite::token::quote_text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, from: Dialect, to: Dialect, expected: &str) {
        let expression = read(text, from).unwrap_or_else(|| panic!("{text} cannot be read"));
        assert_eq!(expression.print(to), expected);
        assert_eq!(read(expected, to).unwrap().print(to), expected, "and it is read back the same");
    }

    #[test]
    fn parentheses_stand_where_they_are_needed() {
        use Dialect::{Postgres, Sqlite};
        check("((a > 0) AND (b IS NOT NULL))", Postgres, Sqlite, "a > 0 AND b IS NOT NULL");
        check("((a OR b) AND (NOT (c)))", Postgres, Sqlite, "(a OR b) AND NOT c");
        check("(a - (b - c))", Postgres, Sqlite, "a - (b - c)");
        check("((a - b) - c)", Postgres, Sqlite, "(a - b) - c");
        check("((a || 'x') || b)", Postgres, Sqlite, "a || 'x' || b");
        check("((a IS NOT NULL) = (b IS NOT NULL))", Postgres, Sqlite, "(a IS NOT NULL) = (b IS NOT NULL)");
        check("((a = 1) = true)", Postgres, Sqlite, "(a = 1) = TRUE");
        check("NOT a = 1 AND b", Sqlite, Postgres, "NOT a = 1 AND b");
        check("a || b = c", Sqlite, Postgres, "a || b = c");
        check("((a + b) || c)", Postgres, Sqlite, "(a + b) || c");
        check("a + b || c", Sqlite, Postgres, "a + (b || c)");
        check("-(a + 1) < -5", Sqlite, Postgres, "-(a + 1) < -5");
        check("a NOT BETWEEN 1 AND 2 OR b NOT LIKE 'x%'", Sqlite, Sqlite, "a NOT BETWEEN 1 AND 2 OR b NOT LIKE 'x%'");
    }

    #[test]
    fn what_is_not_known_is_not_read() {
        for text in ["(x).y", "a[1]", "X'1f'", "EXTRACT(epoch FROM a)", "a IS DOCUMENT", "(SELECT 1)", "ROW(1, 2)", ""]
        {
            assert_eq!(read(text, Dialect::Postgres), None, "{text}");
        }
        let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert_eq!(read(&deep, Dialect::Postgres), None);
        for endless in ["- ", "NOT ", "1 + ", "a OR ", "CASE WHEN ", "coalesce("] {
            assert_eq!(read(&format!("{}1", endless.repeat(20_000)), Dialect::Sqlite), None, "{endless}");
        }
        let long = format!("{}1", "a OR ".repeat(MOST));
        assert_eq!(read(&long, Dialect::Sqlite).map(|e| e.print(Dialect::Sqlite)), Some(long));
    }
}
