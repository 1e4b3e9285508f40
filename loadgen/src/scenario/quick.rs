//! `fanout quick`: a scenario from a few flags, through the same checks as a file.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::plan::{Mode, Plan};
use crate::scenario::{Limits, ScenarioError, parse};

/// What `fanout quick` is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Quick {
    /// The server, such as `ws://127.0.0.1:9001/ws/{room}`; `None`: the bundled one.
    pub url: Option<String>,
    /// Subscribers.
    pub connections: u32,
    /// Rooms; each gets a publisher.
    pub rooms: u32,
    /// Publishes a second, all rooms together.
    pub rate: f64,
    /// How long.
    pub duration: Duration,
    /// Bytes of a message, such as `128` or `128-512`.
    pub size: String,
    /// Who is expected to receive a publish.
    pub mode: Mode,
}

impl Default for Quick {
    /// 100 subscribers in one room of the bundled server, 10 publishes of 128 bytes a second, for 10 seconds.
    fn default() -> Self {
        Self {
            url: None,
            connections: 100,
            rooms: 1,
            rate: 10.0,
            duration: Duration::from_secs(10),
            size: "128".to_owned(),
            mode: Mode::Broadcast,
        }
    }
}

/// Makes a plan. Errors point into the scenario that the flags amount to, which is shown.
///
/// # Errors
/// As [`parse`].
pub fn quick(quick: &Quick, sets: &[String], limits: &Limits) -> Result<Plan, ScenarioError> {
    parse(Path::new("quick"), &quick.scenario(), sets, limits)
}

impl Quick {
    /// The scenario file that these flags amount to.
    pub fn scenario(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = String::from("name = \"quick\"\n");
        // Writing into a String cannot fail, here and below.
        if self.mode == Mode::Echo {
            let _ = writeln!(text, "mode = \"echo\"");
        }
        if let Some(url) = &self.url {
            let _ = write!(text, "\n[target]\nurl = {}\n", quoted(url));
        }
        let _ = write!(text, "\n[[connections]]\nname = \"subscribers\"\ncount = {}\n", self.connections);
        if self.rooms != 1 {
            let _ = writeln!(text, "rooms = {}", self.rooms);
        }
        let _ = write!(text, "\n[[publishers]]\nname = \"publishers\"\nrate = {:?}\n", self.rate);
        if self.mode == Mode::Broadcast && self.rooms != 1 {
            let _ = writeln!(text, "count = {}", self.rooms);
        }
        let _ = writeln!(text, "payload = {{ size = {} }}", quoted(&self.size));
        let duration = humantime::format_duration(self.duration);
        let _ = write!(text, "\n[[phases]]\nname = \"steady\"\nfor = \"{duration}\"\n");
        let _ = write!(text, "\n[thresholds]\n\"deliveries.lost\" = \"== 0\"\n");
        text
    }
}
