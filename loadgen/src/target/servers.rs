//! The server processes of a run: usually one, or several bundled ones with rooms of their own.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::task::Poll;

use super::process::{Change, Running};
use super::{Sampler, Split, TargetError, sample, start};
use crate::life::Stop;
use crate::plan::{Endpoint, Plan, TargetKind, Tls};
use crate::progress::Voice;

/// Servers that accept connections.
#[derive(Debug)]
pub struct Servers(Vec<Running>);

impl Servers {
    /// Starts the servers of a plan, or takes the one that runs already.
    ///
    /// # Errors
    /// See [`TargetError`]; nothing is left running.
    pub async fn start(plan: &Plan, split: &Split, voice: &Voice) -> Result<Self, TargetError> {
        let mut all = Vec::new();
        let processes = match &plan.target.kind {
            TargetKind::Bundled { division, .. } => division.processes(),
            // Of those that run already there is one entry, with all addresses.
            TargetKind::Spawn { .. } | TargetKind::Url { .. } => 1,
        };
        for _ in 0..processes {
            all.push(start::start(plan, split, voice).await?);
        }
        Ok(Servers(all))
    }

    /// Where to connect, in the order of the plan's division of rooms.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.0.iter().flat_map(|s| s.endpoints.clone()).collect()
    }

    /// Where operators reach each of the bundled servers, where somebody has to.
    pub fn admins(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|s| s.admin).collect()
    }

    /// Samples their processes; `None` where they cannot be known. To be asked once they accept connections.
    pub fn sampler(&self) -> Option<Sampler> {
        Sampler::new(self.processes())
    }

    /// Their processes, where they can be known.
    pub fn processes(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = Vec::new();
        // One process may listen at several addresses.
        for pid in self.0.iter().flat_map(Running::processes) {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }

    /// The ports on which they listen.
    pub fn ports(&self) -> Vec<u16> {
        self.endpoints().iter().map(|endpoint| endpoint.address.port()).collect()
    }

    /// `bundled`, `spawn` or `url`, and the addresses under a URL's scheme.
    pub fn shown(&self, scheme: &str) -> String {
        let kind = self.0.first().map_or("", |s| s.kind);
        let addresses: Vec<String> = self.endpoints().iter().map(|e| format!("{scheme}://{}", e.address)).collect();
        format!("{kind} {}", addresses.join(", "))
    }

    /// Ends those that we started and starts them again at the same addresses; [`changed`](Self::changed) says when all are up.
    pub fn restart(&mut self, stop: Stop) {
        self.0.iter_mut().for_each(|server| server.restart(stop));
    }

    /// Waits until something happens to one of them; for ever if we started none. A restart is over when all are up.
    pub async fn changed(&mut self) -> Change {
        loop {
            let change = self.first_change().await;
            if !matches!(change, Change::Restarted) || !self.0.iter().any(Running::is_restarting) {
                return change;
            }
        }
    }

    async fn first_change(&mut self) -> Change {
        let mut each: Vec<_> = self.0.iter_mut().map(|s| Box::pin(s.changed())).collect();
        poll_fn(|context| {
            let ready = each.iter_mut().find_map(|changed| match changed.as_mut().poll(context) {
                Poll::Ready(change) => Some(change),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The last lines of the standard error of those that said anything, as the end of a sentence.
    pub fn last_words(&self) -> String {
        self.0.iter().map(Running::last_words).collect()
    }

    /// Their own counters, where they have any, asked through TLS where connections go through it: of one server as they are, of several
    /// in a list.
    pub async fn stats(&self, tls: Option<&Tls>) -> Option<serde_json::Value> {
        let endpoints = self.endpoints();
        if let [only] = &endpoints[..] {
            return sample::stats(only, tls).await;
        }
        let mut all = Vec::new();
        for endpoint in &endpoints {
            all.push(sample::stats(endpoint, tls).await?);
        }
        Some(all.into())
    }

    /// Asks those that we started to end, and ends those that do not.
    pub async fn stop(self) {
        let each = self.0.into_iter().map(|server| tokio::spawn(server.stop()));
        for stopping in each.collect::<Vec<_>>() {
            // Nothing in it panics, and nobody aborts it.
            let _ = stopping.await;
        }
    }
}
