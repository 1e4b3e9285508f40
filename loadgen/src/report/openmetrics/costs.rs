//! What both sides spent: over the measured phases, and in the middle and the highest of their seconds.

use super::family::{Family, Labels, with};
use crate::result::{Level, Run};

/// Everything that a process spends.
pub(super) fn families(run: &Run) -> Vec<Family> {
    let mut all = whole(run);
    all.extend(by_second(run));
    all
}

#[allow(clippy::cast_precision_loss)]
fn whole(run: &Run) -> Vec<Family> {
    let mut cpu = Family::gauge("fanout_cpu_seconds", "CPU time over the measured phases");
    let mut delivery =
        Family::gauge("fanout_cpu_per_delivery_seconds", "CPU time over the measured phases, per delivery");
    let mut memory =
        Family::gauge("fanout_memory_bytes", "Resident memory before the first connection, at the end, and at most");
    let mut connection = Family::gauge(
        "fanout_memory_per_connection_bytes",
        "Memory that a connection takes, of the process or of the kernel",
    );
    let mut add = |process: &str, cpu_s: f64, each: Option<f64>, rss: [u64; 3], per_connection: Option<f64>| {
        let labels = vec![("process", process.to_owned())];
        cpu.add(labels.clone(), Some(cpu_s));
        delivery.add(labels.clone(), each.map(|us| us / 1e6));
        for (at, bytes) in ["idle", "end", "peak"].into_iter().zip(rss) {
            memory.add(with(&labels, "at", at), Some(bytes as f64));
        }
        connection.add(labels, per_connection);
    };
    if let Some(s) = &run.server {
        let rss = [s.rss_idle_bytes, s.rss_bytes, s.rss_peak_bytes];
        add("server", s.cpu_s, s.cpu_us_per_delivery, rss, s.rss_bytes_per_connection);
    }
    let l = &run.loadgen;
    let rss = [l.rss_idle_bytes, l.rss_bytes, l.rss_peak_bytes];
    add("fanout", l.cpu_s, l.cpu_us_per_delivery, rss, l.rss_bytes_per_connection);
    let server = run.server.as_ref();
    connection.add(vec![("process", "kernel".to_owned())], server.and_then(|s| s.kernel_bytes_per_connection));
    let count = |of: fn(&crate::result::ServerCost) -> u64| server.map(|s| of(s) as f64);
    let switches = Family::single(
        "fanout_server_context_switches",
        "Context switches of the server over the run",
        count(|s| s.context_switches),
    );
    let retransmits =
        Family::single("fanout_tcp_retransmits", "TCP segments sent again over the run", count(|s| s.tcp_retransmits));
    let inflate = Family::single(
        "fanout_inflate_cpu_seconds",
        "CPU time of fanout's that went into decompression",
        (l.inflated > 0).then_some(l.inflate_cpu_s),
    );
    vec![cpu, delivery, memory, connection, switches, retransmits, inflate]
}

/// The seconds themselves are in `intervals.csv`.
fn by_second(run: &Run) -> Vec<Family> {
    let own = &run.loadgen.by_second;
    let server = run.server.as_ref().map(|server| &server.by_second).cloned().unwrap_or_default();
    let family = |name, help, server: Level, fanout: Option<Level>| {
        let mut family = Family::gauge(name, help);
        for (process, level) in [("server", Some(server)), ("fanout", fanout)] {
            let labels: Labels = vec![("process", process.to_owned())];
            for (of, value) in level.map(|level| [("median", level.median), ("max", level.max)]).into_iter().flatten() {
                family.add(with(&labels, "of_seconds", of), value);
            }
        }
        family
    };
    vec![
        family(
            "fanout_second_cpu_cores",
            "CPU time within a second: 1 is one core busy",
            server.cpu_share,
            Some(own.cpu_share),
        ),
        family("fanout_second_memory_bytes", "Resident memory second by second", server.rss_bytes, Some(own.rss_bytes)),
        family(
            "fanout_second_descriptors",
            "Open descriptors second by second",
            server.descriptors,
            Some(own.descriptors),
        ),
        family("fanout_second_threads", "Threads second by second", server.threads, None),
        family("fanout_second_context_switches", "Context switches within a second", server.context_switches, None),
        family(
            "fanout_second_send_queue_bytes",
            "Written and not yet acknowledged, all connections together, second by second",
            server.send_queue_bytes,
            None,
        ),
        family("fanout_second_send_queue_max_bytes", "The fullest of these queues", server.send_queue_max_bytes, None),
    ]
}
