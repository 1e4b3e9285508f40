//! The HTTP side of the control thread: requests that are answered, or become a WebSocket or an event stream.
//!
//! | file | holds |
//! |---|---|
//! | `site` | what all connections share, and who answers which request |
//! | `upgrade` | the WebSocket handshake |
//! | `sse` | the beginning of an event stream |
//! | `page` | the page to try a room in a browser |
//! | `preflight` | what browsers ask before a page of another origin may send a token |
//! | `visitor` | who sends a request, and whether they may: origin, address, token |
//! | `answer` | answers that stay HTTP |
//! | `answers` | how much memory answers to long polls may take |
//! | `deadline` | by when a request must be answered |
//! | `poll` | long polling |
//! | `operators` | who may use the operators' routes, and which there are |
//! | `publish` | a message to a room by POST |
//! | `rooms`, `clients` | listing and closing |
//! | `metrics` | `/stats` and `/metrics` |

pub(crate) mod answer;
mod answers;
mod clients;
mod deadline;
mod metrics;
mod operators;
mod page;
mod poll;
mod preflight;
mod publish;
mod rooms;
mod site;
mod sse;
mod upgrade;
mod visitor;

pub use deadline::{Deadline, OutOfTime};
pub use site::{Polled, Progress, Side, Site};
pub use visitor::Rules;
