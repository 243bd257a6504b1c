//! What a database holds, asked of SQLite alone.
//!
//! Tests compare what the engine has done with what this crate says. It depends on no other crate of the workspace, so it
//! can share no mistake with them.

mod image;

pub use image::{Cell, Image, Object, Side, damage};
