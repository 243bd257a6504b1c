//! Columns that are added or changed: P05 to P08.

use super::{Context, Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Action, Change, Column, ColumnChange, ConstraintKind, DataType, Kind};
use crate::postgres::token::{Token, TokenKind, fold};

pub(super) const REWRITTEN: Rule = Rule {
    code: "P05",
    level: Level::Warning,
    why: "each row gets a value of its own, so that the whole table and its indexes are written anew, and nobody can read \
          or write it until that is done",
    help: "add the column without it, set the default for rows to come, and fill those that are there in portions: \
           `-- whimbrel: backfill`",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let Change::AddColumn { column, .. } = &action.change else { continue };
            if let Some(reason) = rewrites(context, column) {
                let message = format!("adding column {table}.{} writes the whole table anew: {reason}", column.name);
                found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
            }
        }
        found
    },
};

fn rewrites(context: &Context<'_>, column: &Column) -> Option<String> {
    if column.data_type.name.ends_with("serial") {
        return Some(format!("{} takes a number for every row", column.data_type.name));
    }
    if column.identity {
        return Some("an identity column takes a number for every row".to_owned());
    }
    if column.stored {
        return Some("a stored generated column is worked out for every row".to_owned());
    }
    let default = context.statement().tokens_in(column.default.as_ref()?);
    let call = calls(context.sql(), default).find(|name| !STEADY.contains(&name.as_str()))?;
    Some(match VOLATILE.contains(&call.as_str()) {
        true => format!("{call}() gives each row another value"),
        false => format!("{call}() may give each row another value, unless it is declared STABLE or IMMUTABLE"),
    })
}

/// The functions that an expression calls.
fn calls<'c>(sql: &'c str, tokens: &'c [Token]) -> impl Iterator<Item = String> + 'c {
    let is_call = |at: usize| {
        let name = tokens.get(at).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted));
        let opens = tokens.get(at + 1).is_some_and(|token| token.is(sql, "("));
        // `::varchar(10)` is a type.
        let behind = |n: usize| at.checked_sub(n).and_then(|at| tokens.get(at));
        let is_cast = |n: usize| behind(n).is_some_and(|token| token.is(sql, "::"));
        let is_type = is_cast(1) || behind(1).is_some_and(|token| token.is(sql, ".")) && is_cast(3);
        name.filter(|_| opens && !is_type)
    };
    (0..tokens.len()).filter_map(move |at| is_call(at)?.name(sql))
}

/// Functions that give another value at each call.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "gen_random_bytes",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "random",
    "random_normal",
    "setval",
    "timeofday",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

/// Functions and words before a parenthesis that give one value for the whole statement.
#[rustfmt::skip]
const STEADY: &[&str] = &[
    "abs", "age", "and", "any", "array", "array_append", "array_cat", "array_fill", "box", "case", "cast", "ceil",
    "char", "character", "chr", "circle", "coalesce", "concat", "concat_ws", "convert_from", "convert_to",
    "current_database", "current_date", "current_setting", "current_time", "current_timestamp", "date", "date_part",
    "date_trunc", "daterange", "decimal", "decode", "else", "empty_blob", "encode", "extract", "float", "floor", "format",
    "greatest", "hstore", "in", "inet", "initcap", "int4range", "int8range", "interval", "is", "json_array",
    "json_build_array", "json_build_object", "json_object", "jsonb_build_array", "jsonb_build_object", "jsonb_object",
    "least", "left", "length", "line", "localtime", "localtimestamp", "lower", "lpad", "ltrim", "lseg", "make_date",
    "make_interval", "make_time", "make_timestamp", "make_timestamptz", "md5", "mod", "not", "now", "nullif", "numeric",
    "numrange", "or", "overlay", "path", "point", "polygon", "position", "power", "quote_ident", "quote_literal", "repeat",
    "replace", "right", "round", "row", "row_to_json", "rpad", "rtrim", "sha256", "split_part", "sqrt",
    "st_geogfromtext", "st_geomfromtext", "st_makepoint", "st_point", "st_setsrid", "statement_timestamp",
    "string_to_array", "substr", "substring", "text", "then", "time", "timestamp", "timestamptz", "timezone", "to_char",
    "to_date", "to_json", "to_jsonb", "to_number", "to_timestamp", "to_tsvector", "transaction_timestamp", "trim", "trunc",
    "tsrange", "tstzrange", "upper", "uuid_nil", "varchar", "when",
];

