//! Who joins and leaves a chat room, told to its members at a cost that a crowd cannot make quadratic.

use std::collections::BTreeMap;

/// At least so long between two announcements, in nanoseconds.
const WINDOW: u64 = 250_000_000;
/// And so long for each member: whatever the size of the room, announcements make at most 10,000 deliveries a second, and a ramp of any
/// number of joins is announced a number of times that depends on how long it takes, not on how many join.
const WINDOW_PER_MEMBER: u64 = 100_000;

/// The members of one chat room, counted, and what was not announced of their coming and going.
///
/// The first change after a quiet time is announced at once; those that follow within a window are announced together at its end. Who
/// leaves and comes back within one, or comes and leaves, is not mentioned.
#[derive(Debug, Default)]
pub struct Presence {
    members: u64,
    /// By name: how many more joined under it than left. Never zero.
    pending: BTreeMap<Box<str>, i64>,
    /// When the last announcement was made.
    announced: Option<u64>,
}

impl Presence {
    /// Members that joined and have not left.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.members
    }

    /// Somebody is here now.
    pub fn joined(&mut self, name: &str) {
        self.members += 1;
        self.change(name, 1);
    }

    /// Somebody who had joined is not here any more.
    pub fn left(&mut self, name: &str) {
        debug_assert!(self.members > 0, "more left than joined");
        self.members = self.members.saturating_sub(1);
        self.change(name, -1);
    }

    fn change(&mut self, name: &str, by: i64) {
        let Some(net) = self.pending.get_mut(name) else {
            self.pending.insert(name.into(), by);
            return;
        };
        *net += by;
        if *net == 0 {
            self.pending.remove(name);
        }
    }

    /// When there will be something to announce, in nanoseconds; in the past for at once. `None` if nothing changed.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let window = WINDOW.max(self.members.saturating_mul(WINDOW_PER_MEMBER));
        (!self.pending.is_empty()).then(|| self.announced.map_or(0, |at| at.saturating_add(window)))
    }

    /// The announcement that is due at `now`, if one is: `k3v9x0qd and 341 others joined, a1b2c3d4 left; 10,000 members`. A room that
    /// everybody has left is told nothing.
    pub fn take(&mut self, now: u64) -> Option<String> {
        if self.due()? > now {
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        if self.members == 0 {
            return None;
        }
        self.announced = Some(now);
        let crowd = |joined: bool, verb| {
            let mut names = pending.iter().filter(|(_, net)| (**net > 0) == joined).map(|(name, _)| &**name);
            let first = names.next()?;
            Some(match (names.next(), names.count() as u64) {
                (None, _) => format!("{first} {verb}"),
                (Some(second), 0) => format!("{first} and {second} {verb}"),
                (Some(_), more) => format!("{first} and {} others {verb}", grouped(more + 1)),
            })
        };
        let changes: Vec<_> = [crowd(true, "joined"), crowd(false, "left")].into_iter().flatten().collect();
        Some(format!("{}; {}", changes.join(", "), counted(self.members)))
    }
}

/// `1 member`, `10,000 members`.
pub(super) fn counted(members: u64) -> String {
    format!("{} member{}", grouped(members), if members == 1 { "" } else { "s" })
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_first_change_after_a_quiet_time_is_announced_at_once() {
        let mut presence = Presence::default();
        assert_eq!(presence.due(), None);
        presence.joined("a");
        assert_eq!(presence.take(5).as_deref(), Some("a joined; 1 member"));
        presence.joined("b");
        assert_eq!(presence.due(), Some(5 + 250 * MS));
        assert_eq!(presence.take(5 + 250 * MS - 1), None);
        presence.left("a");
        assert_eq!(presence.take(5 + 250 * MS).as_deref(), Some("b joined, a left; 1 member"));
        presence.joined("c");
        presence.joined("d");
        assert_eq!(presence.take(999 * MS).as_deref(), Some("c and d joined; 3 members"));
    }

    #[test]
    fn who_comes_and_goes_within_a_window_is_not_mentioned() {
        let mut presence = Presence::default();
        presence.joined("a");
        presence.take(0);
        presence.joined("b");
        presence.left("b");
        presence.left("a");
        presence.joined("a");
        assert_eq!((presence.due(), presence.members()), (None, 1));
    }

    #[test]
    fn an_empty_room_is_told_nothing_and_its_next_visitor_at_once() {
        let mut presence = Presence::default();
        presence.joined("a");
        presence.take(0);
        presence.left("a");
        assert_eq!(presence.take(999 * MS), None);
        assert_eq!(presence.due(), None);
        presence.joined("b");
        assert_eq!(presence.take(999 * MS).as_deref(), Some("b joined; 1 member"));
    }

    #[test]
    fn ten_thousand_joins_make_a_bounded_number_of_announcements_and_deliveries() {
        let mut presence = Presence::default();
        let (mut announcements, mut deliveries, mut said) = (0, 0, String::new());
        // 2,000 a second, looked at every 16 ms as the wheel does.
        for turn in 0..=450_u64 {
            let now = turn * 16 * MS;
            while presence.members() < (turn * 32).min(10_000) {
                presence.joined(&format!("{:08}", presence.members()));
            }
            if let Some(announcement) = presence.take(now) {
                announcements += 1;
                deliveries += presence.members();
                said = announcement;
            }
        }
        assert!(announcements <= 16, "{announcements} in 7.2 s");
        assert!(deliveries <= 72_000, "{deliveries}: at most 10,000 a second");
        assert!(said.ends_with("others joined; 10,000 members"), "{said}");
    }

    proptest! {
        /// Whatever happens, the members announced are those that are there, and each change is told once.
        #[test]
        fn what_is_announced_adds_up(steps in proptest::collection::vec((0_usize..6, 0_u64..200), 1..200)) {
            let mut presence = Presence::default();
            let mut here: Vec<usize> = Vec::new();
            let mut now = 0;
            for (who, wait) in steps {
                now += wait * MS;
                match here.iter().position(|at| *at == who) {
                    Some(at) => { here.remove(at); presence.left(&who.to_string()); }
                    None => { here.push(who); presence.joined(&who.to_string()); }
                }
                let members = presence.members();
                prop_assert_eq!(members, here.len() as u64);
                if let Some(text) = presence.take(now) {
                    let (changes, count) = text.split_once("; ").unwrap();
                    prop_assert_eq!(count, counted(members));
                    if !changes.contains("others") {
                        for part in changes.split(", ") {
                            let (names, verb) = part.rsplit_once(' ').unwrap();
                            for name in names.split(" and ").map(|name| name.parse::<usize>().unwrap()) {
                                prop_assert_eq!(here.contains(&name), verb == "joined");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
