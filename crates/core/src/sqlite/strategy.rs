//! How each part of a table's change is made: the cheapest way that is safe, and why none is cheaper.
//!
//! The rules are those of SQLite's ALTER TABLE page (<https://www.sqlite.org/lang_altertable.html>), as far as the
//! running version goes.

use std::collections::{BTreeSet, HashSet};

use super::defaults::{added_columns_are_refused, is_constant, looks_at_default};
use super::dependents::{mentioned, names_in};
use super::plan::Facts;
use super::print::{self, main};
use super::probe::{ValueSource, value_source};
use super::token::quote_name;
use super::types::column_affinity;
use crate::diff::{Part, TableChange, needs_copy};
use crate::planted::{self, Planted};
use crate::schema::{
    Check, Column, Conflict, Expression, ForeignKey, Index, KeyTerm, Meaning, NotNull, Origin, Schema, Table, fold,
    same_name, type_meaning,
};

/// `ALTER COLUMN … SET / DROP NOT NULL` and `ADD / DROP CONSTRAINT` came with 3.53.0.
const ALTER_CONSTRAINTS: u32 = 3_053_000;
/// `DROP COLUMN` came with 3.35.0, and lost rows in some cases before 3.35.5.
const DROP_COLUMN: u32 = 3_035_005;
/// `RENAME COLUMN` came with 3.25.0.
const RENAME_COLUMN: u32 = 3_025_000;

/// SQLite's limit, unless it was compiled with another (<https://www.sqlite.org/limits.html#max_column>).
const MOST_COLUMNS: usize = 2000;

const FIRES: &str = "an UPDATE of its rows would fire a trigger";

/// How one part of a table's change can be made.
pub(super) enum Way {
    /// With these statements.
    InPlace(Vec<String>),
    /// With statements around one UPDATE of the rows where they stand.
    Fill(InPlaceFill),
    /// By giving the table its new text.
    Catalogue,
    /// Together with another part.
    With,
    /// Only by a rebuild, for this reason.
    Rebuild(&'static str),
}

/// A value that rows get where they stand.
pub(super) struct InPlaceFill {
    /// What comes before: the new column.
    pub add: Option<String>,
    /// The column, as it is written in SQL.
    pub column: String,
    /// What it gets.
    pub value: String,
    /// Which rows get it; none where all do.
    pub condition: Option<String>,
    /// What comes afterwards.
    pub then: Vec<String>,
    /// Whether that drops a column, and so writes every row again.
    pub drops: bool,
}

impl Facts {
    /// The way of each part of a table's change, in a database with this schema.
    pub(super) fn ways(&self, n: usize, change: &TableChange, before: &Schema) -> Vec<Way> {
        let mut ways: Vec<Way> = (0..change.parts.len()).map(|p| self.way(n, change, p, before)).collect();
        // A copy writes the rows once and makes each index anew; an index costs more than the rows.
        let writes_all = |way: &Way| matches!(way, Way::Fill(fill) if fill.condition.is_none());
        let drops = |(part, way): (&Part, &Way)| match way {
            Way::Fill(fill) => fill.drops,
            Way::InPlace(_) => matches!(part, Part::DropColumn(_)),
            _ => false,
        };
        let rewrites = change.parts.iter().zip(&ways).filter(|pair| drops(*pair)).count() + 1;
        if ways.iter().any(writes_all) && rewrites > 1 + index_count(&change.before, before) {
            let dearer = |way: &mut Way| *way = Way::Rebuild("one copy of the rows costs less than writing them twice");
            ways.iter_mut().filter(|way| writes_all(way)).for_each(dearer);
        }
        // One edit of the catalogue removes all that is to be removed, be there an ALTER for some of it or not.
        if ways.iter().any(|way| matches!(way, Way::Catalogue)) {
            for (part, way) in change.parts.iter().zip(&mut ways) {
                let removes = match part {
                    Part::DropCheck(_) => true,
                    Part::AlterColumn { after, .. } => after.not_null.is_none(),
                    _ => false,
                };
                if removes && matches!(way, Way::InPlace(_)) {
                    *way = Way::Catalogue;
                }
            }
        }
        ways
    }

