//! Live database and declared schema → plan, for PostgreSQL; nothing is written to the database.
//!
//! PostgreSQL itself is asked three times in a scratch place: what the declared schema means; what the live schema is
//! called once it is renamed; and whether the steps make the declared schema of it. A plan that does not is refused
//! before it is run.

use std::collections::{BTreeMap, BTreeSet};

use super::assume::assume;
use super::declared::{Declared, read_declared};
use super::diff::{Alteration, Change, Hints, Part, diff, remaining};
use super::expand::mix::{Mixed, Request, Values, mix, seen};
use super::expand::own::{Own, OwnSteps};
use super::expand::record::{Kept, Record, What};
use super::expand::{self, Action, Phase};
use super::host::Host;
use super::plan::{Findings, Input, Planned, marked_column, plan, proof_name, value_left};
use super::print;
use super::probe::{keys_of_unfit, probe};
use super::read::read_schema;
use super::resolve::{ASIDE, Merge, Rename, Resolved, certain_renames, old_id, resolve, statements};
use super::run::try_out_stepwise;
use super::schema::{Body, Kind, Object, ObjectId, Schema};
use super::scratch::{Aside, Place, Scratch, refuse_transaction};
use super::settings::make;
use super::steps::{Plan, Statement};
use super::touched::Touched;
use crate::diff::{Answer, Answers, Question};
use crate::error::{Code, Error, Result, State};
use crate::run::matches_pattern;
use crate::schema::Source;

/// How a plan is made.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Answers to questions about renames.
    pub answers: Answers,
    /// Whether data may be lost.
    pub accept_data_loss: bool,
    /// Patterns of tables that are out of sight.
    pub ignore: Vec<String>,
    /// Whether another order of columns is a change.
    pub strict_order: bool,
    /// Whether nobody uses the database: everything is done at once and in the shortest way.
    pub fast: bool,
    /// Whether it is one of two phases, and which.
    pub action: Action,
    /// What columns of old and new clients get from each other, where that was said.
    pub values: Values,
    /// Whether the keys of the rows that do not fit are named.
    pub show_rows: bool,
}

/// What the database is to become.
#[derive(Debug)]
pub enum Wanted {
    /// SQL that the server is asked about.
    Sql(Vec<Source>),
    /// A schema that was read from another database.
    Schema(Box<Schema>),
}

/// Makes the plan. What keeps it from running stands in it.
///
/// # Errors
/// Where the database cannot be read, the server does not accept the declared schema, or an answer names what does not
/// exist.
pub async fn make_plan<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    wanted: &Wanted,
    settings: &Settings,
    resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
) -> Result<Plan> {
    refuse_transaction(host).await?;
    let found = make(host).await?;
    let outcome = plan_in_session(host, scratch, wanted, settings, resolver).await;
    found.put_back(host, outcome, State::Unchanged).await
}

/// Makes the plan from one schema to another, for databases that cannot be asked; with what their rows may keep it from.
///
/// # Errors
/// As [`make_plan`].
pub async fn make_draft_plan<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    before: Schema,
    wanted: &Wanted,
    settings: &Settings,
    resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
) -> Result<(Plan, Vec<String>)> {
    refuse_transaction(host).await?;
    let found = make(host).await?;
    let mut warnings = Vec::new();
    let outcome = plan_from(host, scratch, before, Some(&mut warnings), wanted, settings, resolver).await;
    let plan = found.put_back(host, outcome, State::Unchanged).await?;
    Ok((plan, warnings))
}

async fn plan_in_session<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    wanted: &Wanted,
    settings: &Settings,
    resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
) -> Result<Plan> {
    let live = read_schema(host).await?;
    plan_from(host, scratch, live, None, wanted, settings, resolver).await
}

