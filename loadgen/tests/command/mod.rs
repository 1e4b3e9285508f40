//! Runs `fanout` as a user does: a scenario file, flags, an exit code, and the files that it leaves.

#![allow(dead_code, reason = "every test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

pub mod divided;
pub mod server;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use loadgen::report::exit_code;
use loadgen::result::{Deliveries, Run};
use tempfile::TempDir;

/// No command of a test takes this long; one that does is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// The program under test.
pub const FANOUT: &str = env!("CARGO_BIN_EXE_fanout");

/// A second of so many publishes against `target` (lines of TOML), to ten subscribers; its machine may be busy.
pub fn small(name: &str, rate: u32, target: &str) -> String {
    format!(
        r#"
name = "{name}"
settle = "100ms"
drain = "3s"
max_schedule_lag = "2s"
[target]
{target}
[[connections]]
name = "subscribers"
count = 10
[[publishers]]
name = "speaker"
rate = {rate}
[[phases]]
name = "steady"
for = "1s"
"#
    )
}

/// A directory with a scenario in it.
pub struct Stage {
    pub directory: TempDir,
    environment: Vec<(&'static str, &'static str)>,
}

impl Stage {
    /// With `scenario.toml`.
    pub fn new(scenario: &str) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("scenario.toml"), scenario).unwrap();
        Stage { directory, environment: Vec::new() }
    }

    /// Adds a file.
    pub fn with(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.directory.path().join(name), contents).unwrap();
        self
    }

    /// Sets a variable of the environment.
    pub fn having(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Where the files of a run go.
    pub fn out(&self) -> PathBuf {
        self.directory.path().join("out")
    }

    /// `fanout run scenario.toml --out out` and more flags; waits for the end.
    pub fn run(&self, flags: &[&str]) -> Done {
        self.start(flags).wait()
    }

    /// The same, with the run on stdout.
    pub fn run_json(&self, flags: &[&str]) -> Done {
        self.run(&[&["--format", "json"], flags].concat())
    }

    /// Starts it and does not wait.
    pub fn start(&self, flags: &[&str]) -> Going {
        let out = self.out();
        let mut command = Command::new(FANOUT);
        command.args(["run", "scenario.toml", "--out"]).arg(&out).args(flags);
        self.spawn(command)
    }

    /// Starts `fanout` with these arguments and does not wait.
    pub fn go(&self, arguments: &[&str]) -> Going {
        let mut command = Command::new(FANOUT);
        command.args(arguments);
        self.spawn(command)
    }

    /// `fanout run scenario.toml --out out` behind a line of shell that prepares its surroundings: `$@` is the command.
    pub fn run_behind(&self, wrapper: &[&str]) -> Done {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).args(["sh", FANOUT, "run", "scenario.toml", "--out"]).arg(self.out());
        self.spawn(command).wait()
    }

    fn spawn(&self, mut command: Command) -> Going {
        command.current_dir(self.directory.path()).env("NO_COLOR", "1");
        command.envs(self.environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Said::of(child.stdout.take().unwrap());
        let stderr = Said::of(child.stderr.take().unwrap());
        Going { child, stdout, stderr, out: self.out(), since: Instant::now() }
    }
}

/// A command under way.
pub struct Going {
    child: Child,
    stdout: Said,
    stderr: Said,
    out: PathBuf,
    since: Instant,
}

