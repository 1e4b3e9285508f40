//! `[[publishers]]`: who sends what, and when.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::feed::Feed;
use crate::payload::fill::{PublisherRooms, PublisherRows};
use crate::payload::{Content, Medium, PayloadSource, Stamping};
use crate::plan::{Arrival, Correlate, From, Group, Mode, PublisherGroup, Target, Via};
use crate::scenario::error::{Fault, counted};
use crate::scenario::file::{PublishersTable, TlsTable};
use crate::scenario::http;
use crate::scenario::payloads::{self, Surroundings};
use crate::scenario::scalar::At;
use crate::scenario::word::{ArrivalKey, FromKey};
use crate::trace::{Trace, TraceError};

/// A trace to play and how fast.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    /// What is played of it.
    pub trace: Arc<Trace>,
    pub speed: f64,
    pub repeat: bool,
}

/// What the publishers depend on beside their own tables.
pub(super) struct Scene<'a> {
    pub dir: &'a Path,
    pub seed: u64,
    pub mode: Mode,
    pub correlate: Correlate,
    pub rooms: &'a [String],
    pub groups: &'a [Group],
    /// Each message of the trace goes to its own room.
    pub rooms_of_trace: bool,
    /// Which server is measured.
    pub target: &'a Target,
    /// Whom https:// urls trust, and what they show.
    pub tls: Option<&'a At<TlsTable>>,
    /// One row a connection.
    pub feed: Option<&'a Arc<Feed>>,
}

/// Finds and reads the trace of a scenario that replays one.
pub(super) fn replay(tables: &[PublishersTable], dir: &Path) -> Result<Option<Replay>, Fault> {
    for table in tables {
        let only = [
            ("speed", table.speed.as_ref().map(|at| &at.span)),
            ("start", table.start.as_ref().map(|at| &at.span)),
            ("loop", table.repeat.as_ref().map(|at| &at.span)),
        ];
        if let (None, Some((key, span))) =
            (&table.replay, only.iter().find_map(|(key, span)| span.map(|span| (key, span))))
        {
            return Err(Fault::at(span, format!("`{key}` is for publishers with `replay`, which is missing")));
        }
    }
    let Some((table, file)) = tables.iter().find_map(|table| table.replay.as_ref().map(|file| (table, file))) else {
        return Ok(None);
    };
    if let Some(other) = tables.iter().find(|other| !std::ptr::eq(*other, table)) {
        return Err(Fault::at(
            &other.name.span,
            "a replay cannot share its run with other publishers: its messages carry no stamp and are matched by their order",
        )
        .help("put the other publishers into a scenario of their own"));
    }
    let taken = [
        ("rate", table.rate.as_ref().map(|at| &at.span)),
        ("every", table.every.as_ref().map(|at| &at.span)),
        ("arrival", table.arrival.as_ref().map(|at| &at.span)),
        ("in_flight", table.in_flight.as_ref().map(|at| &at.span)),
        ("payload", table.payload.as_ref().map(|at| &at.span)),
    ];
    if let Some((key, span)) = taken.iter().find_map(|(key, span)| span.map(|span| (key, span))) {
        return Err(Fault::at(
            span,
            format!("`{key}` does not go together with `replay`: the trace says what is sent when"),
        ));
    }
    let bytes = payloads::read(file, dir)?;
    let wrong = |place: &Range<usize>, e: TraceError| Fault::at(place, format!("{}, {e}", file.value));
    let mut trace = Trace::parse(&bytes).map_err(|e| wrong(&file.span, e))?;
    if let Some(at) = &table.start {
        trace = trace.starting_at(at.value.0.as_micros() as u64).map_err(|e| wrong(&at.span, e))?;
    }
    Ok(Some(Replay {
        trace: Arc::new(trace),
        speed: table.speed.as_ref().map_or(1.0, |at| at.value.0),
        repeat: table.repeat.as_ref().is_some_and(|at| at.value),
    }))
}

