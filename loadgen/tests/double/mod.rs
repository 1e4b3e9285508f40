//! A broadcast server that is not ours and errs on purpose: one task a connection on tokio-tungstenite, with the fault that
//! a test asks for, and a count of what it really did, to hold the ledger against.
//!
//! The first message that it receives is the probe's: it is relayed without fault and counted nowhere.

#![allow(dead_code, reason = "every test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

mod connection;
mod fault;
mod hub;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::net::TcpSocket;
use tokio::sync::Notify;

pub use fault::Fault;
#[allow(unused_imports, reason = "not every test binary needs it")]
pub use fault::Whose;
use hub::Hub;
pub use hub::Tally;

/// The server, on a thread and a port of its own; it ends when dropped.
pub struct Double {
    address: SocketAddr,
    hub: Arc<Mutex<Hub>>,
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    /// Starts it; it accepts connections when this returns.
    pub fn start(fault: Fault) -> Self {
        let end = Arc::new(Notify::new());
        let hub = Arc::new(Mutex::new(Hub::new(fault, Arc::clone(&end))));
        let (tell, told) = std::sync::mpsc::channel();
        let (state, ended) = (Arc::clone(&hub), Arc::clone(&end));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let socket = TcpSocket::new_v4().unwrap();
                if matches!(fault, Fault::StopReading { .. }) {
                    // Whoever writes to it is to be blocked soon.
                    socket.set_recv_buffer_size(64 << 10).unwrap();
                }
                socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
                let listener = socket.listen(4096).unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(connection::serve(stream, Arc::clone(&state)));
                    }
                };
                tokio::select! { () = serve => {}, () = ended.notified() => {} }
            });
        });
        Double { address: told.recv().unwrap(), hub, end, thread: Some(thread) }
    }

    /// Where rooms are, for `target.url`.
    pub fn url(&self) -> String {
        format!("ws://{}/broadcast/{{room}}", self.address)
    }

    /// What it has received, by connection: each one's messages in order, and nothing of the order of connections.
    pub fn heard(&self) -> Vec<Vec<Vec<u8>>> {
        let mut heard: Vec<_> = self.hub.lock().unwrap().heard.values().cloned().collect();
        heard.sort();
        heard
    }

    /// What it has done so far.
    pub fn tally(&self) -> Tally {
        self.hub.lock().unwrap().tally
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the double has been printed, and fails the test by its missing counts.
            let _ = thread.join();
        }
    }
}
