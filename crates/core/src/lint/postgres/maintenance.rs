//! Whole tables that are locked or written anew: P23 to P26.

use super::{Found, Lock, Rule, locks};
use crate::lint::Level;
use crate::postgres::statement::{Change, ColumnChange, Kind};

pub(super) const REWRITTEN: Rule = Rule {
    code: "P23",
    level: Level::Warning,
    why: "the whole table is written anew, and nobody can read or write it until that is done",
    help: "VACUUM without FULL gives room back for new rows; to make the file smaller on a server in use, pg_repack and \
           pg_squeeze work beside it",
    find: |context| match context.kind() {
        Kind::Vacuum { full: true } => {
            vec![Found::new("VACUUM FULL writes tables anew".to_owned()).lock(Lock::AccessExclusive)]
        }
        Kind::Cluster { table } if !table.as_ref().is_some_and(|table| context.is_new(table)) => {
            vec![Found::new("CLUSTER writes tables anew".to_owned()).lock(Lock::AccessExclusive)]
        }
        _ => Vec::new(),
    },
};

pub(super) const LOCKED: Rule = Rule {
    code: "P24",
    level: Level::Warning,
    why: "the table is kept from others until the transaction ends, and they wait already while the lock is waited for",
    help: "leave it to the statements, which take the locks they need; or name the weakest mode that is enough",
    find: |context| match context.kind() {
        Kind::Lock { tables, mode } => {
            let Some(lock) = locks::of_mode(mode).filter(|lock| *lock >= Lock::Share) else { return Vec::new() };
            let live = tables.iter().filter(|table| !context.is_new(table));
            live.map(|table| Found::new(format!("{table} is locked until the transaction ends")).lock(lock)).collect()
        }
        _ => Vec::new(),
    },
};

pub(super) const REFRESHED: Rule = Rule {
    code: "P25",
    level: Level::Warning,
    why: "nobody can read the view while it is filled",
    help: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index over columns of the view",
    find: |context| match context.kind() {
        Kind::Refresh { name, concurrently: false, with_no_data } if !context.is_new(name) => {
            let message = match with_no_data {
                true => format!("{name} cannot be read until it is filled again"),
                false => format!("{name} cannot be read while it is filled"),
            };
            vec![Found::new(message).lock(Lock::AccessExclusive)]
        }
        _ => Vec::new(),
    },
};

pub(super) const MOVED: Rule = Rule {
    code: "P26",
    level: Level::Warning,
    why: "the whole table is copied, and nobody can read or write it until that is done; what becomes UNLOGGED is also empty \
          after a crash, and missing on standbys",
    help: "do it while nobody works; or make another table, fill it in portions, and exchange the names",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let what = match &action.change {
                Change::Move(words) => *words,
                Change::AlterColumn { change: ColumnChange::SetExpression, .. } => "SET EXPRESSION",
                Change::AlterColumn { change: ColumnChange::AddIdentity, .. } => continue,
                _ => continue,
            };
            let message = format!("{what} writes all of {table} anew");
            found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
        }
        found
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, told};

    #[test]
    fn rewritten() {
        assert_eq!(told("P23", "VACUUM FULL a; VACUUM (FULL) a; CLUSTER a USING i; CLUSTER"), [1, 2, 3, 4]);
        assert_eq!(
            told("P23", "VACUUM a; VACUUM (ANALYZE, FULL false) a; CREATE TABLE b (c int); CLUSTER b USING i"),
            NONE
        );
    }

    #[test]
    fn locked() {
        assert_eq!(told("P24", "LOCK TABLE a, b; LOCK c IN EXCLUSIVE MODE"), [1, 1, 2]);
        assert_eq!(told("P24", "LOCK a IN ROW EXCLUSIVE MODE; CREATE TABLE b (c int); LOCK b"), NONE);
    }

    #[test]
    fn refreshed() {
        assert_eq!(told("P25", "REFRESH MATERIALIZED VIEW v; REFRESH MATERIALIZED VIEW v WITH NO DATA"), [1, 2]);
        assert_eq!(told("P25", "REFRESH MATERIALIZED VIEW CONCURRENTLY v"), NONE);
        assert_eq!(told("P25", "CREATE MATERIALIZED VIEW v AS SELECT 1; REFRESH MATERIALIZED VIEW v"), NONE);
    }

    #[test]
    fn moved() {
        assert_eq!(told("P26", "ALTER TABLE a SET TABLESPACE b; ALTER TABLE a SET UNLOGGED, SET LOGGED"), [1, 2, 2]);
        assert_eq!(told("P26", "ALTER TABLE a ALTER b SET EXPRESSION AS (c + 1)"), [1]);
        assert_eq!(
            told("P26", "ALTER TABLE a SET (fillfactor = 70), SET SCHEMA b; ALTER TABLE a ALTER b SET STATISTICS 5"),
            NONE
        );
    }
}
