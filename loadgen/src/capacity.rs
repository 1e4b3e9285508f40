//! Pure: `fanout capacity`: the highest load at which objectives hold, what gave way above it, and what the load costs.
//!
//! | file | holds |
//! |---|---|
//! | `axis` | what is raised, and the changes to the scenario that raise it |
//! | `objective` | what must hold, and what a run says about it |
//! | `trial` | what is kept of a run, a line of `trials.jsonl` |
//! | `cause` | which resource gave way in a trial that broke |
//! | `survey` | several objectives searched with the same trials |
//! | `effort` | how long that takes, about |
//! | `outcome` | everything found, as `capacity.json` has it |
//!
//! The search itself is `analyse::search`, the fit `analyse::scaling`.

mod axis;
mod cause;
mod effort;
mod objective;
mod outcome;
mod survey;
mod trial;

pub use axis::{Axis, AxisError, Shortened};
pub use cause::{Cause, Resource};
pub use effort::{Effort, Lengths};
pub use objective::Objective;
pub use outcome::{Costs, Found, Outcome, Scaling};
pub use survey::{Next, Survey};
pub use trial::{Missed, Trial};
