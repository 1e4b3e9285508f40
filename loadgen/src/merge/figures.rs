//! Figure by figure, by the path in `run.json`: a figure that is added there is merged without a word here if it is a count.

use serde_json::{Map, Value, json};

use super::{MergeError, Timing, returns};
use crate::record::Counts;
use crate::result::Run;
use crate::tenths::Tenths;

/// How a figure of several runs becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Counts, and CPU time.
    Sum,
    /// What is there at one moment: the sum of runs made together, the largest of runs in turn.
    Size,
    /// A second: the sum of runs made together, the mean over the time of runs in turn.
    Rate,
    /// The largest.
    Largest,
    /// That of the first run.
    First,
    /// Not known of several runs.
    Unknown,
    /// One count over another, both beside it.
    Share(&'static str, &'static str),
    /// A mean over what this count, looked for from the top of the run, counts.
    MeanOver(&'static str),
    /// Counts over what is read at once.
    PerRead,
}

/// By the last keys of the path; the first that fits. Whole numbers that are not named here are counts.
const RULES: [(&str, Rule); 45] = [
    ("schema", Rule::First),
    ("started", Rule::First),
    ("subscribers", Rule::Size),
    ("rooms", Rule::Size),
    ("elapsed_s", Rule::Largest),
    ("connections.ramp_s", Rule::Largest),
    ("connections.opened_per_s", Rule::Rate),
    ("connections.peak", Rule::Size),
    ("deliveries.lost_share", Rule::Share("lost", "expected")),
    ("compression.ratio", Rule::Share("plain_bytes", "wire_bytes")),
    ("rates.deliveries_per_read", Rule::PerRead),
    ("publishes_asked_per_s", Rule::Rate),
    ("publishes_per_s", Rule::Rate),
    ("deliveries_per_s", Rule::Rate),
    ("payload_bytes_per_s", Rule::Rate),
    ("wire_bytes_per_s", Rule::Rate),
    ("start_s", Rule::First),
    ("length_s", Rule::Largest),
    ("at_s", Rule::First),
    ("intervals.schedule_lag_p99", Rule::Unknown),
    ("intervals.read_age_p99", Rule::Unknown),
    ("intervals.server_send_queue_max_bytes", Rule::Largest),
    ("ahead_most_us", Rule::Largest),
    ("messages_per_s", Rule::Rate),
    ("clock.error_us", Rule::Largest),
    ("clock.step_us", Rule::Largest),
    ("p50", Rule::Unknown),
    ("p99", Rule::Unknown),
    ("max", Rule::Largest),
    ("pid", Rule::First),
    ("cpu_s", Rule::Sum),
    ("server_cpu_s", Rule::Sum),
    ("loadgen_cpu_s", Rule::Sum),
    ("inflate_cpu_s", Rule::Sum),
    ("cpu_share", Rule::Rate),
    ("cores", Rule::Size),
    ("workers", Rule::Size),
    ("agents", Rule::Size),
    ("cpu_us_per_delivery", Rule::MeanOver("/deliveries/delivered")),
    ("cpu_us_per_read", Rule::MeanOver("/loadgen/reads")),
    ("rss_bytes_per_connection", Rule::MeanOver("/connections/opened")),
    ("kernel_bytes_per_connection", Rule::MeanOver("/connections/opened")),
    ("rss_bytes", Rule::Size),
    ("rss_peak_bytes", Rule::Size),
    ("rss_idle_bytes", Rule::Size),
];

/// The figures of all runs as those of one, in the form of `run.json`.
pub(super) fn merged(runs: &[Run], timing: Timing) -> Result<Value, MergeError> {
    let documents: Vec<Value> = runs.iter().map(|run| json!(run)).collect();
    let seconds = runs.iter().map(|run| run.phases.values().filter(|p| p.measure).map(|p| p.length_s).sum()).collect();
    let merger = Merger { runs, documents: &documents, seconds, timing };
    let mut out = Map::new();
    for key in documents[0].as_object().into_iter().flat_map(Map::keys) {
        let of_each: Vec<&Value> = documents.iter().map(|document| &document[key]).collect();
        let value = match key.as_str() {
            // Not figures: whoever puts the run together says what they are.
            "scenario" | "environment" | "validity" | "thresholds" | "notes" | "passed" | "interrupted"
            | "ended_early" | "baseline" => of_each[0].clone(),
            "histograms" => merger.histograms()?,
            "intervals" => merger.intervals(&of_each)?,
            _ => merger.value(key, &of_each)?,
        };
        out.insert(key.clone(), value);
    }
    Ok(Value::Object(out))
}

struct Merger<'a> {
    runs: &'a [Run],
    documents: &'a [Value],
    /// Length of each run's measured phases.
    seconds: Vec<f64>,
    timing: Timing,
}

