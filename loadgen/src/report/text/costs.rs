//! What the run cost the server and the load generator, and where it ran.

use super::page::Page;
use super::sentences::cores;
use crate::report::numbers::{bytes, count, duration_us, percent, rate, significant};
use crate::result::{Quantiles, Run, ServerCost};

pub(super) fn write_server(page: &mut Page, run: &Run) {
    if let Some(server) = &run.server {
        page.section(&format!("server (process {})", server.pid));
        page.facts(&of_server(server));
    }
}

pub(super) fn write_loadgen(page: &mut Page, run: &Run) {
    page.section("fanout (the load generator)");
    page.facts(&of_loadgen(run));
}

pub(super) fn write_machine(page: &mut Page, run: &Run) {
    page.section("measured on");
    page.facts(&of_machine(run));
}

/// What the run cost the server.
pub(in crate::report) fn of_server(server: &ServerCost) -> Vec<(&'static str, String)> {
    let mut facts = vec![("CPU", cpu(server.cpu_s, server.cpu_share, server.cores, server.cpu_us_per_delivery))];
    facts.push((
        "memory",
        memory(server.rss_bytes, server.rss_peak_bytes, server.rss_idle_bytes, server.rss_bytes_per_connection),
    ));
    if let Some(kernel) = server.kernel_bytes_per_connection {
        facts.push(("kernel memory", format!("{} per connection, both ends", bytes(kernel))));
    }
    facts
        .push(("context switches", format!("{} (it left its core, or was taken off)", count(server.context_switches))));
    facts.push(("TCP retransmits", format!("{} (packets sent again)", count(server.tcp_retransmits))));
    facts
}

/// What it cost fanout, and how late that was.
pub(in crate::report) fn of_loadgen(run: &Run) -> Vec<(&'static str, String)> {
    let own = &run.loadgen;
    let mut facts = vec![("CPU", {
        let mut text = cpu(own.cpu_s, own.cpu_share, own.cores, own.cpu_us_per_delivery);
        if let Some(us) = own.cpu_us_per_read {
            text += &format!(", {} us per read", significant(us, 2));
        }
        if own.inflate_cpu_s > 0.0 && own.cpu_s > 0.0 {
            text += &format!(", {} of it decompressing", percent(own.inflate_cpu_s / own.cpu_s));
        }
        text
    })];
    facts.push((
        "reads",
        format!("{}, {} deliveries each on average", count(own.reads), rate(run.rates.deliveries_per_read)),
    ));
    let (payload, wire) = (bytes(run.rates.payload_bytes_per_s), bytes(run.rates.wire_bytes_per_s));
    let how = if run.compression.negotiated.keys().all(|agreed| agreed == "off") {
        "with frame headers"
    } else {
        "as it came, compressed and with frame headers"
    };
    facts.push(("received", format!("{payload}/s of payload, {wire}/s {how}")));
    facts.push(("memory", memory(own.rss_bytes, own.rss_peak_bytes, own.rss_idle_bytes, own.rss_bytes_per_connection)));
    if let Some(text) = p99(&run.schedule_lag) {
        facts.push(("schedule lag", format!("{text} (how late fanout itself sent what was due)")));
    }
    if let Some(text) = p99(&run.read_age) {
        facts.push(("read age", format!("{text} (deliveries waited this long for fanout's turn)")));
    }
    facts
}

/// Where it ran.
pub(in crate::report) fn of_machine(run: &Run) -> Vec<(&'static str, String)> {
    let e = &run.environment;
    #[allow(clippy::cast_precision_loss)]
    let machine = format!("{}, {}, {}, Linux {}", e.cpu, cores(e.cores), bytes(e.memory_bytes as f64), e.kernel);
    let mut facts = vec![("machine", machine)];
    if !e.target.is_empty() {
        let pinned =
            e.server_cpus.as_ref().filter(|cpus| !cpus.is_empty()).map(|cpus| format!(", on CPU {}", list(cpus)));
        facts.push(("server", format!("{}{}", e.target, pinned.unwrap_or_default())));
    }
    let pinned = if e.loadgen_cpus.is_empty() { String::new() } else { format!(", on CPU {}", list(&e.loadgen_cpus)) };
    let client = if e.client.is_empty() { String::new() } else { format!(", {} client", e.client) };
    facts.push(("fanout", format!("{}{client}{pinned}", e.fanout)));
    facts.push(("started", run.started.clone()));
    facts
}

fn list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn cpu(cpu_s: f64, share: f64, of: u32, per_delivery: Option<f64>) -> String {
    let mut text = format!("{} s = {} of {}", significant(cpu_s, 3), percent(share / f64::from(of.max(1))), cores(of));
    if let Some(us) = per_delivery {
        text += &format!(", {} us per delivery", significant(us, 2));
    }
    text
}

#[allow(clippy::cast_precision_loss)]
fn memory(rss: u64, peak: u64, idle: u64, per_connection: Option<f64>) -> String {
    let mut text = bytes(rss as f64);
    text += &format!(" at the end, {} at most, {} before the first connection", bytes(peak as f64), bytes(idle as f64));
    if let Some(each) = per_connection {
        text += &format!("; {} per connection", bytes(each));
    }
    text
}

fn p99(quantiles: &Quantiles) -> Option<String> {
    Some(format!("p99 {}, max {}", duration_us(quantiles.p99?), duration_us(quantiles.max?)))
}
