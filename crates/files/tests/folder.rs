//! A real folder, with what people, systems and attackers put into one.

use std::fs;
use std::path::Path;

use whimbrel_core::Code;
use whimbrel_core::history::Files;
use whimbrel_files::FolderFiles;

fn folder() -> (tempfile::TempDir, FolderFiles) {
    let folder = tempfile::tempdir().unwrap();
    let files = FolderFiles::new(folder.path().join("migrations"));
    (folder, files)
}

fn put(files: &FolderFiles, path: &str, text: &str) {
    let path = files.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// All names below a folder, hidden ones too.
fn everything(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            names.extend(everything(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
        }
        names.push(name);
    }
    names.sort();
    names
}

#[test]
fn a_folder_that_does_not_exist_is_empty() {
    let (_folder, files) = folder();
    assert_eq!(files.list().unwrap(), [""; 0]);
    let error = files.read("0001_start.sql").unwrap_err();
    assert_eq!(error.code(), Code::MigrationFiles);
    let shown = format!("there is no {}/0001_start.sql", files.path().display());
    assert_eq!(error.report().message, shown);
    assert_eq!(error.report().object.as_deref(), Some("0001_start.sql"));
}

#[test]
fn listed_in_order_and_without_hidden_ones() {
    let (_folder, files) = folder();
    for path in [
        "0010_z.sql",
        "0002_b.sql",
        "meta/_journal.json",
        "squashed/0001_a.sql",
        ".whimbrel/squashed/0001_a.sql",
        ".whimbrel/_journal.json",
        "2024-01-31-120000_start/up.sql",
        "README.md",
        // None of these is anybody's migration.
        ".git/0001_a.sql",
        ".DS_Store",
        "._0002_b.sql",
        "a/b/c/0001_too_deep.sql",
    ] {
        put(&files, path, "");
    }
    let expected = [
        ".whimbrel/_journal.json",
        ".whimbrel/squashed/0001_a.sql",
        "0002_b.sql",
        "0010_z.sql",
        "2024-01-31-120000_start/up.sql",
        "README.md",
        "meta/_journal.json",
        "squashed/0001_a.sql",
    ];
    assert_eq!(files.list().unwrap(), expected);
}

#[test]
fn a_file_is_no_folder() {
    let (folder, _) = folder();
    fs::write(folder.path().join("migrations"), "").unwrap();
    let mut files = FolderFiles::new(folder.path().join("migrations"));
    assert!(files.list().unwrap_err().to_string().contains("migrations is not a folder"));
    assert_eq!(files.write("0001_a.sql", b"").unwrap_err().code(), Code::MigrationFiles);
    put(&FolderFiles::new(folder.path()), "folder/0001_a.sql/x", "");
    let error = FolderFiles::new(folder.path().join("folder")).read("0001_a.sql").unwrap_err();
    assert!(error.to_string().contains("0001_a.sql is not a file"), "{error}");
}

#[test]
fn written_read_and_removed() {
    let (folder, mut files) = folder();
    files.write("meta/_journal.json", b"{}").unwrap();
    files.write("0001_start.sql", b"one").unwrap();
    files.write("0001_start.sql", b"two").unwrap();
    assert_eq!(files.read("0001_start.sql").unwrap(), b"two");
    assert_eq!(files.list().unwrap(), ["0001_start.sql", "meta/_journal.json"]);
    assert_eq!(everything(files.path()), ["0001_start.sql", "meta", "meta/_journal.json"], "nothing is left behind");

    files.remove("meta/_journal.json").unwrap();
    assert_eq!(everything(files.path()), ["0001_start.sql"], "the empty folder is gone");
    files.remove("0001_start.sql").unwrap();
    assert_eq!(everything(folder.path()), ["migrations"], "the folder itself stays");
    assert!(files.remove("0001_start.sql").unwrap_err().to_string().contains("there is no"));
}

#[test]
fn folders_that_still_hold_something_stay() {
    let (_folder, mut files) = folder();
    files.write(".whimbrel/squashed/0001_a.sql", b"").unwrap();
    files.write(".whimbrel/_journal.json", b"").unwrap();
    files.remove(".whimbrel/squashed/0001_a.sql").unwrap();
    assert_eq!(everything(files.path()), [".whimbrel", ".whimbrel/_journal.json"]);
}

#[test]
fn a_failed_write_leaves_nothing() {
    let (_folder, mut files) = folder();
    put(&files, "0001_start.sql/inside", "");
    let error = files.write("0001_start.sql", b"new").unwrap_err();
    assert_eq!(error.code(), Code::MigrationFiles);
    assert!(error.to_string().contains("0001_start.sql cannot be written"), "{error}");
    assert_eq!(everything(files.path()), ["0001_start.sql", "0001_start.sql/inside"]);
}

/// Whoever reads while somebody writes sees the old bytes or the new ones.
#[test]
fn a_file_is_whole_at_every_moment() {
    let (_folder, mut files) = folder();
    let texts = [vec![b'a'; 300_000], vec![b'b'; 200_000]];
    files.write("0001_start.sql", &texts[0]).unwrap();
    let reader = files.clone();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| (0..60).for_each(|n| files.write("0001_start.sql", &texts[n % 2]).unwrap()));
        while !writing.is_finished() {
            let read = reader.read("0001_start.sql").unwrap();
            assert!(texts.contains(&read), "{} bytes", read.len());
        }
    });
}

