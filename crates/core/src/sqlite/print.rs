//! [`Schema`] → SQL text.
//!
//! Two faces: `create_…` gives the statement that is executed, with the text its author wrote where there is one;
//! [`to_sql`] gives clean text for people, printed from the model.

use std::fmt::Write as _;

use super::token::{display_name, quote_name};
use crate::schema::*;

/// `CREATE TABLE` under the name given, which a rebuild chooses.
pub fn create_table(table: &Table, name: &str) -> String {
    create("TABLE", name, table.definition.clone().unwrap_or_else(|| table_definition(table)))
}

/// `CREATE INDEX`.
pub fn create_index(index: &Index) -> String {
    let kind = if index.unique { "UNIQUE INDEX" } else { "INDEX" };
    create(kind, &index.name, index.definition.clone().unwrap_or_else(|| index_definition(index)))
}

/// `CREATE VIEW`.
pub fn create_view(view: &View) -> String {
    create("VIEW", &view.name, view.definition.clone().unwrap_or_else(|| view_definition(view)))
}

/// `CREATE TRIGGER`.
pub fn create_trigger(trigger: &Trigger) -> String {
    create("TRIGGER", &trigger.name, trigger.definition.clone().unwrap_or_else(|| trigger_definition(trigger)))
}

/// `CREATE VIRTUAL TABLE` under the name given.
pub fn create_virtual_table(table: &VirtualTable, name: &str) -> String {
    let definition = table.definition.clone().unwrap_or_else(|| virtual_table_definition(table));
    create("VIRTUAL TABLE", name, definition)
}

fn create(kind: &str, name: &str, definition: String) -> String {
    let space = if definition.starts_with(|c: char| c.is_whitespace() || c == '(') { "" } else { " " };
    // Quoted only where it must be, so that a migrated database reads like a fresh one.
    format!("CREATE {kind} main.{}{space}{definition}", display_name(name))
}

fn names(list: &[String]) -> String {
    list.iter().map(|n| display_name(n)).collect::<Vec<_>>().join(", ")
}

fn constraint(name: &Option<String>) -> String {
    name.as_ref().map_or_else(String::new, |n| format!("CONSTRAINT {} ", display_name(n)))
}

fn on_conflict(conflict: Option<Conflict>) -> String {
    conflict.map_or_else(String::new, |c| format!(" ON CONFLICT {}", c.keyword()))
}

