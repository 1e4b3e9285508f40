//! A server that shares nothing with ours, Node's `ws` in a tutorial's hub, is measured alike by both clients.
//!
//! Needs node, npm and a registry; says so and passes where one of them is missing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{Stage, adds_up, counts, undisturbed};
use loadgen::result::Run;

const SCENARIO: &str = r#"
name = "node"
settle = "200ms"
drain = "2s"
max_schedule_lag = "1s"
[target]
spawn = ["node", "hub.js", "--port", "{port}"]
path = "/broadcast/{room}"
[[connections]]
name = "subscribers"
count = 60
rooms = 3
[[publishers]]
name = "speakers"
count = 3
rate = 150
arrival = "poisson"
payload = { size = "20-4000" }
[[phases]]
name = "steady"
for = "1s"
"#;

/// A directory with the hub and its package, or why there is none.
fn installed(scenario: &str) -> Result<Stage, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    let mut stage = Stage::new(scenario);
    for file in ["hub.js", "package.json", "package-lock.json"] {
        stage = stage.with(file, std::fs::read(here.join(file)).unwrap());
    }
    for (program, flags) in [
        ("node", &["--version"][..]),
        ("npm", &["ci", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=10000"]),
    ] {
        let mut command = Command::new(program);
        command.args(flags).current_dir(stage.directory.path()).stdin(Stdio::null());
        let output = command.output().map_err(|e| format!("{program}: {e}"))?;
        if !output.status.success() {
            return Err(format!("{program} {}: {}", flags[0], String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(stage)
}

/// Asserts that each publish reached the 20 subscribers of its room, once and in order.
fn reached_everybody(run: &Run) {
    adds_up(run);
    let d = &run.deliveries;
    assert_eq!(d.expected, run.publishes.sent * 20);
    assert_eq!(
        (d.delivered, d.lost, d.duplicated, d.reordered, d.corrupted, d.foreign),
        (d.expected, 0, 0, 0, 0, 0),
        "{:?}",
        run.compression.negotiated
    );
}

#[test]
fn both_clients_count_the_same_on_a_node_server() {
    let stage = match installed(SCENARIO) {
        Ok(stage) => stage,
        Err(why) => return println!("skipped: {why}"),
    };
    let [native, tungstenite] = ["native", "tungstenite"].map(|client| {
        let (done, ()) = undisturbed(|| (stage.run_json(&["--client", client]), ()));
        done.exits(0);
        let run = done.run();
        reached_everybody(run);
        let due = run.latency.due.as_ref().unwrap();
        println!("{client}: p50 {:.0} us, p99 {:.0} us", due.p50.unwrap(), due.p99.unwrap());
        let server = run.server.as_ref().unwrap();
        assert!(server.cpu_s > 0.0 && server.rss_bytes > 1 << 20, "{server:?}");
        counts(run)
    });
    assert_eq!(native, tungstenite);
}

#[test]
fn what_a_node_server_compresses_is_decompressed_and_counted_in_each_of_its_modes() {
    for (offer, flags, agreed) in [
        ("offer = \"context\"", r#""--context", "on""#, "context/15"),
        ("offer = \"context\"", r#""--context", "off""#, "standalone/15"),
        ("offer = \"no_context\"", r#""--context", "on""#, "standalone/15"),
        ("offer = \"context\", window_bits = 12", r#""--context", "on""#, "context/12"),
        ("offer = \"context\"", r#""--context", "on", "--bits", "10""#, "context/10"),
    ] {
        let scenario = SCENARIO
            .replace("\"hub.js\",", &format!("\"hub.js\", {flags},"))
            .replace("rooms = 3\n", &format!("rooms = 3\ncompression = {{ {offer}, require = true }}\n"));
        let stage = match installed(&scenario) {
            Ok(stage) => stage,
            Err(why) => return println!("skipped: {why}"),
        };
        let (done, ()) = undisturbed(|| (stage.run_json(&[]), ()));
        done.exits(0);
        let run = done.run();
        reached_everybody(run);
        let c = &run.compression;
        println!("{offer} {flags}: ratio {:.2}, {} inflated", c.ratio.unwrap(), run.loadgen.inflated);
        assert_eq!(c.negotiated, [(agreed.to_owned(), 60)].into(), "{offer} {flags}");
        assert!(c.wire_bytes < c.payload_bytes && c.ratio.unwrap() > 1.2, "{c:?}");
        // Node compresses for each subscriber by itself, and yet alike: one message is decompressed once a worker.
        assert!(run.loadgen.inflated <= 2 * run.publishes.sent, "{} inflated", run.loadgen.inflated);
        assert!(run.loadgen.inflate_cpu_s > 0.0 && run.loadgen.inflate_cpu_s < run.loadgen.cpu_s);
    }
}
