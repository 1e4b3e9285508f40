//! What a run will need and do, before it is made: for people, and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::numbers::{DELIVERIES, bytes, count, plural, seconds, with_unit};
use crate::plan::{Plan, TargetKind};
use crate::scenario::{INFLATER_BYTES, Limits, Needs, agents_needed, needs};

/// A plan, and what it needs of a machine with these limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    file: String,
    variant: Option<String>,
    needs: Needs,
    limits: Limits,
    agents: u16,
    /// How many servers fanout starts.
    starts: u16,
}

impl Outlook {
    /// Of a file, or of a variant in it.
    #[must_use]
    pub fn of(file: String, variant: Option<String>, plan: &Plan, limits: &Limits) -> Self {
        let needs = needs(plan);
        let starts = match plan.target.kind {
            TargetKind::Bundled { .. } => needs.servers,
            TargetKind::Spawn { .. } => 1,
            TargetKind::Url { .. } => 0,
        };
        let agents = agents_needed(plan, limits, 1).map_or(0, |force| force.agents);
        Outlook { file, variant, needs, limits: *limits, agents, starts }
    }

    /// How long a run takes.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.needs.duration
    }

    /// The same in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.needs.duration.as_secs_f64()
    }

    /// Some lines.
    #[must_use]
    pub fn text(&self) -> String {
        let Outlook { needs, limits, .. } = self;
        let variant = self.variant.as_ref().map_or(String::new(), |variant| format!(" --variant {variant}"));
        let publishes = needs.publishes.map_or("as many publishes as the closed loop manages".to_owned(), |n| {
            with_unit(&count(n), ["publish", "publishes"])
        });
        let deliveries = needs.deliveries.map_or(String::new(), |n| format!(", {}", with_unit(&count(n), DELIVERIES)));
        let descriptors = match self.agents {
            0 => format!("{} of {} descriptors", count(needs.descriptors), count(limits.descriptors)),
            agents => format!(
                "{} descriptors, of which a process may have {}: starts {agents} agents, processes that share the connections",
                count(needs.descriptors),
                count(limits.descriptors)
            ),
        };
        let mut text = format!(
            "{}{variant}: valid\n  {}, {publishes}{deliveries}, about {}\n  needs {descriptors}\n  needs {} of {} ports of a \
             source address, about {} of memory\n",
            self.file,
            plural(needs.connections.into(), "connection"),
            seconds(self.seconds()),
            count(needs.ports_per_address.into()),
            count(limits.ports.into()),
            bytes(needs.memory_bytes as f64),
        );
        if self.starts > 1 {
            text += &format!("  starts {} servers, each with rooms of its own\n", self.starts);
        }
        if needs.inflaters_bytes > 0 {
            text += &format!(
                "  compression with context: up to {} more, {} for each connection that does not receive the same bytes as the others of \
                 its room\n",
                bytes(needs.inflaters_bytes as f64),
                bytes(INFLATER_BYTES as f64)
            );
        }
        text
    }

    /// The same as an object: times in microseconds, sizes in bytes, `null` where only the run can tell.
    #[must_use]
    pub fn json(&self) -> Value {
        let Outlook { needs, limits, .. } = self;
        json!({
            "file": self.file,
            "variant": self.variant,
            "valid": true,
            "connections": needs.connections,
            "publishes": needs.publishes,
            "deliveries": needs.deliveries,
            "duration_us": needs.duration.as_micros() as u64,
            "descriptors": { "needed": needs.descriptors, "limit": limits.descriptors },
            "ports": { "needed": needs.ports_per_address, "limit": limits.ports },
            "memory_bytes": needs.memory_bytes,
            "inflaters_bytes": needs.inflaters_bytes,
            "agents": self.agents,
            "servers": self.starts,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::scenario::parse;

    const LIMITS: Limits = Limits { descriptors: 20_000, ports: 28_232 };

    const CROWDS: &str = r#"
name = "crowds"
[target]
servers = 3
[[connections]]
name = "phones"
count = 24_000
rooms = 300
ramp = 6000
source_ips = ["127.0.0.2-127.0.0.5"]
compression = { offer = "context" }
[[publishers]]
name = "speakers"
count = 300
rate = 600
[[phases]]
name = "steady"
for = "20s"
[[phases]]
name = "rise"
for = "10s"
load = "1x-3x"
connections = 48_000
"#;

    const ECHO: &str = r#"
name = "callers"
mode = "echo"
[[connections]]
name = "callers"
count = 50
[[publishers]]
name = "callers"
every = "200ms"
[[phases]]
name = "steady"
for = "4s"
"#;

    const CLOSED: &str = r#"
name = "closed"
[target]
url = "ws://127.0.0.1:9001/ws/{room}"
[[connections]]
name = "phones"
count = 10
[[publishers]]
name = "source"
arrival = "closed"
[[phases]]
name = "steady"
for = "2s"
"#;

    fn outlooks() -> Vec<Outlook> {
        let plan = |text| parse(Path::new("test.toml"), text, &[], &LIMITS).unwrap();
        let of = |file: &str, variant: Option<&str>, text| {
            Outlook::of(file.to_owned(), variant.map(str::to_owned), &plan(text), &LIMITS)
        };
        vec![of("crowds.toml", None, CROWDS), of("callers.toml", Some("slow"), ECHO), of("closed.toml", None, CLOSED)]
    }

    /// Compares with `outlook/NAME`; with UPDATE_SNAPSHOTS set, writes it.
    fn snapshot(name: &str, text: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/report/outlook").join(name);
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == kept, "{} differs; set UPDATE_SNAPSHOTS to accept this:\n{text}", path.display());
    }

    #[test]
    fn what_plans_will_need_is_said_in_words() {
        snapshot("plans.txt", &outlooks().iter().map(Outlook::text).collect::<String>());
    }

    #[test]
    fn and_as_json() {
        let lines = outlooks().iter().map(|outlook| outlook.json().to_string() + "\n").collect::<String>();
        snapshot("plans.jsonl", &lines);
    }

    #[test]
    fn deliveries_are_those_of_whoever_is_there() {
        let deliveries = |text: &str| outlook(text).needs.deliveries;
        // 20 s x 600/s x 80, then 10 s at twice that rate on average among one and a half as many.
        assert_eq!(deliveries(CROWDS), Some(20 * 600 * 80 + 10 * 1200 * 120));
        assert_eq!((deliveries(ECHO), deliveries(CLOSED)), (Some(50 * 20), None));
    }

    fn outlook(text: &str) -> Outlook {
        Outlook::of(String::new(), None, &parse(Path::new("test.toml"), text, &[], &LIMITS).unwrap(), &LIMITS)
    }
}
