//! `[thresholds]`: quoted keys, dotted keys, lists and tables to one list of objectives.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use crate::scenario::error::Fault;
use crate::scenario::measured::Measured;
use crate::scenario::scalar::At;
use crate::thresholds::Threshold;

/// `[thresholds]` as written: metrics by their path, dotted tables joined, in the order of the file.
#[derive(Debug, Default)]
pub struct Objectives {
    expressions: Vec<(At<String>, At<String>)>,
    refused: Option<(At<String>, &'static str)>,
}

/// Keys of `{ expr = "..", .. }` that come with a later version.
const LATER: [&str; 3] = ["over", "abort", "grace"];

impl Objectives {
    /// Checks metrics and expressions against what this run will measure.
    pub(super) fn resolve(&self, measured: &Measured) -> Result<Vec<Threshold>, Fault> {
        if let Some((key, what)) = &self.refused {
            return Err(Fault::at(&key.span, format!("`{}` {what}", key.value)));
        }
        let mut thresholds: Vec<Threshold> = Vec::new();
        for (index, (path, text)) in self.expressions.iter().enumerate() {
            let before = &self.expressions[..index];
            // A list gives the same key several times, at one place.
            if before.iter().any(|(other, _)| other.value == path.value && other.span != path.span) {
                return Err(Fault::at(&path.span, format!("`{}` is in [thresholds] twice", path.value))
                    .help("give several objectives for one metric as a list: [\"> 1ms\", \"< 50ms\"]"));
            }
            let metric = measured.metric(&path.value).map_err(|message| Fault::at(&path.span, message))?;
            thresholds.push(Threshold::parse(&metric, &text.value).map_err(|e| Fault::at(&text.span, e.to_string()))?);
        }
        Ok(thresholds)
    }

    fn take(&mut self, key: At<String>, node: At<Node>) {
        match node.value {
            Node::Expression(text) => self.expressions.push((key, At { value: text, span: node.span })),
            Node::List(texts) => self.expressions.extend(texts.into_iter().map(|text| (key.clone(), text))),
            Node::Table(inner) => {
                let is_spec = inner.iter().any(|(k, _)| k.value == "expr");
                for (inner_key, inner_node) in inner {
                    if !is_spec {
                        let joined = format!("{}.{}", key.value, inner_key.value);
                        self.take(At { value: joined, span: inner_key.span }, inner_node);
                    } else if inner_key.value == "expr" {
                        self.take(key.clone(), inner_node);
                    } else if LATER.contains(&inner_key.value.as_str()) {
                        self.refused.get_or_insert((inner_key, "of a threshold is not built yet in this version"));
                    } else {
                        self.refused.get_or_insert((inner_key, "is not a key of a threshold, which has `expr`"));
                    }
                }
            }
            Node::Other => {
                self.refused.get_or_insert((key, "needs an expression such as \"< 50ms\", or a list of them"));
            }
        }
    }
}

impl<'de> Deserialize<'de> for Objectives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut objectives = Self::default();
        match Node::deserialize(deserializer)? {
            Node::Table(entries) => entries.into_iter().for_each(|(key, node)| objectives.take(key, node)),
            _ => return Err(serde::de::Error::custom("[thresholds] is a table of metric = \"< value\"")),
        }
        // Tables arrive sorted by key; people expect the order of their file.
        objectives.expressions.sort_by_key(|(key, text)| (key.span.start, text.span.start));
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
        json_schema!({
            "type": "object",
            "additionalProperties": { "anyOf": [
                { "type": "string", "examples": ["< 50ms", "== 0"] },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                { "type": "object" }
            ] }
        })
    }
}

/// One value under `[thresholds]`.
#[derive(Debug)]
enum Node {
    Expression(String),
    List(Vec<At<String>>),
    Table(Vec<(At<String>, At<Node>)>),
    /// A number, a boolean: refused once the key is known.
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

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
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
