//! `[thresholds]`: quoted keys, dotted keys, lists and tables to one list of objectives.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use crate::scenario::error::Fault;
use crate::scenario::measured::Measured;
use crate::scenario::scalar::At;
use crate::thresholds::{Bound, Metric, Threshold, can_be_watched};
use crate::units;

/// `[thresholds]` as written: metrics by their path, dotted tables joined, in the order of the file.
#[derive(Debug, Default)]
pub struct Objectives {
    specs: Vec<Spec>,
    refused: Option<(At<String>, &'static str)>,
}

/// One expression, and when it is looked at.
#[derive(Debug, Clone)]
struct Spec {
    metric: At<String>,
    expr: At<String>,
    over: Option<At<String>>,
    abort: Option<At<bool>>,
    grace: Option<At<String>>,
}

const NO_EXPRESSION: &str = "needs an expression such as \"< 50ms\", or a list of them";
const TABLE: &str = "is not a key of a threshold, which has `expr`, `over`, `abort` and `grace`";

impl Objectives {
    /// Checks metrics and expressions against what this run will measure.
    pub(super) fn resolve(&self, measured: &Measured) -> Result<Vec<Threshold>, Fault> {
        if let Some((key, what)) = &self.refused {
            return Err(Fault::at(&key.span, format!("`{}` {what}", key.value)));
        }
        let mut thresholds: Vec<Threshold> = Vec::new();
        for (index, spec) in self.specs.iter().enumerate() {
            let path = &spec.metric;
            // A list gives the same key several times, at one place.
            let twice = |other: &Spec| other.metric.value == path.value && other.metric.span != path.span;
            if self.specs[..index].iter().any(twice) {
                return Err(Fault::at(&path.span, format!("`{}` is in [thresholds] twice", path.value))
                    .help("give several objectives for one metric as a list: [\"> 1ms\", \"< 50ms\"]"));
            }
            let metric = measured.metric(&path.value).map_err(|message| Fault::at(&path.span, message))?;
            thresholds.push(spec.resolve(&metric, measured)?);
        }
        Ok(thresholds)
    }

    fn take(&mut self, key: At<String>, node: At<Node>) {
        match node.value {
            Node::Expression(text) => self.specs.push(Spec::new(key, At { value: text, span: node.span })),
            Node::List(items) => items.into_iter().for_each(|item| match item.value {
                // A table of a list has an `expr`, or its keys would be taken for parts of a metric's name.
                Node::Expression(_) => self.take(key.clone(), item),
                Node::Table(entries) if has_expression(&entries) => self.take_spec(key.clone(), entries),
                _ => self.refuse(key.clone(), NO_EXPRESSION),
            }),
            Node::Table(inner) if has_expression(&inner) => self.take_spec(key, inner),
            Node::Table(inner) => {
                for (inner_key, inner_node) in inner {
                    let joined = format!("{}.{}", key.value, inner_key.value);
                    self.take(At { value: joined, span: inner_key.span }, inner_node);
                }
            }
            Node::Truth(_) | Node::Other => self.refuse(key, NO_EXPRESSION),
        }
    }

    fn take_spec(&mut self, key: At<String>, entries: Vec<(At<String>, At<Node>)>) {
        let mut spec = Spec::new(key.clone(), At { value: String::new(), span: key.span.clone() });
        for (name, node) in entries {
            match (name.value.as_str(), node.value) {
                ("expr", Node::Expression(text)) => spec.expr = At { value: text, span: node.span },
                ("over", Node::Expression(text)) => spec.over = Some(At { value: text, span: node.span }),
                ("grace", Node::Expression(text)) => spec.grace = Some(At { value: text, span: node.span }),
                ("abort", Node::Truth(truth)) => spec.abort = Some(At { value: truth, span: node.span }),
                ("expr", _) => self.refuse(key.clone(), NO_EXPRESSION),
                ("over" | "grace", _) => self.refuse(name, "of a threshold needs a duration such as \"10s\""),
                ("abort", _) => self.refuse(name, "of a threshold is true or false"),
                _ => self.refuse(name, TABLE),
            }
        }
        self.specs.push(spec);
    }

    fn refuse(&mut self, key: At<String>, what: &'static str) {
        self.refused.get_or_insert((key, what));
    }
}

fn has_expression(entries: &[(At<String>, At<Node>)]) -> bool {
    entries.iter().any(|(key, _)| key.value == "expr")
}

impl Spec {
    fn new(metric: At<String>, expr: At<String>) -> Self {
        Self { metric, expr, over: None, abort: None, grace: None }
    }

