//! Connections that left and came back, in words and rows that all reports share.

use super::numbers::{count, duration_us, duration_us_exact, plural, rate};
use crate::result::{Figures, Reconnect, Run};

/// What the columns of [`rows`] are.
pub(super) const HEADS: [&str; 9] =
    ["", "cut", "came back", "half open", "99 % open", "all open", "replayed", "missed", "lost"];

/// Whether anything left or came back.
pub(super) fn are_there(run: &Run) -> bool {
    run.connections.left > 0 || !run.reconnect.is_none()
}

/// For the opening: how soon they were back, and what that asked of the server.
pub(super) fn sentence(run: &Run) -> Option<String> {
    let r = &run.reconnect;
    let back = if r.cut > 0 {
        let times = again(r, duration_us).map(|(share, after)| format!("{share} {after}")).join(", ");
        format!("{} cut, open again: {times}", count(r.cut))
    } else if r.count > 0 {
        let quiet = r.p99.map_or_else(String::new, |us| format!(", to the next message p99 {}", duration_us(us)));
        format!("{}{quiet}", plural(r.count, "return"))
    } else {
        return None;
    };
    let peak = r.peak_per_s.map_or_else(String::new, |peak| format!("; at most {} handshakes/s", rate(peak)));
    Some(back + &peak)
}

/// `half after 2.5 s`, `all never`: when those that were cut or restarted were open again.
pub(super) fn again(r: &Reconnect, shown: fn(f64) -> String) -> [(&'static str, String); 3] {
    [("half", r.back_50), ("99 %", r.back_99), ("all", r.back_all)]
        .map(|(share, us)| (share, us.map_or_else(|| "never".to_owned(), |us| format!("after {}", shown(us)))))
}

/// Groups side by side, and phases, where returns were in more than one of them.
pub(super) fn rows(run: &Run) -> Vec<Vec<String>> {
    let groups = run.groups.iter();
    let mut phases: Vec<_> = run.phases.iter().collect();
    phases.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    let phases = phases.into_iter().map(|(name, phase)| (name, &phase.figures));
    let several = |parts: Vec<(&String, &Figures)>, what: &str| {
        let parts: Vec<_> = parts.into_iter().filter(|(_, figures)| !figures.reconnect.is_none()).collect();
        let rows = parts.iter().map(|(name, figures)| row(&format!("{what} {name}"), figures));
        if parts.len() > 1 { rows.collect() } else { Vec::new() }
    };
    [several(groups.collect(), "group"), several(phases.collect(), "phase")].concat()
}

fn row(name: &str, figures: &Figures) -> Vec<String> {
    let (r, d) = (&figures.reconnect, &figures.deliveries);
    let open = [r.back_50, r.back_99, r.back_all].map(|us| match us {
        Some(us) => duration_us_exact(us),
        None if r.cut > 0 => "never".to_owned(),
        None => "-".to_owned(),
    });
    let before = [name.to_owned(), count(r.cut), count(r.count)];
    before.into_iter().chain(open).chain([d.resumed, d.missed, d.lost].map(count)).collect()
}
