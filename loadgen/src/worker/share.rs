//! Who does what: a run's connections and publishers, divided among its workers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use crate::plan::{From, Inflate, Mode, Placing, Plan};

/// One worker's part of the connections.
#[derive(Debug, Default)]
pub struct Share {
    /// Which worker's it is.
    pub worker: usize,
    /// Connections in the order in which they are opened.
    pub ramps: Vec<Ramp>,
    /// Publisher groups with the publishers of this worker.
    pub publishers: Vec<PublisherShare>,
}

/// Connections opened at one rate.
#[derive(Debug)]
pub struct Ramp {
    /// Connections a second.
    pub rate: f64,
    /// Who connects.
    pub members: Vec<Member>,
}

/// One connection to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Group of subscribers; `None` for a separate publisher.
    pub group: Option<u16>,
    /// Room of the ledger: the plan's room, or in echo mode the connection's own.
    pub room: u32,
    /// The plan's room, which names the path.
    pub path_room: u32,
    /// Run-wide number of the connection: subscribers first, then separate publishers.
    pub number: u32,
    /// The server process that it connects to.
    pub endpoint: u16,
    /// Run-wide publisher index, if it publishes.
    pub publisher: Option<u32>,
    /// Local address, if the plan names one.
    pub source: Option<IpAddr>,
    /// Its number in its group; of a separate publisher, in the run.
    pub index: u32,
    /// What is done with its messages where compression is agreed on.
    pub inflate: Inflate,
}

/// The publishers of one group that live in this worker.
#[derive(Debug)]
pub struct PublisherShare {
    /// Index of the group in the plan.
    pub group: usize,
    /// Run-wide index of the group's first publisher.
    pub first: u32,
    /// Run-wide indices of those in this worker.
    pub members: Vec<u32>,
}

/// Divides a run's connections among `workers`.
pub fn shares(plan: &Plan, workers: usize) -> Vec<Share> {
    let mut shares: Vec<Share> = (0..workers).map(|worker| Share { worker, ..Share::default() }).collect();
    let placing = Placing::new(plan, workers as u16);
    let echo = plan.mode == Mode::Echo;
    let publishers = publisher_ranges(plan);
    let mut member_publisher: HashMap<(u32, u32), u32> = HashMap::new();
    for (group, range) in plan.publishers.iter().zip(&publishers) {
        match &group.from {
            From::Separate(rooms) => {
                let mut ramps: Vec<Vec<Member>> = vec![Vec::new(); workers];
                for (publisher, &room) in range.clone().zip(rooms) {
                    let member = Member {
                        group: None,
                        room,
                        path_room: room,
                        number: plan.subscribers() + publisher,
                        endpoint: plan.target.endpoint(room, publisher),
                        publisher: Some(publisher),
                        source: None,
                        index: publisher,
                        inflate: Inflate::Verify,
                    };
                    ramps[placing.worker_of(room, publisher)].push(member);
                }
                for (share, members) in shares.iter_mut().zip(ramps).filter(|(_, m)| !m.is_empty()) {
                    share.ramps.push(Ramp { rate: PUBLISHER_RAMP, members });
                }
            }
            From::Members { group } => {
                member_publisher.extend((0..).zip(range.clone()).map(|(i, p)| ((*group, i), p)));
            }
        }
    }
    let mut connection = 0;
    for (g, group) in plan.groups.iter().enumerate() {
        let mut ramps: Vec<Vec<Member>> = vec![Vec::new(); workers];
        for i in 0..group.count {
            let path_room = group.rooms[i as usize];
            let source = group.source_ips.get(i as usize % group.source_ips.len().max(1)).copied();
            let room = if echo { connection } else { path_room };
            let publisher = member_publisher.get(&(g as u32, i)).copied();
            // A publisher waits for its own messages, so it must know them.
            let inflate = if publisher.is_some() { Inflate::Verify } else { group.inflate(i) };
            let endpoint = plan.target.endpoint(path_room, connection);
            let number = connection;
            let group = Some(g as u16);
            let member = Member { group, room, path_room, number, endpoint, publisher, source, index: i, inflate };
            ramps[placing.worker_of(path_room, connection)].push(member);
            connection += 1;
        }
        for (share, members) in shares.iter_mut().zip(ramps).filter(|(_, m)| !m.is_empty()) {
            let rate = group.ramp * members.len() as f64 / f64::from(group.count);
            share.ramps.push(Ramp { rate, members });
        }
    }
    for share in &mut shares {
        let mine: Vec<u32> = share.ramps.iter().flat_map(|r| &r.members).filter_map(|m| m.publisher).collect();
        for (group, range) in publishers.iter().enumerate() {
            let mut members: Vec<u32> = mine.iter().copied().filter(|p| range.contains(p)).collect();
            members.sort_unstable();
            share.publishers.push(PublisherShare { group, first: range.start, members });
        }
    }
    shares
}

/// Separate publishers connect at this rate, connections a second.
const PUBLISHER_RAMP: f64 = 1000.0;

/// Run-wide publisher indices of each publisher group.
pub fn publisher_ranges(plan: &Plan) -> Vec<Range<u32>> {
    let mut first = 0;
    plan.publishers
        .iter()
        .map(|group| {
            let range = first..first + group.from.count(&plan.groups);
            first = range.end;
            range
        })
        .collect()
}

/// The ledger's room of every publisher (in observe mode each room stands for its own), in run-wide order: what [`Book::new`](crate::ledger::Book::new) takes.
pub fn publisher_rooms(plan: &Plan) -> Vec<u32> {
    if plan.mode == Mode::Observe {
        return (0..plan.rooms.len() as u32).collect();
    }
    let echo = plan.mode == Mode::Echo;
    let firsts: Vec<u32> = plan
        .groups
        .iter()
        .scan(0, |next, g| {
            let first = *next;
            *next += g.count;
            Some(first)
        })
        .collect();
    let rooms_of = |group: &crate::plan::PublisherGroup| match &group.from {
        From::Separate(rooms) => rooms.clone(),
        From::Members { group } if echo => {
            let first = firsts[*group as usize];
            (first..first + plan.groups[*group as usize].count).collect()
        }
        From::Members { group } => plan.groups[*group as usize].rooms.clone(),
    };
    plan.publishers.iter().flat_map(rooms_of).collect()
}
