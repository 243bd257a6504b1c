//! Values for generated rows: ordinary ones, ones at the edge of what a type takes, and ones that a CHECK seems to want.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use whimbrel_core::schema::{Column, Table, type_meaning};
use whimbrel_core::sqlite::token::{Token, TokenKind, tokenize, unquote};
use whimbrel_core::sqlite::types::{Affinity, column_affinity};

use super::trace::fold;

/// Numbers that follow from a seed: the same on every machine (splitmix64,
/// <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// A sequence of its own for each word.
    pub fn new(seed: u64, word: &str) -> Random {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Random(word.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mix))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'p, T>(&mut self, from: &'p [T]) -> Option<&'p T> {
        from.get(self.below(from.len()))
    }
}

/// What a column takes.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub name: String,
    table: String,
    pub not_null: bool,
    pub generated: bool,
    /// Whether a row may leave it out.
    pub has_default: bool,
    /// Whether it is another name of the rowid: SQLite gives it a value.
    pub is_rowid: bool,
    /// What the CHECKs that name it seem to want.
    pub wanted: Vec<Value>,
    affinity: Affinity,
    /// In a STRICT table: only values of the type itself.
    strict: bool,
    /// Without a type, or `ANY` in a STRICT table.
    any: bool,
    meant: Meant,
}

/// What a column's name and type say of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Anything,
    Truth,
    Moment,
    Json,
    Uuid,
}

impl Field {
    pub fn new(table: &Table, column: &Column, json: &BTreeSet<String>) -> Field {
        let is_rowid = table.rowid_alias().is_some_and(|alias| alias.name == column.name);
        let in_key = table.in_primary_key(&column.name);
        Field {
            name: column.name.clone(),
            table: table.name.clone(),
            // SQLite lets NULL into keys of ordinary tables by an old mistake; an app does not write it there.
            not_null: column.not_null.is_some() || in_key,
            generated: column.generated.is_some(),
            has_default: column.default_value().is_some(),
            is_rowid,
            wanted: wanted(table, column),
            affinity: column_affinity(table, column),
            strict: table.strict,
            any: matches!(fold(column.declared_type.trim()).as_str(), "" | "any"),
            meant: if json.contains(&fold(&column.name)) { Meant::Json } else { meant(column) },
        }
    }

    /// An ordinary value, another one for each `n`.
    pub fn plain(&self, n: i64, random: &mut Random) -> Value {
        match (self.meant, self.affinity) {
            (Meant::Truth, Affinity::Integer | Affinity::Numeric) => Value::Integer(n & 1),
            (Meant::Moment, Affinity::Integer) => Value::Integer(1_700_000_000 + n * 86_413),
            (Meant::Moment, Affinity::Text | Affinity::Numeric) => Value::Text(moment(n)),
            (Meant::Json, Affinity::Text | Affinity::Numeric) => Value::Text(format!("{{\"n\": {n}}}")),
            (Meant::Json, Affinity::Blob) if !self.strict => Value::Text(format!("{{\"n\": {n}}}")),
            (Meant::Uuid, Affinity::Text | Affinity::Numeric) => Value::Text(uuid(n, random)),
            (_, Affinity::Integer) => Value::Integer(n),
            (_, Affinity::Real) => Value::Real(n as f64 + 0.25),
            (_, Affinity::Numeric) => Value::Integer(n),
            // Keys of different tables are not the same by chance: a migration may bring them together.
            (_, Affinity::Text) => Value::Text(format!("{} {} {n}", self.table, self.name)),
            (_, Affinity::Blob) if self.any => Value::Text(format!("{} {} {n}", self.table, self.name)),
            (_, Affinity::Blob) => Value::Blob([self.table.as_bytes(), &n.to_be_bytes()].concat()),
        }
    }

    /// A value that SQLite takes and that code forgets.
    pub fn edge(&self, n: i64, random: &mut Random) -> Value {
        let integers = [0, -1, i64::MAX, i64::MIN, (1 << 53) + 1, 1 << 31];
        let reals = [-0.0, 1e308, 5e-324, 0.1, 3.0, -1e15];
        let text = |random: &mut Random| {
            let texts = [
                "",
                " ",
                "a\0b",
                "007",
                "NULL",
                "-0.0",
                "1e3",
                "it's \"quoted\"",
                "two\nlines",
                "Ünïcödé 😀",
                "e\u{301}",
                "%_*?",
                "x'00'",
            ];
            match random.below(texts.len() + 1) {
                n if n < texts.len() => Value::Text(texts[n].to_owned()),
                _ => Value::Text("long ".repeat(900)),
            }
        };
        let integer = |random: &mut Random| Value::Integer(random.pick(&integers).copied().unwrap_or_default());
        let real = |random: &mut Random| Value::Real(random.pick(&reals).copied().unwrap_or_default());
        let blob = |random: &mut Random| {
            let blobs: [&[u8]; 4] = [b"", b"\0", b"\xff\xfe\0\x01", b"text"];
            Value::Blob(random.pick(&blobs).map(|blob| blob.to_vec()).unwrap_or_default())
        };
        match (self.meant, self.affinity) {
            (Meant::Truth, Affinity::Integer | Affinity::Numeric) => Value::Integer(n & 1),
            // What is no JSON is no edge of it.
            (Meant::Json, Affinity::Text) => {
                let texts = ["{}", "[]", "null", "\"text\"", "{\"a\": [1, null, \"ü\"]}"];
                Value::Text(random.pick(&texts).map(|text| (*text).to_owned()).unwrap_or_default())
            }
            (_, Affinity::Integer) => integer(random),
            (_, Affinity::Real) => real(random),
            (_, Affinity::Text) => text(random),
            (_, Affinity::Blob) if self.strict && !self.any => blob(random),
            (Meant::Moment, Affinity::Numeric) => Value::Text(moment(n)),
            (_, Affinity::Numeric | Affinity::Blob) => match random.below(4) {
                0 => integer(random),
                1 => real(random),
                2 => text(random),
                _ => blob(random),
            },
        }
    }
}

