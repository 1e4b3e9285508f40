//! The probe of publishing over HTTP: one request, and what arrives of it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::peer::{OPEN_WITHIN, Peer};
use super::{ARRIVE_WITHIN, Echo, Message, ProbeError, SETTLED_BY, Seen, Wrapping};
use crate::http::{AnswerReader, Destination, Letter, Route};
use crate::pipe::secure;
use crate::plan::{Endpoint, Plan, Via};
use crate::tls;

/// The probe's message as a request.
pub(super) struct Post<'a> {
    address: SocketAddr,
    host: String,
    route: &'a Route,
    room: &'a str,
    /// Which connection of the run the publisher is.
    connection: u32,
    message: Message,
}

impl<'a> Post<'a> {
    /// The first message of a group's first publisher; `None` where there is no address to send it to.
    pub fn of(plan: &'a Plan, group: usize, room: u32, endpoints: &[Endpoint], admins: &[SocketAddr]) -> Option<Self> {
        let Via::Http(route) = &plan.publishers[group].via else { return None };
        let connection = plan.first_connection(group);
        let endpoint = usize::from(plan.target.endpoint(room, connection));
        let (host, address) = match &route.to {
            Destination::Address { host, address } => (host.clone(), *address),
            Destination::Admin => admins.get(endpoint).map(|admin| (admin.to_string(), *admin))?,
            Destination::Target => endpoints.get(endpoint).map(|at| (at.host.clone(), at.address))?,
        };
        let room = plan.rooms.get(room as usize).map_or("", String::as_str);
        Some(Post { address, host, route, room, connection, message: Message::of(plan, group) })
    }

    /// It must be taken, and arrive at a subscriber.
    pub async fn probe(&self, settle: Duration, mut receiver: Peer<'_>) -> Result<Seen, ProbeError> {
        tokio::time::sleep(settle.min(SETTLED_BY)).await;
        let not_published =
            |why| ProbeError::NotPublished { to: format!("{}://{}", self.route.scheme(), self.address), why };
        let status = self.send().await.map_err(not_published)?;
        if !(200..300).contains(&status) {
            return Err(not_published(format!("it answered with status {status}")));
        }
        let arrived = receiver.receive(&self.message.payload, ARRIVE_WITHIN).await?;
        receiver.leave().await;
        match arrived {
            None => Err(ProbeError::NobodyReceived { url: receiver.url().to_owned() }),
            Some(Wrapping::Wrapped) if !self.message.stamped => {
                Err(ProbeError::Wrapped { url: receiver.url().to_owned() })
            }
            Some(wrapping) => Ok(Seen { echo: Echo::ToSender, wrapping }),
        }
    }

    /// The status of its answer, or why there is none.
    async fn send(&self) -> Result<u16, String> {
        let letter = Letter {
            host: &self.host,
            room: self.room,
            connection: self.connection,
            opcode: self.message.opcode,
            message: &self.message.payload,
        };
        let mut request = Vec::new();
        self.route.write(letter, &mut request);
        let exchange = async {
            let unreachable = |e: io::Error| match tls::failure(&e) {
                Some(failure) => tls::cause(failure).to_owned(),
                None => net::DialError::from_connect(e, self.address, None).to_string(),
            };
            let stream = TcpStream::connect(self.address).await.map_err(unreachable)?;
            let mut stream = secure(stream, self.route.tls.as_ref()).await.map_err(unreachable)?;
            stream.write_all(&request).await.map_err(unreachable)?;
            stream.flush().await.map_err(unreachable)?;
            let mut reader = AnswerReader::default();
            let mut part = [0; 4096];
            loop {
                let read = match stream.read(&mut part).await {
                    // An end without the goodbye of TLS: whether it came too soon, the answer tells.
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
                    read => read.map_err(unreachable)?,
                };
                let answer = match read {
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
