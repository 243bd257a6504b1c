//! Declared schema and live database → [`Plan`]: read, compare, ask the rows, try out. Nothing is written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::inspect::{Live, one_integer, one_row, read_live};
use super::{Connection, FailureKind, Value, judge};
use crate::diff::{Answer, Answers, Change, Diff, Options, Question, diff};
use crate::error::{Code, Error, Result};
use crate::plan::{Hazard, Plan, Statement, Step, Strategy, rows_text};
use crate::schema::{Schema, fold, same_name};
use crate::sqlite::plan::{Facts, plan};
use crate::sqlite::print::main;
use crate::sqlite::probe::{Probe, ProbeKind, copy_probes, probes};
use crate::sqlite::token::quote_text;

/// What a plan is made by, besides the two schemas.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Answers to questions.
    pub answers: Answers,
    /// Whether what the plan would lose may be lost.
    pub accept_data_loss: bool,
    /// Whether the order of columns counts.
    pub strict_order: bool,
    /// Patterns (`*`, `?`) of tables and views that are left out of sight.
    pub ignore: Vec<String>,
    /// Whether errors about rows name their keys.
    pub show_rows: bool,
}

/// Whether `name` matches `pattern`, in which `*` stands for any text and `?` for any character; case does not count.
///
/// ```
/// use whimbrel_core::run::matches_pattern;
/// assert!(matches_pattern("legacy_*", "Legacy_users"));
/// assert!(!matches_pattern("legacy_?", "legacy_12"));
/// ```
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (fold(pattern).chars().collect(), fold(name).chars().collect());
    // The last star seen, and how much of the name it takes.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    p = *at + 1;
                    n = *taken;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl Settings {
    pub(super) fn visible(&self, schema: Schema) -> Schema {
        visible(schema, &self.ignore)
    }
}

pub(super) fn visible(schema: Schema, ignore: &[String]) -> Schema {
    schema.without(|name| ignore.iter().any(|pattern| matches_pattern(pattern, name)))
}

/// Makes the plan. `resolve` is asked the questions that the settings do not answer.
///
/// What keeps the plan from running does not fail here: it stands in [`Plan::questions`] and [`Plan::obstacles`], so
/// that it can be shown together with the rest.
///
/// # Errors
/// Where the database cannot be read, or an answer names what does not exist.
pub async fn make_plan<C: Connection, R: FnMut(&Question) -> Option<Answer> + ?Sized>(
    conn: &mut C,
    target: &Schema,
    settings: &Settings,
    resolve: &mut R,
) -> Result<Plan> {
    if conn.in_transaction().await.map_err(|f| f.error(Code::Database, "the connection does not answer"))? {
        return Err(transaction_open());
    }
    let application_id = check_application(conn, target).await?;
    let mut live = read_live(conn).await?;
    // What is out of sight is still read by SQLite.
    let everything = (!settings.ignore.is_empty()).then(|| live.schema.clone());
    let before = settings.visible(std::mem::take(&mut live.schema));
    let hides_nothing = settings.ignore.is_empty() && live.shadows.is_empty();
    let after = match hides_nothing {
        true => Cow::Borrowed(target),
        false => Cow::Owned(settings.visible(without_shadows(target.clone(), &live.shadows))),
    };
    let diff = resolved(&before, &after, settings, resolve)?;
    let mut made = Plan {
        questions: diff.questions.clone(),
        notes: diff.notes.clone(),
        basis: live.basis.clone(),
        ignored: settings.ignore.clone(),
        strict_order: settings.strict_order,
        ..Plan::default()
    };
    if !diff.questions.is_empty() {
        made.changes = diff.changes;
        made.obstacles.push(unanswered(&diff.questions));
        return Ok(made);
    }
    if diff.changes.is_empty() {
        made.target = after.into_owned();
        return Ok(made);
    }

    let mut probes = probes(&before, &after, &diff);
    let mut answers = ask(conn, &probes).await?;
    let mut facts = facts(conn, &live, &diff, &probes, &answers).await?;
    // Planned twice: rows are counted only of tables whose rows are touched, and which these are, a plan tells. An
    // added column must cost the same on ten rows and on ten million.
    let first = plan(&before, &after, &diff, &facts);
    if first.steps.iter().any(reads_all_indexes) {
        judge::find_unregistered(conn, everything.as_ref().unwrap_or(&before), &mut made).await?;
        if !made.obstacles.is_empty() {
            // Even counting rows may need an index that cannot be used.
            made.changes = diff.changes;
            return Ok(made);
        }
    }
    let copied = first.steps.iter().filter(|step| step.strategy == Strategy::Rebuild);
    let of_copies = copied.filter_map(|step| match &diff.changes[step.change] {
        Change::AlterTable(change) => Some(copy_probes(step.change, change)),
        _ => None,
    });
    let of_copies: Vec<Probe> = of_copies.flatten().collect();
    answers.extend(ask(conn, &of_copies).await?);
    probes.extend(of_copies);
    count_touched(conn, &diff, &first.steps, &mut facts).await?;
    let planned = plan(&before, &after, &diff, &facts);
    made.steps = planned.steps;
    made.notes = planned.notes;
    made.foreign_key_checks = planned.foreign_key_checks;
    weigh(&mut made, &diff, &probes, &answers);
    count_virtual_losses(conn, &mut made, &diff).await?;
    keep_temporary_triggers(conn, &mut made, &diff).await?;
    if settings.show_rows {
        show_rows(conn, &mut made, &probes, &answers).await;
    }
    if !settings.accept_data_loss {
        refuse_losses(&mut made);
    }
    if let Some(id) = target.application_id.filter(|id| *id != application_id && live.catalogue.is_empty()) {
        made.steps.push(Step {
            object: "application_id".to_owned(),
            title: format!("set to {id}"),
            strategy: Strategy::Create,
            statements: vec![Statement::Execute(format!("PRAGMA main.application_id = {id}"))],
            ..Step::default()
        });
    }
    let hidden = everything.map(|live| hidden(live, &settings.ignore)).unwrap_or_default();
    check_hidden_children(&mut made, &hidden, &diff);
    judge::judge(conn, &before, &after, &hidden, &diff, &mut made).await?;
    if planned.reads_whole_schema {
        judge::find_broken(conn, &before, &mut made).await?;
    }
    made.disk_bytes = disk_bytes(conn, &made).await?;
    made.changes = diff.changes;
    made.target = after.into_owned();
    Ok(made)
}

