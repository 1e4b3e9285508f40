//! What goes wrong in the field, always beside clients that are well: what they receive must be complete and in order throughout.
//!
//! Readers that stop, under each lag policy, are in `slow.rs` beside this folder.
//!
//! | file | what goes wrong |
//! |---|---|
//! | `half_open` | peers that vanish without a FIN: nothing that is sent to them arrives any more |
//! | `vanishing` | half of a crowd is reset at once while others arrive; processes of clients are killed |
//! | `slowloris` | handshakes and frames of a byte now and then, and whole conversations byte by byte |
//! | `malformed` | thousands of conversations with random damage |
//! | `churn` | connections that come and go by the ten thousand |
//! | `descriptors` | none is left |
//! | `stopping` | SIGTERM under load |
//! | `witness` | the clients that are well |
//! | `crowd` | many clients without a thread each |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

#[path = "../common/mod.rs"]
mod common;

mod churn;
mod crowd;
mod descriptors;
mod half_open;
mod malformed;
mod slowloris;
mod stopping;
mod vanishing;
mod witness;
