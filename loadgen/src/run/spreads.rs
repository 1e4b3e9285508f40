//! How each message spread over its subscribers, over all workers.

use std::collections::HashMap;

use super::outcome::Outcome;
use crate::ledger::MessageSpread;
use crate::record::Counts;
use crate::result::Spread;

/// What the figures of [`Spread`] are made of, microseconds.
#[derive(Debug)]
pub struct Spreads {
    first: Counts,
    last: Counts,
    last_less_first: Counts,
    median: Counts,
    p99: Counts,
}

impl Spreads {
    /// Of the messages that were due in these phases.
    pub fn of(o: &Outcome, phases: &[usize]) -> Self {
        // The same message may have gone to subscribers of several workers.
        let mut messages: HashMap<(u32, u32), MessageSpread> = HashMap::new();
        let all = o.harvests.iter().flat_map(|h| &h.spreads).filter(|m| phases.contains(&(m.phase as usize)));
        for message in all {
            let entry = messages.entry((message.publisher, message.seq)).or_insert(*message);
            entry.first = entry.first.min(message.first);
            entry.last = entry.last.max(message.last);
        }
        let new = Counts::new;
        let mut of = Spreads { first: new(), last: new(), last_less_first: new(), median: new(), p99: new() };
        for m in messages.values() {
            of.first.record(m.first.saturating_sub(m.sent) / 1000);
            of.last.record(m.last.saturating_sub(m.sent) / 1000);
            of.last_less_first.record(m.last.saturating_sub(m.first) / 1000);
        }
        for sampled in o.harvests.iter().flat_map(|h| &h.sampled).filter(|s| phases.contains(&(s.phase as usize))) {
            of.median.record(sampled.median);
            of.p99.record(sampled.p99);
        }
        of
    }

    /// As a run has them.
    pub fn figures(&self) -> Spread {
        Spread {
            first: self.first.quantiles(None),
            last: self.last.quantiles(None),
            last_less_first: self.last_less_first.quantiles(None),
            sampled: self.median.count(),
            median: self.median.quantiles(None),
            p99: self.p99.quantiles(None),
        }
    }

    /// By the name of the figure.
    pub fn each(&self) -> [(&'static str, &Counts); 5] {
        [
            ("first", &self.first),
            ("last", &self.last),
            ("last_less_first", &self.last_less_first),
            ("median", &self.median),
            ("p99", &self.p99),
        ]
    }
}
