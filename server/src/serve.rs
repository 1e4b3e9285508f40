//! The server as a whole: threads, listeners, signals.

use std::io::{self, Write};
use std::sync::Arc;

use net::ListenError;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admission::Admission;
use crate::config::Config;
use crate::http::{Side, Site};
use crate::listener::Door;
use crate::shard::{self, Command, Handle};

/// Why the server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The kernel refuses something that every server needs.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// A hot thread ended before its time.
    #[error("a shard has failed: {0}")]
    Shard(io::Error),
    /// A second signal came during a drain.
    #[error("stopped at once by a second signal")]
    CutShort,
}

/// Serves until a signal has drained it: SIGTERM or SIGINT close every connection over `--drain`, a second one stops at once.
///
/// Prints `listening ws://ADDR` to stdout when it is ready. Takes the calling thread as its control thread, and pins it if asked to.
///
/// # Errors
/// See [`ServeError`].
pub fn run(config: Config) -> Result<(), ServeError> {
    // Where the program has its own subscriber already, that one is used.
    let _ = tracing_subscriber::fmt().with_env_filter(config.log.clone()).with_writer(io::stderr).try_init();
    if let Some(first) = config.cpus.first() {
        net::pin_thread(&[*first]).map_err(ServeError::Runtime)?;
    }
    let start = |i: usize| shard::start(i, &config, config.cpus.get(i % config.cpus.len().max(1)).copied());
    let shards = (0..config.shards).map(start).collect::<io::Result<Vec<_>>>().map_err(ServeError::Runtime)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    runtime.block_on(control(&config, shards))
}

async fn control(config: &Config, shards: Vec<Handle>) -> Result<(), ServeError> {
    let admission = Admission::new(config.max_connections, config.max_per_address);
    let inboxes: Vec<_> = shards.iter().map(|shard| shard.inbox.clone()).collect();
    let site = Arc::new(Site::new(inboxes.clone(), admission));
    let mut signals = Signals::new().map_err(ServeError::Runtime)?;
    let public = Door::open(config.listen, Side::Public, config.handshake_timeout)?;
    let addr = public.addr().map_err(ServeError::Runtime)?;
    if let Some(admin) = config.admin {
        let door = Door::open(admin, Side::Admin, config.handshake_timeout)?;
        tracing::info!("operators: http://{}/stats", door.addr().map_err(ServeError::Runtime)?);
        tokio::spawn(door.accept(Arc::clone(&site)));
    }
    tokio::spawn(public.accept(Arc::clone(&site)));
    announce(&format!("listening ws://{addr}"));

    let mut ended = std::pin::pin!(all_ended(shards));
    tokio::select! {
        () = signals.next() => {}
        result = &mut ended => return result,
    }
    tracing::info!("draining over {:?}", config.drain);
    site.drain();
    let over = u64::try_from(config.drain.as_nanos()).unwrap_or(u64::MAX / 2);
    for inbox in &inboxes {
        // One that has ended already is noticed just below.
        let _ = inbox.send(Command::Drain { over });
    }
    tokio::select! {
        result = &mut ended => result,
        () = signals.next() => Err(ServeError::CutShort),
    }
}

/// Resolves when every shard has ended in order, or one has not.
async fn all_ended(shards: Vec<Handle>) -> Result<(), ServeError> {
    for shard in shards {
        match shard.ended.await {
            Ok(result) => result.map_err(ServeError::Shard)?,
            Err(_) => return Err(ServeError::Shard(io::Error::other("its thread panicked"))),
        }
    }
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Whoever started the server may have closed its stdout; that is no reason not to serve.
fn announce(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
