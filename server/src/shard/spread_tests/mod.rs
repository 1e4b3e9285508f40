//! A few shards with two rooms between them, their letters delivered in any order that the letter boxes allow, against a list of messages.
//!
//! | file | holds |
//! |---|---|
//! | `world` | the shards, their clients and their letters |
//! | `promises` | what must have come of it all |
//! | `stories` | single cases |

mod promises;
mod stories;
mod world;

use proptest::prelude::*;

use self::world::{ROOMS, World};

#[derive(Debug, Clone)]
enum Step {
    Join { room: usize, stuck: bool },
    Resume { room: usize, back: u64 },
    Publish { client: usize, size: usize },
    Leave { client: usize },
    Flush { shard: usize },
    Down { to: usize, from: usize },
    Up { to: usize, from: usize },
    Rest,
    Retire,
}

fn step() -> impl Strategy<Value = Step> {
    let (room, client, shard) = (0..ROOMS, 0_usize..64, 0_usize..4);
    prop_oneof![
        6 => (room.clone(), prop::bool::weighted(0.1)).prop_map(|(room, stuck)| Step::Join { room, stuck }),
        3 => (room, 0_u64..30).prop_map(|(room, back)| Step::Resume { room, back }),
        20 => (client.clone(), prop_oneof![0_usize..50, 0_usize..900]).prop_map(|(client, size)| Step::Publish { client, size }),
        4 => client.prop_map(|client| Step::Leave { client }),
        8 => shard.clone().prop_map(|shard| Step::Flush { shard }),
        16 => (shard.clone(), shard.clone()).prop_map(|(to, from)| Step::Down { to, from }),
        16 => (shard.clone(), shard).prop_map(|(to, from)| Step::Up { to, from }),
        1 => Just(Step::Rest),
        1 => Just(Step::Retire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// However the letters interleave, every member gets each message from its index on once, in one order, on whichever shard it is.
    #[test]
    fn members_on_any_shard_receive_the_same_messages_in_the_same_order(
        shards in 2_usize..5,
        above in 1_usize..4,
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let mut world = World::new(shards, above);
        for step in steps {
            world.now += 1;
            let clients = world.clients.len().max(1);
            match step {
                Step::Join { room, stuck } => world.join(room, None, stuck),
                Step::Resume { room, back } => world.join(room, Some(back), false),
                Step::Publish { client, size } if client % clients < world.clients.len() => world.publish(client % clients, size),
                Step::Leave { client } if client % clients < world.clients.len() => world.leave(client % clients),
                Step::Publish { .. } | Step::Leave { .. } => {}
                Step::Flush { shard } => world.flush(shard % shards),
                Step::Down { to, from } => world.take_down(to % shards, from % shards),
                Step::Up { to, from } => world.take_up(to % shards, from % shards),
                Step::Rest => world.come_to_rest(),
                Step::Retire => world.retire(),
            }
        }
        world.check();
    }
}
