//! Which processes there are, who started whom, and which of them listens on a port.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::sys::read_proc;

/// A process and who started it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parentage {
    /// Its id.
    pub pid: u32,
    /// The id of its parent; 0: the kernel's own, or a parent outside of our namespace.
    pub parent: u32,
}

/// Every process that can be seen.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn processes() -> io::Result<Vec<Parentage>> {
    let stat = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat"));
    // A process may end between the listing and the reading.
    Ok(ids()?.filter_map(|pid| Some(Parentage { pid, parent: parent(&stat(pid).ok()?)? })).collect())
}

/// The processes that hold a socket listening on `address`, or on its port at every address; several where a server forked after it
/// began to listen, or where each worker listens by itself (`SO_REUSEPORT`).
///
/// Empty also where a process of another user listens, whose descriptors only root may see.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn listening_on(address: SocketAddr) -> io::Result<Vec<u32>> {
    let mut inodes = inodes(&read_proc("/proc/net/tcp")?, address);
    // A kernel without IPv6 has no such file.
    inodes.extend(fs::read_to_string("/proc/net/tcp6").map_or(Vec::new(), |text| self::inodes(&text, address)));
    if inodes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(ids()?.filter(|pid| holds(*pid, &inodes)).collect())
}

/// Whether a process has one of these sockets open.
fn holds(pid: u32, inodes: &[u64]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|link| {
        let inode = link.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}

fn ids() -> io::Result<impl Iterator<Item = u32>> {
    Ok(fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// The fourth word of `/proc/PID/stat`. The second is the name in parentheses, which may hold anything, parentheses too.
fn parent(stat: &str) -> Option<u32> {
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()
}

/// Inodes of the sockets in `/proc/net/tcp` or `tcp6` that listen on an address.
fn inodes(text: &str, address: SocketAddr) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let inode = |line: &str| -> Option<u64> {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        let (ip, port) = local.split_once(':')?;
        let ours = state == LISTEN && u16::from_str_radix(port, 16).ok()? == address.port();
        let ip = ip_of(ip).filter(|_| ours)?;
        (ip.is_unspecified() || ip == address.ip().to_canonical()).then(|| words.nth(5)?.parse().ok())?
    };
    text.lines().skip(1).filter_map(inode).collect()
}

/// An address of `/proc/net/tcp`: words of 32 bits in hexadecimal, each in the machine's byte order.
fn ip_of(hex: &str) -> Option<IpAddr> {
    let word = |i: usize| Some(u32::from_str_radix(hex.get(i * 8..i * 8 + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    /// A line as the kernel writes it, for an address of four bytes.
    fn line(ip: [u8; 4], port: u16, state: &str, inode: u64) -> String {
        let ip = u32::from_ne_bytes(ip);
        format!(
            "   0: {ip:08X}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
        )
    }

    #[test]
    fn a_name_with_parentheses_does_not_hide_the_parent() {
        assert_eq!(parent("4711 (node) S 4700 4711 4711 0 -1"), Some(4700));
        assert_eq!(parent("4711 (a) S 1 (b) R 42 4711"), Some(42));
        assert_eq!(parent("4711 (cut"), None);
    }

    #[test]
    fn only_listening_sockets_of_the_address_count() {
        let text = [
            HEAD.to_owned(),
            line([127, 0, 0, 1], 9001, "0A", 11),
            line([127, 0, 0, 2], 9001, "0A", 12),
            line([0, 0, 0, 0], 9001, "0A", 13),
            line([127, 0, 0, 1], 9002, "0A", 14),
            line([127, 0, 0, 1], 9001, "01", 15),
        ]
        .concat();
        assert_eq!(inodes(&text, SocketAddr::from(([127, 0, 0, 1], 9001))), [11, 13]);
        assert_eq!(inodes(&text, SocketAddr::from(([127, 0, 0, 1], 9003))), [0_u64; 0]);
    }

    #[test]
    fn an_ipv4_address_in_a_socket_for_both_families_is_that_address() {
        let written = |ip: Ipv6Addr| -> String {
            let word = |w: &[u8]| format!("{:08X}", u32::from_ne_bytes([w[0], w[1], w[2], w[3]]));
            ip.octets().chunks(4).map(word).collect()
        };
        for ip in [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST] {
            assert_eq!(ip_of(&written(ip)), Some(IpAddr::V6(ip)));
        }
        let v4 = Ipv4Addr::new(10, 1, 2, 3);
        assert_eq!(ip_of(&written(v4.to_ipv6_mapped())), Some(IpAddr::V4(v4)));
        assert_eq!(ip_of("nothing."), None);
    }

    #[test]
    fn this_process_is_found_by_the_port_it_listens_on() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(listening_on(address).unwrap(), [std::process::id()]);
        drop(listener);
        assert_eq!(listening_on(address).unwrap(), [0_u32; 0]);
        let own = processes().unwrap().into_iter().find(|p| p.pid == std::process::id()).unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
    }
}
