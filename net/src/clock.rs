//! The one clock of the project: nanoseconds of `CLOCK_MONOTONIC`, and CPU clocks in the same unit.
//!
//! `CLOCK_MONOTONIC` is the same for every thread and process of a host, so times taken by a publisher's thread and a subscriber's
//! thread can be subtracted. A read goes through the vDSO (about 20 ns, no system call).

use std::io;
use std::time::Duration;

use crate::sys::check;

/// Now, in nanoseconds of `CLOCK_MONOTONIC`.
#[inline]
#[must_use]
pub fn now() -> u64 {
    // `CLOCK_MONOTONIC` exists on every Linux, so this cannot fail; 0 keeps the function total.
    read(libc::CLOCK_MONOTONIC).unwrap_or(0)
}

/// CPU time, user and system, of all threads of this process, in nanoseconds.
#[must_use]
pub fn own_cpu() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0)
}

/// CPU time, user and system, of the calling thread, in nanoseconds.
#[must_use]
pub fn thread_cpu() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(0)
}

/// The CPU clock of one thread, for others to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// CPU time of the thread, nanoseconds; 0 once it has ended.
    pub fn now(self) -> u64 {
        read(self.0).unwrap_or(0)
    }
}

/// The calling thread's.
///
/// # Errors
/// None in practice: a thread that asks has one.
pub(crate) fn thread_clock() -> io::Result<ThreadClock> {
    let mut id: libc::clockid_t = 0;
    // SAFETY: `id` is a valid place for one clock id for the length of the call, and the calling thread exists.
    match unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut id) } {
        0 => Ok(ThreadClock(id)),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// CPU time, user and system, of all threads of process `pid`, in nanoseconds (`clock_getcpuclockid(3)`).
///
/// `/proc/PID/schedstat` covers the main thread only and `/proc/PID/stat` counts ticks of 10 ms, hence the clock.
///
/// # Errors
/// When there is no such process (`ESRCH`), also for one that has ended and been waited for.
pub fn process_cpu(pid: u32) -> io::Result<u64> {
    let mut id: libc::clockid_t = 0;
    // SAFETY: `id` is a valid place for one clock id for the length of the call; any pid value is allowed.
    let error = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &raw mut id) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    read(id)
}

#[inline]
fn read(id: libc::clockid_t) -> io::Result<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for one timespec for the length of the call; a bad clock id is an error, not undefined.
    check(unsafe { libc::clock_gettime(id, &raw mut time) })?;
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// How far the kernel says CLOCK_REALTIME may be from UTC (`adjtimex(2)`: what chrony or ntpd told it, growing since); `None` where
/// nobody disciplines it.
#[must_use]
pub fn clock_error() -> Option<Duration> {
    // SAFETY: all zeroes is a valid timex, and asks for nothing to be changed.
    let mut clock: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `clock` is a valid place for one timex for the length of the call.
    let state = unsafe { libc::adjtimex(&raw mut clock) };
    let synchronised = state >= 0 && state != libc::TIME_ERROR && clock.status & libc::STA_UNSYNC == 0;
    synchronised.then(|| Duration::from_micros(u64::try_from(clock.maxerror).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn now_does_not_go_back_and_counts_nanoseconds() {
        let before = (now(), std::time::Instant::now());
        std::thread::sleep(std::time::Duration::from_millis(5));
        let ours = now() - before.0;
        let theirs = before.1.elapsed().as_nanos() as u64;
        assert!(ours >= 5_000_000, "{ours}");
        // Taken one after the other, so the second reading is at least the first.
        assert!(theirs + 1_000_000 >= ours, "{ours} against {theirs}");
    }

    #[test]
    fn cpu_clocks_advance_with_work_and_the_process_includes_the_thread() {
        let (thread, process) = (thread_cpu(), own_cpu());
        let mut x = 1_u64;
        while thread_cpu() - thread < 40_000_000 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        // The kernel brings a process's sum up to date a little later than a thread's own clock.
        assert!(own_cpu() - process >= 20_000_000);
        assert!(process_cpu(std::process::id()).unwrap() >= process);
    }

    #[test]
    fn another_process_has_a_cpu_clock_until_it_is_gone() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        assert!(process_cpu(child.id()).is_ok());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(process_cpu(child.id()).is_err());
    }
}
