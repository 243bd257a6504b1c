//! The locks that statements take on tables which others use.
//!
//! From the tables of the chapter on explicit locking (<https://www.postgresql.org/docs/current/explicit-locking.html>)
//! and the pages of the statements. Locks that stand in nobody's way are left out.

use super::known::Known;
use crate::postgres::statement::{Change, Column, ColumnChange, Constraint, ConstraintKind, Kind, Name, Object};
use crate::postgres::steps::Lock;

/// The lock that `LOCK TABLE … IN … MODE` names, given in lower case; none where it stands in nobody's way.
pub(super) fn of_mode(mode: &str) -> Option<Lock> {
    let locks =
        [Lock::ShareUpdateExclusive, Lock::Share, Lock::ShareRowExclusive, Lock::Exclusive, Lock::AccessExclusive];
    locks.into_iter().find(|lock| lock.as_str().eq_ignore_ascii_case(mode))
}

/// The lock of one action of an `ALTER TABLE` on its table.
pub(super) fn of_change(change: &Change) -> Option<Lock> {
    Some(match change {
        Change::AddConstraint(constraint) => match constraint.kind {
            ConstraintKind::ForeignKey { .. } => Lock::ShareRowExclusive,
            _ => Lock::AccessExclusive,
        },
        Change::DisableTrigger(_) | Change::EnableTrigger => Lock::ShareRowExclusive,
        Change::ValidateConstraint(_) | Change::AttachPartition { .. } | Change::Parameters => {
            Lock::ShareUpdateExclusive
        }
        Change::DetachPartition { concurrently: true, .. } | Change::DetachPartition { finalize: true, .. } => {
            Lock::ShareUpdateExclusive
        }
        // It depends on which.
        Change::Other | Change::AlterColumn { change: ColumnChange::Other, .. } => return None,
        _ => Lock::AccessExclusive,
    })
}

/// The tables that a statement keeps from being written, or even read, with the lock on each.
pub(super) fn strong(known: &Known, kind: &Kind) -> Vec<(Name, Lock)> {
    let mut locks = Vec::new();
    match kind {
        Kind::AlterTable(alter) => {
            let lock = alter.actions.iter().filter_map(|action| of_change(&action.change)).max();
            locks.extend(lock.map(|lock| (alter.name.clone(), lock)));
            for action in &alter.actions {
                match &action.change {
                    Change::AttachPartition { partition } => locks.push((partition.clone(), Lock::AccessExclusive)),
                    Change::AddColumn { column: Column { references: Some(references), .. }, .. }
                    | Change::AddConstraint(Constraint {
                        kind: ConstraintKind::ForeignKey { references, .. }, ..
                    }) => {
                        locks.push((references.table.clone(), Lock::ShareRowExclusive));
                    }
                    _ => {}
                }
            }
        }
        Kind::CreateIndex(index) if !index.concurrently => locks.push((index.table.clone(), Lock::Share)),
        Kind::CreateTable(table) => {
            locks.extend(table.partition_of.clone().map(|parent| (parent, Lock::AccessExclusive)));
            let inline = table.columns.iter().filter_map(|column| column.references.as_ref());
            let others = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => Some(references),
                _ => None,
            });
            locks.extend(inline.chain(others).map(|r| (r.table.clone(), Lock::ShareRowExclusive)));
        }
        Kind::Drop(drop) if matches!(drop.object, Object::Table | Object::View | Object::MaterializedView) => {
            locks.extend(drop.names.iter().map(|name| (name.clone(), Lock::AccessExclusive)));
        }
        Kind::Drop(drop) if matches!(drop.object, Object::Trigger | Object::Policy | Object::Rule) => {
            let table = |name: &Name| Some(Name { schema: None, name: name.schema.clone()? });
            locks.extend(drop.names.iter().filter_map(table).map(|table| (table, Lock::AccessExclusive)));
        }
        Kind::Drop(drop) if drop.object == Object::Index && !drop.concurrently => {
            let table = |name: &Name| known.table_of_index(name);
            locks.extend(drop.names.iter().map(|i| (table(i).unwrap_or_else(|| i.clone()), Lock::AccessExclusive)));
        }
        Kind::Truncate { tables, .. } => {
            locks.extend(tables.iter().map(|table| (table.clone(), Lock::AccessExclusive)))
        }
        Kind::Lock { tables, mode } => {
            let lock = of_mode(mode);
            locks.extend(lock.into_iter().flat_map(|lock| tables.iter().map(move |table| (table.clone(), lock))));
        }
        Kind::Refresh { name, concurrently, .. } => {
            locks.push((name.clone(), if *concurrently { Lock::Exclusive } else { Lock::AccessExclusive }));
        }
        Kind::Cluster { table: Some(table) } => locks.push((table.clone(), Lock::AccessExclusive)),
        Kind::Reindex { scope, name: Some(name), concurrently: false } if scope == "table" => {
            locks.push((name.clone(), Lock::Share));
        }
        Kind::CreateTrigger { table, .. } => locks.push((table.clone(), Lock::ShareRowExclusive)),
        Kind::Policy { table, .. } => locks.push((table.clone(), Lock::AccessExclusive)),
        _ => {}
    }
    locks.retain(|(table, lock)| *lock >= Lock::Share && !known.is_new(table));
    locks
}
