//! Accepting: from a listening socket to one task a handshake, and from there to a shard.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::{ListenOptions, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::http::{Progress, Side, Site};
use crate::serve::ServeError;

/// hyper's smallest read buffer, in bytes: a request's head must fit.
const HEAD: usize = 8192;
/// After a failure to accept, such as no descriptor left, how long to wait before the next try.
const BACKOFF: Duration = Duration::from_millis(100);
/// Requests answered at once. Each holds hyper's buffers, tens of kilobytes, and a crowd that arrives together would leave the
/// heap as large as the crowd was.
const AT_ONCE: usize = 32;
/// How long a request waits for its turn, at most, and how long it may keep others waiting: those who have a turn and say
/// nothing must not shut the door.
const WAIT: Duration = Duration::from_millis(200);
const HOLD: Duration = Duration::from_millis(50);
/// So long after the last visitor, the heap's free pages go back to the kernel.
const QUIET: Duration = Duration::from_secs(1);

/// A listening socket of the control thread.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    side: Side,
    handshake_timeout: Duration,
    turns: Arc<Semaphore>,
}

impl Door {
    /// Listens on `addr`. Must be called within the runtime.
    ///
    /// # Errors
    /// When the address cannot be had; the error says what to do.
    pub fn open(addr: SocketAddr, side: Side, handshake_timeout: Duration) -> Result<Self, ServeError> {
        let listener = net::listen(addr, ListenOptions::default())?;
        let listener = TcpListener::from_std(listener).map_err(ServeError::Runtime)?;
        Ok(Self { listener, side, handshake_timeout, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// The address, with its real port.
    ///
    /// # Errors
    /// When the kernel is out of buffers.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts for ever.
    pub async fn accept(self, site: Arc<Site>) {
        let mut crowded = false;
        loop {
            let accepted = match timeout(QUIET, self.listener.accept()).await {
                Ok(accepted) => accepted,
                Err(_) if crowded => {
                    net::trim_heap();
                    crowded = false;
                    self.listener.accept().await
                }
                Err(_) => self.listener.accept().await,
            };
            match accepted {
                Ok((stream, peer)) => {
                    crowded = true;
                    site.front().accepted += 1;
                    let deadline = Instant::now() + self.handshake_timeout;
                    let visit = Visit { side: self.side, deadline, stream, peer };
                    tokio::spawn(visit.wait(Arc::clone(&site), Arc::clone(&self.turns)));
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    site.front().accept_errors += 1;
                    tracing::warn!("cannot accept a connection, trying again in {BACKOFF:?}: {error}");
                    tokio::time::sleep(BACKOFF).await;
                }
            }
        }
    }
}

/// The peer went away before we took it: no reason to wait.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// A connection that was accepted.
struct Visit {
    side: Side,
    /// By then it is answered, or cut off.
    deadline: Instant,
    stream: TcpStream,
    peer: SocketAddr,
}

impl Visit {
    /// Waits for the first byte and for a turn; until then a visitor costs no buffer. It looks at the byte, because the readiness of a
    /// new socket is no more than a guess.
    async fn wait(self, site: Arc<Site>, turns: Arc<Semaphore>) {
        match timeout_at(self.deadline, self.stream.peek(&mut [0])).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => {
                site.front().handshake_failures += 1;
                return tracing::debug!("{} sent nothing within --handshake-timeout", self.peer);
            }
        }
        let turn = timeout_at(self.deadline.min(Instant::now() + WAIT), turns.acquire()).await;
        let mut exchange = Box::pin(handshake(site, self));
        if timeout(HOLD, &mut exchange).await.is_err() {
            drop(turn);
            exchange.await;
        }
    }
}

/// One connection's request, and its hand-over if it becomes a WebSocket.
async fn handshake(site: Arc<Site>, Visit { side, deadline, stream, peer }: Visit) {
    let progress = Mutex::new(Progress::Waiting);
    let service = service_fn(async |request| {
        let (answer, now) = site.answer(side, peer.ip(), request).await;
        *progress.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok::<_, Infallible>(answer)
    });
    let served = http1::Builder::new()
        // The deadline holds for everything.
        .header_read_timeout(None)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown();
    // Whatever goes wrong drops the ticket, which gives the place in the room up.
    let served = timeout_at(deadline, served).await;
    let progress = std::mem::take(&mut *progress.lock().unwrap_or_else(PoisonError::into_inner));
    match (served, progress) {
        (Ok(Ok(parts)), Progress::Upgraded(ticket)) => {
            // Copied, so that hyper's read buffer is freed.
            let leftover = parts.read_buf.to_vec();
            match socket(parts.io.into_inner()) {
                Ok(socket) => drop(ticket.redeem(socket, leftover)),
                Err(error) => tracing::debug!("{peer} went away after its upgrade: {error}"),
            }
        }
        (_, Progress::Answered) => {}
        (Ok(Ok(_)), Progress::Waiting) => site.front().handshake_failures += 1,
        (Ok(Err(error)), _) => {
            site.front().handshake_failures += 1;
            tracing::debug!("{peer} sent no usable request: {error}");
        }
        (Err(_), _) => {
            site.front().handshake_failures += 1;
            tracing::debug!("{peer} took longer than --handshake-timeout for its request");
        }
    }
}

fn socket(stream: TcpStream) -> io::Result<Socket> {
    let socket = Socket::from(stream.into_std()?);
    socket.set_nodelay()?;
    Ok(socket)
}
