//! A scenario: a folder of `testdata/scenarios` with what is there before, the rows, what is declared, and what must
//! come of it. `testdata/scenarios/README.md` describes the files.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use whimbrel::{Code, Plan, Planner, Result, Schema};
use whimbrel_oracle::facts::{Facts, complaints, differences, facts, search_complaints};
use whimbrel_oracle::rows;

use super::database::{Database, Journal, try_ask};
use super::snapshot;

/// What a folder says.
#[derive(Debug, Default)]
pub struct Scenario {
    pub folder: PathBuf,
    pub about: String,
    before: String,
    rows: String,
    after: String,
    accept_data_loss: bool,
    strict_order: bool,
    show_rows: bool,
    /// Renames that are said; the oracle knows them too.
    rename: Vec<(String, String)>,
    /// Renames that only the oracle is told of, because the schema hints at them.
    renamed: Vec<(String, String)>,
    ignore: Vec<String>,
    /// Objects that stay though they are not declared, because they are left out of sight.
    keeps: Vec<String>,
    /// Columns whose values change, as `table.column`.
    changed: Vec<String>,
    /// Whether the catalogue may keep a table's text as it is spelled.
    any_spelling: bool,
    /// Renames that go round in a circle would do so again if they were said again.
    say_once: bool,
    expect: Expect,
    queries: Vec<(String, String)>,
}

/// What must come of a scenario.
#[derive(Debug, Default, PartialEq, Eq)]
enum Expect {
    #[default]
    Done,
    NoChanges,
    Refused(String),
}

/// How a scenario is run.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    pub journal: Journal,
    pub foreign_keys: bool,
}

/// Every scenario is run in each of these.
pub const VARIANTS: [Variant; 3] = [
    Variant { journal: Journal::Delete, foreign_keys: false },
    Variant { journal: Journal::Delete, foreign_keys: true },
    Variant { journal: Journal::Wal, foreign_keys: true },
];

/// Where the scenarios are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/scenarios")
}

