//! Wrong folders are errors of the compiler that name the file: one small crate that embeds all of them.
//!
//! It depends on the crate of the macro alone, under the name of the library: of a wrong folder, the macro gives errors
//! only, and SQLite is not compiled for them once more.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Folders below `testdata/embed/wrong`, and what is said of each.
const CASES: &[(&str, &[&str])] = &[
    ("missing", &["[W0701] there is no folder `wrong/missing` in "]),
    ("nothing", &["[W0701] wrong/nothing holds no migration; `whimbrel migrate generate` "]),
    (
        "edited",
        &[
            "[W0706] wrong/edited/0002_body.sql was edited after it was made: journal and snapshot are of the old text; \
           take the new text over with `whimbrel migrate repair`",
        ],
    ),
    (
        "deleted",
        &["[W0707] 0002_body stands in wrong/deleted/meta/_journal.json, and its file is gone; put the file back"],
    ),
    ("renamed", &["[W0710] wrong/renamed/0002_text.sql: 0002_body is called 0002_text now"]),
    (
        "duplicate",
        &["[W0709] wrong/duplicate/0002_tags.sql: 0002_body and 0002_tags have one number; \
           `whimbrel migrate rebase` gives"],
    ),
    (
        "merged",
        &["[W0703] wrong/merged/meta/_journal.json holds the conflict of a merge; `whimbrel migrate rebase` puts"],
    ),
    (
        "commit",
        &["[W0704] wrong/commit/0001_start.sql: COMMIT stands in a migration (wrong/commit/0001_start.sql:2:1); \
           leave it out"],
    ),
    (
        "down",
        &[
            "[W0704] wrong/down/00001_start.sql: VACUUM cannot run in a transaction (wrong/down/00001_start.sql:6:1); put",
        ],
    ),
    (
        "quote",
        &[
            "[W0704] wrong/quote/0001_start.sql: unterminated string (wrong/quote/0001_start.sql:2:44)",
            "[W0704] wrong/quote/0002_tags.sql: unterminated quoted name (wrong/quote/0002_tags.sql:1:42)",
        ],
    ),
];

#[test]
fn wrong_folders_do_not_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embed_wrong");
    fs::create_dir_all(folder.join("src")).unwrap();
    // The versions that are here already: nothing is downloaded.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"embed-wrong\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nwhimbrel = {{ package = \"whimbrel-embed\", path = {:?} }}\n",
        root.join("crates/embed")
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    let mut source = String::from("#![allow(dead_code)]\nstruct History;\n");
    for (n, (name, _)) in CASES.iter().enumerate() {
        source.push_str(&format!("static M{n}: &History = whimbrel::embed!(\"wrong/{name}\");\n"));
    }
    fs::write(folder.join("src/lib.rs"), &source).unwrap();
    copy(&root.join("testdata/embed/wrong"), &folder.join("wrong"));

    let mut cargo = Command::new(env!("CARGO"));
    cargo.env("CARGO_TERM_COLOR", "never");
    cargo.args(["check", "--offline", "--quiet", "--message-format", "short"]).current_dir(&folder);
    let output = cargo.env("CARGO_TARGET_DIR", folder.join("target")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());

    let mut expected = 0;
    for (n, (name, messages)) in CASES.iter().enumerate() {
        expected += messages.len();
        for message in *messages {
            // At the place of the text in the macro.
            let line = format!("src/lib.rs:{}:", n + 3);
            let is_told = |told: &str| told.starts_with(&line) && told.contains(&format!(": error: {message}"));
            assert!(told.lines().any(is_told), "{name}: {message}\nis not in\n{told}");
        }
    }
    let errors = told.lines().filter(|line| line.starts_with("src/lib.rs:")).count();
    assert_eq!(errors, expected, "nothing else is told:\n{told}");
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => fs::copy(entry.path(), to.join(entry.file_name())).map(|_| ()).unwrap(),
        }
    }
}
