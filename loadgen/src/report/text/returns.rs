//! Connections that left and came back.

use super::page::Page;
use crate::report::numbers::{count, duration_us, rate};
use crate::report::returns::{HEADS, again, are_there, rows};
use crate::result::{Reconnect, Run};

pub(super) fn write(page: &mut Page, run: &Run) {
    if !are_there(run) {
        return;
    }
    let (left, r) = (run.connections.left, &run.reconnect);
    page.section("connections that left and came back");
    let by: Vec<String> = run.connections.left_by.iter().map(|(plan, n)| format!("{plan} {}", count(*n))).collect();
    if left > 0 {
        page.line(&format!("left as planned: {} ({})", count(left), by.join(", ")));
    }
    page.line(&came_back(r));
    if r.cut > 0 {
        let within = again(r, duration_us).map(|(share, after)| format!("{share} {after}"));
        page.line(&format!("of {} that were cut or restarted, open again: {}", count(r.cut), within.join(", ")));
    }
    if let Some(peak) = r.peak_per_s {
        let failed =
            if r.failed_tries > 0 { format!("; {} tries failed", count(r.failed_tries)) } else { String::new() };
        page.line(&format!("busiest tenth of a second: {} handshakes/s{failed}", rate(peak)));
    }
    let d = &run.deliveries;
    page.line(&format!(
        "{} resumed, {} turned down (4001); messages: {} replayed, {} missed, {} unaccountable",
        count(r.resumed),
        count(r.resume_refused),
        count(d.resumed),
        count(d.missed),
        count(d.unaccountable)
    ));
    let replayed = &run.latency.resumed;
    if let (Some(p50), Some(p99)) = (replayed.p50, replayed.p99) {
        page.line(&format!("replayed after due time: p50 {}  p99 {}", duration_us(p50), duration_us(p99)));
    }
    let rows = rows(run);
    if !rows.is_empty() {
        page.table(&[vec![HEADS.map(str::to_owned).to_vec()], rows].concat());
    }
    page.aside(
        "A message is missed if it was published while its subscriber was away by plan and was not replayed; unaccountable if it may \
         have been on its way when the subscriber left. Neither is lost. What a server's close or restart makes a subscriber miss is.",
    );
}

fn came_back(r: &Reconnect) -> String {
    let mut text = format!("came back: {}", count(r.count));
    if r.away > 0 {
        text += &format!(", {} still away at the end", count(r.away));
    }
    if let (Some(p50), Some(p99)) = (r.p50, r.p99) {
        text += &format!("; from the end to the next message p50 {}  p99 {}", duration_us(p50), duration_us(p99));
    }
    text
}
