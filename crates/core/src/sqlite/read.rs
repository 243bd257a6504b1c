//! SQL text → [`Schema`].
//!
//! Declared schemas and the texts that SQLite keeps in `sqlite_schema` are read by the same code. It relies on
//! SQLite for judging whether a text is valid, and only finds the parts of `CREATE` statements; expressions,
//! SELECTs and trigger bodies are taken as they stand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::meaning::{Scope, expression};
use super::split::{Statement, split};
use super::statement::{Cursor, Kind};
use super::token::{TokenError, TokenKind, quote_name};
use crate::error::{Code, Error, Result};
use crate::history::record::is_own;
use crate::schema::{Expression, Index, Origin, Schema, Source, Table, Trigger, View, VirtualTable, fold, same_name};

impl Schema {
    /// Reads a schema from SQL in SQLite's dialect.
    ///
    /// `CREATE` statements declare, and `PRAGMA application_id = …` says whose file it is. Other `PRAGMA`s, `BEGIN`,
    /// `COMMIT` and `ANALYZE` are passed over, so that the output of `sqlite3 app.db .schema` is a valid source.
    ///
    /// ```
    /// let schema = whimbrel_core::Schema::from_sql("CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT)")?;
    /// assert_eq!(schema.tables[0].columns[1].declared_type, "TEXT");
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Syntax`], [`Code::NotADeclaration`], [`Code::DeclaredTwice`] or [`Code::Directive`], with the place.
    pub fn from_sql(sql: &str) -> Result<Schema> {
        Schema::from_sources(vec![Source { name: "schema.sql".into(), text: sql.into() }])
    }

    /// Reads a schema from several texts, which together declare it.
    ///
    /// # Errors
    /// As [`Schema::from_sql`].
    pub fn from_sources(sources: Vec<Source>) -> Result<Schema> {
        let mut reader = Reader::default();
        let mut later = Vec::new();
        for source in sources {
            let source = Arc::new(source);
            let statements = split(&source.text).map_err(|e| token_error(&source, e))?;
            for statement in statements {
                let mut cursor = Cursor::new(&source, &statement);
                match cursor.statement_kind()? {
                    Kind::Skipped => {}
                    Kind::ApplicationId(id) => reader.schema.application_id = Some(id),
                    Kind::Table | Kind::VirtualTable => reader.statement(&source, &statement)?,
                    Kind::Index | Kind::View | Kind::Trigger => later.push((source.clone(), statement)),
                }
            }
        }
        // Indexes are read when all tables are known, whatever the order of the declarations.
        for (source, statement) in later {
            reader.statement(&source, &statement)?;
        }
        reader.finish()
    }
}

/// One row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueRow {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The table it belongs to.
    pub table: String,
    /// Its text; none for indexes that SQLite made for constraints.
    pub sql: Option<String>,
}

/// One row of `sqlite_schema`, where it lies: the fields of a [`CatalogueRow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatalogueEntry<'a> {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: &'a str,
    /// The object's name.
    pub name: &'a str,
    /// The table it belongs to.
    pub table: &'a str,
    /// Its text; none for indexes that SQLite made for constraints.
    pub sql: Option<&'a str>,
}

impl CatalogueEntry<'_> {
    /// Whether it is something that SQLite uses and that cannot be read: only indexes of constraints have no text. Somebody has
    /// written a BLOB there.
    fn is_unreadable(&self) -> bool {
        self.sql.is_none() && self.kind != "index" && !is_internal(self.name)
    }
}

impl CatalogueRow {
    /// The row, borrowed.
    pub fn entry(&self) -> CatalogueEntry<'_> {
        CatalogueEntry { kind: &self.kind, name: &self.name, table: &self.table, sql: self.sql.as_deref() }
    }
}

impl From<CatalogueEntry<'_>> for CatalogueRow {
    fn from(entry: CatalogueEntry<'_>) -> Self {
        let CatalogueEntry { kind, name, table, sql } = entry;
        CatalogueRow { kind: kind.into(), name: name.into(), table: table.into(), sql: sql.map(Into::into) }
    }
}

