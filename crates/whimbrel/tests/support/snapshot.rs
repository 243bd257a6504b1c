//! Texts that are compared with a file, which `UPDATE_SNAPSHOTS=1` writes anew.

use std::path::Path;

/// Compares `text` with the file, and tells the difference.
pub fn compare(file: &Path, text: &str) -> Result<(), String> {
    let wanted = std::fs::read_to_string(file).unwrap_or_default();
    if wanted == text {
        return Ok(());
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| !value.is_empty()) {
        return std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()));
    }
    let mut out = format!("{} is another; UPDATE_SNAPSHOTS=1 writes it anew\n", file.display());
    let (mut old, mut new) = (wanted.lines().peekable(), text.lines().peekable());
    while old.peek().is_some() || new.peek().is_some() {
        match (old.next(), new.next()) {
            (Some(a), Some(b)) if a == b => out.push_str(&format!("    {a}\n")),
            (a, b) => {
                out.extend(a.map(|line| format!("  - {line}\n")));
                out.extend(b.map(|line| format!("  + {line}\n")));
            }
        }
    }
    Err(out)
}
