//! Chat rooms.

use std::ops::Range;

use serde_json::{Value, json};

use crate::cable::Cable;
use crate::client::{Client, Event, Kind, Message};
use crate::stage::Stage;

/// A member of a chat room.
struct Member {
    client: Client,
    /// What the room knows it by.
    id: String,
    /// The last place that it heard of: GENERATION and INDEX.
    seq: (String, u64),
}

impl Member {
    /// Joins, and reads the greeting, which only the newcomer gets.
    fn join(stage: &Stage, url: &str) -> Self {
        Self::greeted(stage.client(), url)
    }

    fn greeted(mut client: Client, url: &str) -> Self {
        client.connect(url);
        let greeting: Value = serde_json::from_str(&client.next_text()).unwrap();
        assert_eq!(greeting["type"], "system", "{greeting}");
        let id = greeting["sender"].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 8, "{greeting}");
        Self { client, id, seq: seq(&greeting) }
    }

    fn say(&mut self, content: &str) {
        self.client.text(&json!({"type": "chat", "content": content}).to_string());
    }

    /// The next message of one of these types, as it came and as it reads.
    fn next_of(&mut self, types: &[&str]) -> (String, Value) {
        loop {
            let text = self.client.next_text();
            let message: Value = serde_json::from_str(&text).unwrap();
            self.seq = seq(&message);
            if types.iter().any(|name| message["type"] == *name) {
                return (text, message);
            }
        }
    }

    fn next_chat(&mut self) -> Value {
        self.next_of(&["chat", "error"]).1
    }
}

fn seq(message: &Value) -> (String, u64) {
    let (generation, index) = message["seq"].as_str().unwrap().split_once('.').unwrap();
    (generation.to_owned(), index.parse().unwrap())
}

pub fn what_one_member_says_all_members_hear_alike(stage: &Stage) {
    let server = stage.server(&[]);
    let url = stage.url(server.addr, "/ws/lobby");
    let (mut ann, mut bob) = (Member::join(stage, &url), Member::join(stage, &url));
    assert_ne!(ann.id, bob.id);
    for content in ["hello", "grüße \u{1f389}", "\"quoted\" \\ and\nnext line\t\u{1}\u{2028}", ""] {
        ann.say(content);
        let (text, message) = ann.next_of(&["chat", "error"]);
        assert_eq!(bob.next_of(&["chat", "error"]).0, text);
        let keys: Vec<&str> = message.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["content", "room", "sender", "seq", "timestamp", "type"]);
        assert_eq!((&message["type"], &message["room"]), (&json!("chat"), &json!("lobby")));
        assert_eq!((&message["sender"], &message["content"]), (&json!(ann.id), &json!(content)));
        assert!(message["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{message}");
    }
}

pub fn coming_and_going_is_announced(stage: &Stage) {
    let server = stage.server(&[]);
    // Without a name it is the room `general`.
    let mut ann = Member::join(stage, &stage.url(server.addr, "/ws"));
    let mut bob = Member::join(stage, &stage.url(server.addr, "/ws/general"));
    let mut hears_of_bob = || {
        while !ann.next_of(&["system"]).1["content"].as_str().unwrap().contains(&bob.id) {}
    };
    hears_of_bob();
    bob.client.close(Some(1000), "");
    assert_eq!(bob.client.drain(), 1000);
    hears_of_bob();
}

pub fn nonsense_is_answered_to_its_sender_only(stage: &Stage) {
    let server = stage.server(&[]);
    let url = stage.url(server.addr, "/ws/lobby");
    let (mut ann, mut bob) = (Member::join(stage, &url), Member::join(stage, &url));
    let nonsense = [
        Message::Text("{".into()),
        Message::Text(r#"{"type":"chat"}"#.into()),
        Message::Text(r#"{"type":"chat","content":7}"#.into()),
        Message::Text(r#"{"type":"shout","content":"x"}"#.into()),
        Message::Text(r#"{"type":"chat","room":"elsewhere","content":"x"}"#.into()),
        Message::Binary(vec![1, 2, 3]),
    ];
    for message in &nonsense {
        ann.client.send(message);
        let answer = ann.next_chat();
        assert_eq!(answer["type"], "error", "to {message:?}: {answer}");
        assert!(!answer["content"].as_str().unwrap().is_empty());
    }
    ann.say("sense");
    assert_eq!(bob.next_chat()["content"], "sense");
    assert_eq!(ann.next_chat()["content"], "sense");
}

pub fn a_member_that_was_cut_goes_on_by_the_seq_it_saw_last(stage: &Stage) {
    let server = stage.server(&[]);
    let cable = Cable::to(server.addr);
    let mut ann = Member::join(stage, &stage.url(server.addr, "/ws/lobby"));
    let mut bob = Member::join(stage, &stage.url(cable.addr, "/ws/lobby"));
    let mut say = |numbers: Range<u32>| {
        for n in numbers {
            ann.say(&n.to_string());
            // In the log, then.
            assert_eq!(ann.next_chat()["content"], n.to_string());
        }
    };
    let hear = |bob: &mut Member, numbers: Range<u32>| {
        for n in numbers {
            assert_eq!(bob.next_chat()["content"], n.to_string());
        }
    };
    say(0..5);
    hear(&mut bob, 0..5);
    for (gone, back) in [(5, 10), (15, 16), (21, 30)] {
        cable.cut();
        // What was announced before the cut may still arrive.
        assert_eq!(bob.client.drain(), 1006);
        say(gone..back);
        let (generation, index) = &bob.seq;
        let path = format!("/ws/lobby?resume={generation}.{}", index + 1);
        bob = Member::greeted(bob.client, &stage.url(cable.addr, &path));
        say(back..back + 5);
        hear(&mut bob, gone..back + 5);
    }
}

pub fn a_room_is_not_both_chat_and_broadcast(stage: &Stage) {
    let server = stage.server(&[]);
    let _ann = Member::join(stage, &stage.url(server.addr, "/ws/lobby"));
    let status = (stage.kind != Kind::Browser).then_some(409);
    let refused = Event::Refused { status };
    assert_eq!(stage.client().try_connect(&stage.url(server.addr, "/broadcast/lobby")), refused);
}
