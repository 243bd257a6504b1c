//! What the planner has to know of the rows: how many there are, what would be lost, and which do not fit.
//!
//! Only what changes is asked about, with queries that block nobody. A value of a row is never read, only counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::diff::Hints;
use super::fits::Fitting;
use super::plan::{Facts, Findings, altered_rows, cast, holders, keeps_its_bytes, may_differ_by_row};
use super::print::constraints_of;
use super::read::OLDEST_SERVER;
use super::resolve::{ASIDE, Merge, Rename, new_id, new_member, old_id};
use super::schema::{Body, Column, Demands, Kind, Object, ObjectId, Schema, Table};
use super::token::{quote_literal, quote_name};
use crate::error::{Code, Error, Result};
use crate::plan::rows_text;
use crate::run::{Connection, Failure, FailureKind, Row, Value};

/// A table before and after.
pub(super) struct Pair<'a> {
    pub(super) live: &'a ObjectId,
    before: &'a Table,
    pub(super) id: &'a ObjectId,
    after: &'a Table,
    /// Names of columns, new to old.
    renamed: HashMap<&'a str, &'a str>,
    /// What all rows have in a column that is new, as SQL, where that is known.
    added: HashMap<&'a str, String>,
    /// Columns that get a type which is still to be made, with the type below it.
    below: HashMap<&'a str, &'a str>,
}

