//! `[target]`: which server is measured, and how it is reached.

use std::path::Path;
use std::time::Duration;

use wire::handshake::is_reserved_header;

use crate::feed::Feed;
use crate::plan::{Assign, Division, Flag, Mode, Ready, Target, TargetKind};
use crate::scenario::error::Fault;
use crate::scenario::expand::{expand, secrets};
use crate::scenario::file::TargetTable;
use crate::scenario::headers::header;
use crate::scenario::keys::nearest;
use crate::scenario::reach::{Scheme, reach_all};
use crate::scenario::scalar::{At, Scalar};
use crate::scenario::word::AssignKey;
use crate::scenario::{dialect, redact, tls};
use crate::secrets::Secrets;

/// Flags of the bundled server that fanout sets itself.
const CHOSEN: [&str; 4] = ["listen", "admin", "admin_token", "config"];

/// Flags of the bundled server that a scenario may set: all but those that fanout chooses (a test compares them).
const FLAGS: [&str; 45] = [
    "log",
    "shards",
    "spread_above",
    "cpus",
    "engine",
    "flush_delay",
    "room_log",
    "log_memory",
    "room_retain",
    "lag_policy",
    "compression",
    "compression_threshold",
    "compression_level",
    "deflate_memory",
    "rate",
    "burst",
    "rate_policy",
    "rate_by",
    "rate_user",
    "burst_user",
    "room_rate",
    "room_burst",
    "byte_rate",
    "byte_burst",
    "control_rate",
    "max_message",
    "max_connections",
    "max_per_address",
    "max_rooms",
    "trusted_proxies",
    "write_timeout",
    "allow_origin",
    "handshake_timeout",
    "ping_interval",
    "pong_timeout",
    "message_timeout",
    "drain",
    "tls_cert",
    "tls_key",
    "auth_tokens",
    "auth_anonymous",
    "auth_jwt_key",
    "auth_jwt_audience",
    "auth_jwt_issuer",
    "redis",
];

/// Those of them that name a file, which is relative to the scenario's own folder.
const FILES: [&str; 4] = ["tls_cert", "tls_key", "auth_tokens", "auth_jwt_key"];

pub(super) fn resolve(table: &TargetTable, mode: Mode, dir: &Path, feed: Option<&Feed>) -> Result<Target, Fault> {
    exclusive(table)?;
    let columns = feed.map_or(&[][..], Feed::columns);
    let known: Vec<&str> = std::iter::once("room").chain(columns.iter().map(String::as_str)).collect();
    let dialect = dialect::resolve(table.dialect.as_ref(), columns, dir)?;
    let usual = dialect.as_ref().and_then(|dialect| dialect.path.as_deref());
    let mut headers = headers(table, feed)?;
    let (kind, path, tls) = match (&table.url, &table.spawn) {
        (Some(urls), _) => {
            let reached = reach_all(&urls.each(), &known)?;
            let tls = match (reached.scheme, &table.tls) {
                (Scheme::Wss, keys) => Some(tls::resolve(keys.as_ref(), &reached.name, dir)?),
                (Scheme::Ws, _) => None,
            };
            headers.extend(reached.authorization.map(|value| ("Authorization".to_owned(), value)));
            let pid = table.pid.as_ref().map(|pid| pid.value.0);
            let path = if reached.path == "/" { usual.map(str::to_owned) } else { None };
            (TargetKind::Url { endpoints: reached.endpoints, pid }, path.unwrap_or(reached.path), tls)
        }
        (None, Some(command)) => {
            let keys = table.tls.as_ref();
            let tls = keys.map(|_| tls::resolve(keys, LOOPBACK, dir)).transpose()?;
            (spawn(table, command, dir)?, path(table, usual, mode, &known)?, tls)
        }
        (None, None) => {
            let flags = flags(table, dir)?;
            let keys = table.tls.as_ref();
            let encrypted = flags.iter().any(|flag| flag.name == "tls_cert");
            let tls = encrypted.then(|| tls::resolve(keys, LOOPBACK, dir)).transpose()?;
            // How many there are is known once the rooms are.
            (TargetKind::Bundled { flags, division: Division::new(&[], 1) }, path(table, usual, mode, &known)?, tls)
        }
    };
    let assign = match table.assign.as_ref().map(|at| at.value) {
        Some(AssignKey::Room) => Assign::Room,
        None if matches!(kind, TargetKind::Bundled { .. }) && mode != Mode::Echo => Assign::Room,
        Some(AssignKey::Connection) | None => Assign::Connection,
    };
    let mut subprotocols = table.subprotocols.iter().map(subprotocol).collect::<Result<Vec<_>, _>>()?;
    if let Some(spoken) = dialect.as_ref().and_then(|dialect| dialect.subprotocol.clone())
        && !subprotocols.contains(&spoken)
    {
        subprotocols.push(spoken);
    }
    let shown_path = shown_path(table, &path);
    Ok(Target { kind, assign, path, shown_path, headers, subprotocols, tls, dialect })
}

