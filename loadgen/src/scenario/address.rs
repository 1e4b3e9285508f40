//! Local addresses to connect from: `"127.0.0.2"` or `"127.0.0.2-127.0.0.5"`.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::scenario::error::Fault;
use crate::scenario::limits::is_local;
use crate::scenario::scalar::At;

/// More than enough for any number of ports, and no typing error that takes a minute to print.
const MOST: u32 = 4096;

/// All addresses of all entries, each of this machine and of the family of the server's.
pub(super) fn sources(entries: &[At<String>], server: IpAddr) -> Result<Vec<IpAddr>, Fault> {
    let mut all = Vec::new();
    let mut tried = HashSet::new();
    for entry in entries {
        let here = addresses(&entry.value).map_err(|message| Fault::at(&entry.span, message))?;
        for &address in here.iter().filter(|address| tried.insert(**address)) {
            if let Some(message) = unusable(address, server) {
                return Err(Fault::at(&entry.span, message)
                    .help("use addresses of this machine; every address of 127.0.0.0/8 is one, towards 127.0.0.1"));
            }
        }
        all.extend(here);
    }
    Ok(all)
}

fn unusable(address: IpAddr, server: IpAddr) -> Option<String> {
    if address.is_ipv4() != server.is_ipv4() {
        return Some(format!("`{address}` cannot reach the server: {server} is of the other IP version"));
    }
    if !is_local(address) {
        return Some(format!("`{address}` is no address of this machine, so nothing can connect from it"));
    }
    None
}

/// All addresses of one entry, or what is wrong with it.
pub(super) fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let wrong = || format!("`{text}` is not an address or a range such as \"127.0.0.2-127.0.0.5\"");
    let Some((first, last)) = text.split_once('-') else {
        return text.trim().parse().map(|address| vec![address]).map_err(|_| wrong());
    };
    let first: Ipv4Addr = first.trim().parse().map_err(|_| wrong())?;
    let last: Ipv4Addr = last.trim().parse().map_err(|_| wrong())?;
    let (first, last) = (u32::from(first), u32::from(last));
    if last < first {
        return Err(format!("`{text}` runs backwards: write the lower address first"));
    }
    if last - first >= MOST {
        return Err(format!("`{text}` has more than {MOST} addresses"));
    }
    Ok((first..=last).map(|address| IpAddr::V4(Ipv4Addr::from(address))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_both_its_ends() {
        let all = addresses("127.0.0.254 - 127.0.1.1").unwrap();
        assert_eq!(
            all.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1"]
        );
        assert_eq!(addresses("::1").unwrap().len(), 1);
    }

    #[test]
    fn a_source_is_of_this_machine_and_of_the_family_of_the_server() {
        let sources = |entries: &[&str], server: &str| {
            let entries: Vec<_> = entries.iter().map(|e| At { value: (*e).to_owned(), span: 0..e.len() }).collect();
            sources(&entries, server.parse().unwrap()).map_err(|fault| fault.message)
        };
        assert_eq!(sources(&["127.0.0.2-127.0.0.4", "127.0.0.3"], "127.0.0.1").unwrap().len(), 4);
        assert_eq!(
            sources(&["127.0.0.2", "::1"], "127.0.0.1").unwrap_err(),
            "`::1` cannot reach the server: 127.0.0.1 is of the other IP version"
        );
        assert_eq!(
            sources(&["192.0.2.1"], "127.0.0.1").unwrap_err(),
            "`192.0.2.1` is no address of this machine, so nothing can connect from it"
        );
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (text, said) in [
            ("localhost", "`localhost` is not an address or a range such as \"127.0.0.2-127.0.0.5\""),
            ("127.0.0.5-127.0.0.2", "`127.0.0.5-127.0.0.2` runs backwards: write the lower address first"),
            ("10.0.0.0-11.0.0.0", "`10.0.0.0-11.0.0.0` has more than 4096 addresses"),
        ] {
            assert_eq!(addresses(text).unwrap_err(), said);
        }
    }
}
