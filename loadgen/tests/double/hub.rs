//! Rooms, the fault, and the count of what was done.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Message, protocol::CloseFrame};

use super::fault::Fault;

/// What the double did, the probe aside. Copies to whoever sent a message are no deliveries and counted nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages received.
    pub messages: u64,
    /// Copies that were left out, or not sent because their subscriber had been closed.
    pub lost: u64,
    /// Copies sent a second time.
    pub duplicated: u64,
    /// Copies sent after a later message.
    pub reordered: u64,
    /// Copies with a byte changed.
    pub altered: u64,
    /// Copies handed to connections.
    pub sent: u64,
    /// Upgrades refused.
    pub refused: u64,
    /// Connections closed by the double.
    pub closed: u64,
    /// Connections that wanted to resume, and were closed.
    pub resumes_refused: u64,
    /// Pings sent.
    pub pings: u64,
    /// Pongs received.
    pub pongs: u64,
}

/// State of the double.
pub struct Hub {
    pub fault: Fault,
    pub tally: Tally,
    end: Arc<Notify>,
    rooms: HashMap<String, BTreeMap<usize, UnboundedSender<Message>>>,
    upgraded: usize,
    probed: bool,
    /// The messages of each connection in order, the very first of all aside: it is the probe's.
    pub heard: BTreeMap<usize, Vec<Vec<u8>>>,
    held: HashMap<usize, Message>,
}

impl Hub {
    pub fn new(fault: Fault, end: Arc<Notify>) -> Self {
        Hub {
            fault,
            tally: Tally::default(),
            end,
            rooms: HashMap::new(),
            upgraded: 0,
            probed: false,
            heard: BTreeMap::new(),
            held: HashMap::new(),
        }
    }

    /// The status that this upgrade is refused with, if it is.
    pub fn refuses(&mut self) -> Option<u16> {
        match self.fault {
            Fault::Refuse { after, status } if self.upgraded >= after => {
                self.tally.refused += 1;
                Some(status)
            }
            _ => None,
        }
    }

    /// Whether this upgrade is refused with its own words.
    pub fn repeats(&self) -> bool {
        matches!(self.fault, Fault::Parrot { after } if self.upgraded >= after)
    }

    /// Whether the probe's message has come.
    pub fn has_been_probed(&self) -> bool {
        self.probed
    }

    /// A connection joins a room; gives its number.
    pub fn join(&mut self, room: &str, outgoing: UnboundedSender<Message>) -> usize {
        self.upgraded += 1;
        self.rooms.entry(room.to_owned()).or_default().insert(self.upgraded, outgoing);
        self.upgraded
    }

