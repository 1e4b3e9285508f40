//! Starts a server as a child process, or takes the one that runs already.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::Instant;

use super::process::{Exit, Running};
use super::ready::{is_up, listening};
use super::{Split, TargetError};
use crate::life::Stop;
use crate::plan::{Endpoint, Plan, Ready, TargetKind, Tls};
use crate::progress::Voice;
use crate::secrets::Secrets;

/// How long a server that is restarted has to end: longer than one that is stopped, for it may say goodbye to everybody first.
const RESTART_WITHIN: Duration = Duration::from_secs(30);
/// Where the bundled server listens until it has a port.
const ANY_PORT: &str = "127.0.0.1:0";
/// Between two looks at whether a server is up.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Ports that are looked at for a free one: well-known services have lower ones.
const PORTS: Range<u16> = 10_000..20_000;
/// Where this process looks next.
static NEXT_PORT: AtomicU32 = AtomicU32::new(0);
/// Lines of standard error kept for an error message.
const KEPT_LINES: usize = 12;

/// A process that accepts connections.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) child: Child,
    address: SocketAddr,
}

/// The last lines of a child's standard error.
pub(super) type Said = Arc<Mutex<VecDeque<String>>>;

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
            // What came from the environment goes on in the environment: command lines are everybody's to read.
            let (hidden, shown): (Vec<_>, Vec<_>) = flags.iter().partition(|flag| flag.secrets.is_some());
            command.extend(shown.iter().flat_map(|flag| [flag.argument(), flag.value.clone()]));
            let env = hidden.iter().map(|flag| (flag.variable(), flag.value.clone())).collect();
            let secrets = hidden.iter().filter_map(|flag| flag.secrets.as_ref()).fold(Secrets::default(), Secrets::and);
            let line = Ready::Line("listening ws".to_owned());
            let start = Start {
                kind: "bundled",
                command,
                env,
                secrets,
                cwd: None,
                ready: line,
                within: Duration::from_secs(10),
                port: None,
                tls: plan.target.tls.clone(),
                cpus: split.server.clone(),
                voice: voice.clone(),
            };
            let running = start.begin().await?;
            Ok(Running { admin, ..running })
        }
        TargetKind::Spawn { command, ready, ready_timeout, env, cwd, secrets } => {
            let port = free_port()?;
            let fill = |text: &String| text.replace("{port}", &port.to_string());
            let ready = match ready {
                Ready::Line(text) => Ready::Line(fill(text)),
                Ready::Http(path) => Ready::Http(fill(path)),
                Ready::Tcp => Ready::Tcp,
            };
            let env: Vec<(String, String)> = env.iter().map(|(k, v)| (k.clone(), fill(v))).collect();
            if let Some(cwd) = cwd.as_ref().filter(|c| !c.is_dir()) {
                return Err(TargetError::WorkingDirectory(secrets.out_of(&cwd.display().to_string()).into()));
            }
            let command = command.iter().map(fill).collect();
            let start = Start {
                kind: "spawn",
                command,
                env,
                secrets: secrets.clone(),
                cwd: cwd.clone(),
                ready,
                within: *ready_timeout,
                port: Some(port),
                tls: plan.target.tls.clone(),
                cpus: split.server.clone(),
                voice: voice.clone(),
            };
            start.begin().await
        }
    }
}

