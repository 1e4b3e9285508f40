//! How figures went from run to run, on the terminal and as JSON; the page is `html/trend`.

use super::Colour;
use super::numbers::percent;
use super::text::page::{Page, Tone};
use crate::compare::shown;
use crate::trend::{Course, Shift, Trend};

/// Sparklines are of so many runs at most: the newest.
const SPARKS: usize = 40;

/// The report of all trends.
#[must_use]
pub fn text(trends: &[Trend], colour: Colour) -> String {
    let mut page = Page::new(colour);
    for (i, trend) in trends.iter().enumerate() {
        if i > 0 {
            page.headline("");
        }
        page.headline(&opening(trend));
        page.line(&summary(trend));
        metrics(&mut page, trend);
        changes(&mut page, trend);
        if !trend.environment.is_empty() {
            page.section("what changed on the machine");
            moved(trend).iter().for_each(|line| page.line(line));
        }
    }
    page.into_text()
}

/// `trend.json`.
#[must_use]
pub fn json(trends: &[Trend]) -> String {
    super::json::document(trends)
}

/// `chat-peak: 24 runs from 2026-10-01 to 2026-10-24`.
pub(in crate::report) fn opening(trend: &Trend) -> String {
    let day = |started: &str| started.split('T').next().unwrap_or(started).to_owned();
    let n = trend.runs.len();
    let runs = if n == 1 { "1 valid run".to_owned() } else { format!("{n} valid runs") };
    let when = match (trend.runs.first(), trend.runs.last()) {
        (Some(first), Some(last)) => format!(" from {} to {}", day(&first.started), day(&last.started)),
        _ => String::new(),
    };
    let left_out = match trend.left_out {
        0 => String::new(),
        n => format!("; {n} left out (invalid or interrupted)"),
    };
    format!("{}: {runs}{when}{left_out}", trend.scenario)
}

/// What changed, or that nothing can be told.
pub(in crate::report) fn summary(trend: &Trend) -> String {
    let changed: Vec<String> = trend
        .metrics
        .iter()
        .filter_map(|course| course.changes.last().map(|shift| format!("{} {}", course.metric, amount(course, shift))))
        .collect();
    if trend.runs.len() < 2 * crate::analyse::LEAST_SIDE {
        format!("Fewer than {} runs: too few to tell a change from noise.", 2 * crate::analyse::LEAST_SIDE)
    } else if changed.is_empty() {
        "No figure changed by more than noise.".to_owned()
    } else {
        format!("Changed, the last time each: {}.", changed.join("; "))
    }
}

/// `+20 % (worse)`.
pub(in crate::report) fn amount(course: &Course, shift: &Shift) -> String {
    let judged = if shift.improved { "better" } else { "worse" };
    match shift.ratio {
        Some((ratio, _)) if ratio >= 1.0 => format!("+{} ({judged})", percent(ratio - 1.0)),
        Some((ratio, _)) => format!("-{} ({judged})", percent(1.0 - ratio)),
        None => format!("{} to {} ({judged})", shown(&course.metric, shift.before), shown(&course.metric, shift.after)),
    }
}

/// How it was found, and what it does not say.
pub(in crate::report) const EXPLAINED: &str = "a change: the runs before and after it differ as whole distributions (energy statistic) more than in 99 of 100 random orders of the \
     same runs, with at least 5 runs on each side; each figure is tested by itself, and a machine that drifts is a change too";

/// The heads of the table of changes.
pub(in crate::report) const CHANGES: [&str; 7] = ["", "since", "before", "after", "", "95 %", "p"];

/// Its rows.
pub(in crate::report) fn change_rows(trend: &Trend) -> Vec<Vec<String>> {
    let row = |course: &Course, shift: &Shift| {
        let interval =
            shift.ratio.map_or_else(String::new, |(_, interval)| super::comparison::cells::interval(interval));
        vec![
            course.metric.clone(),
            trend.runs.get(shift.at).map_or_else(String::new, |run| run.started.chars().take(16).collect()),
            shown(&course.metric, shift.before),
            shown(&course.metric, shift.after),
            amount(course, shift),
            interval,
            format!("{:.3}", shift.p),
        ]
    };
    trend.metrics.iter().flat_map(|course| course.changes.iter().map(move |shift| row(course, shift))).collect()
}