/// The path as it stands in the file, for messages.
fn shown_path(table: &TargetTable, path: &str) -> String {
    let first = table.url.as_ref().and_then(|urls| urls.each().into_iter().next());
    let url = first.as_ref().and_then(|url| url.value.split_once("://"));
    let given = match (url, &table.path) {
        (Some((_, rest)), _) => rest.find(['/', '?']).map_or("/", |at| &rest[at..]),
        (None, Some(path)) => &path.value,
        (None, None) => path,
    };
    redact::url(given)
}

/// Refuses keys that cannot stand together.
fn exclusive(table: &TargetTable) -> Result<(), Fault> {
    let ways = [
        ("url", table.url.as_ref().map(|at| &at.span)),
        ("spawn", table.spawn.as_ref().map(|at| &at.span)),
        ("server", table.server.as_ref().map(|at| &at.span)),
    ];
    let given: Vec<_> = ways.iter().filter_map(|(key, span)| span.map(|span| (key, span))).collect();
    if let [(first, _), (second, span), ..] = given[..] {
        return Err(Fault::at(span, format!("`{second}` does not go together with `{first}`: a run has one server"))
            .help("url: a running server; spawn: a command that starts one; server: flags of the bundled one"));
    }
    if let (Some((other, _)), Some(servers)) = (given.iter().find(|(key, _)| **key != "server"), &table.servers) {
        return Err(Fault::at(
            &servers.span,
            format!(
                "`servers` does not go together with `{other}`: only its own server does fanout start more than once"
            ),
        ));
    }
    if let (Some(_), Some(path)) = (&table.url, &table.path) {
        return Err(Fault::at(&path.span, "`path` does not go together with `url`: put the path into the url"));
    }
    if table.spawn.is_none() {
        let only = [
            ("ready", table.ready.as_ref().map(|at| &at.span)),
            ("ready_timeout", table.ready_timeout.as_ref().map(|at| &at.span)),
            ("env", table.env.as_ref().map(|at| &at.span)),
            ("cwd", table.cwd.as_ref().map(|at| &at.span)),
        ];
        if let Some((key, span)) = only.iter().find_map(|(key, span)| span.map(|span| (key, span))) {
            return Err(Fault::at(span, format!("`{key}` is for a server started with `spawn`, which is missing")));
        }
    }
    if let (None, Some(assign)) = (&table.url, &table.assign) {
        return Err(Fault::at(&assign.span, "`assign` is for a server with several addresses: give `url` as a list"));
    }
    match (&table.pid, &table.url) {
        (Some(pid), None) => {
            Err(Fault::at(&pid.span, "`pid` is for a running server given by `url`; the process of any other is known"))
        }
        _ => Ok(()),
    }
}

/// The path on a server that we start; `usual`: that of its dialect.
fn path(table: &TargetTable, usual: Option<&str>, mode: Mode, known: &[&str]) -> Result<String, Fault> {
    let Some(path) = &table.path else {
        let otherwise = match mode {
            Mode::Broadcast | Mode::Observe => "/broadcast/{room}",
            Mode::Echo => "/echo",
        };
        return Ok(usual.unwrap_or(otherwise).to_owned());
    };
    let expanded = expand(path, known)?;
    if !expanded.starts_with('/') {
        return Err(Fault::at(&path.span, format!("the path `{}` must begin with /", redact::url(&path.value))));
    }
    if let Some(odd) = expanded.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        return Err(Fault::at(&path.span, format!("the path holds {odd:?}: write it percent-encoded")));
    }
    Ok(expanded)
}

/// Where a server that fanout starts listens, and what its certificate must be for.
const LOOPBACK: &str = "127.0.0.1";

