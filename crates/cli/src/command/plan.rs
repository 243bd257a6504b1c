//! `whimbrel plan`

use clap::Args;

use crate::arguments::{DatabaseArgument, PlanArguments};
use crate::configuration::Configuration;
use crate::failure::{Exit, Failure};
use crate::planning::Planning;
use crate::postgres::Server;
use crate::render::{self, BOLD};
use crate::session::Session;

/// Say what would bring a database to its schema
///
/// Prints every change, how it would be done and what it would touch, after looking at the rows that are there:
/// what would be lost, and which rows do not fit. Nothing is written, and a database that is missing is not created.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Plan {
    #[command(flatten)]
    db: DatabaseArgument,
    #[command(flatten)]
    plan: PlanArguments,
    /// Print the SQL too
    #[arg(long)]
    sql: bool,
    /// End with status 3 where changes are pending
    #[arg(long)]
    exit_code: bool,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel plan --db app.db --schema schema.sql
  whimbrel plan --db app.db --schema schema/ --sql
  whimbrel plan --db app.db --schema schema.sql --rename users.mail=email
  whimbrel plan --db postgres:///app --schema schema.sql --expand --client 12
  whimbrel plan --exit-code --quiet || echo 'app.db is not up to date'";

impl Plan {
    /// Prints the plan.
    pub fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let configuration = Configuration::find()?;
        if let Some(server) = Server::named(self.db.db.as_ref(), &configuration)? {
            return server.plan(session, &self.plan, &configuration, self.sql || session.verbose, self.exit_code);
        }
        let planning = Planning::new(session, &self.db, &self.plan, &configuration)?;
        let (mut connection, bytes) = planning.database.open_for_planning()?;
        let silenced = planning.silenced_questions(&mut connection)?;
        let plan = planning.plan(&mut connection)?;
        planning.present(session, &plan, bytes, self.sql || session.verbose);
        if plan.is_empty() {
            return Ok(Exit::Done);
        }
        Planning::tell_silenced(session, &silenced);
        let exit = if self.exit_code { Exit::Pending } else { Exit::Done };
        match Planning::refusal(&plan) {
            // A plan there is, and it says what `push` would refuse: nothing is refused here.
            Some(refusal) if plan.questions.is_empty() && refusal.exit == Exit::Refused => match session.json {
                true => Ok(exit),
                false => Err(Failure { exit, ..refusal }),
            },
            Some(refusal) => Err(refusal),
            None => {
                session.say(&format!("Run it: {}", render::styled(BOLD, &planning.push_command())));
                Ok(exit)
            }
        }
    }
}
