use whimbrel::history::Checksum;
use whimbrel::testing::{CheckKind, Outcome, Verification, Verifier};
use whimbrel::{Code, History, Migration, Migrator, Transactions};

use super::support::{forward, found, history, one, with_snapshot, with_snapshot_of};

const START: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT);";

fn verify(history: &History) -> Verification {
    Verifier::new(history).verify_all().unwrap()
}

/// What a second migration does wrong to [`START`].
fn failures_of(second: &str) -> Vec<String> {
    found(&verify(&forward(&[START, second])), Outcome::Failed)
}

#[test]
fn a_rebuild_that_forgets_the_rows() {
    let second =
        "CREATE TABLE n(id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT); DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let text = "the rows of t are gone: nothing copies them into the table that takes its place";
    assert_eq!(
        failures_of(second),
        [
            format!("upgrade 1 2 t: {text} (6 rows before, 0 after)"),
            format!("step by step 1 2 t: at 1 to 2: {text} (2 rows before, 0 after)"),
        ]
    );
}

#[test]
fn a_rebuild_that_takes_columns_for_one_another() {
    let second = "CREATE TABLE n(id INTEGER PRIMARY KEY, b TEXT, a TEXT); INSERT INTO n SELECT * FROM t; DROP TABLE t;
                  ALTER TABLE n RENAME TO t;";
    let failures = failures_of(second);
    assert_eq!(failures[0], "upgrade 1 2 t.b: values of t.b are others than before, and no statement writes them");
}

#[test]
fn a_conflict_clause_that_takes_rows_with_it() {
    let first = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE ON CONFLICT REPLACE);";
    let second = "UPDATE t SET a = 'same';";
    let report = verify(&forward(&[first, second]));
    let failures = found(&report, Outcome::Failed);
    assert_eq!(failures[0], "upgrade 1 2 t: rows of t are gone (5 rows before, 1 after)", "{report}");
}

