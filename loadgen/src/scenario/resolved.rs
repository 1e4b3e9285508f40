//! The scenario as `run.json` tells it: every default filled in, every secret left out.
//!
//! Strings are shown as they stand in the file, so a value of the environment can never get here.

use std::time::Duration;

use serde_json::{Map, Value, json};

use wire::deflate::Context;

use crate::dialect;
use crate::life::{AtStart, Churn, Jitter, On, Reconnect, Resume, Stop};
use crate::plan::{
    Arrival, Checked, Compression, Correlate, Declined, From, Mode, Phase, Plan, PublisherGroup, Ready, TargetKind,
    Tls, Via,
};
use crate::scenario::file::{File, ObserveTable, PublishersTable, SpotTable, TargetTable};
use crate::scenario::redact;
use crate::scenario::scalar::At;
use crate::scenario::value::Urls;
use crate::scenario::word::{AssignKey, FeedEndKey, JitterKey, OfferKey, OnKey, StopKey};
use crate::thresholds::Threshold;

/// Times in microseconds, sizes in bytes.
pub(super) fn resolved(plan: &Plan, file: &File) -> Value {
    json!({
        "name": plan.name,
        "description": plan.description,
        "seed": plan.seed,
        "settle_us": plan.settle.as_micros() as u64,
        "drain_us": plan.drain.as_micros() as u64,
        "correlate": match plan.correlate { Correlate::Stamp => "stamp", Correlate::Content => "content", Correlate::Observed => "observed" },
        "mode": match plan.mode { Mode::Broadcast => "broadcast", Mode::Echo => "echo", Mode::Observe => "observe" },
        "observe": file.observe.as_ref().map(|at| observe(&at.value)),
        "max_schedule_lag_us": plan.max_schedule_lag.map(|lag| lag.as_micros() as u64),
        "target": target(plan, &file.target),
        "rooms": plan.rooms.len(),
        "connections": plan.groups.iter().zip(&file.connections).map(|(group, table)| {
            let mut rooms = group.rooms.clone();
            rooms.sort_unstable();
            rooms.dedup();
            json!({
                "name": group.name,
                "count": group.initial,
                "most": group.count,
                "rooms": rooms.len(),
                "spread": table.spread.as_ref().map_or("even", |at| at.value.word()),
                "ramp": group.ramp,
                "source_ips": group.source_ips,
                "compression": compression(group.compression),
                "inflate": group.inflate,
                "read_bytes_per_s": group.read_bytes_per_s,
                "churn": group.churn.map(churn),
                "reconnect": group.reconnect.map(reconnect),
            })
        }).collect::<Vec<_>>(),
        "publishers": publishers(plan, file),
        "phases": plan.phases.iter().map(phase).collect::<Vec<_>>(),
        "thresholds": plan.thresholds.iter().map(threshold).collect::<Vec<_>>(),
    })
}

fn observe(table: &ObserveTable) -> Value {
    let spot = |at: &At<SpotTable>| {
        let SpotTable { pointer, after, unit } = &at.value;
        json!({
            "pointer": pointer.as_ref().map(|at| &at.value),
            "after": after.as_ref().map(|at| &at.value),
            "unit": unit.value.word(),
        })
    };
    json!({
        "timestamp": table.timestamp.as_ref().map(spot),
        "sequence": table.sequence.as_ref().map(|at| &at.value),
        "clock_error_us": table.clock_error.as_ref().map(|at| at.value.0.as_micros() as u64),
    })
}

fn us(range: (Duration, Duration)) -> [u64; 2] {
    [range.0.as_micros() as u64, range.1.as_micros() as u64]
}

fn churn(churn: Churn) -> Value {
    json!({ "session_us": churn.session.as_micros() as u64, "offline_us": us(churn.offline) })
}

fn reconnect(reconnect: Reconnect) -> Value {
    let on = match reconnect.on {
        On::Any => OnKey::Any,
        On::Drop => OnKey::Drop,
    };
    let jitter = match reconnect.jitter {
        Jitter::None => JitterKey::None,
        Jitter::Equal => JitterKey::Equal,
        Jitter::Full => JitterKey::Full,
    };
    json!({
        "on": on.word(),
        "backoff_us": us(reconnect.backoff),
        "jitter": jitter.word(),
        "resume": reconnect.resume == Resume::Ask,
    })
}

