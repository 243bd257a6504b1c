//! What a verification found: one value for each thing that was tried, and a table of them for people.

use std::collections::BTreeMap;
use std::fmt;

use whimbrel_core::{Code, Error, Result};

/// What a [`Verifier`](super::Verifier) has tried, and how it went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Everything that was tried, in the order of trying.
    pub checks: Vec<Check>,
    /// The versions that databases were made at, by the numbers of their newest migrations.
    pub versions: Vec<u32>,
    /// How many pairs of an earlier and a later version there are.
    pub pairs: usize,
    /// How many of them were tried.
    pub pairs_tried: usize,
    /// Generated rows that databases were filled with.
    pub rows_made: usize,
    /// Generated rows that no table would take. What a CHECK, a trigger or a foreign key wants cannot always be guessed;
    /// the app's own [fixtures](super::Verifier::fixture) help.
    pub rows_given_up: usize,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What it was.
    pub kind: CheckKind,
    /// The version the database had; none where it was empty.
    pub from: Option<u32>,
    /// The version it was brought to.
    pub to: u32,
    /// How it went: as the worst of what was found.
    pub outcome: Outcome,
    /// What there is to say; nothing where it simply passed.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub milliseconds: u64,
}

/// Something that is wrong, or worth a word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub outcome: Outcome,
    /// The table, column or migration it is about; empty where it is none.
    pub object: String,
    /// What it is, in a sentence without a full stop. It holds no value of a row.
    pub text: String,
    /// The rows of the table before and after, where their number changed.
    pub rows: Option<(usize, usize)>,
}

impl Finding {
    pub(super) fn new(outcome: Outcome, object: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding { outcome, object: object.into(), text: text.into(), rows: None }
    }

    pub(super) fn failed(object: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding::new(Outcome::Failed, object, text)
    }

    pub(super) fn noted(object: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding::new(Outcome::Noted, object, text)
    }

    pub(super) fn rows(self, before: usize, after: usize) -> Finding {
        Finding { rows: Some((before, after)), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.rows {
            Some((before, after)) => {
                let rows = if before == 1 { "row" } else { "rows" };
                write!(f, " ({before} {rows} before, {after} after)")
            }
            None => Ok(()),
        }
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CheckKind {
    /// An empty database gets to a version by all migrations.
    Create,
    /// An empty database gets to the newest version as on a new device: from the snapshot, where there is one.
    Fresh,
    /// The folder's snapshot is what the migrations make.
    Snapshot,
    /// A squashed migration makes what those it was squashed from made.
    Squash,
    /// A database with rows goes from one version to a later one at once.
    Upgrade,
    /// A database with rows takes every version on its way.
    StepByStep,
    /// A second start changes nothing, nor does one that finds a stamp that says nothing.
    Twice,
    /// A database with rows goes back and comes again.
    DownAndUp,
}

impl CheckKind {
    const ALL: [CheckKind; 8] = [
        CheckKind::Create,
        CheckKind::Fresh,
        CheckKind::Snapshot,
        CheckKind::Squash,
        CheckKind::Upgrade,
        CheckKind::StepByStep,
        CheckKind::Twice,
        CheckKind::DownAndUp,
    ];
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CheckKind::Create => "create",
            CheckKind::Fresh => "new database",
            CheckKind::Snapshot => "snapshot",
            CheckKind::Squash => "squash",
            CheckKind::Upgrade => "upgrade",
            CheckKind::StepByStep => "step by step",
            CheckKind::Twice => "twice over",
            CheckKind::DownAndUp => "down and up",
        })
    }
}

/// How a [`Check`] went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// As it should; something is worth a look, such as rows that a migration deletes on purpose.
    Noted,
    /// Generated rows that the old version allows do not fit the new one. The upgrade was refused and the database is as
    /// it was: nothing is lost, and a device with such rows stays at the old version.
    Refused,
    /// Something is wrong.
    Failed,
}

impl Outcome {
    const ALL: [Outcome; 4] = [Outcome::Passed, Outcome::Noted, Outcome::Refused, Outcome::Failed];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Passed => "passed",
            Outcome::Noted => "noted",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        })
    }
}

impl Check {
    /// From where to where: `3 to 7`, or `7` where the database was empty.
    fn way(&self) -> String {
        match self.from {
            Some(from) => format!("{from} to {}", self.to),
            None => self.to.to_string(),
        }
    }

    /// What there is to say, one finding a line.
    pub fn detail(&self) -> String {
        self.findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    }

    fn error(&self) -> Error {
        let Some(first) = self.findings.iter().find(|finding| finding.outcome == self.outcome) else {
            return Error::new(Code::NotVerified, format!("{} {}", self.kind, self.way()));
        };
        let error = Error::new(Code::NotVerified, format!("{} {}: {first}", self.kind, self.way()));
        if first.object.is_empty() { error } else { error.object(&first.object) }
    }
}

