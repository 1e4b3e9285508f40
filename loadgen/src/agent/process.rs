//! An agent as the coordinator sees it: a child process that is told orders and tells news.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::message::{Begin, FromAgent, LENGTH, MessageError, ToAgent, decode, encode, length};
use crate::target::Exit;
use crate::worker::{News, Order};

/// How long an agent has to read the scenario and start its workers.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long an agent has to end once nothing more will be ordered.
const END_WITHIN: Duration = Duration::from_secs(3);

/// Why an agent is not there.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// This program's own binary, a process, or the pipes to it.
    #[error("cannot start an agent: {0}")]
    Process(#[from] io::Error),
    /// What it says itself.
    #[error("agent {agent} cannot begin: {why}")]
    Cannot {
        /// Which one, from 0.
        agent: u16,
        /// In a sentence.
        why: String,
    },
    /// It said nothing.
    #[error("agent {agent} was not ready within {} s: is this machine out of memory or CPU?", READY_WITHIN.as_secs())]
    NotReady {
        /// Which one, from 0.
        agent: u16,
    },
    /// It said something else.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// An agent whose workers wait for orders.
#[derive(Debug)]
pub struct Agent {
    pid: u32,
    orders: UnboundedSender<Order>,
    listening: JoinHandle<()>,
}

/// An agent that has been told to begin.
#[derive(Debug)]
pub struct Beginning {
    agent: u16,
    workers: usize,
    pid: u32,
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Agent {
    /// Starts the process and tells it to begin; what it answers is asked with `Beginning::ready`, so that several can begin at
    /// the same time.
    ///
    /// # Errors
    /// When no process can be started.
    pub async fn start(begin: Begin) -> Result<Beginning, AgentError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("agent").stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C is for the coordinator, which ends its agents in order.
        command.process_group(0).kill_on_drop(true);
        net::die_with_parent(command.as_std_mut());
        let mut child = command.spawn()?;
        let gone = || io::Error::other("it ended at once");
        let mut input = child.stdin.take().ok_or_else(gone)?;
        let output = child.stdout.take().ok_or_else(gone)?;
        let pid = child.id().ok_or_else(gone)?;
        let (agent, workers) = (begin.agent, begin.workers().len());
        input.write_all(&encode(&ToAgent::Begin(Box::new(begin)))?).await?;
        Ok(Beginning { agent, workers, pid, child, input, output })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Tells every worker of the agent.
    pub fn order(&self, order: Order) {
        // An agent that has ended has said so in its news.
        let _ = self.orders.send(order);
    }

    /// Waits for its end, for which it has been given the order; ends it if it does not come.
    pub async fn end(mut self) {
        // Closes its standard input, which is an order to finish in any case.
        drop(self.orders);
        if timeout(END_WITHIN, &mut self.listening).await.is_err() {
            // Drops the child, which kills it.
            self.listening.abort();
        }
    }
}

impl Beginning {
    /// Waits until its workers wait for orders. What they say goes to `news`, and also how it ended, if before its workers did.
    ///
    /// # Errors
    /// What keeps it from beginning.
    pub async fn ready(mut self, news: UnboundedSender<News>) -> Result<Agent, AgentError> {
        let agent = self.agent;
        match timeout(READY_WITHIN, read(&mut self.output)).await {
            Err(_) => return Err(AgentError::NotReady { agent }),
            Ok(Err(ReadError::Message(error))) => return Err(error.into()),
            Ok(Err(ReadError::Ended)) => {
                let exit = self.child.wait().await?;
                return Err(AgentError::Cannot { agent, why: format!("it {}", Exit(exit)) });
            }
            Ok(Ok(FromAgent::Cannot(why))) => return Err(AgentError::Cannot { agent, why }),
            Ok(Ok(FromAgent::Ready | FromAgent::News(_))) => {}
        }
        let (orders, inbox) = unbounded_channel();
        tokio::spawn(pass_on(inbox, self.input));
        let ear = Ear { agent, workers: self.workers, child: self.child, output: self.output };
        Ok(Agent { pid: self.pid, orders, listening: tokio::spawn(ear.listen(news)) })
    }
}

/// Writes orders until there are no more to come; then the agent reads the end of its standard input.
async fn pass_on(mut inbox: UnboundedReceiver<Order>, mut input: ChildStdin) {
    while let Some(order) = inbox.recv().await {
        let Ok(bytes) = encode(&ToAgent::Order(order)) else { return };
        // An agent that has ended is noticed by what it no longer says.
        if input.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

struct Ear {
    agent: u16,
    workers: usize,
    child: Child,
    output: ChildStdout,
}

impl Ear {
    async fn listen(mut self, news: UnboundedSender<News>) {
        let mut finished = 0;
        let error = loop {
            match read(&mut self.output).await {
                Ok(FromAgent::News(told)) => {
                    finished += usize::from(matches!(told, News::Finished(_)));
                    // The conductor takes news until everybody has finished; if it is gone, so is the run.
                    let _ = news.send(told);
                }
                Ok(FromAgent::Ready | FromAgent::Cannot(_)) => {}
                Err(error) => break error,
            }
        };
        if finished < self.workers {
            let why = match error {
                ReadError::Message(error) => error.to_string(),
                ReadError::Ended => match self.child.wait().await {
                    Ok(status) => format!("its process {}", Exit(status)),
                    Err(error) => format!("its process cannot be waited for: {error}"),
                },
            };
            let _ = news.send(News::Broken(format!("agent {} was lost: {why}", self.agent)));
        }
        drop(news);
        // Reaps it; it has nothing left to do. The agent that says something else than messages is killed when dropped.
        let _ = timeout(END_WITHIN, self.child.wait()).await;
    }
}

/// Why there is no message.
enum ReadError {
    Ended,
    Message(MessageError),
}

async fn read(output: &mut ChildStdout) -> Result<FromAgent, ReadError> {
    let mut prefix = [0; LENGTH];
    output.read_exact(&mut prefix).await.map_err(|_| ReadError::Ended)?;
    let mut bytes = vec![0; length(prefix).map_err(ReadError::Message)?];
    output.read_exact(&mut bytes).await.map_err(|_| ReadError::Ended)?;
    decode(&bytes).map_err(ReadError::Message)
}