/// Resolves every table; one that lets the subscribers of several groups send becomes a group of publishers for each.
pub(super) fn resolve(
    tables: &[PublishersTable],
    replay: Option<&Replay>,
    scene: &Scene<'_>,
) -> Result<Vec<PublisherGroup>, Fault> {
    if scene.mode == Mode::Observe {
        return Ok(Vec::new());
    }
    if tables.is_empty() && scene.mode == Mode::Echo {
        return Err(Fault::missing("there is no [[publishers]]: nobody would hear an echo")
            .help("add [[publishers]] with a name and a rate"));
    }
    one_kind_of_loop(tables)?;
    let mut all: Vec<PublisherGroup> = Vec::new();
    let usual = if scene.mode == Mode::Echo { FromKey::Members } else { FromKey::Separate };
    let from = |table: &PublishersTable| table.from.as_ref().map_or(usual, |at| at.value);
    one_voice_each(tables.iter().filter(|table| from(table) == FromKey::Members))?;
    for table in tables {
        match (from(table), &table.from) {
            (FromKey::Separate, Some(from)) if scene.mode == Mode::Echo => {
                return Err(Fault::at(
                    &from.span,
                    "in echo mode the connections themselves send: use from = \"members\"",
                ));
            }
            (FromKey::Separate, _) => {
                let own = all.iter().map(PublisherGroup::own);
                let first = First {
                    publisher: senders(&all, scene.groups),
                    connection: subscribers(scene.groups) + own.sum::<u32>(),
                };
                all.push(separate(table, replay, scene, first)?);
            }
            (FromKey::Members, from) => {
                if let Some(count) = &table.count {
                    return Err(Fault::at(
                        &count.span,
                        "`count` is for separate publishers: here every subscriber sends",
                    ));
                }
                if let (Some(_), Some(from)) = (&table.replay, from) {
                    return Err(Fault::at(&from.span, "a replay is sent by separate publishers: remove `from`"));
                }
                http::resolve(table, scene)?;
                members(table, scene, &mut all)?;
            }
        }
    }
    Ok(all)
}

/// Refuses closed publishers beside scheduled ones: what has no due time has no place in `latency.due`.
fn one_kind_of_loop(tables: &[PublishersTable]) -> Result<(), Fault> {
    let closed = |table: &&PublishersTable| table.arrival.as_ref().is_some_and(|at| at.value == ArrivalKey::Closed);
    let (Some(one), Some(other)) = (tables.iter().find(closed), tables.iter().find(|table| !closed(table))) else {
        return Ok(());
    };
    let place = one.arrival.as_ref().map_or(&one.name.span, |at| &at.span);
    let (one, other) = (&one.name.value.0, &other.name.value.0);
    Err(Fault::at(
        place,
        format!("`{one}` is a closed loop and `{other}` has a schedule: together their run would have no latency.due"),
    )
    .help("give all publishers arrival = \"closed\", or put the closed ones into a scenario of their own"))
}

/// Refuses a second table in which the subscribers send: each of them follows one schedule.
fn one_voice_each<'t>(mut members: impl Iterator<Item = &'t PublishersTable>) -> Result<(), Fault> {
    let (Some(one), Some(other)) = (members.next(), members.next()) else { return Ok(()) };
    let place = other.from.as_ref().map_or(&other.name.span, |at| &at.span);
    let (one, other) = (&one.name.value.0, &other.name.value.0);
    Err(Fault::at(
        place,
        format!(
            "the subscribers send for `{one}` already: they cannot send for `{other}` as well, each has one schedule"
        ),
    )
    .help(
        "give one [[publishers]] the rate of both, or let the other have connections of its own: from = \"separate\"",
    ))
}

fn senders(before: &[PublisherGroup], groups: &[Group]) -> u32 {
    before.iter().map(|publishers| publishers.from.count(groups)).sum()
}

/// The first publisher of a group: its run-wide index, and that of its connection.
#[derive(Clone, Copy)]
struct First {
    publisher: u32,
    connection: u32,
}

fn subscribers(groups: &[Group]) -> u32 {
    groups.iter().map(|g| g.count).sum()
}

fn separate(
    table: &PublishersTable,
    replay: Option<&Replay>,
    scene: &Scene<'_>,
    first: First,
) -> Result<PublisherGroup, Fault> {
    let rooms = scene.rooms.len() as u32;
    let count = match (&table.count, replay, scene.rooms_of_trace) {
        (Some(count), Some(_), true) if count.value.0 != rooms => {
            return Err(Fault::at(
                &count.span,
                format!(
                    "with rooms = \"replay\" there is one publisher for each of the trace's {rooms} rooms: remove `count`"
                ),
            ));
        }
        (_, Some(_), true) => rooms,
        (count, _, _) => count.as_ref().map_or(1, |at| at.value.0),
    };
    if count < rooms {
        let place = table.count.as_ref().map_or(&table.name.span, |at| &at.span);
        return Err(Fault::at(
            place,
            format!(
                "{} for {rooms} rooms: {} would hear nothing",
                counted(count, "publisher"),
                counted(rooms - count, "room")
            ),
        )
        .help(format!("set `count` to {rooms} or more: publisher i serves room i modulo rooms")));
    }
    let room_of: Vec<u32> = (0..count).map(|i| i % rooms).collect();
    let (arrival, payload) = match replay {
        None => (arrival(table, count, 1.0)?, payload(table, scene, first, &room_of)?),
        Some(replay) => {
            let trace = match scene.rooms_of_trace {
                true => Arc::clone(&replay.trace),
                false => Arc::new(Trace::clone(&replay.trace).into_one_room(scene.rooms[0].clone())),
            };
            let content = Content::Replay { trace: Arc::clone(&trace), first_publisher: first.publisher };
            let source = PayloadSource::new(content, Medium::Text, Stamping::Bare, scene.seed)
                .map_err(|e| Fault::at(&table.name.span, e.to_string()))?;
            (Arrival::Replay { trace, speed: replay.speed, repeat: replay.repeat }, source)
        }
    };
    let name = table.name.value.0.clone();
    let via = match http::resolve(table, scene)? {
        Some(route) => Via::Http(Arc::new(route)),
        None => Via::Websocket,
    };
    if let (Via::Http(_), Arrival::Closed { .. }, Some(arrival)) = (&via, &arrival, &table.arrival) {
        return Err(Fault::at(
            &arrival.span,
            "a closed loop waits for the publisher's own copy, which one over HTTP does not receive",
        )
        .help("give it a rate; each publisher waits for the answer to one request before it makes the next"));
    }
    Ok(PublisherGroup { name, from: From::Separate(room_of), arrival, via, payload: Arc::new(payload) })
}