#[test]
fn fault_077_paths_that_lead_out_or_are_reserved_are_refused() {
    let (folder, mut files) = folder();
    fs::write(folder.path().join("outside.sql"), "DROP TABLE notes;").unwrap();
    files.write("0001_start.sql", b"").unwrap();
    let long = format!("0001_{}.sql", "a".repeat(300));
    let paths = [
        "../outside.sql",
        "meta/../../outside.sql",
        "/etc/passwd",
        "..",
        "",
        "0001_a\0.sql",
        "0001_a\n.sql",
        "..\\outside.sql",
        "C:outside.sql",
        "con.sql",
        "LPT1",
        "meta/",
        "0001_a.sql.",
        &long,
    ];
    for path in paths {
        for error in
            [files.read(path).unwrap_err(), files.write(path, b"x").unwrap_err(), files.remove(path).unwrap_err()]
        {
            assert_eq!(error.code(), Code::MigrationName, "{path:?}: {error}");
        }
    }
    assert_eq!(everything(folder.path()), ["migrations", "migrations/0001_start.sql", "outside.sql"]);
    assert_eq!(fs::read_to_string(folder.path().join("outside.sql")).unwrap(), "DROP TABLE notes;");
}

#[test]
fn files_that_are_too_large_are_refused() {
    let (_folder, files) = folder();
    put(&files, "0001_start.sql", "");
    let file = fs::File::create(files.path().join("0001_start.sql")).unwrap();
    file.set_len(64 << 20).unwrap();
    assert_eq!(files.read("0001_start.sql").unwrap().len(), 64 << 20);
    file.set_len((64 << 20) + 1).unwrap();
    assert!(files.read("0001_start.sql").unwrap_err().to_string().contains("is larger than 64 MB"));
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn fault_077_links_that_lead_out_are_refused() {
        for target in ["outside.sql", "secrets"] {
            let (folder, mut files) = folder();
            fs::create_dir_all(folder.path().join("secrets")).unwrap();
            fs::write(folder.path().join("secrets/0002_a.sql"), "old").unwrap();
            fs::write(folder.path().join("outside.sql"), "old").unwrap();
            fs::create_dir_all(files.path()).unwrap();
            symlink(folder.path().join(target), files.path().join("0002_a.sql")).unwrap();

            let listed = files.list().unwrap_err();
            assert_eq!(listed.code(), Code::MigrationName);
            assert!(listed.to_string().contains("migrations/0002_a.sql is a link that leads out"), "{listed}");
            let (inside, path) = (target == "secrets", "0002_a.sql/0002_a.sql");
            let path = if inside { path } else { "0002_a.sql" };
            assert_eq!(files.read(path).unwrap_err().code(), Code::MigrationName);
            assert_eq!(files.write(path, b"new").unwrap_err().code(), Code::MigrationName);
            if inside {
                assert_eq!(files.remove(path).unwrap_err().code(), Code::MigrationName);
            }
            assert_eq!(fs::read_to_string(folder.path().join("outside.sql")).unwrap(), "old");
            assert_eq!(fs::read_to_string(folder.path().join("secrets/0002_a.sql")).unwrap(), "old");
        }
    }

    #[test]
    fn links_within_are_followed_and_never_written_through() {
        let (_folder, mut files) = folder();
        put(&files, "0001_start.sql", "one");
        symlink("0001_start.sql", files.path().join("0002_again.sql")).unwrap();
        // A folder in itself has an end.
        symlink(".", files.path().join("loop")).unwrap();
        let listed = files.list().unwrap();
        assert!(listed.contains(&"0002_again.sql".to_owned()) && listed.len() < 20, "{listed:?}");
        assert_eq!(files.read("0002_again.sql").unwrap(), b"one");
        assert_eq!(files.write("0002_again.sql", b"two").unwrap_err().code(), Code::MigrationName);
        assert_eq!(files.read("0001_start.sql").unwrap(), b"one");
        // What is removed is the link.
        files.remove("0002_again.sql").unwrap();
        assert_eq!(files.read("0001_start.sql").unwrap(), b"one");
    }

    #[test]
    fn a_link_to_nothing_is_named() {
        let (_folder, files) = folder();
        fs::create_dir_all(files.path()).unwrap();
        symlink("gone.sql", files.path().join("0001_start.sql")).unwrap();
        assert!(files.list().unwrap_err().to_string().contains("migrations/0001_start.sql"));
    }

    #[test]
    fn the_folder_itself_may_be_a_link() {
        let (folder, files) = folder();
        put(&files, "0001_start.sql", "one");
        symlink("migrations", folder.path().join("link")).unwrap();
        let mut files = FolderFiles::new(folder.path().join("link"));
        files.write("0002_next.sql", b"two").unwrap();
        assert_eq!(files.list().unwrap(), ["0001_start.sql", "0002_next.sql"]);
    }

    #[test]
    fn fault_077_names_that_no_other_system_could_hold_are_refused() {
        for name in ["0001_a\\b.sql", "0001_a\n.sql", "con.sql", "0001 why?.SQL"] {
            let (_folder, files) = folder();
            put(&files, name, "");
            assert_eq!(files.list().unwrap_err().code(), Code::MigrationName, "{name:?}");
            assert_eq!(fs::rename(files.path().join(name), files.path().join("why?.md")).ok(), Some(()));
            assert_eq!(files.list().unwrap(), ["why?.md"], "of a file that is not read, it does not matter");
        }
    }

    #[test]
    fn names_that_are_not_utf_8_are_named() {
        let (_folder, files) = folder();
        fs::create_dir_all(files.path()).unwrap();
        if fs::write(files.path().join(OsStr::from_bytes(b"0001_caf\xe9.sql")), "").is_err() {
            return; // Some file systems hold no such name.
        }
        let error = files.list().unwrap_err();
        assert_eq!(error.code(), Code::MigrationName);
        assert!(error.to_string().contains("migrations/0001_caf\u{fffd}.sql"), "{error}");
    }

    #[test]
    fn who_may_read_a_file_does_not_change() {
        let (_folder, mut files) = folder();
        files.write("0001_start.sql", b"one").unwrap();
        let path = files.path().join("0001_start.sql");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        files.write("0001_start.sql", b"two").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
