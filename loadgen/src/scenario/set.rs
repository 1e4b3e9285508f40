//! `--set KEY=V` and each line of a variant: one value of the scenario replaced, before anything is checked.
//!
//! Elements are found by their name: `publishers.members.rate=50`. A value that is no TOML is taken as a string, so
//! quotes are needed only for strings that look like something else.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::error::Fault;

/// Applies one override whose text begins at `start` of the common numbering.
pub(super) fn apply<'a>(table: &mut DeTable<'a>, text: &'a str, start: usize) -> Result<(), Fault> {
    let Some(equals) = text.find('=') else {
        return Err(Fault::at(&(start..start + text.len()), format!("`{text}` is not of the form KEY=VALUE")));
    };
    let (path, value) = (text[..equals].trim(), text[equals + 1..].trim());
    let key_span = start..start + equals;
    if path.is_empty() || path.split('.').any(str::is_empty) {
        return Err(Fault::at(&key_span, format!("`{path}` is not a key: write it as publishers.NAME.rate")));
    }
    let value_start = start + text.len() - text[equals + 1..].trim_start().len();
    let value = placed(parsed(value), &(value_start..start + text.len()));
    change(table, path, value, &key_span)
}

/// Replaces one value, of a key that is not empty; `span` is the place of the key where it is written.
pub(super) fn change<'a>(
    table: &mut DeTable<'a>,
    path: &str,
    value: Spanned<DeValue<'a>>,
    span: &Range<usize>,
) -> Result<(), Fault> {
    if let Some(metric) = path.strip_prefix("thresholds.") {
        return set_threshold(table, metric, value, span.clone());
    }
    let steps: Vec<&str> = path.split('.').collect();
    set(table, &steps, value, span)
}

fn parsed(text: &str) -> DeValue<'_> {
    match DeValue::parse(text) {
        Ok(value) => value.into_inner(),
        Err(_) => DeValue::String(Cow::Borrowed(text)),
    }
}

/// The same value with every part placed at `span`.
fn placed<'a>(value: DeValue<'a>, span: &Range<usize>) -> Spanned<DeValue<'a>> {
    let value = match value {
        DeValue::Array(items) => {
            DeValue::Array(items.into_iter().map(|item| placed(item.into_inner(), span)).collect())
        }
        DeValue::Table(table) => {
            let place = |(key, value): (Spanned<Cow<'a, str>>, Spanned<DeValue<'a>>)| {
                (Spanned::new(span.clone(), key.into_inner()), placed(value.into_inner(), span))
            };
            DeValue::Table(table.into_iter().map(place).collect())
        }
        other => other,
    };
    Spanned::new(span.clone(), value)
}

fn set<'a>(
    table: &mut DeTable<'a>,
    steps: &[&str],
    value: Spanned<DeValue<'a>>,
    span: &Range<usize>,
) -> Result<(), Fault> {
    let Some((first, rest)) = steps.split_first() else { return Ok(()) };
    if rest.is_empty() {
        // The old key would keep its old place, so it goes as well.
        table.remove(*first);
        table.insert(Spanned::new(span.clone(), Cow::Owned((*first).to_owned())), value);
        return Ok(());
    }
    if !table.contains_key(*first) {
        let empty = Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
        table.insert(Spanned::new(span.clone(), Cow::Owned((*first).to_owned())), empty);
    }
    let Some(next) = table.get_mut(*first) else { return Ok(()) };
    match next.get_mut() {
        DeValue::Table(inner) => set(inner, rest, value, span),
        DeValue::Array(items) => {
            let name = rest[0];
            let known = names(items);
            let element = items.iter_mut().find_map(|item| match item.get_mut() {
                DeValue::Table(inner) if name_of(inner) == Some(name) => Some(inner),
                _ => None,
            });
            match (element, rest.len()) {
                (Some(inner), 2..) => set(inner, &rest[1..], value, span),
                (Some(_), _) => Err(Fault::at(span, format!("`{first}.{name}` is a table: name one of its keys"))),
                (None, _) => {
                    Err(Fault::at(span, format!("there is no `{name}` among [[{first}]]; it has {}", known.join(", "))))
                }
            }
        }
        _ => Err(Fault::at(span, format!("`{first}` is not a table, so it has no `{}`", rest.join(".")))),
    }
}

fn name_of<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    table.get("name").and_then(|name| name.get_ref().as_str())
}

fn names(items: &[Spanned<DeValue<'_>>]) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| item.get_ref().as_table().and_then(name_of))
        .map(|name| format!("`{name}`"))
        .collect()
}

/// A metric may stand in the file as one quoted key or as dotted tables; the override replaces either.
fn set_threshold<'a>(
    table: &mut DeTable<'a>,
    metric: &str,
    value: Spanned<DeValue<'a>>,
    span: Range<usize>,
) -> Result<(), Fault> {
    let thresholds = "thresholds";
    if !table.contains_key(thresholds) {
        let empty = Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
        table.insert(Spanned::new(span.clone(), Cow::Borrowed(thresholds)), empty);
    }
    let Some(DeValue::Table(all)) = table.get_mut(thresholds).map(Spanned::get_mut) else {
        return Err(Fault::at(&span, "`thresholds` is not a table"));
    };
    all.remove(metric);
    remove_dotted(all, metric);
    all.insert(Spanned::new(span, Cow::Owned(metric.to_owned())), value);
    Ok(())
}

fn remove_dotted(table: &mut DeTable<'_>, path: &str) {
    for (at, _) in path.match_indices('.') {
        if let Some(DeValue::Table(inner)) = table.get_mut(&path[..at]).map(Spanned::get_mut) {
            inner.remove(&path[at + 1..]);
            remove_dotted(inner, &path[at + 1..]);
        }
    }
}
