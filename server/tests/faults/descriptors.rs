//! No descriptor left.

use std::process::Command;

use crate::common::Server;
use crate::witness::Witness;

#[test]
fn without_a_descriptor_left_it_serves_whom_it_has_says_so_and_recovers() {
    let server = Server::start_overheard(&[]);
    let witness = Witness::start(&server);
    let mut member = server.connect("/broadcast/r");
    // A little more than it has open now; only the soft limit, which is what accepting looks at.
    let limit = server.descriptors() + 20;
    let lowered =
        Command::new("prlimit").args([format!("--pid={}", server.id()), format!("--nofile={limit}:")]).status();
    if !lowered.is_ok_and(|status| status.success()) {
        return println!("skipped: prlimit cannot lower the limit of another process here");
    }
    // More than fit, silent. The listening socket's queue takes the rest.
    let crowd: Vec<_> = (0..40).map(|_| server.dial()).collect();
    for n in 0..200 {
        member.text(&n.to_string());
        assert_eq!(member.next_text(), n.to_string());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(server.descriptors() >= limit - 1, "it had none left: {} of {limit}", server.descriptors());
    drop(crowd);
    // To be answered at all, this needs one.
    let stats = server.stats();
    assert!(stats["accept_errors"].as_u64() > Some(0), "{stats}");
    let mut newcomer = server.connect("/broadcast/r");
    member.text("welcome");
    assert_eq!(newcomer.next_text(), "welcome");
    witness.complete();
    let said = server.diagnostics();
    assert!(said.contains("cannot accept a connection"), "{said}");
}