fn spawn(table: &TargetTable, command: &At<Vec<String>>, dir: &Path) -> Result<TargetKind, Fault> {
    let part = |text: &String| expand(&At { value: text.clone(), span: command.span.clone() }, &["port"]);
    let program: Vec<String> = command.value.iter().map(part).collect::<Result<_, _>>()?;
    if program.first().is_none_or(String::is_empty) {
        return Err(Fault::at(&command.span, "`spawn` is empty: write the program and its arguments"));
    }
    let mut env = Vec::new();
    for (name, value) in table.env.iter().flat_map(|env| &env.value) {
        env.push((name.clone(), expand(value, &["port"])?));
    }
    if !program.iter().chain(env.iter().map(|(_, value)| value)).any(|text| text.contains("{port}")) {
        return Err(Fault::at(
            &command.span,
            "neither `spawn` nor `env` holds {port}: the server has to be told its port",
        )
        .help("spawn = [\"node\", \"hub.js\", \"--port\", \"{port}\"], or env = { PORT = \"{port}\" }"));
    }
    let cwd = match &table.cwd {
        None => None,
        Some(cwd) => Some(dir.join(expand(cwd, &[])?)),
    };
    let texts = command.value.iter().map(|text| At { value: text.clone(), span: command.span.clone() });
    let env_values = table.env.iter().flat_map(|env| env.value.values().cloned());
    let mut held = Secrets::default();
    for text in texts.chain(env_values).chain(table.ready.clone()).chain(table.cwd.clone()) {
        held = held.and(&secrets(&text)?.unwrap_or_default());
    }
    Ok(TargetKind::Spawn {
        command: program,
        ready: ready(table)?,
        ready_timeout: table.ready_timeout.as_ref().map_or(Duration::from_secs(10), |at| at.value.0),
        env,
        cwd,
        secrets: held,
    })
}

fn ready(table: &TargetTable) -> Result<Ready, Fault> {
    let Some(ready) = &table.ready else { return Ok(Ready::Tcp) };
    match ready.value.as_str() {
        "tcp" => Ok(Ready::Tcp),
        path if path.starts_with('/') => Ok(Ready::Http(expand(ready, &["port"])?)),
        text => match text.strip_prefix("line:").filter(|line| !line.is_empty()) {
            Some(_) => Ok(Ready::Line(expand(ready, &["port"])?.split_off("line:".len()))),
            None => Err(Fault::at(
                &ready.span,
                format!(
                    "`{text}` is not known for `ready`: write \"tcp\", a path such as \"/healthz\", or \"line:TEXT\""
                ),
            )),
        },
    }
}

fn flags(table: &TargetTable, dir: &Path) -> Result<Vec<Flag>, Fault> {
    let Some(server) = &table.server else { return Ok(Vec::new()) };
    let mut flags = Vec::new();
    for (name, value) in &server.value {
        let known = name.replace('-', "_");
        if CHOSEN.contains(&known.as_str()) {
            return Err(Fault::at(
                &value.span,
                format!("`{name}` cannot be set here: fanout chooses it for its own server"),
            ));
        }
        if !FLAGS.contains(&known.as_str()) {
            let hint = nearest(&known, FLAGS.into_iter()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            return Err(Fault::at(&value.span, format!("the bundled server has no flag `{name}`{hint}")));
        }
        let (given, secrets) = match &value.value {
            Scalar::Text(text) => {
                let text = At { value: text.clone(), span: value.span.clone() };
                (expand(&text, &[])?, secrets(&text)?)
            }
            other => (other.to_string(), None),
        };
        let given = if FILES.contains(&known.as_str()) { dir.join(given).display().to_string() } else { given };
        flags.push(Flag { name: known, value: given, secrets });
    }
    Ok(flags)
}

fn headers(table: &TargetTable, feed: Option<&Feed>) -> Result<Vec<(String, String)>, Fault> {
    let mut headers = Vec::new();
    for (name, value) in &table.headers {
        if is_reserved_header(name) {
            let instead = if name.eq_ignore_ascii_case("sec-websocket-protocol") { "; use `subprotocols`" } else { "" };
            return Err(Fault::at(&value.span, format!("the handshake writes the header `{name}` itself{instead}")));
        }
        headers.push((name.clone(), header(name, value, &[], feed)?));
    }
    Ok(headers)
}

fn subprotocol(name: &At<String>) -> Result<String, Fault> {
    let fits = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    if name.value.is_empty() || !name.value.chars().all(fits) {
        return Err(Fault::at(
            &name.span,
            format!("`{}` is not a subprotocol name (RFC 6455 4.1: a token)", name.value),
        ));
    }
    Ok(name.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_those_of_the_bundled_server() {
        let command = <server::Flags as clap::Args>::augment_args(clap::Command::new("server"));
        let mut theirs: Vec<String> = command.get_arguments().map(|flag| flag.get_id().to_string()).collect();
        let mut ours: Vec<String> = FLAGS.into_iter().chain(CHOSEN).map(str::to_owned).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
        for argument in command.get_arguments().filter(|argument| FLAGS.contains(&argument.get_id().as_str())) {
            let id = argument.get_id().to_string();
            let flag = Flag { name: id.clone(), value: String::new(), secrets: None };
            assert_eq!(argument.get_long(), flag.argument().strip_prefix("--"), "{id}");
            assert_eq!(argument.get_env().and_then(|name| name.to_str()), Some(flag.variable().as_str()), "{id}");
        }
    }
}
