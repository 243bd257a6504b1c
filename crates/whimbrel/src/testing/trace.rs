//! Where the rows and the columns of tables come from, after scripts have run: read from the words of their statements.
//!
//! Rows are compared before and after a migration, and what the migration itself says it changes is no finding. So each
//! statement that writes rows, or moves a table, is followed: a table that is made anew and filled by
//! `INSERT INTO new SELECT … FROM old` holds the rows of the old one, column by column as far as the SELECT names plain
//! columns. What is computed counts as changed on purpose; what is passed on must arrive.
//!
//! Statements that are not understood change nothing here: then more is expected of the rows, never less.

use std::collections::{BTreeMap, BTreeSet};

use whimbrel_core::Schema;
use whimbrel_core::sqlite::token::{Token, TokenKind, tokenize};

/// What has become of the tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    /// By name in lower case.
    pub tables: BTreeMap<String, Traced>,
    /// A table, and what triggers on it write.
    triggers: Vec<(String, BTreeSet<String>)>,
    /// The script that runs.
    script: String,
}

/// Where a table comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Traced {
    /// The table whose rows it holds, by its name at the start; none where it was made on the way and not filled from
    /// one.
    pub origin: Option<String>,
    /// The name it was made with.
    pub born: String,
    /// Its columns.
    pub columns: BTreeMap<String, Source>,
    /// Why it may have more rows.
    pub grows: Option<String>,
    /// Why it may have fewer.
    pub shrinks: Option<String>,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// The column at the start; none where its values are new.
    pub column: Option<String>,
    /// Whether a statement writes other values on purpose.
    pub is_written: bool,
}

impl Source {
    fn of(column: &str) -> Source {
        Source { column: Some(column.to_owned()), is_written: false }
    }
}

impl Trace {
    /// Every table holds its own rows.
    pub fn new(schema: &Schema) -> Trace {
        let mut trace = Trace::default();
        for table in &schema.tables {
            let names = table.columns.iter().map(|c| c.name.as_str());
            trace.tables.insert(fold(&table.name), Traced::at_start(&table.name, names));
        }
        for table in &schema.virtual_tables {
            let names = table.arguments.iter().filter_map(|argument| argument.text().split_whitespace().next());
            trace.tables.insert(fold(&table.name), Traced::at_start(&table.name, names));
        }
        for trigger in &schema.triggers {
            trace.triggers.push((fold(&trigger.target), written_tables(trigger.body.text())));
        }
        trace
    }

