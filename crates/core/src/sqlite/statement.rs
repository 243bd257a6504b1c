//! The grammar of `CREATE` statements, as far as their parts have to be found.
//!
//! Expressions, SELECTs and trigger bodies are taken as they stand: whether they are right is for SQLite to say.

use std::collections::HashSet;
use std::sync::Arc;

use super::meaning::{Scope, expression};
use super::read::{Columns, Hint, is_internal};
use super::split::Statement;
use super::token::{Token, TokenKind};
use crate::error::{Code, Error, Result};
use crate::schema::{
    Action, Check, Column, Conflict, Deferrable, Event, Expression, ForeignKey, Generated, Index, KeyPart, KeyTerm,
    NotNull, Origin, PrimaryKey, Source, Table, Timing, Trigger, Unique, View, VirtualTable, fold, same_name,
};

/// What a statement declares.
pub(super) enum Kind {
    Table,
    VirtualTable,
    Index,
    View,
    Trigger,
    /// Whose file it is: `PRAGMA application_id = …`.
    ApplicationId(i32),
    /// Nothing.
    Skipped,
}

/// Walks over the tokens of one statement, comments left out.
pub(super) struct Cursor<'s> {
    source: &'s Arc<Source>,
    statement: &'s Statement,
    tokens: Vec<Token>,
    at: usize,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(source: &'s Arc<Source>, statement: &'s Statement) -> Self {
        let tokens = statement.tokens.iter().filter(|t| t.kind != TokenKind::Comment).cloned().collect();
        Cursor { source, statement, tokens, at: 0 }
    }

    fn text(&self) -> &'s str {
        &self.source.text
    }

    fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    fn is_at(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|t| t.is(self.text(), word))
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    fn accept_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(n, word)| self.is_at(n, word));
        if found {
            self.at += words.len();
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if self.accept(word) { Ok(()) } else { Err(self.error(&format!("expected `{word}`"))) }
    }

    fn error(&self, message: &str) -> Error {
        let (range, label) = match self.tokens.get(self.at) {
            Some(token) => (token.range.clone(), String::from("here")),
            None => {
                let end = self.statement.range.end;
                (end..end, String::from("the statement ends here"))
            }
        };
        let origin = Origin { source: Some(self.source.clone()), range };
        Error::new(Code::Syntax, message).at(&origin, label)
    }

    fn name(&mut self, what: &str) -> Result<String> {
        let name = self.tokens.get(self.at).and_then(|t| t.name(self.text()));
        match name {
            Some(name) => {
                self.at += 1;
                Ok(name)
            }
            None => Err(self.error(&format!("expected {what}"))),
        }
    }

    /// The tokens between the parenthesis the cursor stands on and the one that closes it; moves behind that one.
    fn parenthesised(&mut self) -> Result<Vec<Token>> {
        let open = self.at;
        self.expect("(")?;
        let mut depth = 1;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            if token.is(self.text(), "(") {
                depth += 1;
            } else if token.is(self.text(), ")") {
                depth -= 1;
                if depth == 0 {
                    return Ok(self.tokens[open + 1..self.at - 1].to_vec());
                }
            }
        }
        self.at = open;
        Err(self.error("this parenthesis is never closed"))
    }

    /// An expression in parentheses; `((a > 0))` is `(a > 0)`.
    fn condition(&mut self) -> Result<Vec<Token>> {
        let tokens = self.parenthesised()?;
        let mut open = Vec::new();
        let mut closed_by = vec![0; tokens.len()];
        for (n, token) in tokens.iter().enumerate() {
            if token.is(self.text(), "(") {
                open.push(n);
            } else if token.is(self.text(), ")")
                && let Some(start) = open.pop()
            {
                closed_by[start] = n;
            }
        }
        let wraps_all = |n: &usize| tokens[*n].is(self.text(), "(") && closed_by[*n] == tokens.len() - 1 - n;
        let pairs = (0..tokens.len() / 2).take_while(wraps_all).count();
        // `(())` holds nothing; whether that is allowed is for SQLite to say.
        let pairs = if pairs * 2 == tokens.len() { 0 } else { pairs };
        Ok(tokens[pairs..tokens.len() - pairs].to_vec())
    }

    fn origin(&self, from: usize) -> Origin {
        let start = self.tokens.get(from).map_or(self.statement.range.end, |t| t.range.start);
        let end = self.at.checked_sub(1).and_then(|n| self.tokens.get(n)).map_or(start, |t| t.range.end);
        Origin { source: Some(self.source.clone()), range: start..end.max(start) }
    }

    pub(super) fn hints(&self) -> Result<Vec<Hint>> {
        let mut hints = Vec::new();
        let statement = self.statement;
        let mut before: Option<usize> = None;
        for token in statement.leading.iter().chain(&statement.tokens).chain(&statement.trailing) {
            if token.range.start >= statement.range.end {
                // Behind the whole statement: it is about the table, and about none of its columns.
                before = Some(0);
            }
            if token.kind != TokenKind::Comment {
                before = Some(token.range.end);
                continue;
            }
            let text = token.text(self.text());
            let inner = text.strip_prefix("/*").map(|t| t.strip_suffix("*/").unwrap_or(t));
            let inner = inner.unwrap_or_else(|| text.trim_start_matches('-')).trim();
            let Some(directive) = inner.strip_prefix("whimbrel:") else {
                continue;
            };
            let same_line = |end: &usize| !self.text()[*end..token.range.start].contains('\n');
            hints.push(Hint {
                directive: directive.trim().to_owned(),
                origin: Origin { source: Some(self.source.clone()), range: token.range.clone() },
                after: before.filter(|end| *end == 0 || same_line(end)),
            });
        }
        Ok(hints)
    }

    /// Reads `CREATE [TEMP] [UNIQUE] [VIRTUAL] kind [IF NOT EXISTS]` and stops before the name.
    pub(super) fn statement_kind(&mut self) -> Result<Kind> {
        const SKIPPED: [&str; 7] = ["pragma", "begin", "commit", "end", "analyze", "savepoint", "release"];
        if self.is("pragma") && self.is_at(1, "application_id") && self.is_at(2, "=") {
            let number: String = self.tokens[3..].iter().map(|t| t.text(self.text())).collect();
            self.at = 3;
            let id = number.parse().map_err(|_| self.error("expected a whole number of 32 bits"))?;
            return Ok(Kind::ApplicationId(id));
        }
        if SKIPPED.iter().any(|word| self.is(word)) {
            return Ok(Kind::Skipped);
        }
        let refused = |cursor: &Self, message: String| {
            let origin = cursor.origin_of_statement();
            Error::new(Code::NotADeclaration, message).at(&origin, "")
        };
        if !self.accept("create") {
            let word = self.tokens.first().map_or("", |t| t.text(self.text())).to_ascii_uppercase();
            let starts_sql = [
                "INSERT", "UPDATE", "DELETE", "ALTER", "DROP", "SELECT", "WITH", "REPLACE", "ATTACH", "DETACH",
                "VACUUM", "REINDEX", "EXPLAIN", "ROLLBACK", "VALUES",
            ]
            .contains(&word.as_str());
            if !starts_sql {
                return Err(self.error("expected a CREATE statement"));
            }
            return Err(refused(self, format!("{word} does not declare anything"))
                .help("a schema holds CREATE statements; changes and rows belong into migrations"));
        }
        if self.is("temp") || self.is("temporary") {
            return Err(refused(self, "a temporary object is no part of a schema".into()));
        }
        let unique = self.accept("unique");
        let kind = if self.accept("index") {
            Kind::Index
        } else if unique {
            return Err(self.error("expected `INDEX`"));
        } else if self.accept("table") {
            Kind::Table
        } else if self.accept_all(&["virtual", "table"]) {
            Kind::VirtualTable
        } else if self.accept("view") {
            Kind::View
        } else if self.accept("trigger") {
            Kind::Trigger
        } else {
            return Err(self.error("expected `TABLE`, `INDEX`, `VIEW`, `TRIGGER` or `VIRTUAL TABLE`"));
        };
        self.accept_all(&["if", "not", "exists"]);
        // sqlite3's .schema prints the tables that SQLite keeps for itself.
        let is_name = |t: &Token| t.name(self.text()).is_some_and(|n| is_internal(&n));
        if self.tokens.get(self.at).is_some_and(is_name) {
            return Ok(Kind::Skipped);
        }
        Ok(kind)
    }

    fn origin_of_statement(&self) -> Origin {
        Origin { source: Some(self.source.clone()), range: self.statement.range.clone() }
    }

    /// The object's name, `main.` left out, and where it stands.
    fn object_name(&mut self, what: &str) -> Result<(String, Origin)> {
        let mut start = self.at;
        let mut name = self.name(what)?;
        if self.accept(".") {
            if !same_name(&name, "main") {
                self.at -= 2;
                return Err(self.error("only objects of `main` can be declared"));
            }
            start = self.at;
            name = self.name(what)?;
        }
        Ok((name, self.origin(start)))
    }

    /// The text behind the name, to the end of the statement.
    fn definition(&self, name: &Origin) -> Option<String> {
        Some(self.text()[name.range.end..self.statement.range.end].to_owned())
    }

    fn end(&self) -> Result<()> {
        if self.at == self.tokens.len() { Ok(()) } else { Err(self.error("this does not belong here")) }
    }

    pub(super) fn table(&mut self, columns: &[String]) -> Result<Table> {
        let (name, origin) = self.object_name("the name of a table")?;
        if self.is("as") {
            return Err(self
                .error("CREATE TABLE … AS SELECT declares no columns")
                .help("list the columns with their types instead"));
        }
        let mut table = Table { name: name.clone(), definition: self.definition(&origin), origin, ..Table::default() };
        let scope = Scope::Table { name: &name, columns };
        self.expect("(")?;
        loop {
            if table.columns.is_empty() || !self.starts_table_constraint() {
                self.column(&mut table, &scope)?;
                if !self.accept(",") && !self.is(")") && !self.starts_table_constraint() {
                    return Err(self.error("expected `,` or `)`"));
                }
            }
            while self.starts_table_constraint() {
                self.table_constraint(&mut table, &scope)?;
                self.accept(",");
            }
            if self.accept(")") {
                break;
            }
        }
        let mut names = HashSet::new();
        if let Some(twice) = table.columns.iter().find(|c| !names.insert(fold(&c.name))) {
            return Err(Error::new(Code::DeclaredTwice, format!("column {} is declared twice", twice.name))
                .object(&table.name)
                .at(&twice.origin, "declared again here"));
        }
        while self.at < self.tokens.len() {
            if self.accept_all(&["without", "rowid"]) {
                table.without_rowid = true;
            } else if self.accept("strict") {
                table.strict = true;
            } else {
                return Err(self.error("expected `STRICT`, `WITHOUT ROWID` or the end of the statement"));
            }
            if !self.accept(",") {
                self.end()?;
            }
        }
        Ok(table)
    }

    fn starts_table_constraint(&self) -> bool {
        self.is("constraint")
            || (self.is("primary") && self.is_at(1, "key"))
            || (self.is("unique") && self.is_at(1, "("))
            || (self.is("check") && self.is_at(1, "("))
            || (self.is("foreign") && self.is_at(1, "key"))
    }

    fn column(&mut self, table: &mut Table, scope: &Scope<'_>) -> Result<()> {
        let start = self.at;
        let mut column = Column { name: self.name("the name of a column")?, ..Column::default() };
        column.declared_type = self.declared_type()?;
        let mut constraint: Option<String> = None;
        loop {
            if self.accept("constraint") {
                constraint = Some(self.name("the name of a constraint")?);
                continue;
            }
            let constraint_start = self.at;
            if self.accept("default") {
                column.default = Some(self.default_value(scope)?);
                constraint = None;
            } else if self.accept_all(&["not", "null"]) {
                let on_conflict = self.on_conflict()?;
                column.not_null = Some(NotNull { name: constraint.take(), on_conflict });
            } else if self.accept("null") {
                self.on_conflict()?;
                constraint = None;
            } else if self.is("primary") && self.is_at(1, "key") && table.primary_key.is_some() {
                return Err(self.error("a table has one primary key"));
            } else if self.accept_all(&["primary", "key"]) {
                let descending = self.direction();
                let on_conflict = self.on_conflict()?;
                let autoincrement = self.accept("autoincrement");
                let part = KeyPart { descending, ..KeyPart::column(&column.name) };
                table.keys.push(vec![part.clone()]);
                table.primary_key = Some(PrimaryKey {
                    name: constraint.take(),
                    columns: vec![part],
                    on_conflict,
                    autoincrement,
                    at_column: true,
                });
            } else if self.accept("unique") {
                let on_conflict = self.on_conflict()?;
                let columns = vec![KeyPart::column(&column.name)];
                table.keys.push(columns.clone());
                table.uniques.push(Unique { name: constraint.take(), columns, on_conflict });
            } else if self.accept("check") {
                let tokens = self.condition()?;
                self.on_conflict()?;
                table.checks.push(Check {
                    name: constraint.take(),
                    expression: expression(self.text(), &tokens, scope),
                    at_column: Some(column.name.clone()),
                });
            } else if self.is("references") {
                let mut key = self.references()?;
                key.name = constraint.take();
                key.columns = vec![column.name.clone()];
                key.at_column = Some(column.name.clone());
                key.origin = self.origin(constraint_start);
                table.foreign_keys.push(key);
            } else if self.is("deferrable") || (self.is("not") && self.is_at(1, "deferrable")) {
                let deferrable = self.deferrable();
                let last = table.foreign_keys.last_mut().filter(|k| k.at_column.as_ref() == Some(&column.name));
                match last {
                    Some(key) => key.deferrable = deferrable,
                    None => return Err(self.error("DEFERRABLE follows REFERENCES")),
                }
            } else if self.accept("collate") {
                column.collation = Some(self.name("the name of a collation")?);
                constraint = None;
            } else if self.accept_all(&["generated", "always", "as"]) || self.accept("as") {
                let tokens = self.condition()?;
                let stored = self.accept("stored");
                if !stored {
                    self.accept("virtual");
                }
                column.generated = Some(Generated { expression: expression(self.text(), &tokens, scope), stored });
                constraint = None;
            } else {
                break;
            }
        }
        column.origin = self.origin(start);
        table.columns.push(column);
        Ok(())
    }

    fn declared_type(&mut self) -> Result<String> {
        let start = self.at;
        while let Some(token) = self.tokens.get(self.at) {
            const ENDS: [&str; 13] = [
                "constraint",
                "default",
                "not",
                "null",
                "primary",
                "unique",
                "check",
                "references",
                "collate",
                "as",
                "deferrable",
                "on",
                "foreign",
            ];
            let ends = match token.kind {
                TokenKind::Word => {
                    let word = fold(token.text(self.text()));
                    ENDS.contains(&word.as_str())
                        || (word == "generated" && self.is_at(1, "always") && self.is_at(2, "as"))
                }
                TokenKind::Quoted | TokenKind::String => false,
                _ => true,
            };
            if ends {
                break;
            }
            self.at += 1;
        }
        if self.at > start && self.is("(") {
            self.parenthesised()?;
        }
        Ok(self.text()[self.origin(start).range].to_owned()).map(|t| if self.at == start { String::new() } else { t })
    }

    fn default_value(&mut self, scope: &Scope<'_>) -> Result<Expression> {
        let start = self.at;
        let (tokens, parenthesised) = if self.is("(") {
            (self.condition()?, true)
        } else {
            if self.is("+") || self.is("-") {
                self.at += 1;
            }
            if self.at >= self.tokens.len() || self.is(",") || self.is(")") {
                return Err(self.error("expected a default value"));
            }
            self.at += 1;
            (self.tokens[start..self.at].to_vec(), false)
        };
        let text = self.text();
        let plus = tokens.first().is_some_and(|t| t.is(text, "+"));
        let literal = match &tokens[usize::from(plus && tokens.len() == 2)..] {
            [token] => Some(token),
            _ => None,
        };
        let Some(token) = literal else {
            // Within parentheses names are names; SQLite refuses those of columns.
            let scope = if parenthesised { scope } else { &Scope::Nothing };
            return Ok(expression(text, &tokens, scope));
        };
        let word = token.text(text);
        let is_constant =
            |w: &str| ["null", "true", "false", "current_time", "current_date", "current_timestamp"].contains(&w);
        Ok(match token.kind {
            // A bare word or a quoted name is a string here.
            TokenKind::Word if !parenthesised && !is_constant(&fold(word)) => {
                Expression::new(word, super::token::quote_text(word))
            }
            TokenKind::Quoted => Expression::new(word, super::token::quote_text(&super::token::unquote(word))),
            _ => expression(text, std::slice::from_ref(token), &Scope::Nothing),
        })
    }

    fn direction(&mut self) -> bool {
        let descending = self.accept("desc");
        if !descending {
            self.accept("asc");
        }
        descending
    }

    fn on_conflict(&mut self) -> Result<Option<Conflict>> {
        if !self.accept_all(&["on", "conflict"]) {
            return Ok(None);
        }
        let all = [Conflict::Rollback, Conflict::Abort, Conflict::Fail, Conflict::Ignore, Conflict::Replace];
        match all.into_iter().find(|c| self.is(c.keyword())) {
            Some(conflict) => {
                self.at += 1;
                Ok(Some(conflict))
            }
            None => Err(self.error("expected `ROLLBACK`, `ABORT`, `FAIL`, `IGNORE` or `REPLACE`")),
        }
    }

    fn references(&mut self) -> Result<ForeignKey> {
        self.expect("references")?;
        let mut key = ForeignKey { parent: self.name("the name of the parent table")?, ..ForeignKey::default() };
        if self.is("(") {
            key.parent_columns = self.name_list()?;
        }
        loop {
            if self.accept("on") {
                let event = self.name("`DELETE` or `UPDATE`")?;
                let action = self.action()?;
                match fold(&event).as_str() {
                    "delete" => key.on_delete = action,
                    "update" => key.on_update = action,
                    "insert" => {}
                    _ => return Err(self.error("expected `DELETE` or `UPDATE`")),
                }
            } else if self.accept("match") {
                key.match_name = Some(self.name("a name after `MATCH`")?);
            } else {
                break;
            }
        }
        if self.is("deferrable") || (self.is("not") && self.is_at(1, "deferrable")) {
            key.deferrable = self.deferrable();
        }
        Ok(key)
    }

    fn action(&mut self) -> Result<Action> {
        if self.accept_all(&["set", "null"]) {
            Ok(Action::SetNull)
        } else if self.accept_all(&["set", "default"]) {
            Ok(Action::SetDefault)
        } else if self.accept("cascade") {
            Ok(Action::Cascade)
        } else if self.accept("restrict") {
            Ok(Action::Restrict)
        } else if self.accept_all(&["no", "action"]) {
            Ok(Action::NoAction)
        } else {
            Err(self.error("expected `CASCADE`, `RESTRICT`, `SET NULL`, `SET DEFAULT` or `NO ACTION`"))
        }
    }

    fn deferrable(&mut self) -> Option<Deferrable> {
        let not = self.accept("not");
        self.expect("deferrable").ok()?;
        let deferred = self.accept_all(&["initially", "deferred"]);
        if !deferred {
            self.accept_all(&["initially", "immediate"]);
        }
        Some(match (not, deferred) {
            (true, _) => Deferrable::Not,
            (false, true) => Deferrable::InitiallyDeferred,
            (false, false) => Deferrable::InitiallyImmediate,
        })
    }

    fn name_list(&mut self) -> Result<Vec<String>> {
        self.expect("(")?;
        let mut names = vec![self.name("the name of a column")?];
        while self.accept(",") {
            names.push(self.name("the name of a column")?);
        }
        self.expect(")")?;
        Ok(names)
    }

    fn table_constraint(&mut self, table: &mut Table, scope: &Scope<'_>) -> Result<()> {
        let start = self.at;
        let mut name = None;
        while self.accept("constraint") {
            name = Some(self.name("the name of a constraint")?);
        }
        if self.is("primary") && table.primary_key.is_some() {
            return Err(self.error("a table has one primary key"));
        }
        if self.accept_all(&["primary", "key"]) {
            let mut tokens = self.parenthesised()?;
            let autoincrement = tokens.last().is_some_and(|t| t.is(self.text(), "autoincrement"));
            if autoincrement {
                tokens.pop();
            }
            let columns = self.key_parts(&tokens, scope)?;
            let on_conflict = self.on_conflict()?;
            table.keys.push(columns.clone());
            table.primary_key = Some(PrimaryKey { name, columns, on_conflict, autoincrement, at_column: false });
        } else if self.accept("unique") {
            let tokens = self.parenthesised()?;
            let columns = self.key_parts(&tokens, scope)?;
            let on_conflict = self.on_conflict()?;
            table.keys.push(columns.clone());
            table.uniques.push(Unique { name, columns, on_conflict });
        } else if self.accept("check") {
            let tokens = self.condition()?;
            self.on_conflict()?;
            let expression = expression(self.text(), &tokens, scope);
            table.checks.push(Check { name, expression, at_column: None });
        } else if self.accept_all(&["foreign", "key"]) {
            let columns = self.name_list()?;
            let key = self.references()?;
            table.foreign_keys.push(ForeignKey { name, columns, origin: self.origin(start), ..key });
        } else if self.is(",") || self.is(")") {
            // A name without a constraint: SQLite reads and forgets it.
        } else {
            return Err(self.error("expected `PRIMARY KEY`, `UNIQUE`, `CHECK` or `FOREIGN KEY`"));
        }
        Ok(())
    }

    fn key_parts(&self, tokens: &[Token], scope: &Scope<'_>) -> Result<Vec<KeyPart>> {
        let text = self.text();
        let mut parts = Vec::new();
        let mut depth = 0;
        for part in tokens.split(|t| {
            depth += i32::from(t.is(text, "(")) - i32::from(t.is(text, ")"));
            depth == 0 && t.is(text, ",")
        }) {
            let mut part = part;
            if let [rest @ .., nulls, order] = part
                && nulls.is(text, "nulls")
                && (order.is(text, "first") || order.is(text, "last"))
            {
                part = rest;
            }
            let mut descending = false;
            if let [rest @ .., last] = part
                && (last.is(text, "asc") || last.is(text, "desc"))
            {
                descending = last.is(text, "desc");
                part = rest;
            }
            let mut collation = None;
            if let [rest @ .., collate, name] = part
                && collate.is(text, "collate")
            {
                collation = name.name(text);
                part = rest;
            }
            let is_name = |name: &str| match scope {
                Scope::Table { columns, .. } => columns.is_empty() || columns.iter().any(|c| same_name(c, name)),
                _ => true,
            };
            let term = match part {
                [] => return Err(self.error("expected a column before this")),
                [token] => match token.name(text) {
                    Some(name) if token.kind == TokenKind::Word || is_name(&name) => KeyTerm::Column(name),
                    _ => KeyTerm::Expression(expression(text, part, scope)),
                },
                _ => KeyTerm::Expression(expression(text, part, scope)),
            };
            parts.push(KeyPart { term, collation, descending });
        }
        Ok(parts)
    }

    pub(super) fn index(&mut self, tables: &Columns) -> Result<Index> {
        let unique = self.tokens.get(1).is_some_and(|t| t.is(self.text(), "unique"));
        let (name, origin) = self.object_name("the name of an index")?;
        let definition = self.definition(&origin);
        self.expect("on")?;
        let table_at = self.at;
        let table = self.name("the name of a table")?;
        let Some(columns) = tables.of(&table) else {
            let place = self.origin(table_at);
            return Err(Error::new(Code::SchemaRejected, format!("index {name} is on {table}, which is not declared"))
                .object(name)
                .at(&place, "no such table"));
        };
        let scope = Scope::Table { name: &table, columns: &columns };
        let tokens = self.parenthesised()?;
        let parts = self.key_parts(&tokens, &scope)?;
        let predicate = if self.accept("where") {
            let rest = self.tokens[self.at..].to_vec();
            self.at = self.tokens.len();
            if rest.is_empty() {
                return Err(self.error("expected a condition"));
            }
            Some(expression(self.text(), &rest, &scope))
        } else {
            None
        };
        self.end()?;
        Ok(Index { name, table, unique, parts, predicate, definition, origin })
    }

    pub(super) fn view(&mut self) -> Result<View> {
        let (name, origin) = self.object_name("the name of a view")?;
        let definition = self.definition(&origin);
        let columns = if self.is("(") { self.name_list()? } else { Vec::new() };
        self.expect("as")?;
        if self.at == self.tokens.len() {
            return Err(self.error("expected a SELECT"));
        }
        let body = expression(self.text(), &self.tokens[self.at..], &Scope::Open);
        Ok(View { name, columns, body, definition, origin })
    }

    pub(super) fn trigger(&mut self) -> Result<Trigger> {
        let (name, origin) = self.object_name("the name of a trigger")?;
        let definition = self.definition(&origin);
        let timing = if self.accept("after") {
            Timing::After
        } else if self.accept_all(&["instead", "of"]) {
            Timing::InsteadOf
        } else {
            self.accept("before");
            Timing::Before
        };
        let event = if self.accept("insert") {
            Event::Insert
        } else if self.accept("delete") {
            Event::Delete
        } else if self.accept("update") {
            let mut columns = Vec::new();
            if self.accept("of") {
                columns.push(self.name("the name of a column")?);
                while self.accept(",") {
                    columns.push(self.name("the name of a column")?);
                }
            }
            Event::Update(columns)
        } else {
            return Err(self.error("expected `INSERT`, `UPDATE` or `DELETE`"));
        };
        self.expect("on")?;
        let (target, _) = self.object_name("the name of a table or view")?;
        self.accept_all(&["for", "each", "row"]);
        let mut condition = None;
        if self.accept("when") {
            let start = self.at;
            let mut depth = 0;
            while let Some(token) = self.tokens.get(self.at) {
                depth += i32::from(token.is(self.text(), "(")) - i32::from(token.is(self.text(), ")"));
                if depth == 0 && token.is(self.text(), "begin") {
                    break;
                }
                self.at += 1;
            }
            condition = Some(expression(self.text(), &self.tokens[start..self.at], &Scope::Open));
        }
        if !self.is("begin") {
            return Err(self.error("expected `BEGIN`"));
        }
        let body = expression(self.text(), &self.tokens[self.at..], &Scope::Open);
        Ok(Trigger { name, target, timing, event, condition, body, definition, origin })
    }

    pub(super) fn virtual_table(&mut self) -> Result<VirtualTable> {
        let (name, origin) = self.object_name("the name of a virtual table")?;
        let definition = self.definition(&origin);
        self.expect("using")?;
        let module = self.name("the name of a module")?;
        let mut arguments = Vec::new();
        if self.is("(") {
            let tokens = self.parenthesised()?;
            let text = self.text();
            let mut depth = 0;
            let parts = tokens.split(|t| {
                depth += i32::from(t.is(text, "(")) - i32::from(t.is(text, ")"));
                depth == 0 && t.is(text, ",")
            });
            arguments = parts.filter(|p| !p.is_empty()).map(|p| expression(text, p, &Scope::Open)).collect();
        }
        self.end()?;
        Ok(VirtualTable { name, module, arguments, definition, origin, ..VirtualTable::default() })
    }
}

#[cfg(test)]
mod tests {
    use crate::Schema;

    fn meaning(condition: &str) -> String {
        let schema = Schema::from_sql(&format!("CREATE TABLE t(a, CHECK ({condition}))")).unwrap();
        schema.tables[0].checks[0].expression.meaning().to_owned()
    }

    #[test]
    fn parentheses_around_all_of_it_mean_nothing() {
        assert_eq!(meaning("((a > 0))"), "a > 0");
        assert_eq!(meaning("(a > 0) AND (a < 9)"), "( a > 0 ) and ( a < 9 )");
        assert_eq!(meaning("((a) + (1))"), "( a ) + ( 1 )");
    }

    /// A schema of 100,000 nested parentheses once took minutes to read, and SQLite refuses it at once.
    #[test]
    fn nesting_costs_no_more_than_its_length() {
        let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(meaning(&deep), "1");
    }
}