    fn way(&self, n: usize, change: &TableChange, p: usize, schema: &Schema) -> Way {
        let (renamed, after) = (&change.renamed, &change.after);
        let table = main(&after.name);
        let can_alter = self.version >= ALTER_CONSTRAINTS;
        let rows = self.rows(&change.before.name);
        match &change.parts[p] {
            // Renames are made in place before everything else, whatever becomes of the table.
            Part::Rename => Way::With,
            Part::RenameColumn { .. } if self.renames_by_copy(change) => {
                Way::Rebuild("SQLite cannot rename this column in place")
            }
            Part::RenameColumn { .. } => Way::With,
            Part::AddColumn(column) => self.way_to_add(change, column, rows),
            Part::DropColumn(column) => {
                let at = change.before.columns.iter().position(|c| c.name == column.name).unwrap_or_default();
                self.way_to_drop(change, &renamed.columns[at].name)
            }
            Part::AlterColumn { before, after: column } => {
                // Where it becomes NOT NULL, every row holds a value, and the edit of the catalogue comes last.
                let becomes_not_null = before.not_null.is_none() && column.not_null.is_some();
                let gets_default = becomes_not_null
                    && before.default_value().is_none()
                    && matches!(self.way_by_catalogue(change), Way::Catalogue);
                let without_not_null = |c: &Column| {
                    let default = c.default_value().filter(|_| !gets_default).cloned();
                    Column { not_null: None, default, ..c.clone() }.meaning()
                };
                if let (Some(_), way @ Way::Catalogue) =
                    (self.settles_default(n, change, p, schema), self.way_by_catalogue(change))
                {
                    return way;
                }
                if without_not_null(before) != without_not_null(column) {
                    return self
                        .way_to_convert(change, before, column, schema)
                        .unwrap_or_else(|| Way::Rebuild(column_reason(before, column)));
                }
                if before.default != column.default && !gets_default {
                    // DEFAULT NULL or none: no row reads anything else than before.
                    return match (&before.not_null, &column.not_null) {
                        (None, Some(_)) => Way::Rebuild("the default and NOT NULL change together"),
                        (Some(a), Some(b)) if a.meaning() != b.meaning() => {
                            Way::Rebuild("a NOT NULL constraint cannot be changed in place")
                        }
                        _ => self.way_by_catalogue(change),
                    };
                }
                let alter = |what: &str| {
                    let column = quote_name(&column.name);
                    Way::InPlace(vec![format!("ALTER TABLE {table} ALTER COLUMN {column} {what}")])
                };
                match (&before.not_null, &column.not_null) {
                    (Some(NotNull { name: None, .. }), None) if can_alter => alter("DROP NOT NULL"),
                    (Some(_), None) => self.way_by_catalogue(change),
                    (None, Some(NotNull { name: None, on_conflict })) if can_alter => {
                        let set = set_not_null(&table, column, *on_conflict);
                        if self.nulls.get(&(n, p)).is_none_or(|nulls| *nulls == 0) {
                            return Way::InPlace(vec![set]);
                        }
                        let name = quote_name(&column.name);
                        match value_source(change, column) {
                            ValueSource::Filled(fill)
                                if self.can_update(change) && reads_only_its_row(change, column, &fill) =>
                            {
                                Way::Fill(InPlaceFill {
                                    add: None,
                                    condition: Some(format!("{name} IS NULL")),
                                    column: name,
                                    value: fill,
                                    then: vec![set],
                                    drops: false,
                                })
                            }
                            _ if !self.can_update(change) => Way::Rebuild(FIRES),
                            _ => Way::Rebuild("rows without a value need one"),
                        }
                    }
                    (None, Some(_)) => Way::Rebuild("this NOT NULL cannot be added in place"),
                    _ => Way::Rebuild("a NOT NULL constraint cannot be changed in place"),
                }
            }
            Part::AddCheck(check) => {
                if self.goes_with_new_column(change, &|column| is_own_check(change, column, check)) {
                    Way::With
                } else if check.name.as_ref().is_some_and(|name| is_ambiguous(change, name)) {
                    Way::Rebuild("several constraints have one name")
                } else if can_alter {
                    let name =
                        check.name.as_ref().map_or_else(String::new, |n| format!("CONSTRAINT {} ", quote_name(n)));
                    Way::InPlace(vec![format!("ALTER TABLE {table} ADD {name}CHECK ({})", check.expression.text())])
                } else {
                    Way::Rebuild("this version of SQLite cannot add a CHECK in place")
                }
            }
            Part::DropCheck(check) => {
                if change.parts.iter().any(|part| is_drop_of(part, check.at_column.as_deref())) {
                    Way::With
                } else if let Some(name) = check.name.as_ref().filter(|name| can_alter && !is_ambiguous(change, name)) {
                    Way::InPlace(vec![format!("ALTER TABLE {table} DROP CONSTRAINT {}", quote_name(name))])
                } else {
                    self.way_by_catalogue(change)
                }
            }
            Part::AddForeignKey(key) => {
                if self.goes_with_new_column(change, &|column| is_own_key(column, key)) {
                    Way::With
                } else {
                    Way::Rebuild("SQLite cannot add a foreign key in place")
                }
            }
            Part::DropForeignKey(_) => self.way_by_catalogue(change),
            Part::PrimaryKey { .. } => Way::Rebuild("SQLite cannot change a primary key in place"),
            Part::AddUnique(_) => Way::Rebuild("SQLite cannot add a UNIQUE constraint in place"),
            Part::DropUnique(_) => Way::Rebuild("SQLite cannot drop a UNIQUE constraint in place"),
            Part::Strict(_) => Way::Rebuild("SQLite cannot change STRICT in place"),
            Part::WithoutRowid(_) => Way::Rebuild("SQLite cannot change WITHOUT ROWID in place"),
            Part::ColumnOrder => Way::Rebuild("SQLite cannot move columns in place"),
        }
    }

    /// Whether columns get their new names only in the new table.
    pub(super) fn renames_by_copy(&self, change: &TableChange) -> bool {
        let columns = change.before.columns.iter().zip(&change.renamed.columns);
        let pairs: Vec<_> =
            columns.filter(|(b, r)| b.name != r.name).map(|(b, r)| (b.name.clone(), r.name.clone())).collect();
        !pairs.is_empty() && (self.version < RENAME_COLUMN || needs_copy(&change.before, &pairs))
    }

    /// Removing CHECK, FOREIGN KEY and NOT NULL by editing the catalogue is documented as safe
    /// (<https://www.sqlite.org/lang_altertable.html#otheralter>). Changing a DEFAULT is documented too, but rows
    /// written before an ADD COLUMN take their value from it: they would change.
    fn way_by_catalogue(&self, change: &TableChange) -> Way {
        let same_order = change.renamed.columns.len() <= change.after.columns.len()
            && change.renamed.columns.iter().zip(&change.after.columns).all(|(a, b)| same_name(&a.name, &b.name));
        let keys = |table: &Table| -> Vec<Vec<String>> {
            table.keys.iter().map(|key| key.iter().map(Meaning::meaning).collect()).collect()
        };
        if !self.catalogue_edits {
            Way::Rebuild("this connection forbids edits of the catalogue")
        } else if keys(&change.renamed) != keys(&change.after) {
            // SQLite would take the index of one constraint for that of another.
            Way::Rebuild("its constraints stand in another order than declared")
        } else if !same_order {
            Way::Rebuild("the columns stand in another order than declared")
        } else {
            Way::Catalogue
        }
    }

    fn goes_with_new_column(&self, change: &TableChange, owns: &dyn Fn(&Column) -> bool) -> bool {
        change.parts.iter().any(|part| matches!(part, Part::AddColumn(column) if owns(column)))
    }

