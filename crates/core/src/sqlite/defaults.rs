//! What SQLite makes of the default of a column: what ADD COLUMN takes, and what rows read that were written before.
//!
//! Such a row holds no value in the column, and reads the default as it is now
//! (<https://www.sqlite.org/lang_altertable.html#alter_table_add_column>). It cannot be told from one that holds the same value.

use super::dependents::mentioned;
use super::plan::Facts;
use super::strategy::has_index;
use super::token::{Token, TokenKind, quote_name, quote_text, tokenize};
use super::types::{Affinity, column_affinity};
use crate::diff::{Part, TableChange};
use crate::schema::{Column, Expression, Meaning, Schema, Table, fold, same_name};

/// Rows that are written as they are, so that they hold what they only read from a default.
pub(super) struct Settled {
    /// The column that is set to what it is, as it is written in SQL.
    pub column: String,
    /// Which rows.
    pub condition: String,
    /// How many.
    pub rows: u64,
    /// Bytes that each of them holds afterwards, if it has only read them so far.
    pub length: u64,
}

impl Facts {
    /// What makes rows hold by themselves what they only read from the old default of a column, as those do that were written
    /// before its ADD COLUMN: an UPDATE writes all columns of a row, whichever it sets. Which rows these are cannot be seen,
    /// but all of them read the old default. None where that cannot be done unnoticed.
    pub(super) fn settles_default(&self, n: usize, change: &TableChange, p: usize, schema: &Schema) -> Option<Settled> {
        let Part::AlterColumn { before, after } = &change.parts[p] else { return None };
        if !changes_default_alone(before, after) {
            return None;
        }
        let condition = reads_default(before, column_affinity(&change.before, before))?;
        let rows = self.defaulted.get(&(n, p)).copied().unwrap_or_else(|| self.rows(&change.before.name));
        let name = quote_name(&after.name);
        let length = before.default_value().map_or(0, literal_length);
        let settled = Settled { condition: condition(&name), column: name, rows, length };
        if rows == 0 {
            return Some(settled);
        }
        // Some builds of SQLite leave NULLs at the end of a row away, whoever writes it.
        if self.trims_nulls || !self.can_update(change) {
            return None;
        }
        let carrier = change.renamed.columns.iter().find(|column| is_free(column, change, schema))?;
        Some(Settled { column: quote_name(&carrier.name), ..settled })
    }
}

/// Whether nothing but the default of a column changes.
pub(crate) fn changes_default_alone(before: &Column, after: &Column) -> bool {
    before.default_value().map(Expression::meaning) != after.default_value().map(Expression::meaning)
        && Column { default: after.default.clone(), ..before.clone() }.meaning() == after.meaning()
}

/// The condition of rows that may read the default of a column and not hold it: those that are equal to it. None where SQLite
/// may read something else than is compared: it computes the value for rows, and converts not all as an INSERT does.
pub(crate) fn reads_default(column: &Column, affinity: Affinity) -> Option<impl Fn(&str) -> String> {
    let values = match column.default_value() {
        None => None,
        Some(default) if is_constant(default, affinity) => Some(match default.meaning() {
            // Not by their names, which columns may have. They were texts before 3.23.
            "true" => format!("1, {}", quote_text(default.text())),
            "false" => format!("0, {}", quote_text(default.text())),
            // Read as the nearest REAL, and compared as the number that is written: 9007199254740993 is none.
            literal if affinity == Affinity::Real => format!("{literal}, CAST({literal} AS REAL)"),
            literal => literal.to_owned(),
        }),
        Some(default) if is_of_the_moment(default) => None,
        Some(_) => return None,
    };
    Some(move |name: &str| match &values {
        // Of a column that is NOT NULL, `IS NULL` is false without a look at the row.
        None => format!("typeof({name}) = 'null'"),
        // Whatever the column's collation, and be it registered or not: a row that reads the default reads these bytes.
        Some(values) => format!("{name} COLLATE BINARY IN ({values})"),
    })
}

