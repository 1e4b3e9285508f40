//! A reader that stops, among others that do not.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::common::{Client, Server};
use tokio_tungstenite::tungstenite::Message;

const SIZE: usize = 10_000;
/// Far more than the kernel's buffers and the log hold.
const COUNT: usize = 2500;
/// More than they hold. Who is disconnected has five seconds to read what was meant for it: soon after that happens, publishing ends.
const FEW: usize = 500;

#[derive(PartialEq)]
enum Standing {
    New,
    Resumed,
}

/// Publishes so many messages while one of four members reads nothing, and returns the server and that member.
fn stop_one_of_four(policy: &str, standing: Standing, count: usize) -> (Server, Client) {
    let server = Server::start(&["--lag-policy", policy, "--room-log", "1MiB", "--write-timeout", "0"]);
    let (mut stopped, answer) = server.upgrade("/broadcast/r", server.dial_narrow()).unwrap();
    if standing == Standing::Resumed {
        let cursor = answer.headers()["fanout-cursor"].to_str().unwrap();
        stopped = server.upgrade(&format!("/broadcast/r?resume={cursor}"), server.dial_narrow()).unwrap().0;
    }
    // However busy the machine, a healthy reader is never further behind than the kernel's buffers hold.
    let in_step = Arc::new(Barrier::new(3));
    let clients: Vec<_> = (0..3).map(|_| server.connect("/broadcast/r")).collect();
    let healthy: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(i, mut client)| {
            let in_step = Arc::clone(&in_step);
            thread::spawn(move || {
                for n in 0..count {
                    if n % 20 == 0 {
                        in_step.wait();
                    }
                    if i == 0 {
                        client.send(message(n));
                    }
                    assert!(client.next() == message(n), "message {n} of a healthy reader");
                }
            })
        })
        .collect();
    for thread in healthy {
        thread.join().unwrap();
    }
    let stats = server.stats();
    assert_eq!(stats["publishes"].as_u64(), Some(count as u64));
    assert_eq!(stats["log_bytes"], 1 << 20, "the log at its cap");
    (server, stopped)
}

fn message(n: usize) -> Message {
    Message::binary([&n.to_be_bytes()[..], &vec![n as u8; SIZE]].concat())
}

fn number(message: &Message) -> usize {
    let bytes = message.clone().into_data();
    assert_eq!(bytes.len(), SIZE + 8);
    usize::from_be_bytes(bytes[..8].try_into().unwrap())
}

#[test]
fn disconnect_closes_the_stopped_reader_with_1013_after_whole_frames() {
    let (server, mut stopped) = stop_one_of_four("disconnect", Standing::New, FEW);
    let (messages, code) = stopped.drain();
    assert_eq!(code, 1013);
    assert!(messages.iter().map(number).eq(0..messages.len()));
    let stats = server.stats_until(|stats| stats["members"] == 2 || stats["members"] == 0);
    assert_eq!((stats["lagged"]["disconnected"].as_u64(), stats["split_bytes"].as_u64()), (Some(1), Some(0)));
}

#[test]
fn skip_goes_on_later_and_counts_what_was_left_out() {
    let (server, mut stopped) = stop_one_of_four("skip", Standing::New, COUNT);
    let mut publisher = server.connect("/broadcast/r");
    publisher.send(message(COUNT));
    let mut received = Vec::new();
    while received.last() != Some(&COUNT) {
        received.push(number(&stopped.next()));
    }
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]));
    let stats = server.stats();
    let skipped = stats["lagged"]["skipped_messages"].as_u64().unwrap() as usize;
    assert!(skipped > 0);
    assert_eq!(received.len() + skipped, COUNT + 1);
    assert_eq!((stats["lagged"]["skipped_connections"].as_u64(), stats["split_bytes"].as_u64()), (Some(1), Some(0)));
}

#[test]
fn who_resumed_is_closed_with_4002_and_told_from_where_it_may_resume() {
    let (server, mut stopped) = stop_one_of_four("skip", Standing::Resumed, FEW);
    let mut received = 0;
    let frame = loop {
        match stopped.0.read().unwrap() {
            Message::Close(frame) => break frame.unwrap(),
            data => {
                assert_eq!(number(&data), received);
                received += 1;
            }
        }
    };
    assert_eq!(u16::from(frame.code), 4002);
    let oldest: usize = frame.reason.rsplit_once('.').unwrap().1.parse().unwrap();
    assert!(oldest > received);
    assert_eq!(server.stats()["lagged"]["skipped_messages"], 0);
}

#[test]
fn latest_ends_with_the_newest_message() {
    let (server, mut stopped) = stop_one_of_four("latest", Standing::New, COUNT);
    let mut received = vec![number(&stopped.next())];
    while received.last() != Some(&(COUNT - 1)) {
        received.push(number(&stopped.next()));
    }
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]));
    let stats = server.stats_until(|stats| stats["deliveries"] == (3 * COUNT + received.len()) as u64);
    let skipped = stats["lagged"]["skipped_messages"].as_u64().unwrap() as usize;
    assert_eq!(received.len() + skipped, COUNT);
}

#[test]
fn who_takes_nothing_for_the_write_timeout_is_closed() {
    let server = Server::start(&["--write-timeout", "200ms", "--room-log", "64MiB"]);
    let mut stopped = server.upgrade("/broadcast/r", server.dial_narrow()).unwrap().0;
    let mut publisher = server.connect("/broadcast/r");
    for n in 0..1500 {
        publisher.send(message(n));
        publisher.next();
    }
    server.stats_until(|stats| stats["members"] == 1);
    let (messages, code) = stopped.drain();
    assert_eq!(code, 1013);
    assert!(messages.iter().map(number).eq(0..messages.len()));
}

#[test]
fn a_burst_that_fills_the_log_several_times_costs_a_reader_nothing() {
    let server = Server::start(&["--room-log", "64KiB"]);
    let mut reader = server.connect("/broadcast/r");
    let mut publisher = server.connect("/broadcast/r");
    // A log of 128 KiB (eight messages, rounded up) against bursts of 400 KB, which the sockets' buffers hold.
    for burst in 0..20 {
        let numbers = burst * 40..(burst + 1) * 40;
        numbers.clone().for_each(|n| publisher.0.write(message(n)).unwrap());
        publisher.0.flush().unwrap();
        for n in numbers {
            assert_eq!(number(&reader.next()), n);
            assert_eq!(number(&publisher.next()), n);
        }
    }
    let stats = server.stats();
    assert_eq!((stats["log_bytes"].as_u64(), stats["lagged"]["disconnected"].as_u64()), (Some(128 << 10), Some(0)));
}
