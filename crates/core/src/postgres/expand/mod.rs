//! Expand and contract: a change in two phases, for a server that has old and new clients at the same time.
//!
//! | stage | file |
//! |---|---|
//! | the triggers that keep the columns of old and new clients in step | `trigger` |

pub mod trigger;

/// The schema that holds what Whimbrel keeps in an expanded database. It is out of sight for everything else.
pub const OWN: &str = "_whimbrel";
