//! What the load generator itself spends: this process, and its agents.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The processes of the load generator.
#[derive(Debug, Clone)]
pub struct Own {
    agents: Arc<[AgentProcess]>,
    /// What it spends to keep CPUs from sleeping is no work.
    awake: Arc<net::Awake>,
}

/// The last that was seen of an agent, which may end before it is asked again.
#[derive(Debug, Default)]
struct AgentProcess {
    pid: u32,
    cpu: AtomicU64,
    rss: AtomicU64,
    peak: AtomicU64,
}

impl Own {
    /// This process, those of its agents, and what keeps CPUs awake for them as long as this lives.
    pub fn new(agents: &[u32], awake: net::Awake) -> Self {
        let agents = agents.iter().map(|&pid| AgentProcess { pid, ..AgentProcess::default() }).collect();
        Own { agents, awake: Arc::new(awake) }
    }

    /// This process, and its agents'.
    pub fn pids(&self) -> Vec<u32> {
        [std::process::id()].into_iter().chain(self.agents.iter().map(|agent| agent.pid)).collect()
    }

    /// CPU time of all, nanoseconds.
    pub fn cpu(&self) -> u64 {
        let of = |agent: &AgentProcess| match net::process_cpu(agent.pid) {
            Ok(cpu) => agent.cpu.fetch_max(cpu, Ordering::Relaxed).max(cpu),
            Err(_) => agent.cpu.load(Ordering::Relaxed),
        };
        // In this order: the first is part of the second.
        let awake = self.awake.cpu();
        net::own_cpu().saturating_sub(awake) + self.agents.iter().map(of).sum::<u64>()
    }

    /// Resident memory of all, and the sum of the most that each has had. What they share counts in each.
    pub fn memory(&self) -> net::Memory {
        let mine = net::memory(std::process::id()).ok();
        let mut sum = mine.unwrap_or(net::Memory { rss_bytes: 0, peak_bytes: 0 });
        for agent in &*self.agents {
            if let Ok(memory) = net::memory(agent.pid) {
                agent.rss.store(memory.rss_bytes, Ordering::Relaxed);
                agent.peak.store(memory.peak_bytes, Ordering::Relaxed);
            }
            sum.rss_bytes += agent.rss.load(Ordering::Relaxed);
            sum.peak_bytes += agent.peak.load(Ordering::Relaxed);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::Own;

    #[test]
    fn an_agent_that_has_ended_keeps_what_it_spent() {
        let mut agent = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
        let own = Own::new(&[agent.id()], net::Awake::on(&[]).unwrap());
        // Other tests of this process take memory meanwhile: its peak only grows.
        let more_than_alone = || {
            let alone = Own::new(&[], net::Awake::on(&[]).unwrap()).memory().peak_bytes;
            own.memory().peak_bytes > alone
        };
        let cpu = own.cpu();
        assert!(more_than_alone());
        agent.kill().unwrap();
        agent.wait().unwrap();
        assert!(own.cpu() >= cpu);
        assert!(more_than_alone());
    }
}
