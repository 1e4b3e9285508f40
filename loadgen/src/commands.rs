//! What each command does; gives the exit code.

mod ab;
mod baseline;
mod batches;
mod blocks;
mod capacity;
mod client;
mod compare;
mod doctor;
mod in_turn;
mod job_summary;
mod merge;
mod old_runs;
mod plan;
mod record;
mod report;
mod run;
mod shell;
mod trend;
mod validate;
mod ways;

use std::io::{IsTerminal as _, Write as _};

use crate::agent::DutyError;
use crate::cli::{Cli, Command};
use crate::progress::is_set;
use crate::schema::schema;

/// The run was carried out, or the answer printed.
pub const DONE: u8 = 0;
/// Could not run.
pub const COULD_NOT_RUN: u8 = 1;
/// Bad usage or scenario.
pub const BAD_SCENARIO: u8 = 2;
/// Ended by Ctrl-C or SIGTERM.
pub const INTERRUPTED: u8 = 130;

/// Does what was asked, and gives the exit code.
pub fn dispatch(cli: Cli) -> u8 {
    let on_stderr = coloured(std::io::stderr().is_terminal());
    // Fails only where a hook is set already, which then stays.
    let _ = miette::set_hook(Box::new(move |_| Box::new(miette::MietteHandlerOpts::new().color(on_stderr).build())));
    match cli.command {
        Command::Run(args) => run::files(&args),
        Command::Quick(args) => run::quick_load(&args),
        Command::Ab(args) => ab::file(&args),
        Command::Capacity(args) => capacity::file(&args),
        Command::Compare(args) => compare::sets(&args),
        Command::Plan(args) => plan::load(&args),
        Command::Merge(args) => merge::directories(&args),
        Command::Report(args) => report::old(&args),
        Command::Trend(args) => trend::runs(&args),
        Command::Validate(args) => validate::files(&args),
        Command::Agent => serve_run(),
        Command::Record(args) => record::feed(&args),
        Command::Doctor(args) => doctor::examine_machine(&args),
        Command::NullServer => doctor::null_server(),
        Command::Schema => say(&schema()).map_or_else(|code| code, |()| DONE),
        Command::Serve(flags) => server::serve_as("fanout serve", *flags),
    }
}

/// `fanout agent`.
fn serve_run() -> u8 {
    match crate::agent::serve() {
        Ok(()) => DONE,
        Err(error @ DutyError::NoCoordinator) => {
            eprintln!("{error}");
            BAD_SCENARIO
        }
        // The coordinator says what happened, or is gone.
        Err(_) => COULD_NOT_RUN,
    }
}

/// Whether a stream gets colours, the report and errors alike.
fn coloured(terminal: bool) -> bool {
    terminal && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Writes to standard output. A reader that has gone, as in `fanout schema | head`, wants no more: that is no error.
fn say(text: &str) -> Result<(), u8> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("cannot write to standard output: {error}");
            Err(COULD_NOT_RUN)
        }
        _ => Ok(()),
    }
}
