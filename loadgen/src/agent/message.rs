//! What a coordinator and its agents say to each other: a length (four bytes, little-endian), then a message in postcard's format.
//! Both are the same program, so there is one version of it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plan::{ClientEngine, Force, Origin};
use crate::worker::{Found, News, Order};

/// Bytes of the length before each message.
pub const LENGTH: usize = 4;
/// No message is longer: a length beyond this is something else on the pipe.
const LONGEST: usize = 1 << 28;

/// From the coordinator.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToAgent {
    /// The first message, once.
    Begin(Box<Begin>),
    /// For every worker of the agent.
    Order(Order),
}

/// From an agent.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromAgent {
    /// Its workers wait for orders.
    Ready,
    /// It cannot begin, for this reason, in a sentence.
    Cannot(String),
    /// Of one of its workers.
    News(News),
}

/// Everything that an agent needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begin {
    /// What to make the plan from.
    pub origin: Origin,
    /// The plan's scenario, resolved and redacted: what the agent makes must be the same.
    pub resolved: String,
    /// Which WebSocket client drives the connections.
    pub client: ClientEngine,
    /// What was found out about the servers.
    pub found: Found,
    /// Where to open the book of publishes.
    pub book: String,
    /// Workers and agents of the run.
    pub force: Force,
    /// Which agent this is, from 0.
    pub agent: u16,
    /// CPUs for the workers, in turn; `None`: they are not pinned.
    pub cpus: Option<Vec<usize>>,
}

impl Begin {
    /// The run-wide indices of the agent's workers.
    pub fn workers(&self) -> std::ops::Range<usize> {
        let each = self.force.workers_each();
        usize::from(self.agent) * each..(usize::from(self.agent) + 1) * each
    }
}

/// Bytes that are no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Not in the format.
    #[error("something else than fanout's messages came over the pipe ({0})")]
    Format(#[from] postcard::Error),
    /// Too long.
    #[error("something else than fanout's messages came over the pipe (a length of {0})")]
    Length(usize),
}

/// A message with its length before it.
///
/// # Errors
/// When it is too long.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, MessageError> {
    let mut bytes = postcard::to_extend(message, vec![0; LENGTH])?;
    let length = bytes.len() - LENGTH;
    let prefix = u32::try_from(length).ok().filter(|_| length <= LONGEST).ok_or(MessageError::Length(length))?;
    bytes[..LENGTH].copy_from_slice(&prefix.to_le_bytes());
    Ok(bytes)
}

/// How many bytes the message after this length has.
///
/// # Errors
/// When no message is so long.
pub fn length(prefix: [u8; LENGTH]) -> Result<usize, MessageError> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length <= LONGEST { Ok(length) } else { Err(MessageError::Length(length)) }
}

/// The message in bytes without their length.
///
/// # Errors
/// When they are something else.
pub fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, MessageError> {
    Ok(postcard::from_bytes(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Roll;
    use crate::live::snapshot::Connections;
    use crate::recorder::Recorder;
    use crate::worker::{DueCounts, Tick};

    #[test]
    fn a_tick_arrives_as_it_was_sent() {
        let mut recorder = Recorder::new(2, 3);
        recorder.slot(1, 2).times(5_000_000, 1_000_000, 2_000_000, 7);
        recorder.slot(1, 2).saved = -3;
        recorder.phase(1).sent = 9;
        let joined = Some([((4, 2), 11)].into());
        let (due, roll) = (DueCounts::default(), Roll::default());
        let connections = Connections { open: 5, away: 1, ..Connections::default() };
        let tick = Tick { worker: 3, recorder, connections, waiting: true, due, joined, roll };
        let bytes = encode(&FromAgent::News(News::Tick(Box::new(tick)))).unwrap();
        let (prefix, body) = bytes.split_first_chunk().unwrap();
        assert_eq!(length(*prefix).unwrap(), body.len());
        let FromAgent::News(News::Tick(tick)) = decode(body).unwrap() else { panic!("another message") };
        assert_eq!((tick.worker, tick.connections.open, tick.waiting), (3, 5, true));
        assert_eq!(tick.joined, Some([((4, 2), 11)].into()));
        let slot = tick.recorder.slot_of(1, 2).unwrap();
        assert_eq!((slot.due.count(), slot.due.max(), slot.sent.max(), slot.saved), (7, Some(4000), Some(3000), -3));
        assert_eq!(tick.recorder.phase_of(1).map(|p| p.sent), Some(9));
        assert!(tick.recorder.slot_of(0, 0).is_none());
    }

    #[test]
    fn bytes_of_something_else_are_refused() {
        assert!(length(*b"GET ").is_err());
        assert!(decode::<FromAgent>(&[200, 1, 2]).is_err());
    }
}
