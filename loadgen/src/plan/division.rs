//! Rooms divided among several processes: whole rooms, as evenly as they allow, the same each time.

/// Which process has which room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// Of each room, by index.
    process_of: Vec<u16>,
    /// Connections in each process.
    loads: Vec<u64>,
}

impl Division {
    /// Rooms with so many connections each, divided among `processes` (at least one): the largest room first, each to the process
    /// that has the fewest connections so far.
    #[must_use]
    pub fn new(connections: &[u32], processes: u16) -> Self {
        let mut loads = vec![0; usize::from(processes.max(1))];
        let mut process_of = vec![0; connections.len()];
        let mut largest_first: Vec<usize> = (0..connections.len()).collect();
        largest_first.sort_by_key(|&room| std::cmp::Reverse(connections[room]));
        for room in largest_first {
            // Of several equal ones the first; there is always one.
            let least = (0..loads.len()).min_by_key(|&process| loads[process]).unwrap_or(0);
            process_of[room] = least as u16;
            loads[least] += u64::from(connections[room]);
        }
        Division { process_of, loads }
    }

    /// The division among the fewest processes, up to `most`, of which none has more than `limit` connections; `None` if there is
    /// none, as when a single room has more.
    #[must_use]
    pub fn fewest(connections: &[u32], limit: u64, most: u16) -> Option<Self> {
        let all: u64 = connections.iter().map(|n| u64::from(*n)).sum();
        let least = u16::try_from(all.div_ceil(limit.max(1)).max(1)).ok()?;
        (least..=most).map(|processes| Self::new(connections, processes)).find(|division| division.heaviest() <= limit)
    }

    /// How many processes there are.
    #[must_use]
    pub fn processes(&self) -> u16 {
        self.loads.len() as u16
    }

    /// The process of a room.
    #[must_use]
    pub fn process_of(&self, room: u32) -> u16 {
        self.process_of.get(room as usize).copied().unwrap_or(0)
    }

    /// Connections of each process.
    #[must_use]
    pub fn loads(&self) -> &[u64] {
        &self.loads
    }

    /// Connections of the process that has the most.
    #[must_use]
    pub fn heaviest(&self) -> u64 {
        self.loads.iter().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Division;

    #[test]
    fn equal_rooms_go_round() {
        let division = Division::new(&[10; 7], 3);
        assert_eq!((0..7).map(|room| division.process_of(room)).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!((division.processes(), division.heaviest()), (3, 30));
    }

    #[test]
    fn large_rooms_are_balanced_by_small_ones() {
        let division = Division::new(&[1, 50, 1, 30, 20, 1], 2);
        assert_eq!(division.heaviest(), 52);
        assert_eq!(division.process_of(1), 0);
        assert_eq!((division.process_of(3), division.process_of(4)), (1, 1));
    }

    #[test]
    fn as_few_processes_as_their_limit_allows() {
        assert_eq!(Division::fewest(&[50; 1200], 19_500, 64).map(|d| d.processes()), Some(4));
        assert_eq!(Division::fewest(&[5], 19_500, 64).map(|d| d.processes()), Some(1));
        // Two rooms of two thirds each fit only one by one.
        assert_eq!(Division::fewest(&[66, 66, 66], 100, 64).map(|d| d.processes()), Some(3));
    }

    #[test]
    fn a_room_cannot_be_cut() {
        assert_eq!(Division::fewest(&[200], 100, 64), None);
        assert_eq!(Division::fewest(&[100; 10], 100, 9), None);
    }

    #[test]
    fn without_rooms_there_is_one_process() {
        let none = Division::new(&[], 0);
        assert_eq!((none.processes(), none.heaviest(), none.process_of(3)), (1, 0, 0));
    }
}
