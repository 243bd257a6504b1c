//! L06: `PRAGMA foreign_keys` in a migration.

use super::{Found, Rule, Text};

pub(super) const RULE: Rule = Rule {
    code: "L06",
    why: "in a transaction SQLite passes over it; foreign keys are off while migrations run, and checked before the commit",
    help: "leave it out",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    for (statement, words) in text.each().filter(|(_, words)| words.has(0, &["pragma"])) {
        let at = if words.has(2, &["."]) { 3 } else { 1 };
        if words.has(at, &["foreign_keys"]) || words.has(at, &["defer_foreign_keys"]) {
            let message = "PRAGMA foreign_keys has no effect in a migration".to_owned();
            // Once says it: scripts switch them off at their top and on at their end.
            return vec![Found { statement, words: 0..0, message }];
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn pragmas() {
        assert_eq!(codes_in("PRAGMA foreign_keys = OFF;\nSELECT 1;\nPRAGMA foreign_keys = ON;", None), [("L06", 1)]);
        assert_eq!(codes_in("PRAGMA main.defer_foreign_keys(1);", None), [("L06", 1)]);
        assert_eq!(codes_in("PRAGMA user_version;", None), []);
    }
}
