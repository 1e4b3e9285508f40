//! The server's side: may this request upgrade, and to which subprotocol (RFC 6455 4.2).

use super::error::HandshakeError;
use super::key::is_key;
use super::token::{elements, lists};

/// What an HTTP library read of an upgrade request. Header lines of the same name are joined with commas.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeRequest<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// The minor version of HTTP/1: 1 for HTTP/1.1.
    pub http_minor: u8,
    /// `Connection`.
    pub connection: Option<&'a str>,
    /// `Upgrade`.
    pub upgrade: Option<&'a str>,
    /// `Sec-WebSocket-Version`.
    pub version: Option<&'a str>,
    /// `Sec-WebSocket-Key`.
    pub key: Option<&'a str>,
}

/// Whether the request may be answered with 101 (RFC 6455 4.2.1).
///
/// # Errors
/// The first thing that is missing; [`HandshakeError::status`] is the status to answer with.
pub fn check_request(request: &UpgradeRequest<'_>) -> Result<(), HandshakeError> {
    if request.method != "GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    if request.http_minor < 1 {
        return Err(HandshakeError::HttpTooOld);
    }
    if !request.upgrade.is_some_and(|value| lists(value, "websocket")) {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if !request.connection.is_some_and(|value| lists(value, "upgrade")) {
        return Err(HandshakeError::ConnectionNotUpgrade);
    }
    if request.version.map(str::trim) != Some("13") {
        return Err(HandshakeError::UnsupportedVersion);
    }
    if !request.key.is_some_and(is_key) {
        return Err(HandshakeError::InvalidKey);
    }
    Ok(())
}

/// The first subprotocol that the client offers and we support, the client's order deciding.
///
/// `offered` are the values of the `Sec-WebSocket-Protocol` lines; each may itself be a comma-separated list.
/// `None` means that the answer names no subprotocol (RFC 6455 4.2.2).
pub fn choose_subprotocol<'o, 's>(offered: impl Iterator<Item = &'o str>, supported: &[&'s str]) -> Option<&'s str> {
    offered.flat_map(elements).find_map(|name| supported.iter().copied().find(|own| *own == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: UpgradeRequest<'static> = UpgradeRequest {
        method: "GET",
        http_minor: 1,
        connection: Some("keep-alive, Upgrade"),
        upgrade: Some("WebSocket"),
        version: Some("13"),
        key: Some("dGhlIHNhbXBsZSBub25jZQ=="),
    };

    #[test]
    fn grants_what_browsers_send() {
        assert_eq!(check_request(&GOOD), Ok(()));
        assert_eq!(check_request(&UpgradeRequest { connection: Some("upgrade"), ..GOOD }), Ok(()));
    }

    #[test]
    fn refuses_each_missing_part_with_its_status() {
        use HandshakeError::*;
        let cases = [
            (UpgradeRequest { method: "POST", ..GOOD }, MethodNotGet, 405),
            (UpgradeRequest { http_minor: 0, ..GOOD }, HttpTooOld, 400),
            (UpgradeRequest { upgrade: None, ..GOOD }, NotAnUpgrade, 426),
            (UpgradeRequest { upgrade: Some("h2c"), ..GOOD }, NotAnUpgrade, 426),
            (UpgradeRequest { connection: None, ..GOOD }, ConnectionNotUpgrade, 400),
            (UpgradeRequest { connection: Some("keep-alive"), ..GOOD }, ConnectionNotUpgrade, 400),
            (UpgradeRequest { version: None, ..GOOD }, UnsupportedVersion, 426),
            (UpgradeRequest { version: Some("8"), ..GOOD }, UnsupportedVersion, 426),
            (UpgradeRequest { key: None, ..GOOD }, InvalidKey, 400),
            (UpgradeRequest { key: Some("short"), ..GOOD }, InvalidKey, 400),
        ];
        for (request, error, status) in cases {
            assert_eq!(check_request(&request), Err(error.clone()), "{request:?}");
            assert_eq!(error.status(), status, "{error}");
        }
    }

    #[test]
    fn chooses_the_clients_first_subprotocol_that_is_supported() {
        let supported = ["chat", "json"];
        assert_eq!(choose_subprotocol(["xml, json", "chat"].into_iter(), &supported), Some("json"));
        assert_eq!(choose_subprotocol(["xml"].into_iter(), &supported), None);
        assert_eq!(choose_subprotocol(std::iter::empty(), &supported), None);
        // Names are compared as they are (RFC 6455 1.9 calls them names, not case-insensitive tokens).
        assert_eq!(choose_subprotocol(["CHAT"].into_iter(), &supported), None);
    }
}
