//! The fault catalogue: what goes wrong with schema changes of SQLite databases, each trap a test by its number.
//!
//! Every case ends as the catalogue says: NEW (committed and verified), SAME (refused before any write, the file's bytes
//! unchanged), BACK (rolled back, retry is safe) or HOLD (unchanged, the app may go on with what there is).

mod support;

#[path = "faults/catalogue.rs"]
mod catalogue;
#[path = "faults/data.rs"]
mod data;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/hostile.rs"]
mod hostile;
#[path = "faults/in_place.rs"]
mod in_place;
#[path = "faults/rebuilds.rs"]
mod rebuilds;
#[path = "faults/surroundings.rs"]
mod surroundings;
#[path = "faults/written.rs"]
mod written;
