//! Connections that left and came back.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::table::{aside, facts};
use crate::report::numbers::{count, duration_us_exact, rate};
use crate::result::{Reconnect, Run};

pub(super) fn section(run: &Run) -> Option<Markup> {
    let (c, r, d) = (&run.connections, &run.reconnect, &run.deliveries);
    if c.left == 0 && *r == Reconnect::default() {
        return None;
    }
    let some = |n: u64| if n > 0 { count(n) } else { String::new() };
    let again = [("half", r.back_50), ("99 %", r.back_99), ("all", r.back_all)].map(|(share, us)| {
        format!("{share} {}", us.map_or("never".to_owned(), |us| format!("after {}", duration_us_exact(us))))
    });
    let back = match (r.p50, r.p99) {
        (Some(p50), Some(p99)) => format!("p50 {}, p99 {}", duration_us_exact(p50), duration_us_exact(p99)),
        _ => String::new(),
    };
    Some(html! {
        (facts(&[
            ("left by plan", if c.left > 0 { format!("{} ({})", count(c.left), named(&c.left_by)) } else { String::new() }),
            ("came back", count(r.count)),
            ("still away", some(r.away)),
            ("end to next message", back),
            ("cut or restarted", some(r.cut)),
            ("open again", if r.cut > 0 { again.join(", ") } else { String::new() }),
            ("busiest", r.peak_per_s.map_or_else(String::new, |peak| format!("{} handshakes/s in a tenth of a second", rate(peak)))),
            ("failed tries", some(r.failed_tries)),
            ("resumed", count(r.resumed)),
            ("resume turned down", some(r.resume_refused)),
            ("messages replayed", some(d.resumed)),
            ("messages missed", some(d.missed)),
        ]))
        (aside(
            "A message is missed if it was published while its subscriber was away by plan and was not replayed. It is not lost. What a server's \
             close makes a subscriber miss is lost, unless it is replayed.",
        ))
    })
}

fn named(causes: &BTreeMap<String, u64>) -> String {
    causes.iter().map(|(name, n)| format!("{name} {}", count(*n))).collect::<Vec<_>>().join(", ")
}
