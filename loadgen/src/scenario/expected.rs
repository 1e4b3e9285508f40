//! How many copies of its messages a plan will have delivered, if nothing is lost: an estimate where connections come and go.

use std::collections::HashMap;

use crate::pacer::work_seconds;
use crate::plan::{Arrival, From, Mode, Plan, PublisherGroup};

/// Deliveries of the whole schedule; `None` where only the run can tell: in a closed loop, and of a feed that others publish.
pub(super) fn deliveries(plan: &Plan) -> Option<u64> {
    if plan.mode == Mode::Observe {
        return None;
    }
    let crowds = crowds(plan);
    let mut sum = 0.0;
    for group in &plan.publishers {
        match &group.arrival {
            Arrival::Closed { .. } => return None,
            Arrival::Uniform { rate } | Arrival::Poisson { rate } => {
                let each = rate / f64::from(group.from.count(&plan.groups).max(1));
                for (phase, crowd) in plan.phases.iter().zip(&crowds) {
                    let work = work_seconds(std::slice::from_ref(phase));
                    sum += each * work * senders(plan, group, crowd).map(|room| copies(plan, crowd, room)).sum::<f64>();
                }
            }
            Arrival::Replay { trace, speed, repeat } => {
                let passes = work_seconds(&plan.phases) * 1e6 * speed / trace.length_us() as f64;
                let passes = if *repeat { passes } else { passes.min(1.0) };
                let lengths: Vec<usize> = (0..trace.rooms.len()).map(|r| trace.room_messages(r as u32).len()).collect();
                let crowd = mean(&crowds, plan);
                for (publisher, room) in senders(plan, group, &crowd).enumerate() {
                    let messages = lengths.get(publisher % lengths.len().max(1)).copied().unwrap_or(0) as f64;
                    sum += passes * messages * copies(plan, &crowd, room);
                }
            }
        }
    }
    Some(sum.round() as u64)
}

/// Who is there during a phase, on average: connections of each group, and by room.
struct Crowd {
    groups: Vec<u32>,
    rooms: HashMap<u32, f64>,
}

impl Crowd {
    fn of(plan: &Plan, groups: Vec<u32>) -> Self {
        let mut rooms = HashMap::new();
        for (group, there) in plan.groups.iter().zip(&groups) {
            group.rooms.iter().take(*there as usize).for_each(|room| *rooms.entry(*room).or_default() += 1.0);
        }
        Crowd { groups, rooms }
    }
}

fn crowds(plan: &Plan) -> Vec<Crowd> {
    let mut there: Vec<u32> = plan.groups.iter().map(|group| group.initial).collect();
    let mut crowds = Vec::new();
    for phase in &plan.phases {
        let before = there.clone();
        if let Some(goal) = &phase.connections {
            there.clone_from(goal);
        }
        crowds.push(Crowd::of(plan, before.iter().zip(&there).map(|(a, b)| (a + b).div_ceil(2)).collect()));
    }
    crowds
}

/// Over the whole run.
fn mean(crowds: &[Crowd], plan: &Plan) -> Crowd {
    let total = plan.length().as_secs_f64().max(f64::MIN_POSITIVE);
    let share = |phase: usize| plan.phases[phase].length.as_secs_f64() / total;
    let of_group = |g: usize| {
        let sum: f64 = crowds.iter().enumerate().map(|(p, crowd)| f64::from(crowd.groups[g]) * share(p)).sum();
        sum.round() as u32
    };
    Crowd::of(plan, (0..plan.groups.len()).map(of_group).collect())
}

/// The room of each publisher that is there.
fn senders<'p>(plan: &'p Plan, group: &'p PublisherGroup, crowd: &Crowd) -> impl Iterator<Item = u32> + use<'p> {
    let (rooms, there) = match &group.from {
        From::Separate(rooms) => (rooms, rooms.len()),
        From::Members { group } => (&plan.groups[*group as usize].rooms, crowd.groups[*group as usize] as usize),
    };
    rooms.iter().take(there).copied()
}

/// Copies of a message into a room, that to its sender included.
fn copies(plan: &Plan, crowd: &Crowd, room: u32) -> f64 {
    match plan.mode {
        Mode::Echo => 1.0,
        Mode::Broadcast | Mode::Observe => crowd.rooms.get(&room).copied().unwrap_or(0.0),
    }
}
