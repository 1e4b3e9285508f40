//! A server in a process of its own, and two kinds of clients: tungstenite's, and bare sockets for what no library would send.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod http;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// Nothing that these tests wait for takes so long.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Server {
    child: Child,
    pub addr: SocketAddr,
}

impl Server {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_with("127.0.0.1:0", flags, Stdio::inherit())
    }

    pub fn start_on(addr: &str, flags: &[&str]) -> Self {
        Self::start_with(addr, flags, Stdio::inherit())
    }

    /// With its diagnostics where they can be read: see [`Self::diagnostics`].
    pub fn start_overheard(flags: &[&str]) -> Self {
        Self::start_with("127.0.0.1:0", flags, Stdio::piped())
    }

    fn start_with(addr: &str, flags: &[&str], stderr: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanout-server"))
            .args(["--listen", addr])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening ").unwrap();
        let addr = url.strip_prefix("ws://").or(url.strip_prefix("wss://")).unwrap().parse().unwrap();
        Self { child, addr }
    }

    pub fn connect(&self, path: &str) -> Client {
        self.try_connect(path).unwrap().0
    }

    pub fn try_connect(&self, path: &str) -> Result<(Client, Response), String> {
        self.upgrade(path, self.dial())
    }

    pub fn upgrade(&self, path: &str, stream: TcpStream) -> Result<(Client, Response), String> {
        match tungstenite::client(format!("ws://{}{path}", self.addr), stream) {
            Ok((socket, response)) => Ok((Client(socket), response)),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn dial(&self) -> TcpStream {
        dial(self.addr)
    }

    /// A connection that will take little: its receive buffer is as small as the kernel allows.
    pub fn dial_narrow(&self) -> TcpStream {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&self.addr.into()).unwrap();
        let stream: TcpStream = socket.into();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A bare connection after its upgrade.
    pub fn raw(&self, path: &str) -> Raw {
        Raw::upgrade(self.dial(), path, b"")
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        get(self.addr, path)
    }

    /// The status, head and body that answer an upgrade with these header lines beside the necessary ones, `Host` included if none is given.
    /// The connection is closed afterwards.
    pub fn ask(&self, path: &str, headers: &[&str]) -> Answer {
        Answer::of(self.dial(), path, headers)
    }

    pub fn signal(&self, signal: net::Signal) {
        net::signal(self.child.id(), signal).unwrap();
    }

    pub fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.get("/stats").1).unwrap()
    }

    /// Asks for the counters until `enough`.
    pub fn stats_until(&self, enough: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let start = Instant::now();
        loop {
            let stats = self.stats();
            if enough(&stats) {
                return stats;
            }
            assert!(start.elapsed() < PATIENCE, "still {stats}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn terminate(&self) {
        net::signal(self.child.id(), net::Signal::Terminate).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it, and gives what it had said on stderr.
    pub fn diagnostics(mut self) -> String {
        let _ = self.child.kill();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Descriptors that it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    pub fn resident_bytes(&self) -> u64 {
        net::memory(self.child.id()).unwrap().rss_bytes
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn dial(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What an upgrade was answered with.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn of(mut stream: impl Read + Write, path: &str, headers: &[&str]) -> Self {
        let host = if headers.iter().any(|line| line.starts_with("Host:")) { "" } else { "Host: x\r\n" };
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\n{host}Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = String::new();
        if status != 101 {
            stream.read_to_string(&mut body).unwrap();
        }
        Self { status, head, body }
    }
}

/// Status and body of a plain request.
pub fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// tungstenite's client.
#[derive(Debug)]
pub struct Client(pub WebSocket<TcpStream>);

impl Client {
    pub fn send(&mut self, message: Message) {
        self.0.send(message).unwrap();
    }

    pub fn text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// The next message that is data.
    pub fn next(&mut self) -> Message {
        loop {
            match self.0.read().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    pub fn next_text(&mut self) -> String {
        match self.next() {
            Message::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Reads to the end; the data and the close code.
    pub fn drain(&mut self) -> (Vec<Message>, u16) {
        let mut messages = Vec::new();
        loop {
            match self.0.read().unwrap() {
                Message::Close(frame) => return (messages, frame.map_or(1005, |frame| frame.code.into())),
                Message::Ping(_) | Message::Pong(_) => {}
                message => messages.push(message),
            }
        }
    }

    pub fn close_code(&mut self) -> u16 {
        self.drain().1
    }
}

/// A bare socket after its upgrade.
pub struct Raw {
    pub stream: TcpStream,
    pub head: String,
}

impl Raw {
    /// Sends the request and `extra` in one write, and reads the answer's head.
    pub fn upgrade(stream: TcpStream, path: &str, extra: &[u8]) -> Self {
        Self::upgrade_with(stream, path, "", extra)
    }

    /// As [`upgrade`](Self::upgrade), with header lines more, each with its CRLF.
    pub fn upgrade_with(mut stream: TcpStream, path: &str, lines: &str, extra: &[u8]) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
        );
        stream.write_all(&[request.as_bytes(), extra].concat()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        Self { stream, head: String::from_utf8(head).unwrap() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// One frame from the server: its first byte and its payload.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let long = match head[1] {
            126 => 2,
            127 => 8,
            short => return (head[0], self.exactly(usize::from(short))),
        };
        let len = self.exactly(long).iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        (head[0], self.exactly(len))
    }

    fn exactly(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The code of the close frame that must come next, and that nothing follows it.
    pub fn close_code(&mut self) -> u16 {
        let (first, payload) = self.frame();
        assert_eq!(first, 0x88, "a close frame, not {payload:?}");
        assert_eq!(self.stream.read(&mut [0; 16]).unwrap(), 0, "the end of the stream");
        payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
    }
}

/// A masked client frame; `first` is the byte of FIN, RSV and opcode.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    let key = [0x12, 0x34, 0x56, 0x78];
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
