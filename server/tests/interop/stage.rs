//! What a case is given: one kind of client, and how it talks to the server.

use std::net::SocketAddr;

use crate::certificates::Certificates;
use crate::client::{Client, Kind};
use crate::common::Server;
use crate::install;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Plain,
    Tls,
}

pub struct Stage {
    pub kind: Kind,
    certificates: Option<Certificates>,
}

impl Stage {
    pub fn new(kind: Kind, transport: Transport) -> Self {
        Self { kind, certificates: (transport == Transport::Tls).then(Certificates::new) }
    }

    pub fn server(&self, flags: &[&str]) -> Server {
        let Some(Certificates { chain, key, .. }) = &self.certificates else {
            return Server::start(flags);
        };
        let tls = ["--tls-cert", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        Server::start(&[flags, &tls].concat())
    }

    pub fn client(&self) -> Client {
        let ca = self.certificates.as_ref().map(|certificates| &*certificates.ca);
        Client::start(self.kind, install::ready(self.kind).unwrap(), ca)
    }

    /// A client that is connected to `path`, and the cursor that it was told.
    pub fn connected(&self, addr: SocketAddr, path: &str) -> (Client, Option<String>) {
        let mut client = self.client();
        let cursor = client.connect(&self.url(addr, path));
        (client, cursor)
    }

    /// The URL of a WebSocket.
    pub fn url(&self, addr: SocketAddr, path: &str) -> String {
        format!("ws{}://{addr}{path}", self.secure())
    }

    /// The URL of what is not a WebSocket.
    pub fn page(&self, addr: SocketAddr, path: &str) -> String {
        format!("http{}://{addr}{path}", self.secure())
    }

    fn secure(&self) -> &'static str {
        if self.certificates.is_some() { "s" } else { "" }
    }
}
