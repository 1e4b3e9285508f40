//! `[[phases]]`: how long, how hard, and what counts.

use std::time::Duration;

use crate::plan::{Phase, TargetKind, divided};
use crate::scenario::error::Fault;
use crate::scenario::file::PhaseTable;
use crate::scenario::life;
use crate::scenario::value::PhaseLength;

/// Longest run: a typing error in a unit is likelier than a month of load.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The most connections that each group ever has, given its count.
pub(super) fn most(tables: &[PhaseTable], counts: &[u32]) -> Vec<u32> {
    let grown = tables.iter().filter_map(|table| table.connections.as_ref()).map(|at| divided(at.value.0, counts));
    grown.fold(counts.to_vec(), |most, grown| most.iter().zip(grown).map(|(a, b)| b.max(*a)).collect())
}

/// `counts` are those of the groups; `trace` is how long the trace lasts at its speed, where there is one.
pub(super) fn resolve(
    tables: &[PhaseTable],
    counts: &[u32],
    trace: Option<Duration>,
    target: &TargetKind,
) -> Result<Vec<Phase>, Fault> {
    if tables.is_empty() {
        return Err(Fault::missing("there is no [[phases]]: the run would be over before it began")
            .help("add [[phases]] with a name and for = \"10s\""));
    }
    let mut phases: Vec<Phase> = Vec::new();
    for table in tables {
        let load = table.load.as_ref().map_or((1.0, 1.0), |at| at.value.0);
        let length = match table.length.value {
            PhaseLength::For(length) => length,
            PhaseLength::Replay => rest_of_trace(table, trace, &phases, (load.0 + load.1) / 2.0)?,
        };
        if length > LONGEST {
            return Err(Fault::at(&table.length.span, "a phase lasts at most 30 days: is its unit right?"));
        }
        let connections = table.connections.as_ref().map(|at| divided(at.value.0, counts));
        let at_start = table.at_start.as_ref().map(|at| life::at_start(at, target)).transpose()?;
        let name = table.name.value.0.clone();
        phases.push(Phase { name, length, measure: table.measure, load, connections, at_start });
        if phases.iter().map(|p| p.length).sum::<Duration>() > LONGEST {
            return Err(Fault::at(&table.length.span, "the phases last more than 30 days together: shorten one"));
        }
    }
    if !phases.iter().any(|p| p.measure) {
        return Err(Fault::at(&tables[0].name.span, "no phase is measured: remove `measure = false` from one of them"));
    }
    if phases.iter().all(|p| p.load == (0.0, 0.0)) {
        return Err(Fault::at(&tables[0].name.span, "every phase has a load of 0x: nothing would be sent"));
    }
    Ok(phases)
}

/// How long a phase must last until the trace has been played, given what earlier phases have played of it.
fn rest_of_trace(table: &PhaseTable, trace: Option<Duration>, before: &[Phase], load: f64) -> Result<Duration, Fault> {
    let span = &table.length.span;
    let Some(trace) = trace else {
        return Err(Fault::at(span, "for = \"replay\" needs [[publishers]] with `replay`, whose end it waits for"));
    };
    if load == 0.0 {
        return Err(Fault::at(span, "with a load of 0x the trace never ends: give the phase a duration"));
    }
    let played = crate::pacer::work_seconds(before);
    let rest = trace.as_secs_f64() - played;
    // What is shorter than a nanosecond could not be kept as a duration.
    if rest / load < 1e-9 {
        return Err(Fault::at(
            span,
            "the phases before it have already played the whole trace: remove it, or shorten them",
        ));
    }
    Ok(Duration::try_from_secs_f64(rest / load).unwrap_or(Duration::MAX))
}
