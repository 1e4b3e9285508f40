//! Reading what tokens are checked against, at the start and again on SIGHUP.

use std::io;
use std::path::{Path, PathBuf};

use super::gate::{Anonymous, Gate};
use super::jwt::{Jwt, JwtKeyError};
use super::tokens::{TokenFileError, Tokens};

/// Where the gate is kept: the `--auth-...` flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthFiles {
    /// `--auth-tokens`.
    pub tokens: Option<PathBuf>,
    /// `--auth-jwt-key`.
    pub jwt_key: Option<PathBuf>,
    /// `--auth-jwt-audience`.
    pub audience: Option<String>,
    /// `--auth-jwt-issuer`.
    pub issuer: Option<String>,
    /// `--auth-anonymous`.
    pub anonymous: Anonymous,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthFileError {
    /// It cannot be read.
    #[error("cannot read the file of --{flag}, {path}: {source}")]
    Unreadable {
        /// Which flag.
        flag: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The tokens are not as they should be.
    #[error("in the file of --auth-tokens, {path}, {source}")]
    Tokens {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        source: TokenFileError,
    },
    /// The key cannot be used.
    #[error("the file of --auth-jwt-key, {path}, cannot be used: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: JwtKeyError,
    },
}

impl AuthFiles {
    /// Reads them.
    ///
    /// # Errors
    /// See [`AuthFileError`].
    pub fn load(&self) -> Result<Gate, AuthFileError> {
        let tokens = self.tokens.as_deref().map(tokens).transpose()?;
        let jwt = self.jwt_key.as_deref().map(|path| self.jwt(path)).transpose()?;
        Ok(Gate { tokens, jwt, anonymous: self.anonymous })
    }

    fn jwt(&self, path: &Path) -> Result<Jwt, AuthFileError> {
        let file = read("auth-jwt-key", path)?;
        Jwt::new(&file, self.audience.as_deref(), self.issuer.as_deref())
            .map_err(|source| AuthFileError::Key { path: path.to_owned(), source })
    }
}

fn tokens(path: &Path) -> Result<Tokens, AuthFileError> {
    let file = read("auth-tokens", path)?;
    // What is not UTF-8 becomes a token that nobody can present, or an error in its line.
    Tokens::parse(&String::from_utf8_lossy(&file))
        .map_err(|source| AuthFileError::Tokens { path: path.to_owned(), source })
}

fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, AuthFileError> {
    std::fs::read(path).map_err(|source| AuthFileError::Unreadable { flag, path: path.to_owned(), source })
}
