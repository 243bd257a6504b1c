//! `whimbrel push`: what is done, what is asked for, and what is left alone.

use snapbox::str;

use crate::support::{Case, NOTES};

#[test]
fn a_missing_database_is_created() {
    let case = Case::new().file("notes.sql", NOTES);
    case.run("push --db new.db --schema notes.sql")
        .code(0)
        .stdout_eq(str![[r#"
new.db → notes.sql    SQLite [VERSION], new database

  + table users (id, mail)
  + table notes (id, user_id, body)
  + index notes_user (user_id)

3 changes, one transaction. Nothing is lost.
Done in [TIME]: 3 changes.

"#]])
        .stderr_eq("");
    assert_eq!(case.names(), ["new.db", "notes.sql"]);
    case.run_untouched("push --db new.db --schema notes.sql").code(0).stdout_eq("No changes.\n").stderr_eq("");
}

#[test]
fn every_row_is_kept_and_the_second_time_there_is_nothing_to_do() {
    let next =
        NOTES.replace("mail TEXT", "mail TEXT,\n  age INTEGER DEFAULT 3").replace("body TEXT", "body TEXT UNIQUE");
    let case = Case::with_notes().file("next.sql", next);
    case.run("push --db app.db --schema next.sql")
        .code(0)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users
      + age INTEGER DEFAULT 3  in place
  ~ notes                      rebuild: 3 rows, 12 kB
      + UNIQUE (body)
      rebuild: SQLite cannot add a UNIQUE constraint in place
      UNIQUE (body): all 3 rows fit

2 changes, one transaction. Nothing is lost. 12 kB of free disk needed.
Done in [TIME]: 2 changes, 3 rows written again.

"#]])
        .stderr_eq("");
    case.run_untouched("push --db app.db --schema next.sql").code(0).stdout_eq("No changes.\n");
    assert_eq!(
        case.query("app.db", "SELECT group_concat(id || ':' || ifnull(mail, '-') || ':' || age) FROM users"),
        "1:ada@example.org:3,7:-:3"
    );
    assert_eq!(
        case.query("app.db", "SELECT group_concat(id || ':' || user_id || ':' || ifnull(body, '-')) FROM notes"),
        "3:1:it's,9:7:-,12:7:-"
    );
    assert_eq!(case.query("app.db", "SELECT seq FROM sqlite_sequence"), "12");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%whimbrel%'"), "0");
    assert_eq!(case.names(), ["app.db", "next.sql", "notes.sql"]);
}

#[test]
fn nothing_is_written_in_any_journal_mode_where_there_is_nothing_to_do() {
    for mode in ["DELETE", "TRUNCATE", "PERSIST", "WAL"] {
        let case = Case::with_notes()
            .database("app.db", &format!("PRAGMA journal_mode = {mode}; UPDATE users SET mail = 'x';"));
        let before = std::fs::read(case.path("app.db")).expect("the database");
        let names = || {
            let entries = std::fs::read_dir(case.path("app.db").parent().expect("a folder")).expect("the folder");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
            names.sort();
            names
        };
        let files = names();
        case.run("plan --db app.db --schema notes.sql").code(0).stdout_eq("No changes.\n");
        case.run("push --db app.db --schema notes.sql").code(0).stdout_eq("No changes.\n");
        assert!(std::fs::read(case.path("app.db")).expect("the database") == before, "{mode}");
        assert_eq!(names(), files, "{mode}: nothing is left beside the database");
    }
}

#[test]
fn a_rename_is_said_on_the_command_line() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("mail TEXT", "email TEXT"));
    case.run("push --db app.db --schema next.sql --rename users.mail=email")
        .code(0)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users
      ~ mail → email  renamed  in place

1 change, one transaction. Nothing is lost.
Done in [TIME]: 1 change.

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT email FROM users WHERE id = 1"), "ada@example.org");
    // Scripts repeat themselves.
    case.run_untouched("push --db app.db --schema next.sql --rename users.mail=email")
        .code(0)
        .stdout_eq("No changes.\n");
}

#[test]
fn names_with_dots_quotes_and_equals_signs_can_be_renamed() {
    let case = Case::new()
        .database("app.db", r#"CREATE TABLE "a.b"("c=d" TEXT, "e""f" TEXT); INSERT INTO "a.b" VALUES (1, 2);"#)
        .file("next.sql", r#"CREATE TABLE "a.b"("x=y" TEXT, "e""f" TEXT);"#);
    case.run_untouched("push --db app.db --schema next.sql").code(4).stderr_eq(str![[r#"
error[W0201]: a.b.c=d is gone, and it cannot be told whether it was renamed
  = note: app.db is unchanged
  = help: if a.b.c=d was renamed: --rename '"a.b"."c=d"="x=y"'
  = help: if what is gone is to be dropped, and what is new is new: --accept-data-loss

"#]]);
    case.run(r#"push --db app.db --schema next.sql --rename "a.b"."c=d"="x=y""#).code(0);
    assert_eq!(case.query("app.db", r#"SELECT "x=y" FROM "a.b""#), "1");
}

#[test]
fn acceptance_answers_what_is_open_and_says_so() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("mail TEXT", "email TEXT"));
    case.run("push --db app.db --schema next.sql --accept-data-loss")
        .code(0)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users
      + email TEXT  in place
      - mail        in place
      ! data loss: column users.mail, 1 row

1 change, one transaction. Lost: column users.mail (1 row). 4.1 kB of free disk needed.
note: users.mail is dropped, because of --accept-data-loss; if it was renamed, say --rename users.mail=email
Done in [TIME]: 1 change.

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT email FROM users WHERE id = 1"), "NULL");
}

#[test]
fn acceptance_does_not_overrule_a_rename() {
    let next = NOTES.replace("mail TEXT", "email TEXT").replace("body TEXT", "text TEXT");
    let case = Case::with_notes().file("next.sql", next);
    case.run("push --db app.db --schema next.sql --accept-data-loss --rename users.mail=email --quiet")
        .code(0)
        .stdout_eq("")
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT email FROM users WHERE id = 1"), "ada@example.org");
    assert_eq!(case.query("app.db", "SELECT count(text) FROM notes"), "0");
}

#[test]
fn backups_are_made_and_pruned() {
    let case = Case::with_notes();
    case.run("push --db app.db --schema notes.sql --backup").code(0).stdout_eq("No changes.\n");
    assert_eq!(case.names(), ["app.db", "notes.sql"], "no backup where nothing is done");
    let mut case = case;
    for n in 0..4 {
        case = case.file("next.sql", format!("{NOTES}CREATE VIEW v{n} AS SELECT {n};"));
        case.run("push --db app.db --schema next.sql --accept-data-loss --backup --keep 2").code(0);
    }
    assert_eq!(case.names().iter().filter(|name| name.contains(".backup-")).count(), 2);
    case.run("push --db app.db --schema next.sql --keep 0").code(2).stderr_eq(str![[r#"
error[W0601]: invalid value '0' for '--keep <NUMBER>': at least the backup that is made has to be kept

For more information, try '--help'.

"#]]);
}

#[test]
fn a_backup_is_named() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE VIEW v AS SELECT 1;"));
    case.run("push --db app.db --schema next.sql --backup").code(0).stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  + view v

1 change, one transaction. Nothing is lost.
Backup: app.db.backup-[STAMP]
Done in [TIME]: 1 change.

"#]]);
}

#[test]
fn a_new_database_needs_no_backup() {
    let case = Case::new().file("notes.sql", NOTES);
    case.run("push --db new.db --schema notes.sql --backup --quiet").code(0).stdout_eq("").stderr_eq("");
    assert_eq!(case.names(), ["new.db", "notes.sql"]);
}

#[test]
fn verbose_tells_every_step() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    case.run("push --db app.db --schema next.sql --verbose").code(0).stderr_eq("  tags: create  [MS]\n");
}

#[test]
fn the_database_is_named_by_url_and_by_variable() {
    let case = Case::with_notes();
    case.run_untouched("push --db sqlite:app.db --schema notes.sql").code(0).stdout_eq("No changes.\n");
    let absolute = format!("sqlite://{}", case.path("app.db").display());
    case.command("plan --schema notes.sql --db").arg(&absolute).assert().code(0).stdout_eq("No changes.\n");
    case.command("plan --schema notes.sql").env("WHIMBREL_DB", "app.db").assert().code(0).stdout_eq("No changes.\n");
    // The option goes before the variable, and an empty variable is none.
    case.command("plan --schema notes.sql --db app.db")
        .env("WHIMBREL_DB", "no.db")
        .assert()
        .code(0)
        .stdout_eq("No changes.\n");
    case.command("plan --schema notes.sql").env("WHIMBREL_DB", "").assert().code(2).stderr_eq(str![[r#"
error[W0601]: no database is named
  = help: name it with --db app.db, in WHIMBREL_DB, or as `db = "app.db"` in whimbrel.toml

"#]]);
}
