//! What apps that are running meanwhile rely on: P14, P30 and P31.

use super::{Context, Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Change, ColumnChange, DomainChange, Kind, Name, Object, OtherChange, TypeChange};

pub(super) const RENAMED: Rule = Rule {
    code: "P14",
    level: Level::Warning,
    why: "apps that are running still use the old name, and fail from the moment at which this is committed",
    help: "leave the old name in its place until nobody uses it: a view with the old name for a table, a second column \
           that a trigger keeps alike for a column",
    find: |context| {
        let mut found: Vec<Found> = Vec::new();
        for (table, action) in context.live_actions() {
            let message = match &action.change {
                Change::RenameTable(_) | Change::SetSchema(_) if is_replaced(context, table) => continue,
                Change::RenameTable(to) => format!("table {table} is called {to} from now on"),
                Change::RenameColumn { from, to } => format!("column {table}.{from} is called {to} from now on"),
                Change::SetSchema(to) => format!("table {table} moves to schema {to}"),
                _ => continue,
            };
            found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
        }
        let message = match context.kind() {
            Kind::AlterType { name, change } if !context.known.is_new_type(name) => match change {
                TypeChange::Rename(_) if is_replaced(context, name) => None,
                TypeChange::Rename(to) => Some(format!("type {name} is called {to} from now on")),
                TypeChange::RenameValue { from, to } => Some(format!("value '{from}' of {name} is '{to}' from now on")),
                TypeChange::RenameAttribute(from) => Some(format!("attribute {from} of {name} gets another name")),
                TypeChange::SetSchema(to) => Some(format!("type {name} moves to schema {to}")),
                _ => None,
            },
            Kind::AlterDomain { name, change: DomainChange::Rename(to) } => {
                Some(format!("domain {name} is called {to} from now on"))
            }
            // Nobody writes the names of these into a query.
            Kind::AlterOther { object: Object::Index | Object::Trigger | Object::Extension, .. } => None,
            Kind::AlterOther { name, .. } if context.is_new(name) => None,
            Kind::AlterOther { object, name, change } => match change {
                OtherChange::Rename(to) => Some(format!("{} {name} is called {to} from now on", object.word())),
                OtherChange::RenameColumn(from) => {
                    Some(format!("column {from} of {} {name} gets another name", object.word()))
                }
                OtherChange::SetSchema(to) => Some(format!("{} {name} moves to schema {to}", object.word())),
                OtherChange::Other => None,
            },
            _ => None,
        };
        found.extend(message.map(Found::new));
        found
    },
};

/// Whether something else takes the name in the same transaction: a view, or a table or type that is made anew.
fn is_replaced(context: &Context<'_>, old: &Name) -> bool {
    context.behind().any(|statement| match &statement.kind {
        Kind::CreateView { name, .. } | Kind::CreateType { name, .. } => name.may_be(old),
        Kind::CreateTable(create) => create.name.may_be(old),
        Kind::AlterTable(alter) => {
            alter.actions.iter().any(|action| matches!(&action.change, Change::RenameTable(to) if *to == old.name))
        }
        Kind::AlterType { change: TypeChange::Rename(to), .. } => *to == old.name,
        _ => false,
    })
}

pub(super) const NULLABLE: Rule = Rule {
    code: "P30",
    level: Level::Warning,
    why: "apps that are running expect a value in the column, and read NULL as soon as another one writes it",
    help: "let apps that can read NULL go out first; or keep NOT NULL and give the column a default",
    find: |context| {
        let actions = context.live_actions().filter_map(|(table, action)| match &action.change {
            Change::AlterColumn { name, change: ColumnChange::DropNotNull } => {
                Some(Found::new(format!("{table}.{name} may be NULL from now on")).at(&action.range))
            }
            _ => None,
        });
        actions.collect()
    },
};

pub(super) const DEFAULT: Rule = Rule {
    code: "P31",
    level: Level::Advice,
    why: "a default counts for rows that are inserted from now on: those that are there keep what they have, and apps that \
          are running and leave the column out get something else than before",
    help: "where rows that are there are meant too, fill them in portions; drop a default after the last app that relies \
           on it is gone",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let Change::AlterColumn { name, change } = &action.change else { continue };
            match change {
                // Added without it and given it afterwards: that is how it is done.
                ColumnChange::SetDefault(_) if is_added_before(context, table, name) => {}
                // For another type it is dropped first, and set again.
                ColumnChange::SetDefault(_) if defaults(context, table, name).any(|c| !c.is_later && c.is_dropped) => {}
                ColumnChange::DropDefault if defaults(context, table, name).any(|c| c.is_later && !c.is_dropped) => {}
                ColumnChange::SetDefault(_) => {
                    let message = format!("{table}.{name} gets another default, which rows that are there do not have");
                    found.push(Found::new(message).at(&action.range));
                }
                ColumnChange::DropDefault if !is_added_before(context, table, name) => {
                    let message = format!("{table}.{name} has no default any more, for apps that leave it out");
                    found.push(Found::new(message).at(&action.range).level(Level::Warning));
                }
                _ => {}
            }
        }
        found
    },
};

/// Another default that a column gets in the same transaction.
struct Default {
    /// Whether it does so in this statement or behind it.
    is_later: bool,
    is_dropped: bool,
}

