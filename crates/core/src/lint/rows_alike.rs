//! L12: a unique index over rows that are there.

use super::earlier::Earlier;
use super::{Found, Rule, Text, Words};
use crate::schema::{KeyPart, same_name};

pub(super) const RULE: Rule = Rule {
    code: "L12",
    why: "it is refused on devices where two rows are alike, and the developer's database has few rows",
    help: "merge or remove rows that are alike in a statement before it",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let rebuilds = text.rebuilds();
    let mut found = Vec::new();
    for (statement, words) in text.each() {
        let Some((table, columns)) = unique_index(words) else { continue };
        // An index of a table that is made anew was there before, more often than not.
        let is_new = text.makes(&table) || rebuilds.iter().any(|rebuild| same_name(&rebuild.table, &table));
        let before = &text.statements[..statement];
        let is_seen_to = before.iter().any(|words| writes(words, &table) || adds_one_of(words, &table, &columns));
        if !is_new && !is_seen_to && !is_unique_already(text, words, &table, &columns) {
            let message = format!("this unique index is refused where two rows of {table} are alike");
            found.push(Found { statement, words: 0..0, message });
        }
    }
    found
}

/// Whether no two rows have the same in some of the columns, by a key that earlier migrations have declared.
fn is_unique_already(text: &Text<'_>, words: &Words<'_>, table: &str, columns: &[String]) -> bool {
    // Compared in another way, they may be alike.
    if words.find(&["collate"]).is_some() {
        return false;
    }
    let is_among = |part: &KeyPart| columns.iter().any(|column| part.is_column(column));
    let earlier = Earlier::of(text);
    let keys = earlier.table(table).into_iter().flat_map(|table| &table.keys);
    keys.into_iter().any(|key| !key.is_empty() && key.iter().all(is_among))
}

/// The table of a `CREATE UNIQUE INDEX`, and its columns as far as they are plain.
fn unique_index(words: &Words<'_>) -> Option<(String, Vec<String>)> {
    words.has(0, &["create", "unique", "index"]).then_some(())?;
    let (_, at) = words.name(words.behind_if(3))?;
    words.has(at, &["on"]).then_some(())?;
    let (table, at) = words.name(at + 1)?;
    let columns = words.tokens.get(at..).unwrap_or_default().iter().filter_map(|token| token.name(words.text));
    Some((table, columns.collect()))
}

/// Whether a statement updates or deletes rows of a table.
pub(super) fn writes(words: &Words<'_>, table: &str) -> bool {
    let at = match () {
        () if words.has(0, &["delete", "from"]) => 2,
        () if words.has(0, &["update", "or"]) => 3,
        () if words.has(0, &["update"]) => 1,
        () => return false,
    };
    words.name(at).is_some_and(|(name, _)| same_name(&name, table))
}

/// Whether a statement adds one of the columns without a default: no rows have the same value in it, because none has one.
fn adds_one_of(words: &Words<'_>, table: &str, columns: &[String]) -> bool {
    words.adds_column().is_some_and(|(to, column, _)| {
        same_name(&to, table) && columns.iter().any(|c| same_name(c, &column)) && words.find(&["default"]).is_none()
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::{codes_behind, codes_in};

    #[test]
    fn what_is_unique_in_fewer_columns_is_so_in_more() {
        let before = ["CREATE TABLE a(id INTEGER PRIMARY KEY, b, c UNIQUE);"];
        for (columns, is_told) in [("b, id", false), ("\"C\", b", false), ("b", true), ("b, c COLLATE NOCASE", true)] {
            let found = codes_behind(&before, &format!("CREATE UNIQUE INDEX i ON a({columns});"));
            assert_eq!(found.len(), usize::from(is_told), "{columns}");
        }
    }

    #[test]
    fn rows_that_are_there() {
        assert_eq!(codes_in("CREATE UNIQUE INDEX i ON a(b);", None), [("L12", 1)]);
        assert_eq!(codes_in("CREATE UNIQUE INDEX IF NOT EXISTS main.i ON a(b);", None), [("L12", 1), ("L09", 1)]);
        assert_eq!(codes_in("CREATE INDEX i ON a(b);", None), []);
        assert_eq!(codes_in("CREATE TABLE a(b); CREATE UNIQUE INDEX i ON a(b);", None), []);
        assert_eq!(codes_in("DELETE FROM a WHERE c;\nCREATE UNIQUE INDEX i ON a(b);", None), []);
        assert_eq!(codes_in("UPDATE OR IGNORE a SET b = 1 WHERE c;\nCREATE UNIQUE INDEX i ON a(b);", None), []);
        assert_eq!(codes_in("DELETE FROM c WHERE d;\nCREATE UNIQUE INDEX i ON a(b);", None), [("L12", 2)]);
        assert_eq!(codes_in("ALTER TABLE a ADD b;\nCREATE UNIQUE INDEX i ON a(b);", None), []);
        assert_eq!(codes_in("ALTER TABLE a ADD b DEFAULT 1;\nCREATE UNIQUE INDEX i ON a(b);", None), [("L12", 2)]);
    }
}
