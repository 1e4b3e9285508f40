//! Clients of two crates that are not ours and need nothing installed: `yawc` with a connection of its own, and `sockudo-ws`, which is
//! handed the bytes. Both check every frame and decompress by RFC 7692 with code that shares nothing with `wire`.

use std::collections::VecDeque;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sockudo_ws::deflate::DeflateWindowBits;
use sockudo_ws::{CompressedProtocol, DeflateConfig};
use tokio::runtime::Runtime;
use yawc::{HttpRequest, OpCode, Options, TcpWebSocket, WebSocket};

use crate::common::Raw;

const PATIENCE: Duration = Duration::from_secs(60);
const LARGEST: usize = 1 << 20;

/// A connection that agreed on compression.
pub enum Decoder {
    Yawc { runtime: Runtime, socket: Box<TcpWebSocket> },
    Sockudo { stream: TcpStream, protocol: Box<CompressedProtocol>, bytes: bytes::BytesMut, texts: VecDeque<String> },
}

impl Decoder {
    /// Joins through `yawc`, with a window of this size.
    pub fn yawc(addr: SocketAddr, path: &str, window_bits: u8) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options::default().with_high_compression().with_max_payload_read(LARGEST);
        let options = if window_bits < 15 { options.with_server_max_window_bits(window_bits) } else { options };
        let url = format!("ws://{addr}{path}").parse().unwrap();
        let connecting =
            async { WebSocket::connect(url).with_options(options).with_request(HttpRequest::builder()).await };
        let socket = Box::new(runtime.block_on(connecting).unwrap());
        Self::Yawc { runtime, socket }
    }

    /// Joins with a handshake written by hand, and leaves the frames to `sockudo-ws`.
    pub fn sockudo(stream: TcpStream, path: &str, window_bits: u8) -> Self {
        let offer = if window_bits < 15 { format!("; server_max_window_bits={window_bits}") } else { String::new() };
        let line = format!("Sec-WebSocket-Extensions: permessage-deflate{offer}\r\n");
        let raw = Raw::upgrade_with(stream, path, &line, b"");
        assert!(
            raw.head.contains("permessage-deflate") && !raw.head.contains("server_no_context_takeover"),
            "{}",
            raw.head
        );
        let config = DeflateConfig {
            server_max_window_bits: DeflateWindowBits::try_from(window_bits).unwrap(),
            ..DeflateConfig::default()
        };
        raw.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::Sockudo {
            stream: raw.stream,
            protocol: Box::new(CompressedProtocol::client(LARGEST, LARGEST, config)),
            bytes: bytes::BytesMut::new(),
            texts: VecDeque::new(),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Yawc { .. } => "yawc",
            Self::Sockudo { .. } => "sockudo-ws",
        }
    }

    /// The next text message.
    pub fn next_text(&mut self) -> String {
        match self {
            Self::Yawc { runtime, socket } => runtime.block_on(async {
                loop {
                    let frame = tokio::time::timeout(PATIENCE, socket.next_frame()).await.unwrap().unwrap();
                    match frame.opcode() {
                        OpCode::Text => return frame.as_str().to_owned(),
                        OpCode::Ping => {}
                        other => panic!("yawc: a text was due, not {other:?}"),
                    }
                }
            }),
            Self::Sockudo { stream, protocol, bytes, texts } => loop {
                if let Some(text) = texts.pop_front() {
                    return text;
                }
                let mut part = [0; 8192];
                let n = stream.read(&mut part).unwrap();
                assert_ne!(n, 0, "sockudo-ws: the connection ended");
                bytes.extend_from_slice(&part[..n]);
                for message in protocol.process(bytes).unwrap() {
                    if message.is_text() {
                        texts.push_back(message.into_text().unwrap());
                    } else {
                        assert!(message.is_ping(), "sockudo-ws: a text was due, not {message:?}");
                    }
                }
            },
        }
    }
}
