//! One line a second about a run under way, on stderr: refreshed in place on a terminal, a plain line elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::numbers::{count, duration_us, rate};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// One line, refreshed in place.
    Refreshed,
    /// A line for every update.
    Lines,
}

impl ProgressMode {
    /// Refreshed on a terminal; plain lines without one, and where `CI` or `NO_COLOR` is set.
    #[must_use]
    pub fn detect() -> Self {
        Self::choose(std::io::stderr().is_terminal(), is_set)
    }

    fn choose(terminal: bool, set: impl Fn(&str) -> bool) -> Self {
        if terminal && !set("CI") && !set("NO_COLOR") { Self::Refreshed } else { Self::Lines }
    }
}

/// Whether a variable of the environment is set to anything: an empty `NO_COLOR` forbids nothing (no-color.org).
pub fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Where a run is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// `connecting`, the name of the phase, `drain`.
    pub phase: String,
    /// Since the start of the first phase (while connecting: since the first dial).
    pub elapsed: Duration,
    /// Length of all phases together; `None` where it is not known (while connecting).
    pub total: Option<Duration>,
    /// Connections open now.
    pub open: u64,
    /// Connections asked for.
    pub asked: u64,
    /// Over the last second.
    pub publishes_per_s: f64,
    /// Over the last second.
    pub deliveries_per_s: f64,
    /// Since measuring began, in microseconds.
    pub p50: Option<f64>,
    /// Since measuring began, in microseconds.
    pub p99: Option<f64>,
    /// Lost so far; `None` where that is not known yet.
    pub lost: Option<u64>,
}

/// Writes progress. Cheap enough for a thread that shares a core with a worker: one line formatted an update, nothing
/// between.
#[derive(Debug)]
pub struct Progress {
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// Nothing is shown before the first update.
    #[must_use]
    pub fn new(mode: ProgressMode) -> Self {
        let sink = match mode {
            ProgressMode::Refreshed => {
                // No ticking thread, and drawn at most twice a second: an update is the only thing that costs.
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(2));
                Sink::Bar(bar.with_style(
                    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
                ))
            }
            ProgressMode::Lines => Sink::Lines,
        };
        Self { sink }
    }

    /// Shows where the run is; meant to be called once a second.
    pub fn update(&self, snapshot: &Snapshot) {
        match &self.sink {
            Sink::Bar(bar) => bar.set_message(line(snapshot)),
            Sink::Lines => write_line(&line(snapshot)),
        }
    }

    /// Says something once, above the progress line.
    pub fn note(&self, sentence: &str) {
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| write_line(sentence)),
            Sink::Lines => write_line(sentence),
        }
    }

    /// Takes the refreshed line away, so that the report stands alone.
    pub fn finish(&self) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A closed stderr must not end a run: what is measured still goes to its files.
fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The line, about 100 columns.
fn line(snapshot: &Snapshot) -> String {
    let time = match snapshot.total {
        Some(total) => format!("{:.0}/{:.0} s", snapshot.elapsed.as_secs_f64(), total.as_secs_f64()),
        None => format!("{:.0} s", snapshot.elapsed.as_secs_f64()),
    };
    let mut line =
        format!("{:<12} {time:>9}  {} of {} open", snapshot.phase, count(snapshot.open), count(snapshot.asked));
    if snapshot.publishes_per_s > 0.0 || snapshot.deliveries_per_s > 0.0 {
        line += &format!(
            "  {} publishes/s  {} deliveries/s",
            rate(snapshot.publishes_per_s),
            rate(snapshot.deliveries_per_s)
        );
    }
    if let (Some(p50), Some(p99)) = (snapshot.p50, snapshot.p99) {
        line += &format!("  p50 {}  p99 {}", duration_us(p50), duration_us(p99));
    }
    if let Some(lost) = snapshot.lost {
        line += &format!("  lost {}", count(lost));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_refreshed_only_on_a_terminal_that_nothing_forbids() {
        assert_eq!(ProgressMode::choose(true, |_| false), ProgressMode::Refreshed);
        assert_eq!(ProgressMode::choose(false, |_| false), ProgressMode::Lines);
        assert_eq!(ProgressMode::choose(true, |name| name == "CI"), ProgressMode::Lines);
        assert_eq!(ProgressMode::choose(true, |name| name == "NO_COLOR"), ProgressMode::Lines);
    }

    #[test]
    fn while_connecting_only_the_connections_are_shown() {
        let snapshot = Snapshot {
            phase: "connecting".to_owned(),
            elapsed: Duration::from_millis(1400),
            open: 3200,
            asked: 10_000,
            ..Snapshot::default()
        };
        assert_eq!(line(&snapshot), "connecting         1 s  3,200 of 10,000 open");
    }

    #[test]
    fn while_measuring_rates_latency_and_losses_are_shown() {
        let snapshot = Snapshot {
            phase: "steady".to_owned(),
            elapsed: Duration::from_secs(12),
            total: Some(Duration::from_secs(30)),
            open: 1000,
            asked: 1000,
            publishes_per_s: 250.0,
            deliveries_per_s: 250_000.0,
            p50: Some(812.0),
            p99: Some(12_340.0),
            lost: Some(0),
        };
        assert_eq!(
            line(&snapshot),
            "steady         12/30 s  1,000 of 1,000 open  250 publishes/s  250,000 deliveries/s  p50 0.81 ms  p99 12 ms  lost 0"
        );
    }
}
