//! One member of a chat room.
#![allow(dead_code, reason = "each test file uses its own part")]

use serde_json::{Value, json};

use crate::common::{Client, Server};

/// A member after its welcome.
pub struct Member {
    pub client: Client,
    pub name: String,
    pub welcome: Value,
}

impl Member {
    pub fn join(server: &Server, path: &str) -> Self {
        Self::welcomed(server.connect(path))
    }

    pub fn welcomed(mut client: Client) -> Self {
        let welcome: Value = serde_json::from_str(&client.next_text()).unwrap();
        let name = welcome["sender"].as_str().unwrap().to_owned();
        Self { client, name, welcome }
    }

    pub fn say(&mut self, content: &str) {
        self.client.text(&json!({ "type": "chat", "content": content }).to_string());
    }

    pub fn next(&mut self) -> Value {
        serde_json::from_str(&self.client.next_text()).unwrap()
    }

    /// The next message of this type.
    pub fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next();
            if message["type"] == kind {
                return message;
            }
        }
    }
}

/// Generation and index.
pub fn seq(message: &Value) -> (String, u64) {
    let (generation, index) = message["seq"].as_str().unwrap().split_once('.').unwrap();
    (generation.to_owned(), index.parse().unwrap())
}

/// Joins with a narrow socket, reads its welcome, and then nothing.
pub fn narrow(server: &Server, path: &str) -> Member {
    Member::welcomed(server.upgrade(path, server.dial_narrow()).unwrap().0)
}

/// Says so much that a log of 64 KiB passes by whoever does not read.
pub fn flood(speaker: &mut Member) {
    for n in 0..2000 {
        speaker.say(&format!("{n} {}", "x".repeat(5000)));
        speaker.next_of("chat");
    }
}

/// Reads until "end", and checks that every gap in the numbers is told before it, with the number of messages and the next one's name.
pub fn every_gap_is_told(slow: &mut Member) -> u64 {
    let (mut next, mut told, mut gaps) = (seq(&slow.welcome).1, None, 0);
    loop {
        let message = slow.next();
        let number = seq(&message).1;
        if message["type"] == "system" && message["sender"] == *slow.name {
            let skipped: u64 = message["content"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
            let (from, already) = told.unwrap_or((next, 0));
            assert_eq!(from + already + skipped, number, "{message}");
            told = Some((from, already + skipped));
            gaps += 1;
            continue;
        }
        let skipped = told.take().map_or(0, |(_, skipped)| skipped);
        assert_eq!(number, next + skipped);
        next = number + 1;
        if message["content"] == "end" {
            return gaps;
        }
    }
}