impl<'a> Pair<'a> {
    /// A table that is there and will be, by its new name.
    pub(super) fn of(
        (schema, target): (&'a Schema, &'a Schema),
        renames: &'a [Rename],
        hints: &Hints,
        id: &ObjectId,
    ) -> Option<Pair<'a>> {
        let (id, after) = target.objects.get_key_value(id)?;
        let (live, before) = schema.objects.get_key_value(&old_id(renames, id))?;
        let renamed = renames.iter().filter_map(|rename| match rename {
            Rename::Member { of, before, after } if of == id => Some((after.as_str(), before.as_str())),
            _ => None,
        });
        let (before, after, renamed) = (before.table()?, after.table()?, renamed.collect());
        let mut pair = Pair { live, before, id, after, renamed, added: HashMap::new(), below: HashMap::new() };
        let is_held = || before.columns.first().is_some_and(|column| !holders(schema, live, &column.name).is_empty());
        let new: Vec<&Column> = after.columns.iter().filter(|column| pair.old(&column.name).is_none()).collect();
        for column in new {
            // What is filled in by portions is not there when the constraint is made.
            let is_filled = hints.backfills.iter().any(|(table, name, _)| table == id && *name == column.name)
                || (column.default.is_some() && is_held());
            if let Some(value) = value_of_new(schema, target, column).filter(|_| !is_filled) {
                pair.added.insert(&column.name, value);
            }
        }
        for column in &after.columns {
            let is_other = pair.old(&column.name).is_some_and(|old| old.data_type != column.data_type);
            if let Some(below) = is_other.then(|| below_new_type(schema, target, renames, &column.data_type)).flatten()
            {
                pair.below.insert(&column.name, below);
            }
        }
        Some(pair)
    }

    /// The column as it is, by its new name.
    pub(super) fn old(&self, name: &str) -> Option<&'a Column> {
        match self.renamed.get(name) {
            Some(old) => self.before.column(old),
            None if self.renamed.values().any(|old| *old == name) => None,
            None => self.before.column(name),
        }
    }

    /// The columns whose values are or become some of a type, under their old names, with these values: those of one that is
    /// still to be made in the words of the type below it.
    pub(super) fn values_of(&self, data_type: &str) -> Vec<(&'a str, String)> {
        let is_there = self.before.columns.iter().filter(|column| column.data_type == data_type);
        let is_there = is_there.map(|column| (column.name.as_str(), quote_name(&column.name)));
        // A partition's columns are asked about with its parent's.
        let columns = self.after.columns.iter().filter(|_| self.after.partition_of.is_none());
        let becomes = columns.filter(|column| column.data_type == data_type && column.generated.is_none());
        let becomes = becomes.filter_map(|column| {
            let (below, old) = (self.below.get(column.name.as_str())?, self.old(&column.name)?);
            Some((old.name.as_str(), cast(&quote_name(&old.name), &old.data_type, below)))
        });
        is_there.chain(becomes).collect()
    }

    /// The columns, under their new names, that are there with the values that they will have or that these are made of.
    pub(super) fn known(&self) -> Vec<String> {
        let names = self.after.columns.iter().map(|column| column.name.clone());
        names.filter(|name| self.knows(std::slice::from_ref(name))).collect()
    }

    /// Whether columns are there with the values that they will have, or with those that these are made of: the rows can
    /// be asked.
    pub(super) fn knows(&self, names: &[String]) -> bool {
        names.iter().all(|name| match (self.old(name), self.after.column(name)) {
            (Some(b), Some(a)) => b.generated == a.generated && (a.generated.is_none() || b.data_type == a.data_type),
            (None, _) => self.added.contains_key(name.as_str()),
            _ => false,
        })
    }

    /// Whether the values of one of these columns become others, or are compared otherwise.
    pub(super) fn converts(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.conversion(name).is_some())
    }

    /// Whether all values of these columns stay what they are, and are alike only if they were.
    pub(super) fn keeps(&self, names: &[String], findings: &Findings) -> bool {
        names.iter().filter_map(|name| self.conversion(name)).all(|(before, after)| {
            let key = (self.id.clone(), after.name.clone());
            before.collation == after.collation
                && matches!(&*after.data_type, "smallint" | "integer" | "bigint" | "boolean" | "uuid" | "text" | "date")
                && findings.kept.contains(&key)
        })
    }

    /// The type of a column, or the one below it where it is still to be made.
    fn asked_type(&self, column: &'a Column) -> &'a str {
        self.below.get(column.name.as_str()).copied().unwrap_or(&column.data_type)
    }

    fn conversion(&self, name: &str) -> Option<(&'a Column, &'a Column)> {
        let (before, after) = (self.old(name)?, self.after.column(name)?);
        let is_same = before.collation == after.collation && keeps_its_bytes(&before.data_type, &after.data_type);
        (!is_same).then_some((before, after))
    }

    /// The table as it is, with its columns under their new names, and some of them as what they become: what is said of
    /// these can be asked of it.
    pub(super) fn rows(&self, alias: &str, asked: &[String]) -> String {
        let alias = quote_name(alias);
        let is_new = |name: &String| self.added.contains_key(name.as_str());
        if self.renamed.is_empty() && !self.converts(asked) && !asked.iter().any(is_new) {
            return format!("{} AS {alias}", self.live.sql());
        }
        let named = |new: &Column| {
            if let Some(value) = self.added.get(new.name.as_str()).filter(|_| asked.contains(&new.name)) {
                return Some(format!("{value} AS {}", quote_name(&new.name)));
            }
            let old = self.old(&new.name)?;
            let name = quote_name(&old.name);
            let value = match self.conversion(&new.name).filter(|_| asked.contains(&new.name)) {
                Some((before, after)) => {
                    let value = cast(&name, &before.data_type, self.asked_type(after));
                    match (&before.collation, &after.collation) {
                        (_, Some(collation)) => format!("{value} COLLATE {collation}"),
                        (Some(_), None) => format!("{value} COLLATE pg_catalog.\"default\""),
                        (None, None) => value,
                    }
                }
                None => name,
            };
            Some(format!("{value} AS {}", quote_name(&new.name)))
        };
        let columns: Vec<String> = self.after.columns.iter().filter_map(named).collect();
        format!("(SELECT {} FROM {}) AS {alias}", columns.join(", "), self.live.sql())
    }
}