impl Scenario {
    /// Reads a folder.
    pub fn read(name: &str) -> Scenario {
        let folder = folder().join(name);
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        let mut scenario = Scenario {
            before: text("before.sql"),
            rows: fs::read_to_string(folder.join("rows.sql")).unwrap_or_default(),
            after: text("after.sql"),
            folder: folder.clone(),
            ..Scenario::default()
        };
        for line in text("scenario.txt").lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            scenario.option(key.trim(), value.trim());
        }
        assert!(!scenario.about.is_empty(), "{name}/scenario.txt tells what it is about");
        scenario
    }

    fn option(&mut self, key: &str, value: &str) {
        let arrow = || {
            let (old, new) = value.split_once(" -> ").unwrap_or_else(|| panic!("`{value}` is no `old -> new`"));
            (old.trim().to_owned(), new.trim().to_owned())
        };
        match key {
            "about" => self.about = value.to_owned(),
            "accept_data_loss" => self.accept_data_loss = value == "true",
            "strict_order" => self.strict_order = value == "true",
            "show_rows" => self.show_rows = value == "true",
            "any_spelling" => self.any_spelling = value == "true",
            "say_once" => self.say_once = value == "true",
            "rename" => self.rename.push(arrow()),
            "renamed" => self.renamed.push(arrow()),
            "ignore" => self.ignore.push(value.to_owned()),
            "keeps" => self.keeps.push(value.to_owned()),
            "changed" => self.changed.push(value.to_owned()),
            "query" => self.queries.push((value.to_owned(), String::new())),
            "gives" => {
                let (_, gives) = self.queries.last_mut().expect("`gives` follows a `query`");
                *gives = value.to_owned();
            }
            "expect" => {
                self.expect = match value {
                    "done" => Expect::Done,
                    "no changes" => Expect::NoChanges,
                    _ => match value.strip_prefix("refused ") {
                        Some(code) => Expect::Refused(code.to_owned()),
                        None => panic!("`{value}` is no outcome"),
                    },
                }
            }
            _ => panic!("{}: unknown line `{key} = {value}`", self.folder.display()),
        }
    }

    /// Runs it in every variant.
    pub fn check(&self) {
        for variant in VARIANTS {
            if let Err(problem) = self.check_in(variant) {
                panic!("{}\n{variant:?}\n\n{problem}", self.about);
            }
        }
    }

    fn plan(&self, schema: &Schema, conn: &mut Connection, say_renames: bool) -> Result<Plan> {
        let mut planner = Planner::new(schema)
            .accept_data_loss(self.accept_data_loss)
            .strict_order(self.strict_order)
            .show_rows(self.show_rows);
        for pattern in &self.ignore {
            planner = planner.ignore(pattern);
        }
        for (old, new) in self.rename.iter().filter(|_| say_renames) {
            planner = planner.rename(old, new)?;
        }
        planner.plan(conn)
    }

    fn check_in(&self, variant: Variant) -> std::result::Result<(), String> {
        let database = Database::in_mode(variant.journal, &[&self.before, &self.rows]);
        let bytes = database.bytes();
        let mut conn = database.connect(variant.foreign_keys);
        let (rows_before, counters) = (told(rows::read_all(&conn))?, told(rows::sequences(&conn))?);
        let (facts_before, complaints_before) = (told(facts(&conn, self.strict_order))?, told(complaints(&conn))?);

        let schema = Schema::from_sql(&self.after).map_err(|e| format!("after.sql: {e}"))?;
        let outcome = match self.plan(&schema, &mut conn, true) {
            Ok(plan) => {
                snapshot::compare(&self.folder.join("plan.txt"), &described(&plan))?;
                plan.run(&mut conn).map(|report| (plan, report))
            }
            Err(e) => {
                snapshot::compare(&self.folder.join("plan.txt"), &format!("{e}\n"))?;
                Err(e)
            }
        };
        let setting: bool =
            conn.pragma_query_value(None, "foreign_keys", |row| row.get(0)).map_err(|e| e.to_string())?;
        if setting != variant.foreign_keys {
            return Err("foreign_keys was not put back".into());
        }
        match (&self.expect, outcome) {
            (Expect::Refused(code), Err(e)) => {
                if e.code().as_str() != code {
                    return Err(format!("refused, but not with {code}: {e}"));
                }
                drop(conn);
                return unchanged(&bytes, &database);
            }
            (Expect::Refused(code), Ok(_)) => return Err(format!("it was run, and should be refused with {code}")),
            (_, Err(e)) => return Err(format!("it failed: {e}")),
            (Expect::NoChanges, Ok((plan, _))) if !plan.is_empty() => {
                return Err(format!("there are changes:\n{plan}"));
            }
            (Expect::Done, Ok((plan, _))) if plan.is_empty() => return Err("there are no changes".into()),
            (Expect::NoChanges, Ok(_)) => {
                drop(conn);
                return unchanged(&bytes, &database);
            }
            (Expect::Done, Ok(_)) => {}
        }
        self.check_schema(&conn, &facts_before)?;
        self.check_rows(&conn, &rows_before, &counters)?;
        let now = told(complaints(&conn))?;
        if now.len() > complaints_before.len() {
            return Err(format!("there are new complaints:\n{}", now.join("\n")));
        }
        drop(conn);
        self.check_second_plan(&database, &schema)?;
        self.check_queries(&database)
    }

    fn check_schema(&self, conn: &Connection, before: &Facts) -> std::result::Result<(), String> {
        let fresh = Connection::open_in_memory().map_err(|e| e.to_string())?;
        fresh.pragma_update(None, "foreign_keys", false).map_err(|e| e.to_string())?;
        execute_in_any_order(&fresh, &self.after)?;
        let mut wanted = told(facts(&fresh, self.strict_order))?;
        let mut found = told(facts(conn, self.strict_order))?;
        let is_kept = |fact: &String| {
            let words: Vec<&str> = fact.split([' ', '.', ':']).collect();
            self.keeps.iter().any(|name| words.contains(&name.as_str()))
        };
        wanted.extend(before.iter().filter(|(key, _)| is_kept(key)).map(|(key, fact)| (key.clone(), fact.clone())));
        if self.any_spelling {
            found.retain(|key, _| !key.starts_with("text of table"));
            wanted.retain(|key, _| !key.starts_with("text of table"));
        }
        match differences(&found, &wanted) {
            text if text.is_empty() => Ok(()),
            text => Err(format!("the schema is not what a fresh database has:\n{text}")),
        }
    }

    fn check_rows(
        &self,
        conn: &Connection,
        before: &std::collections::BTreeMap<String, rows::Rows>,
        counters: &std::collections::BTreeMap<String, i64>,
    ) -> std::result::Result<(), String> {
        let after = told(rows::read_all(conn))?;
        let renames: rows::Renames = self.rename.iter().chain(&self.renamed).cloned().collect();
        let renames: rows::Renames = renames.into_iter().map(|(a, b)| (unquoted(&a), unquoted(&b))).collect();
        let text = told(rows::differences(before, &after, &renames, &self.changed))?;
        if !text.is_empty() {
            return Err(format!("rows are not what they were:\n{text}"));
        }
        let counters_now = told(rows::sequences(conn))?;
        let autoincrement = "SELECT group_concat(lower(name)) FROM sqlite_schema WHERE sql LIKE '%autoincrement%'";
        let autoincrement = try_ask(conn, autoincrement).unwrap_or_default();
        for (table, counter) in counters {
            let renamed = renames.iter().find(|(old, _)| old.eq_ignore_ascii_case(table));
            let name = renamed.map_or(table.clone(), |(_, new)| new.to_lowercase());
            if autoincrement.split(',').any(|t| t == name) && counters_now.get(&name).is_none_or(|now| now < counter) {
                return Err(format!("the counter of {name} was {counter}, is {:?}", counters_now.get(&name)));
            }
        }
        if counters_now.keys().any(|name| name.contains("whimbrel")) {
            return Err("a counter of a temporary table was left".into());
        }
        Ok(())
    }

    /// Nothing is left to do, whether the renames are said again or not.
    fn check_second_plan(&self, database: &Database, schema: &Schema) -> std::result::Result<(), String> {
        let bytes = database.bytes();
        let mut conn = database.connect(true);
        for say_renames in [false, true] {
            if say_renames && (self.rename.is_empty() || self.say_once) {
                continue;
            }
            let plan = self.plan(schema, &mut conn, say_renames);
            let plan = plan.map_err(|e| format!("the second plan failed, renames said {say_renames}: {e}"))?;
            if !plan.is_empty() {
                return Err(format!("the second plan is not empty:\n{plan}"));
            }
            plan.run(&mut conn).map_err(|e| format!("the second run failed: {e}"))?;
        }
        drop(conn);
        unchanged(&bytes, database)
    }

    /// The last word: these write what they want, and nobody looks at the database afterwards.
    fn check_queries(&self, database: &Database) -> std::result::Result<(), String> {
        let conn = database.connect(true);
        let search = told(search_complaints(&conn))?;
        if !search.is_empty() {
            return Err(search.join("\n"));
        }
        for (query, gives) in &self.queries {
            let answer = match try_ask(&conn, query) {
                Ok(rows) => rows.replace('\n', " ; "),
                Err(e) => format!("error: {e}"),
            };
            if answer != *gives && !(gives.starts_with("error") && answer.starts_with(gives.as_str())) {
                return Err(format!("{query}\n    gives  {answer}\n    should {gives}"));
            }
        }
        Ok(())
    }
}

