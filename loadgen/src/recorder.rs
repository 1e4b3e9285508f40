//! What one worker records in one second; handed over whole and merged, so nothing is shared while recording.

mod absences;

pub use absences::{Absences, NotOwed, Regained};

use serde::{Deserialize, Serialize};

use crate::record::Counts;

/// Figures of one phase and one group of subscribers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Slot {
    /// Received less due, microseconds.
    pub due: Counts,
    /// Received less sent, microseconds.
    pub sent: Counts,
    /// Messages received, altered ones not counted.
    pub delivered: u64,
    /// Copies of what had been received before.
    pub duplicated: u64,
    /// Received after a later message of the same publisher.
    pub reordered: u64,
    /// Received altered, and known which.
    pub corrupted: u64,
    /// Looks like one of ours but does not say which; counted as corrupted as far as something is missing.
    pub unreadable: u64,
    /// Overtaken by later messages of the room on the same connection, less those that came all the same: lost, as far as is known
    /// while the run goes. Counted in the phase of the message that overtook.
    pub passed_over: i64,
    /// Something the server itself says.
    pub foreign: u64,
    /// Matched by content where another message within the window is equal.
    pub ambiguous: u64,
    /// Payload bytes of what was delivered.
    pub payload_bytes: u64,
    /// The same with frame headers, each message as one plain frame.
    pub frame_bytes: u64,
    /// How many bytes less than that really came; below zero where they were more.
    pub saved: i64,
    /// Messages of connections whose frames are only counted; in none of the figures above.
    pub counted: u64,
    /// Bytes of their frames, headers included.
    pub counted_bytes: u64,
    /// Only where connections leave and come back.
    pub absences: Option<Box<Absences>>,
}

impl Slot {
    /// Records `n` deliveries that share their times (nanoseconds of CLOCK_MONOTONIC; `due` 0: closed loop).
    #[inline]
    pub fn times(&mut self, now: u64, due: u64, sent: u64, n: u32) {
        if due != 0 {
            self.due.record_n(now.saturating_sub(due) / 1000, n.into());
        }
        self.sent.record_n(now.saturating_sub(sent) / 1000, n.into());
    }

    /// Records a delivery that was begun before its connection opened; `not_owed`: why it was not to be expected, if it was not.
    pub fn replayed(&mut self, now: u64, due: u64, sent: u64, not_owed: Option<NotOwed>) {
        let since = if due == 0 { sent } else { due };
        let absences = self.absences_mut();
        absences.resumed.record(now.saturating_sub(since) / 1000);
        if let Some(why) = not_owed {
            absences.regain(why);
        }
    }

    /// What connections that leave and come back add.
    pub fn absences_mut(&mut self) -> &mut Absences {
        self.absences.get_or_insert_default()
    }

    /// Bytes of the frames in which the messages came, headers included.
    pub fn wire_bytes(&self) -> u64 {
        self.frame_bytes.saturating_add_signed(-self.saved) + self.counted_bytes
    }

    /// Adds another slot's figures.
    pub fn merge(&mut self, other: &Slot) {
        self.due.merge(&other.due);
        self.sent.merge(&other.sent);
        self.delivered += other.delivered;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
        self.unreadable += other.unreadable;
        self.passed_over += other.passed_over;
        self.foreign += other.foreign;
        self.ambiguous += other.ambiguous;
        self.payload_bytes += other.payload_bytes;
        self.frame_bytes += other.frame_bytes;
        self.saved += other.saved;
        self.counted += other.counted;
        self.counted_bytes += other.counted_bytes;
        if let Some(absences) = &other.absences {
            self.absences_mut().merge(absences);
        }
    }
}

/// Figures of one phase that belong to no group.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PhaseSlot {
    /// Sent less due, microseconds, while the publisher's socket was writable.
    pub schedule_lag: Counts,
    /// Age of the last return from `epoll_wait`, microseconds, one a delivery.
    pub read_age: Counts,
    /// Closed loop: from a publish to the echo that frees its place.
    pub round_trip: Counts,
    /// Publishes that fell due.
    pub due: u64,
    /// Publishes begun.
    pub sent: u64,
    /// Socket reads that brought something.
    pub reads: u64,
    /// Messages decompressed, once for all that received the same.
    pub inflated: u64,
    /// CPU time that took, in nanoseconds.
    pub inflate_ns: u64,
    /// Observe mode: what new messages say of themselves.
    pub feed: FeedCounts,
    /// Handshakes begun by connections that came back.
    pub handshakes: u64,
}

