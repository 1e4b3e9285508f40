//! Connections that left and came back.

use super::family::{Family, with};
use super::{Part, parts};
use crate::report::returns::are_there;
use crate::result::Run;

/// How many came back, how soon, and what that asked of the server; none where nothing left.
#[allow(clippy::cast_precision_loss)]
pub(super) fn families(run: &Run) -> Vec<Family> {
    if !are_there(run) {
        return Vec::new();
    }
    let mut counts = Family::gauge("fanout_returns", "Connections that ended and came back, by what became of them");
    let mut quiet =
        Family::gauge("fanout_return_seconds", "From the end of a connection to the first message after its return");
    let mut open = Family::gauge(
        "fanout_open_again_seconds",
        "From a cut or a restart until that share of the connections that it ended was open again",
    );
    for Part { labels, reconnect: r, .. } in parts(run) {
        let all = [
            ("returned", r.count),
            ("away", r.away),
            ("cut", r.cut),
            ("resumed", r.resumed),
            ("resume_refused", r.resume_refused),
            ("failed_tries", r.failed_tries),
        ];
        for (state, n) in all {
            counts.add(with(&labels, "state", state), Some(n as f64));
        }
        for (quantile, us) in [("0.5", r.p50), ("0.99", r.p99), ("1", r.max)] {
            quiet.add(with(&labels, "quantile", quantile), us.map(|us| us / 1e6));
        }
        if r.cut > 0 {
            for (share, us) in [("0.5", r.back_50), ("0.99", r.back_99), ("1", r.back_all)] {
                open.add(with(&labels, "share", share), Some(us.map_or(f64::INFINITY, |us| us / 1e6)));
            }
        }
    }
    let peak = Family::single(
        "fanout_return_handshake_rate",
        "Handshakes a second of returns, in the busiest tenth of a second",
        run.reconnect.peak_per_s,
    );
    vec![counts, quiet, open, peak]
}
