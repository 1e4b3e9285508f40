//! The members of a stream as an array of cursors, blocked ones first.

/// A member of a stream, by a number that stays the same until it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seat(pub u32);

/// How a member joined, which decides what losing messages means to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It takes what comes: the lag policy applies.
    New,
    /// It asked to resume, so it counts on having everything: it is never skipped over silently.
    Resumed,
}

/// What a flush touches for each member: 16 bytes, four to a cache line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// Absolute offset of the next byte to send.
    pub cursor: u64,
    /// The socket, opaque here; negative while the place is only reserved.
    pub fd: i32,
    /// Index into `slots`.
    pub id: u32,
}

/// What a member takes along when it goes to another stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traveller {
    pub fd: i32,
    pub conn: u32,
    standing: Standing,
    skipped: bool,
}

/// What is known in addition about a member that cannot be written to.
#[derive(Debug)]
pub(super) struct Blocked {
    /// Where the frame that `cursor` lies in ends; equal to `cursor` (or less) at a boundary.
    pub split_end: u64,
    /// When it last took a byte, in nanoseconds.
    pub since: u64,
    /// The unsent rest of a frame that the log no longer holds; goes out before anything else.
    pub rest: Vec<u8>,
    /// Messages that it lost to the lag policy and has not been told of.
    pub skipped: u64,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A place for a connection that is still in its handshake.
    Reserved,
    /// The socket is full, or private bytes wait that must go first.
    Waiting,
    /// Told to leave; gets nothing more and holds nothing back.
    Departed,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Index into `all`, or the next free slot.
    place: u32,
    conn: u32,
    standing: Standing,
    /// Has lost messages at least once.
    skipped: bool,
}

const NO_SLOT: u32 = u32::MAX;

/// `all` is `[blocked.. | ready..]`: members are swapped over the border, so a flush walks ready ones only, newcomers are pushed at
/// the end, and `blocked[i]` belongs to `all[i]`.
#[derive(Debug)]
pub(super) struct Members {
    pub all: Vec<Member>,
    pub blocked: Vec<Blocked>,
    slots: Vec<Slot>,
    free: u32,
}

impl Members {
    pub fn new() -> Self {
        Self { all: Vec::new(), blocked: Vec::new(), slots: Vec::new(), free: NO_SLOT }
    }

    pub fn place(&self, id: Seat) -> usize {
        self.slots[id.0 as usize].place as usize
    }

    /// The connection behind the member at `place`.
    pub fn conn(&self, place: usize) -> u32 {
        self.slots[self.all[place].id as usize].conn
    }

    pub fn standing(&self, place: usize) -> Standing {
        self.slots[self.all[place].id as usize].standing
    }

    /// Notes that the member at `place` lost messages; true the first time.
    pub fn skip(&mut self, place: usize) -> bool {
        !std::mem::replace(&mut self.slots[self.all[place].id as usize].skipped, true)
    }

    /// Adds a blocked member without a socket.
    pub fn reserve(&mut self, conn: u32, standing: Standing, cursor: u64, now: u64) -> Seat {
        let place = self.all.len();
        let id = self.arrive(Traveller { fd: -1, conn, standing, skipped: false }, cursor);
        self.block(
            place,
            Blocked { split_end: cursor, since: now, rest: Vec::new(), skipped: 0, state: State::Reserved },
        );
        id
    }

    /// Adds a ready member.
    pub fn arrive(&mut self, member: Traveller, cursor: u64) -> Seat {
        let Traveller { fd, conn, standing, skipped } = member;
        let slot = Slot { place: self.all.len() as u32, conn, standing, skipped };
        let id = if self.free == NO_SLOT {
            self.slots.push(slot);
            self.slots.len() as u32 - 1
        } else {
            let id = self.free;
            self.free = self.slots[id as usize].place;
            self.slots[id as usize] = slot;
            id
        };
        self.all.push(Member { cursor, fd, id });
        Seat(id)
    }

    /// Takes a member out that goes to another stream.
    pub fn travel(&mut self, id: Seat) -> Traveller {
        let Slot { conn, standing, skipped, .. } = self.slots[id.0 as usize];
        let (Member { fd, .. }, _) = self.remove(id);
        Traveller { fd, conn, standing, skipped }
    }

    /// Moves the ready member at `place` to the blocked ones and returns its new place.
    pub fn block(&mut self, place: usize, blocked: Blocked) -> usize {
        let to = self.blocked.len();
        debug_assert!(place >= to);
        self.swap(place, to);
        self.blocked.push(blocked);
        to
    }

    /// Moves the blocked member at `place` to the ready ones and returns its new place.
    pub fn unblock(&mut self, place: usize) -> usize {
        drop(self.blocked.swap_remove(place));
        let last = self.blocked.len();
        self.swap(place, last);
        last
    }

    /// Takes a member out; its blocked state, if it was blocked.
    pub fn remove(&mut self, id: Seat) -> (Member, Option<Blocked>) {
        let mut place = self.place(id);
        let mut blocked = None;
        if place < self.blocked.len() {
            blocked = Some(self.blocked.swap_remove(place));
            self.swap(place, self.blocked.len());
            place = self.blocked.len();
        }
        let last = self.all.len() - 1;
        self.swap(place, last);
        // The vectors are given back when most of them is unused, so that a crowd leaves no garbage behind.
        let member = self.all.swap_remove(last);
        self.slots[id.0 as usize].place = self.free;
        self.free = id.0;
        if self.all.is_empty() {
            *self = Self::new();
        }
        (member, blocked)
    }

    fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        self.all.swap(a, b);
        self.slots[self.all[a].id as usize].place = a as u32;
        self.slots[self.all[b].id as usize].place = b as u32;
    }
}
