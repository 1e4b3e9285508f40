//! The ledger with connections that leave and come back, against a model that knows the truth: whatever is published, dropped by the
//! server, cut, closed, resumed or not, every message ends in the same column at every connection.

use std::collections::BTreeSet;

use proptest::prelude::*;
use wire::frame::append_frame;

use super::tests::{PUBLISHERS, RUN, source};
use super::*;
use crate::plan::Correlate;
use crate::recorder::Recorder;

const CONNECTIONS: usize = 3;
/// Publishes of the first phase; all later ones are of the second.
const FIRST_PHASE: u32 = 20;

#[derive(Debug, Clone)]
enum Step {
    /// Somebody publishes; the server drops the copies of those whose bit is set.
    Publish { publisher: u32, dropped: u8 },
    /// A connection reads so many bytes of what waits for it.
    Read { connection: usize, bytes: usize },
    /// It leaves, by plan or not; by plan it may stay away.
    Leave { connection: usize, why: Why },
    /// It comes back. Without resume the server has let it in before the last few publishes, and it hears of that only now.
    Return { connection: usize, early: usize },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Why {
    Planned,
    PlannedToResume,
    /// As above, but the server turns the resume down.
    PlannedInVain,
    ForGood,
    Dropped,
    DroppedToResume,
}

fn step() -> impl Strategy<Value = Step> {
    let why = prop_oneof![
        Just(Why::Planned),
        Just(Why::PlannedToResume),
        Just(Why::PlannedInVain),
        Just(Why::ForGood),
        Just(Why::Dropped),
        Just(Why::DroppedToResume),
    ];
    // Most messages reach everybody.
    let dropped = prop_oneof![6 => Just(0u8), 1 => any::<u8>()];
    prop_oneof![
        8 => (0..PUBLISHERS, dropped).prop_map(|(publisher, dropped)| Step::Publish { publisher, dropped }),
        8 => (0..CONNECTIONS, 1usize..600).prop_map(|(connection, bytes)| Step::Read { connection, bytes }),
        2 => (0..CONNECTIONS, why).prop_map(|(connection, why)| Step::Leave { connection, why }),
        3 => (0..CONNECTIONS, 0usize..4).prop_map(|(connection, early)| Step::Return { connection, early }),
    ]
}

/// How many messages ended in each column, by phase.
#[derive(Debug, Default, Clone, PartialEq)]
struct Columns {
    delivered: [i64; 2],
    lost: [i64; 2],
    missed: [i64; 2],
    unaccountable: [i64; 2],
    resumed: [i64; 2],
}

/// One connection as the server and the truth see it.
struct Peer {
    cursor: Cursor,
    /// Bytes sent and not read, and which message ends where among all bytes of this connection.
    wire: Vec<u8>,
    ends: Vec<(u64, u32)>,
    read: u64,
    /// The first message that the server has not sent it.
    sent_up_to: u32,
    away: Option<(Why, u32)>,
    /// The number when it opened.
    since: u32,
    had: BTreeSet<u32>,
    resumed: BTreeSet<u32>,
    /// First number, end, and the first that is in flight at most, of each time that its account was open; `None`: still is.
    accounts: Vec<(u32, Option<u32>, u32, BTreeSet<u32>)>,
    missed: Vec<(u32, Option<u32>)>,
}

struct World {
    book: Book,
    content: Content,
    room: CanonicalRoom,
    recorder: Recorder,
    roll: Roll,
    log: Vec<(u32, u32, u8)>,
    peers: Vec<Peer>,
}

impl World {
    fn new() -> Self {
        let mut roll = Roll::default();
        let peer = |_| {
            roll.join(0, 0, 0);
            Peer {
                cursor: Cursor::default(),
                wire: Vec::new(),
                ends: Vec::new(),
                read: 0,
                sent_up_to: 0,
                away: None,
                since: 0,
                had: BTreeSet::new(),
                resumed: BTreeSet::new(),
                accounts: vec![(0, None, 0, BTreeSet::new())],
                missed: Vec::new(),
            }
        };
        let peers = (0..CONNECTIONS).map(peer).collect();
        World {
            book: Book::new(vec![0; PUBLISHERS as usize]).unwrap(),
            content: Content::new(RUN, Correlate::Stamp, Verify::Exact, vec![(0..PUBLISHERS, source(40..=300))]),
            room: CanonicalRoom::new(CONNECTIONS as u32, 1000),
            recorder: Recorder::new(2, 1),
            roll,
            log: Vec::new(),
            peers,
        }
    }

    fn next(&self) -> u32 {
        self.book.order(0).next()
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Publish { publisher, dropped } => {
                let phase = u16::from(self.next() >= FIRST_PHASE);
                let table = self.book.table(publisher).unwrap();
                let seq = table.begin(Published { due: 1000, sent: 2000, phase });
                self.log.push((publisher, seq, dropped));
                for connection in 0..CONNECTIONS {
                    self.serve(connection);
                }
            }
            Step::Read { connection, bytes } => self.read(connection, bytes),
            Step::Leave { connection, why } => self.leave(connection, why),
            Step::Return { connection, early } => self.come_back(connection, early),
        }
    }

