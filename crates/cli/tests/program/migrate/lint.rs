//! `lint`.

use rusqlite::Connection;
use snapbox::str;

use super::plain;
use crate::support::Case;

#[test]
fn findings_are_told_with_their_place() {
    let case = plain().file(
        "migrations/0004_tidy.sql",
        "-- whimbrel: lint-ignore L05\nDELETE FROM notes;\n\nUPDATE users\n   SET mail = lower(mail);\n",
    );
    case.run_untouched("migrate lint")
        .code(0)
        .stdout_eq(str![[r#"
warning[L02]: migrations/0004_tidy.sql:2: 0004_tidy has no .down.sql
  = a database that has run it cannot go back behind it, while the others of the folder can be undone
  = write the .down.sql, or say `-- whimbrel: irreversible` at the top where that is meant

warning[L05]: migrations/0004_tidy.sql:4: this UPDATE writes every row of users
  = without WHERE it writes every row that users have, and holds the database for as long as that takes
  = say with WHERE which rows are meant; many rows are better written by a `-- whimbrel: backfill`, in portions

4 migrations: 2 findings.

"#]])
        .stderr_eq("");
    case.run_untouched("migrate lint --deny --quiet").code(4).stdout_eq("");
    case.run_untouched("migrate lint 3 --deny").code(0).stdout_eq(str![[r#"
4 migrations: nothing to say.

"#]]);
    case.run_untouched("migrate lint --after 4 --deny").code(0);
    let value = case.json("migrate lint", 0);
    let finding = &value["findings"][1];
    assert_eq!((&finding["code"], &finding["line"]), (&"L05".into(), &4.into()));
    assert_eq!(finding["file"], "migrations/0004_tidy.sql");
    // What silences a finding does not keep the script from running.
    case.run("migrate apply --db app.db --quiet").code(0);
}

/// L03 tells what SQLite itself does: it adds such a column to an empty table only.
#[test]
fn columns_for_empty_tables_as_sqlite_sees_them() {
    for column in [
        "b TEXT NOT NULL",
        "b NOT NULL DEFAULT NULL",
        "b TEXT NOT NULL DEFAULT (NULL)",
        "b DEFAULT CURRENT_TIMESTAMP",
        "b DEFAULT (datetime('now'))",
        "b DEFAULT (1 + 1)",
        "b INTEGER NOT NULL DEFAULT 0",
        "b INTEGER NOT NULL DEFAULT -1",
        "b DEFAULT (-1)",
        "b NOT NULL DEFAULT ('x')",
        "b DEFAULT (true)",
        "b TEXT",
        "b NOT NULL AS (a + 1)",
    ] {
        let sql = format!("ALTER TABLE t ADD COLUMN {column};");
        let db = Connection::open_in_memory().expect("a database");
        db.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1);").expect("a table");
        let is_refused = db.execute_batch(&sql).is_err();
        let case = Case::new().file("migrations/1.sql", "CREATE TABLE t(a);").file("migrations/2.sql", &sql);
        let found = case.json("migrate lint", 0)["findings"].as_array().map(Vec::len);
        assert_eq!(found, Some(usize::from(is_refused)), "{column}");
    }
}
