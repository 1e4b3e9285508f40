//! Pure: which web pages may use the server.
//!
//! A browser lets any page open a WebSocket to any server and names the page's origin in the handshake (RFC 6455 section 10.2); refusing
//! strangers is up to the server. A request without an `Origin` does not come from a page and is not asked for one.

/// The pages that may use the server: those of its own origin always, others by `--allow-origin`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    any: bool,
    listed: Vec<Listed>,
}

/// How requests reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// As they are. A proxy in front may have ended TLS, so pages of `https://` with the same host count as our own too.
    Plain,
    /// Under TLS: pages of `http://` are never our own, anybody on their way could have written them.
    Tls,
}

/// Where a request comes from, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Not from a page in a browser.
    None,
    /// From one of this server's own pages.
    Own,
    /// From a page of somebody else that is allowed: answers must name its origin, or the browser keeps them from the page.
    Foreign,
}

/// A page that may not use the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefused {
    /// Its origin is neither the server's own nor allowed.
    #[error("pages of {0} may not use this server; its operator can allow them with --allow-origin {0}")]
    NotAllowed(String),
    /// It has no origin of its own: a file, or a sandboxed frame.
    #[error(
        "pages without an origin (Origin: null) may not use this server; its operator can allow all with --allow-origin '*'"
    )]
    Null,
    /// The header is not an origin (RFC 6454 section 7).
    #[error("the Origin header is not scheme://host[:port]; it is matched against --allow-origin")]
    Unreadable,
}

/// A value of `--allow-origin` that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "use an origin without a path, such as https://example.com or http://localhost:3000, https://*.example.com for all below it, or * for any"
)]
pub struct NotAnOrigin(pub String);

/// One origin of the list, or all below a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    scheme: Box<str>,
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Is(Box<str>),
    /// Ends with this, dot included, and has something before it.
    Below(Box<str>),
}

/// Scheme, host and port; the port that the scheme implies is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl Origins {
    /// From the values of `--allow-origin`.
    ///
    /// # Errors
    /// The first value that is not an origin.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAnOrigin> {
        let mut origins = Self::default();
        for value in values {
            if value == "*" {
                origins.any = true;
            } else {
                origins.listed.push(Listed::parse(value).ok_or_else(|| NotAnOrigin(value.to_owned()))?);
            }
        }
        Ok(origins)
    }

    /// Whether a request with these headers may be answered, and what its page is to us.
    ///
    /// # Errors
    /// [`OriginRefused`], to be answered with 403.
    pub fn check(&self, origin: Option<&str>, host: Option<&str>, transport: Transport) -> Result<Page, OriginRefused> {
        let Some(text) = origin else { return Ok(Page::None) };
        if text == "null" {
            return if self.any { Ok(Page::Foreign) } else { Err(OriginRefused::Null) };
        }
        let origin = Origin::parse(text).ok_or(OriginRefused::Unreadable)?;
        if host.is_some_and(|host| origin.is_served_as(host, transport)) {
            Ok(Page::Own)
        } else if self.any || self.listed.iter().any(|listed| listed.matches(origin)) {
            Ok(Page::Foreign)
        } else {
            Err(OriginRefused::NotAllowed(text.to_owned()))
        }
    }
}

impl Listed {
    fn parse(text: &str) -> Option<Self> {
        let Origin { scheme, host, port } = Origin::parse(text)?;
        let host = match host.strip_prefix('*') {
            Some(below) if below.len() > 1 && below.starts_with('.') => Host::Below(below.into()),
            Some(_) => return None,
            None => Host::Is(host.into()),
        };
        let (Host::Is(name) | Host::Below(name)) = &host;
        (!name.contains('*')).then_some(Self { scheme: scheme.into(), host, port })
    }

    fn matches(&self, origin: Origin<'_>) -> bool {
        let host = match &self.host {
            Host::Is(name) => origin.host.eq_ignore_ascii_case(name),
            Host::Below(end) => origin
                .host
                .len()
                .checked_sub(end.len())
                .is_some_and(|at| at > 0 && origin.host.as_bytes()[at..].eq_ignore_ascii_case(end.as_bytes())),
        };
        host && self.port == origin.port && origin.scheme.eq_ignore_ascii_case(&self.scheme)
    }
}

impl<'a> Origin<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let mut letters = scheme.bytes();
        if !letters.next()?.is_ascii_alphabetic()
            || !letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        {
            return None;
        }
        let (host, port) = split(authority)?;
        Some(Self { scheme, host, port: port.or_else(|| implied_port(scheme)) })
    }

    /// Whether a page of this origin came from the server that the request's `Host` names.
    fn is_served_as(self, host: &str, transport: Transport) -> bool {
        let secure = self.scheme.eq_ignore_ascii_case("https");
        let scheme = secure || (transport == Transport::Plain && self.scheme.eq_ignore_ascii_case("http"));
        let Some((name, port)) = split(host) else { return false };
        scheme && self.host.eq_ignore_ascii_case(name) && self.port == port.or_else(|| implied_port(self.scheme))
    }
}

/// Host and port of an authority without user and path, such as `localhost:3000` or `[::1]`.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = if authority.starts_with('[') { authority.find(']')? + 1 } else { 0 };
    let (host, port) = match authority[end..].find(':') {
        Some(colon) => (&authority[..end + colon], Some(&authority[end + colon + 1..])),
        None => (authority, None),
    };
    let inside = host.strip_prefix('[').map_or(host, |host| host.strip_suffix(']').unwrap_or(""));
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'@' | b'[' | b']' | b'\\' | b',');
    if inside.is_empty() || !inside.bytes().all(plain) {
        return None;
    }
    match port {
        None => Some((host, None)),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some((host, Some(digits.parse().ok()?))),
        Some(_) => None,
    }
}

