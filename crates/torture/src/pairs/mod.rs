//! Random pairs of schemas with rows: from the first to the second, and what then is right.
//!
//! A pair is made from one number: a schema of all the features there are, rows that SQLite takes, and a second schema that
//! is the first after one to eight changes. What must come of the rows is worked out in Rust from the rows before
//! ([`expect`]); what must come of the schema is what a fresh database has. A change that rows do not fit must be refused,
//! with nothing changed. A pair that goes wrong is made smaller until what is left is needed.

pub mod expect;
pub mod generate;
pub mod model;
pub mod mutate;
mod shrink;

use std::path::Path;

use rusqlite::Connection;
use whimbrel::diff::Answer;
use whimbrel::{Code, Error, Planner, Schema as Declared, State};
use whimbrel_oracle::facts::{Facts, differences, facts};
use whimbrel_oracle::words::bag_of_words;
use whimbrel_oracle::{Image, damage, quoted, rows::sequences};

use crate::case::{Case, Start};
use crate::{Finding, Layer, Tally};
use expect::{Expected, expected};
use generate::{Act, Dice};
use model::Schema;

/// The layer.
pub const LAYER: Layer = Layer {
    name: "pairs",
    counted: "schema pairs",
    about: "random schemas with rows, brought to random others",
    full: 100_000,
    quick: 3_000,
    unit,
};

/// Two schemas, rows, and how the one is brought to the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The first schema.
    pub before: Schema,
    /// The second one.
    pub after: Schema,
    /// What is done to the first one's rows.
    pub acts: Vec<Act>,
    /// Whether rows and columns may go.
    pub accept: bool,
    /// Whether the order of columns counts.
    pub strict_order: bool,
    /// Whether the connection enforces foreign keys.
    pub foreign_keys: bool,
    /// Whether the database is a file.
    pub on_file: bool,
    /// Whether the plan is made and run in one call, so that SQLite alone looks at rows that it looks at anyway.
    pub at_once: bool,
    /// Whether it is brought back to the first schema.
    pub back: bool,
}

/// What came of a pair where nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, as foreseen.
    Refused,
    /// It was refused with this code, which was not foreseen.
    Unforeseen(Code),
    /// SQLite does not take one of the schemas.
    Invalid,
}

/// What is wrong: in a line, and in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The kind of mistake, without names.
    pub kind: &'static str,
    /// All about it.
    pub about: String,
}

impl Wrong {
    fn new(kind: &'static str, about: impl ToString) -> Wrong {
        Wrong { kind, about: about.to_string() }
    }
}

impl From<rusqlite::Error> for Wrong {
    fn from(e: rusqlite::Error) -> Wrong {
        Wrong::new("the oracle cannot read the database", e)
    }
}

/// Tries one pair.
fn unit(seed: u64) -> Tally {
    let pair = Pair::new(seed);
    let mut tally = Tally { tried: 1, ..Tally::default() };
    match pair.check() {
        Ok(Outcome::Done) => tally.note("done", 1),
        Ok(Outcome::Refused) => tally.note("refused, as foreseen", 1),
        Ok(Outcome::Unforeseen(code)) => {
            tally.note(unforeseen(code).unwrap_or("refused, not foreseen"), 1);
            let what = format!("refused, not foreseen, with {}", code.as_str());
            let wrong = Wrong::new("refused, not foreseen", &what);
            tally.unsure.push(Finding { unit: seed, what, story: pair.story(&wrong) });
        }
        Ok(Outcome::Invalid) => tally.note("no schema for SQLite", 1),
        Err(wrong) => {
            let small = shrink::shrink(&pair, wrong.kind);
            let wrong = small.check().err().unwrap_or(wrong);
            let what = format!("{}: {}", wrong.kind, wrong.about.lines().next().unwrap_or_default());
            tally.bad.push(Finding { unit: seed, what, story: small.story(&wrong) });
        }
    }
    tally
}

/// What a refusal counts as that was not foreseen and may yet be right: rows that this layer's rules take and the engine,
/// which must be sure of them, does not. That is rare; where the engine gives another reason, it is wrong.
fn unforeseen(code: Code) -> Option<&'static str> {
    match code {
        Code::NoValue => Some("refused, not foreseen, with W0203"),
        Code::RowsDoNotFit => Some("refused, not foreseen, with W0204"),
        Code::ValuesAltered => Some("refused, not foreseen, with W0205"),
        _ => None,
    }
}

