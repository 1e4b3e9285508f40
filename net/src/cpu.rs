//! Which CPUs a thread or a child may run on.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sys::check;

/// Lets the calling thread run on `cpus` only. Threads that it starts later inherit this.
///
/// # Errors
/// `InvalidInput` when `cpus` is empty, or none of them exists or is allowed.
pub fn pin_thread(cpus: &[usize]) -> io::Result<()> {
    // 0 is the calling thread.
    set_affinity(0, &set_of(cpus)?)
}

/// Makes `command`'s process run on `cpus` only, from its first instruction and with all the threads it will have.
///
/// # Errors
/// `InvalidInput` when `cpus` is empty or one is beyond the kernel's range. CPUs that do not exist fail the later `spawn`.
pub fn pin_child(command: &mut Command, cpus: &[usize]) -> io::Result<()> {
    let set = set_of(cpus)?;
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: this is one system call on copied plain data.
    unsafe { command.pre_exec(move || set_affinity(0, &set)) };
    Ok(())
}

/// The CPUs on which the calling thread may run, in ascending order: what a container or `taskset` left us.
///
/// # Errors
/// On machines with more than 1,024 CPUs.
pub fn available() -> io::Result<Vec<usize>> {
    let mut set = empty();
    // SAFETY: `set` is a valid place for one cpu_set_t of the size given, for the length of the call.
    check(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) })?;
    // SAFETY: every index is below CPU_SETSIZE, the number of bits in the set.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Lets every other thread go first: the calling thread gets the lowest ordinary priority (nice 19), for work that must not
/// disturb what is measured beside it. There is no way back without privileges. Threads that it starts later inherit this.
///
/// # Errors
/// Where a sandbox forbids it: the kernel itself lets every thread lower itself.
pub fn step_back() -> io::Result<()> {
    // SAFETY: three integers. On Linux, 0 is the calling thread and not its process.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) }).map(drop)
}

/// Lets the calling thread run only while its CPU has nothing else to do (`SCHED_IDLE`, `sched(7)`).
///
/// # Errors
/// None in practice: a thread may always lower itself.
pub(crate) fn only_when_idle() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: `parameters` is alive for the length of the call; 0 is the calling thread.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) }).map(drop)
}

fn empty() -> libc::cpu_set_t {
    // SAFETY: cpu_set_t is an array of integers; all zeroes is the empty set.
    unsafe { std::mem::zeroed() }
}

fn set_of(cpus: &[usize]) -> io::Result<libc::cpu_set_t> {
    let invalid = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    if cpus.is_empty() {
        return invalid("no CPU to pin to: name at least one".to_owned());
    }
    let mut set = empty();
    for &cpu in cpus {
        if cpu >= libc::CPU_SETSIZE as usize {
            return invalid(format!("there is no CPU {cpu}: at most {} are known", libc::CPU_SETSIZE));
        }
        // SAFETY: `cpu` is below CPU_SETSIZE, the number of bits in the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    Ok(set)
}

fn set_affinity(task: libc::pid_t, set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: `set` is one cpu_set_t of the size given, alive for the length of the call.
    check(unsafe { libc::sched_setaffinity(task, size_of::<libc::cpu_set_t>(), set) }).map(drop)
}
