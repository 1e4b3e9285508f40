//! SIGTERM under load.
//!
//! A message is *accepted* when the server has given it a place in its room's order, of which a delivery, such as the publisher's own, is the
//! proof. What a drain promises, and these tests hold it to:
//!
//! * what was accepted before the signal reaches every member;
//! * every member receives the one order of its room without a gap up to its own close frame, which has code 1001;
//! * a publisher's messages are accepted in its order, without a gap, until it is told to go: what it sent later was not accepted, and
//!   its own copies show which those are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

use tokio_tungstenite::tungstenite::{Error, Message};

use crate::common::{Client, Server};

const PUBLISHERS: usize = 4;
const READERS: usize = 30;
/// Copies that each publisher has received of its own messages when the signal comes.
const BEFORE: u64 = 300;

/// Reads to the close frame: all texts, and the code.
fn read_out(mut client: Client) -> (Vec<String>, u16) {
    let (messages, code) = client.drain();
    (messages.into_iter().map(|message| message.into_text().unwrap().to_string()).collect(), code)
}

/// Publishes until it is closed, keeping a few messages under way.
fn publish(mut client: Client, name: usize, warm: &Barrier, own: &AtomicU64) -> (Vec<String>, u16) {
    let mut texts: Vec<String> = Vec::new();
    let mut sent = 0_u64;
    loop {
        let mine = own.load(Ordering::Relaxed);
        if sent < mine + 10 {
            // After the close frame nothing can be sent; reading tells.
            let _ = client.0.send(Message::text(format!("{name}:{sent}")));
            sent += 1;
        }
        match client.0.read() {
            Ok(Message::Text(text)) => {
                if text.starts_with(&format!("{name}:")) && own.fetch_add(1, Ordering::Relaxed) + 1 == BEFORE {
                    warm.wait();
                }
                texts.push(text.to_string());
            }
            Ok(Message::Close(frame)) => {
                let code = frame.map_or(1005, |frame| frame.code.into());
                // Answers the close.
                while client.0.read().is_ok() {}
                return (texts, code);
            }
            Ok(_) => {}
            Err(Error::Io(error)) => panic!("publisher {name} was cut off without a close frame: {error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

fn stop_under_load(drain: &str) {
    let mut server = Server::start(&["--drain", drain]);
    let warm = Arc::new(Barrier::new(PUBLISHERS + 1));
    let readers: Vec<JoinHandle<_>> = (0..READERS)
        .map(|_| server.connect("/broadcast/r"))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|client| thread::spawn(move || read_out(client)))
        .collect();
    let own: Vec<_> = (0..PUBLISHERS).map(|_| Arc::<AtomicU64>::default()).collect();
    let publishers: Vec<JoinHandle<_>> = (0..PUBLISHERS)
        .map(|_| server.connect("/broadcast/r"))
        .collect::<Vec<_>>()
        .into_iter()
        .enumerate()
        .map(|(name, client)| {
            let (warm, own) = (Arc::clone(&warm), Arc::clone(&own[name]));
            thread::spawn(move || publish(client, name, &warm, &own))
        })
        .collect();
    warm.wait();
    // Accepted before the signal: what the publishers had their copies of.
    let before: Vec<u64> = own.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    server.terminate();
    let received: Vec<(Vec<String>, u16)> =
        readers.into_iter().chain(publishers).map(|thread| thread.join().unwrap()).collect();
    assert!(server.wait().success());

    assert!(received.iter().all(|(_, code)| *code == 1001), "everybody is told that the server stops");
    let order = &received.iter().max_by_key(|(texts, _)| texts.len()).unwrap().0;
    for (n, (texts, _)) in received.iter().enumerate() {
        assert!(order.starts_with(texts), "member {n} received the room's one order up to its close frame");
    }
    for (name, before) in before.iter().enumerate() {
        let prefix = format!("{name}:");
        let numbers = |texts: &[String]| -> Vec<u64> {
            texts.iter().filter_map(|text| text.strip_prefix(&prefix)?.parse().ok()).collect()
        };
        assert!(numbers(order).into_iter().eq(0..numbers(order).len() as u64), "publisher {name} in its order");
        for (n, (texts, _)) in received.iter().enumerate() {
            assert!(numbers(texts).len() as u64 >= *before, "member {n} has all of {name} from before the signal");
        }
    }
}

#[test]
fn nothing_accepted_is_lost_when_everybody_is_closed_at_once() {
    stop_under_load("0");
}

#[test]
fn nothing_accepted_is_lost_when_members_are_closed_one_by_one_under_load() {
    stop_under_load("1s");
}
