//! What is drawn over each other: settings, each with its line and its runs.

use crate::result::Run;

/// Lines that can be told apart, also without colours. What has none of them is in the tables only.
pub(super) const CLASSES: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

/// A setting, and the runs of it that count.
#[derive(Debug)]
pub(super) struct Setting<'r> {
    /// Class of its lines in the style sheet.
    pub(super) class: &'static str,
    pub(super) name: &'r str,
    pub(super) runs: Vec<&'r Run>,
}

impl<'r> Setting<'r> {
    /// A run by itself, whose line needs no name.
    pub(super) fn only(run: &'r Run) -> Self {
        Self { class: CLASSES[0], name: "", runs: vec![run] }
    }

    /// The run that is drawn where only one can be: the middle one by the time until 99 % were back.
    pub(super) fn typical(&self) -> Option<&'r Run> {
        let mut runs = self.runs.clone();
        let back = |run: &Run| run.reconnect.back_99.unwrap_or(f64::INFINITY);
        runs.sort_by(|a, b| back(a).total_cmp(&back(b)));
        runs.get(runs.len().saturating_sub(1) / 2).copied()
    }
}

/// Which line is whose; nothing where there is only one.
pub(super) fn legend<'s>(settings: impl Iterator<Item = (&'static str, &'s str)>) -> Vec<(&'static str, &'s str)> {
    let all: Vec<_> = settings.collect();
    if all.len() > 1 { all } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn of_several_runs_the_middle_one_is_drawn_and_never_is_last() {
        let runs: Vec<Run> = [Some(3.0), None, Some(1.0), Some(2.0)]
            .into_iter()
            .map(|back| {
                let mut run = sample::returned();
                run.reconnect.back_99 = back;
                run
            })
            .collect();
        let typical = |n: usize| {
            let setting = Setting { class: "first", name: "a", runs: runs[..n].iter().collect() };
            setting.typical().map(|run| run.reconnect.back_99)
        };
        assert_eq!([0, 1, 2, 4].map(typical), [None, Some(Some(3.0)), Some(Some(3.0)), Some(Some(2.0))]);
    }
}
