//! Progress with a clock: what a run has done, and how long the rest will take.
//!
//! The engine reads no clock, so its events carry counts only; here the time is added.

use std::time::{Duration, Instant};

use whimbrel_core::run::{Event, Observer};

/// How far a run has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The step that runs, from 1; 0 before the first.
    pub step: usize,
    /// How many steps there are.
    pub steps: usize,
    /// The object that the step works on.
    pub object: String,
    /// Rows copied so far.
    pub rows: u64,
    /// Rows to copy.
    pub rows_total: u64,
    /// Bytes copied so far, as far as sizes are known.
    pub bytes: u64,
    /// Bytes to copy.
    pub bytes_total: u64,
    /// Time since the start.
    pub elapsed: Duration,
    /// Time that the remaining rows will take at the pace so far; none before the first rows, and where there are none
    /// to copy. Indexes and the verification come on top.
    pub time_left: Option<Duration>,
    /// Whether all is committed.
    pub committed: bool,
}

/// Calls a function with the [`Progress`] at every event of a run.
///
/// ```
/// use whimbrel::{Cancel, Planner, ProgressObserver, Schema};
/// let mut db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch("CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('1'), ('2');")?;
/// let schema = Schema::from_sql("CREATE TABLE t(a INTEGER)")?;
/// let plan = Planner::new(&schema).plan(&mut db)?;
/// let mut last = None;
/// let mut observer = ProgressObserver::new(|progress| last = Some(progress.clone()));
/// plan.run_with(&mut db, &mut observer, &Cancel::default())?;
/// let last = last.expect("there was progress");
/// assert_eq!((last.rows, last.rows_total, last.committed), (2, 2, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ProgressObserver<F> {
    progress: Progress,
    start: Instant,
    tell: F,
}

impl<F: FnMut(&Progress)> ProgressObserver<F> {
    /// An observer that calls `tell`; its clock starts now.
    pub fn new(tell: F) -> Self {
        ProgressObserver { progress: Progress::default(), start: Instant::now(), tell }
    }
}

impl<F: FnMut(&Progress)> Observer for ProgressObserver<F> {
    fn event(&mut self, event: &Event<'_>) {
        let progress = &mut self.progress;
        match event {
            Event::Started { steps, rows } => {
                self.start = Instant::now();
                (progress.steps, progress.rows_total) = (*steps, *rows);
            }
            Event::Step { number, object, .. } => {
                progress.step = *number;
                progress.object = (*object).to_owned();
            }
            Event::Rows { done, of, bytes, of_bytes } => {
                (progress.rows, progress.rows_total) = (*done, *of);
                (progress.bytes, progress.bytes_total) = (*bytes, *of_bytes);
            }
            Event::Committed => progress.committed = true,
            _ => {}
        }
        progress.elapsed = self.start.elapsed();
        progress.time_left = time_left(progress);
        (self.tell)(progress);
    }
}

fn time_left(progress: &Progress) -> Option<Duration> {
    if progress.rows == 0 {
        return None;
    }
    let left = progress.rows_total.saturating_sub(progress.rows);
    let nanos = progress.elapsed.as_nanos() * u128::from(left) / u128::from(progress.rows);
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_is_done() {
        let at = |rows, rows_total, seconds| {
            let elapsed = Duration::from_secs(seconds);
            time_left(&Progress { rows, rows_total, elapsed, ..Progress::default() })
        };
        assert_eq!(at(0, 10, 5), None);
        assert_eq!(at(5, 10, 5), Some(Duration::from_secs(5)));
        assert_eq!(at(10, 10, 5), Some(Duration::ZERO));
    }
}
