//! Shards, the clients in their rooms, and every letter that is under way.

use std::collections::{BTreeMap, VecDeque};

use super::super::super::letters::{Publisher, Up};
use super::super::*;
use crate::room::{MemberId, Private, Writable};

pub const RETAIN: u64 = 1000;
/// Small, so that the logs forget what some want to resume from.
const LOG_CAP: usize = 4096;
pub const ROOMS: usize = 2;

/// A connection, from the moment that it asks for a place.
#[derive(Default)]
pub struct Client {
    /// Where it is a member: shard, room's number there, member.
    pub seat: Option<(usize, u32, MemberId)>,
    /// Its answer: the log and the index that it gets messages from. `None` while the answer is on its way.
    pub from: Option<ResumePoint>,
    pub refused: bool,
    /// It takes no byte, so it is thrown out sooner or later.
    pub stuck: bool,
    pub received: Vec<u8>,
}

pub struct Shard {
    pub rooms: Rooms,
    pub accounts: Accounts,
    /// Letters to it, by sender.
    pub down: Vec<VecDeque<Down<usize>>>,
    pub up: Vec<VecDeque<Up<usize>>>,
}

pub struct World {
    pub shards: Vec<Shard>,
    pub above: usize,
    pub clients: Vec<Client>,
    /// By generation: every message in the order of the home's log.
    pub logs: BTreeMap<u64, Vec<(u32, u32)>>,
    /// By client: messages it has published.
    pub published: BTreeMap<u32, u32>,
    pub now: u64,
}

/// The sink for one shard's rooms: a client's number is its socket.
fn sink(clients: &mut [Client]) -> impl FnMut(i32, &[u8], &[u8]) -> Sent {
    |fd, first, second| {
        let client = &mut clients[fd as usize];
        if client.stuck {
            return Sent::Blocked;
        }
        client.received.extend([first, second].concat());
        Sent::Bytes(first.len() + second.len())
    }
}

/// Calls `step` with an entry of a shard and what it needs, and puts the letters that it sends into the others' boxes.
macro_rules! with_entry {
    ($world:ident, $shard:expr, $number:expr, |$entry:ident, $means:ident, $sink:ident| $step:expr) => {{
        let mut letters = Vec::new();
        let result = {
            let World { shards, clients, now, .. } = &mut *$world;
            let shard = &mut shards[$shard];
            let $entry = shard.rooms.get_mut($number).expect("a letter about a room that is gone");
            let down = &mut |to, letter| letters.push((to, letter));
            let $means = &mut Means { now: *now, accounts: &mut shard.accounts, down };
            let $sink = &mut sink(clients);
            $step
        };
        for (to, letter) in letters {
            $world.shards[to].down[$shard].push_back(letter);
        }
        result
    }};
}

impl World {
    pub fn new(shards: usize, above: usize) -> Self {
        let shard = |_| Shard {
            rooms: Rooms::new(0),
            accounts: Accounts::new(1 << 20),
            down: (0..shards).map(|_| VecDeque::new()).collect(),
            up: (0..shards).map(|_| VecDeque::new()).collect(),
        };
        Self {
            shards: (0..shards).map(shard).collect(),
            above,
            clients: Vec::new(),
            logs: BTreeMap::new(),
            published: BTreeMap::new(),
            now: 0,
        }
    }

    fn home(&self, room: usize) -> usize {
        room % self.shards.len()
    }

    /// A client asks its room's home for a place.
    pub fn join(&mut self, room: usize, back: Option<u64>, stuck: bool) {
        let home = self.home(room);
        let name = ["r", "s"][room];
        let number = self.shards[home].rooms.find(name).unwrap_or_else(|| {
            let generation = self.logs.len() as u64;
            self.logs.insert(generation, Vec::new());
            let fresh = Room::new(name, generation, LOG_CAP, LagPolicy::Disconnect, self.now);
            self.shards[home].rooms.insert(fresh, Role::Home(None), self.now)
        });
        let newcomer = self.clients.len();
        self.clients.push(Client { stuck, ..Client::default() });
        let spread = Spread { me: home, shards: self.shards.len(), above: self.above };
        let here = with_entry!(self, home, number, |entry, means, sink| {
            let next = entry.room.next();
            let resume = back.map(|back| ResumePoint { index: next.index.saturating_sub(back), ..next });
            entry.place(number, spread, resume, newcomer, means, sink).map(|newcomer| (resume, newcomer))
        });
        if let Some((resume, newcomer)) = here {
            self.seat(home, number, resume, newcomer);
        }
    }

