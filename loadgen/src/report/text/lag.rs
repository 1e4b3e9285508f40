//! How late fanout itself sent, beside the latency that contains it.

use crate::report::numbers::duration_us;
use crate::result::Run;

/// From this share of `latency.due.p99` on, the headline says how late fanout itself was.
const WORTH_SAYING: f64 = 0.3;

/// A line under the headline, where fanout's own lateness is a large part of what it says.
pub(super) fn remark(run: &Run) -> Option<String> {
    let (due, lag) = (run.latency.due.as_ref()?.p99?, run.schedule_lag.p99?);
    if lag < WORTH_SAYING * due {
        return None;
    }
    let sent =
        run.latency.sent.p99.map(|sent| format!("; counted from when it really sent  p99 {}", duration_us(sent)));
    Some(format!("  in it fanout's own lateness in sending, p99 {}{}", duration_us(lag), sent.unwrap_or_default()))
}

/// How much lateness was allowed, and by what.
pub(in crate::report) fn allowed(run: &Run) -> Option<String> {
    let set = run.scenario.get("max_schedule_lag_us")?;
    if let Some(us) = set.as_f64() {
        return Some(format!("allowed: p99 {} (max_schedule_lag of the scenario)", duration_us(us)));
    }
    Some("allowed: the larger of 1 ms and 10 % of the p99 (max_schedule_lag in a scenario sets another)".to_owned())
}
