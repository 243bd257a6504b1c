//! Renames, and a schema seen through them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::schema::{Event, Expression, Id, KeyPart, KeyTerm, Schema, Table, fold, same_name};
use crate::sqlite::token::{TokenKind, is_keyword, is_plain, quote_name, tokenize, unquote};

/// The renames of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames {
    /// One entry for each table that is kept, renamed or not, whose name or columns' names change.
    pub tables: Vec<TableRename>,
    /// Pairs of table names, for virtual tables.
    pub virtual_tables: Vec<(String, String)>,
}

/// The renames of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRename {
    /// The table's name before.
    pub before: String,
    /// The table's name after; the same where only columns are renamed.
    pub after: String,
    /// Pairs of column names, before and after.
    pub columns: Vec<(String, String)>,
    /// Whether the columns can get their new names only in a copy of the table. What refers to them by name from another
    /// table, a foreign key, is then changed in its own right.
    pub by_copy: bool,
}

/// Whether SQLite itself cannot rename these columns: none from or to a name of the rowid, and none that a UNIQUE of a
/// WITHOUT ROWID table names once more beside the primary key.
pub(crate) fn needs_copy(table: &Table, columns: &[(String, String)]) -> bool {
    let is_rowid = |name: &str| ["rowid", "oid", "_rowid_"].iter().any(|r| same_name(r, name));
    columns.iter().any(|(before, after)| {
        let in_unique = || table.uniques.iter().any(|u| u.columns.iter().any(|p| p.is_column(before)));
        is_rowid(before) || is_rowid(after) || (table.without_rowid && table.in_primary_key(before) && in_unique())
    })
}

impl Renames {
    /// Whether nothing is renamed.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.virtual_tables.is_empty()
    }

    fn of(&self, table: &str) -> Option<&TableRename> {
        self.tables.iter().find(|r| same_name(&r.before, table))
    }

    fn table_name(&self, table: &str) -> String {
        let virtual_name = || self.virtual_tables.iter().find(|(b, _)| same_name(b, table)).map(|(_, a)| a.clone());
        self.of(table).map(|r| r.after.clone()).or_else(virtual_name).unwrap_or_else(|| table.to_owned())
    }

    fn column_name(&self, table: &str, column: &str) -> String {
        let found = self.of(table).and_then(|r| r.columns.iter().find(|(b, _)| same_name(b, column)));
        found.map_or_else(|| column.to_owned(), |(_, a)| a.clone())
    }

    /// `schema` as it reads when these renames, and nothing else, have been done.
    pub(crate) fn apply<'s>(&self, schema: &'s Schema) -> Cow<'s, Schema> {
        if self.is_empty() {
            return Cow::Borrowed(schema);
        }
        let mut schema = schema.clone();
        let everywhere = self.everywhere();
        for table in &mut schema.tables {
            self.apply_to_table(Arc::make_mut(table));
        }
        for table in &mut schema.virtual_tables {
            table.name = self.table_name(&table.name);
        }
        for index in &mut schema.indexes {
            let names = self.names_of(&index.table);
            rename_parts(&mut index.parts, &names);
            if let Some(predicate) = &mut index.predicate {
                rename_expression(predicate, &names);
            }
            index.table = self.table_name(&index.table);
        }
        for view in &mut schema.views {
            rename_expression(&mut view.body, &everywhere);
        }
        for trigger in &mut schema.triggers {
            rename_expression(&mut trigger.body, &everywhere);
            if let Some(condition) = &mut trigger.condition {
                rename_expression(condition, &everywhere);
            }
            if let Event::Update(columns) = &mut trigger.event {
                for column in columns {
                    *column = self.column_name(&trigger.target, column);
                }
            }
            trigger.target = self.table_name(&trigger.target);
        }
        Cow::Owned(schema)
    }

    fn apply_to_table(&self, table: &mut Table) {
        let names = self.names_of(&table.name);
        for key in &mut table.foreign_keys {
            let parent = key.parent.clone();
            key.columns.iter_mut().for_each(|c| *c = self.column_name(&table.name, c));
            // What the table says of itself is made anew with it.
            let is_own = same_name(&parent, &table.name);
            if is_own || !self.of(&parent).is_some_and(|r| r.by_copy) {
                key.parent_columns.iter_mut().for_each(|c| *c = self.column_name(&parent, c));
            }
            key.parent = self.table_name(&parent);
        }
        if names.is_empty() {
            table.name = self.table_name(&table.name);
            return;
        }
        for column in &mut table.columns {
            column.name = self.column_name(&table.name, &column.name);
            if let Some(generated) = &mut column.generated {
                rename_expression(&mut generated.expression, &names);
            }
        }
        if let Some(key) = &mut table.primary_key {
            rename_parts(&mut key.columns, &names);
        }
        for unique in &mut table.uniques {
            rename_parts(&mut unique.columns, &names);
        }
        table.keys.iter_mut().for_each(|key| rename_parts(key, &names));
        for check in &mut table.checks {
            rename_expression(&mut check.expression, &names);
        }
        table.name = self.table_name(&table.name);
    }

    fn names_of(&self, table: &str) -> HashMap<String, String> {
        let columns = self.of(table).map(|r| r.columns.as_slice()).unwrap_or_default();
        columns.iter().map(|(b, a)| (fold(b), a.clone())).collect()
    }

    /// All renames in one map: what a view may mention. Where two tables disagree, the first wins; a wrong guess only
    /// makes a view be created anew that need not be. Other letters of a name are no other name: whose column it is decides
    /// whether SQLite writes them anew, and `"NAME"` keeps its letters, since it may be a string.
    fn everywhere(&self) -> HashMap<String, String> {
        let mut all = HashMap::new();
        for rename in &self.tables {
            all.entry(fold(&rename.before)).or_insert_with(|| rename.after.clone());
            for (before, after) in &rename.columns {
                all.entry(fold(before)).or_insert_with(|| after.clone());
            }
        }
        for (before, after) in &self.virtual_tables {
            all.entry(fold(before)).or_insert_with(|| after.clone());
        }
        all.retain(|before, after: &mut String| !same_name(before, after));
        all
    }
}

