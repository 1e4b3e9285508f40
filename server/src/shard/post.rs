//! The letter boxes between shards: two FIFOs a pair, each shard's with a gate, and who is to be woken.
//!
//! Deliveries (`Down`) are always taken and never wait for anything. Publishes (`Up`) are taken only while no delivery box that they would
//! fill is above its mark; and who publishes to a shard whose box of publishes is above its mark is not read meanwhile. So waiting goes from
//! sockets to publishes to deliveries and ends there: no circle of full boxes can stop a shard.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

#[cfg(not(test))]
use std::sync::mpsc;

#[cfg(test)]
use shuttle::sync::mpsc;

use super::gate::{Gate, Marks};
use super::letters::{Down, Up};

/// Marks of the boxes of deliveries. A letter holds up to a quarter of a room's log.
const DELIVERIES: Marks = Marks { high: 4 << 20, low: 1 << 20 };
/// Marks of the boxes of publishes. A letter holds what one read brought.
const PUBLISHES: Marks = Marks { high: 1 << 20, low: 256 << 10 };

/// Wakes a shard's thread.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A letter and the shard that it comes from.
type From<T> = (u8, T);

/// One shard's letter boxes as the others see them.
struct Peer<N> {
    down: mpsc::Sender<From<Down<N>>>,
    up: mpsc::Sender<From<Up<N>>>,
    gates: Arc<Gates>,
    wake: Wake,
}

impl<N> Clone for Peer<N> {
    fn clone(&self) -> Self {
        let Self { down, up, gates, wake } = self;
        Self { down: down.clone(), up: up.clone(), gates: Arc::clone(gates), wake: Arc::clone(wake) }
    }
}

#[derive(Debug)]
struct Gates {
    deliveries: Gate,
    publishes: Gate,
}

/// Which box of which shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    /// Its deliveries.
    Deliveries(usize),
    /// Its publishes.
    Publishes(usize),
}

/// One shard's end of all of them.
pub struct Post<N> {
    me: usize,
    peers: Vec<Peer<N>>,
    down: mpsc::Receiver<From<Down<N>>>,
    up: mpsc::Receiver<From<Up<N>>>,
    /// A publish that was looked at and not taken.
    held: Option<From<Up<N>>>,
    /// Connections that are not read because a box is full, the longest waiting first.
    parked: Vec<(Mailbox, VecDeque<u32>)>,
}

impl<N> fmt::Debug for Post<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("me", &self.me).field("shards", &self.peers.len()).finish_non_exhaustive()
    }
}

/// Letter boxes for as many shards as there are `wakes`, each shard's to be handed to its thread.
pub fn connect<N>(wakes: &[Wake]) -> Vec<Post<N>> {
    connect_with(wakes, DELIVERIES, PUBLISHES)
}

fn connect_with<N>(wakes: &[Wake], deliveries: Marks, publishes: Marks) -> Vec<Post<N>> {
    let open = |wake: &Wake| {
        let ((down, downs), (up, ups)) = (mpsc::channel(), mpsc::channel());
        let gates = Arc::new(Gates { deliveries: Gate::new(deliveries), publishes: Gate::new(publishes) });
        (Peer { down, up, gates, wake: Arc::clone(wake) }, (downs, ups))
    };
    let (peers, boxes): (Vec<Peer<N>>, Vec<_>) = wakes.iter().map(open).unzip();
    let post = |(me, (down, up))| Post { me, peers: peers.clone(), down, up, held: None, parked: Vec::new() };
    boxes.into_iter().enumerate().map(post).collect()
}

impl<N> Post<N> {
    /// This shard's number.
    pub fn me(&self) -> usize {
        self.me
    }

    /// All shards.
    pub fn shards(&self) -> usize {
        self.peers.len()
    }

    /// Whether there is no other shard to write to.
    #[inline]
    pub fn is_alone(&self) -> bool {
        self.peers.len() == 1
    }

    /// Puts a letter into a shard's box of deliveries. One that has ended misses nothing.
    pub fn down(&self, to: usize, letter: Down<N>) {
        let peer = &self.peers[to];
        peer.gates.deliveries.put(letter.weight());
        if peer.down.send((self.me as u8, letter)).is_ok() {
            (peer.wake)();
        }
    }

    /// Puts a letter into a shard's box of publishes. One that has ended misses nothing.
    pub fn up(&self, to: usize, letter: Up<N>) {
        let peer = &self.peers[to];
        peer.gates.publishes.put(letter.weight());
        if peer.up.send((self.me as u8, letter)).is_ok() {
            (peer.wake)();
        }
    }

    /// The next delivery. Take every one.
    pub fn next_down(&mut self) -> Option<(usize, Down<N>)> {
        let (from, letter) = self.down.try_recv().ok()?;
        self.wake(self.peers[self.me].gates.deliveries.take(letter.weight()));
        Some((usize::from(from), letter))
    }

    /// The next publish, to look at.
    pub fn peek_up(&mut self) -> Option<&Up<N>> {
        if self.held.is_none() {
            self.held = self.up.try_recv().ok();
        }
        self.held.as_ref().map(|(_, letter)| letter)
    }

    /// The next publish.
    pub fn next_up(&mut self) -> Option<(usize, Up<N>)> {
        let (from, letter) = self.held.take().or_else(|| self.up.try_recv().ok())?;
        self.wake(self.peers[self.me].gates.publishes.take(letter.weight()));
        Some((usize::from(from), letter))
    }

    /// Whether a box has room. If not, this shard is woken once it has.
    pub fn has_room(&self, mailbox: Mailbox) -> bool {
        match mailbox {
            Mailbox::Deliveries(of) => self.peers[of].gates.deliveries.is_open_to(self.me),
            Mailbox::Publishes(of) => self.peers[of].gates.publishes.is_open_to(self.me),
        }
    }

    /// Has this shard look into its boxes again in its next turn.
    pub fn look_again(&self) {
        (self.peers[self.me].wake)();
    }

    /// Bytes in this shard's box of deliveries, and of publishes.
    pub fn queued(&self) -> (usize, usize) {
        let gates = &self.peers[self.me].gates;
        (gates.deliveries.queued(), gates.publishes.queued())
    }

    /// Notes that a connection waits for room in a box.
    pub fn park(&mut self, mailbox: Mailbox, conn: u32) {
        match self.parked.iter_mut().find(|(of, _)| *of == mailbox) {
            Some((_, connections)) => connections.push_back(conn),
            None => self.parked.push((mailbox, VecDeque::from([conn]))),
        }
    }

    /// One connection whose wait is over; call until `None` in every turn in which this shard was woken. It may be gone by now.
    pub fn unpark(&mut self) -> Option<u32> {
        for i in 0..self.parked.len() {
            let (mailbox, connections) = &self.parked[i];
            if !connections.is_empty() && self.has_room(*mailbox) {
                return self.parked[i].1.pop_front();
            }
        }
        None
    }

    /// Connections that wait.
    pub fn parked(&self) -> usize {
        self.parked.iter().map(|(_, connections)| connections.len()).sum()
    }

    fn wake(&self, mut shards: u64) {
        while shards != 0 {
            (self.peers[shards.trailing_zeros() as usize].wake)();
            shards &= shards - 1;
        }
    }
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
