//! What this machine allows in connections, each limit by itself, and how it is lifted.

use super::finding::{Finding, Verdict};
use super::readings::Readings;
use crate::report::numbers::{bytes, count};

/// Descriptors that a load generator needs beside its connections.
const OTHER_DESCRIPTORS: u64 = 200;
/// Kernel memory of a connection whose both ends are on this machine, with little in flight, bytes: measured.
const KERNEL_BYTES: u64 = 6_600;
/// And the load generator's own beside it, bytes.
const OWN_BYTES: u64 = 500;
/// A ramp of thousands a second overflows a shorter backlog.
const BACKLOG: u64 = 4096;
/// Of [`Readings::memory`], what is left for everything else.
const SPARE: f64 = 0.8;
const PAGE: u64 = 4096;

/// What the machine is to be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// Connections of one load generator, both ends on this machine.
    pub connections: u64,
}

/// Judges every limit.
#[must_use]
pub fn limits(readings: &Readings, goal: Goal) -> Vec<Finding> {
    let judges: [fn(&Readings, Goal) -> Option<Finding>; 10] = [
        descriptors,
        ports,
        listen_backlog,
        syn_backlog,
        conntrack,
        memory,
        tcp_memory,
        open_files,
        epoll_watches,
        time_wait,
    ];
    judges.iter().filter_map(|judge| judge(readings, goal)).collect()
}

fn enough(connections: u64, goal: Goal) -> Verdict {
    if connections >= goal.connections { Verdict::Fine } else { Verdict::Low }
}

/// A power of two that is well above a number: for limits that cost nothing.
fn ample(number: u64) -> u64 {
    (number * 2).max(1 << 16).next_power_of_two()
}

fn connections(name: &'static str, value: String, connections: u64, goal: Goal, lift: String) -> Finding {
    Finding {
        name,
        value,
        allows: format!("{} connections", count(connections)),
        connections: Some(connections),
        verdict: enough(connections, goal),
        lift: Some(lift),
    }
}

/// `RLIMIT_NOFILE`: fanout raises the soft limit to the hard one by itself.
fn descriptors(readings: &Readings, goal: Goal) -> Option<Finding> {
    let Some((soft, hard)) = readings.descriptors() else { return Some(Finding::unknown("descriptors")) };
    let shown = |limit: u64| if limit == u64::MAX { "unlimited".to_owned() } else { count(limit) };
    let allowed = hard.saturating_sub(OTHER_DESCRIPTORS);
    let mut finding = connections(
        "descriptors",
        format!("{} (hard {})", shown(soft), shown(hard)),
        allowed,
        goal,
        format!(
            "ulimit -Hn {} as root (LimitNOFILE= in systemd, --ulimit in Docker), or several agents",
            ample(goal.connections)
        ),
    );
    finding.allows =
        format!("{} connections a process", if hard == u64::MAX { "any number of".to_owned() } else { count(allowed) });
    Some(finding)
}

fn ports(readings: &Readings, goal: Goal) -> Option<Finding> {
    let [first, last] = readings.numbers("proc/sys/net/ipv4/ip_local_port_range")[..] else {
        return Some(Finding::unknown("source ports"));
    };
    let ports = (last + 1).saturating_sub(first);
    let lift = "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or source_ips in the scenario (127.0.0.2, ..)";
    let mut finding =
        connections("source ports", format!("{} ({first} to {last})", count(ports)), ports, goal, lift.to_owned());
    finding.allows = format!("{} connections from an address to a server", count(ports));
    Some(finding)
}

/// How fast connections may come, not how many there may be.
fn backlog(name: &'static str, key: &str, value: Option<u64>) -> Option<Finding> {
    let Some(backlog) = value else { return Some(Finding::unknown(name)) };
    let low = backlog < BACKLOG;
    Some(Finding {
        name,
        value: count(backlog),
        allows: format!("{} handshakes under way at a server here", count(backlog)),
        connections: None,
        verdict: if low { Verdict::Low } else { Verdict::Fine },
        lift: Some(format!("sysctl -w {key}={}", if low { BACKLOG } else { backlog * 2 })),
    })
}

fn listen_backlog(readings: &Readings, _: Goal) -> Option<Finding> {
    backlog("listen backlog", "net.core.somaxconn", readings.number("proc/sys/net/core/somaxconn"))
}

