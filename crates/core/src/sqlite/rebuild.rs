//! One table made anew beside the old one: SQLite's procedure for changes that ALTER TABLE cannot make.
//!
//! The numbers beside the statements are those of <https://www.sqlite.org/lang_altertable.html#otheralter>. Steps 1
//! (foreign keys off), 2 (begin), 10 (foreign-key check), 11 (commit) and 12 (foreign keys on) are done once for the
//! whole plan; step 8 (indexes, triggers) and 9 (views) by the planner, after all tables have their new form.

use super::print::{create_table, main};
use super::probe::{ValueSource, default_term, relation_of, value_source};
use super::token::{Token, TokenKind, quote_name, quote_text, tokenize};
use crate::diff::TableChange;
use crate::plan::{Copy, Statement};
use crate::planted::{self, Planted};
use crate::schema::{Schema, Table, same_name};

/// What a rebuild needs to know of the database.
pub(crate) struct Surroundings<'a> {
    /// A name for the new table that nothing has.
    pub temporary: &'a str,
    /// Rows of the old table.
    pub rows: u64,
    /// Statistics tables that exist, such as `sqlite_stat1`.
    pub statistics: &'a [String],
    /// What the database will have.
    pub after: &'a Schema,
    /// Whether columns still have their old names, and get the new ones by the copy.
    pub renames: bool,
}

/// The statements that rebuild a table; renames are done before them, where SQLite can do them.
pub(crate) fn rebuild(change: &TableChange, around: &Surroundings<'_>) -> Vec<Statement> {
    let (old, new) = (&change.renamed, &change.after);
    let aside = format!("{}_old", around.temporary);
    let live = if planted::is(Planted::OldTableRenamedFirst) { &aside } else { &new.name };
    let (old_name, temporary) = (main(live), main(around.temporary));
    let old_text = quote_text(&new.name);
    let temporary_text = quote_text(around.temporary);
    let mut statements = Vec::new();
    let mut execute = |sql: String| statements.push(Statement::Execute(sql));
    if planted::is(Planted::OldTableRenamedFirst) {
        execute(format!("ALTER TABLE {} RENAME TO {}", main(&new.name), quote_name(&aside)));
    }

    // 4. The new table under a name of its own. (The old one is never renamed: references in other tables, triggers
    //    and views would follow it.)
    let mut without_qualifiers = Table {
        definition: new.definition.as_deref().map(|text| without_own_qualifiers(text, &new.name)),
        ..new.clone()
    };
    planted::spoil(&mut without_qualifiers);
    execute(create_table(&without_qualifiers, around.temporary));

    // 5. The rows.
    let (copy, same_rowids) = copy(change, around, live);
    statements.push(Statement::Copy(copy));
    let mut check = |sql: String, failure: &str| {
        statements.push(Statement::Check { sql, failure: failure.to_owned() });
    };
    let is_counted = !planted::is(Planted::RowsNotCounted) && !planted::is(Planted::InsertOrIgnore);
    if is_counted {
        check(
            format!("SELECT (SELECT count(*) FROM {old_name}) - (SELECT count(*) FROM {temporary})"),
            "the copy has another number of rows than the table",
        );
    }
    if let Some((old_rowid, new_rowid)) = same_rowids.filter(|_| !around.renames && is_counted) {
        for end in ["min", "max"] {
            check(
                format!(
                    "SELECT (SELECT {end}({old_rowid}) FROM {old_name}) IS NOT (SELECT {end}({new_rowid}) FROM {temporary})"
                ),
                "the copy has other rowids than the table",
            );
        }
    }
    let mut execute = |sql: String| statements.push(Statement::Execute(sql));
    if old.autoincrement() && new.autoincrement() && !planted::is(Planted::SequenceLost) {
        // Ids that were given out and deleted must not be given out again.
        execute(format!(
            "INSERT INTO main.sqlite_sequence(name, seq) SELECT {temporary_text}, seq FROM main.sqlite_sequence \
             WHERE name = {old_text} AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {temporary_text})"
        ));
        execute(format!(
            "UPDATE main.sqlite_sequence SET seq = max(seq, coalesce((SELECT seq FROM main.sqlite_sequence \
             WHERE name = {old_text}), 0)) WHERE name = {temporary_text}"
        ));
    }
    // DROP TABLE deletes a table's statistics; under the new table's name they survive it.
    for statistics in around.statistics {
        let table = main(statistics);
        execute(format!("UPDATE {table} SET tbl = {temporary_text} WHERE tbl = {old_text}"));
    }

    // 6. Foreign keys are off: nothing cascades.
    execute(format!("DROP TABLE {old_name}"));

    // 7. With legacy_alter_table on, only the table itself is renamed: views, triggers and foreign keys that mention
    //    it stand in place and need not be valid in this moment.
    if !planted::is(Planted::LegacyAlterNotSet) {
        execute("PRAGMA legacy_alter_table = ON".to_owned());
    }
    execute(format!("ALTER TABLE {temporary} RENAME TO {}", quote_name(&new.name)));
    if !planted::is(Planted::LegacyAlterNotPutBack) {
        execute("PRAGMA legacy_alter_table = OFF".to_owned());
    }
    for statistics in around.statistics {
        let table = main(statistics);
        execute(format!("UPDATE {table} SET tbl = {old_text} WHERE tbl = {temporary_text}"));
        let indexes: Vec<_> = around
            .after
            .indexes
            .iter()
            .filter(|i| same_name(&i.table, &new.name))
            .map(|i| quote_text(&i.name))
            .collect();
        // Statistics of indexes that SQLite made for constraints are kept where these are the same.
        let constraints_kept = old.keys == new.keys;
        let kept = if constraints_kept { " AND idx NOT LIKE 'sqlite\\_autoindex\\_%' ESCAPE '\\'" } else { "" };
        execute(format!(
            "DELETE FROM {table} WHERE tbl = {old_text} AND idx IS NOT NULL AND idx <> tbl{kept} AND idx NOT IN ({})",
            indexes.join(", ")
        ));
    }
    statements
}

