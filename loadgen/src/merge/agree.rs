//! Whether runs belong together, and what differs all the same.

use serde_json::{Map, Value, json};

use super::{MergeError, Timing};
use crate::report::numbers::plural;
use crate::result::Run;

/// Keys of the resolved scenario that may differ: each machine has a server of its own.
const OF_EACH: [&str; 1] = ["target"];
/// Starts that are further apart put other moments into the same second, seconds.
const APART: f64 = 0.5;

/// Refuses runs whose scenarios differ in more than their target.
pub(super) fn same_scenario(runs: &[Run]) -> Result<(), MergeError> {
    for (number, run) in (1..).zip(runs) {
        if let Some((key, ours, theirs)) = difference("", &runs[0].scenario, &run.scenario) {
            return Err(MergeError::Scenario { run: number, key, ours, theirs });
        }
    }
    Ok(())
}

/// The path of the first difference, and both values.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<(String, String, String)> {
    if let (Value::Object(a), Value::Object(b)) = (ours, theirs) {
        let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
        // What names the scenario says more than what follows from it.
        keys.sort_by_key(|key| (!["name", "seed"].contains(&key.as_str()), key.as_str()));
        let below = |key: &String| if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let of = |map: &Map<String, Value>, key: &String| map.get(key).cloned().unwrap_or(Value::Null);
        let looked_at = |key: &&String| !(path.is_empty() && OF_EACH.contains(&key.as_str()));
        return keys.into_iter().filter(looked_at).find_map(|key| difference(&below(key), &of(a, key), &of(b, key)));
    }
    if let (Value::Array(a), Value::Array(b)) = (ours, theirs)
        && a.len() == b.len()
    {
        let named = |i: usize, v: &Value| v.get("name").and_then(Value::as_str).map_or(i.to_string(), str::to_owned);
        let each = (0..).zip(a.iter().zip(b));
        return each.into_iter().find_map(|(i, (x, y))| difference(&format!("{path}.{}", named(i, x)), x, y));
    }
    (ours != theirs).then(|| (path.to_owned(), ours.to_string(), theirs.to_string()))
}

/// Whose clocks the times of runs are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// One machine's, since it was started last.
    One,
    /// Several, which nobody has compared.
    Several,
    /// Some runs do not say.
    Unknown,
}

/// Whether runs share a clock.
pub(super) fn clock(runs: &[Run]) -> Clock {
    let mut boots = runs.iter().map(|run| run.environment.boot.as_str());
    match boots.next() {
        _ if runs.iter().any(|run| run.environment.boot.is_empty()) => Clock::Unknown,
        Some(first) if boots.any(|boot| boot != first) => Clock::Several,
        _ => Clock::One,
    }
}

/// What hangs on clocks that were not compared, of runs made at the same time.
fn of_clocks(runs: &[Run]) -> Result<Option<String>, MergeError> {
    let whose = match clock(runs) {
        Clock::One => {
            let apart = began_apart(runs)?;
            let note = format!(
                "they began {apart:.1} s apart: seconds and tenths of a second are added up from each run's own first phase, so rates by second \
                 and the busiest tenth are of moments that were not the same"
            );
            return Ok((apart >= APART).then_some(note));
        }
        Clock::Several => "these runs are of several machines (or boots of one), whose clocks were not compared",
        Clock::Unknown => {
            "some of these runs do not say whose clock their times are of (`environment.boot`; they are of an older version, or merged from \
             several machines), so clocks were not compared"
        }
    };
    Ok(Some(format!(
        "{whose}: no latency is between two of them, but that the runs were made at the same time, their rates added up, their seconds and the \
         busiest tenth of a second are only as exact as the machines' clocks and starts agree"
    )))
}

/// Seconds between the first and the last start, by their own clocks.
fn began_apart(runs: &[Run]) -> Result<f64, MergeError> {
    let spans = spans(runs)?;
    let begins = || spans.iter().map(|span| span.0);
    Ok(begins().fold(f64::NEG_INFINITY, f64::max) - begins().fold(f64::INFINITY, f64::min))
}

/// Seconds from the first to the last moment; of runs in turn the sum of theirs.
pub(super) fn elapsed_s(runs: &[Run], timing: Timing) -> Result<f64, MergeError> {
    if timing == Timing::InTurn {
        return Ok(runs.iter().map(|run| run.elapsed_s).sum());
    }
    let spans = spans(runs)?;
    let begin = spans.iter().map(|s| s.0).fold(f64::INFINITY, f64::min);
    let end = spans.iter().map(|s| s.1).fold(0.0, f64::max);
    let last_begin = spans.iter().map(|s| s.0).fold(0.0, f64::max);
    // The first that had ended before another began.
    if let Some(run) = spans.iter().position(|span| span.1 < last_begin) {
        let to = format!("{:.0} s later", runs[run].elapsed_s);
        let clocks =
            if clock(runs) == Clock::One { "" } else { ", by the clocks of several machines, which were not compared" };
        return Err(MergeError::NotTogether { run: run + 1, from: runs[run].started.clone(), to, clocks });
    }
    Ok(end - begin)
}

/// When each run began and ended, seconds since 1970 by its own clock.
fn spans(runs: &[Run]) -> Result<Vec<(f64, f64)>, MergeError> {
    let span = |(number, run): (usize, &Run)| {
        let no_time = || MergeError::NoTime { run: number, started: run.started.clone() };
        let from = epoch_s(&run.started).ok_or_else(no_time)?;
        Ok((from, from + run.elapsed_s))
    };
    (1..).zip(runs).map(span).collect()
}

/// Seconds since 1970 of an RFC 3339 time in UTC, as `run.json` holds it.
fn epoch_s(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    // Days since 1970-01-01 of the Gregorian calendar, with years that begin in March: leap days come last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 719_469;
    Some((days * 86_400 + hour * 3600 + minute * 60) as f64 + second)
}

/// What a reader must know: that this was several runs, and where the machines differ.
pub(super) fn notes(runs: &[Run], timing: Timing) -> Result<Vec<String>, MergeError> {
    let how = match timing {
        Timing::Together => "made at the same time: rates, memory and CPU are their sums",
        Timing::InTurn => "made one after the other: rates are means over the time, memory the largest",
    };
    let mut notes = vec![format!("merged from {} {how}", plural(runs.len() as u64, "run"))];
    if timing == Timing::Together {
        notes.extend(of_clocks(runs)?);
    }
    let environments: Vec<Value> = runs.iter().map(|run| json!(run.environment)).collect();
    for key in environments[0].as_object().into_iter().flat_map(Map::keys) {
        let mut values: Vec<String> = environments.iter().map(|e| e[key].to_string()).collect();
        // What follows from another boot is said above.
        if key == "boot" || values.iter().all(|value| *value == values[0]) {
            continue;
        }
        for (number, value) in (1..).zip(&mut values) {
            *value += &format!(" (run {number})");
        }
        notes.push(format!("`environment.{key}` differs: {}", values.join(", ")));
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::epoch_s;

    #[test]
    fn a_time_is_read_as_seconds() {
        assert_eq!(epoch_s("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(epoch_s("2000-03-01T00:00:01.5Z"), Some(951_868_801.5));
        assert_eq!(epoch_s("2025-11-20T12:16:03Z"), Some(1_763_640_963.0));
        assert_eq!(epoch_s("2024-02-29T23:59:59Z"), Some(1_709_251_199.0));
        assert_eq!(epoch_s("yesterday"), None);
    }
}
