//! Makes a pair that goes wrong smaller, as long as it goes wrong in the same way.

use super::Pair;
use super::model::{Id, Schema};

/// No more tries than that.
const TRIES: usize = 3_000;

/// The smallest pair that was found to go wrong in this way.
pub(super) fn shrink(pair: &Pair, kind: &'static str) -> Pair {
    shrink_while(pair, &|pair| pair.check().is_err_and(|wrong| wrong.kind == kind))
}

/// The smallest pair that was found to be so.
pub(super) fn shrink_while(pair: &Pair, is_so: &dyn Fn(&Pair) -> bool) -> Pair {
    let mut best = pair.clone();
    let mut tries = 0;
    loop {
        let mut found = false;
        let mut place = 0;
        // What was tried before stays tried: the list of a smaller pair goes on at the same place.
        while let Some(smaller) = candidates(&best).into_iter().nth(place) {
            tries += 1;
            if tries > TRIES {
                return best;
            }
            if is_so(&smaller) {
                best = smaller;
                found = true;
            } else {
                place += 1;
            }
        }
        if !found {
            return best;
        }
    }
}

/// Pairs with something less.
fn candidates(pair: &Pair) -> Vec<Pair> {
    let mut out: Vec<Pair> = Vec::new();
    let mut add = |change: &dyn Fn(&mut Pair)| {
        let mut smaller = pair.clone();
        change(&mut smaller);
        smaller.before.prune();
        smaller.after.prune();
        if smaller != *pair && !smaller.before.tables.is_empty() {
            out.push(smaller);
        }
    };
    let schemas = [&pair.before, &pair.after];
    let mut tables: Vec<Id> = schemas.iter().flat_map(|s| s.tables.iter().map(|table| table.id)).collect();
    tables.sort_unstable();
    tables.dedup();
    let size = pair.acts.len();
    if size > 3 {
        add(&|pair| drop(pair.acts.drain(..size / 2)));
        add(&|pair| drop(pair.acts.drain(size / 2..)));
    }
    for id in &tables {
        add(&|pair| both(pair, &|schema| schema.tables.retain(|table| table.id != *id)));
        // Nothing becomes of the table.
        add(&|pair| {
            if let Some(old) = pair.before.table(*id).cloned()
                && let Some(new) = pair.after.tables.iter_mut().find(|table| table.id == *id)
            {
                *new = old;
            }
        });
    }
    let of = |schema: &Schema| {
        let views = schema.views.iter().map(|view| view.id);
        let triggers = schema.triggers.iter().map(|trigger| trigger.id);
        views.chain(triggers).chain(schema.searches.iter().map(|search| search.id)).collect::<Vec<Id>>()
    };
    for id in schemas.iter().flat_map(|schema| of(schema)) {
        let without = move |schema: &mut Schema| {
            schema.views.retain(|view| view.id != id);
            schema.triggers.retain(|trigger| trigger.id != id);
            schema.searches.retain(|search| search.id != id);
        };
        add(&|pair| both(pair, &without));
        add(&|pair| without(&mut pair.after));
    }
    for id in &tables {
        let columns = schemas.iter().filter_map(|schema| schema.table(*id)).flat_map(|table| table.columns.iter());
        let mut columns: Vec<Id> = columns.map(|column| column.id).collect();
        columns.sort_unstable();
        columns.dedup();
        for column in columns {
            add(&|pair| {
                both(pair, &|schema| each_table(schema, *id, &|table| table.columns.retain(|c| c.id != column)))
            });
            add(&|pair| {
                let old = pair.before.table(*id).and_then(|table| table.column(column)).cloned();
                each_table(&mut pair.after, *id, &|table| {
                    if let (Some(old), Some(new)) = (&old, table.columns.iter_mut().find(|c| c.id == column)) {
                        new.clone_from(old);
                    }
                });
            });
        }
        let parts = |pair: &Pair| {
            let table = pair.before.table(*id).or_else(|| pair.after.table(*id));
            table.map_or([0; 4], |t| [t.uniques.len(), t.checks.len(), t.foreign_keys.len(), t.indexes.len()])
        };
        let most = parts(pair).into_iter().max().unwrap_or(0);
        for at in 0..=most {
            for kind in 0..4 {
                let without = move |table: &mut super::model::Table| match kind {
                    0 if at < table.uniques.len() => drop(table.uniques.remove(at)),
                    1 if at < table.checks.len() => drop(table.checks.remove(at)),
                    2 if at < table.foreign_keys.len() => drop(table.foreign_keys.remove(at)),
                    3 if at < table.indexes.len() => drop(table.indexes.remove(at)),
                    _ => {}
                };
                add(&|pair| both(pair, &|schema| each_table(schema, *id, &without)));
                add(&|pair| each_table(&mut pair.after, *id, &without));
            }
        }
        add(&|pair| both(pair, &|schema| each_table(schema, *id, &|table| table.key = None)));
        add(&|pair| both(pair, &|schema| each_table(schema, *id, &|table| table.strict = false)));
        add(&|pair| both(pair, &|schema| each_table(schema, *id, &|table| table.without_rowid = false)));
        add(&|pair| {
            both(pair, &|schema| {
                each_table(schema, *id, &|table| {
                    for column in &mut table.columns {
                        column.default = super::model::Value::None;
                    }
                })
            })
        });
        add(&|pair| {
            let places: Vec<Id> =
                pair.before.table(*id).map_or(Vec::new(), |t| t.columns.iter().map(|c| c.id).collect());
            each_table(&mut pair.after, *id, &|table| {
                table.columns.sort_by_key(|column| places.iter().position(|id| *id == column.id).unwrap_or(usize::MAX));
            });
        });
        add(&|pair| {
            let name = pair.before.table(*id).map(|table| table.name.clone());
            each_table(&mut pair.after, *id, &|table| table.name = name.clone().unwrap_or_else(|| table.name.clone()));
        });
    }
    for at in 0..size {
        add(&|pair| drop(pair.acts.remove(at)));
    }
    for flag in 0..6 {
        add(&|pair| match flag {
            0 => pair.on_file = false,
            1 => pair.back = false,
            2 => pair.strict_order = false,
            3 => pair.foreign_keys = false,
            4 => pair.at_once = false,
            _ => pair.accept = true,
        });
    }
    out
}

fn both(pair: &mut Pair, change: &dyn Fn(&mut Schema)) {
    change(&mut pair.before);
    change(&mut pair.after);
}

fn each_table(schema: &mut Schema, id: Id, change: &dyn Fn(&mut super::model::Table)) {
    if let Some(table) = schema.tables.iter_mut().find(|table| table.id == id) {
        change(table);
    }
}
