//! What a script that undoes a migration takes away.
//!
//! Scripts that Whimbrel writes name it in comments at their top. In all scripts, statements that drop a table or a column
//! or delete rows are looked for, and the rows of the database are asked whether there is anything to lose: a table
//! that is empty is none. **Invariant:** no row's value is read, only numbers of rows.

use std::collections::BTreeSet;

use rusqlite::Connection;
use whimbrel::sqlite::split::{Statement, split};
use whimbrel::sqlite::token::{TokenKind, quote_name};

use crate::render;

/// What begins a comment that names a loss.
const MARK: &str = "-- Lost on the way down:";

/// What would be lost, in words, each once.
pub fn losses(connection: &Connection, scripts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |what: String| {
        if !found.contains(&what) {
            found.push(what);
        }
    };
    for script in scripts {
        let named: Vec<&str> =
            script.lines().filter_map(|line| line.trim().strip_prefix(MARK)).map(str::trim).collect();
        let has_names = !named.is_empty();
        for what in named {
            if !is_empty(connection, what) {
                add(what.trim_end_matches('.').to_owned());
            }
        }
        // Whimbrel has named all there is.
        if !has_names {
            in_statements(connection, script).into_iter().for_each(&mut add);
        }
    }
    found
}

/// Whether what a comment names, such as `table users` or `column users.mail`, is known to hold nothing.
fn is_empty(connection: &Connection, what: &str) -> bool {
    let Some((kind, name)) = what.split_once(' ') else { return false };
    let name = name.split_whitespace().next().unwrap_or_default().trim_end_matches([',', ':', '.']);
    match kind {
        "table" => count(connection, name, "*") == Some(0),
        "column" => {
            name.split_once('.').is_some_and(|(table, column)| count(connection, table, &quote_name(column)) == Some(0))
        }
        _ => false,
    }
}

/// How many rows a table has, or how many values a column; none where that cannot be told, because another script
/// gives the table its name first.
fn count(connection: &Connection, table: &str, what: &str) -> Option<u64> {
    let sql = format!("SELECT count({what}) FROM main.{}", quote_name(table));
    let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).ok()?;
    u64::try_from(rows).ok()
}

fn in_statements(connection: &Connection, script: &str) -> Vec<String> {
    // What cannot be read is refused when it is to run.
    let statements = split(script).unwrap_or_default();
    let words: Vec<Vec<String>> = statements.iter().map(|statement| words(statement, script)).collect();
    let is = |word: Option<&String>, wanted: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    let made: BTreeSet<String> = words.iter().filter_map(|words| renamed_to(words)).collect();
    let mut found = Vec::new();
    for words in &words {
        if is(words.first(), "drop") && is(words.get(1), "table") {
            let at = if is(words.get(2), "if") { 4 } else { 2 };
            let table = name_at(words, at);
            // A table that is rebuilt gets its rows back.
            if !made.contains(&table.to_ascii_lowercase()) {
                found.extend(told(format!("table {table}"), count(connection, &table, "*"), "row"));
            }
        } else if is(words.first(), "alter") {
            let Some(at) = words.iter().position(|word| word.eq_ignore_ascii_case("drop")) else { continue };
            let table = name_at(words, 2);
            let at = if is(words.get(at + 1), "column") { at + 2 } else { at + 1 };
            if is(words.get(at), "constraint") {
                continue;
            }
            let column = name_at(words, at);
            let values = count(connection, &table, &quote_name(&column));
            found.extend(told(format!("column {table}.{column}"), values, "row"));
        } else if is(words.first(), "delete") && is(words.get(1), "from") {
            let table = name_at(words, 2);
            if count(connection, &table, "*") != Some(0) {
                found.push(format!("rows of {table}"));
            }
        }
    }
    found
}

fn told(what: String, rows: Option<u64>, noun: &str) -> Option<String> {
    match rows {
        Some(0) => None,
        Some(rows) => Some(format!("{what} ({})", render::count(rows, noun))),
        None => Some(what),
    }
}

/// The words of a statement without its comments.
fn words(statement: &Statement, script: &str) -> Vec<String> {
    let words = statement.tokens.iter().filter(|token| token.kind != TokenKind::Comment);
    words.map(|token| token.text(script).to_owned()).collect()
}

/// The name that stands at a place, without `main.` and without its quotes.
fn name_at(words: &[String], at: usize) -> String {
    let at = if words.get(at + 1).is_some_and(|word| word == ".") { at + 2 } else { at };
    words.get(at).map(|word| whimbrel::sqlite::token::unquote(word)).unwrap_or_default()
}

/// The name that `ALTER TABLE … RENAME TO …` gives, for comparing.
fn renamed_to(words: &[String]) -> Option<String> {
    let at = words
        .windows(2)
        .position(|pair| pair[0].eq_ignore_ascii_case("rename") && pair[1].eq_ignore_ascii_case("to"))?;
    words.first()?.eq_ignore_ascii_case("alter").then(|| name_at(words, at + 2).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(script: &str) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE users(id, mail); INSERT INTO users VALUES (1, 'a'), (2, NULL);
                 CREATE TABLE empty(a); CREATE TABLE \"odd name\"(x); INSERT INTO \"odd name\" VALUES (1);",
            )
            .unwrap();
        losses(&connection, &[script.to_owned()])
    }

    #[test]
    fn statements_that_take_something_away() {
        assert_eq!(found("DROP TABLE users;"), ["table users (2 rows)"]);
        assert_eq!(found("DROP TABLE IF EXISTS main.\"odd name\";"), ["table odd name (1 row)"]);
        assert_eq!(found("ALTER TABLE users DROP COLUMN mail;"), ["column users.mail (1 row)"]);
        assert_eq!(found("ALTER TABLE users DROP mail;"), ["column users.mail (1 row)"]);
        assert_eq!(found("DELETE FROM users WHERE id = 1;"), ["rows of users"]);
        assert_eq!(found("DROP TABLE comes_later;"), ["table comes_later"]);
    }

    #[test]
    fn what_takes_nothing_away() {
        for script in [
            "DROP TABLE empty;",
            "DROP INDEX users_mail; DROP VIEW v;",
            "ALTER TABLE users RENAME COLUMN mail TO email;",
            "-- DROP TABLE users;\nSELECT 'DROP TABLE users';",
            "CREATE TABLE new(id); INSERT INTO new SELECT id FROM users; DROP TABLE users; ALTER TABLE new RENAME TO Users;",
        ] {
            assert!(found(script).is_empty(), "{script}: {:?}", found(script));
        }
    }

    #[test]
    fn comments_name_it() {
        assert_eq!(found("-- Lost on the way down: column users.mail\nDROP TABLE users;"), ["column users.mail"]);
        assert!(found("-- Lost on the way down: table empty\nDROP TABLE empty;").is_empty());
    }
}
