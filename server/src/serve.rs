//! The server as a whole: threads, listeners, signals.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use net::{ListenError, ListenOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission::Admission;
use crate::auth::AuthFileError;
use crate::config::{Config, Engine, Security};
use crate::http::{Rules, Side, Site};
use crate::listener::Door;
use crate::origin::Transport;
use crate::room::LagPolicy;
use crate::shard::{self, Command, Handle};
use crate::tls::{Certificate, TlsFileError};

/// Bytes that the kernel takes for a client beyond what it can send at once, under the lag policies that drop: what waits longer does so in
/// the room's log, where it can be dropped, and not in megabytes of socket buffers, where nobody can.
const NOT_SENT: u32 = 128 << 10;

/// How long long polls may take to be answered when everything else has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Why the server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A file of the `--auth-...` flags cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthFileError),
    /// The certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
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
/// SIGHUP has it read certificate, key and tokens again.
///
/// Prints `listening ws://ADDR` to stdout when it is ready, or `listening wss://ADDR` under TLS. Takes the calling thread as its control thread, and pins it if asked to.
///
/// # Errors
/// See [`ServeError`].
pub fn run(config: Config) -> Result<(), ServeError> {
    // Where the program has its own subscriber already, that one is used.
    let _ = tracing_subscriber::fmt().with_env_filter(config.log.clone()).with_writer(io::stderr).try_init();
    if config.engine == Engine::Textbook {
        return crate::textbook::run(&config);
    }
    if let Some(first) = config.cpus.first() {
        net::pin_thread(&[*first]).map_err(ServeError::Runtime)?;
    }
    let shards = shard::start(&config).map_err(ServeError::Runtime)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    runtime.block_on(control(&config, shards))
}

async fn control(config: &Config, shards: Vec<Handle>) -> Result<(), ServeError> {
    let admission = Admission::new(config.max_connections, config.max_per_address);
    let inboxes: Vec<_> = shards.iter().map(|shard| shard.inbox.clone()).collect();
    let certificate = config.security.tls.clone().map(Certificate::open).transpose()?.map(Arc::new);
    let site = Arc::new(Site::new(inboxes.clone(), admission, config, rules(&config.security)?));
    let mut signals = Signals::new().map_err(ServeError::Runtime)?;
    let hangups = signal(SignalKind::hangup()).map_err(ServeError::Runtime)?;
    tokio::spawn(reload(hangups, config.security.clone(), Arc::clone(&site), certificate.clone()));
    let scheme = if certificate.is_some() { "wss" } else { "ws" };
    let public = Door::open(config.listen, Side::Public, config.handshake_timeout, certificate, for_clients(config))?;
    let addr = public.addr().map_err(ServeError::Runtime)?;
    if let Some(admin) = config.admin {
        let door = Door::open(admin, Side::Admin, config.handshake_timeout, None, ListenOptions::default())?;
        tracing::info!("operators: http://{}/stats", door.addr().map_err(ServeError::Runtime)?);
        tokio::spawn(door.accept(Arc::clone(&site)));
    }
    tokio::spawn(public.accept(Arc::clone(&site)));
    announce(&format!("listening {scheme}://{addr}"));

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
    let closed = async {
        ended.await?;
        // Nobody who receives his answer so slowly is waited for.
        let _ = timeout(LAST_ANSWERS, site.polls_answered()).await;
        Ok(())
    };
    tokio::select! {
        result = closed => result,
        () = signals.next() => Err(ServeError::CutShort),
    }
}

/// What the kernel is told about clients' connections, by the lag policy.
///
/// Where a client too slow is closed, the kernel's buffers may hold what they like, and the kernel too gives up who acknowledges or takes
/// nothing for `--pong-timeout` (or `--write-timeout`, if that is longer). Where messages are skipped, stale ones must not get into those
/// buffers, and a client may stop reading for as long as it likes.
fn for_clients(config: &Config) -> ListenOptions {
    let default = ListenOptions::default();
    match config.lag_policy {
        LagPolicy::Disconnect => {
            let longest = config.write_timeout.zip(config.pong_timeout).map(|(write, pong)| write.max(pong));
            ListenOptions { user_timeout: longest.map(Duration::from_nanos), ..default }
        }
        LagPolicy::Skip | LagPolicy::Latest => ListenOptions { not_sent: Some(NOT_SENT), ..default },
    }
}

fn rules(security: &Security) -> Result<Rules, AuthFileError> {
    let Security { origins, auth, trusted_proxies, tls } = security;
    let transport = if tls.is_some() { Transport::Tls } else { Transport::Plain };
    Ok(Rules { origins: origins.clone(), transport, trusted_proxies: *trusted_proxies, gate: auth.load()? })
}

/// Reads certificate, key and tokens again whenever a SIGHUP comes. What cannot be used leaves what was read before in use.
async fn reload(mut hangups: Signal, security: Security, site: Arc<Site>, certificate: Option<Arc<Certificate>>) {
    while hangups.recv().await.is_some() {
        let tokens = rules(&security).map(|rules| site.rule(rules));
        let certificate = certificate.as_ref().map_or(Ok(()), |certificate| certificate.reload());
        match (&tokens, &certificate) {
            (Ok(()), Ok(())) => site.front().reloads += 1,
            _ => site.front().reload_failures += 1,
        }
        if let Err(error) = tokens {
            tracing::error!("SIGHUP: the tokens read before stay in use: {error}");
        }
        if let Err(error) = certificate {
            tracing::error!("SIGHUP: the certificate read before stays in use: {error}");
        }
    }
}

/// Resolves when every shard has ended in order, or as soon as one has not.
async fn all_ended(shards: Vec<Handle>) -> Result<(), ServeError> {
    let mut ends: JoinSet<_> = shards.into_iter().map(|shard| shard.ended).collect();
    while let Some(ended) = ends.join_next().await {
        match ended {
            Ok(Ok(result)) => result.map_err(ServeError::Shard)?,
            Ok(Err(_)) | Err(_) => return Err(ServeError::Shard(io::Error::other("its thread panicked"))),
        }
    }
    Ok(())
}

/// SIGTERM and SIGINT, from the moment it is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Prints the ready line. Whoever started the server may have closed its stdout; that is no reason not to serve.
pub(crate) fn announce(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
