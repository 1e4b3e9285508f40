//! `payload`: from keys to bytes.

use std::path::Path;

use crate::corpus::Corpus;
use crate::payload::file::{Cut, FileMessages};
use crate::payload::fill::{self, Fill, PublisherRooms, PublisherRows};
use crate::payload::template::Piece;
use crate::payload::{Content, Medium, PayloadError, PayloadSource, Stamping};
use crate::scenario::error::Fault;
use crate::scenario::expand::with_environment;
use crate::scenario::file::PayloadTable;
use crate::scenario::scalar::At;
use crate::scenario::value::SizeRange;
use crate::scenario::word::CorpusKey;

/// Total bytes when the scenario says nothing.
const SIZE: u32 = 128;

/// What a source of payloads depends on beside its own table.
pub(super) struct Surroundings<'a> {
    pub dir: &'a Path,
    pub seed: u64,
    pub stamping: Stamping,
    /// Of the group's publishers; called only for templates with `{room}`.
    pub rooms: &'a dyn Fn() -> PublisherRooms,
    /// Their rows of the feed, where there is one.
    pub rows: Option<PublisherRows>,
}

pub(super) fn resolve(table: Option<&At<PayloadTable>>, around: &Surroundings<'_>) -> Result<PayloadSource, Fault> {
    let empty = At { value: PayloadTable::default(), span: 0..0 };
    let At { value: payload, span } = table.unwrap_or(&empty);
    let at = |key: &Option<At<_>>| key.as_ref().map_or(span.clone(), |at: &At<SizeRange>| at.span.clone());
    let corpus = payload.corpus.as_ref().map(|at| corpus(at.value));
    let sizes = payload.size.as_ref().map(|at| at.value.0.clone());
    let (content, place) = match (&payload.template, &payload.file) {
        (Some(_), Some(file)) => {
            return Err(Fault::at(&file.span, "`file` does not go together with `template`: keep one of them"));
        }
        (Some(template), None) => {
            let pieces = with_environment(template)?;
            let needs_rooms = pieces.contains(&Piece::Placeholder("room".to_owned()));
            let rooms = if needs_rooms { (around.rooms)() } else { PublisherRooms::default() };
            let surroundings = fill::Surroundings { rooms, rows: around.rows.clone() };
            let fill =
                Fill::new(pieces, sizes, corpus.unwrap_or(Corpus::Words), surroundings).map_err(|e| match e {
                    PayloadError::TooSmall { .. } => Fault::at(&at(&payload.size), e.to_string()),
                    PayloadError::Placeholder(_) => Fault::at(&template.span, e.to_string())
                        .help("columns of a CSV file are placeholders too, with feed = \"users.csv\" in [target]"),
                    _ => Fault::at(&template.span, e.to_string()),
                })?;
            (Content::Template(fill), template.span.clone())
        }
        (None, Some(file)) => {
            if let Some(size) = &payload.size {
                return Err(Fault::at(
                    &size.span,
                    "`size` does not go together with `file`: its messages have their sizes",
                ));
            }
            if let Some(corpus) = &payload.corpus {
                return Err(Fault::at(&corpus.span, "`corpus` does not go together with `file`: keep one of them"));
            }
            (Content::File(messages(file, around.dir)?), file.span.clone())
        }
        (None, None) => {
            let corpus = corpus.unwrap_or(Corpus::Words);
            let usual = matches!(corpus, Corpus::Words | Corpus::Random).then_some(SIZE..=SIZE);
            (Content::Generated { corpus, sizes: sizes.or(usual) }, at(&payload.size))
        }
    };
    let medium = medium(payload, &content);
    let place = payload.binary.as_ref().filter(|at| !at.value).map_or(place, |at| at.span.clone());
    PayloadSource::new(content, medium, around.stamping, around.seed).map_err(|e| Fault::at(&place, e.to_string()))
}

fn medium(payload: &PayloadTable, content: &Content) -> Medium {
    let needs_binary = match content {
        Content::Generated { corpus, .. } => corpus.is_binary(),
        Content::File(file) => !file.is_utf8(),
        Content::Template(_) | Content::Replay { .. } => false,
    };
    match payload.binary.as_ref().map(|at| at.value) {
        Some(true) => Medium::Binary,
        Some(false) => Medium::Text,
        None if needs_binary => Medium::Binary,
        None => Medium::Text,
    }
}

fn messages(file: &At<String>, dir: &Path) -> Result<FileMessages, Fault> {
    let bytes = read(file, dir)?;
    let lines = [".txt", ".jsonl", ".ndjson"].iter().any(|end| file.value.ends_with(end));
    FileMessages::new(&bytes, if lines { Cut::Lines } else { Cut::Whole })
        .map_err(|e| Fault::at(&file.span, format!("{}: {e}", file.value)))
}

/// Reads a file that the scenario names, relative to the scenario's own folder.
pub(super) fn read(file: &At<String>, dir: &Path) -> Result<Vec<u8>, Fault> {
    let path = dir.join(&file.value);
    std::fs::read(&path).map_err(|e| {
        Fault::at(&file.span, format!("cannot read {}: {e}", path.display()))
            .help("paths are relative to the scenario file")
    })
}

fn corpus(key: CorpusKey) -> Corpus {
    match key {
        CorpusKey::Words => Corpus::Words,
        CorpusKey::Chat => Corpus::Chat,
        CorpusKey::Ticks => Corpus::Ticks,
        CorpusKey::Telemetry => Corpus::Telemetry,
        CorpusKey::Game => Corpus::Game,
        CorpusKey::Random => Corpus::Random,
    }
}
