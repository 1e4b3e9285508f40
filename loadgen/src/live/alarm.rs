//! What should worry whoever watches a run: the rules that decide about validity, and what the server does, as they show.

use serde::Serialize;

use super::snapshot::{Outline, Snapshot};
use crate::report::numbers::{
    DELIVERIES, count, duration_us, duration_us_exact, percent, plural, publishes_per_s, rate, with_unit,
};

/// A load generator that uses this much of its cores has none to spare; a server that does is the limit.
const CPU_LIMIT: f64 = 0.95;
/// Less than this share of what was asked goes out.
const BEHIND: f64 = 0.95;
/// A lag that rises this many seconds in a row, and has come this near to what is allowed, is said before it is too late.
const RISING: usize = 3;
const NEAR: f64 = 0.25;

/// What is wrong. At most one alarm of each kind is up at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Connections ended by the server or the network.
    Closed,
    /// Connections that did not open.
    NotOpened,
    /// Deliveries that will not come any more.
    Lost,
    /// Fanout sends late.
    Lag,
    /// Deliveries wait for fanout.
    ReadAge,
    /// Fanout has no CPU to spare.
    OwnCpu,
    /// The server has no CPU to spare.
    ServerCpu,
    /// The server takes less than it is sent.
    Behind,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A limit was reached, which may be what the run is for.
    Note,
    /// The measurement may suffer.
    Doubt,
    /// The run fails, or is not valid, if this goes on.
    Bad,
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// What.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// In a sentence.
    pub text: String,
}

/// Looks at one snapshot after the other.
#[derive(Debug, Default)]
pub struct Lookout {
    /// Schedule lags of the last seconds, microseconds.
    lags: Vec<f64>,
    /// Seconds in a row in which less went out than was asked.
    behind: u32,
}

impl Lookout {
    /// What is wrong at this snapshot, the worst first.
    pub fn look(&mut self, outline: &Outline, snapshot: &Snapshot) -> Vec<Alarm> {
        let connections = &snapshot.connections;
        let mut alarms = Vec::new();
        let mut raise = |kind, severity, text| alarms.push(Alarm { kind, severity, text });
        if connections.closed > 0 {
            let text = format!("{} ended early: what they miss is lost", plural(connections.closed, "connection"));
            raise(Kind::Closed, Severity::Bad, text);
        }
        let not_opened = connections.refused + connections.failed;
        if not_opened > 0 {
            let text = format!(
                "{} refused, {} failed to open",
                plural(connections.refused, "connection"),
                count(connections.failed)
            );
            raise(Kind::NotOpened, Severity::Bad, text);
        }
        if snapshot.lost > 0 {
            let share = snapshot.lost as f64 / (snapshot.totals.delivered + snapshot.lost) as f64;
            let text = format!("{} lost so far ({})", deliveries(snapshot.lost), percent(share));
            raise(Kind::Lost, Severity::Bad, text);
        }
        if let Some((severity, text)) = self.lag(snapshot) {
            raise(Kind::Lag, severity, text);
        }
        let second = &snapshot.second;
        if let (Some(age), Some(p99)) = (second.read_age_p99, second.p99)
            && age > p99 / 2.0
        {
            let text =
                format!("deliveries wait for fanout to read them: p99 {} of {}", duration_us(age), duration_us(p99));
            raise(Kind::ReadAge, Severity::Doubt, text);
        }
        if is_full(snapshot.loadgen.cpu_share, outline.loadgen_cores) {
            let text = format!("fanout uses all of {}: it may become the limit itself", cores(outline.loadgen_cores));
            raise(Kind::OwnCpu, Severity::Doubt, text);
        }
        let server = snapshot.server.and_then(|server| server.cpu_share);
        if let Some(of) = outline.server_cores.filter(|of| is_full(server, *of)) {
            raise(Kind::ServerCpu, Severity::Note, format!("the server uses all of {}: it is the limit", cores(of)));
        }
        if let Some(text) = self.behind(snapshot) {
            raise(Kind::Behind, Severity::Note, text);
        }
        alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity));
        alarms
    }

    fn lag(&mut self, snapshot: &Snapshot) -> Option<(Severity, String)> {
        let most = snapshot.most_schedule_lag_us;
        let Some(lag) = snapshot.second.schedule_lag_p99 else {
            self.lags.clear();
            return None;
        };
        self.lags.push(lag);
        let first = self.lags.len().saturating_sub(RISING + 1);
        let last = &self.lags[first..];
        if lag > most {
            // Never `2.4 ms where 2.4 ms is allowed`.
            let shown = [duration_us, duration_us_exact].map(|shown| [shown(lag), shown(most)]);
            let late = match shown.iter().find(|[lag, most]| lag != most) {
                Some([lag, most]) => format!("p99 {lag} where {most} is allowed"),
                None => format!("p99 a little above the {} that is allowed", duration_us(most)),
            };
            let text = format!("fanout sends late: {late}; the run becomes invalid if this goes on");
            return Some((Severity::Bad, text));
        }
        let rising = last.len() > RISING && last.is_sorted_by(|a, b| a < b) && lag > most * NEAR;
        let text = || format!("fanout's schedule lag rises: p99 {} of {} allowed", duration_us(lag), duration_us(most));
        let found = rising.then(|| (Severity::Doubt, text()));
        self.lags.drain(..first);
        found
    }

    fn behind(&mut self, snapshot: &Snapshot) -> Option<String> {
        let asked = snapshot.second.publishes_asked_per_s?;
        let sent = snapshot.second.publishes_per_s;
        // A burst at the edge of a second is no trend.
        self.behind = if asked >= 1.0 && sent < asked * BEHIND { self.behind + 1 } else { 0 };
        (self.behind >= 2).then(|| {
            format!(
                "only {} of {} go out: the server does not read them fast enough",
                rate(sent),
                publishes_per_s(asked)
            )
        })
    }
}