fn implied_port(scheme: &str) -> Option<u16> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origins(values: &[&str]) -> Origins {
        Origins::parse(values.iter().copied()).unwrap()
    }

    fn page(values: &[&str], origin: &str, host: &str, transport: Transport) -> Result<Page, OriginRefused> {
        origins(values).check(Some(origin), Some(host), transport)
    }

    #[test]
    fn without_an_origin_there_is_no_page_to_refuse() {
        assert_eq!(origins(&[]).check(None, Some("example.com"), Transport::Plain), Ok(Page::None));
        assert_eq!(origins(&[]).check(None, None, Transport::Tls), Ok(Page::None));
    }

    #[test]
    fn the_servers_own_pages_may_use_it() {
        for (origin, host, transport) in [
            ("http://example.com", "example.com", Transport::Plain),
            ("http://example.com", "example.com:80", Transport::Plain),
            ("http://example.com:80", "example.com", Transport::Plain),
            ("http://Example.COM:9001", "example.com:9001", Transport::Plain),
            ("http://[::1]:9001", "[::1]:9001", Transport::Plain),
            ("http://[::1]", "[::1]", Transport::Plain),
            // A proxy ended TLS.
            ("https://example.com", "example.com", Transport::Plain),
            ("https://example.com", "example.com", Transport::Tls),
            ("https://example.com:9001", "example.com:9001", Transport::Tls),
        ] {
            assert_eq!(page(&[], origin, host, transport), Ok(Page::Own), "{origin} at {host}");
        }
    }

    #[test]
    fn strangers_may_not_and_are_told_the_flag() {
        for (origin, host, transport) in [
            ("http://evil.com", "example.com", Transport::Plain),
            ("http://example.com:8080", "example.com", Transport::Plain),
            ("http://example.com", "example.com:8080", Transport::Plain),
            ("https://example.com", "example.com:80", Transport::Plain),
            ("http://example.com.evil.com", "example.com", Transport::Plain),
            ("http://evilexample.com", "example.com", Transport::Plain),
            ("http://example.com", "example.com", Transport::Tls),
            ("ftp://example.com", "example.com", Transport::Plain),
        ] {
            let refused = page(&[], origin, host, transport).unwrap_err();
            assert!(refused.to_string().ends_with(&format!("--allow-origin {origin}")), "{refused}");
        }
        assert!(origins(&[]).check(Some("http://example.com"), None, Transport::Plain).is_err());
    }

    #[test]
    fn listed_origins_may_use_it() {
        let list = ["https://chat.example.com", "http://localhost:3000", "https://*.example.org", "app://shell"];
        for origin in [
            "https://chat.example.com",
            "https://chat.example.com:443",
            "https://CHAT.example.com",
            "http://localhost:3000",
            "https://a.example.org",
            "https://a.b.example.org",
            "app://shell",
        ] {
            assert_eq!(page(&list, origin, "here", Transport::Plain), Ok(Page::Foreign), "{origin}");
        }
        for origin in [
            "http://chat.example.com",
            "https://chat.example.com:8443",
            "http://localhost",
            "https://example.org",
            "https://.example.org",
            "https://aexample.org",
            "https://a.example.org.evil.com",
            "http://a.example.org",
            "https://a.example.org:8443",
            "app://shell2",
        ] {
            assert!(page(&list, origin, "here", Transport::Plain).is_err(), "{origin}");
        }
    }

    #[test]
    fn a_page_without_an_origin_needs_the_star() {
        assert_eq!(page(&["https://example.com"], "null", "null", Transport::Plain), Err(OriginRefused::Null));
        assert_eq!(page(&["*"], "null", "here", Transport::Plain), Ok(Page::Foreign));
        assert_eq!(page(&["*"], "https://anything.example", "here", Transport::Plain), Ok(Page::Foreign));
    }

    #[test]
    fn what_is_no_origin_is_refused_even_with_the_star() {
        for origin in [
            "",
            "example.com",
            "http://",
            "http://a b",
            "http://a/path",
            "http://a, http://b",
            "http://u@a",
            "://a",
            "http://a:99999",
            "http://a:+80",
            "http://[::1",
            "http://[]",
        ] {
            assert_eq!(page(&["*"], origin, "a", Transport::Plain), Err(OriginRefused::Unreadable), "{origin}");
        }
    }

    #[test]
    fn what_cannot_be_listed_is_named() {
        for value in [
            "example.com",
            "https://example.com/",
            "https://*",
            "https://*.",
            "https://a.*.com",
            "null",
            "",
            "https://*a.com",
        ] {
            assert_eq!(Origins::parse(["*", value]), Err(NotAnOrigin(value.to_owned())), "{value}");
        }
    }

    proptest! {
        /// Whatever is sent, a page is let in only by the list or by being the server's own.
        #[test]
        fn nobody_gets_in_by_confusing_the_parser(text in "(https?://)?[a-z.:/@\\[\\]*-]{0,24}") {
            let verdict = origins(&["https://*.good.example"]).check(Some(&text), Some("own.example"), Transport::Plain);
            if let Ok(page) = verdict {
                let host = text.split("://").nth(1).unwrap();
                let expected = if host == "own.example" { Page::Own } else { Page::Foreign };
                prop_assert_eq!(page, expected);
                prop_assert!(page == Page::Own || (text.starts_with("https://") && host.ends_with(".good.example")));
            }
        }
    }
}
