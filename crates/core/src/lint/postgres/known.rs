//! What the statements so far have told of tables.
//!
//! Not a schema: only what rules ask for, and only as far as it was written in the scripts that were read. A table that
//! was made elsewhere is known by what was done to it here, and nothing is concluded from what is missing, unless the
//! table was made by a script that was read.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::postgres::statement::{
    Change, Column, ColumnChange, Constraint, ConstraintKind, DataType, Kind, Name, Object, Reference, Statement,
    TypeChange,
};
use crate::postgres::token::TokenKind;

/// Everything that was told.
#[derive(Debug, Default)]
pub(super) struct Known {
    tables: HashMap<String, Vec<Table>>,
    /// Indexes and the tables they are on.
    indexes: HashMap<String, Name>,
    /// The number of the script that is being read, and of the one that made each enum.
    script: usize,
    new_types: HashSet<String>,
    /// Types that the script being read has given another name.
    renamed_types: HashSet<String>,
    trigger_functions: HashSet<String>,
}

/// A table.
#[derive(Debug, Default, Clone)]
pub(super) struct Table {
    pub name: Option<Name>,
    /// The script that made it.
    made_by: Option<usize>,
    pub columns: BTreeMap<String, DataType>,
    /// The columns among them that are worked out from others.
    pub generated: HashSet<String>,
    pub checks: Vec<Check>,
    pub keys: Vec<Key>,
    pub foreign_keys: Vec<ForeignKey>,
    pub policies: usize,
}

/// A check.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub name: Option<String>,
    /// The columns that it keeps from being NULL.
    pub not_null: Vec<String>,
    pub valid: bool,
}

/// An index, or a constraint that has one.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: Option<String>,
    pub primary: bool,
    /// Whether it is a constraint's.
    pub constraint: bool,
    /// Whether no two rows have the same.
    pub unique: bool,
    pub columns: Vec<Option<String>>,
}

/// A foreign key.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub references: Reference,
}

impl Known {
    pub(super) fn start_script(&mut self) {
        self.script += 1;
        self.new_types.clear();
        self.renamed_types.clear();
    }

    pub(super) fn table(&self, name: &Name) -> Option<&Table> {
        self.tables.get(&name.name)?.iter().find(|table| table.name.as_ref().is_some_and(|n| n.may_be(name)))
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values().flatten()
    }

    fn table_mut(&mut self, name: &Name) -> &mut Table {
        let tables = self.tables.entry(name.name.clone()).or_default();
        let place = tables.iter().position(|table| table.name.as_ref().is_some_and(|n| n.may_be(name)));
        let place = place.unwrap_or_else(|| {
            tables.push(Table { name: Some(name.clone()), ..Table::default() });
            tables.len() - 1
        });
        &mut tables[place]
    }

    fn remove(&mut self, name: &Name) -> Option<Table> {
        let tables = self.tables.get_mut(&name.name)?;
        let place = tables.iter().position(|table| table.name.as_ref().is_some_and(|n| n.may_be(name)))?;
        Some(tables.remove(place))
    }

    /// Whether the script that is being read has made the table.
    pub(super) fn is_new(&self, name: &Name) -> bool {
        self.table(name).is_some_and(|table| table.made_by == Some(self.script))
    }

    /// Whether all of the table was declared in scripts that were read.
    pub(super) fn is_complete(&self, name: &Name) -> bool {
        self.table(name).is_some_and(|table| table.made_by.is_some())
    }

    /// Whether the script that is being read has made the type.
    pub(super) fn is_new_type(&self, name: &Name) -> bool {
        self.new_types.contains(&name.name)
    }

    /// Whether the script that is being read has given a type this name.
    pub(super) fn is_renamed_type(&self, name: &Name) -> bool {
        self.renamed_types.contains(&name.name)
    }

    /// Whether only triggers can call the function.
    pub(super) fn is_trigger_function(&self, name: &Name) -> bool {
        self.trigger_functions.contains(&name.name)
    }

    pub(super) fn table_of_index(&self, index: &Name) -> Option<Name> {
        self.indexes.get(&index.name).cloned()
    }

