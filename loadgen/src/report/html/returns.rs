//! Connections that left and came back: how soon, and what that asked of the server.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::setting::Setting;
use super::storm::{handshakes, open_again};
use super::table::{aside, facts, table};
use crate::report::numbers::{count, duration_us_exact, rate};
use crate::report::returns::{HEADS, again, are_there, rows};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Option<Markup> {
    are_there(run).then(|| {
        let rows = rows(run);
        let only = [Setting::only(run)];
        html! {
            (figures(run))
            @for chart in [open_again(&only), handshakes(&only)].into_iter().flatten() { (chart) }
            @if !rows.is_empty() { (table(&HEADS, &rows)) }
            (aside(
                "A message is missed if it was published while its subscriber was away by plan and was not replayed. It is not lost. What a \
                 server's close or restart makes a subscriber miss is lost, unless it is replayed.",
            ))
        }
    })
}

fn figures(run: &Run) -> Markup {
    let (c, r, d) = (&run.connections, &run.reconnect, &run.deliveries);
    let some = |n: u64| if n > 0 { count(n) } else { String::new() };
    let times = again(r, duration_us_exact).map(|(share, after)| format!("{share} {after}")).join(", ");
    let quiet = match (r.p50, r.p99) {
        (Some(p50), Some(p99)) => format!("p50 {}, p99 {}", duration_us_exact(p50), duration_us_exact(p99)),
        _ => String::new(),
    };
    let left = if c.left > 0 { format!("{} ({})", count(c.left), named(&c.left_by)) } else { String::new() };
    let busiest = |peak| format!("{} handshakes/s in a tenth of a second", rate(peak));
    let late = match (run.latency.resumed.p50, run.latency.resumed.p99) {
        (Some(p50), Some(p99)) => {
            format!(", after due time p50 {}, p99 {}", duration_us_exact(p50), duration_us_exact(p99))
        }
        _ => String::new(),
    };
    facts(&[
        ("left by plan", left),
        ("came back", count(r.count)),
        ("still away at the end", some(r.away)),
        ("cut or restarted", some(r.cut)),
        ("open again", if r.cut > 0 { times } else { String::new() }),
        ("end to next message", quiet),
        ("busiest", r.peak_per_s.map_or_else(String::new, busiest)),
        ("failed tries", some(r.failed_tries)),
        ("resumed", count(r.resumed)),
        ("resume turned down", some(r.resume_refused)),
        ("messages replayed", if d.resumed > 0 { count(d.resumed) + &late } else { "0".to_owned() }),
        ("messages missed", count(d.missed)),
        ("messages unaccountable", some(d.unaccountable)),
    ])
}

fn named(causes: &BTreeMap<String, u64>) -> String {
    causes.iter().map(|(name, n)| format!("{name} {}", count(*n))).collect::<Vec<_>>().join(", ")
}
