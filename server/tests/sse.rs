//! Event streams beside WebSocket, read by a client of our own making.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::thread;

use crate::common::Server;
use crate::events::{Event, Parser};
use tokio_tungstenite::tungstenite::Message;

/// A browser's side of an event stream.
struct Events {
    stream: TcpStream,
    head: String,
    parser: Parser,
    /// The id that the stream opened with.
    begin: String,
    /// Of the parser's events, looked at already.
    taken: usize,
}

impl Events {
    fn open(server: &Server, path: &str, headers: &str) -> Self {
        Self::over(server.dial(), path, headers)
    }

    fn over(mut stream: TcpStream, path: &str, headers: &str) -> Self {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{headers}\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let mut parser = Parser::default();
        while parser.last_event_id.is_empty() {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            parser.feed(&byte);
        }
        Self { stream, head, begin: parser.last_event_id.clone(), parser, taken: 0 }
    }

    /// Comes back as a browser does that had this one.
    fn again(server: &Server, path: &str, before: &Self) -> Self {
        let id = before.events().last().map_or(&before.begin, |event| &event.id);
        Self::open(server, path, &format!("Last-Event-ID: {id}\r\n"))
    }

    fn read(&mut self) -> usize {
        let mut bytes = [0; 16 << 10];
        let n = self.stream.read(&mut bytes).unwrap();
        self.parser.feed(&bytes[..n]);
        n
    }

    /// Those that were taken.
    fn events(&self) -> &[Event] {
        &self.parser.events[..self.taken]
    }

    fn next(&mut self) -> Event {
        while self.parser.events.len() == self.taken {
            assert_ne!(self.read(), 0, "the stream has ended");
        }
        self.taken += 1;
        self.parser.events[self.taken - 1].clone()
    }

    /// Everything to the end, which must be a proper one.
    fn drain(&mut self) -> Vec<Event> {
        while self.read() > 0 {}
        assert!(self.parser.has_ended(), "no last chunk");
        let rest = self.parser.events[self.taken..].to_vec();
        self.taken = self.parser.events.len();
        rest
    }
}

fn as_event(message: &Message) -> (&'static str, Vec<u8>) {
    let kind = if message.is_text() { "message" } else { "binary" };
    (kind, message.clone().into_data().to_vec())
}

#[test]
fn a_room_of_both_kinds_receives_the_same_messages_in_the_same_order() {
    let server = Server::start(&[]);
    let mut events = Events::open(&server, "/sse/r", "");
    let mut member = server.connect("/broadcast/r");
    let mut publisher = server.connect("/broadcast/r");
    let sent = [
        Message::text("one"),
        Message::binary(vec![0, 1, 2, 254, 255]),
        Message::text(""),
        Message::text("several\nlines\n\nand a last one\n"),
        Message::binary(vec![]),
        Message::text("x".repeat(200_000)),
        Message::binary(vec![7; 100_000]),
        Message::text("data: not a field"),
    ];
    for (index, message) in sent.iter().enumerate() {
        publisher.send(message.clone());
        assert_eq!(member.next(), *message);
        let event = events.next();
        assert_eq!((event.index(), (&*event.kind, event.payload())), (index as u64, as_event(message)));
    }
    let stats = server.stats();
    assert_eq!(
        (stats["members_by_variant"]["plain"].as_u64(), stats["members_by_variant"]["events"].as_u64()),
        (Some(2), Some(1))
    );
    assert_eq!((stats["connections"].as_u64(), stats["deliveries"].as_u64()), (Some(3), Some(3 * 8)));
}

#[test]
fn who_receives_events_has_no_say_in_how_a_room_is_spoken_to() {
    let server = Server::start(&[]);
    let first = server.connect("/broadcast/r");
    let mut events = Events::open(&server, "/sse/r", "");
    drop(first);
    server.stats_until(|stats| stats["members"] == 1);
    let mut chat = server.connect("/ws/r");
    let welcome: serde_json::Value = serde_json::from_str(&chat.next_text()).unwrap();
    assert_eq!(welcome["type"], "system");
    chat.text(r#"{"type":"chat","content":"hello"}"#);
    while !String::from_utf8(events.next().payload()).unwrap().contains("hello") {}
}

#[test]
fn the_head_keeps_proxies_from_caching_and_names_the_cursor() {
    let server = Server::start(&["--allow-origin", "http://elsewhere.example"]);
    let events = Events::open(&server, "/sse/r", "Origin: http://elsewhere.example\r\n");
    let head = events.head.to_lowercase();
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "x-accel-buffering: no",
        "transfer-encoding: chunked",
        "fanout-cursor: ",
        "date: ",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{line} in {head}");
    }
    assert!(head.contains("\r\naccess-control-allow-origin: http://elsewhere.example\r\n"), "{head}");
    let own = Events::open(&server, "/sse/r", "").head.to_lowercase();
    assert!(!own.contains("access-control-allow-origin"), "{own}");
}

