//! PostgreSQL's errors as [`Failure`]s: the kind by SQLSTATE, the words without any value of a row.
//!
//! PostgreSQL puts the values of rows into the details of a violated constraint (`Key (mail)=(…) already exists`), and
//! into the message itself where a value cannot be read as a type. Both are left out here. What a function raises by
//! `RAISE` is its author's message, and is shown.

use std::error::Error as _;

use tokio_postgres::error::{DbError, ErrorPosition};
use whimbrel_core::run::{Failure, FailureKind};

/// A failure of the host itself.
pub(super) fn own(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), offset: None, sqlstate: None }
}

/// An error of the driver, which may be one of the server.
pub(super) fn failure(error: &tokio_postgres::Error, sql: &str) -> Failure {
    if let Some(error) = error.as_db_error() {
        return server_failure(error, sql);
    }
    // The kinds are the driver's own; what is under them tells them apart.
    let mut kind = if error.is_closed() { FailureKind::Disconnected } else { FailureKind::Other };
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let is_tls = io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            kind = if is_tls { FailureKind::Other } else { FailureKind::Disconnected };
        }
        let words = cause.to_string();
        if !message.ends_with(&words) {
            message = format!("{message}: {words}");
        }
        source = cause.source();
    }
    if message.starts_with("authentication error") || message.ends_with("password missing") {
        kind = FailureKind::NotPermitted;
    }
    own(kind, message)
}

fn server_failure(error: &DbError, sql: &str) -> Failure {
    let state = error.code().code();
    let offset = match error.position() {
        Some(ErrorPosition::Original(position)) => byte_offset(sql, *position),
        // Within a function that the statement called.
        _ => None,
    };
    Failure { kind: kind(state), message: words(error, offset), offset, sqlstate: Some(state.to_owned()) }
}

/// The kind that a SQLSTATE stands for.
fn kind(state: &str) -> FailureKind {
    match (state, state.get(..2).unwrap_or_default()) {
        ("55P03" | "40001" | "40P01" | "55006", _) => FailureKind::Busy,
        ("57014", _) => FailureKind::Interrupted,
        // Ended by the server: shut down, dropped, idle for too long; or too many are connected.
        ("57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" | "53300", _) | (_, "08") => {
            FailureKind::Disconnected
        }
        ("42501", _) | (_, "28") => FailureKind::NotPermitted,
        ("25006", _) => FailureKind::ReadOnly,
        ("53100", _) => FailureKind::Full,
        ("XX001" | "XX002", _) => FailureKind::Damaged,
        (_, "23" | "44") => FailureKind::Constraint,
        (_, "0A" | "0L" | "0P" | "22" | "2B" | "2F" | "3D" | "3F" | "42" | "54" | "55") => FailureKind::Statement,
        _ => FailureKind::Other,
    }
}

/// The message, then detail and hint as sentences, as far as they hold no value of a row.
fn words(error: &DbError, offset: Option<usize>) -> String {
    let class = error.code().code().get(..2).unwrap_or_default();
    let mut words = match class {
        // A value in the statement has a place in it; one without a place came from a row.
        "22" if offset.is_none() => without_values(error.message()),
        _ => error.message().to_owned(),
    };
    if matches!(class, "23" | "44") {
        let names = [
            ("table", error.table()),
            ("column", error.column()),
            ("type", error.datatype()),
            ("constraint", error.constraint()),
        ];
        let missing: Vec<String> = names
            .into_iter()
            .filter_map(|(what, name)| Some((what, name?)))
            .filter(|(_, name)| !error.message().contains(&format!("\"{name}\"")))
            .map(|(what, name)| format!("{what} \"{name}\""))
            .collect();
        if !missing.is_empty() {
            words = format!("{words} ({})", missing.join(", "));
        }
    }
    // Details of these classes hold no rows: they name objects, roles, processes and settings.
    let has_safe_detail = matches!(
        class,
        "08" | "0A" | "25" | "28" | "2B" | "3D" | "3F" | "40" | "42" | "53" | "54" | "55" | "57" | "58"
    );
    let has_safe_hint = has_safe_detail || matches!(class, "22" | "23" | "44" | "XX");
    let detail = error.detail().filter(|_| has_safe_detail);
    let hint = error.hint().filter(|_| has_safe_hint);
    for sentence in [detail, hint].into_iter().flatten() {
        let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
        words = format!("{words}{end} {sentence}");
    }
    words
}

/// A message without what stands in quotes, whatever quotes the server's language has, and without what follows a colon
/// behind them.
fn without_values(message: &str) -> String {
    let quotes = ['"', '«', '»', '“', '”', '„', '「', '」', '『', '』'];
    let (Some(start), Some((end, quote))) = (message.find(quotes), message.rmatch_indices(quotes).next()) else {
        return message.to_owned();
    };
    let rest = &message[end + quote.len()..];
    let rest = if rest.starts_with(':') { "" } else { rest };
    format!("{}\"…\"{rest}", &message[..start])
}

/// PostgreSQL counts characters from one.
fn byte_offset(sql: &str, position: u32) -> Option<usize> {
    let before = usize::try_from(position).ok()?.checked_sub(1)?;
    let end = std::iter::once(sql.len());
    sql.char_indices().map(|(offset, _)| offset).chain(end).nth(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_the_list_has_its_kind() {
        let expected = [
            (FailureKind::Busy, "55P03 40001 40P01 55006"),
            (FailureKind::Interrupted, "57014"),
            (FailureKind::Disconnected, "57P01 57P02 57P03 57P05 08000 08003 08006 08P01 25P03 53300"),
            (FailureKind::NotPermitted, "42501 28000 28P01"),
            (FailureKind::ReadOnly, "25006"),
            (FailureKind::Constraint, "23000 23502 23503 23505 23514 23P01 44000"),
            (FailureKind::Full, "53100"),
            (FailureKind::Damaged, "XX001 XX002"),
            (FailureKind::Statement, "42601 42P01 42703 22P02 22012 0A000 2BP01 55000 55P04 3D000 3F000"),
            (FailureKind::Other, "XX000 P0001 53200 25P02 ☃"),
        ];
        for (expected, states) in expected {
            for state in states.split(' ') {
                assert_eq!(kind(state), expected, "{state}");
            }
        }
    }

    #[test]
    fn values_are_taken_out_in_every_language() {
        let cases = [
            ("invalid input syntax for type integer: \"a\"b\"", "invalid input syntax for type integer: \"…\""),
            ("value \"99\" is out of range for type integer", "value \"…\" is out of range for type integer"),
            (
                "syntaxe en entrée invalide pour le type integer : « x »",
                "syntaxe en entrée invalide pour le type integer : \"…\"",
            ),
            ("ungültige Eingabesyntax für Typ integer: »x«", "ungültige Eingabesyntax für Typ integer: \"…\""),
            ("invalid byte sequence for encoding \"UTF8\": 0xff", "invalid byte sequence for encoding \"…\""),
            ("division by zero", "division by zero"),
        ];
        for (message, expected) in cases {
            assert_eq!(without_values(message), expected);
        }
    }

    #[test]
    fn a_position_in_characters_becomes_bytes() {
        assert_eq!(byte_offset("SELECT 'ä', x", 13), Some(13));
        assert_eq!(byte_offset("SELECT 'ä'", 1), Some(0));
        assert_eq!(byte_offset("SELECT", 7), Some(6));
        assert_eq!(byte_offset("SELECT", 8), None);
        assert_eq!(byte_offset("SELECT", 0), None);
    }
}