/// What is out of sight, and still there.
fn hidden(live: Schema, ignore: &[String]) -> Schema {
    live.without(|name| !ignore.iter().any(|pattern| matches_pattern(pattern, name)))
}

/// Rows out of sight may refer to a table that goes; they are asked afterwards like any others.
fn check_hidden_children(made: &mut Plan, hidden: &Schema, diff: &Diff) {
    let gone = |name: &str| diff.changes.iter().any(|c| matches!(c, Change::DropTable(t) if same_name(&t.name, name)));
    let children = hidden.tables.iter().filter(|t| t.foreign_keys.iter().any(|k| gone(&k.parent)));
    made.foreign_key_checks.extend(children.map(|t| (t.name.clone(), t.name.clone())));
}

/// Whether a step makes SQLite compile every index of the database: a rename does, a rebuild ends with one.
fn reads_all_indexes(step: &Step) -> bool {
    let sql = step.statements.iter().map(Statement::sql);
    sql.into_iter()
        .any(|sql| sql.starts_with("ALTER TABLE") && (sql.contains(" RENAME ") || sql.contains(" DROP COLUMN ")))
}

/// Refuses a file whose header says that it is another application's; returns what the header says.
async fn check_application<C: Connection>(conn: &mut C, target: &Schema) -> Result<i32> {
    let Some(wanted) = target.application_id else { return Ok(0) };
    let id = i32::try_from(one_integer(conn, "PRAGMA main.application_id").await?).unwrap_or_default();
    if id == 0 || id == wanted {
        return Ok(id);
    }
    let message = format!("the database belongs to another application: its application_id is {id}, not {wanted}");
    Err(Error::new(Code::OtherApplication, message).help("check the path"))
}

/// The questions that the settings leave open. Only the catalogue is read, and no row.
///
/// # Errors
/// As [`make_plan`].
pub async fn open_questions<C: Connection>(
    conn: &mut C,
    target: &Schema,
    settings: &Settings,
) -> Result<Vec<Question>> {
    let mut live = read_live(conn).await?;
    let before = settings.visible(std::mem::take(&mut live.schema));
    let after = settings.visible(without_shadows(target.clone(), &live.shadows));
    let options = Options { strict_order: settings.strict_order };
    Ok(diff(&before, &after, &settings.answers, &options)?.questions)
}