/// The type in whose words values of one that is still to be made can be asked about: that of a domain, and text for an enum,
/// whose values are alike where their labels are.
fn below_new_type<'a>(live: &Schema, target: &'a Schema, renames: &[Rename], data_type: &str) -> Option<&'a str> {
    let is_it =
        |object: &&Object| matches!(object.body, Body::Enum(_) | Body::Domain(_)) && object.id.sql() == data_type;
    let object =
        target.objects.values().find(is_it).filter(|object| live.get(&old_id(renames, &object.id)).is_none())?;
    match &object.body {
        Body::Domain(domain) => Some(&domain.data_type),
        _ => Some("text"),
    }
}

/// What all rows have in a new column when it was added; nothing where they differ, or are filled in later.
fn value_of_new(live: &Schema, target: &Schema, column: &Column) -> Option<String> {
    if column.generated.is_some() || column.identity.is_some() {
        return None;
    }
    let of = column.data_type.trim_end_matches("[]");
    let is_of_it =
        |id: &&ObjectId| matches!(id.kind, Kind::Enum | Kind::Composite | Kind::Range | Kind::Domain) && id.sql() == of;
    let declared = target.objects.keys().find(is_of_it);
    // A domain may refuse what is asked about.
    if declared.is_some_and(|id| id.kind == Kind::Domain) {
        return None;
    }
    let is_there = declared.is_none_or(|id| live.get(id).is_some());
    match &column.default {
        Some(default) => {
            (is_there && !may_differ_by_row(default)).then(|| format!("({default})::{}", column.data_type))
        }
        // NULL is NULL, whatever its type will be.
        None => Some(format!("NULL::{}", if is_there { &column.data_type } else { "text" })),
    }
}

/// Asks the database what the planner has to know, and says what stands in the way. The schemas may be parts, outside of
/// which nothing changes.
///
/// # Errors
/// [`Code::Database`] where a table cannot be read, [`Code::NotPermitted`] where the role does not see all of its rows.
pub async fn probe<C: Connection>(
    conn: &mut C,
    (live, target): (&Schema, &Schema),
    renames: &[Rename],
    merges: &[Merge],
    hints: &Hints,
    is_part: bool,
    accept_data_loss: bool,
) -> Result<(Findings, Vec<Error>)> {
    debug_assert!(live.version == 0 || live.version >= OLDEST_SERVER);
    let mut findings = Findings::default();
    let mut obstacles = Vec::new();
    let mut pairs = Vec::new();
    for (id, _) in target.tables() {
        pairs.extend(Pair::of((live, target), renames, hints, id));
    }
    let kept: BTreeSet<&ObjectId> = pairs.iter().map(|pair| pair.live).collect();
    let gone: Vec<&ObjectId> = live.tables().map(|(id, _)| id).filter(|id| !kept.contains(id)).collect();

    let facts = facts(conn, live, is_part).await?;
    for pair in &pairs {
        if let Some(facts) = facts.get(pair.live) {
            findings.tables.insert(pair.id.clone(), *facts);
        }
    }
    for id in live.objects.keys().filter(|id| id.kind == Kind::MaterializedView) {
        if let Some(facts) = facts.get(id) {
            findings.tables.insert(new_id(renames, id), *facts);
        }
    }
    for (table, column, value) in &hints.backfills {
        findings.backfills.insert((table.clone(), column.clone()), value.clone());
    }
    let is_empty = |id: &ObjectId| facts.get(id).is_none_or(|facts| facts.empty);

    for id in gone {
        let facts = facts.get(id).copied().unwrap_or_default();
        findings.tables.insert(new_id(renames, id), facts);
        if is_empty(id)
            || live.table(id).is_some_and(|table| {
                table.partition_of.is_some()
                    && target.table(&table.partition_of.as_ref().map_or(id.clone(), |(p, _)| p.clone())).is_none()
            })
        {
            continue;
        }
        let rows = count(conn, &format!("SELECT count(*) FROM {}", id.sql())).await?;
        if rows > 0 {
            findings.lost.insert((new_id(renames, id), None), rows);
            obstacles.extend(loss(format!("table {}", id.shown()), id, rows, accept_data_loss));
        }
    }
    for (id, object) in
        live.objects.iter().filter(|(id, _)| target.get(&new_id(renames, id)).is_none() && !accept_data_loss)
    {
        let what = match &object.body {
            // It may keep tables of its own, and nothing says what is in them.
            Body::Extension { .. } => "what it keeps",
            Body::Sequence(sequence) if sequence.owned_by.is_none() => "its counter",
            _ => continue,
        };
        let new = new_id(renames, id);
        if new == *id || new.name.starts_with(ASIDE) {
            let error = Error::new(Code::DataLoss, format!("{id} would be lost, with {what}")).object(id.shown());
            obstacles.push(error.help("accept it with --accept-data-loss, or keep it in the schema"));
        }
    }
    let fitting = Fitting { live, target, renames, hints };
    fitting.counters(conn, &mut obstacles).await?;
    fitting.partitions(conn, &is_empty, &mut obstacles).await?;
    for pair in &pairs {
        if is_empty(pair.live) {
            continue;
        }
        columns(conn, pair, target, accept_data_loss, &mut findings, &mut obstacles).await?;
        fitting.constraints(conn, pair, &mut findings, &mut obstacles).await?;
        fitting.indexes(conn, pair, &mut findings, &mut obstacles).await?;
        fitting.types(conn, pair, &mut obstacles).await?;
    }
    enums(conn, live, target, (renames, merges), &is_empty, &mut findings, &mut obstacles).await?;
    attributes(conn, (live, target), renames, accept_data_loss, &is_empty, &mut findings, &mut obstacles).await?;
    Ok((findings, obstacles))
}

