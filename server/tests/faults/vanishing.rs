//! Clients that go without a word, many at once.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::common::{Client, Server};
use crate::crowd::{Member, crowd};
use crate::witness::{END, Witness};

const CROWD: usize = 5000;

/// What it received: numbers without a gap, from wherever it joined to the last one published.
fn is_complete(mut client: Client, published: u64) -> bool {
    let mut numbers = Vec::new();
    loop {
        match client.next_text().as_str() {
            END => break,
            text => numbers.push(text.parse::<u64>().unwrap()),
        }
    }
    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) && numbers.last().is_none_or(|last| last + 1 == published)
}

#[test]
fn half_of_a_crowd_may_vanish_at_once_while_others_arrive() {
    let server = Server::start(&[]);
    // Slowly, because everybody is in the same room.
    let witness = Witness::start_in(&server, "/broadcast/r", Duration::from_millis(50));
    let mut staying = crowd(server.addr, "/broadcast/r", CROWD);
    let vanishing = staying.split_off(CROWD / 2);
    let arrived = thread::scope(|scope| {
        let arriving = scope.spawn(|| crowd(server.addr, "/broadcast/r", CROWD / 2));
        vanishing.into_iter().for_each(Member::reset);
        arriving.join().unwrap()
    });
    let stats = server.stats_until(|stats| stats["closed"]["1006"] == CROWD / 2);
    assert_eq!(stats["members"], CROWD + 4);
    let published = witness.complete();
    for (n, member) in staying.into_iter().chain(arrived).enumerate() {
        assert!(is_complete(member.into_client(), published), "what client {n} received");
    }
    server.stats_until(|stats| stats["connections"] == 0);
    assert_eq!(server.stats()["lagged"]["disconnected"], 0);
}

/// Where the process that is to be killed finds its server.
const ADDR: &str = "FANOUT_TEST_VICTIM";
const CLIENTS: usize = 300;

#[test]
fn a_client_process_may_be_killed_with_all_its_connections() {
    let server = Server::start(&[]);
    let witness = Witness::start_in(&server, "/broadcast/r", Duration::from_millis(5));
    let mut processes: Vec<_> = (0..2)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "vanishing::the_process_that_is_killed", "--ignored", "--nocapture"])
                .env(ADDR, server.addr.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    server.stats_until(|stats| stats["members"] == 2 * CLIENTS + 4);
    for process in &mut processes {
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let stats = server.stats_until(|stats| stats["members"] == 4);
    assert_eq!(stats["closed"]["1006"], 2 * CLIENTS);
    witness.complete();
}

/// Not a test of its own: half of its clients read, all of them stay until it is killed, or its parent is.
#[test]
#[ignore = "is started by another test"]
fn the_process_that_is_killed() {
    let Ok(addr) = std::env::var(ADDR) else { return };
    let mut members = crowd(addr.parse().unwrap(), "/broadcast/r", CLIENTS);
    let reading = members.split_off(CLIENTS / 2);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            for member in &reading {
                let _ = (&member.stream).read(&mut buffer).unwrap();
            }
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}
