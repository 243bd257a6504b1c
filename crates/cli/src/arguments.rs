//! The command line: what all commands share. The options of one command stand in its own file.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::{ArgAction, Args, ColorChoice, Parser};

use crate::command::Command;
use crate::configuration::Configuration;
use crate::phases::PhaseArguments;

/// Brings SQLite databases to a declared schema, and loses nothing.
///
/// The schema is declared as plain SQL: `CREATE` statements in a file. Whimbrel reads the database, says what
/// differs, finds the cheapest safe way, and takes it in one transaction that is verified before it is committed.
#[derive(Debug, Parser)]
#[command(name = "whimbrel", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel plan --db app.db --schema schema.sql     what would be done
  whimbrel push --db app.db --schema schema.sql     do it
  whimbrel pull --db app.db > schema.sql            start from a database that is there
  whimbrel diff old.sql new.sql                     the SQL from one schema to another
  whimbrel migrate generate --name add-users        a migration for the apps' databases
  whimbrel migrate apply --db app.db                run what has not run yet

Defaults stand in whimbrel.toml, in this folder or one above it:
  db = \"app.db\"
  schema = \"schema.sql\"

Exit status: 0 done or nothing to do, 1 failed and nothing changed, 2 usage,
3 changes pending (plan --exit-code, migrate status --exit-code), 4 refused: an
answer or an acceptance is needed, or history and database do not fit.";

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors and what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more: every step with its statements
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

impl Global {
    /// What can be seen of the global options before the command line is understood: its own errors are printed in
    /// the form that was asked for.
    pub fn from_words(words: &[OsString]) -> Global {
        let before_dashes = || words.iter().skip(1).take_while(|word| *word != "--");
        let has = |name: &str| before_dashes().any(|word| word == name);
        let mut color = ColorChoice::Auto;
        let mut words = before_dashes();
        while let Some(word) = words.next() {
            let value = match word.to_str() {
                Some("--color") => words.next().and_then(|value| value.to_str()),
                Some(word) => word.strip_prefix("--color="),
                None => None,
            };
            color = match value {
                Some("always") => ColorChoice::Always,
                Some("never") => ColorChoice::Never,
                _ => color,
            };
        }
        Global { json: has("--json"), quiet: has("--quiet") || has("-q"), verbose: false, color }
    }
}

/// The database a command works on.
#[derive(Debug, Args)]
pub struct DatabaseArgument {
    /// The database: a path, or a sqlite: or postgres: URL [env: WHIMBREL_DB]
    #[arg(long, value_name = "DATABASE")]
    pub db: Option<OsString>,
}

/// How a plan is made.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The declared schema: a .sql file, a folder of them, a snapshot, a database, or - for standard input
    #[arg(long, value_name = "SOURCE", action = ArgAction::Append)]
    pub schema: Vec<OsString>,
    /// Let data be lost, and take a renamed thing for a dropped and an added one unless --rename says otherwise
    #[arg(long)]
    pub accept_data_loss: bool,
    /// Say that a table or column has a new name: users=people, users.mail=email
    #[arg(long, value_name = "FROM=TO", action = ArgAction::Append, value_parser = rename)]
    pub rename: Vec<Rename>,
    /// Leave tables and views out of sight whose names match, such as 'legacy_*'
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub ignore: Vec<String>,
    /// Take another order of columns for a change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub strict_order: Option<bool>,
    /// Show the keys of the rows that do not fit
    #[arg(long)]
    pub show_rows: bool,
    /// PostgreSQL: nobody uses the database, so take the shortest way in one transaction
    #[arg(long)]
    pub fast: bool,
    /// PostgreSQL: an empty database to try the schema in, where none may be made
    #[arg(long, value_name = "URL")]
    pub scratch: Option<OsString>,
    #[command(flatten)]
    pub times: ServerArguments,
    /// A change in two phases.
    #[command(flatten)]
    pub phase: PhaseArguments,
}