fn loss(what: String, table: &ObjectId, rows: u64, accepted: bool) -> Option<Error> {
    let error = Error::new(Code::DataLoss, format!("{what} would be lost, with {}", rows_text(rows)));
    let error = error.object(table.shown()).help("accept it with --accept-data-loss, or keep it in the schema");
    (!accepted).then_some(error)
}

async fn facts<C: Connection>(conn: &mut C, live: &Schema, is_part: bool) -> Result<HashMap<ObjectId, Facts>> {
    let mut among = String::new();
    if is_part {
        let asked = live.objects.keys().filter(|id| matches!(id.kind, Kind::Table | Kind::MaterializedView));
        let named = |id: &ObjectId| format!("({}, {})", quote_literal(&id.schema), quote_literal(&id.name));
        let names: Vec<String> = asked.map(named).collect();
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        // Sizes are looked up in the folder of the database, file by file.
        among = format!(" AND (n.nspname::text, c.relname::text) IN ({})", names.join(", "));
    }
    let sql = "SELECT n.nspname, c.relname, c.relkind, c.reltuples, \
               CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(pg_catalog.pg_relation_size(t.relid)), 0) \
                FROM pg_catalog.pg_partition_tree(c.oid) t) ELSE pg_catalog.pg_relation_size(c.oid) END, \
               CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(pg_catalog.pg_total_relation_size(t.relid)), 0) \
                FROM pg_catalog.pg_partition_tree(c.oid) t) ELSE pg_catalog.pg_total_relation_size(c.oid) END \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";
    let rows = conn
        .query(&format!("{sql}{among}"))
        .await
        .map_err(|f| f.error(Code::Database, "the sizes of tables cannot be read"))?;
    let mut out = HashMap::new();
    for row in rows {
        let text = |at: usize| row.get(at).and_then(Value::text).unwrap_or_default().to_owned();
        let kind = if text(2) == "m" { Kind::MaterializedView } else { Kind::Table };
        let id = ObjectId::new(kind, text(0), text(1));
        if live.get(&id).is_none() {
            continue;
        }
        let size: u64 = text(4).parse().unwrap_or_default();
        // Before the first ANALYZE there is no estimate: a row of a hundred bytes is as good a guess as any.
        let tuples: f64 = text(3).parse().unwrap_or(-1.0);
        let rows = if tuples > 0.0 { tuples as u64 } else { size / 100 };
        out.insert(id, Facts { rows, bytes: text(5).parse().unwrap_or_default(), empty: size == 0 });
    }
    Ok(out)
}

