//! How statements are put together: P04, P21, P22, P29 and P38.

use super::{Context, Found, Rule, indexes};
use crate::lint::Level;
use crate::postgres::statement::{Change, Kind, Name, Object, Transaction};

pub(super) const OUTSIDE: Rule = Rule {
    code: "P04",
    level: Level::Error,
    why: "PostgreSQL refuses the statement in a transaction",
    help: "put `-- whimbrel: alone` before it, or where another tool runs the migration, what that tool has for it",
    find: |context| match context.statement().transaction() {
        Transaction::Outside if context.transaction().is_some() => {
            let words = context.statement().tokens.iter().take(2).map(|token| token.text(context.sql()));
            let mut words = words.collect::<Vec<_>>().join(" ").to_ascii_uppercase();
            if context.statement().has(context.sql(), &["concurrently"]) {
                words.push_str(" … CONCURRENTLY");
            }
            vec![Found::new(format!("this {words} cannot run in a transaction"))]
        }
        _ => Vec::new(),
    },
};

pub(super) const SEVERAL_LOCKS: Rule = Rule {
    code: "P21",
    level: Level::Warning,
    why: "each lock is held while the next one is waited for, so that one long query on the last table stops them all; and \
          two transactions that take them in another order stop each other for good",
    help: "one table in each transaction: `-- whimbrel: phase <name>` before the statements of the next one",
    find: |context| {
        // All its waits share a limit.
        if context.settings.by_whimbrel {
            return Vec::new();
        }
        let Some((table, lock)) = context.locks[context.at].first() else { return Vec::new() };
        // Told once, where the second table is locked.
        let mut first: Option<&Name> = None;
        for (other, _) in context.before().filter_map(|(at, _)| context.locks[at].first()) {
            if other.may_be(table) || first.is_some_and(|first| !first.may_be(other)) {
                return Vec::new();
            }
            first = Some(other);
        }
        let Some(first) = first else { return Vec::new() };
        vec![Found::new(format!("{table} is locked while {first} is locked as well")).lock(*lock)]
    },
};

pub(super) const TIMEOUTS: Rule = Rule {
    code: "P22",
    level: Level::Warning,
    why: "the statement waits until all queries that use the table are done, and everybody who comes after waits behind it, \
          however short the statement itself is",
    help: "SET lock_timeout = '2s' before it, and try again; SET statement_timeout for statements that may take long",
    find: |context| {
        if context.settings.by_whimbrel {
            return Vec::new();
        }
        let locks = |at: usize| context.locks[at].iter().max_by_key(|(_, lock)| *lock);
        let Some((table, lock)) = locks(context.at) else { return Vec::new() };
        let before = &context.statements[..context.at];
        let sets = |setting: &str| {
            before
                .iter()
                .any(|s| matches!(&s.kind, Kind::Set { name, value, .. } if name == setting && !is_zero(value)))
        };
        // Told once in a script.
        if sets("lock_timeout") || (0..context.at).any(|at| locks(at).is_some()) {
            return Vec::new();
        }
        vec![Found::new(format!("the lock on {table} is waited for without a limit")).lock(*lock)]
    },
};

fn is_zero(value: &str) -> bool {
    !value.is_empty() && value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ').chars().all(|c| c == '0')
}

pub(super) const NESTED: Rule = Rule {
    code: "P29",
    level: Level::Error,
    why: "PostgreSQL has no transaction within a transaction: BEGIN only warns, and COMMIT ends the one that the migration \
          runs in, so that a failure afterwards leaves half of it behind",
    help: "leave BEGIN and COMMIT out; where the transaction is to end, `-- whimbrel: phase <name>` begins another one",
    find: |context| {
        let word = match context.kind() {
            Kind::Begin => "BEGIN",
            Kind::Commit => "COMMIT",
            Kind::Rollback => "ROLLBACK",
            _ => return Vec::new(),
        };
        if context.transaction().is_some() {
            return vec![Found::new(format!("{word} stands in a transaction"))];
        }
        let ends = |kind: &Kind| matches!(kind, Kind::Commit | Kind::Rollback);
        let is_open = *context.kind() == Kind::Begin && !context.statements[context.at..].iter().any(|s| ends(&s.kind));
        if is_open { vec![Found::new("this BEGIN has no COMMIT".to_owned())] } else { Vec::new() }
    },
};

pub(super) const REPEATED: Rule = Rule {
    code: "P38",
    level: Level::Advice,
    why: "outside of a transaction a migration that is interrupted stays half done, and is refused at this statement when \
          it runs again",
    help: "IF NOT EXISTS or IF EXISTS; an index that is built CONCURRENTLY is dropped before, IF EXISTS; or put each \
           statement in a migration of its own",
    find: |context| {
        let alone = context.pieces.iter().filter(|piece| piece.transaction.is_none()).count();
        let is_recorded = context.settings.by_whimbrel && context.pieces[context.at].alone;
        if context.transaction().is_some() || alone < 2 || is_recorded {
            return Vec::new();
        }
        let fails = match context.kind() {
            Kind::CreateTable(create) => !create.if_not_exists,
            Kind::CreateIndex(_) if context.settings.by_whimbrel => false,
            Kind::Drop(drop) if context.settings.by_whimbrel && drop.object == Object::Index => false,
            Kind::CreateIndex(index) => !index.if_not_exists && !indexes::is_dropped_first(context),
            Kind::Create { if_not_exists, .. } => !if_not_exists,
            Kind::CreateView { if_not_exists, or_replace, .. } => !if_not_exists && !or_replace,
            Kind::CreateType { .. } | Kind::CreateDomain { .. } => true,
            Kind::CreateTrigger { or_replace, .. } => !or_replace,
            Kind::CreateFunction(function) => !function.or_replace,
            Kind::Drop(drop) => !drop.if_exists,
            Kind::AlterTable(alter) => {
                alter.actions.iter().any(|action| fails_again(context, &alter.name, &action.change))
            }
            _ => false,
        };
        match fails {
            true => {
                vec![Found::new("this statement is refused when the migration runs again after a failure".to_owned())]
            }
            false => Vec::new(),
        }
    },
};

