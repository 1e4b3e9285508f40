//! What the double does wrong.

use std::time::Duration;

/// What the double does wrong. Messages are counted from 1, the probe's aside; connections from 1, the probe's two included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Leaves out every so-manieth message.
    Drop { every: u64, whose: Whose },
    /// Sends it twice.
    Duplicate { every: u64, whose: Whose },
    /// Sends it after the next one.
    Swap { every: u64, whose: Whose },
    /// Changes one byte of it.
    Alter { every: u64, byte: usize, whose: Whose },
    /// At a message, closes every so-manieth subscriber with 1013, and sends the message to the others.
    Close { at: u64, every: usize },
    /// As `Close`, and says a cursor to everybody, but closes whoever comes back with it with 4001.
    RefuseResume { at: u64, every: usize },
    /// Closes the sender of a message with 1008, after relaying it.
    CloseSender { at: u64 },
    /// Sends one subscriber a frame with a reserved bit in place of a message.
    BadFrame { at: u64 },
    /// Stands still before a message.
    Stall { at: u64, pause: Duration },
    /// Does not read on after a message; relays what it has read.
    StopReading { at: u64, pause: Duration },
    /// Relays the probe's message; then throws away what it reads, unread, as fast as it can.
    Swallow,
    /// Answers all upgrades after so many with this status.
    Refuse { after: usize, status: u16 },
    /// Refuses all upgrades after so many with 404, and says in the body what it was asked for: line and headers.
    Parrot { after: usize },
    /// Relays nothing.
    Mute,
    /// Relays to everybody but the sender.
    NoEcho,
    /// Sends each message in three frames.
    Fragment,
    /// Pings between messages and between fragments.
    Ping { every: u64 },
    /// Relays nothing that is not JSON.
    JsonOnly,
    /// Puts each message into JSON of its own.
    Wrap,
    /// Closes TCP instead of answering the upgrade.
    HangUp,
    /// Ends at a message, without a close frame to anybody.
    Die { at: u64 },
}

/// Whose copies it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Every connection of the room but the sender.
    Everybody,
    /// One subscriber.
    OneSubscriber,
}

impl Fault {
    /// Whether it concerns this message at this member.
    pub fn strikes(every: u64, whose: Whose, message: u64, member: usize) -> bool {
        message.is_multiple_of(every) && (whose == Whose::Everybody || member == 0)
    }
}
