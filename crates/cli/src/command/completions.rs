//! `whimbrel completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// Print a script that completes commands in a shell
///
/// Where the script has to be put, each shell's own documentation says; the examples show the usual places.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel completions bash > ~/.local/share/bash-completion/completions/whimbrel
  whimbrel completions zsh > ~/.zfunc/_whimbrel
  whimbrel completions fish > ~/.config/fish/completions/whimbrel.fish";

impl Completions {
    /// Prints the script.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "whimbrel", &mut script);
        let script = String::from_utf8_lossy(&script);
        session.record("script", &script);
        session.print(&script);
        Ok(Exit::Done)
    }
}
