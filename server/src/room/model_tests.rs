//! A room among simulated sockets, against what each member should have received.

use proptest::prelude::*;
use wire::{Decoded, Header, Opcode, Role, Rsv1, Rules, decode};

use super::*;
use crate::accounts::Accounts;
use crate::outbox::Outbox;

/// A simulated connection: what arrived, and how much more its socket takes.
struct Peer {
    member: Option<MemberId>,
    window: usize,
    received: Vec<u8>,
    /// Of `received`, what the room's own writes brought (the rest are private frames and ends of split ones).
    first: u64,
    healthy: bool,
    resumed: bool,
    adopted: bool,
    outbox: Outbox,
    pongs: u64,
    departed: Option<Why>,
    deliveries: u64,
}

struct World {
    room: Room,
    accounts: Accounts,
    peers: Vec<Peer>,
    published: Vec<Vec<u8>>,
    room_bytes: u64,
    now: u64,
    leaves: u64,
}

const HEALTHY: usize = usize::MAX / 2;

fn payload(index: u64, size: usize) -> Vec<u8> {
    let mut payload = index.to_be_bytes().to_vec();
    payload.extend((0..size).map(|i| (i as u64 * 7 + index) as u8));
    payload
}

impl World {
    fn new(policy: LagPolicy, log_memory: usize) -> Self {
        Self {
            room: Room::new("r", 1, 8192, policy, 0),
            accounts: Accounts::new(log_memory),
            peers: Vec::new(),
            published: Vec::new(),
            room_bytes: 0,
            now: 0,
            leaves: 0,
        }
    }

    fn with_sink<T>(
        &mut self,
        call: impl FnOnce(&mut Room, &mut Accounts, u64, &mut dyn FnMut(i32, &[u8], &[u8]) -> Sent) -> T,
    ) -> T {
        let Self { room, accounts, peers, room_bytes, now, .. } = self;
        call(room, accounts, *now, &mut |fd, a, b| {
            let peer = &mut peers[fd as usize];
            let n = peer.window.min(a.len() + b.len());
            if n == 0 {
                return Sent::Blocked;
            }
            if !peer.healthy {
                peer.window -= n;
            }
            *room_bytes += n as u64;
            peer.received.extend(a.iter().chain(b).take(n));
            Sent::Bytes(n)
        })
    }

    fn flush(&mut self) {
        self.with_sink(|room, accounts, now, mut sink| room.flush(now, accounts, &mut sink));
        self.see_off();
        // After a flush, whoever is ready has everything.
        assert!(!self.room.is_dirty());
    }

    fn publish(&mut self, size: usize) {
        let payload = payload(self.published.len() as u64, size);
        loop {
            match self.room.append(Opcode::Binary, &payload, self.now, &mut self.accounts) {
                Ok(index) => {
                    assert_eq!(index, self.published.len() as u64);
                    self.published.push(payload);
                    break;
                }
                Err(Full::FlushFirst) => {
                    assert!(self.room.is_dirty(), "asked to flush what is flushed");
                    self.flush();
                }
                Err(Full::NoMemory) => {
                    assert!(payload.len() + 4 > self.room.log().capacity());
                    break;
                }
            }
        }
        assert_eq!(self.accounts.log.used(), self.room.log().capacity());
        assert!(self.room.log().capacity() <= self.room.log().cap());
        self.see_off();
    }

    fn join(&mut self, healthy: bool, back: u64) {
        let conn = self.peers.len() as u32;
        let next = self.room.next();
        let point = crate::resume::ResumePoint { index: next.index.saturating_sub(back), ..next };
        let (member, first) = if back == 0 {
            (Some(self.room.reserve(conn, self.now)), next.index)
        } else {
            let member = self.room.reserve_from(point, conn, self.now);
            assert_eq!(member.is_some(), point.index >= self.room.oldest().index);
            (member, point.index)
        };
        self.peers.push(Peer {
            member,
            window: if healthy { HEALTHY } else { 0 },
            received: Vec::new(),
            first,
            healthy,
            resumed: back > 0,
            adopted: false,
            outbox: Outbox::default(),
            pongs: 0,
            departed: None,
            deliveries: 0,
        });
    }

    fn adopt(&mut self, conn: usize) {
        let Some(member) = self.peers[conn].member else { return };
        if !std::mem::replace(&mut self.peers[conn].adopted, true) {
            self.with_sink(|room, accounts, now, mut sink| room.adopt(member, conn as i32, now, accounts, &mut sink));
            self.see_off();
        }
    }

