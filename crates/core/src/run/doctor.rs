//! A database looked over: what is wrong, and what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::inspect::{one_integer, one_row, read_live, read_rows, version};
use super::judge::{fire, select_nothing, without_foreign_keys};
use super::registered::is_collation;
use super::{Connection, Failure, FailureKind, Value};
use crate::error::{Code, Result};
use crate::schema::{Expression, KeyTerm, Schema, fold, same_name};
use crate::sqlite::token::{TokenKind, tokenize, unquote};

/// Something a doctor finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable code, such as `D05`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The object it is about; the database itself where that is empty.
    pub object: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may become a problem.
    Warning,
    /// Something does not work, or data is wrong.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

fn finding(code: &'static str, severity: Severity, object: &str, message: impl Into<String>, help: &str) -> Finding {
    Finding { code, severity, object: object.to_owned(), message: message.into(), help: help.to_owned() }
}

/// Looks a database over. Nothing is written.
///
/// # Errors
/// Where the catalogue cannot be read at all.
pub async fn doctor<C: Connection>(conn: &mut C) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    integrity(conn, &mut findings).await?;
    match look(conn, &mut findings).await {
        // The damage is found already: what it keeps from being looked at is no news.
        Err(e) if e.code() == Code::Damaged && !findings.is_empty() => {}
        outcome => outcome?,
    }
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Ok(findings)
}

