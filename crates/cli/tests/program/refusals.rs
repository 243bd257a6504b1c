//! What is refused with status 4, before anything is written.

use snapbox::str;

use crate::support::{Case, NOTES};

#[test]
fn a_loss() {
    let case = Case::with_notes().file("next.sql", "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT);");
    case.run_untouched("push --db app.db --schema next.sql").code(4).stderr_eq(str![[r#"
error[W0202]: this would lose table notes (3 rows)
  = note: app.db is unchanged
  = help: say --accept-data-loss if that is meant
  = help: keep a table out of sight with --ignore <pattern>

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --yes --quiet").code(4).stdout_eq("");
    case.run("push --db app.db --schema next.sql --accept-data-loss --quiet").code(0).stdout_eq("").stderr_eq("");
}

#[test]
fn an_open_question() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("mail TEXT", "email TEXT,\n  phone TEXT"));
    case.run_untouched("push --db app.db --schema next.sql")
        .code(4)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users
      + email TEXT
      + phone TEXT
      - mail

1 change, one transaction. It depends on 1 answer.

"#]])
        .stderr_eq(str![[r#"
error[W0201]: users.mail is gone, and it cannot be told whether it was renamed
  = note: app.db is unchanged
  = help: if users.mail was renamed: --rename users.mail=email
  = help: if users.mail was renamed: --rename users.mail=phone
  = help: if what is gone is to be dropped, and what is new is new: --accept-data-loss

"#]]);
}

#[test]
fn several_open_questions() {
    let next =
        NOTES.replace("mail TEXT", "email TEXT").replace("TABLE notes", "TABLE texts").replace("ON notes", "ON texts");
    let case = Case::with_notes().file("next.sql", next);
    case.run_untouched("push --db app.db --schema next.sql").code(4).stderr_eq(str![[r#"
error[W0201]: 2 things are gone, and it cannot be told whether they were renamed
  = note: app.db is unchanged
  = help: if notes was renamed: --rename notes=texts
  = help: if users.mail was renamed: --rename users.mail=email
  = help: if what is gone is to be dropped, and what is new is new: --accept-data-loss

"#]]);
}

#[test]
fn rows_without_a_value() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("body TEXT", "body TEXT NOT NULL"));
    case.run_untouched("push --db app.db --schema next.sql")
        .code(4)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ notes  rebuild: 3 rows, 8.2 kB
      ~ body NULL → NOT NULL
      rebuild: rows without a value need one

1 change, one transaction. Nothing is lost. 8.2 kB of free disk needed. It cannot run as it stands.

"#]])
        .stderr_eq(str![[r#"
error[W0203]: 2 rows of notes have no value for body, which is NOT NULL
 --> next.sql:8:3
  |
8 |   body TEXT NOT NULL
  |   ^^^^^^^^^^^^^^^^^^ 2 rows have NULL here
  |
  = note: app.db is unchanged
  = help: give them a value with `-- whimbrel: backfill <expression>` on this line, or a DEFAULT
  = help: see their keys with --show-rows

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --show-rows").code(4).stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ notes  rebuild: 3 rows, 8.2 kB
      ~ body NULL → NOT NULL
      rebuild: rows without a value need one

warning: keys of the rows of notes: 9; 12

1 change, one transaction. Nothing is lost. 8.2 kB of free disk needed. It cannot run as it stands.

"#]]);
}

#[test]
fn rows_that_violate_a_check() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("body TEXT", "body TEXT CHECK (body NOT LIKE 'it%')"));
    case.run_untouched("push --db app.db --schema next.sql").code(4).stderr_eq(str![[r#"
error[W0204]: 1 row of notes does not fit CHECK (body NOT LIKE 'it%')
 --> next.sql:8:3
  |
8 |   body TEXT CHECK (body NOT LIKE 'it%')
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 row does not fit this
  |
  = note: app.db is unchanged
  = help: change or delete these rows first; see their keys with --show-rows

"#]]);
}

#[test]
fn rows_that_are_not_unique() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("INDEX notes_user", "UNIQUE INDEX notes_user"));
    case.run_untouched("push --db app.db --schema next.sql").code(4).stderr_eq(str![[r#"
error[W0204]: 1 group of equal rows of notes violates UNIQUE index notes_user
  --> next.sql:10:21
   |
10 | CREATE UNIQUE INDEX notes_user ON notes (user_id);
   |                     ^^^^^^^^^^ 1 group of equal rows violates this
   |
   = note: app.db is unchanged
   = help: change or delete these rows first; see their keys with --show-rows

"#]]);
}

#[test]
fn rows_that_refer_to_nothing() {
    let case = Case::new()
        .database(
            "app.db",
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INTEGER); INSERT INTO c VALUES (5);",
        )
        .file("next.sql", "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INTEGER REFERENCES p(id));");
    case.run_untouched("push --db app.db --schema next.sql").code(4).stderr_eq(str![[r#"
error[W0204]: 1 row of c does not fit FOREIGN KEY (p) REFERENCES p
 --> next.sql:1:66
  |
1 | CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INTEGER REFERENCES p(id));
  |                                                                  ^^^^^^^^^^^^^^^^ 1 row does not fit this
  |
  = note: app.db is unchanged
  = help: change or delete these rows first; see their keys with --show-rows

"#]]);
}
