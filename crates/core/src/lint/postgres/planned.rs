//! The statements of a plan, looked over as scripts are.
//!
//! The plan brings the schema that is there, so that nothing is guessed: which type a column had, which indexes and checks
//! there are. It is told as if an earlier migration had declared it. How statements are put together, how long they wait for
//! locks and what happens after a stop is Whimbrel's own doing, and no finding.

use super::known::Known;
use super::{Advice, Piece, Script, Settings};
use crate::postgres::print;
use crate::postgres::statement::Statement as Read;
use crate::postgres::steps::{Plan, Statement};

/// Findings about what somebody who writes a migration has to see to, and whoever runs a plan does by itself.
pub(super) const SEEN_TO: [&str; 8] = [
    // Locks that are held for a moment are waited for with a limit, and tried for again.
    "P02", "P21", "P24", "P45", // The declared schema says at which place a value comes.
    "P28", // The next plan goes on, from what is there.
    "P38", "P39", // What had the right before it was made anew has it afterwards.
    "P43",
];

/// What begins so is gone at the end of the plan.
const OWN: &str = "_whimbrel_";

/// What is found in a step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The step's place in the plan.
    pub step: usize,
    /// What is found; its `statement` is the place among the statements of the step.
    pub advice: Advice,
}

/// Looks the steps of a plan over, in order.
///
/// ```
/// use whimbrel_core::lint::postgres::lint_plan;
/// use whimbrel_core::postgres::steps::{Plan, Statement, Step};
/// let sql = "ALTER TABLE notes RENAME TO pages".to_owned();
/// let step = Step { statements: vec![Statement::Execute(sql)], ..Step::default() };
/// let findings = lint_plan(&Plan { steps: vec![step], ..Plan::default() });
/// assert_eq!((findings[0].step, findings[0].advice.code), (0, "P14"));
/// ```
pub fn lint_plan(plan: &Plan) -> Vec<Finding> {
    let mut known = Known::default();
    known.start_script();
    for sql in print::statements(&plan.before) {
        known.follow(&Read::read(&sql), &sql);
    }
    let mut pieces = Vec::new();
    let mut places = Vec::new();
    let mut step = 0;
    for (group, steps) in plan.groups().into_iter().enumerate() {
        for (offset, of) in steps.iter().enumerate() {
            for (statement, is) in of.statements.iter().enumerate() {
                places.push((step + offset, statement));
                pieces.push(Piece {
                    sql: is.sql(),
                    transaction: match is {
                        Statement::Execute(_) | Statement::Check { .. } => Some(group),
                        Statement::Outside { .. } | Statement::Backfill { .. } => None,
                    },
                    in_portions: matches!(is, Statement::Backfill { .. }),
                    alone: of.alone,
                    silenced: Vec::new(),
                });
            }
        }
        step += steps.len();
    }
    let advice = Script::read(pieces).look_over(&Settings { by_whimbrel: true }, &mut known, &[]);
    let placed = |mut advice: Advice| {
        let (step, statement) = places.get(advice.statement).copied()?;
        let is_seen_to =
            SEEN_TO.contains(&advice.code) || matches!(advice.code, "P14" | "P16") && advice.message.contains(OWN);
        if is_seen_to {
            return None;
        }
        advice.statement = statement;
        Some(Finding { step, advice })
    };
    advice.into_iter().filter_map(placed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::postgres::codes;
    use crate::postgres::steps::Step;

    fn plan(steps: Vec<Step>) -> Plan {
        Plan { steps, ..Plan::default() }
    }

    fn found(plan: &Plan) -> Vec<(usize, usize, &'static str)> {
        lint_plan(plan).iter().map(|f| (f.step, f.advice.statement, f.advice.code)).collect()
    }

    fn execute(sql: &str) -> Statement {
        Statement::Execute(sql.to_owned())
    }

    #[test]
    fn findings_are_placed_in_their_steps() {
        let first = Step { statements: vec![execute("SELECT 1"), execute("DROP TABLE a")], ..Step::default() };
        let index = "CREATE INDEX CONCURRENTLY i ON b (c)".to_owned();
        let index = vec![Statement::Outside { plain: index.clone(), sql: index }];
        let alone = Step { statements: index, alone: true, ..Step::default() };
        let last = Step { statements: vec![execute("ALTER TABLE b RENAME c TO d")], ..Step::default() };
        assert_eq!(found(&plan(vec![first, alone, last])), [(0, 1, "P16"), (2, 0, "P14")]);
    }

    #[test]
    fn steps_share_a_transaction_or_not() {
        let add = execute("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 1) NOT VALID");
        let validate =
            |alone| Step { statements: vec![execute("ALTER TABLE a VALIDATE CONSTRAINT c")], alone, ..Step::default() };
        let step = Step { statements: vec![add], ..Step::default() };
        assert_eq!(found(&plan(vec![step.clone(), validate(false)])), [(1, 0, "P11")]);
        assert_eq!(found(&plan(vec![step, validate(true)])), []);
    }

    #[test]
    fn what_is_seen_to_is_not_told() {
        let known: Vec<_> = codes().collect();
        assert!(SEEN_TO.iter().all(|code| known.contains(code)));
        let page = include_str!("../../../../../docs/lint-postgres.md");
        let section = page.split_once("\n## Plans\n").unwrap().1;
        let rows = section.lines().filter_map(|line| line.strip_prefix("| P")?.split('|').next());
        let told: Vec<_> = rows.flat_map(|codes| codes.split(", P")).map(|n| format!("P{}", n.trim())).collect();
        let expected: Vec<_> = SEEN_TO.iter().chain(&["P22"]).collect();
        assert_eq!(told.len(), expected.len());
        assert!(expected.iter().all(|code| told.iter().any(|t| t == *code)), "{told:?}");
        let statements = vec![
            execute("LOCK TABLE a"),
            execute("DROP INDEX i"),
            execute("ALTER SEQUENCE s RENAME TO _whimbrel_gone_s"),
            execute("ALTER TABLE a ENABLE TRIGGER t"),
            execute("ALTER TABLE b ENABLE TRIGGER t"),
        ];
        assert_eq!(found(&plan(vec![Step { statements, ..Step::default() }])), []);
    }
}
