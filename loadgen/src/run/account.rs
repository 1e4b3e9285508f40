//! What is expected of every phase and group, and what came. No clock, no sockets.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::ledger::{Book, Roll};
use crate::plan::{Arrival, Mode, Plan};
use crate::probe::Echo;
use crate::record::Counts;
use crate::recorder::{Absences, FeedCounts, Recorder, Slot};
use crate::result::{Compression, Deliveries, Figures, Latency, Publishes, Rates, Reconnect};
use crate::worker::DueCounts;

/// The books of a run.
#[derive(Debug)]
pub struct Account {
    plan: Arc<Plan>,
    book: Arc<Book>,
    echo: Echo,
    /// Everything recorded so far.
    pub total: Recorder,
    due: Vec<DueCounts>,
    joined: Vec<HashMap<(u32, u16), u32>>,
    roll: Roll,
    /// What the above come to; made when it is first asked for.
    owed: OnceCell<Owed>,
}

/// Deliveries by phase and group.
#[derive(Debug)]
struct Owed {
    /// That somebody was there for, whatever became of them.
    expected: Vec<Vec<u64>>,
    /// That were begun while their connection was away by plan.
    missed: Vec<Vec<u64>>,
}

/// Which phases and groups a figure covers.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Indices of phases.
    pub phases: Vec<usize>,
    /// Indices of groups of subscribers.
    pub groups: Vec<usize>,
    /// Length of the phases as they were, seconds.
    pub seconds: f64,
}

/// Merged figures of a scope, before they become numbers.
#[derive(Debug)]
pub struct Merged {
    /// Received less due.
    pub due: Counts,
    /// Received less sent.
    pub sent: Counts,
    /// Received less due, of what was replayed to connections that came back.
    pub resumed: Counts,
    /// The ledger.
    pub deliveries: Deliveries,
    /// Deliveries beyond what any phase and group expected: the server sent what it had said it does not, such as late
    /// copies to the sender.
    pub surplus: u64,
}

impl Account {
    /// Empty books for a number of workers.
    pub fn new(plan: Arc<Plan>, book: Arc<Book>, echo: Echo, workers: usize) -> Self {
        let total = Recorder::new(plan.phases.len(), plan.groups.len());
        Account {
            plan,
            book,
            echo,
            total,
            due: vec![DueCounts::default(); workers],
            joined: vec![HashMap::new(); workers],
            roll: Roll::default(),
            owed: OnceCell::new(),
        }
    }

    /// Subscribers joined, left and came back.
    pub fn enrol(&mut self, roll: Roll) {
        self.roll.append(roll);
        self.owed.take();
    }

    /// Replaces what a worker said of its publishes and subscribers; both only ever grow.
    pub fn update(&mut self, worker: usize, due: DueCounts, joined: Option<HashMap<(u32, u16), u32>>) {
        self.due[worker] = due;
        self.owed.take();
        if let Some(joined) = joined {
            self.joined[worker] = joined;
        }
    }

    /// Whether nothing has a due time: some publishers are a closed loop.
    pub fn is_closed_loop(&self) -> bool {
        self.plan.publishers.iter().any(|p| matches!(p.arrival, Arrival::Closed { .. }))
    }

    /// Whether nothing has a due time: a closed loop, or a feed that we do not publish.
    pub fn is_unscheduled(&self) -> bool {
        self.is_closed_loop() || self.plan.mode == Mode::Observe
    }

    /// What an observed feed's messages say of themselves, in these phases.
    pub fn feed(&self, phases: &[usize]) -> FeedCounts {
        let mut feed = FeedCounts::default();
        phases.iter().filter_map(|&p| self.total.phase_of(p)).for_each(|p| feed.merge(&p.feed));
        feed
    }

