//! Two schemas → the one that serves the clients of both.
//!
//! The start is the live schema, under the new names of its tables. What the declared schema adds is added to it. What it
//! takes away or makes another is judged by one question: does a statement of an old client, or of a new one, fail for it?
//!
//! - What only old clients need stays, and is recorded: a column, a table, a view, an index, uniqueness (`ON CONFLICT`
//!   needs it).
//! - What would keep new clients from writing goes at once: a check, a foreign key, `NOT NULL`.
//! - What would keep old clients from writing waits for the contraction: a new check, key or uniqueness over what they
//!   write.
//! - A column with another name is there twice, with all that stands on it, and both are kept in step.
//! - What cannot be both is refused by name.
//!
//! What an object is called in other words only because a column has another name stays as it is, until the old column
//! goes: so nothing is read from a column that is not filled in yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::record::{Kept, Record, Release, Twin, What};
use super::trigger::{FIRST, LAST, Link, Side, forward};
use crate::error::{Code, Error, Result};
use crate::postgres::diff::{Alteration, Change, Hints, Part, diff};
use crate::postgres::host::Host;
use crate::postgres::plan::{keeps_its_bytes, may_differ_by_row};
use crate::postgres::print;
use crate::postgres::resolve::{Merge, Rename, certain_renames, shortened, statements};
use crate::postgres::schema::{
    Body, Column, Demands, Index, Kind, Need, Object, ObjectId, Rights, Schema, Table, View,
};
use crate::postgres::scratch::Place;
use crate::postgres::token::{quote_name, tokenize};

/// Expressions that were given for columns, by `table.column` as in an answer about a rename.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// What a column of new clients gets when an old one writes.
    pub new: Vec<(String, String)>,
    /// What a column of old clients gets when a new one writes.
    pub old: Vec<(String, String)>,
}

fn find<'v>(list: &'v [(String, String)], table: &ObjectId, column: &str) -> Option<&'v String> {
    let path = format!("{}.{column}", table.shown());
    list.iter().rev().find(|(own, _)| own.eq_ignore_ascii_case(&path)).map(|(_, value)| value)
}

/// What is mixed.
pub struct Request<'a> {
    /// The live schema.
    pub live: &'a Schema,
    /// What is kept in it by now.
    pub record: &'a Record,
    /// The declared schema.
    pub target: &'a Schema,
    /// Which table and column is which, between what new clients see now and the declared schema.
    pub renames: &'a [Rename],
    /// What directives say.
    pub hints: &'a Hints,
    /// Labels of enums that become others.
    pub merges: &'a [Merge],
    /// Expressions that were given.
    pub values: &'a Values,
    /// The newest release of clients that know nothing of the declared schema.
    pub client: Release,
}

/// The schema that serves both, and what follows from it.
#[derive(Debug, Default)]
pub struct Mixed {
    /// The schema.
    pub schema: Schema,
    /// Renames that are done at once.
    pub renames: Vec<Rename>,
    /// All that is kept, under the new names of tables.
    pub record: Record,
    /// What waits for the contraction.
    pub later: Vec<String>,
    /// What is worth a warning.
    pub warnings: Vec<String>,
    /// What cannot be both.
    pub obstacles: Vec<Error>,
    /// What may be made only when all rows are filled in.
    pub late: BTreeSet<ObjectId>,
    /// Tables, columns, and the expression that gives rows their value.
    pub backfills: Vec<(ObjectId, String, String)>,
    /// Old names of tables, and the new ones.
    pub moved: BTreeMap<ObjectId, ObjectId>,
    /// Constraints and unique indexes of which it is known that the rows fit: they stand on copies of what fits by now.
    pub fitting: BTreeSet<ObjectId>,
}

/// The same schema, as PostgreSQL calls it at three times.
struct Names {
    /// As it is, with all that is kept, under the new names of tables.
    full: Schema,
    /// What new clients see of that.
    before: Schema,
    /// The same under the new names of columns too.
    renamed: Schema,
    /// Names of constraints and indexes that follow from those of columns: new to old.
    followed: BTreeMap<ObjectId, ObjectId>,
}

/// Mixes the schemas, with the help of an empty place; that is not empty afterwards.
///
/// # Errors
/// [`Code::Unsupported`] where the live schema cannot be copied, or the mixture cannot be made.
pub async fn mix<H: Host>(place: &mut Place<'_, H>, request: &Request<'_>) -> Result<Mixed> {
    let moved: BTreeMap<ObjectId, ObjectId> = request
        .renames
        .iter()
        .filter_map(|rename| match rename {
            Rename::Object { before, after } if before.kind == Kind::Table => Some((before.clone(), after.clone())),
            _ => None,
        })
        .collect();
    let record = request.record.renamed(&moved);
    let names = names(place, request, &record).await?;
    let mut mixing = Mixing {
        request,
        mixed: Mixed { schema: names.before.clone(), record, moved, ..Mixed::default() },
        names: &names,
        kept: Vec::new(),
        changes: diff(&names.renamed, request.target, false, request.merges).0,
    };
    mixing.all();
    let Mixing { mut mixed, kept, .. } = mixing;
    mixed.schema = mixed.record.restore(mixed.schema, &names.full);
    mixed.record.kept.extend(kept);
    if mixed.obstacles.is_empty() {
        // Every text is the server's own again.
        place.empty().await?;
        make(place, &print::statements(&mixed.schema), "what serves old and new clients cannot be made").await?;
        mixed.schema = place.read().await?;
    }
    Ok(mixed)
}

