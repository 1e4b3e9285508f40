//! What fanout itself does wrong makes its run invalid, with both clients; the double that it measures does nothing wrong.

use std::time::Duration;

use crate::command::{Stage, adds_up};
use crate::double::{Double, Fault};
use crate::truth::{CLIENTS, drain, scenario};

#[test]
fn a_load_generator_that_is_held_up_calls_its_own_run_invalid() {
    // The double goes on; only fanout stands still for a while.
    for client in CLIENTS {
        let double = Double::start(Fault::None);
        let longer = scenario(&double.url())
            .replace("max_schedule_lag = \"1s\"\n", "")
            .replace("for = \"500ms\"", "for = \"3s\"");
        let stage = Stage::new(&longer);
        let mut going = stage.start(&["--client", client]);
        going.until_said("steady");
        going.signal("STOP");
        std::thread::sleep(Duration::from_millis(500));
        going.signal("CONT");
        let done = going.wait();
        done.exits(4);
        let reasons = &done.run().validity.reasons;
        assert!(reasons.iter().any(|r| r.rule == "schedule-lag" && !r.cure.is_empty()), "{reasons:?}");
        assert!(done.stdout.starts_with("INVALID"), "{}", done.stdout);
    }
}

#[test]
fn a_publisher_that_cannot_keep_up_makes_the_run_invalid() {
    // Four gigabytes a second from one connection; whoever is at the other end only throws them away.
    let too_much = |url: &str| {
        scenario(url)
            .replace("max_schedule_lag = \"1s\"\n", "")
            .replace("rate = 400", "rate = 1000000")
            .replace("size = 160", "size = \"4KiB\"")
            .replace("count = 20", "count = 1")
    };
    for client in CLIENTS {
        let double = Double::start(Fault::Swallow);
        let too_much = too_much(&double.url()).replace("drain = \"5s\"", drain(Fault::Swallow));
        let done = Stage::new(&too_much).run_json(&["--client", client]);
        let run = done.run();
        println!("{client}: {:?} {:?}", run.validity, run.publishes);
        done.exits(4);
        adds_up(run);
        let ours = |rule: &str| rule == "unsent" || rule == "schedule-lag";
        assert!(run.validity.reasons.iter().any(|r| ours(&r.rule)), "{:?}", run.validity);
        assert_eq!(run.publishes.due, 500_000, "what was not sent was due all the same");
        assert!(run.publishes.sent < run.publishes.due && !run.passed);
        assert!(run.loadgen.rss_peak_bytes < 512 << 20, "it must not fill the memory with what it cannot send");
    }
}