impl Merger<'_> {
    fn value(&self, path: &str, of_each: &[&Value]) -> Result<Value, MergeError> {
        if of_each.iter().any(|value| value.is_null()) {
            return Ok(Value::Null);
        }
        Ok(match of_each[0] {
            Value::Object(map) if ["p50", "p99", "mean", "count"].iter().all(|key| map.contains_key(*key)) => {
                self.quantiles(path, of_each)?
            }
            Value::Object(_) => self.object(path, of_each)?,
            Value::Number(_) => self.number(path, of_each),
            Value::String(_) if path == "intervals.arrivals" => steps(of_each),
            first if of_each.iter().all(|value| *value == first) => first.clone(),
            first if first.is_string() || first.is_boolean() => first.clone(),
            _ => Value::Null,
        })
    }

    fn object(&self, path: &str, of_each: &[&Value]) -> Result<Value, MergeError> {
        let mut keys: Vec<&String> = of_each.iter().filter_map(|value| value.as_object()).flat_map(Map::keys).collect();
        keys.sort();
        keys.dedup();
        let mut out = Map::new();
        for key in keys {
            // A cause, a status or an agreement that only some runs have met.
            let present: Vec<&Value> = of_each.iter().filter_map(|value| value.get(key)).collect();
            out.insert(key.clone(), self.value(&format!("{path}.{key}"), &present)?);
        }
        if path == "reconnect" || path.ends_with(".reconnect") {
            self.returns(&mut out, path, of_each)?;
        }
        for (key, value) in &mut out {
            if let Rule::Share(part, whole) = rule(&format!("{path}.{key}")) {
                let sum = |name| of_each.iter().filter_map(|v| v.get(name)?.as_f64()).sum::<f64>();
                let share = if sum(whole) > 0.0 { json!(sum(part) / sum(whole)) } else { value.clone() };
                *value = share;
            }
            if rule(&format!("{path}.{key}")) == Rule::PerRead {
                *value = json!(self.per_read(path, of_each));
            }
        }
        Ok(Value::Object(out))
    }

    fn returns(&self, merged: &mut Map<String, Value>, path: &str, of_each: &[&Value]) -> Result<(), MergeError> {
        merged.remove("handshakes_by_tenth");
        if of_each.len() == self.runs.len() {
            returns::times(merged, path, of_each, self.runs)?;
        }
        if path == "reconnect" {
            let (tenths, peak) = returns::handshakes(self.runs, self.timing);
            merged.insert("handshakes_by_tenth".to_owned(), json!(tenths));
            merged.insert("peak_per_s".to_owned(), json!(peak));
        }
        Ok(())
    }

    fn number(&self, path: &str, of_each: &[&Value]) -> Value {
        let numbers: Vec<f64> = of_each.iter().filter_map(|value| value.as_f64()).collect();
        let sum: f64 = numbers.iter().sum();
        let largest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let whole = of_each.iter().all(|value| value.is_u64());
        let over = |weights: &[f64]| {
            let all: f64 = weights.iter().sum();
            if all > 0.0 { numbers.iter().zip(weights).map(|(n, w)| n * w).sum::<f64>() / all } else { 0.0 }
        };
        let figure = match (rule(path), self.timing) {
            (Rule::First, _) => return of_each[0].clone(),
            (Rule::Unknown, _) => return Value::Null,
            (Rule::Sum, _) | (Rule::Rate | Rule::Size, Timing::Together) => sum,
            // A phase's length, where runs in turn have each had theirs.
            (Rule::Largest, Timing::InTurn) if path.ends_with("length_s") => sum,
            (Rule::Largest, _) | (Rule::Size, Timing::InTurn) => largest,
            (Rule::Rate, Timing::InTurn) if numbers.len() == self.seconds.len() => over(&self.seconds),
            (Rule::MeanOver(count), _) if numbers.len() == self.documents.len() => {
                let counts = self.documents.iter().map(|run| run.pointer(count).and_then(Value::as_f64).unwrap_or(0.0));
                over(&counts.collect::<Vec<_>>())
            }
            // Worked out from what is beside it.
            (Rule::Share(..) | Rule::PerRead, _) => 0.0,
            (Rule::Rate | Rule::MeanOver(_), _) => sum / numbers.len() as f64,
        };
        if whole { json!(figure as u64) } else { json!(figure) }
    }

    /// Deliveries over reads, of which each run tells only their quotient.
    fn per_read(&self, path: &str, of_each: &[&Value]) -> f64 {
        let scope = path.strip_suffix("rates").unwrap_or(path).trim_end_matches('.');
        let (mut delivered, mut reads) = (0.0, 0.0);
        for (rates, run) in of_each.iter().zip(self.documents) {
            let place =
                format!("/{}", [scope, "deliveries.delivered"].join(".").trim_start_matches('.').replace('.', "/"));
            let n = run.pointer(&place).and_then(Value::as_f64).unwrap_or(0.0);
            let per_read = rates["deliveries_per_read"].as_f64().unwrap_or(0.0);
            if per_read > 0.0 {
                delivered += n;
                reads += n / per_read;
            }
        }
        if reads > 0.0 { delivered / reads } else { 0.0 }
    }

    /// From the histograms of all; without one of them nothing but the count is known.
    fn quantiles(&self, path: &str, of_each: &[&Value]) -> Result<Value, MergeError> {
        let over: u64 = of_each.iter().filter_map(|q| q["count"].as_u64()).sum();
        let mut merged = Counts::new();
        for ((number, run), quantiles) in (1..).zip(self.runs).zip(of_each) {
            if quantiles["count"].as_u64() == Some(0) {
                continue;
            }
            let named = names(path).into_iter().find_map(|name| Some((run.histograms.get(&name)?, name)));
            let Some((text, name)) = named else { return Ok(json!(unknown(over))) };
            // What was lost has no maximum, but what arrived has.
            let max = quantiles["max"].as_f64().or_else(|| self.arrived_max(path, number - 1));
            let counts = Counts::from_base64_v2(text, max, quantiles["mean"].as_f64())
                .map_err(|error| MergeError::Histogram { run: number, name, why: error.to_string() })?;
            merged.merge(&counts);
        }
        Ok(json!(merged.quantiles(Some(over))))
    }

    fn arrived_max(&self, path: &str, run: usize) -> Option<f64> {
        let beside = format!("/{}/arrived/max", path.strip_suffix(".due")?.replace('.', "/"));
        self.documents[run].pointer(&beside)?.as_f64()
    }

    fn histograms(&self) -> Result<Value, MergeError> {
        let mut out = Map::new();
        for name in self.runs[0].histograms.keys() {
            let all: Option<Vec<&String>> = self.runs.iter().map(|run| run.histograms.get(name)).collect();
            let Some(all) = all else { continue };
            let mut merged = Counts::new();
            for (number, text) in (1..).zip(all) {
                let counts = Counts::from_base64_v2(text, None, None);
                let why = |error: crate::record::HdrError| error.to_string();
                let failed = |why| MergeError::Histogram { run: number, name: name.clone(), why };
                merged.merge(&counts.map_err(why).map_err(failed)?);
            }
            out.insert(name.clone(), merged.to_base64_v2().into());
        }
        Ok(Value::Object(out))
    }

    /// Second by second of runs made together; one after the other otherwise.
    fn intervals(&self, of_each: &[&Value]) -> Result<Value, MergeError> {
        let lists: Vec<&Vec<Value>> = of_each.iter().filter_map(|value| value.as_array()).collect();
        if self.timing == Timing::InTurn {
            let mut out = Vec::new();
            let mut before = 0.0;
            for (list, run) in lists.iter().zip(self.runs) {
                out.extend(list.iter().cloned().map(|mut interval| {
                    interval["at_s"] = json!(before + interval["at_s"].as_f64().unwrap_or(0.0));
                    interval
                }));
                before += run.phases.values().map(|phase| phase.length_s).sum::<f64>();
            }
            return Ok(out.into());
        }
        let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
        let at = |second: usize| lists.iter().filter_map(|list| list.get(second)).collect::<Vec<_>>();
        let seconds: Result<Vec<Value>, _> = (0..longest).map(|second| self.object("intervals", &at(second))).collect();
        Ok(seconds?.into())
    }
}

