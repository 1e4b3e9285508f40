//! What goes wrong is said in a sentence, with the right exit code, and what was measured until then is written.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::server::free_address;
use crate::command::{Done, FANOUT, Stage, adds_up, small};
use crate::double::{Double, Fault};

/// A scenario that passes, with `target` (lines of TOML) as its server.
fn scenario(target: &str) -> String {
    small("trial", 100, target)
}

fn at(url: &str) -> String {
    scenario(&format!("url = \"{url}\""))
}

fn long(target: &str) -> String {
    scenario(target).replace("for = \"1s\"", "for = \"60s\"")
}

/// Ends with this code and sentence, in fewer than so many seconds, with nothing on stdout and no run written.
fn refused(done: &Done, code: i32, sentence: &str, within: u64) {
    done.exits(code).says(sentence);
    assert!(done.took < Duration::from_secs(within), "took {:?}", done.took);
    assert!(done.run.is_none() && done.stdout.is_empty(), "{}", done.stdout);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let done = Stage::new(&scenario("").replace("count = 10", "cuont = 10")).run(&[]);
    refused(&done, 2, "cuont", 5);
    done.says("`count`").says("scenario.toml:10:1");
}

#[test]
fn a_wrong_unit_is_named_with_what_would_be_right() {
    let done = Stage::new(&scenario("").replace("for = \"1s\"", "for = \"1 fortnight\"")).run(&[]);
    refused(&done, 2, "1 fortnight", 5);
    done.says("scenario.toml:16:7");
    let done = Stage::new(&scenario("")).run(&["--set", "settle=10kg"]);
    refused(&done, 2, "10kg", 5);
}

#[test]
fn every_file_is_checked_before_the_first_one_runs() {
    let stage = Stage::new(&scenario("")).with("second.toml", "name = \"Second One\"");
    let done = stage.run(&["second.toml"]);
    refused(&done, 2, "second.toml", 5);
}

#[test]
fn two_scenarios_of_one_name_cannot_share_a_folder() {
    let stage = Stage::new(&scenario("")).with("second.toml", scenario(""));
    refused(&stage.run(&["second.toml"]), 2, "two scenarios are named `trial`", 5);
}

#[test]
fn a_file_that_is_not_there_is_a_bad_scenario() {
    let done = Stage::new(&scenario("")).run(&["absent.toml"]);
    refused(&done, 2, "absent.toml", 5);
}

#[test]
fn more_connections_than_descriptors_are_refused_with_what_would_fit() {
    let stage = Stage::new(&scenario("").replace("count = 10", "count = 600"));
    let done = stage.run_behind(&["sh", "-c", "ulimit -n 700; exec \"$@\""]);
    refused(&done, 2, "601 connections in one room, but a bundled server takes 200, and a room is on one server", 5);
    done.says("ulimit");
}

#[test]
fn more_connections_than_ports_are_refused_with_the_cure() {
    let apart = ["unshare", "--map-root-user", "--net", "sh", "-c"];
    let narrow = "echo 40000 40099 > /proc/sys/net/ipv4/ip_local_port_range";
    if !possible(&[&apart[..], &[narrow]].concat()) {
        return println!("skipped: no network namespace to be had");
    }
    let narrow = format!("{narrow} && exec \"$@\"");
    let stage = Stage::new(&scenario("").replace("count = 10", "count = 150"));
    let done = stage.run_behind(&[&apart[..], &[&narrow]].concat());
    refused(&done, 2, "151 connections from one source address, but there are 100 ports for them", 5);
    done.says("source_ips");
}

#[test]
fn nothing_listens() {
    let free = free_address();
    let done = Stage::new(&at(&format!("ws://{free}/broadcast/{{room}}"))).run(&[]);
    refused(&done, 1, "cannot reach the server", 5);
    done.says(&free.to_string());
}

#[test]
fn a_path_that_the_server_does_not_have() {
    let done = Stage::new(&scenario("path = \"/brodcast/{room}\"")).run(&[]);
    refused(&done, 1, "answered the upgrade with 404 Not Found instead of 101: check the path (target.path)", 10);
    done.says("/brodcast/r0");
}