    /// Follows the statements of a script, called `name` where something is told of it.
    pub fn follow<'t>(&mut self, name: &str, statements: impl Iterator<Item = &'t str>) {
        name.clone_into(&mut self.script);
        for sql in statements {
            // SQLite has accepted it, or will say what is wrong with it.
            let Ok(mut tokens) = tokenize(sql) else { continue };
            tokens.retain(|token| token.kind != TokenKind::Comment);
            self.statement(&mut Words { sql, tokens: &tokens, at: 0 });
        }
    }

    fn statement(&mut self, words: &mut Words<'_>) {
        if words.take("create") {
            self.create(words);
        } else if words.take("alter") {
            self.alter(words);
        } else if words.take("drop") {
            if words.take("table") {
                let _ = words.take("if") && words.take("exists");
                if let Some(table) = words.table() {
                    self.tables.remove(&table);
                }
            }
        } else {
            words.skip_to(&["insert", "replace", "update", "delete"]);
            if words.take("update") {
                self.update(words);
            } else if words.take("delete") && words.take("from") {
                if let Some(table) = words.table() {
                    let why = format!("{} deletes from it", self.script);
                    self.tables.entry(table.clone()).and_modify(|t| t.shrinks = Some(why));
                    self.fire(&table);
                }
            } else if words.peek("insert") || words.peek("replace") {
                self.insert(words);
            }
        }
    }

    fn create(&mut self, words: &mut Words<'_>) {
        let _ = words.take("temp") || words.take("temporary");
        if words.take("trigger") {
            words.skip_to(&["on"]);
            words.at += 1;
            if let Some(target) = words.table() {
                let body = words.rest();
                self.triggers.push((target, written_tables(body)));
            }
            return;
        }
        let is_virtual = words.take("virtual");
        if !words.take("table") {
            return;
        }
        if words.take("if") {
            words.at += 2;
        }
        let Some(name) = words.table() else { return };
        // `IF NOT EXISTS` of a table that exists makes none.
        if self.tables.contains_key(&name) {
            return;
        }
        let mut made = Traced { born: name.clone(), ..Traced::default() };
        if words.take("as") {
            let select = Select::read(words);
            self.copy(&mut made, &select, None, "");
        } else if !is_virtual {
            let columns = Schema::from_sql(&format!("CREATE TABLE x {}", words.rest()));
            let table = columns.ok().and_then(|mut schema| schema.tables.pop());
            let columns = table.iter().flat_map(|table| &table.columns);
            made.columns = columns.map(|c| (fold(&c.name), Source::default())).collect();
        }
        self.tables.insert(name, made);
    }

    fn alter(&mut self, words: &mut Words<'_>) {
        let _ = words.take("table");
        let Some(name) = words.table() else { return };
        let Some(mut table) = self.tables.remove(&name) else { return };
        let mut new_name = name.clone();
        if words.take("rename") {
            if words.take("to") {
                new_name = words.table().unwrap_or(name.clone());
                for (target, written) in &mut self.triggers {
                    if *target == name {
                        target.clone_from(&new_name);
                    }
                    if written.remove(&name) {
                        written.insert(new_name.clone());
                    }
                }
            } else {
                let _ = words.take("column");
                let (from, _, to) = (words.name(), words.take("to"), words.name());
                if let (Some(from), Some(to)) = (from, to)
                    && let Some(source) = table.columns.remove(&from)
                {
                    table.columns.insert(to, source);
                }
            }
        } else if words.take("add") {
            let _ = words.take("column");
            if let Some(column) = words.name() {
                table.columns.insert(column, Source::default());
            }
        } else if words.take("drop") {
            let _ = words.take("column");
            if let Some(column) = words.name() {
                table.columns.remove(&column);
            }
        }
        self.tables.insert(new_name, table);
    }

    fn update(&mut self, words: &mut Words<'_>) {
        let mut may_lose = false;
        if words.take("or") {
            may_lose = words.peek("replace");
            words.at += 1;
        }
        let Some(name) = words.table() else { return };
        words.skip_to(&["set"]);
        words.at += 1;
        let mut written = Vec::new();
        while words.at < words.tokens.len() {
            written.extend(if words.peek("(") { words.list() } else { words.name().into_iter().collect() });
            words.skip_to(&[",", "from", "where", "returning", "order", "limit"]);
            if !words.take(",") {
                break;
            }
        }
        if let Some(table) = self.tables.get_mut(&name) {
            for column in written {
                table.columns.entry(column).or_default().is_written = true;
            }
            if may_lose {
                table.shrinks = Some(format!("{} replaces rows in it", self.script));
            }
        }
        self.fire(&name);
    }

    fn insert(&mut self, words: &mut Words<'_>) {
        let mut conflict = "";
        if words.take("replace") {
            conflict = "replace";
        } else {
            words.at += 1;
            if words.take("or") {
                conflict = words.one_of(&["replace", "ignore"]).unwrap_or_default();
                words.at += 1;
            }
        }
        let _ = words.take("into");
        let Some(name) = words.table() else { return };
        if words.take("as") {
            words.at += 1;
        }
        let columns = words.peek("(").then(|| words.list());
        let is_upsert = words.has("conflict") && words.has("do") && words.has("set");
        let select = (words.peek("select") || words.peek("with")).then(|| Select::read(words));
        self.fire(&name);
        let Some(mut table) = self.tables.remove(&name) else { return };
        match select {
            Some(select) if table.origin.is_none() && self.source(&select).is_some() => {
                self.copy(&mut table, &select, columns.as_deref(), conflict);
            }
            select => {
                // What is filled from a table that was made on the way is as new as that one, whatever it is called.
                let made = select.and_then(|select| self.tables.get(&select.from?));
                if let (None, Some(made)) = (&table.origin, made.filter(|made| made.origin.is_none())) {
                    table.born.clone_from(&made.born);
                }
                table.grows = Some(format!("{} inserts into it", self.script));
                if conflict == "replace" {
                    table.shrinks = Some(format!("{} replaces rows in it", self.script));
                }
                if is_upsert || conflict == "replace" {
                    table.columns.values_mut().for_each(|source| source.is_written = true);
                }
            }
        }
        self.tables.insert(name, table);
    }

    /// The table that a SELECT reads: the first behind FROM, or the first with rows of the start that it names at all.
    fn source(&self, select: &Select) -> Option<(&Traced, bool)> {
        let plain = select.from.as_ref().and_then(|name| self.tables.get(name));
        let with_rows = |name: &String| self.tables.get(name).filter(|table| table.origin.is_some());
        match plain {
            Some(table) if table.origin.is_some() => Some((table, true)),
            _ => select.names.iter().find_map(with_rows).map(|table| (table, false)),
        }
    }

    /// Fills a table that was made on the way.
    fn copy(&self, table: &mut Traced, select: &Select, columns: Option<&[String]>, conflict: &str) {
        let Some((from, is_plain)) = self.source(select) else { return };
        table.origin.clone_from(&from.origin);
        let script = &self.script;
        let mut why = from.shrinks.clone();
        if select.filters || !is_plain {
            why = Some(format!("{script} copies the rows that its query gives"));
        } else if select.joins {
            why = Some(format!("{script} copies the rows that its JOIN finds partners for"));
        } else if !conflict.is_empty() {
            why = Some(format!("{script} copies with OR {}", conflict.to_ascii_uppercase()));
        }
        table.shrinks = table.shrinks.take().or(why);
        table.grows = table.grows.take().or_else(|| from.grows.clone());
        if select.combines || select.joins {
            table.grows.get_or_insert_with(|| format!("{script} copies what several tables give together"));
        }
        let changed = |column: &str| Source { column: from.origin_of(column), is_written: true };
        // A table whose text could not be read, or that is made by the query.
        if table.columns.is_empty() {
            let names = select.items.iter().flatten().filter_map(Item::result_name);
            table.columns = names.map(|name| (name, Source::default())).collect();
            if select.is_everything() {
                table.columns = from.columns.keys().map(|name| (name.clone(), Source::default())).collect();
            }
        }
        if !is_plain {
            table.columns.iter_mut().for_each(|(name, source)| *source = changed(name));
            return;
        }
        if select.is_everything() && columns.is_none() {
            for (name, source) in &mut table.columns {
                *source = from.columns.get(name).cloned().unwrap_or_default();
            }
            return;
        }
        let items = select.items.as_deref().unwrap_or_default();
        let is_listed = columns.is_some_and(|columns| columns.len() == items.len());
        // Without a list the places of the columns decide, and what is not passed on by name may be computed.
        if !is_listed {
            let expression = items.iter().any(|item| matches!(item, Item::Expression(_)));
            for (name, source) in &mut table.columns {
                *source = if expression { changed(name) } else { Source::default() };
            }
        }
        for (n, item) in items.iter().enumerate() {
            let target = columns.filter(|_| is_listed).and_then(|columns| columns.get(n));
            match (item, target) {
                (Item::Column(column), Some(target)) => {
                    let source = from.columns.get(column).cloned().unwrap_or_else(|| changed(target));
                    table.columns.insert(target.clone(), source);
                }
                (Item::Expression(_), Some(target)) => {
                    table.columns.insert(target.clone(), changed(target));
                }
                (Item::Column(column), None) if table.columns.contains_key(column) => {
                    let source = from.columns.get(column).cloned().unwrap_or_else(|| changed(column));
                    table.columns.insert(column.clone(), source);
                }
                _ => {}
            }
        }
    }

    /// What triggers on a written table write in their turn.
    fn fire(&mut self, table: &str) {
        let mut reached: BTreeSet<String> = BTreeSet::new();
        let mut next = vec![table.to_owned()];
        while let Some(table) = next.pop() {
            for (_, written) in self.triggers.iter().filter(|(target, _)| *target == table) {
                next.extend(written.iter().filter(|name| reached.insert((*name).clone())).cloned());
            }
        }
        for name in reached {
            let why = format!("a trigger that {} fires writes it", self.script);
            if let Some(table) = self.tables.get_mut(&name) {
                table.grows = Some(why.clone());
                table.shrinks = Some(why);
                table.columns.values_mut().for_each(|source| source.is_written = true);
            }
        }
    }
}

