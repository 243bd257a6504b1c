//! L09: `IF NOT EXISTS` and `IF EXISTS`.

use super::{Found, Rule, Text};

pub(super) const RULE: Rule = Rule {
    code: "L09",
    why: "each migration runs once, on a schema that is known: where the object is there already, or gone, something was \
          changed by hand, and this hides it",
    help: "leave it out; a schema that was changed by hand is then told, and nothing is changed",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (statement, words) in text.each() {
        let clause = match () {
            () if words.has(0, &["create"]) => &["if", "not", "exists"][..],
            () if words.has(0, &["drop"]) => &["if", "exists"][..],
            () => continue,
        };
        // A trigger's body is far behind.
        let Some(at) = words.find(clause).filter(|at| *at <= 4) else { continue };
        let message = format!("{} hides a schema that is not the expected one", clause.join(" ").to_ascii_uppercase());
        found.push(Found { statement, words: at..at + clause.len(), message });
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn clauses() {
        assert_eq!(codes_in("CREATE TABLE\nIF NOT EXISTS a(b);", None), [("L09", 2)]);
        assert_eq!(codes_in("CREATE TABLE a(b); CREATE UNIQUE INDEX IF NOT EXISTS i ON a(b);", None), [("L09", 1)]);
        assert_eq!(codes_in("DROP VIEW IF EXISTS v;", None), [("L09", 1)]);
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a WHEN NOT EXISTS (SELECT 1) BEGIN SELECT 1; END;";
        assert_eq!(codes_in(trigger, None), []);
    }
}
