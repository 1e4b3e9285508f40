//! Rooms as a table of queues behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastwebsockets::OpCode;
use hyper::body::Bytes;
use serde::Serialize;
use tokio::sync::mpsc::{self, Receiver, Sender, WeakSender};

use super::chat::Words;
use crate::chat::{ClientId, Kind, Participant, Refusal, SERVER};
use crate::protocol::Protocol;
use crate::resume::ResumePoint;
use crate::shard::NoPlace;
use crate::stats::Service;

/// Messages that may wait for one client.
const QUEUE: usize = 256;

/// What waits in a client's queue.
#[derive(Debug, Clone)]
pub(super) enum Outgoing {
    Message(Message),
    Pong(Bytes),
    /// The answer to the client's close frame; nothing follows it.
    Close(Bytes),
}

/// Text or binary, whole.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub opcode: OpCode,
    pub payload: Bytes,
}

/// Where a client's messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Back to it alone.
    Echo,
    /// To every member of the room of this name, itself included.
    Room(String, Protocol),
}

/// Why a client is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSeat {
    #[error("the server is stopping")]
    Draining,
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
}

impl NoSeat {
    /// The HTTP status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Self::Draining => 503,
            Self::NoPlace(no_place) => no_place.status(),
        }
    }
}

/// All clients and rooms.
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<u64, Client>,
    rooms: HashMap<String, Room>,
    /// The queues of clients that are in no room.
    echoes: HashMap<u64, Sender<Outgoing>>,
    next: u64,
    draining: bool,
    tally: Tally,
}

/// One that has members.
#[derive(Debug)]
struct Room {
    protocol: Protocol,
    /// The number of the next message, counted for the words of chat rooms.
    next: ResumePoint,
    members: HashMap<u64, Sender<Outgoing>>,
}

#[derive(Debug)]
struct Client {
    place: Place,
    sent: Arc<Sent>,
}

/// What was sent to one client. Only its own task writes here.
#[derive(Debug, Default)]
pub(super) struct Sent {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Sent {
    pub fn count(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Counters, for `/stats`.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Tally {
    pub publishes: u64,
    pub publish_bytes: u64,
    pub deliveries: u64,
    /// One a delivery.
    pub sends: u64,
    pub bytes_sent: u64,
    /// Messages times members whose queue was full.
    pub dropped: u64,
    pub pongs: u64,
    /// Connections that ended, by close code; 1006 without a close frame.
    pub closed: BTreeMap<u16, u64>,
    /// Violations by peers, by fastwebsockets' name.
    pub protocol_errors: BTreeMap<String, u64>,
}

/// The hub at one moment.
#[derive(Debug)]
pub(super) struct Census {
    pub connections: usize,
    pub members: usize,
    /// Names and members, those with most members first.
    pub rooms: Vec<(String, usize)>,
    pub tally: Tally,
}

/// A client's place in the hub, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub hub: Arc<Hub>,
    pub place: Place,
    /// What it is called, in a chat room.
    pub who: Option<Participant>,
    id: u64,
    /// The hub holds the only strong sender, so that letting go of a client ends its queue.
    pub queue: WeakSender<Outgoing>,
    pub sent: Arc<Sent>,
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a client in; everything from now on waits in its queue, in a chat room after its welcome.
    ///
    /// # Errors
    /// While draining, and where the room's members speak another protocol.
    pub fn join(self: &Arc<Self>, place: Place) -> Result<(Seat, Receiver<Outgoing>), NoSeat> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (queue, sent) = (sender.downgrade(), Arc::<Sent>::default());
        let mut state = self.state();
        if state.draining {
            return Err(NoSeat::Draining);
        }
        let id = state.next;
        let who = match &place {
            Place::Echo => {
                state.echoes.insert(id, sender);
                None
            }
            Place::Room(name, protocol) => state.enter(name, *protocol, id, sender)?,
        };
        state.next += 1;
        state.clients.insert(id, Client { place: place.clone(), sent: Arc::clone(&sent) });
        Ok((Seat { hub: Arc::clone(self), place, who, id, queue, sent }, receiver))
    }

