//! SQLite's own judgement of the declared schema, before anything is written.
//!
//! The reader takes expressions as they stand, so a mistake in one would come to light in the middle of a run. Here
//! the objects that change, and what they refer to, are created in an empty database in memory, views are compiled,
//! and triggers are compiled by explaining the statements that fire them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::inspect::one_integer;
use super::registered::is_collation;
use super::{Connection, Failure, FailureKind};
use crate::diff::{Change, Diff};
use crate::error::{Code, Error, Result};
use crate::plan::Plan;
use crate::schema::{Event, Origin, Schema, Trigger, fold, same_name};
use crate::sqlite::dependents::{dependents, mentioned, mentioned_by_trigger};
use crate::sqlite::print::{self, main};
use crate::sqlite::token::quote_name;

/// Above this many objects the run itself is the judge: creating tables costs SQLite time quadratic in their number,
/// and a rollback costs next to nothing.
const MOST: usize = 400;

/// The declared schema together with what is out of sight: views on both sides read each other.
fn with_hidden<'s>(after: &'s Schema, hidden: &Schema) -> Cow<'s, Schema> {
    if hidden.is_empty() {
        return Cow::Borrowed(after);
    }
    let mut world = after.clone();
    let taken =
        |name: &str| after.table(name).is_some() || after.view(name).is_some() || after.virtual_table(name).is_some();
    world.tables.extend(hidden.tables.iter().filter(|t| !taken(&t.name)).cloned());
    world.virtual_tables.extend(hidden.virtual_tables.iter().filter(|t| !taken(&t.name)).cloned());
    world.views.extend(hidden.views.iter().filter(|v| !taken(&v.name)).cloned());
    world.triggers.extend(hidden.triggers.iter().filter(|t| after.trigger(&t.name).is_none()).cloned());
    Cow::Owned(world)
}

