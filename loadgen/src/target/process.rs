//! Starts a server as a child process, watches it and stops it.

use std::collections::VecDeque;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::find::{family_of, processes_of};
use super::ready::{is_up, listening};
use super::{Split, TargetError};
use crate::life::Stop;
use crate::plan::{Endpoint, Plan, Ready, TargetKind};
use crate::progress::Voice;

/// How long a child has to end after SIGTERM. With the second that workers take to say goodbye, an interrupted run is written
/// within five seconds.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// A server that is restarted has longer: it may say goodbye to everybody first.
const RESTART_WITHIN: Duration = Duration::from_secs(30);
/// Where the bundled server listens until it has a port.
const ANY_PORT: &str = "127.0.0.1:0";
/// Between two looks at whether a server is up.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Lines of standard error kept for an error message.
const KEPT_LINES: usize = 12;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub ExitStatus);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::os::unix::process::ExitStatusExt;
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "ended with exit status {code}"),
            (None, Some(signal)) => write!(f, "was killed by signal {signal}"),
            (None, None) => write!(f, "ended"),
        }
    }
}

/// What happened to a server that we started.
#[derive(Debug)]
pub enum Change {
    /// It ended, and nobody had asked it to.
    Ended(Exit),
    /// It was restarted, and accepts connections again.
    Restarted,
    /// It was to be restarted and is not there.
    NotRestarted(TargetError),
}

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    /// Where: one address, or several that share the connections.
    pub endpoints: Vec<Endpoint>,
    /// Where operators reach the bundled server, where somebody has to.
    pub admin: Option<SocketAddr>,
    /// Its process, where known.
    pub pid: Option<u32>,
    /// `bundled`, `spawn` or `url`.
    pub kind: &'static str,
    child: Option<Child>,
    said: Said,
    /// How it was started, if we did.
    start: Option<Arc<Start>>,
    restarting: Option<JoinHandle<Result<Up, TargetError>>>,
}

/// A process that accepts connections.
#[derive(Debug)]
struct Up {
    child: Child,
    address: SocketAddr,
}

/// The last lines of a child's standard error.
type Said = Arc<Mutex<VecDeque<String>>>;

/// Starts the server of a plan, or takes the one that runs already.
///
/// # Errors
/// See [`TargetError`]; nothing is left running.
pub async fn start(plan: &Plan, split: &Split, voice: &Voice) -> Result<Running, TargetError> {
    match &plan.target.kind {
        TargetKind::Url { endpoints, pid } => Ok(Running {
            endpoints: endpoints.clone(),
            admin: None,
            pid: *pid,
            kind: "url",
            child: None,
            said: Said::default(),
            start: None,
            restarting: None,
        }),
        TargetKind::Bundled { flags, .. } => {
            let program = std::env::current_exe().map_err(TargetError::OwnBinary)?;
            let mut command = vec![program.display().to_string(), "serve".to_owned()];
            command.extend(["--listen".to_owned(), ANY_PORT.to_owned()]);
            if let Some(cpus) = &split.server {
                let list = cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
                command.extend(["--cpus".to_owned(), list]);
            }
            let admin = if plan.needs_admin() { Some(SocketAddr::from(([127, 0, 0, 1], free_port()?))) } else { None };
            command.extend(admin.iter().flat_map(|admin| ["--admin".to_owned(), admin.to_string()]));
            command.extend(flags.iter().flat_map(|(name, value)| [name.clone(), value.clone()]));
            let line = Ready::Line("listening ws".to_owned());
            let start = Start {
                kind: "bundled",
                command,
                env: Vec::new(),
                cwd: None,
                ready: line,
                within: Duration::from_secs(10),
                port: None,
                cpus: split.server.clone(),
                voice: voice.clone(),
            };
            let running = start.begin().await?;
            Ok(Running { admin, ..running })
        }
        TargetKind::Spawn { command, ready, ready_timeout, env, cwd } => {
            let port = free_port()?;
            let fill = |text: &String| text.replace("{port}", &port.to_string());
            let ready = match ready {
                Ready::Line(text) => Ready::Line(fill(text)),
                other => other.clone(),
            };
            let env: Vec<(String, String)> = env.iter().map(|(k, v)| (k.clone(), fill(v))).collect();
            if let Some(cwd) = cwd.as_ref().filter(|c| !c.is_dir()) {
                return Err(TargetError::WorkingDirectory(cwd.clone()));
            }
            let command = command.iter().map(fill).collect();
            let start = Start {
                kind: "spawn",
                command,
                env,
                cwd: cwd.clone(),
                ready,
                within: *ready_timeout,
                port: Some(port),
                cpus: split.server.clone(),
                voice: voice.clone(),
            };
            start.begin().await
        }
    }
}

