//! Every command's help, whole, and with an example.

use snapbox::file;

use crate::support::program;

fn help(words: &[&str]) -> String {
    let output = program().args(words).arg("--help").assert().code(0).stderr_eq("");
    String::from_utf8_lossy(&output.get_output().stdout).into_owned()
}

macro_rules! help_of {
    ($name:ident, $file:literal) => {
        #[test]
        fn $name() {
            let text = help(&[stringify!($name)]);
            assert!(text.contains("\nExamples:\n  whimbrel "), "{text}");
            snapbox::Assert::new().action_env("SNAPSHOTS").eq(text, file![$file]);
        }
    };
}

macro_rules! help_of_migrate {
    ($name:ident, $file:literal) => {
        #[test]
        fn $name() {
            let text = help(&["migrate", stringify!($name)]);
            assert!(text.contains("\nExamples:\n  "), "{text}");
            assert!(text.contains("  whimbrel migrate "), "{text}");
            snapbox::Assert::new().action_env("SNAPSHOTS").eq(text, file![$file]);
        }
    };
}

help_of!(plan, "../help/plan.txt");
help_of!(push, "../help/push.txt");
help_of!(migrate, "../help/migrate.txt");
help_of!(diff, "../help/diff.txt");
help_of!(pull, "../help/pull.txt");
help_of!(doctor, "../help/doctor.txt");
help_of!(restore, "../help/restore.txt");
help_of!(translate, "../help/translate.txt");
help_of!(completions, "../help/completions.txt");

mod migrate_commands {
    use super::{file, help};

    help_of_migrate!(generate, "../help/migrate-generate.txt");
    help_of_migrate!(apply, "../help/migrate-apply.txt");
    help_of_migrate!(status, "../help/migrate-status.txt");
    help_of_migrate!(pending, "../help/migrate-pending.txt");
    help_of_migrate!(list, "../help/migrate-list.txt");
    help_of_migrate!(show, "../help/migrate-show.txt");
    help_of_migrate!(down, "../help/migrate-down.txt");
    help_of_migrate!(rollback, "../help/migrate-rollback.txt");
    help_of_migrate!(drop, "../help/migrate-drop.txt");
    help_of_migrate!(squash, "../help/migrate-squash.txt");
    help_of_migrate!(baseline, "../help/migrate-baseline.txt");
    help_of_migrate!(reset, "../help/migrate-reset.txt");
    help_of_migrate!(repair, "../help/migrate-repair.txt");
    help_of_migrate!(rebase, "../help/migrate-rebase.txt");
    help_of_migrate!(verify, "../help/migrate-verify.txt");
    help_of_migrate!(lint, "../help/migrate-lint.txt");
}

#[test]
fn whimbrel() {
    snapbox::Assert::new().action_env("SNAPSHOTS").eq(help(&[]), file!["../help/whimbrel.txt"]);
}

/// The commands that a help text lists.
fn commands(words: &[&str]) -> Vec<String> {
    let listed = help(words);
    let commands = listed.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    commands.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_its_help_tested() {
    let expected = ["plan", "push", "migrate", "diff", "pull", "doctor", "restore", "translate", "completions", "help"];
    assert_eq!(commands(&[]), expected);
    let expected = [
        "generate", "apply", "status", "pending", "list", "show", "down", "rollback", "drop", "squash", "baseline",
        "reset", "repair", "rebase", "verify", "lint", "help",
    ];
    assert_eq!(commands(&["migrate"]), expected);
}

#[test]
fn the_version() {
    program().arg("--version").assert().code(0).stdout_eq("whimbrel [..]\n").stderr_eq("");
}

#[test]
fn scripts_for_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = program().args(["completions", shell]).assert().code(0).stderr_eq("");
        let script = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        assert!(script.contains("accept-data-loss"), "{shell}: {script}");
    }
}
