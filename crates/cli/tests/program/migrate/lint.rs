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
  = safer: write the .down.sql, or say `-- whimbrel: irreversible` at the top where that is meant

warning[L05]: migrations/0004_tidy.sql:4: this UPDATE writes every row of users
  = without WHERE it writes every row that users have, and holds the database for as long as that takes
  = safer: say with WHERE which rows are meant; many rows are better written by a `-- whimbrel: backfill`, in portions

4 migrations: 2 warnings.

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

/// Another tool's folder says in its journal that it is for PostgreSQL. It sets no limit on waiting for locks.
#[test]
fn a_server_is_judged_by_its_own_rules() {
    let journal = r#"{"version":"7","dialect":"postgresql","entries":[
        {"idx":0,"version":"7","when":1,"tag":"0000_start"},{"idx":1,"version":"7","when":2,"tag":"0001_owner"}]}"#;
    let case = Case::new()
        .file("migrations/meta/_journal.json", journal)
        .file("migrations/0000_start.sql", "CREATE TABLE notes (id serial PRIMARY KEY, owner text);")
        .file("migrations/0001_owner.sql", "CREATE INDEX notes_owner ON notes (owner);\nCOMMIT;\n");
    case.run_untouched("migrate lint").code(0).stdout_eq(str![[r#"
advice[P34]: migrations/0000_start.sql:1: notes.id is serial, which runs out
  = an integer key runs out after two thousand million rows, deleted ones included, and making it larger writes the table and all that refer to it anew; a serial is a default on a sequence with rights of its own
  = safer: bigint GENERATED ALWAYS AS IDENTITY

warning[P01]: migrations/0001_owner.sql:1: this index on notes is built while nobody can write the table
  = lock: SHARE, and writes wait
  = the table cannot be written while the index is built, which takes as long as reading and sorting all of it
  = safer: CREATE INDEX CONCURRENTLY, with `-- whimbrel: alone` before it; for a partitioned table make it ON ONLY the table, CONCURRENTLY on each partition, and attach those

warning[P22]: migrations/0001_owner.sql:1: the lock on notes is waited for without a limit
  = lock: SHARE, and writes wait
  = the statement waits until all queries that use the table are done, and everybody who comes after waits behind it, however short the statement itself is
  = safer: SET lock_timeout = '2s' before it, and try again; SET statement_timeout for statements that may take long

error[P29]: migrations/0001_owner.sql:2: COMMIT stands in a transaction
  = PostgreSQL has no transaction within a transaction: BEGIN only warns, and COMMIT ends the one that the migration runs in, so that a failure afterwards leaves half of it behind
  = safer: leave BEGIN and COMMIT out; where the transaction is to end, `-- whimbrel: phase <name>` begins another one

2 migrations: 1 error, 2 warnings, 1 of advice.

"#]]).stderr_eq("");
    for (deny, only, code) in [
        ("", "2", 0),
        (" --deny", "1", 4),
        (" --deny=warning", "1", 0),
        (" --deny=warning", "2", 4),
        (" --deny=error", "2", 4),
    ] {
        case.run_untouched(&format!("migrate lint --quiet{deny} {only}")).code(code).stdout_eq("");
    }
    case.run_untouched("migrate lint --deny=all").code(2);
    let value = case.json("migrate lint", 0);
    let finding = value["findings"].as_array().and_then(|all| all.iter().find(|finding| finding["code"] == "P01"));
    let finding = finding.expect("the index is told");
    assert_eq!(
        (&finding["level"], &finding["lock"], &finding["blocks"]),
        (&"warning".into(), &"SHARE".into(), &"writes".into())
    );
    assert_eq!(value["findings"][0]["lock"], serde_json::Value::Null);
}
