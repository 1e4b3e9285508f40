use super::*;
use crate::doctor::Pace;

fn finding(name: &'static str, connections: Option<u64>, verdict: Verdict) -> Finding {
    Finding {
        name,
        value: "1,024 (hard 20,000)".to_owned(),
        allows: "19,800 connections a process".to_owned(),
        connections,
        verdict,
        lift: Some("ulimit -Hn 131072".to_owned()),
    }
}

fn report(verdict: Verdict) -> Report {
    let clock = Clock {
        timers: 1_998,
        late_p50_us: 52.0,
        late_p99_us: 180.0,
        late_max_us: 1_250.0,
        late_awake_p99_us: Some(61.0),
        read_ns: 21.4,
        went_back: false,
    };
    let calibration = Calibration {
        publish: Pace { messages: 465_000, per_s: 312_345.0, cpu_us: 3.18, busy: 0.99 },
        receive: Pace { messages: 12_345_678, per_s: 8_234_567.0, cpu_us: 0.068, busy: 0.55 },
        subscribers: 64,
        message_bytes: 128,
        apart: true,
    };
    Report::new(
        10_000,
        vec![finding("descriptors", Some(19_800), verdict), finding("source ports", Some(28_232), Verdict::Fine)],
        vec![Finding { lift: None, ..finding("CPUs", None, Verdict::Fine) }],
        clock,
        Ok(calibration),
    )
}

#[test]
fn the_page_begins_with_what_one_can_count_on() {
    let text = report(Verdict::Fine).text(Colour::Never);
    assert_eq!(
        text.lines().take(4).collect::<Vec<_>>(),
        [
            "10,000 connections: within this machine's limits (descriptors: 19,800); says nothing of a server",
            "a worker sends 310,000 publishes/s, and takes and times 8.2 million deliveries/s",
            "figures below 0.18 ms are this machine's scheduler's; with --keep-awake, those below 61 us",
            "nothing needs to be changed",
        ]
    );
    let receives =
        "receives and times   8.2 million deliveries/s   0.068 us of CPU each: matched, compared, timed, recorded\n";
    assert!(text.contains(receives), "{text}");
    assert!(text.contains("busy 55 % of the time: it waited for the other side, or for a CPU\n"), "{text}");
    assert_eq!(text.matches("busy ").count(), 1, "the other side was not waited for while sending: {text}");
    assert!(
        text.contains(
            "generates            310,000 publishes/s        3.2 us of CPU each: rendered, masked, one send each\n"
        ),
        "{text}"
    );
}

#[test]
fn what_is_too_low_is_marked_and_counted() {
    let mut low = report(Verdict::Low);
    low.goal_connections = 50_000;
    let text = low.text(Colour::Never);
    assert!(text.starts_with("50,000 connections: not from one process; descriptors allow 19,800\n"), "{text}");
    assert!(text.contains("one thing to look at, marked !\n"), "{text}");
    assert!(
        text.contains("\n! descriptors          1,024 (hard 20,000)        19,800 connections a process\n"),
        "{text}"
    );
    assert!(text.contains("\n                       more: ulimit -Hn 131072\n"), "{text}");
}

#[test]
fn a_calibration_that_failed_says_why() {
    let whole = report(Verdict::Fine);
    let without = Report::new(
        10_000,
        whole.limits,
        whole.processor,
        whole.clock,
        Err("the null server cannot be reached".into()),
    );
    assert!(without.text(Colour::Never).contains("? not tried"));
    let json = serde_json::to_value(&without).unwrap();
    assert_eq!(json["calibration_error"], "the null server cannot be reached");
    assert_eq!((&json["connections"], &json["tightest"]), (&19_800.into(), &"descriptors".into()));
}

#[test]
fn colours_mark_and_never_replace_words() {
    let coloured = report(Verdict::Low).text(Colour::Always);
    assert!(coloured.contains("\x1b[33m!\x1b[0m descriptors"));
}
