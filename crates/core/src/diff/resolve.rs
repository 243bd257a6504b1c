//! Which table or column is which: answers, stable ids, names, hints, and what is left to ask.

use std::collections::HashMap;
use std::sync::Arc;

use super::rename::{Renames, TableRename, needs_copy};
use crate::error::{Code, Error, Result};
use crate::schema::{Column, Id, Schema, Table, fold, same_name, type_meaning};

/// Something that may be a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked about.
    pub kind: QuestionKind,
    /// The name that is gone.
    pub before: String,
    /// The new names it may have become, likeliest first.
    pub candidates: Vec<String>,
}

/// What a [`Question`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    /// A table that is gone, and new tables that look like it.
    Table,
    /// A column that is gone, and new columns of the same table.
    Column {
        /// The table, by its name before.
        table: String,
    },
}

impl Question {
    /// A key that stays the same from run to run: `table:users` or `column:users.mail`.
    pub fn key(&self) -> String {
        match &self.kind {
            QuestionKind::Table => format!("table:{}", fold(&self.before)),
            QuestionKind::Column { table } => format!("column:{}.{}", fold(table), fold(&self.before)),
        }
    }

    /// The left side of `--rename`: `users` or `users.mail`.
    pub fn path(&self) -> String {
        match &self.kind {
            QuestionKind::Table => self.before.clone(),
            QuestionKind::Column { table } => format!("{table}.{}", self.before),
        }
    }
}

/// An answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was renamed to this.
    Rename(String),
    /// It is gone, and what is new is new.
    DropAndAdd,
}

/// The answers given so far.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    entries: Vec<(String, Answer)>,
    /// Both names of a rename as they were written, by its place among the entries: PostgreSQL's may have a schema.
    spelled: HashMap<usize, (String, String)>,
    /// Whether every question that is left is answered with [`Answer::DropAndAdd`].
    pub drop_the_rest: bool,
}

impl Answers {
    /// Answers a question by its [key](Question::key).
    pub fn answer(&mut self, key: impl Into<String>, answer: Answer) {
        self.entries.push((key.into(), answer));
    }

    /// Says that `path`, which is `table` or `table.column`, is now called `name`. Parts with a dot or a quote in
    /// them are written in double quotes.
    ///
    /// # Errors
    /// [`Code::UnknownName`] where `path` is neither of the two.
    pub fn rename(&mut self, path: &str, name: &str) -> Result<()> {
        let parts = path_parts(path);
        let new = path_parts(name);
        let spelled = (parts.join("."), new.join("."));
        let name = new.last().cloned().unwrap_or_default();
        let key = match parts.as_slice() {
            [table] if !table.is_empty() => format!("table:{}", fold(table)),
            [table, column] => format!("column:{}.{}", fold(table), fold(column)),
            // PostgreSQL's tables may stand in a schema.
            [schema, table, column] => format!("column:{}.{}.{}", fold(schema), fold(table), fold(column)),
            _ => {
                return Err(Error::new(Code::UnknownName, format!("`{path}` is neither a table nor table.column"))
                    .help("write it as users=people or users.mail=email"));
            }
        };
        self.spelled.insert(self.entries.len(), spelled);
        self.answer(key, Answer::Rename(name));
        Ok(())
    }

    /// Whether nothing was answered so far.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All renames: the path, the new name with its schema where one was written, and without it.
    pub(crate) fn spelled(&self) -> impl Iterator<Item = (String, String, String)> {
        self.entries.iter().enumerate().filter_map(|(at, (key, answer))| {
            let Answer::Rename(name) = answer else { return None };
            let by_key = || (key.split_once(':').map_or(key.as_str(), |(_, path)| path).to_owned(), name.clone());
            let (path, to) = self.spelled.get(&at).cloned().unwrap_or_else(by_key);
            Some((path, to, name.clone()))
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Answer> {
        self.entries.iter().rev().find(|(k, _)| k == key).map(|(_, a)| a)
    }
}

fn path_parts(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.len() - 1;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                parts[last].push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => parts[last].push(c),
        }
    }
    parts
}

pub(super) struct Resolution {
    pub renames: Renames,
    pub questions: Vec<Question>,
}

/// What matching needs to know of a table or column.
struct Named<'a> {
    name: &'a str,
    id: Option<Id>,
    hint: Option<&'a str>,
}

