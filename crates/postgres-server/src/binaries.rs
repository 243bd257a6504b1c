//! Where PostgreSQL's programs are: in a folder that a variable names, on the path, or where systems put them.

use std::path::{Path, PathBuf};
use std::process::Command;
#[cfg(unix)]
use std::sync::OnceLock;

/// What to do where there are none.
pub const MISSING: &str = "the tests need PostgreSQL's programs (initdb, postgres, pg_dump), and they were not found.
  Debian, Ubuntu: apt-get install postgresql
  Fedora, RHEL:   dnf install postgresql-server postgresql
  Arch:           pacman -S postgresql
  macOS:          brew install postgresql
Or set WHIMBREL_TEST_POSTGRES_BIN to their folder, or WHIMBREL_TEST_POSTGRES to the URL of a server that runs.";

/// A program that talks to a server, such as psql.
pub fn find(name: &str) -> Option<PathBuf> {
    folders().into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The folder with the programs of a server.
pub fn of_server() -> Option<PathBuf> {
    let is_complete = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    folders().into_iter().find(is_complete)
}

/// The folder with the programs of a server, which are installed where that is possible.
///
/// # Panics
/// If there are none, with what to do.
#[cfg(unix)]
pub fn of_server_or_install() -> PathBuf {
    if let Some(folder) = of_server() {
        return folder;
    }
    if is_root() && find_on_path("apt-get").is_some() {
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(std::process::Stdio::null());
            command.output().is_ok_and(|output| output.status.success())
        };
        let install = ["install", "-y", "--no-install-recommends", "postgresql"];
        // The lists of a container are often missing.
        let is_installed = apt(&install) || apt(&["update"]) && apt(&install);
        if let Some(folder) = of_server().filter(|_| is_installed) {
            return folder;
        }
    }
    panic!("{MISSING}");
}

/// Whether this process acts as root.
#[cfg(unix)]
pub fn is_root() -> bool {
    effective_user() == Some(0)
}

/// The number of the user that this process acts as, which the standard library does not tell: the owner of a file that
/// it makes.
#[cfg(unix)]
pub fn effective_user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    static USER: OnceLock<Option<u32>> = OnceLock::new();
    *USER.get_or_init(|| {
        let probe = std::env::temp_dir().join(format!("whimbrel-user-{}", std::process::id()));
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe).ok()?;
        let user = file.metadata().ok().map(|meta| meta.uid());
        let _ = std::fs::remove_file(&probe);
        user
    })
}

#[cfg(unix)]
fn find_on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Folders where the programs may be, best first.
fn folders() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("WHIMBREL_TEST_POSTGRES_BIN") {
        return vec![folder.into()];
    }
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    // `pg_config` may belong to the development files of another version, so what it names comes after the path.
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for (folder, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/usr", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
    ] {
        folders.extend(versions(Path::new(folder)).into_iter().map(|version| version.join(below)));
    }
    folders.extend(["/opt/homebrew/bin", "/usr/local/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
    folders
}

/// The folders of PostgreSQL's versions below a folder, the newest first: `15`, `postgresql@17`, `pgsql-16`.
fn versions(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let version = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        let number = name.strip_prefix("postgresql@").or(name.strip_prefix("pgsql-")).unwrap_or(name);
        match name {
            "postgresql" | "libpq" | "latest" => Some(0),
            _ => number.parse().ok(),
        }
    };
    let mut found: Vec<(u32, PathBuf)> =
        entries.flatten().map(|entry| entry.path()).filter_map(|path| Some((version(&path)?, path))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}
