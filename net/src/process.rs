//! What the kernel tells about a process and about itself: memory, context switches, retransmits; and ending children.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sys::{check, field, malformed, read_proc};

/// A process's resident memory. The kernel counts it per CPU and adds up lazily: exact to some 128 KiB a CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// Resident now (`VmRSS`), bytes.
    pub rss_bytes: u64,
    /// The most that ever was (`VmHWM`), bytes.
    pub peak_bytes: u64,
}

/// Resident memory of process `pid`.
///
/// # Errors
/// When there is no such process, or it is a zombie (which has no memory).
pub fn memory(pid: u32) -> io::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = read_proc(&path)?;
    let bytes = |key| field(&text, key).map(|kib| kib * 1024).ok_or_else(|| malformed(&path, key));
    Ok(Memory { rss_bytes: bytes("VmRSS:")?, peak_bytes: bytes("VmHWM:")? })
}

/// Context switches, voluntary and not, of all present threads of process `pid`. Those of threads that have ended are not in it.
///
/// # Errors
/// When there is no such process.
pub fn context_switches(pid: u32) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(entry?.path().join("status")) else {
            continue;
        };
        sum += field(&text, "voluntary_ctxt_switches:").unwrap_or(0);
        sum += field(&text, "nonvoluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(sum)
}

/// Threads of process `pid`.
///
/// # Errors
/// When there is no such process.
pub fn threads(pid: u32) -> io::Result<u64> {
    let path = format!("/proc/{pid}/status");
    field(&read_proc(&path)?, "Threads:").ok_or_else(|| malformed(&path, "Threads:"))
}

/// Memory that the kernel itself uses, in bytes: slabs, kernel stacks, page tables and TCP buffers of the whole machine.
/// The difference before and after opening connections is their share.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn kernel_memory() -> io::Result<u64> {
    const MEMINFO: &str = "/proc/meminfo";
    let meminfo = read_proc(MEMINFO)?;
    let mut bytes = 0;
    for key in ["Slab:", "KernelStack:", "PageTables:"] {
        bytes += field(&meminfo, key).ok_or_else(|| malformed(MEMINFO, key))? * 1024;
    }
    Ok(bytes + tcp_memory()?)
}

/// Memory in the buffers of all TCP sockets of the machine, bytes.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn tcp_memory() -> io::Result<u64> {
    const SOCKSTAT: &str = "/proc/net/sockstat";
    let pages = tcp_pages(&read_proc(SOCKSTAT)?).ok_or_else(|| malformed(SOCKSTAT, "TCP mem"))?;
    // SAFETY: no pointers are involved.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Ok(pages * u64::try_from(page).unwrap_or(4096))
}

/// The `mem` of the line `TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1`: pages of socket buffers.
fn tcp_pages(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    line.split_whitespace().skip_while(|&word| word != "mem").nth(1)?.parse().ok()
}

/// TCP segments sent again since the machine (or its network namespace) started.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn tcp_retransmits() -> io::Result<u64> {
    const PATH: &str = "/proc/net/snmp";
    retransmits(&read_proc(PATH)?).ok_or_else(|| malformed(PATH, "RetransSegs"))
}

/// `/proc/net/snmp` has two lines a protocol: names, then values in the same order.
fn retransmits(snmp: &str) -> Option<u64> {
    let mut tcp = snmp.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, values) = (tcp.next()?, tcp.next()?);
    let column = names.split_whitespace().position(|name| name == "RetransSegs")?;
    values.split_whitespace().nth(column)?.parse().ok()
}

/// Gives free pages of this process's heap back to the kernel, where the allocator keeps them (glibc); elsewhere nothing happens.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointers are involved; it may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A signal that ends a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// `SIGTERM`: please end in an orderly way.
    Terminate,
    /// `SIGKILL`: end now.
    Kill,
    /// `SIGHUP`: read your files again.
    Hangup,
}

/// Sends `signal` to process `pid`.
///
/// # Errors
/// When there is no such process (`ESRCH`), or it belongs to another user. `InvalidInput` for 0, which would mean our own group.
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = positive(pid)?;
    // SAFETY: no pointers are involved.
    check(unsafe { libc::kill(pid, signal.number()) }).map(drop)
}

/// Sends `signal` to the process group that `pid` leads: a server started through a shell or a package manager ends with it.
///
/// # Errors
/// As [`signal`]; `InvalidInput` also for 1, because a signal to group 1 would go to every process there is.
pub fn signal_group(pid: u32, signal: Signal) -> io::Result<()> {
    let group = positive(pid)?;
    if group == 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "process 1 leads no group that we may end"));
    }
    // SAFETY: no pointers are involved.
    check(unsafe { libc::killpg(group, signal.number()) }).map(drop)
}

fn positive(pid: u32) -> io::Result<libc::pid_t> {
    libc::pid_t::try_from(pid)
        .ok()
        .filter(|&pid| pid > 0)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is not a process id")))
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
            Signal::Hangup => libc::SIGHUP,
        }
    }
}

/// Whether the terminal at our standard error, if it is one, has us in its foreground. One in the background that changes the terminal's mode
/// is stopped by the kernel (`SIGTTOU`).
#[must_use]
pub fn owns_terminal() -> bool {
    // SAFETY: two calls on integers; a descriptor that is no terminal gives -1, which is no group.
    unsafe { libc::tcgetpgrp(libc::STDERR_FILENO) == libc::getpgrp() }
}

/// Makes `command`'s process be killed when the thread that spawns it ends (`PR_SET_PDEATHSIG`), so that it never outlives us, even
/// if we are killed. Spawn it from a thread that lives as long as it should.
pub fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let tie = move || {
        // SAFETY: this option takes one integer and no pointers.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        // SAFETY: getppid has no arguments and cannot fail.
        if unsafe { libc::getppid() } as u32 == parent {
            Ok(())
        } else {
            // We died between fork and prctl: nobody would send the signal any more.
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: these are two system calls without allocation.
    unsafe { command.pre_exec(tie) };
}
