//! L10: a table is made anew by hand, and its rows get other rowids.

use super::{Found, Rule, Text};
use crate::schema::{Schema, same_name};

pub(super) const RULE: Rule = Rule {
    code: "L10",
    why: "a table without an INTEGER PRIMARY KEY keeps its rowids only if they are copied; full-text indexes and other \
          tables may refer to them",
    help: "copy the rowid too, or declare the new schema and let `migrate generate` write the rebuild",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for rebuild in text.rebuilds() {
        let sql = &text.migration.up[text.statements[rebuild.create].range.clone()];
        // What the reader does not understand is not judged.
        let Ok(schema) = Schema::from_sql(sql) else { continue };
        let Some(table) = schema.tables.first() else { continue };
        if table.without_rowid || table.rowid_alias().is_some() {
            continue;
        }
        let is_copy = |name: String| same_name(&name, &rebuild.other) || same_name(&name, &rebuild.table);
        for (statement, words) in text.each() {
            let Some(into) = words.find(&["into"]).filter(|_| words.has(0, &["insert"])) else { continue };
            let copies =
                words.name(into + 1).is_some_and(|(name, _)| is_copy(name)) && words.find(&["select"]).is_some();
            let has_rowid = ["rowid", "_rowid_", "oid"].iter().any(|word| words.find(&[word]).is_some());
            if copies && !has_rowid {
                let message = format!("the rows of {} get other rowids", rebuild.table);
                found.push(Found { statement, words: 0..0, message });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    fn rebuild(columns: &str, insert: &str) -> Vec<(&'static str, usize)> {
        codes_in(&format!("CREATE TABLE n({columns};\n{insert};\nDROP TABLE a;\nALTER TABLE n RENAME TO a;"), None)
    }

    #[test]
    fn rebuilds() {
        assert_eq!(rebuild("b TEXT)", "INSERT INTO n SELECT b FROM a"), [("L10", 2)]);
        assert_eq!(rebuild("b TEXT PRIMARY KEY)", "INSERT INTO n(b) SELECT b FROM a"), [("L10", 2)]);
        assert_eq!(rebuild("b TEXT)", "INSERT INTO n(rowid, b) SELECT rowid, b FROM a"), []);
        assert_eq!(rebuild("id INTEGER PRIMARY KEY, b)", "INSERT INTO n SELECT id, b FROM a"), []);
        assert_eq!(rebuild("b TEXT PRIMARY KEY) WITHOUT ROWID", "INSERT INTO n SELECT b FROM a"), []);
    }
}
