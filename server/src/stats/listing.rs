//! Rooms and connections one by one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

use serde::Serialize;

use crate::client_id::ClientId;
use crate::protocol::Protocol;

/// One room, or a shard's part in it.
#[derive(Debug, Clone, Serialize)]
pub struct RoomReport {
    /// Its name.
    pub name: String,
    /// What its members speak, if it ever had one.
    pub protocol: Option<Protocol>,
    /// Its members.
    pub members: usize,
    /// Of them, those that cannot be written to now.
    pub blocked: usize,
    /// Messages published in it; also the next one's index.
    pub index: u64,
    /// Bytes that its log occupies.
    pub log_bytes: usize,
    /// Which log, in base 36.
    pub generation: String,
    /// Seconds since something was last published in it; `None` if nothing ever was.
    pub last_publish_s: Option<f64>,
}

/// One connection.
#[derive(Debug, Clone, Serialize)]
pub struct ClientReport {
    /// What to call it.
    pub id: ClientId,
    /// Where it comes from; `None` if it has just broken.
    pub address: Option<IpAddr>,
    /// The user that its token names.
    pub user: Option<String>,
    /// The room that it is in; `None` for an echo, and while it leaves.
    pub room: Option<String>,
    /// Seconds since it was let in.
    pub connected_s: f64,
    /// Seconds since anything was received from it, to 16 ms.
    pub heard_s: f64,
    /// Seconds since it last took a byte, if it cannot be written to.
    pub blocked_s: Option<f64>,
    /// Bytes that it has still to be sent: of its room, and private ones.
    pub waiting_bytes: u64,
}

/// Some of many, as `/rooms` and `/clients` answer.
#[derive(Debug, Clone, Serialize)]
pub struct Listing<T> {
    /// How many there are that were asked for.
    pub total: usize,
    /// The first of them.
    pub items: Vec<T>,
}

/// Adds a shard's part in a room to those of other shards.
pub(super) fn join(rooms: &mut BTreeMap<String, RoomReport>, part: RoomReport) {
    match rooms.entry(part.name.clone()) {
        Entry::Vacant(entry) => drop(entry.insert(part)),
        Entry::Occupied(mut entry) => {
            let room = entry.get_mut();
            room.members += part.members;
            room.blocked += part.blocked;
            room.log_bytes += part.log_bytes;
            room.protocol = room.protocol.or(part.protocol);
            // A copy is never ahead of its home.
            room.index = room.index.max(part.index);
            room.last_publish_s = room.last_publish_s.into_iter().chain(part.last_publish_s).reduce(f64::min);
        }
    }
}

/// Rooms of several shards as one list: by name, the first `limit`. A room with members on several shards is one room; each listing's
/// total is that of the rooms whose home the shard is.
#[must_use]
pub fn merge_rooms(shards: Vec<Listing<RoomReport>>, limit: usize) -> Listing<RoomReport> {
    let total = shards.iter().map(|listing| listing.total).sum();
    let mut rooms = BTreeMap::new();
    for part in shards.into_iter().flat_map(|listing| listing.items) {
        join(&mut rooms, part);
    }
    Listing { total, items: rooms.into_values().take(limit).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str, members: usize, index: u64, last_publish_s: Option<f64>) -> RoomReport {
        RoomReport {
            name: name.to_owned(),
            members,
            blocked: 0,
            index,
            log_bytes: 0,
            generation: "z".to_owned(),
            protocol: Some(Protocol::Broadcast),
            last_publish_s,
        }
    }

    #[test]
    fn a_room_on_several_shards_is_one_room() {
        let at = |seconds| Some(seconds);
        let home = Listing { total: 2, items: vec![room("b", 3, 7, at(2.0)), room("c", 1, 1, at(5.0))] };
        let other = Listing { total: 1, items: vec![room("a", 1, 0, None), room("b", 4, 6, at(3.0))] };
        for shards in [[home.clone(), other.clone()], [other, home]] {
            let merged = merge_rooms(shards.to_vec(), 2);
            assert_eq!(merged.total, 3);
            let seen = |room: &RoomReport| (room.name.clone(), room.members, room.index, room.last_publish_s);
            let seen: Vec<_> = merged.items.iter().map(seen).collect();
            assert_eq!(seen, [("a".to_owned(), 1, 0, None), ("b".to_owned(), 7, 7, at(2.0))]);
        }
    }
}
