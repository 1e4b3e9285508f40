//! Single cases: where members are placed, and what copies can no longer serve.

use super::super::*;
use super::world::{Shard, World};

fn members_by_shard(world: &World) -> Vec<usize> {
    world.shards.iter().map(|shard| shard.rooms.iter().map(|entry| entry.room.members()).sum()).collect()
}

#[test]
fn a_small_room_stays_at_home_and_a_large_one_is_spread_evenly_one_shard_after_the_other() {
    let mut world = World::new(4, 3);
    for (members, expected) in
        [(3, [3, 0, 0, 0]), (6, [3, 3, 0, 0]), (7, [3, 3, 1, 0]), (12, [3, 3, 3, 3]), (16, [4, 4, 4, 4])]
    {
        while world.clients.len() < members {
            world.join(0, None, false);
            world.come_to_rest();
        }
        assert_eq!(members_by_shard(&world), expected);
    }
    // Whoever comes takes the place of whoever left.
    for client in 0..3 {
        world.leave(client);
    }
    world.join(0, None, false);
    world.come_to_rest();
    assert_eq!(members_by_shard(&world), [2, 4, 4, 4]);
    world.check();
}

#[test]
fn who_resumes_on_another_shard_gets_what_that_copy_held_from_its_beginning() {
    let mut world = World::new(2, 1);
    world.join(0, None, false);
    for _ in 0..10 {
        world.publish(0, 20);
    }
    world.join(0, Some(7), false);
    world.come_to_rest();
    assert_eq!(world.clients[1].seat.map(|(shard, ..)| shard), Some(1));
    assert_eq!(messages(&world.clients[1].received).count(), 7);
    world.check();
}

#[test]
fn what_a_copy_no_longer_holds_is_served_at_home() {
    let mut world = World::new(2, 1);
    world.join(0, None, false);
    world.publish(0, 20);
    world.join(0, None, false);
    world.come_to_rest();
    // Idle history is given back on each shard in its own time.
    let Shard { rooms, accounts, .. } = &mut world.shards[1];
    let copy = rooms.find("r").unwrap();
    rooms.get_mut(copy).unwrap().room.forget_history(accounts);
    world.join(0, None, false);
    world.join(0, Some(1), false);
    assert_eq!(world.shards[1].down[0].len(), 1, "it was placed where fewest are");
    world.come_to_rest();
    assert_eq!(world.clients[3].seat.map(|(shard, ..)| shard), Some(0));
    world.check();
}

#[test]
fn a_copy_without_memory_for_a_message_closes_its_members_and_goes_on_after_it() {
    let mut world = World::new(2, 1);
    world.join(0, None, false);
    world.join(0, None, true);
    world.come_to_rest();
    world.shards[1].accounts.log = crate::budget::Budget::new(0);
    world.publish(0, 20);
    world.come_to_rest();
    assert_eq!(members_by_shard(&world), [1, 0]);
    world.shards[1].accounts.log = crate::budget::Budget::new(1 << 20);
    world.join(0, None, false);
    world.publish(0, 20);
    world.check();
}
