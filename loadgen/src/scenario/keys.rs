//! Which keys exist, which come with a later version, and what somebody meant who wrote another.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::error::Fault;

/// The keys of one kind of table.
pub(super) struct Keys {
    /// As people see it in the file.
    pub table: &'static str,
    /// Those that work.
    pub built: &'static [&'static str],
    /// Those that are documented and come later.
    pub later: &'static [&'static str],
}

pub(super) const TOP: Keys = Keys {
    table: "the top level",
    built: &[
        "name",
        "description",
        "seed",
        "settle",
        "drain",
        "correlate",
        "mode",
        "observe",
        "max_schedule_lag",
        "target",
        "connections",
        "publishers",
        "phases",
        "thresholds",
        "variants",
        "ab",
        "capacity",
    ],
    later: &[],
};

pub(super) const OBSERVE: Keys =
    Keys { table: "[observe]", built: &["timestamp", "sequence", "clock_error"], later: &[] };

pub(super) const TIMESTAMP: Keys = Keys { table: "timestamp", built: &["pointer", "after", "unit"], later: &[] };

pub(super) const TARGET: Keys = Keys {
    table: "[target]",
    built: &[
        "path",
        "url",
        "spawn",
        "ready",
        "ready_timeout",
        "env",
        "cwd",
        "pid",
        "server",
        "servers",
        "headers",
        "subprotocols",
        "assign",
        "feed",
        "feed_end",
        "tls",
        "dialect",
    ],
    later: &[],
};

pub(super) const TLS: Keys = Keys { table: "tls", built: &["ca", "insecure", "cert", "key"], later: &[] };

pub(super) const CONNECTIONS: Keys = Keys {
    table: "[[connections]]",
    built: &[
        "name",
        "count",
        "rooms",
        "spread",
        "room_size",
        "ramp",
        "source_ips",
        "compression",
        "inflate",
        "read_bytes_per_s",
        "churn",
        "reconnect",
    ],
    later: &[],
};

pub(super) const COMPRESSION: Keys =
    Keys { table: "compression", built: &["offer", "require", "window_bits"], later: &[] };

pub(super) const CHURN: Keys = Keys { table: "churn", built: &["session", "rate", "offline"], later: &[] };

pub(super) const RECONNECT: Keys =
    Keys { table: "reconnect", built: &["on", "backoff", "jitter", "resume"], later: &[] };

pub(super) const PUBLISHERS: Keys = Keys {
    table: "[[publishers]]",
    built: &[
        "name",
        "from",
        "count",
        "rate",
        "every",
        "arrival",
        "in_flight",
        "via",
        "payload",
        "replay",
        "speed",
        "start",
        "loop",
        "url",
        "method",
        "headers",
        "body",
    ],
    later: &[],
};

pub(super) const PAYLOAD: Keys =
    Keys { table: "payload", built: &["template", "size", "corpus", "file", "binary"], later: &[] };

pub(super) const PHASES: Keys =
    Keys { table: "[[phases]]", built: &["name", "for", "measure", "load", "connections", "at_start"], later: &[] };

pub(super) const AT_START: Keys = Keys { table: "at_start", built: &["restart", "cut"], later: &[] };

pub(super) const AB: Keys = Keys { table: "[ab]", built: &["a", "b", "runs", "expect"], later: &[] };

pub(super) const CAPACITY: Keys = Keys { table: "[capacity]", built: &["axis", "range", "width", "trial"], later: &[] };

const TABLES: [&Keys; 15] = [
    &TOP,
    &TARGET,
    &TLS,
    &CONNECTIONS,
    &COMPRESSION,
    &PUBLISHERS,
    &PAYLOAD,
    &PHASES,
    &CHURN,
    &RECONNECT,
    &AT_START,
    &AB,
    &CAPACITY,
    &OBSERVE,
    &TIMESTAMP,
];
/// Tables inside the elements of a list.
const INNER: [&Keys; 5] = [&PAYLOAD, &COMPRESSION, &CHURN, &RECONNECT, &AT_START];

