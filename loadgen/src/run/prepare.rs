//! From a plan to its result: the server, the probe, the workers, and what became of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::account::Account;
use super::assemble::assemble;
use super::conductor::{Conductor, Latest};
use super::crew::{Crew, CrewError};
use super::outcome::{Costs, Memory, Outcome};
use super::own::Own;
use super::signals::Signals;
use super::telling::Telling;
use super::timeline::Timeline;
use crate::ledger::{Book, Verify};
use crate::plan::{Checked, ClientEngine, Force, MOST_AGENTS, Mode, Plan, TargetKind};
use crate::probe::{Echo, ProbeError, Seen, Wrapping, probe};
use crate::progress::Progress;
use crate::report::ArrivalLog;
use crate::report::numbers::plural;
use crate::request::Requests;
use crate::result::Run;
use crate::target::{Servers, Split, TargetError};
use crate::thresholds::Baseline;
use crate::worker::{Common, Completion, Found, Tally, publisher_rooms};

/// How a run is carried out, beside its plan.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Hot threads of the load generator; `None`: one for each CPU that it has.
    pub workers: Option<usize>,
    /// Processes beside this one that have the workers; `None`: as many as their descriptors make necessary, 0 where this one's do.
    pub agents: Option<u16>,
    /// Which CPUs shall not sleep meanwhile; `None`: all may.
    pub keep_awake: Option<KeepAwake>,
    /// The earlier run that thresholds may compare with.
    pub baseline: Baseline,
}

/// Which CPUs [`net::Awake`] keeps from sleeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeepAwake {
    /// The CPUs that fanout has
    Own,
    /// Those of the server too, if it is on this machine: its latencies are then better than it would have by itself
    All,
}

