//! Foreign keys, and what they rest on: P09, P40 and P47.

use super::known::ForeignKey;
use super::{Context, Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{
    AlterTable, Change, Column, Constraint, ConstraintKind, CreateTable, Kind, Name, Object, Reference,
};

pub(super) const SCANNED: Rule = Rule {
    code: "P09",
    level: Level::Warning,
    why: "every row is looked up in the other table, while nobody can write either of the two",
    help: "add the constraint by itself and NOT VALID, and VALIDATE CONSTRAINT in another transaction, which keeps nobody \
           from writing",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let references = match &action.change {
                Change::AddConstraint(Constraint {
                    kind: ConstraintKind::ForeignKey { references, .. },
                    not_valid: false,
                    ..
                }) => references,
                // A column without a value refers to nothing, and is not looked at.
                Change::AddColumn { column: Column { references: Some(references), default: Some(_), .. }, .. } => {
                    references
                }
                _ => continue,
            };
            let message =
                format!("every row of {table} is looked up in {} as the foreign key is added", references.table);
            found.push(Found::new(message).at(&action.range).lock(Lock::ShareRowExclusive));
        }
        found
    },
};

pub(super) const UNBACKED: Rule = Rule {
    code: "P40",
    level: Level::Warning,
    why: "rows that refer to nothing are let in, or finding those that refer to a row takes reading the whole table",
    help: "drop the foreign key first where it has to go; where it stays, so does what it rests on",
    find: |context| match context.kind() {
        Kind::AlterTable(alter) => alter
            .actions
            .iter()
            .flat_map(|action| match &action.change {
                Change::DropConstraint { name, cascade, .. } => {
                    let found = dropped_constraint(context, &alter.name, name, *cascade);
                    found.into_iter().map(|found| found.at(&action.range)).collect()
                }
                _ => Vec::new(),
            })
            .collect(),
        Kind::Drop(drop) if drop.object == Object::Index => {
            drop.names.iter().filter_map(|name| dropped_index(context, name)).collect()
        }
        _ => Vec::new(),
    },
};

fn dropped_constraint(context: &Context<'_>, table: &Name, name: &str, cascade: bool) -> Vec<Found> {
    let Some(known) = context.known.table(table).filter(|_| !context.is_new(table)) else { return Vec::new() };
    let own = known.foreign_keys.iter().find(|key| key.name.as_deref() == Some(name));
    if let Some(key) = own {
        if is_added_again(context, table, &key.columns) || goes(context, table, key) {
            return Vec::new();
        }
        let message = format!("{table} may refer to rows of {} that are not there, from now on", key.references.table);
        return vec![Found::new(message)];
    }
    let Some(key) = known.keys.iter().find(|key| key.constraint && key.name.as_deref() == Some(name)) else {
        return Vec::new();
    };
    let rests = |columns: &[String]| match columns {
        [] => key.primary,
        columns => {
            columns.len() == key.columns.len() && columns.iter().all(|c| key.columns.iter().flatten().any(|k| k == c))
        }
    };
    let resting = context.known.referring(table).filter(|(_, foreign)| rests(&foreign.references.columns));
    resting
        .map(|(other, _)| match cascade {
            true => Found::new(format!("the foreign key of {other} rests on constraint {name}, and goes with it")),
            false => {
                Found::new(format!("the foreign key of {other} rests on constraint {name}, which cannot be dropped"))
                    .level(Level::Error)
            }
        })
        .collect()
}

/// Whether a foreign key over the same columns, or more, is added by this statement or a later one, as it is to change what a key
/// does.
fn is_added_again(context: &Context<'_>, table: &Name, columns: &[String]) -> bool {
    context.statements[context.at..].iter().any(|statement| match &statement.kind {
        Kind::AlterTable(alter) if alter.name.may_be(table) => {
            added_keys(alter).iter().any(|(added, ..)| columns.iter().all(|column| added.contains(column)))
        }
        _ => false,
    })
}

/// Whether this statement or a later one drops one of the tables, or a column: then there is nothing to refer.
fn goes(context: &Context<'_>, table: &Name, key: &ForeignKey) -> bool {
    context.statements[context.at..].iter().any(|statement| match &statement.kind {
        Kind::Drop(drop) if drop.object == Object::Table => {
            drop.names.iter().any(|name| name.may_be(table) || name.may_be(&key.references.table))
        }
        Kind::AlterTable(alter) if alter.name.may_be(table) => alter
            .actions
            .iter()
            .any(|action| matches!(&action.change, Change::DropColumn { name, .. } if key.columns.contains(name))),
        _ => false,
    })
}

