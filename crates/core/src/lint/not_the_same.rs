//! L07: rows that come out differently on each device.

use super::{Found, Rule, Text};
use crate::sqlite::token::TokenKind;

pub(super) const RULE: Rule = Rule {
    code: "L07",
    why: "every device gets other rows, and none of them is what was tested",
    help: "write the values out; what has to differ, such as an id of the device, is for a step of the app",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (statement, words) in text.each() {
        if !["insert", "replace", "update", "with"].iter().any(|word| words.has(0, &[word])) {
            continue;
        }
        for (at, token) in words.tokens.iter().enumerate() {
            let is_call = |names: &[&str]| words.has(at + 1, &["("]) && names.iter().any(|n| token.is(words.text, n));
            let is_now = token.kind == TokenKind::String && token.text(words.text).eq_ignore_ascii_case("'now'");
            let is_clock =
                ["current_timestamp", "current_date", "current_time"].iter().any(|w| token.is(words.text, w));
            // Without an argument, the functions of dates mean now.
            let is_bare = is_call(&["date", "time", "datetime", "julianday", "unixepoch"]) && words.has(at + 2, &[")"]);
            let what = match () {
                () if is_call(&["random", "randomblob"]) => "a random value",
                () if is_now || is_clock || is_bare => "the time at which it runs",
                () => continue,
            };
            let message = format!("this writes {what}");
            found.push(Found { statement, words: at..at + 1, message });
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::lint::codes_in;

    #[test]
    fn values_that_differ() {
        for sql in [
            "INSERT INTO a VALUES (random());",
            "INSERT INTO a VALUES (datetime('now'));",
            "UPDATE a SET b = CURRENT_TIMESTAMP WHERE c;",
            "INSERT INTO a SELECT unixepoch();",
            "INSERT INTO a VALUES (lower(hex(randomblob(16))));",
        ] {
            assert_eq!(codes_in(sql, None), [("L07", 1)], "{sql}");
        }
    }

    #[test]
    fn values_that_do_not() {
        for sql in [
            "CREATE TABLE a(b DEFAULT CURRENT_TIMESTAMP);",
            "INSERT INTO a VALUES ('2026-01-01', datetime('2026-01-01'), 'random()');",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = datetime('now') WHERE c; END;",
        ] {
            assert_eq!(codes_in(sql, None), [], "{sql}");
        }
    }
}
