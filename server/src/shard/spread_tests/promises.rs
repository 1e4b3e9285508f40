//! What every client should have received by the end, and that nothing is left behind.

use std::collections::BTreeMap;

use super::super::*;
use super::world::{World, numbers};

impl World {
    pub fn check(&mut self) {
        self.come_to_rest();
        for (i, client) in self.clients.iter().enumerate() {
            let Some(from) = client.from else {
                assert!(client.refused, "client {i} has no answer");
                continue;
            };
            let log = &self.logs[&from.generation][from.index as usize..];
            let received: Vec<_> = messages(&client.received).map(|(_, payload)| numbers(payload)).collect();
            assert_eq!(received[..], log[..received.len()], "client {i} gets each message once, in the room's order");
            if client.seat.is_some() && !client.stuck {
                assert_eq!(received.len(), log.len(), "client {i} gets everything");
            }
        }
        let mut seen = BTreeMap::new();
        for (client, serial) in self.logs.values().flatten() {
            let next = seen.entry(*client).or_insert(0);
            assert_eq!(serial, next, "a client's messages keep their order");
            *next += 1;
        }
        assert_eq!(seen, self.published, "everything published has its place");
        // And in the end nothing is left.
        for client in 0..self.clients.len() {
            self.leave(client);
        }
        self.come_to_rest();
        self.retire();
        self.come_to_rest();
        self.retire();
        for shard in &self.shards {
            assert_eq!((shard.rooms.homes(), shard.rooms.copies(), shard.accounts.log.used()), (0, 0, 0));
        }
    }
}
