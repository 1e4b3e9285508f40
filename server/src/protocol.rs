//! The two ways in which the members of a room can be spoken to.

use std::fmt;

use serde::Serialize;

/// What WebSocket members of a room speak. The first one decides; as long as the room has members, the others must speak the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// `/broadcast/{room}`: what a member sends goes to every member byte for byte.
    Broadcast,
    /// `/ws/{room}`: messages in JSON, with sender, time and number.
    Chat,
}

impl Protocol {
    /// The path that rooms of this protocol are below.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Broadcast => "/broadcast/",
            Self::Chat => "/ws/",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broadcast => "broadcast",
            Self::Chat => "chat",
        })
    }
}
