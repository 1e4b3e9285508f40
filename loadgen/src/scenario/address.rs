//! Local addresses to connect from: `"127.0.0.2"` or `"127.0.0.2-127.0.0.5"`.

use std::net::{IpAddr, Ipv4Addr};

/// More than enough for any number of ports, and no typing error that takes a minute to print.
const MOST: u32 = 4096;

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
