//! `generate`, `drop`, `squash`, `repair`, `rebase`: what is written into the folder.

use snapbox::str;

use super::{applied, problems};
use crate::support::Case;

const FIRST: &str = "CREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  mail TEXT\n);\n";
const SECOND: &str = "CREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  email TEXT,\n  age INTEGER\n);\n";

/// A folder with one generated migration.
fn first() -> Case {
    let case = Case::new().file("schema.sql", FIRST);
    generate(&case, "--name start");
    case
}

fn generate(case: &Case, options: &str) {
    case.command(&format!("migrate generate --schema schema.sql --quiet {options}"))
        .env("SOURCE_DATE_EPOCH", "1795253400")
        .assert()
        .code(0)
        .stdout_eq("")
        .stderr_eq("");
}

/// Several generated migrations: a table, a column, a table with a row of the author's.
fn several() -> Case {
    let case = first().file("schema.sql", FIRST.replace("mail TEXT", "mail TEXT,\n  age INTEGER"));
    generate(&case, "--name age");
    let text = case.text("schema.sql");
    let case = case.file("schema.sql", format!("{text}CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);\n"));
    generate(&case, "--name notes");
    case
}

#[test]
fn the_first_makes_the_folder() {
    let case = Case::new().file("schema.sql", FIRST);
    case.run("migrate generate --name start --schema schema.sql --dialect sqlite")
        .code(0)
        .stdout_eq(str![[r#"
  + table users
  lost on the way down: table users

  + migrations/0001_start.sql
  + migrations/0001_start.down.sql
  + migrations/meta/0001_snapshot.json
  + migrations/meta/_journal.json

Statements of your own go into migrations/0001_start.sql, where it says “Your data”. Then: whimbrel migrate repair
Try it out: whimbrel migrate verify

"#]])
        .stderr_eq("");
    assert_eq!(
        case.names_in("migrations"),
        ["0001_start.down.sql", "0001_start.sql", "meta/0001_snapshot.json", "meta/_journal.json"]
    );
    case.run_untouched("migrate generate --name start --schema schema.sql").code(0).stdout_eq("No changes.\n");
    case.run_untouched("migrate verify --quiet").code(0);
    case.run_untouched("migrate lint --deny --quiet").code(0);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let texts = || {
        let case = several();
        let names = case.names_in("migrations");
        names.iter().map(|name| (name.clone(), case.text(&format!("migrations/{name}")))).collect::<Vec<_>>()
    };
    assert_eq!(texts(), texts());
    assert!(texts().iter().any(|(_, text)| text.contains("\"when\":\"2026-11-21\"")));
}

#[test]
fn a_rename_needs_an_answer() {
    let case = applied_first().file("schema.sql", SECOND);
    case.run_untouched("migrate generate --name e-mail --schema schema.sql").code(4).stdout_eq("").stderr_eq(str![[
        r#"
error[W0201]: users.mail is gone, and it cannot be told whether it was renamed
  = help: if users.mail was renamed: --rename users.mail=email
  = help: if users.mail was renamed: --rename users.mail=age
  = help: if what is gone is to be dropped, and what is new is new: --accept-data-loss

"#
    ]]);
    let value = case.json("migrate generate --name e-mail --schema schema.sql", 4);
    assert_eq!(value["questions"][0]["renames"], serde_json::json!(["users.mail=email", "users.mail=age"]));
    case.run("migrate generate --name E-Mail! --schema schema.sql --rename users.mail=email").code(0).stdout_eq(str![
        [r#"
  table users: ~ mail → email
  table users: + age INTEGER
  lost on the way down: column users.age

  + migrations/0002_e-mail.sql
  + migrations/0002_e-mail.down.sql
  + migrations/meta/0002_snapshot.json
  + migrations/meta/_journal.json

Statements of your own go into migrations/0002_e-mail.sql, where it says “Your data”. Then: whimbrel migrate repair
Try it out: whimbrel migrate verify

"#]
    ]);
    case.run("migrate apply --db app.db --quiet").code(0);
    assert_eq!(case.query("app.db", "SELECT group_concat(ifnull(email, '-')) FROM users"), "ada@example.org,-");
    case.run("migrate down --db app.db --quiet").code(0);
    assert_eq!(case.query("app.db", "SELECT group_concat(ifnull(mail, '-')) FROM users"), "ada@example.org,-");
}

/// A database with rows that has run the first.
fn applied_first() -> Case {
    let case = first();
    case.run("migrate apply --db app.db --quiet").code(0);
    case.database("app.db", "INSERT INTO users VALUES (1, 'ada@example.org'), (7, NULL)")
}

#[test]
fn a_loss_needs_an_acceptance() {
    let case = applied_first().file("schema.sql", "CREATE TABLE users (\n  id INTEGER PRIMARY KEY\n);\n");
    case.run_untouched("migrate generate --schema schema.sql").code(4).stderr_eq(str![[r#"
error[W0202]: this would lose column users.mail
  = help: say --accept-data-loss if that is meant
  = help: the rows can be carried over in the migration's own place for data

"#]]);
    let value = case.json("migrate generate --schema schema.sql --accept-data-loss", 0);
    assert_eq!(value["losses"], serde_json::json!(["column users.mail"]));
    assert_eq!(value["migration"]["file"], "0002_alter-users.sql");
    let case = case.file("schema.sql", "CREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  name TEXT\n);\n");
    case.run("migrate drop --last --quiet").code(0);
    case.run("migrate generate --schema schema.sql --accept-data-loss")
        .code(0)
        .stdout_eq(str![[r#"
note: users.mail is dropped, because of --accept-data-loss; if it was renamed, say --rename users.mail=name
  table users: + name TEXT
  table users: - mail
  ! data loss: column users.mail
  lost on the way down: column users.name

  + migrations/0002_alter-users.sql
  + migrations/0002_alter-users.down.sql
  + migrations/meta/0002_snapshot.json
  + migrations/meta/_journal.json

Statements of your own go into migrations/0002_alter-users.sql, where it says “Your data”. Then: whimbrel migrate repair
Try it out: whimbrel migrate verify

"#]])
        .stderr_eq("");
}

/// Old and new stand side by side where the author's statements go.
#[test]
fn the_authors_own_statements_carry_rows_over() {
    let split = "CREATE TABLE users (id INTEGER PRIMARY KEY, first TEXT, last TEXT);\n";
    let case = Case::new().file("schema.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    generate(&case, "--name start");
    case.run("migrate apply --db app.db --quiet").code(0);
    let case = case.database("app.db", "INSERT INTO users VALUES (1, 'Ada Lovelace')").file("schema.sql", split);
    generate(&case, "--name names --accept-data-loss");
    let text = case.text("migrations/0002_names.sql");
    let place = "side by side: carry the rows over:\n";
    assert!(text.contains(place), "{text}");
    let own = "UPDATE users SET first = substr(name, 1, 3), last = substr(name, 5) WHERE name IS NOT NULL;\n";
    let case = case.edit("migrations/0002_names.sql", place, &format!("{place}\n{own}"));
    assert_eq!(problems(&case, 0), ["W0706 2 names"]);
    case.run("migrate repair").code(0).stdout_eq(str![[r#"
  + migrations/meta/_journal.json
0002_names is taken over as it is now.

"#]]);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    case.run("migrate apply --db app.db --quiet").code(0).stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT first || '/' || last FROM users"), "Ada/Lovelace");
    case.run_untouched("migrate verify --quiet").code(0).stderr_eq("");
}

#[test]
fn a_preview_writes_nothing() {
    let case = first().file("schema.sql", SECOND);
    // What stands in the scripts is tested where they are drafted.
    case.run_untouched("migrate generate --dry-run --schema schema.sql --rename users.mail=email --name e-mail")
        .code(0)
        .stdout_eq(
            "  table users: ~ mail → email\n  table users: + age INTEGER\n  lost on the way down: column users.age\n\n\
             -- migrations/0002_e-mail.sql\n...\nALTER TABLE users RENAME COLUMN mail TO email;\n...\n\
             -- migrations/0002_e-mail.down.sql\n...\nALTER TABLE users RENAME COLUMN email TO mail;\n...\n",
        )
        .stderr_eq("");
    let value = case.json("migrate generate --preview --schema schema.sql --rename users.mail=email", 0);
    assert_eq!(value["scripts"][0]["file"], "migrations/0002_alter-users.sql");
    assert!(value.get("written").is_none());
    assert_eq!(case.names_in("migrations").len(), 4);
}

#[test]
fn an_empty_migration_for_statements_of_ones_own() {
    let case = applied_first();
    case.run("migrate generate --custom --name fill").code(0).stdout_eq(str![[r#"
  + migrations/0002_fill.sql
  + migrations/0002_fill.down.sql
  + migrations/meta/0002_snapshot.json
  + migrations/meta/_journal.json

Write your statements into migrations/0002_fill.sql. Then: whimbrel migrate repair
Try it out: whimbrel migrate verify

"#]]);
    let case = case.file("migrations/0002_fill.sql", "INSERT INTO users (mail) VALUES ('new@example.org');\n");
    // The next one takes it over as it is now.
    let case = case.file("schema.sql", FIRST.replace("mail TEXT", "mail TEXT,\n  age INTEGER"));
    case.run("migrate generate --name age --schema schema.sql").code(0).stdout_eq(str![[r#"
0002_fill was edited since it was made, and is taken over as it is now.

  table users: + age INTEGER
  lost on the way down: column users.age

  + migrations/meta/_journal.json
  + migrations/0003_age.sql
  + migrations/0003_age.down.sql
  + migrations/meta/0003_snapshot.json

Statements of your own go into migrations/0003_age.sql, where it says “Your data”. Then: whimbrel migrate repair
Try it out: whimbrel migrate verify

"#]]);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    case.run("migrate apply --db app.db --quiet").code(0).stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT count(*) || ifnull(max(age), '-') FROM users"), "3-");
    // Rows that a migration makes are in a new database, too.
    case.run("migrate apply --db new.db --quiet").code(0);
    assert_eq!(case.query("new.db", "SELECT count(*) FROM users"), "1");
}

#[test]
fn what_was_edited_is_taken_over_only_while_it_is_the_newest() {
    let case = several();
    let case = case.edit("migrations/0002_age.sql", "age INTEGER", "age REAL");
    let text = case.text("schema.sql");
    let case = case.file("schema.sql", format!("{text}CREATE TABLE more (a);\n"));
    case.run_untouched("migrate generate --schema schema.sql").code(4).stderr_eq(str![[r#"
error[W0706]: 0002_age.sql was edited after it was made: journal and snapshot are of the old text
  = help: take the new text over with `whimbrel migrate repair`, before it is released

"#]]);
    // One that a database has run is not taken over by the way.
    let case = applied(several()).edit("migrations/0003_notes.sql", "body TEXT", "body BLOB");
    case.run_untouched("migrate generate --schema schema.sql --db app.db").code(4).stderr_eq(str![[r#"
error[W0705]: 0003_notes.sql was edited after it ran: its checksum was [..] and is [..]
  = help: put the file back as it was, and write the change into a new migration
  = help: if both do the same, `whimbrel migrate repair --db …` takes the new checksum over

"#]]);
}

#[test]
fn one_more_in_the_folder_of_another_tool() {
    let case = Case::new()
        .file("m/20240101000000_start.up.sql", "CREATE TABLE a(id INTEGER PRIMARY KEY);\n")
        .file("m/20240101000000_start.down.sql", "DROP TABLE a;\n")
        .file("schema.sql", "CREATE TABLE a(id INTEGER PRIMARY KEY, b TEXT);\n");
    case.command("migrate generate --dir m --schema schema.sql --name add-b")
        .env("SOURCE_DATE_EPOCH", "1795253400")
        .assert()
        .code(0)
        .stdout_eq(str![[r#"
  table a: + b TEXT
  lost on the way down: column a.b

  + m/20261121093000_add_b.up.sql
  + m/20261121093000_add_b.down.sql
  + m/.whimbrel/20261121093000_snapshot.json
  + m/.whimbrel/_journal.json

Statements of your own go into m/20261121093000_add_b.up.sql, where it says “Your data”. Then: whimbrel migrate repair --dir m
Try it out: whimbrel migrate verify --dir m

"#]]);
    case.run("migrate apply --dir m --db app.db --quiet").code(0);
    case.run_untouched("migrate status --dir m --db app.db --exit-code").code(0);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM pragma_table_info('a')"), "2");
}

#[test]
fn a_folder_without_ways_back_gets_none() {
    let case = Case::new()
        .file("m/V1__start.sql", "CREATE TABLE a(id INTEGER PRIMARY KEY);\n")
        .file("schema.sql", "CREATE TABLE a(id INTEGER PRIMARY KEY, b TEXT);\n");
    case.run("migrate generate --dir m --schema schema.sql --name add-b").code(0).stdout_eq(str![[r#"
  table a: + b TEXT

  + m/V2__add_b.sql
  + m/.whimbrel/2_snapshot.json
  + m/.whimbrel/_journal.json

Statements of your own go into m/V2__add_b.sql, where it says “Your data”. Then: whimbrel migrate repair --dir m
Try it out: whimbrel migrate verify --dir m

"#]]);
    case.run("migrate apply --dir m --db app.db --quiet").code(0);
    case.run_untouched("migrate down --dir m --db app.db").code(4);
}

#[test]
fn what_cannot_be_generated() {
    let case = first();
    case.run_untouched("migrate generate --name x").code(2).stderr_eq(str![[r#"
error[W0601]: no schema is named
  = help: name it with --schema schema.sql, or as `schema = "schema.sql"` in whimbrel.toml
  = help: an empty migration for statements of your own: --custom

"#]]);
    case.run_untouched("migrate generate --name !!! --schema schema.sql").code(2).stderr_eq(str![[r#"
error[W0601]: the name of a migration needs a letter or a digit

"#]]);
    case.run_untouched("migrate generate --schema nix.sql").code(1);
    case.run_untouched("migrate generate --schema schema.sql --custom --rename a=b").code(2);
    case.run_untouched("migrate generate --schema schema.sql --rename nix.a=b").code(1).stderr_eq(str![[r#"
error[W0206]: the table of nix.a is not in the database
  = help: names of a rename are those of the database on the left and of the schema on the right

"#]]);
    let case = case.file("schema.sql", "CREATE TABLE a(b CHECK (nix(b)));\n");
    let value = case.json("migrate generate --schema schema.sql --accept-data-loss", 1);
    assert_eq!((&value["error"]["code"], &value["error"]["cause"]), (&"W0305".into(), &"no such function: nix".into()));
    assert_eq!(case.names_in("migrations").len(), 4, "nothing was written");
}

#[test]
fn the_newest_is_dropped() {
    let case = several();
    case.run_untouched("migrate drop").code(2);
    case.run("migrate drop --last")
        .code(0)
        .stdout_eq(str![[r#"
  + migrations/meta/0002_snapshot.json
  + migrations/meta/_journal.json
  - migrations/0003_notes.sql
  - migrations/0003_notes.down.sql
  - migrations/meta/0003_snapshot.json
0003_notes is taken out.

"#]])
        .stderr_eq("");
    assert_eq!(
        case.names_in("migrations"),
        [
            "0001_start.down.sql",
            "0001_start.sql",
            "0002_age.down.sql",
            "0002_age.sql",
            "meta/0001_snapshot.json",
            "meta/0002_snapshot.json",
            "meta/_journal.json"
        ]
    );
    // The same again gives the same again.
    let again = several();
    generate(&case, "--name notes");
    assert_eq!(case.text("migrations/meta/_journal.json"), again.text("migrations/meta/_journal.json"));
    assert_eq!(case.text("migrations/meta/0003_snapshot.json"), again.text("migrations/meta/0003_snapshot.json"));
}

#[test]
fn what_has_run_is_not_dropped() {
    let case = several();
    case.run("migrate apply --db app.db --quiet").code(0);
    case.run_untouched("migrate drop --last --db app.db").code(4).stdout_eq("").stderr_eq(str![[r#"
error[W0722]: 0003_notes has run in app.db
  = help: undo it there first: whimbrel migrate down --db app.db
  = help: where it has been released, write a new migration instead

"#]]);
    case.run("migrate down --db app.db --quiet").code(0);
    case.run("migrate drop --last --db app.db --quiet").code(0);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    // Where its file is gone already, the journal is put right.
    let case = case.without("migrations/0002_age.sql").without("migrations/0002_age.down.sql");
    case.run("migrate down --db app.db").code(4);
    case.run("migrate drop --last").code(0);
    assert_eq!(case.json("migrate status", 0)["newest"], 1);
}

#[test]
fn a_squash_keeps_old_databases_upgradable() {
    let case = several();
    case.run("migrate apply --db half.db --to 2 --quiet").code(0);
    case.run("migrate apply --db old.db --to 1 --quiet").code(0);
    let case = case
        .database("half.db", "INSERT INTO users VALUES (1, 'ada@example.org', 36)")
        .database("old.db", "INSERT INTO users VALUES (7, 'bob@example.org')");
    case.run("migrate squash --name Everything")
        .code(0)
        .stdout_eq(str![[r#"
  + migrations/squashed/0001_start.down.sql
  + migrations/squashed/0001_start.sql
  + migrations/squashed/0002_age.down.sql
  + migrations/squashed/0002_age.sql
  + migrations/squashed/0003_notes.down.sql
  + migrations/squashed/0003_notes.sql
  + migrations/0003_everything.sql
  + migrations/0003_everything.down.sql
  + migrations/meta/0003_snapshot.json
  + migrations/meta/_journal.json
  - migrations/0001_start.down.sql
  - migrations/0001_start.sql
  - migrations/0002_age.down.sql
  - migrations/0002_age.sql
  - migrations/0003_notes.down.sql
  - migrations/0003_notes.sql
  - migrations/meta/0001_snapshot.json
  - migrations/meta/0002_snapshot.json
3 migrations are 0003_everything.sql now; their files are in squashed/.

"#]])
        .stderr_eq("");
    for (name, mail) in [("half.db", "ada@example.org"), ("old.db", "bob@example.org")] {
        case.run(&format!("migrate apply --db {name} --quiet")).code(0).stderr_eq("");
        assert_eq!(case.query(name, "SELECT mail FROM users"), mail);
        assert_eq!(case.query(name, "SELECT count(*) FROM notes"), "0");
    }
    case.run("migrate apply --db new.db --replay --quiet").code(0);
    case.run_untouched("migrate status --db half.db --exit-code").code(0).stdout_eq(str![[r#"
migrations → half.db    whimbrel, 1 migration

    0003_everything  applied [MOMENT], squashed from 3

half.db is at 0003_everything. Nothing is pending.

"#]]);
    case.run_untouched("migrate verify --quiet").code(0).stderr_eq("");
    // And goes on.
    let text = case.text("schema.sql");
    let case = case.file("schema.sql", format!("{text}CREATE TABLE more (a);\n"));
    generate(&case, "--name more");
    for name in ["half.db", "old.db", "new.db"] {
        case.run(&format!("migrate apply --db {name} --quiet")).code(0);
        assert_eq!(case.query(name, "SELECT count(*) FROM more"), "0");
    }
}

#[test]
fn part_of_it_is_squashed() {
    let case = several();
    case.run("migrate squash --from 1 --to age --name first-two --quiet").code(0);
    let value = case.json("migrate list", 0);
    let names: Vec<_> = value["migrations"].as_array().expect("a list").iter().map(|m| m["name"].clone()).collect();
    assert_eq!(names, ["first-two", "notes"]);
    assert_eq!(value["migrations"][0]["squashed"], 2);
    case.run_untouched("migrate squash --from 3").code(1);
    case.run("migrate squash --forget-originals --quiet").code(0);
}

#[test]
fn a_record_is_repaired() {
    let case = several();
    case.run("migrate apply --db app.db --quiet").code(0);
    // The same in other words.
    let case = case.edit("migrations/0003_notes.sql", "body TEXT", "\"body\" TEXT");
    assert_eq!(problems(&case, 4), ["W0705 3 notes"]);
    // Without --db, only the folder is.
    case.run("migrate repair").code(0);
    assert_eq!(problems(&case, 4), ["W0705 3 notes"]);
    case.run("migrate repair --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
app.db: 0003_notes is recorded with checksum [..], which was [..].

"#]])
        .stderr_eq("");
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    case.run_untouched("migrate repair --db app.db").code(0).stdout_eq("All is in order.\n");
    let case = case.rename("migrations/0003_notes.sql", "migrations/0003_words.sql");
    let case = case.rename("migrations/0003_notes.down.sql", "migrations/0003_words.down.sql");
    case.run("migrate repair --db app.db").code(0).stdout_eq(str![[r#"
app.db: 0003_notes is recorded as 0003_words.
  + migrations/meta/_journal.json
0003_words is taken over under its new name.

"#]]);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
}

#[test]
fn a_file_that_is_gone_is_forgotten_on_purpose() {
    let case = several().without("migrations/0002_age.sql").without("migrations/0002_age.down.sql");
    case.run_untouched("migrate repair").code(4).stderr_eq(str![[r#"
error[W0707]: 0002_age stands in meta/_journal.json, and its file is gone
  = help: put the file back; the newest migration is taken out with `whimbrel migrate drop --last`
  = help: to forget it, say --forget 0002_age: databases that have run it are refused

"#]]);
    case.run("migrate repair --forget 0002").code(0).stdout_eq(str![[r#"
  + migrations/meta/0003_snapshot.json
  + migrations/meta/_journal.json
0002_age is forgotten.

"#]]);
    case.run_untouched("migrate status").code(0);
}

/// Two branches made number 2, and git left its marks in the journal.
#[test]
fn two_branches_made_one_number() {
    let ours = first().file("schema.sql", FIRST.replace("mail TEXT", "mail TEXT,\n  age INTEGER"));
    generate(&ours, "--name age");
    let theirs = first().file("schema.sql", FIRST.replace("mail TEXT", "mail TEXT,\n  phone TEXT"));
    generate(&theirs, "--name phone");
    let entry = |case: &Case| {
        let journal = case.text("migrations/meta/_journal.json");
        journal.lines().find(|line| line.contains("\"0002\"")).expect("an entry").to_owned()
    };
    let (our, their) = (entry(&ours), entry(&theirs));
    let conflict = format!("<<<<<<< HEAD\n{our}\n=======\n{their}\n>>>>>>> phone");
    let merged = |case: Case| {
        case.file("migrations/0002_phone.sql", theirs.text("migrations/0002_phone.sql"))
            .file("migrations/0002_phone.down.sql", theirs.text("migrations/0002_phone.down.sql"))
            .edit("migrations/meta/_journal.json", &our, &conflict)
    };
    ours.run("migrate apply --db app.db --quiet").code(0);
    let case = merged(ours).database("app.db", "INSERT INTO users VALUES (1, 'ada@example.org', 36)");
    assert_eq!(problems(&case, 4)[0].split(' ').next(), Some("W0703"));
    case.run("migrate rebase")
        .code(0)
        .stdout_eq(str![[r#"
  + migrations/0003_phone.down.sql
  + migrations/0003_phone.sql
  + migrations/meta/0003_snapshot.json
  + migrations/meta/_journal.json
  - migrations/0002_phone.down.sql
  - migrations/0002_phone.sql
0002_phone is 0003_phone now.

"#]])
        .stderr_eq("");
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    case.run("migrate apply --db app.db --quiet").code(0).stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT mail || age || ifnull(phone, '-') FROM users"), "ada@example.org36-");
    case.run_untouched("migrate rebase").code(0).stdout_eq("All is in order.\n");
    case.run_untouched("migrate verify --quiet").code(0).stderr_eq("");
}

/// What came in late has a way out that keeps its place behind what has run.
#[test]
fn what_came_in_late_gets_a_later_number() {
    let case = several();
    case.run("migrate apply --db app.db --quiet").code(0);
    let case = case
        .rename("migrations/0003_notes.sql", "migrations/0004_notes.sql")
        .rename("migrations/0003_notes.down.sql", "migrations/0004_notes.down.sql");
    case.run("migrate repair --db app.db --quiet").code(0);
    let case = case.file("migrations/0003_late.sql", "CREATE TABLE late (a);\n");
    case.run("migrate repair --quiet").code(0);
    assert_eq!(problems(&case, 4), ["W0712 3 late"]);
    case.run("migrate rebase --db app.db").code(0);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    case.run("migrate apply --db app.db --quiet").code(0).stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM late"), "0");
}

/// A database that has run the other branch's decides who keeps the number.
#[test]
fn what_has_run_keeps_its_number() {
    let case = first()
        .file("migrations/0002_b.sql", "CREATE TABLE b(x);\n")
        .file("migrations/0002_b.down.sql", "DROP TABLE b;\n");
    case.run("migrate repair --quiet").code(0);
    case.run("migrate apply --db app.db --quiet").code(0);
    let case = case.file("migrations/0002_a.sql", "CREATE TABLE a(x);\n");
    let found = problems(&case, 4);
    assert!(found[0].starts_with("W0709 2"), "{found:?}");
    case.run("migrate rebase --db app.db").code(0).stdout_eq(str![[r#"
  + migrations/0003_a.sql
  + migrations/meta/0003_snapshot.json
  + migrations/meta/_journal.json
  - migrations/0002_a.sql
0002_a is 0003_a now.

"#]]);
    case.run("migrate apply --db app.db --quiet").code(0);
    assert_eq!(
        case.query("app.db", "SELECT group_concat(version || name, ' ') FROM _whimbrel_migrations"),
        "0001start 0002b 0003a"
    );
}
