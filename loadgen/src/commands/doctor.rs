//! `fanout doctor`, and the null server that it measures against.

use std::path::Path;
use std::time::Duration;

use super::run::colour;
use super::{COULD_NOT_RUN, DONE, say};
use crate::cli::{DoctorArgs, Format};
use crate::doctor::{Goal, Report, calibrate, examine, limits, look, processor, serve_null, steal_share};

/// How long timers are watched.
const TIMERS: Duration = Duration::from_secs(2);
/// How long sending, and then receiving, is measured.
const PACE: Duration = Duration::from_millis(1500);

/// Looks at this machine and says what it is good for.
pub fn examine_machine(args: &DoctorArgs) -> u8 {
    let before = look(Path::new("/"));
    let clock = match examine(TIMERS) {
        Ok(clock) => clock,
        Err(error) => {
            eprintln!("cannot watch timers: {error}");
            return COULD_NOT_RUN;
        }
    };
    let calibration = if args.no_calibration {
        Err("--no-calibration".to_owned())
    } else {
        calibrate(PACE).map_err(|error| error.to_string())
    };
    let after = look(Path::new("/"));
    let findings = limits(&before, Goal { connections: args.connections });
    let processor = processor(&before, steal_share(&before, &after));
    let report = Report::new(args.connections, findings, processor, clock, calibration);
    let text = match args.format {
        Format::Text => report.text(colour()),
        Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
    };
    say(&text).map_or_else(|code| code, |()| DONE)
}

/// Serves the doctor until it is told to end.
pub fn null_server() -> u8 {
    match serve_null() {
        Ok(()) => DONE,
        Err(error) => {
            eprintln!("the null server cannot go on: {error}");
            COULD_NOT_RUN
        }
    }
}
