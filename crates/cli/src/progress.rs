//! What a person sees while a plan runs, and the way to stop it.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use whimbrel::run::{Cancel, Event, Observer};

use crate::render::{count, duration, printable};

/// A run that is over sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Told by the run what it does; draws a bar when it takes longer.
pub struct Progress {
    bar: ProgressBar,
    /// Dropped when the run is over, which ends the thread that waits to show the bar.
    _over: Sender<()>,
    verbose: bool,
    counts_rows: bool,
    step: Option<(String, Instant)>,
}

impl Progress {
    /// Watches a run. Without `draw`, no bar is ever shown.
    pub fn new(draw: bool, verbose: bool) -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let (over, wait) = mpsc::channel::<()>();
        if draw {
            let bar = bar.clone();
            std::thread::spawn(move || {
                // A single statement may take minutes without an event, so it is not events that show the bar.
                if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(Duration::from_millis(120));
                }
            });
        }
        Progress { bar, _over: over, verbose, counts_rows: false, step: None }
    }

    fn end_step(&mut self) {
        if let Some((title, start)) = self.step.take()
            && self.verbose
        {
            let line = format!("  {title}  {}", duration(start.elapsed()));
            // A line that cannot be shown is no reason to stop a run.
            self.bar.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { steps, rows } => {
                self.counts_rows = *rows > 0;
                let (length, template) = if self.counts_rows {
                    (*rows, "{spinner} {bar:30} {human_pos}/{human_len} rows, {eta} left  {wide_msg}")
                } else {
                    (*steps as u64, "{spinner} {bar:30} {pos}/{len} steps  {wide_msg}")
                };
                self.bar.set_length(length);
                if let Ok(style) = ProgressStyle::with_template(template) {
                    self.bar.set_style(style);
                }
            }
            Event::Step { number, of: _, object, title } => {
                self.end_step();
                let title = format!("{}: {}", printable(object), printable(title));
                self.bar.set_message(title.clone());
                self.step = Some((title, Instant::now()));
                if !self.counts_rows {
                    self.bar.set_position(number.saturating_sub(1) as u64);
                }
            }
            Event::Rows { done, .. } => self.bar.set_position(*done),
            Event::UpgradeStarted { migrations, .. } => {
                self.bar.set_length(*migrations as u64);
                if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {pos}/{len} migrations  {wide_msg}")
                {
                    self.bar.set_style(style);
                }
            }
            Event::Migration { number, name, .. } => {
                self.end_step();
                let title = printable(name);
                self.bar.set_position(number.saturating_sub(1) as u64);
                self.bar.set_message(title.clone());
                self.step = Some((title, Instant::now()));
            }
            Event::Statement { number, of } => {
                if let Some((title, _)) = &self.step {
                    self.bar.set_message(format!("{title}: statement {number} of {of}"));
                }
            }
            Event::Portion { rows } => {
                if let Some((title, _)) = &self.step {
                    self.bar.set_message(format!("{title}: {}", count(*rows, "row")));
                }
            }
            Event::Verifying => {
                self.end_step();
                self.bar.set_message("verifying");
            }
            Event::Committed => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A token that Ctrl-C pulls. The second time the program ends at once, which SQLite's journal makes safe: the next
/// one to open the database finds it as it was.
pub fn cancelled_by_interrupt() -> Cancel {
    // The handler of a process can be set only once, and where it cannot, Ctrl-C ends the program as ever.
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    CANCEL
        .get_or_init(|| {
            let cancel = Cancel::default();
            let pulled = cancel.clone();
            let _ = ctrlc::set_handler(move || {
                if pulled.is_cancelled() {
                    std::process::exit(130);
                }
                pulled.cancel();
            });
            cancel
        })
        .clone()
}
