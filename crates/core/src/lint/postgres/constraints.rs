//! Constraints that are added to tables in use: P10 to P13. Foreign keys are in `foreign_keys`.

use super::{Found, Lock, Rule, locks};
use crate::lint::Level;
use crate::postgres::statement::{Change, ConstraintKind, Kind};

pub(super) const CHECKED: Rule = Rule {
    code: "P10",
    level: Level::Warning,
    why: "all rows are checked, while nobody can read or write the table",
    help: "add the constraint by itself and NOT VALID, and VALIDATE CONSTRAINT in another transaction, which keeps nobody \
           from reading or writing",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let message = match &action.change {
                Change::AddConstraint(constraint) => match constraint.kind {
                    ConstraintKind::Check(_) if !constraint.not_valid => {
                        format!("every row of {table} is checked as the constraint is added")
                    }
                    _ => continue,
                },
                Change::AddColumn { column, .. } if column.check => {
                    format!("every row of {table} is checked as column {} is added", column.name)
                }
                _ => continue,
            };
            found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
        }
        found
    },
};

pub(super) const VALIDATED: Rule = Rule {
    code: "P11",
    level: Level::Warning,
    why: "the lock under which the constraint was added is held until the transaction ends, so that all rows are checked \
          under it after all",
    help: "VALIDATE CONSTRAINT in a transaction of its own: `-- whimbrel: phase validate` before it",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let Change::ValidateConstraint(name) = &action.change else { continue };
            let adds = |kind: &Kind| match kind {
                Kind::AlterTable(alter) if alter.name.may_be(table) => {
                    alter.actions.iter().find_map(|action| match &action.change {
                        Change::AddConstraint(added) if added.name.as_ref() == Some(name) => {
                            locks::of_change(&action.change)
                        }
                        _ => None,
                    })
                }
                _ => None,
            };
            let before = context.before().find_map(|(_, statement)| adds(&statement.kind));
            if let Some(lock) = adds(context.kind()).or(before) {
                let message = format!("constraint {name} of {table} is added and validated in one transaction");
                found.push(Found::new(message).at(&action.range).lock(lock));
            }
        }
        found
    },
};

pub(super) const UNIQUE: Rule = Rule {
    code: "P12",
    level: Level::Warning,
    why: "an index is built over all rows, while nobody can read or write the table; and it is refused where two rows are \
          alike",
    help: "CREATE UNIQUE INDEX CONCURRENTLY first, and then ADD CONSTRAINT … UNIQUE USING INDEX; an exclusion constraint has \
           no such way: add it when nobody works, or to a new table",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let what = match &action.change {
                Change::AddConstraint(constraint) => match &constraint.kind {
                    ConstraintKind::Unique { using_index: None, .. } => "a unique constraint",
                    ConstraintKind::Exclude => "an exclusion constraint",
                    _ => continue,
                },
                Change::AddColumn { column, .. } if column.unique => "a unique column",
                _ => continue,
            };
            let message = format!("{what} is added to {table}, and its index built while the table is locked");
            found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
        }
        found
    },
};

pub(super) const PRIMARY_KEY: Rule = Rule {
    code: "P13",
    level: Level::Warning,
    why: "an index is built over all rows, and all are looked at for NULL, while nobody can read or write the table",
    help: "make the columns NOT NULL by a validated check, CREATE UNIQUE INDEX CONCURRENTLY, and then ADD PRIMARY KEY USING \
           INDEX",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let message = match &action.change {
                Change::AddConstraint(constraint) => match &constraint.kind {
                    ConstraintKind::PrimaryKey { using_index: None, .. } => {
                        format!("{table} gets a primary key, and its index is built while the table is locked")
                    }
                    _ => continue,
                },
                Change::AddColumn { column, .. } if column.primary_key => {
                    format!("{table} gets a column as primary key, and its index is built while the table is locked")
                }
                _ => continue,
            };
            found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
        }
        found
    },
};

#[cfg(test)]
mod tests {
    use super::Lock;
    use crate::lint::postgres::tests::{NONE, lock, told};

    #[test]
    fn checked() {
        assert_eq!(told("P10", "ALTER TABLE a ADD CHECK (b > 1), ADD CONSTRAINT c CHECK (d) NO INHERIT"), [1, 1]);
        assert_eq!(told("P10", "ALTER TABLE a ADD b int DEFAULT 2 CHECK (b > 1)"), [1]);
        assert_eq!(told("P10", "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 1) NOT VALID"), NONE);
        assert_eq!(told("P10", "CREATE TABLE a (b int); ALTER TABLE a ADD CHECK (b > 1)"), NONE);
    }

    #[test]
    fn validated() {
        let add = "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 1) NOT VALID;\n";
        assert_eq!(told("P11", &format!("{add}ALTER TABLE a VALIDATE CONSTRAINT c")), [2]);
        assert_eq!(told("P11", &format!("{add}-- whimbrel: phase v\nALTER TABLE a VALIDATE CONSTRAINT c")), NONE);
        assert_eq!(told("P11", &format!("{add}ALTER TABLE a VALIDATE CONSTRAINT d")), NONE);
        // The lock is that of what was added.
        assert_eq!(lock("P11", &format!("{add}ALTER TABLE a VALIDATE CONSTRAINT c")), Some(Lock::AccessExclusive));
        let key = "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES d NOT VALID, VALIDATE CONSTRAINT c";
        assert_eq!(lock("P11", key), Some(Lock::ShareRowExclusive));
        assert_eq!(
            told("P11", &format!("-- whimbrel: no-transaction\n{add}ALTER TABLE a VALIDATE CONSTRAINT c")),
            NONE
        );
    }

    #[test]
    fn unique() {
        assert_eq!(
            told("P12", "ALTER TABLE a ADD UNIQUE (b), ADD CONSTRAINT c EXCLUDE USING gist (d WITH &&)"),
            [1, 1]
        );
        assert_eq!(told("P12", "ALTER TABLE a ADD b text UNIQUE"), [1]);
        assert_eq!(told("P12", "ALTER TABLE a ADD CONSTRAINT c UNIQUE USING INDEX i"), NONE);
        assert_eq!(told("P12", "CREATE TABLE a (b int); ALTER TABLE a ADD UNIQUE (b)"), NONE);
    }

    #[test]
    fn primary_key() {
        assert_eq!(told("P13", "ALTER TABLE a ADD PRIMARY KEY (b)"), [1]);
        assert_eq!(told("P13", "ALTER TABLE a ADD id bigserial PRIMARY KEY"), [1]);
        assert_eq!(told("P13", "ALTER TABLE a ADD CONSTRAINT p PRIMARY KEY USING INDEX i, ADD b int"), NONE);
    }
}
