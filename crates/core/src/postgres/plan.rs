//! Changes → steps, for PostgreSQL.
//!
//! A pure function of two schemas, their differences and what was found out about the rows. The order: values that
//! enums gain, renames, what has to make way, then everything that is new or other in the order of what needs what,
//! then what is done while others read and write (indexes, checks of all rows), then what rests on that.
//!
//! **Invariant:** nothing is dropped with CASCADE. What would go with another object is dropped by a step of its own,
//! and made anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::diff::{Alteration, Change, Part};
use super::print;
use super::resolve::{ASIDE, Rename, new_id, new_member, old_id, shortened};
use super::schema::{
    Body, Column, Constraint, Demands, Domain, Index, Kind, Need, Numbers, Object, ObjectId, Rights, Schema, Sequence,
    Table, View,
};
use super::steps::{Lock, Statement, Step};
use super::token::{quote_literal, quote_name};
use crate::error::{Code, Error};
use crate::plan::{Hazard, Strategy};

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
    /// Values for such rows, by table and column.
    pub backfills: HashMap<(ObjectId, String), String>,
    /// New constraints and unique indexes of which it is known that the rows fit. The others are checked in the
    /// transaction that makes them: where rows do not fit, nothing has changed.
    pub fitting: BTreeSet<ObjectId>,
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
    let mut planner = Planner::of(input);
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
    for bucket in [
        planner.renames,
        planner.drops,
        planner.body,
        planner.fills,
        planner.proofs,
        planner.online,
        planner.finish,
        planner.validate,
    ] {
        steps.extend(bucket);
    }
    Planned { steps, obstacles: planner.obstacles, warnings: planner.warnings }
}

/// Something that goes, or becomes another, so that what needs it has to make way.
struct Broken {
    id: ObjectId,
    what: Loses,
    /// The change that makes it necessary.
    cause: usize,
}

/// How much of it.
enum Loses {
    /// All of it.
    Itself,
    /// A column, which may come back.
    Column(String),
    /// The type of a column.
    TypeOf(String),
}

