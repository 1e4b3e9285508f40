//! `/clients`: which connections there are, and closing one.

use serde::Serialize;

use super::answer::{Answer, Refused, json};
use super::site::Site;
use crate::client_id::ClientId;
use crate::shard::{Ask, Kicked};
use crate::stats::ClientReport;

#[derive(Serialize)]
struct Clients {
    total: usize,
    clients: Vec<ClientReport>,
}

#[derive(Serialize)]
struct Closed {
    id: ClientId,
    closed: usize,
}

impl Site {
    pub(super) async fn list_clients(&self, room: Option<&str>, limit: usize) -> Result<Answer, Refused> {
        let mut found = Clients { total: 0, clients: Vec::new() };
        for shard in 0..self.shards.len() {
            let (room, limit) = (room.map(str::to_owned), limit - found.clients.len());
            let mut listing = self.ask(shard, |reply| Ask::Clients { room, limit, reply }).await?;
            for client in &mut listing.items {
                client.id.shard = shard;
            }
            found.total += listing.total;
            found.clients.append(&mut listing.items);
        }
        Ok(json(200, &found))
    }

    pub(super) async fn kick(&self, id: ClientId) -> Result<Answer, Refused> {
        let kicked = match id.shard {
            shard if shard < self.shards.len() => self.ask(shard, |reply| Ask::Kick { id, reply }).await?,
            _ => Kicked::NotThere,
        };
        match kicked {
            Kicked::Closing => Ok(json(200, &Closed { id, closed: 1 })),
            Kicked::NotThere => Err(Refused::new(404, "this client has gone, or is on its way out already")),
        }
    }
}