    /// The foreign keys that refer to a table, with the tables they stand in.
    pub(super) fn referring<'k>(&'k self, to: &'k Name) -> impl Iterator<Item = (&'k Name, &'k ForeignKey)> {
        self.tables().flat_map(move |table| {
            let keys = table.foreign_keys.iter().filter(move |key| key.references.table.may_be(to));
            keys.filter_map(move |key| Some((table.name.as_ref()?, key)))
        })
    }

    /// Takes up what a statement tells.
    pub(super) fn follow(&mut self, statement: &Statement, sql: &str) {
        match &statement.kind {
            Kind::CreateTable(create) => {
                if create.if_not_exists && self.is_complete(&create.name) {
                    return;
                }
                self.remove(&create.name);
                let script = self.script;
                let table = self.table_mut(&create.name);
                table.made_by = Some(script);
                for column in &create.columns {
                    table.add_column(column, statement, sql);
                }
                for constraint in &create.constraints {
                    table.add_constraint(constraint, statement, sql);
                }
            }
            Kind::CreateView { name, materialized: true, .. } => {
                let script = self.script;
                self.table_mut(name).made_by = Some(script);
            }
            Kind::AlterTable(alter) => {
                for action in &alter.actions {
                    self.change(&alter.name, &action.change, statement, sql);
                }
            }
            Kind::CreateIndex(index) => {
                if let Some(name) = &index.name {
                    self.indexes.insert(name.clone(), index.table.clone());
                }
                let key = Key {
                    name: index.name.clone(),
                    primary: false,
                    constraint: false,
                    unique: index.unique,
                    columns: index.keys.clone(),
                };
                // A partial index serves no foreign key.
                if !index.partial {
                    self.table_mut(&index.table).keys.push(key);
                }
            }
            Kind::Drop(drop) => match drop.object {
                Object::Table | Object::MaterializedView => {
                    for name in &drop.names {
                        self.remove(name);
                    }
                }
                Object::Index => {
                    for name in &drop.names {
                        if let Some(table) = self.indexes.remove(&name.name) {
                            self.table_mut(&table).keys.retain(|key| key.name.as_ref() != Some(&name.name));
                        }
                    }
                }
                _ => {}
            },
            Kind::CreateType { name, .. } => {
                self.new_types.insert(name.name.clone());
            }
            Kind::AlterType { name, change: TypeChange::Rename(to) } => {
                let names = if self.is_new_type(name) { &mut self.new_types } else { &mut self.renamed_types };
                names.insert(to.clone());
            }
            Kind::CreateFunction(function) if function.returns_trigger => {
                self.trigger_functions.insert(function.name.name.clone());
            }
            Kind::Policy { table, creates: true, .. } => self.table_mut(table).policies += 1,
            _ => {}
        }
    }

    fn change(&mut self, name: &Name, change: &Change, statement: &Statement, sql: &str) {
        match change {
            Change::AddColumn { column, .. } => self.table_mut(name).add_column(column, statement, sql),
            Change::DropColumn { name: column, .. } => {
                let table = self.table_mut(name);
                table.columns.remove(column);
                table.generated.remove(column);
                table.keys.retain(|key| !key.columns.iter().flatten().any(|c| c == column));
                table.foreign_keys.retain(|key| !key.columns.contains(column));
            }
            Change::AlterColumn { name: column, change: ColumnChange::Type { to, .. } } => {
                self.table_mut(name).columns.insert(column.clone(), to.clone());
            }
            Change::AddConstraint(constraint) => self.table_mut(name).add_constraint(constraint, statement, sql),
            Change::ValidateConstraint(constraint) => {
                let checks = self.table_mut(name).checks.iter_mut();
                checks.filter(|check| check.name.as_ref() == Some(constraint)).for_each(|check| check.valid = true);
            }
            Change::DropConstraint { name: constraint, .. } => {
                let table = self.table_mut(name);
                table.checks.retain(|check| check.name.as_ref() != Some(constraint));
                table.keys.retain(|key| key.name.as_ref() != Some(constraint));
                table.foreign_keys.retain(|key| key.name.as_ref() != Some(constraint));
            }
            Change::RenameTable(to) => {
                if let Some(mut table) = self.remove(name) {
                    let name = Name { schema: name.schema.clone(), name: to.clone() };
                    for index in
                        self.indexes.values_mut().filter(|of| table.name.as_ref().is_some_and(|n| n.may_be(of)))
                    {
                        *index = name.clone();
                    }
                    table.name = Some(name);
                    self.tables.entry(to.clone()).or_default().push(table);
                }
            }
            Change::RenameColumn { from, to } => self.table_mut(name).rename_column(from, to),
            Change::SetSchema(schema) => {
                if let Some(mut table) = self.remove(name) {
                    table.name = Some(Name { schema: Some(schema.clone()), name: name.name.clone() });
                    self.tables.entry(name.name.clone()).or_default().push(table);
                }
            }
            _ => {}
        }
    }
}

impl Table {
    fn add_column(&mut self, column: &Column, statement: &Statement, sql: &str) {
        self.columns.insert(column.name.clone(), column.data_type.clone());
        if column.stored {
            self.generated.insert(column.name.clone());
        }
        if column.unique || column.primary_key {
            self.keys.push(Key {
                name: None,
                primary: column.primary_key,
                constraint: true,
                unique: true,
                columns: vec![Some(column.name.clone())],
            });
        }
        if let Some(references) = &column.references {
            let columns = vec![column.name.clone()];
            self.foreign_keys.push(ForeignKey { name: None, columns, references: references.clone() });
        }
        if column.check {
            let not_null = not_null_columns(statement, sql, &column.range);
            self.checks.push(Check { name: None, not_null, valid: true });
        }
    }