/// How many keys are named for each question.
const KEYS_SHOWN: usize = 10;

/// The keys of the rows that do not fit, a line for each question. What has no primary key has no names for its rows.
pub(super) async fn keys_of_unfit<C: Connection>(conn: &mut C, live: &Schema, findings: &Findings) -> Vec<String> {
    let mut out = Vec::new();
    for (table, sql) in &findings.unfit {
        let key = constraints_of(live, table).find_map(|object| match &object.body {
            Body::Constraint(constraint) if constraint.demands == Demands::PrimaryKey => Some(&constraint.columns),
            _ => None,
        });
        let (Some(key), Some(rest)) = (key, sql.strip_prefix("SELECT count(*) ")) else { continue };
        let list: Vec<String> = key.iter().map(|name| quote_name(name)).collect();
        let list = list.join(", ");
        let sql = format!("SELECT {list} {rest} ORDER BY {list} LIMIT {}", KEYS_SHOWN + 1);
        let Ok(rows) = conn.query(&sql).await else { continue };
        let shown = |row: &Row| {
            row.iter().map(|value| value.text().map_or("NULL".to_owned(), str::to_owned)).collect::<Vec<_>>().join(", ")
        };
        let more = if rows.len() > KEYS_SHOWN { "; …" } else { "" };
        let keys: Vec<String> = rows.iter().take(KEYS_SHOWN).map(shown).collect();
        out.push(format!("keys of the rows of {}: {}{more}", table.shown(), keys.join("; ")));
    }
    out
}

async fn count<C: Connection>(conn: &mut C, sql: &str) -> Result<u64> {
    ask(conn, sql).await.map_err(|f| f.error(Code::Database, "the rows cannot be counted").statement(sql))
}

pub(super) async fn ask<C: Connection>(conn: &mut C, sql: &str) -> Result<u64, Failure> {
    let rows = conn.query(sql).await?;
    let value = rows.first().and_then(|row| row.first());
    Ok(match value {
        Some(Value::Text(text)) => text.parse().unwrap_or_default(),
        Some(Value::Integer(n)) => (*n).try_into().unwrap_or_default(),
        _ => 0,
    })
}

