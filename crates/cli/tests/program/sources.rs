//! Where a schema may come from.

use snapbox::str;

use crate::support::{Case, NOTES};

const NO_CHANGES: &str = "No changes.\n";

#[test]
fn several_files_and_a_folder() {
    let (tables, index) = NOTES.split_at(NOTES.find("CREATE INDEX").expect("an index"));
    let case = Case::with_notes()
        // The index comes first by name, and what is no SQL file is passed over.
        .file("schema/1.sql", index)
        .file("schema/2.sql", tables)
        .file("schema/notes.txt", "no SQL")
        .file("schema/more/3.sql", "no SQL either");
    case.run_untouched("plan --db app.db --schema schema").code(0).stdout_eq(NO_CHANGES);
    case.run_untouched("plan --db app.db --schema schema/2.sql --schema schema/1.sql").code(0).stdout_eq(NO_CHANGES);
}

#[test]
fn standard_input() {
    let case = Case::with_notes();
    case.command("plan --db app.db --schema -").stdin(NOTES).assert().code(0).stdout_eq(NO_CHANGES);
    case.command("push --db app.db --schema -").stdin("CREATE TABLE a(b,").assert().code(1).stderr_eq(str![[r#"
error[W0101]: expected the name of a column
 --> standard input:1:18
  |
1 | CREATE TABLE a(b,
  |                  ^ the statement ends here

"#]]);
    case.command("diff - -").stdin(NOTES).assert().code(2).stderr_eq(str![[r#"
error[W0601]: standard input can be read only once
  = help: give - for one source only

"#]]);
}

#[test]
fn a_database_and_a_snapshot() {
    let case = Case::with_notes();
    case.run("push --db copy.db --schema app.db --quiet").code(0).stdout_eq("").stderr_eq("");
    case.run_untouched("plan --db copy.db --schema app.db").code(0).stdout_eq(NO_CHANGES);
    let snapshot = case.run("pull --db app.db --format json").code(0).get_output().stdout.clone();
    let case = case.file("snapshot.json", &snapshot);
    case.run_untouched("plan --db copy.db --schema snapshot.json").code(0).stdout_eq(NO_CHANGES);
    case.command("plan --db copy.db --schema -").stdin(snapshot).assert().code(0).stdout_eq(NO_CHANGES);
    case.run_untouched("plan --db copy.db --schema snapshot.json --schema notes.sql").code(2).stderr_eq(str![[r#"
error[W0601]: snapshot.json is a whole schema and stands alone
  = help: only SQL files and folders of them can be put together

"#]]);
    let case = case.file("snapshot.json", "{\"whimbrel_snapshot\": 99}");
    case.run_untouched("plan --db copy.db --schema snapshot.json").code(1).stderr_eq(str![[r#"
error[W0105]: snapshot.json: the snapshot has format 99, and this version reads up to 1
  = help: use the version of whimbrel that wrote it, or a newer one

"#]]);
    let case = case.file("snapshot.json", "[");
    case.run_untouched("plan --db copy.db --schema snapshot.json").code(1).stderr_eq(str![[r#"
error[W0105]: snapshot.json: this is not a snapshot: EOF while parsing a list at line 1 column 1
  = help: make it anew from its schema

"#]]);
}

#[test]
fn what_declares_nothing_drops_everything_only_where_that_is_accepted() {
    let case = Case::with_notes().file("empty.sql", "").file("folder/x", "");
    case.run_untouched("push --db app.db --schema empty.sql").code(4);
    case.run_untouched("push --db app.db --schema folder --accept-data-loss").code(1).stderr_eq(str![[r#"
error[W0107]: no file in folder ends in .sql

"#]]);
    // A program before the pipe that failed must not drop everything.
    case.command("push --db app.db --schema - --accept-data-loss").stdin("").assert().code(1).stderr_eq(str![[r#"
error[W0107]: standard input declares nothing
  = help: write CREATE TABLE statements into it, or start from a database with `whimbrel pull --db app.db`

"#]]);
    case.run("push --db app.db --schema empty.sql --accept-data-loss").code(0);
    case.run_untouched("pull --db app.db").code(0).stdout_eq("");
    case.run_untouched("plan --db app.db --schema empty.sql").code(0).stdout_eq(NO_CHANGES);
}

#[test]
fn text_of_other_systems() {
    let case = Case::with_notes()
        .file("mark.sql", format!("\u{feff}{}", NOTES.replace('\n', "\r\n")))
        .file("latin.sql", b"CREATE TABLE a(\n  b TEXT -- \xe4\n);");
    case.run_untouched("plan --db app.db --schema mark.sql").code(0).stdout_eq(NO_CHANGES);
    case.run_untouched("plan --db app.db --schema latin.sql").code(1).stderr_eq(str![[r#"
error[W0107]: latin.sql is not UTF-8 text: look at line 2
  = help: save it as UTF-8; a database must begin with the bytes `SQLite format 3`

"#]]);
}
