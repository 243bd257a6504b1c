//! Folders of migrations as tools write them, and as people leave them: what is read from each, and what is told.

use whimbrel_core::history::journal::{Entry, Journal};
use whimbrel_core::history::{Checksum, Files, Folder, Layout, MemoryFiles, Snapshot};
use whimbrel_core::{Code, Dialect, Result};

/// Of an empty schema.
const SNAPSHOT: &str = r#"{"whimbrel_snapshot":1,"dialect":"sqlite","next_id":1,"objects":[]}"#;

const A: &str = "CREATE TABLE a(x);";
const B: &str = "CREATE TABLE b(x);";
const C: &str = "CREATE TABLE c(x);";
const D: &str = "CREATE TABLE d(x);";

fn files(all: &[(&str, &str)]) -> MemoryFiles {
    MemoryFiles::new(all.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())))
}

fn read(all: &[(&str, &str)]) -> Result<Folder> {
    Folder::read(&files(all))
}

/// Number, version and name of each migration: `1 0001 start`, and ` ↓` where there is a way back.
fn migrations(folder: &Folder) -> Vec<String> {
    let told = |m: &whimbrel_core::history::Migration| {
        format!("{} {} {}{}", m.idx, m.version, m.name, if m.down.is_some() { " ↓" } else { "" })
    };
    folder.history.migrations.iter().map(told).collect()
}

/// Code and name of each problem: `W0707 0002_b`, and ` (harmless)`.
fn problems(folder: &Folder) -> Vec<String> {
    let told = |p: &whimbrel_core::history::Problem| {
        format!("{} {}{}", p.code, p.name, if p.blocks { "" } else { " (harmless)" })
    };
    folder.problems.iter().map(told).collect()
}

#[track_caller]
fn check(all: &[(&str, &str)], layout: Layout, expected: &[&str], told: &[&str]) -> Folder {
    let folder = read(all).unwrap();
    assert_eq!(folder.layout, layout, "{all:?}");
    assert_eq!(migrations(&folder), expected, "{all:?}");
    assert_eq!(problems(&folder), told, "{:#?}", folder.problems);
    for problem in &folder.problems {
        assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{problem:?}");
        assert!(!problem.blocks || !problem.help.is_empty(), "there is a way out of {problem:?}");
    }
    folder
}

#[track_caller]
fn check_error(all: &[(&str, &str)], code: Code, message: &str) {
    let error = read(all).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(message), "{error}\ndoes not say\n{message}");
}

mod tools {
    use super::*;

    #[test]
    fn nothing() {
        check(&[], Layout::Plain, &[], &[]);
        check(&[("README.md", "no migrations yet")], Layout::Plain, &[], &[]);
    }

    #[test]
    fn plain_numbers() {
        let all = [("001_start.sql", A), ("2-next.sql", B), ("0010.sql", C), ("v11. more.sql", D)];
        check(&all, Layout::Plain, &["1 001 start", "2 2 next", "10 0010 ", "11 11 more"], &[]);
        check(&[("0000_start.sql", A), ("0001_next.sql", B)], Layout::Plain, &["1 0000 start", "2 0001 next"], &[]);
        let dates = [("20240131_start.sql", A), ("20240215_next.sql", B)];
        check(&dates, Layout::Plain, &["1 20240131 start", "2 20240215 next"], &[]);
    }

    /// Before and after the first one made by Whimbrel, which writes a journal.
    #[test]
    fn a_journal_does_not_change_numbers() {
        for all in
            [[("0000_start.sql", A), ("0001_next.sql", B)], [("20240131_start.sql", A), ("20240215_next.sql", B)]]
        {
            let before = read(&all).unwrap();
            let journal = journal(&before);
            let after = check(
                &[all[0], all[1], ("meta/_journal.json", &journal)],
                Layout::Whimbrel,
                &migrations(&before).iter().map(String::as_str).collect::<Vec<_>>(),
                &[],
            );
            assert_eq!(after.history.head, before.history.head);
        }
    }

    #[test]
    fn golang_migrate() {
        let all = [
            ("000001_start.down.sql", "DROP TABLE a;"),
            ("000001_start.up.sql", A),
            ("000002_next.up.sql", B),
            ("000002_other_name.down.sql", "DROP TABLE b;"),
            ("000003_gone.down.sql", "DROP TABLE c;"),
        ];
        let told = ["W0707 000003_gone (harmless)"];
        let folder = check(&all, Layout::Plain, &["1 000001 start ↓", "2 000002 next ↓"], &told);
        assert_eq!(folder.history.migrations[1].down.as_deref(), Some("DROP TABLE b;"));
    }

    #[test]
    fn sqlx() {
        let all = [
            ("20240131120000_start.sql", A),
            ("20240215083000_next.up.sql", "-- no-transaction\nVACUUM;"),
            ("20240215083000_next.down.sql", "SELECT 1;"),
            ("more/20240301000000_not_read.sql", C),
        ];
        let folder = check(&all, Layout::Sqlx, &["1 20240131120000 start", "2 20240215083000 next ↓"], &[]);
        assert_eq!(folder.history.migrations.iter().map(|m| m.transaction).collect::<Vec<_>>(), [true, false]);
        assert_eq!(folder.history.migrations[0].hash, Checksum::of_bytes(A.as_bytes()));
        // A comment further down is a comment.
        let all = [("20240131120000_start.sql", "SELECT 1;\n-- no-transaction\n")];
        assert!(read(&all).unwrap().history.migrations[0].transaction);
        // Numbered from 1, it is a journal beside the files that tells sqlx's folder.
        let journal = r#"{"version":1,"dialect":"sqlite","entries":[]}"#;
        let all = [("0001_start.sql", A), (".whimbrel/_journal.json", journal)];
        check(&all, Layout::Sqlx, &["1 0001 start"], &["W0708 0001_start"]);
    }