#[test]
fn what_a_query_holds_is_not_said() {
    let done = Stage::new(&scenario("path = \"/brodcast/{room}?token=hunter2\"")).run(&[]);
    refused(&done, 1, "/brodcast/r0?[redacted]", 10);
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

#[test]
fn a_server_that_wants_a_login() {
    let double = Double::start(Fault::Refuse { after: 0, status: 403 });
    let done = Stage::new(&at(&double.url())).run(&[]);
    refused(&done, 1, "answered the upgrade with 403 Forbidden instead of 101", 5);
    done.says("authentication").says("it said: members only");
}

#[test]
fn a_server_that_hangs_up() {
    let double = Double::start(Fault::HangUp);
    let done = Stage::new(&at(&double.url())).run(&[]);
    refused(&done, 1, "it closed the connection before answering the upgrade", 5);
}

#[test]
fn a_server_of_another_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            // Whether it arrives is the test's own business.
            let _ = std::io::Write::write_all(&mut stream, b"220 mail.example.org ESMTP\r\n");
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let done = Stage::new(&at(&url)).run(&[]);
    refused(&done, 1, "does not speak WebSocket", 5);
}

#[test]
fn nobody_receives() {
    let double = Double::start(Fault::Mute);
    let done = Stage::new(&at(&double.url())).run(&[]);
    refused(&done, 1, "nobody received it: a message published to", 8);
    assert!(done.took > Duration::from_secs(4), "it gave the server too little time: {:?}", done.took);
    done.says("Likely reasons");
}

#[test]
fn a_server_program_that_is_not_there() {
    let done = Stage::new(&scenario("spawn = [\"no-such-server\", \"{port}\"]")).run(&[]);
    refused(&done, 1, "cannot start the server with `no-such-server", 5);
}

#[test]
fn a_server_program_that_ends_before_it_is_ready() {
    let target = "spawn = [\"sh\", \"-c\", \"echo port {port} is taken >&2; exit 7\"]";
    let done = Stage::new(&scenario(target)).run(&[]);
    refused(&done, 1, "ended with exit status 7 before it was ready", 5);
    done.says("is taken");
}

#[test]
fn a_server_program_that_never_gets_ready() {
    let done = Stage::new(&scenario("spawn = [\"sleep\", \"60\", \"{port}\"]\nready_timeout = \"500ms\"")).run(&[]);
    // `sleep` takes the port for one more number of seconds.
    refused(&done, 1, "was not ready within 0.5 s (waited for its port to accept a connection)", 10);
}

#[test]
fn a_server_that_is_killed_during_the_run_fails_it_and_what_was_measured_is_written() {
    let serve = format!("exec timeout -s KILL 4 {FANOUT} serve --listen 127.0.0.1:{{port}}");
    let done = Stage::new(&long(&format!("spawn = [\"sh\", \"-c\", \"{serve}\"]"))).run(&[]);
    done.exits(3);
    let run = done.run();
    adds_up(run);
    let why = run.ended_early.as_ref().unwrap();
    assert!(why.contains("the server"), "{why}");
    assert!(run.deliveries.delivered > 0 && run.connections.closed > 0, "{:?} {:?}", run.deliveries, run.connections);
    assert!(!run.interrupted && !run.passed);
    assert!(done.stdout.starts_with("FAILED") && done.stdout.contains(why.lines().next().unwrap()), "{}", done.stdout);
    assert!(done.took < Duration::from_secs(20), "took {:?}", done.took);
}

#[test]
fn a_full_disk_loses_the_files_and_not_the_report() {
    let mount = |rest: &str| format!("mkdir -p out && mount -t tmpfs -o size=4k,nr_inodes=64 tmpfs out{rest}");
    let apart = ["unshare", "--map-root-user", "--mount", "sh", "-c"];
    let trial = tempfile::TempDir::new().unwrap();
    let there = format!("cd {} && {}", trial.path().display(), mount(""));
    if !possible(&[&apart[..], &[&there]].concat()) {
        return println!("skipped: no mount namespace to be had");
    }
    let done = Stage::new(&scenario("")).run_behind(&[&apart[..], &[&mount(" && exec \"$@\"")]].concat());
    done.exits(1).says("the disk is full: cannot write").says("--out DIR");
    // Invalid where the machine was busy: there is no run.json to tell by.
    assert!(["PASSED", "INVALID"].iter().any(|word| done.stdout.starts_with(word)), "{}", done.stdout);
    assert!(done.stdout.contains("lost 0 of 1,000"), "{}", done.stdout);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}