    /// <https://www.sqlite.org/lang_altertable.html#alter_table_add_column>
    fn way_to_add(&self, change: &TableChange, column: &Column, rows: u64) -> Way {
        let after = &change.after;
        let is_unique = after.uniques.iter().any(|u| u.columns.iter().any(|p| p.is_column(&column.name)));
        if ["rowid", "oid", "_rowid_"].iter().any(|name| same_name(name, &column.name)) {
            return Way::Rebuild("SQLite cannot add a column called like the rowid in place");
        }
        let added = change.parts.iter().filter(|part| matches!(part, Part::AddColumn(_))).count();
        if change.renamed.columns.len() + added > MOST_COLUMNS {
            return Way::Rebuild("old and new columns together are too many");
        }
        if after.in_primary_key(&column.name) || is_unique {
            return Way::Rebuild("SQLite cannot add a PRIMARY KEY or UNIQUE column in place");
        }
        if column.generated.as_ref().is_some_and(|g| g.stored) {
            return Way::Rebuild("SQLite cannot add a STORED column in place");
        }
        if added_columns_are_refused(&change.renamed) {
            return Way::Rebuild("SQLite takes values of this STRICT table for values of another type");
        }
        let fill = match value_source(change, column) {
            ValueSource::Computed(fill) if rows > 0 => Some(fill),
            _ => None,
        };
        // A NOT NULL without a default comes when the rows have their values.
        let not_null_later = fill.is_some() && column.default_value().is_none() && self.version >= ALTER_CONSTRAINTS;
        let conflict = match &column.not_null {
            Some(NotNull { name: None, on_conflict }) if not_null_later => Some(*on_conflict),
            _ => None,
        };
        if column.not_null.is_some()
            && conflict.is_none()
            && column.default_value().is_none()
            && column.generated.is_none()
        {
            return Way::Rebuild("SQLite cannot add a NOT NULL column without a default in place");
        }
        let affinity = column_affinity(after, column);
        if column.default.as_ref().is_some_and(|d| !is_constant(d, affinity)) {
            return Way::Rebuild("SQLite cannot add a column with this default in place");
        }
        let checks: Vec<&Check> = after.checks.iter().filter(|c| is_own_check(change, column, c)).collect();
        // Columns are added one by one: an expression must not read one that is not there yet.
        let expressions = checks.iter().map(|c| &c.expression).chain(column.generated.iter().map(|g| &g.expression));
        let read: HashSet<String> = expressions.flat_map(mentioned).collect();
        let reads = |part: &Part| matches!(part, Part::AddColumn(c) if !same_name(&c.name, &column.name) && read.contains(&fold(&c.name)));
        if change.parts.iter().any(reads) {
            return Way::Rebuild("new columns refer to each other");
        }
        let keys: Vec<&ForeignKey> = after.foreign_keys.iter().filter(|k| is_own_key(column, k)).collect();
        let table = main(&after.name);
        let Some(fill) = fill else {
            let text = print::added_column(column, &checks, &keys);
            return Way::InPlace(vec![format!("ALTER TABLE {table} ADD COLUMN {text}")]);
        };
        // The value is computed where the new columns are in sight, and a CHECK sees the column before it has its value.
        let is_new = |name: &String| change.renamed.column(name).is_none() && after.column(name).is_some();
        if !self.can_update(change) {
            return Way::Rebuild(FIRES);
        }
        if looks_at_default(after, column) || !checks.is_empty() || names_in(&fill).iter().any(is_new) {
            return Way::Rebuild("every row gets a value of its own");
        }
        let added = match conflict {
            Some(_) => print::added_column(&nullable(column), &checks, &keys),
            None => print::added_column(column, &checks, &keys),
        };
        Way::Fill(InPlaceFill {
            add: Some(format!("ALTER TABLE {table} ADD COLUMN {added}")),
            column: quote_name(&column.name),
            value: fill,
            condition: None,
            then: conflict.map(|conflict| set_not_null(&table, column, conflict)).into_iter().collect(),
            drops: false,
        })
    }

    /// Whether the rows of a table can be updated without anybody noticing.
    pub(super) fn can_update(&self, change: &TableChange) -> bool {
        !self.fired.contains(&fold(&change.before.name)) || planted::is(Planted::TriggersFiredByBackfill)
    }

    /// Another type or default for the last column, by way of a new one; elsewhere that would move the column, and with it the
    /// values of every INSERT that names no columns.
    fn way_to_convert(&self, change: &TableChange, before: &Column, column: &Column, schema: &Schema) -> Option<Way> {
        let (declared_type, default) = (before.declared_type.clone(), before.default.clone());
        let same_otherwise = Column { declared_type, default, ..column.clone() };
        let is_last = |table: &Table| table.columns.last().is_some_and(|last| same_name(&last.name, &column.name));
        let moves = |part: &Part| matches!(part, Part::AddColumn(_) | Part::DropColumn(_) | Part::RenameColumn { .. });
        let uses = |index: &&Index| {
            same_name(&index.table, &change.before.name) && index_names(index).contains(&fold(&before.name))
        };
        // DROP COLUMN takes them along.
        let own_checks = change.renamed.checks.iter().filter_map(|check| check.at_column.as_ref());
        let affinity = column_affinity(&change.after, column);
        let not_null = match &column.not_null {
            None => None,
            Some(NotNull { name: None, on_conflict }) if self.version >= ALTER_CONSTRAINTS => Some(*on_conflict),
            Some(_) => return None,
        };
        let can = same_otherwise.meaning() == before.meaning()
            && column.generated.is_none()
            && is_last(&change.renamed)
            && is_last(&change.after)
            && !own_checks.into_iter().any(|name| same_name(name, &column.name))
            && !change.parts.iter().any(moves)
            && before.not_null.is_some() == column.not_null.is_some()
            && column.default.as_ref().is_none_or(|default| is_constant(default, affinity))
            && !looks_at_default(&change.after, column)
            && self.rows(&change.before.name) > 0
            && self.can_update(change)
            && index_count(&change.before, schema) > 0
            && !schema.indexes.iter().any(|index| uses(&index))
            && matches!(self.way_to_drop(change, &before.name), Way::InPlace(_));
        if !can {
            return None;
        }
        let table = main(&change.after.name);
        let (name, aside) = (quote_name(&column.name), quote_name(&self.name_aside(change)));
        let new = Column { name: self.name_aside(change), ..nullable(column) };
        let mut then = vec![
            format!("ALTER TABLE {table} DROP COLUMN {name}"),
            format!("ALTER TABLE {table} RENAME COLUMN {aside} TO {name}"),
        ];
        then.extend(not_null.map(|conflict| set_not_null(&table, column, conflict)));
        Some(Way::Fill(InPlaceFill {
            add: Some(format!("ALTER TABLE {table} ADD COLUMN {}", print::added_column(&new, &[], &[]))),
            column: aside,
            value: name,
            condition: None,
            then,
            drops: true,
        }))
    }

