//! Tokens and comma-separated lists of HTTP headers (RFC 9110 5.6).

/// Whether `text` is a token: a header's name, a subprotocol.
pub(crate) fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(allowed)
}

/// The elements of a comma-separated header value, without blanks and empty ones.
pub(super) fn elements(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|element| !element.is_empty())
}

/// Whether a comma-separated header value names `token`, in whatever case.
pub(super) fn lists(value: &str, token: &str) -> bool {
    elements(value).any(|element| element.eq_ignore_ascii_case(token))
}