fn parts(list: &[KeyPart]) -> String {
    let part = |part: &KeyPart| {
        let mut out = match &part.term {
            KeyTerm::Column(name) => display_name(name),
            KeyTerm::Expression(expression) => expression.text().to_owned(),
        };
        if let Some(collation) = &part.collation {
            let _ = write!(out, " COLLATE {}", display_name(collation));
        }
        if part.descending {
            out.push_str(" DESC");
        }
        out
    };
    list.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The text after the name in `CREATE TABLE`, printed from the model.
pub fn table_definition(table: &Table) -> String {
    let own = |at: &Option<String>, column: &Column| at.as_deref().is_some_and(|at| same_name(at, &column.name));
    let mut lines = Vec::new();
    for column in &table.columns {
        let mut line = column_definition(column);
        if let Some(key) = table.primary_key.as_ref().filter(|k| k.at_column && k.columns[0].is_column(&column.name)) {
            let _ = write!(line, " {}PRIMARY KEY", constraint(&key.name));
            if key.columns[0].descending {
                line.push_str(" DESC");
            }
            line.push_str(&on_conflict(key.on_conflict));
            if key.autoincrement {
                line.push_str(" AUTOINCREMENT");
            }
        }
        line.push_str(&column_constraints(column));
        for check in table.checks.iter().filter(|c| own(&c.at_column, column)) {
            let _ = write!(line, " {}", check_text(check));
        }
        for key in table.foreign_keys.iter().filter(|k| own(&k.at_column, column)) {
            let _ = write!(line, " {}", references(key));
        }
        lines.push(line);
    }
    lines.extend(table.primary_key.iter().filter(|k| !k.at_column).map(primary_key_text));
    lines.extend(table.uniques.iter().map(unique_text));
    lines.extend(table.checks.iter().filter(|c| c.at_column.is_none()).map(check_text));
    lines.extend(table.foreign_keys.iter().filter(|k| k.at_column.is_none()).map(foreign_key_text));
    let options: Vec<_> = [(table.strict, "STRICT"), (table.without_rowid, "WITHOUT ROWID")]
        .into_iter()
        .filter_map(|(set, word)| set.then_some(word))
        .collect();
    let options = if options.is_empty() { String::new() } else { format!(" {}", options.join(", ")) };
    format!(" (\n  {}\n){options}", lines.join(",\n  "))
}

/// Name and type of a column.
fn column_definition(column: &Column) -> String {
    let mut out = display_name(&column.name);
    if !column.declared_type.is_empty() {
        let _ = write!(out, " {}", column.declared_type);
    }
    out
}

/// The constraints that are the column's own.
fn column_constraints(column: &Column) -> String {
    let mut out = String::new();
    if let Some(not_null) = &column.not_null {
        let _ = write!(out, " {}NOT NULL{}", constraint(&not_null.name), on_conflict(not_null.on_conflict));
    }
    if let Some(default) = &column.default {
        let _ = write!(out, " DEFAULT {}", default_text(default));
    }
    if let Some(collation) = &column.collation {
        let _ = write!(out, " COLLATE {}", display_name(collation));
    }
    if let Some(generated) = &column.generated {
        let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
        let _ = write!(out, " GENERATED ALWAYS AS ({}) {kind}", generated.expression.text());
    }
    out
}

/// A default as it stands behind `DEFAULT`: in parentheses unless it is a literal.
fn default_text(default: &Expression) -> String {
    use super::token::{TokenKind, tokenize};
    let text = default.text();
    let tokens = tokenize(text).unwrap_or_default();
    let literal = |t: &super::token::Token| match t.kind {
        TokenKind::Number | TokenKind::String | TokenKind::Blob | TokenKind::Quoted => true,
        TokenKind::Word => {
            text == default.meaning() || super::token::is_keyword(text) || default.meaning().starts_with('\'')
        }
        _ => false,
    };
    let bare = match tokens.as_slice() {
        [token] => literal(token),
        [sign, token] => (sign.is(text, "-") || sign.is(text, "+")) && token.kind == TokenKind::Number,
        _ => false,
    };
    if bare { text.to_owned() } else { format!("({text})") }
}

/// A UNIQUE constraint as it is declared.
pub(crate) fn unique_text(unique: &Unique) -> String {
    let conflict = on_conflict(unique.on_conflict);
    format!("{}UNIQUE ({}){conflict}", constraint(&unique.name), parts(&unique.columns))
}

/// A foreign key as it is declared for the table.
pub(crate) fn foreign_key_text(key: &ForeignKey) -> String {
    let plain = ForeignKey { name: None, ..key.clone() };
    format!("{}FOREIGN KEY ({}) {}", constraint(&key.name), names(&key.columns), references(&plain))
}

/// A primary key as it is declared for the table.
pub(crate) fn primary_key_text(key: &PrimaryKey) -> String {
    let autoincrement = if key.autoincrement { " AUTOINCREMENT" } else { "" };
    let conflict = on_conflict(key.on_conflict);
    format!("{}PRIMARY KEY ({}{autoincrement}){conflict}", constraint(&key.name), parts(&key.columns))
}

/// A CHECK as it is declared.
pub(crate) fn check_text(check: &Check) -> String {
    format!("{}CHECK ({})", constraint(&check.name), check.expression.text())
}

fn references(key: &ForeignKey) -> String {
    let mut out = format!("{}REFERENCES {}", constraint(&key.name), display_name(&key.parent));
    if !key.parent_columns.is_empty() {
        let _ = write!(out, "({})", names(&key.parent_columns));
    }
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if action != Action::NoAction {
            let _ = write!(out, " ON {event} {}", action.keyword());
        }
    }
    if let Some(name) = &key.match_name {
        let _ = write!(out, " MATCH {}", display_name(name));
    }
    if let Some(deferrable) = key.deferrable {
        let _ = write!(out, " {}", deferrable.keyword());
    }
    out
}

/// A column in one line, without the constraints of the table.
pub(crate) fn column_text(column: &Column) -> String {
    column_definition(column) + &column_constraints(column)
}

