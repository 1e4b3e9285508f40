//! `/stats` and `/metrics`: everything that is counted, gathered from where it is counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep_until};

use super::answer::{Answer, answer, json};
use super::site::{Side, Site};
use crate::metrics::render;
use crate::prometheus::CONTENT_TYPE;
use crate::shard::Command;
use crate::stats::{Front, Process, Report, RoomNames, ShardReport, Snapshot};

/// Everything is gathered so often at most: each time interrupts every shard, and anybody may ask.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// What was gathered last, and when that began.
#[derive(Debug, Default)]
pub struct Gathered(Mutex<Option<(Instant, Arc<Snapshot>)>>);

impl Site {
    /// Anybody may see the counters. Where tokens are asked for, a room's name may be half of what opens it.
    pub(super) async fn stats(&self, side: Side) -> Answer {
        let names = match side {
            Side::Public if self.rules().gate.asks() => RoomNames::Withheld,
            Side::Public | Side::Admin => RoomNames::Shown,
        };
        json(200, &Report::new(&*self.snapshot().await, names))
    }

    pub(super) async fn metrics(&self) -> Answer {
        answer(200, CONTENT_TYPE, render(&*self.snapshot().await).into_bytes())
    }

    /// Everything, as it is now or a little later: those who ask within [`AT_MOST_EVERY`] of each other share what is gathered after the
    /// last of them asked, so that nobody gets what is older than the question.
    async fn snapshot(&self) -> Arc<Snapshot> {
        let asked = Instant::now();
        let mut gathered = self.gathered.0.lock().await;
        if let Some((at, snapshot)) = &*gathered {
            if *at >= asked {
                return Arc::clone(snapshot);
            }
            sleep_until(*at + AT_MOST_EVERY).await;
        }
        let at = Instant::now();
        let snapshot = Arc::new(self.gather().await);
        *gathered = Some((at, Arc::clone(&snapshot)));
        snapshot
    }

    async fn gather(&self) -> Snapshot {
        let front = Front { polling: self.polling(), ..self.front().clone() };
        Snapshot {
            uptime_s: self.uptime().as_secs_f64(),
            service: self.service(),
            front,
            process: process(),
            shards: self.reports().await,
        }
    }

    async fn reports(&self) -> Vec<(usize, ShardReport)> {
        let mut reports = Vec::with_capacity(self.shards.len());
        for (i, shard) in self.shards.iter().enumerate() {
            let (reply, report) = oneshot::channel();
            if shard.send(Command::Report { reply }).is_ok() {
                // A shard that ends meanwhile has nothing to say.
                reports.extend(report.await.ok().map(|report| (i, report)));
            }
        }
        reports
    }
}

/// What cannot be read, as in a sandbox without `/proc`, is 0.
fn process() -> Process {
    Process {
        cpu_s: net::own_cpu() as f64 / 1e9,
        rss_bytes: net::memory(std::process::id()).map_or(0, |memory| memory.rss_bytes),
        descriptors: net::open_descriptors().unwrap_or(0),
        max_descriptors: net::descriptors().map_or(0, |limit| limit.soft),
    }
}
