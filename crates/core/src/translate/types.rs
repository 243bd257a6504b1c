//! The types of a portable schema: how each is called by PostgreSQL, and how SQLite keeps it.
//!
//! SQLite takes any words as a type and looks for a few letters in them, so the declared type can say both what a value
//! is on the server and how it is kept: `UUID TEXT`. The last word decides, and a test sees to it. Where a value of the
//! type can be told by a short condition, the column has that as a CHECK: it keeps out what the server would refuse.

use super::expression::{Dialect, Expression, quote, read};

/// A type that both sides know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Smallint,
    Integer,
    Bigint,
    Boolean,
    Real,
    Double,
    /// With its digits, and how many of them stand behind the point.
    Numeric(Option<(u32, u32)>),
    Text,
    Varchar(Option<u32>),
    Char(u32),
    Citext,
    Uuid,
    Date,
    /// With a zone or without, and how many digits a second has.
    Timestamp(bool, Option<u32>),
    Time(bool, Option<u32>),
    Interval,
    Json,
    Jsonb,
    Bytea,
    Inet,
    Cidr,
    Macaddr,
    Macaddr8,
    Xml,
    Bit(u32),
    Varbit(Option<u32>),
    Array(Box<Type>),
    Enum {
        name: String,
        labels: Vec<String>,
    },
}

/// The most digits that a floating-point number keeps all of.
const EXACT_DIGITS: u32 = 15;

/// What stands behind the name of an enum in the name of its CHECK.
const ENUM: &str = "_enum";

/// Types with a name of their own on both sides, and no modifier: PostgreSQL's, SQLite's.
const PLAIN: &[(Type, &str, &str)] = &[
    (Type::Bigint, "bigint", "INTEGER"),
    (Type::Double, "double precision", "REAL"),
    (Type::Real, "real", "FLOAT4"),
    (Type::Text, "text", "TEXT"),
    (Type::Bytea, "bytea", "BLOB"),
    (Type::Uuid, "uuid", "UUID TEXT"),
    (Type::Date, "date", "DATE TEXT"),
    // The letters `int` would give it the affinity of an integer.
    (Type::Interval, "interval", "DURATION TEXT"),
    (Type::Json, "json", "JSON TEXT"),
    (Type::Jsonb, "jsonb", "JSONB TEXT"),
    (Type::Inet, "inet", "INET TEXT"),
    (Type::Cidr, "cidr", "CIDR TEXT"),
    (Type::Macaddr, "macaddr", "MACADDR TEXT"),
    (Type::Macaddr8, "macaddr8", "MACADDR8 TEXT"),
    (Type::Xml, "xml", "XML TEXT"),
];

/// Whole numbers and booleans: INTEGER with a condition. PostgreSQL's name, and the words of an array of it.
const NARROW: &[(Type, &str, &str)] = &[
    (Type::Smallint, "smallint", "SMALLINT"),
    (Type::Integer, "integer", "INTEGER"),
    (Type::Boolean, "boolean", "BOOLEAN"),
];

