//! One connection of the double, from the upgrade to the end.

use std::io::Read;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::fault::Fault;
use super::hub::Hub;

/// Serves `/broadcast/{room}` until the connection ends.
pub async fn serve(mut stream: TcpStream, hub: Arc<Mutex<Hub>>) {
    stream.set_nodelay(true).unwrap();
    let fault = hub.lock().unwrap().fault;
    if fault == Fault::HangUp {
        // What is unread when a socket is closed turns the close into a reset: read the request first.
        let _ = stream.read(&mut [0; 4096]).await;
        return;
    }
    if hub.lock().unwrap().repeats() {
        let mut asked = vec![0; 4096];
        let n = stream.read(&mut asked).await.unwrap_or(0);
        let said = String::from_utf8_lossy(&asked[..n]).replace("\r\n", " ");
        let answer = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        // A peer that has gone has heard enough.
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
    let mut room = String::new();
    let mut resumes = false;
    #[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let upgrade = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        resumes = request.uri().query().is_some_and(|query| query.contains("resume=double."));
        if matches!(fault, Fault::RefuseResume { .. }) {
            response.headers_mut().insert("fanout-cursor", "double.7".parse().unwrap());
        }
        let status = match request.uri().path().strip_prefix("/broadcast/") {
            Some(named) => {
                room = named.to_owned();
                hub.lock().unwrap().refuses()
            }
            None => Some(404),
        };
        let Some(status) = status else { return Ok(response) };
        let mut refusal = ErrorResponse::new(Some("members only\n".to_owned()));
        *refusal.status_mut() = status.try_into().unwrap();
        Err(refusal)
    };
    // Whoever asks for something else, such as /stats, is no connection.
    let Ok(socket) = accept_hdr_async(stream, upgrade).await else { return };
    if fault == Fault::Swallow && hub.lock().unwrap().has_been_probed() {
        let stream = socket.into_inner().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        std::thread::spawn(move || swallow(stream));
        return;
    }
    let (mut sink, mut source) = socket.split();
    if resumes {
        hub.lock().unwrap().tally.resumes_refused += 1;
        let gone = CloseFrame { code: CloseCode::from(4001), reason: "double.9".into() };
        sink.send(Message::Close(Some(gone))).await.unwrap();
        while let Some(Ok(_)) = source.next().await {}
        return;
    }
    let (outgoing, mut queue) = unbounded_channel();
    let id = hub.lock().unwrap().join(&room, outgoing);
    let send = async {
        while let Some(message) = queue.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        // Closed by the double: its sender has gone. The peer's answer ends the reading.
        std::future::pending::<()>().await;
    };
    let receive = async {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Text(_) | Message::Binary(_) => {
                    let read = {
                        let mut hub = hub.lock().unwrap();
                        hub.relay(&room, id, &message);
                        hub.tally.messages
                    };
                    if let Fault::StopReading { at, pause } = fault
                        && read == at
                    {
                        tokio::time::sleep(pause).await;
                    }
                }
                Message::Pong(_) => hub.lock().unwrap().tally.pongs += 1,
                Message::Close(_) => hub.lock().unwrap().leave(&room, id),
                Message::Ping(_) | Message::Frame(_) => {}
            }
        }
    };
    tokio::select! { () = send => {}, () = receive => {} }
    hub.lock().unwrap().leave(&room, id);
}

/// Reads until the peer goes.
fn swallow(mut stream: std::net::TcpStream) {
    let mut scratch = vec![0; 1 << 20];
    while let Ok(1..) = stream.read(&mut scratch) {}
}
