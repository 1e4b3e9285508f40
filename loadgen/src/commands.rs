//! What each command does; gives the exit code.

mod run;
mod validate;

use crate::cli::{Cli, Command};
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
    match cli.command {
        Command::Run(args) => run::files(&args),
        Command::Quick(args) => run::quick_load(&args),
        Command::Validate(args) => validate::files(&args),
        Command::Schema => {
            print!("{}", schema());
            DONE
        }
        Command::Serve(flags) => serve(*flags),
    }
}

fn serve(flags: server::Flags) -> u8 {
    let config = match server::Config::from_flags(flags) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("fanout serve: {error}");
            return BAD_SCENARIO;
        }
    };
    match server::run(config) {
        Ok(()) => DONE,
        Err(error) => {
            eprintln!("fanout serve: {error}");
            COULD_NOT_RUN
        }
    }
}
