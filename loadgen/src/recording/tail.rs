//! Where a recording stopped: its last whole line, and the time on it.

use serde::Deserialize;

/// The end of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Bytes up to the end of the last whole line, counted from where the tail began. What follows was torn off.
    pub whole: usize,
    /// Time of the last line, microseconds from the start of the recording.
    pub last_us: u64,
}

/// What the end of a file shows.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// No line is whole: there is nothing to go on from.
    Nothing,
    /// The last line begins before these bytes: look at more of the file.
    More,
    /// Its end.
    Tail(Tail),
    /// The last whole line is none of a trace: this is another file, which must not be written into.
    Foreign,
}

/// What of the file is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// All of it.
    All,
    /// Its end.
    End,
}

#[derive(Deserialize)]
struct Time {
    at_us: u64,
}

/// Finds the last whole line in the bytes of a file's end.
pub fn find(bytes: &[u8], given: Given) -> Found {
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        return if given == Given::All { Found::Nothing } else { Found::More };
    };
    let start = match bytes[..end].iter().rposition(|byte| *byte == b'\n') {
        Some(before) => before + 1,
        None if given == Given::All => 0,
        None => return Found::More,
    };
    match serde_json::from_slice::<Time>(&bytes[start..end]) {
        Ok(Time { at_us }) => Found::Tail(Tail { whole: end + 1, last_us: at_us }),
        Err(_) => Found::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"{\"at_us\":5,\"room\":\"a\",\"text\":\"\"}\n{\"at_us\":70,\"room\":\"a\",\"text\":\"x\"}\n";

    #[test]
    fn a_recording_goes_on_after_its_last_whole_line() {
        assert_eq!(find(TWO, Given::All), Found::Tail(Tail { whole: TWO.len(), last_us: 70 }));
        let torn = [TWO, b"{\"at_us\":99,\"room\":\"a\",\"te"].concat();
        assert_eq!(find(&torn, Given::All), Found::Tail(Tail { whole: TWO.len(), last_us: 70 }));
    }

    #[test]
    fn every_length_of_a_torn_file_is_mended_to_whole_lines() {
        let first = TWO.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for length in 0..TWO.len() {
            let expected = match length {
                _ if length < first => Found::Nothing,
                _ => Found::Tail(Tail { whole: first, last_us: 5 }),
            };
            assert_eq!(find(&TWO[..length], Given::All), expected, "{length}");
        }
    }

    #[test]
    fn more_is_asked_for_as_long_as_the_last_line_may_begin_earlier() {
        assert_eq!(find(b"xt\":\"x\"}\n", Given::End), Found::More);
        assert_eq!(find(b"te", Given::End), Found::More);
        assert_eq!(find(&TWO[3..], Given::End), Found::Tail(Tail { whole: TWO.len() - 3, last_us: 70 }));
    }

    #[test]
    fn a_file_of_something_else_is_not_gone_on_with() {
        assert_eq!(find(b"# notes\n", Given::All), Found::Foreign);
        assert_eq!(find(b"\n", Given::All), Found::Foreign);
    }
}
