//! Defaults: literals in the form that the other side keeps them in, the time, and identifiers made up anew.
//!
//! PostgreSQL prints a default with the cast that it found out; what is written for it here is a literal without one,
//! and how the server would print that is known too, so that a default that comes back in another form is told.

use super::expression::{Dialect, Expression, read};
use super::types::Type;
use crate::postgres::token::quote_literal;

/// An identifier of version 4 in SQLite: lower case, as PostgreSQL prints it.
pub(crate) const UUID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || \
                    '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || \
                    hex(randomblob(6)))";

/// The time in SQLite, with its zone.
pub(crate) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// The time in SQLite, in the form of a type: three digits behind the second, so that texts sort as times do.
const TIMES: &[(Type, &str, &str)] = &[
    (Type::Timestamp(true, None), NOW, "now()"),
    (Type::Timestamp(false, None), "strftime('%Y-%m-%dT%H:%M:%f', 'now')", "now()"),
    (Type::Date, "CURRENT_DATE", "CURRENT_DATE"),
    (Type::Time(false, None), "strftime('%H:%M:%f', 'now')", "LOCALTIME"),
];

/// What SQLite's CURRENT_TIMESTAMP gives, for a column that is text on the server too.
const TEXT_TIME: &str = "to_char((now() AT TIME ZONE 'utc'::text), 'YYYY-MM-DD HH24:MI:SS'::text)";

/// An identifier made up anew, for a column that is text on the server too.
const TEXT_UUID: &str = "(gen_random_uuid())::text";

/// A default on the other side.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Default {
    /// The text.
    pub(super) sql: String,
    /// Whether it comes back as it is; not where two defaults of one side are one on the other.
    pub(super) comes_back: bool,
}

fn without_digits(of: &Type) -> Type {
    match of {
        Type::Timestamp(zone, _) => Type::Timestamp(*zone, None),
        Type::Time(zone, _) => Type::Time(*zone, None),
        other => other.clone(),
    }
}

/// The time of now in the form that a column of this declared type keeps.
pub(super) fn now(declared: &str) -> Option<&'static str> {
    time_of(&Type::from_declared(declared)?).map(|(sqlite, _)| sqlite)
}

fn time_of(of: &Type) -> Option<(&'static str, &'static str)> {
    let of = without_digits(of);
    TIMES.iter().find(|(time, ..)| *time == of).map(|(_, sqlite, postgres)| (*sqlite, *postgres))
}