pub(super) const REQUIRED: Rule = Rule {
    code: "P06",
    level: Level::Warning,
    why: "it is refused as soon as the table has a row, and apps of before do not fill the column in",
    help: "give it a constant default; or add it without NOT NULL, fill it in portions, and declare it NOT NULL afterwards",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let Change::AddColumn { column, .. } = &action.change else { continue };
            let default = column.default.as_ref().and_then(|range| context.sql().get(range.clone()));
            let is_given = default.is_some_and(|text| !fold(text).starts_with("null"))
                || column.identity
                || column.stored
                || column.data_type.name.ends_with("serial");
            if (column.not_null || column.primary_key) && !is_given {
                let message = format!("column {table}.{} is NOT NULL and has no default", column.name);
                found.push(Found::new(message).at(&action.range));
            }
        }
        found
    },
};

pub(super) const NOT_NULL: Rule = Rule {
    code: "P07",
    level: Level::Warning,
    why: "all rows are looked at, while nobody can read or write the table",
    help: "ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID; in another transaction VALIDATE CONSTRAINT; then SET NOT \
           NULL looks at no row, and the check can go",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let column = match &action.change {
                Change::AlterColumn { name, change: ColumnChange::SetNotNull } => name,
                Change::AddConstraint(constraint) if !constraint.not_valid => match &constraint.kind {
                    ConstraintKind::NotNull(name) => name,
                    _ => continue,
                },
                _ => continue,
            };
            if !context.known.table(table).is_some_and(|known| known.is_never_null(column)) {
                let message = format!("SET NOT NULL looks at every row of {table} for {column}");
                found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
            }
        }
        found
    },
};

pub(super) const TYPE: Rule = Rule {
    code: "P08",
    level: Level::Warning,
    why: "the whole table and the indexes over the column are written anew while nobody can read or write it, and apps of \
          before meet another type",
    help: "add a column with the new type, keep both alike with a trigger, fill it in portions, let apps change over, and \
           drop the old one",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            let Change::AlterColumn { name, change: ColumnChange::Type { to, .. } } = &action.change else { continue };
            let before = context.known.table(table).and_then(|known| known.columns.get(name));
            let message = match before {
                Some(_) if !is_plain_cast(context, action, name) => {
                    format!("{table}.{name} becomes {to} by an expression, which writes the whole table anew")
                }
                Some(before) if keeps_rows(context, before, to) => continue,
                Some(before) if only_in_utc(before, to) && !is_zoned(context) => format!(
                    "{table}.{name} becomes {to}, and was {before}: unless the session's time zone is UTC, the whole table \
                     is written anew"
                ),
                Some(before) => {
                    format!("{table}.{name} becomes {to}, and was {before}: the whole table is written anew")
                }
                None => match harmless(to) {
                    Some(types) => {
                        format!("{table}.{name} becomes {to}: unless it was {types}, the whole table is written anew")
                    }
                    None => format!("{table}.{name} becomes {to}: the whole table is written anew"),
                },
            };
            found.push(Found::new(message).at(&action.range).lock(Lock::AccessExclusive));
        }
        found
    },
};

/// Whether there is no `USING`, or one that says what holds without it.
fn is_plain_cast(context: &Context<'_>, action: &Action, column: &str) -> bool {
    let sql = context.sql();
    let tokens = context.statement().tokens_in(&action.range);
    let Some(using) = tokens.iter().position(|token| token.is(sql, "using")) else { return true };
    let name = tokens.get(using + 1).and_then(|token| token.name(sql));
    let is_cast = tokens.get(using + 2).is_some_and(|token| token.is(sql, "::"));
    let is_short = tokens[using + 1..].iter().all(|token| !token.is(sql, "||"));
    name.as_deref() == Some(column) && (using + 2 == tokens.len() || is_cast && is_short)
}

/// Whether rows of one type are rows of the other as they stand, so that only the catalogue changes.
fn keeps_rows(context: &Context<'_>, before: &DataType, after: &DataType) -> bool {
    if before == after {
        return true;
    }
    if before.dimensions > 0 || after.dimensions > 0 {
        return false;
    }
    let grows = |n: usize| match (before.arguments.get(n), after.arguments.get(n)) {
        (_, None) => true,
        (Some(before), Some(after)) => before <= after,
        // Without a limit before it is a smaller one now.
        (None, Some(_)) => false,
    };
    match (before.name.as_str(), after.name.as_str()) {
        ("varchar", "text" | "varchar") | ("varbit", "varbit") => grows(0),
        ("text", "varchar") => after.arguments.is_empty(),
        ("numeric", "numeric") => {
            let scale = |data_type: &DataType| data_type.arguments.get(1).copied().unwrap_or_default();
            after.arguments.is_empty() || grows(0) && scale(before) == scale(after)
        }
        ("timestamp", "timestamp")
        | ("timestamptz", "timestamptz")
        | ("time", "time")
        | ("timetz", "timetz")
        | ("interval", "interval") => {
            // Six digits are all there are.
            grows(0) || after.arguments.first() == Some(&6)
        }
        _ if only_in_utc(before, after) => is_in_utc(context),
        ("cidr", "inet") => true,
        _ => false,
    }
}

