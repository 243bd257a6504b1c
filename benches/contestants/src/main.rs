//! Whimbrel, and what a person would write by hand for the same SQLite: one program, so that both have the same library.
//!
//! It is a process like the peers', so that memory, caches and the first use of the allocator are what they are for them.
//! The first argument says which of the two it is.

mod by_hand;
mod postgres;
mod whimbrel;

use std::process::ExitCode;

use peer_protocol::Request;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let who = words.next().unwrap_or_default();
    let request = Request::from_words(words);
    peer_protocol::finish(request.and_then(|request| {
        let (case, way) = request.case.split_once(':').unwrap_or((&request.case, ""));
        match (who.as_str(), case.starts_with("pg-")) {
            ("whimbrel", false) => whimbrel::run(&request, case, way),
            ("by-hand", false) => by_hand::run(&request, case, way),
            ("whimbrel", true) => postgres::whimbrel::run(&request, case, way),
            ("by-hand", true) => postgres::by_hand::run(&request, case, way),
            (other, _) => Err(format!("no such contestant: {other}").into()),
        }
    }))
}
