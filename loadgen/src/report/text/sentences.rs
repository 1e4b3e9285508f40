//! The first lines: verdict, what was asked and reached, latency, losses, and which side was the limit.

use super::page::{Page, Tone};
use crate::report::numbers::{
    DELIVERIES_PER_S, bytes, count, duration_us, percent, plural, publishes_per_s, rate, seconds, with_unit,
};
use crate::report::returns;
use crate::report::verdict::Verdict;
use crate::result::{Deliveries, Quantiles, Run};

/// A process that uses this share of its cores is at its limit.
const AT_LIMIT: f64 = 0.9;

/// A line of the opening.
pub(in crate::report) enum Line {
    /// The verdict, and what follows its word.
    Verdict(Verdict, String),
    /// Why it is so: below the verdict.
    Remark(String),
    /// A sentence about the run.
    Sentence(String),
}

pub(super) fn write(page: &mut Page, run: &Run) {
    for line in opening(run) {
        match line {
            Line::Verdict(verdict, rest) => {
                let tone = match verdict {
                    Verdict::Passed => Tone::Good,
                    Verdict::Failed => Tone::Bad,
                    Verdict::Invalid | Verdict::Interrupted => Tone::Doubt,
                };
                page.headline(&format!("{}  {rest}", page.tone(tone, verdict.word())));
            }
            Line::Remark(text) => page.line(&text),
            Line::Sentence(text) => page.headline(&text),
        }
    }
}

/// The first screen of a report.
pub(in crate::report) fn opening(run: &Run) -> Vec<Line> {
    let thresholds = held(run);
    let validity =
        if run.validity.valid { "measurement valid" } else { "measurement not valid: do not rely on these figures" };
    let mut lines = vec![Line::Verdict(Verdict::of(run), format!("{}, {thresholds}, {validity}", name(run)))];
    lines.extend(reasons(run).into_iter().map(Line::Remark));
    let arrived = || latency(run).into_iter().chain([ledger(&run.deliveries)]).collect();
    let came_of_it: Vec<String> = if is_idle(run) { idle(run) } else { arrived() };
    let came_of_it = came_of_it.into_iter().chain(returns::sentence(run));
    lines.extend([load(run)].into_iter().chain(came_of_it).chain([limit(run)]).map(Line::Sentence));
    lines
}

/// The attempts that were invalid before this one.
fn attempts_before(run: &Run) -> Vec<String> {
    let all = run.invalid_before.len() + 1;
    let attempts = run.invalid_before.iter().zip(1..);
    attempts.map(|(validity, n)| format!("attempt {n} of {all} was not valid: {}", validity.what_is_wrong())).collect()
}

/// Why the verdict is what it is.
pub(in crate::report) fn reasons(run: &Run) -> Vec<String> {
    let mut lines = attempts_before(run);
    for reason in &run.validity.reasons {
        lines.push(format!("not valid: {}", reason.figure));
        lines.push(format!("what to do: {}", reason.cure));
    }
    if let Some(why) = &run.ended_early {
        lines.push(format!("ended early: {why}"));
    }
    for threshold in run.thresholds.iter().filter(|threshold| !threshold.pass) {
        let was = match &threshold.why {
            Some(why) => why.clone(),
            None => format!("it was {}", super::thresholds::outcome(run, threshold)),
        };
        lines.push(format!("failed: {}, {was}", threshold.name()));
    }
    for (n, what) in [
        (run.connections.refused, "refused by the server"),
        (run.connections.failed, "did not open"),
        (run.connections.closed, "closed by the server or the network"),
    ] {
        if n > 0 {
            let asked = run.connections.asked;
            lines.push(format!("failed: {} of {} {what} (causes below)", count(n), plural(asked, "connection")));
        }
    }
    lines
}

/// `3 of 4 thresholds, 1 skipped`.
fn held(run: &Run) -> String {
    let held = run.thresholds.iter().filter(|threshold| threshold.pass && !threshold.skipped).count();
    let skipped = run.thresholds.iter().filter(|threshold| threshold.skipped).count();
    let held = match run.thresholds.len() {
        0 => return "no thresholds".to_owned(),
        1 => format!("{held} of 1 threshold"),
        all => format!("{held} of {all} thresholds"),
    };
    if skipped == 0 { held } else { format!("{held}, {skipped} skipped") }
}

pub(in crate::report) fn name(run: &Run) -> &str {
    run.scenario.get("name").and_then(serde_json::Value::as_str).unwrap_or("run")
}

fn is_echo(run: &Run) -> bool {
    run.scenario.get("mode").and_then(serde_json::Value::as_str) == Some("echo")
}

/// Nothing is published: connections are held.
fn is_idle(run: &Run) -> bool {
    let publishers = run.scenario.get("publishers").and_then(serde_json::Value::as_array);
    run.observe.is_none() && publishers.is_some_and(Vec::is_empty)
}

/// What matters of connections that are only held.
fn idle(run: &Run) -> Vec<String> {
    let mut lines = vec![
        format!("time to connect  {}", three(&run.connect, "none opened")),
        format!("closed early {} of {}", count(run.connections.closed), count(run.connections.opened)),
    ];
    if let Some((server, own)) = run.server.as_ref().and_then(|server| Some((server, server.rss_bytes_per_connection?)))
    {
        let kernel = server
            .kernel_bytes_per_connection
            .map_or(String::new(), |kernel| format!(", kernel {} for both ends", bytes(kernel)));
        lines.push(format!("memory per connection: server {}{kernel}", bytes(own)));
    }
    lines
}

