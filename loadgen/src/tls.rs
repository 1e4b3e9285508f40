//! The client's side of TLS: whose certificates are trusted, which one we show, and what a failure means.
//!
//! Every connection makes a whole handshake: no session is resumed, because the clients that a load stands for are strangers to the
//! server, and a resumed handshake would hide most of its cost.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, RootCertStore,
    SignatureScheme,
};

/// Whose certificates are good.
#[derive(Debug)]
pub enum Trust {
    /// Those signed by one of these.
    Roots(Vec<CertificateDer<'static>>),
    /// Anybody's, expired and for other names too.
    Everybody,
}

/// The certificate that we show to a server that asks for one.
#[derive(Debug)]
pub struct Identity {
    /// Our own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// Certificates or keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// No certificate.
    #[error("holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// No key, or an encrypted one.
    #[error("holds no private key in PEM form (PKCS#8, PKCS#1 or SEC1, not encrypted)")]
    NoKey,
    /// None of the roots can be used.
    #[error("holds no certificate that can be trusted: {0}")]
    BadRoot(Error),
    /// Two good files that have nothing to do with each other.
    #[error("does not belong to the first certificate of `cert`")]
    Mismatch,
    /// Anything else.
    #[error("cannot be used: {0}")]
    Unusable(Error),
}

/// The certificates of a PEM file.
///
/// # Errors
/// [`TlsFault::NoCertificate`].
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|chain| !chain.is_empty()).ok_or(TlsFault::NoCertificate)
}

/// The private key of a PEM file.
///
/// # Errors
/// [`TlsFault::NoKey`].
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFault> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsFault::NoKey)
}

/// What every connection's handshake needs: TLS 1.2 or 1.3, and HTTP/1.1 inside (RFC 7301).
///
/// # Errors
/// See [`TlsFault`].
pub fn config(trust: Trust, identity: Option<Identity>) -> Result<Arc<ClientConfig>, TlsFault> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsFault::Unusable)?;
    let builder = match trust {
        Trust::Roots(certificates) => {
            let mut roots = RootCertStore::empty();
            let mut refused = None;
            for certificate in certificates {
                // A system's store may hold some that rustls does not take; the others are enough.
                if let Err(error) = roots.add(certificate) {
                    refused = Some(error);
                }
            }
            if let Some(error) = refused.filter(|_| roots.is_empty()) {
                return Err(TlsFault::BadRoot(error));
            }
            builder.with_root_certificates(roots)
        }
        Trust::Everybody => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider))),
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).map_err(|error| match error {
            Error::InconsistentKeys(_) => TlsFault::Mismatch,
            other => TlsFault::Unusable(other),
        })?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Takes any certificate; that the server holds its key is still checked.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a failure of TLS means to whoever reads the report. One of a few sentences, whatever the certificate says.
pub fn cause(error: &Error) -> &'static str {
    use CertificateError as C;
    match error {
        Error::InvalidCertificate(C::UnknownIssuer) => {
            "TLS: the server's certificate is not trusted: give target.tls.ca the certificate of its authority"
        }
        Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "TLS: the server's certificate has expired",
        Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "TLS: the server's certificate is not valid yet: check this machine's clock"
        }
        Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "TLS: the server's certificate is for another host name than the url's"
        }
        Error::InvalidCertificate(C::ApplicationVerificationFailure | C::Other(_)) => {
            "TLS: the server's certificate is not one that can be checked (a self-signed one may lack what an authority's has): \
             give target.tls.ca the certificate of an authority that signed it"
        }
        Error::InvalidCertificate(_) => "TLS: the server's certificate is not valid",
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "TLS: the server wants a certificate of ours: give target.tls.cert and target.tls.key"
        }
        Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate,
        ) => "TLS: the server refused our certificate: check target.tls.cert",
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) | Error::NoApplicationProtocol => {
            "TLS: the server does not offer HTTP/1.1 on this port"
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "TLS: the server has no certificate for the url's host name"
        }
        Error::AlertReceived(_) => "TLS: the server ended the handshake with an alert",
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "TLS: the server does not speak it on this port: is its url ws:// instead of wss://?"
        }
        Error::PeerIncompatible(_) => "TLS: the server shares no version or cipher with us (TLS 1.2 and 1.3)",
        _ => "TLS: the server broke the protocol",
    }
}

/// The failure of TLS in an error of a stream; `None` where it is another's.
pub fn failure(error: &std::io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}
