//! The flags about who may come in, and how: origins, tokens, proxies, TLS.

use std::path::PathBuf;

use super::check::ConfigError;
use super::flags::Flags;
use crate::auth::{Anonymous, AuthFiles};
use crate::origin::Origins;
use crate::tls::TlsFiles;

/// See the flags of the same names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// Pages that may use the server beside its own.
    pub origins: Origins,
    /// What tokens are checked against; nothing is everybody.
    pub auth: AuthFiles,
    /// Proxies in front, each of which appends to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// Certificate and key, if clients are to use TLS.
    pub tls: Option<TlsFiles>,
}

/// The most proxies that can stand in front of a server; a larger number is a mistake.
const MOST_PROXIES: usize = 16;

impl Security {
    pub(super) fn from_flags(flags: &Flags) -> Result<Self, ConfigError> {
        let origins = flags.allow_origin.iter().flatten().map(|value| value.trim());
        let origins = Origins::parse(origins).map_err(|error| invalid("allow-origin", &error.0, &error))?;
        let trusted_proxies = flags.trusted_proxies.unwrap_or(0);
        if trusted_proxies > MOST_PROXIES {
            let problem = format!("must be the number of proxies in front of this server, at most {MOST_PROXIES}");
            return Err(invalid("trusted-proxies", &trusted_proxies.to_string(), &problem));
        }
        Ok(Self { origins, auth: auth(flags)?, trusted_proxies, tls: tls(flags)? })
    }
}

fn auth(flags: &Flags) -> Result<AuthFiles, ConfigError> {
    let needs = |flag, value: &Option<String>, there: bool, needed: &str| match value {
        Some(value) if !there => Err(invalid(flag, value, &format!("means nothing without {needed}"))),
        _ => Ok(()),
    };
    let jwt = flags.auth_jwt_key.is_some();
    needs("auth-jwt-audience", &flags.auth_jwt_audience, jwt, "--auth-jwt-key")?;
    needs("auth-jwt-issuer", &flags.auth_jwt_issuer, jwt, "--auth-jwt-key")?;
    let any = jwt || flags.auth_tokens.is_some();
    needs("auth-anonymous", &flags.auth_anonymous, any, "--auth-tokens or --auth-jwt-key")?;
    let anonymous = match flags.auth_anonymous.as_deref() {
        None => Anonymous::default(),
        Some("allow") => Anonymous::Allow,
        Some("refuse") => Anonymous::Refuse,
        Some(other) => return Err(invalid("auth-anonymous", other, "use allow or refuse")),
    };
    Ok(AuthFiles {
        tokens: flags.auth_tokens.clone(),
        jwt_key: flags.auth_jwt_key.clone(),
        audience: flags.auth_jwt_audience.clone(),
        issuer: flags.auth_jwt_issuer.clone(),
        anonymous,
    })
}

fn tls(flags: &Flags) -> Result<Option<TlsFiles>, ConfigError> {
    let alone = |flag, path: &PathBuf, other| {
        Err(invalid(flag, &path.display().to_string(), &format!("needs --{other} too; TLS takes both")))
    };
    match (&flags.tls_cert, &flags.tls_key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert: cert.clone(), key: key.clone() })),
        (None, None) => Ok(None),
        (Some(cert), None) => alone("tls-cert", cert, "tls-key"),
        (None, Some(key)) => alone("tls-key", key, "tls-cert"),
    }
}

fn invalid(flag: &'static str, value: &str, problem: &(impl ToString + ?Sized)) -> ConfigError {
    ConfigError::Invalid { flag, value: value.to_owned(), problem: problem.to_string() }
}
