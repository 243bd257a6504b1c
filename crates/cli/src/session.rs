//! One run of the program: where it prints to, and what it has to say as JSON.

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use clap::ColorChoice;
use clap::error::ErrorKind;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::arguments::Global;
use crate::failure::{Exit, Failure, OUTPUT, Problem, USAGE};
use crate::{render, wire};

/// One run of the program.
pub struct Session {
    /// Whether one JSON object is printed instead of text.
    pub json: bool,
    /// Whether nothing but errors and what was asked for is printed.
    pub quiet: bool,
    /// Whether more is printed.
    pub verbose: bool,
    /// The database that may be written to, as it is called in messages.
    pub written: Option<String>,
    /// Whether something was committed: from then on, exit status 1 would say what is not true.
    pub applied: bool,
    /// Whether standard input was read as a schema.
    pub input_taken: bool,
    command: &'static str,
    color: anstream::ColorChoice,
    members: Map<String, Value>,
    output: Output,
}

/// Standard output, as far as somebody reads it.
#[derive(Default)]
struct Output {
    /// Whether the reader went away, which is no failure: `whimbrel pull | head` has what it wants.
    closed: bool,
    failure: Option<io::Error>,
}

impl Output {
    /// What stands on standard output comes before what is told on standard error.
    fn flush(&mut self) {
        if !self.closed {
            let result = io::stdout().flush();
            self.note(result);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(e) => {
                self.closed = true;
                self.failure.get_or_insert(e);
            }
        }
    }
}

impl Session {
    /// A run of the command of this name.
    pub fn new(command: &'static str, global: &Global) -> Session {
        let color = match global.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        Session {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            written: None,
            applied: false,
            input_taken: false,
            command,
            color,
            members: Map::new(),
            output: Output::default(),
        }
    }

    /// Prints a line for a person.
    pub fn say(&mut self, text: &str) {
        if !self.quiet && !self.json && !self.output.closed {
            let result = writeln!(AutoStream::new(io::stdout(), self.color), "{text}");
            self.output.note(result);
        }
    }

    /// Prints what was asked for, byte by byte: `--quiet` does not keep it back, and nothing in it is taken for colour.
    pub fn print(&mut self, text: &str) {
        if !self.json && !self.output.closed {
            self.write(text);
        }
    }

    fn write(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        let result = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        self.output.note(result);
    }

    /// Prints a line on standard error that is no failure.
    pub fn remark(&self, text: &str) {
        if !self.quiet && !self.json {
            self.tell(text);
        }
    }

    /// Prints a line on standard error. Where that fails, there is nobody left to tell.
    fn tell(&self, text: &str) {
        let _ = writeln!(AutoStream::new(io::stderr(), self.color), "{text}");
    }

    /// Adds a member to the JSON object.
    pub fn record(&mut self, name: &str, value: &impl Serialize) {
        if self.json {
            // Wire types hold nothing that JSON cannot.
            let value = serde_json::to_value(value).unwrap_or(Value::Null);
            self.members.insert(name.to_owned(), value);
        }
    }

    /// Whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && !self.input_taken && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether progress can be shown.
    pub fn can_draw(&self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    /// Whether colour is used on standard error.
    pub fn has_color(&self) -> bool {
        AutoStream::new(io::stderr(), self.color).current_choice() != anstream::ColorChoice::Never
    }

    /// Tells what is wrong with the command line.
    pub fn finish_usage(&mut self, error: &clap::Error) -> Exit {
        if !self.json {
            let text = error.render().ansi().to_string();
            self.tell(text.replacen("error:", &format!("error[{USAGE}]:"), 1).trim_end());
            return Exit::Usage;
        }
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return self.finish(Err(Failure::usage("no command is given").help("see whimbrel --help")));
        }
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let mut paragraphs = text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
        let failure = Failure::usage(paragraphs.next().unwrap_or_default());
        let failure = paragraphs.filter(|p| !p.is_empty()).fold(failure, Failure::help);
        self.finish(Err(failure))
    }

    /// Tells how the command went, and says how the program ends.
    pub fn finish(&mut self, outcome: Result<Exit, Failure>) -> Exit {
        let (mut exit, problems) = match outcome {
            Ok(exit) => (exit, Vec::new()),
            Err(failure) => (failure.exit, failure.problems),
        };
        if self.json {
            let document = wire::Document {
                format: wire::FORMAT,
                command: Some(self.command).filter(|name| !name.is_empty()),
                members: std::mem::take(&mut self.members),
                error: problems.first().map(wire::Problem::from),
            };
            let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
            text.push('\n');
            self.write(&text);
        } else {
            self.output.flush();
            let name = self.written.as_deref();
            problems.iter().for_each(|problem| self.tell(&render::problem(problem, name)));
        }
        if let Some(failure) = self.output.failure.take() {
            let problem = Problem {
                cause: Some(failure.to_string()),
                ..Problem::new(OUTPUT, "standard output cannot be written")
            };
            self.tell(&render::problem(&problem, None));
            if exit == Exit::Done && !self.applied {
                exit = Exit::Failed;
            }
        }
        exit
    }
}
