//! One message as a line of a trace.

use base64::Engine as _;
use wire::frame::Opcode;

/// Appends `{"at_us":..,"room":..,"text":..}` and a line feed; binary messages as `"base64"`, and text that is no UTF-8 too.
pub fn append(at_us: u64, room: &str, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"at_us\":");
    out.extend_from_slice(at_us.to_string().as_bytes());
    out.extend_from_slice(b",\"room\":");
    append_string(room, out);
    match std::str::from_utf8(payload) {
        Ok(text) if opcode != Opcode::Binary => {
            out.extend_from_slice(b",\"text\":");
            append_string(text, out);
        }
        _ => {
            out.extend_from_slice(b",\"base64\":\"");
            out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(payload).as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"}\n");
}

fn append_string(text: &str, out: &mut Vec<u8>) {
    // A string always has a JSON form.
    out.extend_from_slice(serde_json::to_string(text).unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;

    #[test]
    fn what_is_written_is_read_as_the_same_message() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let messages: [(&str, Opcode, &[u8]); 5] = [
            ("ADA/XBT", Opcode::Text, b"{\"p\":1,\n\"q\":\"\\\"}"),
            ("k\u{f6}ln 100 %", Opcode::Text, "\u{e9}\u{1f600}\u{2028}\0".as_bytes()),
            ("\"", Opcode::Text, b""),
            ("b", Opcode::Binary, &every_byte),
            ("b", Opcode::Binary, b"text all the same"),
        ];
        let mut file = Vec::new();
        for (at, (room, opcode, payload)) in (7..).zip(&messages) {
            append(at, room, *opcode, payload, &mut file);
        }
        assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), messages.len());
        let trace = Trace::parse(&file).unwrap();
        for ((at, read), (room, opcode, payload)) in (7..).zip(&trace.messages).zip(&messages) {
            assert_eq!((read.at_us, trace.rooms[read.room as usize].as_str()), (at, *room));
            assert_eq!((read.binary, trace.payload(read)), (*opcode == Opcode::Binary, *payload));
        }
    }
}
