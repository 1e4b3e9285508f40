//! Runs of `fanout`: the scenario it is given and the `run.json` it answers with.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::pairs::{Arm, Pairs, in_turns};

/// How often a run is made again that was invalid.
const AGAIN: u32 = 2;
/// How long connecting, the probe, draining and the report may take, on top of the length of a run.
const PATIENCE_S: f64 = 90.0;

/// Which server a scenario runs against.
#[derive(Clone)]
pub enum Target {
    /// One of ours that is already there, for as many runs as we like.
    Running {
        /// Where it listens.
        addr: SocketAddr,
        /// Its process, for its memory and CPU.
        pid: u32,
    },
    /// The one that `fanout` brings along, new for each run.
    Bundled,
    /// Node's `ws` package in a hub of a few lines, new for each run: the folder that holds `hub.js`.
    NodeHub(PathBuf),
}

/// A scenario for `fanout run`.
pub struct Scenario {
    /// Which server.
    pub target: Target,
    /// How many connections subscribe.
    pub subscribers: usize,
    /// Their rooms, as TOML: how many, or their names.
    pub rooms: String,
    /// Bytes of a message's payload.
    pub payload: usize,
    /// The lines of `[[publishers]]` that say how many, how often.
    pub publishing: String,
    /// Silence between the last connection and the first message, in seconds.
    pub settle_s: f64,
    /// Length of the phase before the measured one, in seconds; 0 for none.
    pub warm_s: f64,
    /// Length of the measured phase, in seconds.
    pub seconds: f64,
    /// `--client`.
    pub client: &'static str,
}

impl Target {
    /// The server that `program` is.
    pub fn of(program: &Program, addr: SocketAddr) -> Self {
        Self::Running { addr, pid: program.pid() }
    }

    fn toml(&self) -> Result<String, BenchError> {
        Ok(match self {
            Self::Running { addr, pid } => format!("[target]\nurl = \"ws://{addr}/broadcast/{{room}}\"\npid = {pid}\n"),
            Self::Bundled => String::new(),
            Self::NodeHub(folder) => {
                let hub = folder.join("hub.js").canonicalize()?;
                // A JSON string is a TOML string.
                let hub = serde_json::to_string(&hub.to_string_lossy()).map_err(std::io::Error::from)?;
                format!("[target]\nspawn = [\"node\", {hub}, \"--port\", \"{{port}}\"]\n")
            }
        })
    }
}

impl Scenario {
    /// One room with the setting's subscribers and payload, one message a second.
    pub fn new(target: Target, setting: &Setting) -> Self {
        Self {
            target,
            subscribers: setting.subscribers,
            rooms: "1".to_owned(),
            payload: setting.payload,
            publishing: "count = 1\nrate = 1".to_owned(),
            settle_s: 0.5,
            warm_s: 0.0,
            seconds: setting.seconds,
            client: "native",
        }
    }

    fn toml(&self) -> Result<String, BenchError> {
        let Self { subscribers, rooms, payload, publishing, .. } = self;
        let ms = |seconds: f64| (seconds * 1e3).round();
        let warm = match self.warm_s {
            0.0 => String::new(),
            warm => format!("[[phases]]\nname = \"warm\"\nfor = \"{}ms\"\nmeasure = false\n", ms(warm)),
        };
        Ok(format!(
            "name = \"bench\"\nsettle = \"{}ms\"\n{}\
             [[connections]]\nname = \"subscribers\"\ncount = {subscribers}\nrooms = {rooms}\nramp = 5000\n\
             [[publishers]]\nname = \"source\"\n{publishing}\npayload = {{ size = {payload} }}\n\
             {warm}[[phases]]\nname = \"steady\"\nfor = \"{}ms\"\n",
            ms(self.settle_s),
            self.target.toml()?,
            ms(self.seconds)
        ))
    }

    /// Runs it on `cpus` and returns its `run.json`. A server that it starts itself shares them with it.
    pub fn run(&self, cpus: &[usize]) -> Result<Value, BenchError> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bench.toml");
        std::fs::write(&file, self.toml()?)?;
        let argument = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments = ["run", "--format", "json", "--client", self.client, "--out"].map(str::to_owned).to_vec();
        arguments.extend([argument(&folder.path().join("out")), argument(&file)]);
        let complaints = folder.path().join("stderr");
        let program = Program::start_quietly("fanout", &arguments, cpus, File::create(&complaints)?.into())?;
        let text = program.everything(self.settle_s + self.warm_s + self.seconds + PATIENCE_S)?;
        serde_json::from_str(&text).map_err(|_| BenchError::Refused {
            complaints: std::fs::read_to_string(&complaints).unwrap_or_default().trim().to_owned(),
        })
    }
}