/// A default of PostgreSQL in SQLite's words; none where it gives no value.
///
/// # Errors
/// What in it has no like in SQLite.
pub(super) fn to_sqlite(
    text: &str,
    of: &Type,
    named: &dyn Fn(&str) -> Option<Type>,
) -> Result<Option<Default>, String> {
    let Some(expression) = read(text, Dialect::Postgres) else {
        return Err("an expression that is not known".to_owned());
    };
    let mut value = &expression;
    while let Expression::Cast(inner, _) = value
        && matches!(
            inner.as_ref(),
            Expression::Cast(..) | Expression::Null | Expression::Array(_) | Expression::Number(_)
        )
    {
        value = inner;
    }
    if is_now(value, of) {
        let Some((sqlite, postgres)) = time_of(of) else {
            return Err(format!("the time in a column of type {}", of.to_postgres()));
        };
        return Ok(Some(Default { sql: sqlite.to_owned(), comes_back: text == postgres }));
    }
    if let Some(later) = later_to_sqlite(value, of) {
        let (sql, printed) = later?;
        return Ok(Some(Default { sql, comes_back: text == printed }));
    }
    if text == TEXT_TIME && *of == Type::Text {
        return Ok(Some(Default { sql: "CURRENT_TIMESTAMP".to_owned(), comes_back: true }));
    }
    if text == TEXT_UUID && matches!(of, Type::Text | Type::Varchar(_)) {
        return Ok(Some(Default { sql: UUID.to_owned(), comes_back: true }));
    }
    if let Expression::Call { name, arguments, .. } = value {
        let name = name.last().map_or("", String::as_str);
        let is_uuid = matches!(name, "gen_random_uuid" | "uuid_generate_v4") && arguments.is_empty();
        if is_uuid && matches!(of, Type::Uuid | Type::Text | Type::Varchar(_)) {
            return Ok(Some(Default {
                sql: UUID.to_owned(),
                comes_back: text == "gen_random_uuid()" && *of == Type::Uuid,
            }));
        }
        // Random bytes in hexadecimal.
        if let ("encode", [Expression::Call { name, arguments: count, .. }, form]) = (name, arguments.as_slice())
            && name.last().is_some_and(|name| name == "gen_random_bytes")
            && let ([Expression::Number(count)], Some(form)) = (count.as_slice(), plain_text(form))
            && form == "hex"
        {
            return Ok(Some(Default { sql: format!("lower(hex(randomblob({count})))"), comes_back: false }));
        }
    }
    let literal = match value {
        Expression::Null => return Ok(None),
        Expression::Boolean(truth) => boolean_to_sqlite(*truth, of)?,
        Expression::Number(number) => literal_to_sqlite(number, of)?,
        Expression::Text(text) => literal_to_sqlite(text, of)?,
        Expression::Array(items) => array_to_sqlite(items, of)?,
        Expression::Cast(inner, data_type) => match inner.as_ref() {
            Expression::Text(text) => {
                // `'1 day'::interval` in a column of text is written by the interval, not as it stands here.
                let cast = named(data_type);
                let is_same = cast.as_ref().is_none_or(|cast| fits(cast, of));
                match is_same {
                    true => literal_to_sqlite(text, of)?,
                    false => return Err(format!("a cast to {data_type}")),
                }
            }
            _ => return Err(format!("a cast to {data_type}")),
        },
        other => {
            let no_column = |_: &[String]| None;
            let mut translator = super::expression_to_sqlite::ToSqlite {
                column: &no_column,
                named,
                comes_back: false,
                differs: Vec::new(),
            };
            let (carried, _) = translator.carry(other)?;
            return Ok(Some(Default { sql: carried.print(Dialect::Sqlite), comes_back: false }));
        }
    };
    let comes_back = printed(&literal, of).is_some_and(|printed| printed == text);
    Ok(Some(Default { sql: literal.print(Dialect::Sqlite), comes_back }))
}

/// Whether a literal of one type is written the same in a column of the other.
fn fits(cast: &Type, column: &Type) -> bool {
    let is_text = |of: &Type| matches!(of, Type::Text | Type::Varchar(_) | Type::Char(_) | Type::Citext);
    let is_number = |of: &Type| {
        matches!(of, Type::Smallint | Type::Integer | Type::Bigint | Type::Real | Type::Double | Type::Numeric(_))
    };
    without_digits(cast) == without_digits(column)
        || is_text(cast) && is_text(column)
        || is_number(cast) && is_number(column)
        || matches!((cast, column), (Type::Array(_), Type::Array(_)) | (Type::Bit(_) | Type::Varbit(_), Type::Bit(_)))
        || matches!((cast, column), (Type::Text | Type::Varchar(_), Type::Enum { .. }))
}

fn plain_text(of: &Expression) -> Option<&str> {
    match of {
        Expression::Text(text) => Some(text),
        Expression::Cast(of, _) => plain_text(of),
        _ => None,
    }
}

/// Whether it is the time of now, in a column of this type.
fn is_now(value: &Expression, of: &Type) -> bool {
    const NOW: &[&str] = &["now", "transaction_timestamp", "statement_timestamp", "clock_timestamp"];
    let is_utc = |zone: &Expression| plain_text(zone).is_some_and(|zone| zone.eq_ignore_ascii_case("utc"));
    match value {
        Expression::Keyword(word) => match word.as_str() {
            "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" | "CURRENT_DATE" => true,
            "CURRENT_TIME" | "LOCALTIME" => matches!(of, Type::Time(..)),
            _ => false,
        },
        Expression::Call { name, arguments, .. } => {
            let name = name.last().map_or("", String::as_str);
            match arguments.as_slice() {
                [] => NOW.contains(&name),
                [zone, inner] => name == "timezone" && is_utc(zone) && is_now(inner, of),
                _ => false,
            }
        }
        Expression::AtTimeZone(inner, zone) => is_utc(zone) && is_now(inner, of),
        Expression::Cast(inner, data_type) => {
            let is_time = data_type.starts_with("timestamp") || data_type == "date" || data_type.starts_with("time");
            is_time && (is_now(inner, of) || plain_text(inner).is_some_and(|text| text == "now"))
        }
        _ => false,
    }
}

