//! Tables as the migrations before a script have left them.
//!
//! As far as their statements are understood, and without a database: a table that is not known, because it was made by
//! something else or in a way that is not understood, gives no findings.

use std::sync::Arc;

use super::{Text, Words};
use crate::schema::{Schema, Table, same_name};

/// The tables that are known.
#[derive(Debug, Default)]
pub(super) struct Earlier(Vec<Table>);

impl Earlier {
    /// What the migrations before a script tell.
    pub(super) fn of(text: &Text<'_>) -> Earlier {
        let mut earlier = Earlier::default();
        for migration in text.earlier {
            for words in Words::all(&migration.up) {
                earlier.follow(&words);
            }
        }
        earlier
    }

    /// A table by its name.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.0.iter().find(|table| same_name(&table.name, name))
    }

    fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.0.iter_mut().find(|table| same_name(&table.name, name))
    }

    fn follow(&mut self, words: &Words<'_>) {
        if let Some(name) = words.creates_table() {
            let is_there = words.find(&["not", "exists"]).is_some_and(|at| at < 6) && self.table(&name).is_some();
            if !is_there {
                self.0.retain(|table| !same_name(&table.name, &name));
                self.0.extend(declared(&words.text[words.range.clone()]));
            }
        } else if let Some(name) = words.drops_table() {
            self.0.retain(|table| !same_name(&table.name, &name));
        } else if let Some((from, to)) = words.renames_table() {
            self.0.retain(|table| !same_name(&table.name, &to) || same_name(&from, &to));
            if let Some(table) = self.table_mut(&from) {
                table.name = to;
            }
        } else if let Some((table, column)) = words.drops_column() {
            if let Some(table) = self.table_mut(&table) {
                table.columns.retain(|c| !same_name(&c.name, &column));
                table.foreign_keys.retain(|key| !key.columns.iter().any(|c| same_name(c, &column)));
            }
        } else if let Some((table, _)) = words.renames_column() {
            // Where a column has another name, what refers to it has as well: the table is not known any more.
            self.0.retain(|t| !same_name(&t.name, &table));
        } else if let Some((table, _, at)) = words.adds_column() {
            let Some(start) = words.tokens.get(at - 1).map(|token| token.range.start) else { return };
            let added = declared(&format!("CREATE TABLE t({})", &words.text[start..words.range.end]));
            if let (Some(table), Some(added)) = (self.table_mut(&table), added) {
                table.columns.extend(added.columns);
                table.foreign_keys.extend(added.foreign_keys);
            }
        }
    }
}

/// The table that a `CREATE TABLE` declares.
pub(super) fn declared(sql: &str) -> Option<Table> {
    Schema::from_sql(sql).ok()?.tables.into_iter().next().map(Arc::unwrap_or_clone)
}
