//! Worker threads of this process.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use crate::worker::{Common, News, Order, Share, Wake, work};

/// Workers that wait for orders.
pub struct Threads {
    /// To give them orders with.
    pub hands: Vec<Hand>,
    /// To wait for their end with.
    pub handles: Vec<JoinHandle<()>>,
}

/// Gives orders to one worker.
pub struct Hand {
    orders: mpsc::Sender<Order>,
    wake: Wake,
}

impl Hand {
    /// Tells the worker.
    pub fn order(&self, order: Order) {
        // A worker that has ended has said why in its news.
        let _ = self.orders.send(order);
        (self.wake)();
    }
}

impl Threads {
    /// Starts a thread for each share, one on each of `cpus` in turn where they are pinned.
    ///
    /// # Errors
    /// When a thread cannot be started, or a worker cannot open its poller.
    pub fn start(
        common: &Arc<Common>,
        shares: Vec<Share>,
        cpus: Option<&[usize]>,
        news: &UnboundedSender<News>,
    ) -> io::Result<Self> {
        let mut threads = Threads { hands: Vec::new(), handles: Vec::new() };
        for share in shares {
            let (orders, inbox) = mpsc::channel();
            let (wake_slot, wake) = mpsc::channel();
            let (common, news) = (Arc::clone(common), news.clone());
            let cpu = cpus.filter(|c| !c.is_empty()).map(|c| c[share.worker % c.len()]);
            let name = format!("worker-{}", share.worker);
            let handle = std::thread::Builder::new().name(name).spawn(move || {
                if let Some(cpu) = cpu {
                    // Without it the run is merely noisier, which its figures will show.
                    let _ = net::pin_thread(&[cpu]);
                }
                work(common, share, inbox, wake_slot, news);
            })?;
            let wake = wake.recv().map_err(|_| io::Error::other("a worker ended before it began"))?;
            threads.hands.push(Hand { orders, wake });
            threads.handles.push(handle);
        }
        Ok(threads)
    }

    /// Waits for the threads to end.
    pub fn join(self) {
        for handle in self.handles {
            // A panic of a worker has been printed by its thread.
            let _ = handle.join();
        }
    }
}
