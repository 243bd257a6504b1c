//! Declared SQL → [`Schema`]: PostgreSQL executes it in an empty place, and tells what it understood.
//!
//! Nothing is parsed here beyond the first words of a statement, which say whether it belongs into a schema, and the
//! columns of `CREATE TABLE`, by which directives stand. What `pg_dump --schema-only` writes is a source as it is, and so
//! are migrations one behind the other: `ALTER` and `DROP` do what they say.
//!
//! **Invariant:** nothing that is executed reaches beyond the place, as far as its words tell: what acts on the whole
//! server is refused before anything is executed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::diff::Hints;
use super::host::Host;
use super::schema::{Kind, ObjectId, Schema};
use super::scratch::Place;
use super::split::{Statement, split};
use super::token::{Token, TokenKind, tokenize};
use crate::error::{Code, Error, Result};
use crate::run::{Failure, FailureKind};
use crate::schema::{Origin, Source};

/// What sources declare.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// The schema, as PostgreSQL tells it.
    pub schema: Schema,
    /// What directives say.
    pub hints: Hints,
    /// What is worth a warning: what was left out.
    pub warnings: Vec<String>,
}

/// Executes the sources in an empty place, in their order, and reads what they have made. Each of them starts with the
/// settings of a new session.
///
/// # Errors
/// [`Code::Syntax`], [`Code::NotADeclaration`] and [`Code::Directive`] before anything is executed;
/// [`Code::SchemaRejected`] where PostgreSQL does not accept a statement. All with the place in the source.
pub async fn read_declared<H: Host>(place: &mut Place<'_, H>, sources: &[Source]) -> Result<Declared> {
    let mut scripts = Vec::new();
    for source in sources {
        scripts.push(Script::read(source)?);
    }
    for script in &scripts {
        place.prepare().await?;
        let texts: Vec<&str> = script.statements.iter().map(|statement| statement.sql.as_ref()).collect();
        if let Err((at, failure)) = place.execute_all(&texts).await {
            let statement = script.statements.get(at);
            return Err(rejected(&script.source, statement, &failure, place.commits()));
        }
    }
    let schema = place.read().await?;
    let mut hints = Hints::default();
    for hint in scripts.iter().flat_map(|script| &script.hints) {
        hint.add_to(&mut hints, &schema);
    }
    let mut left_out: BTreeMap<&'static str, usize> = BTreeMap::new();
    for what in scripts.iter().flat_map(|script| &script.left_out) {
        *left_out.entry(what).or_default() += 1;
    }
    let mut warnings = Vec::new();
    if !left_out.is_empty() {
        let list: Vec<String> = left_out.iter().map(|(what, count)| format!("{what} ({count})")).collect();
        warnings.push(format!("left out of the declared schema, because it is no part of one: {}", list.join(", ")));
    }
    Ok(Declared { schema, hints, warnings })
}

/// A source, looked through.
struct Script {
    source: Arc<Source>,
    statements: Vec<ToRun>,
    hints: Vec<TableHint>,
    left_out: Vec<&'static str>,
}

/// A statement that is executed.
struct ToRun {
    range: Range<usize>,
    tokens: Vec<Token>,
    /// As it is executed.
    sql: String,
    /// Whether that has the same words at the same places.
    is_same: bool,
}

/// What is done with a statement.
enum Action {
    Run,
    /// It is executed in other words.
    RunAs(String),
    /// Here it means nothing.
    Skip,
    /// It means something that is no part of a schema.
    LeaveOut(&'static str),
}

impl Script {
    fn read(source: &Source) -> Result<Script> {
        let source = Arc::new(Source { name: source.name.clone(), text: source.text.clone() });
        let text = without_psql(&source)?;
        let cut = split(&text).map_err(|e| not_cut(&source, e.message, e.at))?;
        let mut script =
            Script { source: source.clone(), statements: Vec::new(), hints: Vec::new(), left_out: Vec::new() };
        // The schema of names without one.
        let mut path = "public".to_owned();
        for statement in &cut {
            let words = Words::new(&source, &text, statement);
            if let Some(name) = words.search_path() {
                path = name;
            }
            script.hints.extend(words.hints(&path)?);
            match words.action()? {
                Action::Skip => {}
                Action::LeaveOut(what) => script.left_out.push(what),
                Action::Run => {
                    let sql = words.without("concurrently");
                    script.push(statement, sql, true);
                }
                Action::RunAs(sql) => script.push(statement, sql, false),
            }
        }
        Ok(script)
    }