    /// The server sends a connection what it has not sent yet.
    fn serve(&mut self, connection: usize) {
        let peer = &mut self.peers[connection];
        if peer.away.is_some() {
            return;
        }
        for number in peer.sent_up_to..self.log.len() as u32 {
            let (publisher, seq, dropped) = self.log[number as usize];
            if dropped & (1 << connection) == 0 {
                let (opcode, payload) = self.content.render(publisher, seq).unwrap();
                append_frame(&mut peer.wire, opcode, payload);
                peer.ends.push((peer.read + peer.wire.len() as u64, number));
            }
        }
        peer.sent_up_to = self.log.len() as u32;
    }

    fn read(&mut self, connection: usize, bytes: usize) {
        let peer = &mut self.peers[connection];
        let n = bytes.min(peer.wire.len());
        if n == 0 {
            return;
        }
        let mut input: Vec<u8> = peer.wire.drain(..n).collect();
        peer.read += n as u64;
        let whole = peer.ends.iter().take_while(|(end, _)| *end <= peer.read).count();
        for (_, number) in peer.ends.drain(..whole) {
            if peer.had.insert(number) && number < peer.since {
                peer.resumed.insert(number);
            }
        }
        let mut reader = Reader {
            room: &mut self.room,
            room_id: 0,
            book: &self.book,
            content: &mut self.content,
            dialect: None,
            recorder: &mut self.recorder,
            controls: &mut Vec::new(),
            first_arrivals: &mut Vec::new(),
            delivery: Delivery { now: 9_000_000, group: Some(0), publisher: None, phase: 0 },
            delivered: 0,
            messages: 0,
            echoes: 0,
        };
        reader.receive(&mut peer.cursor, &mut input).unwrap();
    }

    fn leave(&mut self, connection: usize, why: Why) {
        let left = self.next();
        let peer = &mut self.peers[connection];
        if peer.away.is_some() {
            return;
        }
        peer.away = Some((why, left));
        peer.wire.clear();
        peer.ends.clear();
        peer.cursor.break_off(&self.room);
        match why {
            Why::Planned => self.forgo(connection, left, Leave::Away),
            Why::ForGood => self.forgo(connection, left, Leave::ForGood),
            Why::PlannedToResume | Why::PlannedInVain | Why::Dropped | Why::DroppedToResume => {}
        }
    }

    fn forgo(&mut self, connection: usize, left: u32, leave: Leave) {
        let peer = &mut self.peers[connection];
        self.roll.leave(0, 0, left, leave);
        for number in peer.cursor.forgo(&self.room, self.book.order(0), left) {
            let phase = self.book.phase_of(0, number).unwrap();
            self.recorder.slot(phase, 0).absences_mut().unaccountable += 1;
        }
        let account = peer.accounts.last_mut().unwrap();
        (account.1, account.3) = (Some(left), peer.had.clone());
        if leave == Leave::Away {
            peer.missed.push((left, None));
        }
    }

    fn come_back(&mut self, connection: usize, early: usize) {
        let Some((why, left)) = self.peers[connection].away else { return };
        if why == Why::ForGood {
            return;
        }
        let next = self.next();
        let how = match why {
            Why::Dropped => Rejoin::Interrupted,
            Why::PlannedToResume | Why::DroppedToResume => Rejoin::Resumed,
            Why::PlannedInVain => {
                self.forgo(connection, left, Leave::Away);
                Rejoin::Missed { left }
            }
            Why::Planned | Why::ForGood => Rejoin::Missed { left },
        };
        let peer = &mut self.peers[connection];
        peer.away = None;
        peer.since = next;
        peer.read = 0;
        match how {
            // It asks for the first that it does not have after all that it has.
            Rejoin::Resumed => peer.sent_up_to = peer.had.last().map_or(0, |n| n + 1).min(left),
            Rejoin::Interrupted => {
                peer.sent_up_to = next.saturating_sub(early as u32);
                peer.accounts.last_mut().unwrap().2 = next;
            }
            Rejoin::Missed { .. } => {
                peer.sent_up_to = next.saturating_sub(early as u32);
                peer.missed.last_mut().unwrap().1 = Some(next);
                peer.accounts.push((next, None, next, BTreeSet::new()));
                self.roll.come_back(0, 0, next);
            }
        }
        peer.cursor.rejoin(&self.room, next, how);
        self.serve(connection);
    }

    /// Whoever waits for a resume that never comes has left after all.
    fn end(&mut self) {
        for connection in 0..CONNECTIONS {
            if let Some((Why::PlannedToResume | Why::PlannedInVain, left)) = self.peers[connection].away {
                self.forgo(connection, left, Leave::Away);
            }
        }
    }

