//! The room that a recorded message belongs to.

use serde_json::Value;

/// Where the name of a message's room is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomOf {
    /// It is the room of the connection on which it came.
    Connection,
    /// In the message itself, at this JSON pointer (RFC 6901), such as `/product_id`; where there is none, as [`RoomOf::Connection`].
    Message(String),
}

impl RoomOf {
    /// The room of a message that came on the connection of `room`.
    pub fn name(&self, room: &str, payload: &[u8]) -> String {
        let named = match self {
            RoomOf::Connection => None,
            RoomOf::Message(pointer) => {
                serde_json::from_slice::<Value>(payload).ok().and_then(|message| match message.pointer(pointer)? {
                    Value::String(name) if !name.is_empty() => Some(name.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
            }
        };
        named.unwrap_or_else(|| room.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_filed_under_what_it_names_or_else_under_its_connection() {
        let by = RoomOf::Message("/data/symbol".to_owned());
        assert_eq!(by.name("feed", br#"{"data":{"symbol":"BTC-USD"}}"#), "BTC-USD");
        assert_eq!(by.name("feed", br#"{"data":{"symbol":7}}"#), "7");
        for other in [&br#"{"data":{}}"#[..], br#"{"data":{"symbol":""}}"#, b"not json", b"\xff"] {
            assert_eq!(by.name("feed", other), "feed");
        }
        assert_eq!(RoomOf::Connection.name("r1", br#"{"data":{"symbol":"BTC-USD"}}"#), "r1");
    }
}
