//! What is embedded is what is read: a folder of each layout, at compile time and at run time.

use std::borrow::Cow;
use std::path::Path;

use whimbrel::history::Layout;
use whimbrel::{Folder, FolderFiles, History, Migration};

/// Each can stand in a `static`: nothing is left for the start.
static EMBEDDED: [(&str, Layout, &History); 8] = [
    ("notes", Layout::Whimbrel, whimbrel::embed!("../../testdata/embed/notes")),
    ("plain", Layout::Plain, whimbrel::embed!("../../testdata/embed/plain")),
    ("sqlx", Layout::Sqlx, whimbrel::embed!("../../testdata/embed/sqlx")),
    ("refinery", Layout::Refinery, whimbrel::embed!("../../testdata/embed/refinery")),
    ("diesel", Layout::Diesel, whimbrel::embed!("../../testdata/embed/diesel")),
    ("drizzle", Layout::Drizzle, whimbrel::embed!("../../testdata/embed/drizzle")),
    ("goose", Layout::Goose, whimbrel::embed!("../../testdata/embed/goose")),
    ("folders", Layout::Folders, whimbrel::embed!("../../testdata/embed/folders")),
];

fn testdata(name: &str) -> FolderFiles {
    FolderFiles::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/embed").join(name))
}

#[test]
fn every_layout_embeds_as_it_is_read() {
    for (name, layout, embedded) in EMBEDDED {
        let folder = Folder::read(&testdata(name)).unwrap();
        assert_eq!(folder.layout, layout, "{name}");
        assert_eq!(folder.problems, [], "{name}");
        assert_eq!(*embedded, folder.history, "{name}");
        assert!(embedded.newest() > 0, "{name}");
        assert_ne!(embedded.head, Default::default(), "{name}");
    }
}

#[test]
fn everything_is_borrowed_from_the_program() {
    fn is_borrowed(migration: &Migration) -> bool {
        let texts = [&migration.version, &migration.name, &migration.path, &migration.up];
        texts.into_iter().chain(&migration.down).all(|text| matches!(text, Cow::Borrowed(_)))
            && matches!(migration.replaces, Cow::Borrowed(_))
            && migration.replaces.iter().all(is_borrowed)
    }
    for (name, _, embedded) in EMBEDDED {
        assert!(matches!(embedded.migrations, Cow::Borrowed(_)), "{name}");
        assert!(embedded.migrations.iter().all(is_borrowed), "{name}");
        if let Some(snapshot) = &embedded.snapshot {
            assert!(matches!(snapshot.statements, Cow::Borrowed(_)), "{name}");
            assert!(snapshot.statements.iter().all(|sql| matches!(sql, Cow::Borrowed(_))), "{name}");
        }
    }
}

/// The fixtures hold what the comparison above is to be about.
#[test]
fn the_folders_hold_what_can_be_forgotten() {
    let embedded = |name: &str| EMBEDDED.iter().find(|(n, ..)| *n == name).unwrap().2;
    let notes = embedded("notes");
    assert!(
        notes
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.statements.iter().any(|sql| sql.contains("TABLE tags")))
    );
    assert_eq!(notes.migrations[0].replaces.len(), 2);
    assert!(notes.migrations[0].replaces.iter().all(|m| !m.up.is_empty()));
    assert!(notes.migrations[1].down.is_some());
    assert!(notes.migrations[2].seeds);
    assert!(notes.migrations[2].up.contains("'später\nirgendwann'"));
    assert!(embedded("plain").migrations[1].up.contains("'two\nlines'"));
    assert!(!embedded("sqlx").migrations[1].transaction);
    for name in ["sqlx", "diesel", "goose"] {
        assert!(embedded(name).migrations[0].down.is_some(), "{name}");
    }
}

#[test]
fn it_is_an_expression() {
    let history: &'static History = {
        // Names of the app's own do not get into the macro.
        #[derive(Debug)]
        struct Migration;
        let _ = Migration;
        whimbrel::embed!("../../testdata/embed/plain")
    };
    assert_eq!(history.migrations.len(), 2);
    let folder = whimbrel::embed!("../../testdata/embed/refinery");
    assert_eq!(folder.newest(), 10);
}