/// Makes the plan. Without `assumed` the rows are those of the database; with it nobody is asked about them.
async fn plan_from<H: Host>(
    host: &mut H,
    mut scratch: Scratch<'_, H>,
    before: Schema,
    assumed: Option<&mut Vec<String>>,
    wanted: &Wanted,
    settings: &Settings,
    resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
) -> Result<Plan> {
    let mut aside = Aside::nothing();
    let declared = match wanted {
        Wanted::Sql(sources) => {
            let mut place = Place::open(host, scratch.again()).await?;
            match read_declared(&mut place, sources).await {
                Ok(declared) => {
                    aside = place.lay_aside().await?;
                    declared
                }
                Err(e) => {
                    place.close().await?;
                    return Err(e);
                }
            }
        }
        Wanted::Schema(schema) => Declared { schema: (**schema).clone(), ..Declared::default() },
    };
    let outcome = plan_to(host, (scratch, &mut aside), before, assumed, declared, settings, resolver).await;
    let closed = aside.close(host).await;
    let plan = outcome?;
    closed?;
    Ok(plan)
}

async fn plan_to<H: Host>(
    host: &mut H,
    (mut scratch, aside): (Scratch<'_, H>, &mut Aside<H::Other>),
    before: Schema,
    assumed: Option<&mut Vec<String>>,
    declared: Declared,
    settings: &Settings,
    resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
) -> Result<Plan> {
    let ignored = |name: &str| settings.ignore.iter().any(|pattern| matches_pattern(pattern, name));
    let (live, out_of_sight) = before.split(ignored);
    // A database that is only assumed keeps nothing.
    let record = if assumed.is_none() { Record::read(host).await? } else { Record::default() };
    // What new clients see is what the declared schema is compared with.
    let visible = seen_by_new(host, scratch.again(), &live, &record).await?;
    let visible = visible.as_ref().unwrap_or(&live);
    let mut target = declared.schema.without(ignored);
    // A schema with something in it that is out of sight stays.
    for object in &out_of_sight {
        let space = ObjectId::new(Kind::Namespace, "", &object.id.schema);
        if let (Some(space), true) = (live.get(&space), target.get(&space).is_none()) {
            target.objects.insert(space.id.clone(), space.clone());
        }
    }
    let hints = declared.hints;
    check_names(&target)?;

    let mut answers = settings.answers.clone();
    let mut resolved = resolve(visible, &target, &answers, &hints)?;
    loop {
        let answered: Vec<(String, Answer)> =
            resolved.questions.iter().filter_map(|question| Some((question.key(), resolver(question)?))).collect();
        if answered.is_empty() {
            break;
        }
        for (key, answer) in answered {
            answers.answer(key, answer);
        }
        resolved = resolve(visible, &target, &answers, &hints)?;
    }
    if !resolved.questions.is_empty() && settings.accept_data_loss {
        answers.drop_the_rest = true;
        resolved = resolve(visible, &target, &answers, &hints)?;
    }
    let Resolved { renames, merges, questions, swaps } = resolved;
    let mut plan_made = Plan {
        warnings: declared.warnings,
        before: live.clone(),
        target: target.clone(),
        ignored: settings.ignore.clone(),
        strict_order: settings.strict_order,
        ..Plan::default()
    };
    if !questions.is_empty() {
        let (changes, notes) = diff(visible, &target, settings.strict_order, &merges);
        (plan_made.changes, plan_made.notes) = (changes, notes);
        let message = format!(
            "{} must be answered first",
            crate::plan::rows_text(questions.len() as u64).replace("row", "question")
        );
        if settings.action == Action::Plain && !record.is_empty() {
            plan_made.obstacles.push(expand::refusal(&record));
        }
        plan_made.obstacles.push(Error::new(Code::QuestionOpen, message).questions(questions.clone()));
        plan_made.questions = questions;
        return Ok(plan_made);
    }
    let (changes, notes) = diff(visible, &target, settings.strict_order, &merges);
    let is_declared = changes.is_empty() && renames.is_empty();
    (plan_made.changes, plan_made.notes) = (changes, notes);
    let mut phases = Phases { target, renames, hints, ..Phases::default() };
    match settings.action {
        Action::Plain => {
            phases.record = record.clone();
            if !record.is_empty() {
                plan_made.phase = Some(Phase::new(Action::Plain, &record, &record, Vec::new()));
                if !is_declared {
                    plan_made.obstacles.push(expand::refusal(&record));
                }
                return Ok(plan_made);
            }
        }
        Action::Expand { client } => {
            phases.record = record.clone();
            if !is_declared {
                let request = Request {
                    live: &live,
                    record: &record,
                    target: &phases.target,
                    renames: &phases.renames,
                    hints: &phases.hints,
                    merges: &merges,
                    values: &settings.values,
                    client,
                };
                phases.expand(mix_in(host, scratch.again(), aside, &request).await?, &mut plan_made);
                let new: Vec<_> =
                    phases.record.kept.iter().filter(|kept| !record.kept.contains(kept)).cloned().collect();
                phases.grants = expand::grants(host, &phases.moved, &new).await?;
            } else {
                phases.target.clone_from(&live);
            }
            plan_made.phase = Some(Phase::new(settings.action, &record, &phases.record, phases.later.clone()));
            if !plan_made.obstacles.is_empty() {
                return Ok(plan_made);
            }
        }
        Action::Contract { oldest } => {
            phases.record = match expand::contract(&record, oldest) {
                Ok(record) => record,
                Err(error) => {
                    plan_made.phase = Some(Phase::new(Action::Plain, &record, &record, Vec::new()));
                    plan_made.obstacles.push(error);
                    return Ok(plan_made);
                }
            };
            // What nobody has expanded is no part of a contraction.
            if !is_declared && !record.is_empty() {
                let request = Request {
                    live: &live,
                    record: &record,
                    target: &phases.target,
                    renames: &phases.renames,
                    hints: &phases.hints,
                    merges: &merges,
                    values: &settings.values,
                    client: oldest,
                };
                let mixed = mix_in(host, scratch.again(), aside, &request).await?;
                if let Some(error) = expand::not_expanded(&record, &mixed, oldest) {
                    plan_made.phase = Some(Phase::new(Action::Plain, &record, &record, Vec::new()));
                    plan_made.obstacles.push(error);
                    return Ok(plan_made);
                }
            }
            phases.target = phases.record.restore(phases.target, &live);
            plan_made.phase = Some(Phase::new(settings.action, &record, &phases.record, Vec::new()));
        }
    }
    let Phases { target, renames, hints, record: kept, moved, grants, late, fitting, .. } = phases;
    if settings.action != Action::Plain {
        plan_made.target.clone_from(&target);
    }
    let (changes, notes) = diff(&live, &target, settings.strict_order, &merges);
    let is_kept = kept == record && kept.kept.iter().all(Kept::is_filled);
    if changes.is_empty() && renames.is_empty() && is_kept {
        (plan_made.changes, plan_made.notes) = (changes, notes);
        return Ok(plan_made);
    }
    // What keeps old and new clients in step stands beside the schema.
    let is_plain = record.is_empty() && kept.is_empty();
    let part = if is_plain { Touched::by(&live, &target, &renames, &changes) } else { None };
    let own = Own { before: &record, after: &kept, moved: &moved, live: &live, target: &target, grants: &grants };
    plan_made.obstacles.extend(expand::out_of_step(host, &own).await?);

    // What is in another column too is not lost with the one that goes.
    let copied = if is_plain { None } else { Some(without_copies(&live, &own)) };
    let (asked, wanted) = match &part {
        Some(part) => (&part.live, &part.target),
        None => (copied.as_ref().unwrap_or(&live), &target),
    };
    let (mut findings, mut obstacles) = match assumed {
        None => {
            probe(host, (asked, wanted), &renames, &merges, &hints, part.is_some(), settings.accept_data_loss).await?
        }
        Some(warnings) => {
            let mut assumed = assume(&live, &target, &renames, &merges, &hints);
            warnings.append(&mut assumed.warnings);
            let obstacles = assumed.obstacles(settings.accept_data_loss);
            (assumed.findings, obstacles)
        }
    };
    findings.fitting.extend(fitting);
    findings.copied = own.going().iter().map(|(table, link)| ((*table).clone(), link.before.column.clone())).collect();
    if settings.show_rows {
        plan_made.warnings.extend(keys_of_unfit(host, &live, &findings).await);
    }
    let mut place = aside.take_up(host, scratch.again()).await?;
    if swaps {
        // A run that stops in between would leave names exchanged, and the same answers would exchange them back.
        let warning =
            "names are swapped: all is done in one transaction, as with --fast, so that they are swapped once";
        plan_made.warnings.push(warning.to_owned());
    }
    let fast = settings.fast || swaps;
    let judging = Judging {
        live: &live,
        target: &target,
        strict_order: settings.strict_order,
        merges: &merges,
        ignored: &out_of_sight,
        fast,
        own: &own,
        late: &late,
        findings: &findings,
    };
    let judged = judging.judge(&mut place, &renames, part.as_ref(), &mut plan_made).await;
    let closed = place.close().await;
    obstacles.extend(judged?);
    closed?;
    plan_made.obstacles.append(&mut obstacles);
    tell_of_fills(&mut plan_made, &hints);
    Ok(plan_made)
}

/// Mixes in the place that is laid aside, and lays it aside again.
async fn mix_in<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    aside: &mut Aside<H::Other>,
    request: &Request<'_>,
) -> Result<Mixed> {
    let mut place = aside.take_up(host, scratch).await?;
    match mix(&mut place, request).await {
        Ok(mixed) => {
            *aside = place.lay_aside().await?;
            Ok(mixed)
        }
        Err(e) => {
            place.close().await?;
            Err(e)
        }
    }
}

