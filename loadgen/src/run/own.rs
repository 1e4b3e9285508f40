//! What the load generator itself spends: this process, and its agents.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The processes of the load generator.
#[derive(Debug, Clone, Default)]
pub struct Own {
    agents: Arc<[AgentProcess]>,
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
    /// This process, and those of its agents.
    pub fn with_agents(pids: &[u32]) -> Self {
        Own { agents: pids.iter().map(|&pid| AgentProcess { pid, ..AgentProcess::default() }).collect() }
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
        net::own_cpu() + self.agents.iter().map(of).sum::<u64>()
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
        let own = Own::with_agents(&[agent.id()]);
        // Other tests of this process take memory meanwhile: its peak only grows.
        let more_than_alone = || {
            let alone = Own::default().memory().peak_bytes;
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