/// Reads a schema from the rows of `sqlite_schema`. `shadows` are names of tables that belong to virtual tables, as
/// far as they are known from elsewhere.
///
/// # Errors
/// [`Code::Damaged`], naming the object whose text cannot be read.
pub fn read_catalogue(rows: &[CatalogueRow], shadows: &[String]) -> Result<Schema> {
    read_by(rows, shadows, &mut |_, _| Ok(false))
}

/// The same, where objects that stand in a database word for word as declared are taken from what is declared: no text has to
/// be read twice.
pub(crate) fn read_catalogue_like(rows: &[CatalogueRow], shadows: &[String], declared: &Schema) -> Result<Schema> {
    let mut known = Known::new(declared);
    read_by(rows, shadows, &mut |row, reader| match known.object(row.entry()) {
        Some(object) => reader.take(object).map(|()| true),
        None => Ok(false),
    })
}

/// Takes the object of a row that has been read before, and tells whether there is one.
type Take<'t> = &'t mut dyn FnMut(&CatalogueRow, &mut Reader) -> Result<bool>;

fn read_by(rows: &[CatalogueRow], shadows: &[String], take: Take<'_>) -> Result<Schema> {
    let shadows = shadows.iter().map(|s| fold(s)).collect();
    let mut reader = Reader { shadows, is_live: true, ..Reader::default() };
    // What a double-quoted word in an index is depends on its table.
    let mut read_tables: HashSet<&str> = HashSet::new();
    let is_table = |row: &&CatalogueRow| row.kind == "table";
    for row in rows.iter().filter(is_table).chain(rows.iter().filter(|row| !is_table(row))) {
        if row.entry().is_unreadable() {
            return Err(Error::new(Code::Damaged, format!("{} {} has no text that can be read", row.kind, row.name))
                .object(&row.name));
        }
        let Some(sql) = row.sql.as_ref().filter(|_| !is_internal(&row.name)) else {
            continue;
        };
        let stands_alone = row.kind != "index" || !read_tables.contains(row.table.as_str());
        if stands_alone && take(row, &mut reader)? {
            continue;
        }
        if row.kind == "table" {
            read_tables.insert(&row.name);
        }
        let damaged = |e: Error| {
            Error::new(Code::Damaged, format!("the text of {} {} cannot be read", row.kind, row.name))
                .object(&row.name)
                .cause(e)
        };
        let source = Arc::new(Source { name: row.name.clone(), text: sql.clone() });
        let statements = split(&source.text).map_err(|e| damaged(token_error(&source, e)))?;
        for statement in &statements {
            reader.statement(&source, statement).map_err(damaged)?;
        }
    }
    reader.finish()
}

/// The objects of a declared schema, as they are found by what SQLite's catalogue says of them.
#[derive(Default)]
pub(crate) struct Known<'a> {
    tables: Objects<'a>,
    indexes: Objects<'a>,
    views: Objects<'a>,
    triggers: Objects<'a>,
}

