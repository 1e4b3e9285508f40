//! What became of publishes over HTTP.

use super::page::Page;
use crate::report::numbers::{count, duration_us};
use crate::result::Run;

pub(super) fn write(page: &mut Page, run: &Run) {
    let Some(http) = &run.http else { return };
    page.section("publishes over HTTP");
    for (status, n) in &http.answers {
        page.line(&format!("answered with status {status}: {}", count(*n)));
    }
    for (cause, n) in &http.failed {
        page.line(&format!("not published: {} ({cause})", count(*n)));
    }
    if let (Some(p50), Some(p99), Some(max)) = (http.answer.p50, http.answer.p99, http.answer.max) {
        let (p50, p99, max) = (duration_us(p50), duration_us(p99), duration_us(max));
        page.line(&format!("time to answer  p50 {p50}  p99 {p99}  max {max}"));
    }
}
