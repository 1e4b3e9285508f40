//! By when a connection's request must be answered: a time that may be put off while the server itself takes its time. Until somebody is
//! let in otherwise, they count among those who wait.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::admission::Waiting;

/// The time at which a connection is cut off.
#[derive(Debug)]
pub struct Deadline {
    at: Mutex<Instant>,
    waiting: Mutex<Option<Waiting>>,
}

/// The deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfTime;

impl Deadline {
    /// At this time, until it is put off; for somebody with a place among those who wait.
    #[must_use]
    pub fn at(time: Instant, waiting: Option<Waiting>) -> Self {
        Self { at: Mutex::new(time), waiting: Mutex::new(waiting) }
    }

    /// They do not count among those who wait any more.
    pub fn let_in(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What `work` comes to, if it does so in time.
    ///
    /// # Errors
    /// [`OutOfTime`].
    pub async fn allows<T>(&self, work: impl Future<Output = T>) -> Result<T, OutOfTime> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.passed() => Err(OutOfTime),
        }
    }

    /// From now on, so long.
    pub fn allow(&self, time: Duration) {
        let now = Instant::now();
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = now.checked_add(time).unwrap_or(now);
    }

    fn get(&self) -> Instant {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when it has passed and was not put off meanwhile.
    async fn passed(&self) {
        loop {
            let at = self.get();
            sleep_until(at).await;
            if self.get() <= Instant::now() {
                return;
            }
        }
    }
}
