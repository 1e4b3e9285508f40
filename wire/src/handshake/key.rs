//! The key by which a client knows that the answer is to its request (RFC 6455 4.2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`.
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key.trim()).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

/// The `Sec-WebSocket-Key` for 16 random bytes; they should be fresh for every connection (RFC 6455 4.1).
pub fn encode_key(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// Whether `key` stands for 16 bytes. The unused last bits may be anything: some clients make keys up as text.
pub(super) fn is_key(key: &str) -> bool {
    let key = key.trim().as_bytes();
    let body = key.strip_suffix(b"==").unwrap_or(&[]);
    body.len() == 22 && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_the_key_of_the_rfc() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept_key(" dGhlIHNhbXBsZSBub25jZQ== "), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn encodes_the_nonce_of_the_rfc() {
        assert_eq!(encode_key(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(is_key(&encode_key([0xff; 16])));
    }

    #[test]
    fn knows_a_key_from_other_text() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZR=="));
        for wrong in
            ["", "==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ!==", "AAAA=="]
        {
            assert!(!is_key(wrong), "{wrong}");
        }
    }
}
