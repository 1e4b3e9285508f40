//! Why a benchmark could not be measured.

use std::io;
use std::path::PathBuf;

/// Why a benchmark could not be measured, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The program is not there.
    #[error("{} is missing: start this through scripts/bench, which builds it", .0.display())]
    Missing(PathBuf),
    /// It could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// Its name.
        program: String,
        /// The reason.
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("{program} said nothing for {seconds} s; stopped")]
    Silent {
        /// Its name.
        program: String,
        /// How long we waited.
        seconds: f64,
    },
    /// It ended, or closed its output; what it wrote to standard error has been shown.
    #[error("{program} ended early: see above for what it said")]
    Ended {
        /// Its name.
        program: String,
    },
    /// It answered something that we do not understand.
    #[error("{program} answered {answer:?}; are all programs of the same version?")]
    Answer {
        /// Its name.
        program: String,
        /// What it said, shortened.
        answer: String,
    },
    /// `fanout run` gave no run.
    #[error("fanout run gave no result; it said:\n{complaints}")]
    Refused {
        /// Its standard error.
        complaints: String,
    },
    /// Anything else.
    #[error(transparent)]
    Io(#[from] io::Error),
}