async fn make<H: Host>(place: &mut Place<'_, H>, statements: &[String], message: &str) -> Result<()> {
    for sql in statements {
        place.execute(sql).await.map_err(|f| f.error(Code::Unsupported, message).statement(sql))?;
    }
    Ok(())
}

async fn names<H: Host>(place: &mut Place<'_, H>, request: &Request<'_>, record: &Record) -> Result<Names> {
    make(place, &print::statements(request.live), "the schema cannot be copied, and so it cannot be expanded").await?;
    let (moves, columns): (Vec<Rename>, Vec<Rename>) =
        request.renames.iter().cloned().partition(|rename| matches!(rename, Rename::Object { .. }));
    let mut full = request.live.clone();
    rename(place, &mut full, request.target, moves).await?;
    follow(place, &mut full, record, request.target, &mut BTreeMap::new()).await?;
    let before = record.visible(&full);
    let mut renamed = full.clone();
    let mut followed = BTreeMap::new();
    if !columns.is_empty() {
        rename(place, &mut renamed, request.target, columns.clone()).await?;
        follow(place, &mut renamed, record, request.target, &mut followed).await?;
    }
    let mut renamed = record.visible(&renamed);
    if record.has_dependents(&full) {
        place.empty().await?;
        let others = under_names_of_twins(place, &full, record, (request.target, columns)).await?;
        record.replace_dependents(&mut renamed, &full, &others);
    }
    Ok(Names { full, before, renamed, followed })
}

/// The schema as the newest clients see it: what needs a column that is kept is said in words of its twin. The place is
/// not empty afterwards.
///
/// # Errors
/// [`Code::Unsupported`] where the schema cannot be copied.
pub async fn seen<H: Host>(place: &mut Place<'_, H>, live: &Schema, record: &Record) -> Result<Schema> {
    let mut visible = record.visible(live);
    let others = under_names_of_twins(place, live, record, (live, Vec::new())).await?;
    record.replace_dependents(&mut visible, live, &others);
    Ok(visible)
}

/// The schema as it would be if columns that are kept had got the names of their twins: only PostgreSQL can say in which
/// words what needs them would be told then.
async fn under_names_of_twins<H: Host>(
    place: &mut Place<'_, H>,
    live: &Schema,
    record: &Record,
    (target, columns): (&Schema, Vec<Rename>),
) -> Result<Schema> {
    make(place, &print::statements(live), "the schema cannot be copied").await?;
    for table in record.tables() {
        let keeping = record.keeping(table, false);
        for chain in keeping.chains() {
            let (Some(first), Some(last)) = (chain.first(), chain.last()) else { continue };
            let name = table.sql();
            for link in &chain {
                let drop = format!("ALTER TABLE {name} DROP COLUMN {} CASCADE", quote_name(&link.after.column));
                make(place, &[drop], "a column cannot be set aside").await?;
            }
            let (old, new) = (quote_name(&first.before.column), quote_name(&last.after.column));
            make(place, &[format!("ALTER TABLE {name} RENAME COLUMN {old} TO {new}")], "this cannot be renamed")
                .await?;
        }
    }
    let mut schema = place.read().await?;
    rename(place, &mut schema, target, columns).await?;
    Ok(schema)
}

async fn rename<H: Host>(
    place: &mut Place<'_, H>,
    schema: &mut Schema,
    target: &Schema,
    renames: Vec<Rename>,
) -> Result<()> {
    if renames.is_empty() {
        return Ok(());
    }
    for (_, sql) in statements(schema, target, &renames) {
        make(place, &sql, "this cannot be renamed").await?;
    }
    *schema = place.read().await?;
    Ok(())
}

/// Does the renames that follow from others.
async fn follow<H: Host>(
    place: &mut Place<'_, H>,
    schema: &mut Schema,
    record: &Record,
    target: &Schema,
    done: &mut BTreeMap<ObjectId, ObjectId>,
) -> Result<()> {
    loop {
        let renames = certain_renames(&record.visible(schema), target);
        if renames.is_empty() {
            return Ok(());
        }
        for rename in &renames {
            if let Rename::Object { before, after } = rename {
                let first = done.remove(before).unwrap_or_else(|| before.clone());
                done.insert(after.clone(), first);
            }
        }
        rename(place, schema, target, renames).await?;
    }
}

struct Mixing<'a> {
    request: &'a Request<'a>,
    names: &'a Names,
    mixed: Mixed,
    kept: Vec<Kept>,
    changes: Vec<Change>,
}

/// Why two columns cannot stand for each other, and what helps.
type Refusal = (String, String);