    fn counted(&self) -> Columns {
        let mut columns = Columns::default();
        let phases = vec![FIRST_PHASE.min(self.next()).into(), u64::from(self.next().saturating_sub(FIRST_PHASE))];
        let (_, _, dues) = self.roll.dues(&self.book, |_| phases.clone()).next().unwrap();
        for phase in 0..2 {
            let mut expected = dues.owed[phase];
            columns.missed[phase] = dues.missed[phase];
            if let Some(slot) = self.recorder.slot_of(phase, 0) {
                columns.delivered[phase] = slot.delivered as i64;
                if let Some(absences) = &slot.absences {
                    expected += absences.regained.sum() as i64 - absences.unaccountable as i64;
                    columns.missed[phase] -= absences.regained.missed as i64;
                    columns.unaccountable[phase] =
                        absences.unaccountable as i64 - absences.regained.unaccountable as i64;
                    columns.resumed[phase] = absences.resumed.count() as i64;
                }
            }
            columns.lost[phase] = expected - columns.delivered[phase];
        }
        columns
    }

    /// The truth, message by message.
    fn known(&self) -> Columns {
        let mut columns = Columns::default();
        for peer in &self.peers {
            for number in 0..self.next() {
                let phase = usize::from(number >= FIRST_PHASE);
                let publisher = self.log[number as usize].0;
                let overtaken = |had: &BTreeSet<u32>| had.range(number..).any(|n| self.log[*n as usize].0 == publisher);
                let open = peer.accounts.iter().find(|a| number >= a.0 && a.1.is_none_or(|end| number < end));
                if peer.had.contains(&number) {
                    columns.delivered[phase] += 1;
                    columns.resumed[phase] += i64::from(peer.resumed.contains(&number));
                } else if let Some((_, end, flight, had)) = open {
                    if end.is_some() && number >= *flight && !overtaken(had) {
                        columns.unaccountable[phase] += 1;
                    } else {
                        columns.lost[phase] += 1;
                    }
                } else if peer.missed.iter().any(|m| number >= m.0 && m.1.is_none_or(|end| number < end)) {
                    columns.missed[phase] += 1;
                }
            }
        }
        columns
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_message_ends_in_the_column_where_the_truth_has_it(steps in prop::collection::vec(step(), 1..160)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.play(step));
        world.end();
        prop_assert_eq!(world.counted(), world.known());
    }
}

fn publish(publisher: u32) -> Step {
    Step::Publish { publisher, dropped: 0 }
}

fn read_all(connection: usize) -> Step {
    Step::Read { connection, bytes: 1 << 20 }
}

fn columns(steps: impl IntoIterator<Item = Step>) -> Columns {
    let mut world = World::new();
    // The others are of no interest here.
    for connection in 1..CONNECTIONS {
        world.leave(connection, Why::ForGood);
    }
    steps.into_iter().for_each(|step| world.play(&step));
    world.end();
    assert_eq!(world.counted(), world.known());
    world.counted()
}

fn absent(why: Why) -> Columns {
    let leave = Step::Leave { connection: 0, why };
    let come_back = Step::Return { connection: 0, early: 0 };
    columns([publish(0), read_all(0), publish(0), leave, publish(0), publish(0), come_back, publish(0), read_all(0)])
}

#[test]
fn who_leaves_by_plan_misses_what_is_published_meanwhile_and_what_was_on_its_way_is_unaccountable() {
    let c = absent(Why::Planned);
    assert_eq!((c.delivered[0], c.unaccountable[0], c.missed[0], c.lost[0], c.resumed[0]), (2, 1, 2, 0, 0));
}

#[test]
fn who_is_closed_on_has_lost_what_is_published_until_the_return() {
    let c = absent(Why::Dropped);
    assert_eq!((c.delivered[0], c.unaccountable[0], c.missed[0], c.lost[0], c.resumed[0]), (2, 0, 0, 3, 0));
}

#[test]
fn who_resumes_has_everything_and_what_came_late_is_told_apart() {
    for why in [Why::PlannedToResume, Why::DroppedToResume] {
        let c = absent(why);
        assert_eq!((c.delivered[0], c.unaccountable[0], c.missed[0], c.lost[0], c.resumed[0]), (5, 0, 0, 0, 3));
    }
}

#[test]
fn a_resume_that_is_turned_down_is_a_leave_like_any_other() {
    assert_eq!(absent(Why::PlannedInVain), absent(Why::Planned));
}

#[test]
fn who_never_comes_back_misses_nothing() {
    let c = absent(Why::ForGood);
    assert_eq!((c.delivered[0], c.unaccountable[0], c.missed[0], c.lost[0]), (1, 1, 0, 0));
}

#[test]
fn a_gap_before_the_last_message_received_is_lost_whatever_comes_after() {
    let dropped = Step::Publish { publisher: 0, dropped: 1 };
    let leave = Step::Leave { connection: 0, why: Why::ForGood };
    let c = columns([publish(0), dropped, publish(0), read_all(0), publish(0), publish(1), leave]);
    assert_eq!((c.delivered[0], c.lost[0], c.unaccountable[0]), (2, 1, 2));
}
