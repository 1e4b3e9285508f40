//! `fanout record`: the target of a recording from a few flags, through the same checks as a file's.

use std::fmt::Write as _;
use std::path::Path;

use crate::plan::Plan;
use crate::scenario::{Limits, ScenarioError, parse};

/// What a recording connects to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listening {
    /// The server, such as `ws://127.0.0.1:9001/ws/{room}`.
    pub url: String,
    /// Rooms, each heard on a connection of its own.
    pub rooms: Vec<String>,
    /// Extra request headers.
    pub headers: Vec<(String, String)>,
    /// Subprotocols to offer.
    pub subprotocols: Vec<String>,
}

/// Makes a plan whose target and rooms are those to be recorded; nothing is published. Errors point into the scenario that the flags
/// amount to, which is shown.
///
/// # Errors
/// As [`parse`].
pub fn listening(listening: &Listening, limits: &Limits) -> Result<Plan, ScenarioError> {
    parse(Path::new("record"), &listening.scenario(), &[], limits)
}

impl Listening {
    /// The scenario file that these flags amount to.
    fn scenario(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let list = |texts: &[String]| toml::Value::from(texts.to_vec()).to_string();
        // Writing into a String cannot fail, here and below.
        let mut text = format!("name = \"record\"\n\n[target]\nurl = {}\n", quoted(&self.url));
        if !self.subprotocols.is_empty() {
            let _ = writeln!(text, "subprotocols = {}", list(&self.subprotocols));
        }
        if !self.headers.is_empty() {
            text += "[target.headers]\n";
            for (name, value) in &self.headers {
                let _ = writeln!(text, "{} = {}", quoted(name), quoted(value));
            }
        }
        let count = self.rooms.len();
        let _ = write!(text, "\n[[connections]]\nname = \"rooms\"\ncount = {count}\nrooms = {}\n", list(&self.rooms));
        let _ = write!(text, "\n[[publishers]]\nname = \"nobody\"\ncount = {count}\nrate = 1\n");
        text += "\n[[phases]]\nname = \"recording\"\nfor = \"1s\"\n";
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { descriptors: 20_000, ports: 28_232 };

    #[test]
    fn odd_names_and_headers_come_through() {
        let plan = listening(
            &Listening {
                url: "ws://127.0.0.1:9001/ws/{room}".into(),
                rooms: vec!["ADA/XBT".into(), "a \"quoted\" one".into()],
                headers: vec![("X-Key".into(), "a\\b\"c".into())],
                subprotocols: vec!["v1".into()],
            },
            &LIMITS,
        )
        .unwrap();
        assert_eq!(plan.rooms, ["ADA/XBT", "a \"quoted\" one"]);
        assert_eq!(plan.target.headers, [("X-Key".to_owned(), "a\\b\"c".to_owned())]);
        assert_eq!(plan.target.subprotocols, ["v1"]);
    }

    #[test]
    fn a_wrong_url_is_refused_as_in_a_file() {
        let of = |url: &str| {
            let rooms = vec!["a".into(), "b".into()];
            listening(&Listening { url: url.into(), rooms, ..Listening::default() }, &LIMITS).unwrap_err().to_string()
        };
        assert_eq!(of("http://127.0.0.1:1/"), "a WebSocket url begins with ws://, not http://");
        assert!(of("ws://127.0.0.1:1/feed").starts_with("2 rooms, but the path /feed has no {room}"));
    }
}
