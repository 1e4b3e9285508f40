//! The server beside the bare send loop, with the same reader on the other core.

use std::net::SocketAddr;

use bare_loops::{Load, Order, Tally};
use serde_json::Value;

use crate::Setting;
use crate::child::{Program, stats};
use crate::error::BenchError;
use crate::outcome::{Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, Sample, measure};

/// Both arms, connected and silent.
struct Rig {
    server: Program,
    addr: SocketAddr,
    server_reader: Program,
    sender: Program,
    sender_reader: Program,
    /// Bytes of a message as the server sends it.
    frame: f64,
    seconds: f64,
}

/// Closed-loop publishing.
#[derive(Clone, Copy)]
struct Loop {
    publishers: usize,
    in_flight: usize,
}

impl Rig {
    fn start(setting: &Setting, publishing: Loop) -> Result<Self, BenchError> {
        let (send_cpu, read_cpu) = (setting.machine.server_cpu, setting.machine.reader_cpu);
        let (server, addr) = Program::server(send_cpu)?;
        let server_reader = websocket_reader(setting, addr, publishing.publishers, publishing.in_flight)?;
        // Publishers are members too, so both arms write to the same number of sockets.
        let connections = setting.subscribers + publishing.publishers;
        let (sender, bare_addr) = Program::bare_send(send_cpu, connections)?;
        let arguments = [bare_addr.to_string(), "--connections".to_owned(), connections.to_string()];
        let sender_reader = Program::start("bare-recv", &arguments, read_cpu)?;
        sender_reader.ready()?;
        sender.ready()?;
        let (frame, seconds) = (frame_bytes(setting.payload), setting.seconds);
        Ok(Self { server, addr, server_reader, sender, sender_reader, frame, seconds })
    }

    /// One run of the server, in deliveries.
    fn ours(&mut self) -> Result<Sample, BenchError> {
        let cpu = self.server.cpu_s()?;
        self.server_reader.order(Order { seconds: self.seconds, bytes: 0, load: Load::Closed })?;
        let tally = self.server_reader.tally(self.seconds)?;
        let cpu = self.server.cpu_s()? - cpu;
        // The server's CPU clock also runs for what was still on its way at the end.
        let all = (tally.bytes + tally.late_bytes) as f64 / self.frame;
        Ok(Sample { rate: tally.bytes as f64 / self.frame / tally.elapsed_s, cost: cpu * 1e9 / all })
    }

    /// One run of the bare loop with `bytes` a send; a delivery is as many bytes as the server's.
    fn bare(&mut self, bytes: usize) -> Result<Sample, BenchError> {
        let order = Order { seconds: self.seconds, bytes, load: Load::Silent };
        self.sender_reader.order(order)?;
        self.sender.order(order)?;
        let Tally { bytes, cpu_s, elapsed_s, .. } = self.sender.tally(self.seconds)?;
        self.sender_reader.tally(self.seconds)?;
        let deliveries = bytes as f64 / self.frame;
        Ok(Sample { rate: deliveries / elapsed_s, cost: cpu_s * 1e9 / deliveries })
    }
}

/// A bare reader of the server's room, connected.
pub fn websocket_reader(
    setting: &Setting,
    addr: SocketAddr,
    publishers: usize,
    in_flight: usize,
) -> Result<Program, BenchError> {
    let arguments = [
        addr.to_string(),
        format!("--connections={}", setting.subscribers),
        "--path=/broadcast/bench".to_owned(),
        format!("--publish={publishers}"),
        format!("--in-flight={in_flight}"),
        format!("--payload={}", setting.payload),
    ];
    let reader = Program::start("bare-recv", &arguments, setting.machine.reader_cpu)?;
    reader.ready()?;
    Ok(reader)
}

/// Bytes of an unmasked frame (RFC 6455 5.2).
fn frame_bytes(payload: usize) -> f64 {
    let header = if payload < 126 { 2 } else { 4 };
    (payload + header) as f64
}

/// How much a counter of `/stats` grew.
fn grown(before: &Value, after: &Value, counter: &str) -> f64 {
    after[counter].as_f64().unwrap_or(f64::NAN) - before[counter].as_f64().unwrap_or(f64::NAN)
}

fn conditions(setting: &Setting, publishing: Loop, batch: f64) -> Vec<String> {
    let Loop { publishers, in_flight } = publishing;
    vec![
        format!(
            "{} subscribers, {}-byte messages; closed loop, {publishers} publishers (members too) x {in_flight} in flight; \
             {batch:.2} messages a flush",
            setting.subscribers, setting.payload
        ),
        format!("{} pairs of {} s", setting.pairs, setting.seconds),
    ]
}

/// One message a flush.
pub fn single(setting: &Setting) -> Result<Outcome, BenchError> {
    let publishing = Loop { publishers: 1, in_flight: 1 };
    let mut rig = Rig::start(setting, publishing)?;
    let before = stats(rig.addr)?;
    let frame = rig.frame as usize;
    let pairs = measure(setting.pairs, |arm| match arm {
        Arm::Ours => rig.ours(),
        Arm::Bare => rig.bare(frame),
    })?;
    let after = stats(rig.addr)?;
    let batch = grown(&before, &after, "deliveries") / grown(&before, &after, "sends");
    Ok(Outcome {
        name: "server-single",
        conditions: conditions(setting, publishing, batch),
        rows: vec![
            Row::new("deliveries/s", Figure::Ratio(pairs.compare(|s| s.rate))).goal(Goal::AtLeast(0.95)),
            Row::new("sender's CPU ns/delivery", Figure::Ratio(pairs.compare(|s| s.cost))),
        ],
    })
}

/// Messages arriving faster than flushes.
pub fn batched(setting: &Setting) -> Result<Outcome, BenchError> {
    let publishing = Loop { publishers: 16, in_flight: 64 };
    let mut rig = Rig::start(setting, publishing)?;
    let before = stats(rig.addr)?;
    let mut last = before.clone();
    let mut bytes = rig.frame as usize;
    let pairs = measure(setting.pairs, |arm| match arm {
        Arm::Ours => {
            let sample = rig.ours()?;
            // The bare loop writes what the server wrote on average in its latest run.
            let now = stats(rig.addr)?;
            let average = grown(&last, &now, "bytes_sent") / grown(&last, &now, "sends");
            if average.is_finite() {
                bytes = average.round() as usize;
            }
            last = now;
            Ok(sample)
        }
        Arm::Bare => rig.bare(bytes),
    })?;
    let after = stats(rig.addr)?;
    let batch = grown(&before, &after, "deliveries") / grown(&before, &after, "sends");
    let mut conditions = conditions(setting, publishing, batch);
    conditions.push(format!("the bare loop sends as many bytes at once as the server did on average: about {bytes}"));
    let rate = pairs.compare(|s| s.rate);
    let closed = grown(&Value::Null, &after, "members");
    let connections = (setting.subscribers + publishing.publishers) as f64;
    let disconnected = if closed.is_nan() { after["connections"].as_f64().unwrap_or(f64::NAN) } else { closed };
    Ok(Outcome {
        name: "server-batched",
        conditions,
        rows: vec![
            Row::new("deliveries/s", Figure::alone(&[rate.ours])).goal(Goal::AtLeast(15e6)),
            Row::new("the same, beside the bare loop", Figure::Ratio(rate)).goal(Goal::AtLeast(0.85)),
            Row::new("sender's CPU ns/delivery", Figure::Ratio(pairs.compare(|s| s.cost))),
            Row::new("connections at the end", Figure::alone(&[disconnected])).goal(Goal::AtLeast(connections)),
        ],
    })
}
