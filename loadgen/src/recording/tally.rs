//! What a recording holds, for the summary at its end.

use std::collections::BTreeMap;

use crate::report::numbers::{bytes, count, duration_us, rate, seconds};

/// Longest list of rooms in a summary.
const ROOMS_SHOWN: usize = 10;

/// What was recorded so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Messages of each room.
    pub rooms: BTreeMap<String, u64>,
    /// How often a connection was lost and came back.
    pub gaps: u64,
    /// How long connections were away in all, microseconds: what was sent in that time is not in the recording.
    pub away_us: u64,
    /// The longest time without any message, microseconds.
    pub longest_silence_us: u64,
    last_us: Option<u64>,
}

impl Tally {
    /// A message came.
    pub fn message(&mut self, at_us: u64, room: &str, payload: usize) {
        self.messages += 1;
        self.payload_bytes += payload as u64;
        match self.rooms.get_mut(room) {
            Some(messages) => *messages += 1,
            None => drop(self.rooms.insert(room.to_owned(), 1)),
        }
        if let Some(last) = self.last_us.replace(at_us) {
            self.longest_silence_us = self.longest_silence_us.max(at_us.saturating_sub(last));
        }
    }

    /// A connection was away for this long.
    pub fn gap(&mut self, away_us: u64) {
        self.gaps += 1;
        self.away_us += away_us;
    }
}

/// What is said at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What was recorded.
    pub tally: Tally,
    /// How long, microseconds.
    pub length_us: u64,
    /// Bytes of lines written, before compression.
    pub line_bytes: u64,
    /// Names of the files written.
    pub files: Vec<String>,
    /// Of a connection that is away at the end.
    pub lost_now: Vec<String>,
}

impl Summary {
    /// A few lines for people.
    pub fn text(&self) -> String {
        let Summary { tally, length_us, line_bytes, files, lost_now } = self;
        let s = *length_us as f64 / 1e6;
        let per_s = if s > 0.0 { tally.messages as f64 / s } else { 0.0 };
        let mut text = format!(
            "{} of {} in {} ({} a second), {} of payload, {} written to {}\n",
            counted(tally.messages as usize, "message"),
            counted(tally.rooms.len(), "room"),
            seconds(s),
            rate(per_s),
            bytes(tally.payload_bytes as f64),
            bytes(*line_bytes as f64),
            files.join(", "),
        );
        let mut rooms: Vec<(&String, &u64)> = tally.rooms.iter().collect();
        rooms.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        if rooms.len() > 1 {
            for (room, messages) in rooms.iter().take(ROOMS_SHOWN) {
                text += &format!("  {:>12}  {room}\n", count(**messages));
            }
            if let Some(more) = rooms.len().checked_sub(ROOMS_SHOWN).filter(|more| *more > 0) {
                text += &format!("  {:>12}  and {} more\n", "", count(more as u64));
            }
        }
        text += &format!("longest silence {}", duration_us(tally.longest_silence_us as f64));
        if tally.gaps == 0 && lost_now.is_empty() {
            text += "; no connection was lost\n";
        } else {
            text += &format!(
                "; {}, {} in all: what was sent meanwhile is not in the recording\n",
                counted(tally.gaps as usize, "gap"),
                duration_us(tally.away_us as f64)
            );
        }
        for room in lost_now {
            text += &format!("the connection of {room} was still away at the end\n");
        }
        text
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(tally: Tally) -> Summary {
        let files = vec!["feed.jsonl".to_owned()];
        Summary { tally, length_us: 12_500_000, line_bytes: 4096, files, lost_now: Vec::new() }
    }

    #[test]
    fn a_summary_says_what_is_there_and_what_is_not() {
        let mut tally = Tally::default();
        tally.message(0, "BTC", 100);
        tally.message(1_000, "ETH", 50);
        tally.message(2_501_000, "BTC", 874);
        assert_eq!(
            summary(tally.clone()).text(),
            "3 messages of 2 rooms in 12.5 s (0.2 a second), 1 KiB of payload, 4 KiB written to feed.jsonl\n             2  BTC\n             1  ETH\nlongest silence 2.5 s; no connection was lost\n"
        );
        tally.gap(750_000);
        let text = summary(tally).text();
        assert!(text.ends_with("; 1 gap, 750 ms in all: what was sent meanwhile is not in the recording\n"), "{text}");
    }

    #[test]
    fn only_the_busiest_rooms_are_listed() {
        let mut tally = Tally::default();
        (0..25).for_each(|n| tally.message(n, &format!("room {n}"), 1));
        tally.message(99, "room 20", 1);
        let text = summary(tally).text();
        assert!(text.contains("             2  room 20\n") && text.contains("                and 15 more\n"), "{text}");
    }
}
