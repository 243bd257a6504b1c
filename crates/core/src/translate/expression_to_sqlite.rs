//! Expressions of PostgreSQL in SQLite's words: conditions, parts of indexes, generated columns.
//!
//! PostgreSQL prints every cast that it found out by itself. Those that change nothing in SQLite are left out, and the
//! server puts them in again on the way back. Whatever could give another value is not carried, and the reason is named.

use super::defaults;
use super::expression::Expression;
use super::types::Type;

/// What a value is, as far as it matters for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Whole,
    Number,
    Text,
    Enum,
    Uuid,
    /// A point in time, of this type.
    Time(Type),
    Json,
    Array,
    Bytes,
    /// A literal without a type, or NULL.
    Open,
    /// Something of which only whether it is NULL can be asked.
    Opaque,
}

impl Kind {
    pub(super) fn of(of: &Type) -> Kind {
        match of {
            Type::Smallint | Type::Integer | Type::Bigint => Kind::Whole,
            Type::Real | Type::Double | Type::Numeric(_) => Kind::Number,
            Type::Boolean => Kind::Boolean,
            Type::Text | Type::Varchar(_) | Type::Citext => Kind::Text,
            Type::Enum { .. } => Kind::Enum,
            Type::Uuid => Kind::Uuid,
            Type::Date => Kind::Time(Type::Date),
            Type::Timestamp(zone, _) => Kind::Time(Type::Timestamp(*zone, None)),
            Type::Time(false, _) => Kind::Time(Type::Time(false, None)),
            Type::Json | Type::Jsonb => Kind::Json,
            Type::Array(_) => Kind::Array,
            Type::Bytea => Kind::Bytes,
            _ => Kind::Opaque,
        }
    }
}

/// Whether SQLite keeps a number of this type as text, which it compares letter by letter.
pub(super) fn is_number_as_text(of: &Type) -> bool {
    matches!(of, Type::Numeric(_)) && of.declared().contains("TEXT")
}

/// Translates expressions over the columns of one table.
pub(super) struct ToSqlite<'a> {
    /// The type of a column: none where there is no such column, and an inner none where SQLite has nothing like it.
    pub(super) column: &'a dyn Fn(&[String]) -> Option<Option<Type>>,
    /// The type for a name in a cast.
    pub(super) named: &'a dyn Fn(&str) -> Option<Type>,
    /// Whether what is written would be another expression on the way back.
    pub(super) comes_back: bool,
    /// What SQLite does differently.
    pub(super) differs: Vec<String>,
}

type Carried = Result<(Expression, Kind), String>;

