//! The options for a change in two phases, and what a plan says of it.

use clap::{ArgAction, Args};
use whimbrel::postgres::Planner;
use whimbrel::postgres::expand::{Action, Phase};

use crate::arguments::{Rename, rename};
use crate::render::{DIM, OTHER, printable, styled};

/// The options for a change in two phases.
#[derive(Debug, Clone, Args)]
pub struct PhaseArguments {
    /// PostgreSQL, first of two phases: what only adds is done, what clients up to --client need stays
    #[arg(long, requires = "client", conflicts_with_all = ["contract", "fast"])]
    pub expand: bool,
    /// PostgreSQL: the newest release of clients that do not know the declared schema, a number
    #[arg(long, value_name = "RELEASE", requires = "expand")]
    pub client: Option<u32>,
    /// PostgreSQL, second of two phases: what no client from --oldest-client on needs goes
    #[arg(long, requires = "oldest_client", conflicts_with = "fast")]
    pub contract: bool,
    /// PostgreSQL: the oldest release that is still about, a number
    #[arg(long, value_name = "RELEASE", requires = "contract")]
    pub oldest_client: Option<u32>,
    /// PostgreSQL: what a new column gets when an old client writes: users.age_text='age::text'
    #[arg(long, value_name = "COLUMN=SQL", action = ArgAction::Append, value_parser = rename, requires = "expand")]
    pub new_value: Vec<Rename>,
    /// PostgreSQL: what an old column gets when a new client writes: users.nick="''"
    #[arg(long, value_name = "COLUMN=SQL", action = ArgAction::Append, value_parser = rename, requires = "expand")]
    pub old_value: Vec<Rename>,
}

impl PhaseArguments {
    /// Whether it is one of two phases.
    pub fn is_given(&self) -> bool {
        self.expand || self.contract
    }

    /// The planner for this phase.
    pub fn planner(&self, mut planner: Planner) -> Planner {
        if let Some(client) = self.client {
            planner = planner.expand(client);
        }
        if let Some(oldest) = self.oldest_client {
            planner = planner.contract(oldest);
        }
        for value in &self.new_value {
            planner = planner.new_value(&value.from, &value.to);
        }
        for value in &self.old_value {
            planner = planner.old_value(&value.from, &value.to);
        }
        planner
    }

    /// The options as words of a command.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(client) = self.client {
            words.extend(["--expand".to_owned(), "--client".to_owned(), client.to_string()]);
        }
        if let Some(oldest) = self.oldest_client {
            words.extend(["--contract".to_owned(), "--oldest-client".to_owned(), oldest.to_string()]);
        }
        for (option, values) in [("--new-value", &self.new_value), ("--old-value", &self.old_value)] {
            for value in values {
                words.extend([option.to_owned(), format!("{}={}", value.from, value.to)]);
            }
        }
        words
    }
}

/// What a plan means for clients, in lines.
pub fn text(phase: &Phase) -> String {
    let mut out = match phase.action {
        Action::Plain => match phase.kept.is_empty() {
            true => String::new(),
            false => "The database is expanded, and serves old and new clients.\n".to_owned(),
        },
        Action::Expand { client } => format!(
            "Phase 1 of 2. While it runs: {}. When it is done: clients up to {client}, and newer ones.\n",
            phase.meanwhile
        ),
        Action::Contract { .. } => {
            format!("Phase 2 of 2. While it runs, and when it is done: {}.\n", phase.afterwards)
        }
    };
    for (what, client) in &phase.kept {
        out.push_str(&format!("  {} {}\n", styled(DIM, &format!("kept for clients up to {client}:")), printable(what)));
    }
    for what in &phase.later {
        out.push_str(&format!("  {} {}\n", styled(OTHER, "waits for phase 2:"), printable(what)));
    }
    out
}
