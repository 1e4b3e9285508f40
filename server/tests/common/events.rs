//! An event stream read by the grammar of the WHATWG HTML standard (section 9.2.6), out of HTTP chunks: independent of the encoder.
#![allow(dead_code, reason = "each user needs its own part")]

/// One event as a browser would dispatch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    /// `message` unless the stream says otherwise.
    pub kind: String,
    pub data: String,
}

impl Event {
    /// The number after the dot of the id.
    pub fn index(&self) -> u64 {
        self.id.split_once('.').unwrap().1.parse().unwrap()
    }

    /// The message that it stands for.
    pub fn payload(&self) -> Vec<u8> {
        match self.kind.as_str() {
            "message" => self.data.clone().into_bytes(),
            "binary" => unbase64(&self.data),
            other => panic!("an event {other}"),
        }
    }
}

/// What arrived so far.
#[derive(Debug, Default)]
pub struct Parser {
    /// Not yet a whole chunk.
    raw: Vec<u8>,
    /// Not yet a whole line.
    line: Vec<u8>,
    after_cr: bool,
    data: String,
    kind: String,
    pub last_event_id: String,
    pub events: Vec<Event>,
    pub comments: usize,
    ended: bool,
}

impl Parser {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        while let Some(end) = self.raw.windows(2).position(|pair| pair == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..end]).unwrap(), 16).unwrap();
            let (begin, after) = (end + 2, end + 2 + size);
            if self.raw.len() < after + 2 {
                return;
            }
            assert!(!self.ended, "something after the last chunk");
            assert_eq!(&self.raw[after..after + 2], b"\r\n");
            let body = self.raw[begin..after].to_vec();
            self.raw.drain(..after + 2);
            self.ended = size == 0;
            body.iter().for_each(|byte| self.byte(*byte));
        }
    }

    /// Whether the last chunk has come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Bytes of a chunk that has not come whole.
    pub fn unfinished(&self) -> usize {
        self.raw.len()
    }

    /// Whether what arrived ends with a whole chunk that ends with a whole line.
    pub fn is_between_chunks(&self) -> bool {
        self.raw.is_empty() && self.line.is_empty()
    }

    fn byte(&mut self, byte: u8) {
        let lf_of_crlf = std::mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n';
        match byte {
            b'\n' if lf_of_crlf => {}
            b'\n' | b'\r' => {
                let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
                self.field(&line);
            }
            other => self.line.push(other),
        }
    }

    fn field(&mut self, line: &str) {
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => self.comments += 1,
            "event" => self.kind = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.last_event_id = value.to_owned(),
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let kind = std::mem::take(&mut self.kind);
        let data = std::mem::take(&mut self.data);
        let Some(data) = data.strip_suffix('\n') else { return };
        let kind = if kind.is_empty() { "message".to_owned() } else { kind };
        self.events.push(Event { id: self.last_event_id.clone(), kind, data: data.to_owned() });
    }
}

/// Base64 of RFC 4648 section 4, padded.
fn unbase64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(text.len() % 4, 0);
    let digits = text.trim_end_matches('=');
    assert!(text.len() - digits.len() <= 2);
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        bits = bits << 6 | ALPHABET.iter().position(|known| *known == digit).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
