//! A room among simulated sockets, against what each member should have received.
//!
//! | file | holds |
//! |---|---|
//! | `world` | the room, its connections, and what can happen to them |
//! | `peer` | one connection, and how its bytes are decoded |
//! | `promises` | what must have come of it all |
//! | `policies`, `events` | single stories |

mod events;
mod peer;
mod policies;
mod promises;
mod world;

use proptest::prelude::*;

use self::world::{STEP, World, compressors};
use super::*;
use crate::coding::{Coding, Window};
use crate::compressors::Compressors;

#[derive(Debug, Clone)]
enum Step {
    Publish(usize),
    Burst(usize, usize),
    Flush,
    Join { healthy: bool, coding: Coding },
    Resume(u64, Coding),
    Rest,
    JoinEvents { healthy: bool, back: u64 },
    Adopt(usize),
    Open(usize, usize),
    Ping(usize),
    Leave(usize),
    Expire,
}

fn step(leaves: bool) -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0_usize..300).prop_map(Step::Publish),
        1 => (2000_usize..5000).prop_map(Step::Publish),
        2 => (1_usize..80, 0_usize..200).prop_map(|(n, size)| Step::Burst(n, size)),
        8 => Just(Step::Flush),
        3 => (any::<bool>(), coding()).prop_map(|(healthy, coding)| Step::Join { healthy, coding }),
        1 => (1_u64..40, coding()).prop_map(|(back, coding)| Step::Resume(back, coding)),
        1 => Just(Step::Rest),
        2 => (any::<bool>(), prop_oneof![Just(0_u64), 1_u64..200])
            .prop_map(|(healthy, back)| Step::JoinEvents { healthy, back }),
        6 => (0_usize..64).prop_map(Step::Adopt),
        14 => (0_usize..64, prop_oneof![0_usize..8, 0_usize..300, 0_usize..20_000]).prop_map(|(peer, n)| Step::Open(peer, n)),
        4 => (0_usize..64).prop_map(Step::Ping),
        2 => (0_usize..64).prop_map(move |peer| if leaves { Step::Leave(peer) } else { Step::Flush }),
        1 => Just(if leaves { Step::Expire } else { Step::Flush }),
    ]
}

fn coding() -> impl Strategy<Value = Coding> {
    let windows = [Window::Nine, Window::Ten, Window::Eleven, Window::Twelve, Window::Fifteen];
    prop_oneof![
        3 => Just(Coding::Plain),
        2 => proptest::sample::select(windows.to_vec()).prop_map(Coding::Standalone),
        5 => Just(Coding::Shared(Window::Twelve)),
        3 => Just(Coding::Shared(Window::Fifteen)),
    ]
}

/// Who is there from the beginning, and what compressors there is memory for.
#[derive(Debug, Clone)]
struct Crowd {
    members: usize,
    coding: Coding,
    compressors: usize,
}

fn crowd() -> impl Strategy<Value = Crowd> {
    (prop_oneof![Just(1_usize), 7_usize..12], coding(), prop_oneof![Just(1_usize), Just(2), Just(3), Just(100)])
        .prop_map(|(members, coding, compressors)| Crowd { members, coding, compressors })
}

fn play(policy: LagPolicy, log_memory: usize, crowd: &Crowd, steps: Vec<Step>) {
    let mut world = World::new(policy, log_memory);
    world.accounts.compressors = compressors(crowd.compressors * Compressors::LARGEST);
    for conn in 0..crowd.members {
        world.join_as(crowd.coding, conn % 3 < 2, 0);
        world.adopt(conn);
    }
    for step in steps {
        world.now += STEP;
        let pick = |world: &World, n: usize| n % world.peers.len();
        match step {
            Step::Publish(size) => world.publish(size),
            Step::Burst(count, size) => (0..count).for_each(|_| world.publish(size)),
            Step::Flush => world.flush(),
            Step::Join { healthy, coding } => world.join_as(coding, healthy, 0),
            Step::Resume(back, coding) => world.join_as(coding, false, back),
            Step::Rest => world.rest(),
            Step::JoinEvents { healthy, back } => world.join_events(healthy, back),
            Step::Adopt(n) => world.adopt(pick(&world, n)),
            Step::Open(n, bytes) => world.open_window(pick(&world, n), bytes),
            Step::Ping(n) => world.ping(pick(&world, n)),
            Step::Leave(n) => world.leave(pick(&world, n)),
            Step::Expire => {
                let _ = world.room.expire(world.now.saturating_sub(40 * STEP));
                world.see_off();
            }
        }
    }
    world.check(policy);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever happens, every member gets whole frames, in order, none twice, and none is missing but what the policy counted.
    #[test]
    fn every_member_receives_what_the_policy_promises(
        policy in prop_oneof![Just(LagPolicy::Disconnect), Just(LagPolicy::Skip), Just(LagPolicy::Latest)],
        log_memory in prop_oneof![3 => Just(1_usize << 20), 1 => Just(4096_usize), 1 => Just(8192_usize)],
        crowd in crowd(),
        steps in any::<bool>().prop_flat_map(|leaves| proptest::collection::vec(step(leaves), 1..200)),
    ) {
        play(policy, log_memory, &crowd, steps);
    }
}
