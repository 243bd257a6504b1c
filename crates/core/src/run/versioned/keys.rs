//! Foreign keys around hand-written statements: which tables could get a new violation, and whether one did.
//!
//! Keys are off while migrations run, so that a table can be made anew without its children's rows going with it. What a
//! script may have touched is read from its words: every table it names, and, through triggers, what those name. That is
//! more than it does touch, and never less; a database of many gigabytes is not scanned for an added column.

use std::collections::{BTreeMap, HashSet};

use crate::error::{Code, Error, Result};
use crate::plan::rows_text;
use crate::planted::{self, Planted};
use crate::run::apply::count_violations;
use crate::run::inspect::read_rows;
use crate::run::{Connection, Failure};
use crate::schema::fold;
use crate::sqlite::read::CatalogueRow;
use crate::sqlite::split::split;
use crate::sqlite::token::{Token, tokenize};

/// Violations by table, before anything ran.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Every word of the scripts' statements that write rows; none where anything may be touched.
    words: Option<HashSet<String>>,
    /// By lower-case name; none where they cannot be counted.
    before: BTreeMap<String, Option<i64>>,
}

impl Keys {
    /// Counts the violations in what the scripts may touch. Steps of the app's own may touch anything.
    pub(super) async fn count<C: Connection>(conn: &mut C, scripts: &[&str], anything: bool) -> Result<Keys> {
        let mut keys = Keys { words: (!anything).then(|| words_that_write(scripts)), before: BTreeMap::new() };
        if keys.words.as_ref().is_some_and(HashSet::is_empty) {
            return Ok(keys);
        }
        for table in keys.children(&read_rows(conn).await?) {
            let count = count_violations(conn, &table).await?.ok();
            keys.before.insert(fold(&table), count);
        }
        Ok(keys)
    }

    /// Fails where there are more violations than before; tells those that were there.
    pub(super) async fn verify<C: Connection>(&self, conn: &mut C, warnings: &mut Vec<String>) -> Result<()> {
        if self.words.as_ref().is_some_and(HashSet::is_empty) || planted::is(Planted::ForeignKeyCheckLeftOut) {
            return Ok(());
        }
        let children = self.children(&read_rows(conn).await?);
        let still: HashSet<String> = children.iter().map(|t| fold(t)).collect();
        // A table may have another name now; the violations it had go with it.
        let mut moved: i64 = self.before.iter().filter(|(t, _)| !still.contains(*t)).filter_map(|(_, n)| *n).sum();
        for table in children {
            let now = match count_violations(conn, &table).await? {
                Ok(count) => count,
                Err(failure) => {
                    warnings.push(cannot_check(&table, &failure));
                    continue;
                }
            };
            let known = self.before.get(&fold(&table)).copied().flatten().unwrap_or_else(|| {
                let taken = moved.min(now);
                moved -= taken;
                taken
            });
            if now > known {
                let new = now - known;
                let rows = if new == 1 { "1 row refers".to_owned() } else { format!("{new} rows refer") };
                let message = format!("{rows} from {table} to parents that would not exist");
                return Err(Error::new(Code::RowsDoNotFit, message)
                    .object(&table)
                    .help("foreign keys do not cascade while migrations run: delete these rows in the migration too"));
            }
            if now > 0 {
                warnings.push(format!("{table} has {} without a parent, as before", rows_text(now.unsigned_abs())));
            }
        }
        Ok(())
    }