/// Who received, what was asked for and reached.
pub(in crate::report) fn load(run: &Run) -> String {
    let (who, what) = if is_echo(run) {
        (format!("{}, each hears itself", plural(run.subscribers, "connection")), ["echo/s", "echoes/s"])
    } else {
        (format!("{} in {}", plural(run.subscribers, "subscriber"), plural(run.rooms, "room")), DELIVERIES_PER_S)
    };
    let measured: f64 = run.phases.values().filter(|phase| phase.measure).map(|phase| phase.length_s).sum();
    if let Some(observe) = &run.observe {
        let messages = with_unit(&rate(observe.messages_per_s), ["message/s", "messages/s"]);
        let deliveries = with_unit(&rate(run.rates.deliveries_per_s), what);
        return format!("{who}; {messages} observed = {deliveries} for {}", seconds(measured));
    }
    if is_idle(run) {
        return format!("{who}, held for {}; nothing is published", seconds(measured));
    }
    let publishes = match run.rates.publishes_asked_per_s {
        Some(asked) => format!("{} asked, {} reached", publishes_per_s(asked), rate(run.rates.publishes_per_s)),
        None => format!("{} (closed loop)", publishes_per_s(run.rates.publishes_per_s)),
    };
    format!("{who}; {publishes} = {} for {}", with_unit(&rate(run.rates.deliveries_per_s), what), seconds(measured))
}

fn latency(run: &Run) -> Vec<String> {
    let missing = missing(&run.deliveries);
    if let Some(observe) = &run.observe {
        let mut lines = Vec::new();
        if let (Some(latency), Some(clock)) = (&observe.latency, &observe.clock) {
            lines.push(format!("arrival after its own timestamp  {}", three(latency, &missing)));
            lines.push(format!("  {}", clock.words));
        }
        lines.push(format!("arrival after the first subscriber's  {}", three(&run.latency.sent, &missing)));
        return lines;
    }
    match &run.latency.due {
        Some(due) => {
            let mut lines = vec![format!("arrival after due time  {}", three(due, &missing))];
            if due.max.is_none() && run.latency.arrived.count > 0 {
                lines.push(format!("  of those that arrived  {}", three(&run.latency.arrived, &missing)));
            }
            lines.extend(super::lag::remark(run));
            lines
        }
        None => vec![format!("arrival after sent (closed loop: no due time)  {}", three(&run.latency.sent, &missing))],
    }
}

/// `p50 0.8 ms  p99 12 ms  max 41 ms`; why it is never, said once.
fn three(quantiles: &Quantiles, missing: &str) -> String {
    if quantiles.count == 0 {
        return "nothing was expected".to_owned();
    }
    let mut said = false;
    [("p50", quantiles.p50), ("p99", quantiles.p99), ("max", quantiles.max)]
        .map(|(name, us)| match us {
            Some(us) => format!("{name} {}", duration_us(us)),
            None if std::mem::replace(&mut said, true) => format!("{name} never"),
            None => format!("{name} never ({missing})"),
        })
        .join("  ")
}

/// Why a percentile has no value: `1.2 % lost`.
pub(in crate::report) fn missing(deliveries: &Deliveries) -> String {
    #[allow(clippy::cast_precision_loss)]
    let share = |n: u64| n as f64 / deliveries.expected.max(1) as f64;
    match (deliveries.lost, deliveries.corrupted) {
        (0, 0) => "no samples".to_owned(),
        (lost, 0) => format!("{} lost", percent(share(lost))),
        (0, corrupted) => format!("{} corrupted", percent(share(corrupted))),
        (lost, corrupted) => format!("{} lost or corrupted", percent(share(lost + corrupted))),
    }
}

fn ledger(deliveries: &Deliveries) -> String {
    let mut text = format!("lost {} of {}", count(deliveries.lost), count(deliveries.expected));
    if deliveries.lost > 0 {
        text += &format!(" ({})", percent(deliveries.lost_share));
    }
    for (n, what) in [
        (deliveries.duplicated, "duplicated"),
        (deliveries.reordered, "out of order"),
        (deliveries.corrupted, "corrupted"),
        (deliveries.missed, "missed while away by plan"),
        (deliveries.unaccountable, "unaccountable"),
        (deliveries.resumed, "published before opening"),
        (deliveries.foreign, "not of this run's messages"),
        (deliveries.ambiguous, "not to be told from an equal message"),
        (deliveries.counted, "counted but not decompressed"),
    ] {
        if n > 0 {
            text += &format!("; {} {what}", count(n));
        }
    }
    text
}

fn limit(run: &Run) -> String {
    let own = of_cores(run.loadgen.cpu_share, run.loadgen.cores);
    let Some(server) = &run.server else {
        let limit = if own >= AT_LIMIT { "fanout was at its limit" } else { "fanout was not the limit" };
        return format!("server's process not known, fanout {} of {}: {limit}", percent(own), cores(run.loadgen.cores));
    };
    let theirs = of_cores(server.cpu_share, server.cores);
    let limit = match (theirs >= AT_LIMIT, own >= AT_LIMIT) {
        (false, false) => "neither was the limit",
        (true, false) => "the server was the limit",
        (false, true) => "fanout was the limit",
        (true, true) => "both were at their limit",
    };
    let of_own =
        if run.loadgen.cores == server.cores { String::new() } else { format!(" of {}", cores(run.loadgen.cores)) };
    format!("server {} of {}, fanout {}{of_own}: {limit}", percent(theirs), cores(server.cores), percent(own))
}

/// A share of one core as a share of those there are.
fn of_cores(share: f64, cores: u32) -> f64 {
    share / f64::from(cores.max(1))
}

pub(in crate::report) fn cores(n: u32) -> String {
    plural(u64::from(n.max(1)), "core")
}
