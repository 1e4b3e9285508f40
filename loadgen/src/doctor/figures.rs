//! What the doctor measures.

use serde::Serialize;

/// How far clock and timers can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Clock {
    /// Timers that fired.
    pub timers: usize,
    /// How late the median one was, microseconds.
    pub late_p50_us: f64,
    /// 99 % were no later, microseconds.
    pub late_p99_us: f64,
    /// The latest, microseconds.
    pub late_max_us: f64,
    /// 99 % were no later while CPUs were kept from sleeping (`--keep-awake`), microseconds; `None` where that is not allowed.
    pub late_awake_p99_us: Option<f64>,
    /// Cost of a reading, nanoseconds.
    pub read_ns: f64,
    /// Whether it ever went back.
    pub went_back: bool,
}

/// How fast one side went.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pace {
    /// Messages.
    pub messages: u64,
    /// Messages a second.
    pub per_s: f64,
    /// CPU time for each, microseconds.
    pub cpu_us: f64,
    /// Share of the time that its CPU worked; well below 1, the other side or the kernel was the limit.
    pub busy: f64,
}

impl Pace {
    /// From counts and clocks.
    pub(super) fn of(messages: u64, wall_ns: u64, cpu_ns: u64) -> Self {
        let per = |total: f64, n: f64| if n > 0.0 { total / n } else { 0.0 };
        Pace {
            messages,
            per_s: per(messages as f64 * 1e9, wall_ns as f64),
            cpu_us: per(cpu_ns as f64 / 1e3, messages as f64),
            busy: per(cpu_ns as f64, wall_ns as f64),
        }
    }
}

/// What one worker of the load generator reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Calibration {
    /// Publishes: rendered, masked, entered into the book, one `send` each.
    pub publish: Pace,
    /// Deliveries: read, matched, compared byte for byte, timed, recorded.
    pub receive: Pace,
    /// Subscribers of the second one.
    pub subscribers: usize,
    /// Bytes of a message.
    pub message_bytes: u32,
    /// Whether both sides had a CPU of their own.
    pub apart: bool,
}
