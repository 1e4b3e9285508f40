//! Which processes are the server: those that listen on its port, and what they started.

use std::collections::HashSet;
use std::net::SocketAddr;

use net::Parentage;

/// The processes of the server at `address`, the one that the others descend from first; empty where they cannot be known. `hint` is the
/// process that was started or named for it: a shell, a package manager or `go run` is not the server, but its child that listens is.
pub fn processes_of(address: SocketAddr, hint: Option<u32>) -> Vec<u32> {
    // On another machine, whoever listens here on the same port is somebody else.
    if !address.ip().is_loopback() && !net::is_local(address.ip()).unwrap_or(false) {
        return Vec::new();
    }
    let Ok(all) = net::processes() else { return hint.into_iter().collect() };
    let listening = net::listening_on(address).unwrap_or_default();
    let heads = if listening.is_empty() { hint.into_iter().collect() } else { listening };
    family(&heads, &all, std::process::id())
}

/// A process that somebody named, and what it started.
pub fn family_of(pid: u32) -> Vec<u32> {
    family(&[pid], &net::processes().unwrap_or_default(), std::process::id())
}

/// `heads` and all their descendants, ancestors before descendants. `own` and what it started is not the server, even where a test
/// that listens itself has started `own`.
fn family(heads: &[u32], all: &[Parentage], own: u32) -> Vec<u32> {
    let members: HashSet<u32> = heads.iter().copied().filter(|&pid| pid != own).collect();
    let eldest = heads.iter().copied().filter(|&pid| members.contains(&pid) && !descends(pid, &members, all));
    let mut found: Vec<u32> = Vec::new();
    eldest.for_each(|pid| {
        if !found.contains(&pid) {
            found.push(pid);
        }
    });
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        next += 1;
        for child in all.iter().filter(|p| p.parent == parent && p.pid != own) {
            if !found.contains(&child.pid) {
                found.push(child.pid);
            }
        }
    }
    found
}

/// Whether one of the ancestors of `pid` is among `members`.
fn descends(pid: u32, members: &HashSet<u32>, all: &[Parentage]) -> bool {
    let parent = |pid| all.iter().find(|p| p.pid == pid).map(|p| p.parent).filter(|&parent| parent != 0);
    // Ids may have been taken again while the list was made: a circle must not hold us.
    std::iter::successors(parent(pid), |&pid| parent(pid)).take(all.len()).any(|ancestor| members.contains(&ancestor))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell (10) that started a server (11) with two workers (12, 13), one of which started a tool (14); ourselves (20) with a child.
    fn machine() -> Vec<Parentage> {
        [(1, 0), (10, 1), (11, 10), (12, 11), (13, 11), (14, 13), (20, 1), (21, 20)]
            .map(|(pid, parent)| Parentage { pid, parent })
            .to_vec()
    }

    #[test]
    fn the_child_that_listens_is_the_server_and_not_the_shell_before_it() {
        assert_eq!(family(&[11], &machine(), 20), [11, 12, 13, 14]);
    }

    #[test]
    fn workers_that_inherited_the_socket_come_after_who_started_them() {
        assert_eq!(family(&[13, 12, 11], &machine(), 20), [11, 12, 13, 14]);
        assert_eq!(family(&[12, 13], &machine(), 20), [12, 13, 14], "they listen by themselves, their parent does not");
    }

    #[test]
    fn the_load_generator_is_never_part_of_the_server() {
        assert_eq!(family(&[1], &machine(), 20), [1, 10, 11, 12, 13, 14]);
        assert_eq!(family(&[20], &machine(), 20), [0_u32; 0]);
    }

    #[test]
    fn a_process_that_is_not_listed_is_taken_by_its_id_alone() {
        assert_eq!(family(&[99], &[], 20), [99]);
    }

    #[test]
    fn this_process_is_not_taken_for_a_server() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(processes_of(listener.local_addr().unwrap(), None), [0_u32; 0]);
        assert_eq!(processes_of("192.0.2.1:9001".parse().unwrap(), None), [0_u32; 0]);
    }
}
