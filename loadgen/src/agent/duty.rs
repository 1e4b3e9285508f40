//! What `fanout agent` does: makes the coordinator's plan, runs its own part of the workers, and passes orders and news on.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::message::{Begin, FromAgent, LENGTH, MessageError, ToAgent, decode, encode, length};
use crate::ledger::Book;
use crate::plan::Plan;
use crate::run::{Hand, Threads};
use crate::scenario::{Changes, Limits, read};
use crate::worker::{Common, News, Order, publisher_rooms, shares};

/// Why an agent has nothing to do.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// Started by hand.
    #[error("`fanout agent` is started by `fanout run --agents N`, and told what to do on its standard input")]
    NoCoordinator,
    /// The coordinator has gone.
    #[error("the coordinator has gone: {0}")]
    Gone(#[from] io::Error),
    /// Not our messages.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The workers could not be started; the coordinator says why.
    #[error("told the coordinator that it cannot begin")]
    Cannot,
}

/// Serves the coordinator on standard input and output, until it has nothing more to order.
///
/// # Errors
/// When there is none, or it has gone.
pub fn serve() -> Result<(), DutyError> {
    let mut input = io::stdin().lock();
    let Ok(Some(ToAgent::Begin(begin))) = receive(&mut input) else { return Err(DutyError::NoCoordinator) };
    let (tell, news) = unbounded_channel();
    let threads = begin_work(&begin, tell);
    let mut output = io::stdout().lock();
    let Threads { hands, handles } = match threads {
        Ok(threads) => threads,
        Err(why) => {
            send(&mut output, &FromAgent::Cannot(why))?;
            return Err(DutyError::Cannot);
        }
    };
    send(&mut output, &FromAgent::Ready)?;
    drop(input);
    // Detached: it waits for a coordinator that may have nothing to say, and ends with the process.
    std::thread::Builder::new().name("orders".to_owned()).spawn(move || pass_orders_on(&hands))?;
    // Where the coordinator has gone, the process ends with its workers.
    pass_news_on(news, &mut output)?;
    Threads { hands: Vec::new(), handles }.join();
    Ok(())
}

/// Makes the plan and starts the workers; the error is a sentence.
fn begin_work(begin: &Begin, tell: UnboundedSender<News>) -> Result<Threads, String> {
    // A shortage shows up as failed connections, each with its reason.
    let _ = net::raise_descriptors();
    let plan = Arc::new(plan_of(begin)?);
    let book = Book::open(&begin.book, publisher_rooms(&plan))
        .map_err(|error| format!("the memory shared with the coordinator cannot be opened: {error}"))?;
    let common = Arc::new(Common { book: Arc::new(book), found: begin.found.clone(), plan: Arc::clone(&plan) });
    let mine = shares(&plan, begin.force.workers.into()).drain(begin.workers()).collect();
    Threads::start(&common, mine, begin.cpus.as_deref(), &tell).map_err(|error| error.to_string())
}

fn plan_of(begin: &Begin) -> Result<Plan, String> {
    let limits = Limits::of_this_machine().map_err(|error| format!("cannot read this machine's limits: {error}"))?;
    let origin = &begin.origin;
    let changes = Changes { variant: origin.variant.as_deref(), sets: &origin.sets };
    let scenario = read(&origin.path, &origin.text, changes, &limits).map_err(|error| error.to_string())?;
    let mut plan = scenario.plan;
    let ours = plan.resolved.to_string();
    if ours != begin.resolved {
        return Err("the files of the scenario have changed while it was being started: run it again".to_owned());
    }
    plan.client = begin.client;
    Ok(plan)
}

/// Reads orders until the coordinator has no more, or has gone: then there is one more, to finish.
fn pass_orders_on(hands: &[Hand]) {
    let mut input = io::stdin().lock();
    while let Ok(Some(ToAgent::Order(order))) = receive(&mut input) {
        hands.iter().for_each(|hand| hand.order(order));
    }
    hands.iter().for_each(|hand| hand.order(Order::Finish));
}

/// Writes news until every worker has ended.
fn pass_news_on(mut news: UnboundedReceiver<News>, output: &mut impl Write) -> Result<(), DutyError> {
    while let Some(told) = news.blocking_recv() {
        send(output, &FromAgent::News(told))?;
    }
    Ok(())
}

fn send(output: &mut impl Write, message: &FromAgent) -> Result<(), DutyError> {
    output.write_all(&encode(message)?)?;
    Ok(output.flush()?)
}

/// The next message; `None` at the end of input.
fn receive(input: &mut impl Read) -> Result<Option<ToAgent>, DutyError> {
    let mut prefix = [0; LENGTH];
    match input.read_exact(&mut prefix) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut bytes = vec![0; length(prefix)?];
    input.read_exact(&mut bytes)?;
    Ok(Some(decode(&bytes)?))
}
