//! `url`: the addresses of a running server, and what is true of every url.

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

/// What every url in a scenario comes to, whatever it is for.
pub(super) struct Parsed<'u> {
    /// With marks for its placeholders.
    pub url: Url,
    text: &'u At<String>,
    /// The url as the scenario has it, its environment filled in, with marks.
    marked: String,
    known: Vec<&'u str>,
}

impl<'u> Parsed<'u> {
    /// Reads a url; `shape` is how it should look, `known` are its placeholders.
    pub(super) fn of(text: &'u At<String>, known: Vec<&'u str>, shape: &str) -> Result<Self, Fault> {
        let marked = known.iter().fold(expand(text, &known)?, |text, k| text.replace(&format!("{{{k}}}"), &mark(k)));
        let url = Url::parse(&marked)
            .map_err(|e| Fault::at(&text.span, format!("this is not a URL ({e}): write it as {shape}")))?;
        Ok(Self { url, text, marked, known })
    }

    /// Its host. Refuses what no url of ours has: a fragment, no host, placeholders before the path, port 0. `what` names it, such as
    /// `WebSocket`; a host that is one of `hosts` alone is known when the run begins, and brings its port.
    pub(super) fn host(&self, what: &str, shape: &str, hosts: &[&str]) -> Result<&str, Fault> {
        let wrong = |message: String| Fault::at(&self.text.span, message);
        if self.url.fragment().is_some() {
            return Err(wrong(format!("a {what} url has no fragment (#..): remove it")));
        }
        let host = self
            .url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong(format!("the url names no host: write it as {shape}")))?;
        let password = self.url.password().unwrap_or_default();
        let own = hosts.iter().find(|k| host == lower(k));
        // The URL syntax makes hosts lowercase.
        let elsewhere = |k: &&&str| {
            let user_info = [self.url.username(), password].iter().any(|part| part.contains(&mark(k)));
            user_info || (own.is_none() && host.contains(&lower(k)))
        };
        if let Some(placeholder) = self.known.iter().find(elsewhere) {
            return Err(wrong(format!("{{{placeholder}}} can stand only in the path of a url")));
        }
        // Also the scheme's own port, which the parsed url leaves out.
        let authority = self.marked.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '\\', '?']).next().unwrap_or_default().to_ascii_lowercase();
        if let Some(own) = own.filter(|_| self.url.port().is_some() || authority.contains(&format!("{host}:"))) {
            return Err(wrong(format!("{{{own}}} has a port of its own: remove the one behind it")));
        }
        if self.url.port() == Some(0) {
            return Err(wrong("port 0 is no port to connect to".to_owned()));
        }
        Ok(host)
    }

    /// Where its host is: the first address, and all of them.
    pub(super) fn addresses(&self, host: &str, port: u16) -> Result<(SocketAddr, Vec<SocketAddr>), Fault> {
        let all = addresses(host, port);
        let first = all.first().copied().ok_or_else(|| {
            let host = host_as_written(&self.text.value);
            Fault::at(&self.text.span, format!("no address is known for the host `{host}`"))
        })?;
        Ok((first, all))
    }

    /// The header that its user info stands for.
    pub(super) fn authorization(&self) -> Option<String> {
        let (user, password) = (self.url.username(), self.url.password());
        (!user.is_empty() || password.is_some()).then(|| {
            let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
            let pair = format!("{}:{}", decode(user), decode(password.unwrap_or("")));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        })
    }

    /// Its path and query, with placeholders.
    pub(super) fn path(&self) -> String {
        let path = &self.url[Position::BeforePath..Position::AfterQuery];
        self.known.iter().fold(path.to_owned(), |text, k| text.replace(&mark(k), &format!("{{{k}}}")))
    }
}

fn lower(placeholder: &str) -> String {
    mark(placeholder).to_ascii_lowercase()
}

/// The host of a url as it stands in the file, where the environment has not been filled in.
fn host_as_written(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => host,
    }
}

fn reach(url: &At<String>, known: &[&str]) -> Result<Reached, Fault> {
    let wrong = |message: String| Fault::at(&url.span, message);
    let shape = "ws://HOST:PORT/PATH";
    let parsed = Parsed::of(url, known.to_vec(), shape)?;
    let (scheme, usual_port) = match parsed.url.scheme() {
        "ws" => (Scheme::Ws, 80),
        "wss" => (Scheme::Wss, 443),
        "http" => return Err(wrong("a WebSocket url begins with ws://, not http://".to_owned())),
        "https" => return Err(wrong("a WebSocket url begins with wss://, not https://".to_owned())),
        other => return Err(wrong(format!("a WebSocket url begins with ws:// or wss://, not {other}:"))),
    };
    let host = parsed.host("WebSocket", shape, &[])?;
    let port = parsed.url.port().unwrap_or(usual_port);
    let (_, addresses) = parsed.addresses(host, port)?;
    // RFC 6455 4.1: the port is left out where it is the scheme's own.
    let name = host.to_owned();
    let host = if port == usual_port { host.to_owned() } else { format!("{host}:{port}") };
    Ok(Reached {
        scheme,
        name,
        endpoints: addresses.into_iter().map(|address| Endpoint { host: host.clone(), address }).collect(),
        path: parsed.path(),
        authorization: parsed.authorization(),
    })
}

/// All addresses of a host, in a fixed order: its IPv4 ones if it has any, because a server told to listen on "localhost" or 0.0.0.0
/// often has no IPv6 socket.
fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let mut all: Vec<SocketAddr> = (bare, port).to_socket_addrs().into_iter().flatten().collect();
    if all.iter().any(SocketAddr::is_ipv4) {
        all.retain(SocketAddr::is_ipv4);
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_shown_as_they_are_written() {
        for (url, host) in [
            ("ws://{env.HOST}:9001/ws/{room}", "{env.HOST}"),
            ("ws://me:{env.PASS}@{env.HOST}:{env.PORT}/ws", "{env.HOST}"),
            ("{env.URL}/ws?token=1", "{env.URL}"),
            ("ws://h?a@b:1", "h"),
            ("http://[::1]:80/", "[::1]"),
            ("http://[::1]/", "[::1]"),
        ] {
            assert_eq!(host_as_written(url), host, "{url}");
        }
    }
}
