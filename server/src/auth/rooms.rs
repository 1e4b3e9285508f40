//! Pure: the rooms that a token opens.

/// Names and patterns of rooms; `*` in a pattern stands for any text, slashes included, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rooms {
    /// Every room.
    #[default]
    All,
    /// Those that match one of these.
    Matching(Box<[Box<str>]>),
}

impl Rooms {
    /// The rooms of a list; without a list, all.
    #[must_use]
    pub fn new(patterns: Option<Vec<String>>) -> Self {
        match patterns {
            None => Self::All,
            Some(patterns) => Self::Matching(patterns.into_iter().map(String::into_boxed_str).collect()),
        }
    }

    /// Whether `room` is among them.
    #[must_use]
    pub fn contain(&self, room: &str) -> bool {
        match self {
            Self::All => true,
            Self::Matching(patterns) => patterns.iter().any(|pattern| matches(pattern, room)),
        }
    }
}

/// Whether `text` is what `pattern` says. The pieces between stars are found from the left, each as early as possible, which is right
/// because a star takes any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut pieces = rest.split('*');
    let end = pieces.next_back().unwrap_or("");
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rooms(patterns: &[&str]) -> Rooms {
        Rooms::new(Some(patterns.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn without_a_list_every_room_is_open_and_with_an_empty_one_none() {
        assert!(Rooms::new(None).contain("anything"));
        assert!(!rooms(&[]).contain("anything"));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, room) in [
            ("lobby", "lobby"),
            ("team-*", "team-"),
            ("team-*", "team-a/b"),
            ("*", ""),
            ("*", "x"),
            ("a*c*e", "abcde"),
            ("*b*", "abc"),
            ("**", "é"),
        ] {
            assert!(rooms(&["no", pattern]).contain(room), "{pattern} {room}");
        }
        for (pattern, room) in [
            ("lobby", "lobby2"),
            ("lobby", "Lobby"),
            ("team-*", "team"),
            ("a*a", "a"),
            ("a*b*b", "ab"),
            ("*x", "xy"),
            ("team-?", "team-a"),
            ("", "a"),
        ] {
            assert!(!rooms(&[pattern]).contain(room), "{pattern} {room}");
        }
    }

    /// The definition, tried in every way.
    fn by_trying(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|n| by_trying(rest, &text[n..])),
            Some((letter, rest)) => text.first() == Some(letter) && by_trying(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_mean_what_they_say(pattern in "[ab*]{0,8}", room in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &room), by_trying(pattern.as_bytes(), room.as_bytes()));
        }
    }
}
