//! The scenario file: TOML in, a validated [`Plan`](crate::plan::Plan) out, or one sentence that says what to change.
//!
//! ```text
//! text, variant, --set ─▶ document ─▶ keys ─▶ file ─▶ build ─▶ Plan
//!                         (spans)    (strict) (serde)  ├ target, groups, publishers, phases, objectives, ab, capacity
//!                                                      └ limits: can this machine do it at all
//! ```
//!
//! Every value keeps its place in the text, so an error points at it, on the command line (`--set`) as well.

mod ab;
mod address;
mod build;
pub mod capacity;
mod dialect;
mod document;
mod error;
mod expand;
mod expected;
mod feeds;
mod file;
mod groups;
mod headers;
mod http;
mod keys;
mod life;
mod limits;
mod listening;
mod measured;
mod objectives;
mod observe;
mod payloads;
mod phases;
mod possible;
mod publishers;
mod quick;
mod reach;
mod redact;
mod resolved;
mod scalar;
mod servers;
mod set;
mod target;
mod tls;
mod value;
mod variants;
mod word;

pub use ab::Ab;
pub use build::{Changes, Scenario, load, open, parse, read};
pub use capacity::Capacity;
pub use error::ScenarioError;
pub use file::File;
pub use limits::{INFLATER_BYTES, Limits, Needs, agents_needed, needs};
pub use listening::{Listening, listening};
pub use measured::Measured;
pub use quick::{Quick, quick};
pub(crate) use redact::masked;
pub use variants::ALL as ALL_VARIANTS;
