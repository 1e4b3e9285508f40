//! Whether a server is up, and what its own counters say.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use net::DialError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pipe::secure;
use crate::plan::{Endpoint, Ready, Tls};
use crate::tls;

/// One try may take this long.
const TRY: Duration = Duration::from_secs(1);
/// The largest answer that is read.
const MOST: u64 = 1 << 20;

/// Tries whether the server accepts a connection, or answers 2xx; otherwise, why it does not count as up.
pub(super) async fn is_up(at: &Endpoint, tls: Option<&Tls>, ready: &Ready) -> Result<(), String> {
    match ready {
        Ready::Http(path) => match get(at, tls, path).await? {
            (200..=299, _) => Ok(()),
            (status, _) => Err(format!("it answered with status {status}")),
        },
        Ready::Tcp | Ready::Line(_) => match tokio::time::timeout(TRY, TcpStream::connect(at.address)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(DialError::from_connect(error, at.address, None).to_string()),
            Err(_) => Err(late()),
        },
    }
}

/// Status and body of a GET, through TLS where connections go through it; otherwise why there is no answer.
pub(super) async fn get(at: &Endpoint, tls: Option<&Tls>, path: &str) -> Result<(u16, Vec<u8>), String> {
    let unreachable = |error: io::Error| match tls::failure(&error) {
        Some(failure) => tls::cause(failure).to_owned(),
        None => DialError::from_connect(error, at.address, None).to_string(),
    };
    let exchange = async {
        let stream = TcpStream::connect(at.address).await.map_err(unreachable)?;
        let mut stream = secure(stream, tls).await.map_err(unreachable)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", at.host);
        stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
        stream.flush().await.map_err(unreachable)?;
        let mut answer = Vec::new();
        match stream.take(MOST).read_to_end(&mut answer).await {
            // Many end without the goodbye of TLS.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(unreachable(error)),
            _ => {}
        }
        status_and_body(answer).ok_or_else(|| "its answer is not HTTP/1.1".to_owned())
    };
    tokio::time::timeout(TRY, exchange).await.unwrap_or_else(|_| Err(late()))
}

fn late() -> String {
    format!("no answer within {} s", TRY.as_secs())
}

fn status_and_body(mut answer: Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    Some((status, answer.split_off(head)))
}

/// The address in a ready line: `listening ws://127.0.0.1:9001`, or `wss://` under TLS.
pub(super) fn listening(line: &str) -> Option<SocketAddr> {
    line.split_once("ws://").or_else(|| line.split_once("wss://"))?.1.trim().trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{listening, status_and_body};

    #[test]
    fn the_ready_line_names_the_address() {
        assert_eq!(listening("listening ws://127.0.0.1:9001"), Some(([127, 0, 0, 1], 9001).into()));
        assert_eq!(listening("listening wss://127.0.0.1:9001"), Some(([127, 0, 0, 1], 9001).into()));
        assert_eq!(listening("listening on 9001"), None);
    }

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let of = |bytes: &[u8]| status_and_body(bytes.to_vec());
        assert_eq!(of(b"HTTP/1.1 503 Busy\r\nA: b\r\n\r\nlater"), Some((503, b"later".to_vec())));
        assert_eq!(of(b"HTTP/1.1 200 OK\r\n\r\n"), Some((200, Vec::new())));
        assert_eq!(of(b"HTTP/1.1 200 OK\r\nA: b"), None, "cut off");
        assert_eq!(of(b"SSH-2.0-x\r\n\r\n"), None);
    }
}
