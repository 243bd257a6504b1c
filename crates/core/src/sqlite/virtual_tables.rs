//! Virtual tables: what can be kept when one changes depends on its module.
//!
//! FTS5, FTS3/4 and R-tree tables with their own rows are made anew beside the old one and copied; full-text tables
//! over another table's text are filled from it; of any other module the rows are lost, and the plan says so.

use super::print::{create_virtual_table, main};
use super::token::{quote_name, unquote};
use crate::diff::{Change, Diff};
use crate::plan::{Copy, Hazard, Statement, Strategy};
use crate::schema::{Meaning, Schema, VirtualTable, fold, same_name};

type AddStep<'a> = &'a mut dyn FnMut(usize, Strategy, &str, Vec<Statement>, Vec<Hazard>);

pub(crate) fn plan(before: &Schema, diff: &Diff, add: AddStep<'_>) {
    for (n, change) in diff.changes.iter().enumerate() {
        match change {
            Change::CreateVirtualTable(table) => {
                let mut statements = vec![Statement::Execute(create_virtual_table(table, &table.name))];
                if external_content(table).is_some() {
                    statements.extend(fill_from_content(table));
                }
                add(n, Strategy::Create, "create", statements, Vec::new());
            }
            Change::AlterVirtualTable { before: old, after } if Meaning::meaning(old) != Meaning::meaning(after) => {
                let (strategy, title, statements, hazards) = alter(before, old, after);
                add(n, strategy, title, statements, hazards);
            }
            _ => {}
        }
    }
}

/// What is lost when a virtual table goes: nothing but an index where its text is another table's.
pub(crate) fn losses_of_drop(table: &VirtualTable) -> Vec<Hazard> {
    match external_content(table) {
        Some(_) => vec![Hazard::Irreversible],
        None => vec![loss(table), Hazard::Irreversible],
    }
}

fn loss(table: &VirtualTable) -> Hazard {
    Hazard::DataLoss { what: format!("the rows of virtual table {} ({})", table.name, table.module), rows: 0 }
}

fn alter(
    before: &Schema,
    old: &VirtualTable,
    new: &VirtualTable,
) -> (Strategy, &'static str, Vec<Statement>, Vec<Hazard>) {
    let drop = Statement::Execute(format!("DROP TABLE {}", main(&new.name)));
    let create = |name: &str| Statement::Execute(create_virtual_table(new, name));
    if external_content(new).is_some() {
        let mut statements = vec![drop, create(&new.name)];
        statements.extend(fill_from_content(new));
        return (Strategy::Recreate, "make anew and fill from its content table", statements, Vec::new());
    }
    let kept: Vec<String> = columns(old).into_iter().filter(|c| columns(new).iter().any(|n| same_name(n, c))).collect();
    let can_copy = same_name(&old.module, &new.module) && is_copyable(old) && is_copyable(new) && !kept.is_empty();
    if !can_copy {
        return (
            Strategy::Recreate,
            "drop and make anew",
            vec![drop, create(&new.name)],
            vec![loss(old), Hazard::Irreversible],
        );
    }
    let mut temporary = String::from("_whimbrel_virtual");
    while before.table(&temporary).is_some() || before.virtual_table(&temporary).is_some() {
        temporary.push('_');
    }
    let list = kept.iter().map(|c| quote_name(c)).collect::<Vec<_>>().join(", ");
    // An R-tree's first column is its rowid; a full-text table's rowid is a column of its own.
    let list = if is_full_text(old) { format!("rowid, {list}") } else { list };
    let (old_name, new_name) = (main(&new.name), main(&temporary));
    let lost: Vec<String> = columns(old).into_iter().filter(|c| !kept.contains(c)).collect();
    let mut hazards = Vec::new();
    if !lost.is_empty() {
        let what = format!("columns {} of virtual table {}", lost.join(", "), new.name);
        hazards.extend([Hazard::DataLoss { what, rows: 0 }, Hazard::Irreversible]);
    }
    let statements = vec![
        create(&temporary),
        Statement::Copy(Copy {
            head: format!("INSERT INTO {new_name} ({list}) SELECT {list} FROM {old_name}"),
            order: String::new(),
            rowid: None,
            into: new_name.clone(),
            into_rowid: None,
            rows: 0,
        }),
        Statement::Check {
            sql: format!("SELECT (SELECT count(*) FROM {old_name}) - (SELECT count(*) FROM {new_name})"),
            failure: "the copy has another number of rows than the table".to_owned(),
        },
        drop,
        Statement::Execute(format!("ALTER TABLE {new_name} RENAME TO {}", quote_name(&new.name))),
    ];
    (Strategy::Rebuild, "rebuild", statements, hazards)
}

fn is_full_text(table: &VirtualTable) -> bool {
    fold(&table.module).starts_with("fts")
}

/// The value of an option such as `content='notes'`.
fn option(table: &VirtualTable, name: &str) -> Option<String> {
    table.arguments.iter().find_map(|argument| {
        let (key, value) = argument.text().split_once('=')?;
        same_name(key.trim(), name).then(|| unquote(value.trim()))
    })
}

/// The table in which a full-text table keeps its text, if that is not its own.
pub(crate) fn external_content(table: &VirtualTable) -> Option<String> {
    option(table, "content").filter(|content| is_full_text(table) && !content.is_empty())
}

/// Whether rows can be read from and written to it with an ordinary INSERT and SELECT.
fn is_copyable(table: &VirtualTable) -> bool {
    let own_text = option(table, "content").is_none();
    matches!(fold(&table.module).as_str(), "fts3" | "fts4" | "fts5" | "rtree" | "rtree_i32") && own_text
}

/// The columns among a module's arguments.
fn columns(table: &VirtualTable) -> Vec<String> {
    let is_option = |text: &str| text.contains('=') || fold(text).starts_with("tokenize");
    let arguments = table.arguments.iter().map(|a| a.text()).filter(|text| !is_option(text));
    arguments
        .filter_map(|text| {
            let tokens = super::token::tokenize(text).ok()?;
            let first = tokens.first()?;
            // R-tree marks its auxiliary columns with a plus sign.
            let first = if first.is(text, "+") { tokens.get(1)? } else { first };
            first.name(text)
        })
        .collect()
}

/// The command by which a full-text table reads its content table again.
pub(crate) fn fill_from_content(table: &VirtualTable) -> Vec<Statement> {
    let name = quote_name(&table.name);
    vec![Statement::Execute(format!("INSERT INTO {}({name}) VALUES('rebuild')", main(&table.name)))]
}
