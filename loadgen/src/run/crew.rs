//! The worker threads of a run.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::worker::{Common, News, Order, Share, Wake, work};

/// Workers that wait for orders.
pub struct Crew {
    workers: Vec<Worker>,
    news: UnboundedReceiver<News>,
}

struct Worker {
    orders: mpsc::Sender<Order>,
    wake: Wake,
    thread: JoinHandle<()>,
}

impl Crew {
    /// Starts a thread for each share, one on each of `cpus` in turn where they are pinned.
    ///
    /// # Errors
    /// When a thread cannot be started, or a worker cannot open its poller.
    pub fn start(common: &Arc<Common>, shares: Vec<Share>, cpus: Option<&[usize]>) -> io::Result<Self> {
        let (send_news, news) = unbounded_channel();
        let mut workers = Vec::new();
        for (i, share) in shares.into_iter().enumerate() {
            let (orders, inbox) = mpsc::channel();
            let (wake_slot, wake) = mpsc::channel();
            let (common, send_news) = (Arc::clone(common), send_news.clone());
            let cpu = cpus.filter(|c| !c.is_empty()).map(|c| c[i % c.len()]);
            let thread = std::thread::Builder::new().name(format!("worker-{i}")).spawn(move || {
                if let Some(cpu) = cpu {
                    // Without it the run is merely noisier, which its figures will show.
                    let _ = net::pin_thread(&[cpu]);
                }
                work(common, share, inbox, wake_slot, send_news);
            })?;
            let wake = wake.recv().map_err(|_| io::Error::other("a worker ended before it began"))?;
            workers.push(Worker { orders, wake, thread });
        }
        Ok(Crew { workers, news })
    }

    /// How many workers there are.
    pub fn len(&self) -> usize {
        self.workers.len()
    }

    /// Tells every worker.
    pub fn order(&self, order: Order) {
        for worker in &self.workers {
            // A worker that has ended has said why in its news.
            let _ = worker.orders.send(order);
            (worker.wake)();
        }
    }

    /// The next news of any worker; `None` when all have ended.
    pub async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Waits for the threads to end.
    pub fn join(self) {
        drop(self.news);
        for worker in self.workers {
            // A panic of a worker has been printed by its thread.
            let _ = worker.thread.join();
        }
    }
}
