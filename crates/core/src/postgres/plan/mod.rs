//! Changes → steps, for PostgreSQL.
//!
//! A pure function of two schemas, their differences and what was found out about the rows. Steps are put into buckets,
//! which run one behind the other:
//!
//! | bucket | holds |
//! |---|---|
//! | `values` | labels that enums gain; each alone where it is used later |
//! | `renames` | names, by which everything is called from there on |
//! | `drops` | what goes, and what makes way: what needs something before that |
//! | `body` | what is new or other, each behind what it needs; then settings that need other objects (`body_end`), and what could go only now (`late_drops`) |
//! | `fills` | values for rows that have none, some at a time |
//! | `proofs` | checks that hold for new rows, by which NOT NULL is proved |
//! | `online` | what is done while others read and write: indexes, checks of all rows |
//! | `finish` | what rests on that: keys of their indexes, NOT NULL |
//! | `validate` | rows are checked against constraints that hold for new ones |
//!
//! `dependents` finds what has to make way and come back; `tables`, `counters`, `types` and `indexes` plan changes of
//! what they are called by; `values` knows what becomes of values.
//!
//! **Invariant:** nothing is dropped with CASCADE. What would go with another object is dropped by a step of its own,
//! and made anew; but a partition goes with the table that it is a part of.

mod counters;
mod dependents;
mod indexes;
mod tables;
mod types;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::{Code, Error};
use crate::plan::{Hazard, Strategy};
use crate::postgres::diff::{Alteration, Change, Part};
use crate::postgres::print;
use crate::postgres::resolve::{ASIDE, Rename, old_id, shortened};
use crate::postgres::schema::{Body, Demands, Kind, Need, Object, ObjectId, Rights, Schema, Sequence, View};
use crate::postgres::steps::{Lock, Statement, Step};
use crate::postgres::token::{quote_literal, quote_name};
use indexes::is_swapped;
use types::multiranges;

pub use counters::{counted_beyond, is_integer};
pub use tables::{marked_column, proof_name, value_left};
pub use types::holders;
pub use values::{altered_rows, cast, keeps_its_bytes, may_differ_by_row};

/// What is known of a table's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// How many there are, as PostgreSQL estimates it.
    pub rows: u64,
    /// The bytes of the table with its indexes.
    pub bytes: u64,
    /// Whether it certainly has none.
    pub empty: bool,
}

/// What was found out before the steps are made.
#[derive(Debug, Default)]
pub struct Findings {
    /// Tables, under their new names.
    pub tables: HashMap<ObjectId, Facts>,
    /// Rows that lose something, by table and column; without a column, those of the whole table.
    pub lost: HashMap<(ObjectId, Option<String>), u64>,
    /// Rows that are NULL in a column that is to be NOT NULL, and how they get a value.
    pub without_value: HashMap<(ObjectId, String), u64>,
    /// Columns whose values were found to be the same as those of another type.
    pub kept: BTreeSet<(ObjectId, String)>,
    /// Rows whose value another type cannot hold as it is, by table and column.
    pub altered: HashMap<(ObjectId, String), u64>,
    /// Questions that rows were found by which do not fit, with the table as it is called now.
    pub unfit: Vec<(ObjectId, String)>,
    /// Values for such rows, by table and column.
    pub backfills: HashMap<(ObjectId, String), String>,
    /// New constraints and unique indexes of which it is known that the rows fit. The others are checked in the
    /// transaction that makes them: where rows do not fit, nothing has changed.
    pub fitting: BTreeSet<ObjectId>,
    /// Columns that go and whose values are in another column: that was verified.
    pub copied: BTreeSet<(ObjectId, String)>,
}

/// What the planner is given.
pub struct Input<'a> {
    /// The schema as it is.
    pub live: &'a Schema,
    /// The schema under its new names.
    pub renamed: &'a Schema,
    /// The schema as it is to be.
    pub target: &'a Schema,
    /// The renames, in the order in which they are done.
    pub renames: &'a [(Rename, Vec<String>)],
    /// The differences.
    pub changes: &'a [Change],
    /// What is there and out of sight, as it is in the live schema.
    pub ignored: &'a [Object],
    /// What is known of the rows.
    pub findings: &'a Findings,
    /// Whether nobody uses the database: then all is done in the shortest way.
    pub fast: bool,
    /// Steps that no change asks for, by where they stand.
    pub own: super::expand::own::OwnSteps,
    /// What is made only when all rows are filled in.
    pub late: BTreeSet<ObjectId>,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Planned {
    /// The steps.
    pub steps: Vec<Step>,
    /// What cannot be planned.
    pub obstacles: Vec<Error>,
    /// What cannot be told, and may matter.
    pub warnings: Vec<String>,
}

