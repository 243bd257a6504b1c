//! refinery: `V1__start.sql`; `U1__…` is versioned too, and may come in late.

use super::Found;
use crate::error::Result;
use crate::history::Files;

fn parse(path: &str) -> Option<(String, String)> {
    let stem = path.rsplit('/').next()?.strip_suffix(".sql")?;
    let (version, name) = stem.strip_prefix(['V', 'U'])?.split_once("__")?;
    let is_number = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    (is_number && !name.is_empty()).then(|| (version.to_owned(), name.to_owned()))
}

pub(super) fn is_name(path: &str) -> bool {
    parse(path).is_some()
}

pub(super) fn read(files: &dyn Files, paths: &[String]) -> Result<Vec<Found>> {
    let named = paths.iter().filter_map(|path| parse(path).map(|named| (path, named)));
    named.map(|(path, (version, name))| Found::read(files, path, None, version, name)).collect()
}
