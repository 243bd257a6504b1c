//! `whimbrel.toml`: defaults for the options of a project.
//!
//! It is looked for in the current folder and then in those above it; the first one counts, alone. Paths in it are
//! relative to the file. An option on the command line goes before `WHIMBREL_DB`, and both before the file; patterns
//! to ignore add up, since leaving one out would offer tables for dropping.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use whimbrel::schema::Source;

use crate::failure::{CONFIGURATION, Exit, Failure, Place, Problem};

/// The name of the file.
pub const FILE: &str = "whimbrel.toml";

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    db: Option<String>,
    schema: Option<OneOrMore>,
    dir: Option<String>,
    dialect: Option<String>,
    #[serde(default)]
    ignore: Vec<String>,
    backup: Option<bool>,
    keep: Option<usize>,
    strict_order: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a source, or a list of sources")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// The defaults of a project.
#[derive(Debug, Default)]
pub struct Configuration {
    /// The database, a path or URL.
    pub db: Option<OsString>,
    /// The sources of the declared schema.
    pub schema: Vec<OsString>,
    /// The folder of the migrations.
    pub dir: Option<OsString>,
    /// What the migrations are for.
    pub dialect: Option<String>,
    /// Patterns of tables that are left out of sight.
    pub ignore: Vec<String>,
    /// Whether `push` and `migrate` make a backup.
    pub backup: Option<bool>,
    /// How many backups are kept.
    pub keep: Option<usize>,
    /// Whether another order of columns is a change.
    pub strict_order: Option<bool>,
}

impl Configuration {
    /// Reads the file that counts here; without one, there are no defaults.
    pub fn find() -> Result<Configuration, Failure> {
        // Without a current folder (it was removed) there is no project either.
        let Ok(here) = std::env::current_dir() else { return Ok(Configuration::default()) };
        for folder in here.ancestors() {
            let path = folder.join(FILE);
            match std::fs::read(&path) {
                Ok(bytes) => return read(&here, folder, &path, bytes),
                Err(_) if !path.is_file() => {}
                Err(e) => {
                    let message = format!("{} cannot be read", path.display());
                    let problem = Problem { cause: Some(e.to_string()), ..Problem::new(CONFIGURATION, message) };
                    return Err(Failure::new(Exit::Usage, problem));
                }
            }
        }
        Ok(Configuration::default())
    }
}

fn read(here: &Path, folder: &Path, path: &Path, bytes: Vec<u8>) -> Result<Configuration, Failure> {
    let name = path.strip_prefix(here).unwrap_or(path).display().to_string();
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Usage, Problem::new(CONFIGURATION, format!("{name} is not UTF-8 text"))))?;
    let file: File = toml::from_str(&text).map_err(|e| {
        let place = e.span().map(|range| Place {
            source: Arc::new(Source { name: name.clone(), text: text.clone() }),
            range,
            label: String::new(),
        });
        let message =
            format!("{name}: {}", e.message().trim_end().replace('\n', ", ").replace("usize", "a whole number"));
        Failure::new(Exit::Usage, Problem { place, ..Problem::new(CONFIGURATION, message) })
    })?;
    if file.keep == Some(0) {
        let problem = Problem::new(CONFIGURATION, format!("{name}: keep = 0 would keep no backup"));
        return Err(Failure::new(Exit::Usage, problem).help("write `backup = false` to make none"));
    }
    // Below the current folder, paths are shown as a person there would write them.
    let folder = folder.strip_prefix(here).unwrap_or(folder);
    let source = |text: String| match text.as_str() {
        "-" => OsString::from(text),
        _ => folder.join(text).into_os_string(),
    };
    Ok(Configuration {
        db: file.db.map(|text| database(folder, &text)),
        schema: match file.schema {
            None => Vec::new(),
            Some(OneOrMore::One(text)) => vec![source(text)],
            Some(OneOrMore::More(texts)) => texts.into_iter().map(source).collect(),
        },
        dir: file.dir.map(|text| folder.join(text).into_os_string()),
        dialect: file.dialect,
        ignore: file.ignore,
        backup: file.backup,
        keep: file.keep,
        strict_order: file.strict_order,
    })
}

/// The database named in the file; a URL with a relative path is relative to the file as well.
fn database(folder: &Path, text: &str) -> OsString {
    let joined = |path: &str| -> PathBuf { folder.join(path) };
    match text.strip_prefix("sqlite:") {
        None if crate::database::is_url(text) => OsString::from(text),
        None => joined(text).into_os_string(),
        Some(rest) if rest.starts_with('/') => OsString::from(text),
        Some(rest) => {
            let mut url = OsString::from("sqlite:");
            url.push(joined(rest));
            url
        }
    }
}