fn rename_parts(parts: &mut [KeyPart], names: &HashMap<String, String>) {
    for part in parts {
        match &mut part.term {
            KeyTerm::Column(name) => {
                if let Some(new) = names.get(&fold(name)) {
                    name.clone_from(new);
                }
            }
            KeyTerm::Expression(expression) => rename_expression(expression, names),
        }
    }
}

/// Replaces names in an expression, but not those of functions.
fn rename_expression(expression: &mut Expression, names: &HashMap<String, String>) {
    if names.is_empty() {
        return;
    }
    let meaning = expression.meaning();
    let Ok(tokens) = tokenize(meaning) else {
        return;
    };
    let mut out = String::with_capacity(meaning.len());
    let mut end = 0;
    for (n, token) in tokens.iter().enumerate() {
        out.push_str(&meaning[end..token.range.start]);
        end = token.range.end;
        let text = token.text(meaning);
        let is_call = tokens.get(n + 1).is_some_and(|t| t.is(meaning, "("));
        let new = match token.kind {
            TokenKind::Word if !is_call && !is_keyword(text) => names.get(text),
            TokenKind::Quoted => names.get(&fold(&unquote(text))),
            _ => None,
        };
        match new.map(|name| fold(name)) {
            None => out.push_str(text),
            Some(new) if is_plain(&new) => out.push_str(&new),
            Some(new) => out.push_str(&quote_name(&new)),
        }
    }
    out.push_str(&meaning[end..]);
    *expression = Expression::new(expression.text(), out);
}

impl Schema {
    /// Takes over the stable ids of `previous`: what kept its name or was renamed keeps its id, what is new gets one
    /// that was never used.
    ///
    /// ```
    /// use whimbrel_core::{Schema, diff::{Answers, Options, diff}};
    /// let mut first = Schema::from_sql("CREATE TABLE users(mail TEXT)")?;
    /// first.assign_ids();
    /// let mut second = Schema::from_sql("CREATE TABLE users(id INTEGER, email TEXT)")?;
    /// let mut answers = Answers::default();
    /// answers.rename("users.mail", "email")?;
    /// let renames = diff(&first, &second, &answers, &Options::default())?.renames;
    /// second.adopt_ids(&first, &renames);
    /// assert_eq!(second.tables[0].column("email").unwrap().id, first.tables[0].columns[0].id);
    /// assert_eq!(second.tables[0].column("id").unwrap().id, Some(2));
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn adopt_ids(&mut self, previous: &Schema, renames: &Renames) {
        self.next_id = self.next_id.max(previous.next_id);
        for old in &previous.tables {
            let name = renames.table_name(&old.name);
            let Some(table) = self.tables.iter_mut().find(|t| same_name(&t.name, &name)) else {
                continue;
            };
            let table = Arc::make_mut(table);
            keep(&mut table.id, old.id);
            table.next_column_id = table.next_column_id.max(old.next_column_id);
            for old_column in &old.columns {
                let name = renames.column_name(&old.name, &old_column.name);
                if let Some(column) = table.columns.iter_mut().find(|c| same_name(&c.name, &name)) {
                    keep(&mut column.id, old_column.id);
                }
            }
        }
        for old in &previous.virtual_tables {
            let name = renames.table_name(&old.name);
            if let Some(table) = self.virtual_tables.iter_mut().find(|t| same_name(&t.name, &name)) {
                keep(&mut table.id, old.id);
            }
        }
        self.assign_ids();
    }
}

fn keep(id: &mut Option<Id>, old: Option<Id>) {
    if old.is_some() {
        *id = old;
    }
}
