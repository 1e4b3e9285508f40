//! `target.tls`: whose certificates are trusted, and which one we show; by connections to the server, and by publishers over HTTP.

use std::path::Path;

use rustls::pki_types::ServerName;

use crate::plan::{Checked, PublisherGroup, Target, TargetKind, Tls, Via};
use crate::scenario::error::Fault;
use crate::scenario::file::{TargetTable, TlsTable};
use crate::scenario::payloads::read;
use crate::scenario::scalar::At;
use crate::tls::{Identity, TlsFault, Trust, certificates, config, key};

/// TLS towards `host`, which may have its brackets as in a URL. Without `ca` the system's authorities are trusted, with it only those.
pub(super) fn resolve(table: Option<&At<TlsTable>>, host: &str, dir: &Path) -> Result<Tls, Fault> {
    let empty = TlsTable::default();
    let keys = table.map_or(&empty, |at| &at.value);
    let wrong = |message: String| match table {
        Some(at) => Fault::at(&at.span, message),
        None => Fault::missing(message),
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|_| wrong(format!("`{bare}` is not a host name that TLS can ask for")))?;
    let checked = if keys.insecure.as_ref().is_some_and(|at| at.value) { Checked::No } else { Checked::Yes };
    let trust = match (&keys.ca, checked) {
        (Some(ca), Checked::No) => {
            return Err(Fault::at(
                &ca.span,
                "`ca` does not go together with `insecure = true`, which trusts everybody: remove one",
            ));
        }
        (None, Checked::No) => Trust::Everybody,
        (Some(ca), Checked::Yes) => Trust::Roots(certificates(&read(ca, dir)?).map_err(|e| in_file(ca, &e))?),
        (None, Checked::Yes) => {
            let system = rustls_native_certs::load_native_certs();
            if system.certs.is_empty() {
                return Err(wrong(
                    "this system has no list of trusted certificate authorities: install ca-certificates, or give `ca`"
                        .to_owned(),
                ));
            }
            Trust::Roots(system.certs)
        }
    };
    let config = config(trust, identity(keys, dir)?).map_err(|error| match (&error, &keys.key, &keys.ca) {
        (TlsFault::Mismatch, Some(key), _) => in_file(key, &error),
        (TlsFault::BadRoot(_), _, Some(ca)) => in_file(ca, &error),
        _ => wrong(format!("these certificates {error}")),
    })?;
    Ok(Tls { config, name, checked })
}

/// Refuses `tls` where nothing speaks it.
pub(super) fn needed(table: &TargetTable, target: &Target, publishers: &[PublisherGroup]) -> Result<(), Fault> {
    let posts = |group: &PublisherGroup| matches!(&group.via, Via::Http(route) if route.tls.is_some());
    let (Some(keys), None) = (&table.tls, &target.tls) else { return Ok(()) };
    if publishers.iter().any(posts) {
        return Ok(());
    }
    Err(match target.kind {
        TargetKind::Bundled { .. } => {
            Fault::at(&keys.span, "`tls` needs a server that speaks it, and the bundled one has no certificate")
                .help("server = { tls_cert = \"cert.pem\", tls_key = \"key.pem\" }")
        }
        TargetKind::Spawn { .. } | TargetKind::Url { .. } => {
            Fault::at(&keys.span, "`tls` is for wss:// urls, and this one begins with ws://")
                .help("write the url with wss://, or remove `tls`")
        }
    })
}

fn identity(keys: &TlsTable, dir: &Path) -> Result<Option<Identity>, Fault> {
    match (&keys.cert, &keys.key) {
        (None, None) => Ok(None),
        (Some(cert), None) => Err(Fault::at(&cert.span, "`cert` needs `key`, the file with its private key")),
        (None, Some(key)) => Err(Fault::at(&key.span, "`key` needs `cert`, the file with its certificate")),
        (Some(chain), Some(private)) => Ok(Some(Identity {
            chain: certificates(&read(chain, dir)?).map_err(|e| in_file(chain, &e))?,
            key: key(&read(private, dir)?).map_err(|e| in_file(private, &e))?,
        })),
    }
}

fn in_file(file: &At<String>, error: &TlsFault) -> Fault {
    Fault::at(&file.span, format!("{} {error}", file.value))
}
