//! Who joins and who leaves during the phases, and when: fixed before the run begins.
//!
//! ```text
//! connections
//!    8000 │         ____          a phase with `connections` moves evenly from what there was to what it says;
//!         │        ╱    ╲         who came last leaves first
//!    1000 │_______╱      ╲____
//!         └─ steady ─ goal ─ end
//! ```

use super::{Group, Phase};

/// A connection joins, or leaves by plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Nanoseconds from the start of the first phase.
    pub at: u64,
    /// Index of its group.
    pub group: u16,
    /// Which connection of the group.
    pub connection: u32,
    /// What it does.
    pub what: Move,
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// It opens, for the first time or again.
    Join,
    /// It says goodbye.
    Leave,
}

/// All movements, in order of time.
pub fn movements(groups: &[Group], phases: &[Phase]) -> Vec<Movement> {
    let mut all = Vec::new();
    let mut there: Vec<u32> = groups.iter().map(|g| g.initial).collect();
    let mut start = 0;
    for phase in phases {
        let length = phase.length.as_nanos() as u64;
        for (group, &target) in phase.connections.iter().flatten().enumerate() {
            let from = std::mem::replace(&mut there[group], target);
            let moves = u64::from(from.abs_diff(target));
            for k in 0..moves {
                // Half a step from the edges, as publishes are.
                let at = start + ((k as f64 + 0.5) / moves as f64 * length as f64) as u64;
                let (connection, what) =
                    if target > from { (from + k as u32, Move::Join) } else { (from - 1 - k as u32, Move::Leave) };
                all.push(Movement { at, group: group as u16, connection, what });
            }
        }
        start += length;
    }
    all.sort_by_key(|movement| (movement.at, movement.group));
    all
}

/// Divides `total` connections among groups in proportion to their counts: rounded so that they sum up.
pub fn divided(total: u32, counts: &[u32]) -> Vec<u32> {
    let sum: u64 = counts.iter().map(|n| u64::from(*n)).sum::<u64>().max(1);
    let part = |count: u32| u64::from(total) * u64::from(count);
    let mut parts: Vec<u32> = counts.iter().map(|&count| (part(count) / sum) as u32).collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&i| (std::cmp::Reverse(part(counts[i]) % sum), i));
    let missing = total - parts.iter().sum::<u32>();
    for &i in by_remainder.iter().cycle().take(missing as usize) {
        parts[i] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn group(initial: u32, count: u32) -> Group {
        Group {
            name: "g".to_owned(),
            count,
            initial,
            rooms: vec![0; count as usize],
            ramp: 1.0,
            source_ips: Vec::new(),
            compression: None,
            inflate: 1.0,
            read_bytes_per_s: None,
            churn: None,
            reconnect: None,
        }
    }

    fn phase(seconds: u64, connections: Option<Vec<u32>>) -> Phase {
        let (name, length) = ("p".to_owned(), Duration::from_secs(seconds));
        Phase { name, length, measure: true, load: (1.0, 1.0), connections, at_start: None }
    }

    #[test]
    fn a_phase_moves_evenly_and_who_came_last_leaves_first() {
        let phases = [phase(1, None), phase(2, Some(vec![4])), phase(1, Some(vec![3]))];
        let moves: Vec<_> =
            movements(&[group(2, 4)], &phases).iter().map(|m| (m.at / 1_000_000, m.connection, m.what)).collect();
        assert_eq!(moves, [(1500, 2, Move::Join), (2500, 3, Move::Join), (3500, 3, Move::Leave)]);
    }

    #[test]
    fn groups_move_together() {
        let moves = movements(&[group(0, 2), group(0, 2)], &[phase(4, Some(vec![2, 2]))]);
        let order: Vec<_> = moves.iter().map(|m| (m.at / 1_000_000_000, m.group, m.connection)).collect();
        assert_eq!(order, [(1, 0, 0), (1, 1, 0), (3, 0, 1), (3, 1, 1)]);
    }

    #[test]
    fn connections_are_divided_in_proportion_and_none_is_lost() {
        assert_eq!(divided(8000, &[990, 10]), [7920, 80]);
        assert_eq!(divided(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(divided(1, &[5, 6]), [0, 1]);
        assert_eq!(divided(0, &[5, 6]), [0, 0]);
    }
}
