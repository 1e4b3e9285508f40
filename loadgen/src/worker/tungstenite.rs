//! The second client: tokio-tungstenite on one thread, a task a connection, beside the native one's every figure.
//!
//! Nothing of the protocol is shared with the native client: not the handshake, not the framing, not the reads. What is
//! shared is what is measured: schedules, payloads, ledger, recorder.

mod dial;
mod task;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use net::{Timer, now};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use self::task::Task;
use super::course::{Course, Obey, Publisher, Stage};
use super::news::{News, Order};
use super::pacing::{Due, Sender};
use super::{Common, Member, Share, WakeSlot};
use crate::ledger::{NOT_DUE, Published};

/// Publishes a connection may have waiting before its schedule waits instead.
const MOST_WAITING: usize = 256;

/// Runs a worker until it is told to finish.
///
/// # Errors
/// When there are no descriptors for a runtime.
pub(super) fn run(
    common: Arc<Common>,
    share: Share,
    orders: Receiver<Order>,
    wake: WakeSlot,
    news: UnboundedSender<News>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(16).build()?;
    let told = Arc::new(Notify::new());
    let ring = Arc::clone(&told);
    // Control waits for this; without it there is nobody to work for.
    if wake.send(Box::new(move || ring.notify_one())).is_err() {
        return Ok(());
    }
    let state = Rc::new(RefCell::new(State {
        course: Course::new(common, share, news),
        told: Arc::clone(&told),
        connections: Vec::new(),
        due: Vec::new(),
    }));
    LocalSet::new().block_on(&runtime, lead(state, orders, &told))
}

/// What all tasks of the thread share; borrowed only between awaits.
struct State {
    course: Course,
    /// Wakes the worker's own task: also when a connection has opened or ended, which it may be waiting for.
    told: Arc<Notify>,
    connections: Vec<Connection>,
    due: Vec<Due>,
}

struct Connection {
    /// To its task, while it lives.
    outgoing: Option<UnboundedSender<Outgoing>>,
    /// Publishes on their way to the socket.
    waiting: usize,
    open: bool,
    /// The socket does not take the publish under way.
    full: bool,
}

/// What a connection's task is asked to do.
enum Outgoing {
    Publish { publisher: u32, seq: u32 },
    Leave,
}

type Shared = Rc<RefCell<State>>;

/// The worker's own task: orders, due times, connects, reports.
async fn lead(state: Shared, orders: Receiver<Order>, told: &Notify) -> io::Result<()> {
    #[allow(deprecated, reason = "its successor is unsafe; a Timer owns its one descriptor for as long as it lives")]
    let timer = AsyncFd::new(Timer::new()?)?;
    loop {
        timer.get_ref().set(state.borrow().course.wake_at())?;
        let mut woken = false;
        tokio::select! {
            ready = timer.readable() => ready?.clear_ready(),
            () = told.notified() => woken = true,
        }
        let mut borrowed = state.borrow_mut();
        let this = &mut *borrowed;
        this.course.wake(now());
        if woken {
            loop {
                match this.course.obey(&orders) {
                    Obey::GoOn => break,
                    // Scenarios with connections that leave are refused for this client.
                    Obey::BeginSessions { .. } | Obey::Cut { .. } | Obey::RestartBegins | Obey::RestartEnded => {}
                    Obey::Leave => {
                        this.leave();
                        break;
                    }
                }
            }
        }
        if this.course.publishes() {
            this.publish();
        }
        while let Some(member) = this.course.dialer.next(this.course.woke) {
            this.dial(member, &state);
        }
        this.course.tell_connected();
        if this.course.report() && this.course.ledgers.wants_trim() {
            // Messages are matched by what they say, so nobody needs the canonical bytes.
            this.course.ledgers.trim(Vec::new());
        }
        this.course.end_leave();
        if this.course.stage == Stage::Over {
            this.course.harvest();
            return Ok(());
        }
    }
}

impl State {
    fn dial(&mut self, member: Member, state: &Shared) {
        let began = now();
        let id = self.connections.len() as u32;
        self.course.tally.began.get_or_insert(began);
        self.course.dialer.begin();
        let publisher = member.publisher.and_then(|index| self.course.local(index));
        if let Some(publisher) = publisher {
            self.course.publishers[publisher].connection = Some(id);
        }
        let (send, receive) = unbounded_channel();
        self.connections.push(Connection { outgoing: Some(send), waiting: 0, open: false, full: false });
        let task = Task { state: Rc::clone(state), id, member, publisher: publisher.map(|p| p as u32) };
        tokio::task::spawn_local(task.live(receive, began));
    }

    fn publish(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        let (publishers, connections) = (&self.course.publishers, &self.connections);
        self.course.pacing.due(now(), |p| sender(publishers[p], connections), &mut due);
        for publish in due.drain(..) {
            let Publisher { index, connection: Some(id), .. } = self.course.publishers[publish.publisher] else {
                continue;
            };
            let begun = now();
            let phase = self.course.ledgers.recorder.phase(publish.phase);
            phase.sent += 1;
            if publish.at.is_some() {
                phase.schedule_lag.record(begun.saturating_sub(publish.sendable) / 1000);
            }
            let Some(table) = self.course.common.book.table(index) else { continue };
            let published = Published { due: publish.at.unwrap_or(NOT_DUE), sent: begun, phase: publish.phase };
            let seq = table.begin(published);
            let connection = &mut self.connections[id as usize];
            if let Some(outgoing) = &connection.outgoing
                && outgoing.send(Outgoing::Publish { publisher: index, seq }).is_ok()
            {
                connection.waiting += 1;
            }
        }
        self.due = due;
    }

    fn leave(&mut self) {
        let connections = &self.connections;
        // A backlog is our own lateness, unless the socket is full.
        self.course.leave(|publisher| match publisher.connection.map(|c| &connections[c as usize]) {
            Some(c) if c.open && !c.full => Sender::Ready,
            Some(c) if c.open => Sender::Blocked,
            _ => Sender::Gone,
        });
        for connection in &self.connections {
            if let Some(outgoing) = &connection.outgoing {
                // A task that has ended needs no goodbye.
                let _ = outgoing.send(Outgoing::Leave);
            }
        }
    }

    fn closed(&mut self, id: u32, member: &Member, cause: String) {
        let connection = &mut self.connections[id as usize];
        connection.outgoing = None;
        connection.open = false;
        match self.course.stage {
            Stage::Leaving { .. } | Stage::Over => self.course.tally.leave(),
            _ => {
                let endpoint = member.endpoint;
                self.course.tally.close(cause);
                self.course.tally.address(endpoint).closed += 1;
                member.group.into_iter().for_each(|group| self.course.tally.close_of(group));
            }
        }
    }
}

fn sender(publisher: Publisher, connections: &[Connection]) -> Sender {
    match publisher.connection.map(|c| &connections[c as usize]) {
        Some(c) if c.open && c.waiting < MOST_WAITING => Sender::Ready,
        Some(c) if c.open => Sender::Blocked,
        _ => Sender::Gone,
    }
}
