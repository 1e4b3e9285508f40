//! Several runs that one command made of a scenario: its variants, each once or several times, and what they say side by side.
//!
//! ```text
//! Batch ─┬─▶ text      the end of what the terminal shows
//!        ├─▶ markdown  summary.md in the folder that has theirs, and the job summary of a CI
//!        ├─▶ junit     junit.xml beside it (`report/junit`)
//!        └─▶ html      variants.html, of two or more variants (`report/html`)
//!
//! beside: the table of variants        spread: medians over the runs of one        tally: all batches of a command
//! ```

pub(in crate::report) mod beside;
mod markdown;
mod spread;
mod tally;
#[cfg(test)]
mod tests;
mod text;

use quick_junit::SerializeError;

pub use markdown::markdown;
pub use tally::tally;
pub use text::render;

use super::numbers::plural;
use super::text::sentences::reasons;
use super::{Verdict, html, junit};
use crate::result::Run;

/// Which of the runs of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Of the file; `None`: the file as it is.
    pub variant: Option<String>,
    /// Which of several of the same it is, from 1; `None`: the only one.
    pub number: Option<u32>,
}

impl Which {
    /// The folders that its files are in, one in the other, below that of the batch; none: it is the only run.
    #[must_use]
    pub fn folders(&self) -> Vec<String> {
        self.variant.iter().cloned().chain(self.number.map(|number| format!("{number:02}"))).collect()
    }

    /// `no-jitter/02`: as its folder is called.
    #[must_use]
    pub fn label(&self) -> String {
        self.folders().join("/")
    }
}

/// A run that was begun.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which it is.
    pub which: Which,
    /// What it measured, or why there is nothing, in a sentence.
    pub made: Result<Box<Run>, String>,
}

impl Attempt {
    pub(in crate::report) fn standing(&self) -> Standing {
        match &self.made {
            Err(_) => Standing::NotMade,
            Ok(run) => Standing::Judged(Verdict::of(run)),
        }
    }

    pub(in crate::report) fn run(&self) -> Option<&Run> {
        self.made.as_deref().ok()
    }

    /// Why it did not pass.
    pub(in crate::report) fn why(&self) -> String {
        match &self.made {
            Err(why) => why.clone(),
            Ok(run) if run.interrupted => "it was interrupted".to_owned(),
            Ok(run) => reasons(run).join("; "),
        }
    }
}

/// What came of a run, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Standing {
    NotMade,
    Judged(Verdict),
}

impl Standing {
    const ALL: [Self; 5] = [
        Self::NotMade,
        Self::Judged(Verdict::Failed),
        Self::Judged(Verdict::Invalid),
        Self::Judged(Verdict::Interrupted),
        Self::Judged(Verdict::Passed),
    ];

    pub(in crate::report) fn word(self) -> &'static str {
        match self {
            Self::NotMade => "NOT RUN",
            Self::Judged(verdict) => verdict.word(),
        }
    }

    pub(in crate::report) fn passed(self) -> bool {
        self == Self::Judged(Verdict::Passed)
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|other| *other == self).unwrap_or_default()
    }
}

/// The runs of one variant, or of the file as it is.
#[derive(Debug)]
pub(in crate::report) struct Arm<'b> {
    /// Its variant, or the scenario.
    pub(in crate::report) name: &'b str,
    pub(in crate::report) attempts: Vec<&'b Attempt>,
}

impl<'b> Arm<'b> {
    /// The runs that figures are taken from: those that are valid and went to their end, or, where there is none, all others.
    pub(in crate::report) fn counted(&self) -> Vec<&'b Run> {
        let all = || self.attempts.iter().filter_map(|attempt| attempt.run());
        let good: Vec<&Run> = all().filter(|run| run.validity.valid && !run.interrupted).collect();
        if good.is_empty() { all().collect() } else { good }
    }

    /// What came of them, the gravest: `PASSED`; of several `FAILED 1 of 3`.
    pub(in crate::report) fn verdict(&self) -> String {
        let worst = Standing::ALL.into_iter().find(|standing| self.count(*standing) > 0).unwrap_or(Standing::NotMade);
        match self.attempts.len() {
            1 => worst.word().to_owned(),
            all => format!("{} {} of {all}", worst.word(), self.count(worst)),
        }
    }

    fn count(&self, standing: Standing) -> usize {
        self.attempts.iter().filter(|attempt| attempt.standing() == standing).count()
    }
}

