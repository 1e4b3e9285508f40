//! Limits on what clients send, from their flags.

use std::str::FromStr;

use super::check::ConfigError;
use super::flags::Flags;
use super::units::Size;
use crate::rate::{Rate, Rates};

/// Slower than one message in a quarter of an hour is a mistake rather than a limit, in messages a second.
const SLOWEST: f64 = 0.001;
/// Faster than this nobody is slowed down, in messages a second.
const FASTEST: f64 = 1e6;
/// The default of `--burst`.
const BURST: u32 = 20;
/// The default of `--control-rate`.
const CONTROL_RATE: f64 = 100.0;
/// The largest rate and burst in bytes: 1 TiB.
const MOST_BYTES: u64 = 1 << 40;

/// What `--rate` and its kin ask for.
pub(super) fn rates(flags: &Flags) -> Result<Rates, ConfigError> {
    let rate = messages("rate", flags.rate)?;
    let rate_user = if flags.rate_user.is_some() { messages("rate-user", flags.rate_user)? } else { rate };
    let burst = at_least_one("burst", flags.burst)?.unwrap_or(BURST);
    let burst_user = at_least_one("burst-user", flags.burst_user)?.unwrap_or(burst);
    let room = messages("room-rate", flags.room_rate)?;
    let control = messages("control-rate", Some(flags.control_rate.unwrap_or(CONTROL_RATE)))?;
    let room_burst = at_least_one("room-burst", flags.room_burst)?;
    let policy = named("rate-policy", flags.rate_policy.as_ref())?;
    let (by, bytes) = (named("rate-by", flags.rate_by.as_ref())?, bytes(flags)?);
    refuse_without_rate(flags)?;
    Ok(Rates {
        policy,
        by,
        anonymous: rate.map(|rate| Rate::messages(rate, burst)),
        user: rate_user.map(|rate| Rate::messages(rate, burst_user)),
        room: room.map(|rate| Rate::messages(rate, room_burst.unwrap_or(rate.ceil() as u32))),
        bytes,
        control: control.map(|rate| Rate::messages(rate, (2.0 * rate).ceil() as u32)),
    })
}

/// A burst or a policy alone limits nothing, and who gives it thinks that it does.
fn refuse_without_rate(flags: &Flags) -> Result<(), ConfigError> {
    let on = |rate: Option<f64>| rate.is_some_and(|rate| rate != 0.0);
    let bytes = flags.byte_rate.is_some_and(|Size(bytes)| bytes > 0);
    let users = on(flags.rate_user.or(flags.rate));
    let any = users || on(flags.rate);
    let needs = |flag, given: Option<String>, there: bool, needed: &str| match given {
        Some(value) if !there => {
            let problem = format!("limits nothing without {needed}; add it, or leave this out");
            Err(ConfigError::Invalid { flag, value, problem })
        }
        _ => Ok(()),
    };
    let number = |given: Option<u32>| given.map(|number| number.to_string());
    needs("burst", number(flags.burst), any, "--rate or --rate-user")?;
    needs("burst-user", number(flags.burst_user), users, "--rate or --rate-user")?;
    needs("room-burst", number(flags.room_burst), on(flags.room_rate), "--room-rate")?;
    needs("byte-burst", flags.byte_burst.map(|Size(bytes)| bytes.to_string()), bytes, "--byte-rate")?;
    needs("rate-policy", flags.rate_policy.clone(), any || bytes, "--rate, --rate-user or --byte-rate")
}

/// A rate in messages a second, `None` without a limit.
fn messages(flag: &'static str, given: Option<f64>) -> Result<Option<f64>, ConfigError> {
    match given {
        None | Some(0.0) => Ok(None),
        Some(rate) if (SLOWEST..=FASTEST).contains(&rate) => Ok(Some(rate)),
        Some(rate) => {
            let problem = format!("use a number of messages a second from {SLOWEST} to {FASTEST}, or 0 for no limit");
            Err(ConfigError::Invalid { flag, value: rate.to_string(), problem })
        }
    }
}

fn at_least_one(flag: &'static str, given: Option<u32>) -> Result<Option<u32>, ConfigError> {
    if given == Some(0) {
        let problem = "no message could ever pass; use 1 or more".to_owned();
        return Err(ConfigError::Invalid { flag, value: "0".to_owned(), problem });
    }
    Ok(given)
}

fn bytes(flags: &Flags) -> Result<Option<Rate>, ConfigError> {
    let size = |flag, given: Option<Size>, least: u64| match given {
        Some(Size(bytes)) if !(least..=MOST_BYTES).contains(&bytes) => {
            let problem = format!("must be between {least} and {MOST_BYTES} bytes");
            Err(ConfigError::Invalid { flag, value: bytes.to_string(), problem })
        }
        given => Ok(given.map(|Size(bytes)| bytes)),
    };
    let rate = size("byte-rate", flags.byte_rate, 0)?.filter(|rate| *rate > 0);
    let burst = size("byte-burst", flags.byte_burst, 1)?;
    Ok(rate.map(|rate| Rate::bytes(rate, burst.unwrap_or(rate))))
}

/// A value that has a name.
fn named<T: FromStr<Err = String> + Default>(flag: &'static str, given: Option<&String>) -> Result<T, ConfigError> {
    match given {
        None => Ok(T::default()),
        Some(name) => name.parse().map_err(|problem| ConfigError::Invalid { flag, value: name.clone(), problem }),
    }
}
