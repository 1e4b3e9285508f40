//! What the driver tells a bare loop to do, and what comes back: one JSON line each way a run.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// How long it is measured.
    pub seconds: f64,
    /// Bytes of one `send` (of `bare-send`).
    pub bytes: usize,
    /// What the publishers do, and so what `bare-send` waits for.
    pub load: Load,
}

/// What publishers do during a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Load {
    /// Nothing. `bare-send` sends as fast as it can.
    Silent,
    /// Each keeps its messages in flight: one comes back, the next one goes out. `bare-send` sends one message to each connection
    /// for each that comes, and so waits for its reader exactly as a server in a closed loop does.
    Closed,
    /// All together publish this many a second.
    Rate(f64),
}

/// What a bare loop counted during a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How long it really took.
    pub elapsed_s: f64,
    /// CPU time of the loop's thread over that.
    pub cpu_s: f64,
    /// `send` or `recv` calls that moved bytes.
    pub calls: u64,
    /// Sends that were completed, each for one connection (of `bare-send`).
    pub messages: u64,
    /// Bytes moved.
    pub bytes: u64,
    /// Bytes that came after the end of the run, until it was quiet (of `bare-recv`).
    pub late_bytes: u64,
    /// Sends that the kernel took only a part of.
    pub partial: u64,
    /// Sends that found a full buffer.
    pub would_block: u64,
    /// Messages published.
    pub publishes: u64,
}

impl Tally {
    /// Counts what came of a `send` of so many bytes, and says how many the kernel took.
    ///
    /// # Errors
    /// When the connection is broken.
    #[inline]
    pub fn sent(&mut self, result: io::Result<usize>, bytes: usize) -> io::Result<usize> {
        match result {
            Ok(sent) => {
                self.calls += 1;
                self.bytes += sent as u64;
                if sent == bytes {
                    self.messages += 1;
                } else {
                    self.partial += 1;
                }
                Ok(sent)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.would_block += 1;
                Ok(0)
            }
            Err(e) => Err(e),
        }
    }
}

/// Reads orders from standard input until it ends and answers each on standard output.
///
/// # Errors
/// When an order is not one, when `run` fails, or when the driver has gone.
pub fn obey(mut run: impl FnMut(Order) -> io::Result<Tally>) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let tally = run(serde_json::from_str(&line?)?)?;
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &tally)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}
