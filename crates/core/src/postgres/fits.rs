//! Whether the rows that are there fit what is new: constraints, indexes, domains, partitions.
//!
//! A constraint of which that is known can be made without a lock that others wait for; one whose rows do not fit is an
//! obstacle. What cannot be asked, because a column, a function or the type of an extension is still to be made, or because too
//! many rows would have to be compared with each other, is checked by PostgreSQL in the transaction that makes it.

use super::diff::Hints;
use super::keys::Keys;
use super::plan::{Findings, counted_beyond, is_integer};
use super::print::constraints_of;
use super::probe::{Pair, ask};
use super::resolve::{Rename, new_id, old_id};
use super::schema::{Body, Constraint, Demands, Domain, Kind, Numbers, Object, ObjectId, Schema};
use super::token::{quote_literal, quote_name, tokenize};
use crate::error::{Code, Error, Result};
use crate::plan::rows_text;
use crate::run::{Connection, Failure, FailureKind};

/// What there is, and what there is to be.
pub(super) struct Fitting<'a> {
    pub(super) live: &'a Schema,
    pub(super) target: &'a Schema,
    pub(super) renames: &'a [Rename],
    pub(super) hints: &'a Hints,
}

/// The largest number of rows of which each is compared with each.
const COMPARED: u64 = 5_000;

/// What a question to the rows gives.
enum Answer {
    Rows(u64),
    /// It fails for a row.
    Fails(Failure),
    /// What it asks about is not there yet.
    Unknown,
}

async fn answer<C: Connection>(conn: &mut C, sql: &str, table: &ObjectId) -> Result<Answer> {
    match ask(conn, sql).await {
        Ok(rows) => Ok(Answer::Rows(rows)),
        // Data exceptions, and what a function raises. One with a place is of the question itself: it names a label that
        // is still to be made.
        Err(f)
            if f.offset.is_none()
                && f.sqlstate.as_deref().is_some_and(|state| state.starts_with("22") || state == "P0001") =>
        {
            Ok(Answer::Fails(f))
        }
        Err(f) if f.kind == FailureKind::Statement => Ok(Answer::Unknown),
        Err(f) => Err(f.error(Code::Database, format!("the rows of {} cannot be read", table.shown()))),
    }
}

fn does_not_fit(what: String, table: &ObjectId, declared: &str) -> Error {
    let error = Error::new(Code::RowsDoNotFit, what).object(table.shown());
    error.help(format!("change these rows first, or declare the {declared} otherwise"))
}