    /// Tables with foreign keys that the scripts may touch, on either end.
    fn children(&self, catalogue: &[CatalogueRow]) -> Vec<String> {
        let of_kind = |kind: &'static str| catalogue.iter().filter(move |row| row.kind == kind);
        let has_keys = |row: &&CatalogueRow| text(row).to_ascii_lowercase().contains("references");
        let children = of_kind("table").filter(has_keys);
        let Some(written) = &self.words else { return children.map(|row| row.name.clone()).collect() };
        let tables: HashSet<String> = of_kind("table").map(|row| fold(&row.name)).collect();
        let mut touched = tables.clone();
        touched.retain(|table| written.contains(table));
        let mut silent: Vec<&CatalogueRow> = of_kind("trigger").collect();
        // What a trigger writes may have triggers of its own.
        loop {
            let before = silent.len();
            silent.retain(|row| {
                let fires = touched.contains(&fold(&row.table));
                if fires {
                    touched.extend(words(text(row)).into_iter().filter(|word| tables.contains(word)));
                }
                !fires
            });
            if silent.len() == before {
                break;
            }
        }
        let is_touched = |row: &&CatalogueRow| {
            touched.contains(&fold(&row.name))
                || words(text(row)).iter().any(|word| touched.contains(word))
                // A parent that is gone is no table any more: under the name it had last, a script has dropped it.
                || parents(text(row)).iter().any(|parent| written.contains(parent))
        };
        children.filter(is_touched).map(|row| row.name.clone()).collect()
    }
}

fn text(row: &CatalogueRow) -> &str {
    row.sql.as_deref().unwrap_or_default()
}

fn cannot_check(table: &str, failure: &Failure) -> String {
    format!("foreign keys of {table} cannot be checked: {failure}")
}

/// The tables that a table's foreign keys refer to, in lower case.
fn parents(sql: &str) -> Vec<String> {
    let tokens = tokenize(sql).unwrap_or_default();
    let is_behind = |pair: &[Token]| pair[0].is(sql, "references").then(|| pair[1].name(sql)).flatten();
    tokens.windows(2).filter_map(is_behind).map(|name| fold(&name)).collect()
}

/// All words in a text that could be names, in lower case.
pub(super) fn words(sql: &str) -> Vec<String> {
    names(&tokenize(sql).unwrap_or_default(), sql)
}

fn names(tokens: &[Token], sql: &str) -> Vec<String> {
    tokens.iter().filter_map(|token| token.name(sql)).map(|name| fold(&name)).collect()
}

/// The words of the statements that write rows, or take a table with its rows. Where there are such, the words of
/// renames count too: what was written under one name is found under the other.
fn words_that_write(scripts: &[&str]) -> HashSet<String> {
    let mut all = HashSet::new();
    for script in scripts {
        let (mut written, mut renamed) = (Vec::new(), Vec::new());
        for statement in split(script).unwrap_or_default() {
            let words = names(&statement.tokens, script);
            let word = |n: usize| words.get(n).map_or("", String::as_str);
            match word(0) {
                // CREATE TABLE … AS SELECT fills a table that has no keys.
                "create" | "select" | "analyze" | "reindex" | "explain" => {}
                "drop" if word(1) != "table" => {}
                "alter" => renamed.extend(words),
                _ => written.extend(words),
            }
        }
        if !written.is_empty() {
            all.extend(written);
            all.extend(renamed);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(script: &str, tables: &[&str]) -> Vec<String> {
        let mut found: Vec<_> =
            words_that_write(&[script]).into_iter().filter(|w| tables.contains(&w.as_str())).collect();
        found.sort();
        found
    }

    #[test]
    fn only_what_writes_rows_counts() {
        let tables = ["a", "b", "c", "key"];
        let nothing: [&str; 0] = [];
        let additive = "CREATE TABLE a(b REFERENCES c); ALTER TABLE a ADD COLUMN d; CREATE INDEX i ON a(b)";
        assert_eq!(touched(additive, &tables), nothing);
        assert_eq!(touched("INSERT INTO \"A\" SELECT * FROM b", &tables), ["a", "b"]);
        assert_eq!(touched("DROP TABLE key; DROP VIEW c", &tables), ["key"]);
        assert_eq!(touched("DELETE FROM a; ALTER TABLE a RENAME TO b", &tables), ["a", "b"]);
    }
}
