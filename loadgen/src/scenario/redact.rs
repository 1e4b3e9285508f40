//! What of a scenario may be written to results.

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
    fn secret_headers_are_known_in_any_case() {
        assert_eq!(header("AUTHORIZATION", "Bearer x"), REDACTED);
        assert_eq!(header("cookie", "a=b"), REDACTED);
        assert_eq!(header("X-Room", "{env.ROOM}"), "{env.ROOM}");
    }
}
