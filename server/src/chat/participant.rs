//! Who speaks in a chat room.

use std::sync::Arc;

use super::message::SERVER;

/// How many characters an id has.
const LEN: usize = 8;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// One client of a chat room, by eight characters that nobody chose: `k3v9x0qd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId([u8; LEN]);

impl ClientId {
    /// The id that a random number stands for. There are 36^8 of them, 2.8 million million: of 20,000 clients two share one in one run of
    /// 14,000, so whoever gives them out looks whether one is taken.
    #[must_use]
    pub fn from_random(mut number: u64) -> Self {
        Self(std::array::from_fn(|_| {
            let digit = DIGITS[(number % 36) as usize];
            number /= 36;
            digit
        }))
    }

    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Always UTF-8: every byte is one of DIGITS.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A member of a chat room, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    id: ClientId,
    user: Option<Arc<str>>,
}

impl Participant {
    /// One with this id, and the name of the user that its token names, if any. Nobody can be called as the server itself is.
    #[must_use]
    pub fn new(id: ClientId, user: Option<Arc<str>>) -> Self {
        Self { id, user: user.filter(|user| !user.is_empty() && **user != *SERVER) }
    }

    /// Its id, also where it has a name.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// What it is called: the user's name, or else the id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.user.as_deref().unwrap_or_else(|| self.id.as_str())
    }

    /// The words that it is greeted with in a room of `members`, itself included.
    #[must_use]
    pub fn welcome(&self, members: u64) -> String {
        let members = super::presence::counted(members);
        match &self.user {
            Some(user) => format!("welcome, {user} ({}); {members}", self.id.as_str()),
            None => format!("welcome, {}; {members}", self.id.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_has_eight_characters_that_need_no_escaping_anywhere(number: u64) {
            let id = ClientId::from_random(number);
            prop_assert_eq!(id.as_str().len(), 8);
            prop_assert!(id.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        }
    }

    #[test]
    fn numbers_near_each_other_give_different_ids() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(ClientId::from_random).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn who_has_a_user_name_goes_by_it_and_the_others_by_their_ids() {
        let id = ClientId::from_random(35);
        assert_eq!(Participant::new(id, Some("alice".into())).name(), "alice");
        assert_eq!(Participant::new(id, Some("alice".into())).welcome(2), "welcome, alice (z0000000); 2 members");
        assert_eq!(Participant::new(id, None).welcome(1), "welcome, z0000000; 1 member");
    }

    #[test]
    fn nobody_can_speak_in_the_servers_name() {
        for name in ["server", ""] {
            assert_eq!(Participant::new(ClientId::from_random(0), Some(name.into())).name(), "00000000");
        }
    }
}
