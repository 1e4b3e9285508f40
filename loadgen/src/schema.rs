//! The JSON Schemas of scenario files (`fanout schema`) and of dialect files, for editors.

use schemars::{Schema, schema_for};

use crate::dialect;
use crate::scenario::File;

/// The schema, as it is committed in `scenarios/scenario.schema.json`.
pub fn schema() -> String {
    text_of(&schema_for!(File))
}

/// The schema of dialects, as it is committed in `scenarios/dialects/dialect.schema.json`.
pub fn dialect_schema() -> String {
    text_of(&schema_for!(dialect::File))
}

fn text_of(schema: &Schema) -> String {
    // A schema is maps and strings only, which always have a JSON form.
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
