//! P46: partitions that come and go.

use super::{Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Change, Kind};

pub(super) const PARTITIONS: Rule = Rule {
    code: "P46",
    level: Level::Warning,
    why: "the partitioned table, or all rows of the partition, are locked meanwhile",
    help: "make a table by itself, give it a CHECK with the partition's bounds, NOT VALID and validated afterwards, and \
           ATTACH it, which then looks at no row; DETACH PARTITION … CONCURRENTLY, with `-- whimbrel: alone` before it",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            match &action.change {
                Change::AttachPartition { partition } => {
                    let known = context.known.table(partition);
                    let has_check = known.is_some_and(|known| known.checks.iter().any(|check| check.valid));
                    if !has_check && !context.is_new(partition) {
                        let message =
                            format!("every row of {partition} is checked as it becomes a partition of {table}");
                        found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
                    }
                }
                Change::DetachPartition { partition, concurrently: false, finalize: false } => {
                    let message = format!("{table} is locked as {partition} leaves it");
                    found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
                }
                _ => {}
            }
        }
        if let Kind::CreateTable(create) = context.kind()
            && let Some(parent) = create.partition_of.as_ref().filter(|parent| !context.is_new(parent))
        {
            let message = format!("{parent} is locked as {} is made in it", create.name);
            found.push(Found::new(message).lock(Lock::AccessExclusive));
        }
        found
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, told};

    #[test]
    fn partitions() {
        assert_eq!(told("P46", "ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1)"), [1]);
        assert_eq!(told("P46", "ALTER TABLE a DETACH PARTITION b"), [1]);
        assert_eq!(told("P46", "CREATE TABLE b PARTITION OF a FOR VALUES IN (1)"), [1]);
        assert_eq!(told("P46", "ALTER TABLE a DETACH PARTITION b CONCURRENTLY"), NONE);
        assert_eq!(told("P46", "CREATE TABLE b (LIKE a); ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1)"), NONE);
        let check = "ALTER TABLE b ADD CONSTRAINT c CHECK (d = 1)";
        assert_eq!(told("P46", &format!("{check}; ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1)")), NONE);
        assert_eq!(told("P46", &format!("{check} NOT VALID; ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1)")), [2]);
        let both = "CREATE TABLE a (b int) PARTITION BY LIST (b); CREATE TABLE c PARTITION OF a FOR VALUES IN (1)";
        assert_eq!(told("P46", both), NONE);
    }
}
