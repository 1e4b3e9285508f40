//! The search for the highest load that an objective allows: double until it breaks, bisect with short trials, confirm with full ones.
//!
//! ```text
//! short trials   min ─▶ 2x ─▶ 4x ─▶ 8x (broke)      bisect down to the goal width
//! full trials                         lower bound must hold, upper bound must break, each by two trials of at most three;
//!                                     where full trials contradict short ones, the search goes on with full ones alone
//! ```
//!
//! A search has no state of its own: what to try next follows from the trials so far, so it can be broken off and taken up again, and
//! several objectives share their trials. After MLRsearch (draft-ietf-bmwg-mlrsearch), which RFC 2544's throughput test led to.

/// What is searched: the load goes from `min` to `max`, and bounds are near enough when they are within `width` of each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Lowest load that is tried, above 0.
    pub min: f64,
    /// Highest load that is tried, at least `min`.
    pub max: f64,
    /// Upper bound less lower bound, as a share of the lower one; above 0. 0.05 for 5 %.
    pub width: f64,
    /// What loads there are.
    pub grain: Grain,
}

/// What loads there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Whole numbers, such as connections and bytes.
    Whole,
    /// Any number, such as publishes a second.
    Any,
}

/// How long a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Enough to see where the bound is about.
    Short,
    /// The length at which the bound is claimed.
    Full,
}

/// What a trial says about an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The objective held.
    Held,
    /// It did not.
    Broke,
    /// Nothing: the load generator gave way first, so the run was not valid.
    Invalid,
}

/// A trial, for one objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The load that was tried.
    pub load: f64,
    /// How long.
    pub length: Length,
    /// What came of it.
    pub verdict: Verdict,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Try this load.
    Try(f64, Length),
    /// The bounds are found.
    Done(Bounds),
}

/// What a search has found; loads that were confirmed by full trials.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// The highest load that held; `None`: not even the lowest did.
    pub lower: Option<f64>,
    /// The lowest load above it that did not, and why.
    pub upper: Upper,
}

/// Why there is no higher bound.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "load")]
pub enum Upper {
    /// The objective broke at this load.
    Broke(f64),
    /// The load generator gave way at this load: the server holds *at least* the lower bound.
    LoadGenerator(f64),
    /// Everything up to the end of the range held.
    EndOfRange,
}

/// Full trials that must agree on a bound.
const AGREE: usize = 2;
/// Invalid trials of a load after which the load generator is taken to be the limit there.
const GIVE_UP: usize = 2;

/// What several trials of one load and length say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Said(Verdict),
    Undecided,
}

impl Goal {
    /// What to do next after these trials, in any order.
    #[must_use]
    pub fn next(&self, trials: &[Trial]) -> Step {
        let full = Evidence::of(trials, Length::Full, AGREE);
        if let Some(load) = full.undecided {
            return Step::Try(load, Length::Full);
        }
        match (full.lower, full.upper) {
            (None, None) => self.first_full(trials),
            (Some(lower), None) if lower >= self.max => {
                Step::Done(Bounds { lower: Some(lower), upper: Upper::EndOfRange })
            }
            (None, Some((upper, why))) if upper <= self.min => {
                Step::Done(Bounds { lower: None, upper: above(upper, why) })
            }
            (Some(lower), None) => {
                let near = Evidence::of(trials, Length::Short, 1).upper.map(|(load, _)| load);
                let near = near.filter(|near| *near > lower && self.is_near(lower, *near));
                Step::Try(near.unwrap_or_else(|| self.further(lower, lower * self.stride(full.decided))), Length::Full)
            }
            (None, Some((upper, _))) => Step::Try(self.further(upper, upper / self.stride(full.decided)), Length::Full),
            (Some(lower), Some((upper, why))) => match self.between(lower, upper) {
                Some(load) => Step::Try(load, Length::Full),
                None => Step::Done(Bounds { lower: Some(lower), upper: above(upper, why) }),
            },
        }
    }

