//! `[[connections]]`: the groups of subscribers, the rooms of the run, and who is in which.

use std::collections::HashMap;
use std::net::IpAddr;

use wire::deflate::{Context, Offer};

use crate::plan::{Compression, Declined, Group};
use crate::scenario::address::sources;
use crate::scenario::error::{Fault, counted};
use crate::scenario::file::{CompressionTable, ConnectionsTable};
use crate::scenario::life;
use crate::scenario::scalar::At;
use crate::scenario::value::Rooms;
use crate::scenario::word::{OfferKey, SpreadKey};
use crate::seeded::Seeded;
use crate::trace::Trace;

/// Connections opened a second when the scenario says nothing.
const RAMP: f64 = 2000.0;

/// The rooms of the run, and its groups of subscribers in them.
pub(super) struct Groups {
    pub rooms: Vec<String>,
    pub groups: Vec<Group>,
}

/// Whether the groups take their rooms from the trace.
pub(super) fn replays(tables: &[ConnectionsTable]) -> Result<bool, Fault> {
    let replay = |table: &&ConnectionsTable| matches!(&table.rooms, Some(rooms) if rooms.value == Rooms::Replay);
    match (tables.iter().find(replay), tables.iter().find(|table| !replay(table))) {
        (Some(_), Some(other)) => Err(Fault::at(
            &other.name.span,
            format!("rooms = \"replay\" is for all groups or none: `{}` has other rooms", other.name.value.0),
        )),
        (replay, _) => Ok(replay.is_some()),
    }
}

/// `most` is how many connections each group ever has; `server` is where they connect to.
pub(super) fn resolve(
    tables: &[ConnectionsTable],
    most: &[u32],
    trace: Option<&Trace>,
    seed: u64,
    server: IpAddr,
) -> Result<Groups, Fault> {
    if tables.is_empty() {
        return Err(Fault::missing("there is no [[connections]]: nobody would receive anything")
            .help("add [[connections]] with a name and a count"));
    }
    let mut all = Groups { rooms: Vec::new(), groups: Vec::new() };
    let mut index_of: HashMap<String, u32> = HashMap::new();
    for (index, table) in tables.iter().enumerate() {
        let names = room_names(table, trace)?;
        let count = most[index];
        let local = spread(table, count, names.len() as u32, seed ^ index as u64);
        let global: Vec<u32> = names
            .into_iter()
            .map(|name| {
                *index_of.entry(name).or_insert_with_key(|name| {
                    all.rooms.push(name.clone());
                    (all.rooms.len() - 1) as u32
                })
            })
            .collect();
        let source_ips = table.source_ips.as_ref().map_or(Ok(Vec::new()), |ips| sources(&ips.value, server))?;
        all.groups.push(Group {
            name: table.name.value.0.clone(),
            count,
            initial: table.count.value.0,
            rooms: local.into_iter().map(|room| global[room as usize]).collect(),
            ramp: table.ramp.map_or(RAMP, |ramp| ramp.0),
            source_ips,
            compression: table.compression.as_ref().map_or(Ok(None), |at| compression(&at.value))?,
            inflate: table.inflate.map_or(1.0, |share| share.0),
            read_bytes_per_s: table.read_bytes_per_s.as_ref().map(|at| at.value.0),
            churn: life::churn(table)?,
            reconnect: life::reconnect(table)?,
        });
    }
    Ok(all)
}

fn compression(table: &CompressionTable) -> Result<Option<Compression>, Fault> {
    let context = match table.offer.value {
        OfferKey::NoContext => Context::Fresh,
        OfferKey::Context => Context::Kept,
        OfferKey::Off => {
            return match (&table.require, &table.window_bits) {
                (Some(At { value: true, span }), _) => {
                    Err(Fault::at(span, "offer = \"off\" offers nothing that could be required")
                        .help("offer \"context\" or \"no_context\", or remove `require`"))
                }
                (_, Some(bits)) => Err(Fault::at(&bits.span, "offer = \"off\" has no window: remove `window_bits`")),
                _ => Ok(None),
            };
        }
    };
    let window_bits = table.window_bits.as_ref().map(|at| at.value.0);
    let required = table.require.as_ref().is_some_and(|at| at.value);
    Ok(Some(Compression {
        offer: Offer { context, window_bits },
        declined: if required { Declined::Failed } else { Declined::Plain },
    }))
}