/// The copy, and the names of the rowid in the old and the new table where they are carried over.
fn copy(change: &TableChange, around: &Surroundings<'_>, live: &str) -> (Copy, Option<(String, String)>) {
    let (old, new) = (&change.renamed, &change.after);
    let mut into = Vec::new();
    let mut from = Vec::new();
    let mut rowid_from_column = None;
    let alias = new.rowid_alias().map(|c| c.name.clone());
    for column in &new.columns {
        let name = quote_name(&column.name);
        let value = match value_source(change, column) {
            ValueSource::Kept => name.clone(),
            ValueSource::Filled(fill) => format!("coalesce({name}, {fill})"),
            ValueSource::Computed(fill) => fill,
            ValueSource::Rowid(rowid) => rowid.to_owned(),
            ValueSource::Generated if planted::is(Planted::GeneratedColumnsCopied) => name.clone(),
            ValueSource::Default | ValueSource::Generated => continue,
        };
        if alias.as_ref().is_some_and(|a| same_name(a, &column.name)) {
            rowid_from_column = Some(value.clone());
        }
        into.push(name);
        from.push(value);
    }
    if into.is_empty()
        && let Some(column) = new.columns.iter().find(|c| c.generated.is_none())
    {
        // Nothing is kept but the number of rows.
        into.push(quote_name(&column.name));
        from.push(column.default_value().map_or_else(|| "NULL".to_owned(), default_term));
    }
    let old_alias = old.rowid_alias().map(|c| quote_name(&c.name));
    // Columns may take all of the rowid's names until the copy renames them.
    let is_named = !around.renames || change.before.rowid_name().is_some();
    let old_rowid = old.rowid_name().filter(|_| is_named).map(str::to_owned).or_else(|| old_alias.clone());
    let new_rowid = new.rowid_name().map(str::to_owned).or_else(|| alias.as_ref().map(|a| quote_name(a)));
    let same_rowids = match (&old_rowid, &new_rowid, &rowid_from_column) {
        (Some(_), Some(_), None) if planted::is(Planted::RowidsNotKept) => None,
        (Some(old_rowid), Some(new_rowid), None) => {
            into.insert(0, new_rowid.clone());
            from.insert(0, old_rowid.clone());
            Some((old_rowid.clone(), new_rowid.clone()))
        }
        // The new table's id is the old table's id, or its rowid.
        (Some(old_rowid), Some(new_rowid), Some(value)) if Some(value) == old_alias.as_ref() || value == old_rowid => {
            Some((old_rowid.clone(), new_rowid.clone()))
        }
        _ => None,
    };
    // OR ABORT: a conflict clause in the table's own text must not drop rows silently.
    let conflict = if planted::is(Planted::InsertOrIgnore) { "IGNORE" } else { "ABORT" };
    let head = format!(
        "INSERT OR {conflict} INTO {} ({}) SELECT {} FROM {}",
        main(around.temporary),
        into.join(", "),
        from.join(", "),
        if around.renames { relation_of(change, live) } else { main(live) }
    );
    // Rows are written in key order, so that the new b-tree grows at its end.
    let order = match (&old_rowid, &new.primary_key) {
        (_, Some(key)) if new.without_rowid => {
            let columns: Vec<_> =
                super::probe::primary_key_columns(&Table { primary_key: Some(key.clone()), ..Table::default() });
            let known = columns.iter().all(|c| old.column(c).is_some());
            let list = columns.iter().map(|c| quote_name(c)).collect::<Vec<_>>().join(", ");
            if known { format!(" ORDER BY {list}") } else { String::new() }
        }
        (Some(rowid), _) if same_rowids.is_some() => format!(" ORDER BY {rowid}"),
        _ => String::new(),
    };
    let copy = Copy {
        head,
        order,
        rowid: same_rowids.as_ref().map(|(old, _)| old.clone()),
        into: main(around.temporary),
        into_rowid: same_rowids.as_ref().map(|(_, new)| new.clone()),
        rows: around.rows,
    };
    (copy, same_rowids)
}

/// The table's text with `users.age` replaced by `age` in its own expressions, which stand under another name while
/// the rows are copied. Names of the parents of foreign keys are not followed by a dot and stay.
fn without_own_qualifiers(definition: &str, table: &str) -> String {
    let Ok(tokens) = tokenize(definition) else {
        return definition.to_owned();
    };
    let words: Vec<&Token> = tokens.iter().filter(|t| t.kind != TokenKind::Comment).collect();
    let mut out = String::with_capacity(definition.len());
    let mut end = 0;
    for at in 0..words.len() {
        if super::meaning::is_qualifier(definition, &words[at..], table)
            && let Some(column) = words.get(at + 2)
        {
            out.push_str(&definition[end..words[at].range.start]);
            end = column.range.start;
        }
    }
    out.push_str(&definition[end..]);
    out
}
