//! What to do about a search that was not decided, or whose end fanout itself was; and the words of the report.

use super::words::limit;
use crate::analyse::search::{Upper, Verdict};
use crate::capacity::Outcome;
use crate::report::numbers::{count, duration_us, plural};
use crate::validity::SENT_LATE;

/// Lateness that may be allowed without hiding much: this share of the latency that is asked for.
const ALLOWED: f64 = 0.2;

/// The words of this report, for who meets them first here.
pub(in crate::report) fn words(outcome: &Outcome) -> Vec<(&'static str, &'static str)> {
    let law = outcome.scaling.iter().map(|_| LAW);
    WORDS.into_iter().chain(law).collect()
}

/// Only where it was fitted.
const LAW: (&str, &str) = (
    "Universal Scalability Law",
    "a curve of throughput against load (Gunther). Contention: the share of the work that is done one after the other, and keeps throughput \
     below a ceiling. Coherency: what each more costs all others, and lets throughput fall again. Where both are 0, throughput rises in \
     proportion to the load",
);

const WORDS: [(&str, &str); 11] = [
    ("trial", "one run at one load. Short ones find out about where the limit is, those of full length confirm it"),
    (
        "objective",
        "what must hold: thresholds on figures of a run. latency.due.p99 < 50ms: 99 % of all expected deliveries were there within 50 ms of the moment that the schedule wanted the message sent",
    ),
    (
        "after due time",
        "how long after the moment that the schedule wanted a message sent a delivery of it arrived. The schedule never waits for the server",
    ),
    (
        "p50, p99",
        "half of all expected deliveries, or 99 % of them, took no longer. One that was lost counts as later than all others",
    ),
    (
        "server CPU",
        "CPU time that the server used in the measured phases, by their length: 100 % is one core all the time",
    ),
    ("holds", "at this load every threshold of the objective held, and the server refused or dropped no connection"),
    ("breaks", "at this load one of them did not"),
    ("confirmed", "two trials of full length said so, of three at most. The answer has only such loads"),
    (
        "valid",
        "fanout itself was on time and not at its limit. An invalid trial says nothing about the server, neither good nor bad",
    ),
    (
        "publish, delivery",
        "a publish is one message handed to the server; a delivery is one copy of it at one member. With 1,000 members in a room each publish becomes 1,000 deliveries",
    ),
    (
        "members of one room",
        "connections that all receive what is published in their room. Unless the scenario has more rooms, every connection is in the same one",
    ),
];

/// What to do, most useful first; empty where there is nothing to be done.
pub(in crate::report) fn advice(outcome: &Outcome) -> Vec<String> {
    let invalid: Vec<_> = outcome.trials.iter().filter(|trial| !trial.is_valid()).collect();
    let own = outcome.found.iter().find_map(|found| match found.bounds.upper {
        Upper::LoadGenerator(at) => Some((found.bounds.lower, at)),
        Upper::Broke(_) | Upper::EndOfRange => None,
    });
    if outcome.complete && own.is_none() {
        return Vec::new();
    }
    let mut lines: Vec<String> = outcome.notes.last().filter(|_| !outcome.complete).cloned().into_iter().collect();
    let disagreed = !outcome.complete && disagreed(outcome);
    if invalid.is_empty() && !disagreed {
        return lines;
    }
    let figure = invalid.iter().rev().find_map(|trial| trial.cause.as_ref()).map(|cause| cause.figure.as_str());
    let said = figure.map_or_else(String::new, |figure| format!(", the last because {figure}"));
    if !invalid.is_empty() {
        let (were, all) =
            (if invalid.len() == 1 { "was" } else { "were" }, plural(outcome.trials.len() as u64, "trial"));
        lines.push(format!("{} of {all} {were} invalid{said}", count(invalid.len() as u64)));
    }
    if disagreed {
        lines.push(
            "trials did not agree: a load broke that is not above one that held. The machine's own unrest is as large as what is searched for"
                .to_owned(),
        );
    }
    if let Some((lower, at)) = own {
        let at = outcome.axis.amount(at);
        lines.push(match lower {
            None => format!(
                "the search ended there, whatever --budget was left: two invalid trials of {at}, the start of the range, are enough to say \
                 that this machine cannot judge it, nor any load above"
            ),
            Some(_) => format!(
                "the search ended there, whatever --budget was left: two invalid trials of {at} are enough to say that this machine cannot \
                 judge that load, nor any above"
            ),
        });
    }
    lines.push(
        "find out what this machine can do: fanout doctor. End what else runs on it; in a virtual machine give --keep-awake, which keeps \
         fanout's CPUs from sleeping (--keep-awake=all the server's too)"
            .to_owned(),
    );
    if figure.is_some_and(|figure| figure.starts_with(SENT_LATE)) {
        let latency = outcome
            .found
            .iter()
            .flat_map(|found| &found.thresholds)
            .chain(outcome.found.iter().map(|found| &found.objective));
        let of_objective = latency.filter_map(|threshold| limit(threshold)).map(|(_, us)| us).next();
        let value = of_objective.map_or("10ms".to_owned(), |us| duration_us(us * ALLOWED).replace(' ', ""));
        lines.push(format!(
            "allow fanout to send a little late, where that is little beside the latency you ask for: --set max_schedule_lag={value}. What it \
             is late by counts as latency, so it never makes the answer better than it is"
        ));
    }
    lines.push("make trials longer, so that one bad moment counts for less: --trial 20s for the short ones, `for` of the measured phases for the others".to_owned());
    lines.push(if outcome.complete {
        "then search again: this search has ended, --resume changes nothing in it".to_owned()
    } else {
        "then search again, or go on with --resume: flags count for the trials still to be made".to_owned()
    });
    lines
}

/// Whether an objective held at a load at or above one at which it broke.
fn disagreed(outcome: &Outcome) -> bool {
    let names = outcome.trials.iter().flat_map(|trial| trial.verdicts.keys());
    let loads = |name: &String, verdict| {
        let said = outcome.trials.iter().filter(|trial| trial.verdicts.get(name) == Some(&verdict));
        said.map(|trial| trial.load).collect::<Vec<_>>()
    };
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    names.into_iter().any(|name| {
        let held = loads(name, Verdict::Held).into_iter().max_by(f64::total_cmp);
        let broke = loads(name, Verdict::Broke).into_iter().min_by(f64::total_cmp);
        held.zip(broke).is_some_and(|(held, broke)| broke <= held)
    })
}
