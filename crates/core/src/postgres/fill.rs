//! How a back-fill goes through a table: page after page, so that each is read once however many portions there are.
//!
//! An UPDATE leaves the new version of a row on any page, and others write meanwhile. So one way through the pages is
//! not enough: when it is done, the table is asked whether rows are left, and gone through again where they are. What a
//! run has filled in stays filled in, so that one which stops is gone on with from the first page, by reading only.
//!
//! From PostgreSQL 14 on a range of pages is read as such; before, the places of its rows are named one by one.

use super::schema::ObjectId;
use super::scratch::text;
use super::token::quote_literal;
use crate::error::{Code, Error};
use crate::run::Row;

/// How many rows a portion should change.
const PORTION: u64 = 5_000;

/// How many pages the first portion has: rows are rarely so short that these hold more than [`PORTION`].
const FIRST: u64 = 16;

/// The most pages of a portion, of which only few rows have to be changed.
const MOST: u64 = 4_096;

/// How often a table is gone through at most. What others leave without a value from then on is theirs, or is seen when
/// all rows are checked.
pub const PASSES: usize = 5;

/// The table and all that inherit from it, partitions too, as a query that `reached(id)` names.
fn reached(table: &ObjectId) -> String {
    format!(
        "WITH RECURSIVE reached(id) AS (SELECT {}::pg_catalog.regclass::pg_catalog.oid UNION \
         SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN reached ON i.inhparent = reached.id)",
        quote_literal(&table.sql())
    )
}

/// A way through the pages of a table, and of all that inherit from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    next: u64,
    end: u64,
    size: u64,
    /// How many rows a page can hold, where they have to be named; else a range is read.
    named: Option<u64>,
}

impl Walk {
    /// The query that a walk begins with.
    pub fn question(table: &ObjectId) -> String {
        format!(
            "{} SELECT coalesce(max(pg_catalog.pg_relation_size(c.oid)), 0), \
             pg_catalog.current_setting('block_size'), pg_catalog.current_setting('server_version_num'), count(*) \
             FROM reached JOIN pg_catalog.pg_class c ON c.oid = reached.id WHERE c.relkind = 'r'",
            reached(table)
        )
    }

    /// A walk from the first page, by the answer to that.
    pub fn begin(answer: Option<&Row>) -> Walk {
        let number = |at: usize| -> u64 { answer.map_or(0, |row| text(row, at).parse().unwrap_or(0)) };
        let (bytes, page, version, tables) = (number(0), number(1).max(1), number(2), number(3).max(1));
        // A row takes at least the 24 bytes of its header and 4 of its line pointer.
        let named = (version < 140_000).then(|| page / 28 + 1);
        Walk { next: 0, end: bytes.div_ceil(page), size: (FIRST / tables).max(1), named }
    }

    /// The condition of the next portion; nothing at the end.
    pub fn condition(&self) -> Option<String> {
        let (from, to) = (self.next, self.next + self.size);
        if from >= self.end {
            return None;
        }
        Some(match self.named {
            None => format!("ctid >= '({from},0)' AND ctid < '({to},0)'"),
            Some(rows) => format!(
                "ctid = ANY (ARRAY(SELECT ('(' || p || ',' || r || ')')::pg_catalog.tid \
                 FROM pg_catalog.generate_series({from}, {}) p, pg_catalog.generate_series(1, {rows}) r))",
                to - 1
            ),
        })
    }

    /// The portion is done, and has changed so many rows. The next one is larger or smaller accordingly.
    pub fn advance(&mut self, rows: u64) {
        self.next += self.size;
        let most = if self.named.is_some() { MOST / 64 } else { MOST };
        self.size = match rows {
            0..2_500 => (self.size * 2).min(most),
            PORTION.. => (self.size / 2).max(1),
            _ => self.size,
        };
    }
}

/// The query for what may turn an UPDATE of the table into something else: its triggers and rules, by name.
pub fn triggers_and_rules(table: &ObjectId) -> String {
    format!(
        "{} SELECT 'trigger ' || t.tgname FROM reached JOIN pg_catalog.pg_trigger t ON t.tgrelid = reached.id \
         WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 16 <> 0 \
         UNION SELECT 'rule ' || r.rulename FROM reached JOIN pg_catalog.pg_rewrite r ON r.ev_class = reached.id \
         WHERE r.ev_type = '2' AND r.ev_enabled IN ('O', 'A') ORDER BY 1",
        reached(table)
    )
}

/// Rows have no value though they were given one.
pub fn has_no_effect(object: &str, title: &str, by: &[String]) -> Error {
    let message = format!("{title} of {object} has no effect: rows have no value though they were given one");
    let error = Error::new(Code::StatementFailed, message).object(object);
    let by = by.join(", ");
    error.help(format!("look at what changes an UPDATE of {object}: {by}; disable it for the run, or drop it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Value;

    fn walk(version: &str, bytes: &str) -> Walk {
        let row: Row = [bytes, "8192", version, "1"].iter().map(|text| Value::Text((*text).to_owned())).collect();
        Walk::begin(Some(&row))
    }

    #[test]
    fn every_page_is_in_one_portion() {
        for (version, step) in [("150000", 0), ("130000", 0), ("150000", 9_000)] {
            let mut walk = walk(version, "819201");
            let mut pages = Vec::new();
            while walk.condition().is_some() {
                pages.extend(walk.next..walk.next + walk.size);
                walk.advance(step);
            }
            assert!(pages.iter().copied().take(101).eq(0..101) && pages.len() >= 101, "{pages:?}");
        }
        assert_eq!(walk("150000", "0").condition(), None);
    }

    #[test]
    fn portions_grow_where_little_has_to_be_done() {
        let mut walk = walk("150000", "100000000");
        for (rows, pages) in [(0, 32), (100, 64), (3_000, 64), (6_000, 32), (9_000, 16)] {
            walk.advance(rows);
            assert_eq!(walk.size, pages);
        }
        (0..20).for_each(|_| walk.advance(0));
        assert_eq!(walk.size, MOST);
    }
}
