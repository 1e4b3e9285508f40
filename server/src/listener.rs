//! Accepting: from a listening socket to one task a handshake, and from there to a shard.

use std::convert::Infallible;
use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::{ListenOptions, Socket, Tls};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::admission::Waiting;
use crate::http::{Deadline, OutOfTime, Progress, Side, Site};
use crate::serve::ServeError;
use crate::shard::{Gone, Ticket};
use crate::tls::Certificate;

/// hyper's smallest read buffer, in bytes: a request's head must fit, or it is refused with 431.
const HEAD: usize = 8192;
/// More header lines are refused with 431.
const HEADERS: usize = 64;
/// The first byte of a TLS connection (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// After a failure to accept, such as no descriptor left, how long to wait before the next try.
const BACKOFF: Duration = Duration::from_millis(100);
/// Requests answered at once. Each holds hyper's buffers, tens of kilobytes, and a crowd that arrives together would leave the
/// heap as large as the crowd was.
const AT_ONCE: usize = 32;
/// Operators' connections at once, of the descriptors that clients and those who wait leave: whoever reaches their address, token or not,
/// must not be able to take all that there are.
const OPERATORS: usize = 64;
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
    /// For TLS.
    certificate: Option<Arc<Certificate>>,
    turns: Arc<Semaphore>,
    /// Places for operators.
    operators: Arc<Semaphore>,
}