pub(super) fn transaction_open() -> Error {
    Error::new(Code::TransactionOpen, "the connection has a transaction open")
        .help("finish it first: foreign keys can be switched off only outside of one")
}

/// A declared schema may list tables that belong to virtual tables, as `.schema` prints them.
fn without_shadows(mut schema: Schema, shadows: &[String]) -> Schema {
    let is_shadow = |name: &str| shadows.iter().any(|s| same_name(s, name));
    schema.tables.retain(|t| !is_shadow(&t.name));
    schema.indexes.retain(|i| !is_shadow(&i.table));
    schema
}

/// Compares, and asks until nobody has an answer.
fn resolved<R: FnMut(&Question) -> Option<Answer> + ?Sized>(
    before: &Schema,
    after: &Schema,
    settings: &Settings,
    resolve: &mut R,
) -> Result<Diff> {
    let options = Options { strict_order: settings.strict_order };
    let mut answers = settings.answers.clone();
    loop {
        let found = diff(before, after, &answers, &options)?;
        let mut answered = false;
        for question in &found.questions {
            if let Some(answer) = resolve(question) {
                answers.answer(question.key(), answer);
                answered = true;
                // Another question may have lost a candidate by this.
                break;
            }
        }
        if !answered {
            if found.questions.is_empty() || !settings.accept_data_loss {
                return Ok(found);
            }
            answers.drop_the_rest = true;
            return diff(before, after, &answers, &options);
        }
    }
}

fn unanswered(questions: &[Question]) -> Error {
    let paths: Vec<_> = questions.iter().map(Question::path).collect();
    let what = if questions.len() == 1 { "may have been renamed" } else { "may have been renamed, each of them" };
    let mut error = Error::new(Code::QuestionOpen, format!("{} {what}", paths.join(", ")));
    for question in questions {
        let path = question.path();
        error = error.help(format!(
            "say --rename {path}={} if it was",
            question.candidates.join(&format!(" or --rename {path}="))
        ));
    }
    error.help("say --accept-data-loss to drop what is gone and add what is new").questions(questions.to_vec())
}

/// Asks all probes, those of one relation in a single scan.
async fn ask<C: Connection>(conn: &mut C, probes: &[Probe]) -> Result<Vec<u64>> {
    let mut by_relation: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (n, probe) in probes.iter().enumerate() {
        let at = *places.entry(&probe.relation).or_insert_with(|| {
            by_relation.push((&probe.relation, Vec::new()));
            by_relation.len() - 1
        });
        by_relation[at].1.push(n);
    }
    let mut answers = vec![0; probes.len()];
    for (relation, group) in by_relation {
        // SQLite takes some thousand columns, and a scan with a few dozen terms is no slower than with one.
        for group in group.chunks(50) {
            let terms: Vec<_> = group.iter().map(|n| probes[*n].term()).collect();
            let sql = format!("SELECT {} FROM {relation}", terms.join(", "));
            match conn.query(&sql).await {
                Ok(rows) => {
                    for (n, value) in group.iter().zip(rows.first().into_iter().flatten()) {
                        answers[*n] = value.integer().unwrap_or_default().unsigned_abs();
                    }
                }
                Err(_) => ask_one_by_one(conn, probes, group, &mut answers).await?,
            }
        }
    }
    Ok(answers)
}

/// Finds the probe that a database cannot answer, to name what it is about.
async fn ask_one_by_one<C: Connection>(
    conn: &mut C,
    probes: &[Probe],
    group: &[usize],
    answers: &mut [u64],
) -> Result<()> {
    for n in group {
        let probe = &probes[*n];
        let sql = format!("SELECT {} FROM {}", probe.term(), probe.relation);
        let rows = match conn.query(&sql).await {
            Ok(rows) => rows,
            Err(failure) => {
                let is_about_sql = failure.kind == FailureKind::Statement;
                let (code, message) = match is_about_sql && failure.message.contains("no such collation sequence") {
                    true => (Code::NotRegistered, format!("{} needs a collation that is not registered", probe.table)),
                    false => (Code::SchemaRejected, format!("the new form of {} cannot be computed", probe.table)),
                };
                // Whether rows satisfy a constraint is only foretold here: what cannot be foretold, the run decides.
                if is_about_sql && code == Code::SchemaRejected && matches!(probe.kind, ProbeKind::Misfit(_)) {
                    continue;
                }
                let error = failure.error(code, message).object(&probe.table).statement(&sql);
                return Err(error.at(&probe.origin, "for this"));
            }
        };
        answers[*n] = rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default().unsigned_abs();
    }
    Ok(())
}

