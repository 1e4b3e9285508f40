//! The server's answer to what a client offers (RFC 7692 section 7.1).

use super::params::{Agreement, Context, Direction, MAX_WINDOW_BITS, MIN_WINDOW_BITS, NAME, Params, extensions};
use crate::handshake::HandshakeError;

/// The window of those who share a history and cannot have the largest, in bits. Smaller ones are not worth a history.
const SMALL_WINDOW_BITS: u8 = 12;

/// Whether a server's compressors may keep history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// One history for all receivers of the same messages, with a window of 15 bits, or of 12 for those who ask for 12 to 14. Who wants
    /// less, or no context, gets every message by itself.
    Shared,
    /// Every message by itself.
    Standalone,
}

/// Chooses among the offers in a `Sec-WebSocket-Extensions` value, in the client's order, and gives the answer's value with what it
/// means. `None`: nothing that was offered can be accepted, so the connection goes on without compression.
///
/// An offer with an unknown, repeated or impossible parameter is declined, and so is one for a window of 8 bits. The client is always
/// told to compress without context (section 7.1.1.2), so that one inflater serves any number of connections.
///
/// # Errors
/// The value breaks the header's grammar; the connection must be refused with 400 (RFC 6455 section 9.1).
pub fn answer_offers(value: &str, sharing: Sharing) -> Result<Option<(Agreement, String)>, HandshakeError> {
    let offers = extensions(value)?;
    let usable = offers.iter().filter(|offer| offer.name == NAME).find_map(|offer| {
        let params = Params::read(offer).ok()?;
        params.server_max_window_bits.is_none_or(|bits| bits >= MIN_WINDOW_BITS).then_some(params)
    });
    Ok(usable.map(|params| answer(&params, sharing)))
}

fn answer(offer: &Params, sharing: Sharing) -> (Agreement, String) {
    let asked = offer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
    let kept = sharing == Sharing::Shared && !offer.server_no_context_takeover && asked >= SMALL_WINDOW_BITS;
    let window_bits = if kept && asked < MAX_WINDOW_BITS { SMALL_WINDOW_BITS } else { asked };
    let context = if kept { Context::Kept } else { Context::Fresh };
    let mut value = NAME.to_owned();
    if !kept {
        value.push_str("; server_no_context_takeover");
    }
    value.push_str("; client_no_context_takeover");
    if offer.server_max_window_bits.is_some() {
        value.push_str(&format!("; server_max_window_bits={window_bits}"));
    }
    let client_bits = offer.client_max_window_bits.flatten().unwrap_or(MAX_WINDOW_BITS);
    let agreement = Agreement {
        server: Direction { context, window_bits },
        client: Direction { context: Context::Fresh, window_bits: client_bits },
    };
    (agreement, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(offer: &str, sharing: Sharing) -> Option<(Context, u8, String)> {
        let (agreement, value) = answer_offers(offer, sharing).unwrap()?;
        Some((agreement.server.context, agreement.server.window_bits, value))
    }

    #[test]
    fn what_browsers_offer_shares_the_history() {
        assert_eq!(
            agreed("permessage-deflate; client_max_window_bits", Sharing::Shared),
            Some((Context::Kept, 15, "permessage-deflate; client_no_context_takeover".to_owned()))
        );
    }

    #[test]
    fn windows_of_12_to_14_bits_share_one_of_12_and_smaller_ones_share_nothing() {
        for (asked, context, bits) in [
            (9, Context::Fresh, 9),
            (11, Context::Fresh, 11),
            (12, Context::Kept, 12),
            (14, Context::Kept, 12),
            (15, Context::Kept, 15),
        ] {
            let (got, window, value) =
                agreed(&format!("permessage-deflate; server_max_window_bits={asked}"), Sharing::Shared).unwrap();
            assert_eq!((got, window), (context, bits), "{asked}");
            assert!(value.ends_with(&format!("; server_max_window_bits={bits}")), "{value}");
            assert_eq!(value.contains("server_no_context_takeover"), context == Context::Fresh);
        }
    }

    #[test]
    fn who_asks_for_no_context_or_is_served_standalone_is_told_so() {
        let value = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for (offer, sharing) in [
            ("permessage-deflate; server_no_context_takeover", Sharing::Shared),
            ("permessage-deflate", Sharing::Standalone),
        ] {
            assert_eq!(agreed(offer, sharing), Some((Context::Fresh, 15, value.to_owned())));
        }
    }

    #[test]
    fn offers_are_tried_in_order_and_nonsense_is_declined() {
        let offer = "permessage-deflate; server_max_window_bits=8, x-webkit-deflate-frame, permessage-deflate; what=1, permessage-deflate; server_max_window_bits=10, permessage-deflate";
        assert_eq!(agreed(offer, Sharing::Standalone).unwrap().1, 10);
        for declined in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        ] {
            assert_eq!(agreed(declined, Sharing::Shared), None, "{declined}");
        }
        assert!(answer_offers("permessage-deflate; =", Sharing::Shared).is_err());
    }
}
