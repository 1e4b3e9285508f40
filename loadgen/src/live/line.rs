//! A snapshot as one line, for logs and for terminals that cannot show more.

use super::snapshot::Snapshot;
use crate::report::numbers::{count, deliveries_per_s, duration_us, publishes_per_s};

/// The line, about 100 columns.
#[must_use]
pub fn line(snapshot: &Snapshot) -> String {
    let time = match snapshot.total {
        Some(total) => format!("{:.0}/{:.0} s", snapshot.elapsed.as_secs_f64(), total.as_secs_f64()),
        None => format!("{:.0} s", snapshot.elapsed.as_secs_f64()),
    };
    let connections = &snapshot.connections;
    let mut line =
        format!("{:<12} {time:>9}  {} of {} open", snapshot.phase, count(connections.open), count(connections.asked));
    let second = &snapshot.second;
    if second.publishes_per_s > 0.0 || second.deliveries_per_s > 0.0 {
        line +=
            &format!("  {}  {}", publishes_per_s(second.publishes_per_s), deliveries_per_s(second.deliveries_per_s));
    }
    if let (Some(p50), Some(p99)) = (snapshot.arrived.p50, snapshot.arrived.p99) {
        line += &format!("  p50 {}  p99 {}", duration_us(p50), duration_us(p99));
    }
    if snapshot.lost > 0 {
        line += &format!("  {} lost", count(snapshot.lost));
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::live::snapshot::{Arrived, Connections, Second};

    #[test]
    fn while_connecting_only_the_connections_are_shown() {
        let snapshot = Snapshot {
            phase: "connecting".to_owned(),
            elapsed: Duration::from_millis(1400),
            connections: Connections { open: 3200, asked: 10_000, ..Connections::default() },
            ..Snapshot::default()
        };
        assert_eq!(line(&snapshot), "connecting         1 s  3,200 of 10,000 open");
    }

    #[test]
    fn while_measuring_rates_latency_and_losses_are_shown() {
        let mut snapshot = Snapshot {
            phase: "steady".to_owned(),
            elapsed: Duration::from_secs(12),
            total: Some(Duration::from_secs(30)),
            connections: Connections { open: 1000, asked: 1000, ..Connections::default() },
            second: Second { publishes_per_s: 250.0, deliveries_per_s: 250_000.0, ..Second::default() },
            arrived: Arrived { p50: Some(812.0), p99: Some(12_340.0), max: None },
            ..Snapshot::default()
        };
        let quiet = "steady         12/30 s  1,000 of 1,000 open  250 publishes/s  250,000 deliveries/s  p50 0.81 ms  p99 12 ms";
        assert_eq!(line(&snapshot), quiet);
        snapshot.lost = 1200;
        assert_eq!(line(&snapshot), format!("{quiet}  1,200 lost"));
    }
}