/// Beyond it, SYN cookies take over: connections still come, without window scaling where timestamps are off.
fn syn_backlog(readings: &Readings, _: Goal) -> Option<Finding> {
    let value = readings.number("proc/sys/net/ipv4/tcp_max_syn_backlog");
    backlog("SYN backlog", "net.ipv4.tcp_max_syn_backlog", value)
}

/// Only where the firewall follows connections.
fn conntrack(readings: &Readings, goal: Goal) -> Option<Finding> {
    let most = readings.number("proc/sys/net/netfilter/nf_conntrack_max")?;
    let used = readings.number("proc/sys/net/netfilter/nf_conntrack_count").unwrap_or(0);
    let lift = format!("sysctl -w net.netfilter.nf_conntrack_max={}", ample(goal.connections.max(most)));
    Some(connections(
        "connection tracking",
        format!("{} ({} used)", count(most), count(used)),
        most.saturating_sub(used),
        goal,
        lift,
    ))
}

fn memory(readings: &Readings, goal: Goal) -> Option<Finding> {
    let Some(available) = readings.memory("MemAvailable") else { return Some(Finding::unknown("memory")) };
    let quota = readings.quota_memory();
    let usable = quota.map_or(available, |quota| quota.min(available));
    let allowed = (usable as f64 * SPARE) as u64 / (KERNEL_BYTES + OWN_BYTES);
    let value = match quota {
        Some(quota) if quota < available => format!("{} (this container's limit)", bytes(quota as f64)),
        _ => format!("{} available", bytes(available as f64)),
    };
    let lift = match quota {
        Some(quota) if quota < available => {
            "give the container more memory (docker run --memory, MemoryMax= in systemd)"
        }
        _ => "end other programs, or use more machines",
    };
    Some(connections("memory", value, allowed, goal, lift.to_owned()))
}

/// The third value is where the kernel begins to drop, in pages, of all TCP sockets together.
fn tcp_memory(readings: &Readings, goal: Goal) -> Option<Finding> {
    let [_, _, high] = readings.numbers("proc/sys/net/ipv4/tcp_mem")[..] else {
        return Some(Finding::unknown("TCP memory"));
    };
    // What the limit counts is buffers; a page at each end is what a busy connection needs.
    let allowed = high / 2;
    let lift = format!("sysctl -w net.ipv4.tcp_mem='{} {} {}'", high, high + high / 2, high * 2);
    Some(connections("TCP memory", bytes((high * PAGE) as f64), allowed, goal, lift))
}

fn open_files(readings: &Readings, goal: Goal) -> Option<Finding> {
    let Some(most) = readings.number("proc/sys/fs/file-max") else { return Some(Finding::unknown("open files")) };
    let used = readings.numbers("proc/sys/fs/file-nr").first().copied().unwrap_or(0);
    // Both ends are files.
    let allowed = most.saturating_sub(used) / 2;
    let lift = format!("sysctl -w fs.file-max={}", ample(goal.connections.max(most.min(1 << 40))));
    let shown = if most >= 1 << 40 { "no limit".to_owned() } else { count(most) };
    let mut finding = connections("open files", format!("{shown}, all together"), allowed, goal, lift);
    if most >= 1 << 40 {
        finding.allows = "any number of connections".to_owned();
    }
    Some(finding)
}

fn epoll_watches(readings: &Readings, goal: Goal) -> Option<Finding> {
    let most = readings.number("proc/sys/fs/epoll/max_user_watches")?;
    let lift = format!("sysctl -w fs.epoll.max_user_watches={}", ample(goal.connections.max(most)));
    Some(connections("epoll watches", count(most), most / 2, goal, lift))
}