    fn add_constraint(&mut self, constraint: &Constraint, statement: &Statement, sql: &str) {
        let name = constraint.name.clone();
        let key = |columns: &[String], primary| Key {
            name: name.clone(),
            primary,
            constraint: true,
            unique: true,
            columns: columns.iter().cloned().map(Some).collect(),
        };
        match &constraint.kind {
            ConstraintKind::Check(range) => {
                let not_null = not_null_columns(statement, sql, range);
                self.checks.push(Check { name, not_null, valid: !constraint.not_valid });
            }
            ConstraintKind::NotNull(column) => {
                self.checks.push(Check { name, not_null: vec![column.clone()], valid: !constraint.not_valid });
            }
            // The index is known already, where it was made here, and goes by the constraint's name from now on.
            ConstraintKind::Unique { using_index: Some(index), .. }
            | ConstraintKind::PrimaryKey { using_index: Some(index), .. } => {
                let is_primary = matches!(constraint.kind, ConstraintKind::PrimaryKey { .. });
                if let Some(key) = self.keys.iter_mut().find(|key| key.name.as_ref() == Some(index)) {
                    (key.constraint, key.primary) = (true, is_primary);
                    key.name = name.clone().or_else(|| key.name.take());
                }
            }
            ConstraintKind::Unique { columns, .. } => self.keys.push(key(columns, false)),
            ConstraintKind::PrimaryKey { columns, .. } => self.keys.push(key(columns, true)),
            ConstraintKind::ForeignKey { columns, references } => {
                self.foreign_keys.push(ForeignKey { name, columns: columns.clone(), references: references.clone() });
            }
            ConstraintKind::Exclude => {}
        }
    }

    fn rename_column(&mut self, from: &str, to: &str) {
        if let Some(data_type) = self.columns.remove(from) {
            self.columns.insert(to.to_owned(), data_type);
        }
        if self.generated.remove(from) {
            self.generated.insert(to.to_owned());
        }
        let keys = self.keys.iter_mut().flat_map(|key| key.columns.iter_mut().flatten());
        let foreign_keys = self.foreign_keys.iter_mut().flat_map(|key| key.columns.iter_mut());
        let checks = self.checks.iter_mut().flat_map(|check| check.not_null.iter_mut());
        for column in keys.chain(foreign_keys).chain(checks).filter(|column| *column == from) {
            to.clone_into(column);
        }
    }

    /// Whether an index begins with these columns, in any order.
    pub(super) fn has_index_on(&self, columns: &[String]) -> bool {
        self.keys.iter().any(|key| {
            let first = key.columns.get(..columns.len());
            first.is_some_and(|first| columns.iter().all(|c| first.iter().flatten().any(|f| f == c)))
        })
    }

    /// Whether no two rows have the same in some of these columns, so that none have in all of them.
    pub(super) fn is_unique_in(&self, columns: &[Option<String>]) -> bool {
        let is_among = |column: &Option<String>| column.is_some() && columns.contains(column);
        self.keys.iter().any(|key| key.unique && !key.columns.is_empty() && key.columns.iter().all(is_among))
    }

    /// Whether a check that was tried on every row keeps a column from being NULL.
    pub(super) fn is_never_null(&self, column: &str) -> bool {
        self.checks.iter().any(|check| check.valid && check.not_null.iter().any(|c| c == column))
            || self.keys.iter().any(|key| key.primary && key.columns.iter().flatten().any(|c| c == column))
    }
}

/// The columns of which an expression demands `IS NOT NULL`, alone or together with other demands.
fn not_null_columns(statement: &Statement, sql: &str, range: &std::ops::Range<usize>) -> Vec<String> {
    let tokens: Vec<_> = statement.tokens_in(range).iter().filter(|t| !t.is(sql, "(") && !t.is(sql, ")")).collect();
    // With OR or NOT before it, it may be NULL after all.
    if tokens.iter().any(|token| token.is(sql, "or") || token.is(sql, "case")) {
        return Vec::new();
    }
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(sql, word));
    let is_column = |at: usize| matches!(tokens[at].kind, TokenKind::Word | TokenKind::Quoted);
    let starts = |at: usize| at == 0 || is(at - 1, "and") || is(at - 1, "check");
    (0..tokens.len())
        .filter(|at| is_column(*at) && starts(*at) && is(at + 1, "is") && is(at + 2, "not") && is(at + 3, "null"))
        .filter_map(|at| tokens[at].name(sql))
        .collect()
}
