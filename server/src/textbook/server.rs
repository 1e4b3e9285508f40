//! Runtime, listener, signals and drain of the textbook hub.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::ListenOptions;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use super::client::{CLOSE_WAIT, Heartbeat};
use super::site::Site;
use crate::admission::Admission;
use crate::config::Config;
use crate::serve::{ServeError, Signals, announce};

/// After a failure to accept, such as no descriptor left, how long to wait before the next try.
const BACKOFF: Duration = Duration::from_millis(100);
/// Steps of a drain.
const STEP: Duration = Duration::from_millis(5);

/// As [`crate::run`], with the textbook hub: on one thread if one CPU is given, on as many as there are CPUs otherwise.
///
/// # Errors
/// See [`ServeError`].
pub fn run(config: &Config) -> Result<(), ServeError> {
    if !config.cpus.is_empty() {
        net::pin_thread(&config.cpus).map_err(ServeError::Runtime)?;
    }
    runtime(config).map_err(ServeError::Runtime)?.block_on(control(config))
}

/// Its threads inherit the CPUs of the calling one.
fn runtime(config: &Config) -> io::Result<Runtime> {
    let mut builder = match config.cpus.len() {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn control(config: &Config) -> Result<(), ServeError> {
    let nanos = |ns: Option<u64>| ns.map(Duration::from_nanos);
    let heartbeat = Heartbeat { ping: nanos(config.ping_interval), timeout: nanos(config.pong_timeout) };
    let admission = Admission::new(config.max_connections, config.max_per_address);
    let site = Arc::new(Site::new(admission, heartbeat, config.max_message));
    let mut signals = Signals::new().map_err(ServeError::Runtime)?;
    // There is nothing to read again; but who sends SIGHUP to every server does not want this one to end, which it does unless it listens.
    let _hangups = signal(SignalKind::hangup()).map_err(ServeError::Runtime)?;
    let listener = net::listen(config.listen, ListenOptions::default())?;
    let listener = TcpListener::from_std(listener).map_err(ServeError::Runtime)?;
    let addr = listener.local_addr().map_err(ServeError::Runtime)?;
    tokio::spawn(accept(listener, Arc::clone(&site), config.handshake_timeout));
    announce(&format!("listening ws://{addr}"));

    signals.next().await;
    tracing::info!("draining over {:?}", config.drain);
    tokio::select! {
        () = drain(&site, config.drain) => Ok(()),
        () = signals.next() => Err(ServeError::CutShort),
    }
}

async fn accept(listener: TcpListener, site: Arc<Site>, handshake_timeout: Duration) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                site.front().accepted += 1;
                let site = Arc::clone(&site);
                tokio::spawn(async move {
                    let visit = timeout(handshake_timeout, visit(Arc::clone(&site), stream, peer.ip()));
                    if !matches!(visit.await, Ok(Ok(()))) {
                        site.front().handshake_failures += 1;
                    }
                });
            }
            Err(error) => {
                site.front().accept_errors += 1;
                tracing::warn!("cannot accept a connection, trying again in {BACKOFF:?}: {error}");
                sleep(BACKOFF).await;
            }
        }
    }
}

/// One connection's request. It resolves when that is answered; an upgraded connection lives on in a task of its own.
async fn visit(site: Arc<Site>, stream: TcpStream, peer: IpAddr) -> Result<(), hyper::Error> {
    // If the connection has gone already, hyper says so.
    let _ = stream.set_nodelay(true);
    let service = service_fn(async |request| Ok::<_, Infallible>(site.answer(peer, request)));
    let served = http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(stream), service);
    served.with_upgrades().await
}

/// Lets go of all clients, evenly over a time, and waits for the last.
async fn drain(site: &Site, over: Duration) {
    let clients = site.hub.drain();
    let start = Instant::now();
    let total = clients.len();
    let mut told = 0;
    while site.hub.connections() > 0 && start.elapsed() < over.saturating_add(CLOSE_WAIT) {
        let share = if over.is_zero() { 1.0 } else { start.elapsed().as_secs_f64() / over.as_secs_f64() };
        let target = ((total as f64 * share) as usize + 1).min(total);
        clients[told..target.max(told)].iter().for_each(|id| site.hub.let_go(*id));
        told = target.max(told);
        sleep(STEP).await;
    }
}
