//! What was measured, and what follows from it: medians, the limit, the best peer, ratios.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cases::{Entry, Role};

/// A case after all rounds.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// At most so many times the limit was wanted.
    pub wanted_of_limit: Option<f64>,
    /// At most so many times the best peer was wanted.
    pub wanted_of_peers: Option<f64>,
    /// Everybody's figures.
    pub contestants: Vec<Measured>,
}

/// A contestant's figures in a case.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// What it is called.
    pub label: String,
    /// What the figures are for.
    pub role: Role,
    /// Name and version, as it has told.
    pub about: String,
    /// Its version of SQLite.
    pub sqlite: String,
    /// Each measurement.
    pub nanoseconds: Vec<u64>,
    /// What each took of the processor, where that is long enough to be seen.
    pub processor_nanoseconds: Vec<u64>,
    /// What the time went to, where it tells.
    pub parts: BTreeMap<String, Part>,
    /// The most memory of its process.
    pub peak_kib: u64,
    /// The most room on the disk, on top of the database's own at the start.
    pub disk_bytes: u64,
    /// The room that it has said it needs.
    pub announced_disk_bytes: Option<u64>,
    /// Why there are no figures, or no more of them.
    pub left_out: Option<String>,
}

/// A part of a contestant's work.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Part {
    /// Each measurement.
    pub nanoseconds: Vec<u64>,
    /// What each took of the processor.
    pub processor_nanoseconds: Vec<u64>,
}

impl Measured {
    /// Nothing yet.
    pub fn new(entry: &Entry) -> Measured {
        Measured {
            label: entry.label.clone(),
            role: entry.role,
            about: String::new(),
            sqlite: String::new(),
            nanoseconds: Vec::new(),
            processor_nanoseconds: Vec::new(),
            parts: BTreeMap::new(),
            peak_kib: 0,
            disk_bytes: 0,
            announced_disk_bytes: None,
            left_out: None,
        }
    }

    /// The median in nanoseconds.
    pub fn median(&self) -> Option<f64> {
        median(&self.nanoseconds)
    }

    /// The smallest, in nanoseconds.
    pub fn least(&self) -> Option<f64> {
        self.nanoseconds.iter().min().map(|ns| *ns as f64)
    }
}

/// The median, between the two in the middle where there are two.
pub fn median(values: &[u64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    Some((sorted[last / 2] as f64 + sorted[last.div_ceil(2)] as f64) / 2.0)
}

impl CaseResult {
    /// Whimbrel's figures.
    pub fn whimbrel(&self) -> Option<&Measured> {
        self.fastest(Role::Whimbrel)
    }

    /// The fastest contestant in a role.
    pub fn fastest(&self, role: Role) -> Option<&Measured> {
        let of_role = self.contestants.iter().filter(|m| m.role == role);
        of_role
            .filter(|m| m.median().is_some())
            .min_by(|a, b| a.median().unwrap_or(0.0).total_cmp(&b.median().unwrap_or(0.0)))
    }

    /// How many times the fastest in a role Whimbrel takes.
    pub fn ratio(&self, role: Role) -> Option<f64> {
        Some(self.whimbrel()?.median()? / self.fastest(role)?.median()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3]), Some(3.0));
        assert_eq!(median(&[9, 1, 5]), Some(5.0));
        assert_eq!(median(&[9, 1, 5, 6]), Some(5.5));
    }
}
