//! Headers of requests: of the upgrade, and of publishes over HTTP.

use crate::feed::Feed;
use crate::scenario::error::Fault;
use crate::scenario::expand::expand;
use crate::scenario::scalar::At;

/// The value of a header with its environment filled in; `{known}` and columns of the feed stay placeholders.
pub(super) fn header(name: &str, value: &At<String>, known: &[&str], feed: Option<&Feed>) -> Result<String, Fault> {
    // RFC 9110 5.6.2: a token.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(Fault::at(&value.span, format!("`{name}` is not a header name")));
    }
    let columns: Vec<&str> = feed.into_iter().flat_map(Feed::columns).map(String::as_str).collect();
    let expanded = expand(value, &[known, &columns].concat())?;
    let unsendable = |text: &str| text.chars().any(|c| c.is_control() && c != '\t');
    if unsendable(&expanded) {
        return Err(Fault::at(&value.span, format!("the value of the header `{name}` holds a control character")));
    }
    for column in columns.iter().filter(|column| expanded.contains(&format!("{{{column}}}"))) {
        if let Some(line) = feed.and_then(|feed| feed.line_where(column, unsendable)) {
            let what = format!("`{column}` holds a control character, which the header `{name}` cannot");
            return Err(Fault::at(&value.span, format!("line {line} of the feed: {what}")));
        }
    }
    Ok(expanded)
}
