//! `url`: the addresses of a running server.

use std::net::{SocketAddr, ToSocketAddrs};

use base64::Engine as _;
use url::{Position, Url};

use crate::plan::Endpoint;
use crate::scenario::error::Fault;
use crate::scenario::expand::expand;
use crate::scenario::scalar::At;

/// Stands for a placeholder while a URL is taken apart, because the URL syntax would encode the braces.
pub(super) fn mark(placeholder: &str) -> String {
    format!("fanout-{placeholder}-goes-here")
}

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Plain.
    Ws,
    /// Over TLS.
    Wss,
}

/// What the urls of a target come to.
pub(super) struct Reached {
    pub scheme: Scheme,
    /// Without the port; of the first url of a list.
    pub name: String,
    pub endpoints: Vec<Endpoint>,
    /// With placeholders.
    pub path: String,
    /// The header that their user info stands for.
    pub authorization: Option<String>,
}

impl Reached {
    /// Certificates are checked for one name.
    fn tls_name_differs(&self, other: &Reached) -> bool {
        self.scheme == Scheme::Wss && self.name != other.name
    }
}

/// Every address of every url; they differ in their hosts and ports only.
pub(super) fn reach_all(urls: &[At<String>], known: &[&str]) -> Result<Reached, Fault> {
    let mut all: Option<Reached> = None;
    for url in urls {
        let reached = reach(url, known)?;
        match &mut all {
            None => all = Some(reached),
            Some(all) if all.scheme != reached.scheme => {
                return Err(Fault::at(
                    &url.span,
                    "the urls of a list all begin with ws:// or all with wss://, and this one differs",
                ));
            }
            Some(all) if all.tls_name_differs(&reached) => {
                return Err(Fault::at(&url.span, "the wss:// urls of a list name the same host, and this one another")
                    .help("a run checks certificates for one name: give the name that all of them are for, with the ports"));
            }
            Some(all) if all.path != reached.path => {
                return Err(Fault::at(&url.span, "the urls of a list have the same path, and this one has another")
                    .help("a run opens the same rooms at every address: put servers with other paths into a scenario of their own"));
            }
            Some(all) if all.authorization != reached.authorization => {
                return Err(Fault::at(
                    &url.span,
                    "the urls of a list have the same user info, and this one has another",
                )
                .help("give each connection its own with a feed and a header: Authorization = \"Basic {token}\""));
            }
            Some(all) => {
                if let Some(twice) =
                    reached.endpoints.iter().find(|e| all.endpoints.iter().any(|f| f.address == e.address))
                {
                    return Err(Fault::at(
                        &url.span,
                        format!("the address {} is in the list twice: remove one", twice.address),
                    ));
                }
                all.endpoints.extend(reached.endpoints);
            }
        }
    }
    all.ok_or_else(|| Fault::missing("the list of urls is empty: name one"))
}

fn reach(url: &At<String>, known: &[&str]) -> Result<Reached, Fault> {
    let wrong = |message: String| Fault::at(&url.span, message);
    let shape = "write it as ws://HOST:PORT/PATH";
    let unmarked =
        |text: &str| known.iter().fold(text.to_owned(), |text, k| text.replace(&mark(k), &format!("{{{k}}}")));
    let marked = known.iter().fold(expand(url, known)?, |text, k| text.replace(&format!("{{{k}}}"), &mark(k)));
    let parsed = Url::parse(&marked).map_err(|e| wrong(format!("this is not a URL ({e}): {shape}")))?;
    let (scheme, usual_port) = match parsed.scheme() {
        "ws" => (Scheme::Ws, 80),
        "wss" => (Scheme::Wss, 443),
        "http" => return Err(wrong("a WebSocket url begins with ws://, not http://".to_owned())),
        "https" => return Err(wrong("a WebSocket url begins with wss://, not https://".to_owned())),
        other => return Err(wrong(format!("a WebSocket url begins with ws:// or wss://, not {other}:"))),
    };
    if parsed.fragment().is_some() {
        return Err(wrong("a WebSocket url has no fragment (#..): remove it".to_owned()));
    }
    let host = parsed
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| wrong(format!("the url names no host: {shape}")))?;
    // The URL syntax makes hosts lowercase.
    let elsewhere = |k: &&&str| {
        let (mark, password) = (mark(k), parsed.password().unwrap_or_default());
        host.contains(&mark.to_ascii_lowercase()) || [parsed.username(), password].iter().any(|p| p.contains(&mark))
    };
    if let Some(placeholder) = known.iter().find(elsewhere) {
        return Err(wrong(format!("{{{placeholder}}} can stand only in the path of a url")));
    }
    let port = parsed.port_or_known_default().unwrap_or(usual_port);
    if port == 0 {
        return Err(wrong("port 0 is no port to connect to".to_owned()));
    }
    let addresses = addresses(host, port);
    if addresses.is_empty() {
        return Err(wrong(format!("no address is known for the host `{host}`")));
    }
    let authorization = (!parsed.username().is_empty() || parsed.password().is_some()).then(|| {
        let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
        let pair = format!("{}:{}", decode(parsed.username()), decode(parsed.password().unwrap_or("")));
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    });
    // RFC 6455 4.1: the port is left out where it is the scheme's own.
    let name = host.to_owned();
    let host = if port == usual_port { host.to_owned() } else { format!("{host}:{port}") };
    Ok(Reached {
        scheme,
        name,
        endpoints: addresses.into_iter().map(|address| Endpoint { host: host.clone(), address }).collect(),
        path: unmarked(&parsed[Position::BeforePath..Position::AfterQuery]),
        authorization,
    })
}

/// All addresses of a host, in a fixed order: its IPv4 ones if it has any, because a server told to listen on "localhost" or 0.0.0.0
/// often has no IPv6 socket.
pub(super) fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let mut all: Vec<SocketAddr> = (bare, port).to_socket_addrs().into_iter().flatten().collect();
    if all.iter().any(SocketAddr::is_ipv4) {
        all.retain(SocketAddr::is_ipv4);
    }
    all.sort_unstable();
    all.dedup();
    all
}
