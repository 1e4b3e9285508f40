//! Where a run ran: kernel, processor, memory, limits, versions and the git revision of the working directory, for the reader who compares two runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::result::Environment;

/// Reads what this machine and process are. What cannot be read is left empty: it never fails a run. The fields that belong
/// to the run (`client`, `target`, pinning, the target's version) are left at their defaults for the caller to fill in.
#[must_use]
pub fn gather() -> Environment {
    let fanout = env!("CARGO_PKG_VERSION").to_owned();
    Environment {
        versions: BTreeMap::from([("fanout".to_owned(), fanout.clone())]),
        fanout,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        boot: read("/proc/sys/kernel/random/boot_id").trim().to_owned(),
        cpu: cpu_model(&read("/proc/cpuinfo")),
        cores: processors(&read("/proc/cpuinfo")),
        memory_bytes: memory(&read("/proc/meminfo")),
        limits: limits(),
        // Of whatever is measured from here: fanout itself may be installed anywhere.
        git: revision(Path::new(".")),
        ..Environment::default()
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// All of the machine's, not those that this thread is pinned to.
fn processors(cpuinfo: &str) -> u32 {
    let listed = cpuinfo.lines().filter(|line| line.split(':').next().is_some_and(|key| key.trim() == "processor"));
    u32::try_from(listed.count()).unwrap_or(u32::MAX)
}

/// `model name` on x86; ARM kernels name only a part number.
fn cpu_model(cpuinfo: &str) -> String {
    let field = |name| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    field("model name")
        .or_else(|| field("CPU part").map(|part| format!("{} part {part}", std::env::consts::ARCH)))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory(meminfo: &str) -> u64 {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

/// The limits that decide how many connections fit.
fn limits() -> BTreeMap<String, u64> {
    let mut limits = BTreeMap::new();
    if let Some((soft, hard)) = descriptors(&read("/proc/self/limits")) {
        limits.insert("descriptors".to_owned(), soft);
        limits.insert("descriptors_hard".to_owned(), hard);
    }
    if let Some(ports) = ephemeral_ports(&read("/proc/sys/net/ipv4/ip_local_port_range")) {
        limits.insert("ephemeral_ports".to_owned(), ports);
    }
    if let Ok(somaxconn) = read("/proc/sys/net/core/somaxconn").trim().parse() {
        limits.insert("somaxconn".to_owned(), somaxconn);
    }
    // A container's own memory limit ("max" where there is none).
    if let Ok(bytes) = read("/sys/fs/cgroup/memory.max").trim().parse() {
        limits.insert("memory_bytes".to_owned(), bytes);
    }
    limits
}

fn descriptors(limits: &str) -> Option<(u64, u64)> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut values = line.split_whitespace().map(|value| match value {
        "unlimited" => Some(u64::MAX),
        value => value.parse().ok(),
    });
    Some((values.next()??, values.next()??))
}

fn ephemeral_ports(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (last >= first).then(|| last - first + 1)
}

/// The revision that `directory` is checked out at; `None` outside a repository or without git.
fn revision(directory: &Path) -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--verify", "HEAD"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let revision = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !revision.is_empty()).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_kernel_a_processor_and_limits() {
        let environment = gather();
        assert!(!environment.kernel.is_empty() && !environment.cpu.is_empty());
        assert_eq!(environment.boot.len(), 36, "a UUID, the same each time: {}", environment.boot);
        assert_eq!(environment.boot, gather().boot);
        assert!(environment.cores >= 1 && environment.memory_bytes > 0);
        assert!(environment.limits["descriptors"] > 0);
        assert!(environment.limits["descriptors"] <= environment.limits["descriptors_hard"]);
        assert_eq!(environment.versions["fanout"], environment.fanout);
    }

    #[test]
    fn the_processor_is_named_by_its_model_or_its_part() {
        assert_eq!(cpu_model("processor\t: 0\nmodel\t\t: 207\nmodel name\t: Some CPU @ 2 GHz\n"), "Some CPU @ 2 GHz");
        assert!(cpu_model("CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n").ends_with("part 0xd0c"));
        assert_eq!(cpu_model(""), std::env::consts::ARCH);
    }

    #[test]
    fn limits_are_read_as_the_kernel_prints_them() {
        let text = "Max processes     96365   96365   processes\nMax open files    1024    unlimited   files\n";
        assert_eq!(descriptors(text), Some((1024, u64::MAX)));
        assert_eq!(descriptors("Max open files"), None);
        assert_eq!(ephemeral_ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ephemeral_ports("7"), None);
        assert_eq!(memory("MemTotal:       24576000 kB\n"), 24_576_000 * 1024);
        assert_eq!(memory("nothing"), 0);
    }

    #[test]
    fn a_directory_outside_any_repository_has_no_revision() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(revision(directory.path()), None);
    }
}