    /// What everybody who was there was owed, of every publish that fell due.
    fn owed(&self) -> &Owed {
        self.owed.get_or_init(|| {
            let mut due: HashMap<u32, Vec<u64>> = HashMap::new();
            for (room, phase, _, publishes) in self.due.iter().flat_map(DueCounts::iter) {
                due.entry(room).or_insert_with(|| vec![0; self.plan.phases.len()])[phase as usize] += publishes;
            }
            let table = || vec![vec![0; self.plan.groups.len()]; self.plan.phases.len()];
            let (mut expected, mut missed): (Vec<Vec<i64>>, Vec<Vec<i64>>) = (table(), table());
            let of_room = |room| due.get(&room).cloned().unwrap_or_else(|| vec![0; self.plan.phases.len()]);
            for (_, group, dues) in self.roll.dues(&self.book, of_room) {
                for phase in 0..self.plan.phases.len() {
                    expected[phase][group as usize] += dues.owed[phase];
                    missed[phase][group as usize] += dues.missed[phase];
                }
            }
            if self.echo == Echo::ToOthers {
                for (_, phase, sender, publishes) in self.due.iter().flat_map(DueCounts::iter) {
                    if let Some(sender) = sender {
                        expected[phase as usize][sender as usize] -= publishes as i64;
                    }
                }
            }
            for (phase, group) in self.pairs() {
                let Some(absences) = self.total.slot_of(phase, group).and_then(|slot| slot.absences.as_deref()) else {
                    continue;
                };
                expected[phase][group] += absences.regained.sum() as i64 - absences.unaccountable as i64;
                missed[phase][group] -= absences.regained.missed as i64;
            }
            let counts = |table: Vec<Vec<i64>>| {
                table.into_iter().map(|row| row.into_iter().map(|n| n.max(0) as u64).collect()).collect()
            };
            Owed { expected: counts(expected), missed: counts(missed) }
        })
    }

