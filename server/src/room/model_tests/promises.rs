//! What each member should have received by the end, and what the books should say.

use wire::Opcode;

use super::super::*;
use super::world::{NOTICE, World, is_greeted};

impl World {
    /// Everybody reads everything; then what they have must be what was published.
    pub fn check(&mut self, policy: LagPolicy) {
        self.flush();
        for conn in 0..self.peers.len() {
            self.adopt(conn);
            self.open_window(conn, 1 << 24);
        }
        let mut gaps = 0;
        let mut deliveries = 0;
        for (conn, peer) in self.peers.iter().enumerate() {
            let (frames, left) = peer.whole_frames();
            let mut next = peer.first;
            let mut pongs = 0;
            let mut whole = 0;
            let (mut noticed, mut goes_on) = (0, None);
            for (opcode, bytes) in frames {
                let number = u64::from_be_bytes(bytes[..8].try_into().unwrap());
                if number == NOTICE {
                    noticed += u64::from_be_bytes(bytes[8..16].try_into().unwrap());
                    goes_on = Some(u64::from_be_bytes(bytes[16..].try_into().unwrap()));
                    continue;
                }
                if opcode == Opcode::Text {
                    assert_eq!(number, pongs, "private frames in order");
                    pongs += 1;
                    continue;
                }
                whole += 1;
                assert!(number >= next, "no duplicate, no going back");
                assert_eq!(bytes, self.published[number as usize]);
                // Who reads as fast as we write loses nothing, except what was evicted during its handshake.
                if policy == LagPolicy::Disconnect || peer.resumed || (peer.healthy && whole > 1) {
                    assert_eq!(number, next, "no gap");
                }
                if peer.variant != Variant::Events && (is_greeted(conn) || whole > 1) {
                    assert_eq!(number - next, noticed, "every gap is noticed before what follows it");
                    assert!(goes_on.is_none_or(|index| index == number), "and where it ends");
                }
                (noticed, goes_on) = (0, None);
                gaps += number - next;
                next = number + 1;
            }
            if peer.member.is_some() {
                assert_eq!((left, pongs), (0, peer.pongs));
                deliveries += whole;
                // What the newest policy jumped over last is followed by nothing only if the newest was received.
                gaps += self.published.len() as u64 - next;
                if policy != LagPolicy::Skip {
                    assert_eq!(next, self.published.len() as u64, "complete to the end");
                }
            } else {
                deliveries += peer.deliveries;
            }
            match peer.departed {
                Some(Why::Lagged) if self.scarce && peer.is_derived() => {}
                Some(Why::Lagged) => assert!(policy == LagPolicy::Disconnect && !peer.resumed),
                Some(Why::Behind(oldest)) => assert!(peer.resumed && oldest.index > next.saturating_sub(1)),
                Some(Why::Stalled) | None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
        let tally = &self.accounts.tally;
        assert_eq!(tally.deliveries, deliveries);
        assert_eq!(tally.bytes_sent, self.room_bytes);
        assert_eq!(tally.publishes, self.published.len() as u64);
        if self.leaves == 0 {
            assert_eq!(tally.skipped_messages, gaps);
        } else {
            assert!(tally.skipped_messages >= gaps);
        }
        assert!(tally.skipped_connections <= self.peers.len() as u64);
        for conn in 0..self.peers.len() {
            self.leave(conn);
        }
        assert_eq!((self.room.members(), self.accounts.split.used()), (0, 0));
        assert_eq!(self.accounts.log.used(), self.room.log().capacity(), "only the plain log stays");
        assert!(self.accounts.compressors.in_use() <= 1, "only the standalone compressor stays");
        let room = std::mem::replace(&mut self.room, Room::new("x", 0, 4096, policy, 0));
        room.dissolve(&mut self.accounts);
        assert_eq!(self.accounts.log.used(), 0);
    }
}