    /// Puts a message into the queue of every member of a room that has space for it.
    pub fn publish(&self, room: &str, message: &Message) {
        self.state().publish(room, message);
    }

    /// As [`publish`](Self::publish), for what a member of a chat room says: numbered, and encoded once.
    pub fn say(&self, room: &str, sender: &str, content: &str) {
        // Numbering and publishing are one step, or two numbers could change places.
        let mut state = self.state();
        let Some(next) = state.rooms.get(room).map(|room| room.next) else { return };
        let message = Words { kind: Kind::Chat, sender, content }.encode(room, next);
        state.publish(room, &message);
    }

    /// What to tell a member of a chat room, and nobody else, whose message is not taken.
    pub fn refusal(&self, room: &str, refusal: &Refusal) -> Option<Message> {
        let next = self.state().rooms.get(room)?.next;
        Some(Words { kind: Kind::Error, sender: SERVER, content: &refusal.to_string() }.encode(room, next))
    }

    /// Takes a client's queue away. It gets what is in it, and then its close frame.
    pub fn let_go(&self, id: u64) {
        let mut state = self.state();
        let State { clients, rooms, echoes, .. } = &mut *state;
        let Some(client) = clients.get(&id) else { return };
        match &client.place {
            Place::Echo => drop(echoes.remove(&id)),
            Place::Room(name, _) => {
                if let Some(room) = rooms.get_mut(name) {
                    room.members.remove(&id);
                    if room.members.is_empty() {
                        rooms.remove(name);
                    }
                }
            }
        }
    }

    /// From now on nobody is let in; those who are in, by number.
    pub fn drain(&self) -> Vec<u64> {
        let mut state = self.state();
        state.draining = true;
        state.clients.keys().copied().collect()
    }

    pub fn service(&self) -> Service {
        if self.state().draining { Service::Draining } else { Service::Open }
    }

    pub fn connections(&self) -> usize {
        self.state().clients.len()
    }

    /// Changes counters.
    pub fn count(&self, f: impl FnOnce(&mut Tally)) {
        f(&mut self.state().tally);
    }

    pub fn census(&self) -> Census {
        let state = self.state();
        let mut rooms: Vec<_> = state.rooms.iter().map(|(name, room)| (name.clone(), room.members.len())).collect();
        rooms.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut tally = state.tally.clone();
        state.clients.values().for_each(|client| tally.add(&client.sent));
        Census { connections: state.clients.len(), members: rooms.iter().map(|room| room.1).sum(), rooms, tally }
    }
}

impl State {
    /// Takes a client into a room; with a name and a welcome, if it is one for chatting.
    fn enter(
        &mut self,
        name: &str,
        protocol: Protocol,
        id: u64,
        queue: Sender<Outgoing>,
    ) -> Result<Option<Participant>, NoPlace> {
        let room = self.rooms.entry(name.to_owned()).or_insert_with(|| Room {
            protocol,
            next: ResumePoint { generation: rand::random(), index: 0 },
            members: HashMap::new(),
        });
        if room.protocol != protocol {
            return Err(NoPlace::Protocol(room.protocol));
        }
        let who = (protocol == Protocol::Chat).then(|| {
            let who = Participant::new(ClientId::from_random(rand::random()), None);
            let content = who.welcome(room.members.len() as u64 + 1);
            let words = Words { kind: Kind::System, sender: who.name(), content: &content };
            // Nothing is in the queue yet, so there is space.
            let _ = queue.try_send(Outgoing::Message(words.encode(name, room.next)));
            who
        });
        room.members.insert(id, queue);
        Ok(who)
    }

