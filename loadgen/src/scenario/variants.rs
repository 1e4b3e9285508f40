//! `[variants.NAME]`: named changes to the file, each a quoted dotted key as `--set` has it, with a value of any kind.
//!
//! Every value keeps its place, so what is wrong with a variant is shown in the variant.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::error::Fault;
use crate::scenario::set;

/// The word of `--variant` that means all of them.
pub const ALL: &str = "all";

/// What a variant may not change: it is still the same scenario.
const FIXED: [&str; 3] = ["name", "variants", "ab"];

/// `[variants]` once its changes have been made, or not: what is left to read is nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Variants {
    _read: BTreeMap<String, BTreeMap<String, IgnoredAny>>,
}

impl JsonSchema for Variants {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Variants".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": "^[a-z0-9-]+$" },
            "additionalProperties": {
                "type": "object",
                "examples": [{ "target.server.compression": "off", "publishers.members.rate": 50 }]
            }
        })
    }
}

/// The names of the variants in the order of the file, all of them in the right form.
pub(super) fn names(table: &DeTable<'_>) -> Result<Vec<String>, Fault> {
    let Some((key, value)) = table.get_key_value("variants") else { return Ok(Vec::new()) };
    let Some(variants) = value.get_ref().as_table() else {
        return Err(Fault::at(&key.span(), "variants have names: write [variants.NAME]"));
    };
    let mut names = Vec::new();
    for (name, changes) in variants {
        let span = name.span();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let name = name.get_ref().as_ref();
        if name.is_empty() || !name.chars().all(fits) {
            return Err(Fault::at(&span, format!("`{name}` is not a name: use a-z, 0-9 and -")));
        }
        if name == ALL {
            return Err(Fault::at(
                &span,
                format!("a variant cannot be named `{ALL}`: --variant {ALL} means every one"),
            ));
        }
        let Some(changes) = changes.get_ref().as_table() else {
            return Err(Fault::at(
                &span,
                format!("a variant is a table: write [variants.{name}] and its changes below"),
            ));
        };
        for (key, value) in changes {
            check(key, value)?;
        }
        names.push((span.start, name.to_owned()));
    }
    names.sort();
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

fn check(key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Result<(), Fault> {
    let (span, path) = (key.span(), key.get_ref().as_ref());
    let first = path.split('.').next().unwrap_or(path);
    if path.split('.').any(str::is_empty) {
        return Err(Fault::at(&span, format!("`{path}` is not a key: write it as \"publishers.NAME.rate\"")));
    }
    if FIXED.contains(&first) {
        return Err(Fault::at(&span, format!("a variant cannot change `{first}`")));
    }
    // Without quotes TOML makes tables of a dotted key, and its other values would be gone.
    if let (true, Some(inner)) = (first == path, value.get_ref().as_table()) {
        let below = inner.keys().next().map_or("KEY", |key| key.get_ref().as_ref());
        return Err(Fault::at(
            &span,
            format!("a variant replaces single values: put the whole key in quotes, \"{path}.{below}\""),
        )
        .help("without quotes, TOML reads a dotted key as a table, which would replace the whole of it"));
    }
    Ok(())
}

/// Makes the changes of one variant.
pub(super) fn apply<'a>(table: &mut DeTable<'a>, variant: &str) -> Result<(), Fault> {
    let known = names(table)?;
    let changes = table
        .get("variants")
        .and_then(|variants| variants.get_ref().as_table()?.get(variant)?.get_ref().as_table().cloned());
    let Some(changes) = changes else {
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        return Err(Fault::missing(match known.as_slice() {
            [] => format!("there is no variant `{variant}`: the file has no [variants.NAME]"),
            _ => format!("there is no variant `{variant}`: the file has {}", known.join(", ")),
        }));
    };
    for (key, value) in changes {
        set::change(table, key.get_ref(), value, &key.span())?;
    }
    Ok(())
}
