//! Who connections belong to, at no cost for those whose sockets tell it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use net::Socket;

use crate::admission::Visitor;

/// The visitors of a shard's connections.
#[derive(Debug, Default)]
pub struct Visitors {
    /// Those of connections in their handshake, with a user, or that came by a proxy. Every other is no more than its socket's address.
    known: HashMap<u32, Visitor>,
    /// The newest connection's serial.
    serial: u64,
}

impl Visitors {
    /// Notes whose connection `id` is, and gives it a serial that no other one has: the time, or a nanosecond after the last one's.
    pub fn let_in(&mut self, id: u32, visitor: Visitor, now: u64) -> u64 {
        self.known.insert(id, visitor);
        self.serial = now.max(self.serial + 1);
        self.serial
    }

    /// Forgets what the socket, which is here now, tells as well.
    pub fn arrived(&mut self, id: u32, socket: &Socket) {
        if let Some(visitor) = self.known.get(&id)
            && visitor.user.is_none()
            && address(socket) == Some(visitor.address)
        {
            self.left(id);
        }
    }

    /// The connection has ended.
    pub fn left(&mut self, id: u32) {
        if self.known.remove(&id).is_some() && self.known.is_empty() {
            // A crowd that has left leaves no memory behind.
            self.known = HashMap::new();
        }
    }

    /// Address and user of a connection.
    pub fn of(&self, id: u32, socket: Option<&Socket>) -> (Option<IpAddr>, Option<Arc<str>>) {
        match self.known.get(&id) {
            Some(visitor) => (Some(visitor.address), visitor.user.clone()),
            None => (socket.and_then(address), None),
        }
    }
}

fn address(socket: &Socket) -> Option<IpAddr> {
    socket.peer_addr().ok().map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn only_what_a_socket_does_not_tell_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket::from(listener.accept().unwrap().0);
        let (here, elsewhere) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 1, 2, 3]));
        let mut visitors = Visitors::default();
        for (id, address, user) in [(1, here, None), (2, elsewhere, None), (3, here, Some("ada".into()))] {
            visitors.let_in(id, Visitor { address, user }, 0);
            visitors.arrived(id, &socket);
        }
        assert_eq!(visitors.known.len(), 2);
        assert_eq!(visitors.of(1, Some(&socket)), (Some(here), None));
        assert_eq!(visitors.of(2, Some(&socket)), (Some(elsewhere), None));
        assert_eq!(visitors.of(3, Some(&socket)).1.as_deref(), Some("ada"));
        visitors.left(2);
        assert_eq!(visitors.of(2, None), (None, None));
    }

    #[test]
    fn no_two_connections_have_the_same_serial() {
        let mut visitors = Visitors::default();
        let visitor = Visitor { address: IpAddr::from([127, 0, 0, 1]), user: None };
        let serials = [5, 5, 5, 9].map(|now| visitors.let_in(0, visitor.clone(), now));
        assert_eq!(serials, [5, 6, 7, 9]);
    }
}