impl Door {
    /// Listens on `addr`, under TLS with a certificate. Must be called within the runtime.
    ///
    /// # Errors
    /// When the address cannot be had; the error says what to do.
    pub fn open(
        addr: SocketAddr,
        side: Side,
        handshake_timeout: Duration,
        certificate: Option<Arc<Certificate>>,
        options: ListenOptions,
    ) -> Result<Self, ServeError> {
        let listener = net::listen(addr, options)?;
        let listener = TcpListener::from_std(listener).map_err(ServeError::Runtime)?;
        let [turns, operators] = [AT_ONCE, OPERATORS].map(|places| Arc::new(Semaphore::new(places)));
        Ok(Self { listener, side, handshake_timeout, certificate, turns, operators })
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
                    match self.let_in(&site, stream, peer) {
                        Some(visit) => drop(tokio::spawn(visit.wait(Arc::clone(&site), Arc::clone(&self.turns)))),
                        None => site.front().turned_away += 1,
                    }
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

    /// A visit, unless too many wait already, or are here as operators.
    fn let_in(&self, site: &Site, stream: TcpStream, peer: SocketAddr) -> Option<Visit> {
        let (waiting, operator) = match self.side {
            Side::Public => (Some(site.admission().wait(site.address(peer.ip()))?), None),
            Side::Admin => (None, Some(Arc::clone(&self.operators).try_acquire_owned().ok()?)),
        };
        let deadline = Instant::now() + self.handshake_timeout;
        let certificate = self.certificate.clone();
        Some(Visit { side: self.side, deadline, stream, peer, certificate, waiting, operator })
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
    /// For TLS.
    certificate: Option<Arc<Certificate>>,
    /// Its place among those that wait.
    waiting: Option<Waiting>,
    /// Its place among the operators, as long as it is here.
    operator: Option<OwnedSemaphorePermit>,
}

/// A request that became a WebSocket or an event stream.
struct Upgraded<IO> {
    ticket: Ticket,
    io: IO,
    /// What came after the request.
    leftover: Vec<u8>,
}

impl Visit {
    /// Waits for the first byte and for a turn; until then a visitor costs no buffer. It looks at the byte, because the readiness of a
    /// new socket is no more than a guess.
    async fn wait(self, site: Arc<Site>, turns: Arc<Semaphore>) {
        let mut first = [0];
        match timeout_at(self.deadline, self.stream.peek(&mut first)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => {
                site.front().handshake_failures += 1;
                return tracing::debug!("{} sent nothing within --handshake-timeout", self.peer);
            }
        }
        let turn = timeout_at(self.deadline.min(Instant::now() + WAIT), turns.acquire()).await;
        let mut exchange = Box::pin(self.meet(site, first[0]));
        if timeout(HOLD, &mut exchange).await.is_err() {
            drop(turn);
            exchange.await;
        }
    }

    /// One connection's request, and its hand-over if it becomes a WebSocket or an event stream.
    async fn meet(self, site: Arc<Site>, first: u8) {
        let Self { side, deadline, stream, peer, certificate, waiting, operator: _kept } = self;
        let by = Deadline::at(deadline, waiting);
        let Some(certificate) = certificate else {
            if let Some(Upgraded { ticket, io, leftover }) = talk(&site, side, peer, &by, stream).await {
                hand_over(peer, socket(io), |socket| ticket.redeem(socket, None, leftover));
            }
            return;
        };
        if first != TLS_HANDSHAKE {
            site.front().handshake_failures += 1;
            site.front().tls_failures += 1;
            // Whether it can still be told does not matter.
            let _ = timeout_at(deadline, say_tls(stream)).await;
            return tracing::debug!("{peer} did not begin with TLS");
        }
        match timeout_at(deadline, TlsAcceptor::from(certificate.current()).accept(stream)).await {
            Ok(Ok(stream)) => {
                if let Some(Upgraded { ticket, io, leftover }) = talk(&site, side, peer, &by, stream).await {
                    let (stream, tls) = io.into_inner();
                    let tls = Some(Box::new(Tls::new(tls)));
                    hand_over(peer, socket(stream), |socket| ticket.redeem(socket, tls, leftover));
                }
            }
            failed => {
                site.front().handshake_failures += 1;
                site.front().tls_failures += 1;
                match failed {
                    Ok(Err(error)) => tracing::debug!("the TLS handshake with {peer} failed: {error}"),
                    _ => tracing::debug!("{peer} took longer than --handshake-timeout for its TLS handshake"),
                }
            }
        }
    }
}

/// Reads and answers one request (or an operator's several); gives the connection back if it became a WebSocket or an event stream.
async fn talk<IO>(site: &Site, side: Side, peer: SocketAddr, deadline: &Deadline, io: IO) -> Option<Upgraded<IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let progress = Mutex::new(Progress::Waiting);
    let service = service_fn(|request| {
        let progress = &progress;
        Box::pin(async move {
            let (answer, now) = site.answer(side, peer.ip(), request, deadline).await;
            let streaming = matches!(now, Progress::Streaming { .. });
            *locked(progress) = now;
            if streaming {
                // hyper shall write nothing: the socket is taken from it below.
                future::pending::<()>().await;
            }
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http1::Builder::new()
        // The deadline holds for everything.
        .header_read_timeout(None)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(io), service);
    // The progress changes only while the connection is polled, so looking afterwards misses nothing.
    let served = future::poll_fn(|cx| match connection.poll_without_shutdown(cx) {
        Poll::Pending if matches!(*locked(&progress), Progress::Streaming { .. }) => Poll::Ready(Ok(())),
        polled => polled,
    });
    // Whatever goes wrong drops the ticket, which gives the place in the room up.
    let served = deadline.allows(served).await;
    let now = std::mem::take(&mut *locked(&progress));
    match (served, now) {
        (Ok(Ok(())), Progress::Upgraded(ticket)) => {
            let parts = connection.into_parts();
            // Copied, so that hyper's read buffer is freed.
            return Some(Upgraded { ticket, io: parts.io.into_inner(), leftover: parts.read_buf.to_vec() });
        }
        (Ok(Ok(())), Progress::Streaming { ticket, head }) => {
            // What the client sent beyond its request is of no interest.
            let mut io = connection.into_parts().io.into_inner();
            match deadline.allows(write(&mut io, &head)).await {
                Ok(Ok(())) => return Some(Upgraded { ticket, io, leftover: Vec::new() }),
                Ok(Err(_)) | Err(_) => site.front().handshake_failures += 1,
            }
        }
        (Ok(Ok(())), Progress::Answered | Progress::Polled(_)) => {
            // Under TLS the end must be announced, or the answer looks cut off. Whoever has gone already has no use for it.
            let _ = deadline.allows(connection.into_parts().io.into_inner().shutdown()).await;
        }
        (_, Progress::Answered | Progress::Polled(_)) => {}
        (Ok(Ok(())), Progress::Waiting) => site.front().handshake_failures += 1,
        (Ok(Err(error)), _) => {
            site.front().handshake_failures += 1;
            tracing::debug!("{peer} sent no usable request: {error}");
        }
        (Err(OutOfTime), _) => {
            site.front().handshake_failures += 1;
            tracing::debug!("{peer} took longer than --handshake-timeout for its request");
        }
    }
    None
}

async fn write(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    io.write_all(bytes).await?;
    // Under TLS, writing alone may leave a part behind.
    io.flush().await
}

/// Tells somebody who speaks plain HTTP where TLS is expected.
async fn say_tls(mut stream: TcpStream) -> io::Result<()> {
    const ANSWER: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
        this server is under TLS; use wss:// or https://\n";
    // With bytes unread, closing would reset the connection before the answer is seen.
    stream.readable().await?;
    let _ = stream.try_read(&mut [0; HEAD]);
    stream.write_all(ANSWER).await?;
    stream.shutdown().await
}

/// Gives a connection to the shard that keeps its place.
fn hand_over(peer: SocketAddr, socket: io::Result<Socket>, redeem: impl FnOnce(Socket) -> Result<(), Gone>) {
    match socket {
        // A shard that has ended has no use for it, and the socket is closed.
        Ok(socket) => drop(redeem(socket)),
        Err(error) => tracing::debug!("{peer} went away before its shard took it over: {error}"),
    }
}

fn locked(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn socket(stream: TcpStream) -> io::Result<Socket> {
    let socket = Socket::from(stream.into_std()?);
    socket.set_nodelay()?;
    Ok(socket)
}
