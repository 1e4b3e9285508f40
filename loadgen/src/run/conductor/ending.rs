//! The end of a run: what is under way arrives, then every worker says its last words.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::super::outcome::End;
use super::{Conductor, Event};
use crate::target::Sampler;
use crate::worker::{News, Order};

/// After the order to finish, the last words of all workers must have come by then: the others are lost.
const LAST_WORDS: Duration = Duration::from_secs(20);

impl Conductor<'_> {
    /// Waits for what is under way.
    pub(super) async fn drain(&mut self, within: Duration) -> Result<(), End> {
        self.crew.order(Order::StopPublishing);
        let until = Instant::now() + within;
        let mut settled = vec![false; self.crew.len()];
        while !(settled.iter().all(|s| *s) && self.outcome.account.is_complete()) {
            match self.event(Some(until)).await? {
                Event::News(News::Tick(tick)) => {
                    settled[tick.worker] = !tick.waiting;
                    self.tick(&tick);
                }
                Event::Deadline => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// The server's last figures, then every worker's.
    pub(super) async fn finish(&mut self) {
        self.end_phase();
        self.outcome.costs.ended = self.sampler().and_then(Sampler::sample);
        if self.outcome.end != Some(End::Interrupted) {
            self.outcome.costs.stats = self.server.stats(self.plan.target.tls.as_ref()).await;
        }
        self.crew.order(Order::Finish);
        let until = Instant::now() + LAST_WORDS;
        while self.outcome.harvests.len() < self.crew.len() {
            match timeout_at(until, self.crew.news()).await {
                Ok(Some(News::Finished(harvest))) => self.outcome.harvests.push(*harvest),
                Ok(Some(News::Tick(tick))) => self.tick(&tick),
                Ok(Some(News::Connected { .. })) => {}
                // What the others have measured is wanted all the same; when they have ended, so has the news.
                Ok(Some(News::Broken(why))) => self.broken(why),
                Ok(None) => {
                    self.broken("a worker ended without its last words".to_owned());
                    break;
                }
                Err(_) => {
                    let silent = self.crew.len() - self.outcome.harvests.len();
                    self.broken(format!("{silent} of {} workers did not finish", self.crew.len()));
                    break;
                }
            }
        }
        let outcome = &mut self.outcome;
        for harvest in &outcome.harvests {
            outcome.account.update(harvest.worker, harvest.due.clone(), Some(harvest.joined.clone()));
            outcome.account.enrol(harvest.roll.clone());
            outcome.account.total.merge(&harvest.recorder);
            outcome.timeline.finish(&harvest.recorder, net::now(), outcome.costs.spending());
            outcome.tally.merge(&harvest.tally);
        }
        outcome.costs.watch = None;
    }

    /// A part of the load generator was lost, and with it what it had measured.
    fn broken(&mut self, why: String) {
        if matches!(self.outcome.end, None | Some(End::Early(_))) {
            self.outcome.end = Some(End::Ours(why));
        } else {
            self.outcome.notes.push(why);
        }
    }
}
