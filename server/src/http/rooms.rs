//! `/rooms`: which rooms there are, and closing one.

use serde::Serialize;

use super::answer::{Answer, Refused, json};
use super::site::Site;
use crate::room::home_shard;
use crate::shard::Ask;
use crate::stats::{RoomReport, merge_rooms};

#[derive(Serialize)]
struct Rooms {
    total: usize,
    rooms: Vec<RoomReport>,
}

#[derive(Serialize)]
struct Closed {
    room: String,
    closed: usize,
}

impl Site {
    pub(super) async fn list_rooms(&self, prefix: &str, limit: usize) -> Result<Answer, Refused> {
        let mut listings = Vec::with_capacity(self.shards.len());
        for shard in 0..self.shards.len() {
            let prefix = prefix.to_owned();
            listings.push(self.ask(shard, |reply| Ask::Rooms { prefix, limit, reply }).await?);
        }
        let merged = merge_rooms(listings, limit);
        Ok(json(200, &Rooms { total: merged.total, rooms: merged.items }))
    }

    /// The home comes first: it delivers to the other shards what was published before, and they take that in before they close.
    pub(super) async fn close_room(&self, room: String) -> Result<Answer, Refused> {
        let mut closed = None;
        let shards = self.shards.len();
        let home = home_shard(&room, shards);
        for shard in (home..shards).chain(0..home) {
            let room = room.clone();
            if let Some(count) = self.ask(shard, |reply| Ask::CloseRoom { room, reply }).await? {
                *closed.get_or_insert(0) += count;
            }
        }
        match closed {
            Some(closed) => Ok(json(200, &Closed { room, closed })),
            None => Err(Refused::new(404, "there is no room of this name; GET /rooms lists those that there are")),
        }
    }
}
