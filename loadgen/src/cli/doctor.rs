//! The flags of `fanout doctor`.

use clap::Args;

use super::Format;

/// `fanout doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Connections that the machine is to be good for
    #[arg(short, long, default_value_t = 10_000, value_name = "N")]
    pub connections: u64,
    /// Look at limits, clock and timers only
    #[arg(long)]
    pub no_calibration: bool,
    /// What goes to standard output: a page to read, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
