//! A telephone line between a browser and the server, which can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to one address, until it is cut.
pub struct Line {
    pub addr: SocketAddr,
    state: Arc<Mutex<State>>,
    /// What the browser says is lost on the way.
    muted: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    cut: bool,
    connections: Vec<TcpStream>,
}

impl Line {
    /// A line to `server`. Its threads end with the process.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let muted = Arc::new(AtomicBool::new(false));
        let (shared, mute, never) = (Arc::clone(&state), Arc::clone(&muted), Arc::new(AtomicBool::new(false)));
        thread::spawn(move || {
            for browser in listener.incoming().map_while(Result::ok) {
                // One that comes while the line is cut is closed again at once.
                let Ok(server) = TcpStream::connect(server) else { continue };
                let mut state = shared.lock().unwrap();
                if state.cut {
                    continue;
                }
                pass_on(clone(&browser), clone(&server), Arc::clone(&mute));
                pass_on(clone(&server), clone(&browser), Arc::clone(&never));
                state.connections.extend([browser, server]);
            }
        });
        Self { addr, state, muted }
    }

    /// Breaks every connection, without a word, and lets no new one through.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// The browser is heard no more, and does not notice.
    pub fn mute(&self) {
        self.muted.store(true, Ordering::SeqCst);
    }

    pub fn mend(&self) {
        self.muted.store(false, Ordering::SeqCst);
        self.state.lock().unwrap().cut = false;
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, muted: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            if !muted.load(Ordering::SeqCst) && to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        for end in [from, to] {
            let _ = end.shutdown(Shutdown::Both);
        }
    });
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().unwrap()
}
