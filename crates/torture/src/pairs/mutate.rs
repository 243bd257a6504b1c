//! The second schema: the first one after a few changes, such as apps make, and such as are hard.
//!
//! What is new never gets a name that something dropped had: nobody could tell the two apart. A name that something
//! renamed has left may be taken at once.

use super::generate::{Dice, names};
use super::model::{Collation, Conflict, Id, Schema, Table, Value, other_case};

/// The schema after so many changes.
pub fn mutated(dice: &mut Dice, before: &Schema, changes: usize) -> Schema {
    let mut after = before.clone();
    for _ in 0..changes {
        change(dice, before, &mut after);
        after.prune();
    }
    settle(dice, before, &mut after);
    after.prune();
    after
}

fn change(dice: &mut Dice, before: &Schema, after: &mut Schema) {
    match dice.below(40) {
        0 => add_table(dice, before, after, None),
        1 if after.tables.len() > 1 => {
            let at = dice.below(after.tables.len());
            after.tables.remove(at);
        }
        2..=4 => rename_tables(dice, before, after),
        5 => {
            let child = dice.below(after.tables.len());
            let parent = dice.below(after.tables.len());
            if child < after.tables.len() {
                dice.add_foreign_key(after, child, parent);
            }
        }
        6 => {
            let at = dice.below(after.views.len());
            if at < after.views.len() {
                after.views.remove(at);
            }
        }
        7 => dice.add_view(after),
        8 => {
            let at = dice.below(after.triggers.len());
            if at < after.triggers.len() {
                after.triggers.remove(at);
            }
        }
        9 => dice.add_trigger(after),
        10 => {
            let at = dice.below(after.views.len());
            if let Some(view) = after.views.get_mut(at) {
                view.style = (view.style + 1) % 7;
            }
        }
        11 => {
            let name = format!("search{}", dice.id());
            if let Some(search) = after.searches.first_mut() {
                search.name = name;
            }
        }
        _ => {
            let at = dice.below(after.tables.len());
            if let Some(table) = after.tables.get_mut(at) {
                change_table(dice, before, table);
            }
        }
    }
}

fn add_table(dice: &mut Dice, before: &Schema, after: &mut Schema, name: Option<String>) {
    let mut table = dice.table();
    if let Some(name) = name {
        table.name = name;
    }
    let _ = before;
    after.tables.push(table);
}

fn rename_tables(dice: &mut Dice, before: &Schema, after: &mut Schema) {
    let count = after.tables.len();
    if count == 0 {
        return;
    }
    let (a, b) = (dice.below(count), dice.below(count));
    match dice.below(7) {
        0 | 1 => after.tables[a].name = dice.object_name(),
        2 if a != b => {
            let name = after.tables[a].name.clone();
            after.tables[a].name = std::mem::replace(&mut after.tables[b].name, name);
        }
        3 => after.tables[a].name = other_case(&after.tables[a].name),
        // Renamed away, and another made in its place.
        4 => {
            let name = std::mem::replace(&mut after.tables[a].name, dice.object_name());
            let is_old = before.tables.iter().any(|table| table.name.eq_ignore_ascii_case(&name));
            add_table(dice, before, after, is_old.then_some(name));
        }
        // One goes, and another takes its name.
        5 if a != b => {
            after.tables[b].name = after.tables[a].name.clone();
            after.tables.remove(a);
        }
        // A chain.
        6 if a != b => {
            let name = std::mem::replace(&mut after.tables[a].name, dice.object_name());
            after.tables[b].name = name;
        }
        _ => {}
    }
}

fn change_table(dice: &mut Dice, before: &Schema, table: &mut Table) {
    let old = before.table(table.id);
    let at = dice.below(table.columns.len());
    let other = dice.below(table.columns.len());
    match dice.below(31) {
        0..=2 => add_column(dice, table, old),
        3 | 4 if table.columns.len() > 1 => {
            table.columns.remove(at);
        }
        5 => {
            let taken = taken(table, old);
            table.columns[at].name = dice.column_name(&taken);
        }
        6 | 7 if at != other => {
            let name = table.columns[at].name.clone();
            table.columns[at].name = std::mem::replace(&mut table.columns[other].name, name);
        }
        8 => table.columns[at].name = other_case(&table.columns[at].name),
        // Renamed away, and another made in its place.
        9 => {
            let new_name = dice.column_name(&taken(table, old));
            let name = std::mem::replace(&mut table.columns[at].name, new_name);
            let mut column = dice.column(table.strict, &names(table));
            if old.is_some_and(|old| old.columns.iter().any(|c| c.name.eq_ignore_ascii_case(&name))) {
                column.name = name;
            }
            table.columns.push(column);
        }
        // One goes, and another takes its name.
        10 if at != other => {
            table.columns[other].name = table.columns[at].name.clone();
            table.columns.remove(at);
        }
        11 | 12 => {
            table.columns[at].declared = dice.declared(table.strict);
        }
        13 => {
            table.columns[at].collation = match table.columns[at].collation {
                Collation::Binary => dice.collation(),
                _ => Collation::Binary,
            };
        }
        14 | 15 if table.columns[at].generated.is_none() => {
            table.columns[at].default = dice.default();
        }
        16 | 17 if table.columns[at].generated.is_none() => {
            let column = &mut table.columns[at];
            column.not_null = match column.not_null {
                Some(_) => None,
                None => {
                    if matches!(column.default, Value::None | Value::Null) && dice.chance(75) {
                        column.default = dice.default();
                    }
                    Some(dice.conflict())
                }
            };
            fill(dice, table, old, at);
        }
        18 => match table.checks.is_empty() {
            true => dice.add_check(table),
            false => drop(table.checks.remove(0)),
        },
        19 => match table.uniques.is_empty() || dice.chance(40) {
            true => dice.add_unique(table),
            false => drop(table.uniques.remove(0)),
        },
        20 | 21 => {
            change_key(dice, table);
            let key = table.key.iter().flat_map(|key| &key.columns).copied().next();
            if let Some(at) = key.and_then(|id| table.place(id)) {
                fill(dice, table, old, at);
            }
        }
        22 => match table.foreign_keys.first_mut() {
            Some(key) if dice.chance(50) => key.actions = " ON DELETE CASCADE",
            Some(_) => drop(table.foreign_keys.remove(0)),
            None => {}
        },
        23 | 24 => match table.indexes.is_empty() {
            true => dice.add_index(table),
            false => {
                let index = dice.index(table);
                match dice.below(3) {
                    0 => drop(table.indexes.remove(0)),
                    1 => table.indexes[0].name = index.name,
                    _ => table.indexes[0] = super::model::Index { name: table.indexes[0].name.clone(), ..index },
                }
            }
        },
        25 => table.strict = !table.strict,
        26 => table.without_rowid = !table.without_rowid && table.key.is_some(),
        27 => dice.shuffle(&mut table.columns),
        28 => table.spelling = dice.spelling(),
        _ => change_generated(dice, table, at),
    }
}

