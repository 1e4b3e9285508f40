//! What happened to connections, and how long connecting took.

use std::collections::BTreeMap;

use wire::CloseCode;

use super::page::Page;
use crate::report::numbers::{count, duration_us, rate, seconds};
use crate::result::{Quantiles, Run};

pub(super) fn write(page: &mut Page, run: &Run) {
    let c = &run.connections;
    page.section("connections");
    let late =
        if c.joined_late > 0 { format!(" and {} while phases ran", count(c.joined_late)) } else { String::new() };
    page.line(&format!(
        "{} asked, {} opened in {} ({}/s){late}, {} refused, {} failed, {} closed early",
        count(c.asked),
        count(c.opened - c.joined_late),
        seconds(c.ramp_s),
        rate(c.opened_per_s),
        count(c.refused),
        count(c.failed),
        count(c.closed)
    ));
    for (address, at) in &c.addresses {
        page.line(&format!(
            "{address}: {} opened, {} refused, {} failed, {} closed early",
            count(at.opened),
            count(at.refused),
            count(at.failed),
            count(at.closed)
        ));
    }
    causes(page, "refused with HTTP status", &c.refused_by_status, str::to_owned);
    causes(page, "failed", &c.failed_by_cause, str::to_owned);
    causes(page, "closed early by", &c.closed_by, with_meaning);
    let mut errors = run.errors.clone();
    errors.retain(|cause, _| !c.failed_by_cause.contains_key(cause) && !c.closed_by.contains_key(cause));
    causes(page, "what the server said", &errors, str::to_owned);
    for (what, quantiles) in [
        ("time to connect", &run.connect),
        ("  TCP", &run.connect_tcp),
        ("  TLS", &run.connect_tls),
        ("  WebSocket upgrade", &run.connect_upgrade),
        ("time to join", &run.connect_join),
    ] {
        if let Some(text) = times(quantiles) {
            page.headline(&format!("  {what:<20}  {text}"));
        }
    }
}

fn times(quantiles: &Quantiles) -> Option<String> {
    let (p50, p99, max) = (quantiles.p50?, quantiles.p99?, quantiles.max?);
    Some(format!("p50 {}  p99 {}  max {}", duration_us(p50), duration_us(p99), duration_us(max)))
}

fn causes(page: &mut Page, what: &str, causes: &BTreeMap<String, u64>, name: impl Fn(&str) -> String) {
    /// A server can word each refusal differently; the commonest say enough.
    const SHOWN: usize = 8;
    let mut sorted: Vec<_> = causes.iter().filter(|(_, n)| **n > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (cause, n) in sorted.iter().take(SHOWN) {
        page.line(&format!("{what}: {} ({})", name(cause), count(**n)));
    }
    if sorted.len() > SHOWN {
        page.line(&format!("{what}: {} other causes, see run.json", sorted.len() - SHOWN));
    }
}

/// `server 1013` becomes `server, code 1013: overloaded, ...`.
pub(in crate::report) fn with_meaning(cause: &str) -> String {
    match cause.rsplit_once(' ').and_then(|(side, code)| Some((side, code.parse::<u16>().ok()?))) {
        Some((side, code)) => format!("{side}, code {code}: {}", CloseCode(code).meaning()),
        None => match cause {
            "server close without a code" => "server, with a close frame that names no code".to_owned(),
            "server eof" => "server, without a closing handshake".to_owned(),
            "server reset" => "server, connection reset".to_owned(),
            other => other.to_owned(),
        },
    }
}