    fn push(&mut self, statement: &Statement, sql: String, is_same: bool) {
        let (range, tokens) = (statement.range.clone(), statement.tokens.clone());
        self.statements.push(ToRun { range, tokens, sql, is_same });
    }
}

/// The text with the lines that are psql's own made blank: a dump has `\restrict` and `\unrestrict`.
fn without_psql(source: &Arc<Source>) -> Result<Cow<'_, str>> {
    let mut text = Cow::Borrowed(source.text.as_str());
    loop {
        let backslash = match tokenize(&text) {
            Ok(tokens) => tokens.iter().map(|token| token.range.start).find(|at| text[*at..].starts_with('\\')),
            Err(e) => Some(e.at).filter(|at| text.get(*at..).is_some_and(|rest| rest.starts_with('\\'))),
        };
        let Some(at) = backslash else { return Ok(text) };
        let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
        let command = text[at + 1..end].split_whitespace().next().unwrap_or_default().to_owned();
        if !text[start..at].trim().is_empty() || command == "." || command == "N" {
            return Err(not_cut(source, "a backslash starts nothing in SQL", at));
        }
        if !matches!(command.as_str(), "restrict" | "unrestrict") {
            let origin = Origin { source: Some(source.clone()), range: at..end };
            return Err(Error::new(Code::NotADeclaration, format!("\\{command} is a command of psql, and no SQL"))
                .at(&origin, "")
                .help("take the line out of the schema"));
        }
        text.to_mut().replace_range(at..end, &" ".repeat(end - at));
    }
}

/// Where rows of a `COPY` follow, what is wrong is that.
fn not_cut(source: &Arc<Source>, message: &str, at: usize) -> Error {
    let mut start = 0;
    for line in source.text[..at.min(source.text.len())].split_inclusive('\n') {
        let words = line.to_ascii_lowercase();
        if words.starts_with("copy ") && words.contains(" from stdin") {
            let origin = Origin { source: Some(source.clone()), range: start..start + line.trim_end().len() };
            return copy_refused(&origin);
        }
        start += line.len();
    }
    let origin = Origin { source: Some(source.clone()), range: at..(at + 1).min(source.text.len()).max(at) };
    Error::new(Code::Syntax, message).at(&origin, "here")
}

fn copy_refused(origin: &Origin) -> Error {
    Error::new(Code::NotADeclaration, "COPY brings rows, and does not declare anything")
        .at(origin, "")
        .help("a schema holds no rows: make the dump with `pg_dump --schema-only`")
}

/// The words of a statement.
struct Words<'s> {
    source: &'s Arc<Source>,
    text: &'s str,
    statement: &'s Statement,
    /// Without comments.
    tokens: Vec<&'s Token>,
}

impl<'s> Words<'s> {
    fn new(source: &'s Arc<Source>, text: &'s str, statement: &'s Statement) -> Words<'s> {
        let tokens = statement.tokens.iter().filter(|token| token.kind != TokenKind::Comment).collect();
        Words { source, text, statement, tokens }
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(self.text, word))
    }

    fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    fn name(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name(self.text)
    }

    fn word(&self, at: usize) -> String {
        self.tokens.get(at).map(|token| token.text(self.text).to_ascii_lowercase()).unwrap_or_default()
    }

