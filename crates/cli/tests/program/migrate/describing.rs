//! `status`, `list`, `pending`, `show`: what is said, and that nothing is written.

use snapbox::str;

use super::{applied, listed, plain};
use crate::support::Case;

#[test]
fn a_folder_without_a_database() {
    let case = listed();
    case.run_untouched("migrate status")
        .code(0)
        .stdout_eq(str![[r#"
migrations    whimbrel, 3 migrations

  + 0001_start      pending
  + 0002_add-notes  pending
  + 0003_age        pending

The folder is in order. Name a database with --db to see what has run.

"#]])
        .stderr_eq("");
    case.run_untouched("migrate list").code(0).stdout_eq(str![[r#"
  + 0001_start      pending
  + 0002_add-notes  pending
  + 0003_age        pending

"#]]);
    case.run_untouched("migrate pending").code(0).stdout_eq(str![[r#"
0001_start
0002_add-notes
0003_age

"#]]);
    case.run_untouched("migrate status --exit-code").code(3);
}

#[test]
fn before_half_way_and_after() {
    let case = listed();
    case.run_untouched("migrate status --db app.db --exit-code").code(3).stdout_eq(str![[r#"
migrations → app.db    whimbrel, 3 migrations, not there yet

  + 0001_start      pending
  + 0002_add-notes  pending
  + 0003_age        pending

app.db has run none of them; 3 migrations are pending.
Run them: whimbrel migrate apply --db app.db

"#]]);
    assert!(!case.path("app.db").exists(), "looking creates nothing");
    case.run("migrate apply --db app.db --to 2 --quiet").code(0);
    case.run_untouched("migrate status --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
migrations → app.db    whimbrel, 3 migrations

    0001_start      applied [MOMENT]
    0002_add-notes  applied [MOMENT]
  + 0003_age        pending

app.db is at 0002_add-notes; 1 migration is pending.
Run it: whimbrel migrate apply --db app.db

"#]])
        .stderr_eq("");
    case.run_untouched("migrate status --db app.db --exit-code --quiet").code(3).stdout_eq("").stderr_eq("");
    case.run_untouched("migrate pending --db app.db").code(0).stdout_eq("0003_age\n").stderr_eq("");
    case.run_untouched("migrate pending --db app.db --sql").code(0).stdout_eq(str![[r#"
-- 0003_age
-- The age in years.
ALTER TABLE users ADD COLUMN age INTEGER;


"#]]);
    case.run("migrate apply --db app.db --quiet").code(0);
    case.run_untouched("migrate status --db app.db --exit-code").code(0).stdout_eq(str![[r#"
migrations → app.db    whimbrel, 3 migrations

    0001_start      applied [MOMENT]
    0002_add-notes  applied [MOMENT]
    0003_age        applied [MOMENT]

app.db is at 0003_age. Nothing is pending.

"#]]);
    case.run_untouched("migrate pending --db app.db").code(0).stdout_eq("").stderr_eq("Nothing is pending.\n");
    case.run_untouched("migrate list --db app.db").code(0).stdout_eq(str![[r#"
    0001_start      applied [MOMENT]
    0002_add-notes  applied [MOMENT]
    0003_age        applied [MOMENT]

"#]]);
}

#[test]
fn status_as_json() {
    let case = listed();
    case.run("migrate apply --db app.db --to 2 --quiet").code(0);
    let value = case.json("migrate status --db app.db", 0);
    let names = |member: &str| -> Vec<String> {
        let entries = value[member].as_array().expect("an array");
        entries.iter().map(|entry| format!("{} {}", entry["idx"], entry["name"].as_str().unwrap_or_default())).collect()
    };
    assert_eq!(names("applied"), ["1 start", "2 add-notes"]);
    assert_eq!(names("pending"), ["3 age"]);
    assert_eq!(names("problems"), Vec::<String>::new());
    assert_eq!(value["layout"], "whimbrel");
    assert_eq!((&value["version"], &value["newest"]), (&2.into(), &3.into()));
    let applied = &value["applied"][0];
    assert_eq!((&applied["version"], &applied["origin"]), (&"0001".into(), &"run".into()));
    assert!(applied["applied_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{applied}");
    let empty = case.json("migrate status", 0);
    assert_eq!((&empty["database"], &empty["version"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}

#[test]
fn scripts_byte_for_byte() {
    let odd = "\u{feff}-- ü\r\nCREATE TABLE a(b);\r\n\r\n";
    let case = plain().file("migrations/0004_odd.sql", odd);
    let output = case.run_untouched("migrate show 4").code(0).stderr_eq("");
    assert_eq!(output.get_output().stdout, odd.as_bytes());
    for word in ["3", "0003", "age", "0003_age"] {
        let output = case.run_untouched(&format!("migrate show {word} --down")).code(0);
        assert_eq!(output.get_output().stdout, b"ALTER TABLE users DROP COLUMN age;\n", "{word}");
    }
    let value = case.json("migrate show 2", 0);
    assert_eq!(value["migration"]["phases"][0]["statements"], 2);
    assert_eq!(value["migration"]["reversible"], true);
    assert!(value["sql"].as_str().is_some_and(|sql| sql.starts_with("CREATE TABLE notes")));
    case.run_untouched("migrate show 4 --down").code(4).stderr_eq(str![[r#"
error[W0717]: 0004_odd has no .down.sql
  = help: write one beside it, if it can be undone

"#]]);
    case.run_untouched("migrate show 9").code(1).stderr_eq(str![[r#"
error[W0723]: there is no migration 9
  = help: name it by number, version or name; `whimbrel migrate list` shows them

"#]]);
}

#[test]
fn folders_of_other_tools() {
    let case = Case::new()
        .file("m/2018-01-14-171611_create_tables/up.sql", "CREATE TABLE a(id INTEGER PRIMARY KEY);\n")
        .file("m/2018-01-14-171611_create_tables/down.sql", "DROP TABLE a;\n")
        .file("m/2018-02-17-205753_more/up.sql", "ALTER TABLE a ADD COLUMN b TEXT;\n")
        .file("m/2018-02-17-205753_more/down.sql", "ALTER TABLE a DROP COLUMN b;\n");
    case.run("migrate apply --dir m --db app.db --quiet").code(0);
    case.run_untouched("migrate status --dir m --db app.db").code(0).stdout_eq(str![[r#"
m → app.db    diesel, 2 migrations

    20180114171611_create_tables  applied [MOMENT]
    20180217205753_more           applied [MOMENT]

app.db is at 20180217205753_more. Nothing is pending.

"#]]);
    let output = case.run_untouched("migrate show more --down --dir m").code(0);
    assert_eq!(output.get_output().stdout, b"ALTER TABLE a DROP COLUMN b;\n");
    case.run("migrate down --dir m --db app.db").code(0);
    assert_eq!(case.query("app.db", "SELECT group_concat(name) FROM pragma_table_info('a')"), "id");
}

#[test]
fn where_things_are() {
    let case =
        listed().file("whimbrel.toml", "dir = 'migrations'\ndb = 'app.db'\ndialect = 'sqlite'\n").file("src/x", "");
    case.run("migrate apply --quiet").code(0);
    case.command("migrate status --quiet").current_dir(case.path("src")).assert().code(0);
    assert!(case.path("app.db").exists());
    // Options stand before the command as well as behind it.
    case.run_untouched("migrate --db app.db --dir migrations status --exit-code").code(0);
    case.run_untouched("migrate status --dir nix").code(1).stderr_eq(str![[r#"
error[W0701]: there is no folder nix
  = help: name the folder with --dir, or make it with `whimbrel migrate generate`

"#]]);
    case.run_untouched("migrate status --dialect postgres").code(2).stderr_eq(str![[r#"
error[W0601]: --dialect says PostgreSQL, and the database is SQLite
  = help: leave --dialect out, or name another database with --db

"#]]);
    case.run_untouched("migrate status --dialect mysql").code(2).stderr_eq(str![[r#"
error[W0601]: mysql is no dialect that whimbrel knows
  = help: write sqlite or postgres

"#]]);
    let case = case.file("whimbrel.toml", "dialect = 'oracle'\n");
    case.run_untouched("migrate status").code(2).stderr_eq(str![[r#"
error[W0602]: whimbrel.toml: oracle is no dialect that whimbrel knows
  = help: write sqlite or postgres

"#]]);
    // The journal says that these are migrations of SQLite.
    let case = case.file("whimbrel.toml", "dialect = 'postgres'\n");
    case.run_untouched("migrate status").code(4).stderr_eq(str![[r#"
error[W0703]: these are migrations of SQLite, and PostgreSQL is wanted
...
"#]]);
    case.run_untouched("migrate apply --dialect sqlite").code(2).stderr_eq(str![[r#"
error[W0601]: no database is named
  = help: name it with --db app.db, in WHIMBREL_DB, or as `db = "app.db"` in whimbrel.toml

"#]]);
    case.run_untouched("migrate").code(2);
}

#[test]
fn an_empty_folder() {
    let case = Case::new().file("migrations/README", "nothing yet");
    case.run_untouched("migrate status").code(0).stdout_eq(str![[r#"
migrations    plain SQL files, 0 migrations

There are no migrations yet. Make the first: whimbrel migrate generate --name start

"#]]);
    case.run_untouched("migrate list").code(0).stdout_eq("There are no migrations.\n");
    case.run_untouched("migrate apply --db app.db").code(0).stdout_eq("Nothing to do.\n");
    case.run_untouched("migrate verify").code(0).stdout_eq("There are no migrations in migrations.\n");
}

#[test]
fn a_change_by_hand_is_found() {
    let case = applied(listed());
    case.open("app.db").execute_batch("CREATE TABLE cache(a)").expect("a table by hand");
    case.run_untouched("migrate status --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
migrations → app.db    whimbrel, 3 migrations

    0001_start      applied [MOMENT]
    0002_add-notes  applied [MOMENT]
    0003_age        applied [MOMENT]

warning[W0715]: table cache is in the database, and no migration makes it

app.db is at 0003_age. Nothing is pending.

"#]])
        .stderr_eq("");
    case.open("app.db").execute_batch("ALTER TABLE users ADD COLUMN phone TEXT; DROP TABLE notes;").expect("changes");
    case.run_untouched("migrate status --db app.db").code(4).stderr_eq(str![[r#"
error[W0715]: the schema was changed behind the migrations' back: table users is another (- phone)
  = help: put it back, or write a migration that expects it; --accept-drift takes the schema as it is
error[W0715]: the schema was changed behind the migrations' back: table notes is missing
  = help: put it back, or write a migration that expects it; --accept-drift takes the schema as it is

"#]]);
    assert_eq!(
        super::problems(&case, 4),
        ["W0715 null table users", "W0715 null table notes", "W0715 null table cache"]
    );
}

#[test]
fn the_migrations_hold_what_they_promise() {
    let case = plain();
    case.run_untouched("migrate verify").code(0).stderr_eq("");
    let value = case.json("migrate verify --rows 3 --seed 4", 0);
    assert_eq!(value["versions"], serde_json::json!([1, 2, 3]));
    assert!(value["checks"].as_array().is_some_and(|checks| checks.len() > 5));
    let case = case.file("migrations/0003_age.down.sql", "SELECT 1;\n");
    case.run_untouched("migrate verify").code(1).stderr_eq(str![[r#"
error[W0721]: down and up 3 to 2: [W0306] the way back does not lead to the old schema: table users is another (- age)

"#]]);
    case.run_untouched("migrate verify --skip-down").code(0);
}
