//! A live database → [`Schema`].

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Connection, Failure, Header, Row, Value};
use crate::error::{Code, Error, Result};
use crate::history::record::is_own;
use crate::plan::Basis;
use crate::schema::Schema;
use crate::sqlite::read::{CatalogueEntry, CatalogueRow, WordForWord, read_catalogue, read_catalogue_like};

/// What one look at a live database shows.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Its schema.
    pub schema: Schema,
    /// Its catalogue, row by row.
    pub catalogue: Vec<CatalogueRow>,
    /// Tables that belong to virtual tables.
    pub shadows: Vec<String>,
    /// By which a later look tells whether anything changed.
    pub basis: Basis,
}

impl Live {
    /// Reads the texts of the catalogue that are not those of what is declared.
    pub(super) fn read(&mut self, declared: &Schema) -> Result<()> {
        self.schema = read_catalogue_like(&self.catalogue, &self.shadows, declared)?.without(is_own);
        Ok(())
    }
}

/// Reads the catalogue with one query, whatever the number of tables. The tables in which Whimbrel keeps the record of
/// migrations are no part of the schema.
///
/// # Errors
/// [`Code::Damaged`] where an object's text cannot be read, or whatever the database answers.
pub async fn read_live<C: Connection>(conn: &mut C) -> Result<Live> {
    let mut live = look(conn).await?;
    live.read(&Schema::default())?;
    Ok(live)
}

/// The schema alone, where nothing is to be planned from it.
pub(super) async fn read_schema<C: Connection>(conn: &mut C) -> Result<Schema> {
    let (catalogue, shadows) = read_rows_and_shadows(conn).await?;
    Ok(read_catalogue(&catalogue, &shadows)?.without(is_own))
}

/// The catalogue, of which no text has been read yet.
pub(super) async fn look<C: Connection>(conn: &mut C) -> Result<Live> {
    let (catalogue, shadows) = read_rows_and_shadows(conn).await?;
    let mut hash = CatalogueHash::default();
    catalogue.iter().for_each(|row| hash.add(row.entry()));
    let basis = basis(conn, &hash).await?;
    Ok(Live { schema: Schema::default(), catalogue, shadows, basis })
}

/// The catalogue, and the tables in it that belong to virtual tables.
pub(super) async fn read_rows_and_shadows<C: Connection>(conn: &mut C) -> Result<(Vec<CatalogueRow>, Vec<String>)> {
    let catalogue = read_rows(conn).await?;
    let mut shadows = Vec::new();
    // Which tables belong to a virtual table is asked only where there is one, and only of versions that can tell.
    let is_virtual = |row: &CatalogueRow| {
        row.sql.as_ref().is_some_and(|sql| {
            let mut words = sql.split_ascii_whitespace();
            words.next().is_some_and(|w| w.eq_ignore_ascii_case("create"))
                && words.next().is_some_and(|w| w.eq_ignore_ascii_case("virtual"))
        })
    };
    if catalogue.iter().any(is_virtual) {
        shadows = shadow_tables(conn).await;
    }
    Ok((catalogue, shadows))
}

/// Tables that belong to virtual tables, as far as this version of SQLite can tell.
pub(super) async fn shadow_tables<C: Connection>(conn: &mut C) -> Vec<String> {
    let list = conn.query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'").await;
    list.unwrap_or_default().iter().filter_map(|r| r.first()?.text().map(str::to_owned)).collect()
}

/// The fields of the header by which a start is told from others.
pub(super) async fn header<C: Connection>(conn: &mut C) -> Result<Header> {
    conn.header().await.map_err(|f| f.error(Code::Database, "the header cannot be read"))
}

/// Whether a transaction is open.
pub(super) async fn is_in_transaction<C: Connection>(conn: &mut C) -> Result<bool> {
    conn.in_transaction().await.map_err(|f| f.error(Code::Database, "the connection does not answer"))
}

pub(super) async fn read_rows<C: Connection>(conn: &mut C) -> Result<Vec<CatalogueRow>> {
    let mut rows = Vec::new();
    conn.catalogue(&mut |entry| rows.push(entry.into())).await.map_err(unreadable)?;
    Ok(rows)
}

fn unreadable(failure: Failure) -> Error {
    failure.error(Code::Database, "the catalogue cannot be read")
}

/// Whether the database holds what is declared, word for word, and what a run compares before it starts. Nothing of the
/// catalogue is kept.
pub(super) async fn is_word_for_word<C: Connection>(conn: &mut C, declared: &Schema) -> Result<Option<Basis>> {
    // What is virtual and not declared is a difference by itself.
    let shadows = if declared.virtual_tables.is_empty() { Vec::new() } else { shadow_tables(conn).await };
    let mut comparison = WordForWord::new(declared, &shadows);
    let mut hash = CatalogueHash::default();
    let mut each = |entry: CatalogueEntry<'_>| {
        hash.add(entry);
        comparison.see(entry);
    };
    conn.catalogue(&mut each).await.map_err(unreadable)?;
    Ok(if comparison.holds() { Some(basis(conn, &hash).await?) } else { None })
}

/// By which a catalogue is known again.
#[derive(Default)]
pub(super) struct CatalogueHash(DefaultHasher);

impl CatalogueHash {
    fn add(&mut self, entry: CatalogueEntry<'_>) {
        entry.hash(&mut self.0);
    }
}

/// What a run compares before it starts.
pub(super) async fn look_at_basis<C: Connection>(conn: &mut C) -> Result<Basis> {
    let mut hash = CatalogueHash::default();
    conn.catalogue(&mut |entry| hash.add(entry)).await.map_err(unreadable)?;
    basis(conn, &hash).await
}

async fn basis<C: Connection>(conn: &mut C, catalogue: &CatalogueHash) -> Result<Basis> {
    let data_version = one_integer(conn, "PRAGMA main.data_version").await?;
    let version = version(conn).await?;
    let own_changes = one_integer(conn, "SELECT total_changes()").await?;
    Ok(Basis { catalogue: catalogue.0.finish(), data_version, own_changes, version })
}

/// The running SQLite, as `sqlite3_libversion_number` has it.
pub(super) async fn version<C: Connection>(conn: &mut C) -> Result<u32> {
    let row = one_row(conn, "SELECT sqlite_version()").await?;
    let text = row.first().and_then(Value::text).unwrap_or_default();
    let mut parts = text.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    Ok(next() * 1_000_000 + next() * 1_000 + next())
}

pub(super) async fn one_row<C: Connection>(conn: &mut C, sql: &str) -> Result<Row> {
    let rows =
        conn.query(sql).await.map_err(|f| f.error(Code::Database, "the database refused a query").statement(sql))?;
    Ok(rows.into_iter().next().unwrap_or_default())
}

pub(super) async fn one_integer<C: Connection>(conn: &mut C, sql: &str) -> Result<i64> {
    Ok(one_row(conn, sql).await?.first().and_then(Value::integer).unwrap_or_default())
}
