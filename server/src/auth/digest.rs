//! Pure: SHA-256, so that tokens need not be kept, and comparing one tells nothing about it by the time that it takes.

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use subtle::{Choice, ConstantTimeEq};

/// A token's SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of `token`, by the cryptography that TLS brings along. `None` if that were built without it.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { return None };
        suite.common.hash_provider.hash(token.as_bytes()).as_ref().try_into().ok().map(Self)
    }

    /// From 64 hexadecimal digits, as `sha256sum` prints them.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        (digits.len() == 64).then(|| bytes.try_into().ok().map(Self)).flatten()
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn same(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// Does not show it: a digest of a weak token can be guessed back.
impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of("abc"), Digest::from_hex(abc));
        assert_eq!(Digest::of("abc"), Digest::from_hex(&abc.to_uppercase()));
        assert!(bool::from(Digest::of("abc").unwrap().same(&Digest::from_hex(abc).unwrap())));
        assert!(!bool::from(Digest::of("abd").unwrap().same(&Digest::from_hex(abc).unwrap())));
    }

    #[test]
    fn what_is_not_64_hexadecimal_digits_is_no_digest() {
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"é".repeat(32)] {
            assert_eq!(Digest::from_hex(text), None, "{text}");
        }
    }
}