    fn sql(&self) -> &'s str {
        &self.text[self.statement.range.clone()]
    }

    fn has(&self, word: &str) -> bool {
        (0..self.tokens.len()).any(|at| self.is(at, word))
    }

    fn origin(&self) -> Origin {
        Origin { source: Some(self.source.clone()), range: self.statement.range.clone() }
    }

    /// The statement with a word made blank, so that all others stay where they are.
    fn without(&self, word: &str) -> String {
        let mut sql = self.sql().to_owned();
        let is_of_index = self.is_any(0, &["create", "drop", "alter", "refresh"]);
        for token in self.tokens.iter().filter(|token| is_of_index && token.is(self.text, word)) {
            let (start, end) =
                (token.range.start - self.statement.range.start, token.range.end - self.statement.range.start);
            sql.replace_range(start..end, &" ".repeat(end - start));
        }
        sql
    }

    fn action(&self) -> Result<Action> {
        const OF_SERVER: [&str; 6] = ["role", "group", "database", "tablespace", "subscription", "system"];
        let of_server = |at: usize| self.is_any(at, &OF_SERVER) || (self.is(at, "user") && !self.is(at + 1, "mapping"));
        let first = self.word(0);
        Ok(match first.as_str() {
            "begin" | "commit" | "end" | "start" | "savepoint" | "release" | "discard" => Action::Skip,
            "vacuum" | "analyze" | "checkpoint" | "cluster" | "reindex" | "listen" | "unlisten" | "notify" | "lock" => {
                Action::Skip
            }
            "grant" | "revoke" => Action::LeaveOut("GRANT and REVOKE"),
            "security" => Action::LeaveOut("SECURITY LABEL"),
            "set" | "reset" => return self.setting(),
            "select" => return self.select(),
            "copy" => return Err(copy_refused(&self.origin())),
            "insert" | "update" | "delete" | "truncate" | "merge" | "with" | "values" | "table" | "call"
            | "execute" | "explain" | "show" | "rollback" | "abort" | "prepare" | "declare" | "fetch" | "move"
            | "close" | "load" => {
                let message = format!("{} does not declare anything", first.to_ascii_uppercase());
                return Err(Error::new(Code::NotADeclaration, message)
                    .at(&self.origin(), "")
                    .help("a schema holds what is to be there; what happens to rows belongs into migrations"));
            }
            "create" | "alter" | "drop" if of_server(1) => {
                if self.is(0, "alter") && self.is(1, "database") {
                    return Ok(Action::LeaveOut("ALTER DATABASE"));
                }
                return Err(self.refused(&[0, 1]));
            }
            "drop" | "reassign" if self.is(1, "owned") => return Err(self.refused(&[0, 1])),
            "import" => return Err(self.refused(&[0, 1, 2])),
            "create" if self.is_any(1, &["temp", "temporary"]) || self.is_any(2, &["temp", "temporary"]) => {
                return Err(Error::new(Code::NotADeclaration, "a temporary object is no part of a schema")
                    .at(&self.origin(), ""));
            }
            // It is there from the start, and no dump knows that.
            "create" if self.is(1, "schema") && self.tokens.len() == 3 && self.name(2).as_deref() == Some("public") => {
                Action::RunAs("CREATE SCHEMA IF NOT EXISTS public".to_owned())
            }
            "alter" if self.is(1, "default") && self.is(2, "privileges") => {
                Action::LeaveOut("ALTER DEFAULT PRIVILEGES")
            }
            "alter" if self.sets_owner() => Action::LeaveOut("OWNER TO"),
            "comment" if self.is_any(2, &["extension", "role", "database", "tablespace", "subscription"]) => {
                Action::Skip
            }
            "do" => {
                let body = self.sql().to_ascii_lowercase();
                let words: Vec<&str> = body.split_whitespace().collect();
                let pairs = words.windows(2).find(|pair| {
                    matches!(pair[0].trim_start_matches(['\'', '(']), "create" | "alter" | "drop")
                        && (OF_SERVER.contains(&pair[1]) || pair[1] == "user")
                });
                if let Some(pair) = pairs {
                    let shown = format!("{} {}", pair[0], pair[1]).to_ascii_uppercase();
                    return Err(self.of_server(&format!("{shown} in a DO")));
                }
                Action::Run
            }
            _ => Action::Run,
        })
    }

    /// `ALTER … OWNER TO role`, and nothing else.
    fn sets_owner(&self) -> bool {
        let n = self.tokens.len();
        n > 4 && self.is(n - 3, "owner") && self.is(n - 2, "to")
    }

    fn refused(&self, words: &[usize]) -> Error {
        let shown: Vec<String> = words.iter().map(|at| self.word(*at).to_ascii_uppercase()).collect();
        self.of_server(&shown.join(" "))
    }

    fn of_server(&self, what: &str) -> Error {
        Error::new(Code::NotADeclaration, format!("{what} reaches beyond the database, and declares nothing in it"))
            .at(&self.origin(), "")
            .help("take it out of the schema, and do it where the server is set up")
    }

    fn setting(&self) -> Result<Action> {
        let at = 1 + usize::from(self.is_any(1, &["session", "local"]) && !self.is(2, "authorization"));
        let name = self.word(at);
        Ok(match name.as_str() {
            "role" | "session" => Action::LeaveOut("SET ROLE and SET SESSION AUTHORIZATION"),
            "all" => Action::RunAs("RESET search_path".to_owned()),
            // What a run relies on; the text is UTF-8 by now.
            "statement_timeout"
            | "lock_timeout"
            | "idle_in_transaction_session_timeout"
            | "idle_session_timeout"
            | "transaction_timeout"
            | "client_encoding"
            | "client_min_messages"
            | "check_function_bodies"
            | "synchronous_commit"
            | "transaction"
            | "constraints" => Action::Skip,
            "standard_conforming_strings" => {
                let is_off = |at: usize| {
                    self.is_any(at, &["off", "false", "no"])
                        || self.tokens.get(at).is_some_and(|token| {
                            matches!(token.text(self.text).trim_matches('\''), "off" | "false" | "no" | "0")
                        })
                };
                if is_off(at + 2) {
                    return Err(Error::new(Code::NotADeclaration, "standard_conforming_strings has to stay on")
                        .at(&self.origin(), "")
                        .help("write strings with backslashes as E'…'"));
                }
                Action::Skip
            }
            _ => Action::Run,
        })
    }

    /// A function may be called that makes something; rows are not read.
    fn select(&self) -> Result<Action> {
        let called = match () {
            () if self.is(2, ".") => self.word(3),
            () => self.word(1),
        };
        if called == "setval" {
            return Ok(Action::LeaveOut("setval"));
        }
        let name = self.tokens.iter().find(|token| token.kind == TokenKind::String).map(|t| t.text(self.text));
        if called == "set_config" && name != Some("'search_path'") {
            return Ok(Action::Skip);
        }
        let calls = self.is(2, "(") || (self.is(2, ".") && self.is(4, "("));
        if !calls || self.has("from") {
            return Err(Error::new(Code::NotADeclaration, "SELECT does not declare anything")
                .at(&self.origin(), "")
                .help("what asks for rows belongs into migrations; a function that makes something may be called"));
        }
        Ok(Action::Run)
    }

    /// The first schema of the path that this statement sets.
    fn search_path(&self) -> Option<String> {
        if self.is(0, "set") {
            let at = 1 + usize::from(self.is_any(1, &["session", "local"]));
            if self.word(at) != "search_path" {
                return None;
            }
            let token = self.tokens.get(at + 2)?;
            return Some(match token.kind {
                TokenKind::String => first_of_list(token.text(self.text)),
                _ => self.name(at + 2)?,
            });
        }
        if self.is(0, "select") && self.has("set_config") {
            let mut strings = self.tokens.iter().filter(|token| token.kind == TokenKind::String);
            strings.next().filter(|token| token.text(self.text) == "'search_path'")?;
            return Some(first_of_list(strings.next()?.text(self.text)));
        }
        None
    }

    /// What comments say about tables and columns.
    fn hints(&self, path: &str) -> Result<Vec<TableHint>> {
        let directives = self.directives();
        if directives.is_empty() {
            return Ok(Vec::new());
        }
        let Some(table) = self.table(path) else {
            return Err(directives[0].error("this directive stands by a table or a column"));
        };
        directives.iter().map(|directive| table.hint(directive)).collect()
    }

    fn directives(&self) -> Vec<Directive> {
        let mut found = Vec::new();
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
            let text = token.text(self.text);
            let inner = text.strip_prefix("/*").map(|inner| inner.strip_suffix("*/").unwrap_or(inner));
            let inner = inner.unwrap_or_else(|| text.trim_start_matches('-')).trim();
            let Some(words) = inner.strip_prefix("whimbrel:") else { continue };
            let same_line = |end: &usize| !self.text[*end..token.range.start].contains('\n');
            found.push(Directive {
                words: words.trim().to_owned(),
                origin: Origin { source: Some(self.source.clone()), range: token.range.clone() },
                after: before.filter(|end| *end == 0 || same_line(end)),
            });
        }
        found
    }

    /// The table that the statement makes, and where its columns stand.
    fn table(&self, path: &str) -> Option<DeclaredTable> {
        let mut at = 1 + usize::from(self.is_any(1, &["unlogged", "foreign"]));
        if !self.is(0, "create") || !self.is(at, "table") {
            return None;
        }
        at += if self.is(at + 1, "if") { 4 } else { 1 };
        let start = self.tokens.get(at)?.range.start;
        let mut name = self.name(at)?;
        let mut schema = None;
        if self.is(at + 1, ".") {
            schema = Some(std::mem::replace(&mut name, self.name(at + 2)?));
            at += 2;
        }
        let mut columns = Vec::new();
        let mut depth = 0_usize;
        for n in at + 1..self.tokens.len() {
            let opens_column = (depth == 0 && self.is(n, "(") && columns.is_empty()) || (depth == 1 && self.is(n, ","));
            if self.is(n, "(") || self.is(n, "[") {
                depth += 1;
            } else if self.is(n, ")") || self.is(n, "]") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            const OTHERS: [&str; 7] = ["constraint", "primary", "unique", "check", "foreign", "exclude", "like"];
            if opens_column
                && !self.is_any(n + 1, &OTHERS)
                && let (Some(token), Some(name)) = (self.tokens.get(n + 1), self.name(n + 1))
            {
                columns.push((token.range.start, name));
            }
        }
        Some(DeclaredTable {
            has_schema: schema.is_some(),
            schema: schema.unwrap_or_else(|| path.to_owned()),
            name,
            start,
            columns,
        })
    }
}