impl Traced {
    fn at_start<'n>(name: &str, columns: impl Iterator<Item = &'n str>) -> Traced {
        let columns = columns.map(|column| (fold(column), Source::of(&fold(column)))).collect();
        Traced { origin: Some(fold(name)), born: fold(name), columns, ..Traced::default() }
    }

    fn origin_of(&self, column: &str) -> Option<String> {
        self.columns.get(column).and_then(|source| source.column.clone())
    }
}

/// The tables that the statements of a trigger write.
fn written_tables(body: &str) -> BTreeSet<String> {
    let Ok(tokens) = tokenize(body) else { return BTreeSet::new() };
    let tokens: Vec<Token> = tokens.into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
    let mut words = Words { sql: body, tokens: &tokens, at: 0 };
    let mut written = BTreeSet::new();
    while words.at < tokens.len() {
        let is_delete = words.at > 0 && tokens[words.at - 1].is(body, "delete");
        if words.take("into") || (is_delete && words.take("from")) || words.take("update") {
            if words.take("or") {
                words.at += 1;
            }
            written.extend(words.table());
        } else {
            words.at += 1;
        }
    }
    written
}

/// What a SELECT gives, as far as its words say.
#[derive(Debug, Default)]
struct Select {
    /// Its columns; none for `*`.
    items: Option<Vec<Item>>,
    /// The table behind FROM.
    from: Option<String>,
    /// Whether it leaves rows out on purpose.
    filters: bool,
    /// Whether it looks for partners of the rows in other tables.
    joins: bool,
    /// Whether it copies what several tables give together.
    combines: bool,
    /// Every name in it.
    names: Vec<String>,
}

