//! PostgreSQL: the same stages as for SQLite, one file each.
//!
//! | stage | file |
//! |---|---|
//! | model | `schema` |
//! | live database → schema | `read` |
//! | declared SQL → schema, by the server itself | `declared`, in a `scratch` place; `token` and `split` cut the text |
//! | schema × schema → changes | `resolve` (which is which), `diff` |
//! | what the rows say | `probe`; `fits` asks whether they fit what is new, by the `keys` of an index |
//! | changes → steps | `plan`, whose values are in `steps`; `print` writes the SQL; `touched` is the part of the schemas they are about |
//! | all of that in order | `prepare` |
//! | run | `run`, under the lock of `session`; `fill` goes through the rows of a back-fill |
//! | a database looked over | `doctor` |
//!
//! `settings` names what all of them make sure of in a session. A host is asked through [`host::Host`].

pub mod assume;
pub mod declared;
pub mod diff;
pub mod doctor;
pub mod draft;
pub mod expand;
mod fill;
mod fits;
pub mod host;
mod keys;
pub mod plan;
pub mod prepare;
pub mod print;
pub mod probe;
pub mod read;
pub mod resolve;
pub mod run;
pub mod schema;
pub mod scratch;
pub mod session;
mod settings;
pub mod split;
pub mod statement;
pub mod steps;
pub mod token;
mod touched;
pub mod versioned;
