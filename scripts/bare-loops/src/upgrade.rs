//! Opens a WebSocket the plain way: blocking, one request, one answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use wire::{Answer, ClientRequest, encode_key, verify_answer};

/// Upgrades `stream`, which is connected to `to`, at `path`.
///
/// # Errors
/// When the server refuses, does not answer within 10 s, or sends frames at once (the counts would then be wrong).
pub(crate) fn upgrade(stream: &mut TcpStream, to: SocketAddr, path: &str) -> io::Result<()> {
    // Only security against intermediaries asks for a random key; there are none here.
    let key = encode_key([7; 16]);
    let mut request = Vec::new();
    ClientRequest { host: &to.to_string(), path, key: &key, headers: &[], subprotocols: &[], compression: None }
        .write(&mut request)
        .map_err(io::Error::other)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 1024];
        match stream.read(&mut part)? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed during the upgrade")),
            n => answer.extend_from_slice(&part[..n]),
        }
        match verify_answer(&answer, &key, &[], None).map_err(io::Error::other)? {
            Answer::Incomplete => {}
            Answer::Upgraded { consumed, .. } if consumed == answer.len() => return Ok(()),
            Answer::Upgraded { .. } => return Err(io::Error::other("the room is not silent: use another path")),
            Answer::Refused { status, reason, .. } => {
                return Err(io::Error::other(format!("the server refused the upgrade: {status} {reason}")));
            }
        }
    }
}