/// The steps, and what cannot be planned.
pub fn plan(input: &Input<'_>) -> Planned {
    let mut planner = Planner { late: input.late.clone(), ..Planner::of(input) };
    planner.find_broken();
    planner.renames();
    planner.drops();
    planner.bodies();
    let mut steps = Vec::new();
    // A new label cannot be used in the transaction that makes it.
    let later: String = [&planner.drops, &planner.body, &planner.online, &planner.finish]
        .iter()
        .flat_map(|bucket| bucket.iter())
        .flat_map(|step| &step.statements)
        .map(|statement| format!("{}\n", statement.sql()))
        .collect();
    for (step, label) in planner.values {
        let alone = later.contains(&quote_literal(&label));
        steps.push(Step { alone, ..step });
    }
    for step in &mut planner.online {
        step.undo.clone_from(&planner.helpers);
    }
    let own = &input.own;
    for bucket in [
        own.first.clone(),
        planner.renames,
        planner.drops,
        planner.body,
        own.beside.clone(),
        planner.fills,
        planner.proofs,
        planner.online,
        own.settled.clone(),
        planner.finish,
        planner.validate,
    ] {
        steps.extend(bucket);
    }
    let callers = callers(input);
    for step in &mut steps {
        step.calls |= callers.contains(&step.object);
    }
    Planned { steps, obstacles: planner.obstacles, warnings: planner.warnings }
}

/// What may call functions of the user's when it is made or changed, as it is shown: the default of a new column, a check
/// of all rows, the keys of an index, what a materialised view is filled with.
fn callers(input: &Input<'_>) -> BTreeSet<String> {
    let mut calling: BTreeSet<&ObjectId> = BTreeSet::new();
    loop {
        let count = calling.len();
        for (id, object) in input.renamed.objects.iter().chain(&input.target.objects) {
            let is_called = |need: &Need| {
                matches!(need.on.kind, Kind::Routine | Kind::Aggregate | Kind::Other)
                    || (matches!(need.on.kind, Kind::Domain | Kind::Composite | Kind::View)
                        && calling.contains(&need.on))
            };
            if !calling.contains(id) && object.needs.iter().any(is_called) {
                calling.insert(id);
            }
        }
        if calling.len() == count {
            break;
        }
    }
    let evaluates = |id: &&&ObjectId| {
        matches!(id.kind, Kind::Table | Kind::Constraint | Kind::Index | Kind::MaterializedView | Kind::Domain)
    };
    calling.iter().filter(evaluates).map(|id| id.shown()).collect()
}

struct Planner<'a> {
    input: &'a Input<'a>,
    /// Objects that go and are made anew, with the change that makes it necessary.
    again: BTreeMap<ObjectId, usize>,
    /// Defaults that go and come back.
    defaults: BTreeMap<(ObjectId, String), usize>,
    /// Columns that go and come back because they are computed, or will be: nothing else gives them other values.
    generated: BTreeMap<(ObjectId, String), usize>,
    /// Columns that are text while the type of their values changes.
    freed: BTreeMap<(ObjectId, String), usize>,
    /// Types that are made anew while the old ones are still there.
    remade: BTreeSet<ObjectId>,
    /// Indexes and domains that stay, and hold what a function gave that is another now.
    stale: BTreeMap<ObjectId, usize>,
    /// Objects that can be made only behind what is done while others read and write.
    late: BTreeSet<ObjectId>,
    values: Vec<(Step, String)>,
    renames: Vec<Step>,
    drops: Vec<Step>,
    late_drops: Vec<Step>,
    body: Vec<Step>,
    body_end: Vec<Step>,
    fills: Vec<Step>,
    proofs: Vec<Step>,
    online: Vec<Step>,
    finish: Vec<Step>,
    validate: Vec<Step>,
    /// What drops the checks that are there only while rows are looked at.
    helpers: Vec<String>,
    obstacles: Vec<Error>,
    warnings: Vec<String>,
}

