//! Phases and groups side by side, where there is more than one.

use super::page::Page;
use crate::report::numbers::{count, duration_us, percent, plural, rate, seconds};
use crate::result::{Figures, PhaseFigures, Quantiles, Run};

/// The heads of the table of phases.
pub(in crate::report) const PHASES: [&str; 9] =
    ["", "length", "publishes/s", "deliveries/s", "p50", "p99", "max", "lost", "server CPU"];
/// The heads of the table of groups.
pub(in crate::report) const GROUPS: [&str; 8] =
    ["", "subscribers", "closed early", "deliveries/s", "p50", "p99", "max", "lost"];

pub(super) fn write_phases(page: &mut Page, run: &Run) {
    if run.phases.len() < 2 {
        return;
    }
    page.section("phases");
    let mut rows = vec![PHASES.map(str::to_owned).to_vec()];
    rows.extend(phases(run));
    page.table(&rows);
    page.aside(&phases_explained(run));
}

pub(super) fn write_groups(page: &mut Page, run: &Run) {
    if run.groups.len() < 2 {
        return;
    }
    page.section(&plural(run.groups.len() as u64, "group"));
    let mut rows = vec![GROUPS.map(str::to_owned).to_vec()];
    rows.extend(groups(run));
    page.table(&rows);
    page.aside(&which(run));
}

/// The phases in their order.
pub(in crate::report) fn phases(run: &Run) -> Vec<Vec<String>> {
    let mut phases: Vec<_> = run.phases.iter().collect();
    phases.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    let row = |(name, phase): (&String, &PhaseFigures)| {
        let figures = &phase.figures;
        let mut row = vec![if phase.measure { name.clone() } else { format!("{name} *") }];
        row.extend([
            seconds(phase.length_s),
            rate(figures.rates.publishes_per_s),
            rate(figures.rates.deliveries_per_s),
        ]);
        row.extend(latency_and_lost(figures));
        row.push(match phase.server_cpu_s {
            Some(cpu_s) if phase.length_s > 0.0 => percent(cpu_s / phase.length_s),
            _ => "-".to_owned(),
        });
        row
    };
    phases.into_iter().map(row).collect()
}

/// What their figures mean.
pub(in crate::report) fn phases_explained(run: &Run) -> String {
    let all_measured = run.phases.values().all(|phase| phase.measure);
    let unmeasured = if all_measured { "" } else { "* not counted in the figures above; " };
    format!("{unmeasured}{}; server CPU: share of one core", which(run))
}

/// The groups of subscribers.
pub(in crate::report) fn groups(run: &Run) -> Vec<Vec<String>> {
    let row = |(name, figures): (&String, &Figures)| {
        let closed = figures.closed.map_or("-".to_owned(), count);
        let mut row = vec![name.clone(), count(figures.subscribers), closed, rate(figures.rates.deliveries_per_s)];
        row.extend(latency_and_lost(figures));
        row
    };
    run.groups.iter().map(row).collect()
}

/// Which latency it is.
pub(in crate::report) fn which(run: &Run) -> String {
    format!("p50, p99, max: arrival after {}", if run.latency.due.is_some() { "due time" } else { "sent" })
}

fn latency_and_lost(figures: &Figures) -> [String; 4] {
    let quantiles = figures.latency.due.as_ref().unwrap_or(&figures.latency.sent);
    let cell = |us: Option<f64>| never_or(us, quantiles);
    [cell(quantiles.p50), cell(quantiles.p99), cell(quantiles.max), count(figures.deliveries.lost)]
}

fn never_or(us: Option<f64>, quantiles: &Quantiles) -> String {
    match us {
        Some(us) => duration_us(us),
        None if quantiles.count > 0 => "never".to_owned(),
        None => "-".to_owned(),
    }
}