impl Verification {
    /// Whether nothing has failed. Refusals and notes are no failures.
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What has failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.of(Outcome::Failed)
    }

    /// Upgrades that were refused because of generated rows.
    pub fn refusals(&self) -> impl Iterator<Item = &Check> {
        self.of(Outcome::Refused)
    }

    /// What has this outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.outcome == outcome)
    }

    /// Turns failures into an error, for a test that ends with `?`.
    ///
    /// # Errors
    /// [`Code::NotVerified`] with the first failure: its versions and its object.
    pub fn into_result(self) -> Result<Verification> {
        let Some(first) = self.failures().next() else { return Ok(self) };
        let error = first.error();
        Err(match self.failures().count() {
            1 => error,
            n => error.help(format!("and {} more", n - 1)),
        })
    }

    /// What is to be said, each thing once with all checks that say it, those with the shortest way first: it is nearest
    /// to the cause.
    fn said(&self) -> Vec<Vec<(&Check, &Finding)>> {
        let mut said: BTreeMap<_, Vec<(&Check, &Finding)>> = BTreeMap::new();
        for check in &self.checks {
            for finding in &check.findings {
                let key = (finding.outcome, check.kind, finding.object.as_str(), finding.text.as_str());
                said.entry(key).or_default().push((check, finding));
            }
        }
        let mut said: Vec<_> = said.into_values().collect();
        for checks in &mut said {
            checks.sort_by_key(|(check, _)| check.from.map_or(0, |from| from.abs_diff(check.to)));
        }
        said.sort_by_key(|checks| checks.first().map(|(c, finding)| (finding.outcome, c.kind, c.from, c.to)));
        said
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        write!(f, "{}, ", plural(self.versions.len(), "version"))?;
        match self.pairs_tried == self.pairs {
            true => write!(f, "{}", plural(self.pairs, "upgrade"))?,
            false => write!(
                f,
                "{} of {} possible upgrades (every version to the newest, all neighbours, and a sample)",
                self.pairs_tried, self.pairs
            )?,
        }
        write!(f, ", {}", plural(self.rows_made, "generated row"))?;
        if self.rows_given_up > 0 {
            write!(f, " ({} given up)", self.rows_given_up)?;
        }
        writeln!(f)
    }
}

/// A table with a line for each kind of check, and below it what did not simply pass.
impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(f)?;
        writeln!(f)?;
        write!(f, "{:<14}", "")?;
        for outcome in Outcome::ALL {
            write!(f, "{outcome:>9}")?;
        }
        writeln!(f, "{:>12}", "time")?;
        for kind in CheckKind::ALL {
            let checks: Vec<&Check> = self.checks.iter().filter(|check| check.kind == kind).collect();
            if checks.is_empty() {
                continue;
            }
            write!(f, "{kind:<14}")?;
            for outcome in Outcome::ALL {
                match checks.iter().filter(|check| check.outcome == outcome).count() {
                    0 => write!(f, "{:>9}", "-")?,
                    n => write!(f, "{n:>9}")?,
                }
            }
            let milliseconds: u64 = checks.iter().map(|check| check.milliseconds).sum();
            writeln!(f, "{:>12}", time(milliseconds))?;
        }
        // The worst last: that is where a terminal ends.
        for said in self.said() {
            let Some(((first, finding), rest)) = said.split_first() else { continue };
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            write!(f, "\n{}  {} {}{more}: {finding}", finding.outcome, first.kind, first.way())?;
        }
        Ok(())
    }
}

fn time(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        _ => format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: CheckKind, from: Option<u32>, to: u32, outcome: Outcome, detail: &str) -> Check {
        let findings = if detail.is_empty() { vec![] } else { vec![Finding::new(outcome, "t", detail).rows(2, 1)] };
        Check { kind, from, to, outcome, findings, milliseconds: 700 }
    }

    #[test]
    fn a_table_and_what_is_worth_reading() {
        let report = Verification {
            checks: vec![
                check(CheckKind::Create, None, 1, Outcome::Passed, ""),
                check(CheckKind::Upgrade, Some(1), 3, Outcome::Failed, "rows of t are gone"),
                check(CheckKind::Upgrade, Some(2), 3, Outcome::Failed, "rows of t are gone"),
                check(CheckKind::Upgrade, Some(1), 2, Outcome::Noted, "rows of t are deleted"),
            ],
            versions: vec![1, 2, 3],
            pairs: 3,
            pairs_tried: 3,
            rows_made: 12,
            rows_given_up: 1,
        };
        let expected = "\
3 versions, 3 upgrades, 12 generated rows (1 given up)

                 passed    noted  refused   failed        time
create                1        -        -        -      700 ms
upgrade               -        1        -        2      2.10 s

noted  upgrade 1 to 2: rows of t are deleted (2 rows before, 1 after)
failed  upgrade 2 to 3 and 1 more: rows of t are gone (2 rows before, 1 after)";
        assert_eq!(report.to_string(), expected);
        assert!(!report.is_ok());
        let error = report.into_result().unwrap_err();
        assert_eq!(
            error.to_string(),
            "[W0721] upgrade 1 to 3: rows of t are gone (2 rows before, 1 after); and 1 more"
        );
    }
}
