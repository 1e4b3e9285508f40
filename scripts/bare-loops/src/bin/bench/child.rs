//! The programs under measurement: started pinned, talked to by lines, never outliving us.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use bare_loops::{Order, Tally};
use serde_json::Value;

use crate::error::BenchError;

/// How long a program may take to start and connect, on top of the length of a run.
const PATIENCE_S: f64 = 30.0;

/// A running program; killed when dropped.
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// The program `name` beside this one.
fn path_of(name: &str) -> Result<PathBuf, BenchError> {
    let path = std::env::current_exe()?.parent().unwrap_or(Path::new(".")).join(name);
    if path.exists() { Ok(path) } else { Err(BenchError::Missing(path)) }
}

impl Program {
    /// Starts `name` with `arguments` on `cpu`; what it complains about goes where our own complaints go.
    pub fn start(name: &str, arguments: &[String], cpu: usize) -> Result<Self, BenchError> {
        Self::start_quietly(name, arguments, &[cpu], Stdio::inherit())
    }

    /// The same on several CPUs, with its standard error sent to `complaints`.
    pub fn start_quietly(
        name: &str,
        arguments: &[String],
        cpus: &[usize],
        complaints: Stdio,
    ) -> Result<Self, BenchError> {
        let mut command = Command::new(path_of(name)?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(complaints);
        net::pin_child(&mut command, cpus)?;
        net::die_with_parent(&mut command);
        let started = command.spawn();
        let mut child = started.map_err(|source| BenchError::Start { program: name.to_owned(), source })?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            // Ends with the program's output.
            thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        Ok(Self { name: name.to_owned(), input: child.stdin.take(), child, lines })
    }

    /// The server with `flags` on a free port of loopback, with heartbeats out of the way of long silences, and where it listens.
    pub fn server(cpu: usize, flags: &[&str]) -> Result<(Self, SocketAddr), BenchError> {
        let usual = ["--listen", "127.0.0.1:0", "--ping-interval", "1h", "--pong-timeout", "2h"];
        let arguments: Vec<String> = usual.iter().chain(flags).map(|&flag| flag.to_owned()).collect();
        let server = Self::start("fanout-server", &arguments, cpu)?;
        let line = server.line(PATIENCE_S)?;
        let addr = line.strip_prefix("listening ws://").and_then(|addr| addr.parse().ok());
        addr.ok_or_else(|| server.nonsense(&line)).map(|addr| (server, addr))
    }

    /// `bare-send` for `connections`, and where it listens.
    pub fn bare_send(cpu: usize, connections: usize) -> Result<(Self, SocketAddr), BenchError> {
        let sender = Self::start("bare-send", &["--connections".to_owned(), connections.to_string()], cpu)?;
        let line = sender.line(PATIENCE_S)?;
        let addr = line.strip_prefix("listening ").and_then(|addr| addr.parse().ok());
        addr.ok_or_else(|| sender.nonsense(&line)).map(|addr| (sender, addr))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that it has used, in seconds.
    pub fn cpu_s(&self) -> Result<f64, BenchError> {
        Ok(net::process_cpu(self.pid())? as f64 / 1e9)
    }

    /// Waits until it says `ready`.
    pub fn ready(&self) -> Result<(), BenchError> {
        let line = self.line(PATIENCE_S)?;
        if line == "ready" { Ok(()) } else { Err(self.nonsense(&line)) }
    }

    /// Begins a run.
    pub fn order(&mut self, order: Order) -> Result<(), BenchError> {
        let ended = || BenchError::Ended { program: self.name.clone() };
        let mut line = serde_json::to_vec(&order).map_err(std::io::Error::from)?;
        line.push(b'\n');
        let input = self.input.as_mut().ok_or_else(ended)?;
        input
            .write_all(&line)
            .and_then(|()| input.flush())
            .map_err(|_| BenchError::Ended { program: self.name.clone() })
    }

    /// What a run of `seconds` came to.
    pub fn tally(&self, seconds: f64) -> Result<Tally, BenchError> {
        let line = self.line(seconds + PATIENCE_S)?;
        serde_json::from_str(&line).map_err(|_| self.nonsense(&line))
    }

    /// The next line that it says.
    pub fn line(&self, seconds: f64) -> Result<String, BenchError> {
        self.lines.recv_timeout(Duration::from_secs_f64(seconds)).map_err(|e| match e {
            RecvTimeoutError::Timeout => BenchError::Silent { program: self.name.clone(), seconds },
            RecvTimeoutError::Disconnected => BenchError::Ended { program: self.name.clone() },
        })
    }

    /// All that it says until it ends, which must be within `seconds`.
    pub fn everything(&self, seconds: f64) -> Result<String, BenchError> {
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        let mut text = String::new();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => text.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => return Ok(text),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(BenchError::Silent { program: self.name.clone(), seconds });
                }
            }
            text.push('\n');
        }
    }

    fn nonsense(&self, line: &str) -> BenchError {
        BenchError::Answer { program: self.name.clone(), answer: line.chars().take(200).collect() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's own counters (`GET /stats`).
pub fn stats(server: SocketAddr) -> Result<Value, BenchError> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /stats HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let unreadable =
        |_| BenchError::Answer { program: "/stats".to_owned(), answer: answer.chars().take(200).collect() };
    serde_json::from_str(body).map_err(unreadable)
}
