//! A load that is divided among processes or threads, and what must not depend on how.

use loadgen::result::{Deliveries, Run};

use super::counts;

/// What every such scenario begins with.
pub const TOP: &str = r#"
name = "divided"
settle = "200ms"
max_schedule_lag = "1s"
"#;

/// And ends with.
pub const PHASES: &str = r#"
[[phases]]
name = "warm-up"
for = "300ms"
measure = false
[[phases]]
name = "rising"
for = "700ms"
load = "1x-3x"
"#;

/// Rooms of five, whose members write.
pub const ROOMS: &str = r#"
[[connections]]
name = "members"
count = 35
rooms = 7
[[publishers]]
name = "members"
from = "members"
every = "100ms"
payload = { size = "20-2000" }
"#;

/// One room of two groups.
pub const ONE_ROOM: &str = r#"
[[connections]]
name = "phones"
count = 41
[[connections]]
name = "desks"
count = 12
[[publishers]]
name = "speakers"
count = 3
rate = 150
arrival = "poisson"
payload = { size = "30-3000" }
"#;

/// Deliveries by the name of a phase or group.
type Parts = Vec<(String, Deliveries)>;

/// Every count of a run, in all, by phase and by group.
pub fn every_count(run: &Run) -> ((u64, u64, Deliveries, [u64; 5]), Parts, Parts) {
    let phases = run.phases.iter().map(|(name, phase)| (name.clone(), phase.figures.deliveries.clone()));
    let groups = run.groups.iter().map(|(name, group)| (name.clone(), group.deliveries.clone()));
    (counts(run), phases.collect(), groups.collect())
}
