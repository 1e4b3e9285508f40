//! One thread's epoll set: sockets, a waker and a timer in one blocking call.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::sys::check;
use crate::waker::Waker;

/// What a socket is called in events: an index into the caller's own tables.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(pub u32);

/// One socket's event. Edge-triggered: it is reported once, so read until a short read or `WouldBlock` (or call
/// [`Poller::again`]) and remember that a socket is not writable until `writable` is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// The token given to [`Poller::add`].
    pub token: Token,
    /// There are bytes, an end of stream, or an error to be read.
    pub readable: bool,
    /// There is room to write, or a connect has finished (then ask [`Socket::take_error`](crate::Socket::take_error)).
    pub writable: bool,
    /// The peer has shut down its writing side, or the connection is broken; there may still be bytes to read before the end.
    pub closed: bool,
}

/// Which events a socket is registered for, once and for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Readable and closed.
    Read,
    /// Readable, writable and closed. Costs no more than `Read` while writes succeed: the kernel reports writability only
    /// after a write has found the buffer full (and once at the beginning).
    ReadWrite,
}

/// How long [`Poller::wait`] may block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// Not at all.
    Now,
    /// Until something happens.
    Never,
    /// At most this many nanoseconds. Late by the thread's timer slack (50 us); a due time belongs in [`Poller::set_timer`].
    Ns(u64),
}

/// What one [`Poller::wait`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    /// Somebody called [`Waker::wake`]: look into the inbox.
    pub woken: bool,
    /// The time given to [`Poller::set_timer`] has come. The timer is then unset.
    pub timer: bool,
    /// How many sockets are ready: `ready(0)` to `ready(events - 1)`.
    pub events: usize,
}

const WAKER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Tokens are 32 bits wide, so everything from here on is ours.
const FIRST_RESERVED: u64 = 1 << 32;

/// An epoll set owned by one hot thread.
///
/// Costs a socket's event one array entry and nothing else; nothing is allocated after `new` except the re-arm list.
pub struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    waker: Waker,
    /// What the timerfd is set to, so that setting it to the same again is free.
    due: Cell<Option<u64>>,
    events: Box<[libc::epoll_event]>,
    /// `events[..found]` are sockets' events of the last wait.
    found: usize,
    again: Vec<Token>,
}