struct Planner<'a> {
    input: &'a Input<'a>,
    /// Objects that go and are made anew, with the change that makes it necessary.
    again: BTreeMap<ObjectId, usize>,
    /// Defaults that go and come back.
    defaults: BTreeMap<(ObjectId, String), usize>,
    /// Columns that go and come back because they are computed, or will be: nothing else gives them other values.
    generated: BTreeMap<(ObjectId, String), usize>,
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

    /// What is dropped out of a type may be held in columns of other tables: these are asked once more.
    fn guard_holders(&self, step: &mut Step, of: &ObjectId, member: &str) {
        for (table, held) in holders(self.input.renamed, of, member) {
            let check = format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {held} LIMIT 1) r", table.sql());
            self.guard(step, &table, check, "values came into what is dropped of their type");
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

    /// Which objects must be made anew because what they need goes, or becomes another.
    fn find_broken(&mut self) {
        let mut broken: Vec<Broken> = Vec::new();
        for (at, change) in self.input.changes.iter().enumerate() {
            let alteration = match change {
                Change::Create(_) => continue,
                Change::Drop(object) => {
                    broken.push(Broken { id: object.id.clone(), what: Loses::Itself, cause: at });
                    continue;
                }
                Change::Alter(alteration) => alteration,
            };
            let id = &alteration.after.id;
            if is_made_anew(alteration) {
                self.again.insert(id.clone(), at);
                broken.push(Broken { id: id.clone(), what: Loses::Itself, cause: at });
            }
            for part in &alteration.parts {
                let what = match part {
                    Part::DropColumn(column) => Loses::Column(column.name.clone()),
                    Part::AlterColumn { before, after } if is_computed_anew(before, after) => {
                        self.generated.insert((id.clone(), after.name.clone()), at);
                        Loses::Column(after.name.clone())
                    }
                    Part::AlterColumn { before, after } if changes_type(before, after) => {
                        Loses::TypeOf(after.name.clone())
                    }
                    Part::RemakeEnum { .. } => {
                        for id in self.made_of(id) {
                            self.remade.insert(id.clone());
                            broken.push(Broken { id, what: Loses::Itself, cause: at });
                        }
                        continue;
                    }
                    _ => continue,
                };
                broken.push(Broken { id: id.clone(), what, cause: at });
            }
        }
        self.find_stale(&mut broken);
        self.follow(broken);
    }

    /// What is made anew because it needs what goes; and what needs that.
    fn follow(&mut self, mut broken: Vec<Broken>) {
        let mut needed_by: HashMap<&ObjectId, Vec<(&Object, &Need)>> = HashMap::new();
        for object in self.input.renamed.objects.values() {
            for need in &object.needs {
                needed_by.entry(&need.on).or_default().push((object, need));
            }
        }
        let dropped: BTreeSet<&ObjectId> = self.input.changes.iter().filter_map(Change::dropped).collect();
        while let Some(Broken { id, what, cause }) = broken.pop() {
            self.refuse_out_of_sight(&id, &what);
            for (object, need) in needed_by.get(&id).into_iter().flatten() {
                let is_hit = match &what {
                    Loses::Itself => true,
                    Loses::Column(column) | Loses::TypeOf(column) => need.column.as_ref() == Some(column),
                };
                if !is_hit {
                    continue;
                }
                let survives = !dropped.contains(&object.id) && self.input.target.get(&object.id).is_some();
                match (object.id.kind, &need.of) {
                    (Kind::Table, Some(of)) => self.break_column(object, of, &id, cause, &mut broken),
                    (Kind::Table | Kind::Sequence | Kind::Domain | Kind::Composite | Kind::Enum | Kind::Range, _) => {}
                    // PostgreSQL carries these over to the new type by itself.
                    (Kind::Constraint | Kind::Index | Kind::Statistics, _) if matches!(what, Loses::TypeOf(_)) => {}
                    (Kind::Namespace | Kind::Extension | Kind::Other, _) => {}
                    _ if survives && !self.again.contains_key(&object.id) => {
                        self.again.insert(object.id.clone(), cause);
                        broken.push(Broken { id: object.id.clone(), what: Loses::Itself, cause });
                    }
                    _ => {}
                }
            }
        }
    }

    /// What is out of sight cannot make way.
    fn refuse_out_of_sight(&mut self, id: &ObjectId, what: &Loses) {
        let renames: Vec<Rename> = self.input.renames.iter().map(|(rename, _)| rename.clone()).collect();
        for object in self.input.ignored {
            let hit = object.needs.iter().any(|need| {
                let on = new_id(&renames, &need.on);
                let column = need.column.as_deref().map(|column| new_member(&renames, &on, column));
                let same = on == *id;
                same && match what {
                    Loses::Itself => true,
                    Loses::Column(gone) | Loses::TypeOf(gone) => column == Some(gone.as_str()),
                }
            });
            // Keys and indexes follow a column's type.
            let follows =
                matches!(what, Loses::TypeOf(_)) && !matches!(object.id.kind, Kind::View | Kind::MaterializedView);
            if hit && !follows {
                let shown = match what {
                    Loses::Itself => id.to_string(),
                    Loses::Column(column) | Loses::TypeOf(column) => format!("{}.{column}", id.shown()),
                };
                let message = format!("the {} needs {shown}, which changes, and is out of sight", object.id);
                let error = Error::new(Code::Unsupported, message).object(object.id.shown());
                self.obstacles.push(error.help("drop it before and make it anew behind, or do not ignore it"));
            }
        }
    }

    /// A column whose default, type or expression needs what goes.
    fn break_column(&mut self, table: &Object, column: &str, on: &ObjectId, cause: usize, broken: &mut Vec<Broken>) {
        let key = (table.id.clone(), column.to_owned());
        let (before, after) = (
            table.table().and_then(|t| t.column(column)),
            self.input.target.table(&table.id).and_then(|t| t.column(column)),
        );
        let (Some(before), Some(after)) = (before, after) else { return };
        if before.generated.is_some() {
            self.compute_anew(&table.id, (before, after), cause, broken);
            return;
        }
        let is_type = matches!(on.kind, Kind::Enum | Kind::Composite | Kind::Domain | Kind::Range);
        if is_type && before.data_type.trim_end_matches("[]") == on.sql() {
            if self.input.target.get(on).is_some() {
                // The column goes over to the type that is made anew, and what reads it has to make way.
                let what = Loses::TypeOf(column.to_owned());
                broken.push(Broken { id: table.id.clone(), what, cause });
            }
        } else if before.default.is_some() && (is_type || after.default == before.default) {
            self.defaults.insert(key, cause);
        }
    }

    /// A generated column that goes and comes back; that of a partition or a child goes with its parent's.
    fn compute_anew(
        &mut self,
        table: &ObjectId,
        (before, after): (&Column, &Column),
        cause: usize,
        broken: &mut Vec<Broken>,
    ) {
        let key = (table.clone(), after.name.clone());
        let is_own = before.local || !self.input.renamed.table(table).is_some_and(Table::has_parents);
        if is_own && after.generated.is_some() && self.generated.insert(key, cause).is_none() {
            let what = Loses::Column(after.name.clone());
            broken.push(Broken { id: table.clone(), what, cause });
        }
    }

    /// What was made by functions that give something else now: PostgreSQL takes it for unchanged.
    fn find_stale(&mut self, broken: &mut Vec<Broken>) {
        let renamed = self.input.renamed;
        let mut other: BTreeMap<&ObjectId, usize> = BTreeMap::new();
        for (at, change) in self.input.changes.iter().enumerate() {
            if let Change::Alter(alteration) = change
                && let (Body::Routine(before), Body::Routine(after)) = (&alteration.before.body, &alteration.after.body)
                && alteration.parts.contains(&Part::Definition)
                && what_it_does(&before.definition) != what_it_does(&after.definition)
                && let Some((id, _)) = renamed.objects.get_key_value(&alteration.after.id)
            {
                other.insert(id, at);
            }
        }
        // Functions that are made of these: where PostgreSQL knows it, and where a text only names them.
        let mut named: BTreeMap<&ObjectId, (&ObjectId, usize)> = BTreeMap::new();
        loop {
            let before = (other.len(), named.len());
            for object in renamed.objects.values() {
                let Body::Routine(routine) = &object.body else { continue };
                if let Some(at) = object.needs.iter().find_map(|need| other.get(&need.on).copied()) {
                    other.entry(&object.id).or_insert(at);
                }
                let of_other =
                    other.iter().map(|(id, at)| (*id, *at)).chain(named.iter().map(|(id, (_, at))| (*id, *at)));
                let named_here =
                    of_other.clone().find(|(id, _)| **id != object.id && names(&routine.definition, &id.name));
                if let Some(found) = named_here
                    && !other.contains_key(&object.id)
                {
                    named.entry(&object.id).or_insert(found);
                }
            }
            if (other.len(), named.len()) == before {
                break;
            }
        }
        for object in renamed.objects.values() {
            for need in &object.needs {
                if let Some(cause) = other.get(&need.on).copied() {
                    self.make_stale(object, need, cause, broken);
                }
            }
        }
        for (user, (changed, _)) in named {
            let rests = renamed.objects.values().filter(|object| {
                let holds = |need: &Need| need.on == *user && is_kept_result(object, need);
                self.input.target.get(&object.id).is_some() && object.needs.iter().any(holds)
            });
            let rests: Vec<String> = rests.map(|object| object.id.to_string()).collect();
            if !rests.is_empty() {
                self.warnings.push(format!(
                    "the {changed} changes, and the {user} names it: whether what was computed with that is still right \
                     cannot be told ({}); REINDEX, or write the rows again, where it is not",
                    rests.join(", ")
                ));
            }
        }
    }

    fn make_stale(&mut self, object: &Object, need: &Need, cause: usize, broken: &mut Vec<Broken>) {
        if !is_kept_result(object, need) || self.input.target.get(&object.id).is_none() {
            return;
        }
        match &object.body {
            Body::Index(index) if !index.partitioned => {
                self.stale.insert(object.id.clone(), cause);
            }
            Body::Domain(_) => {
                self.stale.insert(object.id.clone(), cause);
            }
            Body::Table(table) => {
                let Some(of) = &need.of else {
                    self.unsupported(
                        &object.id,
                        format!("its rows are in partitions by the {}, which gives something else now", need.on),
                    );
                    return;
                };
                let after = self.input.target.table(&object.id).and_then(|t| t.column(of));
                if let (Some(before), Some(after)) = (table.column(of), after) {
                    self.compute_anew(&object.id, (before, after), cause, broken);
                }
            }
            // What is made anew is made with all rows.
            _ => {
                self.again.insert(object.id.clone(), cause);
                broken.push(Broken { id: object.id.clone(), what: Loses::Itself, cause });
            }
        }
    }

    /// Indexes are built once more, and domains ask all rows once more, in the transaction that changes the function.
    fn refresh_stale(&mut self) {
        for (id, change) in self.stale.clone() {
            if self.again.contains_key(&id) {
                continue;
            }
            let Some(object) = self.input.target.get(&id) else { continue };
            let (title, sql) = match &object.body {
                Body::Domain(domain) => {
                    let name = id.sql();
                    let again = domain.checks.iter().flat_map(|check| {
                        let quoted = quote_name(&check.name);
                        [
                            format!("ALTER DOMAIN {name} DROP CONSTRAINT {quoted}"),
                            format!("ALTER DOMAIN {name} ADD CONSTRAINT {quoted} {}", check.definition),
                        ]
                    });
                    ("ask all rows again, because a function changes", again.collect())
                }
                _ => ("build again, because a function changes", vec![format!("REINDEX INDEX {}", id.sql())]),
            };
            let step = Step { strategy: Strategy::Recreate, ..self.step(change, &id, title, sql) };
            let holds = |table: &Table| table.columns.iter().any(|c| c.data_type.trim_end_matches("[]") == id.sql());
            let holder = || self.input.renamed.tables().find(|(_, table)| holds(table)).map(|(id, _)| id.clone());
            // Nobody can even plan a query for a table while one of its indexes is built again.
            let lock = if id.kind == Kind::Index { Lock::AccessExclusive } else { Lock::Share };
            let step = match object.on_table().or_else(holder) {
                Some(table) => self.reading(lock, &table, step),
                None => step,
            };
            self.body_end.push(step);
        }
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
        self.drop_objects(&order, &dropped);
    }

    /// Which of these need a column that goes and comes back, or something that does.
    fn on_computed_columns<'i>(&self, of: &[&'i ObjectId]) -> BTreeSet<&'i ObjectId> {
        let mut out: BTreeSet<&ObjectId> = BTreeSet::new();
        loop {
            let count = out.len();
            for id in of {
                let needs = self.input.renamed.get(id).into_iter().flat_map(|object| &object.needs);
                let mut hits = needs.filter(|need| {
                    let column = need.column.as_ref().map(|column| (need.on.clone(), column.clone()));
                    out.contains(&need.on) || column.is_some_and(|key| self.generated.contains_key(&key))
                });
                if id.kind != Kind::Table && hits.next().is_some() {
                    out.insert(id);
                }
            }
            if out.len() == count {
                return out;
            }
        }
    }

    fn drop_computed_columns(&mut self) {
        for ((table, name), change) in self.generated.clone() {
            let before = self.input.renamed.table(&table).and_then(|t| t.column(&name)).cloned().unwrap_or_default();
            let (sql, quoted) = (table.sql(), quote_name(&name));
            let drop = format!("ALTER TABLE {sql} DROP COLUMN {quoted}");
            let mut step = self.step(change, &table, format!("drop column {name}, to be computed anew"), vec![drop]);
            step.parts = self.parts_of(change, &table, &name);
            if before.generated.is_none() {
                let lost = self.input.findings.lost.get(&(table.clone(), Some(name.clone()))).copied();
                match lost.filter(|rows| *rows > 0) {
                    Some(rows) => {
                        let what = format!("column {}.{name}", table.shown());
                        step.hazards.push(Hazard::DataLoss { what, rows });
                    }
                    None => {
                        let check =
                            format!("SELECT count(*) FROM (SELECT 1 FROM {sql} WHERE {quoted} IS NOT NULL LIMIT 1) r");
                        self.guard(&mut step, &table, check, "values came into the column that is dropped");
                    }
                }
            }
            let step = self.locking(Lock::AccessExclusive, &table, step);
            self.drops.push(step);
        }
    }

    /// Where the change of a column stands among the parts of its table's.
    fn parts_of(&self, change: usize, table: &ObjectId, column: &str) -> Vec<usize> {
        let Some(Change::Alter(alteration)) = self.input.changes.get(change) else { return Vec::new() };
        let is_it = |part: &Part| matches!(part, Part::AlterColumn { after, .. } if after.name == column);
        let found = alteration.parts.iter().position(is_it).filter(|_| alteration.after.id == *table);
        found.into_iter().collect()
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
            if gone_with.is_some() && !(is_key && (to_gone || to_key)) {
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

    /// Whether a table that inherits a column keeps it when its parent's goes.
    fn child_keeps(&self, parent: &ObjectId, column: &str) -> bool {
        let mut children = self.input.renamed.tables().filter(|(_, table)| table.inherits.contains(parent));
        children.any(|(id, _)| self.input.target.table(id).is_some_and(|table| table.column(column).is_some()))
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

    /// A column that counts by a sequence comes to count by another of the same name: the counter goes on.
    fn make_way_for_counters(&mut self) {
        for (at, change) in self.input.changes.iter().enumerate() {
            let Change::Alter(alteration) = change else { continue };
            let table = &alteration.after.id;
            for part in &alteration.parts {
                let Part::AlterColumn { before, after } = part else { continue };
                let column = quote_name(&after.name);
                match (&before.identity, &after.identity) {
                    (None, Some(_)) if before.default.is_some() => {
                        let sql = format!("ALTER TABLE {} ALTER COLUMN {column} DROP DEFAULT", table.sql());
                        let step = self.step(at, table, format!("drop default of {}", after.name), vec![sql]);
                        let step = self.locking(Lock::AccessExclusive, table, step);
                        self.drops.push(step);
                    }
                    (Some(identity), None) => {
                        let id = ObjectId::new(Kind::Sequence, &table.schema, &identity.sequence);
                        if self.input.target.get(&id).is_some() {
                            let aside = self.free_name(ASIDE, &id);
                            let sql = format!("ALTER SEQUENCE {} RENAME TO {}", id.sql(), quote_name(&aside));
                            let step = self.step(at, &id, "step aside for what takes its name", vec![sql]);
                            self.drops.push(step);
                        }
                    }
                    _ => {}
                }
            }
        }
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
        let touched: Vec<ObjectId> = self.generated.keys().map(|(table, _)| table.clone()).collect();
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

    /// A column that is there begins to count by a sequence: numbers that are in use, or were given out by the identity
    /// that it was, are not given out again. Before that one goes.
    fn go_on_counting(&mut self, object: &Object, change: usize) {
        let Body::Sequence(Sequence { owned_by: Some((table, column)), numbers, .. }) = &object.body else { return };
        let Some(before) = self.input.renamed.table(table).and_then(|t| t.column(column)).cloned() else { return };
        if !is_integer(&before.data_type) {
            return;
        }
        let mut sql = Vec::new();
        let given = before.identity.as_ref().map(|identity| {
            let id = ObjectId::new(Kind::Sequence, &table.schema, &identity.sequence);
            self.moved_aside(&id)
        });
        if given.is_some() || self.has_rows(table) {
            sql.push(count_on(&object.id.sql(), numbers, (&table.sql(), column), given.as_deref()));
        }
        let live = self.input.live.table(&self.old_id(table)).and_then(|t| t.column(self.old_member(table, column)));
        if let Some(identity) = live.and_then(|column| column.identity.as_ref()) {
            let on = format!("SEQUENCE {}", object.id.sql());
            sql.extend(identity.rights.grants.iter().map(|right| print::grant(right, None, &on)));
        }
        if !sql.is_empty() {
            let step = self.step(change, &object.id, "go on counting", sql);
            self.body.push(step);
        }
    }

    fn generated_again(&mut self, table: &ObjectId) {
        let columns: Vec<(String, usize)> =
            self.generated.iter().filter(|((id, _), _)| id == table).map(|((_, c), at)| (c.clone(), *at)).collect();
        for (name, change) in columns {
            let Some(column) = self.input.target.table(table).and_then(|t| t.column(&name)) else { continue };
            let sql_name = table.sql();
            let mut sql = vec![format!("ALTER TABLE {sql_name} ADD COLUMN {}", print::column(column, &table.schema))];
            sql.extend(print::column_settings(&sql_name, &Column::default(), column));
            sql.extend(column.comment.as_ref().map(|text| print::column_comment(&sql_name, &name, Some(text))));
            if let Some(old) = self.input.live.get(&self.old_id(table)) {
                sql.extend(print::column_rights(table, &old.rights, self.old_member(table, &name), &name));
            }
            let mut step = self.step(change, table, format!("add computed column {name}"), sql);
            step.parts = self.parts_of(change, table, &name);
            step.hazards.push(Hazard::Rewrite { rows: self.facts(table).rows });
            let add = self.locking(Lock::AccessExclusive, table, step);
            self.body.push(add);
        }
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

    fn make_constraint(&mut self, object: &Object, constraint: &Constraint, change: usize, strategy: Strategy) {
        let id = &object.id;
        let table = id.table_id();
        let partitioned = self.input.target.table(&table).is_some_and(|t| t.partition_by.is_some());
        // A key to a partitioned table has a part for each partition, which VALIDATE leaves out.
        let to_partitioned = constraint
            .references
            .as_ref()
            .and_then(|parent| self.input.target.table(parent))
            .is_some_and(|parent| parent.partition_by.is_some());
        let rows = self.facts(&table).rows;
        let title = format!("add constraint {}", id.name);
        let comment = print::comment(object);
        let direct = |planner: &Self, not_valid: bool| {
            let sql = vec![print::add_constraint(id, constraint, not_valid)];
            let sql = sql.into_iter().chain(comment.clone()).collect();
            Step { strategy, ..planner.step(change, id, title.clone(), sql) }
        };
        match constraint.demands {
            Demands::Check | Demands::ForeignKey
                if constraint.valid
                    && self.is_live(&table)
                    && self.input.findings.fitting.contains(id)
                    && !(constraint.demands == Demands::ForeignKey && (partitioned || to_partitioned)) =>
            {
                let lock = match constraint.demands {
                    Demands::ForeignKey => Lock::ShareRowExclusive,
                    _ => Lock::AccessExclusive,
                };
                let step = self.locking(lock, &table, direct(self, true));
                self.push(id, step);
                self.check_all_rows(id, change, rows);
            }
            Demands::PrimaryKey | Demands::Unique
                if self.is_live(&table) && !partitioned && self.input.findings.fitting.contains(id) =>
            {
                let Some((index, using)) = index_for(id, constraint) else {
                    let step = self.reading(Lock::AccessExclusive, &table, direct(self, false));
                    self.push(id, step);
                    return;
                };
                self.late.insert(id.clone());
                self.build_index(id, change, &table, index);
                let sql = format!("ALTER TABLE {} ADD CONSTRAINT {} {using}", table.sql(), quote_name(&id.name));
                let sql = vec![sql].into_iter().chain(comment).collect();
                let step = Step { strategy, ..self.step(change, id, format!("{title} using its index"), sql) };
                let step = self.locking(Lock::AccessExclusive, &table, step);
                self.finish.push(step);
            }
            _ => {
                let mut step = direct(self, !constraint.valid);
                let lock = match constraint.demands {
                    Demands::ForeignKey => Lock::ShareRowExclusive,
                    _ => Lock::AccessExclusive,
                };
                if self.has_rows(&table) {
                    step.hazards.push(Hazard::MayFail { constraint: format!("constraint {}", id.name), rows });
                }
                let step = match constraint.valid {
                    true => self.reading(lock, &table, step),
                    false => self.locking(lock, &table, step),
                };
                let step = self.locking_other(Lock::ShareRowExclusive, constraint.references.as_ref(), step);
                self.push(id, step);
            }
        }
    }

    fn check_all_rows(&mut self, id: &ObjectId, change: usize, rows: u64) {
        let table = id.table_id();
        let sql = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table.sql(), quote_name(&id.name));
        let mut step = self.step(change, id, format!("check all rows against {}", id.name), vec![sql]);
        step.hazards.push(Hazard::MayFail { constraint: format!("constraint {}", id.name), rows });
        step.alone = true;
        if self.input.renamed.get(id).is_none() {
            step.undo.push(format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", table.sql(), quote_name(&id.name)));
        }
        let step = self.locking(Lock::ShareUpdateExclusive, &table, step);
        self.validate.push(step);
    }

    /// Builds an index while others write.
    fn build_index(&mut self, id: &ObjectId, change: usize, table: &ObjectId, plain: String) {
        let sql = plain.replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
        let mut step = self.step(change, id, "build index while others write", Vec::new());
        step.statements.push(Statement::Outside { sql, plain });
        step.strategy = Strategy::Create;
        step.alone = true;
        let step = self.locking(Lock::ShareUpdateExclusive, table, step);
        self.online.push(step);
    }

    fn make_index(&mut self, object: &Object, index: &Index, change: usize, strategy: Strategy, again: bool) {
        let id = &object.id;
        let fits = !index.unique || self.input.findings.fitting.contains(id);
        if index.partitioned && self.is_live(&index.table) && fits && !index.attached.is_empty() {
            let step = Step {
                strategy,
                ..self.step(change, id, "create index without its parts", vec![index.definition.clone()])
            };
            let step = self.locking(Lock::Share, &index.table, step);
            self.push(id, step);
            self.late.insert(id.clone());
            self.complete_index(object, index, change);
            let settings: Vec<String> =
                print::index_statistics(id, index).into_iter().chain(print::comment(object)).collect();
            if !settings.is_empty() {
                let step = self.step(change, id, "settings of the index", settings);
                self.finish.push(step);
            }
            return;
        }
        let concurrently = self.is_live(&index.table) && !index.partitioned && fits;
        if !concurrently {
            let sql = print::create(self.input.target, object);
            let step = Step { strategy, ..self.step(change, id, "create index", sql) };
            let step = self.reading(Lock::Share, &index.table, step);
            self.push(id, step);
            return;
        }
        let settings: Vec<String> =
            print::index_statistics(id, index).into_iter().chain(print::comment(object)).collect();
        self.late.insert(id.clone());
        let old = self.input.renamed.get(id).filter(|_| again && is_swapped(self, object));
        if let Some(old) = old {
            // The old one serves until the new one is there.
            let temporary = ObjectId { name: self.free_name(NEW, id), ..id.clone() };
            let plain = print::create_index(index, false).replacen(
                &format!("INDEX {} ON", quote_name(&id.name)),
                &format!("INDEX {} ON", quote_name(&temporary.name)),
                1,
            );
            self.build_index(id, change, &index.table, plain);
            let mut sql =
                vec![print::drop(old), format!("ALTER INDEX {} RENAME TO {}", temporary.sql(), quote_name(&id.name))];
            sql.extend(settings);
            let step = Step { strategy, ..self.step(change, id, "put the new index in the old one's place", sql) };
            let step = self.locking(Lock::AccessExclusive, &index.table, step);
            self.finish.push(step);
            return;
        }
        self.build_index(id, change, &index.table, print::create_index(index, false));
        if !settings.is_empty() {
            let step = self.step(change, id, "settings of the index", settings);
            self.finish.push(step);
        }
    }

    /// The indexes of partitions are built while others write, as far as they are not there, and attached; with the last
    /// one the whole is valid.
    fn complete_index(&mut self, object: &Object, index: &Index, change: usize) {
        let renamed = self.input.renamed;
        let was = match renamed.get(&object.id).map(|old| &old.body) {
            Some(Body::Index(old)) if !self.again.contains_key(&object.id) => old.attached.as_slice(),
            _ => &[],
        };
        for part in &index.attached {
            let id = part.id();
            if let Some(old) = was.iter().find(|old| old.table == part.table) {
                if old.name != part.name && renamed.get(&id).is_none() {
                    let sql = format!("ALTER INDEX {} RENAME TO {}", old.id().sql(), quote_name(&part.name));
                    let step = self.step(change, &id, format!("rename from {}", old.name), vec![sql]);
                    self.body.push(step);
                }
                continue;
            }
            // One that a run which stopped has left is made anew where it is not whole.
            let is_there = matches!(renamed.get(&id).map(|old| &old.body), Some(Body::Index(old)) if old.valid)
                || self.input.target.get(&part.constraint()).is_some();
            if !is_there {
                let plain = print::create_part(index, part);
                if part.partitioned || !self.is_live(&part.table) {
                    let step = self.step(change, &id, "create index of a partition", vec![plain]);
                    let step = self.locking(Lock::Share, &part.table, step);
                    self.body.push(step);
                } else {
                    self.build_index(&id, change, &part.table, plain);
                }
            }
            let step = self.step(change, &id, "make it a part of the whole", vec![print::attach_part(part)]);
            self.finish.push(step);
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
            (Body::Composite(before), Body::Composite(after)) => {
                let mut sql = Vec::new();
                let name = id.sql();
                for old in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
                    sql.push(format!("ALTER TYPE {name} DROP ATTRIBUTE {}", quote_name(&old.name)));
                }
                for new in after {
                    let attribute = format!("{} {}", quote_name(&new.name), new.data_type);
                    match before.iter().find(|old| old.name == new.name) {
                        None => sql.push(format!("ALTER TYPE {name} ADD ATTRIBUTE {attribute}")),
                        Some(old) if old != new => sql.push(format!(
                            "ALTER TYPE {name} ALTER ATTRIBUTE {} TYPE {}",
                            quote_name(&new.name),
                            new.data_type
                        )),
                        Some(_) => {}
                    }
                }
                if !sql.is_empty() {
                    let mut step = self.step(change, id, "change attributes", sql);
                    for old in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
                        let lost = self.input.findings.lost.get(&(id.clone(), Some(old.name.clone()))).copied();
                        if lost.is_none() {
                            self.guard_holders(&mut step, id, &old.name);
                        }
                        if let Some(rows) = lost.filter(|rows| *rows > 0) {
                            let what = format!("attribute {}.{}", id.shown(), self.shown_member(id, &old.name));
                            step.hazards.push(Hazard::DataLoss { what, rows });
                        }
                    }
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

    fn alter_sequence(&mut self, id: &ObjectId, before: &Sequence, after: &Sequence, change: usize) {
        let mut sql = Vec::new();
        if before.numbers != after.numbers {
            sql.push(format!("ALTER SEQUENCE {} {}", id.sql(), print::numbers(&after.numbers)));
        }
        if before.unlogged != after.unlogged {
            let set = if after.unlogged { "UNLOGGED" } else { "LOGGED" };
            sql.push(format!("ALTER SEQUENCE {} SET {set}", id.sql()));
        }
        if !sql.is_empty() {
            let step = self.step(change, id, "change sequence", sql);
            self.push(id, step);
        }
        if before.owned_by != after.owned_by {
            if before.owned_by.is_some() {
                // It would go with its old column.
                let step = self.step(change, id, "the sequence goes with no column", vec![print::owned_by(id, None)]);
                self.drops.insert(0, step);
            }
            if let Some((table, column)) = &after.owned_by {
                let sql = vec![print::owned_by(id, Some((table, column)))];
                let step = self.step(change, id, "the sequence goes with another column", sql);
                self.body_end.push(step);
            }
        }
    }

    fn alter_domain(&mut self, id: &ObjectId, before: &Domain, after: &Domain, change: usize) {
        if before.data_type != after.data_type || before.collation != after.collation {
            self.unsupported(
                id,
                format!("a domain cannot become another type ({} → {})", before.data_type, after.data_type),
            );
            return;
        }
        let name = id.sql();
        let mut sql = Vec::new();
        if before.default != after.default {
            let action = after.default.as_ref().map_or("DROP DEFAULT".to_owned(), |d| format!("SET DEFAULT {d}"));
            sql.push(format!("ALTER DOMAIN {name} {action}"));
        }
        for check in before.checks.iter().filter(|check| !after.checks.contains(check)) {
            sql.push(format!("ALTER DOMAIN {name} DROP CONSTRAINT {}", quote_name(&check.name)));
        }
        if before.not_null != after.not_null {
            sql.push(format!("ALTER DOMAIN {name} {} NOT NULL", if after.not_null { "SET" } else { "DROP" }));
        }
        for check in after.checks.iter().filter(|check| !before.checks.contains(check)) {
            sql.push(format!("ALTER DOMAIN {name} ADD CONSTRAINT {} {}", quote_name(&check.name), check.definition));
        }
        if !sql.is_empty() {
            let step = self.step(change, id, "change domain", sql);
            self.push(id, step);
        }
    }

    fn alter_enum(&mut self, alteration: &Alteration, change: usize) {
        let id = &alteration.after.id;
        // New labels come before the type and its labels get other names.
        let name = self.old_id(id).sql();
        let old_name = |label: &String| {
            let found = alteration.parts.iter().find_map(|part| match part {
                Part::RenameValue { before, after } if after == label => Some(before.clone()),
                _ => None,
            });
            found.unwrap_or_else(|| label.clone())
        };
        for (at, part) in alteration.parts.iter().enumerate() {
            match part {
                Part::AddValue { label, before } => {
                    let place = before.as_ref().map(&old_name);
                    let place = place.as_ref().map(|b| format!(" BEFORE {}", quote_literal(b))).unwrap_or_default();
                    let sql = format!("ALTER TYPE {name} ADD VALUE IF NOT EXISTS {}{place}", quote_literal(label));
                    let mut step = self.step(change, id, format!("add value '{label}'"), vec![sql]);
                    step.parts = vec![at];
                    self.values.push((step, label.clone()));
                }
                Part::RemakeEnum { gone } => self.remake_enum(id, gone, change, at),
                _ => {}
            }
        }
    }

    /// Makes an enum anew, with the types that are made of it: the old ones step aside, the new ones take their names,
    /// and every column goes over.
    fn remake_enum(&mut self, id: &ObjectId, gone: &[(String, Option<String>)], change: usize, part: usize) {
        let types = self.made_of(id);
        let mut sql = Vec::new();
        let mut drops = Vec::new();
        for old in types.iter().filter_map(|id| self.input.renamed.get(id)) {
            let aside = ObjectId { name: self.free_name(ASIDE, &old.id), ..old.id.clone() };
            sql.push(format!("ALTER {} RENAME TO {}", print::named(old), quote_name(&aside.name)));
            drops.push(print::drop(&Object { id: aside, ..old.clone() }));
        }
        for new in types.iter().filter_map(|id| self.input.target.get(id)) {
            sql.extend(print::create(self.input.target, new));
            sql.extend(print::rights(new, &self.rights_of(&new.id)));
        }
        let mapped: Vec<(&String, &String)> = gone.iter().filter_map(|(from, to)| Some((from, to.as_ref()?))).collect();
        let (mut rows, mut tables) = (0, Vec::new());
        for (table_id, table) in self.input.renamed.tables() {
            // Partitions and children follow their parents.
            if table.partition_of.is_some() {
                continue;
            }
            let mut actions = Vec::new();
            for column in table.columns.iter().filter(|c| c.local && c.generated.is_none()) {
                let of = column.data_type.trim_end_matches("[]");
                let target = self.input.target.table(table_id).and_then(|t| t.column(&column.name));
                let stays = target.is_some_and(|t| t.data_type == column.data_type);
                let Some(kind) = types.iter().find(|id| id.sql() == of).map(|id| id.kind).filter(|_| stays) else {
                    continue;
                };
                let name = quote_name(&column.name);
                let is_array = of.len() < column.data_type.len();
                if kind == Kind::Composite && !mapped.is_empty() {
                    let what = format!("values in {}.{} cannot be mapped", table_id.shown(), column.name);
                    self.unsupported(id, what);
                    continue;
                }
                let using = match (is_array, mapped.is_empty()) {
                    (_, true) => format!("{name}::text"),
                    (true, false) => mapped.iter().fold(format!("{name}::text[]"), |array, (from, to)| {
                        format!("array_replace({array}, {}, {})", quote_literal(from), quote_literal(to))
                    }),
                    (false, false) => {
                        let when = |(from, to): &(&String, &String)| {
                            format!(" WHEN {} THEN {}", quote_literal(from), quote_literal(to))
                        };
                        let cases: String = mapped.iter().map(when).collect();
                        format!("(CASE {name}::text{cases} ELSE {name}::text END)")
                    }
                };
                if column.default.is_some() {
                    actions.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
                }
                actions.push(format!("ALTER COLUMN {name} TYPE {0} USING {using}::{0}", column.data_type));
                if let Some(default) = target.and_then(|t| t.default.as_ref()) {
                    actions.push(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
                }
            }
            if !actions.is_empty() {
                sql.push(format!("ALTER TABLE {} {}", table_id.sql(), actions.join(", ")));
                rows += self.facts(table_id).rows;
                tables.push(table_id.clone());
            }
        }
        let mut step = self.step(change, id, "make the type anew", sql);
        step.strategy = Strategy::Rebuild;
        step.parts = vec![part];
        step.reason = Some("PostgreSQL can neither remove nor move a label of an enum".to_owned());
        if rows > 0 {
            step.hazards.push(Hazard::Rewrite { rows });
        }
        let step = match tables.first() {
            Some(table) => self.locking(Lock::AccessExclusive, table, step),
            None => step,
        };
        self.push(id, step);
        drops.reverse();
        let step = self.step(change, id, "drop the old type", drops);
        self.late_drops.push(step);
    }

    /// An enum and the types that are made of it, each behind what it is made of.
    fn made_of(&self, id: &ObjectId) -> Vec<ObjectId> {
        let mut out = vec![id.clone()];
        loop {
            let count = out.len();
            for (other, object) in &self.input.renamed.objects {
                let is_type = matches!(other.kind, Kind::Domain | Kind::Composite);
                if is_type
                    && !out.contains(other)
                    && self.input.target.get(other).is_some()
                    && object.needs.iter().any(|need| out.contains(&need.on))
                {
                    out.push(other.clone());
                }
            }
            if out.len() == count {
                return out;
            }
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

    fn alter_table(&mut self, alteration: &Alteration, before: &Table, after: &Table, change: usize) {
        let id = alteration.after.id.clone();
        let name = id.sql();
        let rows = self.facts(&id).rows;
        // Several changes of type write the table once.
        let mut conversions = Vec::new();
        let mut converted = Vec::new();
        for (at, part) in alteration.parts.iter().enumerate() {
            match part {
                Part::DropColumn(column) => {
                    let only = if self.child_keeps(&id, &column.name) { "ONLY " } else { "" };
                    let sql = format!("ALTER TABLE {only}{name} DROP COLUMN {}", quote_name(&column.name));
                    let known = self.shown_member(&id, &column.name).to_owned();
                    let mut step = self.step(change, &id, format!("drop column {known}"), vec![sql]);
                    step.parts = vec![at];
                    let lost = self.input.findings.lost.get(&(id.clone(), Some(column.name.clone()))).copied();
                    if let Some(rows) = lost.filter(|rows| *rows > 0) {
                        let what = format!("column {}.{known}", id.shown());
                        step.hazards.push(Hazard::DataLoss { what, rows });
                    } else if column.generated.is_none() {
                        let held = quote_name(&column.name);
                        let check =
                            format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {held} IS NOT NULL LIMIT 1) r");
                        self.guard(&mut step, &id, check, "values came into the column that is dropped");
                        self.guard_holders(&mut step, &id, &column.name);
                    }
                    let step = self.locking(Lock::AccessExclusive, &id, step);
                    self.body.push(step);
                }
                Part::AddColumn(column) => self.add_column(&id, column, change, at),
                Part::AlterColumn { before, after }
                    if changes_type(before, after) && before.generated.is_none() && after.generated.is_none() =>
                {
                    conversions.extend(conversion(before, after));
                    converted.push((at, before.clone(), after.clone()));
                }
                Part::Setting { what, before: from, after: to } => {
                    self.table_setting(&id, what, (from, to), (before, after), change, at);
                }
                Part::ColumnOrder => self.unsupported(
                    &id,
                    "PostgreSQL cannot move a column, and a table is not made anew for that; leave out --strict-order",
                ),
                _ => {}
            }
        }
        if !conversions.is_empty() {
            let names: Vec<&str> = converted.iter().map(|(_, _, after)| after.name.as_str()).collect();
            let sql = format!("ALTER TABLE {name} {}", conversions.join(", "));
            let mut step = self.step(change, &id, format!("change the type of {}", names.join(", ")), vec![sql]);
            step.parts = converted.iter().map(|(at, ..)| *at).collect();
            if self.has_rows(&id) && converted.iter().any(|(_, b, a)| !keeps_its_bytes(&b.data_type, &a.data_type)) {
                step.hazards.push(Hazard::Rewrite { rows });
            }
            for (_, old, column) in &converted {
                let key = (id.clone(), column.name.clone());
                if let Some(rows) = self.input.findings.altered.get(&key).copied() {
                    let what = format!("values of {}.{} that are no {}", id.shown(), column.name, column.data_type);
                    step.hazards.push(Hazard::DataLoss { what, rows });
                } else if self.input.findings.kept.contains(&key) {
                    let check = altered_rows(&name, &quote_name(&column.name), &old.data_type, &column.data_type);
                    self.guard(&mut step, &id, check, "values came that would not be the same");
                }
            }
            let step = self.locking(Lock::AccessExclusive, &id, step);
            self.body.push(step);
        }
        for (at, part) in alteration.parts.iter().enumerate() {
            if let Part::AlterColumn { before, after } = part {
                self.alter_column(&id, before, after, change, at);
            }
        }
    }

    fn add_column(&mut self, id: &ObjectId, column: &Column, change: usize, part: usize) {
        let name = id.sql();
        let quoted = quote_name(&column.name);
        let title = format!("add column {}", column.name);
        let key = (id.clone(), column.name.clone());
        let backfill = self.input.findings.backfills.get(&key).cloned();
        let is_volatile = column.default.as_deref().is_some_and(may_differ_by_row);
        let late_value = backfill.clone().or_else(|| {
            // Rows get their value afterwards, where PostgreSQL would write the whole table under a lock.
            column.default.clone().filter(|_| is_volatile && self.is_live(id))
        });
        let mut sql = Vec::new();
        let mut filled = None;
        match (&late_value, self.has_rows(id)) {
            (Some(value), true) => {
                let bare = Column { not_null: false, default: None, comment: None, ..column.clone() };
                sql.push(format!("ALTER TABLE {name} ADD COLUMN {}", print::column(&bare, &id.schema)));
                if !column.not_null && self.is_live(id) {
                    sql.push(add_mark(id, &column.name));
                }
                if let Some(default) = &column.default {
                    sql.push(format!("ALTER TABLE {name} ALTER COLUMN {quoted} SET DEFAULT {default}"));
                }
                filled = Some(value.clone());
            }
            _ => sql.push(format!("ALTER TABLE {name} ADD COLUMN {}", print::column(column, &id.schema))),
        }
        sql.extend(print::column_settings(&name, &Column::default(), column));
        sql.extend(column.comment.as_ref().map(|text| print::column_comment(&name, &column.name, Some(text))));
        let mut step = self.step(change, id, title, sql);
        step.parts = vec![part];
        let writes_all = (is_volatile && late_value.is_none())
            || column.identity.is_some()
            || column.generated.as_ref().is_some_and(|generated| generated.stored);
        if writes_all && self.has_rows(id) {
            step.hazards.push(Hazard::Rewrite { rows: self.facts(id).rows });
        }
        let step = self.locking(Lock::AccessExclusive, id, step);
        self.body.push(step);
        if let Some(value) = filled {
            let rows = self.facts(id).rows;
            self.backfill(id, &column.name, &value, rows, change, Some(part));
            if column.not_null {
                self.set_not_null(id, &column.name, change, part);
            } else if self.is_live(id) {
                self.drop_mark(id, &mark_name(&column.name), &column.name, change);
            }
        }
    }

    /// The column that an earlier run was filling in when it stopped, by the mark that it has left, and the value that it
    /// fills in.
    fn unfilled(&self, mark: &Object) -> Option<(String, String)> {
        let column = marked_column(mark)?;
        let table = mark.id.table_id();
        let after = self.input.target.table(&table)?.column(column)?;
        let value = value_left(after, self.input.findings.backfills.get(&(table, column.to_owned())))?;
        (!after.not_null).then(|| (column.to_owned(), value))
    }

    fn drop_mark(&mut self, table: &ObjectId, mark: &str, column: &str, change: usize) {
        let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", table.sql(), quote_name(mark));
        let step = self.step(change, table, format!("{column} is filled in"), vec![sql]);
        let step = self.locking(Lock::AccessExclusive, table, step);
        self.finish.push(step);
    }

    /// Gives rows that are NULL a value, some at a time.
    fn backfill(&mut self, id: &ObjectId, column: &str, value: &str, rows: u64, change: usize, part: Option<usize>) {
        let (name, quoted) = (id.sql(), quote_name(column));
        let mut step = self.step(change, id, format!("fill in {column}"), Vec::new());
        let left = format!("{quoted} IS NULL AND ({value}) IS NOT NULL");
        let sql = format!("UPDATE {name} SET {quoted} = {value} WHERE {left}");
        step.parts = part.into_iter().collect();
        step.rows = rows;
        if self.is_live(id) {
            step.alone = true;
            step.statements.push(Statement::Backfill { sql, table: id.clone(), left, rows });
            let becomes_not_null =
                self.input.target.table(id).and_then(|t| t.column(column)).is_some_and(|column| column.not_null);
            if becomes_not_null {
                // Once more when new rows without a value are refused: some may have come in between. Before that, because
                // a check that holds for new rows only is also asked when an old one is updated.
                let mut again = step.clone();
                again.title = format!("fill in {column} of rows that came meanwhile");
                if let Some(Statement::Backfill { rows, .. }) = again.statements.first_mut() {
                    *rows = 0;
                }
                self.online.push(again);
            }
            self.fills.push(step);
        } else {
            step.statements.push(Statement::Execute(sql));
            self.fills.push(step);
        }
    }

    /// NOT NULL without reading all rows under a lock: a check that is validated while others write proves it
    /// (<https://www.postgresql.org/docs/current/sql-altertable.html>, SET NOT NULL).
    fn set_not_null(&mut self, id: &ObjectId, column: &str, change: usize, part: usize) {
        let (name, quoted) = (id.sql(), quote_name(column));
        let set = format!("ALTER TABLE {name} ALTER COLUMN {quoted} SET NOT NULL");
        let rows = self.facts(id).rows;
        if !self.is_live(id) {
            let step = Step { parts: vec![part], ..self.step(change, id, format!("set {column} NOT NULL"), vec![set]) };
            let step = self.reading(Lock::AccessExclusive, id, step);
            // Behind what gives rows their values.
            self.finish.push(step);
            return;
        }
        let proof = quote_name(&proof_name(column));
        let known = ObjectId::of_table(Kind::Constraint, id, proof_name(column));
        let left = match self.input.renamed.get(&known).map(|object| &object.body) {
            Some(Body::Constraint(constraint)) => Some(constraint.valid),
            _ => None,
        };
        if left.is_none() {
            let sql = format!("ALTER TABLE {name} ADD CONSTRAINT {proof} CHECK ({quoted} IS NOT NULL) NOT VALID");
            let title = format!("refuse new rows without {column}");
            let step = Step { parts: vec![part], ..self.step(change, id, title, vec![sql]) };
            let step = self.locking(Lock::AccessExclusive, id, step);
            self.proofs.push(step);
        }
        self.helpers.push(format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {proof}"));
        if left != Some(true) {
            let sql = format!("ALTER TABLE {name} VALIDATE CONSTRAINT {proof}");
            let mut step = self.step(change, id, format!("check all rows for {column}"), vec![sql]);
            step.parts = vec![part];
            step.alone = true;
            step.hazards.push(Hazard::MayFail { constraint: format!("NOT NULL of {column}"), rows });
            let step = self.locking(Lock::ShareUpdateExclusive, id, step);
            self.online.push(step);
        }
        let sql = vec![set, format!("ALTER TABLE {name} DROP CONSTRAINT {proof}")];
        let step = Step { parts: vec![part], ..self.step(change, id, format!("set {column} NOT NULL"), sql) };
        let step = self.locking(Lock::AccessExclusive, id, step);
        // Before the keys that need it.
        self.finish.insert(0, step);
    }

    fn alter_column(&mut self, id: &ObjectId, before: &Column, after: &Column, change: usize, part: usize) {
        if self.generated.contains_key(&(id.clone(), after.name.clone())) {
            return;
        }
        let name = id.sql();
        let quoted = quote_name(&after.name);
        let alter = |action: &str| format!("ALTER TABLE {name} ALTER COLUMN {quoted} {action}");
        let mut sql = Vec::new();
        let converted = changes_type(before, after) && before.generated.is_none() && after.generated.is_none();
        if before.generated.is_some() && after.generated.is_none() {
            sql.push(alter("DROP EXPRESSION"));
        }
        match (&before.identity, &after.identity) {
            (Some(_), None) => sql.push(alter("DROP IDENTITY")),
            (None, Some(_)) if before.default.is_some() => {}
            (Some(b), Some(a)) if b != a => {
                let always = if a.always { "ALWAYS" } else { "BY DEFAULT" };
                let numbers = &a.numbers;
                let cycle = if numbers.cycle { "SET CYCLE" } else { "SET NO CYCLE" };
                sql.push(alter(&format!(
                    "SET GENERATED {always} SET START WITH {} SET INCREMENT BY {} SET MINVALUE {} SET MAXVALUE {} \
                     SET CACHE {} {cycle}",
                    numbers.start, numbers.increment, numbers.min, numbers.max, numbers.cache
                )));
            }
            _ => {}
        }
        if before.default != after.default && !converted && after.generated.is_none() && before.generated.is_none() {
            match &after.default {
                Some(default) => sql.push(alter(&format!("SET DEFAULT {default}"))),
                None if after.identity.is_none() => sql.push(alter("DROP DEFAULT")),
                None => {}
            }
        }
        if before.not_null && !after.not_null {
            sql.push(alter("DROP NOT NULL"));
        }
        if let (None, Some(identity)) = (&before.identity, &after.identity) {
            if !before.not_null {
                sql.push(alter("SET NOT NULL"));
            }
            sql.push(alter(&format!("ADD {}", print::identity(identity, &id.schema))));
            let sequence = format!("{}.{}", quote_name(&id.schema), quote_name(&identity.sequence));
            let counted = self.counter_of(id, &after.name);
            let given = counted.as_ref().map(|old| self.moved_aside(old));
            sql.push(count_on(&sequence, &identity.numbers, (&name, &after.name), given.as_deref()));
            let on = format!("SEQUENCE {sequence}");
            let rights = counted.map(|old| self.rights_of(&old)).unwrap_or_default();
            sql.extend(rights.grants.iter().map(|right| print::grant(right, None, &on)));
        }
        sql.extend(print::column_settings(&name, before, after));
        if before.comment != after.comment {
            sql.push(print::column_comment(&name, &after.name, after.comment.as_ref()));
        }
        if !sql.is_empty() {
            let mut step = self.step(change, id, format!("change column {}", after.name), sql);
            step.parts = vec![part];
            let step = self.locking(Lock::AccessExclusive, id, step);
            self.body.push(step);
        }
        if !before.not_null && after.not_null && after.identity.is_none() {
            let key = (id.clone(), after.name.clone());
            let missing = self.input.findings.without_value.get(&key).copied().unwrap_or_default();
            if missing > 0
                && let Some(value) = self.input.findings.backfills.get(&key).cloned().or_else(|| after.default.clone())
            {
                self.backfill(id, &after.name, &value, missing, change, Some(part));
            }
            self.set_not_null(id, &after.name, change, part);
        }
    }

    /// The sequence that a column counted by.
    fn counter_of(&self, table: &ObjectId, column: &str) -> Option<ObjectId> {
        let is_it =
            |sequence: &Sequence| sequence.owned_by.as_ref().is_some_and(|(owner, of)| owner == table && of == column);
        let mut found = self.input.renamed.objects.values().filter(|object| match &object.body {
            Body::Sequence(sequence) => is_it(sequence) && self.input.target.get(&object.id).is_none(),
            _ => false,
        });
        found.next().map(|object| object.id.clone())
    }

    /// The name in SQL of a sequence that may have stepped aside.
    fn moved_aside(&self, id: &ObjectId) -> String {
        let aside = ObjectId { name: self.free_name(ASIDE, id), ..id.clone() };
        let moved = format!(" RENAME TO {}", quote_name(&aside.name));
        let start = format!("ALTER SEQUENCE {} ", id.sql());
        let mut statements = self.drops.iter().flat_map(|step| &step.statements).map(Statement::sql);
        let is_aside = statements.any(|sql| sql.starts_with(&start) && sql.ends_with(&moved));
        if is_aside { aside.sql() } else { id.sql() }
    }

    fn table_setting(
        &mut self,
        id: &ObjectId,
        what: &'static str,
        (from, to): (&str, &str),
        (before, after): (&Table, &Table),
        change: usize,
        part: usize,
    ) {
        let name = id.sql();
        let mut sql = Vec::new();
        let mut hazards = Vec::new();
        let mut late = false;
        match what {
            "unlogged" => {
                sql.push(format!("ALTER TABLE {name} SET {}", if after.unlogged { "UNLOGGED" } else { "LOGGED" }));
                hazards.push(Hazard::Rewrite { rows: self.facts(id).rows });
            }
            "row level security" => {
                let action = if after.row_security { "ENABLE" } else { "DISABLE" };
                sql.push(format!("ALTER TABLE {name} {action} ROW LEVEL SECURITY"));
            }
            "forced row level security" => {
                let action = if after.force_row_security { "FORCE" } else { "NO FORCE" };
                sql.push(format!("ALTER TABLE {name} {action} ROW LEVEL SECURITY"));
            }
            "options" => {
                let (gone, new) = print::changed_options(&before.options, &after.options);
                if !gone.is_empty() {
                    sql.push(format!("ALTER TABLE {name} RESET ({})", gone.join(", ")));
                }
                if !new.is_empty() {
                    sql.push(format!("ALTER TABLE {name} SET ({})", print::options(&new)));
                }
            }
            "replica identity" => {
                let identity = if to.is_empty() { "DEFAULT" } else { to };
                sql.push(format!("ALTER TABLE ONLY {name} REPLICA IDENTITY {identity}"));
                late = true;
            }
            "clustered on" => {
                sql.push(match to {
                    "" => format!("ALTER TABLE {name} SET WITHOUT CLUSTER"),
                    index => format!("ALTER TABLE {name} CLUSTER ON {}", quote_name(index)),
                });
                late = true;
            }
            "tablespace" => {
                let tablespace = if to.is_empty() { "pg_default" } else { to };
                sql.push(format!("ALTER TABLE {name} SET TABLESPACE {}", quote_name(tablespace)));
                hazards.push(Hazard::Rewrite { rows: self.facts(id).rows });
            }
            "partition of" => {
                if let Some((parent, _)) = &before.partition_of {
                    sql.push(format!("ALTER TABLE {} DETACH PARTITION {name}", parent.sql()));
                }
                if let Some((parent, bound)) = &after.partition_of {
                    sql.push(format!("ALTER TABLE {} ATTACH PARTITION {name} {bound}", parent.sql()));
                }
            }
            "inherits" => {
                for parent in before.inherits.iter().filter(|parent| !after.inherits.contains(parent)) {
                    sql.push(format!("ALTER TABLE {name} NO INHERIT {}", parent.sql()));
                }
                for parent in after.inherits.iter().filter(|parent| !before.inherits.contains(parent)) {
                    sql.push(format!("ALTER TABLE {name} INHERIT {}", parent.sql()));
                }
            }
            _ => {
                let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                self.unsupported(id, format!("{what} cannot be changed ({} → {})", shown(from), shown(to)));
                return;
            }
        }
        let mut step = self.step(change, id, format!("change {what}"), sql);
        step.parts = vec![part];
        step.hazards = hazards;
        let step = self.locking(Lock::AccessExclusive, id, step);
        if late { self.finish.push(step) } else { self.body.push(step) }
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

/// Whether an index is built under another name while the old one serves, and then put in its place.
fn is_swapped(planner: &Planner<'_>, object: &Object) -> bool {
    // Whether it can be built while others write is a question about the new one.
    let Some(Body::Index(index)) = planner.input.target.get(&object.id).map(|o| &o.body) else { return false };
    let altered = planner.input.changes.iter().any(|change| match change {
        Change::Alter(a) => {
            a.after.id == object.id && a.parts.contains(&Part::Definition) && a.before.on_table() == a.after.on_table()
        }
        _ => false,
    });
    let was_valid = planner.input.renamed.get(&object.id).is_some_and(|o| matches!(&o.body, Body::Index(i) if i.valid));
    let fits = !index.unique || planner.input.findings.fitting.contains(&object.id);
    altered
        && was_valid
        && fits
        && planner.is_live(&index.table)
        && !index.partitioned
        && only_plain_columns(planner, object)
}

/// Whether nothing that goes is needed by an index as it is: else it cannot stay until the new one is there.
fn only_plain_columns(planner: &Planner<'_>, object: &Object) -> bool {
    let Some(old) = planner.input.renamed.get(&object.id) else { return false };
    let Body::Index(index) = &old.body else { return false };
    let goes = |c: &String| {
        planner.column_goes(&index.table, c) || planner.generated.contains_key(&(index.table.clone(), c.clone()))
    };
    let stays = !index.columns.iter().any(goes);
    stays && old.needs.iter().all(|need| need.on == index.table || planner.input.target.get(&need.on).is_some())
}

/// Whether an object changes by being dropped and made anew.
fn is_made_anew(alteration: &Alteration) -> bool {
    let is_other = alteration.parts.iter().any(|part| matches!(part, Part::Definition | Part::Invalid));
    if !is_other {
        return false;
    }
    match (&alteration.before.body, &alteration.after.body) {
        (Body::View(before), Body::View(after)) => {
            let grows = after.columns.starts_with(&before.columns);
            before.materialized || !grows
        }
        (Body::Routine(before), Body::Routine(after)) => {
            let defaults = |text: &str| text.lines().next().map_or(0, |line| line.matches(" DEFAULT ").count());
            before.signature != after.signature
                || before.procedure != after.procedure
                || defaults(&before.definition) > defaults(&after.definition)
        }
        (Body::Composite(_), Body::Composite(_)) => false,
        // What it lacks are parts.
        (Body::Index(_), Body::Index(after)) if after.partitioned => alteration.parts.contains(&Part::Definition),
        _ => true,
    }
}

/// Whether what a need gives is kept: in an index, in rows, or by what was found of them.
fn is_kept_result(object: &Object, need: &Need) -> bool {
    match &object.body {
        Body::Index(_) | Body::Domain(_) => true,
        Body::Constraint(constraint) => constraint.valid,
        Body::Table(table) => match &need.of {
            Some(of) => table.column(of).is_some_and(|column| column.generated.as_ref().is_some_and(|g| g.stored)),
            None => table.partition_by.is_some(),
        },
        _ => false,
    }
}

/// A routine's definition without what only says how it is run.
fn what_it_does(definition: &str) -> String {
    let (head, body) =
        match ["\nAS ", "\nBEGIN ATOMIC", "\nRETURN "].iter().filter_map(|word| definition.find(word)).min() {
            Some(at) => definition.split_at(at),
            None => (definition, ""),
        };
    let mut kept = Vec::new();
    let mut words = head.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "COST" | "ROWS" | "PARALLEL" => {
                words.next();
            }
            "LEAKPROOF" | "IMMUTABLE" | "STABLE" | "VOLATILE" => {}
            word => kept.push(word),
        }
    }
    format!("{}{body}", kept.join(" "))
}

/// Whether a text has a name as a word.
fn names(text: &str, name: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    })
}

fn is_integer(data_type: &str) -> bool {
    matches!(data_type, "smallint" | "integer" | "bigint")
}

/// The statement that has a sequence go on behind the numbers in a column, and those that another one has given out.
fn count_on(sequence: &str, numbers: &Numbers, (table, column): (&str, &str), given: Option<&str>) -> String {
    // One that counts down goes on below the lowest.
    let (last, within) = match numbers.increment < 0 {
        true => ("min", format!("<= {}", numbers.max)),
        false => ("max", format!(">= {}", numbers.min)),
    };
    let quoted = quote_name(column);
    let given = given.map(|old| format!(" UNION ALL SELECT last_value FROM {old} WHERE is_called")).unwrap_or_default();
    format!(
        "SELECT pg_catalog.setval({}, m.last) FROM (SELECT {last}(n) AS last FROM (SELECT {last}({quoted}) AS n FROM \
         {table}{given}) given) m WHERE m.last {within}",
        quote_literal(sequence),
    )
}

/// Whether a column is computed in another way than before, so that its values are made anew.
fn is_computed_anew(before: &Column, after: &Column) -> bool {
    after.generated.is_some() && (before.generated != after.generated || changes_type(before, after))
}

fn changes_type(before: &Column, after: &Column) -> bool {
    before.data_type != after.data_type || before.collation != after.collation
}

/// The actions that give a column another type.
fn conversion(before: &Column, after: &Column) -> Vec<String> {
    let name = quote_name(&after.name);
    let mut actions = Vec::new();
    // A default is kept as it was understood for the old type.
    if before.default.is_some() {
        actions.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
    }
    let collation = after.collation.as_ref().map(|c| format!(" COLLATE {c}")).unwrap_or_default();
    let using = match keeps_its_bytes(&before.data_type, &after.data_type) {
        true => String::new(),
        false => format!(" USING {}", cast(&name, &before.data_type, &after.data_type)),
    };
    actions.push(format!("ALTER COLUMN {name} TYPE {}{collation}{using}", after.data_type));
    if let Some(default) = &after.default {
        actions.push(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
    }
    actions
}

/// A value of one type as one of another: directly where PostgreSQL knows how, else through text.
pub fn cast(value: &str, before: &str, after: &str) -> String {
    let base = |text: &str| text.split(['(', '[']).next().unwrap_or(text).trim().to_owned();
    const KNOWN: &[&str] = &[
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "text",
        "character varying",
        "character",
        "boolean",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "time without time zone",
        "json",
        "jsonb",
        "uuid",
        "bytea",
        "inet",
        "cidr",
        "interval",
    ];
    let is_known =
        |text: &str| KNOWN.contains(&base(text).as_str()) || text.starts_with("timestamp") || text.starts_with("time");
    let is_text = |text: &str| matches!(base(text).as_str(), "text" | "character varying" | "character");
    let numbers = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
    let is_number = |text: &str| numbers.contains(&base(text).as_str());
    let is_time = |text: &str| text.starts_with("timestamp") || base(text) == "date";
    let direct = before.contains('[') == after.contains('[')
        && is_known(before)
        && is_known(after)
        && (is_text(before)
            || is_text(after)
            || (is_number(before) && is_number(after))
            || (is_time(before) && is_time(after))
            || base(before) == base(after)
            || (base(before) == "boolean" && base(after) == "integer")
            || (base(before) == "integer" && base(after) == "boolean")
            || (before.starts_with("json") && after.starts_with("json")));
    if direct { format!("{value}::{after}") } else { format!("{value}::text::{after}") }
}

/// Tables with values of a type, a composite one or that of a table's rows, and the condition by which a row may hold
/// something in one of its attributes.
pub fn holders(schema: &Schema, of: &ObjectId, member: &str) -> Vec<(ObjectId, String)> {
    let mut out = Vec::new();
    for (id, table) in schema.tables().filter(|(_, table)| table.partition_of.is_none()) {
        // Whatever lies between, an array or another composite type: what holds the type may hold the attribute.
        let uses = schema.get(id).into_iter().flat_map(|object| &object.needs);
        let columns: BTreeSet<&String> =
            uses.filter(|need| reaches(schema, &need.on, of)).filter_map(|need| need.of.as_ref()).collect();
        for column in columns.into_iter().filter_map(|name| table.column(name)) {
            let name = quote_name(&column.name);
            // A default may need the type without holding it.
            let held = match column.data_type == of.sql() {
                true => format!("({name}).{} IS NOT NULL", quote_name(member)),
                false => format!("{name} IS NOT NULL"),
            };
            if id != of {
                out.push((id.clone(), held));
            }
        }
    }
    out
}

/// Whether a type, or that of a table's rows, is another, or is made of it.
fn reaches(schema: &Schema, from: &ObjectId, to: &ObjectId) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if id == to {
            return true;
        }
        let is_table = id.kind == Kind::Table;
        if !seen.insert(id) || !(is_table || matches!(id.kind, Kind::Composite | Kind::Domain | Kind::Range)) {
            continue;
        }
        let needs = schema.get(id).into_iter().flat_map(|object| &object.needs);
        open.extend(needs.filter(|need| !is_table || need.of.is_some()).map(|need| &need.on));
    }
    false
}

/// How many values would not come back from another type as they were.
pub fn altered_rows(table: &str, column: &str, before: &str, after: &str) -> String {
    let there = cast(column, before, after);
    if before == "json" && after == "jsonb" {
        // Blanks and the order of members are no part of the value; what cannot be read as jsonb fails here.
        return format!("SELECT count(*) FROM {table} WHERE ({there}) IS NULL AND {column} IS NOT NULL");
    }
    let back = cast(&format!("({there})"), after, before);
    format!("SELECT count(*) FROM {table} WHERE ({back})::text IS DISTINCT FROM {column}::text")
}

/// Whether rows need not be written again: PostgreSQL only changes what the column is called
/// (<https://www.postgresql.org/docs/current/sql-altertable.html>, Notes).
pub fn keeps_its_bytes(before: &str, after: &str) -> bool {
    let split = |text: &str| -> (String, Vec<i64>) {
        match text.split_once('(') {
            Some((base, rest)) => {
                let numbers = rest.split(')').next().unwrap_or_default();
                let tail = rest.split_once(')').map_or("", |(_, tail)| tail);
                (format!("{}{tail}", base.trim()), numbers.split(',').filter_map(|n| n.trim().parse().ok()).collect())
            }
            None => (text.to_owned(), Vec::new()),
        }
    };
    let ((b, b_numbers), (a, a_numbers)) = (split(before), split(after));
    let is_var = |text: &str| matches!(text, "character varying" | "text");
    match (b.as_str(), a.as_str()) {
        (b, "text") if is_var(b) => true,
        (b, "character varying") if is_var(b) => {
            a_numbers.is_empty() || (b == "character varying" && b_numbers.first().is_some_and(|n| *n <= a_numbers[0]))
        }
        ("numeric", "numeric") => {
            let scale = |numbers: &[i64]| numbers.get(1).copied().unwrap_or(0);
            a_numbers.is_empty()
                || (!b_numbers.is_empty() && scale(&b_numbers) == scale(&a_numbers) && b_numbers[0] <= a_numbers[0])
        }
        (b, a) if b == a => b_numbers == a_numbers || (b_numbers.is_empty() && b.starts_with("bit varying")),
        _ => false,
    }
}

/// Whether an expression may give each row another value. A function that is not known may.
pub fn may_differ_by_row(expression: &str) -> bool {
    const STEADY: &[&str] = &[
        "now",
        "current_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "current_setting",
        "lower",
        "upper",
        "coalesce",
        "timezone",
        "to_timestamp",
        "date_trunc",
        "concat",
        "replace",
        "jsonb_build_object",
        "jsonb_build_array",
        "json_build_object",
        "array_fill",
        "to_jsonb",
        "to_json",
        "length",
        "btrim",
        "make_interval",
    ];
    let mut word = String::new();
    let mut quoted = false;
    for c in expression.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if quoted {
            word.clear();
        } else if c.is_alphanumeric() || c == '_' || c == '"' {
            word.push(c);
        } else {
            // A cast with a modifier, such as `'a'::character varying(8)`, is no call.
            let is_type = matches!(
                word.as_str(),
                "varying"
                    | "character"
                    | "numeric"
                    | "bit"
                    | "timestamp"
                    | "time"
                    | "AND"
                    | "OR"
                    | "NOT"
                    | "IN"
                    | "ANY"
            );
            if c == '(' && !word.is_empty() && !is_type && !STEADY.contains(&word.to_lowercase().as_str()) {
                return true;
            }
            word.clear();
        }
    }
    false
}

/// The start of the name under which something is made that takes another's place.
const NEW: &str = "_whimbrel_new_";

/// The name of the check that proves NOT NULL.
pub fn proof_name(column: &str) -> String {
    shortened("_whimbrel_not_null_", column)
}

/// The name of the check that marks a column which is being filled in and may stay NULL.
fn mark_name(column: &str) -> String {
    shortened(MARK, column)
}

const MARK: &str = "_whimbrel_fill_";

/// Marks a column by a check that every row passes. It is never validated, names the column whatever that is called
/// later, and goes with it.
fn add_mark(table: &ObjectId, column: &str) -> String {
    let (mark, column) = (quote_name(&mark_name(column)), quote_name(column));
    format!(
        "ALTER TABLE {} ADD CONSTRAINT {mark} CHECK ({column} IS NULL OR {column} IS NOT NULL) NOT VALID",
        table.sql()
    )
}

/// The column that is being filled in, where a constraint is the mark of that.
pub fn marked_column(object: &Object) -> Option<&str> {
    match &object.body {
        Body::Constraint(constraint) if object.id.name.starts_with(MARK) && !constraint.valid => {
            constraint.columns.first().map(String::as_str)
        }
        _ => None,
    }
}

/// What rows of a marked column are given that have no value yet: what the declared schema says, as far as it still does.
pub fn value_left(column: &Column, backfill: Option<&String>) -> Option<String> {
    backfill.cloned().or_else(|| column.default.clone().filter(|default| may_differ_by_row(default)))
}

/// The index that serves a key, and the words that make it a constraint.
fn index_for(id: &ObjectId, constraint: &Constraint) -> Option<(String, String)> {
    let definition = &constraint.definition;
    let (demand, rest) = match constraint.demands {
        Demands::PrimaryKey => ("PRIMARY KEY", definition.strip_prefix("PRIMARY KEY ")?),
        _ => ("UNIQUE", definition.strip_prefix("UNIQUE ")?),
    };
    let (rest, nulls) = match rest.strip_prefix("NULLS NOT DISTINCT ") {
        Some(rest) => (rest, " NULLS NOT DISTINCT"),
        None => (rest, ""),
    };
    // DEFERRABLE and INITIALLY DEFERRED belong to the constraint, all before to the index.
    let (columns, deferral) = match rest.find(" DEFERRABLE") {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    // INCLUDE stands behind NULLS NOT DISTINCT in an index, and storage parameters last.
    let (columns, with) =
        columns.split_once(" WITH (").map_or((columns, String::new()), |(c, w)| (c, format!(" WITH ({w}")));
    let (columns, include) =
        columns.split_once(" INCLUDE ").map_or((columns, String::new()), |(c, i)| (c, format!(" INCLUDE {i}")));
    let name = quote_name(&id.name);
    let index = format!("CREATE UNIQUE INDEX {name} ON {} {columns}{include}{nulls}{with}", id.table_sql());
    Some((index, format!("{demand} USING INDEX {name}{deferral}")))
}
