//! A server under test while it runs: watched, restarted, stopped.

use std::fmt;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::task::JoinHandle;

use super::TargetError;
use super::find::{family_of, processes_of};
use super::start::{Said, Start, Up, last_words};
use crate::life::Stop;
use crate::plan::Endpoint;

/// How long a child has to end after SIGTERM. With the second that workers take to say goodbye, an interrupted run is written
/// within five seconds.
const STOP_WITHIN: Duration = Duration::from_secs(3);

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
    pub(super) child: Option<Child>,
    pub(super) said: Said,
    /// How it was started, if we did.
    pub(super) start: Option<Arc<Start>>,
    pub(super) restarting: Option<JoinHandle<Result<Up, TargetError>>>,
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
