//! `summary.md` of several runs: what did not pass first, then figures.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::beside::{explained, heads, rows};
use super::{Attempt, Batch, spread};
use crate::report::markdown::{escaped, table};
use crate::report::summary::{self, LIMIT, short};
use crate::report::text::{sentences, thresholds};
use crate::result::{Run, ThresholdResult};

/// Values of a threshold beyond so many are in the runs.
const VALUES: usize = 5;
/// Thresholds, and runs, beyond so many are not listed.
const ROWS: usize = 100;

/// The summary; of a single run its own.
#[must_use]
pub fn markdown(batch: &Batch) -> String {
    if let Some(run) = batch.only() {
        return summary::markdown(run);
    }
    let mut out = format!("## {}: {}, {}\n\n{}", batch.word(), escaped(&batch.name), batch.extent(), batch.outcomes());
    if let Some(first) = batch.attempts.iter().find_map(Attempt::run) {
        out += &format!("; the first of them: {}", escaped(&sentences::load(first)));
    }
    out += "\n\n";
    verdicts(&mut out, batch);
    let arms = batch.arms();
    let mut sections = Vec::new();
    if arms.len() > 1 {
        let mut section = "\n### Variants side by side\n\n".to_owned();
        let heads: Vec<String> = heads(batch).iter().map(|head| escaped(head)).collect();
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        table(&mut section, &heads, rows(batch).into_iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()));
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(section, "\n{}", escaped(&explained(batch)));
        sections.push(section);
    }
    sections.extend(objectives(batch));
    for arm in arms.iter().filter(|arm| arm.attempts.len() > 1) {
        let rows = spread::rows(arm);
        if !rows.is_empty() {
            let mut section = format!("\n### {}, over {}\n\n", escaped(&short(arm.name)), spread::over(arm));
            table(
                &mut section,
                &spread::HEADS,
                rows.into_iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()),
            );
            sections.push(section);
        }
    }
    const MORE: &str = "\nMore is in the summary.md of each run.\n";
    for section in sections {
        if out.len() + section.len() + MORE.len() > LIMIT {
            out += MORE;
            break;
        }
        out += &section;
    }
    out
}

/// Each run, the gravest first.
fn verdicts(out: &mut String, batch: &Batch) {
    let each = batch.gravest_first().into_iter().map(|attempt| {
        let standing = attempt.standing();
        let word = if standing.passed() { "passed".to_owned() } else { format!("**{}**", standing.word()) };
        vec![word, escaped(&short(&attempt.which.label())), escaped(&short(&attempt.why()))]
    });
    table(out, &["", "run", "why"], each.take(ROWS));
    if batch.len() > ROWS {
        let _ = writeln!(out, "\nand {} more", batch.len() - ROWS);
    }
}

/// A threshold in one of the runs.
type Judged<'b> = (&'b Attempt, &'b Run, &'b ThresholdResult);

/// Every threshold, in how many of the valid runs it held, and what it was in each; those that did not hold first.
fn objectives(batch: &Batch) -> Option<String> {
    let mut all: Vec<(String, Vec<Judged<'_>>)> = Vec::new();
    let mut places: HashMap<(String, usize), usize> = HashMap::new();
    for attempt in &batch.attempts {
        let Some(run) = attempt.run().filter(|run| run.validity.valid && !run.interrupted) else { continue };
        // The same threshold may stand there twice, and is then two.
        let mut seen: HashMap<String, usize> = HashMap::new();
        for threshold in &run.thresholds {
            let name = threshold.name();
            let nth = seen.entry(name.clone()).and_modify(|n| *n += 1).or_default();
            let place = *places.entry((name.clone(), *nth)).or_insert(all.len());
            if place == all.len() {
                all.push((name, Vec::new()));
            }
            all[place].1.push((attempt, run, threshold));
        }
    }
    if all.is_empty() {
        return None;
    }
    all.sort_by_key(|(_, judged)| judged.iter().all(|(_, _, threshold)| threshold.pass));
    let mut out = "\n### Thresholds\n\n".to_owned();
    let more = all.len().saturating_sub(ROWS);
    table(&mut out, &["", "threshold", "was"], all.iter().take(ROWS).map(|(name, judged)| objective(name, judged)));
    if more > 0 {
        let _ = writeln!(out, "\nand {more} more");
    }
    Some(out)
}

fn objective(name: &str, all: &[Judged<'_>]) -> Vec<String> {
    let judged = all.iter().filter(|(_, _, threshold)| !threshold.skipped).count();
    let held = all.iter().filter(|(_, _, threshold)| threshold.pass && !threshold.skipped).count();
    let word = match (judged, held) {
        (0, _) => "skipped".to_owned(),
        (judged, held) if judged == held => format!("held in {held} of {}", all.len()),
        (_, held) => format!("**FAILED**, held in {held} of {}", all.len()),
    };
    let mut shown: Vec<&Judged<'_>> = all.iter().collect();
    shown.sort_by_key(|(_, _, threshold)| threshold.pass);
    let value = |(attempt, run, threshold): &&Judged<'_>| {
        let was = threshold.why.clone().unwrap_or_else(|| thresholds::value(run, threshold));
        format!("{}: {}", attempt.which.label(), short(&was))
    };
    let values: Vec<String> = shown.iter().take(VALUES).map(value).collect();
    let more = if all.len() > VALUES { format!("; and {} more", all.len() - VALUES) } else { String::new() };
    vec![word, escaped(&short(name)), escaped(&(values.join("; ") + &more))]
}