struct Matching {
    /// Places before and after that are one and the same.
    pairs: Vec<(usize, usize)>,
    gone: Vec<usize>,
    new: Vec<usize>,
}

/// Matches two lists by answers, ids, hints and names, in this order.
fn match_up(before: &[Named<'_>], after: &[Named<'_>], answers: impl Fn(&str) -> Option<Answer>) -> Matching {
    let places = |list: &[Named<'_>]| -> HashMap<String, usize> {
        list.iter().enumerate().map(|(n, item)| (fold(item.name), n)).collect()
    };
    let (place_before, place_after) = (places(before), places(after));
    let mut taken = vec![false; before.len()];
    let mut matched_after: Vec<Option<usize>> = vec![None; after.len()];
    let take = |b: usize, a: usize, taken: &mut [bool], matched_after: &mut [Option<usize>]| {
        if !taken[b] && matched_after[a].is_none() {
            taken[b] = true;
            matched_after[a] = Some(b);
        }
    };
    for (b, item) in before.iter().enumerate() {
        if let Some(Answer::Rename(name)) = answers(item.name)
            && let Some(a) = place_after.get(&fold(&name))
        {
            take(b, *a, &mut taken, &mut matched_after);
        }
    }
    let by_id: HashMap<Id, usize> = before.iter().enumerate().filter_map(|(n, i)| Some((i.id?, n))).collect();
    for (a, item) in after.iter().enumerate() {
        if let Some(b) = item.id.and_then(|id| by_id.get(&id)) {
            take(*b, a, &mut taken, &mut matched_after);
        }
    }
    // A hint counts only while its old name is there and its new one is not: it stays in the schema when the rename
    // is done, and must do nothing then. In a chain (b is now c, a is now b) one makes place for the next.
    loop {
        let before_round = taken.clone();
        for (a, item) in after.iter().enumerate() {
            let free = |name: &str| place_before.get(&fold(name)).copied().filter(|b| !taken[*b]);
            if let Some(b) = item.hint.and_then(free)
                && free(item.name).is_none()
            {
                take(b, a, &mut taken, &mut matched_after);
            }
        }
        if taken == before_round {
            break;
        }
    }
    for (a, item) in after.iter().enumerate() {
        if let Some(b) = place_before.get(&fold(item.name)) {
            take(*b, a, &mut taken, &mut matched_after);
        }
    }
    Matching {
        pairs: matched_after.iter().enumerate().filter_map(|(a, b)| Some(((*b)?, a))).collect(),
        gone: (0..before.len()).filter(|b| !taken[*b]).collect(),
        new: (0..after.len()).filter(|a| matched_after[*a].is_none()).collect(),
    }
}

