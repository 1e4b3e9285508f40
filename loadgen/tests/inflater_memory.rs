//! What `validate` says a decompressor takes is what it takes. A test of its own: nothing else may allocate meanwhile.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

use loadgen::corpus::Corpus;
use loadgen::scenario::INFLATER_BYTES;
use loadgen::seeded::Seeded;
use wire::{Context, Deflater, Direction, Inflater};

#[test]
fn a_connection_with_context_of_its_own_takes_what_validate_says() {
    const CONNECTIONS: usize = 2000;
    let mut deflater = Deflater::new(Direction { context: Context::Kept, window_bits: 15 }, 6);
    let mut messages = Vec::new();
    // More than a window of them.
    for seq in 0..400 {
        let mut payload = Vec::new();
        Corpus::Chat.message(&mut Seeded::new(1, [0, u64::from(seq)]), seq, None, None, &mut payload);
        let mut compressed = Vec::new();
        deflater.deflate(&payload, &mut compressed);
        messages.push(compressed);
    }
    let resident = || net::memory(std::process::id()).unwrap().rss_bytes;
    let before = resident();
    let mut all: Vec<Inflater> = (0..CONNECTIONS).map(|_| Inflater::new(Context::Kept)).collect();
    for inflater in &mut all {
        for message in &messages {
            inflater.inflate(message, 1 << 20).unwrap();
        }
    }
    let each = (resident() - before) / CONNECTIONS as u64;
    println!("{each} bytes each");
    assert!(each.abs_diff(INFLATER_BYTES) < INFLATER_BYTES / 10, "{each} bytes each, {INFLATER_BYTES} said");
}
