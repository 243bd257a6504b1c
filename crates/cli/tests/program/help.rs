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

help_of!(plan, "../help/plan.txt");
help_of!(push, "../help/push.txt");
help_of!(diff, "../help/diff.txt");
help_of!(pull, "../help/pull.txt");
help_of!(doctor, "../help/doctor.txt");
help_of!(restore, "../help/restore.txt");
help_of!(completions, "../help/completions.txt");

#[test]
fn whimbrel() {
    snapbox::Assert::new().action_env("SNAPSHOTS").eq(help(&[]), file!["../help/whimbrel.txt"]);
}

#[test]
fn every_command_has_its_help_tested() {
    let listed = help(&[]);
    let commands = listed.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let names: Vec<_> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["plan", "push", "diff", "pull", "doctor", "restore", "completions", "help"]);
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