impl<'a> Planner<'a> {
    fn of(input: &'a Input<'a>) -> Self {
        Planner {
            input,
            again: BTreeMap::new(),
            defaults: BTreeMap::new(),
            generated: BTreeMap::new(),
            freed: BTreeMap::new(),
            remade: BTreeSet::new(),
            stale: BTreeMap::new(),
            late: BTreeSet::new(),
            values: Vec::new(),
            renames: Vec::new(),
            drops: Vec::new(),
            late_drops: Vec::new(),
            body: Vec::new(),
            body_end: Vec::new(),
            fills: Vec::new(),
            proofs: Vec::new(),
            online: Vec::new(),
            finish: Vec::new(),
            validate: Vec::new(),
            helpers: Vec::new(),
            obstacles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn facts(&self, table: &ObjectId) -> Facts {
        self.input.findings.tables.get(table).copied().unwrap_or_default()
    }

    /// Whether a table is there with rows in it, and others may be using it.
    fn is_live(&self, table: &ObjectId) -> bool {
        !self.input.fast && self.has_rows(table)
    }

    fn has_rows(&self, table: &ObjectId) -> bool {
        self.input.findings.tables.get(table).is_some_and(|facts| !facts.empty)
    }

    fn unsupported(&mut self, object: &ObjectId, what: impl Into<String>) {
        let error = Error::new(Code::Unsupported, format!("{object}: {}", what.into())).object(object.shown());
        self.obstacles.push(error.help("do this part by hand, and run whimbrel again: it goes on from there"));
    }

    fn step(&self, change: usize, object: &ObjectId, title: impl Into<String>, statements: Vec<String>) -> Step {
        Step {
            change,
            object: object.shown(),
            title: title.into(),
            strategy: Strategy::InPlace,
            statements: statements.into_iter().map(Statement::Execute).collect(),
            ..Step::default()
        }
    }

    /// What was counted before is asked once more when nobody else can write any more.
    fn guard(&self, step: &mut Step, table: &ObjectId, check: String, failure: &str) {
        if !self.has_rows(table) && !self.input.findings.tables.contains_key(table) {
            return;
        }
        let settings =
            "SET LOCAL row_security = off; SET LOCAL extra_float_digits = 1; SET LOCAL DateStyle = 'ISO, YMD'";
        let mut first: Vec<Statement> = settings.split("; ").map(|sql| Statement::Execute(sql.to_owned())).collect();
        first.push(Statement::Execute(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table.sql())));
        first.push(Statement::Check { sql: check, failure: failure.to_owned() });
        step.statements.splice(0..0, first);
        step.reads |= self.has_rows(table);
        if step.lock.is_none() {
            step.lock = Some((Lock::AccessExclusive, table.clone()));
            step.rows = self.facts(table).rows;
        }
    }

    /// A step that reads all rows while it holds its lock.
    fn reading(&self, lock: Lock, table: &ObjectId, step: Step) -> Step {
        Step { reads: self.has_rows(table), ..self.locking(lock, table, step) }
    }

    fn locking(&self, lock: Lock, table: &ObjectId, step: Step) -> Step {
        let facts = self.facts(table);
        let there = self.input.findings.tables.contains_key(table);
        Step { lock: there.then(|| (lock, table.clone())), rows: facts.rows, bytes: facts.bytes, ..step }
    }

    /// The lock on a table that is there, taken by a step that works on one that is not.
    fn locking_other(&self, lock: Lock, other: Option<&ObjectId>, step: Step) -> Step {
        let there = other.filter(|_| step.lock.is_none()).filter(|id| self.input.findings.tables.contains_key(id));
        Step { lock: there.map(|id| (lock, id.clone())).or_else(|| step.lock.clone()), ..step }
    }

    fn renames(&mut self) {
        for (rename, statements) in self.input.renames {
            let way = "make way for what takes the name";
            let (id, title) = match rename {
                Rename::Object { before, after } if after.name.starts_with(ASIDE) => (before.clone(), way.to_owned()),
                Rename::Object { before, after } => (after.clone(), format!("rename from {}", before.shown())),
                Rename::Member { of, before, after } => {
                    let what = match of.kind {
                        Kind::Enum => "value",
                        Kind::Composite => "attribute",
                        _ => "column",
                    };
                    let title = format!("rename {what} {before} to {after}");
                    (of.clone(), if after.starts_with(ASIDE) { format!("{what} {before}: {way}") } else { title })
                }
            };
            let change = self.change_of(&id);
            let table = if id.kind.is_of_table() { id.table_id() } else { id.clone() };
            let step = self.step(change, &id, title, statements.clone());
            let step = self.locking(Lock::AccessExclusive, &table, step);
            self.renames.push(step);
        }
    }

    fn change_of(&self, id: &ObjectId) -> usize {
        let changes = self.input.changes;
        let of_table =
            || id.kind.is_of_table().then(|| changes.iter().position(|c| *c.id() == id.table_id())).flatten();
        changes.iter().position(|c| c.id() == id).or_else(of_table).unwrap_or(0)
    }

    fn drops(&mut self) {
        let renamed = self.input.renamed;
        let dropped: BTreeMap<ObjectId, usize> = self
            .input
            .changes
            .iter()
            .enumerate()
            .filter_map(|(at, change)| Some((change.dropped()?.clone(), at)))
            .collect();
        for ((table, column), change) in self.defaults.clone() {
            let sql = format!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", table.sql(), quote_name(&column));
            let step = self.step(change, &table, format!("drop default of {column}, to be set anew"), vec![sql]);
            let step = self.locking(Lock::AccessExclusive, &table, step);
            self.drops.push(step);
        }
        self.make_way_for_counters();
        let again: Vec<ObjectId> = self.again.keys().cloned().collect();
        let going: BTreeSet<&ObjectId> = dropped.keys().chain(&again).filter(|id| renamed.get(id).is_some()).collect();
        let mut order = print::in_order(renamed, &going, &BTreeSet::new());
        order.reverse();
        // Keys between tables that all go would hold each other.
        order.sort_by_key(|id| match renamed.get(id).map(|object| &object.body) {
            Some(Body::Constraint(c)) if c.demands == Demands::ForeignKey => 0,
            _ => 1,
        });
        // What stands on a column that goes to come back makes way first, and then the column for what it is made of.
        let (on_columns, order): (Vec<&ObjectId>, Vec<&ObjectId>) = {
            let stands = self.on_computed_columns(&order);
            order.into_iter().partition(|id| stands.contains(id))
        };
        self.drop_objects(&on_columns, &dropped);
        self.drop_computed_columns();
        self.free_columns();
        self.drop_objects(&order, &dropped);
    }

    fn drop_objects(&mut self, order: &[&ObjectId], dropped: &BTreeMap<ObjectId, usize>) {
        let renamed = self.input.renamed;
        for id in order.iter().copied() {
            let Some(object) = renamed.get(id) else { continue };
            let gone_with = object.on_table().filter(|table| dropped.contains_key(table));
            let is_key = matches!(&object.body, Body::Constraint(c) if c.demands == Demands::ForeignKey);
            let to_gone = matches!(&object.body, Body::Constraint(c)
                if c.references.as_ref().is_some_and(|table| dropped.contains_key(table)));
            // A key that is made anew cannot go while another table refers to it.
            let to_key = object.needs.iter().any(|need| {
                need.on.kind == Kind::Constraint
                    && (dropped.contains_key(&need.on) || self.again.contains_key(&need.on))
            });
            // What comes back on another table cannot wait for its own, which something needs for a while.
            let is_in_the_way = self.again.contains_key(id)
                && gone_with.as_ref().is_some_and(|table| self.is_needed_until_later(table, dropped));
            if gone_with.is_some() && !is_in_the_way && !(is_key && (to_gone || to_key)) {
                continue;
            }
            // A partition goes with its parent, and so do its rows.
            let parent = object.table().and_then(|table| table.partition_of.as_ref()).map(|(parent, _)| parent);
            if is_swapped(self, object) || parent.is_some_and(|parent| dropped.contains_key(parent)) {
                continue;
            }
            if let Some((column, value)) = self.unfilled(object) {
                let (table, change) = (id.table_id(), dropped.get(id).copied().unwrap_or_default());
                let rows = self.facts(&table).rows;
                self.backfill(&table, &column, &value, rows, change, None);
                self.drop_mark(&table, &id.name, &column, change);
                continue;
            }
            let goes_for_good = dropped.get(id);
            let change = goes_for_good.or(self.again.get(id)).copied().unwrap_or_default();
            let owned = matches!(&object.body, Body::Sequence(Sequence { owned_by: Some((table, column)), .. })
                if dropped.contains_key(table) || self.column_goes(table, column));
            if owned {
                continue;
            }
            let later = goes_for_good.is_some() && self.is_needed_until_later(id, dropped);
            let object = &if later { self.step_aside(object, change) } else { object.clone() };
            let title = match goes_for_good {
                Some(_) => format!("drop {}", id.kind.as_str()),
                None => "drop, to be made anew".to_owned(),
            };
            let mut step = self.step(change, id, title, vec![print::drop(object)]);
            step.object = self.shown(id);
            step.strategy = if goes_for_good.is_some() { Strategy::Drop } else { Strategy::Recreate };
            if id.kind == Kind::Table {
                let rows = self.input.findings.lost.get(&(id.clone(), None)).copied().unwrap_or_default();
                if rows > 0 {
                    step.hazards.push(Hazard::DataLoss { what: format!("table {}", self.shown(id)), rows });
                } else {
                    let check = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) r", id.sql());
                    self.guard(&mut step, id, check, "rows came into the table that is dropped");
                }
                step.hazards.push(Hazard::Irreversible);
            }
            let locked = object.on_table().unwrap_or_else(|| id.clone());
            let step = self.locking(Lock::AccessExclusive, &locked, step);
            if later { self.late_drops.push(step) } else { self.drops.push(step) }
        }
    }

