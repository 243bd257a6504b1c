//! Statements that stand alone: what of one is there already, where a run was stopped between it and its record.
//!
//! Such a statement commits by itself, and its record comes behind it. So a run that goes on may find it done: then it is
//! passed over. An index that an interrupted build has left serves nobody, and is in the way of the next one.

use crate::postgres::scratch::text;
use crate::postgres::statement::{AlterTable, Change, CreateIndex, Drop, Kind, Name, Object, Statement};
use crate::postgres::token::quote_literal;
use crate::run::{Connection, Failure};

/// What stands alone and leaves something that can be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Alone {
    /// `CREATE INDEX CONCURRENTLY`: the index, in the schema of its table.
    Build {
        /// The index.
        name: String,
        /// The table.
        table: Name,
    },
    /// `DROP INDEX CONCURRENTLY`.
    Drop(Name),
    /// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`.
    Detach {
        /// The partitioned table.
        table: Name,
        /// The partition.
        partition: Name,
    },
}

/// What is found of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing was done.
    Nothing,
    /// All was.
    Done,
    /// A build did not come to its end: the index, as SQL.
    Invalid(String),
    /// A partition is on its way out: the statement that ends it.
    Pending(String),
}

impl Alone {
    pub(super) fn of(statement: &Statement) -> Option<Alone> {
        match &statement.kind {
            Kind::CreateIndex(CreateIndex { name: Some(name), table, concurrently: true, .. }) => {
                Some(Alone::Build { name: name.clone(), table: table.clone() })
            }
            Kind::Drop(Drop { object: Object::Index, names, concurrently: true, .. }) => match names.as_slice() {
                [name] => Some(Alone::Drop(name.clone())),
                _ => None,
            },
            Kind::AlterTable(AlterTable { name, actions, .. }) => match actions.as_slice() {
                [action] => match &action.change {
                    Change::DetachPartition { partition, concurrently: true, .. } => {
                        Some(Alone::Detach { table: name.clone(), partition: partition.clone() })
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// Looks.
    ///
    /// # Errors
    /// Where the catalogue cannot be read.
    pub(super) async fn look<C: Connection>(&self, conn: &mut C) -> Result<Found, Failure> {
        let named = |name: &Name| format!("pg_catalog.to_regclass({})", quote_literal(&name.to_string()));
        let sql = match self {
            Alone::Build { name, table } => format!(
                "SELECT i.indisvalid, i.indexrelid::pg_catalog.regclass FROM pg_catalog.pg_index i \
                 JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
                 WHERE i.indrelid = {} AND c.relname = {}",
                named(table),
                quote_literal(name)
            ),
            Alone::Drop(name) => format!("SELECT {} IS NULL", named(name)),
            Alone::Detach { table, partition } => format!(
                "SELECT i.inhdetachpending FROM (SELECT {} AS parent, {} AS child) n LEFT JOIN pg_catalog.pg_inherits i \
                 ON i.inhparent = n.parent AND i.inhrelid = n.child \
                 WHERE n.parent IS NOT NULL AND n.child IS NOT NULL",
                named(table),
                named(partition)
            ),
        };
        let rows = conn.query(&sql).await?;
        let Some(row) = rows.first() else { return Ok(Found::Nothing) };
        Ok(match (self, text(row, 0).as_str()) {
            (Alone::Build { .. }, "t") => Found::Done,
            (Alone::Build { .. }, _) => Found::Invalid(text(row, 1)),
            (Alone::Drop(_), "t") => Found::Done,
            (Alone::Detach { table, partition }, "t") => {
                Found::Pending(format!("ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE"))
            }
            // It is no partition any more.
            (Alone::Detach { .. }, "") => Found::Done,
            _ => Found::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_looked_at() {
        let of = |sql| Alone::of(&Statement::read(sql));
        let name = |schema: Option<&str>, name: &str| Name { schema: schema.map(str::to_owned), name: name.to_owned() };
        let build = |index: &str, table| Some(Alone::Build { name: index.to_owned(), table });
        assert_eq!(of("CREATE INDEX CONCURRENTLY a ON b(c)"), build("a", name(None, "b")));
        assert_eq!(
            of("create unique index concurrently if not exists \"A b\" on only s.b(c)"),
            build("A b", name(Some("s"), "b"))
        );
        assert_eq!(of("DROP INDEX CONCURRENTLY IF EXISTS s.a"), Some(Alone::Drop(name(Some("s"), "a"))));
        assert_eq!(of("CREATE INDEX a ON b(c)"), None);
        assert_eq!(of("CREATE INDEX CONCURRENTLY ON b(c)"), None);
        assert_eq!(of("ALTER TABLE a DETACH PARTITION b"), None);
        assert!(matches!(of("ALTER TABLE a DETACH PARTITION b CONCURRENTLY"), Some(Alone::Detach { .. })));
    }
}
