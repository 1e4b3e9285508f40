//! Looks at a run second by second: thresholds with `over` in every window of that length, those with `abort` while there is still something
//! to save.
//!
//! ```text
//! seconds      | 1 | 2 | 3 | 4 | 5 | 6 |
//! over = "3s"  [   window  ]                 one begins with every second, as long as all of it lies in measured time
//!                  [   window  ]             (or in the phase that the metric names); the worst of them is the value
//!                      [   window  ]
//! ```

use std::collections::VecDeque;

use super::metric::{bare, leaves};
use super::second::{Second, Sum};
use super::{Threshold, WindowVerdict};
use crate::result::BrokenWindow;

/// What the seconds of a run are cut into.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    /// Names of the groups of subscribers, in order.
    pub groups: Vec<String>,
    /// Phases in order.
    pub phases: Vec<Stretch>,
}

/// A phase, as far as windows are concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Its name.
    pub name: String,
    /// Its length, seconds.
    pub length_s: f64,
    /// Whether it counts in the figures of the whole run.
    pub measure: bool,
}

/// Windows may be so much shorter than asked for: seconds end when every worker has reported.
const TOLERANCE_S: f64 = 0.5;

/// The thresholds of a run that are looked at while it goes.
#[derive(Debug)]
pub struct Watch {
    shape: Shape,
    watched: Vec<Watched>,
    /// The last seconds, as many as the longest window needs.
    recent: VecDeque<Second>,
    longest: usize,
}

/// One of them.
#[derive(Debug)]
struct Watched {
    /// Its place among the thresholds of the scenario.
    index: usize,
    threshold: Threshold,
    limit: f64,
    /// The metric, without `groups.NAME.` and `phases.NAME.`.
    figure: String,
    phases: Vec<usize>,
    groups: Vec<usize>,
    /// Of [`Watch::recent`], so many at its end lie one after the other in the phases that count.
    usable: usize,
    /// All of them so far, where there is no `over`.
    all: Sum,
    verdict: WindowVerdict,
    /// Broken since this moment without a break.
    since_s: Option<f64>,
}

impl Watch {
    /// Watches those thresholds that ask for it; `None` where none does, and no second need be kept.
    #[must_use]
    pub fn new(thresholds: &[Threshold], shape: Shape) -> Option<Self> {
        let watched: Vec<Watched> =
            thresholds.iter().enumerate().filter_map(|(index, t)| Watched::new(index, t, &shape)).collect();
        let longest = watched.iter().filter_map(|w| w.threshold.over_s).max().unwrap_or(1) as usize + 1;
        (!watched.is_empty()).then(|| Self { shape, watched, recent: VecDeque::new(), longest })
    }

    /// Takes the next second; gives the sentence that ends the run, if one of the thresholds does.
    pub fn second(&mut self, second: Second) -> Option<String> {
        let phase = self.phase_at((second.from_s + second.to_s) / 2.0);
        self.recent.push_back(second);
        if self.recent.len() > self.longest {
            self.recent.pop_front();
        }
        let mut end = None;
        for watched in &mut self.watched {
            end = end.or(watched.look(&self.recent, phase));
        }
        end
    }

    /// What the windows said, by the place of their threshold.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(usize, WindowVerdict)> {
        self.watched.iter().map(|watched| (watched.index, watched.verdict.clone())).collect()
    }

    fn phase_at(&self, at_s: f64) -> Option<usize> {
        let mut end = 0.0;
        self.shape.phases.iter().position(|phase| {
            end += phase.length_s;
            at_s < end
        })
    }
}

impl Shape {
    /// Phases and groups that a metric is about, and the metric without their names.
    fn scope<'m>(&self, metric: &'m str) -> (Vec<usize>, Vec<usize>, &'m str) {
        let measured = || (0..self.phases.len()).filter(|&p| self.phases[p].measure).collect();
        let all_groups = || (0..self.groups.len()).collect();
        let named = |prefix: &str| metric.strip_prefix(prefix).and_then(|rest| rest.split_once('.'));
        if let Some((name, figure)) = named("phases.") {
            return (positions(self.phases.iter().map(|p| &p.name), name), all_groups(), figure);
        }
        if let Some((name, figure)) = named("groups.") {
            return (measured(), positions(self.groups.iter(), name), figure);
        }
        (measured(), all_groups(), metric)
    }

    /// The longest time in one piece that windows of this metric can lie in, seconds.
    #[must_use]
    pub fn longest_s(&self, metric: &str) -> f64 {
        let (phases, ..) = self.scope(metric);
        let (mut longest, mut length) = (0.0_f64, 0.0);
        for (i, phase) in self.phases.iter().enumerate() {
            length = if phases.contains(&i) { length + phase.length_s } else { 0.0 };
            longest = longest.max(length);
        }
        longest
    }
}