    /// As the shard does: private frames go at once between frames, else they wait.
    fn ping(&mut self, conn: usize) {
        let peer = &mut self.peers[conn];
        let Some(member) = peer.member.filter(|_| peer.adopted) else { return };
        peer.outbox.message(Opcode::Text, &peer.pongs.to_be_bytes());
        peer.pongs += 1;
        if self.room.blocked_since(member).is_none() && !self.send_outbox(conn) {
            self.room.hold(member, self.now);
        }
    }

    fn send_outbox(&mut self, conn: usize) -> bool {
        let peer = &mut self.peers[conn];
        let n = peer.window.min(peer.outbox.unsent().len());
        peer.received.extend(&peer.outbox.unsent()[..n]);
        peer.outbox.advance(n);
        if !peer.healthy {
            peer.window -= n;
        }
        peer.outbox.is_empty()
    }

    fn open_window(&mut self, conn: usize, bytes: usize) {
        let Some(member) = self.peers[conn].member else { return };
        if !self.peers[conn].healthy {
            self.peers[conn].window += bytes;
        }
        loop {
            let private = if self.peers[conn].outbox.is_empty() { Private::None } else { Private::Waiting };
            match self
                .with_sink(|room, accounts, now, mut sink| room.writable(member, private, now, accounts, &mut sink))
            {
                Writable::Boundary => {
                    if !self.send_outbox(conn) {
                        break;
                    }
                }
                Writable::Blocked | Writable::Ready => break,
            }
        }
        self.see_off();
    }

    fn leave(&mut self, conn: usize) {
        let Some(member) = self.peers[conn].member.take() else { return };
        self.leaves += 1;
        self.peers[conn].deliveries =
            whole_frames(&self.peers[conn].received).0.iter().filter(|f| f.0 == Opcode::Binary).count() as u64;
        let rest = self.room.leave(member, &mut self.accounts);
        self.peers[conn].received.extend(rest);
        if self.peers[conn].outbox.is_empty() && self.peers[conn].departed != Some(Why::NoMemory) {
            assert_eq!(whole_frames(&self.peers[conn].received).1, 0, "the rest completes the frame");
        }
    }

    fn see_off(&mut self) {
        while let Some(departure) = self.room.next_departure() {
            let conn = departure.conn as usize;
            assert!(!self.peers[conn].healthy || !self.peers[conn].adopted, "a healthy reader was thrown out");
            self.peers[conn].departed = Some(departure.why);
            self.leave(conn);
        }
    }

    /// Everybody reads everything; then what they have must be what was published.
    fn check(&mut self, policy: LagPolicy) {
        self.flush();
        for conn in 0..self.peers.len() {
            self.adopt(conn);
            self.open_window(conn, 1 << 24);
        }
        let mut gaps = 0;
        let mut deliveries = 0;
        for peer in &self.peers {
            let (frames, left) = whole_frames(&peer.received);
            let mut next = peer.first;
            let mut pongs = 0;
            let mut whole = 0;
            for (opcode, bytes) in frames {
                let number = u64::from_be_bytes(bytes[..8].try_into().unwrap());
                if opcode == Opcode::Text {
                    assert_eq!(number, pongs, "private frames in order");
                    pongs += 1;
                    continue;
                }
                whole += 1;
                assert!(number >= next, "no duplicate, no going back");
                assert_eq!(bytes, self.published[number as usize]);
                // Who reads as fast as we write loses nothing, except what was evicted during its handshake.
                if policy == LagPolicy::Disconnect || peer.resumed || (peer.healthy && whole > 1) {
                    assert_eq!(number, next, "no gap");
                }
                gaps += number - next;
                next = number + 1;
            }
            if peer.member.is_some() {
                assert_eq!((left, pongs), (0, peer.pongs));
                deliveries += whole;
                // What the newest policy jumped over last is followed by nothing only if the newest was received.
                gaps += self.published.len() as u64 - next;
                if policy != LagPolicy::Skip {
                    assert_eq!(next, self.published.len() as u64, "complete to the end");
                }
            } else {
                deliveries += peer.deliveries;
            }
            match peer.departed {
                Some(Why::Lagged) => assert!(policy == LagPolicy::Disconnect && !peer.resumed),
                Some(Why::Behind(oldest)) => assert!(peer.resumed && oldest.index > next.saturating_sub(1)),
                Some(Why::Stalled) | None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
        let tally = &self.accounts.tally;
        assert_eq!(tally.deliveries, deliveries);
        assert_eq!(tally.bytes_sent, self.room_bytes);
        assert_eq!(tally.publishes, self.published.len() as u64);
        if self.leaves == 0 {
            assert_eq!(tally.skipped_messages, gaps);
        } else {
            assert!(tally.skipped_messages >= gaps);
        }
        assert!(tally.skipped_connections <= self.peers.len() as u64);
        for conn in 0..self.peers.len() {
            self.leave(conn);
        }
        assert_eq!((self.room.members(), self.accounts.split.used()), (0, 0));
        let room = std::mem::replace(&mut self.room, Room::new("x", 0, 4096, policy, 0));
        room.dissolve(&mut self.accounts);
        assert_eq!(self.accounts.log.used(), 0);
    }
}

/// The frames of a server's stream, and how many bytes are left of an incomplete one.
fn whole_frames(bytes: &[u8]) -> (Vec<(Opcode, Vec<u8>)>, usize) {
    let rules = Rules { role: Role::Client, rsv1: Rsv1::Refused, max_frame: 1 << 30 };
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        match decode(rest, &rules).expect("whole frames only") {
            Decoded::Frame { header: Header { opcode, .. }, payload, consumed } => {
                frames.push((opcode, payload.to_vec()));
                rest = &mut rest[consumed..];
            }
            Decoded::Incomplete { .. } => break,
        }
    }
    (frames, rest.len())
}

#[derive(Debug, Clone)]
enum Step {
    Publish(usize),
    Burst(usize, usize),
    Flush,
    Join { healthy: bool },
    Resume(u64),
    Adopt(usize),
    Open(usize, usize),
    Ping(usize),
    Leave(usize),
    Expire,
}

fn step(leaves: bool) -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0_usize..300).prop_map(Step::Publish),
        1 => (2000_usize..5000).prop_map(Step::Publish),
        2 => (1_usize..80, 0_usize..200).prop_map(|(n, size)| Step::Burst(n, size)),
        8 => Just(Step::Flush),
        3 => any::<bool>().prop_map(|healthy| Step::Join { healthy }),
        1 => (1_u64..40).prop_map(Step::Resume),
        6 => (0_usize..64).prop_map(Step::Adopt),
        14 => (0_usize..64, prop_oneof![0_usize..8, 0_usize..300, 0_usize..20_000]).prop_map(|(peer, n)| Step::Open(peer, n)),
        4 => (0_usize..64).prop_map(Step::Ping),
        2 => (0_usize..64).prop_map(move |peer| if leaves { Step::Leave(peer) } else { Step::Flush }),
        1 => Just(if leaves { Step::Expire } else { Step::Flush }),
    ]
}