#[derive(Debug)]
enum Item {
    /// Of the table behind FROM.
    Column(String),
    /// With the name it is given.
    Expression(Option<String>),
}

/// What may stand behind a table's name in FROM, where no other name for it does.
const BEHIND_A_TABLE: [&str; 17] = [
    ",",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
    "where",
    "group",
    "order",
    "limit",
    "union",
    "except",
    "intersect",
    "on",
    ";",
];

impl Item {
    /// One item of a SELECT, with the table it is asked of where it names one; none for everything.
    fn read(item: &[Token], sql: &str) -> (Option<String>, Option<Item>) {
        let name = |token: &Token| token.name(sql).map(|name| fold(&name));
        // `a AS a` passes on what it names; `a AS b` gives it another name.
        let (item, alias) = match item {
            [item @ .., word, alias] if word.is(sql, "as") => (item, name(alias)),
            item => (item, None),
        };
        let column = |token: &Token| name(token).filter(|name| alias.as_ref().is_none_or(|alias| alias == name));
        match item {
            [star] if star.is(sql, "*") => (None, None),
            [_, dot, star] if dot.is(sql, ".") && star.is(sql, "*") => (None, None),
            // A text in quotes is a value, and NULL, TRUE and their like are no columns.
            [one] if is_column(one, sql) && column(one).is_some() => (None, column(one).map(Item::Column)),
            [table, dot, one] if dot.is(sql, ".") && is_column(one, sql) && column(one).is_some() => {
                (name(table), column(one).map(Item::Column))
            }
            _ => (None, Some(Item::Expression(alias))),
        }
    }

    fn result_name(&self) -> Option<String> {
        match self {
            Item::Column(name) => Some(name.clone()),
            Item::Expression(name) => name.clone(),
        }
    }
}

impl Select {
    fn read(words: &mut Words<'_>) -> Select {
        let mut select = Select::default();
        let names = words.tokens[words.at..].iter().filter_map(|token| token.name(words.sql));
        select.names = names.map(|name| fold(&name)).collect();
        words.skip_to(&["select"]);
        words.at += 1;
        select.filters |= words.take("distinct");
        let mut items = Vec::new();
        let mut is_everything = false;
        while words.at < words.tokens.len() {
            let start = words.at;
            words.skip_to(&[",", "from", "where", "union", "except", "intersect", "limit", ";"]);
            let (qualifier, item) = Item::read(&words.tokens[start..words.at], words.sql);
            match item {
                Some(item) => items.push((qualifier, item)),
                None => is_everything = true,
            }
            if !words.take(",") {
                break;
            }
        }
        let mut names = Vec::new();
        if words.take("from") && !words.peek("(") {
            select.from = words.table();
            names.extend(select.from.clone());
            let is_named = words.take("as") || words.one_of(&BEHIND_A_TABLE).is_none();
            names.extend(is_named.then(|| words.name()).flatten());
        }
        // What stands in parentheses is a part of an expression, or a query that has its own rows.
        while words.at < words.tokens.len() {
            if words.peek("(") {
                words.skip_group();
                continue;
            }
            select.combines |= words.peek("union");
            select.joins |= words.one_of(&["join", ","]).is_some();
            let leaves_out = ["where", "limit", "group", "having", "except", "intersect", "offset"];
            select.filters |= words.one_of(&leaves_out).is_some();
            words.at += 1;
        }
        let own = |(qualifier, item): (Option<String>, Item)| match (qualifier, item) {
            (Some(other), Item::Column(name)) if !names.contains(&other) => Item::Expression(Some(name)),
            (_, item) => item,
        };
        select.items = (!is_everything).then(|| items.into_iter().map(own).collect());
        select
    }