fn positions<'n>(names: impl Iterator<Item = &'n String>, wanted: &str) -> Vec<usize> {
    names.enumerate().filter(|(_, name)| *name == wanted).map(|(i, _)| i).collect()
}

/// Whether a figure, named without its group or phase, can be told of a part of a run while it goes.
#[must_use]
pub fn can_be_watched(metric: &str) -> bool {
    let figure = bare(metric);
    leaves(&Sum::default().figures()).iter().any(|known| known == figure)
}

impl Watched {
    fn new(index: usize, threshold: &Threshold, shape: &Shape) -> Option<Self> {
        if threshold.over_s.is_none() && threshold.abort.is_none() {
            return None;
        }
        let (phases, groups, figure) = shape.scope(&threshold.metric);
        Some(Self {
            index,
            limit: threshold.value()?,
            figure: figure.to_owned(),
            threshold: threshold.clone(),
            phases,
            groups,
            usable: 0,
            all: Sum::default(),
            verdict: WindowVerdict::default(),
            since_s: None,
        })
    }

    /// Looks at the newest second, which lies in this phase, and gives the sentence that ends the run.
    fn look(&mut self, recent: &VecDeque<Second>, phase: Option<usize>) -> Option<String> {
        if !phase.is_some_and(|phase| self.phases.contains(&phase)) {
            self.usable = 0;
            self.since_s = None;
            return None;
        }
        self.usable = (self.usable + 1).min(recent.len());
        let newest = recent.back()?;
        let (from_s, value) = match self.threshold.over_s {
            Some(over_s) => self.window(recent, f64::from(over_s))?,
            None => {
                self.all.add(newest, &self.phases, &self.groups);
                (0.0, self.figure_of(&self.all))
            }
        };
        let to_s = newest.to_s;
        let holds = match value {
            Some(value) => self.threshold.op.holds(value, self.limit),
            // Nothing to judge, unless a whole window went by without what was to come.
            None => self.threshold.over_s.is_none() || !self.was_silent(recent, from_s),
        };
        self.note(value, holds, BrokenWindow { from_s, to_s, value });
        let grace = self.threshold.abort?;
        let since = self.since_s?;
        (to_s - since >= grace.as_secs_f64()).then(|| self.sentence(value, from_s, to_s))
    }

    /// The window that ends with the newest second, if there is a whole one: its begin and its figure.
    fn window(&self, recent: &VecDeque<Second>, over_s: f64) -> Option<(f64, Option<f64>)> {
        let mut sum = Sum::default();
        let mut length = 0.0;
        for second in recent.iter().rev().take(self.usable) {
            sum.add(second, &self.phases, &self.groups);
            length += second.length_s();
            if length >= over_s - TOLERANCE_S {
                return Some((second.from_s, self.figure_of(&sum)));
            }
        }
        None
    }

    fn figure_of(&self, sum: &Sum) -> Option<f64> {
        self.figure.split('.').try_fold(&sum.figures(), |at, key| at.get(key)).and_then(serde_json::Value::as_f64)
    }

    /// Whether something was published in the window that began then, its last second aside: that may be on its way.
    fn was_silent(&self, recent: &VecDeque<Second>, from_s: f64) -> bool {
        let before_last = recent.iter().rev().skip(1).take_while(|second| second.from_s >= from_s);
        before_last.map(|second| second.published(&self.phases)).sum::<u64>() > 0
    }

    fn note(&mut self, value: Option<f64>, holds: bool, window: BrokenWindow) {
        let v = &mut self.verdict;
        v.windows += 1;
        if let Some(value) = value {
            let worse = v.worst.map_or(value, |worst| self.threshold.op.worse(worst, value, self.limit));
            v.worst = Some(worse);
        }
        if holds {
            self.since_s = None;
        } else {
            self.since_s.get_or_insert(window.to_s);
            v.broken.get_or_insert(window);
        }
    }

    fn sentence(&mut self, value: Option<f64>, from_s: f64, to_s: f64) -> String {
        self.verdict.ended_the_run = true;
        let Threshold { metric, text, .. } = &self.threshold;
        let was = value.map_or("nothing arrived".to_owned(), |value| format!("it was {}", super::shown(metric, value)));
        format!("threshold {metric} {text} is broken and has `abort`: {was} from {from_s:.0} s to {to_s:.0} s")
    }
}

#[cfg(test)]
mod tests;