    /// A connection is over.
    pub fn leave(&mut self, room: &str, id: usize) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.remove(&id);
        }
    }

    /// Passes a message on, with the fault.
    pub fn relay(&mut self, room: &str, sender: usize, message: &Message) {
        let is_json = || serde_json::from_slice::<serde_json::Value>(&message.clone().into_data()).is_ok();
        if self.fault == Fault::Mute || (self.fault == Fault::JsonOnly && !is_json()) {
            return;
        }
        let mut others: Vec<usize> = self.rooms[room].keys().copied().filter(|id| *id != sender).collect();
        if self.fault != Fault::NoEcho {
            self.send(room, sender, message);
        }
        if !std::mem::replace(&mut self.probed, true) {
            others.iter().for_each(|id| self.send(room, *id, message));
            return;
        }
        self.tally.messages += 1;
        self.heard.entry(sender).or_default().push(message.clone().into_data().to_vec());
        let n = self.tally.messages;
        match self.fault {
            Fault::Stall { at, pause } if at == n => std::thread::sleep(pause),
            Fault::Die { at } if at == n => self.end.notify_one(),
            Fault::Close { at, every } | Fault::RefuseResume { at, every } if at == n => {
                for id in others.iter().copied().step_by(every) {
                    let farewell = CloseFrame { code: CloseCode::from(1013), reason: "too slow".into() };
                    self.send(room, id, &Message::Close(Some(farewell)));
                    self.leave(room, id);
                    self.tally.closed += 1;
                }
                others.retain(|id| self.rooms[room].contains_key(id));
            }
            _ => {}
        }
        if matches!(self.fault, Fault::Close { .. }) {
            // Nobody leaves of himself while a run lasts.
            self.tally.lost += self.tally.closed;
        }
        for (member, id) in others.into_iter().enumerate() {
            self.copy(room, n, member, id, message);
        }
        if self.fault == (Fault::CloseSender { at: n }) {
            let farewell = CloseFrame { code: CloseCode::from(1008), reason: "no talking".into() };
            self.send(room, sender, &Message::Close(Some(farewell)));
            self.leave(room, sender);
            self.tally.closed += 1;
        }
    }

    /// One member's copy of message `n`.
    fn copy(&mut self, room: &str, n: u64, member: usize, id: usize, message: &Message) {
        let late = self.held.remove(&id);
        match self.fault {
            Fault::Drop { every, whose } if Fault::strikes(every, whose, n, member) => self.tally.lost += 1,
            Fault::Duplicate { every, whose } if Fault::strikes(every, whose, n, member) => {
                self.send(room, id, message);
                self.send(room, id, message);
                self.tally.duplicated += 1;
                self.tally.sent += 1;
            }
            Fault::Swap { every, whose } if Fault::strikes(every, whose, n, member) => {
                self.held.insert(id, message.clone());
            }
            Fault::Alter { every, byte, whose } if Fault::strikes(every, whose, n, member) => {
                self.send(room, id, &altered(message, byte));
                self.tally.altered += 1;
            }
            Fault::BadFrame { at } if at == n && member == 0 => {
                let mut frame = Frame::message(message.clone().into_data(), OpCode::Data(Data::Text), true);
                frame.header_mut().rsv1 = true;
                self.send(room, id, &Message::Frame(frame));
            }
            _ => {
                self.send(room, id, message);
                self.tally.sent += 1;
            }
        }
        if let Some(late) = late {
            self.send(room, id, &late);
            self.tally.reordered += 1;
            self.tally.sent += 1;
        }
        if let Fault::Ping { every } = self.fault
            && n.is_multiple_of(every)
        {
            self.send(room, id, &Message::Ping(Bytes::from_static(b"still there?")));
            self.tally.pings += 1;
        }
    }

    /// Puts a message on its way, in the form that the fault gives it.
    fn send(&self, room: &str, id: usize, message: &Message) {
        let Some(outgoing) = self.rooms[room].get(&id) else { return };
        let put = |message| {
            // A connection that has just ended misses it, and the run counts it as lost.
            let _ = outgoing.send(message);
        };
        match (self.fault, message) {
            (Fault::Fragment, Message::Text(_) | Message::Binary(_)) => fragments(message).into_iter().for_each(put),
            (Fault::Wrap, Message::Text(text)) => {
                let wrapped = serde_json::json!({ "event": "message", "room": room, "data": text.as_str() });
                put(Message::text(wrapped.to_string()));
            }
            _ => put(message.clone()),
        }
    }
}

/// A message with one byte changed; a text stays ASCII.
fn altered(message: &Message, byte: usize) -> Message {
    let mut bytes = message.clone().into_data().to_vec();
    bytes[byte] ^= 1;
    match message {
        Message::Text(_) => Message::text(String::from_utf8(bytes).unwrap()),
        _ => Message::binary(bytes),
    }
}

/// A message in three frames, with a ping between the first two.
fn fragments(message: &Message) -> Vec<Message> {
    let opcode = if message.is_text() { Data::Text } else { Data::Binary };
    let bytes = message.clone().into_data();
    let (first, second) = (bytes.len() / 3, bytes.len() / 2);
    let part = |range: std::ops::Range<usize>, opcode, last| {
        Message::Frame(Frame::message(bytes.slice(range), OpCode::Data(opcode), last))
    };
    vec![
        part(0..first, opcode, false),
        Message::Ping(Bytes::from_static(b"between fragments")),
        part(first..second, Data::Continue, false),
        part(second..bytes.len(), Data::Continue, true),
    ]
}
