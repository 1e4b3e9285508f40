//! Everything that is to be shown of a run: its outline, where it is, what came before, and what was said.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use super::alarm::{Alarm, Kind, Lookout, Severity};
use super::snapshot::{Outline, Snapshot};

/// Seconds that are kept: two hours.
const SECONDS: usize = 7200;
/// Sentences that are kept.
const ENTRIES: usize = 100;

/// What somebody who watches is told.
#[derive(Debug, Clone)]
pub enum Update {
    /// A run begins.
    Begin(Box<Outline>),
    /// Another second.
    Second(Box<Snapshot>),
    /// A sentence.
    Said(String),
    /// The run is over.
    Ended,
}

/// The run as far as it has come.
#[derive(Debug, Default)]
pub struct Scene {
    /// What does not change.
    pub outline: Outline,
    /// How many runs have begun so far, this one too.
    pub run: u64,
    /// Where it is; `None` before the first second.
    pub now: Option<Snapshot>,
    /// Seconds from the first phase on, the oldest first.
    pub points: VecDeque<Point>,
    /// Points that were there before the first that is kept.
    pub dropped: usize,
    /// What was said and what was wrong, the oldest first.
    pub log: VecDeque<Entry>,
    /// Whether the run is over.
    pub ended: bool,
    lookout: Lookout,
}

/// What charts show of a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Point {
    pub at_s: f64,
    pub publishes_asked_per_s: Option<f64>,
    pub publishes_per_s: f64,
    pub deliveries_per_s: f64,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub open: u64,
    pub lost: u64,
    pub server_cpu_share: Option<f64>,
    pub server_rss_bytes: Option<u64>,
    pub server_send_queue_bytes: Option<u64>,
    pub loadgen_cpu_share: Option<f64>,
    pub loadgen_rss_bytes: Option<u64>,
}

/// A sentence of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Since the start of the first phase (while connecting: since the first dial).
    #[serde(rename = "at_s", serialize_with = "super::snapshot::seconds")]
    pub at: Duration,
    /// Of an alarm; `None`: somebody said something.
    pub kind: Option<Kind>,
    /// How bad.
    pub severity: Severity,
    /// The sentence; that of an alarm is kept up to date as long as it is up.
    pub text: String,
    /// Whether it is wrong at this moment.
    pub up: bool,
}

impl Scene {
    /// Takes in what is told; gives the alarms that were not up before.
    pub fn take(&mut self, update: Update) -> Vec<Alarm> {
        match update {
            // Everything of the run before is gone.
            Update::Begin(outline) => *self = Scene { outline: *outline, run: self.run + 1, ..Scene::default() },
            Update::Second(snapshot) => return self.second(*snapshot),
            Update::Said(text) => {
                let at = self.now.as_ref().map_or(Duration::ZERO, |now| now.elapsed);
                self.push(Entry { at, kind: None, severity: Severity::Note, text, up: false });
            }
            Update::Ended => self.ended = true,
        }
        Vec::new()
    }

    fn second(&mut self, snapshot: Snapshot) -> Vec<Alarm> {
        let alarms = self.lookout.look(&self.outline, &snapshot);
        let new = self.raise(snapshot.elapsed, &alarms);
        if snapshot.total.is_some() {
            if self.points.len() == SECONDS {
                self.points.pop_front();
                self.dropped += 1;
            }
            self.points.push_back(Point::of(&snapshot));
        }
        self.now = Some(snapshot);
        new
    }

    /// The alarms that are up, the worst first.
    pub fn alarms(&self) -> Vec<&Entry> {
        let mut up: Vec<&Entry> = self.log.iter().filter(|entry| entry.up).collect();
        up.sort_by_key(|entry| std::cmp::Reverse(entry.severity));
        up
    }

    /// Puts new alarms into the log, brings those that are up to date, and takes down the others; gives the new ones.
    fn raise(&mut self, at: Duration, alarms: &[Alarm]) -> Vec<Alarm> {
        for entry in self.log.iter_mut().filter(|entry| entry.up) {
            match alarms.iter().find(|alarm| Some(alarm.kind) == entry.kind) {
                Some(alarm) => (entry.severity, entry.text) = (alarm.severity, alarm.text.clone()),
                None => entry.up = false,
            }
        }
        let is_up = |kind| self.log.iter().any(|entry| entry.up && entry.kind == Some(kind));
        let new: Vec<Alarm> = alarms.iter().filter(|alarm| !is_up(alarm.kind)).cloned().collect();
        for alarm in &new {
            let Alarm { kind, severity, text } = alarm.clone();
            self.push(Entry { at, kind: Some(kind), severity, text, up: true });
        }
        new
    }

