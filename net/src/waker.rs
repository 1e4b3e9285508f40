//! Wakes a thread that is blocked in its poller, from any other thread.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys::check;

/// Wakes the [`Poller`](crate::Poller) that it came from. Clone it freely and send it anywhere.
///
/// Put what the thread shall find into its inbox first, then call [`wake`](Waker::wake). Wakes coalesce: until the poller has reported
/// one, further ones cost one atomic exchange and no system call. None is lost, also when it comes before `wait`.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    event: File,
    /// True from the first wake until the poller has reported it.
    pending: AtomicBool,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed; the result is checked.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the descriptor was just created and nobody else owns it.
        let event = unsafe { File::from_raw_fd(fd) };
        Ok(Self(Arc::new(Inner { event, pending: AtomicBool::new(false) })))
    }

    /// Makes the poller's current or next `wait` return with `woken`.
    pub fn wake(&self) {
        // The exchange releases what the caller put into the inbox before; `reported` acquires it.
        if !self.0.pending.swap(true, Ordering::AcqRel) {
            // Nothing ever reads the eventfd: registered edge-triggered, each write is an event of its own, and its counter
            // would need 2^64 wakes to fill. So this cannot fail or block.
            let _ = (&self.0.event).write(&1_u64.to_ne_bytes());
        }
    }

    /// Called by the poller when it has seen the event, before its thread looks into the inbox: what was put there before a
    /// wake that found `pending` set is visible afterwards, and a wake after this one writes again.
    pub(crate) fn reported(&self) {
        self.0.pending.swap(false, Ordering::AcqRel);
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }
}
