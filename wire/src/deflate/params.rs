//! The extension's parameters, and the header lines that carry them (RFC 6455 section 9.1, RFC 7692 section 7.1).

use crate::handshake::{HandshakeError, is_token};

/// The extension's registered name.
pub(super) const NAME: &str = "permessage-deflate";
/// The smallest window that can be agreed, in bits. RFC 7692 allows 8, which no implementation of deflate compresses with.
pub const MIN_WINDOW_BITS: u8 = 9;
/// The largest window, in bits: 32 KiB. The default.
pub const MAX_WINDOW_BITS: u8 = 15;

/// Whether a compressor refers to messages before the one at hand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Context {
    /// It does: its window slides over all messages ("context takeover").
    Kept,
    /// It begins anew with every message.
    Fresh,
}

/// How the messages of one direction are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Direction {
    /// Whether history is kept between messages.
    pub context: Context,
    /// The compressor's window holds 2 to the power of this many bytes; 8 to 15.
    pub window_bits: u8,
}

/// What both sides agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Agreement {
    /// Messages from the server.
    pub server: Direction,
    /// Messages from the client.
    pub client: Direction,
}

/// One element of a `Sec-WebSocket-Extensions` list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Extension<'a> {
    pub name: &'a str,
    pub params: Vec<(&'a str, Option<&'a str>)>,
}

/// The parameters of one offer or answer, each at most once.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Params {
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    pub server_max_window_bits: Option<u8>,
    /// Inner `None`: named without a value, as clients do to say that they know the parameter.
    pub client_max_window_bits: Option<Option<u8>>,
}

impl Params {
    /// Reads the parameters; what is wrong with them as a sentence.
    pub fn read(extension: &Extension<'_>) -> Result<Self, String> {
        let mut params = Self::default();
        for &(name, value) in &extension.params {
            let again = match name {
                "server_no_context_takeover" => {
                    none(name, value)?;
                    std::mem::replace(&mut params.server_no_context_takeover, true)
                }
                "client_no_context_takeover" => {
                    none(name, value)?;
                    std::mem::replace(&mut params.client_no_context_takeover, true)
                }
                "server_max_window_bits" => params.server_max_window_bits.replace(bits(name, value)?).is_some(),
                "client_max_window_bits" => {
                    let value = value.map(|value| bits(name, Some(value))).transpose()?;
                    params.client_max_window_bits.replace(value).is_some()
                }
                _ => return Err(format!("{name:?} is no parameter of {NAME}")),
            };
            if again {
                return Err(format!("{name} appears twice"));
            }
        }
        Ok(params)
    }
}

fn none(name: &str, value: Option<&str>) -> Result<(), String> {
    value.map_or(Ok(()), |value| Err(format!("{name} takes no value, but has {value:?}")))
}

/// A decimal from 8 to 15 without leading zeros (RFC 7692 section 7.1.2.1).
fn bits(name: &str, value: Option<&str>) -> Result<u8, String> {
    match value {
        Some("8") => Ok(8),
        Some("9") => Ok(9),
        Some(value @ ("10" | "11" | "12" | "13" | "14" | "15")) => Ok(10 + (value.as_bytes()[1] - b'0')),
        Some(value) => Err(format!("{name} is {value:?}; it must be a number from 8 to 15")),
        None => Err(format!("{name} has no value; it must be a number from 8 to 15")),
    }
}

/// Splits a header's value (its lines joined with commas) into extensions.
///
/// # Errors
/// The value breaks the grammar of RFC 6455 section 9.1, which fails the connection.
pub(super) fn extensions(value: &str) -> Result<Vec<Extension<'_>>, HandshakeError> {
    let malformed = || HandshakeError::MalformedExtensions(value.chars().take(200).collect());
    let mut list = Vec::new();
    for element in split(value, ',').ok_or_else(malformed)? {
        if element.is_empty() {
            // An empty list element (RFC 9110 section 5.6.1.2).
            continue;
        }
        let mut parts = split(element, ';').ok_or_else(malformed)?.into_iter();
        let name = parts.next().filter(|name| is_token(name)).ok_or_else(malformed)?;
        let params = parts.map(param).collect::<Option<_>>().ok_or_else(malformed)?;
        list.push(Extension { name, params });
    }
    Ok(list)
}

fn param(part: &str) -> Option<(&str, Option<&str>)> {
    let Some((name, value)) = part.split_once('=') else {
        return is_token(part).then_some((part, None));
    };
    let (name, value) = (name.trim(), value.trim());
    // A quoted value must be a token once its quotes are off, so that escapes have no place in it.
    let bare = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    (is_token(name) && is_token(bare)).then_some((name, Some(bare)))
}

/// The parts between `separator`s that are outside quotes, trimmed; `None` when a quote does not end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut quoted = false;
    let parts = text.split(|c| {
        quoted ^= c == '"';
        c == separator && !quoted
    });
    let parts = parts.map(str::trim).collect();
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Params, String> {
        Params::read(&extensions(value).unwrap()[0])
    }

    #[test]
    fn offers_are_split_with_their_parameters_and_quotes() {
        let list =
            extensions(" x-a , permessage-deflate; client_max_window_bits; server_max_window_bits=\"10\",, b;c=d")
                .unwrap();
        assert_eq!(list.iter().map(|extension| extension.name).collect::<Vec<_>>(), ["x-a", NAME, "b"]);
        assert_eq!(list[1].params, [("client_max_window_bits", None), ("server_max_window_bits", Some("10"))]);
        assert_eq!(list[2].params, [("c", Some("d"))]);
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for value in
            ["a b", "a;", "a; =1", "a; b=", "a; b=\"1", "a; b=\"1,2\"", "=", ";", "a; b=\"\"", "a; b=1 2", "\"a\""]
        {
            assert!(extensions(value).is_err(), "{value}");
        }
    }

    #[test]
    fn each_parameter_is_read_at_most_once_and_only_with_a_value_that_it_can_have() {
        assert_eq!(read(NAME), Ok(Params::default()));
        let all = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=15";
        assert_eq!(
            read(all),
            Ok(Params {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                server_max_window_bits: Some(9),
                client_max_window_bits: Some(Some(15)),
            })
        );
        for wrong in [
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "server_max_window_bits=+9",
            "client_max_window_bits=0",
            "client_max_window_bits=1000",
            "server_no_context_takeover; server_no_context_takeover",
            "client_max_window_bits; client_max_window_bits=9",
            "max_window_bits=9",
        ] {
            assert!(read(&format!("{NAME}; {wrong}")).is_err(), "{wrong}");
        }
    }
}
