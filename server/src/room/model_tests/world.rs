//! A room, its simulated connections, and everything that can happen to them.

use wire::{Opcode, Sharing};

use super::super::*;
use super::peer::Peer;
use crate::accounts::Accounts;
use crate::coding::Coding;
use crate::compressors::{Compression, Compressors};
use crate::outbox::Outbox;

/// What a step of the model takes, in nanoseconds.
pub const STEP: u64 = 100_000_000;

pub fn compressors(memory: usize) -> Compressors {
    Compressors::new(Compression { sharing: Some(Sharing::Shared), memory, ..Compression::OFF }, || 0)
}

pub const HEALTHY: usize = usize::MAX / 2;
/// Begins a notice of skipped messages: how many, and which one is next.
pub const NOTICE: u64 = u64::MAX;

/// One member in four gets a private frame before anything else, and learns of what it lost during its handshake.
pub fn is_greeted(conn: usize) -> bool {
    conn % 4 == 3
}

pub fn payload(index: u64, size: usize) -> Vec<u8> {
    // Noise that repeats itself and that of other messages, at distances within and beyond every window.
    let period = [700, 1500, 3001, 4500][index as usize % 4];
    let noise = |i: usize| ((i % period) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) as u8;
    let mut payload = index.to_be_bytes().to_vec();
    payload.extend((0..size).map(noise));
    payload
}

/// The room among its connections.
pub struct World {
    pub room: Room,
    pub accounts: Accounts,
    pub peers: Vec<Peer>,
    pub published: Vec<Vec<u8>>,
    pub room_bytes: u64,
    pub now: u64,
    pub leaves: u64,
    /// So little memory for logs that a derived stream may have to be given up.
    pub scarce: bool,
}

impl World {
    pub fn new(policy: LagPolicy, log_memory: usize) -> Self {
        Self {
            room: Room::new("r", 1, 8192, policy, 0),
            accounts: Accounts::new(log_memory).compressing(compressors(usize::MAX / 2)),
            peers: Vec::new(),
            published: Vec::new(),
            room_bytes: 0,
            now: 0,
            leaves: 0,
            scarce: log_memory <= 8192,
        }
    }