#[test]
fn a_step_of_the_app_that_loses_rows() {
    let history = forward(&[START, "CREATE TABLE u(a TEXT);"]);
    fn with_steps(migrator: Migrator<'_>) -> Migrator<'_> {
        // Should move rows, and moves those with a value only.
        migrator.after(2, |tx| {
            tx.execute_batch("INSERT INTO u SELECT a FROM t WHERE id > 2; DELETE FROM t;")?;
            Ok(())
        })
    }
    let report = Verifier::new(&history).migrator(with_steps).verify_all().unwrap();
    let failures = found(&report, Outcome::Failed);
    assert_eq!(failures[0], "upgrade 1 2 t: rows of t are gone (6 rows before, 0 after)");
    let error = report.into_result().unwrap_err();
    assert_eq!((error.code(), error.report().object.as_deref()), (Code::NotVerified, Some("t")));
    assert_eq!(error.to_string(), "[W0721] upgrade 1 to 2: rows of t are gone (6 rows before, 0 after); and 1 more");
    // Said to be on purpose.
    let report = Verifier::new(&history).migrator(with_steps).may_change("t").verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
}

#[test]
fn rows_that_go_on_purpose_are_told() {
    let second = "DELETE FROM t WHERE id > 4; CREATE TABLE u(a TEXT); INSERT INTO u SELECT a FROM t;";
    let report = verify(&forward(&[START, second]));
    assert!(report.is_ok(), "{report}");
    assert_eq!(
        found(&report, Outcome::Noted),
        ["upgrade 1 2 t: t has fewer rows: 0002_m2 deletes from it (6 rows before, 4 after)"]
    );
}

#[test]
fn a_way_back_that_leads_elsewhere() {
    let history = history(&[
        (START, None),
        ("ALTER TABLE t ADD c TEXT; CREATE INDEX i ON t(a);", Some("ALTER TABLE t DROP COLUMN c;")),
        ("ALTER TABLE t ADD d TEXT;", Some("ALTER TABLE t DROP COLUMN d;")),
    ]);
    let report = verify(&history);
    let failed: Vec<_> = report.failures().map(|check| (check.kind, check.from, check.to)).collect();
    assert_eq!(failed, [(CheckKind::DownAndUp, Some(2), 1), (CheckKind::DownAndUp, Some(3), 1)], "{report}");
    assert!(report.failures().all(|check| check.detail().contains("index i")), "{report}");
}

#[test]
fn a_way_back_that_loses_rows_without_a_word() {
    let back = "CREATE TABLE n(id INTEGER PRIMARY KEY, a TEXT, b TEXT); DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let report = verify(&history(&[(START, None), ("ALTER TABLE t ADD c TEXT;", Some(back))]));
    assert_eq!(
        found(&report, Outcome::Failed),
        ["down and up 2 1 t: the rows of t are gone: nothing copies them into the table that takes its place \
             (6 rows before, 0 after)"]
    );
    // What it says that it loses is no failure.
    let back = "ALTER TABLE t DROP COLUMN c; DROP TABLE u; DELETE FROM t WHERE id > 5;";
    let report = verify(&history(&[(START, None), ("ALTER TABLE t ADD c TEXT; CREATE TABLE u(a);", Some(back))]));
    assert!(report.is_ok(), "{report}");
    assert_eq!(
        found(&report, Outcome::Noted),
        ["down and up 2 1 t: t has fewer rows: the way back of 0002_m2 deletes from it (6 rows before, 5 after)"]
    );
}

#[test]
fn a_stale_snapshot() {
    let scripts = [START, "ALTER TABLE t ADD c TEXT; CREATE INDEX i ON t(a);"];
    let history = with_snapshot_of(forward(&scripts), &format!("{START} CREATE TABLE old(a);"));
    let report = verify(&history);
    // Once, and not for every upgrade.
    let failures = found(&report, Outcome::Failed);
    assert_eq!(failures.len(), 3, "{report}");
    assert!(failures.iter().all(|failure| failure.starts_with("snapshot 2 ")), "{report}");
    assert!(
        failures.iter().any(|f| f.contains("index i") && f.contains("the folder's snapshot is not what")),
        "{report}"
    );
    assert!(failures.iter().any(|failure| failure.contains("table old")), "{report}");
    assert!(verify(&with_snapshot(forward(&scripts))).is_ok());
}

#[test]
fn a_snapshot_without_the_rows_that_migrations_leave() {
    let scripts = [START, "INSERT INTO t(a) VALUES ('always there');"];
    assert!(verify(&with_snapshot(forward(&scripts))).is_ok());
    let mut history = with_snapshot(forward(&scripts));
    history.migrations.to_mut().iter_mut().for_each(|migration| migration.seeds = false);
    assert_eq!(
        found(&verify(&history), Outcome::Failed),
        ["new database 2 t: t has not the rows that the migrations leave in it (1 row before, 0 after)"]
    );
}

#[test]
fn a_table_that_only_a_step_makes() {
    let history = with_snapshot(forward(&[START, "ALTER TABLE t ADD c TEXT;"]));
    let report = Verifier::new(&history)
        .migrator(|migrator| migrator.after(2, |tx| Ok(tx.execute_batch("CREATE TABLE made(a)")?)))
        .verify_all()
        .unwrap();
    let failures = found(&report, Outcome::Failed);
    assert_eq!(failures.len(), 1, "{report}");
    assert!(failures[0].starts_with("new database 2 table made"), "{report}");
}

#[test]
fn a_squashed_migration_that_makes_something_else() {
    let old = forward(&["CREATE TABLE t(a TEXT)", "ALTER TABLE t ADD b TEXT NOT NULL DEFAULT ''"]);
    let up = "CREATE TABLE t(a TEXT, b TEXT)";
    let squashed = Migration {
        up: up.into(),
        replaces: old.migrations.to_vec().into(),
        checksum: Checksum::of_script(whimbrel::Dialect::Sqlite, up).unwrap(),
        ..old.migrations[1].clone()
    };
    let report = verify(&History::new(vec![squashed], None));
    assert!(report.failures().any(|check| check.kind == CheckKind::Squash), "{report}");
}

#[test]
fn rows_that_the_newer_version_does_not_take_are_refused_and_nothing_is_lost() {
    let second = "CREATE UNIQUE INDEX one_each ON t(a);";
    let report = verify(&forward(&[START, second]));
    assert!(report.is_ok(), "{report}");
    let refused = found(&report, Outcome::Refused);
    assert_eq!(
        refused[0],
        "upgrade 1 2 0002_m2: rows that the older version allows do not fit: [W0204] 0002_m2.sql: rows do not fit \
         (0002_m2.sql:1:1): UNIQUE constraint failed: t.a"
    );
    // With ordinary rows it was tried all the same, and those are compared.
    let second = "CREATE UNIQUE INDEX one_each ON t(a); CREATE TABLE n(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT);
                  DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let report = verify(&forward(&[START, second]));
    let upgrade = report.checks.iter().find(|check| check.kind == CheckKind::Upgrade).unwrap();
    let outcomes: Vec<_> = upgrade.findings.iter().map(|finding| finding.outcome).collect();
    assert_eq!(
        (upgrade.outcome, outcomes.as_slice()),
        (Outcome::Failed, [Outcome::Refused, Outcome::Failed].as_slice())
    );
}

#[test]
fn rows_of_the_apps_own_must_get_through() {
    let history = forward(&[START, "CREATE UNIQUE INDEX one_each ON t(a);"]);
    let twins = |db: &rusqlite::Connection| Ok(db.execute_batch("INSERT INTO t(a) VALUES ('x'), ('x')")?);
    let report = Verifier::new(&history).fixture(1, twins).verify_all().unwrap();
    let failures = found(&report, Outcome::Failed);
    assert_eq!(failures.len(), 2, "{report}");
    assert!(failures[0].starts_with("upgrade 1 2 ") && failures[0].contains("W0204"), "{report}");
    // A fixture that does not fit its own version.
    let wrong = |db: &rusqlite::Connection| Ok(db.execute_batch("INSERT INTO t(nothing) VALUES (1)")?);
    let report = Verifier::new(&history).fixture(2, wrong).verify_all().unwrap();
    let failures = found(&report, Outcome::Failed);
    assert!(
        failures[0].starts_with("create 2 ") && failures[0].contains("the fixture of version 2 failed"),
        "{report}"
    );
    let error = Verifier::new(&history).fixture(3, twins).verify_all().unwrap_err();
    assert_eq!(error.code(), Code::UnknownMigration);
}

#[test]
fn tables_that_are_refused_are_left_out_and_the_others_are_compared() {
    let first = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE jobs(id INTEGER PRIMARY KEY, what TEXT);";
    let second = "CREATE TABLE n(id INTEGER PRIMARY KEY, what TEXT, owner TEXT NOT NULL);
                  INSERT INTO n(id, what) SELECT id, what FROM jobs; DROP TABLE jobs; ALTER TABLE n RENAME TO jobs;
                  CREATE TABLE m(id INTEGER PRIMARY KEY, a TEXT); DROP TABLE t; ALTER TABLE m RENAME TO t;";
    let report = verify(&forward(&[first, second]));
    let refused = found(&report, Outcome::Refused);
    assert!(refused[0].ends_with("NOT NULL constraint failed: n.owner; tried without rows in jobs"), "{report}");
    let failures = found(&report, Outcome::Failed);
    assert!(failures[0].starts_with("upgrade 1 2 t: the rows of t are gone"), "{report}");
}

#[test]
fn a_migration_that_stops_between_its_phases() {
    let second = "ALTER TABLE t ADD c TEXT;\n-- whimbrel: phase second\nCREATE UNIQUE INDEX one_each ON t(b);";
    let report = verify(&forward(&[START, second]));
    let failures = found(&report, Outcome::Failed);
    assert!(failures[0].ends_with("and the database is left in the middle of a migration"), "{report}");
    // Each migration by itself: a refusal leaves the version before, and that is a version.
    let history = forward(&[START, "ALTER TABLE t ADD c TEXT;", "CREATE UNIQUE INDEX one_each ON t(b);"]);
    let report =
        Verifier::new(&history).migrator(|migrator| migrator.transactions(Transactions::Each)).verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
    assert!(report.refusals().any(|check| (check.from, check.to) == (Some(1), 3)), "{report}");
}

#[test]
fn a_start_that_writes_every_time() {
    let history = forward(&[START, "CREATE TABLE starts(n);"]);
    let report = Verifier::new(&history)
        .migrator(|migrator| {
            migrator.before_open(|db, _| {
                let _ = db.execute_batch("INSERT INTO starts VALUES (1)");
                Ok(())
            })
        })
        .may_change("t")
        .verify_all()
        .unwrap();
    let failures = found(&report, Outcome::Failed);
    assert!(failures.iter().any(|f| f == "twice over 1 2 starts: a second start changes rows of starts"), "{report}");
}

#[test]
fn a_migration_that_fails_on_an_empty_database() {
    let history = forward(&[START, "ALTER TABLE t ADD c TEXT;", "ALTER TABLE missing ADD d;", "CREATE TABLE u(a);"]);
    let report = verify(&history);
    assert_eq!(report.versions, [1, 2], "the versions before are tried");
    let failures = found(&report, Outcome::Failed);
    assert_eq!(failures.len(), 1, "{report}");
    assert!(
        failures[0].starts_with("create 3 0003_m3: [W0305] 0003_m3.sql: a statement failed (0003_m3.sql:1:1)"),
        "{report}"
    );
    // What cannot even be read ends it all.
    let commit = Migration { idx: 1, path: "1.sql".into(), up: "COMMIT; SELECT 1".into(), ..Migration::default() };
    let error = Verifier::new(&History::new(vec![commit], None)).verify_all().unwrap_err();
    assert_eq!(error.code(), Code::MigrationScript);
}

#[test]
fn one_upgrade_that_goes_wrong() {
    let second = "CREATE TABLE n(id INTEGER PRIMARY KEY, a TEXT, b TEXT); DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let history = forward(&[START, second, "CREATE UNIQUE INDEX one_each ON t(a);"]);
    let verifier = Verifier::new(&history);
    let mut db = verifier.start_at(1).unwrap();
    db.execute_batch("INSERT INTO t(a) VALUES ('secret'), ('secret')").unwrap();
    let error = verifier.migrate_and_validate(&mut db, 2).unwrap_err();
    assert_eq!((error.code(), error.report().object.as_deref()), (Code::NotVerified, Some("t")));
    assert!(error.to_string().contains("upgrade 1 to 2: the rows of t are gone"), "{error}");
    // The upgrade's own failures are given as they are.
    db.execute_batch("INSERT INTO t(a) VALUES ('secret'), ('secret')").unwrap();
    let error = verifier.migrate_and_validate(&mut db, 3).unwrap_err();
    assert_eq!((error.code(), error.report().migration.as_deref()), (Code::RowsDoNotFit, Some("0003_m3")));
    assert!(!error.to_string().contains("secret"));
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM t"), 2);
}

#[test]
fn what_one_version_refuses_a_later_one_may_take() {
    let history = forward(&[
        "CREATE TABLE p(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER);",
        // Nothing says that every `p` stands for a row.
        "CREATE TABLE n(id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES p(id)); INSERT INTO n SELECT id, p + 1000000 FROM c;
         DROP TABLE c; ALTER TABLE n RENAME TO c;",
        "CREATE TABLE n(id INTEGER PRIMARY KEY, p INTEGER); INSERT INTO n SELECT id, p - 1000000 FROM c; DROP TABLE c;
         ALTER TABLE n RENAME TO c;",
    ]);
    let report = Verifier::new(&history).rows(2).verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
    let outcome =
        |kind, to| report.checks.iter().find(|c| c.kind == kind && c.to == to && c.from == Some(1)).unwrap().outcome;
    assert_eq!(outcome(CheckKind::Upgrade, 2), Outcome::Refused, "{report}");
    assert_eq!(outcome(CheckKind::Upgrade, 3), Outcome::Passed, "{report}");
    let walked = report.checks.iter().find(|c| c.kind == CheckKind::StepByStep).unwrap();
    let told: Vec<_> = walked.findings.iter().map(|finding| finding.outcome).collect();
    assert_eq!(told, [Outcome::Refused], "one refusal, and then it goes on: {report}");
}