/// A column as `ALTER TABLE … ADD COLUMN` takes it, with the constraints that come with it.
pub(crate) fn added_column(column: &Column, checks: &[&Check], keys: &[&ForeignKey]) -> String {
    // What the author wrote, where there is such a text: a migrated table then reads like a fresh one. Constraints
    // that stand at the column are in it.
    if let Some(written) = column.origin.source.as_ref().and_then(|s| s.text.get(column.origin.range.clone())) {
        let apart = keys.iter().filter(|k| k.at_column.is_none());
        return apart.fold(written.to_owned(), |text, key| format!("{text} {}", references(key)));
    }
    let mut out = column_text(column);
    for check in checks {
        let _ = write!(out, " {}", check_text(check));
    }
    for key in keys {
        let _ = write!(out, " {}", references(key));
    }
    out
}

fn index_definition(index: &Index) -> String {
    let mut out = format!(" ON {} ({})", display_name(&index.table), parts(&index.parts));
    if let Some(predicate) = &index.predicate {
        let _ = write!(out, " WHERE {}", predicate.text());
    }
    out
}

fn view_definition(view: &View) -> String {
    let columns = if view.columns.is_empty() { String::new() } else { format!(" ({})", names(&view.columns)) };
    format!("{columns} AS {}", view.body.text())
}

fn trigger_definition(trigger: &Trigger) -> String {
    let event = match &trigger.event {
        Event::Insert => "INSERT".to_owned(),
        Event::Delete => "DELETE".to_owned(),
        Event::Update(columns) if columns.is_empty() => "UPDATE".to_owned(),
        Event::Update(columns) => format!("UPDATE OF {}", names(columns)),
    };
    let when = trigger.condition.as_ref().map_or_else(String::new, |c| format!("WHEN {} ", c.text()));
    let target = display_name(&trigger.target);
    format!(" {} {event} ON {target} {when}{}", trigger.timing.keyword(), trigger.body.text())
}

fn virtual_table_definition(table: &VirtualTable) -> String {
    let arguments: Vec<_> = table.arguments.iter().map(Expression::text).collect();
    format!(" USING {}({})", display_name(&table.module), arguments.join(", "))
}

/// The whole schema as clean SQL: parents before children, views before the views that read them.
///
/// ```
/// use whimbrel_core::{Schema, sqlite::print::to_sql};
/// let schema = Schema::from_sql("create table b(a_id references a(id)); create table a(id integer primary key)")?;
/// assert_eq!(to_sql(&schema), "\
/// CREATE TABLE a (
///   id integer primary key
/// );
///
/// CREATE TABLE b (
///   a_id references a(id)
/// );
/// ");
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
pub fn to_sql(schema: &Schema) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let statement = |kind: &str, name: &str, written: &Option<String>, printed: &dyn Fn() -> String| {
        let definition = match written {
            Some(text) => format!(" {}", text.trim()),
            None => printed(),
        };
        format!("CREATE {kind} {}{definition};\n", display_name(name))
    };
    for table in parents_first(schema) {
        let laid_out = table.definition.as_ref().map(|text| lay_out(text));
        let mut block = statement("TABLE", &table.name, &laid_out, &|| table_definition(table));
        for index in schema.indexes.iter().filter(|i| same_name(&i.table, &table.name)) {
            let kind = if index.unique { "UNIQUE INDEX" } else { "INDEX" };
            block.push_str(&statement(kind, &index.name, &index.definition, &|| index_definition(index)));
        }
        blocks.push(block);
    }
    for table in &schema.virtual_tables {
        let printed = || virtual_table_definition(table);
        blocks.push(statement("VIRTUAL TABLE", &table.name, &table.definition, &printed));
    }
    for view in views_in_order(schema) {
        blocks.push(statement("VIEW", &view.name, &view.definition, &|| view_definition(view)));
    }
    for trigger in &schema.triggers {
        blocks.push(statement("TRIGGER", &trigger.name, &trigger.definition, &|| trigger_definition(trigger)));
    }
    blocks.join("\n")
}