/// The runs of a scenario, in the order in which they were made.
#[derive(Debug, Clone)]
pub struct Batch {
    name: String,
    /// How many runs there were to be.
    asked: usize,
    attempts: Vec<Attempt>,
}

impl Batch {
    /// An empty one, of a scenario of which so many runs are to be made.
    #[must_use]
    pub fn new(name: &str, asked: usize) -> Self {
        Self { name: name.to_owned(), asked, attempts: Vec::new() }
    }

    /// Adds a run, or why there is none.
    pub fn push(&mut self, which: Which, made: Result<Run, String>) {
        self.attempts.push(Attempt { which, made: made.map(Box::new) });
    }

    /// How many runs were begun.
    #[must_use]
    pub fn len(&self) -> usize {
        self.attempts.len()
    }

    /// Whether none was begun.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    /// Each run, or why there is none.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Name of the scenario.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The run, where only one was asked for and made.
    #[must_use]
    pub fn only(&self) -> Option<&Run> {
        match self.attempts.as_slice() {
            [only] if self.asked == 1 => only.run(),
            _ => None,
        }
    }

    /// By variant, in the order of the first run of each.
    pub(in crate::report) fn arms(&self) -> Vec<Arm<'_>> {
        let mut arms: Vec<Arm<'_>> = Vec::new();
        for attempt in &self.attempts {
            let name = attempt.which.variant.as_deref().unwrap_or(&self.name);
            match arms.iter_mut().find(|arm| arm.name == name) {
                Some(arm) => arm.attempts.push(attempt),
                None => arms.push(Arm { name, attempts: vec![attempt] }),
            }
        }
        arms
    }

    /// Whether all that were asked for were made and passed.
    pub(in crate::report) fn passed(&self) -> bool {
        self.len() == self.asked && self.attempts.iter().all(|attempt| attempt.standing().passed())
    }

    /// Whether one failed or could not be made; others may be invalid, which says nothing about the server.
    pub(in crate::report) fn failed(&self) -> bool {
        let grave = [Standing::NotMade, Standing::Judged(Verdict::Failed)];
        self.attempts.iter().any(|attempt| grave.contains(&attempt.standing()))
    }

    /// `PASSED` or `NOT ALL PASSED`; `FAILED` and the like where there is only one.
    pub(in crate::report) fn word(&self) -> &'static str {
        match self.attempts.as_slice() {
            [only] if self.asked == 1 => only.standing().word(),
            _ if self.passed() => "PASSED",
            _ => "NOT ALL PASSED",
        }
    }

    /// `4 variants`, `3 runs`, `4 variants, 12 runs`.
    pub(in crate::report) fn extent(&self) -> String {
        let runs = plural(self.len() as u64, "run");
        let made = if self.len() < self.asked {
            format!("{} of {}", self.len(), plural(self.asked as u64, "run"))
        } else {
            runs
        };
        match self.arms().len() {
            1 => made,
            arms if arms == self.asked => plural(arms as u64, "variant"),
            arms => format!("{}, {made}", plural(arms as u64, "variant")),
        }
    }

    /// `3 passed, 1 failed, 1 invalid`.
    pub(in crate::report) fn outcomes(&self) -> String {
        let count = |standing: Standing| self.attempts.iter().filter(|attempt| attempt.standing() == standing).count();
        let counted = Standing::ALL.into_iter().rev().map(|standing| (standing, count(standing)));
        let said =
            counted.filter(|(_, n)| *n > 0).map(|(standing, n)| format!("{n} {}", standing.word().to_lowercase()));
        said.collect::<Vec<_>>().join(", ")
    }

    /// The gravest first, else in the order in which they were made.
    fn gravest_first(&self) -> Vec<&Attempt> {
        let mut all: Vec<&Attempt> = self.attempts.iter().collect();
        all.sort_by_key(|attempt| attempt.standing().place());
        all
    }
}

/// The files of the folder that has those of all runs, by their names.
///
/// # Errors
/// As [`junit::documents`].
pub fn contents(batch: &Batch) -> Result<Vec<(&'static str, String)>, SerializeError> {
    let mut all = vec![("summary.md", markdown(batch)), ("junit.xml", junit::documents(std::slice::from_ref(batch))?)];
    all.extend((batch.arms().len() > 1).then(|| (VARIANTS, html::variants(batch))));
    Ok(all)
}

/// The page of the variants side by side.
const VARIANTS: &str = "variants.html";