/// What a back-fill sets off, what keeps it from having an effect, and what an earlier run has left of one.
fn tell_of_fills(plan: &mut Plan, hints: &Hints) {
    let mut fills: Vec<(&ObjectId, &str, u64)> = Vec::new();
    for step in &plan.steps {
        for statement in &step.statements {
            match statement {
                Statement::Backfill { table, rows, .. } if !fills.iter().any(|(other, ..)| *other == table) => {
                    fills.push((table, &step.title, *rows));
                }
                _ => {}
            }
        }
    }
    let mut warnings = Vec::new();
    for (table, title, rows) in fills {
        let on_update = |object: &&Object| {
            let (Body::Trigger(toggled) | Body::Rule(toggled)) = &object.body else { return false };
            let event = toggled.definition.split(" ON ").next().unwrap_or_default();
            let is_update = event.contains("UPDATE") || toggled.definition.contains(" ON UPDATE ");
            is_update && toggled.enabled != 'D' && object.id.table_id() == *table
        };
        let kept = plan.before.objects.values().filter(|object| plan.target.get(&object.id).is_some());
        let found: Vec<&Object> = kept.filter(on_update).collect();
        let names: Vec<String> = found.iter().map(|o| format!("{} {}", o.id.kind.as_str(), o.id.name)).collect();
        if !names.is_empty() {
            let (about, names) = (crate::plan::rows_text(rows), names.join(", "));
            warnings.push(format!("{title} updates about {about} of {}, which sets off {names}", table.shown()));
        }
        for object in found {
            let Body::Rule(rule) = &object.body else { continue };
            let replaces = rule.definition.split_once(" DO INSTEAD ");
            if replaces.is_some_and(|(condition, _)| !condition.contains(" WHERE ")) {
                let (shown, name) = (table.shown(), &object.id.name);
                let message = format!("{title} would have no effect: the rule {name} of {shown} takes its place");
                let error = Error::new(Code::Unsupported, message).object(shown);
                plan.obstacles.push(error.help("disable the rule, or fill these rows in by hand first"));
            }
        }
    }
    for change in &plan.changes {
        let Change::Drop(object) = change else { continue };
        let table = object.id.table_id();
        let Some(column) = marked_column(object) else { continue };
        let Some(after) = plan.target.table(&table).and_then(|table| table.column(column)) else { continue };
        let hint = hints.backfills.iter().find(|(of, name, _)| *of == table && name == column);
        let shown = format!("{}.{column}", table.shown());
        if value_left(after, hint.map(|(_, _, value)| value)).is_some() || after.not_null {
            warnings.push(format!("an earlier run stopped while it filled in {shown}; this one goes on with it"));
        } else {
            let what = "the schema says no value for them any more";
            warnings.push(format!("an earlier run stopped while it filled in {shown}; the rest stay NULL: {what}"));
        }
    }
    plan.warnings.append(&mut warnings);
}

