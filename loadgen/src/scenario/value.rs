//! The kinds of values that a scenario file has, each checked as it is read so that an error points at it.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::scenario::scalar::{At, Scalar, from_scalar};
use crate::units;

/// A `name` key: `[a-z0-9-]+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub String);

from_scalar!(Name, "a name of a-z, 0-9 and -", { "type": "string", "pattern": "^[a-z0-9-]+$" }, |scalar| {
    let text = scalar.to_string();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match scalar {
        Scalar::Text(_) if !text.is_empty() && text.chars().all(fits) => Ok(Name(text)),
        _ => Err(format!("`{text}` is not a name: use a-z, 0-9 and -, in quotes")),
    }
});

/// How many of something: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u32);

from_scalar!(Count, "a whole number", { "type": "integer", "minimum": 1, "maximum": 4_294_967_295u32 }, |scalar| {
    match scalar {
        Scalar::Integer(number) if *number > 0 => u32::try_from(*number).map(Count).ok(),
        _ => None,
    }
    .ok_or_else(|| format!("`{scalar}` is not a count: write a whole number from 1 to 4294967295"))
});

/// A seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

from_scalar!(Seed, "a whole number", { "type": "integer", "minimum": 0 }, |scalar| {
    match scalar {
        Scalar::Integer(number) => u64::try_from(*number).map(Seed).ok(),
        _ => None,
    }
    .ok_or_else(|| format!("`{scalar}` is not a seed: write a whole number from 0 to 9223372036854775807"))
});

/// A number above zero: a rate, a speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Positive(pub f64);

from_scalar!(Positive, "a number above zero", { "type": "number", "exclusiveMinimum": 0 }, |scalar| {
    let number = match scalar {
        Scalar::Integer(number) => *number as f64,
        Scalar::Float(number) => *number,
        Scalar::Text(_) | Scalar::Truth(_) => f64::NAN,
    };
    if number > 0.0 && number.is_finite() {
        Ok(Positive(number))
    } else {
        Err(format!("`{scalar}` does not work here: write a number above zero"))
    }
});

/// A duration with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

from_scalar!(Time, "a duration such as \"250ms\"", { "type": "string", "examples": ["250ms", "1.5s", "2m"] }, |scalar| {
    units::duration(&scalar.to_string()).map(Time).map_err(|e| e.to_string())
});

/// A duration above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

from_scalar!(Span, "a duration such as \"250ms\"", { "type": "string", "examples": ["250ms", "1.5s", "2m"] }, |scalar| {
    let length = units::duration(&scalar.to_string()).map_err(|e| e.to_string())?;
    if length.is_zero() { Err(format!("`{scalar}` is no time at all: write a duration above zero")) } else { Ok(Span(length)) }
});

/// A duration or a range of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans(pub (Duration, Duration));

from_scalar!(
    Spans,
    "a duration such as \"3s\", or a range such as \"1s-5s\"",
    { "type": "string", "examples": ["3s", "1s-5s", "500ms-30s"] },
    |scalar| {
        let spans = units::durations(&scalar.to_string()).map_err(|e| e.to_string())?;
        if spans.1.is_zero() { Err(format!("`{scalar}` is no time at all: write a duration above zero")) } else { Ok(Spans(spans)) }
    }
);

/// A share of connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

from_scalar!(Share, "a share such as 0.5", { "type": "number", "exclusiveMinimum": 0, "maximum": 1 }, |scalar| {
    match scalar {
        Scalar::Float(share) if *share > 0.0 && *share <= 1.0 => Ok(Share(*share)),
        Scalar::Integer(1) => Ok(Share(1.0)),
        _ => Err(format!("`{scalar}` is no share: write a number above 0 and up to 1, such as 0.5")),
    }
});

/// How long a phase lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseLength {
    /// This long.
    For(Duration),
    /// Until the trace ends.
    Replay,
}

from_scalar!(
    PhaseLength,
    "a duration such as \"30s\", or \"replay\"",
    { "type": "string", "examples": ["30s", "replay"] },
    |scalar| {
        if *scalar == Scalar::Text("replay".into()) {
            return Ok(PhaseLength::Replay);
        }
        match units::duration(&scalar.to_string()) {
            Ok(length) if length.is_zero() => Err(format!("`{scalar}` is no time at all: a phase needs a duration above zero")),
            Ok(length) => Ok(PhaseLength::For(length)),
            Err(e) => Err(format!("{e}, or \"replay\"")),
        }
    }
);

/// A load relative to the publishers' rates, at the start and at the end of a phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load(pub (f64, f64));

from_scalar!(Load, "a load such as \"5x\" or \"1x-5x\"", { "type": "string", "examples": ["5x", "1x-5x"] }, |scalar| {
    units::load(&scalar.to_string()).map(Load).map_err(|e| e.to_string())
});

/// One size or a range of sizes, bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeRange(pub std::ops::RangeInclusive<u32>);

