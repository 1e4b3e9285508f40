//! The null server: accepts, upgrades, and then either throws away what it is sent or sends as fast as it can. What a load generator
//! reaches against it is its own limit. Only for the doctor, on loopback; it ends with the process that started it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use wire::frame::{Opcode, append_frame};
use wire::handshake::accept_key;

use super::load::{BURST, RUN, SUBSCRIBERS, source};

/// Path of connections whose messages are thrown away.
pub(super) const DISCARD: &str = "/discard";
/// Path of the subscribers of the blast, which begins when all have come.
pub(super) const BLAST: &str = "/blast";
/// What it prints when it listens, before the address.
pub(super) const LISTENING: &str = "listening ";
/// It never outlives a calibration by more than this, whatever happens.
const LIFETIME: Duration = Duration::from_secs(60);
/// A client that says nothing, or takes nothing, for this long is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// A request is not longer than this.
const REQUEST: usize = 4096;

/// Serves until the process ends.
///
/// # Errors
/// When it cannot listen.
pub fn serve() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    std::thread::spawn(|| {
        std::thread::sleep(LIFETIME);
        std::process::exit(0);
    });
    let (subscribers, joined) = channel::<TcpStream>();
    std::thread::spawn(move || {
        let all: Vec<TcpStream> = joined.iter().take(SUBSCRIBERS).collect();
        blast(all);
    });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{LISTENING}{}", listener.local_addr()?)?;
    stdout.flush()?;
    for stream in listener.incoming() {
        let (stream, subscribers) = (stream?, subscribers.clone());
        // A connection that breaks is the other side's to report.
        std::thread::spawn(move || attend(stream, &subscribers));
    }
    Ok(())
}

fn attend(mut stream: TcpStream, subscribers: &Sender<TcpStream>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let request = read_request(&mut stream)?;
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or("").trim();
    let accept = accept_key(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    if request.starts_with(&format!("GET {BLAST} ")) {
        // Nobody is left to blast at when it has ended already.
        let _ = subscribers.send(stream);
        return Ok(());
    }
    let mut thrown_away = vec![0; 256 << 10];
    while stream.read(&mut thrown_away)? > 0 {}
    Ok(())
}

fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    String::from_utf8(request).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// Sends the same messages to everybody, as a broadcast server does, until they have gone.
fn blast(mut subscribers: Vec<TcpStream>) {
    let Ok(source) = source() else { return };
    let (mut payload, mut burst) = (Vec::new(), Vec::new());
    let mut seq = 0;
    while !subscribers.is_empty() {
        burst.clear();
        for _ in 0..BURST {
            payload.clear();
            source.render(0, seq, RUN, &mut payload);
            append_frame(&mut burst, Opcode::Text, &payload);
            seq += 1;
        }
        subscribers.retain_mut(|stream| stream.write_all(&burst).is_ok());
    }
}