/// Tries the changed part of `after` out, and puts what SQLite does not accept among the plan's obstacles.
pub(super) async fn judge<C: Connection>(
    conn: &mut C,
    before: &Schema,
    after: &Schema,
    hidden: &Schema,
    diff: &Diff,
    made: &mut Plan,
) -> Result<()> {
    let world = with_hidden(after, hidden);
    let after = &*world;
    let judged = Judged::of(after, diff);
    if judged.names.len() > MOST {
        return Ok(());
    }
    let mut scratch = match conn.scratch().await {
        Ok(scratch) => scratch,
        // Without a scratch database the run itself is the judge.
        Err(_) => return Ok(()),
    };
    // Foreign keys do not concern views and triggers, and their tables need not be here.
    if scratch.execute("PRAGMA foreign_keys = OFF").await.is_err() {
        return Ok(());
    }
    // Something that only the live connection knows: what depends on it cannot be judged here.
    let mut incomplete = false;
    for (sql, name, origin) in judged.statements(after) {
        if let Err(failure) = scratch.execute(&sql).await {
            match is_unknown_here(conn, &failure).await {
                Known::Live => incomplete = true,
                Known::Nowhere(what) => {
                    made.obstacles.push(not_registered(&what, &name, &origin, &failure));
                    return Ok(());
                }
                Known::NotTheCause if incomplete && failure.message.starts_with("no such table") => {}
                Known::NotTheCause => {
                    made.obstacles.push(rejected(&name, &origin, &sql, &failure));
                    return Ok(());
                }
            }
        }
    }
    for view in after.views.iter().filter(|v| judged.views.contains(&fold(&v.name))) {
        if let Err(failure) = scratch.query(&select_nothing(&view.name)).await {
            if hidden.view(&view.name).is_some() {
                made.warnings.push(format!("view {}, out of sight, will not work: {failure}", view.name));
                continue;
            }
            let unchanged = before.view(&view.name).is_some_and(|b| b == view);
            let was_broken = unchanged && conn.query(&select_nothing(&view.name)).await.is_err();
            weigh(conn, made, incomplete, was_broken, "view", &view.name, &view.origin, &failure).await;
        }
    }
    for trigger in after.triggers.iter().filter(|t| judged.triggers.contains(&fold(&t.name))) {
        if let Err(failure) = scratch.query(&fire(after, trigger)).await {
            if hidden.trigger(&trigger.name).is_some() {
                made.warnings.push(format!("trigger {}, out of sight, will not work: {failure}", trigger.name));
                continue;
            }
            let old = before.trigger(&trigger.name);
            let sql = fire(before, trigger);
            let was_broken = old.is_some_and(|old| old == trigger)
                && without_foreign_keys(conn, async |conn| Ok(conn.query(&sql).await.is_err())).await?;
            weigh(conn, made, incomplete, was_broken, "trigger", &trigger.name, &trigger.origin, &failure).await;
        }
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the facts of one judgement, used once")]
async fn weigh<C: Connection>(
    conn: &mut C,
    made: &mut Plan,
    incomplete: bool,
    was_broken: bool,
    kind: &str,
    name: &str,
    origin: &Origin,
    failure: &Failure,
) {
    if failure.kind != FailureKind::Statement || incomplete {
        return;
    }
    if !matches!(is_unknown_here(conn, failure).await, Known::NotTheCause) {
        return;
    }
    if was_broken {
        made.warnings.push(format!("{kind} {name} is broken, and was before: {}", failure.message));
    } else {
        let mut error = Error::new(Code::SchemaRejected, format!("{kind} {name} does not work in the declared schema"))
            .object(name)
            .at(origin, "declared here")
            .cause(failure);
        error = error.help("change it together with what it refers to");
        made.obstacles.push(error);
    }
}

fn rejected(name: &str, origin: &Origin, sql: &str, failure: &Failure) -> Error {
    Error::new(Code::SchemaRejected, format!("SQLite does not accept {name}"))
        .object(name)
        .statement(sql)
        .at(&place_in_source(origin, sql, failure), &failure.message)
        .cause(failure)
}

/// The place in the source that the database's place in the statement stands for.
fn place_in_source(origin: &Origin, sql: &str, failure: &Failure) -> Origin {
    let Some((source, offset)) = origin.source.as_ref().zip(failure.offset) else {
        return origin.clone();
    };
    // The statement ends as the source does: places are counted from the end of the object's name.
    let Some(rest) = sql.get(offset..).filter(|rest| !rest.is_empty()) else {
        return origin.clone();
    };
    match source.text.get(origin.range.end..).and_then(|text| text.find(rest)) {
        Some(at) => {
            let start = origin.range.end + at;
            let length = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum();
            Origin { source: Some(source.clone()), range: start..start + std::cmp::max(length, 1) }
        }
        None => origin.clone(),
    }
}

fn not_registered(what: &str, name: &str, origin: &Origin, failure: &Failure) -> Error {
    Error::new(Code::NotRegistered, format!("{name} needs {what}, which is not registered"))
        .object(name)
        .at(origin, "needed here")
        .cause(failure)
        .help("run this from a program that registers it")
}

enum Known {
    /// The live connection has it.
    Live,
    /// Nobody has it.
    Nowhere(String),
    /// The failure is about something else.
    NotTheCause,
}

/// Whether a failure is about a collation, function or module that the scratch database does not have.
async fn is_unknown_here<C: Connection>(conn: &mut C, failure: &Failure) -> Known {
    if let Some((_, name)) = failure.message.split_once("no such collation sequence: ") {
        let name = name.trim();
        let known = is_collation(conn, name).await;
        return if known { Known::Live } else { Known::Nowhere(format!("collation {name}")) };
    }
    let kinds = [
        ("unknown function: ", "function", "SELECT name FROM pragma_function_list"),
        ("no such function: ", "function", "SELECT name FROM pragma_function_list"),
        ("no such module: ", "module", "SELECT name FROM pragma_module_list"),
        ("no such tokenizer: ", "tokenizer", ""),
        ("error in tokenizer constructor", "tokenizer", ""),
    ];
    for (message, kind, list) in kinds {
        let Some((_, name)) = failure.message.split_once(message) else { continue };
        let name = name.trim().trim_end_matches("()");
        if list.is_empty() {
            // Nobody can be asked for tokenizers.
            return Known::Live;
        }
        let rows = conn.query(list).await.unwrap_or_default();
        let has = rows.iter().any(|row| row.first().and_then(super::Value::text).is_some_and(|n| same_name(n, name)));
        return if has { Known::Live } else { Known::Nowhere(format!("{kind} {name}")) };
    }
    Known::NotTheCause
}

/// What is tried out, by name in lower case.
struct Judged {
    names: HashSet<String>,
    indexes: HashSet<String>,
    views: BTreeSet<String>,
    triggers: BTreeSet<String>,
}

impl Judged {
    fn of(after: &Schema, diff: &Diff) -> Judged {
        let mut tables = HashSet::new();
        let mut judged = Judged {
            names: HashSet::new(),
            indexes: HashSet::new(),
            views: BTreeSet::new(),
            triggers: BTreeSet::new(),
        };
        for change in &diff.changes {
            match change {
                Change::CreateTable(t) | Change::DropTable(t) => {
                    tables.insert(fold(&t.name));
                }
                Change::AlterTable(change) => {
                    tables.extend([fold(&change.before.name), fold(&change.after.name)]);
                }
                Change::CreateVirtualTable(t)
                | Change::DropVirtualTable(t)
                | Change::AlterVirtualTable { after: t, .. } => {
                    tables.insert(fold(&t.name));
                }
                Change::CreateIndex(i) | Change::AlterIndex { after: i, .. } => {
                    judged.indexes.insert(fold(&i.name));
                    judged.names.insert(fold(&i.table));
                }
                Change::CreateView(v) | Change::AlterView { after: v, .. } => {
                    judged.views.insert(fold(&v.name));
                }
                Change::CreateTrigger(t) | Change::AlterTrigger { after: t, .. } => {
                    judged.triggers.insert(fold(&t.name));
                }
                Change::DropView(v) => {
                    tables.insert(fold(&v.name));
                }
                Change::DropIndex(_) | Change::DropTrigger(_) => {}
            }
        }
        let found = dependents(after, &tables);
        judged.views.extend(found.views);
        judged.triggers.extend(found.triggers);
        judged.names.extend(tables);
        judged.names.extend(judged.views.iter().cloned());
        // What those refer to, to any depth.
        let mut open: Vec<String> = Vec::new();
        for trigger in after.triggers.iter().filter(|t| judged.triggers.contains(&fold(&t.name))) {
            open.extend(mentioned_by_trigger(trigger));
        }
        let views: std::collections::HashMap<String, BTreeSet<String>> =
            after.views.iter().map(|v| (fold(&v.name), mentioned(&v.body))).collect();
        open.extend(judged.views.iter().filter_map(|v| views.get(v)).flatten().cloned());
        while let Some(name) = open.pop() {
            if judged.names.insert(name.clone())
                && let Some(mentions) = views.get(&name)
            {
                open.extend(mentions.iter().cloned());
            }
        }
        let known: HashSet<String> = after
            .tables
            .iter()
            .map(|t| fold(&t.name))
            .chain(after.virtual_tables.iter().map(|t| fold(&t.name)))
            .chain(views.keys().cloned())
            .collect();
        judged.names.retain(|name| known.contains(name));
        judged
    }

    /// The statements that make it, each with the object's name and place.
    fn statements(&self, after: &Schema) -> Vec<(String, String, Origin)> {
        let mut statements = Vec::new();
        let is_judged = |name: &str| self.names.contains(&fold(name));
        for table in after.tables.iter().filter(|t| is_judged(&t.name)) {
            statements.push((print::create_table(table, &table.name), table.name.clone(), table.origin.clone()));
        }
        for table in after.virtual_tables.iter().filter(|t| is_judged(&t.name)) {
            let sql = print::create_virtual_table(table, &table.name);
            statements.push((sql, table.name.clone(), table.origin.clone()));
        }
        let with_table = |name: &str| self.indexes.contains(&fold(name));
        for index in after.indexes.iter().filter(|i| with_table(&i.name) || is_judged(&i.table)) {
            statements.push((print::create_index(index), index.name.clone(), index.origin.clone()));
        }
        for view in after.views.iter().filter(|v| is_judged(&v.name)) {
            statements.push((print::create_view(view), view.name.clone(), view.origin.clone()));
        }
        for trigger in after.triggers.iter().filter(|t| self.triggers.contains(&fold(&t.name))) {
            statements.push((print::create_trigger(trigger), trigger.name.clone(), trigger.origin.clone()));
        }
        statements
    }
}

pub(super) fn select_nothing(view: &str) -> String {
    format!("SELECT * FROM {} LIMIT 0", main(view))
}

/// A statement that compiles a trigger, explained and not executed.
pub(super) fn fire(schema: &Schema, trigger: &Trigger) -> String {
    let target = main(&trigger.target);
    let table = schema.table(&trigger.target);
    // A generated column cannot be set, though a trigger may name it.
    let is_writable = |name: &str| table.is_none_or(|t| t.column(name).is_none_or(|c| c.generated.is_none()));
    let writable = |columns: &[String]| -> Vec<String> {
        match columns {
            [] => table
                .map(|t| t.columns.iter().map(|c| c.name.clone()).filter(|c| is_writable(c)).take(1).collect())
                .unwrap_or_default(),
            list => list.iter().filter(|c| is_writable(c)).cloned().collect(),
        }
    };
    match &trigger.event {
        Event::Insert => format!("EXPLAIN INSERT INTO {target} DEFAULT VALUES"),
        Event::Delete => format!("EXPLAIN DELETE FROM {target}"),
        Event::Update(columns) => {
            let columns = writable(columns);
            if columns.is_empty() {
                // Any column of a view will do, and DELETE compiles no UPDATE trigger: there is nothing to name.
                return format!("SELECT * FROM {target} LIMIT 0");
            }
            let set: Vec<_> = columns.iter().map(|c| format!("{0} = {0}", quote_name(c))).collect();
            format!("EXPLAIN UPDATE {target} SET {}", set.join(", "))
        }
    }
}

/// An ALTER that renames makes SQLite read every view and trigger; one that is broken stops it. It is found and
/// named before anything is written, unless the plan drops it anyway.
pub(super) async fn find_broken<C: Connection>(conn: &mut C, before: &Schema, made: &mut Plan) -> Result<()> {
    let found = without_foreign_keys(conn, async |conn| broken_objects(conn, before, made).await).await?;
    made.obstacles.extend(found);
    Ok(())
}

/// Looks at a live database with foreign keys off, and puts the setting back: a statement that is only explained
/// would else be refused for a table that one of its foreign keys misses.
pub(super) async fn without_foreign_keys<C: Connection, T>(
    conn: &mut C,
    look: impl AsyncFnOnce(&mut C) -> Result<T>,
) -> Result<T> {
    let was = one_integer(conn, "PRAGMA foreign_keys").await?;
    if was == 0 {
        return look(conn).await;
    }
    let cannot = |f: Failure| f.error(Code::Setting, "PRAGMA foreign_keys cannot be set");
    // A request that reports a failure may have been carried out: the setting is put back in any case.
    let outcome = match conn.execute("PRAGMA foreign_keys = OFF").await {
        Ok(_) => look(conn).await,
        Err(f) => Err(cannot(f)),
    };
    let restored = conn.execute("PRAGMA foreign_keys = ON").await;
    restored.map_err(|f| cannot(f).help("open a new connection"))?;
    outcome
}

async fn broken_objects<C: Connection>(conn: &mut C, before: &Schema, made: &Plan) -> Result<Vec<Error>> {
    let mut found = Vec::new();
    let dropped: HashSet<String> = made
        .steps
        .iter()
        .flat_map(|s| s.statements.iter().map(crate::plan::Statement::sql))
        .filter(|sql| sql.starts_with("DROP "))
        .collect();
    for view in &before.views {
        if dropped.contains(&format!("DROP VIEW {}", main(&view.name))) {
            continue;
        }
        if let Err(failure) = conn.query(&select_nothing(&view.name)).await {
            found.push(broken("view", &view.name, &failure)?);
        }
    }
    for trigger in &before.triggers {
        if dropped.contains(&format!("DROP TRIGGER {}", main(&trigger.name))) {
            continue;
        }
        if let Err(failure) = conn.query(&fire(before, trigger)).await {
            found.push(broken("trigger", &trigger.name, &failure)?);
        }
    }
    Ok(found)
}

fn broken(kind: &str, name: &str, failure: &Failure) -> Result<Error> {
    if failure.kind != FailureKind::Statement {
        return Err(failure.error(Code::Database, format!("{kind} {name} cannot be read")).object(name));
    }
    Ok(Error::new(Code::BrokenDependent, format!("{kind} {name} is broken, and SQLite renames nothing while it is"))
        .object(name)
        .cause(failure)
        .help(format!("drop or mend it in the database, or take {kind} {name} out of the declared schema")))
}
