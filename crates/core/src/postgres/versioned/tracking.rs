//! What a database says of its own history, and how that is written.
//!
//! The two tables stand in the first schema of the search path in which something can be made, as everybody's do, and
//! are found by the search path. Where no schema of it is there yet, they stand in `public`, and a comment names the path. No schema declares them, and no plan touches them.

use crate::error::{Code, Error, Result};
use crate::history::record::{FORMAT, IN_TABLE, MIGRATIONS, STATE};
use crate::history::{Model, Record, RecordState, State};
use crate::postgres::read::read_schema;
use crate::postgres::scratch::text;
use crate::postgres::steps::{Statement, Step};
use crate::postgres::token::quote_literal;
use crate::run::{Connection, Failure, Row, Tracking, Value, matches_pattern};

/// The schema in which the tables are, as it is written in SQL; none where they are not there yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Home(Option<String>);

impl Home {
    /// A table of ours by its full name.
    pub(super) fn table(&self, name: &str) -> String {
        match &self.0 {
            Some(schema) => format!("{schema}.{name}"),
            None => name.to_owned(),
        }
    }
}

/// Reads what a database says of its history. Nothing is written.
///
/// # Errors
/// [`Code::DatabaseNewer`] where a newer version of Whimbrel has written it, [`Code::Damaged`] where it cannot be
/// understood, or whatever the server answers.
pub async fn read_tracking<C: Connection>(conn: &mut C) -> Result<Tracking> {
    Ok(read_home(conn).await?.0)
}

pub(super) async fn read_home<C: Connection>(conn: &mut C) -> Result<(Tracking, Home)> {
    let sql = format!(
        "SELECT (SELECT pg_catalog.quote_ident(h.nspname) FROM {} h), EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND {OF_USERS} AND c.relname NOT LIKE '\\_whimbrel\\_%' \
         AND {}), \
         EXISTS (SELECT 1 FROM pg_catalog.pg_proc c JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace \
         WHERE {OF_USERS} AND {}), \
         EXISTS (SELECT 1 FROM pg_catalog.pg_type c JOIN pg_catalog.pg_namespace n ON n.oid = c.typnamespace \
         WHERE c.typtype IN ('e', 'd', 'r') AND {OF_USERS} AND {})",
        home_query(),
        no_extension("pg_class"),
        no_extension("pg_proc"),
        no_extension("pg_type"),
    );
    let found = rows(conn, &sql).await?;
    let first = found.first().cloned().unwrap_or_default();
    let home = Home(first.first().and_then(Value::text).map(str::to_owned));
    let mut tracking = Tracking { has_objects: (1..4).any(|n| text(&first, n) == "t"), ..Tracking::default() };
    if home.0.is_none() {
        return Ok((tracking, home));
    }
    let format = rows(conn, &format!("SELECT format FROM {}", home.table(STATE))).await?;
    match format.first().map(|row| text(row, 0).parse::<i64>()) {
        None => return Ok((tracking, home)),
        Some(Ok(format)) if format > FORMAT => {
            let message =
                format!("the record of migrations has format {format}, and this version reads up to {FORMAT}");
            return Err(Error::new(Code::DatabaseNewer, message).help("use the version of whimbrel that wrote it"));
        }
        Some(Ok(_)) => {}
        Some(Err(_)) => return Err(damaged(STATE)),
    }
    let state = rows(
        conn,
        &format!(
            "SELECT format, strategy, '{IN_TABLE}', 0, idx, head, fingerprint, 0, min_reader, min_writer, 0, '' FROM {}",
            home.table(STATE)
        ),
    )
    .await?;
    let state = state.first().map(|row| typed(row, &[1, 2, 5, 6, 11]));
    tracking.state = state.map(|row| State::from_row(&row).ok_or_else(|| damaged(STATE))).transpose()?;
    let records = rows(
        conn,
        &format!(
            "SELECT id, idx, version, name, checksum, hash, origin, batch, applied_at, milliseconds, phases, down \
             FROM {} ORDER BY id",
            home.table(MIGRATIONS)
        ),
    )
    .await?;
    let read = |row: &Row| Record::from_row(&typed(row, &[2, 3, 4, 5, 6, 11])).ok_or_else(|| damaged(MIGRATIONS));
    tracking.records = records.iter().map(read).collect::<Result<_>>()?;
    Ok((tracking, home))
}

