//! Flags, environment and file to one validated [`Config`].
//!
//! | file | holds |
//! |---|---|
//! | `flags` | every flag, as it is written; environment and file by the same names |
//! | `units` | sizes and durations with their units |
//! | `engine` | which engine, and the flags that mean nothing to it |
//! | `rates` | limits on what clients send |
//! | `compression` | who is sent compressed messages, and what compressors may cost |
//! | `security` | origins, tokens, proxies, TLS |
//! | `check` | `Config`: what the flags mean, or which one is wrong and how to put it right |

mod check;
mod compression;
mod engine;
mod flags;
mod rates;
mod security;
mod units;

pub use check::{Config, ConfigError};
pub use engine::Engine;
pub use flags::Flags;
pub use security::Security;
pub use units::{Size, Span};