impl<'a> Fitting<'a> {
    fn pair(&self, id: &ObjectId) -> Option<Pair<'a>> {
        Pair::of((self.live, self.target), self.renames, self.hints, id)
    }

    /// Whether all functions that an object calls are there as they will be.
    fn calls_what_is_there(&self, object: &Object) -> bool {
        let routines = object.needs.iter().filter(|need| matches!(need.on.kind, Kind::Routine | Kind::Aggregate));
        routines.map(|need| &need.on).all(|id| {
            let body = |schema: &Schema| schema.get(id).map(|object| object.body.clone());
            body(self.live).is_some() && body(self.live) == body(self.target)
        })
    }

    pub(super) async fn constraints<C: Connection>(
        &self,
        conn: &mut C,
        pair: &Pair<'_>,
        findings: &mut Findings,
        obstacles: &mut Vec<Error>,
    ) -> Result<()> {
        let there: Vec<&Constraint> = constraints_of(self.live, pair.live)
            .filter_map(|object| match &object.body {
                Body::Constraint(constraint) => Some(constraint),
                _ => None,
            })
            .collect();
        for object in constraints_of(self.target, pair.id) {
            let Body::Constraint(constraint) = &object.body else { continue };
            let is_new =
                !there.iter().any(|old| old.definition == constraint.definition && (old.valid || !constraint.valid));
            let can_be_asked = pair.knows(&constraint.columns) && self.calls_what_is_there(object);
            // The columns that an exclusion constraint only mentions are not known.
            let is_exclusion = constraint.demands == Demands::Exclusion;
            let columns = if is_exclusion { pair.known() } else { constraint.columns.clone() };
            if !constraint.valid || !can_be_asked || columns.is_empty() {
                continue;
            }
            if !is_new && pair.keeps(&constraint.columns, findings) {
                // A foreign key whose values stay the same on both sides still holds when it is made anew.
                let parent = constraint.references.as_ref();
                let parent = parent.and_then(|id| self.pair(id));
                if parent.is_some_and(|parent| parent.keeps(&constraint.referenced_columns, findings)) {
                    findings.fitting.insert(object.id.clone());
                }
                continue;
            }
            if matches!(constraint.demands, Demands::PrimaryKey | Demands::Unique) {
                let Some(keys) = Keys::of_constraint(&constraint.definition) else { continue };
                let name = format!("constraint {}", object.id.name);
                if self.keys(conn, pair, (&keys, &constraint.columns), (&name, true), obstacles).await? {
                    findings.fitting.insert(object.id.clone());
                }
                continue;
            }
            let sql = match constraint.demands {
                Demands::Check => {
                    let Some(condition) = constraint.definition.strip_prefix("CHECK ") else { continue };
                    let condition = condition.trim_end_matches(" NO INHERIT");
                    format!(
                        "SELECT count(*) FROM {} WHERE NOT {condition}",
                        pair.rows(&pair.id.name, &constraint.columns)
                    )
                }
                Demands::ForeignKey => match self.without_parent(pair, constraint) {
                    Some(sql) => sql,
                    None => continue,
                },
                Demands::Exclusion => match Keys::of_exclusion(&constraint.definition) {
                    Some(keys) if findings.tables.get(pair.id).is_some_and(|facts| facts.rows <= COMPARED) => {
                        keys.excluded(&pair.rows(&pair.id.name, &columns))
                    }
                    _ => continue,
                },
                Demands::PrimaryKey | Demands::Unique => continue,
            };
            let shown = pair.id.shown();
            match answer(conn, &sql, pair.id).await? {
                Answer::Rows(0) => {
                    findings.fitting.insert(object.id.clone());
                }
                Answer::Rows(rows) => {
                    if !is_exclusion {
                        findings.unfit.push((pair.live.clone(), sql));
                    }
                    let rows = rows_text(rows);
                    let what = match &constraint.references {
                        Some(parent) => {
                            format!("{rows} of {shown} refer to rows of {} that are not there", parent.shown())
                        }
                        None if is_exclusion => {
                            format!("{rows} of {shown} exclude each other by {}", object.id.name)
                        }
                        None => format!("{rows} of {shown} break the check {}", object.id.name),
                    };
                    obstacles.push(does_not_fit(what, pair.id, "constraint"));
                }
                // Values that cannot be converted were found before.
                Answer::Fails(_) if pair.converts(&columns) => {}
                Answer::Fails(f) => {
                    let what = format!("the constraint {} fails for rows of {shown}", object.id.name);
                    obstacles.push(does_not_fit(what, pair.id, "constraint").cause(&f.message));
                }
                Answer::Unknown => {}
            }
        }
        Ok(())
    }

    /// The question for rows that refer to none; nothing where the table referred to is not there as it will be.
    fn without_parent(&self, pair: &Pair<'_>, constraint: &Constraint) -> Option<String> {
        let parent = constraint.references.as_ref()?;
        let parent = self.pair(parent)?;
        parent.knows(&constraint.referenced_columns).then_some(())?;
        let names: Vec<String> = constraint.columns.iter().map(|name| quote_name(name)).collect();
        let known: Vec<String> = names.iter().map(|name| format!("c.{name} IS NOT NULL")).collect();
        let pairs = names.iter().zip(&constraint.referenced_columns);
        let equal: Vec<String> = pairs.map(|(c, p)| format!("p.{} = c.{c}", quote_name(p))).collect();
        // MATCH FULL refuses what is partly NULL.
        let partly = match constraint.definition.contains(" MATCH FULL") {
            true => format!(" OR (NOT ({}) AND ({}))", known.join(" AND "), known.join(" OR ")),
            false => String::new(),
        };
        Some(format!(
            "SELECT count(*) FROM {} WHERE ({} AND NOT EXISTS (SELECT 1 FROM {} WHERE {})){partly}",
            pair.rows("c", &constraint.columns),
            known.join(" AND "),
            parent.rows("p", &constraint.referenced_columns),
            equal.join(" AND ")
        ))
    }

    /// Whether an index with these keys can be built: no two rows are alike where it is unique, none is too long, and
    /// no expression fails. Where that cannot be asked, it is not known: how long values are that become others.
    async fn keys<C: Connection>(
        &self,
        conn: &mut C,
        pair: &Pair<'_>,
        (keys, columns): (&Keys, &[String]),
        (name, is_unique): (&str, bool),
        obstacles: &mut Vec<Error>,
    ) -> Result<bool> {
        let (table, shown) = (pair.rows(&pair.id.name, columns), pair.id.shown());
        let converts = pair.converts(columns);
        let list = keys.keys.iter().map(|key| key.sql.as_str()).collect::<Vec<_>>().join(", ");
        let declared = name.split(' ').next().unwrap_or("index");
        let (first, what) = match is_unique {
            true => (Some(keys.alike(&table)), format!("are alike in {list}")),
            false => (keys.computed(&table), String::new()),
        };
        let asked = first.map(|sql| (sql, what));
        let too_long = keys.too_long(&table).filter(|_| !converts);
        let too_long = too_long.map(|sql| (sql, format!("are too long for the {name}")));
        let mut fits = !converts;
        for (sql, what) in asked.into_iter().chain(too_long) {
            match answer(conn, &sql, pair.id).await? {
                Answer::Rows(0) => {}
                Answer::Rows(rows) => {
                    fits = false;
                    obstacles.push(does_not_fit(format!("{} of {shown} {what}", rows_text(rows)), pair.id, declared));
                }
                Answer::Fails(_) if converts => return Ok(false),
                Answer::Fails(f) => {
                    let what = format!("the {name} cannot be computed for rows of {shown}");
                    obstacles.push(does_not_fit(what, pair.id, declared).cause(&f.message));
                    return Ok(false);
                }
                Answer::Unknown => return Ok(false),
            }
        }
        Ok(fits)
    }

    pub(super) async fn indexes<C: Connection>(
        &self,
        conn: &mut C,
        pair: &Pair<'_>,
        findings: &mut Findings,
        obstacles: &mut Vec<Error>,
    ) -> Result<()> {
        for (id, object) in &self.target.objects {
            let Body::Index(index) = &object.body else { continue };
            let is_there = self
                .live
                .get(id)
                .is_some_and(|o| matches!(&o.body, Body::Index(i) if i.definition == index.definition && i.valid));
            let can_be_asked = pair.knows(&index.columns) && self.calls_what_is_there(object);
            let stays = !index.unique || pair.keeps(&index.columns, findings);
            if index.table != *pair.id || !can_be_asked || (is_there && stays) {
                continue;
            }
            let Some(keys) = Keys::of_index(&index.definition) else { continue };
            let name = format!("index {}", id.name);
            if self.keys(conn, pair, (&keys, &index.columns), (&name, index.unique), obstacles).await? {
                findings.fitting.insert(id.clone());
            }
        }
        Ok(())
    }

    /// What the types of a table's columns demand, and did not before: the checks of domains, the labels of new enums.
    pub(super) async fn types<C: Connection>(
        &self,
        conn: &mut C,
        pair: &Pair<'_>,
        obstacles: &mut Vec<Error>,
    ) -> Result<()> {
        for (id, object) in &self.target.objects {
            let conditions = match (&object.body, self.live.get(id).map(|object| &object.body)) {
                (Body::Domain(after), Some(Body::Domain(before))) => demanded(Some(before), after),
                (Body::Domain(after), None) => demanded(None, after),
                (Body::Enum(labels), None) => {
                    let labels: Vec<String> = labels.iter().map(|label| quote_literal(label)).collect();
                    vec![format!("value = ANY (ARRAY[{}]::text[])", labels.join(", "))]
                }
                _ => continue,
            };
            let values = if conditions.is_empty() { Vec::new() } else { pair.values_of(&id.sql()) };
            if values.is_empty() || !self.calls_what_is_there(object) {
                continue;
            }
            for (column, value) in values {
                for condition in &conditions {
                    let sql = format!(
                        "SELECT count(*) FROM (SELECT {value} AS value FROM {}) r WHERE NOT ({condition})",
                        pair.live.sql()
                    );
                    let shown = format!("{}.{column}", pair.id.shown());
                    match answer(conn, &sql, pair.id).await? {
                        Answer::Rows(0) | Answer::Unknown => {}
                        Answer::Rows(rows) => {
                            let what = format!("{} of {shown} do not fit the {id}", rows_text(rows));
                            obstacles.push(does_not_fit(what, pair.id, id.kind.as_str()));
                        }
                        // Values that cannot be converted were found before.
                        Answer::Fails(_) if self.live.get(id).is_none() => {}
                        Answer::Fails(f) => {
                            let what = format!("the check of the {id} fails for rows of {shown}");
                            obstacles.push(does_not_fit(what, pair.id, "domain").cause(&f.message));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Counters that are beyond the bounds that their sequences get. One that has given out nothing is set to its start
    /// where the old one is not within; one that a column begins to count by goes on behind the numbers that are in use.
    pub(super) async fn counters<C: Connection>(&self, conn: &mut C, obstacles: &mut Vec<Error>) -> Result<()> {
        let mut counters: Vec<(ObjectId, &Numbers, &Numbers)> = Vec::new();
        let mut begun: Vec<(Pair<'_>, &str, &Numbers, Option<ObjectId>)> = Vec::new();
        for (id, object) in &self.target.objects {
            let old = old_id(self.renames, id);
            match (&object.body, self.live.get(&old).map(|o| &o.body)) {
                (Body::Sequence(after), Some(Body::Sequence(before))) => {
                    counters.push((old, &before.numbers, &after.numbers));
                }
                (Body::Sequence(after), None) => {
                    let Some((table, column)) = &after.owned_by else { continue };
                    let Some(pair) = self.pair(table) else { continue };
                    let Some(before) = pair.old(column).filter(|before| is_integer(&before.data_type)) else {
                        continue;
                    };
                    let given = before.identity.as_ref();
                    let given = given.map(|given| ObjectId::new(Kind::Sequence, &pair.live.schema, &given.sequence));
                    begun.push((pair, column, &after.numbers, given));
                }
                (Body::Table(after), Some(Body::Table(_))) => {
                    for column in &after.columns {
                        let Some(after) = &column.identity else { continue };
                        let Some(pair) = self.pair(id) else { continue };
                        let Some(before) = pair.old(&column.name) else { continue };
                        match &before.identity {
                            Some(before) => {
                                let sequence = ObjectId::new(Kind::Sequence, &old.schema, &before.sequence);
                                counters.push((sequence, &before.numbers, &after.numbers));
                            }
                            None => {
                                let given = self.counter_that_goes(&pair, &before.name);
                                begun.push((pair, &column.name, &after.numbers, given));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        for (id, before, after) in counters {
            let (min, max) = (after.min, after.max);
            if (before.min, before.max) == (min, max) {
                continue;
            }
            let given = if (min..=max).contains(&before.start) { "" } else { " AND is_called" };
            let sql = format!("SELECT count(*) FROM {} WHERE last_value NOT BETWEEN {min} AND {max}{given}", id.sql());
            if let Answer::Rows(1..) = answer(conn, &sql, &id).await? {
                let what = format!("the counter of the {id} is beyond the numbers that it may then give");
                let error = Error::new(Code::RowsDoNotFit, what).object(id.shown());
                obstacles.push(error.help("set it back with setval, or declare the sequence otherwise"));
            }
        }
        for (pair, column, numbers, given) in begun {
            let name = column.to_owned();
            let table = pair.rows(&pair.id.name, std::slice::from_ref(&name));
            let sql = counted_beyond(numbers, (&table, column), given.as_ref().map(ObjectId::sql).as_deref());
            // Values that cannot be converted were found before.
            if let Answer::Rows(1..) = answer(conn, &sql, pair.id).await? {
                let shown = format!("{}.{column}", pair.id.shown());
                let what = format!("the numbers in use in {shown} go beyond those that its sequence may then give");
                let error = Error::new(Code::RowsDoNotFit, what).object(pair.id.shown());
                obstacles.push(error.help("declare the sequence otherwise"));
            }
        }
        Ok(())
    }

    /// The sequence that a column has counted by, where it does not stay.
    fn counter_that_goes(&self, pair: &Pair<'_>, column: &str) -> Option<ObjectId> {
        let counts = |object: &&Object| {
            matches!(&object.body, Body::Sequence(sequence)
                if sequence.owned_by.as_ref().is_some_and(|(table, of)| table == pair.live && of == column))
        };
        let mut found = self.live.objects.values().filter(counts).map(|object| &object.id);
        found.find(|id| self.target.get(&new_id(self.renames, id)).is_none()).cloned()
    }

    /// Rows of a default partition that belong to a new one, and rows of one whose bounds are others.
    pub(super) async fn partitions<C: Connection>(
        &self,
        conn: &mut C,
        is_empty: &impl Fn(&ObjectId) -> bool,
        obstacles: &mut Vec<Error>,
    ) -> Result<()> {
        for (id, table) in self.target.tables() {
            let Some((parent, bound)) = &table.partition_of else { continue };
            let before = self.live.table(id).and_then(|table| table.partition_of.as_ref());
            if before.is_some_and(|(other, old)| other == parent && old == bound) {
                continue;
            }
            let Some(key) = self.live.table(parent).and_then(|table| table.partition_by.as_ref()) else { continue };
            let Some(inside) = inside(key, bound) else { continue };
            if self.live.table(id).is_some() && !is_empty(id) {
                let sql = format!("SELECT count(*) FROM {} WHERE ({inside}) IS NOT TRUE", id.sql());
                if let Answer::Rows(rows @ 1..) = answer(conn, &sql, id).await? {
                    let are = if rows == 1 { "is" } else { "are" };
                    let what = format!("{} of {} {are} not within its bounds", rows_text(rows), id.shown());
                    obstacles.push(does_not_fit(what, id, "partition"));
                }
            }
            let default = self.live.tables().find(|(other, table)| {
                *other != id && table.partition_of.as_ref().is_some_and(|(p, b)| p == parent && b == "DEFAULT")
            });
            let stays = |other: &ObjectId| {
                self.target.table(other).and_then(|table| table.partition_of.as_ref()).is_some_and(|(p, _)| p == parent)
            };
            if let Some((default, _)) = default.filter(|(other, _)| stays(other) && !is_empty(other)) {
                let sql = format!("SELECT count(*) FROM {} WHERE {inside}", default.sql());
                if let Answer::Rows(rows @ 1..) = answer(conn, &sql, default).await? {
                    let (rows, shown) = (rows_text(rows), default.shown());
                    let what = format!("{rows} of the default partition {shown} belong to {}", id.shown());
                    obstacles.push(does_not_fit(what, default, "partition"));
                }
            }
        }
        Ok(())
    }
}

/// What a domain demands of `value` that it did not demand before.
fn demanded(before: Option<&Domain>, after: &Domain) -> Vec<String> {
    let mut out = Vec::new();
    if after.not_null && !before.is_some_and(|before| before.not_null) {
        out.push("value IS NOT NULL".to_owned());
    }
    let old = before.map(|before| before.checks.as_slice()).unwrap_or_default();
    let is_new = |definition: &str| !old.iter().any(|check| check.definition == definition);
    for check in after.checks.iter().filter(|check| is_new(&check.definition)) {
        // `VALUE` is a word of its own there, and a column's name here.
        out.extend(check.definition.strip_prefix("CHECK ").map(str::to_owned));
    }
    out
}

/// The condition of the rows within a partition's bounds, where the key is one column and the bounds are constants.
fn inside(key: &str, bound: &str) -> Option<String> {
    let (kind, column) = key.split_once(' ')?;
    let column = column.strip_prefix('(')?.strip_suffix(')')?;
    let is_one = tokenize(column).ok()?.len() == 1;
    is_one.then_some(())?;
    let values = bound.strip_prefix("FOR VALUES ")?;
    match kind {
        "LIST" => {
            let list = values.strip_prefix("IN (")?.strip_suffix(')')?;
            // NULL is in no list by comparison.
            let has_null = tokenize(list).ok()?.iter().any(|token| token.is(list, "null"));
            let null = if has_null { format!(" OR {column} IS NULL") } else { String::new() };
            Some(format!("({column} IN ({list}){null})"))
        }
        "RANGE" => {
            let (from, to) = values.strip_prefix("FROM (")?.strip_suffix(')')?.split_once(") TO (")?;
            let mut parts = vec![format!("{column} IS NOT NULL")];
            parts.extend((from != "MINVALUE").then(|| format!("{column} >= {from}")));
            parts.extend((to != "MAXVALUE").then(|| format!("{column} < {to}")));
            Some(parts.join(" AND "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_become_conditions() {
        let found = |key, bound| inside(key, bound).unwrap_or_default();
        assert_eq!(found("RANGE (id)", "FOR VALUES FROM (1) TO (MAXVALUE)"), "id IS NOT NULL AND id >= 1");
        assert_eq!(
            found("LIST (\"a b\")", "FOR VALUES IN ('x, y', NULL)"),
            "(\"a b\" IN ('x, y', NULL) OR \"a b\" IS NULL)"
        );
        for (key, bound) in [
            ("HASH (id)", "FOR VALUES WITH (modulus 2, remainder 0)"),
            ("RANGE (a, b)", "FOR VALUES FROM (1, 2) TO (3, 4)"),
            ("LIST (lower(a))", "FOR VALUES IN ('x')"),
            ("LIST (a)", "DEFAULT"),
        ] {
            assert_eq!(inside(key, bound), None);
        }
    }
}