    #[test]
    fn refinery() {
        let all = [
            ("V1__start.sql", A),
            ("V10__last.sql", C),
            ("later/U2__next_one.sql", B),
            ("V3__never-read.sql", D),
            ("mod.rs", "mod v1;"),
        ];
        let told = ["W0702 V3__never-read.sql (harmless)"];
        check(&all, Layout::Refinery, &["1 1 start", "2 2 next_one", "10 10 last"], &told);

        let dates = [("V20240131120000__start.sql", A), ("V20240215083000__next.sql", B)];
        check(&dates, Layout::Refinery, &["1 20240131120000 start", "2 20240215083000 next"], &[]);
        let rust = [("V1__start.sql", A), ("V2__next.rs", "pub fn migration() {}")];
        check(&rust, Layout::Refinery, &["1 1 start"], &["W0704 V2__next.rs"]);
        check(&[("V1__start.rs", "")], Layout::Refinery, &[], &["W0704 V1__start.rs"]);
        check(
            &[("V1__start.sql", A), ("V1.1__next.sql", B)],
            Layout::Refinery,
            &["1 1 start"],
            &["W0702 V1.1__next.sql"],
        );
        let twice = [("V1__start.sql", A), ("U1__other.sql", B)];
        let folder = check(&twice, Layout::Refinery, &["1 1 other", "1 1 start"], &["W0709 1_start"]);
        assert_eq!(folder.problems[0].help, ["give the later one the next free number"]);
        let outside =
            [("V1__start.sql", "-- refinery:noTransaction\nVACUUM;"), ("V2__in.sql", "-- x refinery:noTransaction")];
        let folder = read(&outside).unwrap();
        assert_eq!(folder.history.migrations.iter().map(|m| m.transaction).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn diesel() {
        let all = [
            ("00000000000000_diesel_initial_setup/up.sql", A),
            ("00000000000000_diesel_initial_setup/down.sql", "-- undo `up.sql` here\n"),
            ("2024-01-31-120000_start/up.sql", B),
            ("2024-01-31-120000_start/down.sql", "DROP TABLE b;"),
            ("20240215083000_next_one/up.sql", C),
            ("20240215083000_next_one/metadata.toml", "run_in_transaction = false\n"),
            (".hidden/up.sql", D),
            ("diesel.toml", ""),
        ];
        let expected =
            ["1 00000000000000 diesel_initial_setup", "2 20240131120000 start ↓", "3 20240215083000 next_one"];
        let folder = check(&all, Layout::Diesel, &expected, &[]);
        assert_eq!(folder.history.migrations.iter().map(|m| m.transaction).collect::<Vec<_>>(), [true, true, false]);

        let all = [("2024-01-31-120000_start/up.sql", A), ("2024-02-15-083000_next/down.sql", "DROP TABLE b;")];
        check(&all, Layout::Diesel, &["1 20240131120000 start"], &["W0707 20240215083000_next"]);
        // Versions are texts to diesel.
        let all = [("1_a/up.sql", A), ("10_b/up.sql", B), ("2_c/up.sql", C)];
        check(&all, Layout::Diesel, &["1 1 a", "10 10 b", "11 2 c"], &[]);
    }

    #[test]
    fn rusqlite_migration() {
        let all = [
            ("1-start/up.sql", A),
            ("02-next/up.sql", B),
            ("02-next/down.sql", "DROP TABLE b;"),
            ("3-more_of-it/up.sql", C),
        ];
        check(&all, Layout::Diesel, &["1 1 start", "2 02 next ↓", "3 3 more_of-it"], &[]);
        let ten: Vec<(String, &str)> = (1..=10).map(|n| (format!("{n}-x/up.sql"), A)).collect();
        let ten: Vec<(&str, &str)> = ten.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(migrations(&read(&ten).unwrap())[9], "10 10 x");
        let gap = [("1-start/up.sql", A), ("3-more/up.sql", C)];
        check(&gap, Layout::Diesel, &["1 1 start", "3 3 more"], &["W0707 2"]);
        let both = [("1-start/up.sql", A), ("1-x/up.sql", B), ("3-more/up.sql", C)];
        check(&both, Layout::Diesel, &["1 1 start", "1 1 x", "3 3 more"], &["W0707 2", "W0709 1_x"]);
        let back = [("1-start/up.sql", A), ("2-more/down.sql", "DROP TABLE b;")];
        check(&back, Layout::Diesel, &["1 1 start"], &["W0707 2_more"]);
        let twice = [("1-start/up.sql", A), ("1-other/up.sql", B), ("2-more/up.sql", C)];
        check(&twice, Layout::Diesel, &["1 1 other", "1 1 start", "2 2 more"], &["W0709 1_start"]);
    }

    fn drizzle_journal(tags: &[&str]) -> String {
        let entry = |(n, tag): (usize, &&str)| {
            format!(
                r#"{{"idx":{n},"version":"6","when":{},"tag":"{tag}","breakpoints":true}}"#,
                1_700_000_000_000 + n as u64
            )
        };
        let entries: Vec<String> = tags.iter().enumerate().map(entry).collect();
        format!(r#"{{"version":"7","dialect":"sqlite","entries":[{}]}}"#, entries.join(","))
    }

    #[test]
    fn drizzle() {
        let journal = drizzle_journal(&["0000_quiet_heron", "0001_small_tern"]);
        let text = "CREATE TABLE a(x);\n--> statement-breakpoint\nCREATE TABLE b(x);";
        let all = [("0000_quiet_heron.sql", text), ("0001_small_tern.sql", C), ("meta/_journal.json", &journal)];
        let folder = check(&all, Layout::Drizzle, &["1 0000 quiet_heron", "2 0001 small_tern"], &[]);
        assert_eq!(folder.history.migrations[0].script().unwrap().len(), 2);
        assert!(folder.journal.is_none());

        let gone = [all[0], all[2]];
        check(&gone, Layout::Drizzle, &["1 0000 quiet_heron"], &["W0707 0001_small_tern"]);
        let more = [all[0], all[1], all[2], ("0002_lost.sql", D)];
        let expected = ["1 0000 quiet_heron", "2 0001 small_tern"];
        check(&more, Layout::Drizzle, &expected, &["W0708 0002_lost.sql (harmless)"]);
    }

    #[test]
    fn drizzle_runs_what_its_journal_says_in_that_order() {
        let journal = drizzle_journal(&["0000_a", "0002_c", "0001_b", "0002_d"]);
        let all = [
            ("0000_a.sql", A),
            ("0001_b.sql", B),
            ("0002_c.sql", C),
            ("0002_d.sql", D),
            ("meta/_journal.json", &journal),
        ];
        check(&all, Layout::Drizzle, &["1 0000 a", "2 0002 c", "3 0001 b", "4 0002_d "], &[]);
        let journal = drizzle_journal(&["quiet_heron", "quiet_fox", "quiet_fox"]);
        let all = [("quiet_heron.sql", A), ("quiet_fox.sql", B), ("meta/_journal.json", &journal)];
        check(&all, Layout::Drizzle, &["1 quiet_heron ", "2 quiet_fox "], &["W0709 quiet_fox"]);
    }

    #[test]
    fn drizzle_tags_do_not_lead_out_of_the_folder() {
        for tag in ["../secret", "/etc/secret", "a//b", "con", &"x".repeat(300)] {
            let journal = drizzle_journal(&["0000_a", tag]);
            let all = [("0000_a.sql", A), ("meta/_journal.json", journal.as_str())];
            let folder = read(&all).unwrap();
            assert_eq!(migrations(&folder), ["1 0000 a"], "{tag}");
            assert_eq!(folder.problems.len(), 1, "{tag}: {:?}", folder.problems);
            assert!(folder.blocker().is_some_and(|p| p.code == Code::MigrationName), "{tag}: {:?}", folder.problems);
        }
    }

    #[test]
    fn empty_journals() {
        let drizzle = r#"{"version":"7","dialect":"sqlite","entries":[]}"#;
        check(&[("meta/_journal.json", drizzle)], Layout::Drizzle, &[], &[]);
        let whimbrel = Journal::default().write();
        check(&[("meta/_journal.json", &whimbrel)], Layout::Whimbrel, &[], &[]);
    }

    #[test]
    fn folders_of_postgresql() {
        let start = "CREATE TABLE a(b text DEFAULT $$;$$);";
        let drizzle = r#"{"version":"7","dialect":"postgresql","entries":[{"idx":0,"tag":"0000_start"}]}"#;
        let lock = "provider = \"postgresql\"\n";
        for all in [
            vec![("meta/_journal.json", drizzle), ("0000_start.sql", start)],
            vec![("20240131120000_start/migration.sql", start), ("migration_lock.toml", lock)],
        ] {
            let folder = Folder::read(&files(&all)).unwrap();
            assert_eq!(folder.dialect, Dialect::Postgres);
            assert_eq!(folder.history.dialect(), Dialect::Postgres);
            assert_eq!(folder.history.migrations[0].script().unwrap().len(), 1);
            let wanted = MemoryFiles { dialect: Some(Dialect::Sqlite), ..files(&all) };
            assert_eq!(Folder::read(&wanted).unwrap_err().code(), Code::Journal);
        }
        // Prisma sends a file as it is: one statement stands by itself.
        let index = "-- built beside other work\nCREATE INDEX CONCURRENTLY i ON a (b);\n";
        let two = format!("{start}\n{index}");
        for (script, is_outside) in [(index, true), (start, false), (two.as_str(), false)] {
            let all = [("20240131120000_start/migration.sql", script), ("migration_lock.toml", lock)];
            let folder = Folder::read(&files(&all)).unwrap();
            assert_eq!(folder.history.migrations[0].transaction, !is_outside, "{script}");
        }
        // Nobody but whoever opens the folder knows what these are for.
        let plain = [("001_start.sql", start)];
        let told = MemoryFiles { dialect: Some(Dialect::Postgres), ..files(&plain) };
        assert_eq!(Folder::read(&told).unwrap().history.migrations[0].script().unwrap().len(), 1);
        let untold = Folder::read(&files(&plain)).unwrap();
        assert_eq!(untold.dialect, Dialect::Sqlite);
        assert_ne!(untold.history.migrations[0].checksum, Folder::read(&told).unwrap().history.migrations[0].checksum);
    }

    #[test]
    fn journals_of_other_databases() {
        for dialect in ["mysql", "singlestore"] {
            let journal = format!(r#"{{"version":"7","dialect":"{dialect}","entries":[]}}"#);
            check_error(&[("meta/_journal.json", &journal)], Code::Journal, &format!("is of {dialect} migrations"));
        }
        let turso = r#"{"version":"7","dialect":"turso","entries":[]}"#;
        check(&[("meta/_journal.json", turso)], Layout::Drizzle, &[], &[]);
        let lock = "# of prisma\nprovider = \"mysql\"\n";
        let all = [("20240131120000_start/migration.sql", A), ("migration_lock.toml", lock)];
        check_error(&all, Code::Journal, "migration_lock.toml is of mysql migrations");
    }

    #[test]
    fn prisma_and_drizzle_1() {
        let all = [
            ("0_init/migration.sql", A),
            ("20240131120000_start/migration.sql", B),
            ("20240131120000_added_later/migration.sql", C),
            ("20240131120000_start/snapshot.json", "{}"),
            ("drafts/notes.md", ""),
            ("migration_lock.toml", "provider = \"sqlite\""),
        ];
        let expected = ["1 0 init", "2 20240131120000 added_later", "3 20240131120000_start "];
        check(&all, Layout::Folders, &expected, &[]);
        let gone = [("20240131120000_start/migration.sql", A), ("20240215083000_next/snapshot.json", "{}")];
        check(&gone, Layout::Folders, &["1 20240131120000 start"], &["W0707 20240215083000_next"]);
    }

    const GOOSE: &str = "-- why\n-- +goose Up\n-- +goose StatementBegin\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  \
                         SELECT 1;\nEND\n-- +goose StatementEnd\nCREATE TABLE b(x);\n\n-- +goose Down\nDROP TABLE b;\n";

    #[test]
    fn goose() {
        let all = [("00001_start.sql", GOOSE), ("00002_next.sql", "-- +goose up\n-- +goose NO TRANSACTION\nVACUUM;\n")];
        let folder = check(&all, Layout::Goose, &["1 00001 start ↓", "2 00002 next"], &[]);
        let [start, next] = &folder.history.migrations[..] else { panic!() };
        assert_eq!(start.script().unwrap().statements(&start.up).count(), 2);
        assert_eq!(start.down.as_deref(), Some("-- +goose Down\nDROP TABLE b;\n"));
        assert!(start.transaction && !next.transaction);
        // The hash is of the file, the checksum of what runs: another way back is another hash, and nothing else.
        assert_eq!(start.hash, Checksum::of_bytes(GOOSE.as_bytes()));
        let other = GOOSE.replace("DROP TABLE b;", "DROP TABLE IF EXISTS b;");
        let other = read(&[("00001_start.sql", &other)]).unwrap();
        assert_eq!(other.history.migrations[0].checksum, start.checksum);
        assert_ne!(other.history.migrations[0].hash, start.hash);
        // Lines keep their numbers: the two parts are the file.
        assert_eq!(start.up.lines().count() + start.down.as_ref().unwrap().lines().count(), GOOSE.lines().count());
    }

    #[test]
    fn goose_that_cannot_be_read() {
        let up = "-- +goose Up\nCREATE TABLE a(x);\n";
        for (path, text, told) in [
            ("00002_next.sql", "-- +goose ENVSUB ON\n-- +goose Up\nSELECT '${REGION}';\n", "W0704 00002_next"),
            ("00002_next.sql", "CREATE TABLE b(x);\n", "W0704 00002_next"),
            ("00002_next.sql", "-- +goose Down\nDROP TABLE b;\n", "W0704 00002_next"),
            ("00002_next.sql", "-- +goose Down\nDROP TABLE b;\n-- +goose Up\nCREATE TABLE b(x);\n", "W0704 00002_next"),
            ("00002_next.sql", "-- +goose Up\nSELECT 1;\n-- +goose Up\nSELECT 2;\n", "W0704 00002_next"),
            ("00002_next.go", "package migrations\n", "W0704 00002_next.go"),
        ] {
            let folder = read(&[("00001_start.sql", up), (path, text)]).unwrap();
            assert_eq!(problems(&folder), [told], "{text}");
        }
        check(
            &[("00001_start.sql", up), ("00002_empty.sql", "")],
            Layout::Goose,
            &["1 00001 start", "2 00002 empty"],
            &[],
        );
        let beside = [("00001_start.sql", up), ("embed.go", ""), ("00002_next_test.go", "")];
        check(&beside, Layout::Goose, &["1 00001 start"], &["W0704 00002_next_test.go (harmless)"]);
    }

    #[test]
    fn dbmate_and_sql_migrate() {
        let dbmate = "-- migrate:up transaction:false\nCREATE TABLE a(x);\n\n-- migrate:down\nDROP TABLE a;\n";
        let all = [("20240131120000_start.sql", dbmate)];
        let folder = check(&all, Layout::Sections, &["1 20240131120000 start ↓"], &[]);
        assert!(!folder.history.migrations[0].transaction);
        assert!(!folder.history.migrations[0].up.contains("DROP"));
        let empty = "-- migrate:up\nCREATE TABLE a(x);\n-- migrate:down\n";
        check(&[("20240131120000_start.sql", empty)], Layout::Sections, &["1 20240131120000 start"], &[]);
        let sql_migrate = "-- +migrate Up\nCREATE TABLE a(x);\n-- +migrate Down\nDROP TABLE a;\n";
        let folder = check(&[("1_start.sql", sql_migrate)], Layout::Sections, &["1 1 start ↓"], &[]);
        assert!(!folder.history.migrations[0].up.contains("DROP"));
    }

    /// Journal and snapshots of Whimbrel lie beside other tools' files.
    #[test]
    fn journals_beside() {
        for all in [
            &[("V1__start.sql", A), ("V2__next.sql", B)],
            &[("2024-01-31-120000_start/up.sql", A), ("2024-02-15-083000_next/up.sql", B)],
            &[("20240131120000_start/migration.sql", A), ("20240131120000_zz/migration.sql", B)],
            &[("00001_start.sql", "-- +goose Up\nSELECT 1;\n"), ("00002_next.sql", "-- +goose Up\nSELECT 2;\n")],
        ] {
            let before = read(all).unwrap();
            let journal = journal(&before);
            let newest = before.history.migrations.last().unwrap();
            let snapshot = before.layout.snapshot(&newest.version);
            let mut with = all.to_vec();
            with.extend([(".whimbrel/_journal.json", journal.as_str()), (snapshot.as_str(), SNAPSHOT)]);
            let after = read(&with).unwrap();
            assert_eq!((after.layout, problems(&after)), (before.layout, vec![]), "{all:?}");
            assert_eq!(migrations(&after), migrations(&before));
            assert_eq!(after.snapshot.as_deref(), Some(SNAPSHOT));
            assert_eq!(after.history.snapshot, Some(Snapshot::default()));
            assert!(after.journal.is_some());
            // Without a file it is missing, once.
            let without = read(&with[1..]).unwrap();
            assert_eq!(problems(&without), [format!("W0707 {}", before.history.migrations[0].tag())], "{all:?}");
            assert_eq!(without.history.snapshot, None);
        }
    }
}

mod names {
    use super::*;

    #[test]
    fn leftovers_are_passed_over() {
        let all = [
            ("0001_start.sql", A),
            ("0001_start.sql~", B),
            (".0001_start.sql.swp", B),
            (".#0001_start.sql", B),
            ("#0001_start.sql#", B),
            ("0002_draft.sql.orig", B),
            (".git/0003_x.sql", B),
            ("more/.hidden/0003_x.sql", B),
            (".DS_Store", ""),
            ("README.md", ""),
        ];
        check(&all, Layout::Plain, &["1 0001 start"], &[]);
    }

    #[test]
    fn what_is_passed_over_is_told() {
        let all = [("0001_start.sql", A), ("seed.sql", B), ("0002_fill.py", ""), ("migrate.py", "")];
        let told = ["W0702 seed.sql (harmless)", "W0704 0002_fill.py (harmless)"];
        check(&all, Layout::Plain, &["1 0001 start"], &told);
    }

    #[test]
    fn folders_of_folders() {
        let all = [("postgres/0001_start.sql", A), ("sqlite/0001_start.sql", B)];
        let folder = check(&all, Layout::Plain, &[], &["W0701 sqlite"]);
        assert!(folder.problems[0].message.contains("postgres, sqlite"), "{:?}", folder.problems);
        assert_eq!(folder.problems[0].help, ["name that folder instead: …/sqlite"]);
        let all = [("mysql/2024-01-31-120000_start/up.sql", A), ("sqlite/2024-01-31-120000_start/up.sql", B)];
        check(&all, Layout::Plain, &[], &["W0701 sqlite"]);
    }

    #[test]
    fn folders_beside_numbered_files_are_somebodys_notes() {
        let all = [("0001_start.sql", A), ("templates/up.sql", B), ("old/V1__start.sql", C), ("x/migration.sql", D)];
        check(&all, Layout::Plain, &["1 0001 start"], &[]);
    }

    #[test]
    fn case() {
        let all =
            [("0001_Start.sql", A), ("0001_start.sql", A), ("0002_LOUD.SQL", B), ("0002_LOUD.DOWN.SQL", "SELECT 1")];
        let folder =
            check(&all, Layout::Plain, &["1 0001 Start", "1 0001 start", "2 0002 LOUD ↓"], &["W0709 0001_start"]);
        assert!(folder.problems[0].message.contains("one file on some systems"), "{:?}", folder.problems);
        let all = [("20240131120000_A/migration.sql", A), ("20240131120000_a/migration.sql", B)];
        assert_eq!(problems(&read(&all).unwrap()), ["W0709 20240131120000_a"]);
    }

    /// Fault 77: names that lead out of the folder, or that some system cannot hold, are refused and never read.
    #[test]
    fn fault_077_hostile_names() {
        let long = format!("0002_{}.sql", "x".repeat(300));
        for path in [
            "../0002_b.sql",
            "/0002_b.sql",
            "a/../0002_b.sql",
            "./0002_b.sql",
            "C:\\0002_b.sql",
            "0002_\0.sql",
            "0002_b.sql\0",
            "0002_b\n.sql",
            "0002_b.sql ",
            "0002_b.sql.",
            "0002_b?.sql",
            "0002_b.SQL:stream.sql",
            "con.sql",
            "Lpt1/up.sql",
            "nul/migration.sql",
            &long,
        ] {
            let folder = read(&[("0001_a.sql", A), (path, B)]).unwrap();
            assert_eq!(migrations(&folder), ["1 0001 a"], "{path:?}");
            assert_eq!(folder.problems.len(), 1, "{path:?}: {:?}", folder.problems);
            let problem = &folder.problems[0];
            assert!(problem.blocks && problem.code == Code::MigrationName, "{path:?}: {problem:?}");
            let told = format!("{} {}", problem.name, problem.message);
            assert!(!told.contains(char::is_control) && told.len() < 400, "{told:?}");
        }
    }

    #[test]
    fn long_numbers_do_not_overflow() {
        let nines = "9".repeat(150);
        let first = format!("{}1_a.sql", "0".repeat(150));
        let last = format!("{nines}_z.sql");
        let refinery = format!("V{nines}__z.sql");
        let folder = read(&[(&first, A), ("4294967296_b.sql", B), (&last, C)]).unwrap();
        assert_eq!(folder.history.migrations.iter().map(|m| m.idx).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(read(&[(&refinery, A)]).unwrap().history.newest(), 1);
        assert_eq!(read(&[(&format!("{nines}-x/up.sql"), A)]).unwrap().history.newest(), 1);
    }

    #[test]
    fn any_text_is_a_name() {
        for path in
            ["ä.sql", "é/up.sql", "日本_x/migration.sql", "V1__日本.sql", "İ.sql", "1_ß.down.sql", "_.sql", "-.sql"]
        {
            read(&[(path, A), ("0001_a.sql", B)]).unwrap();
            read(&[(path, A)]).unwrap();
        }
    }

    #[test]
    fn files_that_are_no_text() {
        let mut memory = files(&[("0001_a.sql", A)]);
        memory.write("0002_b.sql", b"SELECT 1;\n\xff").unwrap();
        let error = Folder::read(&memory).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFiles);
        assert!(error.to_string().contains("0002_b.sql is not UTF-8 text: look at line 2"), "{error}");
        check_error(&[("0001_a.sql", "SELECT 'a")], Code::MigrationScript, "0001_a.sql: unterminated string");
    }
}

/// The journal of a folder as it is.
fn journal(folder: &Folder) -> String {
    let entries = folder.history.migrations.iter().map(|m| Entry::of(m, None)).collect();
    Journal { entries, ..Journal::default() }.write()
}

mod reconciled {
    use super::*;

    const ALL: [(&str, &str); 4] = [("0001_a.sql", A), ("0002_b.sql", B), ("0003_c.sql", C), ("0004_d.sql", D)];

    /// A folder of four with its journal, changed by a hand.
    #[track_caller]
    fn changed(change: impl FnOnce(&mut MemoryFiles)) -> Folder {
        let mut memory = files(&ALL);
        let journal = journal(&Folder::read(&memory).unwrap());
        memory.write("meta/_journal.json", journal.as_bytes()).unwrap();
        memory.write("meta/0004_snapshot.json", SNAPSHOT.as_bytes()).unwrap();
        let before = Folder::read(&memory).unwrap();
        assert!(before.problems.is_empty() && before.history.snapshot.is_some());
        change(&mut memory);
        let folder = Folder::read(&memory).unwrap();
        for problem in &folder.problems {
            assert!(!problem.help.is_empty(), "there is a way out of {problem:?}");
        }
        folder
    }

    fn rename(memory: &mut MemoryFiles, from: &str, to: &str) {
        let bytes = memory.files.remove(from).unwrap();
        memory.files.insert(to.to_owned(), bytes);
    }

    fn write(memory: &mut MemoryFiles, path: &str, text: &str) {
        memory.files.insert(path.to_owned(), text.as_bytes().to_vec());
    }

    fn edit_journal(memory: &mut MemoryFiles, edit: impl FnOnce(&mut Journal)) {
        let text = String::from_utf8(memory.files["meta/_journal.json"].clone()).unwrap();
        let mut journal = Journal::read("meta/_journal.json", &text).unwrap();
        edit(&mut journal);
        write(memory, "meta/_journal.json", &journal.write());
    }

    #[test]
    fn nobody_is_alarmed_by_comments_and_line_endings() {
        for text in ["\u{feff}CREATE TABLE b(x);\r\n", "-- why\nCREATE TABLE b(x); -- then", "CREATE  TABLE b ( x )"] {
            let folder = changed(|memory| write(memory, "0002_b.sql", text));
            assert_eq!(problems(&folder), [""; 0], "{text}");
            assert!(folder.history.snapshot.is_some());
        }
    }

    #[test]
    fn a_snapshot_that_cannot_be_read() {
        for text in
            ["", "{}", r#"{"whimbrel_snapshot":99,"dialect":"sqlite"}"#, &SNAPSHOT.replace("sqlite", "postgres")]
        {
            let folder = changed(|memory| write(memory, "meta/0004_snapshot.json", text));
            assert_eq!(problems(&folder), ["W0105 0004_d"], "{text}");
            assert_eq!((folder.history.snapshot, folder.snapshot.as_deref()), (None, Some(text)));
        }
    }

    #[test]
    fn edited() {
        let folder = changed(|memory| write(memory, "0002_b.sql", "CREATE TABLE b(y);"));
        assert_eq!(problems(&folder), ["W0706 0002_b (harmless)"]);
        assert_eq!(folder.history.snapshot, None, "the snapshot is of the old text");
    }

    #[test]
    fn deleted() {
        for (n, (path, _)) in ALL.iter().enumerate() {
            let folder = changed(|memory| memory.remove(path).unwrap());
            assert_eq!(problems(&folder), [format!("W0707 {}", path.trim_end_matches(".sql"))]);
            assert_eq!(folder.problems[0].idx, Some(n as u32 + 1));
        }
    }

    #[test]
    fn deleted_but_for_the_way_back() {
        let folder = changed(|memory| {
            memory.remove("0003_c.sql").unwrap();
            write(memory, "0003_c.down.sql", "DROP TABLE c;");
        });
        assert_eq!(problems(&folder), ["W0707 0003_c"]);
    }

    #[test]
    fn renamed() {
        let folder = changed(|memory| rename(memory, "0002_b.sql", "0002_bees.sql"));
        assert_eq!(problems(&folder), ["W0710 0002_bees"]);
        assert!(folder.problems[0].message.starts_with("0002_b is called 0002_bees now, and meta/_journal.json"));
        let folder = changed(|memory| {
            rename(memory, "0002_b.sql", "0002_bees.sql");
            write(memory, "0002_bees.sql", "CREATE TABLE bees(x);");
        });
        assert_eq!(problems(&folder), ["W0710 0002_bees"]);
        assert!(folder.problems[0].message.contains("was edited"), "{:?}", folder.problems);
    }

    #[test]
    fn renumbered() {
        let folder = changed(|memory| rename(memory, "0004_d.sql", "0005_d.sql"));
        assert_eq!(problems(&folder), ["W0711 0005_d"]);
        assert!(folder.problems[0].message.contains("0004_d is 0005_d now"), "{:?}", folder.problems);
        // And edited, and renamed: what is left of a migration's marks is enough.
        let folder = changed(|memory| {
            memory.remove("0004_d.sql").unwrap();
            write(memory, "0005_d.sql", "CREATE TABLE d(y);");
        });
        assert_eq!(problems(&folder), ["W0711 0005_d"]);
        let folder = changed(|memory| rename(memory, "0004_d.sql", "0007_other.sql"));
        assert_eq!(problems(&folder), ["W0711 0007_other"]);
    }

    #[test]
    fn reordered() {
        let folder = changed(|memory| {
            rename(memory, "0002_b.sql", "x");
            rename(memory, "0003_c.sql", "0002_c.sql");
            rename(memory, "x", "0003_b.sql");
        });
        assert_eq!(problems(&folder), ["W0711 0003_b"]);
        assert!(folder.problems[0].message.starts_with("0002_b is 0003_b now, 0003_c is 0002_c now"));
        let folder = changed(|memory| edit_journal(memory, |journal| journal.entries.swap(1, 2)));
        assert_eq!(problems(&folder), ["W0711 0002_b"]);
        // The texts changed places, under the old names: each was edited.
        let folder = changed(|memory| {
            write(memory, "0002_b.sql", C);
            write(memory, "0003_c.sql", B);
        });
        assert_eq!(problems(&folder), ["W0706 0002_b (harmless)", "W0706 0003_c (harmless)"]);
    }

    #[test]
    fn many_that_moved_are_told_at_once() {
        let folder = changed(|memory| {
            for (n, (path, _)) in ALL.iter().enumerate().rev() {
                rename(memory, path, &format!("000{}_{}", n + 2, &path[5..]));
            }
        });
        assert_eq!(problems(&folder), ["W0711 0002_a"]);
        assert!(folder.problems[0].message.contains(", so are 1 more, and"), "{:?}", folder.problems);
    }

    #[test]
    fn duplicated() {
        let folder = changed(|memory| write(memory, "0002_new.sql", "CREATE TABLE new(x);"));
        assert_eq!(problems(&folder), ["W0709 0002_new"]);
        assert_eq!(folder.problems[0].message, "0002_b and 0002_new have one number");
        // The one that the journal does not know is the one that gives way, wherever its name stands.
        let folder = changed(|memory| write(memory, "0002_aaa.sql", "CREATE TABLE new(x);"));
        assert_eq!(problems(&folder), ["W0709 0002_aaa"]);
        assert_eq!(folder.problems[0].message, "0002_b and 0002_aaa have one number");
        // Two branches, whose journals git has put together.
        let folder = changed(|memory| {
            write(memory, "0004_new.sql", "CREATE TABLE new(x);");
            edit_journal(memory, |journal| {
                let mut entry = journal.entries[3].clone();
                entry.name = "new".to_owned();
                entry.checksum = Checksum::of_script(Dialect::Sqlite, "CREATE TABLE new(x);").unwrap().to_string();
                journal.entries.push(entry);
            });
        });
        assert_eq!(problems(&folder), ["W0709 0004_new"]);
    }

    #[test]
    fn duplicated_in_the_journal() {
        let folder = changed(|memory| edit_journal(memory, |j| j.entries.push(j.entries[1].clone())));
        assert_eq!(problems(&folder), ["W0709 0002_b"]);
        let folder = changed(|memory| edit_journal(memory, |j| j.entries[3].idx = 3));
        assert_eq!(problems(&folder), ["W0709 0004_d"]);
        let folder = changed(|memory| {
            edit_journal(memory, |j| j.entries.push(j.entries[1].clone()));
            memory.remove("0002_b.sql").unwrap();
        });
        assert_eq!(problems(&folder), ["W0707 0002_b"]);
    }

    #[test]
    fn unlisted() {
        for path in ["0005_new.sql", "00015_new.sql"] {
            let folder = changed(|memory| write(memory, path, "CREATE TABLE new(x);"));
            assert_eq!(problems(&folder), [format!("W0708 {}", path.trim_end_matches(".sql"))]);
        }
        let folder = changed(|memory| {
            memory.remove("0003_c.sql").unwrap();
            edit_journal(memory, |journal| journal.entries.remove(2).idx = 0);
            write(memory, "0003_between.sql", "CREATE TABLE new(x);");
        });
        assert_eq!(problems(&folder), ["W0708 0003_between"]);
    }

    /// A renamed file is not taken for the one that was deleted, only because both do nothing.
    #[test]
    fn empty_scripts_are_no_marks() {
        let mut memory = files(&[("0001_a.sql", "-- a"), ("0002_b.sql", B)]);
        let journal = journal(&Folder::read(&memory).unwrap());
        memory.write("meta/_journal.json", journal.as_bytes()).unwrap();
        memory.remove("0001_a.sql").unwrap();
        write(&mut memory, "0003_new.sql", "-- new");
        assert_eq!(problems(&Folder::read(&memory).unwrap()), ["W0707 0001_a", "W0708 0003_new"]);
    }

    /// Where two texts are the same, the name says which is which.
    #[test]
    fn equal_texts_are_told_apart_by_name() {
        let mut memory = files(&[("0001_a.sql", A), ("0002_b.sql", A)]);
        let journal = journal(&Folder::read(&memory).unwrap());
        memory.write("meta/_journal.json", journal.as_bytes()).unwrap();
        rename(&mut memory, "0001_a.sql", "0004_a.sql");
        rename(&mut memory, "0002_b.sql", "0003_b.sql");
        let folder = Folder::read(&memory).unwrap();
        assert_eq!(problems(&folder), ["W0711 0004_a"]);
        assert!(folder.problems[0].message.starts_with("0001_a is 0004_a now, 0002_b is 0003_b now, and"));
    }

    #[test]
    fn a_conflict_of_git() {
        for line_end in ["\n", "\r\n"] {
            for [ours, theirs, says] in [
                [r#"{"idx":2,"name":"b","checksum":""}"#, r#"{"idx":2,"name":"c","checksum":""}"#, "migrate rebase"],
                [r#"{"idx":1,"tag":"0001_b"}"#, r#"{"idx":1,"tag":"0001_c"}"#, "the entries of both sides"],
            ] {
                let text = ["{\"entries\": [", "<<<<<<< HEAD", ours, "=======", theirs, ">>>>>>> other", "]}"];
                let all = [("0001_a.sql", A), ("meta/_journal.json", &text.join(line_end))];
                check_error(&all, Code::Journal, "meta/_journal.json holds the conflict of a merge");
                check_error(&all, Code::Journal, says);
            }
        }
    }

    #[test]
    fn journals_that_cannot_be_read() {
        let of = |journal| [("0001_a.sql", A), ("meta/_journal.json", journal)];
        check_error(&of("{"), Code::Journal, "cannot be read");
        check_error(&of(""), Code::Journal, "cannot be read");
        check_error(&of(r#"{"version":2,"dialect":"sqlite","entries":[]}"#), Code::Journal, "has format 2");
        check_error(&of(r#"{"version":1,"dialect":"oracle","entries":[]}"#), Code::Journal, "is of oracle migrations");
        check_error(&of(r#"{"version":"7","entries":[]}"#), Code::Journal, "cannot be read");
    }

    #[test]
    fn what_a_journal_says_is_fit_to_be_printed() {
        let folder = changed(|memory| edit_journal(memory, |j| j.entries[1].name = "\u{1b}[31m".repeat(99)));
        assert_eq!(folder.problems.len(), 1);
        let told = format!("{} {}", folder.problems[0].name, folder.problems[0].message);
        assert!(!told.contains(char::is_control) && told.len() < 2000, "{told:?}");
    }

    #[test]
    fn squashed() {
        let mut memory = files(&[("0002_ab.sql", "CREATE TABLE a(x); CREATE TABLE b(x);"), ("0003_c.sql", C)]);
        write(&mut memory, "squashed/0001_a.sql", A);
        write(&mut memory, "squashed/0002_b.sql", B);
        let entry = |idx: u32, name: &str, text: &str| Entry {
            idx,
            version: format!("{idx:04}"),
            name: name.to_owned(),
            checksum: Checksum::of_script(Dialect::Sqlite, text).unwrap().to_string(),
            ..Entry::default()
        };
        let mut squash = entry(2, "ab", "CREATE TABLE a(x); CREATE TABLE b(x);");
        squash.squashes = vec![entry(1, "a", A), entry(2, "b", B)];
        let journal = Journal { entries: vec![squash, entry(3, "c", C)], ..Journal::default() };
        write(&mut memory, "meta/_journal.json", &journal.write());
        let folder = Folder::read(&memory).unwrap();
        assert_eq!(problems(&folder), [""; 0]);
        assert_eq!(migrations(&folder), ["2 0002 ab", "3 0003 c"]);
        let originals: Vec<_> = folder.history.originals().map(|m| (m.idx, m.path.as_ref())).collect();
        assert_eq!(originals, [(1, "squashed/0001_a.sql"), (2, "squashed/0002_b.sql"), (3, "0003_c.sql")]);
        // Without its file, what the journal says of it is left.
        memory.remove("squashed/0001_a.sql").unwrap();
        let without = Folder::read(&memory).unwrap();
        assert_eq!(without.history.head, folder.history.head);
        assert!(without.history.migrations[0].replaces[0].path.is_empty());
    }
}
