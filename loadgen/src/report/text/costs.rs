//! What the run cost the server and the load generator, and where it ran.

use super::page::Page;
use super::sentences::cores;
use crate::report::numbers::{DELIVERIES, bytes, count, duration_us, percent, plural, rate, significant, with_unit};
use crate::result::{Environment, Level, Quantiles, Run, ServerCost};

pub(super) fn write_server(page: &mut Page, run: &Run) {
    if let Some(server) = &run.server {
        let others = match server.processes {
            0 | 1 => String::new(),
            2 => " and another".to_owned(),
            n => format!(" and {} others", n - 1),
        };
        page.section(&format!("server (process {}{others})", server.pid));
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
    let mut facts = vec![("CPU", {
        let busiest = server.by_second.cpu_share.max;
        cpu(server.cpu_s, server.cpu_share, busiest, server.cores, server.cpu_us_per_delivery)
    })];
    facts.push(("memory", {
        let steady = server.by_second.rss_bytes.median;
        let (peak, idle) = (server.rss_peak_bytes, server.rss_idle_bytes);
        memory(server.rss_bytes, steady, peak, idle, server.rss_bytes_per_connection)
    }));
    if let Some(kernel) = server.kernel_bytes_per_connection {
        facts.push(("kernel memory", format!("{} per connection, both ends", bytes(kernel))));
    }
    facts
        .push(("context switches", format!("{} (it left its core, or was taken off)", count(server.context_switches))));
    let seconds = &server.by_second;
    if let Some(queued) = levels(&seconds.send_queue_bytes, bytes) {
        let fullest = seconds.send_queue_max_bytes.max.map(|most| format!("; the fullest connection {}", bytes(most)));
        facts.push((
            "send queues",
            format!("{queued}{} (written and not yet taken by the peer)", fullest.unwrap_or_default()),
        ));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, as floats for the percentiles")]
    if let (Some(threads), Some(descriptors)) = (seconds.threads.max, seconds.descriptors.max) {
        facts.push((
            "at most",
            format!("{}, {}", plural(threads as u64, "thread"), plural(descriptors as u64, "descriptor")),
        ));
    }
    facts.push(("TCP retransmits", format!("{} (packets sent again)", count(server.tcp_retransmits))));
    facts
}

/// What it cost fanout, and how late that was.
pub(in crate::report) fn of_loadgen(run: &Run) -> Vec<(&'static str, String)> {
    let own = &run.loadgen;
    let mut facts = vec![("CPU", {
        let busiest = own.by_second.cpu_share.max;
        let mut text = cpu(own.cpu_s, own.cpu_share, busiest, own.cores, own.cpu_us_per_delivery);
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
        format!(
            "{}, {} each on average",
            count(own.reads),
            with_unit(&rate(run.rates.deliveries_per_read), DELIVERIES)
        ),
    ));
    let (payload, wire) = (bytes(run.rates.payload_bytes_per_s), bytes(run.rates.wire_bytes_per_s));
    let how = if run.compression.negotiated.keys().all(|agreed| agreed == "off") {
        "with frame headers"
    } else {
        "as it came, compressed and with frame headers"
    };
    facts.push(("received", format!("{payload}/s of payload, {wire}/s {how}")));
    facts.push(("memory", {
        let steady = own.by_second.rss_bytes.median;
        memory(own.rss_bytes, steady, own.rss_peak_bytes, own.rss_idle_bytes, own.rss_bytes_per_connection)
    }));
    if let Some(text) = p99(&run.schedule_lag) {
        let allowed = super::lag::allowed(run).map_or_else(String::new, |allowed| format!("; {allowed}"));
        facts.push(("schedule lag", format!("{text} (how late fanout itself sent what was due){allowed}")));
    }
    if let Some(text) = p99(&run.read_age) {
        facts.push(("read age", format!("{text} (deliveries waited this long for fanout's turn)")));
    }
    facts
}

/// Where it ran.
pub(in crate::report) fn of_machine(run: &Run) -> Vec<(&'static str, String)> {
    let mut facts = of_environment(&run.environment);
    facts.push(("started", run.started.clone()));
    facts
}

/// The machine, the server and fanout.
pub(in crate::report) fn of_environment(e: &Environment) -> Vec<(&'static str, String)> {
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
    if !e.awake_cpus.is_empty() {
        facts
            .push(("awake", format!("CPU {}, kept from sleeping while measuring (--keep-awake)", list(&e.awake_cpus))));
    }
    facts
}

fn list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn cpu(cpu_s: f64, share: f64, busiest: Option<f64>, of: u32, per_delivery: Option<f64>) -> String {
    let of_all = |share: f64| percent(share / f64::from(of.max(1)));
    let mut text = format!("{} s = {} of {}", significant(cpu_s, 3), of_all(share), cores(of));
    if let Some(busiest) = busiest {
        text += &format!(" ({} in the busiest second)", of_all(busiest));
    }
    if let Some(us) = per_delivery {
        text += &format!(", {} us per delivery", significant(us, 2));
    }
    text
}

#[allow(clippy::cast_precision_loss)]
fn memory(rss: u64, steady: Option<f64>, peak: u64, idle: u64, per_connection: Option<f64>) -> String {
    let mut text = format!("{} at the end", bytes(rss as f64));
    if let Some(steady) = steady {
        text += &format!(", {} in the median second", bytes(steady));
    }
    text += &format!(", {} at most, {} before the first connection", bytes(peak as f64), bytes(idle as f64));
    if let Some(each) = per_connection {
        text += &format!("; {} per connection", bytes(each));
    }
    text
}

/// What a second had: half of them at most, and the highest.
fn levels(level: &Level, shown: fn(f64) -> String) -> Option<String> {
    Some(format!("{} in the median second, {} in the highest", shown(level.median?), shown(level.max?)))
}

fn p99(quantiles: &Quantiles) -> Option<String> {
    Some(format!("p99 {}, max {}", duration_us(quantiles.p99?), duration_us(quantiles.max?)))
}
