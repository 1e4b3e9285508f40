//! The page at `/`: a chat room in a browser, in one file that asks nobody else for anything.

use hyper::Method;
use hyper::header::{self, HeaderName, HeaderValue};

use super::answer::{Answer, Refused, answer};

/// Wherever this stands in the page, the number is put that the page's own style and script are known by.
const PLACEHOLDER: &str = "%NONCE%";
const PAGE: &str = include_str!("../../page/index.html");

/// The page, under a policy that runs nothing but what came with it (Content Security Policy level 3), whatever is said in a room.
pub(super) fn page(method: &Method) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Refused::method("the page can be read, nothing else; use GET", "GET, HEAD").into_answer();
    }
    let nonce = format!("{:032x}", rand::random::<u128>());
    let mut answer = answer(200, "text/html; charset=utf-8", PAGE.replace(PLACEHOLDER, &nonce).into_bytes());
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self' ws: wss:; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = answer.headers_mut();
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}