#[test]
fn who_comes_back_with_its_last_id_misses_nothing_and_gets_nothing_twice() {
    const COUNT: u64 = 3000;
    let server = Arc::new(Server::start(&[]));
    let mut events = Events::open(&server, "/sse/r", "");
    let publisher = {
        let server = Arc::clone(&server);
        thread::spawn(move || {
            let mut publisher = server.connect("/broadcast/r");
            for n in 0..COUNT {
                publisher.text(&n.to_string());
                publisher.next();
            }
        })
    };
    let (mut next, mut returns) = (0, 0);
    while next < COUNT {
        // Lost in the middle of events as often as not: only whole ones count.
        for _ in 0..next % 97 {
            if next == COUNT {
                break;
            }
            let event = events.next();
            assert_eq!((event.index(), &event.data), (next, &next.to_string()));
            next += 1;
        }
        if next < COUNT {
            events = Events::again(&server, "/sse/r", &events);
            returns += 1;
            let event = events.next();
            assert_eq!((event.index(), &event.data), (next, &next.to_string()));
            next += 1;
        }
    }
    publisher.join().unwrap();
    assert!(returns > 30, "{returns}");
}

#[test]
fn what_was_published_before_the_first_event_came_is_not_missed_either() {
    let server = Server::start(&[]);
    let first = Events::open(&server, "/sse/r", "");
    let mut publisher = server.connect("/broadcast/r");
    drop(first.stream.shutdown(std::net::Shutdown::Both));
    publisher.text("meanwhile");
    publisher.next();
    let mut second = Events::again(&server, "/sse/r", &first);
    assert_eq!(second.next().data, "meanwhile");
}

#[test]
fn a_cursor_of_a_websocket_resumes_an_event_stream() {
    let server = Server::start(&[]);
    let (mut member, answer) = server.try_connect("/broadcast/r").unwrap();
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap().to_owned();
    for n in 0..3 {
        member.text(&n.to_string());
        member.next();
    }
    let mut events = Events::open(&server, &format!("/sse/r?resume={cursor}"), "");
    assert!((0..3).all(|n| events.next().data == n.to_string()));
    // Back with the same URL, as a browser is: the id it has got is newer than what the URL says.
    let path = format!("/sse/r?resume={cursor}");
    member.text("3");
    assert_eq!(Events::again(&server, &path, &events).next().data, "3");
}

#[test]
fn who_wants_what_is_gone_is_told_and_gets_the_oldest_held() {
    let server = Server::start(&["--room-log", "4KiB"]);
    let mut member = server.connect("/broadcast/r");
    let first = Events::open(&server, "/sse/r", "");
    let begin = first.begin.clone();
    drop(first);
    for n in 0..100 {
        member.text(&format!("{n:0100}"));
        member.next();
    }
    for id in [begin.as_str(), "1.5", "no id of ours"] {
        let mut events = Events::open(&server, "/sse/r", &format!("Last-Event-ID: {id}\r\n"));
        let gap = events.next();
        assert_eq!(gap.kind, "gap");
        let gap: serde_json::Value = serde_json::from_str(&gap.data).unwrap();
        let oldest: u64 = gap["oldest"].as_str().unwrap().split_once('.').unwrap().1.parse().unwrap();
        assert!(oldest > 0, "{oldest}");
        for n in oldest..100 {
            let event = events.next();
            assert_eq!((event.index(), event.data), (n, format!("{n:0100}")));
        }
    }
}

const SIZE: usize = 10_000;
/// Far more than the kernel's buffers and the log hold.
const COUNT: u64 = 1500;
/// More than they hold. Who is disconnected has five seconds to read what was meant for it: soon after that happens, publishing ends.
const FEW: u64 = 300;

/// Publishes so many while one of those who receive events reads nothing and another reads everything.
fn stop_one_of_two(policy: &str, count: u64) -> (Server, Events) {
    let server = Server::start(&["--lag-policy", policy, "--room-log", "256KiB", "--write-timeout", "0"]);
    let stopped = Events::over(server.dial_narrow(), "/sse/r", "");
    let mut healthy = Events::open(&server, "/sse/r", "");
    let mut publisher = server.connect("/broadcast/r");
    // However busy the machine, a healthy reader is never further behind than the kernel's buffers hold.
    let in_step = Arc::new(Barrier::new(2));
    let reader = {
        let in_step = Arc::clone(&in_step);
        thread::spawn(move || {
            for n in 0..count {
                let event = healthy.next();
                assert_eq!((event.index(), event.payload().len()), (n, SIZE), "what a healthy reader gets");
                if n % 10 == 9 {
                    in_step.wait();
                }
            }
        })
    };
    for n in 0..count {
        publisher.send(Message::binary(vec![n as u8; SIZE]));
        publisher.next();
        if n % 10 == 9 {
            in_step.wait();
        }
    }
    reader.join().unwrap();
    (server, stopped)
}

