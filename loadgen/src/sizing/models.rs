//! CPU, memory and bytes of a server as functions of its load, fitted to what was observed.

use serde::Serialize;
use serde_json::Value;

use super::basis::{Basis, Figure, Respect};
use super::fitted::Fitted;
use super::load::Load;
use super::observation::Observation;
use crate::analyse::{Estimate, Linear};
use crate::units;
use crate::way::Way;

/// Columns of the table that costs are fitted to. Of the choices of columns below the first group is taken in which one can be fitted.
const FIXED: usize = 0;
const CONNECTIONS: usize = 1;
const DELIVERIES: usize = 2;
const PUBLISHES: usize = 3;
const BYTES: usize = 4;
const ROOMS: usize = 5;

/// What a second of the server's CPU may go to. Connections that came with the deliveries are told apart from them only where runs differ in it.
const CPU: [&[&[usize]]; 1] = [&[
    &[DELIVERIES],
    &[FIXED, DELIVERIES],
    &[DELIVERIES, CONNECTIONS],
    &[DELIVERIES, PUBLISHES],
    &[DELIVERIES, BYTES],
    &[FIXED, DELIVERIES, CONNECTIONS],
    &[FIXED, DELIVERIES, PUBLISHES],
    &[FIXED, DELIVERIES, BYTES],
]];
/// The same where nothing was delivered.
const IDLE_CPU: [&[&[usize]]; 2] = [&[&[CONNECTIONS], &[FIXED, CONNECTIONS]], &[&[FIXED]]];
/// Connections take memory: a fit without them is for want of a better one.
const MEMORY: [&[&[usize]]; 3] =
    [&[&[FIXED, CONNECTIONS], &[FIXED, CONNECTIONS, ROOMS]], &[&[FIXED]], &[&[CONNECTIONS]]];
const KERNEL: [&[&[usize]]; 1] = [&[&[CONNECTIONS], &[FIXED, CONNECTIONS]]];
const WIRE: [&[&[usize]]; 1] = [&[&[DELIVERIES]]];

/// A fitted cost with the levels that it is from.
#[derive(Debug, Clone)]
struct Model {
    fit: Linear,
    levels: Vec<Load>,
    respects: &'static [Respect],
}

/// The costs of one way to send.
#[derive(Debug, Clone)]
pub(super) struct Models {
    cpu: Option<Model>,
    fitted: Fitted,
    process: Option<Model>,
    kernel: Option<Model>,
    wire: Option<Model>,
}

/// Memory that a server keeps for the history of its rooms, as it is configured: more than short runs fill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Kept {
    /// `--room-log`, bytes.
    pub room_log: f64,
    /// `--log-memory`, bytes.
    pub log_memory: f64,
}

impl Kept {
    /// Of the bundled server, by its flags in the resolved scenario; `None` of any other.
    pub(super) fn of(target: &Value) -> Option<Self> {
        let flags = target.get("server")?;
        let size = |name: &str, default: f64| {
            let given = flags.get(name).and_then(Value::as_str).and_then(|text| units::size(text).ok());
            given.map_or(default, |bytes| bytes as f64)
        };
        let textbook = flags.get("engine").and_then(Value::as_str) == Some("textbook");
        (!textbook)
            .then(|| Self { room_log: size("room_log", 4_194_304.0), log_memory: size("log_memory", 1_073_741_824.0) })
    }

    /// The most that so many rooms fill.
    pub(super) fn most(&self, rooms: f64) -> f64 {
        (rooms * self.room_log).min(self.log_memory)
    }
}