/// Other spellings of types: what people write, what PostgreSQL prints.
const SPELLINGS: &[(&str, &str)] = &[
    ("int2", "smallint"),
    ("int", "integer"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("bool", "boolean"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("float", "double precision"),
    ("decimal", "numeric"),
    ("varchar", "character varying"),
    ("char", "character"),
    ("timestamptz", "timestamp with time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timetz", "time with time zone"),
    ("time", "time without time zone"),
    ("varbit", "bit varying"),
];

/// The name of an enum's CHECK.
pub(super) fn name_of_enum_check(of: &str) -> String {
    format!("{of}{ENUM}")
}

/// A type's words and the numbers behind them: `numeric(10,2)` is `numeric` and 10, 2; PostgreSQL writes
/// `timestamp(3) with time zone`, with words on both sides.
fn parts(text: &str) -> Option<(String, Vec<u32>)> {
    let Some((before, rest)) = text.split_once('(') else {
        return Some((text.split_whitespace().collect::<Vec<_>>().join(" "), Vec::new()));
    };
    let (numbers, after) = rest.split_once(')')?;
    let numbers = numbers.split(',').map(|n| n.trim().parse().ok()).collect::<Option<Vec<u32>>>()?;
    let words: Vec<&str> = before.split_whitespace().chain(after.split_whitespace()).collect();
    Some((words.join(" "), numbers))
}

fn with_numbers(words: &str, numbers: &[u32]) -> String {
    match numbers {
        [] => words.to_owned(),
        numbers => format!("{words}({})", numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl Type {
    /// A type as PostgreSQL prints it, where it is one of its own.
    pub(super) fn from_postgres(text: &str) -> Option<Type> {
        if let Some(element) = text.strip_suffix("[]") {
            return Some(Type::Array(Box::new(Type::from_postgres(element)?)));
        }
        let (words, numbers) = parts(text)?;
        Type::from_words(&words, &numbers)
    }

    /// A type as a person writes it for PostgreSQL, in any of its spellings: `varchar(20)`, `timestamptz`, `INT[]`.
    pub(super) fn from_written(text: &str) -> Option<Type> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(element) = text.strip_suffix("[]") {
            // PostgreSQL has no lists of lists: they are lists of more dimensions.
            return Some(Type::Array(Box::new(
                Type::from_written(element).filter(|of| !matches!(of, Type::Array(_)))?,
            )));
        }
        let (words, mut numbers) = parts(&text)?;
        let words = SPELLINGS.iter().find(|(other, _)| *other == words).map_or(words.as_str(), |(_, name)| name);
        if words == "numeric" && numbers.len() == 1 {
            numbers.push(0);
        }
        Type::from_words(words, &numbers)
    }

    fn from_words(words: &str, numbers: &[u32]) -> Option<Type> {
        let plain = PLAIN.iter().chain(NARROW).find(|(_, name, _)| *name == words);
        if let Some((plain, ..)) = plain.filter(|_| numbers.is_empty()) {
            return Some(plain.clone());
        }
        Some(match (words, numbers) {
            ("numeric", []) => Type::Numeric(None),
            ("numeric", [digits, scale]) if scale <= digits => Type::Numeric(Some((*digits, *scale))),
            ("character varying", []) => Type::Varchar(None),
            ("character varying", [length]) => Type::Varchar(Some(*length)),
            ("character" | "bpchar", []) => Type::Char(1),
            ("character", [length]) => Type::Char(*length),
            ("bit", []) => Type::Bit(1),
            ("bit", [length]) => Type::Bit(*length),
            ("bit varying", []) => Type::Varbit(None),
            ("bit varying", [length]) => Type::Varbit(Some(*length)),
            ("timestamp with time zone", numbers) => Type::Timestamp(true, numbers.first().copied()),
            ("timestamp without time zone", numbers) => Type::Timestamp(false, numbers.first().copied()),
            ("time with time zone", numbers) => Type::Time(true, numbers.first().copied()),
            ("time without time zone", numbers) => Type::Time(false, numbers.first().copied()),
            (words, []) if words == "citext" || words.ends_with(".citext") => Type::Citext,
            _ => return None,
        })
    }

    /// The type for PostgreSQL.
    pub(super) fn to_postgres(&self) -> String {
        if let Some((_, name, _)) = PLAIN.iter().chain(NARROW).find(|(plain, ..)| plain == self) {
            return (*name).to_owned();
        }
        let zone = |with: &bool| if *with { " with time zone" } else { " without time zone" };
        let digits = |digits: &Option<u32>| digits.map(|n| format!("({n})")).unwrap_or_default();
        match self {
            Type::Numeric(None) => "numeric".to_owned(),
            Type::Numeric(Some((digits, scale))) => format!("numeric({digits},{scale})"),
            Type::Varchar(length) => format!("character varying{}", digits(length)),
            Type::Char(length) => format!("character({length})"),
            Type::Citext => "citext".to_owned(),
            Type::Timestamp(with, precision) => format!("timestamp{}{}", digits(precision), zone(with)),
            Type::Time(with, precision) => format!("time{}{}", digits(precision), zone(with)),
            Type::Bit(length) => format!("bit({length})"),
            Type::Varbit(length) => format!("bit varying{}", digits(length)),
            Type::Array(element) => format!("{}[]", element.to_postgres()),
            Type::Enum { name, .. } => crate::postgres::token::quote_name(name),
            _ => "text".to_owned(),
        }
    }

    /// The words and numbers of the declared type in SQLite.
    fn declaration(&self) -> (String, Vec<u32>) {
        if let Some((.., words)) = PLAIN.iter().find(|(plain, ..)| plain == self) {
            return ((*words).to_owned(), Vec::new());
        }
        let (words, numbers) = match self {
            Type::Smallint | Type::Integer | Type::Boolean => ("INTEGER", Vec::new()),
            Type::Numeric(None) => ("NUMERIC TEXT", Vec::new()),
            Type::Numeric(Some((digits, scale))) if *digits <= EXACT_DIGITS => ("NUMERIC", vec![*digits, *scale]),
            Type::Numeric(Some((digits, scale))) => ("NUMERIC TEXT", vec![*digits, *scale]),
            Type::Varchar(None) => ("VARCHAR", Vec::new()),
            Type::Char(length) => ("CHARACTER", vec![*length]),
            Type::Timestamp(true, digits) => ("TIMESTAMPTZ TEXT", digits.iter().copied().collect()),
            Type::Timestamp(false, digits) => ("TIMESTAMP TEXT", digits.iter().copied().collect()),
            Type::Time(true, digits) => ("TIMETZ TEXT", digits.iter().copied().collect()),
            Type::Time(false, digits) => ("TIME TEXT", digits.iter().copied().collect()),
            Type::Bit(length) => ("BIT TEXT", vec![*length]),
            Type::Varbit(length) => ("VARBIT TEXT", length.iter().copied().collect()),
            Type::Array(element) => {
                let (words, numbers) = element.array_words();
                return (format!("{words} ARRAY TEXT"), numbers);
            }
            _ => ("TEXT", Vec::new()),
        };
        (words.to_owned(), numbers)
    }

    /// What an array of the type is called by: the type without the word for how SQLite keeps it.
    fn array_words(&self) -> (String, Vec<u32>) {
        if let Some((.., words)) = NARROW.iter().find(|(narrow, ..)| narrow == self) {
            return ((*words).to_owned(), Vec::new());
        }
        match self {
            Type::Bigint => ("BIGINT".to_owned(), Vec::new()),
            Type::Double => ("DOUBLE".to_owned(), Vec::new()),
            Type::Numeric(None) => ("NUMERIC".to_owned(), Vec::new()),
            Type::Numeric(Some((digits, scale))) => ("NUMERIC".to_owned(), vec![*digits, *scale]),
            Type::Varchar(length) => ("VARCHAR".to_owned(), length.iter().copied().collect()),
            Type::Citext => ("CITEXT".to_owned(), Vec::new()),
            other => {
                let (words, numbers) = other.declaration();
                (words.strip_suffix(" TEXT").unwrap_or(&words).to_owned(), numbers)
            }
        }
    }

    /// The declared type in SQLite.
    pub(super) fn declared(&self) -> String {
        let (words, numbers) = self.declaration();
        with_numbers(&words, &numbers)
    }

    /// The collation in SQLite.
    pub(super) fn collation(&self) -> Option<&'static str> {
        matches!(self, Type::Citext).then_some("NOCASE")
    }

    /// The condition that a value of `column` meets in SQLite, and the name of the CHECK.
    pub(super) fn check(&self, column: &str) -> Option<(Option<String>, Expression)> {
        let name = quote(column, Dialect::Sqlite);
        let condition = match self {
            Type::Smallint => format!("{name} BETWEEN {} AND {}", i16::MIN, i16::MAX),
            Type::Integer => format!("{name} BETWEEN {} AND {}", i32::MIN, i32::MAX),
            Type::Boolean => format!("{name} IN (0, 1)"),
            Type::Varchar(Some(length)) | Type::Char(length) => format!("length({name}) <= {length}"),
            // json_valid(NULL) was 0 before SQLite 3.41.
            Type::Json | Type::Jsonb | Type::Array(_) => format!("{name} IS NULL OR {}", self.is_valid(&name)?),
            Type::Enum { name: of, labels } => {
                let labels = labels.iter().map(|label| Expression::Text(label.clone())).collect();
                let column = Expression::Column(vec![column.to_owned()]);
                return Some((Some(name_of_enum_check(of)), Expression::In(Box::new(column), labels, false)));
            }
            _ => return None,
        };
        Some((None, read(&condition, Dialect::Sqlite)?))
    }

    /// What holds for a value of JSON in SQLite that is not NULL.
    fn is_valid(&self, name: &str) -> Option<String> {
        match self {
            Type::Json | Type::Jsonb => Some(format!("json_valid({name})")),
            Type::Array(_) => Some(format!("json_valid({name}) AND json_type({name}) = 'array'")),
            _ => None,
        }
    }

    /// Whether a check of SQLite says of `column` what the type says, and if so, whether in the words that are written
    /// here.
    fn is_check(&self, column: &str, name: Option<&str>, condition: &Expression) -> Option<bool> {
        let (own_name, own) = self.check(column)?;
        if own_name.as_deref() != name {
            return None;
        }
        let short = || read(&self.is_valid(&quote(column, Dialect::Sqlite))?, Dialect::Sqlite);
        if own == *condition { Some(true) } else { short().filter(|short| short == condition).map(|_| false) }
    }

    /// The type that a column of SQLite has by its declaration alone, if it is one of those that are written here.
    pub(super) fn from_declared(declared: &str) -> Option<Type> {
        let (words, numbers) = parts(declared)?;
        let words = words.to_ascii_uppercase();
        if let Some(element) = words.strip_suffix(" ARRAY TEXT") {
            let element = Type::from_array_words(element, &numbers)?;
            return Some(Type::Array(Box::new(element)));
        }
        if let Some((plain, ..)) = PLAIN.iter().find(|(.., name)| *name == words).filter(|_| numbers.is_empty()) {
            return Some(plain.clone());
        }
        Some(match (words.as_str(), numbers.as_slice()) {
            ("NUMERIC", [digits, scale]) if *digits <= EXACT_DIGITS && scale <= digits => {
                Type::Numeric(Some((*digits, *scale)))
            }
            ("NUMERIC TEXT", []) => Type::Numeric(None),
            ("NUMERIC TEXT", [digits, scale]) if scale <= digits => Type::Numeric(Some((*digits, *scale))),
            // A key that is given: only INTEGER would be numbered.
            ("BIGINT", []) => Type::Bigint,
            ("VARCHAR", []) => Type::Varchar(None),
            ("CHARACTER", [length]) => Type::Char(*length),
            ("TIMESTAMPTZ TEXT", numbers) => Type::Timestamp(true, numbers.first().copied()),
            ("TIMESTAMP TEXT", numbers) => Type::Timestamp(false, numbers.first().copied()),
            ("TIMETZ TEXT", numbers) => Type::Time(true, numbers.first().copied()),
            ("TIME TEXT", numbers) => Type::Time(false, numbers.first().copied()),
            ("BIT TEXT", [length]) => Type::Bit(*length),
            ("VARBIT TEXT", []) => Type::Varbit(None),
            ("VARBIT TEXT", [length]) => Type::Varbit(Some(*length)),
            _ => return None,
        })
    }

    fn from_array_words(words: &str, numbers: &[u32]) -> Option<Type> {
        let narrow = NARROW.iter().find(|(.., name)| *name == words);
        if let Some((narrow, ..)) = narrow.filter(|_| numbers.is_empty()) {
            return Some(narrow.clone());
        }
        match (words, numbers) {
            ("BIGINT", []) => Some(Type::Bigint),
            ("DOUBLE", []) => Some(Type::Double),
            ("FLOAT4", []) => Some(Type::Real),
            ("TEXT", []) => Some(Type::Text),
            ("BLOB", []) => Some(Type::Bytea),
            ("NUMERIC", []) => Some(Type::Numeric(None)),
            ("NUMERIC", [digits, scale]) if scale <= digits => Some(Type::Numeric(Some((*digits, *scale)))),
            ("VARCHAR", numbers) => Some(Type::Varchar(numbers.first().copied())),
            ("CHARACTER", [length]) => Some(Type::Char(*length)),
            ("CITEXT", []) => Some(Type::Citext),
            (words, numbers) => Type::from_declared(&with_numbers(&format!("{words} TEXT"), numbers)),
        }
    }

    /// What a column of SQLite is on the server: its type, which of the checks `checks` it is the type's own, and what
    /// is different about it. A check is its name and its condition.
    pub(super) fn of_column(
        declared: &str,
        nocase: bool,
        column: &str,
        checks: &[(Option<String>, Expression)],
    ) -> Found {
        let find = |of: &Type| find_check(of, column, checks);
        let plain = Type::from_declared(declared);
        match plain {
            Some(Type::Text) if nocase => {
                return Found { of: Type::Citext, check: None, differs: None, comes_back: false };
            }
            Some(Type::Text) => {
                if let Some((of, at)) = text_by_check(column, checks) {
                    // The column comes back with the words of its type.
                    let comes_back = matches!(of, Type::Jsonb);
                    return Found { of, check: Some(at), differs: None, comes_back };
                }
            }
            Some(Type::Bigint) => {
                for (narrow, ..) in NARROW {
                    if let Some((at, _)) = find(narrow) {
                        return Found { of: narrow.clone(), check: Some(at), differs: None, comes_back: false };
                    }
                }
            }
            _ => {}
        }
        if let Some(of) = plain {
            let check = find(&of);
            // A type whose CHECK is missing is enforced by the server and not by the device.
            let differs = (of.check(column).is_some() && check.is_none())
                .then(|| format!("PostgreSQL holds {column} to {}, which SQLite does not", of.to_postgres()));
            let comes_back = differs.is_some() || check.is_some_and(|(_, in_own_words)| !in_own_words);
            return Found { comes_back, of, check: check.map(|(at, _)| at), differs };
        }
        usual(declared, nocase, column, checks)
    }
}

/// The type of a column of SQLite on the server.
pub(super) struct Found {
    /// The type.
    pub(super) of: Type,
    /// The check that says no more than the type does.
    pub(super) check: Option<usize>,
    /// What is different on the server.
    pub(super) differs: Option<String>,
    /// Whether it comes back declared in another way.
    pub(super) comes_back: bool,
}

/// The check that says what the type says, and whether in the words that are written here.
fn find_check(of: &Type, column: &str, checks: &[(Option<String>, Expression)]) -> Option<(usize, bool)> {
    let mut each = checks.iter().enumerate();
    each.find_map(|(at, (name, condition))| Some((at, of.is_check(column, name.as_deref(), condition)?)))
}

/// The type of a TEXT column by one of its checks.
fn text_by_check(column: &str, checks: &[(Option<String>, Expression)]) -> Option<(Type, usize)> {
    for (at, (name, condition)) in checks.iter().enumerate() {
        let of = match (name, condition) {
            (Some(name), Expression::In(_, labels, false)) => {
                let labels = labels.iter().map(|label| match label {
                    Expression::Text(text) => Some(text.clone()),
                    _ => None,
                });
                let (Some(name), Some(labels)) = (name.strip_suffix(ENUM), labels.collect::<Option<Vec<_>>>()) else {
                    continue;
                };
                Type::Enum { name: name.to_owned(), labels }
            }
            (None, Expression::Binary(_, _, length)) => match length.as_ref() {
                Expression::Number(length) => match length.parse() {
                    Ok(length) => Type::Varchar(Some(length)),
                    Err(_) => continue,
                },
                Expression::Call { .. } => Type::Jsonb,
                _ => continue,
            },
            (None, Expression::Call { .. }) => Type::Jsonb,
            _ => continue,
        };
        if of.is_check(column, name.as_deref(), condition).is_some() {
            return Some((of, at));
        }
    }
    None
}

/// The type for a declaration that people write for SQLite.
fn usual(declared: &str, nocase: bool, column: &str, checks: &[(Option<String>, Expression)]) -> Found {
    use sqlite_types::Affinity;
    let (words, numbers) = parts(declared).unwrap_or_default();
    let words = words.to_ascii_uppercase();
    let boolean = Type::Boolean;
    let of = match words.as_str() {
        "BOOLEAN" | "BOOL" => boolean,
        "DATETIME" | "TIMESTAMP" => Type::Timestamp(false, None),
        "TIMESTAMPTZ" => Type::Timestamp(true, None),
        "DATE" => Type::Date,
        "TIME" => Type::Time(false, None),
        "UUID" => Type::Uuid,
        "JSON" => Type::Json,
        "JSONB" => Type::Jsonb,
        "NUMERIC" | "DECIMAL" => match numbers.as_slice() {
            [digits] => Type::Numeric(Some((*digits, 0))),
            [digits, scale] if scale <= digits => Type::Numeric(Some((*digits, *scale))),
            _ => Type::Numeric(None),
        },
        "VARCHAR" | "CHARACTER VARYING" | "NVARCHAR" => Type::Varchar(numbers.first().copied()),
        // The words make SQLite look for a number in it.
        "STRING" => Type::Text,
        "CHAR" => Type::Char(numbers.first().copied().unwrap_or(1)),
        // Values of all types, as they come.
        "" | "ANY" => Type::Text,
        _ => match Affinity::of(declared) {
            Affinity::Integer => Type::Bigint,
            Affinity::Text if nocase => Type::Citext,
            Affinity::Text => Type::Text,
            Affinity::Real => Type::Double,
            Affinity::Numeric => Type::Numeric(None),
            Affinity::Blob => Type::Bytea,
        },
    };
    let check = find_check(&of, column, checks).map(|(at, _)| at);
    let differs = match &of {
        Type::Text if words.is_empty() || words == "ANY" => {
            Some(format!("{column} has no type in SQLite: on the server every value is text"))
        }
        Type::Bigint | Type::Text | Type::Citext | Type::Double | Type::Bytea => None,
        Type::Varchar(None) => None,
        of if check.is_some() && of.check(column).is_some() => None,
        of => Some(format!("PostgreSQL holds {column} to {}, which SQLite does not", of.to_postgres())),
    };
    Found { of, check, differs, comes_back: true }
}

use crate::sqlite::types as sqlite_types;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::types::Affinity;

    const ALL: &[(&str, &str, Affinity)] = &[
        ("smallint", "INTEGER", Affinity::Integer),
        ("integer", "INTEGER", Affinity::Integer),
        ("bigint", "INTEGER", Affinity::Integer),
        ("boolean", "INTEGER", Affinity::Integer),
        ("real", "FLOAT4", Affinity::Real),
        ("double precision", "REAL", Affinity::Real),
        ("numeric", "NUMERIC TEXT", Affinity::Text),
        ("numeric(15,2)", "NUMERIC(15, 2)", Affinity::Numeric),
        ("numeric(16,2)", "NUMERIC TEXT(16, 2)", Affinity::Text),
        ("text", "TEXT", Affinity::Text),
        ("character varying", "VARCHAR", Affinity::Text),
        ("character varying(20)", "TEXT", Affinity::Text),
        ("character(3)", "CHARACTER(3)", Affinity::Text),
        ("citext", "TEXT", Affinity::Text),
        ("uuid", "UUID TEXT", Affinity::Text),
        ("date", "DATE TEXT", Affinity::Text),
        ("timestamp with time zone", "TIMESTAMPTZ TEXT", Affinity::Text),
        ("timestamp(3) without time zone", "TIMESTAMP TEXT(3)", Affinity::Text),
        ("time without time zone", "TIME TEXT", Affinity::Text),
        ("time(0) with time zone", "TIMETZ TEXT(0)", Affinity::Text),
        ("interval", "DURATION TEXT", Affinity::Text),
        ("json", "JSON TEXT", Affinity::Text),
        ("jsonb", "JSONB TEXT", Affinity::Text),
        ("bytea", "BLOB", Affinity::Blob),
        ("inet", "INET TEXT", Affinity::Text),
        ("cidr", "CIDR TEXT", Affinity::Text),
        ("macaddr", "MACADDR TEXT", Affinity::Text),
        ("macaddr8", "MACADDR8 TEXT", Affinity::Text),
        ("xml", "XML TEXT", Affinity::Text),
        ("bit(4)", "BIT TEXT(4)", Affinity::Text),
        ("bit varying", "VARBIT TEXT", Affinity::Text),
        ("bit varying(4)", "VARBIT TEXT(4)", Affinity::Text),
        ("text[]", "TEXT ARRAY TEXT", Affinity::Text),
        ("boolean[]", "BOOLEAN ARRAY TEXT", Affinity::Text),
        ("numeric(10,2)[]", "NUMERIC ARRAY TEXT(10, 2)", Affinity::Text),
        ("character varying(20)[]", "VARCHAR ARRAY TEXT(20)", Affinity::Text),
        ("timestamp with time zone[]", "TIMESTAMPTZ ARRAY TEXT", Affinity::Text),
        ("uuid[]", "UUID ARRAY TEXT", Affinity::Text),
        // The letters `int` count first; no JSON array looks like a number, so nothing is converted.
        ("bigint[]", "BIGINT ARRAY TEXT", Affinity::Integer),
        ("integer[]", "INTEGER ARRAY TEXT", Affinity::Integer),
    ];

    #[test]
    fn every_type_comes_back_from_its_declaration_and_check() {
        for (postgres, declared, affinity) in ALL {
            let of = Type::from_postgres(postgres).unwrap_or_else(|| panic!("{postgres} is not known"));
            assert_eq!(of.declared(), *declared);
            assert_eq!(Affinity::of(declared), *affinity, "{declared}");
            let checks: Vec<_> = of.check("c").into_iter().collect();
            let found = Type::of_column(declared, of.collation().is_some(), "c", &checks);
            assert_eq!(found.of.to_postgres(), *postgres, "{declared} goes back");
            assert_eq!(found.check, (!checks.is_empty()).then_some(0), "{postgres}: the check is the type's own");
            assert_eq!(found.differs, None);
            assert!(!found.comes_back, "{postgres}");
        }
    }

    #[test]
    fn types_are_known_by_all_of_their_spellings() {
        let check = |written: &str, expected: Option<&str>| {
            let of = Type::from_written(written).map(|of| of.to_postgres());
            assert_eq!(of.as_deref(), expected, "{written}");
        };
        check("VARCHAR(20)", Some("character varying(20)"));
        check(" timestamptz ", Some("timestamp with time zone"));
        check("timestamp(3)", Some("timestamp(3) without time zone"));
        check("timestamp (3) with time zone", Some("timestamp(3) with time zone"));
        check("decimal(10, 2)", Some("numeric(10,2)"));
        check("numeric(5)", Some("numeric(5,0)"));
        check("int4[]", Some("integer[]"));
        check("char", Some("character(1)"));
        check("int[][]", None);
        check("point", None);
        check("varchar(x)", None);
        check("text; DROP TABLE a", None);
    }

    #[test]
    fn json_is_known_by_both_of_its_checks() {
        let of = |declared: &str, check: &str| {
            let found = Type::of_column(declared, false, "c", &[(None, read(check, Dialect::Sqlite).unwrap())]);
            (found.of.to_postgres(), found.check, found.comes_back)
        };
        let list = "json_valid(c) AND json_type(c) = 'array'";
        assert_eq!(of("JSONB TEXT", "c IS NULL OR json_valid(c)"), ("jsonb".to_owned(), Some(0), false));
        assert_eq!(of("JSONB TEXT", "json_valid(c)"), ("jsonb".to_owned(), Some(0), true));
        assert_eq!(of("TEXT", "json_valid(c)"), ("jsonb".to_owned(), Some(0), true));
        assert_eq!(of("TEXT", "c IS NULL OR json_valid(c)"), ("jsonb".to_owned(), Some(0), true));
        assert_eq!(of("TEXT ARRAY TEXT", &format!("c IS NULL OR {list}")), ("text[]".to_owned(), Some(0), false));
        assert_eq!(of("TEXT ARRAY TEXT", list), ("text[]".to_owned(), Some(0), true));
        assert_eq!(of("JSONB TEXT", "json_valid(d)"), ("jsonb".to_owned(), None, true));
    }

    #[test]
    fn a_condition_of_somebody_elses_is_no_type() {
        let check =
            |name: Option<&str>, text: &str| vec![(name.map(str::to_owned), read(text, Dialect::Sqlite).unwrap())];
        let of = |checks: Vec<_>| Type::of_column("TEXT", false, "c", &checks).of;
        assert_eq!(of(check(None, "length(c) <= 20")), Type::Varchar(Some(20)));
        assert_eq!(of(check(None, "length(d) <= 20")), Type::Text);
        assert_eq!(of(check(None, "length(c) < 20")), Type::Text);
        assert_eq!(of(check(Some("short"), "length(c) <= 20")), Type::Text);
        assert_eq!(of(check(None, "c IN ('a')")), Type::Text);
        assert_eq!(of(check(Some("c_enum"), "c IN ('a', 1)")), Type::Text);
        let mood = Type::Enum { name: "mood".to_owned(), labels: vec!["a".to_owned()] };
        assert_eq!(of(check(Some("mood_enum"), "c IN ('a')")), mood);
    }
}
