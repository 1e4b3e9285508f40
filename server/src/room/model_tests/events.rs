//! Single stories about the stream of events.

use super::super::*;
use super::world::{World, frames_of};

#[test]
fn events_and_frames_carry_the_same_messages() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.join(true, 0);
    world.join_events(true, 0);
    world.adopt(0);
    world.adopt(1);
    for size in [0, 1, 100, 3000, 20] {
        world.publish(size);
    }
    world.flush();
    assert_eq!(frames_of(&world, 0), [0, 1, 2, 3, 4]);
    assert_eq!(world.peers[0].whole_frames(), world.peers[1].whole_frames());
}

#[test]
fn events_are_encoded_only_while_somebody_receives_them() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.join_events(true, 0);
    world.publish(10);
    world.flush();
    assert!(world.room.log_bytes() > world.room.log().capacity());
    world.leave(0);
    assert_eq!(world.room.log_bytes(), world.room.log().capacity());
    assert_eq!(world.accounts.log.used(), world.room.log_bytes());
}

#[test]
fn who_resumes_events_gets_the_history_of_the_plain_log() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    for _ in 0..30 {
        world.publish(50);
    }
    // The first makes the stream, the second finds it too short and the third finds what it wants.
    for (conn, back) in [10, 25, 20].into_iter().enumerate() {
        world.join_events(true, back);
        world.adopt(conn);
        assert_eq!(frames_of(&world, conn), (30 - back..30).collect::<Vec<_>>());
    }
    world.publish(50);
    world.flush();
    assert!((0..3).all(|conn| frames_of(&world, conn).last() == Some(&30)));
}

#[test]
fn history_of_several_marks_is_put_before_a_stream_in_order() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.room = Room::new("r", 1, 1 << 16, LagPolicy::Disconnect, 0);
    for _ in 0..500 {
        world.publish(20);
    }
    world.join_events(false, 0);
    world.join_events(true, 450);
    world.adopt(1);
    assert_eq!(frames_of(&world, 1), (50..500).collect::<Vec<_>>());
    world.join_events(true, 499);
    world.adopt(2);
    assert_eq!(frames_of(&world, 2), (1..500).collect::<Vec<_>>());
}

#[test]
fn who_wants_what_is_gone_begins_with_the_oldest_held() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    for _ in 0..200 {
        world.publish(200);
        world.flush();
    }
    world.join_events(true, 200);
    let oldest = world.room.oldest().index;
    assert!(oldest > 0 && world.peers[0].first == oldest);
    let stranger = crate::resume::ResumePoint { generation: 77, index: 190 };
    let place = world.room.reserve_events(Some(stranger), 1, 0, &mut world.accounts, &mut |_, _, _| Sent::Blocked);
    assert_eq!(place.unwrap().1.index, oldest);
}

#[test]
fn a_stream_of_events_without_memory_is_given_up_and_frames_go_on() {
    let mut world = World::new(LagPolicy::Disconnect, 4096);
    world.join(true, 0);
    world.join_events(true, 0);
    world.adopt(0);
    world.adopt(1);
    world.publish(10);
    world.flush();
    assert_eq!((world.peers[1].departed, world.room.derived.len()), (Some(Why::Lagged), 0));
    world.publish(10);
    world.flush();
    assert_eq!(frames_of(&world, 0), [0, 1]);
}
