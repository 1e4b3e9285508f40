//! The workers of a run, wherever they are: threads of this process, or of its agents. The conductor sees no difference.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::threads::Threads;
use crate::agent::{Agent, AgentError, Begin};
use crate::plan::Force;
use crate::worker::{Common, News, Order, Share, shares};

/// Workers that wait for orders.
pub struct Crew {
    /// How many there are.
    workers: usize,
    threads: Threads,
    agents: Vec<Agent>,
    news: UnboundedReceiver<News>,
    /// The agents read its book as long as they live.
    _common: Arc<Common>,
}

/// Why there are no workers.
#[derive(Debug, thiserror::Error)]
pub enum CrewError {
    /// Threads of this process.
    #[error("cannot start a worker: {0}")]
    Thread(#[from] io::Error),
    /// Other processes.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl Crew {
    /// Starts all workers, on one of `cpus` each in turn where they are pinned.
    ///
    /// # Errors
    /// When a thread or an agent cannot be started, or a worker cannot open its poller.
    pub async fn muster(common: Arc<Common>, force: Force, cpus: Option<&[usize]>) -> Result<Self, CrewError> {
        let (tell, news) = unbounded_channel();
        let mine: Vec<Share> = if force.agents == 0 { shares(&common.plan, force.workers.into()) } else { Vec::new() };
        let threads = Threads::start(&common, mine, cpus, &tell)?;
        let mut beginning = Vec::new();
        for agent in 0..force.agents {
            beginning.push(Agent::start(begin(&common, force, agent, cpus)).await?);
        }
        let mut agents = Vec::new();
        for agent in beginning {
            agents.push(agent.ready(tell.clone()).await?);
        }
        Ok(Crew { workers: force.workers.into(), threads, agents, news, _common: common })
    }

    /// How many workers there are.
    pub fn len(&self) -> usize {
        self.workers
    }

    /// The processes of the agents.
    pub fn pids(&self) -> Vec<u32> {
        self.agents.iter().map(Agent::pid).collect()
    }

    /// Tells every worker.
    pub fn order(&self, order: Order) {
        self.threads.hands.iter().for_each(|hand| hand.order(order));
        self.agents.iter().for_each(|agent| agent.order(order));
    }

    /// The next news of any worker; `None` when all have ended.
    pub async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Waits for threads and agents to end.
    pub async fn disband(self) {
        drop(self.news);
        for agent in self.agents {
            agent.end().await;
        }
        self.threads.join();
    }
}

fn begin(common: &Common, force: Force, agent: u16, cpus: Option<&[usize]>) -> Begin {
    Begin {
        origin: common.plan.origin.clone(),
        resolved: common.plan.resolved.to_string(),
        client: common.plan.client,
        found: common.found.clone(),
        book: common.book.path(),
        force,
        agent,
        cpus: cpus.map(<[usize]>::to_vec),
    }
}
