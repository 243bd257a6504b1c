//! What becomes of files and journals in the hands of people and of git: each case with its code, its number and name,
//! and a way out.

use snapbox::str;

use super::{applied, listed, plain, problems, with_journal};

#[test]
fn edited_after_it_ran() {
    let case = applied(listed()).edit("migrations/0002_add-notes.sql", "'welcome'", "'hello'");
    assert_eq!(problems(&case, 4), ["W0705 2 add-notes"]);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0705]: 0002_add-notes.sql was edited after it ran: its checksum was 881fa1cf and is d1b4b383
  = note: app.db is unchanged
  = help: put the file back as it was, and write the change into a new migration
  = help: if both do the same, `whimbrel migrate repair --db …` takes the new checksum over

"#]]);
    case.run_untouched("migrate status --db app.db")
        .code(4)
        .stdout_eq(str![[r#"
migrations → app.db    whimbrel, 3 migrations

    0001_start      applied [MOMENT]
  ! 0002_add-notes  applied [MOMENT]  edited
    0003_age        applied [MOMENT]

app.db is at 0003_age. As it stands, nothing can be run.

"#]])
        .stderr_eq(str![[r#"
error[W0705]: 0002_add-notes.sql was edited after it ran: its checksum was 881fa1cf and is d1b4b383
  = help: put the file back as it was, and write the change into a new migration
  = help: if both do the same, `whimbrel migrate repair --db …` takes the new checksum over

"#]]);
}

#[test]
fn edited_before_it_ran() {
    let case = listed().edit("migrations/0003_age.sql", "INTEGER", "REAL");
    assert_eq!(problems(&case, 0), ["W0706 3 age"]);
    case.run("migrate apply --db app.db").code(0).stderr_eq(str![[r#"
warning: 0003_age.sql was edited after it was made: journal and snapshot are of the old text

"#]]);
}

#[test]
fn an_edited_comment_or_line_ending_is_none() {
    let case = applied(listed()).edit("migrations/0003_age.sql", "-- The age in years.", "-- How old they are.");
    let case =
        case.edit("migrations/0001_start.sql", "\n", "\r\n").edit("migrations/0002_add-notes.sql", ";\n", " ;  \n");
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    case.run_untouched("migrate status --db app.db --exit-code").code(0).stderr_eq("");
    case.run_untouched("migrate apply --db app.db").code(0).stderr_eq("");
}

#[test]
fn deleted() {
    let case = applied(listed()).without("migrations/0002_add-notes.sql").without("migrations/0002_add-notes.down.sql");
    assert_eq!(problems(&case, 4), ["W0707 2 add-notes"]);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0707]: 0002_add-notes ran in this database, and is not among the migrations any more
  = note: app.db is unchanged
  = help: put the file back; to take a migration out, undo it with `whimbrel migrate down` first

"#]]);
    // Also where the journal was written anew: the database knows.
    let case = with_journal(case);
    assert_eq!(problems(&case, 4), ["W0707 2 add-notes"]);
    case.run_untouched("migrate status --db app.db").code(4).stderr_eq(str![[r#"
error[W0707]: 0002_add-notes ran in this database, and is not among the migrations any more
  = help: put the file back; to take a migration out, undo it with `whimbrel migrate down` first

"#]]);
}

#[test]
fn reordered() {
    let case = applied(listed())
        .rename("migrations/0002_add-notes.sql", "migrations/0004_add-notes.sql")
        .rename("migrations/0003_age.sql", "migrations/0002_age.sql")
        .rename("migrations/0004_add-notes.sql", "migrations/0003_add-notes.sql");
    let found = problems(&case, 4);
    assert!(!found.is_empty() && found.iter().all(|problem| problem.starts_with("W0711")), "{found:?}");
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0711]: 0003_add-notes ran in this database as 0002_add-notes: it has another number now
  = note: app.db is unchanged
  = help: give the file its old number back, or take the new one over with `whimbrel migrate repair --db …`
error[W0711]: 0002_age ran in this database as 0003_age: it has another number now
  = note: app.db is unchanged
  = help: give the file its old number back, or take the new one over with `whimbrel migrate repair --db …`

"#]]);
}

#[test]
fn duplicated() {
    let case = applied(listed()).file("migrations/0003_phone.sql", "ALTER TABLE users ADD COLUMN phone TEXT;\n");
    let found = problems(&case, 4);
    assert!(found[0].starts_with("W0709 3"), "{found:?}");
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0709]: 0003_age and 0003_phone have one number
  = note: app.db is unchanged
  = help: `whimbrel migrate rebase` gives the later one the next free number

"#]]);
}

#[test]
fn renamed() {
    let case = applied(listed()).rename("migrations/0003_age.sql", "migrations/0003_years.sql");
    let found = problems(&case, 4);
    assert_eq!(found, ["W0710 3 years"]);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0710]: 0003_age is called 0003_years now, and meta/_journal.json does not know it
  = note: app.db is unchanged
  = help: give the file its name back, or take the new one over with `whimbrel migrate repair`

"#]]);
    // Once the journal knows it, the database's record is behind, and nothing is wrong.
    let case = with_journal(case);
    assert_eq!(problems(&case, 0), ["W0710 3 years"]);
    case.run_untouched("migrate apply --db app.db").code(0).stderr_eq(str![[r#"
warning: 0003_years was called 0003_age when it ran

"#]]);
}

#[test]
fn added_without_the_journal() {
    let case = applied(listed()).file("migrations/0004_phone.sql", "ALTER TABLE users ADD COLUMN phone TEXT;\n");
    assert_eq!(problems(&case, 4), ["W0708 4 phone"]);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0708]: 0004_phone.sql does not stand in meta/_journal.json
  = note: app.db is unchanged
  = help: take it over with `whimbrel migrate repair`, or remove it

"#]]);
}

#[test]
fn a_journal_that_git_could_not_merge() {
    let case = listed();
    let journal = case.text("migrations/meta/_journal.json");
    let line = journal.lines().find(|line| line.contains("\"age\"")).expect("an entry");
    let other = line.replace("age", "phone");
    let conflict = format!("<<<<<<< HEAD\n{line}\n=======\n{other}\n>>>>>>> phone");
    let case = case.edit("migrations/meta/_journal.json", line, &conflict);
    case.run_untouched("migrate status").code(4).stderr_eq(str![[r#"
error[W0703]: meta/_journal.json holds the conflict of a merge
  = help: `whimbrel migrate rebase` puts the migrations of both branches in order and writes it anew

"#]]);
    case.run_untouched("migrate apply --db app.db").code(4);
    let value = case.json("migrate status", 4);
    assert_eq!(value["problems"][0]["code"], "W0703");
    assert_eq!((&value["applied"], &value["pending"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(value["error"]["code"], "W0703");
}

/// Git merges lines of two branches one after the other without a word.
#[test]
fn a_journal_that_git_merged() {
    let case = applied(listed()).file("migrations/0003_phone.sql", "ALTER TABLE users ADD COLUMN phone TEXT;\n");
    let journal = case.text("migrations/meta/_journal.json");
    let line = journal.lines().find(|line| line.contains("\"age\"")).expect("an entry");
    let other = line.replace("\"age\"", "\"phone\"");
    let case = case.edit("migrations/meta/_journal.json", line, &format!("{line},\n{other}"));
    let found = problems(&case, 4);
    assert!(found[0].starts_with("W0709 3"), "{found:?}");
}

#[test]
fn a_script_that_cannot_run() {
    let case = plain().file("migrations/0004_wrong.sql", "CREATE TABLE a(b);\nCOMMIT;\nCREATE TABLE c(d);\n");
    assert_eq!(problems(&case, 4), ["W0704 4 wrong"]);
    case.run("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0704]: 0004_wrong.sql: COMMIT stands in a migration
 --> 0004_wrong.sql:2:1
  |
2 | COMMIT;
  | ^^^^^^ not here
  |
  = note: app.db is unchanged
  = help: leave it out: each migration runs in a transaction, unless it says `-- whimbrel: no-transaction`

"#]]);
    assert!(!case.path("app.db").exists());
}

/// All that is wrong is told at once.
#[test]
fn several_problems() {
    let case = applied(listed())
        .edit("migrations/0001_start.sql", "mail TEXT", "mail TEXT UNIQUE")
        .without("migrations/0003_age.sql")
        .without("migrations/0003_age.down.sql");
    assert_eq!(problems(&case, 4), ["W0707 3 age", "W0705 1 start"]);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0707]: 0003_age stands in meta/_journal.json, and its file is gone
  = note: app.db is unchanged
  = help: put the file back; the newest migration is taken out with `whimbrel migrate drop --last`
error[W0705]: 0001_start.sql was edited after it ran: its checksum was dd41b8d8 and is 56cb1515
  = note: app.db is unchanged
  = help: put the file back as it was, and write the change into a new migration
  = help: if both do the same, `whimbrel migrate repair --db …` takes the new checksum over

"#]]);
    let value = case.json("migrate apply --db app.db", 4);
    assert_eq!(value["problems"].as_array().map(Vec::len), Some(2));
}
