//! `summary.md`: a run for a job summary or a comment: verdict, causes, the load, thresholds; everything else folded.

use std::fmt::Write as _;

use super::markdown::{escaped, preformatted, table};
use super::text::sentences::{self, Line};
use super::text::thresholds;
use super::{Colour, Verdict, text};
use crate::result::{Run, ThresholdResult};
use crate::thresholds::shown;

/// Bytes that `summary.md` stays below, whatever the run: comments on pull requests take no more than 64 KiB.
pub const LIMIT: usize = 60_000;
/// Thresholds beyond so many are counted, not listed; the broken ones come first.
const ROWS: usize = 100;
/// Causes and notes beyond so many are in the details.
const ITEMS: usize = 20;
/// Longest text of a cell or a line.
const LONGEST: usize = 300;

/// The summary of a run.
#[must_use]
pub fn markdown(run: &Run) -> String {
    let verdict = Verdict::of(run);
    let mut out = format!("## {}: {}\n\n", verdict.word(), title(run));
    if !run.validity.valid {
        out += "**The measurement is not valid: these figures say nothing about the server.**\n\n";
    }
    opening(&mut out, run);
    objectives(&mut out, run);
    if !run.notes.is_empty() {
        out += "\nNotes:\n\n";
        run.notes.iter().take(ITEMS).for_each(|note| item(&mut out, note));
    }
    details(&mut out, run);
    out
}

/// `chat-peak`, `chat-peak (off)`.
pub(super) fn title(run: &Run) -> String {
    let variant = run.scenario.get("variant").and_then(serde_json::Value::as_str);
    let name = escaped(&short(sentences::name(run)));
    variant.map_or_else(|| name.clone(), |variant| format!("{name} ({})", escaped(&short(variant))))
}

/// What the text report opens with: causes as a list, then the sentences.
fn opening(out: &mut String, run: &Run) {
    let (mut causes, mut lines) = (Vec::new(), Vec::new());
    for line in sentences::opening(run) {
        match line {
            Line::Verdict(..) => {}
            Line::Remark(text) => causes.push(text),
            Line::Sentence(text) => lines.push(escaped(&short(text.trim()))),
        }
    }
    causes.iter().take(ITEMS).for_each(|cause| item(out, cause));
    if causes.len() > ITEMS {
        item(out, &format!("and {} more", causes.len() - ITEMS));
    }
    if !causes.is_empty() {
        out.push('\n');
    }
    *out += &(lines.join("  \n") + "\n");
}

fn item(out: &mut String, content: &str) {
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(out, "- {}", escaped(&short(content)));
}

/// A text of no more than so many characters.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).collect::<String>() + " ..."
    }
}

/// Every threshold with its value and what it was compared with.
fn objectives(out: &mut String, run: &Run) {
    if run.thresholds.is_empty() {
        return;
    }
    out.push('\n');
    let mut all: Vec<&ThresholdResult> = run.thresholds.iter().collect();
    if all.len() > ROWS {
        all.sort_by_key(|threshold| threshold.pass);
    }
    let compared = all.iter().any(|threshold| threshold.baseline.is_some());
    let heads: &[&str] =
        if compared { &["", "threshold", "was", "limit", "baseline"] } else { &["", "threshold", "was", "limit"] };
    table(out, heads, all.iter().take(ROWS).map(|threshold| row(run, threshold, compared)));
    if all.len() > ROWS {
        let _ = writeln!(out, "\nand {} more, in run.json", all.len() - ROWS);
    }
    if let Some(baseline) = &run.baseline {
        let _ = writeln!(out, "\n{}", escaped(&short(&thresholds::compared_with(baseline))));
    }
}

fn row(run: &Run, threshold: &ThresholdResult, compared: bool) -> Vec<String> {
    let word = match (threshold.skipped, threshold.pass) {
        (true, _) => "skipped",
        (false, true) => "held",
        (false, false) => "**FAILED**",
    };
    let in_unit = |value: Option<f64>| value.map_or_else(String::new, |value| shown(&threshold.metric, value));
    let mut was = match &threshold.why {
        Some(why) => why.clone(),
        None => thresholds::value(run, threshold),
    };
    if let Some(window) = &threshold.broken {
        was += &format!(" (first broken from {:.0} s to {:.0} s)", window.from_s, window.to_s);
    }
    let mut cells =
        vec![word.to_owned(), escaped(&short(&threshold.name())), escaped(&short(&was)), in_unit(threshold.limit)];
    if compared {
        cells.push(in_unit(threshold.baseline));
    }
    cells
}

