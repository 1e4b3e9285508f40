//! CPUs, limits and processes of the machine that runs the tests.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;

use net::{Signal, available, pin_child, pin_thread, raise_descriptors};

/// A child that says `ready` and then waits for its standard input to end.
fn child(command: &mut Command) -> Child {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn cat() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "echo ready; exec cat"]);
    command
}

fn allowed(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned()
}

#[test]
fn a_pinned_thread_stays_on_its_cpu_and_others_are_free() {
    let cpus = available().unwrap();
    let last = *cpus.last().unwrap();
    let pinned = thread::spawn(move || {
        pin_thread(&[last]).unwrap();
        available().unwrap()
    });
    assert_eq!(pinned.join().unwrap(), [last]);
    assert_eq!(available().unwrap(), cpus);
}

#[test]
fn a_child_is_pinned_from_its_first_instruction() {
    let last = *available().unwrap().last().unwrap();
    let mut command = cat();
    pin_child(&mut command, &[last]).unwrap();
    let mut child = child(&mut command);
    assert_eq!(allowed(child.id()), last.to_string());
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn pinning_to_nothing_or_to_a_cpu_that_cannot_be_is_an_error() {
    assert_eq!(pin_thread(&[]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(pin_thread(&[1 << 20]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(pin_thread(&[1_023]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn the_soft_descriptor_limit_is_raised_to_the_hard_one() {
    let limit = raise_descriptors().unwrap();
    assert_eq!(limit.soft, limit.hard);
    assert_eq!(net::descriptors().unwrap(), limit);
}

#[test]
fn an_address_is_local_when_a_socket_can_have_it() {
    assert!(net::is_local("127.0.0.9".parse().unwrap()).unwrap());
    // RFC 5737: for documentation alone.
    assert!(!net::is_local("192.0.2.1".parse().unwrap()).unwrap());
}

#[test]
fn ephemeral_ports_are_the_range_a_connect_uses() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let range = net::ephemeral_ports().unwrap();
    assert!(range.contains(&client.local_addr().unwrap().port()), "{range:?}");
}

#[test]
fn memory_follows_what_a_process_touches() {
    let own = std::process::id();
    let before = net::memory(own).unwrap();
    let bytes = std::hint::black_box(vec![1_u8; 64 << 20]);
    let after = net::memory(own).unwrap();
    assert!(after.rss_bytes >= before.rss_bytes + (48 << 20), "{before:?} {after:?}");
    drop(bytes);
    let later = net::memory(own).unwrap();
    assert!(later.rss_bytes + (32 << 20) <= after.rss_bytes, "{after:?} {later:?}");
    assert!(later.peak_bytes >= later.rss_bytes + (32 << 20), "the peak stays: {later:?}");
    assert!(net::memory(u32::MAX >> 1).is_err());
}

#[test]
fn context_switches_count_blocking() {
    let own = std::process::id();
    let before = net::context_switches(own).unwrap();
    // Other tests' threads may end meanwhile and take their counts with them; this thread's own stay.
    let switched = || {
        let task = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let switches = task.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        switches.trim().parse::<u64>().unwrap()
    };
    // Where the machine stops for a moment, a sleep is over before it has begun.
    while switched() < 20 {
        thread::sleep(std::time::Duration::from_micros(100));
    }
    assert!(before > 0 && net::context_switches(own).unwrap() >= 20);
}

#[test]
fn threads_and_descriptors_of_a_process_are_counted() {
    let mut child = child(&mut cat());
    assert_eq!(net::threads(child.id()).unwrap(), 1);
    // Its three, and whatever this process was started with and handed on; the shell may still be about to become `cat`.
    let listed = || std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().count() as u64;
    assert!(listed() >= 3);
    assert!((0..1000).any(|_| net::descriptors_of(child.id()).unwrap() == listed()));
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(net::threads(child.id()).is_err() && net::descriptors_of(child.id()).is_err());
}

#[test]
fn a_thread_that_steps_back_leaves_the_others_as_they_are() {
    let nice = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat[stat.rfind(')').unwrap()..].split_whitespace().nth(17).unwrap().to_owned()
    };
    let before = nice();
    let stepped = thread::spawn(move || {
        net::step_back().unwrap();
        nice()
    });
    assert_eq!(stepped.join().unwrap(), "19");
    assert_eq!(nice(), before);
}

#[test]
fn the_kernel_says_what_it_uses_itself() {
    assert!(net::kernel_memory().unwrap() > 1 << 20);
    net::tcp_retransmits().unwrap();
}

#[test]
fn a_signal_ends_a_child_and_nonsense_is_refused() {
    for (signal, number) in [(Signal::Terminate, 15), (Signal::Kill, 9)] {
        let mut child = child(&mut cat());
        net::signal(child.id(), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(number));
    }
    assert_eq!(net::signal(0, Signal::Terminate).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(net::signal(u32::MAX, Signal::Terminate).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_signal_to_a_group_ends_what_its_leader_started() {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new("sh");
    // The shell waits for a child of its own, which holds the pipe open as long as it lives. POSIX gives a background command
    // /dev/null as its standard input, even before `<&0`, so the pipe takes a detour.
    command.args(["-c", "exec 3<&0; cat <&3 & echo ready; wait"]).process_group(0);
    let mut child = child(&mut command);
    net::signal_group(child.id(), Signal::Kill).unwrap();
    let mut rest = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    for nobody in [0, 1] {
        let error = net::signal_group(nobody, Signal::Terminate).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_tied_child_does_not_outlive_the_thread_that_started_it() {
    let mut child = thread::spawn(|| {
        let mut command = cat();
        net::die_with_parent(&mut command);
        child(&mut command)
    })
    .join()
    .unwrap();
    // Its standard input is still open, so only the signal can have ended it.
    let mut rest = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    let input = child.stdin.take();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    drop(input);
}

#[test]
fn open_descriptors_are_counted() {
    let before = net::open_descriptors().unwrap();
    let files: Vec<_> = (0..200).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    // Other tests of this process open and close some at the same time.
    assert!(net::open_descriptors().unwrap() > before + 100, "{before}");
    drop(files);
    assert!(net::open_descriptors().unwrap() < before + 100);
}