impl ToSqlite<'_> {
    fn differs(&mut self, text: &str) {
        if !self.differs.iter().any(|d| d == text) {
            self.differs.push(text.to_owned());
        }
    }

    fn value(&mut self, expression: &Expression) -> Result<Expression, String> {
        Ok(self.carry(expression)?.0)
    }

    /// The expression in SQLite's words.
    ///
    /// # Errors
    /// What in it has no like in SQLite.
    pub(super) fn carry(&mut self, expression: &Expression) -> Carried {
        match expression {
            Expression::Null => Ok((Expression::Null, Kind::Open)),
            Expression::Boolean(_) => Ok((expression.clone(), Kind::Boolean)),
            Expression::Number(number) => Ok((expression.clone(), number_kind(number))),
            Expression::Text(_) => Ok((expression.clone(), Kind::Open)),
            Expression::Column(path) => match (self.column)(path) {
                None => Err(format!("{} is no column", path.join("."))),
                Some(None) => Ok((expression.clone(), Kind::Opaque)),
                Some(Some(of)) if is_number_as_text(&of) => {
                    Ok((Expression::Cast(Box::new(expression.clone()), "REAL".to_owned()), Kind::Number))
                }
                Some(Some(of)) => Ok((expression.clone(), Kind::of(&of))),
            },
            Expression::Blob(_) | Expression::Array(_) => Err("a list or a blob by itself".to_owned()),
            Expression::Keyword(word) => Err(format!("{word}, which is another at every time")),
            Expression::AtTimeZone(..) => Err("AT TIME ZONE".to_owned()),
            Expression::Call { name, distinct, arguments } => self.call(name, *distinct, arguments),
            Expression::Negative(of) => match self.carry(of)? {
                (of, kind @ (Kind::Whole | Kind::Number)) => Ok((Expression::Negative(Box::new(of)), kind)),
                _ => Err("the operator -".to_owned()),
            },
            Expression::Not(of) => Ok((Expression::Not(Box::new(self.value(of)?)), Kind::Boolean)),
            Expression::Is(of, what, not) => {
                let of = match of.as_ref() {
                    // Without the cast of a number that is kept as text.
                    Expression::Column(path) if (self.column)(path).is_some() => of.as_ref().clone(),
                    of => self.value(of)?,
                };
                Ok((Expression::Is(Box::new(of), what, *not), Kind::Boolean))
            }
            Expression::Binary(left, operator, right) => self.binary(left, operator, right),
            Expression::Between(of, low, high, not) => {
                let both = Expression::binary(
                    Expression::binary(of.as_ref().clone(), ">=", low.as_ref().clone()),
                    "AND",
                    Expression::binary(of.as_ref().clone(), "<=", high.as_ref().clone()),
                );
                self.carry(&if *not { Expression::Not(Box::new(both)) } else { both })
            }
            Expression::In(of, list, not) => self.one_of(of, list, *not),
            Expression::Any(of, operator, list, all) => {
                let items = list_items(list, self.named).ok_or("ANY or ALL of something that is no list")?;
                // For `IN` on varchar, the server makes a list of varchar and casts it.
                let of_varchar = matches!(inside_casts(of), Expression::Column(path)
                    if matches!((self.column)(path), Some(Some(Type::Varchar(_)))));
                let is_cast =
                    matches!(list.as_ref(), Expression::Cast(inner, _) if matches!(**inner, Expression::Array(_)));
                self.comes_back |= items.len() < 2 || of_varchar != is_cast;
                match (operator.as_str(), all) {
                    ("=", false) => self.one_of(of, &items, false),
                    ("<>", true) => self.one_of(of, &items, true),
                    ("~~" | "~~*", false) if !items.is_empty() => {
                        self.comes_back = true;
                        let each = |item: &Expression| Expression::binary(of.as_ref().clone(), operator, item.clone());
                        let any = items[1..]
                            .iter()
                            .fold(each(&items[0]), |before, item| Expression::binary(before, "OR", each(item)));
                        self.carry(&any)
                    }
                    _ => Err(format!("{operator} {}", if *all { "ALL" } else { "ANY" })),
                }
            }
            Expression::Case { operand, branches, otherwise } => {
                let operand = match operand {
                    Some(operand) => Some(Box::new(self.value(operand)?)),
                    None => None,
                };
                let mut kind = Kind::Open;
                let mut carried = Vec::new();
                for (condition, value) in branches {
                    let condition = self.value(condition)?;
                    let (value, of) = self.carry(value)?;
                    kind = if kind == Kind::Open { of } else { kind };
                    carried.push((condition, value));
                }
                let otherwise = match otherwise {
                    Some(otherwise) => Some(Box::new(self.value(otherwise)?)),
                    None => None,
                };
                Ok((Expression::Case { operand, branches: carried, otherwise }, kind))
            }
            Expression::Cast(of, data_type) => self.cast(of, data_type),
            Expression::Collate(of, collation) => match collation.as_str() {
                "C" | "POSIX" => {
                    self.comes_back |= collation != "C";
                    let (of, kind) = self.carry(of)?;
                    Ok((Expression::Collate(Box::new(of), "BINARY".to_owned()), kind))
                }
                other => Err(format!("the collation {other}")),
            },
        }
    }

    fn one_of(&mut self, of: &Expression, list: &[Expression], not: bool) -> Carried {
        let (of, kind) = self.carry(of)?;
        let mut items = Vec::new();
        for item in list {
            let (item, of_item) = self.carry(item)?;
            comparable(&kind, &of_item, "=")?;
            items.push(item);
        }
        Ok((Expression::In(Box::new(of), items, not), Kind::Boolean))
    }

    fn binary(&mut self, left: &Expression, operator: &str, right: &Expression) -> Carried {
        if let Some(carried) = self.type_of_json(left, operator, right) {
            return carried;
        }
        match operator {
            "~~" | "!~~" | "~~*" | "!~~*" => return self.like(left, operator, right),
            _ => {}
        }
        let (left, of_left) = self.carry(left)?;
        let (right, of_right) = self.carry(right)?;
        let numbers = |kind: &Kind| matches!(kind, Kind::Whole | Kind::Number);
        let whole = of_left == Kind::Whole && of_right == Kind::Whole;
        let kind = match operator {
            "AND" | "OR" => Kind::Boolean,
            "=" | "<>" | "<" | ">" | "<=" | ">=" | "IS" | "IS NOT" => {
                comparable(&of_left, &of_right, operator)?;
                Kind::Boolean
            }
            "+" | "-" | "*" if numbers(&of_left) && numbers(&of_right) => {
                if whole {
                    Kind::Whole
                } else {
                    Kind::Number
                }
            }
            "/" if whole => Kind::Whole,
            "/" if numbers(&of_left) && numbers(&of_right) => {
                // A NUMERIC column keeps 10.00 as a whole number, and whole numbers are divided without a rest.
                let is_real = self.is_real(&left) || self.is_real(&right);
                self.comes_back |= !is_real;
                let left = if is_real { left } else { Expression::Cast(Box::new(left), "REAL".to_owned()) };
                return Ok((Expression::binary(left, "/", right), Kind::Number));
            }
            "%" if whole => Kind::Whole,
            "||" => {
                let is_text = |kind: &Kind| matches!(kind, Kind::Text | Kind::Open | Kind::Whole);
                if !is_text(&of_left) || !is_text(&of_right) {
                    return Err("the operator || on what is no text".to_owned());
                }
                Kind::Text
            }
            "->>" | "->" if of_left == Kind::Json && right.is_literal() => {
                if operator == "->>" {
                    self.differs("->> gives a number of JSON as a number, and true as 1");
                    Kind::Text
                } else {
                    Kind::Json
                }
            }
            other => return Err(format!("the operator {other}")),
        };
        Ok((Expression::binary(left, operator, right), kind))
    }

    /// Whether SQLite keeps the value as a floating-point number, also where it is whole.
    fn is_real(&self, value: &Expression) -> bool {
        match value {
            Expression::Cast(_, to) => to == "REAL",
            Expression::Column(path) => matches!((self.column)(path), Some(Some(Type::Double | Type::Real))),
            _ => false,
        }
    }

    /// `jsonb_typeof(x) = 'array'`: of the names of types, only some are the same.
    fn type_of_json(&mut self, left: &Expression, operator: &str, right: &Expression) -> Option<Carried> {
        let Expression::Call { name, arguments, .. } = left else { return None };
        let is_type = matches!(name.last().map(String::as_str), Some("jsonb_typeof" | "json_typeof"));
        let ([of], true, "=" | "<>") = (arguments.as_slice(), is_type, operator) else { return None };
        let Ok((Expression::Text(word), _)) = self.carry(right) else { return None };
        if !matches!(word.as_str(), "array" | "object" | "null") {
            return None;
        }
        self.comes_back = true;
        Some(self.carry(of).map(|(of, _)| {
            let call = Expression::call("json_type", vec![of]);
            (Expression::binary(call, operator, Expression::Text(word)), Kind::Boolean)
        }))
    }

    /// LIKE, which looks at the case of letters, is GLOB in SQLite; ILIKE is SQLite's LIKE.
    fn like(&mut self, left: &Expression, operator: &str, right: &Expression) -> Carried {
        let (left, kind) = self.carry(left)?;
        let (Expression::Text(pattern), Kind::Text | Kind::Open) = (self.value(right)?, kind) else {
            return Err("LIKE with a pattern that is no literal".to_owned());
        };
        let (word, pattern) = match operator.contains('*') {
            true if pattern.contains('\\') => return Err("ILIKE with a pattern that has a backslash".to_owned()),
            true => {
                self.differs("LIKE takes upper and lower case for the same in ASCII only");
                ("LIKE", pattern)
            }
            false => {
                let glob = glob(&pattern).ok_or("LIKE with a pattern that ends in a backslash")?;
                self.comes_back |= like_of_glob(&glob).as_ref() != Some(&pattern);
                ("GLOB", glob)
            }
        };
        let matched = Expression::binary(left, word, Expression::Text(pattern));
        let not = operator.starts_with('!');
        Ok((if not { Expression::Not(Box::new(matched)) } else { matched }, Kind::Boolean))
    }

    fn cast(&mut self, of: &Expression, data_type: &str) -> Carried {
        let to = (self.named)(data_type);
        let Some(to) = to.or_else(|| matches!(data_type, "bpchar").then_some(Type::Varchar(None))) else {
            return Err(format!("the type {data_type}"));
        };
        match of {
            Expression::Null => return Ok((Expression::Null, Kind::of(&to))),
            Expression::Text(text) => {
                let literal = defaults::literal_to_sqlite(text, &to)?;
                let literal = match (&to, &literal) {
                    (Type::Boolean, Expression::Number(number)) => Expression::Boolean(number == "1"),
                    // Here the number is compared, not kept.
                    (of, Expression::Text(text)) if is_number_as_text(of) => Expression::Number(text.clone()),
                    _ => literal,
                };
                return Ok((literal, Kind::of(&to)));
            }
            _ => {}
        }
        let (inner, kind) = self.carry(of)?;
        let target = Kind::of(&to);
        let has_length = matches!(to, Type::Varchar(Some(_)) | Type::Char(_));
        match (&kind, &target) {
            (Kind::Text | Kind::Open | Kind::Enum | Kind::Uuid, Kind::Text) if !has_length => {
                // A cast of one kind of text to another is the server's own; of others, somebody wrote it.
                self.comes_back |= matches!(kind, Kind::Enum | Kind::Uuid);
                Ok((inner, Kind::Text))
            }
            (Kind::Whole, Kind::Text) if !has_length => {
                Ok((Expression::Cast(Box::new(inner), "TEXT".to_owned()), Kind::Text))
            }
            (Kind::Whole | Kind::Number, Kind::Number) if matches!(to, Type::Double) && !inner.is_literal() => {
                // A number that is kept as text has its cast already, and no other.
                let has_one = matches!(&inner, Expression::Cast(_, to) if to == "REAL");
                self.comes_back |= has_one;
                let cast = if has_one { inner } else { Expression::Cast(Box::new(inner), "REAL".to_owned()) };
                Ok((cast, target))
            }
            (Kind::Whole, Kind::Whole | Kind::Number) | (Kind::Number, Kind::Number)
                if !matches!(to, Type::Numeric(Some(_))) =>
            {
                Ok((inner, target))
            }
            (Kind::Boolean, Kind::Whole) => {
                self.comes_back = true;
                Ok((inner, Kind::Whole))
            }
            (Kind::Open, Kind::Enum | Kind::Uuid) => Ok((inner, target)),
            _ if kind == target && matches!(kind, Kind::Boolean | Kind::Uuid | Kind::Enum) => Ok((inner, kind)),
            (Kind::Time(_), Kind::Time(same)) if kind == target && *same == to => {
                // The server casts a domain to the type below it.
                self.comes_back = true;
                Ok((inner, kind))
            }
            _ => Err(format!("a cast to {data_type}")),
        }
    }

    fn call(&mut self, name: &[String], distinct: bool, arguments: &[Expression]) -> Carried {
        let name = match name {
            [name] => name.as_str(),
            [schema, name] if schema == "pg_catalog" => name.as_str(),
            other => return Err(format!("the function {}", other.join("."))),
        };
        let unknown = || Err(format!("the function {name}"));
        if distinct {
            return unknown();
        }
        if name == "num_nonnulls" {
            let mut parts = Vec::new();
            for argument in arguments {
                parts.push(self.value(&Expression::Is(Box::new(argument.clone()), "NULL", true))?);
            }
            self.comes_back |= parts.len() < 2;
            let sum = parts.into_iter().reduce(|sum, part| Expression::binary(sum, "+", part));
            return sum.map_or_else(unknown, |sum| Ok((sum, Kind::Whole)));
        }
        let mut values = Vec::new();
        let mut kinds = Vec::new();
        for argument in arguments {
            let (value, kind) = self.carry(argument)?;
            values.push(value);
            kinds.push(kind);
        }
        let is_text = |at: usize| matches!(kinds.get(at), Some(Kind::Text | Kind::Open));
        let is_number = |at: usize| matches!(kinds.get(at), Some(Kind::Whole | Kind::Number));
        let known = kinds.iter().find(|kind| **kind != Kind::Open).cloned().unwrap_or(Kind::Open);
        let (to, kind) = match (name, values.len()) {
            ("lower" | "upper", 1) if is_text(0) => {
                self.differs(&format!("{name}() changes letters of ASCII only"));
                (name, Kind::Text)
            }
            ("length", 1) if is_text(0) || kinds[0] == Kind::Bytes => (name, Kind::Whole),
            ("octet_length", 1) if kinds[0] == Kind::Bytes => {
                self.comes_back = true;
                ("length", Kind::Whole)
            }
            ("char_length" | "character_length", 1) if is_text(0) => {
                self.comes_back = true;
                ("length", Kind::Whole)
            }
            ("btrim" | "trim", 1..=2) if is_text(0) => ("trim", Kind::Text),
            ("ltrim" | "rtrim", 1..=2) if is_text(0) => (name, Kind::Text),
            ("replace", 3) if is_text(0) => (name, Kind::Text),
            ("substr" | "substring", 2..=3) if is_text(0) && kinds.get(1) == Some(&Kind::Whole) => {
                self.comes_back |= name != "substr";
                ("substr", Kind::Text)
            }
            ("abs", 1) if is_number(0) => (name, known),
            ("coalesce", 2..) if kinds.iter().all(|kind| *kind == known || *kind == Kind::Open) => (name, known),
            ("nullif", 2) => {
                comparable(&kinds[0], &kinds[1], "=")?;
                (name, known)
            }
            ("cardinality", 1) if kinds[0] == Kind::Array => {
                self.comes_back = true;
                ("json_array_length", Kind::Whole)
            }
            ("jsonb_array_length" | "json_array_length", 1) if kinds[0] == Kind::Json => {
                self.comes_back = true;
                ("json_array_length", Kind::Whole)
            }
            ("array_length", 2) if kinds[0] == Kind::Array && values[1] == Expression::Number("1".to_owned()) => {
                self.comes_back = true;
                // PostgreSQL says NULL of an empty array.
                let length = Expression::call("json_array_length", vec![values.swap_remove(0)]);
                let zero = Expression::Number("0".to_owned());
                return Ok((Expression::call("nullif", vec![length, zero]), Kind::Whole));
            }
            _ => return unknown(),
        };
        Ok((Expression::call(to, values), kind))
    }
}