/// The whole text report, as far as there is room.
fn details(out: &mut String, run: &Run) {
    const OPEN: &str = "\n<details><summary>All figures</summary>\n\n<pre>\n";
    const CLOSE: &str = "</pre>\n\n</details>\n";
    const CUT: &str = "... (the rest is in run.json)\n";
    let report = preformatted(&text::render(run, None, Colour::Never));
    let room = LIMIT.saturating_sub(out.len() + OPEN.len() + CUT.len() + CLOSE.len());
    *out += OPEN;
    let mut used = 0;
    for line in report.split_inclusive('\n') {
        used += line.len();
        if used > room {
            *out += CUT;
            break;
        }
        *out += line;
    }
    *out += CLOSE;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::result::{BrokenWindow, ComparedWith};

    #[test]
    fn a_run_that_passed_has_its_load_and_thresholds() {
        let text = markdown(&sample::good());
        let expected = "## PASSED: chat-peak\n\n\
            5,000 subscribers in 50 rooms; 250 publishes/s asked, 250 reached = 25,000 deliveries/s for 60 s  \n\
            arrival after due time  p50 0.8 ms  p99 12 ms  max 41 ms  \n\
            lost 0 of 1,500,000  \n\
            server 38 % of 1 core, fanout 22 %: neither was the limit\n\n\
            |  | threshold | was | limit |\n|---|---|---|---|\n\
            | held | latency.due.p99 &lt; 50ms | 12 ms |  |\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("<details><summary>All figures</summary>") && text.ends_with("</details>\n"));
    }

    #[test]
    fn a_broken_threshold_names_value_limit_and_baseline() {
        let mut run = sample::failed();
        run.thresholds[0].expr = "< 1.5 x baseline".to_owned();
        (run.thresholds[0].baseline, run.thresholds[0].limit) = (Some(6000.0), Some(9000.0));
        run.thresholds[1].broken = Some(BrokenWindow { from_s: 3.0, to_s: 13.0, value: None });
        run.baseline = Some(ComparedWith { path: "results/base".to_owned(), ..ComparedWith::default() });
        let text = markdown(&run);
        assert!(
            text.starts_with("## FAILED: chat-peak\n\n- failed: latency.due.p99 &lt; 1.5 x baseline, it was 12 ms")
        );
        assert!(text.contains("| **FAILED** | latency.due.p99 &lt; 1.5 x baseline | 12 ms | 9 ms | 6 ms |"), "{text}");
        assert!(text.contains("first broken from 3 s to 13 s"), "{text}");
        assert!(text.contains("one run against one is a tripwire and no verdict"), "{text}");
    }

    #[test]
    fn without_a_baseline_the_row_says_so() {
        let mut run = sample::good();
        run.thresholds[0] = ThresholdResult {
            skipped: true,
            why: Some("no --baseline was given".to_owned()),
            ..run.thresholds[0].clone()
        };
        let text = markdown(&run);
        assert!(text.contains("| skipped | latency.due.p99 &lt; 50ms | no --baseline was given |  |"), "{text}");
    }

    #[test]
    fn an_invalid_run_says_so_first() {
        let text = markdown(&sample::invalid());
        assert!(text.starts_with("## INVALID: chat-peak\n\n**The measurement is not valid"), "{text}");
        assert!(text.contains("- what to do: lower the publishers' rate"), "{text}");
    }

    #[test]
    fn it_stays_small_however_much_there_is_to_say() {
        let mut run = sample::failed();
        run.notes = vec!["x".repeat(5000); 20];
        run.thresholds = vec![run.thresholds[0].clone(); 2000];
        run.phases = (0..3000).map(|i| (format!("phase-{i}"), run.phases["steady"].clone())).collect();
        let text = markdown(&run);
        assert!(text.len() < LIMIT, "{}", text.len());
        assert!(text.contains("and 1900 more, in run.json") && text.ends_with("</pre>\n\n</details>\n"));
        assert!(text.contains("(the rest is in run.json)"));
    }

    #[test]
    fn no_name_becomes_markup() {
        let mut run = sample::good();
        run.scenario = serde_json::json!({ "name": "a|b<script>", "variant": "[x](y)" });
        assert!(markdown(&run).starts_with("## PASSED: a\\|b&lt;script> (\\[x\\](y))\n"));
    }
}
