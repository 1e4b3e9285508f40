//! The probe of publishing over HTTP: one request, and what arrives of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::frame::Opcode;

use super::peer::{OPEN_WITHIN, Peer};
use super::{ARRIVE_WITHIN, Echo, PROBE_RUN, ProbeError, Seen, Wrapping};
use crate::http::{AnswerReader, Destination, Letter, Route};
use crate::plan::{Endpoint, Plan};

/// A publish over HTTP must be taken, and arrive at a subscriber.
pub(super) async fn probe_http(plan: &Plan, post: Post<'_>, mut receiver: Peer<'_>) -> Result<Seen, ProbeError> {
    tokio::time::sleep(plan.settle.min(Duration::from_millis(500))).await;
    let status = post.send().await.map_err(|why| ProbeError::NotPublished { to: post.address, why })?;
    if !(200..300).contains(&status) {
        return Err(ProbeError::NotPublished { to: post.address, why: format!("it answered with status {status}") });
    }
    let arrived = receiver.receive(&post.payload, ARRIVE_WITHIN).await?;
    receiver.leave().await;
    let bare = plan.publishers.first().is_some_and(|group| !group.payload.carries_stamp());
    match arrived {
        None => Err(ProbeError::NobodyReceived { url: receiver.url().to_owned() }),
        Some(Wrapping::Wrapped) if bare => Err(ProbeError::Wrapped { url: receiver.url().to_owned() }),
        Some(wrapping) => Ok(Seen { echo: Echo::ToSender, wrapping }),
    }
}

/// The probe's message as a request.
pub(super) struct Post<'a> {
    address: SocketAddr,
    host: String,
    route: &'a Route,
    room: &'a str,
    /// Which connection of the run the publisher is.
    connection: u32,
    opcode: Opcode,
    payload: Vec<u8>,
}

impl<'a> Post<'a> {
    /// The first message of the first publisher.
    pub fn of(
        plan: &'a Plan,
        route: &'a Route,
        room: u32,
        endpoints: &[Endpoint],
        admin: Option<SocketAddr>,
    ) -> Option<Self> {
        let connection = plan.subscribers();
        let (host, address) = match &route.to {
            Destination::Address { host, address } => (host.clone(), *address),
            Destination::Admin => (admin?.to_string(), admin?),
            Destination::Target => {
                let endpoint = endpoints.get(usize::from(plan.target.endpoint(room, connection)))?;
                (endpoint.host.clone(), endpoint.address)
            }
        };
        let source = &plan.publishers.first()?.payload;
        let mut payload = Vec::new();
        source.render(0, 0, PROBE_RUN, &mut payload);
        let opcode = if source.is_binary(0, 0) { Opcode::Binary } else { Opcode::Text };
        let room = plan.rooms.get(room as usize).map_or("", String::as_str);
        Some(Post { address, host, route, room, connection, opcode, payload })
    }

    /// The status of its answer, or why there is none.
    async fn send(&self) -> Result<u16, String> {
        let letter = Letter {
            host: &self.host,
            room: self.room,
            connection: self.connection,
            opcode: self.opcode,
            message: &self.payload,
        };
        let mut request = Vec::new();
        self.route.write(letter, &mut request);
        let exchange = async {
            let unreachable = |e| net::DialError::from_connect(e, self.address, None).to_string();
            let mut stream = TcpStream::connect(self.address).await.map_err(unreachable)?;
            stream.write_all(&request).await.map_err(unreachable)?;
            let mut reader = AnswerReader::default();
            let mut part = [0; 4096];
            loop {
                let answer = match stream.read(&mut part).await.map_err(unreachable)? {
                    0 => Some(reader.end().map_err(|e| e.to_string())?),
                    n => reader.receive(&part[..n]).map_err(|e| e.to_string())?,
                };
                if let Some(answer) = answer {
                    return Ok(answer.status);
                }
            }
        };
        timeout(OPEN_WITHIN, exchange).await.unwrap_or_else(|_| Err("no answer within 10 s".to_owned()))
    }
}