pub(super) fn resolve(before: &Schema, after: &Schema, answers: &Answers) -> Result<Resolution> {
    check_answers(before, after, answers)?;
    let mut questions = Vec::new();
    let mut renames = Renames::default();

    let tables = |schema: &'_ Schema| -> Vec<(String, Option<Id>, Option<String>)> {
        let ordinary = schema.tables.iter().map(|t| (t.name.clone(), t.id, t.renamed_from.clone()));
        let virtual_ones = schema.virtual_tables.iter().map(|t| (t.name.clone(), t.id, None));
        ordinary.chain(virtual_ones).collect()
    };
    let (list_before, list_after) = (tables(before), tables(after));
    fn named(list: &[(String, Option<Id>, Option<String>)]) -> Vec<Named<'_>> {
        list.iter().map(|(name, id, hint)| Named { name, id: *id, hint: hint.as_deref() }).collect()
    }
    let answer = |name: &str| answers.get(&format!("table:{}", fold(name))).cloned();
    let matching = match_up(&named(&list_before), &named(&list_after), answer);

    let (ordinary_before, ordinary_after) = (before.tables.len(), after.tables.len());
    let open: Vec<usize> = matching.new.iter().copied().filter(|a| *a < ordinary_after).collect();
    for b in matching.gone.iter().copied().filter(|b| *b < ordinary_before) {
        let table = &before.tables[b];
        let mut candidates: Vec<&Table> = open.iter().map(|a| &*after.tables[*a]).collect();
        candidates.retain(|candidate| is_alike(table, candidate));
        candidates.sort_by_key(|candidate| std::cmp::Reverse(shared_columns(table, candidate)));
        let answered = matches!(answer(&table.name), Some(Answer::DropAndAdd)) || answers.drop_the_rest;
        if !candidates.is_empty() && !answered {
            questions.push(Question {
                kind: QuestionKind::Table,
                before: table.name.clone(),
                candidates: candidates.iter().map(|t| t.name.clone()).collect(),
            });
        }
    }
    let mut tables_aside: Vec<(String, String)> = matching
        .pairs
        .iter()
        .map(|(b, a)| (list_before[*b].0.clone(), list_after[*a].0.clone()))
        .filter(|(b, a)| b != a)
        .collect();
    let renamed = tables_aside.len();
    let doomed = matching.gone.iter().filter(|b| **b < ordinary_before).map(|b| before.tables[*b].name.clone());
    set_aside(doomed.collect(), &mut tables_aside);
    for (before, after) in tables_aside.split_off(renamed) {
        renames.tables.push(TableRename { before, after, columns: Vec::new(), by_copy: false });
    }

    for (b, a) in matching.pairs {
        match (before.tables.get(b), after.tables.get(a)) {
            // The very same table: it was found word for word.
            (Some(b), Some(a)) if Arc::ptr_eq(b, a) && answers.is_empty() => {}
            (Some(b), Some(a)) => {
                let columns = resolve_columns(before, b, a, answers, &mut questions);
                if b.name != a.name || !columns.is_empty() {
                    let by_copy = needs_copy(b, &columns);
                    let (before, after) = (b.name.clone(), a.name.clone());
                    renames.tables.push(TableRename { before, after, columns, by_copy });
                }
            }
            (None, None) => {
                let old = &before.virtual_tables[b - ordinary_before].name;
                let new = &after.virtual_tables[a - ordinary_after].name;
                if old != new {
                    renames.virtual_tables.push((old.clone(), new.clone()));
                }
            }
            // An ordinary table and a virtual one are never the same.
            _ => {}
        }
    }
    Ok(Resolution { renames, questions })
}

fn resolve_columns(
    schema: &Schema,
    before: &Table,
    after: &Table,
    answers: &Answers,
    questions: &mut Vec<Question>,
) -> Vec<(String, String)> {
    fn named(columns: &[Column]) -> Vec<Named<'_>> {
        columns.iter().map(|c| Named { name: &c.name, id: c.id, hint: c.renamed_from.as_deref() }).collect()
    }
    let answer = |column: &str| {
        let get = |table: &str| answers.get(&format!("column:{}.{}", fold(table), fold(column))).cloned();
        if answers.entries.is_empty() {
            return None;
        }
        // By its new name only where that is no other table's old one.
        get(&before.name).or_else(|| get(&after.name).filter(|_| schema.table(&after.name).is_none()))
    };
    let matching = match_up(&named(&before.columns), &named(&after.columns), answer);
    for b in &matching.gone {
        let column = &before.columns[*b];
        // Nothing can be kept of a column that is computed, nor in one.
        let mut candidates: Vec<(usize, &Column)> = matching.new.iter().map(|a| (*a, &after.columns[*a])).collect();
        candidates.retain(|(_, candidate)| column.generated.is_none() && candidate.generated.is_none());
        candidates.sort_by_key(|(a, candidate)| {
            let other_type = type_meaning(&candidate.declared_type) != type_meaning(&column.declared_type);
            (other_type, a.abs_diff(*b))
        });
        let answered = matches!(answer(&column.name), Some(Answer::DropAndAdd)) || answers.drop_the_rest;
        if !candidates.is_empty() && !answered {
            questions.push(Question {
                kind: QuestionKind::Column { table: before.name.clone() },
                before: column.name.clone(),
                candidates: candidates.iter().map(|(_, c)| c.name.clone()).collect(),
            });
        }
    }
    let pairs = matching.pairs.iter().map(|(b, a)| (&before.columns[*b].name, &after.columns[*a].name));
    let mut renames: Vec<(String, String)> =
        pairs.filter(|(b, a)| b != a).map(|(b, a)| (b.clone(), a.clone())).collect();
    let doomed = matching.gone.iter().map(|b| before.columns[*b].name.clone());
    set_aside(doomed.collect(), &mut renames);
    renames
}

