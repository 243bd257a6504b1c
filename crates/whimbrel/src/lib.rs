//! Whimbrel brings a SQLite database to its declared schema, and loses nothing.
//!
//! ```
//! use whimbrel::{Planner, Schema};
//!
//! let mut db = rusqlite::Connection::open_in_memory()?;
//! db.execute_batch("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes(body) VALUES ('hi');")?;
//!
//! let schema = Schema::from_sql("
//!     CREATE TABLE notes(
//!       id INTEGER PRIMARY KEY,
//!       body TEXT NOT NULL,
//!       starred INTEGER NOT NULL DEFAULT 0
//!     );
//!     CREATE INDEX notes_starred ON notes(starred);")?;
//! let plan = Planner::new(&schema).plan(&mut db)?;
//! println!("{plan}");
//! plan.run(&mut db)?;
//!
//! assert!(Planner::new(&schema).plan(&mut db)?.is_empty());
//! let body: String = db.query_row("SELECT body FROM notes WHERE starred = 0", [], |row| row.get(0))?;
//! assert_eq!(body, "hi");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whatever happens, the data is the old version or the new one, verified: see [`Plan::run`].

pub mod backup;
mod doctor;
mod migrator;
mod planner;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "postgres")]
pub mod postgres_host;
#[cfg(feature = "postgres")]
mod postgres_migrator;
mod progress;
pub mod sqlite_host;
pub mod testing;

pub use doctor::{Finding, Severity, doctor};
pub use migrator::{Details, Migrator, ReportSink, StepResult, Transactions, Upgrade, UpgradeKind, UpgradeReport};
pub use planner::{Plan, Planner, push};
pub use progress::{Progress, ProgressObserver};
pub use whimbrel_core::diff::{Answer, Answers, Question};
pub use whimbrel_core::error::{Code, Error, Result, State};
pub use whimbrel_core::history::{self, Files, Folder, History, MemoryFiles, Migration};
#[doc(hidden)]
#[cfg(feature = "planted-bugs")]
pub use whimbrel_core::planted;
pub use whimbrel_core::run::{Cancel, Event, Observer, Report};
pub use whimbrel_core::{Dialect, Schema, diff, lint, plan, run, schema, sqlite, translate};
/// Puts a folder of migrations into the program when it is compiled, as a `&'static` [`History`].
///
/// The path starts at the folder of `Cargo.toml`. The folder is read and checked as [`Folder::read`] does it, and all is
/// computed then: the program holds the texts, their checksums and the head of their chain, and needs no file.
///
/// ```
/// use whimbrel::History;
///
/// static MIGRATIONS: &History = whimbrel::embed!("../../testdata/embed/notes");
///
/// assert_eq!(MIGRATIONS.newest(), 4);
/// assert_eq!(MIGRATIONS.find("tags").map(|migration| migration.path.as_ref()), Some("0004_tags.sql"));
/// ```
///
/// Whatever is wrong is an error of the compiler that names the file and what to do, all in one go: a missing folder or
/// one without migrations, a file that was edited after it was made or that the journal does not know, two with one
/// number, a journal with the conflict of a merge, a script that holds a `COMMIT` or an open quote.
///
/// ```text
/// error: [W0706] migrations/0003_words.sql was edited after it was made: journal and snapshot are of the old text;
///        take the new text over with `whimbrel migrate repair`, before it is released
///   --> src/main.rs:3:47
/// ```
///
/// The program is compiled again when one of the files changes. In a folder with a journal that is enough, because a new
/// migration changes the journal. In another tool's folder without one, a new file is noticed only where a build script
/// says so:
///
/// ```
/// // In `build.rs`:
/// println!("cargo::rerun-if-changed=migrations");
/// ```
///
/// The crate must be known as `whimbrel` in `Cargo.toml`: the macro writes that name.
pub use whimbrel_embed::embed;
pub use whimbrel_files::FolderFiles;
