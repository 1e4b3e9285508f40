//! What one sees while a run goes: lines without a terminal, and figures over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::command::{Going, Stage, adds_up};

const SCENARIO: &str = r#"
name = "watched"
[[connections]]
name = "phones"
count = 40
rooms = 2
[[publishers]]
name = "desk"
count = 2
rate = 50
[[phases]]
name = "warm-up"
for = "1s"
measure = false
[[phases]]
name = "steady"
for = "4s"
"#;

/// A GET without a library of ours: status, headers and body.
fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The value of a sample without labels, or with these.
fn sample(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|(have, _)| have == name))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Every line is a comment, or a name with labels and a number (the text format of Prometheus, version 0.0.4).
fn is_exposition(text: &str) -> bool {
    let name = |name: &str| {
        let bare = name.split('{').next().unwrap_or("");
        !bare.is_empty() && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.ends_with('\n')
        && text.lines().all(|line| {
            let comment = line.starts_with("# HELP ") || line.starts_with("# TYPE ");
            comment || line.rsplit_once(' ').is_some_and(|(n, value)| name(n) && value.parse::<f64>().is_ok())
        })
}

/// Asks for metrics until this many deliveries are told.
fn until_delivered(address: &str, least: f64) -> String {
    let since = Instant::now();
    loop {
        let (_, metrics) = get(address, "/metrics");
        if sample(&metrics, "fanout_deliveries_total").is_some_and(|n| n >= least) {
            return metrics;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{metrics}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn address(going: &mut Going) -> String {
    going.until_said("metrics)");
    let said = going.said();
    let rest = said.split_once("live figures at http://").unwrap().1;
    rest.split('/').next().unwrap().to_owned()
}

#[test]
fn a_run_is_watched_over_http_while_it_goes() {
    let stage = Stage::new(SCENARIO);
    // Long enough for all that is asked meanwhile: who answers lets everybody else on the machine go first.
    let mut going = stage.start(&["--serve", "0", "--set", "phases.steady.for=\"8s\""]);
    let address = address(&mut going);
    let first = until_delivered(&address, 1.0);
    let count = |metrics: &str, name| sample(metrics, name).unwrap_or_else(|| panic!("no {name} in\n{metrics}"));
    let delivered = count(&first, "fanout_deliveries_total");
    let second = until_delivered(&address, delivered + 1.0);
    for metrics in [&first, &second] {
        assert!(is_exposition(metrics), "{metrics}");
        let all = count(metrics, "fanout_delivery_latency_seconds_count");
        assert!((all - count(metrics, "fanout_deliveries_total")).abs() < 0.5, "the histogram has every delivery");
        assert!((count(metrics, "fanout_delivery_latency_seconds_bucket{le=\"+Inf\"}") - all).abs() < 0.5);
        assert!((count(metrics, "fanout_connections{state=\"open\"}") - 42.0).abs() < 0.5);
    }
    for counter in ["fanout_publishes_sent_total", "fanout_received_bytes_total"] {
        assert!(count(&second, counter) > count(&first, counter), "{counter}");
    }
    assert!(count(&second, "fanout_process_resident_bytes{side=\"server\"}") > 0.0);

    let (head, body) = get(&address, "/live.json?from=1");
    assert!(head.contains("application/json") && head.contains("no-store"), "{head}");
    let live: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((live["name"].as_str(), live["now"]["connections"]["open"].as_u64()), (Some("watched"), Some(42)));
    assert_eq!(live["next"].as_u64().unwrap(), live["points"].as_array().unwrap().len() as u64 + 1);
    let (head, page) = get(&address, "/");
    assert!(head.contains("default-src 'none'") && page.starts_with("<!doctype html>"), "{head}");
    assert!(get(&address, "/else").0.starts_with("HTTP/1.1 404"));

    let done = going.wait();
    adds_up(done.run());
    assert_eq!(done.run().deliveries.lost, 0, "who watches loses nothing");
}

#[test]
fn without_a_terminal_there_is_a_line_a_second_and_the_time_line_has_what_the_server_used() {
    let done = Stage::new(SCENARIO).run(&[]);
    let lines: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with("steady ")).collect();
    assert!(lines.len() >= 3, "{}", done.stderr);
    for line in lines {
        assert!(line.contains("42 of 42 open") && line.contains(" deliveries/s ") && line.contains(" p99 "), "{line}");
        assert!(!line.contains('\x1b') && !line.contains("lost"), "{line:?}");
    }
    let run = done.run();
    let server = run.server.as_ref().unwrap();
    assert_eq!(server.processes, 1);
    assert!(server.by_second.descriptors.max.unwrap() >= 42.0, "{:?}", server.by_second);
    assert!(server.by_second.threads.max.unwrap() >= 1.0);
    let told = run.intervals.iter().filter(|i| i.server_send_queue_bytes.is_some() && i.tcp_memory_bytes.is_some());
    assert!(told.count() >= 2, "{:?}", run.intervals);
    let due: u64 = run.intervals.iter().map(|i| i.publishes_due).sum();
    assert_eq!(due, 250, "every publish fell due in one interval");
}

/// Watches a command with several runs until it has seen one of each of these; gives what each was called, and its highest counter.
fn runs_seen(going: &mut Going, parts: [&str; 2]) -> Vec<(u64, String, f64)> {
    let address = address(going);
    let since = Instant::now();
    let mut seen: Vec<(u64, String, f64)> = Vec::new();
    while !parts.iter().all(|part| seen.iter().any(|(_, name, _)| name.contains(part))) {
        assert!(since.elapsed() < Duration::from_secs(50), "{seen:?}\n{}", going.said());
        let (head, body) = get(&address, "/live.json");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let live: serde_json::Value = serde_json::from_str(&body).unwrap();
        let metrics = get(&address, "/metrics").1;
        assert!(is_exposition(&metrics), "{metrics}");
        let (run, part) = (live["run"].as_u64().unwrap(), live["part"].as_str().unwrap().to_owned());
        if run == 0 {
            // Whoever comes that early is answered before the first has begun.
            continue;
        }
        assert!(
            live["points"].as_array().unwrap().iter().all(|point| point["at_s"].as_f64() <= live["total_s"].as_f64())
        );
        let delivered = sample(&metrics, "fanout_deliveries_total").unwrap_or(0.0);
        // Between the two questions another run may have begun.
        match seen.last_mut() {
            Some(last) if last.0 == run => last.2 = last.2.max(delivered),
            _ => seen.push((run, part, delivered)),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    seen
}

const BRIEF: [&str; 4] = ["--set", "phases.warm-up.for=\"100ms\"", "--set", "phases.steady.for=\"1500ms\""];

#[test]
fn a_comparison_is_watched_run_after_run() {
    let stage = Stage::new(&format!(
        "{SCENARIO}[variants.small]\n[variants.large]\n\"publishers.desk.payload\" = {{ size = 999 }}\n"
    ));
    let ab = ["ab", "scenario.toml", "--a", "small", "--b", "large", "--runs", "1", "--out", "out", "--serve", "0"];
    let mut going = stage.go(&[&ab[..], &BRIEF].concat());
    // What a busy machine made invalid is run once more.
    let seen = runs_seen(&mut going, ["block 1 of 1: a (small)", "block 1 of 1: b (large)"]);
    assert!(seen.is_sorted_by(|one, other| one.0 < other.0), "each run has a number of its own: {seen:?}");
    assert!(seen[0].2 > 0.0, "its deliveries were told: {seen:?}");
    let done = going.wait();
    assert!([0, 4].contains(&done.code), "{}", done.stderr);
    assert!(stage.out().join("comparison.json").exists());
}

#[test]
fn a_capacity_search_is_watched_trial_after_trial() {
    let stage = Stage::new(&format!("{SCENARIO}[thresholds]\n\"deliveries.delivered\" = \"> 0\"\n"));
    let search =
        ["capacity", "scenario.toml", "--axis", "connections", "--range", "10-20", "--width", "50%", "--trial", "1s"];
    let mut going = stage.go(&[&search[..], &["--out", "out", "--serve", "0"], &BRIEF].concat());
    let seen = runs_seen(&mut going, ["trial 1: ", "trial 2: "]);
    assert!(seen[0].1.starts_with("trial 1: 10 connections, "), "{seen:?}");
    going.signal("INT");
    let done = going.wait();
    assert!([0, 4, 130].contains(&done.code), "{}", done.stderr);
    assert!(stage.out().join("capacity.json").exists());
}

#[test]
fn a_port_that_is_taken_is_said_before_anything_runs() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let done = Stage::new(SCENARIO).run(&["--serve", &port]);
    done.exits(1).says("another program listens there; give --serve another port");
    assert!(done.run.is_none());
}

#[test]
fn a_server_behind_a_shell_is_sampled_and_not_its_shell() {
    let scenario = format!(
        "{SCENARIO}\n[target]\nspawn = [\"sh\", \"-c\", \"'{}' serve --listen 127.0.0.1:{{port}}; true\"]\n",
        crate::command::FANOUT
    );
    let done =
        Stage::new(&scenario).run(&["--set", "phases.warm-up.for=\"100ms\"", "--set", "phases.steady.for=\"2s\""]);
    let server = done.run().server.as_ref().unwrap_or_else(|| panic!("{}", done.stderr));
    assert_eq!(server.processes, 1, "the server alone, without the shell that waits for it");
    assert!(server.by_second.descriptors.max.unwrap() >= 42.0, "{:?}", server.by_second);
}
