//! goose: one file for both ways, cut by `-- +goose Up` and `-- +goose Down`.

use super::{Found, own};
use crate::error::Result;
use crate::history::{Files, Problem};

pub(super) fn is_script(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("-- +goose Up"))
}

pub(super) fn read(files: &dyn Files, paths: &[String], problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let found = own::read(files, paths, problems)?;
    Ok(found
        .into_iter()
        .map(|mut found| {
            let (up, down) = match found.up.find("-- +goose Down") {
                Some(at) => (found.up[..at].to_owned(), Some(found.up[at..].to_owned())),
                None => (found.up.clone(), None),
            };
            found.transaction = !found.up.contains("-- +goose NO TRANSACTION");
            Found { up, down, ..found }
        })
        .collect())
}