fn play(policy: LagPolicy, log_memory: usize, steps: Vec<Step>) {
    let mut world = World::new(policy, log_memory);
    world.join(true, 0);
    world.adopt(0);
    for step in steps {
        world.now += 1;
        let pick = |world: &World, n: usize| n % world.peers.len();
        match step {
            Step::Publish(size) => world.publish(size),
            Step::Burst(count, size) => (0..count).for_each(|_| world.publish(size)),
            Step::Flush => world.flush(),
            Step::Join { healthy } => world.join(healthy, 0),
            Step::Resume(back) => world.join(false, back),
            Step::Adopt(n) => world.adopt(pick(&world, n)),
            Step::Open(n, bytes) => world.open_window(pick(&world, n), bytes),
            Step::Ping(n) => world.ping(pick(&world, n)),
            Step::Leave(n) => world.leave(pick(&world, n)),
            Step::Expire => {
                let _ = world.room.expire(world.now.saturating_sub(40));
                world.see_off();
            }
        }
    }
    world.check(policy);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever happens, every member gets whole frames, in order, none twice, and none is missing but what the policy counted.
    #[test]
    fn every_member_receives_what_the_policy_promises(
        policy in prop_oneof![Just(LagPolicy::Disconnect), Just(LagPolicy::Skip), Just(LagPolicy::Latest)],
        log_memory in prop_oneof![3 => Just(1_usize << 20), 1 => Just(4096_usize), 1 => Just(8192_usize)],
        steps in any::<bool>().prop_flat_map(|leaves| proptest::collection::vec(step(leaves), 1..200)),
    ) {
        play(policy, log_memory, steps);
    }
}

fn frames_of(world: &World, conn: usize) -> Vec<u64> {
    let numbers = |(_, bytes): &(Opcode, Vec<u8>)| u64::from_be_bytes(bytes[..8].try_into().unwrap());
    whole_frames(&world.peers[conn].received).0.iter().map(numbers).collect()
}

/// One member that stops reading while 100 messages of 210 bytes go through a log of 8 KiB.
fn stopped_reader(policy: LagPolicy) -> World {
    let mut world = World::new(policy, 1 << 20);
    world.join(true, 0);
    world.join(false, 0);
    world.adopt(0);
    world.adopt(1);
    world.peers[1].window = 300;
    for _ in 0..100 {
        world.publish(200);
        world.flush();
    }
    assert_eq!(frames_of(&world, 0), (0..100).collect::<Vec<_>>());
    assert_eq!(world.room.log().capacity(), 8192);
    world
}