fn at_start(at_start: AtStart) -> Value {
    match at_start {
        AtStart::Restart(Stop::Terminate) => json!({ "restart": StopKey::Terminate.word() }),
        AtStart::Restart(Stop::Kill) => json!({ "restart": StopKey::Kill.word() }),
        AtStart::Cut(share) => json!({ "cut": share }),
    }
}

fn threshold(threshold: &Threshold) -> Value {
    let mut out = json!({ "metric": threshold.metric, "expr": threshold.text });
    if let Some(seconds) = threshold.over_s {
        out["over"] = format!("{seconds}s").into();
    }
    if let Some(grace) = threshold.abort {
        out["abort"] = true.into();
        out["grace"] = humantime::format_duration(grace).to_string().into();
    }
    out
}

fn compression(compression: Option<Compression>) -> Value {
    let Some(Compression { offer, declined }) = compression else { return json!({ "offer": "off" }) };
    let word = match offer.context {
        Context::Fresh => OfferKey::NoContext.word(),
        Context::Kept => OfferKey::Context.word(),
    };
    json!({ "offer": word, "require": declined == Declined::Failed, "window_bits": offer.window_bits })
}

fn target(plan: &Plan, table: &TargetTable) -> Value {
    let mut out = Map::new();
    let path = table.path.as_ref().map_or(plan.target.path.as_str(), |at| at.value.as_str());
    match &plan.target.kind {
        TargetKind::Bundled { .. } => {
            out.insert("path".into(), json!(redact::url(path)));
            let flags = table.server.iter().flat_map(|server| &server.value);
            let flags: Map<String, Value> =
                flags.map(|(name, at)| (name.clone(), json!(at.value.to_string()))).collect();
            out.insert("server".into(), json!(flags));
            out.insert("servers".into(), json!(plan.target.endpoints()));
        }
        TargetKind::Spawn { ready, ready_timeout, .. } => {
            out.insert("path".into(), json!(redact::url(path)));
            out.insert("spawn".into(), json!(table.spawn.as_ref().map(|at| &at.value)));
            let ready = match ready {
                Ready::Tcp => "tcp".to_owned(),
                Ready::Http(_) => table.ready.as_ref().map_or(String::new(), |at| redact::url(&at.value)),
                Ready::Line(_) => table.ready.as_ref().map_or(String::new(), |at| at.value.clone()),
            };
            out.insert("ready".into(), json!(ready));
            out.insert("ready_timeout_us".into(), json!(ready_timeout.as_micros() as u64));
            // Names only: values of an environment are secrets more often than not.
            let names: Vec<&String> = table.env.iter().flat_map(|env| env.value.keys()).collect();
            out.insert("env".into(), json!(names));
        }
        TargetKind::Url { endpoints, pid } => {
            let urls = table.url.as_ref().map(|urls| match &urls.value {
                Urls::One(url) => json!(redact::url(url)),
                Urls::Several(urls) => json!(urls.iter().map(|url| redact::url(&url.value)).collect::<Vec<_>>()),
            });
            out.insert("url".into(), json!(urls));
            if endpoints.len() > 1 {
                let word = table.assign.as_ref().map_or(AssignKey::Connection, |at| at.value).word();
                out.insert("assign".into(), json!(word));
            }
            out.insert("pid".into(), json!(pid));
        }
    }
    let headers: Map<String, Value> =
        table.headers.iter().map(|(name, at)| (name.clone(), json!(redact::header(name, &at.value)))).collect();
    out.insert("headers".into(), json!(headers));
    out.insert("subprotocols".into(), json!(plan.target.subprotocols));
    if let (Some(feed), Some(file)) = (&plan.feed, &table.feed) {
        // The names of its columns, and nothing of its rows.
        let end = table.feed_end.as_ref().map_or(FeedEndKey::Error, |at| at.value).word();
        let about = json!({ "file": file.value, "columns": feed.columns(), "rows": feed.rows(), "feed_end": end });
        out.insert("feed".into(), about);
    }
    out.insert("dialect".into(), json!(table.dialect.as_ref().map_or(dialect::PLAIN, |at| &at.value)));
    if let Some(dialect) = plan.target.dialect.as_ref().filter(|dialect| !dialect.description.is_empty()) {
        out.insert("dialect_description".into(), json!(dialect.description));
    }
    if let Some(spoken) = plan.tls().next() {
        out.insert("tls".into(), tls(spoken, table));
    }
    Value::Object(out)
}

