//! A certificate for the server, and the authority that the clients are to trust for it.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// Files in PEM, gone with this.
pub struct Certificates {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The server's certificate, then the authority's.
    pub chain: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
    _folder: TempDir,
}

impl Certificates {
    pub fn new() -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // An authority of the same name as the server would look like a certificate that signs itself.
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let ca = params.self_signed(&ca_key).unwrap();
        let authority = Issuer::new(params, ca_key);

        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        let own = params.signed_by(&key, &authority).unwrap();

        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Self {
            ca: write("ca.pem", ca.pem()),
            chain: write("chain.pem", own.pem() + &ca.pem()),
            key: write("key.pem", key.serialize_pem()),
            _folder: folder,
        }
    }
}
