//! Declared schema and live database → [`Plan`]: read, compare, ask the rows, try out. Nothing is written.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::facts::{count_touched, facts};
use super::inspect::{is_in_transaction, is_word_for_word, look, one_integer, read_live};
use super::rows::{ask, count_virtual_losses, leave_to_run, refuse_losses, show_rows, weigh};
use super::{Connection, Value, judge, registered};
use crate::diff::{Answer, Answers, Change, Diff, Options, Question, diff};
use crate::error::{Code, Error, Result};
use crate::plan::{Plan, Statement, Step, Strategy};
use crate::schema::{Schema, fold, same_name};
use crate::sqlite::plan::plan;
use crate::sqlite::probe::{Probe, ProbeKind, probes, written_again_probe};

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
    /// Whether the plan is run at once, and nobody looks at it: then rows are not asked beforehand what the run's own
    /// statements ask them. [`run_at_once`](super::run_at_once) runs such a plan.
    pub at_once: bool,
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
    outside_transactions(conn).await?;
    let application_id = check_application(conn, target).await?;
    if settings.ignore.is_empty()
        && settings.answers.is_empty()
        && let Some(basis) = is_word_for_word(conn, target).await?
    {
        let tables = target.tables.len() + target.virtual_tables.len();
        return Ok(Plan { basis, strict_order: settings.strict_order, tables, ..Plan::default() });
    }
    let mut live = look(conn).await?;
    live.read(target)?;
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
        tables: before.tables.len() + before.virtual_tables.len(),
        ..Plan::default()
    };
    if !diff.questions.is_empty() {
        made.changes = diff.changes;
        made.obstacles.push(unanswered(&diff.questions));
        return Ok(made);
    }
    if diff.changes.is_empty() {
        return Ok(made);
    }

    let mut probes = probes(&before, &after, &diff);
    let everything_live = everything.as_ref().unwrap_or(&before);
    let mut facts = facts(conn, &live, everything_live, &diff).await?;
    if settings.at_once {
        made.left_to_run = leave_to_run(&plan(&before, &after, &diff, &facts).steps, &mut probes);
    }
    // What is asked depends on how a change is made, and that on the answers. Where these come out as most often they do, one
    // scan is enough: no row reads an old default.
    let defaults = probes.iter().filter(|probe| probe.kind == ProbeKind::Defaulted);
    facts.defaulted.extend(defaults.filter_map(|probe| Some(((probe.change, probe.part?), 0))));
    let likely = rows_written_again(&plan(&before, &after, &diff, &facts).steps);
    let of_parts = probes.len();
    probes.extend(written_again(&diff, &likely));
    let mut answers = ask(conn, &probes).await?;
    facts.learn(&probes, &answers);
    // Planned twice: rows are counted only of tables whose rows are touched, and which these are, a plan tells. An
    // added column must cost the same on ten rows and on ten million.
    let first = plan(&before, &after, &diff, &facts);
    if first.steps.iter().any(reads_all_indexes) {
        registered::find_unregistered(conn, everything_live, &mut made).await?;
        if !made.obstacles.is_empty() {
            // Even counting rows may need an index that cannot be used.
            made.changes = diff.changes;
            return Ok(made);
        }
    }
    let written = rows_written_again(&first.steps);
    if written != likely {
        probes.truncate(of_parts);
        answers.truncate(of_parts);
        let again = written_again(&diff, &written);
        answers.extend(ask(conn, &again).await?);
        probes.extend(again);
    }
    let found = probes.iter().zip(&answers).filter(|(_, count)| **count > 0);
    let then: Vec<Probe> = found.flat_map(|(probe, _)| probe.then.clone()).collect();
    answers.extend(ask(conn, &then).await?);
    probes.extend(then);
    if !made.left_to_run {
        count_touched(conn, &diff, &after, &first.steps, &mut facts).await?;
    }
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
    let is_empty = live.catalogue.iter().all(|row| crate::history::record::is_own(&row.table));
    if let Some(id) = target.application_id.filter(|id| *id != application_id && is_empty) {
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
    check_hidden_names(&mut made, &hidden, &diff);
    judge::judge(conn, &before, &after, &hidden, &diff, &mut made).await?;
    if planned.reads_whole_schema {
        judge::find_broken(conn, &before, &mut made).await?;
    }
    made.disk_bytes = disk_bytes(conn, &made).await?;
    made.changes = diff.changes;
    made.target = after.into_owned();
    Ok(made)
}

/// Which rows of its table a change writes again, as a condition; none where it writes all. By place of the change.
fn rows_written_again(steps: &[Step]) -> BTreeMap<usize, Option<String>> {
    let mut written: BTreeMap<usize, Option<String>> = BTreeMap::new();
    for step in steps {
        let filled = step.statements.iter().find_map(|statement| match statement {
            Statement::Fill(fill) => Some(fill.condition.as_deref()),
            _ => None,
        });
        let is_copied = step.strategy == Strategy::Rebuild;
        let Some(condition) = filled.or(is_copied.then_some(None)) else { continue };
        written
            .entry(step.change)
            .and_modify(|known| *known = known.take().zip(condition).map(|(a, b)| format!("{a} OR {b}")))
            .or_insert_with(|| condition.map(str::to_owned));
    }
    written
}

/// What is asked of rows that are written again.
fn written_again(diff: &Diff, written: &BTreeMap<usize, Option<String>>) -> Vec<Probe> {
    let probes = written.iter().filter_map(|(n, written)| match &diff.changes[*n] {
        Change::AlterTable(change) => written_again_probe(*n, change, written.as_deref()),
        _ => None,
    });
    probes.collect()
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

/// A name out of sight is taken all the same; triggers have names of their own.
fn check_hidden_names(made: &mut Plan, hidden: &Schema, diff: &Diff) {
    for change in diff.changes.iter().filter(|c| c.sign() == '+') {
        let (kind, name) = (change.object_kind(), change.object());
        let is_taken = match kind {
            "trigger" => hidden.trigger(name).is_some(),
            _ => {
                hidden.index(name).is_some()
                    || hidden.table(name).is_some()
                    || hidden.view(name).is_some()
                    || hidden.virtual_table(name).is_some()
            }
        };
        if is_taken {
            let message = format!("{kind} {name} cannot be made: something out of sight has this name");
            made.obstacles.push(
                Error::new(Code::DeclaredTwice, message)
                    .object(name)
                    .help("give it another name, or take the pattern of --ignore back"),
            );
        }
    }
}

/// Whether a step makes SQLite compile every index of the database, as a rename does, with which a rebuild ends; or
/// those of a table, as an UPDATE does.
fn reads_all_indexes(step: &Step) -> bool {
    step.statements.iter().any(|statement| match statement {
        Statement::Fill(_) => true,
        Statement::Execute(sql) => {
            sql.starts_with("ALTER TABLE") && (sql.contains(" RENAME ") || sql.contains(" DROP COLUMN "))
        }
        Statement::Copy(_) | Statement::Check { .. } | Statement::RaiseSchemaVersion => false,
    })
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

/// Refuses a connection on which the caller has a transaction open.
pub(super) async fn outside_transactions<C: Connection>(conn: &mut C) -> Result<()> {
    match is_in_transaction(conn).await? {
        true => Err(Error::new(Code::TransactionOpen, "the connection has a transaction open")
            .help("finish it first: foreign keys can be switched off only outside of one")),
        false => Ok(()),
    }
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
