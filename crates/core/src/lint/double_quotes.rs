//! L08: text in double quotes.

use super::{Found, Rule, Text};
use crate::sqlite::token::TokenKind;

pub(super) const RULE: Rule = Rule {
    code: "L08",
    why: "double quotes are for names: SQLite takes one that names nothing for a text, unless it was compiled not to, \
          as on some systems",
    help: "write the text in single quotes",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (statement, words) in text.each() {
        let is_double = |at: usize| {
            let token = &words.tokens[at];
            token.kind == TokenKind::Quoted && token.text(words.text).starts_with('"')
        };
        let values =
            if words.has(0, &["insert"]) || words.has(0, &["replace"]) { words.find(&["values", "("]) } else { None };
        let mut depth = 0;
        let mut is_value = false;
        for at in 0..words.tokens.len() {
            let is = |word: &str| words.tokens[at].is(words.text, word);
            match () {
                () if values.is_some_and(|place| at > place) && is("(") => depth += 1,
                () if values.is_some_and(|place| at > place) && is(")") => depth -= 1,
                // No column can be named in a list of values; what follows it (ON CONFLICT) can name one.
                () if is("conflict") || is("returning") || is("select") => is_value = true,
                () => {}
            }
            let in_values = depth > 0 && !is_value;
            let in_default = at > 0 && words.has(at - 1, &["default"]);
            if is_double(at) && (in_values || in_default) {
                let message = "a text stands in double quotes".to_owned();
                found.push(Found { statement, words: at..at + 1, message });
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn texts_and_names() {
        assert_eq!(codes_in("INSERT INTO \"a\" (\"b\")\nVALUES (\"text\");", None), [("L08", 2)]);
        assert_eq!(codes_in("CREATE TABLE a(b TEXT DEFAULT \"x\");", None), [("L08", 1)]);
        assert_eq!(codes_in("ALTER TABLE a ADD b DEFAULT \"x\";", None), [("L08", 1)]);
        for sql in [
            "INSERT INTO \"a\" (\"b\") VALUES ('x') ON CONFLICT (\"b\") DO UPDATE SET \"b\" = 'y';",
            "INSERT INTO a SELECT \"b\" FROM c;",
            "CREATE TABLE \"a\"(\"b\" TEXT DEFAULT 'x');",
            "INSERT INTO a VALUES ((SELECT \"b\" FROM c));",
        ] {
            assert_eq!(codes_in(sql, None), [], "{sql}");
        }
    }
}