    fn seat(&mut self, shard: usize, number: u32, resume: Option<ResumePoint>, newcomer: usize) {
        let point = with_entry!(self, shard, number, |entry, means, sink| {
            let next = entry.room.next();
            let oldest = entry.room.oldest();
            let member = match resume {
                None => Some(entry.room.reserve(newcomer as u32, means.now)),
                Some(point) => entry.room.reserve_from(point, newcomer as u32, means.now),
            };
            match member {
                Some(member) => {
                    let _: Writable =
                        entry.room.adopt(member, newcomer as i32, Private::None, means.now, means.accounts, sink);
                    Ok((member, resume.unwrap_or(next)))
                }
                None => Err(oldest),
            }
        });
        let client = &mut self.clients[newcomer];
        match point {
            Ok((member, from)) => (client.seat, client.from) = (Some((shard, number, member)), Some(from)),
            Err(oldest) => {
                assert!(
                    resume.is_some_and(|point| point.index < oldest.index || point.generation != oldest.generation)
                );
                client.refused = true;
            }
        }
    }

    pub fn publish(&mut self, client: usize, size: usize) {
        let Some((shard, number, _)) = self.clients[client].seat else { return };
        let id = client as u32;
        let serial = self.published.entry(id).or_default();
        let payload = [&id.to_be_bytes()[..], &serial.to_be_bytes(), &vec![0; size]].concat();
        *serial += 1;
        let origin = self.shards[shard].rooms.get(number).and_then(|entry| entry.role.origin());
        match origin {
            None => self.append(shard, number, &payload),
            Some(home) => {
                let mut frames = Vec::new();
                wire::append_frame(&mut frames, Opcode::Binary, &payload);
                let letter =
                    Up::Publish { room: home.room, publisher: Publisher { conn: id, serial: 0 }, sender: None, frames };
                self.shards[usize::from(home.shard)].up[shard].push_back(letter);
            }
        }
    }

    /// At home.
    fn append(&mut self, home: usize, number: u32, payload: &[u8]) {
        let generation = with_entry!(self, home, number, |entry, means, sink| {
            assert_eq!(entry.publish(number, Opcode::Binary, payload, means, sink), Memory::Enough);
            entry.room.next().generation
        });
        self.shards[home].rooms.mark_dirty(number);
        self.logs.get_mut(&generation).unwrap().push(numbers(payload));
        self.see_off(home, number);
    }

    pub fn flush(&mut self, shard: usize) {
        while let Some(number) = self.shards[shard].rooms.next_dirty() {
            if self.shards[shard].rooms.get(number).is_some() {
                with_entry!(self, shard, number, |entry, means, sink| entry.flush(number, means, sink));
                self.see_off(shard, number);
            }
        }
    }

    fn see_off(&mut self, shard: usize, number: u32) {
        while let Some(departure) = self.shards[shard].rooms.get_mut(number).unwrap().room.next_departure() {
            assert!(self.clients[departure.conn as usize].stuck, "who reads is never thrown out");
            self.leave(departure.conn as usize);
        }
    }

    pub fn leave(&mut self, client: usize) {
        let Some((shard, number, member)) = self.clients[client].seat.take() else { return };
        let now = self.now;
        let origin = with_entry!(self, shard, number, |entry, means, _sink| {
            drop(entry.room.leave(member, means.accounts));
            entry.empty_since = now;
            entry.role.origin()
        });
        if let Some(home) = origin {
            self.shards[usize::from(home.shard)].up[shard].push_back(Up::Left { room: home.room, name: None });
        }
    }

