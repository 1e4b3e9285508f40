//! What a browser asks before a page of another origin may send a request with a token (Fetch standard, section 3.3.5).

use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};

use super::answer::Answer;
use super::site::Site;

/// Seconds for which a browser need not ask again; none keeps an answer for longer than two hours.
const MAX_AGE: &str = "7200";

impl Site {
    /// The answer to OPTIONS on a route that takes `methods`, of which pages may use GET.
    pub(super) fn preflight<B>(&self, request: &Request<B>, methods: &'static str) -> Answer {
        let cors = match self.page(request) {
            Ok(cors) => cors,
            Err(refusal) => return refusal.into_answer(),
        };
        let mut answer = Answer::default();
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let fixed = [
            (header::ALLOW, methods),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Last-Event-ID"),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
            (header::CONNECTION, "close"),
        ];
        answer.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
        cors.allow(&mut answer);
        answer
    }
}