/// A database and an app's start that changes it, from the first of these numbers that gives one.
pub fn case(seeds: impl Iterator<Item = u64>) -> Option<Case> {
    seeds.filter_map(case_of).next()
}

/// None where the pair of a number is refused, goes wrong, changes nothing, or holds a time; nor where a second start would do
/// something again, as it does where its renames go round in a circle.
fn case_of(seed: u64) -> Option<Case> {
    let pair =
        Pair { strict_order: false, accept: true, on_file: false, back: false, at_once: true, ..Pair::new(seed) };
    if pair.check() != Ok(Outcome::Done) {
        return None;
    }
    let (conn, script) = pair.database(None).ok()?;
    let rows = expect::read(&conn, &pair.before).ok()?;
    if expect::has_time(&expected(&pair.before, &rows, &pair.after)) {
        return None;
    }
    let mut conn = Connection::open_in_memory().ok()?;
    conn.execute_batch(&script).ok()?;
    let old = Image::read(&conn).ok()?;
    let start =
        Start::Push { after: pair.after.sql(), renames: renames(&pair.before, &pair.after), accept_data_loss: true };
    start.run(&mut conn).ok()?;
    // The verdict above was about the same run: what there is now is what there has to be.
    let new = Image::read(&conn).ok()?;
    start.run(&mut conn).ok()?;
    let again = Image::read(&conn).ok()?;
    (old != new && again == new).then(|| Case { name: format!("pair {seed}"), before: script, start, old, new })
}

/// What is called otherwise: its path in the first schema, and its name in the second.
fn renames(from: &Schema, to: &Schema) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for new in &to.tables {
        let Some(old) = from.table(new.id) else { continue };
        if old.name != new.name {
            out.push((quoted(&old.name), quoted(&new.name)));
        }
        for column in &new.columns {
            if let Some(before) = old.column(column.id).filter(|before| before.name != column.name) {
                out.push((format!("{}.{}", quoted(&old.name), quoted(&before.name)), quoted(&column.name)));
            }
        }
    }
    for new in &to.searches {
        let old = from.searches.iter().find(|old| old.id == new.id);
        if let Some(old) = old.filter(|old| old.name != new.name) {
            out.push((quoted(&old.name), quoted(&new.name)));
        }
    }
    out
}

impl Pair {
    /// The pair of a number.
    pub fn new(seed: u64) -> Pair {
        let mut dice = Dice::new(seed);
        let before = dice.schema();
        let changes = [1, 1, 2, 2, 3, 4, 5, 8][dice.below(8)];
        let after = mutate::mutated(&mut dice, &before, changes);
        let acts = dice.rows(&before);
        Pair {
            before,
            after,
            acts,
            accept: dice.chance(85),
            strict_order: dice.chance(30),
            foreign_keys: dice.chance(50),
            on_file: dice.chance(3),
            back: dice.chance(12),
            at_once: dice.chance(50),
        }
    }

