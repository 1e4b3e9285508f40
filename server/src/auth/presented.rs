//! Pure: the token that a request presents.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A request that presents something else than one token. Never says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpresentable {
    /// Another scheme than Bearer, no token after it, or more than one header.
    #[error("the Authorization header must be one: Authorization: Bearer TOKEN")]
    Header,
    /// `?token=` without text.
    #[error("?token= must hold the token, percent-encoded")]
    Query,
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1), or of `?token=TOKEN` for browsers, which cannot set headers on a
/// WebSocket. If both are there, the header's counts. `None` without either.
///
/// # Errors
/// See [`Unpresentable`].
pub fn presented<'a>(
    mut authorization: impl Iterator<Item = Option<&'a str>>,
    query: Option<&'a str>,
) -> Result<Option<Cow<'a, str>>, Unpresentable> {
    if let Some(header) = authorization.next() {
        let (scheme, token) = header.and_then(|text| text.trim().split_once(' ')).ok_or(Unpresentable::Header)?;
        let token = token.trim_start();
        let plain = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        if !scheme.eq_ignore_ascii_case("bearer") || !plain || authorization.next().is_some() {
            return Err(Unpresentable::Header);
        }
        return Ok(Some(Cow::Borrowed(token)));
    }
    let pair = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("token="));
    let Some(encoded) = pair else { return Ok(None) };
    let token = percent_decode_str(encoded).decode_utf8().map_err(|_| Unpresentable::Query)?;
    if token.is_empty() { Err(Unpresentable::Query) } else { Ok(Some(token)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token<'a>(headers: &[&'a str], query: Option<&'a str>) -> Result<Option<Cow<'a, str>>, Unpresentable> {
        presented(headers.iter().copied().map(Some).collect::<Vec<_>>().into_iter(), query)
    }

    #[test]
    fn a_token_comes_by_header_or_by_query() {
        assert_eq!(token(&["Bearer abc"], None).unwrap().unwrap(), "abc");
        assert_eq!(token(&["bearer  abc "], None).unwrap().unwrap(), "abc");
        assert_eq!(token(&[], Some("x=1&token=a%2Bb")).unwrap().unwrap(), "a+b");
        assert_eq!(token(&["Bearer header"], Some("token=query")).unwrap().unwrap(), "header");
        assert_eq!(token(&[], Some("tokens=a")), Ok(None));
        assert_eq!(token(&[], None), Ok(None));
    }

    #[test]
    fn what_is_not_one_token_is_refused() {
        for headers in
            [&["Basic abc"][..], &["Bearer"], &["Bearer "], &["Bearer a b"], &["Bearer a", "Bearer b"], &[""]]
        {
            assert_eq!(token(headers, Some("token=a")), Err(Unpresentable::Header), "{headers:?}");
        }
        assert_eq!(presented([None].into_iter(), None), Err(Unpresentable::Header));
        assert_eq!(token(&[], Some("token=")), Err(Unpresentable::Query));
        assert_eq!(token(&[], Some("token=%ff")), Err(Unpresentable::Query));
    }
}