fn dropped_index(context: &Context<'_>, index: &Name) -> Option<Found> {
    let table = context.known.table_of_index(index).filter(|table| !context.is_new(table))?;
    let known = context.known.table(&table)?;
    let serves = |columns: &[String]| {
        let mut rest = known.clone();
        rest.keys.retain(|key| key.name.as_ref() != Some(&index.name));
        known.has_index_on(columns) && !rest.has_index_on(columns) && !is_indexed_later(context, &table, columns)
    };
    let key = known.foreign_keys.iter().find(|key| serves(&key.columns))?;
    Some(Found::new(format!(
        "index {index} is the only one over {} of {table}, by which rows that refer to {} are found",
        key.columns.join(", "),
        key.references.table
    )))
}

pub(super) const NO_INDEX: Rule = Rule {
    code: "P47",
    level: Level::Advice,
    why: "PostgreSQL makes no index for a foreign key: whenever a row of the other table is deleted or gets another key, \
          the whole table is read for rows that refer to it",
    help: "CREATE INDEX on the columns of the foreign key",
    find: |context| match context.kind() {
        Kind::CreateTable(create) if !create.temporary => {
            let keys = keys_of_table(create).into_iter().filter(|(columns, _)| {
                !is_key_of(create, columns) && !is_indexed_later(context, &create.name, columns)
            });
            keys.map(|(columns, references)| no_index(&create.name, &columns, references)).collect()
        }
        Kind::AlterTable(alter) => added_keys(alter)
            .into_iter()
            .filter(|(columns, _, is_new)| {
                let known = context.known.table(&alter.name);
                // Of a table that was made elsewhere it is not known which indexes it has.
                let is_known = *is_new || context.known.is_complete(&alter.name);
                is_known
                    && !known.is_some_and(|table| table.has_index_on(columns))
                    && !is_indexed_later(context, &alter.name, columns)
            })
            .map(|(columns, references, _)| no_index(&alter.name, &columns, references))
            .collect(),
        _ => Vec::new(),
    },
};

fn no_index(table: &Name, columns: &[String], references: &Reference) -> Found {
    let columns = columns.join(", ");
    match &references.action {
        Some(action) => Found::new(format!(
            "ON … {} looks for rows of {table} by {columns}, which has no index",
            action.to_ascii_uppercase()
        ))
        .level(Level::Warning),
        None => Found::new(format!("{table} refers to {} by {columns}, which has no index", references.table)),
    }
}

fn keys_of_table(create: &CreateTable) -> Vec<(Vec<String>, &Reference)> {
    let inline =
        create.columns.iter().filter_map(|column| Some((vec![column.name.clone()], column.references.as_ref()?)));
    let others = create.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { columns, references } => Some((columns.clone(), references)),
        _ => None,
    });
    inline.chain(others).collect()
}

/// The foreign keys that an `ALTER TABLE` adds, and whether their columns are new as well.
fn added_keys(alter: &AlterTable) -> Vec<(Vec<String>, &Reference, bool)> {
    let adds = |columns: &[String]| {
        columns.iter().all(|name| {
            alter.actions.iter().any(|action| {
        matches!(&action.change, Change::AddColumn { column, .. } if column.name == *name && !column.unique)
    })
        })
    };
    let mut keys = Vec::new();
    for action in &alter.actions {
        match &action.change {
            Change::AddColumn { column, .. } if !column.unique && !column.primary_key => {
                keys.extend(column.references.as_ref().map(|references| (vec![column.name.clone()], references, true)));
            }
            Change::AddConstraint(constraint) => {
                if let ConstraintKind::ForeignKey { columns, references } = &constraint.kind {
                    keys.push((columns.clone(), references, adds(columns)));
                }
            }
            _ => {}
        }
    }
    keys
}

/// Whether a key that a table is made with begins with these columns.
fn is_key_of(create: &CreateTable, columns: &[String]) -> bool {
    let begins =
        |key: &[String]| key.get(..columns.len()).is_some_and(|first| columns.iter().all(|c| first.contains(c)));
    let inline =
        create.columns.iter().any(|column| (column.unique || column.primary_key) && [column.name.clone()] == columns);
    inline
        || create.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. } => begins(columns),
            _ => false,
        })
}

