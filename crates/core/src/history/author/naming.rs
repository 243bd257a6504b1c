//! What a new migration's files are called, by the rules of the folder it goes to.

use crate::error::{Code, Error, Result};
use crate::history::{Files, Folder, Layout, check_path};

/// A name in kebab case: `Add Users` is `add-users`.
///
/// ```
/// use whimbrel_core::history::author::kebab;
/// assert_eq!(kebab("Add the user's_mail!"), "add-the-user-s-mail");
/// ```
pub fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            c if c.is_alphanumeric() => out.extend(c.to_lowercase()),
            _ if out.is_empty() || out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    // A file's name is bounded in bytes.
    let end = out.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 100).last().unwrap_or(0);
    out[..end].trim_end_matches('-').to_owned()
}

/// A name for what [changes](super::Draft::changes), where nobody gave one: `create-notes`, `alter-notes`.
pub fn name_of(changes: &[String]) -> String {
    let Some(first) = changes.first() else { return "custom".to_owned() };
    let words: Vec<&str> = first.split([' ', ':']).filter(|w| !w.is_empty()).collect();
    let name = match words.as_slice() {
        ["+", kind, object, ..] if *kind == "table" => format!("create-{object}"),
        ["+", kind, object, ..] => format!("add-{kind}-{object}"),
        ["-", kind, object, ..] if *kind == "table" => format!("drop-{object}"),
        ["-", kind, object, ..] => format!("drop-{kind}-{object}"),
        ["~", kind, object, ..] => format!("alter-{kind}-{object}"),
        [_, object, ..] => format!("alter-{object}"),
        _ => "change".to_owned(),
    };
    let name = kebab(&name);
    if name.is_empty() { "change".to_owned() } else { name }
}

/// The files of a new migration.
pub(super) struct Paths {
    pub version: String,
    pub up: String,
    /// Where the way back goes; none where it stands in the same file, or the tool knows none.
    pub down: Option<String>,
}

/// The name and the version of the next migration. `now` is the time as digits, `20261121093000`.
///
/// # Errors
/// [`Code::MigrationName`].
pub(super) fn next(files: &dyn Files, folder: &Folder, name: &str, now: &str) -> Result<Paths> {
    let name = kebab(name);
    if name.is_empty() {
        return Err(Error::new(Code::MigrationName, "the name of a migration needs a letter or a digit"));
    }
    let snake = name.replace('-', "_");
    let last = folder.history.migrations.last();
    let number = last.and_then(|m| m.version.parse::<u64>().ok()).unwrap_or(0);
    let is_time = last.is_some_and(|m| m.version.len() >= 14);
    let width = last.map_or(4, |m| m.version.len());
    let counted = |first: u64| match last {
        Some(_) => format!("{:0width$}", number + 1),
        None => format!("{first:04}"),
    };
    // The clock of this machine may be behind that of a colleague's.
    let timed = || match now.parse::<u64>() {
        Ok(now) if now > number => format!("{now:014}"),
        _ => format!("{:014}", number + 1),
    };
    let (version, up, down) = match folder.layout {
        Layout::Whimbrel => {
            let version = counted(1);
            (version.clone(), format!("{version}_{name}.sql"), Some(format!("{version}_{name}.down.sql")))
        }
        Layout::Plain | Layout::Sqlx => {
            let version = if is_time { timed() } else { counted(1) };
            let path = last.map_or("", |m| m.path.as_ref());
            let start = if path.starts_with(['v', 'V']) { &path[..1] } else { "" };
            let separator = path.trim_start_matches(['v', 'V']).trim_start_matches(|c: char| c.is_ascii_digit());
            let separator = separator.chars().next().filter(|c| "_-.".contains(*c)).unwrap_or('_');
            let stem = format!("{start}{version}{separator}{}", if separator == '-' { &name } else { &snake });
            let up = if path.ends_with(".up.sql") { format!("{stem}.up.sql") } else { format!("{stem}.sql") };
            // sqlx takes a .down.sql only beside an .up.sql.
            let has_down = folder.layout == Layout::Plain || path.ends_with(".up.sql");
            (version, up, has_down.then(|| format!("{stem}.down.sql")))
        }
        Layout::Refinery => {
            let version = (number + 1).to_string();
            (version.clone(), format!("V{version}__{snake}.sql"), None)
        }
        Layout::Diesel => {
            let path = last.map_or("", |m| m.path.as_ref());
            // rusqlite_migration counts, diesel looks at the clock.
            let version = if width < 8 && !path.is_empty() { (number + 1).to_string() } else { timed() };
            let folder_name = match version.len() {
                14 => {
                    let v = &version;
                    format!("{}-{}-{}-{}_{snake}", &v[..4], &v[4..6], &v[6..8], &v[8..])
                }
                _ => format!("{version}-{name}"),
            };
            (version, format!("{folder_name}/up.sql"), Some(format!("{folder_name}/down.sql")))
        }
        Layout::Drizzle => {
            let version = last.map_or_else(|| "0000".to_owned(), |_| counted(0));
            (version.clone(), format!("{version}_{snake}.sql"), None)
        }
        Layout::Goose | Layout::Sections => {
            let version = if is_time { timed() } else { counted(1) };
            (version.clone(), format!("{version}_{snake}.sql"), None)
        }
        Layout::Folders => {
            let version = timed();
            (version.clone(), format!("{version}_{snake}/migration.sql"), None)
        }
    };
    check_path(&up)?;
    if files.list()?.contains(&up) {
        return Err(Error::new(Code::MigrationFiles, format!("there is a {up} already")).object(up));
    }
    Ok(Paths { version, up, down })
}