    /// The name by which a person knows an object: what made way is known by the one it had.
    fn shown(&self, id: &ObjectId) -> String {
        if id.name.starts_with(ASIDE) { self.old_id(id).shown() } else { id.shown() }
    }

    /// The same for a column, an attribute or a label.
    fn shown_member<'n>(&'n self, of: &ObjectId, name: &'n str) -> &'n str {
        if name.starts_with(ASIDE) { self.old_member(of, name) } else { name }
    }

    fn column_goes(&self, table: &ObjectId, column: &str) -> bool {
        self.input.target.table(table).is_some_and(|table| table.column(column).is_none())
    }

    /// Whether something that stays needs an object until it has been changed itself: a column its type, its default
    /// or the parent of its table.
    fn is_needed_until_later(&self, id: &ObjectId, dropped: &BTreeMap<ObjectId, usize>) -> bool {
        if matches!(id.kind, Kind::Namespace | Kind::Extension) {
            return true;
        }
        let movable = matches!(
            id.kind,
            Kind::Collation
                | Kind::Enum
                | Kind::Composite
                | Kind::Range
                | Kind::Domain
                | Kind::Sequence
                | Kind::Routine
                | Kind::Aggregate
                | Kind::Table
        );
        let stays = |object: &&Object| !dropped.contains_key(&object.id) && !self.again.contains_key(&object.id);
        let needs = |object: &Object| object.id != *id && object.needs.iter().any(|need| need.on == *id);
        let owned = self.input.renamed.get(id).is_some_and(|object| {
            matches!(&object.body, Body::Sequence(Sequence { owned_by: Some((table, _)), .. }) if !dropped.contains_key(table))
        });
        movable && (owned || self.input.renamed.objects.values().filter(stays).any(needs))
    }

