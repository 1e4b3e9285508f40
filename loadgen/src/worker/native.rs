//! The native client: every connection of a worker on one epoll set.
//!
//! | file | holds |
//! |---|---|
//! | `connection` | one connection's state |
//! | `courier` | publishers over HTTP |
//! | `growing` | phases that grow or shrink a group |
//! | `line` | its socket, plain or under TLS |
//! | `opening` | dial, TLS, upgrade, and everything that can go wrong with them |
//! | `parting` | planned leaves, cuts, and ends that others made |
//! | `returning` | the ways back |
//! | `reading` | from a readable socket into the ledger |
//! | `sending` | publishes, pongs and closes on their way out |
//! | `speaking` | what a dialect says: joins, answers, signs of life |
//! | `outbox` | bytes that wait, and which publishes they are |

mod connection;
mod courier;
mod growing;
mod line;
mod opening;
mod outbox;
mod parting;
mod reading;
mod returning;
mod sending;
mod speaking;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use net::{Poller, Ready, Timeout, Token, now};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use tokio::sync::mpsc::UnboundedSender;
use wire::close::CloseCode;
use wire::frame::Opcode;

use self::connection::{Connection, State};
use self::courier::Couriers;
use self::parting::{CUTS_AT_ONCE, Cutting, Restart};
use self::reading::{SCRATCH, Until};
use self::sending::{close_payload, sender};
use super::course::{Course, Obey, Stage};
use super::life::Farewell;
use super::news::{News, Order};
use super::pacing::Due;
use super::returns::Returns;
use super::tally::Blame;
use super::{Common, CourierShare, Share, WakeSlot};

/// Sockets that one wait reports.
const BATCH: usize = 64;
/// Reads between two looks at what is due, at most.
const READS: usize = 64;

/// Runs a worker until it is told to finish.
///
/// # Errors
/// When there are no descriptors for a poller.
pub(super) fn run(
    common: Arc<Common>,
    share: Share,
    orders: Receiver<Order>,
    wake: WakeSlot,
    news: UnboundedSender<News>,
) -> io::Result<()> {
    let poller = Poller::new(BATCH)?;
    let waker = poller.waker();
    // Control waits for this; without it there is nobody to work for.
    if wake.send(Box::new(move || waker.wake())).is_err() {
        return Ok(());
    }
    let mut share = share;
    let couriers = std::mem::take(&mut share.couriers);
    let mut native = Native::new(Course::new(common, share, news), poller, couriers);
    native.open_couriers();
    while native.course.stage != Stage::Over {
        native.turn(&orders)?;
    }
    native.course.harvest();
    Ok(())
}

struct Native {
    course: Course,
    poller: Poller,
    connections: Vec<Connection>,
    couriers: Couriers,
    /// Where those that may leave by a phase are among `connections`, by which connection of the run they are.
    places: HashMap<u32, u32>,
    /// Those of them that have ever been open.
    seen: HashSet<u32>,
    scratch: Box<[u8]>,
    again: Vec<Token>,
    due: Vec<Due>,
    rng: Pcg64Mcg,
    /// Slow consumers that rest, by when they may read on.
    resting: BinaryHeap<Reverse<(u64, u32)>>,
    /// A publish with what the dialect wraps around it.
    wrapped: Vec<u8>,
    /// Until when steps of joins may take, the earliest first; some are over already.
    joins: BinaryHeap<Reverse<(u64, u32)>>,
    /// When which connection says that it lives; all wait equally long, so the order is kept.
    beats: VecDeque<(u64, u32)>,
    /// Reads since it was last looked at what is due.
    reads: usize,
    /// Who leaves or comes back next.
    returns: Returns,
    /// Connections that will come back.
    away: u32,
    cutting: Option<Cutting>,
    restart: Restart,
}

impl Native {
    fn new(mut course: Course, poller: Poller, couriers: Vec<CourierShare>) -> Self {
        let (couriers, of) = Couriers::new(&course.common, couriers, |index| course.local(index));
        for (publisher, courier) in of {
            course.publishers[publisher].courier = Some(courier);
        }
        Native {
            couriers,
            places: HashMap::new(),
            seen: HashSet::new(),
            connections: Vec::with_capacity(course.dialer.total()),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            course,
            poller,
            again: Vec::new(),
            due: Vec::new(),
            resting: BinaryHeap::new(),
            wrapped: Vec::new(),
            joins: BinaryHeap::new(),
            beats: VecDeque::new(),
            rng: Pcg64Mcg::seed_from_u64(now()),
            reads: 0,
            returns: Returns::default(),
            away: 0,
            cutting: None,
            restart: Restart::default(),
        }
    }

    /// Does what control has ordered since the last turn.
    fn obey(&mut self, orders: &Receiver<Order>) {
        loop {
            match self.course.obey(orders) {
                Obey::GoOn => return,
                Obey::BeginSessions { at } => self.begin_sessions(at),
                Obey::Cut { share } => self.cut(share, self.course.phase),
                Obey::RestartBegins => self.restart_begins(),
                Obey::RestartEnded => self.restart_ended(),
                Obey::Leave => return self.leave(),
            }
        }
    }