/// Whether a statement from this one on makes an index that begins with these columns, also in a later script.
fn is_indexed_later(context: &Context<'_>, table: &Name, columns: &[String]) -> bool {
    let later = context.later.iter().flat_map(|script| &script.statements);
    context.statements[context.at..].iter().chain(later).any(|statement| match &statement.kind {
        Kind::CreateIndex(index) if index.table.may_be(table) && !index.partial => {
            let first = index.keys.get(..columns.len());
            first.is_some_and(|first| columns.iter().all(|c| first.iter().flatten().any(|f| f == c)))
        }
        Kind::AlterTable(alter) if alter.name.may_be(table) => {
            alter.actions.iter().any(|action| match &action.change {
                Change::AddConstraint(Constraint {
                    kind: ConstraintKind::Unique { columns: key, .. } | ConstraintKind::PrimaryKey { columns: key, .. },
                    ..
                }) => key.get(..columns.len()).is_some_and(|first| columns.iter().all(|c| first.contains(c))),
                _ => false,
            })
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn scanned() {
        assert_eq!(told("P09", "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (d)"), [1]);
        assert_eq!(told("P09", "ALTER TABLE a ADD b int DEFAULT 1 REFERENCES c"), [1]);
        assert_eq!(told("P09", "ALTER TABLE a ADD b int REFERENCES c"), NONE);
        assert_eq!(told("P09", "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c ON DELETE CASCADE NOT VALID"), NONE);
        assert_eq!(told("P09", "CREATE TABLE a (b int); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c"), NONE);
    }

    /// The first script makes the tables; in a transaction of another script they are in use.
    fn later(script: &str) -> Vec<&'static str> {
        use crate::history::{History, Migration};
        use crate::lint::postgres::{Settings, lint};
        let before = "CREATE TABLE p (id int, CONSTRAINT p_key PRIMARY KEY (id));\n\
                      CREATE TABLE c (p int, CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p);\nCREATE INDEX c_p_index ON c (p);";
        let migration =
            |idx: u32, up: &str| Migration { idx, up: up.to_owned().into(), transaction: true, ..Migration::default() };
        let history = History::new(vec![migration(1, before), migration(2, script)], None);
        let findings = lint(&history, &Settings::default()).unwrap();
        findings.iter().filter(|f| f.idx == 2 && matches!(f.code, "P40" | "P47")).map(|f| f.code).collect()
    }

    #[test]
    fn unbacked() {
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT c_p"), ["P40"]);
        let again =
            "ALTER TABLE c DROP CONSTRAINT c_p, ADD CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p ON DELETE CASCADE";
        assert_eq!(later(again), [""; 0]);
        assert_eq!(later("ALTER TABLE p DROP CONSTRAINT p_key"), ["P40"]);
        assert_eq!(later("DROP INDEX c_p_index"), ["P40"]);
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT c_p; ALTER TABLE p DROP CONSTRAINT p_key CASCADE"), ["P40"]);
        assert_eq!(later("CREATE INDEX i ON c (p); DROP INDEX c_p_index"), [""; 0]);
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT other; DROP INDEX other"), [""; 0]);
        // What the key was about goes as well.
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT c_p; ALTER TABLE c DROP COLUMN p"), [""; 0]);
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT c_p; DROP TABLE c"), [""; 0]);
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT c_p; DROP TABLE p"), [""; 0]);
        assert_eq!(later("ALTER TABLE c DROP CONSTRAINT c_p; DROP TABLE d"), ["P40"]);
    }

    #[test]
    fn no_index() {
        assert_eq!(told("P47", "CREATE TABLE a (b int REFERENCES c)"), [1]);
        assert_eq!(told("P47", "CREATE TABLE a (b int, d int, FOREIGN KEY (b, d) REFERENCES c, PRIMARY KEY (d))"), [1]);
        assert_eq!(told("P47", "ALTER TABLE a ADD b int REFERENCES c ON DELETE CASCADE"), [1]);
        assert_eq!(
            message("P47", "ALTER TABLE a ADD b int REFERENCES c ON DELETE CASCADE"),
            "ON … CASCADE looks for rows of a by b, which has no index"
        );
        assert_eq!(told("P47", "CREATE TABLE a (b int REFERENCES c); CREATE INDEX ON a (b, d)"), NONE);
        assert_eq!(told("P47", "CREATE TABLE a (b int REFERENCES c UNIQUE)"), NONE);
        assert_eq!(
            told("P47", "CREATE TABLE a (b int, d int, FOREIGN KEY (b, d) REFERENCES c, PRIMARY KEY (d, b, e))"),
            NONE
        );
        assert_eq!(told("P47", "CREATE TABLE a (b int REFERENCES c); CREATE INDEX ON a (d, b)"), [1]);
        assert_eq!(later("ALTER TABLE c ADD q int REFERENCES p"), ["P47"]);
        // Its indexes are not known.
        assert_eq!(told("P47", "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c"), NONE);
    }
}