/// The names that a new column must not have: those of today, and those that old columns had.
fn taken(table: &Table, old: Option<&Table>) -> Vec<String> {
    let mut taken = names(table);
    taken.extend(old.map(names).unwrap_or_default());
    taken
}

fn add_column(dice: &mut Dice, table: &mut Table, old: Option<&Table>) {
    let mut column = dice.column(table.strict, &taken(table, old));
    if column.not_null.is_some() && matches!(column.default, Value::None | Value::Null) && dice.chance(80) {
        column.default = dice.default();
    }
    if dice.chance(15) {
        let plain: Vec<Id> = table.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.id).collect();
        column.generated = dice.generated(&plain);
        if column.generated.is_some() {
            (column.not_null, column.default) = (None, Value::None);
        }
    }
    let at = if dice.chance(65) { table.columns.len() } else { dice.below(table.columns.len() + 1) };
    table.columns.insert(at, column);
    fill(dice, table, old, at);
}

/// Now and then, rows get the value of another column.
fn fill(dice: &mut Dice, table: &mut Table, old: Option<&Table>, at: usize) {
    let (Some(old), true) = (old, dice.chance(40)) else { return };
    let sources: Vec<Id> =
        table.columns.iter().map(|column| column.id).filter(|id| old.column(*id).is_some()).collect();
    let source = dice.below(sources.len());
    if table.columns[at].generated.is_none() {
        table.columns[at].fill = sources.get(source).copied();
    }
}

fn change_key(dice: &mut Dice, table: &mut Table) {
    let choice = dice.below(6);
    match &mut table.key {
        Some(key) if choice == 0 => key.autoincrement = !key.autoincrement,
        Some(key) if choice == 1 => key.descending = !key.descending,
        Some(key) if choice == 2 => key.at_column = !key.at_column && key.columns.len() == 1,
        Some(key) if choice == 3 => {
            key.conflict = if key.conflict == Conflict::Unsaid { Conflict::Replace } else { Conflict::Unsaid };
        }
        Some(_) if choice == 4 => table.key = None,
        _ => dice.give_key(table),
    }
}

fn change_generated(dice: &mut Dice, table: &mut Table, at: usize) {
    let plain: Vec<Id> = table.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.id).collect();
    let id = table.columns[at].id;
    let others: Vec<Id> = plain.iter().copied().filter(|other| *other != id).collect();
    let choice = dice.below(3);
    let column = &mut table.columns[at];
    match &mut column.generated {
        Some(generated) => match choice {
            0 => generated.stored = !generated.stored,
            1 => generated.expression = dice.computed(generated.expression.reads()),
            _ => column.generated = None,
        },
        None if choice == 0 => {
            column.generated = dice.generated(&others);
            if column.generated.is_some() {
                (column.not_null, column.default) = (None, Value::None);
            }
        }
        None => dice.add_generated(table),
    }
}

/// Gives what is new another name where something dropped had it.
fn settle(dice: &mut Dice, before: &Schema, after: &mut Schema) {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let kept: Vec<Id> = after.tables.iter().map(|table| table.id).collect();
    for table in &mut after.tables {
        let Some(old) = before.table(table.id) else {
            let gone = |old: &Table| !kept.contains(&old.id) && same(&old.name, &table.name);
            if before.tables.iter().any(gone) {
                table.name = dice.object_name();
            }
            continue;
        };
        let kept: Vec<Id> = table.columns.iter().map(|column| column.id).collect();
        for at in 0..table.columns.len() {
            let column = &table.columns[at];
            let gone = |c: &super::model::Column| !kept.contains(&c.id) && same(&c.name, &column.name);
            if old.column(column.id).is_none() && old.columns.iter().any(gone) {
                let taken = taken(table, Some(old));
                table.columns[at].name = dice.column_name(&taken);
            }
        }
    }
}
