//! What is taken away: P15 to P18.

use super::{Context, Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Change, Drop, Kind, Name, Object, TypeChange};

pub(super) const COLUMN: Rule = Rule {
    code: "P15",
    level: Level::Warning,
    why: "what is in it is gone, and apps that are running still name the column, even where they only select everything",
    help: "let apps that do not know the column go out first, and drop it in a release after that",
    find: |context| {
        let columns = context.live_actions().filter_map(|(table, action)| match &action.change {
            Change::DropColumn { name, .. } if is_worked_out_anew(context, table, name) => None,
            Change::DropColumn { name, .. } => Some(
                Found::new(format!("column {table}.{name} is dropped")).at(&action.range).lock(Lock::AccessExclusive),
            ),
            _ => None,
        });
        columns.collect()
    },
};

/// Whether it is a generated column that is added again in the same transaction, as it is to change what it rests on.
fn is_worked_out_anew(context: &Context<'_>, table: &Name, column: &str) -> bool {
    let adds = |kind: &Kind| match kind {
        Kind::AlterTable(alter) if alter.name.may_be(table) => alter.actions.iter().any(
            |action| matches!(&action.change, Change::AddColumn { column: c, .. } if c.name == column && c.stored),
        ),
        _ => false,
    };
    context.known.table(table).is_some_and(|table| table.generated.contains(column))
        && context.behind().any(|statement| adds(&statement.kind))
}

pub(super) const OBJECT: Rule = Rule {
    code: "P16",
    level: Level::Warning,
    why: "what is in it is gone, and apps that are running still look for it",
    help: "let apps that do not use it go out first; keep a table's rows under another name, or in a dump, for a while",
    find: |context| match context.kind() {
        Kind::Drop(drop)
            if !matches!(
                drop.object,
                Object::Index | Object::Trigger | Object::Policy | Object::Rule | Object::Statistics
            ) =>
        {
            let is_gone = |name: &&Name| !is_new(context, drop, name) && !is_made_anew(context, drop, name);
            let found = |name: &Name| {
                let found = Found::new(format!("{} {name} is dropped", drop.object.word()));
                match drop.object {
                    Object::Table | Object::MaterializedView => found.lock(Lock::AccessExclusive),
                    _ => found,
                }
            };
            drop.names.iter().filter(is_gone).map(found).collect()
        }
        _ => Vec::new(),
    },
};

/// Whether no app can look for it under this name.
fn is_new(context: &Context<'_>, drop: &Drop, name: &Name) -> bool {
    match drop.object {
        // That it has another name was told where it got it.
        Object::Type | Object::Domain => context.known.is_new_type(name) || context.known.is_renamed_type(name),
        Object::Function => context.known.is_trigger_function(name),
        _ => context.is_new(name),
    }
}

/// Whether a view, a function or a type with the name is made afterwards, in the same transaction: nobody sees it missing.
fn is_made_anew(context: &Context<'_>, drop: &Drop, name: &Name) -> bool {
    context.behind().any(|statement| match (&statement.kind, drop.object) {
        (Kind::CreateView { name: made, .. }, Object::View | Object::MaterializedView) => made.may_be(name),
        (Kind::CreateFunction(function), Object::Function | Object::Procedure | Object::Routine) => {
            function.name.may_be(name)
        }
        (Kind::CreateType { name: made, .. }, Object::Type) => made.may_be(name),
        (Kind::AlterType { change: TypeChange::Rename(to), .. }, Object::Type) => *to == name.name,
        _ => false,
    })
}

pub(super) const CASCADE: Rule = Rule {
    code: "P17",
    level: Level::Warning,
    why: "what goes with it is decided by the database on which it runs, and may be more there than anybody has thought of",
    help: "drop what depends on it by name, first; without CASCADE the statement is refused where something was forgotten",
    find: |context| {
        let from = |cascade: bool, what: String| cascade.then(|| format!("CASCADE drops whatever depends on {what}"));
        let mut found: Vec<Found> = Vec::new();
        for (table, action) in context.actions() {
            let message = match &action.change {
                Change::DropColumn { name, cascade, .. } => from(*cascade, format!("{table}.{name}")),
                Change::DropConstraint { name, cascade, .. } => from(*cascade, format!("constraint {name}")),
                _ => None,
            };
            found.extend(message.map(|message| Found::new(message).at(&action.range)));
        }
        if let Kind::Drop(drop) = context.kind() {
            let names: Vec<_> = drop.names.iter().map(Name::to_string).collect();
            found.extend(from(drop.cascade, names.join(", ")).map(Found::new));
        }
        found
    },
};

