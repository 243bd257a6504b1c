//! Expressions of SQLite in PostgreSQL's words.
//!
//! PostgreSQL looks at types where SQLite looks at values: what compares a text with a number, or takes a number for a
//! truth, is an error there. So the kind of every part is followed, and what PostgreSQL would refuse is not carried.

use super::defaults;
use super::expression::Expression;
use super::expression_to_sqlite::{Kind, is_number_as_text, like_of_glob, number_kind};
use super::types::Type;

/// Translates expressions over the columns of one table.
pub(super) struct ToPostgres<'a> {
    /// The type of a column, where there is one of that name.
    pub(super) column: &'a dyn Fn(&[String]) -> Option<Type>,
    /// Whether what is written would be another expression on the way back.
    pub(super) comes_back: bool,
    /// What PostgreSQL does differently.
    pub(super) differs: Vec<String>,
}

type Carried = Result<(Expression, Kind), String>;

impl ToPostgres<'_> {
    /// The expression as a condition.
    ///
    /// # Errors
    /// What in it PostgreSQL would refuse, or take for something else.
    pub(super) fn condition(&mut self, expression: &Expression) -> Result<Expression, String> {
        let (carried, kind) = self.carry(expression)?;
        match kind {
            Kind::Boolean => Ok(carried),
            // Any number but 0 is true to SQLite.
            Kind::Whole | Kind::Number => {
                self.comes_back = true;
                Ok(Expression::binary(carried, "<>", Expression::Number("0".to_owned())))
            }
            Kind::Open if carried == Expression::Null => Ok(carried),
            _ => Err("a condition that is neither true nor false".to_owned()),
        }
    }

    fn value(&mut self, expression: &Expression) -> Result<Expression, String> {
        Ok(self.carry(expression)?.0)
    }

    /// The expression in PostgreSQL's words.
    pub(super) fn carry(&mut self, expression: &Expression) -> Carried {
        match expression {
            Expression::Null => Ok((Expression::Null, Kind::Open)),
            Expression::Boolean(_) => Ok((expression.clone(), Kind::Boolean)),
            Expression::Number(number) => {
                let decimal = defaults::decimal(number).ok_or("a number that is not known")?;
                self.comes_back |= decimal != *number;
                let kind = number_kind(&decimal);
                Ok((Expression::Number(decimal), kind))
            }
            Expression::Text(_) => Ok((expression.clone(), Kind::Open)),
            Expression::Column(path) => match (self.column)(path) {
                None => Err(format!("{} is no column", path.join("."))),
                Some(of) => Ok((expression.clone(), Kind::of(&of))),
            },
            Expression::Keyword(word) => Err(format!("{word}, which is another at every time")),
            Expression::Blob(digits) => {
                let literal = Expression::Text(format!("\\x{digits}"));
                Ok((Expression::Cast(Box::new(literal), "bytea".to_owned()), Kind::Bytes))
            }
            Expression::Array(_) | Expression::Any(..) | Expression::AtTimeZone(..) => {
                Err("an expression that is not known".to_owned())
            }
            Expression::Negative(of) => match self.carry(of)? {
                (of, kind @ (Kind::Whole | Kind::Number)) => Ok((Expression::Negative(Box::new(of)), kind)),
                _ => Err("the operator -".to_owned()),
            },
            Expression::Not(of) => Ok((Expression::Not(Box::new(self.condition(of)?)), Kind::Boolean)),
            Expression::Is(of, what, not) => {
                let of = if *what == "NULL" { self.value(of)? } else { self.condition(of)? };
                Ok((Expression::Is(Box::new(of), what, *not), Kind::Boolean))
            }
            Expression::Binary(left, operator, right) => self.binary(left, operator, right),
            Expression::Between(of, low, high, not) => {
                // PostgreSQL keeps it as two comparisons.
                self.comes_back = true;
                let (of, kind) = self.carry(of)?;
                let (low, of_low) = self.carry(low)?;
                let (high, of_high) = self.carry(high)?;
                comparable(&kind, &of_low)?;
                comparable(&kind, &of_high)?;
                Ok((Expression::Between(Box::new(of), Box::new(low), Box::new(high), *not), Kind::Boolean))
            }
            Expression::In(of, list, not) => {
                let (of, kind) = self.carry(of)?;
                let mut items = Vec::new();
                for item in list {
                    let (item, of_item) = self.for_boolean(&kind, item)?;
                    comparable(&kind, &of_item)?;
                    items.push(item);
                }
                match items.as_slice() {
                    [] => return Err("IN with an empty list".to_owned()),
                    // PostgreSQL keeps `a IN (1)` as `a = 1`.
                    [_] => self.comes_back = true,
                    _ => {}
                }
                Ok((Expression::In(Box::new(of), items, *not), Kind::Boolean))
            }
            Expression::Case { operand, branches, otherwise } => {
                let operand = match operand {
                    Some(operand) => Some(self.carry(operand)?),
                    None => None,
                };
                let mut known = Kind::Open;
                let mut carried = Vec::new();
                for (condition, value) in branches {
                    let condition = match &operand {
                        Some((_, kind)) => {
                            let (condition, of) = self.carry(condition)?;
                            comparable(kind, &of)?;
                            condition
                        }
                        None => self.condition(condition)?,
                    };
                    let (value, of) = self.carry(value)?;
                    known = same(&known, &of)?;
                    carried.push((condition, value));
                }
                let otherwise = match otherwise {
                    Some(otherwise) => {
                        let (otherwise, of) = self.carry(otherwise)?;
                        known = same(&known, &of)?;
                        Some(Box::new(otherwise))
                    }
                    None => None,
                };
                let operand = operand.map(|(operand, _)| Box::new(operand));
                Ok((Expression::Case { operand, branches: carried, otherwise }, known))
            }
            Expression::Cast(of, to) => self.cast(of, to),
            Expression::Collate(of, collation) => {
                let (of, kind) = self.carry(of)?;
                match collation.to_ascii_lowercase().as_str() {
                    "binary" if kind == Kind::Text => Ok((Expression::Collate(Box::new(of), "C".to_owned()), kind)),
                    "nocase" if kind == Kind::Text => {
                        self.comes_back = true;
                        self.differs("upper and lower case of all letters are the same, not only of ASCII");
                        Ok((Expression::call("lower", vec![of]), kind))
                    }
                    other => Err(format!("the collation {other}")),
                }
            }
            Expression::Call { name, distinct, arguments } => match name.as_slice() {
                [name] if !distinct => self.call(&name.to_ascii_lowercase(), arguments),
                _ => Err(format!("the function {}", name.join("."))),
            },
        }
    }

    fn differs(&mut self, text: &str) {
        if !self.differs.iter().any(|d| d == text) {
            self.differs.push(text.to_owned());
        }
    }

    /// A value beside one of `kind`: beside a boolean, 1 and 0 are true and false.
    fn for_boolean(&mut self, kind: &Kind, expression: &Expression) -> Carried {
        match (kind, expression) {
            (Kind::Boolean, Expression::Number(number)) if number == "0" || number == "1" => {
                self.comes_back = true;
                Ok((Expression::Boolean(number == "1"), Kind::Boolean))
            }
            _ => self.carry(expression),
        }
    }

    fn binary(&mut self, left: &Expression, operator: &str, right: &Expression) -> Carried {
        match operator {
            "AND" | "OR" => {
                let both = Expression::binary(self.condition(left)?, operator, self.condition(right)?);
                return Ok((both, Kind::Boolean));
            }
            "GLOB" | "LIKE" => return self.like(left, operator, right),
            "+" => {
                if let Some(counted) = counted(left).zip(counted(right)) {
                    let mut values = Vec::new();
                    for value in counted.0.into_iter().chain(counted.1) {
                        values.push(self.value(value)?);
                    }
                    return Ok((Expression::call("num_nonnulls", values), Kind::Whole));
                }
            }
            _ => {}
        }
        let (_, of_left) = self.carry(left)?;
        let (_, of_right) = self.carry(right)?;
        let (left, of_left) =
            self.for_boolean(&of_right, left).map(|(e, k)| if k == of_left { (e, of_left) } else { (e, k) })?;
        let (right, of_right) = self.for_boolean(&of_left, right)?;
        let numbers = |kind: &Kind| matches!(kind, Kind::Whole | Kind::Number);
        let whole = of_left == Kind::Whole && of_right == Kind::Whole;
        let kind = match operator {
            "=" | "<>" | "<" | ">" | "<=" | ">=" | "IS" | "IS NOT" => {
                comparable(&of_left, &of_right)?;
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
                let is_real = |value: &Expression| match value {
                    Expression::Cast(_, to) => to == "double precision",
                    Expression::Column(path) => matches!((self.column)(path), Some(Type::Double | Type::Real)),
                    _ => false,
                };
                if !is_real(&left) && !is_real(&right) {
                    self.differs("a division gives a fraction also where both numbers are whole");
                }
                Kind::Number
            }
            "%" | "&" | "|" | "<<" | ">>" if whole => Kind::Whole,
            "||" if matches!(of_left, Kind::Text | Kind::Open) && matches!(of_right, Kind::Text | Kind::Open) => {
                Kind::Text
            }
            "||" if matches!((&of_left, &of_right), (Kind::Text, Kind::Whole) | (Kind::Whole, Kind::Text)) => {
                Kind::Text
            }
            "->>" if of_left == Kind::Json && right.is_literal() => {
                self.differs("->> gives text, also of a number");
                Kind::Text
            }
            "->" if of_left == Kind::Json && right.is_literal() => Kind::Json,
            other => return Err(format!("the operator {other} on these values")),
        };
        Ok((Expression::binary(left, operator, right), kind))
    }

    fn like(&mut self, left: &Expression, operator: &str, right: &Expression) -> Carried {
        let (left, kind) = self.carry(left)?;
        let (Expression::Text(pattern), Kind::Text | Kind::Open) = (right, kind) else {
            return Err(format!("{operator} with a pattern that is no literal"));
        };
        let (word, pattern) = if operator == "GLOB" {
            let pattern = like_of_glob(pattern).ok_or("GLOB with a pattern that LIKE has no like for")?;
            ("LIKE", pattern)
        } else if pattern.contains('\\') {
            return Err("LIKE with a pattern that has a backslash".to_owned());
        } else {
            self.differs("ILIKE takes upper and lower case for the same of all letters, not only of ASCII");
            ("ILIKE", pattern.clone())
        };
        Ok((Expression::binary(left, word, Expression::Text(pattern)), Kind::Boolean))
    }

    fn cast(&mut self, of: &Expression, to: &str) -> Carried {
        if let Expression::Column(path) = of
            && to.eq_ignore_ascii_case("real")
            && (self.column)(path).is_some_and(|of| is_number_as_text(&of))
        {
            return Ok((of.clone(), Kind::Number));
        }
        let (inner, kind) = self.carry(of)?;
        let cast = |inner: Expression, to: &str| Expression::Cast(Box::new(inner), to.to_owned());
        match (to.to_ascii_lowercase().as_str(), &kind) {
            ("text", Kind::Text) => Ok((inner, kind)),
            ("text", Kind::Whole) => Ok((cast(inner, "text"), Kind::Text)),
            ("real", Kind::Whole | Kind::Number) => Ok((cast(inner, "double precision"), Kind::Number)),
            ("integer", Kind::Whole) => Ok((inner, kind)),
            ("integer", Kind::Boolean) => Ok((cast(inner, "integer"), Kind::Whole)),
            _ => Err(format!("a cast to {to}")),
        }
    }

    fn call(&mut self, name: &str, arguments: &[Expression]) -> Carried {
        let unknown = || Err(format!("the function {name}"));
        let mut values = Vec::new();
        let mut kinds = Vec::new();
        for argument in arguments {
            let (value, kind) = self.carry(argument)?;
            values.push(value);
            kinds.push(kind);
        }
        let is_text = |at: usize| matches!(kinds.get(at), Some(Kind::Text | Kind::Open));
        let known = kinds.iter().find(|kind| **kind != Kind::Open).cloned().unwrap_or(Kind::Open);
        let all_same = kinds.iter().all(|kind| *kind == known || *kind == Kind::Open);
        let (to, kind) = match (name, values.len()) {
            ("lower" | "upper", 1) if is_text(0) => {
                self.differs(&format!("{name}() changes all letters, not only those of ASCII"));
                (name, Kind::Text)
            }
            ("length", 1) if is_text(0) || kinds[0] == Kind::Bytes => (name, Kind::Whole),
            ("trim", 1..=2) if is_text(0) => ("btrim", Kind::Text),
            ("ltrim" | "rtrim", 1..=2) if is_text(0) => (name, Kind::Text),
            ("replace", 3) if is_text(0) => (name, Kind::Text),
            ("substr", 2..=3) if is_text(0) && kinds.get(1) == Some(&Kind::Whole) => (name, Kind::Text),
            ("instr", 2) if is_text(0) && is_text(1) => {
                self.comes_back = true;
                ("strpos", Kind::Whole)
            }
            ("abs", 1) if matches!(kinds[0], Kind::Whole | Kind::Number) => (name, known),
            ("coalesce", 2..) if all_same => (name, known),
            ("ifnull", 2) if all_same => {
                self.comes_back = true;
                ("coalesce", known)
            }
            ("nullif", 2) => {
                comparable(&kinds[0], &kinds[1])?;
                (name, known)
            }
            ("iif", 3) => {
                self.comes_back = true;
                let condition = self.condition(&arguments[0])?;
                let kind = same(&kinds[1], &kinds[2])?;
                let otherwise = values.pop().map(Box::new);
                let branches = values.pop().map(|value| (condition, value)).into_iter().collect();
                return Ok((Expression::Case { operand: None, branches, otherwise }, kind));
            }
            ("json_array_length", 1) if kinds[0] == Kind::Array => ("cardinality", Kind::Whole),
            _ => return unknown(),
        };
        Ok((Expression::call(to, values), kind))
    }
}

