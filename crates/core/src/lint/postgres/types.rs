//! Types that wear badly: P32 to P36; and changes of types that tables use: P48 and P50.

use super::{Context, Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{
    Change, Column, ColumnChange, ConstraintKind, DataType, DomainChange, Kind, Name, TypeChange,
};

/// The columns that are declared or get another type, with their tables and places.
fn declared<'c>(context: &Context<'c>) -> Vec<(&'c Name, &'c str, &'c DataType, std::ops::Range<usize>)> {
    let mut declared = Vec::new();
    match context.kind() {
        Kind::CreateTable(create) if !create.temporary => {
            let columns = create.columns.iter();
            declared.extend(columns.map(|c| (&create.name, c.name.as_str(), &c.data_type, c.range.clone())));
        }
        Kind::AlterTable(alter) => {
            for action in &alter.actions {
                match &action.change {
                    Change::AddColumn { column, .. } => {
                        declared.push((&alter.name, column.name.as_str(), &column.data_type, column.range.clone()));
                    }
                    Change::AlterColumn { name, change: ColumnChange::Type { to, .. } } => {
                        declared.push((&alter.name, name.as_str(), to, action.range.clone()));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    declared
}

fn each(context: &Context<'_>, say: impl Fn(&DataType) -> Option<&'static str>) -> Vec<Found> {
    let columns = declared(context).into_iter();
    let found = columns.filter_map(|(table, name, data_type, range)| {
        Some(Found::new(format!("{table}.{name} is {data_type}: {}", say(data_type)?)).at(&range))
    });
    found.collect()
}

pub(super) const TIMESTAMP: Rule = Rule {
    code: "P32",
    level: Level::Advice,
    why: "timestamp keeps the hands of a clock and not where it hangs: what it means depends on who reads it",
    help: "timestamptz, which takes the same room and keeps the moment",
    find: |context| each(context, |t| (t.name == "timestamp").then_some("it does not say in which time zone")),
};

pub(super) const LENGTH: Rule = Rule {
    code: "P33",
    level: Level::Advice,
    why: "a shorter type is not smaller or faster in PostgreSQL; char(n) fills up with blanks, and making varchar(n) shorter \
          writes the table anew",
    help: "text, with a CHECK on its length where there is a limit: a check can be changed without a lock on reads",
    find: |context| {
        each(context, |t| match t.name.as_str() {
            "char" | "bpchar" => Some("it is filled up with blanks"),
            "varchar" if !t.arguments.is_empty() => Some("its limit is hard to change"),
            _ => None,
        })
    },
};

pub(super) const KEYS: Rule = Rule {
    code: "P34",
    level: Level::Advice,
    why: "an integer key runs out after two thousand million rows, deleted ones included, and making it larger writes the \
          table and all that refer to it anew; a serial is a default on a sequence with rights of its own",
    help: "bigint GENERATED ALWAYS AS IDENTITY",
    find: |context| {
        let (table, columns): (&Name, Vec<&Column>) = match context.kind() {
            Kind::CreateTable(create) if !create.temporary => (&create.name, create.columns.iter().collect()),
            Kind::AlterTable(alter) => {
                let columns = alter.actions.iter().filter_map(|action| match &action.change {
                    Change::AddColumn { column, .. } => Some(column),
                    _ => None,
                });
                (&alter.name, columns.collect())
            }
            _ => return Vec::new(),
        };
        let key = match context.kind() {
            Kind::CreateTable(create) => create.constraints.iter().find_map(|constraint| match &constraint.kind {
                ConstraintKind::PrimaryKey { columns, .. } if columns.len() == 1 => columns.first(),
                _ => None,
            }),
            _ => None,
        };
        let mut found = Vec::new();
        for column in columns {
            let name = &column.name;
            let message = match column.data_type.name.as_str() {
                "serial" | "smallserial" => format!("{table}.{name} is {}, which runs out", column.data_type),
                "bigserial" => format!("{table}.{name} is bigserial, and not an identity"),
                "integer" | "smallint" if column.primary_key || column.identity || key == Some(name) => {
                    // A column that refers to another one has its type.
                    if column.references.is_some() {
                        continue;
                    }
                    format!("{table}.{name} is {} as a key, which runs out", column.data_type)
                }
                _ => continue,
            };
            found.push(Found::new(message).at(&column.range));
        }
        found
    },
};

pub(super) const JSON: Rule = Rule {
    code: "P35",
    level: Level::Advice,
    why: "json keeps a text, which is read anew at each use, has no index, and cannot be compared, so that DISTINCT and UNION \
          over its table fail",
    help: "jsonb; json where the order of keys and the blanks have to stay",
    find: |context| each(context, |t| (t.name == "json").then_some("it has no equality")),
};

pub(super) const MONEY: Rule = Rule {
    code: "P36",
    level: Level::Advice,
    why: "how many digits money has and which sign it shows depends on a setting of the server, and no currency is kept",
    help: "numeric, or bigint in the smallest unit, and a column for the currency",
    find: |context| each(context, |t| (t.name == "money").then_some("what it means depends on lc_monetary")),
};

pub(super) const DOMAINS: Rule = Rule {
    code: "P48",
    level: Level::Warning,
    why: "the constraint is checked in every column of the domain, in all tables, while nobody can write them",
    help: "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in another transaction; or a CHECK on the columns instead of \
           the domain, which can be changed one table after the other",
    find: |context| match context.kind() {
        Kind::AlterDomain {
            name,
            change: DomainChange::AddConstraint { not_valid: false } | DomainChange::SetNotNull,
        } => {
            vec![Found::new(format!("every column of domain {name} is checked")).lock(Lock::Share)]
        }
        Kind::CreateDomain { name, has_constraint: true } => {
            let message = format!("what domain {name} demands cannot be changed for one table only");
            vec![Found::new(message).level(Level::Advice)]
        }
        _ => Vec::new(),
    },
};

pub(super) const ATTRIBUTES: Rule = Rule {
    code: "P50",
    level: Level::Warning,
    why: "tables of the type are changed with it by CASCADE, apps that are running read values with other parts, and it is \
          refused where a column has the type",
    help: "make another type, and change over to it column by column",
    find: |context| match context.kind() {
        Kind::AlterType { name, change: TypeChange::Attribute(verb) } if !context.known.is_new_type(name) => {
            vec![Found::new(format!("{verb} ATTRIBUTE changes every value of {name}"))]
        }
        _ => Vec::new(),
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn types() {
        assert_eq!(
            told(
                "P32",
                "CREATE TABLE a (b timestamp(3), c timestamp without time zone); ALTER TABLE a ALTER b TYPE timestamp"
            ),
            [1, 1, 2]
        );
        assert_eq!(
            told("P32", "CREATE TABLE a (b timestamptz, c timestamp with time zone, d date, timestamp text)"),
            NONE
        );
        assert_eq!(
            told("P33", "CREATE TABLE a (b char(3), c character varying(20)); ALTER TABLE a ADD d bpchar"),
            [1, 1, 2]
        );
        assert_eq!(told("P33", "CREATE TABLE a (b text, c varchar); CREATE TEMP TABLE d (e char(3))"), NONE);
        assert_eq!(told("P35", "ALTER TABLE a ADD b json, ADD c json[]"), [1, 1]);
        assert_eq!(told("P35", "ALTER TABLE a ADD b jsonb"), NONE);
        assert_eq!(told("P36", "CREATE TABLE a (b money)"), [1]);
        assert_eq!(told("P36", "CREATE TABLE a (money numeric)"), NONE);
        assert_eq!(
            message("P32", "ALTER TABLE a ADD b timestamp(3)"),
            "a.b is timestamp(3): it does not say in which time zone"
        );
    }

    #[test]
    fn keys() {
        assert_eq!(
            told("P34", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (c smallint, PRIMARY KEY (c))"),
            [1, 2]
        );
        assert_eq!(told("P34", "CREATE TABLE a (id bigserial); ALTER TABLE a ADD b serial"), [1, 2]);
        assert_eq!(told("P34", "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b int)"), NONE);
        assert_eq!(
            told(
                "P34",
                "CREATE TABLE a (id int PRIMARY KEY REFERENCES b); CREATE TABLE c (d int, e int, PRIMARY KEY (d, e))"
            ),
            NONE
        );
    }

    #[test]
    fn domains_and_attributes() {
        assert_eq!(told("P48", "ALTER DOMAIN d ADD CHECK (VALUE > 1); CREATE DOMAIN e AS text NOT NULL"), [1, 2]);
        assert_eq!(
            told("P48", "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 1) NOT VALID; CREATE DOMAIN e AS text"),
            NONE
        );
        assert_eq!(
            told("P50", "ALTER TYPE t ALTER ATTRIBUTE a TYPE text CASCADE; ALTER TYPE t DROP ATTRIBUTE a"),
            [1, 2]
        );
        assert_eq!(
            told("P50", "CREATE TYPE t AS (a int); ALTER TYPE t ADD ATTRIBUTE b int; ALTER TYPE u OWNER TO v"),
            NONE
        );
    }
}
