//! What the kernel says, as text; parsed here, read elsewhere, so that every machine can be looked at in a test.

use std::collections::BTreeMap;

/// The files that are read, below the root of the file system.
pub(super) const FILES: [&str; 19] = [
    "proc/self/limits",
    "proc/self/cgroup",
    "proc/stat",
    "proc/meminfo",
    "proc/sys/fs/file-max",
    "proc/sys/fs/file-nr",
    "proc/sys/fs/epoll/max_user_watches",
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/threads-max",
    "proc/sys/net/core/somaxconn",
    "proc/sys/net/ipv4/ip_local_port_range",
    "proc/sys/net/ipv4/tcp_max_syn_backlog",
    "proc/sys/net/ipv4/tcp_mem",
    "proc/sys/net/ipv4/tcp_tw_reuse",
    "proc/sys/net/netfilter/nf_conntrack_count",
    "proc/sys/net/netfilter/nf_conntrack_max",
    "sys/devices/system/clocksource/clocksource0/current_clocksource",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "sys/kernel/mm/transparent_hugepage/enabled",
];

/// The files of a control group that are read, in the group and in all above it.
pub(super) const GROUP_FILES: [&str; 4] = ["cpu.max", "cpu.cfs_quota_us", "memory.max", "memory.limit_in_bytes"];

/// What was read: file to text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readings {
    pub(super) files: BTreeMap<String, String>,
    /// Name of a control group's file to what it says in the process's group and in each above.
    pub(super) groups: BTreeMap<String, Vec<String>>,
    /// CPUs that this process may use.
    pub(super) cpus: usize,
}

impl Readings {
    /// The text of a file; `None` where there is no such file here.
    pub(super) fn text(&self, file: &str) -> Option<&str> {
        self.files.get(file).map(|text| text.trim())
    }

    /// The number in a file that holds one.
    pub(super) fn number(&self, file: &str) -> Option<u64> {
        self.text(file)?.parse().ok()
    }

    /// The numbers in a file that holds several.
    pub(super) fn numbers(&self, file: &str) -> Vec<u64> {
        self.text(file).unwrap_or("").split_whitespace().map_while(|word| word.parse().ok()).collect()
    }

    /// The soft and the hard limit of descriptors; [`u64::MAX`] for none.
    pub(super) fn descriptors(&self) -> Option<(u64, u64)> {
        let line = self.text("proc/self/limits")?.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        let mut values = line.split_whitespace().map(|value| match value {
            "unlimited" => Some(u64::MAX),
            value => value.parse().ok(),
        });
        Some((values.next()??, values.next()??))
    }

    /// A field of `/proc/meminfo`, bytes.
    pub(super) fn memory(&self, field: &str) -> Option<u64> {
        let line = self.text("proc/meminfo")?.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
    }

    /// CPUs that the control groups give this process, the tightest of them; `None`: they set no limit. Version 2 says
    /// `200000 100000` or `max 100000`, version 1 `200000` or `-1`, of periods of 100 ms.
    pub(super) fn quota_cpus(&self) -> Option<f64> {
        let v2 = self.group("cpu.max").filter_map(|text| {
            let (quota, period) = text.split_once(' ')?;
            Some(quota.parse::<f64>().ok()? / period.trim().parse::<f64>().ok()?)
        });
        let v1 = self.group("cpu.cfs_quota_us").filter_map(|text| Some(text.parse::<f64>().ok()? / 100_000.0));
        v2.chain(v1).filter(|cpus| *cpus > 0.0).reduce(f64::min)
    }

    /// Memory that the control groups give this process, bytes; `None`: they set no limit.
    pub(super) fn quota_memory(&self) -> Option<u64> {
        let total = self.memory("MemTotal").unwrap_or(u64::MAX);
        let all = self.group("memory.max").chain(self.group("memory.limit_in_bytes"));
        // Version 1 says "no limit" as a number larger than any machine.
        all.filter_map(|text| text.parse().ok()).filter(|bytes| *bytes < total).min()
    }

    fn group(&self, file: &str) -> impl Iterator<Item = &str> {
        self.groups.get(file).into_iter().flatten().map(|text| text.trim())
    }
}

/// The folders of a process's control groups below `sys/fs/cgroup`, itself first and then all above it, by what
/// `/proc/self/cgroup` says: `0::/a/b` (version 2), `4:memory:/a/b` (version 1).
pub(super) fn group_folders(self_cgroup: &str) -> Vec<String> {
    let mut folders = Vec::new();
    for line in self_cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let bases: &[&str] = match controllers {
            "" => &[""],
            "memory" => &["memory"],
            controllers if controllers.split(',').any(|controller| controller == "cpu") => &["cpu", "cpu,cpuacct"],
            _ => continue,
        };
        for base in bases {
            let mut path = path.trim_matches('/');
            loop {
                let folder = [*base, path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
                folders.push(folder);
                if path.is_empty() {
                    break;
                }
                path = path.rsplit_once('/').map_or("", |(above, _)| above);
            }
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_groups(file: &str, texts: &[&str]) -> Readings {
        let groups = BTreeMap::from([(file.to_owned(), texts.iter().map(ToString::to_string).collect())]);
        let files = BTreeMap::from([("proc/meminfo".to_owned(), "MemTotal:  1048576 kB\n".to_owned())]);
        Readings { groups, files, cpus: 8 }
    }

    #[test]
    fn the_tightest_of_nested_quotas_counts() {
        assert_eq!(
            with_groups("cpu.max", &["max 100000\n", "150000 100000\n", "400000 100000"]).quota_cpus(),
            Some(1.5)
        );
        assert_eq!(with_groups("cpu.max", &["max 100000"]).quota_cpus(), None);
        assert_eq!(with_groups("cpu.cfs_quota_us", &["-1", "50000"]).quota_cpus(), Some(0.5));
        assert_eq!(with_groups("memory.max", &["max", "536870912"]).quota_memory(), Some(512 << 20));
        assert_eq!(with_groups("memory.limit_in_bytes", &["9223372036854771712"]).quota_memory(), None);
    }

    #[test]
    fn a_group_and_all_above_it_are_looked_at_in_both_versions() {
        assert_eq!(group_folders("0::/a/b\n"), ["a/b", "a", ""]);
        assert_eq!(
            group_folders("4:memory:/x\n2:cpu,cpuacct:/\n9:pids:/y"),
            ["memory/x", "memory", "cpu", "cpu,cpuacct"]
        );
        assert!(group_folders("nonsense").is_empty());
    }
}