#[derive(Clone, Copy)]
enum Object<'a> {
    Table(&'a Arc<Table>),
    VirtualTable(&'a VirtualTable),
    Index(&'a Index),
    View(&'a View),
    Trigger(&'a Trigger),
}

/// The objects of one kind. A catalogue has them in the order in which they were made, which mostly is the declared one: then
/// each is found where it is looked for first, and nothing is hashed.
#[derive(Default)]
struct Objects<'a> {
    all: Vec<(&'a str, Object<'a>)>,
    next: usize,
    by_name: Option<HashMap<&'a str, usize>>,
}

impl<'a> Objects<'a> {
    fn new(objects: impl Iterator<Item = (&'a str, Object<'a>)>) -> Self {
        Objects { all: objects.collect(), ..Objects::default() }
    }

    fn find(&mut self, name: &str) -> Option<Object<'a>> {
        if self.all.get(self.next).is_none_or(|(next, _)| *next != name) {
            let places = || self.all.iter().enumerate().map(|(n, (name, _))| (*name, n)).collect();
            self.next = *self.by_name.get_or_insert_with(places).get(name)?;
        }
        self.next += 1;
        self.all.get(self.next - 1).map(|(_, object)| *object)
    }
}

impl<'a> Known<'a> {
    /// All objects of a schema.
    pub fn new(schema: &'a Schema) -> Self {
        let Schema { tables, virtual_tables, indexes, views, triggers, .. } = schema;
        let tables = tables.iter().map(|t| (t.name.as_str(), Object::Table(t)));
        let virtual_tables = virtual_tables.iter().map(|t| (t.name.as_str(), Object::VirtualTable(t)));
        Known {
            tables: Objects::new(tables.chain(virtual_tables)),
            indexes: Objects::new(indexes.iter().map(|i| (i.name.as_str(), Object::Index(i)))),
            views: Objects::new(views.iter().map(|v| (v.name.as_str(), Object::View(v)))),
            triggers: Objects::new(triggers.iter().map(|t| (t.name.as_str(), Object::Trigger(t)))),
        }
    }

    fn count(&self) -> usize {
        [&self.tables, &self.indexes, &self.views, &self.triggers].iter().map(|objects| objects.all.len()).sum()
    }

    /// The object of a row, if it is there in the same words.
    fn object(&mut self, row: CatalogueEntry<'_>) -> Option<Object<'a>> {
        let objects = match row.kind {
            "table" => &mut self.tables,
            "index" => &mut self.indexes,
            "view" => &mut self.views,
            "trigger" => &mut self.triggers,
            _ => return None,
        };
        let object = objects.find(row.name)?;
        let (kind, definition) = match object {
            Object::Table(table) => ("TABLE", &table.definition),
            Object::VirtualTable(table) => ("VIRTUAL TABLE", &table.definition),
            Object::Index(index) if index.unique => ("UNIQUE INDEX", &index.definition),
            Object::Index(index) => ("INDEX", &index.definition),
            Object::View(view) => ("VIEW", &view.definition),
            Object::Trigger(trigger) => ("TRIGGER", &trigger.definition),
        };
        is_text_of(row.sql?, kind, row.name, definition.as_ref()?).then_some(object)
    }
}

/// Whether a catalogue, shown row by row, holds all that is declared word for word, and nothing else that a schema declares: the
/// two mean the same then, and nothing has to be compared.
pub(crate) struct WordForWord<'a> {
    known: Known<'a>,
    shadows: HashSet<String>,
    found: usize,
    differs: bool,
}

impl<'a> WordForWord<'a> {
    /// `shadows` are names of tables that belong to virtual tables.
    pub fn new(declared: &'a Schema, shadows: &[String]) -> Self {
        let shadows = shadows.iter().map(|s| fold(s)).collect();
        WordForWord { known: Known::new(declared), shadows, found: 0, differs: false }
    }

    /// Shows it a row.
    pub fn see(&mut self, row: CatalogueEntry<'_>) {
        let is_shadow = |table: &str| !self.shadows.is_empty() && self.shadows.contains(&fold(table));
        self.differs |= row.is_unreadable();
        if self.differs || row.sql.is_none() || is_internal(row.name) || is_own(row.table) || is_shadow(row.table) {
            return;
        }
        match self.known.object(row) {
            Some(_) => self.found += 1,
            None => self.differs = true,
        }
    }

    /// The answer, when all rows were shown.
    pub fn holds(&self) -> bool {
        !self.differs && self.found == self.known.count()
    }
}

/// Whether SQLite keeps this text for what was made by these words: it begins each with the words of its own, and takes the
/// rest, from the name on, as it was written.
fn is_text_of(sql: &str, kind: &str, name: &str, definition: &str) -> bool {
    let from_name = || sql.strip_prefix("CREATE ")?.strip_prefix(kind)?.strip_prefix(' ');
    let Some(text) = from_name() else { return false };
    let rest = text.strip_prefix(name).or_else(|| text.strip_prefix(&quote_name(name)));
    // The printer sets a space where the definition brings none.
    rest.is_some_and(|rest| rest == definition || rest.strip_prefix(' ') == Some(definition))
}

/// Whether SQLite keeps this object for itself.
pub(crate) fn is_internal(name: &str) -> bool {
    name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"))
}

/// The suffixes of the tables in which a module keeps its data; none where the module is not known.
fn shadow_suffixes(module: &str) -> &'static [&'static str] {
    match fold(module).as_str() {
        "fts3" | "fts4" => &["content", "segments", "segdir", "docsize", "stat"],
        "fts5" => &["data", "idx", "content", "docsize", "config"],
        "rtree" | "rtree_i32" | "geopoly" => &["node", "rowid", "parent"],
        "spellfix1" => &["vocab"],
        _ => &[],
    }
}

fn token_error(source: &Arc<Source>, error: TokenError) -> Error {
    let end = source.text[error.at..].chars().next().map_or(error.at, |c| error.at + c.len_utf8());
    let origin = Origin { source: Some(source.clone()), range: error.at..end };
    Error::new(Code::Syntax, error.message).at(&origin, "starts here")
}

/// Sets the names of triggers apart from all others; no name starts with it.
const TRIGGER: &str = "\0";

#[derive(Default)]
struct Reader {
    schema: Schema,
    /// What is declared so far, by its place among the origins.
    names: HashMap<String, usize>,
    origins: Vec<Origin>,
    columns: Columns,
    shadows: HashSet<String>,
    /// Whether it is what a database holds. A comment in there was understood by whoever wrote it, and is no reason to
    /// call the database damaged.
    is_live: bool,
}

/// The columns of tables, by the tables' names in lower case.
#[derive(Default)]
pub(super) struct Columns {
    tables: HashMap<String, Arc<Table>>,
}

impl Columns {
    fn insert(&mut self, table: Arc<Table>) {
        self.tables.insert(fold(&table.name), table);
    }

    /// The columns of a table, whatever the case of its name.
    pub(super) fn of(&self, table: &str) -> Option<Vec<String>> {
        let table = self.tables.get(&fold(table))?;
        Some(table.columns.iter().map(|column| column.name.clone()).collect())
    }
}

impl Reader {
    fn statement(&mut self, source: &Arc<Source>, statement: &Statement) -> Result<()> {
        let mut cursor = Cursor::new(source, statement);
        let kind = cursor.statement_kind()?;
        let hints = cursor.hints()?;
        match kind {
            Kind::Table => {
                let mut table = cursor.table(&[])?;
                // What a double-quoted word is depends on the columns, which are known only now.
                if statement.tokens.iter().any(|t| source.text[t.range.clone()].starts_with('"')) {
                    let columns: Vec<_> = table.columns.iter().map(|c| c.name.clone()).collect();
                    cursor = Cursor::new(source, statement);
                    cursor.statement_kind()?;
                    table = cursor.table(&columns)?;
                }
                let attached = attach_hints(&mut table, hints);
                if !self.is_live {
                    attached?;
                }
                self.declare(&table.name, &table.origin)?;
                self.add_table(Arc::new(table));
                return Ok(());
            }
            Kind::VirtualTable => {
                let table = cursor.virtual_table()?;
                self.declare(&table.name, &table.origin)?;
                self.schema.virtual_tables.push(table);
            }
            Kind::Index => {
                let index = cursor.index(&self.columns)?;
                self.declare(&index.name, &index.origin)?;
                self.schema.indexes.push(index);
            }
            Kind::View => {
                let view = cursor.view()?;
                self.declare(&view.name, &view.origin)?;
                self.schema.views.push(view);
            }
            Kind::Trigger => {
                let trigger = cursor.trigger()?;
                // Triggers have names of their own: one may be called like a table.
                self.declare(&format!("{TRIGGER}{}", trigger.name), &trigger.origin)?;
                self.schema.triggers.push(trigger);
            }
            Kind::Skipped | Kind::ApplicationId(_) => return Ok(()),
        }
        match hints.first() {
            Some(hint) if !self.is_live => Err(hint.error("this directive stands by a table or a column")),
            _ => Ok(()),
        }
    }

    fn add_table(&mut self, table: Arc<Table>) {
        self.columns.insert(Arc::clone(&table));
        self.schema.tables.push(table);
    }

    /// Takes an object that has been read before.
    fn take(&mut self, object: Object<'_>) -> Result<()> {
        match object {
            Object::Table(table) => {
                self.declare(&table.name, &table.origin)?;
                self.add_table(Arc::clone(table));
            }
            Object::VirtualTable(table) => {
                self.declare(&table.name, &table.origin)?;
                self.schema.virtual_tables.push(table.clone());
            }
            Object::Index(index) => {
                self.declare(&index.name, &index.origin)?;
                self.schema.indexes.push(index.clone());
            }
            Object::View(view) => {
                self.declare(&view.name, &view.origin)?;
                self.schema.views.push(view.clone());
            }
            Object::Trigger(trigger) => {
                self.declare(&format!("{TRIGGER}{}", trigger.name), &trigger.origin)?;
                self.schema.triggers.push(trigger.clone());
            }
        }
        Ok(())
    }

    fn declare(&mut self, name: &str, origin: &Origin) -> Result<()> {
        self.origins.push(origin.clone());
        match self.names.insert(fold(name), self.origins.len() - 1) {
            None => Ok(()),
            Some(first) => {
                let first = &self.origins[first];
                let shown = name.strip_prefix(TRIGGER).unwrap_or(name);
                let mut error = Error::new(Code::DeclaredTwice, format!("{shown} is declared twice"))
                    .object(shown)
                    .at(origin, "declared again here");
                if let Some((line, column)) = first.line_and_column() {
                    let name = first.source.as_ref().map_or("", |s| &s.name);
                    error = error.help(format!("the first declaration is at {name}:{line}:{column}"));
                }
                Err(error)
            }
        }
    }

    fn finish(mut self) -> Result<Schema> {
        let mut shadows = self.shadows;
        for table in &self.schema.virtual_tables {
            for suffix in shadow_suffixes(&table.module) {
                shadows.insert(fold(&format!("{}_{suffix}", table.name)));
            }
        }
        if !shadows.is_empty() {
            self.schema.tables.retain(|t| !shadows.contains(&fold(&t.name)));
            self.schema.indexes.retain(|i| !shadows.contains(&fold(&i.table)));
        }
        Ok(self.schema)
    }
}

/// A `-- whimbrel: …` comment.
pub(super) struct Hint {
    pub directive: String,
    pub origin: Origin,
    /// The end of the token before it when that stands on the same line.
    pub after: Option<usize>,
}

impl Hint {
    fn error(&self, message: &str) -> Error {
        Error::new(Code::Directive, message)
            .at(&self.origin, "here")
            .help("known are `-- whimbrel: renamed from <old name>` and `-- whimbrel: backfill <expression>`")
    }
}

/// The expression of a back-fill. It may read columns that the change drops, so its names belong to no one table.
pub(crate) fn backfill(text: &str) -> Result<Expression> {
    let wrong = |message: &str| Error::new(Code::Directive, message);
    let tokens = super::token::tokenize(text).map_err(|e| wrong(e.message))?;
    if tokens.iter().all(|t| t.kind == TokenKind::Comment) {
        return Err(wrong("a back-fill needs an expression"));
    }
    if tokens.iter().any(|t| t.is(text, ";")) {
        return Err(wrong("a back-fill is one expression"));
    }
    Ok(expression(text, &tokens, &Scope::Open))
}

fn attach_hints(table: &mut Table, hints: Vec<Hint>) -> Result<()> {
    for hint in hints {
        let column = match hint.after {
            Some(after) => table.columns.iter_mut().rev().find(|c| c.origin.range.start < after),
            None if hint.origin.range.start < table.origin.range.start => None,
            None => match table.columns.iter_mut().find(|c| c.origin.range.start > hint.origin.range.start) {
                Some(column) => Some(column),
                None => return Err(hint.error("this directive stands by no column")),
            },
        };
        let (word, rest) = hint.directive.split_once(char::is_whitespace).unwrap_or((&hint.directive, ""));
        let rest = rest.trim();
        if fold(word) == "renamed" {
            let name = rest
                .split_once(char::is_whitespace)
                .filter(|(from, _)| same_name(from, "from"))
                .map(|(_, name)| name.trim())
                .filter(|name| !name.is_empty())
                .ok_or_else(|| hint.error("a rename names the old name: `renamed from <old name>`"))?;
            let name = super::token::unquote(name);
            match column {
                Some(column) => column.renamed_from = Some(name),
                None => table.renamed_from = Some(name),
            }
        } else if fold(word) == "backfill" {
            let column = column.ok_or_else(|| hint.error("a back-fill stands by a column"))?;
            let expression = backfill(rest).map_err(|e| hint.error(&e.report().message))?;
            column.backfill = Some(expression);
        } else {
            return Err(hint.error(&format!("unknown directive `{word}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GENERATED` is a word of a type for SQLite, unless `ALWAYS AS` follows.
    #[test]
    fn a_type_may_have_a_word_of_generated_columns() {
        let sql = "CREATE TABLE t(a LONG GENERATED ALWAYS TEXT NULL, b INT GENERATED ALWAYS AS (a))";
        let schema = Schema::from_sql(sql).unwrap();
        let columns = &schema.tables[0].columns;
        assert_eq!(columns[0].declared_type, "LONG GENERATED ALWAYS TEXT");
        assert_eq!((columns[1].declared_type.as_str(), columns[1].generated.is_some()), ("INT", true));
    }

    /// A database that a newer version has made, with a directive that this one does not know, was called damaged.
    #[test]
    fn comments_in_a_database_are_no_reason_to_refuse_it() {
        let row = |kind: &str, name: &str, sql: &str| CatalogueRow {
            kind: kind.into(),
            name: name.into(),
            table: "t".into(),
            sql: Some(sql.into()),
        };
        let rows = [
            row("table", "t", "CREATE TABLE t(a INT, -- whimbrel: shine brightly\n b INT -- whimbrel: backfill (\n)"),
            row("view", "v", "CREATE VIEW v AS SELECT a -- whimbrel: renamed from w\n FROM t"),
        ];
        let schema = read_catalogue(&rows, &[]).unwrap();
        assert_eq!((schema.tables[0].columns.len(), schema.views.len()), (2, 1));
        for declared in rows {
            let sql = declared.sql.unwrap_or_default();
            assert_eq!(Schema::from_sql(&sql).unwrap_err().code(), Code::Directive, "{sql}");
        }
    }

    fn rows(texts: &[(&str, &str, &str, &str)]) -> Vec<CatalogueRow> {
        let row = |(kind, name, table, sql): &(&str, &str, &str, &str)| CatalogueRow {
            kind: (*kind).into(),
            name: (*name).into(),
            table: (*table).into(),
            sql: Some((*sql).into()).filter(|sql: &String| !sql.is_empty()),
        };
        texts.iter().map(row).collect()
    }

    const DECLARED: &str = "create table  notes (id INTEGER PRIMARY KEY, \"a b\" TEXT UNIQUE); CREATE TABLE \"a b\"(c);
        CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5(body); CREATE UNIQUE INDEX main.by_c ON \"a b\"(c);
        CREATE INDEX plain ON notes(\"a b\"); CREATE VIEW v AS SELECT 1;
        CREATE TRIGGER v INSTEAD OF INSERT ON v BEGIN SELECT 1; END";

    /// The rows of a database that holds what is declared, as SQLite 3.54 writes them.
    const KEPT: [(&str, &str, &str, &str); 11] = [
        ("table", "notes", "notes", "CREATE TABLE \"notes\" (id INTEGER PRIMARY KEY, \"a b\" TEXT UNIQUE)"),
        ("index", "sqlite_autoindex_notes_1", "notes", ""),
        ("table", "a b", "a b", "CREATE TABLE \"a b\"(c)"),
        ("table", "search", "search", "CREATE VIRTUAL TABLE search USING fts5(body)"),
        ("table", "search_data", "search_data", "CREATE TABLE 'search_data'(id INTEGER PRIMARY KEY, block BLOB)"),
        ("index", "by_c", "a b", "CREATE UNIQUE INDEX by_c ON \"a b\"(c)"),
        ("index", "plain", "notes", "CREATE INDEX plain ON notes(\"a b\")"),
        ("view", "v", "v", "CREATE VIEW v AS SELECT 1"),
        ("trigger", "v", "v", "CREATE TRIGGER v INSTEAD OF INSERT ON v BEGIN SELECT 1; END"),
        ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        ("table", "_whimbrel_state", "_whimbrel_state", "CREATE TABLE _whimbrel_state(a)"),
    ];

    #[test]
    fn what_stands_there_word_for_word_is_known() {
        let declared = Schema::from_sql(DECLARED).unwrap();
        let shadows = ["search_data".to_owned()];
        let holds = |rows: &[CatalogueRow], shadows: &[String]| {
            let mut comparison = WordForWord::new(&declared, shadows);
            rows.iter().for_each(|row| comparison.see(row.entry()));
            comparison.holds()
        };
        let kept = rows(&KEPT);
        assert!(holds(&kept, &shadows));
        let taken = read_catalogue_like(&kept, &shadows, &declared).unwrap().without(is_own);
        assert_eq!(taken, declared, "taken, origins too");
        let read = read_catalogue(&kept, &shadows).unwrap().without(is_own);
        assert_eq!(read.fingerprint(), declared.fingerprint());

        for (at, (kind, name, table, sql)) in KEPT.into_iter().enumerate() {
            let is_declared = !sql.is_empty() && !["search_data", "sqlite_stat1", "_whimbrel_state"].contains(&name);
            let mut changed = KEPT.to_vec();
            changed.remove(at);
            assert_eq!(holds(&rows(&changed), &shadows), !is_declared, "without {kind} {name}");
            let other = if sql.is_empty() { String::new() } else { format!("{sql} ") };
            changed.insert(at, (kind, name, table, &other));
            assert_eq!(holds(&rows(&changed), &shadows), !is_declared, "another {kind} {name}: {other}");
        }
        // A table that was made anew stands last, whatever was declared after it.
        for turned in 0..KEPT.len() {
            let mut turned_rows = KEPT.to_vec();
            turned_rows.rotate_left(turned);
            assert!(holds(&rows(&turned_rows), &shadows), "from place {turned} on");
            turned_rows.reverse();
            assert!(holds(&rows(&turned_rows), &shadows), "back from place {turned}");
        }
        // SQLite reads a BLOB there as a text.
        let unreadable = [&KEPT[..], &[("table", "secret", "secret", "")]].concat();
        assert!(!holds(&rows(&unreadable), &shadows));
        assert_eq!(read_catalogue(&rows(&unreadable), &shadows).unwrap_err().code(), Code::Damaged);
        let mut more = KEPT.to_vec();
        more.push(("view", "w", "w", "CREATE VIEW w AS SELECT 1"));
        assert!(!holds(&rows(&more), &shadows));
        assert!(!holds(&kept, &[]), "a table of a module that nobody has named");
    }

    /// A double-quoted word that is no column is a text, and the words of the index stay the same.
    #[test]
    fn an_index_is_read_again_where_its_table_is() {
        let declared = Schema::from_sql("CREATE TABLE t(a, b); CREATE INDEX i ON t(a) WHERE a > \"b\"").unwrap();
        let live = rows(&[
            ("table", "t", "t", "CREATE TABLE t(a)"),
            ("index", "i", "t", "CREATE INDEX i ON t(a) WHERE a > \"b\""),
        ]);
        let found = read_catalogue_like(&live, &[], &declared).unwrap();
        assert_eq!(found.fingerprint(), read_catalogue(&live, &[]).unwrap().fingerprint());
        assert_ne!(found.indexes[0].predicate, declared.indexes[0].predicate);
    }
}