/// The first name of a search path in a string.
fn first_of_list(literal: &str) -> String {
    let first = literal.trim_matches('\'').split(',').next().unwrap_or_default().trim();
    first.trim_matches('"').to_owned()
}

/// A `-- whimbrel: …` comment.
struct Directive {
    words: String,
    origin: Origin,
    /// The end of the token before it when that stands on the same line.
    after: Option<usize>,
}

impl Directive {
    fn error(&self, message: &str) -> Error {
        Error::new(Code::Directive, message)
            .at(&self.origin, "here")
            .help("known are `-- whimbrel: renamed from <old name>` and `-- whimbrel: backfill <expression>`")
    }

    fn old_name(&self, rest: &str) -> Result<String> {
        let wrong = || self.error("a rename names the old name: `renamed from <old name>`");
        let tokens = tokenize(rest).map_err(|_| wrong())?;
        let names: Vec<Option<String>> = tokens.iter().map(|token| token.name(rest)).collect();
        match (tokens.first().is_some_and(|token| token.is(rest, "from")), &names[..]) {
            (true, [_, Some(name)]) => Ok(name.clone()),
            // The schema of a table does not change with its name.
            (true, [_, Some(_), None, Some(name)]) if tokens[2].is(rest, ".") => Ok(name.clone()),
            _ => Err(wrong()),
        }
    }

