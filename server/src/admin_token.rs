//! The secret that operators present, and who may use the operators' routes without one.

use std::fmt;

use subtle::ConstantTimeEq;

/// A shorter one could be guessed; in characters.
const SHORTEST: usize = 16;

/// What `Authorization: Bearer` must say on the operators' listener. Never printed.
#[derive(Clone)]
pub struct AdminToken(Box<[u8]>);

/// What is wrong with a text that should be a token, and what would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    /// It can be guessed.
    #[error("the token has fewer than {SHORTEST} characters; make one with: head -c 32 /dev/urandom | base64 > FILE")]
    TooShort,
    /// It could not be sent.
    #[error("the token must be one line of visible ASCII characters without spaces")]
    NotVisible,
}

/// Why a request may not see an operators' route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// No token, or not the right one.
    #[error("operators must send the token of --admin-token: Authorization: Bearer TOKEN")]
    NoToken,
    /// It comes from a web page, which may be anybody's: a browser on the server's own machine reaches loopback addresses.
    #[error("web pages may not use the operators' routes without a token; start the server with --admin-token")]
    WebPage,
    /// It calls this machine by a name, as a web page does whose name was made to point here (DNS rebinding).
    #[error(
        "without --admin-token, ask by address or as localhost, such as http://127.0.0.1:9002/rooms, not by another name"
    )]
    Name,
}

/// What a request says of itself: the headers of these names, if it has them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Claims<'a> {
    /// `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// `Origin`.
    pub origin: Option<&'a [u8]>,
    /// `Host`.
    pub host: Option<&'a str>,
}

impl AdminToken {
    /// The token in a file's text; white space around it does not count.
    ///
    /// # Errors
    /// See [`NotAToken`].
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let token = text.trim();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotAToken::NotVisible);
        }
        if token.len() < SHORTEST {
            return Err(NotAToken::TooShort);
        }
        Ok(Self(token.as_bytes().into()))
    }

    /// Takes the same time for every wrong token of the right length.
    fn is(&self, token: &[u8]) -> bool {
        self.0.ct_eq(token).into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

impl Stranger {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NoToken => 401,
            Self::WebPage | Self::Name => 403,
        }
    }
}

/// Whether a request may see the operators' routes: it has the token, or none is asked for and it is no web page's.
///
/// # Errors
/// Why not.
pub fn admit(token: Option<&AdminToken>, claims: Claims<'_>) -> Result<(), Stranger> {
    let Some(token) = token else {
        if claims.origin.is_some() {
            return Err(Stranger::WebPage);
        }
        return if claims.host.is_none_or(is_address) { Ok(()) } else { Err(Stranger::Name) };
    };
    let given = claims.authorization.and_then(|value| {
        let (scheme, token) = value.split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
    });
    if given.is_some_and(|given| token.is(given)) { Ok(()) } else { Err(Stranger::NoToken) }
}

/// Whether a `Host` is an address or the one name that always means this machine, rather than a name that somebody else gives out.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> AdminToken {
        AdminToken::parse("0123456789abcdef\n").unwrap()
    }

    #[test]
    fn a_token_is_one_line_that_is_hard_to_guess() {
        assert_eq!(AdminToken::parse("short").unwrap_err(), NotAToken::TooShort);
        assert_eq!(AdminToken::parse("").unwrap_err(), NotAToken::TooShort);
        assert_eq!(AdminToken::parse("0123456789 abcdef").unwrap_err(), NotAToken::NotVisible);
        assert_eq!(AdminToken::parse("0123456789abcdef\nx").unwrap_err(), NotAToken::NotVisible);
        assert_eq!(format!("{:?}", token()), "AdminToken(..)");
    }

    #[test]
    fn with_a_token_only_who_has_it_comes_in() {
        let with = |authorization: &'static str| {
            admit(Some(&token()), Claims { authorization: Some(authorization.as_bytes()), ..Claims::default() })
        };
        assert_eq!(with("Bearer 0123456789abcdef"), Ok(()));
        assert_eq!(with("bearer  0123456789abcdef "), Ok(()));
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcde", "0123456789abcdef"]
        {
            assert_eq!(with(wrong), Err(Stranger::NoToken), "{wrong}");
        }
        assert_eq!(with("Basic 0123456789abcdef"), Err(Stranger::NoToken));
        assert_eq!(admit(Some(&token()), Claims::default()), Err(Stranger::NoToken));
    }

    #[test]
    fn without_a_token_web_pages_and_borrowed_names_stay_out() {
        let from = |host| admit(None, Claims { host: Some(host), ..Claims::default() });
        for host in ["127.0.0.1:9002", "localhost", "LocalHost:9002", "[::1]:9002", "10.0.0.1", "[::1]"] {
            assert_eq!(from(host), Ok(()), "{host}");
        }
        for host in ["evil.example:9002", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "x:y"] {
            assert_eq!(from(host), Err(Stranger::Name), "{host}");
        }
        assert_eq!(admit(None, Claims::default()), Ok(()));
        let page = Claims { origin: Some(b"http://127.0.0.1:9002"), ..Claims::default() };
        assert_eq!(admit(None, page), Err(Stranger::WebPage));
    }
}
