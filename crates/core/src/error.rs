//! What went wrong, for the person who reads it at night.
//!
//! One error type for all of Whimbrel: a stable [`Code`], the object and statement it is about, the [`State`] the
//! database is in now, and what to do next. **Invariant:** an error never holds a value of a row.

use std::fmt;

use crate::diff::Question;
use crate::schema::Origin;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal,)*) => {
        /// A stable code for a kind of failure. Each has a section of its own in `docs/errors.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as it is printed, such as `W0204`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }
        }
    };
}

codes! {
    /// The text of a schema cannot be read.
    Syntax = "W0101",
    /// A statement that does not declare anything stands in a schema.
    NotADeclaration = "W0102",
    /// Two objects have one name.
    DeclaredTwice = "W0103",
    /// A `-- whimbrel:` comment is not understood.
    Directive = "W0104",
    /// A snapshot cannot be read.
    Snapshot = "W0105",
    /// SQLite does not accept the declared schema.
    SchemaRejected = "W0106",
    /// A source of a schema cannot be opened or read.
    SourceUnreadable = "W0107",
    /// A rename must be confirmed or denied.
    QuestionOpen = "W0201",
    /// Something would be lost, and that was not accepted.
    DataLoss = "W0202",
    /// Rows have no value for a column that is to be NOT NULL.
    NoValue = "W0203",
    /// Rows do not satisfy a constraint.
    RowsDoNotFit = "W0204",
    /// A change of type would alter values.
    ValuesAltered = "W0205",
    /// An answer names something that does not exist.
    UnknownName = "W0206",
    /// A broken view or trigger stands in the way.
    BrokenDependent = "W0207",
    /// A module or collation that the plan needs is not registered.
    NotRegistered = "W0208",
    /// The database belongs to another application.
    OtherApplication = "W0209",
    /// A change that whimbrel does not make.
    Unsupported = "W0210",
    /// The database serves old and new clients, and the plan would not.
    Expanded = "W0211",
    /// A client that is still about needs what would go.
    StillNeeded = "W0212",
    /// The rows of an expansion are not all filled in.
    NotFilledIn = "W0213",
    /// The columns of old and new clients do not hold the same.
    OutOfStep = "W0214",
    /// The database is locked by somebody else.
    Busy = "W0301",
    /// The database cannot be written.
    ReadOnly = "W0302",
    /// The caller has a transaction open.
    TransactionOpen = "W0303",
    /// The database changed after the plan was made.
    Superseded = "W0304",
    /// A statement failed.
    StatementFailed = "W0305",
    /// The result is not what was planned.
    VerificationFailed = "W0306",
    /// The run was cancelled.
    Cancelled = "W0307",
    /// The transaction ended in the middle of the run.
    TransactionLost = "W0308",
    /// All is applied, but a connection setting could not be put back.
    NotRestored = "W0309",
    /// Whether the last commit went through cannot be told.
    OutcomeUnknown = "W0310",
    /// There is not enough free disk space.
    DiskSpace = "W0311",
    /// A setting that the run depends on cannot be changed.
    Setting = "W0312",
    /// The requests of a connection reach different sessions of the server.
    Pooler = "W0313",
    /// The file is not a database, or is encrypted.
    NotADatabase = "W0401",
    /// The database cannot be opened.
    CannotOpen = "W0402",
    /// The database is damaged.
    Damaged = "W0403",
    /// The database refused a request.
    Database = "W0404",
    /// The role lacks a right.
    NotPermitted = "W0405",
    /// There is no connection to the server any more.
    Disconnected = "W0406",
    /// A backup could not be made.
    BackupFailed = "W0501",
    /// There is no such backup.
    NoSuchBackup = "W0502",
    /// A backup is damaged.
    BackupDamaged = "W0503",
    /// A folder of migrations, or a file in it, cannot be read or written.
    MigrationFiles = "W0701",
    /// A file's name is none for a migration.
    MigrationName = "W0702",
    /// The journal of a folder cannot be read.
    Journal = "W0703",
    /// A migration's script holds what cannot run in it.
    MigrationScript = "W0704",
    /// A migration was edited after it ran.
    MigrationEdited = "W0705",
    /// A migration was edited after it was made.
    MigrationStale = "W0706",
    /// A migration is gone.
    MigrationMissing = "W0707",
    /// A migration's file does not stand in the journal.
    MigrationUnlisted = "W0708",
    /// Two migrations have one number.
    MigrationDuplicate = "W0709",
    /// A migration has another name.
    MigrationRenamed = "W0710",
    /// A migration has another number, or another place.
    MigrationMoved = "W0711",
    /// A migration has not run, and a later one has.
    OutOfOrder = "W0712",
    /// A database has tables, and no record of migrations.
    NotTracked = "W0713",
    /// A database is newer than the app.
    DatabaseNewer = "W0714",
    /// A database's schema is not the one that its migrations make.
    Drift = "W0715",
    /// Several starts in a row have failed, and nothing more is tried.
    Held = "W0716",
    /// A migration cannot be undone.
    Irreversible = "W0717",
    /// A step of the app's own failed.
    AppStep = "W0718",
    /// A database is not one that may be emptied.
    NotDisposable = "W0719",
    /// Another tool's record of migrations does not fit.
    Adoption = "W0720",
    /// The migrations do not make the schema that they should.
    NotVerified = "W0721",
    /// A command would change migrations that have run, or take away what is needed.
    HistoryFixed = "W0722",
    /// Nothing says which schema, version or migration is meant.
    UnknownMigration = "W0723",
    /// A report could not be handed over.
    ReportNotDelivered = "W0724",
    /// A way back has stopped between two of its phases.
    HalfUndone = "W0725",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state a database is in after a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Refused before any write.
    #[default]
    Unchanged,
    /// Written to, and rolled back: the same as before.
    RolledBack,
    /// The change is committed and verified; something after it failed.
    Applied,
    /// The connection failed so that it cannot be told. The database holds the old version or the new one: open it
    /// again and plan again.
    Unknown,
    /// A migration that runs in several transactions is begun: some of them are committed and recorded, and the next
    /// run goes on behind them.
    Begun,
}

