//! Pure: `fanout plan`: how many servers a load takes, from what runs and capacity searches have measured.
//!
//! ```text
//! runs, capacity searches ─▶ evidence ─┬─▶ observation   what a run says about the server's costs
//!                                      └─▶ confirmed     how busy a server was while its objective still held
//! flags ─▶ asked ─▶ models (analyse::linear) ─▶ servers ─▶ outcome, which plan.json has
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `load` | what one server, or all of them, have to do |
//! | `observation` | a run as a level of load with its costs |
//! | `confirmed` | bounds of capacity searches, and levels of runs that held |
//! | `evidence` | all of them, of one machine and one server |
//! | `asked` | the load that is planned for, with what was left out filled in |
//! | `basis` | whether a figure is measured, interpolated or extrapolated |
//! | `models` | CPU, memory and bytes as functions of load |
//! | `fitted` | what CPU was fitted to, and how far the fit is from it |
//! | `servers` | the fewest servers, and what gives way first |
//! | `costs` | prices |
//! | `outcome` | everything together |

mod asked;
mod basis;
#[cfg(test)]
mod committed_tests;
mod confirmed;
mod costs;
mod evidence;
mod fitted;
mod load;
mod models;
mod observation;
mod outcome;
mod servers;
#[cfg(test)]
pub(crate) mod tests;

pub use asked::{Asked, Machine, Prices, Wanted};
pub use basis::{Basis, Beyond, FAR, Figure};
pub use confirmed::Confirmed;
pub use costs::Costs;
pub use evidence::{Evidence, Refusal, Source, What};
pub use fitted::{Fitted, Miss};
pub use load::Load;
pub use models::Kept;
pub use observation::Observation;
pub use outcome::{Curve, Point, Sizing, Traffic};
pub use servers::{Lawful, Need, Scarce, Servers};
