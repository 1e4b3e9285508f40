//! The JSON Schema of scenario files, for editors: `fanout schema`.

use schemars::schema_for;

use crate::scenario::File;

/// The schema, as it is committed in `scenarios/scenario.schema.json`.
pub fn schema() -> String {
    let schema = schema_for!(File);
    // A schema is maps and strings only, which always have a JSON form.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
