//! The variants of a scenario side by side, as a page.

use maud::{Markup, html};

use super::environment::machine;
use super::setting::{CLASSES, Setting};
use super::storm::{handshakes, open_again};
use super::table::{aside, table};
use super::{shell, spectra};
use crate::compare::differing;
use crate::report::Verdict;
use crate::report::batch::beside::{explained, heads, rows};
use crate::report::batch::{Arm, Attempt, Batch, Standing};
use crate::report::numbers::plural;
use crate::report::text::sentences::load;
use crate::result::Run;

/// `variants.html`.
#[must_use]
pub fn variants(batch: &Batch) -> String {
    let arms = batch.arms();
    let settings = settings(&arms);
    let drawn = [open_again(&settings), handshakes(&settings)];
    let storm =
        drawn.iter().any(Option::is_some).then(|| html! { @for chart in drawn.into_iter().flatten() { (chart) } });
    let heads = heads(batch);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let beside = html! {
        (table(&heads, &rows(batch)))
        (aside(&explained(batch)))
        @if let Some(more) = arms.len().checked_sub(settings.len()).filter(|more| *more > 0) {
            (aside(&format!("{} not drawn below.", if more == 1 { "1 variant is".to_owned() } else { format!("{more} variants are") })))
        }
    };
    let runs: Vec<&Run> = batch.attempts().iter().filter_map(Attempt::run).collect();
    shell::page(
        &format!("{} {}, {}, fanout", batch.word(), batch.name(), batch.extent()),
        &header(batch, runs.first().copied()),
        vec![
            ("beside", "Variants side by side", Some(beside)),
            ("storm", "How connections came back", storm),
            ("spectra", "Percentile spectra", spectra::section(&settings)),
            ("changes", "What differs in the scenario", changes(&arms)),
            ("runs", "Runs", Some(made(batch))),
            ("environment", "Measured on", runs.first().map(|run| machine(&run.environment))),
        ],
    )
}

/// What is drawn: the variants that have runs, as many as can be told apart.
fn settings<'b>(arms: &[Arm<'b>]) -> Vec<Setting<'b>> {
    let there = arms.iter().map(|arm| (arm.name, arm.counted())).filter(|(_, runs)| !runs.is_empty());
    there.zip(CLASSES).map(|((name, runs), class)| Setting { class, name, runs }).collect()
}

fn header(batch: &Batch, first: Option<&Run>) -> Markup {
    let (class, mark) = match (batch.passed(), batch.failed()) {
        (true, _) => ("good", "✓"),
        (false, true) => ("bad", "✗"),
        (false, false) => ("doubt", "!"),
    };
    html! {
        header {
            h1 class=(class) { span class="verdict" { (mark) " " (batch.word()) } " " (batch.name()) ", " (batch.extent()) ": " (batch.outcomes()) }
            @if let Some(run) = first { p class="sentence" { "the first of them: " (load(run)) } }
        }
    }
}

/// Keys of the scenario that the variants do not have in common.
fn changes(arms: &[Arm<'_>]) -> Option<Markup> {
    let there = arms.iter().filter_map(|arm| Some((arm.name, arm.counted().first().copied()?)));
    let (names, scenarios): (Vec<&str>, Vec<&serde_json::Value>) =
        there.map(|(name, run)| (name, &run.scenario)).unzip();
    let rows: Vec<Vec<String>> = differing(&scenarios)
        .into_iter()
        .map(|(key, values)| {
            let shown = values.into_iter().map(|value| if value.is_empty() { "-".to_owned() } else { value });
            std::iter::once(key).chain(shown).collect()
        })
        .collect();
    let heads: Vec<&str> = std::iter::once("").chain(names).collect();
    (!rows.is_empty()).then(|| table(&heads, &rows))
}

/// Each run with its verdict, and the way to its page.
fn made(batch: &Batch) -> Markup {
    html! {
        div class="scroll said" {
            table {
                tbody {
                    @for attempt in batch.attempts() {
                        @let (class, mark) = look(attempt.standing());
                        tr {
                            th scope="row" {
                                @if attempt.run().is_some() {
                                    a href={ (attempt.which.label()) "/report.html" } { (attempt.which.label()) }
                                } @else { (attempt.which.label()) }
                            }
                            td class=(class) { (mark) " " (attempt.standing().word()) }
                            td { (attempt.why()) }
                        }
                    }
                }
            }
        }
        (aside(&format!("{}; the report of each is in the folder of its name.", plural(batch.len() as u64, "run"))))
    }
}

fn look(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Judged(Verdict::Passed) => ("good", "✓"),
        Standing::NotMade | Standing::Judged(Verdict::Failed) => ("bad", "✗"),
        Standing::Judged(Verdict::Invalid | Verdict::Interrupted) => ("doubt", "!"),
    }
}
