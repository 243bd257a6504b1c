//! Tokens → the values that say what a statement does, by the words that stand one behind the other.

use std::ops::Range;

use super::{
    Action, AlterTable, Change, Column, ColumnChange, Constraint, ConstraintKind, CreateFunction, CreateIndex,
    CreateTable, DataType, DomainChange, Drop, Kind, Name, Object, OtherChange, Reference, TypeChange, Write,
};
use crate::postgres::token::{Token, TokenKind, fold};

/// Reads on from a place in the tokens. What returns an `Option` gives none where the tokens are not what is expected.
pub(super) struct Reader<'s> {
    sql: &'s str,
    tokens: &'s [Token],
    at: usize,
}

/// Words that begin the next part of a column's declaration.
const COLUMN_PARTS: &[&str] = &[
    "constraint",
    "not",
    "null",
    "check",
    "default",
    "generated",
    "unique",
    "primary",
    "references",
    "collate",
    "storage",
    "compression",
    "deferrable",
    "initially",
    "no",
    "enforced",
];

impl<'s> Reader<'s> {
    /// At the first of the tokens.
    pub(super) fn new(sql: &'s str, tokens: &'s [Token]) -> Reader<'s> {
        Reader { sql, tokens, at: 0 }
    }

    fn is_at(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.tokens.get(at + n).is_some_and(|t| t.is(self.sql, word)))
    }

    fn is(&self, words: &[&str]) -> bool {
        self.is_at(self.at, words)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(&[word]))
    }

    /// Goes behind these words where they stand here.
    fn take(&mut self, words: &[&str]) -> bool {
        let is_here = self.is(words);
        if is_here {
            self.at += words.len();
        }
        is_here
    }

    fn expect(&mut self, words: &[&str]) -> Option<()> {
        self.take(words).then_some(())
    }

    fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn text(&self) -> &'s str {
        self.tokens.get(self.at).map_or("", |token| token.text(self.sql))
    }

    fn name(&mut self) -> Option<String> {
        let name = self.tokens.get(self.at)?.name(self.sql)?;
        self.at += 1;
        Some(name)
    }

    fn string(&mut self) -> Option<String> {
        let string = self.tokens.get(self.at)?.string(self.sql)?;
        self.at += 1;
        Some(string)
    }

    fn qualified(&mut self) -> Option<Name> {
        let mut name = Name { schema: None, name: self.name()? };
        while self.take(&["."]) {
            name = Name { schema: Some(name.name), name: self.name()? };
        }
        Some(name)
    }

    /// Names with commas between them, each perhaps with `ONLY` before it or an asterisk behind it.
    fn qualified_list(&mut self) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        loop {
            self.take(&["only"]);
            names.push(self.qualified()?);
            self.take(&["*"]);
            if !self.take(&[","]) {
                return Some(names);
            }
        }
    }

    /// Goes behind the parenthesis that closes the one here, and returns the places between the two.
    fn parentheses(&mut self) -> Option<Range<usize>> {
        self.expect(&["("])?;
        let start = self.at;
        let mut depth = 1usize;
        while let Some(token) = self.tokens.get(self.at) {
            if token.is(self.sql, "(") {
                depth += 1;
            } else if token.is(self.sql, ")") {
                depth -= 1;
            }
            self.at += 1;
            if depth == 0 {
                return Some(start..self.at - 1);
            }
        }
        None
    }

    /// Goes to the next token outside of parentheses for which the test holds, or to `end`.
    fn skip_to(&mut self, end: usize, test: impl Fn(&Reader<'s>) -> bool) {
        while self.at < end && !test(self) {
            if self.is(&["("]) {
                if self.parentheses().is_none() {
                    self.at = end;
                }
            } else if self.is(&["["]) {
                while self.at < end && !self.is(&["]"]) {
                    self.at += 1;
                }
            } else {
                self.at += 1;
            }
        }
        self.at = self.at.min(end);
    }

    /// Whether these words stand somewhere from here on, outside of parentheses.
    fn has_ahead(&self, words: &[&str]) -> bool {
        let mut ahead = Reader { sql: self.sql, tokens: self.tokens, at: self.at };
        let end = self.tokens.len();
        ahead.skip_to(end, |reader| reader.is(words));
        ahead.at < end
    }

    /// The parts between commas that stand outside of parentheses.
    fn parts(&mut self, places: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        self.at = places.start;
        while self.at < places.end {
            let start = self.at;
            self.skip_to(places.end, |reader| reader.is(&[","]));
            if start < self.at {
                parts.push(start..self.at);
            }
            self.at += 1;
        }
        self.at = places.end;
        parts
    }

    fn bytes(&self, places: Range<usize>) -> Range<usize> {
        match self.tokens.get(places).unwrap_or_default() {
            [first, .., last] => first.range.start..last.range.end,
            [one] => one.range.clone(),
            [] => 0..0,
        }
    }

    fn if_not_exists(&mut self) -> bool {
        self.take(&["if", "not", "exists"])
    }

    fn if_exists(&mut self) -> bool {
        self.take(&["if", "exists"])
    }

    /// Names in parentheses; one that is an expression makes it none.
    fn columns(&mut self) -> Option<Vec<String>> {
        let places = self.parentheses()?;
        let after = self.at;
        let mut columns = Vec::new();
        for part in self.parts(places) {
            self.at = part.start;
            columns.push(self.name()?);
        }
        self.at = after;
        Some(columns)
    }

    pub(super) fn statement(&mut self) -> Option<Kind> {
        let first = self.tokens.first()?;
        if first.kind == TokenKind::Symbol && first.is(self.sql, "(") {
            return Some(Kind::Select);
        }
        self.at = 1;
        match fold(first.text(self.sql)).as_str() {
            _ if first.kind != TokenKind::Word => None,
            "create" => self.create(),
            "alter" => self.alter(),
            "drop" => self.drop(),
            "with" => self.with(),
            "select" => Some(self.set_config().unwrap_or(Kind::Select)),
            "values" | "table" => Some(Kind::Select),
            "update" => self.update(),
            "delete" => self.delete(),
            "insert" => self.insert(),
            "truncate" => {
                self.take(&["table"]);
                let tables = self.qualified_list()?;
                Some(Kind::Truncate { tables, cascade: self.has_ahead(&["cascade"]) })
            }
            "lock" => self.lock(),
            "reindex" => self.reindex(),
            "refresh" => {
                self.expect(&["materialized", "view"])?;
                let concurrently = self.take(&["concurrently"]);
                let name = self.qualified()?;
                Some(Kind::Refresh { name, concurrently, with_no_data: self.take(&["with", "no", "data"]) })
            }
            "vacuum" => {
                let full = self.is(&["full"]) || self.is(&["freeze", "full"]) || self.option("full");
                Some(Kind::Vacuum { full })
            }
            "cluster" => self.cluster(),
            "analyze" | "analyse" => Some(Kind::Analyze),
            "do" => Some(Kind::Do),
            "call" => Some(Kind::Call),
            "copy" => Some(Kind::Copy { writes: self.has_ahead(&["from"]) }),
            "comment" => Some(Kind::Comment),
            "grant" => Some(self.grant(false)),
            "revoke" => Some(Kind::Revoke),
            "set" => self.set(),
            "reset" => Some(Kind::Reset),
            "begin" => Some(Kind::Begin),
            "start" if self.is(&["transaction"]) => Some(Kind::Begin),
            "commit" | "end" if !self.is(&["prepared"]) => Some(Kind::Commit),
            "rollback" if self.is(&["prepared"]) => None,
            "rollback" if self.has_ahead(&["to"]) => Some(Kind::Savepoint),
            "rollback" | "abort" => Some(Kind::Rollback),
            "savepoint" | "release" => Some(Kind::Savepoint),
            _ => None,
        }
    }

    /// Whether `word` is switched on among the options in parentheses here.
    fn option(&self, word: &str) -> bool {
        let mut ahead = Reader { sql: self.sql, tokens: self.tokens, at: self.at };
        let Some(places) = ahead.parentheses() else { return false };
        ahead.parts(places).into_iter().any(|part| {
            self.is_at(part.start, &[word])
                && (part.len() == 1 || {
                    let value = self.tokens.get(part.start + 1);
                    value.is_some_and(|v| {
                        matches!(fold(v.text(self.sql)).as_str(), "true" | "on" | "1" | "'on'" | "'true'")
                    })
                })
        })
    }

    fn create(&mut self) -> Option<Kind> {
        let or_replace = self.take(&["or", "replace"]);
        let is_default = self.take(&["default"]);
        let mut temporary = false;
        while self.is_one_of(&["global", "local", "temp", "temporary", "unlogged", "recursive", "trusted"]) {
            temporary |= self.is_one_of(&["temp", "temporary"]);
            self.at += 1;
        }
        if is_default {
            return None;
        }
        match fold(self.text()).as_str() {
            "table" => {
                self.at += 1;
                self.create_table(temporary).map(Kind::CreateTable)
            }
            "unique" if self.take(&["unique", "index"]) => self.create_index(true),
            "index" => {
                self.at += 1;
                self.create_index(false)
            }
            "type" => {
                self.at += 1;
                let name = self.qualified()?;
                let mut labels = None;
                if self.take(&["as", "enum"]) {
                    let places = self.parentheses()?;
                    let tokens = self.tokens.get(places)?;
                    labels = Some(tokens.iter().filter_map(|token| token.string(self.sql)).collect());
                }
                Some(Kind::CreateType { name, labels })
            }
            "domain" => {
                self.at += 1;
                let name = self.qualified()?;
                let has_constraint = self.has_ahead(&["check"]) || self.has_ahead(&["not", "null"]);
                Some(Kind::CreateDomain { name, has_constraint })
            }
            "materialized" | "view" => {
                let materialized = self.take(&["materialized"]);
                self.expect(&["view"])?;
                let if_not_exists = self.if_not_exists();
                Some(Kind::CreateView { name: self.qualified()?, materialized, or_replace, if_not_exists })
            }
            word @ ("schema" | "sequence" | "extension") => {
                let object = match word {
                    "schema" => Object::Schema,
                    "sequence" => Object::Sequence,
                    _ => Object::Extension,
                };
                self.at += 1;
                let if_not_exists = self.if_not_exists();
                let name = if self.is(&["authorization"]) { None } else { Some(self.qualified()?) };
                Some(Kind::Create { object, name, if_not_exists })
            }
            "function" | "procedure" => {
                self.at += 1;
                let name = self.qualified()?;
                self.parentheses()?;
                let security_definer = self.has_ahead(&["security", "definer"]);
                let sets_search_path = self.has_ahead(&["set", "search_path"]);
                let returns_trigger =
                    self.has_ahead(&["returns", "trigger"]) || self.has_ahead(&["returns", "event_trigger"]);
                Some(Kind::CreateFunction(CreateFunction {
                    name,
                    or_replace,
                    security_definer,
                    sets_search_path,
                    returns_trigger,
                }))
            }
            "constraint" | "trigger" => {
                self.take(&["constraint"]);
                self.expect(&["trigger"])?;
                let name = self.name()?;
                let end = self.tokens.len();
                self.skip_to(end, |reader| reader.is(&["on"]));
                self.expect(&["on"])?;
                Some(Kind::CreateTrigger { name, table: self.qualified()?, or_replace })
            }
            "policy" => {
                self.at += 1;
                let name = self.name()?;
                self.expect(&["on"])?;
                Some(Kind::Policy { name, table: self.qualified()?, creates: true })
            }
            "database" => Some(Kind::Server("CREATE DATABASE")),
            "tablespace" => Some(Kind::Server("CREATE TABLESPACE")),
            // Without a slot to make it can run in a transaction.
            "subscription"
                if self.tokens.iter().any(|t| t.is(self.sql, "create_slot") || t.is(self.sql, "connect")) =>
            {
                None
            }
            "subscription" => Some(Kind::Server("CREATE SUBSCRIPTION")),
            "role" | "user" | "group" if !self.is(&["user", "mapping"]) => Some(Kind::Server("CREATE ROLE")),
            _ => None,
        }
    }

    fn create_table(&mut self, temporary: bool) -> Option<CreateTable> {
        let if_not_exists = self.if_not_exists();
        let name = self.qualified()?;
        let mut table = CreateTable {
            name,
            temporary,
            if_not_exists,
            columns: Vec::new(),
            constraints: Vec::new(),
            partition_of: None,
            as_query: false,
        };
        if self.take(&["partition", "of"]) {
            table.partition_of = Some(self.qualified()?);
        } else if self.take(&["of"]) {
            self.qualified()?;
        }
        let is_typed = table.partition_of.is_some();
        if self.is(&["("]) {
            let places = self.parentheses()?;
            let after = self.at;
            for part in self.parts(places) {
                self.at = part.start;
                if let Some(constraint) = self.constraint(part.end) {
                    table.constraints.push(constraint);
                } else if !is_typed && !self.is(&["like"]) {
                    self.at = part.start;
                    // A column that is not understood is left out; a list of names before a query has no types.
                    table.columns.extend(self.column(part.end));
                }
            }
            self.at = after;
        }
        table.as_query = self.has_ahead(&["as"]);
        Some(table)
    }

    /// The constraint that stands here by itself.
    fn constraint(&mut self, end: usize) -> Option<Constraint> {
        let start = self.at;
        let name = if self.take(&["constraint"]) { Some(self.name()?) } else { None };
        let kind = if self.take(&["check"]) {
            let places = self.parentheses()?;
            ConstraintKind::Check(self.bytes(places))
        } else if self.take(&["not", "null"]) {
            ConstraintKind::NotNull(self.name()?)
        } else if self.take(&["unique"]) {
            self.take(&["nulls", "not", "distinct"]);
            self.take(&["nulls", "distinct"]);
            let (columns, using_index) = self.keys()?;
            ConstraintKind::Unique { columns, using_index }
        } else if self.take(&["primary", "key"]) {
            let (columns, using_index) = self.keys()?;
            ConstraintKind::PrimaryKey { columns, using_index }
        } else if self.is(&["exclude"]) && (self.is(&["exclude", "using"]) || self.is(&["exclude", "("])) {
            ConstraintKind::Exclude
        } else if self.take(&["foreign", "key"]) {
            let columns = self.columns()?;
            self.expect(&["references"])?;
            ConstraintKind::ForeignKey { columns, references: self.reference(end)? }
        } else {
            return None;
        };
        self.skip_to(end, |reader| reader.is(&["not", "valid"]));
        let not_valid = self.at < end;
        self.at = end;
        Some(Constraint { name, range: self.bytes(start..end), kind, not_valid })
    }

    /// The columns of a key, or the index that gives them.
    fn keys(&mut self) -> Option<(Vec<String>, Option<String>)> {
        if self.take(&["using", "index"]) {
            return Some((Vec::new(), Some(self.name()?)));
        }
        Some((self.columns()?, None))
    }

    /// What stands behind `REFERENCES`.
    fn reference(&mut self, end: usize) -> Option<Reference> {
        let table = self.qualified()?;
        let columns = if self.at < end && self.is(&["("]) { self.columns()? } else { Vec::new() };
        let mut action = None;
        loop {
            if self.take(&["match"]) {
                self.at += 1;
            } else if self.take(&["on", "delete"]) || self.take(&["on", "update"]) {
                let done = match () {
                    () if self.take(&["set", "null"]) => Some("set null"),
                    () if self.take(&["set", "default"]) => Some("set default"),
                    () if self.take(&["no", "action"]) => None,
                    () if self.take(&["cascade"]) => Some("cascade"),
                    () => {
                        self.at += 1;
                        None
                    }
                };
                action = action.or(done.map(str::to_owned));
                if self.is(&["("]) {
                    self.parentheses()?;
                }
            } else {
                return Some(Reference { table, columns, action });
            }
        }
    }

    fn column(&mut self, end: usize) -> Option<Column> {
        let start = self.at;
        let name = self.name()?;
        let data_type = self.data_type(end)?;
        let mut column = Column {
            name,
            range: self.bytes(start..end),
            data_type,
            not_null: false,
            default: None,
            stored: false,
            identity: false,
            primary_key: false,
            unique: false,
            check: false,
            references: None,
        };
        while self.at < end {
            if self.take(&["constraint"]) {
                self.at += 1;
            } else if self.take(&["not", "null"]) {
                column.not_null = true;
            } else if self.take(&["default"]) {
                let from = self.at;
                // The first token may be NULL.
                if self.is(&["("]) {
                    self.parentheses()?;
                } else {
                    self.at += 1;
                }
                self.skip_to(end, |reader| reader.is_one_of(COLUMN_PARTS));
                column.default = Some(self.bytes(from..self.at));
            } else if self.take(&["generated"]) {
                self.take(&["always"]);
                self.take(&["by", "default"]);
                self.expect(&["as"])?;
                if self.take(&["identity"]) {
                    column.identity = true;
                    if self.is(&["("]) {
                        self.parentheses()?;
                    }
                } else {
                    self.parentheses()?;
                    column.stored = self.take(&["stored"]);
                    self.take(&["virtual"]);
                }
            } else if self.take(&["primary", "key"]) {
                column.primary_key = true;
            } else if self.take(&["unique"]) {
                column.unique = true;
            } else if self.take(&["check"]) {
                self.parentheses()?;
                column.check = true;
            } else if self.take(&["references"]) {
                column.references = Some(self.reference(end)?);
            } else if self.is(&["("]) {
                self.parentheses()?;
            } else {
                self.at += 1;
            }
        }
        self.at = end;
        Some(column)
    }

    /// The type here, up to what follows a type.
    fn data_type(&mut self, end: usize) -> Option<DataType> {
        self.take(&["setof"]);
        let start = self.at;
        let mut name = self.name()?;
        let mut is_quoted = self.tokens.get(start)?.kind == TokenKind::Quoted;
        while self.at < end && self.take(&["."]) {
            is_quoted |= self.tokens.get(self.at)?.kind == TokenKind::Quoted;
            let next = self.name()?;
            // pg_catalog.int4 is what int4 is; other schemas' types are their own.
            is_quoted |= name != "pg_catalog";
            name = next;
        }
        let mut data_type = DataType { name, ..DataType::default() };
        if !is_quoted {
            let words: &[(&str, &[&str], &str)] = &[
                ("double", &["precision"], "double precision"),
                ("character", &["varying"], "varchar"),
                ("char", &["varying"], "varchar"),
                ("national", &["character", "varying"], "varchar"),
                ("national", &["char", "varying"], "varchar"),
                ("national", &["character"], "char"),
                ("national", &["char"], "char"),
                ("nchar", &["varying"], "varchar"),
                ("bit", &["varying"], "varbit"),
            ];
            let longer = words.iter().find(|(first, rest, _)| data_type.name == *first && self.is(rest));
            if let Some((_, rest, canonical)) = longer {
                self.at += rest.len();
                data_type.name = (*canonical).to_owned();
            }
            data_type.name = canonical_name(&data_type.name).to_owned();
        }
        if self.at < end && self.is(&["("]) {
            let places = self.parentheses()?;
            let tokens = self.tokens.get(places)?;
            let is_minus = |n: usize| n > 0 && tokens[n - 1].is(self.sql, "-");
            let numbers = tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Number);
            let numbers = numbers.filter_map(|(n, token)| {
                let number: i64 = token.text(self.sql).parse().ok()?;
                Some(if is_minus(n) { -number } else { number })
            });
            data_type.arguments = numbers.collect();
        }
        if !is_quoted && matches!(data_type.name.as_str(), "timestamp" | "time") {
            if self.take(&["with", "time", "zone"]) {
                data_type.name.push_str("tz");
            }
            self.take(&["without", "time", "zone"]);
        }
        if !is_quoted && data_type.name == "interval" {
            while self.at < end && self.is_one_of(&["year", "month", "day", "hour", "minute", "second", "to"]) {
                self.at += 1;
            }
        }
        if self.take(&["array"]) {
            data_type.dimensions = 1;
        }
        while self.at < end && self.take(&["["]) {
            data_type.dimensions += 1;
            while self.at < end && !self.take(&["]"]) {
                self.at += 1;
            }
        }
        data_type.dimensions = data_type.dimensions.max(usize::from(self.tokens[..self.at].last()?.is(self.sql, "]")));
        let is_behind = self.at == end || self.is_one_of(COLUMN_PARTS) || self.is_one_of(&["using", "with", "options"]);
        is_behind.then_some(data_type)
    }

    fn create_index(&mut self, unique: bool) -> Option<Kind> {
        let concurrently = self.take(&["concurrently"]);
        let if_not_exists = self.if_not_exists();
        let name = if self.is(&["on"]) { None } else { Some(self.name()?) };
        self.expect(&["on"])?;
        let only = self.take(&["only"]);
        let table = self.qualified()?;
        if self.take(&["using"]) {
            self.name()?;
        }
        let places = self.parentheses()?;
        let after = self.at;
        let mut keys = Vec::new();
        for part in self.parts(places) {
            self.at = part.start;
            let column = self.name().filter(|_| !(self.at < part.end && (self.is(&["("]) || self.is(&["."]))));
            keys.push(column);
        }
        self.at = after;
        let partial = self.has_ahead(&["where"]);
        Some(Kind::CreateIndex(CreateIndex { name, table, unique, concurrently, if_not_exists, only, keys, partial }))
    }

    fn drop(&mut self) -> Option<Kind> {
        let object = match () {
            () if self.take(&["table"]) => Object::Table,
            () if self.take(&["foreign", "table"]) => Object::ForeignTable,
            () if self.take(&["view"]) => Object::View,
            () if self.take(&["materialized", "view"]) => Object::MaterializedView,
            () if self.take(&["index"]) => Object::Index,
            () if self.take(&["sequence"]) => Object::Sequence,
            () if self.take(&["schema"]) => Object::Schema,
            () if self.take(&["extension"]) => Object::Extension,
            () if self.take(&["type"]) => Object::Type,
            () if self.take(&["domain"]) => Object::Domain,
            () if self.take(&["function"]) => Object::Function,
            () if self.take(&["procedure"]) => Object::Procedure,
            () if self.take(&["routine"]) => Object::Routine,
            () if self.take(&["aggregate"]) => Object::Aggregate,
            () if self.take(&["trigger"]) => Object::Trigger,
            () if self.take(&["policy"]) => Object::Policy,
            () if self.take(&["rule"]) => Object::Rule,
            () if self.take(&["statistics"]) => Object::Statistics,
            () if self.take(&["database"]) => return Some(Kind::Server("DROP DATABASE")),
            () if self.take(&["tablespace"]) => return Some(Kind::Server("DROP TABLESPACE")),
            () if self.is_one_of(&["role", "user", "group"]) && !self.is(&["user", "mapping"]) => {
                return Some(Kind::Server("DROP ROLE"));
            }
            () => return None,
        };
        let concurrently = object == Object::Index && self.take(&["concurrently"]);
        let if_exists = self.if_exists();
        let mut names = Vec::new();
        loop {
            names.push(self.qualified()?);
            if self.is(&["("]) {
                self.parentheses()?;
            }
            if matches!(object, Object::Trigger | Object::Policy | Object::Rule) {
                self.expect(&["on"])?;
                // Its table is what it is part of.
                let table = self.qualified()?;
                if let Some(name) = names.last_mut() {
                    name.schema = Some(table.name);
                }
            }
            if !self.take(&[","]) {
                break;
            }
        }
        let cascade = self.take(&["cascade"]);
        self.take(&["restrict"]);
        self.is_end().then_some(Kind::Drop(Drop { object, names, if_exists, cascade, concurrently }))
    }

    fn alter(&mut self) -> Option<Kind> {
        match fold(self.text()).as_str() {
            "table" => {
                self.at += 1;
                self.alter_table()
            }
            "type" => {
                self.at += 1;
                let name = self.qualified()?;
                Some(Kind::AlterType { name, change: self.type_change()? })
            }
            "domain" => {
                self.at += 1;
                let name = self.qualified()?;
                let change = match () {
                    () if self.take(&["add"]) => {
                        DomainChange::AddConstraint { not_valid: self.has_ahead(&["not", "valid"]) }
                    }
                    () if self.take(&["validate"]) => DomainChange::ValidateConstraint,
                    () if self.take(&["set", "not", "null"]) => DomainChange::SetNotNull,
                    () if self.take(&["rename", "to"]) => DomainChange::Rename(self.name()?),
                    () => DomainChange::Other,
                };
                Some(Kind::AlterDomain { name, change })
            }
            "policy" => {
                self.at += 1;
                let name = self.name()?;
                self.expect(&["on"])?;
                Some(Kind::Policy { name, table: self.qualified()?, creates: false })
            }
            "default" => {
                self.expect(&["default", "privileges"])?;
                let end = self.tokens.len();
                self.skip_to(end, |reader| reader.is_one_of(&["grant", "revoke"]));
                if self.take(&["grant"]) {
                    return Some(self.grant(true));
                }
                self.take(&["revoke"]).then_some(Kind::Revoke)
            }
            "system" => Some(Kind::Server("ALTER SYSTEM")),
            "database" if self.has_ahead(&["set", "tablespace"]) => Some(Kind::Server("ALTER TABLESPACE OF DATABASE")),
            "database" => Some(Kind::Server("ALTER DATABASE")),
            "role" | "user" | "group" if !self.is(&["user", "mapping"]) => Some(Kind::Server("ALTER ROLE")),
            _ => self.alter_other(),
        }
    }

    fn alter_other(&mut self) -> Option<Kind> {
        let object = match () {
            () if self.take(&["view"]) => Object::View,
            () if self.take(&["materialized", "view"]) => Object::MaterializedView,
            () if self.take(&["foreign", "table"]) => Object::ForeignTable,
            () if self.take(&["index"]) => Object::Index,
            () if self.take(&["sequence"]) => Object::Sequence,
            () if self.take(&["schema"]) => Object::Schema,
            () if self.take(&["extension"]) => Object::Extension,
            () if self.take(&["function"]) => Object::Function,
            () if self.take(&["procedure"]) => Object::Procedure,
            () if self.take(&["routine"]) => Object::Routine,
            () if self.take(&["aggregate"]) => Object::Aggregate,
            () if self.take(&["trigger"]) => Object::Trigger,
            () => return None,
        };
        self.if_exists();
        let name = self.qualified()?;
        if self.is(&["("]) {
            self.parentheses()?;
        }
        if object == Object::Trigger {
            self.expect(&["on"])?;
            self.qualified()?;
        }
        let change = match () {
            () if self.take(&["rename", "to"]) => OtherChange::Rename(self.name()?),
            () if self.take(&["rename"]) => {
                self.take(&["column"]);
                OtherChange::RenameColumn(self.name()?)
            }
            () if self.take(&["set", "schema"]) => OtherChange::SetSchema(self.name()?),
            () => OtherChange::Other,
        };
        Some(Kind::AlterOther { object, name, change })
    }

    fn type_change(&mut self) -> Option<TypeChange> {
        Some(match () {
            () if self.take(&["add", "value"]) => {
                let if_not_exists = self.if_not_exists();
                let value = self.string()?;
                TypeChange::AddValue { value, if_not_exists, placed: self.is_one_of(&["before", "after"]) }
            }
            () if self.take(&["rename", "value"]) => {
                let from = self.string()?;
                self.expect(&["to"])?;
                TypeChange::RenameValue { from, to: self.string()? }
            }
            () if self.take(&["rename", "to"]) => TypeChange::Rename(self.name()?),
            () if self.take(&["rename", "attribute"]) => TypeChange::RenameAttribute(self.name()?),
            () if self.take(&["set", "schema"]) => TypeChange::SetSchema(self.name()?),
            () if self.take(&["add", "attribute"]) => TypeChange::Attribute("ADD"),
            () if self.take(&["drop", "attribute"]) => TypeChange::Attribute("DROP"),
            () if self.take(&["alter", "attribute"]) => TypeChange::Attribute("ALTER"),
            () => TypeChange::Other,
        })
    }

    fn alter_table(&mut self) -> Option<Kind> {
        if self.is(&["all", "in", "tablespace"]) {
            return None;
        }
        self.if_exists();
        self.take(&["only"]);
        let name = self.qualified()?;
        self.take(&["*"]);
        let places = self.at..self.tokens.len();
        let mut actions = Vec::new();
        for part in self.parts(places) {
            self.at = part.start;
            let change = self.change(part.end).unwrap_or(Change::Other);
            actions.push(Action { range: self.bytes(part), change });
        }
        Some(Kind::AlterTable(AlterTable { name, actions }))
    }

    fn change(&mut self, end: usize) -> Option<Change> {
        let first = fold(self.text());
        self.at += 1;
        Some(match first.as_str() {
            "add" => {
                let start = self.at;
                if let Some(constraint) = self.constraint(end) {
                    return Some(Change::AddConstraint(constraint));
                }
                self.at = start;
                if self.is(&["constraint"]) {
                    return None;
                }
                self.take(&["column"]);
                let if_not_exists = self.if_not_exists();
                Change::AddColumn { column: self.column(end)?, if_not_exists }
            }
            "drop" if self.take(&["constraint"]) => {
                let if_exists = self.if_exists();
                let name = self.name()?;
                Change::DropConstraint { name, if_exists, cascade: self.take(&["cascade"]) }
            }
            "drop" => {
                self.take(&["column"]);
                let if_exists = self.if_exists();
                let name = self.name()?;
                Change::DropColumn { name, if_exists, cascade: self.take(&["cascade"]) }
            }
            "alter" if self.take(&["constraint"]) => Change::AlterConstraint(self.name()?),
            "alter" => {
                self.take(&["column"]);
                let name = self.name()?;
                Change::AlterColumn { name, change: self.column_change(end)? }
            }
            "validate" if self.take(&["constraint"]) => Change::ValidateConstraint(self.name()?),
            "rename" if self.take(&["to"]) => Change::RenameTable(self.name()?),
            "rename" if self.take(&["constraint"]) => Change::RenameConstraint,
            "rename" => {
                self.take(&["column"]);
                let from = self.name()?;
                self.expect(&["to"])?;
                Change::RenameColumn { from, to: self.name()? }
            }
            "set" if self.take(&["schema"]) => Change::SetSchema(self.name()?),
            "set" if self.is(&["tablespace"]) => Change::Move("SET TABLESPACE"),
            "set" if self.is(&["logged"]) => Change::Move("SET LOGGED"),
            "set" if self.is(&["unlogged"]) => Change::Move("SET UNLOGGED"),
            "set" if self.is(&["access", "method"]) => Change::Move("SET ACCESS METHOD"),
            "set" | "reset" if self.is(&["("]) => Change::Parameters,
            "enable" if self.is(&["row", "level", "security"]) => Change::RowSecurity("ENABLE"),
            "disable" if self.is(&["row", "level", "security"]) => Change::RowSecurity("DISABLE"),
            "force" if self.is(&["row", "level", "security"]) => Change::RowSecurity("FORCE"),
            "no" if self.is(&["force", "row", "level", "security"]) => Change::RowSecurity("NO FORCE"),
            "disable" if self.take(&["trigger"]) => Change::DisableTrigger(self.name()?),
            "enable" if self.is_one_of(&["trigger", "replica", "always"]) && !self.is_at(self.at + 1, &["rule"]) => {
                Change::EnableTrigger
            }
            "attach" if self.take(&["partition"]) => Change::AttachPartition { partition: self.qualified()? },
            "detach" if self.take(&["partition"]) => {
                let partition = self.qualified()?;
                let concurrently = self.take(&["concurrently"]);
                Change::DetachPartition { partition, concurrently, finalize: self.take(&["finalize"]) }
            }
            "inherit" => Change::Inheritance,
            "no" if self.is(&["inherit"]) => Change::Inheritance,
            "owner" => Change::Owner,
            "replica" if self.is(&["identity"]) => Change::ReplicaIdentity,
            _ => return None,
        })
    }

    fn column_change(&mut self, end: usize) -> Option<ColumnChange> {
        if self.take(&["set", "data", "type"]) || self.take(&["type"]) {
            let to = self.data_type(end)?;
            self.skip_to(end, |reader| reader.is(&["using"]));
            return Some(ColumnChange::Type { to, using: self.at < end });
        }
        Some(match () {
            () if self.take(&["set", "default"]) => ColumnChange::SetDefault(self.bytes(self.at..end)),
            () if self.take(&["drop", "default"]) => ColumnChange::DropDefault,
            () if self.take(&["set", "not", "null"]) => ColumnChange::SetNotNull,
            () if self.take(&["drop", "not", "null"]) => ColumnChange::DropNotNull,
            () if self.take(&["set", "expression"]) => ColumnChange::SetExpression,
            () if self.take(&["drop", "expression"]) => ColumnChange::DropExpression,
            () if self.take(&["drop", "identity"]) => ColumnChange::DropIdentity,
            () if self.take(&["add", "generated"]) => ColumnChange::AddIdentity,
            () => ColumnChange::Other,
        })
    }

    /// Behind `WITH`: what the statement is at its end. A query in parentheses may write as well; then nothing is said.
    fn with(&mut self) -> Option<Kind> {
        let end = self.tokens.len();
        let verbs = ["update", "delete", "insert", "merge"];
        let is_writer = |n: usize| verbs.iter().any(|verb| self.is_at(n, &["(", verb]));
        if (0..end).any(is_writer) {
            return None;
        }
        self.skip_to(end, |reader| {
            reader.is_one_of(&["select", "update", "delete", "insert", "values", "table", "merge"])
        });
        let verb = fold(self.text());
        self.at += 1;
        match verb.as_str() {
            "select" | "values" | "table" => Some(Kind::Select),
            "update" => self.update(),
            "delete" => self.delete(),
            "insert" => self.insert(),
            _ => None,
        }
    }

    fn update(&mut self) -> Option<Kind> {
        self.take(&["only"]);
        let table = self.qualified()?;
        let end = self.tokens.len();
        self.skip_to(end, |reader| reader.is(&["set"]));
        self.expect(&["set"])?;
        let start = self.at;
        let has_where = self.has_ahead(&["where"]);
        self.skip_to(end, |reader| reader.is_one_of(&["where", "from", "returning"]));
        let mut columns = Vec::new();
        for part in self.parts(start..self.at) {
            self.at = part.start;
            if self.is(&["("]) {
                columns.extend(self.columns()?);
            } else {
                columns.push(self.name()?);
            }
        }
        Some(Kind::Update(Write { table, has_where, columns }))
    }

    fn delete(&mut self) -> Option<Kind> {
        self.expect(&["from"])?;
        self.take(&["only"]);
        let table = self.qualified()?;
        Some(Kind::Delete(Write { table, has_where: self.has_ahead(&["where"]), columns: Vec::new() }))
    }

    fn insert(&mut self) -> Option<Kind> {
        self.expect(&["into"])?;
        let table = self.qualified()?;
        Some(Kind::Insert(Write { table, has_where: self.has_ahead(&["where"]), columns: Vec::new() }))
    }

    fn lock(&mut self) -> Option<Kind> {
        self.take(&["table"]);
        let tables = self.qualified_list()?;
        let mut mode = "access exclusive".to_owned();
        if self.take(&["in"]) {
            let start = self.at;
            let end = self.tokens.len();
            self.skip_to(end, |reader| reader.is(&["mode"]));
            let words = self.tokens.get(start..self.at)?;
            mode = words.iter().map(|word| fold(word.text(self.sql))).collect::<Vec<_>>().join(" ");
        }
        Some(Kind::Lock { tables, mode })
    }

    fn reindex(&mut self) -> Option<Kind> {
        let mut concurrently = self.option("concurrently");
        if self.is(&["("]) {
            self.parentheses()?;
        }
        let scope = fold(self.text());
        if !matches!(scope.as_str(), "index" | "table" | "schema" | "database" | "system") {
            return None;
        }
        self.at += 1;
        concurrently |= self.take(&["concurrently"]);
        let name = if self.is_end() { None } else { Some(self.qualified()?) };
        Some(Kind::Reindex { scope, name, concurrently })
    }

    fn cluster(&mut self) -> Option<Kind> {
        if self.is(&["("]) {
            self.parentheses()?;
        }
        self.take(&["verbose"]);
        if self.is_end() {
            return Some(Kind::Cluster { table: None });
        }
        let mut table = self.qualified()?;
        if self.take(&["on"]) {
            table = self.qualified()?;
        }
        Some(Kind::Cluster { table: Some(table) })
    }

    fn grant(&mut self, by_default: bool) -> Kind {
        let start = self.at;
        let end = self.tokens.len();
        self.skip_to(end, |reader| reader.is(&["to"]));
        let what = self.sql.get(self.bytes(start..self.at)).unwrap_or_default().to_owned();
        let to_public = self.tokens.get(self.at..end).unwrap_or_default().iter().any(|t| t.is(self.sql, "public"));
        Kind::Grant { to_public, what, by_default }
    }

    fn set(&mut self) -> Option<Kind> {
        let local = self.take(&["local"]);
        if !local {
            self.take(&["session"]);
        }
        if self.is_one_of(&["constraints", "transaction", "characteristics", "role", "authorization"]) {
            return None;
        }
        let mut name = self.name()?;
        while self.take(&["."]) {
            name = format!("{name}.{}", self.name()?);
        }
        if !self.take(&["="]) && !self.take(&["to"]) {
            return None;
        }
        let value = match self.tokens.get(self.at..)? {
            [one] => one.string(self.sql).unwrap_or_else(|| fold(one.text(self.sql))),
            _ => String::new(),
        };
        Some(Kind::Set { name, value, local })
    }

    /// `SELECT set_config('name', 'value', true)`, as dumps write it.
    fn set_config(&mut self) -> Option<Kind> {
        self.take(&["pg_catalog", "."]);
        self.expect(&["set_config", "("])?;
        let name = fold(&self.string()?);
        self.expect(&[","])?;
        let value = self.string()?;
        self.expect(&[","])?;
        let local = self.is_one_of(&["true", "'t'"]);
        self.at += 1;
        self.expect(&[")"])?;
        self.is_end().then_some(Kind::Set { name, value, local })
    }
}

/// The name that PostgreSQL prints for a type, where it has several.
fn canonical_name(name: &str) -> &str {
    match name {
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "int2" => "smallint",
        "serial4" => "serial",
        "serial8" => "bigserial",
        "serial2" => "smallserial",
        "character" | "nchar" => "char",
        "decimal" | "dec" => "numeric",
        "float4" => "real",
        "float8" | "float" => "double precision",
        "bool" => "boolean",
        other => other,
    }
}
