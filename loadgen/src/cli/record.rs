//! The flags of `fanout record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::recording::Rotation;
use crate::units;

/// `fanout record`
#[derive(Debug, Args)]
#[command(after_help = RECORD_HELP)]
pub struct RecordArgs {
    /// The feed, with {room} where its path names the room
    #[arg(value_name = "URL")]
    pub url: String,
    /// File to write; compressed if it ends in .gz. What it holds already is gone on with
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// A room to listen to, on a connection of its own; may be repeated. Without {room} in the URL: what to call the only one
    #[arg(long = "room", value_name = "NAME")]
    pub rooms: Vec<String>,
    /// Where a message itself names its room: a JSON pointer such as /product_id [default: the room of its connection]
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
    pub room_at: Option<String>,
    /// A text message to send after connecting, such as a subscription; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub send: Vec<String>,
    /// An extra request header, such as 'Authorization: Bearer {env.TOKEN}'; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// A subprotocol to offer; may be repeated
    #[arg(long = "subprotocol", value_name = "NAME")]
    pub subprotocols: Vec<String>,
    /// How long to record, such as 10m [default: until Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration)]
    pub length: Option<Duration>,
    /// End after this many bytes, counted before compression, such as 1GiB
    #[arg(long, value_name = "BYTES", value_parser = units::size)]
    pub max_bytes: Option<u64>,
    /// Go on in a new file (FILE-0001, FILE-0002, ..) after so many bytes or so much time, such as 100MB or 1h
    #[arg(long, value_name = "BYTES|TIME")]
    pub rotate: Option<Rotation>,
}

const RECORD_HELP: &str = "\
A line a message: {\"at_us\":1250,\"room\":\"btc\",\"text\":\"..\"}, binary ones as \"base64\"; at_us counts from the start of the recording.
Parts of a rotation put together (`cat feed-*.jsonl.gz`) are one recording. A lost connection is opened again; Ctrl-C ends it with
the file whole.

  fanout record ws://127.0.0.1:9001/ws/{room} --room btc --room eth -o feed.jsonl
  fanout record ws://127.0.0.1:8080/feed --send '{\"type\":\"subscribe\"}' --room-at /product_id --for 10m -o feed.jsonl.gz";

fn pointer(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a JSON pointer begins with /, such as /product_id or /data/symbol (RFC 6901)".to_owned())
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