    fn backfill(&self, rest: &str) -> Result<String> {
        let tokens = tokenize(rest).map_err(|e| self.error(e.message))?;
        if tokens.iter().all(|token| token.kind == TokenKind::Comment) {
            return Err(self.error("a back-fill needs an expression"));
        }
        // In a statement it would hide what follows.
        if tokens.iter().any(|token| token.kind == TokenKind::Comment || token.is(rest, ";")) {
            return Err(self.error("a back-fill is one expression"));
        }
        Ok(rest.to_owned())
    }
}

struct DeclaredTable {
    schema: String,
    has_schema: bool,
    name: String,
    /// Where its name stands.
    start: usize,
    columns: Vec<(usize, String)>,
}

/// What a directive says, of a table by its name in the text.
struct TableHint {
    schema: String,
    has_schema: bool,
    table: String,
    says: Says,
}

enum Says {
    Table(String),
    Column(String, String),
    Backfill(String, String),
}

impl DeclaredTable {
    fn hint(&self, directive: &Directive) -> Result<TableHint> {
        let at = directive.origin.range.start;
        let column = match directive.after {
            Some(after) => self.columns.iter().rev().find(|(start, _)| *start < after),
            None if at < self.start => None,
            None => match self.columns.iter().find(|(start, _)| *start > at) {
                Some(column) => Some(column),
                None => return Err(directive.error("this directive stands by no column")),
            },
        };
        let column = column.map(|(_, name)| name.clone());
        let (word, rest) = directive.words.split_once(char::is_whitespace).unwrap_or((&directive.words, ""));
        let rest = rest.trim();
        let says = if word.eq_ignore_ascii_case("renamed") {
            let old = directive.old_name(rest)?;
            match column {
                Some(column) => Says::Column(column, old),
                None => Says::Table(old),
            }
        } else if word.eq_ignore_ascii_case("backfill") {
            let column = column.ok_or_else(|| directive.error("a back-fill stands by a column"))?;
            Says::Backfill(column, directive.backfill(rest)?)
        } else {
            return Err(directive.error(&format!("unknown directive `{word}`")));
        };
        let (schema, table) = (self.schema.clone(), self.name.clone());
        Ok(TableHint { schema, has_schema: self.has_schema, table, says })
    }
}