    /// A name that another object takes at once, while this one goes only later: it steps aside.
    fn step_aside(&mut self, object: &Object, change: usize) -> Object {
        let id = &object.id;
        let is_type = |kind: Kind| {
            matches!(
                kind,
                Kind::Enum
                    | Kind::Composite
                    | Kind::Range
                    | Kind::Domain
                    | Kind::Table
                    | Kind::View
                    | Kind::MaterializedView
            )
        };
        let is_relation = |kind: Kind| {
            matches!(kind, Kind::Table | Kind::View | Kind::MaterializedView | Kind::Sequence | Kind::Index)
        };
        let same_space = |kind: Kind| {
            kind == id.kind || (is_type(kind) && is_type(id.kind)) || (is_relation(kind) && is_relation(id.kind))
        };
        let target = self.input.target;
        let by_object = target.objects.keys().any(|other| {
            other.schema == id.schema
                && other.name == id.name
                && other.arguments == id.arguments
                && same_space(other.kind)
        });
        let by_identity = id.kind == Kind::Sequence
            && target.tables().any(|(table, body)| {
                let mut identities = body.columns.iter().filter_map(|column| column.identity.as_ref());
                table.schema == id.schema && identities.any(|identity| identity.sequence == id.name)
            });
        if !by_object && !by_identity {
            return object.clone();
        }
        let aside = Object { id: ObjectId { name: self.free_name(ASIDE, id), ..id.clone() }, ..object.clone() };
        let sql = format!("ALTER {} RENAME TO {}", print::named(object), quote_name(&aside.id.name));
        let step = self.step(change, id, "step aside for what takes its name", vec![sql]);
        self.drops.push(step);
        aside
    }