from_scalar!(
    SizeRange,
    "a size such as 128, \"2KiB\" or \"128-512\"",
    { "type": ["integer", "string"], "minimum": 1, "examples": [128, "2KiB", "128-512"] },
    |scalar| {
        let (least, most) = units::sizes(&scalar.to_string()).map_err(|e| e.to_string())?;
        match (u32::try_from(least), u32::try_from(most)) {
            (Ok(least @ 1..), Ok(most)) if most <= 1 << 30 => Ok(SizeRange(least..=most)),
            _ => Err(format!("`{scalar}`: a payload has from 1 byte to 1 GiB")),
        }
    }
);

/// How much a slow consumer reads, bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRate(pub u64);

from_scalar!(
    ReadRate,
    "bytes a second such as 64000 or \"64KiB\"",
    { "type": ["integer", "string"], "minimum": 1, "examples": [64000, "64KiB"] },
    |scalar| {
        let wrong = || format!("`{scalar}` is no number of bytes a second: write one from 1 up, such as 64000 or \"64KiB\"");
        match units::size(&scalar.to_string()) {
            Ok(bytes @ 1..) => Ok(ReadRate(bytes)),
            _ => Err(wrong()),
        }
    }
);

/// The window of a compressor, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowBits(pub u8);

from_scalar!(WindowBits, "a number of bits from 8 to 15", { "type": "integer", "minimum": 8, "maximum": 15 }, |scalar| {
    match scalar {
        Scalar::Integer(bits @ 8..=15) => Ok(WindowBits(*bits as u8)),
        _ => Err(format!("`{scalar}` is no window: write a whole number of bits from 8 to 15")),
    }
});

/// The share of connections that are decompressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InflateShare(pub f64);

from_scalar!(
    InflateShare,
    "\"all\", or a share such as 0.01",
    { "anyOf": [{ "const": "all" }, { "type": "number", "exclusiveMinimum": 0, "maximum": 1 }] },
    |scalar| {
        let share = match scalar {
            Scalar::Text(text) if text == "all" => 1.0,
            Scalar::Float(share) => *share,
            Scalar::Integer(1) => 1.0,
            _ => f64::NAN,
        };
        if share > 0.0 && share <= 1.0 {
            Ok(InflateShare(share))
        } else {
            Err(format!("`{scalar}` is no share: write \"all\", or a number above 0 and up to 1, such as 0.01"))
        }
    }
);

/// The rooms of a group of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rooms {
    /// `r0` and so on.
    Number(Count),
    /// By name.
    Named(Vec<String>),
    /// Those of the trace.
    Replay,
}

struct RoomsVisitor;

impl<'de> Visitor<'de> for RoomsVisitor {
    type Value = Rooms;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of rooms, a list of room names, or \"replay\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Rooms, E> {
        match u32::try_from(number) {
            Ok(number @ 1..) => Ok(Rooms::Number(Count(number))),
            _ => Err(E::custom(format!("`{number}` is not a number of rooms: write a whole number from 1 up"))),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Rooms, E> {
        if text == "replay" {
            return Ok(Rooms::Replay);
        }
        Err(E::custom(format!("`{text}` is not a number of rooms: for one room of that name write [\"{text}\"]")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Rooms, A::Error> {
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = items.next_element::<String>()? {
            if name.is_empty() {
                return Err(A::Error::custom("a room needs a name that is not empty"));
            }
            if names.contains(&name) {
                return Err(A::Error::custom(format!("the room `{name}` is named twice")));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err(A::Error::custom("the list of rooms is empty: name one, or leave `rooms` out"));
        }
        Ok(Rooms::Named(names))
    }
}

impl<'de> Deserialize<'de> for Rooms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RoomsVisitor)
    }
}

impl JsonSchema for Rooms {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rooms".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1, "uniqueItems": true },
            { "const": "replay" }
        ] })
    }
}

/// `url`: where a running server listens.
#[derive(Debug, Clone)]
pub enum Urls {
    /// One address.
    One(String),
    /// Several that share the connections.
    Several(Vec<At<String>>),
}

impl At<Urls> {
    /// Each with its place.
    pub fn each(&self) -> Vec<At<String>> {
        match &self.value {
            Urls::One(url) => vec![At { value: url.clone(), span: self.span.clone() }],
            Urls::Several(urls) => urls.clone(),
        }
    }
}

struct UrlsVisitor;

impl<'de> Visitor<'de> for UrlsVisitor {
    type Value = Urls;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a url, or a list of urls")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Urls, E> {
        Ok(Urls::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Urls, A::Error> {
        let mut urls = Vec::new();
        while let Some(url) = items.next_element()? {
            urls.push(url);
        }
        if urls.is_empty() {
            return Err(A::Error::custom("the list of urls is empty: name one, or leave `url` out"));
        }
        Ok(Urls::Several(urls))
    }
}

impl<'de> Deserialize<'de> for Urls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlsVisitor)
    }
}

impl JsonSchema for Urls {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Urls".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true }
        ] })
    }
}
