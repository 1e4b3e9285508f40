//! Pure: what the server has done: plain counters a thread, summed when somebody asks.
//!
//! | file | holds |
//! |---|---|
//! | `counters` | what a shard counts while it works |
//! | `shard` | what a shard says of itself when it is asked |
//! | `listing` | rooms and connections one by one |
//! | `front` | what is not the shards': accepting, requests, the process |
//! | `report` | `/stats`: all of it, summed |

mod counters;
mod front;
mod listing;
mod report;
mod shard;

pub use counters::{ChatCounters, Counters, PeerCode};
pub use front::{Front, Process, Service, Snapshot};
pub use listing::{ClientReport, Listing, RoomReport, merge_rooms};
pub use report::{Report, RoomNames};
pub use shard::{ROOMS_LISTED, ShardReport, seconds};
