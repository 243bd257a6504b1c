//! What becomes of values under another type, and what an expression gives: read from the texts of PostgreSQL.

/// A value of one type as one of another: directly where PostgreSQL knows how, else through text.
pub fn cast(value: &str, before: &str, after: &str) -> String {
    const KNOWN: &[&str] = &[
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "text",
        "character varying",
        "character",
        "boolean",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "time without time zone",
        "json",
        "jsonb",
        "uuid",
        "bytea",
        "inet",
        "cidr",
        "interval",
    ];
    let is_known =
        |text: &str| KNOWN.contains(&base(text)) || text.starts_with("timestamp") || text.starts_with("time");
    let is_text = |text: &str| matches!(base(text), "text" | "character varying" | "character");
    let numbers = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
    let is_number = |text: &str| numbers.contains(&base(text));
    let is_time = |text: &str| text.starts_with("timestamp") || base(text) == "date";
    let direct = before.contains('[') == after.contains('[')
        && is_known(before)
        && is_known(after)
        && (is_text(before)
            || is_text(after)
            || (is_number(before) && is_number(after))
            || (is_time(before) && is_time(after))
            || base(before) == base(after)
            || (base(before) == "boolean" && base(after) == "integer")
            || (base(before) == "integer" && base(after) == "boolean")
            || (before.starts_with("json") && after.starts_with("json")));
    if direct { format!("{value}::{after}") } else { format!("{value}::text::{after}") }
}

/// The name of a type, without its numbers.
fn base(data_type: &str) -> &str {
    data_type.split(['(', '[']).next().unwrap_or(data_type).trim()
}

/// How many values would not come back from another type as they were.
pub fn altered_rows(table: &str, column: &str, before: &str, after: &str) -> String {
    let there = cast(column, before, after);
    if before == "json" && after == "jsonb" {
        // Blanks and the order of members are no part of the value; what cannot be read as jsonb fails here. Of members with one
        // name only the last would be left.
        return format!(
            "SELECT count(*) FROM {table} WHERE ({there}) IS NULL AND {column} IS NOT NULL OR EXISTS (WITH RECURSIVE \
             parts(part) AS (SELECT {column} UNION ALL SELECT inner_part FROM parts, LATERAL (SELECT value FROM \
             pg_catalog.json_each(CASE pg_catalog.json_typeof(part) WHEN 'object' THEN part END) UNION ALL SELECT value \
             FROM pg_catalog.json_array_elements(CASE pg_catalog.json_typeof(part) WHEN 'array' THEN part END)) \
             p(inner_part)) SELECT 1 FROM parts WHERE (SELECT pg_catalog.count(*) <> pg_catalog.count(DISTINCT name) FROM \
             pg_catalog.json_object_keys(CASE pg_catalog.json_typeof(part) WHEN 'object' THEN part END) k(name)))"
        );
    }
    if base(after) == "bit" && base(before).starts_with("bit") {
        // Zeros that are put behind are cut off again on the way back.
        return format!("SELECT count(*) FROM {table} WHERE ({there})::text IS DISTINCT FROM {column}::text");
    }
    let back = cast(&format!("({there})"), after, before);
    format!("SELECT count(*) FROM {table} WHERE ({back})::text IS DISTINCT FROM {column}::text")
}

/// Whether rows need not be written again: PostgreSQL only changes what the column is called
/// (<https://www.postgresql.org/docs/current/sql-altertable.html>, Notes).
pub fn keeps_its_bytes(before: &str, after: &str) -> bool {
    let split = |text: &str| -> (String, Vec<i64>) {
        match text.split_once('(') {
            Some((base, rest)) => {
                let numbers = rest.split(')').next().unwrap_or_default();
                let tail = rest.split_once(')').map_or("", |(_, tail)| tail);
                (format!("{}{tail}", base.trim()), numbers.split(',').filter_map(|n| n.trim().parse().ok()).collect())
            }
            None => (text.to_owned(), Vec::new()),
        }
    };
    let ((b, b_numbers), (a, a_numbers)) = (split(before), split(after));
    let is_var = |text: &str| matches!(text, "character varying" | "text");
    match (b.as_str(), a.as_str()) {
        (b, "text") if is_var(b) => true,
        (b, "character varying") if is_var(b) => {
            a_numbers.is_empty() || (b == "character varying" && b_numbers.first().is_some_and(|n| *n <= a_numbers[0]))
        }
        ("numeric", "numeric") => {
            let scale = |numbers: &[i64]| numbers.get(1).copied().unwrap_or(0);
            a_numbers.is_empty()
                || (!b_numbers.is_empty() && scale(&b_numbers) == scale(&a_numbers) && b_numbers[0] <= a_numbers[0])
        }
        (b, a) if b == a => b_numbers == a_numbers || (b_numbers.is_empty() && b.starts_with("bit varying")),
        _ => false,
    }
}

/// Whether an expression may give each row another value. A function that is not known may.
pub fn may_differ_by_row(expression: &str) -> bool {
    const STEADY: &[&str] = &[
        "now",
        "current_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "current_setting",
        "lower",
        "upper",
        "coalesce",
        "timezone",
        "to_timestamp",
        "date_trunc",
        "concat",
        "replace",
        "jsonb_build_object",
        "jsonb_build_array",
        "json_build_object",
        "array_fill",
        "to_jsonb",
        "to_json",
        "length",
        "btrim",
        "make_interval",
    ];
    let mut word = String::new();
    let mut quoted = false;
    for c in expression.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if quoted {
            word.clear();
        } else if c.is_alphanumeric() || c == '_' || c == '"' {
            word.push(c);
        } else {
            // A cast with a modifier, such as `'a'::character varying(8)`, is no call.
            let is_type = matches!(
                word.as_str(),
                "varying"
                    | "character"
                    | "numeric"
                    | "bit"
                    | "timestamp"
                    | "time"
                    | "AND"
                    | "OR"
                    | "NOT"
                    | "IN"
                    | "ANY"
            );
            if c == '(' && !word.is_empty() && !is_type && !STEADY.contains(&word.to_lowercase().as_str()) {
                return true;
            }
            word.clear();
        }
    }
    false
}