/// The schema with the record, as a query in parentheses: the first one of the search path that has it, or the one that
/// was taken because none of the path was there then.
fn home_query() -> String {
    format!(
        "(SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = '{STATE}' AND (pg_catalog.pg_table_is_visible(c.oid) \
         OR pg_catalog.obj_description(c.oid, 'pg_class') = {FOR_PATH}) \
         ORDER BY pg_catalog.pg_table_is_visible(c.oid) DESC LIMIT 1)"
    )
}

/// What is noted at a table that stands in no schema of the search path: which path it is for.
const FOR_PATH: &str = "'for the search path ' || pg_catalog.current_setting('search_path')";

/// What is no part of the server itself.
const OF_USERS: &str = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";

fn no_extension(catalogue: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.{catalogue}'::regclass \
         AND d.objid = c.oid AND d.deptype = 'e')"
    )
}

/// A row whose values all came as text, with numbers where no text is expected.
fn typed(row: &Row, texts: &[usize]) -> Row {
    let value = |(n, value): (usize, &Value)| match value {
        Value::Text(text) if !texts.contains(&n) => text.parse().map_or_else(|_| value.clone(), Value::Integer),
        _ => value.clone(),
    };
    row.iter().enumerate().map(value).collect()
}

fn damaged(table: &str) -> Error {
    Error::new(Code::Damaged, format!("the table {table} cannot be understood"))
        .help("bring back a backup; nothing is changed here")
}

pub(super) async fn rows<C: Connection>(conn: &mut C, sql: &str) -> Result<Vec<Row>> {
    let failed = |f: Failure| f.error(Code::Database, "the record of migrations cannot be read").statement(sql);
    conn.query(sql).await.map_err(failed)
}

/// Makes the tables where they are missing. They are nobody's to read but the role's that migrates.
pub(super) async fn create_tables<C: Connection>(conn: &mut C, home: &mut Home) -> Result<(), Failure> {
    if home.0.is_some() {
        return Ok(());
    }
    let sql =
        format!("SELECT pg_catalog.quote_ident(pg_catalog.current_schema()), pg_catalog.quote_literal({FOR_PATH})");
    let found = conn.query(&sql).await?;
    let cell = |n: usize| found.first().map(|row| text(row, n)).filter(|text| !text.is_empty());
    let is_elsewhere = cell(0).is_none();
    let made = Home(Some(cell(0).unwrap_or_else(|| "public".to_owned())));
    let (migrations, state) = (made.table(MIGRATIONS), made.table(STATE));
    let note = match cell(1).filter(|_| is_elsewhere) {
        Some(path) => format!("; COMMENT ON TABLE {state} IS {path}"),
        None => String::new(),
    };
    conn.execute(&format!(
        "CREATE TABLE {migrations} (id bigint PRIMARY KEY, idx bigint NOT NULL, version text NOT NULL, \
         name text NOT NULL, checksum text NOT NULL, hash text NOT NULL, origin text NOT NULL, batch bigint NOT NULL, \
         applied_at bigint NOT NULL, milliseconds bigint NOT NULL, phases bigint, down text); \
         CREATE TABLE {state} (id integer PRIMARY KEY CHECK (id = 1), format bigint NOT NULL, strategy text NOT NULL, \
         idx bigint NOT NULL, head text NOT NULL, fingerprint text NOT NULL, min_reader bigint NOT NULL, \
         min_writer bigint NOT NULL){note}"
    ))
    .await?;
    *home = made;
    Ok(())
}

