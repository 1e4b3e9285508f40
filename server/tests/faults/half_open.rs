//! Peers that are gone without a FIN, as when a phone leaves the network: nothing that is sent to them arrives, and nothing comes back.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::common::{PATIENCE, Raw, Server};
use crate::witness::Witness;

const PEERS: usize = 20;
/// Where those come from who will be cut off.
const FROM: [u8; 4] = [127, 0, 0, 2];
/// The setting-up of the namespace failed.
const NOT_PERMITTED: i32 = 77;

/// Tells the test in the namespace that it is there.
const THERE: &str = "FANOUT_TEST_NAMESPACE";

/// In a network namespace of its own, where a route can be broken without harm.
#[test]
fn peers_to_whom_nothing_gets_through_any_more_are_closed_and_counted() {
    let mut refusals = Vec::new();
    // As root in a container, perhaps only the second is allowed; as somebody else, perhaps only the first.
    for namespaces in [&["--user", "--map-root-user", "--net"][..], &["--net"]] {
        let output = Command::new("unshare")
            .args(namespaces)
            .args(["sh", "-c", &format!("ip link set lo up || exit {NOT_PERMITTED}; exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "half_open::within_a_namespace", "--ignored", "--nocapture"])
            .env(THERE, "1")
            .output();
        match output {
            Ok(output) => {
                let said =
                    [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
                if output.status.code() != Some(NOT_PERMITTED) && said.contains("running 1 test") {
                    assert!(output.status.success() && said.contains("1 passed"), "{said}");
                    return;
                }
                refusals.push(said);
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    println!("skipped: no network namespace can be had here: {refusals:?}");
}

#[test]
#[ignore = "is started by another test, in a network namespace"]
fn within_a_namespace() {
    if std::env::var_os(THERE).is_none() {
        return;
    }
    let server = Server::start(&["--ping-interval", "200ms", "--pong-timeout", "1s"]);
    let witness = Witness::start_in(&server, "/broadcast/r", Duration::from_millis(5));
    let cut_off: Vec<_> = (0..PEERS).map(|_| Raw::upgrade(dial_from_elsewhere(&server), "/broadcast/r", b"")).collect();
    server.stats_until(|stats| stats["members"] == PEERS + 4);
    // From now on the kernel throws away what goes to that address. More specific than 127.0.0.0/8, so it wins.
    let route = ["route", "add", "blackhole", "127.0.0.2/32", "table", "local"];
    let status = Command::new("ip").args(route).status().unwrap();
    assert!(status.success(), "ip {}", route.join(" "));
    let stats = server.stats_until(|stats| stats["members"] == 4);
    assert_eq!(stats["closed"]["1008"], PEERS);
    // Their sockets go, too, though no close frame is ever answered.
    server.stats_until(|stats| stats["connections"] == 4);
    drop(cut_off);
    witness.complete();
}

fn dial_from_elsewhere(server: &Server) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((FROM, 0)).into()).unwrap();
    socket.connect(&server.addr.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}