    /// Everything that is new or other, in the order of what needs what.
    fn bodies(&mut self) {
        let target = self.input.target;
        let mut wanted: BTreeSet<&ObjectId> = BTreeSet::new();
        for change in self.input.changes {
            if let Some((id, _)) = target.objects.get_key_value(change.id()) {
                wanted.insert(id);
            }
        }
        let again: Vec<ObjectId> = self.again.keys().cloned().collect();
        wanted.extend(again.iter().filter_map(|id| target.objects.get_key_value(id)).map(|(id, _)| id));
        let touched: Vec<ObjectId> =
            self.generated.keys().chain(self.freed.keys()).map(|(table, _)| table.clone()).collect();
        wanted.extend(touched.iter().filter_map(|id| target.objects.get_key_value(id)).map(|(id, _)| id));
        let created: BTreeSet<&ObjectId> =
            self.input.changes.iter().filter(|change| matches!(change, Change::Create(_))).map(Change::id).collect();
        let mut afterwards = Vec::new();
        for id in print::in_order(target, &wanted, &created) {
            let object = &target.objects[id];
            if object.needs.iter().any(|need| self.late.contains(&need.on)) {
                self.late.insert(id.clone());
            }
            let change = self.change_of(id);
            if let Some(cause) = self.again.get(id).copied() {
                let altered = self.input.changes.iter().any(|change| change.id() == id);
                self.make(object, if altered { change } else { cause }, true);
            } else if created.contains(id) {
                // A constraint of a new table comes with it.
                let with_table = print::is_inlined(target, object) && created.contains(&id.table_id());
                if !with_table {
                    self.make(object, change, false);
                }
                self.go_on_counting(object, change);
                let sql = print::afterwards(target, object);
                if !sql.is_empty() {
                    let step = self.step(change, id, "settings that need other objects", sql);
                    afterwards.push(step);
                }
            } else if let Some(Change::Alter(alteration)) = self.input.changes.iter().find(|c| c.id() == id) {
                self.alter(alteration, change);
            }
            self.generated_again(id);
            self.bind_columns(id);
        }
        for ((table, column), change) in self.defaults.clone() {
            let Some(default) = target.table(&table).and_then(|t| t.column(&column)?.default.clone()) else { continue };
            let sql = format!("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {default}", table.sql(), quote_name(&column));
            let step = self.step(change, &table, format!("set default of {column} anew"), vec![sql]);
            self.body.push(self.locking(Lock::AccessExclusive, &table, step));
        }
        self.body.extend(afterwards);
        self.refresh_stale();
        let end = std::mem::take(&mut self.body_end);
        self.body.extend(end);
        let drops = std::mem::take(&mut self.late_drops);
        self.body.extend(drops);
    }

    /// The id in the live schema.
    fn old_id(&self, id: &ObjectId) -> ObjectId {
        let renames: Vec<Rename> = self.input.renames.iter().map(|(rename, _)| rename.clone()).collect();
        old_id(&renames, id)
    }