    /// Every phase with every group.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let groups = self.plan.groups.len();
        (0..self.plan.phases.len()).flat_map(move |phase| (0..groups).map(move |group| (phase, group)))
    }

    /// Whether every expected delivery has come.
    pub fn is_complete(&self) -> bool {
        self.came() as i64 >= self.owed_by_now()
    }

    /// Deliveries that came, altered ones too.
    pub fn came(&self) -> u64 {
        self.total.slots().map(|s| s.delivered + s.corrupted + s.counted).sum()
    }

    /// Deliveries owed of every publish that fell due, to all together: less work than who is owed what.
    pub fn owed_by_now(&self) -> i64 {
        let mut due: HashMap<u32, u64> = HashMap::new();
        let mut own = 0;
        for (room, _, sender, publishes) in self.due.iter().flat_map(DueCounts::iter) {
            *due.entry(room).or_default() += publishes;
            own += if sender.is_some() && self.echo == Echo::ToOthers { publishes as i64 } else { 0 };
        }
        let absences = || self.total.slots().filter_map(|slot| slot.absences.as_deref());
        let regained: i64 = absences().map(|a| a.regained.sum() as i64 - a.unaccountable as i64).sum();
        self.roll.owed(|room| due.get(&room).copied().unwrap_or(0)) - own + regained
    }

    /// What is known to be lost while the run goes: overtaken by later messages, and not come since.
    pub fn passed_over(&self) -> u64 {
        self.total.slots().map(|s| s.passed_over).sum::<i64>().max(0) as u64
    }

    /// Messages received so far.
    pub fn delivered(&self) -> u64 {
        self.total.slots().map(|s| s.delivered + s.counted).sum()
    }

    /// Latency of everything that has arrived in measured phases.
    pub fn arrived_so_far(&self) -> Counts {
        let mut arrived = Counts::new();
        for p in (0..self.plan.phases.len()).filter(|&p| self.plan.phases[p].measure) {
            for slot in (0..self.plan.groups.len()).filter_map(|g| self.total.slot_of(p, g)) {
                arrived.merge(if slot.due.is_empty() { &slot.sent } else { &slot.due });
            }
        }
        arrived
    }

    /// Publishes that fell due in these phases.
    pub fn publishes(&self, phases: &[usize]) -> Publishes {
        let due = self.due.iter().flat_map(DueCounts::iter);
        Publishes {
            due: due.filter(|(_, phase, ..)| phases.contains(&(*phase as usize))).map(|(.., n)| n).sum(),
            sent: phases.iter().filter_map(|&p| self.total.phase_of(p)).map(|p| p.sent).sum(),
            away: phases.iter().flat_map(|&p| self.due.iter().map(move |due| due.away(p as u16))).sum(),
        }
    }

    /// What a group's counted frames stand for, phase by phase: nobody knows which messages they are, but they come in order, so each
    /// phase gets what it expected and has not, the earliest first. What is left over has come twice.
    fn counted(&self, group: usize, expected: &[Vec<u64>]) -> (Vec<u64>, u64) {
        let slots = || (0..self.plan.phases.len()).map(|phase| self.total.slot_of(phase, group));
        let mut left: u64 = slots().flatten().map(|s| s.counted).sum();
        let missing = |(slot, expected): (Option<&Slot>, &Vec<u64>)| {
            expected[group].saturating_sub(slot.map_or(0, |s| s.delivered + s.corrupted))
        };
        let counted = slots()
            .zip(expected)
            .map(|of_phase| {
                let counted = missing(of_phase).min(left);
                left -= counted;
                counted
            })
            .collect();
        (counted, left)
    }

    /// Merges histograms and ledger of a scope.
    pub fn merged(&self, scope: &Scope) -> Merged {
        let Owed { expected, missed } = self.owed();
        let mut merged = Merged {
            due: Counts::new(),
            sent: Counts::new(),
            resumed: Counts::new(),
            deliveries: Deliveries::default(),
            surplus: 0,
        };
        let d = &mut merged.deliveries;
        for &group in &scope.groups {
            let (counted, twice) = self.counted(group, expected);
            if scope.phases.contains(&(self.plan.phases.len() - 1)) {
                d.duplicated += twice;
            }
            for &phase in &scope.phases {
                let expected = expected[phase][group];
                d.expected += expected;
                d.missed += missed[phase][group];
                d.delivered += counted[phase];
                d.counted += counted[phase];
                let Some(slot) = self.total.slot_of(phase, group) else {
                    d.lost += expected - counted[phase];
                    continue;
                };
                merged.due.merge(&slot.due);
                merged.sent.merge(&slot.sent);
                // An unreadable message stands for one that is missing; beyond that it is something else.
                let missing = expected.saturating_sub(slot.delivered + slot.corrupted + counted[phase]);
                merged.surplus += (slot.delivered + slot.corrupted).saturating_sub(expected);
                let altered = slot.unreadable.min(missing);
                d.delivered += slot.delivered;
                d.corrupted += slot.corrupted + altered;
                d.lost += missing - altered;
                d.duplicated += slot.duplicated;
                d.reordered += slot.reordered;
                d.ambiguous += slot.ambiguous;
                if let Some(absences) = &slot.absences {
                    merged.resumed.merge(&absences.resumed);
                    d.resumed += absences.resumed.count();
                    d.unaccountable += absences.unaccountable.saturating_sub(absences.regained.unaccountable);
                }
                d.foreign += slot.foreign + slot.unreadable - altered;
            }
        }
        d.lost_share = share(d.lost, d.expected);
        merged
    }

    fn slots<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = &'s Slot> {
        let pairs = scope.phases.iter().flat_map(|&p| scope.groups.iter().map(move |&g| (p, g)));
        pairs.filter_map(|(p, g)| self.total.slot_of(p, g))
    }

    /// What connections that left and came back did in a scope.
    pub fn absences(&self, scope: &Scope) -> Absences {
        let mut sum = Absences::default();
        self.slots(scope).filter_map(|slot| slot.absences.as_deref()).for_each(|absences| sum.merge(absences));
        sum
    }

    /// The figures of a scope.
    pub fn figures(&self, scope: &Scope) -> Figures {
        let Merged { due, sent, resumed, deliveries, .. } = self.merged(scope);
        let publishes = self.publishes(&scope.phases);
        let phases = || scope.phases.iter().filter_map(|&p| self.total.phase_of(p));
        let (mut lag, mut round_trip) = (Counts::new(), Counts::new());
        phases().for_each(|p| {
            lag.merge(&p.schedule_lag);
            round_trip.merge(&p.round_trip);
        });
        let (closed, unscheduled) = (self.is_closed_loop(), self.is_unscheduled());
        let slots = || self.slots(scope);
        let per_s = |n: u64| if scope.seconds > 0.0 { n as f64 / scope.seconds } else { 0.0 };
        let reads: u64 = phases().map(|p| p.reads).sum();
        let arrived = if unscheduled { &sent } else { &due };
        let joined = self.joined.iter().flatten().filter(|((_, g), _)| scope.groups.contains(&(*g as usize)));
        Figures {
            rates: Rates {
                publishes_asked_per_s: (!unscheduled).then(|| per_s(publishes.due)),
                publishes_per_s: per_s(publishes.sent),
                deliveries_per_s: per_s(deliveries.delivered),
                payload_bytes_per_s: per_s(slots().map(|s| s.payload_bytes).sum()),
                wire_bytes_per_s: per_s(slots().map(Slot::wire_bytes).sum()),
                // Reads are not counted by group.
                deliveries_per_read: if reads > 0 && scope.groups.len() == self.plan.groups.len() {
                    deliveries.delivered as f64 / reads as f64
                } else {
                    0.0
                },
            },
            compression: compression(slots()),
            reconnect: reconnect(&self.absences(scope)),
            latency: Latency {
                // When a counted frame was due is not known, and what was replayed has a latency of its own.
                due: (!unscheduled)
                    .then(|| due.quantiles(Some(deliveries.expected - deliveries.counted - deliveries.resumed))),
                sent: sent.quantiles(None),
                arrived: arrived.quantiles(None),
                resumed: resumed.quantiles(None),
                round_trip: match (closed, self.plan.mode) {
                    (true, _) => Some(round_trip.quantiles(None)),
                    // From a publish to its own echo: every delivery is one.
                    (false, Mode::Echo) => Some(sent.quantiles(None)),
                    (false, Mode::Broadcast | Mode::Observe) => None,
                },
            },
            schedule_lag: lag.quantiles(None),
            subscribers: joined.map(|(_, n)| u64::from(*n)).sum(),
            closed: None,
            publishes,
            deliveries,
        }
    }
}