fn fails_again(context: &Context<'_>, table: &Name, change: &Change) -> bool {
    match change {
        Change::AddColumn { if_not_exists, .. } => !if_not_exists,
        Change::DropColumn { if_exists, .. } | Change::DropConstraint { if_exists, .. } => !if_exists,
        Change::RenameTable(_) | Change::RenameColumn { .. } | Change::RenameConstraint => true,
        // There is no IF NOT EXISTS for it.
        Change::AddConstraint(constraint) => {
            let drops = |kind: &Kind| match kind {
                Kind::AlterTable(alter) => {
                    alter.name.may_be(table)
                        && alter.actions.iter().any(|action| {
                            matches!(&action.change, Change::DropConstraint { name, if_exists: true, .. }
                        if Some(name) == constraint.name.as_ref())
                        })
                }
                _ => false,
            };
            !context.statements[..=context.at].iter().any(|statement| drops(&statement.kind))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn outside() {
        assert_eq!(told("P04", "CREATE INDEX CONCURRENTLY i ON a (b); VACUUM a; SELECT 1"), [1, 2]);
        assert_eq!(message("P04", "vacuum full a"), "this VACUUM FULL cannot run in a transaction");
        assert_eq!(
            message("P04", "drop index concurrently i"),
            "this DROP INDEX … CONCURRENTLY cannot run in a transaction"
        );
        assert_eq!(told("P04", "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b); VACUUM a"), NONE);
        assert_eq!(told("P04", "-- whimbrel: no-transaction\nBEGIN; DROP INDEX CONCURRENTLY i; COMMIT; SELECT 1"), [2]);
    }

    #[test]
    fn several_locks() {
        assert_eq!(
            told("P21", "ALTER TABLE a ADD b int; ALTER TABLE a ADD d int; ALTER TABLE c ADD d int; DROP TABLE e"),
            [3]
        );
        assert_eq!(told("P21", "ALTER TABLE a ADD b int; CREATE TABLE c (d int); CREATE INDEX i ON c (d)"), NONE);
        assert_eq!(told("P21", "ALTER TABLE a ADD b int;\n-- whimbrel: phase two\nALTER TABLE c ADD d int"), NONE);
        assert_eq!(told("P21", "-- whimbrel: no-transaction\nALTER TABLE a ADD b int; ALTER TABLE c ADD d int"), NONE);
    }

    #[test]
    fn timeouts() {
        assert_eq!(told("P22", "SELECT 1; ALTER TABLE a ADD b int; ALTER TABLE c ADD d int"), [2]);
        assert_eq!(told("P22", "SET lock_timeout = '2s'; ALTER TABLE a ADD b int"), NONE);
        assert_eq!(told("P22", "SET LOCAL lock_timeout TO 0; ALTER TABLE a ADD b int"), [2]);
        assert_eq!(told("P22", "CREATE TABLE a (b int); ALTER TABLE a ADD c int; UPDATE d SET e = 1 WHERE f"), NONE);
        assert_eq!(told("P22", "CREATE TABLE a (b int REFERENCES c)"), [1]);
    }

    #[test]
    fn nested() {
        assert_eq!(told("P29", "SELECT 1; COMMIT; BEGIN; SELECT 2"), [2, 3]);
        assert_eq!(told("P29", "BEGIN; SELECT 1; COMMIT"), NONE);
        assert_eq!(told("P29", "-- whimbrel: no-transaction\nSELECT 1; BEGIN; SELECT 2; COMMIT"), NONE);
        assert_eq!(told("P29", "-- whimbrel: no-transaction\nSELECT 1; BEGIN; BEGIN; COMMIT"), [3]);
        assert_eq!(told("P29", "-- whimbrel: no-transaction\nSELECT 1; BEGIN; SELECT 2"), [2]);
        assert_eq!(told("P29", "DO $$ BEGIN COMMIT; END $$; SAVEPOINT a"), NONE);
    }

    #[test]
    fn repeated() {
        let outside = |script: &str| told("P38", &format!("-- whimbrel: no-transaction\n{script}"));
        assert_eq!(outside("CREATE INDEX CONCURRENTLY i ON a (b); DROP TABLE c; ALTER TABLE d ADD e int"), [1, 2, 3]);
        assert_eq!(outside("CREATE INDEX CONCURRENTLY i ON a (b)"), NONE);
        assert_eq!(outside("DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON a (b)"), NONE);
        assert_eq!(outside("ALTER TABLE a ADD IF NOT EXISTS b int; DROP TABLE IF EXISTS c"), NONE);
        assert_eq!(
            outside("ALTER TABLE a DROP CONSTRAINT IF EXISTS c; ALTER TABLE a ADD CONSTRAINT c CHECK (d)"),
            NONE
        );
        assert_eq!(told("P38", "DROP TABLE a; CREATE TABLE b (c int)"), NONE);
    }
}