    fn turn(&mut self, orders: &Receiver<Order>) -> io::Result<()> {
        let rested = self.resting.peek().map(|Reverse((at, _))| *at);
        let cuts = self.cutting.map(|_| self.course.woke);
        let ours = [self.speaks_at(), self.returns.next(), rested, self.couriers.wake_at(), cuts].into_iter().flatten();
        self.poller.set_timer(self.course.wake_at().into_iter().chain(ours).min())?;
        let turn = self.poller.wait(Timeout::Never)?;
        self.course.wake(now());
        if turn.woken {
            self.obey(orders);
        }
        let mut again = std::mem::take(&mut self.again);
        self.poller.take_again(&mut again);
        for &token in &again {
            // A socket that took this one's place is announced by the kernel.
            if self.connections[token.0 as usize].state != State::Connecting {
                self.ready(Ready { token, readable: true, writable: false, closed: true });
            }
        }
        self.again = again;
        for i in 0..turn.events {
            self.ready(self.poller.ready(i));
        }
        self.read_rested();
        self.expire_letters();
        self.pace();
        self.connect();
        self.keep_speaking();
        self.cut_on(CUTS_AT_ONCE);
        self.come_and_go();
        self.course.away = self.away;
        if self.course.report() && self.course.ledgers.wants_trim() {
            let open = self.connections.iter_mut().filter(|c| c.state == State::Open);
            let places = open.map(|c| (c.room, &mut c.cursor, c.compressed.as_deref_mut())).collect();
            self.course.ledgers.trim(places);
        }
        self.course.end_leave();
        Ok(())
    }

    fn ready(&mut self, ready: Ready) {
        if let Some(courier) = Couriers::whose(ready.token) {
            return self.courier_ready(courier, ready);
        }
        let id = ready.token.0;
        let Some(connection) = self.connections.get(id as usize) else { return };
        if connection.state == State::Connecting && (ready.writable || ready.closed) {
            self.connected(id);
        } else if ready.writable && matches!(connection.state, State::Securing | State::Upgrading) {
            self.flush(id);
        } else if ready.writable && connection.outbox.as_ref().is_some_and(|o| !o.is_empty()) {
            self.push(id);
        }
        if ready.readable {
            match self.connections[id as usize].state {
                State::Open | State::Leaving | State::Departing => {
                    self.read(id, if ready.closed { Until::Empty } else { Until::Short })
                }
                State::Upgrading => self.read_answer(id),
                State::Securing => self.secure(id),
                State::Joining => self.read_join(id),
                State::Connecting | State::Away | State::Left | State::Closed => {}
            }
        }
    }

    /// An open connection is over.
    fn closed(&mut self, id: u32, cause: &str, farewell: Farewell) {
        let connection = &mut self.connections[id as usize];
        match connection.state {
            State::Open => return self.ended(id, cause, farewell),
            State::Departing => return self.departed(id),
            State::Leaving => self.course.tally.leave(),
            State::Joining => return self.broke_off(id, cause),
            State::Connecting | State::Securing | State::Upgrading | State::Away | State::Left | State::Closed => {
                return;
            }
        }
        connection.state = State::Closed;
        connection.line = None;
        connection.outbox = None;
        connection.compressed = None;
    }

    /// Says goodbye to everybody.
    fn leave(&mut self) {
        self.cut_on(usize::MAX);
        self.end_absences();
        let cut_short = self.course.stage == Stage::Connecting;
        let (connections, couriers) = (&self.connections, &self.couriers);
        self.course.leave(|publisher| sender(publisher, connections, couriers));
        self.couriers.give_up(&mut self.course.tally);
        for id in 0..self.connections.len() as u32 {
            if self.connections[id as usize].throttle.take().is_some_and(|throttle| throttle.resting) {
                // What stands before the server's goodbye is read at once.
                self.poller.again(Token(id));
            }
            match self.connections[id as usize].state {
                State::Open => {
                    self.say_goodbye(id);
                    self.send_control(id, Opcode::Close, &close_payload(CloseCode::NORMAL, ""));
                    if self.connections[id as usize].state == State::Open {
                        self.connections[id as usize].state = State::Leaving;
                    }
                }
                State::Connecting | State::Securing | State::Upgrading | State::Joining | State::Departing
                    if self.comes_back(id).is_some() =>
                {
                    let connection = &mut self.connections[id as usize];
                    connection.line = None;
                    connection.opening = None;
                    connection.state = State::Closed;
                }
                // It still had time: nobody has failed.
                State::Connecting | State::Securing | State::Upgrading | State::Joining if cut_short => self.end(id),
                State::Connecting | State::Securing | State::Upgrading | State::Joining => {
                    self.failed(id, "the run ended before it was open".to_owned(), Blame::Server);
                }
                State::Leaving | State::Departing | State::Away | State::Left | State::Closed => {}
            }
        }
    }
}