/// The steps of a second's latencies, added up.
fn steps(of_each: &[&Value]) -> Value {
    let mut sum = Tenths::default();
    for tenths in of_each.iter().filter_map(|value| serde_json::from_value::<Tenths>((*value).clone()).ok()) {
        sum.merge(&tenths);
    }
    json!(sum)
}

fn rule(path: &str) -> Rule {
    let fits = |name: &str| path == name || path.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
    RULES.iter().find(|(name, _)| fits(name)).map_or(Rule::Sum, |(_, rule)| *rule)
}

/// What the histogram of a figure may be called.
fn names(path: &str) -> Vec<String> {
    let of_arrived = |beside: &str| path.strip_suffix("arrived").map(|scope| format!("{scope}{beside}"));
    let full = match of_arrived("due") {
        // In a closed loop nothing is due.
        Some(due) => vec![due, of_arrived("sent").unwrap_or_default()],
        None => vec![path.to_owned()],
    };
    let short = |name: String| match name.as_str() {
        "latency.due" => "due".to_owned(),
        "latency.sent" => "sent".to_owned(),
        _ => name,
    };
    full.into_iter().map(short).collect()
}

fn unknown(count: u64) -> crate::result::Quantiles {
    crate::result::Quantiles { count, ..Default::default() }
}
