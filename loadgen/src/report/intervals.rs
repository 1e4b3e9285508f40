//! `intervals.csv`: a line for each second of a run, under the names that `run.json` has for its intervals.

use serde::Serialize;

use crate::result::Interval;

/// The columns: what is one number a second.
#[derive(Serialize)]
struct Row<'i> {
    at_s: f64,
    phase: &'i str,
    connections: u64,
    publishes: u64,
    deliveries: u64,
    bytes: u64,
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
    server_cpu_s: Option<f64>,
    server_rss_bytes: Option<u64>,
    loadgen_cpu_s: f64,
    loadgen_rss_bytes: u64,
}

impl<'i> Row<'i> {
    fn of(interval: &'i Interval) -> Self {
        Self {
            at_s: interval.at_s,
            phase: &interval.phase,
            connections: interval.connections,
            publishes: interval.publishes,
            deliveries: interval.deliveries,
            bytes: interval.bytes,
            p50: interval.p50,
            p99: interval.p99,
            max: interval.max,
            server_cpu_s: interval.server_cpu_s,
            server_rss_bytes: interval.server_rss_bytes,
            loadgen_cpu_s: interval.loadgen_cpu_s,
            loadgen_rss_bytes: interval.loadgen_rss_bytes,
        }
    }
}

/// The file: RFC 4180 with a line of names; what is not known is empty.
///
/// # Errors
/// None is known for what an interval holds; it is the writer's.
pub fn csv(intervals: &[Interval]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    intervals.iter().try_for_each(|interval| writer.serialize(Row::of(interval)))?;
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_is_a_line_under_its_names() {
        let interval = Interval {
            at_s: 1.0,
            phase: "warm-up".to_owned(),
            connections: 5,
            publishes: 10,
            deliveries: 50,
            bytes: 6400,
            p99: Some(812.0),
            ..Interval::default()
        };
        let text = csv(&[interval.clone(), Interval { at_s: 2.0, ..interval }]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("at_s,phase,connections,publishes,deliveries,bytes,p50,p99,max,"), "{}", lines[0]);
        assert!(lines[1].starts_with("1.0,warm-up,5,10,50,6400,,812.0,,"), "{}", lines[1]);
        assert!(lines[2].starts_with("2.0,") && lines.len() == 3);
        let columns = lines[0].split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == columns));
    }

    #[test]
    fn a_run_without_intervals_has_none() {
        assert_eq!(csv(&[]).unwrap(), "");
    }
}
