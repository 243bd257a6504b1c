//! Indexes: P01, P02, P03, P39, P51 and P53.

use super::{Context, Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Change, Kind, Object};

pub(super) const CREATED: Rule = Rule {
    code: "P01",
    level: Level::Warning,
    why: "the table cannot be written while the index is built, which takes as long as reading and sorting all of it",
    help: "CREATE INDEX CONCURRENTLY, with `-- whimbrel: alone` before it; for a partitioned table \
           make it ON ONLY the table, CONCURRENTLY on each partition, and attach those",
    find: |context| match context.kind() {
        // ON ONLY a partitioned table builds nothing.
        Kind::CreateIndex(index) if !index.concurrently && !index.only && !context.is_new(&index.table) => {
            let what = if index.unique { "unique index" } else { "index" };
            let message = format!("this {what} on {} is built while nobody can write the table", index.table);
            vec![Found::new(message).lock(Lock::Share)]
        }
        _ => Vec::new(),
    },
};

pub(super) const DROPPED: Rule = Rule {
    code: "P02",
    level: Level::Warning,
    why: "dropping an index waits until nobody uses the table, and whoever comes after waits behind it",
    help: "DROP INDEX CONCURRENTLY, with `-- whimbrel: alone` before it",
    find: |context| match context.kind() {
        Kind::Drop(drop) if drop.object == Object::Index && !drop.concurrently => {
            let table = |name| context.known.table_of_index(name);
            let live = drop.names.iter().filter(|name| table(name).is_none_or(|table| !context.is_new(&table)));
            let found = |name| Found::new(format!("index {name} is dropped while its table is locked"));
            live.map(|name| found(name).lock(Lock::AccessExclusive)).collect()
        }
        _ => Vec::new(),
    },
};

pub(super) const REBUILT: Rule = Rule {
    code: "P03",
    level: Level::Warning,
    why: "while an index is built anew the table cannot be written, and what would use the index cannot even read",
    help: "REINDEX … CONCURRENTLY, with `-- whimbrel: alone` before it",
    find: |context| match context.kind() {
        Kind::Reindex { scope, name, concurrently: false } => {
            let is_new = scope == "table" && name.as_ref().is_some_and(|name| context.is_new(name));
            let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            let message = format!("REINDEX {}{name} locks what it builds anew", scope.to_ascii_uppercase());
            if is_new { Vec::new() } else { vec![Found::new(message).lock(Lock::AccessExclusive)] }
        }
        _ => Vec::new(),
    },
};

pub(super) const SKIPPED: Rule = Rule {
    code: "P39",
    level: Level::Warning,
    why: "a CREATE INDEX CONCURRENTLY that failed leaves an invalid index behind, and IF NOT EXISTS then passes over it: \
          nothing is built, and no query uses what is there",
    help: "before it, DROP INDEX CONCURRENTLY IF EXISTS with the same name",
    find: |context| match context.kind() {
        _ if context.settings.by_whimbrel => Vec::new(),
        Kind::CreateIndex(index) if index.concurrently && index.if_not_exists && !is_dropped_first(context) => {
            let name = index.name.as_deref().unwrap_or_default();
            vec![Found::new(format!("IF NOT EXISTS passes over an index {name} that is there and invalid"))]
        }
        _ => Vec::new(),
    },
};

/// Whether the index that is made here is dropped before, where it exists.
pub(super) fn is_dropped_first(context: &Context<'_>) -> bool {
    let Kind::CreateIndex(index) = context.kind() else { return false };
    context.statements[..context.at].iter().any(|statement| match &statement.kind {
        Kind::Drop(drop) => {
            drop.object == Object::Index && drop.names.iter().any(|name| Some(&name.name) == index.name.as_ref())
        }
        _ => false,
    })
}

pub(super) const WIDE: Rule = Rule {
    code: "P51",
    level: Level::Advice,
    why: "an index with many columns is large, slows every write down, and its last columns rarely narrow anything",
    help: "begin with the columns that narrow the result most, and leave the others out or INCLUDE them",
    find: |context| match context.kind() {
        Kind::CreateIndex(index) if !index.unique && index.keys.len() > 3 => {
            vec![Found::new(format!("this index on {} has {} columns", index.table, index.keys.len()))]
        }
        _ => Vec::new(),
    },
};

pub(super) const ALIKE: Rule = Rule {
    code: "P53",
    level: Level::Advice,
    why: "whether rows are alike differs from server to server, and the developer's has few; an index that is built \
          CONCURRENTLY and refused stays behind as an invalid one",
    help: "look for them first, with GROUP BY and HAVING count(*) > 1, and merge or remove them in a statement before",
    find: |context| {
        let Kind::CreateIndex(index) = context.kind() else { return Vec::new() };
        let table = &index.table;
        if !index.unique || context.is_new(table) || is_cleared(context) {
            return Vec::new();
        }
        if context.known.table(table).is_some_and(|known| known.is_unique_in(&index.keys)) {
            return Vec::new();
        }
        vec![Found::new(format!("this unique index is refused where two rows of {table} are alike"))]
    },
};