impl Models {
    /// Fitted to the observations of one way to send.
    pub(super) fn of(observations: &[Observation], way: Way) -> Self {
        let these: Vec<&Observation> = observations.iter().filter(|o| o.compression == way).collect();
        let fit = |choices: &[&[&[usize]]], respects, cost: &dyn Fn(&Observation) -> Option<f64>| {
            Model::of(&these, choices, respects, cost, &[])
        };
        let mut levels: Vec<u64> = these.iter().map(|o| o.load.connections as u64).collect();
        levels.sort_unstable();
        levels.dedup();
        // With one level of connections, the server before the first of them is the second.
        let idle: Vec<f64> =
            if levels.len() < 2 { these.iter().filter_map(|o| o.rss_idle_bytes).collect() } else { Vec::new() };
        // What a server does whose CPU is full does not grow with what it delivers.
        let (full, spare): (Vec<&Observation>, Vec<&Observation>) = these.iter().partition(|o| o.is_full());
        let carries = spare.iter().all(|o| o.load.deliveries_per_s > 0.0);
        let cpu = Model::of(
            &spare,
            if carries { &CPU[..] } else { &IDLE_CPU[..] },
            &[
                Respect::Connections,
                Respect::Deliveries,
                Respect::PerConnection,
                Respect::FanOut,
                Respect::MessageBytes,
                Respect::Rooms,
            ],
            &|o| o.cpu,
            &[],
        );
        Self {
            fitted: Fitted::of(&spare, full.len(), cpu.as_ref().map(|model| &model.fit), &columns),
            cpu,
            process: Model::of(&these, &MEMORY, &[Respect::Connections, Respect::Rooms], &|o| o.rss_bytes, &idle),
            kernel: fit(&KERNEL, &[Respect::Connections], &|o| o.kernel_bytes),
            wire: fit(
                &WIRE,
                &[Respect::Deliveries, Respect::MessageBytes, Respect::Connections, Respect::Rooms],
                &|o| Some(o.wire_bytes_per_s),
            ),
        }
    }

    /// Cores that a server with this load keeps busy.
    pub(super) fn cpu(&self, load: &Load) -> Option<Figure> {
        let figure = self.cpu.as_ref()?.at(load);
        Some(match self.fitted.at_dearest(load) {
            Some(value) => Figure { value, interval: None, basis: figure.basis },
            None => figure,
        })
    }

    /// What `cpu` was fitted to.
    pub(super) fn fitted(&self) -> &Fitted {
        &self.fitted
    }

    /// Resident memory of its process, bytes.
    pub(super) fn process(&self, load: &Load) -> Option<Figure> {
        self.process.as_ref().map(|model| model.at(load))
    }

    /// The kernel's memory for its connections, both ends, bytes.
    pub(super) fn kernel(&self, load: &Load) -> Option<Figure> {
        self.kernel.as_ref().map(|model| model.at(load))
    }

    /// Bytes sent a second. Messages of another size than the measured ones are taken to be compressed as well as these.
    pub(super) fn wire(&self, load: &Load) -> Option<Figure> {
        let model = self.wire.as_ref()?;
        let sizes: Vec<f64> = model.levels.iter().filter_map(|level| level.message_bytes).collect();
        let measured = (!sizes.is_empty()).then(|| sizes.iter().sum::<f64>() / sizes.len() as f64);
        let scale = match (measured, load.message_bytes) {
            (Some(measured), Some(asked)) => Load::frame_bytes(asked) / Load::frame_bytes(measured),
            (None, _) | (_, None) => 1.0,
        };
        Some(model.at(load).times(scale))
    }
}

impl Model {
    fn of(
        observations: &[&Observation],
        choices: &[&[&[usize]]],
        respects: &'static [Respect],
        cost: &dyn Fn(&Observation) -> Option<f64>,
        idle: &[f64],
    ) -> Option<Self> {
        let known: Vec<(&Observation, f64)> =
            observations.iter().filter_map(|o| Some((*o, cost(o).filter(|cost| *cost > 0.0)?))).collect();
        let mut rows: Vec<(Vec<f64>, f64)> = known.iter().map(|(o, cost)| (columns(&o.load), *cost)).collect();
        let levels: Vec<Load> = known.iter().map(|(o, _)| o.load).collect();
        let nothing = levels.first()?.times(0.0);
        rows.extend(idle.iter().filter(|cost| **cost > 0.0).map(|cost| (columns(&nothing), *cost)));
        Some(Self { fit: choices.iter().find_map(|choices| Linear::fit(&rows, choices))?, levels, respects })
    }

    fn at(&self, load: &Load) -> Figure {
        let estimate: Estimate = self.fit.at(&columns(load));
        Figure::new(estimate, Basis::of(load, &self.levels, self.respects))
    }
}

fn columns(load: &Load) -> Vec<f64> {
    let bytes = load.deliveries_per_s * load.message_bytes.unwrap_or_default();
    vec![1.0, load.connections, load.deliveries_per_s, load.publishes_per_s, bytes, load.rooms.unwrap_or_default()]
}