#[test]
fn disconnect_ends_a_stopped_stream_after_whole_events_and_it_may_come_back() {
    let (server, mut stopped) = stop_one_of_two("disconnect", FEW);
    let received = stopped.drain();
    assert!(received.len() < FEW as usize);
    assert!(received.iter().map(Event::index).eq(0..received.len() as u64));
    let stats = server.stats();
    assert_eq!((stats["lagged"]["disconnected"].as_u64(), stats["closed"]["1013"].as_u64()), (Some(1), Some(1)));
    let mut again = Events::again(&server, "/sse/r", &stopped);
    assert_eq!(again.next().kind, "gap");
    let mut next = again.next().index();
    assert!(next > received.len() as u64);
    while next + 1 < FEW {
        next += 1;
        assert_eq!(again.next().index(), next);
    }
}

#[test]
fn skip_goes_on_later_and_counts_what_was_left_out() {
    let (server, mut stopped) = stop_one_of_two("skip", COUNT);
    server.connect("/broadcast/r").text("the last");
    let mut received = vec![stopped.next().index()];
    while received.last() != Some(&COUNT) {
        received.push(stopped.next().index());
    }
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]));
    let stats = server.stats();
    let skipped = stats["lagged"]["skipped_messages"].as_u64().unwrap();
    assert!(skipped > 0);
    assert_eq!(received.len() as u64 + skipped, COUNT + 1);
}

#[test]
fn latest_ends_with_the_newest_message() {
    let (_server, mut stopped) = stop_one_of_two("latest", COUNT);
    let mut received = vec![stopped.next().index()];
    while received.last() != Some(&(COUNT - 1)) {
        received.push(stopped.next().index());
    }
    assert!(received.len() < COUNT as usize && received.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_drain_ends_streams_after_everything_published() {
    let mut server = Server::start(&["--drain", "10ms", "--room-log", "64MiB"]);
    let mut slow = Events::over(server.dial_narrow(), "/sse/r", "");
    let mut quick = Events::open(&server, "/sse/r", "");
    let mut publisher = server.connect("/broadcast/r");
    for _ in 0..200 {
        publisher.send(Message::binary(vec![1; 60_000]));
        publisher.next();
    }
    server.terminate();
    for stream in [&mut slow, &mut quick] {
        assert!(stream.drain().iter().map(Event::index).eq(0..200));
    }
    assert_eq!(publisher.close_code(), 1001);
    drop((slow, quick, publisher));
    assert!(server.wait().success());
}

#[test]
fn a_silent_stream_is_kept_awake_and_never_closed_for_being_silent() {
    let server = Server::start(&["--ping-interval", "40ms", "--pong-timeout", "80ms"]);
    let mut events = Events::open(&server, "/sse/r", "");
    while events.parser.comments < 10 {
        assert_ne!(events.read(), 0);
    }
    let mut publisher = server.connect("/broadcast/r");
    publisher.text("still here");
    assert_eq!(events.next().data, "still here");
}

#[test]
fn what_the_client_sends_is_ignored_and_its_end_ends_the_stream() {
    let server = Server::start(&[]);
    let mut events = Events::open(&server, "/sse/r", "");
    events.stream.write_all(b"GET /stats HTTP/1.1\r\n\r\n\x81\x85garbage").unwrap();
    let mut publisher = server.connect("/broadcast/r");
    publisher.text("a");
    assert_eq!(events.next().data, "a");
    drop(events);
    let stats = server.stats_until(|stats| stats["members"] == 1);
    assert_eq!((&stats["publishes"], &stats["closed"]["1005"]), (&1.into(), &1.into()));
    assert_eq!((&stats["log_bytes"], &stats["protocol_errors"]), (&4096.into(), &serde_json::json!({})));
}

#[test]
fn streams_count_among_the_connections() {
    let server = Server::start(&["--max-connections", "1"]);
    let first = Events::open(&server, "/sse/r", "");
    assert_eq!(server.get("/sse/r").0, 503);
    assert!(server.try_connect("/broadcast/r").is_err());
    drop(first);
    server.stats_until(|stats| stats["connections"] == 0);
    drop(Events::open(&server, "/sse/r", ""));
}

#[test]
fn what_cannot_be_a_stream_is_refused_with_a_sentence() {
    let server = Server::start(&[]);
    let status = |request: &str| {
        let mut stream = server.dial();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(status("GET /sse/r HTTP/1.0\r\n\r\n"), 505);
    assert_eq!(status("POST /sse/r HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405);
    assert_eq!(server.get("/sse/").0, 404);
    assert_eq!(server.get("/sse/r?resume=7").0, 400);
    assert_eq!(server.stats()["members"], 0);
}
