//! What differs between two schemas, in words: for a live schema that is looked at and not changed.
//!
//! Nothing is a rename here, and nothing is asked. A runner of numbered migrations needs this and nothing else of the
//! comparison: neither what matches names up nor what changes are made of.

use std::collections::HashMap;

use super::{PartOf, parts_between};
use crate::schema::{Meaning, Schema, fold};

/// What a live schema has besides, and instead of, what it should have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Objects that nobody has declared: `table cache`.
    pub extra: Vec<String>,
    /// Objects that are missing or are others: `column users.mail is missing`.
    pub wrong: Vec<String>,
}

/// What differs between two schemas, in words.
///
/// ```
/// use whimbrel_core::{Schema, diff::differences};
/// let live = Schema::from_sql("CREATE TABLE notes(body TEXT); CREATE TABLE cache(n)")?;
/// let expected = Schema::from_sql("CREATE TABLE notes(body TEXT, words INTEGER); CREATE INDEX n ON notes(body)")?;
/// let difference = differences(&live, &expected);
/// assert_eq!(difference.extra, ["table cache"]);
/// assert_eq!(difference.wrong, ["table notes is another (+ words INTEGER)", "index n is missing"]);
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
pub fn differences(live: &Schema, expected: &Schema) -> Difference {
    let mut found = Difference::default();
    let places = |schema: &Schema| Places::of(&mut schema.tables.iter().map(|table| table.name.as_str()));
    let (are, should_be) = (places(live), places(expected));
    for table in live.tables.iter().filter(|table| should_be.of_name(&table.name).is_none()) {
        found.extra.push(format!("table {}", table.name));
    }
    for after in &expected.tables {
        let Some(before) = are.of_name(&after.name).and_then(|place| live.tables.get(place)) else {
            found.wrong.push(format!("table {} is missing", after.name));
            continue;
        };
        let mut parts = parts_between(before, before, after);
        // The same text behind the name is the same table, for the diff, which sees this as a rename.
        if before.name != after.name && !parts.iter().any(|part| matches!(part, PartOf::Rename)) {
            parts.push(PartOf::Rename);
        }
        for column in &after.columns {
            // The same but for the case of its letters.
            if let Some(old) = before.column(&column.name).filter(|old| old.name != column.name) {
                parts.push(PartOf::RenameColumn { before: &old.name, after: &column.name });
            }
        }
        if !parts.is_empty() {
            let words: Vec<String> = parts.iter().map(|part| format!("{} {}", part.sign(), part.describe())).collect();
            found.wrong.push(format!("table {} is another ({})", after.name, words.join(", ")));
        }
    }
    // The case of a virtual table's name counts: its module is told it.
    let exactly = |table: &crate::schema::VirtualTable| format!("{} {}", table.name, table.meaning());
    whole("virtual table", &live.virtual_tables, &expected.virtual_tables, |t| &t.name, exactly, &mut found);
    whole("index", &live.indexes, &expected.indexes, |i| &i.name, Meaning::meaning, &mut found);
    whole("view", &live.views, &expected.views, |v| &v.name, Meaning::meaning, &mut found);
    whole("trigger", &live.triggers, &expected.triggers, |t| &t.name, Meaning::meaning, &mut found);
    found
}

/// Where each name stands in a list, whatever the case of its letters.
struct Places(HashMap<String, usize>);

impl Places {
    fn of(names: &mut dyn Iterator<Item = &str>) -> Places {
        Places(names.enumerate().map(|(place, name)| (fold(name), place)).collect())
    }

    fn of_name(&self, name: &str) -> Option<usize> {
        self.0.get(&fold(name)).copied()
    }
}

/// Compares objects that have no parts, by name and meaning.
fn whole<T>(
    kind: &str,
    live: &[T],
    expected: &[T],
    name: fn(&T) -> &String,
    meaning: fn(&T) -> String,
    found: &mut Difference,
) {
    let list = |objects: &[T]| -> Vec<(String, String)> {
        objects.iter().map(|object| (name(object).clone(), meaning(object))).collect()
    };
    pairs(kind, &list(live), &list(expected), found);
}

fn pairs(kind: &str, live: &[(String, String)], expected: &[(String, String)], found: &mut Difference) {
    let places = |list: &[(String, String)]| Places::of(&mut list.iter().map(|(name, _)| name.as_str()));
    let (are, should_be) = (places(live), places(expected));
    for (name, _) in live.iter().filter(|(name, _)| should_be.of_name(name).is_none()) {
        found.extra.push(format!("{kind} {name}"));
    }
    for (name, meaning) in expected {
        match are.of_name(name).and_then(|place| live.get(place)) {
            None => found.wrong.push(format!("{kind} {name} is missing")),
            Some((_, other)) if other != meaning => found.wrong.push(format!("{kind} {name} is another")),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(live: &str, expected: &str, extra: &[&str], wrong: &[&str]) {
        let difference = differences(&Schema::from_sql(live).unwrap(), &Schema::from_sql(expected).unwrap());
        assert_eq!((difference.extra, difference.wrong), (words(extra), words(wrong)), "{live}\n{expected}");
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_means_the_same_is_no_difference() {
        check("CREATE TABLE t(a INT, b)", "create table t ( \"a\" int, b ) -- spaces", &[], &[]);
        check("CREATE TABLE t(a, b)", "CREATE TABLE t(b, a)", &[], &[]);
        check(
            "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t",
            "CREATE TABLE t(a); CREATE VIEW v AS SELECT  a FROM t",
            &[],
            &[],
        );
    }

    #[test]
    fn every_kind_of_object() {
        let all = "CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING fts5(a); CREATE INDEX i ON t(a);
                   CREATE VIEW v AS SELECT 1; CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END";
        let names = ["table t", "virtual table f", "index i", "view v", "trigger g"];
        check(all, "", &names, &[]);
        check("", all, &[], &names.map(|name| format!("{name} is missing")).each_ref().map(String::as_str));
        let others = "CREATE TABLE t(a, b); CREATE VIRTUAL TABLE f USING fts5(b); CREATE INDEX i ON t(b);
                      CREATE VIEW v AS SELECT 2; CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 2; END";
        let told = [
            "table t is another (+ b)",
            "virtual table f is another",
            "index i is another",
            "view v is another",
            "trigger g is another",
        ];
        check(all, others, &[], &told);
    }

    #[test]
    fn the_case_of_names_counts() {
        check("CREATE TABLE T(a)", "CREATE TABLE t(a)", &[], &["table t is another (~ renamed)"]);
        check("CREATE TABLE t(A)", "CREATE TABLE t(a)", &[], &["table t is another (~ A → a)"]);
    }

    #[test]
    fn nothing_is_taken_for_a_rename() {
        check(
            "CREATE TABLE old(a, b)",
            "-- whimbrel: renamed from old\nCREATE TABLE new(a, b)",
            &["table old"],
            &["table new is missing"],
        );
        check("CREATE TABLE t(a)", "CREATE TABLE t(b)", &[], &["table t is another (+ b, - a)"]);
    }
}
