//! How late fanout itself sent, beside the latency that contains it.

use crate::report::numbers::{duration_us, percent};
use crate::result::Run;

/// From this share of `latency.due.p99` on, the headline says how late fanout itself was.
const WORTH_SAYING: f64 = 0.3;

/// A line under the headline, where fanout's own lateness is a large part of what it says.
pub(super) fn remark(run: &Run) -> Option<String> {
    let (due, lag) = (run.latency.due.as_ref()?.p99?, run.schedule_lag.p99?);
    if lag < WORTH_SAYING * due {
        return None;
    }
    let sent = run.latency.sent.p99.map_or_else(String::new, |sent| {
        format!(
            "; from when it really sent to arrival, which is what the server took and the way there and back, p99 {}",
            duration_us(sent)
        )
    });
    Some(format!(
        "  fanout itself sent late (schedule lag p99 {}), which arrival after due time contains{sent}; percentiles do not add up",
        duration_us(lag)
    ))
}

/// How much lateness was allowed, and by what.
pub(in crate::report) fn allowed(run: &Run) -> Option<String> {
    let set = run.scenario.get("max_schedule_lag_us")?;
    if let Some(us) = set.as_f64() {
        return Some(format!("allowed: p99 {} (max_schedule_lag of the scenario)", duration_us(us)));
    }
    Some(format!(
        "allowed: p99 of 1 ms, or {} of the p99 of arrival where that is more; max_schedule_lag in the scenario sets another",
        percent(0.1)
    ))
}