/// A port is out of use for a minute after its connection was closed here, unless the kernel may take it again.
fn time_wait(readings: &Readings, _: Goal) -> Option<Finding> {
    let reuse = readings.number("proc/sys/net/ipv4/tcp_tw_reuse")?;
    let (allows, verdict) = match reuse {
        0 => ("a closed connection keeps its port for 60 s: churn and repeated runs need more ports", Verdict::Low),
        1 => ("ports of closed connections are used again", Verdict::Fine),
        _ => ("on loopback, ports of closed connections are used again", Verdict::Fine),
    };
    Some(Finding {
        name: "ports after closing",
        value: format!("tcp_tw_reuse {reuse}"),
        allows: allows.to_owned(),
        connections: None,
        verdict,
        lift: (reuse != 1).then(|| "sysctl -w net.ipv4.tcp_tw_reuse=1".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(files: &[(&str, &str)]) -> Readings {
        let files = files.iter().map(|(file, text)| (file.to_string(), text.to_string())).collect();
        Readings { files, cpus: 2, ..Readings::default() }
    }

    fn of(name: &str, readings: &Readings, connections: u64) -> Finding {
        limits(readings, Goal { connections }).into_iter().find(|finding| finding.name == name).unwrap()
    }

    #[test]
    fn descriptors_allow_as_many_connections_as_the_hard_limit_less_what_else_is_open() {
        let machine = readings(&[("proc/self/limits", "Max open files            1024       20000      files \n")]);
        let finding = of("descriptors", &machine, 50_000);
        assert_eq!(finding.value, "1,024 (hard 20,000)");
        assert_eq!((finding.allows.as_str(), finding.connections), ("19,800 connections a process", Some(19_800)));
        assert_eq!(finding.verdict, Verdict::Low);
        assert!(finding.lift.unwrap().starts_with("ulimit -Hn 131072"));
        assert_eq!(of("descriptors", &machine, 10_000).verdict, Verdict::Fine);
        let endless = readings(&[("proc/self/limits", "Max open files   unlimited  unlimited  files \n")]);
        assert_eq!(of("descriptors", &endless, 10_000).allows, "any number of connections a process");
    }

    #[test]
    fn ports_are_counted_with_both_ends_of_their_range() {
        let machine = readings(&[("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")]);
        assert_eq!(of("source ports", &machine, 28_232).verdict, Verdict::Fine);
        let finding = of("source ports", &machine, 28_233);
        assert_eq!(finding.value, "28,232 (32768 to 60999)");
        assert_eq!(finding.verdict, Verdict::Low);
        assert!(finding.lift.unwrap().contains("source_ips"));
    }

    #[test]
    fn a_short_backlog_slows_a_ramp() {
        let machine =
            readings(&[("proc/sys/net/core/somaxconn", "128"), ("proc/sys/net/ipv4/tcp_max_syn_backlog", "8192")]);
        let short = of("listen backlog", &machine, 1);
        assert_eq!((short.verdict, short.lift.as_deref()), (Verdict::Low, Some("sysctl -w net.core.somaxconn=4096")));
        assert_eq!(of("SYN backlog", &machine, 1).verdict, Verdict::Fine);
    }

    #[test]
    fn a_container_s_memory_counts_where_it_is_less() {
        let mut machine = readings(&[("proc/meminfo", "MemTotal:  8388608 kB\nMemAvailable:   4194304 kB\n")]);
        assert_eq!(of("memory", &machine, 1).value, "4 GiB available");
        machine.groups.insert("memory.max".to_owned(), vec!["536870912\n".to_owned()]);
        let finding = of("memory", &machine, 100_000);
        assert_eq!(finding.value, "512 MiB (this container's limit)");
        assert_eq!(finding.connections, Some(60_492));
        assert_eq!(finding.verdict, Verdict::Low);
    }

    #[test]
    fn the_table_of_a_firewall_counts_only_where_there_is_one() {
        let none = readings(&[]);
        assert!(limits(&none, Goal { connections: 1 }).iter().all(|finding| finding.name != "connection tracking"));
        let machine = readings(&[
            ("proc/sys/net/netfilter/nf_conntrack_max", "65536"),
            ("proc/sys/net/netfilter/nf_conntrack_count", "36"),
        ]);
        let finding = of("connection tracking", &machine, 100_000);
        assert_eq!((finding.connections, finding.verdict), (Some(65_500), Verdict::Low));
        assert_eq!(finding.lift.as_deref(), Some("sysctl -w net.netfilter.nf_conntrack_max=262144"));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_not_guessed() {
        let findings = limits(&readings(&[]), Goal { connections: 1 });
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Unknown), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.name == "descriptors"));
    }
}
