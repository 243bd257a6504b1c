//! Rows that are written: P19 and P20.

use super::{Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::Kind;

pub(super) const EVERY_ROW: Rule = Rule {
    code: "P19",
    level: Level::Warning,
    why: "without WHERE it writes all rows in one statement: each is locked until the transaction ends, and an UPDATE \
          leaves as many dead ones behind",
    help: "say with WHERE which rows are meant, and write many of them in portions: `-- whimbrel: backfill`",
    find: |context| {
        let (verb, write) = match context.kind() {
            Kind::Update(write) => ("UPDATE writes", write),
            Kind::Delete(write) => ("DELETE takes", write),
            _ => return Vec::new(),
        };
        if write.has_where || context.is_new(&write.table) {
            return Vec::new();
        }
        match context.pieces[context.at].in_portions && verb == "UPDATE writes" {
            true => {
                let message =
                    format!("this UPDATE of {} is repeated until it changes no row, which never happens", write.table);
                vec![Found::new(message).level(Level::Error)]
            }
            false => vec![Found::new(format!("this {verb} every row of {}", write.table))],
        }
    },
};

pub(super) const UNDER_LOCK: Rule = Rule {
    code: "P20",
    level: Level::Warning,
    why: "a lock is held until the transaction ends, so that others wait for as long as the rows take to be written",
    help: "write the rows in a migration of their own, in portions: `-- whimbrel: backfill`",
    find: |context| {
        let (verb, write) = match context.kind() {
            Kind::Update(write) => ("UPDATE", write),
            Kind::Delete(write) => ("DELETE", write),
            Kind::Insert(write) if context.statement().has(context.sql(), &["select"]) => ("INSERT", write),
            _ => return Vec::new(),
        };
        let locks = context.before().flat_map(|(at, _)| &context.locks[at]);
        let strongest = locks.clone().find(|(_, lock)| *lock == Lock::AccessExclusive);
        // A table that nobody uses is filled as one likes, and only those that wait for another one are told.
        let Some((table, lock)) = strongest.or_else(|| locks.max_by_key(|(_, lock)| *lock)) else { return Vec::new() };
        let message = format!("{verb} of {} runs while {table} is locked by a statement before it", write.table);
        vec![Found::new(message).lock(*lock)]
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn every_row() {
        assert_eq!(
            told("P19", "UPDATE a SET b = 1; DELETE FROM a; WITH q AS (SELECT 1 WHERE true) UPDATE a SET b = 1"),
            [1, 2, 3]
        );
        assert_eq!(told("P19", "UPDATE a SET b = (SELECT 1 WHERE true)"), [1]);
        assert_eq!(told("P19", "UPDATE a SET b = 1 WHERE b IS NULL; INSERT INTO a SELECT 1"), NONE);
        assert_eq!(told("P19", "CREATE TABLE a (b int); UPDATE a SET b = 1"), NONE);
        assert!(message("P19", "-- whimbrel: backfill\nUPDATE a SET b = 1").contains("never happens"));
    }

    #[test]
    fn under_lock() {
        assert_eq!(told("P20", "ALTER TABLE a ADD b int; UPDATE a SET b = 1 WHERE b IS NULL"), [2]);
        assert_eq!(told("P20", "CREATE INDEX i ON a (b); INSERT INTO c SELECT 1; DELETE FROM d WHERE e"), [2, 3]);
        assert_eq!(told("P20", "UPDATE a SET b = 1 WHERE c; ALTER TABLE a ADD d int"), NONE);
        assert_eq!(told("P20", "ALTER TABLE a ADD b int; INSERT INTO a VALUES (1)"), NONE);
        assert_eq!(told("P20", "CREATE TABLE a (b int); ALTER TABLE a ADD c int; INSERT INTO a SELECT 1 FROM d"), NONE);
        assert_eq!(
            told("P20", "ALTER TABLE a ADD b int;\n-- whimbrel: backfill\nUPDATE a SET b = 1 WHERE b IS NULL"),
            NONE
        );
    }
}
