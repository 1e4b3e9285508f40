//! Ctrl-C and SIGTERM, which end a run early and in order.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the process may not handle signals.
    pub fn new() -> io::Result<Self> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for either.
    pub async fn interrupted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Whether either came since the last time that somebody waited or asked.
    pub async fn came(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.interrupted() => true,
            () = std::future::ready(()) => false,
        }
    }
}