/// Reads the schema as it would be declared: where the database is expanded, as the newest clients see it.
///
/// # Errors
/// As [`read_schema`], and where what needs a column that is kept cannot be told in words of the new one.
pub async fn read_declared_schema<H: Host>(host: &mut H, scratch: Scratch<'_, H>) -> Result<Schema> {
    let live = read_schema(host).await?;
    let record = Record::read(host).await?;
    Ok(seen_by_new(host, scratch, &live, &record).await?.unwrap_or(live))
}

/// The schema as the newest clients see it; none where they see it as it is.
async fn seen_by_new<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    live: &Schema,
    record: &Record,
) -> Result<Option<Schema>> {
    if record.is_empty() {
        return Ok(None);
    }
    if !record.has_dependents(live) {
        return Ok(Some(record.visible(live)));
    }
    let mut place = Place::open(host, scratch).await?;
    let seen = seen(&mut place, live, record).await;
    let closed = place.close().await;
    let seen = seen?;
    closed?;
    Ok(Some(seen))
}

/// What a plan is made for: the declared schema, or in one of two phases what serves old and new clients.
#[derive(Default)]
struct Phases {
    target: Schema,
    renames: Vec<Rename>,
    hints: Hints,
    /// What is kept afterwards.
    record: Record,
    moved: BTreeMap<ObjectId, ObjectId>,
    grants: Vec<String>,
    late: BTreeSet<ObjectId>,
    later: Vec<String>,
    fitting: BTreeSet<ObjectId>,
}