    /// The name of a column in the live schema.
    fn old_member<'n>(&'n self, of: &ObjectId, name: &'n str) -> &'n str {
        let found = self.input.renames.iter().find_map(|(rename, _)| match rename {
            Rename::Member { of: id, before, after } if id == of && after == name => Some(before.as_str()),
            _ => None,
        });
        found.unwrap_or(name)
    }

    /// The owner and the rights that an object has: a copy has them not.
    fn rights_of(&self, id: &ObjectId) -> Rights {
        self.input.live.get(&self.old_id(id)).map(|object| object.rights.clone()).unwrap_or_default()
    }

    fn push(&mut self, id: &ObjectId, step: Step) {
        if self.late.contains(id) { self.finish.push(step) } else { self.body.push(step) }
    }

    /// Makes an object that is not there.
    fn make(&mut self, object: &Object, change: usize, again: bool) {
        let id = &object.id;
        let strategy = if again { Strategy::Recreate } else { Strategy::Create };
        let title = format!("{} {}", if again { "make anew" } else { "create" }, id.kind.as_str());
        let rights = if again { print::rights(object, &self.rights_of(id)) } else { Vec::new() };
        let plain = |planner: &Self| {
            let sql = print::create(planner.input.target, object).into_iter().chain(rights.clone()).collect();
            Step { strategy, ..planner.step(change, id, title.clone(), sql) }
        };
        match &object.body {
            Body::Other { kind } => {
                let kind = kind.clone();
                self.unsupported(id, format!("{kind} is declared, and cannot be made by whimbrel"));
            }
            Body::Constraint(constraint) => self.make_constraint(object, constraint, change, strategy),
            Body::Index(index) => self.make_index(object, index, change, strategy, again),
            Body::Trigger(_) => {
                let step = self.locking(Lock::ShareRowExclusive, &id.table_id(), plain(self));
                self.push(id, step);
            }
            Body::Policy(_) | Body::Rule(_) => {
                let step = self.locking(Lock::AccessExclusive, &id.table_id(), plain(self));
                self.push(id, step);
            }
            Body::View(view) if view.materialized && again => {
                // What held rows holds rows again, whatever is declared: a dump declares all of them without.
                let was = self.input.renamed.get(id).map(|old| &old.body);
                let held = matches!(was, Some(Body::View(old)) if old.populated);
                let body = Body::View(View { populated: view.populated || held, ..view.clone() });
                let filled = Object { body, ..object.clone() };
                let sql = print::create(self.input.target, &filled).into_iter().chain(rights.clone()).collect();
                let step = Step { strategy, ..self.step(change, id, title.clone(), sql) };
                self.push(id, step);
            }
            Body::Table(table) => {
                let parent = table.partition_of.as_ref().map(|(parent, _)| parent);
                let step = self.locking_other(Lock::AccessExclusive, parent, plain(self));
                self.push(id, step);
            }
            _ => {
                let step = plain(self);
                self.push(id, step);
            }
        }
    }

