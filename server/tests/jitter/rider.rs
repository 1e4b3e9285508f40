//! A member of a chat room, off and on.

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::line::{Cursor, Line};
use crate::{Plan, ROOM};

/// Whether a rider says, when it comes back, which message it wants next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Kept,
    Lost,
}

/// What became of the messages.
#[derive(Debug, Default)]
pub struct Account {
    pub delivered: u64,
    pub missed: u64,
    pub twice: u64,
    /// How often the connection was cut.
    pub cuts: u64,
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.missed += other.missed;
        self.twice += other.twice;
        self.cuts += other.cuts;
    }
}

pub struct Rider {
    plan: Plan,
    memory: Memory,
    server: SocketAddr,
    /// Where the next message is in the room's log.
    cursor: Cursor,
    /// The number that the next message should hold.
    next: u64,
    account: Account,
    /// Connections whose end the server was not told.
    vanished: Vec<Line>,
}

/// What there is to know of a message of the room.
#[derive(Deserialize)]
struct Said<'a> {
    r#type: &'a str,
    content: String,
    seq: &'a str,
}

/// What a rider does after a message.
#[derive(PartialEq, Eq)]
enum Then {
    Stay,
    Leave,
}

impl Rider {
    pub async fn join(plan: Plan, memory: Memory, server: SocketAddr) -> (Self, Line) {
        let (line, cursor) = Line::open(server, ROOM).await;
        (Self { plan, memory, server, cursor, next: 0, account: Account::default(), vanished: Vec::new() }, line)
    }

    /// Until the last message; `cut` is the time of the first cut.
    pub async fn follow(mut self, mut line: Line, mut cut: Instant) -> Account {
        loop {
            while let Ok((first, payload)) = timeout_at(cut, line.frame()).await {
                assert_eq!(first, 0x81, "a text was due, not {:?}", String::from_utf8_lossy(&payload));
                if self.take(&payload) == Then::Leave {
                    return self.account;
                }
            }
            self.lose(line);
            sleep_until(cut + self.plan.offline).await;
            line = self.come_back().await;
            cut += self.plan.period;
        }
    }

    fn take(&mut self, payload: &[u8]) -> Then {
        let said: Said = serde_json::from_slice(payload).unwrap();
        if said.r#type != "chat" {
            return Then::Stay;
        }
        let seq: Cursor = said.seq.into();
        self.cursor = Cursor { index: seq.index + 1, ..seq };
        let Ok(n) = said.content.parse::<u64>() else {
            self.account.missed += self.plan.messages - self.next;
            return Then::Leave;
        };
        if n < self.next {
            self.account.twice += 1;
        } else {
            self.account.missed += n - self.next;
            self.account.delivered += 1;
            self.next = n + 1;
        }
        Then::Stay
    }

    /// Without a close frame: in turn with a FIN, with a RST, and without the server hearing of it.
    fn lose(&mut self, line: Line) {
        match self.account.cuts % 3 {
            0 => drop(line),
            1 => socket2::SockRef::from(line.stream()).set_linger(Some(Duration::ZERO)).unwrap(),
            _ => self.vanished.push(line),
        }
        self.account.cuts += 1;
    }

    async fn come_back(&mut self) -> Line {
        let path = match self.memory {
            Memory::Kept => format!("{ROOM}?resume={}", self.cursor),
            Memory::Lost => ROOM.to_owned(),
        };
        let (line, cursor) = Line::open(self.server, &path).await;
        if self.memory == Memory::Kept {
            assert_eq!(cursor, self.cursor, "the answer begins somewhere else than asked");
        }
        self.cursor = cursor;
        line
    }
}