impl TableHint {
    fn add_to(&self, hints: &mut Hints, schema: &Schema) {
        let mut id = ObjectId::new(Kind::Table, &self.schema, &self.table);
        if schema.table(&id).is_none() && !self.has_schema {
            // The path may have been set in a way that the words do not tell.
            let mut same = schema.tables().filter(|(other, _)| other.name == self.table);
            if let (Some((only, _)), None) = (same.next(), same.next()) {
                id = only.clone();
            }
        }
        match &self.says {
            Says::Table(old) => hints.tables.push((id, old.clone())),
            Says::Column(column, old) => hints.columns.push((id, column.clone(), old.clone())),
            Says::Backfill(column, expression) => hints.backfills.push((id, column.clone(), expression.clone())),
        }
    }
}

fn rejected(source: &Arc<Source>, statement: Option<&ToRun>, failure: &Failure, commits: bool) -> Error {
    let mut origin = Origin { source: Some(source.clone()), range: 0..0 };
    let mut label = "";
    if let Some(statement) = statement {
        origin.range = statement.range.clone();
        let at = failure.offset.filter(|_| statement.is_same).map(|offset| statement.range.start + offset);
        let token = at.and_then(|at| statement.tokens.iter().find(|token| token.range.contains(&at)));
        if let Some(token) = token {
            origin.range = token.range.clone();
            label = "here";
        }
    }
    let code = match failure.kind {
        FailureKind::Statement | FailureKind::Constraint | FailureKind::Other | FailureKind::NotPermitted => {
            Error::new(Code::SchemaRejected, "PostgreSQL does not accept the declared schema").cause(&failure.message)
        }
        _ => failure.error(Code::SchemaRejected, "PostgreSQL does not accept the declared schema"),
    };
    let error = code.at(&origin, label);
    let is_extension = statement.is_some_and(|statement| {
        let mut words = statement.sql.split_whitespace().map(str::to_ascii_lowercase);
        words.next().as_deref() == Some("create") && words.next().as_deref() == Some("extension")
    });
    match failure.sqlstate.as_deref() {
        Some("0A000" | "58P01" | "22023") if is_extension => error
            .help("the server lacks the extension's files: install them there")
            .help("or give an empty database on a server that has them with `--scratch URL`"),
        Some("42501") if is_extension => error
            .help("the role may not make this extension: use one that may")
            .help("or have it made in an empty database, and give that with `--scratch URL`"),
        Some("42501") => error.help("use a role that has the right, or give an empty database with `--scratch URL`"),
        Some("53200") => error.help("a role with CREATEDB needs no single transaction, and fewer locks at a time"),
        Some("55P04") if !commits => error
            .help("a role with CREATEDB needs no single transaction, in which a new value cannot be used")
            .help("or name all values in CREATE TYPE"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Result<Script> {
        Script::read(&Source { name: "schema.sql".into(), text: text.into() })
    }

    fn check(text: &str, expected: &[&str], left_out: &[&str]) {
        let script = script(text).unwrap();
        let texts: Vec<&str> = script.statements.iter().map(|s| s.sql.as_str()).collect();
        assert_eq!(texts, expected);
        assert_eq!(script.left_out, left_out);
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let error = script(text).err().unwrap();
        assert_eq!(error.code(), Code::NotADeclaration, "{error}");
        assert!(error.report().message.contains(message), "{error}");
        assert!(error.report().origin.line_and_column().is_some());
    }

    #[test]
    fn a_dump_is_a_schema() {
        check(
            "\\restrict aBc\n\nSET statement_timeout = 0;\nSET client_encoding = 'UTF8';\nSET row_security = off;\n\
             SELECT pg_catalog.set_config('search_path', '', false);\nSET default_tablespace = '';\n\
             CREATE SCHEMA public;\nALTER SCHEMA public OWNER TO pg_database_owner;\n\
             COMMENT ON EXTENSION citext IS 'x';\nCREATE TABLE public.a (b integer);\n\
             ALTER TABLE public.a OWNER TO anna;\nGRANT ALL ON TABLE public.a TO anna;\n\\unrestrict aBc\n",
            &[
                "SET row_security = off",
                "SELECT pg_catalog.set_config('search_path', '', false)",
                "SET default_tablespace = ''",
                "CREATE SCHEMA IF NOT EXISTS public",
                "CREATE TABLE public.a (b integer)",
            ],
            &["OWNER TO", "OWNER TO", "GRANT and REVOKE"],
        );
    }

    #[test]
    fn an_index_is_built_in_place() {
        check(
            "BEGIN; CREATE INDEX CONCURRENTLY i ON a (b); DROP INDEX CONCURRENTLY j; COMMIT;",
            &["CREATE INDEX              i ON a (b)", "DROP INDEX              j"],
            &[],
        );
    }

    #[test]
    fn what_is_no_schema_is_refused_by_name() {
        refused("INSERT INTO a VALUES (1)", "INSERT does not declare");
        refused("COPY a FROM stdin;\n1\tit's\n\\.\n", "COPY brings rows");
        refused("COPY a (b) FROM stdin;\n1\t\\N\n\\.\n", "COPY brings rows");
        refused("\\connect other\n", "\\connect is a command of psql");
        refused("CREATE ROLE anna", "CREATE ROLE reaches beyond");
        refused("CREATE USER anna", "CREATE USER reaches beyond");
        refused("drop database x", "DROP DATABASE reaches beyond");
        refused("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM reaches beyond");
        refused("DO $$ BEGIN CREATE ROLE anna; END $$", "CREATE ROLE in a DO");
        refused("SELECT * FROM a", "SELECT does not declare");
        refused("SET standard_conforming_strings = off", "has to stay on");
        refused("CREATE TEMP TABLE a(b integer)", "a temporary object");
        refused("REASSIGN OWNED BY a TO b", "REASSIGN OWNED reaches beyond");
    }

    #[test]
    fn a_string_may_hold_a_backslash_line() {
        check("CREATE TABLE a(b text DEFAULT E'\\n\n\\\\x')", &["CREATE TABLE a(b text DEFAULT E'\\n\n\\\\x')"], &[]);
    }

    fn hints(text: &str) -> Hints {
        let mut hints = Hints::default();
        for hint in script(text).unwrap().hints {
            hint.add_to(&mut hints, &Schema::default());
        }
        hints
    }

    #[test]
    fn directives_stand_by_tables_and_columns() {
        let found = hints(
            "-- whimbrel: renamed from users\nCREATE TABLE people (\n  id integer PRIMARY KEY,\n\
             email text NOT NULL CHECK (length(email) > 0), -- whimbrel: renamed from \"Mail\"\n\
             -- whimbrel: backfill lower('M', 2)\n  role text NOT NULL,\n  UNIQUE (email)\n);\n\
             SET search_path TO app, public;\n\
             CREATE TABLE IF NOT EXISTS Notes ( -- whimbrel: renamed from app.memos\n  id integer);",
        );
        let people = ObjectId::new(Kind::Table, "public", "people");
        let notes = ObjectId::new(Kind::Table, "app", "notes");
        assert_eq!(found.tables, [(people.clone(), "users".to_owned()), (notes, "memos".to_owned())]);
        assert_eq!(found.columns, [(people.clone(), "email".to_owned(), "Mail".to_owned())]);
        assert_eq!(found.backfills, [(people, "role".to_owned(), "lower('M', 2)".to_owned())]);
    }

    #[test]
    fn a_directive_that_is_not_understood_is_an_error() {
        for text in [
            "-- whimbrel: renamed to b\nCREATE TABLE a(b integer)",
            "CREATE TABLE a(b integer -- whimbrel: backfill\n)",
            "CREATE TABLE a(b integer -- whimbrel: backfill 1; DROP TABLE a\n)",
            "CREATE TABLE a(b integer -- whimbrel: refill 1\n)",
            "-- whimbrel: renamed from b\nCREATE VIEW a AS SELECT 1",
            "CREATE TABLE a(b integer\n-- whimbrel: backfill 1\n)",
        ] {
            assert_eq!(script(text).err().map(|e| e.code()), Some(Code::Directive), "{text}");
        }
    }
}
