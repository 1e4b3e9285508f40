//! How many servers of its own fanout starts, and which rooms each of them has.

use crate::plan::{Division, Mode, Plan};
use crate::scenario::error::Fault;
use crate::scenario::file::{File, TargetTable};
use crate::scenario::limits::{Limits, bundled_connections};
use crate::scenario::possible::largest;

/// Bundled servers that are started, at most.
const MOST_SERVERS: u16 = 16;

/// Divides a plan's rooms among bundled servers: as many as `servers` says, or as their descriptors make necessary.
pub(super) fn divide(plan: &Plan, file: &File, limits: &Limits) -> Result<Division, Fault> {
    // Who hears only himself can be anywhere.
    let connections = match plan.mode {
        Mode::Echo => vec![1; plan.connections() as usize],
        Mode::Broadcast | Mode::Observe => plan.connections_by_room(),
    };
    let limit = if takes_as_many_as_it_can(&file.target) { bundled_connections(limits) } else { u64::MAX };
    let Some(servers) = &file.target.servers else {
        return Division::fewest(&connections, limit, MOST_SERVERS).ok_or_else(|| too_many(&connections, limit, file));
    };
    let count = u16::try_from(servers.value.0).unwrap_or(u16::MAX);
    if count > MOST_SERVERS {
        return Err(Fault::at(&servers.span, format!("fanout starts at most {MOST_SERVERS} servers, not {count}")));
    }
    if usize::from(count) > connections.len() {
        let (all, lower) = (connections.len(), "lower `servers`, or raise");
        return Err(match plan.mode {
            Mode::Echo => {
                Fault::at(&servers.span, format!("{count} servers for {all} connections: some would have none"))
                    .help(format!("{lower} `count`"))
            }
            Mode::Broadcast | Mode::Observe => Fault::at(
                &servers.span,
                format!("{count} servers for {all} rooms: a room is on one server, so some would have none"),
            )
            .help(format!("{lower} `rooms`")),
        });
    }
    let division = Division::new(&connections, count);
    if division.heaviest() > limit {
        let heaviest = division.heaviest();
        return Err(Fault::at(
            &servers.span,
            format!("{count} servers: one of them gets {heaviest} connections, but takes {limit}"),
        )
        .help(
            "leave `servers` out: fanout starts as many as are needed; or raise the hard limit (ulimit -Hn) as root",
        ));
    }
    Ok(division)
}

/// Whether the limit on connections is the server's own, which comes from its descriptors.
fn takes_as_many_as_it_can(target: &TargetTable) -> bool {
    let flags = target.server.iter().flat_map(|server| server.value.keys());
    flags.into_iter().all(|name| name.replace('-', "_") != "max_connections")
}

fn too_many(connections: &[u32], limit: u64, file: &File) -> Fault {
    let fullest = connections.iter().copied().max().unwrap_or(0);
    if u64::from(fullest) > limit {
        return Fault::at(
            &largest(file),
            format!(
                "{fullest} connections in one room, but a bundled server takes {limit}, and a room is on one server"
            ),
        )
        .help("spread them over more `rooms`, lower `count`, or raise the hard limit (ulimit -Hn) as root");
    }
    let all: u64 = connections.iter().map(|n| u64::from(*n)).sum();
    Fault::at(
        &largest(file),
        format!("{all} connections need more than {MOST_SERVERS} bundled servers of {limit} each"),
    )
    .help("lower `count`, or raise the hard limit (ulimit -Hn) as root")
}