impl Phases {
    fn expand(&mut self, mixed: Mixed, made: &mut Plan) {
        made.obstacles.extend(mixed.obstacles);
        made.warnings.extend(mixed.warnings);
        self.hints.backfills.extend(mixed.backfills);
        (self.target, self.renames, self.record) = (mixed.schema, mixed.renames, mixed.record);
        (self.moved, self.late, self.later) = (mixed.moved, mixed.late, mixed.later);
        self.fitting = mixed.fitting;
    }
}

/// The schema without columns whose values are in others, and without what stands on them.
fn without_copies(live: &Schema, own: &Own<'_>) -> Schema {
    let kept = own.before.kept.iter().filter(|kept| {
        matches!(&kept.what, What::Column { table, column, twin: Some(_), .. }
            if own.going().iter().any(|(id, link)| *id == table && link.before.column == *column))
    });
    Record { kept: kept.cloned().collect() }.visible(live)
}

/// PostgreSQL cuts names at 63 bytes, and tells it by a notice only: two of them could become one.
fn check_names(target: &Schema) -> Result<()> {
    let long = target.objects.keys().find(|id| id.name.len() > 63);
    match long {
        Some(id) => Err(Error::new(Code::SchemaRejected, format!("the name of {id} is longer than 63 bytes"))),
        None => Ok(()),
    }
}

struct Judging<'a> {
    live: &'a Schema,
    target: &'a Schema,
    strict_order: bool,
    merges: &'a [Merge],
    ignored: &'a [Object],
    fast: bool,
    own: &'a Own<'a>,
    late: &'a BTreeSet<ObjectId>,
    findings: &'a Findings,
}

/// A judgement: what stands in the way.
enum Judged {
    Certain(Vec<Error>),
    /// It may be that only the copy does not do.
    OfThisCopy(Vec<Error>),
}

