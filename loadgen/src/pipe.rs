//! A TCP connection for tasks that wait, under TLS where the plan says so.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::plan::Tls;

/// What is said over a connection, encrypted or not.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection of either kind.
pub type Pipe = Box<dyn Duplex>;

/// Makes the TLS handshake, if there is one to be made.
///
/// # Errors
/// The socket's, or that of the handshake, which [`crate::tls::failure`] finds in it.
pub async fn secure(stream: TcpStream, tls: Option<&Tls>) -> io::Result<Pipe> {
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let secured = TlsConnector::from(Arc::clone(&tls.config)).connect(tls.name.clone(), stream).await?;
    Ok(Box::new(secured))
}