/// Whether values of two kinds can be compared in SQLite as PostgreSQL compares them.
fn comparable(left: &Kind, right: &Kind, operator: &str) -> Result<(), String> {
    let equality = matches!(operator, "=" | "<>" | "IS" | "IS NOT");
    let fits = match (left, right) {
        (Kind::Bytes, Kind::Bytes) => true,
        (Kind::Opaque | Kind::Json | Kind::Array | Kind::Bytes, _) => false,
        (_, Kind::Opaque | Kind::Json | Kind::Array | Kind::Bytes) => false,
        (Kind::Enum, Kind::Enum | Kind::Open | Kind::Text) | (Kind::Open | Kind::Text, Kind::Enum) => equality,
        (Kind::Open, _) | (_, Kind::Open) => true,
        (Kind::Whole | Kind::Number, Kind::Whole | Kind::Number) => true,
        (left, right) => left == right,
    };
    if fits { Ok(()) } else { Err(format!("a comparison by {operator} of values that SQLite keeps in another form")) }
}

pub(super) fn number_kind(number: &str) -> Kind {
    if number.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) { Kind::Whole } else { Kind::Number }
}

fn inside_casts(of: &Expression) -> &Expression {
    match of {
        Expression::Cast(of, _) => inside_casts(of),
        of => of,
    }
}

