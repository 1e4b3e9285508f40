//! What costs too much to be read between two deliveries, read once a second by a thread that lets all others go first.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use net::Queues;

use super::Sampler;

/// From one reading to the next.
const EVERY: u64 = 1_000_000_000;
/// A reading is made this long before a whole second, so that the interval that ends there has it.
const BEFORE: u64 = 50_000_000;
/// A reading may take this share of a core: after one that cost more, the next waits longer.
const SHARE: u64 = 100;

/// What a set of processes has and has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Voluntary and involuntary context switches of their present threads.
    pub context_switches: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// One reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// When it was made, CLOCK_MONOTONIC; 0: none has been made yet.
    pub at: u64,
    /// The server; `None` where its processes are not known.
    pub server: Option<Usage>,
    /// The load generator.
    pub own: Option<Usage>,
    /// Of the server's sockets; `None` where the server is on another machine, or the kernel does not tell.
    pub queues: Option<Queues>,
    /// TCP segments sent again since the machine started.
    pub tcp_retransmits: Option<u64>,
    /// Memory in the buffers of all TCP sockets of the machine, bytes.
    pub tcp_memory: Option<u64>,
}

/// What is watched.
#[derive(Debug, Clone)]
pub struct Watched {
    /// `None`: the server's processes are not known.
    pub server: Option<Sampler>,
    /// The local ports of the server's sockets.
    pub ports: Vec<u16>,
    /// The load generator's processes.
    pub own: Vec<u32>,
}

/// Reads until it is dropped.
#[derive(Debug)]
pub struct Watch {
    latest: Arc<Mutex<Reading>>,
    /// Dropped first, which wakes the thread up and ends it.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches, just before every whole second from `start` (CLOCK_MONOTONIC) on.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn begin(watched: Watched, start: u64) -> std::io::Result<Self> {
        let latest = Arc::new(Mutex::new(watched.read()));
        let (stop, stopped) = channel();
        let kept = Arc::clone(&latest);
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            // As an ordinary thread it would disturb more, which the read age would show.
            let _ = net::step_back();
            let mut next = start + EVERY;
            loop {
                let wait = next.saturating_sub(BEFORE).saturating_sub(net::now());
                match stopped.recv_timeout(Duration::from_nanos(wait)) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
                let before = net::thread_cpu();
                let reading = watched.read();
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = reading;
                next = following(next, net::now(), net::thread_cpu().saturating_sub(before));
            }
        })?;
        Ok(Watch { latest, stop: Some(stop), thread: Some(thread) })
    }

    /// The last reading.
    pub fn latest(&self) -> Reading {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been printed by the thread, and the run needs it no more.
            let _ = thread.join();
        }
    }
}

/// The next whole second that is still ahead, after a reading that cost so much CPU: at least `cost * SHARE` away.
fn following(last: u64, now: u64, cost: u64) -> u64 {
    let earliest = (now + BEFORE).max(last + cost * SHARE);
    last + earliest.saturating_sub(last).div_ceil(EVERY).max(1) * EVERY
}

impl Watched {
    fn read(&self) -> Reading {
        Reading {
            at: net::now(),
            server: self.server.as_ref().and_then(usage),
            own: Sampler::new(self.own.clone()).as_ref().and_then(usage),
            queues: self.server.as_ref().and_then(|_| self.queues()),
            tcp_retransmits: net::tcp_retransmits().ok(),
            tcp_memory: net::tcp_memory().ok(),
        }
    }

    fn queues(&self) -> Option<Queues> {
        let each = self.ports.iter().map(|port| net::queues(*port).ok());
        each.reduce(|all, one| Some(all?.and(one?))).flatten()
    }
}

fn usage(sampler: &Sampler) -> Option<Usage> {
    Some(Usage {
        context_switches: sampler.sum(|pid| net::context_switches(pid).ok())?,
        threads: sampler.sum(|pid| net::threads(pid).ok())?,
        // Those of another user's process are not told.
        descriptors: sampler.sum(|pid| net::descriptors_of(pid).ok()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_come_before_every_whole_second() {
        let second = EVERY;
        assert_eq!(following(second, second - BEFORE + 1000, 2_000_000), 2 * second);
        assert_eq!(
            following(second, 3 * second + 1, 2_000_000),
            4 * second,
            "one that came late skips what has gone by"
        );
    }

    #[test]
    fn a_costly_reading_is_made_less_often() {
        let second = EVERY;
        // 25 ms a reading: every third second would be 0.83 %, every second 1.25 %.
        assert_eq!(following(second, second, 25_000_000), 4 * second);
    }

    #[test]
    fn the_first_reading_is_there_from_the_beginning() {
        let watch =
            Watch::begin(Watched { server: None, ports: vec![1], own: vec![std::process::id()] }, net::now()).unwrap();
        let reading = watch.latest();
        assert!(reading.at > 0 && reading.server.is_none() && reading.queues.is_none());
        assert!(reading.own.unwrap().threads >= 1);
        assert!(reading.own.unwrap().descriptors >= 3);
    }
}
