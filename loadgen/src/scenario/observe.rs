//! `[observe]`: what the messages of a feed that we do not publish say of themselves, and how far clocks can be trusted.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Rules, Spot, Unit};
use crate::plan::{Mode, Observe, TargetKind};
use crate::scenario::error::Fault;
use crate::scenario::file::{File, ObserveTable, SpotTable};
use crate::scenario::scalar::At;
use crate::scenario::word::UnitKey;

/// What is observed; `None` in the other modes.
pub(super) fn resolve(file: &File, mode: Mode, target: &TargetKind) -> Result<Option<Observe>, Fault> {
    if mode != Mode::Observe {
        return match &file.observe {
            Some(table) => Err(Fault::at(&table.span, "[observe] is for mode = \"observe\", which is missing")
                .help("put mode = \"observe\" at the top, and remove [[publishers]]")),
            None => Ok(None),
        };
    }
    if let Some(publishers) = file.publishers.first() {
        return Err(Fault::at(
            &publishers.name.span,
            "in observe mode the feed comes from others: nothing is published",
        )
        .help("remove [[publishers]], or mode = \"observe\""));
    }
    if let (TargetKind::Bundled { .. }, Some(mode)) = (target, &file.mode) {
        return Err(Fault::at(
            &mode.span,
            "the bundled server sends nothing by itself: there would be nothing to observe",
        )
        .help("give target.url, the feed to observe, or target.spawn, a server that sends one"));
    }
    if let Some(correlate) = &file.correlate {
        return Err(Fault::at(&correlate.span, "observed messages are matched by their content: remove `correlate`"));
    }
    // Whoever leaves and comes back is matched by numbers of its own publishers, which a feed has not.
    let returns = file.connections.iter().find_map(|table| {
        let churn = table.churn.as_ref().map(|at| ("churn", &at.span));
        churn.or(table.reconnect.as_ref().map(|at| ("reconnect", &at.span)))
    });
    if let Some((key, span)) = returns {
        return Err(Fault::at(span, format!("observed connections stay: remove `{key}`")));
    }
    let empty = ObserveTable::default();
    let table = file.observe.as_ref().map_or(&empty, |at| &at.value);
    let timestamp = table.timestamp.as_ref().map(timestamp).transpose()?;
    if let (Some(error), None) = (&table.clock_error, &timestamp) {
        return Err(Fault::at(
            &error.span,
            "`clock_error` is of the clock that `timestamp` was read from, which is missing",
        ));
    }
    Ok(Some(Observe {
        rules: Arc::new(Rules { timestamp, sequence: table.sequence.as_ref().map(pointer).transpose()? }),
        clock_error: table.clock_error.as_ref().map(|at| at.value.0).filter(|error| *error < Duration::MAX),
    }))
}

fn timestamp(table: &At<SpotTable>) -> Result<(Spot, Unit), Fault> {
    let SpotTable { pointer: at, after, unit } = &table.value;
    let spot = match (at, after) {
        (Some(at), None) => pointer(at)?,
        (None, Some(after)) if !after.value.is_empty() => Spot::After(after.value.clone()),
        (None, Some(after)) => {
            return Err(Fault::at(&after.span, "`after` is empty: write the text before the timestamp"));
        }
        (Some(_), Some(after)) => {
            return Err(Fault::at(&after.span, "`after` does not go together with `pointer`: keep one of them"));
        }
        (None, None) => {
            return Err(Fault::at(&table.span, "this does not say where the timestamp is").help(
                "write { pointer = \"/T\", unit = \"ms\" } for JSON, or { after = \"ts=\", unit = \"ms\" } for text",
            ));
        }
    };
    let unit = match unit.value {
        UnitKey::Seconds => Unit::Seconds,
        UnitKey::Millis => Unit::Millis,
        UnitKey::Micros => Unit::Micros,
        UnitKey::Nanos => Unit::Nanos,
        UnitKey::Rfc3339 => Unit::Rfc3339,
    };
    Ok((spot, unit))
}

fn pointer(at: &At<String>) -> Result<Spot, Fault> {
    if at.value.starts_with('/') {
        return Ok(Spot::Pointer(at.value.clone()));
    }
    Err(Fault::at(
        &at.span,
        format!("`{}` is no JSON pointer: it begins with /, such as \"/T\" or \"/data/seq\"", at.value),
    ))
}
