//! Which worker opens which connection, and how many processes the workers need.

use serde::{Deserialize, Serialize};

use super::{Division, Mode, Plan};

/// Agents that a run has, at most.
pub const MOST_AGENTS: u16 = 16;
/// Descriptors of a process of the load generator beside its connections: epoll sets, files, pipes, samples.
pub const OTHER_DESCRIPTORS: u64 = 200;

/// Whole rooms where there are at least as many as workers, single connections where few rooms are all there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placing {
    /// A room's connections are all of one worker, so it keeps the room's messages once.
    Rooms(Division),
    /// They take turns.
    Connections {
        /// Among so many workers.
        workers: u16,
        /// Subscribers, and separate publishers, which are counted from the first again.
        kinds: [u64; 2],
    },
}

impl Placing {
    /// Places a plan's connections among `workers` (at least one).
    #[must_use]
    pub fn new(plan: &Plan, workers: u16) -> Self {
        let workers = workers.max(1);
        // What an observed room sends is known only to a worker that has all of it.
        if plan.rooms.len() >= usize::from(workers) || plan.mode == Mode::Observe {
            return Placing::Rooms(Division::new(&plan.connections_by_room(), workers));
        }
        let separate = plan.publishers.iter().map(|p| u64::from(p.own()));
        Placing::Connections { workers, kinds: [plan.subscribers().into(), separate.sum()] }
    }

    /// The worker of a room's connection, which is a subscriber or a separate publisher of this index.
    #[must_use]
    pub fn worker_of(&self, room: u32, connection: u32) -> usize {
        match self {
            Placing::Rooms(division) => division.process_of(room).into(),
            Placing::Connections { workers, .. } => connection as usize % usize::from(*workers),
        }
    }

    /// Connections of each worker.
    fn loads(&self) -> Vec<u64> {
        match self {
            Placing::Rooms(division) => division.loads().to_vec(),
            Placing::Connections { workers, kinds } => {
                let turns = |n: u64, worker: u64| (n + u64::from(*workers) - 1 - worker) / u64::from(*workers);
                (0..u64::from(*workers)).map(|worker| kinds.iter().map(|&n| turns(n, worker)).sum()).collect()
            }
        }
    }
}

/// A run's workers, and the processes that they live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Force {
    /// Hot threads, all agents together.
    pub workers: u16,
    /// Processes beside the one that leads the run; 0: the workers are threads of that one.
    pub agents: u16,
}

impl Force {
    /// At least `workers` divided evenly among `agents`, none of which is idle.
    #[must_use]
    pub fn new(workers: u16, agents: u16) -> Self {
        let workers = workers.max(1);
        Force { workers: if agents == 0 { workers } else { workers.next_multiple_of(agents) }, agents }
    }

    /// The fewest agents for a plan where a process may have so many `descriptors`, with at least `workers` in all; `None` where
    /// [`MOST_AGENTS`] are too few.
    #[must_use]
    pub fn fewest(plan: &Plan, workers: u16, descriptors: u64) -> Option<Self> {
        let limit = descriptors.saturating_sub(OTHER_DESCRIPTORS);
        (0..=MOST_AGENTS).filter(|agents| *agents != 1).map(|agents| Force::new(workers, agents)).find(|force| {
            let loads = Placing::new(plan, force.workers).loads();
            loads.chunks(force.workers_each()).all(|of_one| of_one.iter().sum::<u64>() <= limit)
        })
    }

    /// Workers of each process.
    #[must_use]
    pub fn workers_each(self) -> usize {
        usize::from(self.workers / self.agents.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::From;
    use crate::scenario::{Limits, Quick, quick};

    fn plan(connections: u32, rooms: u32) -> Plan {
        let limits = Limits { descriptors: 1 << 40, ports: 1 << 30 };
        quick(&Quick { connections, rooms, ..Quick::default() }, &[], &limits).unwrap()
    }

    #[test]
    fn threads_of_one_process_are_enough_until_descriptors_are_not() {
        let needed = |connections, descriptors| Force::fewest(&plan(connections, 1), 1, descriptors).map(|f| f.agents);
        assert_eq!(needed(1799, 2000), Some(0));
        // The publisher's own connection is one too many.
        assert_eq!(needed(1800, 2000), Some(2));
        assert_eq!(needed(5397, 2000), Some(3));
        assert_eq!(needed(1800 * u32::from(MOST_AGENTS), 2000), None);
    }

    #[test]
    fn rooms_stay_whole_while_there_are_enough_of_them() {
        let force = Force::fewest(&plan(60_000, 1200), 1, 20_000).unwrap();
        assert_eq!(force, Force { workers: 4, agents: 4 });
        let placing = Placing::new(&plan(60_000, 1200), 4);
        assert_eq!(placing.worker_of(7, 3), placing.worker_of(7, 4));
        assert_eq!(placing.loads(), [15_300; 4]);
    }

    #[test]
    fn what_is_said_of_loads_is_what_happens() {
        for (connections, rooms, workers) in [(101, 1, 4), (7, 3, 5), (64, 9, 3)] {
            let plan = plan(connections, rooms);
            let placing = Placing::new(&plan, workers);
            let mut counted = vec![0; usize::from(workers)];
            plan.groups[0].rooms.iter().zip(0..).for_each(|(&room, i)| counted[placing.worker_of(room, i)] += 1);
            let From::Separate(publishers) = &plan.publishers[0].from else { panic!() };
            publishers.iter().zip(0..).for_each(|(&room, i)| counted[placing.worker_of(room, i)] += 1);
            assert_eq!(placing.loads(), counted);
        }
    }

    #[test]
    fn every_agent_has_as_many_workers_as_the_others() {
        assert_eq!(Force::new(1, 2), Force { workers: 2, agents: 2 });
        assert_eq!(Force::new(5, 2), Force { workers: 6, agents: 2 });
        assert_eq!((Force::new(5, 0).workers, Force::new(0, 0).workers), (5, 1));
        assert_eq!((Force::new(5, 2).workers_each(), Force::new(5, 0).workers_each()), (3, 5));
    }
}
