//! A payload template, filled in message by message.

use std::fmt;
use std::sync::Arc;

use wire::stamp::Stamp;

use crate::corpus::Corpus;
use crate::feed::Feed;
use crate::payload::template::Piece;
use crate::payload::{LONGEST_STAMP, PayloadError, Sizes, draw};
use crate::seeded::Seeded;

/// A template whose placeholders are known.
#[derive(Debug, Clone)]
pub struct Fill {
    parts: Vec<Part>,
    sizes: Option<Sizes>,
    corpus: Corpus,
    rooms: PublisherRooms,
}

/// The room of each publisher of a group, as `{room}` needs it.
#[derive(Debug, Clone, Default)]
pub struct PublisherRooms {
    /// Run-wide index of the group's first publisher.
    pub first_publisher: u32,
    /// Index into `names` of each publisher of the group.
    pub room_of: Vec<u32>,
    /// Names of rooms.
    pub names: Vec<String>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(Vec<u8>),
    Text,
    Stamp,
    Seq,
    Publisher,
    Room,
    Column(Column),
}

/// What a column of the feed holds, by row, and where the group's publishers begin in it.
#[derive(Clone)]
struct Column {
    values: Arc<[String]>,
    first_publisher: u32,
    first_connection: u32,
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a feed holds is nobody's to see.
        write!(f, "Column of {} rows", self.values.len())
    }
}

impl Column {
    fn of(&self, publisher: u32) -> &str {
        let connection = publisher.wrapping_sub(self.first_publisher).wrapping_add(self.first_connection);
        self.values.get(connection as usize % self.values.len().max(1)).map_or("", String::as_str)
    }
}

/// The rows of a group's publishers in a feed: each has that of its connection.
#[derive(Debug, Clone)]
pub struct PublisherRows {
    /// One row a connection.
    pub feed: Arc<Feed>,
    /// Run-wide index of the group's first publisher.
    pub first_publisher: u32,
    /// Which connection of the run that is.
    pub first_connection: u32,
}

impl PublisherRows {
    fn column(&self, name: &str, quoting: Quoting) -> Option<Column> {
        self.feed.columns().iter().find(|column| *column == name)?;
        let value = |row| quoting.of(self.feed.value(name, row).unwrap_or_default());
        let values = (0..self.feed.rows()).map(value).collect();
        Some(Column { values, first_publisher: self.first_publisher, first_connection: self.first_connection })
    }
}

/// What a template needs to know of its group beside its own text.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The room of each publisher.
    pub rooms: PublisherRooms,
    /// Their rows of the feed, where there is one.
    pub rows: Option<PublisherRows>,
}

/// How names and values are put into a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Plain,
    /// So that any stays inside its JSON string.
    Json,
}

impl Quoting {
    fn of(self, text: &str) -> String {
        match self {
            Quoting::Plain => text.to_owned(),
            Quoting::Json => json_escaped(text),
        }
    }
}

/// Decimal digits of the largest u32.
const U32_DIGITS: u32 = 10;

impl Fill {
    /// Prepares a template; `{env.NAME}` has been replaced before. A template that begins like JSON gets room names and
    /// values of the feed escaped, so that any stays inside its string.
    ///
    /// # Errors
    /// Unknown placeholders, and sizes that the template cannot be filled up to.
    pub fn new(
        pieces: Vec<Piece>,
        sizes: Option<Sizes>,
        corpus: Corpus,
        around: Surroundings,
    ) -> Result<Self, PayloadError> {
        let json = matches!(pieces.first(), Some(Piece::Literal(text)) if text.trim_start().starts_with(['{', '[']));
        let quoting = if json { Quoting::Json } else { Quoting::Plain };
        let Surroundings { mut rooms, rows } = around;
        let parts =
            pieces.into_iter().map(|piece| part(piece, rows.as_ref(), quoting)).collect::<Result<Vec<_>, _>>()?;
        let texts = parts.iter().filter(|p| matches!(p, Part::Text)).count();
        if texts > 0 && !corpus.has_text() {
            return Err(PayloadError::WholeMessages(corpus.name()));
        }
        rooms.names.iter_mut().for_each(|name| *name = quoting.of(name));
        let fill = Self { parts, sizes, corpus, rooms };
        if let Some(sizes) = &fill.sizes {
            match texts {
                0 => return Err(PayloadError::NoText),
                1 => {}
                _ => return Err(PayloadError::Texts),
            }
            let (size, least) = (*sizes.start(), fill.longest_fixed_part());
            if size < least {
                return Err(PayloadError::TooSmall { size, least });
            }
        }
        Ok(fill)
    }

    /// Whether `{stamp}` is in it.
    pub fn has_stamp(&self) -> bool {
        self.parts.iter().any(|p| matches!(p, Part::Stamp))
    }

    /// Total sizes, where they are asked for.
    pub fn sizes(&self) -> Option<&Sizes> {
        self.sizes.as_ref()
    }

    /// Appends the payload of one publish.
    pub fn render(&self, stamp: Stamp, rng: &mut Seeded, out: &mut Vec<u8>) {
        let start = out.len();
        let size = self.sizes.as_ref().map(|sizes| draw(sizes, rng));
        let mut sized_text_at = None;
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Text if size.is_some() => sized_text_at = Some(out.len()),
                Part::Text => self.corpus.text(rng, None, out),
                Part::Stamp => stamp.encode(out),
                Part::Seq => decimal(stamp.seq, out),
                Part::Publisher => decimal(stamp.publisher, out),
                Part::Room => out.extend_from_slice(self.rooms.of(stamp.publisher).as_bytes()),
                Part::Column(column) => out.extend_from_slice(column.of(stamp.publisher).as_bytes()),
            }
        }
        // The text takes what the others left, so it is made last and turned into its place.
        if let (Some(at), Some(size)) = (sized_text_at, size) {
            let fixed_end = out.len();
            let room = size.saturating_sub(fixed_end - start);
            self.corpus.text(rng, Some(room), out);
            let made = out.len() - fixed_end;
            out[at..].rotate_right(made);
        }
    }

    fn longest_fixed_part(&self) -> u32 {
        let longest_room = self.rooms.names.iter().map(String::len).max().unwrap_or(0) as u32;
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(bytes) => bytes.len() as u32,
                Part::Text => 0,
                Part::Stamp => LONGEST_STAMP,
                Part::Seq | Part::Publisher => U32_DIGITS,
                Part::Room => longest_room,
                Part::Column(column) => column.values.iter().map(String::len).max().unwrap_or(0) as u32,
            })
            .sum()
    }
}

impl PublisherRooms {
    fn of(&self, publisher: u32) -> &str {
        let index = publisher.wrapping_sub(self.first_publisher) as usize;
        self.room_of.get(index).and_then(|room| self.names.get(*room as usize)).map_or("", String::as_str)
    }
}

fn part(piece: Piece, rows: Option<&PublisherRows>, quoting: Quoting) -> Result<Part, PayloadError> {
    Ok(match piece {
        Piece::Literal(text) => Part::Literal(text.into_bytes()),
        Piece::Placeholder(name) => match name.as_str() {
            "text" => Part::Text,
            "stamp" => Part::Stamp,
            "seq" => Part::Seq,
            "publisher" => Part::Publisher,
            "room" => Part::Room,
            _ => match rows.and_then(|rows| rows.column(&name, quoting)) {
                Some(column) => Part::Column(column),
                None => return Err(PayloadError::Placeholder(name)),
            },
        },
    })
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn decimal(number: u32, out: &mut Vec<u8>) {
    let mut digits = [0u8; U32_DIGITS as usize];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