/// Executes a schema whose objects may stand before those that they need. Only such a schema has its statements apart
/// at the ends of lines.
fn execute_in_any_order(conn: &Connection, schema: &str) -> std::result::Result<(), String> {
    let Err(first) = conn.execute_batch(&format!("BEGIN; {schema}; COMMIT")) else { return Ok(()) };
    if !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK").map_err(|e| e.to_string())?;
    }
    let mut left: Vec<&str> = schema.split_inclusive(";\n").collect();
    while !left.is_empty() {
        let count = left.len();
        left.retain(|statement| conn.execute_batch(statement).is_err());
        if left.len() == count {
            return Err(format!("after.sql: {first}"));
        }
    }
    Ok(())
}

/// What the oracle says, or what kept it from saying it.
fn told<T>(answer: rusqlite::Result<T>) -> std::result::Result<T, String> {
    answer.map_err(|e| format!("the oracle cannot read the database: {e}"))
}

fn unquoted(path: &str) -> String {
    if !path.contains('"') {
        return path.to_owned();
    }
    path.replace("\"\"", "\u{1}").replace('"', "").replace('\u{1}', "\"")
}

fn unchanged(bytes: &[(String, Vec<u8>)], database: &Database) -> std::result::Result<(), String> {
    // Another connection that closes a database in WAL mode takes its log away; the file is what counts.
    let only_file = |files: &[(String, Vec<u8>)]| files.iter().find(|(name, _)| name == "app.db").cloned();
    let now = database.bytes();
    if only_file(bytes) != only_file(&now) {
        return Err("the file's bytes changed".into());
    }
    match now.iter().find(|(name, _)| name != "app.db") {
        Some((name, _)) => Err(format!("{name} was left beside the file")),
        None => Ok(()),
    }
}

/// A plan with its steps, hazards and warnings: all of it that does not depend on sizes and times.
pub fn described(plan: &Plan) -> String {
    let mut out = plan.to_string();
    for (n, step) in plan.steps.iter().enumerate() {
        let gap = if n == 0 { "\n" } else { "" };
        out.push_str(&format!("{gap}{}. {}: {} ({})\n", n + 1, step.object, step.title, step.strategy));
        out.extend(step.reason.as_ref().map(|reason| format!("   because {reason}\n")));
        out.extend(step.hazards.iter().map(|hazard| format!("   {hazard}\n")));
    }
    for warning in &plan.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    out
}

/// The code a result failed with; panics where it did not.
pub fn code_of<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("it should have been refused"),
        Err(e) => e.code(),
    }
}