/// How a server is started, once and again.
#[derive(Debug)]
struct Start {
    kind: &'static str,
    command: Vec<String>,
    env: Vec<(String, String)>,
    cwd: Option<PathBuf>,
    ready: Ready,
    within: Duration,
    /// The port it was told to listen on; `None`: it says so itself.
    port: Option<u16>,
    /// Where it is pinned.
    cpus: Option<Vec<usize>>,
    /// Where its words go.
    voice: Voice,
}

impl Start {
    /// For the first time.
    async fn begin(mut self) -> Result<Running, TargetError> {
        let said = Said::default();
        let Up { child, address } = self.run(&said).await?;
        // Once more means at the same address.
        for argument in self.command.iter_mut().filter(|argument| *argument == ANY_PORT) {
            *argument = address.to_string();
        }
        Ok(Running {
            endpoints: vec![Endpoint { host: address.to_string(), address }],
            admin: None,
            pid: child.id(),
            kind: self.kind,
            child: Some(child),
            said,
            start: Some(Arc::new(self)),
            restarting: None,
        })
    }

    /// Ends `child`, the process of `pid`, and starts it again.
    async fn again(&self, mut child: Child, pid: u32, stop: Stop, said: &Said) -> Result<Up, TargetError> {
        let signal = match stop {
            Stop::Terminate => net::Signal::Terminate,
            Stop::Kill => net::Signal::Kill,
        };
        // An error means that it has ended already.
        let _ = net::signal_group(pid, signal);
        if tokio::time::timeout(RESTART_WITHIN, child.wait()).await.is_err() {
            let _ = net::signal_group(pid, net::Signal::Kill);
            let _ = child.wait().await;
        }
        self.run(said).await
    }

    /// Starts a process and waits until it is up.
    async fn run(&self, said: &Said) -> Result<Up, TargetError> {
        // Arguments may hold what came from {env.NAME}: messages name the program alone.
        let shown = self.command[0].clone();
        let failed = |source| TargetError::Spawn { command: shown.clone(), source };
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).envs(self.env.iter().cloned());
        if self.kind == "bundled" {
            // The bundled server has the flags that the scenario says, whatever else is set.
            let ours = std::env::vars_os().map(|(name, _)| name);
            ours.filter(|name| name.to_string_lossy().starts_with("FANOUT_")).for_each(|name| {
                command.env_remove(name);
            });
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C is for us, and we stop it in order.
        command.process_group(0).kill_on_drop(true);
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        net::die_with_parent(command.as_std_mut());
        if let Some(cpus) = &self.cpus {
            net::pin_child(command.as_std_mut(), cpus).map_err(failed)?;
        }
        let mut child = command.spawn().map_err(failed)?;
        if let Some(stderr) = child.stderr.take() {
            // What another server says is its own business, unless it fails.
            let voice = (self.kind == "bundled").then(|| self.voice.clone());
            tokio::spawn(keep(BufReader::new(stderr), Arc::clone(said), voice));
        }
        let stdout = child.stdout.take().map(BufReader::new);
        let deadline = Instant::now() + self.within;
        let up = tokio::select! {
            up = self.ready(stdout) => up,
            exit = child.wait() => {
                let exit = exit.map_err(failed)?;
                // The last words may still be in the pipe.
                tokio::time::sleep(LOOK_AGAIN * 5).await;
                return Err(TargetError::Ended { command: shown, exit: Exit(exit), said: last_words(said) });
            }
            () = tokio::time::sleep_until(deadline) => None,
        };
        let Some(address) = up else {
            let what = match &self.ready {
                Ready::Tcp => "its port to accept a connection".to_owned(),
                Ready::Http(path) => format!("{path} to answer 2xx"),
                Ready::Line(text) => format!("a line with \"{text}\" on its standard output"),
            };
            let seconds = self.within.as_secs_f64();
            return Err(TargetError::NotReady { command: shown, seconds, what, said: last_words(said) });
        };
        Ok(Up { child, address })
    }

