//! L13: a table is made anew by hand, and a column of it becomes NOT NULL while rows may have no value in it.

use super::earlier::{Earlier, declared};
use super::{Found, Rebuild, Rule, Text, Words, rows_alike};
use crate::schema::{Table, same_name};

pub(super) const RULE: Rule = Rule {
    code: "L13",
    why: "copying is refused on devices where a row has no value in the column, and the developer's database has few rows",
    help: "copy coalesce(column, …) with what such rows are to have, or fill them by an UPDATE before",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let rebuilds = text.rebuilds();
    if rebuilds.is_empty() {
        return Vec::new();
    }
    let earlier = Earlier::of(text);
    let mut found = Vec::new();
    for rebuild in &rebuilds {
        let sql = &text.migration.up[text.statements[rebuild.create].range.clone()];
        let (Some(before), Some(after)) = (earlier.table(&rebuild.table), declared(sql)) else { continue };
        let is_filled = text.statements.iter().any(|words| rows_alike::writes(words, &rebuild.table));
        if is_filled {
            continue;
        }
        for (statement, words) in text.each() {
            let columns = copied_as_they_are(words, rebuild, before, &after);
            for column in columns.into_iter().filter(|column| is_required_now(before, &after, column)) {
                let message = format!(
                    "column {}.{column} becomes NOT NULL, and rows without a value in it are copied",
                    before.name
                );
                found.push(Found { statement, words: 0..0, message });
            }
        }
    }
    found
}

/// Whether a column could be NULL and can no more.
fn is_required_now(before: &Table, after: &Table, name: &str) -> bool {
    let column = |table: &Table| {
        let is_key = table.rowid_alias().is_some_and(|alias| same_name(&alias.name, name));
        table.column(name).map(|column| column.not_null.is_some() || is_key || column.generated.is_some())
    };
    column(before) == Some(false) && column(after) == Some(true)
}

/// The columns that an `INSERT … SELECT` copies from the table before to the one after, each under its own name and without
/// any expression.
fn copied_as_they_are(words: &Words<'_>, rebuild: &Rebuild, before: &Table, after: &Table) -> Vec<String> {
    let none = Vec::new();
    if !words.has(0, &["insert", "into"]) || words.find(&["where"]).is_some() {
        return none;
    }
    let Some((into, at)) = words.name(2) else { return none };
    if !same_name(&into, &rebuild.table) && !same_name(&into, &rebuild.other) {
        return none;
    }
    let Some(select) = words.find(&["select"]) else { return none };
    let Some(from) = words.find(&["from"]) else { return none };
    let names: Vec<String> = match words.has(at, &["("]) {
        true => items(words, at + 1, select).iter().filter_map(|item| words.name(item.start)).map(|(n, _)| n).collect(),
        false => after.columns.iter().map(|column| column.name.clone()).collect(),
    };
    let values = items(words, select + 1, from);
    if let [only] = values.as_slice()
        && words.has(only.start, &["*"])
    {
        let by_place = names.into_iter().zip(&before.columns);
        return by_place.filter(|(name, column)| same_name(name, &column.name)).map(|(name, _)| name).collect();
    }
    let is_plain = |name: &str, item: &std::ops::Range<usize>| {
        words.name(item.start).is_some_and(|(value, end)| end == item.end && same_name(&value, name))
    };
    names.into_iter().zip(&values).filter(|(name, item)| is_plain(name, item)).map(|(name, _)| name).collect()
}

/// The tokens between two places, cut at the commas outside of parentheses.
fn items(words: &Words<'_>, start: usize, end: usize) -> Vec<std::ops::Range<usize>> {
    let mut items = Vec::new();
    let (mut depth, mut begin) = (0usize, start);
    for at in start..end {
        if words.has(at, &["("]) {
            depth += 1;
        } else if words.has(at, &[")"]) {
            if depth == 0 {
                items.push(begin..at);
                return items;
            }
            depth -= 1;
        } else if depth == 0 && words.has(at, &[","]) {
            items.push(begin..at);
            begin = at + 1;
        }
    }
    items.push(begin..end);
    items
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_behind;

    fn rebuild(before: &str, copy: &str) -> Vec<(&'static str, usize)> {
        let script = format!(
            "CREATE TABLE n(id INTEGER PRIMARY KEY, b TEXT NOT NULL, c);\n{copy};\nDROP TABLE a;\nALTER TABLE n RENAME TO a;"
        );
        codes_behind(&[before], &script)
    }

    #[test]
    fn a_column_that_could_be_null() {
        let before = "CREATE TABLE a(id INTEGER PRIMARY KEY, b TEXT, c);";
        for copy in [
            "INSERT INTO n SELECT id, b, c FROM a",
            "INSERT INTO n(c, b) SELECT upper(c), b FROM a",
            "INSERT INTO n SELECT * FROM a",
            "INSERT INTO n(id, b) SELECT a.id, a.b FROM a",
        ] {
            assert_eq!(rebuild(before, copy), [("L13", 2)], "{copy}");
        }
        for copy in [
            "INSERT INTO n SELECT id, coalesce(b, ''), c FROM a",
            "INSERT INTO n(id, b, c) SELECT id, ifnull(b, ''), c FROM a",
            "INSERT INTO n SELECT id, b, c FROM a WHERE b IS NOT NULL",
            "UPDATE a SET b = '' WHERE b IS NULL;\nINSERT INTO n SELECT id, b, c FROM a",
        ] {
            assert_eq!(rebuild(before, copy), [], "{copy}");
        }
    }

    #[test]
    fn what_was_required_before_or_is_not_known() {
        let copy = "INSERT INTO n SELECT id, b, c FROM a";
        assert_eq!(rebuild("CREATE TABLE a(id INTEGER PRIMARY KEY, b TEXT NOT NULL, c);", copy), []);
        assert_eq!(rebuild("CREATE TABLE other(b);", copy), []);
        let added = "CREATE TABLE a(id INTEGER PRIMARY KEY); ALTER TABLE a ADD COLUMN b TEXT; ALTER TABLE a ADD c;";
        assert_eq!(rebuild(added, copy), [("L13", 2)]);
        let renamed = "CREATE TABLE x(id INTEGER PRIMARY KEY, b TEXT, c); ALTER TABLE x RENAME TO a;";
        assert_eq!(rebuild(renamed, copy), [("L13", 2)]);
    }
}