    /// Whether everything is right about it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<Outcome, Wrong> {
        if !self.on_file {
            return self.check_in(None);
        }
        let folder = tempfile::tempdir().map_err(|e| Wrong::new("there is no temporary folder", e))?;
        self.check_in(Some(&folder.path().join("app.db")))
    }

    fn check_in(&self, file: Option<&Path>) -> Result<Outcome, Wrong> {
        let Ok((mut conn, _)) = self.database(file) else { return Ok(Outcome::Invalid) };
        let outcome = self.step(&mut conn, file, &self.before, &self.after)?;
        if outcome == Outcome::Done && self.back && !has_time_default(&self.before) {
            self.step(&mut conn, None, &self.after, &self.before)?;
        }
        Ok(outcome)
    }

    /// The first database, and the script that makes it.
    fn database(&self, file: Option<&Path>) -> rusqlite::Result<(Connection, String)> {
        let conn = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        let mut script = String::new();
        let mut run = |sql: &str| -> rusqlite::Result<()> {
            conn.execute_batch(sql)?;
            script.push_str(sql);
            script.push_str(";\n");
            Ok(())
        };
        if file.is_some() {
            conn.execute_batch("PRAGMA synchronous = OFF")?;
        }
        conn.execute_batch("PRAGMA foreign_keys = ON")?;
        let mut schema = self.before.clone();
        for act in &self.acts {
            let Act::AddColumn { table } = act else { continue };
            let whole = self.before.table(*table).filter(|table| table.can_begin_without_last());
            if let (Some(whole), Some(table)) = (whole, schema.tables.iter_mut().find(|other| other.id == *table)) {
                *table = whole.without_last();
            }
        }
        for statement in schema.tables_sql() {
            run(&statement)?;
        }
        for search in self.before.searches_sql() {
            run(&search)?;
        }
        for act in &self.acts {
            if let Act::AddColumn { table } = act {
                let whole = self.before.table(*table);
                if let (Some(whole), Some(table)) = (whole, schema.tables.iter_mut().find(|other| other.id == *table))
                    && table.columns.len() < whole.columns.len()
                {
                    act.sql(&self.before).map_or(Ok(()), |sql| run(&sql))?;
                    let late = whole.indexes.iter().filter(|index| !table.indexes.contains(index));
                    late.map(|index| whole.create_index(index)).try_for_each(|sql| run(&sql))?;
                    *table = whole.clone();
                }
                continue;
            }
            // What SQLite does not take is left out.
            if let Some(sql) = act.sql(&schema) {
                let _ = run(&sql);
            }
        }
        for statement in self.before.others_sql() {
            run(&statement)?;
        }
        for search in self.before.searches.iter().filter(|search| search.of.is_some()) {
            let name = quoted(&search.name);
            run(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"))?;
        }
        if file.is_some() {
            conn.execute_batch("PRAGMA synchronous = FULL")?;
        }
        conn.pragma_update(None, "foreign_keys", self.foreign_keys)?;
        Ok((conn, script))
    }

    fn planner<'s>(&self, declared: &'s Declared, renames: &[(String, String)]) -> Result<Planner<'s>, Error> {
        let mut planner = Planner::new(declared).accept_data_loss(self.accept).strict_order(self.strict_order);
        for (path, name) in renames {
            planner = planner.rename(path, name)?;
        }
        Ok(planner.resolver(|_| Some(Answer::DropAndAdd)))
    }

    /// Brings a database from one schema to another, and looks at what came of it.
    fn step(&self, conn: &mut Connection, file: Option<&Path>, from: &Schema, to: &Schema) -> Result<Outcome, Wrong> {
        let script = to.sql();
        let rows = expect::read(conn, from)?;
        let counters = sequences(conn)?;
        let wanted = expected(from, &rows, to);
        let bytes = file.and_then(|file| std::fs::read(file).ok());
        let declared = Declared::from_sql(&script).map_err(|e| Wrong::new("a valid schema cannot be read", e))?;
        let planner = self.planner(&declared, &renames(from, to));
        let mut planner = planner.map_err(|e| Wrong::new("a rename is not understood", e))?;
        let image = wanted.is_refused(self.accept).then(|| Image::read(conn)).transpose()?;
        let outcome = match self.at_once {
            true => planner.push(conn),
            false => planner.plan(conn).and_then(|plan| plan.run(conn)),
        };
        let setting: bool = conn.pragma_query_value(None, "foreign_keys", |row| row.get(0))?;
        if setting != self.foreign_keys {
            return Err(Wrong::new("foreign_keys was not put back", format!("{outcome:?}")));
        }
        let error = match outcome {
            Ok(_) if wanted.is_refused(self.accept) => {
                let (reasons, losses) = (&wanted.reasons, &wanted.losses);
                return Err(Wrong::new("done, and should be refused", format!("{reasons:?}, losses {losses:?}")));
            }
            Ok(_) => {
                self.judge(conn, to, &wanted, &counters_after(from, to, &counters))?;
                return self.second_plan(conn, &declared).map(|()| Outcome::Done);
            }
            Err(error) => error,
        };
        if error.code() == Code::SchemaRejected && fresh(&script, false).is_err() {
            return Ok(Outcome::Invalid);
        }
        if !matches!(error.report().state, State::Unchanged | State::RolledBack) {
            return Err(Wrong::new("refused, and not sure that nothing changed", error));
        }
        if let (Some(file), Some(bytes)) = (file, bytes)
            && std::fs::read(file).ok().as_ref() != Some(&bytes)
        {
            return Err(Wrong::new("refused, and the file is another", error));
        }
        if expect::read(conn, from).ok().as_ref() != Some(&rows) || sequences(conn)? != counters {
            return Err(Wrong::new("refused, and the rows are others", error));
        }
        if self.at_once {
            let looked_at = planner.plan(conn).and_then(|plan| plan.run(conn)).map(drop);
            let told = looked_at.map_or_else(|error| error.to_string(), |()| "it is done".to_owned());
            if told != error.to_string() {
                return Err(Wrong::new(
                    "refused in other words than a plan that is looked at",
                    format!("{error}\n{told}"),
                ));
            }
        }
        match image {
            Some(image) => match Image::read(conn)?.difference(&image) {
                None => Ok(Outcome::Refused),
                Some(text) => Err(Wrong::new("refused, and something changed", format!("{text}\n{error}"))),
            },
            None if unforeseen(error.code()).is_none() => Err(Wrong::new("a change that fits failed", error)),
            None => Ok(Outcome::Unforeseen(error.code())),
        }
    }

    /// Whether a database is what it has to be after a change.
    fn judge(
        &self,
        conn: &Connection,
        to: &Schema,
        wanted: &Expected,
        counters: &[(String, i64)],
    ) -> Result<(), Wrong> {
        if !has_texts(conn, to)? {
            let (found, fresh) = (facts(conn, self.strict_order)?, fresh(&to.sql(), self.strict_order)?);
            let text = differences(&found, &fresh);
            if !text.is_empty() && !differences(&found, &by_other_spelling(to, &found, &fresh)).is_empty() {
                return Err(Wrong::new("the schema is not that of a fresh database", text));
            }
        }
        if let Some(text) = expect::difference(to, wanted, &expect::read(conn, to)?) {
            return Err(Wrong::new("the rows are not what they have to be", text));
        }
        let now = sequences(conn)?;
        for (name, counter) in counters {
            if now.get(name) != Some(counter) {
                let text = format!("the counter of {name} was {counter} and is {:?}", now.get(name));
                return Err(Wrong::new("a counter of AUTOINCREMENT is lost", text));
            }
        }
        let counts = |name: &String| {
            let table = to.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name));
            table.is_some_and(|table| table.key.as_ref().is_some_and(|key| key.autoincrement))
        };
        if let Some(name) = now.keys().find(|name| !counts(name)) {
            return Err(Wrong::new("a counter is left over", name));
        }
        let mut found = damage(conn)?;
        if !found.is_empty() {
            // SQLite takes some right values for wrong: where a default has another type than its column, and a generated
            // column stands before it. It then does so in any database with these rows and this order of columns.
            let usual = damage(&filled(conn, to, &wanted.rows)?)?;
            found.retain(|line| !usual.contains(line));
        }
        if found.is_empty() { Ok(()) } else { Err(Wrong::new("the database is damaged", found.join("\n"))) }
    }

    fn second_plan(&self, conn: &mut Connection, declared: &Declared) -> Result<(), Wrong> {
        let mut planner = Planner::new(declared).strict_order(self.strict_order);
        let plan = planner.plan(conn).map_err(|e| Wrong::new("the second plan failed", e))?;
        if plan.is_empty() { Ok(()) } else { Err(Wrong::new("the second plan is not empty", plan)) }
    }

    /// All that is needed to see it without this program.
    fn story(&self, wrong: &Wrong) -> String {
        let mut out = format!("{}\n\n-- before, with its rows\n", wrong.about.trim_end());
        match self.database(None) {
            Ok((_, script)) => out += &script,
            Err(e) => out += &format!("{}-- {e}\n", self.before.sql()),
        }
        out += &format!("\n-- after\n{}\n", self.after.sql());
        for (path, name) in renames(&self.before, &self.after) {
            out += &format!("-- renamed: {path} -> {name}\n");
        }
        let Pair { accept, strict_order, foreign_keys, on_file, back, at_once, .. } = self;
        out + &format!(
            "-- accept data loss {accept}, strict order {strict_order}, foreign keys {foreign_keys}, file {on_file}, back {back}, at once {at_once}\n"
        )
    }
}