pub(super) const TRUNCATE: Rule = Rule {
    code: "P18",
    level: Level::Warning,
    why: "all rows are gone, without a trigger for each of them, and with CASCADE those of every table that refers to it",
    help: "say with DELETE … WHERE which rows are meant, in portions; name the tables one by one instead of CASCADE",
    find: |context| match context.kind() {
        Kind::Truncate { tables, cascade } => {
            let live = tables.iter().filter(|table| !context.is_new(table));
            let message = |table: &Name| match cascade {
                true => format!("all rows of {table} go, and all of every table that refers to it"),
                false => format!("all rows of {table} go"),
            };
            live.map(|table| Found::new(message(table)).lock(Lock::AccessExclusive)).collect()
        }
        _ => Vec::new(),
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn column() {
        assert_eq!(told("P15", "ALTER TABLE a DROP COLUMN b, DROP IF EXISTS c"), [1, 1]);
        assert_eq!(told("P15", "ALTER TABLE a DROP CONSTRAINT b, ALTER c DROP NOT NULL"), NONE);
        assert_eq!(told("P15", "CREATE TABLE a (b int); ALTER TABLE a DROP b"), NONE);
        let generated = "ALTER TABLE a ADD b int GENERATED ALWAYS AS (c + 1) STORED";
        assert_eq!(told("P15", &format!("{generated}; ALTER TABLE a DROP b; {generated}")), NONE);
        assert_eq!(told("P15", &format!("ALTER TABLE a ADD b int; ALTER TABLE a DROP b; {generated}")), [2]);
        assert_eq!(told("P15", &format!("{generated}; ALTER TABLE a DROP b")), [2]);
    }

    #[test]
    fn object() {
        assert_eq!(
            told("P16", "DROP TABLE a, b; DROP SCHEMA s; DROP TYPE t; DROP VIEW v; DROP FUNCTION f(int)"),
            [1, 1, 2, 3, 4, 5]
        );
        assert_eq!(told("P16", "DROP INDEX i; DROP TRIGGER t ON a; DROP POLICY p ON a"), NONE);
        assert_eq!(
            told(
                "P16",
                "DROP VIEW v; CREATE VIEW v AS SELECT 1; DROP FUNCTION f(); CREATE FUNCTION f(int) RETURNS int RETURN 1"
            ),
            NONE
        );
        assert_eq!(told("P16", "DROP TABLE a; CREATE TABLE a (b int)"), [1]);
        assert_eq!(told("P16", "-- whimbrel: no-transaction\nDROP VIEW v; CREATE VIEW v AS SELECT 1"), [1]);
        assert_eq!(told("P16", "CREATE TYPE n AS ENUM (); DROP TYPE t; ALTER TYPE n RENAME TO t"), NONE);
        // Nobody but a trigger calls it.
        assert_eq!(told("P16", "CREATE FUNCTION f() RETURNS trigger LANGUAGE sql AS ''; DROP FUNCTION f()"), NONE);
        assert_eq!(told("P16", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''; DROP FUNCTION f()"), [2]);
        assert_eq!(told("P16", "ALTER TYPE t RENAME TO u; CREATE TYPE t AS ENUM (); DROP TYPE u"), NONE);
        assert_eq!(told("P16", "CREATE TYPE t AS ENUM (); DROP TYPE t; CREATE TABLE a (b int); DROP TABLE a"), NONE);
    }

    #[test]
    fn cascade() {
        assert_eq!(
            told("P17", "DROP TABLE a CASCADE; ALTER TABLE b DROP c CASCADE; ALTER TABLE b DROP CONSTRAINT c CASCADE"),
            [1, 2, 3]
        );
        assert_eq!(message("P17", "DROP VIEW a, b CASCADE"), "CASCADE drops whatever depends on a, b");
        assert_eq!(told("P17", "DROP TABLE a; DROP VIEW b RESTRICT; TRUNCATE a CASCADE"), NONE);
    }

    #[test]
    fn truncate() {
        assert_eq!(told("P18", "TRUNCATE a, ONLY b; TRUNCATE TABLE c RESTART IDENTITY CASCADE"), [1, 1, 2]);
        assert!(message("P18", "TRUNCATE c CASCADE").contains("every table that refers to it"));
        assert_eq!(told("P18", "CREATE TABLE a (b int); TRUNCATE a"), NONE);
    }
}
