//! Pure: in what form a connection may be sent its messages, as was agreed in its handshake.

use wire::{Agreement, Context, MAX_WINDOW_BITS, MIN_WINDOW_BITS};

/// What a connection's decoder can take, in two bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Coding {
    /// Plain frames only: no extension was agreed.
    #[default]
    Plain,
    /// Also messages that are compressed each by itself.
    Standalone(Window),
    /// Also messages that refer to those before ("context takeover").
    Shared(Window),
}

/// How far back a decoder can look. Windows between two of these count as the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// 512 bytes.
    Nine,
    /// 1 KiB.
    Ten,
    /// 2 KiB.
    Eleven,
    /// 4 KiB.
    Twelve,
    /// 32 KiB, the most there is.
    Fifteen,
}

impl Window {
    /// The largest that a decoder with a window of `bits` bits has; `None` below [`MIN_WINDOW_BITS`].
    #[must_use]
    pub fn within(bits: u8) -> Option<Self> {
        match bits {
            ..MIN_WINDOW_BITS => None,
            9 => Some(Self::Nine),
            10 => Some(Self::Ten),
            11 => Some(Self::Eleven),
            12..MAX_WINDOW_BITS => Some(Self::Twelve),
            MAX_WINDOW_BITS.. => Some(Self::Fifteen),
        }
    }

    /// The logarithm of its size.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Nine => 9,
            Self::Ten => 10,
            Self::Eleven => 11,
            Self::Twelve => 12,
            Self::Fifteen => 15,
        }
    }

    /// Its size.
    #[must_use]
    pub const fn bytes(self) -> usize {
        1 << self.bits()
    }
}

impl From<Agreement> for Coding {
    fn from(Agreement { server, .. }: Agreement) -> Self {
        match (server.context, Window::within(server.window_bits)) {
            (_, None) => Self::Plain,
            (Context::Kept, Some(window @ (Window::Twelve | Window::Fifteen))) => Self::Shared(window),
            (_, Some(window)) => Self::Standalone(window),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Sharing, answer_offers};

    fn coding(offer: &str, sharing: Sharing) -> Coding {
        answer_offers(offer, sharing).unwrap().map_or(Coding::Plain, |(agreement, _)| agreement.into())
    }

    #[test]
    fn what_was_agreed_says_what_can_be_sent() {
        let offer = |bits: u8| format!("permessage-deflate; server_max_window_bits={bits}");
        let shared = |offer: &str| coding(offer, Sharing::Shared);
        assert_eq!(shared("permessage-deflate; client_max_window_bits"), Coding::Shared(Window::Fifteen));
        assert_eq!(shared(&offer(13)), Coding::Shared(Window::Twelve));
        assert_eq!(shared(&offer(11)), Coding::Standalone(Window::Eleven));
        assert_eq!(shared(&offer(9)), Coding::Standalone(Window::Nine));
        assert_eq!(shared(&offer(8)), Coding::Plain);
        assert_eq!(shared("permessage-deflate; server_no_context_takeover"), Coding::Standalone(Window::Fifteen));
        assert_eq!(coding(&offer(14), Sharing::Standalone), Coding::Standalone(Window::Twelve));
        assert_eq!(coding("x-other", Sharing::Shared), Coding::Plain);
    }

    #[test]
    fn a_window_is_never_larger_than_the_decoders() {
        for bits in 0..=15 {
            assert!(Window::within(bits).is_none_or(|window| window.bits() <= bits));
        }
        assert_eq!((Window::within(8), Window::within(15).map(Window::bytes)), (None, Some(32768)));
    }

    #[test]
    fn a_coding_is_small_because_every_connection_has_one() {
        assert_eq!(size_of::<Coding>(), 2);
    }
}