async fn facts<C: Connection>(
    conn: &mut C,
    live: &Live,
    diff: &Diff,
    probes: &[Probe],
    answers: &[u64],
) -> Result<Facts> {
    let mut facts = Facts { version: live.basis.version, ..Facts::default() };
    facts.names = live.catalogue.iter().map(|row| fold(&row.name)).collect();
    let statistics = ["sqlite_stat1", "sqlite_stat4"];
    facts.statistics = statistics.iter().filter(|s| facts.names.contains(**s)).map(|s| (*s).to_owned()).collect();
    for (probe, answer) in probes.iter().zip(answers) {
        match (&probe.kind, probe.part) {
            (ProbeKind::Loss(_), None) => {
                facts.rows.insert(fold(&probe.table), *answer);
            }
            (ProbeKind::NoValue(_) | ProbeKind::Filled(_), Some(part)) => {
                let nulls = facts.nulls.entry((probe.change, part)).or_default();
                *nulls = (*nulls).max(*answer);
            }
            _ => {}
        }
    }
    let new: HashSet<String> = diff
        .changes
        .iter()
        .filter_map(|c| match c {
            Change::CreateTable(table) => Some(fold(&table.name)),
            _ => None,
        })
        .collect();
    let alters: BTreeSet<&str> =
        diff.changes.iter().filter_map(|c| live_table(diff, c)).filter(|t| !new.contains(&fold(t))).collect();
    let alters: Vec<&str> = alters.into_iter().collect();
    if alters.is_empty() {
        return Ok(facts);
    }
    facts.catalogue_edits = can_edit_catalogue(conn).await?;
    for tables in alters.chunks(50) {
        let terms: Vec<_> = tables.iter().map(|t| format!("EXISTS (SELECT 1 FROM {} NOT INDEXED)", main(t))).collect();
        let row = one_row(conn, &format!("SELECT {}", terms.join(", "))).await?;
        for (table, some) in tables.iter().zip(row) {
            facts.rows.insert(fold(table), some.integer().unwrap_or_default().unsigned_abs());
        }
    }
    Ok(facts)
}

/// Under SQLite's defensive mode `writable_schema` stays off, whatever is asked; there is no other way to find out.
async fn can_edit_catalogue<C: Connection>(conn: &mut C) -> Result<bool> {
    if one_integer(conn, "PRAGMA writable_schema").await? == 1 {
        return Ok(true);
    }
    let set = conn.execute("PRAGMA writable_schema = ON").await;
    let now = one_integer(conn, "PRAGMA writable_schema").await;
    conn.execute("PRAGMA writable_schema = OFF").await.map_err(|f| {
        f.error(Code::Setting, "PRAGMA writable_schema could not be put back").help("open a new connection")
    })?;
    Ok(set.is_ok() && now? == 1)
}

/// DROP TABLE takes a connection's own temporary triggers along; those of a rebuilt table are made anew.
async fn keep_temporary_triggers<C: Connection>(conn: &mut C, made: &mut Plan, diff: &Diff) -> Result<()> {
    let is_dropped = |step: &&Step| matches!(step.strategy, Strategy::Rebuild | Strategy::Drop);
    let tables: HashMap<String, usize> = made
        .steps
        .iter()
        .filter(is_dropped)
        .filter_map(|step| match &diff.changes[step.change] {
            Change::AlterTable(change) => Some((fold(&change.before.name), step.change)),
            Change::DropTable(table) => Some((fold(&table.name), step.change)),
            _ => None,
        })
        .collect();
    if tables.is_empty() {
        return Ok(());
    }
    let sql = "SELECT name, tbl_name, sql FROM temp.sqlite_master WHERE type = 'trigger'";
    let rows = conn.query(sql).await.map_err(|f| f.error(Code::Database, "temporary triggers cannot be listed"))?;
    for row in rows {
        let [Value::Text(name), Value::Text(table), Value::Text(sql)] = row.as_slice() else { continue };
        let Some(n) = tables.get(&fold(table)) else { continue };
        let keeps_names = matches!(&diff.changes[*n], Change::AlterTable(c) if c.renamed == c.before);
        match sql.get(.."CREATE".len()).filter(|_| keeps_names) {
            Some(create) => made.steps.push(Step {
                change: *n,
                object: name.clone(),
                title: "create temporary trigger".to_owned(),
                strategy: Strategy::Recreate,
                statements: vec![Statement::Execute(sql.replacen(create, "CREATE TEMP", 1))],
                ..Step::default()
            }),
            // Its text speaks of names that are no more.
            None => made
                .warnings
                .push(format!("temporary trigger {name} on {table} goes with the old table: create it again")),
        }
    }
    Ok(())
}