/// The items of `ARRAY[…]` or of an array literal, whatever they are cast to.
fn list_items(list: &Expression, named: &dyn Fn(&str) -> Option<Type>) -> Option<Vec<Expression>> {
    match list {
        Expression::Array(items) => Some(items.clone()),
        Expression::Cast(of, data_type) => match of.as_ref() {
            Expression::Text(text) => {
                let Some(Type::Array(element)) = named(data_type) else { return None };
                let items = defaults::array_items(text)?;
                items
                    .into_iter()
                    .map(|item| Some(Expression::Cast(Box::new(Expression::Text(item?)), element.to_postgres())))
                    .collect()
            }
            of => list_items(of, named),
        },
        _ => None,
    }
}

/// A pattern of LIKE as one of GLOB; none where it ends in a backslash, which PostgreSQL refuses.
fn glob(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        let (c, is_itself) = if c == '\\' { (characters.next()?, true) } else { (c, false) };
        match c {
            '%' if !is_itself => out.push('*'),
            '_' if !is_itself => out.push('?'),
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            c => out.push(c),
        }
    }
    Some(out)
}

/// A pattern of GLOB as one of LIKE, where it can be one.
pub(super) fn like_of_glob(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '*' => out.push('%'),
            '?' => out.push('_'),
            '%' | '_' | '\\' => out.extend(['\\', c]),
            '[' => match (characters.next()?, characters.next()?) {
                (c @ ('*' | '?' | '['), ']') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_like_and_glob() {
        let check = |like: &str, expected: &str, back: &str| {
            assert_eq!(glob(like).as_deref(), Some(expected), "{like}");
            assert_eq!(like_of_glob(expected).as_deref(), Some(back), "{expected}");
        };
        check("a%_b", "a*?b", "a%_b");
        check("a*[?]", "a[*][[][?]]", "a*[?]");
        check(r"50\%\_\\", r"50%_\", r"50\%\_\\");
        check(r"\a\*", "a[*]", "a*");
        assert_eq!(glob(r"a\"), None);
        assert_eq!(like_of_glob("[a-z]*"), None);
        assert_eq!(like_of_glob("["), None);
    }
}
