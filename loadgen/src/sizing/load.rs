//! What a server has to do.

use serde::Serialize;

/// A level of load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Load {
    /// Subscribers.
    pub connections: f64,
    /// Rooms; `None`: not known.
    pub rooms: Option<f64>,
    /// A second, all rooms together.
    pub publishes_per_s: f64,
    /// A second, to all subscribers together.
    pub deliveries_per_s: f64,
    /// Payload of a message, mean; `None`: not known.
    pub message_bytes: Option<f64>,
}

impl Load {
    /// What one of several servers has, each room being whole on one of them: that with most rooms.
    #[must_use]
    pub fn of_one_in(&self, servers: u64) -> Self {
        let share = match self.rooms {
            Some(rooms) if rooms >= 1.0 => (rooms / servers as f64).ceil() / rooms,
            _ => 1.0 / servers as f64,
        };
        self.times(share)
    }

    /// The same load, more or less of it.
    #[must_use]
    pub fn times(&self, share: f64) -> Self {
        Self {
            connections: self.connections * share,
            rooms: self.rooms.map(|rooms| rooms * share),
            publishes_per_s: self.publishes_per_s * share,
            deliveries_per_s: self.deliveries_per_s * share,
            message_bytes: self.message_bytes,
        }
    }

    /// Bytes of a message as a plain frame of a server: RFC 6455, 5.2.
    #[must_use]
    pub fn frame_bytes(payload: f64) -> f64 {
        payload
            + match payload {
                ..126.0 => 2.0,
                ..65_536.0 => 4.0,
                _ => 10.0,
            }
    }
}