    /// Where the short trials lead.
    fn first_full(&self, trials: &[Trial]) -> Step {
        let short = Evidence::of(trials, Length::Short, 1);
        if let Some(load) = short.undecided {
            return Step::Try(load, Length::Short);
        }
        match (short.lower, short.upper) {
            (None, None) => Step::Try(self.min, Length::Short),
            (Some(lower), None) if lower >= self.max => Step::Try(lower, Length::Full),
            (Some(lower), None) => Step::Try(self.on_the_grid(lower * 2.0), Length::Short),
            (None, Some((upper, _))) if upper <= self.min => Step::Try(upper, Length::Full),
            (None, Some(_)) => Step::Try(self.min, Length::Short),
            (Some(lower), Some((upper, _))) => match self.between(lower, upper) {
                Some(load) => Step::Try(load, Length::Short),
                None => Step::Try(lower, Length::Full),
            },
        }
    }

    /// How far to go from a bound that full trials have contradicted: further each time.
    fn stride(&self, decided: usize) -> f64 {
        let doublings = decided.saturating_sub(1).min(16) as i32;
        (1.0 + self.width).powf(2f64.powi(doublings)).min(2.0)
    }

    fn is_near(&self, lower: f64, upper: f64) -> bool {
        // A grid of whole numbers may not reach the width exactly.
        upper <= lower * (1.0 + self.width) * (1.0 + 1e-9)
    }

    /// The load in the middle of two that are not near enough, if there is one.
    fn between(&self, lower: f64, upper: f64) -> Option<f64> {
        if self.is_near(lower, upper) {
            return None;
        }
        let middle = self.on_the_grid((lower * upper).sqrt());
        (lower < middle && middle < upper).then_some(middle)
    }

    /// A load that is not the one just tried, however narrow the goal.
    fn further(&self, from: f64, to: f64) -> f64 {
        let load = self.on_the_grid(to);
        if load == from { self.on_the_grid(from + (to - from).signum()) } else { load }
    }

    fn on_the_grid(&self, load: f64) -> f64 {
        let load = match self.grain {
            Grain::Whole => load.round(),
            // Three digits are enough to say what was tried, and the same load comes again after a resume.
            Grain::Any => {
                let scale = 10f64.powi(3 - load.abs().log10().floor() as i32);
                (load * scale).round() / scale
            }
        };
        load.clamp(self.min, self.max)
    }
}

fn above(load: f64, why: Verdict) -> Upper {
    match why {
        Verdict::Invalid => Upper::LoadGenerator(load),
        Verdict::Held | Verdict::Broke => Upper::Broke(load),
    }
}

/// What the trials of one length say together.
struct Evidence {
    /// The lowest load that did not hold, and why.
    upper: Option<(f64, Verdict)>,
    /// The highest load below it that held.
    lower: Option<f64>,
    /// A load that has been tried, but not often enough.
    undecided: Option<f64>,
    /// Loads of which enough is known.
    decided: usize,
}

impl Evidence {
    fn of(trials: &[Trial], length: Length, agree: usize) -> Self {
        let mut loads: Vec<f64> = trials.iter().filter(|t| t.length == length).map(|t| t.load).collect();
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        let words: Vec<(f64, Word)> = loads.iter().map(|load| (*load, word(trials, *load, length, agree))).collect();
        let upper = words.iter().find_map(|(load, word)| match word {
            Word::Said(why @ (Verdict::Broke | Verdict::Invalid)) => Some((*load, *why)),
            _ => None,
        });
        let below = |load: f64| upper.is_none_or(|(upper, _)| load < upper);
        let held = |word: &Word| *word == Word::Said(Verdict::Held);
        Self {
            lower: words.iter().rev().find(|(load, word)| held(word) && below(*load)).map(|(load, _)| *load),
            undecided: words.iter().find(|(_, word)| *word == Word::Undecided).map(|(load, _)| *load),
            decided: words.iter().filter(|(_, word)| *word != Word::Undecided).count(),
            upper,
        }
    }
}

fn word(trials: &[Trial], load: f64, length: Length, agree: usize) -> Word {
    let count =
        |verdict| trials.iter().filter(|t| t.load == load && t.length == length && t.verdict == verdict).count();
    if count(Verdict::Held) >= agree {
        Word::Said(Verdict::Held)
    } else if count(Verdict::Broke) >= agree {
        Word::Said(Verdict::Broke)
    } else if count(Verdict::Invalid) >= GIVE_UP {
        Word::Said(Verdict::Invalid)
    } else {
        Word::Undecided
    }
}

#[cfg(test)]
mod tests;