fn room_names(table: &ConnectionsTable, trace: Option<&Trace>) -> Result<Vec<String>, Fault> {
    let count = table.count.value.0;
    let numbered = |number: u32| (0..number).map(|i| format!("r{i}")).collect();
    match (&table.rooms, &table.room_size) {
        (Some(_), Some(size)) => {
            Err(Fault::at(&size.span, "`room_size` does not go together with `rooms`: keep one of them"))
        }
        (None, None) => Ok(numbered(1)),
        (None, Some(size)) => Ok(numbered(count.div_ceil(size.value.0))),
        (Some(At { value: Rooms::Replay, span }), None) => match trace {
            Some(trace) => Ok(trace.rooms.clone()),
            None => Err(Fault::at(span, "rooms = \"replay\" needs [[publishers]] with `replay`, whose rooms it takes")),
        },
        (Some(At { value: Rooms::Number(number), span }), None) => {
            not_emptier(number.0, count, span)?;
            Ok(numbered(number.0))
        }
        (Some(At { value: Rooms::Named(names), span }), None) => {
            not_emptier(names.len() as u32, count, span)?;
            Ok(names.clone())
        }
    }
}

fn not_emptier(rooms: u32, count: u32, span: &std::ops::Range<usize>) -> Result<(), Fault> {
    if rooms <= count {
        return Ok(());
    }
    Err(Fault::at(
        span,
        format!(
            "{rooms} rooms for {}: {} would have nobody in them",
            counted(count, "connection"),
            counted(rooms - count, "room")
        ),
    )
    .help(format!("raise `count` to {rooms}, or lower `rooms`")))
}

/// The room of each connection of a group.
fn spread(table: &ConnectionsTable, count: u32, rooms: u32, seed: u64) -> Vec<u32> {
    match table.spread.as_ref().map_or(SpreadKey::Even, |at| at.value) {
        SpreadKey::Even => (0..count).map(|i| i % rooms).collect(),
        SpreadKey::Zipf => zipf(count, rooms, seed),
    }
}

/// Shares in proportion to 1, 1/2, 1/3, ..., rounded so that they sum up, in seeded order: large and small rooms fill
/// up together while connecting.
fn zipf(count: u32, rooms: u32, seed: u64) -> Vec<u32> {
    let harmonic: f64 = (1..=rooms).map(|n| 1.0 / f64::from(n)).sum();
    let share = |room: u32| f64::from(count) / (harmonic * f64::from(room + 1));
    let mut members: Vec<u32> = (0..rooms).map(|room| share(room) as u32).collect();
    let mut by_remainder: Vec<u32> = (0..rooms).collect();
    by_remainder.sort_by(|a, b| share(*b).fract().total_cmp(&share(*a).fract()).then(a.cmp(b)));
    let missing = count - members.iter().sum::<u32>();
    for room in by_remainder.iter().cycle().take(missing as usize) {
        members[*room as usize] += 1;
    }
    let mut order: Vec<u32> =
        members.iter().zip(0..).flat_map(|(members, room)| std::iter::repeat_n(room, *members as usize)).collect();
    let mut rng = Seeded::new(seed, [0x7a69_7066, 0]);
    for last in (1..order.len()).rev() {
        order.swap(last, rng.below(last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_gives_the_nth_room_an_nth_of_the_first() {
        let order = zipf(11_000, 10, 1);
        let members = |room| order.iter().filter(|r| **r == room).count() as f64;
        assert_eq!(order.len(), 11_000);
        for room in 0..10 {
            assert!((members(room) * f64::from(room + 1) / members(0) - 1.0).abs() < 0.01, "room {room}");
        }
        assert_eq!(order, zipf(11_000, 10, 1));
        assert_ne!(order, zipf(11_000, 10, 2));
    }

    #[test]
    fn zipf_places_everybody_even_when_rooms_are_many() {
        for (count, rooms) in [(1, 1), (3, 3), (7, 5), (5, 5), (100, 99)] {
            let order = zipf(count, rooms, 9);
            assert_eq!(order.len(), count as usize);
            assert!(order.iter().all(|room| *room < rooms));
        }
    }
}
