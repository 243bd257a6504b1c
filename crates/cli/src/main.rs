//! The `whimbrel` program.
//!
//! It reads the command line, `whimbrel.toml` and the files they name, asks the library, and prints. Each command is
//! a file in [`command`]; what a person reads is made in [`render`], what a program reads in [`wire`].
//!
//! **Invariant:** standard output holds what was asked for, standard error what went wrong and what is asked.
//! **Invariant:** with `--json`, standard output is exactly one JSON object, whatever happens.

// Whatever the input, there is an error for it.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

mod arguments;
mod ask;
mod command;
mod configuration;
mod database;
mod failure;
mod losses;
mod migrations;
mod overview;
mod phases;
mod planning;
mod postgres;
mod postgres_migrations;
mod progress;
mod render;
mod session;
mod source;
mod undoing;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::arguments::{Arguments, Global};
use crate::failure::Exit;
use crate::session::Session;

fn main() -> ExitCode {
    run(std::env::args_os().collect()).into()
}

fn run(words: Vec<OsString>) -> Exit {
    let early = Global::from_words(&words);
    let program = Arguments::command().color(early.color);
    let parsed = program.try_get_matches_from(words).and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Session::new("", &early).finish_usage(&error),
        Err(error) => {
            // Help or version; nobody is left to be told where printing it fails.
            let _ = error.print();
            return Exit::Done;
        }
    };
    let mut session = Session::new(arguments.command.name(), &arguments.global);
    let outcome = arguments.command.run(&mut session);
    session.finish(outcome)
}
