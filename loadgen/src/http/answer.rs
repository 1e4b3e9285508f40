//! An answer as it comes in: its status, and where it ends. The body is not kept.

/// The longest head that is read, bytes.
const MOST_HEAD: usize = 32 << 10;
/// Header lines of an answer, at most.
const MOST_HEADERS: usize = 100;

/// A whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Whether another request may follow.
    pub keep: Keep,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It stays open.
    Open,
    /// The server closes it.
    Closed,
}

/// What came is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not HTTP/1.x.
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    /// A head without end.
    #[error("the answer's headers are longer than 32 KiB")]
    TooLong,
    /// The connection ended in the middle.
    #[error("closed by the server before it had answered")]
    Cut,
}

/// Where the reading of an answer stands.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    /// So many bytes of the body are to come.
    Length(u64),
    /// Chunks; so many bytes of the one under way, its line end included.
    Chunks(u64),
    /// Lines after the last chunk, up to an empty one.
    Trailers,
    /// The body ends where the connection does.
    UntilClosed,
}

/// Reads one answer after the other.
#[derive(Debug, Default)]
pub struct AnswerReader {
    stage: Stage,
    /// Of a line or head that is not whole yet.
    held: Vec<u8>,
    answer: Option<Answer>,
}

impl AnswerReader {
    /// Takes what was read; the answer, once it is whole. Bytes behind it are no answer to anything and are dropped.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn receive(&mut self, input: &[u8]) -> Result<Option<Answer>, AnswerError> {
        self.held.extend_from_slice(input);
        loop {
            let whole = match self.stage {
                Stage::Head => match self.head()? {
                    Some(stage) => {
                        self.stage = stage;
                        continue;
                    }
                    None => return Ok(None),
                },
                Stage::Length(left) => {
                    let rest = self.discard(left);
                    self.stage = Stage::Length(rest);
                    rest == 0
                }
                Stage::Chunks(left @ 1..) => {
                    let rest = self.discard(left);
                    self.stage = Stage::Chunks(rest);
                    if rest == 0 {
                        continue;
                    }
                    false
                }
                Stage::Chunks(0) => match httparse::parse_chunk_size(&self.held).map_err(|_| AnswerError::NotHttp)? {
                    httparse::Status::Complete((line, size)) => {
                        self.held.drain(..line);
                        self.stage = if size == 0 { Stage::Trailers } else { Stage::Chunks(size.saturating_add(2)) };
                        continue;
                    }
                    httparse::Status::Partial => false,
                },
                Stage::Trailers => match self.held.windows(2).position(|w| w == b"\r\n") {
                    Some(0) => true,
                    Some(end) => {
                        self.held.drain(..end + 2);
                        continue;
                    }
                    None => false,
                },
                Stage::UntilClosed => {
                    self.held.clear();
                    false
                }
            };
            if !whole {
                return if self.held.len() > MOST_HEAD { Err(AnswerError::TooLong) } else { Ok(None) };
            }
            let answer = self.answer.take();
            *self = Self::default();
            return Ok(answer);
        }
    }

    /// The connection has ended; the answer, if it ends with it.
    ///
    /// # Errors
    /// In the middle of an answer, or before it.
    pub fn end(&mut self) -> Result<Answer, AnswerError> {
        let this = std::mem::take(self);
        match (this.stage, this.answer) {
            (Stage::UntilClosed, Some(answer)) => Ok(answer),
            _ => Err(AnswerError::Cut),
        }
    }

    /// Drops up to `left` bytes of what is held; how many are still to come.
    fn discard(&mut self, left: u64) -> u64 {
        let here = left.min(self.held.len() as u64);
        self.held.drain(..here as usize);
        left - here
    }

    /// Reads a head, if it is whole: how the body goes on.
    fn head(&mut self) -> Result<Option<Stage>, AnswerError> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.held).map_err(|_| AnswerError::NotHttp)?;
        let httparse::Status::Complete(length) = parsed else {
            return if self.held.len() > MOST_HEAD { Err(AnswerError::TooLong) } else { Ok(None) };
        };
        let status = response.code.ok_or(AnswerError::NotHttp)?;
        let find = |name: &str| {
            let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.and_then(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
        };
        let says = |name: &str, word: &str| {
            find(name).is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
        };
        let persists =
            if response.version == Some(0) { says("connection", "keep-alive") } else { !says("connection", "close") };
        let content_length = find("content-length").and_then(|value| value.parse().ok());
        let stage = if matches!(status, 204 | 304) {
            Stage::Length(0)
        } else if says("transfer-encoding", "chunked") {
            Stage::Chunks(0)
        } else {
            content_length.map_or(Stage::UntilClosed, Stage::Length)
        };
        self.held.drain(..length);
        if (100..200).contains(&status) {
            // An interim answer: the answer itself follows.
            return Ok(Some(Stage::Head));
        }
        let keep = if persists && !matches!(stage, Stage::UntilClosed) { Keep::Open } else { Keep::Closed };
        self.answer = Some(Answer { status, keep });
        Ok(Some(stage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to cut an answer in two gives the same.
    fn read(bytes: &[u8]) -> Result<Option<Answer>, AnswerError> {
        let whole = AnswerReader::default().receive(bytes);
        for cut in 0..bytes.len() {
            let mut reader = AnswerReader::default();
            let first = reader.receive(&bytes[..cut]);
            let then = match first {
                Ok(None) => reader.receive(&bytes[cut..]),
                early => early,
            };
            assert_eq!(then, whole, "cut at {cut}");
        }
        whole
    }

    const OPEN: fn(u16) -> Result<Option<Answer>, AnswerError> = |status| Ok(Some(Answer { status, keep: Keep::Open }));

    #[test]
    fn an_answer_ends_where_its_headers_say() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), OPEN(200));
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n"), OPEN(204));
        assert_eq!(
            read(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nA: b\r\n\r\n"),
            OPEN(503)
        );
        assert_eq!(read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n"), OPEN(202));
    }

    #[test]
    fn a_server_may_close_after_its_answer() {
        let answer = Answer { status: 200, keep: Keep::Closed };
        let closed = Ok(Some(answer));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), closed);
        assert_eq!(read(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), closed);
        let mut reader = AnswerReader::default();
        assert_eq!(reader.receive(b"HTTP/1.1 200 OK\r\n\r\nas long as it takes"), Ok(None));
        assert_eq!(reader.end(), Ok(answer));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert_eq!(AnswerReader::default().receive(b"SSH-2.0-OpenSSH\r\n"), Err(AnswerError::NotHttp));
        assert_eq!(AnswerReader::default().end(), Err(AnswerError::Cut));
        let mut reader = AnswerReader::default();
        reader.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok").unwrap();
        assert_eq!(reader.end(), Err(AnswerError::Cut));
        let endless = [b"HTTP/1.1 200 OK\r\nA: ", &vec![b'a'; MOST_HEAD][..]].concat();
        assert_eq!(AnswerReader::default().receive(&endless), Err(AnswerError::TooLong));
    }
}
