//! The program as a person and as a script meet it: what goes in, what is printed, the exit status, and what became of
//! the database. `SNAPSHOTS=overwrite cargo test` writes the expected texts anew; read what changed.

mod configuration;
mod diff_and_pull;
mod errors;
mod help;
mod json;
mod life;
mod migrate;
mod plan;
mod push;
mod refusals;
mod restore_and_doctor;
mod server;
mod sources;
mod support;
mod terminal;
mod translate;