    /// Waits until the server is up; gives its address.
    async fn ready(&self, stdout: Option<BufReader<ChildStdout>>) -> Option<SocketAddr> {
        let known = self.port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut lines = stdout.map(|s| s.lines());
        if let Ready::Line(text) = &self.ready {
            let found = loop {
                let line = lines.as_mut()?.next_line().await.ok()??;
                if line.contains(text) {
                    break line;
                }
            };
            tokio::spawn(drain(lines));
            return known.or_else(|| listening(&found));
        }
        tokio::spawn(drain(lines));
        loop {
            if let Some(address) = known
                && is_up(address, &self.ready).await
            {
                return Some(address);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Reads on, so that a talkative server never blocks on a full pipe.
async fn drain(lines: Option<tokio::io::Lines<BufReader<ChildStdout>>>) {
    if let Some(mut lines) = lines {
        while let Ok(Some(_)) = lines.next_line().await {}
    }
}

/// Keeps the last lines of a child's standard error, and passes them on where there is a voice.
async fn keep(stderr: BufReader<tokio::process::ChildStderr>, said: Said, voice: Option<Voice>) {
    let mut lines = stderr.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(voice) = &voice {
            voice.say(&format!("server: {line}"));
        }
        let mut kept = said.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

fn last_words(said: &Said) -> String {
    let kept = said.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_empty() {
        return String::new();
    }
    format!("; it said:\n{}", kept.iter().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n"))
}

fn free_port() -> Result<u16, TargetError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(TargetError::Port)?;
    Ok(listener.local_addr().map_err(TargetError::Port)?.port())
}

impl Running {
    /// The processes of the server; none where they cannot be known. To be asked once it accepts connections, when whoever listens is there.
    pub(super) fn processes(&self) -> Vec<u32> {
        match (self.kind, self.pid) {
            ("bundled", Some(pid)) => vec![pid],
            ("url", Some(pid)) => family_of(pid),
            (_, pid) => self.endpoints.iter().flat_map(|endpoint| processes_of(endpoint.address, pid)).collect(),
        }
    }

    /// Ends a server that we started, and starts it again at the same address; [`changed`](Self::changed) says when it is up. Nothing
    /// happens to one that we did not start.
    pub fn restart(&mut self, stop: Stop) {
        let (Some(child), Some(pid), Some(start)) = (self.child.take(), self.pid, &self.start) else { return };
        let (said, start) = (Arc::clone(&self.said), Arc::clone(start));
        self.restarting = Some(tokio::spawn(async move { start.again(child, pid, stop, &said).await }));
    }

    /// It was to be restarted, and is not up again.
    pub fn is_restarting(&self) -> bool {
        self.restarting.is_some()
    }

    /// Waits until something happens to the server; for ever if we did not start it.
    pub async fn changed(&mut self) -> Change {
        if let Some(restarting) = &mut self.restarting {
            let up = restarting.await;
            self.restarting = None;
            return match up {
                Ok(Ok(Up { child, .. })) => {
                    self.pid = child.id();
                    self.child = Some(child);
                    Change::Restarted
                }
                Ok(Err(error)) => Change::NotRestarted(error),
                // The task is never cancelled while somebody waits for it.
                Err(_) => std::future::pending().await,
            };
        }
        Change::Ended(self.ended().await)
    }

    async fn ended(&mut self) -> Exit {
        match &mut self.child {
            Some(child) => match child.wait().await {
                Ok(status) => Exit(status),
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// The last lines of its standard error, as the end of a sentence; empty where there are none.
    pub fn last_words(&self) -> String {
        last_words(&self.said)
    }

    /// Asks a server that we started to end, and ends it if it does not.
    pub async fn stop(mut self) {
        if let Some(restarting) = self.restarting.take() {
            // Its child is killed with it.
            restarting.abort();
            let _ = restarting.await;
        }
        let (Some(mut child), Some(pid)) = (self.child.take(), self.pid) else { return };
        // An error means that it has ended already.
        let _ = net::signal_group(pid, net::Signal::Terminate);
        if tokio::time::timeout(STOP_WITHIN, child.wait()).await.is_err() {
            let _ = net::signal_group(pid, net::Signal::Kill);
            let _ = child.wait().await;
        }
    }
}