/// How a server is started, once and again.
#[derive(Debug)]
pub(super) struct Start {
    kind: &'static str,
    command: Vec<String>,
    env: Vec<(String, String)>,
    /// What it may know and must not be shown of what it says.
    secrets: Secrets,
    cwd: Option<PathBuf>,
    ready: Ready,
    within: Duration,
    /// The port it was told to listen on; `None`: it says so itself.
    port: Option<u16>,
    /// What is asked of it goes through this.
    tls: Option<Tls>,
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
    pub(super) async fn again(&self, mut child: Child, pid: u32, stop: Stop, said: &Said) -> Result<Up, TargetError> {
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
        let shown = self.secrets.out_of(&self.command[0]);
        let failed = |source| TargetError::Spawn { command: shown.clone(), source };
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        if self.kind == "bundled" {
            // The bundled server has the flags that the scenario says, whatever else is set.
            let ours = std::env::vars_os().map(|(name, _)| name);
            ours.filter(|name| name.to_string_lossy().starts_with("FANOUT_")).for_each(|name| {
                command.env_remove(name);
            });
        }
        command.envs(self.env.iter().cloned());
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
            tokio::spawn(keep(BufReader::new(stderr), Arc::clone(said), voice, self.secrets.clone()));
        }
        let stdout = child.stdout.take().map(BufReader::new);
        let deadline = Instant::now() + self.within;
        let mut last = None;
        let up = tokio::select! {
            up = self.ready(stdout, &mut last) => up,
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
                Ready::Http(path) => format!("{} to answer 2xx", path.split('?').next().unwrap_or_default()),
                Ready::Line(text) => format!("a line with \"{text}\" on its standard output"),
            };
            let what = match (&self.ready, last) {
                (Ready::Http(_), Some(why)) => format!("{what}; the last time: {why}"),
                _ => what,
            };
            let what = self.secrets.out_of(&what);
            let seconds = self.within.as_secs_f64();
            return Err(TargetError::NotReady { command: shown, seconds, what, said: last_words(said) });
        };
        Ok(Up { child, address })
    }

    /// Waits until the server is up; gives its address. What kept it from being so when it was last looked at is left in `last`.
    async fn ready(&self, stdout: Option<BufReader<ChildStdout>>, last: &mut Option<String>) -> Option<SocketAddr> {
        let known = self.port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut lines = stdout.map(|s| s.lines());
        if let Ready::Line(text) = &self.ready {
            let found = loop {
                let line = match &mut lines {
                    Some(lines) => lines.next_line().await.ok().flatten(),
                    None => None,
                };
                match line {
                    Some(line) if line.contains(text) => break known.or_else(|| listening(&line)),
                    Some(_) => {}
                    // It says no more: how it ends, or that it takes too long, is seen elsewhere.
                    None => std::future::pending().await,
                }
            };
            tokio::spawn(drain(lines));
            return found;
        }
        tokio::spawn(drain(lines));
        loop {
            if let Some(address) = known {
                let at = Endpoint { host: address.to_string(), address };
                match is_up(&at, self.tls.as_ref(), &self.ready).await {
                    Ok(()) => return Some(address),
                    Err(why) => *last = Some(why),
                }
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
async fn keep(stderr: BufReader<ChildStderr>, said: Said, voice: Option<Voice>, secrets: Secrets) {
    let mut lines = stderr.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line = secrets.out_of(&line);
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

pub(super) fn last_words(said: &Said) -> String {
    let kept = said.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_empty() {
        return String::new();
    }
    format!("; it said:\n{}", kept.iter().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n"))
}

/// A port that nobody listens on, for a server that cannot be given a socket. It is none of those that the kernel gives to outgoing
/// connections and to whoever asks for any port: one of these could be gone again before the server listens, or while it is restarted.
fn free_port() -> Result<u16, TargetError> {
    // Begun at different ports, programs that look at the same time do not find the same one.
    let seed = std::process::id().wrapping_mul(61).wrapping_add(NEXT_PORT.fetch_add(1, Ordering::Relaxed));
    let ephemeral = net::ephemeral_ports().map_or(0, |ports| *ports.start());
    let free = ports_below(ephemeral, seed).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    if let Some(port) = free {
        return Ok(port);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(TargetError::Port)?;
    Ok(listener.local_addr().map_err(TargetError::Port)?.port())
}

/// All of [`PORTS`] that are below `end`, beginning somewhere among them.
fn ports_below(end: u16, seed: u32) -> impl Iterator<Item = u16> {
    let ports = u32::from(end.min(PORTS.end).saturating_sub(PORTS.start));
    (0..ports).map(move |nth| PORTS.start + ((seed % ports + nth) % ports) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_none_of_those_that_outgoing_connections_get() {
        let ephemeral = net::ephemeral_ports().unwrap();
        let ports = [free_port().unwrap(), free_port().unwrap()];
        assert!(*ephemeral.start() < PORTS.end || ports.iter().all(|port| !ephemeral.contains(port)), "{ports:?}");
        assert_ne!(ports[0], ports[1], "two that are asked for one after the other");
    }

    #[test]
    fn every_port_below_is_looked_at_once() {
        let mut ports: Vec<u16> = ports_below(PORTS.start + 5, u32::MAX - 1).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports, [0, 1, 2, 3, 4].map(|n| PORTS.start + n));
        assert_eq!(ports_below(1024, 7).count(), 0, "where the kernel gives all of them to connections");
    }
}