    fn push(&mut self, entry: Entry) {
        if self.log.len() == ENTRIES {
            // What is still wrong stays.
            let oldest = self.log.iter().position(|entry| !entry.up).unwrap_or(0);
            self.log.remove(oldest);
        }
        self.log.push_back(entry);
    }
}

impl Point {
    fn of(snapshot: &Snapshot) -> Self {
        let second = &snapshot.second;
        Point {
            at_s: snapshot.elapsed.as_secs_f64(),
            publishes_asked_per_s: second.publishes_asked_per_s,
            publishes_per_s: second.publishes_per_s,
            deliveries_per_s: second.deliveries_per_s,
            p50: second.p50,
            p99: second.p99,
            open: snapshot.connections.open,
            lost: snapshot.lost,
            server_cpu_share: snapshot.server.and_then(|server| server.cpu_share),
            server_rss_bytes: snapshot.server.and_then(|server| server.rss_bytes),
            server_send_queue_bytes: snapshot.server.and_then(|server| server.send_queue_bytes),
            loadgen_cpu_share: snapshot.loadgen.cpu_share,
            loadgen_rss_bytes: snapshot.loadgen.rss_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::snapshot::Connections;

    fn snapshot(second: u64, closed: u64) -> Snapshot {
        Snapshot {
            elapsed: Duration::from_secs(second),
            total: Some(Duration::from_secs(60)),
            connections: Connections { closed, ..Connections::default() },
            ..Snapshot::default()
        }
    }

    fn at(second: u64, closed: u64) -> Update {
        Update::Second(Box::new(snapshot(second, closed)))
    }

    #[test]
    fn an_alarm_is_new_once_and_stays_up_to_date() {
        let mut scene = Scene::default();
        assert_eq!(scene.take(at(1, 0)), []);
        assert_eq!(scene.take(at(2, 3)).len(), 1);
        assert_eq!(scene.take(at(3, 5)), [], "the same alarm, with another number");
        assert_eq!(scene.log.len(), 1);
        assert_eq!((scene.log[0].at, scene.log[0].up), (Duration::from_secs(2), true));
        assert!(scene.alarms()[0].text.starts_with("5 connections"));
    }

    #[test]
    fn what_is_over_stays_in_the_log_and_can_come_again() {
        let mut scene = Scene::default();
        scene.outline.loadgen_cores = 1;
        let busy = |share| {
            let mut snapshot = snapshot(1, 0);
            snapshot.loadgen.cpu_share = Some(share);
            Update::Second(Box::new(snapshot))
        };
        assert_eq!(scene.take(busy(1.0)).len(), 1);
        assert!(scene.take(busy(0.5)).is_empty() && scene.alarms().is_empty());
        assert_eq!(scene.take(busy(1.0)).len(), 1);
        assert_eq!(scene.log.iter().map(|entry| entry.up).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_long_run_is_kept_in_bounds() {
        let mut scene = Scene::default();
        for second in 0..SECONDS as u64 + 10 {
            scene.take(at(second, 0));
            scene.take(Update::Said("something".to_owned()));
        }
        assert_eq!((scene.points.len(), scene.dropped, scene.log.len()), (SECONDS, 10, ENTRIES));
    }

    #[test]
    fn connecting_makes_no_point_of_a_chart() {
        let mut scene = Scene::default();
        scene.take(Update::Second(Box::new(Snapshot { total: None, ..snapshot(1, 0) })));
        assert!(scene.points.is_empty() && scene.now.is_some());
    }

    #[test]
    fn the_next_run_begins_with_nothing() {
        let mut scene = Scene::default();
        scene.take(at(1, 3));
        scene.take(Update::Ended);
        assert!(scene.ended);
        scene.take(Update::Begin(Box::default()));
        assert!(scene.now.is_none() && scene.log.is_empty() && scene.points.is_empty() && !scene.ended);
        assert_eq!(scene.run, 1);
        scene.take(Update::Begin(Box::default()));
        assert_eq!(scene.run, 2, "whoever looked away sees that it is another");
    }
}