    pub fn take_down(&mut self, shard: usize, home: usize) {
        let Some(letter) = self.shards[shard].down[home].pop_front() else { return };
        let origin = |room| Origin { shard: home as u8, room };
        let World { shards, clients, now, .. } = self;
        let Shard { rooms, accounts, .. } = &mut shards[shard];
        let means =
            &mut Means { now: *now, accounts, down: &mut |_, _: Down<usize>| panic!("a copy hands nothing on") };
        match letter {
            Down::Replicate(copy) => rooms.replicate(home, &copy, LOG_CAP, LagPolicy::Disconnect, means),
            Down::Deliver { room, first, frames } => {
                let number = rooms.deliver(home, room, first, &frames, means, &mut sink(clients)).expect("a copy");
                rooms.mark_dirty(number);
                self.see_off(shard, number);
            }
            Down::Place { room, resume, newcomer, .. } => {
                let number = rooms.copy_of(origin(room)).expect("a copy");
                if resume.is_none_or(|point| rooms.get(number).unwrap().room.holds(point)) {
                    self.seat(shard, number, resume, newcomer);
                } else {
                    self.shards[home].up[shard].push_back(Up::Return { room, resume, newcomer });
                }
            }
            Down::Dissolve { room } => {
                let number = rooms.copy_of(origin(room)).expect("a copy");
                assert_eq!(rooms.get(number).unwrap().room.members(), 0);
                rooms.drop_room(number, accounts);
            }
            Down::Refused { .. } | Down::Settled => unreachable!("there is memory, and no drain"),
        }
    }

    pub fn take_up(&mut self, home: usize, from: usize) {
        let Some(letter) = self.shards[home].up[from].pop_front() else { return };
        let now = self.now;
        match letter {
            Up::Publish { room, frames, .. } => {
                for (_, payload) in messages(&frames) {
                    self.append(home, room, payload);
                }
            }
            Up::Left { room, .. } => with_entry!(self, home, room, |entry, _means, _sink| entry.left(from, now)),
            Up::Return { room, resume, newcomer } => {
                self.seat(home, room, resume, newcomer);
                with_entry!(self, home, room, |entry, _means, _sink| entry.left(from, now));
            }
            Up::Joined { .. } | Up::Settle => unreachable!("nobody chats, and there is no drain"),
        }
    }

    /// Time passes: copies and rooms without members go.
    pub fn retire(&mut self) {
        self.now += RETAIN;
        for home in 0..self.shards.len() {
            for name in ["r", "s"] {
                let Some(number) = self.shards[home].rooms.find(name) else { continue };
                let now = self.now;
                let unused = with_entry!(self, home, number, |entry, means, _sink| {
                    entry.dissolve_unused(number, RETAIN, now, means.down);
                    entry.is_alone() && entry.room.members() == 0 && !entry.room.is_dirty()
                });
                if unused {
                    let Shard { rooms, accounts, .. } = &mut self.shards[home];
                    rooms.drop_room(number, accounts);
                }
            }
        }
    }

    /// Every letter arrives and every room is flushed.
    pub fn come_to_rest(&mut self) {
        let n = self.shards.len();
        loop {
            for shard in 0..n {
                for from in 0..n {
                    while !self.shards[shard].down[from].is_empty() {
                        self.take_down(shard, from);
                    }
                    while !self.shards[shard].up[from].is_empty() {
                        self.take_up(shard, from);
                    }
                }
                self.flush(shard);
            }
            let empty =
                |shard: &Shard| shard.down.iter().all(VecDeque::is_empty) && shard.up.iter().all(VecDeque::is_empty);
            if self.shards.iter().all(empty) {
                return;
            }
        }
    }
}

pub fn numbers(payload: &[u8]) -> (u32, u32) {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    (number(&payload[..4]), number(&payload[4..8]))
}