impl Mixing<'_> {
    fn all(&mut self) {
        self.views_under_old_names();
        for change in self.changes.clone() {
            match &change {
                Change::Create(object) => self.create(object),
                Change::Drop(object) => self.drop(object),
                Change::Alter(alteration) => self.alter(alteration),
            }
        }
        for rename in self.request.renames {
            match rename {
                Rename::Member { of, before, after } if of.kind == Kind::Table => self.pair(of, before, after),
                Rename::Member { of, before, .. } => {
                    let why = format!("old clients know {before}, and new ones do not");
                    self.refuse(of, why, "add the new one first, and take the old one away when no client uses it");
                }
                Rename::Object { before, after } => self.renamed(before, after),
            }
        }
        self.twins();
        self.triggers();
        self.spread_lateness();
        // What a run that stopped has not come to.
        for kept in self.mixed.record.kept.iter().filter(|kept| !kept.is_filled()) {
            if let What::Column { table, twin: Some(twin), .. } = &kept.what {
                self.mixed.backfills.push((table.clone(), twin.link.after.column.clone(), forward(&twin.link)));
            }
        }
    }

    fn refuse(&mut self, object: &ObjectId, why: impl Display, help: impl Into<String>) {
        let error = Error::new(Code::Unsupported, format!("{object} cannot be changed in two phases: {why}"));
        self.mixed.obstacles.push(error.object(object.shown()).help(help));
    }

    fn keep(&mut self, what: What) {
        let client = self.request.client;
        let kept = Kept { client, what };
        // A run that stopped has recorded it.
        match self.mixed.record.kept.iter_mut().find(|own| own.is_same(&kept)) {
            Some(own) => own.client = own.client.max(client),
            None => self.kept.push(kept),
        }
    }

    fn insert(&mut self, object: &Object) {
        self.mixed.schema.objects.insert(object.id.clone(), object.clone());
    }

    /// Types, constraints, indexes and sequences are not named by statements of clients, and tables have a view.
    fn renamed(&mut self, before: &ObjectId, after: &ObjectId) {
        let is_named = matches!(
            before.kind,
            Kind::Namespace | Kind::View | Kind::MaterializedView | Kind::Routine | Kind::Aggregate | Kind::Extension
        );
        if is_named {
            let why = format!("old clients know it as {}", before.shown());
            self.refuse(after, why, "declare it under both names until they are gone");
        } else if before.kind != Kind::Table {
            self.mixed.renames.push(Rename::Object { before: before.clone(), after: after.clone() });
        }
    }

    /// The pairs of a table: old column, new column.
    fn pairs(&self, id: &ObjectId) -> Vec<(&str, &str)> {
        self.request
            .renames
            .iter()
            .filter_map(|rename| match rename {
                Rename::Member { of, before, after } if of == id => Some((before.as_str(), after.as_str())),
                _ => None,
            })
            .collect()
    }

    fn is_twin(&self, table: &ObjectId, column: &str) -> bool {
        self.pairs(table).iter().any(|(_, after)| *after == column)
    }

    /// The object as it was called before columns were renamed.
    fn before(&self, id: &ObjectId) -> Option<&Object> {
        self.names.before.get(self.names.followed.get(id).unwrap_or(id))
    }

    /// Whether something that an object needs is filled in only later.
    fn needs_filling(&self, object: &Object) -> bool {
        object.needs.iter().any(|need| {
            need.column.as_ref().is_some_and(|column| {
                let is_unfilled = |twin: &Twin| !twin.filled && twin.link.after.column == *column;
                self.is_twin(&need.on, column)
                    || self.mixed.record.twins(&need.on).any(is_unfilled)
                    || self.request.hints.backfills.iter().any(|(table, name, _)| *table == need.on && name == column)
            })
        })
    }

    /// A table under a new name is a view under its old one.
    fn views_under_old_names(&mut self) {
        for (old, new) in self.mixed.moved.clone() {
            let Some(table) = self.names.full.table(&new) else { continue };
            let id = ObjectId { kind: Kind::View, ..old.clone() };
            if self.request.target.get(&id).is_some() || self.request.target.table(&old).is_some() {
                let why = format!("the declared schema has something else under the name {}", old.shown());
                self.refuse(&new, why, "give that another name until the old clients are gone");
                continue;
            }
            let version = self.request.live.version;
            if table.row_security && version < 150_000 {
                let why = "a view over a table with row level security needs PostgreSQL 15";
                self.refuse(&new, why, ALONE);
                continue;
            }
            let names: Vec<String> = table.columns.iter().map(|column| quote_name(&column.name)).collect();
            let view = View {
                query: format!("SELECT {} FROM {}", names.join(", "), new.sql()),
                columns: table.columns.iter().map(|c| (c.name.clone(), c.data_type.clone())).collect(),
                // The rights that count are those of the client, as they were.
                options: if version >= 150_000 { vec!["security_invoker=true".to_owned()] } else { Vec::new() },
                materialized: false,
                populated: true,
                comments: Vec::new(),
                defaults: Vec::new(),
                tablespace: None,
            };
            let needs = vec![Need { on: new.clone(), column: None, of: None }];
            let rights = Rights::default();
            self.insert(&Object { id: id.clone(), comment: None, rights, needs, body: Body::View(view) });
            self.keep(What::Object(id));
            self.mixed.renames.push(Rename::Object { before: old.clone(), after: new.clone() });
            self.mixed.warnings.push(format!(
                "{} becomes a view of {}: COPY FROM, TRUNCATE and a foreign key to it do not work on a view",
                old.shown(),
                new.shown()
            ));
        }
    }

    fn create(&mut self, object: &Object) {
        let id = &object.id;
        let table = object.on_table().filter(|table| self.names.renamed.table(table).is_some());
        // What old clients never write cannot keep them from writing.
        let is_fresh = |columns: &[String]| {
            let there = table.as_ref().and_then(|table| self.names.renamed.table(table));
            !columns.is_empty() && columns.iter().all(|name| there.is_some_and(|there| there.column(name).is_none()))
        };
        let begun = table.clone().filter(|table| self.is_begun(table, object));
        if let Some(table) = &begun {
            self.fits(table, object);
        }
        let waits = table.is_some()
            && begun.is_none()
            && match &object.body {
                Body::Constraint(constraint) => !is_fresh(&constraint.columns),
                Body::Index(index) => index.unique && !is_fresh(&index.columns),
                Body::Policy(_) => self.needs_filling(object),
                _ => false,
            };
        if waits {
            let is_secured = |schema: &Schema| {
                table.as_ref().and_then(|table| schema.table(table)).is_some_and(|table| table.row_security)
            };
            if id.kind == Kind::Policy && is_secured(self.request.target) && !is_secured(&self.names.renamed) {
                self.refuse(id, "row level security is turned on at the same time", "do one after the other");
            }
            self.later(id, "is made");
            return;
        }
        if self.needs_filling(object) && matches!(id.kind, Kind::View | Kind::MaterializedView) {
            self.mixed.late.insert(id.clone());
        }
        self.insert(object);
    }

    /// Whether an object stands for one on an old column that is there already: a run that stopped had not come to it.
    fn is_begun(&self, table: &ObjectId, object: &Object) -> bool {
        let names: BTreeMap<&str, &str> = self
            .mixed
            .record
            .twins(table)
            .map(|twin| (twin.link.before.column.as_str(), twin.link.after.column.as_str()))
            .collect();
        let same = |other: &Object| match (&other.body, &object.body) {
            (Body::Constraint(old), Body::Constraint(new)) => {
                old.demands == new.demands && under_new_names(&old.definition, &names) == new.definition
            }
            (Body::Index(old), Body::Index(new)) => {
                let tail = |text: &str| text.split_once(" ON ").map_or(String::new(), |(_, tail)| tail.to_owned());
                old.unique == new.unique && under_new_names(&tail(&old.definition), &names) == tail(&new.definition)
            }
            _ => false,
        };
        !names.is_empty() && self.names.full.objects.values().any(|o| o.on_table().as_ref() == Some(table) && same(o))
    }

    fn later(&mut self, id: &ObjectId, what: &str) {
        let is_unique = match self.request.target.get(id).map(|object| &object.body) {
            Some(Body::Constraint(constraint)) => constraint.demands == Demands::Unique,
            Some(Body::Index(index)) => index.unique,
            _ => false,
        };
        let hint = if is_unique { "; until then ON CONFLICT does not find it" } else { "" };
        self.mixed.later.push(format!("{id} {what}{hint}"));
    }

    fn drop(&mut self, object: &Object) {
        let Some(old) = self.before(&object.id).cloned() else { return };
        let id = old.id.clone();
        let on = old.on_table().or_else(|| match &old.body {
            Body::Sequence(sequence) => sequence.owned_by.as_ref().map(|(table, _)| table.clone()),
            _ => None,
        });
        // It stays with its table.
        if on.as_ref().is_some_and(|table| self.request.target.table(table).is_none() && table.kind == Kind::Table) {
            return;
        }
        let is_of_pair = |columns: &[String]| {
            let pairs = on.as_ref().map(|table| self.pairs(table)).unwrap_or_default();
            columns.iter().any(|column| pairs.iter().any(|(before, _)| before == column))
        };
        match &old.body {
            Body::Constraint(constraint) => match constraint.demands {
                Demands::Check | Demands::ForeignKey | Demands::Exclusion => {
                    self.mixed.schema.objects.remove(&id);
                }
                Demands::PrimaryKey => {
                    let why = "old clients may rely on it";
                    self.refuse(&id, why, "keep the primary key until the old clients are gone");
                }
                Demands::Unique => {
                    if !is_of_pair(&constraint.columns) {
                        self.keep(What::Object(id.clone()));
                    }
                    self.mixed.later.push(format!("{id} goes; until then new clients are held by it too"));
                }
            },
            // A run that stopped had built it, and not come to what it is for.
            Body::Index(index) if !index.valid || self.is_of_a_run(index, &id) => {
                self.mixed.schema.objects.remove(&id);
            }
            Body::Index(index) => {
                if !is_of_pair(&index.columns) {
                    self.keep(What::Object(id.clone()));
                }
                if index.unique {
                    self.mixed.later.push(format!("{id} goes; until then new clients are held by it too"));
                }
            }
            Body::Policy(_) | Body::Rule(_) => {
                self.mixed.schema.objects.remove(&id);
            }
            Body::Table(_) => {
                let keys: Vec<String> =
                    self.names.before.objects.values().filter(|o| refers_on(o, &id)).map(|o| o.id.shown()).collect();
                if !keys.is_empty() {
                    self.mixed.warnings.push(format!(
                        "new clients do not know {}, and its foreign keys hold them all the same: {}",
                        id.shown(),
                        keys.join(", ")
                    ));
                }
                self.keep(What::Object(id));
            }
            _ => self.keep(What::Object(id)),
        }
    }

    /// Whether an index is there because a run builds one before it makes the constraint of that name, or puts it in
    /// another's place.
    fn is_of_a_run(&self, index: &Index, id: &ObjectId) -> bool {
        let constraint = ObjectId::of_table(Kind::Constraint, &index.table, id.name.clone());
        self.request.target.get(&constraint).is_some() || id.name.starts_with("_whimbrel_")
    }

    fn alter(&mut self, alteration: &Alteration) {
        let after = &alteration.after;
        let id = &after.id;
        let Some(old) = self.before(id).cloned() else { return };
        // In other words already because a column has another name.
        let is_renamed = old.body != alteration.before.body && !matches!(old.body, Body::Table(_) | Body::View(_));
        if is_renamed {
            self.waits(&old, id);
            return;
        }
        if alteration.parts.iter().all(|part| *part == Part::Comment) {
            if let Some(own) = self.mixed.schema.objects.get_mut(&old.id) {
                own.comment.clone_from(&after.comment);
            }
            return;
        }
        match (&alteration.before.body, &after.body) {
            (Body::Table(_), Body::Table(now)) => self.alter_table(id, now, alteration),
            (Body::Constraint(_), _) if alteration.parts.contains(&Part::Definition) => self.waits(&old, id),
            (Body::Index(before), Body::Index(now))
                if alteration.parts.contains(&Part::Definition) && (before.unique || now.unique) =>
            {
                self.later(id, "becomes another");
            }
            (Body::View(before), Body::View(now)) => {
                if !now.columns.starts_with(&before.columns) {
                    let help = "declare the new view under another name, and keep this one for old clients";
                    return self.refuse(id, "old clients need its columns", help);
                }
                if self.needs_filling(after) {
                    self.mixed.late.insert(id.clone());
                }
                self.insert(after);
            }
            (Body::Routine(before), Body::Routine(now)) => {
                if before.signature != now.signature || before.procedure != now.procedure {
                    let help = "declare the new one under another name, and keep this one for old clients";
                    return self.refuse(id, "it has another result, or other names of arguments", help);
                }
                self.mixed.late.insert(id.clone());
                self.insert(after);
            }
            (Body::Enum(before), Body::Enum(now)) => {
                let has = |kind: &str| alteration.parts.iter().any(|part| part.kind() == kind);
                let adds = now.iter().any(|label| !before.contains(label));
                if has("rename_value") || (adds && has("remake_enum")) {
                    let help = "add the new values first, and take the old ones away when no client uses them";
                    self.refuse(id, "old and new clients would use other values", help);
                } else if has("remake_enum") {
                    self.later(id, "loses values, or has them in another order");
                } else {
                    self.insert(after);
                }
            }
            (Body::Domain(_), _) | (Body::Composite(_), _) => {
                self.refuse(id, "old and new clients share it", "declare a new type, and give it to a new column");
            }
            (Body::Policy(_), _) if self.needs_filling(after) => self.later(id, "becomes another"),
            _ => self.insert(after),
        }
    }

    /// What becomes another and has to wait: until then there is what holds nobody.
    fn waits(&mut self, old: &Object, id: &ObjectId) {
        let Body::Constraint(constraint) = &old.body else { return self.later(id, "becomes another") };
        match constraint.demands {
            Demands::Check | Demands::ForeignKey | Demands::Exclusion => {
                self.mixed.schema.objects.remove(&old.id);
                self.later(id, "is made as declared; until then there is none");
            }
            Demands::PrimaryKey => self.refuse(id, "a table has one primary key, for old and new clients", ALONE),
            Demands::Unique => self.later(id, "becomes another"),
        }
    }

    fn alter_table(&mut self, id: &ObjectId, after: &Table, alteration: &Alteration) {
        for part in &alteration.parts {
            match part {
                Part::AddColumn(column) => self.add_column(id, column),
                Part::DropColumn(column) => self.drop_column(id, column),
                Part::AlterColumn { before, after } if !self.is_twin(id, &after.name) => {
                    self.alter_column(id, before, after);
                }
                _ => {}
            }
        }
        if let Some(object) = self.mixed.schema.objects.get_mut(id) {
            object.comment.clone_from(&alteration.after.comment);
            if let Body::Table(own) = &mut object.body {
                let columns = std::mem::take(&mut own.columns);
                **own = Table { columns, ..after.clone() };
            }
        }
    }

    fn add(&mut self, id: &ObjectId, column: Column) {
        if let Some(Body::Table(table)) = self.mixed.schema.objects.get_mut(id).map(|object| &mut object.body) {
            table.columns.push(column);
        }
    }

    fn hint(&self, table: &ObjectId, column: &str) -> Option<&String> {
        let found = self.request.hints.backfills.iter().find(|(id, name, _)| id == table && name == column);
        found.map(|(_, _, value)| value)
    }

    /// What a column gets in rows of old clients that give it none.
    fn value(&self, table: &ObjectId, column: &Column) -> Option<String> {
        let given = find(&self.request.values.new, table, &column.name).or_else(|| self.hint(table, &column.name));
        given.cloned().or_else(|| column.default.clone())
    }

    fn add_column(&mut self, id: &ObjectId, column: &Column) {
        if column.not_null && !gives_a_value(column) {
            let Some(value) = self.value(id, column) else {
                let why = format!("old clients give {} no value, and it is NOT NULL", column.name);
                let help = "give it a DEFAULT, or a value for their rows: `-- whimbrel: backfill <expression>`";
                return self.refuse(id, why, help);
            };
            self.mixed.backfills.push((id.clone(), column.name.clone(), value.clone()));
            self.keep(What::Value { table: id.clone(), column: column.name.clone(), value });
        }
        self.add(id, column.clone());
    }

    fn drop_column(&mut self, id: &ObjectId, column: &Column) {
        let value = find(&self.request.values.old, id, &column.name).cloned();
        if column.not_null && !gives_a_value(column) && value.is_none() {
            let why = format!("new clients give {} no value, and it is NOT NULL", column.name);
            let path = format!("{}.{}", id.shown(), column.name);
            return self.refuse(id, why, format!("say what old clients find there: --old-value {path}=<expression>"));
        }
        self.keep(What::Column { table: id.clone(), column: column.name.clone(), twin: None, value });
    }

    fn alter_column(&mut self, id: &ObjectId, before: &Column, after: &Column) {
        let shown = format!("{}.{}", id.shown(), after.name);
        let is_wider = keeps_its_bytes(&before.data_type, &after.data_type);
        if (before.data_type != after.data_type && !is_wider) || before.collation != after.collation {
            let why = format!("{} cannot have two types under one name", after.name);
            let help = format!("declare the new column under a name of its own, and say --rename {shown}=<that name>");
            return self.refuse(id, why, help);
        }
        let always = |column: &Column| column.identity.as_ref().is_some_and(|identity| identity.always);
        if (after.generated.is_some() && before.generated != after.generated) || (always(after) && !always(before)) {
            let why = format!("old clients write {}", after.name);
            return self.refuse(id, why, "declare the new column under a name of its own");
        }
        let mut column = after.clone();
        if before.default.is_some() && after.default.is_none() && after.not_null && after.identity.is_none() {
            column.default.clone_from(&before.default);
            self.keep(What::Default { table: id.clone(), column: after.name.clone() });
        }
        let twin = self.mixed.record.twins(id).find(|twin| twin.link.after.column == after.name).cloned();
        if let Some(twin) = twin.filter(|_| !before.not_null && after.not_null) {
            if twin.filled {
                let why = format!("old clients may write NULL into {}", twin.link.before.column);
                return self.refuse(id, why, "make it NOT NULL when they are gone, with --contract");
            }
            self.mixed.backfills.push((id.clone(), after.name.clone(), forward(&twin.link)));
        } else if !before.not_null && after.not_null && after.identity.is_none() {
            let Some(value) = self.value(id, after) else {
                let why = format!("old clients may leave {} NULL", after.name);
                return self.refuse(id, why, "say what their rows get: `-- whimbrel: backfill <expression>`");
            };
            self.mixed.backfills.push((id.clone(), after.name.clone(), value.clone()));
            self.keep(What::Value { table: id.clone(), column: after.name.clone(), value });
        }
        if before.not_null && !after.not_null {
            self.mixed.warnings.push(format!("old clients may find NULL in {shown}, which they do not know"));
        }
        if let Some(Body::Table(table)) = self.mixed.schema.objects.get_mut(id).map(|object| &mut object.body)
            && let Some(own) = table.columns.iter_mut().find(|own| own.name == after.name)
        {
            *own = column;
        }
    }

    /// A column with another name: there twice, and kept in step.
    fn pair(&mut self, id: &ObjectId, old: &str, new: &str) {
        let before = self.names.before.table(id).and_then(|table| table.column(old)).cloned();
        let after = self.request.target.table(id).and_then(|table| table.column(new)).cloned();
        let (Some(before), Some(after)) = (before, after) else { return };
        if before.generated.is_some() && after.generated.is_some() {
            self.keep(What::Column { table: id.clone(), column: old.to_owned(), twin: None, value: None });
            return self.add(id, after);
        }
        let counts = |column: &Column| {
            column.identity.is_some() || column.default.as_deref().is_some_and(|text| text.contains("nextval("))
        };
        let is_key = |object: &Object| {
            matches!(&object.body, Body::Constraint(c) if c.demands == Demands::PrimaryKey
                && c.columns.iter().any(|column| column == old))
                && object.on_table().as_ref() == Some(id)
        };
        let why = if before.generated.is_some() || after.generated.is_some() {
            format!("of {old} and {new} one is computed, and cannot be written")
        } else if counts(&before) || counts(&after) {
            format!("{old} counts by itself, and two columns would count apart")
        } else if self.names.before.objects.values().any(is_key) {
            format!("{old} is part of the primary key, and a table has only one")
        } else {
            String::new()
        };
        if !why.is_empty() {
            return self.refuse(id, why, ALONE);
        }
        let link = match self.link(id, &before, &after) {
            Ok(link) => link,
            Err((why, help)) => return self.refuse(id, why, help),
        };
        let mut column = after;
        if column.default.as_deref().is_some_and(may_differ_by_row) {
            column.default = None;
            self.mixed.later.push(format!("the default of {}.{new} is set", id.shown()));
        }
        if link.before.default.is_some() && link.after.default.is_none() && !column.not_null {
            self.mixed.warnings.push(format!(
                "a new client that inserts NULL into {}.{new} gets what old ones get by default",
                id.shown()
            ));
        }
        self.mixed.backfills.push((id.clone(), new.to_owned(), forward(&link)));
        let twin = Some(Twin { link, filled: false });
        self.keep(What::Column { table: id.clone(), column: old.to_owned(), twin, value: None });
        self.add(id, column);
    }

    /// How the values of two columns become one another, or why they cannot.
    fn link(&self, id: &ObjectId, before: &Column, after: &Column) -> Result<Link, Refusal> {
        let steady = |column: &Column| column.default.clone().filter(|default| !may_differ_by_row(default));
        let (table, new, old) = (id.shown(), &after.name, &before.name);
        let (old_type, new_type) = (&before.data_type, &after.data_type);
        let new_value = format!("say what it becomes: --new-value {table}.{new}=<expression over {old}>");
        let old_value = format!("say what old clients find: --old-value {table}.{old}=<expression over {new}>");
        let mut forward = find(&self.request.values.new, id, new).cloned();
        if forward.is_none() && !is_total(old_type, new_type) {
            let why = format!("not every {old_type} that an old client writes into {old} is one {new_type}");
            return Err((why, new_value));
        }
        if !before.not_null && after.not_null && forward.is_none() {
            let Some(value) = self.hint(id, new).cloned().or_else(|| steady(after)) else {
                let why = format!("old clients may write NULL into {old}, and {new} is NOT NULL");
                return Err((why, format!("say what it becomes: `-- whimbrel: backfill <expression>` at {new}")));
            };
            forward = Some(format!("coalesce({}::{new_type}, {value})", quote_name(old)));
        }
        let backward = find(&self.request.values.old, id, old).cloned();
        if backward.is_none() && !is_total(new_type, old_type) {
            let why = format!("not every {new_type} that a new client writes into {new} is one {old_type}");
            return Err((why, old_value));
        }
        if before.not_null && !after.not_null && backward.is_none() {
            let why = format!("new clients may write NULL into {new}, and {old} is NOT NULL");
            return Err((why, old_value));
        }
        let side = |column: &Column, value| Side {
            column: column.name.clone(),
            data_type: column.data_type.clone(),
            default: steady(column),
            value,
        };
        Ok(Link { before: side(before, backward), after: side(after, forward) })
    }

    /// What stands on a column with another name stands on both.
    fn twins(&mut self) {
        let changed: BTreeSet<ObjectId> = self.changes.iter().map(|change| change.id().clone()).collect();
        let target = self.request.target;
        for object in target.objects.values().filter(|object| !changed.contains(&object.id)) {
            let Some(table) = object.on_table() else { continue };
            let columns = match &object.body {
                Body::Constraint(constraint) => &constraint.columns,
                Body::Index(index) => &index.columns,
                _ => continue,
            };
            if !columns.iter().any(|column| self.is_twin(&table, column)) {
                continue;
            }
            let Some(old) = self.before(&object.id).cloned() else { continue };
            if old.id == object.id {
                self.step_aside(&old);
            }
            self.fits(&table, object);
            self.insert(object);
        }
    }

    /// Rows fit what stands on a copy as they fit what stands on the original.
    fn fits(&mut self, table: &ObjectId, object: &Object) {
        let columns = match &object.body {
            Body::Constraint(constraint) => &constraint.columns,
            Body::Index(index) => &index.columns,
            _ => return,
        };
        let kept = Record { kept: self.kept.clone() };
        let is_converted = |column: &String| {
            let twins = self.mixed.record.twins(table).chain(kept.twins(table));
            twins.into_iter().any(|twin| twin.link.after.column == *column && twin.link.after.value.is_some())
        };
        if !columns.iter().any(is_converted) {
            self.mixed.fitting.insert(object.id.clone());
        }
    }

    /// Gives an object of old clients another name, because the new one has its own.
    fn step_aside(&mut self, old: &Object) {
        let id = ObjectId { name: shortened("_whimbrel_old_", &old.id.name), ..old.id.clone() };
        let mut moved = Object { id: id.clone(), ..old.clone() };
        if let Body::Index(index) = &mut moved.body {
            let named = |name: &str| format!("INDEX {} ON", quote_name(name));
            index.definition = index.definition.replacen(&named(&old.id.name), &named(&id.name), 1);
        }
        self.mixed.schema.objects.remove(&old.id);
        self.insert(&moved);
        self.mixed.renames.push(Rename::Object { before: old.id.clone(), after: id });
    }

    /// Where triggers of ours cannot be, or not beside others.
    fn triggers(&mut self) {
        let record = Record { kept: self.kept.clone() };
        for id in record.tables() {
            let Some(table) = self.mixed.schema.table(id).cloned() else { continue };
            let is_below = |other: &Table| {
                other.inherits.contains(id) || other.partition_of.as_ref().is_some_and(|(parent, _)| parent == id)
            };
            let is_family = table.partition_by.is_some() || table.partition_of.is_some() || !table.inherits.is_empty();
            if is_family || self.mixed.schema.tables().any(|(_, other)| is_below(other)) {
                self.refuse(id, "it has partitions, is one, or inherits", ALONE);
            }
            for (name, definition) in triggers_of(&self.mixed.schema, id) {
                let trigger = ObjectId::of_table(Kind::Trigger, id, &name);
                if is_before_row(&definition) && (name.as_str() < FIRST || name.as_str() > LAST) {
                    let why = format!("by its name it would not fire between {FIRST} and {LAST}");
                    self.refuse(&trigger, why, "give it a name that begins with a letter");
                }
                let (old, new) = (self.names.before.get(&trigger), self.names.renamed.get(&trigger));
                let is_renamed = matches!((old, new), (Some(old), Some(new)) if old.body != new.body);
                if is_renamed && definition.contains(" UPDATE OF ") {
                    let why = "it fires on UPDATE OF a column that new clients do not write";
                    self.refuse(&trigger, why, "let it fire on every UPDATE, and compare the values in its function");
                }
            }
        }
    }

    /// What needs something that is made late is made late too.
    fn spread_lateness(&mut self) {
        loop {
            let late = &self.mixed.late;
            let is_next = |object: &&Object| {
                !late.contains(&object.id)
                    && self.names.before.get(&object.id).is_none()
                    && object.needs.iter().any(|need| late.contains(&need.on))
            };
            let more: Vec<ObjectId> =
                self.mixed.schema.objects.values().filter(is_next).map(|object| object.id.clone()).collect();
            if more.is_empty() {
                return;
            }
            self.mixed.late.extend(more);
        }
    }
}