fn moment(n: i64) -> String {
    let (day, hour) = (1 + n.rem_euclid(28), n.rem_euclid(24));
    format!("{}-{:02}-{day:02} {hour:02}:{:02}:00", 2000 + n.rem_euclid(40), 1 + n.rem_euclid(12), n.rem_euclid(60))
}

fn uuid(n: i64, random: &mut Random) -> String {
    let bits = random.next();
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        bits >> 32,
        (bits >> 16) & 0xffff,
        bits & 0xfff,
        (bits >> 12) & 0xfff,
        n & 0xffff_ffff_ffff
    )
}

fn meant(column: &Column) -> Meant {
    let (name, declared) = (fold(&column.name), type_meaning(&column.declared_type));
    let starts = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    if declared.contains("bool") || starts(&["is_", "has_"]) {
        Meant::Truth
    } else if declared.contains("json") || name.contains("json") {
        Meant::Json
    } else if declared.contains("uuid") || name.contains("uuid") || name.contains("guid") {
        Meant::Uuid
    } else if declared.contains("date") || declared.contains("time") || name.ends_with("_at") || name.ends_with("_ts") {
        Meant::Moment
    } else {
        Meant::Anything
    }
}

/// Names of columns that scripts take for JSON: `json_extract(a, …)`, `a ->> …`.
pub(super) fn json_columns<'t>(scripts: impl Iterator<Item = &'t str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for script in scripts {
        let tokens = tokenize(script).unwrap_or_default();
        for (n, token) in tokens.iter().enumerate() {
            let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(script, word));
            let name = |at: usize| tokens.get(at).and_then(|token| token.name(script)).map(|name| fold(&name));
            let is_function = name(n).is_some_and(|name| name.starts_with("json")) && is(n + 1, "(");
            if is_function {
                let at = if is(n + 3, ".") { n + 4 } else { n + 2 };
                found.extend(name(at).filter(|_| is(at + 1, ",") || is(at + 1, ")")));
            } else if matches!(token.text(script), "->" | "->>") && n > 0 {
                found.extend(name(n - 1));
            }
        }
    }
    found
}

/// Values that the CHECKs which name the column compare with, and their neighbours; and texts of many shapes.
fn wanted(table: &Table, column: &Column) -> Vec<Value> {
    let mut values = Vec::new();
    for check in &table.checks {
        let text = check.expression.text();
        let Ok(tokens) = tokenize(text) else { continue };
        let is_it = |token: &Token| token.name(text).is_some_and(|name| name.eq_ignore_ascii_case(&column.name));
        if !tokens.iter().any(is_it) {
            continue;
        }
        for token in &tokens {
            literal(token, text, &mut values);
        }
        let has = |word: &str| tokens.iter().any(|token| token.is(text, word));
        if has("json_valid") || has("json_type") {
            values.extend(["{}", "[]", "{\"a\": 1}"].map(|json| Value::Text(json.to_owned())));
        }
        let shapes = [
            "a",
            "A1",
            "12345",
            "a@b.example",
            "2024-01-31",
            "2024-01-31 12:00:00",
            "2024-01-31T12:00:00Z",
            "12:00",
            "https://a.example/1",
            "#aabbcc",
            "0.5",
        ];
        values.extend(shapes.map(|shape| Value::Text(shape.to_owned())));
        values.extend([-1, 0, 1, 2, 10, 100].map(Value::Integer));
        values.extend([Value::Real(0.5), Value::Blob(vec![1])]);
    }
    values
}

fn literal(token: &Token, text: &str, values: &mut Vec<Value>) {
    let word = token.text(text);
    match token.kind {
        TokenKind::String => {
            let literal = unquote(word);
            // A pattern of LIKE or GLOB, and something that it matches.
            if literal.contains(['%', '*', '?', '[']) {
                values.push(Value::Text(literal.replace(['%', '*', '?', '_'], "x")));
                values.push(Value::Text(literal.replace(['%', '*'], "")));
            }
            values.push(Value::Text(literal));
        }
        TokenKind::Number => {
            if let Ok(n) = word.parse::<i64>() {
                values.extend([n.saturating_sub(1), n, n.saturating_add(1)].map(Value::Integer));
                // It may be a length.
                if let Ok(length) = usize::try_from(n)
                    && (1..=4096).contains(&length)
                {
                    values.push(Value::Text("a".repeat(length)));
                    values.push(Value::Text("7".repeat(length)));
                    values.push(Value::Blob(vec![7; length]));
                }
            } else if let Ok(n) = word.parse::<f64>() {
                values.extend([n, n - 0.5, n + 0.5].map(Value::Real));
            }
        }
        _ => {}
    }
}