/// How long things may take on a PostgreSQL server that is in use.
#[derive(Debug, Default, Args)]
pub struct ServerArguments {
    /// PostgreSQL: how long others may have to wait for a lock, such as 500ms or 2s [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub lock_timeout: Option<Duration>,
    /// PostgreSQL: how long a statement may take [default: as long as it needs]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub statement_timeout: Option<Duration>,
}

/// Reads `500ms`, `2s` or `1min`.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "write it as 500ms, 2s or 1min".to_owned())?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "min" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err("write it as 500ms, 2s or 1min".to_owned()),
    }
}

/// Where migrations are, and what they are for. Every `migrate` command understands these, before and behind its name.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all migrate commands")]
pub struct ProjectArguments {
    /// The folder of the migrations [default: migrations]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub dir: Option<OsString>,
    /// The database, as a path, or a sqlite: or postgres: URL [env: WHIMBREL_DB]
    #[arg(long, global = true, value_name = "DATABASE")]
    pub db: Option<OsString>,
    /// The declared schema: a .sql file, a folder of them, a snapshot, a database, or - for standard input
    #[arg(long, global = true, value_name = "SOURCE", action = ArgAction::Append)]
    pub schema: Vec<OsString>,
    /// What the migrations are for, where neither folder nor database say so: sqlite, postgres
    #[arg(long, global = true, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// Leave tables and views out of sight whose names match, such as 'legacy_*'
    #[arg(long, global = true, value_name = "PATTERN", action = ArgAction::Append)]
    pub ignore: Vec<String>,
    /// PostgreSQL: try things out in this empty database, instead of one that is made and dropped
    #[arg(long, global = true, value_name = "URL")]
    pub scratch: Option<OsString>,
}

/// Whether a backup is made before something is written.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// Make a backup beside the database first
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub backup: Option<bool>,
    /// Keep this many backups and remove older ones [default: 3]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    pub keep: Option<usize>,
}

impl BackupArguments {
    /// How many backups are kept, where one is made.
    pub fn wanted(&self, configuration: &Configuration, usual: bool) -> Option<usize> {
        let is_wanted = self.backup.or(configuration.backup).unwrap_or(usual);
        is_wanted.then(|| self.keep.or(configuration.keep).unwrap_or(3))
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least the backup that is made has to be kept".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("this is not a number".to_owned()),
    }
}

/// An answer given by `--rename`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// `table` or `table.column`, as it is called in the database.
    pub from: String,
    /// The new name.
    pub to: String,
}

/// Reads `FROM=TO`. A name with a dot, an equals sign or a quote in it is written in double quotes.
pub fn rename(text: &str) -> Result<Rename, String> {
    let mut quoted = false;
    let equals = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '=' && !quoted
    });
    match equals.map(|(at, _)| (&text[..at], &text[at + 1..])) {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => {
            Ok(Rename { from: from.to_owned(), to: to.to_owned() })
        }
        _ => Err("write it as users=people or users.mail=email".to_owned()),
    }
}

/// A word of the command line as it is shown.
pub fn shown(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_rename_is_split_at_the_first_equals_sign_outside_of_quotes() {
        let split = |text: &str| rename(text).map(|r| (r.from, r.to));
        assert_eq!(split("users.mail=email"), Ok(("users.mail".into(), "email".into())));
        assert_eq!(split("\"a=b\".c=d"), Ok(("\"a=b\".c".into(), "d".into())));
        assert_eq!(split("a=b=c"), Ok(("a".into(), "b=c".into())));
        for wrong in ["", "=", "a", "a=", "=b", "\"a=b"] {
            assert!(rename(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn global_options_are_seen_on_a_command_line_that_is_wrong() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(Global::from_words(&words("whimbrel plan --nonsense --json")).json);
        assert!(!Global::from_words(&words("whimbrel diff -- --json")).json);
        assert_eq!(Global::from_words(&words("whimbrel --color never")).color, ColorChoice::Never);
        assert_eq!(Global::from_words(&words("whimbrel --color=always")).color, ColorChoice::Always);
    }
}
