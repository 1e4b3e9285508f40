//! A timer of its own, for threads that wait in something else than a [`Poller`](crate::Poller).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::sys::check;

/// A timerfd on `CLOCK_MONOTONIC`: becomes readable when its time has come, to the precision of the kernel's timers.
///
/// Wait for it edge-triggered: each expiry is one event, and it never needs to be read.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// An unset timer.
    ///
    /// # Errors
    /// When the process or system is out of descriptors.
    pub fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no pointers are passed; the descriptor is checked and then owned by nobody else.
        Ok(Timer(unsafe { OwnedFd::from_raw_fd(check(libc::timerfd_create(libc::CLOCK_MONOTONIC, flags))?) }))
    }

    /// Sets it to `at` (nanoseconds of `CLOCK_MONOTONIC`, as [`now`](crate::now); a time gone by fires at once), or unsets it.
    ///
    /// # Errors
    /// None in practice: the kernel refuses only times that do not fit its seconds.
    pub fn set(&self, at: Option<u64>) -> io::Result<()> {
        // All zeroes would mean "unset", so the beginning of time is one nanosecond later.
        let ns = at.map_or(0, |at| at.max(1));
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = libc::timespec {
            tv_sec: (ns / 1_000_000_000) as libc::time_t,
            tv_nsec: (ns % 1_000_000_000) as libc::c_long,
        };
        let spec = libc::itimerspec { it_interval: zero, it_value };
        // SAFETY: `spec` lives for the length of the call; the old value is not asked for.
        let set = unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &raw const spec, ptr::null_mut())
        };
        check(set).map(drop)
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::Timer;
    use crate::{Interest, Poller, Timeout, Token, now};
    use std::os::fd::AsRawFd;

    #[test]
    fn becomes_readable_when_its_time_has_come_and_again_when_set_again() {
        let (timer, mut poller) = (Timer::new().unwrap(), Poller::new(4).unwrap());
        poller.add(timer.as_raw_fd(), Token(3), Interest::Read).unwrap();
        for _ in 0..2 {
            let at = now() + 2_000_000;
            timer.set(Some(at)).unwrap();
            let turn = poller.wait(Timeout::Ns(2_000_000_000)).unwrap();
            assert_eq!(turn.events, 1);
            assert!(now() >= at, "not before its time");
        }
        timer.set(None).unwrap();
        assert_eq!(poller.wait(Timeout::Ns(5_000_000)).unwrap().events, 0);
    }
}
