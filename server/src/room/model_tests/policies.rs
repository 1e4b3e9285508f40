//! Single stories about members who do not read, and about memory.

use wire::Opcode;

use super::super::*;
use super::peer::whole_frames;
use super::world::{World, frames_of};
use crate::accounts::Accounts;

/// One member that stops reading while 100 messages of 210 bytes go through a log of 8 KiB.
fn stopped_reader(policy: LagPolicy) -> World {
    let mut world = World::new(policy, 1 << 20);
    world.join(true, 0);
    world.join(false, 0);
    world.adopt(0);
    world.adopt(1);
    world.peers[1].window = 300;
    for _ in 0..100 {
        world.publish(200);
        world.flush();
    }
    assert_eq!(frames_of(&world, 0), (0..100).collect::<Vec<_>>());
    assert_eq!(world.room.log().capacity(), 8192);
    world
}

#[test]
fn disconnect_throws_the_stopped_reader_out_between_two_frames() {
    let world = stopped_reader(LagPolicy::Disconnect);
    assert_eq!(world.peers[1].departed, Some(Why::Lagged));
    // The rest of the frame it was in the middle of was kept for it.
    assert_eq!((frames_of(&world, 1), whole_frames(&world.peers[1].received).1), (vec![0, 1], 0));
}

#[test]
fn skip_goes_on_after_what_was_published_when_it_was_passed() {
    let mut world = stopped_reader(LagPolicy::Skip);
    world.open_window(1, 1 << 20);
    let frames = frames_of(&world, 1);
    assert_eq!(frames[..2], [0, 1]);
    assert!(frames[2] > 30 && frames[2..].iter().copied().eq(frames[2]..100));
    assert_eq!(world.accounts.tally.skipped_messages, 100 - frames.len() as u64);
    assert_eq!(world.accounts.tally.skipped_connections, 1);
}

#[test]
fn latest_goes_on_with_the_newest_message() {
    let mut world = stopped_reader(LagPolicy::Latest);
    world.open_window(1, 1 << 20);
    assert_eq!(frames_of(&world, 1), [0, 1, 99]);
    assert_eq!(world.accounts.tally.skipped_messages, 97);
}

#[test]
fn who_resumed_is_told_where_to_resume_again_instead_of_skipping() {
    let mut world = World::new(LagPolicy::Skip, 1 << 20);
    for _ in 0..3 {
        world.publish(200);
    }
    world.join(false, 2);
    world.adopt(0);
    for _ in 0..100 {
        world.publish(200);
        world.flush();
    }
    let Some(Why::Behind(oldest)) = world.peers[0].departed else { panic!("{:?}", world.peers[0].departed) };
    assert!(oldest.index > 1 && oldest.generation == 1);
}

#[test]
fn the_first_one_written_to_rotates() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    for conn in 0..3 {
        world.join(true, 0);
        world.adopt(conn);
    }
    let mut firsts = Vec::new();
    for _ in 0..6 {
        world.publish(1);
        let mut order = Vec::new();
        world.room.flush(0, &mut world.accounts, &mut |fd, a, b| {
            order.push(fd);
            Sent::Bytes(a.len() + b.len())
        });
        assert_eq!(order.len(), 3);
        firsts.push(order[0]);
    }
    firsts.sort_unstable();
    assert_eq!(firsts, [0, 0, 1, 1, 2, 2]);
}

#[test]
fn rests_of_frames_beyond_their_memory_cost_the_connection() {
    let mut world = World::new(LagPolicy::Skip, 1 << 20);
    world.accounts.split = crate::budget::Budget::new(100);
    world.join(false, 0);
    world.adopt(0);
    world.peers[0].window = 10;
    while world.peers[0].departed.is_none() {
        world.publish(200);
        world.flush();
    }
    assert_eq!(world.peers[0].departed, Some(Why::NoMemory));
    assert_eq!(world.accounts.split.used(), 0);
}

#[test]
fn who_stalls_in_the_middle_of_a_frame_is_given_its_rest() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.join(false, 0);
    world.adopt(0);
    world.peers[0].window = 100;
    world.publish(200);
    world.flush();
    assert_eq!(world.room.expire(0), None);
    world.see_off();
    assert_eq!((world.peers[0].departed, frames_of(&world, 0)), (Some(Why::Stalled), vec![0]));
}

#[test]
fn who_has_left_is_not_named_as_departing_afterwards() {
    let mut room = Room::new("r", 1, 4096, LagPolicy::Disconnect, 0);
    let mut accounts = Accounts::new(1 << 20);
    let member = room.reserve(7, 0);
    room.adopt(member, 0, Private::None, 0, &mut accounts, &mut |_, _, _| Sent::Failed);
    room.append(Opcode::Text, b"x", 0, &mut accounts).unwrap();
    room.flush(0, &mut accounts, &mut |_, _, _| Sent::Failed);
    assert!(room.leave(member, &mut accounts).is_empty());
    assert_eq!(room.next_departure(), None);
}

#[test]
fn idle_history_is_given_back_unless_somebody_needs_it() {
    let mut world = World::new(LagPolicy::Disconnect, 1 << 20);
    world.join(false, 0);
    world.adopt(0);
    world.publish(10);
    world.flush();
    world.room.forget_history(&mut world.accounts);
    assert!(world.room.log().capacity() > 0);
    world.open_window(0, 1000);
    world.room.forget_history(&mut world.accounts);
    assert_eq!((world.room.log().capacity(), world.accounts.log.used()), (0, 0));
    world.publish(10);
    world.flush();
    assert_eq!(frames_of(&world, 0), [0, 1]);
}
