//! Connections that come and go.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::common::{Server, masked};
use crate::crowd::{Member, in_parts, request};
use crate::witness::Witness;

/// Connections, unless the variable says another number.
const CONNECTIONS: usize = 20_000;
const CONNECTIONS_FROM: &str = "FANOUT_TEST_CHURN";
/// After the last visitor, the server gives memory back in a second.
const SETTLED: Duration = Duration::from_secs(2);

/// Comes, says something perhaps, and goes, in one of six ways.
fn come_and_go(server: &Server, n: usize) {
    let path = if n % 10 == 9 { "/echo".to_owned() } else { format!("/broadcast/room-{}", n % 1000) };
    let connect = || Member::connect(server.addr, &path);
    match n % 6 {
        0 => connect().reset(),
        1 => drop(connect()),
        2 => {
            let mut member = connect();
            member.stream.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
            assert_eq!(member.into_client().close_code(), 1000);
        }
        3 => {
            let mut member = connect();
            member.stream.write_all(&masked(0x81, b"hello")).unwrap();
            member.reset();
        }
        4 => {
            let mut member = connect();
            member.stream.write_all(&masked(0x82, &[1; 500])[..100]).unwrap();
            member.reset();
        }
        _ => {
            // In the middle of its handshake.
            let mut stream = server.dial();
            stream.write_all(&request(&path).as_bytes()[..60]).unwrap();
            drop(net::Socket::from(stream).abort());
        }
    }
}

fn churn(server: &Server, number: usize) {
    in_parts(number, |part| part.for_each(|n| come_and_go(server, n)));
    server.stats_until(|stats| stats["connections"] == 4 && stats["rooms"] == 1);
    thread::sleep(SETTLED);
}

#[test]
fn after_many_connections_memory_descriptors_and_rooms_are_back_where_they_were() {
    let number = std::env::var(CONNECTIONS_FROM).map_or(CONNECTIONS, |number| number.parse().unwrap());
    let server = Server::start(&["--room-retain", "100ms"]);
    let witness = Witness::start(&server);
    // Tables grow to what so many at once need, once.
    churn(&server, number / 10);
    let (memory, descriptors) = (server.resident_bytes(), server.descriptors());
    churn(&server, number);
    let grown = server.resident_bytes().saturating_sub(memory);
    assert!(grown < 2 << 20, "{grown} bytes more than {memory} after {number} connections");
    assert!(server.descriptors() <= descriptors, "{} descriptors after {descriptors}", server.descriptors());
    let stats = server.stats();
    assert_eq!((stats["members"].as_u64(), stats["split_bytes"].as_u64()), (Some(4), Some(0)));
    println!("{number} connections: {memory} bytes resident before, {grown} more after; {stats}");
    witness.complete();
}
