//! The server as a command: from flags to an exit code, with one sentence for a person where something is wrong.

use std::error::Error;

use crate::config::{Config, Flags};
use crate::serve::{ServeError, run};

/// It was told to stop, and closed every connection in order.
const DONE: u8 = 0;
/// It could not start, or could not go on.
const COULD_NOT_SERVE: u8 = 1;
/// A flag, variable or file cannot be used; clap's code too.
const BAD_USAGE: u8 = 2;
/// A second signal came during the drain; what a shell makes of Ctrl-C.
const CUT_SHORT: u8 = 130;

/// Serves until a signal has drained the server, and gives the process's exit code: 0 after a drain, 1 if it could not serve, 2 if the
/// flags are wrong, 130 if a second signal cut the drain short.
///
/// What is wrong goes to stderr, after the `program`'s name. Takes the calling thread, as [`run`] does.
#[must_use]
pub fn serve_as(program: &str, flags: Flags) -> u8 {
    let failed = |error: &dyn Error, code| {
        eprintln!("{program}: {error}");
        code
    };
    match Config::from_flags(flags).map(run) {
        Ok(Ok(())) => DONE,
        Ok(Err(error @ ServeError::CutShort)) => failed(&error, CUT_SHORT),
        Ok(Err(error @ (ServeError::Auth(_) | ServeError::Tls(_)))) => failed(&error, BAD_USAGE),
        Ok(Err(error)) => failed(&error, COULD_NOT_SERVE),
        Err(error) => failed(&error, BAD_USAGE),
    }
}