async fn columns<C: Connection>(
    conn: &mut C,
    pair: &Pair<'_>,
    target: &Schema,
    accept_data_loss: bool,
    findings: &mut Findings,
    obstacles: &mut Vec<Error>,
) -> Result<()> {
    let table = pair.live.sql();
    // A partition's columns are asked about with its parent's.
    let parent = pair.after.partition_of.as_ref().and_then(|(parent, _)| target.table(parent));
    for column in pair.before.columns.iter().filter(|_| parent.is_none()) {
        let renamed = pair.renamed.iter().find(|(_, old)| **old == column.name).map(|(new, _)| *new);
        let new_name = renamed.unwrap_or(&column.name);
        let kept = pair.after.column(new_name).filter(|_| renamed.is_some() || !pair.renamed.contains_key(new_name));
        let is_kept = kept.is_some();
        // A column that becomes a generated one loses what was in it.
        let is_replaced = kept.is_some_and(|c| c.generated.is_some());
        if (is_kept && !is_replaced) || column.generated.is_some() {
            continue;
        }
        let rows = count(conn, &format!("SELECT count({}) FROM {table}", quote_name(&column.name))).await?;
        if rows > 0 {
            findings.lost.insert((pair.id.clone(), Some(new_name.to_owned())), rows);
            let what = format!("column {}.{}", pair.live.shown(), column.name);
            obstacles.extend(loss(what, pair.live, rows, accept_data_loss));
        }
    }
    let parents: Vec<&Table> =
        parent.into_iter().chain(pair.after.inherits.iter().filter_map(|id| target.table(id))).collect();
    // What a parent demands too was asked of all its children's rows.
    let own = |column: &&Column| {
        let mut above = parents.iter().filter_map(|table| table.column(&column.name));
        !above.any(|inherited| inherited.not_null || !column.not_null)
    };
    for column in pair.after.columns.iter().filter(own) {
        let key = (pair.id.clone(), column.name.clone());
        let shown = format!("{}.{}", pair.id.shown(), column.name);
        let gives = column.default.is_some() || column.identity.is_some() || column.generated.is_some();
        let has_value = gives || findings.backfills.contains_key(&key);
        let no_value = |rows: u64| {
            Error::new(Code::NoValue, format!("{} of {} have no value for {shown}", rows_text(rows), pair.id.shown()))
                .object(pair.id.shown())
                .help("give it a DEFAULT, or a value for the rows that are there: `-- whimbrel: backfill <expression>`")
        };
        let Some(old) = pair.old(&column.name) else {
            if column.not_null && !has_value {
                let rows = count(conn, &format!("SELECT count(*) FROM {table}")).await?;
                if rows > 0 {
                    obstacles.push(no_value(rows));
                }
            }
            continue;
        };
        let name = quote_name(&old.name);
        if column.not_null && !old.not_null && column.generated.is_none() {
            let sql = format!("SELECT count(*) FROM {table} WHERE {name} IS NULL");
            let rows = count(conn, &sql).await?;
            findings.without_value.insert(key, rows);
            if rows > 0 && !has_value {
                findings.unfit.push((pair.live.clone(), sql));
                obstacles.push(no_value(rows));
            }
        }
        if old.data_type != column.data_type
            && old.generated.is_none()
            && column.generated.is_none()
            && !keeps_its_bytes(&old.data_type, pair.asked_type(column))
            && parent.is_none()
        {
            conversion(conn, pair, old, column, accept_data_loss, findings, obstacles).await?;
        }
    }
    Ok(())
}

async fn conversion<C: Connection>(
    conn: &mut C,
    pair: &Pair<'_>,
    old: &Column,
    new: &Column,
    accept_data_loss: bool,
    findings: &mut Findings,
    obstacles: &mut Vec<Error>,
) -> Result<()> {
    let (table, name) = (pair.live.sql(), quote_name(&old.name));
    let sql = altered_rows(&table, &name, &old.data_type, pair.asked_type(new));
    let shown = format!("{}.{}", pair.id.shown(), new.name);
    match ask(conn, &sql).await {
        Ok(0) => {
            findings.kept.insert((pair.id.clone(), new.name.clone()));
        }
        Ok(rows) if !accept_data_loss => {
            findings.unfit.push((pair.live.clone(), sql));
            obstacles.push(
                Error::new(
                    Code::ValuesAltered,
                    format!("{} of {shown} would not be the same as {}", rows_text(rows), new.data_type),
                )
                .object(pair.id.shown())
                .help("look at these rows first; --accept-data-loss lets PostgreSQL convert them"),
            );
        }
        Ok(rows) => {
            findings.altered.insert((pair.id.clone(), new.name.clone()), rows);
        }
        // A type that is not there yet, or a way back that PostgreSQL does not know: the run itself will tell.
        Err(f) if f.kind == FailureKind::Statement && f.sqlstate.as_deref().is_none_or(|s| !s.starts_with("22")) => {}
        Err(f) if matches!(f.kind, FailureKind::Statement | FailureKind::Constraint) => obstacles.push(
            Error::new(Code::RowsDoNotFit, format!("values of {shown} cannot become {}", new.data_type))
                .object(pair.id.shown())
                .help("change these values first, or keep the old type and add a column of the new one"),
        ),
        Err(f) => return Err(f.error(Code::Database, format!("the rows of {} cannot be read", pair.id.shown()))),
    }
    Ok(())
}

