//! The words of the report, for who meets them first here.

use maud::{Markup, html};

const WORDS: [(&str, &str); 17] = [
    ("publish", "A message handed to the server, once."),
    (
        "delivery",
        "One copy of a message arriving at one subscriber. A message to a room of 1,000 makes 1,000 deliveries.",
    ),
    ("subscriber, room", "A connection that receives; everything published to its room is expected to reach it."),
    (
        "due time",
        "When the schedule wanted a message sent. The schedule is fixed before the run and never waits for the server.",
    ),
    (
        "latency after due time",
        "From due time to arrival, over all expected deliveries. It contains the waiting that a slow server causes before a message could even be sent, so a stall cannot hide.",
    ),
    ("latency after sent", "From the moment the message left fanout to arrival, over what arrived."),
    (
        "p50, p99, p99.9",
        "The percentile: 50, 99 or 99.9 % of deliveries took no longer. A lost one counts as later than all others.",
    ),
    ("never", "The percentile falls among the lost: no waiting would have been long enough."),
    ("expected", "Every message for every subscriber that was there when it was published, until it leaves by plan."),
    ("lost", "Expected, and not there when the drain ended."),
    ("drain", "The time after the last publish in which deliveries may still arrive."),
    (
        "phase",
        "A stretch of the run with its own load. Warm-up phases are not measured: they are in no figure but their own.",
    ),
    ("closed loop", "Publishers that wait for answers before they send more. There is no due time then."),
    (
        "schedule lag",
        "How late fanout itself sent what was due while the server took bytes: its own fault, never the server's.",
    ),
    ("read age", "How long a delivery lay in the kernel before fanout's turn came: its own fault as well."),
    (
        "valid",
        "Fanout measured the server and not itself. An invalid run says nothing about the server, neither good nor bad.",
    ),
    ("spread", "How far apart the first and the last subscriber receive the same message."),
];

pub(super) fn section() -> Markup {
    html! { dl class="glossary" { @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } } } }
}