impl Going {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr so far.
    pub fn said(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it says this on stderr.
    pub fn until_said(&mut self, text: &str) {
        while !self.stderr.text().contains(text) {
            assert!(self.child.try_wait().unwrap().is_none(), "ended before \"{text}\":\n{}", self.stderr.text());
            assert!(self.since.elapsed() < STUCK, "never said \"{text}\":\n{}", self.stderr.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal by name, such as INT.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Done {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.since.elapsed() > STUCK {
                self.child.kill().unwrap();
                panic!("stuck:\n{}", self.stderr.text());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Done {
            code: status.code().unwrap_or(-1),
            stdout: self.stdout.end(),
            stderr: self.stderr.end(),
            run: run_in(&self.out),
            took: self.since.elapsed(),
        }
    }
}

/// What a stream has said so far.
struct Said {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Said {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 8192];
            while let Ok(n @ 1..) = stream.read(&mut part) {
                kept.lock().unwrap().extend_from_slice(&part[..n]);
            }
        });
        Said { text, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    fn end(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    /// Exit code; -1: killed.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// What `run.json` holds, if it was written.
    pub run: Option<Run>,
    pub took: Duration,
}

impl Done {
    /// The run, which must have been written.
    pub fn run(&self) -> &Run {
        self.run.as_ref().unwrap_or_else(|| panic!("no run.json; exit {}:\n{}", self.code, self.stderr))
    }

    /// Asserts the exit code. Where only a busy machine made the run invalid, it is the code that the same counts would have had on a
    /// quiet one: tests judge counts, and how fast the machine happened to be is none.
    pub fn exits(&self, code: i32) -> &Self {
        let about = self.run.as_ref().map(|r| (&r.validity.reasons, &r.ended_early, &r.deliveries, &r.connections));
        assert!(
            self.code == code || self.code_undisturbed() == code,
            "{}, not {code}\n{about:?}\n{}",
            self.code,
            self.stderr
        );
        self
    }

    /// The exit code if only the busy machine had not made the run invalid.
    fn code_undisturbed(&self) -> i32 {
        match &self.run {
            Some(run) if self.code == 4 && self.was_disturbed() => {
                let mut run = run.clone();
                // Connections and thresholds, of which `passed` is the sum too, are judged again.
                (run.validity.valid, run.passed) = (true, run.ended_early.is_none());
                i32::from(exit_code(&run))
            }
            _ => self.code,
        }
    }

    /// Asserts that stderr holds this, whatever its line breaks.
    pub fn says(&self, text: &str) -> &Self {
        let said = self.stderr.split_whitespace().filter(|w| !["│", "×", "help:"].contains(w));
        let said = said.collect::<Vec<_>>().join(" ");
        assert!(said.contains(text), "expected: {text}\nsaid: {said}");
        self
    }

    /// Whether only a busy machine made it invalid: such a run is right to say so, and is measured again.
    pub fn was_disturbed(&self) -> bool {
        let noise = ["read-age", "elapsed", "schedule-lag", "cpu-limit", "unsent"];
        self.run.as_ref().is_some_and(|run| {
            !run.validity.valid && run.validity.reasons.iter().all(|r| noise.contains(&r.rule.as_str()))
        })
    }
}

/// What a run has left in this directory, if it was written.
pub fn run_in(directory: &Path) -> Option<Run> {
    let text = std::fs::read_to_string(directory.join("run.json")).ok()?;
    Some(loadgen::report::json::read(&text).unwrap())
}

/// A file that must be there.
pub fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// Measures until the machine leaves a run undisturbed, three times at most.
pub fn undisturbed<T>(mut measure: impl FnMut() -> (Done, T)) -> (Done, T) {
    let mut last = measure();
    for _ in 0..2 {
        if !last.0.was_disturbed() {
            break;
        }
        last = measure();
    }
    last
}

/// What must be the same whichever client measured: every count of the ledger, and what became of connections.
pub fn counts(run: &Run) -> (u64, u64, Deliveries, [u64; 5]) {
    let c = &run.connections;
    (run.publishes.due, run.publishes.sent, run.deliveries.clone(), [c.asked, c.opened, c.refused, c.failed, c.closed])
}

/// Asserts the sum that every ledger must keep.
pub fn adds_up(run: &Run) {
    let d = &run.deliveries;
    assert_eq!(d.expected, d.delivered + d.corrupted + d.lost, "{d:?}");
}