impl Judging<'_> {
    /// Makes the steps, and tries them out on an empty copy of the live schema, or of the part of it that they can have to
    /// do with. Returns what stands in the way.
    async fn judge<H: Host>(
        &self,
        place: &mut Place<'_, H>,
        renames: &[Rename],
        part: Option<&Touched>,
        made: &mut Plan,
    ) -> Result<Vec<Error>> {
        if part.is_some() {
            let warnings = made.warnings.len();
            if let Ok(Judged::Certain(obstacles)) = self.judge_copy(place, renames, part, made).await {
                return Ok(obstacles);
            }
            // Something is needed of which the catalogue does not tell.
            made.warnings.truncate(warnings);
            place.empty().await?;
        }
        let (Judged::Certain(obstacles) | Judged::OfThisCopy(obstacles)) =
            self.judge_copy(place, renames, None, made).await?;
        Ok(obstacles)
    }

    async fn judge_copy<H: Host>(
        &self,
        place: &mut Place<'_, H>,
        renames: &[Rename],
        part: Option<&Touched>,
        made: &mut Plan,
    ) -> Result<Judged> {
        let (copy, copy_target) = part.map_or((self.live, self.target), |part| (&part.live, &part.target));
        // Names are taken by what is not copied, too: the plan is made for the whole.
        let completed = |mut schema: Schema| {
            if let Some(part) = part {
                part.complete(&mut schema, self.live);
            }
            schema
        };
        let creating = print::statements(copy);
        let mut missing = match place.execute_all(&creating).await {
            Ok(()) => None,
            Err((at, failure)) => Some(format!("{failure}, at: {}", creating.get(at).map_or("", String::as_str))),
        };
        if missing.is_none() {
            // What Whimbrel has no model of is not copied. What needs it has failed above.
            let start = place.read().await?;
            missing = remaining(&start, &copy.clone().without_unknown(self.live)).into_iter().next();
        }
        let mut obstacles = Vec::new();
        if let Some(why) = missing {
            // What cannot be copied cannot be judged; the run itself is verified all the same.
            made.warnings.push(format!("the plan was not tried out on an empty copy, which could not be made: {why}"));
            if !renames.is_empty() {
                let error =
                    Error::new(Code::Unsupported, "renames cannot be planned, because the schema cannot be copied");
                obstacles.push(error.cause(why).help("do the renames by hand, and run whimbrel again"));
                (made.changes, made.notes) = diff(self.live, self.target, self.strict_order, self.merges);
                return Ok(Judged::OfThisCopy(obstacles));
            }
            let (mut changes, notes) = diff(self.live, self.target, self.strict_order, self.merges);
            changes.retain(|change| !is_proof_at_work(change, self.live, self.target));
            let own = self.own.steps(&mut changes, self.live, self.findings);
            let planned = self.steps(self.live, &changes, &[], own);
            (made.changes, made.notes, made.steps) = (changes, notes, planned.steps);
            made.warnings.extend(planned.warnings);
            obstacles.extend(planned.obstacles);
            return Ok(Judged::OfThisCopy(obstacles));
        }
        let mut renamed = self.live.clone();
        let mut done: Vec<(Rename, Vec<String>)> = Vec::new();
        let mut todo = renames.to_vec();
        loop {
            if todo.is_empty() {
                todo = certain_renames(&renamed, self.target);
                if todo.is_empty() {
                    break;
                }
            }
            for (rename, sql) in statements(&renamed, self.target, &std::mem::take(&mut todo)) {
                for sql in &sql {
                    place
                        .execute(sql)
                        .await
                        .map_err(|f| f.error(Code::Unsupported, "this cannot be renamed").statement(sql))?;
                }
                done.push((rename, sql));
            }
            renamed = completed(place.read().await?);
            let unknown = self.live.objects.iter().filter(|(_, object)| matches!(object.body, Body::Other { .. }));
            renamed.objects.extend(unknown.map(|(id, object)| (id.clone(), object.clone())));
        }
        let (mut changes, notes) = diff(&renamed, self.target, self.strict_order, self.merges);
        changes.retain(|change| !is_proof_at_work(change, &renamed, self.target));
        add_renames(&mut changes, &done, &renamed);
        let own = self.own.steps(&mut changes, &renamed, self.findings);
        let planned = self.steps(&renamed, &changes, &done, own);
        obstacles.extend(planned.obstacles);
        made.warnings.extend(planned.warnings);
        show_renames(&mut changes, &done, self.live, &renamed);
        (made.changes, made.notes, made.steps) = (changes, notes, planned.steps);
        if !obstacles.is_empty() {
            return Ok(Judged::Certain(obstacles));
        }
        if !done.is_empty() {
            place.empty().await?;
            place.execute_all(&creating).await.map_err(|(at, f)| {
                let sql = creating.get(at).map_or("", String::as_str);
                f.error(Code::Database, "the copy cannot be made").statement(sql)
            })?;
        }
        let (result, between) = match try_out_stepwise(place, made).await {
            Ok(tried) => tried,
            Err(error) => return Ok(Judged::OfThisCopy(vec![error])),
        };
        // What is there and cannot be made was not made in the copy either.
        let left = remaining(&result, &copy_target.clone().without_unknown(self.live));
        if let Some(first) = left.first() {
            let message = format!("whimbrel knows no way to make this change: {first}");
            let error = left
                .iter()
                .skip(1)
                .take(9)
                .fold(Error::new(Code::Unsupported, message), |error, other| error.help(format!("and {other}")));
            let error = error.help("do this part by hand, and run whimbrel again: it goes on from there");
            return Ok(Judged::OfThisCopy(vec![error]));
        }
        made.between = between.into_iter().map(|schema| schema.map(completed)).collect();
        Ok(Judged::Certain(Vec::new()))
    }

    fn steps(&self, renamed: &Schema, changes: &[Change], renames: &[(Rename, Vec<String>)], own: OwnSteps) -> Planned {
        plan(&Input {
            live: self.live,
            renamed,
            target: self.target,
            renames,
            changes,
            findings: self.findings,
            ignored: self.ignored,
            fast: self.fast,
            own,
            late: self.late.clone(),
        })
    }
}

