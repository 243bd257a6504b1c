//! What the release is tried with before it goes out: every upgrade that a device may make, with rows.

use whimbrel::testing::Verifier;

use super::{Failure, MIGRATIONS, with_steps};

#[test]
fn a_text_becomes_title_body_and_tags() -> Result<(), Failure> {
    let verifier = Verifier::new(MIGRATIONS).migrator(with_steps);
    let mut db = verifier.start_at(1)?;
    db.execute("INSERT INTO notes(text) VALUES (?1)", ["Count the waders #birds\nat low tide\nwith Ann"])?;
    verifier.migrate_and_validate(&mut db, 5)?;
    let row = |sql: &str| db.query_row(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    assert_eq!(
        row("SELECT title, body FROM notes")?,
        ("Count the waders #birds".into(), "at low tide\nwith Ann".into())
    );
    assert_eq!(row("SELECT name, title FROM tags JOIN notes ON note_id = id")?.0, "birds");
    Ok(())
}

#[test]
fn every_upgrade() -> Result<(), Failure> {
    let verifier = Verifier::new(MIGRATIONS)
        .migrator(with_steps)
        // Rows as users have them, besides those that are made up.
        .fixture(1, |db| Ok(db.execute_batch("INSERT INTO notes(text) VALUES (''), ('#a #a ##'), ('one line')")?))
        .fixture(3, |db| Ok(db.execute_batch("INSERT INTO notes(body) VALUES (char(10) || 'no title')")?));
    let report = verifier.verify_all()?;
    assert!(report.is_ok(), "{report}");
    Ok(())
}