async fn look<C: Connection>(conn: &mut C, findings: &mut Vec<Finding>) -> Result<()> {
    foreign_keys(conn, findings).await?;
    let live = match read_live(conn).await {
        Ok(live) => live,
        Err(e) if e.code() == Code::Damaged => {
            let object = e.report().object.clone().unwrap_or_default();
            let help = "mend the text of this object in the catalogue, or drop it";
            findings.push(finding("D10", Severity::Error, &object, e.to_string(), help));
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    let schema = &live.schema;
    modules(conn, schema, findings).await?;
    collations(conn, schema, findings).await;
    without_foreign_keys(conn, async |conn| {
        views_and_triggers(conn, schema, findings).await;
        Ok(())
    })
    .await?;
    names_in_double_quotes(schema, findings);
    keys_without_index(schema, findings);
    settings(conn, findings).await
}

async fn integrity<C: Connection>(conn: &mut C, findings: &mut Vec<Finding>) -> Result<()> {
    let help =
        "copy the file with its -wal and -journal first; then restore a backup, or recover with `sqlite3 … .recover`";
    match conn.query("PRAGMA main.integrity_check(100)").await {
        Ok(rows) => {
            let lines = rows.iter().filter_map(|r| r.first()?.text()).filter(|text| *text != "ok");
            findings.extend(lines.map(|text| finding("D01", Severity::Error, "", text, help)));
        }
        // An unregistered collation or module stops the check; it is reported by its own name below.
        Err(f) if f.kind == FailureKind::Statement => {
            findings.push(finding(
                "D01",
                Severity::Warning,
                "",
                format!("the integrity check stopped: {f}"),
                "see below",
            ));
        }
        Err(f) if f.kind == FailureKind::Damaged => {
            findings.push(finding("D01", Severity::Error, "", f.message, help));
        }
        Err(f) => return Err(f.error(Code::Database, "the integrity check failed")),
    }
    Ok(())
}

async fn foreign_keys<C: Connection>(conn: &mut C, findings: &mut Vec<Finding>) -> Result<()> {
    let tables: Vec<String> = read_rows(conn)
        .await?
        .into_iter()
        .filter(|row| row.kind == "table" && row.sql.as_ref().is_some_and(|sql| fold(sql).contains("references")))
        .map(|row| row.name)
        .collect();
    for table in tables {
        let sql = format!(
            "SELECT parent, count(*) FROM pragma_foreign_key_check({}, 'main') GROUP BY parent",
            crate::sqlite::token::quote_text(&table)
        );
        match conn.query(&sql).await {
            Ok(rows) => {
                for row in rows {
                    let parent = row.first().and_then(Value::text).unwrap_or_default();
                    let count = row.get(1).and_then(Value::integer).unwrap_or_default();
                    let what = if count == 1 { "1 row refers".to_owned() } else { format!("{count} rows refer") };
                    let message = format!("{what} to {parent}, where there is no such row");
                    let help = "`PRAGMA foreign_key_check` names the rows: delete them, or add what they refer to";
                    findings.push(finding("D02", Severity::Error, &table, message, help));
                }
            }
            Err(f) if f.kind == FailureKind::Statement => {
                let help = "the columns that a foreign key refers to must be the primary key or UNIQUE";
                findings.push(finding("D03", Severity::Error, &table, f.message, help));
            }
            Err(f) => return Err(f.error(Code::Database, format!("foreign keys of {table} cannot be checked"))),
        }
    }
    Ok(())
}

async fn views_and_triggers<C: Connection>(conn: &mut C, schema: &Schema, findings: &mut Vec<Finding>) {
    let help = "drop it, or mend what it refers to; until then SQLite renames no table and no column";
    let is_about_schema = |f: &Failure| f.kind == FailureKind::Statement;
    for view in &schema.views {
        if let Err(f) = conn.query(&select_nothing(&view.name)).await
            && is_about_schema(&f)
        {
            findings.push(finding("D04", Severity::Error, &view.name, format!("this view is broken: {f}"), help));
        }
    }
    for trigger in &schema.triggers {
        if let Err(f) = conn.query(&fire(schema, trigger)).await
            && is_about_schema(&f)
        {
            findings.push(finding("D05", Severity::Error, &trigger.name, format!("this trigger is broken: {f}"), help));
        }
    }
}

async fn names<C: Connection>(conn: &mut C, sql: &str) -> Result<Option<BTreeSet<String>>> {
    match conn.query(sql).await {
        Ok(rows) => Ok(Some(rows.iter().filter_map(|r| r.first()?.text().map(fold)).collect())),
        // Older versions have no such list.
        Err(f) if f.kind == FailureKind::Statement => Ok(None),
        Err(f) => Err(f.error(Code::Database, "the database refused a query")),
    }
}

async fn modules<C: Connection>(conn: &mut C, schema: &Schema, findings: &mut Vec<Finding>) -> Result<()> {
    if schema.virtual_tables.is_empty() {
        return Ok(());
    }
    let Some(known) = names(conn, "SELECT name FROM pragma_module_list").await? else { return Ok(()) };
    for table in schema.virtual_tables.iter().filter(|t| !known.contains(&fold(&t.module))) {
        let message = format!("module {} is not loaded: the table can neither be read nor dropped", table.module);
        let help = "use a program that loads the module; Whimbrel leaves the table alone as long as it does not change";
        findings.push(finding("D06", Severity::Warning, &table.name, message, help));
    }
    Ok(())
}

async fn collations<C: Connection>(conn: &mut C, schema: &Schema, findings: &mut Vec<Finding>) {
    let mut used: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut note = |collation: &Option<String>, object: &str| {
        if let Some(collation) = collation {
            used.entry(fold(collation)).or_insert_with(|| (collation.clone(), object.to_owned()));
        }
    };
    for table in &schema.tables {
        table.columns.iter().for_each(|c| note(&c.collation, &table.name));
        let keys = table.uniques.iter().flat_map(|u| &u.columns);
        keys.for_each(|p| note(&p.collation, &table.name));
    }
    for index in &schema.indexes {
        index.parts.iter().for_each(|p| note(&p.collation, &index.name));
    }
    for (collation, object) in used.into_values() {
        if !is_collation(conn, &collation).await {
            let message = format!("collation {collation} is not registered");
            let help = "use a program that registers it: without it, no index with it can be used or checked";
            findings.push(finding("D07", Severity::Warning, &object, message, help));
        }
    }
}

/// `"nope"` where no column of that name is: SQLite took it for a string, and a later rename fails on it.
fn names_in_double_quotes(schema: &Schema, findings: &mut Vec<Finding>) {
    let help = "write strings in single quotes";
    for index in &schema.indexes {
        let expressions = index.parts.iter().filter_map(|p| match &p.term {
            KeyTerm::Expression(e) => Some(e),
            KeyTerm::Column(_) => None,
        });
        for text in expressions.chain(&index.predicate).flat_map(strings_in_double_quotes) {
            let message = format!("\"{text}\" is no column here, and SQLite takes it for a string");
            findings.push(finding("D08", Severity::Warning, &index.name, message, help));
        }
    }
    for table in &schema.tables {
        let generated = table.columns.iter().filter_map(|c| Some(&c.generated.as_ref()?.expression));
        let expressions = table.checks.iter().map(|c| &c.expression).chain(generated);
        for text in expressions.flat_map(strings_in_double_quotes) {
            let message = format!("\"{text}\" is no column here, and SQLite takes it for a string");
            findings.push(finding("D08", Severity::Warning, &table.name, message, help));
        }
    }
}

/// Words that are written in double quotes and mean a string: there are more strings of this text than are written as such.
fn strings_in_double_quotes(expression: &Expression) -> Vec<String> {
    let text = expression.text();
    let (written, meant) = (strings(text), strings(expression.meaning()));
    let count = |strings: &[String], word: &str| strings.iter().filter(|string| *string == word).count();
    let tokens = tokenize(text).unwrap_or_default();
    let quoted = tokens.iter().filter(|t| t.kind == TokenKind::Quoted && t.text(text).starts_with('"'));
    quoted.map(|t| unquote(t.text(text))).filter(|word| count(&meant, word) > count(&written, word)).collect()
}

fn strings(text: &str) -> Vec<String> {
    let tokens = tokenize(text).unwrap_or_default();
    tokens.iter().filter(|t| t.kind == TokenKind::String).map(|t| unquote(t.text(text))).collect()
}

/// A foreign key whose column has no index makes every delete of a parent a scan of the child.
fn keys_without_index(schema: &Schema, findings: &mut Vec<Finding>) {
    for table in &schema.tables {
        for key in &table.foreign_keys {
            let Some(column) = key.columns.first() else { continue };
            if schema.table(&key.parent).is_none() {
                let message = format!("its foreign key refers to {}, which does not exist", key.parent);
                let help = "with foreign keys on, no row with a value there can be written";
                findings.push(finding("D03", Severity::Error, &table.name, message, help));
            }
            let starts = |parts: &[crate::schema::KeyPart]| parts.first().is_some_and(|p| p.is_column(column));
            let has_index = table.primary_key.as_ref().is_some_and(|k| starts(&k.columns))
                || table.uniques.iter().any(|u| starts(&u.columns))
                || schema.indexes.iter().any(|i| same_name(&i.table, &table.name) && starts(&i.parts));
            if !has_index {
                let message = format!("foreign key ({}) has no index", key.columns.join(", "));
                let help = "create one: without it, every change of a parent's key reads the whole table";
                findings.push(finding("D11", Severity::Warning, &table.name, message, help));
            }
        }
    }
}

async fn settings<C: Connection>(conn: &mut C, findings: &mut Vec<Finding>) -> Result<()> {
    let unsafe_settings = [
        (
            "synchronous",
            0,
            "synchronous is OFF: power loss can damage the database",
            "set it to NORMAL in WAL mode, else to FULL",
        ),
        ("writable_schema", 1, "writable_schema is ON: any statement can damage the schema", "set it to OFF"),
        ("ignore_check_constraints", 1, "CHECK constraints are ignored", "set ignore_check_constraints to OFF"),
    ];
    for (name, value, message, help) in unsafe_settings {
        if one_integer(conn, &format!("PRAGMA {name}")).await? == value {
            findings.push(finding("D09", Severity::Warning, "", message, help));
        }
    }
    let mode = one_row(conn, "PRAGMA main.journal_mode").await?;
    let file = one_row(conn, "SELECT file FROM pragma_database_list WHERE name = 'main'").await?;
    let on_disk = file.first().and_then(Value::text).is_some_and(|f| !f.is_empty());
    if mode.first().and_then(Value::text) == Some("wal") && loses_what_is_logged(version(conn).await?) {
        let message =
            "this version of SQLite can, very seldom, lose what is in the -wal when several connections write";
        let help = "use 3.51.3 or later, or 3.50.7 or 3.44.6";
        findings.push(finding("D22", Severity::Warning, "", message, help));
    }
    if let Some(mode @ ("off" | "memory")) = mode.first().and_then(Value::text)
        && on_disk
    {
        let message = format!("journal_mode is {}: a crash can damage the database", mode.to_uppercase());
        findings.push(finding("D09", Severity::Warning, "", message, "set it to WAL or DELETE"));
    }
    Ok(())
}

/// The versions with the race of a log that starts anew (<https://www.sqlite.org/wal.html#walresetbug>).
fn loses_what_is_logged(version: u32) -> bool {
    let is_mended = matches!(version, 3_044_006..3_045_000 | 3_050_007..3_051_000);
    (3_007_000..=3_051_002).contains(&version) && !is_mended
}
