//! L01: a table or column is dropped, and nothing says how to go back.

use super::{Found, Rule, Text};
use crate::schema::same_name;

pub(super) const RULE: Rule = Rule {
    code: "L01",
    why: "what is dropped is gone on every device, and no script brings the table or column back",
    help: "write the .down.sql, or say `-- whimbrel: irreversible` at the top where that is meant",
    find,
};

/// The statements of a script that drop for good a table or a column, and what they drop.
pub(super) fn drops(text: &Text<'_>) -> Vec<(usize, String)> {
    let rebuilds = text.rebuilds();
    let is_rebuilt = |table: &str| rebuilds.iter().any(|r| same_name(&r.table, table) || same_name(&r.other, table));
    let mut found = Vec::new();
    for (n, statement) in text.each() {
        if let Some(table) = statement.drops_table().filter(|table| !is_rebuilt(table) && !text.makes(table)) {
            found.push((n, format!("table {table}")));
        }
        if let Some((table, column)) = statement.drops_column() {
            found.push((n, format!("column {table}.{column}")));
        }
    }
    found
}

fn find(text: &Text<'_>) -> Vec<Found> {
    if text.migration.down.is_some() || text.script.irreversible {
        return Vec::new();
    }
    let found = |(statement, what)| Found {
        statement,
        words: 0..0,
        message: format!("{what} is dropped, and there is no way back"),
    };
    drops(text).into_iter().map(found).collect()
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn drops() {
        assert_eq!(codes_in("SELECT 1;\nDROP TABLE a;", None), [("L01", 2)]);
        assert_eq!(codes_in("ALTER TABLE a DROP COLUMN b;", None), [("L01", 1)]);
        assert_eq!(codes_in("ALTER TABLE main.\"a\" DROP b;", None), [("L01", 1)]);
        assert_eq!(codes_in("DROP TABLE a;", Some("CREATE TABLE a(b);")), []);
        assert_eq!(codes_in("-- whimbrel: irreversible\nDROP TABLE a;", None), []);
        assert_eq!(codes_in("CREATE TABLE t(a); DROP TABLE t; DROP INDEX i; DROP VIEW v;", None), []);
    }

    #[test]
    fn a_rebuild_drops_nothing() {
        let new_gets_the_name = "CREATE TABLE n(id INTEGER PRIMARY KEY, b);\nINSERT INTO n SELECT id, b FROM a;\n\
                                 DROP TABLE a;\nALTER TABLE n RENAME TO a;";
        assert_eq!(codes_in(new_gets_the_name, None), []);
        let old_is_set_aside = "ALTER TABLE a RENAME TO old;\nCREATE TABLE a(id INTEGER PRIMARY KEY, b);\n\
                                INSERT INTO a SELECT id, b FROM old;\nDROP TABLE old;";
        assert_eq!(codes_in(old_is_set_aside, None), []);
    }
}
