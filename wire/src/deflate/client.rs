//! The client's offer, and its judgement of the answer (RFC 7692 section 7.1).

use super::params::{Agreement, Context, Direction, MAX_WINDOW_BITS, NAME, Params, extensions};
use crate::handshake::HandshakeError;

/// What a client offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Whether the server may refer to earlier messages.
    pub context: Context,
    /// The largest window that the server may use, 8 to 15 bits; `None` leaves it to the server.
    pub window_bits: Option<u8>,
}

impl Offer {
    /// The value of `Sec-WebSocket-Extensions`. The client's own compressor is offered as browsers do: it would follow any
    /// `client_max_window_bits`.
    #[must_use]
    pub fn value(&self) -> String {
        let mut value = format!("{NAME}; client_max_window_bits");
        if self.context == Context::Fresh {
            value.push_str("; server_no_context_takeover; client_no_context_takeover");
        }
        if let Some(bits) = self.window_bits {
            value.push_str(&format!("; server_max_window_bits={bits}"));
        }
        value
    }
}

/// What the answer's `Sec-WebSocket-Extensions` (its lines joined with commas) makes of `offer`. `None`: no compression.
///
/// # Errors
/// The answer holds what was not offered, or breaks the offer's terms: the client must fail the connection (RFC 7692 section 5.1).
pub fn verify_extensions(value: Option<&str>, offer: Option<&Offer>) -> Result<Option<Agreement>, HandshakeError> {
    let Some(value) = value else { return Ok(None) };
    let answered = extensions(value)?;
    let (Some(offer), [extension]) = (offer, &answered[..]) else {
        return if answered.is_empty() { Ok(None) } else { Err(HandshakeError::ExtensionNotOffered(value.to_owned())) };
    };
    if extension.name != NAME {
        return Err(HandshakeError::ExtensionNotOffered(value.to_owned()));
    }
    let wrong = |problem: String| HandshakeError::ImpossibleExtension { value: value.to_owned(), problem };
    let params = Params::read(extension).map_err(wrong)?;
    if offer.context == Context::Fresh && !params.server_no_context_takeover {
        return Err(wrong("server_no_context_takeover was asked for and is missing".to_owned()));
    }
    match (offer.window_bits, params.server_max_window_bits) {
        (Some(asked), None) => {
            return Err(wrong(format!("server_max_window_bits={asked} was asked for and is missing")));
        }
        (Some(asked), Some(given)) if given > asked => {
            return Err(wrong(format!("the window has {given} bits where at most {asked} were asked for")));
        }
        _ => {}
    }
    let client_bits = match params.client_max_window_bits {
        None => MAX_WINDOW_BITS,
        Some(Some(bits)) => bits,
        Some(None) => return Err(wrong("client_max_window_bits has no value".to_owned())),
    };
    let context = |fresh: bool| if fresh { Context::Fresh } else { Context::Kept };
    Ok(Some(Agreement {
        server: Direction {
            context: context(params.server_no_context_takeover),
            window_bits: params.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
        },
        client: Direction {
            context: context(params.client_no_context_takeover || offer.context == Context::Fresh),
            window_bits: client_bits,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::super::server::{Sharing, answer_offers};
    use super::*;

    const KEPT: Offer = Offer { context: Context::Kept, window_bits: None };

    #[test]
    fn an_answer_means_what_it_says_and_what_it_leaves_out() {
        let agreed = verify_extensions(Some("permessage-deflate"), Some(&KEPT)).unwrap().unwrap();
        assert_eq!(agreed.server, Direction { context: Context::Kept, window_bits: 15 });
        assert_eq!(agreed.client, Direction { context: Context::Kept, window_bits: 15 });
        let value =
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=10; server_max_window_bits=12";
        let agreed = verify_extensions(Some(value), Some(&KEPT)).unwrap().unwrap();
        assert_eq!(agreed.server, Direction { context: Context::Fresh, window_bits: 12 });
        assert_eq!(agreed.client, Direction { context: Context::Kept, window_bits: 10 });
        assert_eq!(verify_extensions(None, Some(&KEPT)), Ok(None));
        assert_eq!(verify_extensions(Some(""), None), Ok(None));
    }

    #[test]
    fn an_answer_that_was_not_offered_fails_the_connection() {
        let small = Offer { context: Context::Fresh, window_bits: Some(12) };
        let fits = "permessage-deflate; server_no_context_takeover; server_max_window_bits=11";
        assert!(verify_extensions(Some(fits), Some(&small)).unwrap().is_some());
        for (value, offer) in [
            ("permessage-deflate", None),
            ("x-other", Some(&KEPT)),
            ("permessage-deflate, permessage-deflate", Some(&KEPT)),
            ("permessage-deflate; what", Some(&KEPT)),
            ("permessage-deflate; server_max_window_bits=16", Some(&KEPT)),
            ("permessage-deflate; client_max_window_bits", Some(&KEPT)),
            ("permessage-deflate; server_max_window_bits=12", Some(&small)),
            ("permessage-deflate; server_no_context_takeover", Some(&small)),
            ("permessage-deflate; server_no_context_takeover; server_max_window_bits=13", Some(&small)),
            ("permessage-deflate;", Some(&KEPT)),
        ] {
            assert!(verify_extensions(Some(value), offer).is_err(), "{value}");
        }
    }

    #[test]
    fn our_server_accepts_every_offer_of_our_client_but_a_window_of_8_bits() {
        for context in [Context::Kept, Context::Fresh] {
            for window_bits in [None, Some(8), Some(9), Some(11), Some(12), Some(13), Some(15)] {
                for sharing in [Sharing::Shared, Sharing::Standalone] {
                    let offer = Offer { context, window_bits };
                    let answered = answer_offers(&offer.value(), sharing).unwrap();
                    assert_eq!(answered.is_none(), window_bits == Some(8));
                    let Some((agreement, value)) = answered else { continue };
                    assert_eq!(verify_extensions(Some(&value), Some(&offer)), Ok(Some(agreement)), "{offer:?}");
                }
            }
        }
    }
}
