//! The earlier run that thresholds such as `< 1.5 x baseline` compare with, or why there is none.

use serde_json::Value;

use crate::result::ComparedWith;

/// An earlier run, or why there is none. By default none was given.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    about: Option<ComparedWith>,
    /// As the JSON of `run.json`; null where it cannot be used.
    run: Value,
    need: Need,
}

/// What becomes of thresholds that have no baseline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Need {
    /// They are skipped.
    #[default]
    Optional,
    /// They are broken.
    Required,
}

/// Why a figure of the baseline is not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// In a sentence.
    pub why: String,
    /// `--require-baseline`.
    pub is_required: bool,
}

impl Baseline {
    /// A run that can be compared with.
    #[must_use]
    pub fn new(about: ComparedWith, run: Value) -> Self {
        Self { about: Some(about), run, need: Need::Optional }
    }

    /// One that cannot: `about` says why, or where it was looked for.
    #[must_use]
    pub fn unusable(about: ComparedWith) -> Self {
        Self { about: Some(about), ..Self::default() }
    }

    /// Makes what it lacks break thresholds.
    #[must_use]
    pub fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// What `run.json` says of it.
    #[must_use]
    pub fn about(&self) -> Option<&ComparedWith> {
        self.about.as_ref()
    }

    /// A figure of it.
    ///
    /// # Errors
    /// Where there is no baseline, or none that has this figure.
    pub fn figure(&self, metric: &str) -> Result<f64, Missing> {
        let figure = metric.split('.').try_fold(&self.run, |at, key| at.get(key)).and_then(Value::as_f64);
        figure.ok_or_else(|| {
            let why = match &self.about {
                None => "no --baseline was given".to_owned(),
                Some(ComparedWith { unused: Some(why), .. }) => why.clone(),
                Some(_) => "the baseline has no such figure".to_owned(),
            };
            Missing { why, is_required: self.need == Need::Required }
        })
    }
}
