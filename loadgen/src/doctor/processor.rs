//! CPUs, and what keeps a process from having them.

use super::finding::{Finding, Verdict};
use super::readings::Readings;
use crate::report::numbers::percent;

/// Stolen time above this share shows in latencies.
const STOLEN: f64 = 0.02;

/// Judges what the processor offers. `stolen` is the share of time that the hypervisor gave to others meanwhile.
#[must_use]
pub fn processor(readings: &Readings, stolen: Option<f64>) -> Vec<Finding> {
    [Some(cpus(readings)), quota(readings), governor(readings), Some(clock_source(readings)), stolen.map(steal)]
        .into_iter()
        .flatten()
        .collect()
}

/// The share of all CPUs' time that was stolen between two readings of `/proc/stat`; `None` where that does not tell.
#[must_use]
pub fn steal_share(before: &Readings, after: &Readings) -> Option<f64> {
    // user nice system idle iowait irq softirq steal; guest time is in user's already.
    let times = |readings: &Readings| -> Option<(u64, u64)> {
        let line = readings.text("proc/stat")?.lines().next()?.strip_prefix("cpu ")?;
        let times: Vec<u64> = line.split_whitespace().take(8).map_while(|word| word.parse().ok()).collect();
        Some((times.iter().sum(), *times.get(7)?))
    };
    let ((all_before, stolen_before), (all, stolen)) = (times(before)?, times(after)?);
    let elapsed = all.checked_sub(all_before).filter(|elapsed| *elapsed > 0)?;
    Some(stolen.saturating_sub(stolen_before) as f64 / elapsed as f64)
}

fn about(name: &'static str, value: String, allows: &str, verdict: Verdict, lift: Option<&str>) -> Finding {
    Finding { name, value, allows: allows.to_owned(), connections: None, verdict, lift: lift.map(str::to_owned) }
}

fn cpus(readings: &Readings) -> Finding {
    let (allows, verdict) = match readings.cpus {
        0 | 1 => ("server and load generator share it: use two machines for figures that count", Verdict::Low),
        2 => ("one for the server, one for the load generator", Verdict::Fine),
        _ => ("server and load generator on CPUs of their own", Verdict::Fine),
    };
    about("CPUs", readings.cpus.to_string(), allows, verdict, None)
}

fn quota(readings: &Readings) -> Option<Finding> {
    let cpus = readings.quota_cpus()?;
    let value = format!("{cpus:.1} CPUs in every 100 ms");
    Some(about(
        "CPU quota",
        value,
        "used up, everything stands still until the next 100 ms: latencies of tens of ms that are not the server's",
        Verdict::Low,
        Some("docker run without --cpus (or --cpuset-cpus instead); CPUQuota= in systemd; no CPU limit in Kubernetes"),
    ))
}

fn governor(readings: &Readings) -> Option<Finding> {
    let governor = readings.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?;
    Some(if governor == "performance" {
        about("CPU governor", governor.to_owned(), "the clock rate does not depend on the load", Verdict::Fine, None)
    } else {
        about(
            "CPU governor",
            governor.to_owned(),
            "slow at low loads, until the clock rate has followed",
            Verdict::Low,
            Some("cpupower frequency-set -g performance"),
        )
    })
}

fn clock_source(readings: &Readings) -> Finding {
    const FAST: [&str; 4] = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];
    let Some(source) = readings.text("sys/devices/system/clocksource/clocksource0/current_clocksource") else {
        return Finding::unknown("clock source");
    };
    if FAST.contains(&source) {
        about("clock source", source.to_owned(), "read without a system call", Verdict::Fine, None)
    } else {
        about(
            "clock source",
            source.to_owned(),
            "every reading is a system call: a read of a socket costs noticeably more",
            Verdict::Low,
            Some("boot with clocksource=tsc, if the kernel's log says that it is stable"),
        )
    }
}

fn steal(share: f64) -> Finding {
    let (allows, verdict) = if share > STOLEN {
        ("other machines on this host take CPU away: repeat runs, and compare in pairs", Verdict::Low)
    } else {
        ("this machine has its CPUs to itself, or nearly", Verdict::Fine)
    };
    about(
        "stolen time",
        percent(share),
        allows,
        verdict,
        (share > STOLEN).then_some("a dedicated host, or one with less on it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(line: &str) -> Readings {
        let files = [("proc/stat".to_owned(), format!("{line}\ncpu0 1 2 3\n"))].into_iter().collect();
        Readings { files, cpus: 2, ..Readings::default() }
    }

    #[test]
    fn stolen_time_is_a_share_of_all_that_went_by() {
        let before = stat("cpu  100 0 100 700 0 0 0 100 50 0");
        let after = stat("cpu  150 0 150 750 0 0 0 150 99 0");
        assert_eq!(steal_share(&before, &after), Some(0.25));
        assert_eq!(steal_share(&before, &before), None);
        assert_eq!(steal_share(&stat("intr 5"), &after), None);
        let findings = processor(&after, Some(0.25));
        let steal = findings.iter().find(|finding| finding.name == "stolen time").unwrap();
        assert_eq!((steal.value.as_str(), steal.verdict), ("25 %", Verdict::Low));
    }

    #[test]
    fn a_quota_a_governor_and_a_slow_clock_are_named_with_their_cures() {
        let mut machine = stat("cpu 1");
        for (file, text) in [
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
        ] {
            machine.files.insert(file.to_owned(), text.to_owned());
        }
        machine.groups.insert("cpu.max".to_owned(), vec!["150000 100000".to_owned()]);
        let findings = processor(&machine, None);
        let low: Vec<&str> = findings.iter().filter(|f| f.verdict == Verdict::Low).map(|f| f.value.as_str()).collect();
        assert_eq!(low, ["1.5 CPUs in every 100 ms", "powersave", "hpet"]);
        assert!(findings.iter().filter(|f| f.verdict == Verdict::Low).all(|f| f.lift.is_some()));
    }

    #[test]
    fn a_quiet_machine_with_two_cpus_has_nothing_to_mend() {
        let mut machine = stat("cpu 1");
        let source = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        machine.files.insert(source.to_owned(), "tsc\n".to_owned());
        assert!(processor(&machine, Some(0.001)).iter().all(|finding| finding.verdict == Verdict::Fine));
    }
}