    pub fn with_sink<T>(
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

    /// As the shard does when a turn ends.
    pub fn flush(&mut self) {
        let Self { room, accounts, peers, now, .. } = self;
        room.regroup(*now, accounts, &mut |conn, member| peers[conn as usize].member = Some(member));
        self.write();
    }

    /// As it does in between, when a log is full.
    pub fn write(&mut self) {
        self.with_sink(|room, accounts, now, mut sink| room.flush(now, accounts, &mut sink));
        self.see_off();
        // After a flush, whoever is ready has everything.
        assert!(!self.room.is_dirty());
        for derived in &self.room.derived {
            assert_eq!(
                derived.stream.log.end().index,
                self.room.next().index,
                "an index is the same message everywhere"
            );
            assert!(!derived.stream.is_dirty());
        }
    }

    pub fn publish(&mut self, size: usize) {
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
                    self.write();
                }
                Err(Full::NoMemory) => {
                    assert!(payload.len() + 4 > self.room.log().capacity());
                    break;
                }
            }
        }
        assert_eq!(self.accounts.log.used(), self.room.log_bytes());
        assert!(self.room.log().capacity() <= self.room.log().cap());
        self.see_off();
    }

    pub fn join(&mut self, healthy: bool, back: u64) {
        self.join_as(Coding::Plain, healthy, back);
    }

    pub fn join_as(&mut self, coding: Coding, healthy: bool, back: u64) {
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
        self.seat(member, first, healthy, back, Variant::Plain);
        self.peers[conn as usize].coding = coding;
    }

    pub fn join_events(&mut self, healthy: bool, back: u64) {
        let conn = self.peers.len() as u32;
        let next = self.room.next();
        let wanted = crate::resume::ResumePoint { index: next.index.saturating_sub(back), ..next };
        let point = (back > 0).then_some(wanted);
        let place =
            self.with_sink(|room, accounts, now, mut sink| room.reserve_events(point, conn, now, accounts, &mut sink));
        let Some((member, first)) = place else {
            assert!(self.scarce, "no place among those who receive events");
            return self.see_off();
        };
        assert!(first.index >= wanted.index && first.index <= next.index);
        self.seat(Some(member), first.index, healthy, back, Variant::Events);
        self.see_off();
    }

    pub fn seat(&mut self, member: Option<MemberId>, first: u64, healthy: bool, back: u64, variant: Variant) {
        self.peers.push(Peer {
            member,
            variant,
            coding: Coding::Plain,
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

    pub fn adopt(&mut self, conn: usize) {
        let Some(member) = self.peers[conn].member else { return };
        if !std::mem::replace(&mut self.peers[conn].adopted, true) {
            let private = if is_greeted(conn) { Private::Waiting } else { Private::None };
            if private == Private::Waiting {
                self.say(conn);
            }
            self.with_sink(|room, accounts, now, mut sink| {
                room.adopt(member, conn as i32, private, now, accounts, &mut sink)
            });
            self.see_off();
            if private == Private::Waiting {
                self.open_window(conn, 0);
            }
            let Self { room, accounts, peers, .. } = self;
            if let Some(member) = peers[conn].member
                && peers[conn].coding != Coding::Plain
            {
                let coding = peers[conn].coding;
                room.compress(member, coding, accounts, &mut |conn, member| peers[conn as usize].member = Some(member));
            }
        }
    }

    pub fn say(&mut self, conn: usize) {
        let peer = &mut self.peers[conn];
        match peer.variant {
            Variant::Events => peer.outbox.comment(),
            _ => {
                peer.outbox.message(Opcode::Text, &peer.pongs.to_be_bytes());
                peer.pongs += 1;
            }
        }
    }

    /// As the shard does: private frames go at once between frames, else they wait.
    pub fn ping(&mut self, conn: usize) {
        let peer = &self.peers[conn];
        let Some(member) = peer.member.filter(|_| peer.adopted) else { return };
        self.say(conn);
        if self.room.blocked_since(member).is_none() && !self.send_outbox(conn) {
            self.room.hold(member, self.now);
        }
    }

    pub fn send_outbox(&mut self, conn: usize) -> bool {
        let peer = &mut self.peers[conn];
        let n = peer.window.min(peer.outbox.unsent().len());
        peer.received.extend(&peer.outbox.unsent()[..n]);
        peer.outbox.advance(n);
        if !peer.healthy {
            peer.window -= n;
        }
        peer.outbox.is_empty()
    }

    pub fn open_window(&mut self, conn: usize, bytes: usize) {
        let Some(mut member) = self.peers[conn].member else { return };
        if !self.peers[conn].healthy {
            self.peers[conn].window += bytes;
        }
        loop {
            let private = if self.peers[conn].outbox.is_empty() { Private::None } else { Private::Waiting };
            let stands = self.with_sink(|room, accounts, now, mut sink| {
                room.writable(&mut member, private, now, accounts, &mut sink)
            });
            self.peers[conn].member = Some(member);
            match stands {
                Writable::Boundary => {
                    if !self.send_outbox(conn) {
                        break;
                    }
                }
                Writable::Skipped(messages) => {
                    // An event says by its id which message it is, so nobody tells who receives events.
                    let notice = [NOTICE, messages, self.room.next_for(member).index];
                    if self.peers[conn].variant != Variant::Events {
                        self.peers[conn].outbox.message(Opcode::Text, &notice.map(u64::to_be_bytes).concat());
                    }
                }
                Writable::Blocked | Writable::Ready => break,
            }
        }
        self.see_off();
    }

    pub fn rest(&mut self) {
        let Self { room, accounts, peers, .. } = self;
        room.rest(accounts, &mut |conn, member| peers[conn as usize].member = Some(member));
    }

    pub fn leave(&mut self, conn: usize) {
        let Some(member) = self.peers[conn].member.take() else { return };
        self.leaves += 1;
        self.peers[conn].deliveries =
            self.peers[conn].whole_frames().0.iter().filter(|f| f.0 == Opcode::Binary).count() as u64;
        let rest = self.room.leave(member, &mut self.accounts);
        self.peers[conn].received.extend(rest);
        if self.peers[conn].outbox.is_empty() && self.peers[conn].departed != Some(Why::NoMemory) {
            assert_eq!(self.peers[conn].whole_frames().1, 0, "the rest completes the frame");
        }
    }

    pub fn see_off(&mut self) {
        while let Some(departure) = self.room.next_departure() {
            let conn = departure.conn as usize;
            let peer = &self.peers[conn];
            let given_up = self.scarce && peer.is_derived();
            assert!(!peer.healthy || !peer.adopted || given_up, "a healthy reader was thrown out");
            self.peers[conn].departed = Some(departure.why);
            self.leave(conn);
        }
    }
}

/// The numbers of the room's messages that a member received whole.
pub fn frames_of(world: &World, conn: usize) -> Vec<u64> {
    let numbers = |(_, bytes): &(Opcode, Vec<u8>)| u64::from_be_bytes(bytes[..8].try_into().unwrap());
    world.peers[conn].whole_frames().0.iter().filter(|frame| frame.0 == Opcode::Binary).map(numbers).collect()
}
