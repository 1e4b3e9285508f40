//! Flags, environment and file to one validated [`Config`].
//!
//! | file | holds |
//! |---|---|
//! | `flags` | every flag, as it is written; environment and file by the same names |
//! | `units` | sizes and durations with their units |
//! | `check` | `Config`: what the flags mean, or which one is wrong and how to put it right |

mod check;
mod flags;
mod units;

pub use check::{Config, ConfigError};
pub use flags::Flags;
pub use units::{Size, Span};
