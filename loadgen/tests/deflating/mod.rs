//! A broadcast server of one room that compresses, and errs on purpose: a thread a connection, and a count of what it really sent.
//!
//! The first message that it receives is the probe's: it is relayed without fault and counted nowhere. Whoever offers compression is a
//! subscriber; they are numbered from 0 in the order in which they open.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use wire::{
    Assembler, Context, Deflater, Direction, Event, Flow, FrameReader, Header, Limits, MAX_HEADER, Opcode,
    ProtocolError, Role, Rsv1, Rules, Sharing, accept_key, answer_offers,
};

/// What it does. Messages are counted from 1, the probe's aside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    /// Compresses for each subscriber by itself, all alike.
    Alike,
    /// The same at another level for each.
    EachItsOwn,
    /// Agrees to nothing.
    Decline,
    /// The same, and sends subscriber 0 a frame with RSV1 in place of a message.
    Unagreed { at: u64 },
    /// Answers every so-manieth subscriber with this.
    Answer { every: usize, value: &'static str },
    /// Sends subscriber 0 this in place of a compressed message.
    Insert { at: u64, what: Insert },
    /// Changes a byte of every so-manieth message to subscriber 0, before compressing it.
    Alter { every: u64, byte: usize },
}

/// What does not belong into a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Insert {
    /// What is not deflate.
    Garbage,
    /// 80 MiB of zeros in 80 KiB.
    Bomb,
    /// A ping that claims to be compressed.
    CompressedPing,
}

/// What was sent to subscribers, the probe's message aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub messages: u64,
    pub altered: u64,
    /// Bytes of frames, headers included.
    pub wire_bytes: u64,
}

struct Member {
    stream: TcpStream,
    deflater: Option<Deflater>,
    subscriber: Option<usize>,
}

struct Hub {
    act: Act,
    members: Vec<Member>,
    subscribers: usize,
    probed: bool,
    tally: Tally,
}

/// The server; its threads end with the connections.
pub struct Deflating {
    address: SocketAddr,
    hub: Arc<Mutex<Hub>>,
}

impl Deflating {
    pub fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let hub = Hub { act, members: Vec::new(), subscribers: 0, probed: false, tally: Tally::default() };
        let hub = Arc::new(Mutex::new(hub));
        let state = Arc::clone(&hub);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hub = Arc::clone(&state);
                std::thread::spawn(move || serve(stream, &hub));
            }
        });
        Deflating { address, hub }
    }

    /// For `target.url`.
    pub fn url(&self) -> String {
        format!("ws://{}/broadcast/{{room}}", self.address)
    }

    pub fn tally(&self) -> Tally {
        self.hub.lock().unwrap().tally
    }
}

fn serve(mut stream: TcpStream, hub: &Mutex<Hub>) {
    stream.set_nodelay(true).unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut part = [0; 1024];
        let Ok(n @ 1..) = stream.read(&mut part) else { return };
        request.extend_from_slice(&part[..n]);
    }
    let request = String::from_utf8(request).unwrap();
    let header = |name: &str| {
        let lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let Some(key) = header("Sec-WebSocket-Key") else {
        // A look at /stats.
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        return;
    };
    let answer = hub.lock().unwrap().join(&stream, header("Sec-WebSocket-Extensions").as_deref());
    let extensions = answer.map_or(String::new(), |value| format!("Sec-WebSocket-Extensions: {value}\r\n"));
    let accept = accept_key(&key);
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extensions}\r\n"
    );
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    let rules = Rules { role: Role::Server, rsv1: Rsv1::Refused, max_frame: 1 << 20 };
    let limits = Limits { max_message: 1 << 20, max_fragments: 16 };
    let (mut reader, mut assembler) = (FrameReader::new(), Assembler::new());
    let mut part = vec![0; 64 << 10];
    while let Ok(n @ 1..) = stream.read(&mut part) {
        let fed = reader.feed(&mut part[..n], &rules, |header, payload| {
            match assembler.accept(&header, payload, &limits)? {
                Event::Message { opcode, payload } => hub.lock().unwrap().relay(opcode, payload),
                Event::Close(_) => {
                    let _ = stream.write_all(&[0x88, 0]);
                }
                _ => {}
            }
            assembler.release();
            Ok::<_, ProtocolError>(Flow::Continue)
        });
        if fed.is_err() {
            return;
        }
    }
}

impl Hub {
    /// A connection joins; gives the value of the answer's Sec-WebSocket-Extensions.
    fn join(&mut self, stream: &TcpStream, offers: Option<&str>) -> Option<String> {
        let subscriber = offers.map(|_| {
            self.subscribers += 1;
            self.subscribers - 1
        });
        let mut agreed = offers.and_then(|offers| answer_offers(offers, Sharing::Shared).unwrap());
        match self.act {
            Act::Decline | Act::Unagreed { .. } => agreed = None,
            Act::Answer { every, value } if subscriber.is_some_and(|s| s.is_multiple_of(every)) => {
                return Some(value.to_owned());
            }
            _ => {}
        }
        let level = match (self.act, subscriber) {
            (Act::EachItsOwn, Some(subscriber)) => 1 + subscriber as u32 % 9,
            _ => 6,
        };
        let deflater = agreed.as_ref().map(|(agreement, _)| Deflater::new(agreement.server, level));
        self.members.push(Member { stream: stream.try_clone().unwrap(), deflater, subscriber });
        agreed.map(|(_, value)| value)
    }

    fn relay(&mut self, opcode: Opcode, payload: &[u8]) {
        let probe = !std::mem::replace(&mut self.probed, true);
        self.tally.messages += u64::from(!probe);
        let n = self.tally.messages;
        for member in &mut self.members {
            let zero = member.subscriber == Some(0) && !probe;
            let mut payload = payload.to_vec();
            let mut frame = Vec::new();
            match self.act {
                Act::Insert { at, what } if zero && n == at => frame = what.frame(),
                Act::Unagreed { at } if zero && n == at => frame = Insert::Garbage.frame(),
                Act::Alter { every, byte } if zero && n.is_multiple_of(every) => {
                    payload[byte] ^= 1;
                    self.tally.altered += 1;
                }
                _ => {}
            }
            if frame.is_empty() {
                let compressed = member.deflater.as_mut().map(|deflater| {
                    let mut out = Vec::new();
                    deflater.deflate(&payload, &mut out);
                    out
                });
                let header = Header {
                    rsv1: compressed.is_some(),
                    ..Header::unmasked(opcode, compressed.as_ref().unwrap_or(&payload).len() as u64)
                };
                frame = framed(&header, compressed.as_ref().unwrap_or(&payload));
            }
            if member.subscriber.is_some() && !probe {
                self.tally.wire_bytes += frame.len() as u64;
            }
            // Who has gone misses it.
            let _ = member.stream.write_all(&frame);
        }
    }
}

fn framed(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut head = [0; MAX_HEADER];
    let n = header.encode(&mut head);
    [&head[..n], payload].concat()
}

impl Insert {
    fn frame(self) -> Vec<u8> {
        let (opcode, payload) = match self {
            Insert::Garbage => (Opcode::Text, vec![0xff; 40]),
            Insert::Bomb => {
                let direction = Direction { context: Context::Fresh, window_bits: 15 };
                let mut out = Vec::new();
                Deflater::new(direction, 1).deflate(&vec![0; 80 << 20], &mut out);
                (Opcode::Binary, out)
            }
            Insert::CompressedPing => (Opcode::Ping, b"hello".to_vec()),
        };
        framed(&Header { rsv1: true, ..Header::unmasked(opcode, payload.len() as u64) }, &payload)
    }
}
