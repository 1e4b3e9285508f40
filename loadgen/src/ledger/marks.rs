//! What the messages of an observed feed say of themselves: when they were sent, and as which number.

use std::sync::Arc;

use serde_json::Value;

/// A timestamp further from our clock than this, nanoseconds, is none of when the message was sent: a day of birth, or another unit.
const PLAUSIBLE_NS: u64 = 60_000_000_000;

/// Where a value stands in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// At a JSON pointer (RFC 6901), such as `/T`.
    Pointer(String),
    /// Right after this text, up to the first character that belongs to no number or time.
    After(String),
}

/// What a timestamp counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970, with a fraction where there is one.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
    /// A date and time as RFC 3339 writes it.
    Rfc3339,
}

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// When a message was sent.
    pub timestamp: Option<(Spot, Unit)>,
    /// Its number in its room, one more each time.
    pub sequence: Option<Spot>,
}

/// Reads the marks of messages.
#[derive(Debug, Clone)]
pub struct Marks {
    rules: Arc<Rules>,
    /// Nanoseconds since 1970 less CLOCK_MONOTONIC, when the run began.
    epoch: i128,
}

/// What one message says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Noted {
    /// When it was sent, in CLOCK_MONOTONIC, by the sender's clock; may be below zero.
    sent: Option<i128>,
    /// Its number.
    pub sequence: Option<u64>,
}

/// What a timestamp is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// There is none.
    None,
    /// It is more than a minute away.
    Implausible,
    /// It is later than the arrival: the clocks differ by at least this.
    Ahead {
        /// Microseconds, rounded up.
        by_us: u64,
    },
    /// When it was sent, in CLOCK_MONOTONIC.
    At(u64),
}

impl Marks {
    /// Marks by these rules; `epoch` is the time since 1970 less CLOCK_MONOTONIC, nanoseconds.
    pub fn new(rules: Arc<Rules>, epoch: i128) -> Self {
        Marks { rules, epoch }
    }

    /// What a message says.
    pub fn read(&self, payload: &[u8]) -> Noted {
        let Rules { timestamp, sequence } = &*self.rules;
        let pointed = [timestamp.as_ref().map(|(spot, _)| spot), sequence.as_ref()];
        let json = pointed
            .into_iter()
            .flatten()
            .any(|spot| matches!(spot, Spot::Pointer(_)))
            .then(|| serde_json::from_slice::<Value>(payload).ok())
            .flatten();
        let text = |spot: &Spot| match spot {
            Spot::Pointer(pointer) => match json.as_ref()?.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
            Spot::After(before) => after(payload, before),
        };
        Noted {
            sent: timestamp.as_ref().and_then(|(spot, unit)| unit.nanos(&text(spot)?)).map(|at| at - self.epoch),
            sequence: sequence.as_ref().and_then(|spot| text(spot)?.parse().ok()),
        }
    }
}

impl Noted {
    /// Whether it says anything.
    pub fn is_marked(&self) -> bool {
        self.sent.is_some() || self.sequence.is_some()
    }

    /// When it was sent, for one that arrived at `now`.
    pub fn sent(&self, now: u64) -> Sight {
        let Some(sent) = self.sent else { return Sight::None };
        let ahead = sent - i128::from(now);
        if ahead.unsigned_abs() > u128::from(PLAUSIBLE_NS) {
            return Sight::Implausible;
        }
        if ahead > 0 {
            return Sight::Ahead { by_us: (ahead as u64).div_ceil(1000) };
        }
        // Before the machine was started there was no message to receive.
        u64::try_from(sent).map_or(Sight::Implausible, Sight::At)
    }
}

impl Unit {
    /// How coarse it is, microseconds: a timestamp is up to this much earlier than what it stands for.
    pub fn step_us(self) -> f64 {
        match self {
            Unit::Seconds => 1e6,
            Unit::Millis => 1e3,
            Unit::Micros => 1.0,
            Unit::Nanos | Unit::Rfc3339 => 0.0,
        }
    }

    /// Nanoseconds since 1970.
    fn nanos(self, text: &str) -> Option<i128> {
        let scale: i128 = match self {
            Unit::Rfc3339 => return text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond),
            Unit::Seconds => 1_000_000_000,
            Unit::Millis => 1_000_000,
            Unit::Micros => 1_000,
            Unit::Nanos => 1,
        };
        // In whole numbers: a float of this size is off by hundreds of nanoseconds.
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let mut nanos = whole.parse::<i128>().ok()?.checked_mul(scale)?;
        let mut part = scale;
        for digit in fraction.chars() {
            part /= 10;
            nanos += i128::from(digit.to_digit(10)?) * part;
        }
        Some(nanos)
    }
}