    /// A name that no column of the table has.
    fn name_aside(&self, change: &TableChange) -> String {
        let taken = |name: &String| change.renamed.column(name).is_some() || change.after.column(name).is_some();
        let mut names = (1..).map(|n| format!("_whimbrel_{n}"));
        names.find(|name| !taken(name)).unwrap_or_default()
    }

    /// <https://www.sqlite.org/lang_altertable.html#alter_table_drop_column>
    fn way_to_drop(&self, change: &TableChange, name: &str) -> Way {
        let table = &change.renamed;
        if self.version < DROP_COLUMN {
            return Way::Rebuild("this version of SQLite cannot drop a column");
        }
        // It takes such a column for the rowid itself, whatever its type.
        if ["rowid", "oid", "_rowid_"].iter().any(|rowid| same_name(rowid, name)) {
            return Way::Rebuild("SQLite cannot drop a column called like the rowid in place");
        }
        if table.in_primary_key(name) || table.uniques.iter().any(|u| u.columns.iter().any(|p| p.is_column(name))) {
            return Way::Rebuild("SQLite cannot drop a PRIMARY KEY or UNIQUE column in place");
        }
        let uses = |expression: &Expression| mentioned(expression).contains(&fold(name));
        let own = |check: &Check| check.at_column.as_deref().is_some_and(|c| same_name(c, name));
        if table.checks.iter().any(|c| uses(&c.expression) && !own(c)) {
            return Way::Rebuild("SQLite cannot drop a column that a CHECK uses in place");
        }
        if table.foreign_keys.iter().any(|k| k.columns.iter().any(|c| same_name(c, name))) {
            return Way::Rebuild("SQLite cannot drop a column with a foreign key in place");
        }
        let computes = |c: &Column| c.generated.as_ref().is_some_and(|g| uses(&g.expression));
        if table.columns.iter().any(|c| !same_name(&c.name, name) && computes(c)) {
            return Way::Rebuild("SQLite cannot drop a column that a generated column uses in place");
        }
        Way::InPlace(vec![format!("ALTER TABLE {} DROP COLUMN {}", main(&change.after.name), quote_name(name))])
    }
}

/// Whether a rebuild gives every row the values it had, under the same keys.
pub(crate) fn keeps_values(change: &TableChange) -> bool {
    let values = change.after.columns.iter().all(|column| match change.renamed.column(&column.name) {
        Some(old) => {
            type_meaning(&old.declared_type) == type_meaning(&column.declared_type)
                && old.effective_collation() == column.effective_collation()
                && old.generated.as_ref().map(Meaning::meaning) == column.generated.as_ref().map(Meaning::meaning)
                && matches!(value_source(change, column), ValueSource::Kept | ValueSource::Generated)
        }
        None => true,
    });
    let keys = change.parts.iter().all(|part| {
        !matches!(
            part,
            Part::PrimaryKey { .. }
                | Part::AddUnique(_)
                | Part::DropUnique(_)
                | Part::AddForeignKey(_)
                | Part::Strict(_)
                | Part::DropColumn(_)
        )
    });
    values && keys
}

pub(super) fn needs_rebuild(ways: &[Way]) -> bool {
    ways.iter().any(|way| matches!(way, Way::Rebuild(_)))
}

/// Whether a part needs an edit of the catalogue, be it all or the end of it.
pub(super) fn is_edited(part: &Part, way: &Way) -> bool {
    let changes_default = matches!(part, Part::AlterColumn { before, after } if before.default != after.default);
    match way {
        Way::Catalogue => true,
        Way::InPlace(_) => changes_default,
        Way::Fill(fill) => changes_default && fill.add.is_none(),
        Way::With | Way::Rebuild(_) => false,
    }
}

fn set_not_null(table: &str, column: &Column, on_conflict: Option<Conflict>) -> String {
    let conflict = on_conflict.map_or_else(String::new, |c| format!(" ON CONFLICT {}", c.keyword()));
    format!("ALTER TABLE {table} ALTER COLUMN {} SET NOT NULL{conflict}", quote_name(&column.name))
}

/// The column as it is added while rows have no value in it.
fn nullable(column: &Column) -> Column {
    Column { not_null: None, origin: Origin::default(), ..column.clone() }
}

/// Indexes of a table, those of its constraints among them.
fn index_count(table: &Table, schema: &Schema) -> usize {
    table.uniques.len() + schema.indexes.iter().filter(|index| same_name(&index.table, &table.name)).count()
}

/// Whether an index of a table, or of one of its constraints, holds a column.
pub(super) fn has_index(name: &str, table: &Table, schema: &Schema) -> bool {
    let of_index = |index: &Index| same_name(&index.table, &table.name) && index_names(index).contains(&fold(name));
    table.in_primary_key(name)
        || table.uniques.iter().any(|unique| unique.columns.iter().any(|part| part.is_column(name)))
        || schema.indexes.iter().any(of_index)
}

/// The names that stand in an index, in lower case.
fn index_names(index: &Index) -> BTreeSet<String> {
    let terms = index.parts.iter().flat_map(|part| match &part.term {
        KeyTerm::Column(name) => BTreeSet::from([fold(name)]),
        KeyTerm::Expression(expression) => mentioned(expression),
    });
    terms.chain(index.predicate.iter().flat_map(mentioned)).collect()
}

/// Whether a value is computed from nothing that the same run may already have filled or added.
fn reads_only_its_row(change: &TableChange, column: &Column, fill: &str) -> bool {
    let names = names_in(fill);
    let touched = change.parts.iter().filter_map(|part| match part {
        Part::AddColumn(other) | Part::AlterColumn { after: other, .. } => Some(&other.name),
        _ => None,
    });
    let mut others = touched.filter(|name| !same_name(name, &column.name));
    !names.contains("select") && !others.any(|name| names.contains(&fold(name)))
}

fn column_reason(before: &Column, after: &Column) -> &'static str {
    if type_meaning(&before.declared_type) != type_meaning(&after.declared_type) {
        "SQLite cannot change a column's type in place"
    } else if before.effective_collation() != after.effective_collation() {
        "SQLite cannot change a column's collation in place"
    } else if before.generated != after.generated {
        "SQLite cannot change a generated column in place"
    } else if before.default != after.default {
        "rows written before an ADD COLUMN take their value from the default"
    } else {
        "SQLite cannot change it in place"
    }
}

