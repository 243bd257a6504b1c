//! The targets of `cargo fuzz`. This package is a workspace of its own, because it needs a nightly compiler to be built
//! for fuzzing; the library's test `fuzzed` runs the same bodies without one.

mod targets;

pub use targets::{TARGETS, Target};

/// Runs the target of this name.
///
/// # Panics
/// Where there is none, or a property of it does not hold.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, body) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    body(bytes);
}
