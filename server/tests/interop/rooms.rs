//! Broadcast rooms.

use crate::cable::Cable;
use crate::client::{Client, Kind, Message};
use crate::common::{Raw, masked};
use crate::decoders::Decoder;
use crate::install;
use crate::stage::{Stage, Transport};

pub fn a_client_that_was_cut_misses_nothing_and_gets_nothing_twice(stage: &Stage) {
    let server = stage.server(&[]);
    let cable = Cable::to(server.addr);
    let (mut writer, _) = stage.connected(server.addr, "/broadcast/r");
    let (mut reader, cursor) = stage.connected(cable.addr, "/broadcast/r");
    let cursor = cursor.expect("every answer on a room's route has a cursor");
    let generation = cursor.strip_suffix(".0").unwrap();
    let mut publish = |texts: std::ops::Range<u32>| {
        for n in texts {
            writer.text(&n.to_string());
            // In the log, then.
            assert_eq!(writer.next_text(), n.to_string());
        }
    };
    let read = |reader: &mut Client, texts: std::ops::Range<u32>| {
        for n in texts {
            assert_eq!(reader.next_text(), n.to_string());
        }
    };
    publish(0..5);
    read(&mut reader, 0..5);
    for (gone, back) in [(5, 10), (20, 21), (21, 30)] {
        cable.cut();
        assert_eq!(reader.next_close().0, 1006);
        publish(gone..back);
        let from = format!("{generation}.{gone}");
        assert_eq!(reader.connect(&stage.url(cable.addr, &format!("/broadcast/r?resume={from}"))), Some(from));
        let after = if back == 10 { 20 } else { back };
        publish(back..after);
        read(&mut reader, gone..after);
    }
}

/// Every kind of client that can be had publishes and receives in one room.
pub fn all_kinds_see_one_order(transport: Transport) {
    const EACH: usize = 100;
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| install::ready(*kind).is_ok()).collect();
    if kinds.len() < 2 {
        println!("skipped: it takes two kinds of clients, and there are {kinds:?}");
        return;
    }
    let mut stage = Stage::new(kinds[0], transport);
    let server = stage.server(&[]);
    let connect = |kind: &Kind| {
        stage.kind = *kind;
        stage.connected(server.addr, "/broadcast/r").0
    };
    let mut clients: Vec<Client> = kinds.iter().map(connect).collect();
    for n in 0..EACH {
        for client in &mut clients {
            client.send(&message(client.kind, n));
        }
    }
    let all = EACH * kinds.len();
    let received: Vec<Vec<Message>> =
        clients.iter_mut().map(|client| (0..all).map(|_| client.next_message()).collect()).collect();
    for (kind, messages) in kinds.iter().zip(&received) {
        assert!(*messages == received[0], "{kind:?} and {:?} saw different orders", kinds[0]);
        let own: Vec<&Message> = received[0].iter().filter(|message| sender(message) == kind.name()).collect();
        let sent: Vec<Message> = (0..EACH).map(|n| message(*kind, n)).collect();
        assert!(own.iter().copied().eq(&sent), "{kind:?}: what it sent and what arrived differ");
    }
}

/// Clients of every kind that can be had join a room in which much was said already, one after the other, while more is said. Node and the
/// browser have the largest window, Python asks for one of 12 bits, Go offers no compression; the two crates have either window.
pub fn all_kinds_share_their_rooms_history() {
    const SAID: usize = 1200;
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| install::ready(*kind).is_ok()).collect();
    let Some(first) = kinds.first() else { return println!("skipped: there is no kind of client") };
    let mut stage = Stage::new(*first, Transport::Plain);
    let server = stage.server(&[]);
    // So that there are enough with either window to share a compressor. What they are sent stays with their kernel.
    let crowd: Vec<Raw> = (0..16)
        .map(|i| {
            let bits = if i % 2 == 0 { "" } else { "; server_max_window_bits=12" };
            let line = format!("Sec-WebSocket-Extensions: permessage-deflate{bits}\r\n");
            Raw::upgrade_with(server.dial(), "/broadcast/r", &line, b"")
        })
        .collect();
    let mut publisher = server.raw("/broadcast/r");
    let mut clients = Vec::new();
    let mut decoders = Vec::new();
    for n in 0..SAID {
        if n % 150 == 100 && clients.len() < 2 * kinds.len() {
            stage.kind = kinds[clients.len() % kinds.len()];
            let (client, _) = stage.connected(server.addr, "/broadcast/r");
            clients.push((client, n));
        }
        if n % 130 == 50 && decoders.len() < 8 {
            let bits = if decoders.len() < 4 { 15 } else { 12 };
            let decoder = if decoders.len() % 2 == 0 {
                Decoder::yawc(server.addr, "/broadcast/r", bits)
            } else {
                Decoder::sockudo(server.dial(), "/broadcast/r", bits)
            };
            decoders.push((decoder, n));
        }
        publisher.send(&masked(0x81, quote(n).as_bytes()));
        assert_eq!(publisher.frame().1, quote(n).as_bytes());
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    for (client, joined) in &mut clients {
        for n in *joined..SAID {
            assert_eq!(client.next_text(), quote(n), "{:?}", client.kind);
        }
    }
    for (decoder, joined) in &mut decoders {
        for n in *joined..SAID {
            assert_eq!(decoder.next_text(), quote(n), "{}", decoder.name());
        }
    }
    let stats = server.stats();
    let compressed =
        clients.iter().filter(|(client, _)| client.kind != Kind::Go).count() + decoders.len() + crowd.len();
    let members = &stats["members_by_variant"];
    let shared = members["mature"].as_u64().unwrap() + members["nursery"].as_u64().unwrap();
    assert_eq!(shared, compressed as u64, "{stats}");
    assert!(members["mature"].as_u64().unwrap() > crowd.len() as u64, "somebody has all of the history: {members}");
}

fn quote(n: usize) -> String {
    let (price, size) = (60_000.0 + (n * 7919 % 1000) as f64 / 7.0, n * 31 % 977);
    format!(
        r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["buy","{price:.2}","0.{size}"]],"n":{n},"time":"2026-11-20T12:16:{:02}Z"}}"#,
        n % 60
    )
}

/// Text and binary in turn, of many lengths.
fn message(kind: Kind, n: usize) -> Message {
    let text = format!("{} {n} {}", kind.name(), "ü🎉".repeat(n * n / 4));
    if n.is_multiple_of(2) { Message::Text(text) } else { Message::Binary(text.into_bytes()) }
}

fn sender(message: &Message) -> &str {
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(bytes) => str::from_utf8(bytes).unwrap(),
    };
    text.split(' ').next().unwrap()
}