/// How many at once is known to the tally only.
fn reconnect(sum: &Absences) -> Reconnect {
    let us = |value: Option<u64>| value.map(|us| us as f64);
    let back = |share| us(sum.back.percentile_of(share, sum.struck));
    Reconnect {
        count: sum.returned,
        away: sum.to_return.saturating_sub(sum.returned),
        p50: us(sum.first.percentile(0.5)),
        p99: us(sum.first.percentile(0.99)),
        max: us(sum.first.max()),
        cut: sum.struck,
        back_50: back(0.5),
        back_99: back(0.99),
        back_all: back(1.0),
        peak_per_s: None,
        handshakes_by_tenth: Vec::new(),
        resumed: sum.resumed_connections,
        resume_refused: sum.resumes_refused,
        failed_tries: sum.failed_tries,
    }
}

/// What was agreed on is known to the tally only.
fn compression<'s>(slots: impl Iterator<Item = &'s Slot>) -> Compression {
    let mut sum = Compression::default();
    for slot in slots {
        sum.payload_bytes += slot.payload_bytes;
        sum.plain_bytes += slot.frame_bytes;
        sum.wire_bytes += slot.wire_bytes() - slot.counted_bytes;
        sum.counted_bytes += slot.counted_bytes;
    }
    sum.ratio = (sum.wire_bytes > 0).then(|| sum.plain_bytes as f64 / sum.wire_bytes as f64);
    sum
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
