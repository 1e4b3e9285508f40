//! CPUs that never idle.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::clock::{ThreadClock, thread_clock};
use crate::cpu::{only_when_idle, pin_thread};

/// Turns between two looks at whether it is time to stop: some microseconds.
const TURNS: u32 = 256;

/// Keeps CPUs awake for as long as it lives: on each, a thread of class `SCHED_IDLE` (`sched(7)`) that does nothing, and gives way to every
/// other thread at once.
///
/// A CPU without work sleeps. In a virtual machine that means that its host takes it away, and waking it again takes from 50 us to
/// milliseconds; without one, leaving a deep C-state takes up to some 200 us. Whoever waits for a socket or a timer pays that.
///
/// The price: a sibling hyperthread is slower, and where a group of processes has a quota of CPU time, this uses it up.
#[derive(Debug)]
pub struct Awake {
    stop: Arc<AtomicBool>,
    threads: Vec<(JoinHandle<()>, ThreadClock)>,
}

impl Awake {
    /// Begins on each of `cpus`.
    ///
    /// # Errors
    /// When one of them does not exist or is not allowed, a sandbox forbids the class, or there are no threads left.
    pub fn on(cpus: &[usize]) -> io::Result<Self> {
        let mut awake = Self { stop: Arc::new(AtomicBool::new(false)), threads: Vec::with_capacity(cpus.len()) };
        for &cpu in cpus {
            let (ready, begun) = channel();
            let stop = Arc::clone(&awake.stop);
            let thread =
                std::thread::Builder::new().name(format!("awake-{cpu}")).spawn(move || keep(cpu, &stop, &ready))?;
            match begun.recv() {
                Ok(Ok(clock)) => awake.threads.push((thread, clock)),
                Ok(Err(error)) => return Err(error),
                // It ends without a word only where it could not even begin.
                Err(_) => return Err(io::Error::other("a thread ended before it began")),
            }
        }
        Ok(awake)
    }

    /// CPU time that this has taken, nanoseconds: part of [`own_cpu`](crate::own_cpu), and no work.
    #[must_use]
    pub fn cpu(&self) -> u64 {
        self.threads.iter().map(|(_, clock)| clock.now()).sum()
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for (thread, _) in self.threads.drain(..) {
            // It cannot panic, and there is nothing to hear from it.
            let _ = thread.join();
        }
    }
}

fn keep(cpu: usize, stop: &AtomicBool, ready: &Sender<io::Result<ThreadClock>>) {
    let begun = pin_thread(&[cpu]).and_then(|()| only_when_idle()).and_then(|()| thread_clock());
    let fails = begun.is_err();
    if ready.send(begun).is_err() || fails {
        return;
    }
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..TURNS {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Awake;

    #[test]
    fn it_takes_what_nobody_else_wants_and_says_how_much() {
        let cpus = crate::available().unwrap();
        let before = crate::own_cpu();
        let awake = Awake::on(&cpus[..1]).unwrap();
        // It runs only when its CPU has nothing else to do: as long as it takes.
        let patience = Instant::now() + Duration::from_secs(60);
        while awake.cpu() < 5_000_000 && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (taken, all) = (awake.cpu(), crate::own_cpu() - before);
        assert!((5_000_000..=all + 1_000_000).contains(&taken), "{taken} of {all} ns");
        drop(awake);
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_an_error() {
        assert!(Awake::on(&[1023]).is_err());
        assert!(Awake::on(&[]).is_ok());
    }
}