/// Attributes of types that are gone, and columns of tables whose rows are values elsewhere, with what is held in them.
async fn attributes<C: Connection>(
    conn: &mut C,
    (live, target): (&Schema, &Schema),
    renames: &[Rename],
    accept_data_loss: bool,
    is_empty: &impl Fn(&ObjectId) -> bool,
    findings: &mut Findings,
    obstacles: &mut Vec<Error>,
) -> Result<()> {
    for (id, object) in &live.objects {
        let new = new_id(renames, id);
        let (before, after) = (object.members(), target.get(&new).map(|o| o.members()).unwrap_or_default());
        if matches!(object.body, Body::Enum(_)) || target.get(&new).is_none() {
            continue;
        }
        for member in before {
            let name = new_member(renames, &new, member);
            if after.contains(&name) {
                continue;
            }
            let mut rows = 0;
            for (table, held) in holders(live, id, member).into_iter().filter(|(table, _)| !is_empty(table)) {
                rows += count(conn, &format!("SELECT count(*) FROM {} WHERE {held}", table.sql())).await?;
            }
            if rows > 0 {
                let kind = if object.table().is_some() { "column" } else { "attribute" };
                *findings.lost.entry((new.clone(), Some(name.to_owned()))).or_default() += rows;
                let what = format!("{kind} {}.{member} in values of that type", id.shown());
                obstacles.extend(loss(what, id, rows, accept_data_loss));
            }
        }
    }
    Ok(())
}

/// Labels that are gone, and that rows still hold.
async fn enums<C: Connection>(
    conn: &mut C,
    live: &Schema,
    target: &Schema,
    (renames, merges): (&[Rename], &[Merge]),
    is_empty: &impl Fn(&ObjectId) -> bool,
    findings: &mut Findings,
    obstacles: &mut Vec<Error>,
) -> Result<()> {
    let mut gone: BTreeMap<String, (&ObjectId, Vec<&String>)> = BTreeMap::new();
    for (id, object) in &live.objects {
        let new = new_id(renames, id);
        let (Body::Enum(before), Some(Body::Enum(after))) = (&object.body, target.get(&new).map(|o| &o.body)) else {
            continue;
        };
        let is_kept = |label: &String| {
            after.iter().any(|other| other == new_member(renames, &new, label))
                || merges.iter().any(|merge| merge.of == new && merge.before == *label)
        };
        let labels: Vec<&String> = before.iter().filter(|label| !is_kept(label)).collect();
        if !labels.is_empty() {
            gone.insert(id.sql(), (id, labels));
        }
    }
    for (table_id, table) in live.tables() {
        if is_empty(table_id) || table.partition_of.is_some() {
            continue;
        }
        for column in &table.columns {
            let of_array = column.data_type.strip_suffix("[]");
            let Some((id, labels)) = gone.get(of_array.unwrap_or(&column.data_type)) else { continue };
            let is_kept =
                target.tables().any(|(_, t)| t.column(&column.name).is_some_and(|c| c.data_type == column.data_type));
            if !is_kept {
                continue;
            }
            for label in labels {
                let (name, value) = (quote_name(&column.name), quote_literal(label));
                let holds = match of_array {
                    Some(_) => format!("{value} = ANY ({name})"),
                    None => format!("{name} = {value}"),
                };
                let sql = format!("SELECT count(*) FROM {} WHERE {holds}", table_id.sql());
                let rows = count(conn, &sql).await?;
                if rows > 0 {
                    findings.unfit.push((table_id.clone(), sql));
                    let shown = format!("{}.{}", table_id.shown(), column.name);
                    let message = format!("{} of {shown} hold '{label}', which {id} no longer has", rows_text(rows));
                    let error = Error::new(Code::RowsDoNotFit, message).object(table_id.shown());
                    obstacles.push(error.help(format!("say what it becomes: --rename {}.{label}=<label>", id.shown())));
                }
            }
        }
    }
    Ok(())
}