fn tls(tls: &Tls, table: &TargetTable) -> Value {
    let keys = table.tls.as_ref().map(|at| &at.value);
    let ca = keys.and_then(|keys| keys.ca.as_ref()).map_or("system", |at| &at.value);
    match tls.checked {
        Checked::Yes => json!({ "ca": ca, "certificate": keys.is_some_and(|keys| keys.cert.is_some()) }),
        Checked::No => json!({ "insecure": true }),
    }
}

fn publishers(plan: &Plan, file: &File) -> Vec<Value> {
    // Members of one group among several are named TABLE-GROUP.
    let table_of = |publishers: &PublisherGroup| {
        let name = publishers.name.as_str();
        let group = match publishers.from {
            From::Members { group } if plan.groups.len() > 1 => plan.groups.get(group as usize),
            _ => None,
        };
        let name = group.and_then(|group| name.strip_suffix(group.name.as_str())?.strip_suffix('-')).unwrap_or(name);
        file.publishers.iter().find(|table| table.name.value.0 == name)
    };
    plan.publishers
        .iter()
        .map(|group| {
            let mut out = Map::new();
            out.insert("name".into(), json!(group.name));
            let from = match group.from {
                From::Separate(_) => "separate",
                From::Members { .. } => "members",
            };
            out.insert("from".into(), json!(from));
            out.insert("count".into(), json!(group.from.count(&plan.groups)));
            let table = table_of(group);
            if let (Via::Http(route), Some(table)) = (&group.via, table) {
                out.insert("via".into(), json!("http"));
                out.insert("url".into(), json!(table.url.as_ref().map(|at| redact::url(&at.value))));
                out.insert("method".into(), json!(route.method));
                let headers = table.headers.iter().flat_map(|headers| &headers.value);
                let headers: Map<String, Value> =
                    headers.map(|(name, at)| (name.clone(), json!(redact::header(name, &at.value)))).collect();
                out.insert("headers".into(), json!(headers));
                out.insert("body".into(), json!(table.body.as_ref().map(|at| &at.value)));
            }
            match &group.arrival {
                Arrival::Uniform { rate } => {
                    out.extend([("arrival".into(), json!("uniform")), ("rate".into(), json!(rate))])
                }
                Arrival::Poisson { rate } => {
                    out.extend([("arrival".into(), json!("poisson")), ("rate".into(), json!(rate))])
                }
                Arrival::Closed { in_flight } => {
                    out.extend([("arrival".into(), json!("closed")), ("in_flight".into(), json!(in_flight))]);
                }
                Arrival::Replay { trace, speed, repeat } => out.extend([
                    ("arrival".into(), json!("replay")),
                    ("replay".into(), json!(table.and_then(|t| t.replay.as_ref()).map(|at| &at.value))),
                    ("messages".into(), json!(trace.messages.len())),
                    (
                        "start_us".into(),
                        json!(table.and_then(|t| t.start.as_ref()).map_or(0, |at| at.value.0.as_micros() as u64)),
                    ),
                    ("speed".into(), json!(speed)),
                    ("loop".into(), json!(repeat)),
                ]),
            }
            if let Some(every) = table.and_then(|t| t.every.as_ref()) {
                out.insert("every_us".into(), json!(every.value.0.as_micros() as u64));
            }
            if !matches!(group.arrival, Arrival::Replay { .. }) {
                out.insert("payload".into(), payload(table, group.payload.mean_size()));
            }
            Value::Object(out)
        })
        .collect()
}

fn payload(table: Option<&PublishersTable>, mean_size: u64) -> Value {
    let mut out = Map::new();
    if let Some(payload) = table.and_then(|t| t.payload.as_ref()).map(|at| &at.value) {
        let mut put = |key: &str, value: Option<Value>| value.map(|value| out.insert(key.to_owned(), value));
        put("template", payload.template.as_ref().map(|at| json!(at.value)));
        put("size", payload.size.as_ref().map(|at| json!([at.value.0.start(), at.value.0.end()])));
        put("corpus", payload.corpus.as_ref().map(|at| json!(at.value.word())));
        put("file", payload.file.as_ref().map(|at| json!(at.value)));
        put("binary", payload.binary.as_ref().map(|at| json!(at.value)));
    }
    out.insert("mean_bytes".to_owned(), json!(mean_size));
    Value::Object(out)
}

fn phase(phase: &Phase) -> Value {
    json!({
        "name": phase.name,
        "for_us": phase.length.as_micros() as u64,
        "measure": phase.measure,
        "load": [phase.load.0, phase.load.1],
        "connections": phase.connections.as_ref().map(|groups| groups.iter().sum::<u32>()),
        "at_start": phase.at_start.map(at_start),
    })
}
