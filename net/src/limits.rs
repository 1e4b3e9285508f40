//! What this machine allows one process: descriptors and source ports.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;

use crate::sys::{check, malformed, read_proc};

/// How many descriptors this process may have open (`RLIMIT_NOFILE`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptors {
    /// The limit in force.
    pub soft: u64,
    /// How far it can be raised without privileges.
    pub hard: u64,
}

/// The limits as they are.
///
/// # Errors
/// None in practice.
pub fn descriptors() -> io::Result<Descriptors> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for one rlimit for the length of the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok(Descriptors { soft: limit.rlim_cur, hard: limit.rlim_max })
}

/// Raises the soft limit to the hard one and returns what is then in force.
///
/// # Errors
/// When a sandbox forbids it; the old limit then stays.
pub fn raise_descriptors() -> io::Result<Descriptors> {
    let Descriptors { soft, hard } = descriptors()?;
    if soft < hard {
        let limit = libc::rlimit { rlim_cur: hard, rlim_max: hard };
        // SAFETY: `limit` lives for the length of the call.
        check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    }
    descriptors()
}

/// How many descriptors this process has open.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn open_descriptors() -> io::Result<u64> {
    const OWN: &str = "/proc/self/fd";
    match told(OWN)? {
        // One of the entries is the listing's own.
        0 => Ok(counted(OWN)?.saturating_sub(1)),
        count => Ok(count),
    }
}

/// How many descriptors process `pid` has open.
///
/// # Errors
/// When there is no such process, or it belongs to another user.
pub fn descriptors_of(pid: u32) -> io::Result<u64> {
    let path = format!("/proc/{pid}/fd");
    match told(&path)? {
        0 => counted(&path),
        count => Ok(count),
    }
}

/// Kernels since 6.2 tell the number of entries as the folder's size; before, that was 0.
fn told(path: &str) -> io::Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}

fn counted(path: &str) -> io::Result<u64> {
    Ok(std::fs::read_dir(path)?.count() as u64)
}

/// Whether connections can come from this address: a socket can be bound to it.
///
/// # Errors
/// When there is no socket to try it with, as when descriptors have run out.
pub fn is_local(address: IpAddr) -> io::Result<bool> {
    // UDP, because a bound TCP port could not be had again for a while.
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The ports from which the kernel chooses a source port: as many connections can be open from one source address to one
/// destination (`net.ipv4.ip_local_port_range`, used for IPv6 as well).
///
/// # Errors
/// When `/proc` is not mounted.
pub fn ephemeral_ports() -> io::Result<RangeInclusive<u16>> {
    const PATH: &str = "/proc/sys/net/ipv4/ip_local_port_range";
    let text = read_proc(PATH)?;
    let mut ports = text.split_whitespace().map_while(|word| word.parse::<u16>().ok());
    match (ports.next(), ports.next()) {
        (Some(first), Some(last)) => Ok(first..=last),
        _ => Err(malformed(PATH, "pair of ports")),
    }
}