fn members(table: &PublishersTable, scene: &Scene<'_>, all: &mut Vec<PublisherGroup>) -> Result<(), Fault> {
    // A rate is that of the groups as they begin; who joins later sends as much as the others.
    let total: u32 = scene.groups.iter().map(|g| g.initial).sum();
    for (index, group) in scene.groups.iter().enumerate() {
        let name = match scene.groups.len() {
            1 => table.name.value.0.clone(),
            _ => format!("{}-{}", table.name.value.0, group.name),
        };
        let arrival = arrival(table, group.count, f64::from(group.count) / f64::from(total))?;
        let first = First { publisher: senders(all, scene.groups), connection: subscribers(&scene.groups[..index]) };
        let payload = payload(table, scene, first, &group.rooms)?;
        let from = From::Members { group: index as u32 };
        all.push(PublisherGroup { name, from, arrival, via: Via::Websocket, payload: Arc::new(payload) });
    }
    Ok(())
}

/// `share` is this group's part of a rate that several share.
fn arrival(table: &PublishersTable, count: u32, share: f64) -> Result<Arrival, Fault> {
    let kind = table.arrival.as_ref().map_or(ArrivalKey::Uniform, |at| at.value);
    if kind == ArrivalKey::Closed {
        let timed =
            table.rate.as_ref().map(|at| ("rate", &at.span)).or(table.every.as_ref().map(|at| ("every", &at.span)));
        if let Some((key, span)) = timed {
            return Err(Fault::at(
                span,
                format!("`{key}` does not go together with arrival = \"closed\", which has no due times"),
            ));
        }
        return Ok(Arrival::Closed { in_flight: table.in_flight.as_ref().map_or(1, |at| at.value.0) });
    }
    if let Some(in_flight) = &table.in_flight {
        return Err(Fault::at(&in_flight.span, "`in_flight` needs arrival = \"closed\""));
    }
    let rate = match (&table.rate, &table.every) {
        (Some(rate), None) => rate.value.0 * share,
        (None, Some(every)) => f64::from(count) / every.value.0.as_secs_f64(),
        (Some(_), Some(every)) => {
            return Err(Fault::at(&every.span, "`every` does not go together with `rate`: keep one of them"));
        }
        (None, None) => {
            return Err(Fault::at(&table.name.span, format!("the publishers `{}` have no rate", table.name.value.0))
                .help("add rate = 50 (the whole group, a second), every = \"20s\" (each of them), or arrival = \"closed\""));
        }
    };
    match kind {
        ArrivalKey::Poisson => Ok(Arrival::Poisson { rate }),
        ArrivalKey::Uniform | ArrivalKey::Closed => Ok(Arrival::Uniform { rate }),
    }
}

fn payload(table: &PublishersTable, scene: &Scene<'_>, first: First, room_of: &[u32]) -> Result<PayloadSource, Fault> {
    let stamping = match scene.correlate {
        Correlate::Stamp => Stamping::Stamped,
        Correlate::Content | Correlate::Observed => Stamping::Bare,
    };
    let first_publisher = first.publisher;
    let rows = scene.feed.map(|feed| PublisherRows {
        feed: Arc::clone(feed),
        first_publisher,
        first_connection: first.connection,
    });
    let rooms = || PublisherRooms { first_publisher, room_of: room_of.to_vec(), names: scene.rooms.to_vec() };
    payloads::resolve(
        table.payload.as_ref(),
        &Surroundings { dir: scene.dir, seed: scene.seed, stamping, rooms: &rooms, rows },
    )
}