/// Writes a record: a new one, or what becomes of the one of the same version.
pub(super) fn write_record(home: &Home, record: &Record) -> String {
    let table = home.table(MIGRATIONS);
    let phases = record.state.column().map_or_else(|| "NULL".to_owned(), |phases| phases.to_string());
    let down = record.down.as_deref().map_or_else(|| "NULL".to_owned(), quote_literal);
    format!(
        "DELETE FROM {table} WHERE version = {version} AND phases IS NOT NULL; \
         INSERT INTO {table} (id, idx, version, name, checksum, hash, origin, batch, applied_at, milliseconds, phases, \
         down) SELECT coalesce(max(id), 0) + 1, {}, {version}, {}, '{}', '{}', '{}', {}, {}, {}, {phases}, {down} \
         FROM {table}",
        record.idx,
        quote_literal(&record.name),
        record.checksum,
        record.hash,
        record.origin.as_str(),
        record.batch,
        record.applied_at,
        record.milliseconds,
        version = quote_literal(&record.version),
    )
}

/// Writes what becomes of a record that is undone: so many phases of the script are done, or it goes.
pub(super) fn write_undone(home: &Home, version: &str, phases: Option<(u32, &str)>) -> String {
    let table = home.table(MIGRATIONS);
    let version = quote_literal(version);
    match phases {
        None => format!("DELETE FROM {table} WHERE version = {version}"),
        Some((phases, script)) => format!(
            "UPDATE {table} SET phases = {}, down = {} WHERE version = {version}",
            RecordState::Undone(phases).column().unwrap_or_default(),
            quote_literal(script)
        ),
    }
}

/// The statement that writes the row about the whole database.
pub(super) fn write_state(home: &Home, state: &State) -> String {
    let table = home.table(STATE);
    format!(
        "INSERT INTO {table} (id, format, strategy, idx, head, fingerprint, min_reader, min_writer) \
         VALUES (1, {FORMAT}, {strategy}, {idx}, '{head}', {fingerprint}, {reader}, {writer}) \
         ON CONFLICT (id) DO UPDATE SET format = excluded.format, strategy = excluded.strategy, idx = excluded.idx, \
         head = excluded.head, fingerprint = excluded.fingerprint, min_reader = excluded.min_reader, \
         min_writer = excluded.min_writer",
        strategy = quote_literal(&state.strategy),
        idx = state.idx,
        head = state.head,
        fingerprint = quote_literal(&state.fingerprint),
        reader = state.min_reader,
        writer = state.min_writer,
    )
}

/// The live schema without what is nobody's business here: other tools' records, and what is to be ignored.
pub(super) async fn read_live<C: Connection>(conn: &mut C, ignore: &[String]) -> Result<Model> {
    Ok(visible(read_schema(conn).await?, ignore).into())
}

/// The part of a schema that migrations are answerable for.
pub(super) fn visible(schema: crate::postgres::schema::Schema, ignore: &[String]) -> crate::postgres::schema::Schema {
    schema.without(|name| {
        crate::history::adopt::is_bookkeeping(name) || ignore.iter().any(|pattern| matches_pattern(pattern, name))
    })
}

/// The name of the schema in which the record of migrations stands, where there is one.
///
/// # Errors
/// Where the catalogue cannot be read.
pub async fn home<C: Connection>(conn: &mut C) -> Result<Option<String>> {
    let sql = format!("SELECT h.nspname FROM {} h", home_query());
    Ok(rows(conn, &sql).await?.first().map(|row| text(row, 0)))
}

/// The step that drops the record of migrations, for the plan that takes away all that they have made. None where there
/// is no record.
///
/// # Errors
/// Where the catalogue cannot be read.
pub async fn forgetting<C: Connection>(conn: &mut C) -> Result<Option<Step>> {
    let (_, home) = read_home(conn).await?;
    let sql = format!("DROP TABLE IF EXISTS {}, {}", home.table(MIGRATIONS), home.table(STATE));
    Ok(home.0.is_some().then(|| Step {
        object: STATE.to_owned(),
        title: "forget the migrations".to_owned(),
        statements: vec![Statement::Execute(sql)],
        ..Step::default()
    }))
}

/// How many rows a table has, or how many values a column; `what` is `*`, or the column's name as SQL.
///
/// # Errors
/// Where there is none of this name, or it cannot be read.
pub async fn count<C: Connection>(conn: &mut C, table: &str, what: &str) -> Result<u64> {
    let found = rows(conn, &format!("SELECT pg_catalog.count({what}) FROM {table}")).await?;
    Ok(found.first().map(|row| text(row, 0)).and_then(|count| count.parse().ok()).unwrap_or_default())
}
