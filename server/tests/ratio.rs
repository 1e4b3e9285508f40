//! How much compression saves on a recorded exchange feed, headers included: rooms on virtual time, without sockets.
//!
//! The recording is not part of the repository; without it the tests say "skipped" and pass.

use std::collections::HashMap;
use std::path::Path;

use server::accounts::Accounts;
use server::coding::{Coding, Window};
use server::compressors::{Compression, Compressors};
use server::room::{LagPolicy, MemberId, Private, Room, Sent};
use wire::{Context, Decoded, Inflater, Opcode, Role, Rsv1, Rules, Sharing, decode};

const SECOND: u64 = 1_000_000_000;

struct Recorded {
    at: u64,
    room: String,
    text: String,
}

fn recording() -> Option<Vec<Recorded>> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/traces/coinbase-2021-04-17.jsonl"));
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        Recorded { at: value["at_us"].as_u64().unwrap() * 1000, room: text("room"), text: text("text") }
    };
    Some(text.lines().map(line).collect())
}

/// A member that counts, and decodes if it is to be looked at closely.
struct Member {
    id: MemberId,
    joined: u64,
    /// Bytes of frames, and what plain frames would have had.
    sent: u64,
    plain: u64,
    last_plain: Option<u64>,
    decoder: Option<(Inflater, Vec<u8>, usize)>,
}

struct Hall {
    room: Room,
    accounts: Accounts,
    members: Vec<Member>,
    messages: Vec<Vec<u8>>,
    now: u64,
}

impl Hall {
    fn new() -> Self {
        let settings = Compression { sharing: Some(Sharing::Shared), memory: 4 << 20, ..Compression::OFF };
        Self {
            room: Room::new("r", 1, 4 << 20, LagPolicy::Disconnect, 0),
            accounts: Accounts::new(64 << 20).compressing(Compressors::new(settings, || 0)),
            members: Vec::new(),
            messages: Vec::new(),
            now: 0,
        }
    }

    fn join(&mut self, coding: Coding, decoded: bool) {
        let Self { room, accounts, members, now, .. } = self;
        let conn = members.len() as u32;
        let id = room.reserve(conn, *now);
        let context = if matches!(coding, Coding::Shared(_)) { Context::Kept } else { Context::Fresh };
        let decoder = decoded.then(|| (Inflater::new(context), Vec::new(), self.messages.len()));
        members.push(Member { id, joined: *now, sent: 0, plain: 0, last_plain: None, decoder });
        room.adopt(id, conn as i32, Private::None, *now, accounts, &mut |_, _, _| Sent::Failed);
        room.compress(id, coding, accounts, &mut |conn, id| members[conn as usize].id = id);
    }

    /// One message, at once to everybody.
    fn publish(&mut self, text: &str) {
        let Self { room, accounts, members, messages, now } = self;
        room.append(Opcode::Text, text.as_bytes(), *now, accounts).unwrap();
        messages.push(text.as_bytes().to_vec());
        room.regroup(*now, accounts, &mut |conn, id| members[conn as usize].id = id);
        let header = if text.len() < 126 { 2 } else { 4 };
        room.flush(*now, accounts, &mut |fd, first, second| {
            let member = &mut members[fd as usize];
            member.sent += (first.len() + second.len()) as u64;
            member.plain += (header + text.len()) as u64;
            if first[0] & 0x40 == 0 {
                member.last_plain = Some(*now);
            }
            if let Some((_, bytes, _)) = &mut member.decoder {
                bytes.extend([first, second].concat());
            }
            Sent::Bytes(first.len() + second.len())
        });
    }

    /// Everybody who is looked at has every message since joining.
    fn check(&mut self) {
        let rules = Rules { role: Role::Client, rsv1: Rsv1::Allowed, max_frame: 1 << 20 };
        for member in &mut self.members {
            let Some((inflater, bytes, next)) = &mut member.decoder else { continue };
            let mut rest = &mut bytes[..];
            while !rest.is_empty() {
                let Decoded::Frame { header, payload, consumed } = decode(rest, &rules).unwrap() else {
                    panic!("whole frames only")
                };
                let payload = if header.rsv1 { inflater.inflate(payload, 1 << 20).unwrap() } else { payload };
                assert_eq!(payload, &self.messages[*next][..]);
                *next += 1;
                rest = &mut rest[consumed..];
            }
            assert_eq!(*next, self.messages.len());
        }
    }

    fn ratio(&self) -> f64 {
        let sum = |of: fn(&Member) -> u64| self.members.iter().map(of).sum::<u64>() as f64;
        sum(|member| member.plain) / sum(|member| member.sent)
    }
}

/// The recording, each message in its own room, to ten members of each that are there from the beginning.
fn staying(recording: &[Recorded], coding: Coding) -> f64 {
    let mut halls: HashMap<&str, Hall> = HashMap::new();
    for Recorded { at, room, text } in recording {
        let hall = halls.entry(room).or_insert_with(|| {
            let mut hall = Hall::new();
            (0..10).for_each(|i| hall.join(coding, i == 0));
            hall
        });
        hall.now = *at;
        hall.publish(text);
    }
    halls.values_mut().for_each(Hall::check);
    let sum = |of: fn(&Member) -> u64| halls.values().flat_map(|hall| &hall.members).map(of).sum::<u64>() as f64;
    sum(|member| member.plain) / sum(|member| member.sent)
}

#[test]
fn members_who_stay_are_sent_a_sixth_shared_and_a_tenth_less_standalone() {
    let Some(recording) = recording() else { return };
    for (coding, least) in [
        (Coding::Shared(Window::Fifteen), 6.0),
        (Coding::Shared(Window::Twelve), 4.0),
        (Coding::Standalone(Window::Fifteen), 1.1),
    ] {
        let ratio = staying(&recording, coding);
        println!("{coding:?}: {ratio:.2}");
        assert!(ratio >= least, "{coding:?}: {ratio}");
    }
}

#[test]
fn five_hundred_who_join_within_a_minute_cost_a_few_percent_of_it() {
    let Some(recording) = recording() else { return };
    let mut hall = Hall::new();
    let shared = Coding::Shared(Window::Fifteen);
    (0..500).for_each(|i| hall.join(shared, i % 50 == 0));
    for (i, message) in recording[300..3300].iter().enumerate() {
        let due = i as u64 * SECOND / 50;
        // Joins fall anywhere between two messages.
        while hall.members.len() < 1000 {
            let at = (hall.members.len() as u64 - 500) * 60 * SECOND / 500 + 7_000_003;
            if at >= due {
                break;
            }
            hall.now = at;
            let decoded = hall.members.len().is_multiple_of(20);
            hall.join(shared, decoded);
        }
        hall.now = due;
        hall.publish(&message.text);
    }
    assert_eq!(hall.members.len(), 1000);
    hall.check();
    let tally = &hall.accounts.compressors.tally;
    println!("ratio {:.2}, {tally:?}", hall.ratio());
    assert!(hall.ratio() >= 5.5, "{}", hall.ratio());
    for member in &hall.members {
        let plain = member.last_plain.map_or(0, |last| last - member.joined);
        assert!(plain <= SECOND / 2, "plain frames for {plain} ns");
    }
    let mature = hall.room.members_of(server::room::Variant::Mature(Window::Fifteen));
    assert!(mature > 900, "{mature} have the whole history");
}