/// The table whose rows a change is about, by its live name.
fn live_table<'d>(diff: &'d Diff, change: &'d Change) -> Option<&'d str> {
    match change {
        Change::AlterTable(change) => Some(&change.before.name),
        Change::CreateIndex(index) | Change::AlterIndex { after: index, .. } if index.unique => {
            let rename = diff.renames.tables.iter().find(|r| same_name(&r.after, &index.table));
            Some(rename.map_or(&index.table, |r| &r.before))
        }
        _ => None,
    }
}

/// Counts rows, and bytes where they are written again, of the tables whose rows a plan reads or writes.
async fn count_touched<C: Connection>(conn: &mut C, diff: &Diff, steps: &[Step], facts: &mut Facts) -> Result<()> {
    let mut counted = HashMap::new();
    for step in steps {
        let Some(table) = live_table(diff, &diff.changes[step.change]) else { continue };
        let rewrites = step.strategy == Strategy::Rebuild;
        let touches = rewrites || step.rows > 0 || !step.hazards.is_empty();
        let some = facts.rows.get(&fold(table)).is_some_and(|rows| *rows > 0);
        let known: &mut bool = counted.entry(fold(table)).or_insert(false);
        if touches && some && !*known {
            *known = true;
            let rows = one_integer(conn, &format!("SELECT count(*) FROM {}", main(table))).await?;
            facts.rows.insert(fold(table), rows.unsigned_abs());
        }
        if rewrites && some {
            // dbstat is compiled in only where somebody asked for it.
            let sql = format!(
                "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN \
                 (SELECT name FROM main.sqlite_master WHERE tbl_name = {} COLLATE NOCASE)",
                quote_text(table)
            );
            if let Ok(rows) = conn.query(&sql).await {
                let bytes = rows.first().and_then(|r| r.first()).and_then(Value::integer).unwrap_or_default();
                facts.bytes.insert(fold(table), bytes.unsigned_abs());
            }
        }
    }
    Ok(())
}

/// Puts the answers where they belong: losses to the steps, misfits to the obstacles.
fn weigh(made: &mut Plan, diff: &Diff, probes: &[Probe], answers: &[u64]) {
    for (probe, count) in probes.iter().zip(answers) {
        let count = *count;
        let rows = rows_text(count);
        let object = diff.changes[probe.change].object().to_owned();
        match &probe.kind {
            ProbeKind::Loss(what) => lose(made, probe, what.clone(), count),
            ProbeKind::Altered(what) if count > 0 => lose(made, probe, what.clone(), count),
            ProbeKind::Filled(column) if count > 0 => {
                made.warnings.push(format!("{rows} of {object} get a value in {column}, which was NULL"));
            }
            ProbeKind::NoValue(column) if count > 0 => {
                let verb = if count == 1 { "has" } else { "have" };
                made.obstacles.push(
                    Error::new(
                        Code::NoValue,
                        format!("{rows} of {object} {verb} no value for {column}, which is NOT NULL"),
                    )
                    .object(object)
                    .at(&probe.origin, format!("{rows} {verb} NULL here"))
                    .help("give them a value with `-- whimbrel: backfill <expression>` on this line, or a DEFAULT")
                    .help("see their keys with --show-rows"),
                );
            }
            ProbeKind::Misfit(constraint) if count > 0 => {
                let is_key = probe.condition.is_none();
                let (what, verb) = match (is_key, count) {
                    (true, 1) => ("1 group of equal rows".to_owned(), "violates"),
                    (true, n) => (format!("{n} groups of equal rows"), "violate"),
                    (false, 1) => ("1 row".to_owned(), "does not fit"),
                    (false, n) => (format!("{n} rows"), "do not fit"),
                };
                made.obstacles.push(
                    Error::new(Code::RowsDoNotFit, format!("{what} of {} {verb} {constraint}", probe.table))
                        .object(&probe.table)
                        .at(&probe.origin, format!("{what} {verb} this"))
                        .help("change or delete these rows first; see their keys with --show-rows"),
                );
            }
            ProbeKind::Altered(_) | ProbeKind::Filled(_) | ProbeKind::NoValue(_) | ProbeKind::Misfit(_) => {}
        }
    }
}

