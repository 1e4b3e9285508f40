//! Whether a server is up, and what its own counters say.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::plan::Ready;

/// One try may take this long.
const TRY: Duration = Duration::from_secs(1);
/// The largest answer that is read.
const MOST: u64 = 1 << 20;

/// Whether the server accepts a connection, or answers 2xx.
pub(super) async fn is_up(address: SocketAddr, ready: &Ready) -> bool {
    match ready {
        Ready::Http(path) => matches!(get(address, path).await, Some((200..=299, _))),
        Ready::Tcp | Ready::Line(_) => {
            matches!(tokio::time::timeout(TRY, TcpStream::connect(address)).await, Ok(Ok(_)))
        }
    }
}

/// Status and body of a GET; `None` when there is no answer.
pub(super) async fn get(address: SocketAddr, path: &str) -> Option<(u16, Vec<u8>)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await.ok()?;
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
        Some((status, answer.split_off(head)))
    };
    tokio::time::timeout(TRY, exchange).await.ok()?
}

/// The address in a ready line: `listening ws://127.0.0.1:9001`, or `wss://` under TLS.
pub(super) fn listening(line: &str) -> Option<SocketAddr> {
    line.split_once("ws://").or_else(|| line.split_once("wss://"))?.1.trim().trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::listening;

    #[test]
    fn the_ready_line_names_the_address() {
        assert_eq!(listening("listening ws://127.0.0.1:9001"), Some(([127, 0, 0, 1], 9001).into()));
        assert_eq!(listening("listening wss://127.0.0.1:9001"), Some(([127, 0, 0, 1], 9001).into()));
        assert_eq!(listening("listening on 9001"), None);
    }
}