/// `now() + '90 days'::interval`: with a modifier in SQLite, and how PostgreSQL prints what comes back. None where it is
/// something else.
fn later_to_sqlite(value: &Expression, of: &Type) -> Option<Result<(String, String), String>> {
    let (Expression::Binary(time, operator, interval), Type::Timestamp(..)) = (value, of) else { return None };
    let Expression::Cast(text, data_type) = interval.as_ref() else { return None };
    if data_type != "interval" || !matches!(operator.as_str(), "+" | "-") || !is_now(time, of) {
        return None;
    }
    let (sqlite, _) = time_of(of)?;
    let modifiers = plain_text(text).and_then(|text| modifiers(text, operator == "-"));
    let Some(modifiers) = modifiers else {
        return Some(Err("an interval of months or years, which are of many lengths".to_owned()));
    };
    let interval = interval_of(&modifiers)?;
    let list: String = modifiers.iter().map(|modifier| format!(", '{modifier}'")).collect();
    let sql = format!("{}{list})", sqlite.strip_suffix(')')?);
    Some(Ok((sql, format!("(now() + '{interval}'::interval)"))))
}

/// The modifiers of SQLite for an interval of days and hours as PostgreSQL prints it: `1 day 02:30:00`.
fn modifiers(interval: &str, minus: bool) -> Option<Vec<String>> {
    let signed = |text: &str| {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        format!("{}{digits}", if negative == minus { '+' } else { '-' })
    };
    let mut words = interval.split(' ').peekable();
    let mut out = Vec::new();
    while let Some(word) = words.next() {
        let unsigned = word.trim_start_matches(['-', '+']);
        if words.next_if(|unit| matches!(*unit, "day" | "days")).is_some() {
            unsigned.parse::<u32>().ok()?;
            out.push(format!("{} days", signed(word)));
        } else if is_shaped(unsigned, "dd:dd:dd") && unsigned < "24" {
            out.push(signed(word));
        } else if let Some(hours) = unsigned.strip_suffix(":00:00") {
            // SQLite takes no time of more than a day.
            hours.parse::<u32>().ok()?;
            out.push(format!("{} hours", signed(word.strip_suffix(":00:00")?)));
        } else {
            return None;
        }
    }
    Some(out)
}

