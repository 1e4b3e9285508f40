//! A client program, from the outside: what it is told to do, and what it says happened. The language is in `clients/README.md`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::install::Recipe;

/// Starting a browser on a busy machine may take most of it.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Node,
    Python,
    Go,
    Browser,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Node, Self::Python, Self::Go, Self::Browser];

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Go => "go",
            Self::Browser => "browser",
        }
    }
}

/// A message of data, of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    Open {
        cursor: Option<String>,
    },
    Refused {
        status: Option<u16>,
    },
    Text {
        data: String,
    },
    Binary {
        #[serde(deserialize_with = "from_base64")]
        data: Vec<u8>,
    },
    Pong {
        data: String,
    },
    Closed {
        code: u16,
        reason: String,
    },
    /// One of an event stream.
    Streamed {
        id: String,
        name: String,
        data: String,
    },
    /// An event stream broke off.
    Ended,
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

pub struct Client {
    pub kind: Kind,
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Event>,
    /// The browser's profile, removed when the browser has gone.
    _profile: Option<TempDir>,
}

impl Client {
    /// A client that trusts, besides whom it always trusts, the authority in the file `ca`.
    pub fn start(kind: Kind, recipe: &Recipe, ca: Option<&Path>) -> Self {
        let profile = (kind == Kind::Browser).then(|| TempDir::new().unwrap());
        let mut command = Command::new(&recipe[0]);
        command.args(&recipe[1..]).args(profile.as_ref().map(TempDir::path));
        match kind {
            Kind::Node => command.envs(ca.map(|ca| ("NODE_EXTRA_CA_CERTS", ca))),
            Kind::Python | Kind::Go | Kind::Browser => command.args(ca),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = mpsc::channel();
        // Ends with the client, or with the last one who listens.
        thread::spawn(move || {
            for line in stdout.lines() {
                let line = line.unwrap();
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { kind, stdin: child.stdin.take(), child, events, _profile: profile }
    }

    fn tell(&mut self, command: &Value) {
        // One write, so that no half line is left when the client has ended.
        let line = format!("{command}\n");
        self.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// What happens next.
    pub fn next(&mut self) -> Event {
        self.events.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{}: {error}", self.kind.name()))
    }

    /// The next event, a message of data.
    pub fn next_message(&mut self) -> Message {
        match self.next() {
            Event::Text { data } => Message::Text(data),
            Event::Binary { data } => Message::Binary(data),
            other => panic!("{}: a message was due, not {other:?}", self.kind.name()),
        }
    }

    pub fn next_text(&mut self) -> String {
        match self.next_message() {
            Message::Text(text) => text,
            Message::Binary(data) => panic!("{}: a text was due, not {} bytes", self.kind.name(), data.len()),
        }
    }

    /// The code and the reason of the connection's end, which must be the next event.
    pub fn next_close(&mut self) -> (u16, String) {
        match self.next() {
            Event::Closed { code, reason } => (code, reason),
            other => panic!("{}: an end was due, not {other:?}", self.kind.name()),
        }
    }

    /// Reads to the connection's end; its code.
    pub fn drain(&mut self) -> u16 {
        loop {
            match self.next() {
                Event::Closed { code, .. } => return code,
                Event::Text { .. } | Event::Binary { .. } => {}
                other => panic!("{}: an end was due, not {other:?}", self.kind.name()),
            }
        }
    }

    /// Connects; the cursor of the answer, which a page does not see.
    pub fn connect(&mut self, url: &str) -> Option<String> {
        match self.try_connect(url) {
            Event::Open { cursor } => cursor,
            other => panic!("{}: {url}: {other:?}", self.kind.name()),
        }
    }

    pub fn try_connect(&mut self, url: &str) -> Event {
        self.tell(&json!({"do": "connect", "url": url}));
        self.next()
    }

    pub fn text(&mut self, text: &str) {
        self.tell(&json!({"do": "text", "data": text}));
    }

    pub fn send(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.text(text),
            Message::Binary(data) => self.tell(&json!({"do": "binary", "data": BASE64_STANDARD.encode(data)})),
        }
    }

    /// Sends one message in frames of `size` bytes, with a ping after the first.
    pub fn fragments(&mut self, message: &Message, size: usize) {
        let (kind, bytes) = match message {
            Message::Text(text) => ("text", text.as_bytes()),
            Message::Binary(data) => ("binary", &data[..]),
        };
        self.tell(&json!({"do": "fragments", "kind": kind, "data": BASE64_STANDARD.encode(bytes), "size": size}));
    }

    pub fn ping(&mut self, data: &str) {
        self.tell(&json!({"do": "ping", "data": data}));
    }

    /// Begins to listen to an event stream, after the event `last`. A page names none: it begins with what is new.
    pub fn stream(&mut self, url: &str, last: Option<&str>) {
        self.tell(&json!({"do": "sse", "url": url, "last": last}));
    }

    pub fn close(&mut self, code: Option<u16>, reason: &str) {
        self.tell(&json!({"do": "close", "code": code, "reason": reason}));
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The end of its input ends a client: a browser then takes its helpers along.
        self.stdin = None;
        if thread::panicking() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