/// A table's text with each column and constraint on a line of its own, its comments kept: `ALTER TABLE` leaves texts
/// that nobody would write.
fn lay_out(definition: &str) -> String {
    use super::token::{TokenKind, tokenize};
    let Ok(tokens) = tokenize(definition) else {
        return definition.to_owned();
    };
    let mut lines: Vec<String> = Vec::new();
    // The bytes of the line that is being read, and where the last token of it ended.
    let mut line: Option<(usize, usize)> = None;
    let mut depth = 0;
    let mut tail = definition.len();
    let mut end = 0;
    // Comments behind the line's last token; whether the line goes on is not known yet.
    let mut held: Vec<&str> = Vec::new();
    let flush = |line: &mut Option<(usize, usize)>, held: &mut Vec<&str>, lines: &mut Vec<String>, comma: &str| {
        if let Some((start, end)) = line.take() {
            let comments: String = held.drain(..).map(|comment| format!(" {comment}")).collect();
            lines.push(format!("  {}{comma}{comments}", &definition[start..end]));
        }
    };
    for token in &tokens {
        let text = token.text(definition);
        let own_line = definition[end..token.range.start].contains('\n');
        end = token.range.end;
        match text {
            "(" if depth == 0 => {
                depth = 1;
                continue;
            }
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 && text == ")" {
            tail = token.range.start;
            break;
        }
        if depth == 1 && text == "," {
            flush(&mut line, &mut held, &mut lines, ",");
            continue;
        }
        if token.kind == TokenKind::Comment && line.is_some() {
            held.push(text);
            continue;
        }
        if token.kind == TokenKind::Comment {
            // Behind a comma on its line a comment belongs to what stands before the comma.
            match lines.last_mut().filter(|_| !own_line) {
                Some(last) => *last = format!("{last} {text}"),
                None => lines.push(format!("  {text}")),
            }
            continue;
        }
        held.clear();
        line = Some((line.map_or(token.range.start, |(start, _)| start), token.range.end));
    }
    flush(&mut line, &mut held, &mut lines, "");
    if lines.is_empty() {
        return definition.to_owned();
    }
    format!("(\n{}\n{}", lines.join("\n"), definition[tail..].trim())
}

/// Tables ordered so that parents of foreign keys come first, as far as cycles allow; else as declared.
pub(crate) fn parents_first(schema: &Schema) -> Vec<&Table> {
    let edges = |table: &&Table| table.foreign_keys.iter().map(|k| fold(&k.parent)).collect::<Vec<_>>();
    in_order(schema.tables.iter().map(|t| &**t).collect(), |t| fold(&t.name), edges)
}

/// Views ordered so that a view comes after the views it reads.
pub(crate) fn views_in_order(schema: &Schema) -> Vec<&View> {
    use super::dependents::mentioned;
    in_order(schema.views.iter().collect(), |v| fold(&v.name), |v| mentioned(&v.body).into_iter().collect())
}

fn in_order<'a, T>(
    items: Vec<&'a T>,
    name: impl Fn(&&'a T) -> String,
    needs: impl Fn(&&'a T) -> Vec<String>,
) -> Vec<&'a T> {
    use std::collections::HashMap;
    let places: HashMap<String, usize> = items.iter().enumerate().map(|(n, item)| (name(item), n)).collect();
    let mut order = Vec::with_capacity(items.len());
    let mut seen = vec![false; items.len()];
    // Depth first without recursion: a chain of ten thousand tables must not exhaust the stack.
    for start in 0..items.len() {
        let mut stack = vec![(start, false)];
        while let Some((at, done)) = stack.pop() {
            if done {
                order.push(items[at]);
            } else if !std::mem::replace(&mut seen[at], true) {
                stack.push((at, true));
                let mut next: Vec<usize> = needs(&items[at]).iter().filter_map(|n| places.get(n).copied()).collect();
                next.sort_unstable();
                stack.extend(next.into_iter().rev().filter(|n| !seen[*n]).map(|n| (n, false)));
            }
        }
    }
    order
}

/// A name as every statement holds it.
pub(crate) fn main(name: &str) -> String {
    format!("main.{}", quote_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(definition: &str, expected: &str) {
        assert_eq!(lay_out(definition), expected);
        let read = |text: &str| Schema::from_sql(&format!("CREATE TABLE t {text}")).unwrap();
        assert_eq!(read(&lay_out(definition)).fingerprint(), read(definition).fingerprint());
    }

    #[test]
    fn every_column_gets_a_line_and_keeps_its_comments() {
        check(
            "(-- first\n  a INT -- one\n, b TEXT, -- two\n-- three\nc DEFAULT (1, 2), CHECK (a > 0 -- why\n AND b) /* x */) STRICT",
            "(\n  -- first\n  a INT, -- one\n  b TEXT, -- two\n  -- three\n  c DEFAULT (1, 2),\n  \
             CHECK (a > 0 -- why\n AND b) /* x */\n) STRICT",
        );
        check("(a,b , c)", "(\n  a,\n  b,\n  c\n)");
    }
}
