//! The load that is planned for: flags, and what the results have in common where a flag was left out.

use serde::Serialize;

use super::evidence::{Evidence, Refusal};
use super::load::Load;
use super::observation::Observation;
use crate::way::Way;

/// Rates that differ by less are one rate.
const SAME: f64 = 1.05;
/// Mean payloads that differ by less are of one distribution: a short trial draws few messages.
const DRAWN_ALIKE: f64 = 1.25;

/// As the flags have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Subscribers.
    pub users: f64,
    /// Rooms that they are spread over evenly; `None`: as in the results.
    pub rooms: Option<f64>,
    /// Publishes a second in each room; `None`: as in the results.
    pub per_room: Option<f64>,
    /// Publishes a second by each user, instead of `per_room`.
    pub per_user: Option<f64>,
    /// Payload of a message; `None`: as in the results.
    pub message_bytes: Option<f64>,
    /// How messages travel; `None`: as in most of the results.
    pub compression: Option<Way>,
    /// Share of each machine that is to stay free.
    pub headroom: f64,
    /// `None`: how many servers is not asked.
    pub machine: Option<Machine>,
    /// Prices.
    pub prices: Prices,
}

/// A machine that one server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    /// Processor cores.
    pub cores: f64,
    /// Bytes; `None`: enough.
    pub memory_bytes: Option<f64>,
    /// Bytes a second that it can send; `None`: enough.
    pub link_bytes_per_s: Option<f64>,
}

/// What things cost, in any currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Prices {
    /// A server for an hour.
    pub per_hour: Option<f64>,
    /// A GB (1,000,000,000 bytes) sent.
    pub per_gb: Option<f64>,
}

/// The load that is planned for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// All servers together.
    #[serde(flatten)]
    pub load: Load,
    /// How messages travel.
    pub compression: Way,
    /// Share of each machine that is to stay free.
    pub headroom: f64,
    /// `None`: how many servers was not asked.
    pub machine: Option<Machine>,
    /// Prices.
    pub prices: Prices,
    /// What was taken from the results, in words.
    pub assumed: Vec<String>,
}

impl Asked {
    /// Fills in what was left out.
    ///
    /// # Errors
    /// When the results differ in it, or do not know it.
    pub fn of(wanted: &Wanted, evidence: &Evidence) -> Result<Self, Refusal> {
        let observations = &evidence.observations;
        let mut assumed = Vec::new();
        let mut common = |what: &str, flag: &str, same: f64, of: &dyn Fn(&Observation) -> Option<f64>| {
            let value = one(observations, same, of).map_err(|[low, high]| {
                Refusal::Flag(format!("the results differ in {what} ({} to {}): give {flag}", short(low), short(high)))
            })?;
            if let Some(value) = value {
                assumed.push(format!("{what}: {}, as in the results ({flag} sets another)", short(value)));
            }
            Ok::<_, Refusal>(value)
        };
        let rooms = match wanted.rooms {
            Some(rooms) => Some(rooms),
            None => common("the number of rooms", "--rooms", SAME, &|o| o.load.rooms)?,
        };
        if let Some(rooms) = rooms.filter(|rooms| *rooms > wanted.users) {
            return Err(Refusal::Flag(format!("there are more rooms ({rooms}) than users ({})", wanted.users)));
        }
        let publishes = match (wanted.per_user, wanted.per_room) {
            (Some(each), _) => each * wanted.users,
            (None, Some(each)) => each * rooms.unwrap_or(1.0),
            (None, None) => {
                let per_room = |o: &Observation| Some(o.load.publishes_per_s / o.load.rooms.unwrap_or(1.0));
                let each =
                    common("publishes a second in a room", "--rate-per-room or --rate-per-user", SAME, &per_room)?;
                each.unwrap_or_default() * rooms.unwrap_or(1.0)
            }
        };
        let message_bytes = match wanted.message_bytes {
            Some(bytes) => Some(bytes),
            None => common("the mean payload of a message in bytes", "--message-size", DRAWN_ALIKE, &|o| {
                o.load.message_bytes
            })?,
        };
        Ok(Self {
            load: Load {
                connections: wanted.users,
                rooms,
                publishes_per_s: publishes,
                deliveries_per_s: publishes * wanted.users / rooms.unwrap_or(1.0),
                message_bytes,
            },
            compression: wanted.compression.unwrap_or_else(|| most(observations)),
            headroom: wanted.headroom,
            machine: wanted.machine,
            prices: wanted.prices,
            assumed,
        })
    }
}

/// What all observations have alike, up to a factor of `same`: their mean; their extremes where they differ more.
fn one(
    observations: &[Observation],
    same: f64,
    of: &dyn Fn(&Observation) -> Option<f64>,
) -> Result<Option<f64>, [f64; 2]> {
    let values: Vec<f64> = observations.iter().filter_map(of).collect();
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    if values.is_empty() {
        Ok(None)
    } else if high <= low * same {
        Ok(Some(values.iter().sum::<f64>() / values.len() as f64))
    } else {
        Err([low, high])
    }
}

/// How most of them sent; without compression where as many did.
fn most(observations: &[Observation]) -> Way {
    let count = |way: Way| observations.iter().filter(|o| o.compression == way).count();
    [Way::Shared, Way::Standalone, Way::Off].into_iter().max_by_key(|way| count(*way)).unwrap_or(Way::Off)
}

fn short(value: f64) -> String {
    crate::report::numbers::significant(value, 3)
}