/// The name that something gets which is about to be dropped while another takes its name.
pub(super) const ASIDE: &str = "_whimbrel_gone_";

/// Whether a name was given only to make way.
pub(super) fn is_aside(name: &str) -> bool {
    name.starts_with(ASIDE)
}

/// What goes makes way for what takes its name.
fn set_aside(doomed: Vec<String>, renames: &mut Vec<(String, String)>) {
    for name in doomed {
        if renames.iter().any(|(_, after)| same_name(after, &name)) {
            let aside = format!("{ASIDE}{name}");
            renames.push((name, aside));
        }
    }
}

fn shared_columns(a: &Table, b: &Table) -> usize {
    a.columns.iter().filter(|c| b.column(&c.name).is_some()).count()
}

/// Whether at least half of the columns have the same names.
fn is_alike(a: &Table, b: &Table) -> bool {
    shared_columns(a, b) * 2 >= a.columns.len().max(b.columns.len())
}

/// Refuses two renames of one thing, and two things that would get one name: one of them would be dropped.
fn check_contradictions(answers: &Answers) -> Result<()> {
    let mut from: HashMap<&str, &str> = HashMap::new();
    let mut to: HashMap<(&str, String), &str> = HashMap::new();
    for (key, answer) in &answers.entries {
        let Answer::Rename(name) = answer else { continue };
        // A column's name is its own only within its table.
        let scope = key.rfind('.').filter(|_| key.starts_with("column:")).map_or("", |dot| &key[..dot]);
        let path = key.split_once(':').map_or(key.as_str(), |(_, path)| path);
        let other_name = from.insert(key, name).filter(|other| !same_name(other, name));
        let other_path = to.insert((scope, fold(name)), path).filter(|other| *other != path);
        let message = match (other_name, other_path) {
            (Some(other), _) => format!("{path} cannot become both {other} and {name}"),
            (None, Some(other)) => format!("{other} and {path} cannot both become {name}"),
            (None, None) => continue,
        };
        return Err(Error::new(Code::UnknownName, message).help("say each rename once"));
    }
    Ok(())
}