/// What changed on the machine, and when.
pub(in crate::report) fn moved(trend: &Trend) -> Vec<String> {
    let line = |moved: &crate::trend::Moved| {
        let what: Vec<String> = moved
            .differences
            .iter()
            .map(|found| format!("{} {} to {}", found.what, found.a.join(", "), found.b.join(", ")))
            .collect();
        let since = trend.runs.get(moved.at).map_or("", |run| &run.started);
        format!("since {}: {}", since.chars().take(16).collect::<String>(), what.join("; "))
    };
    trend.environment.iter().map(line).collect()
}

fn metrics(page: &mut Page, trend: &Trend) {
    page.section("figures, the oldest run to the left");
    let mut rows = vec![["", "first", "last", "lowest", "highest", ""].map(str::to_owned).to_vec()];
    for course in &trend.metrics {
        let known: Vec<f64> = course.values.iter().flatten().copied().collect();
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| shown(&course.metric, value));
        rows.push(vec![
            course.metric.clone(),
            cell(course.values.first().copied().flatten()),
            cell(course.values.last().copied().flatten()),
            cell(known.iter().copied().min_by(f64::total_cmp)),
            cell(known.iter().copied().max_by(f64::total_cmp)),
            sparks(&course.values),
        ]);
    }
    page.table(&rows);
}

fn changes(page: &mut Page, trend: &Trend) {
    let rows = change_rows(trend);
    if rows.is_empty() {
        return;
    }
    page.section("changes");
    for (course, shift) in
        trend.metrics.iter().flat_map(|course| course.changes.iter().map(move |shift| (course, shift)))
    {
        let tone = if shift.improved { Tone::Good } else { Tone::Bad };
        let since = trend.runs.get(shift.at).map_or("", |run| &run.name);
        let (before, after) = (shown(&course.metric, shift.before), shown(&course.metric, shift.after));
        let amount = page.tone(tone, &amount(course, shift));
        page.line(&format!("{}: {amount}, {before} to {after} since {since}", course.metric));
    }
    page.aside(EXPLAINED);
}

/// One character a run, the lowest value an empty bar and the highest a full one; a gap where there is no value.
fn sparks(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values = &values[values.len().saturating_sub(SPARKS)..];
    let known = || values.iter().flatten().copied();
    let low = known().fold(f64::INFINITY, f64::min);
    let range = known().fold(f64::NEG_INFINITY, f64::max) - low;
    let bar = |value: f64| {
        let share = if range > 0.0 { (value - low) / range } else { 0.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    values.iter().map(|value| value.map_or(' ', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trend::{tests::dearer, trends};

    #[test]
    fn the_change_is_said_first_and_with_the_run_that_has_it() {
        let text = text(&trends(dearer()), Colour::Never);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("chat-peak: 24 valid runs from 2026-10-01 to 2026-10-24"));
        assert!(
            lines.next().unwrap().contains("Changed, the last time each: server.cpu_us_per_delivery +20 % (worse)."),
            "{text}"
        );
        assert!(text.contains("since results/chat-peak/14"), "{text}");
        assert!(text.contains("kernel 6.12.1 to 6.18.0"), "{text}");
    }

    #[test]
    fn few_runs_are_said_to_be_too_few() {
        let mut past = dearer();
        past.truncate(4);
        assert!(text(&trends(past), Colour::Never).contains("Fewer than 10 runs"));
    }

    #[test]
    fn a_spark_is_as_high_as_its_value_and_a_gap_has_none() {
        assert_eq!(sparks(&[Some(1.0), None, Some(8.0), Some(4.5)]), "▁ █▅");
        assert_eq!(sparks(&[Some(3.0); 3]), "▁▁▁");
    }
}
