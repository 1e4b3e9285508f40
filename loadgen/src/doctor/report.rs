//! What the doctor says, for people and as JSON.

use serde::Serialize;

use super::figures::{Calibration, Clock};
use super::finding::{Finding, Verdict};
use crate::report::Colour;
use crate::report::numbers::{count, duration_us, percent, significant};

/// A worker that works for less of the time than this could do more.
const BUSY: f64 = 0.8;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Connections that were asked for.
    pub goal_connections: u64,
    /// Connections that one load generator can have here: the tightest limit.
    pub connections: Option<u64>,
    /// The name of that limit.
    pub tightest: Option<&'static str>,
    /// Limits.
    pub limits: Vec<Finding>,
    /// CPUs and what keeps a process from having them.
    pub processor: Vec<Finding>,
    /// Clock and timers.
    pub clock: Clock,
    /// What it can generate and time; `None` where that could not be tried.
    pub calibration: Option<Calibration>,
    /// Why there is no calibration.
    pub calibration_error: Option<String>,
}

impl Report {
    /// Puts it together.
    #[must_use]
    pub fn new(
        goal_connections: u64,
        limits: Vec<Finding>,
        processor: Vec<Finding>,
        clock: Clock,
        calibration: Result<Calibration, String>,
    ) -> Self {
        let tightest = limits.iter().filter_map(|f| Some((f.connections?, f.name))).min_by_key(|(allowed, _)| *allowed);
        let (calibration, calibration_error) = match calibration {
            Ok(calibration) => (Some(calibration), None),
            Err(why) => (None, Some(why)),
        };
        Report {
            goal_connections,
            connections: tightest.map(|(allowed, _)| allowed),
            tightest: tightest.map(|(_, name)| name),
            limits,
            processor,
            clock,
            calibration,
            calibration_error,
        }
    }

    /// The page, at most 100 columns but for commands.
    #[must_use]
    pub fn text(&self, colour: Colour) -> String {
        let mut page = Page { text: String::new(), colour };
        page.heading(&self.verdict());
        page.title("limits");
        self.limits.iter().for_each(|finding| page.finding(finding));
        page.title("processor");
        self.processor.iter().for_each(|finding| page.finding(finding));
        page.title("clock and scheduler");
        self.clock_lines().iter().for_each(|(name, value, means)| page.row(name, value, means, Verdict::Fine));
        page.title("one worker of the load generator, against a server that does nothing");
        match (&self.calibration, &self.calibration_error) {
            (Some(calibration), _) => page.calibration(calibration),
            (None, why) => page.row("not tried", "", why.as_deref().unwrap_or("not asked for"), Verdict::Unknown),
        }
        page.text
    }

    /// The first lines: what one can count on.
    fn verdict(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let (Some(allowed), Some(name)) = (self.connections, self.tightest) {
            let goal = self.goal_connections;
            lines.push(if allowed >= goal {
                format!(
                    "{} connections: within this machine's limits ({name}: {}); says nothing of a server",
                    count(goal),
                    count(allowed)
                )
            } else {
                format!("{} connections: not from one process; {name} allow {}", count(goal), count(allowed))
            });
        }
        if let Some(Calibration { publish, receive, .. }) = &self.calibration {
            lines.push(format!(
                "a worker sends {} publishes/s, and takes and times {} deliveries/s",
                rounded(publish.per_s),
                rounded(receive.per_s)
            ));
        }
        let awake =
            self.clock.late_awake_p99_us.map(|us| format!("; with --keep-awake, those below {}", duration_us(us)));
        lines.push(format!(
            "figures below {} are this machine's scheduler's{}",
            duration_us(self.clock.late_p99_us),
            awake.unwrap_or_default()
        ));
        let low = self.limits.iter().chain(&self.processor).filter(|f| f.verdict == Verdict::Low).count();
        lines.push(match low {
            0 => "nothing needs to be changed".to_owned(),
            1 => "one thing to look at, marked !".to_owned(),
            low => format!("{low} things to look at, marked !"),
        });
        lines
    }

