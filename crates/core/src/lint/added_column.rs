//! L03: a column that can be added to an empty table only.

use super::{Found, Rule, Text, Words};
use crate::sqlite::token::TokenKind;

pub(super) const RULE: Rule = Rule {
    code: "L03",
    why: "SQLite adds such a column to a table without rows only: it works on the developer's empty database, and fails \
          on the devices of users",
    help: "give it a constant default, or add it without NOT NULL, fill it, and let `migrate generate` make it NOT NULL",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (statement, words) in text.each() {
        let Some((table, column, at)) = words.adds_column().filter(|(table, ..)| !text.makes(table)) else { continue };
        let default = default_of(words, at);
        let is_generated = words.find(&["as", "("]).is_some_and(|place| place >= at);
        let message = match default {
            Default::Varies => format!("column {table}.{column} is added with a default that is no constant"),
            Default::None if is_not_null(words, at) && !is_generated => {
                format!("column {table}.{column} is added as NOT NULL without a default")
            }
            Default::None | Default::Constant => continue,
        };
        found.push(Found { statement, words: 0..0, message });
    }
    found
}

/// The default of a column.
enum Default {
    None,
    Constant,
    Varies,
}

fn is_not_null(words: &Words<'_>, at: usize) -> bool {
    (at..words.tokens.len()).any(|place| words.has(place, &["not", "null"]))
}

fn default_of(words: &Words<'_>, at: usize) -> Default {
    let Some(place) = (at..words.tokens.len()).find(|place| words.has(*place, &["default"])) else {
        return Default::None;
    };
    let value = place + 1;
    if ["current_timestamp", "current_date", "current_time"].iter().any(|word| words.has(value, &[word])) {
        return Default::Varies;
    }
    if words.has(value, &["null"]) {
        return Default::None;
    }
    if !words.has(value, &["("]) {
        return Default::Constant;
    }
    // In parentheses, SQLite takes anything for no constant but a literal.
    let literal = if words.has(value + 1, &["-"]) || words.has(value + 1, &["+"]) { value + 2 } else { value + 1 };
    let is_literal = words.tokens.get(literal).is_some_and(|token| {
        matches!(token.kind, TokenKind::Number | TokenKind::String | TokenKind::Blob)
            || ["true", "false"].iter().any(|word| token.is(words.text, word))
    });
    match () {
        () if words.has(value + 1, &["null", ")"]) => Default::None,
        () if is_literal && words.has(literal + 1, &[")"]) => Default::Constant,
        () => Default::Varies,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn what_sqlite_adds_to_an_empty_table_only() {
        for column in [
            "b TEXT NOT NULL",
            "b NOT NULL DEFAULT NULL",
            "b TEXT NOT NULL DEFAULT (NULL)",
            "b DEFAULT CURRENT_TIMESTAMP",
            "b DEFAULT (datetime('now'))",
            "b DEFAULT (1 + 1)",
        ] {
            assert_eq!(codes_in(&format!("ALTER TABLE t ADD COLUMN {column}"), None), [("L03", 1)], "{column}");
        }
    }

    #[test]
    fn what_sqlite_always_adds() {
        for column in [
            "b INTEGER NOT NULL DEFAULT 0",
            "b INTEGER NOT NULL DEFAULT -1",
            "b DEFAULT (-1)",
            "b NOT NULL DEFAULT ('x')",
            "b TEXT",
            "b DEFAULT NULL",
            "b NOT NULL AS (a + 1)",
        ] {
            assert_eq!(codes_in(&format!("ALTER TABLE t ADD COLUMN {column}"), None), [], "{column}");
        }
    }

    #[test]
    fn a_table_of_the_same_script_has_no_rows() {
        assert_eq!(codes_in("CREATE TABLE t(a); ALTER TABLE t ADD b NOT NULL;", None), []);
    }
}