fn is_full(share: Option<f64>, cores: u32) -> bool {
    cores > 0 && share.is_some_and(|share| share >= CPU_LIMIT * f64::from(cores))
}

fn cores(n: u32) -> String {
    if n == 1 { "its core".to_owned() } else { format!("its {n} cores") }
}

fn deliveries(n: u64) -> String {
    with_unit(&count(n), DELIVERIES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::snapshot::{Connections, Second, Side, Totals};

    fn outline() -> Outline {
        Outline { server_cores: Some(1), loadgen_cores: 2, ..Outline::default() }
    }

    fn kinds(snapshot: &Snapshot) -> Vec<Kind> {
        Lookout::default().look(&outline(), snapshot).iter().map(|alarm| alarm.kind).collect()
    }

    fn lagging(us: f64) -> Snapshot {
        let second = Second { schedule_lag_p99: Some(us), ..Second::default() };
        Snapshot { second, most_schedule_lag_us: 1000.0, ..Snapshot::default() }
    }

    #[test]
    fn a_quiet_run_worries_nobody() {
        let snapshot = Snapshot {
            connections: Connections { asked: 10, open: 10, ..Connections::default() },
            second: Second {
                publishes_asked_per_s: Some(100.0),
                publishes_per_s: 100.0,
                p99: Some(900.0),
                read_age_p99: Some(40.0),
                schedule_lag_p99: Some(30.0),
                ..Second::default()
            },
            server: Some(Side { cpu_share: Some(0.6), ..Side::default() }),
            loadgen: Side { cpu_share: Some(1.2), ..Side::default() },
            most_schedule_lag_us: 1000.0,
            ..Snapshot::default()
        };
        assert_eq!(kinds(&snapshot), []);
    }

    #[test]
    fn what_the_server_drops_comes_first() {
        let snapshot = Snapshot {
            connections: Connections { closed: 12, refused: 1, ..Connections::default() },
            lost: 30,
            totals: Totals { delivered: 970, ..Totals::default() },
            server: Some(Side { cpu_share: Some(0.99), ..Side::default() }),
            ..Snapshot::default()
        };
        let alarms = Lookout::default().look(&outline(), &snapshot);
        let texts: Vec<&str> = alarms.iter().map(|alarm| alarm.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "12 connections ended early: what they miss is lost",
                "1 connection refused, 0 failed to open",
                "30 deliveries lost so far (3 %)",
                "the server uses all of its core: it is the limit",
            ]
        );
    }

    #[test]
    fn lag_is_said_when_it_is_too_much_and_when_it_rises_towards_that() {
        let mut lookout = Lookout::default();
        let mut said = |us| lookout.look(&outline(), &lagging(us)).first().map(|alarm| alarm.severity);
        assert_eq!(said(1200.0), Some(Severity::Bad));
        assert_eq!([100.0, 200.0, 250.0].map(&mut said), [None, None, None]);
        assert_eq!(said(400.0), Some(Severity::Doubt));
        assert_eq!(said(390.0), None);
        let late = |us| Lookout::default().look(&outline(), &lagging(us))[0].text.clone();
        assert!(late(1200.0).contains("p99 1.2 ms where 1 ms is allowed"), "{}", late(1200.0));
        assert!(
            late(1010.0).contains("p99 1.01 ms where 1 ms is allowed"),
            "no figure beside the same figure: {}",
            late(1010.0)
        );
        assert!(late(1001.0).contains("p99 a little above the 1 ms that is allowed"), "{}", late(1001.0));
    }

    #[test]
    fn a_second_in_which_deliveries_waited_for_fanout_is_doubted() {
        let second = Second { p99: Some(300.0), read_age_p99: Some(200.0), ..Second::default() };
        assert_eq!(kinds(&Snapshot { second, ..Snapshot::default() }), [Kind::ReadAge]);
    }

    #[test]
    fn cores_are_full_together_and_not_one_by_one() {
        let busy =
            |share| Snapshot { loadgen: Side { cpu_share: Some(share), ..Side::default() }, ..Snapshot::default() };
        assert_eq!(kinds(&busy(1.0)), []);
        assert_eq!(kinds(&busy(1.95)), [Kind::OwnCpu]);
    }

    #[test]
    fn a_rate_that_is_missed_once_is_no_news() {
        let second = Second { publishes_asked_per_s: Some(100.0), publishes_per_s: 60.0, ..Second::default() };
        let snapshot = Snapshot { second, ..Snapshot::default() };
        let mut lookout = Lookout::default();
        assert!(lookout.look(&outline(), &snapshot).is_empty());
        let again = lookout.look(&outline(), &snapshot);
        assert_eq!(again[0].text, "only 60 of 100 publishes/s go out: the server does not read them fast enough");
    }
}
