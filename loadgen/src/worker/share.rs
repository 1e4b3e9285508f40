//! Who does what: a run's connections and publishers, divided among its workers.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;

use crate::plan::{From, Inflate, Mode, Placing, Plan, Via};
use crate::request::Whose;
use crate::worker::moving::Step;

/// One worker's part of the connections.
#[derive(Debug, Default)]
pub struct Share {
    /// Which worker's it is.
    pub worker: usize,
    /// Connections in the order in which they are opened.
    pub ramps: Vec<Ramp>,
    /// Who joins and leaves while phases run, in order of time.
    pub moves: Vec<Step>,
    /// Publishers over HTTP.
    pub couriers: Vec<CourierShare>,
    /// Publisher groups with the publishers of this worker.
    pub publishers: Vec<PublisherShare>,
}

impl Share {
    /// Everybody who is ever a connection of this worker; who moves several times comes several times.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.ramps.iter().flat_map(|r| &r.members).chain(self.moves.iter().map(|step| &step.member))
    }

    /// Run-wide indices of its publishers; some may come several times.
    fn publisher_indices(&self) -> impl Iterator<Item = u32> {
        self.members().filter_map(|m| m.publisher).chain(self.couriers.iter().map(|c| c.publisher))
    }
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
    /// Which of the server's addresses it goes to.
    pub endpoint: u16,
    /// Run-wide publisher index, if it publishes.
    pub publisher: Option<u32>,
    /// Which connection of the run it is: subscribers in the order of the plan, then separate publishers. Says which row of the
    /// feed and which address of the server are its own.
    pub connection: u32,
    /// Local address, if the plan names one.
    pub source: Option<IpAddr>,
    /// Its number in its group; of a separate publisher, in the run.
    pub index: u32,
    /// What is done with its messages where compression is agreed on.
    pub inflate: Inflate,
}

impl Member {
    /// Whose request is its own.
    pub fn whose(&self) -> Whose {
        Whose { connection: self.connection, room: self.path_room, endpoint: self.endpoint }
    }
}

/// A publisher over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct CourierShare {
    /// Index of its group in the plan.
    pub group: usize,
    /// Run-wide publisher index.
    pub publisher: u32,
    /// The plan's room.
    pub room: u32,
    /// Which connection of the run it counts as: its row of the feed.
    pub connection: u32,
    /// Which of the server's addresses, where it posts to the server under test.
    pub endpoint: u16,
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
    let mut connection = plan.subscribers();
    for (g, (group, range)) in plan.publishers.iter().zip(&publishers).enumerate() {
        match &group.from {
            From::Separate(rooms) if matches!(group.via, Via::Http(_)) => {
                for (publisher, &room) in range.clone().zip(rooms) {
                    let endpoint = plan.target.endpoint(room, connection);
                    let courier = CourierShare { group: g, publisher, room, connection, endpoint };
                    shares[placing.worker_of(room, publisher)].couriers.push(courier);
                    connection += 1;
                }
            }
            From::Separate(rooms) => {
                let mut ramps: Vec<Vec<Member>> = vec![Vec::new(); workers];
                for (publisher, &room) in range.clone().zip(rooms) {
                    let member = Member {
                        group: None,
                        room,
                        path_room: room,
                        endpoint: plan.target.endpoint(room, connection),
                        publisher: Some(publisher),
                        connection,
                        source: None,
                        index: publisher,
                        inflate: Inflate::Verify,
                    };
                    connection += 1;
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
    let movements = plan.movements();
    let moves: HashSet<(u16, u32)> = movements.iter().map(|m| (m.group, m.connection)).collect();
    let mut later: HashMap<(u16, u32), (usize, Member)> = HashMap::new();
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
            let of = Some(g as u16);
            let member =
                Member { group: of, room, path_room, endpoint, publisher, connection, source, index: i, inflate };
            let worker = placing.worker_of(path_room, connection);
            if i < group.initial {
                ramps[worker].push(member);
            }
            if moves.contains(&(g as u16, i)) {
                later.insert((g as u16, i), (worker, member));
            }
            connection += 1;
        }
        for (share, members) in shares.iter_mut().zip(ramps).filter(|(_, m)| !m.is_empty()) {
            let rate = group.ramp * members.len() as f64 / f64::from(group.initial);
            share.ramps.push(Ramp { rate, members });
        }
    }
    for movement in &movements {
        if let Some(&(worker, member)) = later.get(&(movement.group, movement.connection)) {
            shares[worker].moves.push(Step { at: movement.at, member, what: movement.what });
        }
    }
    for share in &mut shares {
        let mine: BTreeSet<u32> = share.publisher_indices().collect();
        for (group, range) in publishers.iter().enumerate() {
            let members: Vec<u32> = mine.range(range.clone()).copied().collect();
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
