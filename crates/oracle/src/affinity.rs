//! What SQLite makes of a value that is stored in a column of a type, by the rules of its documentation
//! (<https://www.sqlite.org/datatype3.html#type_affinity>, <https://www.sqlite.org/stricttables.html>) and without asking
//! it. A test holds the rules beside SQLite itself.

use crate::Cell;

/// What a column does to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Whole numbers stay; texts that are numbers become numbers; reals without a fraction become whole.
    Integer,
    /// Numbers become texts.
    Text,
    /// Nothing is changed.
    Blob,
    /// As [`Affinity::Integer`], and every number becomes a real.
    Real,
    /// As [`Affinity::Integer`].
    Numeric,
}

/// The affinity of a declared type, by the five rules.
pub fn affinity(declared: &str, strict: bool) -> Affinity {
    let name = declared.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match () {
        () if strict && name == "ANY" => Affinity::Blob,
        () if has(&["INT"]) => Affinity::Integer,
        () if has(&["CHAR", "CLOB", "TEXT"]) => Affinity::Text,
        () if has(&["BLOB"]) || name.is_empty() => Affinity::Blob,
        () if has(&["REAL", "FLOA", "DOUB"]) => Affinity::Real,
        () => Affinity::Numeric,
    }
}

/// What is stored in a column of this type; `None` where a STRICT table does not take the value.
///
/// ```
/// use whimbrel_oracle::{Cell, affinity::stored_as};
/// assert_eq!(stored_as(&Cell::Text(b"007".to_vec()), "INTEGER", false), Some(Cell::Integer(7)));
/// assert_eq!(stored_as(&Cell::Text(b"seven".to_vec()), "INTEGER", true), None);
/// ```
pub fn stored_as(value: &Cell, declared: &str, strict: bool) -> Option<Cell> {
    let stored = match (affinity(declared, strict), value) {
        (Affinity::Blob, _) | (_, Cell::Null | Cell::Blob(_)) => value.clone(),
        (Affinity::Text, Cell::Integer(n)) => Cell::Text(n.to_string().into_bytes()),
        (Affinity::Text, Cell::Real(bits)) => Cell::Text(real_as_text(f64::from_bits(*bits)).into_bytes()),
        (Affinity::Text, Cell::Text(_)) => value.clone(),
        (Affinity::Real, _) => match as_number(value) {
            Cell::Integer(n) => real(n as f64),
            other => other,
        },
        (Affinity::Integer | Affinity::Numeric, _) => as_number(value),
    };
    let name = declared.to_ascii_uppercase();
    let fits = match (&stored, name.as_str()) {
        _ if !strict => true,
        (Cell::Null, _) | (_, "ANY") => true,
        (Cell::Integer(_), "INT" | "INTEGER") | (Cell::Real(_), "REAL") => true,
        (Cell::Text(_), "TEXT") | (Cell::Blob(_), "BLOB") => true,
        _ => false,
    };
    fits.then_some(stored)
}

fn real(number: f64) -> Cell {
    Cell::Real(number.to_bits())
}

/// A value under numeric affinity: whole where nothing is lost by it.
fn as_number(value: &Cell) -> Cell {
    match value {
        Cell::Text(bytes) => match number_in(bytes) {
            Some(number) => number,
            None => value.clone(),
        },
        Cell::Real(bits) => whole(f64::from_bits(*bits)),
        _ => value.clone(),
    }
}

/// A real as a whole number where it is one, and neither the largest nor the smallest there is.
fn whole(number: f64) -> Cell {
    let as_whole = number as i64;
    if as_whole as f64 == number && as_whole > i64::MIN && as_whole < i64::MAX {
        Cell::Integer(as_whole)
    } else {
        real(number)
    }
}

/// The number that a text is: white space, a sign, digits with a point among them, an exponent, white space. The version
/// of SQLite that is built in reads up to a NUL.
fn number_in(bytes: &[u8]) -> Option<Cell> {
    let bytes = bytes.split(|byte| *byte == 0).next()?;
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r');
    let start = bytes.iter().position(|byte| !is_space(byte))?;
    let end = bytes.iter().rposition(|byte| !is_space(byte))? + 1;
    let text = std::str::from_utf8(&bytes[start..end]).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole_part, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = are_digits(whole_part)
        && are_digits(fraction)
        && !(whole_part.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|digits| !digits.is_empty() && are_digits(digits));
    if !is_number {
        return None;
    }
    if are_digits(unsigned)
        && let Ok(number) = text.parse::<i64>()
    {
        return Some(Cell::Integer(number));
    }
    text.parse::<f64>().ok().map(whole)
}

/// A real as the version of SQLite that is built in writes it: never without a point.
fn real_as_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Inf".into() } else { "-Inf".into() };
    }
    if number == 0.0 {
        return "0.0".into();
    }
    let (digits, exponent) = digits_of(number.abs());
    let digits = digits.trim_end_matches('0');
    let point = |whole: &str, fraction: &str| format!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction });
    let text = if !(-4..17).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", point(&digits[..1], &digits[1..]), exponent.abs())
    } else if exponent < 0 {
        format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0)))
    } else {
        let places = usize::try_from(exponent + 1).unwrap_or(1);
        let padded = format!("{digits:0<places$}");
        point(&padded[..places], &padded[places..])
    };
    if number < 0.0 { format!("-{text}") } else { text }
}

