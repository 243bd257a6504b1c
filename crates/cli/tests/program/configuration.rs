//! `whimbrel.toml`.

use snapbox::str;

use crate::support::{Case, NOTES};

#[test]
fn defaults_for_a_project() {
    let case = Case::with_notes()
        .database("app.db", "CREATE TABLE legacy_a(x)")
        .file("whimbrel.toml", "db = 'app.db'\nschema = ['notes.sql']\nignore = ['legacy_*']\nbackup = true\n");
    case.run_untouched("plan").code(0).stdout_eq("No changes.\n");
    // Patterns add up.
    case.run_untouched("plan --ignore other").code(0).stdout_eq("No changes.\n");
    let case = case.file("notes.sql", format!("{NOTES}CREATE VIEW v AS SELECT 1;"));
    case.run("plan").code(0).stdout_eq(str![[r#"
app.db → notes.sql    SQLite [VERSION], 2 tables, [SIZE]

  + view v

1 change, one transaction. Nothing is lost.
Run it: whimbrel push

"#]]);
    case.run("push --quiet").code(0);
    assert_eq!(case.names().iter().filter(|name| name.contains(".backup-")).count(), 1);
    let case = case.file("notes.sql", format!("{NOTES}CREATE VIEW v AS SELECT 2;"));
    case.run("push --quiet --backup=false").code(0);
    assert_eq!(case.names().iter().filter(|name| name.contains(".backup-")).count(), 1);
}

#[test]
fn paths_are_relative_to_the_file_and_the_file_is_found_from_below() {
    let case =
        Case::with_notes().file("whimbrel.toml", "db = 'sqlite:app.db'\nschema = 'notes.sql'\n").file("src/deep/x", "");
    let below = case.path("src/deep");
    case.command("plan").current_dir(&below).assert().code(0).stdout_eq("No changes.\n");
    // What stands on the command line is relative to the current folder.
    case.command("plan --schema notes.sql").current_dir(&below).assert().code(1).stderr_eq(str![[r#"
error[W0107]: there is no notes.sql
  = help: look for a slip in the name, or start from a database with `whimbrel pull --db app.db`

"#]]);
}

#[test]
fn the_variable_goes_before_the_file_and_the_option_before_both() {
    let case = Case::with_notes().file("whimbrel.toml", "db = 'nix/a.db'\nschema = 'notes.sql'\n");
    case.run_untouched("plan").code(1);
    case.command("plan").env("WHIMBREL_DB", "app.db").assert().code(0).stdout_eq("No changes.\n");
    case.command("plan --db app.db").env("WHIMBREL_DB", "nix/b.db").assert().code(0).stdout_eq("No changes.\n");
}

#[test]
fn mistakes_in_the_file() {
    let case = Case::with_notes().file("whimbrel.toml", "db = 'app.db'\nshema = 'notes.sql'\n");
    case.run_untouched("plan").code(2).stdout_eq("").stderr_eq(str![[r#"
error[W0602]: whimbrel.toml: unknown field `shema`, expected one of `db`, `schema`, `dir`, `dialect`, `ignore`, `backup`, `keep`, `strict_order`
 --> whimbrel.toml:2:1
  |
2 | shema = 'notes.sql'
  | ^^^^^

"#]]);
    let case = case.file("whimbrel.toml", "db = 'app.db\n");
    case.run_untouched("plan").code(2).stderr_eq(str![[r#"
error[W0602]: whimbrel.toml: invalid literal string, expected `'`
 --> whimbrel.toml:1:13
  |
1 | db = 'app.db
  |             ^

"#]]);
    let case = case.file("whimbrel.toml", "keep = 'many'\n");
    case.run_untouched("plan").code(2).stderr_eq(str![[r#"
error[W0602]: whimbrel.toml: invalid type: string "many", expected a whole number
 --> whimbrel.toml:1:8
  |
1 | keep = 'many'
  |        ^^^^^^

"#]]);
    let case = case.file("whimbrel.toml", "keep = 0\n");
    case.run_untouched("plan").code(2).stderr_eq(str![[r#"
error[W0602]: whimbrel.toml: keep = 0 would keep no backup
  = help: write `backup = false` to make none

"#]]);
    let case = case.file("whimbrel.toml", b"db = '\xff'\n");
    case.run_untouched("plan").code(2).stderr_eq(str![[r#"
error[W0602]: whimbrel.toml is not UTF-8 text

"#]]);
    // A command that needs no defaults does not care.
    case.run_untouched("completions bash").code(0);
}