/// Notes a loss at the step that makes it.
fn lose(made: &mut Plan, probe: &Probe, what: String, rows: u64) {
    let is_step = |step: &&mut Step| {
        step.change == probe.change
            && probe.part.map_or(step.strategy == Strategy::Drop, |part| step.parts.contains(&part))
    };
    if let Some(step) = made.steps.iter_mut().find(is_step) {
        step.hazards.insert(0, Hazard::DataLoss { what, rows });
    }
}

/// Rows of virtual tables that go are counted by asking their module.
async fn count_virtual_losses<C: Connection>(conn: &mut C, made: &mut Plan, diff: &Diff) -> Result<()> {
    for step in &mut made.steps {
        let table = match &diff.changes[step.change] {
            Change::DropVirtualTable(table) | Change::AlterVirtualTable { before: table, .. } => table,
            _ => continue,
        };
        match conn.query(&format!("SELECT count(*) FROM {}", main(&table.name))).await {
            Ok(rows) => {
                let count = rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default().unsigned_abs();
                step.rows = count;
                if step.strategy == Strategy::Rebuild {
                    step.hazards.insert(0, Hazard::Rewrite { rows: count });
                    step.statements.iter_mut().for_each(|statement| {
                        if let Statement::Copy(copy) = statement {
                            copy.rows = count;
                        }
                    });
                }
                for hazard in &mut step.hazards {
                    if let Hazard::DataLoss { rows, .. } = hazard {
                        *rows = count;
                    }
                }
            }
            Err(failure) if failure.message.contains("no such module") => made.obstacles.push(
                Error::new(Code::NotRegistered, format!("module {} of {} is not loaded", table.module, table.name))
                    .object(&table.name)
                    .cause(&failure)
                    .help("run this from a program that loads the module, or leave the table out with --ignore"),
            ),
            Err(failure) => {
                return Err(failure
                    .error(Code::Database, format!("{} cannot be read", table.name))
                    .object(&table.name));
            }
        }
    }
    Ok(())
}

async fn show_rows<C: Connection>(conn: &mut C, made: &mut Plan, probes: &[Probe], answers: &[u64]) {
    for (probe, count) in probes.iter().zip(answers) {
        let tells = !matches!(probe.kind, ProbeKind::Loss(_) | ProbeKind::Filled(_));
        let Some(sql) = probe.keys.as_ref().filter(|_| *count > 0 && tells) else { continue };
        let Ok(rows) = conn.query(sql).await else { continue };
        let shown = |value: &Value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Integer(n) => n.to_string(),
            Value::Real(n) => n.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
        };
        let keys: Vec<_> = rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join(", ")).collect();
        made.warnings.push(format!("keys of the rows of {}: {}", probe.table, keys.join("; ")));
    }
}

fn refuse_losses(made: &mut Plan) {
    let all: Vec<(String, u64)> = made.losses().map(|(_, what, rows)| (what.to_owned(), rows)).collect();
    if all.is_empty() {
        return;
    }
    let list: Vec<_> = all.iter().map(|(what, rows)| format!("{what} ({})", rows_text(*rows))).collect();
    let is_conversion = |what: &str| what.starts_with("exact values of ");
    let code = if all.iter().all(|(what, _)| is_conversion(what)) { Code::ValuesAltered } else { Code::DataLoss };
    let error = Error::new(code, format!("this would lose {}", list.join(", ")))
        .help("say --accept-data-loss if that is meant")
        .help("keep a table out of sight with --ignore <pattern>");
    made.obstacles.insert(0, error);
}

/// What a run writes besides the database as it is: the new tables, and the journal or log until the commit.
async fn disk_bytes<C: Connection>(conn: &mut C, made: &Plan) -> Result<u64> {
    let bytes: u64 = made.steps.iter().map(|s| s.bytes).sum();
    if bytes == 0 {
        return Ok(0);
    }
    let rows = conn.query("PRAGMA main.journal_mode").await.unwrap_or_default();
    let mode = rows.first().and_then(|r| r.first()?.text().map(str::to_owned)).unwrap_or_default();
    Ok(match mode.as_str() {
        // Everything goes through the log, and from there into the database.
        "wal" => bytes * 2,
        "memory" => 0,
        _ => bytes,
    })
}
