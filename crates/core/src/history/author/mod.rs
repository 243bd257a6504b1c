//! Writing migrations: new ones, and the few changes that a folder of them allows.
//!
//! Every function here computes an [`Edit`]: the files to write and to remove, in an order in which a stop at any moment
//! leaves a folder that says what is wrong. It is worked out on an overlay of the folder, read back from there and
//! replayed, before anything is written; so an edit either leads to a folder without problems, or is refused.
//!
//! Only a host has a database: what a history makes of an empty database comes through a [`Replay`].

mod add;
mod draft;
mod edit;
mod naming;
mod rebase;
mod repair;
mod squash;

pub use add::{NewMigration, add, drop_last};
pub use draft::{Draft, DraftSettings, draft};
pub use edit::{Edit, Write};
pub use naming::{kebab, name_of};
pub use rebase::rebase;
pub use repair::{Repair, repair};
pub use squash::{Squash, squash};

use super::{History, Outcome};
use crate::error::Result;

/// Runs a history on an empty database and tells what it makes.
pub type Replay<'r> = dyn FnMut(&History) -> Result<Outcome> + 'r;
