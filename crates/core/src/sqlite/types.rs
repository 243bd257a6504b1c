//! Column affinity: what SQLite does to a value that is stored in a column.

use crate::schema::{Column, Table, fold};

/// A column's affinity (<https://www.sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Whole numbers.
    Integer,
    /// Text.
    Text,
    /// No conversion.
    Blob,
    /// Floating-point numbers.
    Real,
    /// Numbers of either kind.
    Numeric,
}

impl Affinity {
    /// The affinity of a declared type, by SQLite's five rules.
    ///
    /// ```
    /// use whimbrel_core::sqlite::types::Affinity;
    /// assert_eq!(Affinity::of("UNSIGNED BIG INT"), Affinity::Integer);
    /// assert_eq!(Affinity::of("CHARINT"), Affinity::Integer); // the first rule wins
    /// assert_eq!(Affinity::of("VARCHAR(10)"), Affinity::Text);
    /// assert_eq!(Affinity::of(""), Affinity::Blob);
    /// assert_eq!(Affinity::of("DOUBLE PRECISION"), Affinity::Real);
    /// assert_eq!(Affinity::of("DECIMAL(10,5)"), Affinity::Numeric);
    /// ```
    pub fn of(declared_type: &str) -> Affinity {
        let name = fold(declared_type);
        let has = |part| name.contains(part);
        if has("int") {
            Affinity::Integer
        } else if has("char") || has("clob") || has("text") {
            Affinity::Text
        } else if has("blob") || name.trim().is_empty() {
            Affinity::Blob
        } else if has("real") || has("floa") || has("doub") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }
}

/// The affinity of a column in its table: `ANY` in a STRICT table converts nothing.
pub fn column_affinity(table: &Table, column: &Column) -> Affinity {
    if table.strict && column.declared_type.trim().eq_ignore_ascii_case("any") {
        Affinity::Blob
    } else {
        Affinity::of(&column.declared_type)
    }
}
