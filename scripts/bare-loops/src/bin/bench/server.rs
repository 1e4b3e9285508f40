//! The server beside the bare send loop, with the same reader on the other core.

use std::net::SocketAddr;

use bare_loops::{Load, Order, median};
use serde_json::Value;

use crate::Setting;
use crate::child::{Program, stats};
use crate::error::BenchError;
use crate::outcome::{BESIDE_BARE, Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, HALF_SECONDS, Sample, measure};

/// Something that sends, and the reader at its other end.
struct Link {
    source: Program,
    reader: Program,
}

/// Both arms, connected and silent.
struct Rig {
    server: Link,
    addr: SocketAddr,
    bare: Link,
    /// Bytes of a message as the server sends it.
    frame: f64,
    seconds: f64,
}

/// Closed-loop publishing, and how often the connections that only read are read.
#[derive(Clone, Copy)]
struct Loop {
    publishers: usize,
    in_flight: usize,
    /// `None` for as soon as something comes.
    collect_every_ms: Option<u32>,
}

impl Rig {
    fn start(setting: &Setting, publishing: Loop) -> Result<Self, BenchError> {
        let cpu = setting.machine.server_cpu;
        let (source, addr) = Program::server(cpu, &[])?;
        let server = Link { source, reader: reader(setting, addr, Some(ROOM), publishing)? };
        // Publishers are members too, so both arms write to the same number of sockets.
        let (source, bare_addr) = Program::bare_send(cpu, setting.subscribers + publishing.publishers)?;
        let bare = Link { source, reader: reader(setting, bare_addr, None, publishing)? };
        bare.source.ready()?;
        Ok(Self { server, addr, bare, frame: frame_bytes(setting.payload), seconds: setting.seconds })
    }

    /// One run of the server in a closed loop.
    fn ours(&mut self) -> Result<Sample, BenchError> {
        self.server.closed_loop(self.seconds, self.frame)
    }

    /// One run of the bare loop in a closed loop: it waits for its reader as the server does.
    fn bare_in_step(&mut self) -> Result<Sample, BenchError> {
        let order = Order { seconds: self.seconds, bytes: self.frame as usize, load: Load::Closed };
        self.bare.source.order(order)?;
        let sample = self.bare.closed_loop(self.seconds, self.frame)?;
        self.bare.source.tally(self.seconds)?;
        Ok(sample)
    }

    /// One run of the bare loop that never waits, with `bytes` a send; a delivery is as many bytes as the server's.
    fn bare_free(&mut self, bytes: usize) -> Result<Sample, BenchError> {
        let order = Order { seconds: self.seconds, bytes, load: Load::Silent };
        self.bare.reader.order(order)?;
        self.bare.source.order(order)?;
        let sent = self.bare.source.tally(self.seconds)?;
        let read = self.bare.reader.tally(self.seconds)?;
        let (sent_deliveries, deliveries) = (sent.bytes as f64 / self.frame, read.bytes as f64 / self.frame);
        Ok(Sample {
            // What has arrived, as on our side: what is sent may still be in a buffer.
            rate: deliveries / read.elapsed_s,
            cost: sent.cpu_s * 1e9 / sent_deliveries,
            batch: deliveries / read.calls as f64,
        })
    }
}

impl Link {
    /// Deliveries/s as the reader saw them, and the source's CPU for each.
    fn closed_loop(&mut self, seconds: f64, frame: f64) -> Result<Sample, BenchError> {
        let cpu = self.source.cpu_s()?;
        self.reader.order(Order { seconds, bytes: 0, load: Load::Closed })?;
        let tally = self.reader.tally(seconds)?;
        let cpu = self.source.cpu_s()? - cpu;
        // The source's CPU clock also runs for what was still on its way at the end.
        let all = (tally.bytes + tally.late_bytes) as f64 / frame;
        let delivered = tally.bytes as f64 / frame;
        Ok(Sample { rate: delivered / tally.elapsed_s, cost: cpu * 1e9 / all, batch: delivered / tally.calls as f64 })
    }
}

/// Several messages of each subscriber at one message a flush, and far less than its buffers hold.
const COLLECT_MS: u32 = 20;

/// Where the bare reader subscribes.
const ROOM: &str = "/broadcast/bench";

/// A bare reader of the server's room with one publisher, connected.
pub fn subscribers(setting: &Setting, addr: SocketAddr) -> Result<Program, BenchError> {
    reader(setting, addr, Some(ROOM), Loop { publishers: 1, in_flight: 1, collect_every_ms: None })
}

/// How many publishes a second the server turns into deliveries to all subscribers of a room when that is all that limits it: the
/// median of a few runs. Loads are shares of it, so that they are as heavy on a slow machine as on a fast one.
pub fn most_publishes(setting: &Setting) -> Result<f64, BenchError> {
    const RUNS: usize = 5;
    let publishing = Loop { publishers: 1, in_flight: 1, collect_every_ms: Some(COLLECT_MS) };
    let (source, addr) = Program::server(setting.machine.server_cpu, &[])?;
    let mut link = Link { source, reader: reader(setting, addr, Some(ROOM), publishing)? };
    let mut rates = Vec::new();
    for run in 0..=RUNS {
        let rate = link.closed_loop(setting.seconds, frame_bytes(setting.payload))?.rate;
        if run > 0 {
            rates.push(rate / (setting.subscribers + publishing.publishers) as f64);
        }
    }
    Ok(median(&rates))
}

