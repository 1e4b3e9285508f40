//! Two settings side by side: which runs are made, in what order, and what they say together. Pure.
//!
//! ```text
//! schedule     AB or BA, block by block; what is repeated when a run was invalid
//!    ▼ runs
//! figures      which figures of a run are compared, and which way is good
//! differences  what else differed: the machine (must not), the scenario (what was changed)
//!    ▼ analyse::judge
//! comparison   all of it as one value: comparison.json
//!   expectation   "METRIC <= 1.05 x a": held or broken
//!   runs          how many counted, and what went wrong in the others
//!   sentence      what a manager wants to know
//! earlier      the baseline of a single run
//! ways         off, standalone and shared compression beside each other
//!   advice       which of them to take, in a sentence
//! ```

mod advice;
mod comparison;
mod differences;
mod earlier;
mod expectation;
mod figures;
mod runs;
mod schedule;
mod sentence;
#[cfg(test)]
pub(crate) mod tests;
mod ways;

pub use advice::{money, pays};
pub use comparison::{Asked, Compared, Comparison, Design, Names, Trial, Uncompared};
pub use differences::{Change, Difference, Scope, between, differing};
pub use earlier::{Found, Planned, baseline};
pub use expectation::{Bound, Expectation, ExpectationError, Outcome, Standing};
pub use figures::{Figure, Kind, shown};
pub use runs::ArmRuns;
pub use schedule::{Arm, Quality, Schedule, Turn};
pub use ways::{Against, BreakEven, Column, FIGURES, Tariff, Ways};

/// Valid runs an arm where nobody says how many: the fewest that allow a verdict.
pub const DEFAULT_RUNS: u32 = 10;

/// The change that the recommended number of runs is for.
pub const GOAL: f64 = 0.05;
