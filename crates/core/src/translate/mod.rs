//! One declared schema for the server and the device: PostgreSQL's schema in SQLite's words, and the other way.
//!
//! [`to_sqlite`] takes what PostgreSQL told of itself, [`to_postgres`] what is declared for SQLite. Both give SQL, and a
//! [`Remark`] for everything that is not carried, is different on the other side, or would come back as something else.
//! **Invariant:** what has no remark comes back as it was. **Invariant:** the same schema gives the same text.
//!
//! The mapping stands in `docs/translate.md`, and in `types.rs` and `defaults.rs`, which are tables for the most part.

use std::fmt;

mod defaults;
mod expression;
mod expression_to_postgres;
mod expression_to_sqlite;
mod names;
mod to_postgres;
mod to_sqlite;
mod types;

pub use to_postgres::to_postgres;
pub use to_sqlite::to_sqlite;

pub(crate) use defaults::UUID as NEW_UUID;

/// How SQLite keeps a column of a type of PostgreSQL's.
pub(crate) struct Declared {
    /// The declared type.
    pub(crate) declared_type: String,
    /// The collation.
    pub(crate) collation: Option<&'static str>,
    /// The condition that holds for its values.
    pub(crate) check: Option<String>,
}

/// The declaration for a type of PostgreSQL's in any of its spellings; none where SQLite has nothing like it.
pub(crate) fn declared(postgres_type: &str, column: &str) -> Option<Declared> {
    let of = types::Type::from_written(postgres_type)?;
    let check = of.check(column).map(|(_, condition)| condition.print(expression::Dialect::Sqlite));
    Some(Declared { declared_type: of.declared(), collation: of.collation(), check })
}

/// The time of now in the form that a column of this declared type keeps.
pub(crate) fn now(declared_type: &str) -> &'static str {
    defaults::now(declared_type).unwrap_or(defaults::NOW)
}

/// The name of the CHECK by which an enum is known again.
pub(crate) fn name_of_enum_check(enum_name: &str) -> String {
    types::name_of_enum_check(enum_name)
}

/// A schema in the other dialect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translated {
    /// The statements, with a comment for everything that is not carried or is different.
    pub sql: String,
    /// What is to be known of it, in the order of the statements.
    pub remarks: Vec<Remark>,
}

/// What is to be known of an object that was translated, or was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How much of it is there.
    pub kept: Kept,
    /// The object, as in `table users`, `column users.mail`, `index users_mail`.
    pub object: String,
    /// What is different or missing, as a sentence without a full stop.
    pub text: String,
}

impl fmt::Display for Remark {
    /// As it stands in the SQL: `not carried: view names: views are not carried`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kept.as_str(), self.object, self.text)
    }
}

/// How much of an object is on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// Nothing, or not the part that is named.
    Not,
    /// All of it, and it does not do the same in every case.
    Differs,
    /// All of it, but translating it back gives something else that does the same.
    OneWay,
}

impl Kept {
    /// The word in the output: `not carried`, `differs`, `one way`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kept::Not => "not carried",
            Kept::Differs => "differs",
            Kept::OneWay => "one way",
        }
    }
}

/// Remarks, with the lines of comment that stand in front of a statement.
#[derive(Debug, Default)]
struct Remarks {
    all: Vec<Remark>,
    comments: Vec<String>,
}

impl Remarks {
    fn add(&mut self, kept: Kept, object: &str, text: impl Into<String>) {
        let remark = Remark { kept, object: object.to_owned(), text: text.into() };
        if kept != Kept::OneWay {
            // A name may hold a line break, which would end the comment.
            self.comments.push(format!("-- {}", remark.to_string().replace(['\n', '\r'], " ")));
        }
        self.all.push(remark);
    }

    /// The comments since the last time, each on its line.
    fn comments(&mut self) -> String {
        self.comments.drain(..).fold(String::new(), |out, line| out + &line + "\n")
    }
}
