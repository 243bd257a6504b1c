//! Collations and functions that apps register: what a schema needs and a connection may not have.

use std::collections::{BTreeMap, HashSet};

use super::Connection;
use crate::error::{Code, Error, Result};
use crate::plan::Plan;
use crate::schema::{Expression, KeyTerm, Schema, fold};
use crate::sqlite::token::{Token, TokenKind, is_keyword, quote_name, tokenize};

/// Whether a collation is registered. `PRAGMA collation_list` does not tell: SQLite puts every name in it that it
/// meets in a schema.
pub(super) async fn is_collation<C: Connection>(conn: &mut C, name: &str) -> bool {
    conn.query(&format!("SELECT 'a' < 'b' COLLATE {}", quote_name(name))).await.is_ok()
}

/// Collations and functions that the schema's indexes and columns need and this connection does not have. SQLite reads
/// all of them at every ALTER, also those of tables that the plan does not touch.
pub(super) async fn find_unregistered<C: Connection>(conn: &mut C, before: &Schema, made: &mut Plan) -> Result<()> {
    let mut collations: BTreeMap<String, &str> = BTreeMap::new();
    let mut functions: BTreeMap<String, &str> = BTreeMap::new();
    for table in &before.tables {
        let keys = table.uniques.iter().flat_map(|u| &u.columns).filter_map(|p| p.collation.as_ref());
        for collation in table.columns.iter().filter_map(|c| c.collation.as_ref()).chain(keys) {
            collations.entry(fold(collation)).or_insert(&table.name);
        }
    }
    for index in &before.indexes {
        for part in &index.parts {
            if let Some(collation) = &part.collation {
                collations.entry(fold(collation)).or_insert(&index.name);
            }
            if let KeyTerm::Expression(expression) = &part.term {
                calls(expression).into_iter().for_each(|name| _ = functions.entry(name).or_insert(&index.name));
            }
        }
        if let Some(predicate) = &index.predicate {
            calls(predicate).into_iter().for_each(|name| _ = functions.entry(name).or_insert(&index.name));
        }
    }
    for (collation, user) in collations {
        if !["binary", "nocase", "rtrim"].contains(&collation.as_str()) && !is_collation(conn, &collation).await {
            made.obstacles.push(missing(&format!("collation {collation}"), user));
        }
    }
    if functions.is_empty() {
        return Ok(());
    }
    // Older versions have no such list.
    let Ok(rows) = conn.query("SELECT DISTINCT name FROM pragma_function_list").await else { return Ok(()) };
    let known: HashSet<String> = rows.iter().filter_map(|row| row.first()?.text().map(fold)).collect();
    for (function, user) in functions {
        if !known.contains(&function) {
            made.obstacles.push(missing(&format!("function {function}"), user));
        }
    }
    Ok(())
}

fn missing(what: &str, user: &str) -> Error {
    Error::new(Code::NotRegistered, format!("{user} needs {what}, which is not registered"))
        .object(user)
        .help("run this from a program that registers it: without it SQLite alters no table of this database")
}

/// The functions that an expression calls, in lower case.
fn calls(expression: &Expression) -> Vec<String> {
    let text = expression.meaning();
    let tokens = tokenize(text).unwrap_or_default();
    let is_call = |pair: &&[Token]| pair[0].kind == TokenKind::Word && pair[1].is(text, "(");
    let names = tokens.windows(2).filter(is_call).map(|pair| fold(pair[0].text(text)));
    // Words that are followed by a parenthesis and are no functions.
    names.filter(|name| !is_keyword(name) && name != "cast").collect()
}