    fn resolve(&self, metric: &Metric, measured: &Measured) -> Result<Threshold, Fault> {
        let threshold =
            Threshold::parse(metric, &self.expr.value).map_err(|e| Fault::at(&self.expr.span, e.to_string()))?;
        let over_s = self.over.as_ref().map(|over| window(over, &metric.path, measured)).transpose()?;
        let abort = self.abort()?;
        let asks = self.over.as_ref().map(|over| ("over", &over.span));
        let asks = asks.or_else(|| self.abort.as_ref().filter(|a| a.value).map(|abort| ("abort", &abort.span)));
        let Some((key, span)) = asks else { return Ok(threshold) };
        if !can_be_watched(&metric.path) {
            let message =
                format!("`{}` is known when the run has ended, not while it goes: leave `{key}` out", metric.path);
            return Err(Fault::at(span, message).help(
                "`over` and `abort` are for latencies, rates, schedule lag, CPU, and what came twice or out of order",
            ));
        }
        if matches!(threshold.bound, Bound::TimesBaseline(_)) {
            return Err(Fault::at(
                span,
                format!("a part of a run is not compared with a whole baseline: leave `{key}` out"),
            ));
        }
        Ok(Threshold { over_s, abort, ..threshold })
    }

    fn abort(&self) -> Result<Option<Duration>, Fault> {
        let aborts = self.abort.as_ref().is_some_and(|abort| abort.value);
        match &self.grace {
            Some(grace) if !aborts => Err(Fault::at(&grace.span, "`grace` is for `abort = true`, which is missing")),
            Some(grace) => units::duration(&grace.value).map(Some).map_err(|e| Fault::at(&grace.span, e.to_string())),
            None => Ok(aborts.then_some(Duration::ZERO)),
        }
    }
}

/// Seconds of a window, of which at least one must fit into the time that the metric is about.
fn window(over: &At<String>, metric: &str, measured: &Measured) -> Result<u32, Fault> {
    let length = units::duration(&over.value).map_err(|e| Fault::at(&over.span, e.to_string()))?;
    let seconds = u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    if seconds == 0 || length.subsec_nanos() > 0 {
        return Err(Fault::at(&over.span, format!("`over` is whole seconds, at least \"1s\", not \"{}\"", over.value))
            .help("figures come once a second"));
    }
    let room = measured.shape().longest_s(metric);
    if f64::from(seconds) > room {
        let message = format!("no window of {seconds} s fits: `{metric}` is about {room} s in one piece");
        return Err(Fault::at(&over.span, message).help("make `over` shorter, or the phase longer"));
    }
    Ok(seconds)
}

impl<'de> Deserialize<'de> for Objectives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut objectives = Self::default();
        match Node::deserialize(deserializer)? {
            Node::Table(entries) => entries.into_iter().for_each(|(key, node)| objectives.take(key, node)),
            _ => return Err(serde::de::Error::custom("[thresholds] is a table of metric = \"< value\"")),
        }
        // Tables arrive sorted by key; people expect the order of their file.
        objectives.specs.sort_by_key(|spec| (spec.metric.span.start, spec.expr.span.start));
        Ok(objectives)
    }
}

impl JsonSchema for Objectives {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Objectives".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let expression = json_schema!({
            "type": "string",
            "description": "A comparison with a value or with the baseline",
            "examples": ["< 50ms", "== 0", "<= 5%", "< 1.5 x baseline"]
        });
        let threshold = json_schema!({
            "type": "object",
            "required": ["expr"],
            "additionalProperties": false,
            "properties": {
                "expr": expression.clone(),
                "over": {
                    "type": "string",
                    "description": "It must hold in every window of this length, whole seconds; one begins with every second",
                    "examples": ["10s"]
                },
                "abort": { "type": "boolean", "description": "End the run when it is broken", "default": false },
                "grace": {
                    "type": "string",
                    "description": "Only when it has been broken for so long without a break",
                    "default": "0s",
                    "examples": ["5s"]
                }
            }
        });
        let one = json_schema!({ "anyOf": [expression, threshold] });
        json_schema!({
            "type": "object",
            "additionalProperties": { "anyOf": [
                one.clone(),
                { "type": "array", "items": one, "minItems": 1 },
                { "type": "object" }
            ] }
        })
    }
}

/// One value under `[thresholds]`.
#[derive(Debug)]
enum Node {
    Expression(String),
    List(Vec<At<Node>>),
    Table(Vec<(At<String>, At<Node>)>),
    /// `abort`; refused elsewhere.
    Truth(bool),
    /// A number, an empty list: refused once the key is known.
    Other,
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expression such as \"< 50ms\", or a list of them")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Expression(text.to_owned()))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Node, E> {
        Ok(Node::Truth(truth))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        if all.is_empty() {
            return Ok(Node::Other);
        }
        Ok(Node::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some((key, node)) = entries.next_entry::<Spanned<String>, At<Node>>()? {
            all.push((At { span: key.span(), value: key.into_inner() }, node));
        }
        Ok(Node::Table(all))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}
