//! L14: a table is made anew by hand, and forgets a foreign key.

use super::earlier::{Earlier, declared};
use super::{Found, Rule, Text};
use crate::schema::{ForeignKey, Table, same_name};

pub(super) const RULE: Rule = Rule {
    code: "L14",
    why: "from then on rows that refer to nothing are let in, and what ON DELETE did is not done any more",
    help: "declare the foreign key in the new table too, or declare the new schema and let `migrate generate` write the rebuild",
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
        for key in before.foreign_keys.iter().filter(|key| has_its_columns(&after, key) && !has_it(&after, key)) {
            let message =
                format!("{} does not refer to {} by {} any more", rebuild.table, key.parent, key.columns.join(", "));
            found.push(Found { statement: rebuild.create, words: 0..0, message });
        }
    }
    found
}

fn has_its_columns(table: &Table, key: &ForeignKey) -> bool {
    key.columns.iter().all(|name| table.column(name).is_some())
}

/// Whether there is a foreign key over the same columns, whatever it refers to.
fn has_it(table: &Table, key: &ForeignKey) -> bool {
    let is_same = |other: &ForeignKey| key.columns.iter().all(|c| other.columns.iter().any(|o| same_name(o, c)));
    table.foreign_keys.iter().any(is_same)
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_behind;

    #[test]
    fn rebuilds() {
        let before = "CREATE TABLE p(id INTEGER PRIMARY KEY);\
                      CREATE TABLE a(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE, b);";
        let rebuild = |columns: &str| {
            let names = if columns.contains("p ") { "id, p, b" } else { "id, b" };
            let script = format!(
                "CREATE TABLE n(id INTEGER PRIMARY KEY, {columns});\nINSERT INTO n SELECT {names} FROM a;\n\
                 DROP TABLE a;\nALTER TABLE n RENAME TO a;"
            );
            codes_behind(&[before], &script)
        };
        assert_eq!(rebuild("p INT, b"), [("L14", 1)]);
        assert_eq!(rebuild("p REFERENCES p, b"), []);
        assert_eq!(rebuild("p INT, b, FOREIGN KEY (p) REFERENCES p"), []);
        // The column goes, and the key with it.
        assert_eq!(rebuild("b"), []);
        assert_eq!(codes_behind(&["CREATE TABLE p(id);"], "CREATE TABLE a(p INT);"), []);
    }
}