fn reader(setting: &Setting, addr: SocketAddr, path: Option<&str>, publishing: Loop) -> Result<Program, BenchError> {
    let mut arguments = vec![
        addr.to_string(),
        format!("--connections={}", setting.subscribers),
        format!("--publish={}", publishing.publishers),
        format!("--in-flight={}", publishing.in_flight),
        format!("--payload={}", setting.payload),
    ];
    arguments.extend(path.map(|path| format!("--path={path}")));
    arguments.extend(publishing.collect_every_ms.map(|ms| format!("--collect-every={ms}")));
    let reader = Program::start("bare-recv", &arguments, setting.machine.reader_cpu)?;
    reader.ready()?;
    Ok(reader)
}

/// Bytes of an unmasked frame (RFC 6455 5.2).
pub fn frame_bytes(payload: usize) -> f64 {
    let header = if payload < 126 { 2 } else { 4 };
    (payload + header) as f64
}

/// How much a counter of `/stats` grew.
fn grown(before: &Value, after: &Value, counter: &str) -> f64 {
    after[counter].as_f64().unwrap_or(f64::NAN) - before[counter].as_f64().unwrap_or(f64::NAN)
}

fn conditions(setting: &Setting, publishing: Loop, batch: f64, pairs: u32) -> Vec<String> {
    let Loop { publishers, in_flight, .. } = publishing;
    vec![
        format!(
            "{} subscribers, {}-byte messages; closed loop, {publishers} publishers (members too) x {in_flight} in flight; \
             {batch:.2} messages a flush",
            setting.subscribers, setting.payload
        ),
        format!("{pairs} pairs of {} s, deliveries counted at a reader that copies nothing", setting.seconds),
    ]
}

/// One message a flush.
pub fn single(setting: &Setting) -> Result<Outcome, BenchError> {
    // One `send` after the other meets the machine of that moment: more pairs than where one carries hundreds of messages.
    let pairs = setting.pairs(3 * HALF_SECONDS);
    let publishing = Loop { publishers: 1, in_flight: 1, collect_every_ms: Some(COLLECT_MS) };
    let mut rig = Rig::start(setting, publishing)?;
    let before = stats(rig.addr)?;
    let frame = rig.frame as usize;
    let free = measure(pairs, |arm| match arm {
        Arm::Ours => rig.ours(),
        Arm::Bare => rig.bare_free(frame),
    })?;
    let step = measure(pairs, |arm| match arm {
        Arm::Ours => rig.ours(),
        Arm::Bare => rig.bare_in_step(),
    })?;
    let after = stats(rig.addr)?;
    let batch = grown(&before, &after, "deliveries") / grown(&before, &after, "sends");
    let mut conditions = conditions(setting, publishing, batch, pairs);
    conditions
        .push("free: the bare loop never waits for its reader, which then reads several messages at once".to_owned());
    conditions.push("in step: it sends the next message when its reader asks for it, as the server must".to_owned());
    Ok(Outcome {
        name: "server-single",
        arms: BESIDE_BARE,
        conditions,
        rows: vec![
            Row::new("deliveries/s, bare loop free", Figure::Ratio(free.compare(|s| s.rate))).goal(Goal::AtLeast(0.95)),
            Row::new("deliveries/s, bare loop in step", Figure::Ratio(step.compare(|s| s.rate)))
                .goal(Goal::AtLeast(0.95)),
            Row::new("CPU ns/delivery, bare loop free", Figure::Ratio(free.compare(|s| s.cost))),
            Row::new("CPU ns/delivery, bare loop in step", Figure::Ratio(step.compare(|s| s.cost))),
            Row::new("messages a read, bare loop free", Figure::Ratio(free.compare(|s| s.batch))),
            Row::new("messages a read, bare loop in step", Figure::Ratio(step.compare(|s| s.batch))),
        ],
    })
}

/// Messages arriving faster than flushes.
pub fn batched(setting: &Setting) -> Result<Outcome, BenchError> {
    let count = setting.pairs(HALF_SECONDS);
    let publishing = Loop { publishers: 16, in_flight: 64, collect_every_ms: Some(1) };
    let mut rig = Rig::start(setting, publishing)?;
    let before = stats(rig.addr)?;
    let mut last = before.clone();
    let mut bytes = rig.frame as usize;
    let pairs = measure(count, |arm| match arm {
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
        Arm::Bare => rig.bare_free(bytes),
    })?;
    let step = measure(count, |arm| match arm {
        Arm::Ours => rig.ours(),
        Arm::Bare => rig.bare_in_step(),
    })?;
    let after = stats(rig.addr)?;
    let batch = grown(&before, &after, "deliveries") / grown(&before, &after, "sends");
    let mut conditions = conditions(setting, publishing, batch, count);
    conditions.push(format!(
        "free: the bare loop never waits, and sends as many bytes at once as the server did on average: about {bytes}"
    ));
    conditions
        .push("in step: it sends in one send what its readers have asked for meanwhile, as the server must".to_owned());
    let rate = pairs.compare(|s| s.rate);
    let asked = (setting.subscribers + publishing.publishers) as f64;
    let open = after["connections"].as_f64().unwrap_or(f64::NAN);
    Ok(Outcome {
        name: "server-batched",
        arms: BESIDE_BARE,
        conditions,
        rows: vec![
            Row::new("deliveries/s", Figure::alone(&[rate.ours])).goal(Goal::AtLeast(15e6)),
            Row::new("deliveries/s, bare loop free", Figure::Ratio(rate)).goal(Goal::AtLeast(0.85)),
            Row::new("deliveries/s, bare loop in step", Figure::Ratio(step.compare(|s| s.rate)))
                .goal(Goal::AtLeast(0.85)),
            Row::new("sender's CPU ns/delivery, bare loop free", Figure::Ratio(pairs.compare(|s| s.cost))),
            Row::new("sender's CPU ns/delivery, bare loop in step", Figure::Ratio(step.compare(|s| s.cost))),
            Row::new("connections at the end", Figure::alone(&[open])).goal(Goal::AtLeast(asked)),
        ],
    })
}
