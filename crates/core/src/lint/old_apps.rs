//! L04: older apps are let in, and do not find what they know.

use super::{Found, Rule, Text, drop_for_good};

pub(super) const RULE: Rule = Rule {
    code: "L04",
    why: "the script lets in apps that do not know it, and their statements name what is gone",
    help: "leave the old table or column in its place until no such app is out there, or take min-reader and min-writer away",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let lets_in = |number: Option<u32>| number.is_some_and(|number| number < text.migration.idx);
    if !lets_in(text.script.min_reader) && !lets_in(text.script.min_writer) {
        return Vec::new();
    }
    let rebuilds = text.rebuilds();
    let mut found = Vec::new();
    for (statement, what) in drop_for_good::drops(text) {
        found.push(Found { statement, words: 0..0, message: format!("{what} is dropped, and older apps look for it") });
    }
    for (statement, words) in text.each() {
        if let Some((table, column)) = words.renames_column() {
            let message = format!("column {table}.{column} is renamed, and older apps look for it");
            found.push(Found { statement, words: 0..0, message });
        }
        let is_rebuild = |table: &str| rebuilds.iter().any(|r| r.table == table || r.other == table);
        if let Some((table, _)) = words.renames_table().filter(|(table, _)| !is_rebuild(table)) {
            let message = format!("table {table} is renamed, and older apps look for it");
            found.push(Found { statement, words: 0..0, message });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn only_where_older_apps_are_let_in() {
        let rename = "ALTER TABLE a RENAME COLUMN b TO c;";
        assert_eq!(codes_in(rename, Some("")), []);
        assert_eq!(codes_in(&format!("-- whimbrel: min-reader 1\n{rename}"), Some("")), [("L04", 2)]);
        assert_eq!(codes_in(&format!("-- whimbrel: min-writer 2\n{rename}"), Some("")), []);
        assert_eq!(codes_in("-- whimbrel: min-writer 1\nALTER TABLE a RENAME TO b;", Some("")), [("L04", 2)]);
        assert_eq!(codes_in("-- whimbrel: min-writer 1\nDROP TABLE a;", Some("")), [("L04", 2)]);
    }
}
