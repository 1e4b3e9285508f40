//! How latencies are distributed, as bars: one row a step of 1, 2, 5, 10, ...

use super::page::Page;
use crate::record::from_base64_v2;
use crate::report::numbers::{duration_us, percent};
use crate::result::Run;

const BAR: usize = 50;

/// A row: latencies from `from` to just below `to`, in microseconds, and how many.
struct Step {
    from: u64,
    to: u64,
    count: u64,
}

pub(super) fn write(page: &mut Page, run: &Run) {
    // What cannot be decoded is left out: the table above has the figures.
    let (key, since) = if run.latency.due.is_some() { ("due", "due time") } else { ("sent", "sent") };
    let Some(histogram) = run.histograms.get(key).and_then(|text| from_base64_v2(text).ok()) else {
        return;
    };
    let steps = steps(histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())));
    let lost = run.deliveries.lost;
    let all = histogram.len() + lost;
    let Some(largest) = steps.iter().map(|step| step.count).chain([lost]).max().filter(|&n| n > 0) else {
        return;
    };
    page.section(&format!("deliveries by how long after {since} they arrived"));
    let mut rows: Vec<(String, u64)> =
        steps.iter().map(|step| (format!("{} to {}", edge(step.from), edge(step.to)), step.count)).collect();
    if lost > 0 {
        rows.push(("lost".to_owned(), lost));
    }
    let room = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    for (label, n) in rows {
        #[allow(clippy::cast_precision_loss)]
        let share = percent(n as f64 / all as f64);
        page.headline(&format!("  {label:>room$}  {share:>9}  {}", bar(n, largest)));
    }
}

fn edge(us: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    if us == 0 { "0".to_owned() } else { duration_us(us as f64) }
}

/// From the first step that has any to the last, empty ones between included: a gap is to be seen.
fn steps(values: impl Iterator<Item = (u64, u64)>) -> Vec<Step> {
    // 0 to 10 us, then 10, 20, 50, 100, ...
    let edges = (1..=12_u32).flat_map(|power| [1, 2, 5].map(|step| step * 10_u64.pow(power)));
    let mut steps: Vec<Step> =
        std::iter::once(0).chain(edges.clone()).zip(edges).map(|(from, to)| Step { from, to, count: 0 }).collect();
    for (value, count) in values {
        let step = steps.partition_point(|step| step.to <= value).min(steps.len() - 1);
        steps[step].count += count;
    }
    let has_any = |step: &Step| step.count > 0;
    let end = steps.iter().rposition(has_any).map_or(0, |last| last + 1);
    let start = steps.iter().position(has_any).unwrap_or(0);
    steps.drain(start..end).collect()
}

fn bar(n: u64, largest: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (u128::from(n) * BAR as u128 * 8).div_ceil(u128::from(largest.max(1)));
    let eighths = usize::try_from(eighths).unwrap_or(BAR * 8);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_the_step_that_holds_it() {
        let steps = steps([(3, 1), (10, 2), (19, 3), (100, 4), (7_000_000, 5)].into_iter());
        let shown: Vec<_> =
            steps.iter().filter(|step| step.count > 0).map(|step| (step.from, step.to, step.count)).collect();
        assert_eq!(shown, [(0, 10, 1), (10, 20, 5), (100, 200, 4), (5_000_000, 10_000_000, 5)]);
        assert!(steps.windows(2).all(|pair| pair[0].to == pair[1].from), "no step is missing or twice there");
    }

    #[test]
    fn what_is_there_is_seen_however_rare() {
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(10, 10).chars().count(), BAR);
    }
}
