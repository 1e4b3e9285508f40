//! Clients that are well, while something is done to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::common::{Client, Server};

/// The last message.
pub const END: &str = "end";

/// A publisher that numbers its messages and waits for its own copy of each, and readers of the same room that want all of them in
/// order. Their threads fail at the first message that is missing, double or out of place.
pub struct Witness {
    enough: Arc<AtomicBool>,
    publisher: JoinHandle<u64>,
    readers: Vec<JoinHandle<u64>>,
}

impl Witness {
    /// In a room of its own.
    pub fn start(server: &Server) -> Self {
        Self::start_in(server, "/broadcast/witness", Duration::from_millis(2))
    }

    /// With so long a pause after each message.
    pub fn start_in(server: &Server, path: &str, pause: Duration) -> Self {
        let enough = Arc::<AtomicBool>::default();
        let mut clients: Vec<_> = (0..4).map(|_| server.connect(path)).collect();
        let mut publisher = clients.remove(0);
        let readers = clients.into_iter().map(|client| thread::spawn(|| read(client))).collect();
        let stop = Arc::clone(&enough);
        let publisher = thread::spawn(move || {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                publisher.text(&number.to_string());
                assert_eq!(publisher.next_text(), number.to_string(), "a publisher's own message");
                number += 1;
                thread::sleep(pause);
            }
            publisher.text(END);
            assert_eq!(publisher.next_text(), END);
            number
        });
        Self { enough, publisher, readers }
    }

    /// Ends it, and says how many messages everybody received.
    pub fn complete(self) -> u64 {
        self.enough.store(true, Ordering::Relaxed);
        let published = self.publisher.join().expect("the healthy publisher");
        for reader in self.readers {
            assert_eq!(reader.join().expect("a healthy reader"), published);
        }
        assert!(published > 0);
        published
    }
}

fn read(mut client: Client) -> u64 {
    let mut expected = 0;
    loop {
        match client.next_text().as_str() {
            END => return expected,
            text => assert_eq!(text, expected.to_string(), "a healthy reader's message"),
        }
        expected += 1;
    }
}
