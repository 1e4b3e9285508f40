//! One hot thread of the load generator: its sockets, its publishers and one recorder, blocked in one `epoll_wait`.
//!
//! ```text
//! control ──Order──▶ inbox ┐
//!                          ├─▶ turn: orders ▸ up to 64 ready sockets ▸ what is due ▸ connects ▸ report
//! sockets, timerfd ────────┘                                                          │
//! control ◀─────────────────────────────── News: a recorder a second ◀────────────────┘
//! ```
//!
//! `tungstenite` is the same thread with a client that is not ours, to check the numbers of the native one.

mod causes;
mod course;
mod dialer;
mod ledgers;
mod life;
mod moving;
mod native;
mod news;
mod pacing;
mod returns;
mod share;
mod tally;
mod throttle;
mod tungstenite;

pub use news::{Harvest, News, Order, Tick};
pub use pacing::DueCounts;
pub use share::{CourierShare, Member, PublisherShare, Ramp, Share, publisher_ranges, publisher_rooms, shares};
pub use tally::{AddressTally, Tally};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::http::Route;
use crate::ledger::{Book, Verify};
use crate::plan::{ClientEngine, Endpoint, Plan, Via};

/// What all workers of a run share; none of it changes.
#[derive(Debug)]
pub struct Common {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What was published.
    pub book: Arc<Book>,
    /// What was found out before the first connection.
    pub found: Found,
}

/// What was found out about the servers before the first connection; the same for every worker, in whichever process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Where to connect; [`Member::endpoint`] is an index into it.
    pub endpoints: Vec<Endpoint>,
    /// Where operators reach each of the bundled servers, in the order of `endpoints`; empty unless publishers post there.
    pub admins: Vec<SocketAddr>,
    /// Stamped into every payload.
    pub run: u16,
    /// How far content can be compared.
    pub verify: Verify,
    /// What frees a closed loop's place.
    pub completion: Completion,
    /// Nanoseconds since 1970 less CLOCK_MONOTONIC, when the run began.
    pub epoch: i128,
}

impl Common {
    /// How a group of publishers posts its messages; `None` for one that does not.
    pub fn route(&self, group: usize) -> Option<Arc<Route>> {
        match &self.plan.publishers.get(group)?.via {
            Via::Http(route) => Some(Arc::clone(route)),
            Via::Websocket => None,
        }
    }
}

/// What ends a publish in a closed loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Completion {
    /// The publisher's own copy.
    Echo,
    /// The first copy at any subscriber: this server sends none to the sender.
    FirstArrival,
    /// Nothing is published; the first copy at any subscriber is what makes a message due.
    Observed,
}

/// Runs a worker on the calling thread until it is told to finish.
pub fn work(common: Arc<Common>, share: Share, orders: Receiver<Order>, wake: WakeSlot, news: UnboundedSender<News>) {
    let result = match common.plan.client {
        ClientEngine::Native => native::run(common, share, orders, wake, news.clone()),
        ClientEngine::Tungstenite => tungstenite::run(common, share, orders, wake, news.clone()),
    };
    if let Err(error) = result {
        // The control side has gone if nobody listens; then there is nobody to tell.
        let _ = news.send(News::Broken(format!("a worker could not go on: {error}")));
    }
}

/// Makes a worker look into its inbox.
pub type Wake = Box<dyn Fn() + Send>;

/// Where a worker leaves the means to wake it, once it has one.
pub type WakeSlot = std::sync::mpsc::Sender<Wake>;