/// Whether a constraint that the target has not is one that a run which stopped has left, and that this one goes on with.
fn is_proof_at_work(change: &Change, live: &Schema, target: &Schema) -> bool {
    let Change::Drop(object) = change else { return false };
    let table = object.id.table_id();
    let (Some(before), Some(after)) = (live.table(&table), target.table(&table)) else { return false };
    object.id.kind == Kind::Constraint
        && before.columns.iter().any(|column| {
            !column.not_null
                && proof_name(&column.name) == object.id.name
                && after.column(&column.name).is_some_and(|column| column.not_null)
        })
}

/// Puts the renames into the changes, where a reader looks for them.
fn add_renames(changes: &mut Vec<Change>, renames: &[(Rename, Vec<String>)], renamed: &Schema) {
    let all: Vec<Rename> = renames.iter().map(|(rename, _)| rename.clone()).collect();
    for rename in &all {
        let (id, part) = match rename {
            // It makes way, and is dropped.
            Rename::Object { after: ObjectId { name, .. }, .. } | Rename::Member { after: name, .. }
                if name.starts_with(ASIDE) =>
            {
                continue;
            }
            Rename::Object { after, .. } => (after, Part::Rename(old_id(&all, after))),
            Rename::Member { of, before, after } if of.kind == Kind::Enum => {
                (of, Part::RenameValue { before: before.clone(), after: after.clone() })
            }
            Rename::Member { of, before, after } => {
                (of, Part::RenameColumn { before: before.clone(), after: after.clone() })
            }
        };
        // The sequence of an identity column belongs to its table.
        let Some(object) = renamed.get(id) else { continue };
        let found = changes.iter_mut().find_map(|change| match change {
            Change::Alter(alteration) if alteration.after.id == *id => Some(alteration),
            _ => None,
        });
        match found {
            Some(alteration) if alteration.parts.contains(&part) => {}
            Some(alteration) => alteration.parts.push(part),
            None => changes.push(Change::Alter(Box::new(Alteration {
                before: object.clone(),
                after: object.clone(),
                parts: vec![part],
            }))),
        }
    }
}

/// What made way is shown by the name that it has, and a schema that was made for a rename is shown as made.
fn show_renames(changes: &mut Vec<Change>, done: &[(Rename, Vec<String>)], live: &Schema, renamed: &Schema) {
    let renames: Vec<Rename> = done.iter().map(|(rename, _)| rename.clone()).collect();
    for change in changes.iter_mut() {
        match change {
            Change::Drop(object) if object.id.name.starts_with(ASIDE) => object.id = old_id(&renames, &object.id),
            Change::Alter(alteration) => {
                let of = alteration.after.id.clone();
                for part in &mut alteration.parts {
                    let Part::DropColumn(column) = part else { continue };
                    let old = renames.iter().find_map(|rename| match rename {
                        Rename::Member { of: id, before, after } if *id == of && *after == column.name => Some(before),
                        _ => None,
                    });
                    if let Some(old) = old {
                        column.name.clone_from(old);
                    }
                }
            }
            _ => {}
        }
    }
    let spaces = renamed.objects.values().filter(|object| object.id.kind == Kind::Namespace);
    let made = spaces.filter(|object| live.get(&old_id(&renames, &object.id)).is_none());
    changes.extend(made.map(|object| Change::Create(Box::new(object.clone()))));
}