impl KeepAwake {
    /// Those CPUs, in order.
    fn cpus(self, split: &Split) -> Vec<usize> {
        let servers = split.server.iter().flatten().filter(|_| self == KeepAwake::All);
        let all: std::collections::BTreeSet<usize> = split.loadgen.iter().chain(servers).copied().collect();
        all.into_iter().collect()
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server under test is not there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The probe found that a run makes no sense.
    #[error("{error}{said}")]
    Probe {
        /// What it found.
        error: ProbeError,
        /// The last lines of the server's standard error, if any.
        said: String,
    },
    /// Threads, pollers, signals.
    #[error("cannot set the run up: {0}")]
    Setup(#[from] std::io::Error),
    /// There is nothing to keep CPUs awake with.
    #[error("cannot keep CPUs awake: {0}; some sandboxes do not allow it: run without --keep-awake")]
    KeepAwake(std::io::Error),
    /// The workers could not be started.
    #[error(transparent)]
    Crew(#[from] CrewError),
    /// Too many connections even for agents.
    #[error(
        "these connections need more than {MOST_AGENTS} agents: a process may have {0} descriptors here; raise the hard limit \
         (ulimit -Hn) as root"
    )]
    Agents(u64),
    /// A closed loop over several workers needs every sender to get its own message back.
    #[error("this server sends no copy to the sender, so a closed loop works with one worker only: give --workers 1")]
    ClosedLoopWithoutEcho,
    /// Ctrl-C before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

/// Carries a plan out. The log of arrivals comes beside the run.
///
/// # Errors
/// When nothing could be measured. What was measured before an early end is a [`Run`] that says so.
pub async fn execute(plan: Plan, settings: &Settings, progress: &mut Progress) -> Result<(Run, ArrivalLog), RunError> {
    let mut signals = Signals::new()?;
    // A shortage shows up as failed connections, each with its reason.
    let _ = net::raise_descriptors();
    let plan = Arc::new(plan);
    let available = net::available()?;
    let split = split(&plan, &available);
    // Before any thread is made, so that all of ours inherit it. Unpinned, a run is merely noisier, which its figures show.
    if split.server.is_some() {
        let _ = net::pin_thread(&split.loadgen);
    }
    let outcome = serve_and_conduct(&plan, settings, progress, &mut signals, &split).await;
    // The next run divides the whole machine again.
    let _ = net::pin_thread(&available);
    let outcome = outcome?;
    let epoch = outcome.began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let log = outcome.timeline.arrival_log(epoch);
    Ok((assemble(&plan, &outcome, &settings.baseline), log))
}

/// A server that we start is kept off our CPUs. The bundled one says how many threads it has; another may use half the machine.
fn split(plan: &Plan, available: &[usize]) -> Split {
    let wanted = match &plan.target.kind {
        TargetKind::Bundled { flags, division } => {
            let shards = flags.iter().find(|flag| flag.name == "shards").and_then(|flag| flag.value.parse().ok());
            Some(shards.unwrap_or(1) * usize::from(division.processes()))
        }
        TargetKind::Spawn { .. } => Some(available.len() / 2),
        TargetKind::Url { .. } => None,
    };
    Split::of(available, wanted)
}

async fn serve_and_conduct(
    plan: &Arc<Plan>,
    settings: &Settings,
    progress: &mut Progress,
    signals: &mut Signals,
    split: &Split,
) -> Result<Outcome, RunError> {
    let voice = progress.voice();
    let mut servers = tokio::select! {
        servers = Servers::start(plan, split, &voice) => servers?,
        () = signals.interrupted() => return Err(RunError::Interrupted),
    };
    let outcome = conduct(plan, settings, progress, signals, &mut servers, split).await;
    servers.stop().await;
    outcome
}

async fn conduct(
    plan: &Arc<Plan>,
    settings: &Settings,
    progress: &mut Progress,
    signals: &mut Signals,
    server: &mut Servers,
    split: &Split,
) -> Result<Outcome, RunError> {
    let endpoints = server.endpoints();
    let admins = server.admins();
    let requests = Requests::new(plan, &endpoints);
    let seen = tokio::select! {
        seen = probe(plan, &requests, &endpoints, &admins) => seen,
        () = signals.interrupted() => return Err(RunError::Interrupted),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            // A server that died says more than the probe can.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Err(RunError::Probe { error, said: server.last_words() });
        }
    };
    // After the probe: whoever serves is there by now.
    let sampler = server.sampler();
    let force = force(plan, settings, split)?;
    let workers = usize::from(force.workers);
    let endpoints_are_here = endpoints.iter().all(|endpoint| endpoint.address.ip().is_loopback());
    let found = Found {
        endpoints: endpoints.clone(),
        admins,
        run: run_id(plan.seed),
        verify: if seen.wrapping == Wrapping::None { Verify::Exact } else { Verify::StampOnly },
        epoch: epoch(),
        completion: if plan.mode == Mode::Observe {
            Completion::Observed
        } else if seen.echo == Echo::ToSender {
            Completion::Echo
        } else {
            Completion::FirstArrival
        },
    };
    let epoch = found.epoch;
    let common = Arc::new(Common { plan: Arc::clone(plan), book: Arc::new(Book::new(publisher_rooms(plan))?), found });
    let account = Account::new(Arc::clone(plan), Arc::clone(&common.book), seen.echo, workers);
    if account.is_closed_loop() && workers > 1 && seen.echo == Echo::ToOthers {
        return Err(RunError::ClosedLoopWithoutEcho);
    }
    let pinned = split.server.is_some().then_some(&split.loadgen[..]);
    let crew = tokio::select! {
        crew = Crew::muster(common, force, pinned) => crew?,
        () = signals.interrupted() => return Err(RunError::Interrupted),
    };
    let awake_cpus = settings.keep_awake.map(|which| which.cpus(split)).unwrap_or_default();
    let awake = net::Awake::on(&awake_cpus).map_err(RunError::KeepAwake)?;
    let own = Own::new(&crew.pids(), awake);
    let mut notes = notes(plan, seen, force);
    if sampler.is_none() && endpoints_are_here {
        notes.push(
            "the server's process was not found (it may belong to another user): its CPU and memory are not known; give target.pid, or \
             run fanout as its user"
                .to_owned(),
        );
    }
    let costs = Costs {
        idle: Memory::read(sampler.as_ref(), &own),
        connected: Memory::default(),
        open: 0,
        ended: None,
        stats: None,
        sampler,
        watch: None,
        split: split.clone(),
        target: server.shown(plan.target.scheme()),
        endpoints,
        workers,
        agents: force.agents.into(),
        own,
        awake_cpus,
    };
    let start = net::now();
    let timeline = Timeline::new(Arc::clone(plan), (workers, workers), start, costs.spending());
    let outcome = Outcome {
        began: SystemTime::now(),
        elapsed: Duration::ZERO,
        end: None,
        account,
        timeline,
        tally: Tally::default(),
        harvests: Vec::new(),
        costs,
        epoch,
        marks: Vec::new(),
        notes,
    };
    let plan = Arc::clone(plan);
    let telling = Telling::new(&plan, &outcome.costs);
    let latest = Latest::default();
    let conductor = Conductor { plan, crew, progress, signals, server, outcome, latest, telling, start };
    Ok(conductor.lead().await)
}

/// Nanoseconds since 1970 less CLOCK_MONOTONIC, now.
pub(super) fn epoch() -> i128 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_1970.as_nanos() as i128 - i128::from(net::now())
}