/// Refuses renames of what does not exist, but lets one pass that has been done already: scripts repeat them.
fn check_answers(before: &Schema, after: &Schema, answers: &Answers) -> Result<()> {
    let has_table = |schema: &Schema, name: &str| schema.table(name).is_some() || schema.virtual_table(name).is_some();
    let unknown = |what: String, whose: &str| {
        Err(Error::new(Code::UnknownName, format!("{what} is not in {whose}"))
            .help("names of a rename are those of the database on the left and of the schema on the right"))
    };
    check_contradictions(answers)?;
    for (key, answer) in &answers.entries {
        let Answer::Rename(to) = answer else { continue };
        if let Some(from) = key.strip_prefix("table:") {
            if !has_table(after, to) {
                return unknown(format!("table {to}"), "the declared schema");
            }
            if !has_table(before, from) && !has_table(before, to) {
                return unknown(format!("table {from}"), "the database");
            }
        } else if let Some(path) = key.strip_prefix("column:") {
            // The table may be named as it is, as it was before a rename of this run, or as it is after one.
            let mut tables: Vec<(&str, &Table)> = before.tables.iter().map(|t| (t.name.as_str(), &**t)).collect();
            for (key, answer) in &answers.entries {
                if let (Some(from), Answer::Rename(to)) = (key.strip_prefix("table:"), answer)
                    && let Some(table) = before.table(from).or_else(|| before.table(to))
                {
                    tables.extend([(from, table), (to, table)]);
                }
            }
            for table in &after.tables {
                let Some(old) = &table.renamed_from else { continue };
                if let Some(live) = before.table(old).or_else(|| before.table(&table.name)) {
                    tables.extend([(table.name.as_str(), live), (old.as_str(), live)]);
                }
            }
            let found = tables.iter().find_map(|(name, table)| {
                let column = path.strip_prefix(&fold(name))?.strip_prefix('.')?;
                Some((*table, column.to_owned()))
            });
            let Some((table, column)) = found else {
                return unknown(format!("the table of {path}"), "the database");
            };
            let column_after = after.tables.iter().any(|t| t.column(to).is_some());
            if !column_after {
                return unknown(format!("column {to}"), "the declared schema");
            }
            if table.column(&column).is_none() && table.column(to).is_none() {
                return unknown(format!("column {}.{column}", table.name), "the database");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Change, Diff, Options, Part, diff};

    fn compared(before: &str, after: &str, renames: &[(&str, &str)]) -> Diff {
        let mut answers = Answers::default();
        renames.iter().for_each(|(path, name)| answers.rename(path, name).unwrap());
        let (before, after) = (Schema::from_sql(before).unwrap(), Schema::from_sql(after).unwrap());
        diff(&before, &after, &answers, &Options::default()).unwrap()
    }

    /// The key, the path and the candidates of every question.
    fn asked(before: &str, after: &str) -> Vec<String> {
        let questions = compared(before, after, &[]).questions;
        questions.iter().map(|q| format!("{} {} {}", q.key(), q.path(), q.candidates.join(","))).collect()
    }

    #[test]
    fn tables_that_are_alike_are_asked_about() {
        assert_eq!(
            asked(
                "CREATE TABLE Users(id, mail, name); CREATE VIRTUAL TABLE old_search USING fts5(mail)",
                "CREATE TABLE other(n); CREATE TABLE near(id, mail); CREATE TABLE people(id, mail, name);
                 CREATE VIRTUAL TABLE search USING fts5(mail)",
            ),
            ["table:users Users people,near"]
        );
        assert_eq!(asked("CREATE TABLE a(n)", "CREATE TABLE b(m)"), [""; 0]);
        assert_eq!(asked("CREATE VIRTUAL TABLE a USING fts5(n)", "CREATE TABLE b(n)"), [""; 0]);
    }

    #[test]
    fn columns_are_asked_about_the_likeliest_first() {
        assert_eq!(
            asked("CREATE TABLE T(a, Mail TEXT)", "CREATE TABLE t(a, n INT, far TEXT, x INT)"),
            ["column:t.mail T.Mail far,n,x"]
        );
        // Nothing can be kept of a column that is computed, nor in one.
        assert_eq!(asked("CREATE TABLE t(a, g AS (a + 1))", "CREATE TABLE t(a, b)"), [""; 0]);
        assert_eq!(asked("CREATE TABLE t(a, b)", "CREATE TABLE t(a, g AS (a + 1))"), [""; 0]);
    }

    #[test]
    fn renames_are_kept_as_they_were_written() {
        let mut answers = Answers::default();
        answers.rename("App.Users", "People").unwrap();
        answers.rename("app.users.mail", "app.email").unwrap();
        answers.answer("table:notes", Answer::Rename("pages".to_owned()));
        answers.answer("table:gone", Answer::DropAndAdd);
        let spelled: Vec<_> = answers.spelled().map(|(path, to, name)| [path, to, name].join(" ")).collect();
        assert_eq!(spelled, ["App.Users People People", "app.users.mail app.email email", "notes pages pages"]);
        assert_eq!(answers.get("column:app.users.mail"), Some(&Answer::Rename("email".to_owned())));
        for path in ["", "a.b.c.d"] {
            assert_eq!(answers.rename(path, "x").unwrap_err().code(), Code::UnknownName, "{path}");
        }
    }

    /// A constraint that only follows the rename of a column is the same constraint: no row has to be asked about it.
    #[test]
    fn what_mentions_a_renamed_column_is_no_change() {
        for (old, new) in [("a", "b"), ("\"my a\"", "b"), ("a", "\"my b\"")] {
            let table = |name: &str| {
                format!(
                    "CREATE TABLE t({name} INT, CHECK ({name} > 0), UNIQUE ({name})); CREATE INDEX i ON t({name} + 1)"
                )
            };
            let found = compared(&table(old), &table(new), &[(&format!("t.{old}"), new)]);
            let [Change::AlterTable(change)] = found.changes.as_slice() else { panic!("{:?}", found.changes) };
            assert!(matches!(change.parts.as_slice(), [Part::RenameColumn { .. }]), "{:?}", change.parts);
            assert!(!found.renames.is_empty());
        }
        assert!(compared("CREATE TABLE t(n)", "CREATE TABLE t(n)", &[]).renames.is_empty());
    }
}