    fn alter(&mut self, alteration: &Alteration, change: usize) {
        let id = &alteration.after.id;
        if alteration.parts.contains(&Part::Comment) && !self.remade.contains(id) {
            let sql = print::set_comment(&alteration.after, alteration.after.comment.as_ref());
            let step = self.step(change, id, "comment", vec![sql]);
            self.finish.push(step);
        }
        match (&alteration.before.body, &alteration.after.body) {
            (Body::Table(before), Body::Table(after)) => self.alter_table(alteration, before, after, change),
            (Body::Enum(_), Body::Enum(_)) => self.alter_enum(alteration, change),
            (Body::Sequence(before), Body::Sequence(after)) => self.alter_sequence(id, before, after, change),
            _ if self.remade.contains(id) => {}
            (Body::Domain(before), Body::Domain(after)) => self.alter_domain(id, before, after, change),
            (Body::Constraint(_), Body::Constraint(_)) if alteration.parts.contains(&Part::Validate) => {
                let rows = self.facts(&id.table_id()).rows;
                self.check_all_rows(id, change, rows);
            }
            (Body::Index(_), Body::Index(index)) => {
                if index.partitioned {
                    self.complete_index(&alteration.after, index, change);
                }
                let sql = print::index_statistics(id, index);
                if !sql.is_empty() {
                    let step = self.step(change, id, "settings of the index", sql);
                    self.finish.push(step);
                }
            }
            (Body::View(before), Body::View(after)) => self.alter_view(id, before, after, change),
            (Body::Trigger(before), Body::Trigger(after)) if before.enabled != after.enabled => {
                let sql = print::enable(id, "TRIGGER", after.enabled);
                let step = self.step(change, id, "enable or disable trigger", vec![sql]);
                let step = self.locking(Lock::ShareRowExclusive, &id.table_id(), step);
                self.push(id, step);
            }
            (Body::Rule(before), Body::Rule(after)) if before.enabled != after.enabled => {
                let sql = print::enable(id, "RULE", after.enabled);
                let step = self.step(change, id, "enable or disable rule", vec![sql]);
                let step = self.locking(Lock::AccessExclusive, &id.table_id(), step);
                self.push(id, step);
            }
            (Body::Extension { .. }, Body::Extension { schema }) => {
                let sql = format!("ALTER EXTENSION {} SET SCHEMA {}", id.sql(), quote_name(schema));
                let step = self.step(change, id, "move to another schema", vec![sql]);
                self.push(id, step);
            }
            (Body::Routine(_), Body::Routine(after)) => {
                let step = self.step(change, id, "replace function", vec![after.definition.clone()]);
                self.push(id, step);
            }
            (Body::Composite(before), Body::Composite(after)) => self.alter_composite(id, before, after, change),
            (Body::Whole { definition: before }, Body::Whole { definition: after }) => {
                if let Some(sql) = multiranges(before, after) {
                    let step = self.step(change, id, "rename its type of several ranges", sql);
                    self.push(id, step);
                }
            }
            _ => {}
        }
    }

    fn alter_view(&mut self, id: &ObjectId, before: &View, after: &View, change: usize) {
        let mut sql = Vec::new();
        if before.query != after.query || before.columns != after.columns {
            print::create_view(id, after, true, &mut sql);
        } else {
            let what = if after.materialized { "MATERIALIZED VIEW" } else { "VIEW" };
            let (gone, new) = print::changed_options(&before.options, &after.options);
            if !gone.is_empty() {
                sql.push(format!("ALTER {what} {} RESET ({})", id.sql(), gone.join(", ")));
            }
            if !new.is_empty() {
                sql.push(format!("ALTER {what} {} SET ({})", id.sql(), print::options(&new)));
            }
            for (column, default) in after.defaults.iter().filter(|d| !before.defaults.contains(d)) {
                sql.push(format!("ALTER VIEW {} ALTER COLUMN {} SET DEFAULT {default}", id.sql(), quote_name(column)));
            }
            for (column, text) in after.comments.iter().filter(|c| !before.comments.contains(c)) {
                sql.push(print::column_comment(&id.sql(), column, Some(text)));
            }
        }
        for (column, _) in before.defaults.iter().filter(|(c, _)| !after.defaults.iter().any(|(a, _)| a == c)) {
            sql.push(format!("ALTER VIEW {} ALTER COLUMN {} DROP DEFAULT", id.sql(), quote_name(column)));
        }
        for (column, _) in before.comments.iter().filter(|(c, _)| !after.comments.iter().any(|(a, _)| a == c)) {
            sql.push(print::column_comment(&id.sql(), column, None));
        }
        if !sql.is_empty() {
            let step = self.step(change, id, "replace view", sql);
            self.push(id, step);
        }
    }

    /// A name that nothing in its schema has, neither now nor then.
    fn free_name(&self, prefix: &str, id: &ObjectId) -> String {
        let is_taken = |name: &str| {
            let mut ids = self.input.renamed.objects.keys().chain(self.input.target.objects.keys());
            ids.any(|other| other.schema == id.schema && other.name == name)
        };
        let numbered = (2..).map(|n| shortened(&format!("{prefix}{n}_"), &id.name));
        let mut names = std::iter::once(shortened(prefix, &id.name)).chain(numbered);
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }
}

impl Change {
    fn dropped(&self) -> Option<&ObjectId> {
        match self {
            Change::Drop(object) => Some(&object.id),
            _ => None,
        }
    }
}
