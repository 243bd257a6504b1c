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
mod planner;
mod progress;
pub mod sqlite_host;

pub use doctor::{Finding, Severity, doctor};
pub use planner::{Plan, Planner, push};
pub use progress::{Progress, ProgressObserver};
pub use whimbrel_core::diff::{Answer, Answers, Question};
pub use whimbrel_core::error::{Code, Error, Result, State};
pub use whimbrel_core::run::{Cancel, Event, Observer, Report};
pub use whimbrel_core::{Schema, diff, plan, run, schema, sqlite};
