//! Refuses runs that this machine, or the numbers themselves, cannot do.

use std::ops::Range;

use crate::plan::{Arrival, MOST_AGENTS, Mode, OTHER_DESCRIPTORS, Plan};
use crate::scenario::error::Fault;
use crate::scenario::file::File;
use crate::scenario::limits::{Limits, needs};
use crate::scenario::scalar::At;
use crate::scenario::value::Count;

fn counts(file: &File) -> impl Iterator<Item = &At<Count>> {
    file.connections.iter().map(|t| &t.count).chain(file.publishers.iter().filter_map(|t| t.count.as_ref()))
}

/// The same and what phases grow to.
fn crowds(file: &File) -> impl Iterator<Item = &At<Count>> {
    counts(file).chain(file.phases.iter().filter_map(|t| t.connections.as_ref()))
}

/// The place of the largest count.
pub(super) fn largest(file: &File) -> Range<usize> {
    crowds(file).max_by_key(|count| count.value.0).map(|count| count.span.clone()).unwrap_or_default()
}

/// Refuses counts that are far too large, before anything is made for each connection.
pub(super) fn counts_possible(file: &File, limits: &Limits) -> Result<(), Fault> {
    let begun: u64 = counts(file).map(|count| u64::from(count.value.0)).sum();
    let grown = file.phases.iter().filter_map(|t| t.connections.as_ref()).map(|at| u64::from(at.value.0)).max();
    few_enough(begun.max(grown.unwrap_or(0)), file, limits)
}

fn few_enough(connections: u64, file: &File, limits: &Limits) -> Result<(), Fault> {
    let here = limits.descriptors;
    let each = here.saturating_sub(OTHER_DESCRIPTORS);
    let most = each.saturating_mul(MOST_AGENTS.into());
    if connections <= most {
        return Ok(());
    }
    Err(Fault::at(
        &largest(file),
        format!(
            "{connections} connections are more than the {most} of {MOST_AGENTS} agents: a process may have {here} \
             descriptors here, enough for {each} connections"
        ),
    )
    .help("lower `count`, or raise the hard limit (ulimit -Hn) as root"))
}

/// Checks a whole plan against the machine and the width of its counters.
pub(super) fn possible(plan: &Plan, file: &File, limits: &Limits) -> Result<(), Fault> {
    let needs = needs(plan);
    few_enough(u64::from(needs.connections), file, limits)?;
    if needs.ports_per_address > limits.ports {
        return Err(Fault::at(
            &largest(file),
            format!(
                "{} connections from one source address, but there are {} ports for them",
                needs.ports_per_address, limits.ports
            ),
        )
        .help("add source_ips = [\"127.0.0.2-127.0.0.5\"], lower `count`, or widen net.ipv4.ip_local_port_range"));
    }
    let work = crate::pacer::work_seconds(&plan.phases);
    for (index, group) in plan.publishers.iter().enumerate() {
        let (Arrival::Uniform { rate } | Arrival::Poisson { rate }) = group.arrival else { continue };
        let each = rate * work / f64::from(group.from.count(&plan.groups).max(1));
        if each > f64::from(u32::MAX) * 0.99 {
            let place = file
                .publishers
                .get(index.min(file.publishers.len() - 1))
                .map(|t| t.name.span.clone())
                .unwrap_or_default();
            return Err(Fault::at(
                &place,
                format!(
                    "each publisher of `{}` would send {each:.0} messages, but sequence numbers end at 4294967295",
                    group.name
                ),
            ));
        }
    }
    if plan.mode == Mode::Observe {
        return Ok(());
    }
    if needs.publishes == Some(0) && !plan.publishers.is_empty() {
        let place = file.publishers.first().map(|t| t.name.span.clone()).unwrap_or_default();
        return Err(Fault::at(&place, "at this rate nothing would be sent before the phases end")
            .help("raise the rate, or make the phases longer"));
    }
    let all_closed = plan.publishers.iter().all(|p| matches!(p.arrival, Arrival::Closed { .. }));
    let load = file.phases.iter().find_map(|t| t.load.as_ref()).filter(|load| load.value.0 != (1.0, 1.0));
    if let (true, Some(load)) = (plan.publishers.is_empty(), load) {
        return Err(Fault::at(&load.span, "a load multiplies rates, and nothing is published: remove `load`"));
    }
    if let (true, Some(load)) = (all_closed, load) {
        return Err(Fault::at(&load.span, "a load multiplies rates, and closed publishers have none: remove `load`"));
    }
    Ok(())
}
