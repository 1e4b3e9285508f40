//! The flags of `fanout plan`.

use std::path::PathBuf;

use clap::Args;

use super::Format;
use crate::sizing::{Machine, Prices, Wanted};
use crate::units;
use crate::way::Way;

/// `fanout plan`
#[derive(Debug, Args)]
#[command(after_help = PLAN_HELP)]
pub struct PlanArgs {
    /// What was measured, on one machine: capacity searches and runs, by their directories (or what is below them), capacity.json or run.json
    #[arg(required = true, value_name = "CAPACITY|RUNS")]
    pub results: Vec<PathBuf>,
    /// Connections that are to receive, all servers together
    #[arg(long, value_name = "N", value_parser = positive)]
    pub users: f64,
    /// Rooms that they are spread over evenly [default: as in the results]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rooms: Option<f64>,
    /// Publishes a second in each room [default: as in the results]
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    pub rate_per_room: Option<f64>,
    /// Publishes a second by each user, instead
    #[arg(long, value_name = "PER_SECOND", value_parser = positive, conflicts_with = "rate_per_room")]
    pub rate_per_user: Option<f64>,
    /// Payload of a message, such as 128 or 1KiB [default: as in the results]
    #[arg(long, value_name = "BYTES", value_parser = units::size)]
    pub message_size: Option<u64>,
    /// How messages travel [default: as in most of the results]
    #[arg(long, value_enum, value_name = "WAY")]
    pub compression: Option<Way>,
    /// What must hold, such as 'latency.due.p99 < 100ms' [default: the first objective of the searches]
    #[arg(long, value_name = "EXPRESSION")]
    pub objective: Option<String>,
    /// Share of each server's CPU, memory and link that is to stay free
    #[arg(long, value_name = "PERCENT", default_value = "30%", value_parser = share)]
    pub headroom: f64,
    /// Processor cores of a server; without them, what one server needs is said, and not how many
    #[arg(long, value_name = "N", value_parser = positive)]
    pub cores: Option<f64>,
    /// Memory of a server, such as 8GB or 8GiB [default: enough]
    #[arg(long, value_name = "BYTES", value_parser = units::size, requires = "cores")]
    pub memory: Option<u64>,
    /// What a server can send, such as 1Gbit/s [default: enough]
    #[arg(long, value_name = "RATE", value_parser = link, requires = "cores")]
    pub link: Option<f64>,
    /// Price of a server for an hour, in any currency; how many it takes is known only with --cores
    #[arg(long, value_name = "PRICE", value_parser = positive, requires = "cores")]
    pub price_per_hour: Option<f64>,
    /// Price of a GB (1,000,000,000 bytes) sent
    #[arg(long, value_name = "PRICE", value_parser = positive)]
    pub price_per_gb: Option<f64>,
    /// What goes to standard output: the plan, or plan.json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Directory for plan.json, .html, .md and .txt [default: they are not written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl PlanArgs {
    /// The load that they ask about.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted {
            users: self.users,
            rooms: self.rooms,
            per_room: self.rate_per_room,
            per_user: self.rate_per_user,
            message_bytes: self.message_size.map(|bytes| bytes as f64),
            compression: self.compression,
            headroom: self.headroom,
            machine: self.cores.map(|cores| Machine {
                cores,
                memory_bytes: self.memory.map(|bytes| bytes as f64),
                link_bytes_per_s: self.link,
            }),
            prices: Prices { per_hour: self.price_per_hour, per_gb: self.price_per_gb },
        }
    }
}

const PLAN_HELP: &str = "\
How busy a server may be is taken from the load that was confirmed for the objective; what a load costs, from all runs and trials that held.
Every figure says whether it is measured, interpolated or extrapolated. Exit codes: 0 there is a plan; 1 the results cannot be read; 2 they
cannot be planned from, or do not know what is asked; 3 no number of servers is enough.

  fanout plan results/chat/latest --users 200000 --rooms 500 --rate-per-room 2 --objective 'latency.due.p99 < 100ms' --cores 4 --memory 8GB
  fanout plan results/levels --users 15000                       what one server will need, from runs at several levels
  fanout plan results/off results/shared --users 50000 --cores 4 --price-per-hour 0.20 --price-per-gb 0.09";

/// `200000`, `200_000`, `200,000`, `200k`, `1.5M`, `0.5`.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let plain = text.trim().replace(['_', ','], "");
    let (digits, factor) = [('k', 1e3), ('K', 1e3), ('M', 1e6)]
        .into_iter()
        .find_map(|(letter, factor)| Some((plain.strip_suffix(letter)?, factor)))
        .unwrap_or((&plain, 1.0));
    let number = digits.parse::<f64>().ok().map(|number| number * factor);
    number
        .filter(|n| n.is_finite() && *n > 0.0)
        .ok_or_else(|| format!("`{text}` is not a number above 0: write it as 200000, 200_000 or 200k"))
}

/// `30%` or `0.3`.
fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    };
    share
        .filter(|share| (0.0..0.95).contains(share))
        .ok_or_else(|| format!("`{text}` is not a share from 0% to 95%, such as 30%"))
}

/// `1Gbit/s`, `250Mbit`: bytes a second.
fn link(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is not a rate: write bits a second, such as 1Gbit/s or 250Mbit/s");
    let rate = text.trim().strip_suffix("/s").unwrap_or(text.trim());
    let (number, factor) = [("Gbit", 1e9), ("Mbit", 1e6), ("kbit", 1e3)]
        .into_iter()
        .find_map(|(unit, factor)| Some((rate.strip_suffix(unit)?, factor)))
        .ok_or_else(wrong)?;
    positive(number.trim()).map(|number| number * factor / 8.0).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!(["200000", "200_000", "200,000"].map(|text| positive(text).unwrap()), [200_000.0; 3]);
        assert_eq!(["200k", "0.2M", " 200K"].map(|text| positive(text).unwrap()), [200_000.0; 3]);
        assert!(positive("200 thousand").unwrap_err().contains("200k"));
        assert_eq!((share("30%"), share("0.3")), (Ok(0.3), Ok(0.3)));
        assert_eq!((link("1Gbit/s"), link("250Mbit")), (Ok(125_000_000.0), Ok(31_250_000.0)));
        assert!(positive("0").is_err() && positive("many").is_err() && share("100%").is_err());
        assert!(link("125MB").unwrap_err().contains("such as 1Gbit/s"));
    }
}
