//! The way from an upgraded connection to one that has joined its room: what is said, what is waited for.

use std::time::Duration;

use super::matching::Match;
use super::template::{Template, Words};
use super::{Dialect, Part, Said};

/// One step of joining.
#[derive(Debug, Clone)]
pub struct Step {
    /// Names it in causes of failures.
    pub name: String,
    /// What is said; `None`: the server speaks first.
    pub send: Option<Template>,
    /// What the server's part must be like; `None`: it confirms nothing.
    pub expect: Option<Match>,
    /// A part like this ends it: the server does not let us in.
    pub refuse: Option<Match>,
    /// How long the server may take.
    pub timeout: Duration,
}

/// Where a connection is on its way. Times in nanoseconds of CLOCK_MONOTONIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    step: usize,
    /// Until when the present step may take.
    until: u64,
}

/// What has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Something is waited for.
    Waiting,
    /// It has joined. What begins at this byte of the frame comes after that.
    Joined(usize),
    /// It will not: the cause, which names the step.
    Failed(String),
}

impl Join {
    /// Begins at `now`. What is to be said goes to `say`, a frame each.
    pub fn begin(dialect: &Dialect, words: &Words<'_>, now: u64, say: &mut Vec<Vec<u8>>) -> (Self, Progress) {
        let mut join = Join { step: 0, until: now };
        let progress = join.go_on(dialect, words, now, say);
        (join, progress)
    }

    /// Until when the present step may take.
    pub fn until(&self) -> u64 {
        self.until
    }

    /// The cause, if the step that is waited for takes too long.
    pub fn late(&self, dialect: &Dialect, now: u64) -> Option<String> {
        let step = dialect.join.get(self.step).filter(|_| now >= self.until)?;
        Some(format!("join step {}: no answer within {}", step.name, humantime::format_duration(step.timeout)))
    }

    /// The cause, if the connection ends while the present step is waited for.
    pub fn broken(&self, dialect: &Dialect, cause: &str) -> String {
        let step = dialect.join.get(self.step).map_or("", |step| &step.name);
        format!("join step {step}: {cause}")
    }

    /// A message of the server's arrived at `now`.
    pub fn hear(
        &mut self,
        dialect: &Dialect,
        words: &Words<'_>,
        frame: &[u8],
        now: u64,
        say: &mut Vec<Vec<u8>>,
    ) -> Progress {
        for Part { bytes, end } in dialect.receive.parts(frame) {
            if let Said::Answer(answer) = dialect.receive.read(bytes) {
                say.push(answer.to_vec());
                continue;
            }
            let Some(step) = dialect.join.get(self.step) else { return Progress::Joined(0) };
            if step.refuse.as_ref().is_some_and(|refuse| refuse.fits(bytes)) {
                return Progress::Failed(format!("join step {}: refused by the server", step.name));
            }
            if step.expect.as_ref().is_some_and(|expect| expect.fits(bytes)) {
                self.step += 1;
                match self.go_on(dialect, words, now, say) {
                    Progress::Joined(_) => return Progress::Joined(end),
                    _ => continue,
                }
            }
        }
        Progress::Waiting
    }

    /// Takes steps up to one that waits for an answer.
    fn go_on(&mut self, dialect: &Dialect, words: &Words<'_>, now: u64, say: &mut Vec<Vec<u8>>) -> Progress {
        while let Some(step) = dialect.join.get(self.step) {
            say.extend(step.send.as_ref().map(|send| send.filled(words)));
            if step.expect.is_some() {
                self.until = now + step.timeout.as_nanos() as u64;
                return Progress::Waiting;
            }
            self.step += 1;
        }
        Progress::Joined(0)
    }
}
