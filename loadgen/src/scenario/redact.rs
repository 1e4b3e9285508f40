//! What of a scenario may be written to results, and shown of it.

use std::ops::Range;

use crate::secrets::REDACTED;

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

/// A scenario's text, or a change of one key of it (`KEY=VALUE`), as it is shown around what is wrong with it and wherever else it is shown: values of secret headers, user info and queries are stars, one a byte,
/// and ends of lines stay, so that everything keeps its place. The text may be anything, so it is not taken apart as TOML; in doubt too
/// much is masked.
pub(crate) fn masked(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let of_urls = lines(text).flat_map(|(at, line)| urls(line).map(move |range| at + range.start..at + range.end));
    for range in headers(text).into_iter().chain(of_urls) {
        out[range].iter_mut().filter(|byte| !b"\r\n".contains(byte)).for_each(|byte| *byte = b'*');
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Each line and where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |next, line| {
        let at = *next;
        *next += line.len();
        Some((at, line.trim_end_matches(['\n', '\r'])))
    })
}

/// Values of secret headers: what stands behind each name and an equals sign (or a colon, as in JSON).
fn headers(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let value_behind = |(at, name): (usize, &str)| {
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let rest = &text[at + name.len()..];
        let value = rest.trim_start_matches(['"', '\'', ' ', '\t']).strip_prefix(['=', ':'])?;
        (!text[..at].ends_with(in_name)).then(|| value_in(text, text.len() - value.len()))
    };
    SECRET.into_iter().flat_map(|name| lower.match_indices(name).filter_map(value_behind)).collect()
}

/// The value that begins at or behind `from`: a string without its quotes, or the rest of the line.
fn value_in(text: &str, from: usize) -> Range<usize> {
    let value = text[from..].trim_start_matches([' ', '\t']);
    let kind = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| value.starts_with(quote)).unwrap_or_default();
    let start = text.len() - value.len() + kind.len();
    let value = if kind.len() == 3 { &text[start..] } else { first_line(&text[start..]) };
    start..start + if kind.is_empty() { value.len() } else { string_end(value, kind) }
}

fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}

/// Where a string ends whose opening quote stands before `text`: at its closing quote, else with the text.
fn string_end(text: &str, quote: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(quote) {
            break;
        }
        at += c.len_utf8();
        // In strings between double quotes, a backslash takes what follows it along.
        if c == '\\' && quote.starts_with('"') {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    at
}

/// The string of a line that `at` is in; all that is behind the strings before it where it is in none, or in one that does not end.
fn string_at(line: &str, at: usize) -> Range<usize> {
    let mut from = 0;
    while let Some(open) = line[from..at].find(['"', '\'', '#']).map(|open| from + open) {
        let start = open + 1;
        let quote = &line[open..start];
        let end = start + string_end(&line[start..], quote);
        if quote == "#" || end == line.len() {
            break;
        }
        if at <= end {
            return start..end;
        }
        from = end + 1;
    }
    from..line.len()
}

/// User info and query of every URL, and the query of a path. Each is legal with commas and single quotes in it and often written with
/// worse, so that only the end of the string ends it.
fn urls(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let users = line.match_indices("://").filter_map(move |(at, _)| {
        let start = at + "://".len();
        Some(start..start + line[start..string_at(line, at).end].rfind('@')?)
    });
    let queries = line.match_indices('?').filter_map(move |(at, _)| {
        let string = string_at(line, at);
        line[string.start..at].contains('/').then(|| at + 1..string.end)
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
    fn every_value_of_a_secret_header_is_masked_to_its_end() {
        for (text, shown) in [
            (
                "headers = { X-Authorization-Mode = \"basic\", Authorization = \"Bearer s3cr3t\", Bogus = \"{nope}\" }",
                "headers = { X-Authorization-Mode = \"basic\", Authorization = \"*************\", Bogus = \"{nope}\" }",
            ),
            (
                "{ X-Cookie = \"a\", Cookie = \"b\" }\ncookie = \"c\"",
                "{ X-Cookie = \"a\", Cookie = \"*\" }\ncookie = \"*\"",
            ),
            ("Cookie = \"\"\"\na\nb\"c\"\"\"\nx = 1", "Cookie = \"\"\"\n*\n***\"\"\"\nx = 1"),
            ("\"Cookie\" = '''a\nb''', X = 1", "\"Cookie\" = '''*\n*''', X = 1"),
            ("#Cookie = \"a\\\"b\", X = \"c\"", "#Cookie = \"****\", X = \"c\""),
            ("{ \"Cookie\": \"a\" }", "{ \"Cookie\": \"*\" }"),
            ("target.headers.Cookie=a, b\nx = 1", "target.headers.Cookie=****\nx = 1"),
            ("Cookie = \"\", X = \"a\"", "Cookie = \"\", X = \"a\""),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn user_info_and_queries_are_masked_to_their_end() {
        for (text, shown) in [
            ("url = \"ws://me:a,b@h/ws\"", "url = \"ws://******@h/ws\""),
            ("url = \"ws://me:a/'b c@h/ws?d,e'f\" # why?", "url = \"ws://*********@h/ws?*****\" # why?"),
            ("url = [\"ws://me:a@h\",\"ws://me:b@h\"]", "url = [\"ws://****@h\",\"ws://****@h\"]"),
            ("url = 'ws://me:a\"b@h'", "url = 'ws://******@h'"),
            ("target.path=/a,b?c d\r\n", "target.path=/a,b?***\r\n"),
            ("target.url=ws://me:it's#@h?k=1", "target.url=ws://********@h?***"),
            ("path = \"/a?b", "path = \"/a?*"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn secret_headers_are_known_in_any_case() {
        assert_eq!(header("AUTHORIZATION", "Bearer x"), REDACTED);
        assert_eq!(header("cookie", "a=b"), REDACTED);
        assert_eq!(header("X-Room", "{env.ROOM}"), "{env.ROOM}");
    }
}
