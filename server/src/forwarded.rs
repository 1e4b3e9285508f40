//! Pure: whose address counts when proxies stand between a client and the server.
//!
//! Each proxy appends the address that it was called from to `X-Forwarded-For`, so with N trusted proxies the client is the Nth entry from
//! the right; what stands further left was written by the client and proves nothing. The `Forwarded` header (RFC 7239) is not
//! looked at: a proxy that only knows the older header passes a client's own one on.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Why the header does not tell the client's address. The connection then counts for the address that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Fewer proxies have written into it than are trusted.
    #[error(
        "X-Forwarded-For has fewer entries than --trusted-proxies; lower it to the number of proxies in front of this server"
    )]
    TooShort,
    /// The entry that counts is no address.
    #[error("the entry of X-Forwarded-For that counts by --trusted-proxies is not an IP address")]
    NotAnAddress,
}

/// The client's address: `peer`'s own with no trusted proxy, otherwise the entry that the outermost of `proxies` appended. `lines` are the
/// values of all `X-Forwarded-For` headers in order.
///
/// # Errors
/// See [`Unusable`].
pub fn client_address<'a>(
    peer: IpAddr,
    proxies: usize,
    lines: impl DoubleEndedIterator<Item = &'a str>,
) -> Result<IpAddr, Unusable> {
    let Some(skipped) = proxies.checked_sub(1) else { return Ok(peer.to_canonical()) };
    let entry = lines.rev().flat_map(|line| line.rsplit(',')).nth(skipped).ok_or(Unusable::TooShort)?;
    address(entry.trim()).ok_or(Unusable::NotAnAddress)
}

/// An address as proxies write it: alone, in brackets, or with its port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|addr| addr.ip())).ok()?;
    Some(address.to_canonical())
}

/// What an address counts as where addresses are limited: an IPv4 address is itself; of an IPv6 address only the first 64 bits count,
/// because one customer usually has all the rest (RFC 6177).
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn client(proxies: usize, lines: &[&str]) -> Result<String, Unusable> {
        client_address(PEER, proxies, lines.iter().copied()).map(|address| address.to_string())
    }

    #[test]
    fn without_trusted_proxies_the_header_is_not_believed() {
        assert_eq!(client(0, &["192.0.2.1"]).unwrap(), "10.0.0.1");
        assert_eq!(client(0, &[]).unwrap(), "10.0.0.1");
    }

    #[test]
    fn the_entry_that_the_outermost_trusted_proxy_wrote_counts() {
        let lines = ["6.6.6.6, 192.0.2.1", "198.51.100.7"];
        assert_eq!(client(1, &lines).unwrap(), "198.51.100.7");
        assert_eq!(client(2, &lines).unwrap(), "192.0.2.1");
        assert_eq!(client(3, &lines).unwrap(), "6.6.6.6");
        assert_eq!(client(4, &lines), Err(Unusable::TooShort));
        assert_eq!(client(1, &[]), Err(Unusable::TooShort));
    }

    #[test]
    fn an_entry_may_have_a_port_and_brackets() {
        for (text, address) in [
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("  192.0.2.1\t", "192.0.2.1"),
        ] {
            assert_eq!(client(1, &[text]).unwrap(), address, "{text}");
        }
        for text in ["", "unknown", "_hidden", "192.0.2", "[192.0.2.1", "192.0.2.1, ", "example.com", "\"192.0.2.1\""] {
            assert_eq!(client(1, &[text]), Err(Unusable::NotAnAddress), "{text}");
        }
    }

    #[test]
    fn a_customers_ipv6_addresses_count_as_one() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(net("2001:db8:1:2:3:4:5:6"), net("2001:db8:1:2:ffff::1"));
        assert_ne!(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
        assert_ne!(net("192.0.2.1"), net("192.0.2.2"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
    }

    proptest! {
        /// Whatever a client writes into the header first, the proxy's entry is the one that counts.
        #[test]
        fn a_client_cannot_choose_its_address(forged in "[ -~]{0,60}") {
            prop_assert_eq!(client(1, &[&format!("{forged}, 192.0.2.1")]).unwrap(), "192.0.2.1");
            prop_assert_eq!(client(1, &[&forged, "192.0.2.1"]).unwrap(), "192.0.2.1");
        }
    }
}
