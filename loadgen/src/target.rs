//! The server under test: found or started, made ready, sampled, stopped, and never left behind.

mod find;
mod process;
mod ready;
mod sample;
mod servers;
mod start;
mod watch;

pub use process::{Change, Exit, Running};
pub use sample::{Sample, Sampler};
pub use servers::Servers;
pub use watch::{Reading, Usage, Watch, Watched};

use std::io;
use std::path::PathBuf;

/// How the machine's CPUs are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Where the server under test is pinned; `None`: it runs where it likes.
    pub server: Option<Vec<usize>>,
    /// Where the load generator runs.
    pub loadgen: Vec<usize>,
}

impl Split {
    /// Divides `available`: a server that we start gets the first `wanted`, the load generator all others. With a
    /// single CPU, or a server that we did not start, nothing is pinned.
    pub fn of(available: &[usize], wanted: Option<usize>) -> Self {
        match wanted {
            Some(wanted) if available.len() > 1 => {
                let (server, loadgen) = available.split_at(wanted.clamp(1, available.len() - 1));
                Split { server: Some(server.to_vec()), loadgen: loadgen.to_vec() }
            }
            _ => Split { server: None, loadgen: available.to_vec() },
        }
    }
}

/// Why the server under test is not there.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It could not be started.
    #[error("cannot start the server with `{command}`: {source}. Is the program installed, and the path right?")]
    Spawn {
        /// Program and arguments.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("the server `{command}` {exit} before it was ready{said}")]
    Ended {
        /// Program and arguments.
        command: String,
        /// How.
        exit: Exit,
        /// The last lines of its standard error, if any.
        said: String,
    },
    /// It was not ready in time.
    #[error(
        "the server `{command}` was not ready within {seconds} s (waited for {what}); raise target.ready_timeout, or check target.ready{said}"
    )]
    NotReady {
        /// Program and arguments.
        command: String,
        /// How long it was given.
        seconds: f64,
        /// What it was waited for.
        what: String,
        /// The last lines of its standard error, if any.
        said: String,
    },
    /// This program's own binary is not to be found, so the bundled server cannot be started.
    #[error("cannot find this program's own binary to start the bundled server ({0}); give target.url or target.spawn")]
    OwnBinary(io::Error),
    /// No free port.
    #[error("cannot find a free port on 127.0.0.1: {0}")]
    Port(io::Error),
    /// The working directory is missing.
    #[error("target.cwd {0} is not a directory")]
    WorkingDirectory(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::Split;

    #[test]
    fn server_and_load_generator_never_share_a_cpu_where_there_are_two() {
        assert_eq!(Split::of(&[0, 1], Some(1)), Split { server: Some(vec![0]), loadgen: vec![1] });
        assert_eq!(Split::of(&[2, 3, 5, 7], Some(2)), Split { server: Some(vec![2, 3]), loadgen: vec![5, 7] });
        assert_eq!(Split::of(&[0, 1], Some(9)), Split { server: Some(vec![0]), loadgen: vec![1] });
        assert_eq!(Split::of(&[4], Some(1)), Split { server: None, loadgen: vec![4] });
        assert_eq!(Split::of(&[0, 1], None), Split { server: None, loadgen: vec![0, 1] });
    }
}
