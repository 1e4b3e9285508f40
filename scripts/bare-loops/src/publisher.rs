//! Publishes from inside the bare reader, so that a server can be driven to its limit by a receiver that is not the limit itself.

use std::io;
use std::os::fd::AsRawFd;

use net::{Socket, send_fd};
use wire::{Opcode, append_frame, append_masked_frame};

/// How the publishers of a reader publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publishing {
    /// How many connections publish. They are members of the room as well, and so receive everything.
    pub publishers: usize,
    /// How many messages each has on the way in a closed loop.
    pub in_flight: usize,
    /// Bytes of a message's payload.
    pub payload: usize,
}

/// One publishing connection. All its messages are the same bytes, and the first of the payload says whose they are, so its own
/// echoes are found in what it receives by looking at one byte a frame.
pub struct Publisher {
    id: u8,
    /// Bytes of one frame as the server sends it, and where in it the payload begins.
    echo: usize,
    header: usize,
    /// How far into a frame the received stream is.
    received: usize,
    /// The masked frame, as often as a closed loop can want it at once.
    frames: Vec<u8>,
    frame: usize,
    /// How far into a frame the sent stream is, and the bytes still to be sent.
    sent: usize,
    owed: usize,
}

/// The byte that names publisher number `index`.
#[must_use]
pub fn name_of(index: usize) -> u8 {
    b'0' + (index % 64) as u8
}

impl Publisher {
    /// Publisher number `index`.
    #[must_use]
    pub fn new(index: usize, publishing: Publishing) -> Self {
        let id = name_of(index);
        let mut payload = vec![b'.'; publishing.payload.max(1)];
        payload[0] = id;
        let (mut echo, mut frames) = (Vec::new(), Vec::new());
        append_frame(&mut echo, Opcode::Text, &payload);
        append_masked_frame(&mut frames, Opcode::Text, &payload, [0x37, 0xfa, 0x21, 0x3d]);
        let (frame, header) = (frames.len(), echo.len() - payload.len());
        // One more than in flight, because the next one may begin inside of one that was split.
        let frames = frames.repeat(publishing.in_flight.max(1) + 1);
        Self { id, echo: echo.len(), header, received: 0, frames, frame, sent: 0, owed: 0 }
    }

    /// Bytes of one message as the server sends it to a member.
    #[must_use]
    pub fn echo_bytes(&self) -> usize {
        self.echo
    }

    /// How many of our own messages begin (with the byte that names us) in `bytes`, the next part of the received stream.
    #[must_use]
    pub fn echoes(&mut self, bytes: &[u8]) -> usize {
        let first = (self.header + self.echo - self.received) % self.echo;
        self.received = (self.received + bytes.len()) % self.echo;
        bytes.iter().skip(first).step_by(self.echo).filter(|&&byte| byte == self.id).count()
    }

    /// Publishes `count` more messages, as far as the socket takes them; the rest goes with a later call.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn publish(&mut self, socket: &Socket, count: usize) -> io::Result<()> {
        self.owed += count * self.frame;
        while self.owed > 0 {
            let most = (self.sent + self.owed).min(self.frames.len());
            let bytes = &self.frames[self.sent..most];
            match send_fd(socket.as_raw_fd(), bytes) {
                Ok(n) => {
                    self.owed -= n;
                    self.sent = (self.sent + n) % self.frame;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_echoes_are_counted_however_the_stream_is_split() {
        let publishing = Publishing { publishers: 2, in_flight: 4, payload: 128 };
        let mut stream = Vec::new();
        for i in 0..50 {
            let mut payload = vec![b'.'; 128];
            payload[0] = if i % 5 == 0 { b'1' } else { b'0' };
            append_frame(&mut stream, Opcode::Text, &payload);
        }
        for split in [1, 2, 3, 7, 131, 132, 133, 1000, stream.len()] {
            let mut publisher = Publisher::new(1, publishing);
            assert_eq!(publisher.echo_bytes(), 132);
            let counted: usize = stream.chunks(split).map(|part| publisher.echoes(part)).sum();
            assert_eq!(counted, 10, "in parts of {split}");
        }
    }
}
