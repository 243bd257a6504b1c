//! L05: a statement that writes every row of a table.

use super::{Found, Rule, Text, Words};
use crate::schema::same_name;

pub(super) const RULE: Rule = Rule {
    code: "L05",
    why: "without WHERE it writes every row that users have, and holds the database for as long as that takes",
    help: "say with WHERE which rows are meant; many rows are better written by a `-- whimbrel: backfill`, in portions",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (statement, words) in text.each().filter(|(_, words)| words.find(&["where"]).is_none()) {
        let (verb, table) = if words.has(0, &["delete", "from"]) {
            ("DELETE takes", words.name(2))
        } else if words.has(0, &["update"]) {
            let at = if words.has(1, &["or"]) { 3 } else { 1 };
            ("UPDATE writes", words.name(at))
        } else {
            continue;
        };
        let Some((table, at)) = table else { continue };
        // What is new has no value of anybody yet.
        if text.makes(&table) || words.has(0, &["update"]) && sets_only_added(text, words, &table, at) {
            continue;
        }
        found.push(Found { statement, words: 0..0, message: format!("this {verb} every row of {table}") });
    }
    found
}

/// Whether an `UPDATE` sets nothing but columns that were added by this script.
fn sets_only_added(text: &Text<'_>, words: &Words<'_>, table: &str, at: usize) -> bool {
    let added: Vec<String> = text
        .statements
        .iter()
        .filter_map(Words::adds_column)
        .filter(|(of, ..)| same_name(of, table))
        .map(|(_, column, _)| column)
        .collect();
    let Some(set) = (at..words.tokens.len()).find(|place| words.has(*place, &["set"])) else { return false };
    let mut depth = 0;
    let mut is_target = true;
    for place in set + 1..words.tokens.len() {
        let token = &words.tokens[place];
        match () {
            () if is_target => match token.name(words.text) {
                Some(column) if added.iter().any(|a| same_name(a, &column)) => is_target = false,
                _ => return false,
            },
            () if token.is(words.text, "(") => depth += 1,
            () if token.is(words.text, ")") => depth -= 1,
            () if depth == 0 && token.is(words.text, ",") => is_target = true,
            () if depth == 0 && token.is(words.text, "from") => break,
            () => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn every_row() {
        assert_eq!(codes_in("DELETE FROM a;", None), [("L05", 1)]);
        assert_eq!(codes_in("UPDATE OR IGNORE a SET b = 1;", None), [("L05", 1)]);
        assert_eq!(codes_in("UPDATE a SET b = 1 WHERE b = 2;", None), []);
        assert_eq!(
            codes_in("CREATE TABLE a(b); INSERT INTO a VALUES (1); UPDATE a SET b = 2; DELETE FROM a;", None),
            []
        );
    }

    #[test]
    fn a_new_column_is_filled() {
        let add = "ALTER TABLE a ADD COLUMN c INTEGER;\nALTER TABLE a ADD d;\n";
        assert_eq!(codes_in(&format!("{add}UPDATE a SET c = length(b), d = (SELECT 1, 2);"), None), []);
        assert_eq!(codes_in(&format!("{add}UPDATE a SET c = 1, b = 2;"), None), [("L05", 3)]);
    }
}