fn defaults<'c>(context: &'c Context<'c>, table: &'c Name, column: &'c str) -> impl Iterator<Item = Default> + 'c {
    let transaction = context.transaction();
    let same =
        move |at: usize| at == context.at || transaction.is_some() && context.pieces[at].transaction == transaction;
    let statements = context.statements.iter().enumerate().filter(move |(at, _)| same(*at));
    statements.flat_map(move |(at, statement)| {
        let alter = match &statement.kind {
            Kind::AlterTable(alter) if alter.name.may_be(table) => alter.actions.as_slice(),
            _ => &[],
        };
        alter.iter().filter_map(move |action| {
            let Change::AlterColumn { name, change } = &action.change else { return None };
            let is_dropped = match change {
                ColumnChange::DropDefault => true,
                ColumnChange::SetDefault(_) | ColumnChange::AddIdentity => false,
                _ => return None,
            };
            // Within one statement a default is dropped before it is set.
            let is_later = if at == context.at { !is_dropped } else { at > context.at };
            (name == column).then_some(Default { is_later, is_dropped })
        })
    })
}

fn is_added_before(context: &Context<'_>, table: &Name, name: &str) -> bool {
    context.statements[..=context.at].iter().any(|statement| match &statement.kind {
        Kind::AlterTable(alter) => {
            alter.name.may_be(table)
                && alter
                    .actions
                    .iter()
                    .any(|action| matches!(&action.change, Change::AddColumn { column, .. } if column.name == name))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn renamed() {
        assert_eq!(told("P14", "ALTER TABLE a RENAME TO b; ALTER TABLE c RENAME COLUMN d TO e"), [1, 2]);
        assert_eq!(
            told("P14", "ALTER TABLE a SET SCHEMA b; ALTER VIEW v RENAME TO w; ALTER SCHEMA s RENAME TO t"),
            [1, 2, 3]
        );
        assert_eq!(told("P14", "ALTER TYPE t RENAME VALUE 'a' TO 'b'; ALTER FUNCTION f(int) RENAME TO g"), [1, 2]);
        assert_eq!(message("P14", "ALTER TYPE t RENAME VALUE 'a' TO 'b'"), "value 'a' of t is 'b' from now on");
        assert_eq!(told("P14", "ALTER INDEX i RENAME TO j; ALTER TABLE a RENAME CONSTRAINT c TO d"), NONE);
        assert_eq!(told("P14", "CREATE TYPE t AS ENUM ('a'); ALTER TYPE t RENAME VALUE 'a' TO 'b'"), NONE);
        assert_eq!(told("P14", "ALTER TABLE a RENAME TO b; CREATE VIEW a AS SELECT * FROM b"), NONE);
        assert_eq!(told("P14", "ALTER TYPE t RENAME TO u; CREATE TYPE t AS ENUM ('a')"), NONE);
        assert_eq!(told("P14", "CREATE TYPE n AS ENUM (); ALTER TYPE t RENAME TO u; ALTER TYPE n RENAME TO t"), NONE);
        assert_eq!(told("P14", "CREATE TABLE n (b int); ALTER TABLE t RENAME TO u; ALTER TABLE n RENAME TO t"), NONE);
        assert_eq!(told("P14", "ALTER TYPE t RENAME TO u; CREATE TYPE v AS ENUM ('a')"), [1]);
        let apart = "ALTER TABLE a RENAME TO b;\n-- whimbrel: phase two\nCREATE VIEW a AS SELECT * FROM b";
        assert_eq!(told("P14", apart), [1]);
    }

    #[test]
    fn nullable() {
        assert_eq!(told("P30", "ALTER TABLE a ALTER b DROP NOT NULL"), [1]);
        assert_eq!(
            told(
                "P30",
                "ALTER TABLE a ALTER b DROP DEFAULT; CREATE TABLE c (d int); ALTER TABLE c ALTER d DROP NOT NULL"
            ),
            NONE
        );
    }

    #[test]
    fn default() {
        assert_eq!(told("P31", "ALTER TABLE a ALTER b SET DEFAULT 1; ALTER TABLE a ALTER c DROP DEFAULT"), [1, 2]);
        assert_eq!(told("P31", "ALTER TABLE a ADD b uuid; ALTER TABLE a ALTER b SET DEFAULT gen_random_uuid()"), NONE);
        assert_eq!(told("P31", "ALTER TABLE a ADD b int DEFAULT 1, ALTER b DROP DEFAULT"), NONE);
        assert_eq!(told("P31", "ALTER TABLE a ALTER b DROP DEFAULT, ALTER b TYPE text, ALTER b SET DEFAULT '1'"), NONE);
        assert_eq!(told("P31", "ALTER TABLE a ALTER b DROP DEFAULT; ALTER TABLE a ALTER b SET DEFAULT '1'"), NONE);
        assert_eq!(told("P31", "ALTER TABLE a ALTER b SET DEFAULT 1; ALTER TABLE a ALTER b DROP DEFAULT"), [1, 2]);
        assert_eq!(told("P31", "ALTER TABLE a ALTER b DROP DEFAULT; ALTER TABLE a ALTER c SET DEFAULT '1'"), [1, 2]);
        let identity = "ALTER TABLE a ALTER b DROP DEFAULT, ALTER b ADD GENERATED ALWAYS AS IDENTITY";
        assert_eq!(told("P31", identity), NONE);
    }
}