/// A failure.
pub struct Error(Box<Report>);

/// What an [`Error`] says. Every field may be read; all but `code` and `message` may be empty.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The kind of failure.
    pub code: Option<Code>,
    /// One sentence without a full stop.
    pub message: String,
    /// The migration it is about: `0003_add-users`.
    pub migration: Option<String>,
    /// The table, view or other object it is about.
    pub object: Option<String>,
    /// The statement that failed.
    pub statement: Option<String>,
    /// The state of the database now.
    pub state: State,
    /// Where in the declared schema the cause stands.
    pub origin: Origin,
    /// A few words to stand at that place.
    pub label: String,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// Questions that must be answered first.
    pub questions: Vec<Question>,
    /// What the database itself said.
    pub cause: Option<String>,
}

impl Error {
    /// An error of this kind; further facts are added by the methods below.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Report { code: Some(code), message: message.into(), ..Report::default() }))
    }

    /// Names the migration, unless it is named already.
    pub fn migration(mut self, migration: impl Into<String>) -> Self {
        self.0.migration.get_or_insert_with(|| migration.into());
        self
    }

    /// Names the object.
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.0.object = Some(object.into());
        self
    }

    /// Names the statement.
    pub fn statement(mut self, statement: impl Into<String>) -> Self {
        self.0.statement = Some(statement.into());
        self
    }

    /// Says what state the database is in.
    pub fn state(mut self, state: State) -> Self {
        self.0.state = state;
        self
    }

    /// Points to a place in the declared schema.
    pub fn at(mut self, origin: &Origin, label: impl Into<String>) -> Self {
        self.0.origin = origin.clone();
        self.0.label = label.into();
        self
    }

    /// Adds a sentence on what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(help.into());
        self
    }

    /// Adds the database's own words.
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Adds the questions that must be answered first.
    pub fn questions(mut self, questions: Vec<Question>) -> Self {
        self.0.questions = questions;
        self
    }

    /// The same error once more, for a plan that is run again.
    pub fn again(&self) -> Self {
        Error(self.0.clone())
    }

    /// The kind of failure.
    pub fn code(&self) -> Code {
        self.0.code.unwrap_or(Code::Database)
    }

    /// Everything it says.
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// Whether trying again later can succeed without any change: somebody else holds the database.
    pub fn is_busy(&self) -> bool {
        matches!(self.code(), Code::Busy | Code::Superseded)
    }

    /// Whether it is about a loss that can be accepted.
    pub fn is_loss(&self) -> bool {
        matches!(self.code(), Code::DataLoss | Code::ValuesAltered)
    }

    /// Whether an answer or an acceptance is needed, rather than something having failed.
    pub fn is_refusal(&self) -> bool {
        use Code::*;
        matches!(
            self.code(),
            QuestionOpen
                | DataLoss
                | NoValue
                | RowsDoNotFit
                | ValuesAltered
                | BrokenDependent
                | NotRegistered
                | OtherApplication
                | Unsupported
                | Expanded
                | StillNeeded
                | NotFilledIn
                | OutOfStep
                | Journal
                | MigrationScript
                | MigrationEdited
                | MigrationStale
                | MigrationMissing
                | MigrationUnlisted
                | MigrationDuplicate
                | MigrationRenamed
                | MigrationMoved
                | OutOfOrder
                | NotTracked
                | DatabaseNewer
                | Drift
                | Held
                | Irreversible
                | NotDisposable
                | Adoption
                | HistoryFixed
                | HalfUndone
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.0;
        write!(f, "[{}] {}", self.code(), report.message)?;
        if let (Some(source), Some((line, column))) = (&report.origin.source, report.origin.line_and_column()) {
            write!(f, " ({}:{line}:{column})", source.name)?;
        }
        if let Some(cause) = &report.cause {
            write!(f, ": {cause}")?;
        }
        match report.state {
            State::Unchanged => {}
            State::RolledBack => f.write_str("; rolled back, nothing changed")?,
            State::Applied => f.write_str("; the change itself is applied")?,
            State::Unknown => f.write_str("; the database holds the old version or the new one")?,
            State::Begun => f.write_str("; what was done before stays, and the next run goes on behind it")?,
        }
        for help in &report.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// As it is printed where `main` returns it, or `unwrap` meets it: in words too, with the statement.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let Report { migration, object, statement, .. } = &*self.0;
        for (what, name) in [("migration", migration), ("object", object), ("statement", statement)] {
            if let Some(name) = name {
                write!(f, "\n{what}: {name}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_main_returns_is_told_in_words() {
        let error = Error::new(Code::StatementFailed, "a statement failed")
            .migration("0003_add-users")
            .statement("CREATE TABLE users(")
            .cause("incomplete input")
            .help("correct it");
        let told = "[W0305] a statement failed: incomplete input; correct it\n\
                    migration: 0003_add-users\nstatement: CREATE TABLE users(";
        assert_eq!(format!("{error:?}"), told);
    }
}