/// What the new messages of an observed feed say of themselves.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedCounts {
    /// Messages that anybody received first.
    pub messages: u64,
    /// Of these: with a timestamp that can be believed.
    pub timed: u64,
    /// Of these: with a timestamp later than their arrival.
    pub ahead: u64,
    /// By how much at most, microseconds.
    pub ahead_most_us: u64,
    /// With a timestamp more than a minute away.
    pub implausible: u64,
    /// With a sequence number.
    pub numbered: u64,
    /// Jumps in these numbers.
    pub gaps: u64,
    /// Numbers left out.
    pub gap_messages: u64,
    /// Numbers no higher than the one before.
    pub went_back: u64,
}

impl FeedCounts {
    /// Adds another's.
    pub fn merge(&mut self, other: &FeedCounts) {
        self.messages += other.messages;
        self.timed += other.timed;
        self.ahead += other.ahead;
        self.ahead_most_us = self.ahead_most_us.max(other.ahead_most_us);
        self.implausible += other.implausible;
        self.numbered += other.numbered;
        self.gaps += other.gaps;
        self.gap_messages += other.gap_messages;
        self.went_back += other.went_back;
    }
}

impl PhaseSlot {
    /// Adds another slot's figures.
    pub fn merge(&mut self, other: &PhaseSlot) {
        self.schedule_lag.merge(&other.schedule_lag);
        self.read_age.merge(&other.read_age);
        self.round_trip.merge(&other.round_trip);
        self.due += other.due;
        self.sent += other.sent;
        self.reads += other.reads;
        self.inflated += other.inflated;
        self.inflate_ns += other.inflate_ns;
        self.feed.merge(&other.feed);
        self.handshakes += other.handshakes;
    }
}

/// Everything recorded, by phase and group. Slots come into being when first used.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Recorder {
    groups: usize,
    slots: Vec<Option<Box<Slot>>>,
    phases: Vec<Option<Box<PhaseSlot>>>,
}

impl Recorder {
    /// An empty recorder for so many phases and groups.
    pub fn new(phases: usize, groups: usize) -> Self {
        Recorder {
            groups,
            slots: (0..phases * groups).map(|_| None).collect(),
            phases: (0..phases).map(|_| None).collect(),
        }
    }

    /// Takes what was recorded and leaves an empty recorder of the same shape.
    pub fn take(&mut self) -> Recorder {
        let empty = Recorder::new(self.phases.len(), self.groups);
        std::mem::replace(self, empty)
    }

    /// The slot of a phase and group, to record into.
    #[inline]
    pub fn slot(&mut self, phase: u16, group: u16) -> &mut Slot {
        self.slots[phase as usize * self.groups + group as usize].get_or_insert_default()
    }

    /// The slot of a phase, to record into.
    #[inline]
    pub fn phase(&mut self, phase: u16) -> &mut PhaseSlot {
        self.phases[phase as usize].get_or_insert_default()
    }

    /// What a phase and group recorded, if anything.
    pub fn slot_of(&self, phase: usize, group: usize) -> Option<&Slot> {
        self.slots.get(phase * self.groups + group)?.as_deref()
    }

    /// What a phase recorded, if anything.
    pub fn phase_of(&self, phase: usize) -> Option<&PhaseSlot> {
        self.phases.get(phase)?.as_deref()
    }

    /// All slots that recorded something.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter_map(|s| s.as_deref())
    }

    /// All phases that recorded something.
    pub fn phases(&self) -> impl Iterator<Item = &PhaseSlot> {
        self.phases.iter().filter_map(|s| s.as_deref())
    }

    /// Adds another recorder of the same shape.
    pub fn merge(&mut self, other: &Recorder) {
        for (mine, theirs) in self.slots.iter_mut().zip(&other.slots) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
        for (mine, theirs) in self.phases.iter_mut().zip(&other.phases) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
    }
}