/// What helps where two phases do not.
const ALONE: &str = "make this change when no old client is left, without --expand";

/// Whether an INSERT that leaves a column out gives it a value.
fn gives_a_value(column: &Column) -> bool {
    column.default.is_some() || column.identity.is_some() || column.generated.is_some()
}

/// A definition, with the names of old columns replaced by those of new ones.
fn under_new_names(definition: &str, names: &BTreeMap<&str, &str>) -> String {
    let mut out = definition.to_owned();
    for token in tokenize(definition).unwrap_or_default().iter().rev() {
        if let Some(new) = token.name(definition).and_then(|name| names.get(name.as_str()).copied()) {
            out.replace_range(token.range.clone(), &quote_name(new));
        }
    }
    out
}

/// Whether it is a foreign key of the table to another one.
fn refers_on(object: &Object, table: &ObjectId) -> bool {
    let refers = |to: &Option<ObjectId>| to.as_ref().is_some_and(|to| to != table);
    matches!(&object.body, Body::Constraint(c) if c.demands == Demands::ForeignKey && refers(&c.references))
        && object.on_table().as_ref() == Some(table)
}

/// The triggers of a table: name and definition.
fn triggers_of(schema: &Schema, table: &ObjectId) -> Vec<(String, String)> {
    let of = |object: &Object| match &object.body {
        Body::Trigger(trigger) if object.on_table().as_ref() == Some(table) => {
            Some((object.id.name.clone(), trigger.definition.clone()))
        }
        _ => None,
    };
    schema.objects.values().filter_map(of).collect()
}

/// Whether a trigger sees rows before they are written.
fn is_before_row(definition: &str) -> bool {
    let head = definition.split(" EXECUTE ").next().unwrap_or_default();
    head.contains(" BEFORE ") && head.contains(" FOR EACH ROW") && (head.contains("INSERT") || head.contains("UPDATE"))
}

/// Whether triggers of the user's own may change rows of a table before they are written.
pub fn has_others(schema: &Schema, table: &ObjectId) -> bool {
    triggers_of(schema, table).iter().any(|(_, definition)| is_before_row(definition))
}

/// Whether every value of one type is one of another, and becomes it by assignment.
fn is_total(before: &str, after: &str) -> bool {
    const WIDER: [(&str, &[&str]); 5] = [
        ("smallint", &["integer", "bigint", "numeric", "real", "double precision"]),
        ("integer", &["bigint", "numeric", "double precision"]),
        ("bigint", &["numeric"]),
        ("real", &["double precision"]),
        ("date", &["timestamp without time zone"]),
    ];
    before == after
        || matches!(after, "text" | "character varying")
        || keeps_its_bytes(before, after)
        || WIDER.iter().any(|(from, to)| *from == before && to.contains(&after))
}