/// What is counted by `(a IS NOT NULL) + (b IS NOT NULL)`.
fn counted(expression: &Expression) -> Option<Vec<&Expression>> {
    match expression {
        Expression::Is(of, "NULL", true) => Some(vec![of.as_ref()]),
        Expression::Binary(left, operator, right) if operator == "+" => {
            let mut counted_left = counted(left)?;
            counted_left.extend(counted(right)?);
            Some(counted_left)
        }
        _ => None,
    }
}

/// Whether PostgreSQL compares values of two kinds.
fn comparable(left: &Kind, right: &Kind) -> Result<(), String> {
    let fits = match (left, right) {
        (Kind::Bytes, Kind::Bytes) => true,
        (Kind::Opaque | Kind::Json | Kind::Array | Kind::Bytes, _) => false,
        (_, Kind::Opaque | Kind::Json | Kind::Array | Kind::Bytes) => false,
        (Kind::Open, Kind::Whole | Kind::Number | Kind::Boolean) => false,
        (Kind::Whole | Kind::Number | Kind::Boolean, Kind::Open) => false,
        (Kind::Open, _) | (_, Kind::Open) => true,
        (Kind::Whole | Kind::Number, Kind::Whole | Kind::Number) => true,
        (left, right) => left == right,
    };
    if fits { Ok(()) } else { Err("a comparison of values of two types".to_owned()) }
}

/// The kind of a value that is one of two.
fn same(left: &Kind, right: &Kind) -> Result<Kind, String> {
    match (left, right) {
        (Kind::Open, kind) | (kind, Kind::Open) => Ok(kind.clone()),
        (Kind::Whole | Kind::Number, Kind::Whole | Kind::Number) if left != right => Ok(Kind::Number),
        (left, right) if left == right => Ok(left.clone()),
        _ => Err("values of two types in one expression".to_owned()),
    }
}
