//! What of a scenario may be written to results, and shown of it.

use std::ops::Range;

/// Stands for what was removed.
pub(super) const REDACTED: &str = "[redacted]";

/// Headers whose values are secrets.
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

/// The value of a header as results show it.
pub(super) fn header<'v>(name: &str, value: &'v str) -> &'v str {
    if SECRET.contains(&name.to_ascii_lowercase().as_str()) { REDACTED } else { value }
}

/// A URL (or path) as results show it: without user info and query. Taken apart by hand, because placeholders still
/// stand in it.
pub(super) fn url(text: &str) -> String {
    let (address, query) = match text.split_once('?') {
        Some((address, _)) => (address, format!("?{REDACTED}")),
        None => (text, String::new()),
    };
    let address = match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            match authority.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{path}"),
                None => address.to_owned(),
            }
        }
        None => address.to_owned(),
    };
    address + &query
}

/// A scenario's text as it is shown around what is wrong with it: values of secret headers, user info and queries are stars, one a byte,
/// so that everything keeps its place. The text may be anything, so it is not taken apart as TOML.
pub(super) fn masked(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    for (at, line) in lines(text) {
        for range in headers(line).chain(urls(line)) {
            out[at + range.start..at + range.end].fill(b'*');
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Each line and where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |next, line| {
        let at = *next;
        *next += line.len();
        Some((at, line))
    })
}

/// Values of secret headers: what stands behind the name and an equals sign, to the closing quote.
fn headers(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let lower = line.to_ascii_lowercase();
    SECRET.into_iter().filter_map(move |name| {
        let after = lower.find(name)? + name.len();
        let rest = line[after..].trim_start_matches(['"', '\'', ' ', '\t']).strip_prefix('=')?.trim_start();
        let (value, ends): (&str, &[char]) = match rest.chars().next()? {
            '"' => (&rest[1..], &['"', '\n']),
            '\'' => (&rest[1..], &['\'', '\n']),
            _ => (rest, &[',', '}', '\n']),
        };
        let start = line.len() - value.len();
        Some(start..start + value.find(ends).unwrap_or(value.len()))
    })
}

/// User info and query of every URL, and the query of a path.
fn urls(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    const ENDS: [char; 6] = ['"', '\'', ' ', '\t', '\n', ','];
    let end = move |from: usize| line[from..].find(ENDS).map_or(line.len(), |at| from + at);
    let users = line.match_indices("://").filter_map(move |(at, _)| {
        let start = at + "://".len();
        let authority = &line[start..end(start)];
        let authority = &authority[..authority.find(['/', '?']).unwrap_or(authority.len())];
        Some(start..start + authority.rfind('@')?)
    });
    let queries = line.match_indices('?').filter_map(move |(at, _)| {
        let word = line[..at].rfind(ENDS).map_or(0, |before| before + 1);
        line[word..at].contains('/').then(|| at + 1..end(at + 1))
    });
    users.chain(queries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_and_query_go() {
        assert_eq!(url("ws://me:pass@host:1/ws/{room}?key=1"), "ws://[redacted]@host:1/ws/{room}?[redacted]");
        assert_eq!(url("ws://host/a@b"), "ws://host/a@b");
        assert_eq!(url("/ws?token=1"), "/ws?[redacted]");
        assert_eq!(url("ws://{env.USER}@h"), "ws://[redacted]@h");
    }

    #[test]
    fn what_is_shown_of_a_file_keeps_its_place_and_loses_its_secrets() {
        let text = "url = \"ws://me:pässword@host/ws/{room}?key=1\"\nheaders = { X-Room = \"a\", cookie='b=c', Authorization = \"Bearer x\" }\n\
                    path = \"/ws?a=b\" # really?\ntarget.headers.Cookie=open";
        let shown = masked(text);
        assert_eq!(
            shown,
            "url = \"ws://************@host/ws/{room}?*****\"\nheaders = { X-Room = \"a\", cookie='***', Authorization = \"********\" }\n\
             path = \"/ws?***\" # really?\ntarget.headers.Cookie=****"
        );
        assert_eq!(shown.len(), text.len());
        assert_eq!(masked("x = \"ü?\"\r\n"), "x = \"ü?\"\r\n");
    }

    #[test]
    fn secret_headers_are_known_in_any_case() {
        assert_eq!(header("AUTHORIZATION", "Bearer x"), REDACTED);
        assert_eq!(header("cookie", "a=b"), REDACTED);
        assert_eq!(header("X-Room", "{env.ROOM}"), "{env.ROOM}");
    }
}