/// The interval of modifiers that are written here, as PostgreSQL prints it.
fn interval_of(modifiers: &[String]) -> Option<String> {
    let part = |modifier: &String| {
        let text = modifier.strip_prefix('+').unwrap_or(modifier);
        if let Some(hours) = text.strip_suffix(" hours") {
            return hours.parse::<i32>().is_ok().then(|| format!("{hours}:00:00"));
        }
        match text.strip_suffix(" days") {
            Some("1") => Some("1 day".to_owned()),
            Some(days) => days.parse::<i32>().is_ok().then(|| text.to_owned()),
            None => is_shaped(text.trim_start_matches('-'), "dd:dd:dd").then(|| text.to_owned()),
        }
    };
    let mut parts: Vec<String> = modifiers.iter().map(part).collect::<Option<_>>()?;
    for at in 1..parts.len() {
        // PostgreSQL prints the sign of what is added behind something that is taken off.
        if parts[at - 1].starts_with('-') && !parts[at].starts_with('-') {
            parts[at].insert(0, '+');
        }
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// `strftime('…', 'now', '+90 days')` in PostgreSQL's words.
fn later_to_postgres(expression: &Expression, of: &Type) -> Option<String> {
    let (Expression::Call { name, arguments, .. }, Type::Timestamp(..)) = (expression, of) else { return None };
    let (now, modifiers) = arguments.split_at_checked(2)?;
    let now = Expression::Call { name: name.clone(), distinct: false, arguments: now.to_vec() };
    if read(time_of(of)?.0, Dialect::Sqlite)? != now {
        return None;
    }
    let texts: Vec<String> = modifiers.iter().map(|m| plain_text(m).map(str::to_owned)).collect::<Option<_>>()?;
    Some(format!("(now() + '{}'::interval)", interval_of(&texts)?))
}

fn boolean_to_sqlite(truth: bool, of: &Type) -> Result<Expression, String> {
    match of {
        Type::Boolean => Ok(Expression::Number(if truth { "1" } else { "0" }.to_owned())),
        _ => Err("a boolean in a column of another type".to_owned()),
    }
}

/// A literal of PostgreSQL, without its quotes, as SQLite keeps it in a column of the type.
///
/// # Errors
/// Why it cannot.
pub(super) fn literal_to_sqlite(text: &str, of: &Type) -> Result<Expression, String> {
    let unknown = || Err(format!("a literal of type {}", of.to_postgres()));
    let number = || match is_number(text) {
        true => Ok(Expression::Number(text.to_owned())),
        false => unknown(),
    };
    match of {
        Type::Smallint | Type::Integer | Type::Bigint => match text.parse::<i64>() {
            Ok(number) => Ok(Expression::Number(number.to_string())),
            Err(_) => unknown(),
        },
        Type::Real | Type::Double => number(),
        // Kept as text, so that no digit is lost.
        Type::Numeric(_) if super::expression_to_sqlite::is_number_as_text(of) => match is_number(text) {
            true => Ok(Expression::Text(text.to_owned())),
            false => unknown(),
        },
        Type::Numeric(_) => number(),
        Type::Boolean => match text {
            "t" | "true" | "1" => boolean_to_sqlite(true, of),
            "f" | "false" | "0" => boolean_to_sqlite(false, of),
            _ => unknown(),
        },
        Type::Bytea => match text.strip_prefix("\\x") {
            Some(digits) if digits.len() % 2 == 0 && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Ok(Expression::Blob(digits.to_ascii_lowercase()))
            }
            _ if text.is_empty() => Ok(Expression::Blob(String::new())),
            _ => unknown(),
        },
        Type::Date => match is_shaped(text, "dddd-dd-dd") {
            true => Ok(Expression::Text(text.to_owned())),
            false => unknown(),
        },
        Type::Timestamp(zone, _) => {
            let (time, rest) = match *zone {
                // The server prints it in the time zone of the session; only UTC is certain.
                true => match text.strip_suffix("+00") {
                    Some(time) => (time, "Z"),
                    None => return unknown(),
                },
                false => (text, ""),
            };
            match time.split_once(' ') {
                Some((day, hour))
                    if is_shaped(day, "dddd-dd-dd") && hour.get(..8).is_some_and(|h| is_shaped(h, "dd:dd:dd")) =>
                {
                    let fraction = hour[8..].trim_start_matches('.');
                    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
                        return unknown();
                    }
                    let fraction = format!("{fraction:0<3}");
                    Ok(Expression::Text(format!("{day}T{}.{fraction}{rest}", &hour[..8])))
                }
                _ => unknown(),
            }
        }
        Type::Time(false, _) => match text.get(..8).is_some_and(|hour| is_shaped(hour, "dd:dd:dd")) {
            true => Ok(Expression::Text(text.to_owned())),
            false => unknown(),
        },
        Type::Array(element) => match array_items(text) {
            Some(items) => json_array(&items, element).map(Expression::Text).ok_or(()).or_else(|()| unknown()),
            None => unknown(),
        },
        Type::Uuid => Ok(Expression::Text(text.to_ascii_lowercase())),
        Type::Time(true, _) => unknown(),
        Type::Text
        | Type::Varchar(_)
        | Type::Char(_)
        | Type::Citext
        | Type::Interval
        | Type::Json
        | Type::Jsonb
        | Type::Inet
        | Type::Cidr
        | Type::Macaddr
        | Type::Macaddr8
        | Type::Xml
        | Type::Bit(_)
        | Type::Varbit(_)
        | Type::Enum { .. } => Ok(Expression::Text(text.to_owned())),
    }
}

