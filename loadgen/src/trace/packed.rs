//! Recordings compressed with gzip (RFC 1952): one member, or several one after the other, as a recorder that was stopped and started
//! again leaves them.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The first two bytes of every gzip member (RFC 1952 2.3.1). No line of a trace begins like this.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How the bytes of a file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As they should.
    Whole,
    /// Inside a gzip member: whoever wrote it was stopped before it could finish. What came before is there.
    TornOff,
}

/// The bytes of a file, unpacked if they are gzip, as far as they go.
#[must_use]
pub fn unpack(file: &[u8]) -> (Cow<'_, [u8]>, Ending) {
    if !file.starts_with(&MAGIC) {
        return (Cow::Borrowed(file), Ending::Whole);
    }
    let mut unpacked = Vec::with_capacity(file.len().saturating_mul(4));
    let ending = match MultiGzDecoder::new(file).read_to_end(&mut unpacked) {
        Ok(_) => Ending::Whole,
        Err(_) => Ending::TornOff,
    };
    (Cow::Owned(unpacked), ending)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_not_gzip_is_left_as_it_is() {
        assert_eq!(unpack(b"{\"at_us\":0}\n"), (Cow::Borrowed(&b"{\"at_us\":0}\n"[..]), Ending::Whole));
        assert_eq!(unpack(b""), (Cow::Borrowed(&b""[..]), Ending::Whole));
    }

    #[test]
    fn members_one_after_the_other_are_one_text() {
        let file = [packed("one\n"), packed("two\n")].concat();
        let (text, ending) = unpack(&file);
        assert_eq!((text.as_ref(), ending), (&b"one\ntwo\n"[..], Ending::Whole));
    }

    #[test]
    fn a_file_that_was_cut_off_gives_what_is_whole_of_it() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"one\ntwo\n").unwrap();
        // As the recorder does every second.
        encoder.flush().unwrap();
        let (text, ending) = unpack(encoder.get_ref());
        assert_eq!((text.as_ref(), ending), (&b"one\ntwo\n"[..], Ending::TornOff));
    }
}
