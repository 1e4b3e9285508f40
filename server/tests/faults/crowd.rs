//! Many clients without a thread or a large buffer each: sockets after their handshake, with what came along with it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::thread;

use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::common::{Client, dial};

/// Threads that connect.
const CONNECTING: usize = 4;

/// One of the crowd.
pub struct Member {
    pub stream: TcpStream,
    /// What came with the answer to the handshake.
    rest: Vec<u8>,
}

impl Member {
    pub fn connect(addr: SocketAddr, path: &str) -> Self {
        let mut stream = dial(addr);
        stream.write_all(request(path).as_bytes()).unwrap();
        let mut read = Vec::new();
        loop {
            let mut piece = [0; 512];
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "the connection ended in its handshake, after {:?}", String::from_utf8_lossy(&read));
            read.extend(&piece[..n]);
            if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                assert!(read.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&read));
                return Self { stream, rest: read.split_off(end + 4) };
            }
        }
    }

    /// Reset, as by a router that has forgotten it.
    pub fn reset(self) {
        net::Socket::from(self.stream).abort().unwrap();
    }

    /// To read what has come and is still to come.
    pub fn into_client(self) -> Client {
        Client(WebSocket::from_partially_read(self.stream, self.rest, Role::Client, None))
    }
}

/// The head of an upgrade request.
pub fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Connects so many to one room, over a few threads.
pub fn crowd(addr: SocketAddr, path: &str, number: usize) -> Vec<Member> {
    net::raise_descriptors().unwrap();
    in_parts(number, |part| part.map(|_| Member::connect(addr, path)).collect::<Vec<_>>())
        .into_iter()
        .flatten()
        .collect()
}

/// Divides `0..number` among a few threads.
pub fn in_parts<T: Send>(number: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let bound = |i: usize| number * i / CONNECTING;
        let threads: Vec<_> = (0..CONNECTING)
            .map(|i| {
                let work = &work;
                scope.spawn(move || work(bound(i)..bound(i + 1)))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