/// The digits of a positive real and its exponent: seventeen, or fewer where nines or zeros at the end show that they
/// are enough to read it back.
fn digits_of(number: f64) -> (String, i32) {
    let round = |places: usize| {
        let text = format!("{number:.*e}", places - 1);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        (digits.replace('.', ""), exponent.parse().unwrap_or(0))
    };
    let (all, exponent): (String, i32) = round(18);
    let enough = if &all[14..16] == "99" {
        all[..15].trim_end_matches('9').len()
    } else if &all[13..16] == "000" || exponent >= 17 {
        all[..13].trim_end_matches('0').len()
    } else {
        17
    };
    let (fewer, its_exponent) = round(enough.max(1));
    let reads_back = format!("0.{fewer}e{}", its_exponent + 1).parse() == Ok(number);
    if reads_back && enough < 17 {
        return (fewer, its_exponent);
    }
    // SQLite rounds what it has rounded to eighteen digits.
    let rounded = (all.parse::<u64>().unwrap_or(0) + 5) / 10;
    let carry = i32::from(rounded >= 10_u64.pow(17));
    (rounded.to_string(), exponent + carry)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use rusqlite::types::Value;

    use super::*;

    /// Every value through every type, in ordinary and STRICT tables, by these rules and by SQLite.
    #[test]
    fn the_rules_are_those_of_sqlite() {
        let texts = [
            "",
            " ",
            "007",
            " 1",
            "1 ",
            "+1",
            "-0",
            "0",
            "-0.0",
            "1.10",
            "1e5",
            "1E+05",
            "1e-3",
            "1e999",
            "-1e999",
            ".5",
            "5.",
            ".",
            "e5",
            "1e",
            "0x10",
            "inf",
            "nan",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "9007199254740993",
            "9007199254740993.0",
            "1 2",
            "1\0",
            "\0",
            "12abc",
            "ü",
            "\u{a0}1",
            "true",
            "1_000",
            "3.0",
            "123456789012345678901234567890",
            "0.1",
            "\x0b7\x0c",
            "1e+",
            "- 1",
            "--1",
            "1.5.5",
        ];
        let reals = [
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.1,
            0.2 + 0.1,
            1e15,
            1e14,
            123456789012345.6,
            1e16,
            1e-4,
            1e-5,
            1e308,
            -1e308,
            5e-324,
            1.7976931348623157e308,
            9007199254740993.0,
            9223372036854775807.0,
            -9223372036854775808.0,
            4e18,
            1.0 / 3.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            100.0,
            2.5e-10,
            1234.5678,
        ];
        let whole = [0, 1, -1, 7, 9007199254740993, i64::MAX, i64::MIN, i64::MIN + 1, 1 << 53];
        let mut values: Vec<(Value, Cell)> = vec![(Value::Null, Cell::Null)];
        values.extend(texts.map(|text| (Value::Text(text.into()), Cell::Text(text.into()))));
        values.extend(reals.map(|number| (Value::Real(number), Cell::Real(number.to_bits()))));
        values.extend(whole.map(|number| (Value::Integer(number), Cell::Integer(number))));
        values.extend([&b"7"[..], b"", b"\0\xff"].map(|bytes| (Value::Blob(bytes.into()), Cell::Blob(bytes.into()))));
        let conn = Connection::open_in_memory().expect("a database");
        for strict in [false, true] {
            let types: &[&str] = match strict {
                true => &["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"],
                false => &[
                    "",
                    "INT",
                    "bigint",
                    "TEXT",
                    "varchar(5)",
                    "BLOB",
                    "REAL",
                    "double",
                    "NUMERIC",
                    "ANY",
                    "date",
                    "FLOATING POINT",
                ],
            };
            for declared in types {
                let words = if strict { " STRICT" } else { "" };
                conn.execute_batch(&format!("DROP TABLE IF EXISTS t; CREATE TABLE t(v {declared}){words}"))
                    .expect("a table");
                for (value, cell) in &values {
                    conn.execute("DELETE FROM t", []).expect("no rows");
                    let is = conn.execute("INSERT INTO t VALUES (?1)", [value]).ok().map(|_| {
                        conn.query_row("SELECT v FROM t", [], |row| Ok(Cell::from(row.get_ref(0)?))).expect("a value")
                    });
                    assert_eq!(stored_as(cell, declared, strict), is, "{cell:?} in {declared}, strict {strict}");
                }
            }
        }
    }

    /// Reals as texts. Far from 1, the last of seventeen digits is not always SQLite's.
    #[test]
    fn reals_are_written_as_sqlite_writes_them() {
        let conn = Connection::open_in_memory().expect("a database");
        let mut ask = conn.prepare("SELECT CAST(?1 AS TEXT)").expect("a query");
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for n in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = if n % 2 == 0 { (bits >> 40) as f64 / 1000.0 } else { (bits >> 12) as f64 / 3.0 };
            let is: String = ask.query_row([number], |row| row.get(0)).expect("a text");
            assert_eq!(real_as_text(number), is, "{number:e}");
        }
    }
}