#[test]
fn results_that_cannot_be_written_are_refused_before_the_run() {
    let stage = Stage::new(&scenario("")).with("out", "a file is in the way");
    let done = stage.run(&[]);
    refused(&done, 1, "is not a directory", 5);
    done.says("--out DIR");
}

#[test]
fn a_report_that_nobody_takes_is_no_panic() {
    for (wrapper, code) in [("exec \"$@\" > /dev/full", 1), ("\"$@\" | true", 0)] {
        let done = Stage::new(&scenario("")).run_behind(&["sh", "-c", wrapper]);
        done.exits(code);
        assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
        assert!(done.run().passed || done.was_disturbed(), "the files are written all the same");
    }
}

#[test]
fn ctrl_c_and_sigterm_end_the_run_and_write_what_was_measured() {
    for (signal, client) in [("INT", "native"), ("TERM", "native"), ("INT", "tungstenite")] {
        let stage = Stage::new(&long(""));
        let mut going = stage.start(&["--client", client]);
        going.until_said("steady");
        going.signal(signal);
        let asked = Instant::now();
        let done = going.wait();
        assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
        done.exits(130);
        let run = done.run();
        adds_up(run);
        assert!(run.interrupted && !run.passed && run.ended_early.is_none());
        let d = &run.deliveries;
        assert!(d.delivered > 0 && d.lost == 0, "what was due was delivered: {d:?}");
        assert_eq!(run.connections.closed, 0, "we left, the server did not close");
        assert!(done.stdout.starts_with("INTERRUPTED"), "{}", done.stdout);
    }
}

#[test]
fn ctrl_c_while_connecting_ends_the_run_too() {
    let slow = long("").replace("count = 10", "count = 1000\nramp = 10");
    for client in ["native", "tungstenite"] {
        let stage = Stage::new(&slow);
        let mut going = stage.start(&["--client", client]);
        going.until_said("connecting");
        going.signal("INT");
        let asked = Instant::now();
        let done = going.wait();
        assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
        done.exits(130);
        let run = done.run();
        let c = &run.connections;
        assert!(run.interrupted && (1..1000).contains(&c.opened), "{client}: {c:?}");
        assert_eq!((run.publishes.due, run.deliveries.expected), (0, 0));
        assert_eq!((c.failed, c.refused, c.closed), (0, 0, 0), "{client}: {c:?}");
    }
}

#[test]
fn ctrl_c_before_anything_was_measured_says_so() {
    // It accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let stage = Stage::new(&at(&format!("ws://{}/", silent.local_addr().unwrap())));
    let going = stage.start(&[]);
    // Whoever has connected has begun the probe, and listens to signals.
    let probe = silent.accept().unwrap();
    going.signal("INT");
    let done = going.wait();
    refused(&done, 130, "interrupted before anything was measured", 10);
    drop(probe);
}

#[test]
fn a_server_that_fanout_started_does_not_outlive_it() {
    let stage = Stage::new(&long(&format!("spawn = [\"{FANOUT}\", \"serve\", \"--listen\", \"127.0.0.1:{{port}}\"]")));
    let mut going = stage.start(&[]);
    going.until_said("steady");
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", going.pid())).unwrap();
    let server: u32 = children.split_whitespace().next().unwrap().parse().unwrap();
    going.signal("KILL");
    assert_eq!(going.wait().code, -1);
    let since = Instant::now();
    while alive(server) {
        assert!(since.elapsed() < Duration::from_secs(5), "the server outlived fanout");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs (a dead one that nobody has waited for does not).
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Whether this machine lets us do that.
fn possible(command: &[&str]) -> bool {
    Command::new(command[0]).args(&command[1..]).output().is_ok_and(|output| output.status.success())
}
