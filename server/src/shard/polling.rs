//! Long polls that wait for a message, by room.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::oneshot;

/// Who waits for which room's next message. Rooms by their number in the shard's table.
#[derive(Debug, Default)]
pub struct Polling {
    rooms: HashMap<u32, BTreeMap<u64, oneshot::Sender<()>>>,
}

impl Polling {
    /// Has `wake` told of the room's next message.
    pub fn wait(&mut self, room: u32, key: u64, wake: oneshot::Sender<()>) {
        self.rooms.entry(room).or_default().insert(key, wake);
    }

    /// Takes out one that waits, if it still does.
    pub fn give_up(&mut self, room: u32, key: u64) {
        if let Some(waiting) = self.rooms.get_mut(&room) {
            waiting.remove(&key);
            if waiting.is_empty() {
                self.rooms.remove(&room);
            }
        }
    }

    /// Tells everybody who waits that the room has a message. Costs one comparison where nobody polls.
    #[inline]
    pub fn wake(&mut self, room: u32) {
        if !self.rooms.is_empty() {
            for wake in self.rooms.remove(&room).unwrap_or_default().into_values() {
                // Whoever waited may just have gone away.
                let _ = wake.send(());
            }
        }
    }

    /// Whether anybody waits for this room, which must not be dropped then.
    pub fn awaits(&self, room: u32) -> bool {
        self.rooms.contains_key(&room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_for_a_room_are_woken_once_and_the_others_are_not() {
        let mut polling = Polling::default();
        let mut wait = |room, key| {
            let (wake, woken) = oneshot::channel();
            polling.wait(room, key, wake);
            woken
        };
        let (mut a, mut b, mut other, mut gone) = (wait(1, 1), wait(1, 2), wait(2, 3), wait(1, 4));
        polling.give_up(1, 4);
        polling.wake(1);
        assert_eq!((a.try_recv(), b.try_recv()), (Ok(()), Ok(())));
        assert!(other.try_recv().is_err() && gone.try_recv().is_err());
        assert!(polling.awaits(2) && !polling.awaits(1));
        polling.give_up(2, 3);
        assert!(!polling.awaits(2) && polling.rooms.is_empty());
    }
}