impl Expected {
    fn is_refused(&self, accept: bool) -> bool {
        !self.reasons.is_empty() || (!accept && !self.losses.is_empty())
    }
}

/// A fresh database with these rows, whose columns stand in the order in which they stand in the other one.
fn filled(found: &Connection, schema: &Schema, rows: &expect::Rows) -> rusqlite::Result<Connection> {
    let mut order = found.prepare("SELECT name FROM pragma_table_xinfo(?1, 'main') ORDER BY cid")?;
    let mut ordered = schema.clone();
    for table in &mut ordered.tables {
        let names: Vec<String> = order.query_map([&table.name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        table.columns.sort_by_key(|column| names.iter().position(|name| name.eq_ignore_ascii_case(&column.name)));
    }
    let conn = Connection::open_in_memory()?;
    conn.execute_batch("PRAGMA foreign_keys = OFF")?;
    for statement in ordered.tables_sql() {
        conn.execute_batch(&statement)?;
    }
    for table in &schema.tables {
        for (rowid, row) in rows.get(&table.id).into_iter().flatten() {
            let cells = table.columns.iter().map(|column| column.id).zip(row.iter().cloned()).collect();
            if let Some(sql) = (Act::Insert { table: table.id, rowid: *rowid, cells }).sql(schema) {
                conn.execute_batch(&sql)?;
            }
        }
    }
    Ok(conn)
}

fn has_time_default(schema: &Schema) -> bool {
    schema.tables.iter().any(|table| table.columns.iter().any(|column| column.default == model::Value::Now))
}

/// Whether the catalogue holds the statements of the schema and nothing else. PRAGMAs then cannot tell it from a fresh
/// database; where they stand in other words, they have to be asked.
fn has_texts(conn: &Connection, to: &Schema) -> rusqlite::Result<bool> {
    if !to.searches.is_empty() {
        return Ok(false);
    }
    let texts = "SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'";
    let mut texts = conn.prepare(texts)?;
    let found: Vec<String> = texts.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let without_space = |text: String| text.split_whitespace().collect::<String>();
    let mut found: Vec<String> = found.into_iter().map(without_space).collect();
    let mut wanted: Vec<String> = to.tables_sql().into_iter().chain(to.others_sql()).map(without_space).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    Ok(found == wanted)
}

/// The facts of a fresh database, where the text of a table may be in other words that mean the same: a key at its column or
/// behind the columns, and a CHECK with or without its table's name.
fn by_other_spelling(to: &Schema, found: &Facts, fresh: &Facts) -> Facts {
    let mut out = fresh.clone();
    for table in &to.tables {
        let name = table.name.to_lowercase();
        let fact = format!("text of table {name} on {name}");
        let [plain, wordy] = [model::Spelling::Quoted, model::Spelling::Wordy]
            .map(|spelling| model::Table { spelling, ..table.clone() });
        let with_other_key = |table: &model::Table| {
            let mut other = table.clone();
            if let Some(key) = other.key.as_mut().filter(|key| key.columns.len() == 1) {
                key.at_column = !key.at_column;
            }
            other
        };
        for other in [with_other_key(&plain), with_other_key(&wordy), plain, wordy] {
            let other = bag_of_words(&other.create(to)).join(" ");
            if found.get(&fact) == Some(&other) {
                out.insert(fact.clone(), other);
            }
        }
    }
    out
}

/// What a fresh database knows of a schema.
fn fresh(script: &str, ordered: bool) -> rusqlite::Result<Facts> {
    let conn = Connection::open_in_memory()?;
    conn.execute_batch(script)?;
    facts(&conn, ordered)
}

/// The counters that must be as they were, by the names of their tables after the change.
fn counters_after(
    from: &Schema,
    to: &Schema,
    counters: &std::collections::BTreeMap<String, i64>,
) -> Vec<(String, i64)> {
    let counts = |table: &&model::Table| table.key.as_ref().is_some_and(|key| key.autoincrement);
    let kept = |new: &model::Table| {
        let old = from.table(new.id).filter(counts).filter(|old| old.alias() == new.alias())?;
        Some((new.name.to_ascii_lowercase(), *counters.get(&old.name.to_ascii_lowercase())?))
    };
    to.tables.iter().filter(counts).filter_map(kept).collect()
}

#[cfg(test)]
mod tests;