    fn is_everything(&self) -> bool {
        self.items.is_none()
    }
}

fn is_column(token: &Token, sql: &str) -> bool {
    let is_value = ["null", "true", "false", "current_time", "current_date", "current_timestamp"];
    match token.kind {
        TokenKind::Word => !is_value.iter().any(|word| token.is(sql, word)),
        TokenKind::Quoted => true,
        _ => false,
    }
}

/// The tokens of a statement, one after the other.
struct Words<'s> {
    sql: &'s str,
    tokens: &'s [Token],
    at: usize,
}

impl Words<'_> {
    fn peek(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is(self.sql, word))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_there = self.peek(word);
        self.at += usize::from(is_there);
        is_there
    }

    fn one_of<'w>(&self, words: &[&'w str]) -> Option<&'w str> {
        words.iter().copied().find(|word| self.peek(word))
    }

    /// Whether the word stands anywhere from here on.
    fn has(&self, word: &str) -> bool {
        self.tokens.iter().skip(self.at).any(|token| token.is(self.sql, word))
    }

    fn name(&mut self) -> Option<String> {
        let name = self.tokens.get(self.at)?.name(self.sql)?;
        self.at += 1;
        Some(fold(&name))
    }

    /// A table's name, behind that of its schema where there is one.
    fn table(&mut self) -> Option<String> {
        let name = self.name()?;
        if self.take(".") { self.name() } else { Some(name) }
    }

    /// Names in parentheses.
    fn list(&mut self) -> Vec<String> {
        let start = self.at + 1;
        self.skip_group();
        let end = self.at.saturating_sub(1).min(self.tokens.len());
        let inner = self.tokens.get(start..end).unwrap_or_default();
        inner.iter().filter_map(|token| token.name(self.sql)).map(|name| fold(&name)).collect()
    }

    /// Goes behind what stands in parentheses.
    fn skip_group(&mut self) {
        let mut depth = 0usize;
        while self.at < self.tokens.len() {
            if self.peek("(") {
                depth += 1;
            } else if self.peek(")") {
                depth = depth.saturating_sub(1);
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Goes to the first of these words that stands in no parentheses, or to the end.
    fn skip_to(&mut self, words: &[&str]) {
        while self.at < self.tokens.len() {
            if self.one_of(words).is_some() {
                return;
            }
            if self.peek("(") {
                self.skip_group();
            } else {
                self.at += 1;
            }
        }
    }

    fn rest(&self) -> &str {
        self.tokens.get(self.at).and_then(|token| self.sql.get(token.range.start..)).unwrap_or_default()
    }
}

/// A name as it is compared.
pub(super) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(script: &str) -> Trace {
        let schema = Schema::from_sql(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE TABLE log(line TEXT);
             CREATE TRIGGER t_log AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.a); END;",
        )
        .unwrap();
        let mut trace = Trace::new(&schema);
        let statements = whimbrel_core::sqlite::split::split(script).unwrap();
        trace.follow("0002_x", statements.iter().map(|statement| &script[statement.range.clone()]));
        trace
    }

    /// A table's fate in a line: its origin, whether it may shrink or grow, its columns.
    fn fate(trace: &Trace, table: &str) -> String {
        let Some(table) = trace.tables.get(table) else { return "gone".to_owned() };
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, source)| {
                let from = source.column.as_deref().unwrap_or("-");
                format!("{name}={from}{}", if source.is_written { "!" } else { "" })
            })
            .collect();
        let sign = |why: &Option<String>, sign| if why.is_some() { sign } else { "" };
        format!(
            "{}{}{}: {}",
            table.origin.as_deref().unwrap_or("new"),
            sign(&table.shrinks, "<"),
            sign(&table.grows, ">"),
            columns.join(" ")
        )
    }

    #[test]
    fn what_a_script_does_to_a_table() {
        let check = |script: &str, expected: &str| assert_eq!(fate(&trace(script), "t"), expected, "{script}");
        check("SELECT 1", "t: a=a b=b id=id");
        check("ALTER TABLE t ADD c; ALTER TABLE t DROP COLUMN b; ALTER TABLE t RENAME a TO d", "t: c=- d=a id=id");
        check("UPDATE OR IGNORE main.\"T\" SET a = (SELECT b FROM log WHERE c = 1), (b) = (1)", "t: a=a! b=b! id=id");
        check("WITH x AS (SELECT 1) DELETE FROM t WHERE id IN x", "t<: a=a b=b id=id");
        check("INSERT INTO t(a) VALUES ('x')", "t>: a=a b=b id=id");
        check("INSERT INTO t VALUES (1,2,3) ON CONFLICT DO UPDATE SET a = 1", "t>: a=a! b=b! id=id!");
        check("REPLACE INTO t VALUES (1,2,3)", "t<>: a=a! b=b! id=id!");
        check("ALTER TABLE t RENAME TO u", "gone");
        check("DROP TABLE IF EXISTS t; CREATE TABLE t(a, b)", "new: a=- b=-");
    }

    #[test]
    fn tables_that_are_made_anew_hold_the_old_rows() {
        let rebuild = |insert: &str| {
            let script = format!(
                "CREATE TABLE n(id INTEGER, b TEXT, a TEXT); {insert}; DROP TABLE t; ALTER TABLE n RENAME TO t"
            );
            fate(&trace(&script), "t")
        };
        assert_eq!(rebuild("INSERT INTO n(id, a, b) SELECT id, a, b FROM t"), "t: a=a b=b id=id");
        assert_eq!(rebuild("INSERT INTO n SELECT * FROM t"), "t: a=a b=b id=id");
        assert_eq!(rebuild("INSERT INTO n SELECT t.id, a, b AS b FROM main.t"), "t: a=a b=b id=id");
        assert_eq!(rebuild("INSERT INTO n(id, a, b) SELECT id, coalesce(a, ''), a FROM t"), "t: a=a! b=a id=id");
        assert_eq!(rebuild("INSERT INTO n(id, a, b) SELECT id, a, 'b' FROM t WHERE a > (1)"), "t<: a=a b=b! id=id");
        assert_eq!(rebuild("INSERT OR IGNORE INTO n(id) SELECT id FROM t"), "t<: a=- b=- id=id");
        assert_eq!(
            rebuild("INSERT INTO n(id, a) SELECT x.id, log.line FROM t x JOIN log ON line = a"),
            "t<>: a=a! b=- id=id"
        );
        assert_eq!(rebuild("INSERT INTO n SELECT x.* FROM (SELECT * FROM t) x"), "t<: a=a! b=b! id=id!");
        assert_eq!(rebuild("INSERT INTO n WITH x AS (SELECT * FROM t) SELECT * FROM x"), "t<: a=a! b=b! id=id!");
        assert_eq!(rebuild("SELECT 1"), "new: a=- b=- id=-");
        let aside = "CREATE TEMP TABLE k AS SELECT id, a FROM t; DROP TABLE t; CREATE TABLE t(id, a);
                     INSERT INTO t SELECT id, a FROM k; DROP TABLE k";
        assert_eq!(fate(&trace(aside), "t"), "t: a=a id=id");
        let renamed =
            "ALTER TABLE t RENAME TO k; CREATE TABLE t(id, b); INSERT INTO t SELECT id, b FROM k; DROP TABLE k";
        assert_eq!(fate(&trace(renamed), "t"), "t: b=b id=id");
    }

    #[test]
    fn triggers_write_too() {
        assert_eq!(fate(&trace("UPDATE t SET a = 1"), "log"), "log<>: line=line!");
        assert_eq!(fate(&trace("ALTER TABLE t ADD c"), "log"), "log: line=line");
    }
}
