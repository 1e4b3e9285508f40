//! `intervals.csv`: a line for each second of a run, under the names that `run.json` has for its intervals.

use serde_json::Value;

use crate::result::Interval;

/// Columns that stand first, in this order; the others follow by name, so that what is added to an interval is here at once.
const FIRST: [&str; 13] = [
    "at_s",
    "phase",
    "connections",
    "publishes",
    "deliveries",
    "bytes",
    "p50",
    "p99",
    "max",
    "server_cpu_s",
    "server_rss_bytes",
    "loadgen_cpu_s",
    "loadgen_rss_bytes",
];

/// The file: RFC 4180 with a line of names; what is not known is empty.
///
/// # Errors
/// None is known for what an interval holds; it is the writer's.
pub fn csv(intervals: &[Interval]) -> Result<String, csv::Error> {
    let columns = columns();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&columns)?;
    for interval in intervals {
        let interval = serde_json::to_value(interval).unwrap_or_default();
        writer.write_record(columns.iter().map(|column| cell(&interval[column])))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Everything that is one value a second.
fn columns() -> Vec<String> {
    let interval = serde_json::to_value(Interval::default()).unwrap_or_default();
    let all = interval.as_object().into_iter().flatten();
    let single = all.filter(|(_, value)| !value.is_array() && !value.is_object()).map(|(name, _)| name.as_str());
    let mut rest: Vec<&str> = single.filter(|name| !FIRST.contains(name)).collect();
    rest.sort_unstable();
    FIRST.into_iter().chain(rest).map(str::to_owned).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
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
            handshakes: 7,
            server_descriptors: Some(31),
            tcp_retransmits: Some(2),
            ..Interval::default()
        };
        let text = csv(&[interval.clone(), Interval { at_s: 2.0, ..interval }]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("at_s,phase,connections,publishes,deliveries,bytes,p50,p99,max,"), "{}", lines[0]);
        assert!(lines[1].starts_with("1.0,warm-up,5,10,50,6400,,812.0,,"), "{}", lines[1]);
        assert!(lines[2].starts_with("2.0,") && lines.len() == 3);
        let columns = lines[0].split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == columns));
        let of = |name: &str| lines[1].split(',').nth(lines[0].split(',').position(|column| column == name).unwrap());
        for (name, value) in [("handshakes", "7"), ("server_descriptors", "31"), ("tcp_retransmits", "2")] {
            assert_eq!(of(name), Some(value), "{name}");
        }
        assert_eq!(of("server_threads"), Some(""), "not sampled");
    }

    #[test]
    fn a_run_without_intervals_has_the_names_alone() {
        let text = csv(&[]).unwrap();
        assert!(text.starts_with("at_s,phase,") && text.lines().count() == 1);
    }
}
