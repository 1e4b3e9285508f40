//! The certificate and key that the server shows to clients, read at the start and again on SIGHUP.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// `--tls-cert` and `--tls-key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
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
    /// The file of `--tls-cert` has no certificate.
    #[error(
        "the file of --tls-cert, {0}, holds no certificate in PEM form (-----BEGIN CERTIFICATE-----); give the chain, the server's own certificate first"
    )]
    NoCertificate(PathBuf),
    /// The file of `--tls-key` has no key, or an encrypted one.
    #[error(
        "the file of --tls-key, {0}, holds no private key in PEM form (PKCS#8, PKCS#1 or SEC1, not encrypted; openssl pkey -in KEY makes one of most others)"
    )]
    NoKey(PathBuf),
    /// They are two good files that have nothing to do with each other.
    #[error("the key of --tls-key, {key}, does not belong to the first certificate of --tls-cert, {cert}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// rustls does not take them.
    #[error("the files of --tls-cert, {cert}, and --tls-key, {key}, cannot be used: {source}")]
    Unusable {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl TlsFiles {
    /// Reads them. TLS 1.2 and 1.3; HTTP/1.1 is what is spoken inside.
    ///
    /// # Errors
    /// See [`TlsFileError`].
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsFileError> {
        let Self { cert, key } = self;
        let chain = CertificateDer::pem_slice_iter(&read("tls-cert", cert)?)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| TlsFileError::NoCertificate(cert.clone()))?;
        let private =
            PrivateKeyDer::from_pem_slice(&read("tls-key", key)?).map_err(|_| TlsFileError::NoKey(key.clone()))?;
        let unusable = |source| match source {
            rustls::Error::InconsistentKeys(_) => TlsFileError::Mismatch { cert: cert.clone(), key: key.clone() },
            source => TlsFileError::Unusable { cert: cert.clone(), key: key.clone(), source },
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, TlsFileError> {
    std::fs::read(path).map_err(|source| TlsFileError::Unreadable { flag, path: path.to_owned(), source })
}

/// The certificate in use. Connections keep the one that they began with.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    current: Mutex<Arc<ServerConfig>>,
}

impl Certificate {
    /// Reads it.
    ///
    /// # Errors
    /// See [`TlsFileError`].
    pub fn open(files: TlsFiles) -> Result<Self, TlsFileError> {
        Ok(Self { current: Mutex::new(files.load()?), files })
    }

    /// For one handshake.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again, for the handshakes to come.
    ///
    /// # Errors
    /// See [`TlsFileError`]; the one in use stays.
    pub fn reload(&self) -> Result<(), TlsFileError> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = self.files.load()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    fn load(cert: &str, key: &str) -> Result<Arc<ServerConfig>, String> {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        std::fs::write(&files.cert, cert).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files.load().map_err(|error| error.to_string())
    }

    fn signed_by(pair: &KeyPair) -> String {
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(pair).unwrap().pem()
    }

    #[test]
    fn keys_of_every_usual_kind_are_taken() {
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let config = load(&format!("a comment\n{}", signed_by(&pair)), &pair.serialize_pem()).unwrap();
            assert_eq!(config.alpn_protocols, [b"http/1.1"]);
        }
    }

    #[test]
    fn what_cannot_be_used_says_which_file_and_why() {
        let (pair, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (cert, key) = (signed_by(&pair), pair.serialize_pem());
        let refused = |cert: &str, key: &str| load(cert, key).unwrap_err();
        assert!(refused("", &key).contains("cert.pem, holds no certificate"));
        assert!(refused(&key, &key).contains("cert.pem, holds no certificate"));
        assert!(
            refused("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", &key).contains("no certificate")
        );
        assert!(refused(&cert, &cert).contains("key.pem, holds no private key"));
        assert!(refused(&cert, "secret").contains("key.pem, holds no private key"));
        assert!(refused(&cert, &other.serialize_pem()).contains("does not belong to"));
        let none = TlsFiles { cert: "/nonexistent/cert.pem".into(), key: "/nonexistent/key.pem".into() };
        let error = none.load().unwrap_err().to_string();
        assert!(error.starts_with("cannot read the file of --tls-cert, /nonexistent/cert.pem: "), "{error}");
    }

    #[test]
    fn a_reload_that_fails_keeps_the_certificate_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        let pair = KeyPair::generate().unwrap();
        std::fs::write(&files.cert, signed_by(&pair)).unwrap();
        std::fs::write(&files.key, pair.serialize_pem()).unwrap();
        let certificate = Certificate::open(files.clone()).unwrap();
        let first = certificate.current();
        std::fs::write(&files.cert, "damaged").unwrap();
        certificate.reload().unwrap_err();
        assert!(Arc::ptr_eq(&first, &certificate.current()));
        std::fs::write(&files.cert, signed_by(&pair)).unwrap();
        certificate.reload().unwrap();
        assert!(!Arc::ptr_eq(&first, &certificate.current()));
    }
}