/// The number at a dotted path, or not a number.
pub fn figure(run: &Value, path: &str) -> f64 {
    path.split('.').try_fold(run, |value, key| value.get(key)).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// The largest of some figures, and not a number when one of them is none: what could not be measured is not fine.
pub fn worst(figures: impl IntoIterator<Item = f64>) -> f64 {
    extreme(figures, 0.0, f64::max)
}

/// The smallest of some figures, likewise.
pub fn least(figures: impl IntoIterator<Item = f64>) -> f64 {
    extreme(figures, f64::INFINITY, f64::min)
}

/// `f64::max` and `f64::min` ignore what is not a number.
fn extreme(figures: impl IntoIterator<Item = f64>, start: f64, further: fn(f64, f64) -> f64) -> f64 {
    figures.into_iter().fold(
        start,
        |so_far, value| {
            if so_far.is_nan() || value.is_nan() { f64::NAN } else { further(so_far, value) }
        },
    )
}

/// Deliveries that were lost or otherwise not as published.
pub fn wrong(run: &Value) -> f64 {
    ["lost", "corrupted", "duplicated", "reordered"].map(|k| figure(run, &format!("deliveries.{k}"))).iter().sum()
}

/// `count` pairs of runs, an invalid one made again up to twice, as `fanout ab` does it; and what is to be said of that, as a condition
/// of the outcome.
pub fn pairs_of_runs(
    count: u32,
    mut run: impl FnMut(Arm) -> Result<Value, BenchError>,
) -> Result<(Pairs<Value>, Option<String>), BenchError> {
    let mut repeated = 0;
    let pairs = in_turns(count, |arm| {
        let mut made = run(arm)?;
        for _ in 0..AGAIN {
            if why_invalid(&made).is_none() {
                break;
            }
            repeated += 1;
            made = run(arm)?;
        }
        Ok(made)
    })?;
    let again = (repeated > 0).then(|| format!("{repeated} invalid runs were made again"));
    let said: Vec<String> = again.into_iter().chain(doubts(pairs.all())).collect();
    Ok((pairs, (!said.is_empty()).then(|| said.join("; "))))
}

/// How many of `runs` are invalid and why the first of them is, as a condition of the outcome.
pub fn doubts<'a>(runs: impl IntoIterator<Item = &'a Value>) -> Option<String> {
    let (mut all, mut invalid, mut first) = (0, 0, None);
    for run in runs {
        all += 1;
        if let Some(reasons) = why_invalid(run) {
            invalid += 1;
            first = first.or(Some(reasons));
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts: Vec<String> = first?.iter().map(|r| format!("{}: {}", text(&r["rule"]), text(&r["figure"]))).collect();
    Some(format!("{invalid} of {all} runs were invalid; {}", texts.join(", ")))
}

fn why_invalid(run: &Value) -> Option<&Vec<Value>> {
    run["validity"]["reasons"].as_array().filter(|reasons| !reasons.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_runs_are_counted_and_the_first_says_why() {
        let valid = serde_json::json!({ "validity": { "reasons": [] } });
        let late =
            serde_json::json!({ "validity": { "reasons": [{ "rule": "schedule-lag", "figure": "3 ms late" }] } });
        assert_eq!(doubts([&valid, &valid]), None);
        let text = doubts([&valid, &late, &late]);
        assert_eq!(text.as_deref(), Some("2 of 3 runs were invalid; schedule-lag: 3 ms late"));
    }

    #[test]
    fn invalid_runs_are_made_again_up_to_twice() {
        let reasons = serde_json::json!([{ "rule": "schedule-lag", "figure": "3 ms late" }]);
        let run = |n: u32, valid: bool| {
            let reasons = if valid { serde_json::json!([]) } else { reasons.clone() };
            serde_json::json!({ "n": n, "validity": { "reasons": reasons } })
        };
        // Valid; invalid twice, then valid; never valid; valid.
        let (mut made, valid) = (0, [true, false, false, true, false, false, false, true]);
        let (pairs, said) = pairs_of_runs(2, |_| {
            made += 1;
            Ok(run(made, valid[made as usize - 1]))
        })
        .unwrap();
        let kept: Vec<u64> = pairs.all().map(|run| run["n"].as_u64().unwrap()).collect();
        assert_eq!(kept, [1, 4, 8, 7], "the second pair begins with the other arm");
        assert_eq!(
            said.as_deref(),
            Some("4 invalid runs were made again; 1 of 4 runs were invalid; schedule-lag: 3 ms late")
        );
        assert_eq!(pairs_of_runs(1, |_| Ok(run(0, true))).unwrap().1, None);
    }

    #[test]
    fn what_was_not_measured_is_the_worst_there_is() {
        assert_eq!(worst([1.0, 3.0, 2.0]), 3.0);
        assert!(worst([1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(least([2.0, 1.0, 3.0]), 1.0);
        assert!(least([f64::NAN, 2.0]).is_nan());
        assert!(wrong(&serde_json::json!({})).is_nan());
    }
}
