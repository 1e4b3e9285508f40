//! Shards with tiny letter boxes, each flooding rooms of every other, under the schedules that shuttle thinks of.

use std::collections::VecDeque;
use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::super::gate::Marks;
use super::super::letters::{Down, Publisher, Up, messages};
use super::{Mailbox, Post, Wake, connect_with};
use crate::log::Boundary;

const SHARDS: usize = 3;
const MESSAGES: u8 = 4;
/// A letter weighs more than either mark, so one fills a box.
const TINY: Marks = Marks { high: 60, low: 30 };

/// As an eventfd: remembers a wake that comes before the wait.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.heard.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.heard.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// A shard that is home of one room, has a copy of each other's, and one connection in every room that publishes without end.
struct Sim {
    post: Post<()>,
    /// By room: what its connection has still to publish.
    to_publish: [VecDeque<u8>; SHARDS],
    /// By room: who published which message, in the order of the room's log here.
    logs: [Vec<(u8, u8)>; SHARDS],
}

impl Sim {
    fn new(post: Post<()>) -> Self {
        Self { post, to_publish: std::array::from_fn(|_| (0..MESSAGES).collect()), logs: Default::default() }
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.post.me();
        (0..SHARDS).filter(move |shard| *shard != me)
    }

    /// At home: numbers a message and hands it to every copy.
    fn append(&mut self, message: (u8, u8)) {
        let me = self.post.me();
        self.logs[me].push(message);
        let mut frames = Vec::new();
        wire::append_frame(&mut frames, wire::Opcode::Binary, &[message.0, message.1]);
        for shard in self.others() {
            let first = Boundary { index: 0, offset: 0 };
            self.post.down(shard, Down::Deliver { room: 0, first, frames: frames[..].into() });
        }
    }

    fn full_box(&self, room: usize) -> Option<Mailbox> {
        let mut boxes: Vec<Mailbox> = vec![Mailbox::Publishes(room)];
        if room == self.post.me() {
            boxes = self.others().map(Mailbox::Deliveries).collect();
        }
        boxes.into_iter().find(|mailbox| !self.post.has_room(*mailbox))
    }

    /// Reads from the connection of a room as often as it may, then leaves it parked.
    fn read(&mut self, room: usize) {
        let me = self.post.me() as u8;
        while let Some(message) = self.to_publish[room].front().copied() {
            if let Some(mailbox) = self.full_box(room) {
                return self.post.park(mailbox, room as u32);
            }
            self.to_publish[room].pop_front();
            if room == usize::from(me) {
                self.append((me, message));
            } else {
                let mut frames = Vec::new();
                wire::append_frame(&mut frames, wire::Opcode::Binary, &[me, message]);
                self.post.up(
                    room,
                    Up::Publish { room: 0, publisher: Publisher { conn: 0, serial: 0 }, sender: None, frames },
                );
            }
        }
    }

    /// One turn after a wake, in the order of the real one.
    fn turn(&mut self) {
        while let Some((home, letter)) = self.post.next_down() {
            let Down::Deliver { frames, .. } = letter else { panic!("{letter:?}") };
            self.logs[home].extend(messages(&frames).map(|(_, payload)| (payload[0], payload[1])));
        }
        while self.post.peek_up().is_some() && self.full_box(self.post.me()).is_none() {
            let Some((_, Up::Publish { frames, .. })) = self.post.next_up() else { panic!("it was there") };
            for (_, payload) in messages(&frames) {
                self.append((payload[0], payload[1]));
            }
        }
        while let Some(room) = self.post.unpark() {
            self.read(room as usize);
        }
    }

    fn is_done(&self) -> bool {
        self.logs.iter().all(|log| log.len() == SHARDS * usize::from(MESSAGES))
    }

    fn run(mut self, bell: &Bell) -> [Vec<(u8, u8)>; SHARDS] {
        for room in 0..SHARDS {
            self.read(room);
        }
        while !self.is_done() {
            bell.wait();
            self.turn();
        }
        assert_eq!(self.post.parked(), 0);
        self.logs
    }
}

/// Shuttle fails a schedule in which all threads wait.
fn flood() {
    let bells: Vec<Arc<Bell>> = (0..SHARDS).map(|_| Arc::default()).collect();
    let wake = |bell: &Arc<Bell>| -> Wake {
        let bell = Arc::clone(bell);
        Arc::new(move || bell.ring())
    };
    let posts = connect_with(&bells.iter().map(wake).collect::<Vec<_>>(), TINY, TINY);
    let run = |(post, bell): (Post<()>, Arc<Bell>)| thread::spawn(move || Sim::new(post).run(&bell));
    let shards: Vec<_> = posts.into_iter().zip(bells).map(run).collect();
    let logs: Vec<_> = shards.into_iter().map(|shard| shard.join().unwrap()).collect();
    assert!(logs.iter().all(|log| *log == logs[0]), "the same order on every shard");
    for room in &logs[0] {
        for shard in 0..SHARDS as u8 {
            let own = room.iter().filter(|(publisher, _)| *publisher == shard).map(|(_, message)| *message);
            assert!(own.eq(0..MESSAGES), "each publisher's messages once, in its order");
        }
    }
}

#[test]
fn no_schedule_of_full_letter_boxes_stops_a_shard() {
    shuttle::check_random(flood, 300);
}

#[test]
fn nor_does_one_of_few_and_unlikely_switches() {
    shuttle::check_pct(flood, 300, 3);
}