#[test]
fn disconnect_throws_the_stopped_reader_out_between_two_frames() {
    let world = stopped_reader(LagPolicy::Disconnect);
    assert_eq!(world.peers[1].departed, Some(Why::Lagged));
    // The rest of the frame it was in the middle of was kept for it.
    assert_eq!((frames_of(&world, 1), whole_frames(&world.peers[1].received).1), (vec![0, 1], 0));
}

#[test]
fn skip_goes_on_after_what_was_published_when_it_was_passed() {
    let mut world = stopped_reader(LagPolicy::Skip);
    world.open_window(1, 1 << 20);
    let frames = frames_of(&world, 1);
    assert_eq!(frames[..2], [0, 1]);
    assert!(frames[2] > 30 && frames[2..].iter().copied().eq(frames[2]..100));
    assert_eq!(world.accounts.tally.skipped_messages, 100 - frames.len() as u64);
    assert_eq!(world.accounts.tally.skipped_connections, 1);
}

#[test]
fn latest_goes_on_with_the_newest_message() {
    let mut world = stopped_reader(LagPolicy::Latest);
    world.open_window(1, 1 << 20);
    assert_eq!(frames_of(&world, 1), [0, 1, 99]);
    assert_eq!(world.accounts.tally.skipped_messages, 97);
}

#[test]
fn who_resumed_is_told_where_to_resume_again_instead_of_skipping() {
    let mut world = World::new(LagPolicy::Skip, 1 << 20);
    for _ in 0..3 {
        world.publish(200);
    }
    world.join(false, 2);
    world.adopt(0);
    for _ in 0..100 {
        world.publish(200);
        world.flush();
    }
    let Some(Why::Behind(oldest)) = world.peers[0].departed else { panic!("{:?}", world.peers[0].departed) };
    assert!(oldest.index > 1 && oldest.generation == 1);
}

#[test]
fn the_first_one_written_to_rotates() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    for conn in 0..3 {
        world.join(true, 0);
        world.adopt(conn);
    }
    let mut firsts = Vec::new();
    for _ in 0..6 {
        world.publish(1);
        let mut order = Vec::new();
        world.room.flush(0, &mut world.accounts, &mut |fd, a, b| {
            order.push(fd);
            Sent::Bytes(a.len() + b.len())
        });
        assert_eq!(order.len(), 3);
        firsts.push(order[0]);
    }
    firsts.sort_unstable();
    assert_eq!(firsts, [0, 0, 1, 1, 2, 2]);
}

#[test]
fn rests_of_frames_beyond_their_memory_cost_the_connection() {
    let mut world = World::new(LagPolicy::Skip, 1 << 20);
    world.accounts.split = crate::budget::Budget::new(100);
    world.join(false, 0);
    world.adopt(0);
    world.peers[0].window = 10;
    while world.peers[0].departed.is_none() {
        world.publish(200);
        world.flush();
    }
    assert_eq!(world.peers[0].departed, Some(Why::NoMemory));
    assert_eq!(world.accounts.split.used(), 0);
}

#[test]
fn who_stalls_in_the_middle_of_a_frame_is_given_its_rest() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.join(false, 0);
    world.adopt(0);
    world.peers[0].window = 100;
    world.publish(200);
    world.flush();
    assert_eq!(world.room.expire(0), None);
    world.see_off();
    assert_eq!((world.peers[0].departed, frames_of(&world, 0)), (Some(Why::Stalled), vec![0]));
}

#[test]
fn who_has_left_is_not_named_as_departing_afterwards() {
    let mut room = Room::new("r", 1, 4096, LagPolicy::Disconnect, 0);
    let mut accounts = Accounts::new(1 << 20);
    let member = room.reserve(7, 0);
    room.adopt(member, 0, 0, &mut accounts, &mut |_, _, _| Sent::Failed);
    room.append(Opcode::Text, b"x", 0, &mut accounts).unwrap();
    room.flush(0, &mut accounts, &mut |_, _, _| Sent::Failed);
    assert!(room.leave(member, &mut accounts).is_empty());
    assert_eq!(room.next_departure(), None);
}

#[test]
fn idle_history_is_given_back_unless_somebody_needs_it() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.join(false, 0);
    world.adopt(0);
    world.publish(10);
    world.flush();
    world.room.forget_history(&mut world.accounts);
    assert!(world.room.log().capacity() > 0);
    world.open_window(0, 1000);
    world.room.forget_history(&mut world.accounts);
    assert_eq!((world.room.log().capacity(), world.accounts.log.used()), (0, 0));
    world.publish(10);
    world.flush();
    assert_eq!(frames_of(&world, 0), [0, 1]);
}