/// Whether a statement before has seen to the rows, or has added one of the columns, which has no values yet.
fn is_cleared(context: &Context<'_>) -> bool {
    let Kind::CreateIndex(index) = context.kind() else { return false };
    context.statements[..context.at].iter().any(|statement| match &statement.kind {
        Kind::Update(write) | Kind::Delete(write) => write.table.may_be(&index.table),
        Kind::Truncate { tables, .. } => tables.iter().any(|table| table.may_be(&index.table)),
        Kind::AlterTable(alter) if alter.name.may_be(&index.table) => alter.actions.iter().any(|action| {
            matches!(&action.change, Change::AddColumn { column, .. }
                if column.default.is_none() && index.keys.contains(&Some(column.name.clone())))
        }),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn created() {
        assert_eq!(told("P01", "CREATE INDEX i ON a (b)"), [1]);
        assert_eq!(told("P01", "CREATE TABLE c (d int); CREATE UNIQUE INDEX ON a (b)"), [2]);
        assert_eq!(told("P01", "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b)"), NONE);
        assert_eq!(told("P01", "CREATE TABLE s.a (b int); CREATE INDEX i ON s.a (b); CREATE INDEX j ON t.a (b)"), [3]);
        assert_eq!(told("P01", "CREATE MATERIALIZED VIEW v AS SELECT 1 AS b; CREATE INDEX i ON v (b)"), NONE);
        assert_eq!(told("P01", "CREATE INDEX i ON ONLY a (b)"), NONE);
        assert_eq!(
            message("P01", "CREATE UNIQUE INDEX i ON \"A\" (b)"),
            "this unique index on \"A\" is built while nobody can write the table"
        );
    }

    #[test]
    fn dropped() {
        assert_eq!(told("P02", "DROP INDEX i, j"), [1, 1]);
        assert_eq!(told("P02", "-- whimbrel: no-transaction\nDROP INDEX CONCURRENTLY i"), NONE);
        assert_eq!(told("P02", "CREATE TABLE a (b int); CREATE INDEX i ON a (b); DROP INDEX i"), NONE);
    }

    #[test]
    fn rebuilt() {
        assert_eq!(told("P03", "REINDEX INDEX i; REINDEX TABLE a; REINDEX (VERBOSE) SCHEMA s"), [1, 2, 3]);
        assert_eq!(told("P03", "REINDEX INDEX CONCURRENTLY i; REINDEX (CONCURRENTLY) TABLE a"), NONE);
    }

    #[test]
    fn skipped() {
        let create = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)";
        assert_eq!(told("P39", create), [1]);
        assert_eq!(told("P39", &format!("DROP INDEX CONCURRENTLY IF EXISTS i; {create}")), NONE);
        assert_eq!(told("P39", &format!("DROP INDEX CONCURRENTLY IF EXISTS j; {create}")), [2]);
        assert_eq!(told("P39", "CREATE INDEX CONCURRENTLY i ON a (b); CREATE INDEX IF NOT EXISTS j ON a (b)"), NONE);
    }

    #[test]
    fn wide() {
        assert_eq!(told("P51", "CREATE INDEX i ON a (b, c, d, lower(e))"), [1]);
        assert_eq!(told("P51", "CREATE INDEX i ON a (b, c, d); CREATE UNIQUE INDEX j ON a (b, c, d, e)"), NONE);
    }

    #[test]
    fn alike() {
        assert_eq!(told("P53", "CREATE UNIQUE INDEX CONCURRENTLY i ON a (b)"), [1]);
        assert_eq!(told("P53", "CREATE INDEX i ON a (b)"), NONE);
        assert_eq!(told("P53", "CREATE TABLE a (b int); CREATE UNIQUE INDEX i ON a (b)"), NONE);
        assert_eq!(told("P53", "DELETE FROM a WHERE c; CREATE UNIQUE INDEX i ON a (b)"), NONE);
        assert_eq!(told("P53", "DELETE FROM c WHERE c; CREATE UNIQUE INDEX i ON a (b)"), [2]);
        assert_eq!(told("P53", "ALTER TABLE a ADD b int; CREATE UNIQUE INDEX i ON a (b)"), NONE);
        assert_eq!(told("P53", "ALTER TABLE a ADD b int DEFAULT 1; CREATE UNIQUE INDEX i ON a (b)"), [2]);
        // What is unique in fewer columns is so in more.
        assert_eq!(told("P53", "ALTER TABLE a ADD UNIQUE (b); CREATE UNIQUE INDEX i ON a (c, b)"), NONE);
        assert_eq!(told("P53", "ALTER TABLE a ADD UNIQUE (b, d); CREATE UNIQUE INDEX i ON a (c, b)"), [2]);
    }
}
