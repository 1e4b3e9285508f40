//! Pure: JSON web tokens (RFC 7519, RFC 7515): signed by somebody else, checked here with one key.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::gate::Grant;
use super::rooms::Rooms;

/// How far the clock of whoever signs may differ from ours, in seconds.
const LEEWAY: u64 = 30;
/// A secret must be at least as long as HS256's digest, in bytes (RFC 7518 section 3.2).
const LEAST_SECRET: usize = 32;

/// The key that tokens are checked with, and what they must say. The algorithms follow from the key, never from a token.
#[derive(Clone)]
pub struct Jwt {
    key: DecodingKey,
    rules: Validation,
}

/// Why a key file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    /// A secret that could be guessed.
    #[error("the secret has {0} bytes and must have at least {LEAST_SECRET}; make one with: openssl rand -base64 48")]
    TooShort(usize),
    /// Signing is not for this server.
    #[error("it holds a private key and the public one is enough; make it with: openssl pkey -in KEY -pubout")]
    Private,
    /// Neither RSA nor EC nor Ed25519.
    #[error("it is PEM but holds no public key of RSA, of P-256 or P-384, or of Ed25519 (-----BEGIN PUBLIC KEY-----)")]
    NotPublic,
}

/// Why a token is refused. Says nothing of the token itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is not three parts of base64 and JSON, or asks for extensions.
    #[error("the token is not one that this server knows")]
    Malformed,
    /// Its algorithm is not one of the key's.
    #[error("the token is signed with an algorithm that this server does not take")]
    Algorithm,
    /// Somebody else signed it, or changed it.
    #[error("the token's signature is not right")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired; get a new one")]
    Expired,
    /// `nbf` has not come.
    #[error("the token is not valid yet; if it is new, compare the clocks")]
    NotYet,
    /// `aud` is not `--auth-jwt-audience`.
    #[error("the token is for another audience (aud)")]
    Audience,
    /// `iss` is not `--auth-jwt-issuer`.
    #[error("the token is from another issuer (iss)")]
    Issuer,
    /// A claim is missing or of another type.
    #[error(
        "the token must say until when it is valid (exp, a number), for whom (sub, text), and rooms, if it has any, must be a list of texts"
    )]
    Claims,
}

#[derive(Deserialize)]
struct Claims {
    exp: f64,
    nbf: Option<f64>,
    sub: String,
    rooms: Option<Vec<String>>,
}

impl Jwt {
    /// From a key file's bytes: a PEM public key (RS256, RS384 and RS512, PS256, PS384 and PS512; ES256 or ES384; EdDSA), or else a
    /// secret (HS256, HS384 and HS512), of which one line end is not a part.
    ///
    /// # Errors
    /// See [`JwtKeyError`].
    pub fn new(file: &[u8], audience: Option<&str>, issuer: Option<&str>) -> Result<Self, JwtKeyError> {
        let (key, algorithms) = key(file)?;
        let mut rules = Validation::default();
        rules.algorithms = algorithms;
        // The time is given to `verify`.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.validate_aud = audience.is_some();
        let mut required = vec!["exp", "sub"];
        if let Some(audience) = audience {
            rules.set_audience(&[audience]);
            required.push("aud");
        }
        if let Some(issuer) = issuer {
            rules.set_issuer(&[issuer]);
            required.push("iss");
        }
        rules.set_required_spec_claims(&required);
        Ok(Self { key, rules })
    }

    /// What a token grants at `now`, in seconds since 1970. Only its beginning is checked: a connection may outlive its token.
    ///
    /// # Errors
    /// See [`JwtError`].
    pub fn verify(&self, token: &str, now: u64) -> Result<Grant, JwtError> {
        // Refuses algorithms that nobody knows, "none" among them.
        decode_header(token).map_err(|_| JwtError::Malformed)?;
        refuse_extensions(token)?;
        let Claims { exp, nbf, sub, rooms } =
            decode::<Claims>(token, &self.key, &self.rules).map_err(|error| reason(error.kind()))?.claims;
        // A second more or less of rounding does not matter here.
        if exp + LEEWAY as f64 <= now as f64 {
            return Err(JwtError::Expired);
        }
        if nbf.is_some_and(|nbf| nbf > (now + LEEWAY) as f64) {
            return Err(JwtError::NotYet);
        }
        if sub.is_empty() {
            return Err(JwtError::Claims);
        }
        Ok(Grant { user: Some(Arc::from(sub)), rooms: Rooms::new(rooms) })
    }
}

/// Does not show the key.
impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("algorithms", &self.rules.algorithms).finish_non_exhaustive()
    }
}

fn key(file: &[u8]) -> Result<(DecodingKey, Vec<Algorithm>), JwtKeyError> {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    let text = String::from_utf8_lossy(file);
    if !text.contains("-----BEGIN ") {
        let secret = file.strip_suffix(b"\n").unwrap_or(file);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        if secret.len() < LEAST_SECRET {
            return Err(JwtKeyError::TooShort(secret.len()));
        }
        return Ok((DecodingKey::from_secret(secret), vec![HS256, HS384, HS512]));
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(JwtKeyError::Private);
    }
    if !text.contains("PUBLIC KEY-----") {
        return Err(JwtKeyError::NotPublic);
    }
    if let Ok(key) = DecodingKey::from_rsa_pem(file) {
        Ok((key, vec![RS256, RS384, RS512, PS256, PS384, PS512]))
    } else if let Ok(key) = DecodingKey::from_ec_pem(file) {
        Ok((key, vec![ES256, ES384]))
    } else if let Ok(key) = DecodingKey::from_ed_pem(file) {
        Ok((key, vec![EdDSA]))
    } else {
        Err(JwtKeyError::NotPublic)
    }
}

/// A token that names critical extensions means something that we do not know (RFC 7515 section 4.1.11).
fn refuse_extensions(token: &str) -> Result<(), JwtError> {
    #[derive(Deserialize)]
    struct Header {
        crit: Option<serde::de::IgnoredAny>,
    }
    let header = token.split('.').next().unwrap_or("");
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| JwtError::Malformed)?;
    match serde_json::from_slice(&json) {
        Ok(Header { crit: None }) => Ok(()),
        Ok(Header { crit: Some(_) }) | Err(_) => Err(JwtError::Malformed),
    }
}

fn reason(error: &ErrorKind) -> JwtError {
    match error {
        ErrorKind::InvalidAlgorithm => JwtError::Algorithm,
        ErrorKind::InvalidSignature | ErrorKind::Crypto(_) => JwtError::Signature,
        ErrorKind::InvalidIssuer => JwtError::Issuer,
        ErrorKind::InvalidAudience => JwtError::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => JwtError::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => JwtError::Issuer,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => JwtError::Claims,
        _ => JwtError::Malformed,
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