/// Names this run in its stamps: of the seed, so that the same seed gives the same bytes.
fn run_id(seed: u64) -> u16 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 48) as u16 % crate::probe::PROBE_RUN
}

/// How many workers, in how many processes.
fn force(plan: &Plan, settings: &Settings, split: &Split) -> Result<Force, RunError> {
    let workers = u16::try_from(settings.workers.unwrap_or(split.loadgen.len())).unwrap_or(u16::MAX);
    let descriptors = net::descriptors()?.soft;
    match settings.agents {
        Some(agents) => Ok(Force::new(workers, agents)),
        None => Force::fewest(plan, workers, descriptors).ok_or(RunError::Agents(descriptors)),
    }
}

fn notes(plan: &Plan, seen: Seen, force: Force) -> Vec<String> {
    let mut notes = Vec::new();
    if force.agents > 0 {
        notes.push(format!(
            "{} (processes of the load generator) had the connections",
            plural(force.agents.into(), "agent")
        ));
    }
    match (&plan.target.kind, plan.target.endpoints()) {
        (_, 0 | 1) => {}
        (TargetKind::Url { .. }, n) => notes.push(format!("connections went to {n} addresses of the server")),
        (_, n) => {
            let own = if plan.mode == Mode::Echo { "connections" } else { "rooms" };
            notes.push(format!("{n} servers, each with {own} of its own; their cost is the sum"));
        }
    }
    if seen.echo == Echo::ToOthers {
        notes
            .push("this server sends no copy to the sender: a publisher's own message is not expected back".to_owned());
    }
    if seen.wrapping == Wrapping::Wrapped {
        notes.push(
            "this server wraps messages in something of its own: the stamp is checked, the rest of the content is not"
                .to_owned(),
        );
    }
    if plan.client == ClientEngine::Tungstenite {
        notes.push(
            "the tungstenite client does not tell how long a delivery waited for its turn: read age is not judged"
                .to_owned(),
        );
    }
    if plan.tls().any(|tls| tls.checked == Checked::No) {
        notes.push(
            "tls.insecure: the server's certificate was not checked, so this may have been any server".to_owned(),
        );
    }
    let proxies = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    if matches!(plan.target.kind, TargetKind::Url { .. }) && proxies.iter().any(|p| std::env::var_os(p).is_some()) {
        notes.push("proxy variables are set and were ignored: every connection goes straight to the server".to_owned());
    }
    notes
}