/// Whether a table, before or after, has several constraints of one name: SQLite allows it, and its ALTER does not.
fn is_ambiguous(change: &TableChange, name: &str) -> bool {
    let count = |table: &Table| {
        let names = table
            .checks
            .iter()
            .map(|c| &c.name)
            .chain(table.uniques.iter().map(|u| &u.name))
            .chain(table.foreign_keys.iter().map(|k| &k.name))
            .chain(table.primary_key.iter().map(|k| &k.name))
            .chain(table.columns.iter().filter_map(|c| c.not_null.as_ref()).map(|n| &n.name));
        names.flatten().filter(|n| same_name(n, name)).count()
    };
    count(&change.renamed) > 1 || count(&change.after) > 1
}

/// Whether a CHECK can come with the column that is added: it is about that column and no other new one.
pub(super) fn is_own_check(change: &TableChange, column: &Column, check: &Check) -> bool {
    let is_new = change.parts.iter().any(|p| matches!(p, Part::AddCheck(c) if c == check));
    is_new && check.at_column.as_deref().is_some_and(|c| same_name(c, &column.name))
}

pub(super) fn is_own_key(column: &Column, key: &ForeignKey) -> bool {
    matches!(key.columns.as_slice(), [only] if same_name(only, &column.name))
}

fn is_drop_of(part: &Part, column: Option<&str>) -> bool {
    matches!((part, column), (Part::DropColumn(dropped), Some(column)) if same_name(&dropped.name, column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;
    use crate::diff::{Answers, Change, Options, diff};
    use crate::sqlite::plan::fired_by_update;

    const NEWEST: u32 = ALTER_CONSTRAINTS;

    /// How a version of SQLite makes each part of the change of a table with a row.
    fn ways_of(version: u32, before: &str, after: &str, renames: &[(&str, &str)]) -> Vec<String> {
        ways_of_rows(1, version, before, after, renames)
    }

    fn ways_of_rows(rows: u64, version: u32, before: &str, after: &str, renames: &[(&str, &str)]) -> Vec<String> {
        let (before, after) = (Schema::from_sql(before).unwrap(), Schema::from_sql(after).unwrap());
        let mut answers = Answers::default();
        answers.drop_the_rest = true;
        renames.iter().for_each(|(path, name)| answers.rename(path, name).unwrap());
        let diff = diff(&before, &after, &answers, &Options::default()).unwrap();
        let [Change::AlterTable(change)] = diff.changes.as_slice() else { panic!("{:?}", diff.changes) };
        let mut facts = Facts { version, catalogue_edits: true, fired: fired_by_update(&before), ..Facts::default() };
        facts.rows.insert(fold(&change.before.name), rows);
        let nulls = change.parts.iter().enumerate().filter(|(_, part)| matches!(part, Part::AlterColumn { .. }));
        facts.nulls = nulls.filter(|_| rows > 1).map(|(p, _)| ((0, p), 1)).collect();
        let short = |sql: &str| sql.replace("ALTER TABLE main.\"t\" ", "").replace('"', "");
        let told = |way: &Way| match way {
            Way::InPlace(statements) => short(&statements.join("; ")),
            Way::Fill(InPlaceFill { add, column, value, condition, then, .. }) => {
                let condition = condition.as_ref().map_or_else(String::new, |condition| format!(" WHERE {condition}"));
                let update = format!("SET {column} = {value}{condition}");
                let all: Vec<&str> = add.iter().chain([&update]).chain(then).map(String::as_str).collect();
                short(&all.join("; "))
            }
            Way::Catalogue => "catalogue".to_owned(),
            Way::With => "with".to_owned(),
            Way::Rebuild(reason) => format!("rebuild: {reason}"),
        };
        facts.ways(0, change, &before).iter().map(told).collect()
    }

    fn check(version: u32, before: &str, after: &str, expected: &[&str]) {
        assert_eq!(ways_of(version, before, after, &[]), expected, "{version}: {before} → {after}");
    }

    /// What a version cannot do, or does wrong, is never asked of it.
    #[test]
    fn older_versions_are_asked_for_less() {
        let (two, one) = ("CREATE TABLE t(a, b)", "CREATE TABLE t(a)");
        check(DROP_COLUMN, two, one, &["DROP COLUMN b"]);
        check(DROP_COLUMN - 1, two, one, &["rebuild: this version of SQLite cannot drop a column"]);
        let renamed = |version| ways_of(version, one, "CREATE TABLE t(c)", &[("t.a", "c")]);
        assert_eq!(renamed(RENAME_COLUMN), ["with"]);
        let unique =
            |table: &str| ways_of(NEWEST, table, &table.replace("t(a", "t(c").replace("(a)", "(c)"), &[("t.a", "c")]);
        assert_eq!(unique("CREATE TABLE t(a UNIQUE)"), ["with"]);
        assert_eq!(unique("CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID"), ["with"]);
        assert_eq!(unique("CREATE TABLE t(a, b PRIMARY KEY, UNIQUE (a)) WITHOUT ROWID"), ["with"]);
        assert_eq!(renamed(RENAME_COLUMN - 1), ["rebuild: SQLite cannot rename this column in place"]);

        let filled = "CREATE TABLE t(a NOT NULL)";
        check(NEWEST, filled, one, &["ALTER COLUMN a DROP NOT NULL"]);
        check(NEWEST - 1, filled, one, &["catalogue"]);
        check(NEWEST, one, filled, &["ALTER COLUMN a SET NOT NULL"]);
        check(NEWEST - 1, one, filled, &["rebuild: this NOT NULL cannot be added in place"]);
        let named = "CREATE TABLE t(a CONSTRAINT has NOT NULL)";
        check(NEWEST, one, named, &["rebuild: this NOT NULL cannot be added in place"]);
        check(NEWEST, named, one, &["catalogue"]);

        let checked = "CREATE TABLE t(a, CONSTRAINT is_less CHECK (a < 5))";
        check(NEWEST, one, checked, &["ADD CONSTRAINT is_less CHECK (a < 5)"]);
        check(NEWEST - 1, one, checked, &["rebuild: this version of SQLite cannot add a CHECK in place"]);
        check(NEWEST, checked, one, &["DROP CONSTRAINT is_less"]);
        check(NEWEST - 1, checked, one, &["catalogue"]);
    }

    /// A text that is written into the catalogue holds all of the change: what adds something must not come with it unasked.
    #[test]
    fn an_edit_of_the_catalogue_takes_what_is_removed_along_and_nothing_else() {
        let before = "CREATE TABLE t(a NOT NULL, b, c REFERENCES p(id), CONSTRAINT is_less CHECK (b < 5))";
        check(NEWEST, before, "CREATE TABLE t(a, b, c)", &["catalogue", "catalogue", "catalogue"]);
        let after = "CREATE TABLE t(a NOT NULL, b NOT NULL, c, CONSTRAINT is_less CHECK (b < 5))";
        check(NEWEST, before, after, &["ALTER COLUMN b SET NOT NULL", "catalogue"]);
    }

    /// DEFAULT NULL says no more than no default, and no row reads anything else.
    #[test]
    fn a_default_of_null_is_edited_also_with_a_new_not_null() {
        check(NEWEST, "CREATE TABLE t(a DEFAULT NULL)", "CREATE TABLE t(a)", &["catalogue"]);
        check(NEWEST, "CREATE TABLE t(a NOT NULL DEFAULT NULL)", "CREATE TABLE t(a NOT NULL)", &["catalogue"]);
        check(NEWEST, "CREATE TABLE t(a DEFAULT NULL)", "CREATE TABLE t(a NOT NULL)", &["ALTER COLUMN a SET NOT NULL"]);
        check(
            NEWEST,
            "CREATE TABLE t(a NOT NULL DEFAULT NULL)",
            "CREATE TABLE t(a NOT NULL ON CONFLICT IGNORE)",
            &["rebuild: a NOT NULL constraint cannot be changed in place"],
        );
    }

    /// Rows that were written before an ADD COLUMN read the default: another one must not change them.
    #[test]
    fn a_default_is_edited_where_the_rows_can_hold_the_old_one() {
        let way = |columns: &str, old: &str, new: &str| {
            let before = columns.replace('?', old);
            ways_of(NEWEST, &before, &columns.replace('?', new), &[]).remove(0)
        };
        let (free, reads) = (
            "CREATE TABLE t(a, b INT ?)",
            "rebuild: rows written before an ADD COLUMN take their value from the default",
        );
        for (old, new) in [
            ("", "DEFAULT 1"),
            ("DEFAULT 1", ""),
            ("DEFAULT 1", "DEFAULT 2"),
            ("DEFAULT -1", "DEFAULT (1 + 1)"),
            ("DEFAULT 'x'", "DEFAULT TRUE"),
            ("DEFAULT x'00'", "DEFAULT CURRENT_TIMESTAMP"),
            ("DEFAULT '1.5'", "DEFAULT NULL"),
            ("DEFAULT TRUE", "DEFAULT FALSE"),
            ("DEFAULT CURRENT_TIMESTAMP", "DEFAULT 2"),
            ("DEFAULT (unixepoch())", "DEFAULT (unixepoch('now', 'subsec'))"),
            ("DEFAULT (round(random() / 2) + 1)", ""),
        ] {
            assert_eq!(way(free, old, new), "catalogue", "{old} {new}");
        }
        assert_eq!(way(&free.replace("INT", "REAL"), "DEFAULT 1.5", "DEFAULT 2"), "catalogue");
        // What SQLite reads may be something else than what is compared.
        for old in ["DEFAULT 1.0", "DEFAULT (1 + 1)", "DEFAULT 1e3", "DEFAULT (CAST('1' AS INT))", "DEFAULT (NOT (0))"]
        {
            assert_eq!(way(free, old, "DEFAULT 2"), reads, "{old}");
        }
        assert_eq!(way(&free.replace("INT", "TEXT"), "DEFAULT TRUE", "DEFAULT 2"), reads);
        // An UPDATE that nobody notices needs a column that nothing looks at.
        for table in [
            "CREATE TABLE t(b INT NOT NULL ?)",
            "CREATE TABLE t(b INT UNIQUE ?)",
            "CREATE TABLE t(b INT CHECK (b > 0) ?)",
            "CREATE TABLE t(b INT ?, c AS (b))",
            "CREATE TABLE t(b INT REFERENCES t ?)",
            "CREATE TABLE t(b INT ?); CREATE INDEX i ON t(b)",
            "CREATE TABLE t(b INT ?, c INT); CREATE INDEX i ON t(c) WHERE b > 0",
            "CREATE TABLE t(a, b INT ?); CREATE TRIGGER f AFTER UPDATE ON t BEGIN SELECT 1; END",
        ] {
            let expected = if table.contains(", c INT)") { "catalogue" } else { reads };
            let expected = if table.contains("WHERE b") { reads } else { expected };
            assert_eq!(way(table, "DEFAULT 1", "DEFAULT 2"), expected, "{table}");
        }
        assert_eq!(
            way("CREATE TABLE t(a, b INT NOT NULL ?); CREATE INDEX i ON t(b)", "DEFAULT 1", "DEFAULT 2"),
            "catalogue"
        );
        let others = ways_of(NEWEST, "CREATE TABLE t(a, b INT)", "CREATE TABLE t(a, b INT DEFAULT 1, c)", &[]);
        assert_eq!(others, ["catalogue", "ADD COLUMN c"]);
    }

    #[test]
    fn a_build_that_leaves_nulls_away_has_no_way_to_make_rows_hold_them() {
        let schema = |sql: &str| Schema::from_sql(sql).unwrap();
        let (before, after) = (schema("CREATE TABLE t(a, b INT)"), schema("CREATE TABLE t(a, b INT DEFAULT 1)"));
        let diff = diff(&before, &after, &Answers::default(), &Options::default()).unwrap();
        let [Change::AlterTable(change)] = diff.changes.as_slice() else { panic!("{:?}", diff.changes) };
        let mut facts = Facts { version: NEWEST, catalogue_edits: true, ..Facts::default() };
        let is_edited = |facts: &Facts| matches!(facts.ways(0, change, &before)[0], Way::Catalogue);
        facts.rows.insert("t".into(), 3);
        assert!(is_edited(&facts));
        facts.trims_nulls = true;
        assert!(!is_edited(&facts));
        facts.defaulted.insert((0, 0), 0);
        assert!(is_edited(&facts), "no row reads it");
    }

    #[test]
    fn a_table_without_rows_needs_no_back_fill() {
        let after = "CREATE TABLE t(a,\n b INT -- whimbrel: backfill (a + 1)\n)";
        let ways = |rows| ways_of_rows(rows, NEWEST, "CREATE TABLE t(a)", after, &[]);
        assert_eq!(ways(0), ["ADD COLUMN b INT"]);
        assert_eq!(ways(1), ["ADD COLUMN b INT; SET b = ((a + 1))"]);
    }

    /// Rows get values where they stand, unless that is noticed, means something else, or costs more.
    #[test]
    fn rows_are_filled_where_they_stand() {
        let ways = |version, before: &str, after: &str| ways_of_rows(2, version, before, after, &[]);
        let (one, filled) = ("CREATE TABLE t(a, z)", "CREATE TABLE t(\n-- whimbrel: backfill z\na NOT NULL, z)");
        assert_eq!(ways(NEWEST, one, filled), ["SET a = (z) WHERE a IS NULL; ALTER COLUMN a SET NOT NULL"]);
        assert_eq!(ways(NEWEST - 1, one, filled), ["rebuild: this NOT NULL cannot be added in place"]);
        let fires = |event: &str| format!("{one}; CREATE TRIGGER f AFTER {event} ON t BEGIN SELECT 1; END");
        for event in ["UPDATE", "UPDATE OF z"] {
            let after = fires(event).replace(one, filled);
            assert_eq!(ways(NEWEST, &fires(event), &after), [format!("rebuild: {FIRES}")], "{event}");
        }
        assert_eq!(ways(NEWEST, &fires("INSERT"), &fires("INSERT").replace(one, filled)).len(), 1);
        assert!(ways(NEWEST, &fires("INSERT"), &fires("INSERT").replace(one, filled))[0].starts_with("SET a"));
        // Another row, or another column that is filled, may have its value already.
        let reads = filled.replace("backfill z", "backfill (SELECT max(a) FROM t)");
        assert_eq!(ways(NEWEST, one, &reads), ["rebuild: rows without a value need one"]);
        let new = filled.replace("backfill z", "backfill \"n\"").replace(", z)", ", z, n DEFAULT 1)");
        assert_eq!(ways(NEWEST, one, &new), ["rebuild: rows without a value need one", "ADD COLUMN n DEFAULT 1"]);
        let both = filled.replace(", z)", ",\n-- whimbrel: backfill a\nz NOT NULL)");
        assert_eq!(ways(NEWEST, one, &both), ["rebuild: rows without a value need one"; 2]);

        let added = "CREATE TABLE t(a, z,\n-- whimbrel: backfill z\nb TEXT NOT NULL)";
        let later = "ADD COLUMN b TEXT; SET b = (z); ALTER COLUMN b SET NOT NULL";
        assert_eq!(ways(NEWEST, one, added), [later]);
        let cannot = "rebuild: SQLite cannot add a NOT NULL column without a default in place";
        assert_eq!(ways(NEWEST - 1, one, added), [cannot]);
        let defaulted = added.replace("NOT NULL", "NOT NULL DEFAULT ''");
        assert_eq!(ways(NEWEST - 1, one, &defaulted), ["ADD COLUMN b TEXT NOT NULL DEFAULT ''; SET b = (z)"]);
        let own = "rebuild: every row gets a value of its own";
        assert_eq!(ways(NEWEST, one, &added.replace("NOT NULL", "CHECK (b <> '')"))[0], own);
        assert_eq!(ways(NEWEST, one, &added.replace("backfill z", "backfill z || \"b\"")), [own]);
        let strict = |sql: &str| sql.replace("(a, z", "(a ANY, z ANY") + " STRICT";
        assert_eq!(ways(NEWEST, &strict(one), &strict(added)), [later]);
        assert_eq!(ways(NEWEST, &strict(one), &strict(&defaulted)), [own]);

        // Two columns written, or one and a copy without an index to make anew.
        let dropped = added.replace("(a, z", "(z");
        let dearer = "rebuild: one copy of the rows costs less than writing them twice";
        assert_eq!(ways(NEWEST, one, &dropped), [dearer, "DROP COLUMN a"]);
        let index = "; CREATE INDEX i ON t(z)";
        let indexed = |sql: &str| format!("{sql}{index}");
        assert_eq!(ways(NEWEST, &indexed(one), &indexed(&dropped)), [later, "DROP COLUMN a"]);
    }

    /// A column that is not the last would move, and with it what an INSERT without names writes.
    #[test]
    fn the_last_column_is_converted_by_way_of_another() {
        let cannot = "rebuild: SQLite cannot change a column's type in place";
        let ways = |table: &str, more: &str, to: &str| {
            let before = format!("CREATE TABLE t({table}); CREATE INDEX i ON t(a){more}");
            ways_of(NEWEST, &before, &before.replace("TEXT", to), &[])
        };
        let by_way = "ADD COLUMN _whimbrel_1 INT; SET _whimbrel_1 = b; DROP COLUMN b; RENAME COLUMN _whimbrel_1 TO b";
        assert_eq!(ways("a, b TEXT", "", "INT"), [by_way]);
        assert_eq!(ways("a, b TEXT NOT NULL", "", "INT"), [format!("{by_way}; ALTER COLUMN b SET NOT NULL")]);
        assert_eq!(ways("a, b TEXT, c", "", "INT"), [cannot], "not the last");
        for more in
            ["; CREATE INDEX j ON t(b)", "; CREATE INDEX j ON t(a) WHERE b > 1", "; CREATE INDEX j ON t(b || a)"]
        {
            assert_eq!(ways("a, b TEXT", more, "INT"), [cannot], "{more}");
        }
        for table in [
            "a, b TEXT UNIQUE",
            "a, b TEXT CHECK (b > 1)",
            "a, b TEXT REFERENCES p(id)",
            "a, c AS (b), b TEXT",
            "a, b TEXT AS (a)",
            "a, b TEXT AS (a) STORED",
        ] {
            assert_eq!(ways(table, "", "INT"), [cannot], "{table}");
        }
        assert_eq!(ways("a, b TEXT DEFAULT (1 + 1)", "", "INT"), [cannot], "no default for ADD COLUMN");
        let strict = |to: &str| {
            let before = "CREATE TABLE t(a ANY, b TEXT) STRICT; CREATE INDEX i ON t(a)";
            ways_of(NEWEST, before, &before.replace("TEXT", to), &[])
        };
        assert_eq!(strict("INT"), [by_way]);
        assert_eq!(strict("INT DEFAULT x'7a'"), [cannot], "a default that does not fit");
        let fires = "; CREATE TRIGGER f AFTER UPDATE ON t BEGIN SELECT 1; END";
        assert_eq!(ways("a, b TEXT", fires, "INT"), [cannot], "noticed");
        let bare = ways_of(NEWEST, "CREATE TABLE t(a, b TEXT)", "CREATE TABLE t(a, b INT)", &[]);
        assert_eq!(bare, [cannot], "no index would be made anew");
    }

    /// Found by random pairs: the planned ADD COLUMN failed, with "type mismatch on DEFAULT", and was rolled back.
    #[test]
    fn a_strict_table_whose_defaults_have_other_types_is_rebuilt_behind_a_virtual_column() {
        let way = |columns: &str, options: &str| {
            let before = format!("CREATE TABLE t({columns}){options}");
            ways_of(NEWEST, &before, &before.replacen(columns, &format!("{columns}, more TEXT"), 1), &[]).remove(0)
        };
        let refused = "rebuild: SQLite takes values of this STRICT table for values of another type";
        let with_default = |default: &str| format!("v TEXT AS (a) VIRTUAL, a {default}");
        for misfit in
            ["BLOB DEFAULT TRUE", "BLOB DEFAULT 'x'", "TEXT DEFAULT 1", "INT DEFAULT 1.5", "REAL DEFAULT (1 + 1)"]
        {
            assert_eq!(way(&with_default(misfit), " STRICT"), refused, "{misfit}");
            assert_eq!(way(&format!("a {misfit}"), " STRICT"), "ADD COLUMN more TEXT", "{misfit}");
            assert_eq!(way(&with_default(misfit), ""), "ADD COLUMN more TEXT", "{misfit}");
        }
        let fits =
            ["INT DEFAULT -1", "INTEGER DEFAULT 7", "REAL DEFAULT 1.5", "TEXT DEFAULT 'x'", "BLOB DEFAULT x'00'"];
        for fits in fits.into_iter().chain(["ANY DEFAULT TRUE", "INT DEFAULT NULL", "TEXT"]) {
            assert_eq!(way(&with_default(fits), " STRICT"), "ADD COLUMN more TEXT", "{fits}");
        }
        assert_eq!(way("v TEXT AS (a) STORED, a BLOB DEFAULT TRUE", " STRICT"), "ADD COLUMN more TEXT");
    }

    /// An older SQLite sets no NOT NULL in place, and rows that are not there need no second column. The name that the column
    /// has for a moment is nobody else's.
    #[test]
    fn what_a_conversion_by_way_of_another_column_needs() {
        let cannot = "rebuild: SQLite cannot change a column's type in place";
        let ways = |rows: u64, version: u32, column: &str| {
            let before = format!("CREATE TABLE t(_whimbrel_1, {column}); CREATE INDEX i ON t(_whimbrel_1)");
            ways_of_rows(rows, version, &before, &before.replace("TEXT", "INT"), &[])
        };
        let by_way = "ADD COLUMN _whimbrel_2 INT; SET _whimbrel_2 = b; DROP COLUMN b; RENAME COLUMN _whimbrel_2 TO b";
        assert_eq!(ways(1, NEWEST, "b TEXT"), [by_way]);
        assert_eq!(ways(1, NEWEST - 1, "b TEXT"), [by_way]);
        assert_eq!(ways(0, NEWEST, "b TEXT"), [cannot]);
        assert_eq!(ways(1, NEWEST, "b TEXT NOT NULL"), [format!("{by_way}; ALTER COLUMN b SET NOT NULL")]);
        assert_eq!(ways(1, NEWEST - 1, "b TEXT NOT NULL"), [cannot]);
    }

    #[test]
    fn a_check_goes_with_the_column_it_stands_at() {
        let before = "CREATE TABLE t(a, b CONSTRAINT is_less CHECK (b < 5))";
        check(NEWEST, before, "CREATE TABLE t(a)", &["DROP COLUMN b", "with"]);
    }

    /// Columns are added before others are dropped, and for a moment there are more than SQLite takes.
    #[test]
    fn columns_are_added_in_place_up_to_the_limit() {
        let table = |count: usize, last: &str| {
            let names: Vec<String> = (1..count).map(|n| format!("c{n}")).collect();
            format!("CREATE TABLE t({}, {last})", names.join(", "))
        };
        let ways = |count: usize| ways_of(NEWEST, &table(count, "old"), &table(count, "new"), &[]);
        assert_eq!(ways(MOST_COLUMNS - 1), ["ADD COLUMN new", "DROP COLUMN old"]);
        let too_many = "rebuild: old and new columns together are too many";
        assert_eq!(ways(MOST_COLUMNS)[0], too_many);
        let two = table(MOST_COLUMNS - 1, "new, newer");
        assert_eq!(ways_of(NEWEST, &table(MOST_COLUMNS - 1, "old"), &two, &[])[..2], [too_many, too_many]);
    }
}