/// Whether it is a decimal number, which both sides write alike.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    are_digits(whole)
        && are_digits(fraction)
        && are_digits(exponent)
        && !(whole.is_empty() && fraction.is_empty())
        && !exponent.is_empty()
}

/// A number of SQLite in decimal digits: it has hexadecimal ones too, and lines between digits.
pub(super) fn decimal(number: &str) -> Option<String> {
    let digits = number.replace('_', "");
    let (sign, unsigned) = digits.strip_prefix('-').map_or(("", digits.as_str()), |unsigned| ("-", unsigned));
    match unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        // 64 bits, of which the first is the sign.
        Some(hexadecimal) => {
            let value = u64::from_str_radix(hexadecimal, 16).ok()?.cast_signed();
            let value = if sign.is_empty() { value } else { value.checked_neg()? };
            Some(value.to_string())
        }
        None => is_number(&digits).then(|| digits.clone()),
    }
}

/// Whether a text has a digit wherever `shape` has a d, and else what stands there.
fn is_shaped(text: &str, shape: &str) -> bool {
    let fits = |(a, b): (u8, u8)| if b == b'd' { a.is_ascii_digit() } else { a == b };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// `ARRAY['a'::text, …]` as JSON.
fn array_to_sqlite(items: &[Expression], of: &Type) -> Result<Expression, String> {
    let Type::Array(element) = of else { return Err("a list in a column of another type".to_owned()) };
    let mut values = Vec::new();
    for item in items {
        values.push(match item {
            Expression::Null => None,
            Expression::Number(number) => Some(number.clone()),
            Expression::Boolean(truth) => Some(truth.to_string()),
            item => match plain_text(item) {
                Some(text) => Some(text.to_owned()),
                None => return Err("a list of what is no literal".to_owned()),
            },
        });
    }
    json_array(&values, element).map(Expression::Text).ok_or_else(|| "a list of what JSON has no word for".to_owned())
}

/// The items of an array literal of one dimension: `{a,"b c",NULL}`. NULL is none.
pub(super) fn array_items(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    let mut rest = inner.chars().peekable();
    if inner.is_empty() {
        return Some(items);
    }
    loop {
        let mut item = String::new();
        let quoted = rest.next_if_eq(&'"').is_some();
        loop {
            match rest.peek() {
                Some('"') if quoted => {
                    rest.next();
                    break;
                }
                Some('\\') => {
                    rest.next();
                    item.push(rest.next()?);
                }
                Some('{' | '}' | '"') if !quoted => return None,
                Some(',') if !quoted => break,
                Some(_) => item.extend(rest.next()),
                None if quoted => return None,
                None => break,
            }
        }
        items.push(if quoted { Some(item) } else { unquoted_item(item) });
        match rest.next() {
            Some(',') => {}
            Some(_) => return None,
            None => return Some(items),
        }
    }
}

fn unquoted_item(item: String) -> Option<String> {
    (!item.eq_ignore_ascii_case("null")).then_some(item)
}

fn json_array(items: &[Option<String>], element: &Type) -> Option<String> {
    let value = |item: &Option<String>| -> Option<serde_json::Value> {
        let Some(text) = item else { return Some(serde_json::Value::Null) };
        match literal_to_sqlite(text, element).ok()? {
            Expression::Number(number) if *element == Type::Boolean => Some(serde_json::Value::Bool(number == "1")),
            Expression::Number(number) => serde_json::from_str(&number).ok(),
            Expression::Text(text) => Some(serde_json::Value::String(text)),
            _ => None,
        }
    };
    let values: Vec<serde_json::Value> = items.iter().map(value).collect::<Option<_>>()?;
    serde_json::to_string(&values).ok()
}

/// A JSON array as an array literal of PostgreSQL.
fn array_literal(text: &str) -> Option<String> {
    let values: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    let item = |value: &serde_json::Value| match value {
        serde_json::Value::Null => Some("NULL".to_owned()),
        serde_json::Value::Bool(truth) => Some(if *truth { "t" } else { "f" }.to_owned()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::String(text) => {
            let plain = !text.is_empty()
                && !text.eq_ignore_ascii_case("null")
                && !text.contains(|c: char| c.is_whitespace() || "{},\"\\".contains(c));
            let quoted = || format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            Some(if plain { text.clone() } else { quoted() })
        }
        _ => None,
    };
    let items: Vec<String> = values.iter().map(item).collect::<Option<_>>()?;
    Some(format!("{{{}}}", items.join(",")))
}

/// A literal of SQLite in PostgreSQL's form for a column of the type: a bare number or word, or what stands in quotes.
enum Literal {
    Bare(String),
    Quoted(String),
}

fn literal_to_postgres(literal: &Expression, of: &Type) -> Option<Literal> {
    Some(match (literal, of) {
        (Expression::Number(number), Type::Boolean) => Literal::Bare(
            match number.as_str() {
                "0" => "false",
                "1" => "true",
                _ => return None,
            }
            .to_owned(),
        ),
        (Expression::Boolean(truth), Type::Boolean) => Literal::Bare(truth.to_string()),
        (Expression::Number(number), Type::Smallint | Type::Integer | Type::Bigint) => {
            number.parse::<i64>().ok()?;
            Literal::Bare(number.clone())
        }
        (Expression::Number(number), Type::Real | Type::Double | Type::Numeric(_)) if is_number(number) => {
            Literal::Bare(number.clone())
        }
        (Expression::Text(number), Type::Numeric(_)) if is_number(number) => Literal::Bare(number.clone()),
        // SQLite turns the number into text, and so does PostgreSQL.
        (Expression::Number(number), Type::Text | Type::Varchar(_)) if number.parse::<i64>().is_ok() => {
            Literal::Quoted(number.clone())
        }
        (Expression::Blob(digits), Type::Bytea) => Literal::Quoted(format!("\\x{digits}")),
        (Expression::Text(text), Type::Array(_)) => Literal::Quoted(array_literal(text)?),
        (Expression::Text(text), Type::Timestamp(zone, _)) => {
            let time = if *zone { text.strip_suffix('Z')? } else { text };
            let (day, hour) = time.split_once('T')?;
            let hour = hour.split_once('.').map_or(hour.to_owned(), |(second, fraction)| {
                let fraction = fraction.trim_end_matches('0');
                if fraction.is_empty() { second.to_owned() } else { format!("{second}.{fraction}") }
            });
            Literal::Quoted(format!("{day} {hour}{}", if *zone { "+00" } else { "" }))
        }
        (Expression::Text(_), Type::Smallint | Type::Integer | Type::Bigint | Type::Boolean | Type::Real) => {
            return None;
        }
        (Expression::Text(_), Type::Double | Type::Bytea | Type::Numeric(_)) => return None,
        (Expression::Text(text), _) => Literal::Quoted(text.clone()),
        _ => return None,
    })
}

/// How PostgreSQL prints the default of a column.
fn printed(literal: &Expression, of: &Type) -> Option<String> {
    let cast = match of {
        Type::Varchar(_) => "character varying".to_owned(),
        Type::Char(_) => "bpchar".to_owned(),
        Type::Enum { name, .. } => format!("public.{}", crate::postgres::token::quote_name(name)),
        Type::Timestamp(zone, _) => Type::Timestamp(*zone, None).to_postgres(),
        Type::Time(zone, _) => Type::Time(*zone, None).to_postgres(),
        Type::Array(element) => match element.as_ref() {
            Type::Varchar(_) => "character varying[]".to_owned(),
            _ => of.to_postgres(),
        },
        Type::Citext => "public.citext".to_owned(),
        Type::Bit(_) | Type::Varbit(_) => return None,
        other => other.to_postgres(),
    };
    Some(match literal_to_postgres(literal, of)? {
        // The server prints a backslash as it is.
        Literal::Quoted(text) => format!("'{}'::{cast}", text.replace('\'', "''")),
        Literal::Bare(word) => {
            let whole: Option<i64> = word.parse().ok();
            match whole {
                Some(0..=2_147_483_647) => word,
                Some(number) if i32::try_from(number).is_ok() => format!("'{word}'::integer"),
                Some(_) => format!("'{word}'::bigint"),
                None if word.starts_with('-') => format!("'{word}'::numeric"),
                None => word,
            }
        }
    })
}

/// A default of SQLite in PostgreSQL's words.
///
/// # Errors
/// What in it has no like in PostgreSQL.
pub(super) fn to_postgres(text: &str, of: &Type) -> Result<Option<Default>, String> {
    let Some(expression) = read(text, Dialect::Sqlite) else {
        // `random() & 3` is none that both sides know.
        return Err("an expression that is not known".to_owned());
    };
    let is = |other: &str| read(other, Dialect::Sqlite).as_ref() == Some(&expression);
    if is(UUID) {
        return Ok(Some(match of {
            Type::Uuid => Default { sql: "gen_random_uuid()".to_owned(), comes_back: true },
            Type::Text | Type::Varchar(_) => Default { sql: TEXT_UUID.to_owned(), comes_back: true },
            _ => return Err("an identifier in a column of another type".to_owned()),
        }));
    }
    if let Some((sqlite, postgres)) = time_of(of)
        && is(sqlite)
    {
        return Ok(Some(Default { sql: postgres.to_owned(), comes_back: true }));
    }
    if let Some(sql) = later_to_postgres(&expression, of) {
        return Ok(Some(Default { sql, comes_back: true }));
    }
    if matches!(&expression, Expression::Keyword(word) if word == "CURRENT_TIMESTAMP") {
        return match of {
            Type::Text => Ok(Some(Default { sql: TEXT_TIME.to_owned(), comes_back: true })),
            Type::Timestamp(true, _) => Ok(Some(Default { sql: "now()".to_owned(), comes_back: false })),
            Type::Timestamp(false, _) => {
                Ok(Some(Default { sql: "(now() AT TIME ZONE 'utc')".to_owned(), comes_back: false }))
            }
            _ => Err("CURRENT_TIMESTAMP in a column of another type".to_owned()),
        };
    }
    if let Expression::Keyword(word) = &expression {
        let (form, fits) = match word.as_str() {
            "CURRENT_DATE" => ("YYYY-MM-DD", matches!(of, Type::Text)),
            "CURRENT_TIME" => ("HH24:MI:SS", matches!(of, Type::Text)),
            _ => return Err(word.clone()),
        };
        return match fits {
            true => {
                let sql = format!("to_char((now() AT TIME ZONE 'utc'), '{form}')");
                Ok(Some(Default { sql, comes_back: false }))
            }
            false => Err(format!("{word} in a column of another type")),
        };
    }
    match &expression {
        Expression::Null => return Ok(None),
        literal if literal.is_literal() => {}
        _ => return Err("an expression that PostgreSQL has no like for".to_owned()),
    }
    let literal = match &expression {
        Expression::Number(number) => Expression::Number(decimal(number).ok_or("a number that is not known")?),
        literal => literal.clone(),
    };
    match literal_to_postgres(&literal, of) {
        Some(Literal::Bare(sql)) => Ok(Some(Default { sql, comes_back: literal == expression })),
        Some(Literal::Quoted(text)) => {
            let comes_back = !matches!(expression, Expression::Number(_));
            Ok(Some(Default { sql: quote_literal(&text), comes_back }))
        }
        None => Err(format!("a literal that is none of type {}", of.to_postgres())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written_as_json() {
        let check = |literal: &str, of: &str, json: &str| {
            let of = Type::from_postgres(of).unwrap();
            let Ok(Expression::Text(made)) = literal_to_sqlite(literal, &of) else { panic!("{literal} is not read") };
            assert_eq!(made, json);
            assert_eq!(array_literal(&made).unwrap(), literal);
        };
        check("{}", "text[]", "[]");
        check(r#"{a,"b c",NULL,"null","","x\"y","z\\"}"#, "text[]", r#"["a","b c",null,"null","","x\"y","z\\"]"#);
        check("{1,-2}", "integer[]", "[1,-2]");
        check("{t,f}", "boolean[]", "[true,false]");
        assert_eq!(array_items("{{1,2},{3,4}}"), None, "lists in a list");
        assert_eq!(array_items("{a\"b}"), None);
        assert_eq!(array_items("{a}b"), None);
    }

    #[test]
    fn numbers_are_decimal() {
        let check = |written: &str, expected: Option<&str>| assert_eq!(decimal(written).as_deref(), expected);
        check("-1.5e+10", Some("-1.5e+10"));
        check(".5", Some(".5"));
        check("1_000", Some("1000"));
        check("0x10", Some("16"));
        check("-0xff", Some("-255"));
        check("0xFFFFFFFFFFFFFFFF", Some("-1"));
        check("0x10000000000000000", None);
        check("1e", None);
        check(".", None);
        check("", None);
        let default = |text: &str, of: &str| to_postgres(text, &Type::from_postgres(of).unwrap());
        let made = |sql: &str, comes_back| Ok(Some(Default { sql: sql.to_owned(), comes_back }));
        assert_eq!(default("0x10", "numeric"), made("16", false));
        assert_eq!(default("1.50", "numeric"), made("1.50", true));
        assert_eq!(default("'1.50'", "numeric"), made("1.50", true));
        default("'false'", "numeric").expect_err("no number");
        default("'0x10'", "numeric").expect_err("no number of PostgreSQL's");
    }

    #[test]
    fn a_time_from_now_comes_back() {
        let check = |text: &str, of: &str, expected: Option<&str>, comes_back: bool| {
            let of = Type::from_postgres(of).unwrap();
            let made = to_sqlite(text, &of, &|name| Type::from_postgres(name)).ok().flatten();
            assert_eq!(made.as_ref().map(|made| made.sql.as_str()), expected, "{text}");
            let Some(made) = made else { return };
            assert_eq!(made.comes_back, comes_back, "{text}");
            let back = to_postgres(&made.sql, &of).unwrap().unwrap();
            assert!(back.comes_back && (back.sql == text) == comes_back, "{back:?}");
        };
        let (zoned, plain) = ("timestamp with time zone", "timestamp(3) without time zone");
        check("(now() + '90 days'::interval)", zoned, Some("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+90 days')"), true);
        check("(now() + '1 day'::interval)", plain, Some("strftime('%Y-%m-%dT%H:%M:%f', 'now', '+1 days')"), true);
        let both = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3 days', '+02:30:00')";
        check("(now() + '-3 days +02:30:00'::interval)", zoned, Some(both), true);
        let minus = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-00:03:00')";
        check("(now() - '00:03:00'::interval)", zoned, Some(minus), false);
        check("(CURRENT_TIMESTAMP + '00:03:00'::interval)", zoned, Some(&minus.replace("'-00", "'+00")), false);
        check("(now() + '1 mon'::interval)", zoned, None, false);
        check("(now() + '1 year 2 days'::interval)", zoned, None, false);
        let hours = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+100 hours')";
        check("(now() + '100:00:00'::interval)", zoned, Some(hours), true);
        check("(now() + '100:01:00'::interval)", zoned, None, false);
        check("(now() + '1 day'::interval)", "date", None, false);
    }

    #[test]
    fn times_are_written_so_that_their_texts_sort() {
        let check = |literal: &str, of: &str, expected: Option<&str>| {
            let of = Type::from_postgres(of).unwrap();
            let made = literal_to_sqlite(literal, &of).ok();
            assert_eq!(made, expected.map(|text| Expression::Text(text.to_owned())), "{literal}");
        };
        let (zoned, plain) = ("timestamp with time zone", "timestamp without time zone");
        check("2020-01-02 03:04:05+00", zoned, Some("2020-01-02T03:04:05.000Z"));
        check("2020-01-02 03:04:05.123456+00", zoned, Some("2020-01-02T03:04:05.123456Z"));
        check("2020-01-02 03:04:05+02", zoned, None);
        check("infinity", zoned, None);
        check("0044-03-15 00:00:00 BC", plain, None);
        check("2020-01-02 03:04:05.5", plain, Some("2020-01-02T03:04:05.500"));
        check("2020-01-02", "date", Some("2020-01-02"));
        check("tomorrow", "date", None);
    }
}
