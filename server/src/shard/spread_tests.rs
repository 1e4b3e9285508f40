//! A few shards with two rooms between them, their letters delivered in any order that the letter boxes allow, against a list of messages.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::super::letters::{Publisher, Up};
use super::*;
use crate::room::{MemberId, Private, Writable};

const RETAIN: u64 = 1000;
/// Small, so that the logs forget what some want to resume from.
const LOG_CAP: usize = 4096;
const ROOMS: usize = 2;

/// A connection, from the moment that it asks for a place.
#[derive(Default)]
struct Client {
    /// Where it is a member: shard, room's number there, member.
    seat: Option<(usize, u32, MemberId)>,
    /// Its answer: the log and the index that it gets messages from. `None` while the answer is on its way.
    from: Option<ResumePoint>,
    refused: bool,
    /// It takes no byte, so it is thrown out sooner or later.
    stuck: bool,
    received: Vec<u8>,
}

struct Shard {
    rooms: Rooms,
    accounts: Accounts,
    /// Letters to it, by sender.
    down: Vec<VecDeque<Down<usize>>>,
    up: Vec<VecDeque<Up<usize>>>,
}

struct World {
    shards: Vec<Shard>,
    above: usize,
    clients: Vec<Client>,
    /// By generation: every message in the order of the home's log.
    logs: BTreeMap<u64, Vec<(u32, u32)>>,
    /// By client: messages it has published.
    published: BTreeMap<u32, u32>,
    now: u64,
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
    fn new(shards: usize, above: usize) -> Self {
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
    fn join(&mut self, room: usize, back: Option<u64>, stuck: bool) {
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

    fn publish(&mut self, client: usize, size: usize) {
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

    fn flush(&mut self, shard: usize) {
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

    fn leave(&mut self, client: usize) {
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

    fn take_down(&mut self, shard: usize, home: usize) {
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

    fn take_up(&mut self, home: usize, from: usize) {
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
    fn retire(&mut self) {
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
    fn come_to_rest(&mut self) {
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

    fn check(&mut self) {
        self.come_to_rest();
        for (i, client) in self.clients.iter().enumerate() {
            let Some(from) = client.from else {
                assert!(client.refused, "client {i} has no answer");
                continue;
            };
            let log = &self.logs[&from.generation][from.index as usize..];
            let received: Vec<_> = messages(&client.received).map(|(_, payload)| numbers(payload)).collect();
            assert_eq!(received[..], log[..received.len()], "client {i} gets each message once, in the room's order");
            if client.seat.is_some() && !client.stuck {
                assert_eq!(received.len(), log.len(), "client {i} gets everything");
            }
        }
        let mut seen = BTreeMap::new();
        for (client, serial) in self.logs.values().flatten() {
            let next = seen.entry(*client).or_insert(0);
            assert_eq!(serial, next, "a client's messages keep their order");
            *next += 1;
        }
        assert_eq!(seen, self.published, "everything published has its place");
        // And in the end nothing is left.
        for client in 0..self.clients.len() {
            self.leave(client);
        }
        self.come_to_rest();
        self.retire();
        self.come_to_rest();
        self.retire();
        for shard in &self.shards {
            assert_eq!((shard.rooms.homes(), shard.rooms.copies(), shard.accounts.log.used()), (0, 0, 0));
        }
    }
}

fn numbers(payload: &[u8]) -> (u32, u32) {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    (number(&payload[..4]), number(&payload[4..8]))
}

#[derive(Debug, Clone)]
enum Step {
    Join { room: usize, stuck: bool },
    Resume { room: usize, back: u64 },
    Publish { client: usize, size: usize },
    Leave { client: usize },
    Flush { shard: usize },
    Down { to: usize, from: usize },
    Up { to: usize, from: usize },
    Rest,
    Retire,
}

fn step() -> impl Strategy<Value = Step> {
    let (room, client, shard) = (0..ROOMS, 0_usize..64, 0_usize..4);
    prop_oneof![
        6 => (room.clone(), prop::bool::weighted(0.1)).prop_map(|(room, stuck)| Step::Join { room, stuck }),
        3 => (room, 0_u64..30).prop_map(|(room, back)| Step::Resume { room, back }),
        20 => (client.clone(), prop_oneof![0_usize..50, 0_usize..900]).prop_map(|(client, size)| Step::Publish { client, size }),
        4 => client.prop_map(|client| Step::Leave { client }),
        8 => shard.clone().prop_map(|shard| Step::Flush { shard }),
        16 => (shard.clone(), shard.clone()).prop_map(|(to, from)| Step::Down { to, from }),
        16 => (shard.clone(), shard).prop_map(|(to, from)| Step::Up { to, from }),
        1 => Just(Step::Rest),
        1 => Just(Step::Retire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// However the letters interleave, every member gets each message from its index on once, in one order, on whichever shard it is.
    #[test]
    fn members_on_any_shard_receive_the_same_messages_in_the_same_order(
        shards in 2_usize..5,
        above in 1_usize..4,
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let mut world = World::new(shards, above);
        for step in steps {
            world.now += 1;
            let clients = world.clients.len().max(1);
            match step {
                Step::Join { room, stuck } => world.join(room, None, stuck),
                Step::Resume { room, back } => world.join(room, Some(back), false),
                Step::Publish { client, size } if client % clients < world.clients.len() => world.publish(client % clients, size),
                Step::Leave { client } if client % clients < world.clients.len() => world.leave(client % clients),
                Step::Publish { .. } | Step::Leave { .. } => {}
                Step::Flush { shard } => world.flush(shard % shards),
                Step::Down { to, from } => world.take_down(to % shards, from % shards),
                Step::Up { to, from } => world.take_up(to % shards, from % shards),
                Step::Rest => world.come_to_rest(),
                Step::Retire => world.retire(),
            }
        }
        world.check();
    }
}

fn members_by_shard(world: &World) -> Vec<usize> {
    world.shards.iter().map(|shard| shard.rooms.iter().map(|entry| entry.room.members()).sum()).collect()
}

#[test]
fn a_small_room_stays_at_home_and_a_large_one_is_spread_evenly_one_shard_after_the_other() {
    let mut world = World::new(4, 3);
    for (members, expected) in
        [(3, [3, 0, 0, 0]), (6, [3, 3, 0, 0]), (7, [3, 3, 1, 0]), (12, [3, 3, 3, 3]), (16, [4, 4, 4, 4])]
    {
        while world.clients.len() < members {
            world.join(0, None, false);
            world.come_to_rest();
        }
        assert_eq!(members_by_shard(&world), expected);
    }
    // Whoever comes takes the place of whoever left.
    for client in 0..3 {
        world.leave(client);
    }
    world.join(0, None, false);
    world.come_to_rest();
    assert_eq!(members_by_shard(&world), [2, 4, 4, 4]);
    world.check();
}

#[test]
fn who_resumes_on_another_shard_gets_what_that_copy_held_from_its_beginning() {
    let mut world = World::new(2, 1);
    world.join(0, None, false);
    for _ in 0..10 {
        world.publish(0, 20);
    }
    world.join(0, Some(7), false);
    world.come_to_rest();
    assert_eq!(world.clients[1].seat.map(|(shard, ..)| shard), Some(1));
    assert_eq!(messages(&world.clients[1].received).count(), 7);
    world.check();
}

#[test]
fn what_a_copy_no_longer_holds_is_served_at_home() {
    let mut world = World::new(2, 1);
    world.join(0, None, false);
    world.publish(0, 20);
    world.join(0, None, false);
    world.come_to_rest();
    // Idle history is given back on each shard in its own time.
    let Shard { rooms, accounts, .. } = &mut world.shards[1];
    let copy = rooms.find("r").unwrap();
    rooms.get_mut(copy).unwrap().room.forget_history(accounts);
    world.join(0, None, false);
    world.join(0, Some(1), false);
    assert_eq!(world.shards[1].down[0].len(), 1, "it was placed where fewest are");
    world.come_to_rest();
    assert_eq!(world.clients[3].seat.map(|(shard, ..)| shard), Some(0));
    world.check();
}

#[test]
fn a_copy_without_memory_for_a_message_closes_its_members_and_goes_on_after_it() {
    let mut world = World::new(2, 1);
    world.join(0, None, false);
    world.join(0, None, true);
    world.come_to_rest();
    world.shards[1].accounts.log = crate::budget::Budget::new(0);
    world.publish(0, 20);
    world.come_to_rest();
    assert_eq!(members_by_shard(&world), [1, 0]);
    world.shards[1].accounts.log = crate::budget::Budget::new(1 << 20);
    world.join(0, None, false);
    world.publish(0, 20);
    world.check();
}