    fn publish(&mut self, room: &str, message: &Message) {
        let Self { rooms, tally, .. } = self;
        let Some(room) = rooms.get_mut(room) else { return };
        tally.publishes += 1;
        tally.publish_bytes += message.payload.len() as u64;
        room.next.index += 1;
        for queue in room.members.values() {
            if queue.try_send(Outgoing::Message(message.clone())).is_err() {
                tally.dropped += 1;
            }
        }
    }
}

impl Tally {
    fn add(&mut self, sent: &Sent) {
        let messages = sent.messages.load(Ordering::Relaxed);
        self.deliveries += messages;
        self.sends += messages;
        self.bytes_sent += sent.bytes.load(Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.let_go(self.id);
        let mut state = self.hub.state();
        state.clients.remove(&self.id);
        state.tally.add(&self.sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Place {
        Place::Room(name.to_owned(), Protocol::Broadcast)
    }

    fn message(text: &'static str) -> Message {
        Message { opcode: OpCode::Text, payload: Bytes::from_static(text.as_bytes()) }
    }

    fn texts(queue: &mut Receiver<Outgoing>) -> Vec<String> {
        std::iter::from_fn(|| queue.try_recv().ok())
            .map(|outgoing| match outgoing {
                Outgoing::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_full_queue_misses_what_comes_and_gets_what_it_had() {
        let hub = Arc::<Hub>::default();
        let (_fast, mut reads) = hub.join(room("r")).unwrap();
        let (_slow, mut stopped) = hub.join(room("r")).unwrap();
        for n in 0..QUEUE + 10 {
            hub.publish("r", &message("x"));
            assert_eq!(texts(&mut reads).len(), 1, "{n}");
        }
        assert_eq!(texts(&mut stopped).len(), QUEUE);
        assert_eq!(hub.census().tally.dropped, 10);
    }

    #[test]
    fn rooms_are_apart_and_vanish_with_their_last_member() {
        let hub = Arc::<Hub>::default();
        let (a, mut from_a) = hub.join(room("a")).unwrap();
        let (_b, mut from_b) = hub.join(room("b")).unwrap();
        hub.publish("a", &message("1"));
        assert_eq!((texts(&mut from_a), texts(&mut from_b)), (vec!["1".to_owned()], vec![]));
        drop(a);
        let census = hub.census();
        assert_eq!((census.connections, census.rooms), (1, vec![("b".to_owned(), 1)]));
    }

    #[test]
    fn who_is_let_go_gets_the_rest_of_its_queue_and_then_its_end() {
        let hub = Arc::<Hub>::default();
        let (seat, mut queue) = hub.join(room("r")).unwrap();
        hub.publish("r", &message("last"));
        hub.drain().into_iter().for_each(|id| hub.let_go(id));
        hub.publish("r", &message("too late"));
        assert_eq!(texts(&mut queue), ["last"]);
        assert!(matches!(queue.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        assert_eq!(hub.join(Place::Echo).err(), Some(NoSeat::Draining));
        drop(seat);
        assert_eq!(hub.connections(), 0);
    }

    #[test]
    fn a_chat_room_welcomes_and_numbers_and_a_room_has_one_protocol() {
        let hub = Arc::<Hub>::default();
        let (seat, mut queue) = hub.join(Place::Room("r".into(), Protocol::Chat)).unwrap();
        assert_eq!(hub.join(room("r")).err(), Some(NoPlace::Protocol(Protocol::Chat).into()));
        hub.say("r", seat.who.as_ref().unwrap().name(), "a");
        hub.say("r", "b", "b");
        let said: Vec<serde_json::Value> =
            texts(&mut queue).iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(
            said.iter().map(|message| message["type"].as_str()).collect::<Vec<_>>(),
            ["system", "chat", "chat"].map(Some)
        );
        assert_eq!((&said[1]["sender"], &said[1]["content"]), (&said[0]["sender"], &"a".into()));
        let index =
            |message: &serde_json::Value| message["seq"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        assert_eq!(said.iter().map(index).collect::<Vec<_>>(), ["0", "0", "1"]);
    }
}