impl Poller {
    /// Makes a set that reports at most `capacity` events a wait (the others follow in the next one); 1024 is a good size.
    ///
    /// # Errors
    /// When the process or system is out of descriptors (three are needed).
    pub fn new(capacity: usize) -> io::Result<Self> {
        // SAFETY: no pointers are passed; the descriptor is checked and then owned by nobody else.
        let epoll = unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: as above.
        let timer = unsafe { OwnedFd::from_raw_fd(check(libc::timerfd_create(libc::CLOCK_MONOTONIC, flags))?) };
        let waker = Waker::new()?;
        // Edge-triggered: each wake and each expiry is one event, and neither descriptor ever needs to be read.
        control(&epoll, libc::EPOLL_CTL_ADD, waker.fd(), libc::EPOLLIN | libc::EPOLLET, WAKER)?;
        control(&epoll, libc::EPOLL_CTL_ADD, timer.as_raw_fd(), libc::EPOLLIN | libc::EPOLLET, TIMER)?;
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)].into_boxed_slice();
        Ok(Self { epoll, timer, waker, due: Cell::new(None), events, found: 0, again: Vec::new() })
    }

    /// Registers a socket, edge-triggered. If it is already readable or writable, the next wait says so.
    ///
    /// The set does not own it: closing the last descriptor of a socket also removes it.
    ///
    /// # Errors
    /// When `fd` is registered already (`EEXIST`), cannot be polled (`EPERM`) or is not open (`EBADF`); when
    /// `fs.epoll.max_user_watches` is reached (`ENOSPC`).
    pub fn add(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        let write = match interest {
            Interest::Read => 0,
            Interest::ReadWrite => libc::EPOLLOUT,
        };
        let events = libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET | write;
        control(&self.epoll, libc::EPOLL_CTL_ADD, fd, events, u64::from(token.0))
    }

    /// Takes a socket out of the set, for one that stays open elsewhere. Events of it that the last wait found stay in `ready`,
    /// and its token in the re-arm list: the caller's tables say whether a token is still alive.
    ///
    /// # Errors
    /// When it is not in the set.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        control(&self.epoll, libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    /// A handle by which other threads wake this one.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Sets the one timer to `at` (nanoseconds of `CLOCK_MONOTONIC`, as [`now`](crate::now); a time gone by fires at once) or
    /// unsets it. Setting it to what it is set to costs nothing. It fires once.
    ///
    /// # Errors
    /// None in practice: the kernel refuses only times that do not fit its seconds.
    pub fn set_timer(&self, at: Option<u64>) -> io::Result<()> {
        if self.due.get() == at {
            return Ok(());
        }
        // All zeroes would mean "unset", so the beginning of time is one nanosecond later.
        let ns = at.map_or(0, |at| at.max(1));
        let spec = libc::itimerspec { it_interval: timespec(0), it_value: timespec(ns) };
        // SAFETY: `spec` lives for the length of the call; the old value is not asked for.
        check(unsafe {
            libc::timerfd_settime(self.timer.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &raw const spec, ptr::null_mut())
        })?;
        self.due.set(at);
        Ok(())
    }

    /// Remembers a socket that used up its read or write budget: the kernel will not report it again, so the next turn takes it from
    /// [`take_again`](Self::take_again), and until then `wait` does not block.
    pub fn again(&mut self, token: Token) {
        self.again.push(token);
    }

    /// Moves the re-arm list to `into`, which is emptied first and whose memory is used for the next list.
    pub fn take_again(&mut self, into: &mut Vec<Token>) {
        into.clear();
        std::mem::swap(&mut self.again, into);
    }

    /// Blocks until something is ready, at most `timeout`, and not at all while the re-arm list holds a socket.
    /// An interruption by a signal is an empty turn.
    ///
    /// # Errors
    /// None in practice: the arguments are valid by construction.
    pub fn wait(&mut self, timeout: Timeout) -> io::Result<Turn> {
        let timeout = if self.again.is_empty() { timeout } else { Timeout::Now };
        self.found = 0;
        let mut found = match self.block(timeout) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
            Err(e) => return Err(e),
        };
        let mut turn = Turn::default();
        let mut i = 0;
        while i < found {
            match self.events[i].u64 {
                WAKER => turn.woken = true,
                TIMER => turn.timer = true,
                _ => {
                    i += 1;
                    continue;
                }
            }
            found -= 1;
            self.events[i] = self.events[found];
        }
        if turn.woken {
            self.waker.reported();
        }
        if turn.timer {
            self.due.set(None);
        }
        self.found = found;
        turn.events = found;
        Ok(turn)
    }

    /// Event `index` of the last wait.
    ///
    /// # Panics
    /// When `index` is not below that turn's `events`.
    #[inline]
    #[must_use]
    pub fn ready(&self, index: usize) -> Ready {
        let event = self.events[..self.found][index];
        let has = |bits: libc::c_int| event.events & bits as u32 != 0;
        const BROKEN: libc::c_int = libc::EPOLLHUP | libc::EPOLLERR;
        debug_assert!(event.u64 < FIRST_RESERVED);
        Ready {
            token: Token(event.u64 as u32),
            readable: has(libc::EPOLLIN | libc::EPOLLRDHUP | BROKEN),
            writable: has(libc::EPOLLOUT | BROKEN),
            closed: has(libc::EPOLLRDHUP | BROKEN),
        }
    }

    /// The events of the last wait, where the set is not needed while looking at them.
    pub fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        (0..self.found).map(|i| self.ready(i))
    }

    fn block(&mut self, timeout: Timeout) -> io::Result<usize> {
        let epoll = self.epoll.as_raw_fd();
        let (events, room) = (self.events.as_mut_ptr(), self.events.len() as libc::c_int);
        let ms = match timeout {
            Timeout::Now => 0,
            Timeout::Never => -1,
            Timeout::Ns(ns) => {
                let limit = timespec(ns);
                // SAFETY: `events` points to `room` entries that live as long as `self`; `limit` lives for the call;
                // no signal mask is given.
                let found = unsafe {
                    libc::syscall(
                        libc::SYS_epoll_pwait2,
                        epoll,
                        events,
                        room,
                        &raw const limit,
                        ptr::null::<libc::sigset_t>(),
                        0_usize,
                    )
                };
                match check(found as libc::c_int) {
                    // Before Linux 5.11, and in sandboxes that hide the call: whole milliseconds, rounded up.
                    Err(e) if e.raw_os_error() == Some(libc::ENOSYS) => {
                        ns.div_ceil(1_000_000).min(i32::MAX as u64) as libc::c_int
                    }
                    other => return other.map(|n| n as usize),
                }
            }
        };
        // SAFETY: `events` points to `room` entries that live as long as `self`.
        check(unsafe { libc::epoll_wait(epoll, events, room, ms) }).map(|n| n as usize)
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("due", &self.due).field("found", &self.found).finish_non_exhaustive()
    }
}

fn control(epoll: &OwnedFd, operation: libc::c_int, fd: RawFd, events: libc::c_int, data: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: events as u32, u64: data };
    // SAFETY: `event` lives for the length of the call; the kernel checks both descriptors.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) }).map(drop)
}

fn timespec(ns: u64) -> libc::timespec {
    libc::timespec { tv_sec: (ns / 1_000_000_000) as libc::time_t, tv_nsec: (ns % 1_000_000_000) as libc::c_long }
}
