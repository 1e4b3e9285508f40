//! A plain HTTP client that says exactly what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};

use super::PATIENCE;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case, without the status line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A connection on which requests follow each other.
#[derive(Debug)]
pub struct Http(BufReader<TcpStream>);

impl Http {
    pub fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a request; `headers` are lines with their ends.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) {
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        self.write(&[head.as_bytes(), body].concat());
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The next answer.
    pub fn receive(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "an answer, after {lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_ascii_lowercase()),
            }
        }
        let status = lines.remove(0).split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head: lines.join("\n"), body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = vec![0; length];
        self.0.read_exact(&mut answer.body).unwrap();
        answer
    }

    pub fn request(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.send(method, path, headers, body);
        self.receive()
    }

    /// Whether the server closes the connection without another byte.
    pub fn ends(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }
}

/// One request on a connection of its own.
pub fn request(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    Http::connect(addr).request(method, path, headers, body)
}

/// An address that nobody listens on, for `--admin`. Its port is none of those that the kernel hands out to whoever asks for any: another
/// test would have it before the server does.
pub fn free_addr() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Test programs that run at the same time begin at different ports.
        let nth = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
        let addr = SocketAddr::from(([127, 0, 0, 1], 20_000 + (nth % 12_000) as u16));
        if std::net::TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}
