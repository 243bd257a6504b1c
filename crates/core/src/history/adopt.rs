//! What other tools keep in a database about their own migrations.

/// Whether a table is another tool's bookkeeping, which no schema declares.
pub fn is_bookkeeping(table: &str) -> bool {
    ["_sqlx_migrations", "refinery_schema_history", "__diesel_schema_migrations", "__drizzle_migrations"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(table))
}

use crate::error::Result;
use crate::run::Row;
use super::History;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool { 
    /// The number in the header.
    UserVersion }

impl Tool {
    /// The query.
    pub fn query(self) -> String { "PRAGMA main.user_version".to_owned() }
}

/// The tool.
pub fn tool_of<'t>(_: impl Iterator<Item = &'t str>) -> Result<Option<Tool>> { Ok(None) }

/// Applied.
pub fn applied(_: Tool, rows: &[Row], history: &History) -> Result<Vec<u32>> {
    let n = rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default();
    Ok(history.migrations.iter().take(usize::try_from(n).unwrap_or(0)).map(|m| m.idx).collect())
}
