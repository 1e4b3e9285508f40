//! A bare WebSocket connection under tokio.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::masked;

/// A place in a room's log, as `Fanout-Cursor` and `seq` name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub generation: String,
    pub index: u64,
}

impl From<&str> for Cursor {
    fn from(text: &str) -> Self {
        let (generation, index) = text.split_once('.').unwrap();
        Self { generation: generation.to_owned(), index: index.parse().unwrap() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.index)
    }
}

pub struct Line {
    stream: TcpStream,
    /// Received, and not a whole frame yet.
    received: Vec<u8>,
}

impl Line {
    pub async fn open(server: SocketAddr, path: &str) -> (Self, Cursor) {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = Self { stream, received: Vec::new() };
        let head = loop {
            line.read().await;
            if let Some(end) = line.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break String::from_utf8(line.received.drain(..end + 4).collect()).unwrap();
            }
        };
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let cursor = head.lines().find_map(|line| line.strip_prefix("fanout-cursor: ")).unwrap();
        let cursor = cursor.into();
        (line, cursor)
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(&masked(0x81, text.as_bytes())).await.unwrap();
    }

    /// The next frame: its first byte and its payload. Nothing is lost when this is given up waiting for.
    pub async fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some(frame) = self.whole_frame() {
                return frame;
            }
            self.read().await;
        }
    }

    /// Throws away what has arrived.
    pub fn discard(&mut self) {
        while self.stream.try_read(&mut [0; 4096]).is_ok_and(|len| len > 0) {}
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    async fn read(&mut self) {
        let len = self.stream.read_buf(&mut self.received).await.unwrap();
        assert!(len > 0, "the server ended a connection; it had sent {:?}", String::from_utf8_lossy(&self.received));
    }

    /// Frames here are short: their length is in one byte, or in two more.
    fn whole_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (from, len) = match *self.received.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes([*self.received.get(2)?, *self.received.get(3)?]))),
            len => (2, usize::from(len)),
        };
        if self.received.len() < from + len {
            return None;
        }
        let frame: Vec<u8> = self.received.drain(..from + len).collect();
        Some((frame[0], frame[from..].to_vec()))
    }
}
