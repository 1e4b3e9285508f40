//! What the kernel is told about clients' connections.

use crate::common::{Raw, Server};
use tokio_tungstenite::tungstenite::Message;

/// Far less than a socket buffer grows to, and more than what is bounded and what a narrow receiver holds.
const MOST: u64 = 600 << 10;

#[test]
fn what_a_stopped_reader_has_not_got_waits_in_the_log_and_not_in_the_kernel() {
    let server = Server::start(&["--lag-policy", "skip"]);
    let stopped = Raw::upgrade(server.dial_narrow(), "/broadcast/r", b"");
    let mut publisher = server.connect("/broadcast/r");
    let (mut publishes, size) = (0_u64, 10_000);
    while server.stats()["blocked_now"] == 0 {
        publisher.send(Message::binary(vec![1; size]));
        publisher.next();
        publishes += 1;
    }
    let stats = server.stats();
    // The publisher has had everything.
    let taken = stats["bytes_sent"].as_u64().unwrap() - publishes * (size as u64 + 4);
    assert!(taken < MOST, "{taken} bytes for a reader that reads nothing");
    drop(stopped);
}
