//! Pure: what several runs say together.
//!
//! The sample is the run, never the message: the messages of one run share its machine, its minute and its luck, so a million of them are
//! one observation. Two settings are compared run by run, in blocks that were measured side by side.
//!
//! | file | holds |
//! |---|---|
//! | `effect` | one metric of two arms: ratio, interval, p and what could have been seen |
//! | `verdicts` | many metrics at once, corrected for there being many |
//! | `wilcoxon` | the signed-rank test of paired values |
//! | `mann_whitney` | the rank-sum test of unpaired values |
//! | `holm` | the correction for several tests |
//! | `scaling` | the Universal Scalability Law |
//! | `linear` | costs that grow in proportion, and what they will be elsewhere |
//! | `least_squares`, `student` | what both stand on |
//! | `search` | the highest load that an objective allows |
//! | `bootstrap` | medians and their intervals |
//! | `change_points` | where a series of runs changed |
//! | `ranks`, `normal` | what the tests stand on |

mod bootstrap;
mod change_points;
mod effect;
mod holm;
mod least_squares;
mod linear;
mod mann_whitney;
mod normal;
mod ranks;
pub mod scaling;
pub mod search;
mod student;
mod verdicts;
mod wilcoxon;

pub use bootstrap::{Interval, bootstrap_median, bootstrap_ratio, median};
pub use change_points::{ChangePoint, LEAST_SIDE, change_points};
pub use effect::{Effect, LEAST_BLOCKS};
pub use holm::holm;
pub use linear::{Estimate, Linear};
pub use mann_whitney::mann_whitney;
pub use verdicts::{Better, Finding, Metric, Sample, Verdict, judge};
pub use wilcoxon::signed_rank;