/// Refuses the first key that does not exist or is not built yet.
pub(super) fn check(table: &DeTable<'_>) -> Result<(), Fault> {
    check_table(table, &TOP)?;
    for keys in [&TARGET, &CONNECTIONS, &PUBLISHERS, &PHASES, &AB, &CAPACITY, &OBSERVE] {
        let name = keys.table.trim_matches(['[', ']']);
        let is_list = keys.table.starts_with("[[");
        let Some((key, value)) = table.get_key_value(name) else { continue };
        match value.get_ref() {
            DeValue::Table(_) if is_list => {
                return Err(Fault::at(
                    &key.span(),
                    format!("`{name}` is a list: write {} with two brackets", keys.table),
                ));
            }
            DeValue::Array(_) if !is_list => {
                return Err(Fault::at(
                    &key.span(),
                    format!("there is only one `{name}`: write {} with one bracket", keys.table),
                ));
            }
            DeValue::Table(inner) => {
                check_table(inner, keys)?;
                for (name, keys) in [("timestamp", &TIMESTAMP), ("tls", &TLS)] {
                    if let Some(table) = inner.get(name).and_then(|value| value.get_ref().as_table()) {
                        check_table(table, keys)?;
                    }
                }
            }
            DeValue::Array(items) => {
                for inner in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    check_table(inner, keys)?;
                    // Each stands in one kind of table only: in another, check_table has refused its name.
                    for keys in INNER {
                        if let Some(table) = inner.get(keys.table).and_then(|value| value.get_ref().as_table()) {
                            check_table(table, keys)?;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_table(table: &DeTable<'_>, keys: &Keys) -> Result<(), Fault> {
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        if keys.built.contains(&name) {
            continue;
        }
        if keys.later.contains(&name) {
            return Err(Fault::at(&key.span(), format!("`{name}` is not built yet in this version"))
                .help(format!("remove `{name}`; it is reserved for a later version")));
        }
        return Err(unknown(name, keys, key));
    }
    Ok(())
}

fn unknown(name: &str, keys: &Keys, key: &Spanned<std::borrow::Cow<'_, str>>) -> Fault {
    let here = keys.table;
    if here != TOP.table && (TOP.built.contains(&name) || TOP.later.contains(&name)) {
        // In TOML every key after a [table] line belongs to that table.
        return Fault::at(
            &key.span(),
            format!("`{name}` belongs to the top level, but stands in {here}: move it to the top"),
        )
        .help(format!("put `{name}` above the first line that begins with `[`"));
    }
    if let Some(other) = TABLES.iter().find(|t| t.table != here && (t.built.contains(&name) || t.later.contains(&name)))
    {
        return Fault::at(&key.span(), format!("`{name}` belongs in {}, not in {here}", other.table));
    }
    let message = match nearest(name, keys.built.iter().chain(keys.later).copied()) {
        Some(near) => format!("unknown key `{name}` in {here}; did you mean `{near}`?"),
        None => format!("unknown key `{name}` in {here}"),
    };
    Fault::at(&key.span(), message).help(format!("{here} has {}", keys.built.join(", ")))
}

/// The known word that is most like one, if any is like it at all.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Two letters swapped in a short word are one mistake, but look very different to Jaro and Winkler.
    let likeness = |k: &str| strsim::jaro_winkler(k, word) + if strsim::osa_distance(k, word) == 1 { 1.0 } else { 0.0 };
    known
        .map(|k| (likeness(k), k))
        .filter(|(likeness, _)| *likeness > 0.78)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_keys_are_those_of_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(crate::scenario::File)).unwrap();
        let properties = |at: &str| -> Vec<String> {
            let mut names: Vec<String> = schema
                .pointer(at)
                .and_then(|p| p.as_object())
                .unwrap_or_else(|| panic!("{at}"))
                .keys()
                .cloned()
                .collect();
            names.sort();
            names
        };
        // What may be left out is one of two, the other being null.
        let optional = |at: &str| {
            [format!("{at}/anyOf/0/properties"), format!("{at}/properties")]
                .into_iter()
                .find(|at| schema.pointer(at).is_some())
                .unwrap()
        };
        let payload = optional("/properties/publishers/items/properties/payload");
        let compression = optional("/properties/connections/items/properties/compression");
        let churn = optional("/properties/connections/items/properties/churn");
        let reconnect = optional("/properties/connections/items/properties/reconnect");
        let at_start = optional("/properties/phases/items/properties/at_start");
        let ab = optional("/properties/ab");
        let tls = optional("/properties/target/properties/tls");
        let capacity = optional("/properties/capacity");
        let observe = optional("/properties/observe");
        let timestamp = optional(&format!("{observe}/timestamp"));
        for (keys, at) in [
            (&TOP, "/properties"),
            (&OBSERVE, &observe),
            (&TIMESTAMP, &timestamp),
            (&TARGET, "/properties/target/properties"),
            (&TLS, &tls),
            (&CONNECTIONS, "/properties/connections/items/properties"),
            (&PUBLISHERS, "/properties/publishers/items/properties"),
            (&PHASES, "/properties/phases/items/properties"),
            (&PAYLOAD, &payload),
            (&COMPRESSION, &compression),
            (&CHURN, &churn),
            (&RECONNECT, &reconnect),
            (&AT_START, &at_start),
            (&AB, &ab),
            (&CAPACITY, &capacity),
        ] {
            let mut built: Vec<String> = keys.built.iter().map(ToString::to_string).collect();
            built.sort();
            assert_eq!(built, properties(at), "{}", keys.table);
            assert!(keys.later.iter().all(|key| !keys.built.contains(key)));
        }
    }
}
