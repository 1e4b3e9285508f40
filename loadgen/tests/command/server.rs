//! A bundled server of a test's own, beside those that runs start.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::FANOUT;

/// Ends with the test.
pub struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// With these flags beside its address.
    pub fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(FANOUT);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(flags);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening ws://").unwrap().to_owned();
        Server { child, address }
    }

    /// Of this path on it.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
