//! L11: a table with AUTOINCREMENT is made anew by hand, and forgets the highest key it gave.

use super::{Found, Rule, Text};

pub(super) const RULE: Rule = Rule {
    code: "L11",
    why: "AUTOINCREMENT never gives a key twice, by the number in sqlite_sequence; DROP TABLE takes that number away, and \
          keys of deleted rows are given again",
    help: "copy the row of sqlite_sequence, or declare the new schema and let `migrate generate` write the rebuild",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mentions = text.statements.iter().any(|words| words.find(&["sqlite_sequence"]).is_some());
    if mentions {
        return Vec::new();
    }
    let mut found = Vec::new();
    for rebuild in text.rebuilds() {
        if text.statements[rebuild.create].find(&["autoincrement"]).is_some() {
            let message = format!("{} forgets the highest key that it has given", rebuild.table);
            found.push(Found { statement: rebuild.create, words: 0..0, message });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    const REBUILD: &str = "CREATE TABLE n(id INTEGER PRIMARY KEY AUTOINCREMENT, b);\nINSERT INTO n SELECT id, b FROM a;\n\
                           DROP TABLE a;\nALTER TABLE n RENAME TO a;";

    #[test]
    fn rebuilds() {
        assert_eq!(codes_in(REBUILD, None), [("L11", 1)]);
        assert_eq!(codes_in(&REBUILD.replace(" AUTOINCREMENT", ""), None), []);
        let kept = format!("{REBUILD}\nUPDATE sqlite_sequence SET seq = 9 WHERE name = 'a';");
        assert_eq!(codes_in(&kept, None), []);
    }
}
