//! Bytes that come one by one.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::{Raw, Server, masked};
use crate::crowd::{Member, crowd, request};
use crate::witness::Witness;

const SLOW: usize = 500;
/// How often each of them sends a byte.
const EVERY: Duration = Duration::from_millis(100);

/// Sends the next byte to each that is still open, and says how many are.
fn trickle(streams: &mut Vec<TcpStream>, byte: u8) -> usize {
    streams.retain_mut(|stream| stream.write_all(&[byte]).is_ok() && !is_closed(stream));
    streams.len()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 256]) {
        Ok(n) => n == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn handshakes_of_a_byte_now_and_then_keep_nobody_out_and_end_in_time() {
    net::raise_descriptors().unwrap();
    let server = Server::start(&["--handshake-timeout", "2s"]);
    let witness = Witness::start(&server);
    let mut slow: Vec<_> = (0..SLOW).map(|_| server.dial()).collect();
    slow.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    let start = Instant::now();
    let mut bytes = request("/broadcast/r").into_bytes().into_iter();
    let mut arrived = Vec::new();
    // Far from a whole request when it has to be over.
    while trickle(&mut slow, bytes.next().unwrap()) > 0 {
        if arrived.len() < 100 {
            arrived.extend(crowd(server.addr, "/broadcast/r", 10));
        }
        std::thread::sleep(EVERY);
    }
    assert!(start.elapsed() > Duration::from_millis(1500), "they had their time");
    assert_eq!(arrived.len(), 100, "others got in meanwhile");
    let stats = server.stats_until(|stats| stats["handshake_failures"] == SLOW);
    assert_eq!(stats["members"], 104);
    witness.complete();
}

#[test]
fn frames_of_a_byte_now_and_then_cost_little_and_delay_nobody() {
    let server = Server::start(&[]);
    let witness = Witness::start(&server);
    let slow = crowd(server.addr, "/broadcast/r", SLOW);
    let mut reader = server.connect("/broadcast/r");
    let before = server.resident_bytes();
    // Each announces a megabyte.
    let frame = masked(0x82, &vec![7; 1 << 20]);
    for byte in &frame[..20] {
        slow.iter().for_each(|member| (&member.stream).write_all(&[*byte]).unwrap());
        reader.text("in between");
        assert_eq!(reader.next_text(), "in between");
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes for {SLOW} beginnings of a frame");
    let stats = server.stats();
    let room = stats["per_room"].as_array().unwrap().iter().find(|room| room["name"] == "r").unwrap();
    assert_eq!(room["index"], 20, "what was never whole was never published");
    slow.into_iter().for_each(Member::reset);
    server.stats_until(|stats| stats["members"] == 5);
    witness.complete();
}

#[test]
fn whole_conversations_byte_by_byte_are_understood() {
    let server = Server::start(&[]);
    let witness = Witness::start(&server);
    for path in ["/echo", "/broadcast/r"] {
        let mut stream = server.dial();
        let fragments = [masked(0x01, b"in "), masked(0x89, b"p"), masked(0x80, "zwei Stücken".as_bytes())].concat();
        let messages = [masked(0x81, b"text"), masked(0x82, &[0xff; 300]), fragments, masked(0x8a, b"")].concat();
        for byte in [request(path).into_bytes(), messages].concat() {
            stream.write_all(&[byte]).unwrap();
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let mut raw = Raw { stream, head: String::from_utf8(head).unwrap() };
        assert!(raw.head.starts_with("HTTP/1.1 101 "), "{}", raw.head);
        // A room's messages wait for the flush, and a pong does not.
        let (pongs, data): (Vec<_>, Vec<_>) = (0..4).map(|_| raw.frame()).partition(|(first, _)| *first == 0x8a);
        assert_eq!(pongs, [(0x8a, b"p".to_vec())]);
        assert_eq!(data, [(0x81, b"text".to_vec()), (0x82, vec![0xff; 300]), (0x81, "in zwei Stücken".into())]);
        masked(0x88, b"\x03\xe8bye").into_iter().for_each(|byte| raw.send(&[byte]));
        assert_eq!(raw.close_code(), 1000);
    }
    witness.complete();
}