/// Whether rows stay as they stand in a session whose time zone is UTC. The kind of a timestamp changes for nothing there,
/// but not together with the number of digits.
fn only_in_utc(before: &DataType, after: &DataType) -> bool {
    let kinds = (before.name.as_str(), after.name.as_str());
    matches!(kinds, ("timestamp", "timestamptz") | ("timestamptz", "timestamp"))
        && matches!(after.arguments.as_slice(), [] | [6])
}

/// Whether the script has set the session's time zone to UTC.
fn is_in_utc(context: &Context<'_>) -> bool {
    zone(context).is_some_and(|zone| matches!(fold(zone).as_str(), "utc" | "etc/utc" | "gmt" | "zulu"))
}

/// Whether the script has set the session's time zone.
fn is_zoned(context: &Context<'_>) -> bool {
    zone(context).is_some()
}

fn zone<'c>(context: &Context<'c>) -> Option<&'c str> {
    let mut settings = context.statements[..context.at].iter().rev().filter_map(|statement| match &statement.kind {
        Kind::Set { name, value, .. } if matches!(name.as_str(), "timezone" | "time zone") => Some(value.as_str()),
        _ => None,
    });
    settings.next()
}

/// From which types a change to this one touches no row.
fn harmless(to: &DataType) -> Option<&'static str> {
    if to.dimensions > 0 {
        return None;
    }
    match to.name.as_str() {
        "text" => Some("varchar"),
        "varchar" if to.arguments.is_empty() => Some("text or a shorter varchar"),
        "varchar" => Some("a shorter varchar"),
        "varbit" => Some("a shorter varbit"),
        "numeric" if to.arguments.is_empty() => Some("numeric"),
        "numeric" => Some("numeric with the same scale and no more digits"),
        "timestamptz" => Some("timestamptz with fewer digits, or timestamp and the session's time zone is UTC,"),
        "timestamp" => Some("timestamp with fewer digits, or timestamptz and the session's time zone is UTC,"),
        "inet" => Some("cidr"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn rewritten() {
        for column in [
            "uuid DEFAULT gen_random_uuid()",
            "timestamptz NOT NULL DEFAULT clock_timestamp()",
            "double precision DEFAULT (1 + random())",
            "bigserial",
            "bigint GENERATED BY DEFAULT AS IDENTITY",
            "text GENERATED ALWAYS AS (lower(b)) STORED",
            "text DEFAULT app.short_id()",
        ] {
            assert_eq!(told("P05", &format!("ALTER TABLE a ADD COLUMN c {column}")), [1], "{column}");
        }
        for column in [
            "timestamptz DEFAULT now()",
            "text DEFAULT 'random()'::varchar(10)",
            "date DEFAULT CURRENT_DATE",
            "jsonb DEFAULT jsonb_build_object('a', 1)",
            "text GENERATED ALWAYS AS (lower(b)) VIRTUAL",
            "numeric(10, 2) DEFAULT 0::pg_catalog.numeric(10, 2)",
        ] {
            assert_eq!(told("P05", &format!("ALTER TABLE a ADD COLUMN c {column}")), NONE, "{column}");
        }
        assert_eq!(told("P05", "CREATE TABLE a (b int); ALTER TABLE a ADD c serial"), NONE);
        assert_eq!(told("P05", "ALTER TABLE a ALTER c SET DEFAULT gen_random_uuid()"), NONE);
    }

    #[test]
    fn required() {
        assert_eq!(told("P06", "ALTER TABLE a ADD b int NOT NULL, ADD c int DEFAULT NULL NOT NULL"), [1, 1]);
        assert_eq!(told("P06", "ALTER TABLE a ADD b bigint PRIMARY KEY"), [1]);
        assert_eq!(told("P06", "ALTER TABLE a ADD b int NOT NULL DEFAULT 0, ADD c int, ADD d serial NOT NULL"), NONE);
        assert_eq!(told("P06", "CREATE TABLE a (b int); ALTER TABLE a ADD c int NOT NULL"), NONE);
    }

    #[test]
    fn not_null() {
        assert_eq!(told("P07", "ALTER TABLE a ALTER b SET NOT NULL"), [1]);
        assert_eq!(told("P07", "ALTER TABLE a ADD CONSTRAINT n NOT NULL b"), [1]);
        assert_eq!(told("P07", "ALTER TABLE a ADD CONSTRAINT n NOT NULL b NOT VALID"), NONE);
        let add = "ALTER TABLE a ADD CONSTRAINT n CHECK ((b IS NOT NULL) AND c > 1) NOT VALID;\n";
        let validate = "-- whimbrel: phase v\nALTER TABLE a VALIDATE CONSTRAINT n;\n";
        let set = "-- whimbrel: phase s\nALTER TABLE a ALTER b SET NOT NULL";
        assert_eq!(told("P07", &format!("{add}{validate}{set}")), NONE);
        assert_eq!(told("P07", &format!("{add}{set}")), [2]);
        let either = "ALTER TABLE a ADD CONSTRAINT n CHECK (b IS NOT NULL OR c IS NOT NULL);\n";
        assert_eq!(told("P07", &format!("{either}{set}")), [2]);
        assert_eq!(told("P07", "ALTER TABLE a ALTER b DROP NOT NULL"), NONE);
    }

    #[test]
    fn types_that_are_not_known() {
        assert_eq!(told("P08", "ALTER TABLE a ALTER b TYPE bigint, ALTER c SET DATA TYPE text"), [1, 1]);
        assert_eq!(
            message("P08", "ALTER TABLE a ALTER b TYPE bigint"),
            "a.b becomes bigint: the whole table is written anew"
        );
        assert_eq!(
            message("P08", "ALTER TABLE a ALTER b TYPE character varying(20)"),
            "a.b becomes varchar(20): unless it was a shorter varchar, the whole table is written anew"
        );
    }

    /// Which changes PostgreSQL makes without touching a row, as it was seen on the files of its tables.
    #[test]
    fn types_that_are_known() {
        // The first change tells the type.
        let change = |before: &str, after: &str| {
            told("P08", &format!("ALTER TABLE a ADD b {before};\nALTER TABLE a ALTER b TYPE {after}")) == [2]
        };
        for (before, after) in [
            ("varchar(10)", "varchar(20)"),
            ("varchar(10)", "varchar"),
            ("varchar(10)", "text"),
            ("varchar(10)", "text USING b::text"),
            ("text", "varchar"),
            ("numeric(10, 2)", "numeric(12, 2)"),
            ("numeric(10, 2)", "numeric"),
            ("timestamp(3)", "timestamp(4)"),
            ("timestamp", "timestamp(6)"),
            ("timestamptz(3)", "timestamptz"),
            ("interval(3)", "interval"),
            ("varchar(10)", "varchar(20) USING b"),
            ("varbit(3)", "varbit(5)"),
            ("cidr", "inet"),
            ("integer", "int4"),
        ] {
            assert!(!change(before, after), "{before} to {after}");
        }
        for (before, after) in [
            ("varchar(20)", "varchar(10)"),
            ("varchar", "varchar(10)"),
            ("text", "varchar(10)"),
            ("char(3)", "text"),
            ("char(3)", "char(5)"),
            ("numeric(10, 2)", "numeric(12, 3)"),
            ("numeric", "numeric(10, 2)"),
            ("timestamp(4)", "timestamp(3)"),
            ("timestamp", "timestamptz"),
            ("integer", "bigint"),
            ("varchar(10)", "text USING lower(b)"),
            ("varchar(10)", "text USING b::text || 'x'"),
            ("text[]", "varchar[]"),
            ("json", "jsonb"),
        ] {
            assert!(change(before, after), "{before} to {after}");
        }
        let zones = "ALTER TABLE a ADD b timestamp; ALTER TABLE a ALTER b TYPE timestamptz";
        assert!(message("P08", zones).contains("unless the session's time zone is UTC"));
        let zones =
            "ALTER TABLE a ADD b timestamp; SET timezone = 'Asia/Tokyo'; ALTER TABLE a ALTER b TYPE timestamptz";
        assert!(message("P08", zones).ends_with("timestamp: the whole table is written anew"));
        let script = "ALTER TABLE a ADD b timestamp; SET timezone = 'UTC'; ALTER TABLE a ALTER b TYPE timestamptz";
        assert_eq!(told("P08", script), NONE);
        let script =
            "ALTER TABLE a ADD b timestamp(3); SET timezone = 'UTC'; ALTER TABLE a ALTER b TYPE timestamptz(4)";
        assert_eq!(told("P08", script), [3]);
    }
}
