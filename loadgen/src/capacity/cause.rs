//! Which resource gave way in a trial that did not hold.

use serde::{Deserialize, Serialize};

use crate::result::Run;

/// A core is taken to be busy from here on: what is left is the kernel's and the neighbours'.
const BUSY: f64 = 0.85;

/// What gave way, with the figure that shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Which.
    pub resource: Resource,
    /// The figure, in words.
    pub figure: String,
}

/// A resource that can give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The load generator itself.
    LoadGenerator,
    /// The server refused, failed to take, or closed connections.
    Connections,
    /// The server's CPU.
    ServerCpu,
    /// The server's memory, as the machine has no more.
    Memory,
    /// Nothing that was measured: latency or loss broke the objective while the server's cores had time left.
    Unclear,
}

impl Resource {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::LoadGenerator => "the load generator",
            Self::Connections => "connections",
            Self::ServerCpu => "the server's CPU",
            Self::Memory => "memory",
            Self::Unclear => "nothing that was measured",
        }
    }
}

impl Cause {
    /// Of a run that did not hold.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        if let Some(reason) = run.validity.reasons.first() {
            return Self { resource: Resource::LoadGenerator, figure: reason.figure.clone() };
        }
        let c = &run.connections;
        if c.refused + c.failed + c.closed > 0 {
            let figure = format!("{} refused, {} failed, {} closed by the server", c.refused, c.failed, c.closed);
            return Self { resource: Resource::Connections, figure };
        }
        let Some(server) = &run.server else {
            return Self { resource: Resource::Unclear, figure: "the server's process is not known".to_owned() };
        };
        let resident = server.rss_bytes as f64 / run.environment.memory_bytes.max(1) as f64;
        if resident > BUSY {
            let figure = format!("the server holds {:.0} % of the machine's memory", resident * 100.0);
            return Self { resource: Resource::Memory, figure };
        }
        // A server on one thread is at its limit with one core busy, whatever it was given.
        let share = server.cpu_share;
        let figure = format!("the server was busy for {:.0} % of a core", share * 100.0);
        let resource = if share >= BUSY { Resource::ServerCpu } else { Resource::Unclear };
        Self { resource, figure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Reason, ServerCost};

    fn busy(cpu_share: f64) -> Run {
        let mut run = Run { server: Some(ServerCost { cpu_share, ..ServerCost::default() }), ..Run::default() };
        run.environment.memory_bytes = 1 << 30;
        run
    }

    #[test]
    fn the_load_generator_is_named_before_the_server() {
        let mut run = busy(0.99);
        run.validity.reasons.push(Reason { rule: "read-age".into(), figure: "read late".into(), cure: String::new() });
        run.connections.closed = 4;
        assert_eq!(Cause::of(&run), Cause { resource: Resource::LoadGenerator, figure: "read late".to_owned() });
    }

    #[test]
    fn a_server_is_at_the_limit_of_its_cpu_connections_or_memory_or_of_nothing_known() {
        assert_eq!(Cause::of(&busy(0.95)).resource, Resource::ServerCpu);
        assert_eq!(Cause::of(&busy(0.3)).resource, Resource::Unclear);
        let mut dropped = busy(0.95);
        dropped.connections.refused = 3;
        assert_eq!(Cause::of(&dropped).resource, Resource::Connections);
        let mut full = busy(0.2);
        full.server.as_mut().unwrap().rss_bytes = 1 << 30;
        assert_eq!(Cause::of(&full).resource, Resource::Memory);
        assert_eq!(Cause::of(&Run::default()).resource, Resource::Unclear);
    }
}
