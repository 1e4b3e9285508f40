//! How the server stops.

use std::time::{Duration, Instant};

use crate::common::Server;
use tokio_tungstenite::tungstenite::Message;

#[test]
fn everybody_is_closed_with_1001_and_the_server_ends_well() {
    let mut server = Server::start(&["--drain", "300ms"]);
    let mut clients: Vec<_> = (0..10).map(|i| server.connect(["/broadcast/r", "/echo"][i % 2])).collect();
    let start = Instant::now();
    server.terminate();
    for client in &mut clients {
        assert_eq!(client.close_code(), 1001);
    }
    drop(clients);
    assert!(server.wait().success());
    let took = start.elapsed();
    assert!(took > Duration::from_millis(200) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn without_clients_it_ends_at_once() {
    let mut server = Server::start(&["--drain", "30s"]);
    server.terminate();
    assert!(server.wait().success());
}

#[test]
fn while_draining_newcomers_and_health_checks_get_503() {
    let mut server = Server::start(&["--drain", "1s"]);
    let clients: Vec<_> = (0..2).map(|_| server.connect("/broadcast/r")).collect();
    server.terminate();
    server.stats_until(|stats| stats["draining"] == true);
    assert_eq!(server.get("/healthz"), (503, "draining\n".to_owned()));
    assert!(server.try_connect("/broadcast/r").err().unwrap().contains("503"));
    drop(clients);
    assert!(server.wait().success());
}

#[test]
fn what_was_published_goes_out_before_the_close_frame_even_to_a_slow_reader() {
    let mut server = Server::start(&["--drain", "10ms", "--room-log", "64MiB"]);
    let mut slow = server.upgrade("/broadcast/r", server.dial_narrow()).unwrap().0;
    let mut publisher = server.connect("/broadcast/r");
    let message = |n: u64| Message::binary([&n.to_be_bytes()[..], &vec![1; 60_000]].concat());
    for n in 0..200 {
        publisher.send(message(n));
        publisher.next();
    }
    assert_eq!(server.stats()["blocked_now"], 1);
    server.terminate();
    let (messages, code) = slow.drain();
    assert_eq!((messages.len(), code), (200, 1001));
    assert!((0..200).all(|n| messages[n as usize] == message(n)));
    assert_eq!(publisher.close_code(), 1001);
    drop((slow, publisher));
    assert!(server.wait().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&["--drain", "30s"]);
    let _clients: Vec<_> = (0..2).map(|_| server.connect("/broadcast/r")).collect();
    server.terminate();
    server.stats_until(|stats| stats["draining"] == true);
    server.terminate();
    assert_eq!(server.wait().code(), Some(130));
}
