//! `via = "http"`: where publishers post their messages, and how.

use crate::feed::Feed;
use crate::http::{Destination, Route};
use crate::plan::{TargetKind, Tls};
use crate::scenario::error::Fault;
use crate::scenario::expand::expand;
use crate::scenario::file::PublishersTable;
use crate::scenario::headers::header;
use crate::scenario::publishers::Scene;
use crate::scenario::reach::{Parsed, mark};
use crate::scenario::scalar::At;
use crate::scenario::tls;
use crate::scenario::word::{FromKey, ViaKey};

/// Headers that a request has in any case.
const WRITTEN: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// The route of a table that publishes over HTTP; `None` for one that does not.
pub(super) fn resolve(table: &PublishersTable, scene: &Scene<'_>) -> Result<Option<Route>, Fault> {
    if table.via.as_ref().is_none_or(|via| via.value == ViaKey::Websocket) {
        let only = [
            ("url", table.url.as_ref().map(|at| &at.span)),
            ("method", table.method.as_ref().map(|at| &at.span)),
            ("headers", table.headers.as_ref().map(|at| &at.span)),
            ("body", table.body.as_ref().map(|at| &at.span)),
        ];
        return match only.iter().find_map(|(key, span)| span.map(|span| (key, span))) {
            Some((key, span)) => {
                Err(Fault::at(span, format!("`{key}` is for publishers with via = \"http\""))
                    .help("add via = \"http\""))
            }
            None => Ok(None),
        };
    }
    if let Some(from) = table.from.as_ref().filter(|from| from.value == FromKey::Members) {
        return Err(Fault::at(
            &from.span,
            "subscribers send over their own connections: remove `from`, or via = \"http\"",
        ));
    }
    let Some(url) = &table.url else {
        return Err(Fault::at(&table.name.span, format!("the publishers `{}` have no url", table.name.value.0)).help(
            "add url = \"http://{target.admin}/publish/{room}\" for the bundled server, or that of your publishing API",
        ));
    };
    let columns: Vec<&str> = scene.feed.into_iter().flat_map(|feed| feed.columns()).map(String::as_str).collect();
    let reached = reach(url, &columns, scene)?;
    let mut headers = headers(table, scene.feed.map(AsRef::as_ref))?;
    headers.extend(reached.authorization.map(|value| ("Authorization".to_owned(), value)));
    Ok(Some(Route {
        to: reached.to,
        tls: reached.tls,
        method: method(table)?,
        path: reached.path,
        headers,
        body: body(table, &columns)?,
        feed: scene.feed.cloned(),
    }))
}

struct Reached {
    to: Destination,
    tls: Option<Tls>,
    path: String,
    authorization: Option<String>,
}

fn reach(url: &At<String>, columns: &[&str], scene: &Scene<'_>) -> Result<Reached, Fault> {
    let wrong = |message: String| Fault::at(&url.span, message);
    let shape = "http://HOST:PORT/PATH";
    let parsed = Parsed::of(url, [&["room", "target.address", "target.admin"], columns].concat(), shape)?;
    let (encrypted, usual_port) = match parsed.url.scheme() {
        "http" => (false, 80),
        "https" => (true, 443),
        other => return Err(wrong(format!("a publishing url begins with http:// or https://, not {other}://"))),
    };
    let host = parsed.host("publishing", shape, &["target.address", "target.admin"])?;
    let (to, tls) = if host == mark("target.admin") {
        if !matches!(scene.target.kind, TargetKind::Bundled { .. }) {
            return Err(wrong("{target.admin} is the bundled server's, and this scenario has another".to_owned())
                .help("write the address of your server's publishing API"));
        }
        if encrypted {
            return Err(wrong("the operators' listener of the bundled server speaks no TLS".to_owned())
                .help("begin the url with http://{target.admin}"));
        }
        (Destination::Admin, None)
    } else if host == mark("target.address") {
        match (&scene.target.tls, encrypted) {
            (None, true) => {
                return Err(wrong("the server under test speaks no TLS".to_owned()).help(
                    "begin the url with http://{target.address}, or give the server a certificate or a wss:// url",
                ));
            }
            (Some(_), false) => {
                return Err(wrong("the server under test speaks TLS only".to_owned())
                    .help("begin the url with https://{target.address}"));
            }
            (tls, _) => (Destination::Target, tls.clone()),
        }
    } else {
        let port = parsed.url.port().unwrap_or(usual_port);
        let (address, _) = parsed.addresses(host, port)?;
        let tls = encrypted.then(|| tls::resolve(scene.tls, host, scene.dir)).transpose()?;
        let host = if port == usual_port { host.to_owned() } else { format!("{host}:{port}") };
        (Destination::Address { host, address }, tls)
    };
    Ok(Reached { to, tls, path: parsed.path(), authorization: parsed.authorization() })
}

fn method(table: &PublishersTable) -> Result<String, Fault> {
    let Some(method) = &table.method else { return Ok("POST".to_owned()) };
    match method.value.as_str() {
        "POST" | "PUT" | "PATCH" => Ok(method.value.clone()),
        other => {
            Err(Fault::at(&method.span, format!("`{other}` does not publish: write \"POST\", \"PUT\" or \"PATCH\"")))
        }
    }
}

fn headers(table: &PublishersTable, feed: Option<&Feed>) -> Result<Vec<(String, String)>, Fault> {
    let mut headers = Vec::new();
    for (name, value) in table.headers.iter().flat_map(|headers| &headers.value) {
        if WRITTEN.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Fault::at(&value.span, format!("the request has its own header `{name}`: remove it")));
        }
        headers.push((name.clone(), header(name, value, &["room"], feed)?));
    }
    Ok(headers)
}

fn body(table: &PublishersTable, columns: &[&str]) -> Result<String, Fault> {
    let Some(body) = &table.body else { return Ok("{message}".to_owned()) };
    let expanded = expand(body, &[&["message", "room"], columns].concat())?;
    if !expanded.contains("{message}") {
        return Err(Fault::at(&body.span, "the body has no {message}: nobody would receive what is published").help(
            "put {message} where the message goes, such as body = '{\"channel\":\"{room}\",\"data\":\"{message}\"}'; between \
             double quotes it is escaped as JSON",
        ));
    }
    Ok(expanded)
}