/// The number or time right after a text.
fn after(payload: &[u8], before: &str) -> Option<String> {
    let before = before.as_bytes();
    let start = payload.windows(before.len().max(1)).position(|here| here == before)? + before.len();
    let rest = &payload[start..];
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.:".contains(byte);
    let end = rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len());
    String::from_utf8(rest[..end].to_vec()).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-21T12:00:00Z.
    const NOON: i128 = 1_763_726_400_000_000_000;

    fn marks(timestamp: Option<(Spot, Unit)>, sequence: Option<Spot>) -> Marks {
        // Our clock's 100 s are noon.
        Marks::new(Arc::new(Rules { timestamp, sequence }), NOON - 100_000_000_000)
    }

    fn sent(spot: Spot, unit: Unit, payload: &str) -> Sight {
        marks(Some((spot, unit)), None).read(payload.as_bytes()).sent(101_000_000_000)
    }

    #[test]
    fn a_timestamp_is_read_in_every_unit_to_the_nanosecond() {
        let at = |spot: &str, unit, payload: &str| sent(Spot::Pointer(spot.into()), unit, payload);
        let half_past = Sight::At(100_500_000_000);
        assert_eq!(at("/T", Unit::Millis, r#"{"T":1763726400500}"#), half_past);
        assert_eq!(at("/T", Unit::Millis, r#"{"T":"1763726400500.000001"}"#), Sight::At(100_500_000_001));
        assert_eq!(at("/d/t", Unit::Seconds, r#"{"d":{"t":1763726400.5}}"#), half_past);
        assert_eq!(at("/0", Unit::Micros, "[1763726400500000]"), half_past);
        assert_eq!(at("/0", Unit::Nanos, "[1763726400500000000]"), half_past);
        assert_eq!(at("/time", Unit::Rfc3339, r#"{"time":"2025-11-21T13:00:00.5+01:00"}"#), half_past);
    }

    #[test]
    fn a_timestamp_in_text_ends_where_a_number_or_time_does() {
        let at = |unit, payload: &str| sent(Spot::After("ts=".into()), unit, payload);
        assert_eq!(at(Unit::Millis, "tick ts=1763726400500 p=3"), Sight::At(100_500_000_000));
        assert_eq!(at(Unit::Rfc3339, "ts=2025-11-21T12:00:00.5Z,x"), Sight::At(100_500_000_000));
        assert_eq!(at(Unit::Millis, "ts=soon"), Sight::None);
        assert_eq!(at(Unit::Millis, "nothing"), Sight::None);
        assert_eq!(at(Unit::Millis, "ts="), Sight::None);
    }

    #[test]
    fn a_clock_that_is_ahead_is_seen_and_a_date_of_another_kind_is_not_believed() {
        let at =
            |ms: i128| sent(Spot::Pointer("/T".into()), Unit::Millis, &format!("{{\"T\":{}}}", NOON / 1_000_000 + ms));
        assert_eq!(at(1_000), Sight::At(101_000_000_000));
        assert_eq!(at(1_003), Sight::Ahead { by_us: 3_000 });
        assert_eq!(at(62_000), Sight::Implausible);
        assert_eq!(at(-60_000), Sight::Implausible);
        assert_eq!(sent(Spot::Pointer("/T".into()), Unit::Seconds, r#"{"T":1763726400500}"#), Sight::Implausible);
    }

    #[test]
    fn a_sequence_is_a_whole_number_or_none() {
        let of = |payload: &str| marks(None, Some(Spot::Pointer("/seq".into()))).read(payload.as_bytes()).sequence;
        assert_eq!(of(r#"{"seq":7}"#), Some(7));
        assert_eq!(of(r#"{"seq":"18446744073709551615"}"#), Some(u64::MAX));
        for none in [r#"{"seq":-1}"#, r#"{"seq":1.5}"#, r#"{"seq":null}"#, "{}", "no json", ""] {
            assert_eq!(of(none), None, "{none}");
        }
        assert!(!marks(None, None).read(b"{}").is_marked());
    }
}
