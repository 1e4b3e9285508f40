//! Two settings side by side, as a page.

use maud::{Markup, html};

use super::forest;
use super::setting::Setting;
use super::shell;
use super::spectra;
use super::table::{aside, table};
use crate::compare::{Arm, Comparison, Standing, Trial};
use crate::report::comparison::cells::{
    HEADS, arm, difference, equal, explained, opening, recommended, row, uncompared, word,
};

const WORDS: [(&str, &str); 6] = [
    ("a, b", "The two settings. a is what is compared to."),
    (
        "block",
        "One run of each, made one after the other, so that what changes slowly on the machine changes for both.",
    ),
    ("b / a", "The ratio: 1 is no difference, 2 twice as much, 0.5 half as much."),
    (
        "95 %",
        "The interval in which the ratio lies in 95 of 100 such comparisons, found by drawing from the runs again (bootstrap).",
    ),
    ("p", "How often chance alone would give a difference this large, corrected for the number of metrics (Holm)."),
    ("~", "No difference can be told from noise; in brackets the smallest one that would have been seen."),
];

/// `comparison.html`; the trials, where they are known, give the percentile spectra.
#[must_use]
pub fn comparison(comparison: &Comparison, trials: &[Trial]) -> String {
    let list = |items: Vec<String>| (!items.is_empty()).then(|| html! { ul { @for item in &items { li { (item) } } } });
    let runs = [arm("a", &comparison.a), arm("b", &comparison.b)].into_iter().chain(recommended(comparison)).collect();
    let changes: Vec<Vec<String>> = comparison
        .changes
        .iter()
        .map(|c| [&c.key, &c.a, &c.b].map(|cell| if cell.is_empty() { "-".to_owned() } else { cell.clone() }).to_vec())
        .collect();
    shell::page(
        &format!("{} {}, fanout", word(comparison), comparison.scenario),
        &header(comparison),
        vec![
            ("expectations", "Expectations", expectations(comparison)),
            ("metrics", "Metrics", metrics(comparison)),
            ("spectra", "Percentile spectra", spectra::section(&settings(trials))),
            ("without", "Without a ratio", list(comparison.uncompared.iter().map(uncompared).collect())),
            (
                "changes",
                "What differs in the scenario",
                (!changes.is_empty()).then(|| table(&["", "a", "b"], &changes)),
            ),
            ("runs", "Runs", list(runs)),
            ("notes", "Notes", list(comparison.notes.clone())),
            (
                "glossary",
                "Glossary",
                Some(
                    html! { dl class="glossary" { @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } } } },
                ),
            ),
        ],
    )
}

/// Both, with their valid runs.
fn settings(trials: &[Trial]) -> [Setting<'_>; 2] {
    [(Arm::A, "first", "a"), (Arm::B, "second", "b")].map(|(arm, class, name)| {
        let valid = trials.iter().filter(|trial| trial.arm == arm && trial.run.validity.valid);
        Setting { class, name, runs: valid.map(|trial| &trial.run).collect() }
    })
}

fn header(comparison: &Comparison) -> Markup {
    let (class, mark) = match comparison.exit_code() {
        0 => ("good", "✓"),
        3 => ("bad", "✗"),
        _ => ("doubt", "!"),
    };
    html! {
        header {
            h1 class=(class) { span class="verdict" { (mark) " " (word(comparison)) } " " (opening(comparison)) }
            @if !comparison.environment.is_empty() {
                div class="loud" {
                    p class="bad" { b { "The machine was not the same for all runs" } }
                    @for found in &comparison.environment { p { (difference(found)) } }
                }
            }
            p class="sentence" { (comparison.summary) }
            @if let Some(why) = &comparison.ended_early { p class="remark" { "ended early: " (why) } }
        }
    }
}

fn expectations(comparison: &Comparison) -> Option<Markup> {
    if comparison.expectations.is_empty() {
        return None;
    }
    Some(html! {
        div class="scroll" {
            table {
                tbody {
                    @for outcome in &comparison.expectations {
                        tr {
                            @match outcome.standing {
                                Standing::Held => th scope="row" class="good" { "✓ held" },
                                Standing::Broken => th scope="row" class="bad" { "✗ broken" },
                            }
                            td class="words" { (outcome.expectation) }
                            td class="words" { (outcome.said) }
                        }
                    }
                }
            }
        }
    })
}

fn metrics(comparison: &Comparison) -> Option<Markup> {
    if comparison.metrics.is_empty() && comparison.equal.is_empty() {
        return None;
    }
    let rows: Vec<Vec<String>> = comparison.metrics.iter().map(|metric| row(comparison, metric)).collect();
    Some(html! {
        @if !rows.is_empty() {
            (forest::plot(&comparison.metrics))
            (table(&HEADS, &rows))
            (aside(explained(comparison)))
        }
        @if !comparison.equal.is_empty() { p { "Equal in every run: " (equal(comparison)) } }
    })
}