/// Whether a default is computed at each INSERT: the time, or what begins with a function. ADD COLUMN takes it for no rows, and
/// a row that does not hold it all the same, because somebody has edited the catalogue, reads NULL.
fn is_of_the_moment(default: &Expression) -> bool {
    let text = default.meaning();
    let tokens = tokenize(text).unwrap_or_default();
    let is_any = |token: &Token, words: &[&str]| words.iter().any(|word| token.is(text, word));
    match tokens.as_slice() {
        [time] => is_any(time, &["current_time", "current_date", "current_timestamp"]),
        // Rows do read the CAST of a literal.
        [function, open, ..] => {
            function.kind == TokenKind::Word && open.is(text, "(") && !is_any(function, &["cast", "not", "case"])
        }
        [] => false,
    }
}

/// Bytes that a row takes to hold a literal.
pub(crate) fn literal_length(literal: &Expression) -> u64 {
    let text = literal.meaning();
    let bytes = match text.chars().next() {
        Some('\'') => text.len().saturating_sub(2),
        Some('x' | 'X') => text.len().saturating_sub(3) / 2,
        _ => text.len().min(8),
    };
    u64::try_from(bytes).unwrap_or_default()
}

/// Whether a column can be set to what it is and nothing looks at it: no index, no constraint, nothing that is computed.
fn is_free(column: &Column, change: &TableChange, schema: &Schema) -> bool {
    let table = &change.renamed;
    let name = fold(&column.name);
    let uses = |expression: &Expression| mentioned(expression).contains(&name);
    column.generated.is_none()
        && column.not_null.is_none()
        && !table.checks.iter().any(|check| uses(&check.expression))
        && !table.columns.iter().any(|other| other.generated.as_ref().is_some_and(|g| uses(&g.expression)))
        && !table.foreign_keys.iter().any(|key| key.columns.iter().any(|c| same_name(c, &column.name)))
        && change
            .before
            .columns
            .iter()
            .zip(&table.columns)
            .any(|(old, new)| new.name == column.name && !has_index(&old.name, &change.before, schema))
}

/// Whether ADD COLUMN takes a default, and rows that are there read from it what an INSERT would store. SQLite computes
/// their value without storing it, and does not convert every literal as an INSERT does: `TRUE` stays a number in a TEXT
/// column, and `1.0` becomes 1 where nothing should be converted.
pub(super) fn is_constant(default: &Expression, affinity: Affinity) -> bool {
    let text = default.meaning();
    let tokens = tokenize(text).unwrap_or_default();
    let (negative, token) = match tokens.as_slice() {
        [token] => (false, token),
        [sign, token] if token.kind == TokenKind::Number && (sign.is(text, "-") || sign.is(text, "+")) => {
            (sign.is(text, "-"), token)
        }
        _ => return false,
    };
    let word = token.text(text);
    match token.kind {
        TokenKind::String | TokenKind::Blob => true,
        TokenKind::Word => match word {
            "null" => true,
            "true" | "false" => matches!(affinity, Affinity::Integer | Affinity::Numeric | Affinity::Blob),
            _ => false,
        },
        TokenKind::Number if word.bytes().all(|b| b.is_ascii_digit()) => {
            word.len() <= 18 && !(negative && word.bytes().all(|b| b == b'0'))
        }
        TokenKind::Number => !negative && !word.starts_with("0x") && affinity == Affinity::Real,
        _ => false,
    }
}

/// Whether ADD COLUMN looks if the default fits, which no row needs: in a STRICT table.
pub(super) fn looks_at_default(table: &Table, column: &Column) -> bool {
    table.strict && column.default_value().is_some()
}

/// ADD COLUMN has SQLite check all values of a STRICT table. Behind a virtual column it looks at the default of a column that
/// has none of its own type, and takes right values for wrong (seen in 3.54).
pub(super) fn added_columns_are_refused(table: &Table) -> bool {
    let is_virtual = |column: &Column| column.generated.as_ref().is_some_and(|g| !g.stored);
    let is_misfit = |column: &Column| column.default_value().is_some_and(|default| !is_of_type(default, column));
    table.strict && table.columns.iter().any(is_virtual) && table.columns.iter().any(is_misfit)
}

/// Whether a default is plainly of the type of its column in a STRICT table.
fn is_of_type(default: &Expression, column: &Column) -> bool {
    let text = default.meaning().trim_start_matches(['-', ' ']);
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !text.is_empty();
    match fold(column.declared_type.trim()).as_str() {
        "any" => true,
        "text" => text.starts_with('\''),
        "blob" => text.starts_with("x'"),
        "int" | "integer" => is_number(text) && !text.contains('.'),
        _ => is_number(text),
    }
}