    fn clock_lines(&self) -> [(&'static str, String, String); 3] {
        let Clock { timers, late_p50_us, late_p99_us, late_max_us, late_awake_p99_us, read_ns, went_back } =
            &self.clock;
        let late = format!("p50 {}  p99 {}", duration_us(*late_p50_us), duration_us(*late_p99_us));
        let of = format!(
            "late; latest {} of {} timers, a millisecond apart",
            duration_us(*late_max_us),
            count(*timers as u64)
        );
        let steady = if *went_back {
            "and it went back: no figure can be trusted"
        } else {
            "a read of a socket has one; never went back"
        };
        let (awake, kept) = match late_awake_p99_us {
            Some(us) => (format!("p99 {}", duration_us(*us)), "late, where CPUs are kept from sleeping (--keep-awake)"),
            None => {
                ("unknown".to_owned(), "how late where CPUs are kept from sleeping: this machine does not allow it")
            }
        };
        let kept = kept.to_owned();
        [
            ("timers", late, of),
            ("", awake, kept),
            ("clock", format!("{} ns a reading", significant(*read_ns, 2)), steady.to_owned()),
        ]
    }
}

/// Two digits: more would not be the same the next time.
fn rounded(per_s: f64) -> String {
    if per_s >= 1e6 { format!("{} million", significant(per_s / 1e6, 2)) } else { count(to_two_digits(per_s)) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn to_two_digits(value: f64) -> u64 {
    let step = 10f64.powf((value.max(1.0).log10().floor() - 1.0).max(0.0));
    ((value / step).round() * step) as u64
}

struct Page {
    text: String,
    colour: Colour,
}

impl Page {
    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            Colour::Always => format!("\x1b[{code}m{text}\x1b[0m"),
            Colour::Never => text.to_owned(),
        }
    }

    fn heading(&mut self, lines: &[String]) {
        for (i, line) in lines.iter().enumerate() {
            self.text += &if i == 0 { self.paint("1", line) } else { line.clone() };
            self.text.push('\n');
        }
    }

    fn title(&mut self, title: &str) {
        self.text += &format!("\n{}\n", self.paint("1", title));
    }

    fn row(&mut self, name: &str, value: &str, means: &str, verdict: Verdict) {
        let mark = match verdict {
            Verdict::Fine => " ".to_owned(),
            Verdict::Low => self.paint("33", "!"),
            Verdict::Unknown => self.paint("2", "?"),
        };
        self.text += format!("{mark} {name:<20} {value:<26} {means}").trim_end();
        self.text.push('\n');
    }

    fn finding(&mut self, finding: &Finding) {
        self.row(finding.name, &finding.value, &finding.allows, finding.verdict);
        if let Some(lift) = &finding.lift {
            let line = self.paint(if finding.verdict == Verdict::Low { "33" } else { "2" }, lift);
            self.text += &format!("  {:<20} more: {line}\n", "");
        }
    }

    fn calibration(&mut self, calibration: &Calibration) {
        let Calibration { publish, receive, subscribers, message_bytes, apart } = calibration;
        for (name, unit, pace, what) in [
            ("generates", "publishes/s", publish, "rendered, masked, one send each"),
            ("receives and times", "deliveries/s", receive, "matched, compared, timed, recorded"),
        ] {
            let means = format!("{} us of CPU each: {what}", significant(pace.cpu_us, 2));
            self.row(name, &format!("{} {unit}", rounded(pace.per_s)), &means, Verdict::Fine);
            if pace.busy < BUSY {
                let busy = percent(pace.busy);
                self.text +=
                    &format!("  {:<20} busy {busy} of the time: it waited for the other side, or for a CPU\n", "");
            }
        }
        let cpus =
            if *apart { "each side on a CPU of its own" } else { "both sides on one CPU, so this is less than half" };
        self.text += &format!("  {message_bytes}-byte messages, {subscribers} subscribers, {cpus}\n");
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
