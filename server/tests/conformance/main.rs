//! `/echo` in every case of the Autobahn test suite that does not concern compression, by the suite's numbers and strictly.
//!
//! The suite itself needs Python 2, so its cases stand here as tables: what a bare socket sends, and what has to come back. As in the
//! suite a case is OK, NON-STRICT (the right end, but later than could be known) or FAILED; here only OK passes. More is asked than
//! there: contents and not only lengths, close codes and not only closes, an answer also where the suite only informs (7.1.6, 7.13).
//!
//! | file | sections |
//! |---|---|
//! | `framing` | 1 framing, 2 pings and pongs, 3 reserved bits, 4 opcodes, 5 fragmentation |
//! | `utf8` | 6 UTF-8 |
//! | `closing` | 7 close handling |
//! | `limits` | 9 sizes and round trips, 10 auto-fragmentation |
//! | `peer` | how a case is written down and judged |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod framing;
mod limits;
mod peer;
mod utf8;

use common::Server;
use peer::{Case, Verdict};

/// Runs cases one after the other, each on a connection of its own, and wants all of them to be OK.
fn all_ok(cases: Vec<Case>, number: usize) {
    assert_eq!(cases.len(), number, "cases of the suite");
    let server = Server::start(&["--max-message", "16MiB"]);
    let mut other = server.connect("/echo");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| match case.run(&server) {
            Verdict::Ok => None,
            Verdict::NonStrict => Some(format!("{}: NON-STRICT", case.id)),
            Verdict::Failed(why) => Some(format!("{}: FAILED, {why}", case.id)),
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {number} cases are not OK:\n{}", wrong.len(), wrong.join("\n"));
    other.text("still here");
    assert_eq!(other.next_text(), "still here");
}

#[test]
fn section_1_framing() {
    all_ok(framing::section_1(), 16);
}

#[test]
fn section_2_pings_and_pongs() {
    all_ok(framing::section_2(), 11);
}

#[test]
fn section_3_reserved_bits() {
    all_ok(framing::section_3(), 7);
}

#[test]
fn section_4_opcodes() {
    all_ok(framing::section_4(), 10);
}

#[test]
fn section_5_fragmentation() {
    all_ok(framing::section_5(), 20);
}

#[test]
fn section_6_utf8() {
    all_ok(utf8::section_6(), 145);
}

#[test]
fn section_7_closing() {
    all_ok(closing::section_7(), 37);
}

#[test]
fn section_9_limits() {
    all_ok(limits::section_9(), 54);
}

#[test]
fn section_10_auto_fragmentation() {
    all_ok(limits::section_10(), 1);
}
